/* SPDX-License-Identifier: BSD-3-Clause */
/* Routes of the underlay (underlay_route.h), in compact longest-prefix tables; a mirrored kernel
 * has a hundred thousand of them by a few ways, so equal ways are kept once. Owns both. */
#include "underlay_route.h"

#include <errno.h>
#include <rte_hash_crc.h>
#include <stdlib.h>
#include <string.h>

#include "bounds.h"
#include "lpm.h"

#define TABLE 1 /* of the lpm tables' slices, the only one */
#define HEADS 4096

struct ways {
	uint32_t uses;
	uint32_t next; /* of the same hash, or of the free ones */
	struct underlay_ways ways;
};
_Static_assert(sizeof(struct underlay_via) == 24, "no gaps: compared and hashed as bytes");

static struct lpm_table table4, table6;
static uint32_t reserved4, reserved6;
static struct ways **all;			  /* [room] by index; 0 is none */
static uint32_t room, top, free_head, *next_free; /* [room] */
static uint32_t head[HEADS];

int route_table_init(void)
{
	reserved4 = reserved6 = room = free_head = 0;
	top = 1;
	all = NULL;
	next_free = NULL;
	memset(head, 0, sizeof(head));
	int rc = lpm_init(&table4, "underlay4", 32, LIMIT_ROUTES);

	return rc == 0 ? lpm_init(&table6, "underlay6", 128, LIMIT_ROUTES) : rc;
}

void route_table_fini(void)
{
	for (uint32_t i = 1; i < top; i++)
		free(all[i]);
	free(all);
	free(next_free);
	all = NULL;
	next_free = NULL;
	top = 1;
	lpm_fini(&table4);
	lpm_fini(&table6);
}

static struct lpm_table *table_of(uint8_t family)
{
	return family == 4 ? &table4 : &table6;
}

/* ---- room ---- */

static uint32_t *reserved_of(uint8_t family)
{
	return family == 4 ? &reserved4 : &reserved6;
}

int underlay_route_reserve(uint8_t family)
{
	uint32_t *reserved = reserved_of(family);
	int rc = lpm_reserve(table_of(family), *reserved + 1);

	if (rc == 0)
		++*reserved;
	return rc;
}

void underlay_route_release(uint8_t family)
{
	--*reserved_of(family);
}

/* ---- ways ---- */

static uint32_t *chain_of(const struct underlay_via *via, uint32_t count)
{
	const uint32_t *word = (const uint32_t *)via;
	uint32_t hash = count;

	for (uint32_t i = 0; i < count * sizeof(*via) / sizeof(*word); i++)
		hash = rte_hash_crc_4byte(word[i], hash);
	return &head[hash % HEADS];
}

static uint32_t index_take(void)
{
	uint32_t index = free_head;

	if (index != 0) {
		free_head = next_free[index];
		return index;
	}
	if (top >= room) {
		uint32_t more = room != 0 ? 2 * room : 64;
		struct ways **pointers = realloc(all, more * sizeof(*all));

		if (pointers != NULL)
			all = pointers;
		uint32_t *list = realloc(next_free, more * sizeof(*next_free));

		if (list != NULL)
			next_free = list;
		if (pointers == NULL || list == NULL)
			return 0;
		room = more;
	}
	return top++;
}

static void index_give(uint32_t index)
{
	all[index] = NULL;
	next_free[index] = free_head;
	free_head = index;
}

/* The index of these ways with one more user; 0: no memory. */
static uint32_t ways_take(const struct underlay_via *via, uint32_t count)
{
	uint32_t *chain = chain_of(via, count), index = *chain;

	while (index != 0 && !(all[index]->ways.count == count &&
				     memcmp(all[index]->ways.via, via, count * sizeof(*via)) == 0))
		index = all[index]->next;
	if (index != 0) {
		all[index]->uses++;
		return index;
	}
	index = index_take();
	if (index == 0)
		return 0;
	struct ways *w = malloc(sizeof(*w) + count * sizeof(*via));

	if (w == NULL) {
		index_give(index);
		return 0;
	}
	w->uses = 1;
	w->next = *chain;
	w->ways.count = count;
	memcpy(w->ways.via, via, count * sizeof(*via));
	all[index] = w;
	*chain = index;
	return index;
}

static void ways_give(uint32_t index)
{
	struct ways *w = index != 0 ? all[index] : NULL;
	uint32_t *at;

	if (w == NULL || --w->uses > 0)
		return;
	for (at = chain_of(w->ways.via, w->ways.count); *at != index;)
		at = &all[*at]->next;
	*at = w->next;
	free(w);
	index_give(index);
}

/* ---- routes ---- */

int route_table_set(const struct api_ip *prefix, const struct underlay_via *via, uint32_t count)
{
	struct lpm_table *t = table_of(prefix->family);
	uint32_t old = lpm_get(t, TABLE, prefix->bytes, prefix->len);
	uint32_t index = ways_take(via, count);
	int rc = index != 0 ? lpm_put(t, TABLE, prefix->bytes, prefix->len, index) : -ENOMEM;

	ways_give(rc < 0 ? index : old);
	return rc < 0 ? rc : 0;
}

void route_table_unset(const struct api_ip *prefix)
{
	struct lpm_table *t = table_of(prefix->family);
	uint32_t old = lpm_get(t, TABLE, prefix->bytes, prefix->len);

	if (old != 0 && lpm_delete(t, TABLE, prefix->bytes, prefix->len) == 0)
		ways_give(old);
}

const struct underlay_ways *route_table_find(const struct api_ip *ip, uint8_t *len)
{
	uint32_t index = lpm_find_covering(
		table_of(ip->family), TABLE, ip->bytes, ip->family == 4 ? 32 : 128, len);

	return index != 0 ? &all[index]->ways : NULL;
}
