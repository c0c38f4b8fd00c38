/* SPDX-License-Identifier: BSD-3-Clause */
/* Meters' shared credit (meter.h): how workers take it and give it back. The buckets are changed
 * here alone. */
#include "meter.h"

#include <rte_atomic.h>
#include <rte_branch_prediction.h>
#include <string.h>

#include "meter_clock.h"

/* ---- buckets ---- */

/* What a worker wants of a bucket, and what it got. */
struct visit {
	uint64_t now_tsc;
	/* srtcm: credit from the first bucket to the second, up to the profile's last change and
	 * since */
	uint64_t poured[2], spilled[2];
	uint32_t taken, left; /* its share: what it took, what it has not spent */
	uint32_t len, need;
	uint32_t got;
	uint8_t tag, share_shift;
	bool alone;
};

/* The bucket at a reading of the clock, full when so many marks went by; what has no room is
 * returned. */
static uint64_t bucket_fill(
	struct meter_bucket *b, uint64_t clock, uint32_t burst, bool full, uint64_t spill_max)
{
	uint64_t room = (uint64_t)(burst > b->parked ? burst - b->parked : 0) << UNIT_BITS;
	int64_t over = clock - room - b->empty;

	if (full || over < INT64_MIN / 4) {
		b->empty = clock - room;
		return spill_max;
	}
	if (over <= 0)
		return 0;
	b->empty = clock - room;
	return RTE_MIN((uint64_t)over, spill_max);
}

static void bucket_release(struct meter_bucket *b, const struct visit *v)
{
	b->parked -= RTE_MIN(b->parked, v->taken);
	b->empty -= (uint64_t)v->left << UNIT_BITS;
}

/* The profile changed since the bucket was last looked at: up to then the burst was another; what a
 * smaller one cuts is gone. */
static void bucket_change(struct meter_bucket *b, const struct meter_profile *p,
	const struct meter_line *line, uint64_t spill_max, struct visit *v)
{
	uint16_t then = b->mark, change = mark_of(p->epoch_tsc);
	bool last = (uint8_t)(b->mark >> 24) == (uint8_t)(p->generation - 1);

	b->empty -= v->poured[0];
	v->spilled[0] = bucket_fill(b, line->start, last ? line->was_burst : line->least_burst,
		marks_between(then, change) > line->was_full_after, spill_max);
	bucket_fill(b, line->start, line->burst, false, 0);
	if (marks_between(then, change) > 0)
		b->mark = (b->mark & 0xffff0000) | change;
}

static void bucket_now(struct meter_bucket *b, const struct meter_profile *p,
	const struct meter_line *line, uint64_t clock, struct visit *v)
{
	uint64_t spill_max = (uint64_t)p->second.burst << UNIT_BITS;
	uint16_t mark = mark_of(v->now_tsc);

	v->spilled[0] = v->spilled[1] = 0;
	if (unlikely((uint8_t)(b->mark >> 16) != v->tag)) { /* another's: begins full */
		b->empty = clock - ((uint64_t)line->burst << UNIT_BITS);
		b->parked = 0;
		b->mark = mark;
		goto out;
	}
	/* alone: all it held was spent at the moment of the visit before. Else somewhere between:
	 * held until now for what there is room for */
	if (v->alone)
		bucket_release(b, v);
	if (unlikely((uint8_t)(b->mark >> 24) != p->generation))
		bucket_change(b, p, line, spill_max, v);
	else
		b->empty -= v->poured[0];
	b->empty -= v->poured[1];
	v->spilled[1] = bucket_fill(
		b, clock, line->burst, marks_between(b->mark, mark) > line->full_after, spill_max);
	if (!v->alone)
		bucket_release(b, v);
	if (marks_between(mark, b->mark) > 0 && marks_between(b->mark, mark) == 0)
		mark = b->mark;
out:
	b->mark = (uint32_t)p->generation << 24 | (uint32_t)v->tag << 16 | mark;
}

