/* SPDX-License-Identifier: BSD-3-Clause */
/* The questions and announcements that main has workers send: a turn of host_tick(). Owns nothing.
 */
#include "host.h"

#define ORDERS_A_TICK BURST_MAX

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
	stages_above.out(w, b);
	if (b->drops > 0)
		rte_pktmbuf_free_bulk(b->drop, b->drops);
	b->drops = 0;
}
