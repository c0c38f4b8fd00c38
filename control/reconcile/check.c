/* SPDX-License-Identifier: BSD-3-Clause */
/* Would the dataplane take a change? It is compiled while it stands in the world, and the groups
 * that would change are put to the dataplane without effect (reconciler_check() of reconcile.h).
 * Owns the checks. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "reconciler.h"
#include "turn.h"

#define SUBJECTS_MOST 10000
#define SETTLED_MS    2000
#define PATIENCE_MS   250 /* between two looks */
#define ASK_BYTES     (2u << 20)

static const char silent[] = "the dataplane does not answer";

/* An intent of the change, or one that depends on it, as it would be. */
struct subject {
	RB_ENTRY(subject) entry;
	enum intent_type type;
	api_name name;
	bool changed;  /* by the change itself */
	bool compiled; /* else it cannot be, and what is in force stays */
	bool refused;
	char reason[REASON_BYTES];
	struct form form;
	api_name *wan; /* of a slice or network: what it goes over here */
	uint32_t wans;
};

static int subject_cmp(const struct subject *a, const struct subject *b)
{
	return a->type != b->type ? (a->type < b->type ? -1 : 1) : strcmp(a->name, b->name);
}

RB_HEAD(check_subjects, subject);
RB_GENERATE_INTERNAL(check_subjects, subject, entry, subject_cmp, static __attribute__((unused)))

struct reconcile_check {
	struct reconciler *rec;
	struct check_subjects subjects;
	uint32_t subject_count;
	size_t added;		/* changes that have become subjects */
	struct subject *next;	/* to be compiled, asked about, or judged */
	bool is_compiled;	/* they all are */
	bool lost;		/* no memory */
	bool out;		/* a call is */
	const char *why;	/* it is not asked; NULL: it is */
	uint64_t waiting;	/* for what was touched before; 0: not */
	struct event *patience; /* looks whether the dataplane still answers */
	struct event *turn;	/* the next bit */
	reconciler_checked done;
	void *arg;
	struct subject *sent; /* the first of the call */
	struct text text;
	json_t *verdicts; /* of the answer; NULL: none is being judged */
	size_t told;
};

static struct subject *subject_find(
	const struct reconcile_check *check, enum intent_type type, const char *name)
{
	struct subject wanted = {.type = type};

	snprintf(wanted.name, sizeof(wanted.name), "%s", name);
	return RB_FIND(check_subjects, (struct check_subjects *)&check->subjects, &wanted);
}

static struct subject *subject_make(
	struct reconcile_check *check, enum intent_type type, const char *name)
{
	struct subject *subject = subject_find(check, type, name);

	if (subject)
		return subject;
	subject = calloc(1, sizeof(*subject));
	if (!subject) {
		check->lost = true;
		return NULL;
	}
	subject->type = type;
	snprintf(subject->name, sizeof(subject->name), "%s", name);
	RB_INSERT(check_subjects, &check->subjects, subject);
	check->subject_count++;
	return subject;
}

static void found_dependent(struct intent *dependent, void *arg)
{
	subject_make(arg, dependent->type, dependent->name);
}

static void add_change(struct reconcile_check *check, const struct world_change *change)
{
	struct subject *subject = subject_make(check, change->type, change->name);

	if (subject)
		subject->changed = true;
	for (int after = 0; after < 2; after++) {
		const json_t *spec = after ? change->after : change->before;

		if (spec)
			compile_dependents(check->rec->world, change->type, change->name, spec,
				found_dependent, check);
	}
}

static void subject_refuse(struct subject *subject, const char *reason)
{
	if (subject->refused)
		return;
	subject->refused = true;
	snprintf(subject->reason, sizeof(subject->reason), "%s", reason);
}

static void note_wans(
	struct reconcile_check *check, struct subject *subject, const struct intent *intent)
{
	const char *name;
	api_name *grown;

	if (subject->type != INTENT_SLICE && subject->type != INTENT_NETWORK)
		return;
	for (uint32_t i = 0; (name = owner_wan_of(check->rec, intent, i)); i++) {
		if (!*name)
			continue;
		grown = realloc(subject->wan, (subject->wans + 1) * sizeof(*grown));
		if (!grown) {
			check->lost = true;
			return;
		}
		subject->wan = grown;
		snprintf(grown[subject->wans++], sizeof(*grown), "%s", name);
	}
}

