/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets that are routed one at a time: the switch's own, fragments, and those that a session
 * sends elsewhere than where they want to go. */
#include "fib.h"
#include "flow.h"
#include "host.h"
#include "route_hot.h"

static void lane_room(struct worker *w, struct burst *b)
{
	if (b->to_tunnel.n == BURST_MAX)
		overlay_out_run(w, b);
	if (b->to_access.n == BURST_MAX)
		access_out_run(w, b);
}

/* What a destination of the slice is: a UE's session (its word), or the value of the FIB. */
struct found {
	uint64_t ue; /* 0: no UE */
	uint32_t value;
};

static struct found find4(uint16_t slice, const uint8_t *to)
{
	uint32_t address = rte_be_to_cpu_32(*(const wire32_t *)to);
	struct found f = {.ue = 0};

	if (slice_hot[slice].flags & SLICE_SESSIONS) {
		uint64_t key = UE4_KEY(slice, address), *value = exact_find(&ue4_table, &key);

		f.ue = value != NULL ? __atomic_load_n(value, __ATOMIC_RELAXED) : 0;
	}
	lpm_lookup4_bulk(&fib4, &slice, &address, 1, &f.value);
	return f;
}

static struct found find6(uint16_t slice, const uint8_t *to)
{
	uint64_t address[1][2] = {{rte_be_to_cpu_64(*(const wire64_t *)to),
		rte_be_to_cpu_64(*(const wire64_t *)(to + 8))}};
	struct found f = {.ue = 0};

	if (slice_hot[slice].flags & SLICE_SESSIONS) {
		uint64_t key[2] = {UE6_KEY0(slice), address[0][0]};
		uint64_t *value = exact_find(&ue6_table, key);

		f.ue = value != NULL ? __atomic_load_n(value, __ATOMIC_RELAXED) : 0;
	}
	lpm_lookup6_bulk(&fib6, &slice, address, 1, &f.value);
	return f;
}

static struct found find(uint16_t slice, uint8_t family, const uint8_t *to)
{
	struct found f = family == 6 ? find6(slice, to) : find4(slice, to);
	uint32_t n = FIB_NEXTHOP(f.value);

	if (f.ue == 0 && FIB_OWNER(f.value) == FIB_SESSION)
		f.ue = SESSION_WORD(SESSION_OF_PREFIX(n), SESSION_GROUP_OF_PREFIX(n));
	return f;
}

/* The Ethernet header of what has none; returns the family. */
static uint8_t begin_frame(uint8_t *data)
{
	uint8_t family = data[ETH] >> 4;

	memset(data, 0, 12);
	*(wire16_t *)(data + 12) =
		family == 6 ? RTE_BE16(RTE_ETHER_TYPE_IPV6) : RTE_BE16(RTE_ETHER_TYPE_IPV4);
	return family;
}

void route_send_session(struct worker *w, struct burst *b, struct rte_mbuf *m, uint16_t slice,
	uint32_t session, uint8_t group)
{
	uint8_t *data = rte_pktmbuf_mtod(m, uint8_t *);

	begin_frame(data);
	down_add(w, b, m, slice, 0, flow_of(m, data),
		SESSION_WORD(session, group | SESSION_GROUP_BACK));
}

void route_send(struct worker *w, struct burst *b, struct rte_mbuf *m, uint16_t slice)
{
	uint8_t *data = rte_pktmbuf_mtod(m, uint8_t *), family = begin_frame(data);
	struct found f = find(slice, family, data + ETH + (family == 6 ? 24 : 16));
	flow_t flow = flow_of(m, data);

	if (f.ue != 0) {
		down_add(w, b, m, slice, 0, flow, f.ue);
		return;
	}
	uint32_t index = FIB_NEXTHOP(f.value);
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

/* ---- redirected (TS 29.244 8.2.20) ---- */

/* Why it cannot be sent on; DROP_REASONS: it can, by this word. */
static enum drop_reason redirect_way(
	struct worker *w, struct odd_packet *odd, uint8_t family, const uint8_t *to, uint64_t word)
{
	uint16_t mtu;

	if (NEXTHOP_KIND(word) == NEXTHOP_ASK) {
		host_ask(w, odd, family, to);
		return DROP_NEIGHBOR_UNKNOWN;
	}
	if (NEXTHOP_KIND(word) == NEXTHOP_OTHER)
		return DROP_NO_ROUTE_IN_SLICE;
	return too_big(odd->m, word, odd->hash, &mtu) ? DROP_TOO_BIG : DROP_REASONS;
}

void route_redirect(struct worker *w, struct burst *b, struct rte_mbuf *m, uint16_t slice,
	door_t door, const uint8_t *to)
{
	uint8_t *data = rte_pktmbuf_mtod(m, uint8_t *), *ip = data + ETH;
	uint8_t family = ip[0] >> 4;
	enum check check = family == 6 ? check_ipv6(m, ip) : check_ipv4(m, ip);
	struct odd_packet odd = {.m = m, .door = door, .slice = slice, .why = ODD_TTL};

	if (check != CHECK_OK) {
		slice_drop(w, b, m, slice, door,
			check == CHECK_HEADER  ? DROP_INNER_IP_HEADER
			: check == CHECK_SUM   ? DROP_INNER_IP_CHECKSUM
			: check == CHECK_GROUP ? DROP_ROUTED_GROUP
					       : DROP_MARTIAN);
		return;
	}
	flow_t flow = flow_of(m, data);
	struct found f = find(slice, family, to);

	odd.hash = FLOW_HASH(flow);
	odd.nexthop = FIB_NEXTHOP(f.value);
	if ((family == 6 ? ip[7] : ip[8]) <= 1) {
		odd_add(w, b, &odd);
		return;
	}
	uint64_t word = f.ue != 0 ? 0 : nexthop_word(&odd.nexthop, odd.hash);
	enum drop_reason why = f.ue != 0 ? DROP_REASONS : redirect_way(w, &odd, family, to, word);

	if (why != DROP_REASONS) {
		slice_drop(w, b, m, slice, door, why);
		return;
	}
	if (family == 6)
		ip[7]--;
	else
		ttl_down4(ip);
	if (f.ue != 0) {
		down_add(w, b, m, slice, door, flow, f.ue);
		return;
	}
	lane_room(w, b);
	lane_add(b, m, slice, word, flow, data);
}
