/* SPDX-License-Identifier: BSD-3-Clause */
/* Bearer tokens. Written by rest/, looked up by http/ on each request that brings one. */
#include <errno.h>
#include <stdio.h>

#include "sqlite.h"

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

int store_token_add(struct store *store, const struct store_token *token)
{
	int err = sync_err(store);

	if (err)
		return err;
	return sql_run(store, ST_TOKEN_ADD, "tttttii", token->id, token->name, token->role,
		token->tenant, token->hash, token->created_us, token->expires_us);
}

int store_token_find(struct store *store, const char *hash, struct store_token *out)
{
	sqlite3_stmt *stmt = sql_prepare(store, ST_TOKEN_FIND, "t", hash);
	int err, rc;

	if (!stmt)
		return -EIO;
	rc = sqlite3_step(stmt);
	err = rc == SQLITE_DONE ? -ENOENT : sql_errno(store, rc);
	if (!err)
		token_read(stmt, out);
	sqlite3_reset(stmt);
	return err;
}

int store_token_delete(struct store *store, const char *id)
{
	int err = sync_err(store);

	if (!err)
		err = sql_run(store, ST_TOKEN_DELETE, "t", id);
	if (!err && sqlite3_changes(store->db) == 0)
		err = -ENOENT;
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
