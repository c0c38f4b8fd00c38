/* SPDX-License-Identifier: BSD-3-Clause */
/* Ranges of units by the million, each named by the index of its first unit: session blocks, cells
 * (the same index in each worker's own copy; with them buckets), packed definitions. One big range
 * of addresses, of which the kernel gives what is touched. Main thread only; when something may be
 * given back while workers still look at it is the caller's business (a grace period). */
#ifndef UPF_POOL_H
#define UPF_POOL_H

#include <stddef.h>
#include <stdint.h>

#define POOL_EXACT   64 /* sizes up to it have a free list each; larger ones go in sixteens */
#define POOL_MAX     1024
#define POOL_CLASSES (POOL_EXACT + (POOL_MAX - POOL_EXACT) / 16 + 1)

struct pool {
	char *base;
	size_t unit;   /* bytes */
	size_t stride; /* bytes from a copy to the next */
	uint32_t copies;
	uint32_t head;	       /* units [0, head) are the owner's from the beginning; at least 1 */
	uint32_t max_units;    /* of each copy */
	uint32_t usable_units; /* the kernel has given */
	uint32_t next;	       /* never used from here on */
	uint32_t used;	       /* units given out */
	uint32_t free[POOL_CLASSES];
};

/* unit: bytes, a multiple of 8. Reserves addresses, no memory. The first `head` units of each copy
 * are not given out: readable, zero, the owner's. 0 or -ENOMEM. */
int pool_init(struct pool *p, size_t unit, uint32_t head, uint32_t max_units, uint32_t copies);
void pool_fini(struct pool *p);

/* n units in a row, 1 to POOL_MAX: 0 with *index > 0, -ENOSPC (max_units), -ENOMEM (the kernel).
 * What they hold is not defined. The range belongs to the caller until pool_give(), with the same
 * n. */
int pool_take(struct pool *p, uint32_t n, uint32_t *index);
void pool_give(struct pool *p, uint32_t index, uint32_t n);

static inline void *pool_at(const struct pool *p, uint32_t copy, uint32_t index)
{
	return p->base + copy * p->stride + index * p->unit;
}

#endif
