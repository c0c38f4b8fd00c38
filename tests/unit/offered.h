/* SPDX-License-Identifier: BSD-3-Clause */
/* What threads that hammer a meter have offered, and when: a machine that gives them no time for
 * longer than the burst lasts lets a bucket run over that is right. For test_meter_rate.c and
 * test_qer.c. */
#ifndef TESTS_OFFERED_H
#define TESTS_OFFERED_H

#include <rte_cycles.h>
#include <stdint.h>
#include <string.h>

#define OFFERED_SLOT_US 50
#define OFFERED_SLOTS	100000 /* of five seconds; what comes later counts to the last one */

struct offered {
	uint64_t start_tsc, slot_tsc;
	uint64_t bytes[OFFERED_SLOTS];
};

static inline void offered_start(struct offered *o, uint64_t tsc)
{
	memset(o->bytes, 0, sizeof(o->bytes));
	o->start_tsc = tsc;
	o->slot_tsc = rte_get_tsc_hz() / 1000000 * OFFERED_SLOT_US;
}

static inline void offered_add(struct offered *o, uint64_t tsc, uint64_t bytes)
{
	uint64_t slot = (tsc - o->start_tsc) / o->slot_tsc;

	o->bytes[slot < OFFERED_SLOTS ? slot : OFFERED_SLOTS - 1] += bytes;
}

/* What one bucket that is full at first passes of what two threads have offered. */
static inline double offered_passes(
	const struct offered *a, const struct offered *b, uint64_t rate_bps, double burst)
{
	double level = burst, fill = rate_bps / 8.0 * OFFERED_SLOT_US / 1e6, passed = 0;

	for (uint32_t slot = 0; slot < OFFERED_SLOTS; slot++) {
		double want = (double)a->bytes[slot] + (double)b->bytes[slot];
		double goes = want < level + fill ? want : level + fill;

		passed += goes;
		level += fill - goes;
		level = level < burst ? level : burst;
	}
	return passed;
}

#endif
