/* SPDX-License-Identifier: BSD-3-Clause */
/* How a trie of the longest-prefix-match table lies in memory. Private to dataplane/table/lpm*.c.
 *
 * Depths count bits from five zero bits in front of the address, and nodes begin at multiples of
 * six: so the lengths 19 to 24 share a node, 43 to 48 too, and a /24 or /48 costs four bytes there
 * instead of a slot of its own. Below, "depth" and "end" are in those bits; "length" is what people
 * write behind the slash.
 *
 * Inside a node a prefix of r bits (0 to 5) of value v is bit (1 << r) + v of `inner`, so that of
 * those which cover an address the highest bit is the longest. Its values follow the children in
 * the node's block, in the order of the bits; when there is only one it is in the slot. */
#ifndef TABLE_LPM_NODE_H
#define TABLE_LPM_NODE_H

#include "lpm.h"

#include <string.h>

#define LPM_LEAD   5 /* zero bits in front of every address */
#define LPM_STRIDE 6
#define LPM_SKIP   54 /* the most bits a slot skips, a multiple of LPM_STRIDE */

#define LPM_LEAF 1ull /* in `meta` */

struct lpm_slot {
	/* a leaf: LPM_LEAF | length << 1.
	 * a node: skipped bits from the top, how many << 1 */
	uint64_t meta;
	union {
		struct {
			uint64_t inner; /* routes */
			uint64_t outer; /* children */
		};
		uint64_t prefix[2]; /* of a leaf, zero beyond its length */
	};
	uint32_t block; /* of a node: index of its first child */
	uint32_t value; /* of a leaf, or of a node with one route */
} __rte_aligned(32);
_Static_assert(sizeof(struct lpm_slot) == 32, "two slots a cache line");

/* An array over the first bits of the addresses: of kind 1 over 7, of kind 2 over 13, of kind 3
 * over 19. */
#define LPM_KINDS     4 /* 0 is a trie without */
#define LPM_KIND_MASK 3ull
struct lpm_array {
	struct lpm_slot *shorts; /* a trie of the routes that end above the entries; the writer's */
	uint64_t entry[] __rte_cache_aligned; /* slot index, value of the longest short route << 32
					       */
};

static __rte_always_inline uint32_t lpm_kind_depth(uint32_t kind)
{
	return (kind + 1) * LPM_STRIDE;
}

static __rte_always_inline struct lpm_array *lpm_array_of(uint64_t root)
{
	return (struct lpm_array *)(uintptr_t)(root & ~LPM_KIND_MASK);
}

static __rte_always_inline bool lpm_is_leaf(const struct lpm_slot *s)
{
	return s->meta & LPM_LEAF;
}

static __rte_always_inline uint32_t lpm_leaf_length(const struct lpm_slot *s)
{
	return s->meta >> 1 & 0xff;
}

static __rte_always_inline uint32_t lpm_skip(const struct lpm_slot *s)
{
	return s->meta >> 1 & 63;
}

/* The upper n < 64 bits. */
static __rte_always_inline uint64_t lpm_upper(uint32_t n)
{
	return ~(UINT64_MAX >> n);
}

/* The bits below bit n < 64. */
static __rte_always_inline uint64_t lpm_below(uint32_t n)
{
	return (1ull << n) - 1;
}

/* The bits of `inner` that cover a child's place: its ancestors in the heap. */
static __rte_always_inline uint64_t lpm_cover(uint32_t place)
{
	uint32_t h = 64 + place;

	return 1ull << (h >> 1) | 1ull << (h >> 2) | 1ull << (h >> 3) | 1ull << (h >> 4) |
	       1ull << (h >> 5) | 1ull << (h >> 6);
}

static __rte_always_inline uint32_t lpm_top(uint64_t x)
{
	return 63 - __builtin_clzll(x);
}

/* The values of a node; the slot's own when it is only one. */
static __rte_always_inline const uint32_t *lpm_values(
	const struct lpm_slot *pool, const struct lpm_slot *s)
{
	if ((s->inner & (s->inner - 1)) == 0)
		return &s->value;
	return (const uint32_t *)&pool[s->block + __builtin_popcountll(s->outer)];
}

