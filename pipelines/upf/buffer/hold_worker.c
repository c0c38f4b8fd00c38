/* SPDX-License-Identifier: BSD-3-Clause */
/* A worker's side of holding packets: hands them to main, parks what is newer while they come
 * back, and carries out main's orders. Owns the worker's rings and what lies in them. */
#include <errno.h>
#include <rte_malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include "gtpu.h"
#include "gtpu_out.h"
#include "hold_state.h"
#include "hot.h"
#include "reserve.h"

static struct hold_worker *of(struct worker *w)
{
	return switch_of(w)->upf->hold;
}

static const struct session_block *block_of(uint32_t session)
{
	/* acquire: pairs with the release in session_commit() */
	return __atomic_load_n(&session_block[session], __ATOMIC_ACQUIRE);
}

/* ---- buffers: no more of a pool than this worker's share, and of that than the slice's ---- */

static struct hold_pool *pool_of(struct hold_worker *h, const struct rte_mempool *mp)
{
	struct hold_pool *idle = NULL;

	for (uint32_t i = 0; i < h->pools; i++) {
		if (h->pool[i].pool == mp)
			return &h->pool[i];
		if (h->pool[i].held == 0)
			idle = &h->pool[i];
	}
	if (h->pools < HOLD_POOLS)
		idle = &h->pool[h->pools++];
	if (idle != NULL) /* (and so by no slice) */
		*idle = (struct hold_pool){.pool = mp,
			.limit = RTE_MAX(1u, mp->size / HOLD_POOL_PART / worker_count),
			.held_of = h->held_of + (idle - h->pool) * (LIMIT_SLICES + 1)};
	return idle;
}

/* A slice may have as much as is still free (as in reassembly.c): one that floods leaves half to
 * the others, two a third. But what was held before keeps its place when it is held once more,
 * though others have come meanwhile. */
static bool buffers_take(
	struct hold_worker *h, const struct rte_mbuf *m, uint16_t slice, bool again)
{
	struct hold_pool *p = pool_of(h, m->pool);

	if (p == NULL || p->held + m->nb_segs > p->limit)
		return false;
	if (!again && p->held_of[slice] + m->nb_segs > p->limit - p->held)
		return false;
	p->held += m->nb_segs;
	p->held_of[slice] += m->nb_segs;
	return true;
}

static void buffers_give(struct hold_worker *h, const struct rte_mbuf *m, uint16_t slice)
{
	struct hold_pool *p = pool_of(h, m->pool);

	p->held -= m->nb_segs;
	p->held_of[slice] -= m->nb_segs;
}

/* ---- what comes in ---- */

void hold_take(struct worker *w, struct burst *b, struct rte_mbuf *m, uint32_t session,
	const struct session_block *s, const struct session_act *a, uint8_t group, uint8_t rule)
{
	struct hold_worker *h = of(w);
	uint8_t flags = __atomic_load_n(&s->flags, __ATOMIC_RELAXED);
	bool room = !(flags & (SESSION_FULL | SESSION_NO_ROOM)) &&
		    buffers_take(h, m, s->slice, h->busy);
	struct hold_report r = {.m = room ? m : NULL,
		.session = session,
		.slice = s->slice,
		.group = group,
		.rule = rule,
		.far = a->far,
		.notify = a->flags & ACT_NOTIFY,
		.uplink = session_group_at(s, group)->flags & GROUP_UPLINK};
	bool told = !(flags & (SESSION_FULL | SESSION_NO_ROOM)) &&
		    rte_ring_sp_enqueue_elem(h->reports, &r, sizeof(r)) == 0;

	if (room && told) {
		TRACE(b, m, STAGE_SESSION_DOWN, "session %u: held", session);
		return;
	}
	if (room)
		buffers_give(h, m, s->slice);
	session_drop(
		w, b, m, session, s, flags & SESSION_FULL ? DROP_HOLD_FULL : DROP_HOLD_NO_ROOM);
}

