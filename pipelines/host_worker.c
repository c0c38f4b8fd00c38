/* SPDX-License-Identifier: BSD-3-Clause */
/* A worker's part of what the switch says itself: rates per slice, reports to main, and the
 * questions that main has it ask. Owns struct host_worker. */
#include <rte_malloc.h>
#include <stdio.h>

#include "host.h"
#include "stages.h"

#define ORDERS_A_TICK BURST_MAX

static const uint32_t rate_pps[RATES] = {[RATE_ERROR] = 1000,
	[RATE_ECHO] = 5000,
	[RATE_ANSWER] = 5000,
	[RATE_SEEN] = 5000,
	[RATE_ASK] = 1000,
	[RATE_LEARN] = 5000,
	[RATE_TAP] = 10000};

/* ---- life ---- */

int host_worker_init(struct worker *w)
{
	struct host_worker *h = rte_zmalloc("hosts", sizeof(*h), RTE_CACHE_LINE_SIZE);
	char name[RTE_RING_NAMESIZE];

	switch_of(w)->host = h;
	if (h == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < RATES; i++)
		h->cost[i] = bucket_cost(rate_pps[i]);
	h->seen = rte_zmalloc("hosts_seen", HOST_SEEN_MEMORY * sizeof(*h->seen), 0);
	h->bucket = rte_zmalloc("hosts_rates", (LIMIT_SLICES + 1) * sizeof(*h->bucket), 0);
	snprintf(name, sizeof(name), "hosts_%u", w->id);
	h->reports = rte_ring_create_elem(name, sizeof(struct host_report), HOST_RING,
		SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	snprintf(name, sizeof(name), "orders_%u", w->id);
	h->orders = rte_ring_create_elem(name, sizeof(struct host_order), ORDER_RING, SOCKET_ID_ANY,
		RING_F_SP_ENQ | RING_F_SC_DEQ);
	return h->seen != NULL && h->bucket != NULL && h->reports != NULL && h->orders != NULL
		       ? 0
		       : -ENOMEM;
}

void host_worker_fini(struct worker *w)
{
	struct host_worker *h = switch_of(w)->host;

	if (h == NULL)
		return;
	rte_ring_free(h->reports);
	rte_ring_free(h->orders);
	rte_free(h->seen);
	rte_free(h->bucket);
	rte_free(h);
	switch_of(w)->host = NULL;
}

/* ---- with the main thread ---- */

bool host_may(struct worker *w, uint16_t slice, enum host_rate which)
{
	struct host_worker *h = switch_of(w)->host;

	return bucket_take(
		&h->bucket[slice][which], w->now_tsc, rte_get_tsc_hz() / 10, h->cost[which]);
}

/* One place for each (slice, address), so that news about it replaces what was said before. */
static struct host_seen *seen_of(struct host_worker *h, const struct host_report *r)
{
	const wire64_t *a = (const wire64_t *)r->address;
	uint64_t hash = (a[0] ^ a[1] * 0x9e3779b97f4a7c15ull ^ r->slice) * 0xd6e8feb86659fd93ull;

	return &h->seen[(hash >> 32) % HOST_SEEN_MEMORY];
}

static bool host_tell(struct host_worker *h, struct host_report report)
{
	return rte_ring_sp_enqueue_elem(h->reports, &report, sizeof(report)) == 0;
}

void host_report(struct worker *w, const struct host_report *report)
{
	struct host_worker *h = switch_of(w)->host;
	struct host_seen *seen = seen_of(h, report);

	if (memcmp(&seen->report, report, sizeof(*report)) == 0 &&
		w->now_tsc - seen->tsc < rte_get_tsc_hz() / 4)
		return;
	if (!host_may(w, report->slice, report->kind == HOST_ASK ? RATE_ASK : RATE_SEEN) ||
		!host_tell(h, *report)) {
		w->box.hosts_lost++;
		return;
	}
	*seen = (struct host_seen){.report = *report, .tsc = w->now_tsc};
}

bool host_news_differ(struct worker *w, const struct host_report *known)
{
	const struct host_seen *seen = seen_of(switch_of(w)->host, known);
	const struct host_report *r = &seen->report;

	return r->slice == known->slice && r->kind == known->kind && r->family == known->family &&
	       memcmp(r->address, known->address, sizeof(r->address)) == 0 &&
	       w->now_tsc - seen->tsc < rte_get_tsc_hz() &&
	       (r->door != known->door || memcmp(r->mac, known->mac, sizeof(r->mac)) != 0);
}

/* False: no room. to: six bytes, everybody's at first. */
static bool order_write(
	struct rte_mbuf *m, const uint8_t *mac, const struct host_order *order, uint8_t *to)
{
	if (order->family == 4)
		return arp_request(m, mac, order);
	return order->announce ? nd_announce(m, mac, order, to) : nd_solicit(m, mac, order, to);
}

static void order_send(struct worker *w, struct burst *b, const struct host_order *order)
{
	const struct attachment_hot a = attachment_load(order->attachment);
	const uint64_t mac = slice_hot[order->slice].mac;
	uint8_t to[6];

	/* the attachment is looked at first: is it still the one that main meant? */
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (order->epoch != __atomic_load_n(&host_epoch, __ATOMIC_RELAXED))
		return;
	if (a.slice != order->slice || !port_hot[a.port].live)
		return; /* went meanwhile */
	struct rte_mbuf *m = rte_pktmbuf_alloc(port_hot[a.port].pool);

	if (m == NULL) {
		w->box.errors_held++;
		return;
	}
	memcpy(to, order->mac, sizeof(to));
	if (!is_station_mac(to))
		memset(to, 0xff, sizeof(to));
	if (!order_write(m, (const uint8_t *)&mac, order, to)) {
		w->box.errors_held++;
		rte_pktmbuf_free(m);
		return;
	}
	w->box.originated++;
	w->box.announced += order->announce;
	route_send_by(w, b, m, order->slice, order->attachment, to);
}

void host_tick(struct worker *w)
{
	struct host_worker *h = switch_of(w)->host;
	struct burst *b = &w->burst;
	struct host_order order[ORDERS_A_TICK];
	uint32_t n = rte_ring_sc_dequeue_burst_elem(
		h->orders, order, sizeof(order[0]), ORDERS_A_TICK, NULL);

	if (likely(n == 0))
		return;
	/* the burst is between two: lanes are empty, but what it traced and dropped still stands */
	b->trace = NULL;
	b->drops = 0;
	for (uint32_t i = 0; i < n; i++)
		order_send(w, b, &order[i]);
	switch_out(w, b);
	if (b->drops > 0)
		rte_pktmbuf_free_bulk(b->drop, b->drops);
	b->drops = 0;
}
