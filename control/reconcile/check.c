/* SPDX-License-Identifier: BSD-3-Clause */
/* Would the dataplane take a change? It is compiled while it stands in the world, and what would
 * differ is asked for without effect (reconciler_check() of reconcile.h). Owns the checks. */
#include "check_parts.h"
#include "clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUBJECTS_MOST	10000
#define SETTLED_MS	2000
#define REJECTIONS_MOST 16
#define SILENT_MS	1000 /* a dataplane that owes answers for so long is not waited for */
#define PATIENCE_MS	250  /* between two looks */

static const char silent[] = "the dataplane does not answer";

int check_subject_cmp(const struct subject *a, const struct subject *b)
{
	return a->type != b->type ? (a->type < b->type ? -1 : 1) : strcmp(a->name, b->name);
}

int check_probe_cmp(const struct probe *a, const struct probe *b)
{
	return a->type != b->type ? (a->type < b->type ? -1 : 1) : strcmp(a->key, b->key);
}

RB_GENERATE(check_subjects, subject, entry, check_subject_cmp)
RB_GENERATE(check_probes, probe, entry, check_probe_cmp)

/* ---- probes ---- */

struct probe *check_find(struct reconcile_check *check, enum object_type type, const char *key)
{
	_Alignas(struct probe) char room[sizeof(struct probe) + API_KEY_BYTES];
	struct probe *probe = (struct probe *)room;

	probe->type = type;
	snprintf(probe->key, API_KEY_BYTES, "%s", key);
	return RB_FIND(check_probes, &check->probes, probe);
}

struct probe *check_probe(struct reconcile_check *check, enum object_type type, const char *key)
{
	struct probe *probe = check_find(check, type, key);

	if (probe)
		return probe;
	probe = calloc(1, sizeof(*probe) + strlen(key) + 1);
	if (!probe) {
		check->lost = true;
		return NULL;
	}
	probe->type = type;
	strcpy(probe->key, key);
	RB_INSERT(check_probes, &check->probes, probe);
	return probe;
}

struct item *check_item(const struct reconcile_check *check, const struct probe *probe)
{
	return item_get(check->rec, probe->type, probe->key, false);
}

struct subject *check_subject(
	const struct reconcile_check *check, enum intent_type type, const char *name)
{
	struct subject wanted = {.type = type};

	snprintf(wanted.name, sizeof(wanted.name), "%s", name);
	return RB_FIND(check_subjects, (struct check_subjects *)&check->subjects, &wanted);
}

bool check_is_subject(const struct reconcile_check *check, const struct owner *owner)
{
	const struct subject *subject = check_subject(check, owner->type, owner->name);

	return subject && subject->compiled;
}

const struct ref *check_others_ref(const struct reconcile_check *check, const struct item *item)
{
	const struct ref *ref, *older = NULL;

	TAILQ_FOREACH (ref, &item->refs, link) {
		if (ref->set != ref->owner->in || check_is_subject(check, ref->owner))
			continue;
		if (ref->owner->in == ref->owner->want)
			return ref;
		older = older ?: ref;
	}
	return older;
}

static bool is_awaited(const struct reconcile_check *check, const struct item *item)
{
	const struct ref *ref;

	TAILQ_FOREACH (ref, &item->refs, link)
		if (ref->owner->pending && !check_is_subject(check, ref->owner))
			return true;
	return false;
}

const char *check_wanted(const struct reconcile_check *check, const struct probe *probe)
{
	struct item *item = check_item(check, probe);
	const struct ref *ref;

	if (probe->text || probe->away || !item)
		return probe->text;
	ref = check_others_ref(check, item);
	if (ref)
		return ref->text;
	if (item->mirror && !item->aside)
		return item->mirror;
	if (item_kept(check->rec, item->type, item->key) || is_awaited(check, item) ||
		leftover_of(check->rec, item) != LEFTOVER_NONE)
		return item->actual;
	return NULL;
}

/* ---- subjects ---- */

struct subject *check_subject_make(
	struct reconcile_check *check, enum intent_type type, const char *name)
{
	struct subject *subject = check_subject(check, type, name);

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
	check_subject_make(arg, dependent->type, dependent->name);
}

