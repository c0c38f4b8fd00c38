/* SPDX-License-Identifier: BSD-3-Clause */
/* Pages of an exact table's entries, for those who come back for the next one later. */
#ifndef TABLE_EXACT_PAGE_H
#define TABLE_EXACT_PAGE_H

#include "exact.h"

#define EXACT_CURSOR_WORDS 2

typedef void (*exact_add)(const uint64_t *key, uint64_t value, void *arg);

/* Calls fn for up to max entries (1 at least) from a cursor on: two words, 0 at first; the first
 * one is 0 again at the end. Returns how many. The cursor names the entry that came last, not a
 * place: whatever is put and deleted between two pages, an entry that stays is never missed (it may
 * be seen twice while the table grows). Any words will do for a cursor. Main thread. */
uint32_t exact_page(struct exact_table *t, uint64_t *cursor, uint32_t max, exact_add fn, void *arg);

#endif
