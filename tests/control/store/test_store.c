/* SPDX-License-Identifier: BSD-3-Clause */
/* What the store keeps, and within which bounds. */
#include <check.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../suite.h"
#include "store_rig.h"

#define DAY_US (24 * 3600 * INT64_C(1000000))

static int64_t number(const json_t *list, size_t i, const char *field)
{
	return json_integer_value(json_object_get(json_array_get(list, i), field));
}

static const char *string(const json_t *list, size_t i, const char *field)
{
	return json_string_value(json_object_get(json_array_get(list, i), field));
}

START_TEST(commit_survives_reopening_with_revision_and_times)
{
	ck_assert_int_eq((int)store_revision(rig_store), 0);
	ck_assert_int_eq(rig_put("slice", "blue", NULL, "{\"a\":1}"), 0);
	ck_assert_int_eq(rig_put("slice", "air", NULL, "{}"), 0);
	ck_assert_int_eq(rig_put("slice", "blue", "{\"a\":1}", "{\"a\":2}"), 0);
	rig_reopen();
	ck_assert_int_eq((int)store_revision(rig_store), 3);
	ck_assert_str_eq(rig_intents(), "air={}@2;blue={\"a\":2}@3;");
	ck_assert_int_eq(rig_put("slice", "blue", "{\"a\":2}", NULL), 0);
	rig_reopen();
	ck_assert_str_eq(rig_intents(), "air={}@2;");
	ck_assert_int_eq((int)store_revision(rig_store), 4);
}
END_TEST

static int times_check(const struct stored *one, void *arg)
{
	(void)arg;
	ck_assert_int_eq(one->created_us, 5);
	ck_assert_int_eq(one->updated_us, 7);
	ck_assert_str_eq(one->author, "bob");
	return -ECANCELED;
}

START_TEST(load_keeps_the_creation_time_and_passes_on_the_callers_error)
{
	struct store_change change = {.kind = "host", .name = "h", .after = "{}"};
	struct store_commit commit = {.changes = &change,
		.count = 1,
		.actor = "al",
		.source = "s",
		.action = "a",
		.now_us = 5};
	uint64_t revision;

	ck_assert_int_eq(store_commit(rig_store, &commit, &revision), 0);
	commit.now_us = 7;
	commit.actor = "bob";
	ck_assert_int_eq(store_commit(rig_store, &commit, &revision), 0);
	ck_assert_int_eq((int)revision, 2);
	ck_assert_int_eq(store_load(rig_store, times_check, NULL), -ECANCELED);
}
END_TEST

START_TEST(commit_is_all_or_nothing_when_one_change_fails)
{
	/* a kind that is NULL is refused by the schema: the second change fails */
	struct store_change changes[2] = {
		{.kind = "host", .name = "h", .after = "{}"}, {.name = "x", .after = "{}"}};
	struct store_commit commit = {.changes = changes,
		.count = 2,
		.actor = "al",
		.source = "s",
		.action = "a",
		.now_us = 5};
	uint64_t revision = 9;
	json_t *list;

	ck_assert_int_ne(store_commit(rig_store, &commit, &revision), 0);
	ck_assert_int_eq((int)revision, 9);
	ck_assert_str_eq(rig_intents(), "");
	ck_assert_int_eq(store_history(rig_store, NULL, NULL, 0, 10, &list), 0);
	ck_assert_int_eq((int)json_array_size(list), 0);
	json_decref(list);
	ck_assert_int_eq(rig_put("slice", "air", NULL, "{}"), 0);
	ck_assert_str_eq(rig_intents(), "air={}@1;");
}
END_TEST

START_TEST(open_refuses_a_second_one)
{
	struct store *second = NULL;
	char why[256];

	ck_assert_int_eq(store_open(rig_dir, &second, why, sizeof(why)), -EBUSY);
	ck_assert_ptr_nonnull(strstr(why, "in use by another sluice-control"));
	ck_assert_int_eq(rig_put("slice", "air", NULL, "{}"), 0);
}
END_TEST

