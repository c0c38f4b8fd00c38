/* SPDX-License-Identifier: BSD-3-Clause */
/* Decapsulation: packets on an underlay port that a tunnel's far end sent become frames of a
 * slice (RFC 7348 section 4.1, RFC 8926 section 3). The endpoint table holds (local, remote, UDP
 * port, VNI): who is not in it gets in nowhere. GTP-U to an address that is a gtpu's goes to
 * upf/datapath/gtpu_in.c, its outer headers checked as all others. Everything else for this box is
 * for the kernel. */
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_udp.h>

#include "gtpu.h"
#include "hot.h"
#include "ipv4_sum.h"
#include "teid.h"
#include "tunnel.h"
#include "tunnel_parts.h"

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

/* ---- GTP-U up to its header ---- */

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

/* ---- VXLAN and Geneve, and what all have ---- */

static __rte_always_inline bool ipv4_checksum_ok(
	const struct rte_mbuf *m, const uint8_t *ip, uint32_t hlen)
{
	return (m->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) == RTE_MBUF_F_RX_IP_CKSUM_GOOD ||
	       ipv4_sum_ok(ip, hlen);
}

/* Is this local address an endpoint of ours? */
static bool local_endpoint4(const uint8_t *local)
{
	uint32_t address = *(const wire32_t *)local;
	uint64_t key[VTEP4_WORDS] = {vtep_word(0, 0, VTEP_ANY_PEER), address};

	return exact_find(&vtep4_table, key) != NULL;
}

static bool local_endpoint6(const uint8_t *local)
{
	uint64_t key[VTEP6_WORDS] = {vtep_word(0, 0, VTEP_ANY_PEER)};

	memcpy(key + 1, local, 16);
	return exact_find(&vtep6_table, key) != NULL;
}

static __rte_always_inline uint64_t vtep_addresses(const uint8_t *ip)
{
	return (uint64_t) * (const wire32_t *)(ip + 12) << 32 | *(const wire32_t *)(ip + 16);
}

static __rte_always_inline void candidate_add(struct candidates *c, struct rte_mbuf *m,
	const uint8_t *frame, const uint8_t *udp, uint8_t tos)
{
	uint32_t k = c->n++;

	c->pkt[k] = m;
	c->strip[k] = frame - rte_pktmbuf_mtod(m, const uint8_t *);
	c->tos[k] = tos;
	c->csum_zero[k] = load16(udp + 6) == 0;
}

/* The packet that nearly all are: VXLAN or Geneve over IPv4 without options, not a fragment, all
 * lengths agreeing. False: look closer. */
static __rte_always_inline bool take_plain(struct burst *b, struct candidates *c,
	struct gtpu_local *local, struct rte_mbuf *m, const uint8_t *data)
{
	const uint8_t *ip = data + ETH, *udp = ip + 20;
	uint32_t total = rte_be_to_cpu_16(load16(ip + 2)), header = TUNNEL;

	if (unlikely(m->data_len < ETH + 20 + UDP + TUNNEL ||
		     load16(data + 12) != RTE_BE16(RTE_ETHER_TYPE_IPV4) || ip[0] != 0x45 ||
		     (*(const wire32_t *)(ip + 6) & RTE_BE32(0x3fff00ff)) != RTE_BE32(IPPROTO_UDP)))
		return false;
	if (unlikely(total + ETH != m->pkt_len ||
		     rte_be_to_cpu_16(load16(udp + 4)) + 20u != total ||
		     total < 20 + UDP + TUNNEL || !ipv4_checksum_ok(m, ip, 20)))
		return false;
	uint8_t kind = kind_of(udp);

	if (kind != TUNNEL_VXLAN) {
		if (kind == TUNNEL_GTPU)
			return gtpu_plain(b, local, m, ip, udp);
		header = geneve_len(udp + UDP);
		if (kind != TUNNEL_GENEVE ||
			(*(const wire32_t *)(udp + UDP) & GENEVE_MASK) != GENEVE_PLAIN ||
			m->data_len < ETH + 20 + UDP + header) /* and so is total */
			return false;
	} else if (unlikely(!(udp[UDP] & VXLAN_FLAG_VNI))) {
		return false;
	}
	uint64_t key[VTEP4_WORDS] = {vtep_word_of(udp, kind), vtep_addresses(ip)};

	candidate_key(c, key, VTEP4_WORDS);
	candidate_add(c, m, udp + UDP + header, udp, ip[1]);
	return true;
}

