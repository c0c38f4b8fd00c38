/* SPDX-License-Identifier: BSD-3-Clause */
/* Routes of l3 slices are not in the model: a million of them live in pipelines/l3/fib.h alone.
 * tx.c and the methods come here instead, for every table but "underlay". Main thread only. */
#ifndef RPC_NOUN_ROUTE_H
#define RPC_NOUN_ROUTE_H

#include "networks.h"
#include "noun.h"
#include "tx.h"

/* What a transaction has said so far about a route, laid over the FIB: entries of tx->routes. */
struct staged_route {
	struct place_key key; /* slice, prefix */
	uint32_t index;
	uint64_t op;	  /* the op that named it last */
	uint32_t nexthop; /* 0 = not there */
};

/* Is it a route of a slice's table, or the model's? */
bool fib_has(const struct api_route *route);

/* 0 or -1 with err (path is the field). */
int fib_put(struct tx *tx, const struct api_route *route, uint32_t index, struct rpc_error *err);
/* 0, -1 with err, or 1 when there is no such route. */
int fib_delete(struct tx *tx, const struct api_route *route, struct rpc_error *err);
void fib_commit(const struct tx_route *step);
void fib_rollback(const struct tx_route *step);

/* The next hop of this very prefix as the transaction leaves it; 0: no route. */
uint32_t fib_route_staged(const struct tx *tx, uint16_t slice, const struct api_ip *prefix);

/* As an answer shows it. false when its slice is just gone. */
bool fib_describe(
	uint16_t slice, const struct api_ip *prefix, uint32_t nexthop, struct api_route *out);
/* The FIB's route: 0 or -1 when there is none. */
int fib_get(const struct api_route *key, struct api_route *out);

#endif
