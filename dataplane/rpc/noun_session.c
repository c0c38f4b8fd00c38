/* SPDX-License-Identifier: BSD-3-Clause */
/* session: checked in itself by gtp/, its names looked up here, the rest by pipelines/upf, which
 * also keeps it. Owns nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hold_count.h"
#include "networks.h"
#include "nouns.h"
#include "peer.h"
#include "session.h"
#include "session_check.h"
#include "underlay.h"
#include "urr.h"

#define STATS_MAX 65536 /* sessions in an answer that names none */

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

/* The own address that an outer header is sent from when it names none: one at which the session is
 * reached itself, of the destination's side and the peer's family; 0: there is none (then any of
 * the box's). Ids of the PDRs' gtpus must be filled in. */
static uint16_t own_gtpu(
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
	uint16_t id = own_gtpu(s, destination, outer);

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

/* ---- names for ids; what was left out stays out ---- */

static void name_of(enum object_type type, uint16_t id, uint16_t preset, char *name)
{
	const struct object *obj = id && id != preset ? model_by_id(type, id) : NULL;

	strcpy(name, obj ? obj->key : "");
}

/* What is not the session's own is shown: which one of the box's it was may depend on when it was
 * put. */
static void name_outer(
	const struct api_session *s, uint32_t destination, struct api_outer_header *outer)
{
	if (outer->teid)
		name_of(OBJECT_GTPU, outer->gtpu_id, own_gtpu(s, destination, outer), outer->gtpu);
}

static bool describe(uint32_t index, struct api_session *out)
{
	if (!index || !session_get(index, out))
		return false;
	name_of(OBJECT_SLICE, out->slice_id, 0, out->slice);
	for (uint32_t i = 0; i < out->pdrs.count; i++) {
		struct api_pdr *pdr = &out->pdrs.item[i];

		name_of(OBJECT_SLICE, pdr->slice_id, out->slice_id, pdr->slice);
		name_of(OBJECT_GTPU, pdr->gtpu_id, 0, pdr->gtpu);
	}
	for (uint32_t i = 0; i < out->fars.count; i++) {
		struct api_far *far = &out->fars.item[i];

		name_of(OBJECT_SLICE, far->slice_id, out->slice_id, far->slice);
		name_outer(out, far->destination, &far->outer_header);
		name_outer(out, far->destination, &far->duplicate_to);
	}
	return true;
}

/* ---- in use ---- */

static bool names_slice(const struct api_session *s, uint16_t slice)
{
	bool found = s->slice_id == slice;

	for (uint32_t i = 0; i < s->pdrs.count; i++)
		found |= s->pdrs.item[i].slice_id == slice;
	for (uint32_t i = 0; i < s->fars.count; i++)
		found |= s->fars.item[i].slice_id == slice;
	return found;
}

/* A transaction may have many slices to refuse, and the first sessions may be of none of them. */
#define LOOKED_THROUGH_MOST 65536
static uint32_t left = LOOKED_THROUGH_MOST;

void noun_session_rest(void)
{
	left = LOOKED_THROUGH_MOST;
}

/* Some session of the slice; NULL: not among the first so many. */
static const char *name_using_slice(uint16_t slice)
{
	uint32_t index[64];
	struct api_session s;
	uint64_t cursor = 0;

	while (left) {
		uint32_t n = session_iterate(&cursor, index, 64);

		for (uint32_t i = 0; i < n; i++)
			if (session_get(index[i], &s) && names_slice(&s, slice))
				return session_name(index[i]);
		left -= n < left ? n : left;
		if (!cursor)
			break;
	}
	return NULL;
}

static int check_unused(struct rpc_error *err, const struct object *obj)
{
	enum object_type type = obj->type->type;
	uint32_t count = type == OBJECT_SLICE  ? session_using_slice(obj->id)
			 : type == OBJECT_GTPU ? session_using_gtpu(obj->id)
					       : 0;
	const char *name;
	char by[96];

	if (!count)
		return 0;
	name = type == OBJECT_SLICE ? name_using_slice(obj->id) : session_name_using_gtpu(obj->id);
	if (name)
		snprintf(by, sizeof(by), "session %s", name);
	else
		snprintf(by, sizeof(by), "%u sessions", count);
	return noun_fail_in_use(err, obj, by);
}

int noun_session_check_free(
	struct rpc_error *err, uint16_t slice, const struct api_ip *prefix, bool address)
{
	uint32_t index = session_owning(slice, prefix, address);
	char label[96];

	if (!index)
		return 0;
	snprintf(label, sizeof(label), "session %s", session_name(index));
	return noun_fail_conflict(err, "prefix", label, "it is the UE's of %s", label);
}

/* ---- counters ---- */

static void set(json_t *out, const char *name, uint64_t value)
{
	json_object_set_new_nocheck(out, name, json_integer(value));
}

static json_t *urrs_json(uint32_t index, const struct api_urrs *urrs)
{
	json_t *out = json_object();

	for (uint32_t i = 0; i < urrs->count; i++) {
		struct urr_counters c = {0};
		json_t *one = json_object();
		char id[16];

		urr_read(index, i, &c);
		set(one, "ul_packets", c.ul_packets);
		set(one, "ul_bytes", c.ul_bytes);
		set(one, "dl_packets", c.dl_packets);
		set(one, "dl_bytes", c.dl_bytes);
		set(one, "total_packets", c.ul_packets + c.dl_packets);
		set(one, "total_bytes", c.ul_bytes + c.dl_bytes);
		snprintf(id, sizeof(id), "%u", urrs->item[i].id);
		json_object_set_new_nocheck(out, id, one);
	}
	return out;
}

static void stats_one(uint32_t index, json_t *out)
{
	struct session_counters c = {0};
	json_t *one = json_object();
	struct api_session s;

	session_counters_read(index, &c);
	set(one, "ul_packets", c.ul_packets);
	set(one, "ul_bytes", c.ul_bytes);
	set(one, "dl_packets", c.dl_packets);
	set(one, "dl_bytes", c.dl_bytes);
	set(one, "dropped", c.dropped);
	set(one, "held", hold_count(index));
	if (session_get(index, &s) && s.urrs.count)
		json_object_set_new_nocheck(one, "urrs", urrs_json(index, &s.urrs));
	json_object_set_new_nocheck(out, session_name(index), one);
}

static int stats_all(json_t *out, struct rpc_error *err)
{
	uint32_t index[64];
	uint64_t cursor = 0;

	if (session_count() > STATS_MAX) {
		rpc_fail(err, RPC_ERR_CAPACITY,
			"%u sessions are too many for one answer: name those wanted in keys",
			session_count());
		snprintf(err->path, sizeof(err->path), "keys");
		err->limit = STATS_MAX;
		return -1;
	}
	do {
		uint32_t n = session_iterate(&cursor, index, 64);

		for (uint32_t i = 0; i < n; i++)
			stats_one(index[i], out);
	} while (cursor);
	return 0;
}

static int stats(const json_t *keys, json_t *out, struct rpc_error *err)
{
	char got[100], path[32];
	size_t at;
	json_t *json;

	if (!keys)
		return stats_all(out, err);
	json_array_foreach (keys, at, json) {
		const char *name = json_string_value(json);
		uint32_t index = name ? session_find(name) : 0;

		if (index) {
			stats_one(index, out);
			continue;
		}
		snprintf(path, sizeof(path), "keys[%zu]", at);
		if (!name)
			return rpc_fail_value(
				err, path, "a key: text", api_show(json, got, sizeof(got)));
		api_show(json, got, sizeof(got));
		rpc_fail(err, RPC_ERR_NOT_FOUND, "there is no session %s", got);
		strcpy(err->path, path);
		snprintf(err->got, sizeof(err->got), "%s", got);
		return -1;
	}
	return 0;
}

/* ---- answers ---- */

static int find(const union api_object *key, union api_object *out)
{
	return describe(session_find(key->session.name), &out->session) ? 0 : -1;
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

	return describe(*(const uint32_t *)entry, &out->session) &&
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
	.check_unused = check_unused,
	.lists = session_lists,
	.stats = stats,
};
