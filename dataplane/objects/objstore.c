/* SPDX-License-Identifier: BSD-3-Clause */
/* Names, keys and the open transaction (objstore.h). Owns them, and the versions. Whatever the
 * transaction takes out stays where it is until it ends, since others go on seeing it. */
#include "objstore.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"

/* That an object has a key. */
struct objstore_hold {
	RB_ENTRY(objstore_hold) link;
	struct objstore_hold *next; /* that the transaction has changed */
	struct objstore_node *node;
	struct objstore_key *key;
	uint64_t value[2]; /* CONSTRAINT_BOOKS */
	uint32_t refs[2];  /* how often it has the key; 0: not in that view */
	uint8_t role;
	bool changed;
};

RB_HEAD(objstore_nodes, objstore_node);
RB_HEAD(objstore_keys, objstore_key);

struct objstore_names {
	struct objstore_nodes tree;
	uint32_t count[2];
};

struct objstore {
	const struct api_type *types;
	const struct objstore_ops *ops;
	struct objstore_names *names; /* by type */
	unsigned type_count;
	struct objstore_keys keys;
	enum { IDLE, OPEN, PUBLISHED, DISCARDED } state;
	bool inside; /* who reads is the transaction */
	struct objstore_hold *changed;
	struct objstore_touch *touch;
	uint32_t touches, touch_room;
	uint32_t ended; /* so many touches are put away */
};

static int node_cmp(const struct objstore_node *a, const struct objstore_node *b)
{
	if (a->type != b->type)
		return a->type < b->type ? -1 : 1;
	return strcmp(a->name, b->name);
}

/* By role, then by type and name: what is reported does not depend on addresses. */
static int hold_cmp(const struct objstore_hold *a, const struct objstore_hold *b)
{
	if (a->role != b->role)
		return a->role < b->role ? -1 : 1;
	return node_cmp(a->node, b->node);
}

static int text_cmp(const struct objstore_key *a, unsigned kind, const char *text)
{
	if (a->kind != kind)
		return a->kind < kind ? -1 : 1;
	return strcmp(a->text, text);
}

static int key_cmp(const struct objstore_key *a, const struct objstore_key *b)
{
	return text_cmp(a, b->kind, b->text);
}

static uint32_t below_of(const struct objstore_key *key)
{
	return key ? key->below : 0;
}

static void count_below(struct objstore_key *key)
{
	key->below = below_of(RB_LEFT(key, link)) + below_of(RB_RIGHT(key, link)) + (key->had > 0);
}

#define LOCAL static __attribute__((unused))
RB_GENERATE_INTERNAL(objstore_nodes, objstore_node, link, node_cmp, LOCAL)
RB_GENERATE_INTERNAL(objstore_holds, objstore_hold, link, hold_cmp, LOCAL)
#undef RB_AUGMENT
#define RB_AUGMENT(key) count_below(key)
RB_GENERATE_INTERNAL(objstore_keys, objstore_key, link, key_cmp, LOCAL)

/* The tree counts anew where it turns; those above are left to its user. */
static void count_upwards(struct objstore_key *key)
{
	for (; key; key = RB_PARENT(key, link))
		count_below(key);
}

struct objstore *objstore_new(
	const struct api_type *types, unsigned type_count, const struct objstore_ops *ops)
{
	struct objstore *store = xcalloc(1, sizeof(*store));

	store->types = types;
	store->type_count = type_count;
	store->ops = ops;
	store->names = xcalloc(type_count, sizeof(*store->names));
	return store;
}

static void node_free(struct objstore_node *node)
{
	struct objstore *store = node->store;

	RB_REMOVE(objstore_nodes, &store->names[node->type].tree, node);
	free(node);
}

static void hold_free(struct objstore *store, struct objstore_hold *hold)
{
	struct objstore_key *key = hold->key, *above;

	RB_REMOVE(objstore_holds, &key->holds, hold);
	free(hold);
	if (!RB_EMPTY(&key->holds))
		return;
	above = RB_PARENT(key, link);
	RB_REMOVE(objstore_keys, &store->keys, key);
	count_upwards(above);
	free(key);
}

