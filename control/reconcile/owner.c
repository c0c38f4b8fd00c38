/* SPDX-License-Identifier: BSD-3-Clause */
/* Intents as they were compiled: what they want, what of it is in force, and their state for people
 * (reconciler.h). Owns the owners and their forms. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "reconciler.h"

int owner_cmp(const struct owner *a, const struct owner *b)
{
	if (a->type != b->type)
		return a->type < b->type ? -1 : 1;
	return strcmp(a->name, b->name);
}

RB_GENERATE(owner_tree, owner, entry, owner_cmp)

struct owner *owner_get(struct reconciler *rec, enum intent_type type, const char *name, bool make)
{
	struct owner probe = {.type = type}, *owner;

	snprintf(probe.name, sizeof(probe.name), "%s", name);
	owner = RB_FIND(owner_tree, &rec->owners, &probe);
	if (owner || !make)
		return owner;
	owner = malloc(sizeof(*owner));
	if (!owner)
		return NULL;
	*owner = probe;
	RB_INSERT(owner_tree, &rec->owners, owner);
	return owner;
}

/* Where it stands; the lists are the caller's. */
static void place(struct reconciler *rec, struct owner *owner, bool queued, enum owner_step step)
{
	rec->open_count -= owner->queued || owner->step;
	rec->open_objects -= owner->step ? owner->want.count : 0;
	owner->queued = queued;
	owner->step = step;
	rec->open_count += queued || step;
	rec->open_objects += step ? owner->want.count : 0;
}

const char *owner_label(const struct owner *owner, char *label, size_t size)
{
	snprintf(label, size, "%s %s", intent_kind(owner->type), owner->name);
	return label;
}

struct owner *owner_labelled(struct reconciler *rec, const char *label)
{
	const char *space = strrchr(label, ' ');
	char label_of_type[64];

