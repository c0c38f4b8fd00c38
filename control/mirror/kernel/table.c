/* SPDX-License-Identifier: BSD-3-Clause */
/* The tables of all kinds but routes: a tree a kind, entries of bytes by keys of bytes; and what
 * becomes of others when a link or a next hop object goes. */
#include "kernel_private.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "hash.h"

static int entry_cmp(const struct entry *a, const struct entry *b)
{
	return memcmp(&a->key, &b->key, sizeof(a->key));
}

RB_GENERATE(entry_tree, entry, node, entry_cmp)

static uint64_t key_hash(enum kernel_kind kind, const struct kernel_key *key)
{
	return hash_words(key, sizeof(*key), kind + 1);
}

/* ---- keys ---- */

static uint8_t *put(uint8_t *at, const void *data, size_t len)
{
	memcpy(at, data, len);
	return at + len;
}

static uint8_t *put32(uint8_t *at, uint32_t value)
{
	value = htonl(value);
	return put(at, &value, sizeof(value));
}

struct kernel_key key_index(uint32_t index)
{
	struct kernel_key key = {0};

	put32(key.bytes, index);
	return key;
}

struct kernel_key key_address(uint32_t index, const struct api_ip *ip, const struct api_ip *peer)
{
	struct kernel_key key = key_index(index);

	put(put(key.bytes + 4, ip, sizeof(*ip)), peer, sizeof(*peer));
	return key;
}

struct kernel_key key_neighbor(uint32_t index, const struct api_ip *ip)
{
	struct kernel_key key = key_index(index);

	put(key.bytes + 4, ip, sizeof(*ip));
	return key;
}

static bool many_ways(const struct api_mac_addr *mac)
{
	static const struct api_mac_addr zero;

	return mac->bytes[0] & 1 || !memcmp(mac, &zero, sizeof(zero));
}

/* A station is behind one VTEP only: another one takes its place without a word for the first. */
struct kernel_key key_fdb(const struct kernel_fdb *fdb, uint32_t vni_in)
{
	struct kernel_key key = key_index(fdb->master ? fdb->master : fdb->index);
	uint8_t *at = key.bytes + 4;

	*at++ = fdb->master ? FDB_OF_BRIDGE : FDB_OF_DEVICE;
	at = put(at, &fdb->mac, sizeof(fdb->mac));
	*at++ = fdb->vlan >> 8;
	*at++ = (uint8_t)fdb->vlan;
	if (fdb->master)
		return key;
	at = put32(at, vni_in);
	if (!many_ways(&fdb->mac))
		return key;
	*at++ = fdb->dst.family;
	at = put(at, fdb->dst.bytes, sizeof(fdb->dst.bytes));
	at = put(at, &fdb->port, sizeof(fdb->port));
	put32(put32(at, fdb->vni), fdb->nexthop);
	return key;
}

/* ---- entries ---- */

struct entry *table_find(
	const struct kernel *kernel, enum kernel_kind kind, const struct kernel_key *key)
{
	struct entry_tree *tree = (struct entry_tree *)&kernel->entries[kind];
	struct entry want = {.key = *key};

	return RB_FIND(entry_tree, tree, &want);
}

struct entry *table_from(
	const struct kernel *kernel, enum kernel_kind kind, const struct kernel_key *key)
{
	struct entry_tree *tree = (struct entry_tree *)&kernel->entries[kind];
	struct entry want = {.key = *key};

	return RB_NFIND(entry_tree, tree, &want);
}

struct entry *table_next(struct entry *entry)
{
	return RB_NEXT(entry_tree, NULL, entry);
}

static void count_drift(struct kernel *kernel)
{
	if (kernel->applying)
		kernel->dump.drift++;
}

/* With an address of IPv4 the routes go that have it as their source; with the last one of a link
 * all that go by that. */
static void address_gone(struct kernel *kernel, const struct kernel_address *address)
{
	struct kernel_key low = key_index(address->index);
	struct entry *left = table_from(kernel, KERNEL_ADDRESS, &low);
	uint32_t source;

	if (address->prefix.family != 4)
		return;
	memcpy(&source, address->prefix.bytes, sizeof(source));
	route_verify_source(kernel, source);
	if (left && !memcmp(&left->key, &low, sizeof(address->index)) &&
		((const struct kernel_address *)left->body)->prefix.family == 4)
		return;
	if (route_any_by(kernel, PATH_LINK(address->index), 4))
		dump_verify(kernel, DUMP_ROUTE4, address->index, 0);
}

