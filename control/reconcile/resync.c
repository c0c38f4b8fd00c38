/* SPDX-License-Identifier: BSD-3-Clause */
/* What the dataplane lists beside what is known of it: type by type, in slices of time, while
 * transactions go on. What a transaction has changed since a resync began is left to the next one.
 * Called by reconcile.c's loop. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler.h"

#define SLICE_US    10000
#define ASKING_MOST 4096
#define RETRY_MOST  1024 /* refused objects of the mirror */

static void on_list(const json_t *result, const json_t *error, void *arg);

void resync_lost(struct reconciler *rec)
{
	json_decref(rec->listed);
	rec->listed = NULL;
	rec->listing = false;
	rec->resync_wanted = true;
}

static void list_type(struct reconciler *rec)
{
	enum object_type type = rec->list_type;
	bool learns = type == OBJECT_MAC || type == OBJECT_NEIGHBOR;

	rec->list_stamp = ++rec->stamp;
	rec->missing_from[0] = '\0';
	if (dataplane_list_match(rec->dp, api_types[type].name,
		    learns ? json_pack("{s:b}", "learned", 0) : NULL, on_list, rec)) {
		resync_lost(rec);
		reconcile_pause(rec, PAUSE_MS);
		return;
	}
	rec->calls++;
}

void resync_begin(struct reconciler *rec)
{
	rec->resync_wanted = false;
	rec->listing = true;
	rec->drift = 0;
	rec->list_type = 0;
	list_type(rec);
}

static void on_list(const json_t *result, const json_t *error, void *arg)
{
	struct reconciler *rec = arg;

	if (!reconcile_answered(rec))
		return;
	if (result) {
		rec->listed = json_incref(json_object_get(result, "objects"));
		rec->compared = 0;
	} else {
		resync_lost(rec);
		if (error)
			reconcile_pause(rec, PAUSE_MS);
	}
	reconcile_work(rec);
}

/* ---- comparing ---- */

static void found(struct reconciler *rec, struct item *item, const char *text, bool old)
{
	if (rec->known && item->mirror && !item_wanted(item))
		rec->counters.mirrored_drift_total++;
	if (rec->known && !rec->drift++)
		snprintf(rec->drift_first, sizeof(rec->drift_first), "%s %s",
			api_types[item->type].name, item->key);
	if (item_is(rec, item, text))
		rec->resync_wanted = true;
	item->old = old;
	item->strange = text != NULL;
	item_mark(rec, item);
	rec->loose = true;
}

static void compare(struct reconciler *rec, const json_t *listed)
{
	const struct api_type *type = &api_types[rec->list_type];
	char key[API_KEY_BYTES], *text = NULL;
	struct item *item;

	if (compile_canonical(type, listed, key, &text))
		return;
	item = item_get(rec, type->type, key, true);
	if (item) {
		item->seen = rec->list_stamp;
		if (item->stamp <= rec->list_stamp && (!item->actual || strcmp(item->actual, text)))
			found(rec, item, text, !rec->counters.resyncs);
	}
	free(text);
}

/* ---- a MAC of the mirror that is missing: has the dataplane learned it elsewhere? ---- */

struct question {
	struct reconciler *rec;
	uint64_t stamp;
	char key[];
};

static void on_mac(const json_t *result, const json_t *error, void *arg)
{
	struct question *question = arg;
	struct reconciler *rec = question->rec;
	struct item *item;

	if (!reconcile_answered(rec)) {
		free(question);
		return;
	}
	item = item_get(rec, OBJECT_MAC, question->key, false);
	rec->asking--;
	if (!item || item->stamp > question->stamp || !item->actual || (!result && !error)) {
		free(question);
		return;
	}
	if (json_is_true(json_object_get(result, "learned"))) {
		item_is(rec, item, NULL);
		if (item->mirror)
			mirrored_refuse(rec, item, ASIDE_YIELDED, NULL);
	} else if (error) {
		found(rec, item, NULL, false);
	}
	free(question);
	reconcile_work(rec);
}

/* The answer comes before that of the next list. Without memory, or where there are too many, the
 * next resync asks. */
static void ask(struct reconciler *rec, const struct item *item)
{
	struct question *question;

	if (rec->asking >= ASKING_MOST)
		return;
	question = malloc(sizeof(*question) + strlen(item->key) + 1);
	if (!question)
		return;
	question->rec = rec;
	question->stamp = rec->list_stamp;
	strcpy(question->key, item->key);
	if (dataplane_call(rec->dp, "get", json_pack("{s:s, s:s}", "type", "mac", "key", item->key),
		    on_mac, question)) {
		free(question);
		return;
	}
	rec->calls++;
	rec->asking++;
}

static void missing(struct reconciler *rec, struct item *item)
{
	if (!item->actual || item->seen == rec->list_stamp || item->stamp > rec->list_stamp)
		return;
	if (item->type == OBJECT_MAC && item->mirror && !item_wanted(item))
		ask(rec, item);
	else
		found(rec, item, NULL, false);
}

/* true: there is more. */
static bool compare_missing(struct reconciler *rec, uint64_t until)
{
	struct item *item = item_from(rec, rec->list_type, rec->missing_from);

	for (; item && item->type == rec->list_type; item = RB_NEXT(item_tree, &rec->items, item)) {
		missing(rec, item);
		if (work_now_us() <= until)
			continue;
		strcpy(rec->missing_from, item->key); /* once more: that does no harm */
		return true;
	}
	return false;
}

/* What was refused is tried again: something may have changed that is not known here. Not so what
 * would take a working port down for it each time. */
static void finish(struct reconciler *rec)
{
	struct owner *owner;

	rec->listing = false;
	rec->doubt = rec->resync_wanted; /* one that began before the doubt does not count */
	rec->known = true;
	rec->counters.resyncs++;
	reconcile_looked(rec);
	rec->counters.drift_last = rec->drift;
	rec->counters.drift_total += rec->drift;
	RB_FOREACH (owner, owner_tree, &rec->owners)
		if (owner->state == INTENT_REFUSED && !owner->torn)
			owner_queue(rec, owner);
	rec->loose |= rec->stuck_count > 0;
	items_unstick(rec);
	mirrored_retry(rec, RETRY_MOST);
	if (rec->drift && rec->on_drift)
		rec->on_drift(rec->drift, rec->drift_first, rec->on_drift_arg);
}

bool resync_compare(struct reconciler *rec)
{
	uint64_t until = work_now_us() + SLICE_US;
	size_t count = json_array_size(rec->listed);

	while (rec->compared < count) {
		compare(rec, json_array_get(rec->listed, rec->compared));
		json_array_set_new(rec->listed, rec->compared++, json_null());
		if (work_now_us() > until)
			return true;
	}
	if (compare_missing(rec, until))
		return true;
	json_decref(rec->listed);
	rec->listed = NULL;
	if (++rec->list_type == OBJECT_TYPES)
		finish(rec);
	else
		list_type(rec);
	return !rec->listing;
}
