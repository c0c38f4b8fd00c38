/* SPDX-License-Identifier: BSD-3-Clause */
/* The messages of a check: transactions that only check, each with all that others name and some
 * of those that nobody names. Owns the ops and the text. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bounds.h"
#include "check_parts.h"

/* So much of what is asked is in every message: more would not be worth it. */
#define BASE_BYTES (4u << 20)
/* And so much more in each: the dataplane does nothing else meanwhile. */
#define PIECE_BYTES (256u << 10)

static int op_add(struct probe_op *op, struct probe *probe)
{
	if (op->count == op->room) {
		uint32_t room = op->room ? op->room * 2 : 16;
		struct probe **grown = realloc(op->probe, room * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		op->probe = grown;
		op->room = room;
	}
	op->probe[op->count++] = probe;
	return 0;
}

int check_collect(struct reconcile_check *check, struct probe *probe)
{
	const struct item *item = check_item(check, probe);
	const char *actual = item ? item->actual : NULL, *wanted = check_wanted(check, probe);
	bool there = actual || probe->away;
	bool anew = probe->replace && actual;
	bool on_port = item_text_on_port(probe->type, probe->key, wanted ?: actual ?: "");
	int err = 0;

	probe->refused = false;
	if (!anew && wanted && actual && !strcmp(wanted, actual))
		return 0;
	if (there && (!wanted || anew))
		err = op_add(
			&check->op[round_rank(probe->type, on_port, false, anew || probe->away)],
			probe);
	if (!err && wanted)
		err = op_add(&check->op[round_rank(probe->type, on_port, true, false)], probe);
	return err;
}

/* What names others and is named by nobody: it may be asked for in parts. */
static bool is_leaf(size_t rank)
{
	enum object_type type;

	return round_rank_puts(rank, &type) &&
	       (type == OBJECT_ROUTE || type == OBJECT_MAC || type == OBJECT_SESSION);
}

void check_collect_begin(struct reconcile_check *check)
{
	for (size_t r = 0; r < ROUND_RANKS; r++)
		check->op[r].count = 0;
	check->leaf_rank = 0;
	check->leaf = 0;
}

/* ---- text ---- */

static int add(struct reconcile_check *check, const char *text)
{
	size_t length = strlen(text);

	if (check->text_used + length + 1 > check->text_room) {
		size_t room = (check->text_used + length + 1) * 2;
		char *grown = realloc(check->text, room);

		if (!grown)
			return -ENOMEM;
		check->text = grown;
		check->text_room = room;
	}
	memcpy(check->text + check->text_used, text, length + 1);
	check->text_used += length;
	return 0;
}

/* Of op from `from` on, until the text is of `most` bytes; *end: how far. */
static int add_op(
	struct reconcile_check *check, size_t rank, uint32_t from, size_t most, uint32_t *end)
{
	struct probe_op *op = &check->op[rank];
	enum object_type type;
	bool put = round_rank_puts(rank, &type);
	int err = add(check, check->sent_count ? ",{\"op\":\"" : "{\"op\":\"");
	uint32_t i = from;

	err = err ?: add(check, put ? "put\",\"type\":\"" : "delete\",\"type\":\"");
	err = err ?: add(check, api_types[type].name);
	err = err ?: add(check, put ? "\",\"objects\":[" : "\",\"missing_ok\":true,\"keys\":[");
	for (; i < op->count && !err && (i == from || check->text_used < most); i++) {
		const char *text = put ? check_wanted(check, op->probe[i]) : op->probe[i]->key;

		err = i > from ? add(check, ",") : 0;
		if (!put)
			err = err ?: add(check, "\"");
		/* who wanted it may have left it since the round began */
		err = err ?: add(check, text ?: "null");
		if (!put)
			err = err ?: add(check, "\"");
	}
	check->sent[check->sent_count] = (struct probe_op){op->probe + from, i - from, 0};
	check->sent_put[check->sent_count++] = put;
	*end = i;
	return err ?: add(check, "]}");
}

/* All that is no leaf. */
static int add_base(struct reconcile_check *check, size_t from, size_t to)
{
	uint32_t end;
	int err = 0;

	for (size_t r = from; r < to && !err; r++)
		if (check->op[r].count && !is_leaf(r))
			err = add_op(check, r, 0, SIZE_MAX, &end);
	return err;
}

static bool leaves_left(const struct reconcile_check *check)
{
	for (size_t r = check->leaf_rank; r < ROUND_RANKS; r++)
		if (is_leaf(r) && check->op[r].count > (r == check->leaf_rank ? check->leaf : 0))
			return true;
	return false;
}

int check_message(struct reconcile_check *check)
{
	bool first = !check->leaf_rank, full = false;
	int err;

	check->text_used = 0;
	check->sent_count = 0;
	if (check->leaf_rank == ROUND_RANKS || (!first && !leaves_left(check)))
		return 1;
	err = add(check, "{\"check\":true,\"ops\":[");
	for (size_t r = 0; r < ROUND_RANKS && !err; r++) {
		size_t most = check->text_used + PIECE_BYTES;
		uint32_t from = r == check->leaf_rank ? check->leaf : 0, end;

		if (!is_leaf(r)) {
			err = add_base(check, r, r + 1);
			if (check->text_used > BASE_BYTES)
				return -EMSGSIZE;
			continue;
		}
		if (full || r < check->leaf_rank || from >= check->op[r].count)
			continue;
		err = add_op(check, r, from, most, &end);
		full = end < check->op[r].count;
		check->leaf_rank = full ? r : r + 1;
		check->leaf = full ? end : 0;
	}
	if (!full)
		check->leaf_rank = ROUND_RANKS;
	if (!err && !check->sent_count)
		return 1;
	err = err ?: add(check, "]}");
	return !err && check->text_used > LIMIT_RPC_LINE_BYTES ? -EMSGSIZE : err;
}

void check_text_free(struct reconcile_check *check)
{
	for (size_t r = 0; r < ROUND_RANKS; r++)
		free(check->op[r].probe);
	free(check->text);
}
