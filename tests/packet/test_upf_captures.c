/* SPDX-License-Identifier: BSD-3-Clause */
/* The captures of real peers (tests/captures: UERANSIM and Open5GS, sgsnemu, an EPC), replayed:
 * what their gNBs sent comes in with their own bytes and leaves into the slice; what the network
 * answered goes down again and must become the GTP-U that their UPF sent, byte for byte, where that
 * was right. 10.100.0.1 was that UPF and is this box. */
#include <stdlib.h>
#include <string.h>

#include "../unit/capture.h"
#include "gtpu.h"
#include "upf_net.h"

static struct capture cap;
static const uint8_t *payload; /* GTP-U of the frame in hand */
static uint32_t payload_len;
static struct gtpu_header header;
static char where[64];
static struct pkt tagged;

static void captures_setup(void)
{
	struct l3_via via;

	upf_setup();
	rig_address(net.wan, "10.100.0.1/24");
	rig_neighbor(net.wan, "10.100.0.2", GNB);
	rig_neighbor(net.wan, "10.100.0.3", UPF2);
	rig_gtpu("cap", "10.100.0.1", INTERFACE_ACCESS);
	/* what the UEs talked to is behind host A of the internet */
	via = rig_via(un.internet_lan, "10.0.0.1", 1);
	rig_l3_route(un.internet, "10.103.0.0/24", &via, 1);
	rig_l3_route(un.internet, "10.45.0.1/32", &via, 1);
	via = rig_via(un.internet_lan, "fd00::1", 1);
	rig_l3_route(un.internet, "2001:db8:cafe::/64", &via, 1);
	rig_begin();
}

/* A session as the SMF of that capture would have asked for; qfi 64: none. */
static void ue(const char *name, const char *address, uint32_t up, uint32_t down, const char *peer,
	uint32_t qfi, bool end_marker)
{
	char text[2048];

	snprintf(text, sizeof(text),
		"{'name':'%s','slice':'internet','ue':{%s},"
		"'pdrs':[{'id':1,'precedence':255,'source':'access','gtpu':'cap','teid':%u,"
		"'outer_header_removal':0,'far':1%s},"
		"{'id':2,'precedence':255,'source':'core','far':2%s}],"
		"'fars':[{'id':1,'action':'forward','destination':'core'},"
		"{'id':2,'action':'forward','destination':'access','end_marker':%s,"
		"'outer_header':{'teid':%u,'peer':'%s','gtpu':'cap'}}]%s}",
		name, address, up, qfi < 64 ? ",'qers':[1]" : "", qfi < 64 ? ",'qers':[1]" : "",
		end_marker ? "true" : "false", down, peer,
		qfi < 64 ? ",'qers':[{'id':1,'qfi':1}]" : "");
	rig_sessions(text);
}

/* ---- frames ---- */

static bool next(void)
{
	payload = capture_next(&cap, GTPU_PORT, &payload_len);
	if (payload == NULL)
		return false;
	ck_assert_int_eq(gtpu_read(payload, payload_len, &header), GTPU_OK);
	snprintf(where, sizeof(where), "frame %u", cap.number);
	return true;
}

/* Goes on to the frame with this number. */
static void frame(uint32_t number)
{
	do
		ck_assert_msg(next(), "no frame %u", number);
	while (cap.number < number);
	ck_assert_uint_eq(cap.number, number);
}

static bool from_upf(void)
{
	return memcmp(cap.frame + 26, "\x0a\x64\x00\x01", 4) == 0;
}

/* What is inside the frame in hand, as a frame; hops: how many routers ago. */
static void inner(int hops)
{
	bool v6 = payload[header.payload] >> 4 == 6;

	in_pkt.len = 14 + header.payload_len;
	memset(in_pkt.b, 0, 14);
	put16(in_pkt.b + 12, v6 ? 0x86dd : 0x0800);
	memcpy(in_pkt.b + 14, payload + header.payload, header.payload_len);
	in_pkt.b[14 + (v6 ? 7 : 8)] += hops;
	if (!v6)
		ipv4_fix(in_pkt.b + 14);
}

/* The frame in hand comes in by the wan, its own bytes but for MACs and the UDP checksum, which the
 * capturing machine had left to its NIC. */
static void come(uint64_t from)
{
	memcpy(a_pkt.b, cap.frame, payload - cap.frame + payload_len);
	a_pkt.len = payload - cap.frame + payload_len;
	put48(a_pkt.b, rig_port_mac(net.wan));
	put48(a_pkt.b + 6, from);
	put16(a_pkt.b + 40, 0);
	rig_begin();
	rig_send(net.wan, &a_pkt, 1);
}

static void up(void)
{
	inner(0);
	come(GNB);
	expect_access(where, net.lan, 30, HOST_A, un.internet);
}

