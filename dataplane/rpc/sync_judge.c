/* SPDX-License-Identifier: BSD-3-Clause */
/* What a refused pass means (sync.h): the kernel's objects give way to stronger sources, and
 * whoever is refused in earnest leaves the change. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "dispatch.h"
#include "ip.h"
#include "nouns.h"
#include "sync.h"
#include "sync_pending.h"

#define TOLD_MOST   64 /* refusals of a group in one pass that have each an error of their own */
#define PASSES_MOST 64 /* behind so many nothing gives way any more: each refuses somebody */

static const char *label_of(const struct claim *claim, char *label, size_t size)
{
	snprintf(label, size, "%s %s", api_types[claim->type].name, claim->key);
	return label;
}

/* Nobody else's object, of a group with many faults: its verdict names one, so the others need no
 * error of their own. */
static bool is_one_of_many(const struct claim *claim)
{
	const struct claim *one = claims_of(claim->type, claim->key);
	struct stage *stage = claim->group->stage;

	while (one && one->group == claim->group)
		one = claim_other(one);
	return stage && !one && ++stage->told > TOLD_MOST;
}

void sync_note_refusal(void *arg, uint32_t op, uint32_t index, const struct rpc_error *err)
{
	struct sync *sync = arg;
	struct sync_refusal *refusal;
	const struct claim *claim;
	char label[API_KEY_BYTES + 16];

	if (!array_grow(&sync->refusals, &sync->refusal_room, sync->refusal_count,
		    sizeof(*sync->refusals))) {
		sync->no_memory = true;
		return;
	}
	refusal = &sync->refusals[sync->refusal_count++];
	*refusal = (struct sync_refusal){
		.entry = sync->op[op]->entries[index], .put = sync->op_puts[op], .code = err->code};
	snprintf(refusal->other, sizeof(refusal->other), "%s", err->with[0] ? err->with : err->by);
	claim = sync->entries[refusal->entry].claim;
	if (is_one_of_many(claim))
		return;
	refusal->error = error_json(err);
	if (!json_object_get(refusal->error, "data"))
		json_object_set_new(refusal->error, "data", json_object());
	json_object_set_new(json_object_get(refusal->error, "data"), "object",
		json_string(label_of(claim, label, sizeof(label))));
}

/* ---- who is refused ---- */

/* Whose change the op of the entry comes from: those that want the object so, or give it up. */
static bool is_cause(
	const struct sync *sync, const struct claim *claim, const struct entry *entry, bool put)
{
	const struct stage *stage = claim->group->stage;

	if (!stage || (stage->is_refused && stage->pass < sync->passes))
		return false;
	return put && entry->best
		       ? claim->staged && claim->group->source == entry->best->group->source
		       : !claim->staged && !claim->shadow;
}

/* The strongest source among them. */
static enum source strength_of(const struct sync *sync, const struct entry *entry, bool put)
{
	const struct claim *claim = claims_of(entry->claim->type, entry->claim->key);
	enum source strongest = SOURCE_STATIC;

	for (; claim; claim = claim_other(claim))
		if (is_cause(sync, claim, entry, put) && claim->group->source > strongest)
			strongest = claim->group->source;
	return strongest;
}

static void refuse_stage(struct sync *sync, struct stage *stage, json_t *error)
{
	if (stage->is_refused)
		return;
	sync->any_refused = true;
	if (stage->gave_way) { /* it cannot: who it stands in the way of is refused next */
		stage->group->stays = sync->number;
		stage->is_held = sync->is_clearing;
		return;
	}
	stage->is_refused = true;
	stage->pass = sync->passes;
	stage->error = json_incref(error);
}

/* What the group says, new; NULL: no memory. */
static json_t *says_of(const struct source_group *group)
{
	json_t *says = json_object(), *list, *one;

	for (const struct claim *claim = group->claims; claim; claim = claim->group_next) {
		const struct api_type *type = &api_types[claim->type];

		one = claim->shadow ? json_loads(claim->shadow, 0, NULL)
				    : noun_plain(type, claim->key);
		list = json_object_get(says, type->name);
		if (!list)
			json_object_set_new(says, type->name, list = json_array());
		if (json_array_append_new(list, one))
			goto err_says;
	}
	return says;

err_says:
	json_decref(says);
	return NULL;
}

/* What a stronger source has taken away, and others that would come back for it and cannot. */
static bool take_away(
	struct sync *sync, struct source_group *group, const struct claim *of, bool waits)
{
	char label[API_KEY_BYTES + 16];
	struct stage *stage;

