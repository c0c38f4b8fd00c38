/* SPDX-License-Identifier: BSD-3-Clause */
/* A worker: a pinned thread that owns its bursts from rx to tx, its counters and its transmit
 * buffers. The pipeline it runs is handed in by main.c, since core knows nothing of what packets
 * mean. */
#ifndef CORE_WORKER_H
#define CORE_WORKER_H

#include <rte_cycles.h>
#include <rte_ring.h>
#include <stdbool.h>
#include <stdint.h>

#include "box.h"
#include "burst.h"
#include "counters.h"
#include "drops.h"
#include "port.h"

#define STAGES_MAX    16
#define SAMPLE_BURSTS 1024   /* one burst in this many is timed */
#define SAMPLE_MAX    100000 /* cycles; more is the thread having lost its CPU */

struct worker;

/* What the packets mean: called once a received burst, once a loop for what is due by time, and to
 * forget. */
struct pipeline {
	const char *const *stages; /* names, NULL-terminated */
	uint8_t receive;	   /* the stage that rx calls are counted under */
	int (*worker_init)(struct worker *w);
	void (*run)(struct worker *w, struct burst *b);
	void (*tick)(struct worker *w); /* about once a millisecond, also when idle */
	/* A frame that the pipeline had sent was dropped before it left; mark: shaper_mark()'s. */
	void (*lost)(struct worker *w, uint32_t mark, enum drop_reason why);
	void (*worker_fini)(struct worker *w);
};

/* Frames on their way out of one port. */
struct tx_buffer {
	uint16_t n;
	uint16_t queue;
	int16_t owner; /* worker to hand over to; -1: this one has a queue of its own */
	bool live;
	struct rte_mbuf *pkt[BURST_MAX];
};

struct poll_queue {
	uint16_t port;
	uint16_t ethdev;
	uint16_t queue;
};

/* What a worker polls, and the shaped ports it serves; replaced as a whole under RCU. */
struct poll_list {
	uint32_t n;
	uint32_t shaped;
	uint16_t shaped_port[LIMIT_PORTS];
	struct poll_queue q[];
};

struct worker {
	/* line 0: read per burst */
	struct poll_list *polls; /* main: release store; worker: acquire load once a loop */
	uint64_t now_tsc;
	uint32_t now_s; /* seconds of the box's clock, never 0 */
	uint16_t id;
	bool sampling; /* this burst is timed */
	uint8_t stage;
	uint64_t *drops; /* [DROP_REASONS] */
	uint64_t stage_tsc;
	uint64_t tx_pending[PORT_MAX / 64]; /* ports with something in their buffer */
	void *pipeline;			    /* the pipeline's own state of this worker */

	/* line 1 */
	struct box_counters box;

	struct port_counters *port; /* [PORT_MAX] */
	struct trace_burst *trace;
	uint32_t sample_in;

	struct worker_counters stats;
	struct {
		uint64_t packets;
		uint64_t cycles;
	} stages[STAGES_MAX];

	struct rte_ring *handover[LIMIT_WORKERS]; /* [from]: frames other workers want sent by this
						     one's queues */
	struct tx_buffer tx[PORT_MAX];
	struct burst burst;

	unsigned lcore;
	struct poll_list *spare_polls; /* main's: the next list is made here */
	bool running;		       /* has a thread */
	uint64_t next_tick_tsc;
} __rte_cache_aligned;

_Static_assert(offsetof(struct worker, box) == 64, "what a burst reads is one line");

extern struct worker *workers[LIMIT_WORKERS];
extern uint32_t worker_count;

enum worker_idle { IDLE_SPIN, IDLE_NAP };

/* Creates `count` workers on the given lcores and starts them. 0 or -errno with nothing left. Main
 * thread. */
int worker_start(const unsigned *lcores, uint32_t count, enum worker_idle idle,
	const struct pipeline *pipeline);
/* How many frames a worker takes from a queue at once, 1 to BURST_MAX; 0: as the L1 data cache has
 * room for. Before worker_start(). Main thread. */
void worker_set_burst(uint32_t frames);
/* Creates worker 0 without a thread: tests run the pipeline themselves with worker_run_burst(). */
int worker_create(uint32_t count, const struct pipeline *pipeline);
/* Stops and joins all; frees what they hold. */
void worker_stop(void);

