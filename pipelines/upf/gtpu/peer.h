/* SPDX-License-Identifier: BSD-3-Clause */
/* GTP-U peers (gNBs, other UPFs): each (own address, peer address) that a session names is a tunnel
 * of the switch with encap GTPU, so that paths, underlay routes, counters and shaping are those of
 * tunnels (tunnel.h). Counted by use; ids are tunnels'. Main thread only. */
#ifndef UPF_PEER_H
#define UPF_PEER_H

#include <stdbool.h>
#include <stdint.h>

#include "counters.h"
#include "types.h"

int peer_init(void);
void peer_fini(void);

/* What a transaction is about to make of it, for peers that sessions of the same transaction take;
 * NULL: no longer. */
void gtpu_prepare(uint16_t id, const struct api_gtpu *cfg);
/* Own addresses. set publishes (also new values: peers follow); unset needs no session and no peer
 * left. reserve: 0 or -ENOSPC. */
int gtpu_reserve(uint16_t *id); /* starts the user plane: also -ENOMEM */
void gtpu_release(uint16_t id);
void gtpu_set(uint16_t id, const struct api_gtpu *cfg);
void gtpu_unset(uint16_t id);
/* Prepared, else published; NULL: not in use. */
const struct api_gtpu *gtpu_config(uint16_t id);
/* The first of this interface and family: id, 0 when there is none. */
uint16_t gtpu_find(uint32_t interface, uint8_t family);

/* The peer's tunnel id with one use taken: 0, -ENOSPC (no tunnel id is free), -EADDRINUSE (an own
 * address), -ENOMEM. A new one has its paths after the next underlay_resolve(). */
int peer_take(uint16_t gtpu, const struct api_ip *address, uint16_t *id);
void peer_give(uint16_t id);
void peer_hold(uint16_t id); /* one more use of a peer in use */
uint32_t peer_count(void);
/* Is there a peer in use with this address? */
bool peer_is_at(const struct api_ip *address);
/* Which: false when the tunnel is no GTP-U peer. */
bool peer_describe(uint16_t id, uint16_t *gtpu, struct api_ip *address);

/* Own addresses as workers see them: GTP-U to what is not one of them is no business of ours.
 * By vtep4_table and vtep6_table with VTEP_GTPU: (local, 0) → id. */

#endif