	if (group->stage)
		return group->stage->gave_way; /* for another one in this pass */
	if (group->stays == sync->number)
		return false;
	stage = sync_stage(sync, group);
	if (!stage) {
		sync->no_memory = true;
		return false;
	}
	sync->gave_way++;
	stage->gave_way = true;
	stage->revision = group->revision;
	if (group->is_kept && !sync->check) /* its newest words, where the old ones are in force */
		stage->says = group->pending ? pending_says(group) : says_of(group);
	stage->waits = waits;
	stage->for_label = strdup(label_of(of, label, sizeof(label)));
	return true;
}

/* ---- what gives way ---- */

static bool may_give_way(const struct claim *claim)
{
	return claim && claim->group->source == SOURCE_KERNEL && !claim->group->stage;
}

/* In force, or to be so when what hides it has gone. */
static bool comes_into_force(const struct sync *sync, const struct claim *claim)
{
	return !claim->shadow ||
	       (sync_is_planned(claim) && sync->entries[claim->entry].best == claim);
}

/* Calls found for each claim of the kernel's that is in force until it returns false; of one type,
 * or of all (OBJECT_TYPES). */
static void each_of_kernel(struct sync *sync, enum object_type type,
	bool (*found)(struct sync *sync, const struct claim *claim, const void *arg),
	const void *arg)
{
	struct source_group *group = source_group_after(SOURCE_KERNEL, "");

	for (; group; group = source_group_next(group))
		for (const struct claim *claim = group->claims; may_give_way(claim);
			claim = claim->group_next) {
			if ((type != OBJECT_TYPES && claim->type != type) ||
				!comes_into_force(sync, claim))
				continue;
			if (!sync->check && sync->gave_way >= SYNC_GIVE_WAY_MOST) {
				sync->is_clearing = true;
				return;
			}
			if (!found(sync, claim, arg))
				return;
		}
}

static bool conflict_gives_way(struct sync *sync, const struct sync_refusal *refusal)
{
	const char *key = strchr(refusal->other, ' ');
	const struct api_type *type;
	const struct claim *claim;
	char name[32];

	if (!key || key - refusal->other >= (ptrdiff_t)sizeof(name))
		return false;
	snprintf(name, sizeof(name), "%.*s", (int)(key - refusal->other), refusal->other);
	type = api_type_find(name);
	claim = type ? claims_of(type->type, key + 1) : NULL;
	while (claim && (claim->staged || claim->group->source != SOURCE_KERNEL ||
				!comes_into_force(sync, claim)))
		claim = claim_other(claim);
	return claim && take_away(sync, claim->group, sync->entries[refusal->entry].claim, false);
}

/* Some of the type; of the same slice or place first. More in each pass: the whole box may be
 * full. */
struct room_wanted {
	const struct claim *claim;
	size_t same; /* characters of the key that are to be the same */
	uint32_t left;
};

static bool make_room(struct sync *sync, const struct claim *claim, const void *arg)
{
	struct room_wanted *wanted = (struct room_wanted *)arg;

	if (!strncmp(claim->key, wanted->claim->key, wanted->same))
		wanted->left -= take_away(sync, claim->group, wanted->claim, false);
	return wanted->left > 0;
}

static bool room_is_made(struct sync *sync, const struct entry *entry)
{
	struct room_wanted wanted = {.claim = entry->claim,
		.same = strcspn(entry->claim->key, " ") + 1,
		.left = sync->evict_most};
	enum object_type type = entry->claim->type;

	/* that there is nothing is found once in a pass, and not for each of many that are refused
	 */
	if (sync->none_gives_way[type] == sync->passes + 1)
		return false;
	each_of_kernel(sync, type, make_room, &wanted);
	wanted.same = 0;
	if (wanted.left == sync->evict_most)
		each_of_kernel(sync, type, make_room, &wanted);
	if (wanted.left == sync->evict_most)
		sync->none_gives_way[type] = sync->passes + 1;
	return wanted.left < sync->evict_most;
}

/* ---- what objects name ---- */

struct naming;
typedef void named(struct naming *naming, enum object_type type, const char *key);
struct naming {
	struct sync *sync;
	struct claim *user;
	named *found;
	json_t *error;
	bool any;
};

static void name_member(struct naming *naming, const char *slice, const char *tunnel)
{
	char key[API_KEY_BYTES];

	snprintf(key, sizeof(key), "%s %s", slice, tunnel);
	if (*tunnel)
		naming->found(naming, OBJECT_MEMBER, key);
}

