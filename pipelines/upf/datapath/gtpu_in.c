/* SPDX-License-Identifier: BSD-3-Clause */
/* GTP-U that came in (TS 29.281): TEID → session, header off, the packet inside looked at, and
 * on to what the session does with it (session_batch.c). */
#include "flow.h"
#include "gtpu_control.h"
#include "gtpu_plain.h"
#include "tunnel.h"
#include "hold.h"
#include "session_batch.h"
#include "session_line.h"
#include "session_owns.h"
#include "datapath.h"

#define IP4 20u
#define IP6 40u

/* User data of a burst: where its payload begins, whose it may be. */
struct data {
	uint32_t n;
	uint64_t diverted;    /* session_diverts() */
	uint8_t i[BURST_MAX]; /* of b->gtpu[] */
	uint8_t qfi[BURST_MAX];
	uint8_t group[BURST_MAX];
	uint16_t at[BURST_MAX]; /* of the payload */
	uint32_t len[BURST_MAX];
	uint32_t teid_be[BURST_MAX];
	uint32_t session[BURST_MAX];
	bool moves[BURST_MAX]; /* s[] is NULL, but only while a commit gives the TEID to another */
	const struct session_block *s[BURST_MAX];
};

/* What is no plain user data. */
struct others {
	uint32_t n;
	uint8_t i[BURST_MAX];
	enum gtpu_error error[BURST_MAX];
	struct gtpu_header header[BURST_MAX];
};

/* ---- phase 1: headers ---- */

static __rte_always_inline void data_add(
	struct data *d, uint32_t i, uint32_t teid_be, uint32_t at, uint32_t len, uint8_t qfi)
{
	uint32_t k = d->n++, teid = rte_be_to_cpu_32(teid_be);

	d->i[k] = i;
	d->teid_be[k] = teid_be;
	d->at[k] = at;
	d->len[k] = len;
	d->qfi[k] = qfi;
	d->session[k] = TEID_SESSION(teid);
	d->group[k] = TEID_GROUP(teid);
	d->s[k] = session_load(TEID_SESSION(teid));
}

/* Blocks of the sessions whose TEIDs these may be, and chosen ones are. */
static __rte_always_inline void blocks_prefetch(const struct burst *b)
{
	for (uint32_t i = 0; i < b->gtpus; i++) {
		const uint8_t *g =
			rte_pktmbuf_mtod_offset(b->gtpu[i], const uint8_t *, b->gtpu_at[i]);
		uint32_t teid = rte_be_to_cpu_32(*(const wire32_t *)(g + 4));
		const struct session_block *s = session_load(TEID_SESSION(teid));

		rte_prefetch0(s);
		if (TEID_GROUP(teid) != 0) /* the first group's first act begins in line 0 */
			rte_prefetch0((const uint8_t *)s + RTE_CACHE_LINE_SIZE);
	}
}

/* Any header, by gtp/gtpu.c. */
static __rte_noinline void read_any(
	struct worker *w, struct burst *b, uint32_t i, struct data *d, struct others *o)
{
	struct rte_mbuf *m = b->gtpu[i];
	uint32_t at = b->gtpu_at[i];
	struct gtpu_header *h = &o->header[o->n];
	enum gtpu_error error =
		gtpu_read(rte_pktmbuf_mtod_offset(m, const uint8_t *, at), m->data_len - at, h);

	/* what the field says is there may lie in further buffers */
	if (error == GTPU_BAD_LENGTH && m->nb_segs > 1 && rte_pktmbuf_linearize(m) == 0)
		error = gtpu_read(
			rte_pktmbuf_mtod_offset(m, const uint8_t *, at), m->data_len - at, h);
	if (error != GTPU_OK || h->type != GTPU_G_PDU) {
		o->error[o->n] = error;
		o->i[o->n++] = i;
	} else if (h->teid_be == 0) {
		TRACE(b, m, STAGE_GTPU_IN, "user data with TEID 0");
		worker_drop(w, b, m, DROP_GTPU_TEID_ZERO);
	} else {
		data_add(d, i, h->teid_be, at + h->payload, h->payload_len,
			h->has_psc ? h->psc.qfi : QFI_NONE);
	}
}

