/* SPDX-License-Identifier: BSD-3-Clause */
/* Calls of the dataplane, one at a time: a try of so many of the pending intents as go into one
 * message, or what a resync found to be nobody's; and what becomes of them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "bounds.h"
#include "clock.h"
#include "reconciler.h"

#define DOUBTS_MOST 8 /* between two resyncs by the clock */
#define TRY_BYTES                                                                                  \
	(256u << 10) /* the dataplane's main thread, and our loop, are busy with it for as long */

bool round_waits(const struct reconciler *rec)
{
	for (int type = 0; type < INTENT_TYPES; type++)
		if (!TAILQ_EMPTY(&rec->pending[type]))
			return true;
	return false;
}

/* ---- text ---- */

/* Names and keys hold no character that JSON would have to escape. */
static void say_objects(struct text *text, const struct form *form)
{
	const char *join = "";

	for (int type = 0; type < OBJECT_TYPES; type++) {
		bool any = false;

		for (uint32_t i = 0; i < form->count; i++) {
			if (form->objects[i].type != (enum object_type)type)
				continue;
			text_say(text, any ? "," : join);
			if (!any) {
				text_say(text, "\"");
				text_say(text, api_types[type].name);
				text_say(text, "\":[");
			}
			text_say(text, form->objects[i].text);
			any = true;
		}
		if (any) {
			text_say(text, "]");
			join = ",";
		}
	}
}

void round_group(struct text *text, const char *owner, const struct form *form)
{
	char head[API_KEY_BYTES + 100];

	snprintf(head, sizeof(head), "{\"owner\":\"%s\"", owner);
	text_say(text, head);
	if (form && form->count) {
		snprintf(head, sizeof(head), ",\"revision\":%llu,\"objects\":{",
			(unsigned long long)form->revision);
		text_say(text, head);
		say_objects(text, form);
		text_say(text, "}");
	}
	text_say(text, "}");
}

void round_stale(struct text *text, const char *owner, bool first)
{
	text_say(text, first ? ",\"stale\":[\"" : ",\"");
	text_say(text, owner);
	text_say(text, "\"");
}

void round_begin(struct text *text)
{
	text_say(text, "{\"source\":\"intent\",\"mode\":\"merge\",\"groups\":[");
}

void round_reason(const json_t *error, char *reason)
{
	const json_t *data = json_object_get(error, "data");
	const char *message = json_string_value(json_object_get(error, "message")) ?: "refused";
	const char *object = json_string_value(json_object_get(data, "object"));
	char name[112] = "";

	if (object)
		snprintf(name, sizeof(name), "%.100s: ", object);
	/* some messages name the object themselves */
	if (!strncmp(message, name, strlen(name)))
		name[0] = '\0';
	strcpy(reason, name);
	snprintf(reason + strlen(name), REASON_BYTES - strlen(name), "%s", message);
}

/* ---- a try of intents ---- */

/* By type: sites and WANs first, which the others need. */
static void fill(struct reconciler *rec)
{
	char label[LABEL_BYTES];
	struct owner *owner;

	for (int type = 0; type < INTENT_TYPES; type++)
		while ((owner = TAILQ_FIRST(&rec->pending[type]))) {
			if (rec->text.len > TRY_BYTES) {
				rec->split = true;
				return;
			}
			if (!TAILQ_EMPTY(&rec->trying))
				text_say(&rec->text, ",");
			round_group(&rec->text, owner_label(owner, label), owner->want);
			owner_try(rec, owner);
		}
}

/* Does it share objects with others: ports, tunnels, meters? */
static bool shares(int type)
{
	return type != INTENT_HOST && type != INTENT_SESSION;
}

/* Intents that do not go into this call and will say something else of objects that they share.
 * Those may become what this call says: what is there of the others is not known from here on. */
static void say_stale(struct reconciler *rec)
{
	char label[LABEL_BYTES];
	struct owner *owner;
	bool any = false;

	for (int type = 0; type < INTENT_TYPES; type++)
		TAILQ_FOREACH (owner, &rec->pending[type], try_link) {
			if (!owner->there || !shares(type))
				continue;
			owner->there = REVISION_UNKNOWN;
			round_stale(&rec->text, owner_label(owner, label), !any);
			any = true;
		}
	if (any)
		text_say(&rec->text, "]");
}

static bool intents_call(struct reconciler *rec)
{
	if (!round_waits(rec))
		return false;
	round_begin(&rec->text);
	fill(rec);
	text_say(&rec->text, "]");
	say_stale(rec);
	text_say(&rec->text, "}");
	return true;
}

static void untry_intents(struct reconciler *rec)
{
	struct owner *owner;

	while ((owner = TAILQ_LAST(&rec->trying, owner_list)))
		owner_untry(rec, owner);
}

/* Only the last one can be so large: behind it nothing more was filled in. */
static void too_long(struct reconciler *rec)
{
	struct owner *owner = TAILQ_LAST(&rec->trying, owner_list);

	if (owner)
		owner_refuse(rec, owner,
			"its objects are more than one message of 16 MiB to the dataplane holds");
	untry_intents(rec);
	reconcile_work(rec);
}

/* ---- what became of it ---- */

