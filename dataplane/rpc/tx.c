/* SPDX-License-Identifier: BSD-3-Clause */
/* The transaction engine (tx.h). Owns the log while a transaction lasts. Everything that can
 * fail happens while the log grows; tx_commit only makes it so. */
#include "tx.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dispatch.h"
#include "noun.h"
#include "noun_fib.h"
#include "noun_mac.h"
#include "noun_neighbor.h"
#include "noun_session.h"
#include "session.h"
#include "underlay.h"

static uint64_t last_op;

void tx_begin(struct tx *tx, bool check)
{
	*tx = (struct tx){
		.check = check,
		.macs = {.key_bytes = sizeof(struct mac_key),
			.entry_bytes = sizeof(struct staged_mac)},
		.routes = {.key_bytes = sizeof(struct place_key),
			.entry_bytes = sizeof(struct staged_route)},
		.sessions = {.key_bytes = sizeof(struct session_place),
			.entry_bytes = sizeof(struct staged_session)},
	};
}

struct tx_step *tx_next_step(struct tx *tx)
{
	if (tx->count == tx->room) {
		size_t room = tx->room ? tx->room * 2 : 16;
		struct tx_step *steps = realloc(tx->steps, room * sizeof(*steps));
		struct session_change **changes;

		if (!steps)
			return NULL;
		tx->steps = steps;
		changes = realloc(tx->changes, room * sizeof(*changes));
		if (!changes)
			return NULL;
		tx->changes = changes;
		tx->room = room;
	}
	return &tx->steps[tx->count];
}

static void note_refusal(struct tx *tx, const struct rpc_error *err)
{
	json_t *error = tx->refused_total < REFUSED_MOST ? error_json(err) : NULL;

	if (!tx->refused)
		tx->refused = json_array();
	if (error)
		json_array_append_new(tx->refused, error);
	tx->refused_total++;
}

/* An object of the op in work is refused: -1, which ends the transaction; 0 when that only checks.
 */
static int refuse(struct tx *tx, const char *list, size_t index, struct rpc_error *err)
{
	rpc_error_prefix(err, "%s[%zu]", list, index);
	if (!tx->check)
		return -1;
	rpc_error_prefix(err, "ops[%u]", tx->ops - 1);
	note_refusal(tx, err);
	*err = (struct rpc_error){0};
	return 0;
}

static int fail_twice(const struct object *obj, uint32_t index, struct rpc_error *err)
{
	rpc_fail(err, RPC_ERR_CONFLICT, "objects[%u] and objects[%u] are both %s %s", obj->op_index,
		index, obj->type->name, obj->key);
	snprintf(err->with, sizeof(err->with), "objects[%u]", obj->op_index);
	return -1;
}

static int check_unique(const struct api_type *type, const struct object *obj,
	const union api_object *data, char *unique, struct rpc_error *err)
{
	const struct noun *noun = nouns[type->type];
	struct object *holder;
	char label[160];

	unique[0] = '\0';
	if (!noun->unique)
		return 0;
	noun->unique(data, unique);
	holder = model_unique_holder(type->type, unique);
	if (!holder || holder == obj)
		return 0;
	rpc_fail(err, RPC_ERR_CONFLICT, "%.120s is already taken by %.100s", unique,
		model_label(holder, label, sizeof(label)));
	snprintf(err->path, sizeof(err->path), "%s", noun->unique_field);
	snprintf(err->with, sizeof(err->with), "%s", label);
	return -1;
}

static int check_room(const struct api_type *type, struct rpc_error *err)
{
	if (model_count(type->type) < type->limit)
		return 0;
	rpc_fail(err, RPC_ERR_CAPACITY, "a box holds at most %u objects of type %s", type->limit,
		type->name);
	err->limit = type->limit;
	return -1;
}

/* A new state of obj (NULL: create): prepared, linked and logged. */
static int apply(struct tx *tx, const struct api_type *type, struct object *obj, const char *key,
	struct version *next, struct rpc_error *err)
{
	struct tx_step *step = tx_next_step(tx);
	struct version *old = obj ? obj->now : NULL;
	struct object *made = NULL;

	if (!obj)
		obj = made = object_new(type, key);
	if (!step || !obj) {
		rpc_fail(err, RPC_ERR_INTERNAL, "out of memory");
		goto err_free;
	}
	if (nouns[type->type]->prepare && nouns[type->type]->prepare(tx, obj, old, next, err))
		goto err_free;
	model_link(obj, next);
	*step = (struct tx_step){.kind = TX_OBJECT, .object = {obj, old, next}};
	tx->count++;
	if (old)
		tx->updated++;
	else
		tx->created++;
	return 0;

err_free:
	object_free(made);
	return -1;
}