static void compile_subject(struct reconcile_check *check, struct subject *subject)
{
	struct reconciler *rec = check->rec;
	const struct intent *intent = world_find(rec->world, subject->type, subject->name);
	struct compiled_list list = {0};
	struct rpc_error error = {0};
	int err = intent ? compile_intent(rec->world, rec->site, intent, &list, &error) : 0;

	if (intent)
		note_wans(check, subject, intent);
	if (!err)
		err = form_make(NULL, &list, &subject->form);
	compiled_list_free(&list);
	subject->compiled = !err;
	if (err == -ENOMEM)
		check->lost = true;
	else if (err)
		subject_refuse(subject, error.message);
}

struct reconcile_check *reconciler_check_begin(struct reconciler *rec)
{
	struct reconcile_check *check = calloc(1, sizeof(*check));

	if (!check)
		return NULL;
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
	if (check->why || check->is_compiled)
		return false;
	if (!check->next)
		check->next = RB_MIN(check_subjects, &check->subjects);
	while (check->next) {
		compile_subject(check, check->next);
		check->next = RB_NEXT(check_subjects, NULL, check->next);
		if (check->next && until_us && clock_mono_us() >= until_us)
			return true;
	}
	check->is_compiled = true;
	return false;
}

int reconciler_check(struct reconciler *rec, const struct world_change *changes, size_t count,
	struct reconcile_check **out)
{
	struct reconcile_check *check = reconciler_check_begin(rec);

	*out = check;
	if (!check)
		return -ENOMEM;
	reconciler_check_step(check, changes, count, 0);
	if (!check->lost)
		return 0;
	reconciler_check_free(check);
	*out = NULL;
	return -ENOMEM;
}

/* ---- what it comes to ---- */

/* Its objects would be there, but nothing passes: as publish_settled() has it. */
static void refuse_for_wan(struct reconcile_check *check, struct subject *subject)
{
	char reason[REASON_BYTES];

	for (uint32_t i = 0; i < subject->wans && !subject->refused; i++) {
		const char *name = subject->wan[i];
		const struct subject *wan = subject_find(check, INTENT_WAN, name);
		const struct owner *owner = owner_get(check->rec, INTENT_WAN, name, false);
		bool before = !wan && owner && owner->state == INTENT_REFUSED;

		if ((!before && !(wan && wan->refused)) || owner_wan_is_there(check->rec, name))
			continue;
		snprintf(reason, sizeof(reason), "wan %.31s: %.200s", name,
			before ? owner->reason : wan->reason);
		subject_refuse(subject, reason);
	}
}

static void tell(struct reconcile_check *check)
{
	struct reconcile_refusal *list = calloc(check->subject_count + 1, sizeof(*list));
	struct reconcile_checked checked = {.why = check->why, .refusal = list};
	struct subject *subject;

	if (!list || check->lost)
		checked.why = "there is no memory to ask it";
	RB_FOREACH (subject, check_subjects, &check->subjects) {
		const struct intent *intent =
			world_find(check->rec->world, subject->type, subject->name);

		refuse_for_wan(check, subject);
		/* one that is refused already, and that nobody changes, is no news */
		if (checked.why || !subject->refused ||
			(!subject->changed && intent && intent->status.state == INTENT_REFUSED))
			continue;
		list[checked.count++] = (struct reconcile_refusal){
			subject->type, subject->changed, subject->name, subject->reason};
	}
	check->done(&checked, check->arg);
	free(list);
}

static void finish(struct reconcile_check *check)
{
	tell(check);
	check->out = false;
	reconciler_check_free(check);
}

