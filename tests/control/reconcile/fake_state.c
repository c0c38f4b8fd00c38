/* SPDX-License-Identifier: BSD-3-Clause */
/* What the fake dataplane holds, and its answers (fake.h): groups of sources as
 * dataplane/objects/claims.h has them, and what was put by hand below all. References between
 * objects are looked at as the schema declares them, when `references` asks for it. */
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

static json_t *member_of(json_t *object, const char *name)
{
	json_t *member = json_object_get(object, name);

	if (!member) {
		member = json_object();
		json_object_set_new(object, name, member);
	}
	return member;
}

/* ---- objects in force ---- */

/* {"TYPE KEY": {o: object, s: source, w: owner}} */
static const char *const sources[] = {"static", "kernel", "intent", "pfcp"};

static void effective_add(
	json_t *all, const char *label, json_t *object, int source, const char *owner)
{
	const json_t *other = json_object_get(all, label);

	if (!other || json_integer_value(json_object_get(other, "s")) < source)
		json_object_set_new(all, label,
			json_pack("{s:O, s:i, s:s}", "o", object, "s", source, "w", owner));
}

static json_t *effective(const struct fake *fake, const json_t *groups)
{
	json_t *all = json_object(), *object, *group;
	const char *label, *owner;

	json_object_foreach (fake->hand, label, object)
		effective_add(all, label, object, 0, "");
	for (int source = 1; source < 4; source++)
		json_object_foreach (json_object_get(groups, sources[source]), owner, group)
			json_object_foreach (json_object_get(group, "objects"), label, object)
				effective_add(all, label, object, source, owner);
	return all;
}

static void show(struct fake *fake, const char *label, const json_t *one)
{
	const char *key = strchr(label, ' ');
	char type[32];

	snprintf(type, sizeof(type), "%.*s", (int)(key - label), label);
	json_object_set(member_of(fake->state, type), key + 1, json_object_get(one, "o"));
}

static void take_over(struct fake *fake, json_t *all)
{
	const char *label;
	json_t *one;

	json_decref(fake->in_force);
	fake->in_force = all;
	json_decref(fake->state);
	fake->state = json_object();
	json_object_foreach (all, label, one)
		show(fake, label, one);
}

static const char *label_of(
	const struct api_type *type, const json_t *object, char *label, struct rpc_error *err)
{
	char key[API_KEY_BYTES];
	union api_object data;

	if (api_decode(type, object, "", &data, err))
		return NULL;
	api_key(type, &data, key);
	sprintf(label, "%s %s", type->name, key);
	return label;
}

/* As the dataplane shows it. */
static json_t *encoded(const struct api_type *type, const json_t *object)
{
	struct rpc_error err = {0};
	union api_object data;

	ck_assert_int_eq(api_decode(type, object, "", &data, &err), 0);
	return api_encode(type, &data);
}

static const struct api_type *type_of(const char *label)
{
	char name[32];

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(label, " "), label);
	return api_type_find(name);
}

/* ---- a change of groups in the making ---- */

struct sync {
	struct fake *fake;
	const char *source;
	const json_t *params;
	json_t *staged;	  /* {owner: {revision, objects: {label: object}}} or null: it goes */
	json_t *refused;  /* {owner: error} */
	json_t *gave_way; /* {kernel's owner: {for, waits}} */
	json_t *groups;	  /* as they would be */
	json_t *next;	  /* in force then */
};

static bool is_staged(const struct sync *sync, const char *owner)
{
	return json_object_get(sync->staged, owner) && !json_object_get(sync->refused, owner);
}

static void refuse(struct sync *sync, const char *owner, int code, const char *label,
	const char *with, const char *message)
{
	json_t *error;

	if (json_object_get(sync->refused, owner))
		return;
	error = json_pack("{s:i, s:s, s:{s:s, s:s*}}", "code", code, "message", message, "data",
		"object", label, "with", with);
	json_object_set_new(sync->refused, owner, error);
}

