/* SPDX-License-Identifier: BSD-3-Clause */
/* What a slot's session is to be next: at random, without taking what another has (churn_upf.h).
 * Owns names, TEIDs that are put, and outlets. */
#include <stdlib.h>
#include <string.h>

#include "churn.h"
#include "churn_upf_state.h"

struct outlet *churn_outlet;
uint32_t churn_outlets = 1;

static uint32_t sums = 1;
static int16_t name_of_slot[NAMES];
static int16_t put_of_slot[SLOTS / 4 * PUT_TEIDS];

static bool one_in(uint32_t n)
{
	return churn_rnd(n) == 0;
}

/* ---- what is wanted ---- */

static uint32_t sum_new(void)
{
	RIG_CHECK(sums < SUMS, "too many sums");
	return sums++;
}

static uint8_t way_down(void)
{
	uint32_t what = churn_rnd(10);

	return what < 6 ? WAY_SLICE : what < 7 ? WAY_DROP : WAY_HOLD;
}

static void name_pick(uint32_t slot, struct state *s)
{
	do
		s->name = churn_rnd(NAMES);
	while (name_of_slot[s->name] >= 0);
	name_of_slot[s->name] = slot;
}

static void put_pick(uint32_t slot, struct state *s)
{
	uint32_t first = slot / 4 * PUT_TEIDS, i = churn_rnd(PUT_TEIDS);

	if (s->put != 0)
		put_of_slot[first + s->put - 1] = -1;
	s->put = 0;
	if (one_in(3) || put_of_slot[first + i] >= 0)
		return;
	put_of_slot[first + i] = slot;
	s->put = i + 1;
}

/* Who talks to others holds nothing: what comes late would be another's surprise. */
static void ways_pick(uint32_t slot, struct state *s)
{
	if (one_in(4))
		s->up = churn_rnd(slot_talks(slot) ? WAY_HOLD : WAY_HOLD + 1);
	for (int k = 0; k < 2; k++) {
		if (one_in(3))
			s->down[k] = way_down();
		if (one_in(6))
			s->peer[k] = churn_rnd(GNBS);
	}
	if (one_in(8))
		s->classes = !s->classes;
	if (one_in(8))
		s->filters = !s->filters;
	if (one_in(10))
		s->n9 = !s->n9;
	if (one_in(30))
		s->v6 = !s->v6;
}

static void limits_pick(struct state *s)
{
	if (one_in(6)) {
		s->limit = one_in(2) ? LIMIT_NONE : churn_rnd(3);
		s->rate = 1 + churn_rnd(20);
	}
	for (int k = 0; k < 2; k++)
		if (one_in(6))
			s->urr[k] = one_in(3) ? 0 : sum_new();
	s->quota = one_in(20);
}

void churn_go(uint32_t slot, struct state *s)
{
	name_of_slot[s->name] = -1;
	if (s->put != 0)
		put_of_slot[slot / 4 * PUT_TEIDS + s->put - 1] = -1;
	memset(s, 0, sizeof(*s));
}

void churn_come(uint32_t slot, struct state *s)
{
	memset(s, 0, sizeof(*s));
	s->there = true;
	s->life = sum_new();
	s->v6 = !one_in(4);
	name_pick(slot, s);
	put_pick(slot, s);
	ways_pick(slot, s);
	limits_pick(s);
}

/* ---- outlets: what leaves, and until when ---- */

static uint32_t outlet_new(uint32_t slot, const struct state *s, enum outlet_kind kind)
{
	struct outlet *t = &churn_outlet[churn_outlets];

	RIG_CHECK(churn_outlets + 1 < OUTLETS, "too many outlets");
	*t = (struct outlet){.slot = slot, .kind = kind, .sum = {s->life, s->urr[0]}};
	/* release: pairs with the acquire in judge_wan() */
	__atomic_store_n(&churn_outlets, churn_outlets + 1, __ATOMIC_RELEASE);
	return churn_outlets - 1;
}

static bool same_sums(const struct state *a, const struct state *b)
{
	return a->life == b->life && a->urr[0] == b->urr[0];
}

/* Where nothing of it changes the TEID stays, mostly. */
static void outlet_up(uint32_t slot, const struct state *was, struct state *is)
{
	bool stays = same_sums(was, is) && was->up == is->up;

	if (stays && (is->up_outlet == 0 || is->up != WAY_N9 || !one_in(5)))
		return;
	is->up_outlet = 0;
	if (is->up >= WAY_DROP)
		return;
	is->up_outlet = outlet_new(slot, is, is->up == WAY_N9 ? OUTLET_N9 : OUTLET_SLICE);
	churn_outlet[is->up_outlet].slice = is->up == WAY_EDGE ? 2 : slot / ADDRESSES;
}

static void outlet_down(uint32_t slot, const struct state *was, struct state *is, int k)
{
	bool stays = same_sums(was, is) && was->urr[1] == is->urr[1] &&
		     was->down[k] == is->down[k] && was->peer[k] == is->peer[k] &&
		     was->classes == is->classes;

	if (stays && (is->down_outlet[k] == 0 || !one_in(5)))
		return;
	is->down_outlet[k] = 0;
	if (is->down[k] != WAY_SLICE || (k == 1 && !is->classes))
		return;
	is->down_outlet[k] = outlet_new(slot, is, OUTLET_DOWN);
	struct outlet *t = &churn_outlet[is->down_outlet[k]];

	t->sum[2] = is->urr[1];
	t->peer = is->peer[k];
	t->ports = k == 1 ? 2 : is->classes ? 1 : 3;
}

void churn_outlets_make(uint32_t slot, const struct state *was, struct state *is)
{
	outlet_up(slot, was, is);
	outlet_down(slot, was, is, 0);
	outlet_down(slot, was, is, 1);
}

void churn_change(uint32_t slot, struct state *s)
{
	ways_pick(slot, s);
	limits_pick(s);
	if (one_in(12))
		put_pick(slot, s);
}

void churn_put_drop(uint32_t slot, struct state *s)
{
	put_of_slot[slot / 4 * PUT_TEIDS + s->put - 1] = -1;
	s->put = 0;
}

void churn_take_back(uint32_t slot, const struct state *s)
{
	name_of_slot[s->name] = slot;
	if (s->put != 0)
		put_of_slot[slot / 4 * PUT_TEIDS + s->put - 1] = slot;
}

void churn_want_init(void)
{
	churn_outlet = calloc(OUTLETS, sizeof(*churn_outlet));
	RIG_CHECK(churn_outlet != NULL, "no memory");
	memset(name_of_slot, -1, sizeof(name_of_slot));
	memset(put_of_slot, -1, sizeof(put_of_slot));
}
