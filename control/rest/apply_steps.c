/* SPDX-License-Identifier: BSD-3-Clause */
/* The change of an apply, a bit at each turn of the loop: put, pruned, checked, stored, published,
 * told. Until it is published nobody else sees anything of it, and it may be given up; from its way
 * to the store on it is made whoever is still there to hear of it. Owns the one that has the line.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "apply.h"
#include "mirror_link.h"
#include "clock.h"
#include "making.h"
#include "turn.h"

#define BIT_US 5000

typedef enum apply_next apply_step(struct applying *a, uint64_t until_us);

static struct applying *running;
static struct event *turn, *told; /* the next bit; the store has an answer */
static int told_fd = -1;

static apply_step step_put, step_prune, step_tenant, step_check, step_collect, step_collect_same,
	step_difference, step_rehearse, step_undo, step_texts, step_store, step_touch, step_tell,
	step_finish;

static enum apply_next go(struct applying *a, apply_step *step)
{
	a->step = step;
	a->at = 0;
	return APPLY_ON;
}

static bool is_late(uint64_t until_us)
{
	return clock_mono_us() >= until_us;
}

static enum apply_next over(struct applying *a)
{
	running = NULL;
	apply_free(a);
	line_release();
	return APPLY_OVER;
}

/* The world is as it was before, and answers so at once; what was put is put away. */
static enum apply_next give_up(struct applying *a, apply_step *next)
{
	if (a->c.open)
		world_discard(control.world);
	a->c.open = false;
	return go(a, next);
}

static struct request *answer_now(struct applying *a)
{
	struct request *r = a->r;

	if (r)
		request_on_gone(r, NULL, NULL);
	a->r = NULL;
	return r;
}

static enum apply_next refuse(struct applying *a)
{
	struct request *r = answer_now(a);

	give_up(a, step_finish);
	if (r)
		change_reply_refusal(&a->c, r);
	return APPLY_ON;
}

static enum apply_next no_memory(struct applying *a)
{
	change_fail(&a->c, 500, "out of memory; try again");
	return refuse(a);
}

/* ---- what is asked for ---- */

static enum apply_next step_put(struct applying *a, uint64_t until_us)
{
	bool more;

	do {
		if (apply_put(a, &more))
			return refuse(a);
		if (!more)
			return go(a, step_prune);
	} while (!is_late(until_us));
	return APPLY_ON;
}

static enum apply_next step_prune(struct applying *a, uint64_t until_us)
{
	bool more;

	do {
		if (apply_prune(a, &more))
			return refuse(a);
		if (!more)
			return go(a, actor_limited(&a->actor) ? step_tenant : step_check);
	} while (!is_late(until_us));
	return APPLY_ON;
}

static enum apply_next step_tenant(struct applying *a, uint64_t until_us)
{
	struct world_change one;

	while (a->at < world_touched(control.world)) {
		if (world_change_at(control.world, a->at++, &one) &&
			change_check_tenant(&a->c, &one))
			return refuse(a);
		if (is_late(until_us))
			return APPLY_ON;
	}
	return go(a, step_check);
}

static enum apply_next step_check(struct applying *a, uint64_t until_us)
{
	struct change *c = &a->c;
	int rc = world_check_step(control.world, until_us, &c->err);

	if (rc < 0) {
		change_refused_by_rules(c);
		return refuse(a);
	}
	if (rc)
		return APPLY_ON;
	c->changed = calloc(world_touched(control.world) + 1, sizeof(*c->changed));
	return c->changed ? go(a, step_collect) : no_memory(a);
}

/* ---- what it does ---- */

static enum apply_next decide(struct applying *a)
{
	struct change *c = &a->c;

	c->revision = store_revision(control.store) + (c->changed_count ? 1 : 0);
	if (a->dry_run) {
		text_say(&a->answer.text, "{\"dry_run\":true,\"changes\":[");
		return go(a, step_difference);
	}
	return go(a, rehearse_wants(c, a->r) ? step_rehearse : step_texts);
}

/* The changed ones, then those that were put as they are. */
static enum apply_next collect(struct applying *a, bool same, uint64_t until_us)
{
	struct change *c = &a->c;
	struct world_change one;

	while (a->at < world_touched(control.world)) {
		bool is_one = world_change_at(control.world, a->at++, &one);

		if (is_one && !same)
			c->effects[one.effect]++;
		if (is_one && !same && one.effect != WORLD_UNCHANGED)
			c->changed[c->changed_count++] = one;
		if (is_one && same && one.effect == WORLD_UNCHANGED && one.asked)
			c->changed[c->noted_count++] = one;
		if (is_late(until_us))
			return APPLY_ON;
	}
	if (same)
		return decide(a);
	c->noted_count = c->changed_count;
	return go(a, step_collect_same);
}

static enum apply_next step_collect(struct applying *a, uint64_t until_us)
{
	return collect(a, false, until_us);
}

static enum apply_next step_collect_same(struct applying *a, uint64_t until_us)
{
	return collect(a, true, until_us);
}

