/* SPDX-License-Identifier: BSD-3-Clause */
/* See fake_kernel.h. Lists that are searched from the beginning: tests have few entries. */
#include "fake_kernel.h"

#include <linux/neighbour.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema.h"

#define SPACES 4

struct kernel {
	char netns[64];
	bool open, complete, absent;
	int hidden; /* entries below it have not been told yet, while a dump goes on */
	struct kernel_listener listener;
	struct fake_entry entry[FAKE_ROOM];
};

static struct kernel spaces[SPACES];
static char written[65536];
static uint32_t fdb_walks;

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

static bool same_ip(const struct api_ip *a, const struct api_ip *b)
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
		       same_ip(&a->address.prefix, &b->address.prefix);
	case KERNEL_NEIGHBOR:
		return a->neighbor.index == b->neighbor.index &&
		       same_ip(&a->neighbor.address, &b->neighbor.address);
	case KERNEL_NEXTHOP:
		return a->nexthop.id == b->nexthop.id;
	case KERNEL_FDB:
		return a->fdb.master == b->fdb.master &&
		       (a->fdb.master || (a->fdb.index == b->fdb.index &&
						 same_ip(&a->fdb.dst, &b->fdb.dst))) &&
		       !memcmp(&a->fdb.mac, &b->fdb.mac, sizeof(a->fdb.mac));
	default:
		return a->route.table == b->route.table && a->route.metric == b->route.metric &&
		       same_ip(&a->route.prefix, &b->route.prefix);
	}
}

static struct fake_entry *find(struct kernel *k, const struct fake_entry *as)
{
	for (int i = 0; i < FAKE_ROOM; i++)
		if (k->entry[i].used && same_entry(&k->entry[i], as))
			return &k->entry[i];
	return NULL;
}

static void put(const char *netns, const struct fake_entry *as)
{
	struct kernel *k = space_of(netns);
	struct fake_entry *e = find(k, as);

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
	return find(space_of(netns), &as);
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

	drop(space_of(netns), find(space_of(netns), &e));
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
	drop(space_of(netns), find(space_of(netns), &e));
}

void fake_fdb_by_group(const char *netns, uint32_t index, const char *mac, uint32_t group)
{
	struct fake_entry e = fdb_entry(index, 0, mac, NULL);

	e.fdb.nexthop = group;
	put(netns, &e);
}

static bool is_by(const struct fake_entry *e, uint32_t index)
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
		if (k->entry[i].used && is_by(&k->entry[i], index))
			drop(k, &k->entry[i]);
	drop(k, find(k, &as));
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
	drop(space_of(netns), find(space_of(netns), &e));
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
	drop(space_of(netns), find(space_of(netns), &e));
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
	drop(space_of(netns), find(space_of(netns), &e));
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
	written[0] = '\0';
}

const char *fake_written(void)
{
	static char out[sizeof(written)];

	strcpy(out, written);
	written[0] = '\0';
	return out;
}

