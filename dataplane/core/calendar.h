/* SPDX-License-Identifier: BSD-3-Clause */
/* Who is next, among thousands, in a few instructions: entries with a key (a time, real or virtual)
 * and a width (how far the key moves when the entry is served) stand in groups of like width, as in
 * QFQ (Checconi, Rizzo, Valente 2013). A group of width 2^k is a ring of 64 slots of 2^k each;
 * entries of one slot stand in line. The order between entries is exact to a slot of their own
 * width, the keys themselves are exact, so rates that follow from keys are. Used by shaper.c,
 * twice; one owner, no lock. Keys may wrap. */
#ifndef CORE_CALENDAR_H
#define CORE_CALENDAR_H

#include <rte_branch_prediction.h>
#include <rte_common.h>
#include <stdbool.h>
#include <stdint.h>

#define CALENDAR_GROUPS 32
#define CALENDAR_SLOTS	64u
#define CALENDAR_NONE	0xffffu
#define CALENDAR_OUT	0xff

struct calendar_entry {
	uint64_t key;
	uint16_t prev, next; /* in the line of its slot; CALENDAR_NONE at the ends */
	uint8_t group;
	uint8_t slot; /* CALENDAR_OUT: in no line */
};

struct calendar_group {
	uint64_t slots; /* bit i: somebody stands in slot i */
	uint64_t start; /* of a slot, not after the first that is taken; a multiple of the width */
	uint16_t first[CALENDAR_SLOTS], last[CALENDAR_SLOTS];
};

struct calendar {
	uint32_t groups;	      /* bit i: somebody stands in group i */
	uint32_t low;		      /* log2 of the width of group 0 */
	struct calendar_entry *entry; /* by id */
	struct calendar_group group[CALENDAR_GROUPS];
};

static inline bool calendar_has(const struct calendar *cal, uint16_t id)
{
	return cal->entry[id].slot != CALENDAR_OUT;
}

/* a before or at b */
static inline bool calendar_not_after(uint64_t a, uint64_t b)
{
	return (int64_t)(a - b) <= 0;
}

static inline uint32_t calendar_index(uint64_t start, uint32_t k)
{
	return start >> k & (CALENDAR_SLOTS - 1);
}

/* The taken slots, the one at `start` in bit 0. */
static inline uint64_t calendar_ahead(const struct calendar_group *g, uint32_t k)
{
	uint32_t turn = calendar_index(g->start, k);

	return g->slots >> turn | g->slots << (-turn & (CALENDAR_SLOTS - 1));
}

/* Makes start that of the first slot taken; somebody must be there. */
static inline uint64_t calendar_settle(struct calendar_group *g, uint32_t k)
{
	g->start += (uint64_t)__builtin_ctzll(calendar_ahead(g, k)) << k;
	return g->start;
}

/* The slot of a key: the ring is turned back for one before all others. Where the ring is too short
 * it is the nearest there is. */
static inline uint32_t calendar_place(struct calendar_group *g, uint32_t k, uint64_t key)
{
	uint64_t start = key >> k << k;

	if (g->slots == 0)
		g->start = start;
	int64_t ahead = (int64_t)(start - g->start) >> k;

	if (unlikely(ahead < 0)) {
		if (-ahead <= (int64_t)__builtin_clzll(calendar_ahead(g, k)))
			g->start = start;
		ahead = 0;
	} else if (unlikely(ahead >= CALENDAR_SLOTS)) {
		calendar_settle(g, k);
		ahead = RTE_MIN((int64_t)(start - g->start) >> k, (int64_t)CALENDAR_SLOTS - 1);
	}
	return (calendar_index(g->start, k) + ahead) & (CALENDAR_SLOTS - 1);
}

/* id must not be in; width as log2. */
static inline void calendar_insert(struct calendar *cal, uint16_t id, uint64_t key, uint32_t width)
{
	uint32_t i = width <= cal->low ? 0 : RTE_MIN(width - cal->low, CALENDAR_GROUPS - 1u);
	struct calendar_group *g = &cal->group[i];
	struct calendar_entry *e = &cal->entry[id];
	uint32_t slot = calendar_place(g, i + cal->low, key);

	*e = (struct calendar_entry){
		.key = key, .prev = CALENDAR_NONE, .next = CALENDAR_NONE, .group = i, .slot = slot};
	if (g->slots >> slot & 1) {
		e->prev = g->last[slot];
		cal->entry[e->prev].next = id;
	} else {
		g->first[slot] = id;
		g->slots |= 1ull << slot;
		cal->groups |= 1u << i;
	}
	g->last[slot] = id;
}

/* id must be in; its key stays readable. */
static inline void calendar_remove(struct calendar *cal, uint16_t id)
{
	struct calendar_entry *e = &cal->entry[id];
	struct calendar_group *g = &cal->group[e->group];

	if (e->prev == CALENDAR_NONE)
		g->first[e->slot] = e->next;
	else
		cal->entry[e->prev].next = e->next;
	if (e->next == CALENDAR_NONE)
		g->last[e->slot] = e->prev;
	else
		cal->entry[e->next].prev = e->prev;
	if (e->prev == CALENDAR_NONE && e->next == CALENDAR_NONE) {
		g->slots &= ~(1ull << e->slot);
		if (g->slots == 0)
			cal->groups &= ~(1u << e->group);
	}
	e->slot = CALENDAR_OUT;
}

/* The entry whose slot starts first, *start with it; CALENDAR_NONE when all are out. */
static inline uint16_t calendar_first(struct calendar *cal, uint64_t *start)
{
	uint16_t id = CALENDAR_NONE;

	for (uint32_t left = cal->groups; left != 0; left &= left - 1) {
		uint32_t i = __builtin_ctz(left), k = i + cal->low;
		struct calendar_group *g = &cal->group[i];
		uint64_t at = calendar_settle(g, k);

		if (id == CALENDAR_NONE || (int64_t)(at - *start) < 0) {
			*start = at;
			id = g->first[calendar_index(at, k)];
		}
	}
	return id;
}

/* Of the entries whose slot has begun at `now`, one of the slot that ends first, counting two
 * widths from its start; CALENDAR_NONE when none has. */
static inline uint16_t calendar_due(struct calendar *cal, uint64_t now)
{
	uint16_t id = CALENDAR_NONE;
	uint64_t best = 0;

	for (uint32_t left = cal->groups; left != 0; left &= left - 1) {
		uint32_t i = __builtin_ctz(left), k = i + cal->low;
		struct calendar_group *g = &cal->group[i];
		uint64_t at = calendar_settle(g, k), end = at + (2ull << k);

		if (calendar_not_after(at, now) &&
			(id == CALENDAR_NONE || (int64_t)(end - best) < 0)) {
			best = end;
			id = g->first[calendar_index(at, k)];
		}
	}
	return id;
}

#endif
