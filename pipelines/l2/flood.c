/* SPDX-License-Identifier: BSD-3-Clause */
/* Unknown, broadcast and multicast frames: to every other door of the slice, never back, never
 * from tunnel to tunnel, at no more than the slice's rate. Uses the lanes out, and down[] for
 * Ethernet sessions, and empties them as they fill. */
#include "flow.h"
#include "l2.h"
#include "tunnel.h"
#include "suppress.h"

struct flood_sessions *flood_sessions[LIMIT_SLICES + 1];

static struct rte_mbuf *copy_of(struct worker *w, struct rte_mbuf *m)
{
	struct rte_mbuf *copy = rte_pktmbuf_copy(m, m->pool, 0, UINT32_MAX);

	if (copy != NULL)
		w->box.replicated++;
	return copy;
}

static void lane_send(struct worker *w, struct burst *b, struct lane *lane, struct rte_mbuf *m,
	uint16_t slice, uint16_t to)
{
	if (lane->n == BURST_MAX) {
		if (lane == &b->to_tunnel)
			overlay_out_run(w, b);
		else
			access_out_run(w, b);
	}
	uint32_t k = lane->n++;

	if (lane == &b->to_tunnel)
		lane->flow[k] = flow_of(m, rte_pktmbuf_mtod(m, uint8_t *));
	lane->pkt[k] = m;
	lane->way[k] = LANE_WAY(slice, to);
}

static void down_send(struct worker *w, struct burst *b, struct rte_mbuf *m, uint16_t slice,
	uint32_t session, door_t in)
{
	if (b->downs == BURST_MAX)
		DOOR_OPS(DOOR_SESSION)->deliver(w, b);
	down_put(b, m, slice, in, flow_of(m, rte_pktmbuf_mtod(m, uint8_t *)),
		SESSION_WORD(session, SESSION_GROUP_FRAMES));
}

static void door_send(struct worker *w, struct burst *b, struct rte_mbuf *m, uint16_t slice,
	door_t out, door_t in)
{
	if (unlikely(out & DOOR_SESSION))
		down_send(w, b, m, slice, DOOR_SESSION_ID(out), in);
	else
		lane_send(w, b, out & DOOR_TUNNEL ? &b->to_tunnel : &b->to_access, m, slice,
			DOOR_ID(out));
}

/* A frame on its way to all doors of its slice but one. */
struct spread {
	struct rte_mbuf *m;
	door_t in, pending; /* the last door found: the frame itself goes to the last of all */
	uint32_t sent;
	uint16_t slice;
};

/* The door before this one gets a copy. */
static void spread_to(struct worker *w, struct burst *b, struct spread *s, door_t out)
{
	if (s->pending != 0) {
		struct rte_mbuf *copy = copy_of(w, s->m);

		if (copy == NULL) { /* counted for the door that gets none; there is no buffer to
				       free */
			w->box.replicated++;
			w->drops[DROP_FLOOD_NO_MBUF]++;
			switch_of(w)->slice.dropped[s->slice]++;
			switch_of(w)->slice_drops[s->slice][DROP_FLOOD_NO_MBUF]++;
		} else {
			door_send(w, b, copy, s->slice, s->pending, s->in);
		}
	}
	s->pending = out;
	s->sent++;
}

static __rte_noinline void spread_to_sessions(struct worker *w, struct burst *b, struct spread *s)
{
	/* acquire: pairs with the releases in session_doors.c */
	const struct flood_sessions *f =
		__atomic_load_n(&flood_sessions[s->slice], __ATOMIC_ACQUIRE);
	uint32_t n = f != NULL ? __atomic_load_n(&f->n, __ATOMIC_ACQUIRE) : 0;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t id = __atomic_load_n(&f->id[i], __ATOMIC_RELAXED);

		if (id != 0 && (DOOR_SESSION | id) != s->in)
			spread_to(w, b, s, DOOR_SESSION | id);
	}
}

static void flood_frame(
	struct worker *w, struct burst *b, uint32_t i, const struct flood_list *list)
{
	struct spread s = {.m = b->frame[i], .in = b->door[i], .slice = b->slice[i]};
	uint32_t tunnels = DOOR_KIND(s.in) == DOOR_TUNNEL ? 0 : list->tunnels;

	s.m->ol_flags &= ~session_charged; /* one copy may pass where another does not */
	for (uint32_t t = 0; t < list->attachments + tunnels; t++) {
		door_t out = (t < list->attachments ? DOOR_ATTACHMENT : DOOR_TUNNEL) | list->id[t];

		if (out != s.in)
			spread_to(w, b, &s, out);
	}
	if (unlikely(slice_hot[s.slice].flags & SLICE_SESSIONS))
		spread_to_sessions(w, b, &s);
	TRACE(b, s.m, STAGE_FLOOD, "to %u doors", s.sent);
	if (s.pending == 0)
		slice_drop(w, b, s.m, s.slice, s.in, DROP_FLOOD_NOWHERE);
	else
		door_send(w, b, s.m, s.slice, s.pending, s.in);
}

void flood_run(struct worker *w, struct burst *b)
{
	struct switch_worker *sw = switch_of(w);
	uint64_t cap = rte_get_tsc_hz() / 10;

	for (uint32_t k = 0; k < b->floods; k++) {
		uint32_t i = b->flood[k];
		const struct slice_hot *s = &slice_hot[b->slice[i]];
		/* acquire: pairs with the release in flood_list_publish() */
		const struct flood_list *list = __atomic_load_n(&s->flood, __ATOMIC_ACQUIRE);

		if (unlikely(list == NULL))
			slice_drop(
				w, b, b->frame[i], b->slice[i], b->door[i], DROP_DESTINATION_GONE);
		else if (unlikely(s->flags & SLICE_SUPPRESS) && suppress_answer(w, b, i))
			door_send(w, b, b->frame[i], b->slice[i], b->door[i], 0);
		else if (!bucket_take(&sw->flood[b->slice[i]], w->now_tsc, cap, s->flood_cost))
			slice_drop(w, b, b->frame[i], b->slice[i], b->door[i], DROP_FLOOD_RATE);
		else
			flood_frame(w, b, i, list);
	}
	worker_stage_done(w, STAGE_FLOOD, b->floods);
}
