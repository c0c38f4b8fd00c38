/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets that a session's line says all about (session_line.h): checked, admitted, counted and
 * sent on in one go. */
#include "admit.h"
#include "tunnel.h"
#include "flow.h"
#include "flow_key.h"
#include "gtpu_plain.h"
#include "gtpu_put.h"
#include "hot.h"
#include "police_hot.h"
#include "session_batch.h"
#include "session_line.h"
#include "datapath.h"
#include "gtpu_out.h"

/* ---- what both directions do ---- */

/* Not here, but where all drops of sessions are. */
static __rte_noinline void refuse(struct worker *w, struct burst *b, struct rte_mbuf *m,
	uint32_t session, const bool up, enum drop_reason why)
{
	const struct session_block *s = session_load(session);

	TRACE(b, m, up ? STAGE_GTPU_IN : STAGE_SESSION_DOWN, "for session {session %u}", session);
	if (s != NULL)
		session_drop(w, b, m, session, s, why);
	else
		worker_drop(w, b, m, DROP_SESSION_GONE);
}

/* All of its rates, or none. */
static __rte_always_inline bool line_admit(const struct worker *w, struct session_line *l,
	uint32_t session, uint32_t bytes, const bool down)
{
	if (l->rate[0] == 0 && l->rate[1] == 0)
		return true;
	if (unlikely(worker_count > 1))
		return qer_admit_pair(
			w->now_tsc, &qer_buckets[line_bucket(session, down)], l->rate, bytes);
	uint64_t now = qer_now(w->now_tsc);
	const struct rate_line *first = &rate_hot[l->rate[0]].mbr;
	uint64_t ahead = qer_ahead(l->bucket[0], first, now, bytes);

	if (unlikely(ahead > first->burst))
		return false;
	if (l->rate[1] != 0) {
		const struct rate_line *second = &rate_hot[l->rate[1]].mbr;
		uint64_t above = qer_ahead(l->bucket[1], second, now, bytes);

		if (unlikely(above > second->burst))
			return false;
		l->bucket[1] = now + above;
	}
	l->bucket[0] = now + ahead;
	return true;
}

static __rte_always_inline void line_count(struct session_line *l, struct rte_mbuf *m,
	uint16_t slice, uint32_t session, uint32_t bytes, bool down)
{
	l->cell.packets++;
	l->cell.bytes += bytes;
	if (unlikely(slice_hot[slice].meter != 0))
		session_mark_line(m, session, down, bytes);
}

/* What stays comes later: packets of its session behind it stay as well, and are not overtaken.
 * (Their line may come on in the midst of a burst.) */
static __rte_always_inline bool stays(uint64_t stay, uint32_t session)
{
	return stay & session_bit(session);
}

static __rte_always_inline uint32_t stay_add(uint64_t *stay, uint32_t session, uint32_t i)
{
	*stay |= session_bit(session);
	return i;
}

/* Packets whose rules are to be asked before the rest is done. */
struct asks {
	uint32_t n;
	uint8_t i[BURST_MAX]; /* in the burst */
	uint8_t qfi[BURST_MAX];
	uint16_t at[BURST_MAX]; /* of the packet inside */
	const struct rules *rules[BURST_MAX];
	struct rules_result result[BURST_MAX];
};

static __rte_always_inline void ask(
	struct asks *a, uint32_t i, uint32_t at, uint32_t rules, uint8_t qfi)
{
	a->i[a->n] = i;
	a->at[a->n] = at;
	a->qfi[a->n] = qfi;
	a->rules[a->n++] = rules_hot[rules];
}

/* Any of the rules leads to the line's act. */
static __rte_noinline void answer(struct asks *a, struct rte_mbuf *const *pkt, const bool up)
{
	struct flow_key key[BURST_MAX];

	for (uint32_t j = 0; j < a->n; j++) {
		const struct rte_mbuf *m = pkt[a->i[j]];

		flow_key_of(rte_pktmbuf_mtod_offset(m, const uint8_t *, a->at[j]),
			m->data_len - a->at[j], up, &key[j]);
		key[j].qfi = a->qfi[j];
		key[j].flags |= KEY_ASSIGNED; /* that is how the line was found */
	}
	rules_classify(a->rules, key, a->n, a->result);
}

