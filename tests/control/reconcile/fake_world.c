/* SPDX-License-Identifier: BSD-3-Clause */
/* See fake_world.h. */
#include "fake_world.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "compile.h"

#define INTENTS 20000

static struct intent *intents[INTENTS]; /* in order of type and name is not asked for */
static size_t count;
static json_t *places; /* {"KIND NAME": where it is in intents}: there are worlds of thousands */
static json_t *needed; /* {"KIND NAME": how many intents need it} */
static union intent_object no_object;
int fake_compiled;

static const char *label_of(enum intent_type type, const char *name)
{
	static char label[128];

	snprintf(label, sizeof(label), "%s %s", intent_kind(type), name);
	return label;
}

static size_t place_of(enum intent_type type, const char *name)
{
	const json_t *place = json_object_get(places, label_of(type, name));

	return place ? (size_t)json_integer_value(place) : count;
}

static void place_set(size_t i)
{
	if (!places)
		places = json_object();
	json_object_set_new(
		places, label_of(intents[i]->type, intents[i]->name), json_integer((json_int_t)i));
}

static void count_needs(const json_t *spec, int more)
{
	const json_t *one;
	size_t i;

	if (!needed)
		needed = json_object();
	json_array_foreach (json_object_get(spec, "needs"), i, one) {
		const char *label = json_string_value(one);

		json_object_set_new(needed, label,
			json_integer(json_integer_value(json_object_get(needed, label)) + more));
	}
}

struct intent *world_find(const struct world *world, enum intent_type type, const char *name)
{
	size_t i = place_of(type, name);

	return i < count ? intents[i] : NULL;
}

struct intent *world_first(const struct world *world, enum intent_type type)
{
	for (size_t i = 0; i < count; i++)
		if (intents[i]->type == type)
			return intents[i];
	return NULL;
}

struct intent *world_next(const struct intent *intent)
{
	for (size_t i = place_of(intent->type, intent->name) + 1; i < count; i++)
		if (intents[i]->type == intent->type)
			return intents[i];
	return NULL;
}

const char *intent_kind(enum intent_type type)
{
	static const char *const kinds[] = {"site", "wan", "slice", "host",
		"virtual-dedicated-network", "local-data-network", "session"};

	return kinds[type];
}

/* Of a WAN: its addresses, {"addresses": ["198.18.0.1/24"…]}. */
static union intent_object *wan_of(const json_t *all)
{
	union intent_object *obj = calloc(1, sizeof(*obj));
	struct api_prefixes *addresses = &obj->wan.port.addresses;
	const json_t *one;
	size_t i;

	addresses->item = calloc(json_array_size(all), sizeof(*addresses->item));
	json_array_foreach (all, i, one)
		ck_assert_int_eq(api_ip_parse(json_string_value(one), true,
					 &addresses->item[addresses->count++]),
			0);
	return obj;
}

/* Of a slice: where it has endpoints, {"endpoints": [{"site": …, "wan": …}…]}. */
static union intent_object *object_of(enum intent_type type, const json_t *spec)
{
	const json_t *all = json_object_get(spec, "endpoints"), *one;
	const json_t *addresses = json_object_get(spec, "addresses");
	union intent_object *obj = all ? calloc(1, sizeof(*obj)) : &no_object;
	size_t i;

	if (type == INTENT_WAN && addresses)
		return wan_of(addresses);
	if (!all)
		return obj;
	obj->slice.endpoints.item =
		calloc(json_array_size(all), sizeof(*obj->slice.endpoints.item));
	json_array_foreach (all, i, one) {
		struct intent_endpoint *end =
			&obj->slice.endpoints.item[obj->slice.endpoints.count++];

		snprintf(end->site, sizeof(end->site), "%s",
			json_string_value(json_object_get(one, "site")));
		snprintf(end->wan, sizeof(end->wan), "%s",
			json_string_value(json_object_get(one, "wan")));
	}
	return obj;
}

static void intent_free(struct intent *intent)
{
	if (intent->obj != &no_object) {
		if (intent->type == INTENT_WAN)
			free(intent->obj->wan.port.addresses.item);
		else
			free(intent->obj->slice.endpoints.item);
		free(intent->obj);
	}
	count_needs(intent->spec, -1);
	json_decref(intent->spec);
	free(intent);
}

void fake_intent_load(enum intent_type type, const char *name, const char *spec)
{
	struct intent *intent = calloc(1, sizeof(*intent));

	ck_assert_uint_lt(count, INTENTS);
	intent->type = type;
	snprintf(intent->name, sizeof(intent->name), "%s", name);
	intent->spec = json_loads(spec, 0, NULL);
	intent->obj = object_of(intent->type, intent->spec);
	ck_assert_ptr_nonnull(intent->spec);
	count_needs(intent->spec, 1);
	intents[count++] = intent;
	place_set(count - 1);
}

/* Takes it out of the world; NULL: there is none. */
static struct intent *take_out(enum intent_type type, const char *name)
{
	size_t i = place_of(type, name);
	struct intent *intent = i < count ? intents[i] : NULL;

	if (!intent)
		return NULL;
	json_object_del(places, label_of(type, name));
	intents[i] = intents[--count];
	if (i < count)
		place_set(i);
	return intent;
}