static uint32_t bucket_take(const struct meter_bucket *b, const struct meter_line *line,
	uint64_t clock, struct visit *v)
{
	int64_t level = clock - b->empty;
	uint32_t bytes = level > 0 ? RTE_MIN((uint64_t)level >> UNIT_BITS, line->burst) : 0;

	if (v->alone)
		return bytes;
	if (v->need == 0)
		return 0;
	if (bytes < v->len) /* no use to this packet; shorter ones in hand may get it */
		return RTE_MIN(bytes, v->need - v->len);
	uint32_t ahead = RTE_MIN(bytes >> v->share_shift, line->keep);

	return RTE_MIN(bytes, RTE_MAX(v->need, ahead));
}

static void bucket_visit(struct meter_bucket *b, const struct meter_profile *p,
	const struct meter_line *line, struct visit *v)
{
	uint64_t clock = line_clock(line, p->epoch_tsc, v->now_tsc);
	struct meter_bucket was, is;

	do {
		/* two halves of different moments fail in the exchange */
		was.empty = __atomic_load_n(&b->empty, __ATOMIC_RELAXED);
		uint64_t rest = __atomic_load_n((uint64_t *)b + 1, __ATOMIC_RELAXED);

		memcpy((uint64_t *)&was + 1, &rest, sizeof(rest));
		is = was;
		bucket_now(&is, p, line, clock, v);
		v->got = bucket_take(&is, line, clock, v);
		is.empty += (uint64_t)v->got << UNIT_BITS;
		is.parked += v->got;
		if (v->alone) {
			*b = is;
			return;
		}
		/* the credit is all that is handed on: no other memory hangs on it */
	} while (rte_atomic128_cmp_exchange((rte_int128_t *)b, (rte_int128_t *)&was,
			 (const rte_int128_t *)&is, 1, __ATOMIC_RELAXED, __ATOMIC_RELAXED) == 0);
}

/* ---- shares ---- */

static const struct meter_profile *use_profile(
	const struct meter_worker *mw, uint32_t use, uint8_t *tag)
{
	/* acquire: pairs with the release in meter_use_start() and meter_profile_set() */
	uint64_t whose = __atomic_load_n(&mw->bank->use[use].whose, __ATOMIC_ACQUIRE);

	*tag = whose >> 32;
	return __atomic_load_n(&mw->bank->profile[(uint32_t)whose], __ATOMIC_ACQUIRE);
}

/* What a share holds of another's time is void. */
static void share_adopt(struct meter_share *s, const struct meter_profile *p, uint8_t tag)
{
	if (unlikely(s->tag != tag)) {
		s->committed = s->second = s->committed_taken = s->second_taken = 0;
		s->tag = tag;
	}
	s->flags = p->flags;
}

static void list_later(struct meter_worker *mw, uint32_t use, const struct meter_profile *p)
{
	struct meter_share *s = &mw->share[use];

	if (s->committed_taken <= p->committed.keep && s->second_taken <= p->second.keep) {
		if (s->listed || (s->committed_taken | s->second_taken) == 0)
			return;
		if (mw->holdings < METER_HOLDING) {
			mw->holding[mw->holdings++] = use;
			s->listed = true;
			return;
		}
	}
	if (mw->pendings == METER_PENDING)
		meter_settle_pending(mw);
	mw->pending[mw->pendings++] = use;
}

static void visit_both(struct meter_worker *mw, uint32_t use, const struct meter_profile *p,
	uint8_t tag, uint32_t len, uint32_t need)
{
	struct meter_share *s = &mw->share[use];
	struct meter_use *u = &mw->bank->use[use];
	struct visit v = {
		.now_tsc = mw->now_tsc,
		.taken = s->committed_taken,
		.left = s->committed,
		.len = len,
		.need = need,
		.tag = tag,
		.share_shift = mw->bank->share_shift,
		.alone = mw->bank->workers == 1,
	};

	bucket_visit(&u->committed, p, &p->committed, &v);
	s->committed = s->committed_taken = v.got;
	if (p->flags & METER_SPILL)
		memcpy(v.poured, v.spilled, sizeof(v.poured));
	v.taken = s->second_taken;
	v.left = s->second;
	bucket_visit(&u->second, p, &p->second, &v);
	s->second = s->second_taken = v.got;
}

