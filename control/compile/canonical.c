/* SPDX-License-Identifier: BSD-3-Clause */
/* The one text that equal objects have, whether they were compiled or listed by the dataplane.
 *
 * The dataplane lists objects by the same tables (dataplane/api) that they are compiled by, so
 * nothing is decoded here: a resync looks at a hundred thousand objects. */
#include "emit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

char *canonical_text(const struct api_type *type, json_t *json)
{
	for (const struct api_field *field = type->fields; field->name; field++)
		if (field->flags & FIELD_ANSWER)
			json_object_del(json, field->name);
	return json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
}

/* The key's fields are listed as api_key writes them: their texts, a blank between. */
static int key_of(const struct api_type *type, const json_t *json, char *key)
{
	size_t used = 0;

	key[0] = '\0';
	for (const struct api_field *field = type->fields; field->name; field++) {
		const json_t *value = json_object_get(json, field->name);
		const char *text = json_string_value(value);
		size_t len = json_string_length(value);

		if (!(field->flags & FIELD_KEY) || (!value && field->flags & FIELD_EITHER))
			continue;
		if (!text || used + len + 2 > API_KEY_BYTES)
			return -EINVAL;
		if (used)
			key[used++] = ' ';
		memcpy(key + used, text, len + 1);
		used += len;
	}
	return used ? 0 : -EINVAL;
}

/* TEIDs that were left to the dataplane: compile_session.c gives such PDRs, and no others, a
 * choose_id. */
static void leave_out_chosen(json_t *session)
{
	size_t index;
	json_t *pdr;

	json_array_foreach (json_object_get(session, "pdrs"), index, pdr)
		if (json_object_get(pdr, "choose_id"))
			json_object_del(pdr, "teid");
}

int compile_canonical(const struct api_type *type, const json_t *listed, char *key, char **text)
{
	bool session = type->type == OBJECT_SESSION;
	json_t *copy;

	if (!json_is_object(listed) || key_of(type, listed, key))
		return json_is_true(json_object_get(listed, "learned")) ? 1 : -EINVAL;
	if (json_is_true(json_object_get(listed, "learned")))
		return 1;
	copy = session ? json_deep_copy(listed) : json_copy((json_t *)listed);
	if (!copy)
		return -ENOMEM;
	if (session)
		leave_out_chosen(copy);
	*text = canonical_text(type, copy);
	json_decref(copy);
	return *text ? 0 : -ENOMEM;
}
