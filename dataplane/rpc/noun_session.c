/* SPDX-License-Identifier: BSD-3-Clause */
/* session: checked in itself by gtp/, its names looked up here, the rest by pipelines/upf, which
 * also keeps it. Owns nothing. */
#include "noun_session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "networks.h"
#include "nouns.h"
#include "noun_route.h"
#include "noun_address.h"
#include "peer.h"
#include "session.h"
#include "session_check.h"
#include "underlay.h"

/* Which sessions the transaction has put. */
struct session_place {
	uint16_t mark; /* 1 */
	uint16_t index_low, index_high;
};
struct staged_session {
	struct session_place place;
	struct tx_place put;	/* also one that was refused */
	struct tx_place stands; /* the last one that was not */
};

/* ---- slices ---- */

/* The slice that a rule names, or `preset`; one where UEs can be. */
static int resolve_slice(
	const char *name, const struct object *preset, uint16_t *id, struct rpc_error *err)
{
	const struct object *slice = *name ? model_find(OBJECT_SLICE, name) : preset;

	if (!slice)
		return noun_fail_missing(err, "slice", OBJECT_SLICE, name);
	if (slice->now->data->slice.kind != preset->now->data->slice.kind)
		return rpc_fail_value(err, "slice",
			preset->now->data->slice.kind == SLICE_L3 ? "an l3 slice, as the session's"
								  : "an l2 slice, as the session's",
			name);
	*id = slice->id;
	return 0;
}

/* IP sessions are in l3 slices, Ethernet sessions in l2 slices. */
static int check_kind(
	const struct api_session *s, const struct object *slice, struct rpc_error *err)
{
	bool l3 = slice->now->data->slice.kind == SLICE_L3;
	bool ue = s->ue.ipv4.family || s->ue.ipv6.family || s->ue.framed.count;

	if (!l3 && ue)
		return rpc_fail_value(err, "slice",
			"an l3 slice: in an l2 slice a UE has no addresses", s->slice);
	for (uint32_t i = 0; l3 && i < s->pdrs.count; i++)
		if (s->pdrs.item[i].ethernet.count) {
			rpc_fail_value(
				err, "slice", "an l2 slice: PDRs have Ethernet filters", s->slice);
			return -1;
		}
	return 0;
}

/* ---- own addresses ---- */

/* What is removed must be what can arrive there. */
static int check_removal(const struct api_pdr *pdr, uint8_t family, struct rpc_error *err)
{
	bool wrong = family == 4 ? pdr->outer_header_removal == REMOVE_GTPU_IPV6
				 : pdr->outer_header_removal == REMOVE_GTPU_IPV4;
	char got[16];

	if (!wrong)
		return 0;
	snprintf(got, sizeof(got), "%u", pdr->outer_header_removal);
	return rpc_fail_value(err, "outer_header_removal",
		family == 4 ? "0 or 6: the gtpu is over IPv4" : "1 or 6: the gtpu is over IPv6",
		got);
}

static int resolve_pdr(struct api_pdr *pdr, const struct object *slice, struct rpc_error *err)
{
	const struct object *gtpu;

	if (resolve_slice(pdr->slice, slice, &pdr->slice_id, err))
		return -1;
	if (!pdr->gtpu[0])
		return 0;
	gtpu = model_find(OBJECT_GTPU, pdr->gtpu);
	if (!gtpu)
		return noun_fail_missing(err, "gtpu", OBJECT_GTPU, pdr->gtpu);
	pdr->gtpu_id = gtpu->id;
	return check_removal(pdr, gtpu->now->data->gtpu.address.family, err);
}

uint16_t noun_session_own_gtpu(
	const struct api_session *s, uint32_t destination, const struct api_outer_header *outer)
{
	for (uint32_t i = 0; i < s->pdrs.count; i++) {
		uint16_t id = s->pdrs.item[i].gtpu_id;
		const struct object *gtpu = id ? model_by_id(OBJECT_GTPU, id) : NULL;

		if (gtpu && gtpu->now->data->gtpu.interface == destination &&
			gtpu->now->data->gtpu.address.family == outer->peer.family)
			return id;
	}
	return 0;
}

/* The box's first one as the transaction leaves it: what goes with it is none. 0: there is none. */
static uint16_t any_gtpu(uint32_t interface, uint8_t family)
{
	uint16_t first = 0;

	for (struct object *obj = model_after(OBJECT_GTPU, ""); obj; obj = model_next(obj)) {
		const struct api_gtpu *gtpu = &obj->now->data->gtpu;

		if (gtpu->interface == interface && gtpu->address.family == family &&
			(!first || obj->id < first))
			first = obj->id;
	}
	return first;
}

/* What the session itself is reached at goes first: a gNB expects its answers from there. */
static uint16_t preset_gtpu(
	const struct api_session *s, uint32_t destination, const struct api_outer_header *outer)
{
	uint16_t id = noun_session_own_gtpu(s, destination, outer);

	if (!id)
		id = any_gtpu(destination, outer->peer.family);
	return id ? id : any_gtpu(!destination, outer->peer.family);
}

