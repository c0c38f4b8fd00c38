/* SPDX-License-Identifier: BSD-3-Clause */
/* Which objects a change of groups puts and deletes (sync.h). Owns the entries and ops of a pass.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "budget.h"
#include "nouns.h"
#include "sync.h"

static uint32_t visit; /* of the last pass, never 0 */

bool sync_claim_next(const struct claim *claim)
{
	const struct stage *stage = claim->group->stage;
	bool changes = stage && !stage->is_refused && !stage->is_held;

	return claim->staged == changes && !claim->lost;
}

static bool is_in_force(const struct claim *claim)
{
	return !claim->staged && !claim->shadow;
}

/* ---- which claim is in force ---- */

/* Of the same source: those that are not part of this change have their way, but for a group whose
 * source has said that it is out of date; then the one that was named first. */
static bool goes_before(const struct claim *a, const struct claim *b)
{
	const struct source_group *left = a->group, *right = b->group;

	if (a->staged != b->staged)
		return a->staged ? right->is_stale : !left->is_stale;
	return a->staged && left->stage->index < right->stage->index;
}

/* The claims to an object, looked at once: a tunnel may have those of all slices. */
struct look {
	struct claim *best[SOURCES]; /* of those that would be left */
	bool differ[SOURCES];	     /* not all of the source say the same */
	const struct claim *in_force;
};

static void look_at(struct look *look, struct claim *claim)
{
	*look = (struct look){0};
	for (; claim; claim = claim_other(claim)) {
		struct claim **best = &look->best[claim->group->source];

		if (!look->in_force && is_in_force(claim))
			look->in_force = claim;
		if (!sync_claim_next(claim))
			continue;
		look->differ[claim->group->source] |= *best && (*best)->digest != claim->digest;
		if (!*best || goes_before(claim, *best))
			*best = claim;
	}
}

static struct claim *strongest(const struct look *look)
{
	int source = SOURCES - 1;

	while (source > 0 && !look->best[source])
		source--;
	return look->best[source];
}

/* Those of the same source that want it otherwise are refused, as long as that group is not refused
 * itself. true: some were. */
static bool refuse_rivals(struct claim *claim, const struct claim *best)
{
	const struct source_group *first = best->group;
	struct rpc_error err = {0};
	bool any = false;

	for (; claim; claim = claim_other(claim)) {
		if (claim == best || !claim->staged || !sync_claim_next(claim) ||
			claim->group->source != first->source || claim->digest == best->digest)
			continue;
		rpc_fail(&err, RPC_ERR_CONFLICT, "%s %.100s: %.60s wants it otherwise",
			api_types[claim->type].name, claim->key, first->owner);
		snprintf(err.with, sizeof(err.with), "%.159s", first->owner);
		sync_refuse(claim->group->stage, &err);
		claim->group->stage->rival = best->staged ? first->stage : NULL;
		any = true;
	}
	return any;
}

/* Whoever was refused for the sake of a group that has been refused since is tried again. This
 * ends: a group is only refused for one that goes before it. */
static void lift_refusals(struct sync *sync)
{
	for (uint32_t i = 0; i < sync->stage_count; i++) {
		struct stage *stage = sync->stages[i];

		if (!stage->rival || !stage->rival->is_refused)
			continue;
		json_decref(stage->error);
		stage->error = NULL;
		stage->rival = NULL;
		stage->is_refused = false;
	}
}

/* A stronger source hides what it says: nobody else would read it before that one goes. true: some
 * were refused. */
static bool refuse_unreadable(struct claim *claim, const struct claim *best)
{
	union api_object data;
	bool any = false;

	for (; claim; claim = claim_other(claim)) {
		struct rpc_error err = {0};

		if (!claim->staged || !sync_claim_next(claim) ||
			claim->group->source == best->group->source ||
			api_decode(&api_types[claim->type], claim->says, "", &data, &err) == 0)
			continue;
		rpc_error_prefix(&err, "objects.%s", api_types[claim->type].name);
		sync_refuse(claim->group->stage, &err);
		any = true;
	}
	return any;
}

