/* SPDX-License-Identifier: BSD-3-Clause */
/* Makes prepared changes so for the workers, and gives back what they replaced. Called by rpc/ on
 * the main thread; owns what waits for a grace period. However many sessions a transaction changes,
 * it is one grace period. */
#include <rte_log.h>
#include <stdlib.h>
#include <string.h>

#include "hot.h"
#include "peer.h"
#include "rcu.h"
#include "session_change.h"
#include "session_filters.h"
#include "slice.h"

/* What of a state is to be given back: 0 where the next state has taken it over. */
struct leaving {
	uint32_t index; /* of a deleted session */
	uint32_t pack, block, cells, buckets;
	uint8_t block_units, cell_units, bucket_units;
};

struct batch {
	uint32_t n;
	struct leaving item[];
};

static uint32_t ue_users[LIMIT_SLICES + 1]; /* groups by UE's addresses, published */
static uint32_t *busy, busy_room, busy_count;
static const struct session_state *named; /* a deleted session that still has a name */
static uint32_t named_index;

/* ---- memory ---- */

static void leaving_give(const struct leaving *l)
{
	if (l->pack != 0)
		pool_give(&pack_pool, l->pack,
			session_pack_bytes(pool_at(&pack_pool, 0, l->pack)) / PACK_UNIT);
	if (l->block != 0)
		pool_give(&block_pool, l->block, l->block_units);
	if (l->cells != 0)
		pool_give(&cell_pool, l->cells >> CELL_UNIT_LOG2, l->cell_units);
	if (l->buckets != 0)
		pool_give(&bucket_pool, l->buckets, l->bucket_units);
}

/* Of s, what kept does not go on with. */
static struct leaving leaving_of(const struct session_state *s, const struct session_state *kept)
{
	const struct session_block *b = s->block != 0 ? block_of(s) : NULL;
	const struct session_block *k = kept != NULL && kept->pack != 0 ? block_of(kept) : NULL;
	struct leaving l = {.pack = s->pack,
		.block = s->block,
		.block_units = s->block_units,
		.cell_units = s->cell_units,
		.bucket_units = s->bucket_units};

	if (b != NULL && (k == NULL || k->cells != b->cells))
		l.cells = b->cells;
	if (b != NULL && (k == NULL || k->buckets != b->buckets))
		l.buckets = b->buckets;
	return l;
}

void state_give(const struct session_state *s, const struct session_state *kept)
{
	struct leaving l = leaving_of(s, kept);

	leaving_give(&l);
}

void pack_give_filters(const struct session_state *s)
{
	static struct session_model m;

	session_unpack(pool_at(&pack_pool, 0, s->pack), &m);
	for (uint32_t i = 0; i < m.cfg.pdrs.count; i++)
		filters_give(m.made[i].filters);
}

/* ---- indices ---- */

static void index_leave(uint32_t index)
{
	if (!hold_busy(index)) {
		index_give(index);
		return;
	}
	if (busy_count == busy_room) {
		uint32_t room = busy_room == 0 ? 64 : 2 * busy_room;
		uint32_t *more = realloc(busy, room * sizeof(*more));

		if (more == NULL) {
			RTE_LOG(ERR, USER1, "no memory to wait for session %u: it stays unused\n",
				index);
			return;
		}
		busy = more;
		busy_room = room;
	}
	busy[busy_count++] = index;
}

uint32_t session_poll(void)
{
	uint32_t left = 0, was = busy_count;

	for (uint32_t i = 0; i < busy_count; i++)
		if (hold_busy(busy[i]))
			busy[left++] = busy[i];
		else
			index_give(busy[i]);
	busy_count = left;
	return was - left;
}

void session_reclaim(void)
{
	rcu_reclaim(true);
	session_poll();
}

void session_commit_fini(void)
{
	free(busy);
	busy = NULL;
	busy_room = busy_count = 0;
	memset(ue_users, 0, sizeof(ue_users));
}

static void batch_run(void *arg)
{
	struct batch *b = arg;

	for (uint32_t i = 0; i < b->n; i++) {
		leaving_give(&b->item[i]);
		if (b->item[i].index != 0)
			index_leave(b->item[i].index);
	}
	free(b);
}

