/* SPDX-License-Identifier: BSD-3-Clause */
/* An IPv4 packet of a slice that is larger than its way out carries, and may be cut (RFC 791
 * section 3.2). The packet itself becomes the first fragment. Runs on workers. */
#include <rte_ip.h>

#include "host.h"

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

void fragment_send(
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