static bool same_data(
	const struct api_type *type, const union api_object *a, const union api_object *b)
{
	size_t bytes = model_bytes(type, a);

	return bytes == model_bytes(type, b) && !memcmp(a, b, bytes);
}

static int put_one(struct tx *tx, const struct api_type *type, const json_t *json, uint32_t index,
	struct rpc_error *err)
{
	char key[API_KEY_BYTES], unique[NOUN_UNIQUE];
	union api_object data;
	struct version *next;
	struct object *obj;

	if (api_decode(type, json, "", &data, err))
		return -1;
	if (type->type == OBJECT_MAC)
		return mac_put(tx, &data.mac, index, err);
	if (type->type == OBJECT_SESSION)
		return noun_session_put(tx, &data.session, index, err);
	if (type->type == OBJECT_ROUTE && fib_has(&data.route))
		return fib_put(tx, &data.route, index, err);
	api_key(type, &data, key);
	obj = model_find(type->type, key);
	if (obj && obj->op == tx->op)
		return fail_twice(obj, index, err);
	if (obj && same_data(type, obj->now->data, &data)) {
		tx->unchanged++;
		goto named;
	}
	if ((nouns[type->type]->check && nouns[type->type]->check(tx, obj, &data, err)) ||
		(!obj && check_room(type, err)) || check_unique(type, obj, &data, unique, err) ||
		version_new(type, &data, unique, &next, err))
		return -1;
	if (apply(tx, type, obj, key, next, err)) {
		version_free(next);
		return -1;
	}
	obj = next->owner;
named:
	obj->op = tx->op;
	obj->op_index = index;
	return 0;
}

int tx_put(struct tx *tx, const struct api_type *type, const json_t *objects, struct rpc_error *err)
{
	size_t index;
	json_t *json;

	tx->op = ++last_op;
	tx->ops++;
	keymap_free(&tx->sessions);
	json_array_foreach (objects, index, json) {
		if (put_one(tx, type, json, index, err) && refuse(tx, "objects", index, err))
			return -1;
	}
	return 0;
}

static int fail_not_found(const struct api_type *type, const char *key, struct rpc_error *err)
{
	rpc_fail(err, RPC_ERR_NOT_FOUND, "there is no %s %.160s", type->name, key);
	snprintf(err->got, sizeof(err->got), "%.159s", key);
	return -1;
}

static int delete_object(struct tx *tx, struct object *obj, struct rpc_error *err)
{
	const struct noun *noun = nouns[obj->type->type];
	struct version *old = obj->now;
	struct tx_step *step;

	if (noun_check_unused(err, obj))
		return -1;
	step = tx_next_step(tx);
	if (!step)
		return rpc_fail(err, RPC_ERR_INTERNAL, "out of memory");
	if (noun->prepare && noun->prepare(tx, obj, old, NULL, err))
		return -1;
	model_unlink(obj);
	*step = (struct tx_step){.kind = TX_OBJECT, .object = {obj, old, NULL}};
	tx->count++;
	tx->deleted++;
	return 0;
}

/* What is not in the model: 0, -1 with err, or 1 when there is none. */
static int delete_elsewhere(struct tx *tx, const struct api_type *type,
	const union api_object *data, struct rpc_error *err)
{
	if (type->type == OBJECT_MAC)
		return mac_delete(tx, &data->mac, err);
	if (type->type == OBJECT_SESSION)
		return noun_session_delete(tx, &data->session, err);
	if (type->type == OBJECT_ROUTE && fib_has(&data->route))
		return fib_delete(tx, &data->route, err);
	if (type->type == OBJECT_NEIGHBOR)
		return learned_neighbor_delete(tx, &data->neighbor, err);
	return 1;
}

static int delete_one(struct tx *tx, const struct api_type *type, const json_t *json,
	bool missing_ok, struct rpc_error *err)
{
	char key[API_KEY_BYTES], got[100];
	union api_object data;
	struct object *obj;
	int rc;

	if (!json_is_string(json))
		return rpc_fail_value(err, "", "a key: text", api_show(json, got, sizeof(got)));
	if (api_key_parse(type, json_string_value(json), "", key, &data, err))
		return -1;
	obj = nouns[type->type] ? model_find(type->type, key) : NULL;
	if (obj)
		return delete_object(tx, obj, err);
	rc = delete_elsewhere(tx, type, &data, err);
	if (rc <= 0)
		return rc;
	return missing_ok ? 0 : fail_not_found(type, key, err);
}

