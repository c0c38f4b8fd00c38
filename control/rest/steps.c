/* SPDX-License-Identifier: BSD-3-Clause */
/* A change, a bit at each turn of the loop: put, checked, put to the dataplane's own checks (before
 * it is made, or instead: ?dry_run), stored, published, told and answered, at once or when the
 * dataplane has it (?wait=). Until it is published nobody else sees anything of it, and it may be
 * given up; from its way to the store on it is made whoever is still there to hear of it. Owns the
 * one that has the line, and what waits for the dataplane. */
#include <errno.h>
#include <event2/http.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "alloc.h"
#include "bus.h"
#include "change.h"
#include "clock.h"
#include "making.h"
#include "mirror_link.h"
#include "turn.h"

#define BIT_US 5000
/* Larger ones are made at once, and what is refused is told by ?wait= and status: their documents
 * would have to be read twice. */
#define FIRST_MOST 1000

static const char *const effect_names[] = {"created", "updated", "unchanged", "deleted", NULL};

static struct change *running;
static struct event *turn, *told; /* the next bit; the store has an answer */
static int told_fd = -1;

typedef enum change_next change_step(struct change *c, uint64_t until_us);

static change_step step_begin, step_put, step_tenant, step_check, step_collect, step_collect_same,
	step_difference, step_rehearse, step_texts, step_store, step_stored, step_touch, step_tell,
	step_finish;

static enum change_next go(struct change *c, change_step *step)
{
	c->step = step;
	c->at = 0;
	return CHANGE_ON;
}

static bool is_late(uint64_t until_us)
{
	return clock_mono_us() >= until_us;
}

struct change *change_new(struct request *r, const struct actor *actor, const char *line)
{
	struct change *c = xcalloc(1, sizeof(*c));

	c->r = r;
	c->actor = *actor;
	snprintf(c->line, sizeof(c->line), "%s", line);
	c->step = step_begin;
	return c;
}

/* Of an apply on its way: the store's checkpoint would keep it waiting. */
void change_hold(struct change *c, bool holds)
{
	if (c->holds != holds)
		store_hold(control.store, holds ? 1 : -1);
	c->holds = holds;
}

static void texts_free(struct store_change *one)
{
	free((char *)one->before);
	free((char *)one->after);
}

void change_free(struct change *c)
{
	if (c->open)
		world_rollback(control.world);
	change_hold(c, false);
	for (size_t i = 0; i < c->drafts; i++)
		draft_free(&c->draft[i]);
	free(c->draft);
	json_decref(c->named);
	while (c->text_count)
		texts_free(&c->texts[--c->text_count]);
	free(c->texts);
	free(c->changed);
	free(c->notes);
	reconciler_check_free(c->check);
	json_decref(c->body);
	free(c->text.text);
	free(c->again_text);
	free(c);
}

/* ---- refused, or given up ---- */

/* The world counts puts and deletes: "[2].mtu" becomes "documents[2].mtu" in an apply, "mtu"
 * elsewhere. */
static void path_translate(struct change *c)
{
	char rest[sizeof(c->err.path)];
	unsigned at;
	int length = 0;

	if (sscanf(c->err.path, "[%u]%n", &at, &length) != 1 || !length)
		return;
	if (c->err.path[length] == '.')
		length++;
	snprintf(rest, sizeof(rest), "%s", c->err.path + length);
	snprintf(c->err.path, sizeof(c->err.path), "%s", rest);
	if (at < c->documents)
		rpc_error_prefix(&c->err, "documents[%u]", at);
}

static void answer_refusal(struct change *c)
{
	path_translate(c);
	if (c->refusal_status)
		reply_problem(c->r, c->refusal_status, "%s", c->err.message);
	else
		reply_error(c->r, &c->err);
	change_free(c);
}

/* The world is as it was before, and answers so at once; what was put is put away. */
static enum change_next give_up(struct change *c, change_step *next)
{
	if (c->open)
		world_discard(control.world);
	c->open = false;
	return go(c, next);
}

static enum change_next refuse(struct change *c)
{
	c->then = answer_refusal;
	return give_up(c, step_finish);
}

static enum change_next not_stored(struct change *c, int err)
{
	if (err == -ENOSPC)
		change_fail(c, 507,
			"the disk of the store is full; nothing was changed: make room and try "
			"again");
	else
		change_fail(c, 503, "the store failed (%s); nothing was changed: try again",
			strerror(-err));
	return refuse(c);
}

