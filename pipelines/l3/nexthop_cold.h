/* SPDX-License-Identifier: BSD-3-Clause */
/* Between nexthop.c and nexthop_group.c, on the main thread: what is kept of a next hop beside its
 * word. */
#ifndef PIPELINES_NEXTHOP_COLD_H
#define PIPELINES_NEXTHOP_COLD_H

#include <stddef.h>

#include "nexthop.h"

enum cold_type { COLD_FREE, COLD_WAY, COLD_GROUP, COLD_OTHER };

struct nexthop_group {
	uint32_t n;
	uint32_t way[LIMIT_ROUTE_VIA]; /* next hops */
	uint8_t weight[LIMIT_ROUTE_VIA];
};

struct nexthop {
	uint8_t type;	     /* enum cold_type */
	bool down : 1;	     /* groups leave it out while others are up */
	bool unresolved : 1; /* by an attachment: no MAC of its address */
	bool moved : 1;	     /* down changed; within nexthop_settle() */
	uint16_t slice;
	uint32_t routes; /* users: FIB entries and groups */
	uint32_t others; /* neighbor.c */
	uint32_t groups; /* that contain it */
	uint32_t next;	 /* of the same hash, or of the free ones */
	union {
		struct l3_via via;
		struct nexthop_group *group;
	};
};

extern struct nexthop *nexthop_cold; /* [LIMIT_NEXTHOPS] */
extern uint32_t nexthop_top;

int nexthop_take_way(uint16_t slice, const struct l3_via *via, uint32_t *index);
void nexthop_store(uint32_t index, uint64_t word);
/* An index for a group: 0 or -ENOSPC; and back after a grace period. */
int nexthop_index_take(uint32_t *index);
void nexthop_index_give(uint32_t index);

/* Chains of equal hash; FNV-1a, keys are the operator's own. */
#define NEXTHOP_HASH 2166136261u
uint32_t nexthop_hash(uint32_t h, const void *data, size_t len);
uint32_t *nexthop_chain(uint32_t hash);
void nexthop_unchain(uint32_t *chain, uint32_t index);

int group_take(uint16_t slice, const struct l3_via *via, uint32_t count, uint32_t *index);
void group_drop(uint32_t index);
void group_free(struct nexthop *n, uint64_t word);
uint32_t group_ways(const struct nexthop *n, struct l3_via *via);
/* A way went up or down: the groups that contain it are filled anew. */
void groups_follow(uint32_t index);
/* The same for all ways that moved. */
void groups_follow_moved(void);

#endif
