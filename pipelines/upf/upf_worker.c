/* SPDX-License-Identifier: BSD-3-Clause */
/* A worker's part of the user plane: its life, and the rings to and from the main thread.
 * Owns struct upf_worker but for its cells, which are session_store.c's. */
#include "upf_worker.h"

#include <errno.h>
#include <rte_malloc.h>
#include <stdio.h>

#include "gtpu_out.h"
#include "hold.h"

#define ORDERS_A_TICK BURST_MAX
/* of each share, over all workers */
#define ERRORS_PPS  100	 /* error indications */
#define ANSWERS_PPS 1000 /* echo answers */

int upf_worker_init(struct worker *w)
{
	struct upf_worker *upf = rte_zmalloc("upf", sizeof(*upf), RTE_CACHE_LINE_SIZE);
	char name[RTE_RING_NAMESIZE];

	if (upf == NULL)
		return -ENOMEM;
	upf->error_cost = bucket_cost(ERRORS_PPS);
	upf->answer_cost = bucket_cost(ANSWERS_PPS);
	snprintf(name, sizeof(name), "upf_reports_%u", w->id);
	upf->reports = rte_ring_create_elem(name, sizeof(struct upf_report), UPF_REPORTS,
		SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	snprintf(name, sizeof(name), "upf_orders_%u", w->id);
	upf->orders = rte_ring_create_elem(name, sizeof(struct upf_order), UPF_ORDERS,
		SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	switch_of(w)->upf = upf;
	if (upf->reports != NULL && upf->orders != NULL && hold_worker_init(w) == 0)
		return 0;
	upf_worker_fini(w);
	return -ENOMEM;
}

void upf_worker_fini(struct worker *w)
{
	struct upf_worker *upf = switch_of(w)->upf;
	struct upf_order order;

	if (upf == NULL)
		return;
	hold_worker_fini(w);
	while (upf->orders != NULL &&
		rte_ring_sc_dequeue_elem(upf->orders, &order, sizeof(order)) == 0)
		rte_pktmbuf_free(order.m);
	rte_ring_free(upf->reports);
	rte_ring_free(upf->orders);
	rte_free(upf);
	switch_of(w)->upf = NULL;
}

/* ---- orders ---- */

static void messages_send(struct worker *w, struct upf_worker *upf)
{
	struct burst *b = &w->burst;
	struct upf_order order[ORDERS_A_TICK];
	uint32_t n = rte_ring_sc_dequeue_burst_elem(
		upf->orders, order, sizeof(order[0]), ORDERS_A_TICK, NULL);

	if (likely(n == 0))
		return;
	/* the burst is between two: lanes are empty, but what it traced and dropped still stands */
	b->trace = NULL;
	b->drops = 0;
	for (uint32_t i = 0; i < n; i++) {
		w->box.originated++;
		gtpu_send(w, b, order[i].m, 0, order[i].peer);
	}
	if (b->drops > 0)
		rte_pktmbuf_free_bulk(b->drop, b->drops);
	b->drops = 0;
}

void upf_worker_tick(struct worker *w)
{
	/* acquire: pairs with the release of whoever made it (the first gtpu) */
	struct upf_worker *upf = __atomic_load_n(&switch_of(w)->upf, __ATOMIC_ACQUIRE);

	/* acquire: pairs with the release in upf_start(), when all the rest is there */
	if (upf == NULL || __atomic_load_n(&upf->cells, __ATOMIC_ACQUIRE) == NULL)
		return;
	messages_send(w, upf);
	hold_tick(w);
}
