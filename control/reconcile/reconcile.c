/* SPDX-License-Identifier: BSD-3-Clause */
/* The reconciler's life: what sets it to work, and in which order the work is done
 * (reconcile.h). Owns struct reconciler. */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "clock.h"
#include "reconciler.h"
#include "turn.h"

#define RESYNC_S 60
/* The dataplane takes its clients' messages in turn: a transaction that went out by a connection
 * that is gone (of a control that was killed, or one that was cut off) may be carried out after
 * the first look by the new one. */
#define SECOND_LOOK_MS 1000
#define SILENT_MS      1000

/* ---- the loop ---- */

void reconcile_work(struct reconciler *rec)
{
	static const struct timeval now = {0, 0};

	if (!evtimer_pending(rec->work, NULL))
		evtimer_add(rec->work, &now);
}

void reconcile_pause(struct reconciler *rec, uint32_t ms)
{
	struct timeval tv = {ms / 1000, ms % 1000 * 1000};

	evtimer_add(rec->pause, &tv);
}

/* ---- who waits until what was touched so far is applied or refused ---- */

static void waiter_free(struct reconciler *rec, struct waiter *waiter)
{
	TAILQ_REMOVE(&rec->waiters, waiter, link);
	event_free(waiter->timer);
	free(waiter);
}

static void waiter_done(struct reconciler *rec, struct waiter *waiter, bool settled)
{
	void (*done)(bool settled, void *arg) = waiter->done;
	void *arg = waiter->arg;

	waiter_free(rec, waiter);
	done(settled, arg);
}

static void on_timeout(evutil_socket_t fd, short what, void *arg)
{
	struct waiter *waiter = arg;

	waiter_done(waiter->rec, waiter, false);
}

uint64_t reconciler_wait(struct reconciler *rec, uint32_t timeout_ms,
	void (*done)(bool settled, void *arg), void *arg)
{
	struct timeval tv = {timeout_ms / 1000, timeout_ms % 1000 * 1000};
	struct waiter *waiter = xcalloc(1, sizeof(*waiter));

	*waiter = (struct waiter){.rec = rec, .seq = rec->seq, .done = done, .arg = arg};
	TAILQ_INSERT_TAIL(&rec->waiters, waiter, link);
	waiter->timer = evtimer_new(rec->base, on_timeout, waiter);
	evtimer_add(waiter->timer, &tv);
	waiter->number = ++rec->last_waiter;
	reconcile_work(rec);
	return waiter->number;
}

void reconciler_wait_cancel(struct reconciler *rec, uint64_t number)
{
	struct waiter *waiter;

	TAILQ_FOREACH (waiter, &rec->waiters, link) {
		if (waiter->number != number)
			continue;
		waiter_free(rec, waiter);
		return;
	}
}

/* done() may touch intents, wait again or cancel others: from the front each time. */
static void wait_check(struct reconciler *rec)
{
	struct waiter *waiter;

	do {
		const struct owner *first = TAILQ_FIRST(&rec->unsettled);

		TAILQ_FOREACH (waiter, &rec->waiters, link)
			if (!first || first->seq > waiter->seq)
				break;
		if (waiter)
			waiter_done(rec, waiter, true);
	} while (waiter);
}

/* ---- a turn ---- */

bool reconcile_synced(const struct reconciler *rec)
{
	return rec->enabled && rec->known && rec->call == CALL_NONE && !rec->beyond &&
	       dataplane_state(rec->dp) == DATAPLANE_UP && TAILQ_EMPTY(&rec->queue) &&
	       !reconcile_differing(rec) && TAILQ_EMPTY(&rec->trying) && !round_waits(rec);
}

uint32_t reconcile_differing(const struct reconciler *rec)
{
	return rec->open_objects + rec->leftover_count;
}

static void note_sync(struct reconciler *rec)
{
	if (reconcile_synced(rec))
		rec->counters.last_sync_us = clock_wall_us();
}

