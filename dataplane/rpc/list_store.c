/* SPDX-License-Identifier: BSD-3-Clause */
/* Pages of MACs, routes of slices, learned and missing neighbours and sessions (list_store.h). A
 * page ends when it is full, or after so many entries looked at, so that a filter that seldom
 * matches does not hold the main thread. */
#include "list_store.h"

#include <stdio.h>
#include <string.h>

#include "fdb.h"
#include "fib_cursor.h"
#include "neighbor.h"
#include "noun_route.h"
#include "noun_mac.h"
#include "noun_neighbor.h"
#include "noun_session.h"
#include "session.h"
#include "underlay.h"

#define LOOKED_AT 65536

static const char *match_text(const struct page *page, const char *field)
{
	return json_string_value(json_object_get(page->match, field));
}

/* ---- MACs ---- */

static uint32_t macs_iterate(const struct page *page, uint64_t *cursor, void *entries, uint32_t max)
{
	return fdb_iterate(cursor, entries, max);
}

static bool macs_describe(const struct page *page, const void *entry, union api_object *out)
{
	const char *slice = match_text(page, "slice");
	json_t *learned = json_object_get(page->match, "learned");

	if (!mac_describe(entry, &out->mac) || (slice && strcmp(slice, out->mac.slice)))
		return false;
	return !learned || json_is_true(learned) == out->mac.learned;
}

/* ---- routes of slices ---- */

static bool prefix_match(const struct page *page, struct api_ip *out)
{
	const char *text = match_text(page, "prefix");

	return text && !api_ip_parse(text, true, out);
}

/* The slice a filter names, 0: none. */
static uint16_t slice_match(const struct page *page)
{
	const char *table = match_text(page, "table");
	const struct object *slice = table ? model_find(OBJECT_SLICE, table) : NULL;

	return slice ? slice->id : 0;
}

static bool routes_may(const struct page *page, uint8_t family)
{
	struct api_ip prefix;

	if (match_text(page, "table") && !slice_match(page))
		return false;
	return !prefix_match(page, &prefix) || prefix.family == family;
}

static bool routes4_may(const struct page *page)
{
	return routes_may(page, 4);
}

static bool routes6_may(const struct page *page)
{
	return routes_may(page, 6);
}

/* One prefix of one slice is looked up rather than looked for. */
static uint32_t routes_iterate(const struct page *page, uint8_t family, uint64_t *cursor,
	struct fib_entry *entries, uint32_t max)
{
	uint16_t slice = slice_match(page);
	struct api_ip prefix;

	if (!slice || !prefix_match(page, &prefix))
		return fib_page(family, slice, cursor, entries, max);
	memset(cursor, 0, FIB_CURSOR_WORDS * sizeof(*cursor));
	*entries = (struct fib_entry){slice, prefix, fib_route_get(slice, &prefix), FIB_ROUTE};
	return entries->nexthop ? 1 : 0;
}

static uint32_t routes4_iterate(
	const struct page *page, uint64_t *cursor, void *entries, uint32_t max)
{
	return routes_iterate(page, 4, cursor, entries, max);
}

static uint32_t routes6_iterate(
	const struct page *page, uint64_t *cursor, void *entries, uint32_t max)
{
	return routes_iterate(page, 6, cursor, entries, max);
}

static bool routes_describe(const struct page *page, const void *entry, union api_object *out)
{
	const struct fib_entry *route = entry;
	struct api_ip prefix;

	if (route->owner != FIB_ROUTE ||
		(prefix_match(page, &prefix) && memcmp(&prefix, &route->prefix, sizeof(prefix))))
		return false;
	return fib_describe(route->slice, &route->prefix, route->nexthop, &out->route);
}

/* ---- learned neighbours ---- */

static bool neighbors_may(const struct page *page)
{
	return !match_text(page, "port");
}

static uint32_t neighbors_iterate(
	const struct page *page, uint64_t *cursor, void *entries, uint32_t max)
{
	return neighbor_iterate(cursor, entries, max);
}

static bool neighbors_describe(const struct page *page, const void *entry, union api_object *out)
{
	const struct neighbor_entry *neighbor = entry;

	return neighbor->state != NEIGHBOR_STATIC && neighbor_describe(neighbor, &out->neighbor);
}

/* ---- next hops that paths want and nobody put ---- */

static bool missing_may(const struct page *page)
{
	return !match_text(page, "attachment");
}

static uint32_t missing_iterate(
	const struct page *page, uint64_t *cursor, void *entries, uint32_t max)
{
	return underlay_hops_missing(cursor, entries, max);
}

static bool missing_describe(const struct page *page, const void *entry, union api_object *out)
{
	return missing_neighbor_describe(entry, &out->neighbor);
}

