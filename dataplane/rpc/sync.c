/* SPDX-License-Identifier: BSD-3-Clause */
/* The methods sync and groups (sync.h). Owns the stages of a call. */
#include "sync.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "dispatch.h"
#include "methods.h"
#include "nouns.h"
#include "params.h"
#include "sync_pending.h"

#define EVICT_MOST    16 /* of the kernel's objects, in the first pass that wants room */
#define GROUPS_MAX    10000
#define GROUPS_PRESET 1000

static int fail_memory(struct rpc_error *err)
{
	return rpc_fail(err, RPC_ERR_INTERNAL, "out of memory");
}

/* ---- stages ---- */

struct stage *sync_stage(struct sync *sync, struct source_group *group)
{
	struct stage *stage = group->stage;

	if (stage)
		return stage;
	if (!array_grow(&sync->stages, &sync->stage_room, sync->stage_count, sizeof(*sync->stages)))
		return NULL;
	stage = calloc(1, sizeof(*stage));
	if (!stage)
		return NULL;
	stage->group = group;
	stage->index = sync->stage_count;
	sync->stages[sync->stage_count++] = stage;
	group->stage = stage;
	return stage;
}

static void stage_free(struct stage *stage)
{
	stage->group->stage = NULL;
	json_decref(stage->error);
	json_decref(stage->says);
	free(stage->for_label);
	free(stage);
}

void sync_give_back(struct sync *sync)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < sync->stage_count; i++) {
		struct stage *stage = sync->stages[i];

		if (stage->gave_way) {
			stage_free(stage);
			continue;
		}
		stage->index = kept;
		sync->stages[kept++] = stage;
	}
	sync->stage_count = kept;
	sync->gave_way = 0;
}

void sync_refuse(struct stage *stage, const struct rpc_error *err)
{
	if (stage->is_refused)
		return;
	stage->is_refused = true;
	stage->error = error_json(err);
}

/* ---- what the call says ---- */

/* The key of most types is their name. */
static int key_of(const struct api_type *type, const json_t *json, char *key, struct rpc_error *err)
{
	const char *name = json_string_value(json_object_get(json, "name"));
	union api_object data;

	if (name && !strcmp(type->fields[0].name, "name") && (type->fields[0].flags & FIELD_KEY) &&
		api_name_valid(name, strlen(name)) && strlen(name) <= LIMIT_NAME) {
		strcpy(key, name);
		return 0;
	}
	if (api_decode(type, json, "", &data, err))
		return -1;
	api_key(type, &data, key);
	return 0;
}

static int stage_object(
	struct stage *stage, const struct api_type *type, const json_t *json, struct rpc_error *err)
{
	char key[API_KEY_BYTES];

	if (key_of(type, json, key, err))
		return -1;
	if (claim_is_staged(stage->group, type->type, key))
		return rpc_fail(err, RPC_ERR_CONFLICT, "%s %.160s is there twice", type->name, key);
	return claim_stage(stage->group, type->type, key, json) ? fail_memory(err) : 0;
}

/* {TYPE: [object, ...], ...}. A fault refuses the group. */
static int stage_objects(struct stage *stage, const json_t *objects, struct rpc_error *err)
{
	const char *name;
	json_t *list, *json;
	char got[80];
	size_t i;

	json_object_foreach ((json_t *)objects, name, list) {
		const struct api_type *type = api_type_find(name);

		if (!type || !json_is_array(list))
			return rpc_fail_value(err, "objects", "{TYPE: [object, ...]}",
				printable(name, got, sizeof(got)));
		json_array_foreach (list, i, json) {
			if (stage_object(stage, type, json, err) == 0)
				continue;
			rpc_error_prefix(err, "objects.%s[%zu]", name, i);
			return -1;
		}
	}
	return 0;
}

