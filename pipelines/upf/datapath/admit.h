/* SPDX-License-Identifier: BSD-3-Clause */
/* May this packet pass? Its QERs' rates (qer_hot.h) and its URRs' quotas (urr.h): all of them,
 * or it is dropped and none has been charged. Counting (cells) is the caller's, after it, and so
 * is session_mark(). */
#ifndef UPF_ADMIT_H
#define UPF_ADMIT_H

#include "police_hot.h"
#include "qer_hot.h"
#include "upf_worker.h"
#include "urr_hot.h"

/* DROP_REASONS: it may; else why not. bytes: of the inner packet. *yellow: within the MBR but above
 * the GBR. Worker. */
static __rte_always_inline enum drop_reason session_admit(struct worker *w, uint32_t session,
	const struct session_block *s, const struct session_act *a, uint32_t bytes, bool *yellow)
{
	*yellow = false;
	if ((a->flags & ACT_URRS) && unlikely(!urr_allows(w, session, s, a, bytes)))
		return DROP_URR_QUOTA;
	if ((a->flags & ACT_METERED) && unlikely(!qer_admit(w->now_tsc, s, a, bytes, yellow)))
		return DROP_QER_RATE;
	if (a->flags & ACT_URRS)
		urr_take(w, session, s, a, bytes);
	return DROP_REASONS;
}

/* Lines that session_admit() will touch. */
static __rte_always_inline void session_admit_prefetch(
	const struct worker *w, const struct session_block *s)
{
	rte_prefetch0(&qer_buckets[s->buckets]);
	rte_prefetch0(&switch_of((struct worker *)w)->upf->cells[s->cells]);
}

/* ---- what the slice's meter refuses has taken nothing of the session's ---- */

/* 0 or -errno. Main thread, before workers. */
int admit_init(void);

/* With the mark `session_charged` m->hash says of what. */
/* m->hash as one word; it lies at a multiple of four. */
typedef uint64_t session_mark_t __attribute__((aligned(4), may_alias));

/* Of an admitted and counted packet, before it goes into the slice or a tunnel: its colour, and
 * what to give back if the slice's meter, further on in the same burst, refuses it. m->hash is in
 * use from here to shaper_mark(). For every packet of a session, also of acts without meters:
 * an earlier session's mark ends here. */
static __rte_always_inline void session_mark(struct rte_mbuf *m, const struct session_block *s,
	const struct session_act *a, uint32_t bytes, bool yellow)
{
	uint64_t at = (const uint8_t *)a - (const uint8_t *)s; /* a multiple of 16 */

	/* blocks are aligned to 128: 40 bits of address, 9 of the act's place, colour, length */
	*(session_mark_t *)&m->hash =
		(uintptr_t)s >> 7 << 24 | at >> 4 << 15 | (uint64_t)yellow << 14 | (bytes & 0x3fff);
	m->ol_flags = (m->ol_flags & ~session_charged) | session_charged |
		      (unlikely(yellow) ? police_yellow : 0);
}

/* The same for a packet that a session's line has served (session_line.h). Blocks lie beyond the
 * first head of 48 bytes, so no act is at 0. */
static __rte_always_inline void session_mark_line(
	struct rte_mbuf *m, uint32_t session, bool down, uint32_t bytes)
{
	*(session_mark_t *)&m->hash =
		(uint64_t)session << 24 | (uint64_t)down << 14 | (bytes & 0x3fff);
	m->ol_flags |= session_charged;
}

/* Called for a frame with the mark that the slice's meter refuses, before it is dropped: rates,
 * credit and counts are as if it had not come; it counts as a drop of the session. */
void session_refund(struct worker *w, struct rte_mbuf *m);

#endif
