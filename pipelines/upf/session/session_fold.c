/* SPDX-License-Identifier: BSD-3-Clause */
/* What acts counted that are no more, so that no counter goes back: into the session's past, and
 * to urr.c. Main thread only. */
#include <string.h>

#include "session_change.h"

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