static void add_change(struct reconcile_check *check, const struct world_change *change)
{
	struct subject *subject = check_subject_make(check, change->type, change->name);

	if (subject)
		subject->changed = true;
	for (int after = 0; after < 2; after++) {
		const json_t *spec = after ? change->after : change->before;

		if (spec)
			compile_dependents(check->rec->world, change->type, change->name, spec,
				found_dependent, check);
	}
}

void check_refuse(struct subject *subject, const char *reason)
{
	if (subject->refused)
		return;
	subject->refused = true;
	snprintf(subject->reason, sizeof(subject->reason), "%s", reason);
}

/* Several intents that do not agree on an object: the first one has its way, as in
 * settle_contest(). */
static void contest(struct reconcile_check *check, struct subject *subject, struct probe *probe,
	const char *text)
{
	const struct item *item;
	const struct ref *ref;
	enum intent_type type;
	const char *name;
	char reason[ROUND_REASON];

	/* thousands may share it, and each is one of those that are looked through */
	if (probe->wants && !probe->contested && !strcmp(probe->text, text))
		return;
	item = check_item(check, probe);
	ref = item ? check_others_ref(check, item) : NULL;
	if (ref && ref->owner->in == ref->owner->want && strcmp(ref->text, text)) {
		type = ref->owner->type;
		name = ref->owner->name;
	} else if (probe->wants && strcmp(probe->text, text)) {
		type = probe->wants->type;
		name = probe->wants->name;
	} else {
		return;
	}
	snprintf(reason, sizeof(reason), "%s %.100s: %s %.60s wants it otherwise",
		api_types[probe->type].name, probe->key, intent_kind(type), name);
	check_refuse(subject, reason);
	subject->rejected = true;
	probe->contested = true;
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
	struct rpc_error error = {0};
	int err =
		intent ? compile_intent(rec->world, rec->site, intent, &subject->list, &error) : 0;

	if (intent)
		note_wans(check, subject, intent);
	subject->compiled = !err; /* else what is in force stays */
	if (err == -ENOMEM)
		check->lost = true;
	if (!err)
		return;
	compiled_list_clear(&subject->list);
	check_refuse(subject, error.message);
	subject->rejected = true;
}

/* What it wants, and what it wanted before. */
static void probe_subject(struct reconcile_check *check, struct subject *subject)
{
	const struct owner *owner = owner_get(check->rec, subject->type, subject->name, false);

	for (size_t i = 0; i < subject->list.count; i++) {
		const struct compiled *one = &subject->list.item[i];
		struct probe *probe = check_probe(check, one->type, one->key);

		if (!probe)
			return;
		contest(check, subject, probe, one->text);
		probe->shared = probe->wants != NULL;
		if (!probe->wants) {
			probe->wants = subject;
			probe->text = one->text;
		}
	}
	for (int set = 0; owner && set < 2; set++)
		for (uint32_t i = 0; i < owner->set[set].count; i++) {
			const struct item *item = owner->set[set].item[i].item;

			check_probe(check, item->type, item->key);
		}
}

struct reconcile_check *reconciler_check_begin(struct reconciler *rec)
{
	struct reconcile_check *check = calloc(1, sizeof(*check));