/* What left says exactly what their UPF said, to whom it said it. */
static void expect_theirs(void)
{
	const struct pkt *p = &rig_out[0].pkt;

	ck_assert_msg(rig.outs == 1 && rig_out[0].port == net.wan, "%s: %u left", where, rig.outs);
	ck_assert_msg(memcmp(p->b + 26, cap.frame + 26, 8) == 0, "%s: addresses", where);
	ck_assert_msg(p->len == 42 + payload_len, "%s: %u bytes, want %u", where, p->len - 42,
		payload_len);
	for (uint32_t i = 0; i < payload_len; i++)
		ck_assert_msg(p->b[42 + i] == payload[i], "%s: byte %u is %02x, want %02x", where,
			i, p->b[42 + i], payload[i]);
}

/* The packet of their downlink frame comes from host A, one hop earlier. */
static void down(void)
{
	inner(1);
	memcpy(tagged.b + 16, in_pkt.b + 12, in_pkt.len - 12);
	tagged.len = in_pkt.len + 4;
	put48(tagged.b, rig_l3_mac(un.internet));
	put48(tagged.b + 6, HOST_A);
	put16(tagged.b + 12, 0x8100);
	put16(tagged.b + 14, 30);
	rig_begin();
	rig_send(net.lan, &tagged, 1);
	expect_theirs();
}

static void either(void)
{
	if (from_upf())
		down();
	else
		up();
}

/* ---- captures ---- */

START_TEST(ueransim_and_open5gs)
{
	uint64_t n = 0, bytes = 0;

	ue("1", "'ipv4':'10.45.0.2'", 0x6d0c, 1, "10.100.0.2", 1, false);
	ue("2", "'ipv4':'10.45.0.3'", 0xb642, 2, "10.100.0.2", 1, false);
	ue("3", "'ipv4':'10.45.0.4'", 0xb6f8, 4, "10.100.0.2", 1, false);
	for (capture_open(&cap, "gtpu-5gc-ueransim.pcap"); next(); n++) {
		if (cap.number == 29) /* it had been idle, and has a new tunnel */
			ue("1", "'ipv4':'10.45.0.2'", 0x6d0c, 3, "10.100.0.2", 1, false);
		either();
		if (from_upf() && in_pkt.b[14 + 19] == 2)
			bytes += header.payload_len;
	}
	ck_assert_uint_eq(n, 42);
	ck_assert_uint_eq(rig_session_counters("1").ul_packets, 15);
	ck_assert_uint_eq(rig_session_counters("1").dl_packets, 15);
	ck_assert_uint_eq(rig_session_counters("1").dl_bytes, bytes);
}
END_TEST

START_TEST(sgsnemu_with_and_without_sequence_numbers)
{
	uint32_t n = 0;

	ue("1", "'ipv4':'10.45.0.2'", 0x5b3, 1, "10.100.0.2", 64, false);
	ue("2", "'ipv4':'10.45.0.3'", 0xf3a5, 1, "10.100.0.2", 64, false);
	ue("3", "'ipv4':'10.45.0.4'", 0xac53, 1, "10.100.0.2", 64, false);
	for (capture_open(&cap, "gtpu-sgsnemu.pcap"); next(); n++)
		either();
	ck_assert_uint_eq(n, 30);
}
END_TEST

/* The error indication in hand and ours name the same tunnel; theirs has the TEID in its own header
 * as well, where 5.1 wants 0. */
static void expect_their_indication(void)
{
	struct gtpu_error_indication theirs, ours;
	const uint8_t *bytes = rig_out[0].pkt.b + 42;

	ck_assert_uint_eq(rig.outs, 1);
	ck_assert_uint_eq(rig.drop[DROP_GTPU_TEID_UNKNOWN], 1);
	ck_assert_int_eq(memcmp(rig_out[0].pkt.b + 26, cap.frame + 26, 8), 0);
	ck_assert_int_eq(
		gtpu_read_error_indication(payload + header.payload, header.payload_len, &theirs),
		0);
	ck_assert_int_eq(gtpu_read(bytes, rig_out[0].pkt.len - 42, &header), GTPU_OK);
	ck_assert_int_eq(
		gtpu_read_error_indication(bytes + header.payload, header.payload_len, &ours), 0);
	ck_assert_int_eq(memcmp(&theirs, &ours, sizeof(ours)), 0);
}

/* A UE with a dedicated bearer for ICMP (pfcp-epc.pcap: its SDF filter), downlink by TEID 0x6007.
 */
