/* SPDX-License-Identifier: BSD-3-Clause */
/* The readers' side of the longest-prefix-match table. Runs on workers.
 *
 * All addresses of a burst go down their tries together, a node a round: what the next round looks
 * at is on its way into the cache meanwhile. */
#include "lpm_node.h"

#include <rte_branch_prediction.h>
#include <rte_prefetch.h>

#if defined(__AVX512VPOPCNTDQ__) && defined(__AVX512CD__) && defined(__AVX512VBMI2__) &&           \
	defined(__AVX512DQ__)
#define LPM_SIMD 1
#include "lpm_avx512.h"
#endif

/* One address on its way down. */
struct walker {
	uint64_t x[4];	      /* behind LPM_LEAD zero bits */
	uint64_t bits[2];     /* the address */
	const uint32_t *best; /* where the value of the longest match so far is */
	const struct lpm_slot *at;
	uint32_t depth;
	uint32_t said; /* by the array's entry */
};

/* Looks at one slot. Whether there is another below. */
static __rte_always_inline bool walker_step(
	const struct lpm_slot *pool, struct walker *w, const bool wide)
{
	const struct lpm_slot *s = w->at;
	uint64_t meta = s->meta;

	if (meta & LPM_LEAF) {
		uint32_t same = lpm_common(
			w->bits[0], wide ? w->bits[1] : 0, s->prefix[0], wide ? s->prefix[1] : 0);

		if (same >= lpm_leaf_length(s))
			w->best = &s->value;
		return false;
	}
	uint64_t window = wide ? lpm_window(w->x, w->depth) : w->x[0] << w->depth;
	uint32_t skip = lpm_skip(s);

	if (unlikely(((window ^ meta) & lpm_upper(skip)) != 0))
		return false;
	uint32_t place = window << skip >> (64 - LPM_STRIDE);
	uint64_t hits = s->inner & lpm_cover(place);

	if (hits != 0)
		w->best = lpm_values(pool, s) +
			  __builtin_popcountll(s->inner & lpm_below(lpm_top(hits)));
	if (!(s->outer >> place & 1))
		return false;
	w->at = &pool[s->block + __builtin_popcountll(s->outer & lpm_below(place))];
	w->depth += skip + LPM_STRIDE;
	return true;
}

/* An array's entry: what the short routes say, and a trie for the rest. Whether there is one. */
static __rte_always_inline bool walker_enter(
	const struct lpm_slot *pool, struct walker *w, uint64_t root)
{
	uint32_t kind = root & LPM_KIND_MASK;

	if (kind == 0) {
		w->at = (const struct lpm_slot *)(uintptr_t)root;
		return root != 0;
	}
	w->depth = lpm_kind_depth(kind);
	/* acquire: pairs with the release in root_set_trie() */
	uint64_t entry = __atomic_load_n(
		&lpm_array_of(root)->entry[w->x[0] >> (64 - w->depth)], __ATOMIC_ACQUIRE);

	w->said = entry >> 32;
	w->at = &pool[(uint32_t)entry];
	return (uint32_t)entry != 0;
}

/* What a lookup reads first: a slot, or an array's entry. */
static __rte_always_inline const void *root_first(uint64_t root, uint64_t hi)
{
	uint32_t kind = root & LPM_KIND_MASK;

	return kind == 0
		       ? (const void *)(uintptr_t)root
		       : &lpm_array_of(root)->entry[hi >> LPM_LEAD >> (64 - lpm_kind_depth(kind))];
}

static __rte_always_inline void walker_begin(
	struct walker *w, uint64_t hi, uint64_t lo, const bool wide)
{
	w->bits[0] = hi;
	w->x[0] = hi >> LPM_LEAD;
	if (wide) {
		w->bits[1] = lo;
		w->x[1] = hi << (64 - LPM_LEAD) | lo >> LPM_LEAD;
		w->x[2] = lo << (64 - LPM_LEAD);
		w->x[3] = 0;
	}
	w->best = &w->said;
	w->said = 0;
	w->depth = 0;
}