void (*hold_again)(struct worker *w, struct burst *b, struct rte_mbuf *const *m,
	const uint32_t *session, const uint8_t *group, uint32_t n);

/* ---- orders ---- */

/* Of a session that is gone: no cell counts it. */
static void drop_gone(
	struct worker *w, struct burst *b, struct rte_mbuf *m, uint16_t slice, enum drop_reason why)
{
	struct switch_worker *sw = switch_of(w);

	sw->slice.dropped[slice]++;
	sw->slice_drops[slice][why]++;
	worker_drop(w, b, m, why);
}

static void send_collected(struct worker *w, struct hold_worker *h)
{
	if (h->n > 0)
		hold_again(w, &h->burst, h->m, h->session, h->group, h->n);
	h->n = 0;
}

static void send_later(struct worker *w, struct hold_worker *h, struct rte_mbuf *m,
	uint32_t session, uint16_t slice, uint8_t group, const bool *uplink)
{
	const struct session_block *s = block_of(session);

	buffers_give(h, m, slice);
	/* a group may have gone meanwhile, or be another */
	if (s == NULL || group >= s->groups ||
		(uplink != NULL &&
			*uplink != !!(session_group_at(s, group)->flags & GROUP_UPLINK))) {
		drop_gone(w, &h->burst, m, slice, DROP_HOLD_DROPPED);
		return;
	}
	h->m[h->n] = m;
	h->session[h->n] = session;
	h->group[h->n++] = group;
	if (h->n == BURST_MAX)
		send_collected(w, h);
}

static void discard(struct worker *w, struct hold_worker *h, const struct hold_order *o)
{
	const struct session_block *s = o->session != 0 ? block_of(o->session) : NULL;

	buffers_give(h, o->m, o->slice);
	if (s != NULL)
		session_drop(w, &h->burst, o->m, o->session, s, o->why);
	else
		drop_gone(w, &h->burst, o->m, o->slice, o->why);
}

/* A buffer of the port's, or, since the marker comes but once, of any other. */
static struct rte_mbuf *marker_buffer(uint16_t port)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(port_hot[port].pool);

	for (uint32_t i = 0; unlikely(m == NULL) && i < PORT_MAX; i++)
		if (port_hot[i].live && port_hot[i].pool != NULL)
			m = rte_pktmbuf_alloc(port_hot[i].pool);
	return m;
}

/* What was never made is dropped all the same, so that it is missed. */
static void marker_lost(struct worker *w, uint16_t slice, enum drop_reason why)
{
	w->box.originated++;
	w->drops[why]++;
	switch_of(w)->slice.dropped[slice]++;
	switch_of(w)->slice_drops[slice][why]++;
}

/* TS 29.281 7.3.2: behind everything that was sent to the tunnel. Is there none, its other end has
 * a timer. */
static void end_marker(struct worker *w, struct hold_worker *h, const struct hold_order *o)
{
	const struct encap *e = path_pick(o->peer, 0);
	struct rte_mbuf *m = e->port != PORT_NONE ? marker_buffer(e->port) : NULL;
	uint8_t *at = m != NULL ? (uint8_t *)rte_pktmbuf_append(m, 32) : NULL;

	if (at == NULL) {
		rte_pktmbuf_free(m);
		marker_lost(w, o->slice, e->port == PORT_NONE ? e->why : DROP_MARKER_NO_MBUF);
		return;
	}
	size_t len = gtpu_write_end_marker(at, 32, o->teid_be);

	rte_pktmbuf_trim(m, 32 - len);
	w->box.originated++;
	gtpu_send(w, &h->burst, m, o->slice, o->peer);
}

static void carry_out(struct worker *w, struct hold_worker *h, const struct hold_order *o)
{
	if (o->kind == HOLD_SEND) {
		send_later(w, h, o->m, o->session, o->slice, o->group, &o->uplink);
		return;
	}
	send_collected(w, h);
	if (o->kind == HOLD_DISCARD)
		discard(w, h, o);
	else if (o->kind == HOLD_MARKER)
		end_marker(w, h, o);
}

