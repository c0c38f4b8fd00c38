/* SPDX-License-Identifier: BSD-3-Clause */
/* The Internet checksum (RFC 1071): of IPv4 headers, for every packet, and put right where a field
 * changes (RFC 1624). */
#ifndef PIPELINES_IPV4_SUM_H
#define PIPELINES_IPV4_SUM_H

#include <rte_common.h>
#include <stdbool.h>

#include "wire.h"

static inline uint16_t sum_fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

/* HC' = ~(~HC + ~m + m') where one of the words it covers was `old` and is `next`. */
static inline uint16_t sum_replace(uint16_t check, uint16_t old, uint16_t next)
{
	return ~sum_fold((uint16_t)~check + (uint16_t)~old + (uint32_t)next);
}

/* The second byte of an IPv4 header: DSCP and ECN. */
static inline void ipv4_tos_set(uint8_t *ip, uint8_t tos)
{
	uint16_t old = load16(ip);

	ip[1] = tos;
	*(wire16_t *)(ip + 10) = sum_replace(load16(ip + 10), old, load16(ip));
}

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
