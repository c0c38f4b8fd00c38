/* SPDX-License-Identifier: BSD-3-Clause */
/* Between slice.c, attachment.c, tunnel.c and fdb.c, all on the main thread: doors of slices, and
 * sums of counters. */
#ifndef PIPELINES_FLOOD_LIST_H
#define PIPELINES_FLOOD_LIST_H

#include <stddef.h>

#include "counters.h"
#include "fdb.h"

/* Adds a door to what the slice floods to, or takes it out; a copy is published and the old list
 * freed after a grace period. */
void flood_list_change(uint16_t slice, door_t door, bool add);

bool slice_is_live(uint16_t id);
uint32_t slice_max_macs(uint16_t id);
uint32_t slice_ageing_s(uint16_t id);
/* Is the door one of this slice's, now? */
bool door_in_slice(door_t door, uint16_t slice);
bool attachment_in_slice(uint16_t id, uint16_t slice);
bool member_exists(uint16_t slice, uint16_t tunnel);

/* Sums element `id` of one of the counter arrays of struct switch_worker, named by its offset. */
void counters_sum(struct counters *out, size_t array, uint16_t id);
void counters_zero(size_t array, uint16_t id);

#endif
