/* SPDX-License-Identifier: BSD-3-Clause */
/* Sessions that change under traffic (test_churn_upf.c): what the main thread has configured
 * (churn_upf.c), as the thread that sends and receives (churn_upf_traffic.c) judges it.
 *
 * Time is counted in commits: `epoch`, published when session_commit() returned. A packet bears the
 * epoch it was sent in. An outlet is one way out of a session while it holds: a TEID that no other
 * has, or for uplink into a slice its TEID in. It ends with the commit that makes it another. So a
 * packet may leave by an outlet only when it was sent before that commit was over: the state then,
 * or a later one. */
#ifndef TESTS_CHURN_UPF_H
#define TESTS_CHURN_UPF_H

#include <stdbool.h>
#include <stdint.h>

#include "rig.h"

#define ADDRESSES 120 /* of UEs; the same ones in both slices */
#define SLOTS	  (2 * ADDRESSES)
#define GNBS	  4
#define OUTLETS	  4000000u
#define SUMS	  4000000u
#define FOREVER	  UINT64_MAX

enum outlet_kind { OUTLET_DOWN, OUTLET_N9, OUTLET_SLICE };

struct outlet {
	uint64_t ended;	 /* epoch from which on it is no more; 0: it never was */
	uint32_t sum[3]; /* where it counts: the session's life, its URRs; 0: none */
	uint32_t before; /* the slot's uplink outlet before this one */
	uint16_t slot;
	uint8_t kind;
	uint8_t slice; /* OUTLET_SLICE: 0 to 2 */
	uint8_t peer;  /* OUTLET_DOWN */
	uint8_t ports; /* OUTLET_DOWN: 1 << class of what may leave by it */
};

/* A TEID of this box while a session has it, of the same time. */
struct inlet {
	uint64_t ended;
	uint32_t life, teid;
	uint32_t before; /* the slot's */
	bool n9;
};

/* What left; `maybe` where it cannot be told which of two it was. */
struct sum {
	uint64_t ul_packets, ul_bytes, dl_packets, dl_bytes;
	uint64_t maybe_packets, maybe_bytes;
};

/* What the traffic thread sends by. */
struct slot {
	uint32_t teid, old_teid, n9_teid; /* 0: none */
	uint32_t up_outlet, inlet;	  /* the latest */
	uint64_t v6_ended; /* epoch from which on its UE has no IPv6 prefix; 0: it never had */
	/* since the test began; written by the traffic thread */
	uint64_t sent_ul, sent_dl;
};

extern struct outlet *churn_outlet;
extern struct inlet *churn_inlet;
extern struct sum *churn_sum;
extern struct slot churn_slot[SLOTS];
extern uint32_t churn_outlets; /* outlets there are, 0 is none */
extern uint64_t churn_epoch;
/* Sends to other UEs, and by TEIDs of others; set while traffic pauses. */
extern bool churn_hostile;

static inline uint32_t slot_address(uint32_t slot)
{
	return slot % ADDRESSES;
}

/* Slots that talk to other UEs now and then: what they sent did not all leave. Both with the same
 * address: the TEID that one had may be the other's now. */
static inline bool slot_talks(uint32_t slot)
{
	return slot_address(slot) % 16 == 0;
}

/* ---- churn_upf.c ---- */

void churn_upf_init(void);
/* A transaction, or one that is given up. cold: slots to be left alone (slot % 4 == cold). */
void churn_upf_batch(uint32_t cold);
void churn_upf_end(void);
uint64_t churn_upf_commits(void), churn_upf_changes(void);
/* While nothing is on its way: counters of sessions and URRs against what left. exact: nothing was
 * sent that is not its slot's, and slots with slot % 4 == cold have not changed since the last
 * call. */
void churn_upf_verify(bool exact, uint32_t cold);

/* ---- churn_upf_traffic.c, churn_upf_judge.c ---- */

struct traffic_port {
	struct rte_ring *in[2], *out[2]; /* by worker */
	struct rte_mempool *pool;
	uint16_t ethdev;
	uint64_t mac;
};
struct churn_traffic {
	struct traffic_port lan, wan;
	uint64_t slice_mac[2];
	uint64_t seed;
};
/* On an lcore of its own until told to stop. */
int traffic_run(void *traffic);
void traffic_pause(void); /* returns when no more is sent; what comes is taken on */
void traffic_go(void);
void traffic_stop(void);
uint64_t traffic_sent(void), traffic_received(void), traffic_judged(void);
uint64_t traffic_turns(void); /* how often it has gone round */

/* ---- churn_upf_ledger.c ---- */

/* What the main loop does between two changes. */
void churn_upf_turn(void);
/* While nothing is sent: until every packet is accounted for; else the test fails, and says where
 * what is. */
void churn_upf_settle(const struct churn_traffic *traffic);
uint64_t churn_upf_drops(void);
uint64_t churn_upf_slowest_ms(void); /* how long that took at most */

#endif
