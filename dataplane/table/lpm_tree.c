/* SPDX-License-Identifier: BSD-3-Clause */
/* The tries of the longest-prefix-match table: find, put and delete. A change copies the blocks
 * from its own node up to the first slot, which is the caller's copy: the caller publishes it.
 * Main thread only. */
#include "lpm_node.h"

#define NO_PLACE 64 /* no child, or no route, is changed */

/* ---- keys ---- */

static uint64_t upper128(uint32_t n, uint32_t word)
{
	uint32_t in = n > word * 64 ? n - word * 64 : 0;

	return in >= 64 ? UINT64_MAX : lpm_upper(in);
}

void lpm_key_set(struct lpm_key *k, uint64_t hi, uint64_t lo, uint32_t length)
{
	hi &= upper128(length, 0);
	lo &= upper128(length, 1);
	*k = (struct lpm_key){.prefix = {hi, lo},
		.x = {hi >> LPM_LEAD, hi << (64 - LPM_LEAD) | lo >> LPM_LEAD,
			lo << (64 - LPM_LEAD)},
		.end = length + LPM_LEAD};
}

void lpm_key_inner(struct lpm_key *out, const uint64_t *x, uint32_t depth, uint32_t h)
{
	uint32_t bits = lpm_top(h), shift = depth & 63, word = depth >> 6;
	uint64_t last = bits > 0 ? (uint64_t)h << (64 - bits) : 0;
	uint64_t y[4] = {
		x[0] & upper128(depth, 0), x[1] & upper128(depth, 1), x[2] & upper128(depth, 2)};

	y[word] |= last >> shift;
	y[word + 1] |= last << 1 << (63 - shift);
	lpm_key_set(out, y[0] << LPM_LEAD | y[1] >> (64 - LPM_LEAD),
		y[1] << LPM_LEAD | y[2] >> (64 - LPM_LEAD), depth + bits - LPM_LEAD);
}

/* The bit of `inner` for a key that ends in a node at this depth. */
static uint32_t inner_bit(const struct lpm_key *k, uint32_t depth)
{
	uint32_t bits = k->end - depth;

	return 1u << bits | (uint32_t)(lpm_window(k->x, depth) >> 1 >> (63 - bits));
}

/* Equal bits of two keys, as far as both go. */
static uint32_t key_common(const struct lpm_key *a, const struct lpm_key *b)
{
	uint32_t common =
		LPM_LEAD + lpm_common(a->prefix[0], a->prefix[1], b->prefix[0], b->prefix[1]);

	return RTE_MIN(common, RTE_MIN(a->end, b->end));
}

static uint32_t place_of(const struct lpm_key *k, uint32_t depth)
{
	return lpm_window(k->x, depth) >> (64 - LPM_STRIDE);
}

static void set_skip(struct lpm_slot *s, uint64_t window, uint32_t n)
{
	s->meta = (window & lpm_upper(n)) | n << 1;
}

/* ---- nodes ---- */

static uint32_t count_of(uint64_t bits)
{
	return __builtin_popcountll(bits);
}

/* Units of a block with these children and routes; 0: there is no block. */
static uint32_t block_units(uint64_t inner, uint64_t outer)
{
	uint32_t values = count_of(inner);

	return count_of(outer) + (values > 1 ? (values + 7) / 8 : 0);
}

/* An array's copy with or without the element of one bit: `new` has what `old` has otherwise. */
static void array_edit(void *to, const void *from, size_t size, uint64_t old, uint64_t next,
	uint32_t bit, const void *element)
{
	char *out = to;
	const char *in = from;
	size_t head = (bit < 64 ? count_of(old & lpm_below(bit)) : count_of(old)) * size;

	memcpy(out, in, head);
	if (bit >= 64)
		return;
	out += head;
	in += head;
	if (next >> bit & 1) {
		memcpy(out, element, size);
		out += size;
	}
	in += (old >> bit & 1) * size;
	memcpy(out, in, (count_of(old) - count_of(old & (lpm_below(bit) | 1ull << bit))) * size);
}

/* A new block for the node: with these routes and children, of which one each may differ. */
static void node_edit(struct lpm_table *t, struct lpm_slot *s, uint64_t inner, uint32_t h,
	uint32_t value, uint64_t outer, uint32_t place, const struct lpm_slot *child)
{
	uint32_t units = block_units(inner, outer);
	struct lpm_slot old = *s;

	s->inner = inner;
	s->outer = outer;
	s->block = units > 0 ? lpm_alloc(t, units) : 0;
	array_edit(&t->slot[s->block], &t->slot[old.block], sizeof(*child), old.outer, outer, place,
		child);
	array_edit((uint32_t *)(uintptr_t)lpm_values(t->slot, s), lpm_values(t->slot, &old),
		sizeof(value), old.inner, inner, h, &value);
	if (old.block != 0)
		lpm_retire(t, old.block);
}

static void node_set_child(
	struct lpm_table *t, struct lpm_slot *s, uint32_t place, const struct lpm_slot *child)
{
	node_edit(t, s, s->inner, NO_PLACE, 0, s->outer | 1ull << place, place, child);
}

