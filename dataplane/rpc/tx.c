/* SPDX-License-Identifier: BSD-3-Clause */
/* The transaction engine (tx.h). Owns the changes and the log while a transaction lasts. Everything
 * that can fail happens in tx_run(); tx_commit() only makes it so. */
#include "tx.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "claims.h"
#include "dispatch.h"
#include "noun.h"
#include "noun_route.h"
#include "noun_mac.h"
#include "noun_neighbor.h"
#include "noun_session.h"
#include "session.h"
#include "sync_pending.h"
#include "tx_refusal.h"
#include "underlay.h"

/* The order in which objects enter: what is named goes before what names it. */
static const uint8_t ranks[OBJECT_TYPES] = {[OBJECT_METER] = 0,
	[OBJECT_PORT] = 1,
	[OBJECT_TUNNEL] = 2,
	[OBJECT_GTPU] = 3,
	[OBJECT_SLICE] = 4,
	[OBJECT_ATTACHMENT] = 5,
	[OBJECT_MEMBER] = 6,
	[OBJECT_ADDRESS] = 7,
	[OBJECT_NEIGHBOR] = 8,
	[OBJECT_ROUTE] = 9};

/* Rows name objects and no other rows. */
static const enum object_type row_deletions[] = {
	OBJECT_SESSION, OBJECT_MAC, OBJECT_ROUTE, OBJECT_NEIGHBOR};
static const enum object_type row_puts[] = {OBJECT_ROUTE, OBJECT_MAC, OBJECT_SESSION};

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

static int fail_memory(struct rpc_error *err)
{
	return rpc_fail(err, RPC_ERR_INTERNAL, "out of memory");
}

struct tx_step *tx_next_step(struct tx *tx)
{
	if (tx->count == tx->room) {
		size_t room = tx->room ? tx->room * 2 : 16;
		struct tx_step *steps = realloc(tx->steps, room * sizeof(*steps));
		struct session_change **changed;

		if (!steps)
			return NULL;
		tx->steps = steps;
		changed = realloc(tx->sessions_changed, room * sizeof(*changed));
		if (!changed)
			return NULL;
		tx->sessions_changed = changed;
		tx->room = room;
	}
	return &tx->steps[tx->count];
}

static int op_add(struct tx *tx, struct tx_op op, struct rpc_error *err)
{
	if (!array_grow(&tx->ops, &tx->op_room, tx->op_count, sizeof(*tx->ops)))
		return fail_memory(err);
	tx->ops[tx->op_count++] = op;
	return 0;
}

int tx_put(struct tx *tx, const struct api_type *type, const json_t *objects, struct rpc_error *err)
{
	return op_add(tx, (struct tx_op){.type = type, .list = objects, .put = true}, err);
}

int tx_delete(struct tx *tx, const struct api_type *type, const json_t *keys, bool missing_ok,
	struct rpc_error *err)
{
	return op_add(
		tx, (struct tx_op){.type = type, .list = keys, .missing_ok = missing_ok}, err);
}

/* ---- 1. what the ops say ---- */

/* The change of the object, made if need be; NULL: no memory. */
static struct change *change_of(struct tx *tx, struct object *obj)
{
	if (obj->change)
		return obj->change;
	if (!array_grow(&tx->changes, &tx->change_room, tx->change_count, sizeof(*tx->changes)))
		return NULL;
	obj->change = calloc(1, sizeof(*obj->change));
	if (!obj->change)
		return NULL;
	tx->changes[tx->change_count++] = obj->change;
	*obj->change = (struct change){.obj = obj, .old = obj->now, .life = obj->life};
	return obj->change;
}

static int fail_twice(const struct change *change, uint32_t index, struct rpc_error *err)
{
	rpc_fail(err, RPC_ERR_CONFLICT, "objects[%u] and objects[%u] are both %s %s", change->index,
		index, change->obj->type->name, change->obj->key);
	snprintf(err->with, sizeof(err->with), "objects[%u]", change->index);
	return -1;
}

static int change_put(struct change *change, const union api_object *data)
{
	size_t bytes = model_bytes(change->obj->type, data);

	free(change->data);
	change->data = malloc(bytes);
	if (!change->data)
		return -ENOMEM;
	memcpy(change->data, data, bytes);
	return 0;
}

