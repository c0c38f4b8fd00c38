/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets that routing could not just send on: answered, asked for, fragmented, or dropped by
 * name. Runs on workers. */
#include "host.h"

#include <rte_ip.h>

struct host_kernel host_kernel;

/* ---- looking ---- */

uint64_t host_lookup(uint16_t slice, uint8_t family, const uint8_t *address)
{
	uint32_t value = 0;

	if (family == 4) {
		uint32_t a = rte_be_to_cpu_32(*(const wire32_t *)address);

		lpm_lookup4_bulk(&fib4, &slice, &a, 1, &value);
	} else {
		uint64_t a[1][2] = {{rte_be_to_cpu_64(*(const wire64_t *)address),
			rte_be_to_cpu_64(*(const wire64_t *)(address + 8))}};

		lpm_lookup6_bulk(&fib6, &slice, a, 1, &value);
	}
	/* acquire: pairs with the release in nexthop_store() */
	return __atomic_load_n(&nexthop_hot[FIB_NEXTHOP(value)], __ATOMIC_ACQUIRE);
}

void host_link_local(uint64_t mac, uint8_t *address)
{
	const uint8_t *m = (const uint8_t *)&mac;
	const uint8_t made[16] = {
		0xfe, 0x80, 0, 0, 0, 0, 0, 0, m[0] ^ 2, m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5]};

	memcpy(address, made, sizeof(made));
}

static bool is_our_link_local(uint16_t slice, const uint8_t *address)
{
	uint8_t ours[16];

	host_link_local(slice_hot[slice].mac, ours);
	return memcmp(address, ours, sizeof(ours)) == 0;
}

/* word: what the FIB has for it. */
static bool is_own(
	const struct odd_packet *odd, uint8_t family, const uint8_t *address, uint64_t word)
{
	if (family == 4 || !is_link_local(address))
		return is_gateway(word);
	/* another link's may be a station's here (RFC 4007 section 6) */
	return is_our_link_local(odd->slice, address) ||
	       (!host_from_tunnel(odd) && is_gateway_of(word, DOOR_ID(odd->door)));
}

bool host_is_own(const struct odd_packet *odd, uint8_t family, const uint8_t *address)
{
	return is_own(odd, family, address, host_lookup(odd->slice, family, address));
}

bool host_is_here(const struct odd_packet *odd, uint8_t family, const uint8_t *address)
{
	if (host_from_tunnel(odd))
		return false;
	return (family == 6 && is_our_link_local(odd->slice, address)) ||
	       is_gateway_of(host_lookup(odd->slice, family, address), DOOR_ID(odd->door));
}

/* ---- answering ---- */

void host_send_back(struct worker *w, struct burst *b, struct rte_mbuf *m,
	const struct odd_packet *odd, const uint8_t *mac)
{
	const uint8_t *ip = rte_pktmbuf_mtod_offset(m, const uint8_t *, ETH_LEN);
	uint8_t family = ip[0] >> 4;
	const uint8_t *to = family == 4 ? ip + 16 : ip + 24;
	uint64_t word = host_lookup(odd->slice, family, to);
	bool by_attachment = !host_from_tunnel(odd) && is_station_mac(mac);

	/* nobody else has it: a link-local one would go to whoever says so */
	if (is_own(odd, family, to, word)) {
		slice_drop(w, b, m, odd->slice, m == odd->m ? odd->door : 0, DROP_ADDRESS_CONFLICT);
		return;
	}
	if (odd->back != 0)
		route_send_session(w, b, m, odd->slice, DOOR_SESSION_ID(odd->door), odd->back - 1);
	else if (by_attachment &&
		 ((NEXTHOP_KIND(word) == NEXTHOP_ASK && NEXTHOP_ID(word) == DOOR_ID(odd->door)) ||
			 (family == 6 && is_link_local(to))))
		route_send_by(w, b, m, odd->slice, DOOR_ID(odd->door), mac);
	else
		route_send(w, b, m, odd->slice);
}

/* ---- what kind of odd ---- */

static void ask(
	struct worker *w, struct burst *b, const struct odd_packet *odd, const struct ip_view *v)
{
	uint64_t word = __atomic_load_n(&nexthop_hot[odd->nexthop], __ATOMIC_ACQUIRE);
	const struct api_ip *gateway = &nexthop_address[odd->nexthop];
	struct host_report report = {.door = DOOR_ATTACHMENT | NEXTHOP_ID(word),
		.slice = odd->slice,
		.kind = HOST_ASK,
		.family = v->family};

	if (NEXTHOP_KIND(word) == NEXTHOP_ASK) { /* not answered meanwhile */
		const uint8_t *to = v->family == 4 ? v->ip + 16 : v->ip + 24;

		if (gateway->family != 0)
			report.family = gateway->family;
		memcpy(report.address, gateway->family != 0 ? gateway->bytes : to,
			report.family == 4 ? 4 : 16);
		host_report(w, &report);
	}
	host_drop(w, b, odd, DROP_NEIGHBOR_UNKNOWN);
}

