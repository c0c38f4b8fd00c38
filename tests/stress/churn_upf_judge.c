/* SPDX-License-Identifier: BSD-3-Clause */
/* Judges every packet that comes out: whose it is, by which state of its session, once and in
 * order (churn_upf.h). Owns what was seen. */
#include <rte_mbuf.h>
#include <rte_ring.h>
#include <stdlib.h>
#include <string.h>

#include "build.h"
#include "churn_upf_stamp.h"
#include "rig_upf.h"

#define SEEN_LOG2   26
#define OUTLETS_MAX 16

static uint64_t received, judged;
static uint8_t *seen;
/* the last one that left, by slot, way in, class, family, port out */
static struct before {
	uint32_t seq;
	uint32_t teid, life; /* by two TEIDs are two ways, two sessions in turn are as well */
} last[SLOTS][3][2][2][2];

static bool is_ue(const uint8_t *at, bool v6, uint32_t address)
{
	uint8_t want[16];

	stamp_put_ue(want, v6, address);
	return memcmp(at, want, v6 ? 16 : 4) == 0;
}

#define JUDGE(cond, s, fmt, ...)                                                                   \
	RIG_CHECK(cond,                                                                            \
		"packet %u of slot %u (way %u, class %u, IPv6 %u, TEID %x, epoch %u, now "         \
		"%lu): " fmt,                                                                      \
		(s)->seq, (s)->slot, (s)->in, (s)->class, (s)->v6, (s)->teid, (s)->epoch,          \
		__atomic_load_n(&churn_epoch, __ATOMIC_RELAXED), __VA_ARGS__)

static bool holds(const uint64_t *ended, const struct stamp *s)
{
	return __atomic_load_n(ended, __ATOMIC_ACQUIRE) > s->epoch;
}

/* Had this life of the slot's session the TEID that it came by? */
static bool has_inlet(uint32_t slot, uint32_t life, const struct stamp *s)
{
	for (uint32_t i = stamp_load(&churn_slot[slot].inlet); i != 0; i = churn_inlet[i].before) {
		const struct inlet *in = &churn_inlet[i];

		if (in->life < life)
			break;
		if (in->life == life && in->teid == s->teid && in->n9 == (s->in == IN_N9) &&
			holds(&in->ended, s))
			return true;
	}
	return false;
}

/* Had its UE an address of this family then, or since? */
static bool has_family(uint32_t slot, const struct stamp *s)
{
	return !s->v6 || __atomic_load_n(&churn_slot[slot].v6_ended, __ATOMIC_ACQUIRE) > s->epoch;
}

/* Once, and behind all that were sent before it on the same way. life: of its session, where it is
 * known. */
static void judge_order(const struct stamp *s, uint32_t life, uint32_t port)
{
	uint32_t bit = s->seq & ((1u << SEEN_LOG2) - 1);

	JUDGE(!(seen[bit / 8] >> bit % 8 & 1), s, "left twice, the second time by port %u", port);
	seen[bit / 8] |= 1 << bit % 8;
	judged++;
	if (s->in == IN_TALK)
		return;
	struct before *before = &last[s->slot][s->in][s->class][s->v6][port];

	bool same = s->teid == before->teid && life == before->life;

	JUDGE(!same || s->seq > before->seq, s, "left after %u, port %u", before->seq, port);
	*before = (struct before){s->seq, s->teid, life};
}

static void count(uint32_t sum, bool up, uint32_t bytes)
{
	struct sum *to = &churn_sum[sum];

	if (sum == 0)
		return;
	*(up ? &to->ul_packets : &to->dl_packets) += 1;
	*(up ? &to->ul_bytes : &to->dl_bytes) += bytes;
}

static void count_maybe(uint32_t sum, uint32_t bytes)
{
	churn_sum[sum].maybe_packets++;
	churn_sum[sum].maybe_bytes += bytes;
}

