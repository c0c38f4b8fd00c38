/* SPDX-License-Identifier: BSD-3-Clause */
/* A session between its definition and its block. Between session.c, which goes through the steps,
 * session_plan.c and session_build.c, which do them; nobody else includes it. */
#ifndef UPF_SESSION_PLAN_H
#define UPF_SESSION_PLAN_H

#include "errors.h"
#include "session_pack.h"
#include "session_store.h"
#include "urr.h"

/* A block of 16 groups and 32 acts, each with a struct session_more. */
#define BLOCK_BYTES_MAX 5248u

/* A way in: becomes a group. */
struct way {
	uint8_t source; /* enum upf_interface */
	uint8_t gtpu;	/* 0: by the UE's addresses */
	uint8_t number; /* of the group */
	uint8_t pdrs;
	uint16_t slice;
	uint16_t vlan; /* of an Ethernet session: session_doors.h */
	bool choose;   /* the TEID is to be chosen */
	uint32_t teid;
	uint8_t pdr[LIMIT_SESSION_PDRS]; /* by precedence */
};

/* What all PDRs of a way with the same FAR, QERs, URRs and QFI do. */
struct plan_act {
	uint8_t far; /* places in the lists */
	uint8_t qfi; /* QFI_NONE: no container */
	uint8_t n_qers;
	uint8_t qer[LIMIT_SESSION_QERS]; /* as listed */
	uint32_t urrs;			 /* bit a place */
};

/* The acts of PDRs, in order of first appearance. */
struct plan_acts {
	uint32_t n;
	struct plan_act act[LIMIT_SESSION_PDRS];
	uint8_t of[LIMIT_SESSION_PDRS]; /* of the k-th PDR */
};

struct plan {
	const struct api_session *put; /* as it was put */
	struct api_session cfg;	       /* with TEIDs filled in; lists are put's, but for the PDRs */
	struct api_pdr pdr[LIMIT_SESSION_PDRS];
	struct pdr_made made[LIMIT_SESSION_PDRS];
	uint32_t index;
	const struct session_model *old; /* NULL: a new session */
	const struct session_block *old_block;
	const struct session_state *old_state;
	uint32_t ways;
	struct way way[SESSION_GROUPS];
	uint8_t way_of[LIMIT_SESSION_PDRS];
	struct plan_acts acts_of[SESSION_GROUPS]; /* of a way */
	bool ethernet;

	/* the block, and what it needs */
	uint32_t bytes;
	uint32_t cells, buckets;		  /* how many */
	bool cells_stay;			  /* and buckets */
	bool home;				  /* they are the session's home */
	bool homeless;				  /* they would be, were it not taken yet */
	bool go_home;				  /* that is all that is to change */
	uint8_t bucket_of[LIMIT_SESSION_QERS][2]; /* uplink, downlink; 255: none */
	uint32_t acts;
	struct urr_act act[LIMIT_SESSION_PDRS]; /* cells from 0 on */
	uint8_t block[BLOCK_BYTES_MAX] __rte_aligned(128);
};

/* Groups the PDRs, gives TEIDs and numbers. 0, -1 with err. Takes nothing. */
int plan_ways(struct plan *p, struct rpc_error *err);
/* Is an Ethernet session one that can be? Finds the tags of its slices' frames. 0, -1 with err. */
int plan_frames(struct plan *p, struct rpc_error *err);
/* Compiles the block, taking rules, rates and peers; undone by block_give(). 0, -1 with err and
 * nothing taken. */
int plan_build(struct plan *p, struct rpc_error *err);
/* Gives back what a block holds: rules, rates, peers. No worker may find it any more. */
void block_give(const struct session_block *b);

/* Numbers of the buckets of a session's QERs; how many there are. home: as session_line.h has them.
 */
uint32_t bucket_numbers(const struct api_qers *qers, bool home, uint8_t (*number)[2]);

/* An error answer for what a pool, table or room said: -1. */
int fail_room(struct rpc_error *err, int rc, const char *what, long long limit);

#define NO_BUCKET 255

/* Where in the list it is; of FARs that do the same, the first: their PDRs may be one act. */
uint8_t place_of_far(const struct api_session *s, uint32_t id);

/* Places of the URRs that want a credit cell. */
uint32_t told_places(const struct api_urrs *urrs);

/* Cells for credit and acts: those of the old state for what stays the same, if all find room
 * there. Fills p->acts_of[], cells, cells_stay, home, acts, act[], buckets, bucket_of[].
 */
void plan_cells(struct plan *p);

/* Id of the PDR that is `rule`-th in order of precedence in the group, 0: none (any more). */
uint32_t session_pdr_id(uint32_t session, uint8_t group, uint8_t rule);

#endif
