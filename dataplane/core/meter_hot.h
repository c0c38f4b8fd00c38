/* SPDX-License-Identifier: BSD-3-Clause */
/* What a packet meets of a meter (meter.h). A run is one stage's turn over (a part of) a burst:
 * meter_begin(), meter_color() a packet, meter_end(). */
#ifndef CORE_METER_HOT_H
#define CORE_METER_HOT_H

#include <rte_prefetch.h>

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

/* A packet of this use comes in a moment. */
static __rte_always_inline void meter_prefetch(const struct meter_worker *mw, uint32_t use)
{
	rte_prefetch0(&mw->share[use]);
	rte_prefetch0(&mw->counts[use]);
	rte_prefetch0(&mw->bank->use[use]);
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

/* The same in a loop whose frames mostly meet one meter: while they are green, what it holds stays
 * in registers. METER_CURSOR at first; meter_done() before the loop's end is meter_end(). */
struct meter_cursor {
	uint32_t use;
	uint32_t committed, second;
	uint32_t both; /* ~0: green takes from both */
	uint32_t packets, bytes;
};
#define METER_CURSOR                                                                               \
	{                                                                                          \
		.use = UINT32_MAX                                                                  \
	}

/* Is a green packet green? Then it is taken and counted; else nothing happened. */
static __rte_always_inline bool meter_green(struct meter_cursor *cur, uint32_t use, uint32_t len)
{
	if (unlikely(use != cur->use || cur->committed < len || cur->second < (len & cur->both)))
		return false;
	cur->committed -= len;
	cur->second -= len & cur->both;
	cur->packets++;
	cur->bytes += len;
	return true;
}

static __rte_always_inline void meter_done(struct meter_worker *mw, struct meter_cursor *cur)
{
	if (cur->packets == 0)
		return;
	mw->share[cur->use].committed = cur->committed;
	mw->share[cur->use].second = cur->second;
	mw->counts[cur->use].packets[METER_GREEN] += cur->packets;
	mw->counts[cur->use].bytes[METER_GREEN] += cur->bytes;
	cur->packets = cur->bytes = 0;
	cur->use = UINT32_MAX;
}

/* After meter_done(), for a use that has been touched in this run. */
static __rte_always_inline void meter_hold(
	const struct meter_worker *mw, struct meter_cursor *cur, uint32_t use)
{
	const struct meter_share *s = &mw->share[use];

	*cur = (struct meter_cursor){.use = use,
		.committed = s->committed,
		.second = s->second,
		.both = s->flags & METER_BOTH ? UINT32_MAX : 0};
}

static __rte_always_inline uint8_t meter_yellow_action(const struct meter_worker *mw, uint32_t use)
{
	return (mw->share[use].flags & METER_YELLOW_ACTION) >> METER_YELLOW_SHIFT;
}

#endif
