/* SPDX-License-Identifier: BSD-3-Clause */
/* IPv4 addresses of UEs, by the /24 of a slice. Pools give UEs addresses in a row: a /24 with many
 * UEs has a page, four bytes an address, so that 65,536 UEs are 256 KiB, where ue4_table needs 2
 * MiB. ue4_table has every UE's entry all the same: what follows is between it and the workers.
 *
 *   address ─→ filter: has its /24 any UE? ─→ slot: has it a page? ─→ page: whose is the address?
 *                    no: nobody's                  no: ue4_table
 *
 * A page says all of its /24: 0 is nobody's. Filter and slots are few lines for UEs in a row. Two
 * /24s may want the same slot; the later one stays without a page. Main writes (session_keys.c, by
 * ue_page.c), route.c reads. */
#ifndef UPF_UE_PAGE_H
#define UPF_UE_PAGE_H

#include <rte_common.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Keys are UE4_KEY() (session_hot.h): slice << 32 | address, host order. */

#define UE_FILTER_BITS (1u << 22)
#define UE_PAGE_SLOTS  (1u << 16)
#define UE_PAGE_MIN    32 /* UEs that a /24 has when it gets a page: 32 bytes each at worst */

/* A bit for all /24s that hash to it, set while one of them has a UE, and ahead of the entry. */
extern uint64_t ue_filter[UE_FILTER_BITS / 64];
/* UE_PAGE_WORD(); 0: none. Release store, once the page is filled. */
extern uint64_t ue_page_slot[UE_PAGE_SLOTS];
/* SESSION_PREFIX() of who has the address; 0: nobody. */
struct ue_page {
	uint32_t owner[256];
} __rte_cache_aligned;
extern struct ue_page *ue_page;

/* 40 bits of /24 and slice, 24 of the page. No slice is 0. */
#define UE_PAGE_WORD(key, page) ((key) >> 8 << 24 | (page))
#define UE_PAGE_OF(word)	((uint32_t)(word)&0xffffff)

/* /24s in a row are in a row, and begin where the rest of the key says. */
static __rte_always_inline uint32_t ue_page_hash(uint64_t key)
{
	return (uint32_t)key >> 8 ^ (uint32_t)key >> 30 << 20 ^
	       (uint32_t)(key >> 32) * 0x9e3779b1u >> 10;
}

/* The upper 8 bits of an address (h >> 16) choose where its 65,536 /24s begin. */
static __rte_always_inline uint32_t ue_page_slot_of(uint64_t key)
{
	uint32_t h = ue_page_hash(key);

	return (h ^ (h >> 16) * 0x2f0b) % UE_PAGE_SLOTS;
}

/* False: no UE has it. Any registered reader. */
static __rte_always_inline bool ue_may_be(uint64_t key)
{
	uint32_t bit = ue_page_hash(key) % UE_FILTER_BITS;

	/* relaxed: the entry is looked for after it, and says what holds */
	return __atomic_load_n(&ue_filter[bit / 64], __ATOMIC_RELAXED) >> bit % 64 & 1;
}

/* Where a page says who has it, to be loaded relaxed until the caller's next quiescent state; NULL:
 * ask ue4_table. Any registered reader. */
static __rte_always_inline const uint32_t *ue_page_entry(uint64_t key)
{
	/* acquire: pairs with the release in page_open() */
	uint64_t word = __atomic_load_n(&ue_page_slot[ue_page_slot_of(key)], __ATOMIC_ACQUIRE);

	return word >> 24 == key >> 8 ? &ue_page[UE_PAGE_OF(word)].owner[key & 0xff] : NULL;
}

/* ---- main thread ---- */

/* 0 or -ENOMEM; then ue_pages_fini() all the same. */
int ue_pages_init(void);
void ue_pages_fini(void);

/* An entry of ue4_table came (1) or went (-1). */
void ue_page_count(uint64_t key, int by);
/* Its word became another one, which is in ue4_table; 0: it is nobody's any more. */
void ue_page_set(uint64_t key, uint64_t word);

/* Of the pages. */
uint64_t ue_pages_bytes(void);

#endif
