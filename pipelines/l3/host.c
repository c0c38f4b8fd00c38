/* SPDX-License-Identifier: BSD-3-Clause */
/* What the switch itself says inside slices (host.h): packets that routing could not just send on
 * are answered, asked for, fragmented, or dropped by name; and main's questions and announcements
 * are sent. Runs on workers. */
#include "host.h"

#include <rte_ip.h>

#include "fib.h"

/* ==== fragments ==== */

#define MORE 0x2000

/* The header of a later fragment: without the options that are not to be copied. Returns its
 * length. */
static uint32_t later_header(const uint8_t *ip, uint32_t hlen, uint8_t *out)
{
	uint32_t len = 20;

	memcpy(out, ip, 20);
	for (uint32_t i = 20; i < hlen && ip[i] != 0;) { /* 0: end of options */
		uint32_t n = ip[i] == 1 || i + 1 >= hlen ? 1 : ip[i + 1];

		if (n == 0 || i + n > hlen || (n == 1 && ip[i] != 1))
			break;
		if ((ip[i] & 0x80) && n > 1) {
			memcpy(out + len, ip + i, n);
			len += n;
		}
		i += n;
	}
	while (len % 4 != 0)
		out[len++] = 0;
	out[0] = 0x40 | len / 4;
	return len;
}

/* Length, offset and flag. */
static void finish_header(uint8_t *ip, uint32_t payload, uint16_t offset_word)
{
	uint32_t hlen = (ip[0] & 0xf) * 4;

	*(wire16_t *)(ip + 2) = rte_cpu_to_be_16(hlen + payload);
	*(wire16_t *)(ip + 6) = rte_cpu_to_be_16(offset_word);
	*(wire16_t *)(ip + 10) = 0;
	*(wire16_t *)(ip + 10) = rte_ipv4_cksum((const struct rte_ipv4_hdr *)ip);
}

static bool fill(struct rte_mbuf *f, const struct rte_mbuf *m, const uint8_t *header, uint32_t hlen,
	uint32_t at, uint32_t payload)
{
	uint8_t *data = (uint8_t *)rte_pktmbuf_append(f, ETH_LEN + hlen + payload);

	if (data == NULL)
		return false;
	*(wire16_t *)(data + 12) = RTE_BE16(RTE_ETHER_TYPE_IPV4);
	memcpy(data + ETH_LEN, header, hlen);
	uint8_t *to = data + ETH_LEN + hlen;
	const uint8_t *from = rte_pktmbuf_read(m, at, payload, to);

	if (from != NULL && from != to)
		memcpy(to, from, payload);
	return from != NULL;
}

struct cut {
	uint32_t first, step; /* payload of the first fragment and of later ones */
	uint32_t payload, n;
	uint16_t offset_word; /* of the packet, which may be a fragment itself */
};

static bool plan(struct cut *c, uint32_t mtu, const struct ip_view *v, uint32_t later_hlen)
{
	if (mtu < v->l4 + 8 || mtu < later_hlen + 8)
		return false;
	c->first = (mtu - v->l4) & ~7u;
	c->step = (mtu - later_hlen) & ~7u;
	c->payload = v->total - v->l4;
	c->offset_word = rte_be_to_cpu_16(load16(v->ip + 6)) & 0x3fff;
	if (c->payload <= c->first)
		return false;
	c->n = 1 + (c->payload - c->first + c->step - 1) / c->step;
	return c->n <= INNER_FRAGMENTS && (c->offset_word & 0x1fff) + c->payload / 8 <= 0x1fff;
}

/* The later fragments: false with none made. */
static bool make(struct rte_mbuf **f, const struct cut *c, const struct rte_mbuf *m,
	const struct ip_view *v, uint8_t *header, uint32_t hlen)
{
	uint32_t at = c->first;

	if (rte_pktmbuf_alloc_bulk(m->pool, f, c->n - 1) != 0)
		return false;
	for (uint32_t i = 0; i < c->n - 1; i++, at += c->step) {
		uint32_t len = RTE_MIN(c->payload - at, c->step);
		bool more = at + len < c->payload || (c->offset_word & MORE);
		uint16_t word = ((c->offset_word & 0x1fff) + at / 8) | (more ? MORE : 0);

		finish_header(header, len, word);
		if (!fill(f[i], m, header, hlen, ETH_LEN + v->l4 + at, len)) {
			rte_pktmbuf_free_bulk(f, c->n - 1);
			return false;
		}
	}
	return true;
}

/* Cuts a packet, of one or more buffers, down to len bytes. */
static void cut_to(struct rte_mbuf *m, uint32_t len)
{
	struct rte_mbuf *s = m;
	uint32_t left = len;

	while (left > s->data_len) {
		left -= s->data_len;
		s = s->next;
	}
	s->data_len = left;
	rte_pktmbuf_free(s->next);
	s->next = NULL;
	m->pkt_len = len;
	m->nb_segs = 1;
	for (s = m->next; s != NULL; s = s->next)
		m->nb_segs++;
}

