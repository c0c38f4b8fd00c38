/* SPDX-License-Identifier: BSD-3-Clause */
/* Exact-match table: bulk lookup for workers, one writer (the main thread), growth without stalls.
 *
 * A bucket is one cache line of entries (key words, then one value word):
 *
 *     key of 1 word:  k v k v k v k v    4 entries
 *     key of 2 words: k k v k k v - -    2 entries
 *     key of 5 words: k k k k k v - -    1 entry
 *
 * What finds no slot in its home bucket goes to the overflow bucket of its group: sixteen
 * neighbours share one, so those lines are few and stay in the cache. An overflow bucket holds 3, 2
 * or 1 entries and ends with the address of one more.
 *
 * Buckets are addressed by linear hashing: the table grows by splitting some of them at a time, in
 * memory that is reserved for the declared size from the start, so a small population stays dense
 * and a full one never rehashes. The first key word is never 0: 0 marks a slot without entry.
 * Publication is the release store of that word; it pairs with the acquire load in exact_match(). A
 * slot or bucket that a reader may still look at is reused only after a grace period, so a reader
 * never sees one entry's key with another's value.
 */
#ifndef TABLE_EXACT_H
#define TABLE_EXACT_H

#include <rte_branch_prediction.h>
#include <rte_common.h>
#include <rte_prefetch.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#ifdef __AVX512F__
#include <immintrin.h>
#endif

#define EXACT_CELLS	8
#define EXACT_KEY_WORDS 5
#define EXACT_BULK	128 /* the most keys of one bulk lookup */
#define EXACT_GROUP	4   /* log2 of how many buckets share an overflow bucket */
#define EXACT_NEXT	7   /* the cell of an overflow bucket that holds the next one's address */

struct exact_bucket {
	uint64_t cell[EXACT_CELLS];
} __rte_cache_aligned;
_Static_assert(sizeof(struct exact_bucket) == 64, "a bucket is one cache line");

struct exact_table {
	/* line 0: read per burst */
	struct exact_bucket *buckets;  /* [max_buckets] */
	struct exact_bucket *overflow; /* [groups] */
	uint32_t n_buckets; /* in use; grows. Release store in exact_grow(), acquire load in
			       exact_view() */
	uint32_t key_words;
	uint64_t seed[EXACT_KEY_WORDS]; /* random: nobody outside can aim at a bucket */
	/* line 1: the writer's */
	uint32_t max_buckets;
	uint32_t groups;
	uint32_t count;
	uint32_t capacity;
	uint32_t fresh; /* spare overflow buckets never used, from the end on */
	bool mapped;
	struct exact_bucket *spare;   /* overflow buckets not in use */
	struct exact_bucket *retired; /* unlinked, not yet past a grace period */
	uint8_t *marks;		      /* [max_buckets] bit a slot that waits for its grace period */
	struct exact_dead *dead;
	uint32_t dead_count;
	uint64_t bytes;
	const char *name;
} __rte_cache_aligned;
_Static_assert(offsetof(struct exact_table, max_buckets) == 64, "what a lookup reads is one line");

/* key_words 1, 2 or 5; capacity entries, memory for all of them reserved now. 0, -EINVAL or
 * -ENOMEM. Main thread. */
int exact_init(struct exact_table *t, const char *name, uint32_t key_words, uint32_t capacity);
/* The same in memory that the kernel gives as it is touched, in huge pages where it has them: for a
 * table that is as large as a limit and may stay empty. Main thread. */
int exact_init_mapped(
	struct exact_table *t, const char *name, uint32_t key_words, uint32_t capacity);
/* No reader may be left. */
void exact_fini(struct exact_table *t);

/* Adds or overwrites: 1 created, 0 updated, -ENOSPC at capacity, -EINVAL when the first key word is
 * 0. Main thread. */
int exact_put(struct exact_table *t, const uint64_t *key, uint64_t value);
/* The value word of a key (may be stored to with relaxed atomics), or NULL. Main thread; a worker
 * may call it for single packets as it may exact_lookup_bulk(), and loads the word once: main may
 * overwrite it. */
