/* SPDX-License-Identifier: BSD-3-Clause */
/* The topology that the user plane's tests run on: net_setup()'s ports, and
 *
 *   wan    n3 198.18.0.1, 2001:db8::1 (access)   gNB  198.18.0.2, 2001:db8::2
 *          n9 198.18.0.9, 2001:db8::9 (core)     UPF2 198.18.0.3, 2001:db8::3
 *   lan    VLAN 30: internet (VNI 300), gateways 10.0.0.254/24, fd00::fe; HOST_A 10.0.0.1, fd00::1
 *          VLAN 40: other    (VNI 400), the same addresses, HOST_A
 *   lan2   VLAN 31: edge     (VNI 310), gateways 10.1.0.254/24, fd01::fe; HOST_B 10.1.0.1, fd01::1
 *   by t2  internet: 10.2.0.0/16
 */
#ifndef TESTS_UPF_NET_H
#define TESTS_UPF_NET_H

#include "build_host.h"
#include "expect.h"
#include "rig_l3.h"
#include "rig_upf.h"

#define GNB   PEER2
#define GNB6  PEER6
#define UPF2  0x020000000e03ull
#define UPF26 0x020000000e13ull

struct upf_net {
	uint16_t internet, edge, other;
	uint16_t internet_lan, edge_lan2, other_lan;
};
extern struct upf_net un;
extern struct pkt in_pkt, want_pkt;
extern struct gtpu_seen seen;

void upf_setup(void);
void upf_teardown(void);
/* Main and worker have their turns until nothing is on its way. */
void upf_turns(void);

/* Sessions of one UE: address, PDR 1 uplink by a TEID of n3, PDR 2 downlink, by QFI 9 to the gNB's
 * TEID 0x1001. extra: more members of the object, beginning with a comma. */
void upf_session(const char *name, const char *slice, const char *ue, const char *extra);
#define UE1	 "10.45.0.1"
#define UE2	 "10.45.0.2"
#define UE1_6	 "fd45:0:0:1::1"
#define GNB_TEID 0x1001

/* From the gNB to n3. */
struct gtpu from_gnb(uint32_t teid);
/* From the UE up: IP packet in GTP-U, sent; the frame it is inside stays in in_pkt. */
void send_up(uint32_t teid, const char *from, const char *to);
/* From HOST_A of the internet (VLAN 30). */
void send_down(const char *from, const char *to, uint32_t payload);

/* One packet left by lan (lan2) with this tag, and is in_pkt one hop on. */
void expect_access(const char *what, uint16_t port, uint16_t vlan, uint64_t mac, uint16_t slice);
/* One GTP-U packet left to this peer, TEID, QFI (-1: without container), in_pkt inside, `hops` on.
 */
void expect_gtpu(const char *what, const char *to, uint32_t teid, int qfi, int hops);

TCase *upf_up_tests(void);
TCase *upf_down_tests(void);
TCase *upf_hostile_tests(void);
TCase *upf_ethernet_tests(void);
TCase *upf_ethernet_life_tests(void);
TCase *upf_way_tests(void);
TCase *upf_meter_tests(void);
TCase *upf_control_tests(void);
TCase *upf_capture_tests(void);
TCase *upf_hold_tests(void);
TCase *upf_redirect_tests(void);
TCase *upf_cut_tests(void);
TCase *upf_line_tests(void);
TCase *upf_line_change_tests(void);
TCase *upf_amid_tests(void);
TCase *upf_marker_tests(void);
TCase *upf_smf_tests(void);
TCase *upf_mix_tests(void);

#endif
