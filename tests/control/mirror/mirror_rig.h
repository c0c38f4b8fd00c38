/* SPDX-License-Identifier: BSD-3-Clause */
/* The mirror over a fake kernel, with the world's own code, and a reconciler and a dataplane that
 * only note what they are told. Owned by the test program. */
#ifndef TESTS_MIRROR_RIG_H
#define TESTS_MIRROR_RIG_H

#include "../intent/sets.h"
#include "fake_kernel.h"
#include "mirror.h"

extern struct mirror *mirror;

/* Fixtures: site gj with WANs wan0 (tap) and nic0 (AF_XDP on ens2), port lan0; l3 slice red with
 * kernel netns "red" and taps red0 (lan0.10) and red1 (lan0.11). */
void rig_setup(void);
void rig_teardown(void);
void rig_mirror_start(void);
void rig_mirror_stop(void); /* and what it wanted is forgotten */

void rig_run(void);  /* until nothing is left to be done */
void rig_loop(void); /* the same, before the kernel has said more */

/* What the mirror wants of that type, as "KEY" or "KEY TEXT", sorted, a line each. Static. */
const char *rig_wanted(enum object_type type, bool text);
/* One object's text; "" when it is not wanted. */
const char *rig_text(enum object_type type, const char *key);
struct mirror_counters rig_counters(void); /* with the objects that are wanted */
uint32_t rig_told(void); /* objects told since the last time */
bool rig_ready(void);
/* What mirror_gaps says of that slice; "": nothing. Static. */
const char *rig_gap(const char *slice);
/* Intents that were to be tried again since the last time, "KIND NAME", a line each.
 * Static.
 */
const char *rig_retried(void);
/* Events on the bus since the last time, as "NAME SLICE REASON", a line each. Static. */
const char *rig_published(void);

void rig_wait(int ms); /* the loop, for so long */

void rig_dataplane_up(void);
void rig_event(const char *fmt, ...) __attribute__((format(printf, 1, 2)));  /* ' for " */
void rig_listed(const char *fmt, ...) __attribute__((format(printf, 1, 2))); /* answers the list */
void rig_listed_macs(const char *fmt, ...)
	__attribute__((format(printf, 1, 2))); /* answers that of stations */

#endif
