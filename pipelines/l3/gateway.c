/* SPDX-License-Identifier: BSD-3-Clause */
/* Gateway addresses on attachments of l3 slices, the connected networks that come with them, and
 * their announcements. Main thread only. Owns attachment_source[], slice_source[] and the lists of
 * those that are to be announced. */
#include "gateway.h"

#include <errno.h>
#include <rte_cycles.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "fib.h"
#include "host.h"
#include "ip.h"
#include "l3.h"
#include "neighbor.h"
#include "tsc.h"

/* What one address brings into the FIB: itself, its network, and over IPv4 two addresses that are
 * nobody's. */
#define FIB_ENTRIES 4

struct gateway {
	TAILQ_ENTRY(gateway) of_attachment;
	TAILQ_ENTRY(gateway) of_slice;
	TAILQ_ENTRY(gateway) announced;
	uint16_t slice, attachment;
	uint32_t local;		       /* its next hop */
	struct gateway *next, *before; /* in the ring of those on the same network; alone: itself */
	struct api_ip prefix;
	uint64_t due_tsc; /* its next announcement */
	uint8_t left;	  /* announcements; 0: it is in no list */
};
TAILQ_HEAD(gateways, gateway);

/* ---- announcements ---- */

#define TIMES	      2
#define INTERVAL_S    2
#define BOX_PPS	      1000
#define ORDERS_A_TURN 64

static struct gateways first = TAILQ_HEAD_INITIALIZER(first);
/* Each waits equally long, so they are in order. */
static struct gateways again = TAILQ_HEAD_INITIALIZER(again);
static struct bucket rate;

static struct gateways *announce_list(const struct gateway *g)
{
	return g->left == TIMES ? &first : &again;
}

static void announce_end(struct gateway *g)
{
	if (g->left == 0)
		return;
	TAILQ_REMOVE(announce_list(g), g, announced);
	g->left = 0;
}

/* Soon, and again; begins anew where it has begun already. */
static void announce_begin(struct gateway *g)
{
	announce_end(g);
	g->left = TIMES;
	TAILQ_INSERT_TAIL(&first, g, announced);
}

/* False: that worker has more to ask than it can take. */
static bool order(const struct gateway *g)
{
	struct worker *w = workers[g->attachment % worker_count];
	struct host_order order = {.epoch = host_epoch,
		.slice = g->slice,
		.attachment = g->attachment,
		.family = g->prefix.family,
		.announce = 1};

	memcpy(order.source, g->prefix.bytes, sizeof(order.source));
	memcpy(order.target, g->prefix.bytes, sizeof(order.target));
	return rte_ring_sp_enqueue_elem(switch_of(w)->host->orders, &order, sizeof(order)) == 0;
}

static struct gateway *due(void)
{
	struct gateway *g = TAILQ_FIRST(&first);

	if (g != NULL)
		return g;
	g = TAILQ_FIRST(&again);
	return g != NULL && tsc_now() >= g->due_tsc ? g : NULL;
}

bool gateways_announce_poll(void)
{
	const uint64_t hz = rte_get_tsc_hz();
	struct gateway *g;

	for (uint32_t i = 0; i < ORDERS_A_TURN && (g = due()) != NULL; i++) {
		if (!bucket_take(&rate, tsc_now(), hz / 10, hz / BOX_PPS) || !order(g))
			return true;
		TAILQ_REMOVE(announce_list(g), g, announced);
		if (--g->left == 0)
			continue;
		g->due_tsc = tsc_now() + INTERVAL_S * hz;
		TAILQ_INSERT_TAIL(&again, g, announced);
	}
	return !TAILQ_EMPTY(&first);
}

/* ---- life ---- */

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
		announce_end(g);
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

static struct api_ip host_of(const struct api_ip *ip)
{
	struct api_ip host = *ip;

	host.len = api_ip_bits(ip->family);
	return host;
}

