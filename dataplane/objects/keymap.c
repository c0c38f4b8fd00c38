/* SPDX-License-Identifier: BSD-3-Clause */
/* Hashes for the model's side tables (keymap.h): open addressing with linear probing, at most
 * half full, no tombstones. Owns its array. */
#include "keymap.h"

#include <stdbool.h>
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

static uint64_t hash(const struct keymap *map, const void *key)
{
	const char *at = key;
	uint64_t sum = 0, word;
	uint32_t left = map->key_bytes;

	for (; left >= sizeof(word); left -= sizeof(word), at += sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		sum = mix(sum ^ word);
	}
	word = 0;
	memcpy(&word, at, left);
	return left ? mix(sum ^ word) : sum;
}

static char *place(const struct keymap *map, size_t at)
{
	return (char *)map->places + (at & (map->room - 1)) * map->entry_bytes;
}

static bool empty(const char *entry)
{
	uint16_t id;

	memcpy(&id, entry, sizeof(id));
	return id == 0;
}

/* Where key is, or the empty place where it would be. */
static char *probe(const struct keymap *map, const void *key)
{
	size_t at = hash(map, key);

	while (!empty(place(map, at)) && memcmp(place(map, at), key, map->key_bytes) != 0)
		at++;
	return place(map, at);
}

static int grow(struct keymap *map)
{
	struct keymap fresh = *map;

	fresh.room = map->room ? map->room * 2 : 64;
	fresh.places = calloc(fresh.room, fresh.entry_bytes);
	if (!fresh.places)
		return -1;
	for (size_t i = 0; i < map->room; i++)
		if (!empty(place(map, i)))
			memcpy(probe(&fresh, place(map, i)), place(map, i), map->entry_bytes);
	free(map->places);
	*map = fresh;
	return 0;
}

void *keymap_find(const struct keymap *map, const void *key)
{
	char *entry;

	if (!map->room)
		return NULL;
	entry = probe(map, key);
	return empty(entry) ? NULL : entry;
}

void *keymap_add(struct keymap *map, const void *key)
{
	char *entry;

	if (map->count * 2 >= map->room && grow(map))
		return NULL;
	entry = probe(map, key);
	if (empty(entry)) {
		memcpy(entry, key, map->key_bytes);
		map->count++;
	}
	return entry;
}

/* What follows without a gap moves up, so that no search ends early at the hole. */
void keymap_remove(struct keymap *map, void *entry)
{
	size_t hole = ((char *)entry - (char *)map->places) / map->entry_bytes;
	size_t mask = map->room - 1;

	for (size_t at = hole + 1; !empty(place(map, at)); at++) {
		size_t home = hash(map, place(map, at));

		/* it may not move before its home */
		if (((at - home) & mask) < ((at - hole) & mask))
			continue;
		memcpy(place(map, hole), place(map, at), map->entry_bytes);
		hole = at;
	}
	memset(place(map, hole), 0, map->entry_bytes);
	map->count--;
}

void *keymap_at(const struct keymap *map, size_t i)
{
	return empty(place(map, i)) ? NULL : place(map, i);
}

void keymap_free(struct keymap *map)
{
	free(map->places);
	map->places = NULL;
	map->count = map->room = 0;
}
