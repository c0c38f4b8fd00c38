/* SPDX-License-Identifier: BSD-3-Clause */
/* Neighbours on attachments (neighbor.h): the store of hosts by (slice, attachment, address), their
 * timers, and the bounds that keep one slice's hosts from taking another's room; what becomes of a
 * host, which is asked for, resolved, confirmed and forgotten (RFC 4861 section 7.3 in short, for
 * ARP as well), and what routes and people want of it. Main thread only. */
#include "neighbor.h"

#include <errno.h>
#include <rte_random.h>
#include <stdlib.h>
#include <string.h>

#include "attachment.h"
#include "exact.h"
#include "fib.h"
#include "gateway.h"
#include "host.h"
#include "hot.h"
#include "nexthop.h"
#include "notify.h"
#include "report.h"
#include "reserve.h"
#include "slice.h"
#include "suppress.h"
#include "tsc.h"

/* ==== the store ==== */

#define ASKING_MAX   1024 /* hosts without a MAC that no route names, in the box */
#define ASKING_SLICE 256  /* of one slice */

enum node_class {
	NODE_ASKING,  /* wanted by traffic, no MAC: at most ASKING_MAX */
	NODE_DYNAMIC, /* has a MAC: at most the slice's max_macs */
	NODE_KEPT     /* static, or a route's gateway */
};

struct node {
	struct api_ip address;
	struct api_mac_addr mac; /* all zero: not known */
	uint16_t slice, attachment;
	uint8_t state; /* enum neighbor_state */
	uint8_t class; /* enum node_class */
	uint8_t tries; /* asked so often since the last answer */
	bool timed;
	uint32_t nexthop; /* one use of it is the node's; 0: none */
	uint32_t wants;	  /* by routes */
	uint32_t due;	  /* tick */
	uint32_t confirmed_s;
	uint32_t chain;		/* next of the same hash, or of the free ones */
	uint32_t later, sooner; /* in its slot of the wheel */
	uint32_t next, prev;	/* on its attachment */
	uint32_t asking;	/* its place among those */
};

#define NODES (LIMIT_HOSTS + ASKING_MAX + 1)
#define HEADS 131072
#define WHEEL 512 /* slots of a tenth of a second */

static struct node *nodes;    /* [NODES], [0] is none */
static uint32_t node_top = 1; /* no index at or above was ever used */

static uint32_t *head;		/* [HEADS] */
static uint32_t *on_attachment; /* [LIMIT_ATTACHMENTS + 1] */
static uint32_t free_head, used, refused;
static uint64_t seed; /* random: nobody outside can aim at a chain */

/* Hosts of a slice. */
static struct share {
	uint32_t all, dynamic, asking;
} * share; /* [LIMIT_SLICES + 1] */
static uint32_t total[NODE_KEPT + 1];
static uint32_t asking[ASKING_MAX];
static uint32_t evict_cursor;

static uint32_t wheel[WHEEL], wheel_tick;

/* ---- finding ---- */

static uint32_t *chain_of(uint16_t slice, uint16_t attachment, const struct api_ip *address)
{
	uint64_t a[2], h = seed ^ ((uint64_t)slice << 16 | attachment);

	memcpy(a, address->bytes, sizeof(a));
	for (uint32_t i = 0; i < RTE_DIM(a); i++) {
		unsigned __int128 product = (unsigned __int128)(h ^ a[i]) * 0x9e3779b97f4a7c15ull;

		h = (uint64_t)product ^ (uint64_t)(product >> 64) ^ seed;
	}
	return &head[h % HEADS];
}

static bool is_node(
	const struct node *n, uint16_t slice, uint16_t attachment, const struct api_ip *address)
{
	return n->slice == slice && n->attachment == attachment &&
	       n->address.family == address->family &&
	       memcmp(n->address.bytes, address->bytes, sizeof(address->bytes)) == 0;
}

/* 0: none. */
static uint32_t node_find(uint16_t slice, uint16_t attachment, const struct api_ip *address)
{
	uint32_t i = *chain_of(slice, attachment, address);

	while (i != 0 && !is_node(&nodes[i], slice, attachment, address))
		i = nodes[i].chain;
	return i;
}

/* ---- bounds ---- */

/* Of the slice that is asking for the most hosts. */
static uint32_t asking_victim(void)
{
	uint32_t worst = asking[0];

	for (uint32_t i = 1; i < total[NODE_ASKING]; i++)
		if (share[nodes[asking[i]].slice].asking > share[nodes[worst].slice].asking)
			worst = asking[i];
	return worst;
}

