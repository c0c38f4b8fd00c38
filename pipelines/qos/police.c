/* SPDX-License-Identifier: BSD-3-Clause */
/* The switch's meters: profiles and uses for rpc/ on the main thread, and what happens to frames
 * that are not green. Owns the bank of meters; the green way is police_hot.h. */
#include "police.h"

#include <rte_errno.h>
#include <rte_ether.h>
#include <rte_mbuf_dyn.h>
#include <stdbool.h>

#include "ids.h"
#include "ipv4_sum.h"
#include "police_hot.h"
#include "tsc.h"
#include "wire.h"

#define ETH ((uint32_t)sizeof(struct rte_ether_hdr))

/* AF11, AF21, AF31, AF41: 10, 18, 26, 34. */
static bool is_afx1(uint8_t tos)
{
	return (tos & 0x1c) == 0x08 && tos >> 5 >= 1 && tos >> 5 <= 4;
}

/* RFC 2597: AFx1 becomes AFx2, in IPv4 (checksum and all) and IPv6; every other code point, ECN and
 * what is not IP stay as they are. frame has len bytes in its first buffer, at least an Ethernet
 * header. */
static void dscp_raise(uint8_t *frame, uint32_t len)
{
	uint16_t type = load16(frame + 12);
	uint8_t *ip = frame + ETH;

	if (type == RTE_BE16(RTE_ETHER_TYPE_IPV4) && len >= ETH + 20) {
		if (is_afx1(ip[1]))
			ipv4_tos_set(ip, (ip[1] & ~0x1c) | 0x10);
		return;
	}
	if (type == RTE_BE16(RTE_ETHER_TYPE_IPV6) && len >= ETH + 40) {
		uint8_t tos = ip[0] << 4 | ip[1] >> 4;

		if (!is_afx1(tos))
			return;
		tos = (tos & ~0x1c) | 0x10;
		ip[0] = (ip[0] & 0xf0) | tos >> 4;
		ip[1] = (ip[1] & 0x0f) | (uint8_t)(tos << 4);
	}
}

uint64_t police_yellow;
static struct meter_bank bank;
static struct ids ids;

int police_init(uint32_t workers)
{
	static const struct rte_mbuf_dynflag yellow = {.name = "sluice_meter_yellow"};
	int bit = rte_mbuf_dynflag_register(&yellow);

	if (bit < 0)
		return -rte_errno;
	police_yellow = 1ull << bit;
	ids_init(&ids, LIMIT_METERS);
	return meter_bank_init(&bank, POLICE_USES, LIMIT_METERS + 1, workers, rte_get_tsc_hz());
}

void police_fini(void)
{
	meter_bank_fini(&bank);
}

int police_worker_init(struct worker *w)
{
	return meter_worker_init(&switch_of(w)->meter, &bank, w->id);
}

/* ---- profiles ---- */

int police_reserve(uint16_t *id)
{
	return ids_reserve(&ids, id);
}

void police_release(uint16_t id)
{
	ids_give(&ids, id);
}

void police_set(uint16_t id, const struct api_meter *cfg)
{
	struct meter_config meter = {
		.cir_bps = cfg->cir_bps,
		.pir_bps = cfg->pir_bps,
		.cbs_bytes = cfg->cbs_bytes,
		.pbs_bytes = cfg->pbs_bytes,
		.algorithm = cfg->algorithm,
		.blind = cfg->color == COLOR_BLIND,
		.yellow = cfg->yellow,
	};

	meter_profile_set(&bank, id, &meter, tsc_now());
}

static void free_id(void *arg)
{
	ids_give(&ids, (uintptr_t)arg);
}

void police_unset(uint16_t id)
{
	rcu_defer(free_id, (void *)(uintptr_t)id);
}

/* ---- uses ---- */

void police_use(enum police_place place, uint16_t owner, uint16_t meter)
{
	struct attachment_hot *a = &attachment_hot[owner];
	uint16_t flag = place == POLICE_IN ? ATTACHMENT_METER_IN : ATTACHMENT_METER_OUT;

	if (meter != 0)
		meter_use_start(&bank, POLICE_USE(place, owner), meter);
	/* release: a worker that sees the mark sees whose the use is (meter_use_start) */
	if (place == POLICE_SLICE)
		__atomic_store_n(&slice_hot[owner].meter, meter, __ATOMIC_RELEASE);
	else
		__atomic_store_n(
			&a->vlan, (a->vlan & ~flag) | (meter != 0 ? flag : 0), __ATOMIC_RELEASE);
}

