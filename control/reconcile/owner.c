/* SPDX-License-Identifier: BSD-3-Clause */
/* Intents as they were compiled: what they want, what of it is in force, and their state for people
 * (reconciler.h). Owns the owners and their forms. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "clock.h"
#include "reconciler.h"

int owner_cmp(const struct owner *a, const struct owner *b)
{
	if (a->type != b->type)
		return a->type < b->type ? -1 : 1;
	return strcmp(a->name, b->name);
}

RB_GENERATE(owner_tree, owner, entry, owner_cmp)

struct owner *owner_find(const struct owner_tree *owners, enum intent_type type, const char *name)
{
	struct owner probe = {.type = type};

	snprintf(probe.name, sizeof(probe.name), "%s", name);
	return RB_FIND(owner_tree, (struct owner_tree *)owners, &probe);
}

struct owner *owner_get(struct reconciler *rec, enum intent_type type, const char *name)
{
	struct owner *owner = owner_find(&rec->owners, type, name);

	if (owner)
		return owner;
	owner = xcalloc(1, sizeof(*owner));
	owner->type = type;
	owner->shown = INTENT_STATES;
	snprintf(owner->name, sizeof(owner->name), "%s", name);
	RB_INSERT(owner_tree, &rec->owners, owner);
	return owner;
}

/* Where it stands; the lists are the caller's. */
static void place(struct reconciler *rec, struct owner *owner, bool queued, enum owner_step step)
{
	rec->open_count -= owner->queued || owner->step;
	rec->open_objects -= owner->step ? form_size(owner->want) : 0;
	owner->queued = queued;
	owner->step = step;
	rec->open_count += queued || step;
	rec->open_objects += step ? form_size(owner->want) : 0;
}

const char *owner_label(const struct owner *owner, char label[LABEL_BYTES])
{
	snprintf(label, LABEL_BYTES, "%s %s", intent_kind(owner->type), owner->name);
	return label;
}

const char *label_name(const char *label, enum intent_type *type)
{
	const char *space = strrchr(label, ' ');

	for (int t = 0; space && t < INTENT_TYPES; t++) {
		size_t length = strlen(intent_kind(t));

		*type = t;
		if ((size_t)(space - label) == length && !strncmp(label, intent_kind(t), length))
			return space + 1;
	}
	return NULL;
}

void owner_queue(struct reconciler *rec, struct owner *owner)
{
	if (owner->queued)
		return;
	place(rec, owner, true, owner->step);
	TAILQ_INSERT_TAIL(&rec->queue, owner, queue_link);
}

void owner_unsettled(struct reconciler *rec, struct owner *owner)
{
	if (owner->seq)
		return;
	owner->seq = ++rec->seq;
	TAILQ_INSERT_TAIL(&rec->unsettled, owner, unsettled_link);
}

static void owner_settled(struct reconciler *rec, struct owner *owner)
{
	if (!owner->seq)
		return;
	owner->seq = 0;
	TAILQ_REMOVE(&rec->unsettled, owner, unsettled_link);
}

/* ---- what became of it ---- */

void owner_show(struct reconciler *rec, struct owner *owner, const struct intent *intent)
{
	if (owner->shown < INTENT_STATES)
		rec->states[owner->type][owner->shown]--;
	owner->shown = intent ? intent->status.state : INTENT_STATES;
	if (intent)
		rec->states[owner->type][owner->shown]++;
}

static void set_state(struct reconciler *rec, struct owner *owner, enum intent_state state)
{
	bool was = owner->state == INTENT_REFUSED, is = state == INTENT_REFUSED;

	owner->state = state;
	if (was == is)
		return;
	if (is)
		TAILQ_INSERT_TAIL(&rec->refused_owners, owner, refused_link);
	else
		TAILQ_REMOVE(&rec->refused_owners, owner, refused_link);
	rec->refused_count += is ? 1 : -1;
}

