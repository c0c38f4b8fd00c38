/* SPDX-License-Identifier: BSD-3-Clause */
/* What the backends (noun.h) show to the method list: rows of their tables, some at a time. Main
 * thread only. */
#ifndef RPC_LIST_STORE_H
#define RPC_LIST_STORE_H

#include <jansson.h>

#include "schema.h"

#define STORE_STEP	   64 /* entries taken from a table at a time */
#define STORE_ENTRY	   64 /* bytes of the largest kind of entry */
#define STORE_CURSOR_WORDS 3

/* One page in the making. */
struct page {
	const struct api_type *type;
	const json_t *match; /* NULL = everything */
	bool unclaimed;	     /* only what no source has (claims.h) */
	size_t limit;
	json_t *objects;
};

struct store {
	char tag; /* its cursors begin with it; 0: with nothing */
	/* Up to max entries (1 at least) from a cursor on: three words, 0 at first, the first one 0
	 * again at the end, also where nothing can match. They say what came last, not how much: a
	 * page follows the one before whatever has gone since. */
	uint32_t (*iterate)(const struct page *page, const struct store *store, uint64_t *cursor,
		void *entries, uint32_t max);
	size_t entry_bytes;
	/* An entry as an object; false: not to be shown, or cannot match (most of a million are not
	 * what is looked for, and need not be encoded to see that). */
	bool (*describe)(const struct page *page, const void *entry, union api_object *out);
};

/* The text that a field is to have; NULL: any. */
static inline const char *match_text(const struct page *page, const char *field)
{
	return json_string_value(json_object_get(page->match, field));
}

#endif
