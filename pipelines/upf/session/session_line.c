/* SPDX-License-Identifier: BSD-3-Clause */
/* Which sessions their lines serve, and what stands in them (session_line.h). Main thread only.
 * Owns nothing but the commits' numbers. */
#include "session_private.h"
#include "session_line.h"

#include "qer_hot.h"
#include "rules.h"
#include "session_store.h"
#include "worker.h"

#define HELD (SESSION_FLUSHING | SESSION_RETURNED | SESSION_RECALL)

static uint8_t last_commit;

uint8_t session_lines_commit(void)
{
	last_commit = (last_commit + 1) % SESSION_COMMITS;
	return last_commit;
}

uint8_t session_lines_last(void)
{
	return last_commit;
}

static struct session_line *line_of(uint32_t worker, uint32_t index, bool down)
{
	return session_line(session_cells(worker), index, down);
}

/* ---- off ---- */

void session_line_off(uint32_t index)
{
	struct session_cold *cold = &session_cold[index];

	cold->off = 1;
	cold->commit = last_commit;
	if (!cold->home)
		return;
	for (uint32_t w = 0; w < cell_pool.copies; w++)
		for (int down = 0; down < 2; down++)
			/* relaxed: who still sees the key is waited for */
			__atomic_store_n(&line_of(w, index, down)->key, 0, __ATOMIC_RELAXED);
}

/* ---- on ---- */

/* The act of a group, if it has but one and a line can say all about it; else NULL. */
static const struct session_act *plain_act(
	const struct session_group *g, uint8_t what, uint8_t cell, uint8_t flags)
{
	const struct session_act *a = session_acts(g);

	if (g->acts != 1 || g->rules >= SESSION_LINE_RULES)
		return NULL;
	return a->what == what && a->cell == cell && a->more == 0 && !(a->flags & ~flags) ? a
											  : NULL;
}

/* Those that must look at a packet of the UE's; 0: none. */
static uint32_t rules_that_look(const struct session_group *g)
{
	const struct rules *r = rules_hot[g->rules];

	return rules_is_trivial_for_ue(r) && r->result.act != RULES_NONE ? 0 : g->rules;
}

static void line_fill(
	uint32_t index, bool down, const struct session_act *a, const struct session_line *how)
{
	for (uint32_t w = 0; w < cell_pool.copies; w++) {
		struct session_line *l = line_of(w, index, down);

		l->address = how->address;
		if (down)
			l->down = how->down;
		else
			l->up = how->up;
		l->rate[0] = l->rate[1] = 0;
		for (uint32_t i = 0; i < RTE_DIM(a->meter); i++)
			if (a->meter[i] != 0)
				l->rate[QER_BUCKET(a->meter[i]) % HOME_BUCKETS_DOWN] =
					QER_RATE(a->meter[i]);
		/* release: pairs with the acquire of session_line_key() */
		__atomic_store_n(&l->key, how->key, __ATOMIC_RELEASE);
	}
}

static void line_up(uint32_t index, const struct session_block *s, const struct session_group *g)
{
	const struct session_act *a = plain_act(g, ACT_SLICE, HOME_UP, ACT_METERED);
	uint32_t teid = rte_be_to_cpu_32(g->teid_be);

	/* by a TEID that was put the line is not found */
	if (a == NULL || s->ue4 == 0 || teid == 0 || TEID_SESSION(teid) != index)
		return;
	line_fill(index, false, a,
		&(struct session_line){.key = SESSION_LINE_UP(g->teid_be),
			.address = rte_cpu_to_be_32(s->ue4),
			.up = {.slice = a->slice, .gtpu = g->gtpu, .rules = rules_that_look(g)}});
}

static void line_down(uint32_t index, uint32_t n, const struct session_group *g)
{
	const uint8_t flags = ACT_METERED | ACT_PSC | ACT_UL_PSC;
	const struct session_act *a = plain_act(g, ACT_GTPU, HOME_DOWN, flags);

	if (a == NULL || g->teid_be != 0 || g->slice != a->slice)
		return;
	line_fill(index, true, a,
		&(struct session_line){.key = SESSION_LINE_DOWN(n, g->slice),
			.address = a->teid_be,
			.down = {.peer = a->peer,
				.qfi = a->qfi,
				.tos = a->tos,
				.flags = a->flags & (ACT_PSC | ACT_UL_PSC),
				.rules = rules_that_look(g)}});
}

void session_line_on(uint32_t index)
{
	const struct session_block *s = session_block[index];

	if (s == NULL || session_cold[index].off || !SESSION_IS_HOME(s->cells) ||
		(s->flags & (HELD | SESSION_ETHERNET)))
		return;
	for (uint32_t i = 0; i < s->groups; i++) {
		const struct session_group *g = session_group_at(s, i);

		if (g->flags & GROUP_UPLINK)
			line_up(index, s, g);
		else
			line_down(index, i, g);
	}
}

void session_line_new(uint32_t index)
{
	session_cold[index].off = 0;
	session_line_on(index);
}

void session_line_settled(uint32_t index, uint8_t commit)
{
	struct session_cold *cold = &session_cold[index];

	if (!cold->off || cold->commit != commit)
		return;
	cold->off = 0;
	session_line_on(index);
}
