/* SPDX-License-Identifier: BSD-3-Clause */
/* Policing as the stages call it: parse.c (attachment in), access_out.c (attachment out) and
 * overlay_out.c (slice). A frame's colour travels as a bit of its buffer that only yellow ones set:
 * what is not metered pays nothing. Flooded copies are frames of their own: each is metered where
 * it leaves. */
#ifndef PIPELINES_POLICE_HOT_H
#define PIPELINES_POLICE_HOT_H

#include "hot.h"
#include "meter_hot.h"
#include "police.h"

/* Numbers of uses. */
#define POLICE_USE(place, id) ((uint32_t)(place) * (LIMIT_SLICES + 1) + (id))
#define POLICE_USES	      (3 * (LIMIT_SLICES + 1))
_Static_assert(LIMIT_ATTACHMENTS <= LIMIT_SLICES, "uses do not overlap");

extern uint64_t police_yellow; /* the bit in ol_flags */

/* What a frame and its place are, for the way that is not the common one. */
struct police_at {
	enum police_place place;
	uint16_t owner;
	uint32_t way;	/* LANE_WAY(slice, attachment or tunnel): where a drop is counted */
	uint32_t bytes; /* what counts, without FCS */
	meter_need need;
	const void *in_hand;
	uint32_t i;
};

/* Not known to be green: metered, and let through with its colour and maybe remarked, or dropped by
 * name (false). */
bool police_other(struct worker *w, struct burst *b, struct rte_mbuf *m, struct meter_cursor *cur,
	const struct police_at *at);

/* One frame, whose first 14 bytes are in one buffer. False: it was dropped. */
static __rte_always_inline bool police(struct worker *w, struct burst *b, struct rte_mbuf *m,
	struct meter_cursor *cur, struct police_at at)
{
	if (likely(!(m->ol_flags & police_yellow) &&
		    meter_green(cur, POLICE_USE(at.place, at.owner), at.bytes)))
		return true;
	return police_other(w, b, m, cur, &at);
}

/* Around a stage's turn. */
static __rte_always_inline void police_begin(struct worker *w)
{
	meter_begin(&switch_of(w)->meter, w->now_tsc);
}

static __rte_always_inline void police_end(struct worker *w, struct meter_cursor *cur)
{
	meter_done(&switch_of(w)->meter, cur);
	meter_end(&switch_of(w)->meter);
}

/* Bytes of the frames from i on that leave by the same attachment, with its tag. */
uint32_t police_need_to(const void *lane, uint32_t i);
/* The same of a slice. */
uint32_t police_need_slice(const void *lane, uint32_t i);

#endif
