/* SPDX-License-Identifier: BSD-3-Clause */
/* The model of objects (model.h). Owns the objects and their versions. */
#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "noun.h"

RB_HEAD(object_tree, object);
RB_HEAD(unique_tree, version);

#define ID_MAX (LIMIT_SLICES + 1)
_Static_assert(LIMIT_ATTACHMENTS < ID_MAX && LIMIT_TUNNELS < ID_MAX && LIMIT_PORTS < ID_MAX,
	"ids fit by_id");

/* A message names few objects again and again: a hundred thousand MACs of one slice. */
#define NEAR 8

static struct {
	struct object_tree objects;
	struct unique_tree uniques;
	uint32_t count;
	struct object **by_id;
	struct object *near[NEAR]; /* found lately, by a hash of the key */
} model[OBJECT_TYPES];

static int object_cmp(const struct object *a, const struct object *b)
{
	return strcmp(a->key, b->key);
}

static int unique_cmp(const struct version *a, const struct version *b)
{
	return strcmp(a->unique, b->unique);
}

/* what RB_GENERATE_STATIC would say, without the `__unused` that Linux headers do not let libbsd
 * define */
#define LOCAL static __attribute__((unused))
RB_GENERATE_INTERNAL(object_tree, object, node, object_cmp, LOCAL)
RB_GENERATE_INTERNAL(unique_tree, version, unique_node, unique_cmp, LOCAL)

/* A key to search with; the tree compares nothing but keys. */
union probe {
	struct object obj;
	char room[sizeof(struct object) + API_KEY_BYTES];
};

static struct object *probe_key(union probe *probe, const char *key)
{
	snprintf(probe->room + offsetof(struct object, key), API_KEY_BYTES, "%s", key);
	return &probe->obj;
}

static struct object **near_place(enum object_type type, const char *key)
{
	return &model[type].near[hash_fnv32(HASH_FNV32, key, strlen(key)) % NEAR];
}

static bool is_there(const struct object *obj)
{
	return obj->now && obj->now->is_linked;
}

struct object *model_find_any(enum object_type type, const char *key)
{
	struct object **near = near_place(type, key);
	union probe probe;

	if (!*near || strcmp((*near)->key, key))
		*near = RB_FIND(object_tree, &model[type].objects, probe_key(&probe, key));
	return *near;
}

struct object *model_find(enum object_type type, const char *key)
{
	struct object *obj = model_find_any(type, key);

	return obj && is_there(obj) ? obj : NULL;
}

struct object *model_by_id(enum object_type type, uint16_t id)
{
	return model[type].by_id && id < ID_MAX ? model[type].by_id[id] : NULL;
}

uint32_t model_count(enum object_type type)
{
	return model[type].count;
}

struct object *model_after(enum object_type type, const char *key)
{
	union probe probe;
	struct object *obj = RB_NFIND(object_tree, &model[type].objects, probe_key(&probe, key));

	return obj && (!strcmp(obj->key, key) || !is_there(obj)) ? model_next(obj) : obj;
}

struct object *model_next(struct object *obj)
{
	do
		obj = RB_NEXT(object_tree, , obj);
	while (obj && !is_there(obj));
	return obj;
}

const char *model_label(const struct object *obj, char *text, size_t size)
{
	snprintf(text, size, "%s %s", obj->type->name, obj->key);
	return text;
}

struct object *model_make(const struct api_type *type, const char *key)
{
	struct object *obj = model_find_any(type->type, key);
	size_t len = strlen(key) + 1;

	if (obj)
		return obj;
	if (!model[type->type].by_id)
		model[type->type].by_id = calloc(ID_MAX, sizeof(struct object *));
	obj = calloc(1, sizeof(*obj) + len);
	if (!obj || !model[type->type].by_id) {
		free(obj);
		return NULL;
	}
	obj->type = type;
	LIST_INIT(&obj->used_by);
	memcpy(obj->key, key, len);
	RB_INSERT(object_tree, &model[type->type].objects, obj);
	return obj;
}

void model_drop(struct object *obj)
{
	struct object **near = near_place(obj->type->type, obj->key);

	if (*near == obj)
		*near = NULL;
	RB_REMOVE(object_tree, &model[obj->type->type].objects, obj);
	free(obj);
}

#define REFS_MAX (LIMIT_ROUTE_VIA * 3 + 2)

struct ref_list {
	struct object *to[REFS_MAX];
	uint32_t count;
};

