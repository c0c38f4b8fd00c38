/* SPDX-License-Identifier: BSD-3-Clause */
/* Who has a TEID or an address of a UE: what workers see (the exact tables and the FIB), and
 * above it what the running transaction has changed and not committed. Main thread only. Owns
 * teid_table, ue4_table, ue6_table and the transaction's claims.
 *
 * A key that is taken has its entry at once, with the value 0, which is nobody's: so that commit
 * cannot fail. One that was somebody's keeps that word until commit: a packet finds the old session
 * or the new one, and never none. */
#include <errno.h>
#include <rte_byteorder.h>
#include <rte_hash_crc.h>
#include <stdlib.h>
#include <string.h>

#include "fib.h"
#include "session_pack.h"
#include "session_keys.h"

/* Half of what two slices or two put F-TEIDs a session take. */
#define KEYS (2u * LIMIT_SESSIONS)

static uint32_t *ue4_users; /* [UE4_FILTER_BITS]: entries of ue4_table, by their bit */

/* A key that a session has yet may be taken in advance, so that two can change theirs for each
 * other's: it owes it to the new owner until it leaves it, before the transaction commits. What
 * comes for such a key while sessions are published one after the other finds the old session
 * without it, and is dropped by name. */
struct claim {
	struct session_key key;
	uint32_t owner;
	uint32_t lender; /* had it when it was taken; 0: nobody */
	bool owed;
	uint32_t turn; /* of the transaction: others are free slots */
};

static struct claim *claims;
static uint32_t claim_room, claim_count, turn;
static uint32_t keys_owed;

int keys_init(void)
{
	claim_room = 1024;
	claim_count = 0;
	turn = 1;
	memset(ue4_filter, 0, sizeof(ue4_filter));
	ue4_users = pool_map(UE4_FILTER_BITS * sizeof(*ue4_users));
	claims = calloc(claim_room, sizeof(*claims));
	if (claims == NULL || ue4_users == NULL ||
		exact_init_mapped(&teid_table, "teid", 1, KEYS) != 0 ||
		exact_init_mapped(&ue4_table, "ue4", 1, KEYS) != 0 ||
		exact_init_mapped(&ue6_table, "ue6", 2, KEYS) != 0)
		return -ENOMEM;
	return 0;
}

void keys_fini(void)
{
	exact_fini(&teid_table);
	exact_fini(&ue4_table);
	exact_fini(&ue6_table);
	pool_unmap(ue4_users, UE4_FILTER_BITS * sizeof(*ue4_users));
	ue4_users = NULL;
	free(claims);
	claims = NULL;
}

/* ---- the keys of a session ---- */

static void prefix_key(struct session_key *key, const struct api_ip *ip)
{
	key->kind = KEY_PREFIX;
	key->family = ip->family;
	key->len = ip->len;
	memcpy(key->bytes, ip->bytes, sizeof(key->bytes));
}

/* The UE's addresses in one slice. */
static uint32_t ue_keys(const struct session_block *b, const struct api_ue *ue, uint16_t slice,
	uint8_t group, struct session_key *key)
{
	struct session_key any = {.group = group, .where = slice};
	uint64_t be = rte_cpu_to_be_64(b->ue6);
	uint32_t n = 0;

	if (b->ue4 != 0) {
		key[n] = any;
		key[n].kind = KEY_UE4;
		key[n++].low = b->ue4;
	}
	if (b->ue6 != 0) {
		key[n] = any;
		key[n].kind = KEY_UE6;
		memcpy(key[n++].bytes, &be, 8);
	}
	if (!(b->flags & SESSION_FRAMED))
		return n;
	if (ue->ipv6.family != 0 && b->ue6 == 0) {
		key[n] = any;
		prefix_key(&key[n++], &ue->ipv6);
	}
	for (uint32_t i = 0; i < ue->framed.count; i++) {
		key[n] = any;
		prefix_key(&key[n++], &ue->framed.item[i]);
	}
	return n;
}

uint32_t keys_of_block(uint32_t index, const struct session_block *b, const struct api_ue *ue,
	struct session_key *key)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < b->groups; i++) {
		const struct session_group *g = session_group_at(b, i);
		uint32_t teid = rte_be_to_cpu_32(g->teid_be);

		if (g->acts == 0)
			continue;
		if (teid == 0)
			n += ue_keys(b, ue, g->slice, i, key + n);
		else if (TEID_SESSION(teid) != index || TEID_GROUP(teid) != i)
			key[n++] = (struct session_key){
				.kind = KEY_TEID, .group = i, .where = g->gtpu, .low = teid};
	}
	return n;
}

