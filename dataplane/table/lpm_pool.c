/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory for the nodes of a longest-prefix-match table: blocks of 1 to 73 units of 32 bytes,
 * from pages of 8 KiB that hold blocks of one size each. A page without blocks serves any size
 * again. Main thread only. Owns the table's address range and the blocks that wait for a grace
 * period. */
#include "lpm_node.h"

#include <errno.h>
#include <rte_log.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "rcu.h"
#include "reserve.h"

#define UNIT	   sizeof(struct lpm_slot)
#define PAGE_BYTES (LPM_PAGE_UNITS * UNIT)
#define STEP_PAGES 256				 /* asked of the kernel at a time: 2 MiB */
#define MAX_PAGES  (UINT32_MAX / LPM_PAGE_UNITS) /* an index has 32 bits */
/* What one change may take: a page for every size, or 24 nodes of the largest. */
#define CHANGE_PAGES 40
#define LOW_PAGES    168 /* puts leave so many to deletions */
#define BATCH_BLOCKS 1024
#define BATCH_ROOM   512 /* one change retires fewer: BATCH_BLOCKS less this may be in use before */
#define BATCH_UNITS  4096 /* 128 KiB */
/* As much may wait for a grace period, so that a worker that is not running seldom stops the
 * writer: 4 MiB; of a large table a quarter. */
#define WAIT_UNITS 131072
#define NO_BLOCK   UINT16_MAX

struct lpm_page {
	uint32_t next, prev; /* in a list: 0 is none, since page 0 is not used */
	uint16_t used;	     /* blocks */
	uint16_t fresh;	     /* units from here on were never used */
	uint16_t freed;	     /* a free block's first unit; it names the next. NO_BLOCK */
	uint16_t class;
};

struct lpm_batch {
	struct lpm_table *t;
	uint32_t blocks, units;
	uint32_t block[BATCH_BLOCKS];
};

/* 1 to 16 in steps of one, then of four up to 76. */
static uint32_t class_of(uint32_t units)
{
	return units <= 16 ? units - 1 : 15 + (units - 13) / 4;
}

static uint32_t class_units(uint32_t class)
{
	return class < 16 ? class + 1 : 16 + (class - 15) * 4;
}
_Static_assert(16 + (LPM_CLASSES - 1 - 15) * 4 >= 64 + 63 * 4 / 32 + 1, "a full node has a class");

/* Addresses for two blocks a route even if each were alone in its page; what is not used costs
 * nothing. Less where they are limited. From a multiple of the step on, so that each step can be a
 * huge page. */
static void reserve_addresses(struct lpm_table *t)
{
	struct lpm_pool *p = &t->pool;
	uint64_t pages = RTE_MIN(2ull * t->max_routes + 4 * STEP_PAGES, (uint64_t)MAX_PAGES);

	for (; t->slot == NULL && pages > t->max_routes / 64 + STEP_PAGES; pages -= pages / 4) {
		t->slot = reserve_map_huge(pages * PAGE_BYTES, PROT_NONE);
		p->max_pages = pages;
	}
}

int lpm_pool_init(struct lpm_table *t)
{
	struct lpm_pool *p = &t->pool;

	reserve_addresses(t);
	p->batch = malloc(sizeof(*p->batch));
	p->page = reserve_map(p->max_pages * sizeof(*p->page) + 1);
	if (t->slot == NULL || p->batch == NULL || p->page == NULL ||
		mprotect(t->slot, STEP_PAGES * PAGE_BYTES, PROT_READ | PROT_WRITE) != 0)
		return -ENOMEM;
	p->usable_pages = STEP_PAGES;
	*p->batch = (struct lpm_batch){.t = t};
	p->next_page = 1;
	return 0;
}

void lpm_pool_fini(struct lpm_table *t)
{
	struct lpm_pool *p = &t->pool;

	rcu_reclaim(true); /* batches on their way name this table */
	reserve_unmap(t->slot, p->max_pages * PAGE_BYTES);
	reserve_unmap(p->page, p->max_pages * sizeof(*p->page) + 1);
	free(p->batch);
}

/* ---- pages ---- */

static uint64_t pages_left(const struct lpm_pool *p)
{
	return (uint64_t)p->free_pages + p->usable_pages - p->next_page;
}

/* So that `wanted` pages are at hand. */
static int pages_add(struct lpm_table *t, uint64_t wanted)
{
	struct lpm_pool *p = &t->pool;
	uint64_t missing = wanted - pages_left(p);
	uint64_t n = RTE_MIN(RTE_ALIGN_MUL_CEIL(missing, (uint64_t)STEP_PAGES),
		(uint64_t)p->max_pages - p->usable_pages);
	char *at = (char *)t->slot + p->usable_pages * PAGE_BYTES;

	if (n < missing || mprotect(at, n * PAGE_BYTES, PROT_READ | PROT_WRITE) != 0)
		return -ENOMEM;
	p->usable_pages += n;
	return 0;
}

static int pages_ensure(struct lpm_table *t, uint64_t wanted)
{
	if (likely(pages_left(&t->pool) >= wanted) || pages_add(t, wanted) == 0)
		return 0;
	rcu_reclaim(true);
	return pages_left(&t->pool) >= wanted ? 0 : -ENOMEM;
}

/* What puts leave is enough, see page_for(); more is asked for all the same. */
int lpm_pool_ready(struct lpm_table *t)
{
	if (unlikely(pages_left(&t->pool) < LOW_PAGES))
		pages_add(t, LOW_PAGES);
	return pages_ensure(t, CHANGE_PAGES);
}

