/* SPDX-License-Identifier: BSD-3-Clause */
/* What all rooms of the user plane share: whether it is started, events to the control plane,
 * reports of workers, and drops as sessions count them. */
#include "event.h"
#include "session_index.h"
#include "upf_worker.h"

void (*upf_on_event)(const struct upf_event *event);
int (*upf_starter)(void);
bool upf_started;
struct session_ops session_ops;
struct exact_table teid_table;

int upf_start(void)
{
	int rc = upf_started ? 0 : upf_starter();

	upf_started = rc == 0;
	return rc;
}

bool upf_is_started(void)
{
	return upf_started;
}

bool upf_report(struct worker *w, const struct upf_report *report)
{
	struct upf_worker *upf = switch_of(w)->upf;

	if (rte_ring_sp_enqueue_elem(upf->reports, (void *)(uintptr_t)report, sizeof(*report)) == 0)
		return true;
	upf->reports_lost++;
	return false;
}

/* ---- drops ---- */

void session_count_drop(struct worker *w, uint32_t session)
{
	/* acquire: pairs with the release in session.c */
	const struct session_block *s = __atomic_load_n(&session_block[session], __ATOMIC_ACQUIRE);

	if (s != NULL)
		switch_of(w)->upf->cells[s->cells].packets++;
}

void session_drop(struct worker *w, struct burst *b, struct rte_mbuf *m, uint32_t session,
	const struct session_block *s, enum drop_reason why)
{
	struct switch_worker *sw = switch_of(w);

	(void)session;
	sw->upf->cells[s->cells].packets++;
	sw->slice.dropped[s->slice]++;
	sw->slice_drops[s->slice][why]++;
	worker_drop(w, b, m, why);
}
