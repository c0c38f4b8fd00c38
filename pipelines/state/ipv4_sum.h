/* SPDX-License-Identifier: BSD-3-Clause */
/* The checksum of IPv4 headers (RFC 791, RFC 1071), for every packet: outer ones in overlay_in.c,
 * inner ones in route.c. */
#ifndef PIPELINES_IPV4_SUM_H
#define PIPELINES_IPV4_SUM_H

#include <rte_common.h>
#include <stdbool.h>

#include "wire.h"

/* Is it right? hlen: 20 bytes and more, all of them there. */
static __rte_always_inline bool ipv4_sum_ok(const uint8_t *ip, uint32_t hlen)
{
	uint64_t sum = *(const wire64_t *)ip, more = *(const wire64_t *)(ip + 8);

	sum += more;
	sum += sum < more; /* the carry comes around */
	more = *(const wire32_t *)(ip + 16);
	for (uint32_t i = 20; i < hlen; i += 4)
		more += *(const wire32_t *)(ip + i);
	sum = (sum & 0xffffffff) + (sum >> 32) + more;
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum == 0xffff;
}

#endif
