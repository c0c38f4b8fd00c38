/* SPDX-License-Identifier: BSD-3-Clause */
/* The flow of a frame inside a slice: entropy for the outer source port, the flow label and the
 * choice of path. */
#ifndef PIPELINES_FLOW_H
#define PIPELINES_FLOW_H

#include <netinet/in.h>
#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_mbuf.h>

#include "burst.h"
#include "wire.h"

static __rte_always_inline uint32_t flow_mix(uint64_t a, uint64_t b)
{
	uint64_t h = a * 0x9e3779b97f4a7c15ull;

	h ^= h >> 32;
	h = (h + b) * 0xd6e8feb86659fd93ull;
	return h >> 32;
}

static __rte_always_inline flow_t flow_make(uint32_t hash, uint8_t tos)
{
	return hash | (flow_t)tos << 32;
}

static __rte_always_inline bool flow_has_ports(uint8_t proto)
{
	const uint64_t low = 1ull << IPPROTO_UDP | 1ull << IPPROTO_TCP | 1ull << IPPROTO_DCCP;

	return likely(proto < 64) ? low >> proto & 1
				  : proto == IPPROTO_SCTP || proto == IPPROTO_UDPLITE;
}

static __rte_always_inline flow_t flow_of_ipv6(const uint8_t *ip, uint32_t len)
{
	const wire64_t *addr = (const wire64_t *)(ip + 8);
	uint32_t first = rte_be_to_cpu_32(*(const wire32_t *)ip);
	uint64_t ports = ip[6];

	if (flow_has_ports(ip[6]) && len >= 44)
		ports |= (uint64_t) * (const wire32_t *)(ip + 40) << 8;
	uint64_t a = addr[0] ^ addr[2] * 0xff51afd7ed558ccdull;
	uint64_t b = addr[1] ^ addr[3] * 0xc4ceb9fe1a85ec53ull;

	return flow_make(
		flow_mix(a ^ (b << 29 | b >> 35), ports ^ (uint64_t)(first & 0xfffff) << 40),
		first >> 20);
}

/* Fragments carry no ports but in the first: none of them uses any, so that all go the same way. */
static __rte_always_inline flow_t flow_of(const struct rte_mbuf *m, const uint8_t *data)
{
	uint16_t type = *(const wire16_t *)(data + 12);
	uint32_t len = m->data_len - sizeof(struct rte_ether_hdr);
	const uint8_t *ip = data + sizeof(struct rte_ether_hdr);

	if (likely(type == RTE_BE16(RTE_ETHER_TYPE_IPV4) && len >= 24)) {
		uint64_t addr = *(const wire64_t *)(ip + 12);
		uint32_t frag_ttl_proto = *(const wire32_t *)(ip + 6);
		uint32_t ports = *(const wire32_t *)(ip + 20);
		uint8_t proto = rte_be_to_cpu_32(frag_ttl_proto);
		bool whole = (frag_ttl_proto & RTE_BE32(0x3fff0000)) == 0;

		ports = whole && ip[0] == 0x45 && flow_has_ports(proto) ? ports : 0;
		return flow_make(flow_mix(addr, (uint64_t)ports << 8 | proto), ip[1]);
	}
	if (type == RTE_BE16(RTE_ETHER_TYPE_IPV6) && len >= 40)
		return flow_of_ipv6(ip, len);
	return flow_make(flow_mix(*(const wire64_t *)data, *(const wire64_t *)(data + 6)), 0);
}

#endif