void police_add(enum police_place place, uint16_t owner, struct meter_counts *sum)
{
	struct meter_counts one;

	meter_use_read(&bank, POLICE_USE(place, owner), &one);
	for (int c = 0; c < METER_COLORS; c++) {
		sum->packets[c] += one.packets[c];
		sum->bytes[c] += one.bytes[c];
	}
}

/* ---- frames ---- */

static const enum drop_reason red[] = {
	[POLICE_SLICE] = DROP_SLICE_METER_RED,
	[POLICE_IN] = DROP_METER_IN_RED,
	[POLICE_OUT] = DROP_METER_OUT_RED,
};
_Static_assert(DROP_SLICE_METER_YELLOW == DROP_SLICE_METER_RED + 1 &&
		       DROP_METER_IN_YELLOW == DROP_METER_IN_RED + 1 &&
		       DROP_METER_OUT_YELLOW == DROP_METER_OUT_RED + 1,
	"yellow stands behind red");

static bool act(struct worker *w, struct burst *b, struct rte_mbuf *m, const struct police_at *at,
	enum meter_color color)
{
	uint8_t action =
		meter_yellow_action(&switch_of(w)->meter, POLICE_USE(at->place, at->owner));
	door_t door =
		(at->place == POLICE_SLICE ? DOOR_TUNNEL : DOOR_ATTACHMENT) | LANE_TO(at->way);

	if (color == METER_GREEN) { /* maybe of a colour-blind meter after one that said yellow */
		m->ol_flags &= ~police_yellow;
		return true;
	}
	if (color == METER_RED || action == YELLOW_DROP) {
		if (at->place == POLICE_SLICE && (m->ol_flags & session_charged))
			DOOR_OPS(DOOR_SESSION)->refund(w, m);
		slice_drop(w, b, m, LANE_SLICE(at->way), door,
			red[at->place] + (color == METER_YELLOW ? 1 : 0));
		return false;
	}
	m->ol_flags |= police_yellow;
	if (action == YELLOW_REMARK)
		dscp_raise(rte_pktmbuf_mtod(m, uint8_t *), m->data_len);
	if (unlikely(b->trace != NULL))
		trace_step(b, m, "meter", "yellow%s", action == YELLOW_REMARK ? ", remarked" : "");
	return true;
}

bool police_other(struct worker *w, struct burst *b, struct rte_mbuf *m, struct meter_cursor *cur,
	const struct police_at *at)
{
	struct meter_worker *mw = &switch_of(w)->meter;
	uint32_t use = POLICE_USE(at->place, at->owner);
	enum meter_color in = m->ol_flags & police_yellow ? METER_YELLOW : METER_GREEN;

	meter_done(mw, cur);
	enum meter_color out = meter_color(mw, use, at->bytes, in, at->need, at->in_hand, at->i);

	meter_hold(mw, cur, use);
	return (in | out) == METER_GREEN || act(w, b, m, at, out);
}

uint32_t police_need_to(const void *in_hand, uint32_t i)
{
	const struct lane *lane = in_hand;
	uint16_t to = LANE_TO(lane->way[i]);
	uint32_t tag = attachment_hot[to].vlan & ATTACHMENT_VID ? RTE_VLAN_HLEN : 0, bytes = 0;

	for (; i < lane->n; i++)
		bytes += LANE_TO(lane->way[i]) == to ? lane->pkt[i]->pkt_len + tag : 0;
	return bytes;
}

uint32_t police_need_slice(const void *in_hand, uint32_t i)
{
	const struct lane *lane = in_hand;
	uint16_t slice = LANE_SLICE(lane->way[i]);
	uint32_t bytes = 0;

	for (; i < lane->n; i++)
		bytes += LANE_SLICE(lane->way[i]) == slice ? lane->pkt[i]->pkt_len : 0;
	return bytes;
}
