/* SPDX-License-Identifier: BSD-3-Clause */
/* Makes prepared changes so for the workers: blocks, entries, flags. Main thread only. Owns the
 * counts of UEs in slices. However many sessions a transaction changes, it is one grace period. */
#include <stdlib.h>
#include <string.h>

#include "hot.h"
#include "peer.h"
#include "rcu.h"
#include "session_change.h"
#include "session_doors.h"
#include "slice.h"

static uint32_t ue_users[LIMIT_SLICES + 1]; /* groups by UE's addresses, published */

/* ---- publishing ---- */

static void count_ues(const struct session_block *b, int by)
{
	for (uint32_t i = 0; i < b->groups; i++) {
		const struct session_group *g = session_group_at(b, i);

		if (g->acts == 0 || g->teid_be != 0)
			continue;
		ue_users[g->slice] += by;
		if (ue_users[g->slice] == (by > 0 ? 1 : 0))
			slice_sessions_set(g->slice, by > 0);
	}
}

/* A QER that stays has its bucket's state where the bucket is now. */
static void move_buckets(const struct session_change *c, const struct session_model *was)
{
	static struct session_model is;
	uint8_t from[LIMIT_SESSION_QERS][2], to[LIMIT_SESSION_QERS][2];
	const struct session_block *b = block_of(&c->before), *a = block_of(&c->after);

	if (a->buckets == b->buckets || a->buckets == 0 || b->buckets == 0)
		return;
	session_unpack(pool_at(&pack_pool, 0, c->after.pack), &is);
	bucket_numbers(&was->cfg.qers, SESSION_IS_HOME(b->cells), from);
	bucket_numbers(&is.cfg.qers, SESSION_IS_HOME(a->cells), to);
	for (uint32_t i = 0; i < is.cfg.qers.count; i++)
		for (uint32_t k = 0; k < was->cfg.qers.count; k++)
			for (uint32_t d = 0; d < 2; d++)
				if (is.qer[i].id == was->qer[k].id && to[i][d] != 255 &&
					from[k][d] != 255) {
					uint64_t *at = session_buckets();

					at[a->buckets + to[i][d]] = __atomic_load_n(
						&at[b->buckets + from[k][d]], __ATOMIC_RELAXED);
				}
}

/* The entries of a state that are its session's when all is done. */
static void publish_keys(const struct session_change *c, const struct session_state *s,
	const struct session_model *m)
{
	struct session_key key[SESSION_KEYS_MAX];
	uint32_t n = keys_of_block(c->index, block_of(s), &m->cfg.ue, key);

	for (uint32_t i = 0; i < n; i++)
		if (key_owner(&key[i]) == c->index)
			key_publish(&key[i], c->index);
}

static void settle_keys(const struct session_change *c, const struct session_model *was,
	const struct session_model *is)
{
	struct session_key before[SESSION_KEYS_MAX], after[SESSION_KEYS_MAX];
	uint32_t b = 0, a = keys_of_block(c->index, block_of(&c->after), &is->cfg.ue, after);

	if (c->before.pack != 0)
		b = keys_of_block(c->index, block_of(&c->before), &was->cfg.ue, before);
	for (uint32_t i = 0; i < a; i++)
		if (!key_is_among(&after[i], before, b))
			key_settle(&after[i]);
}

static void unpublish_keys(const struct session_change *c, const struct session_model *was)
{
	struct session_key key[SESSION_KEYS_MAX];
	uint32_t n = keys_of_block(c->index, block_of(&c->before), &was->cfg.ue, key);

	for (uint32_t i = 0; i < n; i++)
		if (key_is_left(&key[i]))
			key_unpublish(&key[i]);
}