static int resolve_outer(const struct api_session *s, uint32_t destination,
	struct api_outer_header *outer, const char *field, struct rpc_error *err)
{
	const struct object *gtpu;
	char path[48];

	if (!outer->teid)
		return 0;
	if (!noun_ip_unicast(&outer->peer)) {
		snprintf(path, sizeof(path), "%s.peer", field);
		return noun_fail_ip(err, path, "a unicast address", &outer->peer, false);
	}
	snprintf(path, sizeof(path), "%s.gtpu", field);
	if (!outer->gtpu[0]) {
		outer->gtpu_id = preset_gtpu(s, destination, outer);
		return outer->gtpu_id
			       ? 0
			       : rpc_fail_value(err, path,
					 outer->peer.family == 4 ? "a gtpu with an IPv4 address"
								 : "a gtpu with an IPv6 address",
					 "none in this box");
	}
	gtpu = model_find(OBJECT_GTPU, outer->gtpu);
	if (!gtpu)
		return noun_fail_missing(err, path, OBJECT_GTPU, outer->gtpu);
	if (gtpu->now->data->gtpu.address.family != outer->peer.family)
		return rpc_fail_value(
			err, path, "a gtpu of the peer's address family", outer->gtpu);
	outer->gtpu_id = gtpu->id;
	return 0;
}

static int resolve_far(const struct api_session *s, struct api_far *far, const struct object *slice,
	struct rpc_error *err)
{
	if (resolve_slice(far->slice, slice, &far->slice_id, err) ||
		resolve_outer(s, far->destination, &far->outer_header, "outer_header", err))
		return -1;
	return resolve_outer(s, far->destination, &far->duplicate_to, "duplicate_to", err);
}

/* Ids for all names. */
static int resolve(struct api_session *s, struct rpc_error *err)
{
	const struct object *slice = model_find(OBJECT_SLICE, s->slice);

	if (!slice)
		return noun_fail_missing(err, "slice", OBJECT_SLICE, s->slice);
	s->slice_id = slice->id;
	s->ethernet = slice->now->data->slice.kind == SLICE_L2;
	if (check_kind(s, slice, err))
		return -1;
	for (uint32_t i = 0; i < s->pdrs.count; i++) {
		if (resolve_pdr(&s->pdrs.item[i], slice, err)) {
			rpc_error_prefix(err, "pdrs[%u]", i);
			return -1;
		}
	}
	for (uint32_t i = 0; i < s->fars.count; i++) {
		if (resolve_far(s, &s->fars.item[i], slice, err)) {
			rpc_error_prefix(err, "fars[%u]", i);
			return -1;
		}
	}
	return 0;
}

/* ---- what stands in the slice ---- */

static const struct tx *running;

static bool is_l3(uint16_t id)
{
	const struct object *slice = model_by_id(OBJECT_SLICE, id);

	return slice && slice->now->data->slice.kind == SLICE_L3;
}

/* Objects and routes have entered by now. */
static const char *holder(uint16_t id, const struct api_ip *prefix, bool route)
{
	const struct object *slice = model_by_id(OBJECT_SLICE, id);
	bool host = prefix->len == (prefix->family == 4 ? 32 : 128);

	if (host && slice && (gateway_holder(slice, prefix) || network_reserving(id, prefix)))
		return "a gateway address of the slice";
	if (network_find(id, prefix))
		return "a network of an attachment of the slice";
	return route && fib_route_staged(running, id, prefix) ? "a route of the slice" : NULL;
}

static int prepare(const struct tx *tx, const struct api_session *s, struct session_change **change,
	struct rpc_error *err)
{
	static const struct session_slices slices = {.is_l3 = is_l3, .holder = holder};
	int rc;

	running = tx;
	session_slices = &slices;
	rc = session_prepare(s, change, err);
	session_slices = NULL;
	return rc;
}

/* ---- put and delete ---- */

static struct session_place place_of(uint32_t session)
{
	return (struct session_place){1, (uint16_t)session, session >> 16};
}

/* This op names the session that has this index now; NULL with err: it did before. */
static struct staged_session *stage(struct tx *tx, const union api_object *data, uint32_t session,
	uint32_t index, struct rpc_error *err)
{
	struct session_place place = place_of(session);
	struct staged_session *staged = keymap_add(&tx->rows[OBJECT_SESSION].staged, &place);

	if (!staged)
		rpc_fail(err, RPC_ERR_INTERNAL, "out of memory");
	else if (tx_put_once(tx, &staged->put, index, &api_types[OBJECT_SESSION], data, err))
		staged = NULL;
	return staged;
}

static int add_chosen(
	struct tx *tx, const char *session, uint32_t pdr, uint32_t teid, struct rpc_error *err)
{
	json_t *one = json_object();

