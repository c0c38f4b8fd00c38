/* SPDX-License-Identifier: BSD-3-Clause */
/* What the fake dataplane holds, and its answers (fake.h). References between objects are looked
 * at as the schema declares them, when `references` asks for it. */
#include "fake_state.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema.h"

static json_t *error_new(int code, const char *path, const char *message)
{
	json_t *error = json_pack("{s:i, s:s}", "code", code, "message", message);

	if (path)
		json_object_set_new(error, "data", json_pack("{s:s}", "path", path));
	return json_pack("{s:o}", "error", error);
}

static json_t *of_type(json_t *state, const char *type)
{
	json_t *objects = json_object_get(state, type);

	if (!objects) {
		objects = json_object();
		json_object_set_new(state, type, objects);
	}
	return objects;
}

/* The objects that a route names beside its fields: the slice of its table, and where its ways
 * lead. */
static json_t *route_refs(const json_t *route)
{
	const char *table = json_string_value(json_object_get(route, "table")), *field;
	json_t *refs = json_array(), *via, *value;
	size_t i;

	if (strcmp(table, "underlay"))
		json_array_append_new(refs, json_pack("[s, s]", "slice", table));
	json_array_foreach (json_object_get(route, "via"), i, via)
		json_object_foreach (via, field, value)
			if (!strcmp(field, "attachment") || !strcmp(field, "port") ||
				!strcmp(field, "tunnel"))
				json_array_append_new(refs, json_pack("[s, O]", field, value));
	return refs;
}

static json_t *check_route(json_t *state, const json_t *route, const char *path)
{
	json_t *refs = route_refs(route), *ref, *error = NULL;
	size_t i;

	json_array_foreach (refs, i, ref) {
		const char *type = json_string_value(json_array_get(ref, 0));

		if (!json_object_get(
			    of_type(state, type), json_string_value(json_array_get(ref, 1))))
			error = error_new(-32602, path, "the route names what is not there");
		if (error)
			break;
	}
	json_decref(refs);
	return error;
}

static bool route_names(const json_t *route, const char *type, const char *key)
{
	json_t *refs = route_refs(route), *ref;
	bool names = false;
	size_t i;

	json_array_foreach (refs, i, ref)
		names |= !strcmp(json_string_value(json_array_get(ref, 0)), type) &&
			 !strcmp(json_string_value(json_array_get(ref, 1)), key);
	json_decref(refs);
	return names;
}

/* The label of what names object (type, key) in a field that the schema calls a reference. */
static bool named_by(
	json_t *state, enum object_type type, const char *key, char *label, size_t size)
{
	if (type == OBJECT_ROUTE || type == OBJECT_NEIGHBOR || type == OBJECT_MAC)
		return false; /* there may be many, and nothing names them */
	for (int t = 0; t < OBJECT_TYPES; t++) {
		const char *user;
		json_t *object;

		json_object_foreach (of_type(state, api_types[t].name), user, object) {
			if (t == OBJECT_ROUTE && route_names(object, api_types[type].name, key)) {
				snprintf(label, size, "route %s", user);
				return true;
			}
			for (const struct api_field *f = api_types[t].fields; f->name; f++) {
				const char *text =
					json_string_value(json_object_get(object, f->name));

				if (f->kind != FIELD_NAME || f->ref != (int)type || !text ||
					strcmp(text, key))
					continue;
				snprintf(label, size, "%s %s", api_types[t].name, user);
				return true;
			}
		}
	}
	return false;
}