/* UDP and what is in it, common to both families: the frame, or NULL and dropped by name. */
static const uint8_t *check_udp(struct worker *w, struct burst *b, struct rte_mbuf *m,
	const uint8_t *udp, uint32_t udp_room, uint8_t kind)
{
	uint32_t before = udp + UDP - rte_pktmbuf_mtod(m, const uint8_t *);
	enum drop_reason why;

	if (rte_be_to_cpu_16(load16(udp + 4)) != udp_room)
		why = DROP_UDP_LENGTH;
	else if (kind == TUNNEL_GENEVE)
		why = geneve_check(udp + UDP, RTE_MIN(udp_room - UDP, m->data_len - before));
	else
		why = vxlan_check(udp + UDP, RTE_MIN(udp_room - UDP, m->data_len - before));
	if (likely(why == DROP_REASONS))
		return udp + UDP + (kind == TUNNEL_GENEVE ? geneve_len(udp + UDP) : TUNNEL);
	drop(w, b, m, why);
	return NULL;
}

/* From the UDP header on, of which the IP packet has room for room bytes. Takes m, which may be a
 * reassembled one. */
static __rte_always_inline enum verdict take_udp(struct worker *w, struct burst *b,
	struct candidates *c, struct rte_mbuf *m, const uint8_t *udp, uint32_t room,
	const bool is_ipv6)
{
	const uint8_t *data = rte_pktmbuf_mtod(m, const uint8_t *), *ip = data + ETH;
	uint32_t before = udp - data;

	if (unlikely(room < UDP || m->data_len < before + UDP))
		return drop(w, b, m, DROP_UDP_LENGTH);
	uint8_t kind = kind_of(udp);

	if (kind == TUNNEL_NONE) {
		b->punt[b->punts++] = m;
		return GONE;
	}
	if (kind == TUNNEL_GTPU)
		return take_gtpu(w, b, m, udp, room, is_ipv6);
	if (m->pkt_len > before + room)
		rte_pktmbuf_trim(m, m->pkt_len - before - room);
	const uint8_t *frame = check_udp(w, b, m, udp, room, kind);

	if (frame == NULL)
		return GONE;
	uint64_t key[VTEP6_WORDS] = {vtep_word_of(udp, kind)};

	if (is_ipv6) {
		memcpy(key + 1, ip + 24, 16);
		memcpy(key + 3, ip + 8, 16);
		candidate_key(c, key, VTEP6_WORDS);
	} else {
		key[1] = vtep_addresses(ip);
		candidate_key(c, key, VTEP4_WORDS);
	}
	candidate_add(c, m, frame, udp, is_ipv6 ? rte_be_to_cpu_16(load16(ip)) >> 4 : ip[1]);
	return TAKE;
}

static enum verdict take_ipv4(
	struct worker *w, struct burst *b, struct candidates *c, struct rte_mbuf *m)
{
	const uint8_t *ip = rte_pktmbuf_mtod_offset(m, const uint8_t *, ETH);

	if (unlikely(m->data_len < ETH + 20 || ip[0] >> 4 != 4))
		return drop(w, b, m, DROP_IP_HEADER);
	uint32_t hlen = (ip[0] & 0xf) * 4;
	uint32_t total = rte_be_to_cpu_16(load16(ip + 2));

	if (unlikely(hlen < 20 || total < hlen || total > m->pkt_len - ETH ||
		     m->data_len < ETH + hlen))
		return drop(w, b, m, DROP_IP_HEADER);
	if (unlikely(!ipv4_checksum_ok(m, ip, hlen)))
		return drop(w, b, m, DROP_IP_CHECKSUM);
	if (ip[9] != IPPROTO_UDP)
		return PUNT;
	if (unlikely(load16(ip + 6) & RTE_BE16(0x3fff))) {
		if (!local_endpoint4(ip + 16))
			return PUNT;
		m = reassembly_add4(w, b, m, hlen, peer_share4(ip + 16, ip + 12));
		if (m == NULL)
			return GONE;
		ip = rte_pktmbuf_mtod_offset(m, const uint8_t *, ETH);
		hlen = (ip[0] & 0xf) * 4; /* the first fragment's: options need not be in all */
		total = rte_be_to_cpu_16(load16(ip + 2));
	}
	return take_udp(w, b, c, m, ip + hlen, total - hlen, false);
}