START_TEST(open_refuses_a_newer_schema_and_what_is_no_store)
{
	struct store *store = NULL;
	char why[256], path[128];
	FILE *file;

	ck_assert_int_eq(
		sqlite3_exec(rig_store->db, "PRAGMA user_version = 99", NULL, NULL, NULL), 0);
	store_close(rig_store);
	rig_store = NULL;
	ck_assert_int_eq(store_open(rig_dir, &store, why, sizeof(why)), -EPROTONOSUPPORT);
	ck_assert_ptr_nonnull(strstr(why, "newer sluice-control (schema 99"));

	snprintf(path, sizeof(path), "%s/store.db", rig_dir);
	file = fopen(path, "w");
	for (int i = 0; i < 1000; i++)
		fputs("this is not a database. ", file);
	fclose(file);
	ck_assert_int_eq(store_open(rig_dir, &store, why, sizeof(why)), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(why, "move it away"));

	ck_assert_int_eq(store_open("/proc/nowhere/x", &store, why, sizeof(why)), -ENOENT);
	ck_assert_ptr_nonnull(strstr(why, "--store"));
}
END_TEST

START_TEST(claim_refuses_another_site_once_there_are_intents)
{
	char why[512] = "";

	ck_assert_int_eq(store_claim(rig_store, "vm", why, sizeof(why)), 0);
	ck_assert_int_eq(store_claim(rig_store, "gj", why, sizeof(why)), 0); /* still empty */
	ck_assert_int_eq(rig_put("slice", "blue", NULL, "{}"), 0);
	rig_reopen();
	ck_assert_int_eq(store_claim(rig_store, "vm", why, sizeof(why)), -EPERM);
	ck_assert_msg(strstr(why, "is of site gj, not vm: give --site gj"), "%s", why);
	ck_assert_int_eq(store_claim(rig_store, "gj", why, sizeof(why)), 0);
	ck_assert_int_eq((int)store_revision(rig_store), 1);
}
END_TEST

/* How many entries there are of an action, repeats included, and of what changed something. */
static int audit_entries(const char *action, int *repeats)
{
	int count = 0;
	json_t *list, *one;
	size_t i;

	*repeats = 0;
	ck_assert_int_eq(store_audit(rig_store, 0, 100000, &list), 0);
	json_array_foreach (list, i, one) {
		if (strcmp(json_string_value(json_object_get(one, "action")), action))
			continue;
		count++;
		*repeats += (int)json_integer_value(json_object_get(one, "count"));
	}
	json_decref(list);
	return count;
}

START_TEST(claim_takes_a_store_of_the_schema_before_sites)
{
	char why[512] = "";
	int repeats;

	ck_assert_int_eq(rig_put("slice", "blue", NULL, "{}"), 0);
	ck_assert_int_eq(
		sqlite3_exec(rig_store->db,
			"ALTER TABLE meta DROP COLUMN site; ALTER TABLE meta DROP COLUMN format; "
			"DROP TABLE refused; DROP "
			"INDEX answer_of;"
			"INSERT INTO audit VALUES (8, 1, 'eve', 's', 'old', 403, 'no');"
			"PRAGMA user_version = 1",
			NULL, NULL, NULL),
		0);
	rig_reopen();
	ck_assert_int_eq(audit_entries("old", &repeats), 1);
	store_audit_add(rig_store, "eve", "s", "new", 403, NULL, 1);
	ck_assert_int_eq((int)rig_store->audit_first->id, 9);
	ck_assert_int_eq(store_claim(rig_store, "gj", why, sizeof(why)), 0);
	ck_assert_int_eq(store_claim(rig_store, "bu", why, sizeof(why)), -EPERM);
	ck_assert_str_eq(rig_intents(), "blue={}@1;");
}
END_TEST

START_TEST(open_makes_files_that_others_cannot_read)
{
	struct stat st;
	char path[128];

	rig_put("slice", "air", NULL, "{}");
	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/store.db%s", rig_dir, i ? "-wal" : "");
		ck_assert_int_eq(stat(path, &st), 0);
		ck_assert_int_eq(st.st_mode & 0777, 0600);
	}
}
END_TEST

