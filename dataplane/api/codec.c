/* SPDX-License-Identifier: BSD-3-Clause */
/* JSON → structure, by the tables of types.c. Called by rpc for every object of a put, and by the
 * control plane; owns nothing. A message may hold a hundred thousand objects, so the texts of an
 * error are made only for the error. */
#include "codec.h"

#include <stdio.h>
#include <string.h>

struct show {
	char *text;
	size_t used, size;
};

static int show_more(const char *buffer, size_t len, void *arg)
{
	struct show *show = arg;
	size_t room = show->size - 1 - show->used;
	size_t take = len < room ? len : room;

	memcpy(show->text + show->used, buffer, take);
	show->used += take;
	return take == len ? 0 : -1;
}

const char *api_show(const json_t *json, char *text, size_t size)
{
	struct show show = {.text = text, .size = size};

	if (!json) {
		snprintf(text, size, "nothing");
		return text;
	}
	if (json_dump_callback(json, show_more, &show,
		    JSON_COMPACT | JSON_ENCODE_ANY | JSON_ENSURE_ASCII) < 0 &&
		show.used == size - 1)
		memcpy(text + size - 4, "...", 3);
	text[show.used] = '\0';
	return text;
}

static const char *want_enum(const struct api_field *field, char *text, size_t size)
{
	size_t used = 0;

	for (int i = 0; field->names[i] && used < size; i++)
		used += snprintf(
			text + used, size - used, "%s\"%s\"", i ? " or " : "", field->names[i]);
	return text;
}

const char *api_field_want(const struct api_field *field, char *text, size_t size)
{
	switch (field->kind) {
	case FIELD_NAME:
		if (field->ref >= 0)
			snprintf(text, size, "the name of %s %s",
				strchr("ao", api_types[field->ref].name[0]) ? "an" : "a",
				api_types[field->ref].name);
		else
			snprintf(text, size, "a name: 1 to %d of letters, digits and . _ - : @ /",
				LIMIT_NAME);
		break;
	case FIELD_TEXT:
		snprintf(text, size, "printable text of 1 to %zu characters", field->size - 1);
		break;
	case FIELD_U32:
	case FIELD_U64:
		snprintf(text, size, "integer %llu to %llu", (unsigned long long)field->min,
			(unsigned long long)field->max);
		break;
	case FIELD_BOOL:
		snprintf(text, size, "true or false");
		break;
	case FIELD_MAC:
		snprintf(text, size, "a MAC address like \"02:00:00:00:00:01\"");
		break;
	case FIELD_IP:
		snprintf(text, size, "an IPv4 or IPv6 address");
		break;
	case FIELD_PREFIX:
		snprintf(text, size, "an IPv4 or IPv6 prefix like \"198.18.0.0/24\"");
		break;
	case FIELD_ENUM:
		return want_enum(field, text, size);
	case FIELD_VIA:
		snprintf(text, size, "a list of 1 to %d next hops", LIMIT_ROUTE_VIA);
		break;
	}
	return text;
}

static int refuse(const struct api_field *field, const json_t *json, struct rpc_error *err)
{
	char want[160], got[100];

	return rpc_fail_value(err, field->name, api_field_want(field, want, sizeof(want)),
		api_show(json, got, sizeof(got)));
}

static bool printable(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] < ' ' || text[i] > '~')
			return false;
	return true;
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
		if (len == 0 || len >= field->size || !printable(text, len))
			return -1;
		memcpy(place, text, len);
		return 0;
	case FIELD_MAC:
		return api_mac_parse(text, place);
	case FIELD_IP:
		return api_ip_parse(text, false, place);
	case FIELD_PREFIX:
		return api_ip_parse(text, true, place);
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

static int decode_integer(const struct api_field *field, const json_t *json, void *out)
{
	json_int_t value = json_integer_value(json);

	if (!json_is_integer(json) || value < 0 || (uint64_t)value < field->min ||
		(uint64_t)value > field->max)
		return -1;
	if (field->kind == FIELD_U64)
		*(uint64_t *)out = value;
	else
		*(uint32_t *)out = value;
	return 0;
}

static int decode_fields(
	const struct api_field *fields, const json_t *json, void *out, struct rpc_error *err);

