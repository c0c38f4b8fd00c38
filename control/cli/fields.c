/* SPDX-License-Identifier: BSD-3-Clause */
/* Between the words of a command line and JSON, by the descriptions of objects (dataplane/objects)
 * and of intents (control/intent): field=value, outer.inner=value, lists whose items are given one
 * by one (endpoint=site=gj,port=lan0,vlan=10), keys of several words, files. Only what could not be
 * written as JSON is refused here: ranges and references are the server's to judge. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

static bool is_list(const struct api_field *f)
{
	return f->kind == FIELD_LIST || f->kind == FIELD_IDS || f->kind == FIELD_TEXTS ||
	       f->kind == FIELD_PREFIXES || f->kind == FIELD_SET || f->kind == FIELD_VIA;
}

const struct api_field *field_find(const struct api_field *fields, const char *name, size_t len)
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

/* ---- values ---- */

static json_t *parse_json(const char *text)
{
	return json_loads(text, JSON_REJECT_DUPLICATES, NULL);
}

static json_t *parse_boolean(const char *text)
{
	static const char *const words[][2] = {{"true", "false"}, {"yes", "no"}, {"on", "off"}};
	size_t i;

	for (i = 0; i < 3; i++) {
		if (strcmp(text, words[i][0]) == 0)
			return json_true();
		if (strcmp(text, words[i][1]) == 0)
			return json_false();
	}
	return NULL;
}

/* ",weight=N" and ",mac=MAC" behind a via, in any order. */
static int parse_via_options(const char *text, json_t *via)
{
	while (*text == ',') {
		size_t len = strcspn(text + 1, ",");
		char *value, *word = xstrndup(text + 1, len);
		json_t *json = NULL;
		int rc = -1;

		value = strchr(word, '=');
		if (value != NULL)
			*value++ = '\0';
		if (value != NULL && strcmp(word, "weight") == 0)
			json = units_number(value);
		else if (value != NULL && strcmp(word, "mac") == 0)
			json = json_string(value);
		if (json != NULL && json_object_get(via, word) == NULL)
			rc = json_object_set(via, word, json);
		json_decref(json);
		free(word);
		if (rc != 0)
			return -1;
		text += len + 1;
	}
	return 0;
}

/* "tunnel:NAME", "attachment:NAME", or anything else: a port. */
static void parse_via_place(const char *text, const char *end, json_t *via)
{
	const char *kind = strncmp(text, "tunnel:", 7) == 0	   ? "tunnel"
			   : strncmp(text, "attachment:", 11) == 0 ? "attachment"
								   : "port";

	if (strcmp(kind, "port") != 0)
		text += strlen(kind) + 1;
	json_object_set_new(via, kind, json_stringn(text, (size_t)(end - text)));
}

/* "ADDRESS", "ADDRESS@PLACE" or "@PLACE", where PLACE is PORT, "tunnel:NAME" or "attachment:NAME";
 * the latter two stand without "@" as well. Then ",weight=N", ",mac=MAC". Names may hold '@' and
 * ':', never ','. A list of the one, for those of several words to be added to; or NULL. */
static json_t *parse_via(const char *text)
{
	const char *end = text + strcspn(text, ","), *at;
	json_t *via;

	if (text[0] == '{') {
		via = parse_json(text);
		return via != NULL ? json_pack("[o]", via) : NULL;
	}
	via = json_object();
	if (end == text || parse_via_options(end, via) != 0) {
		json_decref(via);
		return NULL;
	}
	at = memchr(text, '@', (size_t)(end - text));
	if (strncmp(text, "tunnel:", 7) == 0 || strncmp(text, "attachment:", 11) == 0) {
		parse_via_place(text, end, via);
		return json_pack("[o]", via);
	}
	if (at != text)
		json_object_set_new(via, "address",
			json_stringn(text, (size_t)((at != NULL ? at : end) - text)));
	if (at != NULL)
		parse_via_place(at + 1, end, via);
	return json_pack("[o]", via);
}

static json_t *parse_field(const struct api_field *f, const char *text);

