/* SPDX-License-Identifier: BSD-3-Clause */
/* What one transaction has said so far about MACs, laid over the MAC table: a hash of temporary
 * memory, so that a message of a hundred thousand of them is checked against itself in linear time.
 * Used by noun_mac.c. */
#ifndef RPC_MAC_STAGE_H
#define RPC_MAC_STAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct staged_mac {
	uint64_t key; /* slice id and MAC; 0 = empty place */
	uint64_t op;  /* the op that named it last */
	uint32_t index;
	uint32_t door; /* 0 = not there */
	bool is_static;
};

struct mac_stage {
	struct staged_mac *places;
	size_t count, room; /* room is a power of two */
};

/* NULL when nothing was said about it. */
struct staged_mac *mac_stage_find(const struct mac_stage *stage, uint64_t key);
/* The place of key, made if need be; NULL when memory ran out. Earlier pointers become invalid. */
struct staged_mac *mac_stage_add(struct mac_stage *stage, uint64_t key);
void mac_stage_free(struct mac_stage *stage);

#endif
