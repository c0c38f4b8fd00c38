/* SPDX-License-Identifier: BSD-3-Clause */
/* The transaction engine (tx.h). Owns the changes and the log while a transaction lasts. Everything
 * that can fail happens in tx_run(); tx_commit() only makes it so. */
#include "noun.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "claims.h"

void tx_begin(struct tx *tx, bool check)
{
	*tx = (struct tx){.check = check};
	for (int type = 0; type < OBJECT_TYPES; type++)
		if (backends[type]) {
			tx->rows[type].staged.key_bytes = backends[type]->key_bytes;
			tx->rows[type].staged.entry_bytes = backends[type]->staged_bytes;
		}
}

static int fail_memory(struct rpc_error *err)
{
	return rpc_fail(err, RPC_ERR_INTERNAL, "out of memory");
}

static char *step_at(const struct tx *tx, enum object_type type, size_t i)
{
	return tx->rows[type].steps + i * backends[type]->step_bytes;
}

int tx_step_room(struct tx *tx, enum object_type type, struct rpc_error *err)
{
	struct tx_rows *rows = &tx->rows[type];
	size_t room = rows->room ? rows->room * 2 : 16;
	char *steps;

	if (rows->count < rows->room)
		return 0;
	steps = realloc(rows->steps, room * backends[type]->step_bytes);
	if (!steps)
		return fail_memory(err);
	rows->steps = steps;
	rows->room = room;
	return 0;
}

