/* SPDX-License-Identifier: BSD-3-Clause */
/* mac: static MACs, staged per transaction and kept in the MAC table alone. Owns the counts of
 * static MACs in slice, attachment, tunnel and member objects, which keep those from being
 * deleted. */
#include <stdio.h>
#include <string.h>

#include "nouns.h"
#include "session.h"

struct mac_key {
	uint16_t slice;
	struct api_mac_addr mac;
};

/* What the transaction has said so far about a MAC. */
struct staged_mac {
	struct mac_key key;
	struct tx_place put;
	uint32_t door; /* 0 = not there */
	bool is_static, movable, overtaken;
};

struct mac_step {
	struct object *slice;
	struct api_mac_addr mac;
	uint32_t old_door; /* its static door before, 0 = it had none */
	uint32_t new_door; /* 0 = removed */
	bool movable;	   /* the new one */
	bool settle;	   /* it was overtaken: what was learned stays */
};

static int find_attachment(
	const struct api_mac *mac, const struct object *slice, door_t *door, struct rpc_error *err)
{
	const struct object *at = model_find(OBJECT_ATTACHMENT, mac->attachment);

	if (!at)
		return noun_fail_missing(err, "attachment", OBJECT_ATTACHMENT, mac->attachment);
	if (version_ref(at->now, OBJECT_SLICE) != slice)
		return rpc_fail_value(
			err, "attachment", "an attachment of the same slice", mac->attachment);
	*door = DOOR_ATTACHMENT | at->id;
	return 0;
}

static int find_tunnel(
	const struct api_mac *mac, const struct object *slice, door_t *door, struct rpc_error *err)
{
	const struct object *tunnel = model_find(OBJECT_TUNNEL, mac->tunnel);

	if (!tunnel)
		return noun_fail_missing(err, "tunnel", OBJECT_TUNNEL, mac->tunnel);
	if (!noun_member_of(slice, tunnel))
		return noun_fail_no_member(err, mac->slice, mac->tunnel);
	*door = DOOR_TUNNEL | tunnel->id;
	return 0;
}

/* The state of a MAC as this transaction sees it, in a place of the stage; NULL: no memory. */
static struct staged_mac *stage_state(
	struct tx *tx, const struct object *slice, const struct api_mac_addr *mac)
{
	struct keymap *staged = &tx->rows[OBJECT_MAC].staged;
	struct mac_key key = {slice->id, *mac};
	struct staged_mac *state = keymap_find(staged, &key);
	struct fdb_entry entry;

	if (state)
		return state;
	state = keymap_add(staged, &key);
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
	if (tx->rows[OBJECT_MAC].added >= (int64_t)fdb_room()) {
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
	member = noun_member_of_any(slice, at);
	if (member)
		member->macs += by;
}

static int stage_step(struct tx *tx, struct object *slice, const struct api_mac_addr *mac,
	struct staged_mac *state, door_t door, bool movable, struct rpc_error *err)
{
	struct mac_step step = {.slice = slice,
		.mac = *mac,
		.old_door = state->is_static ? state->door : 0,
		.new_door = door,
		.movable = movable};

	if (tx_step_room(tx, OBJECT_MAC, err))
		return -1;
	tx_step_add(tx, OBJECT_MAC, &step);
	tx->rows[OBJECT_MAC].added += (door != 0) - (step.old_door != 0);
	count(slice, step.old_door, -1);
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
	struct mac_step step = {.slice = slice, .mac = *mac, .settle = true};

