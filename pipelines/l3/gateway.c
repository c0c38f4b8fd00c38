/* SPDX-License-Identifier: BSD-3-Clause */
/* Gateway addresses on attachments of l3 slices, the connected networks that come with them, and
 * their announcements (announce.h). Main thread only. Owns attachment_source[], slice_source[] and
 * the lists of those that are to be announced. */
#include "gateway.h"

#include <errno.h>
#include <rte_cycles.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "announce.h"
#include "fib.h"
#include "host.h"
#include "l3.h"
#include "neighbor.h"
#include "tsc.h"

/* ==== announcements ==== */

#define TIMES	      2
#define INTERVAL_S    2
#define BOX_PPS	      1000
#define ORDERS_A_TURN 64

TAILQ_HEAD(announces, announce);

static struct announces first = TAILQ_HEAD_INITIALIZER(first);
/* Each waits equally long, so they are in order. */
static struct announces again = TAILQ_HEAD_INITIALIZER(again);
static struct bucket rate;

static struct announces *list_of(const struct announce *a)
{
	return a->left == TIMES ? &first : &again;
}

void announce_end(struct announce *a)
{
	if (a->left == 0)
		return;
	TAILQ_REMOVE(list_of(a), a, link);
	a->left = 0;
}

void announce_begin(
	struct announce *a, uint16_t slice, uint16_t attachment, const struct api_ip *address)
{
	announce_end(a);
	a->slice = slice;
	a->attachment = attachment;
	a->address = *address;
	a->left = TIMES;
	TAILQ_INSERT_TAIL(&first, a, link);
}

/* False: that worker has more to ask than it can take. */
static bool order(const struct announce *a)
{
	struct worker *w = workers[a->attachment % worker_count];
	struct host_order order = {.epoch = host_epoch,
		.slice = a->slice,
		.attachment = a->attachment,
		.family = a->address.family,
		.announce = 1};

	memcpy(order.source, a->address.bytes, sizeof(order.source));
	memcpy(order.target, a->address.bytes, sizeof(order.target));
	return rte_ring_sp_enqueue_elem(switch_of(w)->host->orders, &order, sizeof(order)) == 0;
}

static struct announce *due(void)
{
	struct announce *a = TAILQ_FIRST(&first);

	if (a != NULL)
		return a;
	a = TAILQ_FIRST(&again);
	return a != NULL && tsc_now() >= a->due_tsc ? a : NULL;
}

bool announce_poll(void)
{
	const uint64_t hz = rte_get_tsc_hz();
	struct announce *a;

	for (uint32_t i = 0; i < ORDERS_A_TURN && (a = due()) != NULL; i++) {
		if (!bucket_take(&rate, tsc_now(), hz / 10, hz / BOX_PPS) || !order(a))
			return true;
		TAILQ_REMOVE(list_of(a), a, link);
		if (--a->left == 0)
			continue;
		a->due_tsc = tsc_now() + INTERVAL_S * hz;
		TAILQ_INSERT_TAIL(&again, a, link);
	}
	return !TAILQ_EMPTY(&first);
}

/* ==== gateways ==== */

/* What one address brings into the FIB: itself, its network, and over IPv4 two addresses that are
 * nobody's. */
#define FIB_ENTRIES 4

struct gateway {
	TAILQ_ENTRY(gateway) of_attachment;
	TAILQ_ENTRY(gateway) of_slice;
	uint16_t attachment;
	uint32_t local; /* its next hop */
	struct announce announce;
	struct gateway *next, *before; /* in the ring of those on the same network; alone: itself */
	struct api_ip prefix;
};
TAILQ_HEAD(gateways, gateway);

struct l3_source *attachment_source, *slice_source;
static struct gateways *on_attachment; /* [LIMIT_ATTACHMENTS + 1] */
static struct gateways *in_slice;      /* [LIMIT_SLICES + 1] */
static struct gateways spare = TAILQ_HEAD_INITIALIZER(spare);

static struct gateways *lists(uint32_t n)
{
	struct gateways *list = calloc(n, sizeof(*list));

	for (uint32_t i = 0; list != NULL && i < n; i++)
		TAILQ_INIT(&list[i]);
	return list;
}

