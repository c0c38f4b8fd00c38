/* SPDX-License-Identifier: BSD-3-Clause */
/* One transaction: ops are checked and applied to the model one after the other, with a log; an
 * error rolls the log back, success commits it in order. put and delete are transactions of one op.
 *
 * One that only checks goes on after an object that is refused, and is always rolled back: it tells
 * all refusals at once and leaves nothing behind, in the model, in the tables, with workers or in
 * the kernel. What it cannot tell is what only a device or the kernel knows: that a device does not
 * open, or has fewer queues or carries less than the port wants, that there is no memory for a
 * port's buffers or shaper, that the kernel refuses an address on a tap, or to make an interface
 * whose name is free. A port may be deleted and put anew: who does so in earnest needs two
 * transactions.
 * Main thread only. */
#ifndef RPC_TX_H
#define RPC_TX_H

#include <jansson.h>

#include "keymap.h"
#include "model.h"

enum tx_kind { TX_OBJECT, TX_MAC, TX_ROUTE, TX_NEIGHBOR, TX_SESSION };

struct session_change;

struct tx_object {
	struct object *obj;
	struct version *old, *next;
};

struct tx_mac {
	struct object *slice;
	struct api_mac_addr mac;
	uint32_t old_door; /* its static door before, 0 = it had none */
	uint32_t new_door; /* 0 = removed */
	bool movable;	   /* the new one */
	bool settle;	   /* it was overtaken: what was learned stays */
};

/* A route of an l3 slice: indices of next hops, 0 = no route. Owns one use of `new`. */
struct tx_route {
	struct object *slice;
	struct api_ip prefix;
	uint32_t old, next;
};

/* A learned neighbour to forget. */
struct tx_neighbor {
	uint16_t slice, attachment;
	struct api_ip address;
};

/* A change of a session. */
struct tx_session {
	struct session_change *change; /* owned until commit or rollback */
	uint32_t session;	       /* its index */
	uint32_t op, index;	       /* where it was put, for errors at the end */
};

struct tx_step {
	enum tx_kind kind;
	union {
		struct tx_object object;
		struct tx_mac mac;
		struct tx_route route;
		struct tx_neighbor neighbor;
		struct tx_session session;
	};
};

struct tx {
	struct tx_step *steps;
	struct session_change **changes; /* as long as steps: committing allocates nothing */
	size_t count, room;
	uint64_t op;  /* number of the op in work, never the same twice in a process */
	uint32_t ops; /* so far */
	uint64_t created, updated, unchanged, deleted;
	struct keymap macs;	/* struct staged_mac */
	struct keymap routes;	/* struct staged_route */
	struct keymap sessions; /* struct staged_session: of the op in work */
	json_t *chosen;		/* list of {session, pdr, teid} for the answer; NULL: none was */
	int64_t macs_added;	/* static MACs so far: put minus removed */
	bool check;		/* only that */
	json_t *refused;	/* the first REFUSED_MOST, as errors of answers; NULL: none */
	uint64_t refused_total;
};

#define REFUSED_MOST 256

void tx_begin(struct tx *tx, bool check);

/* One op; err->path begins with "objects" or "keys". 0 or -1: then only tx_rollback may follow. Of
 * a check 0, and what is refused is noted. */
int tx_put(
	struct tx *tx, const struct api_type *type, const json_t *objects, struct rpc_error *err);
int tx_delete(struct tx *tx, const struct api_type *type, const json_t *keys, bool missing_ok,
	struct rpc_error *err);

/* After the last op: what can be judged only now. 0, or -1 with err->path that begins with "ops".
 */
int tx_settle(struct tx *tx, struct rpc_error *err);

/* Either ends it and frees what it held. */
void tx_commit(struct tx *tx);
void tx_rollback(struct tx *tx);

/* What was chosen so far, for the answer (a new reference; NULL: nothing). Before tx_commit(). */
json_t *tx_chosen(struct tx *tx);

/* What was refused so far, for the answer of a check (a new reference: a list). */
json_t *tx_refused(struct tx *tx);

/* For the nouns: a place at the end of the log, not counted until the caller adds 1 to tx->count;
 * NULL: no memory. */
struct tx_step *tx_next_step(struct tx *tx);

#endif
