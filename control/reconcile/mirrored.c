/* SPDX-License-Identifier: BSD-3-Clause */
/* What the kernel says, by control/mirror: which objects are wanted for it, and which of them
 * are set aside, refused or in wait for others (reconcile.h). Owns the list of the refused, and
 * what was said of items that were out. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler.h"

bool mirrored_type(enum object_type type)
{
	return type == OBJECT_ADDRESS || type == OBJECT_NEIGHBOR || type == OBJECT_ROUTE ||
	       type == OBJECT_MAC || type == OBJECT_MEMBER || type == OBJECT_TUNNEL;
}

/* A neighbour that goes is nobody's need, and may be in the way of one that comes. */
enum item_list mirrored_list(struct reconciler *rec, struct item *item)
{
	if (!item->mirrored || !TAILQ_EMPTY(&item->refs))
		return LIST_DIRTY;
	if (item->type == OBJECT_ROUTE || item->type == OBJECT_MAC)
		return LIST_BULK;
	return item->type == OBJECT_NEIGHBOR || item_desired(rec, item) ? LIST_FIRST : LIST_LAST;
}

/* ---- aside ---- */

static struct item_queue *queue_of(struct reconciler *rec, struct item *item)
{
	return item->awaits ? &item->awaits->waiters : &rec->refused;
}

void mirrored_unset(struct reconciler *rec, struct item *item)
{
	struct item *on = item->awaits;

	way_cleared(rec, item);
	if (!item->aside)
		return;
	if (item->aside != ASIDE_YIELDED)
		TAILQ_REMOVE(queue_of(rec, item), item, aside_link);
	rec->waiting_count -= item->aside == ASIDE_WAITS;
	rec->aside_refused_count -= item->aside == ASIDE_REFUSED || item->aside == ASIDE_LEFT;
	item->aside = ASIDE_NO;
	item->awaits = NULL;
	free(item->reason);
	item->reason = NULL;
	if (on && item_bare(on) && !on->aside)
		item_mark(rec, on); /* swept when it is looked at */
}

static void set_aside(struct reconciler *rec, struct item *item, enum item_aside aside,
	struct item *on, const char *reason)
{
	char *copy = reason ? strdup(reason) : NULL; /* without memory it has none to tell */

	mirrored_unset(rec, item);
	item->aside = aside;
	item->awaits = on;
	item->reason = copy;
	if (aside != ASIDE_YIELDED)
		TAILQ_INSERT_TAIL(queue_of(rec, item), item, aside_link);
	rec->waiting_count += aside == ASIDE_WAITS;
	rec->aside_refused_count += aside == ASIDE_REFUSED || aside == ASIDE_LEFT;
	item->replace = false;
	if (aside == ASIDE_LEFT || aside == ASIDE_YIELDED)
		item_clean(rec, item);
	else
		item_mark(rec, item);
}

void mirrored_refuse(
	struct reconciler *rec, struct item *item, enum item_aside aside, const char *reason)
{
	set_aside(rec, item, aside, NULL, reason);
}

void mirrored_wait(struct reconciler *rec, struct item *item, struct item *on, const char *reason)
{
	set_aside(rec, item, ASIDE_WAITS, on, reason);
}

void mirrored_wake(struct reconciler *rec, struct item *item)
{
	struct item *waiter;

	while ((waiter = TAILQ_FIRST(&item->waiters))) {
		mirrored_unset(rec, waiter);
		item_mark(rec, waiter);
	}
}

void mirrored_again(struct reconciler *rec, struct item *item)
{
	mirrored_unset(rec, item);
	item_mark(rec, item);
}

void mirrored_retry(struct reconciler *rec, uint32_t most)
{
	struct item *item;

	while (most-- && (item = TAILQ_FIRST(&rec->refused))) {
		mirrored_again(rec, item);
		rec->retrying = true;
	}
}

bool mirrored_unclaimed(const struct reconciler *rec, const struct item *item)
{
	return !rec->mirror_ready && item->strange && !item->replace && mirrored_type(item->type);
}

