/* SPDX-License-Identifier: BSD-3-Clause */
/* What a session does with its packets (session_batch.h): classified, admitted, counted, sent
 * on. Runs on workers. */
#include "session_batch.h"

#include <string.h>

#include "datapath.h"
#include "flow.h"
#include "flow_key.h"
#include "gtpu_out.h"
#include "hold.h"
#include "host.h"
#include "l3.h"
#include "hot.h"
#include "police_hot.h"
#include "session_owns.h"

/* ==== a UE's less common addresses ==== */

/* Are the first len bits the same? */
static bool covers(const struct session_prefix *p, const uint8_t *address)
{
	uint32_t bytes = p->len / 8, bits = p->len % 8;

	return memcmp(p->bytes, address, bytes) == 0 &&
	       (bits == 0 || (p->bytes[bytes] ^ address[bytes]) >> (8 - bits) == 0);
}

static bool is_framed(const struct session_block *s, uint8_t family, const uint8_t *address)
{
	const uint8_t *place =
		(const uint8_t *)s + offsetof(struct session_block, at) + SESSION_PREFIXES;
	const struct session_prefix *p =
		(const struct session_prefix *)((const uint8_t *)s + 16u * place[0]);

	for (uint32_t i = 0; i < place[1]; i++)
		if (p[i].family == family && covers(&p[i], address))
			return true;
	return false;
}

bool session_owns_other(const struct session_block *s, uint8_t family, const uint8_t *address)
{
	if (s->ue4 == 0 && s->ue6 == 0 && !(s->flags & SESSION_FRAMED))
		return true; /* an UPF in the middle that was not told */
	if (family == 6 && s->ue6 != 0 && address[0] == 0xfe && (address[1] & 0xc0) == 0x80)
		return true;
	return (s->flags & SESSION_FRAMED) && is_framed(s, family, address);
}

/* ==== packets too big for the path ==== */

void session_batch_cut(
	struct worker *w, struct burst *b, const struct session_batch *x, uint32_t k, uint32_t mtu)
{
	struct rte_mbuf *piece[INNER_FRAGMENTS], *m = x->pkt[k];
	enum drop_reason why = DROP_UNDERLAY_MTU;
	struct session_batch y;
	struct ip_view v;
	uint32_t n = 0;

	if (host_parse(m, &v))
		why = fragment_inner(m, &v, mtu, 0, piece, &n);
	if (why != DROP_REASONS) {
		session_drop(w, b, m, x->session[k], x->s[k], why);
		return;
	}
	w->box.replicated += n - 1;
	session_batch_begin(&y);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t j = y.n++;

		y.pkt[j] = piece[i];
		y.s[j] = x->s[k];
		y.session[j] = x->session[k];
		y.bytes[j] = piece[i]->pkt_len - BATCH_ETH;
		y.door[j] = x->door[k];
		y.group[j] = x->group[k];
		y.qfi[j] = x->qfi[k];
		/* the whole packet's: ports stand in the first piece only */
		session_batch_act(&y, j, x->act[k], x->rule[k]);
		if (y.n == BURST_MAX)
			session_batch_up(w, b, &y);
	}
	session_batch_up(w, b, &y);
}

/* ==== batches ==== */

static const uint8_t *inner_of(const struct rte_mbuf *m)
{
	return rte_pktmbuf_mtod_offset(m, const uint8_t *, BATCH_ETH);
}

static void drop(struct worker *w, struct burst *b, const struct session_batch *x, uint32_t k,
	enum drop_reason why)
{
	session_drop(w, b, x->pkt[k], x->session[k], x->s[k], why);
}

/* ---- which PDR ---- */

static __rte_noinline void classify(
	struct worker *w, struct burst *b, struct session_batch *x, const bool up)
{
	const struct rules *rules[BURST_MAX];
	struct flow_key key[BURST_MAX];
	struct rules_result result[BURST_MAX];

