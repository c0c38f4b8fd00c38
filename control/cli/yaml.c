/* SPDX-License-Identifier: BSD-3-Clause */
/* See yaml_json.h. */
#include "yaml_json.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <yaml.h>

#include "alloc.h"

/* ---- the way in ---- */

#define PATH_MAX_BYTES 512

struct reader {
	yaml_parser_t parser;
	yaml_event_t event;
	struct yaml_error *error;
	unsigned depth;
	/* for yaml_line */
	const char *wanted; /* NULL: no line is looked for */
	char path[PATH_MAX_BYTES];
	size_t line;
};

static json_t *read_node(struct reader *r);

static int refuse(struct reader *r, yaml_mark_t mark, const char *text)
{
	r->error->line = mark.line + 1;
	r->error->column = mark.column + 1;
	snprintf(r->error->text, sizeof(r->error->text), "%s", text);
	return -1;
}

/* Is it an alias, or something with an anchor or a tag? */
static bool is_decorated(const yaml_event_t *event)
{
	if (event->type == YAML_SCALAR_EVENT)
		return event->data.scalar.anchor != NULL || event->data.scalar.tag != NULL;
	if (event->type == YAML_SEQUENCE_START_EVENT)
		return event->data.sequence_start.anchor != NULL ||
		       event->data.sequence_start.tag != NULL;
	if (event->type == YAML_MAPPING_START_EVENT)
		return event->data.mapping_start.anchor != NULL ||
		       event->data.mapping_start.tag != NULL;
	return event->type == YAML_ALIAS_EVENT;
}

/* The next event into r->event. 0 or -1. */
static int next(struct reader *r)
{
	const yaml_parser_t *p = &r->parser;

	yaml_event_delete(&r->event);
	if (yaml_parser_parse(&r->parser, &r->event))
		return is_decorated(&r->event)
			       ? refuse(r, r->event.start_mark,
					 "anchors, aliases and tags are not taken: write the value "
					 "itself")
			       : 0;
	memset(&r->event, 0, sizeof(r->event));
	refuse(r, p->problem_mark, p->problem != NULL ? p->problem : "it is not YAML");
	if (p->context != NULL)
		snprintf(r->error->text, sizeof(r->error->text), "%s, %s",
			p->problem != NULL ? p->problem : "it is not YAML", p->context);
	if (p->problem != NULL && strstr(p->problem, "cannot start any token") != NULL &&
		p->buffer.pointer < p->buffer.last && *p->buffer.pointer == '\t')
		snprintf(r->error->text, sizeof(r->error->text),
			"there is a tab: YAML is indented by spaces");
	/* the reader (bytes that are not UTF-8) has no mark, only an offset */
	if (p->error == YAML_READER_ERROR)
		r->error->line = p->mark.line + 1;
	return -1;
}

static json_t *number(const char *text, size_t len)
{
	const char *digits = text + (text[0] == '-' || text[0] == '+');
	size_t whole = strspn(digits, "0123456789");
	bool hex = len > 2 && strncmp(text, "0x", 2) == 0 &&
		   strspn(text + 2, "0123456789abcdefABCDEF") == len - 2;
	json_int_t integer;
	double real;
	char *end;

	errno = 0;
	if (hex || (whole > 0 && digits[whole] == '\0')) {
		integer = strtoll(text, NULL, hex ? 16 : 10);
		return errno == 0 ? json_integer(integer) : NULL;
	}
	/* "1e3", "0.5", ".5"; not "inf", "nan", "0x1p3", which JSON cannot say */
	if (text[strspn(text, "0123456789+-.eE")] != '\0' || strpbrk(text, "0123456789") == NULL)
		return NULL;
	real = strtod(text, &end);
	return *end == '\0' && end != text && errno == 0 ? json_real(real) : NULL;
}

/* A scalar that is not quoted, as YAML understands it. New. */
static json_t *yaml_plain(const char *text, size_t len)
{
	static const char *const words[][3] = {
		{"null", "Null", "NULL"}, {"true", "True", "TRUE"}, {"false", "False", "FALSE"}};
	json_t *json;
	size_t i;

	if (len == 0 || (len == 1 && *text == '~'))
		return json_null();
	for (i = 0; i < 3 && strlen(text) == len; i++) {
		if (strcmp(text, words[0][i]) == 0)
			return json_null();
		if (strcmp(text, words[1][i]) == 0)
			return json_true();
		if (strcmp(text, words[2][i]) == 0)
			return json_false();
	}
	json = strlen(text) == len ? number(text, len) : NULL;
	return json != NULL ? json : json_stringn(text, len);
}

