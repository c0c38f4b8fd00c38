/* SPDX-License-Identifier: BSD-3-Clause */
/* The overlay of a transaction's MACs (mac_stage.h): open addressing, at most half full. Owns its
 * array. */
#include "mac_stage.h"

#include <stdlib.h>
#include <string.h>

/* Keys come from clients, one box's own administrators: a good mixer is enough (splitmix64's
 * finish). */
static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

/* Where key is, or the empty place where it would be. */
static struct staged_mac *probe(struct staged_mac *places, size_t room, uint64_t key)
{
	size_t at = mix(key) & (room - 1);

	while (places[at].key && places[at].key != key)
		at = (at + 1) & (room - 1);
	return &places[at];
}

static int grow(struct mac_stage *stage)
{
	size_t room = stage->room ? stage->room * 2 : 64;
	struct staged_mac *places = calloc(room, sizeof(*places));

	if (!places)
		return -1;
	for (size_t i = 0; i < stage->room; i++)
		if (stage->places[i].key)
			*probe(places, room, stage->places[i].key) = stage->places[i];
	free(stage->places);
	stage->places = places;
	stage->room = room;
	return 0;
}

struct staged_mac *mac_stage_find(const struct mac_stage *stage, uint64_t key)
{
	struct staged_mac *place;

	if (!stage->room)
		return NULL;
	place = probe(stage->places, stage->room, key);
	return place->key ? place : NULL;
}

struct staged_mac *mac_stage_add(struct mac_stage *stage, uint64_t key)
{
	struct staged_mac *place;

	if (stage->count * 2 >= stage->room && grow(stage))
		return NULL;
	place = probe(stage->places, stage->room, key);
	if (!place->key) {
		place->key = key;
		stage->count++;
	}
	return place;
}

void mac_stage_free(struct mac_stage *stage)
{
	free(stage->places);
	memset(stage, 0, sizeof(*stage));
}
