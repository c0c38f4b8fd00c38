/* SPDX-License-Identifier: BSD-3-Clause */
/* One transaction: what its ops say is collected, in whatever order they say it, and judged by what
 * is left when all of it is done. put and delete are transactions of one op.
 *
 * A key that is deleted and put is made anew: it has a new id and counters from 0, and so has
 * everything that names it, whether the transaction says so or not. Of several puts of a key in
 * different ops the last counts.
 *
 * The phases, each over all ops:
 *   1. objects are decoded and gathered by key: struct change;
 *   2. rows of tables (MACs, routes of slices, sessions, learned neighbours) are deleted;
 *   3. objects that change or go leave the model, those that name others first;
 *   4. objects are checked, prepared and enter the model, those that others name first;
 *   5. rows are put;
 *   6. what can be judged only now: is what has left still named, and whatever a noun settles;
 *   7. the kernel is told of what only it can refuse, if nothing else is refused.
 * Whoever is refused does not end it: all refusals are found, and named by the place in the ops.
 * Then either everything is undone, or tx_commit() makes it so, which cannot fail.
 *
 * One that only checks is always undone: it leaves nothing behind, in the model, in the tables,
 * with workers or in the kernel. What it cannot tell is what only a device or the kernel knows:
 * that a device does not open, or has fewer queues or carries less than the port wants, that there
 * is no memory for a port's buffers or shaper, that the kernel refuses an address on a tap, or to
 * make an interface whose name is free. A port may be deleted and put anew: who does so in earnest
 * needs two transactions. Main thread only. */
#ifndef API_TX_H
#define API_TX_H

#include <jansson.h>

#include "keymap.h"
#include "model.h"

/* What a transaction has said so far about the rows of a type (struct backend). */
struct tx_rows {
	struct keymap staged; /* as the backend likes; emptied at the end */
	char *steps;	      /* what to do at commit, of backend->step_bytes each */
	size_t count, room;
	size_t deletions; /* the first steps */
	int64_t added;	  /* rows put minus rows deleted */
};

/* Where a row was put last: a part of the backend's staged entry. */
struct tx_place {
	uint32_t op; /* + 1; 0: it was not */
	uint32_t index;
};

/* What becomes of an object of the model. */
struct change {
	struct object *obj;
	struct version *old;	   /* NULL: there was none */
	struct version *next;	   /* NULL: none has entered */
	union api_object *data;	   /* it is put as this; NULL: it is not put */
	struct object_life life;   /* of old */
	bool gone;		   /* it is deleted; with data: and made anew */
	bool left;		   /* old has */
	bool had_rows;		   /* rows named it when it left */
	const struct object *user; /* goes on to name it and has left for now; NULL: none */
	bool left_dry, dry; /* left, entered without that anything outside the process saw it */
	uint32_t op, index; /* where it is put */
	uint32_t gone_op, gone_index;
};

struct tx_op {
	const struct api_type *type;
	const json_t *list; /* objects or keys, borrowed */
	bool put, missing_ok;
};

struct tx {
	struct tx_op *ops;
	uint32_t op_count, op_room;
	uint32_t at; /* the op in work */
	struct change **changes;
	uint32_t change_count, change_room;
	struct tx_rows rows[OBJECT_TYPES];
	uint64_t created, updated, unchanged, deleted;
	json_t *chosen; /* list of {session, pdr, teid} for the answer; NULL: none was */
	bool check;	/* only that */
	bool is_sync;	/* of sync: objects of sources may change, and ports that cannot change
			   while they are open are made anew */
	/* told of each refusal, the path within the object; NULL: nobody is */
	void (*on_refused)(void *arg, uint32_t op, uint32_t index, const struct rpc_error *err);
	void *arg;
	struct refusal *refusals; /* the first REFUSED_MOST found */
	uint64_t refused_total;
	struct rpc_error first; /* the refusal of the earliest place that is not a mere echo */
	uint64_t first_place;
	bool first_echoes;
	json_t *refused; /* "slice blue": set of the objects that were */
};

#define REFUSED_MOST 256

void tx_begin(struct tx *tx, bool check);

/* One op more: 0, or -1 with err when memory ran out. The list is borrowed until tx_run(). */
int tx_put(
	struct tx *tx, const struct api_type *type, const json_t *objects, struct rpc_error *err);
int tx_delete(struct tx *tx, const struct api_type *type, const json_t *keys, bool missing_ok,
	struct rpc_error *err);

/* All phases: 0, or -1 with err, the refusal of the earliest place ("ops[0].objects[3].vlan"),
 * unless there it is only because of another: then only tx_rollback() may follow. Of a check 0
 * whatever is refused. */
int tx_run(struct tx *tx, struct rpc_error *err);

/* Either ends it and frees what it held. */
void tx_commit(struct tx *tx);
void tx_rollback(struct tx *tx);

/* What was chosen so far, for the answer (a new reference; NULL: nothing). Before tx_commit(). */
json_t *tx_chosen(struct tx *tx);

/* What was refused, in the order of the ops, as errors of answers (a new list). */
json_t *tx_refused(struct tx *tx);

/* For the backends: room for one more step, which counts once tx_step_add() has it; what fails
 * between need not be undone. 0, or -1 with err. */
int tx_step_room(struct tx *tx, enum object_type type, struct rpc_error *err);
void tx_step_add(struct tx *tx, enum object_type type, const void *step);

/* For the backends: the op in work puts this row. 0, or -1 with err: it did before. */
int tx_put_once(const struct tx *tx, struct tx_place *last, uint32_t index,
	const struct api_type *type, const union api_object *data, struct rpc_error *err);

/* For the backends: an object of this op is refused; err says why, with a path within the object,
 * and is cleared. */
void tx_refuse(struct tx *tx, uint32_t op, uint32_t index, struct rpc_error *err);

/* ---- for tx.c alone, of tx_refusal.c ---- */

/* As tx_refuse(), where the change was put, or else where it was deleted. */
void tx_refuse_change(struct tx *tx, const struct change *change, struct rpc_error *err);
/* An object of that name is refused: others that are refused because of it are only echoes. */
void tx_note_refused(struct tx *tx, const char *type, const char *name);
void tx_refusals_free(struct tx *tx);

/* For the nouns: is a life of the object over with this change; does one begin? */
static inline bool change_ends(const struct change *change)
{
	return change->old && (change->gone || !change->data);
}

static inline bool change_begins(const struct change *change)
{
	return change->data && (!change->old || change->gone);
}

#endif
