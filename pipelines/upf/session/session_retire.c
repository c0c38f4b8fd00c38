/* SPDX-License-Identifier: BSD-3-Clause */
/* What a change has replaced, once no worker uses it any more: counts go over to what follows,
 * memory, filters and indices go back to where they came from, and sessions that could not have
 * their home return to it. Main thread. */
#include <rte_log.h>
#include <stdlib.h>
#include <string.h>

#include "rcu.h"
#include "session_change.h"
#include "session_filters.h"

/* ==== counts ==== */

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

/* Places of the URRs with credit that an act names. */
static uint32_t told_by(const struct session_block *b)
{
	uint32_t told = 0;

	for (uint32_t i = 0; i < b->groups; i++) {
		const struct session_group *g = session_group_at(b, i);

		for (uint32_t k = 0; k < g->acts; k++)
			told |= session_acts(g)[k].urrs;
	}
	return told;
}

/* Their cells are 1 + place. */
static uint32_t credit_vanishing(
	const struct session_block *before, const struct session_block *after)
{
	return told_by(before) & ~told_by(after);
}

bool session_fold_wanted(const struct session_change *c)
{
	return cells_vanish(&c->before, &c->after) ||
	       (c->had_urrs && credit_vanishing(block_of(&c->before), block_of(&c->after)) != 0);
}

void session_fold(struct session_change *c)
{
	const struct session_block *b = block_of(&c->before), *a = block_of(&c->after);

	if (cells_vanish(&c->before, &c->after))
		fold_acts(c);
	if (a->cells == b->cells) {
		uint32_t gone = c->had_urrs ? credit_vanishing(b, a) : 0;

		for (; gone != 0; gone &= gone - 1)
			cell_gone(c, b->cells + 1 + __builtin_ctz(gone));
		return;
	}
	struct session_past *past = pool_at(&pack_pool, 0, session_cold[c->index].past);

	past->sum.dropped += cell_sum(b->cells).packets;
	if (c->had_urrs)
		urr_cells_gone(c->index, b->cells, c->before.cell_units << CELL_UNIT_LOG2);
}

/* ==== memory ==== */

/* What of a state is to be given back: 0 where the next state has taken it over. */
struct leaving {
	uint32_t index;
	bool deleted;
	uint32_t pack, block, cells;
	uint8_t block_units, cell_units;
};

struct batch {
	uint32_t n;
	uint8_t commit; /* session_line.h */
	struct leaving item[];
};

static uint32_t *busy, busy_room, busy_count;
static uint32_t deferred; /* batches */

/* ---- memory ---- */

static void leaving_give(const struct leaving *l)
{
	if (l->pack != 0)
		pool_give(&pack_pool, l->pack,
			session_pack_bytes(pool_at(&pack_pool, 0, l->pack)) / PACK_UNIT);
	if (l->block != 0)
		pool_give(&block_pool, l->block, l->block_units);
	if (SESSION_IS_HOME(l->cells) && l->cells != 0)
		home_give(l->cells / HOME_CELLS);
	else if (l->cells != 0)
		pool_give(&cell_pool, l->cells >> CELL_UNIT_LOG2, l->cell_units);
}

/* Of s, what kept does not go on with. */
static struct leaving leaving_of(const struct session_state *s, const struct session_state *kept)
{
	const struct session_block *b = s->block != 0 ? block_of(s) : NULL;
	const struct session_block *k = kept != NULL && kept->pack != 0 ? block_of(kept) : NULL;
	struct leaving l = {.pack = s->pack,
		.block = s->block,
		.block_units = s->block_units,
		.cell_units = s->cell_units};

	if (b != NULL && (k == NULL || k->cells != b->cells))
		l.cells = b->cells;
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

void session_give_fini(void)
{
	free(busy);
	busy = NULL;
	busy_room = busy_count = 0;
}

/* Of a session that stays only its block and cells were another. */
static void leaving_end(const struct leaving *l, uint8_t commit)
{
	if (l->deleted)
		index_leave(l->index);
	else
		session_line_settled(l->index, commit);
	if (session_cold[l->index].homeless && !session_cold[l->index].off)
		session_home_wanted(l->index);
}

static void batch_run(void *arg)
{
	struct batch *b = arg;

	for (uint32_t i = 0; i < b->n; i++) {
		leaving_give(&b->item[i]);
		leaving_end(&b->item[i], b->commit);
	}
	free(b);
}

static void batch_run_deferred(void *arg)
{
	deferred--;
	batch_run(arg);
}

/* ---- of a transaction ---- */

struct batch *batch_new(uint32_t n)
{
	struct batch *b = malloc(sizeof(*b) + n * sizeof(b->item[0]));
	uint8_t commit = session_lines_commit();

	/* also without waiting: commits that waited themselves may be many, and have numbers too */
	rcu_reclaim(deferred == SESSION_COMMITS - 1);
	if (b != NULL)
		*b = (struct batch){.commit = commit};
	return b;
}

void batch_add(struct batch *b, const struct session_change *c)
{
	struct leaving l = leaving_of(&c->before, &c->after);
	uint32_t past = session_cold[c->index].past;

	pack_give_filters(&c->before);
	block_give(block_of(&c->before));
	l.index = c->index;
	l.deleted = c->after.pack == 0;
	if (l.deleted) {
		if (past != 0)
			pool_give(&pack_pool, past, PAST_UNITS);
		session_cold[c->index].past = 0;
	}
	if (b != NULL) {
		b->item[b->n++] = l;
		return;
	}
	leaving_give(&l);
	leaving_end(&l, session_lines_last());
}

void batch_end(struct batch *b, bool passed)
{
	if (b == NULL)
		return;
	if (passed || b->n == 0)
		batch_run(b);
	else {
		deferred++;
		rcu_defer(batch_run_deferred, b);
	}
}

/* ==== homes ==== */

#define HOMES_A_TURN 64 /* one grace period, and less than a millisecond otherwise */
#define GROW	     256

static uint32_t *waiting, waiting_room, waiting_count;

void session_home_wanted(uint32_t index)
{
	if (waiting_count == waiting_room) {
		uint32_t *more = realloc(waiting, (2 * waiting_room + GROW) * sizeof(*more));

		if (more == NULL)
			return; /* it goes on as it is */
		waiting = more;
		waiting_room = 2 * waiting_room + GROW;
	}
	waiting[waiting_count++] = index;
}

/* Does it still want to, and may it? It has been changed or deleted since, perhaps. */
static bool may_go(uint32_t index)
{
	const struct session_cold *cold = &session_cold[index];

	return cold->now.pack != 0 && cold->homeless && !cold->home && !cold->off;
}

uint32_t session_home_poll(void)
{
	struct session_change *change[HOMES_A_TURN];
	uint32_t n = 0;

	if (waiting_count == 0 || session_changes_open())
		return 0;
	for (uint32_t i = 0; i < HOMES_A_TURN && waiting_count > 0; i++) {
		uint32_t index = waiting[--waiting_count];

		if (may_go(index) && session_prepare_home(index, &change[n]) == 1)
			n++;
	}
	if (n > 0)
		session_commit(change, n);
	return n;
}

void session_home_fini(void)
{
	free(waiting);
	waiting = NULL;
	waiting_room = waiting_count = 0;
}
