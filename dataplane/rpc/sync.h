/* SPDX-License-Identifier: BSD-3-Clause */
/* sync: groups of a source change together, each all or nothing by itself (claims.h). What the
 * files of it share; nobody else includes it. Main thread only.
 *
 * A pass plans which objects come, change and go when all groups that are not refused are as they
 * are to be, and makes a transaction of that (tx.h). Whoever is refused leaves the change, and the
 * next pass plans without it, until nobody is refused. What the kernel's groups say gives way: an
 * object of theirs that is in the way of a stronger source's, uses what that deletes, or takes the
 * room that it wants is taken away in the next pass, and its source is told. */
#ifndef RPC_SYNC_H
#define RPC_SYNC_H

#include <jansson.h>

#include "claims.h"
#include "errors.h"
#include "schema.h"
#include "tx.h"

/* A group that the change concerns. */
struct stage {
	struct source_group *group;
	uint64_t revision;
	json_t *says;	     /* what it is to have: {TYPE: [object, ...]}; NULL: nothing */
	uint32_t index;	     /* in sync->stages */
	bool named;	     /* by the call: it gets a verdict */
	bool is_refused;     /* it stays as it is */
	uint32_t pass;	     /* in which that was */
	bool is_held;	     /* until what is in its way has gone, by calls before */
	json_t *error;	     /* why it is refused; NULL: it is not */
	struct stage *rival; /* for whose sake alone; NULL: in earnest, or not at all */
	uint32_t told;	     /* refusals of the pass with an error of their own */
	bool gave_way;	     /* a stronger source took it away: */
	bool waits;	     /* what it names has gone, and it may come back with that */
	bool withdraws;	     /* nothing, in force: what it says is kept */
	char *for_label;     /* the object for which it gave way, or that has gone */
};

/* An object whose claims change. */
struct entry {
	struct claim *claim; /* one of those to it */
	struct claim *best;  /* whose object it is to be; NULL: it goes */
	json_t *says;	     /* what is put; NULL: it is as it is, or goes */
	json_t *was;	     /* as a weaker source or nobody has it in force, to be kept */
	bool was_in_force;   /* for some source */
	bool is_unknown;     /* what best says was not kept: its source is asked again */
	bool is_busy;	     /* something that it stands for is still named */
	bool overlaps;	     /* with another one, which may be a network's */
	bool gives_way;	     /* what stood in its way is taken away */
};

/* What the transaction refused. */
struct sync_refusal {
	uint32_t entry;
	bool put;
	int code;
	char other[160]; /* data.with or data.by */
	json_t *error;	 /* NULL: one of many of its group */
};

struct sync_ops {
	json_t *list; /* of objects, or keys */
	uint32_t *entries;
	uint32_t count, room;
};

struct sync {
	enum source source;
	bool check;
	bool is_again;	 /* what was kept is tried: its source is told by an event */
	uint64_t number; /* of the call, from 1 on */
	struct stage **stages;
	uint32_t stage_count, stage_room;
	struct entry *entries;
	uint32_t entry_count, entry_room;
	struct sync_ops ops[2][OBJECT_TYPES];	     /* deletes, puts */
	const struct sync_ops *op[2 * OBJECT_TYPES]; /* of the transaction, in its order */
	bool op_puts[2 * OBJECT_TYPES];
	uint32_t op_count;
	struct sync_refusal *refusals;
	uint32_t refusal_count, refusal_room;
	struct claim **renewed; /* rows that name what is made anew */
	uint32_t renewed_count, renewed_room;
	struct claim **lost; /* what was put by hand, and cannot come back */
	uint32_t lost_count, lost_room;
	uint32_t *addresses; /* entries of addresses that are busy, in this pass */
	uint32_t address_count, address_room;
	uint32_t passes, evict_most;
	uint32_t none_gives_way[OBJECT_TYPES]; /* + 1: the pass that has found so */
	bool is_rehearsed;		       /* a pass that changed nothing was not refused */
	bool any_refused;		       /* in this pass */
	uint32_t gave_way;		       /* groups */
	uint32_t clearing_since;	       /* the pass */
	bool is_clearing; /* more has to give way than goes at once: some of it goes, and that is
			     all */
	bool no_memory;
};

/* So many groups give way in one call: the main thread does nothing else meanwhile. */
#define SYNC_GIVE_WAY_MOST 2000

/* The stage of a group, made where there is none: it is to have no claims, until some are staged.
 * NULL: no memory. */
struct stage *sync_stage(struct sync *sync, struct source_group *group);
/* Groups that were kept are tried again, or (withdraw) lose what they have in force. How many are
 * as they are to be. */
uint32_t sync_again(struct source_group **groups, uint32_t count, bool withdraw);
/* Groups that gave way are as they were. */
void sync_give_back(struct sync *sync);
void sync_refuse(struct stage *stage, const struct rpc_error *err);
/* Is the claim among those that are left when the change is made? */
bool sync_claim_next(const struct claim *claim);

/* ---- sync_plan.c ---- */

/* The ops of the next pass. -ENOMEM. */
int sync_plan(struct sync *sync);
/* Is claim->entry an entry of the pass? */
bool sync_is_planned(const struct claim *claim);
/* No claim is to be renewed any more. */
void sync_renewed(struct sync *sync);
/* No claim is lost: the change that would lose it is not made. */
void sync_lost_clear(struct sync *sync);
/* After the transaction of the plan: the claims are as they were planned. */
void sync_settle(struct sync *sync);
void sync_plan_free(struct sync *sync);

/* ---- sync_judge.c ---- */

/* The transaction of the pass was refused: who leaves the change, and who gives way. */
void sync_judge(struct sync *sync);
/* tx->on_refused */
void sync_note_refusal(void *arg, uint32_t op, uint32_t index, const struct rpc_error *err);

#endif