uint32_t fake_fdb_walks(void)
{
	uint32_t was = fdb_walks;

	fdb_walks = 0;
	return was;
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

/* Before its dump it knows nothing. */
static const struct fake_entry *known(const struct kernel *k, const struct fake_entry *as)
{
	const struct fake_entry *e = k->complete ? find((struct kernel *)k, as) : NULL;

	return e && e - k->entry >= k->hidden ? e : NULL;
}

const struct kernel_link *kernel_link_named(const struct kernel *k, const char *name)
{
	for (int i = k->hidden; k->complete && i < FAKE_ROOM; i++)
		if (k->entry[i].used && k->entry[i].kind == KERNEL_LINK &&
			!strcmp(k->entry[i].link.name, name))
			return &k->entry[i].link;
	return NULL;
}

const struct kernel_link *kernel_link(const struct kernel *k, uint32_t index)
{
	struct fake_entry as = {.kind = KERNEL_LINK};
	const struct fake_entry *e;

	as.link.index = index;
	e = known(k, &as);
	return e ? &e->link : NULL;
}

const struct kernel_fdb *kernel_fdb_of_bridge(
	const struct kernel *k, uint32_t bridge, const struct api_mac_addr *mac)
{
	struct fake_entry as = {.kind = KERNEL_FDB};
	const struct fake_entry *e;

	as.fdb.master = bridge;
	as.fdb.mac = *mac;
	e = known(k, &as);
	return e ? &e->fdb : NULL;
}

const struct kernel_nexthop *kernel_nexthop(const struct kernel *k, uint32_t id)
{
	struct fake_entry as = {.kind = KERNEL_NEXTHOP};
	const struct fake_entry *e;

	as.nexthop.id = id;
	e = known(k, &as);
	return e ? &e->nexthop : NULL;
}

void kernel_each_fdb_of_port(const struct kernel *k, uint32_t index,
	void (*each)(const struct kernel_fdb *entry, void *arg), void *arg)
{
	fdb_walks++;
	for (int i = k->hidden; k->complete && i < FAKE_ROOM; i++)
		if (k->entry[i].used && k->entry[i].kind == KERNEL_FDB &&
			k->entry[i].fdb.index == index)
			each(&k->entry[i].fdb, arg);
}

void kernel_each_fdb_of_device(const struct kernel *k, uint32_t index,
	const struct api_mac_addr *mac, void (*each)(const struct kernel_fdb *entry, void *arg),
	void *arg)
{
	for (int i = k->hidden; k->complete && i < FAKE_ROOM; i++)
		if (k->entry[i].used && k->entry[i].kind == KERNEL_FDB && !k->entry[i].fdb.master &&
			k->entry[i].fdb.index == index &&
			!memcmp(&k->entry[i].fdb.mac, mac, sizeof(*mac)))
			each(&k->entry[i].fdb, arg);
}

const struct kernel_neighbor *kernel_neighbor(
	const struct kernel *k, uint32_t index, const struct api_ip *address)
{
	struct fake_entry as = {.kind = KERNEL_NEIGHBOR};
	const struct fake_entry *e;

	as.neighbor.index = index;
	as.neighbor.address = *address;
	e = known(k, &as);
	return e ? &e->neighbor : NULL;
}

const struct kernel_route *kernel_route(
	const struct kernel *k, uint32_t table, const struct api_ip *prefix)
{
	const struct kernel_route *best = NULL;

	for (int i = k->hidden; k->complete && i < FAKE_ROOM; i++) {
		const struct fake_entry *e = &k->entry[i];

		if (e->used && e->kind == KERNEL_ROUTE && e->route.table == table &&
			same_ip(&e->route.prefix, prefix) &&
			(!best || e->route.metric < best->metric))
			best = &e->route;
	}
	return best;
}

void kernel_each(const struct kernel *k, enum kernel_kind kind,
	void (*each)(const void *entry, void *arg), void *arg)
{
	for (int i = k->hidden; k->complete && i < FAKE_ROOM; i++)
		if (k->entry[i].used && k->entry[i].kind == kind)
			each(&k->entry[i].link, arg);
}

void kernel_each_route_of(const struct kernel *k, uint32_t table,
	void (*each)(const struct kernel_route *route, void *arg), void *arg)
{
	for (int i = k->hidden; k->complete && i < FAKE_ROOM; i++)
		if (k->entry[i].used && k->entry[i].kind == KERNEL_ROUTE &&
			k->entry[i].route.table == table)
			each(&k->entry[i].route, arg);
}

void kernel_each_route_by(const struct kernel *k, uint32_t link, uint32_t nexthop,
	void (*each)(const struct kernel_route *route, void *arg), void *arg)
{
	for (int i = k->hidden; k->complete && i < FAKE_ROOM; i++)
		if (k->entry[i].used && k->entry[i].kind == KERNEL_ROUTE &&
			is_by(&k->entry[i], link))
			each(&k->entry[i].route, arg);
}

uint32_t kernel_ways(const struct kernel *k, const struct kernel_route *route,
	struct kernel_via *via, uint32_t room)
{
	memcpy(via, route->via, (route->via_count < room ? route->via_count : room) * sizeof(*via));
	return route->via_count;
}

static void note_text(const char *what, uint32_t index, const char *text)
{
	size_t used = strlen(written);

	snprintf(written + used, sizeof(written) - used, "%s %u %s\n", what, index, text);
}

static void note(const char *what, uint32_t index, const struct api_ip *address, bool prefix)
{
	char text[64];

	api_ip_format(address, prefix, text);
	note_text(what, index, text);
}

static void note_mac(const char *what, uint32_t index, const struct api_mac_addr *mac)
{
	char text[64];

	api_mac_format(mac, text);
	note_text(what, index, text);
}

int kernel_set_fdb(struct kernel *k, uint32_t index, const struct api_mac_addr *mac, bool add)
{
	note_mac(add ? "station" : "no station", index, mac);
	return 0;
}

int kernel_set_mac(struct kernel *k, uint32_t index, const struct api_mac_addr *mac)
{
	note_mac("mac", index, mac);
	return 0;
}

int kernel_set_up(struct kernel *k, uint32_t index, bool up)
{
	note_text("set", index, up ? "up" : "down");
	return 0;
}

int kernel_set_master(struct kernel *k, uint32_t index, uint32_t master, bool quiet)
{
	char text[32];

	snprintf(text, sizeof(text), "%u%s", master, quiet ? " quiet" : "");
	note_text("master", index, text);
	return 0;
}

int kernel_delete_link(struct kernel *k, uint32_t index)
{
	note_text("delete", index, "link");
	return 0;
}

int kernel_move(struct kernel *k, uint32_t index, const char *netns)
{
	note_text("move", index, netns);
	return 0;
}

int kernel_keep_neighbor(struct kernel *k, uint32_t index, const struct api_ip *address, bool keep)
{
	note(keep ? "keep" : "let", index, address, false);
	return 0;
}

int kernel_set_address(struct kernel *k, uint32_t index, const struct api_ip *prefix, bool add)
{
	note(add ? "add" : "remove", index, prefix, true);
	return 0;
}

void kernel_counters(const struct kernel *k, struct kernel_counters *out)
{
	memset(out, 0, sizeof(*out));
}