static json_t *read_scalar(struct reader *r)
{
	const char *text = (const char *)r->event.data.scalar.value;
	size_t len = r->event.data.scalar.length;
	json_t *json = r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE
			       ? yaml_plain(text, len)
			       : json_stringn(text, len);

	if (json == NULL)
		refuse(r, r->event.start_mark, "this text cannot be written as JSON");
	return json;
}

/* Goes into "path.key" or "path[index]"; returns the length to come back to. */
static size_t path_push(struct reader *r, const char *key, size_t index)
{
	size_t len = strlen(r->path);

	if (key != NULL)
		snprintf(r->path + len, sizeof(r->path) - len, "%s%s", len > 0 ? "." : "", key);
	else
		snprintf(r->path + len, sizeof(r->path) - len, "[%zu]", index);
	return len;
}

/* Is what stands here the wanted place, or around it? The deepest one comes last. */
static void note_line(struct reader *r, size_t line)
{
	size_t len = strlen(r->path);

	if (r->wanted == NULL || strncmp(r->wanted, r->path, len) != 0)
		return;
	if (len == 0 || r->wanted[len] == '\0' || r->wanted[len] == '.' || r->wanted[len] == '[')
		r->line = line + 1;
}

static int read_pair(struct reader *r, json_t *object)
{
	size_t line = r->event.start_mark.line, back;
	json_t *value;
	char *key;
	int rc = -1;

	if (r->event.type != YAML_SCALAR_EVENT)
		return refuse(r, r->event.start_mark, "a key must be plain text");
	key = xstrdup((const char *)r->event.data.scalar.value);
	if (strlen(key) != r->event.data.scalar.length || json_object_get(object, key) != NULL) {
		refuse(r, r->event.start_mark, "this key is there already, or holds a zero byte");
		goto out;
	}
	back = path_push(r, key, 0);
	note_line(r, line);
	value = next(r) == 0 ? read_node(r) : NULL;
	r->path[back] = '\0';
	if (value == NULL)
		goto out;
	rc = json_object_set_new(object, key, value);
	if (rc != 0)
		refuse(r, r->event.start_mark, "this key cannot be written as JSON");
out:
	free(key);
	return rc;
}

static json_t *read_mapping(struct reader *r)
{
	json_t *object = json_object();

	while (next(r) == 0) {
		if (r->event.type == YAML_MAPPING_END_EVENT)
			return object;
		if (read_pair(r, object) != 0)
			break;
	}
	json_decref(object);
	return NULL;
}

static json_t *read_sequence(struct reader *r)
{
	json_t *array = json_array(), *item;
	size_t back;

	while (next(r) == 0) {
		if (r->event.type == YAML_SEQUENCE_END_EVENT)
			return array;
		back = path_push(r, NULL, json_array_size(array));
		note_line(r, r->event.start_mark.line);
		item = read_node(r);
		r->path[back] = '\0';
		if (item == NULL)
			break;
		json_array_append_new(array, item);
	}
	json_decref(array);
	return NULL;
}

/* The node that begins with r->event. New; NULL after refusing. */
static json_t *read_node(struct reader *r)
{
	json_t *json = NULL;

	if (r->event.type == YAML_SCALAR_EVENT)
		return read_scalar(r);
	if (++r->depth > YAML_DEPTH)
		refuse(r, r->event.start_mark, "this is nested too deep");
	else if (r->event.type == YAML_MAPPING_START_EVENT)
		json = read_mapping(r);
	else if (r->event.type == YAML_SEQUENCE_START_EVENT)
		json = read_sequence(r);
	else
		refuse(r, r->event.start_mark, "a value is missing");
	r->depth--;
	return json;
}

/* Calls for each document as long as each wants more. 0 or -1. */
static int read_stream(struct reader *r, json_t *roots, size_t root)
{
	json_t *json;

	while (next(r) == 0) {
		if (r->event.type == YAML_STREAM_END_EVENT)
			return 0;
		if (r->event.type != YAML_DOCUMENT_START_EVENT)
			continue;
		if (next(r) != 0)
			return -1;
		if (r->wanted != NULL && json_array_size(roots) == root)
			r->line = r->event.start_mark.line + 1;
		json = read_node(r);
		if (json == NULL)
			return -1;
		if (r->wanted != NULL && json_array_size(roots) == root) {
			json_decref(json);
			return 0;
		}
		json_array_append_new(roots, json);
	}
	return -1;
}

