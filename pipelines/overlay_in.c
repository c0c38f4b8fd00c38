/* SPDX-License-Identifier: BSD-3-Clause */
/* Decapsulation: packets on an underlay port that a tunnel's far end sent become frames of a slice
 * (RFC 7348 section 4.1). The endpoint table holds (local, remote, UDP port, VNI): who is not in it
 * gets in nowhere. Everything else for this box is for the kernel. Called by switch.c after parse;
 * owns nothing. */
#include <rte_ip.h>
#include <rte_udp.h>

#include "hot.h"
#include "stages.h"

#define ETH	       ((uint32_t)sizeof(struct rte_ether_hdr))
#define UDP	       8u
#define VXLAN	       8u
#define VXLAN_FLAG_VNI 0x08

/* Candidates of one address family, in parallel arrays. */
struct candidates {
	uint32_t n;
	struct rte_mbuf *pkt[BURST_MAX];
	uint16_t strip[BURST_MAX]; /* bytes in front of the frame */
	uint8_t tos[BURST_MAX];
	bool csum_zero[BURST_MAX];
	uint64_t key[BURST_MAX * VTEP6_WORDS];
	uint64_t *value[BURST_MAX];
};

enum verdict { TAKE, PUNT, GONE }; /* GONE: dropped, or held for reassembly */

static enum verdict drop(
	struct worker *w, struct burst *b, struct rte_mbuf *m, enum drop_reason why)
{
	worker_drop(w, b, m, why);
	return GONE;
}

static __rte_always_inline uint16_t load16(const uint8_t *p)
{
	return *(const wire16_t *)p;
}

/* Sum over a header of 20 bytes and more is 0xffff when its checksum is right (RFC 1071). */
static __rte_always_inline bool ipv4_checksum_ok(
	const struct rte_mbuf *m, const uint8_t *ip, uint32_t hlen)
{
	const wire32_t *word = (const wire32_t *)ip;
	uint64_t sum = 0;

	if ((m->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) == RTE_MBUF_F_RX_IP_CKSUM_GOOD)
		return true;
	for (uint32_t i = 0; i < 5; i++)
		sum += word[i];
	for (uint32_t i = 5; i < hlen / 4; i++)
		sum += word[i];
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum == 0xffff;
}

/* Is this local address an endpoint of ours? */
static bool local_endpoint4(const uint8_t *local)
{
	uint32_t address = *(const wire32_t *)local;
	uint64_t key[VTEP4_WORDS] = {address, vtep_word(0, 0, VTEP_ANY_PEER)};

	return exact_find(&vtep4_table, key) != NULL;
}

static bool local_endpoint6(const uint8_t *local)
{
	uint64_t key[VTEP6_WORDS] = {vtep_word(0, 0, VTEP_ANY_PEER)};

	memcpy(key + 1, local, 16);
	return exact_find(&vtep6_table, key) != NULL;
}

/* UDP and VXLAN, common to both families: fills candidate k or says what else becomes of the
 * packet. */
static __rte_always_inline enum verdict take_udp(struct worker *w, struct burst *b,
	struct candidates *c, struct rte_mbuf *m, const uint8_t *udp, uint32_t udp_room,
	bool is_ipv6)
{
	uint32_t k = c->n;
	uint32_t udp_len = rte_be_to_cpu_16(load16(udp + 4));

	if (unlikely(udp_len != udp_room))
		return drop(w, b, m, DROP_UDP_LENGTH);
	uint32_t strip = udp + UDP + VXLAN - rte_pktmbuf_mtod(m, const uint8_t *);

	if (unlikely(udp_len < UDP + VXLAN || m->data_len < strip || !(udp[8] & VXLAN_FLAG_VNI)))
		return drop(w, b, m, DROP_VXLAN_HEADER);
	c->pkt[k] = m;
	c->strip[k] = strip;
	c->csum_zero[k] = load16(udp + 6) == 0;
	uint32_t vni_be = *(const wire32_t *)(udp + 12) & RTE_BE32(0xffffff00);

	c->key[is_ipv6 ? k * VTEP6_WORDS : k * VTEP4_WORDS + 1] =
		vtep_word(load16(udp + 2), vni_be, 0);
	c->n++;
	return TAKE;
}

