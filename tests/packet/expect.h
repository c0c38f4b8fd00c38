/* SPDX-License-Identifier: BSD-3-Clause */
/* The topology most packet tests run on, and what they expect of a packet.
 *
 *               red (VNI 100)             blue (VNI 200)
 *   lan         untagged, host A          VLAN 10, host A
 *   lan2        VLAN 20, host B           untagged, host B
 *   t2 (v4)     host C                    host C                 198.18.0.1 → 198.18.0.2 by wan
 *   t6 (v6)     host D                                           2001:db8::1 → 2001:db8::2 by wan
 *
 * Hosts of both slices have the same MACs; all are static entries.
 */
#ifndef TESTS_EXPECT_H
#define TESTS_EXPECT_H

#include <check.h>

#include "attachment.h"
#include "build.h"
#include "counters.h"
#include "decoys.h"
#include "fdb.h"
#include "slice.h"
#include "tunnel.h"
#include "underlay.h"

#define HOST_A	 0x02000000000aull
#define HOST_B	 0x02000000000bull
#define HOST_C	 0x02000000000cull
#define HOST_D	 0x02000000000dull
#define NOBODY	 0x0200000000ffull
#define BCAST	 0xffffffffffffull
#define PEER2	 0x020000000e02ull /* MAC of 198.18.0.2 */
#define PEER6	 0x020000000e06ull
#define LOCAL4	 "198.18.0.1"
#define LOCAL6	 "2001:db8::1"
#define VNI_RED	 100
#define VNI_BLUE 200

struct net {
	uint16_t wan, lan, lan2;
	uint16_t red, blue;
	uint16_t red_lan, red_lan2, blue_lan, blue_lan2;
	uint16_t t2, t6;
};
extern struct net net;

void net_setup(void);
/* The same without decoys: for tests of tunnels' paths, who count what there is. */
void net_setup_alone(void);
/* How many neighbours there are, without the decoys' own. */
uint32_t neighbors_of_test(void);
void net_teardown(void);

extern struct pkt a_pkt, b_pkt, c_pkt; /* room for tests; a packet is too large for a stack frame */

/* Exactly one packet left, by this port and with these bytes; nothing was dropped. */
void expect_out(const char *what, uint16_t port, const struct pkt *want);
/* Nothing left, and n packets were dropped for this reason and no other. */
void expect_drops(const char *what, enum drop_reason why, uint64_t n);
#define expect_drop(what, why) expect_drops(what, why, 1)
/* These bytes are among what left, by this port: how often. */
uint32_t count_out(uint16_t port, const struct pkt *want);

/* A frame of host A (red, untagged) to dst; to the wan a packet of peer 2. */
struct spec plain(uint64_t dst, uint64_t src);
struct outer from_peer2(uint32_t vni);
struct outer from_peer6(uint32_t vni);

/* What main() returns. */
int run_suite(const char *name, TCase *(*const *all)(void), uint32_t n);

TCase *access_tests(void);
TCase *encap_tests(void);
TCase *ecn_tests(void);
TCase *decap_tests(void);
TCase *hostile_tests(void);
TCase *reassembly_tests(void);
TCase *flood_tests(void);
TCase *learn_tests(void);
TCase *paths_tests(void);
TCase *change_tests(void);
TCase *suppress_tests(void);
TCase *suppress_nd_tests(void);
TCase *host_tests(void);
TCase *arp_tests(void);
TCase *icmp_tests(void);
TCase *icmp_silence_tests(void);
TCase *neighbor_tests(void);
TCase *neighbor_route_tests(void);
TCase *announce_tests(void);
TCase *share_tests(void);
TCase *tap_tests(void);
TCase *tap_out_tests(void);
TCase *geneve_tests(void);
TCase *mss_tests(void);
TCase *fragment_tests(void);
TCase *meter_tests(void);
TCase *route_tests(void);
TCase *shape_tests(void);

#endif
