/* SPDX-License-Identifier: BSD-3-Clause */
/* The memory of exact-match tables: taken when a table begins, given back when it ends; what is
 * mapped is used as it is touched. Main thread only. Owns all buckets of a table. */
#include <errno.h>
#include <rte_malloc.h>
#include <rte_random.h>
#include <string.h>
#include <sys/mman.h>

#include "exact_parts.h"
#include "heap.h"
#include "reserve.h"

/* Overflow buckets behind the groups' own, as chance will have it; the heap beyond that. */
static uint32_t spares_of(const struct exact_table *t)
{
	return (t->key_words == 1 ? t->groups : 2 * t->groups) + 64;
}

static void *table_alloc(const struct exact_table *t, size_t bytes)
{
	if (!t->mapped)
		return rte_zmalloc(t->name, bytes, RTE_CACHE_LINE_SIZE);
	return reserve_map_huge(bytes, PROT_READ | PROT_WRITE);
}

static void table_free(const struct exact_table *t, void *at, size_t bytes)
{
	if (!t->mapped)
		heap_free(at);
	else
		reserve_unmap(at, bytes);
}

static size_t bucket_bytes(const struct exact_table *t)
{
	return ((size_t)t->max_buckets + t->groups + spares_of(t)) * sizeof(struct exact_bucket);
}

static int init(
	struct exact_table *t, const char *name, uint32_t key_words, uint32_t capacity, bool mapped)
{
	if ((key_words != 1 && key_words != 2 && key_words != 5) || capacity == 0)
		return -EINVAL;
	memset(t, 0, sizeof(*t));
	t->name = name;
	t->key_words = key_words;
	t->capacity = capacity;
	t->mapped = mapped;

	uint64_t slots = exact_slots(key_words, false);
	uint64_t wanted = ((uint64_t)capacity * EXACT_LOAD_DEN + EXACT_LOAD_NUM * slots - 1) /
			  (EXACT_LOAD_NUM * slots);

	t->max_buckets = RTE_MAX(wanted, (uint64_t)EXACT_FIRST_BUCKETS);
	t->groups = exact_group_of(t->max_buckets - 1) + 1;

	t->buckets = table_alloc(t, bucket_bytes(t));
	t->marks = table_alloc(t, t->max_buckets);
	t->dead = rte_zmalloc(name, EXACT_DEAD_MAX * sizeof(*t->dead), 0);
	if (t->buckets == NULL || t->dead == NULL || t->marks == NULL) {
		exact_fini(t);
		return -ENOMEM;
	}
	t->overflow = t->buckets + t->max_buckets;
	t->fresh = spares_of(t);
	t->bytes = bucket_bytes(t) + EXACT_DEAD_MAX * sizeof(*t->dead) + t->max_buckets;
	t->n_buckets = EXACT_FIRST_BUCKETS;
	for (uint32_t i = 0; i < EXACT_KEY_WORDS; i++)
		t->seed[i] = rte_rand();
	return 0;
}

int exact_init(struct exact_table *t, const char *name, uint32_t key_words, uint32_t capacity)
{
	return init(t, name, key_words, capacity, false);
}

int exact_init_mapped(
	struct exact_table *t, const char *name, uint32_t key_words, uint32_t capacity)
{
	return init(t, name, key_words, capacity, true);
}

static void free_heap(const struct exact_table *t, struct exact_bucket *b)
{
	if (b < t->buckets || b >= t->overflow + t->groups + spares_of(t))
		heap_free(b);
}

void exact_fini(struct exact_table *t)
{
	struct exact_bucket *b, *next;

	while ((b = exact_pop(&t->spare)) != NULL)
		free_heap(t, b);
	while ((b = exact_pop(&t->retired)) != NULL)
		free_heap(t, b);
	for (uint32_t g = 0; t->overflow != NULL && g < t->groups; g++)
		for (b = exact_next(&t->overflow[g]); b != NULL; b = next) {
			next = exact_next(b);
			free_heap(t, b);
		}
	table_free(t, t->marks, t->max_buckets);
	heap_free(t->dead);
	table_free(t, t->buckets, bucket_bytes(t));
	memset(t, 0, sizeof(*t));
}
