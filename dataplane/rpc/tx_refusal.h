/* SPDX-License-Identifier: BSD-3-Clause */
/* The refusals of a transaction: for tx.c alone. Main thread only. */
#ifndef RPC_TX_REFUSAL_H
#define RPC_TX_REFUSAL_H

#include "tx.h"

/* An object or key of this op is refused; err says why, with a path within the object, and is
 * cleared. */
void tx_refuse(struct tx *tx, uint32_t op, uint32_t index, struct rpc_error *err);
/* The same where the change was put, or else where it was deleted. */
void tx_refuse_change(struct tx *tx, const struct change *change, struct rpc_error *err);
/* An object of that name is refused: others that are refused because of it are only echoes. */
void tx_note_refused(struct tx *tx, const char *type, const char *name);
void tx_refusals_free(struct tx *tx);

#endif
