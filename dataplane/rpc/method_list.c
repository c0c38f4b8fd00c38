/* SPDX-License-Identifier: BSD-3-Clause */
/* list: objects in order, page by page, filtered by `match`, or those that no source claims. A page
 * ends when it is full, or after so many objects looked at, so that a filter that seldom matches
 * does not hold the main thread. */
#include <stdio.h>
#include <string.h>

#include "claims.h"
#include "methods.h"
#include "nouns.h"
#include "params.h"

#define LOOKED_AT_MODEL 16384
#define LOOKED_AT_ROWS	65536
#define LIST_MAX	10000
#define LIST_PRESET	1000

static int check_match(const struct api_type *type, const json_t *match, struct rpc_error *err)
{
	char got[100], want[160] = "";
	const char *name;
	json_t *value;
	size_t used = 0;

	if (match && !json_is_object(match))
		return rpc_fail_value(err, "match", "an object of {field: value}",
			api_show(match, got, sizeof(got)));
	json_object_foreach ((json_t *)match, name, value) {
		const struct api_field *field = type->fields;

		while (field->name && strcmp(field->name, name))
			field++;
		if (field->name)
			continue;
		for (field = type->fields; field->name && used < sizeof(want); field++)
			used += snprintf(want + used, sizeof(want) - used, "%s%s",
				used > 0 ? " " : "", field->name);
		return rpc_fail_value(err, "match", want, printable(name, got, sizeof(got)));
	}
	return 0;
}

/* Fields left out of the answer because they have their default match their default only when
 * written so: null. Of an object within an object only the fields given are compared ({"ue":
 * {"ipv4": "10.60.0.1"}}). */
static bool matches(const json_t *object, const json_t *match)
{
	const char *name;
	json_t *value;

	json_object_foreach ((json_t *)match, name, value) {
		const json_t *has = json_object_get(object, name);

		if (json_is_object(has) && json_is_object(value)) {
			if (!matches(has, value))
				return false;
			continue;
		}
		if (has ? !json_equal(has, value) : !json_is_null(value) && !json_is_false(value))
			return false;
	}
	return true;
}

static void page_add(struct page *page, json_t *object)
{
	if (page->match && !matches(object, page->match))
		json_decref(object);
	else
		json_array_append_new(page->objects, object);
}

/* Is it left out for a source has it? */
static bool page_skips(const struct page *page, const char *key)
{
	return page->unclaimed && claim_in_force(page->type->type, key);
}

/* ---- rows of tables ---- */

static bool get_place(const struct row_list *list, const char *text, uint64_t *place)
{
	unsigned long long word[STORE_CURSOR_WORDS];
	char rest;

	if (list->tag && *text++ != list->tag)
		return false;
	if (*text < '0' || *text > '9' ||
		sscanf(text, "%llu.%llu.%llu%c", &word[0], &word[1], &word[2], &rest) != 3)
		return false;
	for (int i = 0; i < STORE_CURSOR_WORDS; i++)
		place[i] = word[i];
	return true;
}

static json_t *cursor_json(const struct row_list *list, const uint64_t *place)
{
	char tag[2] = {list->tag, '\0'};

	return json_sprintf("%s%llu.%llu.%llu", tag, (unsigned long long)place[0],
		(unsigned long long)place[1], (unsigned long long)place[2]);
}

/* Of the type, ends with an empty one. */
static const struct row_list *lists_of(const struct api_type *type)
{
	static const struct row_list none = {.iterate = NULL};

	return backends[type->type] ? backends[type->type]->lists : &none;
}

static bool is_cursor(const struct api_type *type, const char *cursor)
{
	uint64_t place[STORE_CURSOR_WORDS];

	for (const struct row_list *list = lists_of(type); list->iterate; list++)
		if (get_place(list, cursor, place))
			return true;
	return false;
}

static bool is_claimed(const struct page *page, const union api_object *object)
{
	char key[API_KEY_BYTES];

	if (!page->unclaimed)
		return false;
	api_key(page->type, object, key);
	return page_skips(page, key);
}

/* true when the store is at its end. */
static bool list_one(
	struct page *page, const struct row_list *list, uint64_t *place, uint32_t *looked)
{
	char entries[STORE_STEP * STORE_ENTRY];
	union api_object object;
	bool end = false;

	while (!end && *looked < LOOKED_AT_ROWS) {
		size_t left = page->limit - json_array_size(page->objects);
		uint32_t got;

		if (left == 0)
			break;
		got = list->iterate(
			page, list, place, entries, left < STORE_STEP ? left : STORE_STEP);
		end = place[0] == 0;
		*looked += got ? got : 1;
		for (uint32_t i = 0; i < got; i++)
			if (list->describe(page, entries + i * list->entry_bytes, &object) &&
				!is_claimed(page, &object))
				page_add(page, api_encode(page->type, &object));
	}
	return end;
}

/* Fills the page from a cursor of any of the type's stores, NULL: from the first one. The cursor of
 * the next page; NULL when that was all. The cursor has been checked. */
static json_t *list_rows(struct page *page, const char *cursor)
{
	const struct row_list *list = lists_of(page->type);
	uint64_t place[STORE_CURSOR_WORDS] = {0};
	uint32_t looked = 0;

	while (cursor && !get_place(list, cursor, place))
		list++;
	for (; list->iterate; list++) {
		if (!list_one(page, list, place, &looked))
			return cursor_json(list, place);
		memset(place, 0, sizeof(place));
	}
	return NULL;
}

/* ---- all of a type ---- */

/* First what is in the model, then what is in the tables. Keys that are followed by something hold
 * a blank, cursors of tables do not. */
static json_t *list_model(struct page *page, const char *cursor)
{
	struct object *obj = model_after(page->type->type, cursor ? cursor : "");
	struct object *last = NULL;

	for (int looked = 0; obj && looked < LOOKED_AT_MODEL; looked++) {
		if (json_array_size(page->objects) >= page->limit)
			break;
		if (!page_skips(page, obj->key))
			page_add(page, noun_encode(obj));
		last = obj;
		obj = model_next(obj);
	}
	if (obj && last)
		return json_string(last->key);
	return list_rows(page, NULL);
}

/* Is the cursor one of a table? -1 with err when it can be of nothing. */
static int cursor_of(
	const struct api_type *type, const char *cursor, bool *table, struct rpc_error *err)
{
	char got[80];

	*table = !nouns[type->type] || (cursor && !strchr(cursor, ' ') && backends[type->type]);
	if (!cursor || !*table || is_cursor(type, cursor))
		return 0;
	return rpc_fail_value(err, "cursor", "the cursor of the page before",
		printable(cursor, got, sizeof(got)));
}

METHOD(method_list)
{
	struct page page = {.match = json_object_get(params, "match")};
	const char *cursor;
	json_t *next;
	json_int_t limit;
	bool table;

	if (param_type(params, &page.type, err) || check_match(page.type, page.match, err) ||
		param_bool(params, "unclaimed", &page.unclaimed, err) ||
		param_int(params, "limit", 1, LIST_MAX, LIST_PRESET, &limit, err) ||
		param_text(params, "cursor", false, &cursor, err) ||
		cursor_of(page.type, cursor, &table, err))
		return -1;
	page.limit = limit;
	page.objects = json_array();
	next = table ? list_rows(&page, cursor) : list_model(&page, cursor);
	*result = json_pack("{s:o}", "objects", page.objects);
	if (next)
		json_object_set_new(*result, "cursor", next);
	return 0;
}