/* What a source claims is changed by that source alone. */
static int check_claims(const struct tx *tx, const struct api_type *type,
	const union api_object *data, struct rpc_error *err)
{
	const struct claim *claim;
	char key[API_KEY_BYTES];

	if (tx->is_sync || claims_in_force(type->type) == 0)
		return 0;
	api_key(type, data, key);
	claim = claim_in_force(type->type, key);
	if (!claim)
		return 0;
	rpc_fail(err, RPC_ERR_CONFLICT, "%s %.100s is of source %s, group %.80s: change it there",
		type->name, key, source_names[claim->group->source], claim->group->owner);
	snprintf(err->with, sizeof(err->with), "%s %.140s", source_names[claim->group->source],
		claim->group->owner);
	return -1;
}

/* Of a type that is in no model, whatever the key. */
static bool is_only_row(const struct api_type *type)
{
	return type->type == OBJECT_MAC || type->type == OBJECT_SESSION;
}

static bool is_row(const struct api_type *type, const json_t *json)
{
	const char *table;

	if (type->type != OBJECT_ROUTE)
		return is_only_row(type);
	table = json_string_value(json_object_get(json, "table"));
	return table && strcmp(table, "underlay") != 0;
}

static int put_object(struct tx *tx, const struct api_type *type, const json_t *json,
	uint32_t index, struct rpc_error *err)
{
	char key[API_KEY_BYTES];
	union api_object data;
	struct change *change;
	struct object *obj;

	if (is_row(type, json))
		return 0;
	if (api_decode(type, json, "", &data, err) || check_claims(tx, type, &data, err))
		return -1;
	api_key(type, &data, key);
	obj = model_make(type, key);
	change = obj ? change_of(tx, obj) : NULL;
	if (!change)
		return fail_memory(err);
	if (change->data && change->op == tx->at)
		return fail_twice(change, index, err);
	change->op = tx->at;
	change->index = index;
	return change_put(change, &data) ? fail_memory(err) : 0;
}

static int fail_not_found(const struct api_type *type, const char *key, struct rpc_error *err)
{
	rpc_fail(err, RPC_ERR_NOT_FOUND, "there is no %s %.160s", type->name, key);
	snprintf(err->got, sizeof(err->got), "%.159s", key);
	return -1;
}

/* The object of the model that has this key, or had it before the transaction; NULL: none. Fails
 * as api_key_parse() does. */
static int find_object(const struct api_type *type, const json_t *json, char *key,
	union api_object *data, struct object **obj, struct rpc_error *err)
{
	char got[100];

	*obj = NULL;
	if (!json_is_string(json))
		return rpc_fail_value(err, "", "a key: text", api_show(json, got, sizeof(got)));
	if (api_key_parse(type, json_string_value(json), "", key, data, err))
		return -1;
	if (nouns[type->type] && (type->type != OBJECT_ROUTE || !fib_has(&data->route)))
		*obj = model_find_any(type->type, key);
	if (*obj && !(*obj)->now)
		*obj = NULL;
	return 0;
}

static int delete_object(struct tx *tx, const struct tx_op *op, const json_t *json, uint32_t index,
	struct rpc_error *err)
{
	char key[API_KEY_BYTES];
	union api_object data;
	struct change *change;
	struct object *obj;

	if (is_only_row(op->type))
		return 0;
	if (find_object(op->type, json, key, &data, &obj, err) ||
		check_claims(tx, op->type, &data, err))
		return -1;
	if (!obj && (op->type->type == OBJECT_NEIGHBOR || op->type->type == OBJECT_ROUTE))
		return 0; /* a row, or none */
	if (!obj || (obj->change && obj->change->gone))
		return op->missing_ok ? 0 : fail_not_found(op->type, key, err);
	change = change_of(tx, obj);
	if (!change)
		return fail_memory(err);
	change->gone = true;
	change->gone_op = tx->at;
	change->gone_index = index;
	tx->deleted++;
	return 0;
}

static void gather(struct tx *tx)
{
	struct rpc_error err = {0};
	const char *name;
	size_t index;
	json_t *json;

	for (tx->at = 0; tx->at < tx->op_count; tx->at++) {
		const struct tx_op *op = &tx->ops[tx->at];

		json_array_foreach (op->list, index, json) {
			if (!(op->put ? put_object(tx, op->type, json, index, &err)
				      : delete_object(tx, op, json, index, &err)))
				continue;
			name = json_string_value(json_object_get(json, "name"));
			if (name)
				tx_note_refused(tx, op->type->name, name);
			tx_refuse(tx, tx->at, index, &err);
		}
	}
}