START_TEST(history_is_newest_first_by_kind_name_and_page)
{
	json_t *list;

	rig_put("slice", "blue", NULL, "{\"a\":1}");
	rig_put("host", "blue", NULL, "{}");
	rig_put("slice", "blue", "{\"a\":1}", "{\"a\":2}");
	rig_put("slice", "red", NULL, "{}");
	rig_put("slice", "blue", "{\"a\":2}", NULL);
	ck_assert_int_eq(store_history(rig_store, "slice", "blue", 0, 2, &list), 0);
	ck_assert_int_eq((int)json_array_size(list), 2);
	ck_assert_int_eq(number(list, 0, "revision"), 5);
	ck_assert(json_is_null(json_object_get(json_array_get(list, 0), "after")));
	ck_assert_int_eq(number(list, 1, "revision"), 3);
	ck_assert_int_eq(json_integer_value(json_object_get(
				 json_object_get(json_array_get(list, 1), "before"), "a")),
		1);
	ck_assert_str_eq(string(list, 1, "actor"), "root");
	uint64_t before = (uint64_t)number(list, 1, "id");
	json_decref(list);

	ck_assert_int_eq(store_history(rig_store, "slice", "blue", before, 2, &list), 0);
	ck_assert_int_eq((int)json_array_size(list), 1);
	json_decref(list);
	ck_assert_int_eq(store_history(rig_store, "slice", NULL, 0, 10, &list), 0);
	ck_assert_int_eq((int)json_array_size(list), 4);
	json_decref(list);
	ck_assert_int_eq(store_history(rig_store, "slice", NULL, before, 10, &list), 0);
	ck_assert_int_eq((int)json_array_size(list), 1);
	json_decref(list);
	ck_assert_int_eq(store_history(rig_store, NULL, NULL, 0, 10, &list), 0);
	ck_assert_int_eq((int)json_array_size(list), 5);
	json_decref(list);
}
END_TEST

START_TEST(tick_takes_old_history_away_a_step_at_a_time)
{
	char name[16];
	json_t *list;

	rig_store->history_keep = 20;
	rig_store->trim_step = 5;
	for (int i = 0; i < 32; i++) {
		snprintf(name, sizeof(name), "s%d", i);
		rig_put("slice", name, NULL, "{}");
	}
	for (int tick = 1; tick <= 6; tick++) {
		int left = 32 - 5 * tick > 20 ? 32 - 5 * tick : 20;

		store_tick(rig_store, 10000000 + tick * 100000);
		ck_assert_int_eq(store_history(rig_store, NULL, NULL, 0, 100, &list), 0);
		ck_assert_int_eq((int)json_array_size(list), left);
		ck_assert_str_eq(string(list, 0, "name"), "s31");
		json_decref(list);
	}
	rig_reopen();
	ck_assert_int_eq((int)store_revision(rig_store), 32);
}
END_TEST

START_TEST(tick_takes_history_away_when_the_file_is_too_big)
{
	char *big = malloc(40000);
	int64_t pages;
	json_t *list;

	memset(big, 'x', 39999);
	big[0] = big[39998] = '"';
	big[39999] = 0;
	rig_store->trim_step = 500;
	for (int i = 0; i < 1500; i++)
		ck_assert_int_eq(rig_put("slice", "s", NULL, big), 0);
	ck_assert_int_eq(sql_number(rig_store, ST_SPACE, &pages), 0);
	ck_assert_int_gt(pages, 10000);
	rig_store->pages_keep = pages + 1;
	store_tick(rig_store, 20000000);
	ck_assert_int_eq(store_history(rig_store, NULL, NULL, 0, 2000, &list), 0);
	ck_assert_int_eq((int)json_array_size(list), 1500);
	json_decref(list);
	rig_store->pages_keep = pages - 1;
	for (int tick = 1; tick < 20; tick++)
		store_tick(rig_store, 20000000 + tick * 1000000);
	ck_assert_int_eq(store_history(rig_store, NULL, NULL, 0, 2000, &list), 0);
	ck_assert_int_lt((int)json_array_size(list), 1500);
	ck_assert_int_ge((int)json_array_size(list), 1000);
	json_decref(list);
	free(big);
}
END_TEST

