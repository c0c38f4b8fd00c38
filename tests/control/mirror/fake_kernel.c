/* SPDX-License-Identifier: BSD-3-Clause */
/* See fake_kernel.h. Lists that are searched from the beginning: tests have few entries. */
#include "fake_kernel_parts.h"

#include <linux/neighbour.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema.h"

#define SPACES 4

static struct kernel spaces[SPACES];

static struct kernel *space_of(const char *netns)
{
	netns = netns ? netns : "";
	for (int i = 0; i < SPACES; i++)
		if (!strcmp(spaces[i].netns, netns))
			return &spaces[i];
	for (int i = 1; i < SPACES; i++)
		if (!spaces[i].netns[0]) {
			snprintf(spaces[i].netns, sizeof(spaces[i].netns), "%s", netns);
			return &spaces[i];
		}
	abort();
}

static void tell(struct kernel *k, struct fake_entry *e, bool gone)
{
	if (k->complete)
		k->listener.changed(k, e->kind, &e->link, gone, k->listener.arg);
}

static struct api_ip ip(const char *text, bool prefix)
{
	struct api_ip out;

	if (api_ip_parse(text, prefix, &out))
		abort();
	return out;
}

bool fake_same_ip(const struct api_ip *a, const struct api_ip *b)
{
	return a->family == b->family && a->len == b->len && !memcmp(a->bytes, b->bytes, 16);
}

static bool same_entry(const struct fake_entry *a, const struct fake_entry *b)
{
	if (a->kind != b->kind)
		return false;
	switch (a->kind) {
	case KERNEL_LINK:
		return a->link.index == b->link.index;
	case KERNEL_ADDRESS:
		return a->address.index == b->address.index &&
		       fake_same_ip(&a->address.prefix, &b->address.prefix);
	case KERNEL_NEIGHBOR:
		return a->neighbor.index == b->neighbor.index &&
		       fake_same_ip(&a->neighbor.address, &b->neighbor.address);
	case KERNEL_NEXTHOP:
		return a->nexthop.id == b->nexthop.id;
	case KERNEL_FDB:
		return a->fdb.master == b->fdb.master &&
		       (a->fdb.master || (a->fdb.index == b->fdb.index &&
						 fake_same_ip(&a->fdb.dst, &b->fdb.dst))) &&
		       !memcmp(&a->fdb.mac, &b->fdb.mac, sizeof(a->fdb.mac));
	default:
		return a->route.table == b->route.table && a->route.metric == b->route.metric &&
		       fake_same_ip(&a->route.prefix, &b->route.prefix);
	}
}

struct fake_entry *fake_find(struct kernel *k, const struct fake_entry *as)
{
	for (int i = 0; i < FAKE_ROOM; i++)
		if (k->entry[i].used && same_entry(&k->entry[i], as))
			return &k->entry[i];
	return NULL;
}

static void put(const char *netns, const struct fake_entry *as)
{
	struct kernel *k = space_of(netns);
	struct fake_entry *e = fake_find(k, as);

	for (int i = 0; !e && i < FAKE_ROOM; i++)
		if (!k->entry[i].used)
			e = &k->entry[i];
	if (!e)
		abort();
	*e = *as;
	e->used = true;
	if (e->kind == KERNEL_ROUTE)
		e->route.via = e->via;
	tell(k, e, false);
}

static void drop(struct kernel *k, struct fake_entry *e)
{
	if (!e)
		return;
	e->used = false;
	tell(k, e, true);
}

/* ---- filling ---- */

static void put_link(const char *netns, uint32_t index, const char *name, bool carrier,
	const char *kind, uint32_t table)
{
	struct fake_entry e = {.kind = KERNEL_LINK};

	e.link.index = index;
	e.link.up = e.link.carrier = carrier;
	e.link.table = table;
	snprintf(e.link.name, sizeof(e.link.name), "%s", name);
	snprintf(e.link.kind, sizeof(e.link.kind), "%s", kind);
	put(netns, &e);
}

void fake_link(const char *netns, uint32_t index, const char *name, bool carrier)
{
	put_link(netns, index, name, carrier, "tun", 0);
}

void fake_vrf(const char *netns, uint32_t index, const char *name, uint32_t table)
{
	put_link(netns, index, name, true, "vrf", table);
}

