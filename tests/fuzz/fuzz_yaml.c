/* SPDX-License-Identifier: BSD-3-Clause */
/* control/cli's YAML: any bytes are documents or a refusal, within bounds; and what was read is
 * written so that it reads the same again, by yaml_line without harm. */
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "yaml_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_again(const json_t *root)
{
	struct yaml_error error;
	json_t *again = NULL;
	char *text = yaml_text(root);

	if (yaml_read(text, strlen(text), &again, &error) != 0) {
		fprintf(stderr, "%zu:%zu %s\n%s\n", error.line, error.column, error.text, text);
		abort();
	}
	if (json_array_size(again) != 1 || !json_equal(json_array_get(again, 0), root)) {
		fprintf(stderr, "%s\n%s\n", json_dumps(root, JSON_ENCODE_ANY), text);
		abort();
	}
	json_decref(again);
	free(text);
}

static int depth_of(const json_t *json)
{
	int deepest = 0, depth;
	const char *key;
	json_t *value;
	size_t i;

	json_array_foreach ((json_t *)json, i, value)
		if ((depth = depth_of(value)) > deepest)
			deepest = depth;
	json_object_foreach ((json_t *)json, key, value)
		if ((depth = depth_of(value)) > deepest)
			deepest = depth;
	return deepest + (json_is_object(json) || json_is_array(json));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct yaml_error error;
	json_t *roots = NULL, *root;
	size_t i;

	yaml_line((const char *)data, size, 0, "endpoints[0].port");
	yaml_line((const char *)data, size, 1, "");
	if (yaml_read((const char *)data, size, &roots, &error) != 0) {
		if (error.text[0] == '\0')
			abort();
		return 0;
	}
	json_array_foreach (roots, i, root) {
		if (depth_of(root) > YAML_DEPTH)
			abort();
		check_again(root);
	}
	json_decref(roots);
	return 0;
}
