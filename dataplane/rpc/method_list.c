/* SPDX-License-Identifier: BSD-3-Clause */
/* list: objects in order, page by page, filtered by `match`. Called by dispatch.c; owns nothing. A
 * page ends when it is full, or after so many objects looked at, so that a filter that seldom
 * matches does not hold the main thread. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fdb.h"
#include "methods.h"
#include "noun.h"
#include "noun_mac.h"
#include "params.h"

#define LOOKED_AT_MODEL 16384
#define LOOKED_AT_MACS	65536
#define LIST_MAX	10000
#define LIST_PRESET	1000

struct page {
	const struct api_type *type;
	const json_t *match; /* NULL = everything */
	size_t limit;
	json_t *objects;
};

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
			used += snprintf(want + used, sizeof(want) - used, "%s ", field->name);
		return rpc_fail_value(err, "match", want, printable(name, got, sizeof(got)));
	}
	return 0;
}

/* Fields left out of the answer because they have their default match their default only when
 * written so: null. */
static bool matches(const json_t *object, const json_t *match)
{
	const char *name;
	json_t *value;

	json_object_foreach ((json_t *)match, name, value) {
		const json_t *has = json_object_get(object, name);

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

static json_t *list_model(struct page *page, const char *cursor)
{
	struct object *obj = model_after(page->type->type, cursor ? cursor : "");
	struct object *last = NULL;

	for (int looked = 0; obj && looked < LOOKED_AT_MODEL; looked++) {
		if (json_array_size(page->objects) >= page->limit)
			break;
		page_add(page, noun_encode(obj));
		last = obj;
		obj = model_next(obj);
	}
	return obj && last ? json_string(last->key) : NULL;
}

/* Without encoding what the filter refuses: most of a million MACs are not what is looked for. */
static bool mac_may_match(const struct page *page, const struct api_mac *mac)
{
	const char *slice = json_string_value(json_object_get(page->match, "slice"));
	json_t *learned = json_object_get(page->match, "learned");

	if (slice && strcmp(slice, mac->slice))
		return false;
	return !learned || json_is_true(learned) == mac->learned;
}

static json_t *list_macs(struct page *page, uint64_t cursor)
{
	struct fdb_entry entries[64];
	union api_object object;
	char text[24];

	for (uint32_t looked = 0; looked < LOOKED_AT_MACS;) {
		size_t left = page->limit - json_array_size(page->objects);
		uint32_t got;

		if (left == 0)
			break;
		got = fdb_iterate(&cursor, entries, left < 64 ? left : 64);
		looked += got ? got : 1;
		for (uint32_t i = 0; i < got; i++)
			if (mac_describe(&entries[i], &object.mac) &&
				mac_may_match(page, &object.mac))
				page_add(page, api_encode(page->type, &object));
		if (cursor == 0)
			return NULL;
	}
	snprintf(text, sizeof(text), "%llu", (unsigned long long)cursor);
	return json_string(text);
}

static int mac_cursor(const char *text, uint64_t *out, struct rpc_error *err)
{
	char got[80], *end = (char *)text;

	*out = 0;
	if (!text)
		return 0;
	errno = 0;
	if (*text >= '1' && *text <= '9')
		*out = strtoull(text, &end, 10);
	if (*out != 0 && *end == '\0' && errno == 0)
		return 0;
	return rpc_fail_value(
		err, "cursor", "the cursor of the page before", printable(text, got, sizeof(got)));
}

METHOD(method_list)
{
	struct page page = {.match = json_object_get(params, "match")};
	const char *cursor;
	json_t *next;
	json_int_t limit;
	uint64_t number = 0;

	if (param_type(params, &page.type, err) || check_match(page.type, page.match, err) ||
		param_int(params, "limit", 1, LIST_MAX, LIST_PRESET, &limit, err) ||
		param_text(params, "cursor", false, &cursor, err))
		return -1;
	if (page.type->type == OBJECT_MAC && mac_cursor(cursor, &number, err))
		return -1;
	page.limit = limit;
	page.objects = json_array();
	if (page.type->type == OBJECT_MAC)
		next = list_macs(&page, number);
	else
		next = list_model(&page, cursor);
	*result = json_pack("{s:o}", "objects", page.objects);
	if (next)
		json_object_set_new(*result, "cursor", next);
	return 0;
}
