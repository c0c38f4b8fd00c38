/* SPDX-License-Identifier: BSD-3-Clause */
/* In and out at attachments: untagged and VLAN, tags pushed, popped and refused. */
#include <string.h>

#include "expect.h"
#include "port.h"

#define VLAN(vid)                                                                                  \
	{                                                                                          \
		0x8100, vid                                                                        \
	}
#define FRAME(d, s)                                                                                \
	.dst = d, .src = s, .ip = 4, .saddr = 1, .daddr = 2, .sport = 7, .dport = 9, .payload = 18

enum place { LAN, LAN2, WAN };

static uint16_t port_of(enum place p)
{
	return p == LAN ? net.lan : p == LAN2 ? net.lan2 : net.wan;
}

static const struct passing {
	const char *what;
	enum place from;
	struct spec in;
	enum place to;
	struct spec out;
} passing[] = {
	{"untagged in, tagged out", LAN, {FRAME(HOST_B, HOST_A)}, LAN2,
		{FRAME(HOST_B, HOST_A), .tag = {VLAN(20)}}},
	{"tagged in, untagged out", LAN, {FRAME(HOST_B, HOST_A), .tag = {VLAN(10)}}, LAN2,
		{FRAME(HOST_B, HOST_A)}},
	{"untagged in, tagged out, other slice", LAN2, {FRAME(HOST_A, HOST_B)}, LAN,
		{FRAME(HOST_A, HOST_B), .tag = {VLAN(10)}}},
	{"tagged in, untagged out, back", LAN2, {FRAME(HOST_A, HOST_B), .tag = {VLAN(20)}}, LAN,
		{FRAME(HOST_A, HOST_B)}},
	{"VID 0 is a priority tag: untagged", LAN, {FRAME(HOST_B, HOST_A), .tag = {VLAN(0xe000)}},
		LAN2, {FRAME(HOST_B, HOST_A), .tag = {VLAN(20)}}},
	{"priority and DEI beside a VID do not matter", LAN,
		{FRAME(HOST_B, HOST_A), .tag = {VLAN(0xf00a)}}, LAN2, {FRAME(HOST_B, HOST_A)}},
	{"IPv6 inside", LAN, {.dst = HOST_B, .src = HOST_A, .ip = 6, .payload = 30}, LAN2,
		{.dst = HOST_B, .src = HOST_A, .tag = {VLAN(20)}, .ip = 6, .payload = 30}},
	{"any ethertype", LAN, {.dst = HOST_B, .src = HOST_A, .type = 0x88b5, .payload = 46}, LAN2,
		{.dst = HOST_B, .src = HOST_A, .tag = {VLAN(20)}, .type = 0x88b5, .payload = 46}},
	{"nothing behind the Ethernet header", LAN, {.dst = HOST_B, .src = HOST_A, .type = 0x0800},
		LAN2, {.dst = HOST_B, .src = HOST_A, .tag = {VLAN(20)}, .type = 0x0800}},
	{"nothing behind the tag", LAN,
		{.dst = HOST_B, .src = HOST_A, .tag = {VLAN(10)}, .type = 0x86dd}, LAN2,
		{.dst = HOST_B, .src = HOST_A, .type = 0x86dd}},
};

START_TEST(access_moves_frame_between_attachments_and_tags_it)
{
	const struct passing *t = &passing[_i];

	build(&a_pkt, &t->in);
	build(&b_pkt, &t->out);
	rig_send(port_of(t->from), &a_pkt, 1);
	expect_out(t->what, port_of(t->to), &b_pkt);
}
END_TEST

static const struct refused {
	const char *what;
	enum place from;
	struct spec in;
	enum drop_reason why;
} refused[] = {
	{"VLAN nobody has", LAN, {FRAME(HOST_B, HOST_A), .tag = {VLAN(99)}}, DROP_VLAN_UNKNOWN},
	{"VLAN of another port", LAN, {FRAME(HOST_B, HOST_A), .tag = {VLAN(20)}},
		DROP_VLAN_UNKNOWN},
	{"VID 4095", LAN, {FRAME(HOST_B, HOST_A), .tag = {VLAN(4095)}}, DROP_VLAN_UNKNOWN},
	{"802.1ad outside", LAN, {FRAME(HOST_B, HOST_A), .tag = {{0x88a8, 10}}}, DROP_VLAN_TPID},
	{"0x9100 outside", LAN, {FRAME(HOST_B, HOST_A), .tag = {{0x9100, 10}}}, DROP_VLAN_TPID},
	{"802.1ad around 802.1Q", LAN, {FRAME(HOST_B, HOST_A), .tag = {{0x88a8, 10}, VLAN(10)}},
		DROP_VLAN_TPID},
	{"two tags", LAN, {FRAME(HOST_B, HOST_A), .tag = {VLAN(10), VLAN(20)}}, DROP_VLAN_STACKED},
	{"priority tag around a tag", LAN, {FRAME(HOST_B, HOST_A), .tag = {VLAN(0), VLAN(10)}},
		DROP_VLAN_STACKED},
	{"802.1ad inside", LAN, {FRAME(HOST_B, HOST_A), .tag = {VLAN(10), {0x88a8, 20}}},
		DROP_VLAN_STACKED},
	{"three tags", LAN2, {FRAME(HOST_B, HOST_A), .tag = {VLAN(20), VLAN(10), VLAN(10)}},
		DROP_VLAN_STACKED},
	{"tagged on the underlay", WAN, {FRAME(HOST_B, HOST_A), .tag = {VLAN(10)}},
		DROP_NOT_OUR_MAC},
	{"to the door it came by", LAN, {FRAME(HOST_A, NOBODY)}, DROP_SAME_DOOR},
	{"group source", LAN, {FRAME(HOST_B, 0x010000000001)}, DROP_SOURCE_MAC},
	{"broadcast source", LAN, {FRAME(HOST_B, BCAST)}, DROP_SOURCE_MAC},
	{"zero source", LAN, {FRAME(HOST_B, 0)}, DROP_SOURCE_MAC},
	{"zero source, unknown destination", LAN, {FRAME(NOBODY, 0)}, DROP_SOURCE_MAC},
};