static void give_way(struct sync *sync, const char *label, const char *other, bool waits)
{
	const char *owner =
		json_string_value(json_object_get(json_object_get(sync->next, label), "w"));

	json_object_set_new(
		sync->gave_way, owner, json_pack("{s:s, s:b}", "for", other, "waits", waits));
}

static int source_of(const struct sync *sync, const char *label)
{
	return (int)json_integer_value(json_object_get(json_object_get(sync->next, label), "s"));
}

/* Whoever of the change wants the object so; what was hidden and cannot come back gives way. */
static void blame(
	struct sync *sync, const char *label, int code, const char *with, const char *message)
{
	const char *owner;
	json_t *group;
	bool any = false;

	json_object_foreach (sync->staged, owner, group) {
		if (!is_staged(sync, owner) ||
			!json_object_get(json_object_get(group, "objects"), label))
			continue;
		refuse(sync, owner, code, label, with, message);
		any = true;
	}
	if (!any && source_of(sync, label) == 1)
		give_way(sync, label, label, false);
}

/* Whoever of the change gives the object up. */
static void blame_giver(struct sync *sync, const char *label, const char *user)
{
	json_t *before = json_object_get(sync->fake->groups, sync->source), *group;
	char message[400];
	const char *owner;

	snprintf(message, sizeof(message), "%s is still used by %s", label, user);
	json_object_foreach (sync->staged, owner, group)
		if (is_staged(sync, owner) &&
			json_object_get(json_object_get(json_object_get(before, owner), "objects"),
				label) &&
			!json_object_get(json_object_get(group, "objects"), label))
			refuse(sync, owner, -32002, label, NULL, message);
}

/* ---- rules ---- */

/* The objects that a route names beside its fields: the slice of its table, and where its ways
 * lead. */
static void add_route_refs(json_t *refs, const json_t *route)
{
	const char *table = json_string_value(json_object_get(route, "table")), *field;
	json_t *via, *value;
	size_t i;

	json_array_foreach (json_object_get(route, "via"), i, via)
		json_object_foreach (via, field, value) {
			if (!strcmp(field, "attachment") || !strcmp(field, "port"))
				json_array_append_new(refs,
					json_sprintf("%s %s", field, json_string_value(value)));
			if (!strcmp(field, "tunnel"))
				json_array_append_new(refs, json_sprintf("member %s %s", table,
								    json_string_value(value)));
		}
	if (strcmp(table, "underlay"))
		json_array_append_new(refs, json_sprintf("slice %s", table));
}

static json_t *refs_of(const struct api_type *type, const json_t *object)
{
	json_t *refs = json_array();

	for (const struct api_field *f = type->fields; f->name; f++) {
		const char *text = json_string_value(json_object_get(object, f->name));

		if (f->kind == FIELD_NAME && f->ref >= 0 && text && *text)
			json_array_append_new(
				refs, json_sprintf("%s %s", api_types[f->ref].name, text));
	}
	if (type->type == OBJECT_ROUTE)
		add_route_refs(refs, object);
	if (type->type == OBJECT_MAC && json_object_get(object, "tunnel"))
		json_array_append_new(
			refs, json_sprintf("member %s %s",
				      json_string_value(json_object_get(object, "slice")),
				      json_string_value(json_object_get(object, "tunnel"))));
	return refs;
}

static void check_refs(struct sync *sync, const char *label, const json_t *object, bool changed)
{
	json_t *refs = refs_of(type_of(label), object), *ref;
	char message[300];
	size_t i;

	json_array_foreach (refs, i, ref) {
		const char *other = json_string_value(ref);

		if (json_object_get(sync->next, other))
			continue;
		snprintf(message, sizeof(message), "there is no %s", other);
		if (changed)
			blame(sync, label, -32602, other, message);
		else if (source_of(sync, label) == 1)
			give_way(sync, label, other, true);
		else
			blame_giver(sync, other, label);
		break;
	}
	json_decref(refs);
}