static int decode_via(const json_t *json, struct api_route *out, struct rpc_error *err)
{
	static const char want[] = "at least one of address, port, tunnel and attachment";
	size_t count = json_array_size(json);

	for (size_t i = 0; i < count; i++) {
		struct api_via *via = &out->via[i];
		char got[100];
		int rc = decode_fields(api_via_fields, json_array_get(json, i), via, err);

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

static int decode_field(
	const struct api_field *field, const json_t *json, void *structure, struct rpc_error *err)
{
	void *place = (char *)structure + field->offset;
	int rc = -1;

	switch (field->kind) {
	case FIELD_U32:
	case FIELD_U64:
		rc = decode_integer(field, json, place);
		break;
	case FIELD_BOOL:
		if (json_is_boolean(json)) {
			*(bool *)place = json_is_true(json);
			rc = 0;
		}
		break;
	case FIELD_ENUM:
		rc = decode_enum(field, json, place);
		break;
	case FIELD_VIA:
		if (json_array_size(json) >= 1 && json_array_size(json) <= LIMIT_ROUTE_VIA)
			return decode_via(json, structure, err);
		break;
	default:
		if (json_is_string(json))
			rc = api_field_from_text(
				field, json_string_value(json), json_string_length(json), place);
	}
	return rc ? refuse(field, json, err) : 0;
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

/* Some key of json is not a field to take in: says which one, and what there is. */
static int refuse_unknown(const struct api_field *fields, json_t *json, struct rpc_error *err)
{
	char want[160] = "one of", name[64];
	size_t used = strlen(want);
	const struct api_field *field;
	const char *key;
	json_t *value;

	for (field = fields; field->name && used < sizeof(want); field++)
		if (!(field->flags & FIELD_ANSWER))
			used += snprintf(want + used, sizeof(want) - used, " %s", field->name);
	json_object_foreach (json, key, value) {
		for (field = fields; field->name; field++)
			if (!strcmp(field->name, key))
				break;
		if (field->name && !(field->flags & FIELD_ANSWER))
			continue;
		json_t *text = json_string(key);

		api_show(text, name, sizeof(name));
		json_decref(text);
		rpc_fail_value(err, "", want, name);
		snprintf(err->message, sizeof(err->message), "%s field %s; there is%.150s",
			field->name ? "read-only" : "unknown", name, want + 6);
		snprintf(err->path, sizeof(err->path), "%.60s",
			api_name_valid(key, strlen(key)) ? key : "");
		return -1;
	}
	return 0;
}

static int refuse_either(const struct api_field *fields, unsigned given, struct rpc_error *err)
{
	char want[160] = "exactly one of";
	size_t used = strlen(want);

	for (; fields->name && used < sizeof(want); fields++)
		if (fields->flags & FIELD_EITHER)
			used += snprintf(want + used, sizeof(want) - used, " %s", fields->name);
	return rpc_fail_value(err, "", want, given ? "more than one" : "none");
}

static int decode_fields(
	const struct api_field *fields, const json_t *json, void *out, struct rpc_error *err)
{
	unsigned either = 0, eithers = 0;
	size_t taken = 0;
	char got[100];

	if (!json_is_object(json))
		return rpc_fail_value(err, "", "an object", api_show(json, got, sizeof(got)));
	for (const struct api_field *field = fields; field->name; field++) {
		json_t *value = json_object_get(json, field->name);

		eithers += field->flags & FIELD_EITHER ? 1 : 0;
		if (field->flags & FIELD_ANSWER)
			continue;
		preset(field, out);
		if (!value && !(field->flags & FIELD_REQUIRED))
			continue;
		if (decode_field(field, value, out, err))
			return -1;
		either += field->flags & FIELD_EITHER ? 1 : 0;
		taken++;
	}
	if (taken != json_object_size(json))
		return refuse_unknown(fields, (json_t *)json, err);
	return eithers && either != 1 ? refuse_either(fields, either, err) : 0;
}

int api_decode(const struct api_type *type, const json_t *json, const char *base,
	union api_object *out, struct rpc_error *err)
{
	memset(out, 0, type->size);
	if (!decode_fields(type->fields, json, out, err)) {
		if (type->complete)
			type->complete(out);
		return 0;
	}
	if (*base)
		rpc_error_prefix(err, "%s", base);
	return -1;
}
