/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets of a burst that look like a tunnel's, before it is known whether they are. Used by
 * overlay_in.c alone. */
#ifndef PIPELINES_CANDIDATES_H
#define PIPELINES_CANDIDATES_H

#include "hot.h"

/* Candidates of one address family, in parallel arrays. */
struct candidates {
	uint32_t n;
	struct rte_mbuf *pkt[BURST_MAX];
	uint16_t strip[BURST_MAX]; /* bytes in front of the frame */
	uint8_t tos[BURST_MAX];
	bool csum_zero[BURST_MAX];
	uint8_t which[BURST_MAX]; /* its key; neighbours in a burst mostly come from the same site,
				     and share one */
	uint32_t keys;
	uint64_t key[(BURST_MAX + 1) * VTEP6_WORDS]; /* the first is all zero, and nobody's */
	uint64_t *value[BURST_MAX + 1];
};

static __rte_always_inline void candidates_init(struct candidates *c)
{
	c->n = c->keys = 0;
	for (uint32_t i = 0; i < VTEP6_WORDS; i++)
		c->key[i] = 0;
}

/* The key of candidate c->n: the one before it again, or a new one. */
static __rte_always_inline void candidate_key(
	struct candidates *c, const uint64_t *key, const uint32_t words)
{
	const uint64_t *last = &c->key[c->keys * words];
	bool same = true;

	for (uint32_t i = 0; i < words; i++)
		same &= key[i] == last[i];
	if (!same) {
		c->keys++;
		for (uint32_t i = 0; i < words; i++)
			c->key[c->keys * words + i] = key[i];
	}
	c->which[c->n] = c->keys;
}

#endif