	if (!tx->chosen)
		tx->chosen = json_array();
	if (one && !json_object_set_new_nocheck(one, "session", json_string_nocheck(session)) &&
		!json_object_set_new_nocheck(one, "pdr", json_integer(pdr)) &&
		!json_object_set_new_nocheck(one, "teid", json_integer(teid)) &&
		!json_array_append_new(tx->chosen, one))
		return 0;
	return rpc_fail(err, RPC_ERR_INTERNAL, "out of memory");
}

/* Every PDR that was put without its TEID gets it told, whether it was chosen now or stays what it
 * was: who put it may never have seen the answer before. */
static int tell_chosen(struct tx *tx, const struct api_session *s, uint32_t session,
	const struct session_change *change, struct rpc_error *err)
{
	uint32_t pdr, teid;

	for (uint32_t n = 0; change && session_chosen(change, n, &pdr, &teid); n++)
		if (add_chosen(tx, s->name, pdr, teid, err))
			return -1;
	for (uint32_t n = 0; !change && session_chosen_of(session, n, &pdr, &teid); n++)
		if (add_chosen(tx, s->name, pdr, teid, err))
			return -1;
	return 0;
}

static int session_put(struct tx *tx, union api_object *data, uint32_t index, struct rpc_error *err)
{
	struct api_session *s = &data->session;
	struct session_change *change = NULL;
	uint32_t before = session_find(s->name);
	struct staged_session *staged = NULL;
	int rc;

	if (session_check(s, err) || resolve(s, err) ||
		(before && !(staged = stage(tx, data, before, index, err))) ||
		tx_step_room(tx, OBJECT_SESSION, err))
		return -1;
	rc = prepare(tx, s, &change, err);
	if (rc < 0)
		return -1;
	if (rc > 0)
		tx_step_add(tx, OBJECT_SESSION, &change);
	if (rc == 0)
		tx->unchanged++;
	else if (before)
		tx->updated++;
	else
		tx->created++;
	if (!before && !(staged = stage(tx, data, session_find(s->name), index, err)))
		return -1;
	if (rc > 0)
		staged->stands = staged->put;
	return tell_chosen(tx, s, before, change, err);
}

static int session_remove(struct tx *tx, const union api_object *key, struct rpc_error *err)
{
	uint32_t index = session_find(key->session.name);
	struct session_change *change;

	if (!index)
		return 1;
	if (tx_step_room(tx, OBJECT_SESSION, err) ||
		session_prepare_delete(index, &change, err) < 0)
		return -1;
	tx_step_add(tx, OBJECT_SESSION, &change);
	tx->deleted++;
	return 0;
}

/* Errors of what could be judged only at the end, where the session was put. */
static void session_settle(struct tx *tx)
{
	uint32_t session, cursor = 0;
	struct rpc_error err = {0};

	while (session_settled(&cursor, &session, &err)) {
		struct session_place place = place_of(session);
		const struct staged_session *staged =
			keymap_find(&tx->rows[OBJECT_SESSION].staged, &place);

		if (staged && staged->stands.op)
			tx_refuse(tx, staged->stands.op - 1, staged->stands.index, &err);
	}
}

/* Together, those that go, too: a UE's address is its next session's at once. Peers that the
 * sessions are the first to name have their paths before packets can be sent there. */
static void commit_all(const void *steps, size_t count)
{
	underlay_resolve();
	session_commit((struct session_change **)steps, count);
}

static void session_rollback(const void *step)
{
	session_cancel(*(struct session_change *const *)step);
}

/* ---- answers ---- */

static int find(const union api_object *key, union api_object *out)
{
	return noun_session_describe(session_find(key->session.name), &out->session) ? 0 : -1;
}

/* One by its name is looked up rather than looked for. */
static uint32_t sessions_iterate(const struct page *page, const struct row_list *list,
	uint64_t *cursor, void *entries, uint32_t max)
{
	const char *name = match_text(page, "name");
	uint32_t *index = entries;

	if (!name)
		return session_iterate(cursor, index, max);
	*cursor = 0;
	*index = session_find(name);
	return *index ? 1 : 0;
}

static bool sessions_describe(const struct page *page, const void *entry, union api_object *out)
{
	const char *slice = match_text(page, "slice");

	return noun_session_describe(*(const uint32_t *)entry, &out->session) &&
	       (!slice || !strcmp(slice, out->session.slice));
}

static const struct row_list session_lists[] = {
	{0, sessions_iterate, sizeof(uint32_t), sessions_describe},
	{.iterate = NULL},
};

const struct backend session_backend = {
	.key_bytes = sizeof(struct session_place),
	.staged_bytes = sizeof(struct staged_session),
	.step_bytes = sizeof(struct session_change *),
	.together = true,
	.find = find,
	.put = session_put,
	.remove = session_remove,
	.settle = session_settle,
	.commit = commit_all,
	.rollback = session_rollback,
	.check_unused = noun_session_check_unused,
	.lists = session_lists,
	.stats = noun_session_stats,
};
