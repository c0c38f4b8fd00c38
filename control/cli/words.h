/* SPDX-License-Identifier: BSD-3-Clause */
/* Between the words of a command line and the JSON of the socket, by the descriptions in
 * dataplane/objects: field=value, keys of several words, and files. */
#ifndef CLI_WORDS_H
#define CLI_WORDS_H

#include "cli.h"

/* NULL when the type has no such field; len is the name's length. */
const struct api_field *field_find(const struct api_type *type, const char *name, size_t len);

/* The words after the type as one object. answers: fields only answers have are allowed too
 * (match). A new object into *out, or STATUS_USAGE after saying why. */
int words_object(const struct args *args, const struct api_type *type, bool answers, json_t **out);

/* How many words a key of the type has, and how help calls them: "slice mac". shape may be NULL. */
int key_words(const struct api_type *type, char *shape, size_t size);
/* The words after the type as keys: each `per_key` words long, however they were quoted. A new
 * array of strings into *out, or STATUS_USAGE after saying why. */
int words_keys(const struct args *args, int per_key, const char *shape, json_t **out);

/* What a field takes, for people: "1 to 16777215", "l2 | l3". */
void field_want(const struct api_field *field, char *text, size_t size);

/* "true", "yes", "on", and the contrary: a new value, or NULL. */
json_t *parse_boolean(const char *text);

/* A JSON file ("-": standard input): a new value, or NULL after saying why. */
json_t *file_json(const char *path);

#endif
