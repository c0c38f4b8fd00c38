/* SPDX-License-Identifier: BSD-3-Clause */
/* Units by size class, from one range of addresses. Owns the range. */
#include "pool.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "reserve.h"

#define STEP RESERVE_HUGE_BYTES /* asked of the kernel at a time */

static size_t round_up(size_t n, size_t to)
{
	return (n + to - 1) / to * to;
}

static int make_usable(struct pool *p, uint32_t units)
{
	size_t had = round_up((size_t)p->usable_units * p->unit, STEP);
	size_t want = round_up((size_t)units * p->unit, STEP);

	for (uint32_t c = 0; c < p->copies; c++)
		if (mprotect(p->base + c * p->stride + had, want - had, PROT_READ | PROT_WRITE) !=
			0)
			return -ENOMEM;
	size_t usable = want / p->unit;

	p->usable_units = usable < p->max_units ? usable : p->max_units;
	return 0;
}

int pool_init(struct pool *p, size_t unit, uint32_t head, uint32_t max_units, uint32_t copies)
{
	*p = (struct pool){
		.unit = unit, .copies = copies, .max_units = max_units, .head = head, .next = head};
	p->stride = round_up((size_t)max_units * unit, STEP);
	p->base = reserve_map_huge(p->stride * copies, PROT_NONE);
	if (p->base == NULL)
		return -ENOMEM;
	if (head == 1 || make_usable(p, head) == 0)
		return 0;
	pool_fini(p);
	return -ENOMEM;
}

void pool_fini(struct pool *p)
{
	reserve_unmap(p->base, p->stride * p->copies);
	memset(p, 0, sizeof(*p));
}

/* ---- size classes ---- */

static uint32_t class_of(uint32_t n)
{
	return n <= POOL_EXACT ? n - 1 : POOL_EXACT + (n - POOL_EXACT - 1) / 16;
}

static uint32_t class_units(uint32_t class)
{
	return class < POOL_EXACT ? class + 1 : POOL_EXACT + (class - POOL_EXACT + 1) * 16;
}

/* A free range's first bytes name the next one. */
static uint32_t *link_of(const struct pool *p, uint32_t index)
{
	return pool_at(p, 0, index);
}

static void push(struct pool *p, uint32_t class, uint32_t index)
{
	*link_of(p, index) = p->free[class];
	p->free[class] = index;
}

static uint32_t pop(struct pool *p, uint32_t class)
{
	uint32_t index = p->free[class];

	if (index != 0)
		p->free[class] = *link_of(p, index);
	return index;
}

/* ---- fresh memory ---- */

static int take_fresh(struct pool *p, uint32_t n, uint32_t *index)
{
	if (p->max_units - p->next < n)
		return -ENOSPC;
	if (p->usable_units < p->next + n && make_usable(p, p->next + n) != 0)
		return -ENOMEM;
	*index = p->next;
	p->next += n;
	return 0;
}

/* All is given out once: a larger range is cut, its rest goes to the lists of its sizes. */
static int take_larger(struct pool *p, uint32_t class, uint32_t *index)
{
	uint32_t n = class_units(class), larger = class + 1;

	while (larger < POOL_CLASSES && p->free[larger] == 0)
		larger++;
	if (larger == POOL_CLASSES)
		return -ENOSPC;
	*index = pop(p, larger);
	for (uint32_t at = *index + n, left = class_units(larger) - n; left > 0;) {
		uint32_t part = left < POOL_EXACT ? left : POOL_EXACT;

		push(p, class_of(part), at);
		at += part;
		left -= part;
	}
	return 0;
}

int pool_take(struct pool *p, uint32_t n, uint32_t *index)
{
	uint32_t class = class_of(n);

	n = class_units(class);
	*index = pop(p, class);
	int rc = *index != 0 ? 0 : take_fresh(p, n, index);

	if (rc != 0 && take_larger(p, class, index) == 0)
		rc = 0;
	if (rc == 0)
		p->used += n;
	return rc;
}

void pool_give(struct pool *p, uint32_t index, uint32_t n)
{
	uint32_t class = class_of(n);

	push(p, class, index);
	p->used -= class_units(class);
}
