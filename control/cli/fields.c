/* SPDX-License-Identifier: BSD-3-Clause */
/* See fields.h. Ranges and references are sluice-control's to judge; here only what could not be
 * written as JSON is refused. */
#include <stdlib.h>
#include <string.h>

#include "fields.h"
#include "text.h"
#include "words.h"

static bool is_list(const struct api_field *f)
{
	return f->kind == FIELD_LIST || f->kind == FIELD_IDS || f->kind == FIELD_TEXTS ||
	       f->kind == FIELD_PREFIXES || f->kind == FIELD_SET;
}

const struct api_field *intent_field(const struct api_field *fields, const char *name, size_t len)
{
	const struct api_field *f;
	const char *end;

	for (f = fields; f->name != NULL; f++)
		if (strlen(f->name) == len && memcmp(f->name, name, len) == 0)
			return f;
	for (f = fields; f->name != NULL; f++) {
		end = f->name + len;
		if (is_list(f) && len > 2 && strncmp(f->name, name, len) == 0 &&
			(strcmp(end, "s") == 0 || strcmp(end, "es") == 0))
			return f;
	}
	return NULL;
}

static json_t *parse_json(const char *text)
{
	return json_loads(text, JSON_REJECT_DUPLICATES, NULL);
}

static json_t *parse_field(const struct api_field *f, const char *text);

/* "a,b" for lists of plain values. */
static json_t *parse_values(const struct api_field *f, const char *text)
{
	json_t *list = json_array(), *value;
	char *copy = xstrdup(text), *save, *word;

	for (word = strtok_r(copy, ",", &save); word != NULL; word = strtok_r(NULL, ",", &save)) {
		value = f->kind == FIELD_IDS ? units_number(word) : json_string(word);
		if (value == NULL || json_array_append_new(list, value) != 0) {
			json_decref(list);
			list = NULL;
			break;
		}
	}
	free(copy);
	return list;
}

/* "198.18.0.0/16@198.18.0.9": the required fields in order. A new object, or NULL. */
static json_t *parse_short(const struct api_field *fields, const char *text)
{
	json_t *item = json_object(), *value;
	const struct api_field *f;
	size_t len;
	char *word;

	for (f = fields; f->name != NULL; f++) {
		if (!(f->flags & FIELD_REQUIRED))
			continue;
		len = strcspn(text, "@");
		word = xprintf("%.*s", (int)len, text);
		value = len > 0 ? parse_field(f, word) : NULL;
		free(word);
		if (value == NULL)
			break;
		json_object_set_new(item, f->name, value);
		text += len + (text[len] == '@');
	}
	if (f->name == NULL && *text == '\0')
		return item;
	json_decref(item);
	return NULL;
}

/* Where a field's value that begins at text ends: at a comma; in free text and lists at one with a
 * field's name and "=" behind it: device=net_af_packet0,iface=lan0 is all of the device. */
static size_t value_length(
	const struct api_field *fields, const struct api_field *field, const char *text)
{
	const char *at = strchr(text, ',');

	if (at != NULL && field->kind != FIELD_TEXT && !is_list(field))
		return (size_t)(at - text);
	for (; at != NULL; at = strchr(at + 1, ',')) {
		size_t len = strcspn(at + 1, "=,");

		if (at[1 + len] == '=' && intent_field(fields, at + 1, len) != NULL)
			return (size_t)(at - text);
	}
	return strlen(text);
}

/* Adds to what is there when the field is a list. Steals value. */
static int set_field(json_t *object, const struct api_field *f, json_t *value)
{
	json_t *before = json_object_get(object, f->name);
	int rc = -1;

	if (value == NULL)
		return -1;
	if (before == NULL)
		return json_object_set_new(object, f->name, value);
	if (is_list(f) && json_is_array(before) && json_is_array(value))
		rc = json_array_extend(before, value);
	json_decref(value);
	return rc;
}

/* "site=gj,port=lan0,vlan=10". A new object, or NULL. */
static json_t *parse_pairs(const struct api_field *fields, const char *text)
{
	json_t *item = json_object();
	const struct api_field *f;
	size_t len;
	char *word;
	int rc;

	while (*text != '\0') {
		len = strcspn(text, "=,");
		f = text[len] == '=' ? intent_field(fields, text, len) : NULL;
		if (f == NULL)
			break;
		text += len + 1;
		len = value_length(fields, f, text);
		word = xprintf("%.*s", (int)len, text);
		rc = set_field(item, f, parse_field(f, word));
		free(word);
		if (rc != 0)
			break;
		text += len + (text[len] == ',');
	}
	if (*text == '\0')
		return item;
	json_decref(item);
	return NULL;
}

static json_t *parse_structure(const struct api_field *fields, const char *text)
{
	size_t len = strcspn(text, "=,");

	if (text[0] == '{')
		return parse_json(text);
	if (text[len] == '=' && intent_field(fields, text, len) != NULL)
		return parse_pairs(fields, text);
	return parse_short(fields, text);
}