/* All that is on the ring; returns the last fence met, 0 for none. */
static uint64_t orders_run(struct worker *w, struct hold_worker *h)
{
	struct hold_order o[BURST_MAX];
	uint64_t fence = 0;
	uint32_t n;

	while ((n = rte_ring_sc_dequeue_burst_elem(h->orders, o, sizeof(o[0]), BURST_MAX, NULL)) >
		0)
		for (uint32_t i = 0; i < n; i++) {
			carry_out(w, h, &o[i]);
			if (o[i].kind == HOLD_FENCE)
				fence = o[i].fence;
		}
	send_collected(w, h);
	return fence;
}

/* ---- parked packets ---- */

static bool is_waiting(const struct session_block *s)
{
	/* acquire: pairs with hold_flag(): what is to go first is on the ring */
	uint8_t flags = __atomic_load_n(&s->flags, __ATOMIC_ACQUIRE);

	return (flags & (SESSION_FLUSHING | SESSION_RETURNED)) == SESSION_FLUSHING;
}

/* The same answer for all packets of a session in one look, whatever main does meanwhile: else a
 * later packet could go before an earlier one. */
static bool is_ready(struct hold_worker *h, uint32_t session)
{
	uint32_t i = session * 2654435761u >> (32 - HOLD_SEEN_LOG2);

	for (; h->seen[i].look == h->look; i = (i + 1) & ((1u << HOLD_SEEN_LOG2) - 1))
		if (h->seen[i].session == session)
			return h->seen[i].ready;
	const struct session_block *s = block_of(session);

	h->seen[i] = (struct hold_seen){
		.session = session, .look = h->look, .ready = s == NULL || !is_waiting(s)};
	return h->seen[i].ready;
}

static void park_look(struct hold_worker *h)
{
	h->look++;
	for (uint32_t i = 0; i < h->parked; i++)
		h->park[i].ready = is_ready(h, h->park[i].session);
}

static void park_release(struct worker *w, struct hold_worker *h)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < h->parked; i++) {
		struct hold_parked p = h->park[i];

		if (!p.ready) {
			h->park[kept++] = p;
			continue;
		}
		h->parked_of[p.slice]--;
		send_later(w, h, p.m, p.session, p.slice, p.group, NULL);
	}
	h->parked = kept;
	send_collected(w, h);
}

static void burst_done(struct hold_worker *h)
{
	if (h->burst.drops > 0)
		rte_pktmbuf_free_bulk(h->burst.drop, h->burst.drops);
	h->burst.drops = 0;
}

/* Orders first, then what was parked behind them. A fence is met once what was ready when it was
 * read has gone: main then takes the flags away, and nothing of those sessions may be parked. */
static void orders_all(struct worker *w, struct hold_worker *h)
{
	uint64_t met = 0, fence;

	h->busy = true;
	do {
		h->more = false;
		park_look(h);
		fence = orders_run(w, h);
		park_release(w, h);
		if (met != 0 && !h->more) {
			/* release: pairs with main's acquire in fence_reached() */
			__atomic_store_n(&h->fence, met, __ATOMIC_RELEASE);
			met = 0;
		}
		if (fence != 0)
			met = fence;
	} while (met != 0 || h->more);
	h->busy = false;
	burst_done(h);
}

void hold_park(struct worker *w, struct burst *b, struct rte_mbuf *m, uint32_t session,
	const struct session_block *s, uint8_t group)
{
	struct hold_worker *h = of(w);

	/* places are shared as buffers are */
	if (h->parked_of[s->slice] >= HOLD_RING - h->parked ||
		!buffers_take(h, m, s->slice, false)) {
		session_drop(w, b, m, session, s, DROP_HOLD_NO_ROOM);
		return;
	}
	h->parked_of[s->slice]++;
	h->park[h->parked++] =
		(struct hold_parked){.m = m, .session = session, .slice = s->slice, .group = group};
}

