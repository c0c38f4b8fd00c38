/* SPDX-License-Identifier: BSD-3-Clause */
/* Exact-match table: bulk lookup for workers, one writer (the main thread), growth without stalls.
 *
 * A bucket is one cache line: 48 bytes of entries (key words, then one value word) and 16 of
 * chaining:
 *
 *     key of 1 word:  k v k v k v | next dead     3 entries
 *     key of 2 words: k k v k k v | next dead     2 entries
 *     key of 5 words: k k k k k v | next dead     1 entry
 *
 * Buckets are addressed by linear hashing: the table grows by splitting a few buckets at a time, in
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
#include <stdint.h>
#ifdef __AVX512F__
#include <immintrin.h>
#endif

#define EXACT_CELLS	6
#define EXACT_KEY_WORDS 5
#define EXACT_BULK	128 /* the most keys of one bulk lookup */

struct exact_bucket {
	uint64_t cell[EXACT_CELLS];
	struct exact_bucket *next;
	uint64_t dead; /* writer's: bit a slot that waits for its grace period */
} __rte_cache_aligned;
_Static_assert(sizeof(struct exact_bucket) == 64, "a bucket is one cache line");

struct exact_table {
	/* line 0: read per burst */
	struct exact_bucket *buckets;
	uint32_t n_buckets; /* in use; grows. Release store in grow, acquire load in exact_mask() */
	uint32_t key_words;
	uint64_t seed[EXACT_KEY_WORDS + 1]; /* random: nobody outside can aim at a bucket */
	/* line 1: the writer's */
	uint32_t max_buckets;
	uint32_t count;
	uint32_t capacity;
	struct exact_bucket *spare;   /* overflow buckets not in use */
	struct exact_bucket *retired; /* unlinked, not yet past a grace period */
	struct exact_dead *dead;
	uint32_t dead_count;
	uint64_t bytes;
	const char *name;
} __rte_cache_aligned;

/* key_words 1, 2 or 5; capacity entries, memory for all of them reserved now. 0, -EINVAL or
 * -ENOMEM. Main thread. */
int exact_init(struct exact_table *t, const char *name, uint32_t key_words, uint32_t capacity);
/* No reader may be left. */
void exact_fini(struct exact_table *t);

/* Adds or overwrites: 1 created, 0 updated, -ENOSPC at capacity, -EINVAL when the first key word is
 * 0. Main thread. */
int exact_put(struct exact_table *t, const uint64_t *key, uint64_t value);
/* The value word of a key (may be stored to with relaxed atomics), or NULL. Main thread. */
uint64_t *exact_find(const struct exact_table *t, const uint64_t *key);
/* 0 or -ENOENT. Main thread. */
int exact_delete(struct exact_table *t, const uint64_t *key);

/* Calls fn for the entries of up to max_buckets buckets from *cursor on; *cursor is 0 at first and
 * again when the end was reached. fn returning true deletes the entry. An entry that stays is never
 * missed, even when the table grows between calls (it may be seen twice). Main thread. */
typedef bool (*exact_visit)(const uint64_t *key, uint64_t *value, void *arg);
void exact_scan(
	struct exact_table *t, uint64_t *cursor, uint32_t max_buckets, exact_visit fn, void *arg);

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
		h = exact_mix(key[i] ^ h, seed[i + 1]);
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

/* The value word of a key in one bucket, or NULL: slot by slot. */
static __rte_always_inline uint64_t *exact_match_scalar(
	struct exact_bucket *b, const uint64_t *key, const uint32_t words)
{
	const uint32_t step = words + 1;

	for (uint32_t s = 0; s + step <= EXACT_CELLS; s += step) {
		/* acquire: pairs with the release in exact_publish() */
		if (__atomic_load_n(&b->cell[s], __ATOMIC_ACQUIRE) != key[0])
			continue;
		bool same = true;
		for (uint32_t i = 1; i < words; i++)
			same &= b->cell[s + i] == key[i];
		if (same)
			return &b->cell[s + words];
	}
	return NULL;
}

/* The same, at once where the CPU can. */
static __rte_always_inline uint64_t *exact_match(
	struct exact_bucket *b, const uint64_t *key, const uint32_t words)
{
#ifdef __AVX512F__
	if (words == 1) {
		__m512i line = _mm512_load_si512(b);
		uint32_t hit = _mm512_cmpeq_epi64_mask(line, _mm512_set1_epi64(key[0])) & 0x15;

		__atomic_thread_fence(
			__ATOMIC_ACQUIRE); /* pairs with the release in exact_publish() */
		return hit ? &b->cell[__builtin_ctz(hit) + 1] : NULL;
	}
#endif
	return exact_match_scalar(b, key, words);
}

static __rte_always_inline uint64_t *exact_match_chain(
	struct exact_bucket *b, const uint64_t *key, const uint32_t words)
{
	do {
		uint64_t *value = exact_match(b, key, words);

		if (likely(value != NULL))
			return value;
		b = __atomic_load_n(&b->next, __ATOMIC_ACQUIRE); /* pairs with take_slot() */
	} while (b != NULL);
	return NULL;
}

/* What phase 1 reads of a table, for one burst: in registers, since the compiler may not assume
 * that the table stays as it is. */
struct exact_view {
	struct exact_bucket *buckets;
	uint32_t n, mask;
	uint64_t seed[EXACT_KEY_WORDS + 1];
};

/* Valid until the caller's next quiescent state. Any registered reader. */
static __rte_always_inline struct exact_view exact_view(const struct exact_table *t)
{
	struct exact_view v = {.buckets = t->buckets,
		.n = __atomic_load_n(
			&t->n_buckets, __ATOMIC_ACQUIRE)}; /* pairs with exact_grow() */

	v.mask = exact_mask(v.n);
	for (uint32_t i = 0; i <= EXACT_KEY_WORDS; i++)
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
static __rte_always_inline void exact_match_bulk(struct exact_bucket *const *bucket,
	const uint64_t *keys, const uint32_t words, uint32_t n, uint64_t **value)
{
	struct exact_bucket *chain[EXACT_BULK];
	uint32_t index[EXACT_BULK];
	uint32_t late = 0;

	for (uint32_t i = 0; i < n; i++) {
		struct exact_bucket *b = bucket[i];

		value[i] = exact_match(b, keys + i * words, words);
		if (unlikely(value[i] == NULL)) {
			b = __atomic_load_n(
				&b->next, __ATOMIC_ACQUIRE); /* pairs with take_slot() */
			if (b != NULL) {
				rte_prefetch0(b);
				chain[late] = b;
				index[late++] = i;
			}
		}
	}
	/* overflow buckets: a second round of waiting, but for all of them at once */
	for (uint32_t k = 0; k < late; k++)
		value[index[k]] = exact_match_chain(chain[k], keys + index[k] * words, words);
}

/* Both phases. */
static __rte_always_inline void exact_lookup_bulk(const struct exact_table *t, const uint64_t *keys,
	const uint32_t words, uint32_t n, uint64_t **value)
{
	struct exact_bucket *bucket[EXACT_BULK];
	struct exact_view view = exact_view(t);

	for (uint32_t i = 0; i < n; i++)
		bucket[i] = exact_prefetch(&view, keys + i * words, words);
	exact_match_bulk(bucket, keys, words, n, value);
}

#endif
