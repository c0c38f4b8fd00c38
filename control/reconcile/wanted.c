/* SPDX-License-Identifier: BSD-3-Clause */
/* What is wanted of the dataplane, for those who need to know it beside the dataplane: xdp/,
 * mirror/ (reconcile.h). Owns nothing but the list of those who listen. */
#include <errno.h>

#include "reconciler.h"

/* The first item of a type; its key is never empty. */
static struct item *first_of(struct reconciler *rec, enum object_type type)
{
	_Alignas(struct item) char room[sizeof(struct item) + 1] = {0};
	struct item *probe = (struct item *)room;

	probe->type = type;
	return RB_NFIND(item_tree, &rec->items, probe);
}

void reconciler_each(struct reconciler *rec, enum object_type type,
	void (*each)(const char *key, const char *text, void *arg), void *arg)
{
	struct item *item;

	for (item = first_of(rec, type); item && item->type == type;
		item = RB_NEXT(item_tree, &rec->items, item)) {
		const char *text = item_wanted(item);

		if (!text && !item->aside)
			text = item->mirror;
		if (text)
			each(item->key, text, arg);
	}
}

void reconciler_each_there(struct reconciler *rec, enum object_type type,
	void (*each)(const char *key, const char *text, void *arg), void *arg)
{
	struct item *item;

	for (item = first_of(rec, type); item && item->type == type;
		item = RB_NEXT(item_tree, &rec->items, item))
		if (item->actual)
			each(item->key, item->actual, arg);
}

uint64_t reconciler_generation(const struct reconciler *rec, enum object_type type)
{
	return rec->generation[type];
}

int reconciler_on_applied(struct reconciler *rec, void (*applied)(void *arg), void *arg)
{
	if (rec->applied_count == APPLIED_LISTENERS)
		return -ENOMEM;
	rec->applied[rec->applied_count++] = (struct applied_listener){applied, arg};
	return 0;
}

void wanted_tell(struct reconciler *rec)
{
	for (uint32_t i = 0; i < rec->applied_count; i++)
		rec->applied[i].applied(rec->applied[i].arg);
}
