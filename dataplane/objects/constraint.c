/* SPDX-License-Identifier: BSD-3-Clause */
/* Objects → keys, by the constraints of their types (constraint.h). Owns nothing. */
#include "constraint.h"

#include <stdio.h>
#include <string.h>

#include "codec.h"

#define CONSTRAINTS_OF_LIST 16 /* that are visited together */

char *key_part_text(const struct key_part *part, const void *structure, char *text)
{
	const void *place = (const char *)structure + part->offset;
	const char *from = place;
	uint32_t number;

	switch (part->kind) {
	case KEY_PART_NUMBER:
	case KEY_PART_ID:
		memcpy(&number, place, sizeof(number));
		if (part->kind == KEY_PART_ID && !number)
			return NULL;
		return text + snprintf(text, LIMIT_NAME + 1, "%0*u", part->digits, number);
	case KEY_PART_IP:
	case KEY_PART_PREFIX:
		if (!((const struct api_ip *)place)->family)
			return NULL;
		api_ip_format(place, part->kind == KEY_PART_PREFIX, text);
		return text + strlen(text);
	case KEY_PART_MAC:
		api_mac_format(place, text);
		return text + strlen(text);
	case KEY_PART_WORD:
		return stpcpy(text, part->word);
	case KEY_PART_TEXT:
		from = ((const struct api_text *)place)->text;
		break;
	}
	if (!*from)
		return NULL;
	for (int len = 0; *from && len < LIMIT_NAME; len++)
		*text++ = *from++;
	*text = '\0';
	return text;
}

static bool write_key(
	const struct api_constraint *constraint, const void *object, const void *item, char *text)
{
	for (const struct key_part *part = constraint->part;
		part < constraint->part + KEY_PARTS && part->kind; part++) {
		if (part > constraint->part)
			*text++ = '/';
		text = key_part_text(part, part->of_item ? item : object, text);
		if (!text)
			return false;
	}
	return true;
}

static uint64_t value_at(const void *object, size_t offset)
{
	uint64_t value;

	memcpy(&value, (const char *)object + offset, sizeof(value));
	return value;
}

/* What it books; 0: there is no key of this constraint. */
static uint64_t value_of(const struct api_constraint *constraint, const void *object)
{
	uint64_t value;

	if (constraint->when && !constraint->when(object))
		return 0;
	if (!constraint->value)
		return 1;
	value = value_at(object, constraint->value);
	return value || !constraint->value_else ? value : value_at(object, constraint->value_else);
}

static int visit_one(const struct api_constraint *constraint, uint64_t value, const void *object,
	const void *item, unsigned index, constraint_visit *visit, void *arg)
{
	struct constraint_key key;

	if (!value || !write_key(constraint, object, item, key.text))
		return 0;
	key.role = constraint->role;
	key.kind = constraint->kind;
	key.path = constraint->path;
	key.index = index;
	key.value = value;
	return visit(&key, arg);
}

/* Of one list, item by item. */
static int visit_items(const struct api_constraint *first, unsigned count, const void *object,
	constraint_visit *visit, void *arg)
{
	const struct api_list *list = (const void *)((const char *)object + first->list);
	uint64_t values[CONSTRAINTS_OF_LIST];
	int rc = 0;

	for (unsigned k = 0; k < count; k++)
		values[k] = value_of(&first[k], object);
	for (uint32_t i = 0; i < list->count; i++) {
		const char *item = (const char *)list->item + i * first->item_size;

		for (unsigned k = 0; k < count && !rc; k++)
			rc = visit_one(&first[k], values[k], object, item, i, visit, arg);
	}
	return rc;
}

int constraints_visit(
	const struct api_constraint *at, const void *object, constraint_visit *visit, void *arg)
{
	int rc = 0;

	while (at && at->role && !rc) {
		unsigned count = 1;

		while (at->list && count < CONSTRAINTS_OF_LIST && at[count].role &&
			at[count].list == at->list)
			count++;
		rc = at->list ? visit_items(at, count, object, visit, arg)
			      : visit_one(at, value_of(at, object), object, NULL, 0, visit, arg);
		at += count;
	}
	return rc;
}

void constraint_path(const struct constraint_key *key, struct rpc_error *err)
{
	snprintf(err->path, sizeof(err->path), key->path, key->index);
}
