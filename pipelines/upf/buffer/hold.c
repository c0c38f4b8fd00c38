/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets held for idle UEs: the sessions' queues, what they may hold, and telling the control
 * plane (TS 29.244 5.2.3.1, 7.5.8.2). Main thread; owns queues and nodes. hold_flush.c empties
 * them, hold_worker.c fills them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "event.h"
#include "hold_state.h"
#include "notify.h"
#include "reserve.h"
#include "session_index.h"
#include "tsc.h"

#define GROW 1024u

struct hold_queue *hold_queues;
struct hold_node *hold_nodes;

/* Queues and nodes: arrays that grow, their free items in a list. */
struct store {
	uint32_t size, used, reserved, free;
};
static struct store queues, nodes;
static uint32_t *queue_of; /* [LIMIT_SESSIONS + 1], queue + 1; its pages come as they are needed */
static uint32_t held;
static uint32_t *held_of; /* [LIMIT_SLICES + 1] of those, by slice */
static uint32_t *due;	  /* queues with something to tell */
static uint32_t dues, due_size;
static uint64_t due_next; /* none is due before */

static void queues_link(uint32_t from, uint32_t to)
{
	for (uint32_t i = to; i-- > from;) {
		hold_queues[i] = (struct hold_queue){.fence_next = queues.free};
		queues.free = i;
	}
}

static void nodes_link(uint32_t from, uint32_t to)
{
	for (uint32_t i = to; i-- > from;) {
		hold_nodes[i].next = nodes.free;
		nodes.free = i;
	}
}

static int grow(struct store *s, void **items, size_t size, uint32_t more,
	void (*link)(uint32_t from, uint32_t to))
{
	uint32_t want = s->used + s->reserved + more;

	if (want <= s->size)
		return 0;
	want = RTE_MAX(want, s->size + RTE_MAX(GROW, s->size / 2));
	void *p = realloc(*items, want * size);

	if (p == NULL)
		return -ENOMEM;
	*items = p;
	link(s->size, want);
	s->size = want;
	return 0;
}

int hold_reserve(uint32_t n_queues, uint32_t n_nodes)
{
	if (grow(&queues, (void **)&hold_queues, sizeof(*hold_queues), n_queues, queues_link) !=
			0 ||
		grow(&nodes, (void **)&hold_nodes, sizeof(*hold_nodes), n_nodes, nodes_link) != 0)
		return -ENOMEM;
	queues.reserved += n_queues;
	nodes.reserved += n_nodes;
	return 0;
}

void hold_unreserve(uint32_t n_queues, uint32_t n_nodes)
{
	queues.reserved -= n_queues;
	nodes.reserved -= n_nodes;
}

uint32_t hold_node_new(bool reserved)
{
	if (reserved)
		nodes.reserved--;
	else if (grow(&nodes, (void **)&hold_nodes, sizeof(*hold_nodes), 1, nodes_link) != 0)
		return HOLD_NONE;
	uint32_t i = nodes.free;

	nodes.free = hold_nodes[i].next;
	nodes.used++;
	hold_nodes[i] = (struct hold_node){.next = HOLD_NONE, .queue = HOLD_NONE};
	return i;
}

void hold_node_free(uint32_t node)
{
	hold_nodes[node].next = nodes.free;
	nodes.free = node;
	nodes.used--;
}

uint32_t hold_queue_of(uint32_t session)
{
	return queue_of != NULL ? queue_of[session] - 1 : HOLD_NONE;
}

uint32_t hold_queue_new(uint32_t session, uint16_t slice, bool reserved)
{
	if (reserved)
		queues.reserved--;
	else if (grow(&queues, (void **)&hold_queues, sizeof(*hold_queues), 1, queues_link) != 0)
		return HOLD_NONE;
	uint32_t i = queues.free;

	queues.free = hold_queues[i].fence_next;
	queues.used++;
	hold_queues[i] = (struct hold_queue){.session = session,
		.slice = slice,
		.in = {.head = HOLD_NONE, .tail = HOLD_NONE},
		.limit = HOLD_NONE,
		.fence_next = HOLD_NONE};
	queue_of[session] = i + 1;
	return i;
}

void hold_queue_free(uint32_t queue)
{
	struct hold_queue *q = &hold_queues[queue];

	queue_of[q->session] = 0;
	q->session = 0;
	q->pending = 0;
	if (q->listed)
		return; /* tell_due() does the rest */
	q->fence_next = queues.free;
	queues.free = queue;
	queues.used--;
}

