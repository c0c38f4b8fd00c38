/* SPDX-License-Identifier: BSD-3-Clause */
/* The routes of one key (prefix, metric, tos), in the order in which the kernel prefers them:
 * what its messages make of them. */
#include "kernel_parts.h"

#include <stdlib.h>
#include <string.h>

static uint64_t route_hash(const struct kernel_route *route)
{
	struct {
		uint32_t table, metric, tos;
		uint8_t prefix[20];
	} key = {route->table, route->metric, route->tos, {0}};

	memcpy(key.prefix, &route->prefix, sizeof(route->prefix));
	return table_hash(&key, sizeof(key), KERNEL_ROUTE + 1);
}

static bool same_route(const struct route *a, const struct kernel_route *b, const struct path *path)
{
	return route_path(a) == path && a->pub.type == b->type && a->pub.scope == b->scope &&
	       a->pub.protocol == b->protocol;
}

/* ---- one key's routes ---- */

/* What the kernel said by an event is newer than what a dump says. */
static void group_touch(
	struct kernel *kernel, const struct route_group *group, const struct kernel_route *key)
{
	struct route *route = group->at ? *group->at : NULL;

	if (kernel->applying)
		return;
	for (uint32_t i = 0; i < group->count; i++, route = route->next)
		route->generation = kernel->generation;
	dump_touch(kernel, route_hash(key));
}

static void count_drift(struct kernel *kernel)
{
	if (kernel->applying)
		kernel->dump.drift++;
}

static void path_set(struct kernel *kernel, struct route *route, const struct kernel_route *as,
	struct path *path)
{
	struct path *was = route->pub.via ? route_path(route) : NULL;

	if (was)
		LIST_REMOVE(route, by_path);
	route->pub = *as;
	route->pub.nexthop = path->nexthop;
	route->pub.via_count = path->via_count;
	route->pub.via = path->via;
	LIST_INSERT_HEAD(&path->routes, route, by_path);
	route->generation = kernel->generation;
	if (was)
		path_check(&kernel->routes, was);
	count_drift(kernel);
	kernel_changed(kernel, KERNEL_ROUTE, &route->pub, false);
}

static void insert(struct kernel *kernel, struct route **at, struct route_table *table,
	const struct kernel_route *as, struct path *path)
{
	struct route *route = calloc(1, sizeof(*route));

	if (!route) {
		kernel_out_of_memory(kernel);
		return;
	}
	route->next = *at;
	*at = route;
	table->count++;
	kernel->counters.entries[KERNEL_ROUTE]++;
	path_set(kernel, route, as, path);
	if (table->count > table->mask)
		route_table_grow(&kernel->routes, table);
}

/* at: where it hangs. */
void route_take_out(struct kernel *kernel, struct route **at, struct route_table *table)
{
	struct route *route = *at;
	struct path *path = route_path(route);

	*at = route->next;
	table->count--;
	kernel->counters.entries[KERNEL_ROUTE]--;
	count_drift(kernel);
	kernel_changed(kernel, KERNEL_ROUTE, &route->pub, true);
	LIST_REMOVE(route, by_path);
	path_check(&kernel->routes, path);
	free(route);
}

static struct route **nth(const struct route_group *group, uint32_t n)
{
	struct route **at = group->at;

	while (n--)
		at = &(*at)->next;
	return at;
}

static struct route **exact(
	const struct route_group *group, const struct kernel_route *route, const struct path *path)
{
	struct route **at = group->at;

	for (uint32_t i = 0; i < group->count; i++, at = &(*at)->next) {
		if (same_route(*at, route, path))
			return at;
	}
	return NULL;
}

/* By the same next hop object: the type alone differs, since the object has become a blackhole, and
 * the kernel names each of its routes again, wherever among the others it is. */
static struct route **of_object(const struct route_group *group, const struct path *path)
{
	struct route **at = group->at;

	for (uint32_t i = 0; path->nexthop && i < group->count; i++, at = &(*at)->next) {
		if (route_path(*at) == path)
			return at;
	}
	return NULL;
}