static void put_back(struct intent *intent)
{
	intents[count++] = intent;
	place_set(count - 1);
}

/* The world is as the change has it; before and changes have room for count. */
static void make(const struct fake_change *list, size_t changed, struct intent **before,
	struct world_change *changes)
{
	for (size_t i = 0; i < changed; i++) {
		before[i] = take_out(list[i].type, list[i].name);
		changes[i] = (struct world_change){.type = list[i].type, .name = list[i].name};
		if (before[i])
			changes[i].before = before[i]->spec;
		if (list[i].spec) {
			fake_intent_load(list[i].type, list[i].name, list[i].spec);
			changes[i].intent = intents[count - 1];
			changes[i].after = changes[i].intent->spec;
		}
		changes[i].effect = !before[i]	   ? WORLD_CREATED
				    : list[i].spec ? WORLD_UPDATED
						   : WORLD_DELETED;
	}
}

#define CHANGES 8

void fake_change(struct reconciler *rec, const struct fake_change *list, size_t changed)
{
	struct world_change changes[CHANGES];
	struct intent *before[CHANGES];

	ck_assert_uint_le(changed, CHANGES);
	make(list, changed, before, changes);
	reconciler_touch(rec, changes, changed);
	for (size_t i = 0; i < changed; i++)
		if (before[i])
			intent_free(before[i]);
}

struct reconcile_check *fake_check(
	struct reconciler *rec, const struct fake_change *list, size_t changed)
{
	struct world_change changes[CHANGES];
	struct intent *before[CHANGES], *after;
	struct reconcile_check *check;

	ck_assert_uint_le(changed, CHANGES);
	make(list, changed, before, changes);
	check = reconciler_check_begin(rec);
	reconciler_check_step(check, changes, changed, 0);
	for (size_t i = 0; i < changed; i++) {
		after = take_out(list[i].type, list[i].name);
		if (after)
			intent_free(after);
		if (before[i])
			put_back(before[i]);
	}
	return check;
}

void fake_intent(struct reconciler *rec, enum intent_type type, const char *name, const char *spec)
{
	fake_change(rec, &(struct fake_change){type, name, spec}, 1);
}

const struct intent *fake_intent_get(enum intent_type type, const char *name)
{
	return world_find(NULL, type, name);
}

void fake_world_clear(void)
{
	while (count)
		intent_free(intents[--count]);
	json_decref(places);
	json_decref(needed);
	places = needed = NULL;
	fake_compiled = 0;
}

/* ---- the compiler ---- */

void fake_canonical(const struct api_type *type, const json_t *listed, char *key, char **text)
{
	json_t *given = json_copy((json_t *)listed), *full;
	union api_object data;
	struct rpc_error err = {0};

	for (const struct api_field *f = type->fields; f->name; f++)
		if (f->flags & FIELD_ANSWER)
			json_object_del(given, f->name);
	ck_assert_int_eq(api_decode(type, given, "", &data, &err), 0);
	json_decref(given);
	api_key(type, &data, key);
	full = api_encode(type, &data);
	for (const struct api_field *f = type->fields; f->name; f++)
		if (f->flags & FIELD_ANSWER)
			json_object_del(full, f->name);
	*text = json_dumps(full, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(full);
}

bool compile_listed_key(const struct api_type *type, const json_t *listed, char *key)
{
	char *text;

	fake_canonical(type, listed, key, &text);
	free(text);
	return true;
}

int compile_intent(const struct world *world, const char *site, const struct intent *intent,
	struct compiled_list *out, struct rpc_error *err)
{
	const char *fail = json_string_value(json_object_get(intent->spec, "fail"));
	uint32_t room = out->count;

	fake_compiled++;
	if (fail) {
		rpc_fail(err, RPC_ERR_PARAMS, "%s", fail);
		return -EINVAL;
	}
	for (int type = 0; type < OBJECT_TYPES; type++) {
		json_t *object;
		size_t i;

		json_array_foreach (
			json_object_get(intent->spec, api_types[type].name), i, object) {
			struct compiled *one;

			ck_assert(array_grow(&out->items, &room, out->count, sizeof(*out->items)));
			one = &out->items[out->count++];
			one->type = type;
			fake_canonical(&api_types[type], object, one->key, &one->text);
		}
	}
	return 0;
}

void compile_dependents(const struct world *world, enum intent_type type, const char *name,
	const json_t *spec, void (*found)(struct intent *dependent, void *arg), void *arg)
{
	char label[128];

	strcpy(label, label_of(type, name));
	if (!json_integer_value(json_object_get(needed, label)))
		return;
	for (size_t i = 0; i < count; i++) {
		json_t *needs = json_object_get(intents[i]->spec, "needs"), *one;
		size_t at;

		json_array_foreach (needs, at, one)
			if (!strcmp(json_string_value(one), label))
				found(intents[i], arg);
	}
}

void compiled_list_clear(struct compiled_list *list)
{
	while (list->count)
		free(list->items[--list->count].text);
}

void compiled_list_free(struct compiled_list *list)
{
	compiled_list_clear(list);
	free(list->items);
	*list = (struct compiled_list){0};
}