/* It stands as it is in answers, logs and what others make of it: nothing that JSON escapes. */
static int check_owner(const char *owner, struct rpc_error *err)
{
	char got[100];
	size_t len = strlen(owner), good = 0;

	while (good < len && (unsigned char)owner[good] >= ' ' && owner[good] != 0x7f &&
		owner[good] != '"' && owner[good] != '\\')
		good++;
	if (len > 0 && len <= LIMIT_OWNER && good == len)
		return 0;
	return rpc_fail_value(err, "owner",
		"text of 1 to 255 characters, none of them a control character, a quote or a "
		"backslash",
		printable(owner, got, sizeof(got)));
}

/* The group is to have these objects; a fault in them refuses it. */
static int stage_says(
	struct sync *sync, struct source_group *group, uint64_t revision, json_t *objects)
{
	struct stage *stage = sync_stage(sync, group);
	struct rpc_error refused = {0};

	if (!stage)
		return -ENOMEM;
	stage->named = true;
	stage->revision = revision;
	stage->says = json_incref(objects);
	if (objects && stage_objects(stage, objects, &refused))
		sync_refuse(stage, &refused);
	return 0;
}

static int stage_group(struct sync *sync, const json_t *json, bool keep, struct rpc_error *err)
{
	static const char *const names[] = {"owner", "revision", "objects", NULL};
	json_t *objects = json_object_get(json, "objects");
	struct source_group *group;
	json_int_t revision;
	const char *owner;
	char got[100];

	if (!json_is_object(json))
		return rpc_fail_value(err, "", "an object", api_show(json, got, sizeof(got)));
	if (param_known(json, names, err) || param_text(json, "owner", true, &owner, err) ||
		check_owner(owner, err) ||
		param_int(json, "revision", 0, INT64_MAX, 0, &revision, err))
		return -1;
	if (objects && !json_is_object(objects))
		return rpc_fail_value(err, "objects", "{TYPE: [object, ...]}",
			api_show(objects, got, sizeof(got)));
	group = source_group_make(sync->source, owner);
	if (group && group->stage)
		return rpc_fail_value(
			err, "owner", "each group once", printable(owner, got, sizeof(got)));
	if (!group || stage_says(sync, group, (uint64_t)revision, objects))
		return fail_memory(err);
	group->is_kept |= keep;
	return 0;
}

static int stage_groups(struct sync *sync, const json_t *groups, bool keep, struct rpc_error *err)
{
	const json_t *json;
	size_t i;

	json_array_foreach (groups, i, json) {
		if (stage_group(sync, json, keep, err)) {
			rpc_error_prefix(err, "groups[%zu]", i);
			return -1;
		}
	}
	return 0;
}

/* Groups that the call does not name, whose source has said that they are gone. */
static int stage_others(struct sync *sync, struct rpc_error *err)
{
	struct source_group *group = source_group_after(sync->source, "");

	for (; group; group = source_group_next(group))
		if (!sync_stage(sync, group))
			return fail_memory(err);
	return 0;
}

/* ---- the passes ---- */

static int add_ops(struct sync *sync, struct tx *tx, struct rpc_error *err)
{
	sync->op_count = 0;
	for (int put = 0; put < 2; put++)
		for (int type = 0; type < OBJECT_TYPES; type++) {
			const struct sync_ops *ops = &sync->ops[put][type];

			if (!ops->count)
				continue;
			if (put ? tx_put(tx, &api_types[type], ops->list, err)
				: tx_delete(tx, &api_types[type], ops->list, true, err))
				return -1;
			sync->op[sync->op_count] = ops;
			sync->op_puts[sync->op_count++] = put;
		}
	return 0;
}

/* A port that is made anew goes down while the transaction is tried: not before all that can be
 * told beforehand is right. */
static bool is_rehearsed(const struct sync *sync)
{
	return sync->is_rehearsed ||
	       (!sync->ops[0][OBJECT_PORT].count && !sync->ops[1][OBJECT_PORT].count);
}

