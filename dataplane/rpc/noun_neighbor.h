/* SPDX-License-Identifier: BSD-3-Clause */
/* neighbor: what other nouns and the methods ask about it. Static ones are in the model; learned
 * ones live in pipelines/l3/neighbor.h alone. Main thread only. */
#ifndef RPC_NOUN_NEIGHBOR_H
#define RPC_NOUN_NEIGHBOR_H

#include "noun.h"
#include "tx.h"

struct neighbor_entry;

/* The static neighbor of the slice with this address, NULL when there is none. */
struct object *neighbor_holder(const struct object *slice, const struct api_ip *address);

/* Forgets a learned one: 0, -1 with err, or 1 when there is none. */
int learned_neighbor_delete(struct tx *tx, const struct api_neighbor *key, struct rpc_error *err);
void learned_neighbor_commit(const struct tx_neighbor *step);

/* As an answer shows it. false when its slice or attachment is just gone. */
bool neighbor_describe(const struct neighbor_entry *entry, struct api_neighbor *out);
/* A next hop of the underlay that paths want and nobody put. false when its port is just gone. */
struct underlay_hop;
bool missing_neighbor_describe(const struct underlay_hop *hop, struct api_neighbor *out);
/* A learned one, or one that is missing: 0 or -1. key->port is its place. */
int learned_neighbor_get(const struct api_neighbor *key, struct api_neighbor *out);

#endif
