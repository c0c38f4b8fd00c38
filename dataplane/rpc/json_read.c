/* SPDX-License-Identifier: BSD-3-Clause */
/* See json_read.h. jansson's reader takes a character at a time through a function and each text
 * through a buffer; reading was more than half of what a session cost. Here a text is found by
 * its end and copied once. */
#include "json_read.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define DEPTH_MAX  32
#define DIGITS_MAX 18 /* surely within 64 bits */

struct reader {
	const char *at, *end;
	unsigned depth;
};

static json_t *read_value(struct reader *r);

static void skip_blanks(struct reader *r)
{
	while (r->at < r->end &&
		(*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r'))
		r->at++;
}

/* The next character that is not blank, if it is this one, is taken. */
static bool take(struct reader *r, char c)
{
	skip_blanks(r);
	if (r->at == r->end || *r->at != c)
		return false;
	r->at++;
	return true;
}

/* A text from behind its first quote on; at is behind the last one then. */
static bool find_text(struct reader *r, const char **text, size_t *len)
{
	const char *at = r->at;

	while (at < r->end && *at >= ' ' && *at < 0x7f && *at != '"' && *at != '\\')
		at++;
	if (at == r->end || *at != '"')
		return false;
	*text = r->at;
	*len = at - r->at;
	r->at = at + 1;
	return true;
}

static json_t *read_text(struct reader *r)
{
	const char *text;
	size_t len;

	return find_text(r, &text, &len) ? json_stringn_nocheck(text, len) : NULL;
}

static json_t *read_number(struct reader *r)
{
	bool minus = *r->at == '-';
	const char *at = r->at + minus, *first = at;
	json_int_t value = 0;

	while (at < r->end && *at >= '0' && *at <= '9' && at - first < DIGITS_MAX)
		value = value * 10 + (*at++ - '0');
	if (at == first || (*first == '0' && at - first > 1))
		return NULL;
	if (at < r->end && ((*at >= '0' && *at <= '9') || *at == '.' || (*at | 0x20) == 'e'))
		return NULL;
	r->at = at;
	return json_integer(minus ? -value : value);
}

static json_t *read_word(struct reader *r, const char *word, json_t *value)
{
	size_t len = strlen(word);

	if ((size_t)(r->end - r->at) < len || memcmp(r->at, word, len))
		return NULL;
	r->at += len;
	return value;
}

/* One member of an object that has n; a name given twice is jansson's to refuse. */
static bool read_member(struct reader *r, json_t *object, size_t n)
{
	const char *name;
	json_t *value;
	size_t len;

	if (!take(r, '"') || !find_text(r, &name, &len) || !take(r, ':'))
		return false;
	value = read_value(r);
	return value && !json_object_setn_new_nocheck(object, name, len, value) &&
	       json_object_size(object) == n + 1;
}

static json_t *read_object(struct reader *r)
{
	json_t *object = json_object();
	size_t n = 0;

	if (!object || take(r, '}'))
		return object;
	do {
		if (!read_member(r, object, n++))
			goto err_free;
	} while (take(r, ','));
	if (take(r, '}'))
		return object;
err_free:
	json_decref(object);
	return NULL;
}

static json_t *read_array(struct reader *r)
{
	json_t *array = json_array();

	if (!array || take(r, ']'))
		return array;
	do {
		json_t *value = read_value(r);

		if (!value || json_array_append_new(array, value))
			goto err_free;
	} while (take(r, ','));
	if (take(r, ']'))
		return array;
err_free:
	json_decref(array);
	return NULL;
}

/* An object or a list. */
static json_t *read_inner(struct reader *r, bool object)
{
	json_t *out;

	r->at++;
	if (r->depth == DEPTH_MAX)
		return NULL;
	r->depth++;
	out = object ? read_object(r) : read_array(r);
	r->depth--;
	return out;
}

static json_t *read_value(struct reader *r)
{
	skip_blanks(r);
	if (r->at == r->end)
		return NULL;
	switch (*r->at) {
	case '"':
		r->at++;
		return read_text(r);
	case '{':
		return read_inner(r, true);
	case '[':
		return read_inner(r, false);
	case 't':
		return read_word(r, "true", json_true());
	case 'f':
		return read_word(r, "false", json_false());
	case 'n':
		return read_word(r, "null", json_null());
	default:
		return read_number(r);
	}
}

json_t *json_read(const char *text, size_t len)
{
	struct reader r = {.at = text, .end = text + len};
	json_t *out = read_value(&r);

	skip_blanks(&r);
	if (out && r.at < r.end) {
		json_decref(out);
		return NULL;
	}
	return out;
}
