/* SPDX-License-Identifier: BSD-3-Clause */
/* GTP-U as it comes in, up to its header: whose address it came to, its outer headers checked as
 * those of all tunnels. Used by overlay_in.c alone; owns nothing. */
#ifndef PIPELINES_OVERLAY_GTPU_H
#define PIPELINES_OVERLAY_GTPU_H

#include <rte_ip.h>
#include <rte_udp.h>

#include "gtpu.h"
#include "hot.h"
#include "teid.h"
#include "tunnel_header.h"

enum verdict { TAKE, PUNT, GONE }; /* GONE: dropped, or held for reassembly */

static inline enum verdict drop(
	struct worker *w, struct burst *b, struct rte_mbuf *m, enum drop_reason why)
{
	worker_drop(w, b, m, why);
	return GONE;
}

/* RFC 768, RFC 6935: a checksum that is there must be right; over IPv6 it must be there unless the
 * tunnel (the own address) says otherwise: value, its entry. */
static inline bool udp_checksum_ok(struct worker *w, struct burst *b, struct rte_mbuf *m, bool zero,
	uint64_t value, bool is_ipv6)
{
	uint8_t *ip = rte_pktmbuf_mtod_offset(m, uint8_t *, ETH);
	uint16_t l4_off = ETH + (is_ipv6 ? 40 : (ip[0] & 0xf) * 4);

	if (zero) {
		if (!is_ipv6 || (value & VTEP_ZERO_CSUM6))
			return true;
		worker_drop(w, b, m, DROP_UDP_ZERO_CHECKSUM6);
		return false;
	}
	if ((m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_GOOD)
		return true;
	int rc = is_ipv6 ? rte_ipv6_udptcp_cksum_mbuf_verify(m, (void *)ip, l4_off)
			 : rte_ipv4_udptcp_cksum_mbuf_verify(m, (void *)ip, l4_off);
	if (rc == 0)
		return true;
	worker_drop(w, b, m, DROP_UDP_CHECKSUM);
	return false;
}

/* Is the address that a packet came to a gtpu's? Asked once for packets in a row. */
struct gtpu_local {
	const void *lines; /* the worker's, of sessions */
	uint32_t address;  /* IPv4 */
	bool is;	   /* its is */
	uint8_t id;
};

static inline const uint64_t *gtpu_of(const uint8_t *local, bool is_ipv6)
{
	uint64_t key[VTEP6_WORDS] = {vtep_word(0, 0, VTEP_GTPU)};

	if (!is_ipv6) {
		key[1] = *(const wire32_t *)local;
		return exact_find(&vtep4_table, key);
	}
	memcpy(key + 1, local, 16);
	return exact_find(&vtep6_table, key);
}

static __rte_noinline void gtpu_local_find(struct gtpu_local *l, const uint8_t *local)
{
	const uint64_t *value = gtpu_of(local, false);

	l->address = *(const wire32_t *)local;
	l->is = value != NULL;
	l->id = value != NULL ? *value : 0;
}

static __rte_always_inline void gtpu_add(
	struct burst *b, struct rte_mbuf *m, const uint8_t *gtpu, uint8_t id, uint8_t tos)
{
	uint32_t k = b->gtpus++;

	b->gtpu[k] = m;
	b->gtpu_at[k] = gtpu - rte_pktmbuf_mtod(m, const uint8_t *);
	b->gtpu_id[k] = id;
	b->gtpu_tos[k] = tos;
}

/* Plain as take_plain() says, and without a UDP checksum. */
static __rte_always_inline bool gtpu_plain(struct burst *b, struct gtpu_local *l,
	struct rte_mbuf *m, const uint8_t *ip, const uint8_t *udp)
{
	if (unlikely(*(const wire32_t *)(ip + 16) != l->address))
		gtpu_local_find(l, ip + 16);
	if (unlikely(!l->is || load16(udp + 6) != 0))
		return false;
	/* where the inner header goes on, and whose it may be */
	rte_prefetch0(ip - ETH + RTE_CACHE_LINE_SIZE);
	session_line_prefetch(l->lines,
		TEID_SESSION(rte_be_to_cpu_32(*(const wire32_t *)(udp + UDP + 4))), false);
	gtpu_add(b, m, udp + UDP, l->id, ip[1]);
	return true;
}

/* Any other. udp_room: bytes from the UDP header to the end of the IP packet. Takes m. */
static __rte_noinline enum verdict take_gtpu(struct worker *w, struct burst *b, struct rte_mbuf *m,
	const uint8_t *udp, uint32_t udp_room, const bool is_ipv6)
{
	const uint8_t *data = rte_pktmbuf_mtod(m, const uint8_t *), *ip = data + ETH;
	const uint64_t *own = gtpu_of(is_ipv6 ? ip + 24 : ip + 16, is_ipv6);
	uint32_t before = udp - data;

	if (own == NULL) {
		b->punt[b->punts++] = m; /* m may be a reassembled one */
		return GONE;
	}
	if (rte_be_to_cpu_16(load16(udp + 4)) != udp_room)
		return drop(w, b, m, DROP_UDP_LENGTH);
	if (m->pkt_len > before + udp_room)
		rte_pktmbuf_trim(m, m->pkt_len - before - udp_room);
	if (!udp_checksum_ok(w, b, m, load16(udp + 6) == 0, *own, is_ipv6))
		return GONE;
	if (udp_room < UDP + GTPU_HEADER || m->data_len < before + UDP + GTPU_HEADER)
		return drop(w, b, m, DROP_GTPU_HEADER);
	gtpu_add(b, m, udp + UDP, *own, is_ipv6 ? rte_be_to_cpu_16(load16(ip)) >> 4 : ip[1]);
	return GONE;
}

#endif
