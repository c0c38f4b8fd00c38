/* SPDX-License-Identifier: BSD-3-Clause */
/* Slices that suppress ARP and ND, and what is sent into them. */
#ifndef TESTS_SUPPRESS_NET_H
#define TESTS_SUPPRESS_NET_H

#include "build_host.h"
#include "expect.h"

#define IP_A  "10.0.0.1"
#define IP_B  "10.0.0.2"
#define IP_C  "10.0.0.3"
#define IP_D  "10.0.0.4"
#define V6_A  "fd00::a"
#define V6_B  "fd00::b"
#define V6_C  "fd00::c"
#define SOL_B "ff02::1:ff00:b"

void suppress_on(uint16_t slice, uint32_t vni, uint32_t max_macs);
void suppress_setup(void);
struct arp suppress_request(uint64_t src, const char *spa, const char *tpa);
/* By lan (host A's), by lan2 with VLAN 20 (host B's), or from tunnel 2 (host C's). */
void suppress_send(uint16_t port, const struct pkt *frame);
void suppress_send_arp(uint16_t port, const struct arp *a);
/* Host B becomes known: it asks for somebody. */
void suppress_introduce(uint16_t port, uint64_t mac, const char *ip);
void expect_suppress_flooded(const char *what);
/* One answer, to A at lan: this MAC has this address. */
void expect_suppress_answer(const char *what, uint64_t mac, const char *spa);

#endif
