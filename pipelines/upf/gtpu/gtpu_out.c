/* SPDX-License-Identifier: BSD-3-Clause */
/* Into GTP-U tunnels (TS 29.281, TS 38.415): the finished header of the peer's path is copied in
 * front of the packet; lengths, TEID, PDU Session Container, DSCP and ECN, and source port are
 * filled in. What comes here fits and has been counted (session_batch.c). */
#include <rte_ip.h>

#include "gtpu_put.h"
#include "police_hot.h"
#include "gtpu_out.h"
#include "upf_worker.h"

#define ETH ((uint32_t)sizeof(struct rte_ether_hdr))

/* ---- headers ---- */

static uint32_t sum_of(uint64_t word)
{
	uint64_t sum = (word & 0xffffffff) + (word >> 32);

	return (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
}

/* As overlay_out.c's: what all packets of the path share is in udp_base; the rest is summed where
 * it lies, before any header stands in front. Never zero on the wire. */
uint16_t gtpu_udp_checksum(const struct encap *e, const struct rte_mbuf *m,
	const struct gtpu_fields *f, uint16_t udp_len_be)
{
	uint16_t packet = 0;
	uint32_t sum;

	if (likely(m->nb_segs == 1))
		packet = rte_raw_cksum(rte_pktmbuf_mtod(m, const void *), m->data_len);
	else
		rte_raw_cksum_mbuf(m, 0, m->pkt_len, &packet);
	/* the length counts in the pseudo header and in UDP's own */
	sum = e->udp_base + packet + 2u * udp_len_be + f->port_be + sum_of(f->gtpu) +
	      sum_of(f->psc);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum == 0xffff ? 0xffff : ~sum;
}

void gtpu_put_ipv6(struct rte_mbuf *m, const struct encap *e, const struct gtpu_fields *f)
{
	uint8_t *at = rte_pktmbuf_mtod(m, uint8_t *) - (f->psc != 0 ? GTPU_PSC_ROOM : 0),
		*ip = at - 56;
	uint16_t udp_len_be = rte_cpu_to_be_16(f->len + 8);
	uint16_t csum = e->flags & ENCAP_UDP_CSUM ? gtpu_udp_checksum(e, m, f, udp_len_be) : 0;

	rte_mov64(at - 84, (const uint8_t *)e);
	rte_mov16(at - 84 + 64, (const uint8_t *)e + 64);
	/* the flow label carries the flow's entropy as well (RFC 6438) */
	*(wire32_t *)ip = rte_cpu_to_be_32(6u << 28 | (uint32_t)f->tos << 20 | f->hash >> 12);
	*(wire16_t *)(ip + 4) = udp_len_be;
	*(wire16_t *)(at - 16) = f->port_be;
	*(wire32_t *)(at - 12) = udp_len_be | (uint32_t)csum << 16;
	*(wire64_t *)(at - 8) = f->gtpu;
	if (f->psc != 0)
		*(wire64_t *)at = f->psc;
	gtpu_grow(m, GTPU_HDR6 + (f->psc != 0 ? GTPU_PSC_ROOM : 0));
}

/* ---- counters ---- */

/* ---- the slice's meter ---- */

static __rte_always_inline uint32_t frame_len(const struct rte_mbuf *m, flow_t flow)
{
	return m->pkt_len + (flow & FLOW_FRAME ? 0 : ETH);
}

static uint32_t need_slice(const void *arg, uint32_t i)
{
	const struct burst *b = arg;
	uint16_t slice = b->to_gtpu_way[i].slice;
	uint32_t bytes = 0;

	for (; i < b->to_gtpus; i++)
		bytes += b->to_gtpu_way[i].slice == slice
				 ? frame_len(b->to_gtpu[i], b->to_gtpu_flow[i])
				 : 0;
	return bytes;
}

/* As a frame, which is what meters look at: the 14 bytes in front are free. A remarked packet's new
 * DSCP is the outer header's as well. */
static __rte_noinline bool police_slice(
	struct worker *w, struct burst *b, struct meter_cursor *cur, uint32_t i, uint32_t way)
{
	struct rte_mbuf *m = b->to_gtpu[i];
	flow_t is_frame = b->to_gtpu_flow[i] & FLOW_FRAME;

	if (!is_frame) {
		gtpu_grow(m, ETH);
		uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *);

		*(wire16_t *)(frame + 12) = frame[ETH] >> 4 == 6 ? RTE_BE16(RTE_ETHER_TYPE_IPV6)
								 : RTE_BE16(RTE_ETHER_TYPE_IPV4);
	}
	if (!police(w, b, m, cur,
		    (struct police_at){
			    POLICE_SLICE, LANE_SLICE(way), way, m->pkt_len, need_slice, b, i}))
		return false;
	if (unlikely(m->ol_flags & police_yellow))
		b->to_gtpu_flow[i] =
			is_frame |
			flow_make(FLOW_HASH(b->to_gtpu_flow[i]),
				FLOW_TOS(flow_of(m, rte_pktmbuf_mtod(m, const uint8_t *))));
	if (!is_frame)
		gtpu_grow(m, -ETH);
	return true;
}