static int read_text(struct reader *r, const char *text, size_t len, json_t *roots, size_t root)
{
	int rc;

	memset(&r->event, 0, sizeof(r->event));
	if (!yaml_parser_initialize(&r->parser))
		alloc_exhausted();
	yaml_parser_set_encoding(&r->parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r->parser, (const unsigned char *)text, len);
	rc = read_stream(r, roots, root);
	yaml_event_delete(&r->event);
	yaml_parser_delete(&r->parser);
	return rc;
}

int yaml_read(const char *text, size_t len, json_t **roots, struct yaml_error *error)
{
	struct reader r = {.error = error};
	json_t *all = json_array();

	memset(error, 0, sizeof(*error));
	if (read_text(&r, text, len, all, 0) == 0) {
		*roots = all;
		return 0;
	}
	json_decref(all);
	return -1;
}

size_t yaml_line(const char *text, size_t len, size_t root, const char *path)
{
	struct yaml_error error;
	/* only documents before the wanted one are counted, and only on the wanted one's way are
	 * lines noted */
	struct reader r = {.error = &error, .wanted = path};
	json_t *roots = json_array();
	int rc = read_text(&r, text, len, roots, root);
	size_t line = rc == 0 && json_array_size(roots) == root ? r.line : 0;

	json_decref(roots);
	return line;
}

/* ---- the way out ---- */

/* Would this text, unquoted, be anything but text to a reader of YAML 1.2, or of 1.1 with its "on",
 * "no" and numbers of base 60? */
static bool needs_quotes(const char *text, size_t len)
{
	static const char *const old[] = {"y", "n", "yes", "no", "on", "off", "=", "<<"};
	json_t *json = yaml_plain(text, len);
	bool other = !json_is_string(json) || text[strspn(text, "0123456789:_.+-")] == '\0';
	size_t i;

	json_decref(json);
	for (i = 0; i < sizeof(old) / sizeof(old[0]); i++)
		other = other || strcasecmp(text, old[i]) == 0;
	/* addresses are no numbers to anybody, and nicer without */
	return other && !(strchr(text, '.') != NULL && strchr(strchr(text, '.') + 1, '.') != NULL);
}

static int add_scalar(yaml_document_t *document, const char *text, size_t len, bool quoted)
{
	return yaml_document_add_scalar(document, NULL, (const yaml_char_t *)text, (int)len,
		quoted ? YAML_DOUBLE_QUOTED_SCALAR_STYLE : YAML_ANY_SCALAR_STYLE);
}

static int add_text(yaml_document_t *document, const char *text, size_t len)
{
	return add_scalar(document, text, len, needs_quotes(text, len));
}

/* Adds a value and what is in it; returns its number, 0 when there is no memory. */
static int add_node(yaml_document_t *document, const json_t *json)
{
	int node = 0;
	const char *key;
	json_t *value;
	char *text;
	size_t i;

	if (json_is_string(json))
		return add_text(document, json_string_value(json), json_string_length(json));
	if (!json_is_object(json) && !json_is_array(json)) {
		text = json_dumps(json, JSON_ENCODE_ANY);
		node = add_scalar(document, text, strlen(text), false);
		free(text);
	} else if (json_is_array(json)) {
		node = yaml_document_add_sequence(document, NULL, YAML_BLOCK_SEQUENCE_STYLE);
	} else {
		node = yaml_document_add_mapping(document, NULL, YAML_BLOCK_MAPPING_STYLE);
	}
	json_object_foreach ((json_t *)json, key, value) {
		int name = add_text(document, key, strlen(key));

		yaml_document_append_mapping_pair(document, node, name, add_node(document, value));
	}
	json_array_foreach ((json_t *)json, i, value)
		yaml_document_append_sequence_item(document, node, add_node(document, value));
	return node;
}

char *yaml_text(const json_t *json)
{
	yaml_document_t document;
	yaml_emitter_t emitter;
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	yaml_emitter_initialize(&emitter);
	yaml_emitter_set_output_file(&emitter, out);
	yaml_emitter_set_unicode(&emitter, 1);
	yaml_emitter_set_width(&emitter, -1);
	yaml_document_initialize(&document, NULL, NULL, NULL, 1, 1);
	add_node(&document, json);
	yaml_emitter_dump(&emitter, &document); /* gives back the document */
	yaml_emitter_close(&emitter);
	yaml_emitter_delete(&emitter);
	fclose(out);
	return text;
}