void hold_append(struct hold_list *list, uint32_t node)
{
	hold_nodes[node].next = HOLD_NONE;
	if (list->n++ == 0)
		list->head = node;
	else
		hold_nodes[list->tail].next = node;
	list->tail = node;
}

uint32_t hold_take_first(struct hold_list *list)
{
	uint32_t node = list->head;

	list->head = hold_nodes[node].next;
	list->n--;
	return node;
}

/* ---- telling the control plane ---- */

static void tell(struct hold_queue *q, uint32_t pdr)
{
	upf_event(&(struct upf_event){.kind = UPF_DOWNLINK_DATA,
		.session = session_name(q->session),
		.downlink_data = {.pdr_id = pdr, .packets = q->in.n}});
}

/* PDR of the first packet held for a FAR. */
static uint32_t pdr_of(const struct hold_queue *q, uint32_t far)
{
	if (far == q->due_far)
		return q->due_pdr;
	for (uint32_t i = q->in.head, n = q->in.n; n > 0; n--, i = hold_nodes[i].next)
		if (hold_nodes[i].far == far)
			return session_ops.pdr_id(
				q->session, hold_nodes[i].group, hold_nodes[i].rule);
	return 0;
}

static void tell_pending(struct hold_queue *q)
{
	for (uint32_t bits = q->pending; bits != 0; bits &= bits - 1) {
		uint32_t pdr = pdr_of(q, __builtin_ctz(bits));

		if (pdr != 0)
			tell(q, pdr);
	}
	q->pending = 0;
}

static uint32_t tell_due(void)
{
	uint64_t now = tsc_now();
	uint32_t kept = 0, told = 0;

	if (dues == 0 || now < due_next)
		return 0;
	due_next = UINT64_MAX;
	for (uint32_t i = 0; i < dues; i++) {
		struct hold_queue *q = &hold_queues[due[i]];

		if (q->pending != 0 && q->due_tsc > now) {
			due_next = RTE_MIN(due_next, q->due_tsc);
			due[kept++] = due[i];
			continue;
		}
		if (q->pending != 0) {
			tell_pending(q);
			told++;
		}
		q->listed = false;
		if (q->session == 0) /* freed meanwhile */
			hold_queue_free(due[i]);
	}
	dues = kept;
	return told;
}

/* The first packet for a FAR in an idle period. */
static void notice(uint32_t queue, const struct hold_report *r)
{
	struct hold_queue *q = &hold_queues[queue];
	uint32_t bit = r->notify ? 1u << r->far : 0;

	if (bit == 0 || q->gone || (q->notified & bit))
		return;
	if (!q->listed && !array_grow(&due, &due_size, dues, sizeof(*due)))
		return; /* the next packet tries again */
	q->notified |= bit;
	q->pending |= bit;
	if (q->pending == bit) {
		q->due_far = r->far;
		q->due_pdr = session_ops.pdr_id(q->session, r->group, r->rule);
		q->due_tsc = tsc_now() + rte_get_tsc_hz() / 1000 * q->delay_ms;
		due_next = dues == 0 ? q->due_tsc : RTE_MIN(due_next, q->due_tsc);
	}
	if (!q->listed)
		due[dues++] = queue;
	q->listed = true;
}

/* ---- taking in ---- */

/* What its BAR says, asked for once an idle period. */
static void limit_look_up(struct hold_queue *q)
{
	struct api_session s;

	q->limit = HOLD_PRESET;
	q->delay_ms = 0;
	if (q->gone || !session_ops.get(q->session, &s) || !s.has_bar)
		return;
	q->limit = RTE_MIN(s.bar.packets, (uint32_t)HOLD_PACKETS);
	q->delay_ms = s.bar.delay_ms;
}

/* No more of it: workers need not ask. */
static void no_more(const struct hold_queue *q, uint8_t flag)
{
	struct session_block *s = session_block[q->session];

	if (s != NULL && !q->gone)
		hold_flag(s, flag, 0);
}

/* Of all that may be held a slice may have as much as is still free, as of a worker's buffers; and
 * again what comes back (the queue is no longer at rest) keeps its place. */
static bool has_room(const struct hold_queue *q, uint16_t slice)
{
	return held < HOLD_PACKETS &&
	       (q->state != HOLD_REST || held_of[slice] < HOLD_PACKETS - held);
}