/* 0: it is done, or would be; 1: another pass; -1 with err. */
static int pass(struct sync *sync, json_t **chosen, struct rpc_error *err)
{
	struct tx tx;
	int rc;

	if (sync_plan(sync)) {
		sync_renewed(sync);
		return fail_memory(err);
	}
	tx_begin(&tx, sync->check || !is_rehearsed(sync));
	tx.is_sync = true;
	tx.on_refused = sync_note_refusal;
	tx.arg = sync;
	rc = add_ops(sync, &tx, err);
	if (rc) {
		tx_rollback(&tx);
		sync_renewed(sync);
		return rc;
	}
	tx_run(&tx, err);
	if (sync->no_memory || tx.refused_total > 0) {
		tx_rollback(&tx);
		if (!sync->no_memory)
			sync_judge(sync);
		if (!sync->no_memory)
			return 1;
		sync_renewed(sync);
		return fail_memory(err);
	}
	if (tx.check && !sync->check) {
		tx_rollback(&tx);
		sync->is_rehearsed = true;
		return 1;
	}
	*chosen = tx_chosen(&tx);
	sync_renewed(sync);
	if (sync->check) {
		tx_rollback(&tx);
		return 0;
	}
	tx_commit(&tx);
	sync_settle(sync);
	return 0;
}

/* ---- the answer ---- */

/* Nothing could give way: the next call would come as far as this one. */
static void refuse_held(struct sync *sync)
{
	struct rpc_error err = {0};
	uint32_t i = 0;

	while (i < sync->stage_count && (!sync->stages[i]->gave_way || sync->stages[i]->is_held))
		i++;
	if (!sync->is_clearing || i < sync->stage_count)
		return;
	rpc_fail(&err, RPC_ERR_CONFLICT, "objects of the kernel's are in its way");
	for (i = 0; i < sync->stage_count; i++)
		if (!sync->stages[i]->gave_way)
			sync_refuse(sync->stages[i], &err);
}

/* The object that the group waits for when it is kept: one that it names and that is not there, or
 * goes; "": none. */
static const char *awaits(const struct stage *stage)
{
	const json_t *data = json_object_get(stage->error, "data");
	const char *with = json_string_value(json_object_get(data, "with"));

	if (stage->gave_way)
		return stage->waits && stage->for_label ? stage->for_label : "";
	return json_integer_value(json_object_get(stage->error, "code")) == RPC_ERR_PARAMS &&
			       with && pending_is_missing(with)
		       ? with
		       : "";
}

static json_t *verdict_of(const struct stage *stage)
{
	const char *label = stage->group->is_kept ? awaits(stage) : "";

	if (stage->is_refused)
		return json_pack("{s:s, s:s, s:O*, s:s*}", "owner", stage->group->owner, "verdict",
			"refused", "error", stage->error, "waits", *label ? label : NULL);
	return json_pack("{s:s, s:s}", "owner", stage->group->owner, "verdict",
		stage->is_held ? "again" : "applied");
}

static json_t *answer(const struct sync *sync, json_t *chosen)
{
	json_t *groups = json_array(), *gave_way = json_array(), *result;

	for (uint32_t i = 0; i < sync->stage_count; i++) {
		const struct stage *stage = sync->stages[i];

		/* one that could not be left out is told of, though it was not named */
		if (stage->named || (stage->is_refused && !stage->gave_way))
			json_array_append_new(groups, verdict_of(stage));
		if (stage->gave_way && !stage->is_refused && !stage->is_held)
			json_array_append_new(
				gave_way, json_pack("{s:s, s:s, s:s, s:b}", "source",
						  source_names[stage->group->source], "owner",
						  stage->group->owner, "for",
						  stage->for_label ? stage->for_label : "", "waits",
						  stage->waits));
	}
	result = json_pack("{s:o, s:o}", "groups", groups, "gave_way", gave_way);
	if (chosen)
		json_object_set_new(result, "chosen", chosen);
	return result;
}

/* ---- the end ---- */

/* What is not in force as its source wants it is kept (sync_pending.h). told: what the source
 * learns of by an event. */
