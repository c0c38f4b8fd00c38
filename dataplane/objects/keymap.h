/* SPDX-License-Identifier: BSD-3-Clause */
/* A hash of small entries by a key of bytes, for what the model keeps beside its objects: what a
 * transaction has said so far about MACs and routes (a message of a hundred thousand is checked
 * against itself in linear time), and the networks of l3 slices. Main thread only. */
#ifndef API_KEYMAP_H
#define API_KEYMAP_H

#include <stddef.h>
#include <stdint.h>

/* An entry is a structure that begins with its key; the key begins with an id of two bytes which is
 * never 0: 0 marks an empty place. Keys hold no padding. Zeroed but for the sizes is an empty map.
 */
struct keymap {
	void *places;
	size_t count, room; /* room is a power of two */
	uint32_t key_bytes, entry_bytes;
};

/* NULL when there is none. The pointer is good until the next add or remove. */
void *keymap_find(const struct keymap *map, const void *key);
/* The entry of key, made (zeroed behind the key) if need be; NULL when memory ran out. */
void *keymap_add(struct keymap *map, const void *key);
void keymap_remove(struct keymap *map, void *entry);
/* To go through all: the entry at place i of map->room; NULL: it is empty. */
void *keymap_at(const struct keymap *map, size_t i);
void keymap_free(struct keymap *map);

#endif
