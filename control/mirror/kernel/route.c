/* SPDX-License-Identifier: BSD-3-Clause */
/* The routes of the kernel's tables: a hash a table, by prefix, in which those of one key
 * (prefix, metric, tos) stand together in the order in which the kernel prefers them; and their
 * ways, each set of them stored once, since a million routes of BGP have a few thousand. By the
 * ways the routes of a link, a next hop object or a source are found. What the kernel's messages
 * make of all that. Owns struct routes. */
#include "kernel_private.h"

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "clock.h"
#include "hash.h"

/* ---- ways ---- */

#define FIRST_SLOTS 256

static int user_cmp(const struct path_user *a, const struct path_user *b)
{
	return a->key < b->key ? -1 : a->key > b->key;
}

RB_GENERATE(path_users, path_user, node, user_cmp)

static struct path_user *path_user(const struct routes *routes, uint64_t key)
{
	struct path_user want = {.key = key};

	return RB_FIND(path_users, (struct path_users *)&routes->users, &want);
}

static void use(struct routes *routes, struct path *path, uint64_t key)
{
	struct path_user *user = path_user(routes, key);
	struct path_use *one = &path->uses[path->use_count];

	if (!user) {
		user = xcalloc(1, sizeof(*user));
		user->key = key;
		RB_INSERT(path_users, &routes->users, user);
	}
	one->path = path;
	one->user = user;
	LIST_INSERT_HEAD(&user->uses, one, link);
	path->use_count++;
}

static void unuse(struct routes *routes, struct path *path)
{
	for (uint32_t i = 0; i < path->use_count; i++) {
		struct path_user *user = path->uses[i].user;

		LIST_REMOVE(&path->uses[i], link);
		if (!LIST_EMPTY(&user->uses))
			continue;
		RB_REMOVE(path_users, &routes->users, user);
		free(user);
	}
}

static void use_all(struct routes *routes, struct path *path)
{
	if (path->source)
		use(routes, path, PATH_SOURCE(path->source));
	if (path->nexthop)
		use(routes, path, PATH_NEXTHOP(path->nexthop));
	for (uint32_t i = 0; !path->nexthop && i < path->via_count; i++)
		if (!i || path->via[i].index != path->via[i - 1].index)
			use(routes, path, PATH_LINK(path->via[i].index));
}

static void grow(struct routes *routes)
{
	uint32_t slots = routes->paths ? (routes->path_mask + 1) * 2 : FIRST_SLOTS;
	typeof(routes->paths) more = xcalloc(slots, sizeof(*more));
	struct path *path;

	for (uint32_t i = 0; routes->paths && i <= routes->path_mask; i++) {
		while ((path = LIST_FIRST(&routes->paths[i]))) {
			LIST_REMOVE(path, chain);
			LIST_INSERT_HEAD(&more[path->hash & (slots - 1)], path, chain);
		}
	}
	free(routes->paths);
	routes->paths = more;
	routes->path_mask = slots - 1;
}

/* Made where it is not there, and held until path_put. */
static struct path *path_get(struct routes *routes, uint32_t nexthop, uint32_t source,
	const struct kernel_via *via, uint32_t via_count)
{
	size_t bytes = via_count * sizeof(*via);
	uint32_t hash = (uint32_t)hash_words(via, bytes, (uint64_t)source << 32 | nexthop);
	struct path *path;

	if (!routes->paths || routes->path_count > routes->path_mask)
		grow(routes);
	LIST_FOREACH (path, &routes->paths[hash & routes->path_mask], chain) {
		if (path->hash == hash && path->nexthop == nexthop && path->source == source &&
			path->via_count == via_count && !memcmp(path->via, via, bytes)) {
			path->held++;
			return path;
		}
	}
	path = xcalloc(1, sizeof(*path) + bytes);
	path->uses = xcalloc(via_count + 2, sizeof(*path->uses));
	path->hash = hash;
	path->nexthop = nexthop;
	path->source = source;
	path->via_count = via_count;
	memcpy(path->via, via, bytes);
	use_all(routes, path);
	LIST_INSERT_HEAD(&routes->paths[hash & routes->path_mask], path, chain);
	routes->path_count++;
	path->held = 1;
	return path;
}

void path_check(struct routes *routes, struct path *path)
{
	if (path->held || !LIST_EMPTY(&path->routes))
		return;
	LIST_REMOVE(path, chain);
	routes->path_count--;
	unuse(routes, path);
	free(path->uses);
	free(path);
}

static void path_put(struct routes *routes, struct path *path)
{
	path->held--;
	path_check(routes, path);
}

void path_each_route(const struct routes *routes, uint64_t key,
	bool (*each)(struct route *route, void *arg), void *arg)
{
	struct path_user *user = path_user(routes, key);
	struct path_use *use;
	struct route *route;

	if (!user)
		return;
	LIST_FOREACH (use, &user->uses, link) {
		LIST_FOREACH (route, &use->path->routes, by_path) {
			if (!each(route, arg))
				return;
		}
	}
}

/* ---- tables ---- */

/* The routes of one key. at: where the first one hangs, or would be put. */
struct route_group {
	struct route_table *table; /* NULL: there is none, and no `at` */
	struct route **at;
	uint32_t count;
};

