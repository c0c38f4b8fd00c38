/* SPDX-License-Identifier: BSD-3-Clause */
/* Rates of QERs (qer.h), made and counted on the main thread, and metering by several workers or
 * by many meters at once. Owns the rates; buckets are session.c's. */
#include "qer.h"

#include <errno.h>
#include <rte_cycles.h>
#include <string.h>

#include "qer_hot.h"
#include "rcu.h"
#include "reserve.h"
#include "tsc.h"

#define HEADS 65536u

/* What workers do not read. */
struct rate_cold {
	uint64_t mbr_bps, gbr_bps;
	uint64_t token; /* while it waits to be free: of the grace period */
	uint32_t burst_ms;
	uint32_t uses;
	uint32_t next; /* of the same hash, or waiting after it; 0: none */
	uint32_t pad;
};

struct rate_hot *rate_hot;
uint64_t *qer_buckets;
uint64_t qer_epoch_tsc;
static struct rate_cold *cold;
static uint32_t *head;		       /* [HEADS] */
static uint32_t top;		       /* indices up to here were in use once */
static uint32_t waiting, waiting_last; /* given back, oldest first */
static uint32_t count;

/* ---- life ---- */

int qer_init(void)
{
	rate_hot = reserve_map((LIMIT_RATES + 1) * sizeof(*rate_hot));
	cold = reserve_map((LIMIT_RATES + 1) * sizeof(*cold));
	head = reserve_map(HEADS * sizeof(*head));
	top = waiting = waiting_last = count = 0;
	if (rate_hot == NULL || cold == NULL || head == NULL) {
		qer_fini();
		return -ENOMEM;
	}
	rate_hot[0].mbr.burst = rate_hot[0].gbr.burst = QER_AHEAD_MAX;
	qer_epoch_tsc = tsc_now();
	return 0;
}

void qer_fini(void)
{
	reserve_unmap(rate_hot, (LIMIT_RATES + 1) * sizeof(*rate_hot));
	reserve_unmap(cold, (LIMIT_RATES + 1) * sizeof(*cold));
	reserve_unmap(head, HEADS * sizeof(*head));
	rate_hot = NULL;
	cold = NULL;
	head = NULL;
}

/* ---- rates ---- */

static void line_set(struct rate_line *line, uint64_t rate_bps, uint32_t burst_ms)
{
	/* 8 bits * 64 units * 2^24: below 2^33, and hz below 2^34 */
	const uint64_t scale = 8ull << QER_UNIT_BITS << QER_COST_SHIFT;
	unsigned __int128 burst = (unsigned __int128)rate_bps * burst_ms / 8000;
	uint32_t most = UINT32_MAX; /* bytes: qer_cost() takes no more at once */

	*line = (struct rate_line){.burst = QER_AHEAD_MAX};
	if (rate_bps == 0)
		return;
	unsigned __int128 units = (unsigned __int128)scale * rte_get_tsc_hz();

	line->factor = (units + rate_bps / 2) / rate_bps;
	burst = RTE_MAX(burst, (unsigned __int128)QER_BURST_BYTES);
	if (burst <= most)
		line->burst = qer_cost(line, burst);
	else
		line->burst = (unsigned __int128)burst_ms * rte_get_tsc_hz() * 64 / 1000;
	line->burst = RTE_MIN(line->burst, QER_AHEAD_MAX);
}

static uint32_t *head_of(uint64_t mbr_bps, uint64_t gbr_bps, uint32_t burst_ms)
{
	uint64_t h = (mbr_bps * 0x9e3779b97f4a7c15 ^ gbr_bps) * 0xc2b2ae3d27d4eb4f ^ burst_ms;

	h *= 0x165667b19e3779f9;
	return &head[h >> 48 & (HEADS - 1)];
}

/* An index that no worker meters by: one given back, once its grace period is over, before one that
 * would touch new memory. 0: none is left. */
static uint32_t index_take(void)
{
	uint32_t i = waiting;

	if (i != 0 && rte_rcu_qsbr_check(rcu_qsbr, cold[i].token, false) == 0) {
		if (top < LIMIT_RATES)
			return ++top;
		rcu_synchronize();
	}
	if (i == 0)
		return top < LIMIT_RATES ? ++top : 0;
	waiting = cold[i].next;
	if (waiting == 0)
		waiting_last = 0;
	return i;
}

int rate_take(uint64_t mbr_bps, uint64_t gbr_bps, uint32_t burst_ms, uint32_t *index)
{
	uint32_t *h = head_of(mbr_bps, gbr_bps, burst_ms), i;

	for (i = *h; i != 0; i = cold[i].next) {
		if (cold[i].mbr_bps != mbr_bps || cold[i].gbr_bps != gbr_bps ||
			cold[i].burst_ms != burst_ms)
			continue;
		cold[i].uses++;
		*index = i;
		return 0;
	}
	i = index_take();
	if (i == 0)
		return -ENOSPC;
	cold[i] = (struct rate_cold){.mbr_bps = mbr_bps,
		.gbr_bps = gbr_bps,
		.burst_ms = burst_ms,
		.uses = 1,
		.next = *h};
	/* seen by workers with the block that names it (session.c's release store) */
	line_set(&rate_hot[i].mbr, mbr_bps, burst_ms);
	line_set(&rate_hot[i].gbr, gbr_bps, burst_ms);
	*h = i;
	count++;
	*index = i;
	return 0;
}

