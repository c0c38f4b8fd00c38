/* SPDX-License-Identifier: BSD-3-Clause */
/* Slices as the workers see them. Configuration from the main thread only. A slice's id is in every
 * later key: it is never reused before no reader and no table entry can still name it. */
#ifndef PIPELINES_SLICE_H
#define PIPELINES_SLICE_H

#include <stdint.h>

#include "counters.h"
#include "door.h"
#include "drops.h"
#include "types.h"

struct worker;

int slice_init(uint32_t workers);
void slice_fini(void);

/* Takes a free id (1..LIMIT_SLICES): 0 or -ENOSPC. Undo: slice_release. */
int slice_reserve(uint16_t *id);
void slice_release(uint16_t id);

/* A reserved slice's own MAC: routes of the same transaction are made before slice_set(). */
void slice_mac_set(uint16_t id, const struct api_slice *cfg);

/* The MAC of its gateways. */
void slice_gateway_mac(uint16_t id, struct api_mac_addr *out);

/* Its part of shaped ports (core/shaper.h): before slice_set(), and when its meter changes. */
void slice_share_set(uint16_t id, uint32_t weight, uint64_t guarantee_bps);

/* Publishes a reserved slice, or new values of a published one. Cannot fail. */
void slice_set(uint16_t id, const struct api_slice *cfg);

/* Unpublishes; forgets its learned MACs; zeroes its counters; the id is free again after a grace
 * period, and when no packet that was held for its sessions is on its way to be dropped. The caller
 * has made sure that no attachment, member or static MAC is left. */
void slice_unset(uint16_t id);
/* No such packet is, any more (events.h: slice_busy). */
void slice_quiet(uint16_t id);

bool slice_is_live(uint16_t id);
uint32_t slice_max_macs(uint16_t id);
uint32_t slice_ageing_s(uint16_t id);

/* Adds a door to what the slice floods to, or takes it out; a copy is published and the old list
 * freed after a grace period. */
void flood_list_change(uint16_t slice, door_t door, bool add);

/* Sessions of the user plane have addresses (or are doors) here: from before the first until after
 * the last. */
void slice_sessions_set(uint16_t id, bool has);

/* A frame that slice and door have counted as out was dropped before it left (struct pipeline). */
void slice_lost(struct worker *w, uint32_t mark, enum drop_reason why);

void slice_counters_read(uint16_t id, struct counters *out);
/* drops[DROP_SLICE_REASONS] */
void slice_drops_read(uint16_t id, uint64_t *drops);

#endif
