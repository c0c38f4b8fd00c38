/* SPDX-License-Identifier: BSD-3-Clause */
/* Which of a burst's packets are to UEs: asked in route.c's first phase, answered in its second
 * one, when what says it has come into the cache. For slices with sessions. */
#ifndef PIPELINES_ROUTE_UE_H
#define PIPELINES_ROUTE_UE_H

#include "burst.h"
#include "session_hot.h"
#include "ue_page.h"

/* Packets by their place in the burst. */
struct ue_hashed {
	uint32_t n;
	uint8_t at[BURST_MAX];
	uint64_t key[BURST_MAX * 2]; /* of one word for IPv4, two for IPv6 */
	struct exact_bucket *bucket[BURST_MAX];
	struct exact_view view; /* once there is a packet */
};

/* IPv4, of a /24 with a page. */
struct ue_paged {
	uint32_t n;
	uint8_t at[BURST_MAX];
	const uint32_t *owner[BURST_MAX];
};

struct ues {
	struct ue_hashed v4, v6;
	struct ue_paged paged;
};

static __rte_always_inline void ues_begin(struct ues *u)
{
	u->v4.n = u->v6.n = u->paged.n = 0;
}

/* False: it is no UE's. */
static __rte_always_inline bool ues_ask4(
	struct ues *u, uint32_t i, uint16_t slice, uint32_t address)
{
	uint64_t key = UE4_KEY(slice, address);
	uint32_t n;

	if (!ue_may_be(key))
		return false;
	const uint32_t *owner = ue_page_entry(key);

	if (likely(owner != NULL)) {
		n = u->paged.n++;
		u->paged.at[n] = i;
		u->paged.owner[n] = owner;
		rte_prefetch0(owner);
		return true;
	}
	n = u->v4.n++;
	if (n == 0)
		u->v4.view = exact_view(&ue4_table);
	u->v4.at[n] = i;
	u->v4.key[n] = key;
	u->v4.bucket[n] = exact_prefetch(&u->v4.view, &key, 1);
	return true;
}

static __rte_noinline void ues_ask6(
	struct ues *u, uint32_t i, uint16_t slice, const uint8_t *address)
{
	uint32_t n = u->v6.n++;

	if (n == 0)
		u->v6.view = exact_view(&ue6_table);
	u->v6.at[n] = i;
	u->v6.key[2 * n] = UE6_KEY0(slice);
	u->v6.key[2 * n + 1] = rte_be_to_cpu_64(*(const wire64_t *)address);
	u->v6.bucket[n] = exact_prefetch(&u->v6.view, &u->v6.key[2 * n], 2);
}

/* word[k]: SESSION_WORD() of packet at[k]; 0: nobody's, or of a transaction that has not been
 * committed. */
static __rte_always_inline void ues_hashed(
	const struct ue_hashed *u, const bool is_ipv6, uint64_t *word)
{
	uint64_t *value[BURST_MAX];

	if (is_ipv6)
		exact_match_bulk(&ue6_table, u->bucket, u->key, 2, u->n, value);
	else
		exact_match_bulk(&ue4_table, u->bucket, u->key, 1, u->n, value);
	for (uint32_t k = 0; k < u->n; k++)
		word[k] = value[k] != NULL ? __atomic_load_n(value[k], __ATOMIC_RELAXED) : 0;
}

/* The same of packet at[k]. */
static __rte_always_inline uint64_t ues_paged(const struct ue_paged *u, uint32_t k)
{
	/* relaxed: it names a session, whose line or block says the rest */
	uint32_t owner = __atomic_load_n(u->owner[k], __ATOMIC_RELAXED);

	return SESSION_WORD(SESSION_OF_PREFIX(owner), SESSION_GROUP_OF_PREFIX(owner));
}

#endif
