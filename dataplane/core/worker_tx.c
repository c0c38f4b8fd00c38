/* SPDX-License-Identifier: BSD-3-Clause */
/* How frames leave a worker: its transmit buffers, the hand-over to the worker that owns a queue,
 * and who owns which queue. Sending is called by the worker itself (worker.c, stages), the
 * assignment by the main thread; owns nothing. */
#include "worker_tx.h"

#include <rte_ethdev.h>
#include <sched.h>

#include "rcu.h"
#include "shaper.h"

#define SHAPE_MOST 256 /* frames a port sends in one turn: the others are polled in between */

static void tx_lost(
	struct worker *w, uint16_t port, struct rte_mbuf **pkt, uint32_t n, enum drop_reason why)
{
	w->port[port].tx_dropped += n;
	w->drops[why] += n;
	rte_pktmbuf_free_bulk(pkt, n);
}

/* For a driver that sends the first buffer of a chain alone (net_af_xdp reads the whole length from
 * it, and what lies behind it in memory goes out): into one buffer, or a drop. Returns how many are
 * left. */
static __rte_noinline uint16_t tx_linear(
	struct worker *w, uint16_t port, struct rte_mbuf **pkt, uint16_t n)
{
	uint16_t kept = 0;

	for (uint16_t i = 0; i < n; i++) {
		if (likely(pkt[i]->nb_segs == 1) || rte_pktmbuf_linearize(pkt[i]) == 0)
			pkt[kept++] = pkt[i];
		else
			tx_lost(w, port, &pkt[i], 1, DROP_TX_CHAINED);
	}
	return kept;
}

static __rte_always_inline void tx_send(
	struct worker *w, uint16_t port, uint16_t queue, struct rte_mbuf **pkt, uint16_t n)
{
	const struct port_hot *ph = &port_hot[port];
	struct port_counters *count = &w->port[port];
	uint64_t bytes = 0;

	if (unlikely(!ph->multi_seg))
		n = tx_linear(w, port, pkt, n);
	for (uint32_t i = 0; i < n; i++)
		bytes += pkt[i]->pkt_len;
	uint16_t sent = rte_eth_tx_burst(ph->ethdev, queue, pkt, n);

	if (unlikely(sent < n)) /* a second try: af_packet and tap come back with room */
		sent += rte_eth_tx_burst(ph->ethdev, queue, pkt + sent, n - sent);
	if (unlikely(sent < n)) {
		for (uint32_t i = sent; i < n; i++)
			bytes -= pkt[i]->pkt_len;
		tx_lost(w, port, pkt + sent, n - sent, DROP_TX_FULL);
	}
	count->tx_packets += sent;
	count->tx_bytes += bytes;
}

static void tx_hand_over(struct worker *w, uint16_t port, struct tx_buffer *tx, uint16_t owner)
{
	struct rte_ring *ring = workers[owner]->handover[w->id];

	for (uint32_t i = 0; i < tx->n; i++)
		tx->pkt[i]->port = port;
	unsigned n = rte_ring_sp_enqueue_burst(ring, (void **)tx->pkt, tx->n, NULL);

	if (unlikely(n < tx->n))
		tx_lost(w, port, tx->pkt + n, tx->n - n, DROP_HANDOVER_FULL);
	tx->n = 0;
}

/* ---- shaped ports: one worker serves them all, whatever queues there are ---- */

static void count_gone(struct worker *w, uint16_t port, struct shaper *s)
{
	uint32_t gone = shaper_gone(s);

	w->port[port].tx_dropped += gone;
	w->drops[DROP_SHAPER_GONE] += gone;
}

static __rte_noinline void tx_shape(
	struct worker *w, uint16_t port, struct tx_buffer *tx, struct shaper *s)
{
	uint16_t owner = port_hot[port].shaper_worker;
	struct rte_mbuf *full[BURST_MAX];
	uint32_t n = 0;

	if (owner != w->id) {
		tx_hand_over(w, port, tx, owner);
		return;
	}
	for (uint32_t i = 0; i < tx->n; i++)
		shaper_prefetch(s, tx->pkt[i]);
	for (uint32_t i = 0; i < tx->n; i++) {
		if (likely(shaper_enqueue(s, tx->pkt[i], w->now_tsc)))
			continue;
		worker_lost(w, tx->pkt[i]->hash.sched.queue_id, DROP_SHAPER_QUEUE);
		full[n++] = tx->pkt[i];
	}
	if (n > 0)
		tx_lost(w, port, full, n, DROP_SHAPER_QUEUE);
	count_gone(w, port, s);
	tx->n = 0;
}

static uint32_t shape_port(struct worker *w, uint16_t port)
{
	struct shaper *s = port_hot[port].shaper;
	uint32_t total = 0, n = BURST_MAX;

	if (shaper_waiting(s) == 0)
		return 0;
	while (n == BURST_MAX && total < SHAPE_MOST) {
		struct rte_mbuf *pkt[BURST_MAX];

		n = shaper_dequeue(s, w->now_tsc, pkt, BURST_MAX);
		if (n > 0)
			tx_send(w, port, w->tx[port].queue, pkt, n);
		total += n;
	}
	count_gone(w, port, s);
	return total;
}