/* ---- what was counted ---- */

/* Does a later state count in this cell? Then it is for the same act. */
static bool counts_in(const struct session_block *b, uint32_t cell)
{
	for (uint32_t i = 0; i < b->groups; i++) {
		const struct session_group *g = session_group_at(b, i);

		for (uint32_t k = 0; k < g->acts; k++)
			if (b->cells + session_acts(g)[k].cell == cell)
				return true;
	}
	return false;
}

bool cells_vanish(const struct session_state *before, const struct session_state *after)
{
	const struct session_block *b = block_of(before), *a = block_of(after);

	for (uint32_t i = 0; i < b->groups; i++) {
		const struct session_group *g = session_group_at(b, i);

		for (uint32_t k = 0; k < g->acts; k++)
			if (!counts_in(a, b->cells + session_acts(g)[k].cell))
				return true;
	}
	return b->cells != a->cells;
}

static struct session_cell cell_sum(uint32_t cell)
{
	struct session_cell sum = {0};

	for (uint32_t w = 0; w < cell_pool.copies; w++) {
		sum.packets += cell_of(w, cell)->packets;
		sum.bytes += cell_of(w, cell)->bytes;
	}
	return sum;
}

static void cell_zero(uint32_t cell)
{
	for (uint32_t w = 0; w < cell_pool.copies; w++)
		memset(cell_of(w, cell), 0, sizeof(struct session_cell));
}

/* After the grace period: no worker counts any more in what vanishes. */
static void fold_act(struct session_change *c, const struct session_act *a, uint32_t cells, bool up)
{
	struct session_past *past = pool_at(&pack_pool, 0, session_cold[c->index].past);
	struct session_cell sum = cell_sum(cells + a->cell);

	*(up ? &past->sum.ul_packets : &past->sum.dl_packets) += sum.packets;
	*(up ? &past->sum.ul_bytes : &past->sum.dl_bytes) += sum.bytes;
}

/* One cell that goes while the others of the session stay. */
static void cell_gone(struct session_change *c, uint32_t cell)
{
	if (c->had_urrs)
		urr_cells_gone(c->index, cell, 1);
	cell_zero(cell);
}

static void fold_acts(struct session_change *c)
{
	const struct session_block *b = block_of(&c->before), *a = block_of(&c->after);

	for (uint32_t i = 0; i < b->groups; i++) {
		const struct session_group *g = session_group_at(b, i);

		for (uint32_t k = 0; k < g->acts; k++) {
			const struct session_act *act = &session_acts(g)[k];

			if (counts_in(a, b->cells + act->cell))
				continue;
			fold_act(c, act, b->cells, g->flags & GROUP_UPLINK);
			if (a->cells == b->cells)
				cell_gone(c, b->cells + act->cell);
		}
	}
}

/* Places of the URRs of an old state with credit: their cells are 1 + place. */
static void fold_credit(struct session_change *c)
{
	const struct session_block *b = block_of(&c->before), *a = block_of(&c->after);
	uint32_t was = 0, is = 0;

	for (uint32_t i = 0; i < b->groups; i++) {
		const struct session_group *g = session_group_at(b, i);

		for (uint32_t k = 0; k < g->acts; k++)
			was |= session_acts(g)[k].urrs;
	}
	for (uint32_t i = 0; i < a->groups; i++) {
		const struct session_group *g = session_group_at(a, i);

		for (uint32_t k = 0; k < g->acts; k++)
			is |= session_acts(g)[k].urrs;
	}
	for (was &= ~is; was != 0; was &= was - 1)
		cell_gone(c, b->cells + 1 + __builtin_ctz(was));
}

