/* SPDX-License-Identifier: BSD-3-Clause */
/* MACs are not in the model: a million of them at 64 bytes each live in pipelines/l2/fdb.h alone.
 * tx.c and the methods come here instead. Main thread only. */
#ifndef RPC_NOUN_MAC_H
#define RPC_NOUN_MAC_H

#include <jansson.h>

#include "fdb.h"
#include "schema.h"
#include "tx.h"

struct fdb_entry;

/* What a transaction has said so far about a MAC, laid over the MAC table: entries of tx->macs. */
struct mac_key {
	uint16_t slice;
	struct api_mac_addr mac;
};
struct staged_mac {
	struct mac_key key;
	uint64_t op; /* the op that named it last */
	uint32_t index;
	uint32_t door; /* 0 = not there */
	bool is_static, movable, overtaken;
};

/* 0 or -1 with err (path is the field). */
int mac_put(struct tx *tx, const struct api_mac *mac, uint32_t index, struct rpc_error *err);
/* 0, -1 with err, or 1 when there is no such MAC. */
int mac_delete(struct tx *tx, const struct api_mac *mac, struct rpc_error *err);
void mac_commit(const struct tx_mac *step);
/* fdb_on_overtaken: a static MAC of the slice was at this door, and has become a learned one. */
void mac_overtaken(uint16_t slice, door_t door);
void mac_rollback(const struct tx_mac *step);

/* The name of what is behind a door, NULL: just gone. *kind: "attachment", "tunnel", "session". */
const char *door_name(door_t door, const char **kind);
/* As an answer shows it. false when its slice or door is just gone. */
bool mac_describe(const struct fdb_entry *entry, struct api_mac *out);
/* The MAC table's entry as api_mac: 0 or -1 when there is none. */
int mac_get(const struct api_mac *key, struct api_mac *out);

#endif
