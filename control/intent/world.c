/* SPDX-License-Identifier: BSD-3-Clause */
/* The world and its transactions. Owns all intents. Every change goes through here: the tree by
 * name, the index (world_index.c) and the list of what the open transaction has touched change
 * together. */
#include "world.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world_parts.h"

static int intent_compare(const struct intent *a, const struct intent *b)
{
	return strcmp(a->name, b->name);
}

RB_GENERATE(intent_tree, intent, entry, intent_compare)

int world_create(struct world **out)
{
	*out = calloc(1, sizeof(**out));
	return *out ? 0 : -ENOMEM;
}

void node_free(struct node *node)
{
	if (!node)
		return;
	free(node->intent.obj);
	json_decref(node->intent.spec);
	free(node);
}

void world_free(struct world *world)
{
	if (!world)
		return;
	if (world->open)
		world_discard(world);
	world_finish(world, 0);
	for (int type = 0; type < INTENT_TYPES; type++) {
		struct intent *intent, *next;

		RB_FOREACH_SAFE (intent, intent_tree, &world->tree[type], next) {
			RB_REMOVE(intent_tree, &world->tree[type], intent);
			node_free(node_of(intent));
		}
	}
	index_free(world);
	free(world->touch);
	free(world->change);
	free(world);
	api_decode_free();
}

const char *intent_title(const struct intent *intent, char *text, size_t size)
{
	snprintf(text, size, "%s %s", intent_kind(intent->type), intent->name);
	return text;
}

int world_fail_at(const struct world *world, const struct node *node, struct rpc_error *err)
{
	const struct touch *touch = touch_of(world, node);

	if (touch)
		rpc_error_prefix(err, "[%u]", touch->op);
	return -1;
}

static int out_of_memory(struct rpc_error *err)
{
	return rpc_fail(err, RPC_ERR_INTERNAL, "out of memory; try again");
}

/* ---- what a transaction touches ---- */

int world_begin(struct world *world)
{
	if (world->open || world->ending)
		return -EBUSY;
	memcpy(world->were, world->count, sizeof(world->were));
	world->open = world->inside = world->hiding = true;
	world->limited = false;
	world->ops = 0;
	world->check_phase = 0;
	world->check_at = 0;
	return 0;
}

void world_leave(struct world *world)
{
	world->inside = false;
}

void world_enter(struct world *world)
{
	world->inside = world->open;
}

void world_limit(struct world *world)
{
	world->limited = true;
}

/* Of a node that was there; its obj and spec are the caller's to set. */
static struct node *draft_new(struct node *home)
{
	struct node *draft = malloc(sizeof(*draft));

	if (!draft)
		return NULL;
	*draft = *home;
	draft->intent.obj = NULL;
	draft->intent.spec = NULL;
	draft->is_draft = true;
	draft->twin = home;
	home->twin = draft;
	return draft;
}

/* It is in the transaction's list from now on. NULL: no memory. */
static struct touch *touch_add(struct world *world, struct node *home)
{
	struct touch *touch;

	if (home->touch)
		return touch_of(world, home);
	if (world->touches == world->touch_room) {
		uint32_t room = world->touch_room ? 2 * world->touch_room : 16;

		touch = realloc(world->touch, room * sizeof(*touch));
		if (!touch)
			return NULL;
		world->touch = touch;
		world->touch_room = room;
	}
	touch = &world->touch[world->touches++];
	*touch = (struct touch){.node = home,
		.home = home,
		.was = home->fresh ? NULL : &home->intent,
		.op = world->ops};
	home->touch = world->touches;
	return touch;
}

struct node *world_touch(struct world *world, struct node *home)
{
	struct touch *touch = touch_add(world, home);

	if (!touch || (!home->fresh && !home->twin && !draft_new(home)))
		return NULL;
	touch->judged = false;
	touch->node = home->twin ? home->twin : home;
	return touch->node;
}

static void plant(struct world *world, struct node *node)
{
	node->world = world;
	RB_INSERT(intent_tree, &world->tree[node->intent.type], &node->intent);
}

void world_edit_begin(struct world *world, struct node *node)
{
	index_remove(world, node, node->intent.obj);
}

int world_edit_end(struct world *world, struct node *node)
{
	touch_of(world, node)->stale = true;
	return index_add(world, node, node->intent.obj);
}

uint32_t *intent_vni(enum intent_type type, union intent_object *obj)
{
	return type == INTENT_SLICE	? &obj->slice.vni
	       : type == INTENT_NETWORK ? &obj->network.vni
					: NULL;
}

/* ---- put ---- */

/* Gives the node (in the tree, or new) what it is to be from now on; obj and spec are taken. */
static void node_set(struct node *node, union intent_object *obj, json_t *spec)
{
	struct intent *intent = &node->intent;

	intent->obj = obj;
	intent->spec = spec;
	snprintf(
		intent->tenant, sizeof(intent->tenant), "%s", intent_obj_tenant(intent->type, obj));
}

static struct node *node_new(enum intent_type type, const char *name)
{
	struct node *node = calloc(1, sizeof(*node));

	if (node) {
		node->intent.type = type;
		snprintf(node->intent.name, sizeof(node->intent.name), "%s", name);
	}
	return node;
}

/* A VNI or TEID that was chosen stays when the new text names none. True: the object has changed.
 */
static bool keep_chosen(
	enum intent_type type, const union intent_object *before, union intent_object *obj)
{
	uint32_t *vni = intent_vni(type, obj);

	if (type == INTENT_SESSION)
		return fteid_keep(before, obj);
	if (!vni || *vni || !before)
		return false;
	*vni = *intent_vni(type, (union intent_object *)before);
	return *vni != 0;
}

