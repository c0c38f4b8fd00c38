/* SPDX-License-Identifier: BSD-3-Clause */
/* The worker loop: poll, run the pipeline, send, report quiescent. Owns the workers and their
 * memory; started and stopped by the main thread. */
#include "worker.h"

#include <errno.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_launch.h>
#include <rte_log.h>
#include <rte_malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rcu.h"
#include "trace_point.h"
#include "tsc.h"
#include "worker_tx.h"

#define NAP_AFTER  64 /* idle loops */
#define NAP_MAX_US 200
#define NAP_PACING 20 /* us, while frames wait for their turn */

#define BURST_SMALL	  32
#define BURST_LARGE_CACHE (48 << 10) /* from so many bytes of L1 on BURST_MAX */

struct worker *workers[LIMIT_WORKERS];
uint32_t worker_count;

static const struct pipeline *pipeline;
static enum worker_idle idle_mode;
static bool stopping;
static uint16_t burst_frames = BURST_SMALL;

/* 32 frames with their buffers and table lines fit 32 KB; there, 64 cost 10 cycles a packet more
 * (Zen 4). Where they fit, they save as much, since each stage waits for its first line half as
 * often. */
void worker_set_burst(uint32_t frames)
{
	long cache_bytes = sysconf(_SC_LEVEL1_DCACHE_SIZE); /* 0 or -1: not known */

	if (frames == 0)
		frames = cache_bytes >= BURST_LARGE_CACHE ? BURST_MAX : BURST_SMALL;
	burst_frames = RTE_MIN(frames, (uint32_t)BURST_MAX);
}

/* ---- the loop ---- */

void worker_run_burst(struct worker *w)
{
	struct burst *b = &w->burst;

	w->sampling = --w->sample_in == 0;
	if (unlikely(w->sampling)) {
		w->sample_in = SAMPLE_BURSTS;
		w->stage_tsc = rte_rdtsc();
	}
	b->trace = trace_begin(w, b);
	b->drops = 0;
	pipeline->run(w, b);
	worker_flush(w);
	worker_stage_done(w, w->stage, b->n);
	if (unlikely(b->drops > 0))
		rte_pktmbuf_free_bulk(b->drop, b->drops);
	if (unlikely(b->trace != NULL))
		trace_end(w, b);
}

/* The device's own share of a sampled burst. */
static __rte_always_inline uint16_t worker_receive(
	struct worker *w, const struct poll_queue *q, struct burst *b)
{
	if (likely(w->sample_in != 1))
		return rte_eth_rx_burst(q->ethdev, q->queue, b->pkt, burst_frames);
	uint64_t start = rte_rdtsc();
	uint16_t n = rte_eth_rx_burst(q->ethdev, q->queue, b->pkt, burst_frames);
	uint64_t cycles = rte_rdtsc() - start;

	if (n > 0 && cycles < SAMPLE_MAX) {
		w->stages[pipeline->receive].packets += n;
		w->stages[pipeline->receive].cycles += cycles;
	}
	return n;
}

static uint32_t worker_poll(struct worker *w)
{
	struct poll_list *polls = __atomic_load_n(
		&w->polls, __ATOMIC_ACQUIRE); /* pairs with worker_assign_queues() */
	struct burst *b = &w->burst;
	uint32_t total = 0;

	for (uint32_t i = 0; i < polls->n; i++) {
		struct poll_queue *q = &polls->q[i];

		b->n = worker_receive(w, q, b);
		if (b->n == 0)
			continue;
		b->port = q->port;
		total += b->n;
		uint64_t bytes = 0;

		for (uint32_t k = 0; k < b->n; k++)
			bytes += b->pkt[k]->pkt_len;
		w->port[q->port].rx_packets += b->n;
		w->port[q->port].rx_bytes += bytes;
		worker_run_burst(w);
	}
	if (worker_count > 1 && worker_drain_handover(w) > 0) {
		worker_flush(w);
		total++;
	}
	return total;
}

static void worker_clock(struct worker *w)
{
	w->now_tsc = rte_rdtsc();
	if (unlikely(w->now_tsc >= w->next_tick_tsc)) {
		w->now_s = tsc_to_s(w->now_tsc);
		w->next_tick_tsc = w->now_tsc + rte_get_tsc_hz() / 1000;
		pipeline->tick(w);
		worker_flush(w);
	}
}

/* Sleeps a little, longer the longer nothing came; offline meanwhile so that the writer need not
 * wait. */
static void worker_nap(struct worker *w, uint32_t idle)
{
	uint32_t us = RTE_MIN((idle - NAP_AFTER) / 4 + 1, (uint32_t)NAP_MAX_US);

	if (worker_has_backlog(w))
		us = RTE_MIN(us, (uint32_t)NAP_PACING);
	w->stats.naps++;
	rte_rcu_qsbr_thread_offline(rcu_qsbr, w->lcore);
	usleep(us);
	rte_rcu_qsbr_thread_online(rcu_qsbr, w->lcore);
}

