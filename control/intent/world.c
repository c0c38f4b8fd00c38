/* SPDX-License-Identifier: BSD-3-Clause */
/* The world and its transactions: intents as versions in an objstore, which has the names, the keys
 * and the two views. What the rules say is in world_check.c. Owns what a version holds. */
#include "world.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "intent_private.h"

/* Takes obj and spec. */
static struct intent *intent_new(enum intent_type type, union intent_object *obj, json_t *spec)
{
	struct intent *intent = xcalloc(1, sizeof(*intent));

	intent->type = type;
	intent->obj = obj;
	intent->spec = spec;
	snprintf(intent->name, sizeof(intent->name), "%s", intent_obj_name(type, obj));
	snprintf(intent->tenant, sizeof(intent->tenant), "%s", intent_obj_tenant(type, obj));
	return intent;
}

static void intent_free(void *version)
{
	struct intent *intent = version;

	free(intent->obj);
	json_decref(intent->spec);
	free(intent);
}

static const void *intent_object(const void *version)
{
	return ((const struct intent *)version)->obj;
}

struct world *world_create(void)
{
	static const struct objstore_ops ops = {intent_object, intent_free};
	struct world *world = xcalloc(1, sizeof(*world));

	world->store = objstore_new(intent_types, INTENT_TYPES, &ops);
	return world;
}

void world_free(struct world *world)
{
	if (!world)
		return;
	objstore_free(world->store);
	vni_forget(world);
	free(world);
	api_decode_free();
}

const char *intent_title(const struct intent *intent, char *text, size_t size)
{
	snprintf(text, size, "%s %s", intent_kind(intent->type), intent->name);
	return text;
}

/* ---- reading ---- */

static struct intent *intent_at(const struct objstore_node *node)
{
	return node ? objstore_version(node) : NULL;
}

struct intent *world_find(const struct world *world, enum intent_type type, const char *name)
{
	return intent_at(objstore_find(world->store, type, name));
}

struct intent *world_first(const struct world *world, enum intent_type type)
{
	return intent_at(objstore_from(world->store, type, ""));
}

struct intent *world_next(const struct intent *intent)
{
	return intent_at(objstore_next(intent->node));
}

struct intent *world_after(const struct world *world, enum intent_type type, const char *name)
{
	struct intent *intent = intent_at(objstore_from(world->store, type, name));

	return intent && !strcmp(intent->name, name) ? world_next(intent) : intent;
}

size_t world_count(const struct world *world, enum intent_type type)
{
	return objstore_count(world->store, type);
}

struct intent *world_holder(const struct world *world, enum constraint_role role,
	enum key_kind kind, const char *text, const struct intent *after)
{
	return intent_at(
		objstore_holder(world->store, role, kind, text, after ? after->node : NULL));
}

struct intent *world_hosts_at(const struct world *world, const char *site, const char *port,
	uint32_t vlan, struct intent *after)
{
	char text[API_KEY_BYTES];

	key_place(text, site, port, vlan);
	return world_holder(world, CONSTRAINT_AT, KEY_PLACE, text, after);
}

struct intent *world_network_of(const struct world *world, const char *host, struct intent *after)
{
	return world_holder(world, CONSTRAINT_NEEDS, KEY_HOST, host, after);
}

struct intent *world_at_place(
	const struct world *world, const char *site, const char *port, uint32_t vlan)
{
	struct intent *host = NULL, *network, *slice;
	char text[API_KEY_BYTES];

	key_place(text, site, port, vlan);
	slice = world_holder(world, CONSTRAINT_HAS, KEY_PLACE, text, NULL);
	if (slice)
		return slice;
	while ((host = world_hosts_at(world, site, port, vlan, host))) {
		network = world_network_of(world, host->name, NULL);
		if (network)
			return network;
	}
	return NULL;
}

uint64_t world_booked_bps(const struct world *world, const char *wan)
{
	return objstore_total(world->store, KEY_BOOKED, wan);
}

/* They are in the order of their keys, SITE/PREFERENCE/NAME. */
struct intent *world_wans_of(const struct world *world, const char *site, struct intent *after)
{
	char text[API_KEY_BYTES];
	struct objstore_key *key;
	struct intent *wan;
	size_t len;

	len = snprintf(text, sizeof(text), "%.*s/", LIMIT_NAME, site);
	if (after)
		snprintf(text + len, sizeof(text) - len, "%0*u/%s", KEY_ORDER_DIGITS,
			after->obj->wan.preference, after->name);
	key = objstore_key_from(world->store, KEY_ORDER, text);
	if (key && after && !strcmp(key->text, text))
		key = objstore_key_next(key);
	for (; key && key->kind == KEY_ORDER && !strncmp(key->text, text, len);
		key = objstore_key_next(key)) {
		wan = world_holder(world, CONSTRAINT_AT, KEY_ORDER, key->text, NULL);
		if (wan)
			return wan;
	}
	return NULL;
}

