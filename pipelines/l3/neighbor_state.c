/* SPDX-License-Identifier: BSD-3-Clause */
/* What becomes of a host on an attachment: asked for, resolved, confirmed, forgotten (RFC 4861
 * section 7.3 in short, for ARP as well), and what workers see of it. Main thread only. The
 * store is neighbor_table.c's. */
#include "neighbor_state.h"

#include <rte_random.h>
#include <string.h>

#include "fib.h"
#include "attachment.h"
#include "gateway.h"
#include "host.h"
#include "suppress.h"

#define TRIES		 3
#define RETRY		 10  /* tenths of a second, RETRANS_TIMER */
#define PROBE_NEW	 50  /* DELAY_FIRST_PROBE_TIME: heard of, not yet confirmed */
#define REACHABLE_LEAST	 225 /* REACHABLE_TIME of 30 s, and chance */
#define REACHABLE_CHANCE 150
#define GATEWAY_LEAST	 20 /* a route's gateway is asked more often: the others take over sooner */
#define GATEWAY_CHANCE	 10
#define FAILED_FOR	 50
#define FIRES_A_POLL	 512 /* as many questions as a poll asks at most */
#define REPORTS_A_POLL	 4096

uint64_t neighbor_skew_tsc;

static uint64_t clock_tsc(void)
{
	return rte_rdtsc() + neighbor_skew_tsc;
}

uint32_t neighbor_clock_s(void)
{
	return clock_tsc() / rte_get_tsc_hz() + 1;
}

uint32_t neighbor_clock_tick(void)
{
	return clock_tsc() / (rte_get_tsc_hz() / 10) + 1;
}

bool node_has_mac(const struct node *n)
{
	static const struct api_mac_addr none;

	return memcmp(&n->mac, &none, sizeof(none)) != 0;
}

/* ---- what workers see of it ---- */

/* A new node's state says so as well, until it has one. */
static bool is_static(const struct node *n)
{
	return n->state == NEIGHBOR_STATIC && n->class == NODE_KEPT;
}

/* The host route, where the address is on the attachment's link and no route is in its place.
 * Networks may overlap: of two attachments with the address the one that was first has it, but for
 * what was put by hand. */
void neighbor_fib_enter(const struct node *n)
{
	uint32_t index;

	if (n->nexthop == 0 || !gateway_covers(n->attachment, &n->address) ||
		(fib_owner_of(n->slice, &n->address) == FIB_NEIGHBOR && !is_static(n)) ||
		nexthop_take_neighbor(n->slice, n->attachment, &n->address, &index) != 0)
		return;
	fib_own_set(n->slice, &n->address, index, FIB_NEIGHBOR);
}

void neighbor_fib_leave(const struct node *n)
{
	uint8_t len;

	/* there may be another attachment's with the same address */
	if (n->nexthop != 0 && fib_lookup(n->slice, &n->address, &len) == n->nexthop)
		fib_own_unset(n->slice, &n->address, FIB_NEIGHBOR);
}

/* mac NULL: not known, and dead or not. Its next hop follows. */
void neighbor_publish(struct node *n, const struct api_mac_addr *mac, bool dead)
{
	n->mac = mac != NULL ? *mac : (struct api_mac_addr){0};
	if (n->nexthop == 0 &&
		nexthop_take_neighbor(n->slice, n->attachment, &n->address, &n->nexthop) != 0) {
		n->nexthop = 0;
		return;
	}
	if (mac != NULL || dead)
		neighbor_fib_enter(n);
	else
		neighbor_fib_leave(n);
	nexthop_resolve(n->nexthop, mac, dead); /* last: what leaves the FIB resets it */
}

void node_forget(uint32_t i)
{
	struct node *n = &nodes[i];
	uint32_t nexthop = n->nexthop;

	neighbor_fib_leave(n);
	node_free(i);
	if (nexthop != 0)
		nexthop_drop_neighbor(nexthop);
}

/* ---- asking ---- */

static bool source_for(const struct node *n, uint8_t *source)
{
	struct api_ip from;

	if (n->address.family == 6 && is_link_local(n->address.bytes)) {
		host_link_local(slice_hot[n->slice].mac, source);
		return true;
	}
	if (!gateway_source_for(n->attachment, &n->address, &from))
		return false;
	memcpy(source, from.bytes, sizeof(from.bytes));
	return true;
}

/* One more try; the timer says when to see what came of it. */
static void ask(uint32_t i)
{
	struct node *n = &nodes[i];
	struct host_order order = {.epoch = host_epoch,
		.slice = n->slice,
		.attachment = n->attachment,
		.family = n->address.family};
	struct worker *w = workers[n->attachment % worker_count];

	if (n->state == NEIGHBOR_STALE) /* where it was last */
		memcpy(order.mac, &n->mac, sizeof(order.mac));
	memcpy(order.target, n->address.bytes, sizeof(order.target));
	if (!source_for(n, order.source)) {
		n->tries = TRIES; /* nothing to ask from: no network of its is here */
		node_timer(i, RETRY);
		return;
	}
	if (rte_ring_sp_enqueue_elem(switch_of(w)->host->orders, &order, sizeof(order)) != 0) {
		node_timer(i, 1); /* much is being asked: in a moment */
		return;
	}
	n->tries++;
	node_timer(i, RETRY);
}

void neighbor_begin_asking(uint32_t i, enum neighbor_state state)
{
	nodes[i].state = state;
	nodes[i].tries = 0;
	ask(i);
}

/* Nobody answered for it. */
static void fail(uint32_t i)
{
	struct node *n = &nodes[i];

	n->state = NEIGHBOR_FAILED;
	neighbor_publish(n, NULL, true);
	node_timer(i, FAILED_FOR);
}

