/* SPDX-License-Identifier: BSD-3-Clause */
/* MACs of slices, in a chained hash (fakes.h). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fakes.h"
#include "fdb.h"
#include "neighbor.h"
#include "schema.h"

void (*fdb_on_event)(enum fdb_event what, const struct fdb_entry *entry, door_t old_door);

struct node {
	struct fdb_entry entry;
	struct node *next;
};
#define BUCKETS (1u << 13)
static struct node *buckets[BUCKETS];
static uint32_t entries;

static struct node **place(uint16_t slice, const struct api_mac_addr *mac)
{
	uint64_t key = slice;
	struct node **at;

	for (int i = 0; i < 6; i++)
		key = key << 8 | mac->bytes[i];
	at = &buckets[key * 0x9e3779b97f4a7c15ull >> 51];
	while (*at &&
		((*at)->entry.slice != slice || memcmp(&(*at)->entry.mac, mac, sizeof(*mac)) != 0))
		at = &(*at)->next;
	return at;
}

void (*fdb_on_overtaken)(uint16_t slice, door_t door);

static enum fdb_result store(
	uint16_t slice, const struct api_mac_addr *mac, door_t door, bool is_static)
{
	struct node **at = place(slice, mac);
	bool made = !*at;

	if (made) {
		*at = calloc(1, sizeof(**at));
		entries++;
	}
	(*at)->entry = (struct fdb_entry){
		.slice = slice, .mac = *mac, .door = door, .is_static = is_static};
	return made ? FDB_CREATED : FDB_UPDATED;
}

enum fdb_result fdb_put_static(
	uint16_t slice, const struct api_mac_addr *mac, door_t door, bool movable)
{
	enum fdb_result result = store(slice, mac, door, true);

	(*place(slice, mac))->entry.movable = movable;
	return result;
}

void fdb_settle(uint16_t slice, const struct api_mac_addr *mac)
{
	(*place(slice, mac))->entry.overtaken = false;
}

int fdb_remove(uint16_t slice, const struct api_mac_addr *mac)
{
	struct node **at = place(slice, mac), *gone = *at;

	if (!gone)
		return -ENOENT;
	*at = gone->next;
	free(gone);
	entries--;
	return 0;
}

int fdb_get(uint16_t slice, const struct api_mac_addr *mac, struct fdb_entry *out)
{
	struct node **at = place(slice, mac);

	if (!*at)
		return -ENOENT;
	*out = (*at)->entry;
	return 0;
}

uint32_t fdb_room(void)
{
	return fakes.fdb_limit - entries;
}

uint32_t fdb_count(void)
{
	return entries;
}

uint32_t neighbor_refused(void)
{
	return 0;
}

uint32_t fdb_learn_refused(void)
{
	return 0;
}

uint64_t fdb_memory_bytes(void)
{
	return 1 << 20;
}

uint32_t fdb_iterate(uint64_t *cursor, struct fdb_entry *out, uint32_t max)
{
	uint32_t got = 0;

	for (; cursor[0] < BUCKETS; ++cursor[0], cursor[1] = 0) {
		uint32_t at = 0;

		for (struct node *node = buckets[cursor[0]]; node; node = node->next, at++) {
			if (at < cursor[1])
				continue;
			if (got == max)
				return got;
			out[got++] = node->entry;
			cursor[1]++;
		}
	}
	cursor[0] = cursor[1] = 0;
	return got;
}

void fakes_learn(uint16_t slice, const char *mac, uint32_t door)
{
	struct api_mac_addr address;
	struct fdb_entry entry;

	api_mac_parse(mac, &address);
	bool overtakes = !fdb_get(slice, &address, &entry) && entry.movable;
	uint32_t old = overtakes ? entry.door : 0;

	store(slice, &address, door, false);
	(*place(slice, &address))->entry.overtaken = overtakes;
	fdb_get(slice, &address, &entry);
	if (overtakes && fdb_on_overtaken)
		fdb_on_overtaken(slice, old);
	if (fdb_on_event)
		fdb_on_event(old ? FDB_MOVED : FDB_LEARNED, &entry, old);
}

void fakes_fdb_reset(void)
{
	for (uint32_t i = 0; i < BUCKETS; i++) {
		while (buckets[i]) {
			struct node *node = buckets[i];

			buckets[i] = node->next;
			free(node);
		}
	}
	entries = 0;
}
