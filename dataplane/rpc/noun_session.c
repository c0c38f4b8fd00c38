/* SPDX-License-Identifier: BSD-3-Clause */
/* session: checked in itself by gtp/, its names looked up here, the rest by pipelines/upf, which
 * also keeps it. Owns what a transaction has named so far. */
#include "noun_session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "networks.h"
#include "noun.h"
#include "noun_route.h"
#include "noun_address.h"
#include "peer.h"
#include "session.h"
#include "session_check.h"

/* A message usually says many sessions of few slices and own addresses: the last names of each kind
 * are found at once, the latest first. Good for one op: objects may be freed between ops. */
#define NEAR 4
struct near {
	struct object *obj[NEAR];
};
static struct near near_slices, near_gtpus;
static uint64_t near_op;

static struct object *find_near(struct near *near, enum object_type type, const char *name)
{
	struct object *found;
	int at = 0;

	while (at < NEAR && near->obj[at] && strcmp(near->obj[at]->key, name))
		at++;
	found = at < NEAR ? near->obj[at] : NULL;
	if (!found) {
		found = model_find(type, name);
		if (!found)
			return NULL;
		at = at < NEAR ? at : NEAR - 1;
	}
	memmove(&near->obj[1], &near->obj[0], at * sizeof(near->obj[0]));
	near->obj[0] = found;
	return found;
}

static void begin_op(const struct tx *tx)
{
	if (near_op == tx->op)
		return;
	near_op = tx->op;
	near_slices = near_gtpus = (struct near){{NULL}};
}

/* ---- slices ---- */

/* The slice that a rule names, or `preset`; one where UEs can be. */
static int resolve_slice(
	const char *name, const struct object *preset, uint16_t *id, struct rpc_error *err)
{
	const struct object *slice = *name ? find_near(&near_slices, OBJECT_SLICE, name) : preset;

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
	gtpu = find_near(&near_gtpus, OBJECT_GTPU, pdr->gtpu);
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
	gtpu = find_near(&near_gtpus, OBJECT_GTPU, outer->gtpu);
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
	const struct object *slice = find_near(&near_slices, OBJECT_SLICE, s->slice);

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

/* This op names the session that has this index now: 0, or -1 when it did before. */
static int stage(struct tx *tx, const struct api_session *s, uint32_t session, uint32_t index,
	struct rpc_error *err)
{
	struct session_place place = {1, (uint16_t)session, session >> 16};
	size_t before = tx->sessions.count;
	struct staged_session *staged = keymap_add(&tx->sessions, &place);

	if (!staged)
		return rpc_fail(err, RPC_ERR_INTERNAL, "out of memory");
	if (tx->sessions.count == before) {
		rpc_fail(err, RPC_ERR_CONFLICT, "objects[%u] and objects[%u] are both session %s",
			staged->index, index, s->name);
		snprintf(err->with, sizeof(err->with), "objects[%u]", staged->index);
		return -1;
	}
	staged->index = index;
	return 0;
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

int noun_session_put(struct tx *tx, struct api_session *s, uint32_t index, struct rpc_error *err)
{
	struct session_change *change = NULL;
	uint32_t before = session_find(s->name);
	struct tx_step *step;
	int rc;

	begin_op(tx);
	if (session_check(s, err) || resolve(s, err) ||
		(before && stage(tx, s, before, index, err)))
		return -1;
	step = tx_next_step(tx);
	if (!step)
		return rpc_fail(err, RPC_ERR_INTERNAL, "out of memory");
	rc = prepare(tx, s, &change, err);
	if (rc < 0)
		return -1;
	if (rc > 0) {
		*step = (struct tx_step){.kind = TX_SESSION,
			.session = {change, session_find(s->name), tx->at, index}};
		tx->count++;
	}
	if (rc == 0)
		tx->unchanged++;
	else if (before)
		tx->updated++;
	else
		tx->created++;
	if (!before && stage(tx, s, session_find(s->name), index, err))
		return -1;
	return tell_chosen(tx, s, before, change, err);
}

int noun_session_delete(struct tx *tx, const struct api_session *s, struct rpc_error *err)
{
	uint32_t index = session_find(s->name);
	struct session_change *change;
	struct tx_step *step;

	if (!index)
		return 1;
	step = tx_next_step(tx);
	if (!step)
		return rpc_fail(err, RPC_ERR_INTERNAL, "out of memory");
	if (session_prepare_delete(index, &change, err) < 0)
		return -1;
	*step = (struct tx_step){.kind = TX_SESSION, .session = {.change = change}};
	tx->count++;
	tx->deleted++;
	return 0;
}
