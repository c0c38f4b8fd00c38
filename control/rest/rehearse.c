/* SPDX-License-Identifier: BSD-3-Clause */
/* A change is put to the dataplane's own checks before it is made, or instead (?dry_run). Owns
 * what waits for the answer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "change.h"
#include "making.h"

/* Larger ones are made at once, and what is refused is told by ?wait= and status: their documents
 * would have to be read twice. */
#define FIRST_MOST 1000

struct rehearsal {
	struct request *r;
	struct reconcile_check *check;
	struct actor actor;
	json_t *body;			  /* of a dry run, or: */
	struct text text;		  /* its beginning */
	void (*again)(struct request *r); /* else */
};

static void rehearsal_free(struct rehearsal *rehearsal)
{
	json_decref(rehearsal->body);
	free(rehearsal->text.text);
	free(rehearsal);
}

static void on_gone(void *arg)
{
	struct rehearsal *rehearsal = arg;

	reconciler_check_free(rehearsal->check);
	rehearsal_free(rehearsal);
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

static void reply_dry_run(struct rehearsal *rehearsal, const struct reconcile_checked *checked)
{
	json_t *refused = refused_json(&rehearsal->actor, checked);
	json_t *dataplane = json_pack("{s:s, s:b, s:s*}", "site", control.site, "asked",
		!checked->why, "why", checked->why);

	if (rehearsal->body) {
		json_object_set_new(rehearsal->body, "refused", refused);
		json_object_set_new(rehearsal->body, "dataplane", dataplane);
		reply_json(rehearsal->r, 200, json_incref(rehearsal->body));
		return;
	}
	text_say(&rehearsal->text, ",\"refused\":");
	text_add_json(&rehearsal->text, refused);
	text_say(&rehearsal->text, ",\"dataplane\":");
	text_add_json(&rehearsal->text, dataplane);
	text_say(&rehearsal->text, "}");
	json_decref(refused);
	json_decref(dataplane);
	reply_json_text(rehearsal->r, &rehearsal->text);
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
	struct rehearsal *rehearsal = arg;
	struct request *r = rehearsal->r;
	json_t *refused;

	request_on_gone(r, NULL, NULL);
	if (rehearsal->body || rehearsal->text.text) {
		reply_dry_run(rehearsal, checked);
	} else {
		refused = refused_json(&rehearsal->actor, checked);
		if (json_array_size(refused)) {
			reply_refused(r, refused);
		} else {
			request_mark(r);
			rehearsal->again(r);
		}
		json_decref(refused);
	}
	rehearsal_free(rehearsal);
}

/* NULL: no memory. The world is as it was before the change. */
static struct rehearsal *begin(struct change *c, struct request *r)
{
	struct rehearsal *rehearsal = calloc(1, sizeof(*rehearsal));

	if (rehearsal && reconciler_check(control.reconciler, c->changed, c->changed_count,
				 &rehearsal->check)) {
		free(rehearsal);
		rehearsal = NULL;
	}
	change_end(c);
	if (!rehearsal)
		return NULL;
	rehearsal->r = r;
	rehearsal->actor = *c->actor;
	return rehearsal;
}

static void run(struct rehearsal *rehearsal)
{
	request_on_gone(rehearsal->r, on_gone, rehearsal);
	reconciler_check_run(rehearsal->check, on_checked, rehearsal);
}

void rehearse_dry_run(struct change *c, struct request *r, json_t *body)
{
	struct rehearsal *rehearsal = begin(c, r);

	if (!rehearsal) {
		json_decref(body);
		reply_problem(r, 503, "out of memory; try again");
		return;
	}
	rehearsal->body = body;
	run(rehearsal);
}

bool rehearse_wants(const struct change *c, struct request *r)
{
	return !request_marked(r) && c->changed_count && c->changed_count <= FIRST_MOST &&
	       (!request_query(r, "check") || request_flag(r, "check"));
}

void rehearse_run(struct request *r, const struct actor *actor, struct reconcile_check *check,
	struct text *text, void (*again)(struct request *r))
{
	struct rehearsal *rehearsal = check ? calloc(1, sizeof(*rehearsal)) : NULL;

	if (!rehearsal) {
		reconciler_check_free(check);
		if (text)
			free(text->text);
		reply_problem(r, 503, "out of memory; try again");
		return;
	}
	rehearsal->r = r;
	rehearsal->actor = *actor;
	rehearsal->check = check;
	rehearsal->again = again;
	if (text)
		rehearsal->text = *text;
	run(rehearsal);
}

bool rehearse_first(struct change *c, struct request *r, void (*again)(struct request *r))
{
	struct rehearsal *rehearsal;

	if (!rehearse_wants(c, r))
		return false;
	rehearsal = begin(c, r);
	if (!rehearsal) {
		reply_problem(r, 503, "out of memory; try again");
		return true;
	}
	rehearsal->again = again;
	run(rehearsal);
	return true;
}