static __rte_always_inline enum verdict take_ipv4(
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
		m = reassembly_add4(w, b, m, hlen);
		if (m == NULL)
			return GONE;
		ip = rte_pktmbuf_mtod_offset(m, const uint8_t *, ETH);
		hlen = (ip[0] & 0xf) * 4; /* the first fragment's: options need not be in all */
		total = rte_be_to_cpu_16(load16(ip + 2));
	}
	const uint8_t *udp = ip + hlen;

	if (unlikely(total < hlen + UDP || m->data_len < ETH + hlen + UDP))
		return drop(w, b, m, DROP_UDP_LENGTH);
	if (!vxlan_port[load16(udp + 2)]) {
		b->punt[b->punts++] = m; /* m may be a reassembled one */
		return GONE;
	}
	uint32_t address = *(const wire32_t *)(ip + 16);

	c->key[c->n * VTEP4_WORDS] = (uint64_t) * (const wire32_t *)(ip + 12) << 32 | address;
	c->tos[c->n] = ip[1];
	if (unlikely(m->pkt_len > ETH + total))
		rte_pktmbuf_trim(m, m->pkt_len - ETH - total);
	return take_udp(w, b, c, m, udp, total - hlen, false);
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
		m = reassembly_add6(w, b, m);
		if (m == NULL)
			return GONE;
		ip = rte_pktmbuf_mtod_offset(m, const uint8_t *, ETH);
		payload = rte_be_to_cpu_16(load16(ip + 4));
	}
	const uint8_t *udp = ip + 40;

	if (ip[6] != IPPROTO_UDP) {
		b->punt[b->punts++] = m;
		return GONE;
	}
	if (unlikely(payload < UDP || m->data_len < ETH + 40 + UDP))
		return drop(w, b, m, DROP_UDP_LENGTH);
	if (!vxlan_port[load16(udp + 2)]) {
		b->punt[b->punts++] = m;
		return GONE;
	}
	uint64_t *key = &c->key[c->n * VTEP6_WORDS];

	memcpy(key + 1, ip + 24, 16);
	memcpy(key + 3, ip + 8, 16);
	c->tos[c->n] = rte_be_to_cpu_16(load16(ip)) >> 4;
	if (unlikely(m->pkt_len > ETH + 40 + payload))
		rte_pktmbuf_trim(m, m->pkt_len - ETH - 40 - payload);
	return take_udp(w, b, c, m, udp, payload, true);
}

/* A frame on an underlay port: candidate, the kernel's, or nobody's. */
static __rte_always_inline enum verdict sort_one(struct worker *w, struct burst *b,
	struct rte_mbuf *m, uint64_t mac, struct candidates *c4, struct candidates *c6)
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
	uint16_t type = load16(data + 12);

	if (likely(type == RTE_BE16(RTE_ETHER_TYPE_IPV4)))
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

	memcpy(peer, &c->key[k * words], words * sizeof(uint64_t));
	uint64_t *word = &peer[is_ipv6 ? 0 : 1];

	*word = vtep_word(*word >> 32, 0, VTEP_ANY_VNI);
	if (exact_find(t, peer) != NULL)
		worker_drop(w, b, c->pkt[k], DROP_TUNNEL_UNKNOWN_VNI);
	else if (is_ipv6 ? local_endpoint6(ip + 24) : local_endpoint4(ip + 16))
		worker_drop(w, b, c->pkt[k], DROP_TUNNEL_UNKNOWN_PEER);
	else
		b->punt[b->punts++] = c->pkt[k];
}

/* RFC 768, RFC 6935: a checksum that is there must be right; over IPv6 it must be there unless the
 * tunnel says otherwise. */
static bool udp_checksum_ok(
	struct worker *w, struct burst *b, struct candidates *c, uint32_t k, bool is_ipv6)
{
	struct rte_mbuf *m = c->pkt[k];
	void *ip = rte_pktmbuf_mtod_offset(m, void *, ETH);
	uint16_t l4_off = c->strip[k] - UDP - VXLAN;

