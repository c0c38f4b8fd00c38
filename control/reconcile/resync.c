/* SPDX-License-Identifier: BSD-3-Clause */
/* What the dataplane lists beside what is known of it: type by type and page by page, in slices
 * of time, while transactions go on. The next page is asked for when this one is compared and
 * gone, so that memory does not grow with what the dataplane holds. What a transaction has
 * changed since a resync began is left to the next one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "reconciler.h"

#define ASKING_MOST 4096
#define RETRY_MOST  1024 /* refused objects of the mirror */

static void on_page(const json_t *result, const json_t *error, void *arg);

void resync_page_free(struct reconciler *rec)
{
	json_decref(rec->page);
	json_decref(rec->cursor);
	rec->page = rec->cursor = NULL;
}

void resync_lost(struct reconciler *rec)
{
	resync_page_free(rec);
	rec->listing = false;
	rec->resync_wanted = true;
}

/* The page after rec->cursor, or the first. */
static void ask_page(struct reconciler *rec)
{
	enum object_type type = rec->list_type;
	bool learns = type == OBJECT_MAC || type == OBJECT_NEIGHBOR;
	json_t *match = learns ? json_pack("{s:b}", "learned", 0) : NULL;
	json_t *params = json_pack("{s:s, s:o*, s:O*}", "type", api_types[type].name, "match",
		match, "cursor", rec->cursor);

	resync_page_free(rec);
	if (!params || dataplane_call(rec->dp, "list", params, on_page, rec)) {
		resync_lost(rec);
		reconcile_pause(rec, PAUSE_MS);
		return;
	}
	rec->calls++;
}

static void list_type(struct reconciler *rec)
{
	rec->list_stamp = ++rec->stamp;
	rec->missing_from[0] = '\0';
	ask_page(rec);
}

void resync_begin(struct reconciler *rec)
{
	rec->resync_wanted = false;
	rec->listing = true;
	rec->leftovers = 0;
	rec->drift = 0;
	rec->list_type = 0;
	list_type(rec);
}

static void on_page(const json_t *result, const json_t *error, void *arg)
{
	struct reconciler *rec = arg;

	if (!reconcile_answered(rec))
		return;
	if (result) {
		rec->page = json_incref(json_object_get(result, "objects"));
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
	/* else each round until then would look at all that an intent will want */
	if (!item_wanted(item) && !item->mirror && item_awaited(item))
		item_move(rec, item, LIST_AWAITED, false);
	else
		rec->loose = true;
}

/* The item that is listed; NULL: there is no memory for it, or it is a leftover beyond those that
 * are remembered at once: they are taken away first, and then the next resync finds more. What the
 * mirror may still claim is none. */
static struct item *item_of(struct reconciler *rec, enum object_type type, const char *key)
{
	struct item *item = item_get(rec, type, key, false);
	bool unclaimed = !rec->mirror_ready && mirrored_type(type);

	if (item || unclaimed)
		return item ? item : item_get(rec, type, key, true);
	if (rec->leftovers++ >= rec->leftovers_most)
		return NULL;
	return item_get(rec, type, key, true);
}

static void compare(struct reconciler *rec, const json_t *listed)
{
	const struct api_type *type = &api_types[rec->list_type];
	char key[API_KEY_BYTES], *text = NULL;
	struct item *item;

	if (compile_canonical(type, listed, key, &text))
		return;
	item = item_of(rec, type->type, key);
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
		if (clock_mono_us() <= until)
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
	rec->beyond = rec->leftovers > rec->leftovers_most;
	rec->doubt = rec->resync_wanted; /* one that began before the doubt does not count */
	rec->known = true;
	rec->counters.resyncs++;
	reconcile_looked(rec);
	rec->counters.drift_last = rec->drift;
	rec->counters.drift_total += rec->drift;
	TAILQ_FOREACH (owner, &rec->refused_owners, refused_link)
		if (!owner->torn)
			owner_queue(rec, owner);
	rec->loose |= rec->stuck_count > 0;
	items_unstick(rec);
	mirrored_retry(rec, RETRY_MOST);
	if (rec->drift && rec->on_drift)
		rec->on_drift(rec->drift, rec->drift_first, rec->on_drift_arg);
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
	if (compare_missing(rec, until_us))
		return true;
	resync_page_free(rec);
	if (++rec->list_type == OBJECT_TYPES)
		finish(rec);
	else
		list_type(rec);
	return !rec->listing;
}
