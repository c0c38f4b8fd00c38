/* SPDX-License-Identifier: BSD-3-Clause */
/* The text of one transaction: of all items that may differ those that do, in an order in which
 * each finds what it needs. Writes the ops and the text of struct reconciler. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bounds.h"
#include "reconciler.h"

/* First what nobody needs goes away, then everything is put, then what was needed goes. Names of
 * places: whether an address, neighbour or route is of the underlay. */
enum { ANY, PORT, TENANT };
static const struct {
	bool put;
	enum object_type type;
	int place;
} ranks[] = {
	{false, OBJECT_SESSION, ANY},
	{false, OBJECT_MAC, ANY},
	{false, OBJECT_ROUTE, TENANT},
	{false, OBJECT_NEIGHBOR, TENANT},
	{false, OBJECT_ADDRESS, TENANT},
	{false, OBJECT_ATTACHMENT, ANY},
	{false, OBJECT_GTPU, ANY},
#define EARLY 7 /* here those that are wanted early though they are late by nature */
	{false, OBJECT_MEMBER, ANY},
	{false, OBJECT_SLICE, ANY},
	{false, OBJECT_METER, ANY},
	{false, OBJECT_TUNNEL, ANY},
	{false, OBJECT_ROUTE, PORT},
	{false, OBJECT_NEIGHBOR, PORT},
	{false, OBJECT_ADDRESS, PORT},
	{false, OBJECT_PORT, ANY},
#define PUTS 15
	{true, OBJECT_PORT, ANY},
	{true, OBJECT_ADDRESS, PORT},
	{true, OBJECT_NEIGHBOR, PORT},
	{true, OBJECT_TUNNEL, ANY},
	{true, OBJECT_METER, ANY},
	{true, OBJECT_SLICE, ANY},
	{true, OBJECT_ATTACHMENT, ANY},
	{true, OBJECT_ADDRESS, TENANT},
	{true, OBJECT_NEIGHBOR, TENANT},
	{true, OBJECT_MEMBER, ANY},
	{true, OBJECT_ROUTE, ANY},
	{true, OBJECT_MAC, ANY},
	{true, OBJECT_GTPU, ANY},
	{true, OBJECT_SESSION, ANY},
/* members among them: the routes of an l3 slice leave a tunnel when they are put anew */
#define LATE 29
	{false, OBJECT_MEMBER, ANY},
	{false, OBJECT_SLICE, ANY},
	{false, OBJECT_METER, ANY},
	{false, OBJECT_TUNNEL, ANY},
	{false, OBJECT_ROUTE, PORT},
	{false, OBJECT_NEIGHBOR, PORT},
	{false, OBJECT_ADDRESS, PORT},
	{false, OBJECT_PORT, ANY},
};
#define RANKS (sizeof(ranks) / sizeof(ranks[0]))
_Static_assert(RANKS == ROUND_RANKS, "an op each");

size_t round_rank(enum object_type type, bool on_port, bool put, bool early)
{
	int place = on_port ? PORT : TENANT;
	size_t from = put ? PUTS : 0, to = put ? LATE : EARLY;

	for (size_t r = from; r < to; r++)
		if (ranks[r].type == type && (!ranks[r].place || ranks[r].place == place))
			return r;
	from = early ? EARLY : LATE;
	to = early ? PUTS : RANKS;
	for (size_t r = from; r < to; r++)
		if (ranks[r].type == type && (!ranks[r].place || ranks[r].place == place))
			return r;
	return LATE; /* cannot be: each type has its rank */
}

bool round_rank_puts(size_t rank, enum object_type *type)
{
	*type = ranks[rank].type;
	return ranks[rank].put;
}