START_TEST(access_refuses_frame_by_name)
{
	const struct refused *t = &refused[_i];

	build(&a_pkt, &t->in);
	rig_send(port_of(t->from), &a_pkt, 1);
	expect_drop(t->what, t->why);
}
END_TEST

START_TEST(access_drops_runt_whatever_its_length)
{
	struct spec s = plain(HOST_B, HOST_A);

	s.tag[0] = (struct tag){0x8100, 10};
	build(&a_pkt, &s);
	for (a_pkt.len = 0; a_pkt.len < 18; a_pkt.len++) {
		rig_begin();
		rig_send(net.lan, &a_pkt, 1);
		expect_drop("cut tag", DROP_RUNT);
		rig_begin();
		rig_send(net.wan, &a_pkt, 1);
		expect_drop("runt on the underlay", a_pkt.len < 14 ? DROP_RUNT : DROP_NOT_OUR_MAC);
	}
}
END_TEST

START_TEST(access_without_untagged_attachment_drops_untagged)
{
	uint16_t port = rig_port(1500);

	rig_attachment(net.red, port, 7);
	build(&a_pkt, &(struct spec){FRAME(HOST_B, HOST_A)});
	rig_send(port, &a_pkt, 1);
	expect_drop("untagged", DROP_NO_ATTACHMENT);
	rig_begin();
	build(&a_pkt, &(struct spec){FRAME(HOST_B, HOST_A), .tag = {VLAN(0)}});
	rig_send(port, &a_pkt, 1);
	expect_drop("priority tag", DROP_NO_ATTACHMENT);
}
END_TEST

START_TEST(access_on_underlay_port_takes_its_vlan_and_leaves_the_rest)
{
	uint16_t door = rig_attachment(net.red, net.wan, 30);

	rig_mac(net.red, 0x020000000077, DOOR_ATTACHMENT | door);
	build(&a_pkt, &(struct spec){FRAME(HOST_A, 0x020000000077), .tag = {VLAN(30)}});
	build(&b_pkt, &(struct spec){FRAME(HOST_A, 0x020000000077)});
	rig_send(net.wan, &a_pkt, 1);
	expect_out("tagged on the underlay", net.lan, &b_pkt);

	struct outer o = from_peer2(VNI_RED);

	build(&b_pkt, &(struct spec){FRAME(HOST_A, HOST_C)});
	wrap(&a_pkt, &o, &b_pkt);
	rig_begin();
	rig_send(net.wan, &a_pkt, 1);
	expect_out("tunnel beside it", net.lan, &b_pkt);
}
END_TEST

START_TEST(access_counts_frame_at_slice_and_both_doors)
{
	struct counters c;

	build(&a_pkt, &(struct spec){FRAME(HOST_B, HOST_A)}); /* 60 bytes */
	rig_send(net.lan, &a_pkt, 1);
	rig_send(net.lan, &a_pkt, 1);
	slice_counters_read(net.red, &c);
	ck_assert(c.in_packets == 2 && c.in_bytes == 120 && c.out_packets == 2 &&
		  c.out_bytes == 120 && c.dropped == 0);
	attachment_counters_read(net.red_lan, &c);
	ck_assert(c.in_packets == 2 && c.in_bytes == 120 && c.out_packets == 0 && c.dropped == 0);
	attachment_counters_read(net.red_lan2, &c);
	ck_assert(c.in_packets == 0 && c.out_packets == 2 && c.out_bytes == 128);
	slice_counters_read(net.blue, &c);
	ck_assert(c.in_packets == 0 && c.out_packets == 0 && c.dropped == 0);
}
END_TEST

