/* SPDX-License-Identifier: BSD-3-Clause */
/* The arrays and tables that stages of more than one room read, and sums of what workers count.
 * Each array is allocated and written by the room whose things it holds. */
#include "hot.h"

struct slice_hot *slice_hot;
struct attachment_hot *attachment_hot;
struct tunnel_hot *tunnel_hot;
struct exact_table fdb_table;
struct stages_above stages_above;

const char *const switch_stages[] = {"receive", "parse", "overlay_in", "gtpu_in", "bridge", "route",
	"flood", "session_down", "gtpu_out", "overlay_out", "access_out", "punt", "transmit", NULL};

static struct door_counts *counts_of(uint32_t worker, size_t array)
{
	return (struct door_counts *)((char *)switch_of(workers[worker]) + array);
}

void counters_sum(struct counters *out, size_t array, uint16_t id)
{
	memset(out, 0, sizeof(*out));
	for (uint32_t w = 0; w < worker_count; w++) {
		const struct door_counts *counts = counts_of(w, array);
		const struct traffic *t = &counts->traffic[id];

		out->in_packets += __atomic_load_n(&t->in_packets, __ATOMIC_RELAXED);
		out->in_bytes += __atomic_load_n(&t->in_bytes, __ATOMIC_RELAXED);
		out->out_packets += __atomic_load_n(&t->out_packets, __ATOMIC_RELAXED);
		out->out_bytes += __atomic_load_n(&t->out_bytes, __ATOMIC_RELAXED);
		out->dropped += __atomic_load_n(&counts->dropped[id], __ATOMIC_RELAXED);
	}
}

void counters_zero(size_t array, uint16_t id)
{
	for (uint32_t w = 0; w < worker_count; w++) {
		memset(&counts_of(w, array)->traffic[id], 0, sizeof(struct traffic));
		counts_of(w, array)->dropped[id] = 0;
	}
}
