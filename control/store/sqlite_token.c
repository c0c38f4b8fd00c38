/* SPDX-License-Identifier: BSD-3-Clause */
/* Bearer tokens. Written by rest/, looked up by http/ on each request that brings one: in memory,
 * since the thread may have the connection. Owns what is there. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "sqlite.h"

static int token_compare(const struct token_entry *a, const struct token_entry *b)
{
	return strcmp(a->token.hash, b->token.hash);
}

RB_PROTOTYPE(token_tree, token_entry, link, token_compare)
RB_GENERATE(token_tree, token_entry, link, token_compare)

static void remember(struct store *store, const struct store_token *token)
{
	struct token_entry *entry = xmalloc(sizeof(*entry));

	entry->token = *token;
	if (RB_INSERT(token_tree, &store->tokens, entry)) /* its hash is UNIQUE */
		free(entry);
}

static int load_one(const struct store_token *token, void *arg)
{
	remember(arg, token);
	return 0;
}

int tokens_load(struct store *store)
{
	return store_tokens(store, load_one, store);
}

void tokens_free(struct store *store)
{
	struct token_entry *entry, *next;

	RB_FOREACH_SAFE (entry, token_tree, &store->tokens, next) {
		RB_REMOVE(token_tree, &store->tokens, entry);
		free(entry);
	}
}

int store_token_add(struct store *store, const struct store_token *token)
{
	int err = sync_err(store);

	if (!err)
		err = sql_run(store, ST_TOKEN_ADD, "tttttii", token->id, token->name, token->role,
			token->tenant, token->hash, token->created_us, token->expires_us);
	if (!err)
		remember(store, token);
	return err;
}

int store_token_find(struct store *store, const char *hash, struct store_token *out)
{
	const struct token_entry *entry;
	struct token_entry like;

	snprintf(like.token.hash, sizeof(like.token.hash), "%s", hash);
	entry = RB_FIND(token_tree, &store->tokens, &like);
	if (!entry)
		return -ENOENT;
	*out = entry->token;
	return 0;
}

static void forget(struct store *store, const char *id)
{
	struct token_entry *entry, *next;

	RB_FOREACH_SAFE (entry, token_tree, &store->tokens, next) {
		if (strcmp(entry->token.id, id))
			continue;
		RB_REMOVE(token_tree, &store->tokens, entry);
		free(entry);
	}
}

int store_token_delete(struct store *store, const char *id)
{
	int err = sync_err(store);

	if (!err)
		err = sql_run(store, ST_TOKEN_DELETE, "t", id);
	if (!err && sqlite3_changes(store->db) == 0)
		err = -ENOENT;
	if (!err)
		forget(store, id);
	return err;
}

struct listing {
	int (*each)(const struct store_token *token, void *arg);
	void *arg;
};

static int token_row(sqlite3_stmt *stmt, void *arg)
{
	const struct listing *listing = arg;
	struct store_token token;

	snprintf(token.id, sizeof(token.id), "%s", sql_text(stmt, 0));
	snprintf(token.name, sizeof(token.name), "%s", sql_text(stmt, 1));
	snprintf(token.role, sizeof(token.role), "%s", sql_text(stmt, 2));
	snprintf(token.tenant, sizeof(token.tenant), "%s", sql_text(stmt, 3));
	snprintf(token.hash, sizeof(token.hash), "%s", sql_text(stmt, 4));
	token.created_us = sqlite3_column_int64(stmt, 5);
	token.expires_us = sqlite3_column_int64(stmt, 6);
	return listing->each(&token, listing->arg);
}

int store_tokens(
	struct store *store, int (*each)(const struct store_token *token, void *arg), void *arg)
{
	return sql_rows(store, ST_TOKENS, token_row, &(struct listing){each, arg}, "");
}
