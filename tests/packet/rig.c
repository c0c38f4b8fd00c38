/* SPDX-License-Identifier: BSD-3-Clause */
/* The box in one process: life, ports, bursts, and the ledger after each of them. What else is put
 * into it: rig_objects.c. */
#include "rig.h"

#include <rte_eal.h>
#include <rte_ethdev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway.h"
#include "attachment_tap.h"
#include "box.h"
#include "decoys.h"
#include "fdb.h"
#include "neighbor.h"
#include "port.h"
#include "port_link.h"
#include "rcu.h"
#include "slice.h"
#include "switch.h"
#include "tsc.h"
#include "underlay.h"
#include "worker.h"
#include "worker_tx.h"

#define MBUFS 2047 /* a port; floods make copies */

struct rig rig;
struct out *rig_out;

static uint16_t open_ports[LIMIT_PORTS];
static uint32_t n_ports;
static uint16_t twinned = PORT_NONE;
static uint64_t drops_before[DROP_REASONS];
static struct box_counters box_before;
static struct tap_counters taps_before;
static uint64_t slice_drops_before[DROP_SLICE_REASONS];
static int64_t held_before;

static void rig_tick(double seconds);
static void collect(void);

void rig_eal(const char *lcores)
{
	char *argv[] = {"rig", "--no-huge", "-m", "768", "--no-shconf", "--no-telemetry",
		"--no-pci", "--log-level", "error", "--lcores", (char *)(uintptr_t)lcores,
		"--iova-mode", "va", NULL};

	RIG_CHECK(rte_eal_init(RTE_DIM(argv) - 1, argv) >= 0, "EAL does not start");
	tsc_stopped = 1000 * rte_get_tsc_hz();
	rig_out = calloc(OUTS_MAX + 1, sizeof(*rig_out));
	RIG_CHECK(rig_out != NULL, "no memory");
}

/* ---- life ---- */

uint32_t rig_workers = 1;
static uint32_t turn; /* of the worker that gets the next burst */

static struct worker *next_worker(void)
{
	return workers[turn];
}

static void clock_set(void)
{
	for (uint32_t i = 0; i < rig_workers; i++) {
		workers[i]->now_tsc = tsc_now();
		workers[i]->now_s = tsc_now_s();
	}
}

static void shape(void)
{
	for (uint32_t i = 0; i < rig_workers; i++)
		worker_shape(workers[i]);
}

static bool have_backlog(void)
{
	for (uint32_t i = 0; i < rig_workers; i++)
		if (worker_has_backlog(workers[i]))
			return true;
	return false;
}

void rig_start(void)
{
	n_ports = 0;
	twinned = PORT_NONE;
	decoys_forget();
	rig_slices = 0;
	turn = 0;
	RIG_CHECK(rcu_init() == 0 && port_init(rig_workers) == 0 && switch_init(rig_workers) == 0,
		"no memory for the tables");
	RIG_CHECK(worker_create(rig_workers, &switch_pipeline) == 0, "no memory for the workers");
	clock_set();
	rig_begin();
}

/* Buffers in use over all ports and the reassembly. */
static int64_t held(void)
{
	int64_t n = 0;

	for (uint32_t i = 0; i < rig_workers; i++) {
		char name[32];
		struct rte_mempool *pool;

		snprintf(name, sizeof(name), "reassembly_%u", i);
		pool = rte_mempool_lookup(name);
		n += pool != NULL ? rte_mempool_in_use_count(pool) : 0;
	}
	for (uint32_t i = 0; i < n_ports; i++)
		n += rte_mempool_in_use_count(port_hot[open_ports[i]].pool);
	return n;
}

int64_t rig_buffers_used(void)
{
	return held();
}

void rig_stop(void)
{
	attachment_taps_write();
	rig_give_buffers();
	rig_begin();
	rig_tick(3);
	for (int i = 0; i < 1000 && have_backlog(); i++)
		rig_wait(0.01);
	collect();
	int64_t leaked = held();

	if (twinned != PORT_NONE) {
		port_hot[port_hot[twinned].twin].is_twin = false;
		port_hot[port_hot[twinned].twin].twin = PORT_NONE;
		port_hot[twinned].twin = PORT_NONE;
	}
	while (n_ports > 0)
		rig_port_gone(open_ports[0]);
	rcu_reclaim(true);
	worker_stop();
	port_free_pools();
	switch_fini();
	rcu_fini();
	RIG_CHECK(leaked == 0, "%ld buffers leaked", (long)leaked);
}

