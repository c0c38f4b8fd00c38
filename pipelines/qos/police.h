/* SPDX-License-Identifier: BSD-3-Clause */
/* The switch's meters (core/meter.h): profiles are `meter` objects, uses are an attachment's two
 * directions and a slice's traffic into the overlay. Configuration from the main thread only. */
#ifndef PIPELINES_POLICE_H
#define PIPELINES_POLICE_H

#include <stdint.h>

#include "meter.h"
#include "types.h"

struct worker;

enum police_place { POLICE_SLICE, POLICE_IN, POLICE_OUT };

/* 0 or -errno; police_fini also after a failure. */
int police_init(uint32_t workers);
void police_fini(void);

/* Per worker; meter_worker_fini() undoes it. */
int police_worker_init(struct worker *w);

/* Takes a free profile id (1..LIMIT_METERS): 0 or -ENOSPC. Undo: police_release. */
int police_reserve(uint16_t *id);
void police_release(uint16_t id);

/* Publishes a reserved profile, or new values of a published one: they hold at once for all its
 * uses, whose buckets keep what is in them (cut to a smaller burst). Cannot fail. */
void police_set(uint16_t id, const struct api_meter *cfg);
/* No use may be left. */
void police_unset(uint16_t id);

/* What is metered at this place of a slice or attachment (reserved): by profile `meter`,
 * 0: no more. A place that comes to a meter, or to another one, begins with full buckets and its
 * counts at 0. Cannot fail. */
void police_use(enum police_place place, uint16_t owner, uint16_t meter);

/* Adds what this place counted since it came to its present meter. */
void police_add(enum police_place place, uint16_t owner, struct meter_counts *sum);

#endif
