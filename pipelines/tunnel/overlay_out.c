/* SPDX-License-Identifier: BSD-3-Clause */
/* Encapsulation: a frame of a slice becomes a UDP packet to the other site (RFC 7348 section 5).
 * The finished header of the path is copied in front; length, DSCP and ECN, source port and VNI
 * are filled in. */
#include <rte_ip.h>
#include <rte_memcpy.h>
#include <rte_udp.h>

#include "flow.h"
#include "hot.h"
#include "ipv4_sum.h"
#include "police_hot.h"
#include "shaper.h"
#include "tunnel.h"
#include "tunnel_parts.h"

#define HDR4 50 /* Ethernet 14, IPv4 20, UDP 8, VXLAN 8 */
#define HDR6 70
#define COPY4                                                                                      \
	64 /* line 0 of struct encap: its 14 bytes of decision land in front of the header, and    \
	      nobody reads them */
#define COPY6 84

/* RFC 6040 section 4.1, normal mode: ECN is copied; DSCP is copied or fixed. */
static __rte_always_inline uint8_t outer_tos(const struct encap *e, uint8_t tos)
{
	return e->flags & ENCAP_DSCP_FIXED ? e->dscp | (tos & 3) : tos;
}

static __rte_always_inline uint16_t source_port(uint32_t hash)
{
	return rte_cpu_to_be_16(0xc000 | (hash & 0x3fff)); /* RFC 7348 section 5: 49152 to 65535 */
}

/* RFC 768, RFC 8200 section 8.1: over the pseudo header, UDP, VXLAN and the frame. What all packets
 * of the path share is in csum_base; the frame is summed where it lies, before any header stands in
 * front. Never zero on the wire. */
static __rte_noinline uint16_t udp_checksum(const struct encap *e, const struct rte_mbuf *m,
	const uint8_t *frame, uint16_t udp_len_be, uint16_t port_be, uint32_t vni_be)
{
	uint16_t frame_sum = 0;
	uint32_t sum;

	if (likely(m->nb_segs == 1))
		frame_sum = rte_raw_cksum(frame, m->data_len);
	else
		rte_raw_cksum_mbuf(m, 0, m->pkt_len, &frame_sum);
	/* the length counts in the pseudo header and in UDP's own */
	sum = sum_fold(e->udp_base + frame_sum + 2u * udp_len_be + port_be + (vni_be & 0xffff) +
		       (vni_be >> 16));
	return sum == 0xffff ? 0xffff : ~sum;
}

static __rte_always_inline void put_ipv4(struct switch_worker *sw, struct rte_mbuf *m,
	uint8_t *frame, const struct encap *e, flow_t f, uint32_t vni_be)
{
	uint16_t len_be = rte_cpu_to_be_16(m->pkt_len + HDR4 - sizeof(struct rte_ether_hdr));
	uint16_t udp_len_be = rte_cpu_to_be_16(m->pkt_len + 16);
	uint16_t port_be = source_port(FLOW_HASH(f));
	uint8_t tos = outer_tos(e, FLOW_TOS(f));
	uint16_t id = 0, csum = 0;

	if (unlikely(e->flags & ENCAP_IP_ID)) {
		id = ip_id_next_be(sw);
	}
	if (unlikely(e->flags & ENCAP_UDP_CSUM))
		csum = udp_checksum(e, m, frame, udp_len_be, port_be, vni_be);
	uint32_t sum = sum_fold(e->csum_base + len_be + ((uint32_t)tos << 8) + id);

	rte_mov64(frame - COPY4,
		(const uint8_t *)e); /* one store: the fields below are patched over it */
	frame[-35] = tos;
	*(wire16_t *)(frame - 34) = len_be;
	*(wire16_t *)(frame - 32) = id;
	*(wire16_t *)(frame - 26) = ~sum;
	*(wire16_t *)(frame - 16) = port_be;
	*(wire32_t *)(frame - 12) =
		udp_len_be | (uint32_t)csum << 16; /* little-endian: length, checksum */
	*(wire32_t *)(frame - 4) = vni_be;
	m->data_off -= HDR4;
	m->data_len += HDR4;
	m->pkt_len += HDR4;
}