START_TEST(audit_has_commits_and_refusals_in_order_and_survives_a_clean_stop)
{
	json_t *list;

	rig_put("slice", "air", NULL, "{}");
	ck_assert_int_eq(store_audit_add(rig_store, "eve", "198.18.0.9", "PUT /v1/slices/x", 403,
				 "not yours", 2000),
		0);
	rig_put("slice", "bee", NULL, "{}");
	store_audit_add(rig_store, "eve", "198.18.0.9", "DELETE /v1/slices/x", 404, "none", 3000);
	rig_reopen();
	ck_assert_int_eq(store_audit(rig_store, 0, 10, &list), 0);
	ck_assert_int_eq((int)json_array_size(list), 4);
	ck_assert_int_eq(number(list, 0, "status"), 404);
	ck_assert_int_eq(number(list, 1, "status"), 200);
	ck_assert_int_eq(number(list, 2, "status"), 403);
	ck_assert_str_eq(string(list, 2, "detail"), "not yours");
	ck_assert_str_eq(string(list, 3, "action"), "PUT /v1/slices/x");
	uint64_t before = (uint64_t)number(list, 1, "id");
	json_decref(list);
	ck_assert_int_eq(store_audit(rig_store, before, 1, &list), 0);
	ck_assert_int_eq((int)json_array_size(list), 1);
	ck_assert_int_eq(number(list, 0, "status"), 403);
	json_decref(list);
}
END_TEST

START_TEST(audit_is_on_disk_after_a_second_and_bounded)
{
	char actor[16];
	int repeats;

	rig_store->audit_keep = 10;
	for (int i = 0; i < 30; i++) {
		snprintf(actor, sizeof(actor), "eve%d", i);
		store_audit_add(rig_store, actor, "s", "GET", 403, NULL, i);
	}
	ck_assert_int_eq((int)rig_store->audit_count, 30);
	store_tick(rig_store, 5000000);
	ck_assert_int_eq((int)rig_store->audit_count, 0);
	ck_assert_int_eq(audit_entries("GET", &repeats), 10);
	for (int i = 0; i < 2 * AUDIT_WAITING; i++) {
		snprintf(actor, sizeof(actor), "eve%d", i);
		store_audit_add(rig_store, actor, "s", "GET", 403, NULL, i);
	}
	ck_assert_int_le(rig_store->audit_count, AUDIT_WAITING);
}
END_TEST

/* While the disk takes nothing, as many wait as there is room for. */
START_TEST(audit_that_waits_drops_refusals_before_changes)
{
	char actor[16];
	int repeats;

	sqlite3_exec(rig_store->db, "PRAGMA query_only = 1", NULL, NULL, NULL);
	store_audit_add(rig_store, "al", "s", "POST token", 201, "made", 1);
	for (int i = 0; i < 2 * AUDIT_WAITING; i++) {
		snprintf(actor, sizeof(actor), "eve%d", i);
		store_audit_add(rig_store, actor, "s", "GET", 403, NULL, i);
	}
	ck_assert_int_eq((int)rig_store->audit_count, AUDIT_WAITING);
	sqlite3_exec(rig_store->db, "PRAGMA query_only = 0", NULL, NULL, NULL);
	ck_assert_int_eq(audit_entries("POST token", &repeats), 1);
}
END_TEST

START_TEST(audit_counts_repeats_of_what_changed_nothing)
{
	char action[32];
	int repeats;

	for (int i = 0; i < 1000; i++) {
		store_audit_add(rig_store, "eve", "s", "DELETE x", 403, "not yours", i);
		snprintf(action, sizeof(action), "DELETE y%d", i);
		store_audit_add(rig_store, "eve", "s", action, 403, "not yours", i);
		store_audit_add(rig_store, "al", "s", "POST token", 201, "made", i);
	}
	ck_assert_int_eq(audit_entries("DELETE x", &repeats), 1);
	ck_assert_int_eq(repeats, 1000);
	ck_assert_int_eq(audit_entries("DELETE y0", &repeats), 1);
	ck_assert_int_eq(audit_entries("POST token", &repeats), 1000);
	store_audit_add(rig_store, "eve", "s", "DELETE x", 404, NULL, 1);
	store_audit_add(rig_store, "eve", "t", "DELETE x", 403, NULL, 1);
	ck_assert_int_eq(audit_entries("DELETE x", &repeats), 3);
	ck_assert_int_eq(repeats, 1002);
	for (int i = 0; i < 2; i++) {
		store_audit_add(rig_store, "eve", "s", "DELETE z", 403, NULL, 1);
		store_audit_add(rig_store, "eve", "t", "DELETE z", 403, NULL, 1);
	}
	ck_assert_int_eq(audit_entries("DELETE z", &repeats), 2);
	ck_assert_int_eq(repeats, 4);
	store_audit_add(rig_store, "al", "s", "PUT z", 200, "unchanged", 1);
	store_audit_add(rig_store, "al", "s", "PUT z", 200, "made", 1);
	ck_assert_int_eq(audit_entries("PUT z", &repeats), 2);
}
END_TEST