static void on_work(evutil_socket_t fd, short what, void *arg)
{
	struct reconciler *rec = arg;
	uint64_t until_us = turn_until_us(RECONCILE_BIT_US), begun_us = clock_cpu_us();
	bool more = false;

	if (evtimer_pending(rec->pause, NULL))
		return;
	/* what is out was made of what is compiled: that stays until the answer has been told */
	if (!rec->out_since_us && round_settle(rec, until_us))
		more = owners_compile(rec, until_us);
	else
		more = !rec->out_since_us;
	if (rec->page)
		more |= resync_compare(rec, until_us);
	/* a call is not made on top of much else */
	more |= clock_cpu_us() - begun_us > RECONCILE_BIT_US / 2;
	if (rec->beyond && rec->enabled && rec->call == CALL_NONE && !rec->leftover_count)
		rec->resync_wanted = true;
	if (dataplane_state(rec->dp) == DATAPLANE_UP) {
		/* the first one tells leftovers from what is compiled only later */
		if (rec->resync_wanted && rec->list == LIST_NONE &&
			(rec->known || TAILQ_EMPTY(&rec->queue)))
			resync_begin(rec);
		if (!more && rec->call == CALL_NONE && rec->known && !rec->doubt && rec->enabled)
			round_next(rec);
	}
	if (more)
		reconcile_work(rec);
	note_sync(rec);
	wait_check(rec);
}

static void on_pause(evutil_socket_t fd, short what, void *arg)
{
	reconcile_work(arg);
}

static void on_resync(evutil_socket_t fd, short what, void *arg)
{
	struct reconciler *rec = arg;

	rec->doubts = 0;
	reconciler_resync(rec);
}

/* ---- the dataplane comes and goes ---- */

static void forget_all(struct reconciler *rec)
{
	struct owner *owner;

	RB_FOREACH (owner, owner_tree, &rec->owners)
		owner_lost(rec, owner);
}

static void on_dataplane(enum dataplane_state state, uint64_t instance, void *arg)
{
	struct reconciler *rec = arg;
	struct timeval later = {rec->second_look_ms / 1000, rec->second_look_ms % 1000 * 1000};

	if (state != DATAPLANE_UP) {
		if (rec->list != LIST_NONE)
			resync_lost(rec);
		return;
	}
	if (instance != rec->instance) {
		rec->known = false;
		round_settle(rec, 0); /* what was applied is in force before it is lost */
		if (rec->instance)
			forget_all(rec);
		rec->instance = instance;
	}
	evtimer_add(rec->second_look, &later);
	rec->resync_wanted = true;
	reconcile_work(rec);
}

/* ---- what is wanted changes ---- */

static struct owner *touch(struct reconciler *rec, enum intent_type type, const char *name)
{
	struct owner *owner = owner_get(rec, type, name);

	owner_queue(rec, owner);
	owner_unsettled(rec, owner);
	return owner;
}

static void touch_dependent(struct intent *dependent, void *arg)
{
	touch(arg, dependent->type, dependent->name);
}

static void touch_change(struct reconciler *rec, const struct world_change *change)
{
	struct intent *intent = world_find(rec->world, change->type, change->name);
	struct owner *owner = touch(rec, change->type, change->name);

	if (intent)
		intent->status.state = INTENT_PENDING;
	owner->tells = TELLS_ALWAYS;
	owner_show(rec, owner, intent);
	if (change->before)
		compile_dependents(rec->world, change->type, change->name, change->before,
			touch_dependent, rec);
	if (change->after)
		compile_dependents(rec->world, change->type, change->name, change->after,
			touch_dependent, rec);
}

void reconciler_touch(struct reconciler *rec, const struct world_change *changes, size_t count)
{
	rec->enabled = true;
	for (size_t i = 0; i < count; i++)
		if (changes[i].effect != WORLD_UNCHANGED)
			touch_change(rec, &changes[i]);
	reconcile_work(rec);
}

void reconciler_touch_all(struct reconciler *rec)
{
	const struct intent *intent;
	struct owner *owner;

	rec->enabled = true;
	RB_FOREACH (owner, owner_tree, &rec->owners) {
		owner_queue(rec, owner);
		owner_unsettled(rec, owner);
	}
	for (int type = 0; type < INTENT_TYPES; type++)
		for (intent = world_first(rec->world, type); intent; intent = world_next(intent))
			owner_show(rec, touch(rec, type, intent->name), intent);
	reconcile_work(rec);
}

void reconciler_on_applied(struct reconciler *rec, void (*applied)(void *arg), void *arg)
{
	struct applied_listener *listener = xarray_add(
		&rec->applied, &rec->applied_room, &rec->applied_count, sizeof(*rec->applied));

	*listener = (struct applied_listener){applied, arg};
}

static void each_of(const struct form *form, enum object_type type,
	void (*each)(const char *key, const char *text, void *arg), void *arg)
{
	for (uint32_t i = 0; i < form_size(form); i++)
		if (form->objects[i].type == type)
			each(form->objects[i].item->key, form->objects[i].text, arg);
}