static json_t *parse_field(const struct api_field *f, const char *text)
{
	json_t *item;

	if (is_list(f) && text[0] == '[')
		return parse_json(text);
	switch (f->kind) {
	case FIELD_U32:
	case FIELD_U64:
		return text[0] == '-' && is_number(text + 1, false)
			       ? json_integer(strtoll(text, NULL, 10))
			       : units_number(text);
	case FIELD_BOOL:
		return parse_boolean(text);
	case FIELD_OBJECT:
		return parse_structure(f->fields, text);
	case FIELD_LIST:
		item = parse_structure(f->fields, text);
		return item != NULL ? json_pack("[o]", item) : NULL;
	case FIELD_IDS:
	case FIELD_TEXTS:
	case FIELD_PREFIXES:
	case FIELD_SET:
		return parse_values(f, text);
	default:
		return json_string(text);
	}
}

static int unknown_field(const struct args *args, const char *of, const struct api_field *fields,
	const char *word, size_t len)
{
	const struct api_field *f;
	char list[640] = "";
	size_t at = 0;

	for (f = fields; f->name != NULL && at < sizeof(list); f++)
		if (!(f->flags & FIELD_ANSWER))
			at += (size_t)snprintf(
				list + at, sizeof(list) - at, "%s%s", at ? ", " : "", f->name);
	return usage(args->command, "%s has no field \"%.*s\"; its fields are %s", of, (int)len,
		word, list);
}

static json_t *inner_object(json_t *object, const char *name)
{
	if (!json_is_object(json_object_get(object, name)))
		json_object_set_new(object, name, json_object());
	return json_object_get(object, name);
}

static int bad_value(const struct args *args, const struct api_field *f, const char *word,
	size_t len, bool twice)
{
	char want[256];

	if (twice)
		return usage(args->command, "%s is given twice", f->name);
	intent_field_want(f, want, sizeof(want));
	return usage(args->command, "%.*s cannot be \"%s\"\n  field %.*s\n  want  %s\n  got   %s",
		(int)len, word, word + len + 1, (int)len, word, want, word + len + 1);
}

static int add_word(const struct args *args, const struct api_type *type, const char *word,
	bool patch, json_t *object)
{
	const struct api_field *f, *fields = type->fields;
	size_t len = strcspn(word, "="), at = 0, part;
	const char *of = type->name;
	json_t *value;
	bool twice;

	if (word[len] != '=')
		return usage(args->command, "\"%s\" is not field=value", word);
	for (;;) {
		part = strcspn(word + at, ".=");
		f = intent_field(fields, word + at, part);
		if (f == NULL || (f->flags & FIELD_ANSWER))
			return unknown_field(args, of, fields, word + at, part);
		at += part + 1;
		if (at > len || f->kind != FIELD_OBJECT)
			break;
		object = inner_object(object, f->name);
		fields = f->fields;
		of = f->name;
	}
	if (at <= len)
		return unknown_field(args, of, fields, word, len);
	value = patch && word[len + 1] == '\0' ? json_null() : parse_field(f, word + len + 1);
	twice = value != NULL && json_object_get(object, f->name) != NULL;
	if (set_field(object, f, value) != 0)
		return bad_value(args, f, word, len, twice);
	return STATUS_OK;
}

int intent_words(
	const struct args *args, const struct api_type *type, int index, bool patch, json_t *object)
{
	int i, status = STATUS_OK;

	for (i = index; i < args->count && status == STATUS_OK; i++)
		status = add_word(args, type, args->words[i], patch, object);
	return status;
}

/* "site=…,port=…[,vlan=…]" */
static void want_structure(const struct api_field *fields, char *text, size_t size)
{
	const struct api_field *f;
	size_t at = 0;

	text[0] = '\0';
	for (f = fields; f->name != NULL && at < size; f++) {
		bool must = f->flags & FIELD_REQUIRED;

		at += (size_t)snprintf(text + at, size - at, "%s%s%s=…%s", must ? "" : "[",
			f == fields ? "" : ",", f->name, must ? "" : "]");
	}
}

void intent_field_want(const struct api_field *field, char *text, size_t size)
{
	if (field->kind == FIELD_LIST || field->kind == FIELD_OBJECT)
		want_structure(field->fields, text, size);
	else if (is_list(field))
		snprintf(text, size, "%s,…",
			field->kind == FIELD_PREFIXES ? "address/length"
			: field->kind == FIELD_IDS    ? "number"
						      : "name");
	else
		field_want(field, text, size);
}

json_t *intent_ordered(const struct api_field *fields, const json_t *json)
{
	const struct api_field *f;
	json_t *out, *value;
	const char *name;
	size_t i;

	if (json_is_array(json)) {
		out = json_array();
		json_array_foreach ((json_t *)json, i, value)
			json_array_append_new(out, intent_ordered(fields, value));
		return out;
	}
	if (!json_is_object(json) || fields == NULL)
		return json_incref((json_t *)json);
	out = json_object();
	if (json_object_get(json, "kind") != NULL)
		json_object_set(out, "kind", json_object_get(json, "kind"));
	for (f = fields; f->name != NULL; f++) {
		value = json_object_get(json, f->name);
		if (value != NULL)
			json_object_set_new(out, f->name, intent_ordered(f->fields, value));
	}
	json_object_foreach ((json_t *)json, name, value)
		if (json_object_get(out, name) == NULL)
			json_object_set(out, name, value);
	return out;
}
