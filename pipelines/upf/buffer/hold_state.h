/* SPDX-License-Identifier: BSD-3-Clause */
/* Between hold.c, hold_flush.c (main thread) and hold_worker.c: the rings between main and a
 * worker, and main's queues. */
#ifndef UPF_HOLD_STATE_H
#define UPF_HOLD_STATE_H

#include <rte_ring.h>

#include "hold.h"
#include "upf_worker.h"

/* ---- up: a packet to hold ---- */

struct hold_report {
	struct rte_mbuf *m; /* NULL: no room for it here, but the control plane may want to know */
	uint32_t session;
	uint16_t slice; /* the session's: it is counted in, and has its share */
	uint8_t group, rule;
	uint8_t far; /* ordinal */
	bool notify;
	bool uplink; /* direction of its group */
	uint8_t pad[5];
};
_Static_assert(sizeof(struct hold_report) == 24, "an element of a ring");

/* ---- down ---- */

enum hold_order_kind {
	HOLD_SEND,    /* m of session, group once more */
	HOLD_DISCARD, /* m, of session (0: gone), for `why` */
	HOLD_MARKER,  /* an end marker to peer, teid_be */
	HOLD_FENCE    /* says how far the worker is */
};

struct hold_order {
	union {
		struct rte_mbuf *m;
		uint64_t fence;
		struct {
			uint32_t teid_be;
			uint16_t peer;
		};
	};
	uint32_t session;
	uint16_t slice;
	uint8_t kind; /* enum hold_order_kind */
	uint8_t group;
	bool uplink;
	uint8_t why; /* enum drop_reason */
	uint8_t pad[6];
};
_Static_assert(sizeof(struct hold_order) == 24, "an element of a ring");
_Static_assert(DROP_SLICE_REASONS <= 256, "a reason fits an order");

/* ---- a worker's part ---- */

#define HOLD_POOLS 64 /* buffers of more pools are not held at the same time */

struct hold_pool {
	const struct rte_mempool *pool;
	uint32_t held, limit; /* buffers of it that this worker has taken and not got back */
	uint32_t *held_of;    /* [LIMIT_SLICES + 1] of those, by slice */
};

struct hold_parked {
	struct rte_mbuf *m;
	uint32_t session;
	uint16_t slice;
	uint8_t group;
	bool ready;
};

#define HOLD_SEEN_LOG2 13 /* more than can be parked */
struct hold_seen {
	uint32_t session;
	uint32_t look; /* it is about */
	bool ready;
};
_Static_assert(HOLD_RING < 1u << HOLD_SEEN_LOG2, "always a free one");

struct hold_worker {
	struct rte_ring *reports; /* SP: this worker, SC: main */
	struct rte_ring *orders;  /* SP: main, SC: this worker */
	uint64_t fence;		  /* worker: release store; main: acquire load */
	uint32_t parked;
	uint32_t pools;
	struct hold_pool pool[HOLD_POOLS];
	uint32_t *held_of;   /* [HOLD_POOLS][LIMIT_SLICES + 1]; pages come as they are needed */
	uint16_t *parked_of; /* [LIMIT_SLICES + 1] */
	struct burst burst;  /* what orders are carried out with */
	bool busy; /* `burst` is being worked on: what meets a flush meanwhile is parked */
	bool more; /* something was, and must go before a fence is met */
	/* sends that wait for a burst to be full */
	uint32_t n;
	struct rte_mbuf *m[BURST_MAX];
	uint32_t session[BURST_MAX];
	uint8_t group[BURST_MAX];
	struct hold_parked park[HOLD_RING];
	uint32_t look; /* from 1 */
	struct hold_seen seen[1u << HOLD_SEEN_LOG2];
};

/* ---- main's ---- */

#define HOLD_NONE UINT32_MAX /* of nodes and queues */

/* A packet in a session's queue, or an order on its way out. */
struct hold_node {
	union {
		struct rte_mbuf *m;
		struct {
			uint32_t teid_be;
			uint16_t peer;
		};
	};
	uint32_t next;
	uint32_t queue; /* HOLD_NONE: of none */
	uint16_t slice;
	uint8_t worker, group, rule, far;
	bool uplink;
	uint8_t kind, why; /* of an order */
};

struct hold_list {
	uint32_t head, tail; /* nodes */
	uint32_t n;
};

enum hold_state {
	HOLD_REST,     /* nothing on its way */
	HOLD_RECALLED, /* all that is on its way comes back first; workers park what is newer */
	HOLD_FLUSHING, /* workers park what is newer */
	HOLD_RETURNED  /* all orders are on the rings */
};

/* Of a session with packets held, or whose idle period the control plane was told of. */
struct hold_queue {
	uint32_t session;
	uint16_t slice; /* the session's when it was last at rest */
	uint8_t state;	/* enum hold_state */
	bool gone;	/* the session was deleted */
	struct hold_list in;
	uint32_t out;	/* nodes in outboxes */
	uint32_t limit; /* by its BAR; HOLD_NONE: to be looked up */
	uint32_t delay_ms;
	uint32_t notified; /* bit: FAR whose first packet has been told of, or will be */
	uint32_t pending;  /* of those: not told yet */
	uint32_t due_pdr;
	uint8_t due_far;
	bool listed; /* in due[] */
	bool fenced; /* linked by fence_next */
	uint64_t due_tsc;
	uint64_t fence;
	uint32_t fence_next; /* also of free ones */
};

extern struct hold_queue *hold_queues; /* moves as it grows */
extern struct hold_node *hold_nodes;   /* likewise */

/* The session's queue, HOLD_NONE. */
uint32_t hold_queue_of(uint32_t session);
/* Room for more of both: 0, -ENOMEM. What was reserved can be taken without failing. */
int hold_reserve(uint32_t queues, uint32_t nodes);
void hold_unreserve(uint32_t queues, uint32_t nodes);
/* A new one for the session; HOLD_NONE when memory is out. reserved: out of what hold_reserve() put
 * aside. */
uint32_t hold_queue_new(uint32_t session, uint16_t slice, bool reserved);
void hold_queue_free(uint32_t queue);
uint32_t hold_node_new(bool reserved);
void hold_node_free(uint32_t node);

void hold_append(struct hold_list *list, uint32_t node);
uint32_t hold_take_first(struct hold_list *list);

/* Takes in what workers have handed over; returns how many. all: also when much waits to go back.
 */
uint32_t hold_drain(bool all);

/* A packet of the slice has left its queue. */
void hold_released(uint16_t slice);

/* hold_flush.c: orders. */
void hold_flush_init(void);
void hold_flush_fini(void);
/* Sends what lies in the outboxes as far as there is room, notes who has carried it out. */
uint32_t hold_flush_poll(void);
/* A packet that is in no queue goes back to be dropped. */
void hold_order_discard(uint32_t node, enum drop_reason why);
/* Orders that wait for room in this worker's ring. */
uint32_t hold_outbox(uint32_t worker);

static inline struct hold_worker *hold_worker_of(uint32_t worker)
{
	const struct switch_worker *sw = workers[worker]->pipeline;

	return sw != NULL && sw->upf != NULL ? sw->upf->hold : NULL;
}

/* Changes a flag of a published block. Main. */
static inline void hold_flag(struct session_block *s, uint8_t set, uint8_t clear)
{
	/* release: orders on the rings come before SESSION_RETURNED; pairs with hold_waits() */
	__atomic_store_n(&s->flags, (s->flags & ~clear) | set, __ATOMIC_RELEASE);
}

#endif
