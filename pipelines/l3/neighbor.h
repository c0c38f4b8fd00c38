/* SPDX-License-Identifier: BSD-3-Clause */
/* Neighbours on attachments: put by hand, or found by ARP (RFC 826) and Neighbor Discovery (RFC
 * 4861). In l3 slices they are next hops and host routes, in l2 slices what ARP and ND suppression
 * answers from. Workers report what they see and need through rings; the main thread keeps the
 * table, asks, and forgets. */
#ifndef PIPELINES_NEIGHBOR_H
#define PIPELINES_NEIGHBOR_H

#include <stdbool.h>
#include <stdint.h>

#include "neighbor_entry.h"
#include "types.h"

int neighbor_init(uint32_t workers);
void neighbor_fini(void);

/* A gateway that routes name: asked for without waiting for traffic, and for as long as it does not
 * answer; kept known until the last of its users unwants it. Never fails: past LIMIT_HOSTS it is
 * counted as refused, and asked for when a packet wants it. Called by nexthop.c. */
void neighbor_want(uint16_t slice, uint16_t attachment, const struct api_ip *address);
void neighbor_unwant(uint16_t slice, uint16_t attachment, const struct api_ip *address);

/* Static ones, of l3 and of l2 slices, LIMIT_NEIGHBORS of them at most, which rpc/ sees to.
 * reserve: 0 or -ENOSPC; set cannot fail after it, and replaces what was learned. */
int neighbor_reserve(void);
void neighbor_release(void);
void neighbor_set(uint16_t slice, uint16_t attachment, const struct api_ip *address,
	const struct api_mac_addr *mac);

/* Forgets a learned one, or a static one: what routes still need is asked for again. */
void neighbor_forget(uint16_t slice, uint16_t attachment, const struct api_ip *address);

/* 0 or -ENOENT. */
int neighbor_get(uint16_t attachment, const struct api_ip *address, struct neighbor_entry *out);

/* An address of an attachment came or went, or the attachment itself: what it covers is (no longer)
 * on the link. Called after gateway_covers() says so; what was learned and is not covered is
 * forgotten. */
void neighbor_network_change(uint16_t slice, uint16_t attachment);
/* A slice goes: forgets all of it. */
void neighbor_flush(uint16_t slice);

/* fib.c: a route with exactly this host's prefix went, the neighbour may come back. */
void neighbor_return(uint16_t slice, const struct api_ip *address);

/* News not taken: at the slice's max_macs, the box's LIMIT_HOSTS, or more being asked for than a
 * slice's fair share. */
uint32_t neighbor_refused(void);

/* Takes the workers' reports, asks, ages; called from the main loop. Returns how many reports. */
uint32_t neighbor_poll(void);

uint32_t neighbor_count(void);
/* Up to max entries from a cursor on, as exact.h has them. Returns how many: none is no end.
 */
uint32_t neighbor_iterate(uint64_t *cursor, struct neighbor_entry *out, uint32_t max);

#endif
