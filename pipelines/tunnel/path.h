/* SPDX-License-Identifier: BSD-3-Clause */
/* Which path of a tunnel a frame takes. Used by overlay_out.c, and by route.c that must know how
 * much it carries. */
#ifndef PIPELINES_PATH_H
#define PIPELINES_PATH_H

#include "hot.h"

/* By the flow's hash: the same for all packets of a flow. */
static __rte_always_inline const struct encap *path_pick(uint16_t tunnel, uint32_t hash)
{
	/* acquire: pairs with the release in tunnel_publish() */
	uintptr_t paths = __atomic_load_n(&tunnel_hot[tunnel].paths, __ATOMIC_ACQUIRE);
	uint32_t mask = (1u << (paths & PATHS_LOG2)) - 1;

	return (const struct encap *)(paths & ~(uintptr_t)PATHS_LOG2) + (hash >> 14 & mask);
}

#endif
