/* SPDX-License-Identifier: BSD-3-Clause */
/* What a session wants for itself alone (F-TEIDs, the UE's addresses), what it uses with others
 * (slices, own addresses), and the refusals. Main thread only. Owns the counts of uses. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fib.h"
#include "hot.h"
#include "peer.h"
#include "schema.h"
#include "session_change.h"
#include "slice.h"

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

/* What was taken from another in this transaction, and is left in it. */
static void fail_again(struct rpc_error *err, const struct api_session *put, bool teid)
{
	rpc_fail(err, RPC_ERR_CONFLICT,
		"%s that the session took from another in this transaction is left again",
		teid ? "a TEID" : "an address");
	snprintf(err->with, sizeof(err->with), "the session itself");
	if (put != NULL)
		snprintf(err->path, sizeof(err->path), teid ? "pdrs" : "ue");
}

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

struct key_lists {
	struct session_key before[SESSION_KEYS_MAX], after[SESSION_KEYS_MAX];
	uint32_t n_before, n_after;
};

static void list_keys(
	uint32_t index, const struct keyed *before, const struct keyed *after, struct key_lists *l)
{
	l->n_before = l->n_after = 0;
	if (before->block != NULL)
		l->n_before = keys_of_block(index, before->block, before->ue, l->before);
	if (after->block != NULL)
		l->n_after = keys_of_block(index, after->block, after->ue, l->after);
}

static void untake(const struct key_lists *l, uint32_t n)
{
	while (n-- > 0)
		if (!key_is_among(&l->after[n], l->before, l->n_before))
			key_untake(&l->after[n]);
}

static void unrelease(const struct key_lists *l, uint32_t index, uint32_t n)
{
	while (n-- > 0)
		if (!key_is_among(&l->before[n], l->after, l->n_after))
			key_unrelease(&l->before[n], index);
}

int claim_keys(uint32_t index, const struct keyed *before, const struct keyed *after,
	const struct api_session *put, struct rpc_error *err)
{
	struct key_lists l;
	uint32_t taken, left;
	int rc;

	list_keys(index, before, after, &l);
	for (taken = 0; taken < l.n_after; taken++)
		if (!key_is_among(&l.after[taken], l.before, l.n_before) &&
			claim_one(&l.after[taken], index, put, err) != 0)
			goto err_taken;
	for (left = 0; left < l.n_before; left++)
		if (!key_is_among(&l.before[left], l.after, l.n_after) &&
			(rc = key_release(&l.before[left], index)) != 0)
			goto err_left;
	return 0;

err_left:
	if (rc == -EBUSY)
		fail_again(err, put, l.before[left].kind == KEY_TEID);
	else
		fail_room(err, rc, "the change", 0);
	unrelease(&l, index, left);
err_taken:
	untake(&l, taken);
	return -1;
}

void unclaim_keys(uint32_t index, const struct keyed *before, const struct keyed *after)
{
	struct key_lists l;

	list_keys(index, before, after, &l);
	unrelease(&l, index, l.n_before);
	untake(&l, l.n_after);
}

int session_settled(uint32_t *cursor, uint32_t *index, struct rpc_error *err)
{
	struct session_key key;
	struct api_session s;
	uint32_t lender;

	if (!upf_is_started() || !key_owed(cursor, &key, index, &lender))
		return 0;
	if (!session_get(*index, &s))
		return fail_room(err, -ENOMEM, "the answer", 0);
	return fail_key(&key, &s, lender, err);
}

/* ---- slices ---- */

static int check_slice(const struct plan *p, uint16_t id, const char *path, struct rpc_error *err)
{
	if (id == 0 || !slice_is_live(id)) /* of the same transaction: rpc/ knows its kind */
		return 0;
	if (!p->ethernet == ((slice_hot[id].flags & SLICE_IS_L3) != 0))
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
	return !has_address(&s->ue) && slice_is_live(s->slice_id) &&
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
