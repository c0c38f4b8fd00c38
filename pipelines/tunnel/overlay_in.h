/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets that look like a tunnel's, before it is known whether they are: candidates of a burst,
 * VXLAN's and Geneve's headers as they come in (RFC 7348 section 5, RFC 8926 section 3.4), and
 * GTP-U up to its header: whose address it came to, its outer headers checked as those of all
 * tunnels. Private to overlay_in.c; owns nothing. */
#ifndef TUNNEL_OVERLAY_IN_H
#define TUNNEL_OVERLAY_IN_H

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_udp.h>

#include "gtpu.h"
#include "hot.h"
#include "teid.h"

/* ---- candidates ---- */

/* Candidates of one address family, in parallel arrays. */
struct candidates {
	uint32_t n;
	struct rte_mbuf *pkt[BURST_MAX];
	uint16_t strip[BURST_MAX]; /* bytes in front of the frame */
	uint8_t tos[BURST_MAX];
	bool csum_zero[BURST_MAX];
	uint8_t which[BURST_MAX]; /* its key; neighbours in a burst mostly come from the same site,
				     and share one */
	uint32_t keys;
	uint64_t key[(BURST_MAX + 1) * VTEP6_WORDS]; /* the first is all zero, and nobody's */
	uint64_t *value[BURST_MAX + 1];
};

static __rte_always_inline void candidates_init(struct candidates *c)
{
	c->n = c->keys = 0;
	for (uint32_t i = 0; i < VTEP6_WORDS; i++)
		c->key[i] = 0;
}

/* The key of candidate c->n: the one before it again, or a new one. */
static __rte_always_inline void candidate_key(
	struct candidates *c, const uint64_t *key, const uint32_t words)
{
	const uint64_t *last = &c->key[c->keys * words];
	bool same = true;

	for (uint32_t i = 0; i < words; i++)
		same &= key[i] == last[i];
	if (!same) {
		c->keys++;
		for (uint32_t i = 0; i < words; i++)
			c->key[c->keys * words + i] = key[i];
	}
	c->which[c->n] = c->keys;
}

/* ---- tunnel header ---- */

#define ETH	       ((uint32_t)sizeof(struct rte_ether_hdr))
#define UDP	       8u
#define TUNNEL	       8u /* VXLAN's header, and Geneve's without options */
#define VXLAN_FLAG_VNI 0x08

/* Geneve's first word: version 0, neither control nor critical, Ethernet inside; options of any
 * length, reserved bits of any value. */
#define GENEVE_MASK  RTE_BE32(0xc0c0ffff)
#define GENEVE_PLAIN RTE_BE32(0x00006558)

/* What its port carries: asked once a packet, since the answer may change. */
static __rte_always_inline uint8_t kind_of(const uint8_t *udp)
{
	return __atomic_load_n(&tunnel_port[load16(udp + 2)], __ATOMIC_RELAXED);
}

/* VXLAN and Geneve have the VNI at the same place; which of the two it was is part of the key. */
static __rte_always_inline uint64_t vtep_word_of(const uint8_t *udp, uint8_t kind)
{
	return vtep_word(load16(udp + 2), *(const wire32_t *)(udp + 12) & RTE_BE32(0xffffff00), 0) |
	       (kind == TUNNEL_GENEVE ? VTEP_GENEVE : 0);
}

static __rte_always_inline uint32_t geneve_len(const uint8_t *geneve)
{
	return TUNNEL + (geneve[0] & 0x3f) * 4;
}

static inline enum drop_reason vxlan_check(const uint8_t *vxlan, uint32_t room)
{
	return room < TUNNEL || !(vxlan[0] & VXLAN_FLAG_VNI) ? DROP_VXLAN_HEADER : DROP_REASONS;
}

/* RFC 8926 section 3.4. Options are stepped over, whatever is in them, unless one is critical. */
static inline enum drop_reason geneve_check(const uint8_t *geneve, uint32_t room)
{
	if (room < TUNNEL || geneve[0] >> 6 != 0 || room < geneve_len(geneve))
		return DROP_GENEVE_HEADER;
	if (geneve[1] & 0x80)
		return DROP_GENEVE_CONTROL;
	if (geneve[1] & 0x40)
		return DROP_GENEVE_CRITICAL;
	return load16(geneve + 2) == RTE_BE16(0x6558) ? DROP_REASONS : DROP_GENEVE_PROTOCOL;
}

/* ---- overlay gtpu ---- */

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