/* The stages of the pipeline the workers run, NULL-terminated. */
const char *const *worker_stage_names(void);

/* Gives every worker the queues it is to poll, after ports came or went; waits a grace period. Main
 * thread. */
void worker_assign_queues(void);
/* Waits until every running worker has gone round its loop that often. Main thread. */
void worker_wait_turns(uint32_t turns);
/* Turns after which whatever stood in a hand-over ring has been sent or dropped. */
#define HANDOVER_RING  1024
#define HANDOVER_TURNS (HANDOVER_RING / BURST_MAX + 1)

/* Runs b through the pipeline and flushes what it sends: one turn of the loop for a burst already
 * in w->burst. */
void worker_run_burst(struct worker *w);
void worker_flush(struct worker *w);
/* Sends what w's shaped ports may send now: how many frames. The other half of a turn. */
uint32_t worker_shape(struct worker *w);

/* Which worker owns queue `queue` of a port; every queue has one owner. */
static inline uint32_t worker_queue_owner(uint16_t port, uint32_t queues, uint32_t queue)
{
	return queues >= worker_count ? queue % worker_count : (queue + port) % worker_count;
}

void trace_dropped(struct burst *b, const struct rte_mbuf *m, enum drop_reason why);
void worker_tx_full(struct worker *w, uint16_t port, struct tx_buffer *tx);

/* ---- hot helpers ---- */

/* Frame goes out of `port`; sent when the buffer is full or the burst is done. The port must be
 * live, and the frame marked as shaper.h wants it unless the port is a twin. */
static __rte_always_inline void worker_tx(struct worker *w, uint16_t port, struct rte_mbuf *m)
{
	struct tx_buffer *tx = &w->tx[port];

	if (unlikely(tx->n == BURST_MAX))
		worker_tx_full(w, port, tx);
	tx->pkt[tx->n++] = m;
	w->tx_pending[port / 64] |= 1ull << (port % 64);
}

/* The same in a loop whose frames mostly leave by one port: its buffer stays in registers. */
struct tx_cursor {
	uint16_t port; /* PORT_NONE at first */
	uint16_t n;
	struct tx_buffer *buffer;
};

static __rte_always_inline void tx_done(struct worker *w, struct tx_cursor *tx)
{
	if (likely(tx->port != PORT_NONE))
		tx->buffer->n = tx->n;
}

static __rte_always_inline void tx_add(
	struct worker *w, struct tx_cursor *tx, uint16_t port, struct rte_mbuf *m)
{
	if (unlikely(port != tx->port)) {
		tx_done(w, tx);
		*tx = (struct tx_cursor){.port = port, .buffer = &w->tx[port], .n = w->tx[port].n};
		w->tx_pending[port / 64] |= 1ull << (port % 64);
	}
	if (unlikely(tx->n == BURST_MAX)) {
		tx_done(w, tx);
		worker_tx_full(w, port, tx->buffer);
		tx->n = 0;
	}
	tx->buffer->pkt[tx->n++] = m;
}

/* Counts and collects a packet that ends here; freed in one go at the end of the burst. */
static __rte_always_inline void worker_drop(
	struct worker *w, struct burst *b, struct rte_mbuf *m, enum drop_reason why)
{
	w->drops[why]++;
	if (unlikely(b->trace != NULL))
		trace_dropped(b, m, why);
	if (unlikely(b->drops == BURST_MAX)) {
		rte_pktmbuf_free_bulk(b->drop, b->drops);
		b->drops = 0;
	}
	b->drop[b->drops++] = m;
}

/* Closes the time slice of a stage in a sampled burst. */
static __rte_always_inline void worker_stage_done(struct worker *w, uint8_t stage, uint32_t packets)
{
	if (likely(!w->sampling))
		return;
	uint64_t now = rte_rdtsc();

	if (now - w->stage_tsc < SAMPLE_MAX) {
		w->stages[stage].packets += packets;
		w->stages[stage].cycles += now - w->stage_tsc;
	}
	w->stage_tsc = now;
}

#endif
