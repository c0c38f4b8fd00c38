/* SPDX-License-Identifier: BSD-3-Clause */
/* Changes of intents, with their history, audit entry and repeatable answer in one transaction;
 * and reading all of it back at start. */
#include <errno.h>
#include <string.h>

#include "sqlite.h"

#define ANSWER_US (24 * 3600 * INT64_C(1000000))

static int change_write(struct store *store, const struct store_commit *commit,
	const struct store_change *change, int64_t revision)
{
	int err;

	if (change->after)
		err = sql_run(store, ST_PUT, "tttiit", change->kind, change->name, change->after,
			revision, commit->now_us, commit->actor);
	else
		err = sql_run(store, ST_DELETE, "tt", change->kind, change->name);
	if (err)
		return err;
	return sql_run(store, ST_HISTORY_ADD, "iittttt", revision, commit->now_us, commit->actor,
		change->kind, change->name, change->before, change->after);
}

static int commit_write(struct store *store, const struct store_commit *commit, int64_t revision)
{
	const struct store_answer *answer = commit->answer;
	int err = 0;

	for (size_t i = 0; i < commit->count && !err; i++)
		err = change_write(store, commit, &commit->changes[i], revision);
	if (!err && commit->count)
		err = sql_run(store, ST_REVISION_SET, "i", revision);
	if (!err && commit->format > store->format)
		err = sql_run(store, ST_FORMAT_SET, "i", (int64_t)commit->format);
	if (!err)
		err = audit_write(store);
	if (!err && commit->count)
		err = sql_run(store, ST_AUDIT_ADD, "iitttit", ++store->audit_id, commit->now_us,
			commit->actor, commit->source, commit->action, (int64_t)200, "");
	if (!err && answer)
		err = sql_run(store, ST_ANSWER_ADD, "tttitti", answer->actor, answer->key,
			answer->request_hash, (int64_t)answer->status, answer->etag, answer->body,
			commit->now_us);
	if (!err && answer)
		err = sql_run(
			store, ST_ANSWER_TRIM_ACTOR, "ti", answer->actor, (int64_t)ANSWERS_EACH);
	return err;
}

int store_commit(struct store *store, const struct store_commit *commit, uint64_t *revision)
{
	int64_t next = (int64_t)store->revision + (commit->count ? 1 : 0);
	int err;

	if (commit->now_us > store->now_us)
		store->now_us = commit->now_us;
	err = sql_begin(store);
	if (!err)
		err = sql_end(store, commit_write(store, commit, next));
	if (err)
		return err;
	audit_forget(store);
	if (!commit->count)
		store_audit_add(store, commit->actor, commit->source, commit->action, 200,
			"unchanged", commit->now_us);
	store->audit_untrimmed++;
	store->revision = (uint64_t)next;
	if (commit->format > store->format)
		store->format = commit->format;
	*revision = store->revision;
	return 0;
}

int store_load(struct store *store, int (*each)(const struct stored *one, void *arg), void *arg)
{
	sqlite3_stmt *stmt = sql_prepare(store, ST_LOAD, "");
	int err = 0, rc = SQLITE_DONE;

	if (!stmt)
		return -EIO;
	while (!err && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		struct stored one = {
			.kind = sql_text(stmt, 0),
			.name = sql_text(stmt, 1),
			.spec = sql_text(stmt, 2),
			.revision = (uint64_t)sqlite3_column_int64(stmt, 3),
			.created_us = sqlite3_column_int64(stmt, 4),
			.updated_us = sqlite3_column_int64(stmt, 5),
			.author = sql_text(stmt, 6),
		};

		err = each(&one, arg);
	}
	if (!err)
		err = sql_errno(store, rc);
	sqlite3_reset(stmt);
	return err;
}

int store_answer_find(struct store *store, const char *actor, const char *key, json_t **out)
{
	sqlite3_stmt *stmt =
		sql_prepare(store, ST_ANSWER_FIND, "tti", actor, key, store->now_us - ANSWER_US);
	int err, rc;

	if (!stmt)
		return -EIO;
	rc = sqlite3_step(stmt);
	err = rc == SQLITE_DONE ? -ENOENT : sql_errno(store, rc);
	if (!err) {
		*out = json_pack("{s:s, s:i, s:s*, s:s}", "request_hash", sql_text(stmt, 0),
			"status", sqlite3_column_int(stmt, 1), "etag", sql_text(stmt, 2), "body",
			sql_text(stmt, 3));
		if (!*out)
			err = -ENOMEM;
	}
	sqlite3_reset(stmt);
	return err;
}