int gateway_init(void)
{
	on_attachment = lists(LIMIT_ATTACHMENTS + 1);
	in_slice = lists(LIMIT_SLICES + 1);
	attachment_source = calloc(LIMIT_ATTACHMENTS + 1, sizeof(*attachment_source));
	slice_source = calloc(LIMIT_SLICES + 1, sizeof(*slice_source));
	return on_attachment != NULL && in_slice != NULL && attachment_source != NULL &&
			       slice_source != NULL
		       ? 0
		       : -ENOMEM;
}

static void free_all(struct gateways *list)
{
	struct gateway *g;

	while ((g = TAILQ_FIRST(list)) != NULL) {
		TAILQ_REMOVE(list, g, of_attachment);
		announce_end(&g->announce);
		free(g);
	}
}

void gateway_fini(void)
{
	for (uint32_t i = 0; on_attachment != NULL && i <= LIMIT_ATTACHMENTS; i++)
		free_all(&on_attachment[i]);
	free_all(&spare);
	free(on_attachment);
	free(in_slice);
	free(attachment_source);
	free(slice_source);
	on_attachment = in_slice = NULL;
	attachment_source = slice_source = NULL;
}

/* ---- prefixes ---- */

static uint8_t host_len(const struct api_ip *ip)
{
	return ip->family == 4 ? 32 : 128;
}

static struct api_ip host_of(const struct api_ip *ip)
{
	struct api_ip host = *ip;

	host.len = host_len(ip);
	return host;
}

/* The first (bit false) or last (bit true) address of the network. */
static struct api_ip edge_of(const struct api_ip *prefix, bool bit)
{
	struct api_ip edge = *prefix;

	for (uint32_t i = prefix->len; i < host_len(prefix); i++)
		if (bit)
			edge.bytes[i / 8] |= 0x80 >> i % 8;
		else
			edge.bytes[i / 8] &= ~(0x80 >> i % 8);
	return edge;
}