static void keep(const struct sync *sync, const struct stage *stage, json_t *told)
{
	const char *message = json_string_value(json_object_get(stage->error, "message"));
	struct source_group *group = stage->group;
	json_t *before = pending_show(group), *now;
	char reason[API_KEY_BYTES + 64];

	snprintf(reason, sizeof(reason), "it gives way to %.200s",
		stage->for_label ? stage->for_label : "");
	if (stage->gave_way)
		pending_keep(group, stage->says, awaits(stage), reason);
	else if (stage->is_refused)
		pending_keep(group, stage->says, awaits(stage), message ? message : "refused");
	else
		pending_drop(group);
	now = pending_show(group);
	if ((stage->gave_way || sync->is_again) && !json_equal(before, now))
		json_array_append(told, now);
	json_decref(before);
	json_decref(now);
}

/* Refused, and what it said before is not true any more, either. */
static bool is_over(const struct stage *stage)
{
	return stage->is_refused && !stage->gave_way && stage->says && stage->group->pending &&
	       stage->group->claims;
}

static void stage_end(struct sync *sync, struct stage *stage, bool done, json_t *told)
{
	struct source_group *group = stage->group;
	bool keeps = done && group->is_kept && !stage->is_held && !stage->withdraws;

	claims_cancel(group);
	if (done && !stage->is_held && (!stage->is_refused || keeps))
		group->revision = stage->revision;
	if (keeps)
		keep(sync, stage, told);
}

static void sync_free(struct sync *sync)
{
	sync_plan_free(sync);
	sync_lost_clear(sync);
	free(sync->lost);
	free(sync->renewed);
	free(sync->stages);
	free(sync->entries);
	free(sync->addresses);
	free(sync->refusals);
}

/* done: what was planned is so. */
static void end(struct sync *sync, bool done)
{
	struct source_group **over = calloc(sync->stage_count + 1, sizeof(struct source_group *));
	json_t *told = json_array();
	uint32_t over_count = 0;

	for (uint32_t i = 0; i < sync->stage_count; i++)
		stage_end(sync, sync->stages[i], done, told);
	for (uint32_t i = 0; i < sync->stage_count; i++) {
		struct stage *stage = sync->stages[i];
		struct source_group *group = stage->group;

		/* also what gave way for one that is refused after all */
		if (done && group->source > SOURCE_KERNEL && !stage->is_held)
			pending_wake(group);
		if (done && over && !stage->withdraws && is_over(stage))
			over[over_count++] = group;
		stage_free(stage);
		if (!group->claims && !group->pending)
			source_group_drop(group);
	}
	sync_free(sync);
	pending_tell(told);
	if (over_count)
		sync_again(over, over_count, true);
	free(over);
}

static int run(struct sync *sync, json_t **chosen, struct rpc_error *err)
{
	int rc;

	do
		rc = pass(sync, chosen, err);
	while (rc > 0);
	if (rc == 0)
		refuse_held(sync);
	return rc;
}

static uint64_t calls;

uint32_t sync_again(struct source_group **groups, uint32_t count, bool withdraw)
{
	struct sync sync = {.source = SOURCE_KERNEL,
		.is_again = true,
		.evict_most = EVICT_MOST,
		.number = ++calls};
	json_t *chosen = NULL;
	struct rpc_error err;
	uint32_t well = 0;
	int rc = 0;

	for (uint32_t i = 0; i < count && !rc; i++) {
		json_t *says = withdraw ? NULL : pending_says(groups[i]);

		rc = stage_says(&sync, groups[i], groups[i]->revision, says);
		if (!rc)
			groups[i]->stage->withdraws = withdraw;
		json_decref(says);
	}
	if (!rc)
		rc = run(&sync, &chosen, &err);
	json_decref(chosen);
	for (uint32_t i = 0; !rc && i < sync.stage_count; i++)
		well += sync.stages[i]->named && !sync.stages[i]->is_refused;
	end(&sync, rc == 0);
	return well;
}

/* ---- the methods ---- */