static enum verdict take_ipv6(
	struct worker *w, struct burst *b, struct candidates *c, struct rte_mbuf *m)
{
	const uint8_t *ip = rte_pktmbuf_mtod_offset(m, const uint8_t *, ETH);

	if (unlikely(m->data_len < ETH + 40 || ip[0] >> 4 != 6))
		return drop(w, b, m, DROP_IP_HEADER);
	uint32_t payload = rte_be_to_cpu_16(load16(ip + 4));

	if (unlikely(payload > m->pkt_len - ETH - 40))
		return drop(w, b, m, DROP_IP_HEADER);
	if (unlikely(ip[6] == IPPROTO_FRAGMENT && local_endpoint6(ip + 24))) {
		m = reassembly_add6(w, b, m, peer_share6(ip + 24, ip + 8));
		if (m == NULL)
			return GONE;
		ip = rte_pktmbuf_mtod_offset(m, const uint8_t *, ETH);
		payload = rte_be_to_cpu_16(load16(ip + 4));
	}
	if (ip[6] != IPPROTO_UDP) {
		b->punt[b->punts++] = m;
		return GONE;
	}
	return take_udp(w, b, c, m, ip + 40, payload, true);
}

/* A frame on an underlay port: candidate, the kernel's, or nobody's. */
static __rte_always_inline enum verdict sort_one(struct worker *w, struct burst *b,
	struct rte_mbuf *m, uint64_t mac, struct candidates *c4, struct candidates *c6,
	struct gtpu_local *local)
{
	const uint8_t *data = rte_pktmbuf_mtod(m, const uint8_t *);

	if (unlikely(m->data_len < ETH))
		return drop(w, b, m, DROP_RUNT);
	uint64_t to = *(const wire64_t *)data << 16;

	if (unlikely(to != mac)) {
		if (data[0] & 1)
			return PUNT;
		return drop(w, b, m, DROP_NOT_OUR_MAC);
	}
	if (likely(take_plain(b, c4, local, m, data)))
		return TAKE;
	uint16_t type = load16(data + 12);

	if (type == RTE_BE16(RTE_ETHER_TYPE_IPV4))
		return take_ipv4(w, b, c4, m);
	if (type == RTE_BE16(RTE_ETHER_TYPE_IPV6))
		return take_ipv6(w, b, c6, m);
	if (unlikely(is_vlan_tag(type)))
		return drop(w, b, m, DROP_VLAN_UNKNOWN);
	return PUNT;
}

/* Not in the endpoint table: whose fault is it? Runs for bad traffic only. */
static void miss(struct worker *w, struct burst *b, struct candidates *c, uint32_t k, bool is_ipv6)
{
	const struct exact_table *t = is_ipv6 ? &vtep6_table : &vtep4_table;
	uint32_t words = is_ipv6 ? VTEP6_WORDS : VTEP4_WORDS;
	uint64_t peer[VTEP6_WORDS];
	const uint8_t *ip = rte_pktmbuf_mtod_offset(c->pkt[k], const uint8_t *, ETH);

	memcpy(peer, &c->key[c->which[k] * words], words * sizeof(uint64_t));
	peer[0] = peer[0] >> 32 << 32 | VTEP_ANY_VNI << 24;
	if (exact_find(t, peer) != NULL)
		worker_drop(w, b, c->pkt[k], DROP_TUNNEL_UNKNOWN_VNI);
	else if (is_ipv6 ? local_endpoint6(ip + 24) : local_endpoint4(ip + 16))
		worker_drop(w, b, c->pkt[k], DROP_TUNNEL_UNKNOWN_PEER);
	else
		b->punt[b->punts++] = c->pkt[k];
}

/* A SYN is told what the way back into its tunnel carries: by any of its paths, since the answer is
 * another flow. */
static __rte_noinline void clamp(uint8_t *frame, uint32_t len, uint16_t tunnel)
{
	/* acquire: pairs with the release in tunnel_publish() */
	uintptr_t paths = __atomic_load_n(&tunnel_hot[tunnel].paths, __ATOMIC_ACQUIRE);
	const struct encap *e = (const struct encap *)(paths & ~(uintptr_t)PATHS_LOG2);

	if (e->least_len > ETH)
		mss_clamp(frame, len, e->least_len - ETH);
}

