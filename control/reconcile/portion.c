/* SPDX-License-Identifier: BSD-3-Clause */
/* The mirror's part of the transactions: so many objects at a time that the dataplane and this
 * loop are free again within some milliseconds, what others need first. One that is refused is
 * set aside and the rest goes on. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "reconciler.h"

#define PORTION_BYTES (256u << 10)
#define RETRY_MOST    64

bool portion_idle(const struct reconciler *rec)
{
	return TAILQ_EMPTY(&rec->list[LIST_FIRST]) && TAILQ_EMPTY(&rec->list[LIST_BULK]) &&
	       TAILQ_EMPTY(&rec->list[LIST_LAST]);
}

void portion_return(struct reconciler *rec)
{
	struct item *item;

	rec->portion = false;
	while ((item = TAILQ_LAST(&rec->list[LIST_PORTION], item_queue)))
		item_move(rec, item, mirrored_list(rec, item), true);
}

/* Of one list only: a neighbour does not wait until two thousand routes are in. */
static bool take(struct reconciler *rec)
{
	size_t bytes = 0;
	struct item *item;

	for (enum item_list list = LIST_FIRST; list <= LIST_LAST && !bytes; list++) {
		for (uint32_t n = 0; n < rec->portion_most && bytes < PORTION_BYTES; n++) {
			item = TAILQ_FIRST(&rec->list[list]);
			if (!item)
				break;
			bytes +=
				1 + strlen(item->aside || !item->mirror ? item->key : item->mirror);
			item_move(rec, item, LIST_PORTION, false);
		}
	}
	return bytes;
}

int portion_build(struct reconciler *rec)
{
	int err;

	if (portion_idle(rec)) {
		rec->retrying = false;
		if (rec->news)
			mirrored_retry(rec, RETRY_MOST);
		rec->news = false;
	}
	if (!take(rec))
		return 1;
	rec->portion = true;
	err = round_build(rec);
	if (err == -EMSGSIZE && rec->portion_most > 1) {
		rec->portion_most /= 2;
		err = -EAGAIN;
	}
	if (err)
		portion_return(rec);
	return err;
}

void portion_applied(struct reconciler *rec)
{
	for (uint32_t op = 0; op < rec->ops; op++)
		rec->news |= rec->retrying || !rec->op[op].put ||
			     (rec->op[op].type != OBJECT_ROUTE && rec->op[op].type != OBJECT_MAC);
	rec->portion_most *= 2;
	if (rec->portion_most > PORTION_MOST)
		rec->portion_most = PORTION_MOST;
}

static void blame(struct reconciler *rec, struct item *item, bool put, const json_t *error)
{
	int code = (int)json_integer_value(json_object_get(error, "code"));
	const char *message = json_string_value(json_object_get(error, "message")) ?: "refused";
	struct item *with = replace_other(rec, error);

	/* what is in its way is about to change */
	if (put && code == RPC_ERR_CONFLICT && with && with != item && with->dirty)
		mirrored_wait(rec, item, with, message);
	else
		mirrored_refuse(rec, item, put ? ASIDE_REFUSED : ASIDE_LEFT, message);
}

void portion_refused(struct reconciler *rec, const json_t *error)
{
	bool put = false;
	struct item *item = round_named(rec, error, &put);

	if (!item && rec->ops == 1 && rec->op[0].count == 1) {
		item = rec->op[0].item[0];
		put = rec->op[0].put;
	}
	rec->portion_most = rec->portion_most > 1 ? rec->portion_most / 2 : 1;
	if (item)
		blame(rec, item, put, error);
}