/* "a,b" for lists of plain values. */
static json_t *parse_values(const struct api_field *f, const char *text)
{
	json_t *list = json_array(), *value;
	char *copy = xstrdup(text), *save, *word;

	for (word = strtok_r(copy, ",", &save); word != NULL; word = strtok_r(NULL, ",", &save)) {
		value = f->kind == FIELD_IDS ? units_number(word) : json_string(word);
		if (value == NULL) {
			json_decref(list);
			list = NULL;
			break;
		}
		json_array_append_new(list, value);
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
		word = xstrndup(text, len);
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

		if (at[1 + len] == '=' && field_find(fields, at + 1, len) != NULL)
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
		f = text[len] == '=' ? field_find(fields, text, len) : NULL;
		if (f == NULL)
			break;
		text += len + 1;
		len = value_length(fields, f, text);
		word = xstrndup(text, len);
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
	if (text[len] == '=' && field_find(fields, text, len) != NULL)
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
		return units_number(text);
	case FIELD_BOOL:
		return parse_boolean(text);
	case FIELD_VIA:
		return parse_via(text);
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

/* ---- words ---- */

/* of: what has the fields, a type or a field that is a structure. */
static void unknown_field(const char *type, const char *of, const struct api_field *fields,
	const char *word, size_t at, size_t len, bool answers)
{
	const struct api_field *f;
	char list[640] = "", where[160] = "";
	size_t used = 0;

	for (f = fields; f->name != NULL && used < sizeof(list); f++)
		if (answers || !(f->flags & FIELD_ANSWER))
			used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s",
				used > 0 ? ", " : "", f->name);
	if (of != type)
		snprintf(where, sizeof(where), ": %s has no field \"%.*s\"", of, (int)(len - at),
			word + at);
	usage("%s has no field \"%.*s\"%s; its fields are %s", type, (int)len, word, where, list);
}

/* The object within, made when it is not there. */
static json_t *inner_object(json_t *object, const char *name)
{
	if (!json_is_object(json_object_get(object, name)))
		json_object_set_new(object, name, json_object());
	return json_object_get(object, name);
}

static void add_word(
	const struct api_type *type, const char *word, enum words_mode mode, json_t *object)
{
	const struct api_field *f, *fields = type->fields;
	size_t len = strcspn(word, "="), at = 0, part;
	const char *of = type->name;
	json_t *value;

	if (word[len] != '=' && is_intent())
		usage("\"%s\" is not field=value", word);
	if (word[len] != '=')
		usage("\"%s\" is not field=value; to name the %s write %s=%s", word, type->name,
			fields->name, word);
	for (;;) {
		part = strcspn(word + at, ".=");
		f = field_find(fields, word + at, part);
		/* "vni.x": vni has no fields */
		if (f == NULL || (mode != WORDS_MATCH && (f->flags & FIELD_ANSWER)) ||
			(word[at + part] == '.' && f->kind != FIELD_OBJECT))
			unknown_field(type->name, of, fields, word, at, len, mode == WORDS_MATCH);
		at += part + 1;
		if (at > len)
			break;
		object = inner_object(object, f->name);
		fields = f->fields;
		of = f->name;
	}
	/* null takes a field away, or matches those without it */
	value = mode != WORDS_PUT && word[at] == '\0' ? json_null() : parse_field(f, word + at);
	if (value == NULL)
		usage("%.*s cannot be \"%s\"\n  %-5s %.*s\n  want  %s\n  got   %s", (int)len, word,
			word + at, is_intent() ? "field" : "path", (int)len, word, field_want(f),
			word + at);
	if (set_field(object, f, value) != 0)
		usage("%s is given twice", f->name);
}

void words_object(const struct args *args, int index, const struct api_type *type,
	enum words_mode mode, json_t *object)
{
	int i;

	for (i = index; i < args->count; i++)
		add_word(type, args->words[i], mode, object);
}

int key_words(const struct api_type *type, char *shape, size_t size)
{
	const struct api_field *f;
	bool either = false;
	size_t at = 0;
	int count = 0;

	if (size > 0)
		shape[0] = '\0';
	for (f = type->fields; f->name != NULL; f++) {
		bool place = f->flags & FIELD_EITHER;

		if (!(f->flags & FIELD_KEY))
			continue;
		/* port and attachment of an address are one word: the place */
		count += !(place && either);
		if (at < size)
			at += (size_t)snprintf(shape + at, size - at, "%s%s",
				at == 0		  ? ""
				: place && either ? "|"
						  : " ",
				f->name);
		either = either || place;
	}
	return count;
}

json_t *words_keys(const struct args *args, const struct api_type *type)
{
	json_t *keys = json_array();
	char key[API_KEY_BYTES * 2] = "", shape[160] = "name";
	int i, words = 0, per_key = 1;

	if (type != NULL)
		per_key = key_words(type, shape, sizeof(shape));
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
	if (words % per_key != 0)
		usage("a key here has %d words (%s), and \"%s\" is not all of one", per_key, shape,
			key);
	return keys;
}

/* ---- for people ---- */

/* "site=…,port=…[,vlan=…]" */
static void want_structure(const struct api_field *fields, FILE *out)
{
	const struct api_field *f;

	for (f = fields; f->name != NULL; f++) {
		bool must = f->flags & FIELD_REQUIRED;

		fprintf(out, "%s%s%s=…%s", must ? "" : "[", f == fields ? "" : ",", f->name,
			must ? "" : "]");
	}
}

char *field_want(const struct api_field *field)
{
	static const char *const wants[] = {
		[FIELD_NAME] = "name",
		[FIELD_TEXT] = "text",
		[FIELD_BOOL] = "true | false",
		[FIELD_MAC] = "02:00:00:00:00:01",
		[FIELD_IP] = "address",
		[FIELD_PREFIX] = "address/length",
		[FIELD_VIA] = "ADDRESS@PORT, ADDRESS@attachment:NAME, attachment:NAME or "
			      "tunnel:NAME, then ,weight=N and ,mac=MAC or not; or JSON",
		[FIELD_IDS] = "number,…",
		[FIELD_PREFIXES] = "address/length,…",
		[FIELD_TEXTS] = "name,…",
		[FIELD_SET] = "name,…",
	};
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	int i;

	if (field->kind == FIELD_LIST || field->kind == FIELD_OBJECT)
		want_structure(field->fields, out);
	else if (field->kind == FIELD_ENUM)
		for (i = 0; field->names[i] != NULL; i++)
			fprintf(out, "%s%s", i ? " | " : "", field->names[i]);
	else if (field->kind == FIELD_NAME && field->ref >= 0)
		fprintf(out, "name of a %s", api_types[field->ref].name);
	else if (field->kind != FIELD_U32 && field->kind != FIELD_U64)
		fputs(wants[field->kind], out);
	else if (field->max > 0)
		fprintf(out, "%llu to %llu", (unsigned long long)field->min,
			(unsigned long long)field->max);
	else
		fputs("integer", out);
	fclose(out);
	return text;
}

json_t *fields_ordered(const struct api_field *fields, const json_t *json)
{
	const struct api_field *f;
	json_t *out, *value;
	size_t i;

	if (json_is_array(json)) {
		out = json_array();
		json_array_foreach ((json_t *)json, i, value)
			json_array_append_new(out, fields_ordered(fields, value));
		return out;
	}
	if (!json_is_object(json) || fields == NULL)
		return json_incref((json_t *)json);
	out = json_object();
	json_object_set(out, "kind", json_object_get(json, "kind"));
	for (f = fields; f->name != NULL; f++) {
		value = json_object_get(json, f->name);
		if (value != NULL)
			json_object_set_new(out, f->name, fields_ordered(f->fields, value));
	}
	json_object_update_missing(out, (json_t *)json);
	return out;
}

json_t *file_json(const char *path)
{
	bool from_stdin = strcmp(path, "-") == 0;
	FILE *file = from_stdin ? stdin : fopen(path, "r");
	json_error_t error;
	json_t *json;

	if (file == NULL)
		die("%s: %s", path, strerror(errno));
	json = json_loadf(file, JSON_REJECT_DUPLICATES, &error);
	if (!from_stdin)
		fclose(file);
	if (json == NULL)
		die("%s:%d:%d: %s", from_stdin ? "standard input" : path, error.line, error.column,
			error.text);
	return json;
}
