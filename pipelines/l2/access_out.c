/* SPDX-License-Identifier: BSD-3-Clause */
/* Out to a tenant: the frame of a slice leaves by an attachment, tagged where that has a VLAN. */
#include <rte_ether.h>

#include "l2.h"
#include "police_hot.h"
#include "shaper.h"

/* Puts an 802.1Q tag in: the two MACs move down by its four bytes. */
static __rte_always_inline void vlan_push(struct rte_mbuf *m, uint16_t vlan)
{
	uint8_t *data = rte_pktmbuf_mtod(m, uint8_t *);
	uint64_t a = *(wire64_t *)data;
	uint32_t b = *(wire32_t *)(data + 8);

	*(wire64_t *)(data - 4) = a;
	*(wire32_t *)(data + 4) = b;
	*(wire32_t *)(data + 8) = rte_cpu_to_be_32((uint32_t)RTE_ETHER_TYPE_VLAN << 16 | vlan);
	m->data_off -= RTE_VLAN_HLEN;
	m->data_len += RTE_VLAN_HLEN;
	m->pkt_len += RTE_VLAN_HLEN;
}

/* The attachment just went or moved, or the frame does not fit: the reason, else DROP_REASONS. */
static __rte_always_inline enum drop_reason refuse(
	const struct attachment_hot *a, const struct rte_mbuf *m, uint16_t slice)
{
	if (unlikely(a->slice != slice))
		return DROP_DESTINATION_GONE;
	if (unlikely(m->pkt_len > a->mtu + (uint32_t)sizeof(struct rte_ether_hdr)))
		return DROP_ACCESS_MTU;
	if (unlikely((a->vlan & ATTACHMENT_VID) != 0 && rte_pktmbuf_headroom(m) < RTE_VLAN_HLEN))
		return DROP_NO_HEADROOM;
	return DROP_REASONS;
}

void access_out_run(struct worker *w, struct burst *b)
{
	struct switch_worker *sw = switch_of(w);
	struct lane *lane = &b->to_access;
	struct tx_cursor tx = {.port = PORT_NONE};
	struct meter_cursor cursor = METER_CURSOR;
	struct run run = {0};

	for (uint32_t i = 0; i < lane->n; i++) {
		uint32_t way = lane->way[i];

		rte_prefetch0(&attachment_hot[LANE_TO(way)]);
		if (unlikely(i == 0 || way != lane->way[i - 1])) {
			rte_prefetch0(&sw->slice.traffic[LANE_SLICE(way)]);
			rte_prefetch0(&sw->attachment.traffic[LANE_TO(way)]);
		}
	}
	police_begin(w);
	for (uint32_t i = 0; i < lane->n; i++) {
		uint32_t way = lane->way[i];
		const struct attachment_hot a = attachment_load(LANE_TO(way));
		struct rte_mbuf *m = lane->pkt[i];
		uint32_t bytes = m->pkt_len;
		enum drop_reason why = refuse(&a, m, LANE_SLICE(way));

		if (unlikely(why != DROP_REASONS)) {
			slice_drop(w, b, m, LANE_SLICE(way), DOOR_ATTACHMENT | LANE_TO(way), why);
			continue;
		}
		uint16_t vid = a.vlan & ATTACHMENT_VID;

		if (unlikely(a.vlan & ATTACHMENT_METER_OUT) &&
			!police(w, b, m, &cursor,
				(struct police_at){POLICE_OUT, LANE_TO(way), way,
					bytes + (vid != 0 ? RTE_VLAN_HLEN : 0), police_need_to,
					lane, i}))
			continue;
		if (vid != 0)
			vlan_push(m, vid);
		run_count(sw, &run, &sw->attachment, false, way, bytes, m->pkt_len);
		TRACE(b, m, STAGE_ACCESS_OUT, "attachment {attachment %u}, to port {port %u}%s",
			LANE_TO(way), a.port, vid != 0 ? ", tagged" : "");
		shaper_mark(m, MARK_ATTACHMENT(way), m->pkt_len - bytes);
		tx_add(w, &tx, a.port, m);
	}
	tx_done(w, &tx);
	police_end(w, &cursor);
	run_count(sw, &run, &sw->attachment, false, 0, 0, 0);
	worker_stage_done(w, STAGE_ACCESS_OUT, lane->n);
	lane->n = 0;
}