/* One of these n outlets it was: for sure where all count in the same. */
static void count_one_of(const struct outlet *const *outlet, uint32_t n, uint32_t bytes)
{
	for (uint32_t k = 0; k < 2; k++) {
		bool same = true;

		for (uint32_t i = 1; i < n; i++)
			same &= outlet[i]->sum[k] == outlet[0]->sum[k];
		if (same) {
			count(outlet[0]->sum[k], true, bytes);
			continue;
		}
		for (uint32_t i = 0; i < n; i++) {
			bool again = outlet[i]->sum[k] == 0;

			for (uint32_t j = 0; j < i; j++)
				again |= outlet[j]->sum[k] == outlet[i]->sum[k];
			if (!again)
				count_maybe(outlet[i]->sum[k], bytes);
		}
	}
}

/* Uplink outlets of a slot that lead there and hold, of a session that had the TEID. */
static uint32_t outlets_into(uint32_t slot, uint32_t slice, const struct stamp *s,
	const struct outlet **found, uint32_t n)
{
	uint32_t i = stamp_load(&churn_slot[slot].up_outlet);

	for (; i != 0 && n < OUTLETS_MAX; i = churn_outlet[i].before) {
		const struct outlet *o = &churn_outlet[i];

		if (!holds(&o->ended, s))
			break;
		if (o->kind == OUTLET_SLICE && o->slice == slice && has_family(slot, s) &&
			has_inlet(slot, o->sum[0], s))
			found[n++] = o;
	}
	return n;
}

static const struct stamp *stamp_of(const uint8_t *ip, uint32_t len, bool v6, struct stamp *s)
{
	if (ip[v6 ? 6 : 9] != 17)
		return NULL;
	RIG_CHECK(len >= INNER(v6) + 8 + sizeof(*s), "%u bytes of nobody left", len);
	memcpy(s, ip + INNER(v6) + 8, sizeof(*s));
	RIG_CHECK(s->magic == STAMP_MAGIC && s->slot < SLOTS, "a packet of nobody left");
	return s;
}

static void judge_lan(const uint8_t *b, uint32_t len)
{
	uint32_t vlan = get16(b + 14), n = 0;
	bool v6 = get16(b + 16) == 0x86dd;
	const struct outlet *outlet[OUTLETS_MAX];
	struct stamp stamp;
	const struct stamp *s = stamp_of(b + 18, len - 18, v6, &stamp);

	if (s == NULL) /* ICMP to who sent to nobody */
		return;
	uint32_t slice = vlan == 30 ? 0 : vlan == 40 ? 1 : 2;

	JUDGE(s->in == IN_UP, s, "left by VLAN %u", vlan);
	JUDGE(is_ue(b + 18 + (v6 ? 8 : 12), v6, slot_address(s->slot)), s, "another source%s", "");
	/* the TEID may by now be of the UE with the same address in the other slice */
	n = outlets_into(s->slot, slice, s, outlet, n);
	n = outlets_into((s->slot + ADDRESSES) % SLOTS, slice, s, outlet, n);
	JUDGE(n > 0, s, "left by VLAN %u: no state of its session says so", vlan);
	count_one_of(outlet, n, len - 18);
	judge_order(s, 0, 0); /* by its TEID it is known there */
}

/* From UE to UE inside a slice: of that slice the sender must be. */
static void judge_talk(
	const struct gtpu_seen *g, const struct outlet *outlet, const struct stamp *s)
{
	uint32_t slice = outlet->slot / ADDRESSES;
	const struct outlet *from[OUTLETS_MAX];

	JUDGE(s->in == IN_TALK && slot_address(s->to) == slot_address(outlet->slot), s,
		"left by TEID %x of %u", g->teid, outlet->slot);
	JUDGE(outlets_into(slice * ADDRESSES + slot_address(s->slot), slice, s, from, 0) > 0, s,
		"came from another slice to %u", outlet->slot);
}

