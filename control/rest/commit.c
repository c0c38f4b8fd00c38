/* SPDX-License-Identifier: BSD-3-Clause */
/* A checked change becomes so: on disk, then towards the dataplane, then for those who listen. See
 * change.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus.h"
#include "change.h"
#include "mirror_link.h"

static char *text_of(const json_t *json)
{
	return json ? json_dumps(json, JSON_COMPACT) : NULL;
}

int change_texts(const struct world_change *one, struct store_change *out)
{
	*out = (struct store_change){.kind = intent_kind(one->type),
		.name = one->name,
		.before = text_of(one->before),
		.after = text_of(one->after)};
	return !out->before == !one->before && !out->after == !one->after ? 0 : -ENOMEM;
}

void change_texts_free(struct store_change *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free((char *)list[i].before);
		free((char *)list[i].after);
	}
	free(list);
}

static struct store_change *changes_of(const struct change *c)
{
	struct store_change *list = calloc(c->changed_count + 1, sizeof(*list));

	for (size_t i = 0; list && i < c->changed_count; i++) {
		if (change_texts(&c->changed[i], &list[i])) {
			change_texts_free(list, i + 1);
			return NULL;
		}
	}
	return list;
}

static const char *tenant_of(const struct world_change *one)
{
	const char *tenant = one->intent
				     ? one->intent->tenant
				     : json_string_value(json_object_get(one->before, "tenant"));

	return tenant ? tenant : "";
}

void change_note(const struct world_change *one, struct change_note *note)
{
	note->type = one->type;
	note->effect = one->effect;
	snprintf(note->name, sizeof(note->name), "%s", one->name);
	snprintf(note->tenant, sizeof(note->tenant), "%s", tenant_of(one));
}

static int notes_make(struct change *c)
{
	c->notes = calloc(c->noted_count + 1, sizeof(*c->notes));
	for (size_t i = 0; c->notes && i < c->noted_count; i++)
		change_note(&c->changed[i], &c->notes[i]);
	return c->notes ? 0 : -ENOMEM;
}

void change_format(const struct world_change *one, uint32_t *format)
{
	uint32_t needed = one->after ? intent_format(one->type, one->after) : 0;

	*format = needed > *format ? needed : *format;
}

int change_store(struct change *c, const struct store_answer *answer)
{
	struct store_commit commit = {
		.count = c->changed_count,
		.actor = c->actor->name,
		.source = c->actor->source,
		.action = c->action,
		.now_us = c->now_us,
		.answer = answer,
	};
	struct store_change *list;
	int err;

	if (!c->changed_count && !answer)
		return store_audit_add(control.store, commit.actor, commit.source, commit.action,
			200, "unchanged", c->now_us);
	list = changes_of(c);
	if (!list)
		return -ENOMEM;
	commit.changes = list;
	for (size_t i = 0; i < c->changed_count; i++)
		change_format(&c->changed[i], &commit.format);
	err = store_commit(control.store, &commit, &c->revision);
	change_texts_free(list, c->changed_count);
	return err;
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

void change_tell(const struct change *c, const struct change_note *note)
{
	static const char *const events[] = {
		"intent.created", "intent.updated", NULL, "intent.deleted"};

	bus_publish(LOG_INFO_, events[note->effect], note->tenant,
		json_pack("{s:s, s:s, s:I, s:s, s:o*}", "kind", intent_kind(note->type), "name",
			note->name, "revision", (json_int_t)c->revision, "actor", c->actor->name,
			"teids", teids_of(note)));
}

int change_not_stored(struct change *c, int err)
{
	if (err == -ENOSPC)
		return change_fail(c, 507,
			"the disk of the store is full; nothing was changed: make room and try "
			"again");
	return change_fail(
		c, 503, "the store failed (%s); nothing was changed: try again", strerror(-err));
}

int change_commit(struct change *c, const struct store_answer *answer)
{
	int err = notes_make(c);

	if (!err)
		err = change_store(c, answer);
	if (err)
		return change_not_stored(c, err);
	if (c->changed_count) {
		world_publish(control.world, c->revision, c->now_us, c->actor->name);
		reconciler_touch(control.reconciler, c->changed, c->changed_count);
		mirror_link_touch(control.mirror);
		world_finish(control.world, 0);
	} else {
		world_rollback(control.world);
	}
	c->open = false;
	c->committed = true;
	for (size_t i = 0; i < c->changed_count; i++)
		change_tell(c, &c->notes[i]);
	return 0;
}

/* ---- idempotency ---- */

static int key_valid(const char *key)
{
	size_t length = strlen(key);

	for (size_t i = 0; i < length; i++)
		if (key[i] <= ' ' || key[i] > '~')
			return 0;
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

int idempotency_begin(struct request *r, struct idempotency *idempotency)
{
	const struct actor *actor = request_actor(r);
	struct store_answer *answer = &idempotency->answer;
	const char *key = request_header(r, "Idempotency-Key"), *hash;
	json_t *found;
	int err;

	memset(idempotency, 0, sizeof(*idempotency));
	if (!key || request_flag(r, "dry_run"))
		return 0;
	if (!key_valid(key)) {
		reply_problem(r, 400,
			"Idempotency-Key: want 1 to 128 printable characters without spaces");
		return 1;
	}
	/* not the name alone: a token may be called as another's user is. Tenants hold no blank,
	 * but they may hold a slash. */
	snprintf(idempotency->actor, sizeof(idempotency->actor), "%s %s %s",
		role_names[actor->role], actor->tenant, actor->name);
	hash = request_body_hash(r);
	snprintf(idempotency->hash, sizeof(idempotency->hash), "%s", hash ? hash : "");
	answer->actor = idempotency->actor;
	answer->key = key;
	answer->request_hash = idempotency->hash;
	err = store_answer_find(control.store, answer->actor, key, &found);
	if (err == -ENOENT && hash)
		return 0;
	if (err || !hash) {
		reply_problem(r, 503, "the store failed; nothing was changed: try again");
	} else {
		if (strcmp(json_string_value(json_object_get(found, "request_hash")), hash))
			reply_problem(r, 422,
				"Idempotency-Key: this key came with another request before; use a "
				"new one for each change");
		else
			reply_again(r, found);
		json_decref(found);
	}
	return 1;
}