/* A queue and a node have been reserved. */
static void take(const struct hold_report *r, uint8_t worker)
{
	uint32_t queue = hold_queue_of(r->session), node;

	if (queue == HOLD_NONE)
		queue = hold_queue_new(r->session, r->slice, true);
	else
		hold_unreserve(1, 0);
	struct hold_queue *q = &hold_queues[queue];

	if (q->limit == HOLD_NONE)
		limit_look_up(q);
	notice(queue, r);
	if (r->m == NULL) {
		hold_unreserve(0, 1);
		no_more(q, SESSION_NO_ROOM);
		return;
	}
	node = hold_node_new(true);
	hold_nodes[node] = (struct hold_node){.m = r->m,
		.next = HOLD_NONE,
		.queue = queue,
		.slice = r->slice,
		.worker = worker,
		.group = r->group,
		.rule = r->rule,
		.far = r->far,
		.uplink = r->uplink};
	if (q->in.n >= q->limit) {
		no_more(q, SESSION_FULL);
		hold_order_discard(node, DROP_HOLD_FULL);
	} else if (!has_room(q, r->slice)) {
		no_more(q, SESSION_NO_ROOM);
		hold_order_discard(node, DROP_HOLD_NO_ROOM);
	} else {
		hold_append(&q->in, node);
		held++;
		held_of[r->slice]++;
	}
}

static uint32_t drain(uint32_t worker, struct hold_worker *h)
{
	struct hold_report r[BURST_MAX];
	uint32_t left = rte_ring_count(h->reports), total = 0;

	while (left > 0 && hold_reserve(BURST_MAX, BURST_MAX) == 0) {
		uint32_t n = rte_ring_sc_dequeue_burst_elem(
			h->reports, r, sizeof(r[0]), RTE_MIN(left, (uint32_t)BURST_MAX), NULL);

		hold_unreserve(BURST_MAX - n, BURST_MAX - n);
		for (uint32_t i = 0; i < n; i++)
			take(&r[i], worker);
		left -= n;
		total += n;
	}
	return total;
}

uint32_t hold_drain(bool all)
{
	uint32_t total = 0;

	for (uint32_t i = 0; i < worker_count; i++) {
		struct hold_worker *h = hold_worker_of(i);

		if (h != NULL && (all || hold_outbox(i) < HOLD_ORDERS))
			total += drain(i, h);
	}
	return total;
}

void hold_released(uint16_t slice)
{
	held--;
	held_of[slice]--;
}

uint32_t hold_poll(void)
{
	uint32_t n = hold_drain(false);

	n += hold_flush_poll();
	return n + tell_due();
}

uint32_t hold_count(uint32_t session)
{
	uint32_t queue = hold_queue_of(session);

	return queue == HOLD_NONE ? 0 : hold_queues[queue].in.n + hold_queues[queue].out;
}

uint32_t hold_total(void)
{
	return held;
}

/* ---- life ---- */

int hold_init(uint32_t workers_total)
{
	static const struct notify notify = {.slice_busy = hold_slice_busy};

	notify_listen(&notify);
	queue_of = reserve_map((LIMIT_SESSIONS + 1) * sizeof(*queue_of));
	held_of = calloc(LIMIT_SLICES + 1, sizeof(*held_of));
	queues = nodes = (struct store){.free = HOLD_NONE};
	held = dues = 0;
	hold_flush_init();
	return queue_of != NULL && held_of != NULL ? 0 : -ENOMEM;
}

static void list_free(const struct hold_list *list)
{
	for (uint32_t i = list->head, n = list->n; n > 0; n--, i = hold_nodes[i].next)
		rte_pktmbuf_free(hold_nodes[i].m);
}

void hold_fini(void)
{
	hold_flush_fini();
	for (uint32_t i = 0; queue_of != NULL && i < queues.size; i++)
		if (hold_queues[i].session != 0)
			list_free(&hold_queues[i].in);
	free(hold_queues);
	free(hold_nodes);
	reserve_unmap(queue_of, (LIMIT_SESSIONS + 1) * sizeof(*queue_of));
	free(held_of);
	free(due);
	hold_queues = NULL;
	hold_nodes = NULL;
	queue_of = NULL;
	held_of = NULL;
	due = NULL;
	due_size = 0;
	queues = nodes = (struct store){.free = HOLD_NONE};
}
