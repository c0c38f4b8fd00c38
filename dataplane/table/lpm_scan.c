/* SPDX-License-Identifier: BSD-3-Clause */
/* Listing the routes of a longest-prefix-match table in the order of prefix and length, from any
 * point on. Called on the main thread; owns nothing. */
#include "lpm_node.h"

#include <rte_byteorder.h>

/* -1, 0, 1: the shorter of two prefixes with the same bits comes first. */
static int key_compare(const struct lpm_key *a, const struct lpm_key *b)
{
	for (uint32_t i = 0; i < 2; i++)
		if (a->prefix[i] != b->prefix[i])
			return a->prefix[i] < b->prefix[i] ? -1 : 1;
	return (a->end > b->end) - (a->end < b->end);
}

/* The bits of a prefix that are 0 since it ends before them. */
static uint64_t open_bits(const struct lpm_key *k, uint32_t word)
{
	uint32_t length = k->end - LPM_LEAD, before = word * 64;

	return length <= before	       ? UINT64_MAX
	       : length >= before + 64 ? 0
				       : UINT64_MAX >> (length - before);
}

/* Whether nothing below a prefix can be wanted. */
static bool is_outside(const struct lpm_key *k, const struct lpm_walk *walk)
{
	if (walk->after != NULL)
		for (uint32_t i = 0; i < 2; i++) {
			uint64_t last = k->prefix[i] | open_bits(k, i);

			if (last != walk->after->prefix[i]) {
				if (last < walk->after->prefix[i])
					return true;
				break;
			}
		}
	return walk->within != NULL &&
	       LPM_LEAD + lpm_common(k->prefix[0], k->prefix[1], walk->within->prefix[0],
				  walk->within->prefix[1]) <
		       RTE_MIN(k->end, walk->within->end);
}

static bool emit(const struct lpm_key *k, uint32_t value, const struct lpm_walk *walk)
{
	if (is_outside(k, walk) || (walk->within != NULL && k->end < walk->within->end) ||
		(walk->after != NULL && key_compare(k, walk->after) <= 0))
		return true;
	return walk->fn(k, value, walk->arg);
}

/* Sets n > 0 bits of a path at a depth, and clears what follows. */
static void path_set(uint64_t *to, const uint64_t *x, uint32_t depth, uint64_t window, uint32_t n)
{
	uint32_t word = depth >> 6, shift = depth & 63;

	window &= n < 64 ? lpm_upper(n) : UINT64_MAX;
	for (uint32_t i = 0; i < 4; i++)
		to[i] = i <= word ? x[i] : 0;
	to[word] = (shift > 0 ? x[word] & lpm_upper(shift) : 0) | window >> shift;
	if (word < 3)
		to[word + 1] = window << 1 << (63 - shift);
}

static bool child_walk(const struct lpm_table *t, const struct lpm_slot *node, uint32_t place,
	uint32_t depth, const uint64_t *x, const struct lpm_walk *walk)
{
	uint32_t i = __builtin_popcountll(node->outer & lpm_below(place));
	struct lpm_key top;
	uint64_t path[4];

	path_set(path, x, depth, (uint64_t)place << (64 - LPM_STRIDE), LPM_STRIDE);
	lpm_key_set(&top, path[0] << LPM_LEAD | path[1] >> (64 - LPM_LEAD),
		path[1] << LPM_LEAD | path[2] >> (64 - LPM_LEAD), depth + LPM_STRIDE - LPM_LEAD);
	if (is_outside(&top, walk))
		return true;
	return lpm_tree_walk(t, &t->slot[node->block + i], depth + LPM_STRIDE, path, walk);
}

/* The routes of a node that begin at a place, the shortest first. */
static bool place_walk(const struct lpm_table *t, const struct lpm_slot *node, uint32_t place,
	uint32_t depth, const uint64_t *x, const struct lpm_walk *walk)
{
	uint32_t shortest = place > 0 ? LPM_STRIDE - __builtin_ctz(place) : 0;

	for (uint32_t bits = shortest; bits < LPM_STRIDE; bits++) {
		uint32_t h = (64 + place) >> (LPM_STRIDE - bits);
		struct lpm_key k;

		if (!(node->inner >> h & 1))
			continue;
		lpm_key_inner(&k, x, depth, h);
		if (!emit(&k,
			    lpm_values(t->slot,
				    node)[__builtin_popcountll(node->inner & lpm_below(h))],
			    walk))
			return false;
	}
	return true;
}