/* ---- what becomes of an object ---- */

/* What a weaker source has said, or was put by hand, is kept, to be put again when this claim
 * goes. */
static int plan_put(struct entry *entry, const struct claim *now)
{
	const struct claim *best = entry->best;

	if (!now || now->group->source < best->group->source)
		entry->was = noun_plain(&api_types[best->type], best->key);
	if (now && now->digest == best->digest && !now->renews)
		return 0;
	if (best->staged)
		entry->says = json_incref((json_t *)best->says);
	else if (best->shadow)
		entry->says = json_loads(best->shadow, 0, NULL);
	else
		entry->says = noun_plain(&api_types[best->type], best->key);
	/* a shadow without text: it could not be read, or there was no memory for it, when it was
	 * hidden */
	entry->is_unknown = !best->staged && best->shadow && !*best->shadow;
	return entry->says || entry->is_unknown ? 0 : -ENOMEM;
}

static int op_add(struct sync *sync, const struct entry *entry, bool put, json_t *json)
{
	struct sync_ops *ops = &sync->ops[put][entry->claim->type];

	if (!ops->list && !(ops->list = json_array()))
		return -ENOMEM;
	if (!array_grow(&ops->entries, &ops->room, ops->count, sizeof(*ops->entries)) ||
		json_array_append(ops->list, json))
		return -ENOMEM;
	ops->entries[ops->count++] = (uint32_t)(entry - sync->entries);
	return 0;
}

static int entry_add(struct sync *sync, struct claim *claim, const struct look *look)
{
	const struct claim *now = look->in_force;
	struct entry *entry;
	json_t *key;
	int err = 0;

	if (!array_grow(
		    &sync->entries, &sync->entry_room, sync->entry_count, sizeof(*sync->entries)))
		return -ENOMEM;
	entry = &sync->entries[sync->entry_count++];
	*entry = (struct entry){
		.claim = claim, .best = strongest(look), .was_in_force = now != NULL};
	if (entry->best)
		err = plan_put(entry, now);
	if (!err && entry->says)
		err = op_add(sync, entry, true, entry->says);
	if (err || !now || (entry->best && !now->renews && !entry->is_unknown))
		return err;
	key = json_string(claim->key);
	err = key ? op_add(sync, entry, false, key) : -ENOMEM;
	json_decref(key);
	return err;
}

/* Each object once. */
static int plan_claim(struct sync *sync, struct claim *claim, bool *again)
{
	struct claim *first = claims_of(claim->type, claim->key), *one;
	struct look look;

	if (claim->visit == visit)
		return 0;
	for (one = first; one; one = claim_other(one)) {
		one->visit = visit;
		one->entry = sync->entry_count;
	}
	/* also of those that are hidden: they share the object when it is uncovered */
	look_at(&look, first);
	for (int source = 0; source < SOURCES; source++)
		if (look.differ[source] && refuse_rivals(first, look.best[source]))
			*again = true;
	if (strongest(&look) && refuse_unreadable(first, strongest(&look)))
		*again = true;
	return *again ? 0 : entry_add(sync, claim, &look);
}

static int plan_claims(struct sync *sync, struct claim *claim, bool *again)
{
	int err = 0;

	for (; claim && !err; claim = claim->group_next)
		err = plan_claim(sync, claim, again);
	return err;
}

void sync_plan_free(struct sync *sync)
{
	for (uint32_t i = 0; i < sync->entry_count; i++) {
		json_decref(sync->entries[i].says);
		json_decref(sync->entries[i].was);
	}
	sync->entry_count = 0;
	for (int put = 0; put < 2; put++)
		for (int type = 0; type < OBJECT_TYPES; type++) {
			struct sync_ops *ops = &sync->ops[put][type];

			json_decref(ops->list);
			free(ops->entries);
			*ops = (struct sync_ops){0};
		}
	sync->op_count = 0;
	for (uint32_t i = 0; i < sync->refusal_count; i++)
		json_decref(sync->refusals[i].error);
	sync->refusal_count = 0;
}

