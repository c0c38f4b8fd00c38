/* SPDX-License-Identifier: BSD-3-Clause */
/* See words.h. Only what the socket could not say better is checked here: names of fields, and that
 * numbers, booleans and vias can be written as JSON at all. Ranges and references are the
 * dataplane's to judge. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"
#include "words.h"

const struct api_field *field_find(const struct api_type *type, const char *name, size_t len)
{
	const struct api_field *f;

	for (f = type->fields; f->name != NULL; f++)
		if (strlen(f->name) == len && memcmp(f->name, name, len) == 0)
			return f;
	return NULL;
}

static json_t *parse_number(const char *text)
{
	char *end;
	long long value;

	if (!is_number(text[0] == '-' ? text + 1 : text, false))
		return NULL;
	errno = 0;
	value = strtoll(text, &end, 10);
	return errno == 0 && *end == '\0' ? json_integer(value) : NULL;
}

json_t *parse_boolean(const char *text)
{
	static const char *const yes[] = {"true", "yes", "on"}, *const no[] = {
									"false", "no", "off"};
	size_t i;

	for (i = 0; i < 3; i++) {
		if (strcmp(text, yes[i]) == 0)
			return json_true();
		if (strcmp(text, no[i]) == 0)
			return json_false();
	}
	return NULL;
}

/* ",weight=N" and ",mac=MAC" behind a via, in any order. */
static int parse_via_options(const char *text, json_t *via)
{
	while (*text == ',') {
		size_t len = strcspn(text + 1, ",");
		char *value, *word = xprintf("%.*s", (int)len, text + 1);
		json_t *json = NULL;

		value = strchr(word, '=');
		if (value != NULL)
			*value++ = '\0';
		if (value != NULL && strcmp(word, "weight") == 0)
			json = parse_number(value);
		else if (value != NULL && strcmp(word, "mac") == 0)
			json = json_string(value);
		if (json == NULL || json_object_get(via, word) != NULL) {
			json_decref(json);
			free(word);
			return -1;
		}
		json_object_set_new(via, word, json);
		free(word);
		text += len + 1;
	}
	return 0;
}

/* "tunnel:NAME", "attachment:NAME", or anything else: a port. */
static void parse_via_place(const char *text, const char *end, json_t *via)
{
	static const char *const kinds[] = {"tunnel", "attachment", "port"};
	const char *kind = kinds[2];
	size_t i, len;

	for (i = 0; i < 2; i++) {
		len = strlen(kinds[i]);
		if (strncmp(text, kinds[i], len) == 0 && text[len] == ':') {
			kind = kinds[i];
			text += len + 1;
			break;
		}
	}
	json_object_set_new(via, kind, json_stringn(text, (size_t)(end - text)));
}

/* "ADDRESS", "ADDRESS@PLACE" or "@PLACE", where PLACE is PORT, "tunnel:NAME" or "attachment:NAME";
 * the latter two stand without "@" as well. Then ",weight=N", ",mac=MAC". Names may hold '@' and
 * ':', never ','. */
static json_t *parse_via(const char *text)
{
	const char *end = text + strcspn(text, ","), *at;
	json_t *via = json_object();

	if (end == text || parse_via_options(end, via) != 0) {
		json_decref(via);
		return NULL;
	}
	if (strncmp(text, "tunnel:", 7) == 0 || strncmp(text, "attachment:", 11) == 0) {
		parse_via_place(text, end, via);
		return via;
	}
	at = memchr(text, '@', (size_t)(end - text));
	if (at != text)
		json_object_set_new(via, "address",
			json_stringn(text, (size_t)((at != NULL ? at : end) - text)));
	if (at != NULL)
		parse_via_place(at + 1, end, via);
	return via;
}

/* One via= word: an array to append to the vias given before it. */
static json_t *parse_vias(const char *text)
{
	json_t *json;

	if (text[0] == '[')
		return json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	json = text[0] == '{' ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : parse_via(text);
	return json != NULL ? json_pack("[o]", json) : NULL;
}

static json_t *parse_value(const struct api_field *field, const char *text)
{
	switch (field->kind) {
	case FIELD_U32:
	case FIELD_U64:
		return parse_number(text);
	case FIELD_BOOL:
		return parse_boolean(text);
	case FIELD_VIA:
		return parse_vias(text);
	case FIELD_OBJECT:
	case FIELD_LIST:
	case FIELD_IDS:
	case FIELD_TEXTS:
	case FIELD_PREFIXES:
	case FIELD_SET:
		return json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	default:
		return json_string(text);
	}
}

