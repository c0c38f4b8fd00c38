/* SPDX-License-Identifier: BSD-3-Clause */
/* What the whole box counts, for the readers in rpc/. All functions: main thread (or a test). */
#ifndef CORE_BOX_H
#define CORE_BOX_H

#include "counters.h"
#include "drops.h"

/* drops[DROP_REASONS], summed over workers. */
void box_drops_read(uint64_t *drops);
/* Packets that main dropped, of a port it took from the workers. */
void box_drop(enum drop_reason why, uint32_t packets);
void box_counters_read(struct box_counters *out);

/* Per-stage cost, sampled one burst in 1,024. */
struct stage_sample {
	const char *stage;
	uint64_t packets;
	uint64_t cycles;
};
/* Up to max samples of one worker; returns how many. */
uint32_t box_stages_read(uint32_t worker, struct stage_sample *out, uint32_t max);

struct worker_counters {
	uint64_t loops;
	uint64_t idle_loops;
	uint64_t naps;
	uint64_t packets;     /* received */
	uint64_t busy_cycles; /* in loops that received something */
	uint32_t cpu;
};
void box_worker_read(uint32_t worker, struct worker_counters *out);
uint32_t box_workers(void);

#endif