static void keep_only(struct kernel *kernel, struct route_group *group, const struct route *kept)
{
	for (struct route **at = group->at; group->count > 1;) {
		if (*at == kept) {
			at = &(*at)->next;
			continue;
		}
		route_take_out(kernel, at, group->table);
		group->count--;
	}
}

/* ---- IPv6: a route with several gateways is several routes to the kernel ---- */

static bool has_way(const struct kernel_via *via, uint32_t count, const struct kernel_via *way)
{
	for (uint32_t i = 0; i < count; i++) {
		if (via[i].index == way->index &&
			!memcmp(&via[i].address, &way->address, sizeof(way->address)))
			return true;
	}
	return false;
}

static bool within(const struct path *part, const struct path *whole)
{
	if (part->nexthop || whole->nexthop)
		return part->nexthop == whole->nexthop;
	for (uint32_t i = 0; i < part->via_count; i++) {
		if (!has_way(whole->via, whole->via_count, &part->via[i]))
			return false;
	}
	return true;
}

/* Of those that the kernel joins to one route; router advertisements' ones it does not. */
static bool joins(const struct kernel_route *route, const struct path *path)
{
	return !path->nexthop && path->via_count && path->via[0].address.family &&
	       route->protocol != RTPROT_RA;
}

/* The one whose place it takes; NULL: it is put behind them. */
static struct route **place6(struct kernel *kernel, const struct route_group *group,
	const struct kernel_route *route, const struct path *path, uint16_t flags)
{
	struct route **at = group->at, **class = NULL;

	/* the kernel may join others, too: `unreachable … via …` goes without a word */
	if (group->count > 1)
		dump_verify(kernel, DUMP_ROUTE6, 0, route->table);
	for (uint32_t i = 0; i < group->count; i++, at = &(*at)->next) {
		if (!(flags & NLM_F_REPLACE) && (*at)->pub.type == route->type &&
			within(route_path(*at), path))
			return at;
		if (!class && joins(&(*at)->pub, route_path(*at)) == joins(route, path))
			class = at;
	}
	if (group->count == 1 && class && !(flags & NLM_F_REPLACE) && joins(route, path))
		dump_verify(kernel, DUMP_ROUTE6, 0, route->table);
	if (flags & NLM_F_REPLACE)
		return class ? class : group->at;
	return NULL;
}

/* ---- what the kernel says ---- */

static struct path *path_wanted(
	struct kernel *kernel, const struct kernel_route *route, const struct route_ways *ways)
{
	struct path *path =
		path_get(&kernel->routes, route->nexthop, ways->source, ways->via, ways->count);

	if (!path || !route_table_made(&kernel->routes, route->table)) {
		if (path)
			path_put(&kernel->routes, path);
		kernel_out_of_memory(kernel);
		return NULL;
	}
	return path;
}

static void event(
	struct kernel *kernel, const struct kernel_route *route, struct path *path, uint16_t flags)
{
	struct route_group group = route_group_find(&kernel->routes, route);
	struct route **same = exact(&group, route, path), **at = NULL;

	group_touch(kernel, &group, route);
	if (flags & NLM_F_EXCL && group.count) { /* none of this key was there */
		keep_only(kernel, &group, same ? *same : *group.at);
		at = group.at;
	} else if (!same && group.count) {
		at = of_object(&group, path);
		if (!at)
			at = route->prefix.family == 6 ? place6(kernel, &group, route, path, flags)
			     : flags & NLM_F_REPLACE   ? group.at
						       : NULL;
	}
	if (same)
		return;
	if (at)
		path_set(kernel, *at, route, path);
	else if (route->prefix.family == 6 || flags & NLM_F_APPEND || !group.count)
		insert(kernel, nth(&group, group.count), group.table, route, path);
	else
		insert(kernel, group.at, group.table, route, path);
}

void route_event(struct kernel *kernel, const struct kernel_route *route,
	const struct route_ways *ways, uint16_t flags)
{
	struct path *path = path_wanted(kernel, route, ways);

	if (!path)
		return;
	event(kernel, route, path, flags);
	path_put(&kernel->routes, path);
}

