/* SPDX-License-Identifier: BSD-3-Clause */
/* JSON-RPC 2.0: parsing, the table of methods, answers. */
#include "dispatch.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "budget.h"
#include "json_read.h"
#include "json_write.h"
#include "methods.h"
#include "params.h"
#include "schema.h"

/* A number that no other process of this box answers with: who asks sees that what it had put is
 * gone. 53 bits, which every reader of JSON takes. */
static json_int_t instance(void)
{
	static json_int_t number;
	struct timespec ts;

	if (!number) {
		clock_gettime(CLOCK_REALTIME, &ts);
		number = ((json_int_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000) & ((1ll << 53) - 1);
	}
	return number;
}

static METHOD(method_hello)
{
	*result = json_pack("{s:s, s:s, s:i, s:I}", "product", "sluice", "version", SLUICE_VERSION,
		"api", 1, "instance", instance());
	return 0;
}

static METHOD(method_schema)
{
	*result = api_schema();
	return 0;
}

#define NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})
static const char *const no_names[] = {NULL};

static const struct method {
	const char *name;
	int (*run)(struct client *client, const json_t *params, json_t **result,
		struct rpc_error *err);
	const char *const *params;
} methods[] = {
	{"hello", method_hello, no_names},
	{"put", method_put, NAMES("type", "objects")},
	{"delete", method_delete, NAMES("type", "keys", "missing_ok")},
	{"get", method_get, NAMES("type", "key")},
	{"list", method_list, NAMES("type", "match", "unclaimed", "limit", "cursor")},
	{"transaction", method_transaction, NAMES("ops", "check")},
	{"sync", method_sync, NAMES("source", "groups", "mode", "stale", "check", "keep")},
	{"groups", method_groups, NAMES("source", "cursor", "limit")},
	{"stats", method_stats, NAMES("type", "keys", "limit", "cursor")},
	{"watch", method_watch, NAMES("events")},
	{"schema", method_schema, no_names},
	{"table.list", method_table_list, no_names},
	{"table.read", method_table_read, NAMES("table", "limit", "cursor")},
	{"drops", method_drops, NAMES("slice", "all")},
	{"drops.help", method_drops_help, no_names},
	{"trace", method_trace,
		NAMES("count", "port", "slice", "mac", "ip", "dropped", "timeout_s")},
};

static int fail_method(const char *name, struct rpc_error *err)
{
	char want[160], got[80];
	size_t used = 0;

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]) && used < sizeof(want); i++)
		used += snprintf(
			want + used, sizeof(want) - used, "%s%s", i ? " " : "", methods[i].name);
	rpc_fail(err, RPC_ERR_METHOD_NOT_FOUND, "there is no method \"%s\"",
		printable(name, got, sizeof(got)));
	snprintf(err->path, sizeof(err->path), "method");
	snprintf(err->want, sizeof(err->want), "%s", want);
	snprintf(err->got, sizeof(err->got), "%s", got);
	return -1;
}

static int call(struct client *client, const char *name, const json_t *params, json_t **result,
	struct rpc_error *err)
{
	const struct method *method = NULL;
	json_t *empty = NULL;
	char got[80];
	int rc;

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (!strcmp(methods[i].name, name))
			method = &methods[i];
	if (!method)
		return fail_method(name, err);
	if (params && !json_is_object(params)) {
		rpc_fail_value(err, "params", "params by name, an object",
			api_show(params, got, sizeof(got)));
		return -1;
	}
	if (!params)
		params = empty = json_object();
	rc = param_known(params, method->params, err);
	if (!rc)
		rc = method->run(client, params, result, err);
	if (!rc && !*result)
		rc = rpc_fail(err, RPC_ERR_INTERNAL, "out of memory");
	json_decref(empty);
	return rc;
}

