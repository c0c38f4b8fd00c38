/* SPDX-License-Identifier: BSD-3-Clause */
/* What a change is asked to be: POST, PUT, PATCH and DELETE of one intent, the same for every type;
 * POST /v1/apply, many documents in one change, and with prune nothing besides them; and whether
 * it was asked for before. How it is put into the world; steps.c makes it so. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "change.h"
#include "making.h"

static int wrong(struct change *c, const char *path, const char *want, const json_t *got)
{
	char text[160];

	return rpc_fail_value(
		&c->err, path, want, got ? api_show(got, text, sizeof(text)) : "nothing");
}

/* ---- one intent ---- */

/* What is there of this name and may be seen. */
static const struct intent *existing(const struct change *c)
{
	const struct intent *intent = c->name ? world_find(control.world, c->type, c->name) : NULL;

	return intent && actor_sees_intent(&c->actor, intent) ? intent : NULL;
}

static int precondition(struct change *c)
{
	const struct intent *intent = existing(c);
	const char *why;
	char etag[ETAG_BYTES];

	if (intent)
		etag_of(intent->revision, etag);
	why = etag_refuses(request_header(c->r, "If-Match"), request_header(c->r, "If-None-Match"),
		intent ? etag : NULL);
	return why ? change_fail(c, 412, "%s", why) : 0;
}

static int put_new(struct change *c)
{
	const json_t *spec = request_body(c->r);

	c->name = json_string_value(json_object_get(spec, "name"));
	return precondition(c) || change_put(c, c->type, spec, true, NULL) ? -1 : 0;
}

/* The name in the body must be that in the path, or left out. spec is stolen. */
static int put_named(struct change *c, json_t *spec)
{
	const json_t *given = json_object_get(spec, "name");
	const char *name = json_string_value(given);
	int rc = 0;

	if (!json_is_object(spec))
		rc = wrong(c, "", "an object", spec);
	else if (!given)
		json_object_set_new(spec, "name", json_string_nocheck(c->name));
	else if (!name || strcmp(name, c->name))
		rc = wrong(c, "name", "the name in the path, or none", given);
	if (!rc)
		rc = precondition(c);
	if (!rc)
		rc = change_put(c, c->type, spec, false, NULL);
	json_decref(spec);
	return rc;
}

static int put_whole(struct change *c)
{
	return put_named(c, json_copy((json_t *)request_body(c->r)));
}

static int put_patched(struct change *c)
{
	const struct intent *intent = existing(c);
	const json_t *patch = request_body(c->r);

	if (!intent)
		return change_fail(c, 404, "there is no %s %s", intent_kind(c->type), c->name);
	if (!json_is_object(patch))
		return wrong(c, "", "an object", patch);
	return put_named(c, merge_patch(intent->spec, patch));
}

static int put_nothing(struct change *c)
{
	if (existing(c) && precondition(c))
		return -1;
	return change_delete(c, c->type, c->name);
}

static int put_one(struct change *c, bool *more)
{
	static const struct {
		const char *method;
		int (*put)(struct change *c);
	} methods[] = {{"POST", put_new}, {"PUT", put_whole}, {"PATCH", put_patched},
		{"DELETE", put_nothing}};
	size_t i = 0;

	while (strcmp(methods[i].method, request_route(c->r)->method))
		i++;
	*more = false;
	return methods[i].put(c);
}

void intent_write(struct request *r)
{
	struct change *c = change_new(r, request_actor(r), request_line(r));

	c->handler = intent_write;
	c->put = put_one;
	c->wait_s = request_number(r, "wait");
	c->type = (enum intent_type)(intptr_t)request_route(r)->arg;
	c->name = request_param(r, "name");
	line_join(c);
}

/* ---- many documents ---- */

static int envelope_read(struct change *c, const json_t *body)
{
	const json_t *prune = json_object_get(body, "prune");
	const char *field;
	json_t *value;

	if (!json_is_object(body))
		return wrong(c, "", "an object {documents, prune?}", body);
	json_object_foreach ((json_t *)body, field, value) {
		if (strcmp(field, "documents") && strcmp(field, "prune"))
			return wrong(c, field, "documents or prune, no other field", value);
	}
	if (!json_is_array(json_object_get(body, "documents")))
		return wrong(c, "documents", "a list of intents, each with its kind",
			json_object_get(body, "documents"));
	if (json_is_true(prune))
		c->prune = PRUNE_KINDS;
	else if (json_is_string(prune) && !strcmp(json_string_value(prune), "all"))
		c->prune = PRUNE_ALL;
	else if (prune && !json_is_false(prune))
		return wrong(c, "prune", "true, false or \"all\"", prune);
	c->documents = json_array_size(json_object_get(body, "documents"));
	return 0;
}

/* -1: none. */
static int type_of(const json_t *document)
{
	const char *kind = json_string_value(json_object_get(document, "kind"));

	return kind ? intent_type_of_kind(kind) : -1;
}

static int document_put(struct change *c, const json_t *document, struct change_draft *draft)
{
	const json_t *name = json_object_get(document, "name");
	char id[128];
	int type;

	if (!json_is_object(document))
		return wrong(c, "", "an object with kind and name", document);
	type = type_of(document);
	if (type < 0)
		return wrong(c, "kind", intent_kinds(), json_object_get(document, "kind"));
	c->kinds[type] = true;
	if (json_is_string(name)) {
		snprintf(id, sizeof(id), "%d %.100s", type, json_string_value(name));
		if (json_object_get(c->named, id))
			return wrong(
				c, "name", "a name that no other document of this kind has", name);
		json_object_set_new(c->named, id, json_true());
	}
	return change_put(c, (enum intent_type)type, document, false, draft);
}

