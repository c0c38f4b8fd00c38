/* SPDX-License-Identifier: BSD-3-Clause */
/* A change between session_prepare() and session_commit(). Between session.c, session_claim.c and
 * session_commit.c; nobody else includes it. */
#ifndef UPF_SESSION_CHANGE_H
#define UPF_SESSION_CHANGE_H

#include "hold.h"
#include "session_plan.h"

struct chosen {
	uint32_t pdr, teid;
};

struct session_change {
	uint32_t index;
	struct session_state before, after; /* pack 0: there is none */
	uint32_t past; /* taken for what vanishes: becomes session_cold.past; 0: not needed */
	bool had_urrs;
	struct urr_change *urr;
	struct hold_change hold;
	struct hold_marker *marker;
	uint32_t n_chosen;
	struct chosen chosen[];
};

#define PAST_UNITS ((sizeof(struct session_past) + PACK_UNIT - 1) / PACK_UNIT)

/* ---- session_claim.c ---- */

/* The keys of `after` that `before` does not have are taken, those of before that after does not
 * have are left: 0, -1 with err and nothing changed. Blocks may be NULL. */
struct keyed {
	const struct session_block *block;
	const struct api_ue *ue;
};
int claim_keys(uint32_t index, const struct keyed *before, const struct keyed *after,
	const struct api_session *put, struct rpc_error *err);
void unclaim_keys(uint32_t index, const struct keyed *before, const struct keyed *after);
/* TEIDs that were put and need no key: another's? 0, -1 with err. */
int check_teids(const struct plan *p, struct rpc_error *err);
/* Kinds of slices, and that the UE has an address where one is needed. Sets p->ethernet. */
int check_slices(struct plan *p, struct rpc_error *err);

/* Slices and own addresses that a state uses: by is 1 or -1. */
void count_uses(const struct api_session *s, const struct session_block *b, int by);
void uses_fini(void);

/* ---- session.c ---- */

/* So many changes are no more: with the last one the transaction is over. */
void session_change_closed(uint32_t n);

/* ---- session_commit.c ---- */

/* Waits until indices that were given up may be used again. */
void session_reclaim(void);
/* The uses of filter lists of a state's PDRs. */
void pack_give_filters(const struct session_state *s);

/* Cells of before that after does not count in. */
bool cells_vanish(const struct session_state *before, const struct session_state *after);
/* Memory of a state that no worker ever saw. */
void state_give(const struct session_state *s, const struct session_state *kept);
/* Indices that packets on their way still bear. */
uint32_t session_poll(void);
void session_commit_fini(void);

#endif
