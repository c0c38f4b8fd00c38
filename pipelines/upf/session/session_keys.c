/* SPDX-License-Identifier: BSD-3-Clause */
/* Who has a TEID or an address of a UE: what workers see (the exact tables and the FIB), above it
 * what the running transaction has changed and not committed, and what a change of a session claims
 * for itself alone or uses with others (slices, own addresses), with the refusals. Main thread
 * only. Owns the transaction's claims and the counts of uses.
 *
 * A key that is taken has its entry at once, with the value 0, which is nobody's: so that commit
 * cannot fail. One that was somebody's keeps that word until commit: a packet finds the old session
 * or the new one, and never none. */
#include "session_private.h"

#include <errno.h>
#include <rte_byteorder.h>
#include <rte_hash_crc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "fib.h"
#include "hot.h"
#include "peer.h"
#include "reserve.h"
#include "schema.h"
#include "slice.h"

/* ==== keys ==== */

/* Half of what two slices or two put F-TEIDs a session take. */
#define KEYS (2u * LIMIT_SESSIONS)

static uint32_t *ue4_users; /* [UE4_FILTER_BITS]: entries of ue4_table, by their bit */

/* Who has a key as the running transaction leaves it. Two may have it meanwhile, so that sessions
 * can change theirs for each other's whatever the order; when all is prepared it must be one
 * (session_settled()). What comes for such a key while sessions are published one after the other
 * finds the old session without it, and is dropped by name. */
struct claim {
	struct session_key key; /* without the group, which is no part of who has it */
	uint8_t holders;	/* 0 to 2 */
	uint32_t sum;		/* of the holders' indices */
	uint32_t taker;		/* of two, the one that came to it last */
	uint32_t turn;		/* of the transaction: others are free slots */
};

static struct claim *claims;
static uint32_t claim_room, claim_count, turn;
static uint32_t keys_contested; /* that two have */