void objstore_free(struct objstore *store)
{
	struct objstore_key *key, *next_key;
	struct objstore_hold *hold, *next_hold;
	struct objstore_node *node, *next_node;

	if (store->state == OPEN)
		objstore_discard(store);
	objstore_finish(store, 0);
	RB_FOREACH_SAFE (key, objstore_keys, &store->keys, next_key)
		RB_FOREACH_SAFE (hold, objstore_holds, &key->holds, next_hold)
			hold_free(store, hold);
	for (unsigned type = 0; type < store->type_count; type++)
		RB_FOREACH_SAFE (node, objstore_nodes, &store->names[type].tree, next_node) {
			store->ops->free(node->version[OBJSTORE_SEEN]);
			node_free(node);
		}
	free(store->names);
	free(store->touch);
	free(store);
}

/* ---- reading ---- */

static enum objstore_view view_of(const struct objstore *store)
{
	return store->inside || store->state == PUBLISHED ? OBJSTORE_MADE : OBJSTORE_SEEN;
}

void *objstore_version(const struct objstore_node *node)
{
	return node->version[view_of(node->store)];
}

/* From this one on, the first that the reader sees. */
static struct objstore_node *seen_from(struct objstore_node *node)
{
	while (node && !objstore_version(node))
		node = RB_NEXT(objstore_nodes, , node);
	return node;
}

/* Of any view. */
static struct objstore_node *name_from(
	const struct objstore *store, unsigned type, const char *name)
{
	struct objstore_node *at = RB_ROOT(&store->names[type].tree), *found = NULL;

	while (at) {
		int order = strcmp(name, at->name);

		if (order <= 0)
			found = at;
		at = order < 0 ? RB_LEFT(at, link) : order > 0 ? RB_RIGHT(at, link) : NULL;
	}
	return found;
}

static struct objstore_node *name_find(
	const struct objstore *store, unsigned type, const char *name)
{
	struct objstore_node *node = name_from(store, type, name);

	return node && !strcmp(node->name, name) ? node : NULL;
}

struct objstore_node *objstore_find(const struct objstore *store, unsigned type, const char *name)
{
	struct objstore_node *node = name_find(store, type, name);

	return node && objstore_version(node) ? node : NULL;
}

void *objstore_seen(const struct objstore *store, unsigned type, const char *name)
{
	struct objstore_node *node = name_find(store, type, name);

	return node ? node->version[OBJSTORE_SEEN] : NULL;
}

struct objstore_node *objstore_from(const struct objstore *store, unsigned type, const char *name)
{
	return seen_from(name_from(store, type, name));
}

struct objstore_node *objstore_next(const struct objstore_node *node)
{
	return seen_from(RB_NEXT(objstore_nodes, , (struct objstore_node *)node));
}

uint32_t objstore_count(const struct objstore *store, unsigned type)
{
	return store->names[type].count[view_of(store)];
}

struct objstore_key *objstore_key_from(
	const struct objstore *store, unsigned kind, const char *text)
{
	struct objstore_key *at = RB_ROOT(&store->keys), *found = NULL;

	while (at) {
		int order = text_cmp(at, kind, text);

		if (order >= 0)
			found = at;
		if (!order)
			break;
		at = order < 0 ? RB_RIGHT(at, link) : RB_LEFT(at, link);
	}
	return found;
}

struct objstore_key *objstore_key_next(struct objstore_key *key)
{
	return RB_NEXT(objstore_keys, , key);
}

static struct objstore_key *key_find(const struct objstore *store, unsigned kind, const char *text)
{
	struct objstore_key *key = objstore_key_from(store, kind, text);

	return key && !text_cmp(key, kind, text) ? key : NULL;
}

struct objstore_node *objstore_holder(const struct objstore *store, enum constraint_role role,
	unsigned kind, const char *text, const struct objstore_node *after)
{
	const struct objstore_node first = {.type = 0};
	struct objstore_hold like = {.role = role};
	struct objstore_key *key = key_find(store, kind, text);
	struct objstore_hold *hold;

	if (!key)
		return NULL;
	like.node = (struct objstore_node *)(after ? after : &first);
	hold = RB_NFIND(objstore_holds, &key->holds, &like);
	if (hold && hold->node == after)
		hold = RB_NEXT(objstore_holds, , hold);
	while (hold && hold->role == role && !hold->refs[view_of(store)])
		hold = RB_NEXT(objstore_holds, , hold);
	return hold && hold->role == role ? hold->node : NULL;
}