/* ---- put and checked ---- */

static enum change_next step_begin(struct change *c, uint64_t until_us)
{
	c->now_us = clock_wall_us();
	if (world_begin(control.world)) {
		change_fail(c, 503, "another change is being made; try again");
		return refuse(c);
	}
	c->open = true;
	if (actor_limited(&c->actor))
		world_limit(control.world);
	return go(c, step_put);
}

static enum change_next step_put(struct change *c, uint64_t until_us)
{
	bool more;

	do {
		if (c->put(c, &more))
			return refuse(c);
		if (!more)
			return go(c, actor_limited(&c->actor) ? step_tenant : step_check);
	} while (!is_late(until_us));
	return CHANGE_ON;
}

static enum change_next step_tenant(struct change *c, uint64_t until_us)
{
	struct world_change one;

	while (c->at < world_touched(control.world)) {
		if (world_change_at(control.world, c->at++, &one) && change_check_tenant(c, &one))
			return refuse(c);
		if (is_late(until_us))
			return CHANGE_ON;
	}
	return go(c, step_check);
}

static enum change_next step_check(struct change *c, uint64_t until_us)
{
	int rc = world_check_step(control.world, until_us, &c->err);

	if (rc < 0) {
		change_refused_by_rules(c);
		return refuse(c);
	}
	if (rc)
		return CHANGE_ON;
	c->changed = xcalloc(world_touched(control.world) + 1, sizeof(*c->changed));
	return go(c, step_collect);
}

/* Is it to be put to the dataplane before it is made? */
static bool is_asked_first(const struct change *c)
{
	return c->r && !request_marked(c->r) && c->changed_count &&
	       c->changed_count <= FIRST_MOST &&
	       (!request_query(c->r, "check") || request_flag(c->r, "check"));
}

static enum change_next decide(struct change *c)
{
	c->revision = store_revision(control.store) + (c->changed_count ? 1 : 0);
	if (c->dry_run) {
		text_say(&c->text, "{\"dry_run\":true,\"changes\":[");
		return go(c, step_difference);
	}
	return go(c, is_asked_first(c) ? step_rehearse : step_texts);
}

/* The changed ones, then those that were put as they are. */
static enum change_next collect(struct change *c, bool same, uint64_t until_us)
{
	struct world_change one;

	while (c->at < world_touched(control.world)) {
		bool is_one = world_change_at(control.world, c->at++, &one);

		if (is_one && !same)
			c->effects[one.effect]++;
		if (is_one && !same && one.effect != WORLD_UNCHANGED)
			c->changed[c->changed_count++] = one;
		if (is_one && same && one.effect == WORLD_UNCHANGED && one.asked)
			c->changed[c->noted_count++] = one;
		if (is_late(until_us))
			return CHANGE_ON;
	}
	if (same)
		return decide(c);
	c->noted_count = c->changed_count;
	return go(c, step_collect_same);
}

static enum change_next step_collect(struct change *c, uint64_t until_us)
{
	return collect(c, false, until_us);
}

static enum change_next step_collect_same(struct change *c, uint64_t until_us)
{
	return collect(c, true, until_us);
}

/* ---- put to the dataplane's own checks ---- */

/* json is stolen. */
static void add_json(struct text *text, bool is_first, json_t *json)
{
	if (!is_first)
		text_add(text, ",", 1);
	text_add_json(text, json);
	json_decref(json);
}

static enum change_next step_difference(struct change *c, uint64_t until_us)
{
	while (c->at < c->changed_count) {
		const struct world_change *one = &c->changed[c->at];

		add_json(&c->text, !c->at++,
			json_pack("{s:s, s:s, s:s, s:O?, s:O?}", "kind", intent_kind(one->type),
				"name", one->name, "effect", effect_names[one->effect], "before",
				one->before, "after", one->after));
		if (is_late(until_us))
			return CHANGE_ON;
	}
	text_add(&c->text, "]", 1);
	return go(c, step_rehearse);
}