/* What names an object that is made anew is made anew as well: it has the old one's id in it. */
static int renew_users(struct tx *tx, const struct change *change)
{
	const struct ref *ref;

	LIST_FOREACH (ref, &change->obj->used_by, link) {
		struct change *user = change_of(tx, ref->from->owner);

		if (!user)
			return -ENOMEM;
		if (user->gone)
			continue;
		if (!user->data) {
			user->op = change->op;
			user->index = change->index;
			if (change_put(user, user->old->data))
				return -ENOMEM;
		}
		user->gone = true;
		if (renew_users(tx, user))
			return -ENOMEM;
	}
	return 0;
}

static bool same_data(
	const struct api_type *type, const union api_object *a, const union api_object *b)
{
	size_t bytes = model_bytes(type, a);

	return bytes == model_bytes(type, b) && !memcmp(a, b, bytes);
}

static int change_cmp(const void *a, const void *b)
{
	const struct object *left = (*(struct change *const *)a)->obj;
	const struct object *right = (*(struct change *const *)b)->obj;
	int rank = ranks[left->type->type] - ranks[right->type->type];

	return rank ? rank : strcmp(left->key, right->key);
}

static void changes_sort(struct tx *tx)
{
	if (tx->change_count > 0) /* qsort() takes no NULL */
		qsort(tx->changes, tx->change_count, sizeof(*tx->changes), change_cmp);
}

static bool must_renew(const struct change *change)
{
	const struct noun *noun = nouns[change->obj->type->type];

	return noun->must_renew && noun->must_renew(change->old->data, change->data);
}

/* Those that change nothing are no changes. The others are put in order: of two that want the same,
 * it is not the order of the ops that tells which one is refused. */
static void sort_out(struct tx *tx)
{
	struct rpc_error err = {0};
	size_t kept = 0;

	changes_sort(tx);
	for (size_t i = 0; i < tx->change_count; i++) {
		struct change *change = tx->changes[i];

		if (tx->is_sync && change->old && change->data && !change->gone)
			change->gone = must_renew(change);
		if (change_ends(change) && change_begins(change) && renew_users(tx, change)) {
			fail_memory(&err);
			tx_refuse_change(tx, change, &err);
		}
	}
	for (size_t i = 0; i < tx->change_count; i++) {
		struct change *change = tx->changes[i];

		if (change->data && change->old && !change->gone &&
			same_data(change->obj->type, change->old->data, change->data)) {
			tx->unchanged++;
			change->obj->change = NULL;
			free(change->data);
			free(change);
		} else {
			tx->changes[kept++] = change;
		}
	}
	tx->change_count = kept;
	changes_sort(tx);
}

/* ---- 2. and 5. rows ---- */

/* 0, -1 with err, or 1 when there is none. */
static int delete_row(struct tx *tx, const struct api_type *type, const union api_object *data,
	struct rpc_error *err)
{
	switch (type->type) {
	case OBJECT_MAC:
		return mac_delete(tx, &data->mac, err);
	case OBJECT_SESSION:
		return noun_session_delete(tx, &data->session, err);
	case OBJECT_ROUTE:
		return fib_has(&data->route) ? fib_delete(tx, &data->route, err) : 1;
	default:
		return learned_neighbor_delete(tx, &data->neighbor, err);
	}
}

static int delete_one(
	struct tx *tx, const struct tx_op *op, const json_t *json, struct rpc_error *err)
{
	char key[API_KEY_BYTES];
	union api_object data;
	struct rpc_error told;
	struct object *obj;
	int rc;

	if (find_object(op->type, json, key, &data, &obj, is_only_row(op->type) ? err : &told))
		return is_only_row(op->type) ? -1 : 0;
	if (obj)
		return 0; /* gather() has it */
	if (check_claims(tx, op->type, &data, err))
		return is_only_row(op->type) ? -1 : 0; /* of the others gather() has told */
	rc = delete_row(tx, op->type, &data, err);
	if (rc <= 0)
		return rc;
	return op->missing_ok ? 0 : fail_not_found(op->type, key, err);
}

static int put_one(struct tx *tx, const struct api_type *type, const json_t *json, uint32_t index,
	struct rpc_error *err)
{
	union api_object data;

