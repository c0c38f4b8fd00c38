/* SPDX-License-Identifier: BSD-3-Clause */
/* Neighbours on attachments (neighbor.h): what becomes of a host, which is asked for, resolved,
 * confirmed and forgotten (RFC 4861 section 7.3 in short, for ARP as well), and what routes and
 * people want of it. Main thread only. The store is neighbor_table.c's. */
#include "neighbor.h"

#include <errno.h>
#include <rte_random.h>
#include <string.h>

#include "attachment.h"
#include "exact.h"
#include "fib.h"
#include "gateway.h"
#include "host.h"
#include "hot.h"
#include "neighbor_table.h"
#include "notify.h"
#include "report.h"
#include "suppress.h"
#include "tsc.h"

/* ==== a host's states ==== */

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

/* Tenths of a second, never 0. */
static uint32_t neighbor_clock_tick(void)
{
	return tsc_now() / (rte_get_tsc_hz() / 10) + 1;
}

static bool node_has_mac(const struct node *n)
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

/* Without its host route a packet to the address goes by a connected network, and not by a route
 * with a longer prefix. */
static bool is_on_connected(const struct node *n)
{
	struct api_ip network = n->address;

	return fib_lookup(n->slice, &n->address, &network.len) != 0 &&
	       fib_owner_of(n->slice, &network) == FIB_CONNECTED;
}

/* A neighbour has the address already, and answers. */
static bool is_taken(const struct node *n)
{
	uint8_t len;

	return fib_owner_of(n->slice, &n->address) == FIB_NEIGHBOR &&
	       nexthop_hot[fib_lookup(n->slice, &n->address, &len)] !=
		       NEXTHOP_DROP(NEXTHOP_UNREACHABLE);
}

/* The host route, where the address is on the attachment's link and no route is in its place.
 * Networks may overlap: of two attachments with the address the one that was first has it, but for
 * what was put by hand. A neighbour that does not answer has a host route only where its packets
 * would go to the connected network, which would ask for each of them. A longer route that is put
 * later takes effect when the neighbour is next asked for or forgotten, after FAILED_FOR. */
static void neighbor_fib_enter(const struct node *n)
{
	uint32_t index;

	if (n->nexthop == 0 || !gateway_covers(n->attachment, &n->address) ||
		(!node_has_mac(n) && !is_on_connected(n)) || (is_taken(n) && !is_static(n)) ||
		nexthop_take_neighbor(n->slice, n->attachment, &n->address, &index) != 0)
		return;
	fib_own_set(n->slice, &n->address, index, FIB_NEIGHBOR);
}

static void neighbor_fib_leave(const struct node *n)
{
	uint8_t len;

	/* there may be another attachment's with the same address */
	if (n->nexthop != 0 && fib_lookup(n->slice, &n->address, &len) == n->nexthop)
		fib_own_unset(n->slice, &n->address, FIB_NEIGHBOR);
}

/* mac NULL: not known, and dead or not. Its next hop follows. */
static void neighbor_publish(struct node *n, const struct api_mac_addr *mac, bool dead)
{
	n->mac = mac != NULL ? *mac : (struct api_mac_addr){0};
	if (n->nexthop == 0 &&
		nexthop_take_neighbor(n->slice, n->attachment, &n->address, &n->nexthop) != 0) {
		n->nexthop = 0;
		return;
	}
	if (mac == NULL)
		neighbor_fib_leave(n);
	if (mac != NULL || dead)
		neighbor_fib_enter(n);
	nexthop_resolve(n->nexthop, mac, dead); /* last: what leaves the FIB resets it */
}

static void node_forget(uint32_t i)
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

/* Into this state (INCOMPLETE, STALE), with the first question. */
static void neighbor_begin_asking(uint32_t i, enum neighbor_state state)
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
	nodes[i].confirmed_s = tsc_now_s();
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
	n->confirmed_s = tsc_now_s();
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

/* ==== what is asked of them ==== */

static uint32_t reserved;

int neighbor_init(uint32_t workers_total)
{
	static const struct notify notify = {
		.slice_gone = neighbor_flush, .id_freed = host_epoch_next};

	notify_listen(&notify);
	reserved = 0;

	int rc = nodes_init(neighbor_clock_tick());

	return rc == 0 ? suppress_init() : rc;
}

void neighbor_fini(void)
{
	suppress_fini();
	nodes_fini();
}

/* ---- gateways that routes name ---- */

void neighbor_want(uint16_t slice, uint16_t attachment, const struct api_ip *address)
{
	uint32_t i = node_find(slice, attachment, address);

	if (i != 0) {
		if (nodes[i].wants == 0 && !node_reclass(i, NODE_KEPT, node_forget))
			return;
		nodes[i].wants++;
		return;
	}
	i = node_new(slice, attachment, address, NODE_KEPT, node_forget);
	if (i == 0)
		return;
	nodes[i].wants = 1;
	neighbor_begin_asking(i, NEIGHBOR_INCOMPLETE);
}

void neighbor_unwant(uint16_t slice, uint16_t attachment, const struct api_ip *address)
{
	uint32_t i = node_find(slice, attachment, address);

	if (i == 0 || nodes[i].wants == 0 || --nodes[i].wants > 0 ||
		nodes[i].state == NEIGHBOR_STATIC)
		return;
	if (!node_has_mac(&nodes[i]) || !gateway_covers(attachment, address) ||
		!node_reclass(i, NODE_DYNAMIC, node_forget))
		node_forget(i);
}

/* ---- static ones ---- */

static bool is_l3(uint16_t slice)
{
	return slice_hot[slice].flags & SLICE_IS_L3;
}

int neighbor_reserve(void)
{
	if (nodes_kept_room() <= reserved)
		return -ENOSPC;
	reserved++;
	return 0;
}

