/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory and indices on their way back: of what a committed change replaced, after a grace
 * period; of what was prepared and cancelled, at once. Main thread only. Owns what waits. */
#include <rte_log.h>
#include <stdlib.h>

#include "rcu.h"
#include "session_change.h"
#include "session_filters.h"

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
