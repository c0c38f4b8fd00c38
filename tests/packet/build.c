/* SPDX-License-Identifier: BSD-3-Clause */
/* The packet tests' own idea of Ethernet, VLAN, IP, UDP and VXLAN: written from the RFCs, not from
 * the pipelines. */
#include "build.h"

#include <string.h>

uint32_t csum_add(uint32_t sum, const uint8_t *p, uint32_t len)
{
	for (uint32_t i = 0; i + 1 < len; i += 2)
		sum += get16(p + i);
	if (len & 1)
		sum += p[len - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

uint16_t csum_fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

bool ipv4_ok(const uint8_t *ip)
{
	return csum_fold(csum_add(0, ip, (ip[0] & 15) * 4)) == 0;
}

void ipv4_fix(uint8_t *ip)
{
	put16(ip + 10, 0);
	put16(ip + 10, csum_fold(csum_add(0, ip, (ip[0] & 15) * 4)));
}

/* The sum of a UDP packet with its pseudo header; *udp is where it starts. */
static uint32_t udp_sum(const struct pkt *p, uint32_t *udp)
{
	const uint8_t *ip = p->b + 14;
	bool v4 = ip[0] >> 4 == 4;
	uint32_t at = 14 + (v4 ? (ip[0] & 15) * 4u : 40);
	uint32_t len = v4 ? get16(ip + 2) - (ip[0] & 15) * 4u : get16(ip + 4);
	uint32_t sum = csum_add(17 + len, v4 ? ip + 12 : ip + 8, v4 ? 8 : 32);

	*udp = at;
	return csum_add(sum, p->b + at, len);
}

bool udp_ok(const struct pkt *p)
{
	uint32_t udp;

	return csum_fold(udp_sum(p, &udp)) == 0;
}

void udp_fix(struct pkt *p)
{
	uint32_t udp;

	udp_sum(p, &udp);
	put16(p->b + udp + 6, 0);
	uint16_t sum = csum_fold(udp_sum(p, &udp));

	put16(p->b + udp + 6, sum != 0 ? sum : 0xffff);
}

static uint32_t add_ipv4(uint8_t *ip, const struct spec *s, uint32_t l4)
{
	const uint8_t net[] = {10, 0, 0, 0};

	memset(ip, 0, 20);
	ip[0] = 0x45;
	ip[1] = s->tos;
	put16(ip + 2, 20 + l4 + s->payload);
	put16(ip + 4, 0x1234);
	put16(ip + 6, s->frag);
	ip[8] = 63;
	ip[9] = s->proto != 0 ? s->proto : 17;
	memcpy(ip + 12, net, 4);
	memcpy(ip + 16, net, 4);
	ip[15] = s->saddr;
	ip[19] = s->daddr;
	ipv4_fix(ip);
	return 20;
}

static uint32_t add_ipv6(uint8_t *ip, const struct spec *s, uint32_t l4)
{
	uint32_t ext = s->frag != 0 ? 8 : 0;
	uint8_t proto = s->proto != 0 ? s->proto : 17;

	memset(ip, 0, 48);
	put32(ip, 6u << 28 | (uint32_t)s->tos << 20 | s->label);
	put16(ip + 4, ext + l4 + s->payload);
	ip[6] = ext != 0 ? 44 : proto;
	ip[7] = 63;
	ip[8] = ip[24] = 0xfd;
	ip[23] = s->saddr;
	ip[39] = s->daddr;
	if (ext != 0) {
		ip[40] = proto;
		put16(ip + 42, s->frag);
		put32(ip + 44, 0x12345678);
	}
	return 40 + ext;
}

void build(struct pkt *p, const struct spec *s)
{
	bool first = s->ip != 4 || (s->frag & 0x1fff) == 0;
	bool udp = s->ip != 0 && (s->proto == 0 || s->proto == 17) && first;
	uint32_t at = 12, l4 = udp ? 8 : 0;

	memset(p->b, 0, 256);
	put48(p->b, s->dst);
	put48(p->b + 6, s->src);
	for (int i = 0; i < 3 && s->tag[i].tpid != 0; i++, at += 4) {
		put16(p->b + at, s->tag[i].tpid);
		put16(p->b + at + 2, s->tag[i].tci);
	}
	put16(p->b + at, s->ip == 4 ? 0x0800 : s->ip == 6 ? 0x86dd : s->type);
	at += 2;
	if (s->ip == 4)
		at += add_ipv4(p->b + at, s, l4);
	else if (s->ip == 6)
		at += add_ipv6(p->b + at, s, l4);
	if (udp) {
		put16(p->b + at, s->sport);
		put16(p->b + at + 2, s->dport);
		put16(p->b + at + 4, 8 + s->payload);
		at += 8;
	}
	for (uint32_t i = 0; i < s->payload; i++)
		p->b[at + i] = i & 1 ? i >> 1 : 0xa5;
	p->len = at + s->payload;
}

static uint32_t outer_ip(uint8_t *ip, const struct outer *o, uint32_t udp_len)
{
	struct api_ip from = rig_ip(o->from, false), to = rig_ip(o->to, false);
	uint8_t ttl = o->ttl != 0 ? o->ttl : 64;

	if (from.family == 6) {
		put32(ip, 6u << 28 | (uint32_t)o->tos << 20);
		put16(ip + 4, udp_len);
		ip[6] = 17;
		ip[7] = ttl;
		memcpy(ip + 8, from.bytes, 16);
		memcpy(ip + 24, to.bytes, 16);
		return 40;
	}
	uint32_t len = 20 + o->options * 4;

	memset(ip, 1, len); /* options are NOPs */
	ip[0] = 0x40 | len / 4;
	ip[1] = o->tos;
	put16(ip + 2, len + udp_len);
	put16(ip + 4, o->id);
	put16(ip + 6, o->frag);
	ip[8] = ttl;
	ip[9] = 17;
	memcpy(ip + 12, from.bytes, 4);
	memcpy(ip + 16, to.bytes, 4);
	ipv4_fix(ip);
	return len;
}

static uint32_t put_vxlan(uint8_t *h, const struct outer *o)
{
	h[0] = o->flags != 0 ? o->flags : 0x08;
	memset(h + 1, o->reserved, 3);
	put32(h + 4, o->vni << 8 | o->reserved);
	return 8;
}

/* RFC 8926 sections 3.4 and 3.5; options of up to 32 words each. */
static uint32_t put_geneve(uint8_t *h, const struct outer *o)
{
	const struct geneve *g = &o->geneve;
	uint8_t *at = h + 8;

	h[0] = g->version << 6 | ((g->words + g->lie) & 0x3f);
	h[1] = g->control << 7 | g->critical << 6 | (o->reserved & 0x3f);
	put16(h + 2, g->proto != 0 ? g->proto : 0x6558);
	put32(h + 4, o->vni << 8 | o->reserved);
	for (uint32_t left = g->words; left > 0;) {
		uint32_t n = left < 32 ? left : 32;

		put16(at, 0x0102); /* class */
		at[2] = g->critical << 7 | 0x33;
		at[3] = n - 1;
		memset(at + 4, 0xa5, 4 * (n - 1));
		at += 4 * n;
		left -= n;
	}
	return at - h;
}

void wrap(struct pkt *p, const struct outer *o, const struct pkt *inner)
{
	bool v6 = strchr(o->from, ':') != NULL;
	uint32_t header = 8 + (o->geneve.on ? 8 + o->geneve.words * 4 : 8);
	uint32_t udp = 14 + outer_ip(p->b + 14, o, header + inner->len);
	uint16_t port = o->geneve.on ? 6081 : 4789;

	put48(p->b, o->dst);
	put48(p->b + 6, o->src);
	put16(p->b + 12, v6 ? 0x86dd : 0x0800);
	put16(p->b + udp, o->sport != 0 ? o->sport : 50000);
	put16(p->b + udp + 2, o->dport != 0 ? o->dport : port);
	put16(p->b + udp + 4, header + inner->len);
	put16(p->b + udp + 6, 0);
	if (o->geneve.on)
		put_geneve(p->b + udp + 8, o);
	else
		put_vxlan(p->b + udp + 8, o);
	memcpy(p->b + udp + header, inner->b, inner->len);
	p->len = udp + header + inner->len;
	if (o->csum != CSUM_ZERO)
		udp_fix(p);
	if (o->csum == CSUM_WRONG)
		p->b[udp + 7] ^= p->b[udp + 7] == 1 && p->b[udp + 6] == 0 ? 2 : 1;
	memset(p->b + p->len, 0xee, o->pad);
	p->len += o->pad;
}

uint32_t fragment(const struct pkt *p, uint32_t size, uint32_t id, struct pkt *out, uint32_t max)
{
	bool v4 = p->b[14] >> 4 == 4;
	uint32_t head = 14 + (v4 ? (p->b[14] & 15) * 4u : 40);
	uint32_t total = p->len - head, n = 0;

	for (uint32_t at = 0; at < total && n < max; at += size, n++) {
		uint32_t len = total - at < size ? total - at : size;
		bool more = at + len < total;
		struct pkt *f = &out[n];
		uint8_t *ip = f->b + 14;
		uint32_t body = head + (v4 ? 0 : 8);

		memcpy(f->b, p->b, head);
		memcpy(f->b + body, p->b + head + at, len);
		f->len = body + len;
		if (v4) {
			put16(ip + 2, f->len - 14);
			put16(ip + 4, id);
			put16(ip + 6, (more ? 0x2000 : 0) | at / 8);
			ipv4_fix(ip);
		} else {
			put16(ip + 4, 8 + len);
			ip[6] = 44;
			ip[40] = 17;
			ip[41] = 0;
			put16(ip + 42, at | more);
			put32(ip + 44, id);
		}
	}
	return n;
}
