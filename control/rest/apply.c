/* SPDX-License-Identifier: BSD-3-Clause */
/* POST /v1/apply: many documents in one change, and with prune nothing besides them. What each
 * says is read a bit at a time (making.h), then all of it is put in one turn of the loop: its
 * place among changes is that of its end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "change.h"
#include "making.h"

enum prune { PRUNE_NONE, PRUNE_KINDS, PRUNE_ALL };

struct applying {
	struct change c;
	const struct actor *actor;
	const json_t *body;	    /* the request's */
	struct change_draft *draft; /* of the first `drafts` documents */
	size_t drafts;
	json_t *named; /* {"kind name": true}: what the documents say */
	bool kinds[INTENT_TYPES];
	enum prune prune;
};

static int wrong(struct applying *a, const char *path, const char *want, const json_t *got)
{
	char text[160];

	return rpc_fail_value(
		&a->c.err, path, want, got ? api_show(got, text, sizeof(text)) : "nothing");
}

static int envelope_check(struct applying *a, const json_t *body)
{
	const json_t *prune = json_object_get(body, "prune");
	const char *field;
	json_t *value;

	if (!json_is_object(body))
		return wrong(a, "", "an object {documents, prune?}", body);
	json_object_foreach ((json_t *)body, field, value) {
		if (strcmp(field, "documents") && strcmp(field, "prune"))
			return wrong(a, field, "documents or prune, no other field", value);
	}
	if (!json_is_array(json_object_get(body, "documents")))
		return wrong(a, "documents", "a list of intents, each with its kind",
			json_object_get(body, "documents"));
	if (json_is_true(prune))
		a->prune = PRUNE_KINDS;
	else if (json_is_string(prune) && !strcmp(json_string_value(prune), "all"))
		a->prune = PRUNE_ALL;
	else if (prune && !json_is_false(prune))
		return wrong(a, "prune", "true, false or \"all\"", prune);
	return 0;
}

/* -1: none. */
static int type_of(const json_t *document)
{
	const char *kind = json_string_value(json_object_get(document, "kind"));

	return kind ? intent_type_of_kind(kind) : -1;
}

static int document_put(struct applying *a, const json_t *document, struct change_draft *draft)
{
	const json_t *kind = json_object_get(document, "kind");
	const json_t *name = json_object_get(document, "name");
	char id[128];
	int type;

	if (!json_is_object(document))
		return wrong(a, "", "an object with kind and name", document);
	type = type_of(document);
	if (type < 0)
		return wrong(a, "kind", intent_kinds(), kind);
	a->kinds[type] = true;
	if (json_is_string(name)) {
		snprintf(id, sizeof(id), "%d %.100s", type, json_string_value(name));
		if (json_object_get(a->named, id))
			return wrong(
				a, "name", "a name that no other document of this kind has", name);
		if (json_object_set_new(a->named, id, json_true()))
			return change_fail(&a->c, 500, "out of memory; try again");
	}
	return change_put(&a->c, (enum intent_type)type, document, false, draft);
}

static int documents_put(struct applying *a, const json_t *documents)
{
	json_t *document;
	size_t i;

	a->c.documents = (unsigned)json_array_size(documents);
	json_array_foreach ((json_t *)documents, i, document) {
		if (!document_put(a, document, i < a->drafts ? &a->draft[i] : NULL))
			continue;
		/* the world's own refusals may have said which one already */
		if (a->c.err.path[0] != '[')
			rpc_error_prefix(&a->c.err, "[%zu]", i);
		return -1;
	}
	return 0;
}

static bool is_pruned(const struct applying *a, const struct intent *intent)
{
	char id[128];

	snprintf(id, sizeof(id), "%d %.100s", intent->type, intent->name);
	return !json_object_get(a->named, id) &&
	       (type_is_tenants(intent->type) || !actor_limited(a->c.actor)) &&
	       actor_changes(a->c.actor, intent->tenant);
}

static int prune(struct applying *a)
{
	for (int type = 0; type < INTENT_TYPES; type++) {
		struct intent *intent, *next;

		if (a->prune == PRUNE_NONE || (a->prune == PRUNE_KINDS && !a->kinds[type]))
			continue;
		for (intent = world_first(control.world, (enum intent_type)type); intent;
			intent = next) {
			next = world_next(intent);
			if (is_pruned(a, intent) &&
				change_delete(&a->c, (enum intent_type)type, intent->name))
				return -1;
		}
	}
	return 0;
}

