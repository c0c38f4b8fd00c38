/* SPDX-License-Identifier: BSD-3-Clause */
/* Worlds and what they compile to (compile_rig.h). Used by the tests beside it and by
 * compile_tool.c; owns nothing. */
#include "compile_rig.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void die(const char *what, const char *why)
{
	fprintf(stderr, "%s: %s\n", what, why);
	exit(2);
}

static void put(struct world *world, const json_t *document)
{
	const char *kind = json_string_value(json_object_get(document, "kind"));
	int type = kind ? intent_type_of_kind(kind) : -1;
	struct rpc_error err = {0};

	if (type < 0)
		die("kind", kind ? kind : "left out");
	if (world_put(world, type, document, &err))
		die(err.path, err.message);
}

struct world *rig_world(const json_t *document, bool backwards)
{
	const json_t *intents = json_object_get(document, "intents");
	size_t count = json_array_size(intents);
	struct rpc_error err = {0};
	struct world *world = world_create();

	intent_types_init();
	if (world_begin(world))
		die("world", "not made");
	for (size_t i = 0; i < count; i++)
		put(world, json_array_get(intents, backwards ? count - 1 - i : i));
	if (world_check(world, &err))
		die(err.path, err.message);
	world_commit(world, 1, 1, "rig");
	return world;
}

struct world *rig_world_of(const char *intents)
{
	char *text = strdup(intents);
	json_t *document = json_object();
	json_error_t error;
	struct world *world;

	for (char *at = text; (at = strchr(at, '\''));)
		*at = '"';
	json_object_set_new(document, "intents", json_loads(text, 0, &error));
	if (!json_is_array(json_object_get(document, "intents")))
		die("intents", error.text);
	world = rig_world(document, false);
	json_decref(document);
	free(text);
	return world;
}

static void print_objects(const struct compiled_list *list, FILE *out)
{
	for (size_t i = 0; i < list->count; i++)
		fprintf(out, "%s %s %s\n", api_types[list->items[i].type].name, list->items[i].key,
			list->items[i].text);
}

char *rig_compile(const struct world *world, const char *site)
{
	struct compiled_list list = {0};
	size_t size;
	char *text;
	FILE *out = open_memstream(&text, &size);

	for (int type = 0; type < INTENT_TYPES; type++)
		for (const struct intent *i = world_first(world, type); i; i = world_next(i)) {
			struct rpc_error err = {0};
			int rc = compile_intent(world, site, i, &list, &err);

			fprintf(out, "# %s %s\n", intent_kind(type), i->name);
			if (rc == -EINVAL)
				fprintf(out, "refused %s: %s\n", err.path, err.message);
			else if (rc)
				die("compile", strerror(-rc));
			print_objects(&list, out);
			compiled_list_clear(&list);
		}
	compiled_list_free(&list);
	fclose(out);
	return text;
}

struct compiled_list rig_compile_one(
	const struct world *world, const char *site, enum intent_type type, const char *name)
{
	const struct intent *intent = world_find(world, type, name);
	struct compiled_list list = {0};
	struct rpc_error err = {0};

	if (!intent)
		die("no such intent", name);
	if (compile_intent(world, site, intent, &list, &err))
		die("refused", err.message);
	return list;
}

const char *rig_text(const struct compiled_list *list, enum object_type type, const char *key)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].type == type && !strcmp(list->items[i].key, key))
			return list->items[i].text;
	return NULL;
}

json_t *rig_file(const char *path)
{
	json_error_t error;
	json_t *json = json_load_file(path, 0, &error);

	if (!json)
		die(path, error.text);
	return json;
}