static __rte_always_inline bool read_plain(const struct burst *b, uint32_t i, struct data *d)
{
	const struct rte_mbuf *m = b->gtpu[i];
	uint32_t at = b->gtpu_at[i], header;
	const uint8_t *g = rte_pktmbuf_mtod_offset(m, const uint8_t *, at);
	uint8_t qfi;

	if (!gtpu_read_plain(m, at, g, &header, &qfi))
		return false;
	data_add(d, i, *(const wire32_t *)(g + 4), at + header, m->pkt_len - at - header, qfi);
	return true;
}

/* ---- phase 2: sessions ---- */

static __rte_always_inline bool is_group(
	const struct session_block *s, uint32_t group, uint32_t teid_be, uint8_t gtpu)
{
	if (unlikely(s == NULL || group >= s->groups))
		return false;
	const struct session_group *g = session_group_at(s, group);

	return g->teid_be == teid_be && g->gtpu == gtpu;
}

/* TEIDs that were put, and those that nobody has: s[] of the latter becomes NULL. */
static __rte_noinline void find_put(const struct worker *w, const struct burst *b, struct data *d,
	const uint8_t *which, uint32_t n)
{
	uint64_t key[BURST_MAX], *value[BURST_MAX];

	for (uint32_t j = 0; j < n; j++)
		key[j] = TEID_KEY(
			b->gtpu_id[d->i[which[j]]], rte_be_to_cpu_32(d->teid_be[which[j]]));
	exact_lookup_bulk(&teid_table, key, 1, n, value);
	for (uint32_t j = 0; j < n; j++) {
		uint32_t k = which[j];
		uint64_t word = value[j] != NULL ? __atomic_load_n(value[j], __ATOMIC_RELAXED) : 0;

		d->moves[k] = word != 0;
		if (word != 0) { /* else it may be one that was chosen (run_blocks()) */
			d->session[k] = SESSION_OF(word);
			d->group[k] = SESSION_GROUP_OF(word);
		}
		rte_prefetch0(&session_block[d->session[k]]);
	}
	for (uint32_t j = 0; j < n; j++) {
		d->s[which[j]] = session_load(d->session[which[j]]);
		session_prefetch(d->s[which[j]]);
	}
	for (uint32_t j = 0; j < n; j++) {
		uint32_t k = which[j];

		if (!is_group(d->s[k], d->group[k], d->teid_be[k], b->gtpu_id[d->i[k]]))
			d->s[k] = NULL;
		else
			session_admit_prefetch(w, d->s[k]);
	}
}

/* ---- phase 3: the packet inside ---- */

/* Not IPv4 of exactly this length without options: 4, 6, or 0 for what is no sound packet. *len
 * becomes the packet's own. */
static __rte_noinline uint32_t inner_other(struct rte_mbuf *m, uint32_t at, uint32_t *len)
{
	const uint8_t *ip = rte_pktmbuf_mtod_offset(m, const uint8_t *, at);
	uint32_t there = RTE_MIN(*len, (uint32_t)m->data_len - at), total, head;

	if (there >= IP4 && ip[0] >> 4 == 4) {
		head = (ip[0] & 0xf) * 4u;
		total = rte_be_to_cpu_16(load16(ip + 2));
		if (head < IP4 || total < head || there < head)
			return 0;
	} else if (there >= IP6 && ip[0] >> 4 == 6) {
		total = IP6 + rte_be_to_cpu_16(load16(ip + 4));
	} else {
		return 0;
	}
	if (total > *len)
		return 0;
	if (m->pkt_len > at + total && rte_pktmbuf_trim(m, m->pkt_len - at - total) != 0)
		return 0;
	*len = total;
	return ip[0] >> 4;
}

static __rte_noinline void refuse(struct worker *w, struct burst *b, struct rte_mbuf *m,
	uint32_t session, const struct session_block *s, enum drop_reason why)
{
	TRACE(b, m, STAGE_GTPU_IN, "for session {session %u}", session);
	session_drop(w, b, m, session, s, why);
}

static __rte_always_inline void strip(struct rte_mbuf *m, uint32_t n)
{
	m->data_off += n;
	m->data_len -= n;
	m->pkt_len -= n;
}