/* ---- what the mirror says ---- */

static int keep_for_later(
	struct reconciler *rec, enum object_type type, const char *key, const char *text)
{
	struct late *late = malloc(sizeof(*late) + strlen(key) + 1);

	if (!late)
		return -ENOMEM;
	late->type = type;
	late->text = text ? strdup(text) : NULL;
	if (text && !late->text) {
		free(late);
		return -ENOMEM;
	}
	strcpy(late->key, key);
	TAILQ_INSERT_TAIL(&rec->late, late, link);
	return 0;
}

static int say(struct reconciler *rec, enum object_type type, const char *key, const char *text)
{
	struct item *item = item_get(rec, type, key, text != NULL);

	if (!item)
		return text ? -ENOMEM : 0;
	if (text ? item->mirror && !strcmp(item->mirror, text) : !item->mirror)
		return 0;
	if (item_say(rec, item, text)) {
		item_sweep(rec, item);
		return -ENOMEM;
	}
	item->mirrored = true;
	mirrored_again(rec, item);
	return 0;
}

int reconciler_mirror(
	struct reconciler *rec, enum object_type type, const char *key, const char *text)
{
	const struct item *item;
	int err;

	if (!mirrored_type(type) || strlen(key) >= API_KEY_BYTES)
		return -EINVAL;
	item = rec->applying ? item_get(rec, type, key, false) : NULL;
	if ((item && item->out) || !TAILQ_EMPTY(&rec->late))
		return keep_for_later(rec, type, key, text);
	err = say(rec, type, key, text);
	if (!err)
		reconcile_work(rec);
	return err;
}

void mirrored_late(struct reconciler *rec)
{
	struct late *late;

	while ((late = TAILQ_FIRST(&rec->late))) {
		if (say(rec, late->type, late->key, late->text)) {
			reconcile_pause(rec, PAUSE_MS);
			return;
		}
		TAILQ_REMOVE(&rec->late, late, link);
		free(late->text);
		free(late);
	}
}

void mirrored_late_free(struct reconciler *rec)
{
	struct late *late;

	while ((late = TAILQ_FIRST(&rec->late))) {
		TAILQ_REMOVE(&rec->late, late, link);
		free(late->text);
		free(late);
	}
}

void reconciler_mirror_ready(struct reconciler *rec, bool ready)
{
	struct item *item;

	if (rec->mirror_ready == ready)
		return;
	rec->mirror_ready = ready;
	RB_FOREACH (item, item_tree, &rec->items) {
		if (!ready || !item->actual || !item->strange || item->dirty || item->held ||
			item->stuck || !mirrored_type(item->type) || item_desired(rec, item))
			continue;
		item->mirrored = true;
		item_mark(rec, item);
	}
	reconcile_work(rec);
}

/* ---- for people ---- */

static const char *reason_of(struct reconciler *rec, const struct item *item)
{
	if (item->reason || !item->awaits)
		return item->reason ?: "it was refused";
	snprintf(rec->aside_text, sizeof(rec->aside_text), "waits for %s %s",
		api_types[item->awaits->type].name, item->awaits->key);
	return rec->aside_text;
}

const char *reconciler_mirror_reason(struct reconciler *rec, enum object_type type, const char *key)
{
	const struct item *item = item_get(rec, type, key, false);

	if (!item || !item->aside || item->aside == ASIDE_YIELDED)
		return NULL;
	return reason_of(rec, item);
}

void reconciler_mirror_refused(struct reconciler *rec,
	void (*each)(enum object_type type, const char *key, const char *reason, void *arg),
	void *arg)
{
	struct item *item;

	if (!rec->aside_refused_count && !rec->waiting_count)
		return;
	RB_FOREACH (item, item_tree, &rec->items)
		if (item->aside && item->aside != ASIDE_YIELDED)
			each(item->type, item->key, reason_of(rec, item), arg);
}
