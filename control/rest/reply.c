/* SPDX-License-Identifier: BSD-3-Clause */
/* The answer to a change: at once, or when the dataplane has it (?wait=). Owns what waits. */
#include <event2/http.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "change.h"
#include "document.h"
#include "making.h"

/* A request that waits for the reconciler. */
struct waiter {
	struct request *r;
	uint64_t number;
	struct change_answer answer;
	api_name name;
	struct actor actor;
	struct change_note *notes;
	size_t count, at, refused; /* notes; those looked at; those of them that are refused */
};

static void waiter_free(void *state)
{
	struct waiter *waiter = state;

	json_decref(waiter->answer.body);
	free(waiter->answer.text.text);
	free(waiter->notes);
	free(waiter);
}

static void waiter_gone(void *arg)
{
	struct waiter *waiter = arg;

	reconciler_wait_cancel(control.reconciler, waiter->number);
	waiter_free(waiter);
}

static void location_add(struct request *r, enum intent_type type, const char *name)
{
	char *encoded = evhttp_uriencode(name, -1, 0), text[256];

	if (!encoded)
		return;
	snprintf(text, sizeof(text), "/v1/%s/%s", intent_path(type), encoded);
	reply_header(r, "Location", text);
	free(encoded);
}

static void answer_send(struct request *r, struct change_answer *answer, json_t *body)
{
	char etag[ETAG_BYTES];

	if (answer->text.text) {
		text_say(&answer->text, "}");
		reply_json_text(r, &answer->text);
		return;
	}
	if (answer->etag) {
		etag_of(answer->revision, etag);
		reply_header(r, "ETag", etag);
	}
	if (answer->location)
		location_add(r, (enum intent_type)answer->type, answer->name);
	if (body)
		reply_json(r, answer->status, body);
	else
		reply_nothing(r, answer->status);
}

void reply_json_text(struct request *r, struct text *text)
{
	struct shared_text *made = text->failed ? NULL : shared_text_new(text->text, text->len);

	if (made)
		text->text = NULL;
	if (made)
		reply_shared(r, "application/json", made);
	else
		reply_no_memory(r);
	shared_text_put(made);
}

/* What of an apply the dataplane has refused by now, one at a time: also what was refused before,
 * and is put again as it is. */
static bool refused_step(void *state, struct text *unused)
{
	struct waiter *waiter = state;
	struct text *text = &waiter->answer.text;
	const struct change_note *note = &waiter->notes[waiter->at];
	const struct intent *intent;
	char told[sizeof(intent->status.reason)];
	json_t *one;

	if (waiter->at++ == waiter->count)
		return false;
	intent = world_find(control.world, note->type, note->name);
	if (!intent || intent->status.state != INTENT_REFUSED)
		return true;
	one = json_pack("{s:s, s:s, s:s}", "kind", intent_kind(note->type), "name", note->name,
		"reason",
		actor_limited(&waiter->actor)
			? world_reason_told(control.world, intent, told, sizeof(told))
			: intent->status.reason);
	if (waiter->refused++)
		text_add(text, ",", 1);
	text_add_json(text, one);
	json_decref(one);
	return true;
}

static void refused_end(void *state, struct request *r)
{
	struct waiter *waiter = state;

	text_add(&waiter->answer.text, "]", 1);
	answer_send(r, &waiter->answer, NULL);
}

static void waiter_done(bool settled, void *arg)
{
	static const struct making_kind kind = {
		.step = refused_step, .end = refused_end, .free = waiter_free};
	struct waiter *waiter = arg;
	struct change_answer *answer = &waiter->answer;
	const struct intent *intent = NULL;
	json_t *body;

	request_on_gone(waiter->r, NULL, NULL);
	if (answer->type < 0) {
		text_say(&answer->text, settled ? ",\"settled\":true" : ",\"settled\":false");
		text_say(&answer->text, ",\"refused\":[");
		making_begin(waiter->r, &kind, waiter, NULL);
		return;
	}
	body = json_incref(answer->body);
	if (body)
		intent = world_find(control.world, (enum intent_type)answer->type, waiter->name);
	/* changed again in the meantime: the answer stays that to this change */
	if (intent && intent->revision == answer->revision) {
		json_decref(body);
		body = show_intent(&waiter->actor, intent);
	}
	answer_send(waiter->r, answer, body);
	waiter_free(waiter);
}

/* 0; -1: nobody can wait, and nothing was taken. */
static int wait_begin(struct change *c, struct request *r, const struct change_answer *answer)
{
	struct waiter *waiter = calloc(1, sizeof(*waiter));

	if (!waiter)
		return -1;
	waiter->r = r;
	waiter->answer = *answer;
	waiter->actor = *c->actor;
	snprintf(waiter->name, sizeof(waiter->name), "%s", answer->name ? answer->name : "");
	waiter->answer.name = waiter->name;
	waiter->number = reconciler_wait(
		control.reconciler, (uint32_t)answer->wait_s * 1000, waiter_done, waiter);
	if (!waiter->number) {
		free(waiter);
		return -1;
	}
	waiter->notes = c->notes;
	waiter->count = c->noted_count;
	c->notes = NULL;
	request_on_gone(r, waiter_gone, waiter);
	return 0;
}

char *answer_keep(json_t *body)
{
	char *text = json_dumps(body, JSON_COMPACT);
	json_t *kept, *left_out, *value;
	const char *name;
	void *next;

	if (!text || strlen(text) <= ANSWER_BYTES)
		return text;
	free(text);
	kept = json_copy(body);
	left_out = json_array();
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

void change_reply(struct change *c, struct request *r, const struct idempotency *idempotency,
	struct change_answer *answer)
{
	struct store_answer again = idempotency->answer;
	char etag[ETAG_BYTES], *text = NULL;
	int rc;

	if (again.key) {
		etag_of(answer->revision, etag);
		text = answer->body ? answer_keep(answer->body) : NULL;
		again.status = answer->status;
		again.etag = answer->etag ? etag : NULL;
		again.body = text ? text : "";
	}
	rc = change_commit(c, again.key ? &again : NULL);
	free(text);
	if (!rc) {
		change_answered(c, r, answer);
		return;
	}
	json_decref(answer->body);
	change_reply_refusal(c, r);
}

void change_answered(struct change *c, struct request *r, struct change_answer *answer)
{
	/* without memory to wait it is answered at once: its status tells that it is pending */
	if (answer->wait_s <= 0 || wait_begin(c, r, answer))
		answer_send(r, answer, answer->body);
	else
		answer->text = (struct text){.text = NULL};
	free(answer->text.text);
	answer->text.text = NULL;
	change_end(c);
}
