/* SPDX-License-Identifier: BSD-3-Clause */
/* Weighted groups of next hops: slots addressed by flow hash, a power of two of them, replaced
 * as a whole under RCU. Main thread only. Owns the slots. */
#include <errno.h>
#include <rte_malloc.h>
#include <stdlib.h>
#include <string.h>

#include "l3.h"
#include "nexthop_cold.h"
#include "rcu.h"

#define SLOTS_LOG2_MAX 6u /* 64 slots: shares are right to within 1.6 % of the flows */
_Static_assert(LIMIT_ROUTE_VIA <= 1u << SLOTS_LOG2_MAX, "every way has a slot");

static uint32_t *slots_of(uint64_t word)
{
	return (uint32_t *)(uintptr_t)NEXTHOP_HIGH(word);
}

static void slots_free(void *slots)
{
	rte_free(slots);
}

/* The ways to be used: those that are up, or all of them when none is. */
static uint32_t usable(const struct nexthop_group *g, uint32_t *which)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < g->n; i++)
		if (!nexthop_cold[g->way[i]].down)
			which[n++] = i;
	for (uint32_t i = 0; n == 0 && i < g->n; i++)
		which[i] = i;
	return n != 0 ? n : g->n;
}

static uint32_t slots_log2(const struct nexthop_group *g, const uint32_t *which, uint32_t n)
{
	for (uint32_t i = 1; i < n; i++)
		if (g->weight[which[i]] != g->weight[which[0]])
			return SLOTS_LOG2_MAX;
	return (n & (n - 1)) == 0 ? (uint32_t)__builtin_ctz(n) : SLOTS_LOG2_MAX;
}

/* Each way has at least one slot, and else its share of them. */
static void slots_fill(uint32_t *slot, uint32_t slots, const struct nexthop_group *g,
	const uint32_t *which, uint32_t n)
{
	uint64_t total = 0, before = 0;
	uint32_t at = 0;

	for (uint32_t i = 0; i < n; i++)
		total += g->weight[which[i]];
	for (uint32_t i = 0; i < n; i++) {
		before += g->weight[which[i]];
		uint32_t end = (before * slots + total / 2) / total;
		uint32_t last = slots - (n - 1 - i); /* one for each of those that follow */

		end = RTE_MIN(RTE_MAX(end, at + 1), last);
		while (at < end)
			slot[at++] = g->way[which[i]];
	}
}

static int publish(uint32_t index)
{
	const struct nexthop_group *g = nexthop_cold[index].group;
	uint32_t which[LIMIT_ROUTE_VIA];
	uint32_t n = usable(g, which), log2 = slots_log2(g, which, n);
	uint32_t *fresh = rte_malloc("nexthop_slots", sizeof(*fresh) << log2, 64);
	uint64_t old = nexthop_hot[index];

	if (fresh == NULL)
		return -ENOMEM;
	slots_fill(fresh, 1u << log2, g, which, n);
	nexthop_store(index,
		NEXTHOP_WORD(NEXTHOP_OTHER, NEXTHOP_GROUP + log2, (uint64_t)(uintptr_t)fresh));
	if (NEXTHOP_KIND(old) == NEXTHOP_OTHER && NEXTHOP_ID(old) >= NEXTHOP_GROUP)
		rcu_defer(slots_free, slots_of(old));
	return 0;
}

static bool same_group(const struct nexthop_group *a, const struct nexthop_group *b)
{
	return a->n == b->n && memcmp(a->way, b->way, a->n * sizeof(a->way[0])) == 0 &&
	       memcmp(a->weight, b->weight, a->n) == 0;
}

static uint32_t *chain_of(uint16_t slice, const struct nexthop_group *g)
{
	uint32_t h = nexthop_hash(NEXTHOP_HASH ^ COLD_GROUP, &slice, sizeof(slice));

	return nexthop_chain(nexthop_hash(h, g->way, g->n * sizeof(g->way[0])));
}

static uint32_t find_group(uint16_t slice, const struct nexthop_group *g)
{
	uint32_t i = *chain_of(slice, g);

	while (i != 0 && !(nexthop_cold[i].type == COLD_GROUP && nexthop_cold[i].slice == slice &&
				 same_group(nexthop_cold[i].group, g)))
		i = nexthop_cold[i].next;
	return i;
}

