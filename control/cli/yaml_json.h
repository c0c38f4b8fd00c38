/* SPDX-License-Identifier: BSD-3-Clause */
/* YAML to JSON and back, by libyaml: what JSON can say (YAML 1.2's core schema) and nothing
 * else. Anchors, aliases, tags, keys that are not text or come twice, and more than YAML_DEPTH
 * levels are refused: a file of intents needs none of them. */
#ifndef CLI_YAML_JSON_H
#define CLI_YAML_JSON_H

#include <jansson.h>
#include <stddef.h>
#include <stdio.h>

#define YAML_DEPTH 32

struct yaml_error {
	size_t line, column; /* from 1; 0: not known */
	char text[256];
};

/* All the text's documents into *roots, a new array. 0, or -1 with error. */
int yaml_read(const char *text, size_t len, json_t **roots, struct yaml_error *error);

/* The line, from 1, where "endpoints[0].port" stands in a document, or what of that path is there;
 * 0: not known. Reads the text again: for error messages. */
size_t yaml_line(const char *text, size_t len, size_t root, const char *path);

/* One document as block style YAML, ending with a newline; fields in the order they have. New. */
char *yaml_text(const json_t *json);

#endif