int keys_init(void)
{
	claim_room = 1024;
	claim_count = 0;
	turn = 1;
	memset(ue4_filter, 0, sizeof(ue4_filter));
	ue4_users = reserve_map_huge(UE4_FILTER_BITS * sizeof(*ue4_users), PROT_READ | PROT_WRITE);
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
	reserve_unmap(ue4_users, UE4_FILTER_BITS * sizeof(*ue4_users));
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

void keys_of(uint32_t index, const struct keyed *of, struct session_keys *out)
{
	out->n = 0;
	for (uint32_t i = 0; of->block != NULL && i < of->block->groups; i++) {
		const struct session_group *g = session_group_at(of->block, i);
		uint32_t teid = rte_be_to_cpu_32(g->teid_be);

		if (g->acts == 0)
			continue;
		if (teid == 0)
			out->n += ue_keys(of->block, of->ue, g->slice, i, out->key + out->n);
		else if (TEID_SESSION(teid) != index || TEID_GROUP(teid) != i)
			out->key[out->n++] = (struct session_key){
				.kind = KEY_TEID, .group = i, .where = g->gtpu, .low = teid};
	}
}

/* All of a key but the group. */
static struct session_key naked(const struct session_key *key)
{
	struct session_key k = *key;

	k.group = 0;
	return k;
}

static bool is_among(const struct session_key *key, const struct session_keys *list)
{
	struct session_key a = naked(key);

	for (uint32_t i = 0; i < list->n; i++) {
		struct session_key b = naked(&list->key[i]);

		if (memcmp(&a, &b, sizeof(a)) == 0)
			return true;
	}
	return false;
}

void keys_beside(
	uint32_t index, const struct keyed *of, const struct keyed *other, struct session_keys *out)
{
	struct session_keys all, others;

	keys_of(index, of, &all);
	keys_of(index, other, &others);
	out->n = 0;
	for (uint32_t i = 0; i < all.n; i++)
		if (!is_among(&all.key[i], &others) && !is_among(&all.key[i], out))
			out->key[out->n++] = all.key[i];
}

/* ---- the transaction's claims ---- */

static struct claim *slot_of(const struct session_key *key)
{
	uint32_t at = rte_hash_crc(key, sizeof(*key), turn);

	for (;; at++) {
		struct claim *c = &claims[at % claim_room];

		if (c->turn != turn || memcmp(&c->key, key, sizeof(*key)) == 0)
			return c;
	}
}

/* Room for n more, so that claim_at() finds it. */
static int claims_reserve(uint32_t n)
{
	struct claim *old = claims, *more;
	uint32_t room = claim_room, had = claim_room;

	while (2 * (claim_count + n) >= room)
		room *= 2;
	if (room == had)
		return 0;
	more = calloc(room, sizeof(*more));
	if (more == NULL)
		return -ENOMEM;
	claims = more;
	claim_room = room;
	for (uint32_t i = 0; i < had; i++)
		if (old[i].turn == turn)
			*slot_of(&old[i].key) = old[i];
	free(old);
	return 0;
}

void keys_settle(void)
{
	claim_count = keys_contested = 0;
	turn++;
}

/* NULL: the running transaction has not touched it. */
static struct claim *claim_of(const struct session_key *key)
{
	struct session_key k = naked(key);
	struct claim *c = claim_count > 0 ? slot_of(&k) : NULL;

	return c != NULL && c->turn == turn ? c : NULL;
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

/* May it have another holder until the transaction is over? */
static bool key_may_lend(const struct session_key *key)
{
	const struct claim *c = claim_of(key);

	/* one that was chosen is no key of its session's: nothing would say that it left it */
	return chosen_owner(key) == 0 && (c == NULL || c->holders < 2);
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

static uint32_t holder_of(const struct session_key *key)
{
	const struct claim *c = claim_of(key);

	if (c == NULL)
		return published_owner(key);
	return c->holders == 2 ? c->taker : c->sum;
}

uint32_t key_owner(const struct session_key *key)
{
	uint32_t chosen = chosen_owner(key);

	return chosen != 0 ? chosen : holder_of(key);
}

bool key_is_left(const struct session_key *key)
{
	return holder_of(key) == 0;
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
		return fib_reserve(key->where, key->family, 1);
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
		fib_release(key->where, key->family, 1);
}

/* The claim of a key that room is reserved for. */
static struct claim *claim_at(const struct session_key *key)
{
	struct session_key k = naked(key);
	struct claim *c = slot_of(&k);
	uint32_t owner;

	if (c->turn == turn)
		return c;
	owner = published_owner(key);
	*c = (struct claim){.key = k, .holders = owner != 0, .sum = owner, .turn = turn};
	claim_count++;
	return c;
}

static void holder_add(struct claim *c, uint32_t index, uint32_t taker)
{
	c->holders++;
	c->sum += index;
	c->taker = taker;
	keys_contested += c->holders == 2;
}

static void holder_remove(struct claim *c, uint32_t index)
{
	keys_contested -= c->holders == 2;
	c->holders--;
	c->sum -= index;
}

static int key_take(const struct session_key *key, uint32_t index)
{
	struct claim *c = claim_at(key);
	int rc = make_entry(key);

	if (rc == 0)
		holder_add(c, index, index);
	return rc;
}

static void key_untake(const struct session_key *key, uint32_t index)
{
	struct claim *c = claim_at(key);

	holder_remove(c, index);
	key_settle(key);
	if (c->holders == 0)
		drop_entry(key);
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

/* ==== claims of a change ==== */

static uint32_t slice_uses[LIMIT_SLICES + 1];
static uint32_t gtpu_uses[LIMIT_GTPU + 1];

/* ---- refusals ---- */

static int fail_taken(
	struct rpc_error *err, const char *path, const char *what, const char *kind, const char *by)
{
	rpc_fail(err, RPC_ERR_CONFLICT, "%s: %s is taken by %s%s", path, what, kind, by);
	snprintf(err->path, sizeof(err->path), "%s", path);
	snprintf(err->got, sizeof(err->got), "%s", what);
	snprintf(err->with, sizeof(err->with), "%s%s", kind, by);
	return -1;
}

static bool is_prefix(const struct session_key *key, const struct api_ip *ip)
{
	return ip->family == key->family && ip->len == key->len &&
	       memcmp(ip->bytes, key->bytes, 16) == 0;
}

/* Where in what was put a key comes from, and how it reads. */
static void name_key(const struct session_key *key, const struct api_session *put, char *path,
	size_t path_size, char *what)
{
	const struct api_ip *ip = &put->ue.ipv6;

	snprintf(path, path_size, "ue.ipv6");
	if (key->kind == KEY_TEID) {
		uint32_t i = 0;

		while (i + 1 < put->pdrs.count && (put->pdrs.item[i].teid != key->low ||
							  put->pdrs.item[i].gtpu_id != key->where))
			i++;
		snprintf(path, path_size, "pdrs[%u].teid", i);
		snprintf(what, 64, "TEID %u", key->low);
		return;
	}
	if (key->kind == KEY_UE4) {
		snprintf(path, path_size, "ue.ipv4");
		ip = &put->ue.ipv4;
	}
	for (uint32_t i = 0; key->kind == KEY_PREFIX && i < put->ue.framed.count; i++)
		if (is_prefix(key, &put->ue.framed.item[i])) {
			snprintf(path, path_size, "ue.framed[%u]", i);
			ip = &put->ue.framed.item[i];
		}
	api_ip_format(ip, key->kind != KEY_UE4, what);
}

static int fail_key(const struct session_key *key, const struct api_session *put, uint32_t owner,
	struct rpc_error *err)
{
	char path[64], what[80];

	name_key(key, put, path, sizeof(path), what);
	return fail_taken(err, path, what, "session ", session_name(owner));
}

/* What another has yet is not left again: who asked for it would get no answer. */
static int check_left(const struct session_keys *left, uint32_t index,
	const struct api_session *put, struct rpc_error *err)
{
	for (uint32_t i = 0; i < left->n; i++) {
		const struct claim *c = claim_of(&left->key[i]);
		bool teid = left->key[i].kind == KEY_TEID;

		if (c == NULL || c->holders < 2 || c->taker != index)
			continue;
		rpc_fail(err, RPC_ERR_CONFLICT,
			"%s that the session took from another in this transaction is left again",
			teid ? "a TEID" : "an address");
		snprintf(err->with, sizeof(err->with), "the session itself");
		if (put != NULL)
			snprintf(err->path, sizeof(err->path), teid ? "pdrs" : "ue");
		return -1;
	}
	return 0;
}

const struct session_slices *session_slices;

/* What of the slice itself stands where the UE's address should. */
static const char *slice_holder(const struct session_key *key)
{
	struct api_ip ip = {.family = key->family, .len = key->len};

	if (key->kind == KEY_TEID)
		return NULL;
	memcpy(ip.bytes, key->bytes, 16);
	if (key->kind == KEY_UE4) {
		ip = (struct api_ip){.family = 4, .len = 32};
		memcpy(ip.bytes, &(uint32_t){rte_cpu_to_be_32(key->low)}, 4);
	} else if (key->kind == KEY_UE6) {
		ip.family = 6;
		ip.len = 64;
	}
	if (session_slices != NULL)
		return session_slices->holder(key->where, &ip, key->kind == KEY_PREFIX);
	switch (fib_owner_of(key->where, &ip)) {
	case FIB_GATEWAY:
		return "a gateway address of the slice";
	case FIB_CONNECTED:
		return "a network of an attachment of the slice";
	case FIB_ROUTE:
		return key->kind == KEY_PREFIX ? "a route of the slice" : NULL;
	default:
		return NULL;
	}
}

int check_teids(const struct plan *p, struct rpc_error *err)
{
	for (uint32_t k = 0; k < p->ways; k++) {
		const struct way *w = &p->way[k];
		struct session_key key = {.kind = KEY_TEID, .where = w->gtpu, .low = w->teid};
		uint32_t owner = key_owner(&key);
		/* then it has none to be lent */
		bool keyless =
			TEID_SESSION(w->teid) == p->index && TEID_GROUP(w->teid) == w->number;

		if (w->gtpu == 0 || w->choose || owner == 0 || owner == p->index)
			continue;
		if (keyless || !key_may_lend(&key))
			return fail_key(&key, p->put, owner, err);
	}
	return 0;
}

/* ---- keys ---- */

static int claim_one(const struct session_key *key, uint32_t index, const struct api_session *put,
	struct rpc_error *err)
{
	uint32_t owner = key_owner(key);
	const char *holder = slice_holder(key);
	char path[64], what[80];
	int rc;

	if (owner != 0 && owner != index && !key_may_lend(key))
		return fail_key(key, put, owner, err);
	if (holder != NULL) {
		name_key(key, put, path, sizeof(path), what);
		return fail_taken(err, path, what, "", holder);
	}
	rc = key_take(key, index);
	return rc == 0 ? 0
		       : fail_room(err, rc, key->kind == KEY_TEID ? "a TEID" : "a UE's address",
				 2LL * LIMIT_SESSIONS);
}

int claim_keys(uint32_t index, const struct keyed *before, const struct keyed *after,
	const struct api_session *put, struct rpc_error *err)
{
	struct session_keys taken, left;

	keys_beside(index, after, before, &taken);
	keys_beside(index, before, after, &left);
	if (check_left(&left, index, put, err) != 0)
		return -1;
	if (claims_reserve(taken.n + left.n) != 0)
		return fail_room(err, -ENOMEM, "the change", 0);
	for (uint32_t i = 0; i < taken.n; i++) {
		if (claim_one(&taken.key[i], index, put, err) == 0)
			continue;
		while (i-- > 0)
			key_untake(&taken.key[i], index);
		return -1;
	}
	for (uint32_t i = 0; i < left.n; i++)
		holder_remove(claim_at(&left.key[i]), index);
	return 0;
}

void unclaim_keys(uint32_t index, const struct keyed *before, const struct keyed *after)
{
	struct session_keys taken, left;

	keys_beside(index, after, before, &taken);
	keys_beside(index, before, after, &left);
	for (uint32_t i = 0; i < left.n; i++) {
		struct claim *c = claim_at(&left.key[i]);

		holder_add(c, index, c->sum); /* who has it now came to it later */
	}
	for (uint32_t i = 0; i < taken.n; i++)
		key_untake(&taken.key[i], index);
}

int session_settled(uint32_t *cursor, uint32_t *index, struct rpc_error *err)
{
	struct api_session s;

	if (!upf_is_started() || keys_contested == 0)
		return 0;
	for (; *cursor < claim_room; ++*cursor) {
		const struct claim *c = &claims[*cursor];

		if (c->turn != turn || c->holders < 2)
			continue;
		++*cursor;
		*index = c->taker;
		if (!session_get(*index, &s))
			return fail_room(err, -ENOMEM, "the answer", 0);
		return fail_key(&c->key, &s, c->sum - c->taker, err);
	}
	return 0;
}

/* ---- slices ---- */

static int check_slice(const struct plan *p, uint16_t id, const char *path, struct rpc_error *err)
{
	bool l3;

	if (id == 0 || (session_slices == NULL && !slice_is_live(id)))
		return 0;
	l3 = session_slices != NULL ? session_slices->is_l3(id)
				    : (slice_hot[id].flags & SLICE_IS_L3) != 0;
	if (!p->ethernet == l3)
		return 0;
	return rpc_fail_value(err, path,
		p->ethernet ? "a slice of kind l2: the session carries Ethernet frames"
			    : "a slice of kind l3: the session carries IP packets",
		p->ethernet ? "kind l3" : "kind l2");
}

static bool has_address(const struct api_ue *ue)
{
	return ue->ipv4.family != 0 || ue->ipv6.family != 0 || ue->framed.count > 0;
}

static bool wants_frames(const struct api_session *s)
{
	if (s->ethernet)
		return true;
	for (uint32_t i = 0; i < s->pdrs.count; i++)
		if (s->pdrs.item[i].ethernet.count > 0)
			return true;
	return session_slices == NULL && !has_address(&s->ue) && slice_is_live(s->slice_id) &&
	       !(slice_hot[s->slice_id].flags & SLICE_IS_L3);
}

int check_slices(struct plan *p, struct rpc_error *err)
{
	const struct api_session *s = p->put;
	char path[64];

	p->ethernet = wants_frames(s);
	if (check_slice(p, s->slice_id, "slice", err) != 0)
		return -1;
	for (uint32_t i = 0; i < s->pdrs.count; i++) {
		snprintf(path, sizeof(path), "pdrs[%u].slice", i);
		if (check_slice(p, s->pdrs.item[i].slice_id, path, err) != 0)
			return -1;
	}
	for (uint32_t i = 0; i < s->fars.count; i++) {
		snprintf(path, sizeof(path), "fars[%u].slice", i);
		if (check_slice(p, s->fars.item[i].slice_id, path, err) != 0)
			return -1;
	}
	for (uint32_t k = 0; k < p->ways; k++)
		if (p->way[k].gtpu == 0 && !p->ethernet && !has_address(&s->ue)) {
			snprintf(path, sizeof(path), "pdrs[%u].gtpu", p->way[k].pdr[0]);
			return rpc_fail_value(err, path,
				"an F-TEID, or an address of the UE by which its packets are found",
				"neither");
		}
	return 0;
}

/* ---- uses ---- */

static uint64_t gtpus_of(const struct api_session *s, const struct session_block *b)
{
	uint64_t set = 0;
	struct api_ip address;
	uint16_t id;

	for (uint32_t i = 0; i < s->pdrs.count; i++)
		if (s->pdrs.item[i].gtpu_id != 0)
			set |= 1ull << (s->pdrs.item[i].gtpu_id - 1);
	for (uint32_t i = 0; i < s->fars.count; i++) {
		const struct api_far *f = &s->fars.item[i];

		if (f->outer_header.gtpu_id != 0)
			set |= 1ull << (f->outer_header.gtpu_id - 1);
		if (f->duplicate_to.gtpu_id != 0)
			set |= 1ull << (f->duplicate_to.gtpu_id - 1);
	}
	for (uint32_t i = 0; i < b->groups; i++) {
		const struct session_group *g = session_group_at(b, i);

		for (uint32_t k = 0; k < g->acts; k++)
			if (peer_describe(session_acts(g)[k].peer, &id, &address))
				set |= 1ull << (id - 1);
	}
	return set;
}

static void count_slices(const struct api_session *s, int by)
{
	uint16_t seen[1 + LIMIT_SESSION_PDRS + LIMIT_SESSION_FARS];
	uint32_t n = 0, k;

	for (uint32_t i = 0; i < 1 + s->pdrs.count + s->fars.count; i++) {
		uint16_t id = i == 0		   ? s->slice_id
			      : i <= s->pdrs.count ? s->pdrs.item[i - 1].slice_id
						   : s->fars.item[i - 1 - s->pdrs.count].slice_id;

		for (k = 0; k < n && seen[k] != id; k++)
			;
		if (k < n || id == 0)
			continue;
		seen[n++] = id;
		slice_uses[id] += by;
	}
}

void count_uses(const struct api_session *s, const struct session_block *b, int by)
{
	count_slices(s, by);
	for (uint64_t set = gtpus_of(s, b); set != 0; set &= set - 1)
		gtpu_uses[__builtin_ctzll(set) + 1] += by;
}

void uses_fini(void)
{
	memset(slice_uses, 0, sizeof(slice_uses));
	memset(gtpu_uses, 0, sizeof(gtpu_uses));
}

uint32_t session_using_slice(uint16_t slice)
{
	return slice <= LIMIT_SLICES ? slice_uses[slice] : 0;
}

uint32_t session_using_gtpu(uint16_t gtpu)
{
	return gtpu <= LIMIT_GTPU ? gtpu_uses[gtpu] : 0;
}

const char *session_name_using_gtpu(uint16_t gtpu)
{
	static struct session_model m;

	for (uint32_t i = index_after(0); i != 0; i = index_after(i)) {
		session_unpack(pool_at(&pack_pool, 0, session_cold[i].now.pack), &m);
		if (gtpus_of(&m.cfg, block_of(&session_cold[i].now)) >> (gtpu - 1) & 1)
			return session_name(i);
	}
	return NULL;
}

uint32_t session_owning(uint16_t slice, const struct api_ip *prefix, bool address)
{
	struct session_key key = {.where = slice};
	uint32_t owner = 0, be;

	if (!upf_is_started())
		return 0;
	if (address && prefix->family == 4 && prefix->len == 32) {
		memcpy(&be, prefix->bytes, 4);
		key.kind = KEY_UE4;
		key.low = rte_be_to_cpu_32(be);
		owner = key_owner(&key);
	} else if (address && prefix->family == 6 && prefix->len >= 64) {
		key.kind = KEY_UE6;
		memcpy(key.bytes, prefix->bytes, 8);
		owner = key_owner(&key);
	}
	if (owner != 0)
		return owner;
	key = (struct session_key){
		.kind = KEY_PREFIX, .where = slice, .family = prefix->family, .len = prefix->len};
	memcpy(key.bytes, prefix->bytes, sizeof(key.bytes));
	return key_owner(&key);
}