static void drop_ways(struct nexthop_group *g)
{
	while (g->n > 0)
		nexthop_drop(g->way[--g->n]);
}

static int make(uint16_t slice, struct nexthop_group *g, uint32_t *index)
{
	struct nexthop_group *kept = malloc(sizeof(*kept));
	uint32_t *chain = chain_of(slice, g);
	int rc = kept != NULL ? nexthop_index_take(index) : -ENOMEM;

	if (rc != 0)
		goto err_free;
	*kept = *g;
	nexthop_hot[*index] = NEXTHOP_DROP(NEXTHOP_NONE);
	nexthop_cold[*index] =
		(struct nexthop){.type = COLD_GROUP, .slice = slice, .routes = 1, .group = kept};
	rc = publish(*index);
	if (rc != 0)
		goto err_index;
	nexthop_cold[*index].next = *chain;
	*chain = *index;
	for (uint32_t i = 0; i < g->n; i++)
		nexthop_cold[g->way[i]].groups++;
	return 0;

err_index:
	nexthop_index_give(*index);
err_free:
	free(kept);
	return rc;
}

int group_take(uint16_t slice, const struct l3_via *via, uint32_t count, uint32_t *index)
{
	struct nexthop_group g = {.n = 0};
	int rc;

	for (uint32_t i = 0; i < count; i++) {
		rc = nexthop_take_way(slice, &via[i], &g.way[i]);
		if (rc != 0)
			goto err_ways;
		g.weight[i] = via[i].weight != 0 ? via[i].weight : 1;
		g.n = i + 1;
	}
	*index = find_group(slice, &g);
	if (*index != 0) {
		nexthop_cold[*index].routes++;
		drop_ways(&g);
		return 0;
	}
	rc = make(slice, &g, index);
	if (rc == 0)
		return 0;
err_ways:
	drop_ways(&g);
	return rc;
}

void group_free(struct nexthop *n, uint64_t word)
{
	rte_free(slots_of(word));
	free(n->group);
}

void group_drop(uint32_t index)
{
	struct nexthop_group *g = nexthop_cold[index].group;
	uint32_t *slots = slots_of(nexthop_hot[index]);

	nexthop_store(index, NEXTHOP_DROP(NEXTHOP_BLACKHOLE));
	nexthop_unchain(chain_of(nexthop_cold[index].slice, g), index);
	nexthop_cold[index].type = COLD_FREE;
	for (uint32_t i = 0; i < g->n; i++)
		nexthop_cold[g->way[i]].groups--;
	rcu_defer(slots_free, slots);
	drop_ways(g);
	free(g);
	nexthop_index_give(index);
}

uint32_t group_ways(const struct nexthop *n, struct l3_via *via)
{
	for (uint32_t i = 0; i < n->group->n; i++) {
		via[i] = nexthop_cold[n->group->way[i]].via;
		via[i].weight = n->group->weight[i];
	}
	return n->group->n;
}

static void follow(uint32_t index)
{
	if (publish(index) != 0)
		RTE_LOG(ERR, USER1, "no memory for a route's next hops\n");
}

void groups_follow(uint32_t index)
{
	uint32_t left = nexthop_cold[index].groups;

	for (uint32_t i = 1; left > 0 && i < nexthop_top; i++) {
		const struct nexthop *n = &nexthop_cold[i];

		if (n->type != COLD_GROUP)
			continue;
		for (uint32_t k = 0; k < n->group->n; k++)
			if (n->group->way[k] == index) {
				left--;
				follow(i);
				break;
			}
	}
}

static bool has_moved(const struct nexthop_group *g)
{
	for (uint32_t k = 0; k < g->n; k++)
		if (nexthop_cold[g->way[k]].moved)
			return true;
	return false;
}

void groups_follow_moved(void)
{
	for (uint32_t i = 1; i < nexthop_top; i++)
		if (nexthop_cold[i].type == COLD_GROUP && has_moved(nexthop_cold[i].group))
			follow(i);
	for (uint32_t i = 1; i < nexthop_top; i++)
		if (nexthop_cold[i].type == COLD_WAY)
			nexthop_cold[i].moved = false;
}