static struct lpm_slot *node_child(struct lpm_table *t, const struct lpm_slot *s, uint32_t place)
{
	return &t->slot[s->block + count_of(s->outer & lpm_below(place))];
}

static void leaf_set(struct lpm_slot *s, const struct lpm_key *k, uint32_t value)
{
	*s = (struct lpm_slot){.meta = LPM_LEAF | (uint64_t)(k->end - LPM_LEAD) << 1,
		.prefix = {k->prefix[0], k->prefix[1]},
		.value = value};
}

/* A route of a node at this depth: in it, or as a leaf below. Neither is there yet. */
static void node_add(struct lpm_table *t, struct lpm_slot *s, uint32_t depth,
	const struct lpm_key *k, uint32_t value)
{
	struct lpm_slot leaf;

	if (k->end < depth + LPM_STRIDE) {
		uint32_t h = inner_bit(k, depth);

		node_edit(t, s, s->inner | 1ull << h, h, value, s->outer, NO_PLACE, NULL);
		return;
	}
	leaf_set(&leaf, k, value);
	node_set_child(t, s, place_of(k, depth), &leaf);
}

/* ---- put ---- */

/* A node for `depth` shall stand at `from`: it skips what lies between, behind others if that is
 * much. */
static void node_lengthen(struct lpm_table *t, struct lpm_slot *s, const struct lpm_key *k,
	uint32_t from, uint32_t depth)
{
	for (; depth - from > LPM_SKIP; depth -= LPM_SKIP + LPM_STRIDE) {
		struct lpm_slot above = {0};

		set_skip(s, lpm_window(k->x, depth - LPM_SKIP), LPM_SKIP);
		node_set_child(t, &above, place_of(k, depth - LPM_SKIP - LPM_STRIDE), s);
		*s = above;
	}
	set_skip(s, lpm_window(k->x, from), depth - from);
}

static void leaf_split(struct lpm_table *t, struct lpm_slot *s, uint32_t from,
	const struct lpm_key *k, uint32_t value)
{
	struct lpm_slot node = {0};
	struct lpm_key other;

	lpm_key_set(&other, s->prefix[0], s->prefix[1], lpm_leaf_length(s));
	uint32_t depth = key_common(k, &other) / LPM_STRIDE * LPM_STRIDE;

	node_add(t, &node, depth, &other, s->value);
	node_add(t, &node, depth, k, value);
	node_lengthen(t, &node, k, from, depth);
	*s = node;
}

/* How many of the bits that a node skips a key shares. */
static uint32_t skip_shared(const struct lpm_slot *s, uint32_t from, const struct lpm_key *k)
{
	uint64_t differ = (s->meta ^ lpm_window(k->x, from)) & lpm_upper(lpm_skip(s));
	uint32_t shared = differ != 0 ? (uint32_t)__builtin_clzll(differ) : lpm_skip(s);

	return RTE_MIN(shared, k->end - from);
}

/* The key leaves amid the bits that this node skips: a node there, with this one below. */
static void skip_split(struct lpm_table *t, struct lpm_slot *s, uint32_t from, uint32_t shared,
	const struct lpm_key *k, uint32_t value)
{
	uint32_t n = shared / LPM_STRIDE * LPM_STRIDE;
	struct lpm_slot node = {0}, below = *s;

	set_skip(&node, s->meta, n);
	set_skip(&below, (s->meta & lpm_upper(lpm_skip(s))) << (n + LPM_STRIDE),
		lpm_skip(s) - n - LPM_STRIDE);
	node_set_child(t, &node, s->meta << n >> (64 - LPM_STRIDE), &below);
	node_add(t, &node, from + n, k, value);
	*s = node;
}

void lpm_tree_put(struct lpm_table *t, struct lpm_slot *s, uint32_t depth, const struct lpm_key *k,
	uint32_t value)
{
	if (s->meta == LPM_EMPTY) {
		leaf_set(s, k, value);
		return;
	}
	if (lpm_is_leaf(s)) {
		leaf_split(t, s, depth, k, value);
		return;
	}
	uint32_t shared = skip_shared(s, depth, k);

	if (shared < lpm_skip(s)) {
		skip_split(t, s, depth, shared, k, value);
		return;
	}
	depth += lpm_skip(s);
	uint32_t place = place_of(k, depth);

	if (k->end < depth + LPM_STRIDE || !(s->outer >> place & 1)) {
		node_add(t, s, depth, k, value);
		return;
	}
	struct lpm_slot child = *node_child(t, s, place);

	lpm_tree_put(t, &child, depth + LPM_STRIDE, k, value);
	node_set_child(t, s, place, &child);
}

/* ---- delete ---- */

/* A node with one route or one child is not needed, if the child can skip as many bits. The key
 * gives the bits above the node. */
static void node_shrink(
	struct lpm_table *t, struct lpm_slot *s, uint32_t depth, const struct lpm_key *k)
{
	if (s->outer == 0 && count_of(s->inner) == 1) {
		struct lpm_key only;

		lpm_key_inner(&only, k->x, depth, lpm_top(s->inner));
		leaf_set(s, &only, s->value);
		return;
	}
	if (s->inner != 0 || count_of(s->outer) != 1)
		return;
	struct lpm_slot child = t->slot[s->block];
	uint32_t n = lpm_skip(s), more = lpm_skip(&child);

