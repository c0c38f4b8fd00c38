/* SPDX-License-Identifier: BSD-3-Clause */
/* What routing does with one packet, inline: is it one that a router passes on? next hop, TTL,
 * lane. For bursts (route.c) and single packets (route_own.c); owns nothing. */
#ifndef PIPELINES_ROUTE_HOT_H
#define PIPELINES_ROUTE_HOT_H

#include <rte_ether.h>

#include "ipv4_sum.h"
#include "l2.h"
#include "l3.h"
#include "tunnel.h"
#include "ue.h"

#define ETH ((uint32_t)sizeof(struct rte_ether_hdr))

enum check { CHECK_OK, CHECK_HEADER, CHECK_SUM, CHECK_MARTIAN, CHECK_GROUP };

/* RFC 1812 section 5.3.7: not from and not to these; in host order. */
static __rte_always_inline bool martian4(uint32_t address)
{
	uint32_t top = address >> 24;

	return unlikely(top == 0 || top == 127 || address >> 16 == 0xa9fe);
}

/* With options, padding, or something wrong. Not inlined: the header that nearly all have keeps its
 * registers. */
static __rte_noinline enum check check_ipv4_odd(struct rte_mbuf *m, const uint8_t *ip)
{
	uint32_t hlen = (ip[0] & 0xf) * 4u, total = rte_be_to_cpu_16(load16(ip + 2));

	if (m->data_len < ETH + 20 || ip[0] >> 4 != 4 || hlen < 20 || total < hlen ||
		m->data_len < ETH + hlen || m->pkt_len < ETH + total)
		return CHECK_HEADER;
	if (!ipv4_sum_ok(ip, hlen))
		return CHECK_SUM;
	if (m->pkt_len > ETH + total)
		rte_pktmbuf_trim(m, m->pkt_len - ETH - total);
	return CHECK_OK;
}

static __rte_always_inline enum check check_ipv4(struct rte_mbuf *m, const uint8_t *ip)
{
	uint32_t total = rte_be_to_cpu_16(load16(ip + 2));
	uint32_t src = rte_be_to_cpu_32(*(const wire32_t *)(ip + 12));
	uint32_t dst = rte_be_to_cpu_32(*(const wire32_t *)(ip + 16));
	enum check check = CHECK_OK;

	if (unlikely(ip[0] != 0x45 || m->data_len < ETH + 20 || m->pkt_len != ETH + total))
		check = check_ipv4_odd(m, ip);
	else if (unlikely(!ipv4_sum_ok(ip, 20)))
		check = CHECK_SUM;
	if (unlikely(check != CHECK_OK))
		return check;
	if (unlikely(src >= 0xe0000000 || martian4(src) || martian4(dst)))
		return CHECK_MARTIAN;
	return likely(dst < 0xe0000000) ? CHECK_OK : CHECK_GROUP;
}

static __rte_always_inline bool link_local6(const uint8_t *address)
{
	return (load16(address) & RTE_BE16(0xffc0)) == RTE_BE16(0xfe80);
}

/* RFC 4291 sections 2.5 to 2.7: loopback, unspecified and link-local addresses do not cross a
 * router; what comes from or goes to link-local ones may still be for the switch (ND). */
static __rte_always_inline enum check check_ipv6(struct rte_mbuf *m, const uint8_t *ip)
{
	uint32_t payload = rte_be_to_cpu_16(load16(ip + 4));
	const wire64_t *a = (const wire64_t *)(ip + 8);

	if (unlikely(m->data_len < ETH + 40 || ip[0] >> 4 != 6 || m->pkt_len < ETH + 40 + payload))
		return CHECK_HEADER;
	if (unlikely(m->pkt_len > ETH + 40 + payload))
		rte_pktmbuf_trim(m, m->pkt_len - ETH - 40 - payload);
	if (unlikely(ip[24] == 0xff))
		return ip[8] == 0xff ? CHECK_MARTIAN : CHECK_GROUP;
	if (unlikely(link_local6(ip + 8) || link_local6(ip + 24)))
		return CHECK_GROUP;
	if (unlikely(ip[8] == 0xff || (a[0] == 0 && rte_be_to_cpu_64(a[1]) <= 1) ||
		     (a[2] == 0 && rte_be_to_cpu_64(a[3]) <= 1)))
		return CHECK_MARTIAN;
	return CHECK_OK;
}