static void name_route(struct naming *naming, const struct api_route *route)
{
	for (uint32_t i = 0; i < route->via_count; i++) {
		const struct api_via *via = &route->via[i];

		naming->found(naming, OBJECT_PORT, via->port);
		naming->found(naming, OBJECT_ATTACHMENT, via->attachment);
		name_member(naming, route->table, via->tunnel);
	}
	naming->found(naming, OBJECT_SLICE, route->table);
}

static void name_session(struct naming *naming, const struct api_session *session)
{
	naming->found(naming, OBJECT_SLICE, session->slice);
	for (uint32_t i = 0; i < session->pdrs.count; i++) {
		naming->found(naming, OBJECT_GTPU, session->pdrs.item[i].gtpu);
		naming->found(naming, OBJECT_SLICE, session->pdrs.item[i].slice);
	}
	for (uint32_t i = 0; i < session->fars.count; i++) {
		naming->found(naming, OBJECT_GTPU, session->fars.item[i].outer_header.gtpu);
		naming->found(naming, OBJECT_GTPU, session->fars.item[i].duplicate_to.gtpu);
		naming->found(naming, OBJECT_SLICE, session->fars.item[i].slice);
	}
}

/* What it stands on first: that is what people are told that it waits for. */
static void name_all(struct naming *naming, enum object_type type, const union api_object *data)
{
	switch (type) {
	case OBJECT_ADDRESS:
		naming->found(naming, OBJECT_PORT, data->address.port);
		naming->found(naming, OBJECT_ATTACHMENT, data->address.attachment);
		break;
	case OBJECT_NEIGHBOR:
		naming->found(naming, OBJECT_PORT, data->neighbor.port);
		naming->found(naming, OBJECT_ATTACHMENT, data->neighbor.attachment);
		break;
	case OBJECT_MEMBER:
		naming->found(naming, OBJECT_TUNNEL, data->member.tunnel);
		naming->found(naming, OBJECT_SLICE, data->member.slice);
		break;
	case OBJECT_MAC:
		naming->found(naming, OBJECT_ATTACHMENT, data->mac.attachment);
		name_member(naming, data->mac.slice, data->mac.tunnel);
		naming->found(naming, OBJECT_SLICE, data->mac.slice);
		break;
	case OBJECT_ROUTE:
		name_route(naming, &data->route);
		break;
	case OBJECT_SESSION:
		name_session(naming, &data->session);
		break;
	default:
		break;
	}
}

/* The entry of a busy object of the pass; NULL: it is none. */
static struct entry *busy_entry(struct sync *sync, enum object_type type, const char *key)
{
	const struct claim *named = *key ? claims_of(type, key) : NULL;
	struct entry *entry = named && sync_is_planned(named) ? &sync->entries[named->entry] : NULL;

	return entry && entry->is_busy ? entry : NULL;
}

/* ---- the kernel's objects on what goes ---- */

static void leave_busy(struct naming *naming, enum object_type type, const char *key)
{
	struct entry *entry = busy_entry(naming->sync, type, key);

	if (entry && !entry->best)
		entry->gives_way |=
			take_away(naming->sync, naming->user->group, entry->claim, true);
}

/* An address of the switch on the attachment brings the network that the host is on, or is the
 * host's own. */
static void leave_network(struct sync *sync, const struct claim *user, const char *attachment,
	const struct api_ip *host)
{
	for (uint32_t i = 0; *attachment && i < sync->address_count; i++) {
		struct entry *entry = &sync->entries[sync->addresses[i]];
		const char *prefix = strchr(entry->claim->key, ' ');
		struct api_ip network;

		if (!prefix || strncmp(entry->claim->key, attachment, strlen(attachment)) != 0 ||
			api_ip_parse(prefix + 1, true, &network))
			continue;
		if (entry->best)
			network.len = network.family == 4 ? 32 : 128;
		if (api_ip_within(host, &network) &&
			take_away(sync, user->group, entry->claim, !entry->best))
			entry->gives_way = true;
	}
}

static bool leave_all(struct sync *sync, const struct claim *user, const void *arg)
{
	struct naming naming = {.sync = sync, .user = (struct claim *)user, .found = leave_busy};
	union api_object data;

	if (noun_load(&api_types[user->type], user->key, &data))
		return true;
	name_all(&naming, user->type, &data);
	if (user->type == OBJECT_NEIGHBOR)
		leave_network(sync, user, data.neighbor.attachment, &data.neighbor.address);
	for (uint32_t i = 0; user->type == OBJECT_ROUTE && i < data.route.via_count; i++)
		leave_network(sync, user, data.route.via[i].attachment, &data.route.via[i].address);
	return true;
}