#define FIRST_BUCKETS 16

static int table_cmp(const struct route_table *a, const struct route_table *b)
{
	return a->id < b->id ? -1 : a->id > b->id;
}

RB_GENERATE(route_tables, route_table, node, table_cmp)

uint32_t route_prefix_hash(const struct api_ip *prefix)
{
	return (uint32_t)hash_words(prefix, sizeof(*prefix), 0);
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

static void route_table_make(struct routes *routes, uint32_t id)
{
	struct route_table *table = route_table_of(routes, id);

	if (!table) {
		table = xcalloc(1, sizeof(*table));
		table->buckets = xcalloc(FIRST_BUCKETS, sizeof(*table->buckets));
		table->id = id;
		table->mask = FIRST_BUCKETS - 1;
		RB_INSERT(route_tables, &routes->tables, table);
	}
	routes->last = table;
}

static void route_table_grow(struct routes *routes, struct route_table *table)
{
	uint32_t buckets = (table->mask + 1) * 2;
	struct route **more = xcalloc(buckets, sizeof(*more));

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

static struct route_group route_group_find(struct routes *routes, const struct kernel_route *key)
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

/* ---- what messages make of them ---- */

static uint64_t route_hash(const struct kernel_route *route)
{
	struct {
		uint32_t table, metric, tos;
		uint8_t prefix[20];
	} key = {route->table, route->metric, route->tos, {0}};

	memcpy(key.prefix, &route->prefix, sizeof(route->prefix));
	return hash_words(&key, sizeof(key), KERNEL_ROUTE + 1);
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
	struct route *route = xcalloc(1, sizeof(*route));

	route->next = *at;
	*at = route;
	table->count++;
	kernel->counters.entries[KERNEL_ROUTE]++;
	path_set(kernel, route, as, path);
	if (table->count > table->mask)
		route_table_grow(&kernel->routes, table);
}

/* at: where it hangs. */
static void route_take_out(struct kernel *kernel, struct route **at, struct route_table *table)
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
	route_table_make(&kernel->routes, route->table);
	return path_get(&kernel->routes, route->nexthop, ways->source, ways->via, ways->count);
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

static uint64_t hidden_bit(const struct kernel_route *route)
{
	return 1ull << (route_prefix_hash(&route->prefix) & 63);
}

/* The kernel's dump leaves out an `unreachable` route that lies between the gateways of another
 * one of the same prefix and metric, and shows it again without a message when that one goes. So
 * the table is dumped again when a route goes of whose prefix a dump left one out. */
static void look_for_hidden(
	struct kernel *kernel, const struct route_group *group, const struct kernel_route *route)
{
	if (group->table && group->table->hides & hidden_bit(route))
		dump_verify(kernel, DUMP_ROUTE6, 0, group->table->id);
}

void route_deleted(
	struct kernel *kernel, const struct kernel_route *route, const struct route_ways *ways)
{
	struct path *path = path_wanted(kernel, route, ways);
	struct route_group group;
	struct route **at;

	group = route_group_find(&kernel->routes, route);
	group_touch(kernel, &group, route);
	at = exact(&group, route, path);
	if (!at)
		at = of_object(&group, path);
	if (at)
		route_take_out(kernel, at, group.table);
	else if (route->prefix.family == 6)
		deleted6(kernel, &group, route, path);
	if (route->prefix.family == 6)
		look_for_hidden(kernel, &group, route);
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

/* Without this link; the route goes when no way is left. */
static void route_lose_link(struct kernel *kernel, struct route *route, uint32_t index)
{
	struct path *was = route_path(route);
	struct route_group group = route_group_find(&kernel->routes, &route->pub);
	struct kernel_via via[KERNEL_WAYS_MAX];
	uint32_t count = 0;

	for (uint32_t i = 0; i < was->via_count; i++) {
		if (was->via[i].index != index)
			via[count++] = was->via[i];
	}
	look_for_hidden(kernel, &group, &route->pub);
	if (!count) {
		route_remove(kernel, route);
		return;
	}
	group_touch(kernel, &group, &route->pub);
	shrink(kernel, route, via, count);
}

/* ---- many at once ---- */

#define BUCKETS_A_LOOK 256  /* between two looks at the clock */
#define STALE_A_LOOK   8192 /* some ms */

struct some {
	struct route **routes;
	uint32_t count, room;
};

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
	*(struct route **)xarray_add(
		&some->routes, &some->room, &some->count, sizeof(*some->routes)) = route;
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
		else {
			if (family == 6 && route_group_find(&kernel->routes, &(*at)->pub).count > 1)
				table->hides |= hidden_bit(&(*at)->pub);
			route_take_out(kernel, at, table);
		}
	}
}

static bool sweep_table(struct kernel *kernel, struct route_table *table, uint8_t family)
{
	struct dump *dump = &kernel->dump;
	uint64_t until_us = clock_mono_us() + KERNEL_SLICE_US;

	for (; dump->sweep_bucket <= table->mask; dump->sweep_bucket++) {
		if (dump->sweep_bucket % BUCKETS_A_LOOK == BUCKETS_A_LOOK - 1 &&
			clock_mono_us() > until_us)
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