/* ---- ports ---- */

uint16_t rig_port(uint32_t mtu)
{
	static unsigned serial;
	struct api_port cfg = {.mtu = mtu, .mbufs = MBUFS};
	struct rpc_error err = {0};
	uint16_t id;

	snprintf(cfg.name, sizeof(cfg.name), "p%u", serial);
	snprintf(cfg.device, sizeof(cfg.device), "net_ring%u", serial);
	cfg.mac = rig_mac_addr(0x02ff00000000 + n_ports);
	serial++;
	RIG_CHECK(port_open(&cfg, &id, &err) == 0, "%s", err.message);
	port_publish(id);
	open_ports[n_ports++] = id;
	return id;
}

/* What DPDK's net_ring leaves behind when it is closed: sixteen rings a port. */
static void rings_free(const char *name)
{
	char text[64];

	for (int i = 0; i < 16; i++) {
		snprintf(text, sizeof(text), "ETH_RXTX%d_net_ring%s", i, name + 1);
		rte_ring_free(rte_ring_lookup(text));
	}
}

void rig_port_gone(uint16_t port)
{
	char name[16];

	uint32_t i = 0;

	while (open_ports[i] != port)
		i++;
	open_ports[i] = open_ports[--n_ports];
	decoys_port_gone(port);
	snprintf(name, sizeof(name), "%s", port_name(port));
	port_close(port);
	rings_free(name);
}

void rig_shape(uint16_t port, uint64_t rate_bps)
{
	struct api_port cfg = {.mtu = port_hot[port].mtu, .rate_bps = rate_bps};
	struct rpc_error err = {0};

	decoys_port_gone(port); /* they would wait */
	snprintf(cfg.name, sizeof(cfg.name), "%s", port_name(port));
	memcpy(&cfg.mac, &port_hot[port].mac, sizeof(cfg.mac));
	RIG_CHECK(port_change(port, &cfg, &err) == 0, "%s", err.message);
}

void rig_link(uint16_t port, bool up)
{
	uint16_t ethdev = port_hot[port].ethdev;
	int rc = up ? rte_eth_dev_set_link_up(ethdev) : rte_eth_dev_set_link_down(ethdev);
	uint64_t changed = port_link_poll();

	RIG_CHECK(rc == 0 && changed == 1ull << port && port_link_poll() == 0, "link of port %u",
		port);
	underlay_links_changed(changed);
	underlay_resolve();
}

uint16_t rig_twin(uint16_t port)
{
	uint16_t twin = rig_port(1500);

	port_hot[port].twin = twin;
	port_hot[port].underlay = true;
	port_hot[twin].twin = port;
	port_hot[twin].is_twin = true;
	twinned = port;
	return twin;
}

/* ---- packets ---- */

static struct rte_mbuf *taken[4 * MBUFS];
static uint32_t n_taken;

uint32_t rig_take_buffers(uint16_t port, uint32_t leave)
{
	uint32_t before = n_taken;

	while (n_taken < RTE_DIM(taken) &&
		(taken[n_taken] = rte_pktmbuf_alloc(port_hot[port].pool)) != NULL)
		n_taken++;
	while (leave-- > 0 && n_taken > before)
		rte_pktmbuf_free(taken[--n_taken]);
	held_before += n_taken - before;
	return n_taken - before;
}

void rig_give_buffers(void)
{
	held_before -= n_taken;
	while (n_taken > 0)
		rte_pktmbuf_free(taken[--n_taken]);
}

static uint64_t total_drops(uint64_t *drops)
{
	uint64_t sum = 0;

	box_drops_read(drops);
	for (uint32_t r = 0; r < DROP_REASONS; r++)
		sum += drops[r];
	return sum;
}

