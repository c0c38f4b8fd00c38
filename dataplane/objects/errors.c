/* SPDX-License-Identifier: BSD-3-Clause */
/* Filling error answers. */
#include "errors.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static void copy(char *dst, size_t size, const char *src)
{
	size_t len = strnlen(src, size - 1);

	memmove(dst, src, len);
	dst[len] = '\0';
}

int rpc_fail(struct rpc_error *err, int code, const char *fmt, ...)
{
	va_list args;

	err->code = code;
	va_start(args, fmt);
	vsnprintf(err->message, sizeof(err->message), fmt, args);
	va_end(args);
	return -1;
}

int rpc_fail_value(struct rpc_error *err, const char *path, const char *want, const char *got)
{
	rpc_fail(err, RPC_ERR_PARAMS, "%s%swant %s, got %s", path, *path ? ": " : "", want, got);
	copy(err->path, sizeof(err->path), path);
	copy(err->want, sizeof(err->want), want);
	copy(err->got, sizeof(err->got), got);
	return -1;
}

void rpc_error_prefix(struct rpc_error *err, const char *fmt, ...)
{
	char path[2 * sizeof(err->path)];
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(path, sizeof(err->path), fmt, args);
	va_end(args);
	if (len < 0)
		return;
	if (len >= (int)sizeof(err->path))
		len = sizeof(err->path) - 1;
	snprintf(path + len, sizeof(path) - len, "%s%s",
		len == 0 || err->path[0] == '\0' || err->path[0] == '[' ? "" : ".", err->path);
	copy(err->path, sizeof(err->path), path);
}

const char *printable(const char *text, char *out, size_t size)
{
	size_t i;

	for (i = 0; text[i] && i < size - 1; i++)
		out[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
	out[i] = '\0';
	return out;
}

static void set_text(json_t *data, const char *name, const char *text, bool always)
{
	char clean[200];

	if (*text || always)
		json_object_set_new(data, name, json_string(printable(text, clean, sizeof(clean))));
}

json_t *error_json(const struct rpc_error *err)
{
	char message[sizeof(err->message)];
	json_t *data = json_object(), *error;

	/* contract.md: bad params come with all three, also where one is the empty text */
	bool params = err->code == RPC_ERR_PARAMS;

	set_text(data, "path", err->path, params);
	set_text(data, "want", err->want, params);
	set_text(data, "got", err->got, params);
	set_text(data, "with", err->with, false);
	set_text(data, "by", err->by, false);
	if (err->code == RPC_ERR_CAPACITY)
		json_object_set_new(data, "limit", json_integer(err->limit));
	error = json_pack("{s:i, s:s}", "code", err->code, "message",
		printable(err->message, message, sizeof(message)));
	if (json_object_size(data))
		json_object_set(error, "data", data);
	json_decref(data);
	return error;
}

json_t *error_answer(json_t *id, const struct rpc_error *err)
{
	return json_pack("{s:s, s:o, s:o}", "jsonrpc", "2.0", "id", id ? id : json_null(), "error",
		error_json(err));
}