/* Each is put behind those seen before, so that the order comes out as the dump's. */
static void dumped(struct kernel *kernel, const struct kernel_route *route, struct path *path)
{
	struct route_group group = route_group_find(&kernel->routes, route);
	struct route **at = exact(&group, route, path), **replaced = NULL, *one;

	if (!at)
		replaced = of_object(&group, path);
	if (!at && !replaced && group.count == 1 && (*group.at)->generation != kernel->generation)
		replaced = group.at;
	if (replaced) {
		path_set(kernel, *replaced, route, path);
		return;
	}
	if (!at) {
		insert(kernel, nth(&group, group.count), group.table, route, path);
		return;
	}
	one = *at;
	one->generation = kernel->generation;
	if (group.count > 1) {
		*at = one->next;
		at = nth(&group, group.count - 1);
		one->next = *at;
		*at = one;
	}
}

void route_dumped(
	struct kernel *kernel, const struct kernel_route *route, const struct route_ways *ways)
{
	struct path *path;

	if (dump_touched(kernel, route_hash(route)))
		return;
	path = path_wanted(kernel, route, ways);
	if (!path)
		return;
	dumped(kernel, route, path);
	path_put(&kernel->routes, path);
}

/* Only these ways are left to it; the weight of a single one is not told any more. */
static void shrink(
	struct kernel *kernel, struct route *route, struct kernel_via *via, uint32_t count)
{
	struct kernel_route as = route->pub;
	struct path *left;

	if (count == 1)
		via[0].weight = 1;
	left = path_get(&kernel->routes, 0, 0, via, count);
	if (!left) {
		kernel_out_of_memory(kernel);
		return;
	}
	path_set(kernel, route, &as, left);
	path_put(&kernel->routes, left);
}

/* Ways of an IPv6 route that are deleted may be some of those it has. */
static void deleted6(struct kernel *kernel, struct route_group *group,
	const struct kernel_route *route, const struct path *path)
{
	struct route **at = group->at;

	for (uint32_t i = 0; i < group->count; i++, at = &(*at)->next) {
		struct path *was = route_path(*at);
		struct kernel_via via[KERNEL_WAYS_MAX];
		uint32_t count = 0;

		if ((*at)->pub.type != route->type || !within(path, was))
			continue;
		for (uint32_t k = 0; k < was->via_count; k++) {
			if (!has_way(path->via, path->via_count, &was->via[k]))
				via[count++] = was->via[k];
		}
		if (count)
			shrink(kernel, *at, via, count);
		else
			route_take_out(kernel, at, group->table);
		return;
	}
}

void route_deleted(
	struct kernel *kernel, const struct kernel_route *route, const struct route_ways *ways)
{
	struct path *path = path_wanted(kernel, route, ways);
	struct route_group group;
	struct route **at;

	if (!path)
		return;
	group = route_group_find(&kernel->routes, route);
	group_touch(kernel, &group, route);
	at = exact(&group, route, path);
	if (!at)
		at = of_object(&group, path);
	if (at)
		route_take_out(kernel, at, group.table);
	else if (route->prefix.family == 6)
		deleted6(kernel, &group, route, path);
	path_put(&kernel->routes, path);
}

/* ---- what goes without a word ---- */

void route_remove(struct kernel *kernel, struct route *route)
{
	struct route_group group = route_group_find(&kernel->routes, &route->pub);
	struct route **at = group.at;

	group_touch(kernel, &group, &route->pub);
	while (*at != route)
		at = &(*at)->next;
	route_take_out(kernel, at, group.table);
}

void route_lose_link(struct kernel *kernel, struct route *route, uint32_t index)
{
	struct path *was = route_path(route);
	struct route_group group = route_group_find(&kernel->routes, &route->pub);
	struct kernel_via via[KERNEL_WAYS_MAX];
	uint32_t count = 0;

	for (uint32_t i = 0; i < was->via_count; i++) {
		if (was->via[i].index != index)
			via[count++] = was->via[i];
	}
	if (!count) {
		route_remove(kernel, route);
		return;
	}
	group_touch(kernel, &group, &route->pub);
	shrink(kernel, route, via, count);
}
