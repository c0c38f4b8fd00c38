/* SPDX-License-Identifier: BSD-3-Clause */
/* What all rooms share: the arrays and tables that stages of more than one room read, sums of what
 * workers count, the kinds of doors, and who listens to changes. Each array is allocated and
 * written by the room whose things it holds. */
#include "hot.h"

#include <rte_debug.h>

#include "door.h"
#include "notify.h"
#include "slice.h"

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

const struct door_ops *door_ops[8];
uint64_t session_charged;

void door_register(door_t kind, const struct door_ops *ops)
{
	DOOR_OPS(kind) = ops;
}

bool door_in_slice(door_t door, uint16_t slice)
{
	const struct door_ops *ops = DOOR_OPS(door);

	if (ops == NULL || !slice_is_live(slice))
		return false;
	return ops->in_slice(
		DOOR_KIND(door) == DOOR_SESSION ? DOOR_SESSION_ID(door) : DOOR_ID(door), slice);
}

const struct notify *notify_listeners[NOTIFY_MAX + 1];

void notify_listen(const struct notify *notify)
{
	uint32_t i = 0;

	while (notify_listeners[i] != NULL && notify_listeners[i] != notify)
		i++;
	RTE_VERIFY(i < NOTIFY_MAX); /* there are fewer rooms */
	notify_listeners[i] = notify;
}
