/* SPDX-License-Identifier: BSD-3-Clause */
/* What the dataplane holds beside what is known of it: the groups of intents with their revisions,
 * and the objects that no source claims; page by page, in slices of time, while calls go on. The
 * next page is asked for when this one is compared and gone, so that memory does not grow with what
 * the dataplane holds. What a call has changed since a resync began is left to the next one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "clock.h"
#include "reconciler.h"

#define PAGE_MOST 1000

static void on_page(const json_t *result, const json_t *error, void *arg);

static void page_free(struct reconciler *rec)
{
	json_decref(rec->page);
	json_decref(rec->cursor);
	rec->page = rec->cursor = NULL;
}

static void leftovers_free(struct reconciler *rec)
{
	while (rec->leftover_count)
		free(rec->leftovers[--rec->leftover_count].key);
}

void resync_free(struct reconciler *rec)
{
	page_free(rec);
	leftovers_free(rec);
	free(rec->leftovers);
}

void resync_lost(struct reconciler *rec)
{
	page_free(rec);
	rec->list = LIST_NONE;
	rec->resync_wanted = true;
}

/* ---- asking ---- */

static json_t *params_of(const struct reconciler *rec)
{
	enum object_type type = rec->list_type;
	bool learns = type == OBJECT_MAC || type == OBJECT_NEIGHBOR;
	json_t *match;

	if (rec->list != LIST_UNCLAIMED)
		return json_pack("{s:s, s:i, s:O*}", "source", "intent", "limit", PAGE_MOST,
			"cursor", rec->cursor);
	match = learns ? json_pack("{s:b}", "learned", 0) : NULL;
	return json_pack("{s:s, s:b, s:o*, s:O*}", "type", api_types[type].name, "unclaimed", 1,
		"match", match, "cursor", rec->cursor);
}

/* The page after rec->cursor, or the first. */
static void ask_page(struct reconciler *rec)
{
	json_t *params = params_of(rec);

	page_free(rec);
	if (dataplane_call(rec->dp, rec->list == LIST_UNCLAIMED ? "list" : "groups", params,
		    on_page, rec)) {
		resync_lost(rec);
		reconcile_pause(rec, PAUSE_MS);
	}
}

static void list_next(struct reconciler *rec)
{
	rec->list_stamp = ++rec->stamp;
	ask_page(rec);
}

void resync_begin(struct reconciler *rec)
{
	rec->resync_wanted = false;
	rec->beyond = false;
	rec->drift = 0;
	leftovers_free(rec);
	rec->list = LIST_INTENTS;
	rec->list_type = 0;
	list_next(rec);
}

static void on_page(const json_t *result, const json_t *error, void *arg)
{
	struct reconciler *rec = arg;

	if (result && rec->list != LIST_NONE) {
		rec->page = json_incref(json_object_get(
			result, rec->list == LIST_UNCLAIMED ? "objects" : "groups"));
		rec->cursor = json_incref(json_object_get(result, "cursor"));
		rec->compared = 0;
	} else {
		resync_lost(rec);
		if (error)
			reconcile_pause(rec, PAUSE_MS);
	}
	reconcile_work(rec);
}

/* ---- comparing ---- */

static void drifted(struct reconciler *rec, uint32_t objects)
{
	rec->drift += rec->known ? objects : 0;
}

static void compare_intent(struct reconciler *rec, const char *label, uint64_t revision)
{
	enum intent_type type;
	const char *name = label_name(label, &type);
	struct owner *owner = name ? owner_find(&rec->owners, type, name) : NULL;

	if (!name)
		return;
	if (!owner) { /* its intent is not there any more: the group goes */
		owner = owner_get(rec, type, name);
		owner->there = revision ?: REVISION_UNKNOWN;
		owner_go(rec, owner);
		drifted(rec, 1);
	}
	owner->seen = rec->list_stamp;
	if (owner->stamp > rec->list_stamp || owner->step == STEP_TRYING ||
		owner->there == revision)
		return;
	if (owner->there != REVISION_UNKNOWN && owner->there) {
		drifted(rec, form_size(owner->in ?: owner->want));
		owner_lost(rec, owner);
	}
	owner->there = revision ?: REVISION_UNKNOWN;
	if (owner->step == STEP_PENDING && owner->want->revision == revision)
		owner_settle(rec, owner);
	else if (owner->want) /* it has settled, with nothing here, before this was known */
		owner_pend(rec, owner);
}

static bool is_claimed_soon(struct reconciler *rec, enum object_type type, const char *key)
{
	const struct item *item = item_find(rec, type, key);

	return item && item->wanted;
}

/* An object that nobody claims goes, but for what is kept, and what an intent claims soon. What the
 * last look left is known already. */