/* A put makes an intent anew, with the state of one that nobody has looked at. */
static void publish(struct reconciler *rec, struct owner *owner, enum intent_state state)
{
	struct intent *intent = world_find(rec->world, owner->type, owner->name);
	enum owner_tells tells = owner->tells;

	set_state(rec, owner, state);
	if (!intent)
		return;
	if (tells != TELLS_ALWAYS && intent->status.state == state &&
		!strcmp(intent->status.reason, owner->reason))
		return;
	intent->status.state = state;
	owner_show(rec, owner, intent);
	intent->status.since_us = clock_wall_us();
	snprintf(intent->status.reason, sizeof(intent->status.reason), "%s", owner->reason);
	if (state == INTENT_PENDING)
		return;
	owner->tells = TELLS_CHANGES;
	if (rec->on_status && (tells != TELLS_REFUSALS || state == INTENT_REFUSED))
		rec->on_status(intent, rec->on_status_arg);
}

/* ---- tries ---- */

void owner_pend(struct reconciler *rec, struct owner *owner)
{
	if (owner->step)
		return;
	place(rec, owner, owner->queued, STEP_PENDING);
	TAILQ_INSERT_TAIL(&rec->pending[owner->type], owner, try_link);
}

void owner_try(struct reconciler *rec, struct owner *owner)
{
	TAILQ_REMOVE(&rec->pending[owner->type], owner, try_link);
	place(rec, owner, owner->queued, STEP_TRYING);
	TAILQ_INSERT_TAIL(&rec->trying, owner, try_link);
}

void owner_untry(struct reconciler *rec, struct owner *owner)
{
	TAILQ_REMOVE(&rec->trying, owner, try_link);
	place(rec, owner, owner->queued, STEP_PENDING);
	TAILQ_INSERT_HEAD(&rec->pending[owner->type], owner, try_link);
}

/* It has its verdict. The newest form of one that was to have its former one again is next. */
static void leave(struct reconciler *rec, struct owner *owner)
{
	if (owner->step == STEP_PENDING)
		TAILQ_REMOVE(&rec->pending[owner->type], owner, try_link);
	if (owner->step == STEP_TRYING)
		TAILQ_REMOVE(&rec->trying, owner, try_link);
	place(rec, owner, owner->queued, STEP_NONE);
	if (owner->restores)
		owner_queue(rec, owner);
	owner->restores = false;
}

/* ---- forms ---- */

/* It wants that form from now on (taken over), or, NULL, none that is known. */
static void set_want(struct reconciler *rec, struct owner *owner, struct form *form)
{
	struct form *before = owner->want;

	if (before == form)
		return;
	if (owner->step)
		rec->open_objects += form_size(form) - form_size(before);
	form_count(rec, form, false, 1);
	form_count(rec, before, false, -1);
	owner->want = form;
	if (before != owner->in)
		form_free(before);
}

/* What it wants is in force, or, NULL, nothing is. */
static void set_in(struct reconciler *rec, struct owner *owner, struct form *form)
{
	struct form *before = owner->in;

	if (before == form)
		return;
	form_count(rec, form, true, 1);
	form_count(rec, before, true, -1);
	owner->in = form;
	if (before != owner->want)
		form_free(before);
}

/* What it wants is nothing: its group is to go. */
void owner_go(struct reconciler *rec, struct owner *owner)
{
	set_want(rec, owner, xcalloc(1, sizeof(*owner->want)));
	owner_pend(rec, owner);
}

/* What a refused one had in force is wanted first of all. */
static void restore(struct reconciler *rec, struct owner *owner)
{
	struct form *before = owner->in;

	set_want(rec, owner, before);
	form_count(rec, before, true, -1);
	owner->in = NULL;
	owner->restores = true;
	owner_pend(rec, owner);
}

/* What a refused one had before is not lost with the dataplane: it is put again before the newest
 * form is tried. */
