/* SPDX-License-Identifier: BSD-3-Clause */
/* What routing does with one packet, inline: next hop, TTL, lane. Used by route.c for bursts and by
 * route_own.c for single packets; owns nothing. */
#ifndef PIPELINES_ROUTE_HOT_H
#define PIPELINES_ROUTE_HOT_H

#include "l3.h"
#include "path.h"
#include "route_check.h"
#include "l2.h"
#include "tunnel.h"
#include "ue.h"

static __rte_always_inline uint64_t nexthop_load(uint32_t index)
{
	/* acquire: pairs with the release in nexthop_store() */
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
	uint32_t n = b->downs++;

	BURST_BOUND(n);
	session_line_prefetch(switch_of(w)->session_lines, SESSION_OF(word), true);
	b->down[n] = m;
	b->down_to[n] = word;
	b->down_door[n] = door;
	b->down_slice[n] = slice;
	b->down_flow[n] = flow;
}

/* RFC 1141: the word of TTL and protocol goes down by 0x0100, the checksum up by it. */
static __rte_always_inline void ttl_down4(uint8_t *ip)
{
	uint32_t sum = load16(ip + 10) + (uint32_t)RTE_BE16(0x0100);

	ip[8]--;
	*(wire16_t *)(ip + 10) = sum + (sum >> 16);
}

#endif
