/* SPDX-License-Identifier: BSD-3-Clause */
/* No kernel is followed: what one of before has told the dataplane goes, a page at a time, whenever
 * a dataplane comes. */
#include "mirror_link.h"

#define PAGE_MOST 1000

static void ask_page(struct dataplane *dp, json_t *cursor);

static void on_gone(const json_t *result, const json_t *error, void *arg)
{
}

static void on_page(const json_t *result, const json_t *error, void *arg)
{
	json_t *groups = json_array(), *cursor = json_object_get(result, "cursor");
	struct dataplane *dp = arg;
	const json_t *group;
	size_t i;

	json_array_foreach (json_object_get(result, "groups"), i, group)
		json_array_append_new(
			groups, json_pack("{s:O}", "owner", json_object_get(group, "owner")));
	if (json_array_size(groups))
		dataplane_call(dp, "sync",
			json_pack("{s:s, s:s, s:O}", "source", "kernel", "mode", "merge", "groups",
				groups),
			on_gone, dp);
	json_decref(groups);
	if (cursor)
		ask_page(dp, json_incref(cursor));
}

/* cursor is stolen; NULL: the first page. */
static void ask_page(struct dataplane *dp, json_t *cursor)
{
	dataplane_call(dp, "groups",
		json_pack("{s:s, s:i, s:o*}", "source", "kernel", "limit", PAGE_MOST, "cursor",
			cursor),
		on_page, dp);
}

static void on_change(enum dataplane_state state, uint64_t instance, void *arg)
{
	if (state == DATAPLANE_UP)
		ask_page(arg, NULL);
}

void mirror_off(struct dataplane *dp)
{
	dataplane_on_change(dp, on_change, dp);
}