static void ue_with_bearer(void)
{
	rig_sessions("{'name':'2','slice':'internet','ue':{'ipv4':'10.45.0.3'},"
		     "'pdrs':[{'id':1,'precedence':255,'source':'core','far':1},"
		     "{'id':2,'precedence':1,'source':'core','far':2,"
		     "'filters':['permit out icmp from any to assigned']},"
		     "{'id':3,'precedence':1,'source':'access','gtpu':'cap','teid':60970,'far':3,"
		     "'filters':['permit out icmp from any to assigned'],"
		     "'outer_header_removal':0}],"
		     "'fars':[{'id':1,'action':'forward','destination':'access',"
		     "'outer_header':{'teid':24582,'peer':'10.100.0.2','gtpu':'cap'}},"
		     "{'id':2,'action':'forward','destination':'access',"
		     "'outer_header':{'teid':24583,'peer':'10.100.0.2','gtpu':'cap'}},"
		     "{'id':3,'action':'forward'}]}");
}

#define BOTH "'ipv4':'10.45.0.2','ipv6':'2001:db8:cafe:1::/64'"

START_TEST(an_epc_from_attach_to_deletion)
{
	ue("1", BOTH, 0x3584, 0x5005, "10.100.0.2", 64, false);
	ue_with_bearer();
	capture_open(&cap, "gtpu-epc.pcap");
	frame(3);
	come(GNB);
	frame(4);
	expect_theirs(); /* echo */
	for (uint32_t i = 5; i <= 6; i++) {
		frame(i);
		either();
	}
	for (uint32_t i = 9; i <= 10; i++) { /* IPv6 */
		frame(i);
		either();
	}
	frame(11); /* from 10.45.200.200 */
	come(GNB);
	expect_drop(where, DROP_UE_SOURCE);
	for (uint32_t i = 12; i <= 15; i++) { /* two bearers */
		frame(i);
		either();
	}
	frame(16); /* handover: the end marker to the old tunnel */
	rig_begin();
	ue("1", BOTH, 0x3584, 0x8005, "10.100.0.3", 64, true);
	rig_poll();
	rig_advance(0.01);
	expect_theirs();
	for (uint32_t i = 17; i <= 18; i++) {
		frame(i);
		either();
	}
	frame(19);
	come(GNB);
	frame(20);
	expect_their_indication();
	rig_session_gone("1");
	frame(21);
	come(UPF2);
	frame(22);
	expect_their_indication();
}
END_TEST

/* A UE asks for its prefix: from its link-local address, by the CP function's PDR to the SMF and
 * back (upf-interop.md); neighbour discovery wants hop limit 255 at both ends. Frames 7 and 8; 2 is
 * what the SMF sent, here by UPF 2. */
START_TEST(a_router_solicitation_and_its_answer)
{
	struct gtpu g = {.dst = rig_port_mac(net.wan),
		.src = UPF2,
		.from = "198.18.0.3",
		.to = "198.18.0.9",
		.teid = 0xd476};

	rig_sessions(
		"{'name':'1','slice':'internet','ue':{" BOTH "},"
		"'pdrs':[{'id':1,'precedence':255,'source':'access','gtpu':'cap','teid':13700,"
		"'outer_header_removal':0,'far':1},"
		"{'id':2,'precedence':1000,'source':'access','far':3,'outer_header_removal':0},"
		"{'id':3,'precedence':1,'source':'access','far':2,'outer_header_removal':0,"
		"'filters':['permit out 58 from ff02::2/128 to assigned']},"
		"{'id':4,'precedence':1,'source':'core','gtpu':'n9','teid':54390,"
		"'outer_header_removal':0,'far':4}],"
		"'fars':[{'id':1,'action':'forward'},"
		"{'id':2,'action':'forward','destination':'core','outer_header':{'teid':1,"
		"'peer':'198.18.0.3','gtpu':'n9'}},{'id':3,'action':'drop'},"
		"{'id':4,'action':'forward','destination':'access','outer_header':{'teid':20485,"
		"'peer':'10.100.0.2','gtpu':'cap'}}]}");
	capture_open(&cap, "gtpu-epc.pcap");
	frame(2);
	inner(0);
	frame(7);
	struct pkt *answer = &c_pkt;

	*answer = in_pkt;
	inner(0);
	come(GNB);
	expect_gtpu(where, "198.18.0.3", 1, -1, 0);
	frame(8);
	build_gtpu(&a_pkt, &g, answer);
	rig_begin();
	rig_send(net.wan, &a_pkt, 1);
	expect_theirs();
}
END_TEST

TCase *upf_capture_tests(void)
{
	TCase *t = tcase_create("upf_captures");

	tcase_add_checked_fixture(t, captures_setup, upf_teardown);
	tcase_add_test(t, ueransim_and_open5gs);
	tcase_add_test(t, sgsnemu_with_and_without_sequence_numbers);
	tcase_add_test(t, an_epc_from_attach_to_deletion);
	tcase_add_test(t, a_router_solicitation_and_its_answer);
	return t;
}
