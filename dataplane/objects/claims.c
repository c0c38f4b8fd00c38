/* SPDX-License-Identifier: BSD-3-Clause */
/* Sources, groups and claims (claims.h). Owns them. Claims lie in a hash by type and key, those to
 * one object in one bucket; groups in a tree by owner, a tree a source. */
#include "claims.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"

#define BUCKETS_LEAST 256

const char *const source_names[] = {"static", "kernel", "intent", "pfcp", NULL};

RB_HEAD(claims_groups, source_group);

static struct {
	struct claims_groups groups[SOURCES];
	uint32_t group_count[SOURCES];
	struct claim **buckets;
	uint32_t bucket_count, claim_count; /* buckets: a power of two */
	uint32_t in_force[OBJECT_TYPES];
} store;

static int group_cmp(const struct source_group *a, const struct source_group *b)
{
	return strcmp(a->owner, b->owner);
}

#define LOCAL static __attribute__((unused))
RB_GENERATE_INTERNAL(claims_groups, source_group, entry, group_cmp, LOCAL)

/* ---- groups ---- */

union group_probe {
	struct source_group group;
	char room[sizeof(struct source_group) + LIMIT_OWNER + 1];
};

static struct source_group *probe_owner(union group_probe *probe, const char *owner)
{
	size_t len = strnlen(owner, LIMIT_OWNER);
	char *at = probe->room + offsetof(struct source_group, owner);

	memcpy(at, owner, len);
	at[len] = '\0';
	return &probe->group;
}

struct source_group *source_group_find(enum source source, const char *owner)
{
	union group_probe probe;

	return RB_FIND(claims_groups, &store.groups[source], probe_owner(&probe, owner));
}

struct source_group *source_group_make(enum source source, const char *owner)
{
	struct source_group *group = source_group_find(source, owner);
	size_t size = strlen(owner) + 1;

	if (group)
		return group;
	group = calloc(1, sizeof(*group) + size);
	if (!group)
		return NULL;
	group->source = (uint8_t)source;
	memcpy(group->owner, owner, size);
	RB_INSERT(claims_groups, &store.groups[source], group);
	store.group_count[source]++;
	return group;
}

struct source_group *source_group_after(enum source source, const char *owner)
{
	union group_probe probe;
	struct source_group *group =
		RB_NFIND(claims_groups, &store.groups[source], probe_owner(&probe, owner));

	return group && !strcmp(group->owner, owner) ? source_group_next(group) : group;
}

struct source_group *source_group_next(struct source_group *group)
{
	return RB_NEXT(claims_groups, , group);
}

void source_group_drop(struct source_group *group)
{
	RB_REMOVE(claims_groups, &store.groups[group->source], group);
	store.group_count[group->source]--;
	free(group);
}

uint32_t source_group_count(enum source source)
{
	return store.group_count[source];
}

/* ---- claims ---- */

static uint32_t bucket_of(enum object_type type, const char *key)
{
	return (uint32_t)(hash_words(key, strlen(key), type) >> 32) & (store.bucket_count - 1);
}

static void bucket_add(struct claim **at, struct claim *claim)
{
	claim->bucket_at = at;
	claim->bucket_next = *at;
	if (*at)
		(*at)->bucket_at = &claim->bucket_next;
	*at = claim;
}

/* Without memory for more buckets their chains get longer. The order in a bucket
 * stays, for claim_is_staged(). */
static int make_room(void)
{
	uint32_t count = store.bucket_count ? store.bucket_count * 2 : BUCKETS_LEAST;
	struct claim **before = store.buckets, **buckets;
	uint32_t before_count = store.bucket_count;

	if (store.claim_count < store.bucket_count)
		return 0;
	buckets = calloc(count, sizeof(struct claim *));
	if (!buckets)
		return before ? 0 : -ENOMEM;
	store.buckets = buckets;
	store.bucket_count = count;
	for (uint32_t i = 0; i < before_count; i++) {
		struct claim **end[] = {&buckets[i], &buckets[i + before_count]};
		struct claim *claim, *next;

		for (claim = before[i]; claim; claim = next) {
			uint32_t half = bucket_of(claim->type, claim->key) >= before_count;

			next = claim->bucket_next;
			claim->bucket_next = NULL;
			bucket_add(end[half], claim);
			end[half] = &claim->bucket_next;
		}
	}
	free(before);
	return 0;
}

static struct claim *claim_new(
	struct source_group *group, enum object_type type, const char *key, uint64_t digest)
{
	size_t size = strlen(key) + 1;
	struct claim *claim;

	if (make_room())
		return NULL;
	claim = calloc(1, sizeof(*claim) + size);
	if (!claim)
		return NULL;
	claim->group = group;
	claim->type = (uint8_t)type;
	claim->digest = digest;
	memcpy(claim->key, key, size);
	bucket_add(&store.buckets[bucket_of(type, key)], claim);
	store.claim_count++;
	return claim;
}

/* A shadow without memory for its text: nothing is put when it is uncovered. */
static char no_memory[] = "";

static void shadow_free(char *shadow)
{
	if (shadow != no_memory)
		free(shadow);
}

