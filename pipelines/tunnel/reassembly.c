/* SPDX-License-Identifier: BSD-3-Clause */
/* Outer fragments put together again by rte_ip_frag, within bounds, per worker (fragments of a
 * packet share addresses, and so the queue RSS puts them in). Owns the tables and a pool of
 * large buffers. */
#include <rte_ip_frag.h>
#include <rte_malloc.h>

#include "heap.h"
#include "hot.h"
#include "tunnel.h"
#include "tunnel_parts.h"

#define FLOWS	    1024 /* packets in the making at once, a worker and family */
#define HELD_MAX    1024 /* fragments that wait at once: the port needs its buffers */
#define TIMEOUT_S   1
#define POOL	    255
#define POOL_ROOM   (RTE_PKTMBUF_HEADROOM + 16 * 1024)
#define DEATH_BURST 8

struct reassembly {
	struct rte_ip_frag_tbl *v4, *v6;
	struct rte_ip_frag_death_row dead;
	struct rte_mempool *pool;
	uint32_t held; /* fragments that wait */
	uint32_t held_of[PEER_SHARES];
};

/* A share may have as much as is still free (dynamic thresholds: Choudhury and Hahne, IEEE/ACM ToN
 * 1998): one that floods leaves half of all to the others, two a third, and strangers together,
 * who can be as many addresses as they like, are one. */
static bool share_has_room(const struct reassembly *r, uint32_t share)
{
	return r->held < HELD_MAX && r->held_of[share] < HELD_MAX - r->held;
}

static void held_less(struct reassembly *r, const struct rte_mbuf *chain)
{
	r->held -= chain->nb_segs;
	for (const struct rte_mbuf *m = chain; m != NULL; m = m->next)
		r->held_of[m->hash.usr]--;
}

int reassembly_init(struct worker *w)
{
	struct reassembly *r = rte_zmalloc("reassembly", sizeof(*r), RTE_CACHE_LINE_SIZE);
	uint64_t cycles = rte_get_tsc_hz() * TIMEOUT_S;
	char name[32];

	switch_of(w)->reassembly = r;
	if (r == NULL)
		return -ENOMEM;
	snprintf(name, sizeof(name), "reassembly_%u", w->id);
	r->v4 = rte_ip_frag_table_create(FLOWS / 16, 16, FLOWS, cycles, SOCKET_ID_ANY);
	r->v6 = rte_ip_frag_table_create(FLOWS / 16, 16, FLOWS, cycles, SOCKET_ID_ANY);
	r->pool = rte_pktmbuf_pool_create(name, POOL, 0, 0, POOL_ROOM, SOCKET_ID_ANY);
	return r->v4 != NULL && r->v6 != NULL && r->pool != NULL ? 0 : -ENOMEM;
}

void reassembly_fini(struct worker *w)
{
	struct reassembly *r = switch_of(w)->reassembly;

	if (r == NULL)
		return;
	if (r->v4 != NULL)
		rte_ip_frag_table_destroy(r->v4);
	if (r->v6 != NULL)
		rte_ip_frag_table_destroy(r->v6);
	heap_pool_free(r->pool);
	rte_free(r);
	switch_of(w)->reassembly = NULL;
}

static void bury(struct worker *w, enum drop_reason why)
{
	struct reassembly *r = switch_of(w)->reassembly;
	uint32_t n = 0;

	/* rte_ip_frag gives up half way: some are chained to each other by then */
	for (uint32_t i = 0; i < r->dead.cnt; i++) {
		n += r->dead.row[i]->nb_segs;
		held_less(r, r->dead.row[i]);
	}
	w->drops[why] += n;
	rte_ip_frag_free_death_row(&r->dead, DEATH_BURST);
}

/* One buffer instead of a chain: the rest of the pipeline reads headers where they lie. */
static struct rte_mbuf *in_one_piece(struct worker *w, struct burst *b, struct rte_mbuf *chain)
{
	struct reassembly *r = switch_of(w)->reassembly;
	struct rte_mbuf *whole;

	w->box.merged += chain->nb_segs - 1;
	if (chain->pkt_len > POOL_ROOM - RTE_PKTMBUF_HEADROOM) {
		worker_drop(w, b, chain, DROP_FRAGMENT_INVALID);
		return NULL;
	}
	whole = rte_pktmbuf_copy(chain, r->pool, 0, UINT32_MAX);
	if (whole == NULL) {
		worker_drop(w, b, chain, DROP_FRAGMENT_NO_ROOM);
		return NULL;
	}
	if (unlikely(b->trace != NULL)) {
		trace_step(b, chain, "overlay_in", "last of %u fragments", chain->nb_segs);
		trace_moved(b, chain, whole);
	}
	rte_pktmbuf_free(chain);
	whole->ol_flags = 0;
	return whole;
}

static struct rte_mbuf *added(struct worker *w, struct burst *b, struct rte_mbuf *whole)
{
	struct reassembly *r = switch_of(w)->reassembly;

