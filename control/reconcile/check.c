/* SPDX-License-Identifier: BSD-3-Clause */
/* Would the dataplane take a change? It is compiled while it stands in the world, and the groups
 * that would change are put to the dataplane without effect (reconciler_check_begin() of
 * reconcile.h). Owns the checks. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "clock.h"
#include "reconciler.h"
#include "turn.h"

#define SUBJECTS_MOST 10000
#define SETTLED_MS    2000
#define PATIENCE_MS   250 /* between two looks */
#define ASK_BYTES     (2u << 20)

static const char silent[] = "the dataplane does not answer";

/* An intent of the change, or one that depends on it, as it would be: refused, or wants another
 * form (NULL: it cannot be compiled, and what is in force stays). */
struct subject {
	struct owner owner; /* first: of a tree of owners */
	bool changed;	    /* by the change itself */
	api_name *wans;	    /* of a slice or network: what it goes over here */
	uint32_t wan_count, wan_room;
};

struct reconcile_check {
	struct reconciler *rec;
	struct owner_tree subjects;
	uint32_t subject_count, compiled_count;
	size_t added;		/* changes that have become subjects */
	struct owner *next;	/* subject to be compiled or asked about */
	const char *why;	/* it is not asked; NULL: it is */
	uint64_t waiting;	/* for what was touched before; 0: not */
	struct event *patience; /* looks whether the dataplane still answers */
	struct event *turn;	/* the next bit */
	reconciler_checked done;
	void *arg;
	struct text text;
	json_t *verdicts; /* of the answer; NULL: none is being judged */
	size_t told;
};

static struct subject *subject_make(
	struct reconcile_check *check, enum intent_type type, const char *name)
{
	struct owner *owner = owner_find(&check->subjects, type, name);
	struct subject *subject;

	if (owner)
		return (struct subject *)owner;
	subject = xcalloc(1, sizeof(*subject));
	subject->owner.type = type;
	snprintf(subject->owner.name, sizeof(subject->owner.name), "%s", name);
	RB_INSERT(owner_tree, &check->subjects, &subject->owner);
	check->subject_count++;
	return subject;
}

static void found_dependent(struct intent *dependent, void *arg)
{
	subject_make(arg, dependent->type, dependent->name);
}

static void add_change(struct reconcile_check *check, const struct world_change *change)
{
	subject_make(check, change->type, change->name)->changed = true;
	for (int after = 0; after < 2; after++) {
		const json_t *spec = after ? change->after : change->before;

		if (spec)
			compile_dependents(check->rec->world, change->type, change->name, spec,
				found_dependent, check);
	}
}

static bool is_refused(const struct owner *owner)
{
	return owner && owner->state == INTENT_REFUSED;
}

static void subject_refuse(struct owner *subject, const char *reason)
{
	if (is_refused(subject))
		return;
	subject->state = INTENT_REFUSED;
	snprintf(subject->reason, sizeof(subject->reason), "%.255s", reason);
}

static void note_wans(
	struct reconcile_check *check, struct subject *subject, const struct intent *intent)
{
	const char *name;

	for (uint32_t i = 0; (name = owner_wan_of(check->rec, intent, i)); i++)
		if (*name)
			snprintf(xarray_add(&subject->wans, &subject->wan_room, &subject->wan_count,
					 sizeof(*subject->wans)),
				sizeof(*subject->wans), "%s", name);
}

static void compile_subject(struct reconcile_check *check, struct owner *subject)
{
	struct reconciler *rec = check->rec;
	const struct intent *intent = world_find(rec->world, subject->type, subject->name);
	struct rpc_error error = {0};

	if (intent && (subject->type == INTENT_SLICE || subject->type == INTENT_NETWORK))
		note_wans(check, (struct subject *)subject, intent);
	if (owner_compile(rec, subject->type, subject->name, &error))
		subject->want = form_make(NULL, &rec->compiled);
	else
		subject_refuse(subject, error.message);
	check->compiled_count++;
}

struct reconcile_check *reconciler_check_begin(struct reconciler *rec)
{
	struct reconcile_check *check = xcalloc(1, sizeof(*check));