/* A tenant hears of its own intents, and no names of others'. */
static json_t *refused_json(const struct actor *actor, const struct reconcile_checked *checked)
{
	char text[sizeof(((struct intent *)0)->status.reason)];
	json_t *out = json_array();

	for (size_t i = 0; i < checked->count; i++) {
		const struct reconcile_refusal *one = &checked->refusal[i];
		const struct intent *intent = world_find(control.world, one->type, one->name);
		bool limited = actor_limited(actor);

		if (limited && (intent ? !actor_sees_intent(actor, intent) : !one->changed))
			continue;
		json_array_append_new(
			out, json_pack("{s:s, s:s, s:s}", "kind", intent_kind(one->type), "name",
				     one->name, "reason",
				     world_told(control.world, limited ? actor->tenant : "",
					     one->reason, text, sizeof(text))));
	}
	return out;
}

static void reply_refused(struct request *r, json_t *refused)
{
	const json_t *first = json_array_get(refused, 0);
	struct rpc_error err = {.code = RPC_ERR_CONFLICT};
	char more[80] = "";

	if (json_array_size(refused) > 1)
		snprintf(more, sizeof(more), "; and %zu more (refused)",
			json_array_size(refused) - 1);
	snprintf(err.message, sizeof(err.message), "the dataplane would refuse %s %.64s: %.120s%s",
		json_string_value(json_object_get(first, "kind")),
		json_string_value(json_object_get(first, "name")),
		json_string_value(json_object_get(first, "reason")), more);
	reply_error_with(r, &err, "refused", refused);
}

static void on_checked(const struct reconcile_checked *checked, void *arg)
{
	struct change *c = arg;
	json_t *refused = refused_json(&c->actor, checked);

	c->check = NULL; /* it frees itself */
	request_on_gone(c->r, NULL, NULL);
	if (c->dry_run) {
		text_say(&c->text, ",\"refused\":");
		add_json(&c->text, true, json_incref(refused));
		text_say(&c->text, ",\"dataplane\":");
		add_json(&c->text, true,
			json_pack("{s:s, s:b, s:s*}", "site", control.site, "asked", !checked->why,
				"why", checked->why));
		text_say(&c->text, "}");
		reply_json_text(c->r, &c->text);
	} else if (json_array_size(refused)) {
		reply_refused(c->r, refused);
	} else {
		request_mark(c->r);
		c->handler(c->r);
	}
	json_decref(refused);
	change_free(c);
}

static void checked_gone(void *arg)
{
	change_free(arg);
}

static void ask_dataplane(struct change *c)
{
	request_on_gone(c->r, checked_gone, c);
	reconciler_check_run(c->check, on_checked, c);
}

/* It is compiled as it stands; the dataplane is asked when the world is as it was. */
static enum change_next step_rehearse(struct change *c, uint64_t until_us)
{
	if (!c->check)
		c->check = reconciler_check_begin(control.reconciler);
	if (reconciler_check_step(c->check, c->changed, c->changed_count, until_us))
		return CHANGE_ON;
	c->then = ask_dataplane;
	return give_up(c, step_finish);
}

/* ---- what is stored, and answered ---- */

static json_t *summary(const struct change *c)
{
	return json_pack("{s:I, s:i, s:i, s:i, s:i}", "revision", (json_int_t)c->revision,
		"created", c->effects[WORLD_CREATED], "updated", c->effects[WORLD_UPDATED],
		"unchanged", c->effects[WORLD_UNCHANGED], "deleted", c->effects[WORLD_DELETED]);
}

static void answer_begin_apply(struct change *c)
{
	add_json(&c->text, true, summary(c));
	c->text.len--; /* its end comes last */
	text_say(&c->text, ",\"changes\":[");
	c->status = 200;
}

static void answer_make_one(struct change *c)
{
	const struct world_change *one = c->changed;

	while (one->type != c->type || strcmp(one->name, c->name))
		one++;
	c->status = one->effect == WORLD_CREATED ? 201 : one->intent ? 200 : 204;
	c->has_location = one->effect == WORLD_CREATED;
	if (!one->intent)
		return;
	c->body = show_change(c, one);
	c->wrote = one->effect == WORLD_UNCHANGED ? one->intent->revision : c->revision;
	etag_of(c->wrote, c->again_etag);
	c->again.etag = c->again_etag;
}

/* What is kept of an answer to be given again: all of it, or, where that is long, its small fields
 * and the names of the others. */