static uint32_t dynamic_victim(void)
{
	for (uint32_t i = 0; i < node_top; i++) {
		evict_cursor = evict_cursor + 1 < node_top ? evict_cursor + 1 : 1;
		const struct node *n = &nodes[evict_cursor];

		if (n->slice != 0 && n->class == NODE_DYNAMIC)
			return evict_cursor;
	}
	return 0;
}

static void node_forget(uint32_t i);

static bool room_asking(uint16_t slice)
{
	if (share[slice].asking >= ASKING_SLICE)
		return false;
	if (total[NODE_ASKING] < ASKING_MAX)
		return true;
	uint32_t victim = asking_victim();

	if (share[nodes[victim].slice].asking <= share[slice].asking + 1)
		return false;
	node_forget(victim);
	return true;
}

static bool room(uint16_t slice, enum node_class class)
{
	uint32_t kept = total[NODE_DYNAMIC] + total[NODE_KEPT];

	switch (class) {
	case NODE_ASKING:
		return room_asking(slice);
	case NODE_DYNAMIC:
		return kept < LIMIT_HOSTS && share[slice].dynamic < slice_max_macs(slice);
	case NODE_KEPT:
		break;
	}
	if (kept < LIMIT_HOSTS)
		return true;
	uint32_t victim = dynamic_victim();

	if (victim != 0)
		node_forget(victim);
	return victim != 0;
}

static void class_enter(uint32_t i, enum node_class class)
{
	struct node *n = &nodes[i];

	n->class = class;
	if (class == NODE_ASKING) {
		n->asking = total[NODE_ASKING];
		asking[n->asking] = i;
		share[n->slice].asking++;
	}
	share[n->slice].dynamic += class == NODE_DYNAMIC;
	total[class]++;
}

static void class_leave(uint32_t i)
{
	struct node *n = &nodes[i];

	total[n->class]--;
	share[n->slice].dynamic -= n->class == NODE_DYNAMIC;
	if (n->class == NODE_ASKING) {
		uint32_t last = asking[total[NODE_ASKING]];

		asking[n->asking] = last;
		nodes[last].asking = n->asking;
		share[n->slice].asking--;
	}
}

/* Moves it to another class, within the bounds; false: refused (counted), nothing changed. */
static bool node_reclass(uint32_t i, enum node_class class)
{
	if (nodes[i].class == class)
		return true;
	/* what is kept already and becomes dynamic takes no more of the box, but of its slice */
	bool was_kept = nodes[i].class == NODE_KEPT && class == NODE_DYNAMIC;

	if (was_kept ? share[nodes[i].slice].dynamic >= slice_max_macs(nodes[i].slice)
		     : !(nodes[i].class == NODE_DYNAMIC && class == NODE_KEPT) &&
				!room(nodes[i].slice, class)) {
		refused++;
		return false;
	}
	class_leave(i);
	class_enter(i, class);
	return true;
}

/* ---- timers ---- */

static void node_timer_stop(uint32_t i)
{
	struct node *n = &nodes[i];

	if (!n->timed)
		return;
	if (n->later != 0)
		nodes[n->later].sooner = n->sooner;
	if (n->sooner != 0)
		nodes[n->sooner].later = n->later;
	else
		wheel[n->due % WHEEL] = n->later;
	n->timed = false;
}

/* Fires once, after so many tenths of a second (1 to 500); replaces what was set. */
static void node_timer(uint32_t i, uint32_t tenths)
{
	struct node *n = &nodes[i];

	node_timer_stop(i);
	n->due = wheel_tick + RTE_MIN(tenths, WHEEL - 1u);
	n->later = wheel[n->due % WHEEL];
	n->sooner = 0;
	n->timed = true;
	if (n->later != 0)
		nodes[n->later].sooner = i;
	wheel[n->due % WHEEL] = i;
}

/* ---- life ---- */

/* A new one of a class, within its bounds; 0: refused (counted). NODE_KEPT takes the room of a
 * dynamic one when there is none. */