static void table_link_lost(struct kernel *kernel, const struct kernel_link *was, bool gone);
static void table_nexthop_gone(struct kernel *kernel, const struct kernel_nexthop *nexthop);

/* It is out of the tree and told, and so is what goes with it. */
static void drop(struct kernel *kernel, enum kernel_kind kind, struct entry *entry)
{
	RB_REMOVE(entry_tree, &kernel->entries[kind], entry);
	kernel->counters.entries[kind]--;
	if (!kernel->applying)
		dump_touch(kernel, key_hash(kind, &entry->key));
	if (kind == KERNEL_NEXTHOP)
		table_nexthop_gone(kernel, (struct kernel_nexthop *)entry->body);
	if (kind == KERNEL_LINK)
		table_link_lost(kernel, (struct kernel_link *)entry->body, true);
	if (kind == KERNEL_ADDRESS)
		address_gone(kernel, (struct kernel_address *)entry->body);
	kernel_changed(kernel, kind, entry->body, true);
	free(entry);
}

static struct entry *entry_new(struct kernel *kernel, enum kernel_kind kind,
	const struct kernel_key *key, const void *body, uint32_t size)
{
	struct entry *entry = xmalloc(sizeof(*entry) + size);

	entry->key = *key;
	entry->size = size;
	entry->generation = kernel->generation;
	memcpy(entry->body, body, size);
	RB_INSERT(entry_tree, &kernel->entries[kind], entry);
	kernel->counters.entries[kind]++;
	return entry;
}

/* No carrier: next hop objects go without a word; not up: IPv4 routes as well. */
static void link_changed(struct kernel *kernel, const struct kernel_link *was)
{
	const struct kernel_link *is = kernel_link(kernel, was->index);

	if (is && ((was->up && !is->up) || (was->carrier && !is->carrier)))
		table_link_lost(kernel, was, false);
}

/* Was it replaced, or had it gone with its link's carrier, of which the kernel tells later, and its
 * routes with it, and is this another one of that id? */
static void nexthop_changed(
	struct kernel *kernel, const struct kernel_nexthop *was, const struct kernel_nexthop *is)
{
	if (!was->via.index || was->via.index == is->via.index)
		return;
	if (route_any_by(kernel, PATH_NEXTHOP(is->id), 4))
		dump_verify(kernel, DUMP_ROUTE4, 0, 0);
	if (route_any_by(kernel, PATH_NEXTHOP(is->id), 6))
		dump_verify(kernel, DUMP_ROUTE6, 0, 0);
}

static void entry_changed(struct kernel *kernel, enum kernel_kind kind, struct entry *entry,
	const struct kernel_key *key, const void *body, uint32_t size)
{
	struct kernel_link was = {0};

	count_drift(kernel);
	if (kind == KERNEL_LINK)
		memcpy(&was, entry->body, sizeof(was));
	if (kind == KERNEL_NEXTHOP)
		nexthop_changed(kernel, (const void *)entry->body, body);
	if (entry->size == size) {
		memcpy(entry->body, body, size);
	} else {
		RB_REMOVE(entry_tree, &kernel->entries[kind], entry);
		kernel->counters.entries[kind]--;
		free(entry);
		entry = entry_new(kernel, kind, key, body, size);
	}
	kernel_changed(kernel, kind, entry->body, false);
	if (kind == KERNEL_LINK)
		link_changed(kernel, &was);
}

void table_put(struct kernel *kernel, enum kernel_kind kind, const struct kernel_key *key,
	const void *body, uint32_t size)
{
	struct entry *entry = table_find(kernel, kind, key);

	if (kernel->applying && dump_touched(kernel, key_hash(kind, key)))
		return;
	if (!kernel->applying)
		dump_touch(kernel, key_hash(kind, key));
	if (entry) {
		entry->generation = kernel->generation;
		if (entry->size != size || memcmp(entry->body, body, size))
			entry_changed(kernel, kind, entry, key, body, size);
		return;
	}
	entry = entry_new(kernel, kind, key, body, size);
	count_drift(kernel);
	kernel_changed(kernel, kind, entry->body, false);
}

void table_remove(struct kernel *kernel, enum kernel_kind kind, const struct kernel_key *key)
{
	struct entry *entry = table_find(kernel, kind, key);

	if (kernel->applying && dump_touched(kernel, key_hash(kind, key)))
		return;
	if (!entry) {
		dump_touch(kernel, key_hash(kind, key));
		return;
	}
	count_drift(kernel);
	drop(kernel, kind, entry);
}

