/* SPDX-License-Identifier: BSD-3-Clause */
/* Gateway addresses on attachments of l3 slices: the switch answers for them itself (no kernel
 * inside a tenant), and each brings a connected network. Main thread only. */
#ifndef PIPELINES_GATEWAY_H
#define PIPELINES_GATEWAY_H

#include <stdbool.h>
#include <stdint.h>

#include "types.h"

int gateway_init(void);
void gateway_fini(void);

/* Takes memory for one; 0, -ENOSPC or -ENOMEM. Each is used up by gateway_set or given back. */
int gateway_reserve(uint16_t slice, uint8_t family);
void gateway_release(uint16_t slice, uint8_t family);
/* Cannot fail after gateway_reserve. */
void gateway_set(uint16_t slice, uint16_t attachment, const struct api_ip *prefix);
void gateway_unset(uint16_t slice, uint16_t attachment, const struct api_ip *prefix);

/* Hosts are told, unasked, which MAC this address of the slice has, NULL: all of its (RFC 5227
 * section 2.3, RFC 4861 section 7.2.6): when it is put, and when its slice's MAC is another one,
 * since hosts send to the old one until they ask again. Twice, two seconds apart, as a frame may be
 * lost; all gateways of the box share one rate. */
void gateway_announce(uint16_t slice, const struct api_ip *prefix);
/* Hands what is due to the workers, who send it (host_tick); called from the main loop. True: there
 * is more to come soon. */
bool gateways_announce_poll(void);

/* Is `address` a host's (not ours, not the broadcast address) on a network of this attachment? */
bool gateway_covers(uint16_t attachment, const struct api_ip *address);
/* The attachments of the slice on whose networks the address is: the next above `attachment` (0:
 * from the start), 0 at the end. */
uint16_t gateway_attachment_after(
	uint16_t slice, const struct api_ip *address, uint16_t attachment);
/* A gateway address of this attachment to speak from to `address`: false when there is none. */
bool gateway_source_for(uint16_t attachment, const struct api_ip *address, struct api_ip *source);

#endif
