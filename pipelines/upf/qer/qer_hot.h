/* SPDX-License-Identifier: BSD-3-Clause */
/* What a packet meets of its QERs (qer.h): all of an act's meters, charged or not. Runs on
 * workers. What is not one worker and at most two meters is in qer.c. */
#ifndef UPF_QER_HOT_H
#define UPF_QER_HOT_H

#include <rte_branch_prediction.h>

#include "session_hot.h"
#include "qer.h"
#include "worker.h"

#define QER_UNIT_BITS  6  /* a unit is 1/64 cycle */
#define QER_COST_SHIFT 24 /* factor: units a byte, in 1/2^24 */
/* A bucket cannot be further from full: it was not touched for years. Bursts are shorter. */
#define QER_AHEAD_MAX (1ull << 56)

struct rate_line {
	uint64_t factor; /* 0: no such rate */
	uint64_t burst;	 /* units */
};

struct rate_hot {
	struct rate_line mbr, gbr;
};
_Static_assert(sizeof(struct rate_hot) == 32, "two rates a line");

extern struct rate_hot *rate_hot; /* [LIMIT_RATES + 1]; [0] limits nothing */
extern uint64_t
	*qer_buckets; /* by block->buckets + number; session_buckets(), set by upf_start() */
extern uint64_t qer_epoch_tsc;

static __rte_always_inline uint64_t qer_now(uint64_t now_tsc)
{
	return (now_tsc - qer_epoch_tsc) << QER_UNIT_BITS;
}

static __rte_always_inline uint64_t qer_cost(const struct rate_line *r, uint32_t bytes)
{
	unsigned __int128 cost = (unsigned __int128)bytes * r->factor;

	return (cost + (1u << (QER_COST_SHIFT - 1))) >> QER_COST_SHIFT;
}

/* How far from full the bucket would be with these bytes taken. */
static __rte_always_inline uint64_t qer_ahead(
	uint64_t bucket, const struct rate_line *r, uint64_t now, uint32_t bytes)
{
	uint64_t ahead = bucket - now;

	if (ahead > QER_AHEAD_MAX) /* the moment has passed (or passed years ago) */
		ahead = 0;
	return ahead + qer_cost(r, bytes);
}

/* Within the GBR, and charged to it. One worker. */
static __rte_always_inline bool qer_green(
	uint64_t *bucket, const struct rate_line *r, uint64_t now, uint32_t bytes)
{
	uint64_t ahead = qer_ahead(*bucket, r, now, bytes);

	if (ahead > r->burst)
		return false;
	*bucket = now + ahead;
	return true;
}

/* The same for any number of workers and meters. */
bool qer_admit_slow(uint64_t now_tsc, const struct session_block *s, const struct session_act *a,
	uint32_t bytes, bool *yellow);

/* The same for at most two meters without a GBR whose buckets are side by side: indices of their
 * rates, 0: none. */
bool qer_admit_pair(uint64_t now_tsc, uint64_t *bucket, const uint32_t *rate, uint32_t bytes);
void qer_refund_pair(uint64_t *bucket, const uint32_t *rate, uint32_t bytes);

/* What was admitted with this colour takes nothing: exact when no other worker has the session. */
void qer_refund(
	const struct session_block *s, const struct session_act *a, uint32_t bytes, bool yellow);

/* Does a packet of so many bytes pass all meters of the act (ACT_METERED)? Then all are charged,
 * else none. */
static __rte_always_inline bool qer_admit(uint64_t now_tsc, const struct session_block *s,
	const struct session_act *a, uint32_t bytes, bool *yellow)
{
	if (unlikely(worker_count > 1 || a->more != 0))
		return qer_admit_slow(now_tsc, s, a, bytes, yellow);
	uint64_t now = qer_now(now_tsc), *buckets = &qer_buckets[s->buckets];
	const struct rate_hot *flow = &rate_hot[QER_RATE(a->meter[0])],
			      *all = &rate_hot[QER_RATE(a->meter[1])];
	uint64_t *first = &buckets[QER_BUCKET(a->meter[0])],
		 *second = &buckets[QER_BUCKET(a->meter[1])];
	bool both = a->meter[1] != 0;
	uint64_t ahead = qer_ahead(*first, &flow->mbr, now, bytes),
		 above = both ? qer_ahead(*second, &all->mbr, now, bytes) : 0;

	*yellow = false;
	if (unlikely(ahead > flow->mbr.burst || above > all->mbr.burst))
		return false;
	*first = now + ahead;
	if (both)
		*second = now + above;
	if (unlikely(flow->gbr.factor != 0))
		*yellow = !qer_green(first + 1, &flow->gbr, now, bytes);
	if (unlikely(both && all->gbr.factor != 0))
		*yellow |= !qer_green(second + 1, &all->gbr, now, bytes);
	return true;
}

#endif