static bool is_changed(const struct sync *sync, const char *label)
{
	const json_t *before = json_object_get(sync->fake->in_force, label);

	return !before || !json_equal(json_object_get(before, "o"),
				  json_object_get(json_object_get(sync->next, label), "o"));
}

/* VNIs and remote ends are one another's. */
static void check_unique(
	struct sync *sync, json_t *holders, const char *label, const json_t *object, bool changed)
{
	enum object_type type = type_of(label)->type;
	const char *field = type == OBJECT_SLICE ? "vni" : type == OBJECT_TUNNEL ? "remote" : NULL;
	char *value, text[200], message[300];
	const char *other;

	if (!field)
		return;
	value = json_dumps(json_object_get(object, field), JSON_ENCODE_ANY);
	snprintf(text, sizeof(text), "%s %s", field, value);
	free(value);
	other = json_string_value(json_object_get(holders, text));
	if (!other) {
		json_object_set_new(holders, text, json_string(label));
		return;
	}
	if ((source_of(sync, label) == 1) != (source_of(sync, other) == 1)) {
		const char *kernel = source_of(sync, label) == 1 ? label : other;
		const char *winner = kernel == label ? other : label;

		if (is_changed(sync, kernel) && !strcmp(sync->source, "kernel"))
			blame(sync, kernel, -32004, winner, "it is taken");
		else
			give_way(sync, kernel, winner, false);
		return;
	}
	if (!changed) {
		const char *first = label;

		label = other;
		other = first;
	}
	snprintf(message, sizeof(message), "the %s is already taken by %s", field, other);
	blame(sync, label, -32004, other, message);
}

/* Where there is too little room what the kernel says gives way to others. */
static void check_limit(struct sync *sync, const char *type, json_int_t limit)
{
	bool strong = false;
	const char *label;
	json_int_t n = 0;
	json_t *one;

	json_object_foreach (sync->next, label, one) {
		if (strcmp(type_of(label)->name, type))
			continue;
		n++;
		strong |= source_of(sync, label) > 1 && is_changed(sync, label);
	}
	json_object_foreach (sync->next, label, one) {
		if (n <= limit)
			return;
		if (strcmp(type_of(label)->name, type))
			continue;
		if (strong && source_of(sync, label) == 1) {
			give_way(sync, label, label, false);
			n--;
		} else if (!strong && !json_object_get(sync->fake->in_force, label)) {
			blame(sync, label, -32003, NULL, "there is no room");
			n--;
		}
	}
	json_object_foreach (sync->next, label, one)
		if (n > limit && !strcmp(type_of(label)->name, type) && is_changed(sync, label))
			blame(sync, label, -32003, NULL, "there is no room");
}

static void judge(struct sync *sync)
{
	json_t *holders = json_object(), *one, *limit;
	const char *label, *type;

	json_object_foreach (sync->next, label, one) {
		const json_t *refuse = json_object_get(sync->fake->refuse, label);
		const json_t *object = json_object_get(one, "o");
		bool changed = is_changed(sync, label);

		if (refuse && changed) {
			json_t *code = json_object_get(refuse, "code");

			blame(sync, label, code ? (int)json_integer_value(code) : -32602, NULL,
				"it is refused, as the test wants it");
			continue;
		}
		if (!sync->fake->references)
			continue;
		check_refs(sync, label, object, changed);
		check_unique(sync, holders, label, object, changed);
	}
	json_object_foreach (sync->fake->limits, type, limit)
		check_limit(sync, type, json_integer_value(limit));
	json_decref(holders);
}

/* Of the same source: who is not part of the change has its way, but those that are stale; then the
 * first. */