/* REFUSALS=1000000 is the whole of it; some from ever others, so that nothing is merged. */
START_TEST(audit_of_changes_outlives_refusals)
{
	int refusals = getenv("REFUSALS") ? atoi(getenv("REFUSALS")) : 20000, repeats;
	char actor[16];

	rig_store->audit_keep = 1000;
	rig_store->trim_step = 1000;
	for (int i = 0; i < 100; i++)
		rig_put("slice", "air", NULL, "{}");
	for (int i = 0; i < refusals; i++) {
		snprintf(actor, sizeof(actor), "eve%d", i);
		store_audit_add(rig_store, i % 2 ? actor : "eve", "s", "DELETE z", 403, NULL, i);
		if (i % 500 == 0)
			store_tick(rig_store, 5000000ll + i * 2000ll);
	}
	for (int i = 0; i < 20; i++)
		store_tick(rig_store, 5000000ll + refusals * 2000ll + i * 1000000ll);
	rig_reopen();
	ck_assert_int_eq(audit_entries("PUT /v1/slices/x", &repeats), 100);
	ck_assert_int_le(audit_entries("DELETE z", &repeats), 1000);
}
END_TEST

/* Nor do the changes of one push out those of others. */
START_TEST(audit_of_one_actor_outlives_another_s_changes)
{
	int repeats;

	rig_store->audit_keep = 1000;
	rig_store->trim_step = 1000;
	for (int i = 0; i < 5; i++)
		store_audit_add(rig_store, "al", "s", "POST token", 201, "made", i);
	for (int i = 0; i < 5000; i++) {
		store_audit_add(rig_store, "eve", "s", "PATCH z", 200, NULL, 100 + i);
		if (i % 50 == 0)
			store_tick(rig_store, 5000000ll + i * 20000ll);
	}
	for (int i = 0; i < 20; i++)
		store_tick(rig_store, 500000000ll + i * 1000000ll);
	rig_reopen();
	ck_assert_int_eq(audit_entries("POST token", &repeats), 5);
	ck_assert_int_le(audit_entries("PATCH z", &repeats), 1010);
	ck_assert_int_gt(audit_entries("PATCH z", &repeats), 900);
}
END_TEST

START_TEST(answers_of_one_actor_are_bounded)
{
	struct store_answer answer = {
		.actor = "eve", .request_hash = "ff", .status = 200, .body = "{}"};
	struct store_commit commit = {
		.actor = "eve", .source = "s", .action = "a", .now_us = DAY_US, .answer = &answer};
	uint64_t revision;
	char key[16];
	json_t *found;

	answer.actor = "al";
	answer.key = "kept";
	ck_assert_int_eq(store_commit(rig_store, &commit, &revision), 0);
	answer.actor = "eve";
	answer.key = key;
	for (int i = 0; i < ANSWERS_EACH + 20; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		ck_assert_int_eq(store_commit(rig_store, &commit, &revision), 0);
	}
	ck_assert_int_eq(store_answer_find(rig_store, "eve", "k19", &found), -ENOENT);
	ck_assert_int_eq(store_answer_find(rig_store, "eve", "k20", &found), 0);
	json_decref(found);
	ck_assert_int_eq(store_answer_find(rig_store, "al", "kept", &found), 0);
	json_decref(found);
}
END_TEST

