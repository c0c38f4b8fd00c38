/* SPDX-License-Identifier: BSD-3-Clause */
/* Reading the tables (kernel.h). Changes nothing. */
#include "kernel_private.h"

#include <linux/neighbour.h>
#include <string.h>

static const void *body(const struct entry *entry)
{
	return entry ? entry->body : NULL;
}

static struct entry *first(const struct kernel *kernel, enum kernel_kind kind)
{
	static const struct kernel_key lowest;

	return table_from(kernel, kind, &lowest);
}

const struct kernel_link *kernel_link(const struct kernel *kernel, uint32_t index)
{
	struct kernel_key key = key_index(index);

	return body(table_find(kernel, KERNEL_LINK, &key));
}

const struct kernel_link *kernel_link_named(const struct kernel *kernel, const char *name)
{
	struct entry *entry;

	for (entry = first(kernel, KERNEL_LINK); entry; entry = table_next(entry)) {
		if (!strcmp(((const struct kernel_link *)entry->body)->name, name))
			return body(entry);
	}
	return NULL;
}

const struct kernel_nexthop *kernel_nexthop(const struct kernel *kernel, uint32_t id)
{
	struct kernel_key key = key_index(id);

	return body(table_find(kernel, KERNEL_NEXTHOP, &key));
}

const struct kernel_neighbor *kernel_neighbor(
	const struct kernel *kernel, uint32_t index, const struct api_ip *address)
{
	struct api_ip plain = *address;
	struct kernel_key key;

	plain.len = plain.family == 6 ? 128 : 32;
	key = key_neighbor(index, &plain);
	return body(table_find(kernel, KERNEL_NEIGHBOR, &key));
}

/* ---- FDBs ---- */

const struct kernel_fdb *kernel_fdb_of_bridge(
	const struct kernel *kernel, uint32_t bridge, const struct api_mac_addr *mac)
{
	struct kernel_fdb want = {.master = bridge, .mac = *mac};
	struct kernel_key key = key_fdb(&want, 0);

	return body(table_find(kernel, KERNEL_FDB, &key));
}

/* All whose key begins with that of `low`, of as many bytes. */
static void each_fdb(const struct kernel *kernel, const struct kernel_key *low, size_t bytes,
	uint32_t index, void (*each)(const struct kernel_fdb *entry, void *arg), void *arg)
{
	struct entry *entry = table_from(kernel, KERNEL_FDB, low);

	for (; entry && !memcmp(&entry->key, low, bytes); entry = table_next(entry)) {
		const struct kernel_fdb *fdb = body(entry);

		if (fdb->index == index)
			each(fdb, arg);
	}
}

void kernel_each_fdb_of_device(const struct kernel *kernel, uint32_t index,
	const struct api_mac_addr *mac, void (*each)(const struct kernel_fdb *entry, void *arg),
	void *arg)
{
	struct kernel_key low = key_index(index);

	low.bytes[4] = FDB_OF_DEVICE;
	memcpy(low.bytes + 5, mac, sizeof(*mac));
	each_fdb(kernel, &low, 5 + sizeof(*mac), index, each, arg);
}

void kernel_each_fdb_of_port(const struct kernel *kernel, uint32_t index,
	void (*each)(const struct kernel_fdb *entry, void *arg), void *arg)
{
	const struct kernel_link *link = kernel_link(kernel, index);
	struct kernel_key low = key_index(index);

	low.bytes[4] = FDB_OF_DEVICE;
	each_fdb(kernel, &low, 5, index, each, arg);
	if (!link || !link->master)
		return;
	low = key_index(link->master);
	each_fdb(kernel, &low, 5, index, each, arg);
}

/* ---- routes ---- */

const struct kernel_route *kernel_route(
	const struct kernel *kernel, uint32_t id, const struct api_ip *prefix)
{
	struct route_table *table = route_table_of(&kernel->routes, id);
	const struct kernel_route *best = NULL;
	struct route *route;

	if (!table)
		return NULL;
	route = table->buckets[route_prefix_hash(prefix) & table->mask];
	for (; route; route = route->next) {
		if (!route->pub.tos && !memcmp(&route->pub.prefix, prefix, sizeof(*prefix)) &&
			(!best || route->pub.metric < best->metric))
			best = &route->pub;
	}
	return best;
}

static void each_route(const struct route_table *table,
	void (*each)(const struct kernel_route *route, void *arg), void *arg)
{
	for (uint32_t i = 0; i <= table->mask; i++) {
		for (struct route *route = table->buckets[i]; route; route = route->next)
			each(&route->pub, arg);
	}
}