static int param_source(const json_t *params, enum source *source, struct rpc_error *err)
{
	const char *name;
	char got[80];

	if (param_text(params, "source", true, &name, err))
		return -1;
	for (int i = SOURCE_KERNEL; i < SOURCES; i++)
		if (!strcmp(source_names[i], name)) {
			*source = (enum source)i;
			return 0;
		}
	return rpc_fail_value(err, "source", "\"kernel\" or \"intent\" or \"pfcp\"",
		printable(name, got, sizeof(got)));
}

static int param_mode(const json_t *params, bool *replace, struct rpc_error *err)
{
	const char *mode;
	char got[80];

	if (param_text(params, "mode", false, &mode, err))
		return -1;
	*replace = !mode || !strcmp(mode, "replace");
	if (*replace || !strcmp(mode, "merge"))
		return 0;
	return rpc_fail_value(
		err, "mode", "\"replace\" or \"merge\"", printable(mode, got, sizeof(got)));
}

/* Groups of which the source will say something else soon: they are in nobody's way. */
static void mark_stale(const struct sync *sync, const json_t *stale, bool is_stale)
{
	const json_t *json;
	size_t i;

	json_array_foreach (stale, i, json) {
		const char *owner = json_string_value(json);
		struct source_group *group = owner ? source_group_find(sync->source, owner) : NULL;

		if (group)
			group->is_stale = is_stale;
	}
}

static int check_stale(const json_t *stale, struct rpc_error *err)
{
	const json_t *json;
	char got[80];
	size_t i;

	json_array_foreach (stale, i, json) {
		if (json_is_string(json))
			continue;
		rpc_fail_value(err, "", "text", api_show(json, got, sizeof(got)));
		rpc_error_prefix(err, "stale[%zu]", i);
		return -1;
	}
	return 0;
}

static int param_keep(const json_t *params, enum source source, bool *keep, struct rpc_error *err)
{
	if (param_bool(params, "keep", keep, err))
		return -1;
	return *keep && source != SOURCE_KERNEL
		       ? rpc_fail_value(err, "keep", "false, but for source \"kernel\"", "true")
		       : 0;
}

METHOD(method_sync)
{
	struct sync sync = {.evict_most = EVICT_MOST, .number = ++calls};
	const json_t *groups, *stale;
	json_t *chosen = NULL;
	bool replace, keep = false;
	int rc = -1;

	if (param_source(params, &sync.source, err) ||
		param_array(params, "groups", true, &groups, err) ||
		param_array(params, "stale", false, &stale, err) || check_stale(stale, err) ||
		param_mode(params, &replace, err) ||
		param_bool(params, "check", &sync.check, err) ||
		param_keep(params, sync.source, &keep, err))
		return -1;
	mark_stale(&sync, stale, true);
	if (stage_groups(&sync, groups, keep && !sync.check, err) ||
		(replace && stage_others(&sync, err)))
		goto out;
	rc = run(&sync, &chosen, err);
	if (rc == 0)
		*result = answer(&sync, chosen);
out:
	mark_stale(&sync, stale, false);
	end(&sync, rc == 0 && !sync.check);
	return rc;
}

/* ---- groups ---- */

METHOD(method_groups)
{
	json_t *groups = json_array();
	const char *cursor;
	enum source source = SOURCE_STATIC;
	struct source_group *group;
	json_int_t limit;

	*result = json_pack("{s:o}", "groups", groups);
	if (param_source(params, &source, err) ||
		param_text(params, "cursor", false, &cursor, err) ||
		param_int(params, "limit", 1, GROUPS_MAX, GROUPS_PRESET, &limit, err)) {
		json_decref(*result);
		*result = NULL;
		return -1;
	}
	group = source_group_after(source, cursor ? cursor : "");
	for (; group && json_array_size(groups) < (size_t)limit; group = source_group_next(group)) {
		cursor = group->owner;
		json_array_append_new(groups, pending_show(group));
	}
	if (group && cursor)
		json_object_set_new(*result, "cursor", json_string(cursor));
	return 0;
}
