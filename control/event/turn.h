/* SPDX-License-Identifier: BSD-3-Clause */
/* Turns of the loop. Long work is done a part at a time, one part a turn. The parts of different
 * work in the same turn share its time, so that a client does not wait for their sum. */
#ifndef EVENT_TURN_H
#define EVENT_TURN_H

#include <stdint.h>

/* The loop's: another turn has begun. */
void turn_begin(void);

/* Until when, by clock_mono_us(), a part that begins now may go on. It gets `most_us`, or what is
 * left of the turn if that is less, but at least a millisecond. */
uint64_t turn_until_us(uint64_t most_us);

#endif