static int worker_main(void *arg)
{
	struct worker *w = arg;
	uint32_t idle = 0;

	rte_rcu_qsbr_thread_register(rcu_qsbr, w->lcore);
	rte_rcu_qsbr_thread_online(rcu_qsbr, w->lcore);
	while (!__atomic_load_n(&stopping, __ATOMIC_RELAXED)) {
		worker_clock(w);
		uint32_t n = worker_poll(w);
		uint32_t shaped = worker_shape(w);

		rte_rcu_qsbr_quiescent(rcu_qsbr, w->lcore);
		w->stats.loops++;
		if (n + shaped > 0) {
			w->stats.packets += n;
			w->stats.busy_cycles += rte_rdtsc() - w->now_tsc;
			idle = 0;
			continue;
		}
		w->stats.idle_loops++;
		if (idle_mode == IDLE_NAP && ++idle > NAP_AFTER)
			worker_nap(w, idle);
	}
	rte_rcu_qsbr_thread_offline(rcu_qsbr, w->lcore);
	rte_rcu_qsbr_thread_unregister(rcu_qsbr, w->lcore);
	return 0;
}

/* ---- life ---- */

static void worker_free(struct worker *w)
{
	if (w == NULL)
		return;
	pipeline->worker_fini(w);
	for (uint32_t i = 0; i < LIMIT_WORKERS; i++) {
		struct rte_mbuf *m;

		while (w->handover[i] != NULL && rte_ring_dequeue(w->handover[i], (void **)&m) == 0)
			rte_pktmbuf_free(m);
		rte_ring_free(w->handover[i]);
	}
	rte_free(w->polls);
	rte_free(w->spare_polls);
	rte_free(w->drops);
	rte_free(w->port);
	trace_free(w);
	rte_free(w);
}

static struct poll_list *poll_list_new(void)
{
	size_t queues = PORT_MAX * LIMIT_WORKERS * sizeof(struct poll_queue);

	return rte_zmalloc("polls", sizeof(struct poll_list) + queues, RTE_CACHE_LINE_SIZE);
}

static struct worker *worker_new(uint32_t id, uint32_t count)
{
	struct worker *w = rte_zmalloc("worker", sizeof(*w), RTE_CACHE_LINE_SIZE);

	if (w == NULL)
		return NULL;
	w->id = id;
	w->sample_in = 1 + id;
	w->now_s = tsc_now_s();
	w->drops = rte_zmalloc("drops", DROP_REASONS * sizeof(uint64_t), RTE_CACHE_LINE_SIZE);
	w->port = rte_zmalloc("ports", PORT_MAX * sizeof(*w->port), RTE_CACHE_LINE_SIZE);
	w->polls = poll_list_new();
	w->spare_polls = poll_list_new();
	bool ok = w->drops != NULL && w->port != NULL && w->polls != NULL &&
		  w->spare_polls != NULL && trace_alloc(w) == 0;

	for (uint32_t from = 0; ok && from < count && count > 1; from++) {
		char name[RTE_RING_NAMESIZE];

		if (from == id)
			continue;
		snprintf(name, sizeof(name), "handover_%u_%u", (uint16_t)from, (uint16_t)id);
		w->handover[from] = rte_ring_create(
			name, HANDOVER_RING, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
		ok = w->handover[from] != NULL;
	}
	if (ok && pipeline->worker_init(w) == 0)
		return w;
	worker_free(w);
	return NULL;
}

void worker_lost(struct worker *w, uint32_t mark, enum drop_reason why)
{
	pipeline->lost(w, mark, why);
}

const char *const *worker_stage_names(void)
{
	return pipeline->stages;
}

int worker_create(uint32_t count, const struct pipeline *p)
{
	pipeline = p;
	worker_count = count; /* a worker's shares of rates follow from it */
	for (uint32_t i = 0; i < count; i++) {
		workers[i] = worker_new(i, count);
		if (workers[i] == NULL) {
			worker_stop();
			return -ENOMEM;
		}
	}
	return 0;
}

int worker_start(
	const unsigned *lcores, uint32_t count, enum worker_idle idle, const struct pipeline *p)
{
	int rc = worker_create(count, p);

	idle_mode = idle;
	stopping = false;
	for (uint32_t i = 0; rc == 0 && i < count; i++) {
		workers[i]->lcore = lcores[i];
		workers[i]->stats.cpu = rte_lcore_to_cpu_id(lcores[i]);
		rc = rte_eal_remote_launch(worker_main, workers[i], lcores[i]);
		workers[i]->running = rc == 0;
	}
	if (rc != 0)
		worker_stop();
	return rc;
}

void worker_stop(void)
{
	__atomic_store_n(&stopping, true, __ATOMIC_RELAXED);
	rte_eal_mp_wait_lcore();
	for (uint32_t i = 0; i < LIMIT_WORKERS; i++) {
		worker_free(workers[i]);
		workers[i] = NULL;
	}
	worker_count = 0;
}