/* ---- rows on what is made anew ---- */

static void renew_busy(struct naming *naming, enum object_type type, const char *key)
{
	struct entry *entry = busy_entry(naming->sync, type, key);
	struct sync *sync = naming->sync;

	if (!entry || !entry->best)
		return;
	if (!naming->user->renews) {
		if (!array_grow(&sync->renewed, &sync->renewed_room, sync->renewed_count,
			    sizeof(struct claim *))) {
			sync->no_memory = true;
			return;
		}
		sync->renewed[sync->renewed_count++] = naming->user;
		naming->user->renews = naming->any = true;
	}
	entry->gives_way |= naming->any;
}

/* Objects of the model are made anew with what they name (tx.h). */
static bool renew_row(struct claim *claim, void *arg)
{
	struct naming naming = {.sync = arg, .user = claim, .found = renew_busy};
	union api_object data;

	if ((claim->type == OBJECT_MAC || claim->type == OBJECT_ROUTE ||
		    claim->type == OBJECT_SESSION) &&
		noun_load(&api_types[claim->type], claim->key, &data) == 0)
		name_all(&naming, claim->type, &data);
	return true;
}

/* ---- who is refused ---- */

/* A row that would be put anew for another one's sake and cannot: that one is refused. */
static void blame_busy(struct naming *naming, enum object_type type, const char *key)
{
	struct claim *claim = *key ? claims_of(type, key) : NULL;
	const struct entry *entry =
		claim && sync_is_planned(claim) ? &naming->sync->entries[claim->entry] : NULL;

	for (; entry && entry->best && claim; claim = claim_other(claim))
		if (is_cause(naming->sync, claim, entry, true)) {
			refuse_stage(naming->sync, claim->group->stage, naming->error);
			naming->any = true;
		}
}

static bool is_renewed(const struct claim *claim)
{
	for (claim = claims_of(claim->type, claim->key); claim; claim = claim_other(claim))
		if (claim->renews)
			return true;
	return false;
}

static bool blame_named(
	struct sync *sync, const struct sync_refusal *refusal, const struct entry *entry)
{
	struct naming naming = {
		.sync = sync, .user = entry->claim, .found = blame_busy, .error = refusal->error};
	union api_object data;

	if (noun_load(&api_types[entry->claim->type], entry->claim->key, &data) == 0)
		name_all(&naming, entry->claim->type, &data);
	return naming.any;
}

/* What was put by hand, is hidden, and would come back: another one has what it needs by now. */
static bool lose(struct sync *sync, struct claim *claim)
{
	if (!array_grow(&sync->lost, &sync->lost_room, sync->lost_count, sizeof(*sync->lost))) {
		sync->no_memory = true;
		return false;
	}
	sync->lost[sync->lost_count++] = claim;
	claim->lost = true;
	return true;
}

/* The refusals of its group that have errors were resolved by what gave way, and this one was not.
 */
static void tell_late(struct sync_refusal *refusal, const struct claim *claim)
{
	const struct stage *stage = claim->group->stage;
	char label[API_KEY_BYTES + 16];
	struct rpc_error err = {0};

	if (refusal->error || (stage && stage->is_refused))
		return;
	rpc_fail(&err, refusal->code, "%.200s is refused, as many others of the group are",
		label_of(claim, label, sizeof(label)));
	refusal->error = error_json(&err);
}

static void blame(struct sync *sync, struct sync_refusal *refusal)
{
	const struct entry *entry = &sync->entries[refusal->entry];
	struct claim *claim = claims_of(entry->claim->type, entry->claim->key);
	bool any = false;

	tell_late(refusal, entry->claim);
	for (; claim; claim = claim_other(claim)) {
		if (!is_cause(sync, claim, entry, refusal->put))
			continue;
		refuse_stage(sync, claim->group->stage, refusal->error);
		any = true;
	}
	if (!any && is_renewed(entry->claim))
		any = blame_named(sync, refusal, entry);
	/* what was hidden so far cannot come back as it is */
	if (!any && entry->best && !entry->best->staged &&
		entry->best->group->source <= sync->source)
		any = entry->best->group->source == SOURCE_STATIC
			      ? lose(sync, entry->best)
			      : take_away(sync, entry->best->group, entry->claim, false);
	for (uint32_t i = 0; !any && i < sync->stage_count; i++)
		refuse_stage(sync, sync->stages[i], refusal->error);
}

