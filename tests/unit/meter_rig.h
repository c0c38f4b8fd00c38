/* SPDX-License-Identifier: BSD-3-Clause */
/* One meter and its workers without threads, under a clock that the test turns: for test_meter.c
 * and test_meter_rate.c. */
#ifndef TESTS_METER_RIG_H
#define TESTS_METER_RIG_H

#include <check.h>

#include "meter_hot.h"
#include "table_eal.h"
#include "token_bucket.h"

#define USE	3
#define PROFILE 2

static struct meter_bank bank;
static struct meter_worker mw[LIMIT_WORKERS];

/* Full buckets under cfg at cycle `tsc`. */
static inline void rig_meter(
	const struct meter_config *cfg, uint32_t workers, uint64_t hz, uint64_t tsc)
{
	ck_assert_int_eq(meter_bank_init(&bank, 8, 4, workers, hz), 0);
	for (uint32_t i = 0; i < workers; i++)
		ck_assert_int_eq(meter_worker_init(&mw[i], &bank, i), 0);
	meter_profile_set(&bank, PROFILE, cfg, tsc);
	meter_use_start(&bank, USE, PROFILE);
}

static inline void rig_meter_end(void)
{
	for (uint32_t i = 0; i < bank.workers; i++)
		meter_worker_fini(&mw[i]);
	meter_bank_fini(&bank);
}

struct hand {
	const uint32_t *len;
	uint32_t n;
};

static inline uint32_t hand_need(const void *in_hand, uint32_t i)
{
	const struct hand *h = in_hand;
	uint32_t bytes = 0;

	for (; i < h->n; i++)
		bytes += h->len[i];
	return bytes;
}

/* A burst of n packets at one worker; their colours go to out. */
static inline void rig_burst(uint32_t worker, uint64_t tsc, const uint32_t *len,
	const enum meter_color *in, uint32_t n, enum meter_color *out)
{
	struct meter_worker *w = &mw[worker];
	struct hand hand = {len, n};

	meter_begin(w, tsc);
	for (uint32_t i = 0; i < n; i++)
		out[i] = meter_color(
			w, USE, len[i], in != NULL ? in[i] : METER_GREEN, hand_need, &hand, i);
	meter_end(w);
}

static inline enum meter_color rig_one(
	uint32_t worker, uint64_t tsc, uint32_t len, enum meter_color in)
{
	enum meter_color out;

	rig_burst(worker, tsc, &len, &in, 1, &out);
	return out;
}

static inline uint64_t rig_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

#endif
