/* SPDX-License-Identifier: BSD-3-Clause */
/* A box around hold*.c: workers without threads, sessions of one group and one FAR, and in place of
 * the path a log of what leaves. Used by test_hold.c and test_hold_threads.c. */
#ifndef TESTS_HOLD_FAKES_H
#define TESTS_HOLD_FAKES_H

#include <stdbool.h>
#include <stdint.h>

#include "event.h"
#include "hold_state.h"
#include "session.h"

#define FAKE_SESSIONS 20000
#define FAKE_SLICE    7 /* of session 0, see fake.slices */

/* What is written into a packet. */
struct stamp {
	uint32_t session, seq;
	uint16_t worker;
};

/* What left: a packet, or an end marker (session 0). */
struct left {
	struct stamp stamp;
	uint32_t teid; /* of the tunnel it was sent to */
	bool marker;
};
#define LEFT_MAX 200000

struct fake {
	struct left *left; /* of single-threaded tests */
	uint32_t lefts;
	struct upf_event event[64]; /* the first ones */
	uint32_t events;
	struct api_bar bar;
	bool has_bar;
	uint32_t slices;      /* session n is of slice FAKE_SLICE + n % slices; 0: of FAKE_SLICE */
	uint32_t quiet[2048]; /* by slice: how often slice_quiet() was called */
	int32_t peers;	      /* uses of peers that were not given back */
	struct rte_mempool *pool;
	/* called for whatever leaves, instead of the log; worker: that sent it */
	void (*on_left)(uint32_t worker, const struct left *left);
};
extern struct fake fake;

void fake_eal(void);
/* A box with so many workers and buffers. */
void fake_start(uint32_t workers_total, uint32_t buffers);
/* Checks that no buffer, no slice's share and no use of a peer is lost. */
void fake_stop(void);

/* A change of a session as session_commit() makes it, in three steps for several at once. */
struct fake_change {
	struct hold_change hold;
	struct hold_marker marker;
	struct session_block *after, *before;
};
/* what: ACT_HOLD, ACT_GTPU, ACT_DROP; ACT_GATE: deletes it. marker_teid: 0 for none. */
void fake_prepare(struct fake_change *c, uint32_t session, enum act_what what, uint8_t flags,
	uint32_t teid, uint32_t marker_teid);
void fake_commit(struct fake_change *c, uint32_t n);
void fake_put(
	uint32_t session, enum act_what what, uint8_t flags, uint32_t teid, uint32_t marker_teid);

/* A packet of the session comes to a worker. False: no buffer. */
bool fake_packet(uint32_t worker, uint32_t session, uint32_t seq);
void fake_tick(uint32_t worker);
/* Until nothing is on its way any more. */
void fake_settle(void);
uint64_t fake_drops(enum drop_reason why);
/* Buffers that the worker has taken for the slice; places where it has parked. */
uint32_t fake_held(uint32_t worker, uint16_t slice);
uint32_t fake_parked(uint32_t worker, uint16_t slice);

#endif