static char *answer_keep(const struct change *c)
{
	char *text = c->is_apply ? xprintf("%.*s}", (int)c->text.len, c->text.text)
				 : json_dumps(c->body, JSON_COMPACT);
	json_t *kept, *left_out, *value;
	const char *name;
	void *next;

	if (!text || strlen(text) <= ANSWER_BYTES)
		return text;
	free(text);
	kept = c->is_apply ? summary(c) : json_copy(c->body);
	left_out = c->is_apply ? json_pack("[s]", "changes") : json_array();
	json_object_foreach_safe (kept, next, name, value) {
		if (json_dumpb(value, NULL, 0, JSON_COMPACT | JSON_ENCODE_ANY) > ANSWER_BYTES / 8) {
			json_array_append_new(left_out, json_string(name));
			json_object_del(kept, name);
		}
	}
	json_object_set_new(kept, "left_out", left_out);
	text = json_dumps(kept, JSON_COMPACT);
	json_decref(kept);
	return text;
}

static const char *tenant_of(const struct world_change *one)
{
	const char *tenant = one->intent
				     ? one->intent->tenant
				     : json_string_value(json_object_get(one->before, "tenant"));

	return tenant ? tenant : "";
}

static char *text_of(const json_t *json)
{
	return json ? json_dumps(json, JSON_COMPACT) : NULL;
}

/* What the store gets, what is noted for later, what is answered of one. */
static void text_one(struct change *c, size_t at)
{
	const struct world_change *one = &c->changed[at];
	struct change_note *note = &c->notes[at];
	uint32_t format = one->after ? intent_format(one->type, one->after) : 0;

	note->type = one->type;
	note->effect = one->effect;
	snprintf(note->name, sizeof(note->name), "%s", one->name);
	snprintf(note->tenant, sizeof(note->tenant), "%s", tenant_of(one));
	if (at >= c->changed_count)
		return;
	c->texts[c->text_count++] = (struct store_change){.kind = intent_kind(one->type),
		.name = one->name,
		.before = text_of(one->before),
		.after = text_of(one->after)};
	if (format > c->commit.format)
		c->commit.format = format;
	if (c->is_apply)
		add_json(&c->text, !at,
			json_pack("{s:s, s:s, s:s}", "kind", intent_kind(one->type), "name",
				one->name, "effect", effect_names[one->effect]));
}

static enum change_next step_texts(struct change *c, uint64_t until_us)
{
	if (!c->texts) {
		c->notes = xcalloc(c->noted_count + 1, sizeof(*c->notes));
		c->texts = xcalloc(c->changed_count + 1, sizeof(*c->texts));
		if (c->is_apply)
			answer_begin_apply(c);
		else if (c->r)
			answer_make_one(c);
	}
	while (c->at < c->noted_count) {
		text_one(c, c->at++);
		if (is_late(until_us))
			return CHANGE_ON;
	}
	if (c->is_apply)
		text_add(&c->text, "]", 1);
	if (c->again.key) {
		c->again_text = answer_keep(c);
		c->again.status = c->status;
		c->again.body = c->again_text ? c->again_text : "";
	}
	return go(c, step_store);
}

/* ---- it becomes so ---- */

static enum change_next stored(struct change *c, int err)
{
	c->committed = !err;
	if (err)
		return not_stored(c, err);
	if (!c->changed_count)
		return give_up(c, step_tell);
	world_publish(control.world, c->revision, c->now_us, c->actor.name);
	c->open = false;
	return go(c, step_touch);
}

/* That of an apply may be long, and is the store's thread's. */
static enum change_next step_store(struct change *c, uint64_t until_us)
{
	int err;

	c->commit.changes = c->texts;
	c->commit.count = c->changed_count;
	c->commit.actor = c->actor.name;
	c->commit.source = c->actor.source;
	c->commit.action = c->line;
	c->commit.now_us = c->now_us;
	c->commit.answer = c->again.key ? &c->again : NULL;
	if (!c->changed_count && !c->again.key)
		return stored(c, store_audit_add(control.store, c->actor.name, c->actor.source,
					 c->line, 200, "unchanged", c->now_us));
	if (!c->changed_count || !c->is_apply)
		return stored(c, store_commit(control.store, &c->commit, &c->revision));
	err = store_commit_begin(control.store, &c->commit, told_fd);
	if (err)
		return not_stored(c, err);
	c->committed = true;
	go(c, step_stored);
	return CHANGE_WAIT;
}

