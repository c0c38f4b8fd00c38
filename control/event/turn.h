/* SPDX-License-Identifier: BSD-3-Clause */
/* Turns of the loop. Long work is done in bits, one a turn; the bits of different work that come
 * in the same turn share its time, so that who waits for an answer does not wait for their sum. */
#ifndef EVENT_TURN_H
#define EVENT_TURN_H

#include <stdint.h>

/* The loop's: another turn has begun. */
void turn_begin(void);

/* Until when, by clock_mono_us(), a bit may go on that begins now and is to take `most_us` at most:
 * less where others have taken of the turn already, but always so much that it gets on. */
uint64_t turn_until_us(uint64_t most_us);

#endif
