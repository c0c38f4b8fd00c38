/* SPDX-License-Identifier: BSD-3-Clause */
/* What the mirror calls of kernel.h: read from the fake's tables; writes are noted. */
#include "fake_kernel_parts.h"

#include <stdio.h>
#include <string.h>

#include "schema.h"

static char written[65536];
static uint32_t fdb_walks;

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

/* ---- reading ---- */

/* Before its dump it knows nothing. */
static const struct fake_entry *known(const struct kernel *k, const struct fake_entry *as)
{
	const struct fake_entry *e = k->complete ? fake_find((struct kernel *)k, as) : NULL;

	return e && e - k->entry >= k->hidden ? e : NULL;
}

/* The next one of the kind after `e` (NULL: the first) that has been told; NULL: there is none. */
static const struct fake_entry *next(
	const struct kernel *k, enum kernel_kind kind, const struct fake_entry *e)
{
	for (e = e ? e + 1 : k->entry + k->hidden; k->complete && e < k->entry + FAKE_ROOM; e++)
		if (e->used && e->kind == kind)
			return e;
	return NULL;
}

const struct kernel_link *kernel_link_named(const struct kernel *k, const char *name)
{
	for (const struct fake_entry *e = NULL; (e = next(k, KERNEL_LINK, e));)
		if (!strcmp(e->link.name, name))
			return &e->link;
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
	for (const struct fake_entry *e = NULL; (e = next(k, KERNEL_FDB, e));)
		if (e->fdb.index == index)
			each(&e->fdb, arg);
}

void kernel_each_fdb_of_device(const struct kernel *k, uint32_t index,
	const struct api_mac_addr *mac, void (*each)(const struct kernel_fdb *entry, void *arg),
	void *arg)
{
	for (const struct fake_entry *e = NULL; (e = next(k, KERNEL_FDB, e));)
		if (!e->fdb.master && e->fdb.index == index &&
			!memcmp(&e->fdb.mac, mac, sizeof(*mac)))
			each(&e->fdb, arg);
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

	for (const struct fake_entry *e = NULL; (e = next(k, KERNEL_ROUTE, e));)
		if (e->route.table == table && fake_same_ip(&e->route.prefix, prefix) &&
			(!best || e->route.metric < best->metric))
			best = &e->route;
	return best;
}

void kernel_each(const struct kernel *k, enum kernel_kind kind,
	void (*each)(const void *entry, void *arg), void *arg)
{
	for (const struct fake_entry *e = NULL; (e = next(k, kind, e));)
		each(&e->link, arg);
}

void kernel_each_route_of(const struct kernel *k, uint32_t table,
	void (*each)(const struct kernel_route *route, void *arg), void *arg)
{
	for (const struct fake_entry *e = NULL; (e = next(k, KERNEL_ROUTE, e));)
		if (e->route.table == table)
			each(&e->route, arg);
}

void kernel_each_route_by(const struct kernel *k, uint32_t link, uint32_t nexthop,
	void (*each)(const struct kernel_route *route, void *arg), void *arg)
{
	for (const struct fake_entry *e = NULL; (e = next(k, KERNEL_ROUTE, e));)
		if (fake_is_by(e, link))
			each(&e->route, arg);
}

uint32_t kernel_ways(const struct kernel *k, const struct kernel_route *route,
	struct kernel_via *via, uint32_t room)
{
	memcpy(via, route->via, (route->via_count < room ? route->via_count : room) * sizeof(*via));
	return route->via_count;
}

/* ---- writing ---- */

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
