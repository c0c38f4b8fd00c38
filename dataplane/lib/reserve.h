/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory for arrays that are as large as a limit and mostly empty: addresses from the kernel, zero,
 * and without memory behind them until they are touched. LeakSanitizer does not look here: it
 * reports what only these arrays point to when a program ends without freeing it. Any thread. */
#ifndef LIB_RESERVE_H
#define LIB_RESERVE_H

#include <stddef.h>

#define RESERVE_HUGE_BYTES ((size_t)2 << 20) /* a huge page */

/* On the boundary of a page; NULL: there are no addresses left. The caller's until reserve_unmap()
 * with the same bytes. */
void *reserve_map(size_t bytes);

/* On the boundary of a huge page, and of huge pages where the kernel has them. protection as
 * mmap()'s: with PROT_NONE nothing counts as used until mprotect() allows it. */
void *reserve_map_huge(size_t bytes, int protection);

void reserve_unmap(void *at, size_t bytes); /* NULL: nothing */

#endif
