/* SPDX-License-Identifier: BSD-3-Clause */
/* Intents as they were compiled: what they want, what of it is in force, and their state for people
 * (reconciler.h). Owns the owners and their refs. */
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

void owner_place(
	struct reconciler *rec, struct owner *owner, bool queued, bool pending, bool trying)
{
	rec->open_count -= owner->queued || owner->pending || owner->trying;
	owner->queued = queued;
	owner->pending = pending;
	owner->trying = trying;
	rec->open_count += queued || pending || trying;
}

void owner_queue(struct reconciler *rec, struct owner *owner)
{
	if (owner->queued)
		return;
	owner_place(rec, owner, true, owner->pending, owner->trying);
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

void owner_pend(struct reconciler *rec, struct owner *owner)
{
	if (owner->pending || owner->trying)
		return;
	owner_place(rec, owner, owner->queued, true, false);
	TAILQ_INSERT_TAIL(&rec->pending[owner->type], owner, try_link);
}

static void owner_leave(struct reconciler *rec, struct owner *owner)
{
	if (owner->pending)
		TAILQ_REMOVE(&rec->pending[owner->type], owner, try_link);
	if (owner->trying) {
		TAILQ_REMOVE(&rec->trying, owner, try_link);
		rec->trying_count--;
	}
	owner_place(rec, owner, owner->queued, false, false);
}

/* ---- sets ---- */

void owner_set_clear(struct reconciler *rec, struct owner *owner, uint32_t set)
{
	struct refs *refs = &owner->set[set];

	for (uint32_t i = 0; i < refs->count; i++) {
		struct ref *ref = &refs->item[i];

		TAILQ_REMOVE(&ref->item->refs, ref, link);
		item_mark(rec, ref->item);
		free(ref->text);
	}
	free(refs->item);
	*refs = (struct refs){0};
}

static int ref_add(struct reconciler *rec, struct owner *owner, const struct compiled *from)
{
	struct item *item = item_get(rec, from->type, from->key, true);
	struct refs *refs = &owner->set[owner->want];
	struct ref *ref = &refs->item[refs->count];
	struct ref *first;
	char *text;

	if (!item)
		return -ENOMEM;
	text = strdup(from->text);
	if (!text) {
		item_sweep(rec, item);
		return -ENOMEM;
	}
	first = TAILQ_FIRST(&item->refs);
	item->contested |= first && strcmp(first->text, text);
	*ref = (struct ref){.owner = owner, .item = item, .text = text, .set = owner->want};
	TAILQ_INSERT_TAIL(&item->refs, ref, link);
	refs->count++;
	return 0;
}

int owner_want(struct reconciler *rec, struct owner *owner, const struct compiled_list *list)
{
	if (owner->in == owner->want)
		owner->want = !owner->in;
	owner_set_clear(rec, owner, owner->want);
	if (!list->count)
		return 0;
	owner->set[owner->want].item = calloc(list->count, sizeof(struct ref));
	if (!owner->set[owner->want].item)
		return -ENOMEM;
	for (size_t i = 0; i < list->count; i++) {
		if (ref_add(rec, owner, &list->item[i])) {
			owner_set_clear(rec, owner, owner->want);
			return -ENOMEM;
		}
	}
	return 0;
}

void owner_mark(struct reconciler *rec, struct owner *owner)
{
	for (int set = 0; set < 2; set++)
		for (uint32_t i = 0; i < owner->set[set].count; i++)
			item_mark(rec, owner->set[set].item[i].item);
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

	if (owner->set[owner->in].count)
		return INTENT_APPLIED;
	if (owner->type != INTENT_LOCAL_NETWORK || !intent)
		return INTENT_ELSEWHERE;
	site = intent->obj->local_network.site;
	return !*site || !strcmp(site, rec->site) ? INTENT_APPLIED : INTENT_ELSEWHERE;
}

static bool is_there(struct reconciler *rec, enum object_type type, const char *key)
{
	const struct item *item = item_get(rec, type, key, false);

	return item && item->actual;
}

/* Tunnels are compiled to begin there, whether it was refused or not. */
bool owner_wan_is_there(struct reconciler *rec, const char *name)
{
	const struct intent *intent = world_find(rec->world, INTENT_WAN, name);
	const struct api_prefixes *addresses = intent ? &intent->obj->wan.port.addresses : NULL;
	char key[API_KEY_BYTES], text[64];
	bool there = is_there(rec, OBJECT_PORT, name);

	for (uint32_t i = 0; there && addresses && i < addresses->count; i++) {
		api_ip_format(&addresses->item[i], true, text);
		snprintf(key, sizeof(key), "%s %s", name, text);
		there = is_there(rec, OBJECT_ADDRESS, key);
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

	owner->in = owner->want;
	owner_set_clear(rec, owner, !owner->in);
	owner_leave(rec, owner);
	if (!owner->ever)
		leftover_release(rec);
	owner->ever = true;
	owner->torn = false;
	if (owner->queued) /* touched again meanwhile */
		return;
	publish_settled(rec, owner, intent);
	owner->quiet = false;
	owner_settled(rec, owner);
	if (was_refused && owner->state != INTENT_REFUSED && intent)
		compile_dependents(
			rec->world, owner->type, owner->name, intent->spec, retry_refused, rec);
	if (!intent && !owner->set[owner->in].count)
		owner_free(rec, owner);
}

static void report_refused(struct reconciler *rec, struct owner *owner, const char *reason)
{
	const struct intent *intent = world_find(rec->world, owner->type, owner->name);

	owner_leave(rec, owner);
	snprintf(owner->reason, sizeof(owner->reason), "%s", reason);
	if (owner->queued)
		return;
	publish(rec, owner, INTENT_REFUSED);
	owner->quiet = false;
	owner_settled(rec, owner);
	owner->torn = rec->torn && owner->type <= INTENT_WAN;
	if (!owner->ever)
		leftover_release(rec); /* what it has lost comes back */
	if (owner->type == INTENT_WAN && intent && !owner_wan_is_there(rec, owner->name))
		compile_dependents(
			rec->world, owner->type, owner->name, intent->spec, lose_wan, rec);
}

void owner_refuse(struct reconciler *rec, struct owner *owner, const char *reason)
{
	owner_mark(rec, owner);
	if (owner->in != owner->want) { /* what it had before is refused, too */
		owner_set_clear(rec, owner, owner->in);
		return;
	}
	owner->in = !owner->want;
	report_refused(rec, owner, reason);
}

void owner_reject(struct reconciler *rec, struct owner *owner, const char *reason)
{
	owner->rejected = true;
	report_refused(rec, owner, reason);
}

void owner_again(struct reconciler *rec, struct owner *owner)
{
	if (owner->state == INTENT_REFUSED) {
		owner_queue(rec, owner);
		return;
	}
	owner->quiet = owner->state == INTENT_APPLIED;
	if (owner->quiet)
		publish(rec, owner, INTENT_PENDING);
	owner_pend(rec, owner);
}

void owner_free(struct reconciler *rec, struct owner *owner)
{
	owner_set_clear(rec, owner, 0);
	owner_set_clear(rec, owner, 1);
	owner_leave(rec, owner);
	owner_settled(rec, owner);
	owner_show(rec, owner, NULL);
	if (owner->queued)
		TAILQ_REMOVE(&rec->queue, owner, queue_link);
	owner_place(rec, owner, false, false, false);
	set_state(rec, owner, INTENT_PENDING);
	RB_REMOVE(owner_tree, &rec->owners, owner);
	free(owner);
}
