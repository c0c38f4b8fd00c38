/* SPDX-License-Identifier: BSD-3-Clause */
/* How often a token or an address may ask: token buckets of one second's burst, in a table of
 * fixed size, four ways a set; who asked last the longest ago makes room. */
#include <string.h>

#include "auth.h"

#define SETS   1024
#define WAYS   4
#define KEY    24
#define SECOND 1000000u

struct bucket {
	uint64_t last_us; /* 0: free */
	uint64_t credit;  /* millionths of a request */
	uint8_t key[KEY];
};
static struct bucket buckets[SETS][WAYS];

/* FNV-1a */
static uint32_t hash(const uint8_t key[KEY])
{
	uint32_t hash = 2166136261u;

	for (int i = 0; i < KEY; i++)
		hash = (hash ^ key[i]) * 16777619u;
	return hash ^ hash >> 16;
}

static struct bucket *find(const uint8_t key[KEY], uint32_t per_s, uint64_t now_us)
{
	struct bucket *set = buckets[hash(key) % SETS], *oldest = set;

	for (int i = 0; i < WAYS; i++) {
		if (set[i].last_us && !memcmp(set[i].key, key, KEY))
			return &set[i];
		if (set[i].last_us < oldest->last_us)
			oldest = &set[i];
	}
	memcpy(oldest->key, key, KEY);
	oldest->last_us = now_us;
	oldest->credit = (uint64_t)per_s * SECOND;
	return oldest;
}

uint32_t rate_take(const void *key, size_t len, uint32_t per_s, uint64_t now_us)
{
	uint64_t most = (uint64_t)per_s * SECOND, passed_us;
	uint8_t whole[KEY] = {0};
	struct bucket *bucket;

	memcpy(whole, key, len < KEY ? len : KEY);
	bucket = find(whole, per_s, now_us);
	passed_us = now_us - bucket->last_us;
	bucket->last_us = now_us;
	if (passed_us >= SECOND || bucket->credit + passed_us * per_s > most)
		bucket->credit = most;
	else
		bucket->credit += passed_us * per_s;
	if (bucket->credit < SECOND)
		return 1; /* at least one a second comes back */
	bucket->credit -= SECOND;
	return 0;
}