	for (uint32_t j = 0; j < x->asks; j++) {
		uint32_t k = x->ask[j];
		const struct session_block *s = x->s[k];
		const struct rte_mbuf *m = x->pkt[k];
		const uint8_t *ip = inner_of(m);

		const struct session_group *g = session_group_at(s, x->group[k]);
		bool from_ue = g->flags & GROUP_UPLINK; /* also what comes by GTP-U may be for it */

		rules[j] = rules_hot[g->rules];
		if (unlikely(s->flags & SESSION_ETHERNET)) {
			flow_key_of_frame(ip - BATCH_ETH, m->data_len, &key[j]);
			key[j].qfi = x->qfi[k];
			continue;
		}
		flow_key_of(ip, m->data_len - BATCH_ETH, from_ue, &key[j]);
		key[j].qfi = x->qfi[k];
		if (session_owns(s, ip, from_ue))
			key[j].flags |= KEY_ASSIGNED;
	}
	rules_classify(rules, key, x->asks, result);
	for (uint32_t j = 0; j < x->asks; j++) {
		uint32_t k = x->ask[j];
		const struct session_block *s = x->s[k];

		x->act[k] = NULL;
		if (result[j].act == RULES_NONE) {
			TRACE(b, x->pkt[k], up ? STAGE_GTPU_IN : STAGE_SESSION_DOWN,
				"no PDR of session {session %u} matches", x->session[k]);
			drop(w, b, x, k, DROP_PDR_NONE);
			continue;
		}
		session_batch_act(x, k,
			session_acts(session_group_at(s, x->group[k])) + result[j].act,
			result[j].rule);
		rte_prefetch0(&switch_of(w)->upf->cells[s->cells + x->act[k]->cell]);
	}
}

/* ---- what does not go on ---- */

static const enum drop_reason why_not[] = {
	[ACT_DROP] = DROP_FAR_DROP, [ACT_NO_WAY] = DROP_FAR_NO_HEADER, [ACT_GATE] = DROP_QER_GATE};

/* Neither into a slice nor into a tunnel. */
static __rte_noinline void stay(
	struct worker *w, struct burst *b, const struct session_batch *x, uint32_t k, const bool up)
{
	struct rte_mbuf *m = x->pkt[k];

	if (x->act[k]->what != ACT_HOLD) {
		drop(w, b, x, k, why_not[x->act[k]->what]);
		return;
	}
	TRACE(b, m, up ? STAGE_GTPU_IN : STAGE_SESSION_DOWN, "held for session {session %u}",
		x->session[k]);
	if (!(x->s[k]->flags & SESSION_ETHERNET))
		rte_pktmbuf_adj(m, BATCH_ETH);
	m->hash.usr = x->qfi[k]; /* for session_again() */
	hold_take(w, b, m, x->session[k], x->s[k], x->act[k], x->group[k], x->rule[k]);
}

/* RFC 1141 backwards: the TTL as it was before routing took one off. */
static void ttl_back(uint8_t *ip)
{
	if (ip[0] >> 4 == 6) {
		ip[7]++;
		return;
	}
	uint32_t sum = (uint16_t)~load16(ip + 10) + (uint32_t)RTE_BE16(0x0100);

	ip[8]++;
	*(wire16_t *)(ip + 10) = ~(sum + (sum >> 16));
}

/* Who sends by this F-TEID is reached by the session's way of the other direction, where that is an
 * F-TEID too: an intermediate UPF, which need not know the UE's address (TS 23.501, 5.8.2). 1 + its
 * group; 0: by the slice's FIB. */
static uint8_t group_back(const struct session_block *s, const struct session_group *from)
{
	uint8_t back = 0;

	for (uint32_t i = 0; i < s->groups; i++) {
		const struct session_group *g = session_group_at(s, i);

		if (g->acts == 0 || ((g->flags ^ from->flags) & GROUP_UPLINK) == 0)
			continue;
		if (g->teid_be == 0 && g->slice == from->slice)
			return 0;
		if (g->teid_be != 0 && back == 0)
			back = i + 1;
	}
	return back;
}