/* ---- the transaction's claims ---- */

/* All of a key but the group, which is not part of who has it. */
static struct session_key naked(const struct session_key *key)
{
	struct session_key k = *key;

	k.group = 0;
	return k;
}

bool key_is_among(const struct session_key *key, const struct session_key *list, uint32_t n)
{
	struct session_key a = naked(key);

	for (uint32_t i = 0; i < n; i++) {
		struct session_key b = naked(&list[i]);

		if (memcmp(&a, &b, sizeof(a)) == 0)
			return true;
	}
	return false;
}

static struct claim *slot_of(const struct session_key *key)
{
	uint32_t at = rte_hash_crc(key, sizeof(*key), turn);

	for (;; at++) {
		struct claim *c = &claims[at % claim_room];

		if (c->turn != turn || memcmp(&c->key, key, sizeof(*key)) == 0)
			return c;
	}
}

static int claims_grow(void)
{
	struct claim *old = claims;
	uint32_t room = claim_room;
	struct claim *more = calloc(2 * room, sizeof(*more));

	if (more == NULL)
		return -ENOMEM;
	claims = more;
	claim_room = 2 * room;
	for (uint32_t i = 0; i < room; i++)
		if (old[i].turn == turn)
			*slot_of(&old[i].key) = old[i];
	free(old);
	return 0;
}

/* One that is there already always succeeds. */
static int claim_set(const struct session_key *key, uint32_t owner)
{
	struct session_key k = naked(key);
	struct claim *c = slot_of(&k);

	if (c->turn != turn) {
		if (2 * claim_count >= claim_room && claims_grow() != 0)
			return -ENOMEM;
		c = slot_of(&k);
		claim_count++;
	}
	*c = (struct claim){.key = k, .owner = owner, .turn = turn};
	return 0;
}

void keys_settle(void)
{
	claim_count = keys_owed = 0;
	turn++;
}

/* NULL: the running transaction has not touched it. */
static struct claim *claim_of(const struct session_key *key)
{
	struct session_key k = naked(key);
	struct claim *c = claim_count > 0 ? slot_of(&k) : NULL;

	return c != NULL && c->turn == turn ? c : NULL;
}

static void owe(struct claim *c, bool owed)
{
	keys_owed += owed - c->owed;
	c->owed = owed;
}

/* A TEID chosen here stands in no table: it says itself whose it is. */
static uint32_t chosen_owner(const struct session_key *key)
{
	uint32_t index = TEID_SESSION(key->low), group = TEID_GROUP(key->low);
	const struct session_block *b;

	if (key->kind != KEY_TEID || index == 0 || session_cold[index].now.pack == 0)
		return 0;
	b = block_of(&session_cold[index].now);
	if (group >= b->groups)
		return 0;
	const struct session_group *g = session_group_at(b, group);

	return g->teid_be == rte_cpu_to_be_32(key->low) && g->gtpu == key->where ? index : 0;
}

bool key_may_lend(const struct session_key *key)
{
	const struct claim *c = claim_of(key);

	/* one that was chosen is no key of its session's: nothing would say that it left it */
	return chosen_owner(key) == 0 && (c == NULL || c->lender == 0);
}

bool key_owed(uint32_t *cursor, struct session_key *key, uint32_t *owner, uint32_t *lender)
{
	for (uint32_t i = *cursor; keys_owed > 0 && i < claim_room; i++)
		if (claims[i].turn == turn && claims[i].owed) {
			*cursor = i + 1;
			*key = claims[i].key;
			*owner = claims[i].owner;
			*lender = claims[i].lender;
			return true;
		}
	return false;
}

/* ---- the tables below ---- */

static struct exact_table *table_of(const struct session_key *key, uint64_t *words)
{
	switch (key->kind) {
	case KEY_TEID:
		words[0] = TEID_KEY(key->where, key->low);
		return &teid_table;
	case KEY_UE4:
		words[0] = UE4_KEY(key->where, key->low);
		return &ue4_table;
	case KEY_UE6:
		words[0] = UE6_KEY0(key->where);
		memcpy(&words[1], key->bytes, 8);
		words[1] = rte_be_to_cpu_64(words[1]);
		return &ue6_table;
	default:
		return NULL;
	}
}

static struct api_ip prefix_of(const struct session_key *key)
{
	struct api_ip ip = {.family = key->family, .len = key->len};

	memcpy(ip.bytes, key->bytes, 16);
	return ip;
}

