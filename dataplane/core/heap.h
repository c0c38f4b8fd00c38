/* SPDX-License-Identifier: BSD-3-Clause */
/* Giving back what is large in DPDK's heap. rte_free() writes zeros over all that it frees, and so
 * puts memory behind pages that nobody ever touched; a process that ends does without. */
#ifndef CORE_HEAP_H
#define CORE_HEAP_H

struct rte_mempool;

/* Main thread. The process ends: from here on the two below do nothing. Ports are closed before: a
 * device may hold an interface of the kernel, or a socket to another process. */
void heap_leave(void);

void heap_free(void *at); /* as rte_free(); main thread */

void heap_pool_free(struct rte_mempool *pool); /* as rte_mempool_free(); main thread */

#endif