uint64_t *exact_find(const struct exact_table *t, const uint64_t *key);
/* 0 or -ENOENT. Main thread. */
int exact_delete(struct exact_table *t, const uint64_t *key);

/* Calls fn for the entries of up to max_buckets buckets from *cursor on; *cursor is 0 at first and
 * again when the end was reached. fn returning true deletes the entry. An entry that stays is never
 * missed, even when the table grows between calls (it may be seen twice). Main thread. */
typedef bool (*exact_visit)(const uint64_t *key, uint64_t *value, void *arg);
void exact_scan(
	struct exact_table *t, uint64_t *cursor, uint32_t max_buckets, exact_visit fn, void *arg);

/* ---- pages, for those who come back for the next one later ---- */

#define EXACT_CURSOR_WORDS 2

typedef void (*exact_add)(const uint64_t *key, uint64_t value, void *arg);

/* Calls fn for up to max entries (1 at least) from a cursor on: two words, 0 at first; the first
 * one is 0 again at the end. Returns how many. The cursor names the entry that came last, not a
 * place: whatever is put and deleted between two pages, an entry that stays is never missed (it may
 * be seen twice while the table grows). Any words will do for a cursor. Main thread. */
uint32_t exact_page(struct exact_table *t, uint64_t *cursor, uint32_t max, exact_add fn, void *arg);

/* ---- readers ---- */

/* Both halves of a product: every bit of the key reaches every bit of the result, for one
 * multiplication. */
static __rte_always_inline uint64_t exact_mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static __rte_always_inline uint32_t exact_hash(
	const uint64_t *seed, const uint64_t *key, const uint32_t words)
{
	uint64_t h = exact_mix(key[0] ^ seed[0], seed[1]);

	for (uint32_t i = 1; i < words; i++)
		h = exact_mix(key[i] ^ h, seed[(i + 1) % EXACT_KEY_WORDS]);
	return h;
}

/* The mask of the smallest power of two >= n; n > 1. */
static __rte_always_inline uint32_t exact_mask(uint32_t n)
{
	return UINT32_MAX >> __builtin_clz(n - 1);
}

/* Linear hashing: with n buckets, a hash addresses by the larger mask unless that bucket is not
 * split off yet. */
static __rte_always_inline uint32_t exact_index(uint32_t hash, uint32_t n, uint32_t mask)
{
	uint32_t i = hash & mask;

	return i < n ? i : i & (mask >> 1);
}

/* Entries of a bucket; an overflow bucket of 1-word keys gives its last slot for the next one's
 * address. */
static __rte_always_inline uint32_t exact_slots(const uint32_t words, const bool overflow)
{
	return words == 1 ? 4 - overflow : words == 2 ? 2 : 1;
}

/* The value word of a key in one bucket, or NULL: slot by slot. */
static __rte_always_inline uint64_t *exact_match_scalar(
	struct exact_bucket *b, const uint64_t *key, const uint32_t words, const bool overflow)
{
	for (uint32_t s = 0; s < exact_slots(words, overflow); s++) {
		uint64_t *cell = &b->cell[s * (words + 1)];

		/* acquire: pairs with the release in exact_publish() */
		if (__atomic_load_n(&cell[0], __ATOMIC_ACQUIRE) != key[0])
			continue;
		bool same = true;
		for (uint32_t i = 1; i < words; i++)
			same &= cell[i] == key[i];
		if (same)
			return &cell[words];
	}
	return NULL;
}

/* The same, at once where the CPU can. */
static __rte_always_inline uint64_t *exact_match(
	struct exact_bucket *b, const uint64_t *key, const uint32_t words, const bool overflow)
{
#ifdef __AVX512F__
	if (words == 1) {
		__m512i line = _mm512_load_si512(b);
		uint32_t hit = _mm512_cmpeq_epi64_mask(line, _mm512_set1_epi64(key[0]));

		hit &= overflow ? 0x15 : 0x55;
		__atomic_thread_fence(
			__ATOMIC_ACQUIRE); /* pairs with the release in exact_publish() */
		return hit ? &b->cell[__builtin_ctz(hit) + 1] : NULL;
	}
#endif
	return exact_match_scalar(b, key, words, overflow);
}