	check->rec = rec;
	if (dataplane_state(rec->dp) != DATAPLANE_UP)
		check->why = "the dataplane is not connected";
	else if (dataplane_silent_ms(rec->dp) > rec->silent_ms)
		check->why = silent;
	else if (!rec->known)
		check->why = "what is in the dataplane is not known yet";
	return check;
}

bool reconciler_check_step(struct reconcile_check *check, const struct world_change *changes,
	size_t count, uint64_t until_us)
{
	while (check->added < count && !check->why) {
		const struct world_change *change = &changes[check->added++];

		if (change->effect != WORLD_UNCHANGED)
			add_change(check, change);
		if (check->subject_count > SUBJECTS_MOST)
			check->why = "it is too much at once";
		if (until_us && clock_mono_us() >= until_us)
			return true;
	}
	while (check->compiled_count < check->subject_count && !check->why) {
		check->next = check->next ? RB_NEXT(owner_tree, NULL, check->next)
					  : RB_MIN(owner_tree, &check->subjects);
		compile_subject(check, check->next);
		if (until_us && clock_mono_us() >= until_us)
			return check->compiled_count < check->subject_count;
	}
	return false;
}

/* ---- what it comes to ---- */

/* Its objects would be there, but nothing passes: as publish_settled() has it. */
static void refuse_for_wan(struct reconcile_check *check, struct subject *subject)
{
	char reason[REASON_BYTES];

	for (uint32_t i = 0; i < subject->wan_count; i++) {
		const char *name = subject->wans[i];
		const struct owner *wan = owner_find(&check->subjects, INTENT_WAN, name);

		if (!wan)
			wan = owner_find(&check->rec->owners, INTENT_WAN, name);
		if (!is_refused(wan) || owner_wan_is_there(check->rec, name))
			continue;
		snprintf(reason, sizeof(reason), "wan %.31s: %.200s", name, wan->reason);
		subject_refuse(&subject->owner, reason);
	}
}

static void tell(struct reconcile_check *check)
{
	struct reconcile_refusal *list = xcalloc(check->subject_count, sizeof(*list));
	struct reconcile_checked checked = {.why = check->why, .refusal = list};
	struct owner *owner;

	RB_FOREACH (owner, owner_tree, &check->subjects) {
		struct subject *subject = (struct subject *)owner;
		const struct intent *intent =
			world_find(check->rec->world, owner->type, owner->name);

		refuse_for_wan(check, subject);
		/* one that is refused already, and that nobody changes, is no news */
		if (checked.why || !is_refused(owner) ||
			(!subject->changed && intent && intent->status.state == INTENT_REFUSED))
			continue;
		list[checked.count++] = (struct reconcile_refusal){
			owner->type, subject->changed, owner->name, owner->reason};
	}
	check->done(&checked, check->arg);
	free(list);
}

static void finish(struct reconcile_check *check)
{
	tell(check);
	reconciler_check_free(check);
}

/* A dataplane that hangs holds up nobody's change: it goes on unasked. */
static void on_patience(evutil_socket_t fd, short what, void *arg)
{
	struct reconcile_check *check = arg;

	if (dataplane_silent_ms(check->rec->dp) <= check->rec->silent_ms)
		return;
	check->why = silent;
	finish(check);
}

/* ---- asking, a bit at each turn of the loop ---- */

/* Between two turns the world and the reconciler go on. Subjects hold names and forms of their own,
 * and owners are looked for each time. */

static void go_on(struct reconcile_check *check)
{
	static const struct timeval now = {0, 0};

	evtimer_add(check->turn, &now);
}

/* Its group would become another one. */
static bool is_asked(const struct reconcile_check *check, const struct owner *subject)
{
	const struct owner *owner = owner_find(&check->rec->owners, subject->type, subject->name);

	return subject->want && subject->want->revision != (owner ? owner->there : 0);
}

/* Those of other calls want something else of what they share with these. */
static void say_others(
	struct reconcile_check *check, const struct owner *from, const struct owner *to)
{
	char label[LABEL_BYTES];
	struct owner *subject;
	bool any = false, inside = false;

	RB_FOREACH (subject, owner_tree, &check->subjects) {
		inside = (inside || subject == from) && subject != to;
		if (inside || !is_asked(check, subject))
			continue;
		round_stale(&check->text, owner_label(subject, label), !any);
		any = true;
	}
	if (any)
		text_say(&check->text, "]");
}