void reconciler_each(struct reconciler *rec, enum object_type type,
	void (*each)(const char *key, const char *text, void *arg), void *arg)
{
	struct owner *owner;

	RB_FOREACH (owner, owner_tree, &rec->owners) {
		each_of(owner->in, type, each, arg);
		if (owner->want != owner->in)
			each_of(owner->want, type, each, arg);
	}
}

uint64_t reconciler_generation(const struct reconciler *rec, enum object_type type)
{
	return rec->generation[type];
}

bool reconcile_kept(const struct reconciler *rec, enum object_type object, const char *key)
{
	const char *type = api_types[object].name;
	size_t length = strlen(type);

	for (const char *const *keep = rec->keep; keep && *keep; keep++) {
		if (strncmp(*keep, type, length))
			continue;
		if ((*keep)[length] == '\0')
			return true;
		if ((*keep)[length] == ' ' && !fnmatch(*keep + length + 1, key, 0))
			return true;
	}
	return false;
}

void reconciler_resync(struct reconciler *rec)
{
	rec->resync_wanted = true;
	reconcile_work(rec);
}

void reconciler_retry(struct reconciler *rec, enum intent_type type, const char *name)
{
	struct owner *owner = owner_find(&rec->owners, type, name);

	if (!owner || owner->state != INTENT_REFUSED)
		return;
	owner_queue(rec, owner);
	reconcile_work(rec);
}

/* ---- what people see ---- */

void reconciler_on_status(
	struct reconciler *rec, void (*changed)(const struct intent *intent, void *arg), void *arg)
{
	rec->on_status = changed;
	rec->on_status_arg = arg;
}

void reconciler_states(
	const struct reconciler *rec, enum intent_type type, size_t counts[INTENT_STATES])
{
	memcpy(counts, rec->states[type], sizeof(rec->states[type]));
}

void reconciler_counters(const struct reconciler *rec, struct reconcile_counters *out)
{
	*out = rec->counters;
	/* before the first intent nothing is wanted of what is there, so that nothing differs */
	out->synced =
		rec->enabled ? reconcile_synced(rec) : dataplane_state(rec->dp) == DATAPLANE_UP;
	out->desired = rec->item_count;
	out->actual = rec->there_count + rec->leftover_count;
	out->differing = reconcile_differing(rec);
	out->refused = rec->refused_count;
	out->pending = rec->open_count;
}

/* ---- start and stop ---- */

static void lists_init(struct reconciler *rec)
{
	RB_INIT(&rec->items);
	RB_INIT(&rec->owners);
	TAILQ_INIT(&rec->queue);
	TAILQ_INIT(&rec->trying);
	TAILQ_INIT(&rec->unsettled);
	TAILQ_INIT(&rec->refused_owners);
	TAILQ_INIT(&rec->waiters);
	for (int type = 0; type < INTENT_TYPES; type++)
		TAILQ_INIT(&rec->pending[type]);
}

struct reconciler *reconciler_start(struct event_base *base, struct world *world,
	struct dataplane *dp, const struct reconcile_config *config)
{
	struct reconciler *rec = xcalloc(1, sizeof(*rec));
	struct timeval tv = {config->resync_s ? config->resync_s : RESYNC_S, 0};

	rec->base = base;
	rec->world = world;
	rec->dp = dp;
	rec->leftovers_most = LEFTOVERS_MOST;
	rec->second_look_ms = config->second_look_ms ? config->second_look_ms : SECOND_LOOK_MS;
	rec->silent_ms = config->silent_ms ? config->silent_ms : SILENT_MS;
	lists_init(rec);
	rec->site = config->site;
	rec->keep = config->keep;
	rec->work = evtimer_new(base, on_work, rec);
	rec->pause = evtimer_new(base, on_pause, rec);
	rec->second_look = evtimer_new(base, on_resync, rec);
	rec->resync = event_new(base, -1, EV_PERSIST, on_resync, rec);
	event_add(rec->resync, &tv);
	dataplane_on_change(dp, on_dataplane, rec);
	return rec;
}

void reconciler_stop(struct reconciler *rec)
{
	struct owner *owner;

	if (!rec)
		return;
	dataplane_forget(rec->dp, rec);
	while (!TAILQ_EMPTY(&rec->waiters))
		waiter_free(rec, TAILQ_FIRST(&rec->waiters));
	free(rec->text.text);
	json_decref(rec->verdicts);
	resync_free(rec);
	while ((owner = RB_MIN(owner_tree, &rec->owners)))
		owner_free(rec, owner);
	event_free(rec->work);
	event_free(rec->pause);
	event_free(rec->second_look);
	event_free(rec->resync);
	compiled_list_free(&rec->compiled);
	free(rec->applied);
	free(rec);
}
