/* SPDX-License-Identifier: BSD-3-Clause */
/* Objects of the dataplane, and the forms that intents have as sets of them (reconciler.h). Owns
 * the items. */
#include <stdio.h>
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

struct item *item_get(struct reconciler *rec, enum object_type type, const char *key, bool make)
{
	_Alignas(struct item) char room[sizeof(struct item) + API_KEY_BYTES];
	struct item *probe = (struct item *)room, *item;
	size_t size = strlen(key) + 1;

	if (size > API_KEY_BYTES)
		return NULL;
	probe->type = type;
	memcpy(probe->key, key, size);
	item = RB_FIND(item_tree, &rec->items, probe);
	if (item || !make)
		return item;
	item = xcalloc(1, sizeof(*item) + size);
	item->type = type;
	memcpy(item->key, key, size);
	RB_INSERT(item_tree, &rec->items, item);
	return item;
}

struct item *item_labelled(struct reconciler *rec, const char *label)
{
	const char *space = label ? strchr(label, ' ') : NULL;
	const struct api_type *type;
	char name[32];

	if (!space || space - label >= (ptrdiff_t)sizeof(name))
		return NULL;
	snprintf(name, sizeof(name), "%.*s", (int)(space - label), label);
	type = api_type_find(name);
	return type ? item_get(rec, type->type, space + 1, false) : NULL;
}

static void count(struct reconciler *rec, const struct item *item, uint32_t by)
{
	rec->items_are.wanted += item->wanted || item->there ? by : 0;
	rec->items_are.there += item->there ? by : 0;
}

static void item_free(struct reconciler *rec, struct item *item)
{
	RB_REMOVE(item_tree, &rec->items, item);
	free(item);
}

static void item_sweep(struct reconciler *rec, struct item *item)
{
	if (!item->forms)
		item_free(rec, item);
}

void items_free(struct reconciler *rec)
{
	struct item *item;

	while ((item = RB_MIN(item_tree, &rec->items)))
		item_free(rec, item);
}

/* ---- forms ---- */

void form_free(struct reconciler *rec, struct form *form)
{
	if (!form)
		return;
	for (uint32_t i = 0; i < form->count; i++) {
		free(form->objects[i].text);
		if (!rec)
			continue;
		form->objects[i].item->forms--;
		item_sweep(rec, form->objects[i].item);
	}
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
		if (!rec)
			continue;
		to->item = item_get(rec, from->type, from->key, true);
		to->item->forms++;
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

		count(rec, item, UINT32_MAX);
		*times += (uint32_t)by;
		count(rec, item, 1);
		if (there)
			rec->generation[item->type]++;
	}
}

bool form_has(const struct form *form, enum object_type type, const char *key)
{
	for (uint32_t i = 0; i < form->count; i++)
		if (form->objects[i].type == type && !strcmp(form->objects[i].item->key, key))
			return true;
	return false;
}