/* There is no path to the peer, or it does not fit: then its sender is told, and IPv4 that may be
 * cut is (downlink: by routing, each piece comes back here). */
static __rte_noinline void no_fit(struct worker *w, struct burst *b, const struct session_batch *x,
	uint32_t k, const struct encap *e, uint32_t extra, const bool up)
{
	struct rte_mbuf *m = x->pkt[k];
	uint8_t *ip = rte_pktmbuf_mtod_offset(m, uint8_t *, BATCH_ETH);
	bool may_cut = ip[0] >> 4 == 4 && !(ip[6] & 0x40);

	if (e->port == PORT_NONE) {
		drop(w, b, x, k, e->why);
	} else if (x->bytes[k] + extra <= e->max_len) {
		drop(w, b, x, k, DROP_NO_HEADROOM);
	} else if (up && may_cut && !(x->s[k]->flags & SESSION_ETHERNET)) {
		session_batch_cut(w, b, x, k, e->max_len - extra);
	} else if (x->door[k] == 0 || (x->s[k]->flags & SESSION_ETHERNET)) {
		/* the switch's own */
		drop(w, b, x, k, DROP_UNDERLAY_MTU);
	} else {
		if (up)
			memset(ip - BATCH_ETH, 0, 12); /* MACs that nobody made yet */
		else
			ttl_back(ip);
		/* a piece that is cut is not dropped; by its own door it is counted as any drop */
		if (!may_cut && x->door[k] != (DOOR_SESSION | x->session[k]))
			session_count_drop(w, x->session[k]);
		const struct session_group *g = session_group_at(x->s[k], x->group[k]);
		uint8_t back = up ? group_back(x->s[k], g) : 0;
		const struct odd_packet odd = {.m = m,
			.door = x->door[k],
			.slice = g->slice,
			.back = back,
			.in_session = back != 0 && (g->flags & GROUP_UPLINK) == 0,
			.mtu = e->max_len - extra,
			.hash = FLOW_HASH(x->flow[k]),
			.why = ODD_TOO_BIG};

		odd_add(w, b, &odd);
	}
}

/* ---- where to ---- */

static void lane_room(struct worker *w, struct burst *b)
{
	if (unlikely(b->to_gtpus == BURST_MAX))
		gtpu_out_run(w, b);
}

static __rte_always_inline void to_gtpu(struct worker *w, struct burst *b, struct rte_mbuf *m,
	const struct gtpu_way *way, const struct encap *e, flow_t flow)
{
	lane_room(w, b);
	uint32_t i = b->to_gtpus++;

	b->to_gtpu[i] = m;
	b->to_gtpu_way[i] = *way;
	b->to_gtpu_path[i] = e;
	b->to_gtpu_flow[i] = flow;
}

/* A copy that is not made: there is no buffer to free, and the packet itself goes its way. */
static void copy_lost(struct worker *w, uint16_t slice, enum drop_reason why)
{
	w->box.replicated++;
	w->drops[why]++;
	switch_of(w)->slice.dropped[slice]++;
	switch_of(w)->slice_drops[slice][why]++;
}

/* A copy of the inner packet to another peer: neither metered nor counted at the session. */
static __rte_noinline void duplicate(
	struct worker *w, struct burst *b, const struct session_batch *x, uint32_t k)
{
	const struct session_act *a = x->act[k];
	const struct session_more *more =
		(const struct session_more *)((const uint8_t *)x->s[k] + 16u * a->more);
	uint32_t strip = x->s[k]->flags & SESSION_ETHERNET ? 0 : BATCH_ETH;
	const struct encap *e = path_pick(more->copy_peer, FLOW_HASH(x->flow[k]));
	struct rte_mbuf *m = x->pkt[k], *copy;

