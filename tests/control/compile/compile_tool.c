/* SPDX-License-Identifier: BSD-3-Clause */
/* The compiler for tests that are no C programs (tests/control/test_compile.py):
 *
 *   compile_tool FILE [SITE]      all intents of the file → "# KIND NAME", "TYPE KEY TEXT" lines
 *   compile_tool --canonical      lines {"type":…, "object":…} → "TYPE KEY TEXT", or "learned" */
#include <stdlib.h>
#include <string.h>

#include "compile_rig.h"

static int canonical_line(const char *line)
{
	char key[API_KEY_BYTES], *text = NULL;
	json_t *json = json_loads(line, 0, NULL);
	const char *name = json_string_value(json_object_get(json, "type"));
	const struct api_type *type = name ? api_type_find(name) : NULL;
	int rc = type ? compile_canonical(type, json_object_get(json, "object"), key, &text) : -1;

	if (rc == 0)
		printf("%s %s %s\n", name, key, text);
	else
		puts(rc == 1 ? "learned" : "refused");
	free(text);
	json_decref(json);
	return rc < 0 ? 1 : 0;
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
