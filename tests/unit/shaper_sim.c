/* SPDX-License-Identifier: BSD-3-Clause */
/* Simulated time around a shaper; see shaper_sim.h. Frames are real buffers with a note in them. */
#include "shaper_sim.h"

#include <check.h>
#include <string.h>

#include "table_eal.h"

#define FRAMES 65535
#define ROOM   128

/* Written into a frame. */
struct note {
	struct source *source;
	uint64_t born_ns;
	uint32_t number;
};

static struct rte_mempool *pool;
static uint32_t held_before; /* what tests that failed left behind */

void sim_setup(void)
{
	table_eal();
	pool = rte_pktmbuf_pool_create("sim", FRAMES, 0, 0, ROOM, SOCKET_ID_ANY);
	if (pool == NULL || shaper_init() != 0) {
		fprintf(stderr, "no memory for the simulation\n");
		exit(EXIT_FAILURE);
	}
}

uint32_t sim_held(void)
{
	return rte_mempool_in_use_count(pool) - held_before;
}

void sim_open(struct sim *sim, uint64_t rate_bps, struct source *source, uint32_t n)
{
	held_before += sim_held();
	*sim = (struct sim){
		.setting = {.rate_bps = rate_bps, .frame_max = 1514, .buffers_max = 32768},
		.now_ns = 5 * HZ,
		.step_ns = 10000,
		.source = source,
		.sources = n};
	for (uint32_t i = 0; i < SHAPER_CLASSES; i++)
		shaper_class_set(i, 1, 0);
	sim->shaper = shaper_new(sim->now_ns, HZ);
	ck_assert_ptr_nonnull(sim->shaper);
	shaper_set(sim->shaper, &sim->setting);
	sim_reset(sim);
}

void sim_close(struct sim *sim)
{
	shaper_purge(sim->shaper);
	shaper_free(sim->shaper);
	ck_assert_uint_eq(sim_held(), 0);
}

void sim_reset(struct sim *sim)
{
	sim->sent = sim->sent_bytes = 0;
	for (uint32_t i = 0; i < sim->sources; i++) {
		struct source *s = &sim->source[i];

		s->offered = s->taken = s->refused = s->sent = s->sent_bytes = s->worst_ns = 0;
		if (s->next_ns < sim->now_ns)
			s->next_ns = sim->now_ns;
	}
}

struct rte_mbuf *sim_frame(uint16_t id, uint32_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	if (m == NULL) /* ck_assert writes to a file each time */
		ck_abort_msg("no buffer");
	m->data_len = m->pkt_len = len; /* what lies beyond the note is never looked at */
	memset(rte_pktmbuf_mtod(m, void *), 0, sizeof(struct note));
	shaper_mark(m, (uint32_t)id << 16 | 0xabc, 0);
	return m;
}

static bool offer(struct sim *sim, struct source *s, uint64_t born_ns)
{
	struct rte_mbuf *m = sim_frame(s->id, s->len);

	shaper_mark(m, (uint32_t)s->id << 16, s->wrapped);
	*rte_pktmbuf_mtod(m, struct note *) =
		(struct note){.source = s, .born_ns = born_ns, .number = s->number};
	s->offered++;
	if (!shaper_enqueue(sim->shaper, m, sim->now_ns)) {
		rte_pktmbuf_free(m);
		s->refused++;
		return false;
	}
	s->number++;
	s->taken++;
	return true;
}

static void sources_run(struct sim *sim)
{
	for (uint32_t i = 0; i < sim->sources; i++) {
		struct source *s = &sim->source[i];
		struct shaper_counters now;

		if (s->bps != 0) {
			for (; s->next_ns <= sim->now_ns; s->next_ns += s->len * 8e9 / s->bps)
				offer(sim, s, s->next_ns);
			continue;
		}
		shaper_class_read(sim->shaper, s->id, &now);
		while (now.queued_packets < (s->backlog != 0 ? s->backlog : 4) &&
			offer(sim, s, sim->now_ns))
			now.queued_packets++;
	}
}

static void got(struct sim *sim, struct rte_mbuf *m)
{
	struct note note = *rte_pktmbuf_mtod(m, struct note *);
	struct source *s = note.source;

	sim->sent++;
	sim->sent_bytes += m->pkt_len;
	if (s != NULL) {
		if (note.number != s->expect)
			ck_abort_msg("class %u: frame %u where %u was due", s->id, note.number,
				s->expect);
		s->expect++;
		s->sent++;
		s->sent_bytes += m->pkt_len;
		if (sim->now_ns - note.born_ns > s->worst_ns)
			s->worst_ns = sim->now_ns - note.born_ns;
	}
	rte_pktmbuf_free(m);
}

/* One turn of the owner. */
static void owner_run(struct sim *sim)
{
	struct rte_mbuf *pkt[32];
	uint32_t n;

	do {
		n = shaper_dequeue(sim->shaper, sim->now_ns, pkt, 32);
		for (uint32_t i = 0; i < n; i++)
			got(sim, pkt[i]);
	} while (n == 32);
}

void sim_run(struct sim *sim, double seconds)
{
	uint64_t end = sim->now_ns + seconds * HZ;

	for (; sim->now_ns < end; sim->now_ns += sim->step_ns) {
		sources_run(sim);
		owner_run(sim);
	}
}

void sim_drain(struct sim *sim)
{
	uint64_t end = sim->now_ns + 60 * HZ;

	while (shaper_waiting(sim->shaper) > 0 && sim->now_ns < end) {
		owner_run(sim);
		sim->now_ns += sim->step_ns;
	}
	ck_assert_uint_eq(shaper_waiting(sim->shaper), 0);
}

double sim_bps(const struct source *s, double seconds)
{
	return s->sent_bytes * 8 / seconds;
}

double sim_own_bps(const struct source *s, double seconds)
{
	return (s->sent_bytes - s->sent * s->wrapped) * 8 / seconds;
}
