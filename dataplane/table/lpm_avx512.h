/* SPDX-License-Identifier: BSD-3-Clause */
/* The descent of lpm_lookup.c for eight addresses at a time: the same steps without a branch that
 * depends on a route, since those cannot be foretold. Included there only, where the CPU can. */
#ifndef TABLE_LPM_AVX512_H
#define TABLE_LPM_AVX512_H

#include <immintrin.h>

#include "lpm_node.h"

#define LANES	     8
#define VALUE_OFFSET offsetof(struct lpm_slot, value)

/* A burst on its way down. */
struct descent {
	uint64_t at[LPM_BULK]; /* addresses of slots; of the pool's first, which is empty, when done
				*/
	uint64_t best[LPM_BULK]; /* addresses of the values of the longest matches so far */
	uint64_t depth[LPM_BULK];
	uint64_t hi[LPM_BULK], lo[LPM_BULK];
	uint32_t said[LPM_BULK]; /* by the arrays' entries */
} __rte_cache_aligned;

/* Eight slots, a field a vector. */
struct slots {
	__m512i meta, inner, outer, last;
};

static __rte_always_inline __m512i slot_pair(uint64_t a, uint64_t b)
{
	__m256i low = _mm256_load_si256((const __m256i *)(uintptr_t)a);

	return _mm512_inserti64x4(
		_mm512_castsi256_si512(low), _mm256_load_si256((const __m256i *)(uintptr_t)b), 1);
}

static __rte_always_inline struct slots slots_load(const uint64_t *at)
{
	const __m512i first = _mm512_setr_epi64(0, 1, 8, 9, 4, 5, 12, 13);
	const __m512i second = _mm512_setr_epi64(2, 3, 10, 11, 6, 7, 14, 15);
	__m512i a = slot_pair(at[0], at[4]), b = slot_pair(at[1], at[5]);
	__m512i c = slot_pair(at[2], at[6]), d = slot_pair(at[3], at[7]);
	__m512i ab = _mm512_unpacklo_epi64(a, b), cd = _mm512_unpacklo_epi64(c, d);
	__m512i ab_odd = _mm512_unpackhi_epi64(a, b), cd_odd = _mm512_unpackhi_epi64(c, d);

	return (struct slots){
		.meta = _mm512_permutex2var_epi64(ab, first, cd),
		.inner = _mm512_permutex2var_epi64(ab_odd, first, cd_odd),
		.outer = _mm512_permutex2var_epi64(ab, second, cd),
		.last = _mm512_permutex2var_epi64(ab_odd, second, cd_odd),
	};
}

static __rte_always_inline __m512i bit_of(__m512i place)
{
	return _mm512_sllv_epi64(_mm512_set1_epi64(1), place);
}

static __rte_always_inline __m512i count_below(__m512i bits, __m512i bit)
{
	__m512i below = _mm512_sub_epi64(bit, _mm512_set1_epi64(1));

	return _mm512_popcnt_epi64(_mm512_and_si512(bits, below));
}

/* As lpm_cover(). */
static __rte_always_inline __m512i covers(__m512i place)
{
	__m512i h = _mm512_or_si512(place, _mm512_set1_epi64(64)), cover = _mm512_set1_epi64(2);

	cover = _mm512_or_si512(cover, bit_of(_mm512_srli_epi64(h, 5)));
	cover = _mm512_or_si512(cover, bit_of(_mm512_srli_epi64(h, 4)));
	cover = _mm512_or_si512(cover, bit_of(_mm512_srli_epi64(h, 3)));
	cover = _mm512_or_si512(cover, bit_of(_mm512_srli_epi64(h, 2)));
	return _mm512_or_si512(cover, bit_of(_mm512_srli_epi64(h, 1)));
}

/* As lpm_window(). */
static __rte_always_inline __m512i windows(__m512i hi, __m512i lo, __m512i depth, const bool wide)
{
	__m512i x0 = _mm512_srli_epi64(hi, LPM_LEAD);

	if (!wide)
		return _mm512_sllv_epi64(x0, depth);
	__m512i x1 = _mm512_shldi_epi64(hi, lo, 64 - LPM_LEAD);
	__m512i x2 = _mm512_slli_epi64(lo, 64 - LPM_LEAD), zero = _mm512_setzero_si512();
	__mmask8 second = _mm512_cmpge_epu64_mask(depth, _mm512_set1_epi64(64));
	__mmask8 third = _mm512_cmpge_epu64_mask(depth, _mm512_set1_epi64(128));
	__m512i front = _mm512_mask_blend_epi64(second, x0, x1);
	__m512i back = _mm512_mask_blend_epi64(second, x1, x2);

	front = _mm512_mask_mov_epi64(front, third, x2);
	back = _mm512_mask_mov_epi64(back, third, zero);
	return _mm512_shldv_epi64(front, back, depth); /* the amount modulo 64 */
}