static int refs_of(const struct api_field *fields, const void *structure, struct ref_list *list,
	struct rpc_error *err);

static int refs_of_via(const struct api_route *route, struct ref_list *list, struct rpc_error *err)
{
	for (uint32_t i = 0; i < route->via_count; i++) {
		if (refs_of(api_via_fields, &route->via[i], list, err)) {
			rpc_error_prefix(err, "via[%u]", i);
			return -1;
		}
	}
	return 0;
}

static int refs_of(const struct api_field *fields, const void *structure, struct ref_list *list,
	struct rpc_error *err)
{
	for (const struct api_field *field = fields; field->name; field++) {
		const char *name = (const char *)structure + field->offset;
		struct object *to;

		if (field->kind == FIELD_VIA && refs_of_via(structure, list, err))
			return -1;
		if (field->kind != FIELD_NAME || field->ref < 0 || !*name)
			continue;
		to = model_find(field->ref, name);
		if (!to)
			return noun_fail_missing(err, field->name, field->ref, name);
		list->to[list->count++] = to;
	}
	return 0;
}

size_t model_bytes(const struct api_type *type, const union api_object *data)
{
	if (type->type != OBJECT_ROUTE)
		return type->size;
	return offsetof(struct api_route, via) + data->route.via_count * sizeof(struct api_via);
}

int version_new(const struct api_type *type, const union api_object *data, const char *unique,
	struct version **out, struct rpc_error *err)
{
	struct ref_list list = {.count = 0};
	struct version *version;
	size_t head;

	if (refs_of(type->fields, data, &list, err))
		return -1;
	head = sizeof(*version) + list.count * sizeof(struct ref);
	version = calloc(1, head + model_bytes(type, data));
	if (!version)
		return rpc_fail(err, RPC_ERR_INTERNAL, "out of memory");
	if (*unique && !(version->unique = strdup(unique))) {
		free(version);
		return rpc_fail(err, RPC_ERR_INTERNAL, "out of memory");
	}
	version->data = (union api_object *)((char *)version + head);
	memcpy(version->data, data, model_bytes(type, data));
	version->n_refs = list.count;
	for (uint32_t i = 0; i < list.count; i++) {
		version->refs[i].from = version;
		version->refs[i].to = list.to[i];
	}
	*out = version;
	return 0;
}

void version_free(struct version *version)
{
	if (!version)
		return;
	free(version->unique);
	free(version);
}

struct object *version_ref(const struct version *version, enum object_type type)
{
	for (uint32_t i = 0; i < version->n_refs; i++)
		if (version->refs[i].to->type->type == type)
			return version->refs[i].to;
	return NULL;
}

struct object *model_unique_holder(enum object_type type, const char *unique)
{
	struct version probe = {.unique = (char *)unique};
	struct version *found = RB_FIND(unique_tree, &model[type].uniques, &probe);

	return found ? found->owner : NULL;
}

void model_enter(struct object *obj, struct version *version)
{
	enum object_type type = obj->type->type;

	version->owner = obj;
	version->is_linked = true;
	obj->now = version;
	model[type].by_id[obj->id] = obj;
	model[type].count++;
	for (uint32_t i = 0; i < version->n_refs; i++)
		LIST_INSERT_HEAD(&version->refs[i].to->used_by, &version->refs[i], link);
	if (version->unique)
		RB_INSERT(unique_tree, &model[type].uniques, version);
}

void model_leave(struct object *obj)
{
	enum object_type type = obj->type->type;
	struct version *version = obj->now;

	version->is_linked = false;
	model[type].count--;
	for (uint32_t i = 0; i < version->n_refs; i++)
		LIST_REMOVE(&version->refs[i], link);
	if (version->unique)
		RB_REMOVE(unique_tree, &model[type].uniques, version);
}

void model_forget_id(const struct object *obj, uint16_t id)
{
	struct object **at = &model[obj->type->type].by_id[id];

	if (*at == obj)
		*at = NULL;
}

void model_free(void)
{
	for (int type = 0; type < OBJECT_TYPES; type++) {
		struct object *obj, *next;

		RB_FOREACH_SAFE (obj, object_tree, &model[type].objects, next) {
			RB_REMOVE(object_tree, &model[type].objects, obj);
			version_free(obj->now);
			free(obj);
		}
		free(model[type].by_id);
	}
	memset(model, 0, sizeof(model));
}