static bool refuse_rivals(struct sync *sync)
{
	json_t *claims = json_object(), *group, *object, *other;
	const json_t *stale = json_object_get(sync->params, "stale"), *one;
	json_t *has = json_object_get(sync->fake->groups, sync->source);
	const char *owner, *label;
	size_t refused = json_object_size(sync->refused), i;

	json_object_foreach (has, owner, group) {
		bool is_stale = is_staged(sync, owner);

		json_array_foreach (stale, i, one)
			is_stale |= !strcmp(json_string_value(one), owner);
		json_object_foreach (json_object_get(group, "objects"), label, object)
			if (!is_stale)
				json_object_set_new(claims, label,
					json_pack("{s:O, s:s}", "o", object, "w", owner));
	}
	json_object_foreach (sync->staged, owner, group) {
		if (!is_staged(sync, owner))
			continue;
		json_object_foreach (json_object_get(group, "objects"), label, object) {
			char message[300];

			other = json_object_get(claims, label);
			if (!other) {
				json_object_set_new(claims, label,
					json_pack("{s:O, s:s}", "o", object, "w", owner));
			} else if (!json_equal(json_object_get(other, "o"), object)) {
				snprintf(message, sizeof(message), "%s: %s wants it otherwise",
					label, json_string_value(json_object_get(other, "w")));
				refuse(sync, owner, -32004, label, NULL, message);
			}
		}
	}
	json_decref(claims);
	return json_object_size(sync->refused) > refused;
}

static void plan(struct sync *sync)
{
	json_t *of_source, *of_kernel, *group;
	const char *owner;

	json_decref(sync->groups);
	json_decref(sync->next);
	sync->groups = json_copy(sync->fake->groups);
	of_kernel = json_copy(member_of(sync->groups, "kernel"));
	json_object_set_new(sync->groups, "kernel", of_kernel);
	of_source = json_copy(member_of(sync->groups, sync->source));
	json_object_set_new(sync->groups, sync->source, of_source);
	json_object_foreach (sync->staged, owner, group) {
		if (!is_staged(sync, owner))
			continue;
		if (json_is_null(group))
			json_object_del(of_source, owner);
		else
			json_object_set(of_source, owner, group);
	}
	json_object_foreach (sync->gave_way, owner, group)
		json_object_del(json_object_get(sync->groups, "kernel"), owner);
	sync->next = effective(sync->fake, sync->groups);
}

static void count_asked(struct fake *fake, const char *type, size_t n)
{
	fake->checked_routes += strcmp(type, "route") ? 0 : n;
	fake->checked_macs += strcmp(type, "mac") ? 0 : n;
}

static void stage(struct sync *sync, const json_t *given)
{
	const char *owner = json_string_value(json_object_get(given, "owner")), *name;
	json_t *objects = json_object(), *list, *object;
	struct rpc_error err = {0};
	char label[API_KEY_BYTES + 32];
	size_t i;

	ck_assert_ptr_null(json_object_get(sync->staged, owner));
	json_object_foreach (json_object_get(given, "objects"), name, list) {
		const struct api_type *type = api_type_find(name);

		ck_assert_ptr_nonnull(type);
		if (json_is_true(json_object_get(sync->params, "check")))
			count_asked(sync->fake, name, json_array_size(list));
		json_array_foreach (list, i, object) {
			ck_assert_ptr_nonnull(label_of(type, object, label, &err));
			ck_assert_ptr_null(json_object_get(objects, label));
			json_object_set_new(objects, label, encoded(type, object));
		}
	}
	if (json_object_size(objects)) {
		json_object_set_new(sync->staged, owner,
			json_pack("{s:o, s:O*}", "objects", objects, "revision",
				json_object_get(given, "revision")));
	} else {
		json_decref(objects);
		json_object_set_new(sync->staged, owner, json_null());
	}
}

static json_t *answer(const struct sync *sync)
{
	json_t *groups = json_array(), *gave_way = json_array(), *one;
	const char *owner;
	size_t i;

	json_array_foreach (json_object_get(sync->params, "groups"), i, one) {
		json_t *error;

		owner = json_string_value(json_object_get(one, "owner"));
		error = json_object_get(sync->refused, owner);
		json_array_append_new(
			groups, json_pack("{s:s, s:s, s:O*}", "owner", owner, "verdict",
					error ? "refused" : "applied", "error", error));
	}
	json_object_foreach (sync->gave_way, owner, one) {
		json_t *told = json_copy(one);

		json_object_set_new(told, "source", json_string("kernel"));
		json_object_set_new(told, "owner", json_string(owner));
		json_array_append_new(gave_way, told);
	}
	return json_pack("{s:{s:o, s:o}}", "result", "groups", groups, "gave_way", gave_way);
}

