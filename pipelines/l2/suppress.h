/* SPDX-License-Identifier: BSD-3-Clause */
/* ARP and ND suppression in l2 slices: (slice, address) → MAC and door, heard in the slice's own
 * ARP and ND or put by hand. A request for a host that is known is answered on its behalf instead
 * of being flooded. The tables are themselves the store. */
#ifndef PIPELINES_SUPPRESS_H
#define PIPELINES_SUPPRESS_H

#include "neighbor_entry.h"
#include "report.h"
#include "worker.h"

/* ---- main thread ---- */

int suppress_init(void);
void suppress_fini(void);

void suppress_learn(const struct host_report *report);
/* Static ones; within LIMIT_NEIGHBORS, they displace what was learned. */
void suppress_set(uint16_t slice, uint16_t attachment, const struct api_ip *address,
	const struct api_mac_addr *mac);
/* A static or a learned one. */
void suppress_unset(uint16_t slice, const struct api_ip *address);
int suppress_get(uint16_t slice, const struct api_ip *address, struct neighbor_entry *out);
void suppress_flush(uint16_t slice);
/* Forgets what the MAC table no longer knows, a part of the table a call. */
void suppress_poll(void);
uint32_t suppress_count(void);
uint32_t suppress_refused(void);
uint32_t suppress_iterate(
	uint8_t family, uint64_t *cursor, struct neighbor_entry *out, uint32_t max);

/* ---- workers ---- */

extern uint32_t suppress_slices; /* how many slices answer */
/* Looks for ARP and ND among the frames of such slices, and reports what it says. */
void suppress_snoop(struct worker *w, struct burst *b);
/* Frame i is about to be flooded: true when it became the answer to itself, to go back by the door
 * it came in by. */
bool suppress_answer(struct worker *w, struct burst *b, uint32_t i);

#endif
