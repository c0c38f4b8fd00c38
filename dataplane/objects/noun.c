/* SPDX-License-Identifier: BSD-3-Clause */
/* What the store knows of its types, objects as others see them, and common refusals (noun.h). */
#include "noun.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const struct noun *nouns[OBJECT_TYPES];
const struct backend *backends[OBJECT_TYPES];
struct store_ends store_ends;

json_t *noun_encode(const struct object *obj)
{
	const struct noun *noun = nouns[obj->type->type];
	union api_object copy;

	memcpy(&copy, obj->now->data, model_bytes(obj->type, obj->now->data));
	if (noun->answer)
		noun->answer(obj, &copy);
	return api_encode(obj->type, &copy);
}

int noun_load(const struct api_type *type, const char *key, union api_object *out)
{
	const struct object *obj = nouns[type->type] ? model_find(type->type, key) : NULL;
	char canonical[API_KEY_BYTES];
	struct rpc_error ignored = {0};
	union api_object wanted;

	if (obj) {
		memcpy(out, obj->now->data, model_bytes(type, obj->now->data));
		return 0;
	}
	if (!backends[type->type] || api_key_parse(type, key, "", canonical, &wanted, &ignored))
		return -1;
	return backends[type->type]->find(&wanted, out) == 0 ? 0 : -1;
}

json_t *noun_plain(const struct api_type *type, const char *key)
{
	union api_object data;
	json_t *json = noun_load(type, key, &data) ? NULL : api_encode(type, &data);

	for (const struct api_field *field = type->fields; json && field->name; field++)
		if (field->flags & FIELD_ANSWER)
			json_object_del(json, field->name);
	return json;
}

int noun_fail_conflict(
	struct rpc_error *err, const char *field, const char *with, const char *fmt, ...)
{
	va_list args;

	err->code = RPC_ERR_CONFLICT;
	va_start(args, fmt);
	vsnprintf(err->message, sizeof(err->message), fmt, args);
	va_end(args);
	snprintf(err->path, sizeof(err->path), "%s", field);
	snprintf(err->with, sizeof(err->with), "%s", with);
	return -1;
}

int noun_fail_missing(
	struct rpc_error *err, const char *field, enum object_type type, const char *name)
{
	const char *what = api_types[type].name;
	char want[64];

	snprintf(want, sizeof(want), "the name of a%s %s", what[0] == 'a' ? "n" : "", what);
	rpc_fail_value(err, field, want, name);
	snprintf(err->message, sizeof(err->message), "there is no %s \"%s\"", what, name);
	snprintf(err->with, sizeof(err->with), "%s %.80s", what, name);
	return -1;
}

int noun_fail_in_use(struct rpc_error *err, const struct object *obj, const char *by)
{
	rpc_fail(err, RPC_ERR_IN_USE, "%s %.100s is still used by %.100s", obj->type->name,
		obj->key, by);
	snprintf(err->by, sizeof(err->by), "%s", by);
	return -1;
}

int noun_check_rows(struct rpc_error *err, const struct object *obj)
{
	for (int type = 0; type < OBJECT_TYPES; type++)
		if (backends[type] && backends[type]->check_unused &&
			backends[type]->check_unused(err, obj))
			return -1;
	return 0;
}

int noun_check_unused(struct rpc_error *err, const struct object *obj)
{
	const struct ref *user = LIST_FIRST(&obj->used_by);
	char by[160];

	if (user)
		return noun_fail_in_use(err, obj, model_label(user->from->owner, by, sizeof(by)));
	return noun_check_rows(err, obj);
}

int noun_check_unused_change(struct rpc_error *err, const struct change *change)
{
	char by[160];

	if (change->user)
		return noun_fail_in_use(
			err, change->obj, model_label(change->user, by, sizeof(by)));
	return noun_check_unused(err, change->obj);
}
