/* SPDX-License-Identifier: BSD-3-Clause */
/* Bearer tokens, for admins. A token is shown once, when it is made; the store has its SHA-256. */
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "change.h"
#include "clock.h"

#define SECRET_BYTES 32
#define EXPIRES_MAX  (10 * 365 * 24 * 3600)

static const char *role_check(const char *role)
{
	for (int i = ROLE_METRICS; i <= ROLE_ADMIN; i++)
		if (role && !strcmp(role_names[i], role))
			return role_names[i];
	return NULL;
}

/* One text field of the request. 0, or -1 with err. */
static int text_read(const json_t *body, const char *field, bool required, char *out, size_t size,
	struct rpc_error *err)
{
	const json_t *value = json_object_get(body, field);
	const char *text = json_string_value(value);
	char got[160];

	if (!value && !required)
		return 0;
	if (text && json_string_length(value) < size && api_name_valid(text, strlen(text))) {
		snprintf(out, size, "%s", text);
		return 0;
	}
	return rpc_fail_value(err, field, "letters, digits and . _ - : @ /, at most 63",
		value ? api_show(value, got, sizeof(got)) : "nothing");
}

static int expiry_read(const json_t *body, struct store_token *token, struct rpc_error *err)
{
	const json_t *value = json_object_get(body, "expires_s");
	json_int_t seconds = json_integer_value(value);
	char got[160];

	if (!value)
		return 0;
	if (!json_is_integer(value) || seconds < 1 || seconds > EXPIRES_MAX)
		return rpc_fail_value(err, "expires_s", "seconds, 1 to 315360000; left out: never",
			api_show(value, got, sizeof(got)));
	token->expires_us = token->created_us + seconds * 1000000;
	return 0;
}

static int unknown_refuse(const json_t *body, struct rpc_error *err)
{
	static const char *const known[] = {"name", "role", "tenant", "expires_s"};
	const char *field;
	json_t *value;

	json_object_foreach ((json_t *)body, field, value) {
		size_t i = 0;

		while (i < 4 && strcmp(known[i], field))
			i++;
		if (i == 4)
			return rpc_fail_value(
				err, field, "name, role, tenant or expires_s", "another field");
	}
	return 0;
}

static int token_read(const json_t *body, struct store_token *token, struct rpc_error *err)
{
	const json_t *role = json_object_get(body, "role");
	const char *found = role_check(json_string_value(role));
	char got[160];

	if (!json_is_object(body))
		return rpc_fail_value(err, "", "an object {name, role, tenant?, expires_s?}",
			api_show(body, got, sizeof(got)));
	if (unknown_refuse(body, err) ||
		text_read(body, "name", true, token->name, sizeof(token->name), err) ||
		text_read(body, "tenant", false, token->tenant, sizeof(token->tenant), err) ||
		expiry_read(body, token, err))
		return -1;
	if (!found)
		return rpc_fail_value(err, "role", "metrics, viewer, tenant, operator or admin",
			role ? api_show(role, got, sizeof(got)) : "nothing");
	snprintf(token->role, sizeof(token->role), "%s", found);
	if (!strcmp(found, "tenant") && !token->tenant[0])
		return rpc_fail_value(err, "tenant", "the tenant it is for", "nothing");
	if (token->tenant[0] && strcmp(found, "tenant") && strcmp(found, "viewer"))
		return rpc_fail_value(
			err, "tenant", "none: operators and admins have all", token->tenant);
	return 0;
}

/* The secret as its owner gets it, and what the store keeps of it. */
static int secret_make(char *text, size_t size, struct store_token *token)
{
	unsigned char random[SECRET_BYTES + 8], base64[SECRET_BYTES * 2];
	size_t length;

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return -EIO;
	EVP_EncodeBlock(base64, random, SECRET_BYTES);
	for (unsigned char *c = base64; *c; c++)
		*c = *c == '+' ? '-' : *c == '/' ? '_' : *c == '=' ? '\0' : *c;
	snprintf(text, size, "slt_%s", base64);
	for (int i = 0; i < 8; i++)
		snprintf(token->id + 2 * i, 3, "%02x", random[SECRET_BYTES + i]);
	length = strlen(text);
	sha256_hex((const void *const[]){text}, &length, 1, token->hash);
	OPENSSL_cleanse(random, sizeof(random));
	return 0;
}

static json_t *token_show(const struct store_token *token)
{
	json_t *out = json_pack("{s:s, s:s, s:s, s:I}", "id", token->id, "name", token->name,
		"role", token->role, "created_us", (json_int_t)token->created_us);

	if (token->tenant[0])
		json_object_set_new(out, "tenant", json_string(token->tenant));
	if (token->expires_us)
		json_object_set_new(out, "expires_us", json_integer(token->expires_us));
	return out;
}

