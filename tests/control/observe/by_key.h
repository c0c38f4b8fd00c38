/* SPDX-License-Identifier: BSD-3-Clause */
/* Lists as the collector has them: {NAME: object}, {"GTPU ADDRESS": peer}. */
#ifndef TEST_BY_KEY_H
#define TEST_BY_KEY_H

#include <jansson.h>
#include <stdio.h>

/* New; the list is stolen. */
static inline json_t *by_key(json_t *list)
{
	json_t *out = list ? json_object() : NULL, *one;
	char key[192];
	size_t i;

	json_array_foreach (list, i, one) {
		json_t *match = json_object_get(one, "match");

		snprintf(key, sizeof(key), "%s %s",
			json_string_value(json_object_get(match, "gtpu")) ?: "",
			json_string_value(json_object_get(match, "peer")) ?: "");
		json_object_set(out,
			match ? key : json_string_value(json_object_get(one, "name")), one);
	}
	json_decref(list);
	return out;
}

#endif