static void no_route(
	struct worker *w, struct burst *b, const struct odd_packet *odd, struct ip_view *v)
{
	icmp_error(w, b, odd, v, v->family == 4 ? UNREACHABLE4 : UNREACHABLE6, 0, 0);
	host_drop(w, b, odd, DROP_NO_ROUTE_IN_SLICE);
}

static void too_big(
	struct worker *w, struct burst *b, const struct odd_packet *odd, const struct ip_view *v)
{
	if (v->family == 4 && !(v->ip[6] & 0x40)) {
		fragment_send(w, b, odd, v);
		return;
	}
	if (v->family == 4)
		icmp_error(w, b, odd, v, UNREACHABLE4, 4, odd->mtu);
	else
		icmp_error(w, b, odd, v, TOO_BIG6, 0, odd->mtu);
	host_drop(w, b, odd, DROP_TOO_BIG);
}

static void unreachable(
	struct worker *w, struct burst *b, const struct odd_packet *odd, const struct ip_view *v)
{
	bool v4 = v->family == 4;

	icmp_error(w, b, odd, v, v4 ? UNREACHABLE4 : UNREACHABLE6, v4 ? 1 : 3, 0);
	host_drop(w, b, odd, DROP_NEIGHBOR_DEAD);
}

static void expired(
	struct worker *w, struct burst *b, const struct odd_packet *odd, const struct ip_view *v)
{
	icmp_error(w, b, odd, v, v->family == 4 ? TIME_EXCEEDED4 : TIME_EXCEEDED6, 0, 0);
	host_drop(w, b, odd, DROP_TTL_EXPIRED);
}

static void local(
	struct worker *w, struct burst *b, const struct odd_packet *odd, struct ip_view *v)
{
	if (is_nd(v))
		nd_take(w, b, odd, v);
	else
		icmp_local(w, b, odd, v);
}

/* To stations of a link alone: what routers say to each other (RFC 5771 section 4, RFC 4291 section
 * 2.7). */
static bool is_link_group(const struct ip_view *v)
{
	const uint8_t *to = v->ip + (v->family == 4 ? 16 : 24);

	return v->family == 4 ? to[0] == 224 && to[1] == 0 && to[2] == 0
			      : to[0] == 0xff && to[1] == 2;
}

/* To many, or between link-local addresses, which do not leave a link (RFC 4291 section 2.5.6): ND
 * is here, and what is for the switch itself or the kernel beside it. */
static void group(
	struct worker *w, struct burst *b, const struct odd_packet *odd, struct ip_view *v)
{
	const uint8_t *to = v->ip + 24;

	if (is_nd(v))
		nd_take(w, b, odd, v);
	else if (v->family == 6 && to[0] != 0xff && host_is_here(odd, 6, to))
		icmp_local(w, b, odd, v);
	else if (is_link_group(v) && host_has_kernel(odd))
		host_kernel.take(w, b, odd);
	else
		host_drop(w, b, odd, DROP_ROUTED_GROUP);
}

void odd_add(struct worker *w, struct burst *b, const struct odd_packet *odd)
{
	struct odd_queue *q = switch_of(w)->odds;

	if (q->n == ODDS_MAX)
		host_drop(w, b, odd, DROP_EXCEPTION_LIMIT);
	else
		q->packet[q->n++] = *odd;
}

bool odd_take(struct worker *w, struct burst *b)
{
	struct odd_queue *q = switch_of(w)->odds;

	if (q->next == q->n) {
		q->next = q->n = 0;
		return false;
	}
	host_take(w, b, &q->packet[q->next++]);
	return true;
}

void host_take(struct worker *w, struct burst *b, const struct odd_packet *odd)
{
	struct ip_view v;

	if (odd->m->data_len >= ETH_LEN && load16(rte_pktmbuf_mtod(odd->m, const uint8_t *) + 12) ==
						   RTE_BE16(RTE_ETHER_TYPE_ARP)) {
		arp_take(w, b, odd);
		return;
	}
	if (!host_parse(odd->m, &v)) {
		host_drop(w, b, odd, DROP_NOT_IP);
		return;
	}
	switch (odd->why) {
	case ODD_NOT_IP:
		host_drop(w, b, odd, DROP_NOT_IP);
		break;
	case ODD_GROUP:
		group(w, b, odd, &v);
		break;
	case ODD_LOCAL:
		local(w, b, odd, &v);
		break;
	case ODD_TTL:
		expired(w, b, odd, &v);
		break;
	case ODD_NO_ROUTE:
		no_route(w, b, odd, &v);
		break;
	case ODD_UNREACHABLE:
		unreachable(w, b, odd, &v);
		break;
	case ODD_ASK:
		ask(w, b, odd, &v);
		break;
	case ODD_TOO_BIG:
		too_big(w, b, odd, &v);
		break;
	}
}
