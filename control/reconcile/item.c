/* SPDX-License-Identifier: BSD-3-Clause */
/* Objects of the dataplane, as they are and as they are wanted (reconciler.h). Owns the items. */
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler.h"

int item_cmp(const struct item *a, const struct item *b)
{
	if (a->type != b->type)
		return a->type < b->type ? -1 : 1;
	return strcmp(a->key, b->key);
}

RB_GENERATE(item_tree, item, entry, item_cmp)

struct item *item_from(struct reconciler *rec, enum object_type type, const char *from)
{
	_Alignas(struct item) char room[sizeof(struct item) + API_KEY_BYTES];
	struct item *probe = (struct item *)room;

	probe->type = type;
	snprintf(probe->key, API_KEY_BYTES, "%s", from);
	return RB_NFIND(item_tree, &rec->items, probe);
}

struct item *item_get(struct reconciler *rec, enum object_type type, const char *key, bool make)
{
	size_t size = strlen(key) + 1;
	struct item *item;

	if (size > API_KEY_BYTES)
		return NULL;
	item = item_from(rec, type, key);
	if (item && item->type == type && !strcmp(item->key, key))
		return item;
	if (!make)
		return NULL;
	item = calloc(1, sizeof(*item) + size);
	if (!item)
		return NULL;
	item->type = type;
	memcpy(item->key, key, size);
	TAILQ_INIT(&item->refs);
	TAILQ_INIT(&item->waiters);
	RB_INSERT(item_tree, &rec->items, item);
	rec->item_count++;
	return item;
}

static void leave(struct reconciler *rec, struct item *item)
{
	if (item->list)
		TAILQ_REMOVE(&rec->list[item->list], item, list_link);
	item->list = LIST_NONE;
	rec->dirty_count -= item->dirty;
	rec->held_count -= item->held;
	item->dirty = item->held = false;
}

void item_move(struct reconciler *rec, struct item *item, enum item_list list, bool front)
{
	leave(rec, item);
	item->list = list;
	item->held = list == LIST_HELD;
	item->dirty = list > LIST_HELD;
	rec->held_count += item->held;
	rec->dirty_count += item->dirty;
	if (front)
		TAILQ_INSERT_HEAD(&rec->list[list], item, list_link);
	else if (list)
		TAILQ_INSERT_TAIL(&rec->list[list], item, list_link);
}

void item_mark(struct reconciler *rec, struct item *item)
{
	enum item_list list;

	item_stick(rec, item, false);
	if (item->list == LIST_PORTION || (item->list == LIST_DIRTY && item->replace))
		return;
	list = mirrored_list(rec, item);
	if (item->list != list)
		item_move(rec, item, list, false);
}

void item_clean(struct reconciler *rec, struct item *item)
{
	if (item->dirty)
		leave(rec, item);
}

void item_stick(struct reconciler *rec, struct item *item, bool stuck)
{
	if (item->stuck == stuck)
		return;
	item->stuck = stuck;
	rec->stuck_count += stuck ? 1 : -1;
	if (!stuck)
		return;
	item->replace = false;
	item_clean(rec, item);
}

bool item_awaited(const struct item *item)
{
	const struct ref *ref;

	TAILQ_FOREACH (ref, &item->refs, link)
		if (ref->owner->pending && ref->set == ref->owner->want)
			return true;
	return false;
}

void items_unstick(struct reconciler *rec)
{
	struct item *item;

	if (!rec->stuck_count)
		return;
	RB_FOREACH (item, item_tree, &rec->items)
		if (item->stuck)
			item_mark(rec, item);
}

int item_lose(struct reconciler *rec, struct item *item)
{
	if (!item->old || item->lost || item->mirrored)
		return 0;
	item->lost = strdup(item->actual);
	rec->lost_count += item->lost != NULL;
	return item->lost ? 0 : -ENOMEM;
}

void item_hold(struct reconciler *rec, struct item *item, bool held)
{
	if (item->held != held)
		item_move(rec, item, held ? LIST_HELD : LIST_NONE, false);
}

static void text_free(struct item *item, char *text)
{
	if (item->actual != text && item->mirror != text)
		free(text);
}

int item_is(struct reconciler *rec, struct item *item, const char *text)
{
	char *copy = NULL, *before = item->actual;
	int err;

	if (text && before && !strcmp(text, before))
		return 0;
	if (text && item->mirror && !strcmp(text, item->mirror))
		copy = item->mirror;
	else if (text && !(copy = strdup(text)))
		return -ENOMEM;
	rec->actual_count += (copy != NULL) - (before != NULL);
	rec->generation[item->type]++;
	item->actual = copy;
	text_free(item, before);
	item->old = item->strange = false;
	way_cleared(rec, item);
	err = needs_link(rec, item);
	mirrored_wake(rec, item);
	return err;
}