/* ---- the pass ---- */

/* Of two networks that overlap one gives way. */
static bool overlaps(struct sync *sync, const struct claim *claim, const void *arg)
{
	union api_object data;

	if (noun_load(&api_types[claim->type], claim->key, &data) || !data.address.attachment[0])
		return true;
	for (uint32_t i = 0; i < sync->address_count; i++) {
		struct entry *entry = &sync->entries[sync->addresses[i]];
		const char *prefix = strchr(entry->claim->key, ' ');
		struct api_ip own;

		if (entry->overlaps && prefix && !api_ip_parse(prefix + 1, true, &own) &&
			api_ip_overlap(&own, &data.address.prefix) &&
			take_away(sync, claim->group, entry->claim, false))
			entry->gives_way = true;
	}
	return true;
}

/* An address that is refused: what is in its way, or stands on it, is looked for once for all. */
static void note_address(struct sync *sync, struct entry *entry)
{
	if (entry->claim->type != OBJECT_ADDRESS || !entry->is_busy)
		return;
	if (!array_grow(&sync->addresses, &sync->address_room, sync->address_count,
		    sizeof(*sync->addresses))) {
		sync->no_memory = true;
		return;
	}
	sync->addresses[sync->address_count++] = (uint32_t)(entry - sync->entries);
}

/* true: it is known now that something gives way; is_busy: that is looked for among all. */
static bool gives_way(struct sync *sync, const struct sync_refusal *refusal)
{
	struct entry *entry = &sync->entries[refusal->entry];

	if (sync->passes >= PASSES_MOST)
		return false;
	if (refusal->code == RPC_ERR_IN_USE)
		entry->is_busy = true;
	if (strength_of(sync, entry, refusal->put) <= SOURCE_KERNEL ||
		source_group_count(SOURCE_KERNEL) == 0)
		return false;
	switch (refusal->code) {
	case RPC_ERR_CAPACITY:
		return room_is_made(sync, entry);
	case RPC_ERR_CONFLICT:
		if (conflict_gives_way(sync, refusal))
			return true;
		entry->is_busy = entry->overlaps = true;
		return false;
	default:
		return false;
	}
}

/* What has to give way goes first, as much as goes at once; the rest of the call is for another. */
static void hold_others(struct sync *sync)
{
	sync_renewed(sync);
	sync_lost_clear(sync);
	for (uint32_t i = 0; i < sync->stage_count; i++)
		if (!sync->stages[i]->gave_way)
			sync->stages[i]->is_held = true;
}

static void look_for_users(struct sync *sync)
{
	bool goes = false, renews = false, overlap = false;

	sync->address_count = 0;
	for (uint32_t i = 0; i < sync->entry_count; i++) {
		struct entry *entry = &sync->entries[i];

		goes |= entry->is_busy;
		renews |= entry->is_busy && entry->best;
		overlap |= entry->overlaps && entry->claim->type == OBJECT_ADDRESS;
		note_address(sync, entry);
	}
	if (overlap)
		each_of_kernel(sync, OBJECT_ADDRESS, overlaps, NULL);
	if (renews)
		claims_each(renew_row, sync);
	if (goes)
		each_of_kernel(sync, OBJECT_TYPES, leave_all, NULL);
}

void sync_judge(struct sync *sync)
{
	for (uint32_t i = 0; i < sync->refusal_count; i++) {
		struct entry *entry = &sync->entries[sync->refusals[i].entry];

		if (gives_way(sync, &sync->refusals[i]))
			entry->gives_way = true;
	}
	look_for_users(sync);
	if (sync->is_clearing && sync->passes == sync->clearing_since)
		hold_others(sync);
	for (uint32_t i = 0; i < sync->refusal_count; i++)
		if (!sync->entries[sync->refusals[i].entry].gives_way &&
			(!sync->is_clearing || sync->passes > sync->clearing_since))
			blame(sync, &sync->refusals[i]);
	/* what gave way, or is made anew, for the sake of one that is refused need not */
	if (sync->any_refused && !sync->is_clearing) {
		sync_give_back(sync);
		sync_renewed(sync);
		sync_lost_clear(sync);
	}
	sync->any_refused = false;
	sync->is_rehearsed = false;
	for (uint32_t i = 0; i < sync->stage_count; i++)
		sync->stages[i]->told = 0;
	sync->passes++;
	if (!sync->is_clearing)
		sync->clearing_since = sync->passes;
	if (sync->evict_most < UINT32_MAX / 2)
		sync->evict_most *= 2;
}
