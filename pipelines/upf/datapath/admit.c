/* SPDX-License-Identifier: BSD-3-Clause */
/* The slice's meter is the top of the hierarchy of a session's meters: what it refuses, after
 * the session had let it pass in the same burst, is taken back here. Owns the mark. */
#include "admit.h"
#include "session_line.h"

#include <rte_errno.h>
#include <rte_mbuf_dyn.h>

int admit_init(void)
{
	static const struct rte_mbuf_dynflag charged = {.name = "sluice_session_charged"};
	int bit = rte_mbuf_dynflag_register(&charged);

	if (bit < 0)
		return -rte_errno;
	session_charged = 1ull << bit;
	return 0;
}

static void line_refund(struct upf_worker *upf, uint32_t session, bool down, uint32_t bytes)
{
	struct session_line *l = session_line(upf->cells, session, down);

	qer_refund_pair(&qer_buckets[line_bucket(session, down)], l->rate, bytes);
	l->cell.packets--;
	l->cell.bytes -= bytes;
	session_line(upf->cells, session, false)->drops++;
}

void session_refund(struct worker *w, struct rte_mbuf *m)
{
	struct upf_worker *upf = switch_of(w)->upf;
	uint64_t mark = *(const session_mark_t *)&m->hash;
	uint32_t at = (mark >> 15 & 0x1ff) * 16, bytes = mark & 0x3fff;

	m->ol_flags &= ~session_charged;
	if (at == 0) {
		line_refund(upf, mark >> 24, mark >> 14 & 1, bytes);
		return;
	}
	const struct session_block *s = (const void *)(uintptr_t)(mark >> 24 << 7);
	const struct session_act *a = (const void *)((const uint8_t *)s + at);
	struct session_cell *cell = &upf->cells[s->cells + a->cell];

	if (a->flags & ACT_METERED)
		qer_refund(s, a, bytes, mark >> 14 & 1);
	for (uint32_t left = a->flags & ACT_URRS ? a->urrs : 0; left != 0; left &= left - 1)
		urr_cell_of(upf->cells, s, __builtin_ctz(left))->credit += bytes;
	cell->packets--;
	cell->bytes -= bytes;
	upf->cells[s->cells].packets++;
}
