/* SPDX-License-Identifier: BSD-3-Clause */
/* Outer packets in pieces. Each piece is a buffer of its own that any port can send: rte_ip_frag
 * 22.11 copies for IPv4 only, and its other form chains buffers that share the packet's. */
#include <netinet/in.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <string.h>

#include "tunnel_parts.h"

#define ETH  ((uint32_t)sizeof(struct rte_ether_hdr))
#define IP4  20u
#define IP6  40u
#define EXT6 8u /* the fragment header */

/* Where a piece lies in what is fragmented. */
struct part {
	uint32_t at, len;
	bool more;
};

static void fix_ipv4(uint8_t *frame, const struct part *p)
{
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(frame + ETH);

	ip->total_length = rte_cpu_to_be_16(IP4 + p->len);
	ip->fragment_offset = rte_cpu_to_be_16(p->at / 8 | (p->more ? RTE_IPV4_HDR_MF_FLAG : 0));
	ip->hdr_checksum = 0;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
}

static void fix_ipv6(uint8_t *frame, const struct part *p, uint32_t id)
{
	uint8_t *ip = frame + ETH, *ext = ip + IP6;

	*(wire16_t *)(ip + 4) = rte_cpu_to_be_16(EXT6 + p->len);
	ext[0] = IPPROTO_UDP;
	ext[1] = 0;
	ip[6] = IPPROTO_FRAGMENT;
	*(wire16_t *)(ext + 2) = rte_cpu_to_be_16(p->at | p->more);
	*(wire32_t *)(ext + 4) = rte_cpu_to_be_32(id);
}

/* A piece that does not begin the packet gets its header in front. False: no room. */
static bool add_head(struct rte_mbuf *m, const uint8_t *head, uint32_t head_len, uint32_t ext_len)
{
	char *data = rte_pktmbuf_prepend(m, head_len + ext_len);

	if (data == NULL || m->nb_segs != 1)
		return false;
	memcpy(data, head, head_len);
	return true;
}

/* m itself becomes the first piece: cut off behind it, and opened for the fragment header. */
static void make_first(struct rte_mbuf *m, uint32_t head_len, uint32_t ext_len, uint32_t len)
{
	rte_pktmbuf_trim(m, m->pkt_len - head_len - len);
	if (ext_len > 0) {
		char *to = rte_pktmbuf_prepend(m, ext_len);

		memmove(to, to + ext_len, head_len);
	}
}

uint32_t fragment_make(struct rte_mbuf *m, uint32_t mtu, uint32_t id, struct rte_mbuf **piece)
{
	uint8_t *data = rte_pktmbuf_mtod(m, uint8_t *);
	bool v6 = load16(data + 12) == RTE_BE16(RTE_ETHER_TYPE_IPV6);
	uint32_t head = ETH + (v6 ? IP6 : IP4), ext = v6 ? EXT6 : 0;
	uint32_t size = RTE_ALIGN_FLOOR(mtu - (head - ETH) - ext, 8), total = m->pkt_len - head;
	uint32_t made = 1, at = size;

	if (m->nb_segs != 1 || rte_pktmbuf_headroom(m) < ext || total > 65535 ||
		total > size * FRAGMENTS_MAX)
		return 0;
	for (; at < total; at += size, made++) {
		/* not more than is left */
		piece[made] = rte_pktmbuf_copy(m, m->pool, head + at, size);
		if (piece[made] == NULL)
			break;
		if (!add_head(piece[made], data, head, ext)) {
			rte_pktmbuf_free(piece[made]);
			break;
		}
	}
	if (at < total) {
		rte_pktmbuf_free_bulk(&piece[1], made - 1);
		return 0;
	}
	make_first(m, head, ext, size);
	piece[0] = m;
	for (uint32_t i = 0; i < made; i++) {
		struct part p = {.at = i * size, .len = RTE_MIN(size, total - i * size)};

		p.more = i + 1 < made;
		if (v6)
			fix_ipv6(rte_pktmbuf_mtod(piece[i], uint8_t *), &p, id);
		else
			fix_ipv4(rte_pktmbuf_mtod(piece[i], uint8_t *), &p);
	}
	return made;
}