void meter_visit(struct meter_worker *mw, uint32_t use, uint32_t len, uint32_t need)
{
	struct meter_share *s = &mw->share[use];
	uint8_t tag;
	const struct meter_profile *p = use_profile(mw, use, &tag);

	share_adopt(s, p, tag);
	visit_both(mw, use, p, tag, len, RTE_MAX(need, len));
	s->visited = true;
	if (mw->bank->workers > 1)
		list_later(mw, use, p);
}

/* bucket_visit() of one worker alone, for a bucket that nothing happened to but time: what is left
 * goes back, what has come since is added, all is taken. */
static __rte_always_inline uint32_t bucket_again(struct meter_bucket *b,
	const struct meter_profile *p, const struct meter_line *line, uint64_t now_tsc,
	uint32_t left)
{
	uint64_t clock = line_clock(line, p->epoch_tsc, now_tsc);
	int64_t level = clock - b->empty + ((uint64_t)left << UNIT_BITS);

	level = RTE_MIN(level, (int64_t)((uint64_t)line->burst << UNIT_BITS));
	uint32_t bytes = level > 0 ? level >> UNIT_BITS : 0;

	b->empty = clock - level + ((uint64_t)bytes << UNIT_BITS);
	b->parked = bytes;
	return bytes;
}

/* What nearly every run of one worker alone begins with; false: it wants meter_visit(). */
static __rte_always_inline bool touch_again(struct meter_worker *mw, uint32_t use)
{
	struct meter_share *s = &mw->share[use];
	struct meter_use *u = &mw->bank->use[use];
	uint8_t tag;
	const struct meter_profile *p = use_profile(mw, use, &tag);
	uint32_t mark = (uint32_t)p->generation << 24 | (uint32_t)tag << 16 | mark_of(mw->now_tsc);

	if (unlikely(u->committed.mark != mark || u->second.mark != mark || s->tag != tag ||
		     (p->flags & METER_SPILL)))
		return false;
	s->committed = s->committed_taken =
		bucket_again(&u->committed, p, &p->committed, mw->now_tsc, s->committed);
	s->second = s->second_taken =
		bucket_again(&u->second, p, &p->second, mw->now_tsc, s->second);
	s->visited = true;
	return true;
}

void meter_touch(struct meter_worker *mw, uint32_t use)
{
	struct meter_share *s = &mw->share[use];
	uint8_t tag;

	s->run = mw->run;
	if (mw->bank->workers == 1) {
		if (!touch_again(mw, use))
			meter_visit(mw, use, 0, 0);
		return;
	}
	const struct meter_profile *p = use_profile(mw, use, &tag);

	share_adopt(s, p, tag);
	s->visited = false;
}

static void share_settle(struct meter_worker *mw, uint32_t use)
{
	struct meter_share *s = &mw->share[use];
	uint8_t tag;
	const struct meter_profile *p = use_profile(mw, use, &tag);

	share_adopt(s, p, tag);
	if ((s->committed_taken | s->second_taken) != 0)
		visit_both(mw, use, p, tag, 0, 0);
	s->visited = false;
}

void meter_settle_pending(struct meter_worker *mw)
{
	while (mw->pendings > 0)
		share_settle(mw, mw->pending[--mw->pendings]);
}

void meter_tick(struct meter_worker *mw, uint64_t now_tsc)
{
	mw->now_tsc = now_tsc;
	for (uint32_t i = mw->holdings; i-- > 0;) {
		uint32_t use = mw->holding[i];
		struct meter_share *s = &mw->share[use];

		if ((int32_t)(s->run - mw->tick_run) > 0)
			continue;
		share_settle(mw, use);
		s->listed = false;
		mw->holding[i] = mw->holding[--mw->holdings];
	}
	mw->tick_run = mw->run;
}