void kernel_each_route_of(const struct kernel *kernel, uint32_t id,
	void (*each)(const struct kernel_route *route, void *arg), void *arg)
{
	struct route_table *table = route_table_of(&kernel->routes, id);

	if (table)
		each_route(table, each, arg);
}

struct hearing {
	void (*each)(const struct kernel_route *route, void *arg);
	void *arg;
};

static bool hear(struct route *route, void *arg)
{
	struct hearing *hearing = arg;

	hearing->each(&route->pub, hearing->arg);
	return true;
}

/* Does it, or one of its members, go by this link / this next hop object? */
static bool leads_by(const struct kernel *kernel, const struct kernel_nexthop *nexthop,
	uint32_t link, uint32_t id)
{
	if (!nexthop->members)
		return id ? nexthop->id == id : nexthop->via.index == link;
	if (id && nexthop->id == id)
		return true;
	for (uint32_t i = 0; i < nexthop->members; i++) {
		const struct kernel_nexthop *member = kernel_nexthop(kernel, nexthop->member[i].id);

		if (id ? nexthop->member[i].id == id : member && member->via.index == link)
			return true;
	}
	return false;
}

void kernel_each_route_by(const struct kernel *kernel, uint32_t link, uint32_t nexthop,
	void (*each)(const struct kernel_route *route, void *arg), void *arg)
{
	const struct routes *routes = &kernel->routes;
	struct hearing hearing = {each, arg};
	struct entry *entry;

	if (link)
		path_each_route(routes, PATH_LINK(link), hear, &hearing);
	else if (!kernel_nexthop(kernel, nexthop)) /* of one that has just gone */
		path_each_route(routes, PATH_NEXTHOP(nexthop), hear, &hearing);
	for (entry = first(kernel, KERNEL_NEXTHOP); entry; entry = table_next(entry)) {
		const struct kernel_nexthop *one = body(entry);

		if (leads_by(kernel, one, link, link ? 0 : nexthop))
			path_each_route(routes, PATH_NEXTHOP(one->id), hear, &hearing);
	}
}

static bool dead(const struct kernel *kernel, const struct kernel_via *via)
{
	const struct kernel_link *link = via->index ? kernel_link(kernel, via->index) : NULL;

	return via->encap || !link || !link->up || !link->carrier;
}

static uint32_t add_way(const struct kernel *kernel, const struct kernel_via *from, uint16_t weight,
	struct kernel_via *via, uint32_t room, uint32_t count)
{
	if (count >= room)
		return count;
	via[count] = *from;
	via[count].weight = weight;
	via[count].dead = dead(kernel, from);
	return count + 1;
}

uint32_t kernel_ways(const struct kernel *kernel, const struct kernel_route *route,
	struct kernel_via *via, uint32_t room)
{
	const struct kernel_nexthop *nexthop;
	uint32_t count = 0;

	for (uint32_t i = 0; i < route->via_count; i++)
		count = add_way(kernel, &route->via[i], route->via[i].weight, via, room, count);
	nexthop = route->nexthop ? kernel_nexthop(kernel, route->nexthop) : NULL;
	if (!nexthop || nexthop->blackhole)
		return count;
	if (!nexthop->members)
		return add_way(kernel, &nexthop->via, 1, via, room, count);
	for (uint32_t i = 0; i < nexthop->members; i++) {
		const struct kernel_nexthop *member = kernel_nexthop(kernel, nexthop->member[i].id);

		if (member && !member->blackhole)
			count = add_way(
				kernel, &member->via, nexthop->member[i].weight, via, room, count);
	}
	return count;
}

struct hearing_entry {
	void (*each)(const void *entry, void *arg);
	void *arg;
};

static void hear_entry(const struct kernel_route *route, void *arg)
{
	struct hearing_entry *hearing = arg;

	hearing->each(route, hearing->arg);
}

void kernel_each(const struct kernel *kernel, enum kernel_kind kind,
	void (*each)(const void *entry, void *arg), void *arg)
{
	struct hearing_entry hearing = {each, arg};
	struct route_table *table;
	struct entry *entry;

	for (entry = first(kernel, kind); entry; entry = table_next(entry))
		each(entry->body, arg);
	if (kind != KERNEL_ROUTE)
		return;
	RB_FOREACH (table, route_tables, (struct route_tables *)&kernel->routes.tables)
		each_route(table, hear_entry, &hearing);
}
