/* SPDX-License-Identifier: BSD-3-Clause */
/* What a session's block says about packets that are held: which FARs hold, whether a change
 * matters to them, and where they belong after it. */
#include "hold_state.h"

static const struct session_act *acts_end(const struct session_group *g)
{
	return session_acts(g) + g->acts;
}

uint32_t hold_fars(const struct session_block *s)
{
	uint32_t fars = 0;

	for (uint32_t i = 0; s != NULL && i < s->groups; i++) {
		const struct session_group *g = session_group_at(s, i);

		for (const struct session_act *a = session_acts(g); a < acts_end(g); a++)
			if (a->what == ACT_HOLD)
				fars |= 1u << a->far;
	}
	return fars;
}

bool hold_far_drops(const struct session_block *s, uint32_t far)
{
	bool drops = false;

	for (uint32_t i = 0; i < s->groups; i++) {
		const struct session_group *g = session_group_at(s, i);

		for (const struct session_act *a = session_acts(g); a < acts_end(g); a++)
			if (a->far == far && a->what != ACT_DROP)
				return false;
			else if (a->far == far)
				drops = true;
	}
	return drops;
}

uint8_t hold_far_now(const struct hold_change *c, uint8_t far)
{
	return c->far_now == NULL || far >= LIMIT_SESSION_FARS ? far : c->far_now[far];
}

uint32_t hold_fars_now(const struct hold_change *c, uint32_t fars)
{
	uint32_t now = 0;

	for (; fars != 0; fars &= fars - 1) {
		uint8_t far = hold_far_now(c, __builtin_ctz(fars));

		now |= far < LIMIT_SESSION_FARS ? 1u << far : 0;
	}
	return now;
}

static bool same_group(const struct session_group *a, const struct session_group *b)
{
	return a->teid_be == b->teid_be && a->gtpu == b->gtpu && a->flags == b->flags &&
	       (a->teid_be != 0 || a->slice == b->slice);
}

bool hold_same(const struct session_block *a, const struct session_block *b)
{
	if (a->groups != b->groups || a->ue4 != b->ue4 || a->ue6 != b->ue6)
		return false;
	for (uint32_t i = 0; i < a->groups; i++) {
		const struct session_group *g = session_group_at(a, i), *h = session_group_at(b, i);

		if (!same_group(g, h) || g->rules != h->rules || g->acts != h->acts)
			return false;
		for (uint32_t k = 0; k < g->acts; k++) {
			const struct session_act *x = &session_acts(g)[k], *y = &session_acts(h)[k];

			if ((x->what == ACT_HOLD || y->what == ACT_HOLD) &&
				(x->what != y->what || x->far != y->far))
				return false;
		}
	}
	return true;
}

uint32_t hold_group_now(
	const struct session_block *before, const struct session_block *after, uint32_t group)
{
	const struct session_group *g = session_group_at(before, group);

	if (group < after->groups && same_group(g, session_group_at(after, group)))
		return group;
	for (uint32_t i = 0; i < after->groups; i++)
		if (same_group(g, session_group_at(after, i)))
			return i;
	return SESSION_GROUPS;
}