static bool of_family(enum kernel_kind kind, const struct entry *entry, uint8_t family)
{
	return kind != KERNEL_ADDRESS || !family ||
	       ((const struct kernel_address *)entry->body)->prefix.family == family;
}

void table_sweep(struct kernel *kernel, enum kernel_kind kind, uint8_t family)
{
	struct entry *entry, *next;

	RB_FOREACH_SAFE (entry, entry_tree, &kernel->entries[kind], next) {
		if (entry->generation == kernel->generation || !of_family(kind, entry, family))
			continue;
		count_drift(kernel);
		drop(kernel, kind, entry);
	}
}

void table_clear(struct kernel *kernel)
{
	static const enum kernel_kind order[] = {
		KERNEL_FDB, KERNEL_NEIGHBOR, KERNEL_NEXTHOP, KERNEL_ADDRESS, KERNEL_LINK};
	struct entry *entry;

	route_clear(kernel);
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		while ((entry = RB_MIN(entry_tree, &kernel->entries[order[i]])))
			drop(kernel, order[i], entry);
	}
}

/* ---- what goes with a link or a next hop object ---- */

static void drop_of_link(struct kernel *kernel, enum kernel_kind kind, uint32_t index)
{
	struct kernel_key low = key_index(index);
	struct entry *entry = table_from(kernel, kind, &low), *next;

	for (; entry && !memcmp(&entry->key, &low, sizeof(index)); entry = next) {
		next = table_next(entry);
		drop(kernel, kind, entry);
	}
}

/* The bridge's entries by a port of it. */
static void drop_of_port(struct kernel *kernel, const struct kernel_link *port)
{
	struct kernel_key low = key_index(port->master);
	struct entry *entry = port->master ? table_from(kernel, KERNEL_FDB, &low) : NULL, *next;

	for (; entry && !memcmp(&entry->key, &low, sizeof(port->master)); entry = next) {
		next = table_next(entry);
		if (((struct kernel_fdb *)entry->body)->index == port->index)
			drop(kernel, KERNEL_FDB, entry);
	}
}

static bool nexthops_by(struct kernel *kernel, uint32_t index, bool remove)
{
	struct entry *entry, *next;
	bool any = false;

	RB_FOREACH_SAFE (entry, entry_tree, &kernel->entries[KERNEL_NEXTHOP], next) {
		const struct kernel_nexthop *nexthop = (const void *)entry->body;

		if (nexthop->via.index != index)
			continue;
		any = true;
		if (remove)
			drop(kernel, KERNEL_NEXTHOP, entry);
	}
	return any;
}

/* A route with several ways goes as soon as one link of IPv4 is deleted; IPv6's loses a way. What
 * a link that is down only takes along depends on more than is known here: it is asked for. */
static void table_link_lost(struct kernel *kernel, const struct kernel_link *was, bool gone)
{
	uint64_t user = PATH_LINK(was->index);

	if (gone) {
		drop_of_link(kernel, KERNEL_ADDRESS, was->index);
		drop_of_link(kernel, KERNEL_NEIGHBOR, was->index);
		drop_of_link(kernel, KERNEL_FDB, was->index);
		drop_of_port(kernel, was);
		if (nexthops_by(kernel, was->index, true))
			dump_verify(kernel, DUMP_NEXTHOP, 0, 0);
		route_remove_by(kernel, user, 4, false);
		route_remove_ways6(kernel, was->index);
		return;
	}
	if (nexthops_by(kernel, was->index, false))
		dump_verify(kernel, DUMP_NEXTHOP, 0, 0);
	if (route_any_by(kernel, user, 4))
		dump_verify(kernel, DUMP_ROUTE4, was->index, 0);
	if (route_any_by(kernel, user, 6))
		dump_verify(kernel, DUMP_ROUTE6, was->index, 0);
}

/* The VXLAN devices' entries by a group of VTEPs go without a word. */
static void drop_of_group(struct kernel *kernel, uint32_t id)
{
	struct entry *entry, *next;

	RB_FOREACH_SAFE (entry, entry_tree, &kernel->entries[KERNEL_FDB], next) {
		if (((struct kernel_fdb *)entry->body)->nexthop == id)
			drop(kernel, KERNEL_FDB, entry);
	}
}

/* Groups lose it by messages of their own, or by the dump that found it gone. */
static void table_nexthop_gone(struct kernel *kernel, const struct kernel_nexthop *nexthop)
{
	route_remove_by(kernel, PATH_NEXTHOP(nexthop->id), 0, false);
	if (nexthop->fdb && nexthop->members)
		drop_of_group(kernel, nexthop->id);
}