void gtpu_out_run(struct worker *w, struct burst *b)
{
	struct switch_worker *sw = switch_of(w);
	struct tx_cursor tx = {.port = PORT_NONE};
	struct meter_cursor cursor = METER_CURSOR;
	struct run run = {0};
	uint32_t last = 0;

	for (uint32_t i = 0; i < b->to_gtpus; i++) {
		uint32_t way = LANE_WAY(b->to_gtpu_way[i].slice, b->to_gtpu_way[i].peer);

		if (way == last)
			continue;
		rte_prefetch0(&slice_hot[LANE_SLICE(way)]);
		rte_prefetch0(&sw->slice.traffic[LANE_SLICE(way)]);
		rte_prefetch0(&sw->tunnel.traffic[LANE_TO(way)]);
		last = way;
	}
	police_begin(w);
	for (uint32_t i = 0; i < b->to_gtpus; i++) {
		const struct gtpu_way *a = &b->to_gtpu_way[i];
		const struct encap *e = b->to_gtpu_path[i];
		struct rte_mbuf *m = b->to_gtpu[i];
		uint32_t way = LANE_WAY(a->slice, a->peer),
			 bytes = frame_len(m, b->to_gtpu_flow[i]);

		if (unlikely(slice_hot[a->slice].meter != 0) &&
			!police_slice(w, b, &cursor, i, way))
			continue;
		gtpu_put(sw, m, e, a, b->to_gtpu_flow[i]);
		run_count(sw, &run, &sw->tunnel, false, way, bytes, m->pkt_len);
		TRACE(b, m, STAGE_GTPU_OUT, "TEID %u of GTP-U peer {tunnel %u}, to port {port %u}",
			rte_be_to_cpu_32(a->teid_be), a->peer, e->port);
		shaper_mark(m, MARK_TUNNEL(way), m->pkt_len - bytes);
		tx_add(w, &tx, e->port, m);
	}
	tx_done(w, &tx);
	police_end(w, &cursor);
	run_count(sw, &run, &sw->tunnel, false, 0, 0, 0);
	worker_stage_done(w, STAGE_GTPU_OUT, b->to_gtpus);
	b->to_gtpus = 0;
}

/* ---- messages ---- */

void gtpu_send(struct worker *w, struct burst *b, struct rte_mbuf *m, uint16_t slice, uint16_t peer)
{
	const struct encap *e = path_pick(peer, 0);
	struct gtpu_fields f = {.len = m->pkt_len, .port_be = RTE_BE16(GTPU_PORT), .tos = e->dscp};
	const uint8_t *message = rte_pktmbuf_mtod(m, const uint8_t *);
	enum drop_reason why = e->port == PORT_NONE ? e->why : DROP_NO_HEADROOM;

	/* the message's own first eight octets are the header's last */
	if (unlikely(e->port == PORT_NONE || m->data_len < GTPU_HEADER || m->pkt_len > e->max_len ||
		     rte_pktmbuf_headroom(m) < 96)) {
		slice_drop(w, b, m, slice, DOOR_TUNNEL | peer, why);
		return;
	}
	f.gtpu = *(const wire64_t *)message;
	gtpu_grow(m, -GTPU_HEADER);
	if (e->flags & ENCAP_IPV6)
		gtpu_put_ipv6(m, e, &f);
	else
		gtpu_put_ipv4(switch_of(w), m, e, &f);
	switch_of(w)->tunnel.traffic[peer].out_packets++;
	switch_of(w)->tunnel.traffic[peer].out_bytes += m->pkt_len;
	TRACE(b, m, STAGE_GTPU_OUT, "GTP-U message to peer {tunnel %u}, to port {port %u}", peer,
		e->port);
	shaper_mark(m, slice != 0 ? MARK_TUNNEL(LANE_WAY(slice, peer)) : MARK_BOX, 0);
	worker_tx(w, e->port, m);
}
