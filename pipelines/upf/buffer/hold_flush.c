/* SPDX-License-Identifier: BSD-3-Clause */
/* How held packets leave: what session_commit() asks for when a FAR changes or a session goes, the
 * orders to the workers, and who has carried them out. Main thread; owns the outboxes. The whole
 * order of things is in hold.h. */
#include <errno.h>
#include <string.h>

#include "hold_state.h"
#include "session_index.h"
#include "peer.h"
#include "rcu.h"
#include "slice.h"

#define ROOM_FENCE 2 /* of a ring, for what may not wait */
#define FLAGS	   (SESSION_FLUSHING | SESSION_RETURNED | SESSION_RECALL)

static struct hold_list outbox[LIMIT_WORKERS];
static uint64_t fence_last;		    /* the last one handed out */
static uint64_t fence_sent[LIMIT_WORKERS];  /* the last one on each worker's ring */
static struct hold_change *changes, **last; /* begun, not finished */
/* Queues whose flags go once their fence is reached; the same for markers' peers. In order. */
static uint32_t fenced, fenced_last;
static struct hold_list marked;
static bool wants_fence;		    /* something went out in this round */
static uint32_t flushing[LIMIT_SLICES + 1]; /* queues that are not at rest */

/* ---- orders ---- */

uint32_t hold_outbox(uint32_t worker)
{
	return outbox[worker].n;
}

static void order(uint32_t node, enum hold_order_kind kind, enum drop_reason why)
{
	hold_nodes[node].kind = kind;
	hold_nodes[node].why = why;
	hold_append(&outbox[hold_nodes[node].worker], node);
	if (hold_nodes[node].queue != HOLD_NONE)
		hold_queues[hold_nodes[node].queue].out++;
}

void hold_order_discard(uint32_t node, enum drop_reason why)
{
	order(node, HOLD_DISCARD, why);
}

/* The flags of the queue's block. */
static void flag(const struct hold_queue *q, uint8_t set, uint8_t clear)
{
	struct session_block *s = session_block[q->session];

	if (s != NULL && !q->gone)
		hold_flag(s, set, clear);
}

/* All of the queue's orders are on the rings: workers may go on once they have carried them out,
 * and main once it knows that they have. */
static void ordered(uint32_t queue)
{
	struct hold_queue *q = &hold_queues[queue];

	if (q->state == HOLD_REST || q->state == HOLD_RETURNED)
		return;
	if (q->state == HOLD_FLUSHING) {
		q->state = HOLD_RETURNED;
		flag(q, SESSION_RETURNED, 0);
	}
	q->fence = fence_last + 1; /* of this round */
	wants_fence = true;
	if (q->fenced)
		return;
	q->fenced = true;
	q->fence_next = HOLD_NONE;
	if (fenced == HOLD_NONE)
		fenced = queue;
	else
		hold_queues[fenced_last].fence_next = queue;
	fenced_last = queue;
}

/* The node is on its way. */
static void sent(uint32_t node)
{
	struct hold_node *n = &hold_nodes[node];
	uint32_t queue = n->queue;

	if (n->kind == HOLD_MARKER) {
		wants_fence = true;
		n->teid_be = fence_last + 1; /* its peer is given back when that is reached */
		hold_append(&marked, node);
	} else {
		hold_node_free(node);
	}
	if (queue != HOLD_NONE && --hold_queues[queue].out == 0)
		ordered(queue);
}

static void order_of(const struct hold_node *n, struct hold_order *o)
{
	uint32_t session = 0;

	if (n->queue != HOLD_NONE && !hold_queues[n->queue].gone)
		session = hold_queues[n->queue].session;
	*o = (struct hold_order){.m = n->m,
		.session = session,
		.slice = n->slice,
		.kind = n->kind,
		.group = n->group,
		.uplink = n->uplink,
		.why = n->why};
}

static uint32_t pump_worker(uint32_t worker)
{
	struct hold_worker *h = hold_worker_of(worker);
	uint32_t room = h != NULL ? rte_ring_free_count(h->orders) : 0, n = 0;

	for (; outbox[worker].n > 0 && room > ROOM_FENCE; room--, n++) {
		uint32_t node = hold_take_first(&outbox[worker]);
		struct hold_order o;

		order_of(&hold_nodes[node], &o);
		rte_ring_sp_enqueue_elem(h->orders, &o, sizeof(o));
		sent(node);
	}
	return n;
}

