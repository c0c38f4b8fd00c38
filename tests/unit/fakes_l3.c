/* SPDX-License-Identifier: BSD-3-Clause */
/* The routing side of the pipelines without packets: gateways and reservations are counted, next
 * hops, routes and neighbours kept. Beside fakes.c. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fakes.h"
#include "fib.h"
#include "gateway.h"
#include "keymap.h"
#include "neighbor.h"
#include "networks.h"
#include "nexthop.h"
#include "schema.h"

/* ---- next hops: index i is hops[i - 1] ---- */
#define HOPS_MAX 4096
static struct hop {
	uint16_t slice;
	uint32_t count, users;
	struct l3_via via[LIMIT_ROUTE_VIA];
} hops[HOPS_MAX];

int nexthop_take(uint16_t slice, const struct l3_via *via, uint32_t count, uint32_t *index)
{
	struct hop *empty = NULL;

	for (struct hop *hop = hops; hop < hops + fakes.nexthop_limit; hop++) {
		if (!hop->users) {
			empty = empty ? empty : hop;
			continue;
		}
		if (hop->slice != slice || hop->count != count ||
			memcmp(hop->via, via, count * sizeof(*via)))
			continue;
		hop->users++;
		fakes.nexthops_used++;
		*index = hop - hops + 1;
		return 0;
	}
	if (!empty)
		return -ENOSPC;
	*empty = (struct hop){.slice = slice, .count = count, .users = 1};
	memcpy(empty->via, via, count * sizeof(*via));
	fakes.nexthops_used++;
	*index = empty - hops + 1;
	return 0;
}

int nexthop_take_discard(uint16_t slice, uint32_t *index)
{
	struct hop *hop = hops;

	while (hop < hops + fakes.nexthop_limit && hop->users)
		hop++;
	if (hop == hops + fakes.nexthop_limit)
		return -ENOSPC;
	*hop = (struct hop){.slice = slice, .users = 1};
	fakes.nexthops_used++;
	*index = hop - hops + 1;
	return 0;
}

void nexthop_drop(uint32_t index)
{
	if (!hops[index - 1].users)
		abort();
	hops[index - 1].users--;
	fakes.nexthops_used--;
}

uint32_t nexthop_ways(uint32_t index, struct l3_via *via)
{
	if (!hops[index - 1].users)
		abort();
	memcpy(via, hops[index - 1].via, hops[index - 1].count * sizeof(*via));
	return hops[index - 1].count;
}

uint32_t nexthop_count(void)
{
	uint32_t count = 0;

	for (int i = 0; i < HOPS_MAX; i++)
		count += hops[i].users != 0;
	return count;
}

/* ---- routes ---- */
struct fake_route {
	struct place_key key;
	uint32_t nexthop;
};
static struct keymap routes = {
	.key_bytes = sizeof(struct place_key), .entry_bytes = sizeof(struct fake_route)};

/* No id of a key is 0. */
static uint16_t vrf_id(uint16_t slice)
{
	return slice != VRF_UNDERLAY ? slice : UINT16_MAX;
}

static struct fake_route *route_find(uint16_t slice, const struct api_ip *prefix)
{
	struct place_key key = {vrf_id(slice), *prefix};

	return keymap_find(&routes, &key);
}

int fib_reserve(uint16_t slice, uint8_t family, uint32_t count)
{
	if (routes.count + fakes.fib_reserved + count > fakes.fib_limit)
		return -ENOSPC;
	fakes.fib_reserved += count;
	return 0;
}

void fib_release(uint16_t slice, uint8_t family, uint32_t count)
{
	fakes.fib_reserved -= count;
}

void fib_route_set(uint16_t slice, const struct api_ip *prefix, uint32_t nexthop)
{
	struct place_key key = {vrf_id(slice), *prefix};
	struct fake_route *route = keymap_add(&routes, &key);

	if (slice == VRF_UNDERLAY) {
		fakes.routes_set += !route->nexthop;
		fakes.via_count = nexthop_ways(nexthop, fakes.via);
	}
	if (route->nexthop)
		nexthop_drop(route->nexthop);
	route->nexthop = nexthop;
	fakes.fib_reserved--;
}

int fib_route_unset(uint16_t slice, const struct api_ip *prefix)
{
	struct fake_route *route = route_find(slice, prefix);

	if (!route)
		return -ENOENT;
	fakes.routes_set -= slice == VRF_UNDERLAY;
	nexthop_drop(route->nexthop);
	keymap_remove(&routes, route);
	return 0;
}

uint32_t fib_route_get(uint16_t slice, const struct api_ip *prefix)
{
	struct fake_route *route = route_find(slice, prefix);

	return route ? route->nexthop : 0;
}

uint32_t fib_routes(void)
{
	return routes.count - fakes.routes_set;
}

uint64_t fib_memory_bytes(void)
{
	return routes.room * sizeof(struct fake_route);
}

uint32_t fib_slice_routes(uint16_t slice)
{
	uint32_t count = 0;

	for (size_t i = 0; i < routes.room; i++)
		count += ((struct fake_route *)routes.places)[i].key.id == slice;
	return count;
}

static int route_cmp(const void *a, const void *b)
{
	const struct fib_entry *x = a, *y = b;
	int bytes = memcmp(x->prefix.bytes, y->prefix.bytes, sizeof(x->prefix.bytes));

	if (x->slice != y->slice)
		return x->slice < y->slice ? -1 : 1;
	return bytes ? bytes : x->prefix.len - y->prefix.len;
}