enum drop_reason fragment_inner(struct rte_mbuf *m, const struct ip_view *v, uint32_t mtu,
	uint8_t hops, struct rte_mbuf **piece, uint32_t *n)
{
	uint8_t header[60];
	struct cut c;
	uint32_t hlen = later_header(v->ip, v->l4, header);

	if (!plan(&c, mtu, v, hlen) || v->ip[8] <= hops)
		return DROP_TOO_BIG;
	header[8] -= hops;
	if (!make(piece + 1, &c, m, v, header, hlen))
		return DROP_FRAGMENT_NO_MBUF;
	v->ip[8] -= hops;
	finish_header(v->ip, c.first, c.offset_word | MORE);
	cut_to(m, ETH_LEN + v->l4 + c.first);
	piece[0] = m;
	*n = c.n;
	return DROP_REASONS;
}

/* Takes odd->m: IPv4 without DF, larger than odd->mtu. */
static void fragment_send(
	struct worker *w, struct burst *b, const struct odd_packet *odd, const struct ip_view *v)
{
	struct rte_mbuf *piece[INNER_FRAGMENTS];
	uint32_t n;
	enum drop_reason why = fragment_inner(odd->m, v, odd->mtu, 1, piece, &n);

	if (why != DROP_REASONS) {
		host_drop(w, b, odd, why);
		return;
	}
	w->box.replicated += n - 1;
	for (uint32_t i = 0; i < n; i++)
		route_send(w, b, piece[i], odd->slice);
}

/* ==== what main has workers ask ==== */

#define ORDERS_A_TICK BURST_MAX

/* False: no room. to: six bytes, everybody's at first. */
static bool order_write(
	struct rte_mbuf *m, const uint8_t *mac, const struct host_order *order, uint8_t *to)
{
	if (order->family == 4)
		return arp_request(m, mac, order);
	return order->announce ? nd_announce(m, mac, order, to) : nd_solicit(m, mac, order, to);
}

static void order_send(struct worker *w, struct burst *b, const struct host_order *order)
{
	const struct attachment_hot a = attachment_load(order->attachment);
	const uint64_t mac = slice_hot[order->slice].mac;
	uint8_t to[6];

	/* the attachment is looked at first: is it still the one that main meant? */
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (order->epoch != __atomic_load_n(&host_epoch, __ATOMIC_RELAXED))
		return;
	if (a.slice != order->slice || !port_hot[a.port].live)
		return; /* went meanwhile */
	struct rte_mbuf *m = rte_pktmbuf_alloc(port_hot[a.port].pool);

	if (m == NULL) {
		w->box.errors_held++;
		return;
	}
	memcpy(to, order->mac, sizeof(to));
	if (!is_station_mac(to))
		memset(to, 0xff, sizeof(to));
	if (!order_write(m, (const uint8_t *)&mac, order, to)) {
		w->box.errors_held++;
		rte_pktmbuf_free(m);
		return;
	}
	w->box.originated++;
	w->box.announced += order->announce;
	route_send_by(w, b, m, order->slice, order->attachment, to);
}

void host_tick(struct worker *w)
{
	struct host_worker *h = switch_of(w)->host;
	struct burst *b = &w->burst;
	struct host_order order[ORDERS_A_TICK];
	uint32_t n = rte_ring_sc_dequeue_burst_elem(
		h->orders, order, sizeof(order[0]), ORDERS_A_TICK, NULL);

	if (likely(n == 0))
		return;
	burst_own_begin(b);
	for (uint32_t i = 0; i < n; i++)
		order_send(w, b, &order[i]);
	burst_own_end(w, b);
}

/* ==== exceptions ==== */

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
	if (FIB_OWNER(value) == FIB_SESSION) /* a UE's: there is no next hop by that number */
		return NEXTHOP_DROP(NEXTHOP_NONE);
	/* acquire: pairs with the release in word_store() */
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

void host_ask(struct worker *w, const struct odd_packet *odd, uint8_t family, const uint8_t *to)
{
	uint64_t word = __atomic_load_n(&nexthop_hot[odd->nexthop], __ATOMIC_ACQUIRE);
	const struct api_ip *gateway = &nexthop_address[odd->nexthop];
	struct host_report report = {.door = DOOR_ATTACHMENT | NEXTHOP_ID(word),
		.slice = odd->slice,
		.kind = HOST_ASK,
		.family = gateway->family != 0 ? gateway->family : family};

	if (NEXTHOP_KIND(word) != NEXTHOP_ASK)
		return; /* answered meanwhile */
	memcpy(report.address, gateway->family != 0 ? gateway->bytes : to,
		report.family == 4 ? 4 : 16);
	host_report(w, &report);
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

static void host_take(struct worker *w, struct burst *b, const struct odd_packet *odd)
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
		host_ask(w, odd, v.family, v.ip + (v.family == 4 ? 16 : 24));
		host_drop(w, b, odd, DROP_NEIGHBOR_UNKNOWN);
		break;
	case ODD_TOO_BIG:
		too_big(w, b, odd, &v);
		break;
	}
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