START_TEST(answer_is_found_again_for_a_day_and_only_by_its_actor)
{
	struct store_answer answer = {.actor = "al",
		.key = "k1",
		.request_hash = "ff",
		.status = 201,
		.etag = "\"1\"",
		.body = "{}"};
	struct store_commit commit = {.actor = "al",
		.source = "s",
		.action = "a",
		.now_us = 10 * DAY_US,
		.answer = &answer};
	uint64_t revision;
	json_t *found;

	ck_assert_int_eq(store_commit(rig_store, &commit, &revision), 0);
	ck_assert_int_eq((int)revision, 0);
	answer.key = "k2";
	answer.etag = NULL;
	commit.now_us += DAY_US / 2;
	ck_assert_int_eq(store_commit(rig_store, &commit, &revision), 0);
	rig_reopen();
	store_tick(rig_store, 11 * DAY_US - 1);
	ck_assert_int_eq(store_answer_find(rig_store, "al", "k1", &found), 0);
	ck_assert_int_eq(json_integer_value(json_object_get(found, "status")), 201);
	ck_assert_str_eq(json_string_value(json_object_get(found, "etag")), "\"1\"");
	json_decref(found);
	ck_assert_int_eq(store_answer_find(rig_store, "bob", "k1", &found), -ENOENT);
	store_tick(rig_store, 11 * DAY_US); /* too soon after the last for taking away */
	ck_assert_int_eq(store_answer_find(rig_store, "al", "k1", &found), -ENOENT);
	store_tick(rig_store, 11 * DAY_US + 1000000);
	ck_assert_int_eq(store_answer_find(rig_store, "al", "k1", &found), -ENOENT);
	ck_assert_int_eq(store_answer_find(rig_store, "al", "k2", &found), 0);
	ck_assert_ptr_null(json_object_get(found, "etag"));
	json_decref(found);
	int64_t rows = 0;
	sql_number(rig_store, ST_ANSWER_SPAN, &rows);
	ck_assert_int_eq(rows, 1); /* and the old one is gone from the disk */
}
END_TEST

static int token_count(const struct store_token *token, void *arg)
{
	(void)token;
	++*(int *)arg;
	return 0;
}

START_TEST(token_is_found_by_hash_until_it_is_deleted)
{
	struct store_token token = {.id = "t1",
		.name = "ci",
		.role = "tenant",
		.tenant = "kr",
		.hash = "abcd",
		.created_us = 3,
		.expires_us = 9};
	struct store_token found;
	int count = 0;

	ck_assert_int_eq(store_token_find(rig_store, "abcd", &found), -ENOENT);
	ck_assert_int_eq(store_token_add(rig_store, &token), 0);
	ck_assert_int_ne(store_token_add(rig_store, &token), 0); /* the same hash again */
	rig_reopen();
	ck_assert_int_eq(store_token_find(rig_store, "abcd", &found), 0);
	ck_assert_int_eq(memcmp(&found.created_us, &token.created_us, 16), 0);
	ck_assert_str_eq(found.tenant, "kr");
	ck_assert_str_eq(found.role, "tenant");
	ck_assert_int_eq(store_tokens(rig_store, token_count, &count), 0);
	ck_assert_int_eq(count, 1);
	ck_assert_int_eq(store_token_delete(rig_store, "t1"), 0);
	ck_assert_int_eq(store_token_delete(rig_store, "t1"), -ENOENT);
	ck_assert_int_eq(store_token_find(rig_store, "abcd", &found), -ENOENT);
}
END_TEST

static double commit_ms(int changes)
{
	struct store_change *list = calloc((size_t)changes, sizeof(*list));
	struct store_commit commit = {.changes = list,
		.count = (size_t)changes,
		.actor = "root",
		.source = "s",
		.action = "a",
		.now_us = 1};
	char(*names)[16] = calloc((size_t)changes, sizeof(*names));
	char spec[512];
	uint64_t revision;
	double start;

	memset(spec, 'x', sizeof(spec));
	spec[0] = spec[510] = '"';
	spec[511] = 0;
	for (int i = 0; i < changes; i++) {
		snprintf(names[i], sizeof(names[i]), "n%d", i);
		list[i] = (struct store_change){.kind = "slice", .name = names[i], .after = spec};
	}
	start = rig_ms();
	ck_assert_int_eq(store_commit(rig_store, &commit, &revision), 0);
	start = rig_ms() - start;
	free(list);
	free(names);
	return start;
}

START_TEST(commit_of_a_thousand_takes_less_than_half_a_second)
{
	double many = commit_ms(1000), one = commit_ms(1);

	printf("store: 1,000 changes of 500 bytes in one commit %.1f ms, one change %.2f ms\n",
		many, one);
	ck_assert(many < 500);
}
END_TEST

/* Until all that was written is on disk and the connection is free. */
static void wait_durable(void)
{
	struct pollfd fd = {.fd = store_fd(rig_store), .events = POLLIN};
	struct store_state state;
	eventfd_t count;

	ck_assert_int_ge(fd.fd, 0);
	for (;;) {
		store_state(rig_store, &state);
		ck_assert_int_eq(state.err, 0);
		if (state.durable == state.written && !state.busy)
			return;
		ck_assert_int_eq(poll(&fd, 1, 20000), 1);
		eventfd_read(fd.fd, &count);
	}
}

