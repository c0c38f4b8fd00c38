/* SPDX-License-Identifier: BSD-3-Clause */
/* A gateway address says unasked which MAC it has (RFC 5227 section 2.3, RFC 4861 section 7.2.6):
 * when it is put, and when its slice's MAC is another one, since hosts send to the old one until
 * they ask again. Twice, two seconds apart, as a frame may be lost; all gateways of the box share
 * one rate. Main thread only; workers send them (host_tick). */
#ifndef PIPELINES_ANNOUNCE_H
#define PIPELINES_ANNOUNCE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "types.h"

/* A part of its owner, zeroed at first. */
struct announce {
	TAILQ_ENTRY(announce) link;
	uint64_t due_tsc;
	uint16_t slice, attachment;
	struct api_ip address;
	uint8_t left; /* times; 0: it is in no list */
};

/* Soon, and again; begins anew where it has begun already. */
void announce_begin(
	struct announce *a, uint16_t slice, uint16_t attachment, const struct api_ip *address);
void announce_end(struct announce *a); /* its owner goes */

/* Hands what is due to the workers; called from the main loop. True: there is more to come soon. */
bool announce_poll(void);

#endif
