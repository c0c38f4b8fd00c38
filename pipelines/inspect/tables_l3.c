/* SPDX-License-Identifier: BSD-3-Clause */
/* The tables of routing slices as data, and their rows for people: routes by slice, next hops,
 * neighbours. Main thread only. */
#include "tables.h"

#include <rte_common.h>
#include <stdio.h>
#include <string.h>

#include "fib_cursor.h"
#include "l3.h"
#include "neighbor.h"
#include "nexthop.h"
#include "schema.h"

#define ROW_TEXT(field, ...) snprintf(field, sizeof(field), __VA_ARGS__)
#define PAGE		     64

/* ---- routes4, routes6: (slice, prefix) → next hop ---- */

static const char *const owners[] = {
	[FIB_NONE] = "none",
	[FIB_GATEWAY] = "gateway",
	[FIB_CONNECTED] = "connected",
	[FIB_ROUTE] = "route",
	[FIB_NEIGHBOR] = "neighbor",
	[FIB_SESSION] = "session",
};

static void route_row(const struct fib_entry *e, struct table_row *row)
{
	char prefix[64], text[96];

	memset(row, 0, sizeof(*row));
	api_ip_format(&e->prefix, true, prefix);
	if (e->owner == FIB_SESSION) /* no next hop: SESSION_PREFIX() */
		snprintf(text, sizeof(text), "{session %u}", e->nexthop & LIMIT_SESSIONS);
	else
		nexthop_text(e->nexthop, text);
	ROW_TEXT(row->key_text[0], "{slice %u}", e->slice);
	ROW_TEXT(row->key_text[1], "%.47s", prefix);
	ROW_TEXT(row->param_text[0], "%u", e->nexthop);
	ROW_TEXT(row->param_text[1], "%s", text);
	ROW_TEXT(row->param_text[2], "%s", owners[e->owner]);
}

static uint32_t routes_read(uint8_t family, uint64_t *cursor, struct table_row *rows, uint32_t max)
{
	struct fib_entry entries[PAGE];
	uint32_t n = fib_page(family, 0, cursor, entries, RTE_MIN(max, (uint32_t)PAGE));

	for (uint32_t i = 0; i < n; i++)
		route_row(&entries[i], &rows[i]);
	return n;
}

static uint32_t routes4_read(uint64_t *cursor, struct table_row *rows, uint32_t max)
{
	return routes_read(4, cursor, rows, max);
}

static uint32_t routes6_read(uint64_t *cursor, struct table_row *rows, uint32_t max)
{
	return routes_read(6, cursor, rows, max);
}

static uint32_t routes4_count(void)
{
	return lpm_count(&fib4);
}

static uint32_t routes6_count(void)
{
	return lpm_count(&fib6);
}

/* ---- nexthops: what a route's index means ---- */

static uint32_t nexthops_read(uint64_t *cursor, struct table_row *rows, uint32_t max)
{
	uint32_t index = *cursor < LIMIT_NEXTHOPS ? nexthop_after(*cursor) : 0, n = 0, last = 0;

	for (; index != 0 && n < max; index = nexthop_after(index)) {
		struct table_row *row = &rows[n++];
		char text[96];

		memset(row, 0, sizeof(*row));
		nexthop_text(index, text);
		ROW_TEXT(row->key_text[0], "%u", index);
		ROW_TEXT(row->param_text[0], "%s", text);
		last = index;
	}
	*cursor = index != 0 ? last : 0;
	return n;
}

/* ---- neighbors ---- */

static const char *const states[] = {
	[NEIGHBOR_STATIC] = "static",
	[NEIGHBOR_REACHABLE] = "reachable",
	[NEIGHBOR_STALE] = "stale",
	[NEIGHBOR_INCOMPLETE] = "incomplete",
	[NEIGHBOR_FAILED] = "failed",
};

static void neighbor_row(const struct neighbor_entry *e, struct table_row *row)
{
	char ip[64], mac[64];

	memset(row, 0, sizeof(*row));
	api_ip_format(&e->address, false, ip);
	api_mac_format(&e->mac, mac);
	ROW_TEXT(row->key_text[0], "{slice %u}", e->slice);
	if (e->attachment != 0)
		ROW_TEXT(row->key_text[1], "{attachment %u}", e->attachment);
	ROW_TEXT(row->key_text[2], "%.47s", ip);
	ROW_TEXT(row->param_text[0], "%s", mac);
	ROW_TEXT(row->param_text[1], "%s", states[e->state]);
	ROW_TEXT(row->param_text[2], "%u", e->age_s);
}

static uint32_t neighbors_read(uint64_t *cursor, struct table_row *rows, uint32_t max)
{
	struct neighbor_entry entries[PAGE];
	uint32_t n = neighbor_iterate(cursor, entries, RTE_MIN(max, (uint32_t)PAGE));

	for (uint32_t i = 0; i < n; i++)
		neighbor_row(&entries[i], &rows[i]);
	return n;
}

/* ---- declarations ---- */

#define FIELDS(...) ((const struct table_field[]){__VA_ARGS__})

static const struct table_action route_actions[] = {
	{"to_nexthop", FIELDS({"nexthop", 32, NULL}, {"way", 0, NULL}, {"owner", 3, NULL}), 3},
};
static const struct table_action nexthop_actions[] = {
	{"send", FIELDS({"way", 0, NULL}), 1},
};
static const struct table_action neighbor_actions[] = {
	{"resolve", FIELDS({"mac", 48, NULL}, {"state", 3, NULL}, {"age_s", 32, NULL}), 3},
};

const struct table_decl routes4_decl = {
	.name = "routes4",
	.help = "where an IPv4 packet of an l3 slice goes",
	.key = FIELDS({"slice", 16, "exact"}, {"prefix", 32, "lpm"}),
	.n_key = 2,
	.actions = route_actions,
	.n_actions = RTE_DIM(route_actions),
	.size = LIMIT_FIB_ROUTES,
	.count = routes4_count,
	.read = routes4_read,
};
const struct table_decl routes6_decl = {
	.name = "routes6",
	.help = "where an IPv6 packet of an l3 slice goes",
	.key = FIELDS({"slice", 16, "exact"}, {"prefix", 128, "lpm"}),
	.n_key = 2,
	.actions = route_actions,
	.n_actions = RTE_DIM(route_actions),
	.size = LIMIT_FIB_ROUTES,
	.count = routes6_count,
	.read = routes6_read,
};
const struct table_decl nexthops_decl = {
	.name = "nexthops",
	.help = "what routes of l3 slices lead to, shared among them",
	.key = FIELDS({"nexthop", 32, "exact"}),
	.n_key = 1,
	.actions = nexthop_actions,
	.n_actions = RTE_DIM(nexthop_actions),
	.size = LIMIT_NEXTHOPS,
	.count = nexthop_count,
	.read = nexthops_read,
};
const struct table_decl neighbors_decl = {
	.name = "neighbors",
	.help = "the MAC of a host on an attachment; who is not here is asked for (l3) or let "
		"through",
	.key = FIELDS(
		{"slice", 16, "exact"}, {"attachment", 16, "exact"}, {"address", 128, "exact"}),
	.n_key = 3,
	.actions = neighbor_actions,
	.n_actions = RTE_DIM(neighbor_actions),
	.size = LIMIT_HOSTS,
	.count = neighbor_count,
	.read = neighbors_read,
};
