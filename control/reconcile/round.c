/* SPDX-License-Identifier: BSD-3-Clause */
/* Tries: so many of the pending intents as go into one transaction, and what becomes of them. A
 * refusal (round_refused.c) takes intents out of the try, and the rest goes again. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "reconciler.h"

/* ---- which intents ---- */

static size_t bytes_of(const struct owner *owner)
{
	const struct refs *refs = &owner->set[owner->want];
	size_t bytes = 0;

	for (uint32_t i = 0; i < refs->count; i++)
		bytes += refs->item[i].item->dirty ? ROUND_LOOK_BYTES
						   : strlen(refs->item[i].text) + 1;
	return bytes;
}

static void try_one(struct reconciler *rec, struct owner *owner)
{
	TAILQ_REMOVE(&rec->pending[owner->type], owner, try_link);
	owner_place(rec, owner, owner->queued, false, true);
	TAILQ_INSERT_TAIL(&rec->trying, owner, try_link);
	rec->trying_count++;
	if (!owner->ever)
		leftover_release(rec);
	owner->back = owner->in;
	owner->in = owner->want;
	owner_mark(rec, owner);
}

/* Objects of one that has been applied before, and would be again as it is. */
static void unmark(struct reconciler *rec, struct owner *owner)
{
	const struct refs *refs = &owner->set[owner->in];

	for (uint32_t i = 0; i < refs->count; i++) {
		struct item *item = refs->item[i].item;

		if (TAILQ_FIRST(&item->refs) == &refs->item[i] && !TAILQ_NEXT(&refs->item[i], link))
			item_clean(rec, item);
	}
}

void round_untry(struct reconciler *rec, struct owner *owner)
{
	if (owner->back == owner->want)
		unmark(rec, owner);
	else
		owner_mark(rec, owner);
	TAILQ_REMOVE(&rec->trying, owner, try_link);
	rec->trying_count--;
	owner->in = owner->back;
	owner_place(rec, owner, owner->queued, true, false);
	TAILQ_INSERT_HEAD(&rec->pending[owner->type], owner, try_link);
}

bool round_waits(const struct reconciler *rec)
{
	for (int type = 0; type < INTENT_TYPES; type++)
		if (!TAILQ_EMPTY(&rec->pending[type]))
			return true;
	return false;
}

/* By type: sites and WANs first, which the others need. */
static void fill(struct reconciler *rec)
{
	size_t bytes = 0;
	struct owner *owner;

	if (!rec->split)
		rec->fill_most = UINT32_MAX;
	for (int type = 0; type < INTENT_TYPES; type++) {
		while ((owner = TAILQ_FIRST(&rec->pending[type]))) {
			bytes += bytes_of(owner);
			if ((bytes > ROUND_TRY_BYTES && rec->trying_count) ||
				rec->trying_count >= rec->fill_most) {
				rec->split = true;
				return;
			}
			try_one(rec, owner);
		}
	}
}

void round_halve(struct reconciler *rec)
{
	uint32_t away = rec->trying_count / 2;

	rec->split = true;
	while (away--)
		round_untry(rec, TAILQ_LAST(&rec->trying, owner_list));
	rec->fill_most = rec->trying_count;
}

/* ---- what became of it ---- */

/* While a try is split, one may be refused for want of another: those are tried again at the end,
 * as long as some intent has come in between. */
static void retry_split(struct reconciler *rec)
{
	struct owner *owner;

	if (!rec->split || round_waits(rec))
		return;
	rec->split = false;
	if (!rec->refused_count || rec->retried_at == rec->counters.transactions)
		return;
	rec->retried_at = rec->counters.transactions;
	TAILQ_FOREACH (owner, &rec->refused_owners, refused_link)
		if (!owner->rejected && !owner->torn && owner->in != owner->want)
			owner_pend(rec, owner);
}

static void done(struct reconciler *rec)
{
	rec->refusals = 0;
	rec->torn = false;
	rec->carry_most = CARRY_MOST;
	rec->evict_most = EVICT_MOST;
	rec->settling = true;
}

/* What was sent is what is there now. */
static void take_over_one(struct reconciler *rec, const struct round_op *op, struct item *item)
{
	if (rec->tear && item_lose(rec, item))
		rec->known = false;
	if (!op->put && item->again && !rec->tear) {
		mirrored_wake(rec, item);
		return; /* it is put anew by a later op */
	}
	if (item_is(rec, item, op->put ? item_desired(rec, item) : NULL))
		rec->known = false;
}

/* Those that were carried along are to come back, and what waited for one that is there now. */
static void taken_over(struct reconciler *rec, struct item *item)
{
	item->stamp = rec->stamp;
	item_is_in(item);
	item_clean(rec, item);
	if (!item_same(item, item_desired(rec, item)))
		item_mark(rec, item);
}

static void take_over(struct reconciler *rec)
{
	rec->stamp++;
	for (uint32_t op = 0; op < rec->ops; op++)
		for (uint32_t i = 0; i < rec->op[op].count; i++)
			take_over_one(rec, &rec->op[op], rec->op[op].item[i]);
	for (uint32_t op = 0; op < rec->ops; op++)
		for (uint32_t i = 0; i < rec->op[op].count; i++)
			taken_over(rec, rec->op[op].item[i]);
	for (uint32_t op = 0; op < rec->ops; op++)
		for (; rec->op[op].count; rec->op[op].count--)
			if (!rec->op[op].put)
				item_sweep(rec, rec->op[op].item[rec->op[op].count - 1]);
}