	if (tx_step_room(tx, OBJECT_MAC, err))
		return -1;
	tx_step_add(tx, OBJECT_MAC, &step);
	state->overtaken = false;
	return 0;
}

static int mac_put(struct tx *tx, union api_object *data, uint32_t index, struct rpc_error *err)
{
	const struct api_mac *mac = &data->mac;
	struct object *slice = model_find(OBJECT_SLICE, mac->slice);
	struct staged_mac *state;
	door_t door = 0;

	if (!slice)
		return noun_fail_missing(err, "slice", OBJECT_SLICE, mac->slice);
	if (slice->now->data->slice.kind != SLICE_L2)
		return rpc_fail_value(err, "slice",
			"an l2 slice: in an l3 slice hosts are neighbors and routes", mac->slice);
	if (!noun_mac_unicast(&mac->mac))
		return noun_fail_mac(err, "mac", &mac->mac);
	if (mac->tunnel[0] ? find_tunnel(mac, slice, &door, err)
			   : find_attachment(mac, slice, &door, err))
		return -1;
	state = stage_state(tx, slice, &mac->mac);
	if (!state)
		return rpc_fail(err, RPC_ERR_INTERNAL, "out of memory");
	if (tx_put_once(tx, &state->put, index, &api_types[OBJECT_MAC], data, err))
		return -1;
	if (state->is_static && state->door == door && state->movable == mac->movable) {
		tx->unchanged++;
		return 0;
	}
	if (!state->is_static && check_room(tx, slice, err))
		return -1;
	if (state->door)
		tx->updated++;
	else
		tx->created++;
	return stage_step(tx, slice, &mac->mac, state, door, mac->movable, err);
}

static int mac_remove(struct tx *tx, const union api_object *key, struct rpc_error *err)
{
	struct object *slice = model_find(OBJECT_SLICE, key->mac.slice);
	struct staged_mac *state;

	if (!slice)
		return 1;
	state = stage_state(tx, slice, &key->mac.mac);
	if (!state)
		return rpc_fail(err, RPC_ERR_INTERNAL, "out of memory");
	if (!state->door)
		return 1;
	tx->deleted++;
	if (state->overtaken)
		return stage_settle(tx, slice, &key->mac.mac, state, err);
	return stage_step(tx, slice, &key->mac.mac, state, 0, false, err);
}

static void mac_commit(const void *steps, size_t count)
{
	for (const struct mac_step *step = steps; count-- > 0; step++) {
		if (step->new_door)
			fdb_put_static(step->slice->id, &step->mac, step->new_door, step->movable);
		else if (step->settle)
			fdb_settle(step->slice->id, &step->mac);
		else
			fdb_remove(step->slice->id, &step->mac);
	}
}

static void mac_rollback(const void *log)
{
	const struct mac_step *step = log;

	count(step->slice, step->new_door, -1);
	count(step->slice, step->old_door, 1);
}

void mac_overtaken(uint16_t slice, door_t door)
{
	struct object *obj = model_by_id(OBJECT_SLICE, slice);

	if (obj)
		count(obj, door, -1);
}

static int mac_check_unused(struct rpc_error *err, const struct object *obj)
{
	char by[48];

	if (!obj->macs)
		return 0;
	snprintf(by, sizeof(by), "%u static mac object%s", obj->macs, obj->macs == 1 ? "" : "s");
	return noun_fail_in_use(err, obj, by);
}

/* ---- answers ---- */

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

static int mac_find(const union api_object *key, union api_object *out)
{
	struct object *slice = model_find(OBJECT_SLICE, key->mac.slice);
	struct fdb_entry entry;

	if (!slice || fdb_get(slice->id, &key->mac.mac, &entry) || !mac_describe(&entry, &out->mac))
		return -1;
	return out->mac.learned;
}

static uint32_t macs_iterate(const struct page *page, const struct row_list *list, uint64_t *cursor,
	void *entries, uint32_t max)
{
	return fdb_iterate(cursor, entries, max);
}

static bool macs_describe(const struct page *page, const void *entry, union api_object *out)
{
	const char *slice = match_text(page, "slice");
	json_t *learned = json_object_get(page->match, "learned");

	if (!mac_describe(entry, &out->mac) || (slice && strcmp(slice, out->mac.slice)))
		return false;
	return !learned || json_is_true(learned) == out->mac.learned;
}

static const struct row_list mac_lists[] = {
	{0, macs_iterate, sizeof(struct fdb_entry), macs_describe},
	{.iterate = NULL},
};
_Static_assert(sizeof(struct fdb_entry) <= STORE_ENTRY, "an entry fits");

const struct backend mac_backend = {
	.key_bytes = sizeof(struct mac_key),
	.staged_bytes = sizeof(struct staged_mac),
	.step_bytes = sizeof(struct mac_step),
	.find = mac_find,
	.put = mac_put,
	.remove = mac_remove,
	.commit = mac_commit,
	.rollback = mac_rollback,
	.check_unused = mac_check_unused,
	.lists = mac_lists,
};