/* Sorts all of them each time, so that pages are in order, as the real one's. */
uint32_t fib_iterate(uint8_t family, uint16_t slice, struct lpm_cursor *cursor,
	struct fib_entry *out, uint32_t max)
{
	struct fib_entry *all = calloc(routes.count + 1, sizeof(*all));
	struct fib_entry after = {.slice = cursor->slice, .prefix.len = cursor->length};
	uint32_t count = 0, got = 0, i;

	memcpy(after.prefix.bytes, cursor->prefix, sizeof(cursor->prefix));
	for (i = 0; i < routes.room; i++) {
		const struct fake_route *route = (struct fake_route *)routes.places + i;

		if (route->key.id && route->key.id != UINT16_MAX &&
			route->key.ip.family == family && (!slice || slice == route->key.id))
			all[count++] = (struct fib_entry){
				route->key.id, route->key.ip, route->nexthop, FIB_ROUTE};
	}
	qsort(all, count, sizeof(*all), route_cmp);
	for (i = 0; i < count && cursor->started && route_cmp(&all[i], &after) <= 0; i++)
		;
	for (; i < count && got < max; i++)
		out[got++] = all[i];
	cursor->done = i == count;
	if (got) {
		cursor->started = true;
		cursor->slice = out[got - 1].slice;
		cursor->length = out[got - 1].prefix.len;
		memcpy(cursor->prefix, out[got - 1].prefix.bytes, sizeof(cursor->prefix));
	}
	free(all);
	return got;
}

/* ---- gateways ---- */
int gateway_reserve(uint16_t slice, uint8_t family)
{
	if (fakes.gateways_set + fakes.gateways_reserved >= (int)fakes.gateway_limit)
		return -ENOSPC;
	fakes.gateways_reserved++;
	return 0;
}

void gateway_release(uint16_t slice, uint8_t family)
{
	fakes.gateways_reserved--;
}

void gateway_set(uint16_t slice, uint16_t attachment, const struct api_ip *prefix)
{
	fakes.gateways_reserved--;
	fakes.gateways_set++;
}

void gateway_announce(uint16_t slice, const struct api_ip *prefix)
{
	fakes.gateways_announced += prefix == NULL ? 1000 : 1;
}

void gateway_unset(uint16_t slice, uint16_t attachment, const struct api_ip *prefix)
{
	fakes.gateways_set--;
}

/* ---- neighbours ---- */
#define HOSTS_MAX 256
static struct neighbor_entry hosts[HOSTS_MAX]; /* slice 0: empty */

static struct neighbor_entry *host_find(uint16_t attachment, const struct api_ip *address)
{
	for (int i = 0; i < HOSTS_MAX; i++)
		if (hosts[i].slice && hosts[i].attachment == attachment &&
			!memcmp(&hosts[i].address, address, sizeof(*address)))
			return &hosts[i];
	return NULL;
}

static void host_store(const struct neighbor_entry *entry)
{
	struct neighbor_entry *host = host_find(entry->attachment, &entry->address);

	for (int i = 0; !host; i++)
		if (!hosts[i].slice)
			host = &hosts[i];
	*host = *entry;
}

int neighbor_reserve(void)
{
	if (neighbor_count() + fakes.hosts_reserved >= fakes.host_limit)
		return -ENOSPC;
	fakes.hosts_reserved++;
	return 0;
}

void neighbor_release(void)
{
	fakes.hosts_reserved--;
}

void neighbor_set(uint16_t slice, uint16_t attachment, const struct api_ip *address,
	const struct api_mac_addr *mac)
{
	fakes.hosts_reserved--;
	host_store(&(struct neighbor_entry){slice, attachment, *address, *mac, NEIGHBOR_STATIC, 0});
}

void neighbor_forget(uint16_t slice, uint16_t attachment, const struct api_ip *address)
{
	host_find(attachment, address)->slice = 0;
}

int neighbor_get(uint16_t attachment, const struct api_ip *address, struct neighbor_entry *out)
{
	const struct neighbor_entry *host = host_find(attachment, address);

	if (!host)
		return -ENOENT;
	*out = *host;
	return 0;
}

void neighbor_flush(uint16_t slice)
{
}

uint32_t neighbor_count(void)
{
	uint32_t count = 0;

	for (int i = 0; i < HOSTS_MAX; i++)
		count += hosts[i].slice != 0;
	return count;
}

uint32_t neighbor_iterate(uint64_t *cursor, struct neighbor_entry *out, uint32_t max)
{
	uint32_t got = 0;

	for (; *cursor < HOSTS_MAX && got < max; ++*cursor)
		if (hosts[*cursor].slice)
			out[got++] = hosts[*cursor];
	if (*cursor == HOSTS_MAX)
		*cursor = 0;
	return got;
}

void fakes_neighbor(uint16_t slice, uint16_t attachment, const char *address, const char *mac)
{
	struct neighbor_entry entry = {.slice = slice,
		.attachment = attachment,
		.state = mac ? NEIGHBOR_REACHABLE : NEIGHBOR_INCOMPLETE,
		.age_s = 7};

	api_ip_parse(address, false, &entry.address);
	if (mac)
		api_mac_parse(mac, &entry.mac);
	host_store(&entry);
}

void fakes_l3_reset(void)
{
	keymap_free(&routes);
	memset(hops, 0, sizeof(hops));
	memset(hosts, 0, sizeof(hosts));
	fakes.nexthop_limit = HOPS_MAX;
	fakes.fib_limit = LIMIT_FIB_ROUTES;
	fakes.gateway_limit = LIMIT_ADDRESSES;
	fakes.host_limit = HOSTS_MAX;
}
