/* SPDX-License-Identifier: BSD-3-Clause */
/* Completion of what `dp` puts, matches and names: from dataplane/api's tables, and from live
 * objects. */
#include <stdlib.h>
#include <string.h>

#include "complete.h"
#include "text.h"
#include "words.h"

void offer_types(const struct completion *c, bool stats)
{
	int i;

	for (i = 0; i < OBJECT_TYPES; i++)
		offer(c, "", api_types[i].name);
	for (i = 0; stats && stats_types[i] != NULL; i++)
		offer(c, "", stats_types[i]);
}

/* The different values one field has in the objects. objects is stolen and may be NULL. */
void offer_values(
	const struct completion *c, const char *prefix, json_t *objects, const char *field)
{
	json_t *seen = json_object(), *object;
	const char *text;
	size_t i;

	json_array_foreach (objects, i, object) {
		text = json_string_value(json_object_get(object, field));
		if (text == NULL || json_object_get(seen, text) != NULL)
			continue;
		json_object_set_new(seen, text, json_true());
		offer(c, prefix, text);
	}
	json_decref(seen);
	json_decref(objects);
}

void offer_names(struct completion *c, const char *prefix, const char *type)
{
	offer_values(c, prefix, live_objects(&c->live, type, NULL), "name");
}

/* "tunnel:" is followed by a tunnel, "attachment:" by an attachment. */
static void offer_via_place(struct completion *c, const char *prefix, const char *text)
{
	bool tunnel = strncmp(text, "tunnel:", 7) == 0;
	char *longer;

	if (!tunnel && strncmp(text, "attachment:", 11) != 0) {
		offer(c, prefix, "tunnel:");
		offer(c, prefix, "attachment:");
		return;
	}
	longer = xprintf("%s%s:", prefix, tunnel ? "tunnel" : "attachment");
	offer_names(c, longer, tunnel ? "tunnel" : "attachment");
	free(longer);
}

/* "via=…@" is followed by a port, or by one of those. */
static void offer_via(struct completion *c, const char *prefix, const char *value)
{
	const char *at = strchr(value, '@');
	char *longer;

	if (at == NULL || strncmp(value, "tunnel:", 7) == 0 ||
		strncmp(value, "attachment:", 11) == 0) {
		offer_via_place(c, prefix, value);
		return;
	}
	longer = xprintf("%s%.*s", prefix, (int)(at - value) + 1, value);
	offer_names(c, longer, "port");
	offer_via_place(c, longer, at + 1);
	free(longer);
}

/* The current word is "field=…". */
static void offer_field_value(struct completion *c, const struct api_type *type, bool match)
{
	size_t len = strcspn(c->current, "=");
	const struct api_field *f = field_find(type, c->current, len);
	char prefix[64];
	int i;

	if (f == NULL)
		return;
	snprintf(prefix, sizeof(prefix), "%s=", f->name);
	for (i = 0; f->kind == FIELD_ENUM && f->names[i] != NULL; i++)
		offer(c, prefix, f->names[i]);
	if (f->kind == FIELD_BOOL) {
		offer(c, prefix, "true");
		offer(c, prefix, "false");
	} else if (f->kind == FIELD_VIA) {
		offer_via(c, prefix, c->current + len + 1);
	} else if (f->ref >= 0) {
		offer_names(c, prefix, api_types[f->ref].name);
	} else if (type->type == OBJECT_ROUTE && strcmp(f->name, "table") == 0) {
		offer(c, prefix, "underlay");
		offer_names(c, prefix, "slice");
	} else if (f->kind != FIELD_ENUM && (match || (f->flags & FIELD_KEY))) {
		offer_values(c, prefix, live_objects(&c->live, type->name, NULL), f->name);
	}
}

static bool field_given(const struct completion *c, const struct api_field *f)
{
	size_t len = strlen(f->name);
	int i;

	for (i = 1; i < c->count; i++)
		if (strncmp(c->words[i], f->name, len) == 0 && c->words[i][len] == '=')
			return true;
	return false;
}

