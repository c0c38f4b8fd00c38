/* SPDX-License-Identifier: BSD-3-Clause */
/* Structure → JSON, by the tables of types.c. */
#include "codec.h"

#include <string.h>

const char *api_field_to_text(const struct api_field *field, const void *place, char *text)
{
	switch (field->kind) {
	case FIELD_MAC:
		api_mac_format(place, text);
		return text;
	case FIELD_IP:
	case FIELD_PREFIX:
		api_ip_format(place, field->kind == FIELD_PREFIX, text);
		return text;
	default:
		return place;
	}
}

static bool all_default(const struct api_field *field, const void *place);

static bool is_default(const struct api_field *field, const void *place)
{
	static const struct api_mac_addr no_mac;

	switch (field->kind) {
	case FIELD_U32:
	case FIELD_ENUM:
		return *(const uint32_t *)place == field->preset;
	case FIELD_U64:
		return *(const uint64_t *)place == field->preset;
	case FIELD_BOOL:
		if (field->has)
			return !*((const bool *)place - field->offset + field->has);
		return *(const bool *)place == (bool)field->preset;
	case FIELD_MAC:
		return !memcmp(place, &no_mac, sizeof(no_mac));
	case FIELD_IP:
	case FIELD_PREFIX:
		return ((const struct api_ip *)place)->family == 0;
	case FIELD_OBJECT:
		return all_default(field, place);
	case FIELD_LIST:
	case FIELD_IDS:
	case FIELD_TEXTS:
	case FIELD_PREFIXES:
	case FIELD_SET:
		return *(const uint32_t *)place == 0; /* the count, or the set */
	default:
		return *(const char *)place == '\0';
	}
}

static bool all_default(const struct api_field *field, const void *place)
{
	const char *structure = (const char *)place - field->offset;

	if (field->has)
		return !*(const bool *)(structure + field->has);
	for (const struct api_field *f = field->fields; f->name; f++)
		if (!is_default(f, api_field_at(f, place)))
			return false;
	return true;
}

static json_t *encode_fields(const struct api_field *fields, const void *structure);

/* The item that place points to. */
static json_t *encode_item(const struct api_field *field, const void *place)
{
	char text[64];

	switch (field->kind) {
	case FIELD_IDS:
		return json_integer(*(const uint32_t *)place);
	case FIELD_TEXTS:
		return json_stringn_nocheck(((const struct api_text *)place)->text,
			((const struct api_text *)place)->len);
	case FIELD_PREFIXES:
		api_ip_format(place, true, text);
		return json_string_nocheck(text);
	default:
		return encode_fields(field->fields, place);
	}
}

static json_t *encode_list(const struct api_field *field, const struct api_list *list)
{
	size_t bytes = api_item_bytes(field);
	const char *item = list->item;
	json_t *out = json_array();

	for (uint32_t i = 0; out && i < list->count; i++, item += bytes) {
		if (json_array_append_new(out, encode_item(field, item))) {
			json_decref(out);
			return NULL;
		}
	}
	return out;
}

static json_t *encode_set(const struct api_field *field, uint32_t set)
{
	json_t *out = json_array();

	for (int bit = 0; out && field->names[bit]; bit++)
		if (set >> bit & 1)
			json_array_append_new(out, json_string_nocheck(field->names[bit]));
	return out;
}

static json_t *encode_via(const struct api_route *route)
{
	json_t *list = json_array();

	for (uint32_t i = 0; list && i < route->via_count; i++) {
		if (json_array_append_new(list, encode_fields(api_via_fields, &route->via[i]))) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *encode_field(const struct api_field *field, const void *structure)
{
	const void *place = api_field_at(field, structure);
	char text[LIMIT_DEVICE + 1];

	switch (field->kind) {
	case FIELD_U32:
		return json_integer(*(const uint32_t *)place);
	case FIELD_U64:
		return json_integer(*(const uint64_t *)place);
	case FIELD_BOOL:
		return json_boolean(*(const bool *)place);
	case FIELD_ENUM:
		return json_string_nocheck(field->names[*(const uint32_t *)place]);
	case FIELD_VIA:
		return encode_via(structure);
	case FIELD_OBJECT:
		return encode_fields(field->fields, place);
	case FIELD_LIST:
	case FIELD_IDS:
	case FIELD_TEXTS:
	case FIELD_PREFIXES:
		return encode_list(field, place);
	case FIELD_SET:
		return encode_set(field, *(const uint32_t *)place);
	default:
		return json_string_nocheck(api_field_to_text(field, place, text));
	}
}

static json_t *encode_fields(const struct api_field *fields, const void *structure)
{
	json_t *out = json_object();

	for (const struct api_field *field = fields; out && field->name; field++) {
		if ((field->flags & FIELD_HIDE_DEFAULT) &&
			is_default(field, api_field_at(field, structure)))
			continue;
		if (json_object_set_new_nocheck(out, field->name, encode_field(field, structure))) {
			json_decref(out);
			return NULL;
		}
	}
	return out;
}

json_t *api_encode(const struct api_type *type, const union api_object *obj)
{
	return encode_fields(type->fields, obj);
}