	if (!is_row(type, json))
		return 0;
	if (api_decode(type, json, "", &data, err) || check_claims(tx, type, &data, err))
		return -1;
	if (type->type == OBJECT_MAC)
		return mac_put(tx, &data.mac, index, err);
	if (type->type == OBJECT_SESSION)
		return noun_session_put(tx, &data.session, index, err);
	return fib_put(tx, &data.route, index, err);
}

/* The rows of one op. */
static void run_rows(struct tx *tx, const struct tx_op *op)
{
	struct rpc_error err = {0};
	size_t index;
	json_t *json;

	tx->op = ++last_op;
	tx->at = op - tx->ops;
	if (op->put)
		keymap_free(&tx->sessions);
	json_array_foreach (op->list, index, json) {
		if (op->put ? put_one(tx, op->type, json, index, &err)
			    : delete_one(tx, op, json, &err))
			tx_refuse(tx, tx->at, index, &err);
	}
}

static void rows(struct tx *tx, bool put, const enum object_type *types, size_t count)
{
	for (size_t i = 0; i < count; i++)
		for (const struct tx_op *op = tx->ops; op < tx->ops + tx->op_count; op++)
			if (op->put == put && op->type->type == types[i])
				run_rows(tx, op);
}

/* ---- 3. and 4. objects leave and enter ---- */

/* Does it go on to name this one, which its old state names? All but an attachment's slice is in a
 * key, or may change under whoever names it. */
static bool goes_on_naming(const struct change *change, const struct object *to)
{
	if (change->gone || !change->data)
		return false;
	return change->obj->type->type != OBJECT_ATTACHMENT || to->type->type != OBJECT_SLICE ||
	       !strcmp(change->data->attachment.slice, to->key);
}

static void note_uses(const struct change *change)
{
	for (uint32_t i = 0; i < change->old->n_refs; i++) {
		const struct object *to = change->old->refs[i].to;

		if (to->change && goes_on_naming(change, to))
			to->change->user = change->obj;
	}
}

static void change_leave(struct tx *tx, struct change *change)
{
	struct object *obj = change->obj;
	const struct noun *noun = nouns[obj->type->type];

	change->left_dry = tx->check || tx->refused_total > 0 || noun->forget;
	change->had_rows = obj->macs > 0 || obj->routes > 0;
	note_uses(change);
	model_leave(obj);
	if (noun->release)
		noun->release(change);
	change->left = true;
	if (obj->type->type == OBJECT_PORT && change_ends(change))
		tx->ports[tx->port_count++] = change;
}

/* Undoes change_leave(). */
static void change_return(struct change *change)
{
	struct object *obj = change->obj;
	const struct noun *noun = nouns[obj->type->type];

	obj->life = change->life;
	model_enter(obj, change->old);
	if (noun->restore)
		noun->restore(change);
	change->left = false;
}

