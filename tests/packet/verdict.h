/* SPDX-License-Identifier: BSD-3-Clause */
/* Judges what left after some shots were sent: for test_isolation.c. */
#ifndef TESTS_VERDICT_H
#define TESTS_VERDICT_H

#include "shots.h"

extern struct seen {
	uint64_t bridged, routed, cut, answers, errors, questions, must;
	uint64_t messages, from_ues, to_ues, to_taps, from_taps;
} seen;

/* All of rig_out[]: shots 0 to n - 1 were sent and nothing else. whole: each as it is; what is
 * polite and has a way must have left, but in a world that stood still: its neighbours may be taken
 * for dead. */
void verdict_all(uint32_t n, bool whole);
/* Only that it left by a door of some slice: of what was never sent in one piece. */
void verdict_doors(void);

/* ---- verdict_tap.c ---- */

/* What went to taps of attachments, after the same shots. */
void verdict_taps(uint32_t n);
/* The kernel says something by one of them, and it is judged. */
void tap_speaks(void);

/* ---- verdict_l3.c ---- */

/* One that left an l3 slice by out. x: the shot it says it is, or NULL. n as above. */
void verdict_l3(
	const struct pkt *p, uint32_t frame, struct passage out, const struct shot *x, uint32_t n);
/* How often each shot was forwarded. */
const char *hex(const struct pkt *p);
const char *twice(const struct pkt *out, const struct pkt *in);
extern uint32_t verdict_routed[SHOTS];

#endif
