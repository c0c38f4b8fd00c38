/* SPDX-License-Identifier: BSD-3-Clause */
/* The refusals of a transaction: for tx.c alone. Main thread only. */
#ifndef RPC_TX_REFUSAL_H
#define RPC_TX_REFUSAL_H

#include "tx.h"

/* As tx_refuse(), where the change was put, or else where it was deleted. */
void tx_refuse_change(struct tx *tx, const struct change *change, struct rpc_error *err);
/* An object of that name is refused: others that are refused because of it are only echoes. */
void tx_note_refused(struct tx *tx, const char *type, const char *name);
void tx_refusals_free(struct tx *tx);

#endif