static uint32_t published_owner(const struct session_key *key)
{
	uint64_t words[2];
	struct exact_table *t = table_of(key, words);

	if (t == NULL) {
		struct api_ip ip = prefix_of(key);

		return fib_session_get(key->where, &ip) & 0xfffff;
	}
	const uint64_t *value = exact_find(t, words);

	return value != NULL ? SESSION_OF(*value) : 0;
}

uint32_t key_owner(const struct session_key *key)
{
	const struct claim *c = claim_of(key);
	uint32_t chosen = chosen_owner(key);

	if (chosen != 0)
		return chosen;
	return c != NULL ? c->owner : published_owner(key);
}

bool key_is_left(const struct session_key *key)
{
	const struct claim *c = claim_of(key);

	return (c != NULL ? c->owner : published_owner(key)) == 0;
}

/* An entry of a table came or went. */
static void count_entry(const struct exact_table *t, uint64_t word, int by)
{
	uint32_t bit = ue4_filter_bit(word);
	uint64_t mask = 1ull << bit % 64, was = ue4_filter[bit / 64];

	if (t != &ue4_table)
		return;
	ue4_users[bit] += by;
	/* relaxed: see ue4_may_be() */
	__atomic_store_n(&ue4_filter[bit / 64], ue4_users[bit] != 0 ? was | mask : was & ~mask,
		__ATOMIC_RELAXED);
}

/* So that there is room, and commit cannot fail. */
static int make_entry(const struct session_key *key)
{
	uint64_t words[2];
	struct exact_table *t = table_of(key, words);

	if (t == NULL)
		return fib_reserve(key->family, 1);
	if (exact_find(t, words) != NULL)
		return 0;
	int rc = exact_put(t, words, 0);

	if (rc == 1)
		count_entry(t, words[0], 1);
	return rc < 0 ? rc : 0;
}

/* Nobody's and never published: as if it had not been. */
static void drop_entry(const struct session_key *key)
{
	uint64_t words[2], *value;
	struct exact_table *t = table_of(key, words);

	if (t == NULL)
		return;
	value = exact_find(t, words);
	if (value != NULL && *value == 0 && exact_delete(t, words) == 0)
		count_entry(t, words[0], -1);
}

void key_settle(const struct session_key *key)
{
	if (key->kind == KEY_PREFIX)
		fib_release(key->family, 1);
}

int key_take(const struct session_key *key, uint32_t index)
{
	uint32_t lender = key_owner(key);
	int rc = make_entry(key);

	if (rc != 0)
		return rc;
	rc = claim_set(key, index);
	if (rc == 0) {
		struct claim *c = claim_of(key);

		c->lender = lender != index ? lender : 0;
		owe(c, c->lender != 0);
		return 0;
	}
	key_settle(key);
	if (lender == 0)
		drop_entry(key);
	return rc;
}

int key_release(const struct session_key *key, uint32_t index)
{
	struct claim *c = claim_of(key);

	if (c == NULL || c->lender == 0)
		return claim_set(key, 0);
	if (c->lender != index)
		return -EBUSY;
	owe(c, false);
	return 0;
}

void key_untake(const struct session_key *key)
{
	struct claim *c = claim_of(key);
	uint32_t lender = c->lender;

	owe(c, false);
	claim_set(key, lender); /* has its slot */
	key_settle(key);
	if (lender == 0)
		drop_entry(key);
}

void key_unrelease(const struct session_key *key, uint32_t owner)
{
	struct claim *c = claim_of(key);

	if (c->lender == owner)
		owe(c, true);
	else
		claim_set(key, owner); /* has its slot */
}

/* ---- commit ---- */

void key_publish(const struct session_key *key, uint32_t index)
{
	struct api_ip ip = prefix_of(key);
	uint64_t words[2];
	struct exact_table *t = table_of(key, words);

	if (t != NULL) {
		/* overwrites: the entry is there since key_take() */
		if (exact_put(t, words, SESSION_WORD(index, key->group)) == 1)
			count_entry(t, words[0], 1);
		return;
	}
	fib_session_set(key->where, &ip, SESSION_PREFIX(index, key->group));
}

void key_unpublish(const struct session_key *key)
{
	struct api_ip ip = prefix_of(key);
	uint64_t words[2];
	struct exact_table *t = table_of(key, words);

	if (t == NULL)
		fib_session_unset(key->where, &ip);
	else if (exact_delete(t, words) == 0)
		count_entry(t, words[0], -1);
}