void fake_bridge(const char *netns, uint32_t index, const char *name)
{
	put_link(netns, index, name, true, "bridge", 0);
}

static struct fake_entry *link_of(const char *netns, uint32_t index)
{
	struct fake_entry as = {.kind = KERNEL_LINK};

	as.link.index = index;
	return fake_find(space_of(netns), &as);
}

void fake_vxlan(const char *netns, uint32_t index, const char *name, uint32_t vni, uint32_t master)
{
	struct fake_entry *e;

	put_link(netns, index, name, false, "vxlan", 0);
	e = link_of(netns, index);
	e->link.up = e->link.carrier = true;
	e->link.master = master;
	e->link.vxlan.vni = vni;
	e->link.vxlan.dst_port = 4789;
	e->link.vxlan.local = ip("198.18.0.1", false);
	tell(space_of(netns), e, false);
}

void fake_vxlan_as(const char *netns, uint32_t index, const char *local, uint16_t dst_port, bool up)
{
	struct fake_entry *e = link_of(netns, index);

	e->link.up = e->link.carrier = up;
	e->link.vxlan.dst_port = dst_port;
	e->link.vxlan.local = local ? ip(local, false) : (struct api_ip){0};
	tell(space_of(netns), e, false);
}

void fake_master(const char *netns, uint32_t index, uint32_t master)
{
	struct fake_entry *e = link_of(netns, index);

	e->link.master = master;
	tell(space_of(netns), e, false);
}

static struct fake_entry fdb_entry(
	uint32_t index, uint32_t master, const char *mac, const char *dst)
{
	struct fake_entry e = {.kind = KERNEL_FDB};

	e.fdb.index = index;
	e.fdb.master = master;
	e.fdb.state = NUD_REACHABLE;
	e.fdb.flags = NTF_EXT_LEARNED;
	if (api_mac_parse(mac, &e.fdb.mac))
		abort();
	if (dst)
		e.fdb.dst = ip(dst, false);
	return e;
}

void fake_fdb(const char *netns, uint32_t index, uint32_t master, const char *mac, const char *dst)
{
	struct fake_entry e = fdb_entry(index, master, mac, dst);

	put(netns, &e);
}

void fake_fdb_gone(
	const char *netns, uint32_t index, uint32_t master, const char *mac, const char *dst)
{
	struct fake_entry e = fdb_entry(index, master, mac, dst);

	drop(space_of(netns), fake_find(space_of(netns), &e));
}

void fake_vtep(const char *netns, uint32_t id, const char *address)
{
	struct fake_entry e = {.kind = KERNEL_NEXTHOP};

	e.nexthop.id = id;
	e.nexthop.fdb = true;
	e.nexthop.via.address = ip(address, false);
	put(netns, &e);
}

void fake_group(const char *netns, uint32_t id, uint32_t members, ...)
{
	struct fake_entry e = {.kind = KERNEL_NEXTHOP};
	va_list args;

	e.nexthop.id = id;
	e.nexthop.fdb = true;
	va_start(args, members);
	for (; e.nexthop.members < members; e.nexthop.members++)
		e.nexthop.member[e.nexthop.members].id = va_arg(args, uint32_t);
	va_end(args);
	put(netns, &e);
}

void fake_nexthop_gone(const char *netns, uint32_t id)
{
	struct fake_entry e = {.kind = KERNEL_NEXTHOP};

	e.nexthop.id = id;
	drop(space_of(netns), fake_find(space_of(netns), &e));
}

void fake_fdb_by_group(const char *netns, uint32_t index, const char *mac, uint32_t group)
{
	struct fake_entry e = fdb_entry(index, 0, mac, NULL);

	e.fdb.nexthop = group;
	put(netns, &e);
}

bool fake_is_by(const struct fake_entry *e, uint32_t index)
{
	switch (e->kind) {
	case KERNEL_ADDRESS:
		return e->address.index == index;
	case KERNEL_NEIGHBOR:
		return e->neighbor.index == index;
	case KERNEL_ROUTE:
		for (uint32_t i = 0; i < e->route.via_count; i++)
			if (e->via[i].index == index)
				return true;
		return false;
	default:
		return false;
	}
}

