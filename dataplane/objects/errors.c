/* SPDX-License-Identifier: BSD-3-Clause */
/* Filling error answers. */
#include "errors.h"

#include <stdarg.h>
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
