/* SPDX-License-Identifier: BSD-3-Clause */
/* Routes in numbers: those by a link or a next hop object, those that a dump did not see, all. */
#include "kernel_parts.h"

#include <stdlib.h>

#define BUCKETS_A_LOOK 256  /* between two looks at the clock */
#define STALE_A_LOOK   8192 /* some ms */

struct some {
	struct route **routes;
	uint32_t count, room;
};

static bool more(struct some *some)
{
	uint32_t room = some->room ? some->room * 2 : 64;
	struct route **routes = reallocarray(some->routes, room, sizeof(*routes));

	if (!routes)
		return false;
	some->routes = routes;
	some->room = room;
	return true;
}

struct collecting {
	struct kernel *kernel;
	uint8_t family; /* 0: both */
	bool stale;
	struct some some;
};

static bool collect_one(struct route *route, void *arg)
{
	struct collecting *c = arg;
	struct some *some = &c->some;

	if ((c->family && route->pub.prefix.family != c->family) ||
		(c->stale && route->generation == c->kernel->generation))
		return true;
	if (c->stale && some->count == STALE_A_LOOK)
		return false;
	if (some->count == some->room && !more(some)) {
		kernel_out_of_memory(c->kernel);
		return false;
	}
	some->routes[some->count++] = route;
	return true;
}

/* Aside, since the lists change as they go. */
static struct some collect(struct kernel *kernel, uint64_t key, uint8_t family, bool stale)
{
	struct collecting c = {.kernel = kernel, .family = family, .stale = stale};

	path_each_route(&kernel->routes, key, collect_one, &c);
	return c.some;
}

bool route_remove_by(struct kernel *kernel, uint64_t user, uint8_t family, bool stale)
{
	struct some some = collect(kernel, user, family, stale);

	for (uint32_t i = 0; i < some.count; i++)
		route_remove(kernel, some.routes[i]);
	free(some.routes);
	return !stale || some.count < STALE_A_LOOK;
}

void route_remove_ways6(struct kernel *kernel, uint32_t index)
{
	struct some some = collect(kernel, PATH_LINK(index), 6, false);

	for (uint32_t i = 0; i < some.count; i++)
		route_lose_link(kernel, some.routes[i], index);
	free(some.routes);
}

struct asking {
	struct kernel *kernel;
	uint8_t family;
	uint32_t table;
	bool any;
};

static bool is_of_family(struct route *route, void *arg)
{
	struct asking *asking = arg;

	asking->any = route->pub.prefix.family == asking->family;
	return !asking->any;
}

bool route_any_by(const struct kernel *kernel, uint64_t key, uint8_t family)
{
	struct asking asking = {.family = family};

	path_each_route(&kernel->routes, key, is_of_family, &asking);
	return asking.any;
}

static bool verify_table(struct route *route, void *arg)
{
	struct asking *asking = arg;

	if (route->pub.table != asking->table)
		dump_verify(asking->kernel, DUMP_ROUTE4, 0, route->pub.table);
	asking->table = route->pub.table;
	return true;
}

void route_verify_source(struct kernel *kernel, uint32_t source)
{
	struct asking asking = {.kernel = kernel};

	path_each_route(&kernel->routes, PATH_SOURCE(source), verify_table, &asking);
}

/* ---- what a dump has not seen ---- */

static void sweep_bucket(struct kernel *kernel, struct route_table *table, uint8_t family)
{
	struct route **at = &table->buckets[kernel->dump.sweep_bucket];

	while (*at) {
		if ((*at)->generation == kernel->generation || (*at)->pub.prefix.family != family)
			at = &(*at)->next;
		else
			route_take_out(kernel, at, table);
	}
}

static bool sweep_table(struct kernel *kernel, struct route_table *table, uint8_t family)
{
	struct dump *dump = &kernel->dump;
	uint64_t until_us = kernel_now_us() + KERNEL_SLICE_US;

	for (; dump->sweep_bucket <= table->mask; dump->sweep_bucket++) {
		if (dump->sweep_bucket % BUCKETS_A_LOOK == BUCKETS_A_LOOK - 1 &&
			kernel_now_us() > until_us)
			return false;
		sweep_bucket(kernel, table, family);
	}
	dump->sweep_bucket = 0;
	return true;
}

bool route_sweep(struct kernel *kernel, uint8_t family, uint32_t only)
{
	struct dump *dump = &kernel->dump;
	struct route_table want, *table;

	if (dump->sweep_resizes != kernel->routes.resizes) { /* other buckets than before */
		dump->sweep_resizes = kernel->routes.resizes;
		dump->sweep_table = only;
		dump->sweep_bucket = 0;
	}
	for (;;) {
		want.id = dump->sweep_table;
		table = RB_NFIND(route_tables, &kernel->routes.tables, &want);
		if (!table || (only && table->id != only))
			return true;
		if (table->id != dump->sweep_table)
			dump->sweep_bucket = 0;
		dump->sweep_table = table->id;
		if (!sweep_table(kernel, table, family))
			return false;
		if (table->id == UINT32_MAX)
			return true;
		dump->sweep_table = table->id + 1;
	}
}

void route_clear(struct kernel *kernel)
{
	struct routes *routes = &kernel->routes;
	struct route_table *table;

	while ((table = RB_MIN(route_tables, &routes->tables))) {
		for (uint32_t i = 0; i <= table->mask; i++) {
			while (table->buckets[i])
				route_take_out(kernel, &table->buckets[i], table);
		}
		RB_REMOVE(route_tables, &routes->tables, table);
		free(table->buckets);
		free(table);
		routes->last = NULL;
	}
	free(routes->paths);
	routes->paths = NULL;
	routes->path_mask = 0;
}