static __rte_always_inline void batch_add(struct worker *w, const struct data *d, uint32_t k,
	struct rte_mbuf *m, uint32_t len, struct session_batch *x)
{
	const struct session_block *s = d->s[k];
	uint32_t j = x->n;

	x->pkt[j] = m;
	x->s[j] = s;
	x->session[j] = d->session[k];
	x->group[j] = d->group[k];
	x->bytes[j] = len;
	x->qfi[j] = d->qfi[k];
	x->door[j] = DOOR_SESSION | d->session[k];
	session_batch_rules(x, session_group_at(s, d->group[k]), switch_of(w)->upf);
}

static bool is_unicast(const uint8_t *mac)
{
	return !(mac[0] & 1) && (mac[0] | mac[1] | mac[2] | mac[3] | mac[4] | mac[5]) != 0;
}

/* The same for the frame inside (TS 23.501 5.6.10.2: no preamble, no FCS). */
static __rte_noinline void unwrap_frame(struct worker *w, struct burst *b, const struct data *d,
	uint32_t k, bool waits, struct session_batch *x)
{
	const struct session_block *s = d->s[k];
	struct rte_mbuf *m = b->gtpu[d->i[k]];
	uint32_t session = d->session[k], len = d->len[k], end = d->at[k] + len;
	uint8_t outer = b->gtpu_tos[d->i[k]] & 3;

	if (len < BATCH_ETH || m->data_len < d->at[k] + BATCH_ETH ||
		(m->pkt_len > end && rte_pktmbuf_trim(m, m->pkt_len - end) != 0)) {
		refuse(w, b, m, session, s, DROP_UE_PACKET);
		return;
	}
	strip(m, d->at[k]);
	uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *);

	if (!is_unicast(frame + RTE_ETHER_ADDR_LEN)) {
		refuse(w, b, m, session, s, DROP_SOURCE_MAC);
		return;
	}
	if (outer != 0 && !ecn_decapsulate(frame, m->data_len, outer)) {
		refuse(w, b, m, session, s, DROP_ECN_INVALID);
		return;
	}
	if (waits) {
		m->hash.usr = d->qfi[k]; /* for session_again() */
		hold_park(w, b, m, session, s, d->group[k]);
		return;
	}
	batch_add(w, d, k, m, len, x);
}

/* To a group, like a router advertisement that the other UPF sends: the UE's as well. */
static bool is_group_address(const uint8_t *ip)
{
	return ip[0] >> 4 == 4 ? ip[16] >> 4 == 0xe : ip[24] == 0xff;
}

/* Is it to wait? By the block as it is now: NULL when that has not this TEID any more. */
static __rte_noinline bool must_wait(
	struct worker *w, const struct burst *b, struct data *d, uint32_t k)
{
	bool waits = session_waits(w, &d->diverted, d->session[k], &d->s[k]);

	if (!is_group(d->s[k], d->group[k], d->teid_be[k], b->gtpu_id[d->i[k]]))
		d->s[k] = NULL;
	return waits;
}

/* Makes the packet inside k the batch's next, or drops it by name. */
static __rte_always_inline void unwrap(
	struct worker *w, struct burst *b, struct data *d, uint32_t k, struct session_batch *x)
{
	struct rte_mbuf *m = b->gtpu[d->i[k]];
	uint32_t session = d->session[k], len = d->len[k], family = 4;
	uint8_t *ip = rte_pktmbuf_mtod_offset(m, uint8_t *, d->at[k]), *eth = ip - BATCH_ETH;
	uint8_t outer = b->gtpu_tos[d->i[k]] & 3;
	bool waits = false;

	if (unlikely(session_diverts(d->diverted, d->s[k], session))) {
		waits = must_wait(w, b, d, k);
		if (d->s[k] == NULL) {
			worker_drop(w, b, m, DROP_SESSION_GONE);
			return;
		}
	}
	const struct session_block *s = d->s[k];
	const struct session_group *g = session_group_at(s, d->group[k]);

