/* SPDX-License-Identifier: BSD-3-Clause */
/* What session.c and hold.c will define: until they are here the user plane has no session. Whoever
 * brings the real one takes its lines out, and the last one this file. */
#include "hold.h"
#include "session_hot.h"

#define MISSING __attribute__((weak))

MISSING struct session_block **session_block;
MISSING struct exact_table teid_table, ue4_table, ue6_table;

MISSING bool hold_first(struct worker *w, struct burst *b, struct rte_mbuf *m, uint32_t session,
	const struct session_block *s, uint8_t group)
{
	(void)w, (void)b, (void)m, (void)session, (void)s, (void)group;
	return false;
}

MISSING void hold_take(struct worker *w, struct burst *b, struct rte_mbuf *m, uint32_t session,
	const struct session_block *s, const struct session_act *a, uint8_t group, uint8_t rule)
{
	(void)s, (void)a, (void)group, (void)rule, (void)session;
	worker_drop(w, b, m, DROP_HOLD_NO_ROOM);
}

MISSING void hold_tick(struct worker *w)
{
	(void)w;
}

MISSING int hold_worker_init(struct worker *w)
{
	(void)w;
	return 0;
}

MISSING void hold_worker_fini(struct worker *w)
{
	(void)w;
}