	if (!check)
		return NULL;
	check->rec = rec;
	if (dataplane_state(rec->dp) != DATAPLANE_UP)
		check->why = "the dataplane is not connected";
	else if (dataplane_silent_ms(rec->dp) > SILENT_MS)
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

/* ---- rounds ---- */

/* Its objects would be there, but nothing passes: as publish_settled() has it. */
static void refuse_for_wan(struct reconcile_check *check, struct subject *subject)
{
	char reason[ROUND_REASON];

	for (uint32_t i = 0; i < subject->wans && !subject->refused; i++) {
		const char *name = subject->wan[i];
		const struct subject *wan = check_subject(check, INTENT_WAN, name);
		const struct owner *owner = owner_get(check->rec, INTENT_WAN, name, false);
		bool before = !wan && owner && owner->state == INTENT_REFUSED;

		if ((!before && !(wan && wan->refused)) || owner_wan_is_there(check->rec, name))
			continue;
		snprintf(reason, sizeof(reason), "wan %.31s: %.200s", name,
			before ? owner->reason : wan->reason);
		check_refuse(subject, reason);
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

	if (dataplane_silent_ms(check->rec->dp) <= SILENT_MS)
		return;
	check->why = silent;
	tell(check);
	reconciler_check_free(check);
}

/* What a refused one has stays as it is in force, and nobody wants what it wanted: all is to be
 * probed again. False: there is none that this was not known of. */
static bool drop_refused(struct reconcile_check *check)
{
	struct subject *subject;
	struct probe *probe;
	bool dropped = false;

	RB_FOREACH (subject, check_subjects, &check->subjects) {
		if (!subject->refused || !subject->compiled)
			continue;
		compiled_list_clear(&subject->list);
		subject->compiled = false;
		subject->rejected = dropped = true;
	}
	if (!dropped)
		return false;
	RB_FOREACH (probe, check_probes, &check->probes) {
		probe->wants = NULL;
		probe->text = NULL;
		probe->away = probe->replace = probe->shared = probe->contested = false;
		probe->cause = NULL;
	}
	return true;
}

/* ---- a bit at each turn of the loop ---- */

/* Between two turns the world and the reconciler go on. Nothing of theirs is kept: subjects and
 * probes hold names and texts of their own, and items and owners are looked for each time. A step
 * is true when there is more to do, false when an answer is waited for or the check is gone. */

static check_step step_probe, step_drop, step_collect, step_ask, step_judge;

static bool go(struct reconcile_check *check, check_step *step)
{
	check->step = step;
	check->next = RB_MIN(check_subjects, &check->subjects);
	check->next_probe = RB_MIN(check_probes, &check->probes);
	check->judged = 0;
	return true;
}

static void go_on(struct reconcile_check *check)
{
	static const struct timeval now = {0, 0};

	evtimer_add(check->turn, &now);
}

static bool step_probe(struct reconcile_check *check)
{
	if (!check->next)
		return go(check, step_drop);
	probe_subject(check, check->next);
	check->next = RB_NEXT(check_subjects, NULL, check->next);
	return true;
}

static bool begin_again(struct reconcile_check *check)
{
	struct subject *subject;

	check->again = false;
	check->rounds++;
	RB_FOREACH (subject, check_subjects, &check->subjects)
		subject->refused = subject->rejected;
	check_collect_begin(check);
	return go(check, step_collect);
}

/* What stays because its intent is refused may be in the way of others. */
static bool step_drop(struct reconcile_check *check)
{
	if (check->rejections < REJECTIONS_MOST && drop_refused(check)) {
		check->rejections++;
		check->rounds = 0;
		check->again = true;
		return go(check, step_probe);
	}
	if (check->again)
		return begin_again(check);
	finish(check);
	return false;
}

static bool step_collect(struct reconcile_check *check)
{
	if (!check->next_probe)
		return go(check, step_ask);
	check->lost |= check_collect(check, check->next_probe) != 0;
	check->next_probe = RB_NEXT(check_probes, NULL, check->next_probe);
	return true;
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
	check->refused = json_incref(json_object_get(result, "refused"));
	go(check, step_judge);
	go_on(check);
}

static bool step_ask(struct reconcile_check *check)
{
	int err = check_message(check);

	if (err == 1)
		return check->again ? begin_again(check) : go(check, step_drop);
	if (!err)
		err = dataplane_call_text(check->rec->dp, "transaction", check->text,
			check->text_used, on_answer, check);
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

static bool step_judge(struct reconcile_check *check)
{
	if (check->judged < json_array_size(check->refused)) {
		check_judge(check, json_array_get(check->refused, check->judged++));
		return true;
	}
	json_decref(check->refused);
	check->refused = NULL;
	return go(check, step_ask);
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct reconcile_check *check = arg;
	uint64_t until_us = clock_mono_us() + RECONCILE_BIT_US;

	while (!check->why && !check->lost) {
		if (!check->step(check))
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
	check->again = true;
	go(check, step_probe);
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
	struct probe *probe;

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
		compiled_list_free(&subject->list);
		free(subject->wan);
		free(subject);
	}
	while ((probe = RB_MIN(check_probes, &check->probes))) {
		RB_REMOVE(check_probes, &check->probes, probe);
		free(probe);
	}
	json_decref(check->refused);
	check_text_free(check);
	free(check);
}
