/* SPDX-License-Identifier: BSD-3-Clause */
/* Where all packets of test_churn_upf are while none is sent: in, out, dropped, held. Main thread;
 * owns nothing. */
#include <rte_cycles.h>
#include <rte_mempool.h>
#include <stdio.h>
#include <unistd.h>

#include "box.h"
#include "churn.h"
#include "churn_upf.h"
#include "fdb.h"
#include "hold_count.h"
#include "hold_state.h"
#include "l3.h"
#include "neighbor.h"
#include "rcu.h"
#include "session.h"
#include "upf.h"
#include "worker.h"

#define PATIENCE_S     10
#define PATIENCE_TURNS 2000 /* of each thread: one that gets no CPU is no fault of the switch */

struct sides {
	uint64_t sent, received, drops, held;
	struct box_counters box;
};

uint64_t churn_upf_drops(void)
{
	uint64_t drops[DROP_REASONS], sum = 0;

	box_drops_read(drops);
	for (uint32_t r = 0; r < DROP_REASONS; r++)
		sum += drops[r];
	return sum;
}

static void sides_read(struct sides *s)
{
	s->sent = traffic_sent();
	box_counters_read(&s->box);
	s->received = traffic_received();
	s->drops = churn_upf_drops();
	s->held = hold_total();
}

/* Sent or made, and neither out nor dropped nor held. */
static int64_t off_of(const struct sides *s)
{
	return (int64_t)(s->sent + s->box.originated + s->box.replicated - s->box.merged -
			 s->received - s->drops - s->held);
}

void churn_upf_turn(void)
{
	upf_poll();
	fdb_poll();
	neighbor_poll();
	rcu_reclaim(false);
}

/* ---- when it does not add up ---- */

static void say_port(const char *name, const struct traffic_port *p)
{
	fprintf(stderr, "%s: in the rings in %u and %u, out %u and %u; %u of its buffers in use\n",
		name, rte_ring_count(p->in[0]), rte_ring_count(p->in[1]), rte_ring_count(p->out[0]),
		rte_ring_count(p->out[1]), rte_mempool_in_use_count(p->pool));
}

static void say_worker(uint32_t i)
{
	struct worker *w = workers[i];
	const struct switch_worker *sw = w->pipeline;
	const struct hold_worker *h = hold_worker_of(i);
	uint32_t pending = 0;

	for (uint16_t p = 0; p < PORT_MAX; p++)
		pending += w->tx[p].n;
	fprintf(stderr, "worker %u: %lu turns, %u to be sent, %u exceptions", i, w->stats.loops,
		pending, sw->odds->n);
	if (h != NULL)
		fprintf(stderr,
			"; hold: %u reports, %u orders (%u more at main), %u parked, %u collected, "
			"%u drops to be freed, fence %lu%s",
			rte_ring_count(h->reports), rte_ring_count(h->orders), hold_outbox(i),
			h->parked, h->n, h->burst.drops, h->fence, h->busy ? ", busy" : "");
	fprintf(stderr, "\n");
}

static void say_queues(void)
{
	for (uint32_t session = 1; session <= LIMIT_SESSIONS; session++) {
		uint32_t i = hold_queue_of(session);

		if (i == HOLD_NONE)
			continue;
		const struct hold_queue *q = &hold_queues[i];

		fprintf(stderr,
			"hold queue of session %u: state %u%s, %u held, %u on their way, fence "
			"%lu%s\n",
			session, q->state, q->gone ? ", gone" : "", q->in.n, q->out, q->fence,
			q->fenced ? " waited for" : "");
	}
}

static void say_all(const struct churn_traffic *t, const struct sides *s)
{
	fprintf(stderr,
		"%lu sent, %lu made, %lu copied, %lu merged; %lu received, %lu dropped, %lu held; "
		"%lu turns of traffic\n",
		s->sent, s->box.originated, s->box.replicated, s->box.merged, s->received, s->drops,
		s->held, traffic_turns());
	say_port("lan", &t->lan);
	say_port("wan", &t->wan);
	for (uint32_t i = 0; i < worker_count; i++)
		say_worker(i);
	say_queues();
}

/* ---- waiting ---- */

static uint64_t slowest_ms;

struct patience {
	uint64_t since_tsc, worker[CHURN_WORKERS], traffic;
};

static void patience_begin(struct patience *p)
{
	p->since_tsc = rte_rdtsc();
	for (uint32_t i = 0; i < CHURN_WORKERS; i++)
		p->worker[i] = __atomic_load_n(&workers[i]->stats.loops, __ATOMIC_RELAXED);
	p->traffic = traffic_turns();
}

static bool patience_is_over(const struct patience *p)
{
	bool over = rte_rdtsc() - p->since_tsc > PATIENCE_S * rte_get_tsc_hz() &&
		    traffic_turns() - p->traffic > PATIENCE_TURNS;

	for (uint32_t i = 0; i < CHURN_WORKERS; i++)
		over &= __atomic_load_n(&workers[i]->stats.loops, __ATOMIC_RELAXED) - p->worker[i] >
			PATIENCE_TURNS;
	return over;
}

uint64_t churn_upf_slowest_ms(void)
{
	return slowest_ms;
}

void churn_upf_settle(const struct churn_traffic *t)
{
	struct patience patience;
	struct sides s;
	uint32_t buffers;

	patience_begin(&patience);
	for (;;) {
		churn_upf_turn();
		sides_read(&s);
		buffers = rte_mempool_in_use_count(t->lan.pool) +
			  rte_mempool_in_use_count(t->wan.pool);
		if ((off_of(&s) == 0 && buffers == hold_total()) || patience_is_over(&patience))
			break;
		usleep(100);
	}
	slowest_ms =
		RTE_MAX(slowest_ms, (rte_rdtsc() - patience.since_tsc) * 1000 / rte_get_tsc_hz());
	if (off_of(&s) != 0 || buffers != hold_total())
		say_all(t, &s);
	RIG_CHECK(off_of(&s) == 0, "%ld packets are nowhere", (long)off_of(&s));
	RIG_CHECK(buffers == hold_total(), "%u buffers in use, %u packets held", buffers,
		hold_total());
}
