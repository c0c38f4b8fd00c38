/* SPDX-License-Identifier: BSD-3-Clause */
/* Routes in numbers: those by a link or a next hop object, those that a dump did not see, all.
 * Called by the dump and by what a link or a next hop object takes along (kernel_table.c). */
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

/* Aside, since the lists change as they go. */
static struct some collect(struct kernel *kernel, uint64_t key, uint8_t family, bool stale)
{
	struct path_user *user = path_user(&kernel->routes, key);
	struct some some = {0};
	struct path_use *use;
	struct route *route;

	if (!user)
		return some;
	LIST_FOREACH(use, &user->uses, link)
	{
		LIST_FOREACH(route, &use->path->routes, by_path)
		{
			if ((family && route->pub.prefix.family != family) ||
				(stale && route->generation == kernel->generation))
				continue;
			if (stale && some.count == STALE_A_LOOK)
				return some;
			if (some.count == some.room && !more(&some)) {
				kernel_out_of_memory(kernel);
				return some;
			}
			some.routes[some.count++] = route;
		}
	}
	return some;
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

bool route_any_by(const struct kernel *kernel, uint64_t key, uint8_t family)
{
	struct path_user *user = path_user(&kernel->routes, key);
	struct path_use *use;
	struct route *route;

	if (!user)
		return false;
	LIST_FOREACH(use, &user->uses, link)
	{
		LIST_FOREACH(route, &use->path->routes, by_path)
		{
			if (route->pub.prefix.family == family)
				return true;
		}
	}
	return false;
}

void route_verify_source(struct kernel *kernel, uint32_t source)
{
	struct path_user *user = path_user(&kernel->routes, PATH_SOURCE(source));
	uint32_t last = 0;
	struct path_use *use;
	struct route *route;

	if (!user)
		return;
	LIST_FOREACH(use, &user->uses, link)
	{
		LIST_FOREACH(route, &use->path->routes, by_path)
		{
			if (route->pub.table != last)
				dump_verify(kernel, DUMP_ROUTE4, 0, route->pub.table);
			last = route->pub.table;
		}
	}
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