static bool same_address(const struct api_ip *a, const struct api_ip *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

static bool on_network(const struct api_ip *prefix, const struct api_ip *address)
{
	struct api_ip masked = *address;

	if (prefix->family != address->family)
		return false;
	masked.len = prefix->len;
	masked = edge_of(&masked, false);
	struct api_ip network = edge_of(prefix, false);

	return same_address(&masked, &network);
}

/* IPv4 networks with a broadcast address (RFC 3021: not those of 31 bits). */
static bool has_broadcast(const struct api_ip *prefix)
{
	return prefix->family == 4 && prefix->len <= 30;
}

/* ---- changes ---- */

int gateway_check(uint16_t slice, uint16_t attachment, const struct api_ip *prefix, uint16_t *with)
{
	struct api_ip network = edge_of(prefix, false);
	struct gateway *g;

	*with = 0;
	TAILQ_FOREACH (g, &in_slice[slice], of_slice) {
		struct api_ip there = edge_of(&g->prefix, false);

		*with = g->attachment;
		if (same_address(&g->prefix, prefix))
			return -EEXIST;
		if (g->attachment != attachment && g->prefix.len == prefix->len &&
			same_address(&there, &network))
			return -EADDRINUSE;
	}
	*with = 0;
	struct api_ip host = host_of(prefix);

	return fib_owner_of(slice, &network) == FIB_ROUTE || fib_owner_of(slice, &host) == FIB_ROUTE
		       ? -EADDRINUSE
		       : 0;
}

int gateway_reserve(uint16_t slice, uint8_t family)
{
	struct gateway *g = calloc(1, sizeof(*g));

	if (g == NULL)
		return -ENOMEM;
	int rc = fib_reserve(slice, family, FIB_ENTRIES);

	if (rc != 0) {
		free(g);
		return rc;
	}
	TAILQ_INSERT_HEAD(&spare, g, of_attachment);
	return 0;
}

void gateway_release(uint16_t slice, uint8_t family)
{
	struct gateway *g = TAILQ_FIRST(&spare);

	TAILQ_REMOVE(&spare, g, of_attachment);
	free(g);
	fib_release(slice, family, FIB_ENTRIES);
}

static void own(uint16_t slice, const struct api_ip *prefix, uint32_t nexthop)
{
	if (!fib_own_set(slice, prefix, nexthop, FIB_GATEWAY))
		RTE_LOG(ERR, USER1, "a gateway of slice %u found no room\n", slice);
}

static uint32_t *source_of(struct l3_source *s, const struct gateway *g)
{
	return g->prefix.family == 4 ? &s->v4 : &s->v6;
}

/* A new address speaks where none of its family did. */
static void sources_add(uint16_t slice, const struct gateway *g)
{
	uint32_t *at = source_of(&attachment_source[g->attachment], g);

	if (*at == 0)
		__atomic_store_n(at, g->local, __ATOMIC_RELAXED);
	at = source_of(&slice_source[slice], g);
	if (*at == 0)
		__atomic_store_n(at, g->local, __ATOMIC_RELAXED);
}

/* Another one of the family speaks for one that has left the lists. */
static void sources_remove(uint16_t slice, const struct gateway *gone)
{
	uint32_t *at = source_of(&attachment_source[gone->attachment], gone);
	struct gateway *g = NULL;

	if (*at == gone->local) {
		TAILQ_FOREACH (g, &on_attachment[gone->attachment], of_attachment)
			if (g->prefix.family == gone->prefix.family)
				break;
		__atomic_store_n(at, g != NULL ? g->local : 0, __ATOMIC_RELAXED);
	}
	at = source_of(&slice_source[slice], gone);
	if (*at == gone->local) {
		TAILQ_FOREACH (g, &in_slice[slice], of_slice)
			if (g->prefix.family == gone->prefix.family)
				break;
		__atomic_store_n(at, g != NULL ? g->local : 0, __ATOMIC_RELAXED);
	}
}

/* Joins the ring of its network, whose entry in the FIB tells cheaply that there is one; false: it
 * is the first on it. */
static bool ring_join(uint16_t slice, struct gateway *g)
{
	struct api_ip network = edge_of(&g->prefix, false);
	struct gateway *other;

	g->next = g->before = g;
	if (fib_owner_of(slice, &network) != FIB_CONNECTED)
		return false;
	TAILQ_FOREACH (other, &on_attachment[g->attachment], of_attachment) {
		struct api_ip there = edge_of(&other->prefix, false);

		if (other == g || other->prefix.len != g->prefix.len ||
			!same_address(&there, &network))
			continue;
		g->next = other->next;
		g->before = other;
		other->next->before = g;
		other->next = g;
		return true;
	}
	return false;
}

/* Leaves it; false: it was the last one on its network. */
static bool ring_leave(struct gateway *g)
{
	g->next->before = g->before;
	g->before->next = g->next;
	return g->next != g;
}

static void network_set(uint16_t slice, const struct gateway *g)
{
	struct api_ip network = edge_of(&g->prefix, false);
	struct api_ip edge[2] = {host_of(&network), edge_of(&g->prefix, true)};
	struct l3_via via = {.attachment = g->attachment};
	uint32_t index;

	edge[1].len = host_len(&g->prefix);
	if (g->prefix.len < host_len(&g->prefix) && nexthop_take(slice, &via, 1, &index) == 0 &&
		!fib_own_set(slice, &network, index, FIB_CONNECTED))
		RTE_LOG(ERR, USER1, "a network of slice %u found no room\n", slice);
	for (uint32_t i = 0; i < 2 && has_broadcast(&g->prefix); i++)
		if (nexthop_take_other(slice, NEXTHOP_BLACKHOLE, 0, NULL, &index) == 0)
			own(slice, &edge[i], index);
}

/* Networks of the slice may overlap, and begin or end with the same address. */
static bool edge_shared(uint16_t slice, const struct gateway *but, const struct api_ip *edge)
{
	struct gateway *g;

	TAILQ_FOREACH (g, &in_slice[slice], of_slice) {
		struct api_ip first = edge_of(&g->prefix, false), last = edge_of(&g->prefix, true);

		if (g != but && has_broadcast(&g->prefix) &&
			(same_address(&first, edge) || same_address(&last, edge)))
			return true;
	}
	return false;
}

static void network_unset(uint16_t slice, const struct gateway *g)
{
	struct api_ip network = edge_of(&g->prefix, false);
	struct api_ip edge[2] = {host_of(&network), edge_of(&g->prefix, true)};

	edge[1].len = host_len(&g->prefix);
	fib_own_unset(slice, &network, FIB_CONNECTED);
	for (uint32_t i = 0; i < 2 && has_broadcast(&g->prefix); i++)
		if (!edge_shared(slice, g, &edge[i]))
			fib_own_unset(slice, &edge[i], FIB_GATEWAY);
}

void gateway_set(uint16_t slice, uint16_t attachment, const struct api_ip *prefix)
{
	struct gateway *g = TAILQ_FIRST(&spare);
	struct api_ip host = host_of(prefix);

	TAILQ_REMOVE(&spare, g, of_attachment);
	fib_release(slice, prefix->family, FIB_ENTRIES);
	*g = (struct gateway){.attachment = attachment, .prefix = *prefix};
	if (nexthop_take_other(slice, NEXTHOP_LOCAL, attachment, &host, &g->local) == 0)
		own(slice, &host, g->local);
	TAILQ_INSERT_TAIL(&on_attachment[attachment], g, of_attachment);
	TAILQ_INSERT_TAIL(&in_slice[slice], g, of_slice);
	if (!ring_join(slice, g))
		network_set(slice, g);
	sources_add(slice, g);
	neighbor_network_change(slice, attachment);
}

void gateway_unset(uint16_t slice, uint16_t attachment, const struct api_ip *prefix)
{
	struct api_ip host = host_of(prefix);
	struct gateway *g;

	TAILQ_FOREACH (g, &on_attachment[attachment], of_attachment)
		if (same_address(&g->prefix, prefix) && g->prefix.len == prefix->len)
			break;
	if (g == NULL)
		return;
	if (!ring_leave(g))
		network_unset(slice, g);
	TAILQ_REMOVE(&on_attachment[attachment], g, of_attachment);
	TAILQ_REMOVE(&in_slice[slice], g, of_slice);
	sources_remove(slice, g); /* before its next hop goes */
	fib_own_unset(slice, &host, FIB_GATEWAY);
	announce_end(&g->announce);
	free(g);
	neighbor_network_change(slice, attachment);
}

void gateway_announce(uint16_t slice, const struct api_ip *prefix)
{
	struct gateway *g;

	TAILQ_FOREACH (g, &in_slice[slice], of_slice)
		if (prefix == NULL || same_address(&g->prefix, prefix))
			announce_begin(&g->announce, slice, g->attachment, &g->prefix);
}

/* ---- questions ---- */

bool gateway_covers(uint16_t attachment, const struct api_ip *address)
{
	struct gateway *g;
	bool covered = false;

	TAILQ_FOREACH (g, &on_attachment[attachment], of_attachment) {
		struct api_ip first = edge_of(&g->prefix, false), last = edge_of(&g->prefix, true);

		if (same_address(&g->prefix, address))
			return false;
		if (has_broadcast(&g->prefix) &&
			(same_address(&first, address) || same_address(&last, address)))
			return false;
		covered |= on_network(&g->prefix, address);
	}
	return covered;
}

uint16_t gateway_attachment_after(uint16_t slice, const struct api_ip *address, uint16_t attachment)
{
	struct gateway *g;
	uint16_t next = 0;

	TAILQ_FOREACH (g, &in_slice[slice], of_slice)
		if (g->attachment > attachment && (next == 0 || g->attachment < next) &&
			on_network(&g->prefix, address))
			next = g->attachment;
	return next;
}

bool gateway_source_for(uint16_t attachment, const struct api_ip *address, struct api_ip *source)
{
	struct gateway *g, *best = NULL;

	TAILQ_FOREACH (g, &on_attachment[attachment], of_attachment) {
		if (g->prefix.family != address->family)
			continue;
		if (best == NULL || on_network(&g->prefix, address))
			best = g;
		if (on_network(&g->prefix, address))
			break;
	}
	if (best != NULL)
		*source = host_of(&best->prefix);
	return best != NULL;
}