START_TEST(a_thread_makes_durable_and_takes_the_log_back)
{
	static char text[100000];
	struct store_state state;
	char path[128];
	struct stat st;

	ck_assert_int_eq(store_fd(rig_store), -1);
	ck_assert_int_eq(store_start(rig_store), 0);
	ck_assert_int_eq(rig_put("slice", "a", NULL, "{}"), 0);
	store_state(rig_store, &state);
	ck_assert_uint_eq(state.written, 1);
	wait_durable();
	snprintf(path, sizeof(path), "%s/store.db-wal", rig_dir);
	memset(text, 'x', sizeof(text) - 1);
	text[0] = text[sizeof(text) - 2] = '"';
	for (int64_t at_us = 2000000; at_us < 40000000; at_us += 2000000) {
		for (int i = 0; i < 25; i++)
			ck_assert_int_eq(rig_put("slice", "b", NULL, text), 0);
		if (at_us == 4000000) /* not now: a change is on its way */
			store_hold(rig_store, 1);
		store_tick(rig_store, at_us);
		if (at_us == 4000000) {
			store_state(rig_store, &state);
			ck_assert(!state.busy);
			store_hold(rig_store, -1);
		}
		ck_assert_int_eq(rig_put("slice", "a", NULL, "{}"), 0); /* waits for the thread */
		wait_durable();
	}
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_lt(st.st_size, 17 << 20); /* of 95 MB */
	rig_reopen();
	ck_assert_uint_eq(store_revision(rig_store), 1 + 19 * 26);
}
END_TEST

/* Until the thread has told of the commit. */
static int wait_commit(int told, uint64_t *revision)
{
	struct pollfd fd = {.fd = told, .events = POLLIN};
	eventfd_t count;

	ck_assert_int_eq(poll(&fd, 1, 20000), 1);
	ck_assert_int_eq(eventfd_read(told, &count), 0);
	return store_commit_end(rig_store, revision);
}

/* Who is known, and what is to be told of, does not wait for it; the rest comes after it. */
START_TEST(a_thread_makes_a_large_commit)
{
	static char names[2000][16];
	static struct store_change changes[2000];
	struct store_commit commit = {.changes = changes,
		.count = 2000,
		.actor = "root",
		.source = "test",
		.action = "POST /v1/apply",
		.now_us = 7000000};
	struct store_token token = {.id = "t1", .name = "kim", .role = "viewer", .hash = "abc"};
	int told = eventfd(0, EFD_CLOEXEC);
	struct store_state state;
	uint64_t revision;
	json_t *list;

	ck_assert_int_eq(store_start(rig_store), 0);
	ck_assert_int_eq(store_token_add(rig_store, &token), 0);
	for (int i = 0; i < 2000; i++) {
		snprintf(names[i], sizeof(names[i]), "s%d", i);
		changes[i] = (struct store_change){"slice", names[i], NULL, "{}"};
	}
	ck_assert_int_eq(store_commit_begin(rig_store, &commit, told), 0);
	store_state(rig_store, &state);
	ck_assert(state.busy);
	ck_assert_int_eq(store_token_find(rig_store, "abc", &token), 0);
	for (int i = 0; i < 2 * AUDIT_WAITING; i++) {
		char action[32];

		snprintf(action, sizeof(action), "DELETE /v1/tokens/%d", i);
		ck_assert_int_eq(
			store_audit_add(rig_store, "root", "test", action, 204, "", 7000001), 0);
	}
	ck_assert_uint_eq(store_revision(rig_store), 0);
	ck_assert_int_eq(wait_commit(told, &revision), 0);
	ck_assert_uint_eq(revision, 1);
	ck_assert_uint_eq(store_revision(rig_store), 1);
	wait_durable();
	ck_assert_int_eq(store_audit(rig_store, 0, 10000, &list), 0);
	ck_assert_uint_eq(json_array_size(list), 2 * AUDIT_WAITING + 1);
	ck_assert_str_eq(json_string_value(json_object_get(
				 json_array_get(list, 2 * AUDIT_WAITING), "action")),
		"POST /v1/apply");
	json_decref(list);

	/* one of them cannot be: none is, and the store goes on */
	changes[1999].kind = NULL;
	for (int i = 0; i < 2000; i++)
		changes[i].after = "{\"a\":1}";
	ck_assert_int_eq(store_commit_begin(rig_store, &commit, told), 0);
	ck_assert_int_ne(wait_commit(told, &revision), 0);
	ck_assert_uint_eq(revision, 1);
	ck_assert_int_eq(store_history(rig_store, NULL, NULL, 0, 10000, &list), 0);
	ck_assert_uint_eq(json_array_size(list), 2000);
	json_decref(list);
	ck_assert_int_eq(rig_put("slice", "a", NULL, "{}"), 0);
	rig_reopen();
	ck_assert_uint_eq(store_revision(rig_store), 2);
	ck_assert_int_eq(store_token_find(rig_store, "abc", &token), 0);
	ck_assert_int_eq(store_token_delete(rig_store, "t1"), 0);
	ck_assert_int_eq(store_token_find(rig_store, "abc", &token), -ENOENT);
	close(told);
}
END_TEST

