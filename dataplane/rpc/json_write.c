/* SPDX-License-Identifier: BSD-3-Clause */
/* See json_write.h. jansson looks for loops at every object and list, with a text of its address
 * in a hash; answers have none, and that was most of what writing a session cost. */
#include "json_write.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "budget.h"

#define ROOM_FIRST 1024u

struct writer {
	char *text;
	size_t used, room;
	bool failed;
};

/* Room for so many bytes more; false: there is none, and there will be no text. */
static bool need(struct writer *w, size_t bytes)
{
	size_t room = w->room;
	char *text;

	if (w->failed)
		return false;
	if (w->used + bytes <= room)
		return true;
	while (room < w->used + bytes)
		room = room ? room * 2 : ROOM_FIRST;
	text = budget_grow_text(w->text, room);
	w->failed = text == NULL;
	if (w->failed)
		return false;
	w->text = text;
	w->room = room;
	return true;
}

static void put(struct writer *w, char c)
{
	if (need(w, 1))
		w->text[w->used++] = c;
}

static void put_bytes(struct writer *w, const char *bytes, size_t len)
{
	if (!need(w, len))
		return;
	memcpy(w->text + w->used, bytes, len);
	w->used += len;
}

/* One that has something jansson knows better how to write. */
static void put_by_jansson(struct writer *w, const json_t *value)
{
	size_t len = json_dumpb(value, NULL, 0, JSON_COMPACT | JSON_ENCODE_ANY);

	if (len == 0 || !need(w, len)) {
		w->failed = true;
		return;
	}
	w->used += json_dumpb(value, w->text + w->used, len, JSON_COMPACT | JSON_ENCODE_ANY);
}

static bool plain(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] < ' ' || text[i] > '~' || text[i] == '"' || text[i] == '\\')
			return false;
	return true;
}

/* Plain ones are quoted. */
static void put_text(struct writer *w, const char *text, size_t len)
{
	if (!need(w, len + 2))
		return;
	w->text[w->used++] = '"';
	memcpy(w->text + w->used, text, len);
	w->used += len;
	w->text[w->used++] = '"';
}

static void put_name(struct writer *w, const char *name)
{
	size_t len = strlen(name);
	json_t *value;

	if (plain(name, len)) {
		put_text(w, name, len);
		return;
	}
	value = json_string(name);
	w->failed |= value == NULL;
	if (value)
		put_by_jansson(w, value);
	json_decref(value);
}

static void put_number(struct writer *w, json_int_t number)
{
	uint64_t left = number < 0 ? -(uint64_t)number : (uint64_t)number;
	char digits[24];
	size_t at = sizeof(digits);

	do {
		digits[--at] = '0' + left % 10;
		left /= 10;
	} while (left);
	if (number < 0)
		digits[--at] = '-';
	put_bytes(w, digits + at, sizeof(digits) - at);
}

static void put_value(struct writer *w, const json_t *value);

static void put_object(struct writer *w, json_t *object)
{
	char before = '{';

	for (void *iter = json_object_iter(object); iter;
		iter = json_object_iter_next(object, iter)) {
		put(w, before);
		put_name(w, json_object_iter_key(iter));
		put(w, ':');
		put_value(w, json_object_iter_value(iter));
		before = ',';
	}
	if (before == '{')
		put(w, before);
	put(w, '}');
}

static void put_array(struct writer *w, const json_t *array)
{
	size_t n = json_array_size(array);

	put(w, '[');
	for (size_t i = 0; i < n; i++) {
		if (i)
			put(w, ',');
		put_value(w, json_array_get(array, i));
	}
	put(w, ']');
}

static void put_value(struct writer *w, const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		put_object(w, (json_t *)(uintptr_t)value);
		break;
	case JSON_ARRAY:
		put_array(w, value);
		break;
	case JSON_INTEGER:
		put_number(w, json_integer_value(value));
		break;
	case JSON_STRING:
		if (plain(json_string_value(value), json_string_length(value))) {
			put_text(w, json_string_value(value), json_string_length(value));
			break;
		}
		/* fall through */
	case JSON_REAL:
		put_by_jansson(w, value);
		break;
	case JSON_TRUE:
		put_bytes(w, "true", 4);
		break;
	case JSON_FALSE:
		put_bytes(w, "false", 5);
		break;
	case JSON_NULL:
		put_bytes(w, "null", 4);
		break;
	}
}

char *json_write(const json_t *value)
{
	struct writer w = {.text = NULL};

	put_value(&w, value);
	put(&w, '\0');
	if (!w.failed)
		return w.text;
	budget_free_text(w.text, 0, NULL);
	return NULL;
}