	if (x->bytes[k] > e->max_len) {
		copy_lost(w, x->s[k]->slice, e->port == PORT_NONE ? e->why : DROP_UNDERLAY_MTU);
		return;
	}
	copy = rte_pktmbuf_copy(m, m->pool, strip, UINT32_MAX);
	if (copy == NULL) {
		copy_lost(w, x->s[k]->slice, DROP_COPY_NO_MBUF);
		return;
	}
	w->box.replicated++;
	copy->ol_flags &= ~session_charged;
	struct gtpu_way way = {.teid_be = more->copy_teid_be,
		.peer = more->copy_peer,
		.slice = x->s[k]->slice,
		.tos = a->tos};

	to_gtpu(w, b, copy, &way, e, x->flow[k] | (strip == 0 ? FLOW_FRAME : 0));
}

/* A frame into an l2 slice. */
static __rte_noinline void enter_frame(
	struct worker *w, struct burst *b, const struct session_batch *x, uint32_t k, const bool up)
{
	const struct exact_view fdb = exact_view(&fdb_table);
	uint16_t slice = x->act[k]->slice;
	struct rte_mbuf *m = x->pkt[k];
	struct traffic *t = &switch_of(w)->slice.traffic[slice];

	t->in_packets++;
	t->in_bytes += m->pkt_len;
	if (unlikely(b->trace != NULL)) {
		trace_slice(b, m, slice);
		trace_step(b, m, switch_stages[up ? STAGE_GTPU_IN : STAGE_SESSION_DOWN],
			"session {session %u} PDR %u into slice {slice %u}", x->session[k],
			x->rule[k], slice);
	}
	frame_enter(b, &fdb, b->frames++, m, rte_pktmbuf_mtod(m, const uint8_t *), slice,
		DOOR_SESSION | x->session[k]);
}

/* Of a frame that its session sends into a slice: may it go there? DROP_REASONS: it may. */
static __rte_noinline enum drop_reason may_enter(
	const struct session_batch *x, uint32_t k, const bool up)
{
	if (!up) /* it comes from a slice: bridging has been done */
		return DROP_SAME_DOOR;
	return session_frame_untag(x->s[k], x->act[k]->slice, x->pkt[k]) ? DROP_REASONS
									 : DROP_VLAN_STACKED;
}

/* Into the slice, as a frame to its gateway. */
static __rte_always_inline void enter(
	struct worker *w, struct burst *b, const struct session_batch *x, uint32_t k, const bool up)
{
	const struct session_act *a = x->act[k];
	struct rte_mbuf *m = x->pkt[k];
	uint8_t *eth = rte_pktmbuf_mtod(m, uint8_t *);
	struct traffic *t = &switch_of(w)->slice.traffic[a->slice];
	door_t door = DOOR_SESSION | x->session[k];

	if (!up && unlikely(x->door[k] == door)) {
		drop(w, b, x, k, DROP_SAME_DOOR);
		return;
	}
	*(wire64_t *)eth = slice_hot[a->slice].mac;
	*(wire32_t *)(eth + 8) = 0;
	t->in_packets++;
	t->in_bytes += m->pkt_len;
	if (unlikely(b->trace != NULL)) {
		trace_slice(b, m, a->slice);
		trace_step(b, m, switch_stages[up ? STAGE_GTPU_IN : STAGE_SESSION_DOWN],
			"session {session %u}, its rule %u, into slice {slice %u}", x->session[k],
			x->rule[k], a->slice);
	}
	if (unlikely(a->flags & ACT_REDIRECT)) {
		const struct session_more *more =
			(const struct session_more *)((const uint8_t *)x->s[k] + 16u * a->more);

		/* what cannot be redirected must not get where it wanted to go either */
		if (more->redirect_family == eth[BATCH_ETH] >> 4)
			route_redirect(w, b, m, a->slice, door, more->redirect);
		else
			slice_drop(w, b, m, a->slice, door, DROP_NO_ROUTE_IN_SLICE);
		return;
	}
	route_enter(b, m, a->slice, door);
}

static __rte_always_inline void count(struct upf_worker *upf, const struct session_block *s,
	const struct session_act *a, uint32_t bytes)
{
	struct session_cell *cell = &upf->cells[s->cells + a->cell];

	cell->packets++;
	cell->bytes += bytes;
}

