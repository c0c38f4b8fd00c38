/* SPDX-License-Identifier: BSD-3-Clause */
/* JSON → structure, by the tables of types.c. A message may hold a hundred thousand objects, so
 * the texts of an error are made only for the error. */
#include "codec.h"

#include <string.h>

static bool is_printable(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] < ' ' || text[i] > '~')
			return false;
	return true;
}

static int ip_from_text(const struct api_field *field, const char *text, struct api_ip *out)
{
	bool prefix = field->kind == FIELD_PREFIX;

	if (prefix && (field->flags & FIELD_HOST) && !strchr(text, '/'))
		prefix = false;
	if (api_ip_parse(text, prefix, out))
		return -1;
	return field->family && out->family != field->family ? -1 : 0;
}

int api_field_from_text(const struct api_field *field, const char *text, size_t len, void *place)
{
	switch (field->kind) {
	case FIELD_NAME:
		if (!api_name_valid(text, len))
			return -1;
		memcpy(place, text, len);
		return 0;
	case FIELD_TEXT:
		if (len == 0 || len >= field->size || !is_printable(text, len))
			return -1;
		memcpy(place, text, len);
		return 0;
	case FIELD_MAC:
		return api_mac_parse(text, place);
	case FIELD_IP:
	case FIELD_PREFIX:
		return ip_from_text(field, text, place);
	default:
		return -1;
	}
}

static int decode_enum(const struct api_field *field, const json_t *json, uint32_t *out)
{
	const char *text = json_string_value(json);

	for (int i = 0; text && field->names[i]; i++) {
		if (!strcmp(field->names[i], text)) {
			*out = i;
			return 0;
		}
	}
	return -1;
}

static int from_number(const struct api_field *field, const json_t *json, void *place)
{
	json_int_t value = json_integer_value(json);

	if (!json_is_integer(json) || value < 0 || (uint64_t)value < field->min ||
		(uint64_t)value > field->max)
		return -1;
	if (field->only && (value > 63 || !(field->only >> value & 1)))
		return -1;
	if (field->kind == FIELD_U64)
		*(uint64_t *)place = value;
	else
		*(uint32_t *)place = value;
	return 0;
}

/* ---- lists: their items lie in the thread's arena ---- */

size_t api_item_bytes(const struct api_field *field)
{
	switch (field->kind) {
	case FIELD_IDS:
		return sizeof(uint32_t);
	case FIELD_TEXTS:
		return sizeof(struct api_text);
	case FIELD_PREFIXES:
		return sizeof(struct api_ip);
	default:
		return field->item_size;
	}
}

static int decode_field(
	const struct api_field *field, const json_t *json, void *structure, struct rpc_error *err);

static int decode_text(const struct api_field *item, const json_t *json, struct api_text *out,
	struct rpc_error *err)
{
	size_t len = json_string_length(json);
	char *text;

	if (!json_is_string(json) || len >= item->size)
		return api_field_refuse(item, json, err);
	text = arena_take(len + 1);
	if (!text)
		return rpc_fail(err, RPC_ERR_INTERNAL, "out of memory");
	*out = (struct api_text){text, len};
	return decode_field(item, json, text, err);
}

/* What an item is by itself, at the place it is decoded to. */
static struct api_field item_field(const struct api_field *list)
{
	struct api_field item = *list;

	item.name = "";
	item.offset = 0;
	if (list->kind == FIELD_IDS)
		item.kind = FIELD_U32;
	else if (list->kind == FIELD_PREFIXES)
		item.kind = FIELD_PREFIX;
	else if (list->kind == FIELD_SET)
		item.kind = FIELD_ENUM;
	else if (list->kind == FIELD_TEXTS)
		item.kind = FIELD_TEXT;
	item.size = list->max + 1; /* of a text */
	return item;
}

static int decode_item(
	const struct api_field *item, const json_t *json, void *place, struct rpc_error *err)
{
	if (item->kind == FIELD_LIST)
		return api_decode_fields(item->fields, json, place, err);
	if (item->kind == FIELD_TEXT)
		return decode_text(item, json, place, err);
	return decode_field(item, json, place, err);
}

/* A set is a list whose items are bits of one number. What an item's refusal names is its place:
 * "filters[2]", "pdrs[1].teid". */
static int decode_list(
	const struct api_field *field, const json_t *json, void *place, struct rpc_error *err)
{
	size_t count = json_array_size(json), bytes = api_item_bytes(field);
	const struct api_field item = item_field(field);
	struct api_list *list = place;
	uint32_t set = 0, bit = 0;
	char *at = (char *)&bit;

	if (!json_is_array(json) || count < field->min_items || count > field->max_items)
		return api_field_refuse(field, json, err);
	if (field->kind != FIELD_SET && count > 0) {
		list->item = at = arena_take(count * bytes);
		if (!at)
			return rpc_fail(err, RPC_ERR_INTERNAL, "out of memory");
		list->count = count;
	}
	for (size_t i = 0; i < count; i++) {
		if (decode_item(&item, json_array_get(json, i), at, err)) {
			rpc_error_prefix(err, "%s[%zu]", field->name, i);
			return -1;
		}
		if (field->kind == FIELD_SET)
			set |= 1u << bit;
		else
			at += bytes;
	}
	if (field->kind == FIELD_SET)
		*(uint32_t *)place = set;
	return 0;
}

