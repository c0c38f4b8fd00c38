/* SPDX-License-Identifier: BSD-3-Clause */
/* The box's clock. Workers read the counter once a loop, into worker.now_tsc, for their bursts. */
#ifndef CORE_TSC_H
#define CORE_TSC_H

#include <rte_branch_prediction.h>
#include <rte_cycles.h>
#include <stdint.h>

/* Tests: what the clock shows instead of the time stamp counter, so that a run depends on its seed
 * alone and not on how busy the machine is. 0, as it is in the switch: the counter. */
extern uint64_t tsc_stopped;

/* In cycles of rte_get_tsc_hz(). Any thread. */
static inline uint64_t tsc_now(void)
{
	return unlikely(tsc_stopped != 0) ? tsc_stopped : rte_rdtsc();
}

/* In seconds, never 0: where a time is kept, 0 says that there is none. */
static inline uint32_t tsc_to_s(uint64_t tsc)
{
	return tsc / rte_get_tsc_hz() + 1;
}

static inline uint32_t tsc_now_s(void)
{
	return tsc_to_s(tsc_now());
}

#endif
