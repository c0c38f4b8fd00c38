/* SPDX-License-Identifier: BSD-3-Clause */
/* What a shaper is made of: shared by shaper.c (main's part) and shaper_run.c (the owner's). What
 * main writes while the owner reads are single words that need no order among each other. */
#ifndef CORE_SHAPER_STATE_H
#define CORE_SHAPER_STATE_H

#include "calendar.h"
#include "shaper.h"

/* Time is in 1/64 ns: 100 Gbit/s of small frames still count to a part of a thousand, and 64 bits
 * last nine years. */
#define UNITS_PER_S  64000000000ull
#define UNITS_PER_US 64000ull
#define COST_SHIFT   16 /* units a byte are in 1/65,536 */
#define BURST	     (SHAPER_BURST_US * UNITS_PER_US)

/* Virtual time of the excess: 2^14 a byte at weight 1. */
#define SHARE_SHIFT 10
#define SHARE_ONE   (1u << 24)

#define GUARANTEE_LOW 12 /* log2 of the narrowest slots: 64 ns */
#define EXCESS_LOW    10

#define LOAD(x)	    __atomic_load_n(&(x), __ATOMIC_RELAXED)
#define STORE(x, v) __atomic_store_n(&(x), v, __ATOMIC_RELAXED)

/* What main says of a class. */
struct class_setting {
	uint64_t guarantee_bps;
	uint64_t cost;	/* of a byte at the guarantee; 0: none */
	uint32_t share; /* of a byte, by weight */
	uint32_t epoch; /* counts the id's lives */
};

struct shaper_class {
	struct rte_mbuf *head, *tail;
	uint64_t guarantee_bps; /* as counted in waiting_bps */
	uint64_t idle_since;
	uint32_t packets, buffers, bytes;
	uint32_t epoch;
	uint64_t sent_packets;
	/* line 1 */
	uint64_t sent_bytes;
	uint64_t dropped;
} __rte_cache_aligned;

struct shaper {
	/* what main says */
	uint64_t rate_bps, cost; /* 0: not shaped */
	uint64_t own_bps, own_cost;
	uint32_t overhead, frame_max;
	uint32_t buffers_max, queue_bytes;

	/* the owner's */
	uint64_t start_tsc, units_per_tsc; /* 32 bits of fraction */
	uint64_t now;			   /* real time */
	uint64_t clock;			   /* of guarantees: goes slower while they do not fit */
	uint64_t link;			   /* when the port has sent what it was given */
	uint64_t share;			   /* virtual time of the excess */
	uint64_t waiting_bps;		   /* sum of guarantees of the classes that wait */
	uint64_t bytes;
	uint32_t packets, buffers, gone;
	uint64_t sent_packets, sent_bytes, dropped;
	struct calendar guaranteed, excess;
	struct shaper_class class[SHAPER_CLASSES];
};

_Static_assert((SHAPER_CLASSES & (SHAPER_CLASSES - 1)) == 0, "a mask cuts a mark to a class");
_Static_assert(SHAPER_CLASSES < CALENDAR_NONE, "ids fit the calendar");

extern struct class_setting *shaper_settings; /* [SHAPER_CLASSES] */
extern int shaper_next_offset;		      /* of the link from frame to frame, in a buffer */

#endif