void rig_begin(void)
{
	memset(&rig, 0, sizeof(rig));
	total_drops(drops_before);
	box_counters_read(&box_before);
	attachment_taps_counters_read(&taps_before);
	held_before = held();
	memset(slice_drops_before, 0, sizeof(slice_drops_before));
	for (uint32_t id = 1; id <= rig_slices; id++) {
		uint64_t drops[DROP_SLICE_REASONS];

		slice_drops_read(id, drops);
		for (uint32_t r = 0; r < DROP_SLICE_REASONS; r++)
			slice_drops_before[r] += drops[r];
	}
}

/* Reads back what stands in the ports' rings. */
static void collect_queue(uint32_t i, uint16_t queue)
{
	struct rte_mbuf *m;

	while (rte_eth_rx_burst(port_hot[open_ports[i]].ethdev, queue, &m, 1) == 1) {
		struct out *o = &rig_out[rig.outs]; /* there is one more than are kept */

		rte_mbuf_sanity_check(m, 1);
		o->port = open_ports[i];
		o->pkt.len = m->pkt_len;
		const void *data = m->pkt_len <= PKT_MAX
					   ? rte_pktmbuf_read(m, 0, m->pkt_len, o->pkt.b)
					   : o->pkt.b;

		if (data != o->pkt.b) /* it is of one piece */
			memcpy(o->pkt.b, data, m->pkt_len);
		if (!decoys_take(o->port, &o->pkt)) {
			rig.out++;
			rig.segments += m->nb_segs;
			rig.outs += rig.outs < OUTS_MAX;
		}
		rte_pktmbuf_free(m);
	}
}

/* Each worker has a queue of its own to send by. */
static void collect(void)
{
	for (uint32_t i = 0; i < n_ports; i++)
		for (uint16_t queue = 0; queue < rig_workers; queue++)
			collect_queue(i, queue);
}

/* What is dropped of a slice is counted there as well: by reason, and in all. */
static void slices_ledger(void)
{
	uint64_t sum[DROP_SLICE_REASONS] = {0}, drops[DROP_SLICE_REASONS];
	struct counters counters;

	for (uint32_t id = 1; id <= rig_slices; id++) {
		uint64_t all = 0;

		slice_drops_read(id, drops);
		slice_counters_read(id, &counters);
		for (uint32_t r = 0; r < DROP_SLICE_REASONS; r++) {
			sum[r] += drops[r];
			all += drops[r];
		}
		RIG_CHECK(counters.dropped == all, "slice %u: %lu dropped, %lu by reasons", id,
			counters.dropped, all);
	}
	sum[DROP_SESSION_GONE] = slice_drops_before[DROP_SESSION_GONE] +
				 rig.drop[DROP_SESSION_GONE]; /* who knows of which */
	for (uint32_t r = 0; r < DROP_SLICE_REASONS; r++)
		RIG_CHECK(sum[r] - slice_drops_before[r] == rig.drop[r],
			"%s: %lu in the box, %lu in its slices", drop_info[r].name, rig.drop[r],
			sum[r] - slice_drops_before[r]);
}

static void ledger(void)
{
	struct box_counters box;
	struct tap_counters taps;
	uint64_t drops[DROP_REASONS];

	collect();
	attachment_taps_counters_read(&taps);
	rig.in += taps.rx_packets - taps_before.rx_packets - rig.tap_in;
	rig.out += taps.tx_packets - taps_before.tx_packets - rig.tap_out;
	rig.tap_in = taps.rx_packets - taps_before.rx_packets;
	rig.tap_out = taps.tx_packets - taps_before.tx_packets;
	rig.drops = 0;
	total_drops(drops);
	for (uint32_t r = 0; r < DROP_REASONS; r++) {
		rig.drop[r] = drops[r] - drops_before[r];
		rig.drops += rig.drop[r];
	}
	box_counters_read(&box);
	rig.replicated = box.replicated - box_before.replicated;
	rig.originated = box.originated - box_before.originated;
	rig.answered = box.answered - box_before.answered;
	rig.merged = box.merged - box_before.merged;
	rig.punted = box.punted - box_before.punted;
	rig.held = held() - held_before;
	RIG_CHECK((int64_t)(rig.in + rig.replicated + rig.originated) ==
			  (int64_t)(rig.out + rig.drops + rig.merged) + rig.held,
		"ledger: in %lu + replicated %lu + originated %lu != out %lu + drops %lu + merged "
		"%lu + held %ld",
		rig.in, rig.replicated, rig.originated, rig.out, rig.drops, rig.merged,
		(long)rig.held);
	slices_ledger();
}

