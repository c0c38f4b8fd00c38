/* SPDX-License-Identifier: BSD-3-Clause */
/* The packet tests' own idea of ARP (RFC 826), ND (RFC 4861) and ICMP (RFC 792, RFC 4443). */
#include "build_host.h"

#include <string.h>

static void put_ip(uint8_t *at, const char *text)
{
	struct api_ip ip = rig_ip(text, false);

	memcpy(at, ip.bytes, ip.family == 4 ? 4 : 16);
}

void build_arp(struct pkt *p, const struct arp *a)
{
	memset(p->b, 0, 60);
	p->len = 60;
	put48(p->b, a->dst);
	put48(p->b + 6, a->src);
	put16(p->b + 12, 0x0806);
	put16(p->b + 14, 1);
	put16(p->b + 16, 0x0800);
	p->b[18] = 6;
	p->b[19] = 4;
	put16(p->b + 20, a->op != 0 ? a->op : 1);
	put48(p->b + 22, a->sha != 0 ? a->sha : a->src);
	put_ip(p->b + 28, a->spa);
	put48(p->b + 32, a->tha);
	put_ip(p->b + 38, a->tpa);
}

/* Ethernet and IP; returns where the payload begins. */
static uint32_t put_headers(struct pkt *p, const struct ip_packet *i, uint32_t payload)
{
	bool v6 = strchr(i->from, ':') != NULL;
	uint8_t *ip = p->b + 14, ttl = i->ttl != 0 ? i->ttl : 64;
	uint32_t hlen = v6 ? 40 : 20 + i->options * 4u;

	memset(p->b, 0, 14 + hlen);
	put48(p->b, i->dst);
	put48(p->b + 6, i->src);
	put16(p->b + 12, v6 ? 0x86dd : 0x0800);
	p->len = 14 + hlen + payload;
	if (v6) {
		put32(ip, 6u << 28 | (uint32_t)i->tos << 20);
		put16(ip + 4, payload);
		ip[6] = i->proto;
		ip[7] = ttl;
		put_ip(ip + 8, i->from);
		put_ip(ip + 24, i->to);
		return 54;
	}
	memset(ip + 20, 1, i->options * 4u);
	ip[0] = 0x40 | hlen / 4;
	ip[1] = i->tos;
	put16(ip + 2, hlen + payload);
	put16(ip + 4, i->id);
	put16(ip + 6, i->frag);
	ip[8] = ttl;
	ip[9] = i->proto;
	put_ip(ip + 12, i->from);
	put_ip(ip + 16, i->to);
	ipv4_fix(ip);
	return 14 + hlen;
}

void build_ip(struct pkt *p, const struct ip_packet *i)
{
	struct ip_packet with = *i;

	with.proto = i->proto != 0 ? i->proto : 17;
	uint32_t at = put_headers(p, &with, i->payload);

	for (uint32_t k = 0; k < i->payload; k++)
		p->b[at + k] = k & 1 ? k >> 1 : 0x5a;
	if (with.proto == 17 && i->payload >= 8 && (i->frag & 0x1fff) == 0) {
		put16(p->b + at, 1000);
		put16(p->b + at + 2, 2000);
		put16(p->b + at + 4, i->payload);
		put16(p->b + at + 6, 0);
		if ((i->frag & 0x3fff) == 0)
			udp_fix(p);
	}
}

static uint32_t icmp_at(const struct pkt *p)
{
	return p->b[14] >> 4 == 4 ? 14 + (p->b[14] & 15) * 4u : 54;
}

static uint16_t icmp_sum(const struct pkt *p)
{
	const uint8_t *ip = p->b + 14;
	bool v6 = ip[0] >> 4 == 6;
	uint32_t at = icmp_at(p);
	uint32_t len = v6 ? get16(ip + 4) : get16(ip + 2) - (at - 14);

	return csum_fold(csum_add(v6 ? csum_add(58 + len, ip + 8, 32) : 0, p->b + at, len));
}

void icmp_fix(struct pkt *p)
{
	uint32_t at = icmp_at(p);

	put16(p->b + at + 2, 0);
	put16(p->b + at + 2, icmp_sum(p));
}

bool icmp_ok(const struct pkt *p)
{
	return icmp_sum(p) == 0;
}

void build_icmp_around(
	struct pkt *p, const struct icmp *i, const uint8_t *quote, uint32_t quote_len)
{
	struct ip_packet ip = {.dst = i->dst,
		.src = i->src,
		.from = i->from,
		.to = i->to,
		.ttl = i->ttl,
		.tos = i->tos,
		.proto = strchr(i->from, ':') != NULL ? 58 : 1};
	uint32_t at = put_headers(p, &ip, 8 + quote_len);

	p->b[at] = i->type;
	p->b[at + 1] = i->code;
	put32(p->b + at + 4, i->word);
	memcpy(p->b + at + 8, quote, quote_len);
	icmp_fix(p);
}

void build_icmp(struct pkt *p, const struct icmp *i)
{
	static uint8_t body[PKT_MAX];

	for (uint32_t k = 0; k < i->payload; k++)
		body[k] = k * 7 + 1;
	build_icmp_around(p, i, body, i->payload);
}

void build_nd(struct pkt *p, const struct nd *n)
{
	struct ip_packet ip = {.dst = n->dst,
		.src = n->src,
		.from = n->from,
		.to = n->to,
		.ttl = 255,
		.proto = 58};
	uint32_t at = put_headers(p, &ip, n->mac != 0 ? 32 : 24);

	memset(p->b + at, 0, 32);
	p->b[at] = n->type;
	p->b[at + 4] = n->flags;
	put_ip(p->b + at + 8, n->target);
	if (n->mac != 0) {
		p->b[at + 24] = n->type == 135 ? 1 : 2;
		p->b[at + 25] = 1;
		put48(p->b + at + 26, n->mac);
	}
	icmp_fix(p);
}

uint64_t group_mac(const char *group)
{
	struct api_ip ip = rig_ip(group, false);

	return 0x333300000000ull | get32(ip.bytes + 12);
}