/* Not inlined: the common case keeps its registers. */
static __rte_noinline void put_ipv6(
	struct rte_mbuf *m, uint8_t *frame, const struct encap *e, flow_t f, uint32_t vni_be)
{
	uint16_t udp_len_be = rte_cpu_to_be_16(m->pkt_len + 16);
	uint16_t port_be = source_port(FLOW_HASH(f));
	uint16_t csum = e->flags & ENCAP_UDP_CSUM
				? udp_checksum(e, m, frame, udp_len_be, port_be, vni_be)
				: 0;
	uint8_t *ip = frame - 56;

	rte_mov64(frame - COPY6, (const uint8_t *)e);
	rte_mov16(frame - COPY6 + 64, (const uint8_t *)e + 64);
	/* the flow label carries the flow's entropy as well (RFC 6438) */
	*(wire32_t *)ip = rte_cpu_to_be_32(
		6u << 28 | (uint32_t)outer_tos(e, FLOW_TOS(f)) << 20 | (FLOW_HASH(f) >> 12));
	*(wire16_t *)(ip + 4) = udp_len_be;
	*(wire16_t *)(frame - 16) = port_be;
	*(wire32_t *)(frame - 12) = udp_len_be | (uint32_t)csum << 16;
	*(wire32_t *)(frame - 4) = vni_be;
	m->data_off -= HDR6;
	m->data_len += HDR6;
	m->pkt_len += HDR6;
}

/* Why a frame that may not go, may not. */
static enum drop_reason refusal(const struct encap *e, const struct rte_mbuf *m)
{
	if (e->port == PORT_NONE)
		return e->why;
	return m->pkt_len > e->max_len ? DROP_UNDERLAY_MTU : DROP_NO_HEADROOM;
}

static bool may_fragment(const struct rte_mbuf *m)
{
	return rte_pktmbuf_headroom(m) >= COPY6 && m->nb_segs == 1 &&
	       m->pkt_len <= UINT16_MAX - HDR6;
}

static void trace_out(
	struct burst *b, const struct rte_mbuf *m, const struct encap *e, uint16_t tunnel)
{
	trace_step(b, m, "overlay_out", "tunnel {tunnel %u}, to port {port %u}", tunnel, e->port);
}

/* A frame too large for the underlay, on a tunnel that may fragment: tunnel and slice count it as
 * one, the port counts the pieces. */
static __rte_noinline void send_fragments(struct worker *w, struct burst *b, struct rte_mbuf *m,
	const struct encap *e, uint32_t way, flow_t f)
{
	struct switch_worker *sw = switch_of(w);
	struct traffic *slice = &sw->slice.traffic[LANE_SLICE(way)],
		       *tunnel = &sw->tunnel.traffic[LANE_TO(way)];
	uint32_t vni_be = slice_hot[LANE_SLICE(way)].vni_be, bytes = m->pkt_len;
	uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *);
	struct rte_mbuf *piece[FRAGMENTS_MAX];

	if (e->flags & ENCAP_IPV6)
		put_ipv6(m, frame, e, f, vni_be);
	else
		put_ipv4(sw, m, frame, e, f, vni_be);
	uint32_t mtu = e->max_len + e->hdr_len - sizeof(struct rte_ether_hdr);
	uint32_t n = fragment_make(m, mtu, sw->ip6_id, piece);

	if (n == 0) {
		slice_drop(
			w, b, m, LANE_SLICE(way), DOOR_TUNNEL | LANE_TO(way), DROP_OUTER_NO_MBUF);
		return;
	}
	sw->ip6_id += sw->ip_id_step;
	w->box.replicated += n - 1;
	slice->out_packets++;
	slice->out_bytes += bytes;
	tunnel->out_packets++;
	tunnel->out_bytes += bytes + e->hdr_len;
	TRACE(b, m, STAGE_OVERLAY_OUT, "tunnel {tunnel %u}, to port {port %u} in %u fragments",
		LANE_TO(way), e->port, n);
	for (uint32_t i = 0; i < n; i++) {
		shaper_mark(piece[i], MARK_TUNNEL(way), i == 0 ? e->hdr_len : 0);
		worker_tx(w, e->port, piece[i]);
	}
}