static struct rte_mbuf *make(uint16_t port, const struct pkt *pkt)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(port_hot[port].pool);
	char *data = m != NULL ? rte_pktmbuf_append(m, pkt->len) : NULL;

	RIG_CHECK(data != NULL, "no buffer for %u bytes", pkt->len);
	memcpy(data, pkt->b, pkt->len);
	m->port = port_hot[port].ethdev;
	return m;
}

static void run(uint16_t port, uint32_t n)
{
	struct worker *w = next_worker();
	bool chained = w->burst.pkt[0]->nb_segs > 1;

	clock_set();
	w->burst.n = n;
	w->burst.port = port;
	uint64_t start = rte_rdtsc();

	worker_run_burst(w);
	rig.cycles = rte_rdtsc() - start;
	worker_shape(w);
	turn = (turn + 1) % rig_workers;
	if (chained) /* held packets are told by their buffers: it has two */
		attachment_taps_write();
	rig.in += n;
	ledger();
}

/* One packet is sent between two of other tenants. */
static bool send_among_decoys(uint16_t port, const struct pkt *pkt)
{
	const struct pkt *decoy[DECOYS];

	if (n_taken > 0 || !decoys_next(port, decoy))
		return false;
	next_worker()->burst.pkt[0] = make(port, decoy[0]);
	next_worker()->burst.pkt[1] = make(port, pkt);
	next_worker()->burst.pkt[2] = make(port, decoy[1]);
	rig.in -= DECOYS;
	run(port, 1 + DECOYS);
	RIG_CHECK(decoys_done(),
		"a packet of another slice in the same burst did not leave as it should");
	return true;
}

void rig_send(uint16_t port, const struct pkt *pkt, uint32_t n)
{
	if (n == 1 && send_among_decoys(port, pkt))
		return;
	while (n > 0) {
		uint32_t k = RTE_MIN(n, (uint32_t)BURST_MAX);

		for (uint32_t i = 0; i < k; i++)
			next_worker()->burst.pkt[i] = make(port, &pkt[i]);
		run(port, k);
		pkt += k;
		n -= k;
	}
}

void rig_send_each(uint16_t port, const struct pkt *const *pkt, uint32_t n)
{
	RIG_CHECK(n <= BURST_MAX, "more than a burst");
	for (uint32_t i = 0; i < n; i++)
		next_worker()->burst.pkt[i] = make(port, pkt[i]);
	run(port, n);
}

void rig_send_cut(uint16_t port, const struct pkt *pkt, uint32_t at)
{
	struct pkt *half = malloc(sizeof(*half));
	struct rte_mbuf *first, *second;

	half->len = at;
	memcpy(half->b, pkt->b, at);
	first = make(port, half);
	half->len = pkt->len - at;
	memcpy(half->b, pkt->b + at, half->len);
	second = make(port, half);
	free(half);
	RIG_CHECK(rte_pktmbuf_chain(first, second) == 0, "chaining");
	next_worker()->burst.pkt[0] = first;
	run(port, 1);
}

static void rig_tick(double seconds)
{
	tsc_stopped += seconds * rte_get_tsc_hz();
	clock_set();
	for (uint32_t k = 0; k < rig_workers; k++) {
		for (int i = 0; i < 16; i++) /* a tick does a bounded part of the work */
			switch_pipeline.tick(workers[k]);
		worker_flush(workers[k]);
	}
	shape();
}

void rig_advance(double seconds)
{
	rig_tick(seconds);
	ledger();
}

void rig_wait(double seconds)
{
	for (double at = 0; at < seconds; at += 1e-4) {
		tsc_stopped += 1e-4 * rte_get_tsc_hz();
		clock_set();
		shape();
		collect(); /* a port's ring is short */
	}
	rig_advance(0);
}

void rig_poll(void)
{
	fdb_poll();
	neighbor_poll();
	gateways_announce_poll();
	rcu_reclaim(false);
}
