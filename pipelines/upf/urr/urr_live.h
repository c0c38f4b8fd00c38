/* SPDX-License-Identifier: BSD-3-Clause */
/* A URR that something may become due of: what workers and main share of it, and what main keeps.
 * Between urr.c and urr_report.c; nobody else includes it.
 *
 * Limits are volumes since the URR was made, so that nothing has to be reset: what is left is the
 * limit less what was handed out, and a new limit is a difference that is added. */
#ifndef UPF_URR_LIVE_H
#define UPF_URR_LIVE_H

#include <rte_common.h>
#include <stdbool.h>

#include "session_index.h"
#include "session_hot.h"
#include "urr.h"

#define URR_NO_LIMIT (1ll << 62)
#define URR_IDLE_S   60 /* without inactivity_s: no packet for so long is a stop of traffic */

/* State: workers and main set and clear bits of it by atomics. */
#define URR_WATCH      0x01u /* main: wants to know of the next packet */
#define URR_STARTED    0x02u /* worker: it came, first_s says when */
#define URR_TOLD       0x04u /* worker: a report to main is on its way */
#define URR_USED       0x08u /* worker: volume quota */
#define URR_USED_S     0x10u /* main: time quota */
#define URR_REPORTED   0x20u /* main: knows of URR_USED */
#define URR_REPORTED_S 0x40u /* the same of URR_USED_S */

struct urr_live {
	/* line 0: workers, when they ask */
	int64_t left; /* to the quota */
	int64_t soft; /* to the threshold; less than 0 until main has seen to it */
	uint32_t state;
	uint32_t first_s;  /* of traffic */
	uint32_t old_cell; /* where the credit was before the session's cells moved; 0: nowhere */
	uint32_t session;

	/* main's */
	uint32_t next, prev; /* in the timer wheel, or next free */
	uint32_t due_s;	     /* 0: in no wheel */
	uint32_t cell;	     /* credit; 0: none */
	uint64_t quota_limit, threshold_limit;

	/* line 1 */
	struct urr_counters reported; /* since the URR was made, as last reported */
	uint64_t threshold_bytes, quota_bytes;
	uint32_t threshold_s, quota_s, period_s, inactivity_s;

	uint32_t report_s; /* when the last report was made */
	uint32_t period_due_s;
	/* time: measured up to `since_s`, and since then while `ticking` */
	uint32_t measured_s, since_s;
	uint32_t reported_s;  /* measured, as last reported */
	uint32_t quota_end_s; /* of measured time; UINT32_MAX: none */
	uint32_t last_s;      /* a packet, as far as cells do not say any more */
	uint8_t report, measure;
	bool ticking, traffic;
	uint32_t moving; /* old credit cells whose grace period is not over */
	uint32_t grant;	 /* number of the quotas' */
} __rte_aligned(64);
_Static_assert(sizeof(struct urr_live) == 192, "three lines");

extern struct urr_live *urr_live; /* [LIMIT_URRS_TOLD + 1] */
extern uint32_t urr_workers;

/* What main keeps of a session's URRs. When a session changes, its record stays behind the new one
 * for as long as workers may count for acts that only it knows. */
struct urr {
	struct urr_counters base; /* of acts that are no more */
	uint32_t id;
	uint32_t live;	   /* 0: nothing can become due */
	uint32_t sequence; /* of the next report */
	uint32_t made_s;
	uint32_t credit; /* its cell; 0: none */
	uint8_t measure;
	uint8_t heir; /* its place in the newer record; URR_DEAD: deleted */
	bool credit_leaves;
};
#define URR_DEAD 255

struct urr_record {
	struct urr_record *older, *newer; /* older: not yet past their grace periods */
	uint8_t urrs, acts;
	uint16_t leaving; /* acts and credit cells whose grace period is not over */
	struct urr urr[];
	/* then the acts: struct urr_act; urrs 0: taken over by the newer record, or gone */
};

static inline struct urr_act *urr_acts(struct urr_record *r)
{
	return (struct urr_act *)&r->urr[r->urrs];
}

/* By session: its newest record, or its brief, whose address has the lowest bit set. 0: none. */
extern uintptr_t *urr_slot; /* [LIMIT_SESSIONS + 1] */

static inline struct urr_record *urr_record_of(uint32_t session)
{
	uintptr_t slot = urr_slot != NULL ? urr_slot[session] : 0;

	return slot & 1 ? NULL : (struct urr_record *)slot;
}

/* ---- urr.c ---- */

/* Since it was made: the n-th of a record. */
void urr_sum(struct urr_record *r, uint32_t n, struct urr_counters *out);

/* ---- urr_report.c ---- */

/* Reports what is due of it now. */
void urr_look(uint32_t session, uint32_t n);
/* The last report; sum: all of it. */
void urr_finish(uint32_t session, struct urr *u, const struct urr_counters *sum);
/* A new one, all 0 but session and cell, with the values of cfg; used: volume until now. */
void urr_begin(struct urr_live *l, const struct api_urr *cfg, uint64_t used);
/* The values of cfg from now on. */
void urr_set(struct urr_live *l, const struct api_urr *cfg);
/* What was held in cells of before is all back: the quota may not be used up after all. */
void urr_settled(struct urr_live *l);
/* Workers come and ask, so that they see what has changed. */
void urr_poke(struct urr_live *l);

/* ---- urr_report.c ---- */

void urr_timers_init(void);
/* urr_look() then, and never any more. */
void urr_arm_at(struct urr_live *l, uint32_t due_s);
void urr_disarm(struct urr_live *l);

static inline uint64_t urr_volume(const struct urr_counters *c)
{
	return c->ul_bytes + c->dl_bytes;
}

#endif
