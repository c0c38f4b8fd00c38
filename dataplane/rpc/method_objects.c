/* SPDX-License-Identifier: BSD-3-Clause */
/* put, delete, transaction and get. */
#include <string.h>

#include "methods.h"
#include "nouns.h"
#include "params.h"
#include "tx.h"

static int run_put(struct tx *tx, const json_t *params, struct rpc_error *err)
{
	const struct api_type *type;
	const json_t *objects;

	if (param_type(params, &type, err) || param_array(params, "objects", true, &objects, err))
		return -1;
	return tx_put(tx, type, objects, err);
}

static int run_delete(struct tx *tx, const json_t *params, struct rpc_error *err)
{
	const struct api_type *type;
	const json_t *keys;
	bool missing_ok;

	if (param_type(params, &type, err) || param_array(params, "keys", true, &keys, err) ||
		param_bool(params, "missing_ok", &missing_ok, err))
		return -1;
	return tx_delete(tx, type, keys, missing_ok, err);
}

/* What was chosen goes into the answer, if anything was. */
static void add_chosen(json_t *result, json_t *chosen)
{
	if (chosen)
		json_object_set_new(result, "chosen", chosen);
}

/* "ops[0].objects[3].pdrs[1]" where the op is all there is. */
static void cut_op(struct rpc_error *err)
{
	const char *rest = strchr(err->path, '.');

	if (rest)
		memmove(err->path, rest + 1, strlen(rest));
}

/* A transaction of one op. */
static int run_one(struct tx *tx, struct rpc_error *err)
{
	if (!tx_run(tx, err))
		return 0;
	cut_op(err);
	return -1;
}

METHOD(method_put)
{
	json_t *chosen;
	struct tx tx;

	tx_begin(&tx, false);
	if (run_put(&tx, params, err) || run_one(&tx, err)) {
		tx_rollback(&tx);
		return -1;
	}
	chosen = tx_chosen(&tx);
	*result = json_pack("{s:I, s:I, s:I}", "created", (json_int_t)tx.created, "updated",
		(json_int_t)tx.updated, "unchanged", (json_int_t)tx.unchanged);
	tx_commit(&tx);
	add_chosen(*result, chosen);
	return 0;
}

METHOD(method_delete)
{
	struct tx tx;

	tx_begin(&tx, false);
	if (run_delete(&tx, params, err) || run_one(&tx, err)) {
		tx_rollback(&tx);
		return -1;
	}
	*result = json_pack("{s:I}", "deleted", (json_int_t)tx.deleted);
	tx_commit(&tx);
	return 0;
}

static int run_op(struct tx *tx, const json_t *op, struct rpc_error *err)
{
	static const char *const put_names[] = {"op", "type", "objects", NULL};
	static const char *const delete_names[] = {"op", "type", "keys", "missing_ok", NULL};
	const char *name;
	char got[80];

	if (!json_is_object(op))
		return rpc_fail_value(err, "", "an object", api_show(op, got, sizeof(got)));
	if (param_text(op, "op", true, &name, err))
		return -1;
	if (!strcmp(name, "put"))
		return param_known(op, put_names, err) ? -1 : run_put(tx, op, err);
	if (!strcmp(name, "delete"))
		return param_known(op, delete_names, err) ? -1 : run_delete(tx, op, err);
	return rpc_fail_value(
		err, "op", "\"put\" or \"delete\"", printable(name, got, sizeof(got)));
}

static json_t *counts(const struct tx *tx)
{
	return json_pack("{s:I, s:I, s:I, s:I}", "created", (json_int_t)tx->created, "updated",
		(json_int_t)tx->updated, "unchanged", (json_int_t)tx->unchanged, "deleted",
		(json_int_t)tx->deleted);
}

METHOD(method_transaction)
{
	json_t *chosen;
	const json_t *ops;
	struct tx tx;
	size_t index;
	bool check;
	json_t *op;

	if (param_array(params, "ops", true, &ops, err) || param_bool(params, "check", &check, err))
		return -1;
	tx_begin(&tx, check);
	json_array_foreach (ops, index, op) {
		if (run_op(&tx, op, err)) {
			rpc_error_prefix(err, "ops[%zu]", index);
			tx_rollback(&tx);
			return -1;
		}
	}
	if (tx_run(&tx, err)) {
		tx_rollback(&tx);
		return -1;
	}
	*result = counts(&tx);
	if (check) {
		json_object_set_new(*result, "refused", tx_refused(&tx));
		json_object_set_new(
			*result, "refused_total", json_integer((json_int_t)tx.refused_total));
		tx_rollback(&tx);
		return 0;
	}
	chosen = tx_chosen(&tx);
	tx_commit(&tx);
	add_chosen(*result, chosen);
	return 0;
}

METHOD(method_get)
{
	char key[API_KEY_BYTES], got[100];
	const struct api_type *type;
	union api_object data, found;
	struct object *obj = NULL;
	const char *text;

	if (param_type(params, &type, err) || param_text(params, "key", true, &text, err) ||
		api_key_parse(type, text, "key", key, &data, err))
		return -1;
	if (nouns[type->type])
		obj = model_find(type->type, key);
	if (obj) {
		*result = noun_encode(obj);
		return 0;
	}
	if (backends[type->type] && backends[type->type]->find(&data, &found) >= 0) {
		*result = api_encode(type, &found);
		return 0;
	}
	printable(key, got, sizeof(got));
	rpc_fail(err, RPC_ERR_NOT_FOUND, "there is no %s %s", type->name, got);
	strcpy(err->path, "key");
	strcpy(err->got, got);
	return -1;
}
