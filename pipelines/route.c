/* SPDX-License-Identifier: BSD-3-Clause */
/* Routing inside the slice (RFC 1812, RFC 8200): the destination is looked up in the slice's own
 * routes, TTL goes down, the frame gets the next hop's MAC and leaves by an attachment or a tunnel.
 * What is not that simple is host.c's. Called by switch.c after parse and overlay_in; owns nothing.
 */
#include <rte_ether.h>

#include "fib.h"
#include "flow.h"
#include "l3.h"
#include "path.h"
#include "route_check.h"
#include "stages.h"

#define NEVER_BIG                                                                                  \
	(MTU_MIN - 76 + ETH) /* fits every way: the smallest underlay less the largest header */
#define MAC_MASK  0xffffffffffffull
#define GROUP_BIT 1 /* in the first byte as it lies */

/* Packets of one family, in the order in which they came; at[] is their place in the burst. */
struct routed {
	uint32_t n;
	uint8_t at[BURST_MAX];
	uint16_t slice[BURST_MAX];
	uint32_t value[BURST_MAX];
};

/* The exceptions of a burst, dealt with when the lanes are filled. */
struct odds {
	uint32_t n;
	struct odd_packet packet[BURST_MAX];
};

static void odd_add(
	struct odds *o, struct burst *b, uint32_t i, enum odd why, uint32_t nexthop, uint16_t mtu)
{
	o->packet[o->n++] = (struct odd_packet){.m = b->route[i],
		.door = b->route_door[i],
		.slice = b->route_slice[i],
		.nexthop = nexthop,
		.mtu = mtu,
		.hash = FLOW_HASH(b->route_flow[i]),
		.why = why};
}

static void drop(struct worker *w, struct burst *b, uint32_t i, enum drop_reason why)
{
	slice_drop(w, b, b->route[i], b->route_slice[i], b->route_door[i], why);
}

/* ---- phase 1: is it a packet to be routed? ---- */

static __rte_noinline void refuse(
	struct worker *w, struct burst *b, struct odds *odds, uint32_t i, enum check check)
{
	if (check == CHECK_GROUP)
		odd_add(odds, b, i, ODD_GROUP, 0, 0);
	else
		drop(w, b, i,
			check == CHECK_HEADER ? DROP_INNER_IP_HEADER
			: check == CHECK_SUM  ? DROP_INNER_IP_CHECKSUM
					      : DROP_MARTIAN);
}

/* Frames that are not unicast IP to the gateway's MAC. */
static __rte_noinline void not_routed(
	struct worker *w, struct burst *b, struct odds *odds, uint32_t i, const uint8_t *data)
{
	uint16_t type = load16(data + 12);
	enum check check;

	if (type != RTE_BE16(RTE_ETHER_TYPE_IPV4) && type != RTE_BE16(RTE_ETHER_TYPE_IPV6)) {
		odd_add(odds, b, i, ODD_NOT_IP, 0, 0);
		return;
	}
	if (!(data[0] & GROUP_BIT)) {
		drop(w, b, i, DROP_NOT_GATEWAY_MAC);
		return;
	}
	check = type == RTE_BE16(RTE_ETHER_TYPE_IPV4) ? check_ipv4(b->route[i], data + ETH)
						      : check_ipv6(b->route[i], data + ETH);
	refuse(w, b, odds, i, check == CHECK_OK ? CHECK_GROUP : check);
}

struct keys {
	struct routed v4, v6;
	uint8_t *data[BURST_MAX]; /* where frames begin, by their place in the burst */
	uint32_t address4[BURST_MAX];
	uint64_t address6[BURST_MAX][2];
};

static __rte_always_inline void routed_add(struct routed *r, uint32_t i, uint16_t slice)
{
	r->at[r->n] = i;
	r->slice[r->n++] = slice;
}

static __rte_always_inline void find_keys(
	struct worker *w, struct burst *b, struct keys *k, struct odds *odds)
{
	for (uint32_t i = 0; i < b->routes; i++) {
		struct rte_mbuf *m = b->route[i];
		uint8_t *data = rte_pktmbuf_mtod(m, uint8_t *), *ip = data + ETH;
		uint16_t slice = b->route_slice[i], type = load16(data + 12);
		bool to_us = (*(const wire64_t *)data & MAC_MASK) == slice_hot[slice].mac;
		enum check check;

		k->data[i] = data;
		if (likely(to_us && type == RTE_BE16(RTE_ETHER_TYPE_IPV4))) {
			k->address4[k->v4.n] = rte_be_to_cpu_32(*(const wire32_t *)(ip + 16));
			check = check_ipv4(m, ip);
			if (likely(check == CHECK_OK))
				routed_add(&k->v4, i, slice);
		} else if (to_us && type == RTE_BE16(RTE_ETHER_TYPE_IPV6)) {
			k->address6[k->v6.n][0] = rte_be_to_cpu_64(*(const wire64_t *)(ip + 24));
			k->address6[k->v6.n][1] = rte_be_to_cpu_64(*(const wire64_t *)(ip + 32));
			check = check_ipv6(m, ip);
			if (likely(check == CHECK_OK))
				routed_add(&k->v6, i, slice);
		} else {
			not_routed(w, b, odds, i, data);
			continue;
		}
		if (unlikely(check != CHECK_OK))
			refuse(w, b, odds, i, check);
		else
			b->route_flow[i] = flow_of(m, data);
	}
}

