/* SPDX-License-Identifier: BSD-3-Clause */
/* Workers' asking for credit (urr_hot.h). Called for the first packet of a second and when what a
 * worker holds does not do; here alone workers touch what they share. Owns nothing. */
#include "urr_live.h"

#include "urr_hot.h"

#define SHARE_PART 64
#define SHARE_MAX  65536

/* One report at a time is on its way; one for which the ring had no room is repeated with the next
 * packet that comes here. */
static void tell(struct worker *w, uint32_t session, uint32_t n, struct urr_live *l)
{
	struct upf_report report = {.kind = REPORT_CREDIT, .session = session, .told = n};

	/* acq_rel: what this worker wrote is seen by main with the bit, which urr_look() clears */
	if (__atomic_fetch_or(&l->state, URR_TOLD, __ATOMIC_ACQ_REL) & URR_TOLD)
		return;
	if (!upf_report(w, &report))
		__atomic_fetch_and(&l->state, ~URR_TOLD, __ATOMIC_RELAXED);
}

/* What this worker holds in a cell that is not the one in hand. */
static int64_t fetch(struct session_cell *cells, uint32_t at, const struct urr_cell *in_hand)
{
	struct urr_cell *cell = (struct urr_cell *)&cells[at];
	int64_t credit = cell->credit;

	if (at == 0 || cell == in_hand || cell->live != in_hand->live)
		return 0;
	cell->credit = 0;
	return credit;
}

/* All that this worker holds goes back: also what is where its credit was before the session's
 * cells moved, or has moved to while this packet was on its way. */
static void give_back(struct worker *w, struct urr_live *l, struct urr_cell *cell)
{
	struct session_cell *cells = switch_of(w)->upf->cells;
	uint32_t old = __atomic_load_n(&l->old_cell, __ATOMIC_RELAXED);
	int64_t back = cell->credit;

	cell->credit = 0;
	if (unlikely(old != 0))
		back += fetch(cells, old, cell) +
			fetch(cells, __atomic_load_n(&l->cell, __ATOMIC_RELAXED), cell);
	if (back == 0)
		return;
	/* relaxed: sums that stand for themselves */
	__atomic_fetch_add(&l->left, back, __ATOMIC_RELAXED);
	__atomic_fetch_add(&l->soft, back, __ATOMIC_RELAXED);
}

static int64_t share(int64_t of, uint32_t bytes)
{
	if (of > URR_NO_LIMIT / 64) /* there is no limit: what somebody keeps is not missed */
		return URR_NO_LIMIT >> 12;
	if (worker_count == 1)
		return of;
	return RTE_MAX(RTE_MIN(of / SHARE_PART, SHARE_MAX), (int64_t)bytes);
}

/* As much as there is sense in, out of both; false: not even so many bytes are left. Beyond the
 * threshold traffic goes on packet by packet. */
static bool get(struct urr_live *l, struct urr_cell *cell, uint32_t bytes)
{
	int64_t left = __atomic_load_n(&l->left, __ATOMIC_RELAXED), want;

	do {
		int64_t soft = __atomic_load_n(&l->soft, __ATOMIC_RELAXED);

		if (left < (int64_t)bytes)
			return false;
		want = RTE_MIN(share(left, bytes), RTE_MAX(share(soft, bytes), (int64_t)bytes));
	} while (!__atomic_compare_exchange_n(
		&l->left, &left, left - want, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	__atomic_fetch_sub(&l->soft, want, __ATOMIC_RELAXED);
	cell->credit = want;
	return true;
}

/* The quota is used up, unless main gave a new one meanwhile: it adds first and clears the bit
 * then, here the bit is set first, and then it is looked what there is (both sequentially
 * consistent). */
static bool use_up(struct urr_live *l, int64_t bytes)
{
	__atomic_fetch_or(&l->state, URR_USED, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&l->left, __ATOMIC_SEQ_CST) < bytes)
		return true;
	__atomic_fetch_and(&l->state, ~URR_USED, __ATOMIC_RELAXED);
	return false;
}

bool urr_more(struct worker *w, uint32_t session, uint32_t n, struct urr_cell *cell, uint32_t bytes)
{
	struct urr_live *l = &urr_live[cell->live];
	uint32_t state = __atomic_load_n(&l->state, __ATOMIC_RELAXED);

	give_back(w, l, cell);
	if (likely(!(state & (URR_USED | URR_USED_S)))) {
		do {
			if (get(l, cell, bytes))
				return true;
		} while (!use_up(l, bytes));
		state = __atomic_load_n(&l->state, __ATOMIC_RELAXED);
	}
	if ((state & URR_USED) && !(state & (URR_TOLD | URR_REPORTED)))
		tell(w, session, n, l);
	return false;
}

/* To the byte: nothing is left that could be asked for. Of several workers another may still have
 * some: there the first packet that is refused says so. */
static bool spent(struct urr_live *l, const struct urr_cell *cell)
{
	return cell->credit == 0 && worker_count == 1 &&
	       __atomic_load_n(&l->left, __ATOMIC_RELAXED) <= 0 && use_up(l, 1);
}

void urr_passed(struct worker *w, uint32_t session, uint32_t n, struct urr_cell *cell)
{
	struct urr_live *l = &urr_live[cell->live];
	bool due = false;

	/* sequentially consistent, as the load after it: either main, which takes traffic for
	 * stopped because it saw no packet, sees this one, or this one sees URR_WATCH
	 * (traffic_ends()) */
	if (cell->seen_s != w->now_s)
		__atomic_store_n(&cell->seen_s, w->now_s, __ATOMIC_SEQ_CST);
	if (unlikely(__atomic_load_n(&l->state, __ATOMIC_SEQ_CST) & URR_WATCH) &&
		(__atomic_fetch_and(&l->state, ~URR_WATCH, __ATOMIC_RELAXED) & URR_WATCH)) {
		__atomic_store_n(&l->first_s, w->now_s, __ATOMIC_RELAXED);
		/* release: with first_s, to urr_look() */
		__atomic_fetch_or(&l->state, URR_STARTED, __ATOMIC_RELEASE);
		due = true;
	}
	if (spent(l, cell))
		due = true;
	if (due || (cell->credit == 0 && __atomic_load_n(&l->soft, __ATOMIC_RELAXED) <= 0))
		tell(w, session, n, l);
}
