/* SPDX-License-Identifier: BSD-3-Clause */
/* Who is to blame for a transaction that the dataplane refused. Its error names the object; the
 * intents that want it so are refused, or what changes is deleted and put anew first
 * (replace.c). When it names nothing, halves are tried. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler.h"

#define REFUSALS_HALVE 4  /* so many in a row, and the try is halved: the others shall not wait */
#define HALVE_LEAST    16 /* intents */
#define REFUSALS_PAUSE 64 /* so many, and the dataplane gets a rest */
#define REST_MS	       50

struct item *round_named(struct reconciler *rec, const json_t *error, bool *put)
{
	const char *path =
		json_string_value(json_object_get(json_object_get(error, "data"), "path"));
	unsigned op, at;

	if (!path)
		return NULL;
	if (sscanf(path, "ops[%u].objects[%u]", &op, &at) != 2 &&
		sscanf(path, "ops[%u].keys[%u]", &op, &at) != 2)
		return NULL;
	if (op >= rec->ops || at >= rec->op[op].count)
		return NULL;
	*put = rec->op[op].put;
	return rec->op[op].item[at];
}

/* One that wants the item as it was put (text), or, when it is to be deleted (NULL), one that is
 * about to give it up. NULL: nobody. */
static struct owner *guilty(const struct item *item, const char *text)
{
	const struct ref *ref;

	TAILQ_FOREACH (ref, &item->refs, link) {
		const struct owner *owner = ref->owner;

		if (text ? ref->set == owner->in && !strcmp(ref->text, text)
			 : owner->trying && ref->set != owner->in)
			return ref->owner;
	}
	return NULL;
}

void round_reason(enum object_type type, const char *key, const char *message, char *reason)
{
	char name[112];
	int len = snprintf(name, sizeof(name), "%s %.80s: ", api_types[type].name, key);

	/* some messages name the object themselves */
	snprintf(reason, ROUND_REASON, "%s%.150s", strncmp(message, name, (size_t)len) ? name : "",
		message);
}

/* A refused one goes on as before, and is asked no more than once again if that is the same. */
static void blame(struct reconciler *rec, struct item *item, bool put, const char *message)
{
	const char *desired = item_desired(rec, item);
	char *text = put && desired ? strdup(desired) : NULL;
	struct owner *owner = put && !text ? NULL : guilty(item, text);
	char reason[ROUND_REASON];

	round_reason(item->type, item->key, message, reason);
	if (!owner)
		item_stick(rec, item, true);
	for (; owner; owner = guilty(item, text))
		owner_refuse(rec, owner, reason);
	free(text);
}

/* The mirror's: holds up nobody. */
static bool blame_mirror(struct reconciler *rec, struct item *item, bool put, const char *message)
{
	if (!item->mirrored || item_wanted(item) || (!put && !TAILQ_EMPTY(&item->refs)))
		return false;
	mirrored_refuse(rec, item, put ? ASIDE_REFUSED : ASIDE_LEFT, message);
	return true;
}

/* No object is named. */
static void search(struct reconciler *rec, const char *message)
{
	struct item *item;

	if (rec->trying_count > 1) {
		round_halve(rec);
		return;
	}
	if (rec->trying_count == 1) {
		owner_refuse(rec, TAILQ_FIRST(&rec->trying), message);
		return;
	}
	while ((item = TAILQ_FIRST(&rec->list[LIST_DIRTY])))
		item_stick(rec, item, true);
}

void round_refused(struct reconciler *rec, const json_t *error)
{
	const char *message = json_string_value(json_object_get(error, "message")) ?: "refused";
	bool put = false;
	struct item *item = round_named(rec, error, &put);

	if (rec->portion) {
		portion_refused(rec, error);
		return;
	}
	rec->refusals++;
	rec->tear = false;
	if (item && (blame_mirror(rec, item, put, message) || way_give(rec, item, put, error)))
		return;
	if (replace_doubts(rec, error)) {
		round_lost(rec);
		return;
	}
	if (!item)
		search(rec, message);
	else if (!replace_add(rec, item, put, error))
		blame(rec, item, put, message);
	if (rec->refusals % REFUSALS_HALVE == 0 && rec->trying_count > HALVE_LEAST)
		round_halve(rec);
	if (rec->refusals < REFUSALS_PAUSE)
		return;
	rec->refusals = 0;
	round_lost(rec);
	reconcile_pause(rec, REST_MS);
}