void neighbor_release(void)
{
	reserved--;
}

void neighbor_set(uint16_t slice, uint16_t attachment, const struct api_ip *address,
	const struct api_mac_addr *mac)
{
	reserved--;
	if (!is_l3(slice)) {
		suppress_set(slice, attachment, address, mac);
		return;
	}
	uint32_t i = node_find(slice, attachment, address);

	if (i == 0)
		i = node_new(slice, attachment, address, NODE_KEPT, node_forget);
	if (i == 0 || !node_reclass(i, NODE_KEPT, node_forget)) {
		RTE_LOG(ERR, USER1, "no room for a neighbour of slice %u that was reserved\n",
			slice);
		return;
	}
	node_timer_stop(i);
	nodes[i].state = NEIGHBOR_STATIC;
	neighbor_publish(&nodes[i], mac, false);
}

void neighbor_unset(uint16_t slice, uint16_t attachment, const struct api_ip *address)
{
	neighbor_forget(slice, attachment, address);
}

void neighbor_forget(uint16_t slice, uint16_t attachment, const struct api_ip *address)
{
	uint32_t i = node_find(slice, attachment, address);

	suppress_unset(slice, address);
	if (i == 0)
		return;
	if (nodes[i].wants == 0) {
		node_forget(i);
		return;
	}
	neighbor_publish(&nodes[i], NULL, false);
	neighbor_begin_asking(i, NEIGHBOR_INCOMPLETE);
}

/* ---- when what is around them changes ---- */

void neighbor_network_change(uint16_t slice, uint16_t attachment)
{
	bool here = attachment_in_slice(attachment, slice);
	uint32_t next;

	for (uint32_t i = node_first_on(attachment); i != 0; i = next) {
		struct node *n = &nodes[i];
		bool covered = here && n->slice == slice && gateway_covers(attachment, &n->address);

		next = node_next_on(i);
		if (!covered && n->wants == 0 && n->state != NEIGHBOR_STATIC) {
			node_forget(i);
		} else if (!covered) {
			neighbor_fib_leave(n);
			if (n->nexthop != 0 && node_has_mac(n))
				nexthop_resolve(n->nexthop, &n->mac, false);
		} else if (node_has_mac(n) || n->state == NEIGHBOR_FAILED) {
			neighbor_fib_enter(n);
		} else if (n->state == NEIGHBOR_INCOMPLETE) {
			neighbor_begin_asking(
				i, NEIGHBOR_INCOMPLETE); /* there is an address to ask from */
		}
	}
}

void neighbor_flush(uint16_t slice)
{
	for (uint32_t i = 1; nodes_in_slice(slice) > 0 && i < node_top; i++)
		if (nodes[i].slice == slice)
			node_forget(i);
	suppress_flush(slice);
}

void neighbor_return(uint16_t slice, const struct api_ip *address)
{
	uint16_t attachment = 0;

	/* networks may overlap: it need not be on the longest */
	while ((attachment = gateway_attachment_after(slice, address, attachment)) != 0) {
		uint32_t i = node_find(slice, attachment, address);

		if (i != 0 && (node_has_mac(&nodes[i]) || nodes[i].state == NEIGHBOR_FAILED))
			neighbor_fib_enter(&nodes[i]);
	}
}

/* ---- reading ---- */

static void entry_of(const struct node *n, struct neighbor_entry *out)
{
	uint32_t now = tsc_now_s();

	*out = (struct neighbor_entry){.slice = n->slice,
		.attachment = n->attachment,
		.address = n->address,
		.mac = n->mac,
		.state = n->state,
		.age_s = node_has_mac(n) && n->state != NEIGHBOR_STATIC && now > n->confirmed_s
				 ? now - n->confirmed_s
				 : 0};
}

int neighbor_get(uint16_t attachment, const struct api_ip *address, struct neighbor_entry *out)
{
	uint16_t slice = attachment_hot[attachment].slice;
	uint32_t i = node_find(slice, attachment, address);

	if (i != 0) {
		entry_of(&nodes[i], out);
		return 0;
	}
	return suppress_get(slice, address, out) == 0 && out->attachment == attachment ? 0
										       : -ENOENT;
}

/* The cursor's first word: an index into nodes[], then the two tables of suppress.c, told apart by
 * the top bits. */
#define CURSOR_4 (1ull << 62)
#define CURSOR_6 (2ull << 62)

static uint32_t iterate_table(uint64_t *cursor, struct neighbor_entry *out, uint32_t max)
{
	uint64_t at[EXACT_CURSOR_WORDS] = {*cursor & (CURSOR_4 - 1), cursor[1]};
	uint8_t family = *cursor & CURSOR_6 ? 6 : 4;
	uint32_t n = suppress_iterate(family, at, out, max);

	if (at[0] != 0)
		*cursor = (family == 4 ? CURSOR_4 : CURSOR_6) | at[0];
	else
		*cursor = family == 4 ? CURSOR_6 : 0;
	cursor[1] = at[1];
	return n;
}

uint32_t neighbor_iterate(uint64_t *cursor, struct neighbor_entry *out, uint32_t max)
{
	uint32_t n = 0;

	if (*cursor >= CURSOR_4)
		return iterate_table(cursor, out, max);
	for (; *cursor < node_top && n < max; ++*cursor)
		if (nodes[*cursor].slice != 0)
			entry_of(&nodes[*cursor], &out[n++]);
	if (*cursor < node_top)
		return n;
	cursor[0] = CURSOR_4;
	cursor[1] = 0;
	return n > 0 ? n : iterate_table(cursor, out, max);
}

uint32_t neighbor_count(void)
{
	return nodes_count() + suppress_count();
}

uint32_t neighbor_refused(void)
{
	return nodes_refused() + suppress_refused();
}
