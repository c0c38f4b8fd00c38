/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory that is there, or the process ends (alloc.h). Owns nothing. */
#include "alloc.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "array.h"

void alloc_exhausted(void)
{
	fputs("error: out of memory\n", stderr);
	_exit(EXIT_FAILURE);
}

static void *check(void *p, size_t size)
{
	if (!p && size > 0)
		alloc_exhausted();
	return p;
}

void *xmalloc(size_t size)
{
	return check(malloc(size), size);
}

void *xcalloc(size_t count, size_t size)
{
	return check(calloc(count, size), count && size);
}

void *xrealloc(void *old, size_t size)
{
	return check(realloc(old, size), size);
}

void *xreallocarray(void *old, size_t count, size_t size)
{
	return check(reallocarray(old, count, size), count && size);
}

void *xmemdup(const void *data, size_t len)
{
	void *copy = xmalloc(len);

	return len > 0 ? memcpy(copy, data, len) : copy;
}

char *xstrdup(const char *text)
{
	return xmemdup(text, strlen(text) + 1);
}

char *xstrndup(const char *text, size_t len)
{
	return check(strndup(text, len), 1);
}

char *xprintf(const char *fmt, ...)
{
	va_list ap;
	char *text;
	int len;

	va_start(ap, fmt);
	len = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (len < 0)
		alloc_exhausted();
	return text;
}

void *xarray_add(void *items, uint32_t *room, uint32_t *count, size_t item_size)
{
	char *first;

	if (!array_grow(items, room, *count, item_size))
		alloc_exhausted();
	memcpy(&first, items, sizeof(first));
	return memset(first + (size_t)(*count)++ * item_size, 0, item_size);
}
