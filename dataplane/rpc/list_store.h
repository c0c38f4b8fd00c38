/* SPDX-License-Identifier: BSD-3-Clause */
/* Listing what is not in the model but in a table of the pipelines: MACs, routes of slices, learned
 * neighbours. Used by method_list.c. Main thread only. */
#ifndef RPC_LIST_STORE_H
#define RPC_LIST_STORE_H

#include <jansson.h>

#include "schema.h"

#define STORE_STEP  64 /* entries taken from a table at a time */
#define STORE_ENTRY 64 /* bytes of the largest kind of entry */

/* One page in the making. */
struct page {
	const struct api_type *type;
	const json_t *match; /* NULL = everything */
	bool unclaimed;	     /* only what no source has (claims.h) */
	size_t limit;
	json_t *objects;
};

/* Adds the object, which is taken over, when it matches. */
void page_add(struct page *page, json_t *object);
/* Is it left out for a source has it? */
bool page_skips(const struct page *page, const char *key);

struct store {
	char tag; /* its cursors begin with it; 0: with nothing */
	/* Can anything in it match? NULL: yes. */
	bool (*may)(const struct page *page);
	/* Up to max entries (1 at least) from a cursor on: three words, 0 at first, the first one 0
	 * again at the end. They say what came last, not how much: a page follows the one before
	 * whatever has gone since. */
	uint32_t (*iterate)(const struct page *page, uint64_t *cursor, void *entries, uint32_t max);
	size_t entry_bytes;
	/* An entry as an object; false: not to be shown, or cannot match (most of a million are not
	 * what is looked for, and need not be encoded to see that). */
	bool (*describe)(const struct page *page, const void *entry, union api_object *out);
};

/* Of a type, ends with iterate NULL; never NULL itself. */
const struct store *stores_of(enum object_type type);

/* Fills the page from a cursor of any of the type's stores, NULL: from the first one. The cursor of
 * the next page; NULL when that was all. The cursor has been checked. */
json_t *store_list(struct page *page, const char *cursor);
bool store_cursor_valid(enum object_type type, const char *cursor);

#endif