/* ---- uplink ---- */

/* Is it plain, and the UE's own? at: of the packet inside, if so. */
static __rte_always_inline bool takes_up(
	const struct session_line *l, const struct burst *b, uint32_t i, uint32_t *at, uint8_t *qfi)
{
	const struct rte_mbuf *m = b->gtpu[i];
	const uint8_t *g = rte_pktmbuf_mtod_offset(m, const uint8_t *, b->gtpu_at[i]), *ip;
	uint32_t header;

	if (unlikely(!gtpu_read_plain(m, b->gtpu_at[i], g, &header, qfi)))
		return false;
	ip = g + header;
	*at = b->gtpu_at[i] + header;
	return likely(ip[0] == 0x45 && *at + rte_be_to_cpu_16(load16(ip + 2)) == m->pkt_len &&
		      *(const wire32_t *)(ip + 12) == l->address && l->up.gtpu == b->gtpu_id[i] &&
		      m->pkt_len - *at >= GTPU_PLAIN_INNER);
}

/* The packet inside, as a frame to the slice's gateway. */
static __rte_always_inline uint8_t *unwrap(struct rte_mbuf *m, uint32_t at, uint16_t slice)
{
	m->data_off += at - BATCH_ETH;
	m->data_len -= at - BATCH_ETH;
	m->pkt_len -= at - BATCH_ETH;
	uint8_t *eth = rte_pktmbuf_mtod(m, uint8_t *);

	*(wire64_t *)eth = slice_hot[slice].mac;
	*(wire32_t *)(eth + 8) = 0;
	*(wire16_t *)(eth + 12) = RTE_BE16(RTE_ETHER_TYPE_IPV4);
	return eth;
}

static __rte_always_inline void go_up(struct worker *w, struct burst *b, struct rte_mbuf *m,
	struct session_line *l, uint32_t session, uint32_t at, uint8_t ecn, struct run *run)
{
	uint32_t bytes = m->pkt_len - at;
	uint16_t slice = l->up.slice;
	uint8_t *eth = unwrap(m, at, slice);

	if (unlikely(ecn != 0) && !ecn_decapsulate(eth, m->data_len, ecn)) {
		refuse(w, b, m, session, true, DROP_ECN_INVALID);
		return;
	}
	if (unlikely(!line_admit(w, l, session, bytes, false))) {
		refuse(w, b, m, session, true, DROP_QER_RATE);
		return;
	}
	line_count(l, m, slice, session, bytes, false);
	if (unlikely(b->trace != NULL)) {
		trace_slice(b, m, slice);
		trace_step(b, m, switch_stages[STAGE_GTPU_IN],
			"session {session %u}, by its line, into slice {slice %u}", session, slice);
	}
	run_count(switch_of(w), run, NULL, true, LANE_WAY(slice, 0), bytes + BATCH_ETH, 0);
	route_enter(b, m, slice, DOOR_SESSION | session);
}

static __rte_always_inline void keep_up(
	struct burst *b, uint32_t k, uint32_t i, struct rte_mbuf *m, uint32_t session)
{
	rte_prefetch0(&session_block[session]);
	b->gtpu[k] = m;
	b->gtpu_at[k] = b->gtpu_at[i];
	b->gtpu_id[k] = b->gtpu_id[i];
	b->gtpu_tos[k] = b->gtpu_tos[i];
}

