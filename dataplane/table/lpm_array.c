/* SPDX-License-Identifier: BSD-3-Clause */
/* The root of a slice's routes in a longest-prefix-match table: one trie, or an array of tries
 * over the first bits once there are many routes. Main thread only. Owns the arrays. */
#include "lpm_node.h"

#include <stdlib.h>

#include "rcu.h"

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

struct lpm_slot *lpm_slot_new(struct lpm_table *t, const struct lpm_slot *s)
{
	struct lpm_slot *copy = &t->slot[lpm_alloc(t, 1)];

	*copy = *s;
	return copy;
}

/* ---- the tries ---- */

const struct lpm_slot *lpm_root_trie(
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

void lpm_root_set_trie(
	struct lpm_table *t, uint64_t *root, const struct lpm_key *k, const struct lpm_slot *s)
{
	uint32_t depth, kind = *root & LPM_KIND_MASK;
	const struct lpm_slot *old = lpm_root_trie(t, *root, k, &depth);
	struct lpm_slot *next = s->meta != LPM_EMPTY ? lpm_slot_new(t, s) : NULL;
	struct lpm_array *a = lpm_array_of(*root);

	if (kind == 0) {
		/* release: pairs with the acquire in lpm_lookup.c */
		__atomic_store_n(root, (uintptr_t)next, __ATOMIC_RELEASE);
	} else if (depth == 0) {
		a->shorts = next;
		lpm_root_paint(t, *root, k);
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

void lpm_root_paint(struct lpm_table *t, uint64_t root, const struct lpm_key *k)
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
		lpm_tree_walk(t, p.a->shorts, 0, (uint64_t[4]){0}, &walk);
	}
	paint_until(&p, end);
}

/* ---- another form ---- */

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
	const struct lpm_slot *s = lpm_root_trie(d->t, d->root, k, &depth);

	if (s != NULL)
		copy = *s;
	lpm_tree_put(d->t, &copy, depth, k, value);
	lpm_root_set_trie(d->t, &d->root, k, &copy);
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
	lpm_root_walk(t, old, &walk);
	if (d.failed) {
		lpm_root_retire(t, d.root);
		return;
	}
	/* release: pairs with the acquire in lpm_lookup.c */
	__atomic_store_n(&t->root[slice], d.root, __ATOMIC_RELEASE);
	lpm_root_retire(t, old);
}

void lpm_root_fit(struct lpm_table *t, uint16_t slice)
{
	uint32_t kind = t->root[slice] & LPM_KIND_MASK, routes = t->routes[slice];

	if (kind + 1 < LPM_KINDS && unlikely(routes >= kind_routes[kind + 1]))
		root_rebuild(t, slice, kind + 1);
	else if (kind > 0 && unlikely(routes < kind_routes[kind] / 4))
		root_rebuild(t, slice, kind - 1);
}

static void slot_retire(struct lpm_table *t, const struct lpm_slot *s)
{
	if (s == NULL)
		return;
	lpm_tree_retire(t, s);
	lpm_retire(t, s - t->slot);
	lpm_retired(t);
}

void lpm_root_retire(struct lpm_table *t, uint64_t root)
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