static void audit(struct request *r, int status, const struct store_token *token)
{
	const struct actor *actor = request_actor(r);
	char detail[256];

	snprintf(detail, sizeof(detail), "token %s %s %s", token->id, token->name, token->role);
	store_audit_add(control.store, actor->name, actor->source, request_line(r), status, detail,
		clock_wall_us());
}

static void store_failed(struct request *r, int err)
{
	if (err == -ENOSPC)
		reply_problem(r, 507, "the disk of the store is full; make room and try again");
	else
		reply_problem(r, 503, "the store failed (%s); try again", strerror(-err));
}

static void token_post(struct request *r)
{
	struct store_token token = {.created_us = clock_wall_us()};
	struct rpc_error err = {0};
	char secret[96];
	json_t *body;
	int rc;

	if (token_read(request_body(r), &token, &err)) {
		reply_error(r, &err);
		return;
	}
	rc = secret_make(secret, sizeof(secret), &token);
	if (!rc)
		rc = store_token_add(control.store, &token);
	if (rc) {
		store_failed(r, rc);
		return;
	}
	audit(r, 201, &token);
	body = token_show(&token);
	json_object_set_new(body, "token", json_string(secret));
	OPENSSL_cleanse(secret, sizeof(secret));
	reply_json(r, 201, body);
}

static int token_append(const struct store_token *token, void *items)
{
	json_array_append_new(items, token_show(token));
	return 0;
}

static void token_list(struct request *r)
{
	json_t *items;
	int rc;

	if (request_put_off(r))
		return;
	items = json_array();
	rc = store_tokens(control.store, token_append, items);
	if (rc)
		store_failed(r, rc);
	else
		reply_json(r, 200, json_pack("{s:O}", "items", items));
	json_decref(items);
}

static void token_delete(struct request *r)
{
	struct store_token token = {.name = ""};
	int rc;

	snprintf(token.id, sizeof(token.id), "%s", request_param(r, "id"));
	rc = strcmp(token.id, request_param(r, "id")) ? -ENOENT
						      : store_token_delete(control.store, token.id);
	if (rc == -ENOENT) {
		reply_problem(r, 404, "there is no token with the id %s", request_param(r, "id"));
	} else if (rc) {
		store_failed(r, rc);
	} else {
		audit(r, 204, &token);
		reply_nothing(r, 204);
	}
}

#define TOKEN                                                                                      \
	"{\"type\":\"object\",\"required\":[\"id\",\"name\",\"role\",\"created_us\"],"             \
	"\"properties\":{\"id\":{\"type\":\"string\"},\"name\":{\"type\":\"string\"},\"role\":{"   \
	"\"enum\":[\"metrics\",\"viewer\",\"tenant\",\"operator\",\"admin\"]},\"tenant\":{"        \
	"\"type\":"                                                                                \
	"\"string\"},\"created_us\":{\"type\":\"integer\"},\"expires_us\":{\"type\":\"integer\"}," \
	"\"token\":{\"type\":\"string\",\"description\":\"shown once\"}}}"

const struct route rest_token_routes[] = {
	{"GET", "/v1/tokens", token_list, ROLE_ADMIN, "listTokens", "The bearer tokens there are",
		"tokens", NULL,
		"{\"type\":\"object\",\"properties\":{\"items\":{\"type\":\"array\","
		"\"items\":" TOKEN "}}}",
		NULL, NULL, NULL},
	{"POST", "/v1/tokens", token_post, ROLE_ADMIN, "createToken",
		"Makes a bearer token; the answer is the only time that it is shown", "tokens",
		"{\"type\":\"object\",\"required\":[\"name\",\"role\"],\"additionalProperties\":"
		"false,"
		"\"properties\":{\"name\":{\"type\":\"string\"},\"role\":{\"enum\":[\"metrics\","
		"\"viewer\","
		"\"tenant\",\"operator\",\"admin\"]},\"tenant\":{\"type\":\"string\"},\"expires_"
		"s\":{"
		"\"type\":\"integer\",\"minimum\":1,\"maximum\":315360000}}}",
		TOKEN, NULL, NULL, NULL},
	{"DELETE", "/v1/tokens/{id}", token_delete, ROLE_ADMIN, "deleteToken",
		"Takes a token back at once", "tokens", NULL, NULL, NULL, NULL, NULL},
	{NULL},
};