uint64_t objstore_total(const struct objstore *store, unsigned kind, const char *text)
{
	const struct objstore_key *key = key_find(store, kind, text);

	return key ? key->total[view_of(store)] : 0;
}

uint32_t objstore_rank(const struct objstore *store, unsigned kind, const char *text)
{
	const struct objstore_key *at = RB_ROOT(&store->keys);
	uint32_t rank = 0;

	while (at) {
		bool less = text_cmp(at, kind, text) < 0;

		if (less)
			rank += at->below - below_of(RB_RIGHT(at, link));
		at = less ? RB_RIGHT(at, link) : RB_LEFT(at, link);
	}
	return rank;
}

/* ---- keys of what the transaction makes ---- */

static struct objstore_key *key_make(struct objstore *store, unsigned kind, const char *text)
{
	struct objstore_key *key = key_find(store, kind, text);
	size_t len = strlen(text) + 1;

	if (key)
		return key;
	key = xcalloc(1, sizeof(*key) + len);
	key->kind = kind;
	memcpy(key->text, text, len);
	RB_INSERT(objstore_keys, &store->keys, key);
	return key;
}

static struct objstore_hold *hold_find(
	struct objstore_key *key, enum constraint_role role, struct objstore_node *node)
{
	struct objstore_hold like = {.role = role, .node = node};

	return RB_FIND(objstore_holds, &key->holds, &like);
}

static struct objstore_hold *hold_make(
	struct objstore_key *key, enum constraint_role role, struct objstore_node *node)
{
	struct objstore_hold *hold = hold_find(key, role, node);

	if (hold)
		return hold;
	hold = xcalloc(1, sizeof(*hold));
	hold->key = key;
	hold->role = role;
	hold->node = node;
	RB_INSERT(objstore_holds, &key->holds, hold);
	return hold;
}

static void had_by(struct objstore_hold *hold, int more)
{
	struct objstore_key *key = hold->key;

	if (hold->role != CONSTRAINT_HAS || !more)
		return;
	key->had += more;
	count_upwards(key);
}

/* Others see it as it is until the transaction ends. */
static void hold_change(struct objstore *store, struct objstore_hold *hold)
{
	if (hold->changed)
		return;
	hold->changed = true;
	hold->next = store->changed;
	store->changed = hold;
}

/* An object that makes the same key twice books it once. */
static int add_key(const struct constraint_key *made, void *arg)
{
	struct objstore_node *node = arg;
	struct objstore_key *key = key_make(node->store, made->kind, made->text);
	struct objstore_hold *hold = hold_make(key, made->role, node);

	hold_change(node->store, hold);
	if (hold->refs[OBJSTORE_MADE]++)
		return 0;
	if (made->role == CONSTRAINT_BOOKS) {
		hold->value[OBJSTORE_MADE] = made->value;
		key->total[OBJSTORE_MADE] += made->value;
	}
	had_by(hold, 1);
	return 0;
}

static int drop_key(const struct constraint_key *made, void *arg)
{
	struct objstore_node *node = arg;
	struct objstore_key *key = key_find(node->store, made->kind, made->text);
	struct objstore_hold *hold = hold_find(key, made->role, node);

	hold_change(node->store, hold);
	if (--hold->refs[OBJSTORE_MADE])
		return 0;
	key->total[OBJSTORE_MADE] -= hold->value[OBJSTORE_MADE];
	hold->value[OBJSTORE_MADE] = 0;
	had_by(hold, -1);
	return 0;
}

static void each_key(struct objstore_node *node, constraint_visit *visit)
{
	const struct objstore *store = node->store;

	constraints_visit(store->types[node->type].constraints,
		store->ops->object(node->version[OBJSTORE_MADE]), visit, node);
}

/* ---- changing ---- */

bool objstore_begin(struct objstore *store)
{
	if (store->state != IDLE)
		return false;
	store->state = OPEN;
	store->inside = true;
	return true;
}

bool objstore_is_open(const struct objstore *store)
{
	return store->state == OPEN;
}

void objstore_enter(struct objstore *store, bool inside)
{
	store->inside = inside && store->state == OPEN;
}

static struct objstore_touch *touch(struct objstore_node *node)
{
	struct objstore *store = node->store;
	struct objstore_touch *touch;