void owner_lost(struct reconciler *rec, struct owner *owner)
{
	owner->there = 0;
	if (owner->state == INTENT_APPLIED && !form_size(owner->want) && !form_size(owner->in))
		return; /* it has no objects of its own to lose */
	if (owner->state == INTENT_REFUSED && form_size(owner->in)) {
		restore(rec, owner);
		return;
	}
	set_in(rec, owner, NULL);
	if (owner->state == INTENT_REFUSED && !owner->restores)
		owner_queue(rec, owner);
	if (owner->state == INTENT_REFUSED)
		return;
	if (owner->state == INTENT_APPLIED) {
		owner->tells = TELLS_REFUSALS;
		publish(rec, owner, INTENT_PENDING);
	}
	if (form_size(owner->want))
		owner_pend(rec, owner);
}

/* ---- the end of a try ---- */

static void retry_refused(struct intent *dependent, void *arg)
{
	struct reconciler *rec = arg;
	struct owner *owner = owner_find(&rec->owners, dependent->type, dependent->name);

	if (owner && owner->state == INTENT_REFUSED)
		owner_queue(rec, owner);
}

/* A rule for local networks has no objects of its own: it is there where it is meant for. */
static enum intent_state settled_state(
	const struct reconciler *rec, const struct owner *owner, const struct intent *intent)
{
	const char *site;

	if (form_size(owner->want))
		return INTENT_APPLIED;
	if (owner->type != INTENT_LOCAL_NETWORK || !intent)
		return INTENT_ELSEWHERE;
	site = intent->obj->local_network.site;
	return !*site || !strcmp(site, rec->site) ? INTENT_APPLIED : INTENT_ELSEWHERE;
}

static bool is_there(const struct reconciler *rec, enum object_type type, const char *key)
{
	const struct item *item = item_find(rec, type, key);

	return item && item->there;
}

/* Tunnels are compiled to begin there, whether it was refused or not. */
bool owner_wan_is_there(struct reconciler *rec, const char *name)
{
	const struct intent *intent = world_find(rec->world, INTENT_WAN, name);
	const struct owner *owner = owner_find(&rec->owners, INTENT_WAN, name);
	const struct api_prefixes *addresses = intent ? &intent->obj->wan.port.addresses : NULL;
	char key[API_KEY_BYTES], text[64];
	bool there = is_there(rec, OBJECT_PORT, name);

	/* what an earlier life of control has put, and nobody knows any more, has them */
	if (owner && !owner->in && owner->there)
		return true;
	for (uint32_t i = 0; there && addresses && i < addresses->count; i++) {
		api_ip_format(&addresses->item[i], true, text);
		snprintf(key, sizeof(key), "%s %s", name, text);
		there = is_there(rec, OBJECT_ADDRESS, key);
	}
	return there;
}

const char *owner_wan_of(const struct reconciler *rec, const struct intent *intent, uint32_t number)
{
	const char *wan, *site = compile_place(intent, number, &wan);

	return site && strcmp(site, rec->site) ? "" : site ? wan : NULL;
}

/* The WAN that an intent goes over here and that was refused, and whose port or addresses are not
 * there: its objects are there, but nothing passes. NULL: there is none. */
static const struct owner *lacking_wan(struct reconciler *rec, const struct intent *intent)
{
	const char *name;

	for (uint32_t i = 0; (name = owner_wan_of(rec, intent, i)); i++) {
		const struct owner *wan = *name ? owner_find(&rec->owners, INTENT_WAN, name) : NULL;

		if (wan && wan->state == INTENT_REFUSED && !owner_wan_is_there(rec, name))
			return wan;
	}
	return NULL;
}

static void publish_settled(
	struct reconciler *rec, struct owner *owner, const struct intent *intent)
{
	enum intent_state state = settled_state(rec, owner, intent);
	const struct owner *wan = NULL;