static __rte_always_inline struct exact_bucket *exact_next(struct exact_bucket *overflow)
{
	/* acquire: pairs with the release in chain_append() */
	return (struct exact_bucket *)(uintptr_t)__atomic_load_n(
		&overflow->cell[EXACT_NEXT], __ATOMIC_ACQUIRE);
}

/* The same in a group's overflow buckets, from b on. */
static __rte_always_inline uint64_t *exact_match_overflow(
	struct exact_bucket *b, const uint64_t *key, const uint32_t words)
{
	uint64_t *value;

	do {
		value = exact_match(b, key, words, true);
		b = exact_next(b);
	} while (value == NULL && b != NULL);
	return value;
}

/* What phase 1 reads of a table, for one burst: in registers, since the compiler may not assume
 * that the table stays as it is. */
struct exact_view {
	struct exact_bucket *buckets;
	uint32_t n, mask;
	uint64_t seed[EXACT_KEY_WORDS];
};

/* Valid until the caller's next quiescent state. Any registered reader. */
static __rte_always_inline struct exact_view exact_view(const struct exact_table *t)
{
	struct exact_view v = {.buckets = t->buckets,
		.n = __atomic_load_n(
			&t->n_buckets, __ATOMIC_ACQUIRE)}; /* pairs with exact_grow() */

	v.mask = exact_mask(v.n);
	for (uint32_t i = 0; i < EXACT_KEY_WORDS; i++)
		v.seed[i] = t->seed[i];
	return v;
}

/* Phase 1 of a lookup: the bucket of a key, on its way into the cache. The caller does something
 * useful before phase 2. */
static __rte_always_inline struct exact_bucket *exact_prefetch(
	const struct exact_view *v, const uint64_t *key, const uint32_t words)
{
	struct exact_bucket *b =
		&v->buckets[exact_index(exact_hash(v->seed, key, words), v->n, v->mask)];

	rte_prefetch0(b);
	return b;
}

/* Phase 2: n <= EXACT_BULK keys of `words` words (a constant, the table's own) in their buckets.
 * value[i] is the address of the value word, valid until the caller's next quiescent state, or
 * NULL. */
static __rte_always_inline void exact_match_bulk(const struct exact_table *t,
	struct exact_bucket *const *bucket, const uint64_t *keys, const uint32_t words, uint32_t n,
	uint64_t **value)
{
	struct exact_bucket *chain[EXACT_BULK];
	uint32_t index[EXACT_BULK];
	uint32_t late = 0;

	for (uint32_t i = 0; i < n; i++) {
		value[i] = exact_match(bucket[i], keys + i * words, words, false);
		if (unlikely(value[i] == NULL)) {
			chain[late] = &t->overflow[(bucket[i] - t->buckets) >> EXACT_GROUP];
			rte_prefetch0(chain[late]);
			index[late++] = i;
		}
	}
	/* overflow buckets: a second round of waiting, but for all of them at once */
	for (uint32_t k = 0; k < late; k++)
		value[index[k]] = exact_match_overflow(chain[k], keys + index[k] * words, words);
}

/* Both phases. */
static __rte_always_inline void exact_lookup_bulk(const struct exact_table *t, const uint64_t *keys,
	const uint32_t words, uint32_t n, uint64_t **value)
{
	struct exact_bucket *bucket[EXACT_BULK];
	struct exact_view view = exact_view(t);

	for (uint32_t i = 0; i < n; i++)
		bucket[i] = exact_prefetch(&view, keys + i * words, words);
	exact_match_bulk(t, bucket, keys, words, n, value);
}

#endif