static uint32_t node_new(
	uint16_t slice, uint16_t attachment, const struct api_ip *address, enum node_class class)
{
	if (!room(slice, class) || (free_head == 0 && node_top == NODES)) {
		refused++;
		return 0;
	}
	uint32_t i = free_head;

	if (i != 0)
		free_head = nodes[i].chain;
	else
		i = node_top++;
	uint32_t *chain = chain_of(slice, attachment, address);

	nodes[i] = (struct node){.address = *address,
		.slice = slice,
		.attachment = attachment,
		.chain = *chain,
		.next = on_attachment[attachment]};
	*chain = i;
	if (nodes[i].next != 0)
		nodes[nodes[i].next].prev = i;
	on_attachment[attachment] = i;
	class_enter(i, class);
	share[slice].all++;
	used++;
	return i;
}

static void node_free(uint32_t i)
{
	struct node *n = &nodes[i];
	uint32_t *at = chain_of(n->slice, n->attachment, &n->address);

	node_timer_stop(i);
	class_leave(i);
	while (*at != i)
		at = &nodes[*at].chain;
	*at = n->chain;
	if (n->next != 0)
		nodes[n->next].prev = n->prev;
	if (n->prev != 0)
		nodes[n->prev].next = n->next;
	else
		on_attachment[n->attachment] = n->next;
	share[n->slice].all--;
	used--;
	*n = (struct node){.chain = free_head};
	free_head = i;
}

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

/* What is due until `tick`, at most max. */
static void nodes_run(uint32_t tick, uint32_t max)
{
	while (max > 0) {
		uint32_t i = wheel[wheel_tick % WHEEL];

		if (i == 0) {
			if (wheel_tick >= tick)
				return;
			wheel_tick++;
			continue;
		}
		node_timer_stop(i);
		fire(i);
		max--;
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

	if (n->class == NODE_ASKING && !node_reclass(i, NODE_DYNAMIC)) {
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
	i = node_new(r->slice, attachment, &address, NODE_DYNAMIC);
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
	uint32_t i = node_new(r->slice, attachment, &address, NODE_ASKING);

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

	nodes_run(neighbor_clock_tick(), FIRES_A_POLL);
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
	nodes = reserve_map(NODES * sizeof(*nodes));
	head = calloc(HEADS, sizeof(*head));
	on_attachment = calloc(LIMIT_ATTACHMENTS + 1, sizeof(*on_attachment));
	share = calloc(LIMIT_SLICES + 1, sizeof(*share));
	free_head = used = refused = evict_cursor = 0;
	wheel_tick = neighbor_clock_tick();
	node_top = 1;
	seed = rte_rand();
	memset(total, 0, sizeof(total));
	memset(wheel, 0, sizeof(wheel));
	if (nodes == NULL || head == NULL || on_attachment == NULL || share == NULL)
		return -ENOMEM;
	return suppress_init();
}

void neighbor_fini(void)
{
	suppress_fini();
	reserve_unmap(nodes, NODES * sizeof(*nodes));
	free(head);
	free(on_attachment);
	free(share);
	nodes = NULL;
	head = on_attachment = NULL;
	share = NULL;
}

/* ---- gateways that routes name ---- */

void neighbor_want(uint16_t slice, uint16_t attachment, const struct api_ip *address)
{
	uint32_t i = node_find(slice, attachment, address);

	if (i != 0) {
		if (nodes[i].wants == 0 && !node_reclass(i, NODE_KEPT))
			return;
		nodes[i].wants++;
		return;
	}
	i = node_new(slice, attachment, address, NODE_KEPT);
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
		!node_reclass(i, NODE_DYNAMIC))
		node_forget(i);
}

/* ---- static ones ---- */

static bool is_l3(uint16_t slice)
{
	return slice_hot[slice].flags & SLICE_IS_L3;
}

int neighbor_reserve(void)
{
	if (LIMIT_HOSTS - total[NODE_KEPT] <= reserved)
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
		i = node_new(slice, attachment, address, NODE_KEPT);
	if (i == 0 || !node_reclass(i, NODE_KEPT)) {
		RTE_LOG(ERR, USER1, "no room for a neighbour of slice %u that was reserved\n",
			slice);
		return;
	}
	node_timer_stop(i);
	nodes[i].state = NEIGHBOR_STATIC;
	neighbor_publish(&nodes[i], mac, false);
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

	for (uint32_t i = on_attachment[attachment]; i != 0; i = next) {
		struct node *n = &nodes[i];
		bool covered = here && n->slice == slice && gateway_covers(attachment, &n->address);

		next = nodes[i].next;
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
	for (uint32_t i = 1; share[slice].all > 0 && i < node_top; i++)
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
	return used + suppress_count();
}

uint32_t neighbor_refused(void)
{
	return refused + suppress_refused();
}
