/* SPDX-License-Identifier: BSD-3-Clause */
/* What build_tcp.h says. Owns where the last packet's TCP header is. */
#include "build_tcp.h"

#include <string.h>

uint32_t tcp_at;

static uint32_t put_extensions(uint8_t *ip, const struct tcp *t)
{
	uint32_t at = 40;
	uint8_t *next = &ip[6];

	for (const char *e = t->ext != NULL ? t->ext : ""; *e != 0; e++) {
		uint32_t words = *e == 'D' ? 5 : 0;

		*next = *e == 'h' ? 0 : *e == 'r' ? 43 : *e == 'x' ? 253 : 60;
		memset(ip + at, 0, 8 + 8 * words);
		ip[at + 1] = words;
		next = &ip[at];
		at += 8 + 8 * words;
	}
	if (t->frag != 0) {
		*next = 44;
		memset(ip + at, 0, 8);
		put16(ip + at + 2, t->frag & 0xfffe);
		next = &ip[at];
		at += 8;
	}
	*next = 6;
	return at;
}

void tcp_fix(struct pkt *p, bool v6)
{
	uint32_t len = p->len - tcp_at;
	uint32_t sum = csum_add(6 + len, p->b + 14 + (v6 ? 8 : 12), v6 ? 32 : 8);

	put16(p->b + tcp_at + 16, 0);
	put16(p->b + tcp_at + 16, csum_fold(csum_add(sum, p->b + tcp_at, len)));
}

void build_tcp(struct pkt *p, const struct tcp *t)
{
	uint32_t hlen = 20 + t->opt_len;
	struct spec s = {.dst = t->dst,
		.src = t->src,
		.ip = t->ip,
		.proto = 6,
		.saddr = 1,
		.daddr = 2,
		.payload = 0};
	uint8_t *ip = p->b + 14, *tcp;

	build(p, &s);
	if (t->ip == 4) {
		uint32_t ip_len = 20 + 4 * t->ip_opts;

		memset(ip + 20, 1, 4 * t->ip_opts);
		ip[0] = 0x40 | ip_len / 4;
		put16(ip + 2, ip_len + hlen + t->payload);
		put16(ip + 6, t->frag);
		ipv4_fix(ip);
		tcp = ip + ip_len;
	} else {
		tcp = ip + put_extensions(ip, t);
		put16(ip + 4, tcp - ip - 40 + hlen + t->payload);
	}
	tcp_at = tcp - p->b;
	memset(tcp, 0, 20);
	put16(tcp, 40000);
	put16(tcp + 2, 80);
	put32(tcp + 4, 0x12345678);
	tcp[12] = (t->doff != 0 ? t->doff : hlen / 4) << 4;
	tcp[13] = t->flags;
	put16(tcp + 14, 65000);
	memcpy(tcp + 20, t->opt, t->opt_len);
	for (uint32_t i = 0; i < t->payload; i++)
		tcp[hlen + i] = i;
	p->len = tcp_at + hlen + t->payload;
	tcp_fix(p, t->ip == 6);
}