static enum change_next step_stored(struct change *c, uint64_t until_us)
{
	return stored(c, store_commit_end(control.store, &c->revision));
}

static enum change_next step_touch(struct change *c, uint64_t until_us)
{
	while (c->at < c->changed_count) {
		mirror_link_changed(control.mirror, &c->changed[c->at]);
		reconciler_touch(control.reconciler, &c->changed[c->at++], 1);
		if (is_late(until_us))
			return CHANGE_ON;
	}
	return go(c, step_tell);
}

/* The F-TEIDs of a session, put or chosen, for whoever tells gNBs and SMFs. NULL: it has none. */
static json_t *teids_of(const struct change_note *note)
{
	const struct intent *intent = world_find(control.world, note->type, note->name);
	const struct api_pdrs *pdrs;
	json_t *out = NULL;

	if (note->type != INTENT_SESSION || !intent)
		return NULL;
	pdrs = &intent->obj->session.session.pdrs;
	for (uint32_t i = 0; i < pdrs->count; i++) {
		if (!pdrs->item[i].gtpu[0])
			continue;
		out = out ? out : json_array();
		json_array_append_new(out,
			json_pack("{s:I, s:s, s:I}", "pdr", (json_int_t)pdrs->item[i].id, "gtpu",
				pdrs->item[i].gtpu, "teid", (json_int_t)pdrs->item[i].teid));
	}
	return out;
}

static void tell(const struct change *c, const struct change_note *note)
{
	static const char *const events[] = {
		"intent.created", "intent.updated", NULL, "intent.deleted"};

	bus_publish(LOG_INFO_, events[note->effect], note->tenant,
		json_pack("{s:s, s:s, s:I, s:s, s:o*}", "kind", intent_kind(note->type), "name",
			note->name, "revision", (json_int_t)c->revision, "actor", c->actor.name,
			"teids", teids_of(note)));
}

static void answer(struct change *c);

static enum change_next step_tell(struct change *c, uint64_t until_us)
{
	while (c->at < c->changed_count) {
		tell(c, &c->notes[c->at++]);
		if (is_late(until_us))
			return CHANGE_ON;
	}
	c->then = answer;
	return go(c, step_finish);
}

static enum change_next step_finish(struct change *c, uint64_t until_us)
{
	while (c->text_count) {
		texts_free(&c->texts[--c->text_count]);
		if (is_late(until_us))
			return CHANGE_ON;
	}
	return world_finish(control.world, until_us) ? CHANGE_OVER : CHANGE_ON;
}

/* ---- the answer ---- */

static void location_add(struct change *c)
{
	char *encoded = evhttp_uriencode(c->name, -1, 0), text[256];

	snprintf(text, sizeof(text), "/v1/%s/%s", intent_path(c->type), encoded);
	reply_header(c->r, "Location", text);
	free(encoded);
}

void reply_json_text(struct request *r, struct text *text)
{
	struct shared_text *made = shared_text_new(text->text, text->len);

	text->text = NULL;
	reply_shared(r, "application/json", made);
	shared_text_put(made);
}

static void answer_send(struct change *c)
{
	if (c->is_apply) {
		text_say(&c->text, "}");
		reply_json_text(c->r, &c->text);
		return;
	}
	if (c->again.etag)
		reply_header(c->r, "ETag", c->again.etag);
	if (c->has_location)
		location_add(c);
	if (c->body)
		reply_json(c->r, c->status, json_incref(c->body));
	else
		reply_nothing(c->r, c->status);
}

/* What of an apply the dataplane has refused by now, one at a time: also what was refused before,
 * and is put again as it is. */
static bool refused_step(void *state, struct text *unused)
{
	struct change *c = state;
	const struct change_note *note = &c->notes[c->at];
	const struct intent *intent;
	char reason[sizeof(intent->status.reason)];

	if (c->at++ == c->noted_count)
		return false;
	intent = world_find(control.world, note->type, note->name);
	if (!intent || intent->status.state != INTENT_REFUSED)
		return true;
	add_json(&c->text, !c->refused++,
		json_pack("{s:s, s:s, s:s}", "kind", intent_kind(note->type), "name", note->name,
			"reason",
			actor_limited(&c->actor)
				? world_reason_told(control.world, intent, reason, sizeof(reason))
				: intent->status.reason));
	return true;
}

