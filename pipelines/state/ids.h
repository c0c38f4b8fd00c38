/* SPDX-License-Identifier: BSD-3-Clause */
/* Small ids, handed out lowest first. Main thread. Used by slice.c, attachment.c and tunnel.c. */
#ifndef PIPELINES_IDS_H
#define PIPELINES_IDS_H

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "rcu.h"

/* ids 1..limit; limit < 65536 */
struct ids {
	uint32_t limit;
	uint32_t hint; /* no free id below */
	uint64_t used[1024];
};

static inline void ids_init(struct ids *ids, uint32_t limit)
{
	memset(ids, 0, sizeof(*ids));
	ids->limit = limit;
	ids->hint = 1;
}

/* 0 or -ENOSPC */
static inline int ids_take(struct ids *ids, uint16_t *id)
{
	for (uint32_t i = ids->hint; i <= ids->limit; i++) {
		if (ids->used[i / 64] >> (i % 64) & 1)
			continue;
		ids->used[i / 64] |= 1ull << (i % 64);
		ids->hint = i + 1;
		*id = i;
		return 0;
	}
	return -ENOSPC;
}

/* The same; ids given back a moment ago are waited for when no other is free. */
static inline int ids_reserve(struct ids *ids, uint16_t *id)
{
	if (ids_take(ids, id) == 0)
		return 0;
	rcu_reclaim(true);
	return ids_take(ids, id);
}

static inline void ids_give(struct ids *ids, uint16_t id)
{
	ids->used[id / 64] &= ~(1ull << (id % 64));
	if (id < ids->hint)
		ids->hint = id;
}

#endif
