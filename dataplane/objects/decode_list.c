/* SPDX-License-Identifier: BSD-3-Clause */
/* JSON lists → the lists of types.h. The items lie in the thread's arena. What an item's refusal
 * names is its place: "filters[2]", "pdrs[1].teid". */
#include <string.h>

#include "arena.h"
#include "codec.h"

/* A refusal of the item itself, whose own kind is `kind`. */
static int refuse_item(const struct api_field *field, enum field_kind kind, size_t index,
	const json_t *json, struct rpc_error *err)
{
	struct api_field item = *field;

	item.kind = kind;
	item.name = "";
	item.size = field->max + 1; /* of a text */
	api_field_refuse(&item, json, err);
	rpc_error_prefix(err, "%s[%zu]", field->name, index);
	return -1;
}

static int decode_structures(const struct api_field *field, const json_t *json,
	struct api_list *list, struct rpc_error *err)
{
	char *item = list->item;

	for (size_t i = 0; i < list->count; i++, item += field->item_size) {
		if (!api_decode_fields(field->fields, json_array_get(json, i), item, err))
			continue;
		rpc_error_prefix(err, "%s[%zu]", field->name, i);
		return -1;
	}
	return 0;
}

static int decode_ids(const struct api_field *field, const json_t *json, struct api_list *list,
	struct rpc_error *err)
{
	uint32_t *item = list->item;

	for (size_t i = 0; i < list->count; i++) {
		const json_t *one = json_array_get(json, i);

		if (api_field_from_number(field, one, &item[i]))
			return refuse_item(field, FIELD_U32, i, one, err);
	}
	return 0;
}

static int decode_texts(const struct api_field *field, const json_t *json, struct api_list *list,
	struct rpc_error *err)
{
	const struct api_field one_text = {.kind = FIELD_TEXT, .size = field->max + 1};
	struct api_text *item = list->item;

	for (size_t i = 0; i < list->count; i++) {
		const json_t *one = json_array_get(json, i);
		size_t len = json_string_length(one);
		char *text = len <= field->max ? arena_take(len + 1) : NULL;

		if (len <= field->max && !text)
			return rpc_fail(err, RPC_ERR_INTERNAL, "out of memory");
		if (!json_is_string(one) || !text ||
			api_field_from_text(&one_text, json_string_value(one), len, text))
			return refuse_item(field, FIELD_TEXT, i, one, err);
		item[i] = (struct api_text){text, len};
	}
	return 0;
}

static int decode_prefixes(const struct api_field *field, const json_t *json, struct api_list *list,
	struct rpc_error *err)
{
	struct api_field one_prefix = *field;
	struct api_ip *item = list->item;

	one_prefix.kind = FIELD_PREFIX;
	for (size_t i = 0; i < list->count; i++) {
		const json_t *one = json_array_get(json, i);

		if (!json_is_string(one) || api_field_from_text(&one_prefix, json_string_value(one),
						    json_string_length(one), &item[i]))
			return refuse_item(field, FIELD_PREFIX, i, one, err);
	}
	return 0;
}

static int decode_set(
	const struct api_field *field, const json_t *json, uint32_t *set, struct rpc_error *err)
{
	size_t index;
	json_t *one;

	*set = 0;
	json_array_foreach (json, index, one) {
		const char *text = json_string_value(one);
		int bit = 0;

		while (text && field->names[bit] && strcmp(field->names[bit], text))
			bit++;
		if (!text || !field->names[bit])
			return refuse_item(field, FIELD_ENUM, index, one, err);
		*set |= 1u << bit;
	}
	return 0;
}

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

int api_decode_list(
	const struct api_field *field, const json_t *json, void *place, struct rpc_error *err)
{
	size_t count = json_array_size(json);
	struct api_list *list = place;

	if (!json_is_array(json) || count < field->min_items || count > field->max_items)
		return api_field_refuse(field, json, err);
	if (field->kind == FIELD_SET)
		return decode_set(field, json, place, err);
	if (count == 0)
		return 0;
	list->item = arena_take(count * api_item_bytes(field));
	if (!list->item)
		return rpc_fail(err, RPC_ERR_INTERNAL, "out of memory");
	list->count = count;
	switch (field->kind) {
	case FIELD_IDS:
		return decode_ids(field, json, list, err);
	case FIELD_TEXTS:
		return decode_texts(field, json, list, err);
	case FIELD_PREFIXES:
		return decode_prefixes(field, json, list, err);
	default:
		return decode_structures(field, json, list, err);
	}
}
