/* SPDX-License-Identifier: BSD-3-Clause */
/* Tunnels to other sites, and which slice is stretched over which. Configuration from the main
 * thread only. */
#ifndef PIPELINES_TUNNEL_H
#define PIPELINES_TUNNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "counters.h"
#include "types.h"

struct worker;
struct burst;

/* ---- stages ---- */

/* underlay[] → frames in slices (decapsulated), punt[]. RFC 7348 section 4.1, RFC 6040 section 4.2.
 */
void overlay_in_run(struct worker *w, struct burst *b);
/* to_tunnel → encapsulated, on their way out. RFC 7348 section 5, RFC 6040 section 4.1. */
void overlay_out_run(struct worker *w, struct burst *b);

/* ---- workers, beside the stages ---- */

/* Outer fragments (rte_ip_frag), per worker; what has waited too long is dropped about once a
 * millisecond. */
int reassembly_init(struct worker *w);
void reassembly_fini(struct worker *w);
void reassembly_tick(struct worker *w);

/* RFC 6040 section 4.2, for an outer ECN field that is not 0: carries it into the frame (and its
 * IPv4 checksum). False when the packet must be dropped. frame has len bytes, at least an Ethernet
 * header. Workers. */
bool ecn_decapsulate(uint8_t *frame, uint32_t len, uint8_t outer);

/* Whose a packet from the underlay is, where senders share what there is but little of (fragments
 * that may wait, answers a second): each peer that this box knows has a share of its own, all
 * strangers together have one, so that they keep out no peer, however many addresses they claim. */
#define PEER_SHARES    256
#define PEER_STRANGERS 0

/* By the addresses of the packet, where they stand in it: a peer is the far end of a tunnel, or of
 * GTP-U that a session sends. Peers whose addresses hash alike have the same share. */
uint32_t peer_share4(const uint8_t *local, const uint8_t *remote);
uint32_t peer_share6(const uint8_t *local, const uint8_t *remote);

/* ---- main thread ---- */

int tunnel_init(uint32_t workers);
void tunnel_fini(void);

/* Takes a free id (1..LIMIT_TUNNELS): 0 or -ENOSPC. Undo: tunnel_release. */
int tunnel_reserve(uint16_t *id);
void tunnel_release(uint16_t id);

/* Publishes a tunnel or its new values (members stay). Cannot fail; its paths are resolved by
 * underlay_resolve(). */
void tunnel_set(uint16_t id, const struct api_tunnel *cfg);
/* Unpublishes, forgets the MACs learned over it; id free after a grace period. No member and no
 * static MAC may be left. */
void tunnel_unset(uint16_t id);

/* Stretches a slice over a tunnel / takes it off (and forgets the slice's MACs learned over it).
 * Cannot fail: memory for LIMIT_MEMBERS is reserved. */
void member_set(uint16_t slice, uint16_t tunnel);
void member_unset(uint16_t slice, uint16_t tunnel);

bool member_exists(uint16_t slice, uint16_t tunnel);

bool tunnel_is_used(uint16_t id);
/* Can it send now? */
bool tunnel_has_path(uint16_t id);

/* For people: "up via wan0 198.18.0.2", "no route", "no neighbor 198.18.0.2". text has 160 bytes.
 */
void tunnel_state(uint16_t id, char *text);

/* GTP-U to this address becomes, or is no longer, that of the gtpu `id`. */
void vtep_gtpu(const struct api_ip *local, uint16_t id, bool accept_zero_csum6, bool add);

/* ---- its paths, which underlay.c resolves ---- */

#define TUNNEL_PATHS_MAX LIMIT_ROUTE_VIA

struct tunnel_path {
	uint16_t port;
	uint32_t weight;
	struct api_ip next_hop;
	struct api_mac_addr mac;
};

/* The tunnel's configuration, NULL when there is none by that id. */
const struct api_tunnel *tunnel_config(uint16_t id);
/* No tunnel has ever had a higher id. */
uint16_t tunnel_top(void);

/* Publishes the headers for these paths; with none, frames are dropped for `why` (enum
 * drop_reason), and `next_hop` is who could not be reached. Nothing is published when nothing
 * changed. */
void tunnel_publish(uint16_t id, const struct tunnel_path *paths, uint32_t count, uint8_t why,
	const struct api_ip *next_hop);

void tunnel_counters_read(uint16_t id, struct counters *out);

#endif