/* The message about the subjects from check->next on; false: there is none left. */
static bool message(struct reconcile_check *check)
{
	struct owner *subject = check->next;
	char label[LABEL_BYTES];
	bool any = false;

	check->text.len = 0;
	round_begin(&check->text);
	for (; subject && check->text.len < ASK_BYTES;
		subject = RB_NEXT(owner_tree, NULL, subject)) {
		if (!is_asked(check, subject))
			continue;
		if (any)
			text_say(&check->text, ",");
		round_group(&check->text, owner_label(subject, label), subject->want);
		any = true;
	}
	text_say(&check->text, "]");
	say_others(check, check->next, subject);
	text_say(&check->text, ",\"check\":true}");
	check->next = subject;
	return any;
}

static void on_answer(const json_t *result, const json_t *error, void *arg)
{
	struct reconcile_check *check = arg;

	if (!result)
		check->why = error ? "the dataplane cannot tell: it is older, or has no memory"
				   : "the connection to the dataplane was lost";
	check->verdicts = json_incref(json_object_get(result, "groups"));
	check->told = 0;
	go_on(check);
}

/* true: there is more to do; false: it is out, or over. */
static bool ask(struct reconcile_check *check)
{
	int err;

	if (!message(check)) {
		finish(check);
		return false;
	}
	err = dataplane_call_text(
		check->rec->dp, "sync", check->text.text, check->text.len, on_answer, check);
	if (err)
		check->why = err == -EMSGSIZE ? "it is too much at once"
					      : "the dataplane is not connected";
	return err != 0;
}

static void judge(struct reconcile_check *check, const json_t *verdict)
{
	const char *label = json_string_value(json_object_get(verdict, "owner"));
	const json_t *error = json_object_get(verdict, "error");
	enum intent_type type;
	const char *name = label ? label_name(label, &type) : NULL;
	struct owner *subject = name ? owner_find(&check->subjects, type, name) : NULL;
	char reason[REASON_BYTES];

	if (!error || !subject || round_is_cured(check->rec, error))
		return;
	round_reason(error, reason);
	subject_refuse(subject, reason);
}

static bool step(struct reconcile_check *check)
{
	if (!check->verdicts)
		return ask(check);
	if (check->told < json_array_size(check->verdicts)) {
		judge(check, json_array_get(check->verdicts, check->told++));
		return true;
	}
	json_decref(check->verdicts);
	check->verdicts = NULL;
	return true;
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct reconcile_check *check = arg;
	uint64_t until_us = turn_until_us(RECONCILE_BIT_US);

	while (!check->why) {
		if (!step(check))
			return;
		if (clock_mono_us() >= until_us) {
			go_on(check);
			return;
		}
	}
	finish(check);
}

/* What was changed before is in the dataplane, or as much of it as could be soon. */
static void on_settled(bool settled, void *arg)
{
	struct reconcile_check *check = arg;

	check->waiting = 0;
	check->next = RB_MIN(owner_tree, &check->subjects);
	go_on(check);
}

void reconciler_check_run(struct reconcile_check *check, reconciler_checked done, void *arg)
{
	const struct timeval look = {.tv_usec = PATIENCE_MS * 1000};

	check->done = done;
	check->arg = arg;
	if (check->why) {
		finish(check);
		return;
	}
	check->patience = event_new(check->rec->base, -1, EV_PERSIST, on_patience, check);
	check->turn = evtimer_new(check->rec->base, on_turn, check);
	event_add(check->patience, &look);
	check->waiting = reconciler_wait(check->rec, SETTLED_MS, on_settled, check);
}

void reconciler_check_free(struct reconcile_check *check)
{
	struct owner *owner;

	if (!check)
		return;
	if (check->patience) { /* it runs */
		dataplane_forget(check->rec->dp, check);
		event_free(check->patience);
		event_free(check->turn);
	}
	if (check->waiting)
		reconciler_wait_cancel(check->rec, check->waiting);
	while ((owner = RB_MIN(owner_tree, &check->subjects))) {
		RB_REMOVE(owner_tree, &check->subjects, owner);
		form_free(owner->want);
		free(((struct subject *)owner)->wans);
		free(owner);
	}
	json_decref(check->verdicts);
	free(check->text.text);
	free(check);
}
