/* SPDX-License-Identifier: BSD-3-Clause */
/* History and audit: written, read, and kept within bounds a little at a time from the loop. Called
 * by rest/ and main.c's timer. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "sqlite.h"

#define SECOND_US INT64_C(1000000)
#define ANSWER_US (24 * 3600 * SECOND_US)

/* ---- audit ---- */

int audit_write(struct store *store)
{
	int err = 0;

	for (struct audit_entry *e = store->audit_first; e && !err; e = e->next)
		err = sql_run(store, e->changed ? ST_AUDIT_ADD : ST_REFUSED_ADD,
			e->changed ? "iitttit" : "iitttiti", e->id, e->at_us, e->actor, e->source,
			e->action, (int64_t)e->status, e->detail, e->count);
	return err;
}

void audit_forget(struct store *store)
{
	struct audit_entry *next;

	for (struct audit_entry *e = store->audit_first; e; e = next) {
		next = e->next;
		free(e);
		store->audit_untrimmed++;
	}
	store->audit_first = NULL;
	store->audit_last = &store->audit_first;
	store->audit_count = 0;
}

/* What cannot be written (the disk is full) goes on waiting. */
int audit_flush(struct store *store)
{
	int err;

	if (!store->audit_first)
		return 0;
	err = sql_begin(store);
	if (!err)
		err = sql_end(store, audit_write(store));
	if (!err)
		audit_forget(store);
	return err;
}

/* Of what changed nothing, the oldest; without such, the oldest change. */
static void audit_drop_oldest(struct store *store)
{
	struct audit_entry **at = &store->audit_first, *oldest;

	while (*at && (*at)->changed)
		at = &(*at)->next;
	if (!*at)
		at = &store->audit_first;
	oldest = *at;
	*at = oldest->next;
	if (!*at)
		store->audit_last = at;
	store->audit_count--;
	free(oldest);
}

/* What one actor asks again and again in vain is counted: the same, or, beyond AUDIT_EACH of them
 * that wait, whatever has the same status. NULL: it is an entry of its own. */
static struct audit_entry *audit_find(
	struct store *store, const char *actor, const char *source, const char *action, int status)
{
	struct audit_entry *last = NULL;
	int same = 0;

	for (struct audit_entry *e = store->audit_first; e; e = e->next) {
		if (e->changed || e->status != status || strcmp(e->actor, actor) ||
			strcmp(e->source, source))
			continue;
		if (!strncmp(e->action, action, sizeof(e->action) - 1))
			return e;
		last = e;
		same++;
	}
	return same > AUDIT_EACH ? last : NULL;
}

static void audit_count(struct audit_entry *e, const char *action, int64_t now_us)
{
	if (strncmp(e->action, action, sizeof(e->action) - 1))
		snprintf(e->detail, sizeof(e->detail), "and others, that were like it");
	e->at_us = now_us;
	e->count++;
}

int store_audit_add(struct store *store, const char *actor, const char *source, const char *action,
	int status, const char *detail, int64_t now_us)
{
	bool changed = status < 300 && strcmp(detail ? detail : "", "unchanged");
	struct audit_entry *e = changed ? NULL : audit_find(store, actor, source, action, status);
	struct store_state state;

	if (e) {
		audit_count(e, action, now_us);
		return 0;
	}
	e = xcalloc(1, sizeof(*e));
	e->changed = changed;
	e->count = 1;
	e->id = ++store->audit_id;
	snprintf(e->actor, sizeof(e->actor), "%s", actor);
	snprintf(e->source, sizeof(e->source), "%s", source);
	snprintf(e->action, sizeof(e->action), "%s", action);
	snprintf(e->detail, sizeof(e->detail), "%s", detail ? detail : "");
	e->status = status;
	e->at_us = now_us;
	store_state(store, &state);
	if (store->audit_count >= (state.busy ? AUDIT_BUSY : AUDIT_WAITING) &&
		(state.busy || audit_flush(store)))
		audit_drop_oldest(store);
	*store->audit_last = e;
	store->audit_last = &e->next;
	store->audit_count++;
	return 0;
}

/* Fills *out with what the rows have given. */
static int list_end(int err, json_t *list, json_t **out)
{
	if (err)
		json_decref(list);
	else
		*out = list;
	return err;
}

static int audit_row(sqlite3_stmt *stmt, void *list)
{
	return json_array_append_new(
		list, json_pack("{s:I, s:I, s:s, s:s, s:s, s:i, s:s, s:I}", "id",
			      (json_int_t)sqlite3_column_int64(stmt, 0), "at_us",
			      (json_int_t)sqlite3_column_int64(stmt, 1), "actor", sql_text(stmt, 2),
			      "source", sql_text(stmt, 3), "action", sql_text(stmt, 4), "status",
			      sqlite3_column_int(stmt, 5), "detail", sql_text(stmt, 6), "count",
			      (json_int_t)sqlite3_column_int64(stmt, 7)));
}

