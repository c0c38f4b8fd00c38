/* SPDX-License-Identifier: BSD-3-Clause */
/* The overlay switch as its list of stages, and a worker's part of its state. Run by core/worker.c
 * for every burst. */
#include "switch.h"

#include <errno.h>
#include <rte_malloc.h>
#include <stdio.h>

#include "attachment.h"
#include "attachment_tap.h"
#include "fdb.h"
#include "fib.h"
#include "gateway.h"
#include "heap.h"
#include "host.h"
#include "neighbor.h"
#include "nexthop.h"
#include "police.h"
#include "slice.h"
#include "stages.h"
#include "suppress.h"
#include "tsc.h"
#include "tunnel.h"
#include "underlay.h"
#include "upf.h"
#include "upf_worker.h"

#define LEARN_RING 4096
#define TURNS_MAX  8	 /* of a packet through sessions, in one burst */
#define PUNT_PPS   20000 /* a port; a tap costs a system call a packet */

/* Sessions may send into slices, which route to sessions again: neither makes more packets than it
 * takes, so both arrays have room for all. */
static void sessions_run(struct worker *w, struct burst *b)
{
	for (uint32_t turn = 0; b->downs > 0 || b->routes > 0; turn++) {
		if (unlikely(turn == TURNS_MAX)) {
			session_turns_over(w, b);
			return;
		}
		if (b->routes > 0)
			route_run(w, b);
		if (b->downs > 0)
			session_down_run(w, b);
	}
}

/* Exceptions one after the other, each when nothing is in a stage: the packets that one becomes
 * have all the room. */
static __rte_noinline void odds_run(struct worker *w, struct burst *b)
{
	do
		sessions_run(w, b);
	while (odd_take(w, b));
}

static void switch_out(struct worker *w, struct burst *b)
{
	if (unlikely(b->downs > 0 || b->routes > 0 || switch_of(w)->odds->n > 0))
		odds_run(w, b);
	if (unlikely(b->to_gtpus > 0))
		gtpu_out_run(w, b);
	if (b->to_tunnel.n > 0)
		overlay_out_run(w, b);
	if (b->to_access.n > 0)
		access_out_run(w, b);
}

static void switch_flood(struct worker *w, struct burst *b)
{
	flood_run(w, b);
	switch_out(w, b);
}

static void switch_run(struct worker *w, struct burst *b)
{
	burst_begin(b);
	w->stage = STAGE_TRANSMIT;
	if (unlikely(port_hot[b->port].is_twin)) {
		kernel_out_run(w, b);
		return;
	}
	parse_run(w, b);
	if (b->underlays > 0)
		overlay_in_run(w, b);
	if (unlikely(b->gtpus > 0))
		gtpu_in_run(w, b);
	if (unlikely(__atomic_load_n(&suppress_slices, __ATOMIC_RELAXED) > 0))
		suppress_snoop(w, b);
	if (b->frames > 0)
		bridge_run(w, b);
	if (b->routes > 0)
		route_run(w, b);
	switch_out(w, b);
	if (unlikely(b->floods > 0))
		switch_flood(w, b);
	if (unlikely(b->punts > 0))
		punt_run(w, b);
}

static void *worker_array(const char *name, size_t n, size_t size)
{
	return rte_zmalloc(name, n * size, RTE_CACHE_LINE_SIZE);
}

static bool counts_alloc(struct door_counts *c, uint32_t limit)
{
	c->traffic = worker_array("traffic", limit + 1, sizeof(*c->traffic));
	c->dropped = worker_array("dropped", limit + 1, sizeof(*c->dropped));
	return c->traffic != NULL && c->dropped != NULL;
}

static void counts_free(struct door_counts *c)
{
	heap_free(c->traffic);
	heap_free(c->dropped);
}