/* It had a MAC and does not answer there any more. */
static void lost(uint32_t i)
{
	if (nodes[i].wants == 0) {
		node_forget(i);
		return;
	}
	neighbor_publish(&nodes[i], NULL, false);
	neighbor_begin_asking(i, NEIGHBOR_INCOMPLETE);
}

static void fire(uint32_t i)
{
	struct node *n = &nodes[i];

	switch ((enum neighbor_state)n->state) {
	case NEIGHBOR_STATIC:
		break;
	case NEIGHBOR_REACHABLE:
		neighbor_begin_asking(i, NEIGHBOR_STALE);
		break;
	case NEIGHBOR_STALE:
		if (n->tries < TRIES)
			ask(i);
		else
			lost(i);
		break;
	case NEIGHBOR_INCOMPLETE:
		if (n->tries < TRIES)
			ask(i);
		else
			fail(i);
		break;
	case NEIGHBOR_FAILED: /* what a route needs is asked for again, once each time */
		if (n->wants == 0) {
			node_forget(i);
			break;
		}
		n->state = NEIGHBOR_INCOMPLETE;
		n->tries = TRIES - 1;
		ask(i);
		break;
	}
}

/* ---- hearing ---- */

static void confirm(uint32_t i)
{
	nodes[i].state = NEIGHBOR_REACHABLE;
	nodes[i].confirmed_s = neighbor_clock_s();
	nodes[i].tries = 0;
	if (nodes[i].wants > 0)
		node_timer(i, GATEWAY_LEAST + rte_rand_max(GATEWAY_CHANCE));
	else
		node_timer(i, REACHABLE_LEAST + rte_rand_max(REACHABLE_CHANCE));
}

/* Its MAC is known now, or another. */
static void resolved(uint32_t i, const struct host_report *r)
{
	struct node *n = &nodes[i];
	struct api_mac_addr mac;

	if (n->class == NODE_ASKING && !node_reclass(i, NODE_DYNAMIC, node_forget)) {
		node_forget(i);
		return;
	}
	memcpy(&mac, r->mac, sizeof(mac));
	neighbor_publish(n, &mac, false);
	n->confirmed_s = neighbor_clock_s();
	n->tries = 0;
	if (r->flags & HOST_ANSWER) {
		confirm(i);
		return;
	}
	n->state = NEIGHBOR_STALE; /* it said so itself, unasked: will be asked */
	node_timer(i, PROBE_NEW);
}

static struct api_ip address_of(const struct host_report *r)
{
	struct api_ip address = {.family = r->family, .len = r->family == 4 ? 32 : 128};

	memcpy(address.bytes, r->address, r->family == 4 ? 4 : 16);
	return address;
}

static void hear_known(uint32_t i, const struct host_report *r)
{
	struct node *n = &nodes[i];
	bool same = memcmp(&n->mac, r->mac, sizeof(n->mac)) == 0;

	if (n->state == NEIGHBOR_STATIC || (!node_has_mac(n) && (r->flags & HOST_UNSAID)))
		return;
	if (!node_has_mac(n) || (!same && (r->flags & HOST_OVERRIDE)))
		resolved(i, r);
	else if (same && (r->flags & HOST_ANSWER))
		confirm(i);
	else if (!same && n->state == NEIGHBOR_REACHABLE) /* RFC 4861 7.2.5 I */
		neighbor_begin_asking(i, NEIGHBOR_STALE);
}

static void hear(const struct host_report *r)
{
	struct api_ip address = address_of(r);
	uint16_t attachment = DOOR_ID(r->door);
	uint32_t i = node_find(r->slice, attachment, &address);

	if (!attachment_in_slice(attachment, r->slice))
		return;
	if (i != 0 && (nodes[i].wants > 0 || gateway_covers(attachment, &address))) {
		hear_known(i, r);
		return;
	}
	if (i != 0 || !(r->flags & HOST_CREATE) || !gateway_covers(attachment, &address))
		return;
	i = node_new(r->slice, attachment, &address, NODE_DYNAMIC, node_forget);
	if (i != 0)
		resolved(i, r);
}

static void wanted_by_traffic(const struct host_report *r)
{
	struct api_ip address = address_of(r);
	uint16_t attachment = DOOR_ID(r->door);

	if (!attachment_in_slice(attachment, r->slice) || !gateway_covers(attachment, &address) ||
		node_find(r->slice, attachment, &address) != 0)
		return;
	uint32_t i = node_new(r->slice, attachment, &address, NODE_ASKING, node_forget);

	if (i != 0)
		neighbor_begin_asking(i, NEIGHBOR_INCOMPLETE);
}

static void take(const struct host_report *r)
{
	switch ((enum host_news)r->kind) {
	case HOST_SEEN:
		hear(r);
		break;
	case HOST_ASK:
		wanted_by_traffic(r);
		break;
	case HOST_SNOOP:
		suppress_learn(r);
		break;
	}
}

uint32_t neighbor_poll(void)
{
	struct host_report report[64];
	uint32_t total = 0;

	nodes_run(neighbor_clock_tick(), FIRES_A_POLL, fire);
	for (uint32_t w = 0; w < worker_count; w++) {
		struct rte_ring *ring = switch_of(workers[w])->host->reports;
		uint32_t n, taken = 0;

		do {
			n = rte_ring_sc_dequeue_burst_elem(
				ring, report, sizeof(report[0]), RTE_DIM(report), NULL);
			for (uint32_t i = 0; i < n; i++)
				take(&report[i]);
			taken += n;
		} while (n > 0 && taken < REPORTS_A_POLL);
		total += taken;
	}
	suppress_poll();
	return total;
}