static void add_json(struct text *text, size_t at, json_t *json)
{
	if (at)
		text_add(text, ",", 1);
	text_add_json(text, json);
	text->failed |= !json;
	json_decref(json);
}

static enum apply_next step_difference(struct applying *a, uint64_t until_us)
{
	while (a->at < a->c.changed_count) {
		add_json(&a->answer.text, a->at, change_difference(&a->c.changed[a->at]));
		a->at++;
		if (is_late(until_us))
			return APPLY_ON;
	}
	text_add(&a->answer.text, "]", 1);
	return a->answer.text.failed ? no_memory(a) : go(a, step_rehearse);
}

/* It is compiled as it stands; the dataplane is asked when the world is as it was. */
static enum apply_next step_rehearse(struct applying *a, uint64_t until_us)
{
	if (!a->check)
		a->check = reconciler_check_begin(control.reconciler);
	if (!a->check)
		return no_memory(a);
	if (reconciler_check_step(a->check, a->c.changed, a->c.changed_count, until_us))
		return APPLY_ON;
	return give_up(a, step_undo);
}

static enum apply_next step_undo(struct applying *a, uint64_t until_us)
{
	struct reconcile_check *check = a->check;
	struct text text = a->answer.text;
	struct actor actor = a->actor;
	struct request *r;
	bool dry_run = a->dry_run;

	if (!world_finish(control.world, until_us))
		return APPLY_ON;
	r = answer_now(a);
	a->check = NULL;
	a->answer.text = (struct text){.text = NULL};
	over(a);
	rehearse_run(r, &actor, check, dry_run ? &text : NULL, apply_post);
	return APPLY_OVER;
}

/* ---- it becomes so ---- */

static json_t *summary(const struct change *c)
{
	return json_pack("{s:I, s:i, s:i, s:i, s:i}", "revision", (json_int_t)c->revision,
		"created", c->effects[WORLD_CREATED], "updated", c->effects[WORLD_UPDATED],
		"unchanged", c->effects[WORLD_UNCHANGED], "deleted", c->effects[WORLD_DELETED]);
}

/* What the store keeps to answer again: all, or, where that is long, all but the list. */
static int keep_answer(struct applying *a)
{
	struct text *text = &a->answer.text;
	json_t *kept = summary(&a->c);

	if (text->len < ANSWER_BYTES) {
		a->again_text = malloc(text->len + 2);
		if (a->again_text) {
			memcpy(a->again_text, text->text, text->len);
			memcpy(a->again_text + text->len, "}", 2);
		}
	} else {
		json_object_set_new(kept, "left_out", json_pack("[s]", "changes"));
		a->again_text = json_dumps(kept, JSON_COMPACT);
	}
	json_decref(kept);
	a->again = a->idempotency.answer;
	a->again.status = 200;
	a->again.body = a->again_text;
	return a->again_text ? 0 : -ENOMEM;
}

static int texts_begin(struct applying *a)
{
	struct change *c = &a->c;
	json_t *head = summary(c);

	c->notes = calloc(c->noted_count + 1, sizeof(*c->notes));
	a->texts = calloc(c->changed_count + 1, sizeof(*a->texts));
	text_add_json(&a->answer.text, head);
	a->answer.text.failed |= !head;
	json_decref(head);
	if (!c->notes || !a->texts || a->answer.text.failed)
		return -ENOMEM;
	a->answer.text.len--; /* its end comes last */
	text_say(&a->answer.text, ",\"changes\":[");
	return 0;
}

static int text_one(struct applying *a, size_t at)
{
	struct change *c = &a->c;
	const struct world_change *one = &c->changed[at];

	change_note(one, &c->notes[at]);
	if (at >= c->changed_count)
		return 0;
	if (change_texts(one, &a->texts[at])) {
		free((char *)a->texts[at].before);
		free((char *)a->texts[at].after);
		return -ENOMEM;
	}
	a->text_count++;
	change_format(one, &a->commit.format);
	add_json(&a->answer.text, at,
		json_pack("{s:s, s:s, s:s}", "kind", intent_kind(one->type), "name", one->name,
			"effect", effect_names[one->effect]));
	return a->answer.text.failed ? -ENOMEM : 0;
}

static enum apply_next step_texts(struct applying *a, uint64_t until_us)
{
	if (!a->texts && texts_begin(a))
		return no_memory(a);
	while (a->at < a->c.noted_count) {
		if (text_one(a, a->at++))
			return no_memory(a);
		if (is_late(until_us))
			return APPLY_ON;
	}
	text_add(&a->answer.text, "]", 1);
	if (a->answer.text.failed || (a->key[0] && keep_answer(a)))
		return no_memory(a);
	return go(a, step_store);
}

/* Nothing has changed: there is little to write. */
static enum apply_next store_nothing(struct applying *a)
{
	int err = change_store(&a->c, a->key[0] ? &a->again : NULL);

	if (err) {
		change_not_stored(&a->c, err);
		return refuse(a);
	}
	a->c.committed = true;
	return give_up(a, step_tell);
}

static enum apply_next step_store(struct applying *a, uint64_t until_us)
{
	int err;

