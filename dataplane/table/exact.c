/* SPDX-License-Identifier: BSD-3-Clause */
/* The writer's side of the exact-match table: memory, entries, grace periods, growth, pages. Main
 * thread only. Owns all buckets of a table: taken when it begins, given back when it ends; what is
 * mapped is used as it is touched. */
#include "exact.h"

#include <errno.h>
#include <rte_log.h>
#include <rte_malloc.h>
#include <rte_random.h>
#include <string.h>
#include <sys/mman.h>

#include "heap.h"
#include "rcu.h"
#include "reserve.h"

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

static uint32_t exact_group_of(uint32_t home)
{
	return home >> EXACT_GROUP;
}

/* ---- lists of overflow buckets that no chain has ---- */

static void exact_push(struct exact_bucket **list, struct exact_bucket *b)
{
	b->cell[EXACT_MARK_CELL] = (uint64_t)(uintptr_t)*list;
	*list = b;
}

static struct exact_bucket *exact_pop(struct exact_bucket **list)
{
	struct exact_bucket *b = *list;

	if (b != NULL)
		*list = (struct exact_bucket *)(uintptr_t)b->cell[EXACT_MARK_CELL];
	return b;
}

/* ==== memory ==== */

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

/* ==== entries ==== */

#define GROW_MAX 4096 /* buckets split in one step: about a millisecond of work */

static bool is_overflow(const struct exact_table *t, const struct exact_bucket *b)
{
	return b < t->buckets || b >= t->buckets + t->max_buckets;
}

static uint32_t slots_of(const struct exact_table *t, const struct exact_bucket *b)
{
	return exact_slots(t->key_words, is_overflow(t, b));
}

static uint64_t *slot_cell(const struct exact_table *t, struct exact_bucket *b, uint32_t slot)
{
	return &b->cell[slot * (t->key_words + 1)];
}

static bool is_marked(const struct exact_table *t, const struct exact_bucket *b, uint32_t slot)
{
	return (is_overflow(t, b) ? b->cell[EXACT_MARK_CELL] : t->marks[b - t->buckets]) >> slot &
	       1;
}

static void mark(struct exact_table *t, struct exact_bucket *b, uint32_t slot)
{
	if (is_overflow(t, b))
		b->cell[EXACT_MARK_CELL] |= 1ull << slot;
	else
		t->marks[b - t->buckets] |= 1u << slot;
}

static void unmark(struct exact_table *t, struct exact_bucket *b, uint32_t slot)
{
	if (is_overflow(t, b))
		b->cell[EXACT_MARK_CELL] &= ~(1ull << slot);
	else
		t->marks[b - t->buckets] &= ~(1u << slot);
}

/* ---- grace periods ---- */

static bool is_empty(const struct exact_table *t, struct exact_bucket *b)
{
	bool empty = b->cell[EXACT_MARK_CELL] == 0;

	for (uint32_t s = 0; s < slots_of(t, b); s++)
		empty &= *slot_cell(t, b, s) == 0;
	return empty;
}

/* Takes empty buckets out of a group's chain. Readers inside one go on by its next; it is reused
 * after another grace period. */
static void shorten(struct exact_table *t, uint32_t group)
{
	struct exact_bucket *prev = &t->overflow[group], *b;

	while ((b = exact_next(prev)) != NULL) {
		if (!is_empty(t, b)) {
			prev = b;
			continue;
		}
		__atomic_store_n(&prev->cell[EXACT_NEXT], b->cell[EXACT_NEXT], __ATOMIC_RELEASE);
		exact_push(&t->retired, b);
	}
}

/* A grace period has passed: what was dead before it is free again. */
static void synchronize(struct exact_table *t)
{
	struct exact_bucket *b;

	rcu_synchronize();
	while ((b = exact_pop(&t->retired)) != NULL) {
		memset(b, 0, sizeof(*b));
		exact_push(&t->spare, b);
	}
	for (uint32_t i = 0; i < t->dead_count; i++)
		unmark(t, t->dead[i].bucket, t->dead[i].slot);
	for (uint32_t i = 0; i < t->dead_count; i++)
		if (is_overflow(t, t->dead[i].bucket))
			shorten(t, t->dead[i].group);
	t->dead_count = 0;
}

/* The slot holds nothing from now on, and is free after a grace period. */
static void kill_slot(struct exact_table *t, struct exact_bucket *b, uint32_t group, uint32_t slot)
{
	__atomic_store_n(slot_cell(t, b, slot), 0, __ATOMIC_RELAXED);
	mark(t, b, slot);
	t->dead[t->dead_count++] = (struct exact_dead){.bucket = b, .group = group, .slot = slot};
	if (t->dead_count == EXACT_DEAD_MAX)
		synchronize(t);
}

/* ---- entries ---- */