START_TEST(access_counts_drop_at_slice_and_door)
{
	uint64_t drops[DROP_SLICE_REASONS];
	struct counters c;

	build(&a_pkt, &(struct spec){FRAME(HOST_A, NOBODY)});
	rig_send(net.lan, &a_pkt, 1);
	slice_counters_read(net.red, &c);
	ck_assert(c.in_packets == 1 && c.out_packets == 0 && c.dropped == 1);
	attachment_counters_read(net.red_lan, &c);
	ck_assert(c.in_packets == 1 && c.dropped == 1);
	slice_drops_read(net.red, drops);
	ck_assert_uint_eq(drops[DROP_SAME_DOOR], 1);
}
END_TEST

START_TEST(access_drops_frame_larger_than_mtu_of_its_port)
{
	struct spec s = plain(HOST_B, HOST_A), tagged = s;
	uint16_t wide = rig_port(9000);

	rig_mac(net.red, 0x0200000000aa, DOOR_ATTACHMENT | rig_attachment(net.red, wide, 0));
	s.src = tagged.src = 0x0200000000aa;
	s.payload = tagged.payload = 1500 - 28;
	tagged.tag[0] = (struct tag){0x8100, 20};
	build(&a_pkt, &s);
	build(&b_pkt, &tagged);
	rig_send(wide, &a_pkt, 1);
	expect_out("fits", net.lan2, &b_pkt);
	s.payload++;
	build(&a_pkt, &s);
	rig_begin();
	rig_send(wide, &a_pkt, 1);
	expect_drop("a byte more", DROP_ACCESS_MTU);
	rig_begin();
	s = plain(0x0200000000aa, HOST_A);
	s.payload = 8000;
	build(&a_pkt, &s);
	rig_send_cut(wide, &a_pkt, 2000);
	expect_drop("chained buffers, to where it came from", DROP_SAME_DOOR);
}
END_TEST

START_TEST(access_passes_frame_in_chained_buffers)
{
	struct spec s = plain(HOST_B, HOST_A), tagged = s;

	tagged.tag[0] = (struct tag){0x8100, 20};
	build(&a_pkt, &s);
	build(&b_pkt, &tagged);
	for (uint32_t at = 14; at < a_pkt.len; at++) {
		rig_begin();
		rig_send_cut(net.lan, &a_pkt, at);
		expect_out("cut", net.lan2, &b_pkt);
	}
	for (uint32_t at = 1; at < 14; at++) {
		rig_begin();
		rig_send_cut(net.lan, &a_pkt, at);
		expect_drop("cut inside the Ethernet header", DROP_RUNT);
	}
}
END_TEST

/* A driver that sends the first buffer of a chain alone gets one buffer, or nothing: what lies
 * behind a buffer in memory would leave with it. */
START_TEST(access_gives_no_chain_to_a_port_that_cannot_send_it)
{
	uint16_t wide = rig_port(9000);
	struct spec s = plain(NOBODY, HOST_A);

	rig_mac(net.red, NOBODY, DOOR_ATTACHMENT | rig_attachment(net.red, wide, 21));
	port_hot[wide].multi_seg = false;
	s.payload = 200;
	build(&a_pkt, &s);
	rig_begin();
	rig_send_cut(net.lan, &a_pkt, 60);
	ck_assert_uint_eq(rig.outs, 1);
	ck_assert_uint_eq(rig_out[0].pkt.len, a_pkt.len + 4);
	ck_assert_uint_eq(rig.segments, 1);
	/* more than a buffer has room for */
	s.payload = 3000;
	build(&a_pkt, &s);
	rig_begin();
	rig_send_cut(net.lan, &a_pkt, 1500);
	expect_drop("chained, and too large for one buffer", DROP_TX_CHAINED);
	port_hot[wide].multi_seg = true;
	rig_begin();
	rig_send_cut(net.lan, &a_pkt, 1500);
	ck_assert_uint_eq(rig.outs, 1);
	ck_assert_uint_eq(rig.segments, 2);
}
END_TEST

TCase *access_tests(void)
{
	TCase *tc = tcase_create("access");

	tcase_add_checked_fixture(tc, net_setup, net_teardown);
	tcase_add_loop_test(tc, access_moves_frame_between_attachments_and_tags_it, 0,
		sizeof(passing) / sizeof(passing[0]));
	tcase_add_loop_test(
		tc, access_refuses_frame_by_name, 0, sizeof(refused) / sizeof(refused[0]));
	tcase_add_test(tc, access_drops_runt_whatever_its_length);
	tcase_add_test(tc, access_without_untagged_attachment_drops_untagged);
	tcase_add_test(tc, access_on_underlay_port_takes_its_vlan_and_leaves_the_rest);
	tcase_add_test(tc, access_counts_frame_at_slice_and_both_doors);
	tcase_add_test(tc, access_counts_drop_at_slice_and_door);
	tcase_add_test(tc, access_drops_frame_larger_than_mtu_of_its_port);
	tcase_add_test(tc, access_passes_frame_in_chained_buffers);
	tcase_add_test(tc, access_gives_no_chain_to_a_port_that_cannot_send_it);
	return tc;
}