	if (intent && (owner->type == INTENT_SLICE || owner->type == INTENT_NETWORK))
		wan = lacking_wan(rec, intent);
	owner->reason[0] = '\0';
	if (state == INTENT_APPLIED && wan) {
		state = INTENT_REFUSED;
		snprintf(owner->reason, sizeof(owner->reason), "wan %.31s: %.200s", wan->name,
			wan->reason);
	}
	publish(rec, owner, state);
}

static void lose_wan(struct intent *dependent, void *arg)
{
	struct reconciler *rec = arg;
	struct owner *owner = owner_find(&rec->owners, dependent->type, dependent->name);

	if (owner && owner->state == INTENT_APPLIED &&
		(owner->type == INTENT_SLICE || owner->type == INTENT_NETWORK))
		owner_queue(rec, owner);
}

void owner_settle(struct reconciler *rec, struct owner *owner)
{
	struct intent *intent = world_find(rec->world, owner->type, owner->name);
	bool was_refused = owner->state == INTENT_REFUSED;

	set_in(rec, owner, owner->want);
	owner->there = owner->want->revision;
	leave(rec, owner);
	if (owner->queued) /* touched again meanwhile, or the newest form is next */
		return;
	publish_settled(rec, owner, intent);
	owner_settled(rec, owner);
	if (was_refused && owner->state != INTENT_REFUSED && intent)
		compile_dependents(
			rec->world, owner->type, owner->name, intent->spec, retry_refused, rec);
	if (!intent && !owner->want->count)
		owner_free(rec, owner);
}

void owner_refuse(struct reconciler *rec, struct owner *owner, const char *reason)
{
	const struct intent *intent = world_find(rec->world, owner->type, owner->name);

	leave(rec, owner);
	set_want(rec, owner, NULL);
	if (owner->queued)
		return;
	snprintf(owner->reason, sizeof(owner->reason), "%s", reason);
	publish(rec, owner, INTENT_REFUSED);
	owner_settled(rec, owner);
	if (owner->type == INTENT_WAN && intent && !owner_wan_is_there(rec, owner->name))
		compile_dependents(
			rec->world, owner->type, owner->name, intent->spec, lose_wan, rec);
}

void owner_free(struct reconciler *rec, struct owner *owner)
{
	leave(rec, owner);
	set_in(rec, owner, NULL);
	set_want(rec, owner, NULL);
	owner_settled(rec, owner);
	owner_show(rec, owner, NULL);
	if (owner->queued)
		TAILQ_REMOVE(&rec->queue, owner, queue_link);
	place(rec, owner, false, STEP_NONE);
	set_state(rec, owner, INTENT_PENDING);
	RB_REMOVE(owner_tree, &rec->owners, owner);
	free(owner);
}

/* ---- compiling ---- */

bool owner_compile(
	struct reconciler *rec, enum intent_type type, const char *name, struct rpc_error *error)
{
	const struct intent *intent = world_find(rec->world, type, name);

	compiled_list_clear(&rec->compiled);
	return !intent || !compile_intent(rec->world, rec->site, intent, &rec->compiled, error);
}

static void compile_one(struct reconciler *rec, struct owner *owner)
{
	struct rpc_error error = {0};

	if (owner->restores) /* what it had goes first */
		return;
	if (!owner_compile(rec, owner->type, owner->name, &error)) {
		owner_refuse(rec, owner, error.message);
		return;
	}
	set_want(rec, owner, form_make(rec, &rec->compiled));
	if (owner->want->revision == owner->there)
		owner_settle(rec, owner);
	else
		owner_pend(rec, owner);
}

bool owners_compile(struct reconciler *rec, uint64_t until_us)
{
	struct owner *owner;

	while ((owner = TAILQ_FIRST(&rec->queue))) {
		TAILQ_REMOVE(&rec->queue, owner, queue_link);
		place(rec, owner, false, owner->step);
		compile_one(rec, owner);
		if (clock_mono_us() > until_us)
			break;
	}
	return !TAILQ_EMPTY(&rec->queue);
}
