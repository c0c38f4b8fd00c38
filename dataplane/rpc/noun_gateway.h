/* SPDX-License-Identifier: BSD-3-Clause */
/* address on an attachment: the gateway of an l3 slice. What noun_address.c hands on. */
#ifndef RPC_NOUN_GATEWAY_H
#define RPC_NOUN_GATEWAY_H

#include "noun.h"

/* "slice blue address 10.0.0.1" into text of NOUN_UNIQUE bytes; "" when there is no such
 * attachment. */
void gateway_unique(const char *attachment, const struct api_ip *address, char *text);

/* The address object of the slice with this address, NULL when there is none. */
struct object *gateway_holder(const struct object *slice, const struct api_ip *address);

int gateway_noun_check(const struct tx *tx, const struct api_address *next, struct rpc_error *err);
void gateway_noun_release(const struct change *change);
void gateway_noun_restore(const struct change *change);
int gateway_noun_prepare(const struct change *change, struct rpc_error *err);
void gateway_noun_undo(const struct change *change);
/* Also of addresses on ports, which have nothing to settle. */
int gateway_noun_settle(const struct change *change, struct rpc_error *err);
void gateway_noun_commit(
	const struct object *obj, const struct version *old, const struct version *next);

#endif