/* 64 bits of (lead, address) from a depth on; x has a word more than is used. */
static __rte_always_inline uint64_t lpm_window(const uint64_t *x, uint32_t depth)
{
	uint32_t shift = depth & 63;

	return x[depth >> 6] << shift | x[(depth >> 6) + 1] >> 1 >> (63 - shift);
}

/* Equal bits of two addresses from the front, at most 128. */
static __rte_always_inline uint32_t lpm_common(uint64_t a0, uint64_t a1, uint64_t b0, uint64_t b1)
{
	uint64_t d0 = a0 ^ b0, d1 = a1 ^ b1;

	return d0 != 0 ? __builtin_clzll(d0) : d1 != 0 ? 64 + __builtin_clzll(d1) : 128;
}

/* ---- the writer's ---- */

/* A prefix (or an address) in both forms. */
struct lpm_key {
	uint64_t prefix[2]; /* upper and lower half, zero beyond the end */
	uint64_t x[4];	    /* the same behind LPM_LEAD zero bits */
	uint32_t end;	    /* LPM_LEAD + length */
};

void lpm_key_set(struct lpm_key *k, uint64_t hi, uint64_t lo, uint32_t length);
/* The key's first `depth` bits and then those of bit h of a node there. */
void lpm_key_inner(struct lpm_key *out, const uint64_t *x, uint32_t depth, uint32_t h);

/* lpm_pool.c: blocks of 32-byte units */
int lpm_pool_init(struct lpm_table *t);
void lpm_pool_fini(struct lpm_table *t);
/* Room for one change, whatever it copies; for a new route also for deletions to come, which thus
 * cannot fail even where the kernel gives no more; and for n routes more. 0 or -ENOMEM. */
int lpm_pool_ready(struct lpm_table *t);
int lpm_pool_ready_put(struct lpm_table *t);
int lpm_pool_reserve(struct lpm_table *t, uint32_t n);
/* Never fails after lpm_pool_ready(). */
uint32_t lpm_alloc(struct lpm_table *t, uint32_t units);
/* Nobody ever saw it. */
void lpm_release(struct lpm_table *t, uint32_t block);
/* Readers may see it until the change that replaces it is published. */
void lpm_retire(struct lpm_table *t, uint32_t block);
/* After publication: hands what was retired on to RCU when it is much. */
void lpm_retired(struct lpm_table *t);

/* lpm_tree.c: tries. `s` is the caller's copy of a trie's first slot, at `depth`; meta of an empty
 * trie is LPM_EMPTY. */
#define LPM_EMPTY UINT64_MAX
void lpm_tree_put(struct lpm_table *t, struct lpm_slot *s, uint32_t depth, const struct lpm_key *k,
	uint32_t value);
/* The route must be there. */
void lpm_tree_delete(
	struct lpm_table *t, struct lpm_slot *s, uint32_t depth, const struct lpm_key *k);
void lpm_tree_retire(struct lpm_table *t, const struct lpm_slot *s);
/* The place of a route's value, or NULL. */
const uint32_t *lpm_tree_find(const struct lpm_table *t, const struct lpm_slot *s, uint32_t depth,
	const struct lpm_key *k);
/* The longest match of at most max_end, or 0; its end. */
uint32_t lpm_tree_covering(const struct lpm_table *t, const struct lpm_slot *s, uint32_t depth,
	const struct lpm_key *k, uint32_t max_end, uint32_t *end);

/* lpm_lookup.c: lookups without SIMD, for tests to compare with */
void lpm_lookup4_scalar(const struct lpm_table *t, const uint16_t *slice, const uint32_t *address,
	uint32_t n, uint32_t *value);
void lpm_lookup6_scalar(const struct lpm_table *t, const uint16_t *slice,
	const uint64_t (*address)[2], uint32_t n, uint32_t *value);

#endif