static void refused_end(void *state, struct request *r)
{
	struct change *c = state;

	text_add(&c->text, "]", 1);
	answer_send(c);
	change_free(c);
}

static void refused_free(void *state)
{
	change_free(state);
}

static void waited(bool settled, void *arg)
{
	static const struct making_kind kind = {
		.step = refused_step, .end = refused_end, .free = refused_free};
	const struct intent *intent;
	struct change *c = arg;

	request_on_gone(c->r, NULL, NULL);
	if (c->is_apply) {
		text_say(&c->text, settled ? ",\"settled\":true" : ",\"settled\":false");
		text_say(&c->text, ",\"refused\":[");
		c->at = 0;
		making_begin(c->r, &kind, c, NULL);
		return;
	}
	intent = c->body ? world_find(control.world, c->type, c->name) : NULL;
	/* changed again in the meantime: the answer stays that to this change */
	if (intent && intent->revision == c->wrote) {
		json_decref(c->body);
		c->body = show_intent(&c->actor, intent);
	}
	answer_send(c);
	change_free(c);
}

static void waiting_gone(void *arg)
{
	struct change *c = arg;

	reconciler_wait_cancel(control.reconciler, c->waiter);
	change_free(c);
}

static void answer(struct change *c)
{
	if (c->wait_s <= 0) {
		answer_send(c);
		change_free(c);
		return;
	}
	request_on_gone(c->r, waiting_gone, c);
	c->waiter = reconciler_wait(control.reconciler, (uint32_t)c->wait_s * 1000, waited, c);
}

/* ---- turns ---- */

static void run(void)
{
	static const struct timeval now = {0, 0};
	uint64_t until_us = turn_until_us(BIT_US);
	struct change *c = running;
	enum change_next next;

	do {
		world_enter(control.world);
		next = c->step(c, until_us);
		world_leave(control.world);
	} while (next == CHANGE_ON && !is_late(until_us));
	if (next == CHANGE_ON)
		evtimer_add(turn, &now);
	if (next != CHANGE_OVER)
		return;
	running = NULL;
	change_hold(c, false);
	line_release();
	if (c->r) {
		request_on_gone(c->r, NULL, NULL);
		c->then(c);
	} else {
		change_free(c);
	}
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
	if (running)
		run();
}

static void on_told(evutil_socket_t fd, short what, void *arg)
{
	eventfd_t count;

	if (!eventfd_read(fd, &count) && running && running->step == step_stored)
		run();
}

/* Before it is stored it is given up; afterwards only the answer is. */
static void on_gone(void *arg)
{
	static const struct timeval now = {0, 0};
	struct change *c = arg;

	c->r = NULL;
	if (c->committed || c->step == step_finish)
		return;
	give_up(c, step_finish);
	evtimer_add(turn, &now);
}

void change_run(struct change *c)
{
	if (!told) {
		told_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		turn = evtimer_new(control.base, on_turn, NULL);
		told = event_new(control.base, told_fd, EV_READ | EV_PERSIST, on_told, NULL);
		event_add(told, NULL);
	}
	c->dry_run = request_flag(c->r, "dry_run");
	if (change_is_answered(c)) {
		change_free(c);
		return;
	}
	line_take();
	running = c;
	request_on_gone(c->r, on_gone, c);
	run();
}

static int put_op(struct change *c, bool *more)
{
	const struct rest_op *op = &c->ops[c->at++];

	*more = c->at < c->op_count;
	return op->spec ? change_put(c, op->type, op->spec, op->must_be_new, NULL)
			: change_delete(c, op->type, op->name);
}

int rest_change(struct request *r, const struct rest_op *ops, size_t count)
{
	struct change *c = change_new(NULL, request_actor(r), request_line(r));
	bool refused;

	c->put = put_op;
	c->ops = ops;
	c->op_count = count;
	while (c->step(c, UINT64_MAX) != CHANGE_OVER)
		;
	refused = c->then == answer_refusal;
	c->r = r;
	if (refused)
		answer_refusal(c);
	else
		change_free(c);
	return refused ? -1 : 0;
}

void rest_stop(void)
{
	struct change *c = running;

	if (c && c->step == step_stored) /* the texts are the store's until then */
		store_commit_end(control.store, &c->revision);
	running = NULL;
	if (c)
		change_free(c);
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
