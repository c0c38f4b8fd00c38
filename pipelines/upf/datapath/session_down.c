/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets and frames to UEs, which routing and bridging found by their addresses: on to what
 * their sessions do with them. */
#include <rte_ether.h>
#include <rte_mbuf.h>

#include "datapath.h"
#include "flow.h"
#include "hold.h"
#include "hot.h"
#include "l2.h"
#include "session_batch.h"
#include "session_line.h"
#include "session_owns.h"

/* ==== tags of Ethernet sessions ==== */

bool session_frame_untag(const struct session_block *s, uint16_t slice, struct rte_mbuf *m)
{
	uint8_t *data = rte_pktmbuf_mtod(m, uint8_t *);
	int group = session_frame_group(s, slice);

	if (likely(!is_vlan_tag(*(const wire16_t *)(data + 12))))
		return true;
	if (*(const wire16_t *)(data + 12) != RTE_BE16(RTE_ETHER_TYPE_VLAN) ||
		m->data_len < sizeof(struct rte_ether_hdr) + RTE_VLAN_HLEN)
		return false;
	uint16_t vid = rte_be_to_cpu_16(*(const wire16_t *)(data + 14)) & 0xfff;

	if (vid != 0 && (group < 0 || session_group_at(s, group)->vlan != vid))
		return false;
	memmove(data + RTE_VLAN_HLEN, data, 2 * RTE_ETHER_ADDR_LEN);
	rte_pktmbuf_adj(m, RTE_VLAN_HLEN);
	return !is_vlan_tag(*(const wire16_t *)(data + RTE_VLAN_HLEN + 12));
}

bool session_frame_tag(struct rte_mbuf *m, uint16_t vlan)
{
	uint8_t *data = (uint8_t *)rte_pktmbuf_prepend(m, RTE_VLAN_HLEN);

	if (data == NULL)
		return false;
	memmove(data, data + RTE_VLAN_HLEN, 2 * RTE_ETHER_ADDR_LEN);
	*(wire16_t *)(data + 12) = RTE_BE16(RTE_ETHER_TYPE_VLAN);
	*(wire16_t *)(data + 14) = rte_cpu_to_be_16(vlan);
	return true;
}

/* ==== the way down ==== */

/* Sessions and groups of a batch that has its packets; what has none any more is dropped. */
struct found {
	uint32_t n;
	struct rte_mbuf *pkt[BURST_MAX];
	const struct session_block *s[BURST_MAX];
	flow_t flow[BURST_MAX];
	uint32_t session[BURST_MAX];
	door_t door[BURST_MAX];
	uint16_t slice[BURST_MAX];
	uint8_t group[BURST_MAX];
	bool fits[BURST_MAX];
};

/* Is it still this slice's, by the UE's address? Not so after a change between the address and the
 * block, and for another slice's session. */
static __rte_always_inline bool group_fits(const struct found *f, uint32_t k)
{
	const struct session_block *s = f->s[k];

	uint8_t group = f->group[k] & ~SESSION_GROUP_BACK;

	if (unlikely(s == NULL || group >= s->groups))
		return false;
	const struct session_group *g = session_group_at(s, group);

	if (unlikely(f->group[k] & SESSION_GROUP_BACK))
		return g->teid_be != 0 && g->acts > 0 && g->slice == f->slice[k];
	return g->teid_be == 0 && g->slice == f->slice[k];
}

/* The address was its UE's when it was looked up; a change may have taken it away since. */
static __rte_always_inline bool still_owns(const struct found *f, uint32_t k)
{
	const struct session_block *s = f->s[k];

	return (s->flags & SESSION_ETHERNET) || (f->group[k] & SESSION_GROUP_BACK) ||
	       session_owns(
		       s, rte_pktmbuf_mtod_offset(f->pkt[k], const uint8_t *, BATCH_ETH), false);
}

static __rte_noinline void gone(
	struct worker *w, struct burst *b, const struct found *f, uint32_t k)
{
	slice_drop(w, b, f->pkt[k], f->slice[k], f->door[k], DROP_SESSION_GONE);
}