/* ---- fields ---- */

static int decode_via(const json_t *json, struct api_route *out, struct rpc_error *err)
{
	static const char want[] = "at least one of address, port, tunnel and attachment";
	size_t count = json_array_size(json);

	for (size_t i = 0; i < count; i++) {
		struct api_via *via = &out->via[i];
		char got[100];
		int rc = api_decode_fields(api_via_fields, json_array_get(json, i), via, err);

		if (!rc && !via->address.family && !via->port[0] && !via->tunnel[0] &&
			!via->attachment[0])
			rc = rpc_fail_value(
				err, "", want, api_show(json_array_get(json, i), got, sizeof(got)));
		if (rc) {
			rpc_error_prefix(err, "via[%zu]", i);
			return -1;
		}
	}
	out->via_count = count;
	return 0;
}

static int decode_object(
	const struct api_field *field, const json_t *json, void *structure, struct rpc_error *err)
{
	if (api_decode_fields(field->fields, json, (char *)structure + field->offset, err)) {
		rpc_error_prefix(err, "%s", field->name);
		return -1;
	}
	if (field->has)
		*((bool *)structure + field->has) = true;
	return 0;
}

static int decode_field(
	const struct api_field *field, const json_t *json, void *structure, struct rpc_error *err)
{
	void *place = (char *)structure + field->offset;
	int rc = -1;

	switch (field->kind) {
	case FIELD_U32:
	case FIELD_U64:
		rc = from_number(field, json, place);
		break;
	case FIELD_BOOL:
		if (json_is_boolean(json)) {
			*(bool *)place = json_is_true(json);
			if (field->has)
				*((bool *)structure + field->has) = true;
			rc = 0;
		}
		break;
	case FIELD_ENUM:
		rc = decode_enum(field, json, place);
		break;
	case FIELD_VIA:
		if (json_is_array(json) && json_array_size(json) <= LIMIT_ROUTE_VIA)
			return decode_via(json, structure, err);
		break;
	case FIELD_OBJECT:
		if (json_is_object(json))
			return decode_object(field, json, structure, err);
		break;
	case FIELD_LIST:
	case FIELD_IDS:
	case FIELD_TEXTS:
	case FIELD_PREFIXES:
	case FIELD_SET:
		return decode_list(field, json, place, err);
	default:
		if (json_is_string(json))
			rc = api_field_from_text(
				field, json_string_value(json), json_string_length(json), place);
	}
	return rc ? api_field_refuse(field, json, err) : 0;
}

static void preset(const struct api_field *field, void *structure)
{
	void *place = (char *)structure + field->offset;

	if (field->kind == FIELD_BOOL)
		*(bool *)place = field->preset;
	else if (field->kind == FIELD_U64)
		*(uint64_t *)place = field->preset;
	else if (field->kind == FIELD_U32 || field->kind == FIELD_ENUM)
		*(uint32_t *)place = field->preset;
}

#define FIELDS_MAX 32 /* of one structure */

/* The values of json by field. People and programs write fields in much the same order, so the
 * search for a name goes on where the last one was: a big object costs little more than a walk.
 * Returns how many names are no field to take in. */
static size_t sort_values(const struct api_field *fields, json_t *json, const json_t **value)
{
	size_t n = 0, at = 0, strangers = 0;

	for (; fields[n].name; n++)
		value[n] = NULL;
	for (void *iter = json_object_iter(json); iter; iter = json_object_iter_next(json, iter)) {
		const char *key = json_object_iter_key(iter);
		size_t tries = 0;

		while (tries < n && strcmp(fields[at].name, key)) {
			at = at + 1 < n ? at + 1 : 0;
			tries++;
		}
		if (tries == n || (fields[at].flags & FIELD_ANSWER))
			strangers++;
		else
			value[at] = json_object_iter_value(iter);
	}
	return strangers;
}

int api_decode_fields(
	const struct api_field *fields, const json_t *json, void *out, struct rpc_error *err)
{
	const json_t *value[FIELDS_MAX];
	unsigned either = 0, eithers = 0;
	size_t strangers;
	char got[100];

	if (!json_is_object(json))
		return rpc_fail_value(err, "", "an object", api_show(json, got, sizeof(got)));
	strangers = sort_values(fields, (json_t *)json, value);
	for (const struct api_field *field = fields; field->name; field++) {
		const json_t *given = value[field - fields];

		eithers += field->flags & FIELD_EITHER ? 1 : 0;
		if (field->flags & FIELD_ANSWER)
			continue;
		preset(field, out);
		if (!given && !(field->flags & FIELD_REQUIRED))
			continue;
		if (decode_field(field, given, out, err))
			return -1;
		either += field->flags & FIELD_EITHER ? 1 : 0;
	}
	if (strangers)
		return api_refuse_unknown(fields, (json_t *)json, err);
	return eithers && either != 1 ? api_refuse_either(fields, either, err) : 0;
}

int api_decode(const struct api_type *type, const json_t *json, const char *base,
	union api_object *out, struct rpc_error *err)
{
	memset(out, 0, type->size);
	if (type->lists)
		arena_reset();
	if (!api_decode_fields(type->fields, json, out, err)) {
		if (type->complete)
			type->complete(out);
		return 0;
	}
	if (*base)
		rpc_error_prefix(err, "%s", base);
	return -1;
}

void api_decode_free(void)
{
	arena_free();
}
