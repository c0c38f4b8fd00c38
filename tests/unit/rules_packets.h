/* SPDX-License-Identifier: BSD-3-Clause */
/* Random packets and filters for the tests of rule lists, and what a filter means, written from RFC
 * 6733 section 4.3.1 and TS 29.244: filter by filter, on what the packet was built of and not on
 * what the code under test sees in it. Included by test_rules.c alone. */
#ifndef TESTS_RULES_PACKETS_H
#define TESTS_RULES_PACKETS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "flow_key.h"

static uint64_t seed = 0x9e3779b97f4a7c15ull;

static uint32_t any32(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed >> 16;
}

static uint32_t below(uint32_t n)
{
	return any32() % n;
}

static bool chance(uint32_t percent)
{
	return below(100) < percent;
}

#define PICK(array) ((array)[below(sizeof(array) / sizeof((array)[0]))])

/* What a packet is, as its builder knows. */
struct made {
	uint8_t family;
	uint8_t remote[16], local[16];
	bool uplink, assigned;
	uint8_t proto; /* as far as it is to be seen */
	bool ports;    /* to be seen */
	uint16_t remote_port, local_port;
	bool spi_there;
	uint32_t spi;
	uint8_t tos;
	uint32_t flow_label; /* IPv6 */
	uint8_t qfi;
	uint8_t bytes[512];
	uint32_t len;
};

/* Few values, so that filters meet packets. */
static const uint16_t some_ports[] = {0, 1, 79, 80, 81, 443, 1023, 1024, 5060, 32768, 65534, 65535};
static const uint8_t some_protos[] = {6, 17, 17, 6, 132, 33, 136, 1, 58, 50, 51, 47, 59};
static const uint8_t some_tos[] = {0, 0xb8, 0xff, 0x03, 0x88};
static const uint32_t some_spis[] = {1, 0x100, 0xffffffff, 0};
static const uint32_t some_labels[] = {0, 1, 0xfffff, 0x12345};
static const uint8_t some_qfis[] = {0, 1, 9, 63};

static void any_address(uint8_t family, uint8_t *bytes)
{
	static const uint8_t near[3][16] = {{10, 45, 0, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1},
		{10, 45, 128, 1, 0, 1, 0, 0, 0x80, 1, 0, 0, 0, 0, 0, 2},
		{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
			0xff, 0xff}};
	uint32_t bits = family == 4 ? 32 : 128;

	memcpy(bytes, near[below(3)], 16);
	if (family == 4)
		memset(bytes + 4, 0, 12);
	for (uint32_t flips = below(3); flips > 0; flips--) {
		uint32_t bit = below(bits);

		bytes[bit / 8] ^= 0x80 >> bit % 8;
	}
}

static void put16(uint8_t *p, uint16_t x)
{
	p[0] = x >> 8;
	p[1] = x;
}

static void put32(uint8_t *p, uint32_t x)
{
	put16(p, x >> 16);
	put16(p + 2, x);
}

static bool proto_has_ports(uint8_t proto)
{
	return proto == 6 || proto == 17 || proto == 132 || proto == 33 || proto == 136;
}

/* The upper header at m->len; how much of it is there. */
static void make_upper(struct made *m, uint8_t proto, uint32_t there)
{
	uint8_t *p = m->bytes + m->len;

	for (uint32_t i = 0; i < 40; i++)
		p[i] = any32();
	if (proto_has_ports(proto)) {
		m->remote_port = chance(80) ? PICK(some_ports) : any32();
		m->local_port = chance(80) ? PICK(some_ports) : any32();
		put16(p, m->uplink ? m->local_port : m->remote_port);
		put16(p + 2, m->uplink ? m->remote_port : m->local_port);
		m->ports = there >= 4;
	} else if (proto == 50 || proto == 51) {
		m->spi = PICK(some_spis);
		put32(p + (proto == 50 ? 0 : 4), m->spi);
		m->spi_there = there >= (proto == 50 ? 4 : 8);
	}
	m->len += there;
}

