/* SPDX-License-Identifier: BSD-3-Clause */
/* Bearer tokens. Written by rest/, looked up by http/ on each request that brings one: in memory,
 * since the thread may have the connection. Owns what is there. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sqlite.h"

static int token_compare(const struct token_entry *a, const struct token_entry *b)
{
	return strcmp(a->token.hash, b->token.hash);
}

RB_PROTOTYPE(token_tree, token_entry, link, token_compare)
RB_GENERATE(token_tree, token_entry, link, token_compare)

static void token_read(sqlite3_stmt *stmt, struct store_token *out)
{
	snprintf(out->id, sizeof(out->id), "%s", sql_text(stmt, 0));
	snprintf(out->name, sizeof(out->name), "%s", sql_text(stmt, 1));
	snprintf(out->role, sizeof(out->role), "%s", sql_text(stmt, 2));
	snprintf(out->tenant, sizeof(out->tenant), "%s", sql_text(stmt, 3));
	snprintf(out->hash, sizeof(out->hash), "%s", sql_text(stmt, 4));
	out->created_us = sqlite3_column_int64(stmt, 5);
	out->expires_us = sqlite3_column_int64(stmt, 6);
}

static struct token_entry *entry_new(const struct store_token *token)
{
	struct token_entry *entry = malloc(sizeof(*entry));

	if (entry)
		entry->token = *token;
	return entry;
}

static int load_one(const struct store_token *token, void *arg)
{
	struct token_entry *entry = entry_new(token);

	if (!entry)
		return -ENOMEM;
	if (RB_INSERT(token_tree, arg, entry)) /* its hash is UNIQUE */
		free(entry);
	return 0;
}

int tokens_load(struct store *store)
{
	return store_tokens(store, load_one, &store->tokens);
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
	struct token_entry *entry = entry_new(token);
	int err = entry ? sync_err(store) : -ENOMEM;

	if (!err)
		err = sql_run(store, ST_TOKEN_ADD, "tttttii", token->id, token->name, token->role,
			token->tenant, token->hash, token->created_us, token->expires_us);
	if (err || RB_INSERT(token_tree, &store->tokens, entry))
		free(entry);
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

int store_tokens(
	struct store *store, int (*each)(const struct store_token *token, void *arg), void *arg)
{
	sqlite3_stmt *stmt = sql_prepare(store, ST_TOKENS, "");
	int err = 0, rc = SQLITE_DONE;

	if (!stmt)
		return -EIO;
	while (!err && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		struct store_token token;

		token_read(stmt, &token);
		err = each(&token, arg);
	}
	if (!err)
		err = sql_errno(store, rc);
	sqlite3_reset(stmt);
	return err;
}
