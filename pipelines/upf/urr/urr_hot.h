/* SPDX-License-Identifier: BSD-3-Clause */
/* What a packet meets of URRs that want credit (urr.h): is there as much left? Then it is taken,
 * after the meters agreed too. Runs on workers. Asking for more is in urr.c.
 *
 * A credit cell holds the bytes that its worker may still pass. It gets them from what the workers
 * share, two counters: to the quota, which ends traffic, and to the threshold, which only wants to
 * be told. One worker takes all there is, so it asks when something is due and once a second. Of
 * several each takes 1/64 of what is left, at most 64 KiB, in the end just what its packet needs;
 * it gives back what it has before it asks. So no quota is passed by a byte, and a packet is
 * refused that would fit only if it needs what other workers hold: at most (workers - 1) times
 * the less of 64 KiB and a 64th of the quota. It stays theirs to use. */
#ifndef UPF_URR_HOT_H
#define UPF_URR_HOT_H

#include "session_hot.h"
#include "upf_worker.h"

/* A session's cell that is a URR's credit. Written by its worker; main makes it ready, and sets
 * seen_s to 0 to be asked soon. */
struct urr_cell {
	uint64_t credit;
	uint32_t seen_s; /* second of the last packet */
	uint32_t live;	 /* index into urr_live */
};
_Static_assert(sizeof(struct urr_cell) == sizeof(struct session_cell), "a cell is a cell");

static __rte_always_inline struct urr_cell *urr_cell_of(
	struct session_cell *cells, const struct session_block *s, uint32_t n)
{
	return (struct urr_cell *)&cells[s->cells + 1 + n];
}

/* Gets credit for these bytes: false when a quota is used up. */
bool urr_more(
	struct worker *w, uint32_t session, uint32_t n, struct urr_cell *cell, uint32_t bytes);
/* The first packet of a second, or the last byte of what it held. */
void urr_passed(struct worker *w, uint32_t session, uint32_t n, struct urr_cell *cell);

/* Is there credit with all of the act's (ACT_URRS)? Nothing is taken yet. */
static __rte_always_inline bool urr_allows(struct worker *w, uint32_t session,
	const struct session_block *s, const struct session_act *a, uint32_t bytes)
{
	struct session_cell *cells = switch_of(w)->upf->cells;

	for (uint32_t left = a->urrs; left != 0; left &= left - 1) {
		uint32_t n = __builtin_ctz(left);
		struct urr_cell *cell = urr_cell_of(cells, s, n);

		if (unlikely(cell->credit < bytes || cell->seen_s != w->now_s) &&
			!urr_more(w, session, n, cell, bytes))
			return false;
	}
	return true;
}

/* After urr_allows(), in the same burst. */
static __rte_always_inline void urr_take(struct worker *w, uint32_t session,
	const struct session_block *s, const struct session_act *a, uint32_t bytes)
{
	struct session_cell *cells = switch_of(w)->upf->cells;

	for (uint32_t left = a->urrs; left != 0; left &= left - 1) {
		uint32_t n = __builtin_ctz(left);
		struct urr_cell *cell = urr_cell_of(cells, s, n);

		cell->credit -= bytes;
		if (unlikely(cell->credit == 0 || cell->seen_s != w->now_s))
			urr_passed(w, session, n, cell);
	}
}

#endif
