/* SPDX-License-Identifier: BSD-3-Clause */
/* Between churn_upf.c, churn_upf_say.c and churn_upf_verify.c: what a slot's session is. */
#ifndef TESTS_CHURN_UPF_STATE_H
#define TESTS_CHURN_UPF_STATE_H

#include "churn_upf.h"

#define NAMES	  (SLOTS + 40)
#define PUT_TEIDS 6 /* for each four slots */

enum way { WAY_SLICE, WAY_EDGE, WAY_N9, WAY_DROP, WAY_HOLD };
enum limit { LIMIT_NONE, LIMIT_RATE, LIMIT_GATE };

struct state {
	bool there, v6, n9, classes, quota, filters;
	uint16_t name;
	uint8_t put; /* of the four slots' TEIDs: 1 + its place, 0: chosen */
	uint8_t up, down[2], peer[2], limit;
	uint32_t rate;			    /* Mbit/s */
	uint32_t life, urr[2];		    /* sums; a URR's is its id */
	uint32_t up_outlet, down_outlet[2]; /* 0: nothing leaves */
	uint32_t inlet[2];		    /* n3, n9; 0: none */
};

/* Of each URR: what its reports said, and where it belongs. */
struct measured {
	uint64_t ul_packets, ul_bytes, dl_packets, dl_bytes;
	uint16_t name;
	bool ended, reported_end, talks;
};

extern struct state churn_state[SLOTS]; /* committed */
extern struct measured *churn_measured;

/* ---- churn_upf_want.c ---- */

void churn_want_init(void);
/* A new session, another state of it, none: of the slot's. */
void churn_come(uint32_t slot, struct state *s);
void churn_change(uint32_t slot, struct state *s);
void churn_go(uint32_t slot, struct state *s);
/* No TEID of its own choice; what it had before a transaction that is given up. */
void churn_put_drop(uint32_t slot, struct state *s);
void churn_take_back(uint32_t slot, const struct state *s);
/* New ones where it leaves another way, and now and then where it could go on. */
void churn_outlets_make(uint32_t slot, const struct state *was, struct state *is);

/* ---- churn_upf_say.c ---- */

/* A session as an operator puts it; lives until the next call. */
const char *churn_say(uint32_t slot, const struct state *s);
const char *churn_name(const struct state *s);

/* ---- churn_upf_verify.c ---- */

/* A URR that is no more: its final report is to be made by the commit that comes. */
void churn_urr_ends(uint32_t id);
void churn_verify_init(void);

#endif
