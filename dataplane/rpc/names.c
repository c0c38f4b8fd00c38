/* SPDX-License-Identifier: BSD-3-Clause */
/* Names for ids in texts of traces and table rows. Called by method_trace.c and method_table.c; owns nothing. */
#include "names.h"

#include <stdio.h>
#include <string.h>

#include "model.h"

/* "{slice 3}" at text → its object, and *end behind it; NULL when it is no such thing. */
static const struct object *named(const char *text, const char **end)
{
	char type_name[16];
	unsigned id;
	int used = 0;

	if (sscanf(text, "{%15[a-z] %u}%n", type_name, &id, &used) != 2 || used == 0)
		return NULL;
	const struct api_type *type = api_type_find(type_name);

	*end = text + used;
	return type != NULL && id <= UINT16_MAX ? model_by_id(type->type, id) : NULL;
}

json_t *names_text(const char *text)
{
	char out[512];
	size_t n = 0;

	while (*text != '\0' && n + 1 < sizeof(out)) {
		const char *end;
		const struct object *obj = *text == '{' ? named(text, &end) : NULL;

		if (obj == NULL) {
			out[n++] = *text++;
			continue;
		}
		int len = snprintf(out + n, sizeof(out) - n, "%s", obj->key);

		n += (size_t)len < sizeof(out) - n ? (size_t)len : sizeof(out) - n - 1;
		text = end;
	}
	out[n] = '\0';
	return json_string(out);
}