bool lpm_tree_walk(const struct lpm_table *t, const struct lpm_slot *s, uint32_t depth,
	const uint64_t *x, const struct lpm_walk *walk)
{
	uint64_t path[4];

	if (s->meta == LPM_EMPTY)
		return true;
	if (lpm_is_leaf(s)) {
		struct lpm_key k;

		lpm_key_set(&k, s->prefix[0], s->prefix[1], lpm_leaf_length(s));
		return emit(&k, s->value, walk);
	}
	memcpy(path, x, sizeof(path));
	if (lpm_skip(s) > 0)
		path_set(path, x, depth, s->meta, lpm_skip(s));
	depth += lpm_skip(s);
	for (uint32_t place = 0; place < 64; place++) {
		if (!place_walk(t, s, place, depth, path, walk))
			return false;
		if (s->outer >> place & 1 && !child_walk(t, s, place, depth, path, walk))
			return false;
	}
	return true;
}

/* The short routes that begin where an entry of an array does. */
static bool shorts_walk(const struct lpm_table *t, const struct lpm_array *a, uint32_t kind,
	uint32_t i, const struct lpm_walk *walk)
{
	uint32_t depth = lpm_kind_depth(kind);
	uint32_t end = i > 0 ? depth - __builtin_ctz(i) : LPM_LEAD;
	struct lpm_key k;

	for (; a->shorts != NULL && end < depth; end++) {
		lpm_key_set(&k, (uint64_t)i << (64 - depth + LPM_LEAD), 0, end - LPM_LEAD);
		const uint32_t *value = lpm_tree_find(t, a->shorts, 0, &k);

		if (value != NULL && !emit(&k, *value, walk))
			return false;
	}
	return true;
}

bool lpm_root_walk(const struct lpm_table *t, uint64_t root, const struct lpm_walk *walk)
{
	uint32_t kind = root & LPM_KIND_MASK, depth = lpm_kind_depth(kind);
	const struct lpm_array *a = lpm_array_of(root);

	if (root == 0)
		return true;
	if (kind == 0)
		return lpm_tree_walk(
			t, (const struct lpm_slot *)(uintptr_t)root, 0, (uint64_t[4]){0}, walk);
	uint32_t i = walk->after != NULL ? walk->after->x[0] >> (64 - depth) : 0;

	for (; i < 1u << (depth - LPM_LEAD); i++) {
		const struct lpm_slot *s = &t->slot[(uint32_t)a->entry[i]];
		uint64_t path[4] = {(uint64_t)i << (64 - depth)};

		if (!shorts_walk(t, a, kind, i, walk) ||
			(s != t->slot && !lpm_tree_walk(t, s, depth, path, walk)))
			return false;
	}
	return true;
}

/* ---- pages ---- */

struct page {
	uint32_t left;
	uint32_t address_bits;
	struct lpm_cursor *cursor;
	lpm_visit visit;
	void *arg;
};

static bool page_route(const struct lpm_key *k, uint32_t value, void *arg)
{
	struct page *p = arg;
	uint64_t bytes[2] = {rte_cpu_to_be_64(k->prefix[0]), rte_cpu_to_be_64(k->prefix[1])};
	struct lpm_cursor *c = p->cursor;

	if (p->left == 0)
		return false;
	p->left--;
	memcpy(c->prefix, bytes, sizeof(c->prefix));
	c->length = k->end - LPM_LEAD;
	c->started = true;
	p->visit(c->slice, c->prefix, c->length, value, p->arg);
	return true;
}

void lpm_scan(const struct lpm_table *t, uint16_t slice, struct lpm_cursor *cursor,
	uint32_t max_routes, lpm_visit visit, void *arg)
{
	struct page p = {.left = max_routes, .cursor = cursor, .visit = visit, .arg = arg};
	uint16_t last = slice != 0 ? slice : LPM_SLICES - 1;
	struct lpm_key after;
	uint64_t bytes[2];

	if (cursor->slice < slice || cursor->slice == 0)
		*cursor = (struct lpm_cursor){.slice = slice != 0 ? slice : 1};
	for (; cursor->slice <= last; cursor->slice++, cursor->started = false) {
		struct lpm_walk walk = {.fn = page_route, .arg = &p};

		if (cursor->started) {
			memcpy(bytes, cursor->prefix, sizeof(bytes));
			lpm_key_set(&after, rte_be_to_cpu_64(bytes[0]), rte_be_to_cpu_64(bytes[1]),
				cursor->length);
			walk.after = &after;
		}
		if (t->routes[cursor->slice] > 0 &&
			!lpm_root_walk(t, t->root[cursor->slice], &walk))
			return;
	}
	cursor->done = true;
}