int lpm_pool_ready_put(struct lpm_table *t)
{
	return pages_ensure(t, LOW_PAGES);
}

/* 64 bytes a route is more than they come to take; and there is what waits for a grace period. */
int lpm_pool_reserve(struct lpm_table *t, uint32_t n)
{
	uint64_t wanted = (uint64_t)n * 64 / PAGE_BYTES + WAIT_UNITS / LPM_PAGE_UNITS;

	return n == 0 ? 0 : pages_ensure(t, LOW_PAGES + wanted);
}

static void list_push(struct lpm_pool *p, uint32_t *head, uint32_t page)
{
	p->page[page].prev = 0;
	p->page[page].next = *head;
	if (*head != 0)
		p->page[*head].prev = page;
	*head = page;
}

static void list_remove(struct lpm_pool *p, uint32_t *head, uint32_t page)
{
	uint32_t next = p->page[page].next, prev = p->page[page].prev;

	if (next != 0)
		p->page[next].prev = prev;
	if (prev != 0)
		p->page[prev].next = next;
	else
		*head = next;
}

static uint32_t page_take(struct lpm_pool *p, uint32_t class)
{
	uint32_t page = p->free_page;

	if (page != 0) {
		list_remove(p, &p->free_page, page);
		p->free_pages--;
	} else {
		page = p->next_page++;
	}
	p->page[page] = (struct lpm_page){.class = class, .freed = NO_BLOCK};
	list_push(p, &p->partial[class], page);
	return page;
}

/* A page with room. When pages are few, that of a larger size: then deletions, which replace blocks
 * by smaller ones, take a page only while no block of their size or above is free, so at most one
 * for each size. */
static uint32_t page_for(struct lpm_pool *p, uint32_t class)
{
	if (likely(p->partial[class] != 0))
		return p->partial[class];
	if (pages_left(p) <= LOW_PAGES)
		for (uint32_t larger = class + 1; larger < LPM_CLASSES; larger++)
			if (p->partial[larger] != 0)
				return p->partial[larger];
	return page_take(p, class);
}

/* ---- blocks ---- */

/* A free block's first bytes: where the next one begins. */
static uint16_t *free_link(struct lpm_table *t, uint32_t block)
{
	return (uint16_t *)&t->slot[block];
}

static bool page_full(const struct lpm_page *page)
{
	return page->freed == NO_BLOCK && page->fresh + class_units(page->class) > LPM_PAGE_UNITS;
}

uint32_t lpm_alloc(struct lpm_table *t, uint32_t units)
{
	struct lpm_pool *p = &t->pool;
	uint32_t i = page_for(p, class_of(units)), block;
	struct lpm_page *page = &p->page[i];

	if (page->freed != NO_BLOCK) {
		block = i * LPM_PAGE_UNITS + page->freed;
		page->freed = *free_link(t, block);
	} else {
		block = i * LPM_PAGE_UNITS + page->fresh;
		page->fresh += class_units(page->class);
	}
	page->used++;
	if (page_full(page))
		list_remove(p, &p->partial[page->class], i);
	return block;
}

void lpm_release(struct lpm_table *t, uint32_t block)
{
	struct lpm_pool *p = &t->pool;
	uint32_t i = block / LPM_PAGE_UNITS;
	struct lpm_page *page = &p->page[i];

	if (page_full(page))
		list_push(p, &p->partial[page->class], i);
	*free_link(t, block) = page->freed;
	page->freed = block % LPM_PAGE_UNITS;
	if (--page->used > 0)
		return;
	list_remove(p, &p->partial[page->class], i);
	list_push(p, &p->free_page, i);
	p->free_pages++;
}

/* ---- grace periods ---- */

static void batch_release(struct lpm_batch *b)
{
	for (uint32_t i = 0; i < b->blocks; i++)
		lpm_release(b->t, b->block[i]);
	b->t->pool.waiting -= b->units;
	b->blocks = b->units = 0;
}

static void batch_free(void *arg)
{
	batch_release(arg);
	free(arg);
}

void lpm_retire(struct lpm_table *t, uint32_t block)
{
	struct lpm_batch *b = t->pool.batch;
	uint32_t units = class_units(t->pool.page[block / LPM_PAGE_UNITS].class);

	b->block[b->blocks++] = block;
	b->units += units;
	t->pool.waiting += units;
}

void lpm_retired(struct lpm_table *t)
{
	struct lpm_pool *p = &t->pool;
	struct lpm_batch *full = p->batch;

	if (likely(full->blocks < BATCH_BLOCKS - BATCH_ROOM && full->units < BATCH_UNITS))
		return;
	p->batch = malloc(sizeof(*p->batch));
	if (p->batch == NULL) {
		p->batch = full;
		rcu_synchronize();
		batch_release(full);
		return;
	}
	*p->batch = (struct lpm_batch){.t = t};
	rcu_defer(batch_free, full);
	rcu_reclaim(
		p->waiting > RTE_MAX((uint32_t)WAIT_UNITS, p->next_page * (LPM_PAGE_UNITS / 4)));
}

/* ---- how much ---- */

uint64_t lpm_bytes(const struct lpm_table *t)
{
	return (uint64_t)t->pool.next_page * (PAGE_BYTES + sizeof(struct lpm_page)) +
	       t->array_bytes + LPM_SLICES * (sizeof(*t->root) + sizeof(*t->routes)) +
	       sizeof(*t->pool.batch);
}