static void fold(struct session_change *c)
{
	const struct session_block *b = block_of(&c->before), *a = block_of(&c->after);

	if (cells_vanish(&c->before, &c->after))
		fold_acts(c);
	if (a->cells == b->cells) {
		if (c->had_urrs)
			fold_credit(c);
		return;
	}
	struct session_past *past = pool_at(&pack_pool, 0, session_cold[c->index].past);

	past->sum.dropped += cell_sum(b->cells).packets;
	if (c->had_urrs)
		urr_cells_gone(c->index, b->cells, c->before.cell_units << CELL_UNIT_LOG2);
}

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
	bucket_numbers(&was->cfg.qers, from);
	bucket_numbers(&is.cfg.qers, to);
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
		if (key_owner(&key[i]) == 0)
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
	if (c->before.pack != 0)
		wait = hold_begin(&c->hold, block_of(&c->before), b);
	settle_keys(c, &was, &is);
	count_ues(b, 1);
	/* release: pairs with the acquire load of whoever found the index */
	__atomic_store_n(&session_block[c->index], b, __ATOMIC_RELEASE);
	publish_keys(c, &c->after, &is);
	if (c->before.pack != 0) {
		unpublish_keys(c, &was);
		count_ues(block_of(&c->before), -1);
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
	wait = hold_begin(&c->hold, block_of(&c->before), NULL);
	__atomic_store_n(&session_block[c->index], NULL, __ATOMIC_RELEASE);
	count_ues(block_of(&c->before), -1);
	return wait;
}

/* ---- commit ---- */

/* Must the grace period be over before anything else is done? */
static bool wants_grace(const struct session_change *c)
{
	if (c->before.pack == 0)
		return false;
	if (c->after.pack == 0)
		return c->had_urrs;
	return cells_vanish(&c->before, &c->after) || c->had_urrs;
}

/* After publishing: what has counts of its own and waits by itself. */
static void release(struct session_change *c, struct leaving *out)
{
	*out = leaving_of(&c->before, &c->after);
	pack_give_filters(&c->before);
	block_give(block_of(&c->before));
	if (c->after.pack != 0)
		return;
	out->index = c->index;
	if (session_cold[c->index].past != 0)
		pool_give(&pack_pool, session_cold[c->index].past, PAST_UNITS);
	session_cold[c->index].past = 0;
}

static void fold_or_forget(struct session_change *c)
{
	if (c->before.pack == 0)
		return;
	if (c->after.pack != 0) {
		fold(c);
		return;
	}
	named = &c->before;
	named_index = c->index;
	if (c->had_urrs)
		urr_cells_gone(c->index, block_of(&c->before)->cells,
			c->before.cell_units << CELL_UNIT_LOG2);
	named = NULL;
}

void session_commit(struct session_change *const *change, uint32_t n)
{
	struct batch *batch = malloc(sizeof(*batch) + n * sizeof(batch->item[0]));
	bool grace = batch == NULL, held = false;

	/* those that go, go last: an address is its next session's by then */
	for (uint32_t i = 0; i < n; i++)
		if (change[i]->after.pack != 0)
			held |= publish(change[i]);
	for (uint32_t i = 0; i < n; i++) {
		if (change[i]->after.pack == 0)
			held |= withdraw(change[i]);
		grace |= wants_grace(change[i]);
	}
	if (held)
		hold_finish(); /* waits for a grace period */
	else if (grace)
		rcu_synchronize();
	for (uint32_t i = 0; i < n; i++)
		fold_or_forget(change[i]);
	if (batch != NULL)
		batch->n = 0;
	for (uint32_t i = 0; i < n; i++) {
		struct session_change *c = change[i];
		struct leaving l;

		if (c->before.pack != 0) {
			release(c, &l);
			if (batch != NULL) {
				batch->item[batch->n++] = l;
			} else {
				leaving_give(&l);
				if (l.index != 0)
					index_leave(l.index);
			}
		}
	}
	for (uint32_t i = 0; i < n; i++) {
		free(change[i]->marker);
		free(change[i]);
	}
	session_change_closed(n);
	if (batch == NULL)
		return;
	if (batch->n == 0 || held || grace)
		batch_run(batch);
	else
		rcu_defer(batch_run, batch);
}

const char *session_name(uint32_t index)
{
	static char name[LIMIT_NAME + 1];
	const struct session_state *s = &session_cold[index].now;
	uint32_t len;

	if (named != NULL && index == named_index)
		s = named;
	if (s->pack == 0)
		return NULL;
	const char *at = session_pack_name(pool_at(&pack_pool, 0, s->pack), &len);

	memcpy(name, at, len);
	name[len] = '\0';
	return name;
}
