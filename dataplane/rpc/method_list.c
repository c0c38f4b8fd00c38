/* SPDX-License-Identifier: BSD-3-Clause */
/* list: objects in order, page by page, filtered by `match`. Called by dispatch.c; owns nothing. A
 * page ends when it is full, or after so many objects looked at, so that a filter that seldom
 * matches does not hold the main thread. */
#include <stdio.h>
#include <string.h>

#include "fdb.h"
#include "methods.h"
#include "noun.h"
#include "noun_mac.h"
#include "params.h"

#define LOOKED_AT_MODEL 16384
#define LOOKED_AT_MACS	65536
#define LIST_MAX	10000
#define MAC_STEP	64 /* entries taken from the MAC table at a time; no step of it is larger */
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

/* Where a page of MACs begins: the MAC table's cursor, and how many entries to leave out after it.
 * Only a page smaller than one step of the table needs the latter. Written "cursor.skip". */
struct mac_place {
	uint64_t cursor;
	uint32_t skip;
};

/* Up to `left` more entries of the page into entries; moves place on. Returns how many; *end when
 * there are no more. */
static uint32_t next_macs(
	struct mac_place *place, struct fdb_entry *entries, size_t left, bool *end)
{
	uint64_t next = place->cursor;
	uint32_t got = 0;

	if (place->skip == 0)
		got = fdb_iterate(&next, entries, left < MAC_STEP ? left : MAC_STEP);
	if (got == 0) { /* at the end, or a step larger than what is left */
		next = place->cursor;
		got = fdb_iterate(&next, entries, MAC_STEP);
		got = got > place->skip ? got - place->skip : 0;
		memmove(entries, entries + place->skip, got * sizeof(*entries));
		if (got > left) {
			place->skip += left;
			return left;
		}
	}
	*place = (struct mac_place){next, 0};
	*end = next == 0;
	return got;
}

static json_t *list_macs(struct page *page, struct mac_place *place)
{
	struct fdb_entry entries[MAC_STEP];
	union api_object object;
	bool end = false;
	char text[40];

	for (uint32_t looked = 0; looked < LOOKED_AT_MACS && !end;) {
		size_t left = page->limit - json_array_size(page->objects);
		uint32_t got;

		if (left == 0)
			break;
		got = next_macs(place, entries, left, &end);
		looked += got ? got : 1;
		for (uint32_t i = 0; i < got; i++)
			if (mac_describe(&entries[i], &object.mac) &&
				mac_may_match(page, &object.mac))
				page_add(page, api_encode(page->type, &object));
	}
	if (end)
		return NULL;
	snprintf(text, sizeof(text), "%llu.%u", (unsigned long long)place->cursor, place->skip);
	return json_string(text);
}

static int mac_cursor(const char *text, struct mac_place *out, struct rpc_error *err)
{
	unsigned long long cursor;
	char got[80], rest;
	unsigned skip;

	*out = (struct mac_place){0};
	if (!text)
		return 0;
	if (*text < '0' || *text > '9' || sscanf(text, "%llu.%u%c", &cursor, &skip, &rest) != 2 ||
		skip >= MAC_STEP)
		return rpc_fail_value(err, "cursor", "the cursor of the page before",
			printable(text, got, sizeof(got)));
	*out = (struct mac_place){cursor, skip};
	return 0;
}

METHOD(method_list)
{
	struct page page = {.match = json_object_get(params, "match")};
	const char *cursor;
	json_t *next;
	json_int_t limit;
	struct mac_place place;

	if (param_type(params, &page.type, err) || check_match(page.type, page.match, err) ||
		param_int(params, "limit", 1, LIST_MAX, LIST_PRESET, &limit, err) ||
		param_text(params, "cursor", false, &cursor, err))
		return -1;
	if (page.type->type == OBJECT_MAC && mac_cursor(cursor, &place, err))
		return -1;
	page.limit = limit;
	page.objects = json_array();
	if (page.type->type == OBJECT_MAC)
		next = list_macs(&page, &place);
	else
		next = list_model(&page, cursor);
	*result = json_pack("{s:o}", "objects", page.objects);
	if (next)
		json_object_set_new(*result, "cursor", next);
	return 0;
}