/* Back to main, as it came. */
static void recall(struct worker *w, struct burst *b, struct rte_mbuf *m, uint32_t session,
	const struct session_block *s, uint8_t group)
{
	struct hold_worker *h = of(w);
	struct hold_report r = {.m = m,
		.session = session,
		.slice = s->slice,
		.group = group,
		.far = FAR_UNKNOWN,
		.uplink = session_group_at(s, group)->flags & GROUP_UPLINK};

	if (buffers_take(h, m, s->slice, true)) {
		if (rte_ring_sp_enqueue_elem(h->reports, &r, sizeof(r)) == 0)
			return;
		buffers_give(h, m, s->slice);
	}
	session_drop(w, b, m, session, s, DROP_HOLD_NO_ROOM);
}

bool hold_back(struct worker *w, struct burst *b, struct rte_mbuf *m, uint32_t session,
	const struct session_block *s, uint8_t group, uint8_t flags)
{
	if (!(flags & SESSION_RECALL))
		return false;
	recall(w, b, m, session, s, group);
	return true;
}

bool hold_waits(struct worker *w, uint32_t session, const struct session_block **s)
{
	struct hold_worker *h = of(w);

	*s = block_of(session);
	if (*s == NULL || is_waiting(*s))
		return true;
	if (h->busy) {
		/* from another UE, one of those being sent just now: behind what is to go first */
		h->more = true;
		return true;
	}
	if (h->parked > 0 || !rte_ring_empty(h->orders))
		orders_all(w, h);
	/* changed meanwhile? Once it waits it does so until the burst is over */
	*s = block_of(session);
	return *s == NULL || is_waiting(*s);
}

void hold_tick(struct worker *w)
{
	struct hold_worker *h = of(w);

	if (h->parked > 0 || !rte_ring_empty(h->orders))
		orders_all(w, h);
}

/* ---- life ---- */

static struct rte_ring *ring_new(const char *what, uint16_t id, uint32_t n, uint32_t size)
{
	char name[RTE_RING_NAMESIZE];

	snprintf(name, sizeof(name), "hold_%s_%u", what, id);
	return rte_ring_create_elem(
		name, size, n, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ | RING_F_EXACT_SZ);
}

#define HELD_BYTES ((size_t)HOLD_POOLS * (LIMIT_SLICES + 1) * sizeof(uint32_t))

int hold_worker_init(struct worker *w)
{
	struct hold_worker *h = rte_zmalloc("hold", sizeof(*h), RTE_CACHE_LINE_SIZE);

	if (h == NULL)
		return -ENOMEM;
	switch_of(w)->upf->hold = h;
	h->held_of = reserve_map(HELD_BYTES);
	h->parked_of = calloc(LIMIT_SLICES + 1, sizeof(*h->parked_of));
	h->reports = ring_new("up", w->id, HOLD_RING, sizeof(struct hold_report));
	h->orders = ring_new("down", w->id, HOLD_ORDERS, sizeof(struct hold_order));
	if (h->held_of != NULL && h->parked_of != NULL && h->reports != NULL && h->orders != NULL)
		return 0;
	hold_worker_fini(w);
	return -ENOMEM;
}

void hold_worker_fini(struct worker *w)
{
	struct hold_worker *h = of(w);
	struct hold_report r;
	struct hold_order o;

	if (h == NULL)
		return;
	while (h->reports != NULL && rte_ring_sc_dequeue_elem(h->reports, &r, sizeof(r)) == 0)
		rte_pktmbuf_free(r.m);
	while (h->orders != NULL && rte_ring_sc_dequeue_elem(h->orders, &o, sizeof(o)) == 0)
		if (o.kind == HOLD_SEND || o.kind == HOLD_DISCARD)
			rte_pktmbuf_free(o.m);
	for (uint32_t i = 0; i < h->parked; i++)
		rte_pktmbuf_free(h->park[i].m);
	rte_ring_free(h->reports);
	rte_ring_free(h->orders);
	reserve_unmap(h->held_of, HELD_BYTES);
	free(h->parked_of);
	rte_free(h);
	switch_of(w)->upf->hold = NULL;
}
