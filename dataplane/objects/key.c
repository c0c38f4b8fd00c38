/* SPDX-License-Identifier: BSD-3-Clause */
/* Canonical keys: the key fields as text, a space between. */
#include "codec.h"

#include <stdio.h>
#include <string.h>

/* Of an either-or pair of key fields only the one that is given counts. */
static bool left_out(const struct api_field *field, const void *structure)
{
	return (field->flags & FIELD_EITHER) && !*(const char *)api_field_at(field, structure);
}

void api_key(const struct api_type *type, const union api_object *obj, char *key)
{
	char text[LIMIT_DEVICE + 1];
	size_t used = 0;

	key[0] = '\0';
	for (const struct api_field *field = type->fields; field->name; field++) {
		if (!(field->flags & FIELD_KEY) || left_out(field, obj))
			continue;
		const char *part = api_field_to_text(field, api_field_at(field, obj), text);
		size_t len = strlen(part);

		if (used + len + 2 > API_KEY_BYTES)
			return; /* cannot be: names have 63 characters, addresses 43 */
		if (used)
			key[used++] = ' ';
		memcpy(key + used, part, len + 1);
		used += len;
	}
}

/* "port|attachment prefix": how the key of this type is written. */
static const char *key_want(const struct api_type *type, char *text, size_t size)
{
	size_t used = snprintf(text, size, "a key like \"");
	const char *join = "";

	for (const struct api_field *field = type->fields; field->name && used < size; field++) {
		if (!(field->flags & FIELD_KEY))
			continue;
		used += snprintf(text + used, size - used, "%s%s", join, field->name);
		join = field->flags & FIELD_EITHER && field[1].flags & FIELD_EITHER ? "|" : " ";
	}
	if (used < size)
		snprintf(text + used, size - used, "\"");
	return text;
}

static int key_refuse(
	const struct api_type *type, const char *text, const char *path, struct rpc_error *err)
{
	json_t *json = json_string(text);
	char want[160], got[100];

	key_want(type, want, sizeof(want));
	rpc_fail_value(err, path, want, json ? api_show(json, got, sizeof(got)) : "not UTF-8");
	json_decref(json);
	return -1;
}

int api_key_parse(const struct api_type *type, const char *text, const char *path, char *key,
	union api_object *out, struct rpc_error *err)
{
	const char *rest = text;
	bool either = false;

	memset(out, 0, type->size);
	for (const struct api_field *field = type->fields; field->name; field++) {
		char part[LIMIT_DEVICE + 1];
		size_t len;

		if (!(field->flags & FIELD_KEY) || (either && field->flags & FIELD_EITHER))
			continue;
		either |= field->flags & FIELD_EITHER;
		rest += strspn(rest, " ");
		len = strcspn(rest, " ");
		if (len >= sizeof(part))
			return key_refuse(type, text, path, err);
		memcpy(part, rest, len);
		part[len] = '\0';
		if (api_field_from_text(field, part, len, (char *)out + field->offset))
			return key_refuse(type, text, path, err);
		rest += len;
	}
	if (rest[strspn(rest, " ")] != '\0')
		return key_refuse(type, text, path, err);
	api_key(type, out, key);
	return 0;
}
