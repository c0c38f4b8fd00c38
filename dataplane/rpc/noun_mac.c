/* SPDX-License-Identifier: BSD-3-Clause */
/* mac: static MACs, staged per transaction and kept in the MAC table alone. Owns the counts of
 * static MACs in slice, attachment, tunnel and member objects, which keep those from being
 * deleted. */
#include "noun_mac.h"

#include <stdio.h>
#include <string.h>

#include "fdb.h"
#include "noun.h"
#include "session.h"

/* A message usually says many MACs of one slice and door: the last name of each kind is found at
 * once. */
static struct object *find_near(enum object_type type, const char *name, struct object **near)
{
	if (!*near || strcmp((*near)->key, name))
		*near = model_find(type, name);
	return *near;
}

struct doors {
	struct object *slice, *attachment, *tunnel, *member;
	door_t door;
};

static struct object *near_slice, *near_attachment, *near_tunnel, *near_member;
static uint64_t near_op; /* objects may be freed between ops; the four are good for one op only */

static int find_attachment(const struct api_mac *mac, struct doors *out, struct rpc_error *err)
{
	out->attachment = find_near(OBJECT_ATTACHMENT, mac->attachment, &near_attachment);
	if (!out->attachment)
		return noun_fail_missing(err, "attachment", OBJECT_ATTACHMENT, mac->attachment);
	if (version_ref(out->attachment->now, OBJECT_SLICE) != out->slice)
		return rpc_fail_value(
			err, "attachment", "an attachment of the same slice", mac->attachment);
	out->door = DOOR_ATTACHMENT | out->attachment->id;
	return 0;
}

static int find_tunnel(const struct api_mac *mac, struct doors *out, struct rpc_error *err)
{
	out->tunnel = find_near(OBJECT_TUNNEL, mac->tunnel, &near_tunnel);
	if (!out->tunnel)
		return noun_fail_missing(err, "tunnel", OBJECT_TUNNEL, mac->tunnel);
	if (!near_member || version_ref(near_member->now, OBJECT_SLICE) != out->slice ||
		version_ref(near_member->now, OBJECT_TUNNEL) != out->tunnel)
		near_member = model_member(out->slice, out->tunnel);
	out->member = near_member;
	if (!out->member)
		return noun_fail_no_member(err, mac->slice, mac->tunnel);
	out->door = DOOR_TUNNEL | out->tunnel->id;
	return 0;
}

static struct object *find_slice(const struct tx *tx, const char *name)
{
	if (near_op != tx->op) {
		near_slice = near_attachment = near_tunnel = near_member = NULL;
		near_op = tx->op;
	}
	return find_near(OBJECT_SLICE, name, &near_slice);
}

/* The state of a MAC as this transaction sees it, in a place of the stage; NULL: no memory. */
static struct staged_mac *stage_state(
	struct tx *tx, const struct object *slice, const struct api_mac_addr *mac)
{
	struct mac_key key = {slice->id, *mac};
	struct staged_mac *state = keymap_find(&tx->macs, &key);
	struct fdb_entry entry;

	if (state)
		return state;
	state = keymap_add(&tx->macs, &key);
	if (state && !fdb_get(slice->id, mac, &entry)) {
		state->door = entry.door;
		state->is_static = entry.is_static;
		state->movable = entry.movable;
		state->overtaken = entry.overtaken;
	}
	return state;
}

/* One more static MAC of the slice: has it, has the box, room? Learned ones give way. */
static int check_room(const struct tx *tx, const struct object *slice, struct rpc_error *err)
{
	uint32_t max = slice->now->data->slice.max_macs;

	if (slice->macs >= max) {
		rpc_fail(err, RPC_ERR_CAPACITY, "slice %s holds at most %u MACs (its max_macs)",
			slice->key, max);
		err->limit = max;
		return -1;
	}
	if (tx->macs_added >= (int64_t)fdb_room()) {
		rpc_fail(err, RPC_ERR_CAPACITY, "the box holds at most %u MACs", LIMIT_MACS);
		err->limit = LIMIT_MACS;
		return -1;
	}
	return 0;
}

/* Counts a static MAC at everything it names. */
static void count(struct object *slice, door_t door, int by)
{
	bool tunnel = DOOR_KIND(door) == DOOR_TUNNEL;
	struct object *at, *member;

	if (!door)
		return;
	slice->macs += by;
	at = model_by_id(tunnel ? OBJECT_TUNNEL : OBJECT_ATTACHMENT, DOOR_ID(door));
	if (at)
		at->macs += by;
	if (!at || !tunnel)
		return;
	if (near_member && version_ref(near_member->now, OBJECT_SLICE) == slice &&
		version_ref(near_member->now, OBJECT_TUNNEL) == at)
		member = near_member;
	else
		member = model_member_any(slice, at);
	if (member)
		member->macs += by;
}

static int stage_step(struct tx *tx, struct object *slice, const struct api_mac_addr *mac,
	struct staged_mac *state, door_t door, bool movable, struct rpc_error *err)
{
	struct tx_step *step = tx_next_step(tx);
	door_t old = state->is_static ? state->door : 0;

	if (!step)
		return rpc_fail(err, RPC_ERR_INTERNAL, "out of memory");
	*step = (struct tx_step){.kind = TX_MAC,
		.mac = {.slice = slice,
			.mac = *mac,
			.old_door = old,
			.new_door = door,
			.movable = movable}};
	tx->count++;
	tx->macs_added += (door != 0) - (old != 0);
	count(slice, old, -1);
	count(slice, door, 1);
	state->door = door;
	state->is_static = door != 0;
	state->movable = movable;
	state->overtaken = false;
	return 0;
}