/* Parked until what is older has gone. */
static __rte_noinline void park(
	struct worker *w, struct burst *b, const struct found *f, uint32_t k)
{
	struct rte_mbuf *m = f->pkt[k];

	m->hash.usr = QFI_NONE; /* for session_again() */
	if (!(f->s[k]->flags & SESSION_ETHERNET))
		rte_pktmbuf_adj(m, BATCH_ETH);
	hold_park(w, b, m, f->session[k], f->s[k], f->group[k]);
}

/* A frame: which group takes those of its slice? False: it was dropped. */
static __rte_noinline bool frame_group(
	struct worker *w, struct burst *b, struct found *f, uint32_t k)
{
	const struct session_block *s = f->s[k];
	int group = s != NULL && (s->flags & SESSION_ETHERNET) ? session_frame_group(s, f->slice[k])
							       : -1;

	if (group < 0) {
		gone(w, b, f, k);
		return false;
	}
	uint16_t vlan = session_group_at(s, group)->vlan;

	f->group[k] = group;
	if (likely(vlan == 0) || session_frame_tag(f->pkt[k], vlan))
		return true;
	session_drop(w, b, f->pkt[k], f->session[k], s, DROP_NO_HEADROOM);
	return false;
}

static __rte_always_inline void batch_add(struct worker *w, const struct found *f, uint32_t k,
	const struct session_group *g, struct session_batch *x)
{
	const struct session_block *s = f->s[k];
	uint32_t j = x->n;

	x->pkt[j] = f->pkt[k];
	x->s[j] = s;
	x->session[j] = f->session[k];
	x->group[j] = f->group[k];
	x->flow[j] = f->flow[k];
	x->bytes[j] = f->pkt[k]->pkt_len - (s->flags & SESSION_ETHERNET ? 0 : BATCH_ETH);
	x->qfi[j] = QFI_NONE;
	x->door[j] = f->door[k];
	session_batch_rules(x, g, switch_of(w)->upf);
}

static __rte_always_inline void take(struct worker *w, struct burst *b, struct found *f, uint32_t k,
	bool waits, struct session_batch *x)
{
	f->group[k] &= ~SESSION_GROUP_BACK;
	if (unlikely(waits))
		park(w, b, f, k);
	else
		batch_add(w, f, k, session_group_at(f->s[k], f->group[k]), x);
}

/* What no line served. */
static __rte_noinline void run_blocks(struct worker *w, struct burst *b)
{
	struct session_batch x;
	struct found f;
	uint32_t downs = b->downs;
	uint64_t diverted = 0;

	session_batch_begin(&x);
	for (uint32_t k = 0; k < downs; k++) {
		f.session[k] = SESSION_OF(b->down_to[k]);
		f.group[k] = SESSION_GROUP_OF(b->down_to[k]);
		f.s[k] = session_load(f.session[k]);
		session_prefetch(f.s[k]);
	}
	for (uint32_t k = 0; k < downs; k++) {
		f.pkt[k] = b->down[k];
		f.flow[k] = b->down_flow[k];
		f.door[k] = b->down_door[k];
		f.slice[k] = b->down_slice[k];
	}
	session_prefetch_cells(w, f.s, downs);
	/* a loop of its own for the second lines, too: read, since half of what was prefetched is
	 * not there when its page's address was not either */
	for (uint32_t k = 0; k < downs; k++)
		f.fits[k] = group_fits(&f, k);
	b->downs = 0; /* what acting sends to UEs comes in here again */
	for (uint32_t k = 0; k < downs; k++) {
		bool waits = false;

		if (unlikely(f.s[k] != NULL && session_diverts(diverted, f.s[k], f.session[k]))) {
			waits = session_waits(w, &diverted, f.session[k], &f.s[k]);
			f.fits[k] = false;
		}
		if (unlikely(f.group[k] == SESSION_GROUP_FRAMES) && !frame_group(w, b, &f, k))
			continue;
		if (unlikely(!f.fits[k] && !group_fits(&f, k))) /* frames have their group now */
			gone(w, b, &f, k);
		else if (unlikely(!still_owns(&f, k)))
			gone(w, b, &f, k);
		else
			take(w, b, &f, k, waits, &x);
	}
	session_batch_down(w, b, &x);
}