/* What object names is there, and its VNI is nobody else's. NULL, or the refusal. */
static json_t *check_references(json_t *state, const struct api_type *type, const json_t *object,
	const char *key, const char *path)
{
	char at[128], message[200], with[100];
	const char *other, *field;
	json_t *one;

	for (const struct api_field *f = type->fields; f->name; f++) {
		const char *text = json_string_value(json_object_get(object, f->name));

		if (f->kind != FIELD_NAME || f->ref < 0 || !text ||
			json_object_get(of_type(state, api_types[f->ref].name), text))
			continue;
		snprintf(at, sizeof(at), "%s.%s", path, f->name);
		snprintf(message, sizeof(message), "there is no %s %s", api_types[f->ref].name,
			text);
		return error_new(-32001, at, message);
	}
	if (type->type == OBJECT_ROUTE)
		return check_route(state, object, path);
	field = type->type == OBJECT_SLICE ? "vni" : type->type == OBJECT_TUNNEL ? "remote" : NULL;
	if (!field)
		return NULL;
	json_object_foreach (of_type(state, type->name), other, one) {
		if (!strcmp(other, key) ||
			!json_equal(json_object_get(one, field), json_object_get(object, field)))
			continue;
		snprintf(at, sizeof(at), "%s.%s", path, field);
		snprintf(message, sizeof(message), "the %s is already taken by %s %s", field,
			type->name, other);
		snprintf(with, sizeof(with), "%s %s", type->name, other);
		one = error_new(-32004, at, message);
		json_object_set_new(json_object_get(json_object_get(one, "error"), "data"), "with",
			json_string(with));
		return one;
	}
	return NULL;
}

static json_t *put_one(struct fake *fake, json_t *state, const struct api_type *type,
	const json_t *object, const char *path)
{
	char key[API_KEY_BYTES], label[API_KEY_BYTES + 32];
	union api_object data;
	struct rpc_error err = {0};
	const json_t *refuse;

	if (api_decode(type, object, "", &data, &err))
		return error_new(err.code, path, err.message);
	api_key(type, &data, key);
	snprintf(label, sizeof(label), "%s %s", type->name, key);
	refuse = json_object_get(fake->refuse, label);
	if (refuse) {
		json_t *code = json_object_get(refuse, "code");

		return error_new(code ? (int)json_integer_value(code) : -32602,
			fake->refuse_no_path ? NULL : path, "it is refused, as the test wants it");
	}
	if (!json_object_get(of_type(state, type->name), key) &&
		json_object_get(fake->limits, type->name) &&
		(json_int_t)json_object_size(of_type(state, type->name)) >=
			json_integer_value(json_object_get(fake->limits, type->name)))
		return error_new(-32003, path, "there is no room");
	if (fake->references) {
		json_t *error = check_references(state, type, object, key, path);

		if (error)
			return error;
	}
	json_object_set_new(of_type(state, type->name), key, api_encode(type, &data));
	return NULL;
}

static json_t *delete_one(struct fake *fake, json_t *state, const struct api_type *type,
	const char *key, bool missing_ok, const char *path)
{
	json_t *objects = of_type(state, type->name);
	char message[400], label[API_KEY_BYTES + 32];

	if (!json_object_get(objects, key))
		return missing_ok ? NULL : error_new(-32001, path, "there is no such object");
	if (fake->references && named_by(state, type->type, key, label, sizeof(label))) {
		snprintf(message, sizeof(message), "%s %s is still used by %s", type->name, key,
			label);
		return error_new(-32002, path, message);
	}
	json_object_del(objects, key);
	return NULL;
}

/* NULL, or the first refusal; with refused all of them go there instead, and the rest goes on. */
static json_t *run_op(
	struct fake *fake, json_t *state, const json_t *op, size_t number, json_t *refused)
{
	const struct api_type *type =
		api_type_find(json_string_value(json_object_get(op, "type")) ?: "");
	bool put = !strcmp(json_string_value(json_object_get(op, "op")), "put");
	json_t *one, *error;
	char path[64];
	size_t i;

	ck_assert_ptr_nonnull(type);
	json_array_foreach (json_object_get(op, put ? "objects" : "keys"), i, one) {
		snprintf(path, sizeof(path), put ? "ops[%zu].objects[%zu]" : "ops[%zu].keys[%zu]",
			number, i);
		error = put ? put_one(fake, state, type, one, path)
			    : delete_one(fake, state, type, json_string_value(one),
				      json_is_true(json_object_get(op, "missing_ok")), path);
		if (error && !refused)
			return error;
		if (error)
			json_array_append(refused, json_object_get(error, "error"));
		json_decref(error);
	}
	return NULL;
}

static void count_checked(struct fake *fake, const json_t *op)
{
	const char *type = json_string_value(json_object_get(op, "type"));
	uint32_t n = (uint32_t)json_array_size(json_object_get(op, "objects"));

	fake->checked_routes += strcmp(type, "route") ? 0 : n;
	fake->checked_macs += strcmp(type, "mac") ? 0 : n;
}