static void apply_post(struct request *r);

static json_t *summary(const struct change *c)
{
	json_t *out = json_pack("{s:I, s:i, s:i, s:i, s:i, s:[]}", "revision",
		(json_int_t)c->revision, "created", c->effects[WORLD_CREATED], "updated",
		c->effects[WORLD_UPDATED], "unchanged", c->effects[WORLD_UNCHANGED], "deleted",
		c->effects[WORLD_DELETED], "changes");
	json_t *changes = json_object_get(out, "changes");

	for (size_t i = 0; i < c->changed_count; i++)
		json_array_append_new(changes,
			json_pack("{s:s, s:s, s:s}", "kind", intent_kind(c->changed[i].type),
				"name", c->changed[i].name, "effect",
				effect_names[c->changed[i].effect]));
	return out;
}

static int apply(struct applying *a, const json_t *body)
{
	int rc = envelope_check(a, body);

	if (!rc)
		rc = documents_put(a, json_object_get(body, "documents"));
	if (!rc)
		rc = prune(a);
	return rc ? rc : change_check(&a->c);
}

/* ---- a bit at a time ---- */

/* The next document is read. One that is refused is the last: those before it are put first, and
 * may be refused themselves. */
static bool read_step(void *state, struct text *out)
{
	struct applying *a = state;
	const json_t *documents = json_object_get(a->body, "documents");
	const json_t *document = json_array_get(documents, a->drafts);
	int type = type_of(document);

	if (type < 0 || !a->draft ||
		!draft_read(a->actor, (enum intent_type)type, document, &a->draft[a->drafts]))
		return false;
	return ++a->drafts < json_array_size(documents);
}

/* All of the change, in one turn of the loop. */
static void read_end(void *state, struct request *r)
{
	struct change_answer answer = {.status = 200, .type = -1};
	struct idempotency idempotency;
	struct applying *a = state;
	int rc;

	if (!request_number(r, "wait", 0, 60, 0, &answer.wait_s) ||
		idempotency_begin(r, &idempotency))
		return;
	rc = change_begin(&a->c, a->actor, request_line(r));
	if (!rc)
		rc = apply(a, a->body);
	if (rc) {
		change_reply_refusal(&a->c, r);
	} else if (request_flag(r, "dry_run")) {
		change_reply_dry_run(&a->c, r);
	} else if (!rehearse_first(&a->c, r, apply_post)) {
		answer.body = summary(&a->c);
		change_reply(&a->c, r, &idempotency, &answer);
	}
}

static void read_free(void *state)
{
	struct applying *a = state;

	store_hold(control.store, -1);
	for (size_t i = 0; i < a->drafts; i++)
		draft_free(&a->draft[i]);
	free(a->draft);
	json_decref(a->named);
	free(a);
}

static void apply_post(struct request *r)
{
	static const struct making_kind kind = {
		.step = read_step, .end = read_end, .free = read_free};
	struct applying *a = calloc(1, sizeof(*a));

	if (!a || !(a->named = json_object())) {
		free(a);
		reply_problem(r, 503, "out of memory; try again");
		return;
	}
	store_hold(control.store, 1);
	a->actor = request_actor(r);
	a->body = request_body(r);
	a->draft = calloc(
		json_array_size(json_object_get(a->body, "documents")) + 1, sizeof(*a->draft));
	making_begin(r, &kind, a, NULL);
}

const struct route rest_apply_routes[] = {
	{"POST", "/v1/apply", apply_post, ROLE_TENANT, "apply",
		"Puts many intents in one change, all or nothing", "intents",
		"{\"type\":\"object\",\"required\":[\"documents\"],\"additionalProperties\":false,"
		"\"properties\":{\"documents\":{\"type\":\"array\",\"items\":{\"type\":\"object\","
		"\"required\":[\"kind\",\"name\"]}},\"prune\":{\"description\":\"deletes what no "
		"document "
		"names: of the kinds among them (true), or of all "
		"(\\\"all\\\")\",\"enum\":[true,false,"
		"\"all\"]}}}",
		"{\"type\":\"object\"}", NULL, rest_change_query, NULL},
	{NULL},
};