/* ---- changing ---- */

int world_begin(struct world *world)
{
	if (!objstore_begin(world->store))
		return -EBUSY;
	world->limited = false;
	world->ops = 0;
	world->numberless = 0;
	world->check_phase = 0;
	world->check_at = 0;
	return 0;
}

void world_leave(struct world *world)
{
	objstore_enter(world->store, false);
}

void world_enter(struct world *world)
{
	objstore_enter(world->store, true);
}

void world_limit(struct world *world)
{
	world->limited = true;
}

uint32_t *intent_vni(enum intent_type type, union intent_object *obj)
{
	return type == INTENT_SLICE	? &obj->slice.vni
	       : type == INTENT_NETWORK ? &obj->network.vni
					: NULL;
}

void world_edit_begin(struct intent *intent)
{
	objstore_edit_begin(intent->node);
	intent->stale = true;
}

void world_edit_end(struct intent *intent)
{
	objstore_edit_end(intent->node);
}

/* A VNI or TEID that was chosen stays when the new text names none. */
static void keep_chosen(const struct intent *was, struct intent *intent)
{
	uint32_t *vni = intent_vni(intent->type, intent->obj);

	if (!was)
		return;
	if (intent->type == INTENT_SESSION)
		intent->stale = fteid_keep(was->obj, intent->obj);
	if (vni && !*vni) {
		*vni = *intent_vni(was->type, was->obj);
		intent->stale = *vni != 0;
	}
}

/* What is known of it, but for what it is. */
static void inherit(struct intent *intent, const struct intent *was)
{
	if (!was)
		return;
	intent->revision = was->revision;
	intent->created_us = was->created_us;
	intent->updated_us = was->updated_us;
	memcpy(intent->updated_by, was->updated_by, sizeof(intent->updated_by));
	intent->status = was->status;
}

/* NULL with err, and the intent is gone. */
static struct objstore_touch *put(struct world *world, struct intent *intent, struct rpc_error *err)
{
	const struct intent *was = objstore_seen(world->store, intent->type, intent->name);
	uint32_t limit = intent_types[intent->type].limit;
	struct objstore_touch *touch;

	keep_chosen(was, intent);
	inherit(intent, was);
	touch = objstore_put(world->store, intent->type, intent->name, intent);
	if (touch) {
		intent->node = touch->node;
		return touch;
	}
	err->limit = limit;
	rpc_fail(err, RPC_ERR_CAPACITY, "there are %u %s already, and may not be more", limit,
		intent_path(intent->type));
	intent_free(intent);
	return NULL;
}

void world_take_along(struct world *world, const struct intent *intent, unsigned op)
{
	struct intent *draft = intent_new(
		intent->type, intent_copy(intent->type, intent->obj), json_incref(intent->spec));
	struct objstore_touch *touch = objstore_put(world->store, draft->type, draft->name, draft);

	draft->node = touch->node;
	inherit(draft, intent);
	touch->op = op;
}

int world_put_parsed(struct world *world, enum intent_type type, union intent_object *obj,
	json_t *spec, struct rpc_error *err)
{
	struct intent *intent = intent_new(type, obj, spec);
	struct objstore_touch *touch;

	if (!objstore_is_open(world->store)) {
		intent_free(intent);
		return rpc_fail(err, RPC_ERR_INTERNAL, "no transaction is open");
	}
	touch = put(world, intent, err);
	if (touch) {
		touch->op = world->ops++;
		touch->asked = true;
		return 0;
	}
	rpc_error_prefix(err, "[%u]", world->ops++);
	return -1;
}

int world_put(
	struct world *world, enum intent_type type, const json_t *given, struct rpc_error *err)
{
	union intent_object *obj;
	json_t *spec;

	if (!intent_parse(type, given, &obj, &spec, err))
		return world_put_parsed(world, type, obj, spec, err);
	rpc_error_prefix(err, "[%u]", world->ops++);
	return -1;
}

int world_delete(
	struct world *world, enum intent_type type, const char *name, struct rpc_error *err)
{
	struct objstore_node *node = objstore_find(world->store, type, name);
	unsigned op = world->ops++;
	struct objstore_touch *touch;

