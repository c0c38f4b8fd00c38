/* SPDX-License-Identifier: BSD-3-Clause */
/* Between the words of a command line and the JSON of an intent, by the descriptions in
 * control/intent: field=value, field.inner=value, and lists, whose items are given one by one
 * (endpoint=site=gj,port=lan0,vlan=10). */
#ifndef CLI_FIELDS_H
#define CLI_FIELDS_H

#include "cli.h"

/* "endpoint" and "endpoints" name the same list; len is the name's length. NULL: no such field. */
const struct api_field *intent_field(const struct api_field *fields, const char *name, size_t len);

/* The words from the index-th on, into an object. patch: "field=" removes it, as null. STATUS_OK,
 * or STATUS_USAGE after saying why. */
int intent_words(const struct args *args, const struct api_type *type, int index, bool patch,
	json_t *object);

/* What a field takes, for people. */
void intent_field_want(const struct api_field *field, char *text, size_t size);

/* With fields in the order of their description, unknown ones behind; "kind" first when there is
 * one. A new value. */
json_t *intent_ordered(const struct api_field *fields, const json_t *json);

#endif
