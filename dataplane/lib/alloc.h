/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory that is there, or the process ends: for processes that a supervisor starts again and whose
 * state is on disk or in the dataplane (sluice-control, sluice-kernel, the CLI). The dataplane does
 * not use them after start-up: there a want of memory is an error answer. Any thread. */
#ifndef LIB_ALLOC_H
#define LIB_ALLOC_H

#include <stddef.h>
#include <stdint.h>

/* As malloc() and the like; the caller free()s what they return, which is never NULL. */
void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *old, size_t size);
void *xreallocarray(void *old, size_t count, size_t size);
char *xstrdup(const char *text);
char *xstrndup(const char *text, size_t len);
void *xmemdup(const void *data, size_t len);
char *xprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* One item more, zeroed, at the end of an array that grows: `items` points to the array's pointer
 * (NULL at first, with *room 0), *count becomes one more. Returns the item. */
void *xarray_add(void *items, uint32_t *room, uint32_t *count, size_t item_size);

/* Says so on standard error and ends the process with status 1. */
__attribute__((noreturn)) void alloc_exhausted(void);

#endif
