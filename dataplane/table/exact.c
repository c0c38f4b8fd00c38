/* SPDX-License-Identifier: BSD-3-Clause */
/* The writer's side of the exact-match table. Called by the main thread only; owns all buckets of a
 * table. */
#include "exact.h"

#include <errno.h>
#include <rte_malloc.h>
#include <rte_random.h>
#include <string.h>

#include "rcu.h"

/* How full the slots are on average before the table grows: 5/12, 1.25 entries in a bucket of
 * three. About one entry in twenty-five then sits in an overflow bucket, and an entry costs 55
 * bytes all in. */
#define LOAD_NUM      5
#define LOAD_DEN      12
#define FIRST_BUCKETS 64
#define DEAD_MAX      4096 /* deletions between two grace periods */

struct exact_dead {
	struct exact_bucket *bucket;
	uint32_t home; /* whose chain the bucket is in */
	uint32_t slot;
};

static uint32_t slots_of(const struct exact_table *t)
{
	return EXACT_CELLS / (t->key_words + 1);
}

static uint64_t *slot_cell(const struct exact_table *t, struct exact_bucket *b, uint32_t slot)
{
	return &b->cell[slot * (t->key_words + 1)];
}

/* Overflow buckets as chance will have it; the heap beyond that. */
static uint32_t spares_of(const struct exact_table *t)
{
	return t->max_buckets / (t->key_words == 1 ? 16 : 2) + 64;
}

int exact_init(struct exact_table *t, const char *name, uint32_t key_words, uint32_t capacity)
{
	if ((key_words != 1 && key_words != 2 && key_words != 5) || capacity == 0)
		return -EINVAL;
	memset(t, 0, sizeof(*t));
	t->name = name;
	t->key_words = key_words;
	t->capacity = capacity;
	t->max_buckets = RTE_MAX((uint64_t)capacity * LOAD_DEN / (LOAD_NUM * slots_of(t)) + 1,
		(uint64_t)FIRST_BUCKETS);

	uint32_t spares = spares_of(t);
	size_t bytes = (size_t)(t->max_buckets + spares) * sizeof(struct exact_bucket);

	t->buckets = rte_zmalloc(name, bytes, RTE_CACHE_LINE_SIZE);
	if (t->buckets == NULL)
		return -ENOMEM;
	t->dead = rte_zmalloc(name, DEAD_MAX * sizeof(*t->dead), 0);
	if (t->dead == NULL) {
		rte_free(t->buckets);
		t->buckets = NULL;
		return -ENOMEM;
	}
	t->bytes = bytes + DEAD_MAX * sizeof(*t->dead);
	for (uint32_t i = 0; i < spares; i++) {
		struct exact_bucket *b = &t->buckets[t->max_buckets + spares - 1 - i];

		b->next = t->spare;
		t->spare = b;
	}
	t->n_buckets = FIRST_BUCKETS;
	for (uint32_t i = 0; i <= EXACT_KEY_WORDS; i++)
		t->seed[i] = rte_rand();
	return 0;
}

static void free_heap(const struct exact_table *t, struct exact_bucket *b)
{
	if (b < t->buckets || b >= t->buckets + t->max_buckets + spares_of(t))
		rte_free(b);
}

/* Retired buckets are chained by the one field that no reader looks at. */
static void push_retired(struct exact_table *t, struct exact_bucket *b)
{
	b->dead = (uint64_t)(uintptr_t)t->retired;
	t->retired = b;
}

static struct exact_bucket *pop_retired(struct exact_table *t)
{
	struct exact_bucket *b = t->retired;

	if (b != NULL)
		t->retired = (struct exact_bucket *)(uintptr_t)b->dead;
	return b;
}

void exact_fini(struct exact_table *t)
{
	struct exact_bucket *b, *next;

	for (b = t->spare; b != NULL; b = next) {
		next = b->next;
		free_heap(t, b);
	}
	while ((b = pop_retired(t)) != NULL)
		free_heap(t, b);
	for (uint32_t i = 0; i < t->n_buckets; i++)
		for (b = t->buckets[i].next; b != NULL; b = next) {
			next = b->next;
			free_heap(t, b);
		}
	rte_free(t->dead);
	rte_free(t->buckets);
	memset(t, 0, sizeof(*t));
}

static struct exact_bucket *home_bucket(const struct exact_table *t, const uint64_t *key)
{
	uint32_t n = t->n_buckets;

	return &t->buckets[exact_index(exact_hash(t->seed, key, t->key_words), n, exact_mask(n))];
}

static bool is_empty(const struct exact_table *t, struct exact_bucket *b)
{
	bool empty = b->dead == 0;

	for (uint32_t s = 0; s < slots_of(t); s++)
		empty &= *slot_cell(t, b, s) == 0;
	return empty;
}

/* Takes the bucket behind prev out of its chain. Readers inside it go on by its next; it is reused
 * after another grace period. */