void session_lines_up(struct worker *w, struct burst *b)
{
	struct session_cell *cells = switch_of(w)->upf->cells;
	struct session_line *line[BURST_MAX];
	uint32_t session[BURST_MAX], n = b->gtpus, kept = 0, keep[BURST_MAX];
	struct run run = {0};
	bool is[BURST_MAX];
	uint64_t stay = 0;
	struct asks a;

	/* read, not only asked for: what is asked for gets lost where its page's address is not
	 * there either */
	for (uint32_t i = 0; i < n; i++) {
		uint32_t teid_be =
			*rte_pktmbuf_mtod_offset(b->gtpu[i], const wire32_t *, b->gtpu_at[i] + 4);

		session[i] = TEID_SESSION(rte_be_to_cpu_32(teid_be));
		line[i] = session_line(cells, session[i], false);
		is[i] = session_line_key(line[i]) == teid_be;
	}
	a.n = 0;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t at;
		uint8_t qfi;

		if (unlikely(!is[i] || stays(stay, session[i]) ||
			     !takes_up(line[i], b, i, &at, &qfi)))
			keep[kept++] = stay_add(&stay, session[i], i);
		else if (unlikely(line[i]->up.rules != 0))
			ask(&a, i, at, line[i]->up.rules, qfi);
		else
			go_up(w, b, b->gtpu[i], line[i], session[i], at, b->gtpu_tos[i] & 3, &run);
	}
	if (unlikely(a.n > 0))
		answer(&a, b->gtpu, true);
	for (uint32_t j = 0; j < a.n; j++) {
		uint32_t i = a.i[j];

		if (likely(a.result[j].act != RULES_NONE))
			go_up(w, b, b->gtpu[i], line[i], session[i], a.at[j], b->gtpu_tos[i] & 3,
				&run);
		else
			refuse(w, b, b->gtpu[i], session[i], true, DROP_PDR_NONE);
	}
	run_count(switch_of(w), &run, NULL, true, 0, 0, 0);
	for (uint32_t k = 0; k < kept; k++)
		keep_up(b, k, keep[k], b->gtpu[keep[k]], session[keep[k]]);
	b->gtpus = kept;
}

/* ---- downlink ---- */

/* Ways out of a burst. Neighbouring packets have the same slice, and other peers. */
struct out {
	struct tx_cursor tx;
	uint32_t slice;
	uint64_t packets, bytes; /* of the slice, so far */
};

static __rte_always_inline void out_count(struct switch_worker *sw, struct out *out, uint16_t slice,
	uint16_t peer, uint32_t bytes, uint32_t outer_bytes)
{
	struct traffic *to = &sw->tunnel.traffic[peer];

	to->out_packets++;
	to->out_bytes += outer_bytes;
	if (unlikely(slice != out->slice)) {
		sw->slice.traffic[out->slice].out_packets += out->packets;
		sw->slice.traffic[out->slice].out_bytes += out->bytes;
		out->slice = slice;
		out->packets = out->bytes = 0;
	}
	out->packets++;
	out->bytes += bytes;
}

static __rte_always_inline void out_done(struct worker *w, struct out *out)
{
	tx_done(w, &out->tx);
	out->tx.port = PORT_NONE;
}

/* Where the slice has a meter: with all others of the burst, gtpu_out.c. */
static __rte_noinline void collect(struct worker *w, struct burst *b, struct out *out, uint32_t i,
	const struct gtpu_way *way, const struct encap *e)
{
	if (b->to_gtpus == BURST_MAX) {
		out_done(w, out); /* it sends, too */
		gtpu_out_run(w, b);
	}
	uint32_t k = b->to_gtpus++;

	b->to_gtpu[k] = b->down[i];
	b->to_gtpu_way[k] = *way;
	b->to_gtpu_path[k] = e;
	b->to_gtpu_flow[k] = b->down_flow[i];
}

static __rte_always_inline void send_down(struct worker *w, struct burst *b, struct out *out,
	uint32_t i, const struct session_line *l, const struct encap *e)
{
	struct rte_mbuf *m = b->down[i];
	uint32_t bytes = m->pkt_len; /* of the frame that it is in its slice */
	struct gtpu_way way = {.teid_be = l->address,
		.peer = l->down.peer,
		.slice = b->down_slice[i],
		.qfi = l->down.qfi,
		.tos = l->down.tos,
		.flags = l->down.flags};

	gtpu_grow(m, -BATCH_ETH);
	if (unlikely(slice_hot[way.slice].meter != 0)) {
		collect(w, b, out, i, &way, e);
		return;
	}
	gtpu_put(switch_of(w), m, e, &way, b->down_flow[i]);
	TRACE(b, m, STAGE_GTPU_OUT, "TEID %u of GTP-U peer {tunnel %u}, to port {port %u}",
		rte_be_to_cpu_32(way.teid_be), way.peer, e->port);
	out_count(switch_of(w), out, way.slice, way.peer, bytes, m->pkt_len);
	shaper_mark(m, MARK_TUNNEL(LANE_WAY(way.slice, way.peer)), m->pkt_len - bytes);
	tx_add(w, &out->tx, e->port, m);
}

