/* SPDX-License-Identifier: BSD-3-Clause */
#include <rte_malloc.h>
#include <rte_mempool.h>
#include <stdbool.h>

#include "heap.h"

static bool leaving; /* main thread */

void heap_leave(void)
{
	leaving = true;
}

void heap_free(void *at)
{
	if (!leaving)
		rte_free(at);
}

void heap_pool_free(struct rte_mempool *pool)
{
	if (!leaving)
		rte_mempool_free(pool);
}
