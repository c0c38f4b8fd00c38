/* SPDX-License-Identifier: BSD-3-Clause */
/* The user plane's start, end and turn of the main loop, and a worker's part of it. Owns struct
 * upf_worker but for its cells, which are session_store.c's. */
#include "upf.h"

#include <errno.h>
#include <rte_malloc.h>
#include <stdio.h>

#include "admit.h"
#include "datapath.h"
#include "gtpu_out.h"
#include "gtpu_path.h"
#include "hold.h"
#include "peer.h"
#include "qer_hot.h"
#include "rcu.h"
#include "rules.h"
#include "session.h"
#include "upf_worker.h"
#include "urr.h"

/* ==== workers ==== */

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

/* ==== main thread ==== */

#define REPORTS_A_CALL 256

/* ---- life ---- */

static void rooms_fini(void)
{
	gtpu_path_fini();
	urr_fini();
	hold_fini();
	qer_fini();
	rules_fini();
	peer_fini();
	session_fini();
}

static int rooms_init(void)
{
	int rc = session_init(worker_count);

	if (rc == 0)
		rc = peer_init();
	if (rc == 0)
		rc = rules_init();
	if (rc == 0)
		rc = qer_init();
	if (rc == 0)
		rc = admit_init();
	if (rc == 0)
		rc = hold_init(worker_count);
	if (rc == 0)
		rc = urr_init(worker_count);
	if (rc == 0)
		rc = gtpu_path_init();
	if (rc != 0)
		rooms_fini();
	else
		qer_buckets = session_buckets();
	return rc;
}

/* Workers run already: their ticks leave a part without cells alone. */
static int parts_init(void)
{
	for (uint32_t i = 0; i < worker_count; i++)
		if (upf_worker_init(workers[i]) != 0) {
			while (i-- > 0)
				upf_worker_fini(workers[i]);
			return -ENOMEM;
		}
	for (uint32_t i = 0; i < worker_count; i++)
		__atomic_store_n(
			&switch_of(workers[i])->session_lines, session_cells(i), __ATOMIC_RELAXED);
	for (uint32_t i = 0; i < worker_count; i++)
		/* release: pairs with the acquire in upf_worker_tick() */
		__atomic_store_n(
			&switch_of(workers[i])->upf->cells, session_cells(i), __ATOMIC_RELEASE);
	return 0;
}

static int start(void)
{
	int rc = rooms_init();

	if (rc != 0)
		return rc;
	rc = parts_init();
	if (rc != 0)
		rooms_fini();
	return rc;
}

void upf_init(void)
{
	static const struct door_ops ops = {.in_slice = session_in_slice,
		.count_drop = session_count_drop,
		.refund = session_refund,
		.deliver = session_down_run};

	door_register(DOOR_SESSION, &ops);
	upf_starter = start;
	hold_again = session_again;
}

void upf_fini(void)
{
	if (!upf_started)
		return;
	rcu_reclaim(true); /* blocks on their way back */
	rooms_fini();
	upf_started = false;
}

/* ---- the main loop's turn ---- */

static void report_take(const struct upf_report *r)
{
	switch (r->kind) {
	case REPORT_CREDIT:
		urr_told(r->session, r->told);
		break;
	case REPORT_ECHO:
	case REPORT_ERROR_INDICATION:
		gtpu_path_report(r);
		break;
	default:
		break;
	}
}

static uint32_t reports_take(struct worker *w)
{
	static struct upf_report report[REPORTS_A_CALL];
	struct upf_worker *upf = switch_of(w)->upf;
	uint32_t n = rte_ring_sc_dequeue_burst_elem(
		upf->reports, report, sizeof(report[0]), REPORTS_A_CALL, NULL);

	for (uint32_t i = 0; i < n; i++)
		report_take(&report[i]);
	return n;
}

uint32_t upf_poll(void)
{
	uint32_t n = 0;

	if (!upf_started)
		return 0;
	for (uint32_t i = 0; i < worker_count; i++)
		n += reports_take(workers[i]);
	n += hold_poll() + gtpu_path_poll() + session_poll() + urr_poll();
	return n;
}
