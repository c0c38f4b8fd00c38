/* SPDX-License-Identifier: BSD-3-Clause */
/* Objects of the dataplane, and the forms that intents have as sets of them (reconciler.h). Owns
 * the items. */
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "hash.h"
#include "reconciler.h"

int item_cmp(const struct item *a, const struct item *b)
{
	if (a->type != b->type)
		return a->type < b->type ? -1 : 1;
	return strcmp(a->key, b->key);
}

RB_GENERATE(item_tree, item, entry, item_cmp)

const struct item *item_find(const struct reconciler *rec, enum object_type type, const char *key)
{
	_Alignas(struct item) char room[sizeof(struct item) + API_KEY_BYTES];
	struct item *probe = (struct item *)room;
	size_t size = strlen(key) + 1;

	if (size > API_KEY_BYTES)
		return NULL;
	probe->type = type;
	memcpy(probe->key, key, size);
	return RB_FIND(item_tree, (struct item_tree *)&rec->items, probe);
}

static struct item *item_get(struct reconciler *rec, enum object_type type, const char *key)
{
	struct item *item = (struct item *)item_find(rec, type, key);
	size_t size = strlen(key) + 1;

	if (item)
		return item;
	item = xcalloc(1, sizeof(*item) + size);
	item->type = type;
	memcpy(item->key, key, size);
	RB_INSERT(item_tree, &rec->items, item);
	rec->item_count++;
	return item;
}

/* ---- forms ---- */

void form_free(struct form *form)
{
	for (uint32_t i = 0; i < form_size(form); i++)
		free(form->objects[i].text);
	if (form)
		free(form->objects);
	free(form);
}

struct form *form_make(struct reconciler *rec, struct compiled_list *list)
{
	struct form *form = xcalloc(1, sizeof(*form));
	uint64_t hash = HASH_FNV64;

	form->objects = xcalloc(list->count, sizeof(*form->objects));
	form->count = list->count;
	for (uint32_t i = 0; i < list->count; i++) {
		struct compiled *from = &list->items[i];
		struct object_text *to = &form->objects[i];
		uint8_t type = (uint8_t)from->type;

		hash = hash_fnv64(hash, &type, 1);
		hash = hash_fnv64(hash, from->text, strlen(from->text) + 1);
		to->type = from->type;
		to->text = from->text;
		from->text = NULL;
		to->item = rec ? item_get(rec, from->type, from->key) : NULL;
	}
	form->revision = form->count ? (hash & INT64_MAX) | 1 : 0;
	compiled_list_clear(list);
	return form;
}

void form_count(struct reconciler *rec, const struct form *form, bool there, int by)
{
	for (uint32_t i = 0; i < form_size(form); i++) {
		struct item *item = form->objects[i].item;
		uint32_t *times = there ? &item->there : &item->wanted;

		rec->there_count -= item->there > 0;
		*times += (uint32_t)by;
		rec->there_count += item->there > 0;
		if (there)
			rec->generation[item->type]++;
		if (item->wanted || item->there)
			continue;
		RB_REMOVE(item_tree, &rec->items, item);
		rec->item_count--;
		free(item);
	}
}
