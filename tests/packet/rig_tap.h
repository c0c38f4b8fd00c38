/* SPDX-License-Identifier: BSD-3-Clause */
/* Taps of attachments whose kernel is the test: what the switch hands over is read here, what is
 * said here the switch takes for the kernel's. */
#ifndef TESTS_RIG_TAP_H
#define TESTS_RIG_TAP_H

#include "rig.h"

/* Gives the attachment one, or a new one. */
void rig_tap(uint16_t attachment);
void rig_tap_gone(uint16_t attachment);
/* Its kernel closes it: writes to it fail. */
void rig_tap_hang_up(uint16_t attachment);
/* The next frame that has come there; false: none. */
bool rig_tap_take(uint16_t attachment, struct pkt *out);
/* The kernel sends: main takes it at rig_taps(). */
void rig_tap_say(uint16_t attachment, const struct pkt *p);
/* Main's turn, then the worker's; the ledger is checked. */
void rig_taps(void);

#endif