/* The envelope of a request; *id is a new reference, NULL for a notification. */
static int check_request(
	const json_t *request, json_t **id, const char **method, struct rpc_error *err)
{
	json_t *given = json_object_get(request, "id");
	char got[80];

	if (json_is_array(request))
		return rpc_fail(
			err, RPC_ERR_INVALID_REQUEST, "no batches: send one message per line");
	if (!json_is_object(request))
		return rpc_fail(err, RPC_ERR_INVALID_REQUEST, "a request is an object, not %s",
			api_show(request, got, sizeof(got)));
	if (given && !json_is_string(given) && !json_is_number(given) && !json_is_null(given)) {
		*id = json_null();
		return rpc_fail(err, RPC_ERR_INVALID_REQUEST,
			"id: want text, a number or null, got %s",
			api_show(given, got, sizeof(got)));
	}
	*id = json_incref(given);
	*method = json_string_value(json_object_get(request, "jsonrpc"));
	if (!*method || strcmp(*method, "2.0"))
		return rpc_fail(err, RPC_ERR_INVALID_REQUEST, "jsonrpc: want \"2.0\", got %s",
			api_show(json_object_get(request, "jsonrpc"), got, sizeof(got)));
	*method = json_string_value(json_object_get(request, "method"));
	if (!*method)
		return rpc_fail(err, RPC_ERR_INVALID_REQUEST, "method: want text, got %s",
			api_show(json_object_get(request, "method"), got, sizeof(got)));
	return 0;
}

static json_t *parse(const char *line, size_t len, struct rpc_error *err)
{
	json_error_t where;
	json_t *json = json_loadb(line, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &where);
	char text[160];

	if (json)
		return json;
	if (where.text[0] == '\0') { /* jansson says nothing when memory is refused */
		rpc_fail(err, RPC_ERR_CAPACITY,
			"the message holds more values than there is memory for");
		err->limit = budget_limit();
		return NULL;
	}
	printable(where.text, text, sizeof(text));
	rpc_fail(err, RPC_ERR_PARSE, "not JSON that this takes: %s at byte %d", text,
		where.position);
	snprintf(err->got, sizeof(err->got), "%s", text);
	return NULL;
}

static json_t *answer_of(struct client *client, const json_t *request)
{
	struct rpc_error err = {0};
	json_t *id = NULL, *result = NULL;
	const char *method = "";
	bool wants_answer;

	if (check_request(request, &id, &method, &err))
		return error_answer(id, &err);
	wants_answer = id != NULL;
	if (call(client, method, json_object_get(request, "params"), &result, &err))
		return wants_answer ? error_answer(id, &err) : NULL;
	if (wants_answer)
		return json_pack("{s:s, s:o, s:o}", "jsonrpc", "2.0", "id", id, "result", result);
	json_decref(result);
	return NULL;
}

char *dispatch_text(const json_t *answer)
{
	json_t *id = json_object_get(answer, "id"), *error;
	char *text = json_write(answer);
	struct rpc_error err = {0};

	if (text)
		return text;
	rpc_fail(&err, RPC_ERR_INTERNAL,
		"the answer cannot be written: no memory, or it holds what is no UTF-8");
	error = error_answer(json_incref(id), &err);
	text = json_write(error);
	json_decref(error);
	return text;
}

char *dispatch_line(struct client *client, const char *line, size_t len)
{
	struct rpc_error err = {0};
	json_t *request, *answer;
	char *text = NULL;
	bool one;

	one = budget_request_begin();
	request = json_read(line, len);
	if (!request) {
		if (one)
			budget_request_again();
		request = parse(line, len, &err);
	}
	if (one && !request) { /* perhaps for want of memory, which the answer takes too */
		budget_request_end();
		one = false;
	}
	answer = request ? answer_of(client, request) : error_answer(NULL, &err);
	budget_request_pause(); /* the text outlives the request */
	if (answer)
		text = dispatch_text(answer);
	if (one) {
		budget_request_end();
		return text;
	}
	json_decref(request);
	json_decref(answer);
	return text;
}