/* acquire: pairs with worker_assign_queues() */
static const struct poll_list *polls_of(const struct worker *w)
{
	return __atomic_load_n(&w->polls, __ATOMIC_ACQUIRE);
}

uint32_t worker_shape(struct worker *w)
{
	const struct poll_list *polls = polls_of(w);
	uint32_t total = 0;

	for (uint32_t i = 0; i < polls->shaped; i++)
		total += shape_port(w, polls->shaped_port[i]);
	return total;
}

bool worker_has_backlog(const struct worker *w)
{
	const struct poll_list *polls = polls_of(w);

	for (uint32_t i = 0; i < polls->shaped; i++)
		if (shaper_waiting(port_hot[polls->shaped_port[i]].shaper) > 0)
			return true;
	return false;
}

void worker_tx_full(struct worker *w, uint16_t port, struct tx_buffer *tx)
{
	/* acquire: pairs with the release in port_shape() */
	struct shaper *s = __atomic_load_n(&port_hot[port].shaper, __ATOMIC_ACQUIRE);

	if (unlikely(!port_hot[port].live)) {
		tx_lost(w, port, tx->pkt, tx->n, DROP_PORT_GONE);
		tx->n = 0;
	} else if (unlikely(s != NULL) && shaper_is_on(s)) {
		tx_shape(w, port, tx, s);
	} else if (likely(tx->owner < 0)) {
		tx_send(w, port, tx->queue, tx->pkt, tx->n);
		tx->n = 0;
	} else {
		tx_hand_over(w, port, tx, tx->owner);
	}
}

void worker_flush(struct worker *w)
{
	for (uint32_t word = 0; word < RTE_DIM(w->tx_pending); word++) {
		while (w->tx_pending[word] != 0) {
			uint16_t port = word * 64 + __builtin_ctzll(w->tx_pending[word]);

			w->tx_pending[word] &= w->tx_pending[word] - 1;
			if (w->tx[port].n > 0)
				worker_tx_full(w, port, &w->tx[port]);
		}
	}
}

uint32_t worker_drain_handover(struct worker *w)
{
	uint32_t total = 0;

	for (uint32_t from = 0; from < worker_count; from++) {
		struct rte_mbuf *pkt[BURST_MAX];

		if (w->handover[from] == NULL)
			continue;
		unsigned n =
			rte_ring_sc_dequeue_burst(w->handover[from], (void **)pkt, BURST_MAX, NULL);
		for (unsigned i = 0; i < n; i++)
			worker_tx(w, pkt[i]->port, pkt[i]);
		total += n;
	}
	return total;
}

/* ---- queues ---- */

static void fill_polls(struct poll_list *list, uint32_t worker)
{
	list->n = list->shaped = 0;
	for (uint16_t p = 0; p < PORT_MAX; p++) {
		const struct port_hot *ph = &port_hot[p];

		if (ph->live && ph->shaper != NULL && ph->shaper_worker == worker)
			list->shaped_port[list->shaped++] = p;
		for (uint16_t q = 0; ph->live && q < ph->rx_queues; q++)
			if (worker_queue_owner(p, ph->rx_queues, q) == worker)
				list->q[list->n++] = (struct poll_queue){
					.port = p, .ethdev = ph->ethdev, .queue = q};
	}
}

static void assign_tx(struct worker *w)
{
	for (uint16_t p = 0; p < PORT_MAX; p++) {
		const struct port_hot *ph = &port_hot[p];
		struct tx_buffer *tx = &w->tx[p];

		if (!ph->live || tx->live == ph->live) {
			tx->live = ph->live;
			continue;
		}
		uint16_t queue = w->id % ph->tx_queues;
		uint32_t owner = worker_queue_owner(p, ph->tx_queues, queue);

		for (uint16_t q = 0; q < ph->tx_queues && owner != w->id; q++)
			if (worker_queue_owner(p, ph->tx_queues, q) == w->id) {
				queue = q;
				owner = w->id;
			}
		tx->queue = queue;
		tx->owner = owner == w->id ? -1 : (int16_t)owner;
		tx->live = true;
	}
}

void worker_assign_queues(void)
{
	for (uint32_t i = 0; i < worker_count; i++) {
		struct worker *w = workers[i];
		struct poll_list *old = w->polls;

		fill_polls(w->spare_polls, i);
		assign_tx(w);
		/* release: pairs with the acquire in worker_poll() */
		__atomic_store_n(&w->polls, w->spare_polls, __ATOMIC_RELEASE);
		w->spare_polls = old; /* not written to before the grace period below is over */
	}
	rcu_synchronize();
}

void worker_wait_turns(uint32_t turns)
{
	uint64_t from[LIMIT_WORKERS];

	for (uint32_t i = 0; i < worker_count; i++)
		from[i] = __atomic_load_n(&workers[i]->stats.loops, __ATOMIC_RELAXED);
	for (uint32_t i = 0; i < worker_count; i++)
		while (workers[i]->running && __atomic_load_n(&workers[i]->stats.loops,
						      __ATOMIC_RELAXED) < from[i] + turns)
			sched_yield();
}