	if (!node->touch) {
		touch = xarray_add(
			&store->touch, &store->touch_room, &store->touches, sizeof(*touch));
		touch->node = node;
		node->touch = store->touches;
	}
	touch = &store->touch[node->touch - 1];
	touch->effect = 0;
	return touch;
}

/* The transaction has it no more. */
static void unmake(struct objstore_node *node)
{
	struct objstore *store = node->store;

	if (!node->version[OBJSTORE_MADE])
		return;
	each_key(node, drop_key);
	if (node->version[OBJSTORE_MADE] != node->version[OBJSTORE_SEEN])
		store->ops->free(node->version[OBJSTORE_MADE]);
	node->version[OBJSTORE_MADE] = NULL;
	store->names[node->type].count[OBJSTORE_MADE]--;
}

struct objstore_touch *objstore_put(
	struct objstore *store, unsigned type, const char *name, void *version)
{
	struct objstore_node *node = name_find(store, type, name);
	struct objstore_names *names = &store->names[type];

	if ((!node || !node->version[OBJSTORE_MADE]) &&
		names->count[OBJSTORE_MADE] >= store->types[type].limit)
		return NULL;
	if (!node) {
		node = xcalloc(1, sizeof(*node));
		node->store = store;
		node->type = type;
		snprintf(node->name, sizeof(node->name), "%s", name);
		RB_INSERT(objstore_nodes, &names->tree, node);
	}
	unmake(node);
	node->version[OBJSTORE_MADE] = version;
	names->count[OBJSTORE_MADE]++;
	each_key(node, add_key);
	return touch(node);
}

struct objstore_touch *objstore_delete(struct objstore_node *node)
{
	unmake(node);
	return touch(node);
}

void objstore_edit_begin(struct objstore_node *node)
{
	each_key(node, drop_key);
}

void objstore_edit_end(struct objstore_node *node)
{
	each_key(node, add_key);
}

uint32_t objstore_touched(const struct objstore *store)
{
	return store->touches;
}

struct objstore_touch *objstore_touch_at(const struct objstore *store, uint32_t at)
{
	return &store->touch[at];
}

struct objstore_touch *objstore_touch_of(const struct objstore_node *node)
{
	return node->touch ? &node->store->touch[node->touch - 1] : NULL;
}

/* ---- the end ---- */

void objstore_publish(struct objstore *store)
{
	store->state = PUBLISHED;
	store->inside = false;
}

void objstore_discard(struct objstore *store)
{
	store->state = DISCARDED;
	store->inside = false;
}

/* Both views are as the one that is kept. */
static void hold_end(struct objstore *store, struct objstore_hold *hold, enum objstore_view kept)
{
	struct objstore_key *key = hold->key;

	if (kept == OBJSTORE_SEEN)
		had_by(hold, !!hold->refs[OBJSTORE_SEEN] - !!hold->refs[OBJSTORE_MADE]);
	hold->changed = false;
	hold->value[!kept] = hold->value[kept];
	hold->refs[!kept] = hold->refs[kept];
	key->total[!kept] = key->total[kept];
	if (!hold->refs[kept])
		hold_free(store, hold);
}

static void node_end(struct objstore_node *node, enum objstore_view kept)
{
	struct objstore *store = node->store;

	node->touch = 0;
	if (node->version[!kept] && node->version[!kept] != node->version[kept])
		store->ops->free(node->version[!kept]);
	node->version[!kept] = node->version[kept];
	if (!node->version[kept])
		node_free(node);
}

/* Who has keys first: they name nodes. */
bool objstore_finish(struct objstore *store, uint64_t until_us)
{
	enum objstore_view kept = view_of(store);
	struct objstore_hold *hold;

	if (store->state < PUBLISHED)
		return true;
	while ((hold = store->changed)) {
		store->changed = hold->next;
		hold_end(store, hold, kept);
		if (is_late(until_us))
			return false;
	}
	while (store->ended < store->touches) {
		node_end(store->touch[store->ended++].node, kept);
		if (is_late(until_us))
			return false;
	}
	for (unsigned type = 0; type < store->type_count; type++)
		store->names[type].count[!kept] = store->names[type].count[kept];
	store->touches = store->ended = 0;
	store->state = IDLE;
	return true;
}
