/* SPDX-License-Identifier: BSD-3-Clause */
/* Copies of intents with everything they point to, by the field tables, and their JSON with keys
 * in order. */
#include <stdlib.h>
#include <string.h>

#include "codec.h"
#include "intent_private.h"

/* What every list of types.h begins with, writable. */
struct pieces {
	char *next; /* where the next list goes; NULL: sizes are only counted */
	size_t bytes;
};

static size_t padded(size_t bytes)
{
	return (bytes + 15) & ~(size_t)15;
}

static char *take(struct pieces *pieces, const void *from, size_t bytes)
{
	char *to = pieces->next;

	pieces->bytes += padded(bytes);
	if (!to)
		return NULL;
	memcpy(to, from, bytes);
	pieces->next += padded(bytes);
	return to;
}

static void copy_lists(
	const struct api_field *fields, const void *from, void *to, struct pieces *pieces);

static void copy_list(const struct api_field *field, const struct api_list *from,
	struct api_list *to, struct pieces *pieces)
{
	size_t bytes = api_item_bytes(field);
	char *items = from->count ? take(pieces, from->item, from->count * bytes) : NULL;

	if (to)
		to->item = items;
	for (uint32_t i = 0; i < from->count; i++) {
		const char *item = (const char *)from->item + i * bytes;
		char *copy = items ? items + i * bytes : NULL;

		if (field->kind == FIELD_LIST) {
			copy_lists(field->fields, item, copy, pieces);
		} else if (field->kind == FIELD_TEXTS) {
			const struct api_text *text = (const void *)item;
			char *its = take(pieces, text->text, text->len + 1);

			if (copy)
				((struct api_text *)copy)->text = its;
		}
	}
}

/* to: already holds the same bytes as from, or NULL: count. */
static void copy_lists(
	const struct api_field *fields, const void *from, void *to, struct pieces *pieces)
{
	for (const struct api_field *field = fields; field->name; field++) {
		const void *place = api_field_at(field, from);
		void *copy = to ? (char *)to + field->offset : NULL;

		switch (field->kind) {
		case FIELD_OBJECT:
			copy_lists(field->fields, place, copy, pieces);
			break;
		case FIELD_LIST:
		case FIELD_IDS:
		case FIELD_TEXTS:
		case FIELD_PREFIXES:
			copy_list(field, place, copy, pieces);
			break;
		default:
			break;
		}
	}
}

union intent_object *intent_copy(enum intent_type type, const union intent_object *obj)
{
	const struct api_type *its = &intent_types[type];
	struct pieces pieces = {0};
	char *out;

	copy_lists(its->fields, obj, NULL, &pieces);
	out = xmalloc(padded(its->size) + pieces.bytes);
	memcpy(out, obj, its->size);
	pieces.next = out + padded(its->size);
	copy_lists(its->fields, obj, out, &pieces);
	return (union intent_object *)out;
}

static int by_key(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static json_t *sorted(json_t *json);

static json_t *sorted_object(json_t *json)
{
	const char *keys[64]; /* a structure has 32 fields at most */
	json_t *out = json_object();
	size_t count = 0;

	for (void *iter = json_object_iter(json); iter && count < 64;
		iter = json_object_iter_next(json, iter))
		keys[count++] = json_object_iter_key(iter);
	qsort(keys, count, sizeof(keys[0]), by_key);
	for (size_t i = 0; i < count; i++)
		json_object_set_new_nocheck(out, keys[i], sorted(json_object_get(json, keys[i])));
	return out;
}

/* A value with the keys of its objects in order; new, or one more reference. */
static json_t *sorted(json_t *json)
{
	json_t *out, *item;
	size_t index;

	if (json_is_object(json))
		return sorted_object(json);
	if (!json_is_array(json))
		return json_incref(json);
	out = json_array();
	json_array_foreach (json, index, item)
		json_array_append_new(out, sorted(item));
	return out;
}

json_t *intent_encode(enum intent_type type, const union intent_object *obj)
{
	json_t *json = api_encode(&intent_types[type], (const union api_object *)obj);
	json_t *out = sorted(json);

	json_decref(json);
	return out;
}