	if (!objstore_is_open(world->store))
		return rpc_fail(err, RPC_ERR_INTERNAL, "no transaction is open");
	if (!node) {
		snprintf(err->got, sizeof(err->got), "%.100s", name);
		rpc_fail(err, RPC_ERR_NOT_FOUND, "there is no %s %.100s", intent_kind(type), name);
		rpc_error_prefix(err, "[%u]", op);
		return -1;
	}
	touch = objstore_delete(node);
	touch->op = op;
	touch->asked = true;
	return 0;
}

int world_load(struct world *world, enum intent_type type, const json_t *spec, uint64_t revision,
	int64_t created_us, int64_t updated_us, const char *author, struct rpc_error *err)
{
	struct objstore_touch *touch;
	union intent_object *obj;
	struct intent *intent;
	json_t *own;

	if (intent_parse(type, spec, &obj, &own, err))
		return -EINVAL;
	intent = intent_new(type, obj, own);
	if (world_find(world, type, intent->name)) {
		rpc_fail(err, RPC_ERR_CONFLICT, "%s %s is there twice", intent_kind(type),
			intent->name);
		intent_free(intent);
		return -EINVAL;
	}
	intent->revision = revision;
	intent->created_us = created_us;
	intent->updated_us = updated_us;
	snprintf(intent->updated_by, sizeof(intent->updated_by), "%s", author);
	objstore_begin(world->store);
	touch = put(world, intent, err);
	objstore_publish(world->store);
	objstore_finish(world->store, 0);
	return touch ? 0 : -EINVAL;
}

/* ---- what a transaction does ---- */

static const struct intent *seen(const struct objstore_touch *touch)
{
	return touch->node->version[OBJSTORE_SEEN];
}

static struct intent *made(const struct objstore_touch *touch)
{
	return touch->node->version[OBJSTORE_MADE];
}

enum world_effect world_judge(struct objstore_touch *touch)
{
	const struct intent *was = seen(touch), *now = made(touch);
	enum world_effect effect;

	if (touch->effect)
		return touch->effect - 1;
	effect = !now				    ? WORLD_DELETED
		 : !was				    ? WORLD_CREATED
		 : json_equal(was->spec, now->spec) ? WORLD_UNCHANGED
						    : WORLD_UPDATED;
	touch->effect = effect + 1;
	return effect;
}

size_t world_touched(const struct world *world)
{
	return objstore_touched(world->store);
}

bool world_change_at(const struct world *world, size_t at, struct world_change *change)
{
	struct objstore_touch *touch = objstore_touch_at(world->store, at);
	const struct intent *was = seen(touch), *now = made(touch);

	if (!now && !was) /* created and deleted again */
		return false;
	*change = (struct world_change){.type = touch->node->type,
		.name = touch->node->name,
		.intent = now,
		.was = was,
		.effect = world_judge(touch),
		.asked = touch->asked,
		.before = was ? was->spec : NULL,
		.after = now ? now->spec : NULL};
	return true;
}

/* ---- its end ---- */

/* What has changed is pending; the state that others have given it meanwhile stays. */
static void settle(struct intent *now, const struct intent *was, enum world_effect effect,
	const struct intent *stamp)
{
	inherit(now, was);
	if (!was)
		now->created_us = now->status.since_us = stamp->updated_us;
	if (effect == WORLD_UNCHANGED)
		return;
	now->revision = stamp->revision;
	now->updated_us = stamp->updated_us;
	memcpy(now->updated_by, stamp->updated_by, sizeof(now->updated_by));
	now->status.state = INTENT_PENDING;
}

/* Of each only what must be done at once: the loop stands for it. */
void world_publish(struct world *world, uint64_t revision, int64_t now_us, const char *author)
{
	struct intent stamp = {.revision = revision, .updated_us = now_us};

	snprintf(stamp.updated_by, sizeof(stamp.updated_by), "%s", author);
	for (uint32_t i = 0; i < objstore_touched(world->store); i++) {
		struct objstore_touch *touch = objstore_touch_at(world->store, i);

		if (made(touch))
			settle(made(touch), seen(touch), world_judge(touch), &stamp);
	}
	objstore_publish(world->store);
}

void world_discard(struct world *world)
{
	objstore_discard(world->store);
}

bool world_finish(struct world *world, uint64_t until_us)
{
	if (!objstore_finish(world->store, until_us))
		return false;
	vni_forget(world);
	return true;
}

void world_commit(struct world *world, uint64_t revision, int64_t now_us, const char *author)
{
	world_publish(world, revision, now_us, author);
	world_finish(world, 0);
}

void world_rollback(struct world *world)
{
	world_discard(world);
	world_finish(world, 0);
}