	if (c->csum_zero[k]) {
		if (!is_ipv6 || (*c->value[k] & VTEP_ZERO_CSUM6))
			return true;
		worker_drop(w, b, m, DROP_UDP_ZERO_CHECKSUM6);
		return false;
	}
	if ((m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_GOOD)
		return true;
	int rc = is_ipv6 ? rte_ipv6_udptcp_cksum_mbuf_verify(m, ip, l4_off)
			 : rte_ipv4_udptcp_cksum_mbuf_verify(m, ip, l4_off);
	if (rc == 0)
		return true;
	worker_drop(w, b, m, DROP_UDP_CHECKSUM);
	return false;
}

/* RFC 6040 section 4.2, for an outer ECN field that is not 0: false when the packet must be
 * dropped. */
static bool ecn_decapsulate(uint8_t *frame, uint32_t len, uint8_t outer)
{
	uint16_t type = load16(frame + 12);
	uint8_t *ip = frame + ETH;
	bool v4 = type == RTE_BE16(RTE_ETHER_TYPE_IPV4) && len >= ETH + 20;

	if (!v4 && !(type == RTE_BE16(RTE_ETHER_TYPE_IPV6) && len >= ETH + 40))
		return true; /* no ECN field inside */
	uint8_t inner = v4 ? ip[1] & 3 : ip[1] >> 4 & 3;

	if (inner == 0)
		return outer != 3;
	/* CE wins; ECT(1) outside over ECT(0) inside becomes ECT(1) */
	uint8_t now = outer == 3 || inner == 3 ? 3 : outer == 1 ? 1 : inner;

	if (now == inner)
		return true;
	if (v4) {
		/* RFC 1624: HC' = ~(~HC + ~m + m') on the word that holds the field */
		struct rte_ipv4_hdr *hdr = (struct rte_ipv4_hdr *)ip;
		uint16_t old = load16(ip);

		ip[1] = (ip[1] & ~3) | now;
		uint32_t sum = (uint16_t)~hdr->hdr_checksum + (uint16_t)~old + load16(ip);

		sum = (sum & 0xffff) + (sum >> 16);
		sum = (sum & 0xffff) + (sum >> 16);
		hdr->hdr_checksum = ~sum;
	} else {
		ip[1] = (ip[1] & ~0x30) | now << 4;
	}
	return true;
}

/* What a run of packets from the same tunnel into the same slice adds up to; bytes with the outer
 * headers, and without. */
struct tunnel_run {
	uint32_t both; /* slice and tunnel, as in the endpoint table */
	uint64_t packets, bytes, slice_bytes;
};

static __rte_always_inline void run_count(struct switch_worker *sw, struct tunnel_run *run,
	uint32_t both, uint32_t bytes, uint32_t strip)
{
	if (unlikely(both != run->both)) {
		sw->tunnel[VTEP_TUNNEL(run->both)].in_packets += run->packets;
		sw->tunnel[VTEP_TUNNEL(run->both)].in_bytes += run->bytes;
		sw->slice[VTEP_SLICE(run->both)].in_packets += run->packets;
		sw->slice[VTEP_SLICE(run->both)].in_bytes += run->slice_bytes;
		*run = (struct tunnel_run){.both = both};
	}
	run->packets++;
	run->bytes += bytes;
	run->slice_bytes += bytes - strip;
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
	frame_enter(b, fdb, b->frames++, m, frame, slice, door);
	TRACE(b, m, STAGE_OVERLAY_IN, "from tunnel {tunnel %u} into slice {slice %u}", tunnel,
		slice);
}

/* Looks up all candidates. Neighbours in a burst mostly come from the same site: a key like the one
 * before is not looked up again. */
static __rte_always_inline void find_endpoints(
	struct candidates *c, const struct exact_table *t, const uint32_t words)
{
	uint64_t key[BURST_MAX * VTEP6_WORDS];
	uint64_t *value[BURST_MAX];
	uint8_t which[BURST_MAX];
	uint32_t n = 0;

	for (uint32_t k = 0; k < c->n; k++) {
		bool same = k > 0;

		for (uint32_t i = 0; same && i < words; i++)
			same = c->key[k * words + i] == c->key[(k - 1) * words + i];
		if (!same) {
			memcpy(&key[n * words], &c->key[k * words], words * sizeof(uint64_t));
			n++;
		}
		which[k] = n - 1;
	}
	exact_lookup_bulk(t, key, words, n, value);
	for (uint32_t k = 0; k < c->n; k++)
		c->value[k] = value[which[k]];
}

static __rte_always_inline void decapsulate(
	struct worker *w, struct burst *b, struct candidates *c, const bool is_ipv6)
{
	struct switch_worker *sw = switch_of(w);
	const struct exact_view fdb = exact_view(&fdb_table);
	struct tunnel_run run = {0};

	if (c->n == 0)
		return;
	if (is_ipv6)
		find_endpoints(c, &vtep6_table, VTEP6_WORDS);
	else
		find_endpoints(c, &vtep4_table, VTEP4_WORDS);
	for (uint32_t k = 0; k < c->n; k++) {
		if (unlikely(c->value[k] == NULL)) {
			miss(w, b, c, k, is_ipv6);
		} else if (likely(c->csum_zero[k] && !is_ipv6) ||
			   udp_checksum_ok(w, b, c, k, is_ipv6)) {
			run_count(sw, &run, *c->value[k], c->pkt[k]->pkt_len, c->strip[k]);
			enter(w, b, c->pkt[k], c->strip[k], c->tos[k], *c->value[k], &fdb);
		}
	}
	run_count(sw, &run, 0, 0, 0);
}

void overlay_in_run(struct worker *w, struct burst *b)
{
	const struct port_hot *ph = &port_hot[b->port];
	struct candidates c4, c6;
	uint64_t mac = 0;

	memcpy(&mac, &ph->mac, sizeof(ph->mac));
	mac <<= 16;
	c4.n = c6.n = 0;
	for (uint32_t i = 0; i < b->underlays; i++)
		if (sort_one(w, b, b->underlay[i], mac, &c4, &c6) == PUNT)
			b->punt[b->punts++] = b->underlay[i];
	decapsulate(w, b, &c4, false);
	decapsulate(w, b, &c6, true);
	worker_stage_done(w, STAGE_OVERLAY_IN, b->underlays);
}