/* "ue.ipv4" → the field ipv4 of the field ue, *outer; NULL: there is none. */
static const struct api_field *inner_find(
	const struct api_type *type, const char *name, size_t len, const struct api_field **outer)
{
	const char *dot = memchr(name, '.', len);
	const struct api_field *f;

	*outer = dot != NULL ? field_find(type, name, (size_t)(dot - name)) : NULL;
	if (*outer == NULL || (*outer)->kind != FIELD_OBJECT)
		return NULL;
	len -= (size_t)(dot + 1 - name);
	for (f = (*outer)->fields; f->name != NULL; f++)
		if (strlen(f->name) == len && memcmp(f->name, dot + 1, len) == 0)
			return f;
	return NULL;
}

static int unknown_field(const struct args *args, const struct api_type *type, const char *name,
	size_t len, bool answers)
{
	const struct api_field *f;
	char list[512] = "";
	size_t at = 0;

	for (f = type->fields; f->name != NULL && at < sizeof(list); f++)
		if (answers || !(f->flags & FIELD_ANSWER))
			at += (size_t)snprintf(
				list + at, sizeof(list) - at, "%s%s", at ? ", " : "", f->name);
	return usage(args->command, "%s has no field \"%.*s\"; its fields are %s", type->name,
		(int)len, name, list);
}

/* The object within, made when it is not there. */
static json_t *inner_object(json_t *object, const char *name)
{
	if (!json_is_object(json_object_get(object, name)))
		json_object_set_new(object, name, json_object());
	return json_object_get(object, name);
}

static int add_field(const struct args *args, const struct api_type *type, const char *word,
	bool answers, json_t *object)
{
	size_t len = strcspn(word, "=");
	const struct api_field *f = field_find(type, word, len), *outer = NULL;
	json_t *value, *before;
	char want[160];

	if (word[len] != '=')
		return usage(args->command, "\"%s\" is not field=value; to name the %s write %s=%s",
			word, type->name, type->fields[0].name, word);
	if (f == NULL)
		f = inner_find(type, word, len, &outer);
	if (f == NULL || (!answers && (f->flags & FIELD_ANSWER)))
		return unknown_field(args, type, word, len, answers);
	/* a field that an answer leaves out is matched by null */
	value = answers && word[len + 1] == '\0' ? json_null() : parse_value(f, word + len + 1);
	if (value == NULL) {
		field_want(f, want, sizeof(want));
		return usage(args->command,
			"%.*s of %s cannot be \"%s\"\n  path  %.*s\n  want  %s\n  got   %s",
			(int)len, word, type->name, word + len + 1, (int)len, word, want,
			word + len + 1);
	}
	if (outer != NULL)
		object = inner_object(object, outer->name);
	before = json_object_get(object, f->name);
	if (before != NULL && f->kind == FIELD_VIA) {
		json_array_extend(before, value);
		json_decref(value);
		return STATUS_OK;
	}
	if (before != NULL) {
		json_decref(value);
		return usage(args->command, "%s is given twice", f->name);
	}
	json_object_set_new(object, f->name, value);
	return STATUS_OK;
}

int words_object(const struct args *args, const struct api_type *type, bool answers, json_t **out)
{
	json_t *object = json_object();
	int i, status;

	for (i = 1; i < args->count; i++) {
		status = add_field(args, type, args->words[i], answers, object);
		if (status != STATUS_OK) {
			json_decref(object);
			return status;
		}
	}
	*out = object;
	return STATUS_OK;
}

int key_words(const struct api_type *type, char *shape, size_t size)
{
	const struct api_field *f;
	bool either = false;
	size_t at = 0;
	int count = 0;

	if (shape != NULL && size > 0)
		shape[0] = '\0';
	for (f = type->fields; f->name != NULL; f++) {
		bool place = f->flags & FIELD_EITHER;

		if (!(f->flags & FIELD_KEY))
			continue;
		/* port and attachment of an address are one word: the place */
		count += !(place && either);
		if (shape != NULL && at < size)
			at += (size_t)snprintf(shape + at, size - at, "%s%s",
				at == 0		  ? ""
				: place && either ? "|"
						  : " ",
				f->name);
		either = either || place;
	}
	return count;
}