/* Lanes whose leaf covers the address. */
static __rte_always_inline __mmask8 leaves_match(
	const struct slots *s, __m512i hi, __m512i lo, const bool wide)
{
	__m512i length = _mm512_and_si512(_mm512_srli_epi64(s->meta, 1), _mm512_set1_epi64(0xff));
	__m512i same = _mm512_lzcnt_epi64(_mm512_xor_si512(hi, s->inner));

	if (wide) {
		__mmask8 all = _mm512_cmpeq_epi64_mask(hi, s->inner);

		same = _mm512_mask_add_epi64(
			same, all, same, _mm512_lzcnt_epi64(_mm512_xor_si512(lo, s->outer)));
	}
	return _mm512_cmpge_epu64_mask(same, length);
}

/* The addresses of the values of the nodes' longest routes in `hits`. */
static __rte_always_inline __m512i node_values(
	__m512i pool, __m512i at, const struct slots *s, __m512i block, __m512i hits)
{
	__m512i one = _mm512_set1_epi64(1);
	__m512i top = bit_of(_mm512_sub_epi64(_mm512_set1_epi64(63), _mm512_lzcnt_epi64(hits)));
	__m512i index = _mm512_slli_epi64(count_below(s->inner, top), 2);
	__m512i array = _mm512_add_epi64(block, _mm512_popcnt_epi64(s->outer));
	__mmask8 single = _mm512_testn_epi64_mask(s->inner, _mm512_sub_epi64(s->inner, one));

	array = _mm512_add_epi64(pool, _mm512_slli_epi64(array, 5));
	return _mm512_mask_add_epi64(
		_mm512_add_epi64(array, index), single, at, _mm512_set1_epi64(VALUE_OFFSET));
}

/* One step of eight addresses from lane i on. Which of them have another below. */
static __rte_always_inline __mmask8 descent_step(
	const struct lpm_slot *slot, struct descent *d, uint32_t i, const bool wide)
{
	const __m512i pool = _mm512_set1_epi64((uintptr_t)slot);
	struct slots s = slots_load(&d->at[i]);
	__m512i at = _mm512_load_si512(&d->at[i]), depth = _mm512_load_si512(&d->depth[i]);
	__m512i hi = _mm512_load_si512(&d->hi[i]), lo = _mm512_load_si512(&d->lo[i]);
	__m512i block = _mm512_and_si512(s.last, _mm512_set1_epi64(UINT32_MAX));
	__m512i skip = _mm512_and_si512(_mm512_srli_epi64(s.meta, 1), _mm512_set1_epi64(63));
	__m512i window = windows(hi, lo, depth, wide);
	__m512i kept = _mm512_srlv_epi64(_mm512_set1_epi64(-1), skip);
	__m512i differ = _mm512_andnot_si512(kept, _mm512_xor_si512(window, s.meta));
	__mmask8 leaf = _mm512_test_epi64_mask(s.meta, _mm512_set1_epi64(LPM_LEAF));
	__mmask8 node = _mm512_testn_epi64_mask(differ, differ) & ~leaf;
	__m512i place = _mm512_srli_epi64(_mm512_sllv_epi64(window, skip), 64 - LPM_STRIDE);
	__m512i hits = _mm512_and_si512(s.inner, covers(place));
	__mmask8 hit = _mm512_test_epi64_mask(hits, hits) & node;
	__m512i best = _mm512_load_si512(&d->best[i]);

	leaf &= leaves_match(&s, hi, lo, wide);
	best = _mm512_mask_mov_epi64(best, hit, node_values(pool, at, &s, block, hits));
	best = _mm512_mask_add_epi64(best, leaf, at, _mm512_set1_epi64(VALUE_OFFSET));
	_mm512_store_si512(&d->best[i], best);

	__m512i bit = bit_of(place);
	__mmask8 more = _mm512_test_epi64_mask(s.outer, bit) & node;
	__m512i child = _mm512_add_epi64(block, count_below(s.outer, bit));

	at = _mm512_mask_add_epi64(pool, more, pool, _mm512_slli_epi64(child, 5));
	depth = _mm512_add_epi64(depth, _mm512_add_epi64(skip, _mm512_set1_epi64(LPM_STRIDE)));
	_mm512_store_si512(&d->at[i], at);
	_mm512_store_si512(&d->depth[i], depth);
	return more;
}

static __rte_always_inline void descent_run(
	const struct lpm_slot *slot, struct descent *d, uint32_t lanes, const bool wide)
{
	bool more;

	do {
		more = false;
		for (uint32_t i = 0; i < lanes; i += LANES) {
			if (_mm512_cmpneq_epi64_mask(_mm512_load_si512(&d->at[i]),
				    _mm512_set1_epi64((uintptr_t)slot)) == 0)
				continue;
			if (descent_step(slot, d, i, wide) == 0)
				continue;
			more = true;
			for (uint32_t k = 0; k < LANES; k++)
				rte_prefetch0((const void *)(uintptr_t)d->at[i + k]);
		}
	} while (more);
}

#endif
