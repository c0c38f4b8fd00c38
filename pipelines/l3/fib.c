/* SPDX-License-Identifier: BSD-3-Clause */
/* Routes of l3 slices and of the underlay. Main thread only. Owns fib4 and fib6. A table's value is
 * the next hop's index with the owner above it. */
#include "fib.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "l3.h"
#include "neighbor.h"
#include "ue.h"
#include "underlay.h"

struct exact_table ue4_table, ue6_table;
uint64_t ue4_filter[UE4_FILTER_BITS / 64];

_Static_assert(NEXTHOPS <= 1u << FIB_OWNER_SHIFT, "an index fits below the owner");

struct lpm_table fib4, fib6;
static uint32_t reserved[2][2]; /* by family: in all slices, in the underlay */
static uint32_t *slice_routes;	/* [LIMIT_SLICES + 1] */
static uint32_t routes;		/* in all slices */

int fib_init(void)
{
	memset(reserved, 0, sizeof(reserved));
	routes = 0;
	slice_routes = calloc(LIMIT_SLICES + 1, sizeof(*slice_routes));
	if (slice_routes == NULL)
		return -ENOMEM;
	int rc = lpm_init(&fib4, "fib4", 32, LIMIT_FIB_ROUTES + LIMIT_ROUTES);

	return rc == 0 ? lpm_init(&fib6, "fib6", 128, LIMIT_FIB_ROUTES + LIMIT_ROUTES) : rc;
}

void fib_fini(void)
{
	lpm_fini(&fib4);
	lpm_fini(&fib6);
	free(slice_routes);
	slice_routes = NULL;
}

static struct lpm_table *table_of(uint8_t family)
{
	return family == 4 ? &fib4 : &fib6;
}

/* ---- room ---- */

uint32_t fib_count(uint8_t family)
{
	const struct lpm_table *t = table_of(family);

	return lpm_count(t) - lpm_count_slice(t, VRF_UNDERLAY);
}

int fib_reserve(uint16_t slice, uint8_t family, uint32_t count)
{
	bool underlay = slice == VRF_UNDERLAY;
	struct lpm_table *t = table_of(family);
	uint32_t *taken = reserved[family == 6];
	uint32_t used = underlay ? lpm_count_slice(t, VRF_UNDERLAY) : fib_count(family);

	if (used + taken[underlay] + count > (underlay ? LIMIT_ROUTES : LIMIT_FIB_ROUTES))
		return -ENOSPC;
	int rc = lpm_reserve(t, taken[0] + taken[1] + count);

	if (rc == 0)
		taken[underlay] += count;
	return rc;
}

void fib_release(uint16_t slice, uint8_t family, uint32_t count)
{
	reserved[family == 6][slice == VRF_UNDERLAY] -= count;
}

/* ---- entries ---- */

static uint32_t value_at(uint16_t slice, const struct api_ip *prefix)
{
	return lpm_get(table_of(prefix->family), slice, prefix->bytes, prefix->len);
}

/* Takes the entry's own use of its next hop back. */
static void give_back(uint16_t slice, uint32_t value)
{
	switch (FIB_OWNER(value)) {
	case FIB_NONE:
		return;
	case FIB_SESSION:
		return; /* no next hop */
	case FIB_NEIGHBOR:
		nexthop_drop_neighbor(FIB_NEXTHOP(value));
		return;
	case FIB_ROUTE:
		slice_routes[slice]--;
		routes -= slice != VRF_UNDERLAY;
		break;
	default:
		break;
	}
	nexthop_drop(FIB_NEXTHOP(value));
}

static int enter(
	uint16_t slice, const struct api_ip *prefix, uint32_t nexthop, enum fib_owner owner)
{
	uint32_t old = value_at(slice, prefix);
	int rc = lpm_put(table_of(prefix->family), slice, prefix->bytes, prefix->len,
		FIB_VALUE(nexthop, owner));

	if (rc < 0)
		return rc;
	if (owner == FIB_ROUTE) {
		slice_routes[slice]++;
		routes += slice != VRF_UNDERLAY;
	}
	give_back(slice, old);
	return 0;
}

static bool is_host(const struct api_ip *prefix)
{
	return prefix->len == (prefix->family == 4 ? 32 : 128);
}

