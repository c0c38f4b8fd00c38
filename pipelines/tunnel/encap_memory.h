/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory for the paths of tunnels. The only path of a tunnel over IPv4 takes the one line it needs,
 * side by side with others, so that thousands of tunnels share the cache well (from the heap each
 * would take 256 bytes and crowd into a quarter of its sets); all else comes from the heap. Used by
 * tunnel.c, main thread. */
#ifndef PIPELINES_ENCAP_MEMORY_H
#define PIPELINES_ENCAP_MEMORY_H

#include <stddef.h>

#define ENCAP_LINE 64u /* bytes */

struct encap;

/* 0 or -ENOMEM. */
int encap_memory_init(void);
void encap_memory_fini(void);

/* bytes: ENCAP_LINE, or those of an array of encaps. Aligned as an address with PATHS_LOG2 in its
 * low bits must be. NULL: no memory. */
struct encap *encap_new(size_t bytes);
void encap_free(struct encap *paths);

#endif