static bool is_pruned(const struct change *c, const struct intent *intent)
{
	char id[128];

	snprintf(id, sizeof(id), "%d %.100s", intent->type, intent->name);
	return !json_object_get(c->named, id) &&
	       (type_is_tenants(intent->type) || !actor_limited(&c->actor)) &&
	       actor_changes(&c->actor, intent->tenant);
}

/* The first of the type at hand or of those after it; NULL: no more. */
static struct intent *prune_first(struct change *c)
{
	struct intent *found = NULL;

	while (!found && c->prune_type < INTENT_TYPES) {
		int type = c->prune_type++;

		if (c->prune == PRUNE_ALL || (c->prune == PRUNE_KINDS && c->kinds[type]))
			found = world_first(control.world, (enum intent_type)type);
	}
	return found;
}

/* The next intent is looked at, and deleted if no document names it. */
static int prune_put(struct change *c, bool *more)
{
	struct intent *intent = c->pruned ? world_next(c->pruned) : NULL;

	if (!intent)
		intent = prune_first(c);
	c->pruned = intent;
	*more = intent != NULL;
	return intent && is_pruned(c, intent) ? change_delete(c, intent->type, intent->name) : 0;
}

/* The documents in their order, then what is pruned. */
static int put_apply(struct change *c, bool *more)
{
	const json_t *body = request_body(c->r), *document;
	size_t i = c->at;

	*more = true;
	if (!i && envelope_read(c, body))
		return -1;
	if (i == c->documents)
		return prune_put(c, more);
	document = json_array_get(json_object_get(body, "documents"), i);
	if (!document_put(c, document, i < c->drafts ? &c->draft[i] : NULL)) {
		c->at++;
		return 0;
	}
	/* the world's own refusals may have said which one already */
	if (c->err.path[0] != '[')
		rpc_error_prefix(&c->err, "[%zu]", i);
	return -1;
}

/* Before its place in the line, the next document is read. One that is refused is the last: those
 * before it are put first, and may be refused themselves. */
static bool read_step(void *state, struct text *out)
{
	struct change *c = state;
	const json_t *documents = json_object_get(request_body(c->r), "documents");
	const json_t *document = json_array_get(documents, c->drafts);
	int type = type_of(document);

	if (type < 0 ||
		!draft_read(&c->actor, (enum intent_type)type, document, &c->draft[c->drafts]))
		return false;
	return ++c->drafts < json_array_size(documents);
}

/* Its place among changes is that of the end of its reading. */
static void read_end(void *state, struct request *r)
{
	line_join(state);
}

static void read_free(void *state)
{
	change_free(state);
}

static void apply_post(struct request *r)
{
	static const struct making_kind kind = {
		.step = read_step, .end = read_end, .free = read_free};
	struct change *c = change_new(r, request_actor(r), request_line(r));

	change_hold(c, true);
	c->is_apply = true;
	c->handler = apply_post;
	c->put = put_apply;
	c->wait_s = request_number(r, "wait");
	c->named = json_object();
	c->draft = xcalloc(json_array_size(json_object_get(request_body(r), "documents")) + 1,
		sizeof(*c->draft));
	making_begin(r, &kind, c, NULL);
}

/* ---- idempotency ---- */

static bool key_valid(const char *key)
{
	size_t length = strlen(key);

	for (size_t i = 0; i < length; i++)
		if (key[i] <= ' ' || key[i] > '~')
			return false;
	return length > 0 && length <= 128;
}

static void reply_again(struct request *r, const json_t *found)
{
	const char *etag = json_string_value(json_object_get(found, "etag"));
	const char *body = json_string_value(json_object_get(found, "body"));
	int status = (int)json_integer_value(json_object_get(found, "status"));

	reply_header(r, "Idempotent-Replayed", "true");
	if (etag)
		reply_header(r, "ETag", etag);
	if (*body)
		reply_text(r, status, "application/json", body, strlen(body));
	else
		reply_nothing(r, status);
}

bool change_is_answered(struct change *c)
{
	const char *key = request_header(c->r, "Idempotency-Key");
	json_t *found;
	int err;

	if (!key || c->dry_run)
		return false;
	if (!key_valid(key)) {
		reply_problem(c->r, 400,
			"Idempotency-Key: want 1 to 128 printable characters without spaces");
		return true;
	}
	/* not the name alone: a token may be called as another's user is. Tenants hold no blank,
	 * but they may hold a slash. */
	snprintf(c->again_actor, sizeof(c->again_actor), "%s %s %s", role_names[c->actor.role],
		c->actor.tenant, c->actor.name);
	snprintf(c->again_key, sizeof(c->again_key), "%s", key);
	snprintf(c->again_hash, sizeof(c->again_hash), "%s", request_body_hash(c->r));
	c->again = (struct store_answer){
		.actor = c->again_actor, .key = c->again_key, .request_hash = c->again_hash};
	err = store_answer_find(control.store, c->again_actor, key, &found);
	if (err == -ENOENT)
		return false;
	if (err) {
		reply_problem(c->r, 503, "the store failed; nothing was changed: try again");
		return true;
	}
	if (strcmp(json_string_value(json_object_get(found, "request_hash")), c->again_hash))
		reply_problem(c->r, 422,
			"Idempotency-Key: this key came with another request before; use a new one "
			"for each change");
	else
		reply_again(c->r, found);
	json_decref(found);
	return true;
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