static void claim_free(struct claim *claim)
{
	*claim->bucket_at = claim->bucket_next;
	if (claim->bucket_next)
		claim->bucket_next->bucket_at = claim->bucket_at;
	store.claim_count--;
	if (!claim->staged)
		shadow_free(claim->shadow);
	free(claim);
}

int claim_stage(
	struct source_group *group, enum object_type type, const char *key, const json_t *says)
{
	struct claim *claim = claim_new(group, type, key, claim_digest(says));

	if (!claim)
		return -ENOMEM;
	claim->staged = true;
	claim->says = says;
	claim->group_next = group->next;
	group->next = claim;
	return 0;
}

bool claim_is_staged(const struct source_group *group, enum object_type type, const char *key)
{
	const struct claim *claim = store.claim_count ? store.buckets[bucket_of(type, key)] : NULL;

	for (; claim && claim->staged && claim->group == group; claim = claim->bucket_next)
		if (claim->type == type && strcmp(claim->key, key) == 0)
			return true;
	return false;
}

int claim_add_shadow(struct source_group *group, enum object_type type, const char *key, char *text,
	uint64_t digest)
{
	struct claim *claim = claim_new(group, type, key, digest);

	if (!claim)
		return -ENOMEM;
	claim->shadow = text;
	claim->group_next = group->claims;
	group->claims = claim;
	return 0;
}

static struct claim *same_object(struct claim *claim, enum object_type type, const char *key)
{
	while (claim && (claim->type != type || strcmp(claim->key, key) != 0))
		claim = claim->bucket_next;
	return claim;
}

struct claim *claims_of(enum object_type type, const char *key)
{
	if (!store.claim_count)
		return NULL;
	return same_object(store.buckets[bucket_of(type, key)], type, key);
}

struct claim *claim_other(const struct claim *claim)
{
	return same_object(claim->bucket_next, claim->type, claim->key);
}

const struct claim *claim_in_force(enum object_type type, const char *key)
{
	const struct claim *claim = store.in_force[type] ? claims_of(type, key) : NULL;

	while (claim && (claim->staged || claim->shadow))
		claim = claim_other(claim);
	return claim;
}

void claims_each(bool (*found)(struct claim *claim, void *arg), void *arg)
{
	for (uint32_t i = 0; i < store.bucket_count; i++)
		for (struct claim *claim = store.buckets[i]; claim; claim = claim->bucket_next)
			if (!claim->staged && !claim->shadow && !found(claim, arg))
				return;
}

uint32_t claims_in_force(enum object_type type)
{
	return store.in_force[type];
}

void claims_count(enum object_type type, int by)
{
	store.in_force[type] += (uint32_t)by;
}

static void list_free(struct claim *claim)
{
	while (claim) {
		struct claim *next = claim->group_next;

		claim_free(claim);
		claim = next;
	}
}

void claims_commit(struct source_group *group)
{
	list_free(group->claims);
	group->claims = group->next;
	group->next = NULL;
}

void claims_cancel(struct source_group *group)
{
	list_free(group->next);
	group->next = NULL;
}

void claim_settle(struct claim *claim, const char *shadow)
{
	if (!claim->staged)
		shadow_free(claim->shadow);
	claim->staged = false;
	claim->shadow = shadow ? strdup(shadow) : NULL;
	if (shadow && !claim->shadow)
		claim->shadow = no_memory;
}

void claim_drop(struct claim *claim)
{
	struct claim **at = &claim->group->claims;

	while (*at != claim)
		at = &(*at)->group_next;
	*at = claim->group_next;
	claim_free(claim);
}

/* ---- digests ---- */

uint64_t claim_digest(const json_t *json)
{
	uint64_t digest = (uint64_t)json_typeof(json) + 1, number;
	const char *name;
	json_t *value;
	size_t i;
	double real;

	switch (json_typeof(json)) {
	case JSON_OBJECT:
		json_object_foreach ((json_t *)json, name, value)
			digest += hash_words(name, strlen(name), claim_digest(value));
		break;
	case JSON_ARRAY:
		json_array_foreach (json, i, value) {
			number = claim_digest(value);
			digest = hash_words(&number, sizeof(number), digest);
		}
		break;
	case JSON_STRING:
		digest = hash_words(json_string_value(json), json_string_length(json), digest);
		break;
	case JSON_INTEGER:
		number = (uint64_t)json_integer_value(json);
		digest = hash_words(&number, sizeof(number), digest);
		break;
	case JSON_REAL:
		real = json_real_value(json);
		digest = hash_words(&real, sizeof(real), digest);
		break;
	default:
		digest = hash_words(&digest, sizeof(digest), 0);
	}
	return digest;
}

void claims_free(void)
{
	for (int source = 0; source < SOURCES; source++) {
		struct source_group *group;

		while ((group = RB_MIN(claims_groups, &store.groups[source]))) {
			list_free(group->claims);
			list_free(group->next);
			group->claims = group->next = NULL;
			source_group_drop(group);
		}
	}
	free(store.buckets);
	memset(&store, 0, sizeof(store));
}