void fake_link_gone(const char *netns, uint32_t index)
{
	struct kernel *k = space_of(netns);
	struct fake_entry as = {.kind = KERNEL_LINK, .link.index = index};

	for (int i = 0; i < FAKE_ROOM; i++)
		if (k->entry[i].used && fake_is_by(&k->entry[i], index))
			drop(k, &k->entry[i]);
	drop(k, fake_find(k, &as));
}

void fake_address(const char *netns, uint32_t index, const char *prefix, uint8_t protocol)
{
	struct fake_entry e = {.kind = KERNEL_ADDRESS};

	e.address = (struct kernel_address){index, ip(prefix, true), protocol};
	put(netns, &e);
}

void fake_address_gone(const char *netns, uint32_t index, const char *prefix)
{
	struct fake_entry e = {.kind = KERNEL_ADDRESS};

	e.address = (struct kernel_address){.index = index, .prefix = ip(prefix, true)};
	drop(space_of(netns), fake_find(space_of(netns), &e));
}

void fake_neighbor(
	const char *netns, uint32_t index, const char *address, const char *mac, uint16_t state)
{
	struct fake_entry e = {.kind = KERNEL_NEIGHBOR};

	e.neighbor.index = index;
	e.neighbor.address = ip(address, false);
	e.neighbor.state = state;
	if (api_mac_parse(mac, &e.neighbor.mac))
		abort();
	put(netns, &e);
}

void fake_neighbor_gone(const char *netns, uint32_t index, const char *address)
{
	struct fake_entry e = {.kind = KERNEL_NEIGHBOR};

	e.neighbor.index = index;
	e.neighbor.address = ip(address, false);
	drop(space_of(netns), fake_find(space_of(netns), &e));
}

void fake_route(const char *netns, uint32_t table, const char *prefix, uint32_t metric,
	uint8_t type, uint8_t protocol, const struct fake_way *way, uint32_t ways)
{
	struct fake_entry e = {.kind = KERNEL_ROUTE};

	e.route.table = table;
	e.route.prefix = ip(prefix, true);
	e.route.metric = metric;
	e.route.type = type;
	e.route.protocol = protocol;
	e.route.via_count = ways;
	for (uint32_t i = 0; i < ways; i++) {
		e.via[i].index = way[i].index;
		e.via[i].weight = way[i].weight;
		if (way[i].address)
			e.via[i].address = ip(way[i].address, false);
	}
	put(netns, &e);
}

void fake_route_gone(const char *netns, uint32_t table, const char *prefix, uint32_t metric)
{
	struct fake_entry e = {.kind = KERNEL_ROUTE};

	e.route.table = table;
	e.route.metric = metric;
	e.route.prefix = ip(prefix, true);
	drop(space_of(netns), fake_find(space_of(netns), &e));
}

void fake_settle(void)
{
	for (int s = 0; s < SPACES; s++) {
		struct kernel *k = &spaces[s];

		if (!k->open || k->absent)
			continue;
		if (!k->complete) {
			k->complete = true;
			for (int i = FAKE_ROOM; i-- > 0;) { /* the last first: no order is right */
				k->hidden = i;
				if (k->entry[i].used)
					tell(k, &k->entry[i], false);
			}
		}
		k->listener.settled(k, k->listener.arg);
	}
}

void fake_absent(const char *netns, bool absent)
{
	space_of(netns)->absent = absent;
}

void fake_reset(void)
{
	memset(spaces, 0, sizeof(spaces));
	fake_written();
}

/* ---- kernel.h ---- */

int kernel_open(struct event_base *base, const char *netns, uint32_t rescan_s,
	const struct kernel_listener *listener, struct kernel **out)
{
	struct kernel *k = space_of(netns);

	k->listener = *listener;
	k->open = true;
	k->complete = false;
	*out = k;
	return 0;
}

void kernel_close(struct kernel *kernel)
{
	kernel->open = kernel->complete = false;
}

const char *kernel_netns(const struct kernel *kernel)
{
	return kernel->netns[0] ? kernel->netns : NULL;
}

bool kernel_complete(const struct kernel *kernel)
{
	return kernel->complete && !kernel->hidden;
}