/* One fence a worker for all whose orders went out in this round. */
static void fences_send(void)
{
	for (uint32_t i = 0; i < worker_count; i++) {
		struct hold_worker *h = hold_worker_of(i);
		struct hold_order o = {.kind = HOLD_FENCE, .fence = fence_last};

		if (h != NULL && fence_sent[i] < fence_last &&
			rte_ring_sp_enqueue_elem(h->orders, &o, sizeof(o)) == 0)
			fence_sent[i] = fence_last;
	}
}

/* The last one that all workers have met. */
static uint64_t fence_reached(void)
{
	uint64_t all = fence_last;

	for (uint32_t i = 0; i < worker_count; i++) {
		const struct hold_worker *h = hold_worker_of(i);

		if (h != NULL) /* acquire: pairs with orders_all() */
			all = RTE_MIN(all, __atomic_load_n(&h->fence, __ATOMIC_ACQUIRE));
	}
	return all;
}

static uint32_t pump(void)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < worker_count; i++)
		n += pump_worker(i);
	fence_last += wants_fence;
	wants_fence = false;
	fences_send();
	return n;
}

/* ---- done ---- */

static void rest(uint32_t queue)
{
	struct hold_queue *q = &hold_queues[queue];
	uint16_t was = q->slice;

	q->state = HOLD_REST;
	if (!q->gone)
		q->slice = session_block[q->session]->slice; /* what it holds from now on */
	if (--flushing[was] == 0)
		slice_quiet(was);
	flag(q, 0, SESSION_FLUSHING | SESSION_RETURNED);
	session_ops.released(q->session);
	if (q->gone || (q->in.n == 0 && q->out == 0 && q->notified == 0))
		hold_queue_free(queue);
}

/* All packets go back to the workers they came from. */
static void queue_order(uint32_t queue)
{
	struct hold_list *in = &hold_queues[queue].in;

	while (in->n > 0) {
		uint32_t node = hold_take_first(in);

		hold_released(hold_nodes[node].slice);
		if (hold_nodes[node].group >= SESSION_GROUPS)
			order(node, HOLD_DISCARD, DROP_HOLD_DROPPED);
		else
			order(node, HOLD_SEND, 0);
	}
	if (hold_queues[queue].out == 0)
		ordered(queue);
}

/* Nothing of it is on its way any more: from the beginning. */
static void recalled(uint32_t queue)
{
	hold_drain(true);
	hold_queues[queue].state = HOLD_FLUSHING;
	flag(&hold_queues[queue], 0, SESSION_RECALL);
	queue_order(queue);
}

/* Its fence was met. */
static void met(uint32_t queue)
{
	if (hold_queues[queue].state == HOLD_RETURNED)
		rest(queue);
	else if (hold_queues[queue].state == HOLD_RECALLED && hold_queues[queue].out == 0)
		recalled(queue);
}

static uint32_t settle(void)
{
	uint64_t reached = fence_reached();
	uint32_t n = 0;

	for (; fenced != HOLD_NONE; n++) {
		struct hold_queue *q = &hold_queues[fenced];
		uint32_t queue = fenced;

		/* (another state: it was changed again meanwhile) */
		if (q->fence > reached && (q->state == HOLD_RETURNED || q->state == HOLD_RECALLED))
			break;
		fenced = q->fence_next;
		q->fenced = false;
		if (q->fence <= reached)
			met(queue);
	}
	for (; marked.n > 0 && (int32_t)(reached - hold_nodes[marked.head].teid_be) >= 0; n++) {
		uint32_t node = hold_take_first(&marked);

		peer_give(hold_nodes[node].peer);
		hold_node_free(node);
	}
	return n;
}

uint32_t hold_flush_poll(void)
{
	return pump() + settle();
}

/* ---- what a block says about held packets ---- */

static const struct session_act *acts_end(const struct session_group *g)
{
	return session_acts(g) + g->acts;
}

/* FARs (by ordinal) that hold packets; NULL: none. */
static uint32_t hold_fars(const struct session_block *s)
{
	uint32_t fars = 0;

	for (uint32_t i = 0; s != NULL && i < s->groups; i++) {
		const struct session_group *g = session_group_at(s, i);

		for (const struct session_act *a = session_acts(g); a < acts_end(g); a++)
			if (a->what == ACT_HOLD)
				fars |= 1u << a->far;
	}
	return fars;
}