/* A movable one that has been overtaken is deleted: what was learned stays. */
static int stage_settle(struct tx *tx, struct object *slice, const struct api_mac_addr *mac,
	struct staged_mac *state, struct rpc_error *err)
{
	struct tx_step *step = tx_next_step(tx);

	if (!step)
		return rpc_fail(err, RPC_ERR_INTERNAL, "out of memory");
	*step = (struct tx_step){
		.kind = TX_MAC, .mac = {.slice = slice, .mac = *mac, .settle = true}};
	tx->count++;
	state->overtaken = false;
	return 0;
}

static int fail_twice(
	const struct api_mac *mac, uint32_t first, uint32_t second, struct rpc_error *err)
{
	char text[64];

	api_mac_format(&mac->mac, text);
	rpc_fail(err, RPC_ERR_CONFLICT, "objects[%u] and objects[%u] are both mac %s %s", first,
		second, mac->slice, text);
	snprintf(err->with, sizeof(err->with), "objects[%u]", first);
	return -1;
}

int mac_put(struct tx *tx, const struct api_mac *mac, uint32_t index, struct rpc_error *err)
{
	struct doors to = {.slice = find_slice(tx, mac->slice)};
	struct staged_mac *state;

	if (!to.slice)
		return noun_fail_missing(err, "slice", OBJECT_SLICE, mac->slice);
	if (to.slice->now->data->slice.kind != SLICE_L2)
		return rpc_fail_value(err, "slice",
			"an l2 slice: in an l3 slice hosts are neighbors and routes", mac->slice);
	if (!noun_mac_unicast(&mac->mac))
		return noun_fail_mac(err, "mac", &mac->mac);
	if (mac->tunnel[0] ? find_tunnel(mac, &to, err) : find_attachment(mac, &to, err))
		return -1;
	state = stage_state(tx, to.slice, &mac->mac);
	if (!state)
		return rpc_fail(err, RPC_ERR_INTERNAL, "out of memory");
	if (state->op == tx->op)
		return fail_twice(mac, state->index, index, err);
	state->op = tx->op;
	state->index = index;
	if (state->is_static && state->door == to.door && state->movable == mac->movable) {
		tx->unchanged++;
		return 0;
	}
	if (!state->is_static && check_room(tx, to.slice, err))
		return -1;
	if (state->door)
		tx->updated++;
	else
		tx->created++;
	return stage_step(tx, to.slice, &mac->mac, state, to.door, mac->movable, err);
}

int mac_delete(struct tx *tx, const struct api_mac *mac, struct rpc_error *err)
{
	struct object *slice = find_slice(tx, mac->slice);
	struct staged_mac *state;

	if (!slice)
		return 1;
	state = stage_state(tx, slice, &mac->mac);
	if (!state)
		return rpc_fail(err, RPC_ERR_INTERNAL, "out of memory");
	if (!state->door)
		return 1;
	tx->deleted++;
	if (state->overtaken)
		return stage_settle(tx, slice, &mac->mac, state, err);
	return stage_step(tx, slice, &mac->mac, state, 0, false, err);
}

void mac_commit(const struct tx_mac *step)
{
	if (step->new_door)
		fdb_put_static(step->slice->id, &step->mac, step->new_door, step->movable);
	else if (step->settle)
		fdb_settle(step->slice->id, &step->mac);
	else
		fdb_remove(step->slice->id, &step->mac);
}

static void forget_near(void)
{
	near_op = 0;
	near_slice = near_attachment = near_tunnel = near_member = NULL;
}

void mac_overtaken(uint16_t slice, door_t door)
{
	struct object *obj = model_by_id(OBJECT_SLICE, slice);

	forget_near();
	if (obj)
		count(obj, door, -1);
}

void mac_rollback(const struct tx_mac *step)
{
	forget_near(); /* what is near may be about to go */
	count(step->slice, step->new_door, -1);
	count(step->slice, step->old_door, 1);
}

const char *door_name(door_t door, const char **kind)
{
	struct object *at;

	if (DOOR_KIND(door) == DOOR_SESSION) {
		*kind = "session";
		return session_name(DOOR_SESSION_ID(door));
	}
	bool tunnel = DOOR_KIND(door) == DOOR_TUNNEL;

	*kind = tunnel ? "tunnel" : "attachment";
	at = model_by_id(tunnel ? OBJECT_TUNNEL : OBJECT_ATTACHMENT, DOOR_ID(door));
	return at ? at->key : NULL;
}

bool mac_describe(const struct fdb_entry *entry, struct api_mac *out)
{
	struct object *slice = model_by_id(OBJECT_SLICE, entry->slice);
	const char *kind, *name = door_name(entry->door, &kind);

	if (!slice || !name)
		return false;
	memset(out, 0, sizeof(*out));
	strcpy(out->slice, slice->key);
	strcpy(*kind == 's' ? out->session : *kind == 't' ? out->tunnel : out->attachment, name);
	out->mac = entry->mac;
	out->movable = entry->movable;
	out->learned = !entry->is_static;
	out->overtaken = entry->overtaken;
	out->age_s = entry->age_s;
	return true;
}

int mac_get(const struct api_mac *key, struct api_mac *out)
{
	struct object *slice = model_find(OBJECT_SLICE, key->slice);
	struct fdb_entry entry;

	if (!slice || fdb_get(slice->id, &key->mac, &entry) || !mac_describe(&entry, out))
		return -1;
	return 0;
}