/* The new state of a session. True when packets of it are held, or markers to be sent. */
static bool publish(struct session_change *c)
{
	static struct session_model was, is;
	struct session_block *b = block_of(&c->after);
	bool wait = false;

	session_unpack(pool_at(&pack_pool, 0, c->after.pack), &is);
	if (!(slice_hot[b->slice].flags & SLICE_IS_L3))
		b->flags |= SESSION_ETHERNET; /* of the same transaction: only now it is known */
	if (c->before.pack != 0) {
		session_unpack(pool_at(&pack_pool, 0, c->before.pack), &was);
		move_buckets(c, &was);
	}
	if (c->past != 0 && session_cold[c->index].past == 0)
		session_cold[c->index].past = c->past;
	else if (c->past != 0) /* an earlier change of the transaction brought it */
		pool_give(&pack_pool, c->past, PAST_UNITS);
	if (c->urr != NULL)
		urr_commit(c->urr);
	if (c->before.pack != 0) {
		session_line_off(c->index);
		wait = hold_begin(&c->hold, block_of(&c->before), b);
	}
	settle_keys(c, &was, &is);
	count_ues(b, 1);
	session_cold[c->index].homeless = c->homeless;
	/* release: pairs with the acquire load of whoever found the index */
	__atomic_store_n(&session_block[c->index], b, __ATOMIC_RELEASE);
	publish_keys(c, &c->after, &is);
	session_doors_commit(c->index, c->before.pack != 0 ? block_of(&c->before) : NULL, b);
	if (c->before.pack != 0) {
		unpublish_keys(c, &was);
		count_ues(block_of(&c->before), -1);
	} else {
		session_line_new(c->index);
	}
	return wait;
}

static bool withdraw(struct session_change *c)
{
	static struct session_model was;
	bool wait = false;

	session_unpack(pool_at(&pack_pool, 0, c->before.pack), &was);
	if (c->urr != NULL)
		urr_commit(c->urr);
	unpublish_keys(c, &was);
	session_cold[c->index].homeless = 0;
	session_line_off(c->index);
	wait = hold_begin(&c->hold, block_of(&c->before), NULL);
	__atomic_store_n(&session_block[c->index], NULL, __ATOMIC_RELEASE);
	session_doors_commit(c->index, block_of(&c->before), NULL);
	count_ues(block_of(&c->before), -1);
	return wait;
}

/* ---- commit ---- */

/* Must the grace period be over before anything else is done? */
static bool wants_grace(const struct session_change *c)
{
	if (c->before.pack == 0)
		return false;
	return c->after.pack != 0 ? session_fold_wanted(c) : c->had_urrs;
}

static void fold_or_forget(struct session_change *c)
{
	if (c->before.pack == 0)
		return;
	if (c->after.pack != 0) {
		session_fold(c);
		return;
	}
	session_name_keep(c->index, &c->before);
	if (c->had_urrs)
		urr_cells_gone(c->index, block_of(&c->before)->cells,
			c->before.cell_units << CELL_UNIT_LOG2);
	session_name_keep(0, NULL);
}

/* All that was replaced goes back, and the changes are no more. */
static void settle(
	struct session_change *const *change, uint32_t n, struct batch *batch, bool passed)
{
	for (uint32_t i = 0; i < n; i++)
		fold_or_forget(change[i]);
	for (uint32_t i = 0; i < n; i++) {
		if (change[i]->before.pack != 0)
			batch_add(batch, change[i]);
		free(change[i]->marker);
		free(change[i]);
	}
	batch_end(batch, passed);
	session_change_closed(n);
}

void session_commit(struct session_change *const *change, uint32_t n)
{
	struct batch *batch = batch_new(n);
	bool grace = batch == NULL, held = false;

	for (uint32_t i = 0; i < n; i++)
		markers_settle(change[i]);
	/* those that go, go last: an address is its next session's by then */
	for (uint32_t i = 0; i < n; i++)
		if (change[i]->after.pack != 0)
			held |= publish(change[i]);
	for (uint32_t i = 0; i < n; i++) {
		if (change[i]->after.pack == 0)
			held |= withdraw(change[i]);
		grace |= wants_grace(change[i]);
	}
	session_doors_done();
	if (held)
		hold_finish(); /* waits for a grace period */
	else if (grace)
		rcu_synchronize();
	settle(change, n, batch, held || grace);
}

void session_commit_fini(void)
{
	memset(ue_users, 0, sizeof(ue_users));
}