void session_down_run(struct worker *w, struct burst *b)
{
	uint32_t n = b->downs;

	session_lines_down(w, b);
	if (b->downs > 0)
		run_blocks(w, b);
	worker_stage_done(w, STAGE_SESSION_DOWN, n);
}

void session_turns_over(struct worker *w, struct burst *b)
{
	for (uint32_t k = 0; k < b->downs; k++)
		slice_drop(w, b, b->down[k], b->down_slice[k], b->down_door[k], DROP_SAME_DOOR);
	for (uint32_t k = 0; k < b->routes; k++)
		slice_drop(w, b, b->route[k], b->route_slice[k], b->route_door[k], DROP_SAME_DOOR);
	b->downs = b->routes = 0;
}

/* ---- once more (hold.h) ---- */

/* In front of a packet that begins with its IP header. False: no room, or no IP. */
static bool add_eth(struct rte_mbuf *m)
{
	uint8_t *eth = (uint8_t *)rte_pktmbuf_prepend(m, BATCH_ETH);

	if (eth == NULL)
		return false;
	memset(eth, 0, 12);
	*(wire16_t *)(eth + 12) = eth[BATCH_ETH] >> 4 == 6 ? RTE_BE16(RTE_ETHER_TYPE_IPV6)
							   : RTE_BE16(RTE_ETHER_TYPE_IPV4);
	return true;
}

/* Held or parked for a UE's address that has become another's, or nobody's, meanwhile? */
static bool lost_address(
	const struct session_block *s, const struct session_group *g, const struct rte_mbuf *m)
{
	return g->teid_be == 0 && !(s->flags & SESSION_ETHERNET) &&
	       !session_owns(s, rte_pktmbuf_mtod(m, const uint8_t *), false);
}

void session_again(struct worker *w, struct burst *b, struct rte_mbuf *const *m,
	const uint32_t *session, const uint8_t *group, uint32_t n)
{
	struct session_batch up, down;

	session_batch_begin(&up);
	session_batch_begin(&down);
	burst_begin(b);
	for (uint32_t k = 0; k < n; k++) {
		const struct session_block *s = session_load(session[k]);

		if (s == NULL || group[k] >= s->groups ||
			session_group_at(s, group[k])->acts == 0) {
			worker_drop(w, b, m[k], DROP_SESSION_GONE);
			continue;
		}
		uint8_t flags = __atomic_load_n(&s->flags, __ATOMIC_RELAXED);

		if (unlikely(flags & SESSION_RECALL)) {
			/* what came before it may be held anew: it must be on the ring first */
			session_batch_up(w, b, &up);
			session_batch_down(w, b, &down);
		}
		if (unlikely(flags & SESSION_FLUSHING) &&
			hold_back(w, b, m[k], session[k], s, group[k], flags))
			continue;
		const struct session_group *g = session_group_at(s, group[k]);
		struct session_batch *x = g->flags & GROUP_UPLINK ? &up : &down;

		if (unlikely(lost_address(s, g, m[k]))) {
			session_drop(w, b, m[k], session[k], s, DROP_HOLD_DROPPED);
			continue;
		}
		if (!(s->flags & SESSION_ETHERNET) && !add_eth(m[k])) {
			session_drop(w, b, m[k], session[k], s, DROP_NO_HEADROOM);
			continue;
		}
		x->pkt[x->n] = m[k];
		x->s[x->n] = s;
		x->session[x->n] = session[k];
		x->group[x->n] = group[k];
		x->flow[x->n] = flow_of(m[k], rte_pktmbuf_mtod(m[k], const uint8_t *));
		x->bytes[x->n] = m[k]->pkt_len - (s->flags & SESSION_ETHERNET ? 0 : BATCH_ETH);
		x->qfi[x->n] = m[k]->hash.usr;
		x->door[x->n] = 0;
		session_batch_rules(x, g, switch_of(w)->upf);
	}
	session_batch_up(w, b, &up);
	session_batch_down(w, b, &down);
	if (b->frames > 0)
		bridge_run(w, b);
	stages_above.out(w, b);
	if (b->floods > 0)
		stages_above.flood(w, b);
}