	if (!lpm_is_leaf(&child)) {
		if (n + LPM_STRIDE + more > LPM_SKIP)
			return;
		uint64_t bits = (s->meta & lpm_upper(n)) |
				(uint64_t)lpm_top(s->outer) << (64 - LPM_STRIDE) >> n |
				(child.meta & lpm_upper(more)) >> (n + LPM_STRIDE);

		set_skip(&child, bits, n + LPM_STRIDE + more);
	}
	lpm_retire(t, s->block);
	*s = child;
}

void lpm_tree_delete(
	struct lpm_table *t, struct lpm_slot *s, uint32_t depth, const struct lpm_key *k)
{
	if (lpm_is_leaf(s)) {
		s->meta = LPM_EMPTY;
		return;
	}
	depth += lpm_skip(s);
	if (k->end < depth + LPM_STRIDE) {
		uint32_t h = inner_bit(k, depth);

		node_edit(t, s, s->inner & ~(1ull << h), h, 0, s->outer, NO_PLACE, NULL);
	} else {
		uint32_t place = place_of(k, depth);
		struct lpm_slot child = *node_child(t, s, place);

		lpm_tree_delete(t, &child, depth + LPM_STRIDE, k);
		if (child.meta != LPM_EMPTY)
			node_set_child(t, s, place, &child);
		else
			node_edit(t, s, s->inner, NO_PLACE, 0, s->outer & ~(1ull << place), place,
				NULL);
	}
	node_shrink(t, s, depth, k);
}

void lpm_tree_retire(struct lpm_table *t, const struct lpm_slot *s)
{
	if (s->meta == LPM_EMPTY || lpm_is_leaf(s) || s->block == 0)
		return;
	for (uint32_t i = 0; i < count_of(s->outer); i++)
		lpm_tree_retire(t, &t->slot[s->block + i]);
	lpm_retire(t, s->block);
	lpm_retired(t); /* it was unpublished as a whole */
}

/* ---- find ---- */

const uint32_t *lpm_tree_find(const struct lpm_table *t, const struct lpm_slot *s, uint32_t depth,
	const struct lpm_key *k)
{
	for (;;) {
		if (s->meta == LPM_EMPTY)
			return NULL;
		if (lpm_is_leaf(s))
			return lpm_leaf_length(s) + LPM_LEAD == k->end &&
					       s->prefix[0] == k->prefix[0] &&
					       s->prefix[1] == k->prefix[1]
				       ? &s->value
				       : NULL;
		if (skip_shared(s, depth, k) < lpm_skip(s))
			return NULL;
		depth += lpm_skip(s);
		if (k->end < depth + LPM_STRIDE) {
			uint32_t h = inner_bit(k, depth);

			return s->inner >> h & 1
				       ? lpm_values(t->slot, s) + count_of(s->inner & lpm_below(h))
				       : NULL;
		}
		uint32_t place = place_of(k, depth);

		if (!(s->outer >> place & 1))
			return NULL;
		s = &t->slot[s->block + count_of(s->outer & lpm_below(place))];
		depth += LPM_STRIDE;
	}
}

/* Of a node's routes the longest that covers the key and ends at most at max_end; 0: none. */
static uint32_t node_covering(
	const struct lpm_slot *s, uint32_t depth, const struct lpm_key *k, uint32_t max_end)
{
	uint64_t hits = s->inner & lpm_cover(place_of(k, depth));

	if (max_end < depth + LPM_STRIDE - 1)
		hits &= lpm_below(2u << (max_end - depth));
	return hits != 0 ? lpm_top(hits) : 0;
}

uint32_t lpm_tree_covering(const struct lpm_table *t, const struct lpm_slot *s, uint32_t depth,
	const struct lpm_key *k, uint32_t max_end, uint32_t *end)
{
	uint32_t value = 0;

	while (s->meta != LPM_EMPTY && depth <= max_end) {
		if (lpm_is_leaf(s)) {
			uint32_t length = lpm_leaf_length(s);

			if (length + LPM_LEAD > max_end ||
				lpm_common(s->prefix[0], s->prefix[1], k->prefix[0], k->prefix[1]) <
					length)
				break;
			*end = length + LPM_LEAD;
			return s->value;
		}
		if (skip_shared(s, depth, k) < lpm_skip(s))
			break;
		depth += lpm_skip(s);
		uint32_t place = place_of(k, depth);
		uint32_t h = depth <= max_end ? node_covering(s, depth, k, max_end) : 0;

		if (h != 0) {
			*end = depth + lpm_top(h);
			value = lpm_values(t->slot, s)[count_of(s->inner & lpm_below(h))];
		}
		if (!(s->outer >> place & 1))
			break;
		s = &t->slot[s->block + count_of(s->outer & lpm_below(place))];
		depth += LPM_STRIDE;
	}
	return value;
}