static void unlink_next(struct exact_table *t, struct exact_bucket *prev)
{
	struct exact_bucket *b = prev->next;

	__atomic_store_n(&prev->next, b->next, __ATOMIC_RELEASE);
	push_retired(t, b);
}

/* Overflow buckets of a chain that hold nothing any more. */
static void shorten(struct exact_table *t, uint32_t home)
{
	struct exact_bucket *prev = &t->buckets[home];

	while (prev->next != NULL)
		if (is_empty(t, prev->next))
			unlink_next(t, prev);
		else
			prev = prev->next;
}

/* A grace period has passed since the last deletion: their slots are free again. */
static void reclaim_dead(struct exact_table *t)
{
	struct exact_bucket *b;

	while ((b = pop_retired(t)) != NULL) {
		memset(b, 0, sizeof(*b));
		b->next = t->spare;
		t->spare = b;
	}
	for (uint32_t i = 0; i < t->dead_count; i++)
		t->dead[i].bucket->dead &= ~(1ull << t->dead[i].slot);
	for (uint32_t i = 0; i < t->dead_count; i++)
		shorten(t, t->dead[i].home);
	t->dead_count = 0;
}

static void synchronize(struct exact_table *t)
{
	rcu_synchronize();
	reclaim_dead(t);
}

/* Makes an entry visible: the key's first word last. */
static void exact_publish(
	const struct exact_table *t, uint64_t *cell, const uint64_t *key, uint64_t value)
{
	cell[t->key_words] = value;
	for (uint32_t i = t->key_words - 1; i > 0; i--)
		cell[i] = key[i];
	/* release: pairs with the acquire in exact_match() */
	__atomic_store_n(&cell[0], key[0], __ATOMIC_RELEASE);
}

/* A free slot in the chain from b on; an overflow bucket is appended when there is none. */
static uint64_t *take_slot(struct exact_table *t, struct exact_bucket *b)
{
	for (;; b = b->next) {
		for (uint32_t s = 0; s < slots_of(t); s++) {
			uint64_t *cell = slot_cell(t, b, s);

			if (cell[0] == 0 && !(b->dead & (1ull << s)))
				return cell;
		}
		if (b->next == NULL)
			break;
	}
	struct exact_bucket *more = t->spare;

	if (more != NULL) {
		t->spare = more->next;
	} else {
		more = rte_malloc(t->name, sizeof(*more), RTE_CACHE_LINE_SIZE);
		if (more == NULL)
			return NULL;
		t->bytes += sizeof(*more);
	}
	memset(more, 0, sizeof(*more));
	/* release: pairs with the acquire of next in exact_match_chain() */
	__atomic_store_n(&b->next, more, __ATOMIC_RELEASE);
	return slot_cell(t, more, 0);
}

static bool moves(const struct exact_table *t, const uint64_t *key, uint32_t n, uint32_t from)
{
	return exact_index(exact_hash(t->seed, key, t->key_words), n, exact_mask(n)) != from;
}

/* Copies what belongs to the new bucket `to` out of the chain of `from`; readers do not look there
 * yet. */
static bool split_copy(struct exact_table *t, uint32_t from, uint32_t to)
{
	for (struct exact_bucket *b = &t->buckets[from]; b != NULL; b = b->next) {
		for (uint32_t s = 0; s < slots_of(t); s++) {
			uint64_t *cell = slot_cell(t, b, s);

			if (cell[0] == 0 || !moves(t, cell, to + 1, from))
				continue;
			uint64_t *slot = take_slot(t, &t->buckets[to]);
			if (slot == NULL) {
				for (b = &t->buckets[to]; b != NULL; b = b->next)
					memset(b->cell, 0, sizeof(b->cell));
				return false;
			}
			exact_publish(t, slot, cell, cell[t->key_words]);
		}
	}
	return true;
}

/* Clears what has moved away: since a grace period no reader looks for it here. */
static void split_clean(struct exact_table *t, uint32_t from)
{
	uint32_t n = t->n_buckets;

	for (struct exact_bucket *b = &t->buckets[from]; b != NULL; b = b->next)
		for (uint32_t s = 0; s < slots_of(t); s++) {
			uint64_t *cell = slot_cell(t, b, s);

			if (cell[0] != 0 && moves(t, cell, n, from))
				__atomic_store_n(&cell[0], 0, __ATOMIC_RELAXED);
		}
}

/* After a grace period, since a reader may have been half way through a key that was cleared:
 * copies overflow entries up into the free slots. */