/* The slice's meter; a remarked frame's new DSCP is the outer header's as well. */
static __rte_always_inline bool police_slice(
	struct worker *w, struct burst *b, struct meter_cursor *cur, struct lane *lane, uint32_t i)
{
	struct rte_mbuf *m = lane->pkt[i];
	uint32_t way = lane->way[i];

	if (!police(w, b, m, cur,
		    (struct police_at){POLICE_SLICE, LANE_SLICE(way), way, m->pkt_len,
			    police_need_slice, lane, i}))
		return false;
	if (unlikely(m->ol_flags & police_yellow)) {
		flow_t now = flow_of(m, rte_pktmbuf_mtod(m, uint8_t *));

		lane->flow[i] = flow_make(FLOW_HASH(lane->flow[i]), FLOW_TOS(now));
	}
	return true;
}

void overlay_out_run(struct worker *w, struct burst *b)
{
	struct switch_worker *sw = switch_of(w);
	struct lane *lane = &b->to_tunnel;
	const struct encap *path[BURST_MAX];
	struct tx_cursor tx = {.port = PORT_NONE};
	struct meter_cursor cursor = METER_CURSOR;
	struct run run = {0};

	for (uint32_t i = 0; i < lane->n; i++) {
		uint32_t way = lane->way[i];

		path[i] = path_pick(LANE_TO(way), FLOW_HASH(lane->flow[i]));
		rte_prefetch0(path[i]);
		if (unlikely(i == 0 || way != lane->way[i - 1])) {
			rte_prefetch0(&slice_hot[LANE_SLICE(way)]);
			rte_prefetch0(&sw->slice.traffic[LANE_SLICE(way)]);
			rte_prefetch0(&sw->tunnel.traffic[LANE_TO(way)]);
		}
	}
	police_begin(w);
	for (uint32_t i = 0; i < lane->n; i++) {
		struct rte_mbuf *m = lane->pkt[i];
		const struct encap *e = path[i];
		uint32_t way = lane->way[i];
		uint32_t bytes = m->pkt_len;
		uint16_t port = e->port;

		/* max_len is 0 where there is no path */
		if (unlikely(bytes > e->max_len || rte_pktmbuf_headroom(m) < COPY6)) {
			if ((e->flags & ENCAP_FRAGMENT) && may_fragment(m)) {
				tx_done(w, &tx);
				tx.port = PORT_NONE;
				if (slice_hot[LANE_SLICE(way)].meter != 0 &&
					!police_slice(w, b, &cursor, lane, i))
					continue;
				send_fragments(w, b, m, e, way, lane->flow[i]);
				continue;
			}
			slice_drop(w, b, m, LANE_SLICE(way), DOOR_TUNNEL | LANE_TO(way),
				refusal(e, m));
			continue;
		}
		if (unlikely(slice_hot[LANE_SLICE(way)].meter != 0) &&
			!police_slice(w, b, &cursor, lane, i))
			continue;
		run_count(sw, &run, &sw->tunnel, false, way, bytes, bytes + e->hdr_len);
		uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *);
		uint32_t vni_be = slice_hot[LANE_SLICE(way)].vni_be;

		if (unlikely((slice_hot[LANE_SLICE(way)].flags & SLICE_CLAMP_MSS) &&
			     mss_may_be_syn(frame, m->data_len)))
			mss_clamp(frame, m->data_len, e->max_len - sizeof(struct rte_ether_hdr));
		if (likely(!(e->flags & ENCAP_IPV6)))
			put_ipv4(sw, m, frame, e, lane->flow[i], vni_be);
		else
			put_ipv6(m, frame, e, lane->flow[i], vni_be);
		if (unlikely(b->trace != NULL))
			trace_out(b, m, e, LANE_TO(way));
		shaper_mark(m, MARK_TUNNEL(way), e->hdr_len);
		tx_add(w, &tx, port, m);
	}
	tx_done(w, &tx);
	police_end(w, &cursor);
	run_count(sw, &run, &sw->tunnel, false, 0, 0, 0);
	worker_stage_done(w, STAGE_OVERLAY_OUT, lane->n);
	lane->n = 0;
}
