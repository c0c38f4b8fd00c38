/* SPDX-License-Identifier: BSD-3-Clause */
/* UEs' addresses in slices: what routing looks up before the FIB where a slice has sessions. The
 * user plane fills the tables; their values are ways into sessions (SESSION_WORD, door.h). */
#ifndef L3_UE_H
#define L3_UE_H

#include <rte_common.h>
#include <stdbool.h>
#include <stdint.h>

#include "door.h"
#include "exact.h"

#define UE4_KEY(slice, address) ((uint64_t)(slice) << 32 | (address)) /* one word; host order */
/* ue6: two words: slice | 1 << 16, and the upper 64 bits of the address, host order. Prefixes
 * longer than /64 and all framed ones are in the FIB with owner FIB_SESSION instead (l3.h). */
#define UE6_KEY0(slice) ((uint64_t)(slice) | 1u << 16)

/* Values in the FIB of owner FIB_SESSION: what FIB_NEXTHOP() leaves. */
#define SESSION_PREFIX(session, group) ((uint32_t)(group) << 20 | (session))
#define SESSION_OF_PREFIX(n)	       ((n)&0xfffff)
#define SESSION_GROUP_OF_PREFIX(n)     ((n) >> 20)

extern struct exact_table ue4_table, ue6_table;

/* Asked before ue4_table: a bit for all /24s (of a slice) that hash to it, set while one of them
 * has a UE. Most of what UEs send goes to no UE. session_keys.c sets them ahead of the entries. */
#define UE4_FILTER_BITS (1u << 22)
extern uint64_t ue4_filter[UE4_FILTER_BITS / 64];

static __rte_always_inline uint32_t ue4_filter_bit(uint64_t key)
{
	/* /24s in a row have bits in a row: few lines for many UEs */
	return ((uint32_t)key >> 8 ^ (uint32_t)key >> 30 << 20 ^
		       (uint32_t)(key >> 32) * 0x9e3779b1u >> 10) %
	       UE4_FILTER_BITS;
}

static __rte_always_inline bool ue4_may_be(uint64_t key)
{
	uint32_t bit = ue4_filter_bit(key);

	/* relaxed: the entry is looked for after it, and says what holds */
	return __atomic_load_n(&ue4_filter[bit / 64], __ATOMIC_RELAXED) >> bit % 64 & 1;
}

#endif
