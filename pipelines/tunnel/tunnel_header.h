/* SPDX-License-Identifier: BSD-3-Clause */
/* VXLAN's and Geneve's headers as they come in (RFC 7348 section 5, RFC 8926 section 3.4). Used by
 * overlay_in.c alone. */
#ifndef PIPELINES_TUNNEL_HEADER_H
#define PIPELINES_TUNNEL_HEADER_H

#include <rte_ether.h>

#include "hot.h"

#define ETH	       ((uint32_t)sizeof(struct rte_ether_hdr))
#define UDP	       8u
#define TUNNEL	       8u /* VXLAN's header, and Geneve's without options */
#define VXLAN_FLAG_VNI 0x08

/* Geneve's first word: version 0, neither control nor critical, Ethernet inside; options of any
 * length, reserved bits of any value. */
#define GENEVE_MASK  RTE_BE32(0xc0c0ffff)
#define GENEVE_PLAIN RTE_BE32(0x00006558)

/* What its port carries: asked once a packet, since the answer may change. */
static __rte_always_inline uint8_t kind_of(const uint8_t *udp)
{
	return __atomic_load_n(&tunnel_port[load16(udp + 2)], __ATOMIC_RELAXED);
}

/* VXLAN and Geneve have the VNI at the same place; which of the two it was is part of the key. */
static __rte_always_inline uint64_t vtep_word_of(const uint8_t *udp, uint8_t kind)
{
	return vtep_word(load16(udp + 2), *(const wire32_t *)(udp + 12) & RTE_BE32(0xffffff00), 0) |
	       (kind == TUNNEL_GENEVE ? VTEP_GENEVE : 0);
}

static __rte_always_inline uint32_t geneve_len(const uint8_t *geneve)
{
	return TUNNEL + (geneve[0] & 0x3f) * 4;
}

static inline enum drop_reason vxlan_check(const uint8_t *vxlan, uint32_t room)
{
	return room < TUNNEL || !(vxlan[0] & VXLAN_FLAG_VNI) ? DROP_VXLAN_HEADER : DROP_REASONS;
}

/* RFC 8926 section 3.4. Options are stepped over, whatever is in them, unless one is critical. */
static inline enum drop_reason geneve_check(const uint8_t *geneve, uint32_t room)
{
	if (room < TUNNEL || geneve[0] >> 6 != 0 || room < geneve_len(geneve))
		return DROP_GENEVE_HEADER;
	if (geneve[1] & 0x80)
		return DROP_GENEVE_CONTROL;
	if (geneve[1] & 0x40)
		return DROP_GENEVE_CRITICAL;
	return load16(geneve + 2) == RTE_BE16(0x6558) ? DROP_REASONS : DROP_GENEVE_PROTOCOL;
}

#endif
