/* SPDX-License-Identifier: BSD-3-Clause */
/* Ethernet PDU sessions in the slices of upf_net.h. */
#ifndef TESTS_UPF_ETH_NET_H
#define TESTS_UPF_ETH_NET_H

#include "upf_net.h"

#define UE_A 0x0200000000a1ull
#define UE_B 0x0200000000b1ull

extern const char *eth_action_up, *eth_action_down; /* of FARs 1 and 2 */

void eth_setup(void);
/* PDR 1 up by a TEID of n3, PDR 2 down to the gNB's TEID; up and down: more of each PDR, beginning
 * with a comma. */
const char *eth_session_json(
	const char *name, const char *slice, uint32_t teid, const char *up, const char *down);
void eth_session(const char *name, const char *slice, uint32_t teid);
/* A frame that does: dst and src by MAC, of 14 + 20 + 8 + 60 bytes. */
void eth_frame(struct pkt *p, uint64_t dst, uint64_t src);
void eth_ue_sends(const char *name, const struct pkt *p);
/* How often what left is this frame for this TEID of the gNB. */
uint32_t eth_count_ue(uint32_t teid, const struct pkt *want);
void expect_eth_ue(const char *what, uint32_t teid, const struct pkt *want);
void eth_tag(struct pkt *out, const struct pkt *p, uint16_t tpid, uint16_t tci);
/* Both sessions of red have been heard of. */
void eth_two_in_red(void);
door_t eth_door_of(uint16_t slice, uint64_t mac);

#endif