static void make_ipv4(struct made *m)
{
	uint32_t options = chance(20) ? 4 * (1 + below(10)) : 0, there = chance(90) ? 40 : below(9);
	uint32_t fragment = chance(75) ? 0 : below(3); /* 0 whole, 1 first, 2 a later one */
	uint8_t *ip = m->bytes;

	ip[0] = 0x45 + options / 4;
	ip[1] = m->tos = PICK(some_tos);
	put16(ip + 6, chance(50) ? 0x4000 : 0);
	if (fragment > 0)
		put16(ip + 6, (fragment == 1 ? 0 : 1 + below(0x1fff)) | (chance(50) ? 0x2000 : 0));
	ip[8] = 64;
	ip[9] = m->proto = PICK(some_protos);
	memcpy(ip + 12, m->uplink ? m->local : m->remote, 4);
	memcpy(ip + 16, m->uplink ? m->remote : m->local, 4);
	for (uint32_t i = 0; i < options; i++)
		ip[20 + i] = any32();
	m->len = 20 + options;
	make_upper(m, m->proto, there);
	put16(ip + 2, m->len);
	if (fragment == 2)
		m->ports = m->spi_there = false;
	if (chance(20)) /* what the header does not own follows, as Ethernet pads */
		m->len += 8;
}

/* Extension headers: up to ten, of which eight are passed by. */
static void make_ipv6(struct made *m)
{
	static const uint8_t kinds[] = {0, 43, 60, 44};
	uint32_t chain = chance(60) ? 0 : below(11), there = chance(90) ? 40 : below(9);
	uint8_t *ip = m->bytes, *next = ip + 6, proto = PICK(some_protos);
	bool hidden = false;

	put32(ip, 6u << 28 | (uint32_t)(m->tos = PICK(some_tos)) << 20 |
			  (m->flow_label = PICK(some_labels)));
	memcpy(ip + 8, m->uplink ? m->local : m->remote, 16);
	memcpy(ip + 24, m->uplink ? m->remote : m->local, 16);
	m->len = 40;
	for (uint32_t i = 0; i < chain; i++) {
		uint8_t *p = m->bytes + m->len, kind = PICK(kinds);
		uint32_t units = kind == 44 ? 0 : below(3);

		*next = kind;
		if (!hidden)
			m->proto = kind;
		hidden |= i == 8; /* too many */
		memset(p, 0, 8 + 8 * units);
		p[1] = kind == 44 ? any32() : units;
		next = p;
		m->len += 8 + 8 * units;
		if (kind == 44 &&
			chance(30)) { /* a later fragment: the next header is all it says */
			put16(p + 2, (1 + below(0x1fff)) << 3 | below(2));
			*next = proto;
			if (!hidden)
				m->proto = proto;
			hidden = true;
			break;
		}
		if (kind == 44)
			put16(p + 2, below(2));
	}
	*next = proto;
	if (!hidden)
		m->proto = proto;
	make_upper(m, proto, there);
	if (hidden)
		m->ports = m->spi_there = false;
	put16(ip + 4, m->len - 40);
	if (chance(20))
		m->len += 8;
}

static void make_packet(struct made *m)
{
	memset(m, 0, sizeof(*m));
	m->family = chance(50) ? 4 : 6;
	m->uplink = chance(50);
	m->assigned = chance(70);
	m->qfi = chance(50) ? QFI_NONE : PICK(some_qfis);
	any_address(m->family, m->remote);
	any_address(m->family, m->local);
	if (m->family == 4)
		make_ipv4(m);
	else
		make_ipv6(m);
}

static struct flow_key made_key(const struct made *m)
{
	struct flow_key key;

	memset(&key, 0xa5, sizeof(key));
	flow_key_of(m->bytes, m->len, m->uplink, &key);
	key.qfi = m->qfi;
	if (m->assigned)
		key.flags |= KEY_ASSIGNED;
	return key;
}

/* ---- filters ---- */

static void any_end(struct filter_end *end, uint8_t family, bool local)
{
	uint32_t what = below(10);

	if (what < 5) {
		end->family = chance(95) ? family : 10 - family;
		any_address(end->family, end->bytes);
		end->len = below(end->family == 4 ? 33 : 129);
		if (chance(30))
			end->len = end->family == 4 ? 32 : 128;
		for (uint32_t i = 0; i < 128; i++)
			if (i >= end->len)
				end->bytes[i / 8] &= ~(0x80 >> i % 8);
		end->negated = chance(15);
	} else if (what < 8 && local) {
		end->assigned = true;
		end->negated = chance(10);
	} else {
		end->negated = chance(3);
	}
}