static __rte_always_inline void lookup_bulk_scalar(const struct lpm_table *t, const uint16_t *slice,
	const uint32_t *address4, const uint64_t (*address6)[2], uint32_t n, uint32_t *value,
	const bool wide)
{
	const struct lpm_slot *pool = t->slot;
	struct walker walker[LPM_BULK];
	uint64_t root[LPM_BULK];
	uint8_t active[LPM_BULK];
	uint32_t left = 0;

	for (uint32_t i = 0; i < n; i++) {
		uint64_t hi = wide ? address6[i][0] : (uint64_t)address4[i] << 32;

		/* acquire: pairs with the releases in lpm.c */
		root[i] = __atomic_load_n(&t->root[slice[i]], __ATOMIC_ACQUIRE);
		walker_begin(&walker[i], hi, wide ? address6[i][1] : 0, wide);
		rte_prefetch0(root_first(root[i], hi));
	}
	for (uint32_t i = 0; i < n; i++)
		if (walker_enter(pool, &walker[i], root[i])) {
			rte_prefetch0(walker[i].at);
			active[left++] = i;
		}
	while (left > 0) {
		uint32_t on = 0;

		for (uint32_t k = 0; k < left; k++) {
			struct walker *w = &walker[active[k]];

			if (walker_step(pool, w, wide)) {
				rte_prefetch0(w->at);
				active[on++] = active[k];
			} else {
				rte_prefetch0(w->best);
			}
		}
		left = on;
	}
	for (uint32_t i = 0; i < n; i++)
		value[i] = __atomic_load_n(walker[i].best, __ATOMIC_RELAXED);
}

#ifdef LPM_SIMD
/* An array's entry, or the slot that is all there is. */
static __rte_always_inline void descent_enter(
	const struct lpm_slot *pool, struct descent *d, uint32_t i, uint64_t root)
{
	d->said[i] = 0;
	d->depth[i] = 0;
	d->best[i] = (uintptr_t)&d->said[i];
	d->at[i] = root != 0 ? root : (uintptr_t)pool;
	if (root & LPM_KIND_MASK) {
		/* acquire: pairs with the release in root_set_trie() */
		uint64_t entry = __atomic_load_n(
			(const uint64_t *)root_first(root, d->hi[i]), __ATOMIC_ACQUIRE);

		d->said[i] = entry >> 32;
		d->depth[i] = lpm_kind_depth(root & LPM_KIND_MASK);
		d->at[i] = (uintptr_t)&pool[(uint32_t)entry];
	}
	rte_prefetch0((const void *)(uintptr_t)d->at[i]);
}

static __rte_always_inline void lookup_bulk_simd(const struct lpm_table *t, const uint16_t *slice,
	const uint32_t *address4, const uint64_t (*address6)[2], uint32_t n, uint32_t *value,
	const bool wide)
{
	struct descent d;
	uint64_t root[LPM_BULK];
	uint32_t lanes = RTE_ALIGN_MUL_CEIL(n, LANES);

	for (uint32_t i = 0; i < n; i++) {
		d.hi[i] = wide ? address6[i][0] : (uint64_t)address4[i] << 32;
		d.lo[i] = wide ? address6[i][1] : 0;
		/* acquire: pairs with the releases in lpm.c */
		root[i] = __atomic_load_n(&t->root[slice[i]], __ATOMIC_ACQUIRE);
		rte_prefetch0(root_first(root[i], d.hi[i]));
	}
	for (uint32_t i = 0; i < n; i++)
		descent_enter(t->slot, &d, i, root[i]);
	for (uint32_t i = n; i < lanes; i++) { /* idle */
		d.hi[i] = d.lo[i] = 0;
		descent_enter(t->slot, &d, i, 0);
	}
	descent_run(t->slot, &d, lanes, wide);
	for (uint32_t i = 0; i < n; i++)
		rte_prefetch0((const void *)(uintptr_t)d.best[i]);
	for (uint32_t i = 0; i < n; i++)
		value[i] =
			__atomic_load_n((const uint32_t *)(uintptr_t)d.best[i], __ATOMIC_RELAXED);
}
#endif

void lpm_lookup4_scalar(const struct lpm_table *t, const uint16_t *slice, const uint32_t *address,
	uint32_t n, uint32_t *value)
{
	lookup_bulk_scalar(t, slice, address, NULL, n, value, false);
}

void lpm_lookup6_scalar(const struct lpm_table *t, const uint16_t *slice,
	const uint64_t (*address)[2], uint32_t n, uint32_t *value)
{
	lookup_bulk_scalar(t, slice, NULL, address, n, value, true);
}

#ifdef LPM_SIMD
#define lookup_bulk lookup_bulk_simd
#else
#define lookup_bulk lookup_bulk_scalar
#endif

void lpm_lookup4_bulk(const struct lpm_table *t, const uint16_t *slice, const uint32_t *address,
	uint32_t n, uint32_t *value)
{
	lookup_bulk(t, slice, address, NULL, n, value, false);
}

void lpm_lookup6_bulk(const struct lpm_table *t, const uint16_t *slice,
	const uint64_t (*address)[2], uint32_t n, uint32_t *value)
{
	lookup_bulk(t, slice, NULL, address, n, value, true);
}