static int check_unique(const struct change *change, char *unique, struct rpc_error *err)
{
	enum object_type type = change->obj->type->type;
	const struct noun *noun = nouns[type];
	struct object *holder;
	char label[160];

	unique[0] = '\0';
	if (!noun->unique)
		return 0;
	noun->unique(change->data, unique);
	holder = model_unique_holder(type, unique);
	if (!holder)
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

static int change_enter(struct tx *tx, struct change *change, struct rpc_error *err)
{
	const struct api_type *type = change->obj->type;
	const struct noun *noun = nouns[type->type];
	struct version *next;
	char unique[NOUN_UNIQUE];

	/* rows that are left name what is over; put again by this transaction they would name the
	 * new one, but they have not entered yet */
	if (change_ends(change) && noun_check_unused(err, change->obj))
		return -1;
	if ((noun->check && noun->check(tx, change, err)) ||
		(change_begins(change) && check_room(type, err)) ||
		check_unique(change, unique, err) ||
		version_new(type, change->data, unique, &next, err))
		return -1;
	change->dry = tx->check || tx->refused_total > 0 || noun->tell;
	change->next = next;
	if (noun->prepare && noun->prepare(tx, change, err)) {
		change->next = NULL;
		version_free(next);
		return -1;
	}
	model_enter(change->obj, next);
	if (type->type == OBJECT_PORT && change_begins(change) && !change_ends(change))
		tx->ports[tx->port_count++] = change;
	if (change_begins(change))
		tx->created++;
	else
		tx->updated++;
	return 0;
}

/* Undoes change_enter(). */
static void change_withdraw(struct change *change)
{
	struct object *obj = change->obj;
	const struct noun *noun = nouns[obj->type->type];
	struct version *next = change->next;

	model_leave(obj);
	if (change_begins(change))
		model_forget_id(obj, obj->id);
	if (noun->undo)
		noun->undo(change);
	change->next = NULL;
	obj->now = change->old;
	version_free(next);
}

/* One that is refused stays as it was, as long as nobody else has what it had: so that those that
 * name it are not refused for that. */
static void stay(struct change *change)
{
	const struct version *old = change->old;

	if (!change->left || change->gone ||
		(old->unique && model_unique_holder(change->obj->type->type, old->unique)))
		return;
	change_return(change);
}

static void objects_leave(struct tx *tx)
{
	for (size_t i = tx->change_count; i-- > 0;)
		if (tx->changes[i]->old)
			change_leave(tx, tx->changes[i]);
}

static void objects_enter(struct tx *tx)
{
	struct rpc_error err = {0};

	for (size_t i = 0; i < tx->change_count; i++) {
		struct change *change = tx->changes[i];

		if (!change->data || !change_enter(tx, change, &err))
			continue;
		tx_refuse_change(tx, change, &err);
		stay(change);
	}
}

/* ---- 6. what is left ---- */

static void settle_objects(struct tx *tx)
{
	struct rpc_error err = {0};

	for (size_t i = 0; i < tx->change_count; i++) {
		const struct change *change = tx->changes[i];
		const struct noun *noun = nouns[change->obj->type->type];

		if ((change->gone && !change->data && noun_check_unused(&err, change->obj)) ||
			(noun->settle && (change->left || change->next) &&
				noun->settle(change, &err)))
			tx_refuse_change(tx, change, &err);
	}
}

/* Where the session was put. */
static void refuse_session(struct tx *tx, uint32_t session, struct rpc_error *err)
{
	for (size_t i = tx->count; i-- > 0;) {
		const struct tx_step *step = &tx->steps[i];

		if (step->kind != TX_SESSION || step->session.session != session)
			continue;
		tx_refuse(tx, step->session.op, step->session.index, err);
		break;
	}
}

static void settle_sessions(struct tx *tx)
{
	uint32_t session, cursor = 0;
	struct rpc_error err = {0};

	while (session_settled(&cursor, &session, &err))
		refuse_session(tx, session, &err);
}

/* ---- 7. what only the kernel knows ---- */

static void tell_kernel(struct tx *tx)
{
	struct rpc_error err = {0};

	for (size_t i = 0; i < tx->change_count; i++) {
		struct change *change = tx->changes[i];
		const struct noun *noun = nouns[change->obj->type->type];

		if (!noun->forget || !change->left)
			continue;
		noun->forget(change);
		change->left_dry = false;
	}
	for (size_t i = 0; i < tx->change_count && tx->refused_total == 0; i++) {
		struct change *change = tx->changes[i];
		const struct noun *noun = nouns[change->obj->type->type];

		if (!noun->tell || !change->next)
			continue;
		if (noun->tell(change, &err))
			tx_refuse_change(tx, change, &err);
		else
			change->dry = false;
	}
}

int tx_run(struct tx *tx, struct rpc_error *err)
{
	gather(tx);
	sort_out(tx);
	rows(tx, false, row_deletions, sizeof(row_deletions) / sizeof(row_deletions[0]));
	tx->deletions = tx->count;
	objects_leave(tx);
	objects_enter(tx);
	rows(tx, true, row_puts, sizeof(row_puts) / sizeof(row_puts[0]));
	settle_objects(tx);
	settle_sessions(tx);
	if (tx->refused_total == 0 && !tx->check)
		tell_kernel(tx);
	if (tx->refused_total == 0 || tx->check)
		return 0;
	*err = tx->first;
	return -1;
}

/* ---- the end ---- */

static void tx_end(struct tx *tx)
{
	for (size_t i = 0; i < tx->change_count; i++) {
		struct change *change = tx->changes[i];
		struct object *obj = change->obj;

		obj->change = NULL;
		if (!obj->now)
			model_drop(obj);
		free(change->data);
		free(change);
	}
	tx_refusals_free(tx);
	networks_sweep();
	noun_session_rest();
	keymap_free(&tx->macs);
	keymap_free(&tx->routes);
	keymap_free(&tx->sessions);
	json_decref(tx->chosen);
	free(tx->changes);
	free(tx->steps);
	free(tx->sessions_changed);
	free(tx->ops);
	*tx = (struct tx){0};
}

json_t *tx_chosen(struct tx *tx)
{
	return json_incref(tx->chosen);
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
		break; /* commit_sessions() */
	}
}