static uint32_t home_of(const struct exact_table *t, const uint64_t *key, uint32_t n)
{
	return exact_index(exact_hash(t->seed, key, t->key_words), n, exact_mask(n));
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

static uint64_t *free_slot(struct exact_table *t, struct exact_bucket *b)
{
	for (uint32_t s = 0; s < slots_of(t, b); s++)
		if (*slot_cell(t, b, s) == 0 && !is_marked(t, b, s))
			return slot_cell(t, b, s);
	return NULL;
}

static struct exact_bucket *chain_append(struct exact_table *t, struct exact_bucket *last)
{
	struct exact_bucket *more = exact_pop(&t->spare);

	if (more == NULL && t->fresh > 0)
		more = &t->overflow[t->groups + --t->fresh];
	if (more == NULL) {
		more = rte_malloc(t->name, sizeof(*more), RTE_CACHE_LINE_SIZE);
		if (more == NULL)
			return NULL;
		t->bytes += sizeof(*more);
	}
	memset(more, 0, sizeof(*more));
	/* release: pairs with the acquire in exact_next() */
	__atomic_store_n(&last->cell[EXACT_NEXT], (uint64_t)(uintptr_t)more, __ATOMIC_RELEASE);
	return more;
}

/* A free slot for an entry of this home: there, or in its group's overflow; NULL when memory is
 * out. */
static uint64_t *take_slot(struct exact_table *t, uint32_t home)
{
	struct exact_bucket *b = &t->overflow[exact_group_of(home)];
	uint64_t *cell = free_slot(t, &t->buckets[home]);

	while (cell == NULL && b != NULL) {
		struct exact_bucket *next = exact_next(b);

		cell = free_slot(t, b);
		b = next != NULL || cell != NULL ? next : chain_append(t, b);
	}
	return cell;
}

/* ---- growth ---- */

/* Calls fn for the entries of a home bucket and its group's overflow. */
typedef void (*walk_fn)(
	struct exact_table *t, struct exact_bucket *b, uint32_t slot, uint32_t from, uint32_t arg);

static void walk(struct exact_table *t, uint32_t from, walk_fn fn, uint32_t arg)
{
	struct exact_bucket *b = &t->buckets[from];

	for (uint32_t s = 0; s < slots_of(t, b); s++)
		if (*slot_cell(t, b, s) != 0)
			fn(t, b, s, from, arg);
	for (b = &t->overflow[exact_group_of(from)]; b != NULL; b = exact_next(b))
		for (uint32_t s = 0; s < slots_of(t, b); s++)
			if (*slot_cell(t, b, s) != 0)
				fn(t, b, s, from, arg);
}

/* Copies what belongs to the new bucket `to`; readers do not look there yet. */
static void split_copy(
	struct exact_table *t, struct exact_bucket *b, uint32_t slot, uint32_t from, uint32_t to)
{
	uint64_t *cell = slot_cell(t, b, slot);

	if (home_of(t, cell, to + 1) != to)
		return;
	uint64_t *copy = take_slot(t, to);

	if (copy != NULL) {
		exact_publish(t, copy, cell, cell[t->key_words]);
	} else { /* the reserve and the heap are used up */
		RTE_LOG(ERR, USER1, "table %s: no memory, an entry is lost\n", t->name);
		t->count--;
	}
}

/* Clears what has moved from this home: since a grace period no reader looks for it here. */
static void split_clean(
	struct exact_table *t, struct exact_bucket *b, uint32_t slot, uint32_t from, uint32_t to)
{
	/* the two are in different groups, being a power of two of at least 64 apart */
	if (home_of(t, slot_cell(t, b, slot), t->n_buckets) == to)
		kill_slot(t, b, exact_group_of(from), slot);
}

/* Copies overflow entries of this home up into its free slots; the second copy is marked, for
 * split_drop(). */
static void split_lift(struct exact_table *t, struct exact_bucket *b, uint32_t slot, uint32_t from,
	uint32_t unused)
{
	uint64_t *cell = slot_cell(t, b, slot);

	if (!is_overflow(t, b) || is_marked(t, b, slot) || home_of(t, cell, t->n_buckets) != from)
		return;
	uint64_t *up = free_slot(t, &t->buckets[from]);

	if (up == NULL)
		return;
	exact_publish(t, up, cell, cell[t->key_words]);
	mark(t, b, slot);
}

/* After a grace period: takes the second copies away. */
static void split_drop(struct exact_table *t, struct exact_bucket *b, uint32_t slot, uint32_t from,
	uint32_t unused)
{
	if (is_overflow(t, b) && is_marked(t, b, slot))
		kill_slot(t, b, exact_group_of(from), slot);
}

/* Splits an eighth of the buckets, or as many as the round has left, three grace periods a step. */
static void exact_grow(struct exact_table *t)
{
	uint32_t n = t->n_buckets;
	uint32_t half = (exact_mask(n + 1) + 1) / 2;
	uint32_t k = RTE_MIN(RTE_MIN(RTE_MAX(n / 8, 64u), (uint32_t)GROW_MAX),
		RTE_MIN(2 * half - n, t->max_buckets - n));

	for (uint32_t to = n; to < n + k; to++)
		walk(t, to - half, split_copy, to);
	/* release: pairs with the acquire in exact_view() */
	__atomic_store_n(&t->n_buckets, n + k, __ATOMIC_RELEASE);
	synchronize(t);
	for (uint32_t to = n; to < n + k; to++)
		walk(t, to - half, split_clean, to);
	synchronize(t);
	for (uint32_t to = n; to < n + k; to++)
		walk(t, to - half, split_lift, 0);
	synchronize(t);
	for (uint32_t to = n; to < n + k; to++)
		walk(t, to - half, split_drop, 0);
}

/* ---- the interface ---- */

static __rte_always_inline uint64_t *find(
	const struct exact_table *t, const uint64_t *key, const uint32_t words)
{
	/* acquire: pairs with the release in exact_grow() */
	uint32_t home = home_of(t, key, __atomic_load_n(&t->n_buckets, __ATOMIC_ACQUIRE));
	uint64_t *value = exact_match(&t->buckets[home], key, words, false);

	return value != NULL ? value
			     : exact_match_overflow(&t->overflow[home >> EXACT_GROUP], key, words);
}

uint64_t *exact_find(const struct exact_table *t, const uint64_t *key)
{
	switch (t->key_words) {
	case 1:
		return find(t, key, 1);
	case 2:
		return find(t, key, 2);
	default:
		return find(t, key, 5);
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
		(uint64_t)t->count * EXACT_LOAD_DEN >=
			(uint64_t)t->n_buckets * exact_slots(t->key_words, false) * EXACT_LOAD_NUM)
		exact_grow(t);
	uint64_t *cell = take_slot(t, home_of(t, key, t->n_buckets));

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

	kill_slot(t, b, exact_group_of(home_of(t, key, t->n_buckets)),
		(value - b->cell) / (t->key_words + 1));
	t->count--;
	return 0;
}

/* Entries of one bucket, and of the overflow that belongs to it or to its group. */
static void scan_bucket(
	struct exact_table *t, struct exact_bucket *b, uint32_t group, exact_visit fn, void *arg)
{
	for (uint32_t s = 0; s < slots_of(t, b); s++) {
		uint64_t *cell = slot_cell(t, b, s);

		if (cell[0] == 0 || !fn(cell, &cell[t->key_words], arg))
			continue;
		t->count--;
		kill_slot(t, b, group, s);
	}
}

void exact_scan(
	struct exact_table *t, uint64_t *cursor, uint32_t max_buckets, exact_visit fn, void *arg)
{
	uint64_t at = *cursor;

	for (; max_buckets > 0 && at < t->n_buckets; max_buckets--, at++) {
		uint32_t group = exact_group_of(at);

		/* the group's overflow before its buckets: an entry that is lifted meanwhile is met
		 * again there, not missed */
		struct exact_bucket *b = at % (1u << EXACT_GROUP) == 0 ? &t->overflow[group] : NULL;

		while (b != NULL) {
			struct exact_bucket *next =
				exact_next(b); /* b may be retired while it is scanned */

			scan_bucket(t, b, group, fn, arg);
			b = next;
		}
		scan_bucket(t, &t->buckets[at], group, fn, arg);
	}
	*cursor = at < t->n_buckets ? at : 0;
}

/* ==== pages ==== */

/* Entries come bucket by bucket, as exact_scan() steps, and within a step in an order of their own
 * that follows from the key: that and the step say which came last. */

/* The entry of a step that comes next. */
struct next {
	const struct exact_table *t;
	uint64_t after, order;
	const uint64_t *key;
	const uint64_t *value;
};

/* Never 0. Two keys of a step with the same one would be one chance in 2^60. */
static uint64_t order_of(const struct exact_table *t, const uint64_t *key)
{
	uint64_t h = t->seed[0];

	for (uint32_t i = 0; i < t->key_words; i++)
		h = exact_mix(key[i] ^ h, t->seed[(i + 1) % EXACT_KEY_WORDS] | 1);
	return h | 1;
}

static bool visit(const uint64_t *key, uint64_t *value, void *arg)
{
	struct next *next = arg;
	uint64_t order = order_of(next->t, key);

	if (order <= next->after || (next->key != NULL && order >= next->order))
		return false;
	next->order = order;
	next->key = key;
	next->value = value;
	return false;
}

uint32_t exact_page(struct exact_table *t, uint64_t *cursor, uint32_t max, exact_add fn, void *arg)
{
	uint64_t step = cursor[0] != 0 ? cursor[0] - 1 : 0, after = cursor[1];
	uint32_t n = 0;

	for (;;) {
		struct next next = {.t = t, .after = after};
		uint64_t beyond = step;

		exact_scan(t, &beyond, 1, visit, &next);
		if (next.key != NULL && n == max) {
			cursor[0] = step + 1;
			cursor[1] = after;
			return n;
		}
		if (next.key != NULL) {
			fn(next.key, *next.value, arg);
			n++;
			after = next.order;
			continue;
		}
		after = 0;
		step = beyond;
		if (step == 0)
			break;
	}
	cursor[0] = cursor[1] = 0;
	return n;
}