/* Does the FAR say drop now? */
static bool far_drops(const struct session_block *s, uint32_t far)
{
	bool drops = false;

	for (uint32_t i = 0; i < s->groups; i++) {
		const struct session_group *g = session_group_at(s, i);

		for (const struct session_act *a = session_acts(g); a < acts_end(g); a++)
			if (a->far == far && a->what != ACT_DROP)
				return false;
			else if (a->far == far)
				drops = true;
	}
	return drops;
}

/* Which FAR it is after the change. */
static uint8_t far_now(const struct hold_change *c, uint8_t far)
{
	return c->far_now == NULL || far >= LIMIT_SESSION_FARS ? far : c->far_now[far];
}

/* The same for a set of them, without those that are gone. */
static uint32_t fars_now(const struct hold_change *c, uint32_t fars)
{
	uint32_t now = 0;

	for (; fars != 0; fars &= fars - 1) {
		uint8_t far = far_now(c, __builtin_ctz(fars));

		now |= far < LIMIT_SESSION_FARS ? 1u << far : 0;
	}
	return now;
}

static bool same_group(const struct session_group *a, const struct session_group *b)
{
	return a->teid_be == b->teid_be && a->gtpu == b->gtpu && a->flags == b->flags &&
	       (a->teid_be != 0 || a->slice == b->slice);
}

/* Is every packet held as before? */
static bool hold_same(const struct session_block *a, const struct session_block *b)
{
	if (a->groups != b->groups || a->ue4 != b->ue4 || a->ue6 != b->ue6)
		return false;
	for (uint32_t i = 0; i < a->groups; i++) {
		const struct session_group *g = session_group_at(a, i), *h = session_group_at(b, i);

		if (!same_group(g, h) || g->rules != h->rules || g->acts != h->acts)
			return false;
		for (uint32_t k = 0; k < g->acts; k++) {
			const struct session_act *x = &session_acts(g)[k], *y = &session_acts(h)[k];

			if ((x->what == ACT_HOLD || y->what == ACT_HOLD) &&
				(x->what != y->what || x->far != y->far))
				return false;
		}
	}
	return true;
}

/* Where packets of a group belong in another block; SESSION_GROUPS: nowhere. */
static uint32_t group_now(
	const struct session_block *before, const struct session_block *after, uint32_t group)
{
	const struct session_group *g = session_group_at(before, group);

	if (group < after->groups && same_group(g, session_group_at(after, group)))
		return group;
	for (uint32_t i = 0; i < after->groups; i++)
		if (same_group(g, session_group_at(after, i)))
			return i;
	return SESSION_GROUPS;
}

/* ---- session_commit() ---- */

int hold_prepare(struct hold_change *c)
{
	int rc = hold_reserve(1, c->markers);

	c->reserved = rc == 0;
	return rc;
}

void hold_cancel(struct hold_change *c)
{
	if (c->reserved)
		hold_unreserve(1, c->markers);
	c->reserved = false;
}

void hold_markers_fewer(struct hold_change *c, uint32_t n)
{
	if (c->reserved)
		hold_unreserve(0, c->markers - n);
	c->markers = n;
}

/* Must its packets wait for their elders? */
static bool is_slow(const struct hold_change *c, const struct hold_queue *q)
{
	bool held = q != NULL || hold_fars(c->before) != 0;

	if (c->markers > 0 || c->after == NULL || !held)
		return c->markers > 0 || held;
	return !hold_same(c->before, c->after);
}

bool hold_begin(
	struct hold_change *c, const struct session_block *before, struct session_block *after)
{
	uint32_t queue = hold_queue_of(c->session);

	c->before = before;
	c->after = after;
	if (before == NULL) {
		hold_cancel(c);
		return false;
	}
	if (!is_slow(c, queue != HOLD_NONE ? &hold_queues[queue] : NULL)) {
		hold_cancel(c);
		if (queue == HOLD_NONE)
			return false;
		hold_queues[queue].limit = HOLD_NONE; /* its BAR may be another */
		if (hold_queues[queue].state != HOLD_REST)
			after->flags |= before->flags & FLAGS;
		return false;
	}
	if (queue == HOLD_NONE)
		queue = hold_queue_new(c->session, before->slice, true);
	else
		hold_unreserve(1, 0);
	struct hold_queue *q = &hold_queues[queue];