bool round_is_cured(struct reconciler *rec, const json_t *error)
{
	const char *with =
		json_string_value(json_object_get(json_object_get(error, "data"), "with"));

	if (json_integer_value(json_object_get(error, "code")) != RPC_ERR_CONFLICT || !with ||
		!strchr(with, ' '))
		return false;
	for (int type = 0; type < OBJECT_TYPES; type++) {
		size_t length = strlen(api_types[type].name);
		const char *key = with + length + 1;

		if (!strncmp(with, api_types[type].name, length) && with[length] == ' ')
			return !item_find(rec, type, key) && !reconcile_kept(rec, type, key);
	}
	return true;
}

/* What is in its way is looked for, and taken away, before it is tried once more; not for ever. */
static bool is_doubtful(struct reconciler *rec, const json_t *error)
{
	if (rec->doubts >= DOUBTS_MOST || !round_is_cured(rec, error))
		return false;
	rec->doubts += !rec->doubt;
	rec->doubt = rec->resync_wanted = true;
	return true;
}

static void owner_verdict(struct reconciler *rec, struct owner *owner, const json_t *verdict)
{
	const json_t *error = json_object_get(verdict, "error");
	char reason[REASON_BYTES];

	/* so much was in its way that the rest is for the next call */
	if (!strcmp(json_string_value(json_object_get(verdict, "verdict")) ?: "", "again")) {
		owner_untry(rec, owner);
		return;
	}
	owner->stamp = rec->stamp;
	if (!error) {
		rec->any_applied = true;
		owner_settle(rec, owner);
		return;
	}
	if (is_doubtful(rec, error)) {
		owner_untry(rec, owner);
		return;
	}
	round_reason(error, reason);
	owner_refuse(rec, owner, reason);
}

/* Where a try was split one may have been refused for want of another: once more at the end. */
static void retry_split(struct reconciler *rec)
{
	struct owner *owner;

	if (round_waits(rec))
		return;
	if (rec->split && rec->any_applied)
		TAILQ_FOREACH (owner, &rec->refused_owners, refused_link)
			owner_queue(rec, owner);
	rec->split = rec->any_applied = false;
}

bool round_settle(struct reconciler *rec, uint64_t until_us)
{
	const json_t *verdict;
	struct owner *owner;

	if (!rec->verdicts)
		return true;
	while ((verdict = json_array_get(rec->verdicts, rec->told++))) {
		/* in the order of the call, and then others that were taken along */
		owner = TAILQ_FIRST(&rec->trying);
		if (owner)
			owner_verdict(rec, owner, verdict);
		if (until_us && clock_mono_us() >= until_us)
			return false;
	}
	json_decref(rec->verdicts);
	rec->verdicts = NULL;
	rec->call = CALL_NONE;
	untry_intents(rec); /* there are none: each has its verdict */
	retry_split(rec);
	for (uint32_t i = 0; i < rec->applied_count; i++)
		rec->applied[i].applied(rec->applied[i].arg);
	return true;
}

static void on_groups(struct reconciler *rec, const json_t *result)
{
	const json_t *verdict;
	bool refused = false;
	size_t i;

	rec->stamp++;
	rec->verdicts = json_incref(json_object_get(result, "groups"));
	rec->told = 0;
	json_array_foreach (rec->verdicts, i, verdict)
		refused |= json_object_get(verdict, "error") != NULL;
	rec->counters.last_apply_us = clock_mono_us() - rec->out_since_us;
	rec->counters.transactions++;
	rec->counters.transactions_refused += refused;
}

/* The call was lost, and nobody knows whether it was carried out; or it was refused as a whole,
 * which tells of a fault of ours or of its memory: later then. */
static void call_failed(struct reconciler *rec, const json_t *error)
{
	if (error) {
		rec->counters.transactions_refused++;
		reconcile_pause(rec, PAUSE_MS);
	} else {
		rec->known = false;
	}
	untry_intents(rec);
	rec->call = CALL_NONE;
}

static void on_answer(const json_t *result, const json_t *error, void *arg)
{
	struct reconciler *rec = arg;

	if (rec->call == CALL_LEFTOVERS && (result || error)) {
		rec->call = CALL_NONE;
		leftovers_called(rec, error);
	} else if (result) {
		on_groups(rec, result);
	} else {
		call_failed(rec, error);
	}
	rec->out_since_us = 0;
	reconcile_work(rec);
}

void round_next(struct reconciler *rec)
{
	enum call_kind call;
	int err;

	rec->text.len = 0;
	if (leftovers_call(rec)) /* they may be in the way */
		call = CALL_LEFTOVERS;
	else if (intents_call(rec))
		call = CALL_INTENTS;
	else
		return;
	err = dataplane_call_text(rec->dp, call == CALL_LEFTOVERS ? "transaction" : "sync",
		rec->text.text, rec->text.len, on_answer, rec);
	if (rec->text.room > 4 * TRY_BYTES) {
		free(rec->text.text);
		rec->text = (struct text){0};
	}
	if (!err) {
		rec->call = call;
		rec->out_since_us = clock_mono_us();
		return;
	}
	if (err == -EMSGSIZE)
		too_long(rec);
	else
		untry_intents(rec);
}
