/* SPDX-License-Identifier: BSD-3-Clause */
/* Objects whose old and new forms are in each other's way: two slices that swap their VNIs, an
 * attachment that goes while a MAC still names it. They and all that names them are deleted
 * first and put anew in the same transaction; ports, which cannot be opened while they are still
 * open, in the next one. */
#include <stdio.h>
#include <string.h>

#include "reconciler.h"

#define DOUBTS_MOST 8

/* By which fields others name an object. */
static const char *const fields_of[OBJECT_TYPES][4] = {
	[OBJECT_PORT] = {"port"},
	[OBJECT_SLICE] = {"slice", "table"},
	[OBJECT_ATTACHMENT] = {"attachment"},
	[OBJECT_METER] = {"meter", "meter_in", "meter_out"},
	[OBJECT_GTPU] = {"gtpu"},
};

/* Texts are compact JSON, and names hold nothing that it would escape. */
static bool has_field(const char *text, const char *field, const char *value, size_t length)
{
	char wanted[API_KEY_BYTES + 32];

	snprintf(wanted, sizeof(wanted), "\"%s\":\"%.*s\"", field, (int)length, value);
	return strstr(text, wanted) != NULL;
}

static bool needs(const struct item *user, const struct item *item)
{
	for (const char *const *field = fields_of[item->type]; *field; field++)
		if (has_field(user->actual, *field, item->key, strlen(item->key)))
			return true;
	return false;
}

void replace_users(struct reconciler *rec, struct item *item,
	bool (*found)(struct item *user, void *arg), void *arg)
{
	needs_users(item, found, arg);
	/* of types that needs.c does not look after */
	for (int type = 0; type < OBJECT_TYPES && fields_of[item->type][0]; type++) {
		struct item *user = mirrored_type(type) ? NULL : item_from(rec, type, "");

		for (; user && user->type == (enum object_type)type;
			user = RB_NEXT(item_tree, &rec->items, user))
			if (user->actual && needs(user, item) && !found(user, arg))
				return;
	}
}

static bool flag(struct reconciler *rec, struct item *item);

/* What the mirror wants is carried along (way.c). */
static bool flag_user(struct item *user, void *arg)
{
	if (!user->mirrored || item_wanted(user))
		flag(arg, user);
	return true;
}

/* No deeper than the types lie above each other: port, attachment, address, neighbour. */
static bool flag(struct reconciler *rec, struct item *item)
{
	if (item->replace)
		return false;
	item_stick(rec, item, false);
	item_move(rec, item, LIST_DIRTY, false);
	item->replace = true;
	rec->replacing = true;
	replace_users(rec, item, flag_user, rec);
	return true;
}

const struct api_type *replace_label(const char *label, const char **key)
{
	const char *space = label ? strchr(label, ' ') : NULL;
	char name[32];

	if (!space || space - label >= (ptrdiff_t)sizeof(name))
		return NULL;
	snprintf(name, sizeof(name), "%.*s", (int)(space - label), label);
	*key = space + 1;
	return api_type_find(name);
}

struct item *replace_other(struct reconciler *rec, const json_t *error)
{
	const json_t *data = json_object_get(error, "data");
	const char *key;
	const struct api_type *type =
		replace_label(json_string_value(json_object_get(data, "with")), &key);

	return type ? item_get(rec, type->type, key, false) : NULL;
}

bool replace_doubts(struct reconciler *rec, const json_t *error)
{
	int code = (int)json_integer_value(json_object_get(error, "code"));
	const struct item *with = replace_other(rec, error);

	/* one that is to be kept is known after the first resync, and in the way all the same */
	if (code != RPC_ERR_CONFLICT || (with && with->dirty) ||
		rec->doubts >= (with ? 1 : DOUBTS_MOST))
		return false;
	rec->doubts++;
	rec->doubt = rec->resync_wanted = true;
	return true;
}

bool replace_add(struct reconciler *rec, struct item *item, bool put, const json_t *error)
{
	int code = (int)json_integer_value(json_object_get(error, "code"));
	struct item *with = replace_other(rec, error);
	bool more = false;

	if (code != RPC_ERR_CONFLICT && code != RPC_ERR_IN_USE)
		return false;
	if (with && with != item && !with->dirty)
		return false; /* it stays as it is: a conflict in earnest */
	if (with && with->actual)
		more |= flag(rec, with);
	if (item->actual)
		more |= flag(rec, item);
	if (more)
		return true;
	/* each tear takes a port away that was there: there is an end to it */
	if (!put || item->type != OBJECT_PORT || !with || !with->actual)
		return false;
	rec->tear = rec->torn = true;
	return true;
}

void replace_forget(struct reconciler *rec)
{
	struct item *item;

	rec->tear = false;
	if (!rec->replacing)
		return;
	rec->replacing = false;
	RB_FOREACH (item, item_tree, &rec->items)
		item->replace = false;
}