/* ---- next hops ---- */

static __rte_always_inline uint64_t nexthop_load(uint32_t index)
{
	/* acquire: pairs with the release in word_store() */
	return __atomic_load_n(&nexthop_hot[index], __ATOMIC_ACQUIRE);
}

/* The word of a next hop, a group's by the flow (bits that neither the source port nor a tunnel's
 * paths use). */
static __rte_always_inline uint64_t nexthop_word(uint32_t *index, uint32_t hash)
{
	uint64_t word = nexthop_load(*index);

	if (unlikely(NEXTHOP_KIND(word) == NEXTHOP_OTHER && NEXTHOP_ID(word) >= NEXTHOP_GROUP)) {
		const uint32_t *slot = (const uint32_t *)(uintptr_t)NEXTHOP_HIGH(word);
		uint32_t mask = (1u << (NEXTHOP_ID(word) - NEXTHOP_GROUP)) - 1;

		*index = slot[hash >> 21 & mask];
		word = nexthop_load(*index);
	}
	return word;
}

/* What the way out carries, as an IP packet; 0: there is no way, and the next stage says why. A
 * tunnel that may fragment carries anything. */
static inline uint32_t way_mtu(uint64_t word, uint32_t hash)
{
	if (NEXTHOP_KIND(word) == NEXTHOP_ATTACHMENT)
		return attachment_hot[NEXTHOP_ID(word)].mtu;
	const struct encap *e = path_pick(NEXTHOP_ID(word), hash);

	if (unlikely(e->flags & ENCAP_FRAGMENT))
		return UINT16_MAX;
	return e->max_len > ETH ? e->max_len - ETH : 0;
}

static inline bool too_big(const struct rte_mbuf *m, uint64_t word, uint32_t hash, uint16_t *mtu)
{
	*mtu = way_mtu(word, hash);
	return *mtu != 0 && m->pkt_len - ETH > *mtu;
}

/* Both MACs: to the next hop, from the slice's gateway. */
static __rte_always_inline void rewrite_macs(uint8_t *data, uint64_t to, uint64_t from)
{
	*(wire64_t *)data = to | from << 48;
	*(wire32_t *)(data + 8) = from >> 16;
}

static __rte_always_inline void lane_add(struct burst *b, struct rte_mbuf *m, uint16_t slice,
	uint64_t word, flow_t flow, uint8_t *data)
{
	bool tunnel = NEXTHOP_KIND(word) == NEXTHOP_TUNNEL;
	struct lane *lane = tunnel ? &b->to_tunnel : &b->to_access;
	uint32_t k = lane->n++;

	BURST_BOUND(k);
	rewrite_macs(data, NEXTHOP_HIGH(word), slice_hot[slice].mac);
	lane->pkt[k] = m;
	lane->way[k] = LANE_WAY(slice, NEXTHOP_ID(word));
	lane->flow[k] = flow;
}

/* ---- to UEs ---- */

static __rte_always_inline void down_add(struct worker *w, struct burst *b, struct rte_mbuf *m,
	uint16_t slice, door_t door, flow_t flow, uint64_t word)
{
	session_line_prefetch(switch_of(w)->session_lines, SESSION_OF(word), true);
	down_put(b, m, slice, door, flow, word);
}

/* RFC 1141: the word of TTL and protocol goes down by 0x0100, the checksum up by it. */
static __rte_always_inline void ttl_down4(uint8_t *ip)
{
	uint32_t sum = load16(ip + 10) + (uint32_t)RTE_BE16(0x0100);

	ip[8]--;
	*(wire16_t *)(ip + 10) = sum + (sum >> 16);
}

#endif
