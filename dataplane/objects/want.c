/* SPDX-License-Identifier: BSD-3-Clause */
/* What refusals say: what a field takes, what it was given, which field there is not. */
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

bool api_only_next(const struct api_field *field, int *value)
{
	for (++*value; *value < 64; ++*value)
		if (field->only >> *value & 1)
			return true;
	return false;
}

/* "integer 0 or 1 or 6" */
static const char *want_only(const struct api_field *field, char *text, size_t size)
{
	size_t used = snprintf(text, size, "integer");
	const char *join = "";

	for (int value = -1; api_only_next(field, &value) && used < size; join = " or")
		used += snprintf(text + used, size - used, "%s %d", join, value);
	return text;
}

static const char *family_text(const struct api_field *field)
{
	return field->family == 4 ? "IPv4" : field->family == 6 ? "IPv6" : "IPv4 or IPv6";
}

/* "an object of teid, peer, gtpu" */
static const char *want_object(const struct api_field *field, char *text, size_t size)
{
	size_t used = snprintf(text, size, "an object of");

	for (const struct api_field *f = field->fields; f->name && used < size; f++)
		used += snprintf(
			text + used, size - used, "%s %s", f == field->fields ? "" : ",", f->name);
	return text;
}

static const char *want_list(const struct api_field *field, char *text, size_t size)
{
	const char *least = field->min_items ? "1" : "0", *of = "objects";
	size_t used;

	if (field->kind == FIELD_SET) {
		used = snprintf(text, size, "a list of ");
		want_enum(field, text + used, size - used);
		return text;
	}
	if (field->kind == FIELD_IDS)
		of = "ids";
	else if (field->kind == FIELD_TEXTS)
		of = "texts";
	else if (field->kind == FIELD_PREFIXES)
		of = "prefixes";
	snprintf(text, size, "a list of %s to %u %s", least, field->max_items, of);
	return text;
}

const char *api_field_want(const struct api_field *field, char *text, size_t size)
{
	size_t len, used;

	switch (field->kind) {
	case FIELD_NAME:
		if (field->ref >= 0)
			snprintf(text, size, "the name of %s %s",
				strchr("ao", api_types[field->ref].name[0]) ? "an" : "a",
				api_types[field->ref].name);
		else if (field->max) /* of an intent */
			snprintf(text, size, "a name: 1 to %u of letters, digits and . _ - @",
				(unsigned)field->max);
		else
			snprintf(text, size, "a name: 1 to %d of letters, digits and . _ - : @ /",
				LIMIT_NAME);
		break;
	case FIELD_TEXT:
		snprintf(text, size, "printable text of 1 to %zu characters", field->size - 1);
		break;
	case FIELD_U32:
		if (field->only)
			return want_only(field, text, size);
		/* fall through */
	case FIELD_U64:
		used = snprintf(text, size, "integer %llu to %llu", (unsigned long long)field->min,
			(unsigned long long)field->max);
		len = strlen(field->name);
		if (len > 4 && !strcmp(field->name + len - 4, "_bps") && used < size)
			snprintf(text + used, size - used,
				" (bit/s; on the command line and in YAML also 100M)");
		break;
	case FIELD_BOOL:
		snprintf(text, size, "true or false");
		break;
	case FIELD_MAC:
		snprintf(text, size, "a MAC address like \"02:00:00:00:00:01\"");
		break;
	case FIELD_IP:
		snprintf(text, size, "an %s address", family_text(field));
		break;
	case FIELD_PREFIX:
		snprintf(text, size, "an %s prefix like \"%s\"", family_text(field),
			strncmp(field->name, "gateway", 7) == 0
				? field->family == 6 ? "2001:db8::1/64" : "198.18.0.1/24"
			: field->family == 6 ? "2001:db8::/64"
					     : "198.18.0.0/24");
		break;
	case FIELD_ENUM:
		return want_enum(field, text, size);
	case FIELD_VIA:
		snprintf(text, size, "a list of 0 to %d next hops", LIMIT_ROUTE_VIA);
		break;
	case FIELD_OBJECT:
		return want_object(field, text, size);
	default:
		return want_list(field, text, size);
	}
	return text;
}

int api_field_refuse(const struct api_field *field, const json_t *json, struct rpc_error *err)
{
	char want[160], got[100];

	return rpc_fail_value(err, field->name, api_field_want(field, want, sizeof(want)),
		api_show(json, got, sizeof(got)));
}

/* Some key of json is not a field to take in: says which one, and what there is. */
int api_refuse_unknown(const struct api_field *fields, json_t *json, struct rpc_error *err)
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

int api_refuse_either(const struct api_field *fields, unsigned given, struct rpc_error *err)
{
	char want[160] = "exactly one of";
	size_t used = strlen(want);

	for (; fields->name && used < sizeof(want); fields++)
		if (fields->flags & FIELD_EITHER)
			used += snprintf(want + used, sizeof(want) - used, " %s", fields->name);
	return rpc_fail_value(err, "", want, given ? "more than one" : "none");
}