int item_say(struct reconciler *rec, struct item *item, const char *text)
{
	char *copy = NULL, *before = item->mirror;

	if (text && item->actual && !strcmp(text, item->actual))
		copy = item->actual;
	else if (text && !(copy = strdup(text)))
		return -ENOMEM;
	rec->mirrored_count += (copy != NULL) - (before != NULL);
	item->mirror = copy;
	text_free(item, before);
	return 0;
}

bool item_kept(const struct reconciler *rec, enum object_type object, const char *key)
{
	const char *type = api_types[object].name;
	size_t length = strlen(type);

	for (char **keep = rec->keep; keep && *keep; keep++) {
		if (strncmp(*keep, type, length))
			continue;
		if ((*keep)[length] == '\0')
			return true;
		if ((*keep)[length] == ' ' && !fnmatch(*keep + length + 1, key, 0))
			return true;
	}
	return false;
}

/* One whose newest form is in force counts more than one that was refused and goes on as before. */
const char *item_wanted(const struct item *item)
{
	const struct ref *ref;
	const char *older = NULL;

	TAILQ_FOREACH (ref, &item->refs, link) {
		if (ref->set != ref->owner->in)
			continue;
		if (ref->owner->in == ref->owner->want)
			return ref->text;
		if (!older)
			older = ref->text;
	}
	return older;
}

const char *item_desired(struct reconciler *rec, struct item *item)
{
	const char *text = item_wanted(item);
	bool shadowed = text && item->mirror;

	if (item->shadowed != shadowed) {
		item->shadowed = shadowed;
		rec->shadowed_count += shadowed ? 1 : -1;
	}
	if (!text && !item->aside)
		text = item->mirror;
	if (item->desired != (text != NULL)) {
		item->desired = text != NULL;
		rec->desired_count += item->desired ? 1 : -1;
	}
	if (!text && item->actual && item_kept(rec, item->type, item->key))
		return item->actual;
	if (!text && item->lost && leftover_of(rec, item) == LEFTOVER_HELD)
		return item->lost;
	return text;
}

bool item_same(const struct item *item, const char *text)
{
	if (!text || !item->actual)
		return !text && !item->actual;
	return text == item->actual || !strcmp(text, item->actual);
}

void item_is_in(struct item *item)
{
	item->going = item->again = item->early = item->out = false;
}

static void item_free(struct reconciler *rec, struct item *item)
{
	leave(rec, item);
	item_stick(rec, item, false);
	mirrored_unset(rec, item);
	needs_unlink(rec, item);
	leave(rec, item);
	rec->desired_count -= item->desired;
	rec->shadowed_count -= item->shadowed;
	rec->actual_count -= item->actual != NULL;
	rec->mirrored_count -= item->mirror != NULL;
	rec->item_count--;
	rec->lost_count -= item->lost != NULL;
	if (rec->near[item->type] == item)
		rec->near[item->type] = NULL;
	free(item->lost);
	RB_REMOVE(item_tree, &rec->items, item);
	if (item->mirror != item->actual)
		free(item->mirror);
	free(item->actual);
	free(item);
}

bool item_bare(const struct item *item)
{
	return !item->actual && !item->lost && !item->mirror && TAILQ_EMPTY(&item->refs) &&
	       LIST_EMPTY(&item->users) && TAILQ_EMPTY(&item->waiters);
}

void item_sweep(struct reconciler *rec, struct item *item)
{
	if (item_bare(item))
		item_free(rec, item);
}

bool item_on_port(const struct item *item)
{
	const struct ref *ref = TAILQ_FIRST(&item->refs);
	const char *text = item->actual ?: ref ? ref->text : item->mirror ?: "";

	return item_text_on_port(item->type, item->key, text);
}

bool item_text_on_port(enum object_type type, const char *key, const char *text)
{
	if (type == OBJECT_ROUTE)
		return !strncmp(key, "underlay ", 9);
	return strstr(text, "\"port\":") != NULL;
}

void items_free(struct reconciler *rec)
{
	struct item *item;

	/* first nobody names another */
	RB_FOREACH (item, item_tree, &rec->items) {
		mirrored_unset(rec, item);
		needs_unlink(rec, item);
	}
	while ((item = RB_MIN(item_tree, &rec->items)))
		item_free(rec, item);
}
