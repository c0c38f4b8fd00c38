/* SPDX-License-Identifier: BSD-3-Clause */
/* One session's URRs, its workers' cells and main, without packets, tables and rings: for
 * test_urr.c and test_urr_time.c. Time is the test's. */
#ifndef TESTS_URR_RIG_H
#define TESTS_URR_RIG_H

#include <check.h>
#include <string.h>

#include "admit.h"
#include "session.h"
#include "table_eal.h"
#include "tsc.h"
#include "urr.h"
#include "urr_live.h"

#define SESSION	    7u
#define RIG_WORKERS 4
#define RIG_CELLS   1200000
#define RIG_EVENTS  4096

static struct session_cell *rig_cells[RIG_WORKERS];
static struct worker rig_worker[RIG_WORKERS];
static struct switch_worker rig_switch[RIG_WORKERS];
static struct upf_worker rig_upf[RIG_WORKERS];
static uint32_t rig_now;

/* What workers told and main has not read yet. */
static uint32_t rig_told;
static bool rig_deaf; /* the ring is full */

static struct upf_usage rig_event[RIG_EVENTS];
static uint32_t rig_events;
static bool rig_counts_only;

void (*upf_on_event)(const struct upf_event *event);

struct session_cell *session_cells(uint32_t worker)
{
	return rig_cells[worker];
}

const char *session_name(uint32_t index)
{
	return "ue";
}

bool upf_report(struct worker *w, const struct upf_report *report)
{
	if (rig_deaf)
		return false;
	__atomic_fetch_add(&rig_told, 1, __ATOMIC_RELAXED);
	return true;
}

static void rig_on_event(const struct upf_event *event)
{
	ck_assert_str_eq(event->session, "ue");
	if (!rig_counts_only)
		rig_event[rig_events] = event->usage;
	rig_events += rig_counts_only || rig_events + 1 < RIG_EVENTS;
}

static void rig_time(uint32_t now_s)
{
	rig_now = now_s;
	tsc_stopped = (now_s - 1) * rte_get_tsc_hz();
	for (uint32_t i = 0; i < RIG_WORKERS; i++)
		rig_worker[i].now_s = now_s;
}

static void rig(uint32_t workers)
{
	worker_count = workers;
	rig_time(1000);
	for (uint32_t i = 0; i < RIG_WORKERS; i++) {
		if (rig_cells[i] == NULL)
			rig_cells[i] = calloc(RIG_CELLS, sizeof(struct session_cell));
		else
			memset(rig_cells[i], 0, 4096 * sizeof(struct session_cell));
		rig_worker[i].id = i;
		rig_worker[i].pipeline = &rig_switch[i];
		rig_switch[i].upf = &rig_upf[i];
		rig_upf[i].cells = rig_cells[i];
	}
	rig_told = rig_events = 0;
	rig_deaf = rig_counts_only = false;
	upf_on_event = rig_on_event;
	ck_assert_int_eq(urr_init(workers), 0);
}

static void rig_end(void)
{
	urr_fini();
	worker_count = 0;
}

/* What main does in a turn of its loop. */
static void rig_poll(void)
{
	while (__atomic_exchange_n(&rig_told, 0, __ATOMIC_RELAXED) > 0)
		urr_told(SESSION, 0);
	while (urr_poll() > 0)
		;
}

/* ---- a session ---- */

struct rig_session {
	uint32_t cells; /* first */
	uint32_t urrs, acts;
	struct api_urr urr[8];
	struct urr_act act[8]; /* cell: from 1 + urrs on, of the session's */
};

/* As workers see one act of it. */
struct rig_act {
	struct session_block block;
	struct session_act act;
} __rte_aligned(128);

static struct api_urr rig_urr(uint32_t id)
{
	return (struct api_urr){.id = id,
		.measure = MEASURE_VOLUME,
		.quota_bytes = NO_QUOTA,
		.quota_s = NO_QUOTA_S};
}

static struct urr_change *rig_prepare(const struct rig_session *s)
{
	struct api_urrs urrs = {s->urrs, (struct api_urr *)s->urr};
	struct urr_act act[8];
	uint32_t credit[8];
	struct urr_change *change;

	for (uint32_t i = 0; i < s->urrs; i++)
		credit[i] = s->cells + 1 + i;
	memcpy(act, s->act, sizeof(act));
	for (uint32_t i = 0; i < s->acts; i++)
		act[i].cell += s->cells;
	struct urr_session to = {
		.session = SESSION, .urrs = &urrs, .credit = credit, .act = act, .acts = s->acts};

	ck_assert_int_eq(urr_prepare(&to, &change), 0);
	return change;
}

static void rig_put(const struct rig_session *s)
{
	urr_commit(rig_prepare(s));
}

static struct rig_act rig_act(const struct rig_session *s, uint32_t n)
{
	struct rig_act a = {.block.cells = s->cells, .act.cell = s->act[n].cell};

	for (uint32_t i = 0; i < s->urrs; i++)
		if ((s->act[n].urrs >> i & 1) && urr_wants_credit(&s->urr[i]))
			a.act.urrs |= 1u << i;
	a.act.flags = a.act.urrs != 0 ? ACT_URRS : 0;
	return a;
}

/* A packet meets an act, as session_batch.c does it. */
static bool rig_packet(uint32_t worker, const struct rig_act *a, uint32_t bytes)
{
	struct worker *w = &rig_worker[worker];
	struct session_cell *cell = &rig_cells[worker][a->block.cells + a->act.cell];
	bool yellow;
	enum drop_reason why = session_admit(w, SESSION, &a->block, &a->act, bytes, &yellow);

	if (why != DROP_REASONS)
		return false;
	__atomic_store_n(&cell->packets, cell->packets + 1, __ATOMIC_RELAXED);
	__atomic_store_n(&cell->bytes, cell->bytes + bytes, __ATOMIC_RELAXED);
	return true;
}

static bool rig_send(uint32_t worker, const struct rig_session *s, uint32_t n, uint32_t bytes)
{
	struct rig_act a = rig_act(s, n);

	return rig_packet(worker, &a, bytes);
}

/* One URR, with an act up and one down. */
static struct rig_session rig_simple(struct api_urr urr)
{
	return (struct rig_session){.cells = 16,
		.urrs = 1,
		.acts = 2,
		.urr = {urr},
		.act = {{.cell = 2, .urrs = 1, .uplink = true}, {.cell = 3, .urrs = 1}}};
}

static inline uint64_t rig_volume(uint32_t n)
{
	struct urr_counters c;

	ck_assert(urr_read(SESSION, n, &c));
	return c.ul_bytes + c.dl_bytes;
}

static uint64_t usage_bytes(const struct upf_usage *u)
{
	return u->ul_bytes + u->dl_bytes;
}

static inline uint64_t rig_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

#endif