	if (unlikely(s->flags & SESSION_ETHERNET)) {
		unwrap_frame(w, b, d, k, waits, x);
		return;
	}
	if (unlikely(ip[0] != 0x45 || rte_be_to_cpu_16(load16(ip + 2)) != len || len < IP4 ||
		     m->data_len < d->at[k] + IP4 || m->pkt_len != d->at[k] + len))
		family = inner_other(m, d->at[k], &len);
	if (unlikely(family == 0)) {
		refuse(w, b, m, session, s, DROP_UE_PACKET);
		return;
	}
	if (g->flags & GROUP_UPLINK) {
		if (unlikely(!session_owns(s, ip, true))) {
			refuse(w, b, m, session, s, DROP_UE_SOURCE);
			return;
		}
	} else if (unlikely(!session_owns(s, ip, false) && !is_group_address(ip))) {
		/* a PDR without UE address has the session's (TS 29.244 8.2.62, D flag) */
		refuse(w, b, m, session, s, DROP_PDR_NONE);
		return;
	}
	strip(m, d->at[k] - BATCH_ETH);
	*(wire16_t *)(eth + 12) =
		family == 4 ? RTE_BE16(RTE_ETHER_TYPE_IPV4) : RTE_BE16(RTE_ETHER_TYPE_IPV6);
	if (unlikely(outer != 0) && !ecn_decapsulate(eth, m->data_len, outer)) {
		refuse(w, b, m, session, s, DROP_ECN_INVALID);
		return;
	}
	if (unlikely(waits)) {
		strip(m, BATCH_ETH);
		m->hash.usr = d->qfi[k]; /* for session_again() */
		hold_park(w, b, m, session, s, d->group[k]);
		return;
	}
	batch_add(w, d, k, m, len, x);
}

/* User data for nobody. */
static __rte_noinline void others_add(
	struct others *o, const struct burst *b, const struct data *d, uint32_t k)
{
	o->error[o->n] = GTPU_OK;
	o->header[o->n] = (struct gtpu_header){.type = GTPU_G_PDU,
		.teid_be = d->teid_be[k],
		.payload = d->at[k] - b->gtpu_at[d->i[k]],
		.payload_len = d->len[k]};
	o->i[o->n++] = d->i[k];
}

/* What no line served. */
static __rte_noinline void run_blocks(struct worker *w, struct burst *b)
{
	struct session_batch x;
	struct others others;
	struct data d;
	uint8_t put[BURST_MAX];
	uint64_t behind = 0; /* of put[]: what follows by the same TEID comes after them, though its
				session may have come to be the one that it says meanwhile */
	uint32_t puts = 0;

	session_batch_begin(&x);
	others.n = d.n = 0;
	d.diverted = 0;
	blocks_prefetch(b);
	for (uint32_t i = 0; i < b->gtpus; i++)
		if (unlikely(!read_plain(b, i, &d)))
			read_any(w, b, i, &d, &others);
	session_prefetch_cells(w, d.s, d.n);
	for (uint32_t k = 0; k < d.n; k++)
		if (likely(is_group(d.s[k], d.group[k], d.teid_be[k], b->gtpu_id[d.i[k]]) &&
			    !(behind & session_bit(d.session[k])))) {
			unwrap(w, b, &d, k, &x);
		} else {
			behind |= session_bit(d.session[k]);
			put[puts++] = k;
		}
	if (unlikely(puts > 0))
		find_put(w, b, &d, put, puts);
	for (uint32_t j = 0; j < puts; j++) {
		uint32_t k = put[j];

		if (d.s[k] != NULL)
			unwrap(w, b, &d, k, &x);
		else if (unlikely(d.moves[k])) /* an error indication would end the gNB's session */
			worker_drop(w, b, b->gtpu[d.i[k]], DROP_SESSION_GONE);
		else
			others_add(&others, b, &d, k);
	}
	session_batch_up(w, b, &x);
	for (uint32_t j = 0; j < others.n; j++)
		gtpu_control(w, b, others.i[j], others.error[j], &others.header[j]);
}

void gtpu_in_run(struct worker *w, struct burst *b)
{
	uint32_t n = b->gtpus;

	session_lines_up(w, b);
	if (b->gtpus > 0)
		run_blocks(w, b);
	b->gtpus = 0;
	worker_stage_done(w, STAGE_GTPU_IN, n);
}
