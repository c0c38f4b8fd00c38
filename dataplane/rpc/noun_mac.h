/* SPDX-License-Identifier: BSD-3-Clause */
/* MACs are not in the model: a million of them at 64 bytes each live in pipelines/l2/fdb.h alone
 * (mac_backend of noun.h). Main thread only. */
#ifndef RPC_NOUN_MAC_H
#define RPC_NOUN_MAC_H

#include "fdb.h"
#include "schema.h"

/* fdb_on_overtaken: a static MAC of the slice was at this door, and has become a learned one. */
void mac_overtaken(uint16_t slice, door_t door);

/* The name of what is behind a door, NULL: just gone. *kind: "attachment", "tunnel", "session". */
const char *door_name(door_t door, const char **kind);
/* As an answer shows it. false when its slice or door is just gone. */
bool mac_describe(const struct fdb_entry *entry, struct api_mac *out);

#endif