/* A dataplane that hangs holds up nobody's change: it goes on unasked. */
static void on_patience(evutil_socket_t fd, short what, void *arg)
{
	struct reconcile_check *check = arg;

	if (dataplane_silent_ms(check->rec->dp) <= check->rec->silent_ms)
		return;
	check->why = silent;
	tell(check);
	reconciler_check_free(check);
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
static bool is_asked(const struct reconcile_check *check, const struct subject *subject)
{
	const struct owner *owner = owner_get(check->rec, subject->type, subject->name, false);

	return subject->compiled && subject->form.revision != (owner ? owner->there : 0);
}

static const char *label_of(const struct subject *subject, char *label, size_t size)
{
	snprintf(label, size, "%s %s", intent_kind(subject->type), subject->name);
	return label;
}

static void say_subject(struct reconcile_check *check, const struct subject *subject, bool first)
{
	char label[LIMIT_NAME + 64];

	if (!first)
		text_say(&check->text, ",");
	round_group(&check->text, label_of(subject, label, sizeof(label)), &subject->form);
}

/* Those of other calls want something else of what they share with these. */
static void say_others(
	struct reconcile_check *check, const struct subject *from, const struct subject *to)
{
	char label[LIMIT_NAME + 64];
	struct subject *subject;
	bool any = false, inside = false;

	RB_FOREACH (subject, check_subjects, &check->subjects) {
		inside = (inside || subject == from) && subject != to;
		if (inside || !is_asked(check, subject))
			continue;
		text_say(&check->text, any ? ",\"" : ",\"stale\":[\"");
		text_say(&check->text, label_of(subject, label, sizeof(label)));
		text_say(&check->text, "\"");
		any = true;
	}
	if (any)
		text_say(&check->text, "]");
}

/* The message about the subjects from check->next on; false: there is none left. */
static bool message(struct reconcile_check *check)
{
	struct subject *subject = check->next;
	bool any = false;

	check->text.len = 0;
	round_begin(&check->text);
	check->sent = subject;
	for (; subject && check->text.len < ASK_BYTES;
		subject = RB_NEXT(check_subjects, NULL, subject)) {
		if (!is_asked(check, subject))
			continue;
		say_subject(check, subject, !any);
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

	check->out = false;
	if (!reconcile_answered(check->rec)) /* it is gone, and nobody waits any more */
		check->done = NULL;
	if (!check->done) {
		reconciler_check_free(check);
		return;
	}
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
	err = dataplane_call_text(check->rec->dp, "sync", check->text.text, check->text.len,
		on_answer, check);
	if (err == -EMSGSIZE)
		check->why = "it is too much at once";
	else if (err == -ENOTCONN)
		check->why = "the dataplane is not connected";
	else if (err < 0)
		check->lost = true;
	check->out = !err;
	check->rec->calls += !err;
	return err != 0;
}

static struct subject *subject_labelled(struct reconcile_check *check, const char *label)
{
	const struct owner *owner = owner_labelled(check->rec, label);
	struct subject *subject;
	char own[LIMIT_NAME + 64];

	if (owner && (subject = subject_find(check, owner->type, owner->name)))
		return subject;
	RB_FOREACH (subject, check_subjects, &check->subjects)
		if (!strcmp(label_of(subject, own, sizeof(own)), label))
			return subject;
	return NULL;
}

static void judge(struct reconcile_check *check, const json_t *verdict)
{
	const char *label = json_string_value(json_object_get(verdict, "owner"));
	const json_t *error = json_object_get(verdict, "error");
	struct subject *subject = error && label ? subject_labelled(check, label) : NULL;
	char reason[REASON_BYTES];

	if (!subject || round_is_cured(check->rec, error))
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

	while (!check->why && !check->lost) {
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
	check->next = RB_MIN(check_subjects, &check->subjects);
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
	if (!check->patience || !check->turn || event_add(check->patience, &look)) {
		check->lost = true;
		finish(check);
		return;
	}
	check->waiting = reconciler_wait(check->rec, SETTLED_MS, on_settled, check);
	if (!check->waiting)
		on_settled(false, check);
}

void reconciler_check_free(struct reconcile_check *check)
{
	struct subject *subject;

	if (!check)
		return;
	check->done = NULL;
	if (check->patience)
		event_free(check->patience);
	if (check->turn)
		event_free(check->turn);
	check->patience = check->turn = NULL;
	if (check->out) /* by the answer */
		return;
	if (check->waiting)
		reconciler_wait_cancel(check->rec, check->waiting);
	while ((subject = RB_MIN(check_subjects, &check->subjects))) {
		RB_REMOVE(check_subjects, &check->subjects, subject);
		form_free(NULL, &subject->form);
		free(subject->wan);
		free(subject);
	}
	json_decref(check->verdicts);
	free(check->text.text);
	free(check);
}
