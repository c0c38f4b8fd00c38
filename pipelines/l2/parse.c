/* SPDX-License-Identifier: BSD-3-Clause */
/* First stage: which door did a frame come in by? (port, VLAN) → attachment → slice; untagged
 * frames of an underlay port without an untagged attachment may be for this box. */
#include <rte_ether.h>
#include <rte_memcpy.h>
#include <rte_prefetch.h>

#include "l2.h"
#include "police_hot.h"

#define PREFETCH_AHEAD 8

static __rte_always_inline uint16_t ether_type(const uint8_t *data)
{
	return *(const wire16_t *)(data + 12);
}

/* Takes the VLAN tag off: the two MACs move up by its four bytes. */
static __rte_always_inline uint8_t *vlan_pop(struct rte_mbuf *m, uint8_t *data)
{
	uint64_t a = *(const wire64_t *)data;
	uint32_t b = *(const wire32_t *)(data + 8);

	*(wire64_t *)(data + 4) = a;
	*(wire32_t *)(data + 12) = b;
	rte_pktmbuf_adj(m, RTE_VLAN_HLEN);
	return data + RTE_VLAN_HLEN;
}

/* The attachment a tagged frame belongs to: 0 with *why, or its id with the tag popped. VID 0 is a
 * priority tag: the frame is an untagged one (IEEE 802.1Q 6.9.1). */
static uint16_t tagged_attachment(
	const struct port_hot *ph, struct rte_mbuf *m, uint8_t **data, enum drop_reason *why)
{
	uint16_t type = ether_type(*data);
	uint16_t id;

	if (type != RTE_BE16(RTE_ETHER_TYPE_VLAN)) {
		*why = DROP_VLAN_TPID;
		return 0;
	}
	if (m->data_len < sizeof(struct rte_ether_hdr) + RTE_VLAN_HLEN) {
		*why = DROP_RUNT;
		return 0;
	}
	uint16_t vid = rte_be_to_cpu_16(*(const wire16_t *)(*data + 14)) & 0xfff;

	id = vid != 0 ? ph->vlan[vid] : ph->untagged;
	if (id == 0) {
		*why = vid != 0 ? DROP_VLAN_UNKNOWN : DROP_NO_ATTACHMENT;
		return 0;
	}
	*data = vlan_pop(m, *data);
	return id;
}

static void trace_entered(struct burst *b, uint32_t n, struct rte_mbuf **pkt, const uint16_t *slice,
	const door_t *door)
{
	for (uint32_t i = 0; i < n; i++) {
		trace_slice(b, pkt[i], slice[i]);
		trace_step(b, pkt[i], "parse", "attachment {attachment %u} of slice {slice %u}",
			DOOR_ID(door[i]), slice[i]);
	}
}

static void parse_trace(struct burst *b)
{
	trace_entered(b, b->frames, b->frame, b->slice, b->door);
	trace_entered(b, b->routes, b->route, b->route_slice, b->route_door);
	for (uint32_t i = 0; i < b->underlays; i++)
		trace_step(b, b->underlay[i], "parse", "untagged on an underlay port");
}

/* An underlay port without attachments: all of the burst may be for this box. */
static void all_underlay(struct worker *w, struct burst *b)
{
	b->underlays = b->n;
	rte_memcpy(b->underlay, b->pkt, b->n * sizeof(b->pkt[0]));
	if (unlikely(b->trace != NULL))
		parse_trace(b);
	worker_stage_done(w, STAGE_PARSE, b->n);
}

/* The packets in hand of one attachment; the first one's tag may be off already. */
struct in_hand {
	const struct burst *b;
	const struct port_hot *ph;
	uint16_t id;
	uint32_t bytes;
};

static uint32_t need_from(const void *arg, uint32_t i)
{
	const struct in_hand *hand = arg;
	uint32_t bytes = hand->bytes;

	while (++i < hand->b->n) {
		const struct rte_mbuf *m = hand->b->pkt[i];
		const uint8_t *data = rte_pktmbuf_mtod(m, const uint8_t *);
		uint16_t vid = 0;

		if (m->data_len < sizeof(struct rte_ether_hdr) + RTE_VLAN_HLEN)
			continue;
		if (is_vlan_tag(ether_type(data)))
			vid = rte_be_to_cpu_16(*(const wire16_t *)(data + 14)) & 0xfff;
		if ((vid != 0 ? hand->ph->vlan[vid] : hand->ph->untagged) == hand->id)
			bytes += m->pkt_len;
	}
	return bytes;
}