static __rte_always_inline void act_on(struct worker *w, struct burst *b, struct session_batch *x,
	uint32_t k, const struct encap *e, const bool up)
{
	const struct session_block *s = x->s[k];
	const struct session_act *a = x->act[k];
	struct rte_mbuf *m = x->pkt[k];
	bool yellow = false;

	if (unlikely(a->what > ACT_GTPU)) {
		stay(w, b, x, k, up);
		return;
	}
	if (a->what == ACT_GTPU) {
		uint32_t extra = a->flags & ACT_PSC ? PSC_ROOM : 0;
		uint32_t eth = unlikely(s->flags & SESSION_ETHERNET) ? 0 : BATCH_ETH;

		/* max_len is 0 where there is no path */
		if (unlikely(x->bytes[k] + extra > e->max_len ||
			     rte_pktmbuf_headroom(m) + eth < GTPU_ROOM)) {
			no_fit(w, b, x, k, e, extra, up);
			return;
		}
	} else if (unlikely(s->flags & SESSION_ETHERNET)) {
		enum drop_reason why = may_enter(x, k, up);

		if (why != DROP_REASONS) {
			drop(w, b, x, k, why);
			return;
		}
	}
	if (a->flags & (ACT_METERED | ACT_URRS)) {
		enum drop_reason why = session_admit(w, x->session[k], s, a, x->bytes[k], &yellow);

		if (unlikely(why != DROP_REASONS)) {
			drop(w, b, x, k, why);
			return;
		}
	}
	count(switch_of(w)->upf, s, a, x->bytes[k]);
	session_mark(m, s, a, x->bytes[k], yellow);
	if (unlikely(a->flags & ACT_DUPLICATE))
		duplicate(w, b, x, k);
	if (a->what == ACT_SLICE) {
		if (unlikely(s->flags & SESSION_ETHERNET))
			enter_frame(w, b, x, k, up);
		else
			enter(w, b, x, k, up);
		return;
	}
	TRACE(b, m, up ? STAGE_GTPU_IN : STAGE_SESSION_DOWN,
		"session {session %u}, its rule %u, to {tunnel %u}", x->session[k], x->rule[k],
		a->peer);
	if (unlikely(s->flags & SESSION_ETHERNET)) {
		x->flow[k] |= FLOW_FRAME;
	} else {
		m->data_off += BATCH_ETH;
		m->data_len -= BATCH_ETH;
		m->pkt_len -= BATCH_ETH;
	}
	struct gtpu_way way = {.teid_be = a->teid_be,
		.peer = a->peer,
		.slice = a->slice,
		.qfi = a->qfi,
		.tos = a->tos,
		.flags = a->flags & (ACT_PSC | ACT_UL_PSC)};

	to_gtpu(w, b, m, &way, e, x->flow[k]);
}

static __rte_always_inline void run(
	struct worker *w, struct burst *b, struct session_batch *x, const bool up)
{
	const struct encap *path[BURST_MAX];

	if (x->asks > 0)
		classify(w, b, x, up);
	for (uint32_t j = 0; j < x->sends; j++)
		rte_prefetch0(&tunnel_hot[x->act[x->send[j]]->peer]);
	for (uint32_t j = 0; j < x->sends; j++) {
		uint32_t k = x->send[j];

		if (up) /* the others' flow was found by routing */
			x->flow[k] =
				flow_of(x->pkt[k], rte_pktmbuf_mtod(x->pkt[k], const uint8_t *));
		path[k] = path_pick(x->act[k]->peer, FLOW_HASH(x->flow[k]));
		rte_prefetch0(path[k]);
	}
	for (uint32_t k = 0; k < x->n; k++)
		if (likely(x->act[k] != NULL))
			act_on(w, b, x, k, path[k], up);
	session_batch_begin(x);
}

void session_batch_up(struct worker *w, struct burst *b, struct session_batch *x)
{
	run(w, b, x, true);
}

void session_batch_down(struct worker *w, struct burst *b, struct session_batch *x)
{
	run(w, b, x, false);
}