	if (r->dead.cnt > 0)
		bury(w, DROP_FRAGMENT_INVALID);
	if (whole == NULL)
		return NULL;
	held_less(r, whole);
	return in_one_piece(w, b, whole);
}

/* rte_ip_frag takes a fragment in one buffer; and there is an end to what may wait. */
static bool may_wait(struct worker *w, struct burst *b, struct rte_mbuf *m, uint32_t share)
{
	if (m->nb_segs > 1)
		worker_drop(w, b, m, DROP_FRAGMENT_INVALID);
	else if (!share_has_room(switch_of(w)->reassembly, share))
		worker_drop(w, b, m, DROP_FRAGMENT_NO_ROOM);
	else
		return true;
	return false;
}

/* Held from here on: m->hash says by whom, until it is given back. */
static void hold(struct worker *w, struct rte_mbuf *m, uint32_t share)
{
	struct reassembly *r = switch_of(w)->reassembly;

	m->hash.usr = share;
	r->held++;
	r->held_of[share]++;
}

struct rte_mbuf *reassembly_add4(
	struct worker *w, struct burst *b, struct rte_mbuf *m, uint32_t l3_len, uint32_t share)
{
	struct reassembly *r = switch_of(w)->reassembly;
	struct rte_ipv4_hdr *ip =
		rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, sizeof(struct rte_ether_hdr));
	uint32_t total = sizeof(struct rte_ether_hdr) + rte_be_to_cpu_16(ip->total_length);

	if (!may_wait(w, b, m, share))
		return NULL;
	if (m->pkt_len > total) /* padding is no part of it */
		rte_pktmbuf_trim(m, m->pkt_len - total);
	m->l2_len = sizeof(struct rte_ether_hdr);
	m->l3_len = l3_len;
	TRACE(b, m, STAGE_OVERLAY_IN, "fragment, held for reassembly");
	hold(w, m, share);
	return added(w, b, rte_ipv4_frag_reassemble_packet(r->v4, &r->dead, m, w->now_tsc, ip));
}

/* A fragment that is the whole packet (RFC 6946: processed by itself, whatever others of its
 * identification wait): without its header. */
static struct rte_mbuf *atomic6(struct rte_mbuf *m)
{
	uint8_t *data = rte_pktmbuf_mtod(m, uint8_t *);
	struct rte_ipv6_hdr *ip = (struct rte_ipv6_hdr *)(data + sizeof(struct rte_ether_hdr));
	struct rte_ipv6_fragment_ext *ext = (struct rte_ipv6_fragment_ext *)(ip + 1);

	ip->proto = ext->next_header;
	ip->payload_len = rte_cpu_to_be_16(
		rte_be_to_cpu_16(ip->payload_len) - sizeof(struct rte_ipv6_fragment_ext));
	memmove(data + sizeof(*ext), data, sizeof(struct rte_ether_hdr) + sizeof(*ip));
	rte_pktmbuf_adj(m, sizeof(*ext));
	return m;
}

struct rte_mbuf *reassembly_add6(
	struct worker *w, struct burst *b, struct rte_mbuf *m, uint32_t share)
{
	struct reassembly *r = switch_of(w)->reassembly;
	struct rte_ipv6_hdr *ip =
		rte_pktmbuf_mtod_offset(m, struct rte_ipv6_hdr *, sizeof(struct rte_ether_hdr));
	struct rte_ipv6_fragment_ext *ext = (struct rte_ipv6_fragment_ext *)(ip + 1);
	uint32_t total =
		sizeof(struct rte_ether_hdr) + sizeof(*ip) + rte_be_to_cpu_16(ip->payload_len);

	if (m->data_len < sizeof(struct rte_ether_hdr) + sizeof(*ip) + sizeof(*ext) ||
		rte_be_to_cpu_16(ip->payload_len) < sizeof(*ext)) {
		worker_drop(w, b, m, DROP_FRAGMENT_INVALID);
		return NULL;
	}
	if (!(ext->frag_data & RTE_BE16(0xfff9))) /* its offset is 0, and none follows */
		return atomic6(m);
	if (!may_wait(w, b, m, share))
		return NULL;
	if (m->pkt_len > total)
		rte_pktmbuf_trim(m, m->pkt_len - total);
	m->l2_len = sizeof(struct rte_ether_hdr);
	m->l3_len = sizeof(*ip) + sizeof(*ext);
	TRACE(b, m, STAGE_OVERLAY_IN, "fragment, held for reassembly");
	hold(w, m, share);
	return added(
		w, b, rte_ipv6_frag_reassemble_packet(r->v6, &r->dead, m, w->now_tsc, ip, ext));
}

void reassembly_tick(struct worker *w)
{
	struct reassembly *r = switch_of(w)->reassembly;

	rte_ip_frag_table_del_expired_entries(r->v4, &r->dead, w->now_tsc);
	if (r->dead.cnt > 0)
		bury(w, DROP_FRAGMENT_TIMEOUT);
	rte_ip_frag_table_del_expired_entries(r->v6, &r->dead, w->now_tsc);
	if (r->dead.cnt > 0)
		bury(w, DROP_FRAGMENT_TIMEOUT);
}