void tx_step_add(struct tx *tx, enum object_type type, const void *step)
{
	memcpy(step_at(tx, type, tx->rows[type].count++), step, backends[type]->step_bytes);
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

static int fail_twice(uint32_t first, uint32_t second, const struct api_type *type, const char *key,
	struct rpc_error *err)
{
	rpc_fail(err, RPC_ERR_CONFLICT, "objects[%u] and objects[%u] are both %s %s", first, second,
		type->name, key);
	snprintf(err->with, sizeof(err->with), "objects[%u]", first);
	return -1;
}

int tx_put_once(const struct tx *tx, struct tx_place *last, uint32_t index,
	const struct api_type *type, const union api_object *data, struct rpc_error *err)
{
	char key[API_KEY_BYTES];

	if (last->op == tx->at + 1) {
		api_key(type, data, key);
		return fail_twice(last->index, index, type, key, err);
	}
	*last = (struct tx_place){tx->at + 1, index};
	return 0;
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

static bool is_row(const struct api_type *type, const json_t *json)
{
	const struct backend *backend = backends[type->type];

	return backend && backend->put && (!nouns[type->type] || backend->is_row(json));
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
		return fail_twice(change->index, index, type, key, err);
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
	if (nouns[type->type])
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

	if (!nouns[op->type->type])
		return 0;
	if (find_object(op->type, json, key, &data, &obj, err) ||
		check_claims(tx, op->type, &data, err))
		return -1;
	if (!obj && backends[op->type->type])
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
	int rank = left->type->rank - right->type->rank;

	return rank ? rank : strcmp(left->key, right->key);
}

static void changes_sort(struct tx *tx)
{
	if (tx->change_count > 0) /* qsort() takes no NULL */
		qsort(tx->changes, tx->change_count, sizeof(*tx->changes), change_cmp);
}

/* The first field that only another object can have otherwise; NULL: there is none. */
static const struct api_field *fixed_field(const struct change *change)
{
	const struct api_field *field = change->obj->type->fields;

	while (field->name && (!(field->flags & (FIELD_FIXED | FIELD_FIXED_IN_USE)) ||
				      !memcmp((char *)change->old->data + field->offset,
					      (char *)change->data + field->offset, field->size)))
		field++;
	return field->name ? field : NULL;
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
			change->gone = fixed_field(change) != NULL;
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

static int delete_one(
	struct tx *tx, const struct tx_op *op, const json_t *json, struct rpc_error *err)
{
	char key[API_KEY_BYTES];
	union api_object data;
	struct object *obj;
	/* of the others gather() has told */
	bool told = nouns[op->type->type] != NULL;
	int rc;

	if (find_object(op->type, json, key, &data, &obj, err) ||
		(!obj && check_claims(tx, op->type, &data, err))) {
		if (told)
			*err = (struct rpc_error){0};
		return told ? 0 : -1;
	}
	if (obj)
		return 0; /* gather() has it */
	rc = backends[op->type->type]->remove(tx, &data, err);
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
	return backends[type->type]->put(tx, &data, index, err);
}

/* The rows of one op. */
static void run_rows(struct tx *tx, const struct tx_op *op)
{
	struct rpc_error err = {0};
	size_t index;
	json_t *json;

	tx->at = op - tx->ops;
	json_array_foreach (op->list, index, json) {
		if (op->put ? put_one(tx, op->type, json, index, &err)
			    : delete_one(tx, op, json, &err))
			tx_refuse(tx, tx->at, index, &err);
	}
}

static enum object_type type_at(int rank)
{
	int type = 0;

	while (api_types[type].rank != rank)
		type++;
	return type;
}

/* Of the backends, by rank. */
static void rows(struct tx *tx, bool put)
{
	for (int i = 0; i < OBJECT_TYPES; i++) {
		enum object_type type = type_at(put ? i : OBJECT_TYPES - 1 - i);

		for (uint32_t at = 0; backends[type] && at < tx->op_count; at++)
			if (tx->ops[at].put == put && tx->ops[at].type->type == type)
				run_rows(tx, &tx->ops[at]);
	}
}

/* ---- 3. and 4. objects leave and enter ---- */

/* Does it go on to name this one, which its old state names? What is fixed stays, or it is made
 * anew. */
static bool goes_on_naming(const struct change *change, const struct object *to)
{
	if (change->gone || !change->data)
		return false;
	for (const struct api_field *field = change->obj->type->fields; field->name; field++)
		if ((field->flags & FIELD_FIXED_IN_USE) && field->ref == (int)to->type->type)
			return !strcmp((char *)change->data + field->offset, to->key);
	return true;
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
	struct rpc_error ignored = {0};

	change->left_dry = tx->check || tx->refused_total > 0 || noun->forget;
	change->had_rows =
		obj->type->ends == END_LAST_WITH_ROWS && noun_check_rows(&ignored, obj) != 0;
	note_uses(change);
	model_leave(obj);
	if (noun->release)
		noun->release(change);
	change->left = true;
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

/* What is fixed is as it was, in a life that goes on. */
static int check_fixed(const struct change *change, struct rpc_error *err)
{
	const struct api_field *field = change_begins(change) ? NULL : fixed_field(change);
	char label[160];

	if (!field)
		return 0;
	if (field->flags & FIELD_FIXED) {
		model_label(change->obj, label, sizeof(label));
		noun_fail_conflict(err, "", label,
			"the %s of a %s cannot change while it is open: delete %.160s first",
			field->name, change->obj->type->name, label);
	} else if (!noun_check_unused_change(err, change)) {
		return 0;
	}
	snprintf(err->path, sizeof(err->path), "%s", field->name);
	return -1;
}

static int reserve_id(const struct noun *noun, struct object *obj, struct rpc_error *err)
{
	int rc = noun->id_reserve(&obj->id);

	if (rc == 0)
		return 0;
	if (rc != -ENOSPC)
		return fail_memory(err);
	rpc_fail(err, RPC_ERR_CAPACITY, "no %s id is free: a box holds at most %u", obj->type->name,
		obj->type->limit);
	err->limit = obj->type->limit;
	return -1;
}

/* Work for change->next that may fail: undone by unprepare(). */
static int prepare(struct tx *tx, struct change *change, struct rpc_error *err)
{
	const struct noun *noun = nouns[change->obj->type->type];
	bool has_id = noun->id_reserve && change_begins(change);

	if (has_id && reserve_id(noun, change->obj, err))
		return -1;
	if (!noun->prepare || !noun->prepare(tx, change, err))
		return 0;
	if (has_id)
		noun->id_release(change->obj->id);
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
	if ((noun->check && noun->check(tx, change, err)) || check_fixed(change, err) ||
		(change_begins(change) && check_room(type, err)) ||
		check_unique(change, unique, err) ||
		version_new(type, change->data, unique, &next, err))
		return -1;
	change->dry = tx->check || tx->refused_total > 0 || noun->tell;
	change->next = next;
	if (prepare(tx, change, err)) {
		change->next = NULL;
		version_free(next);
		return -1;
	}
	model_enter(change->obj, next);
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
	if (noun->id_release && change_begins(change))
		noun->id_release(obj->id);
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

static void settle_rows(struct tx *tx)
{
	for (int type = 0; type < OBJECT_TYPES; type++)
		if (backends[type] && backends[type]->settle)
			backends[type]->settle(tx);
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
	rows(tx, false);
	for (int type = 0; type < OBJECT_TYPES; type++)
		tx->rows[type].deletions = tx->rows[type].count;
	objects_leave(tx);
	objects_enter(tx);
	rows(tx, true);
	settle_objects(tx);
	settle_rows(tx);
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
	if (store_ends.over)
		store_ends.over();
	for (int type = 0; type < OBJECT_TYPES; type++) {
		keymap_free(&tx->rows[type].staged);
		free(tx->rows[type].steps);
	}
	json_decref(tx->chosen);
	free(tx->changes);
	free(tx->ops);
	*tx = (struct tx){0};
}

json_t *tx_chosen(struct tx *tx)
{
	return json_incref(tx->chosen);
}

/* Behind the objects that rows are put on, and before those that they leave go. */
static void commit_rows(struct tx *tx, bool put)
{
	for (int i = 0; i < OBJECT_TYPES; i++) {
		enum object_type type = type_at(put ? i : OBJECT_TYPES - 1 - i);
		const struct backend *backend = backends[type];
		const struct tx_rows *rows = &tx->rows[type];
		size_t first = backend && backend->together ? 0 : rows->deletions;
		size_t from = put ? first : 0, to = put ? rows->count : first;

		if (from < to)
			backend->commit(step_at(tx, type, from), to - from);
	}
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

static bool ends_last(const struct change *change)
{
	bool last = !change->next;

	switch (change->obj->type->ends) {
	case END_LAST:
		return true;
	case END_LAST_WITH_ROWS:
		return change->had_rows;
	case END_LAST_IF_GONE:
		for (uint32_t i = 0; i < change->old->n_refs; i++)
			last &= change->old->refs[i].to->type->ends == END_LAST;
		return last;
	default:
		return false;
	}
}

static void commit_ends(struct tx *tx, bool last)
{
	swap_lives(tx);
	for (size_t i = tx->change_count; i-- > 0;) {
		struct change *change = tx->changes[i];

		if (!change_ends(change) || ends_last(change) != last)
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

static bool has_rows(const struct tx *tx)
{
	size_t count = 0;

	for (int type = 0; type < OBJECT_TYPES; type++)
		count += tx->rows[type].count;
	return count > 0;
}

void tx_commit(struct tx *tx)
{
	swap_lives(tx);
	commit_rows(tx, false);
	swap_lives(tx);
	commit_ends(tx, false);
	commit_puts(tx);
	commit_rows(tx, true);
	commit_ends(tx, true);
	/* only now: a later commit may have been told of what an earlier one replaced */
	for (size_t i = 0; i < tx->change_count; i++) {
		struct change *change = tx->changes[i];

		version_free(change->old);
		change->obj->now = change->next;
	}
	if (store_ends.committed && (tx->change_count > 0 || has_rows(tx)))
		store_ends.committed(tx);
	tx_end(tx);
}

static void rollback_rows(struct tx *tx, bool put)
{
	for (int i = 0; i < OBJECT_TYPES; i++) {
		enum object_type type = type_at(put ? OBJECT_TYPES - 1 - i : i);
		struct tx_rows *rows = &tx->rows[type];

		while (rows->count > (put ? rows->deletions : 0)) {
			rows->count--;
			if (backends[type]->rollback)
				backends[type]->rollback(step_at(tx, type, rows->count));
		}
	}
}

void tx_rollback(struct tx *tx)
{
	rollback_rows(tx, true);
	for (size_t i = tx->change_count; i-- > 0;)
		if (tx->changes[i]->next)
			change_withdraw(tx->changes[i]);
	for (size_t i = 0; i < tx->change_count; i++)
		if (tx->changes[i]->left)
			change_return(tx->changes[i]);
	rollback_rows(tx, false);
	tx_end(tx);
}
