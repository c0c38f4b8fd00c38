/* SPDX-License-Identifier: BSD-3-Clause */
/* The kernel's interfaces of attachments, by name: opened while a transaction is prepared, so
 * that it can still fail, and shared by the states of objects that name them: one attachment may
 * take over from another in one transaction. Owns the descriptors. Main thread only. */
#ifndef RPC_NOUN_TAP_H
#define RPC_NOUN_TAP_H

#include "tx.h"

/* Is the name good, and free? 0, or -1 with err. */
int noun_tap_check(const union api_object *data, struct rpc_error *err);

/* The steps of struct noun, for an attachment whose tap stays, comes, changes or goes. */
void noun_tap_release(const struct change *change);
void noun_tap_restore(const struct change *change);
int noun_tap_prepare(const struct tx *tx, const struct change *change, struct rpc_error *err);
void noun_tap_undo(const struct change *change);
/* After the attachment itself. */
void noun_tap_commit(struct object *obj, const struct version *old, const struct version *next);

/* Index of the attachment's interface; 0: it has none, or somebody deleted it a moment ago. */
uint32_t noun_tap_index(const struct object *obj);

/* The slice's gateways may have another MAC now. */
void noun_tap_slice(const struct object *slice);

void noun_tap_start(void);
/* Makes anew what somebody deleted. */
void noun_tap_poll(void);
/* Closes all. */
void noun_tap_stop(void);

#endif
