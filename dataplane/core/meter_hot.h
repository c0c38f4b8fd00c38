/* SPDX-License-Identifier: BSD-3-Clause */
/* What a packet meets of a meter (meter.h). A run is one stage's turn over (a part of) a burst:
 * meter_begin(), meter_color() a packet, meter_end(). Called by the stages through
 * pipelines/police_hot.h; owns nothing. */
#ifndef CORE_METER_HOT_H
#define CORE_METER_HOT_H

#include "meter.h"

/* How many bytes the packets in hand from index i on may need of the same use; asked at most once a
 * use and run, and only with several workers. */
typedef uint32_t (*meter_need)(const void *in_hand, uint32_t i);

static __rte_always_inline void meter_begin(struct meter_worker *mw, uint64_t now_tsc)
{
	mw->run++;
	mw->now_tsc = now_tsc;
}

static __rte_always_inline void meter_end(struct meter_worker *mw)
{
	if (unlikely(mw->pendings > 0))
		meter_settle_pending(mw);
}

/* What the held credit makes of a packet. RFC 2698 section 3: green needs both buckets. RFC 2697
 * section 3 and RFC 4115 section 2: green is paid by the first, yellow by the second (compared with
 * >=, as rte_meter does). */
static __rte_always_inline enum meter_color meter_look(
	const struct meter_share *s, uint32_t len, enum meter_color in)
{
	bool committed = s->committed >= len, second = s->second >= len;
	bool both = s->flags & METER_BOTH;

	if (likely(committed && in == METER_GREEN && (second || !both)))
		return METER_GREEN;
	return second && in != METER_RED ? METER_YELLOW : METER_RED;
}

static __rte_always_inline void meter_pay(
	struct meter_share *s, uint32_t len, enum meter_color color)
{
	bool green = color == METER_GREEN;

	s->committed -= green ? len : 0;
	s->second -= color == METER_YELLOW || (green && (s->flags & METER_BOTH)) ? len : 0;
}

/* The colour of a packet of len bytes that came with colour `in`; counted. */
static __rte_always_inline enum meter_color meter_color(struct meter_worker *mw, uint32_t use,
	uint32_t len, enum meter_color in, meter_need need, const void *in_hand, uint32_t i)
{
	struct meter_share *s = &mw->share[use];
	struct meter_counts *counts = &mw->counts[use];

	if (unlikely(s->run != mw->run))
		meter_touch(mw, use);
	if (s->flags & METER_BLIND)
		in = METER_GREEN;
	enum meter_color color = meter_look(s, len, in);

	if (unlikely(color > in && !s->visited)) {
		meter_visit(mw, use, len, need(in_hand, i));
		color = meter_look(s, len, in);
	}
	meter_pay(s, len, color);
	counts->packets[color]++;
	counts->bytes[color] += len;
	return color;
}

static __rte_always_inline uint8_t meter_yellow_action(const struct meter_worker *mw, uint32_t use)
{
	return (mw->share[use].flags & METER_YELLOW_ACTION) >> METER_YELLOW_SHIFT;
}

#endif