static void any_ports(struct filter_end *end)
{
	uint32_t at = 0;

	end->n_ports = chance(50) ? 0 : chance(60) ? 1 : 1 + below(FILTER_PORTS);
	for (uint32_t i = 0; i < end->n_ports; i++) { /* sorted and apart, as parsed ones are */
		uint32_t left = end->n_ports - i, low, high;

		low = at + below((65536 - at) / left / 2 + 1);
		high = low + below((65536 - low) / left);
		if (chance(30) && end->n_ports == 1)
			low = PICK(some_ports), high = chance(50) ? low : 65535;
		end->ports[i] = (struct filter_ports){low, high};
		at = high + 2;
		if (at >= 65500) {
			end->n_ports = i + 1;
			break;
		}
	}
}

static bool long_list; /* what takes nearly everything would cut it short */

static void any_filter(struct filter *f)
{
	uint8_t family = chance(50) ? 4 : 6;

	memset(f, 0, sizeof(*f));
	f->proto = chance(50) ? FILTER_PROTO_ANY : PICK(some_protos);
	f->deny = chance(10);
	any_end(&f->remote, family, false);
	any_end(&f->local, family, true);
	if (chance(60)) {
		any_ports(&f->remote);
		any_ports(&f->local);
	}
	if (long_list && f->remote.len < 12 && f->local.len < 12) {
		f->proto = PICK(some_protos);
		f->remote.n_ports = 1;
		f->remote.ports[0].low = f->remote.ports[0].high = any32();
	}
	if ((f->has_tos = chance(10)))
		f->tos_mask = chance(50) ? 0xff : 0xfc, f->tos = PICK(some_tos) & f->tos_mask;
	if ((f->has_spi = chance(5)))
		f->spi = PICK(some_spis);
	if ((f->has_flow_label = chance(5)))
		f->flow_label = PICK(some_labels);
}

/* ---- what they mean ---- */

/* Bit by bit. Another family's address is never matched, by `!` neither. */
static bool end_matches(const struct filter_end *end, const uint8_t *bytes, const struct made *m,
	bool local, uint16_t port)
{
	bool in = true;

	if (end->family != 0 && end->family != m->family)
		return false;
	if (end->assigned)
		in = local && m->assigned;
	for (uint32_t i = 0; end->family != 0 && i < end->len; i++)
		in = in && ((end->bytes[i / 8] ^ bytes[i / 8]) & 0x80 >> i % 8) == 0;
	if (in == end->negated)
		return false;
	if (end->n_ports == 0)
		return true;
	for (uint32_t i = 0; i < end->n_ports; i++)
		if (m->ports && port >= end->ports[i].low && port <= end->ports[i].high)
			return true;
	return false;
}

static bool filter_matches(const struct filter *f, const struct made *m)
{
	if (f->proto != FILTER_PROTO_ANY && f->proto != m->proto)
		return false;
	if ((f->proto == 58 && m->family == 4) || (f->proto == 1 && m->family == 6))
		return false;
	if (f->has_tos && (m->tos & f->tos_mask) != f->tos)
		return false;
	if (f->has_spi && !(m->spi_there && m->spi != 0 && m->spi == f->spi))
		return false;
	if (f->has_flow_label && !(m->family == 6 && m->flow_label == f->flow_label))
		return false;
	return end_matches(&f->remote, m->remote, m, false, m->remote_port) &&
	       end_matches(&f->local, m->local, m, true, m->local_port);
}

static bool rule_matches(const struct rule *r, const struct made *m)
{
	if (r->qfi != QFI_NONE && r->qfi != m->qfi)
		return false;
	for (uint32_t i = 0; i < r->n_filters; i++)
		if (filter_matches(&r->filter[i], m))
			return !r->filter[i].deny;
	return r->n_filters == 0;
}

static struct rules_result list_result(const struct rule *rule, uint32_t n, const struct made *m)
{
	for (uint32_t i = 0; i < n; i++)
		if (rule_matches(&rule[i], m))
			return (struct rules_result){.act = rule[i].act, .rule = i};
	return (struct rules_result){.act = RULES_NONE, .rule = RULES_NONE};
}

#endif
