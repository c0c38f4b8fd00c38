/* SPDX-License-Identifier: BSD-3-Clause */
/* Whose a packet from the underlay is, where senders share what there is but little of (fragments
 * that may wait, answers a second): each peer that this box knows has a share of its own, all
 * strangers together have one, so that they keep out no peer, however many addresses they claim.
 * Workers. */
#ifndef PIPELINES_PEER_SHARE_H
#define PIPELINES_PEER_SHARE_H

#include <stdint.h>

#define PEER_SHARES    256
#define PEER_STRANGERS 0

/* By the addresses of the packet, where they stand in it: a peer is the far end of a tunnel, or of
 * GTP-U that a session sends. Peers whose addresses hash alike have the same share. */
uint32_t peer_share4(const uint8_t *local, const uint8_t *remote);
uint32_t peer_share6(const uint8_t *local, const uint8_t *remote);

#endif
