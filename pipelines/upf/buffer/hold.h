/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets held for idle UEs (FAR action buffer, BAR; TS 29.244 5.2.3, TS 23.502 4.2.3.3), end
 * markers (TS 23.501 5.8.2.9), and how both keep order when a FAR changes.
 *
 * A worker that meets ACT_HOLD hands the packet to main (hold_take), which keeps it in the
 * session's queue with the worker it came from. When a FAR changes, session_commit() publishes the
 * new block with SESSION_FLUSHING, and
 * 1. workers park what is newer (hold_waits), so that nothing of the session is sent; after a grace
 *    period nothing of its old state is on the way either;
 * 2. the end marker goes to the old tunnel;
 * 3. the queue goes back to the workers it came from; then SESSION_RETURNED is set: a worker that
 *    meets it carries out its orders first (each packet is classified anew, metered and counted
 *    as it is sent), then what it has parked, then goes on as usual;
 * 4. when all workers have been there, both flags are cleared.
 * Whatever the new state says is done with them: sent, dropped, or held once more. When it changes
 * again in the midst of that, some have been held once more and some are still on their way, which
 * would come back in the wrong order: with SESSION_RECALL all go back to main first.
 *
 * Everything a worker took comes back to it, drops too: its own count of buffers held, by slice, is
 * all that the bound by the port's pool needs, and the slices' shares of it. */
#ifndef UPF_HOLD_H
#define UPF_HOLD_H

#include <stdbool.h>
#include <stdint.h>

#include "hold_count.h"
#include "session_hot.h"
#include "worker.h"

/* Over all sessions, at most; also at most a quarter of a port's pool. A slice may have as much of
 * both as is still free. */
#define HOLD_PACKETS   65536
#define HOLD_PRESET    64 /* of one session without a BAR */
#define HOLD_POOL_PART 4
#define HOLD_RING      4096 /* packets on their way to main, and parked, of a worker */
#define HOLD_ORDERS    4096 /* on their way back */

int hold_init(uint32_t workers);
/* With the workers gone. */
void hold_fini(void);

/* ---- workers ---- */

/* upf_worker.hold; called by upf_worker_init() and _fini(). */
int hold_worker_init(struct worker *w);
void hold_worker_fini(struct worker *w);

/* Takes m, whose first byte is the inner packet's: a is ACT_HOLD. rule: as rules_result.
 * m->hash.usr: the QFI it came with, for session_again(). */
void hold_take(struct worker *w, struct burst *b, struct rte_mbuf *m, uint32_t session,
	const struct session_block *s, const struct session_act *a, uint8_t group, uint8_t rule);

/* For a session whose block has SESSION_FLUSHING, before anything is decided about a packet of it;
 * *s becomes the block as it is now, NULL if there is none. True: hold_park() is to take the
 * packet. False: all that is older has been sent, it may go on by *s. Not for packets of
 * session_again(). */
bool hold_waits(struct worker *w, uint32_t session, const struct session_block **s);
/* Takes m, whose first byte is the inner packet's. Its group is one of s. */
void hold_park(struct worker *w, struct burst *b, struct rte_mbuf *m, uint32_t session,
	const struct session_block *s, uint8_t group);

/* For session_again(), of a packet whose block has SESSION_FLUSHING among these flags, read once:
 * true when m was taken. */
bool hold_back(struct worker *w, struct burst *b, struct rte_mbuf *m, uint32_t session,
	const struct session_block *s, uint8_t group, uint8_t flags);

/* Carries out what main has ordered; called by upf_worker_tick(), also with nothing to do. */
void hold_tick(struct worker *w);

/* Needed of the path, which sets it (session_again()): packets of sessions once more, each
 * beginning with its inner packet, as if they had just been found to be of that session and group:
 * classified by the block as it is now, whatever SESSION_FLUSHING says, admitted, counted, and on
 * their way out by worker_tx() before it returns (or held, or dropped). b is empty and none that is
 * being worked on; n <= BURST_MAX. TTLs have been taken care of. */
extern void (*hold_again)(struct worker *w, struct burst *b, struct rte_mbuf *const *m,
	const uint32_t *session, const uint8_t *group, uint32_t n);

/* ---- session_commit() ---- */

/* An end marker to be sent: of a FAR that asks for it and whose outer header is another now. */
struct hold_marker {
	uint32_t teid_be; /* the old tunnel */
	uint16_t
		peer; /* one use of it is taken over, and given back (peer_give) once it was sent */
};

#define FAR_UNKNOWN 255 /* ordinal: of a FAR that is gone, of packets that were recalled */

/* Embedded in struct session_change, zeroed by session_prepare(). */
struct hold_change {
	uint32_t session;
	uint16_t slice;
	uint32_t markers;
	const struct hold_marker *marker;
	/* by the ordinal of a FAR before, that of the same FAR after, or FAR_UNKNOWN; NULL: as it
	 * was */
	const uint8_t *far_now;
	/* hold_flush.c's */
	bool reserved;
	const struct session_block *before, *after;
	struct hold_change *next;
};

/* Takes what hold_begin() may need; undone by hold_cancel(). 0 or -ENOMEM. For changes and
 * deletions of sessions there are; new ones have nothing to do with it. */
int hold_prepare(struct hold_change *c);
void hold_cancel(struct hold_change *c);
/* Of the markers it was prepared with only the first n are sent. */
void hold_markers_fewer(struct hold_change *c, uint32_t n);
/* Before the block of a change is published: sets its flags. before: as published now; after: NULL
 * for a deletion. True when hold_finish() is to be called once all changes are published; marker
 * and before must still be there by then. Cannot fail. */
bool hold_begin(
	struct hold_change *c, const struct session_block *before, struct session_block *after);
/* Of all those that said true: waits a grace period, then as said above. */
void hold_finish(void);
/* The index of a deleted session is not to be given to another while packets that bear it are on
 * their way. */
bool hold_busy(uint32_t session);

/* ---- main thread ---- */

/* Takes what workers handed over, sends back what is due, tells of downlink data. Returns how much
 * it did. Called by upf_poll(). */
uint32_t hold_poll(void);

#endif