static void compare_unclaimed(struct reconciler *rec, const json_t *listed)
{
	const struct api_type *type = &api_types[rec->list_type];
	char key[API_KEY_BYTES];
	struct leftover *leftover;

	if (!compile_listed_key(type, listed, key) || reconcile_kept(rec, type->type, key) ||
		is_claimed_soon(rec, type->type, key))
		return;
	if (rec->leftover_count >= rec->leftovers_most) {
		rec->beyond = true;
		return;
	}
	leftover = xarray_add(&rec->leftovers, &rec->leftover_room, &rec->leftover_count,
		sizeof(*rec->leftovers));
	*leftover = (struct leftover){type->type, xstrdup(key)};
	if (rec->enabled) /* else all stays as it is */
		drifted(rec, 1);
}

static void compare(struct reconciler *rec, const json_t *listed)
{
	const char *label = json_string_value(json_object_get(listed, "owner"));
	uint64_t revision = (uint64_t)json_integer_value(json_object_get(listed, "revision"));

	if (rec->list == LIST_UNCLAIMED)
		compare_unclaimed(rec, listed);
	else if (label)
		compare_intent(rec, label, revision);
}

/* ---- the ends of lists ---- */

static void missing_intents(struct reconciler *rec)
{
	struct owner *owner;

	RB_FOREACH (owner, owner_tree, &rec->owners) {
		if (!owner->there || owner->seen == rec->list_stamp || owner->step == STEP_TRYING ||
			owner->stamp > rec->list_stamp)
			continue;
		drifted(rec, form_size(owner->in ?: owner->want));
		owner_lost(rec, owner);
	}
}

/* What was refused is tried again: something may have changed that is not known here. */
static void finish(struct reconciler *rec)
{
	struct owner *owner, *next;

	rec->list = LIST_NONE;
	rec->doubt = rec->resync_wanted; /* one that began before the doubt does not count */
	rec->counters.resyncs++;
	rec->counters.drift_last = rec->drift;
	rec->counters.drift_total += rec->drift;
	rec->known = true;
	TAILQ_FOREACH_SAFE (owner, &rec->refused_owners, refused_link, next)
		owner_queue(rec, owner);
}

/* true: there is another list. */
static bool next_list(struct reconciler *rec)
{
	if (rec->list == LIST_UNCLAIMED)
		return ++rec->list_type < OBJECT_TYPES;
	missing_intents(rec);
	rec->list = LIST_UNCLAIMED;
	return true;
}

bool resync_compare(struct reconciler *rec, uint64_t until_us)
{
	size_t count = json_array_size(rec->page);

	while (rec->compared < count) {
		compare(rec, json_array_get(rec->page, rec->compared++));
		if (clock_mono_us() > until_us)
			return true;
	}
	if (rec->cursor) {
		ask_page(rec);
		return false;
	}
	page_free(rec);
	if (next_list(rec))
		list_next(rec);
	else
		finish(rec);
	return rec->list == LIST_NONE;
}

/* ---- what is nobody's ---- */

static void say_leftovers(struct reconciler *rec)
{
	char op[API_KEY_BYTES + 128];

	text_say(&rec->text, "{\"ops\":[");
	for (uint32_t i = 0; i < rec->leftover_count; i++) {
		snprintf(op, sizeof(op),
			"%s{\"op\":\"delete\",\"type\":\"%s\",\"missing_ok\":true,\"keys\":[\"%s\"]"
			"}",
			i ? "," : "", api_types[rec->leftovers[i].type].name,
			rec->leftovers[i].key);
		text_say(&rec->text, op);
	}
	text_say(&rec->text, "]}");
}

/* Intents may have come since the look. */
static void drop_claimed(struct reconciler *rec)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < rec->leftover_count; i++) {
		struct leftover leftover = rec->leftovers[i];

		if (is_claimed_soon(rec, leftover.type, leftover.key))
			free(leftover.key);
		else
			rec->leftovers[kept++] = leftover;
	}
	rec->leftover_count = kept;
}

bool leftovers_call(struct reconciler *rec)
{
	if (rec->list != LIST_NONE)
		return false;
	drop_claimed(rec);
	if (rec->leftover_count)
		say_leftovers(rec);
	return rec->leftover_count > 0;
}

/* One that somebody still uses, which the error names, stays until the next look. */
void leftovers_called(struct reconciler *rec, const json_t *error)
{
	const char *path =
		json_string_value(json_object_get(json_object_get(error, "data"), "path"));
	unsigned at;

	rec->counters.transactions++;
	rec->counters.transactions_refused += error != NULL;
	if (!path || sscanf(path, "ops[%u]", &at) != 1 || at >= rec->leftover_count) {
		leftovers_free(rec);
		return;
	}
	free(rec->leftovers[at].key);
	memmove(&rec->leftovers[at], &rec->leftovers[at + 1],
		(--rec->leftover_count - at) * sizeof(*rec->leftovers));
}