static void switch_worker_fini(struct worker *w)
{
	struct switch_worker *sw = switch_of(w);

	if (sw == NULL)
		return;
	reassembly_fini(w);
	upf_worker_fini(w);
	host_worker_fini(w);
	tap_worker_fini(w);
	meter_worker_fini(&sw->meter);
	rte_ring_free(sw->learn);
	counts_free(&sw->slice);
	counts_free(&sw->attachment);
	counts_free(&sw->tunnel);
	heap_free(sw->slice_drops);
	heap_free(sw->flood);
	heap_free(sw->punt);
	heap_free(sw->odds);
	heap_free(sw->seen);
	heap_free(sw);
	w->pipeline = NULL;
}

static int switch_worker_init(struct worker *w)
{
	struct switch_worker *sw = rte_zmalloc("switch", sizeof(*sw), RTE_CACHE_LINE_SIZE);
	char name[RTE_RING_NAMESIZE];

	if (sw == NULL)
		return -ENOMEM;
	w->pipeline = sw;
	sw->punt_cost = bucket_cost(PUNT_PPS);
	/* a power of two, so that wrapping round does not bring them together */
	sw->ip_id_step = rte_align32pow2(worker_count);
	sw->ip_id = w->id;
	sw->ip6_id = (tsc_now() & -(uint32_t)sw->ip_id_step) | w->id;
	snprintf(name, sizeof(name), "learn_%u", w->id);
	sw->learn = rte_ring_create_elem(name, sizeof(struct learn_report), LEARN_RING,
		SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	bool counts = counts_alloc(&sw->slice, LIMIT_SLICES) &&
		      counts_alloc(&sw->attachment, LIMIT_ATTACHMENTS) &&
		      counts_alloc(&sw->tunnel, LIMIT_TUNNELS);

	sw->slice_drops = worker_array("slice_drops", LIMIT_SLICES + 1, sizeof(*sw->slice_drops));
	sw->flood = worker_array("flood", LIMIT_SLICES + 1, sizeof(*sw->flood));
	sw->punt = worker_array("punt", PORT_MAX, sizeof(*sw->punt));
	sw->odds = rte_zmalloc("odds", sizeof(*sw->odds), RTE_CACHE_LINE_SIZE);
	sw->seen = worker_array("seen", LEARN_SEEN, sizeof(*sw->seen));
	if (sw->learn != NULL && counts && sw->slice_drops != NULL && sw->flood != NULL &&
		sw->punt != NULL && sw->odds != NULL && sw->seen != NULL &&
		reassembly_init(w) == 0 && host_worker_init(w) == 0 && police_worker_init(w) == 0 &&
		tap_worker_init(w) == 0)
		return 0;
	switch_worker_fini(w);
	return -ENOMEM;
}

static void switch_tick(struct worker *w)
{
	reassembly_tick(w);
	host_tick(w);
	tap_tick(w);
	meter_tick(&switch_of(w)->meter, w->now_tsc);
	upf_worker_tick(w);
}

const struct pipeline switch_pipeline = {
	.stages = switch_stages,
	.receive = STAGE_RECEIVE,
	.worker_init = switch_worker_init,
	.run = switch_run,
	.tick = switch_tick,
	.lost = slice_lost,
	.worker_fini = switch_worker_fini,
};

int switch_init(uint32_t worker_total)
{
	int rc = slice_init(worker_total);

	stages_above = (struct stages_above){.out = switch_out, .flood = switch_flood};
	upf_init();

	if (rc == 0)
		rc = attachment_init(worker_total);
	if (rc == 0)
		rc = attachment_tap_init();
	if (rc == 0)
		rc = tunnel_init(worker_total);
	if (rc == 0)
		rc = fdb_init(worker_total);
	if (rc == 0)
		rc = police_init(worker_total);
	if (rc == 0)
		rc = nexthop_init();
	if (rc == 0)
		rc = fib_init();
	if (rc == 0)
		rc = underlay_init();
	if (rc == 0)
		rc = neighbor_init(worker_total);
	if (rc == 0)
		rc = gateway_init();
	if (rc != 0)
		switch_fini();
	return rc;
}

void switch_fini(void)
{
	upf_fini();
	gateway_fini();
	neighbor_fini();
	underlay_fini();
	fib_fini();
	nexthop_fini();
	police_fini();
	fdb_fini();
	tunnel_fini();
	attachment_tap_fini();
	attachment_fini();
	slice_fini();
}