static __rte_always_inline void go_down(struct worker *w, struct burst *b, struct out *out,
	uint32_t i, struct session_line *l, const struct encap *e)
{
	uint32_t session = SESSION_OF(b->down_to[i]);
	struct rte_mbuf *m = b->down[i];
	uint32_t bytes = m->pkt_len - BATCH_ETH;
	uint16_t slice = b->down_slice[i];

	if (unlikely(!line_admit(w, l, session, bytes, true))) {
		refuse(w, b, m, session, false, DROP_QER_RATE);
		return;
	}
	m->ol_flags &= ~session_charged; /* an uplink session's, whose slice had a meter */
	line_count(l, m, slice, session, bytes, true);
	TRACE(b, m, STAGE_SESSION_DOWN, "session {session %u}, by its line, to {tunnel %u}",
		session, l->down.peer);
	send_down(w, b, out, i, l, e);
}

/* max_len is 0 where there is no path. */
static __rte_always_inline bool fits_down(
	const struct session_line *l, const struct encap *e, const struct rte_mbuf *m)
{
	uint32_t extra = l->down.flags & GTPU_WAY_PSC ? PSC_ROOM : 0;

	return likely(m->pkt_len - BATCH_ETH + extra <= e->max_len &&
		      rte_pktmbuf_headroom(m) + BATCH_ETH >= GTPU_ROOM);
}

static __rte_always_inline void keep_down(struct burst *b, uint32_t k, uint32_t i)
{
	rte_prefetch0(&session_block[SESSION_OF(b->down_to[i])]);
	b->down[k] = b->down[i];
	b->down_to[k] = b->down_to[i];
	b->down_door[k] = b->down_door[i];
	b->down_slice[k] = b->down_slice[i];
	b->down_flow[k] = b->down_flow[i];
}

void session_lines_down(struct worker *w, struct burst *b)
{
	struct session_cell *cells = switch_of(w)->upf->cells;
	struct session_line *line[BURST_MAX];
	const struct encap *path[BURST_MAX];
	uint32_t n = b->downs, kept = 0, keep[BURST_MAX];
	bool is[BURST_MAX];
	uint64_t stay = 0;
	struct out out = {.tx = {.port = PORT_NONE}};
	struct asks a;

	for (uint32_t i = 0; i < n; i++) { /* read, as above */
		uint64_t word = b->down_to[i];
		uint32_t key = SESSION_LINE_DOWN(SESSION_GROUP_OF(word), b->down_slice[i]);

		line[i] = session_line(cells, SESSION_OF(word), true);
		is[i] = session_line_key(line[i]) == key;
	}
	for (uint32_t i = 0; i < n; i++)
		if (likely(is[i])) {
			path[i] = path_pick(line[i]->down.peer, FLOW_HASH(b->down_flow[i]));
			rte_prefetch0(path[i]);
		}
	a.n = 0;
	for (uint32_t i = 0; i < n; i++)
		if (unlikely(!is[i] || stays(stay, SESSION_OF(b->down_to[i])) ||
			     !fits_down(line[i], path[i], b->down[i])))
			keep[kept++] = stay_add(&stay, SESSION_OF(b->down_to[i]), i);
		else if (unlikely(line[i]->down.rules != 0))
			ask(&a, i, BATCH_ETH, line[i]->down.rules, QFI_NONE);
		else
			go_down(w, b, &out, i, line[i], path[i]);
	if (unlikely(a.n > 0))
		answer(&a, b->down, false);
	for (uint32_t j = 0; j < a.n; j++)
		if (likely(a.result[j].act != RULES_NONE))
			go_down(w, b, &out, a.i[j], line[a.i[j]], path[a.i[j]]);
		else
			refuse(w, b, b->down[a.i[j]], SESSION_OF(b->down_to[a.i[j]]), false,
				DROP_PDR_NONE);
	out_done(w, &out);
	switch_of(w)->slice.traffic[out.slice].out_packets += out.packets;
	switch_of(w)->slice.traffic[out.slice].out_bytes += out.bytes;
	for (uint32_t k = 0; k < kept; k++)
		keep_down(b, k, keep[k]);
	b->downs = kept;
}
