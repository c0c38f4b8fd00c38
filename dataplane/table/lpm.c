/* SPDX-License-Identifier: BSD-3-Clause */
/* The writer's side of the longest-prefix-match table: a slice's routes, of whichever form, listing
 * them, and what others call. Main thread only; owns the tables and their arrays. */
#include <errno.h>
#include <rte_byteorder.h>
#include <stdlib.h>

#include "lpm_node.h"
#include "rcu.h"

/* Calls fn for the routes of a trie below `within` (NULL: all) in order, after the key `after`
 * (NULL: from the first); fn returns false to stop, and then so does the walk. */
typedef bool (*lpm_route_fn)(const struct lpm_key *k, uint32_t value, void *arg);
struct lpm_walk {
	const struct lpm_key *within, *after;
	lpm_route_fn fn;
	void *arg;
};

/* ==== listing, in the order of prefix and length, from any point on ==== */

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

static bool tree_walk(const struct lpm_table *t, const struct lpm_slot *s, uint32_t depth,
	const uint64_t *x, const struct lpm_walk *walk);

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
	return tree_walk(t, &t->slot[node->block + i], depth + LPM_STRIDE, path, walk);
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

static bool tree_walk(const struct lpm_table *t, const struct lpm_slot *s, uint32_t depth,
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

static bool root_walk(const struct lpm_table *t, uint64_t root, const struct lpm_walk *walk)
{
	uint32_t kind = root & LPM_KIND_MASK, depth = lpm_kind_depth(kind);
	const struct lpm_array *a = lpm_array_of(root);

	if (root == 0)
		return true;
	if (kind == 0)
		return tree_walk(
			t, (const struct lpm_slot *)(uintptr_t)root, 0, (uint64_t[4]){0}, walk);
	uint32_t i = walk->after != NULL ? walk->after->x[0] >> (64 - depth) : 0;

	for (; i < 1u << (depth - LPM_LEAD); i++) {
		const struct lpm_slot *s = &t->slot[(uint32_t)a->entry[i]];
		uint64_t path[4] = {(uint64_t)i << (64 - depth)};

		if (!shorts_walk(t, a, kind, i, walk) ||
			(s != t->slot && !tree_walk(t, s, depth, path, walk)))
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
		if (t->routes[cursor->slice] > 0 && !root_walk(t, t->root[cursor->slice], &walk))
			return;
	}
	cursor->done = true;
}

/* ==== the root of a slice's routes: one trie, or an array of tries over the first bits once they
 * are many ==== */

/* Routes from which on a slice has an array of a kind: it costs at most 8 bytes a route then. Below
 * a quarter of that the slice goes back. */
static const uint32_t kind_routes[LPM_KINDS] = {0, 128, 8192, UINT32_MAX};

static uint32_t kind_entries(uint32_t kind)
{
	return 1u << (lpm_kind_depth(kind) - LPM_LEAD);
}

static size_t array_bytes(uint32_t kind)
{
	return sizeof(struct lpm_array) + kind_entries(kind) * sizeof(uint64_t);
}

static uint32_t entry_of(uint32_t kind, const struct lpm_key *k)
{
	return k->x[0] >> (64 - lpm_kind_depth(kind));
}

static struct lpm_slot *slot_new(struct lpm_table *t, const struct lpm_slot *s)
{
	struct lpm_slot *copy = &t->slot[lpm_alloc(t, 1)];

	*copy = *s;
	return copy;
}

/* ---- the tries ---- */

/* Where a key's trie begins, and at which depth; NULL when there is none. */
static const struct lpm_slot *root_trie(
	const struct lpm_table *t, uint64_t root, const struct lpm_key *k, uint32_t *depth)
{
	uint32_t kind = root & LPM_KIND_MASK;
	const struct lpm_array *a = lpm_array_of(root);

	*depth = 0;
	if (kind == 0)
		return (const struct lpm_slot *)(uintptr_t)root;
	if (k->end < lpm_kind_depth(kind))
		return a->shorts;
	*depth = lpm_kind_depth(kind);
	uint32_t block = a->entry[entry_of(kind, k)];

	return block != 0 ? &t->slot[block] : NULL;
}

/* ---- what short routes say in the entries ---- */

/* The routes come in order: each holds from its start until its end or a longer one's start. */
struct painter {
	struct lpm_array *a;
	uint32_t kind;
	uint32_t at; /* the next entry */
	uint32_t top;
	struct {
		uint32_t end, value;
	} covering[32];
};

static void paint_until(struct painter *p, uint32_t end)
{
	while (p->at < end) {
		uint32_t until = RTE_MIN(end, p->covering[p->top].end);
		uint64_t value = (uint64_t)p->covering[p->top].value << 32;

		for (; p->at < until; p->at++) {
			uint64_t *entry = &p->a->entry[p->at];

			/* release: pairs with the acquire of an entry in lpm_lookup.c */
			if ((*entry ^ value) >> 32 != 0)
				__atomic_store_n(entry, value | (uint32_t)*entry, __ATOMIC_RELEASE);
		}
		while (p->top > 0 && p->covering[p->top].end <= p->at)
			p->top--;
	}
}

static uint32_t range_entries(uint32_t kind, const struct lpm_key *k)
{
	return 1u << (lpm_kind_depth(kind) - k->end);
}

static bool paint_route(const struct lpm_key *k, uint32_t value, void *arg)
{
	struct painter *p = arg;
	uint32_t first = entry_of(p->kind, k);

	paint_until(p, first);
	p->top++;
	p->covering[p->top].end = first + range_entries(p->kind, k);
	p->covering[p->top].value = value;
	return true;
}

/* Tells the entries of an array what the short routes in this key's range say now. */
static void root_paint(struct lpm_table *t, uint64_t root, const struct lpm_key *k)
{
	struct painter p = {.a = lpm_array_of(root), .kind = root & LPM_KIND_MASK};
	uint32_t unused, end;

	p.at = entry_of(p.kind, k);
	end = p.at + range_entries(p.kind, k);
	p.covering[0].end = end;
	if (p.a->shorts != NULL) {
		struct lpm_walk walk = {.within = k, .fn = paint_route, .arg = &p};

		if (k->end > LPM_LEAD)
			p.covering[0].value =
				lpm_tree_covering(t, p.a->shorts, 0, k, k->end - 1, &unused);
		tree_walk(t, p.a->shorts, 0, (uint64_t[4]){0}, &walk);
	}
	paint_until(&p, end);
}

/* ---- publication ---- */

/* Publishes a key's trie, and forgets its old first slot. */
static void root_set_trie(
	struct lpm_table *t, uint64_t *root, const struct lpm_key *k, const struct lpm_slot *s)
{
	uint32_t depth, kind = *root & LPM_KIND_MASK;
	const struct lpm_slot *old = root_trie(t, *root, k, &depth);
	struct lpm_slot *next = s->meta != LPM_EMPTY ? slot_new(t, s) : NULL;
	struct lpm_array *a = lpm_array_of(*root);

	if (kind == 0) {
		/* release: pairs with the acquire in lpm_lookup.c */
		__atomic_store_n(root, (uintptr_t)next, __ATOMIC_RELEASE);
	} else if (depth == 0) {
		a->shorts = next;
		root_paint(t, *root, k);
	} else {
		uint64_t *entry = &a->entry[entry_of(kind, k)];
		uint64_t value = *entry >> 32 << 32;

		/* release: pairs with the acquire in lpm_lookup.c */
		__atomic_store_n(
			entry, value | (next != NULL ? next - t->slot : 0), __ATOMIC_RELEASE);
	}
	if (old != NULL)
		lpm_retire(t, old - t->slot);
}

/* ---- another form ---- */

static void slot_retire(struct lpm_table *t, const struct lpm_slot *s)
{
	if (s == NULL)
		return;
	lpm_tree_retire(t, s);
	lpm_retire(t, s - t->slot);
	lpm_retired(t);
}

/* All of it was unpublished. */
static void root_retire(struct lpm_table *t, uint64_t root)
{
	uint32_t kind = root & LPM_KIND_MASK;
	struct lpm_array *a = lpm_array_of(root);

	if (kind == 0) {
		slot_retire(t, (const struct lpm_slot *)(uintptr_t)root);
		return;
	}
	slot_retire(t, a->shorts);
	for (uint32_t i = 0; i < kind_entries(kind); i++)
		if ((uint32_t)a->entry[i] != 0)
			slot_retire(t, &t->slot[(uint32_t)a->entry[i]]);
	t->array_bytes -= array_bytes(kind);
	rcu_defer(free, a);
}

/* A root that no reader has yet. */
struct draft {
	struct lpm_table *t;
	uint64_t root;
	bool failed;
};

static bool draft_put(const struct lpm_key *k, uint32_t value, void *arg)
{
	struct draft *d = arg;
	struct lpm_slot copy = {.meta = LPM_EMPTY};
	uint32_t depth;

	d->failed = lpm_pool_ready_put(d->t) != 0;
	if (d->failed)
		return false;
	const struct lpm_slot *s = root_trie(d->t, d->root, k, &depth);

	if (s != NULL)
		copy = *s;
	lpm_tree_put(d->t, &copy, depth, k, value);
	root_set_trie(d->t, &d->root, k, &copy);
	lpm_retired(d->t);
	return true;
}

static int draft_begin(struct draft *d, uint32_t kind)
{
	if (kind == 0)
		return 0;
	struct lpm_array *a = aligned_alloc(RTE_CACHE_LINE_SIZE, array_bytes(kind));

	if (a == NULL)
		return -1;
	memset(a, 0, array_bytes(kind));
	d->t->array_bytes += array_bytes(kind);
	d->root = (uintptr_t)a | kind;
	return 0;
}

static void root_rebuild(struct lpm_table *t, uint16_t slice, uint32_t kind)
{
	struct draft d = {.t = t};
	struct lpm_walk walk = {.fn = draft_put, .arg = &d};
	uint64_t old = t->root[slice];

	if (draft_begin(&d, kind) != 0)
		return;
	root_walk(t, old, &walk);
	if (d.failed) {
		root_retire(t, d.root);
		return;
	}
	/* release: pairs with the acquire in lpm_lookup.c */
	__atomic_store_n(&t->root[slice], d.root, __ATOMIC_RELEASE);
	root_retire(t, old);
}

/* Gives a slice the form that suits its number of routes; leaves it when memory is out. */
static void root_fit(struct lpm_table *t, uint16_t slice)
{
	uint32_t kind = t->root[slice] & LPM_KIND_MASK, routes = t->routes[slice];

	if (kind + 1 < LPM_KINDS && unlikely(routes >= kind_routes[kind + 1]))
		root_rebuild(t, slice, kind + 1);
	else if (kind > 0 && unlikely(routes < kind_routes[kind] / 4))
		root_rebuild(t, slice, kind - 1);
}

/* ==== what others call ==== */

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
	const struct lpm_slot *s = root_trie(t, t->root[slice], k, &depth);

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
			root_paint(t, t->root[slice], &k);
		return 0;
	}
	if (t->count >= t->max_routes)
		return -ENOSPC;
	if (lpm_pool_ready_put(t) != 0)
		return -ENOMEM;
	const struct lpm_slot *s = root_trie(t, t->root[slice], &k, &depth);

	if (s != NULL)
		copy = *s;
	lpm_tree_put(t, &copy, depth, &k, value);
	root_set_trie(t, &t->root[slice], &k, &copy);
	lpm_retired(t);
	t->count++;
	t->routes[slice]++;
	root_fit(t, slice);
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
	struct lpm_slot copy = *root_trie(t, t->root[slice], &k, &depth);

	lpm_tree_delete(t, &copy, depth, &k);
	root_set_trie(t, &t->root[slice], &k, &copy);
	lpm_retired(t);
	t->count--;
	t->routes[slice]--;
	root_fit(t, slice);
	return 0;
}

uint32_t lpm_clear(struct lpm_table *t, uint16_t slice)
{
	uint32_t routes;

	if (!is_valid(t, slice, 0) || t->root[slice] == 0)
		return 0;
	uint64_t old = t->root[slice];

	__atomic_store_n(&t->root[slice], 0, __ATOMIC_RELAXED);
	root_retire(t, old);
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
	const struct lpm_slot *s = root_trie(t, t->root[slice], &k, &depth);

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
