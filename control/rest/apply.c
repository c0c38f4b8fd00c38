/* SPDX-License-Identifier: BSD-3-Clause */
/* POST /v1/apply: many documents in one change, and with prune nothing besides them. Here: what the
 * request says, read a bit at a time (making.h), and how it is put into the world; apply_steps.c
 * does it. Its place among changes is that of the end of its reading. */
#include "apply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "making.h"

static int wrong(struct applying *a, const char *path, const char *want, const json_t *got)
{
	char text[160];

	return rpc_fail_value(
		&a->c.err, path, want, got ? api_show(got, text, sizeof(text)) : "nothing");
}

int apply_envelope(struct applying *a)
{
	const json_t *body = a->body;
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

int apply_put(struct applying *a, bool *more)
{
	const json_t *documents = json_object_get(a->body, "documents");
	size_t i = a->at;

	a->c.documents = (unsigned)json_array_size(documents);
	*more = i < a->c.documents;
	if (!*more || !document_put(a, json_array_get(documents, i),
			      i < a->drafts ? &a->draft[i] : NULL)) {
		a->at += *more;
		return 0;
	}
	/* the world's own refusals may have said which one already */
	if (a->c.err.path[0] != '[')
		rpc_error_prefix(&a->c.err, "[%zu]", i);
	return -1;
}

static bool is_pruned(const struct applying *a, const struct intent *intent)
{
	char id[128];

	snprintf(id, sizeof(id), "%d %.100s", intent->type, intent->name);
	return !json_object_get(a->named, id) &&
	       (type_is_tenants(intent->type) || !actor_limited(a->c.actor)) &&
	       actor_changes(a->c.actor, intent->tenant);
}

/* The first of the type at hand or of those after it; NULL: no more. */
static struct intent *prune_first(struct applying *a)
{
	struct intent *found = NULL;

	while (!found && a->prune_type < INTENT_TYPES) {
		int type = a->prune_type++;

		if (a->prune == PRUNE_ALL || (a->prune == PRUNE_KINDS && a->kinds[type]))
			found = world_first(control.world, (enum intent_type)type);
	}
	return found;
}

int apply_prune(struct applying *a, bool *more)
{
	struct intent *intent = a->pruned ? world_next(a->pruned) : NULL;

	if (!intent)
		intent = prune_first(a);
	a->pruned = intent;
	*more = intent != NULL;
	return intent && is_pruned(a, intent) ? change_delete(&a->c, intent->type, intent->name)
					      : 0;
}

/* ---- reading ---- */

struct reading {
	struct applying *a; /* NULL: handed on */
};

/* The next document is read. One that is refused is the last: those before it are put first, and
 * may be refused themselves. */
static bool read_step(void *state, struct text *out)
{
	struct applying *a = ((struct reading *)state)->a;
	const json_t *documents = json_object_get(a->body, "documents");
	const json_t *document = json_array_get(documents, a->drafts);
	int type = type_of(document);

	if (type < 0 || !a->draft ||
		!draft_read(&a->actor, (enum intent_type)type, document, &a->draft[a->drafts]))
		return false;
	return ++a->drafts < json_array_size(documents);
}

static void read_end(void *state, struct request *r)
{
	struct reading *reading = state;
	struct applying *a = reading->a;

	if (!request_number(r, "wait", 0, 60, 0, &a->answer.wait_s))
		return;
	reading->a = NULL;
	if (line_join(r, apply_run, apply_free, a)) {
		apply_free(a);
		reply_problem(r, 503, "out of memory; try again");
	}
}

void apply_free(void *state)
{
	struct applying *a = state;

	store_hold(control.store, -1);
	for (size_t i = 0; i < a->drafts; i++)
		draft_free(&a->draft[i]);
	free(a->draft);
	json_decref(a->named);
	apply_steps_free(a);
	free(a);
}

static void read_free(void *state)
{
	struct reading *reading = state;

	if (reading->a)
		apply_free(reading->a);
	free(reading);
}

void apply_post(struct request *r)
{
	static const struct making_kind kind = {
		.step = read_step, .end = read_end, .free = read_free};
	struct reading *reading = calloc(1, sizeof(*reading));
	struct applying *a = calloc(1, sizeof(*a));

	if (!a || !reading || !(a->named = json_object())) {
		free(a);
		free(reading);
		reply_problem(r, 503, "out of memory; try again");
		return;
	}
	reading->a = a;
	store_hold(control.store, 1);
	a->r = r;
	a->actor = *request_actor(r);
	a->body = request_body(r);
	a->draft = calloc(
		json_array_size(json_object_get(a->body, "documents")) + 1, sizeof(*a->draft));
	making_begin(r, &kind, reading, NULL);
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