/* In the tree, whoever sees it; NULL: no. */
static struct node *find_home(struct world *world, enum intent_type type, const char *name)
{
	struct intent like;

	snprintf(like.name, sizeof(like.name), "%s", name);
	return node_of(RB_FIND(intent_tree, &world->tree[type], &like));
}

static int refuse_full(enum intent_type type, struct rpc_error *err)
{
	err->limit = intent_types[type].limit;
	return rpc_fail(err, RPC_ERR_CAPACITY, "there are %u %s already, and may not be more",
		intent_types[type].limit, intent_path(type));
}

/* The node of the tree that takes the name: one that is there, or was deleted by this transaction,
 * or a new one. Touched; NULL with err. */
static struct node *home_for(
	struct world *world, enum intent_type type, const char *name, struct rpc_error *err)
{
	struct node *home = find_home(world, type, name), *made = NULL;

	if ((!home || home->gone) && world->count[type] >= intent_types[type].limit) {
		refuse_full(type, err);
		return NULL;
	}
	if (!home && (made = node_new(type, name))) {
		made->fresh = made->gone = true;
		home = made;
	}
	if (!home || !world_touch(world, home)) {
		free(made);
		out_of_memory(err);
		return NULL;
	}
	if (made)
		plant(world, made);
	return home;
}

/* What it was for the transaction until now is not any more. */
static void node_clear(struct world *world, struct node *home)
{
	struct node *draft = home->twin;
	union intent_object *obj =
		draft && draft->intent.obj ? draft->intent.obj : home->intent.obj;

	if (!home->gone) {
		index_remove(world, home, obj);
		world->count[home->intent.type]--;
	}
	home->gone = true;
	if (draft || home->fresh) {
		struct intent *own = draft ? &draft->intent : &home->intent;

		free(own->obj);
		json_decref(own->spec);
		own->obj = NULL;
		own->spec = NULL;
	}
}

static int put(struct world *world, enum intent_type type, union intent_object *obj, json_t *spec,
	struct rpc_error *err)
{
	const char *name = intent_obj_name(type, obj);
	struct node *home = home_for(world, type, name, err);
	struct touch *touch = home ? touch_of(world, home) : NULL;

	if (!home) {
		free(obj);
		json_decref(spec);
		return -1;
	}
	touch->op = world->ops;
	touch->asked = true;
	touch->stale = keep_chosen(type, touch->was ? touch->was->obj : NULL, obj);
	node_clear(world, home);
	home->gone = touch->node->gone = false;
	world->count[type]++;
	node_set(touch->node, obj, spec);
	return index_add(world, home, obj) ? out_of_memory(err) : 0;
}

static int put_counted(struct world *world, int rc, struct rpc_error *err)
{
	unsigned op = world->ops++;

	if (rc)
		rpc_error_prefix(err, "[%u]", op);
	return rc;
}

int world_put(
	struct world *world, enum intent_type type, const json_t *given, struct rpc_error *err)
{
	union intent_object *obj;
	json_t *spec;
	int rc = -1;

	if (!world->open)
		return rpc_fail(err, RPC_ERR_INTERNAL, "no transaction is open");
	if (!intent_parse(type, given, &obj, &spec, err))
		rc = put(world, type, obj, spec, err);
	return put_counted(world, rc, err);
}

int world_put_parsed(struct world *world, enum intent_type type, union intent_object *obj,
	json_t *spec, struct rpc_error *err)
{
	if (world->open)
		return put_counted(world, put(world, type, obj, spec, err), err);
	free(obj);
	json_decref(spec);
	return rpc_fail(err, RPC_ERR_INTERNAL, "no transaction is open");
}

int world_delete(
	struct world *world, enum intent_type type, const char *name, struct rpc_error *err)
{
	struct intent *intent = world_find(world, type, name);
	unsigned op = world->ops++;
	struct touch *touch;
	struct node *home;

	if (!world->open)
		return rpc_fail(err, RPC_ERR_INTERNAL, "no transaction is open");
	if (!intent) {
		snprintf(err->got, sizeof(err->got), "%.100s", name);
		rpc_fail(err, RPC_ERR_NOT_FOUND, "there is no %s %.100s", intent_kind(type), name);
		rpc_error_prefix(err, "[%u]", op);
		return -1;
	}
	home = node_home(node_of(intent));
	touch = touch_add(world, home);
	if (!touch)
		return out_of_memory(err);
	touch->op = op;
	touch->asked = true;
	touch->judged = false;
	node_clear(world, home);
	touch->node->gone = true;
	return 0;
}

int world_load(struct world *world, enum intent_type type, const json_t *spec, uint64_t revision,
	int64_t created_us, int64_t updated_us, const char *author, struct rpc_error *err)
{
	union intent_object *obj;
	struct node *node = NULL;
	json_t *own;

	if (intent_parse(type, spec, &obj, &own, err))
		return -EINVAL;
	if (!world_find(world, type, intent_obj_name(type, obj)))
		node = node_new(type, intent_obj_name(type, obj));
	else
		rpc_fail(err, RPC_ERR_CONFLICT, "%s %s is there twice", intent_kind(type),
			intent_obj_name(type, obj));
	if (node && !index_add(world, node, obj)) {
		node_set(node, obj, own);
		node->intent.revision = revision;
		node->intent.created_us = created_us;
		node->intent.updated_us = updated_us;
		snprintf(node->intent.updated_by, sizeof(node->intent.updated_by), "%s", author);
		plant(world, node);
		world->count[type]++;
		return 0;
	}
	free(node);
	free(obj);
	json_decref(own);
	return err->code == RPC_ERR_CONFLICT ? -EINVAL : -ENOMEM;
}
