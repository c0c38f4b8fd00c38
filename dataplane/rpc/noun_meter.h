/* SPDX-License-Identifier: BSD-3-Clause */
/* Meters as slices and attachments use them. Main thread only. */
#ifndef RPC_NOUN_METER_H
#define RPC_NOUN_METER_H

#include "model.h"
#include "police.h"

/* From the state `old` to the state `new` of a slice or attachment (either may be NULL): what is
 * metered at this place follows. A meter that stays the same keeps its buckets. Before the
 * object is published or goes, so that no frame slips by. Cannot fail. */
void noun_meter_commit(enum police_place place, const struct object *obj, const struct version *old,
	const struct version *next);

/* cir_bps of the meter that is named at a place, as it is by now; 0 without one. */
uint64_t noun_meter_cir(enum police_place place, const struct version *version);

/* A meter that this slice names has changed (noun_slice.c). */
void noun_slice_meter_changed(const struct object *slice);

/* Adds green, yellow and red of this place to out, behind a prefix ("meter_in_"); nothing when it
 * is not metered. */
void noun_meter_stats(
	enum police_place place, const struct object *obj, const char *prefix, json_t *out);

#endif
