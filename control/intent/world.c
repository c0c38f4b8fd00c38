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

static void node_free(struct node *node)
{
	free(node->intent.obj);
	json_decref(node->intent.spec);
	free(node);
}

void world_free(struct world *world)
{
	if (!world)
		return;
	if (world->open)
		world_rollback(world);
	for (int type = 0; type < INTENT_TYPES; type++) {
		struct intent *intent, *next;

		RB_FOREACH_SAFE (intent, intent_tree, &world->tree[type], next) {
			index_remove(world, node_of(intent), intent->obj);
			RB_REMOVE(intent_tree, &world->tree[type], intent);
			node_free(node_of(intent));
		}
	}
	index_trim(world);
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
	if (world->open)
		return -EBUSY;
	world->open = true;
	world->limited = false;
	world->ops = 0;
	return 0;
}

void world_limit(struct world *world)
{
	world->limited = true;
}

int world_touch(struct world *world, struct node *node)
{
	struct touch *touch;

	if (node->touch)
		return 0;
	if (world->touches == world->touch_room) {
		uint32_t room = world->touch_room ? 2 * world->touch_room : 16;

		touch = realloc(world->touch, room * sizeof(*touch));
		if (!touch)
			return -ENOMEM;
		world->touch = touch;
		world->touch_room = room;
	}
	touch = &world->touch[world->touches++];
	*touch = (struct touch){.node = node, .was = node->intent, .op = world->ops};
	node->touch = world->touches;
	return 0;
}

/* The obj and spec of before are the transaction's; what came later is not needed any more. */
static void drop_current(struct world *world, struct node *node)
{
	struct touch *touch = touch_of(world, node);

	if (node->intent.obj != touch->was.obj)
		free(node->intent.obj);
	if (node->intent.spec != touch->was.spec)
		json_decref(node->intent.spec);
	node->intent.obj = NULL;
	node->intent.spec = NULL;
}

static void plant(struct world *world, struct node *node)
{
	RB_INSERT(intent_tree, &world->tree[node->intent.type], &node->intent);
	world->count[node->intent.type]++;
}

static void uproot(struct world *world, struct node *node)
{
	RB_REMOVE(intent_tree, &world->tree[node->intent.type], &node->intent);
	world->count[node->intent.type]--;
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

static struct node *find_gone(struct world *world, enum intent_type type, const char *name)
{
	struct intent like;

	snprintf(like.name, sizeof(like.name), "%s", name);
	return node_of(RB_FIND(intent_tree, &world->gone[type], &like));
}

static int refuse_full(enum intent_type type, struct rpc_error *err)
{
	err->limit = intent_types[type].limit;
	return rpc_fail(err, RPC_ERR_CAPACITY, "there are %u %s already, and may not be more",
		intent_types[type].limit, intent_path(type));
}

/* The node that takes the name: there, deleted by this transaction, or new. NULL with err. */
static struct node *node_for(
	struct world *world, enum intent_type type, const char *name, struct rpc_error *err)
{
	struct intent *there = world_find(world, type, name);
	struct node *node = there ? node_of(there) : find_gone(world, type, name);

	if (!there && world->count[type] >= intent_types[type].limit) {
		refuse_full(type, err);
		return NULL;
	}
	if (!node)
		node = node_new(type, name);
	if (!node || world_touch(world, node)) {
		if (node && !there && !node->gone)
			free(node);
		out_of_memory(err);
		return NULL;
	}
	return node;
}

static int put(struct world *world, enum intent_type type, union intent_object *obj, json_t *spec,
	struct rpc_error *err)
{
	const char *name = intent_obj_name(type, obj);
	struct node *node = node_for(world, type, name, err);
	struct touch *touch = node ? touch_of(world, node) : NULL;

	if (!node) {
		free(obj);
		json_decref(spec);
		return -1;
	}
	touch->op = world->ops;
	touch->asked = true;
	touch->stale = keep_chosen(type, touch->was.obj, obj);
	if (node->gone) {
		RB_REMOVE(intent_tree, &world->gone[type], &node->intent);
		node->gone = false;
		plant(world, node);
	} else if (node->intent.obj) {
		index_remove(world, node, node->intent.obj);
		drop_current(world, node);
	} else {
		plant(world, node);
	}
	node_set(node, obj, spec);
	return index_add(world, node, obj) ? out_of_memory(err) : 0;
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
	struct node *node = node_of(intent);

	if (!world->open)
		return rpc_fail(err, RPC_ERR_INTERNAL, "no transaction is open");
	if (!intent) {
		snprintf(err->got, sizeof(err->got), "%.100s", name);
		rpc_fail(err, RPC_ERR_NOT_FOUND, "there is no %s %.100s", intent_kind(type), name);
		rpc_error_prefix(err, "[%u]", op);
		return -1;
	}
	if (world_touch(world, node))
		return out_of_memory(err);
	touch_of(world, node)->op = op;
	touch_of(world, node)->asked = true;
	index_remove(world, node, intent->obj);
	drop_current(world, node);
	uproot(world, node);
	RB_INSERT(intent_tree, &world->gone[type], intent);
	node->gone = true;
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
		return 0;
	}
	free(node);
	free(obj);
	json_decref(own);
	return err->code == RPC_ERR_CONFLICT ? -EINVAL : -ENOMEM;
}