/* ---- sessions ---- */

/* One by its name is looked up rather than looked for. */
static uint32_t sessions_iterate(
	const struct page *page, uint64_t *cursor, void *entries, uint32_t max)
{
	const char *name = match_text(page, "name");
	uint32_t *index = entries;

	if (!name)
		return session_iterate(cursor, index, max);
	*cursor = 0;
	*index = session_find(name);
	return *index ? 1 : 0;
}

static bool sessions_describe(const struct page *page, const void *entry, union api_object *out)
{
	const char *slice = match_text(page, "slice");

	return noun_session_describe(*(const uint32_t *)entry, &out->session) &&
	       (!slice || !strcmp(slice, out->session.slice));
}

_Static_assert(sizeof(struct fdb_entry) <= STORE_ENTRY, "an entry fits");
_Static_assert(sizeof(struct fib_entry) <= STORE_ENTRY, "an entry fits");
_Static_assert(sizeof(struct neighbor_entry) <= STORE_ENTRY, "an entry fits");
_Static_assert(sizeof(struct underlay_hop) <= STORE_ENTRY, "an entry fits");

static const struct store mac_stores[] = {
	{0, NULL, macs_iterate, sizeof(struct fdb_entry), macs_describe},
	{.iterate = NULL},
};
static const struct store route_stores[] = {
	{'4', routes4_may, routes4_iterate, sizeof(struct fib_entry), routes_describe},
	{'6', routes6_may, routes6_iterate, sizeof(struct fib_entry), routes_describe},
	{.iterate = NULL},
};
static const struct store neighbor_stores[] = {
	{'n', neighbors_may, neighbors_iterate, sizeof(struct neighbor_entry), neighbors_describe},
	{'w', missing_may, missing_iterate, sizeof(struct underlay_hop), missing_describe},
	{.iterate = NULL},
};

static const struct store session_stores[] = {
	{0, NULL, sessions_iterate, sizeof(uint32_t), sessions_describe},
	{.iterate = NULL},
};

const struct store *stores_of(enum object_type type)
{
	static const struct store none = {.iterate = NULL};

	switch (type) {
	case OBJECT_MAC:
		return mac_stores;
	case OBJECT_ROUTE:
		return route_stores;
	case OBJECT_NEIGHBOR:
		return neighbor_stores;
	case OBJECT_SESSION:
		return session_stores;
	default:
		return &none;
	}
}

static bool get_place(const struct store *store, const char *text, uint64_t *place)
{
	unsigned long long word[FIB_CURSOR_WORDS];
	char rest;

	if (store->tag && *text++ != store->tag)
		return false;
	if (*text < '0' || *text > '9' ||
		sscanf(text, "%llu.%llu.%llu%c", &word[0], &word[1], &word[2], &rest) != 3)
		return false;
	for (int i = 0; i < FIB_CURSOR_WORDS; i++)
		place[i] = word[i];
	return true;
}

static json_t *cursor_json(const struct store *store, const uint64_t *place)
{
	char tag[2] = {store->tag, '\0'};

	return json_sprintf("%s%llu.%llu.%llu", tag, (unsigned long long)place[0],
		(unsigned long long)place[1], (unsigned long long)place[2]);
}

bool store_cursor_valid(enum object_type type, const char *cursor)
{
	uint64_t place[FIB_CURSOR_WORDS];

	for (const struct store *store = stores_of(type); store->iterate; store++)
		if (get_place(store, cursor, place))
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
	struct page *page, const struct store *store, uint64_t *place, uint32_t *looked)
{
	char entries[STORE_STEP * STORE_ENTRY];
	union api_object object;
	bool end = store->may && !store->may(page);

	while (!end && *looked < LOOKED_AT) {
		size_t left = page->limit - json_array_size(page->objects);
		uint32_t got;

		if (left == 0)
			break;
		got = store->iterate(page, place, entries, left < STORE_STEP ? left : STORE_STEP);
		end = place[0] == 0;
		*looked += got ? got : 1;
		for (uint32_t i = 0; i < got; i++)
			if (store->describe(page, entries + i * store->entry_bytes, &object) &&
				!is_claimed(page, &object))
				page_add(page, api_encode(page->type, &object));
	}
	return end;
}

json_t *store_list(struct page *page, const char *cursor)
{
	const struct store *store = stores_of(page->type->type);
	uint64_t place[FIB_CURSOR_WORDS] = {0};
	uint32_t looked = 0;

	while (cursor && !get_place(store, cursor, place))
		store++;
	for (; store->iterate; store++) {
		if (!list_one(page, store, place, &looked))
			return cursor_json(store, place);
		memset(place, 0, sizeof(place));
	}
	return NULL;
}
