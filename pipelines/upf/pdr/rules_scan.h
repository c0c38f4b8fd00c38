/* SPDX-License-Identifier: BSD-3-Clause */
/* Sixteen filters at a time: their fields side by side, compared with one packet's without a branch
 * until there is a candidate. Where the CPU has no AVX-512, rules_scan_scalar() goes through the
 * entries. Included by rules_classify.c; blocks are made by rules_classify.c. */
#ifndef UPF_RULES_SCAN_H
#define UPF_RULES_SCAN_H

#include "rules_hot.h"

#define SCAN_LANES 16

struct scan_block {
	uint32_t word[SCAN_LANES], word_mask[SCAN_LANES];
	uint32_t remote[SCAN_LANES], remote_mask[SCAN_LANES]; /* the first word */
	uint32_t local[SCAN_LANES], local_mask[SCAN_LANES];
	uint16_t ports_low[2 * SCAN_LANES];  /* remote's and local's of each */
	uint16_t ports_span[2 * SCAN_LANES]; /* high - low */
} __rte_aligned(64);
_Static_assert(sizeof(struct scan_block) == 512, "eight lines");

/* The other words of IPv6 addresses, of lists that look at them. */
struct scan_block6 {
	uint32_t remote[3][SCAN_LANES], remote_mask[3][SCAN_LANES];
	uint32_t local[3][SCAN_LANES], local_mask[3][SCAN_LANES];
} __rte_aligned(64);

/* Main thread: blocks for n entries, and whether they need more than the first words. */
bool scan_is_wide6(const struct rules_entry *entry, uint32_t n);
void scan_build(const struct rules_entry *entry, uint32_t n, struct scan_block *block,
	struct scan_block6 *block6);

#ifdef __AVX512BW__
#include <immintrin.h>

#define SCAN_HAS_BLOCKS 1
#define DIFFER		0x28 /* (a ^ b) & c */
#define ANY_OF		0xfe /* a | b | c */

/* What a packet is compared by, in all lanes. */
struct scan_key {
	__m512i word, remote, local, ports;
};

static __rte_always_inline struct scan_key scan_key_of(const struct flow_key *key)
{
	return (struct scan_key){
		.word = _mm512_set1_epi32(key_word(key)),
		.remote = _mm512_set1_epi32(key->remote[0]),
		.local = _mm512_set1_epi32(key->local[0]),
		.ports = _mm512_set1_epi32(key_ports(key)),
	};
}

static __rte_always_inline __m512i scan_differ(
	__m512i x, const uint32_t *value, const uint32_t *mask)
{
	return _mm512_ternarylogic_epi32(
		x, _mm512_load_si512(value), _mm512_load_si512(mask), DIFFER);
}

/* What of the words after the first does not fit. */
static __rte_always_inline __m512i scan_rest(
	const struct scan_block6 *b, const struct flow_key *key)
{
	__m512i miss = _mm512_setzero_si512();

	for (uint32_t i = 0; i < 3; i++) {
		__m512i remote = scan_differ(
			_mm512_set1_epi32(key->remote[i + 1]), b->remote[i], b->remote_mask[i]);
		__m512i local = scan_differ(
			_mm512_set1_epi32(key->local[i + 1]), b->local[i], b->local_mask[i]);

		miss = _mm512_ternarylogic_epi32(miss, remote, local, ANY_OF);
	}
	return miss;
}

/* Which of a block's filters may match. */
static __rte_always_inline uint32_t scan_candidates(const struct scan_block *b,
	const struct scan_block6 *b6, const struct scan_key *k, const struct flow_key *key)
{
	__m512i ports = _mm512_sub_epi16(k->ports, _mm512_load_si512(b->ports_low));
	__m512i miss = _mm512_subs_epu16(ports, _mm512_load_si512(b->ports_span));
	__m512i word = scan_differ(k->word, b->word, b->word_mask);
	__m512i remote = scan_differ(k->remote, b->remote, b->remote_mask);
	__m512i local = scan_differ(k->local, b->local, b->local_mask);

	miss = _mm512_or_si512(miss, _mm512_ternarylogic_epi32(word, remote, local, ANY_OF));
	if (b6 != NULL)
		miss = _mm512_or_si512(miss, scan_rest(b6, key));
	return _mm512_testn_epi32_mask(miss, miss);
}

static __rte_always_inline struct rules_result rules_scan(
	const struct rules *r, const struct flow_key *key)
{
	const struct scan_block6 *b6 = key->flags & KEY_V6 ? r->block6 : NULL;
	const struct scan_key k = scan_key_of(key);
	uint32_t skip = 0;

	for (uint32_t b = 0; b < r->blocks; b++) {
		uint32_t mask = scan_candidates(&r->block[b], b6 != NULL ? &b6[b] : NULL, &k, key);

		for (; mask != 0; mask &= mask - 1) {
			uint32_t i = b * SCAN_LANES + rte_bsf32(mask);
			const struct rules_entry *e = &r->entry[i];

			if (likely((e->flags & (ENTRY_DENY | ENTRY_SCAN_DOUBT)) == 0 && i >= skip))
				return entry_result(e);
			if (i < skip || !rules_entry_matches(r, e, key))
				continue;
			if (!(e->flags & ENTRY_DENY))
				return entry_result(e);
			skip = rules_next(r, i);
		}
	}
	return rules_nothing();
}
#else
static __rte_always_inline struct rules_result rules_scan(
	const struct rules *r, const struct flow_key *key)
{
	return rules_scan_scalar(r, key);
}
#endif

#endif
