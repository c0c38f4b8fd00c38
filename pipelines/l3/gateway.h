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

/* Can this address with its network be added to the slice? 0; -EEXIST: the very address is there;
 * -EADDRINUSE: its network stands on another attachment or is a route's prefix; -ENOSPC, -ENOMEM.
 * *with: attachment concerned, 0 when a route is. */
int gateway_check(uint16_t slice, uint16_t attachment, const struct api_ip *prefix, uint16_t *with);

/* Takes memory for one; 0, -ENOSPC or -ENOMEM. Each is used up by gateway_set or given back. */
int gateway_reserve(uint16_t slice, uint8_t family);
void gateway_release(uint16_t slice, uint8_t family);
/* Cannot fail after gateway_reserve. */
void gateway_set(uint16_t slice, uint16_t attachment, const struct api_ip *prefix);
void gateway_unset(uint16_t slice, uint16_t attachment, const struct api_ip *prefix);

/* Hosts are told, unasked, which MAC this address of the slice has; NULL: all of its (announce.h).
 */
void gateway_announce(uint16_t slice, const struct api_ip *prefix);

/* Is `address` a host's (not ours, not the broadcast address) on a network of this attachment? */
bool gateway_covers(uint16_t attachment, const struct api_ip *address);
/* The attachments of the slice on whose networks the address is: the next above `attachment` (0:
 * from the start), 0 at the end. */
uint16_t gateway_attachment_after(
	uint16_t slice, const struct api_ip *address, uint16_t attachment);
/* A gateway address of this attachment to speak from to `address`: false when there is none. */
bool gateway_source_for(uint16_t attachment, const struct api_ip *address, struct api_ip *source);

#endif
