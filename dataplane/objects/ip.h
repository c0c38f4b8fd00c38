/* SPDX-License-Identifier: BSD-3-Clause */
/* Questions about addresses and prefixes, the same for both processes. */
#ifndef API_IP_H
#define API_IP_H

#include <stdbool.h>

#include "types.h"

/* Bits of an address of the family. */
static inline uint8_t api_ip_bits(uint8_t family)
{
	return family == 4 ? 32 : 128;
}

/* Host bits of a prefix mean nothing: they become zero, so that equal networks are equal bytes. */
void api_ip_mask(struct api_ip *ip);

/* The first (last: the last) address of a network, given with or without host bits, as a host's
 * prefix. */
struct api_ip api_ip_edge(const struct api_ip *prefix, bool last);

/* Of one family, with the same first len bits (at most 32, 128)? */
bool api_ip_alike(const struct api_ip *a, const struct api_ip *b, unsigned len);

/* One address, whatever their lengths? */
bool api_ip_same(const struct api_ip *a, const struct api_ip *b);

/* Is the address (its own length does not matter) in this network? */
bool api_ip_within(const struct api_ip *address, const struct api_ip *network);

/* Does one of two networks hold the other? */
bool api_ip_overlap(const struct api_ip *a, const struct api_ip *b);

#endif