static json_t *run_sync(struct fake *fake, const json_t *params)
{
	bool check = json_is_true(json_object_get(params, "check"));
	struct sync sync = {.fake = fake,
		.source = json_string_value(json_object_get(params, "source")),
		.params = params,
		.staged = json_object(),
		.refused = json_object(),
		.gave_way = json_object()};
	json_t *given, *result;
	size_t before, i;

	ck_assert_str_eq(json_string_value(json_object_get(params, "mode")), "merge");
	if (!check && fake->before_transaction)
		fake->before_transaction(fake);
	json_array_foreach (json_object_get(params, "groups"), i, given)
		stage(&sync, given);
	do {
		while (refuse_rivals(&sync))
			;
		plan(&sync);
		before = json_object_size(sync.refused) + json_object_size(sync.gave_way);
		judge(&sync);
	} while (json_object_size(sync.refused) + json_object_size(sync.gave_way) > before);
	result = answer(&sync);
	fake->checks += check;
	if (!check) {
		fake->applied++;
		fake->refused += json_object_size(sync.refused) > 0;
		json_decref(fake->groups);
		fake->groups = json_incref(sync.groups);
		take_over(fake, json_incref(sync.next));
		if (fake->keep)
			json_array_append(fake->transactions, (json_t *)params);
	}
	json_decref(sync.staged);
	json_decref(sync.refused);
	json_decref(sync.gave_way);
	json_decref(sync.groups);
	json_decref(sync.next);
	return result;
}

/* ---- what was put by hand ---- */

/* Deletions alone, as control makes them. */
static json_t *transaction(struct fake *fake, const json_t *params)
{
	json_t *hand = fake->hand, *op, *key, *all;
	struct sync sync = {.fake = fake, .source = "static", .refused = json_object()};
	char path[64], label[API_KEY_BYTES + 32];
	json_t *error = NULL, *gone = json_object();
	const char *user;
	size_t i, k, r;

	if (fake->before_transaction)
		fake->before_transaction(fake);
	fake->hand = json_copy(hand);
	json_array_foreach (json_object_get(params, "ops"), i, op) {
		ck_assert_str_eq(json_string_value(json_object_get(op, "op")), "delete");
		json_array_foreach (json_object_get(op, "keys"), k, key) {
			snprintf(label, sizeof(label), "%s %s",
				json_string_value(json_object_get(op, "type")),
				json_string_value(key));
			snprintf(path, sizeof(path), "ops[%zu].keys[%zu]", i, k);
			json_object_set_new(gone, label, json_string(path));
			json_object_del(fake->hand, label);
		}
	}
	sync.next = effective(fake, fake->groups);
	json_object_foreach (sync.next, user, all) {
		json_t *refs = fake->references ? refs_of(type_of(user), json_object_get(all, "o"))
						: json_array();

		json_array_foreach (refs, r, key) {
			const char *at =
				json_string_value(json_object_get(gone, json_string_value(key)));

			if (at && !error && !json_object_get(sync.next, json_string_value(key)))
				error = error_new(-32002, at, "it is still used");
		}
		json_decref(refs);
	}
	json_decref(gone);
	json_decref(sync.refused);
	if (error) {
		json_decref(fake->hand);
		json_decref(sync.next);
		fake->hand = hand;
		fake->refused++;
		return error;
	}
	json_decref(hand);
	take_over(fake, sync.next);
	fake->applied++;
	if (fake->keep)
		json_array_append(fake->transactions, (json_t *)params);
	return json_pack("{s:{}}", "result");
}

/* ---- lists ---- */

