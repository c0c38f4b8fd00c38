/* SPDX-License-Identifier: BSD-3-Clause */
/* Where the routes are: a hash a table of the kernel's, by prefix; those of one key (prefix,
 * metric, tos) together. */
#include "kernel_parts.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_BUCKETS 16

static int table_cmp(const struct route_table *a, const struct route_table *b)
{
	return a->id < b->id ? -1 : a->id > b->id;
}

RB_GENERATE(route_tables, route_table, node, table_cmp)

uint32_t route_prefix_hash(const struct api_ip *prefix)
{
	return (uint32_t)table_hash(prefix, sizeof(*prefix), 0);
}

static bool same_key(const struct kernel_route *a, const struct kernel_route *b)
{
	return a->metric == b->metric && a->tos == b->tos &&
	       !memcmp(&a->prefix, &b->prefix, sizeof(a->prefix));
}

struct route_table *route_table_of(const struct routes *routes, uint32_t id)
{
	struct route_table want = {.id = id};

	if (routes->last && routes->last->id == id)
		return routes->last;
	return RB_FIND(route_tables, (struct route_tables *)&routes->tables, &want);
}

struct route_table *route_table_made(struct routes *routes, uint32_t id)
{
	struct route_table *table = route_table_of(routes, id);

	if (!table) {
		table = calloc(1, sizeof(*table));
		if (!table)
			return NULL;
		table->buckets = calloc(FIRST_BUCKETS, sizeof(*table->buckets));
		if (!table->buckets) {
			free(table);
			return NULL;
		}
		table->id = id;
		table->mask = FIRST_BUCKETS - 1;
		RB_INSERT(route_tables, &routes->tables, table);
	}
	routes->last = table;
	return table;
}

void route_table_grow(struct routes *routes, struct route_table *table)
{
	uint32_t buckets = (table->mask + 1) * 2;
	struct route **more = calloc(buckets, sizeof(*more));

	if (!more)
		return; /* longer chains */
	for (uint32_t i = 0; i <= table->mask; i++) {
		struct route **tail[2] = {&more[i], &more[i + table->mask + 1]}, *route, *next;

		for (route = table->buckets[i]; route; route = next) {
			int half = (route_prefix_hash(&route->pub.prefix) & (table->mask + 1)) != 0;

			next = route->next;
			route->next = NULL;
			*tail[half] = route;
			tail[half] = &route->next;
		}
	}
	free(table->buckets);
	table->buckets = more;
	table->mask = buckets - 1;
	routes->resizes++;
}

struct route_group route_group_find(struct routes *routes, const struct kernel_route *key)
{
	struct route_group group = {.table = route_table_of(routes, key->table)};
	struct route *route;

	if (!group.table)
		return group;
	group.at = &group.table->buckets[route_prefix_hash(&key->prefix) & group.table->mask];
	while (*group.at && !same_key(&(*group.at)->pub, key))
		group.at = &(*group.at)->next;
	for (route = *group.at; route && same_key(&route->pub, key); route = route->next)
		group.count++;
	return group;
}