/* From the front again when a group was refused on the way: it may have been in the way of others
 * that were planned before. */
int sync_plan(struct sync *sync)
{
	bool again;
	int err = 0;

	do {
		again = false;
		sync_plan_free(sync);
		lift_refusals(sync);
		visit += visit == UINT32_MAX ? 2 : 1;
		for (uint32_t i = 0; i < sync->stage_count && !err; i++) {
			const struct stage *stage = sync->stages[i];

			if (stage->is_refused || stage->is_held)
				continue;
			err = plan_claims(sync, stage->group->claims, &again)
				      ?: plan_claims(sync, stage->group->next, &again);
		}
		for (uint32_t i = 0; i < sync->renewed_count && !err; i++)
			err = plan_claim(sync, sync->renewed[i], &again);
	} while (again && !err);
	return err;
}

/* ---- the end ---- */

static char *text_of(const json_t *json)
{
	return json ? json_dumps(json, JSON_COMPACT) : NULL;
}

/* What was put by hand, and is now hidden by a claim, is one of the weakest source. */
static void keep_static(const struct entry *entry)
{
	struct source_group *group = source_group_make(SOURCE_STATIC, "");
	char *text = text_of(entry->was), *copy = text ? strdup(text) : NULL;

	/* without memory it is forgotten */
	if (!group || !copy ||
		claim_add_shadow(group, entry->claim->type, entry->claim->key, copy,
			claim_digest(entry->was)))
		free(copy);
	budget_free_text(text, 0, NULL);
}

static void settle_claim(struct claim *claim, const struct entry *entry)
{
	char *text;

	if (claim->group->source == entry->best->group->source) {
		/* what its source said is not what is there: it is told so by the revision */
		if (!claim->staged && claim->digest != entry->best->digest)
			claim->group->revision = 0;
		claim_settle(claim, NULL);
		claim->digest = entry->best->digest;
		if (entry->is_unknown) /* its source's next word is put, whatever it says */
			claim->digest = claim->group->revision = 0;
		return;
	}
	if (!claim->staged && claim->shadow)
		return;
	text = text_of(claim->staged ? claim->says : entry->was);
	claim_settle(claim, text ? text : "");
	budget_free_text(text, 0, NULL);
}

static void settle_entry(const struct entry *entry)
{
	struct claim *claim = claims_of(entry->claim->type, entry->claim->key), *next;
	bool is_in_force = entry->best && entry->best->group->source != SOURCE_STATIC;

	claims_count(entry->claim->type, is_in_force - entry->was_in_force);
	if (!entry->best)
		return;
	if (!is_in_force) { /* as if it had just been put by hand */
		claim_drop(entry->best);
		return;
	}
	if (entry->was && !entry->was_in_force)
		keep_static(entry);
	for (; claim; claim = next) {
		next = claim_other(claim);
		if (sync_claim_next(claim))
			settle_claim(claim, entry);
	}
}

void sync_settle(struct sync *sync)
{
	for (uint32_t i = 0; i < sync->entry_count; i++)
		settle_entry(&sync->entries[i]);
	while (sync->lost_count)
		claim_drop(sync->lost[--sync->lost_count]);
	for (uint32_t i = 0; i < sync->stage_count; i++)
		if (!sync->stages[i]->is_refused && !sync->stages[i]->is_held)
			claims_commit(sync->stages[i]->group);
}

void sync_renewed(struct sync *sync)
{
	while (sync->renewed_count)
		sync->renewed[--sync->renewed_count]->renews = false;
}

void sync_lost_clear(struct sync *sync)
{
	while (sync->lost_count)
		sync->lost[--sync->lost_count]->lost = false;
}

bool sync_is_planned(const struct claim *claim)
{
	return claim->visit == visit;
}