static void judge_down(
	const struct gtpu_seen *g, const struct outlet *outlet, const struct stamp *s)
{
	static const char *const gnb[GNBS] = {
		"198.18.0.2", "198.18.0.4", "198.18.0.5", "198.18.0.6"};
	const uint8_t *ip = g->inner.b + 14;
	bool v6 = ip[0] >> 4 == 6;

	RIG_CHECK(is_ue(ip + (v6 ? 24 : 16), v6, slot_address(outlet->slot)),
		"to another UE's tunnel %x", g->teid);
	RIG_CHECK(strcmp(g->to, gnb[outlet->peer]) == 0, "tunnel %x to %s", g->teid, g->to);
	for (int k = 0; k < 3; k++)
		count(outlet->sum[k], false, g->inner.len - 14);
	if (s == NULL)
		return; /* ICMP to the UE */
	JUDGE(holds(&outlet->ended, s) && has_family(outlet->slot, s), s,
		"left by TEID %x, which ended at %lu", g->teid, outlet->ended);
	if (s->in == IN_DOWN)
		JUDGE(s->slot == outlet->slot && (outlet->ports >> s->class & 1), s,
			"left by TEID %x of %u", g->teid, outlet->slot);
	else if (s->in == IN_N9)
		JUDGE(slot_address(s->slot) == slot_address(outlet->slot) &&
				has_inlet(outlet->slot, outlet->sum[0], s),
			s, "left by TEID %x of %u", g->teid, outlet->slot);
	else
		judge_talk(g, outlet, s);
}

static void judge_wan(const uint8_t *b, uint32_t len)
{
	static struct gtpu_seen g;
	static struct pkt p;
	struct stamp stamp;

	p.len = len;
	memcpy(p.b, b, len);
	RIG_CHECK(gtpu_parse(&p, &g), "no sound GTP-U left");
	if (g.type != 255)
		return; /* end markers, error indications */
	const uint8_t *ip = g.inner.b + 14;
	const struct stamp *s = stamp_of(ip, g.inner.len - 14, ip[0] >> 4 == 6, &stamp);
	const struct outlet *outlet = &churn_outlet[g.teid];

	RIG_CHECK(g.teid < stamp_load(&churn_outlets), "TEID %x left, which nobody has", g.teid);
	if (outlet->kind == OUTLET_DOWN) {
		judge_down(&g, outlet, s);
	} else {
		RIG_CHECK(s != NULL, "the switch's own left by N9");
		JUDGE(outlet->kind == OUTLET_N9 && holds(&outlet->ended, s) &&
				has_inlet(outlet->slot, outlet->sum[0], s) &&
				has_family(outlet->slot, s) && (s->in == IN_UP || s->in == IN_TALK),
			s, "left by N9, TEID %x of %u, which ended at %lu", g.teid, outlet->slot,
			outlet->ended);
		JUDGE(slot_address(outlet->slot) == slot_address(s->slot), s, "TEID %x", g.teid);
		count(outlet->sum[0], true, g.inner.len - 14);
		count(outlet->sum[1], true, g.inner.len - 14);
	}
	if (s != NULL)
		judge_order(s, outlet->sum[0], 1);
}

static uint32_t receive(const struct traffic_port *p, bool lan)
{
	struct rte_mbuf *m[64];
	uint32_t total = 0;

	for (int w = 0; w < 2; w++) {
		uint32_t n = rte_ring_dequeue_burst(p->out[w], (void **)m, 64, NULL);

		for (uint32_t i = 0; i < n; i++) {
			RIG_CHECK(m[i]->nb_segs == 1, "in several buffers");
			(lan ? judge_lan : judge_wan)(
				rte_pktmbuf_mtod(m[i], const uint8_t *), m[i]->pkt_len);
		}
		rte_pktmbuf_free_bulk(m, n);
		total += n;
	}
	received += total;
	return total;
}

uint32_t judge_received(const struct churn_traffic *t)
{
	return receive(&t->lan, true) + receive(&t->wan, false);
}

void judge_init(void)
{
	seen = calloc(1, (1u << SEEN_LOG2) / 8);
	RIG_CHECK(seen != NULL, "no memory");
}

void judge_fini(void)
{
	free(seen);
}

uint64_t traffic_received(void)
{
	return __atomic_load_n(&received, __ATOMIC_RELAXED);
}

uint64_t traffic_judged(void)
{
	return __atomic_load_n(&judged, __ATOMIC_RELAXED);
}