/* "ue.ipv4=" */
static void offer_inner(const struct completion *c, const struct api_field *outer)
{
	const struct api_field *f;
	char *name;

	for (f = outer->fields; f->name != NULL; f++) {
		name = xprintf("%s.%s", outer->name, f->name);
		offer(c, name, "=");
		free(name);
	}
}

void offer_fields(struct completion *c, bool match)
{
	const struct api_type *type = api_type_find(c->words[0]);
	const struct api_field *f;

	if (type == NULL)
		return;
	if (strchr(c->current, '=') != NULL) {
		offer_field_value(c, type, match);
		return;
	}
	for (f = type->fields; f->name != NULL; f++) {
		if ((f->flags & FIELD_ANSWER) && !match)
			continue;
		if (field_given(c, f) && f->kind != FIELD_VIA)
			continue;
		offer(c, f->name, "=");
		if (f->kind == FIELD_OBJECT)
			offer_inner(c, f);
	}
}

/* The index-th word of an object's key; port and attachment of an address are one. */
static const char *key_word(const struct api_type *type, const json_t *object, int index,
	const struct api_field **field)
{
	const struct api_field *f;
	const char *text;
	int at = 0;

	for (f = type->fields; f->name != NULL; f++) {
		if (!(f->flags & FIELD_KEY))
			continue;
		text = json_string_value(json_object_get(object, f->name));
		if ((f->flags & FIELD_EITHER) && object != NULL && text == NULL)
			continue; /* the other one is the place */
		if (at++ == index) {
			if (field != NULL)
				*field = f;
			return text;
		}
	}
	return NULL;
}

/* Does the object's key start with the words given of it? */
static bool key_starts(const struct api_type *type, const json_t *object, char **words, int count)
{
	const char *text;
	int i;

	for (i = 0; i < count; i++) {
		text = key_word(type, object, i, NULL);
		if (text == NULL || strcmp(text, words[i]) != 0)
			return false;
	}
	return true;
}

/* The next word of a key whose words so far are given. */
static void offer_key(struct completion *c, const struct api_type *type, char **words, int count)
{
	json_t *seen = json_object(), *objects, *match = NULL, *object;
	const struct api_field *first = NULL;
	const char *text;
	size_t i;

	key_word(type, NULL, 0, &first);
	/* a box has far more MACs than a page, so the first word comes from the slices and narrows
	 * the rest */
	if (count == 0 && first->ref >= 0 && !(first->flags & FIELD_EITHER)) {
		json_decref(seen);
		offer_names(c, "", api_types[first->ref].name);
		return;
	}
	if (count > 0 && !(first->flags & FIELD_EITHER))
		match = json_pack("{s:s}", first->name, words[0]);
	objects = live_objects(&c->live, type->name, match);
	json_array_foreach (objects, i, object) {
		if (!key_starts(type, object, words, count))
			continue;
		text = key_word(type, object, count, NULL);
		if (text == NULL || json_object_get(seen, text) != NULL)
			continue;
		json_object_set_new(seen, text, json_true());
		offer(c, "", text);
	}
	json_decref(objects);
	json_decref(seen);
}

void offer_keys(struct completion *c)
{
	const struct api_type *type = api_type_find(c->words[0]);
	int given = c->count - 1, per_key;
	json_t *stats, *value;
	const char *key;

	if (type != NULL) {
		per_key = key_words(type, NULL, 0);
		if (c->command == &command_get && given >= per_key)
			return;
		given %= per_key;
		offer_key(c, type, c->words + c->count - given, given);
		return;
	}
	stats = c->command == &command_stats ? live_stats(&c->live, c->words[0]) : NULL;
	json_object_foreach (stats, key, value)
		offer(c, "", key);
	json_decref(stats);
}