/* Strips the outer headers and enters the frame into the slice. */
static __rte_always_inline void enter(struct worker *w, struct burst *b, struct rte_mbuf *m,
	uint16_t strip, uint8_t tos, uint64_t value, const struct exact_view *fdb)
{
	uint16_t slice = VTEP_SLICE(value), tunnel = VTEP_TUNNEL(value);
	door_t door = DOOR_TUNNEL | tunnel;

	m->data_off += strip;
	m->data_len -= strip;
	m->pkt_len -= strip;
	uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *);
	enum drop_reason why = DROP_REASONS;

	if (unlikely(b->trace != NULL))
		trace_slice(b, m, slice);
	if (unlikely(m->data_len < ETH))
		why = DROP_INNER_RUNT;
	else if (unlikely(is_vlan_tag(load16(frame + 12))))
		why = DROP_VLAN_STACKED;
	else if (unlikely((tos & 3) != 0 && !ecn_decapsulate(frame, m->data_len, tos & 3)))
		why = DROP_ECN_INVALID;
	if (unlikely(why != DROP_REASONS)) {
		slice_drop(w, b, m, slice, door, why);
		return;
	}
	if (unlikely((value & VTEP_CLAMP_MSS) && mss_may_be_syn(frame, m->data_len)))
		clamp(frame, m->data_len, tunnel);
	if (value & VTEP_L3)
		route_enter(b, m, slice, door);
	else
		frame_enter(b, fdb, b->frames++, m, frame, slice, door);
	TRACE(b, m, STAGE_OVERLAY_IN, "from tunnel {tunnel %u} into slice {slice %u}", tunnel,
		slice);
}

static __rte_always_inline void decapsulate(
	struct worker *w, struct burst *b, struct candidates *c, const bool is_ipv6)
{
	struct switch_worker *sw = switch_of(w);
	const struct exact_view fdb = exact_view(&fdb_table);
	struct run run = {0};

	if (c->n == 0)
		return;
	if (is_ipv6)
		exact_lookup_bulk(
			&vtep6_table, &c->key[VTEP6_WORDS], VTEP6_WORDS, c->keys, &c->value[1]);
	else
		exact_lookup_bulk(
			&vtep4_table, &c->key[VTEP4_WORDS], VTEP4_WORDS, c->keys, &c->value[1]);
	for (uint32_t k = 1; k <= c->keys; k++)
		if (likely(c->value[k] != NULL)) {
			rte_prefetch0(&sw->tunnel.traffic[VTEP_TUNNEL(*c->value[k])]);
			rte_prefetch0(&sw->slice.traffic[VTEP_SLICE(*c->value[k])]);
		}
	for (uint32_t k = 0; k < c->n; k++) {
		const uint64_t *at = c->value[c->which[k]];

		if (unlikely(at == NULL)) {
			miss(w, b, c, k, is_ipv6);
			continue;
		}
		/* once: main may give the key another slice meanwhile, and it is counted where it
		 * enters */
		const uint64_t value = __atomic_load_n(at, __ATOMIC_RELAXED);

		if (likely(c->csum_zero[k] && !is_ipv6) ||
			udp_checksum_ok(w, b, c->pkt[k], c->csum_zero[k], value, is_ipv6)) {
			run_count(sw, &run, &sw->tunnel, true,
				LANE_WAY(VTEP_SLICE(value), VTEP_TUNNEL(value)),
				c->pkt[k]->pkt_len - c->strip[k], c->pkt[k]->pkt_len);
			enter(w, b, c->pkt[k], c->strip[k], c->tos[k], value, &fdb);
		}
	}
	run_count(sw, &run, &sw->tunnel, true, 0, 0, 0);
}

void overlay_in_run(struct worker *w, struct burst *b)
{
	const struct port_hot *ph = &port_hot[b->port];
	struct gtpu_local local = {.lines = switch_of(w)->session_lines};
	struct candidates c4, c6;
	uint64_t mac = 0;

	memcpy(&mac, &ph->mac, sizeof(ph->mac));
	mac <<= 16;
	candidates_init(&c4);
	candidates_init(&c6);
	for (uint32_t i = 0; i < b->underlays; i++)
		if (sort_one(w, b, b->underlay[i], mac, &c4, &c6, &local) == PUNT)
			b->punt[b->punts++] = b->underlay[i];
	decapsulate(w, b, &c4, false);
	decapsulate(w, b, &c6, true);
	worker_stage_done(w, STAGE_OVERLAY_IN, b->underlays);
}