/* What held a leftover may have let go of it just now. */
static void unstick(struct reconciler *rec)
{
	if (!rec->stuck_count || round_waits(rec))
		return;
	items_unstick(rec);
	rec->loose = true;
}

/* Each is logged and told to those who listen. */
bool round_settle(struct reconciler *rec, uint64_t until_us)
{
	struct owner *owner;

	if (!rec->settling)
		return true;
	while ((owner = TAILQ_FIRST(&rec->trying))) {
		owner_settle(rec, owner);
		if (until_us && clock_mono_us() >= until_us)
			return false;
	}
	rec->settling = false;
	retry_split(rec);
	wanted_tell(rec);
	if (rec->unsticks)
		unstick(rec);
	rec->unsticks = false;
	return true;
}

static void applied_portion(struct reconciler *rec)
{
	portion_applied(rec);
	take_over(rec);
	round_ops_free(rec);
	portion_return(rec);
	wanted_tell(rec);
	if (portion_idle(rec))
		unstick(rec);
}

static void applied(struct reconciler *rec)
{
	bool torn = rec->tear;

	rec->counters.last_apply_us = clock_mono_us() - rec->applying_since_us;
	rec->counters.transactions++;
	if (rec->portion) {
		applied_portion(rec);
		return;
	}
	rec->portion_turn = rec->news = true;
	if (rec->fill_most < UINT32_MAX / 2)
		rec->fill_most *= 2;
	take_over(rec);
	round_ops_free(rec);
	replace_forget(rec);
	if (torn) /* the rest of the try follows */
		return;
	rec->unsticks = true;
	done(rec);
}

static void on_answer(const json_t *result, const json_t *error, void *arg)
{
	struct reconciler *rec = arg;

	if (!reconcile_answered(rec))
		return;
	rec->applying = false;
	if (result) {
		applied(rec);
	} else if (error) {
		rec->counters.transactions_refused++;
		round_refused(rec, error);
		round_ops_free(rec);
	} else {
		rec->known = false;
		round_ops_free(rec);
		round_lost(rec);
	}
	if (rec->portion)
		portion_return(rec);
	mirrored_late(rec);
	reconcile_work(rec);
}

void round_lost(struct reconciler *rec)
{
	struct owner *owner;

	while ((owner = TAILQ_LAST(&rec->trying, owner_list)))
		round_untry(rec, owner);
	rec->torn = false;
	replace_forget(rec);
}

static void too_long(struct reconciler *rec)
{
	struct owner *owner = TAILQ_FIRST(&rec->trying);

	replace_forget(rec);
	if (rec->trying_count > 1)
		round_halve(rec);
	else if (owner)
		owner_refuse(rec, owner,
			"its objects are more than one message of 16 MiB to the dataplane holds");
	reconcile_work(rec);
}

/* What is to be carried along and is too much for that goes first, by portions; what cannot go,
 * with it all the same. */
static int build(struct reconciler *rec)
{
	int err = rec->clear_count ? -EAGAIN : round_build(rec);

	if (err != -EAGAIN)
		return err;
	err = portion_build(rec);
	if (err != 1)
		return err;
	rec->carry_most = UINT32_MAX;
	return round_build(rec);
}

/* 0: rec->ops of them differ; 1: there is nothing to look at; -errno. In turn with the mirror's
 * portions: neither waits for all of the others. */
static int prepare(struct reconciler *rec)
{
	int err;

	if (TAILQ_EMPTY(&rec->trying) && rec->portion_turn) {
		rec->portion_turn = false;
		err = portion_build(rec);
		if (err != 1)
			return err;
	}
	if (TAILQ_EMPTY(&rec->trying) && rec->loose) {
		err = build(rec);
		rec->loose = err || rec->ops || rec->portion;
		if (rec->loose)
			return err;
	}
	if (TAILQ_EMPTY(&rec->trying))
		fill(rec);
	if (TAILQ_EMPTY(&rec->trying) && TAILQ_EMPTY(&rec->list[LIST_DIRTY]))
		return portion_build(rec);
	return build(rec);
}

static int send_it(struct reconciler *rec)
{
	int err = dataplane_call_text(
		rec->dp, "transaction", rec->text, rec->text_used, on_answer, rec);

	if (err)
		return err;
	for (uint32_t op = 0; op < rec->ops; op++)
		for (uint32_t i = 0; i < rec->op[op].count; i++)
			rec->op[op].item[i]->out = true;
	rec->calls++;
	rec->applying = true;
	rec->applying_since_us = clock_mono_us();
	return 0;
}

static void nothing_differs(struct reconciler *rec)
{
	rec->portion_turn = !rec->portion;
	if (rec->portion)
		portion_return(rec);
	else
		done(rec);
	reconcile_work(rec);
}

void round_next(struct reconciler *rec)
{
	int err = prepare(rec);

	if (err > 0)
		return;
	if (!err && !rec->ops) {
		nothing_differs(rec);
		return;
	}
	if (!err)
		err = send_it(rec);
	if (!err)
		return;
	round_ops_free(rec);
	if (rec->portion)
		portion_return(rec);
	if (err == -EMSGSIZE)
		too_long(rec);
	else if (err == -EAGAIN)
		reconcile_work(rec);
	else if (err != -ENOTCONN)
		reconcile_pause(rec, PAUSE_MS);
}
