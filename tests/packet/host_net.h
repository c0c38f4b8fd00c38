/* SPDX-License-Identifier: BSD-3-Clause */
/* A slice that routes beside the packet tests' usual topology, with hosts that the switch does not
 * know yet: for the tests of what it says itself.
 *
 *   green (VNI 500)
 *     lan    VLAN 50   10.0.0.254/24, fd00::fe/64   H1: 10.0.0.1, fd00::1
 *     lan2   VLAN 51   10.0.1.254/24, fd01::fe/64   H2: 10.0.1.1, fd01::1
 *     t2               10.2.0.0/16, fd02::/16 by the gateway FAR
 */
#ifndef TESTS_HOST_NET_H
#define TESTS_HOST_NET_H

#include "build_host.h"
#include "expect.h"
#include "rig_l3.h"

#define VNI_GREEN     500
#define H1	      0x02000000b001ull
#define H2	      0x02000000b002ull
#define FAR	      0x02000000b0ffull
#define OSPF_MAC      0x01005e000005ull
#define GATEWAY	      0x025c0001f401ull	      /* 02:5c, VNI 500, 01 */
#define GW_LINK_LOCAL "fe80::5c:ff:fe01:f401" /* RFC 4291 appendix A of it */

extern struct host_net {
	uint16_t green, lan, lan2;
} hn;

void host_setup(void);
/* The same with a tap beside lan's attachment, and its end. */
void host_tap_setup(void);
void host_tap_teardown(void);
/* A UDP packet of host H1 to this address, by its gateway. */
struct ip_packet from_h1(const char *to);

/* The frame enters green by lan's or lan2's attachment, or (port wan) from tunnel 2, in a burst of
 * its own after rig_begin(); the main thread has its turn. */
void host_send(uint16_t port, const struct pkt *frame);
/* Exactly one frame left, into green by this port (lan, lan2: its VLAN; wan: tunnel 2). */
void expect_frame(const char *what, uint16_t port, const struct pkt *want);
/* The same among others. */
bool saw_frame(uint16_t port, const struct pkt *want);
/* The frame of green that is rig_out[i], without tag or tunnel header: false when it is none. */
bool frame_of(uint32_t i, uint16_t port, struct pkt *frame);
/* This host says by ARP (ND) that it is there, asking for its gateway; what it hears is not looked
 * at. */
void host_arrives(uint16_t port, uint64_t mac, const char *address);
/* Time goes on for workers and main, by steps of half a second. */
void time_passes(double seconds);

#endif