int store_audit(struct store *store, uint64_t before, int limit, json_t **out)
{
	json_t *list = json_array();

	audit_flush(store); /* a full disk: the newest are missing from the answer */
	return list_end(sql_rows(store, ST_AUDIT, audit_row, list, "ii",
				before ? (int64_t)before : INT64_MAX, (int64_t)limit),
		list, out);
}

/* ---- history ---- */

static json_t *value_of(sqlite3_stmt *stmt, int column)
{
	const char *text = sql_text(stmt, column);

	return text ? json_loads(text, JSON_DECODE_ANY, NULL) : json_null();
}

static int history_row(sqlite3_stmt *stmt, void *list)
{
	return json_array_append_new(
		list, json_pack("{s:I, s:I, s:I, s:s, s:s, s:s, s:o, s:o}", "id",
			      (json_int_t)sqlite3_column_int64(stmt, 0), "revision",
			      (json_int_t)sqlite3_column_int64(stmt, 1), "at_us",
			      (json_int_t)sqlite3_column_int64(stmt, 2), "actor", sql_text(stmt, 3),
			      "kind", sql_text(stmt, 4), "name", sql_text(stmt, 5), "before",
			      value_of(stmt, 6), "after", value_of(stmt, 7)));
}

int store_history(struct store *store, const char *kind, const char *name, uint64_t before,
	int limit, json_t **out)
{
	enum statement which = !kind ? ST_HISTORY : !name ? ST_HISTORY_KIND : ST_HISTORY_NAME;
	const char *types = !kind ? "ii" : !name ? "iit" : "iitt";
	json_t *list = json_array();

	return list_end(sql_rows(store, which, history_row, list, types,
				before ? (int64_t)before : INT64_MAX, (int64_t)limit, kind, name),
		list, out);
}

/* ---- bounds ---- */

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Ids have no holes, so the span is the number of rows. */
static int trim(struct store *store, enum statement span, enum statement take, int64_t keep)
{
	int64_t rows = 0;
	int err = sql_number(store, span, &rows);

	if (err || rows <= keep)
		return err;
	return sql_run(store, take, "i", least(rows - keep, store->trim_step));
}

/* Their ids have holes, and counting them takes some ms: seldom. */
static int audit_trim(struct store *store)
{
	int64_t before = sqlite3_total_changes64(store->db);
	int err;

	if (store->audit_untrimmed * 100 < store->audit_keep)
		return 0;
	err = sql_run(store, ST_AUDIT_TRIM, "ii", store->audit_keep, (int64_t)store->trim_step);
	if (!err)
		err = sql_run(
			store, ST_REFUSED_TRIM, "ii", store->audit_keep, (int64_t)store->trim_step);
	if (!err && sqlite3_total_changes64(store->db) == before)
		store->audit_untrimmed = 0;
	return err;
}

static int trim_all(struct store *store)
{
	int64_t pages = 0, history = store->history_keep;
	int err = sql_number(store, ST_SPACE, &pages);

	/* few but huge entries: the oldest make room, too, as long as there are some left */
	if (!err && pages > store->pages_keep)
		history = least(history, 1000);
	if (!err)
		err = trim(store, ST_HISTORY_SPAN, ST_HISTORY_TRIM, history);
	if (!err)
		err = audit_trim(store);
	if (!err)
		err = trim(store, ST_ANSWER_SPAN, ST_ANSWER_TRIM, store->answer_keep);
	if (!err)
		err = sql_run(store, ST_ANSWER_OLD, "ii", (int64_t)store->trim_step,
			store->now_us - ANSWER_US);
	return err;
}

void store_tick(struct store *store, int64_t now_us)
{
	struct store_state state;

	store->now_us = now_us;
	store_state(store, &state);
	if (state.busy)
		return;
	if (now_us - store->audit_at_us >= SECOND_US) {
		store->audit_at_us = now_us;
		audit_flush(store);
	}
	if (now_us - store->trim_at_us >= SECOND_US && sql_begin(store) == 0) {
		int64_t before = sqlite3_total_changes64(store->db);

		/* as long as there is something to take away, each tick does */
		if (sql_end(store, trim_all(store)) || sqlite3_total_changes64(store->db) == before)
			store->trim_at_us = now_us;
	}
	sync_tick(store, now_us);
}
