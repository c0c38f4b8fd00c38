/* SPDX-License-Identifier: BSD-3-Clause */
/* Long lists: for each field of a packet a bitmap of the filters that take its value, and all of
 * them ANDed (Lakshman and Stiliadis, SIGCOMM 1998). The values of a field fall into ranges that no
 * filter tells apart; equal bitmaps are one row. A packet costs a bit a filter and field; building
 * is a sweep over the ranges, however much filters overlap. Rows are made by rules_classify.c on
 * the main thread; included by rules_classify.c. */
#ifndef UPF_RULES_WIDE_H
#define UPF_RULES_WIDE_H

#include <rte_prefetch.h>

#include "burst.h"
#include "rules_hot.h"

#define WIDE_FIELDS    14	   /* eight words of addresses, two ports, four bytes of the word */
#define WIDE_NODE      16	   /* ranges compared at a time */
#define WIDE_LEVELS    5	   /* of nodes: for as many ranges as there can be */
#define WIDE_MAX_BYTES (64u << 20) /* a list that would take more is scanned */

#define OF_REMOTE      0 /* and three more words */
#define OF_LOCAL       4
#define OF_REMOTE_PORT 8
#define OF_LOCAL_PORT  9
#define OF_WORD	       10 /* its bytes */
_Static_assert(offsetof(struct flow_key, remote) == 0 && offsetof(struct flow_key, local) == 16 &&
		       offsetof(struct flow_key, remote_port) == 32 &&
		       offsetof(struct flow_key, local_port) == 34 &&
		       offsetof(struct flow_key, proto) == 36,
	"fields are found by number");

struct wide_field {
	uint8_t of;	/* OF_* */
	uint8_t levels; /* OF_WORD: none, row[] is by value */
	uint32_t n[WIDE_LEVELS];
	uint32_t *low[WIDE_LEVELS]; /* first values of the ranges; of every sixteenth of them; … */
	uint32_t *row;		    /* of each range, in lines of rows */
	uint8_t *rows;
};

struct rules_wide {
	uint32_t lines;	    /* of a row */
	uint32_t fields[2]; /* IPv4, IPv6: only those that filters look at */
	struct wide_field field[2][WIDE_FIELDS];
	size_t bytes;
};

/* Main thread. NULL: no memory for it, or more than WIDE_MAX_BYTES. */
struct rules_wide *wide_build(const struct rules *r);
void wide_free(struct rules_wide *w);

/* ---- workers ---- */

static __rte_always_inline uint32_t wide_value(const struct flow_key *key, uint32_t of)
{
	const uint8_t *at = (const uint8_t *)key;

	if (of < OF_REMOTE_PORT)
		return *(const wire32_t *)(at + 4 * of);
	if (of < OF_WORD)
		return *(const wire16_t *)(at + 32 + 2 * (of - OF_REMOTE_PORT));
	return at[36 + of - OF_WORD];
}

/* How many of a node's are not above x: at least one, and the padding only of the greatest. */
static __rte_always_inline uint32_t wide_below(const uint32_t *low, uint32_t x)
{
#ifdef __AVX512F__
	return __builtin_popcount(
		_mm512_cmple_epu32_mask(_mm512_load_si512(low), _mm512_set1_epi32(x)));
#else
	uint32_t n = 0;

	for (uint32_t i = 0; i < WIDE_NODE; i++)
		n += low[i] <= x;
	return n;
#endif
}

/* The rows of k packets for one field: level by level, so that their loads overlap. */
static __rte_always_inline void wide_find(const struct wide_field *f, const struct flow_key *key,
	uint32_t k, const uint8_t *row[][WIDE_FIELDS], uint32_t field)
{
	uint32_t value[BURST_MAX], at[BURST_MAX];

	for (uint32_t i = 0; i < k; i++) {
		value[i] = wide_value(&key[i], f->of);
		at[i] = f->levels == 0 ? value[i] : 0;
	}
	for (uint32_t l = f->levels; l-- > 0;)
		for (uint32_t i = 0; i < k; i++) {
			uint32_t node = at[i] * WIDE_NODE;

			at[i] = node + wide_below(&f->low[l][node], value[i]) - 1;
			at[i] = RTE_MIN(at[i], f->n[l] - 1);
		}
	for (uint32_t i = 0; i < k; i++) {
		row[i][field] = f->rows + 64ul * f->row[at[i]];
		rte_prefetch0(row[i][field]);
	}
}

/* One line of the rows ANDed; false: nothing is left. */
static __rte_always_inline bool wide_and(
	const uint8_t *const *row, uint32_t fields, uint32_t line, uint64_t *bits)
{
#ifdef __AVX512F__
	__m512i all = _mm512_load_si512(row[0] + 64ul * line);

	for (uint32_t f = 1; f < fields; f++)
		all = _mm512_and_si512(all, _mm512_load_si512(row[f] + 64ul * line));
	_mm512_store_si512(bits, all);
	return _mm512_test_epi64_mask(all, all) != 0;
#else
	uint64_t any = 0;

	for (uint32_t i = 0; i < 8; i++) {
		bits[i] = UINT64_MAX;
		for (uint32_t f = 0; f < fields; f++)
			bits[i] &= ((const uint64_t *)(row[f] + 64ul * line))[i];
		any |= bits[i];
	}
	return any != 0;
#endif
}

static __rte_always_inline struct rules_result wide_first(const struct rules *r,
	const struct flow_key *key, const uint8_t *const *row, uint32_t fields)
{
	uint64_t bits[8] __rte_cache_aligned;
	uint32_t skip = 0;

	for (uint32_t line = 0; line < r->wide->lines; line++) {
		if (!wide_and(row, fields, line, bits))
			continue;
		for (uint32_t lane = 0; lane < 8; lane++)
			for (uint64_t left = bits[lane]; left != 0; left &= left - 1) {
				uint32_t i = line * 512 + lane * 64 + rte_bsf64(left);
				const struct rules_entry *e = &r->entry[i];

				if (i < skip || (e->flags & ENTRY_WIDE_DOUBT &&
							!rules_entry_matches(r, e, key)))
					continue;
				if (likely(!(e->flags & ENTRY_DENY)))
					return entry_result(e);
				skip = rules_next(r, i);
			}
	}
	return rules_nothing();
}

/* k packets of one address family. */
static __rte_always_inline void rules_wide(
	const struct rules *r, const struct flow_key *key, uint32_t k, struct rules_result *result)
{
	const uint8_t *row[BURST_MAX][WIDE_FIELDS];
	const struct rules_wide *w = r->wide;
	uint32_t family = key->flags & KEY_V6 ? 1 : 0;

	for (uint32_t f = 0; f < w->fields[family]; f++)
		wide_find(&w->field[family][f], key, k, row, f);
	for (uint32_t i = 0; i < k; i++)
		result[i] = wide_first(r, &key[i], row[i], w->fields[family]);
}

#endif
