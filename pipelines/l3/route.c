/* SPDX-License-Identifier: BSD-3-Clause */
/* Routing inside the slice (RFC 1812, RFC 8200): the destination is looked up in the slice's own
 * routes, TTL goes down, the frame gets the next hop's MAC and leaves by an attachment or a
 * tunnel. What is not that simple is an exception (host.c). */
#include <rte_ether.h>

#include "fib.h"
#include "flow.h"
#include "route_hot.h"

#define NEVER_BIG                                                                                  \
	(MTU_MIN - 76 + ETH) /* fits every way: the smallest underlay less the largest header */
#define MAC_MASK  0xffffffffffffull
#define GROUP_BIT 1 /* in the first byte as it lies */

_Static_assert(BURST_MAX <= LPM_BULK, "a burst is looked up at once");

/* Packets of one family, in the order in which they came; at[] is their place in the burst. */
struct routed {
	uint32_t n;
	uint8_t at[BURST_MAX];
	uint16_t slice[BURST_MAX];
	uint32_t value[BURST_MAX];
};

static void route_odd(
	struct worker *w, struct burst *b, uint32_t i, enum odd why, uint32_t nexthop, uint16_t mtu)
{
	const struct odd_packet odd = {.m = b->route[i],
		.door = b->route_door[i],
		.slice = b->route_slice[i],
		.nexthop = nexthop,
		.mtu = mtu,
		.hash = FLOW_HASH(b->route_flow[i]),
		.why = why};

	odd_add(w, b, &odd);
}

static void drop(struct worker *w, struct burst *b, uint32_t i, enum drop_reason why)
{
	slice_drop(w, b, b->route[i], b->route_slice[i], b->route_door[i], why);
}

/* ---- phase 1: is it a packet to be routed? ---- */

static __rte_noinline void refuse(struct worker *w, struct burst *b, uint32_t i, enum check check)
{
	if (check == CHECK_GROUP)
		route_odd(w, b, i, ODD_GROUP, 0, 0);
	else
		drop(w, b, i,
			check == CHECK_HEADER ? DROP_INNER_IP_HEADER
			: check == CHECK_SUM  ? DROP_INNER_IP_CHECKSUM
					      : DROP_MARTIAN);
}

/* Frames that are not unicast IP to the gateway's MAC. */
static __rte_noinline void not_routed(
	struct worker *w, struct burst *b, uint32_t i, const uint8_t *data)
{
	uint16_t type = load16(data + 12);
	enum check check;

	if (type != RTE_BE16(RTE_ETHER_TYPE_IPV4) && type != RTE_BE16(RTE_ETHER_TYPE_IPV6)) {
		route_odd(w, b, i, ODD_NOT_IP, 0, 0);
		return;
	}
	if (!(data[0] & GROUP_BIT)) {
		drop(w, b, i, DROP_NOT_GATEWAY_MAC);
		return;
	}
	check = type == RTE_BE16(RTE_ETHER_TYPE_IPV4) ? check_ipv4(b->route[i], data + ETH)
						      : check_ipv6(b->route[i], data + ETH);
	refuse(w, b, i, check == CHECK_OK ? CHECK_GROUP : check);
}

/* Packets of slices with sessions: is the destination a UE's? */
struct ues {
	uint32_t n;
	uint8_t at[BURST_MAX];
	uint64_t key[BURST_MAX * 2]; /* of one word for IPv4, two for IPv6 */
	struct exact_bucket *bucket[BURST_MAX];
};

struct keys {
	struct routed v4, v6;
	struct ues ue4, ue6;
	bool sessions; /* packets of slices with sessions: there may be framed routes */
	struct exact_view view4,
		view6;		  /* of ue4_table and ue6_table, once there is a packet for them */
	uint8_t *data[BURST_MAX]; /* where frames begin, by their place in the burst */
	uint32_t address4[BURST_MAX];
	uint64_t address6[BURST_MAX][2];
};

static __rte_always_inline void routed_add(struct routed *r, uint32_t i, uint16_t slice)
{
	r->at[r->n] = i;
	r->slice[r->n++] = slice;
}

/* False: it is no UE's. */
static __rte_always_inline bool ue_key4(
	struct keys *k, uint32_t i, uint16_t slice, uint32_t address)
{
	uint64_t key = UE4_KEY(slice, address);
	uint32_t n = k->ue4.n;

	if (!ue4_may_be(key))
		return false;
	k->ue4.n = n + 1;
	if (n == 0)
		k->view4 = exact_view(&ue4_table);
	k->ue4.at[n] = i;
	k->ue4.key[n] = key;
	k->ue4.bucket[n] = exact_prefetch(&k->view4, &key, 1);
	return true;
}

