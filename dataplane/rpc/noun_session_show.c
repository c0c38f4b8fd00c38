/* SPDX-License-Identifier: BSD-3-Clause */
/* session: what answers show of it, its counters, and what it keeps from being deleted. */
#include <stdio.h>
#include <string.h>

#include "hold_count.h"
#include "nouns.h"
#include "noun_session.h"
#include "peer.h"
#include "session.h"
#include "urr.h"

#define STATS_MAX 65536 /* sessions in an answer that names none */

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
		name_of(OBJECT_GTPU, outer->gtpu_id, noun_session_own_gtpu(s, destination, outer),
			outer->gtpu);
}

bool noun_session_describe(uint32_t index, struct api_session *out)
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

int noun_session_check_unused(struct rpc_error *err, const struct object *obj)
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

int noun_session_stats(const json_t *keys, json_t *out, struct rpc_error *err)
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