static void split_lift(struct exact_table *t, uint32_t from)
{
	struct exact_bucket *home = &t->buckets[from];

	for (struct exact_bucket *b = home->next; b != NULL; b = b->next)
		for (uint32_t s = 0; s < slots_of(t); s++) {
			uint64_t *cell = slot_cell(t, b, s);

			for (uint32_t h = 0;
				h < slots_of(t) && cell[0] != 0 && !(b->dead & (1ull << s)); h++) {
				uint64_t *up = slot_cell(t, home, h);

				if (up[0] != 0 || (home->dead & (1ull << h)))
					continue;
				exact_publish(t, up, cell, cell[t->key_words]);
				b->dead |= 1ull << s; /* a second copy: for split_drop() */
			}
		}
}

/* The slot holds nothing from now on, and is free after a grace period. */
static void kill_slot(struct exact_table *t, struct exact_bucket *b, uint32_t home, uint32_t slot)
{
	__atomic_store_n(slot_cell(t, b, slot), 0, __ATOMIC_RELAXED);
	b->dead |= 1ull << slot;
	t->dead[t->dead_count++] = (struct exact_dead){.bucket = b, .home = home, .slot = slot};
	if (t->dead_count == DEAD_MAX)
		synchronize(t);
}

/* After a grace period: drops the second copies, and buckets that have become empty. */
static void split_drop(struct exact_table *t, uint32_t from)
{
	for (struct exact_bucket *b = t->buckets[from].next; b != NULL; b = b->next)
		for (uint32_t s = 0; s < slots_of(t); s++)
			if ((b->dead & (1ull << s)) && *slot_cell(t, b, s) != 0)
				kill_slot(t, b, from, s);
	shorten(t, from);
}

/* Splits an eighth of the buckets, or as many as the round has left: three grace periods a step,
 * whose number is logarithmic in the size, and no step longer than a fraction of a millisecond for
 * a million entries. */
static void exact_grow(struct exact_table *t)
{
	uint32_t n = t->n_buckets;
	uint32_t half = (exact_mask(n + 1) + 1) / 2;
	uint32_t k = RTE_MIN(RTE_MAX(n / 8, 64u), RTE_MIN(2 * half - n, t->max_buckets - n));
	uint32_t done = 0;

	while (done < k && split_copy(t, n + done - half, n + done))
		done++;
	if (done == 0)
		return;
	/* release: pairs with the acquire in exact_lookup_bulk() */
	__atomic_store_n(&t->n_buckets, n + done, __ATOMIC_RELEASE);
	synchronize(t);
	for (uint32_t i = 0; i < done; i++)
		split_clean(t, n + i - half);
	synchronize(t);
	for (uint32_t i = 0; i < done; i++)
		split_lift(t, n + i - half);
	synchronize(t);
	for (uint32_t i = 0; i < done; i++)
		split_drop(t, n + i - half);
}

uint64_t *exact_find(const struct exact_table *t, const uint64_t *key)
{
	switch (t->key_words) {
	case 1:
		return exact_match_chain(home_bucket(t, key), key, 1);
	case 2:
		return exact_match_chain(home_bucket(t, key), key, 2);
	default:
		return exact_match_chain(home_bucket(t, key), key, 5);
	}
}

int exact_put(struct exact_table *t, const uint64_t *key, uint64_t value)
{
	if (key[0] == 0)
		return -EINVAL;
	uint64_t *old = exact_find(t, key);

	if (old != NULL) {
		__atomic_store_n(old, value, __ATOMIC_RELAXED);
		return 0;
	}
	if (t->count >= t->capacity)
		return -ENOSPC;
	if (t->n_buckets < t->max_buckets &&
		(uint64_t)t->count * LOAD_DEN >= (uint64_t)t->n_buckets * slots_of(t) * LOAD_NUM)
		exact_grow(t);
	uint64_t *cell = take_slot(t, home_bucket(t, key));
	if (cell == NULL)
		return -ENOSPC;
	exact_publish(t, cell, key, value);
	t->count++;
	return 1;
}

int exact_delete(struct exact_table *t, const uint64_t *key)
{
	uint64_t *value = exact_find(t, key);

	if (value == NULL)
		return -ENOENT;
	struct exact_bucket *b = (struct exact_bucket *)((uintptr_t)value & ~(uintptr_t)63);

	kill_slot(t, b, home_bucket(t, key) - t->buckets, (value - b->cell) / (t->key_words + 1));
	t->count--;
	return 0;
}

void exact_scan(
	struct exact_table *t, uint64_t *cursor, uint32_t max_buckets, exact_visit fn, void *arg)
{
	uint64_t at = *cursor;

	for (; max_buckets > 0 && at < t->n_buckets; max_buckets--, at++)
		for (struct exact_bucket *b = &t->buckets[at]; b != NULL; b = b->next)
			for (uint32_t s = 0; s < slots_of(t); s++) {
				uint64_t *cell = slot_cell(t, b, s);

				if (cell[0] == 0 || !fn(cell, &cell[t->key_words], arg))
					continue;
				kill_slot(t, b, at, s);
				t->count--;
			}
	*cursor = at < t->n_buckets ? at : 0;
}
