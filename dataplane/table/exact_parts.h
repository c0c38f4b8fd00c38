/* SPDX-License-Identifier: BSD-3-Clause */
/* Between exact.c and exact_memory.c; nobody else includes it. */
#ifndef TABLE_EXACT_PARTS_H
#define TABLE_EXACT_PARTS_H

#include "exact.h"

/* How full the slots are on average before the table grows: half, two entries in a bucket of four.
 * About one entry in twenty-five then overflows, and an entry costs 37 bytes all in. */
#define EXACT_LOAD_NUM	    1
#define EXACT_LOAD_DEN	    2
#define EXACT_FIRST_BUCKETS 64
#define EXACT_DEAD_MAX	    4096 /* slots that wait for a grace period */

/* The mark word of an overflow bucket: bit a slot that waits for its grace period; while it is
 * retired, the next retired one. No reader looks at it. */
#define EXACT_MARK_CELL 6

struct exact_dead {
	struct exact_bucket *bucket;
	uint32_t group;
	uint32_t slot;
};

static inline uint32_t exact_group_of(uint32_t home)
{
	return home >> EXACT_GROUP;
}

/* ---- lists of overflow buckets that no chain has ---- */

static inline void exact_push(struct exact_bucket **list, struct exact_bucket *b)
{
	b->cell[EXACT_MARK_CELL] = (uint64_t)(uintptr_t)*list;
	*list = b;
}

static inline struct exact_bucket *exact_pop(struct exact_bucket **list)
{
	struct exact_bucket *b = *list;

	if (b != NULL)
		*list = (struct exact_bucket *)(uintptr_t)b->cell[EXACT_MARK_CELL];
	return b;
}

#endif
