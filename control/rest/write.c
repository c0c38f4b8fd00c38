/* SPDX-License-Identifier: BSD-3-Clause */
/* POST, PUT, PATCH and DELETE of one intent, the same for every type. */
#include <string.h>

#include "change.h"
#include "document.h"

/* One change of one intent, from the request to the answer. */
struct writing {
	struct request *r;
	enum intent_type type;
	const char *name; /* NULL: not a string; world_put says so */
	bool must_be_new;
	int64_t wait_s;
	void (*handler)(struct request *r);
	struct idempotency idempotency;
	struct change c;
};

static enum intent_type type_of(const struct request *r)
{
	return (enum intent_type)(intptr_t)request_arg(r);
}

/* false: the request was answered. */
static bool writing_begin(struct writing *w, struct request *r, void (*handler)(struct request *r))
{
	memset(w, 0, sizeof(*w));
	if (line_wait(r, handler))
		return false;
	w->r = r;
	w->handler = handler;
	w->type = type_of(r);
	w->name = request_param(r, "name");
	if (!request_number(r, "wait", 0, 60, 0, &w->wait_s) ||
		idempotency_begin(r, &w->idempotency))
		return false;
	if (change_begin(&w->c, request_actor(r), request_line(r))) {
		change_reply_refusal(&w->c, r);
		return false;
	}
	return true;
}

/* What is there of this name and may be seen. */
static const struct intent *existing(const struct writing *w)
{
	const struct intent *intent = w->name ? world_find(control.world, w->type, w->name) : NULL;

	return intent && actor_sees_intent(request_actor(w->r), intent) ? intent : NULL;
}

static int precondition(struct writing *w)
{
	const struct intent *intent = existing(w);
	const char *why;
	char etag[ETAG_BYTES];

	if (intent)
		etag_of(intent->revision, etag);
	why = etag_refuses(request_header(w->r, "If-Match"), request_header(w->r, "If-None-Match"),
		intent ? etag : NULL);
	return why ? change_fail(&w->c, 412, "%s", why) : 0;
}

static const struct world_change *own_change(const struct writing *w)
{
	size_t count;
	const struct world_change *all = world_changes(control.world, &count);

	for (size_t i = 0; i < count; i++)
		if (all[i].type == w->type && !strcmp(all[i].name, w->name))
			return &all[i];
	return NULL;
}

static void writing_reply(struct writing *w)
{
	const struct world_change *one = own_change(w);
	struct change_answer answer = {
		.status = one && one->effect == WORLD_CREATED ? 201 : 200,
		.type = w->type,
		.name = w->name,
		.etag = true,
		.location = one && one->effect == WORLD_CREATED,
		.wait_s = w->wait_s,
	};

	answer.body = one && one->intent ? show_change(&w->c, one) : NULL;
	if (!answer.body) {
		change_fail(&w->c, 500, "out of memory; nothing was changed: try again");
		change_reply_refusal(&w->c, w->r);
		return;
	}
	answer.revision = one->effect == WORLD_UNCHANGED ? one->intent->revision : w->c.revision;
	change_reply(&w->c, w->r, &w->idempotency, &answer);
}

/* spec is stolen. */
static void writing_put(struct writing *w, json_t *spec)
{
	int rc = precondition(w);

	if (!rc)
		rc = change_put(&w->c, w->type, spec, w->must_be_new, NULL);
	if (!rc)
		rc = change_check(&w->c);
	if (rc)
		change_reply_refusal(&w->c, w->r);
	else if (request_flag(w->r, "dry_run"))
		change_reply_dry_run(&w->c, w->r);
	else if (!rehearse_first(&w->c, w->r, w->handler))
		writing_reply(w);
	json_decref(spec);
}

/* The name in the body must be that in the path, or left out. 0, or -1 with the refusal. */
static int name_fill(struct writing *w, json_t *spec)
{
	const json_t *given = json_object_get(spec, "name");
	char got[160];

	if (!json_is_object(spec))
		return rpc_fail_value(&w->c.err, "", "an object", api_show(spec, got, sizeof(got)));
	if (!given)
		return json_object_set_new(spec, "name", json_string_nocheck(w->name))
			       ? change_fail(&w->c, 500, "out of memory; try again")
			       : 0;
	if (json_is_string(given) && !strcmp(json_string_value(given), w->name))
		return 0;
	return rpc_fail_value(&w->c.err, "name", "the name in the path, or none",
		api_show(given, got, sizeof(got)));
}

void intent_create(struct request *r)
{
	struct writing w;
	json_t *spec = json_copy((json_t *)request_body(r));

	if (!writing_begin(&w, r, intent_create)) {
		json_decref(spec);
		return;
	}
	w.name = json_string_value(json_object_get(spec, "name"));
	w.must_be_new = true;
	writing_put(&w, spec);
}

void intent_put(struct request *r)
{
	struct writing w;
	json_t *spec;

	if (!writing_begin(&w, r, intent_put))
		return;
	spec = json_copy((json_t *)request_body(r));
	if (name_fill(&w, spec)) {
		json_decref(spec);
		change_reply_refusal(&w.c, r);
		return;
	}
	writing_put(&w, spec);
}

void intent_patch(struct request *r)
{
	const json_t *patch = request_body(r);
	const struct intent *intent;
	struct writing w;
	json_t *spec = NULL;
	char got[160];
	int rc = 0;

	if (!writing_begin(&w, r, intent_patch))
		return;
	intent = existing(&w);
	if (!intent)
		rc = change_fail(&w.c, 404, "there is no %s %s", intent_kind(w.type), w.name);
	else if (!json_is_object(patch))
		rc = rpc_fail_value(&w.c.err, "", "an object", api_show(patch, got, sizeof(got)));
	else if (!(spec = merge_patch(intent->spec, patch)))
		rc = change_fail(&w.c, 500, "out of memory; try again");
	else
		rc = name_fill(&w, spec);
	if (!rc) {
		writing_put(&w, spec);
		return;
	}
	json_decref(spec);
	change_reply_refusal(&w.c, r);
}

void intent_delete(struct request *r)
{
	struct change_answer answer = {.status = 204};
	struct writing w;
	int rc;

	if (!writing_begin(&w, r, intent_delete))
		return;
	rc = existing(&w) ? precondition(&w) : 0;
	if (!rc)
		rc = change_delete(&w.c, w.type, w.name);
	if (!rc)
		rc = change_check(&w.c);
	if (rc) {
		change_reply_refusal(&w.c, r);
	} else if (request_flag(r, "dry_run")) {
		change_reply_dry_run(&w.c, r);
	} else if (!rehearse_first(&w.c, r, intent_delete)) {
		answer.type = w.type;
		answer.name = w.name;
		answer.wait_s = w.wait_s;
		change_reply(&w.c, r, &w.idempotency, &answer);
	}
}