static __rte_noinline void ue_key6(struct keys *k, uint32_t i, uint16_t slice, const uint8_t *ip)
{
	uint32_t n = k->ue6.n++;

	if (n == 0)
		k->view6 = exact_view(&ue6_table);
	k->ue6.at[n] = i;
	k->ue6.key[2 * n] = UE6_KEY0(slice);
	k->ue6.key[2 * n + 1] = rte_be_to_cpu_64(*(const wire64_t *)(ip + 24));
	k->ue6.bucket[n] = exact_prefetch(&k->view6, &k->ue6.key[2 * n], 2);
}

static __rte_always_inline void find_keys(struct worker *w, struct burst *b, struct keys *k)
{
	for (uint32_t i = 0; i < b->routes; i++) {
		struct rte_mbuf *m = b->route[i];
		uint8_t *data = rte_pktmbuf_mtod(m, uint8_t *), *ip = data + ETH;
		uint16_t slice = b->route_slice[i], type = load16(data + 12);
		bool to_us = (*(const wire64_t *)data & MAC_MASK) == slice_hot[slice].mac;
		bool sessions = slice_hot[slice].flags & SLICE_SESSIONS;
		enum check check;

		k->sessions |= sessions;
		k->data[i] = data;
		if (likely(to_us && type == RTE_BE16(RTE_ETHER_TYPE_IPV4))) {
			k->address4[k->v4.n] = rte_be_to_cpu_32(*(const wire32_t *)(ip + 16));
			check = check_ipv4(m, ip);
			if (likely(check == CHECK_OK) &&
				(likely(!sessions) || !ue_key4(k, i, slice, k->address4[k->v4.n])))
				routed_add(&k->v4, i, slice);
		} else if (to_us && type == RTE_BE16(RTE_ETHER_TYPE_IPV6)) {
			k->address6[k->v6.n][0] = rte_be_to_cpu_64(*(const wire64_t *)(ip + 24));
			k->address6[k->v6.n][1] = rte_be_to_cpu_64(*(const wire64_t *)(ip + 32));
			check = check_ipv6(m, ip);
			if (unlikely(sessions) && check == CHECK_OK)
				ue_key6(k, i, slice, ip);
			else if (likely(check == CHECK_OK))
				routed_add(&k->v6, i, slice);
		} else {
			not_routed(w, b, i, data);
			continue;
		}
		if (unlikely(check != CHECK_OK))
			refuse(w, b, i, check);
		else
			b->route_flow[i] = flow_of(m, data);
	}
}

/* ---- phase 2, in slices with sessions: UEs ---- */

/* To a UE, unless its time is over. */
static __rte_always_inline void to_ue(struct worker *w, struct burst *b, uint32_t i, uint8_t *data,
	uint64_t word, const bool is_ipv6)
{
	uint8_t *ip = data + ETH;

	if (unlikely((is_ipv6 ? ip[7] : ip[8]) <= 1)) {
		route_odd(w, b, i, ODD_TTL, 0, 0);
		return;
	}
	if (is_ipv6)
		ip[7]--;
	else
		ttl_down4(ip);
	down_add(w, b, b->route[i], b->route_slice[i], b->route_door[i], b->route_flow[i], word);
}

/* Hits are on their way to their sessions; the others are routed. */
static __rte_noinline void find_ues(
	struct worker *w, struct burst *b, struct keys *k, const bool is_ipv6)
{
	struct ues *u = is_ipv6 ? &k->ue6 : &k->ue4;
	struct routed *r = is_ipv6 ? &k->v6 : &k->v4;
	uint64_t *value[BURST_MAX];

	if (is_ipv6)
		exact_match_bulk(&ue6_table, u->bucket, u->key, 2, u->n, value);
	else
		exact_match_bulk(&ue4_table, u->bucket, u->key, 1, u->n, value);
	for (uint32_t j = 0; j < u->n; j++) {
		uint32_t i = u->at[j];
		const uint8_t *ip = k->data[i] + ETH;
		/* 0: of a transaction that has not been committed */
		uint64_t word = value[j] != NULL ? __atomic_load_n(value[j], __ATOMIC_RELAXED) : 0;

		if (word != 0) {
			to_ue(w, b, i, k->data[i], word, is_ipv6);
			continue;
		}
		if (is_ipv6) {
			k->address6[r->n][0] = rte_be_to_cpu_64(*(const wire64_t *)(ip + 24));
			k->address6[r->n][1] = rte_be_to_cpu_64(*(const wire64_t *)(ip + 32));
		} else {
			k->address4[r->n] = rte_be_to_cpu_32(*(const wire32_t *)(ip + 16));
		}
		routed_add(r, i, b->route_slice[i]);
	}
}

/* Those that the FIB says are behind a UE (framed routes, prefixes longer than /64) leave r. */
static __rte_noinline void find_framed(struct worker *w, struct burst *b, struct routed *r,
	uint8_t *const *frame, const bool is_ipv6)
{
	uint32_t kept = 0;
	bool any = false;

	for (uint32_t k = 0; k < r->n; k++)
		any |= FIB_OWNER(r->value[k]) == FIB_SESSION;
	if (likely(!any))
		return;
	for (uint32_t k = 0; k < r->n; k++) {
		uint32_t value = r->value[k], i = r->at[k];

		if (unlikely(FIB_OWNER(value) == FIB_SESSION)) {
			uint32_t n = FIB_NEXTHOP(value);

			to_ue(w, b, i, frame[i],
				SESSION_WORD(SESSION_OF_PREFIX(n), SESSION_GROUP_OF_PREFIX(n)),
				is_ipv6);
			continue;
		}
		r->at[kept] = i;
		r->slice[kept] = r->slice[k];
		r->value[kept++] = value;
	}
	r->n = kept;
}

