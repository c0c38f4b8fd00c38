/* SPDX-License-Identifier: BSD-3-Clause */
/* See merge_patch.h. */
#include "merge_patch.h"

/* A member of the patch: null takes it out of `into`. jansson bounds how deep a parsed patch is. */
static int merge_member(json_t *into, const char *name, const json_t *patch)
{
	if (json_is_null(patch)) {
		json_object_del(into, name); /* one that was not there is none the less gone */
		return 0;
	}
	return json_object_set_new(into, name, merge_patch(json_object_get(into, name), patch));
}

json_t *merge_patch(const json_t *target, const json_t *patch)
{
	json_t *out, *value;
	const char *name;

	if (!json_is_object(patch))
		return json_deep_copy(patch);
	out = json_is_object(target) ? json_deep_copy(target) : json_object();
	if (!out)
		return NULL;
	json_object_foreach ((json_t *)patch, name, value) {
		if (merge_member(out, name, value)) {
			json_decref(out);
			return NULL;
		}
	}
	return out;
}
