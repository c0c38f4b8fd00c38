/* SPDX-License-Identifier: BSD-3-Clause */
/* Unknown, broadcast and multicast frames: to every other door of the slice, never back, never from
 * tunnel to tunnel, at no more than the slice's rate. Called by switch.c after bridge; uses the two
 * lanes out and empties them as they fill. */
#include "admit.h"
#include "flow.h"
#include "hot.h"
#include "stages.h"
#include "suppress.h"

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

/* The last target gets the frame itself, the others copies. */
static void flood_frame(
	struct worker *w, struct burst *b, uint32_t i, const struct flood_list *list)
{
	struct rte_mbuf *m = b->frame[i];
	uint32_t tunnels = DOOR_KIND(b->door[i]) == DOOR_TUNNEL ? 0 : list->tunnels;
	uint32_t left = list->attachments + tunnels;
	uint16_t slice = b->slice[i];
	door_t in = b->door[i];
	door_t pending = 0;
	uint32_t sent = 0;

	m->ol_flags &= ~session_charged; /* one copy may pass where another does not */
	for (uint32_t t = 0; t < left; t++) {
		door_t out = (t < list->attachments ? DOOR_ATTACHMENT : DOOR_TUNNEL) | list->id[t];

		if (out == in)
			continue;
		if (pending != 0) {
			struct rte_mbuf *copy = copy_of(w, m);

			if (copy == NULL) { /* counted for the door that gets none; there is no
					       buffer to free */
				w->box.replicated++;
				w->drops[DROP_FLOOD_NO_MBUF]++;
				switch_of(w)->slice.dropped[slice]++;
				switch_of(w)->slice_drops[slice][DROP_FLOOD_NO_MBUF]++;
			} else {
				lane_send(w, b,
					pending & DOOR_TUNNEL ? &b->to_tunnel : &b->to_access, copy,
					slice, DOOR_ID(pending));
			}
		}
		pending = out;
		sent++;
	}
	TRACE(b, m, STAGE_FLOOD, "to %u doors", sent);
	if (pending == 0)
		slice_drop(w, b, m, slice, in, DROP_FLOOD_NOWHERE);
	else
		lane_send(w, b, pending & DOOR_TUNNEL ? &b->to_tunnel : &b->to_access, m, slice,
			DOOR_ID(pending));
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
			lane_send(w, b, b->door[i] & DOOR_TUNNEL ? &b->to_tunnel : &b->to_access,
				b->frame[i], b->slice[i], DOOR_ID(b->door[i]));
		else if (!bucket_take(&sw->flood[b->slice[i]], w->now_tsc, cap, s->flood_cost))
			slice_drop(w, b, b->frame[i], b->slice[i], b->door[i], DROP_FLOOD_RATE);
		else
			flood_frame(w, b, i, list);
	}
	worker_stage_done(w, STAGE_FLOOD, b->floods);
}
