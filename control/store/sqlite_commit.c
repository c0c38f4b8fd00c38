/* SPDX-License-Identifier: BSD-3-Clause */
/* Changes of intents, with their history, audit entry and repeatable answer in one transaction;
 * and reading all of it back at start. */
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>

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

static int commit_write(
	struct store *store, const struct store_commit *commit, int64_t revision, int64_t audit_id)
{
	const struct store_answer *answer = commit->answer;
	int err = 0;

	for (size_t i = 0; i < commit->count && !err; i++)
		err = change_write(store, commit, &commit->changes[i], revision);
	if (!err && commit->count)
		err = sql_run(store, ST_REVISION_SET, "i", revision);
	if (!err && commit->format > store->format)
		err = sql_run(store, ST_FORMAT_SET, "i", (int64_t)commit->format);
	if (!err && commit->count)
		err = sql_run(store, ST_AUDIT_ADD, "iitttit", audit_id, commit->now_us,
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

/* It is made. */
static void committed(struct store *store, const struct store_commit *commit, int64_t revision)
{
	store->audit_untrimmed++;
	store->revision = (uint64_t)revision;
	if (commit->format > store->format)
		store->format = commit->format;
}

int store_commit(struct store *store, const struct store_commit *commit, uint64_t *revision)
{
	int64_t next = (int64_t)store->revision + (commit->count ? 1 : 0);
	int err;

	if (commit->now_us > store->now_us)
		store->now_us = commit->now_us;
	err = sql_begin(store);
	if (!err) {
		err = audit_write(store);
		if (!err)
			err = commit_write(store, commit, next, store->audit_id + 1);
		err = sql_end(store, err);
	}
	if (err)
		return err;
	audit_forget(store);
	if (commit->count)
		store->audit_id++;
	else
		store_audit_add(store, commit->actor, commit->source, commit->action, 200,
			"unchanged", commit->now_us);
	committed(store, commit, next);
	*revision = store->revision;
	return 0;
}

/* ---- by the thread ---- */

/* Reads nothing of the store that the loop's thread changes meanwhile. */
void job_run(struct store *store)
{
	struct store_job *job = &store->job;

	job->err = sql_begin(store);
	if (!job->err)
		job->err = sql_end(
			store, commit_write(store, job->commit, job->revision, job->audit_id));
}

int store_commit_begin(struct store *store, const struct store_commit *commit, int told)
{
	int err = sync_err(store);

	if (!err)
		err = audit_flush(store);
	if (err)
		return err;
	if (commit->now_us > store->now_us)
		store->now_us = commit->now_us;
	store->job = (struct store_job){.commit = commit,
		.revision = (int64_t)store->revision + 1,
		.audit_id = ++store->audit_id,
		.told = told};
	if (store->sync.started) {
		sync_commit(store);
		return 0;
	}
	job_run(store);
	eventfd_write(told, 1);
	return 0;
}

int store_commit_end(struct store *store, uint64_t *revision)
{
	struct store_job *job = &store->job;

	sync_own(store);
	if (!job->err)
		committed(store, job->commit, job->revision);
	job->commit = NULL;
	*revision = store->revision;
	return job->err;
}

/* ---- read back ---- */

struct loading {
	int (*each)(const struct stored *one, void *arg);
	void *arg;
};

static int load_row(sqlite3_stmt *stmt, void *arg)
{
	const struct loading *loading = arg;
	const struct stored one = {
		.kind = sql_text(stmt, 0),
		.name = sql_text(stmt, 1),
		.spec = sql_text(stmt, 2),
		.revision = (uint64_t)sqlite3_column_int64(stmt, 3),
		.created_us = sqlite3_column_int64(stmt, 4),
		.updated_us = sqlite3_column_int64(stmt, 5),
		.author = sql_text(stmt, 6),
	};

	return loading->each(&one, loading->arg);
}

int store_load(struct store *store, int (*each)(const struct stored *one, void *arg), void *arg)
{
	return sql_rows(store, ST_LOAD, load_row, &(struct loading){each, arg}, "");
}

static int answer_row(sqlite3_stmt *stmt, void *out)
{
	*(json_t **)out = json_pack("{s:s, s:i, s:s*, s:s}", "request_hash", sql_text(stmt, 0),
		"status", sqlite3_column_int(stmt, 1), "etag", sql_text(stmt, 2), "body",
		sql_text(stmt, 3));
	return 0;
}

int store_answer_find(struct store *store, const char *actor, const char *key, json_t **out)
{
	int err;

	*out = NULL;
	err = sql_rows(store, ST_ANSWER_FIND, answer_row, out, "tti", actor, key,
		store->now_us - ANSWER_US);
	return !err && !*out ? -ENOENT : err;
}
