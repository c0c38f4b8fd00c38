/* SPDX-License-Identifier: BSD-3-Clause */
/* What a check's refusals mean: some would be cured in earnest, since what is in the way gives
 * way or is put anew (round_refused.c, replace.c, way.c); the others are somebody's. */
#include <stdio.h>
#include <string.h>

#include "check_parts.h"

#define ROUNDS_MOST   16 /* each finds something more that is in the way */
#define TYPE_OF(code) ((enum rpc_code)json_integer_value(json_object_get(code, "code")))

/* Whoever wants what was refused, as round_refused.c blames; of a deletion who gives it up. False:
 * nobody does. */
static bool blame_for(
	struct reconcile_check *check, const struct probe *probe, bool put, const char *reason)
{
	const struct item *item = check_item(check, probe);
	struct subject *subject;
	const struct ref *ref;
	bool any = put && probe->wants;

	if (any)
		check_refuse(probe->wants, reason);
	subject = any && probe->shared ? RB_MIN(check_subjects, &check->subjects) : NULL;
	for (; subject; subject = RB_NEXT(check_subjects, NULL, subject))
		for (size_t i = 0; i < subject->list.count; i++)
			if (subject->list.item[i].type == probe->type &&
				!strcmp(subject->list.item[i].key, probe->key))
				check_refuse(subject, reason);
	if (!item || (put && probe->text))
		return any;
	TAILQ_FOREACH (ref, &item->refs, link) {
		bool ours = check_is_subject(check, ref->owner);

		if (put ? !ours && ref->set == ref->owner->in : ours)
			subject = check_subject_make(check, ref->owner->type, ref->owner->name);
		else
			continue;
		if (subject)
			check_refuse(subject, reason);
		any = true;
	}
	return any;
}

/* What nobody's intent says, but is kept, is put anew for the sake of another one: that is not
 * taken then. */
static void blame(
	struct reconcile_check *check, const struct probe *probe, bool put, const char *message)
{
	char reason[ROUND_REASON];

	round_reason(probe->type, probe->key, message, reason);
	while (!blame_for(check, probe, put, reason) && probe->cause) {
		probe = probe->cause;
		put = probe->text != NULL;
	}
}

static bool differs(const struct reconcile_check *check, const struct probe *probe)
{
	const struct item *item = check_item(check, probe);
	const char *wanted = check_wanted(check, probe);

	return probe->away || probe->replace || !item || !item_same(item, wanted);
}

static bool flag(struct reconcile_check *check, struct probe *probe);

struct flagging {
	struct reconcile_check *check;
	struct probe *cause;
};

/* What names one that is put anew goes before it, and comes back if an intent wants it. */
static bool flag_user(struct item *user, void *arg)
{
	const struct flagging *flagging = arg;
	struct probe *probe = check_probe(flagging->check, user->type, user->key);

	if (probe && user->mirrored && !item_wanted(user) && !probe->text)
		probe->away = true;
	else if (probe && flag(flagging->check, probe) &&
		 item_kept(flagging->check->rec, user->type, user->key))
		probe->cause = flagging->cause; /* the mirror's just goes with it */
	return true;
}

static bool flag(struct reconcile_check *check, struct probe *probe)
{
	struct item *item = check_item(check, probe);
	struct flagging flagging = {check, probe};

	if (probe->replace || !item || !item->actual)
		return false;
	probe->replace = true;
	replace_users(check->rec, item, flag_user, &flagging);
	return true;
}

/* What is in the way and nobody wants, or the mirror alone, would be taken away. */
static bool clear(struct reconcile_check *check, enum object_type type, const char *key)
{
	const struct item *item = item_get(check->rec, type, key, false);
	struct probe *probe;

	if (item_kept(check->rec, type, key) || (item && check_others_ref(check, item)))
		return false;
	probe = check_probe(check, type, key);
	if (!probe || probe->text || probe->away)
		return false;
	probe->away = true;
	return true;
}

/* What a refusal names is out of the way, or changes as well: more is to be asked. */
static bool cure_other(struct reconcile_check *check, struct probe *probe, const char *label)
{
	const char *key;
	const struct api_type *type = replace_label(label, &key);
	struct probe *other;

	if (!type || strlen(key) >= API_KEY_BYTES)
		return false;
	other = check_find(check, type->type, key);
	if (!other || (other != probe && !differs(check, other)))
		return clear(check, type->type, key);
	return flag(check, other);
}

/* In conflict with what changes, too, or would give way: it is asked for again, that out of the
 * way. As way_give(), replace_doubts() and replace_add(). */
static bool cure(struct reconcile_check *check, struct probe *probe, const json_t *error)
{
	const json_t *data = json_object_get(error, "data");
	const char *with = json_string_value(json_object_get(data, "with"));
	const char *by = json_string_value(json_object_get(data, "by"));
	const char *key;
	const struct api_type *type = replace_label(with, &key);
	struct probe *other =
		type && strlen(key) < API_KEY_BYTES ? check_find(check, type->type, key) : NULL;
	bool more;

	if (check->rounds > ROUNDS_MOST)
		return false;
	more = cure_other(check, probe, with);
	/* one that stays as it is is in the way in earnest */
	if (!more && type && other != probe && (!other || !differs(check, other)))
		return false;
	more |= flag(check, probe);
	return more || cure_other(check, probe, by);
}

/* Is it full for what the mirror wants? That gives way. */
static bool may_give_way(struct reconcile_check *check, const struct probe *probe)
{
	struct item *item =
		mirrored_type(probe->type) ? item_from(check->rec, probe->type, "") : NULL;

	for (; item && item->type == probe->type;
		item = RB_NEXT(item_tree, &check->rec->items, item))
		if (item->actual && item->mirrored && !item_wanted(item))
			return true;
	return false;
}

static struct probe *named(const struct reconcile_check *check, const json_t *error, bool *put)
{
	const char *path =
		json_string_value(json_object_get(json_object_get(error, "data"), "path"));
	unsigned op, at;

	if (!path || (sscanf(path, "ops[%u].objects[%u]", &op, &at) != 2 &&
			     sscanf(path, "ops[%u].keys[%u]", &op, &at) != 2))
		return NULL;
	if (op >= check->sent_count || at >= check->sent[op].count)
		return NULL;
	*put = check->sent_put[op];
	return check->sent[op].probe[at];
}

void check_judge(struct reconcile_check *check, const json_t *error)
{
	bool put = false;
	struct probe *probe = named(check, error, &put);
	enum rpc_code code = TYPE_OF(error);

	if (!probe || probe->refused)
		return;
	probe->refused = true;
	if (code == RPC_ERR_CAPACITY && may_give_way(check, probe))
		return;
	if ((code == RPC_ERR_CONFLICT || code == RPC_ERR_IN_USE) && cure(check, probe, error)) {
		check->again = true;
		return;
	}
	blame(check, probe, put, json_string_value(json_object_get(error, "message")) ?: "refused");
}
