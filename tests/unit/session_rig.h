/* SPDX-License-Identifier: BSD-3-Clause */
/* A box with two slices and two own GTP-U addresses, and sessions to put into it. */
#ifndef TESTS_SESSION_RIG_H
#define TESTS_SESSION_RIG_H

#include "peer.h"
#include "session.h"
#include "upf.h"

extern uint16_t rig_l3, rig_l3b, rig_l2; /* slices */
extern uint16_t rig_n3, rig_n9;		 /* gtpus: access, core */

void session_rig_eal(void);
void session_rig_start(void); /* the two below */
void session_rig_switch(void);
void session_rig_objects(void);
void session_rig_stop(void);

/* A session with room for what tests add. */
struct made {
	struct api_session cfg;
	struct api_pdr pdr[LIMIT_SESSION_PDRS];
	struct api_far far[LIMIT_SESSION_FARS];
	struct api_qer qer[LIMIT_SESSION_QERS];
	struct api_urr urr[LIMIT_SESSION_URRS];
	struct api_ip framed[LIMIT_SESSION_FRAMED];
	uint32_t qers[2], urrs[2]; /* 1, 2 */
	uint32_t second[1];	   /* 2 */
	struct api_text item[LIMIT_SESSION_PDRS];
	char text[LIMIT_SESSION_PDRS][100];
};

/* Uplink by a TEID that is chosen on n3, into the slice; downlink to 10.0.0.n, to TEID 1000 + n at
 * 198.18.0.2; both with a QER and a URR. Lives until the next call. */
struct made *simple(const char *name, uint32_t n);

/* The same with more of everything: IPv6, a framed prefix, two QERs and URRs, filters, a FAR to N9,
 * a duplicate, a BAR. PDRs 1 and 3 uplink on one TEID, 2 and 4 downlink. */
struct made *rich(const char *name, uint32_t n);
/* One filter of its i-th PDR. */
void filter(struct made *m, uint32_t i, const char *text);
/* PDRs on TEIDs of their own, up to n in all. */
void more_pdrs(struct made *m, uint32_t n);

/* What all sessions together hold; the same before and after what leaves nothing behind. */
struct usage {
	uint64_t bytes, blocks, cells, packs;
	uint32_t sessions, teids, ue4s, ue6s, prefixes, peers, filters, rules, rates, slices, gtpus;
};
struct usage usage(void);
#define ck_assert_usage(before)                                                                    \
	do {                                                                                       \
		struct usage now_ = usage();                                                       \
		ck_assert_msg(memcmp(&(before), &now_, sizeof(now_)) == 0, "%s",                   \
			usage_text(&(before), &now_));                                             \
	} while (0)
const char *usage_text(const struct usage *before, const struct usage *now);

/* One transaction with one change, as rpc/ does it; the index. put() fails the test when it is
 * refused. */
uint32_t put(struct made *m);
void drop(uint32_t index);
/* -1 with rig_err, and cancelled; else what session_prepare() says, committed. */
int try_put(struct made *m);
extern struct rpc_error rig_err;

#endif
