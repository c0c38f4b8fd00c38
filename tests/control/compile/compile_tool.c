/* SPDX-License-Identifier: BSD-3-Clause */
/* The compiler for tests that are no C programs (tests/control/test_compile.py):
 *
 *   compile_tool FILE [SITE]      all intents of the file → "# KIND NAME", "TYPE KEY TEXT" lines
 *   compile_tool --canonical      lines {"type":…, "object":…} → "TYPE KEY TEXT", or "learned" */
#include <stdlib.h>
#include <string.h>

#include "compile_rig.h"

/* TEIDs that were left to the dataplane: the compiler gives such PDRs, and no others, a choose_id.
 */
static void leave_out_chosen(json_t *session)
{
	size_t index;
	json_t *pdr;

	json_array_foreach (json_object_get(session, "pdrs"), index, pdr)
		if (json_object_get(pdr, "choose_id"))
			json_object_del(pdr, "teid");
}

/* Without the fields that are only answers. */
static char *canonical_text(const struct api_type *type, json_t *object)
{
	for (const struct api_field *field = type->fields; field->name; field++)
		if (field->flags & FIELD_ANSWER)
			json_object_del(object, field->name);
	leave_out_chosen(object);
	return json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
}

static int canonical_line(const char *line)
{
	json_t *json = json_loads(line, 0, NULL), *object = json_object_get(json, "object");
	const char *name = json_string_value(json_object_get(json, "type"));
	const struct api_type *type = name ? api_type_find(name) : NULL;
	bool learned = json_is_true(json_object_get(object, "learned")), good = learned;
	char key[API_KEY_BYTES], *text = NULL;

	if (learned) {
		puts("learned");
	} else if (type && compile_listed_key(type, object, key)) {
		text = canonical_text(type, object);
		printf("%s %s %s\n", name, key, text);
		good = true;
	} else {
		puts("refused");
	}
	free(text);
	json_decref(json);
	return good ? 0 : 1;
}

static int canonical(void)
{
	char *line = NULL;
	size_t room = 0;
	int status = 0;

	while (getline(&line, &room, stdin) > 0)
		status |= canonical_line(line);
	free(line);
	return status;
}

int main(int argc, char **argv)
{
	json_t *document;
	struct world *world;
	char *text;

	if (argc == 2 && !strcmp(argv[1], "--canonical"))
		return canonical();
	if (argc < 2) {
		fprintf(stderr, "usage: %s FILE [SITE] | --canonical\n", argv[0]);
		return 2;
	}
	document = rig_file(argv[1]);
	world = rig_world(document, false);
	text = rig_compile(
		world, argc > 2 ? argv[2] : json_string_value(json_object_get(document, "site")));
	fputs(text, stdout);
	free(text);
	world_free(world);
	json_decref(document);
	return 0;
}