/* ---- phases 3 and 4: next hops, and off ---- */

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
static uint32_t way_mtu(uint64_t word, uint32_t hash)
{
	if (NEXTHOP_KIND(word) == NEXTHOP_ATTACHMENT)
		return attachment_hot[NEXTHOP_ID(word)].mtu;
	const struct encap *e = path_pick(NEXTHOP_ID(word), hash);

	if (unlikely(e->flags & ENCAP_FRAGMENT))
		return UINT16_MAX;
	return e->max_len > ETH ? e->max_len - ETH : 0;
}

static bool too_big(const struct rte_mbuf *m, uint64_t word, uint32_t hash, uint16_t *mtu)
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

	rewrite_macs(data, NEXTHOP_HIGH(word), slice_hot[slice].mac);
	lane->pkt[k] = m;
	lane->way[k] = LANE_WAY(slice, NEXTHOP_ID(word));
	lane->flow[k] = flow;
}

/* RFC 1141: the word of TTL and protocol goes down by 0x0100, the checksum up by it. */
static __rte_always_inline void ttl_down4(uint8_t *ip)
{
	uint32_t sum = load16(ip + 10) + (uint32_t)RTE_BE16(0x0100);

	ip[8]--;
	*(wire16_t *)(ip + 10) = sum + (sum >> 16);
}

static const enum odd odd_of_other[] = {[NEXTHOP_NONE] = ODD_NO_ROUTE,
	[NEXTHOP_LOCAL] = ODD_LOCAL,
	[NEXTHOP_BLACKHOLE] = ODD_NO_ROUTE,
	[NEXTHOP_UNREACHABLE] = ODD_UNREACHABLE};

/* No attachment and no tunnel to send it by. */
static __rte_noinline void no_way(struct worker *w, struct burst *b, struct odds *odds, uint32_t i,
	uint64_t word, uint32_t index, bool ttl_out)
{
	if (NEXTHOP_KIND(word) == NEXTHOP_ASK)
		odd_add(odds, b, i, ttl_out ? ODD_TTL : ODD_ASK, index, 0);
	else if (NEXTHOP_ID(word) == NEXTHOP_BLACKHOLE)
		drop(w, b, i, DROP_BLACKHOLE);
	else if (NEXTHOP_ID(word) == NEXTHOP_LOCAL || !ttl_out)
		odd_add(odds, b, i, odd_of_other[NEXTHOP_ID(word) & 3], index, 0);
	else
		odd_add(odds, b, i, ODD_TTL, index, 0);
}

static __rte_always_inline void send_all(struct worker *w, struct burst *b, struct routed *r,
	uint8_t *const *frame, struct odds *odds, const bool is_ipv6)
{
	uint64_t word[BURST_MAX];
	uint32_t index[BURST_MAX];

	for (uint32_t k = 0; k < r->n; k++) {
		index[k] = FIB_NEXTHOP(r->value[k]);
		rte_prefetch0(&nexthop_hot[index[k]]);
	}
	for (uint32_t k = 0; k < r->n; k++) {
		word[k] = nexthop_word(&index[k], FLOW_HASH(b->route_flow[r->at[k]]));
		if (NEXTHOP_KIND(word[k]) == NEXTHOP_TUNNEL)
			rte_prefetch0(&tunnel_hot[NEXTHOP_ID(word[k])]);
	}
	for (uint32_t k = 0; k < r->n; k++) {
		uint32_t i = r->at[k];
		struct rte_mbuf *m = b->route[i];
		uint8_t *data = frame[i], *ip = data + ETH;
		uint8_t ttl = is_ipv6 ? ip[7] : ip[8];
		uint16_t mtu;

		if (unlikely(NEXTHOP_KIND(word[k]) >= NEXTHOP_ASK)) {
			no_way(w, b, odds, i, word[k], index[k], ttl <= 1);
		} else if (unlikely(ttl <= 1)) {
			odd_add(odds, b, i, ODD_TTL, index[k], 0);
		} else if (m->pkt_len > NEVER_BIG &&
			   too_big(m, word[k], FLOW_HASH(b->route_flow[i]), &mtu)) {
			odd_add(odds, b, i, ODD_TOO_BIG, index[k], mtu);
		} else {
			if (is_ipv6)
				ip[7]--;
			else
				ttl_down4(ip);
			lane_add(b, m, r->slice[k], word[k], b->route_flow[i], data);
		}
	}
}

