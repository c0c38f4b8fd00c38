/* SPDX-License-Identifier: BSD-3-Clause */
/* Intents as they come from outside: a document of each type, and lists of documents as one
 * transaction on a small world. What was taken comes back from its own spec; what is rolled back
 * leaves as many intents as there were; what was committed passes every rule again. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void wrong(const char *what, const char *detail)
{
	fprintf(stderr, "%s: %s\n", what, detail);
	abort();
}

static void check_alone(enum intent_type type, const json_t *json)
{
	union intent_object *obj, *again;
	struct rpc_error err = {0};
	json_t *spec, *twice;

	if (intent_parse(type, json, &obj, &spec, &err) != 0) {
		if (err.code == 0 || err.message[0] == '\0')
			wrong("an error without words", intent_kind(type));
		return;
	}
	if (intent_parse(type, spec, &again, &twice, &err) != 0)
		wrong("its own spec is refused", err.message);
	if (!json_equal(spec, twice))
		wrong("comes back different", intent_kind(type));
	free(obj);
	free(again);
	json_decref(spec);
	json_decref(twice);
}

static struct world *small_world(void)
{
	static const char *const docs[][2] = {
		{"site", "{\"name\":\"gj\",\"ports\":[{\"name\":\"p1\"}]}"},
		{"site", "{\"name\":\"bs\",\"ports\":[{\"name\":\"p1\"}]}"},
		{"wan", "{\"name\":\"gj-kt\",\"site\":\"gj\",\"addresses\":[\"198.18.0.1/24\"],"
			"\"capacity_bps\":1000000}"},
		{"wan", "{\"name\":\"bs-kt\",\"site\":\"bs\",\"addresses\":[\"198.18.1.1/24\"]}"},
		{"host", "{\"name\":\"h\",\"site\":\"gj\",\"port\":\"p1\",\"vlan\":5,"
			 "\"mac\":\"02:00:00:00:00:01\"}"},
		{"slice", "{\"name\":\"net\",\"endpoints\":[{\"site\":\"gj\",\"port\":\"p1\"},"
			  "{\"site\":\"bs\",\"port\":\"p1\"}]}"},
	};
	struct rpc_error err = {0};
	struct world *world = world_create();

	world_begin(world);
	for (size_t i = 0; i < sizeof(docs) / sizeof(docs[0]); i++) {
		json_t *json = json_loads(docs[i][1], 0, NULL);

		if (world_put(world, intent_type_of_kind(docs[i][0]), json, &err) != 0)
			wrong("the first world", err.message);
		json_decref(json);
	}
	if (world_check(world, &err) != 0)
		wrong("the first world", err.message);
	world_commit(world, 1, 1, "fuzz");
	return world;
}

static size_t count_all(const struct world *world)
{
	size_t count = 0;

	for (int type = 0; type < INTENT_TYPES; type++)
		count = count * 1000 + world_count(world, type);
	return count;
}

static void apply(struct world *world, json_t *documents, struct rpc_error *err)
{
	size_t index;
	json_t *one;

	json_array_foreach (documents, index, one) {
		const char *kind = json_string_value(json_object_get(one, "kind"));
		const char *name = json_string_value(json_object_get(one, "delete"));
		int type = kind ? intent_type_of_kind(kind) : -1;

		if (type >= 0 && name)
			world_delete(world, type, name, err);
		else if (type >= 0)
			world_put(world, type, one, err);
	}
}

/* All that is there, put once more. */
static void check_again(struct world *world)
{
	struct rpc_error err = {0};

	world_begin(world);
	for (int type = 0; type < INTENT_TYPES; type++)
		for (struct intent *i = world_first(world, type); i; i = world_next(i))
			if (world_put(world, type, i->spec, &err) != 0)
				wrong("its own spec is refused", err.message);
	if (world_check(world, &err) != 0)
		wrong("what was taken breaks a rule", err.message);
	world_rollback(world);
}

static void check_together(json_t *documents)
{
	struct world *world = small_world();
	struct rpc_error err = {0};
	size_t before = count_all(world);

	world_begin(world);
	apply(world, documents, &err);
	if (world_check(world, &err) == 0) {
		world_commit(world, 2, 2, "fuzz");
		check_again(world);
	} else {
		world_rollback(world);
		if (count_all(world) != before)
			wrong("a rollback leaves traces", err.message);
		check_again(world);
	}
	world_free(world);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *json = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
	static int once;

	if (!once++)
		intent_types_init();
	if (json_is_array(json))
		check_together(json);
	for (int type = 0; json != NULL && type < INTENT_TYPES; type++)
		check_alone(type, json);
	json_decref(json);
	return 0;
}
