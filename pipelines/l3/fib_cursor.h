/* SPDX-License-Identifier: BSD-3-Clause */
/* Where a page of routes ends, as words that a client can carry: the entry that came last. Used by
 * tables_l3.c and rpc/list_store.c. */
#ifndef PIPELINES_FIB_CURSOR_H
#define PIPELINES_FIB_CURSOR_H

#include <string.h>

#include "fib.h"

#define FIB_CURSOR_WORDS 3 /* all 0: at the start, and again at the end */

#define FIB_CURSOR_STARTED (1ull << 24)
#define FIB_CURSOR_SET	   (1ull << 25)

/* fib_iterate() from such words on; words that are no place of a table are the end. */
static inline uint32_t fib_page(
	uint8_t family, uint16_t slice, uint64_t *words, struct fib_entry *out, uint32_t max)
{
	struct lpm_cursor cursor = {.started = words[0] & FIB_CURSOR_STARTED,
		.slice = words[0] >> 8,
		.length = words[0] & 0xff};
	uint8_t bits = family == 4 ? 32 : 128;
	uint32_t n = 0;

	memcpy(cursor.prefix, words + 1, sizeof(cursor.prefix));
	for (uint32_t bit = cursor.length; bit < 128; bit++) /* a client may say anything */
		cursor.prefix[bit / 8] &= ~(0x80 >> bit % 8);
	cursor.done = words[0] >> 26 != 0 || cursor.slice > LIMIT_SLICES || cursor.length > bits;
	if (!cursor.done)
		n = fib_iterate(family, slice, &cursor, out, max);
	memset(words, 0, FIB_CURSOR_WORDS * sizeof(*words));
	if (cursor.done)
		return n;
	words[0] = FIB_CURSOR_SET | (cursor.started ? FIB_CURSOR_STARTED : 0) |
		   (uint32_t)cursor.slice << 8 | cursor.length;
	memcpy(words + 1, cursor.prefix, sizeof(cursor.prefix));
	return n;
}

#endif