static bool is_listed(
	const struct fake *fake, const json_t *params, const char *type, const char *key)
{
	char label[API_KEY_BYTES + 32];

	if (!json_is_true(json_object_get(params, "unclaimed")))
		return true;
	snprintf(label, sizeof(label), "%s %s", type, key);
	return !json_integer_value(json_object_get(json_object_get(fake->in_force, label), "s"));
}

static json_t *list(struct fake *fake, const json_t *params)
{
	const char *type = json_string_value(json_object_get(params, "type"));
	const char *cursor = json_string_value(json_object_get(params, "cursor"));
	size_t skip = cursor ? strtoul(cursor, NULL, 10) : 0, at = 0;
	json_t *objects = json_array(), *object, *result;
	const char *key;
	char next[24];

	/* what was learned is nobody's to take away, and there may be a hundred thousand of it */
	if (json_is_true(json_object_get(params, "unclaimed")) &&
		(!strcmp(type, "mac") || !strcmp(type, "neighbor")))
		ck_assert(json_is_false(
			json_object_get(json_object_get(params, "match"), "learned")));
	fake->lists++;
	if (!cursor) {
		json_decref(fake->snapshot);
		fake->snapshot = json_copy(member_of(fake->state, type));
	}
	result = json_pack("{s:o}", "objects", objects);
	json_object_foreach (fake->snapshot, key, object) {
		if (!is_listed(fake, params, type, key) || at++ < skip)
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

static int name_cmp(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static json_t *groups(struct fake *fake, const json_t *params)
{
	const json_t *all =
		json_object_get(fake->groups, json_string_value(json_object_get(params, "source")));
	const char *cursor = json_string_value(json_object_get(params, "cursor")), *owner;
	const char **owners = calloc(json_object_size(all) + 1, sizeof(*owners));
	json_t *list = json_array(), *result = json_pack("{s:o}", "groups", list), *group;
	size_t n = 0;

	fake->lists++;
	json_object_foreach ((json_t *)all, owner, group)
		owners[n++] = owner;
	qsort(owners, n, sizeof(*owners), name_cmp);
	for (size_t i = 0; i < n; i++) {
		if (cursor && strcmp(owners[i], cursor) <= 0)
			continue;
		if (json_array_size(list) == fake->page) {
			json_object_set_new(result, "cursor", json_string(owners[i - 1]));
			break;
		}
		json_array_append_new(list,
			json_pack("{s:s, s:O*}", "owner", owners[i], "revision",
				json_object_get(json_object_get(all, owners[i]), "revision")));
	}
	free(owners);
	return json_pack("{s:o}", "result", result);
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
	if (!strcmp(method, "groups"))
		return groups(fake, params);
	if (!strcmp(method, "sync"))
		return run_sync(fake, params);
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
	char label[API_KEY_BYTES + 32];
	struct rpc_error err = {0};

	ck_assert_ptr_nonnull(json);
	ck_assert_ptr_nonnull(label_of(api_type_find(type), json, label, &err));
	json_object_set_new(fake->hand, label, encoded(api_type_find(type), json));
	json_decref(json);
	/* thousands are put one by one: only this one is looked at */
	if (json_integer_value(json_object_get(json_object_get(fake->in_force, label), "s")))
		return;
	json_object_del(fake->in_force, label);
	effective_add(fake->in_force, label, json_object_get(fake->hand, label), 0, "");
	show(fake, label, json_object_get(fake->in_force, label));
}

void fake_lose(struct fake *fake, const char *source, const char *owner)
{
	ck_assert_int_eq(json_object_del(json_object_get(fake->groups, source), owner), 0);
	take_over(fake, effective(fake, fake->groups));
}

void fake_lose_all(struct fake *fake)
{
	json_object_clear(fake->groups);
	json_object_clear(fake->hand);
	take_over(fake, json_object());
}

const json_t *fake_get(const struct fake *fake, const char *type, const char *key)
{
	return json_object_get(json_object_get(fake->state, type), key);
}

size_t fake_count(const struct fake *fake, const char *type)
{
	return json_object_size(json_object_get(fake->state, type));
}
