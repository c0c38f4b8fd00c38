/* SPDX-License-Identifier: BSD-3-Clause */
/* The writer's side of the longest-prefix-match table: what others call. Main thread only; owns the
 * tables. */
#include "lpm_node.h"

#include <errno.h>
#include <rte_byteorder.h>
#include <stdlib.h>

int lpm_init(struct lpm_table *t, const char *name, uint32_t address_bits, uint32_t max_routes)
{
	if ((address_bits != 32 && address_bits != 128) || max_routes == 0)
		return -EINVAL;
	memset(t, 0, sizeof(*t));
	t->name = name;
	t->address_bits = address_bits;
	t->max_routes = max_routes;
	t->root = aligned_alloc(RTE_CACHE_LINE_SIZE, LPM_SLICES * sizeof(*t->root));
	t->routes = calloc(LPM_SLICES, sizeof(*t->routes));
	if (t->root == NULL || t->routes == NULL)
		goto err_free;
	memset(t->root, 0, LPM_SLICES * sizeof(*t->root));
	if (lpm_pool_init(t) != 0)
		goto err_pool;
	return 0;

err_pool:
	lpm_pool_fini(t);
err_free:
	free(t->root);
	free(t->routes);
	memset(t, 0, sizeof(*t));
	return -ENOMEM;
}

void lpm_fini(struct lpm_table *t)
{
	for (uint32_t i = 1; t->root != NULL && i < LPM_SLICES; i++)
		lpm_clear(t, i);
	lpm_pool_fini(t);
	free(t->root);
	free(t->routes);
	memset(t, 0, sizeof(*t));
}

int lpm_reserve(struct lpm_table *t, uint32_t n)
{
	if (n > t->max_routes - t->count)
		return -ENOSPC;
	return lpm_pool_reserve(t, n);
}

static void key_from(
	const struct lpm_table *t, struct lpm_key *k, const uint8_t *bytes, uint8_t length)
{
	uint64_t half[2] = {0};

	memcpy(half, bytes, t->address_bits / 8);
	lpm_key_set(k, rte_be_to_cpu_64(half[0]), rte_be_to_cpu_64(half[1]), length);
}

static bool is_valid(const struct lpm_table *t, uint16_t slice, uint8_t length)
{
	return slice < LPM_SLICES && length <= t->address_bits;
}

/* The place of a route's value, or NULL. */
static const uint32_t *route_find(
	const struct lpm_table *t, uint16_t slice, const struct lpm_key *k)
{
	uint32_t depth;
	const struct lpm_slot *s = lpm_root_trie(t, t->root[slice], k, &depth);

	return s != NULL ? lpm_tree_find(t, s, depth, k) : NULL;
}

static bool is_short(uint64_t root, const struct lpm_key *k)
{
	uint32_t kind = root & LPM_KIND_MASK;

	return kind > 0 && k->end < lpm_kind_depth(kind);
}

int lpm_put(
	struct lpm_table *t, uint16_t slice, const uint8_t *prefix, uint8_t length, uint32_t value)
{
	struct lpm_slot copy = {.meta = LPM_EMPTY};
	struct lpm_key k;
	uint32_t depth;

	if (!is_valid(t, slice, length) || value == 0)
		return -EINVAL;
	key_from(t, &k, prefix, length);
	const uint32_t *old = route_find(t, slice, &k);

	if (old != NULL) {
		/* in place: no lookup that began before the last copy of this value reads it here
		 */
		__atomic_store_n((uint32_t *)(uintptr_t)old, value, __ATOMIC_RELAXED);
		if (is_short(t->root[slice], &k))
			lpm_root_paint(t, t->root[slice], &k);
		return 0;
	}
	if (t->count >= t->max_routes)
		return -ENOSPC;
	if (lpm_pool_ready_put(t) != 0)
		return -ENOMEM;
	const struct lpm_slot *s = lpm_root_trie(t, t->root[slice], &k, &depth);

	if (s != NULL)
		copy = *s;
	lpm_tree_put(t, &copy, depth, &k, value);
	lpm_root_set_trie(t, &t->root[slice], &k, &copy);
	lpm_retired(t);
	t->count++;
	t->routes[slice]++;
	lpm_root_fit(t, slice);
	return 1;
}

int lpm_delete(struct lpm_table *t, uint16_t slice, const uint8_t *prefix, uint8_t length)
{
	struct lpm_key k;
	uint32_t depth;

	if (!is_valid(t, slice, length))
		return -EINVAL;
	key_from(t, &k, prefix, length);
	if (route_find(t, slice, &k) == NULL)
		return -ENOENT;
	if (lpm_pool_ready(t) != 0)
		return -ENOMEM;
	struct lpm_slot copy = *lpm_root_trie(t, t->root[slice], &k, &depth);

	lpm_tree_delete(t, &copy, depth, &k);
	lpm_root_set_trie(t, &t->root[slice], &k, &copy);
	lpm_retired(t);
	t->count--;
	t->routes[slice]--;
	lpm_root_fit(t, slice);
	return 0;
}

uint32_t lpm_clear(struct lpm_table *t, uint16_t slice)
{
	uint32_t routes;

	if (!is_valid(t, slice, 0) || t->root[slice] == 0)
		return 0;
	uint64_t old = t->root[slice];

	__atomic_store_n(&t->root[slice], 0, __ATOMIC_RELAXED);
	lpm_root_retire(t, old);
	routes = t->routes[slice];
	t->routes[slice] = 0;
	t->count -= routes;
	return routes;
}

uint32_t lpm_get(const struct lpm_table *t, uint16_t slice, const uint8_t *prefix, uint8_t length)
{
	const uint32_t *value;
	struct lpm_key k;

	if (!is_valid(t, slice, length))
		return 0;
	key_from(t, &k, prefix, length);
	value = route_find(t, slice, &k);
	return value != NULL ? *value : 0;
}

uint32_t lpm_find_covering(const struct lpm_table *t, uint16_t slice, const uint8_t *address,
	uint8_t max_length, uint8_t *length)
{
	uint32_t depth, end = LPM_LEAD, value = 0;
	struct lpm_key k;

	if (!is_valid(t, slice, max_length) || t->root[slice] == 0)
		return 0;
	key_from(t, &k, address, t->address_bits);
	const struct lpm_slot *s = lpm_root_trie(t, t->root[slice], &k, &depth);

	if (s != NULL)
		value = lpm_tree_covering(t, s, depth, &k, LPM_LEAD + max_length, &end);
	if (value == 0 && depth > 0 && lpm_array_of(t->root[slice])->shorts != NULL)
		value = lpm_tree_covering(t, lpm_array_of(t->root[slice])->shorts, 0, &k,
			LPM_LEAD + max_length, &end);
	*length = end - LPM_LEAD;
	return value;
}

uint32_t lpm_count(const struct lpm_table *t)
{
	return t->count;
}

uint32_t lpm_count_slice(const struct lpm_table *t, uint16_t slice)
{
	return slice < LPM_SLICES ? t->routes[slice] : 0;
}