	if (!a->c.changed_count)
		return store_nothing(a);
	a->commit.changes = a->texts;
	a->commit.count = a->c.changed_count;
	a->commit.actor = a->actor.name;
	a->commit.source = a->actor.source;
	a->commit.action = a->line;
	a->commit.now_us = a->c.now_us;
	a->commit.answer = a->key[0] ? &a->again : NULL;
	err = store_commit_begin(control.store, &a->commit, told_fd);
	if (err) {
		change_not_stored(&a->c, err);
		return refuse(a);
	}
	a->stored = true;
	return APPLY_WAIT;
}

static enum apply_next publish(struct applying *a)
{
	struct change *c = &a->c;
	int err = store_commit_end(control.store, &c->revision);

	if (err) {
		a->stored = false;
		change_not_stored(c, err);
		return refuse(a);
	}
	world_publish(control.world, c->revision, c->now_us, a->actor.name);
	c->open = false;
	c->committed = true;
	mirror_link_touch(control.mirror);
	return go(a, step_touch);
}

static enum apply_next step_touch(struct applying *a, uint64_t until_us)
{
	while (a->at < a->c.changed_count) {
		reconciler_touch(control.reconciler, &a->c.changed[a->at++], 1);
		if (is_late(until_us))
			return APPLY_ON;
	}
	return go(a, step_tell);
}

static enum apply_next step_tell(struct applying *a, uint64_t until_us)
{
	struct request *r;

	while (a->at < a->c.changed_count) {
		change_tell(&a->c, &a->c.notes[a->at++]);
		if (is_late(until_us))
			return APPLY_ON;
	}
	r = answer_now(a);
	if (r) {
		a->answer.status = 200;
		a->answer.type = -1;
		change_answered(&a->c, r, &a->answer);
	}
	return go(a, step_finish);
}

/* ---- turns ---- */

static enum apply_next step_finish(struct applying *a, uint64_t until_us)
{
	while (a->text_count) {
		a->text_count--;
		free((char *)a->texts[a->text_count].before);
		free((char *)a->texts[a->text_count].after);
		if (is_late(until_us))
			return APPLY_ON;
	}
	return world_finish(control.world, until_us) ? over(a) : APPLY_ON;
}

static void run(void)
{
	static const struct timeval now = {0, 0};
	uint64_t until_us = turn_until_us(BIT_US);
	enum apply_next next;

	do {
		world_enter(control.world);
		next = running->step(running, until_us);
		world_leave(control.world);
	} while (next == APPLY_ON && !is_late(until_us));
	if (next == APPLY_ON)
		evtimer_add(turn, &now);
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
	if (running)
		run();
}

static void on_told(evutil_socket_t fd, short what, void *arg)
{
	eventfd_t count;

	if (!eventfd_read(fd, &count) && running && running->stored && running->c.open) {
		publish(running);
		run();
	}
}

/* Before it is stored it is given up; afterwards only the answer is. */
static void on_gone(void *arg)
{
	struct applying *a = arg;
	static const struct timeval now = {0, 0};

	a->r = NULL;
	if (a->stored || a->c.committed || a->step == step_finish)
		return;
	give_up(a, step_finish);
	evtimer_add(turn, &now);
}

static int events_make(void)
{
	if (told)
		return 0;
	told_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	turn = evtimer_new(control.base, on_turn, NULL);
	told = told_fd >= 0 ? event_new(control.base, told_fd, EV_READ | EV_PERSIST, on_told, NULL)
			    : NULL;
	return turn && told && !event_add(told, NULL) ? 0 : -ENOMEM;
}

/* The line is free. */
void apply_run(void *arg)
{
	struct applying *a = arg;
	struct request *r = a->r;

	if (idempotency_begin(r, &a->idempotency)) {
		apply_free(a);
		return;
	}
	if (a->idempotency.answer.key) {
		snprintf(a->key, sizeof(a->key), "%s", a->idempotency.answer.key);
		a->idempotency.answer.key = a->key;
	}
	snprintf(a->line, sizeof(a->line), "%s", request_line(r));
	a->dry_run = request_flag(r, "dry_run");
	if (events_make() || change_begin(&a->c, &a->actor, a->line)) {
		apply_free(a);
		reply_problem(r, 503, "out of memory; try again");
		return;
	}
	line_take();
	running = a;
	request_on_gone(r, on_gone, a);
	if (apply_envelope(a))
		refuse(a);
	else
		go(a, step_put);
	run();
}

void apply_steps_free(struct applying *a)
{
	change_texts_free(a->texts, a->text_count);
	reconciler_check_free(a->check);
	free(a->again_text);
	free(a->answer.text.text);
	change_end(&a->c);
}

void rest_stop(void)
{
	struct applying *a = running;

	if (a && a->stored && a->c.open) /* the texts are the store's until then */
		store_commit_end(control.store, &a->c.revision);
	running = NULL;
	if (a)
		apply_free(a);
	line_stop();
	if (told)
		event_free(told);
	if (turn)
		event_free(turn);
	if (told_fd >= 0)
		close(told_fd);
	told = turn = NULL;
	told_fd = -1;
}