	for (int type = 0; space && type < INTENT_TYPES; type++) {
		snprintf(label_of_type, sizeof(label_of_type), "%s ", intent_kind(type));
		if ((size_t)(space + 1 - label) == strlen(label_of_type) &&
			!strncmp(label, label_of_type, strlen(label_of_type)))
			return owner_get(rec, type, space + 1, false);
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
	if (owner->unsettled)
		return;
	owner->unsettled = true;
	owner->seq = ++rec->seq;
	TAILQ_INSERT_TAIL(&rec->unsettled, owner, unsettled_link);
}

static void owner_settled(struct reconciler *rec, struct owner *owner)
{
	if (!owner->unsettled)
		return;
	owner->unsettled = false;
	TAILQ_REMOVE(&rec->unsettled, owner, unsettled_link);
}

/* ---- what became of it ---- */

void owner_show(struct reconciler *rec, struct owner *owner, const struct intent *intent)
{
	if (owner->counted)
		rec->states[owner->type][owner->shown]--;
	owner->counted = intent != NULL;
	if (!intent)
		return;
	owner->shown = intent->status.state;
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
	bool same;

	set_state(rec, owner, state);
	if (!intent)
		return;
	same = intent->status.state == state && !strcmp(intent->status.reason, owner->reason);
	if (same && !owner->news)
		return;
	intent->status.state = state;
	owner_show(rec, owner, intent);
	intent->status.since_us = clock_wall_us();
	snprintf(intent->status.reason, sizeof(intent->status.reason), "%s", owner->reason);
	if (state == INTENT_PENDING)
		return;
	owner->news = false;
	if (rec->on_status && (!owner->quiet || state == INTENT_REFUSED))
		rec->on_status(intent, rec->on_status_arg);
}

/* ---- tries ---- */

static void set_wants(struct reconciler *rec, struct owner *owner, bool wants)
{
	if (owner->wants == wants)
		return;
	owner->wants = wants;
	form_count(rec, &owner->want, false, wants ? 1 : -1);
}

void owner_pend(struct reconciler *rec, struct owner *owner)
{
	if (owner->step)
		return;
	set_wants(rec, owner, true);
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

static void leave(struct reconciler *rec, struct owner *owner)
{
	if (owner->step == STEP_PENDING)
		TAILQ_REMOVE(&rec->pending[owner->type], owner, try_link);
	if (owner->step == STEP_TRYING)
		TAILQ_REMOVE(&rec->trying, owner, try_link);
	place(rec, owner, owner->queued, STEP_NONE);
}

/* ---- forms ---- */

const struct form *owner_in(const struct owner *owner)
{
	if (owner->is_in)
		return &owner->want;
	return owner->in.count && !owner->restores ? &owner->in : NULL;
}

/* What was in force is so no more. */
static void out_of_force(struct reconciler *rec, struct owner *owner)
{
	const struct form *in = owner_in(owner);

	if (in)
		form_count(rec, in, true, -1);
	owner->is_in = false;
	form_free(rec, &owner->in);
}

void owner_want(struct reconciler *rec, struct owner *owner, struct form *form)
{
	set_wants(rec, owner, false);
	if (owner->step)
		rec->open_objects -= owner->want.count;
	if (owner->is_in) {
		owner->in = owner->want;
		owner->is_in = false;
	} else {
		form_free(rec, &owner->want);
	}
	owner->want = *form;
	*form = (struct form){0};
	if (owner->step)
		rec->open_objects += owner->want.count;
	set_wants(rec, owner, true);
}

void owner_restored(struct reconciler *rec, struct owner *owner, bool applied)
{
	owner->restores = false;
	if (applied) {
		owner->there = owner->in.revision;
		form_count(rec, &owner->in, true, 1);
	} else {
		form_free(rec, &owner->in);
	}
	set_wants(rec, owner, false);
	leave(rec, owner);
	owner_queue(rec, owner);
}

/* The wanted form is in force, and no other. */
static void into_force(struct reconciler *rec, struct owner *owner)
{
	struct form before = owner->in;

	if (owner->is_in)
		return;
	form_count(rec, &owner->want, true, 1);
	if (!owner->restores)
		form_count(rec, &before, true, -1);
	owner->restores = false;
	owner->in = (struct form){0};
	owner->is_in = true;
	form_free(rec, &before);
}

/* What a refused one had before is not lost with the dataplane: it is put again before the newest
 * form is tried. */
void owner_lost(struct reconciler *rec, struct owner *owner)
{
	bool refused = owner->state == INTENT_REFUSED;

	owner->there = 0;
	if (refused) {
		if (owner->in.count && !owner->restores)
			form_count(rec, &owner->in, true, -1);
		owner->restores = owner->in.count > 0;
		if (owner->restores)
			owner_pend(rec, owner);
		else
			owner_queue(rec, owner);
		return;
	}
	if (owner->is_in) {
		form_count(rec, &owner->want, true, -1);
		owner->is_in = false;
	} else {
		out_of_force(rec, owner);
	}
	owner->quiet = owner->state == INTENT_APPLIED;
	if (owner->quiet)
		publish(rec, owner, INTENT_PENDING);
	if (owner->want.count)
		owner_pend(rec, owner);
}

/* ---- the end of a try ---- */

static void retry_refused(struct intent *dependent, void *arg)
{
	struct owner *owner = owner_get(arg, dependent->type, dependent->name, false);

	if (owner && owner->state == INTENT_REFUSED)
		owner_queue(arg, owner);
}

/* A rule for local networks has no objects of its own: it is there where it is meant for. */
static enum intent_state settled_state(
	const struct reconciler *rec, const struct owner *owner, const struct intent *intent)
{
	const char *site;

	if (owner->want.count)
		return INTENT_APPLIED;
	if (owner->type != INTENT_LOCAL_NETWORK || !intent)
		return INTENT_ELSEWHERE;
	site = intent->obj->local_network.site;
	return !*site || !strcmp(site, rec->site) ? INTENT_APPLIED : INTENT_ELSEWHERE;
}

/* Tunnels are compiled to begin there, whether it was refused or not. */
bool owner_wan_is_there(struct reconciler *rec, const char *name)
{
	const struct intent *intent = world_find(rec->world, INTENT_WAN, name);
	const struct owner *owner = owner_get(rec, INTENT_WAN, name, false);
	const struct form *in = owner ? owner_in(owner) : NULL;
	const struct api_prefixes *addresses = intent ? &intent->obj->wan.port.addresses : NULL;
	char key[API_KEY_BYTES], text[64];
	bool there = in && form_has(in, OBJECT_PORT, name);

	/* what an earlier life of control has put, and nobody knows any more, has them */
	if (!in && owner && owner->there)
		return true;
	for (uint32_t i = 0; there && addresses && i < addresses->count; i++) {
		api_ip_format(&addresses->item[i], true, text);
		snprintf(key, sizeof(key), "%s %s", name, text);
		there = form_has(in, OBJECT_ADDRESS, key);
	}
	return there;
}

const char *owner_wan_of(const struct reconciler *rec, const struct intent *intent, uint32_t number)
{
	const struct intent_endpoints *ends = &intent->obj->slice.endpoints;
	const struct intent_placements *places = &intent->obj->network.placements;
	bool slice = intent->type == INTENT_SLICE;
	const char *site;

	if (number >= (slice ? ends->count : places->count))
		return NULL;
	site = slice ? ends->item[number].site : places->item[number].site;
	if (strcmp(site, rec->site))
		return "";
	return slice ? ends->item[number].wan : places->item[number].wan;
}

/* The WAN that an intent goes over here and that was refused, and whose port or addresses are not
 * there: its objects are there, but nothing passes. NULL: there is none. */
static const struct owner *lacking_wan(struct reconciler *rec, const struct intent *intent)
{
	const char *name;

	for (uint32_t i = 0; (name = owner_wan_of(rec, intent, i)); i++) {
		const struct owner *wan = *name ? owner_get(rec, INTENT_WAN, name, false) : NULL;

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
	struct owner *owner = owner_get(arg, dependent->type, dependent->name, false);

	if (owner && owner->state == INTENT_APPLIED &&
		(owner->type == INTENT_SLICE || owner->type == INTENT_NETWORK))
		owner_queue(arg, owner);
}

void owner_settle(struct reconciler *rec, struct owner *owner)
{
	struct intent *intent = world_find(rec->world, owner->type, owner->name);
	bool was_refused = owner->state == INTENT_REFUSED;

	into_force(rec, owner);
	owner->there = owner->want.revision;
	leave(rec, owner);
	if (owner->queued) /* touched again meanwhile */
		return;
	publish_settled(rec, owner, intent);
	owner->quiet = false;
	owner_settled(rec, owner);
	if (was_refused && owner->state != INTENT_REFUSED && intent)
		compile_dependents(
			rec->world, owner->type, owner->name, intent->spec, retry_refused, rec);
	if (!intent && !owner->want.count)
		owner_free(rec, owner);
}

void owner_refuse(struct reconciler *rec, struct owner *owner, const char *reason)
{
	const struct intent *intent = world_find(rec->world, owner->type, owner->name);

	set_wants(rec, owner, false);
	leave(rec, owner);
	snprintf(owner->reason, sizeof(owner->reason), "%s", reason);
	if (owner->queued)
		return;
	publish(rec, owner, INTENT_REFUSED);
	owner->quiet = false;
	owner_settled(rec, owner);
	if (owner->type == INTENT_WAN && intent && !owner_wan_is_there(rec, owner->name))
		compile_dependents(
			rec->world, owner->type, owner->name, intent->spec, lose_wan, rec);
}

void owner_free(struct reconciler *rec, struct owner *owner)
{
	set_wants(rec, owner, false);
	out_of_force(rec, owner);
	leave(rec, owner);
	form_free(rec, &owner->want);
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

/* 0, or -ENOMEM: it is to be done again. */
static int compile_one(struct reconciler *rec, struct owner *owner, struct compiled_list *list)
{
	const struct intent *intent = world_find(rec->world, owner->type, owner->name);
	struct rpc_error error = {0};
	struct form form;
	int err = 0;

	compiled_list_clear(list);
	if (intent)
		err = compile_intent(rec->world, rec->site, intent, list, &error);
	if (err == -ENOMEM)
		return err;
	owner->rejected = err != 0;
	if (err) {
		owner_refuse(rec, owner, error.message);
		return 0;
	}
	if (form_make(rec, list, &form))
		return -ENOMEM;
	owner_want(rec, owner, &form);
	if (owner->want.revision == owner->there && !owner->restores)
		owner_settle(rec, owner);
	else
		owner_pend(rec, owner);
	return 0;
}

bool owners_compile(struct reconciler *rec, uint64_t until_us)
{
	struct compiled_list list = {0};
	struct owner *owner;

	while ((owner = TAILQ_FIRST(&rec->queue))) {
		TAILQ_REMOVE(&rec->queue, owner, queue_link);
		place(rec, owner, false, owner->step);
		if (compile_one(rec, owner, &list)) {
			owner_queue(rec, owner);
			reconcile_pause(rec, PAUSE_MS);
			break;
		}
		if (clock_mono_us() > until_us)
			break;
	}
	compiled_list_free(&list);
	return !TAILQ_EMPTY(&rec->queue);
}
