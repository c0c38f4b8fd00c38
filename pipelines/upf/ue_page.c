/* SPDX-License-Identifier: BSD-3-Clause */
/* Pages of UEs' addresses (ue_page.h): opened when a /24 has many, closed when it has none. Called
 * by session_keys.c on the main thread; owns filter, slots and pages. */
#include "ue_page.h"

#include <errno.h>
#include <string.h>

#include "pool.h"
#include "rcu.h"
#include "session_hot.h"

uint64_t ue_filter[UE_FILTER_BITS / 64];
uint64_t ue_page_slot[UE_PAGE_SLOTS];
struct ue_page *ue_page;

static struct pool pages; /* one a slot, and those that wait for their grace period */
static uint32_t *users;	  /* [UE_FILTER_BITS]: entries of ue4_table, by their bit */
static uint16_t *owners;  /* [UE_PAGE_SLOTS]: addresses of the slot's page that are somebody's */

#define PAGES_MAX (2u * UE_PAGE_SLOTS)
_Static_assert(PAGES_MAX < 1u << 24, "UE_PAGE_WORD() names one");

int ue_pages_init(void)
{
	memset(ue_filter, 0, sizeof(ue_filter));
	memset(ue_page_slot, 0, sizeof(ue_page_slot));
	users = pool_map(UE_FILTER_BITS * sizeof(*users));
	owners = pool_map(UE_PAGE_SLOTS * sizeof(*owners));
	if (users == NULL || owners == NULL ||
		pool_init(&pages, sizeof(struct ue_page), 1, PAGES_MAX, 1) != 0)
		return -ENOMEM;
	ue_page = pool_at(&pages, 0, 0);
	return 0;
}

void ue_pages_fini(void)
{
	pool_unmap(users, UE_FILTER_BITS * sizeof(*users));
	pool_unmap(owners, UE_PAGE_SLOTS * sizeof(*owners));
	pool_fini(&pages);
	users = NULL;
	owners = NULL;
}

uint64_t ue_pages_bytes(void)
{
	return (uint64_t)pages.used * sizeof(struct ue_page);
}

void ue_page_count(uint64_t key, int by)
{
	uint32_t bit = ue_page_hash(key) % UE_FILTER_BITS;
	uint64_t mask = 1ull << bit % 64, was = ue_filter[bit / 64];

	users[bit] += by;
	/* relaxed: see ue_may_be() */
	__atomic_store_n(
		&ue_filter[bit / 64], users[bit] != 0 ? was | mask : was & ~mask, __ATOMIC_RELAXED);
}

static uint32_t owner_of(uint64_t word)
{
	return word != 0 ? SESSION_PREFIX(SESSION_OF(word), SESSION_GROUP_OF(word)) : 0;
}

/* Filled from ue4_table. Without memory for it all goes on by ue4_table. */
static void page_open(uint32_t slot, uint64_t key)
{
	uint32_t n;

	if (pool_take(&pages, 1, &n) != 0)
		return;
	owners[slot] = 0;
	for (uint32_t i = 0; i < 256; i++) {
		uint64_t at = (key & ~0xffull) | i;
		const uint64_t *word = exact_find(&ue4_table, &at);

		ue_page[n].owner[i] = word != NULL ? owner_of(*word) : 0;
		owners[slot] += ue_page[n].owner[i] != 0;
	}
	/* release: pairs with the acquire in ue_page_entry() */
	__atomic_store_n(&ue_page_slot[slot], UE_PAGE_WORD(key, n), __ATOMIC_RELEASE);
}

static void page_free(void *page)
{
	pool_give(&pages, (uint32_t)(uintptr_t)page, 1);
}

/* Its readers find it empty, as is ue4_table. */
static void page_close(uint32_t slot)
{
	uint32_t n = UE_PAGE_OF(ue_page_slot[slot]);

	/* relaxed: who sees it asks ue4_table */
	__atomic_store_n(&ue_page_slot[slot], 0, __ATOMIC_RELAXED);
	rcu_defer(page_free, (void *)(uintptr_t)n);
}

void ue_page_set(uint64_t key, uint64_t word)
{
	uint32_t slot = ue_page_slot_of(key);
	uint64_t page = ue_page_slot[slot];

	if (page >> 24 != key >> 8) {
		if (page == 0 && word != 0 &&
			users[ue_page_hash(key) % UE_FILTER_BITS] >= UE_PAGE_MIN)
			page_open(slot, key);
		return;
	}
	uint32_t *owner = &ue_page[UE_PAGE_OF(page)].owner[key & 0xff], was = *owner;

	/* relaxed: it names a session, whose line and block say the rest */
	__atomic_store_n(owner, owner_of(word), __ATOMIC_RELAXED);
	owners[slot] += (word != 0) - (was != 0);
	if (owners[slot] == 0)
		page_close(slot);
}