/* ---- phases 3 and 4: next hops, and off ---- */

static const enum odd odd_of_other[] = {[NEXTHOP_NONE] = ODD_NO_ROUTE,
	[NEXTHOP_LOCAL] = ODD_LOCAL,
	[NEXTHOP_BLACKHOLE] = ODD_NO_ROUTE,
	[NEXTHOP_UNREACHABLE] = ODD_UNREACHABLE};

/* No attachment and no tunnel to send it by. */
static __rte_noinline void no_way(
	struct worker *w, struct burst *b, uint32_t i, uint64_t word, uint32_t index, bool ttl_out)
{
	if (NEXTHOP_KIND(word) == NEXTHOP_ASK)
		route_odd(w, b, i, ttl_out ? ODD_TTL : ODD_ASK, index, 0);
	else if (NEXTHOP_ID(word) == NEXTHOP_BLACKHOLE)
		drop(w, b, i, DROP_BLACKHOLE);
	else if (NEXTHOP_ID(word) == NEXTHOP_LOCAL || !ttl_out)
		route_odd(w, b, i, odd_of_other[NEXTHOP_ID(word) & 3], index, 0);
	else
		route_odd(w, b, i, ODD_TTL, index, 0);
}

static __rte_always_inline void send_all(struct worker *w, struct burst *b, struct routed *r,
	uint8_t *const *frame, const bool is_ipv6)
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
			no_way(w, b, i, word[k], index[k], ttl <= 1);
		} else if (unlikely(ttl <= 1)) {
			route_odd(w, b, i, ODD_TTL, index[k], 0);
		} else if (m->pkt_len > NEVER_BIG &&
			   too_big(m, word[k], FLOW_HASH(b->route_flow[i]), &mtu)) {
			route_odd(w, b, i, ODD_TOO_BIG, index[k], mtu);
		} else {
			if (is_ipv6)
				ip[7]--;
			else
				ttl_down4(ip);
			lane_add(b, m, r->slice[k], word[k], b->route_flow[i], data);
		}
	}
}

static void route_trace(struct burst *b, uint32_t tunnels, uint32_t accesses, uint32_t downs)
{
	for (uint32_t i = tunnels; i < b->to_tunnel.n; i++)
		trace_step(b, b->to_tunnel.pkt[i], "route", "to tunnel {tunnel %u}",
			LANE_TO(b->to_tunnel.way[i]));
	for (uint32_t i = accesses; i < b->to_access.n; i++)
		trace_step(b, b->to_access.pkt[i], "route", "to attachment {attachment %u}",
			LANE_TO(b->to_access.way[i]));
	for (uint32_t i = downs; i < b->downs; i++)
		trace_step(b, b->down[i], "route", "to the UE of session {session %u}",
			SESSION_OF(b->down_to[i]));
}

void route_run(struct worker *w, struct burst *b)
{
	uint32_t tunnels = b->to_tunnel.n, accesses = b->to_access.n, downs = b->downs,
		 routes = b->routes;
	struct keys k;

	/* fragments of an exception may be in the lanes */
	if (unlikely(tunnels + routes > BURST_MAX)) {
		overlay_out_run(w, b);
		tunnels = 0;
	}
	if (unlikely(accesses + routes > BURST_MAX)) {
		access_out_run(w, b);
		accesses = 0;
	}
	k.v4.n = k.v6.n = k.ue4.n = k.ue6.n = 0;
	k.sessions = false;
	find_keys(w, b, &k);
	if (unlikely(k.ue4.n > 0))
		find_ues(w, b, &k, false);
	if (unlikely(k.ue6.n > 0))
		find_ues(w, b, &k, true);
	if (k.v4.n > 0) {
		lpm_lookup4_bulk(&fib4, k.v4.slice, k.address4, k.v4.n, k.v4.value);
		if (unlikely(k.sessions))
			find_framed(w, b, &k.v4, k.data, false);
		send_all(w, b, &k.v4, k.data, false);
	}
	if (k.v6.n > 0) {
		lpm_lookup6_bulk(&fib6, k.v6.slice, k.address6, k.v6.n, k.v6.value);
		if (unlikely(k.sessions))
			find_framed(w, b, &k.v6, k.data, true);
		send_all(w, b, &k.v6, k.data, true);
	}
	b->routes = 0;
	if (unlikely(b->trace != NULL))
		route_trace(b, tunnels, accesses, downs);
	worker_stage_done(w, STAGE_ROUTE, routes);
}