void fib_route_set(uint16_t slice, const struct api_ip *prefix, uint32_t nexthop)
{
	fib_release(slice, prefix->family, 1);
	if (slice == VRF_UNDERLAY)
		underlay_route_changed(prefix);
	if (enter(slice, prefix, nexthop, FIB_ROUTE) == 0)
		return;
	/* room was reserved: a fault of our own, said and undone */
	RTE_LOG(ERR, USER1, "no room for a route of slice %u that was reserved\n", slice);
	nexthop_drop(nexthop);
}

int fib_route_unset(uint16_t slice, const struct api_ip *prefix)
{
	uint32_t value = value_at(slice, prefix);

	if (FIB_OWNER(value) != FIB_ROUTE)
		return -ENOENT;
	lpm_delete(table_of(prefix->family), slice, prefix->bytes, prefix->len);
	give_back(slice, value);
	if (slice == VRF_UNDERLAY)
		underlay_route_changed(prefix);
	else if (is_host(prefix))
		neighbor_return(slice, prefix);
	return 0;
}

uint32_t fib_route_get(uint16_t slice, const struct api_ip *prefix)
{
	uint32_t value = value_at(slice, prefix);

	return FIB_OWNER(value) == FIB_ROUTE ? FIB_NEXTHOP(value) : 0;
}

enum fib_owner fib_owner_of(uint16_t slice, const struct api_ip *prefix)
{
	return FIB_OWNER(value_at(slice, prefix));
}

bool fib_own_set(
	uint16_t slice, const struct api_ip *prefix, uint32_t nexthop, enum fib_owner owner)
{
	enum fib_owner there = fib_owner_of(slice, prefix);
	bool yields = owner == FIB_NEIGHBOR && there != FIB_NONE && there != FIB_NEIGHBOR;

	if (!yields && enter(slice, prefix, nexthop, owner) == 0)
		return true;
	give_back(slice, FIB_VALUE(nexthop, owner));
	return false;
}

void fib_own_unset(uint16_t slice, const struct api_ip *prefix, enum fib_owner owner)
{
	uint32_t value = value_at(slice, prefix);

	if (FIB_OWNER(value) != owner)
		return;
	lpm_delete(table_of(prefix->family), slice, prefix->bytes, prefix->len);
	give_back(slice, value);
}

/* ---- sessions' ---- */

void fib_session_set(uint16_t slice, const struct api_ip *prefix, uint32_t value)
{
	if (enter(slice, prefix, value, FIB_SESSION) < 0)
		RTE_LOG(ERR, USER1, "no room for a UE's prefix of slice %u that was reserved\n",
			slice);
}

void fib_session_unset(uint16_t slice, const struct api_ip *prefix)
{
	uint32_t value = value_at(slice, prefix);

	if (FIB_OWNER(value) != FIB_SESSION)
		return;
	lpm_delete(table_of(prefix->family), slice, prefix->bytes, prefix->len);
	if (is_host(prefix))
		neighbor_return(slice, prefix);
}

uint32_t fib_session_get(uint16_t slice, const struct api_ip *prefix)
{
	uint32_t value = value_at(slice, prefix);

	return FIB_OWNER(value) == FIB_SESSION ? FIB_NEXTHOP(value) : 0;
}

/* ---- reading ---- */

uint32_t fib_lookup(uint16_t slice, const struct api_ip *address, uint8_t *len)
{
	return FIB_NEXTHOP(lpm_find_covering(table_of(address->family), slice, address->bytes,
		address->family == 4 ? 32 : 128, len));
}

uint32_t fib_slice_routes(uint16_t slice)
{
	return slice_routes[slice];
}

uint32_t fib_routes(void)
{
	return routes;
}

uint64_t fib_memory_bytes(void)
{
	return lpm_bytes(&fib4) + lpm_bytes(&fib6);
}

struct page {
	struct fib_entry *out;
	uint32_t n;
	uint8_t family;
};

static void page_add(
	uint16_t slice, const uint8_t *prefix, uint8_t length, uint32_t value, void *arg)
{
	struct page *page = arg;
	struct fib_entry *e = &page->out[page->n++];

	*e = (struct fib_entry){.slice = slice,
		.prefix = {.family = page->family, .len = length},
		.nexthop = FIB_NEXTHOP(value),
		.owner = FIB_OWNER(value)};
	memcpy(e->prefix.bytes, prefix, page->family == 4 ? 4 : 16);
}

uint32_t fib_iterate(uint8_t family, uint16_t slice, struct lpm_cursor *cursor,
	struct fib_entry *out, uint32_t max)
{
	struct page page = {.out = out, .family = family};

	lpm_scan(table_of(family), slice, cursor, max, page_add, &page);
	return page.n;
}