int tx_delete(struct tx *tx, const struct api_type *type, const json_t *keys, bool missing_ok,
	struct rpc_error *err)
{
	size_t index;
	json_t *json;

	tx->op = ++last_op;
	tx->ops++;
	json_array_foreach (keys, index, json) {
		if (delete_one(tx, type, json, missing_ok, err) && refuse(tx, "keys", index, err))
			return -1;
	}
	return 0;
}

/* Where the session was put. */
static void prefix_session(const struct tx *tx, uint32_t session, struct rpc_error *err)
{
	for (size_t i = tx->count; i-- > 0;) {
		const struct tx_step *step = &tx->steps[i];

		if (step->kind != TX_SESSION || step->session.session != session)
			continue;
		rpc_error_prefix(err, "ops[%u].objects[%u]", step->session.op, step->session.index);
		break;
	}
}

int tx_settle(struct tx *tx, struct rpc_error *err)
{
	uint32_t session, cursor = 0;

	while (session_settled(&cursor, &session, err)) {
		prefix_session(tx, session, err);
		if (!tx->check)
			return -1;
		note_refusal(tx, err);
		*err = (struct rpc_error){0};
	}
	return 0;
}

static void tx_end(struct tx *tx)
{
	keymap_free(&tx->macs);
	keymap_free(&tx->routes);
	keymap_free(&tx->sessions);
	json_decref(tx->chosen);
	json_decref(tx->refused);
	tx->chosen = tx->refused = NULL;
	free(tx->steps);
	free(tx->changes);
	tx->steps = NULL;
	tx->changes = NULL;
	tx->count = tx->room = 0;
}

json_t *tx_chosen(struct tx *tx)
{
	return json_incref(tx->chosen);
}

json_t *tx_refused(struct tx *tx)
{
	return tx->refused ? json_incref(tx->refused) : json_array();
}

static void commit_step(const struct tx_step *step)
{
	switch (step->kind) {
	case TX_MAC:
		mac_commit(&step->mac);
		break;
	case TX_ROUTE:
		fib_commit(&step->route);
		break;
	case TX_NEIGHBOR:
		learned_neighbor_commit(&step->neighbor);
		break;
	case TX_SESSION:
		break; /* commit_steps() */
	case TX_OBJECT:
		nouns[step->object.obj->type->type]->commit(
			step->object.obj, step->object.old, step->object.next);
	}
}

/* Peers that the sessions are the first to name have their paths before packets can be sent there.
 */
static void commit_sessions(struct session_change **change, uint32_t n)
{
	underlay_resolve();
	session_commit(change, n);
}

/* Sessions are committed together: after the objects that are made for them, and before those that
 * they leave are changed or go. That is at once for nearly all transactions; what a change of an
 * object parts is committed before and after it. */
static void commit_steps(struct tx *tx)
{
	struct session_change **change = tx->changes;
	uint32_t n = 0;

	for (size_t i = 0; i < tx->count; i++) {
		const struct tx_step *step = &tx->steps[i];

		if (step->kind == TX_SESSION) {
			change[n++] = step->session.change;
			continue;
		}
		if (step->kind == TX_OBJECT && step->object.old && n) {
			commit_sessions(change, n);
			n = 0;
		}
		commit_step(step);
	}
	if (n)
		commit_sessions(change, n);
}

void tx_commit(struct tx *tx)
{
	commit_steps(tx);
	if (tx->count)
		underlay_resolve();
	/* only now: a later step may have been told of what an earlier one replaced */
	for (size_t i = 0; i < tx->count; i++) {
		struct tx_step *step = &tx->steps[i];

		if (step->kind != TX_OBJECT)
			continue;
		version_free(step->object.old);
		if (!step->object.next)
			object_free(step->object.obj);
	}
	tx_end(tx);
}

static void rollback_object(const struct tx *tx, const struct tx_object *step)
{
	const struct noun *noun = nouns[step->obj->type->type];

	if (step->old)
		model_link(step->obj, step->old);
	else
		model_unlink(step->obj);
	if (noun->undo)
		noun->undo(tx, step->obj, step->old, step->next);
	version_free(step->next);
	if (!step->old)
		object_free(step->obj);
}

void tx_rollback(struct tx *tx)
{
	while (tx->count > 0) {
		struct tx_step *step = &tx->steps[--tx->count];

		if (step->kind == TX_MAC)
			mac_rollback(&step->mac);
		else if (step->kind == TX_ROUTE)
			fib_rollback(&step->route);
		else if (step->kind == TX_SESSION)
			session_cancel(step->session.change);
		else if (step->kind == TX_OBJECT)
			rollback_object(tx, &step->object);
	}
	tx_end(tx);
}