static __rte_always_inline bool police_in(struct worker *w, struct burst *b,
	struct meter_cursor *cur, uint32_t i, uint16_t id, uint16_t slice, uint32_t bytes)
{
	struct in_hand hand = {b, &port_hot[b->port], id, bytes};

	return police(w, b, b->pkt[i], cur,
		(struct police_at){POLICE_IN, id, LANE_WAY(slice, id), bytes, need_from, &hand, i});
}

void parse_run(struct worker *w, struct burst *b)
{
	const struct port_hot *ph = &port_hot[b->port];
	const uint16_t untagged = ph->untagged;
	const bool underlay = ph->underlay;
	const struct exact_view fdb = exact_view(&fdb_table);
	struct meter_cursor cursor = METER_CURSOR;
	struct switch_worker *sw = switch_of(w);
	struct run run = {0};
	uint32_t frames = 0;

	for (uint32_t i = 0; i < RTE_MIN(b->n, (uint32_t)PREFETCH_AHEAD); i++)
		rte_prefetch0(rte_pktmbuf_mtod(b->pkt[i], void *));
	if (underlay && ph->attachments == 0) {
		all_underlay(w, b);
		return;
	}
	police_begin(w);
	if (attachment_hot[untagged].vlan & ATTACHMENT_METER_IN)
		meter_prefetch(&switch_of(w)->meter, POLICE_USE(POLICE_IN, untagged));
	for (uint32_t i = 0; i < b->n; i++) {
		struct rte_mbuf *m = b->pkt[i];
		uint8_t *data = rte_pktmbuf_mtod(m, uint8_t *);
		uint32_t bytes = m->pkt_len;
		uint16_t id = untagged;
		enum drop_reason why = DROP_NO_ATTACHMENT;

		if (i + PREFETCH_AHEAD < b->n)
			rte_prefetch0(rte_pktmbuf_mtod(b->pkt[i + PREFETCH_AHEAD], void *));
		if (unlikely(m->data_len < sizeof(struct rte_ether_hdr))) {
			worker_drop(w, b, m, DROP_RUNT);
			continue;
		}
		bool stacked = false;

		if (is_vlan_tag(ether_type(data))) {
			id = tagged_attachment(ph, m, &data, &why);
			stacked = is_vlan_tag(ether_type(data));
		} else if (id == 0 && underlay) {
			b->underlay[b->underlays++] = m;
			continue;
		}
		const struct attachment_hot a = attachment_load(id);
		uint16_t slice = a.slice; /* 0 for id 0, and for one just deleted */

		if (unlikely(slice == 0)) {
			worker_drop(w, b, m, why);
			continue;
		}
		run_count(sw, &run, &sw->attachment, true, LANE_WAY(slice, id), m->pkt_len, bytes);
		/* a tag inside a slice could come out as another slice's (RFC 7348 section 6.1) */
		if (unlikely(stacked))
			slice_drop(w, b, m, slice, DOOR_ATTACHMENT | id, DROP_VLAN_STACKED);
		else if (unlikely(a.vlan & ATTACHMENT_METER_IN) &&
			 !police_in(w, b, &cursor, i, id, slice, bytes))
			continue;
		else if (a.vlan & ATTACHMENT_L3)
			route_enter(b, m, slice, DOOR_ATTACHMENT | id);
		else
			frame_enter(b, &fdb, frames++, m, data, slice, DOOR_ATTACHMENT | id);
	}
	police_end(w, &cursor);
	run_count(sw, &run, &sw->attachment, true, 0, 0, 0);
	b->frames = frames;
	if (unlikely(b->trace != NULL))
		parse_trace(b);
	worker_stage_done(w, STAGE_PARSE, b->n);
}