	if (q->state == HOLD_REST)
		flushing[q->slice]++;
	q->limit = HOLD_NONE;
	q->gone = after == NULL;
	if (after != NULL)
		after->flags |= SESSION_FLUSHING;
	if (after != NULL && (q->state != HOLD_REST || q->out > 0)) {
		q->state = HOLD_RECALLED;
		after->flags |= SESSION_RECALL;
	} else {
		q->state = HOLD_FLUSHING;
	}
	c->next = NULL;
	*last = c;
	last = &c->next;
	return true;
}

static void markers_order(const struct hold_change *c, uint32_t queue)
{
	for (uint32_t i = 0; i < c->markers; i++) {
		uint32_t node = hold_node_new(true);

		hold_nodes[node].teid_be = c->marker[i].teid_be;
		hold_nodes[node].peer = c->marker[i].peer;
		hold_nodes[node].queue = queue;
		hold_nodes[node].slice = c->slice;
		order(node, HOLD_MARKER, 0);
	}
}

/* Where held packets belong now, and who is still to be told of. */
static void rework(const struct hold_change *c, struct hold_queue *q)
{
	uint32_t fars = hold_fars(c->after);

	q->notified = fars_now(c, q->notified) & fars;
	q->pending = fars_now(c, q->pending) & fars;
	q->due_far = far_now(c, q->due_far);
	for (uint32_t i = q->in.head, n = q->in.n; n > 0; n--, i = hold_nodes[i].next) {
		struct hold_node *node = &hold_nodes[i];

		if (node->group >= SESSION_GROUPS)
			continue;
		node->far = far_now(c, node->far);
		if (c->after == NULL || far_drops(c->after, node->far))
			node->group = SESSION_GROUPS;
		else
			node->group = group_now(c->before, c->after, node->group);
	}
}

/* An end marker is to be the last in its tunnel: frames may also stand in the ring to the worker
 * that owns their port's queue. */
static void handovers_wait(void)
{
	for (uint16_t p = 0; p < LIMIT_PORTS; p++)
		if (port_hot[p].live &&
			(port_hot[p].tx_queues < worker_count || port_hot[p].shaper != NULL)) {
			worker_wait_turns(HANDOVER_TURNS);
			return;
		}
}

void hold_finish(void)
{
	uint32_t markers = 0;

	rcu_synchronize();
	for (struct hold_change *c = changes; c != NULL; c = c->next)
		markers += c->markers;
	if (markers > 0 && worker_count > 1)
		handovers_wait();
	hold_drain(true);
	for (struct hold_change *c = changes; c != NULL; c = c->next)
		rework(c, &hold_queues[hold_queue_of(c->session)]);
	for (struct hold_change *c = changes; c != NULL; c = c->next) {
		uint32_t queue = hold_queue_of(c->session);

		markers_order(c, queue);
		if (hold_queues[queue].state == HOLD_FLUSHING)
			queue_order(queue);
		else if (hold_queues[queue].out == 0)
			ordered(queue);
		c->reserved = false;
	}
	changes = NULL;
	last = &changes;
	pump();
}

bool hold_slice_busy(uint16_t slice)
{
	return flushing[slice] > 0;
}

bool hold_busy(uint32_t session)
{
	uint32_t queue = hold_queue_of(session);

	return queue != HOLD_NONE && hold_queues[queue].gone;
}

/* ---- life ---- */

void hold_flush_init(void)
{
	memset(outbox, 0, sizeof(outbox));
	memset(fence_sent, 0, sizeof(fence_sent));
	memset(flushing, 0, sizeof(flushing));
	fence_last = 0;
	fenced = fenced_last = HOLD_NONE;
	marked = (struct hold_list){0};
	changes = NULL;
	last = &changes;
	wants_fence = false;
}

void hold_flush_fini(void)
{
	memset(flushing, 0, sizeof(flushing));
	for (uint32_t w = 0; w < LIMIT_WORKERS; w++)
		while (outbox[w].n > 0) {
			const struct hold_node *n = &hold_nodes[hold_take_first(&outbox[w])];

			if (n->kind != HOLD_MARKER)
				rte_pktmbuf_free(n->m);
		}
}