/* Together, those that go, too: a UE's address is its next session's at once. Behind the objects
 * that are made for them, and before those that they leave go. Peers that the sessions are the
 * first to name have their paths before packets can be sent there. */
static void commit_sessions(struct tx *tx)
{
	struct session_change **changed = tx->sessions_changed;
	uint32_t n = 0;

	for (size_t i = 0; i < tx->count; i++)
		if (tx->steps[i].kind == TX_SESSION)
			changed[n++] = tx->steps[i].session.change;
	if (n == 0)
		return;
	underlay_resolve();
	session_commit(changed, n);
}

/* What is made anew shows its other life: its own commit, and that of objects and rows that name
 * it, ask for the id. */
static void swap_lives(struct tx *tx)
{
	for (size_t i = 0; i < tx->change_count; i++) {
		struct change *change = tx->changes[i];
		struct object_life life = change->obj->life;

		if (!change_ends(change) || !change->next)
			continue;
		change->obj->life = change->life;
		change->life = life;
	}
}

/* What carries others goes when they have moved, so that no packet is lost that need not be, and
 * nothing leads to what is not there. What another has taken over from it (a VNI, an address, a
 * VLAN) is the other's by then, and it leaves that alone. But an object that is made anew and has
 * no id would take out what has just been put by the same key. */
static bool ends_late(const struct change *change)
{
	switch (change->obj->type->type) {
	case OBJECT_PORT:
	case OBJECT_TUNNEL:
	case OBJECT_GTPU:
	case OBJECT_SLICE:
	case OBJECT_METER:
		return true;
	case OBJECT_MEMBER:
		return !change->next;
	case OBJECT_ATTACHMENT:
		return change->had_rows;
	default: /* of the underlay */
		return !change->next && version_ref(change->old, OBJECT_ATTACHMENT) == NULL;
	}
}

static void commit_ends(struct tx *tx, bool late)
{
	swap_lives(tx);
	for (size_t i = tx->change_count; i-- > 0;) {
		struct change *change = tx->changes[i];

		if (!change_ends(change) || ends_late(change) != late)
			continue;
		nouns[change->obj->type->type]->commit(change->obj, change->old, NULL);
		model_forget_id(change->obj, change->obj->id);
	}
	swap_lives(tx);
}

static void commit_puts(struct tx *tx)
{
	for (size_t i = 0; i < tx->change_count; i++) {
		const struct change *change = tx->changes[i];

		if (change->next)
			nouns[change->obj->type->type]->commit(change->obj,
				change_begins(change) ? NULL : change->old, change->next);
	}
}

static void commit_steps(struct tx *tx, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		commit_step(&tx->steps[i]);
}

void tx_commit(struct tx *tx)
{
	swap_lives(tx);
	commit_steps(tx, 0, tx->deletions);
	swap_lives(tx);
	commit_ends(tx, false);
	commit_puts(tx);
	commit_steps(tx, tx->deletions, tx->count);
	commit_sessions(tx);
	commit_ends(tx, true);
	if (tx->count > 0 || tx->change_count > 0)
		underlay_resolve();
	/* only now: a later commit may have been told of what an earlier one replaced */
	for (size_t i = 0; i < tx->change_count; i++) {
		struct change *change = tx->changes[i];

		version_free(change->old);
		change->obj->now = change->next;
	}
	pending_committed(tx);
	tx_end(tx);
}

static void rollback_steps(struct tx *tx, size_t to)
{
	while (tx->count > to) {
		struct tx_step *step = &tx->steps[--tx->count];

		if (step->kind == TX_MAC)
			mac_rollback(&step->mac);
		else if (step->kind == TX_ROUTE)
			fib_rollback(&step->route);
		else if (step->kind == TX_SESSION)
			session_cancel(step->session.change);
	}
}

void tx_rollback(struct tx *tx)
{
	if (tx->count > tx->deletions)
		rollback_steps(tx, tx->deletions);
	for (size_t i = tx->change_count; i-- > 0;)
		if (tx->changes[i]->next)
			change_withdraw(tx->changes[i]);
	for (size_t i = 0; i < tx->change_count; i++)
		if (tx->changes[i]->left)
			change_return(tx->changes[i]);
	rollback_steps(tx, 0);
	tx_end(tx);
}