int words_keys(const struct args *args, int per_key, const char *shape, json_t **out)
{
	json_t *keys = json_array();
	char key[API_KEY_BYTES * 2] = "";
	int i, words = 0;

	for (i = 1; i < args->count; i++) {
		char *copy = xstrdup(args->words[i]), *save, *word;

		for (word = strtok_r(copy, " ", &save); word != NULL;
			word = strtok_r(NULL, " ", &save)) {
			size_t at = words % per_key == 0 ? 0 : strlen(key);

			snprintf(key + at, sizeof(key) - at, "%s%s", at ? " " : "", word);
			if (++words % per_key == 0)
				json_array_append_new(keys, json_string(key));
		}
		free(copy);
	}
	if (words % per_key != 0) {
		json_decref(keys);
		return usage(args->command,
			"a key here has %d words (%s), and \"%s\" is not all of one", per_key,
			shape, key);
	}
	*out = keys;
	return STATUS_OK;
}

static void want_number(const struct api_field *field, char *text, size_t size)
{
	if (field->max > 0)
		snprintf(text, size, "%llu to %llu", (unsigned long long)field->min,
			(unsigned long long)field->max);
	else
		snprintf(text, size, "integer");
}

/* "JSON [{id, far, qers?}]" */
static void want_json(const struct api_field *field, char *text, size_t size)
{
	bool list = field->kind == FIELD_LIST;
	const struct api_field *f;
	size_t at = (size_t)snprintf(text, size, "JSON %s{", list ? "[" : "");

	for (f = field->fields; f->name != NULL && at < size; f++)
		at += (size_t)snprintf(text + at, size - at, "%s%s%s",
			f == field->fields ? "" : ", ", f->name,
			f->flags & FIELD_REQUIRED ? "" : "?");
	if (at < size)
		snprintf(text + at, size - at, "}%s", list ? ", …]" : "");
}

void field_want(const struct api_field *field, char *text, size_t size)
{
	size_t at = 0;
	int i;

	switch (field->kind) {
	case FIELD_U32:
	case FIELD_U64:
		want_number(field, text, size);
		break;
	case FIELD_ENUM:
		text[0] = '\0';
		for (i = 0; field->names[i] != NULL && at < size; i++)
			at += (size_t)snprintf(
				text + at, size - at, "%s%s", i ? " | " : "", field->names[i]);
		break;
	case FIELD_NAME:
		if (field->ref >= 0)
			snprintf(text, size, "name of a %s", api_types[field->ref].name);
		else
			snprintf(text, size, "name");
		break;
	case FIELD_BOOL:
		snprintf(text, size, "true | false");
		break;
	case FIELD_MAC:
		snprintf(text, size, "02:00:00:00:00:01");
		break;
	case FIELD_IP:
		snprintf(text, size, "address");
		break;
	case FIELD_PREFIX:
		snprintf(text, size, "address/length");
		break;
	case FIELD_VIA:
		snprintf(text, size,
			"ADDRESS@PORT, ADDRESS@attachment:NAME, attachment:NAME or tunnel:NAME, "
			"then ,weight=N and ,mac=MAC or not; or JSON");
		break;
	case FIELD_OBJECT:
	case FIELD_LIST:
		want_json(field, text, size);
		break;
	case FIELD_IDS:
	case FIELD_TEXTS:
	case FIELD_PREFIXES:
	case FIELD_SET:
		snprintf(text, size, "JSON list");
		break;
	default:
		snprintf(text, size, "text");
	}
}

json_t *file_json(const char *path)
{
	bool from_stdin = strcmp(path, "-") == 0;
	FILE *file = from_stdin ? stdin : fopen(path, "r");
	json_error_t error;
	json_t *json;

	if (file == NULL) {
		fail("%s: %s", path, strerror(errno));
		return NULL;
	}
	json = json_loadf(file, JSON_REJECT_DUPLICATES, &error);
	if (!from_stdin)
		fclose(file);
	if (json == NULL)
		fail("%s:%d:%d: %s", from_stdin ? "standard input" : path, error.line, error.column,
			error.text);
	return json;
}
