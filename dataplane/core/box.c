/* SPDX-License-Identifier: BSD-3-Clause */
/* Sums what the workers count, for rpc/. Reads other threads' cells with plain 64-bit loads; owns
 * nothing. */
#include "box.h"

#include <string.h>

#include "worker.h"

static uint64_t main_drops[DROP_REASONS]; /* a cell has one writer: this is main's row */

void box_drop(enum drop_reason why, uint32_t packets)
{
	main_drops[why] += packets;
}

void box_drops_read(uint64_t *drops)
{
	memcpy(drops, main_drops, sizeof(main_drops));
	for (uint32_t i = 0; i < worker_count; i++)
		for (uint32_t r = 0; r < DROP_REASONS; r++)
			drops[r] += __atomic_load_n(&workers[i]->drops[r], __ATOMIC_RELAXED);
}

void box_counters_read(struct box_counters *out)
{
	uint64_t *sum = (uint64_t *)out;

	memset(out, 0, sizeof(*out));
	for (uint32_t i = 0; i < worker_count; i++) {
		const uint64_t *one = (const uint64_t *)&workers[i]->box;

		for (uint32_t c = 0; c < sizeof(*out) / sizeof(uint64_t); c++)
			sum[c] += __atomic_load_n(&one[c], __ATOMIC_RELAXED);
	}
}

uint32_t box_stages_read(uint32_t worker, struct stage_sample *out, uint32_t max)
{
	const char *const *stage_names = worker_stage_names();
	uint32_t n = 0;

	if (worker >= worker_count)
		return 0;
	for (; n < max && n < STAGES_MAX && stage_names[n] != NULL; n++)
		out[n] = (struct stage_sample){
			.stage = stage_names[n],
			.packets = workers[worker]->stages[n].packets,
			.cycles = workers[worker]->stages[n].cycles,
		};
	return n;
}

void box_worker_read(uint32_t worker, struct worker_counters *out)
{
	memset(out, 0, sizeof(*out));
	if (worker < worker_count)
		*out = workers[worker]->stats;
}

uint32_t box_workers(void)
{
	return worker_count;
}