void rate_give(uint32_t index)
{
	struct rate_cold *c = &cold[index];
	uint32_t *at;

	if (--c->uses > 0)
		return;
	at = head_of(c->mbr_bps, c->gbr_bps, c->burst_ms);
	while (*at != index)
		at = &cold[*at].next;
	*at = c->next;
	c->next = 0;
	c->token = rte_rcu_qsbr_start(rcu_qsbr);
	if (waiting_last != 0)
		cold[waiting_last].next = index;
	else
		waiting = index;
	waiting_last = index;
	count--;
}

uint32_t rate_count(void)
{
	return count;
}

uint64_t rate_memory_bytes(void)
{
	return (uint64_t)(top + 1) * (sizeof(*rate_hot) + sizeof(*cold)) + HEADS * sizeof(*head);
}

/* ---- metering, by several workers or many meters ---- */

#define METERS_MAX (2 + LIMIT_SESSION_QERS)

struct meters {
	uint32_t n;
	struct meter_at {
		uint64_t *bucket;
		const struct rate_hot *rate;
	} at[METERS_MAX];
};

static void meters_add(struct meters *all, const struct session_block *s, uint32_t ref)
{
	all->at[all->n++] = (struct meter_at){
		&qer_buckets[s->buckets + QER_BUCKET(ref)], &rate_hot[QER_RATE(ref)]};
}

static void meters_of(
	struct meters *all, const struct session_block *s, const struct session_act *a)
{
	const struct session_more *more = (const void *)((const uint8_t *)s + 16u * a->more);

	all->n = 0;
	for (int i = 0; i < 2 && a->meter[i] != 0; i++)
		meters_add(all, s, a->meter[i]);
	for (uint32_t i = 0; a->more != 0 && i < more->meters; i++)
		meters_add(all, s, more->meter[i]);
}

static bool conforms(uint64_t *bucket, const struct rate_line *r, uint64_t now, uint32_t bytes)
{
	/* relaxed: a bucket stands for itself alone */
	return qer_ahead(__atomic_load_n(bucket, __ATOMIC_RELAXED), r, now, bytes) <= r->burst;
}

static bool charge(uint64_t *bucket, const struct rate_line *r, uint64_t now, uint32_t bytes)
{
	uint64_t old = __atomic_load_n(bucket, __ATOMIC_RELAXED), ahead;

	if (worker_count == 1)
		return qer_green(bucket, r, now, bytes);
	do {
		ahead = qer_ahead(old, r, now, bytes);
		if (ahead > r->burst)
			return false;
		/* relaxed: as above */
	} while (!__atomic_compare_exchange_n(
		bucket, &old, now + ahead, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	return true;
}

static void uncharge(uint64_t *bucket, const struct rate_line *r, uint32_t bytes)
{
	uint64_t cost = qer_cost(r, bytes);

	if (worker_count == 1)
		*bucket -= cost;
	else
		__atomic_fetch_sub(bucket, cost, __ATOMIC_RELAXED); /* as above */
}

static void meters_of_pair(struct meters *all, uint64_t *bucket, const uint32_t *rate)
{
	all->n = 0;
	for (uint32_t i = 0; i < 2; i++)
		if (rate[i] != 0)
			all->at[all->n++] = (struct meter_at){&bucket[i], &rate_hot[rate[i]]};
}

/* With several workers the first loop refuses nearly all that is refused, without a trace; in the
 * second one a worker may have lost a race, and gives back what it took. */
static bool admit(const struct meters *all, uint64_t now, uint32_t bytes, bool *yellow)
{
	uint32_t i;

	*yellow = false;
	for (i = 0; i < all->n; i++)
		if (!conforms(all->at[i].bucket, &all->at[i].rate->mbr, now, bytes))
			return false;
	for (i = 0; i < all->n; i++)
		if (!charge(all->at[i].bucket, &all->at[i].rate->mbr, now, bytes))
			goto err_uncharge;
	for (i = 0; i < all->n; i++)
		if (all->at[i].rate->gbr.factor != 0)
			*yellow |=
				!charge(all->at[i].bucket + 1, &all->at[i].rate->gbr, now, bytes);
	return true;
err_uncharge:
	while (i-- > 0)
		uncharge(all->at[i].bucket, &all->at[i].rate->mbr, bytes);
	return false;
}

static void refund(const struct meters *all, uint32_t bytes, bool yellow)
{
	for (uint32_t i = 0; i < all->n; i++) {
		uncharge(all->at[i].bucket, &all->at[i].rate->mbr, bytes);
		/* of several with a GBR one may have been green: so little is not remembered */
		if (all->at[i].rate->gbr.factor != 0 && !yellow)
			uncharge(all->at[i].bucket + 1, &all->at[i].rate->gbr, bytes);
	}
}

bool qer_admit_slow(uint64_t now_tsc, const struct session_block *s, const struct session_act *a,
	uint32_t bytes, bool *yellow)
{
	struct meters all;

	meters_of(&all, s, a);
	return admit(&all, qer_now(now_tsc), bytes, yellow);
}

void qer_refund(
	const struct session_block *s, const struct session_act *a, uint32_t bytes, bool yellow)
{
	struct meters all;

	meters_of(&all, s, a);
	refund(&all, bytes, yellow);
}

bool qer_admit_pair(uint64_t now_tsc, uint64_t *bucket, const uint32_t *rate, uint32_t bytes)
{
	struct meters all;
	bool yellow;

	meters_of_pair(&all, bucket, rate);
	return admit(&all, qer_now(now_tsc), bytes, &yellow);
}

void qer_refund_pair(uint64_t *bucket, const uint32_t *rate, uint32_t bytes)
{
	struct meters all;

	meters_of_pair(&all, bucket, rate);
	refund(&all, bytes, true);
}