static void route_trace(struct burst *b, uint32_t tunnels, uint32_t accesses)
{
	for (uint32_t i = tunnels; i < b->to_tunnel.n; i++)
		trace_step(b, b->to_tunnel.pkt[i], "route", "to tunnel {tunnel %u}",
			LANE_TO(b->to_tunnel.way[i]));
	for (uint32_t i = accesses; i < b->to_access.n; i++)
		trace_step(b, b->to_access.pkt[i], "route", "to attachment {attachment %u}",
			LANE_TO(b->to_access.way[i]));
}

void route_run(struct worker *w, struct burst *b)
{
	uint32_t tunnels = b->to_tunnel.n, accesses = b->to_access.n, routes = b->routes;
	struct odds odds = {.n = 0};
	struct keys k;

	k.v4.n = k.v6.n = 0;
	find_keys(w, b, &k, &odds);
	if (k.v4.n > 0) {
		lpm_lookup4_bulk(&fib4, k.v4.slice, k.address4, k.v4.n, k.v4.value);
		send_all(w, b, &k.v4, k.data, &odds, false);
	}
	if (k.v6.n > 0) {
		lpm_lookup6_bulk(&fib6, k.v6.slice, k.address6, k.v6.n, k.v6.value);
		send_all(w, b, &k.v6, k.data, &odds, true);
	}
	if (unlikely(b->trace != NULL))
		route_trace(b, tunnels, accesses);
	for (uint32_t i = 0; i < odds.n; i++)
		host_take(w, b, &odds.packet[i]);
	worker_stage_done(w, STAGE_ROUTE, routes);
}

/* ---- the switch's own packets ---- */

static void lane_room(struct worker *w, struct burst *b)
{
	if (b->to_tunnel.n == BURST_MAX)
		overlay_out_run(w, b);
	if (b->to_access.n == BURST_MAX)
		access_out_run(w, b);
}

void route_send(struct worker *w, struct burst *b, struct rte_mbuf *m, uint16_t slice)
{
	uint8_t *data = rte_pktmbuf_mtod(m, uint8_t *);
	bool is_ipv6 = data[ETH] >> 4 == 6;
	uint16_t type = is_ipv6 ? RTE_BE16(RTE_ETHER_TYPE_IPV6) : RTE_BE16(RTE_ETHER_TYPE_IPV4);
	uint32_t value, index;

	memset(data, 0, 12);
	*(wire16_t *)(data + 12) = type;
	if (is_ipv6) {
		uint64_t address[1][2] = {{rte_be_to_cpu_64(*(wire64_t *)(data + ETH + 24)),
			rte_be_to_cpu_64(*(wire64_t *)(data + ETH + 32))}};

		lpm_lookup6_bulk(&fib6, &slice, address, 1, &value);
	} else {
		uint32_t address = rte_be_to_cpu_32(*(wire32_t *)(data + ETH + 16));

		lpm_lookup4_bulk(&fib4, &slice, &address, 1, &value);
	}
	flow_t flow = flow_of(m, data);

	index = FIB_NEXTHOP(value);
	uint64_t word = nexthop_word(&index, FLOW_HASH(flow));

	if (NEXTHOP_KIND(word) >= NEXTHOP_ASK) {
		slice_drop(w, b, m, slice, 0,
			NEXTHOP_KIND(word) == NEXTHOP_ASK ? DROP_NEIGHBOR_UNKNOWN
							  : DROP_NO_ROUTE_IN_SLICE);
		return;
	}
	lane_room(w, b);
	lane_add(b, m, slice, word, flow, data);
}

void route_send_by(struct worker *w, struct burst *b, struct rte_mbuf *m, uint16_t slice,
	uint16_t attachment, const uint8_t *mac)
{
	uint8_t *data = rte_pktmbuf_mtod(m, uint8_t *);
	uint64_t to = 0;

	memcpy(&to, mac, 6);
	lane_room(w, b);
	lane_add(b, m, slice, NEXTHOP_WORD(NEXTHOP_ATTACHMENT, attachment, to), 0, data);
}
