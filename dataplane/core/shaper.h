/* SPDX-License-Identifier: BSD-3-Clause */
/* The shaper of a port: frames wait in a queue a class and leave at the port's rate. Core knows
 * nothing of slices: classes are numbers, 0 is what belongs to none (kernel, ARP, control).
 * Tests drive it with a clock of their own.
 *
 * Who goes next:
 * 1. A class below its guarantee. Its clock moves by length/guarantee a frame; it is eligible while
 *    the clock is not ahead of the port's, and the earliest deadline goes first. While the
 *    guarantees of the classes that wait add up to more than the rate, the port's clock goes
 * slower: they then share the rate in proportion.
 * 2. Otherwise start-time fair queueing by weight over all classes that wait: what the guarantees
 *    leave is shared by weight.
 * Both orders are kept by calendars (calendar.h), so a frame costs the same with 1 or 16,384
 * classes, and an idle class nothing. A class is one queue: its frames stay in order.
 *
 * A frame of a class under its guarantee waits at most 4 L/guarantee + L/rate after it came to the
 * head of its queue (L: the port's largest frame), while the guarantees of those that wait, as they
 * are on the wire and with class 0's, fit the rate; and one turn of the owner's loop.
 *
 * Why not rte_sched (22.11): the rates of its pipes and of their traffic classes are maxima, there
 * is no minimum to give; pipes take turns, and the only weight between them (tc_ov_weight) scales a
 * ceiling of the best-effort class. A guarantee would have to be a second, higher traffic class
 * with the slice's frames split over both, out of order. And its queues for 16,384 pipes, 64
 * packets each, are 134 MB a port. */
#ifndef CORE_SHAPER_H
#define CORE_SHAPER_H

#include <rte_mbuf.h>
#include <stdbool.h>
#include <stdint.h>

#include "bounds.h"
#include "counters.h"

#define SHAPER_CLASSES	  (LIMIT_SLICES + 1) /* a power of two */
#define SHAPER_BURST_US	  2000	/* how much of its rate a port may catch up on after a pause */
#define SHAPER_QUEUE_MS	  50	/* of the port's rate: the longest queue of one class */
#define SHAPER_QUEUE_MIN  32768 /* bytes, however slow the port */
#define SHAPER_SURE	  8	/* frames a class may hold although others hold nearly all */
#define SHAPER_OWN_PART	  10	/* class 0 is guaranteed this part of the rate */
#define SHAPER_WEIGHT_MAX 1000

struct shaper;

/* What main says of a port. */
struct shaper_setting {
	uint64_t rate_bps;    /* 0: not shaped (any more): what waits leaves at once */
	uint32_t overhead;    /* bytes counted beside each frame, against the rate alone */
	uint32_t frame_max;   /* bytes of the largest frame */
	uint32_t buffers_max; /* that may be held */
};

/* 0 or -ENOMEM. Main thread, before workers start; again after shaper_fini(). */
int shaper_init(void);
void shaper_fini(void);

/* ---- classes: the same on all ports; main thread, any time ---- */

/* weight 1 to SHAPER_WEIGHT_MAX; guarantee of 0, or from 1,000 to 10^12, counted in bytes of the
 * frame less what was put around it (shaper_mark). */
void shaper_class_set(uint16_t id, uint32_t weight, uint64_t guarantee_bps);
/* The id is about to be another's: what waits is dropped, and counters start anew. */
void shaper_class_unset(uint16_t id);

/* ---- life; main thread ---- */

/* NULL: no memory. Not shaping before shaper_set(). */
struct shaper *shaper_new(uint64_t now_tsc, uint64_t tsc_hz);
/* Any time. */
void shaper_set(struct shaper *s, const struct shaper_setting *to);
/* Frees what waits: how many packets. With the owner gone. */
uint32_t shaper_purge(struct shaper *s);
/* Must be empty. */
void shaper_free(struct shaper *s);

/* Of one class; of all of them and their total. Any thread. */
void shaper_class_read(const struct shaper *s, uint16_t id, struct shaper_counters *out);
void shaper_read(const struct shaper *s, struct shaper_counters *out);
uint32_t shaper_buffers_max(const struct shaper *s);

/* ---- frames ---- */

/* Says whose m is: the class in the high half of the mark, whatever the pipeline likes in the low
 * one. wrapped: bytes of m that are not the class's own, at most 255. Must be called for every
 * frame that may leave by a shaped port; the bytes are otherwise the device's. */
static __rte_always_inline void shaper_mark(struct rte_mbuf *m, uint32_t mark, uint8_t wrapped)
{
	m->hash.sched.queue_id = mark;
	m->hash.sched.traffic_class = wrapped;
}

static __rte_always_inline uint16_t shaper_class_of(const struct rte_mbuf *m)
{
	return m->hash.sched.queue_id >> 16 & (SHAPER_CLASSES - 1);
}

/* Before enqueuing a burst. */
void shaper_prefetch(const struct shaper *s, const struct rte_mbuf *m);

/* Is there anything to do for it? A port that is not shaped any more is done when it is empty. Any
 * thread. */
bool shaper_is_on(const struct shaper *s);
/* Takes m, or returns false: it stays the caller's, to be dropped. Owner. */
bool shaper_enqueue(struct shaper *s, struct rte_mbuf *m, uint64_t now_tsc);
/* What may leave now, at most max. Owner. */
uint32_t shaper_dequeue(struct shaper *s, uint64_t now_tsc, struct rte_mbuf **pkt, uint32_t max);
/* Packets waiting. Owner; others see a recent figure. */
uint32_t shaper_waiting(const struct shaper *s);
/* Packets freed since the last call because their class was deleted. Owner. */
uint32_t shaper_gone(struct shaper *s);

#endif