static struct api_ip network_of(const struct api_ip *prefix)
{
	struct api_ip network = *prefix;

	api_ip_mask(&network);
	return network;
}

static bool same_address(const struct api_ip *a, const struct api_ip *b)
{
	return api_ip_alike(a, b, api_ip_bits(a->family));
}

static bool same_network(const struct api_ip *a, const struct api_ip *b)
{
	return a->len == b->len && api_ip_within(a, b);
}

/* IPv4 networks with a broadcast address (RFC 3021: not those of 31 bits). */
static bool has_broadcast(const struct api_ip *prefix)
{
	return prefix->family == 4 && prefix->len <= 30;
}

/* Its own address or its broadcast address, which are nobody's. */
static bool is_edge(const struct api_ip *prefix, const struct api_ip *address)
{
	struct api_ip first = api_ip_edge(prefix, false), last = api_ip_edge(prefix, true);

	return has_broadcast(prefix) &&
	       (same_address(&first, address) || same_address(&last, address));
}

/* ---- changes ---- */

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
	struct api_ip network = network_of(&g->prefix);
	struct gateway *other;

	g->next = g->before = g;
	if (fib_owner_of(slice, &network) != FIB_CONNECTED)
		return false;
	TAILQ_FOREACH (other, &on_attachment[g->attachment], of_attachment) {
		if (other == g || !same_network(&other->prefix, &g->prefix))
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
	struct api_ip network = network_of(&g->prefix);
	struct api_ip edge[2] = {api_ip_edge(&network, false), api_ip_edge(&network, true)};
	struct l3_via via = {.attachment = g->attachment};
	uint32_t index;

	if (g->prefix.len < api_ip_bits(g->prefix.family) &&
		nexthop_take(slice, &via, 1, &index) == 0 &&
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
		if (g != but && is_edge(&g->prefix, edge))
			return true;
	}
	return false;
}

static void network_unset(uint16_t slice, const struct gateway *g)
{
	struct api_ip network = network_of(&g->prefix);
	struct api_ip edge[2] = {api_ip_edge(&network, false), api_ip_edge(&network, true)};

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
	*g = (struct gateway){.slice = slice, .attachment = attachment, .prefix = *prefix};
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
	announce_end(g);
	free(g);
	neighbor_network_change(slice, attachment);
}

void gateway_announce(uint16_t slice, const struct api_ip *prefix)
{
	struct gateway *g;

	TAILQ_FOREACH (g, &in_slice[slice], of_slice)
		if (prefix == NULL || same_address(&g->prefix, prefix))
			announce_begin(g);
}

/* ---- questions ---- */

bool gateway_covers(uint16_t attachment, const struct api_ip *address)
{
	struct gateway *g;
	bool covered = false;

	TAILQ_FOREACH (g, &on_attachment[attachment], of_attachment) {
		if (same_address(&g->prefix, address) || is_edge(&g->prefix, address))
			return false;
		covered |= api_ip_within(address, &g->prefix);
	}
	return covered;
}

uint16_t gateway_attachment_after(uint16_t slice, const struct api_ip *address, uint16_t attachment)
{
	struct gateway *g;
	uint16_t next = 0;

	TAILQ_FOREACH (g, &in_slice[slice], of_slice)
		if (g->attachment > attachment && (next == 0 || g->attachment < next) &&
			api_ip_within(address, &g->prefix))
			next = g->attachment;
	return next;
}

bool gateway_source_for(uint16_t attachment, const struct api_ip *address, struct api_ip *source)
{
	struct gateway *g, *best = NULL;

	TAILQ_FOREACH (g, &on_attachment[attachment], of_attachment) {
		if (g->prefix.family != address->family)
			continue;
		if (best == NULL || api_ip_within(address, &g->prefix))
			best = g;
		if (api_ip_within(address, &g->prefix))
			break;
	}
	if (best != NULL)
		*source = host_of(&best->prefix);
	return best != NULL;
}
