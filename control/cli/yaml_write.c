/* SPDX-License-Identifier: BSD-3-Clause */
/* See yaml_json.h: the way out. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <yaml.h>

#include "text.h"
#include "yaml_json.h"

struct sink {
	char *text;
	size_t len, size;
};

static int take(void *arg, unsigned char *bytes, size_t len)
{
	struct sink *sink = arg;

	if (sink->len + len + 1 > sink->size) {
		sink->size = (sink->len + len + 1) * 2;
		sink->text = xrealloc(sink->text, sink->size);
	}
	memcpy(sink->text + sink->len, bytes, len);
	sink->len += len;
	sink->text[sink->len] = '\0';
	return 1;
}

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

static int emit(yaml_emitter_t *emitter, yaml_event_t *event, int made)
{
	return made && yaml_emitter_emit(emitter, event) ? 0 : -1;
}

static int put_scalar(yaml_emitter_t *emitter, const char *text, size_t len, bool quoted)
{
	yaml_event_t event;

	return emit(emitter, &event,
		yaml_scalar_event_initialize(&event, NULL, NULL, (const yaml_char_t *)text,
			(int)len, 1, 1,
			quoted ? YAML_DOUBLE_QUOTED_SCALAR_STYLE : YAML_ANY_SCALAR_STYLE));
}

static int put_node(yaml_emitter_t *emitter, const json_t *json);

static int put_mapping(yaml_emitter_t *emitter, const json_t *json)
{
	yaml_event_t event;
	const char *key;
	json_t *value;
	int rc = emit(emitter, &event,
		yaml_mapping_start_event_initialize(
			&event, NULL, NULL, 1, YAML_BLOCK_MAPPING_STYLE));

	json_object_foreach ((json_t *)json, key, value) {
		if (rc == 0)
			rc = put_scalar(emitter, key, strlen(key), needs_quotes(key, strlen(key)));
		if (rc == 0)
			rc = put_node(emitter, value);
	}
	return rc != 0 ? rc : emit(emitter, &event, yaml_mapping_end_event_initialize(&event));
}

static int put_sequence(yaml_emitter_t *emitter, const json_t *json)
{
	yaml_event_t event;
	size_t i;
	json_t *item;
	int rc = emit(emitter, &event,
		yaml_sequence_start_event_initialize(
			&event, NULL, NULL, 1, YAML_BLOCK_SEQUENCE_STYLE));

	json_array_foreach ((json_t *)json, i, item)
		rc = rc == 0 ? put_node(emitter, item) : rc;
	return rc != 0 ? rc : emit(emitter, &event, yaml_sequence_end_event_initialize(&event));
}

static int put_node(yaml_emitter_t *emitter, const json_t *json)
{
	char *text;
	int rc;

	if (json_is_object(json))
		return put_mapping(emitter, json);
	if (json_is_array(json))
		return put_sequence(emitter, json);
	if (json_is_string(json))
		return put_scalar(emitter, json_string_value(json), json_string_length(json),
			needs_quotes(json_string_value(json), json_string_length(json)));
	text = json_dumps(json, JSON_ENCODE_ANY);
	rc = text != NULL ? put_scalar(emitter, text, strlen(text), false) : -1;
	free(text);
	return rc;
}

static int put_document(yaml_emitter_t *emitter, const json_t *json)
{
	yaml_event_t event;
	int rc = emit(
		emitter, &event, yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING));

	if (rc == 0)
		rc = emit(emitter, &event,
			yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1));
	if (rc == 0)
		rc = put_node(emitter, json);
	if (rc == 0)
		rc = emit(emitter, &event, yaml_document_end_event_initialize(&event, 1));
	if (rc == 0)
		rc = emit(emitter, &event, yaml_stream_end_event_initialize(&event));
	return rc;
}

char *yaml_text(const json_t *json)
{
	struct sink sink = {NULL, 0, 0};
	yaml_emitter_t emitter;

	if (!yaml_emitter_initialize(&emitter))
		return xstrdup("# out of memory\n");
	yaml_emitter_set_output(&emitter, take, &sink);
	yaml_emitter_set_unicode(&emitter, 1);
	yaml_emitter_set_width(&emitter, -1);
	put_document(&emitter, json);
	yaml_emitter_delete(&emitter);
	return sink.text != NULL ? sink.text : xstrdup("");
}