/* transaction {check: true}: what would be refused, and nothing else. */
static json_t *rehearse(struct fake *fake, const json_t *params)
{
	json_t *state = json_deep_copy(fake->state), *refused = json_array(), *op;
	size_t i;

	json_array_foreach (json_object_get(params, "ops"), i, op) {
		run_op(fake, state, op, i, refused);
		count_checked(fake, op);
	}
	json_decref(state);
	fake->checks++;
	return json_pack("{s:{s:o, s:I}}", "result", "refused", refused, "refused_total",
		(json_int_t)json_array_size(refused));
}

static json_t *transaction(struct fake *fake, const json_t *params)
{
	json_t *state, *op, *error;
	size_t i;

	if (json_is_true(json_object_get(params, "check")))
		return rehearse(fake, params);
	if (fake->before_transaction)
		fake->before_transaction(fake);
	state = json_deep_copy(fake->state);
	json_array_foreach (json_object_get(params, "ops"), i, op) {
		error = run_op(fake, state, op, i, NULL);
		if (!error)
			continue;
		fake->refused++;
		json_decref(state);
		return error;
	}
	json_decref(fake->state);
	fake->state = state;
	fake->applied++;
	if (fake->keep)
		json_array_append(fake->transactions, (json_t *)params);
	return json_pack("{s:{}}", "result");
}

static json_t *list(struct fake *fake, const json_t *params)
{
	const char *type = json_string_value(json_object_get(params, "type"));
	const char *cursor = json_string_value(json_object_get(params, "cursor"));
	size_t skip = cursor ? strtoul(cursor, NULL, 10) : 0, at = 0;
	json_t *objects = json_array(), *object, *result;
	const char *key;
	char next[24];

	fake->lists++;
	if (!cursor) {
		json_decref(fake->snapshot);
		fake->snapshot = json_copy(of_type(fake->state, type));
	}
	result = json_pack("{s:o}", "objects", objects);
	json_object_foreach (fake->snapshot, key, object) {
		if (at++ < skip)
			continue;
		if (json_array_size(objects) == fake->page) {
			snprintf(next, sizeof(next), "%zu", at - 1);
			json_object_set_new(result, "cursor", json_string(next));
			break;
		}
		json_array_append(objects, object);
	}
	return json_pack("{s:o}", "result", result);
}

static json_t *get(struct fake *fake, const json_t *params)
{
	const char *type = json_string_value(json_object_get(params, "type"));
	const char *key = json_string_value(json_object_get(params, "key"));
	json_t *object = json_object_get(of_type(fake->state, type), key)
				 ?: json_object_get(of_type(fake->learned, type), key);

	return object ? json_pack("{s:O}", "result", object)
		      : error_new(-32001, "key", "there is no such object");
}

json_t *fake_answer(struct fake *fake, const char *method, const json_t *params)
{
	if (!strcmp(method, "hello")) {
		fake->hellos++;
		return json_pack("{s:{s:s, s:s, s:i, s:I}}", "result", "product", "sluice",
			"version", "fake", "api", 1, "instance", (json_int_t)fake->instance);
	}
	if (!strcmp(method, "watch"))
		return json_pack("{s:{}}", "result");
	if (!strcmp(method, "list"))
		return list(fake, params);
	if (!strcmp(method, "get"))
		return get(fake, params);
	if (!strcmp(method, "transaction"))
		return transaction(fake, params);
	if (!strcmp(method, "echo"))
		return json_pack("{s:O}", "result", params);
	return error_new(-32601, "method", "there is no such method");
}

/* ---- behind everyone's back ---- */

void fake_put(struct fake *fake, const char *type, const char *object)
{
	json_t *json = json_loads(object, 0, NULL);

	ck_assert_ptr_nonnull(json);
	ck_assert_ptr_null(put_one(fake, fake->state, api_type_find(type), json, ""));
	json_decref(json);
}

void fake_delete(struct fake *fake, const char *type, const char *key)
{
	ck_assert_int_eq(json_object_del(of_type(fake->state, type), key), 0);
}

const json_t *fake_get(const struct fake *fake, const char *type, const char *key)
{
	return json_object_get(of_type(fake->state, type), key);
}

size_t fake_count(const struct fake *fake, const char *type)
{
	return json_object_size(of_type(fake->state, type));
}