static int rank_add(struct reconciler *rec, struct item *item, bool put)
{
	size_t rank = round_rank(item->type, item_on_port(item), put, item->replace || item->early);
	struct round_op *op = &rec->op[rank];

	if (op->count == op->room) {
		uint32_t room = op->room ? op->room * 2 : 64;
		struct item **grown = realloc(op->item, room * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		op->item = grown;
		op->room = room;
	}
	op->item[op->count++] = item;
	return 0;
}

/* ---- text ---- */

static int add_bytes(struct reconciler *rec, const char *text, size_t length)
{
	if (rec->text_used + length + 1 > rec->text_room) {
		size_t room = (rec->text_used + length + 1) * 2;
		char *grown = realloc(rec->text, room);

		if (!grown)
			return -ENOMEM;
		rec->text = grown;
		rec->text_room = room;
	}
	memcpy(rec->text + rec->text_used, text, length);
	rec->text_used += length;
	rec->text[rec->text_used] = '\0';
	return 0;
}

static int add(struct reconciler *rec, const char *text)
{
	return add_bytes(rec, text, strlen(text));
}

/* Of what is wrong though no intent has changed a part will do: in the order of the ops any part
 * from the front is good. Intents come whole. */
static bool enough(const struct reconciler *rec)
{
	return rec->text_used > ROUND_TRY_BYTES && TAILQ_EMPTY(&rec->trying) && !rec->replacing;
}

static void cut(struct round_op *op, uint32_t count)
{
	while (op->count > count)
		item_is_in(op->item[--op->count]);
}

/* Keys and names hold no character that JSON would have to escape. */
static int add_op(struct reconciler *rec, struct round_op *op)
{
	int err = add(rec, rec->ops ? ",{\"op\":\"" : "{\"op\":\"");

	err = err ?: add(rec, op->put ? "put\",\"type\":\"" : "delete\",\"type\":\"");
	err = err ?: add(rec, api_types[op->type].name);
	err = err ?: add(rec, op->put ? "\",\"objects\":[" : "\",\"missing_ok\":true,\"keys\":[");
	for (uint32_t i = 0; i < op->count && !err; i++) {
		struct item *item = op->item[i];

		if (i && enough(rec)) {
			cut(op, i);
			break;
		}
		if (i)
			err = add(rec, ",");
		if (op->put) {
			err = err ?: add(rec, item_desired(rec, item));
			continue;
		}
		err = err ?: add(rec, "\"");
		err = err ?: add(rec, item->key);
		err = err ?: add(rec, "\"");
	}
	return err ?: add(rec, "]}");
}

/* ---- what differs ---- */

/* Several intents that do not agree on an object: the first one has its way. */
static bool settle_contest(struct reconciler *rec, struct item *item)
{
	const struct ref *first = NULL, *ref;
	char reason[256];

	item->contested = false;
	TAILQ_FOREACH (ref, &item->refs, link) {
		if (ref->set != ref->owner->in || ref->owner->in != ref->owner->want)
			continue;
		if (!first)
			first = ref;
		item->contested |= strcmp(first->text, ref->text) != 0;
		if (!ref->owner->trying || !strcmp(first->text, ref->text))
			continue;
		snprintf(reason, sizeof(reason), "%s %.100s: %s %.60s wants it otherwise",
			api_types[item->type].name, item->key, intent_kind(first->owner->type),
			first->owner->name);
		owner_refuse(rec, ref->owner, reason);
		return true; /* the list has changed */
	}
	return false;
}

/* What it should be; what the mirror wants and cannot be yet waits. -ENOMEM. */
static int desired_of(struct reconciler *rec, struct item *item, const char **desired)
{
	struct item *missing;

	*desired = item_desired(rec, item);
	if (!*desired || *desired != item->mirror || item_same(item, *desired))
		return 0;
	if (needs_missing(rec, item, *desired, &missing))
		return -ENOMEM;
	if (missing)
		mirrored_wait(rec, item, missing, NULL);
	*desired = item_desired(rec, item);
	return 0;
}

/* It is as it should be. */
static void collect_same(struct reconciler *rec, struct item *item)
{
	item->replace = false;
	item_clean(rec, item);
	if (item->actual) /* those that waited for a change that will not be */
		mirrored_wake(rec, item);
	item_sweep(rec, item);
}

static int collect_delete(struct reconciler *rec, struct item *item, bool again)
{
	if (item->going) /* carried along already */
		return 0;
	item->going = true;
	item->again = again;
	return way_carry(rec, item, rank_add) ?: rank_add(rec, item, false);
}

static int collect_item(struct reconciler *rec, struct item *item)
{
	const char *desired;
	enum leftover left;
	int err = desired_of(rec, item, &desired);

	rec->looked++;
	if (err)
		return err;
	if (item_same(item, desired) && !(item->replace && item->actual)) {
		collect_same(rec, item);
		return 0;
	}
	if (!desired && item_awaited(item)) {
		item_move(rec, item, LIST_AWAITED, false);
		return 0;
	}
	if (!desired && mirrored_unclaimed(rec, item)) {
		item_clean(rec, item);
		return 0;
	}
	if (!desired && (left = leftover_of(rec, item)) != LEFTOVER_NONE) {
		if (left == LEFTOVER_HELD || !rec->portion)
			item_hold(rec, item, left == LEFTOVER_HELD);
		else
			item_move(rec, item, LIST_DIRTY, false); /* that tries decide */
		return 0;
	}
	if (item->actual && (!desired || item->replace))
		err = collect_delete(rec, item, desired != NULL);
	if (err)
		return err;
	item->replace &= item->actual != NULL;
	return desired ? rank_add(rec, item, true) : 0;
}

static int collect(struct reconciler *rec)
{
	struct item_queue *list = &rec->list[rec->portion ? LIST_PORTION : LIST_DIRTY];
	struct item *item, *next;
	int err = 0;

	rec->clearing = false;
	rec->lost_released = false;
	rec->carried = 0;
	TAILQ_FOREACH (item, list, list_link)
		while (item->contested && settle_contest(rec, item))
			;
	TAILQ_FOREACH_SAFE (item, list, list_link, next)
		err = err ?: collect_item(rec, item);
	return err ?: rec->clearing ? -EAGAIN : 0;
}

void round_ops_free(struct reconciler *rec)
{
	for (size_t r = 0; r < ROUND_RANKS; r++) {
		for (uint32_t i = 0; i < rec->op[r].count; i++)
			item_is_in(rec->op[r].item[i]);
		free(rec->op[r].item);
	}
	memset(rec->op, 0, sizeof(rec->op));
	rec->ops = 0;
	rec->text_used = 0;
	if (rec->text_room > 1u << 20) {
		free(rec->text);
		rec->text = NULL;
		rec->text_room = 0;
	}
}

int round_build(struct reconciler *rec)
{
	int err;

	round_ops_free(rec);
	err = collect(rec) ?: add(rec, "{\"ops\":[");
	for (size_t r = 0; r < RANKS && !err; r++) {
		struct round_op op = rec->op[r];

		if (!op.count)
			continue;
		if (enough(rec) || (rec->tear && ranks[r].put)) {
			if (!ranks[r].put)
				cut(&op, 0);
			free(op.item);
			rec->op[r] = (struct round_op){0};
			continue;
		}
		op.put = ranks[r].put;
		op.type = ranks[r].type;
		err = add_op(rec, &op);
		/* those that are in the text move to its front: op[n] is the text's ops[n] */
		rec->op[r] = (struct round_op){0};
		rec->op[rec->ops++] = op;
		if (rec->text_used > LIMIT_RPC_LINE_BYTES)
			err = -EMSGSIZE;
	}
	err = err ?: add(rec, "]}");
	if (err)
		round_ops_free(rec);
	return err;
}