static bool is_taken_back(int64_t at_us)
{
	store_tick(rig_store, at_us);
	wait_durable();
	return rig_store->wal_pages < 1000; /* it has begun anew */
}

/* That takes several waits for the disk, and changes wait for it. */
START_TEST(the_log_is_taken_back_when_it_is_quiet_or_the_log_is_long)
{
	int64_t at_us = 10000000;

	ck_assert_int_eq(store_start(rig_store), 0);
	for (int i = 0; i < 50; i++) {
		store_tick(rig_store, at_us += 300000);
		ck_assert_int_eq(rig_put("slice", "a", NULL, "{}"), 0);
		rig_store->wal_pages = 2000;
		ck_assert(!is_taken_back(at_us += 600000));
	}
	ck_assert(is_taken_back(at_us += 500000));
	ck_assert_int_eq(rig_put("slice", "a", NULL, "{}"), 0);
	rig_store->wal_pages = 20000;
	ck_assert(is_taken_back(at_us + 100000));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("store");
	TCase *tc = tcase_create("store");

	tcase_add_checked_fixture(tc, rig_up, rig_down);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, a_thread_makes_a_large_commit);
	tcase_add_test(tc, the_log_is_taken_back_when_it_is_quiet_or_the_log_is_long);
	tcase_add_test(tc, commit_survives_reopening_with_revision_and_times);
	tcase_add_test(tc, load_keeps_the_creation_time_and_passes_on_the_callers_error);
	tcase_add_test(tc, commit_is_all_or_nothing_when_one_change_fails);
	tcase_add_test(tc, open_refuses_a_second_one);
	tcase_add_test(tc, open_refuses_a_newer_schema_and_what_is_no_store);
	tcase_add_test(tc, claim_refuses_another_site_once_there_are_intents);
	tcase_add_test(tc, claim_takes_a_store_of_the_schema_before_sites);
	tcase_add_test(tc, open_makes_files_that_others_cannot_read);
	tcase_add_test(tc, history_is_newest_first_by_kind_name_and_page);
	tcase_add_test(tc, tick_takes_old_history_away_a_step_at_a_time);
	tcase_add_test(tc, tick_takes_history_away_when_the_file_is_too_big);
	tcase_add_test(tc, audit_has_commits_and_refusals_in_order_and_survives_a_clean_stop);
	tcase_add_test(tc, audit_is_on_disk_after_a_second_and_bounded);
	tcase_add_test(tc, audit_that_waits_drops_refusals_before_changes);
	tcase_add_test(tc, audit_counts_repeats_of_what_changed_nothing);
	tcase_add_test(tc, audit_of_changes_outlives_refusals);
	tcase_add_test(tc, audit_of_one_actor_outlives_another_s_changes);
	tcase_add_test(tc, answers_of_one_actor_are_bounded);
	tcase_add_test(tc, answer_is_found_again_for_a_day_and_only_by_its_actor);
	tcase_add_test(tc, token_is_found_by_hash_until_it_is_deleted);
	tcase_add_test(tc, commit_of_a_thousand_takes_less_than_half_a_second);
	tcase_add_test(tc, a_thread_makes_durable_and_takes_the_log_back);
	suite_add_tcase(suite, tc);
	return suite_main(suite);
}
