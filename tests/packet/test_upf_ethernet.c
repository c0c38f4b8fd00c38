/* SPDX-License-Identifier: BSD-3-Clause */
/* Ethernet PDU sessions (TS 23.501 5.6.10.2): UEs whose frames are bridged into l2 slices. Who
 * learns whom, who is flooded to, which filters and tags mean what, and what never meets. */
#include <string.h>

#include "police.h"
#include "upf_eth_net.h"

START_TEST(a_ue_is_bridged_to_a_host_and_back)
{
	eth_session("a", "red", 0x11);
	eth_frame(&a_pkt, HOST_B, UE_A);
	eth_ue_sends("a", &a_pkt);
	eth_tag(&b_pkt, &a_pkt, 0x8100, 20);
	expect_out("up, as it is, with the attachment's tag", net.lan2, &b_pkt);
	rig_poll();
	ck_assert_uint_eq(DOOR_KIND(eth_door_of(net.red, UE_A)), DOOR_SESSION);
	eth_frame(&a_pkt, UE_A, HOST_A);
	rig_begin();
	rig_send(net.lan, &a_pkt, 1);
	expect_eth_ue("down", 0x11, &a_pkt);
	struct session_counters c = rig_session_counters("a");

	ck_assert_uint_eq(c.ul_packets, 1);
	ck_assert_uint_eq(c.ul_bytes, a_pkt.len);
	ck_assert_uint_eq(c.dl_packets, 1);
	ck_assert_uint_eq(c.dl_bytes, a_pkt.len);
	ck_assert_uint_eq(c.dropped, 0);
}
END_TEST

START_TEST(two_ues_of_a_slice_talk_to_each_other)
{
	eth_two_in_red();
	eth_frame(&a_pkt, UE_B, UE_A);
	eth_ue_sends("a", &a_pkt);
	expect_eth_ue("a to b", 0x12, &a_pkt);
	eth_frame(&a_pkt, UE_A, UE_B);
	eth_ue_sends("b", &a_pkt);
	expect_eth_ue("b to a", 0x11, &a_pkt);
	eth_frame(&a_pkt, UE_A, NOBODY);
	eth_ue_sends("a", &a_pkt);
	expect_drop("to what is behind the same session", DROP_SAME_DOOR);
	ck_assert_uint_eq(rig_session_counters("a").dropped, 1);
}
END_TEST

/* Frames of sixteen flows in one burst from a tunnel: each flow keeps its source port, whatever was
 * in its place of the burst before, and most have one of their own. */
static void expect_source_ports_by_flow(void)
{
	static struct pkt burst[16];
	static struct gtpu_seen s;
	uint16_t port[2][16] = {0};
	uint32_t differ = 0;

	for (uint32_t round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < 16; i++) {
			struct spec f = plain(UE_A, HOST_C);
			struct outer o = from_peer2(VNI_RED);

			f.sport = 1000 + (round ? 15 - i : i);
			build(&a_pkt, &f);
			wrap(&burst[i], &o, &a_pkt);
		}
		rig_begin();
		rig_send(net.wan, burst, 16);
		ck_assert_uint_eq(rig.outs, 16);
		for (uint32_t i = 0; i < 16; i++) {
			ck_assert(gtpu_parse(&rig_out[i].pkt, &s));
			port[round][get16(s.inner.b + 14 + 34) - 1000] = s.sport;
		}
	}
	ck_assert_int_eq(memcmp(port[0], port[1], sizeof(port[0])), 0);
	for (uint32_t i = 1; i < 16; i++)
		differ += port[0][i] != port[0][0];
	ck_assert_uint_gt(differ, 8);
}

START_TEST(tunnels_and_sessions_reach_each_other)
{
	struct outer o = from_peer2(VNI_RED);

	eth_two_in_red();
	eth_frame(&a_pkt, UE_A, HOST_C);
	wrap(&b_pkt, &o, &a_pkt);
	rig_begin();
	rig_send(net.wan, &b_pkt, 1);
	expect_eth_ue("from a tunnel", 0x11, &a_pkt);
	expect_source_ports_by_flow();
	eth_frame(&a_pkt, HOST_C, UE_A);
	eth_ue_sends("a", &a_pkt);
	ck_assert_uint_eq(rig.outs, 1);
	ck_assert_uint_eq(get16(rig_out[0].pkt.b + 36), 4789);
	ck_assert_uint_eq(get32(rig_out[0].pkt.b + 46), VNI_RED << 8);
	ck_assert_int_eq(memcmp(rig_out[0].pkt.b + 50, a_pkt.b, a_pkt.len), 0);
}
END_TEST

/* To lan, lan2, t2, t6 and the other session. */
START_TEST(unknown_and_broadcast_frames_go_to_all_but_where_they_came_from)
{
	static const uint64_t to[] = {NOBODY, BCAST, 0x333300000001ull};

	eth_two_in_red();
	for (uint32_t i = 0; i < 3; i++) {
		eth_frame(&a_pkt, to[i], UE_A);
		eth_ue_sends("a", &a_pkt);
		ck_assert_uint_eq(rig.outs, 5);
		ck_assert_uint_eq(rig.replicated, 4);
		ck_assert_uint_eq(rig.drops, 0);
		ck_assert_uint_eq(eth_count_ue(0x11, &a_pkt), 0);
		ck_assert_uint_eq(eth_count_ue(0x12, &a_pkt), 1);
		ck_assert_uint_eq(count_out(net.lan, &a_pkt), 1);
		eth_frame(&a_pkt, to[i], HOST_A);
		rig_begin();
		rig_send(net.lan, &a_pkt, 1);
		ck_assert_uint_eq(rig.outs, 5);
		ck_assert_uint_eq(eth_count_ue(0x11, &a_pkt), 1);
		ck_assert_uint_eq(eth_count_ue(0x12, &a_pkt), 1);
		/* from a tunnel: to attachments and sessions, not to the other tunnel */
		struct outer o = from_peer2(VNI_RED);

		eth_frame(&a_pkt, to[i], HOST_C);
		wrap(&b_pkt, &o, &a_pkt);
		rig_begin();
		rig_send(net.wan, &b_pkt, 1);
		ck_assert_uint_eq(rig.outs, 4);
		ck_assert_uint_eq(eth_count_ue(0x11, &a_pkt), 1);
	}
	ck_assert_uint_eq(rig_session_counters("b").dl_packets, 9);
}
END_TEST

START_TEST(sessions_of_two_slices_with_the_same_macs_never_meet)
{
	eth_session("a", "red", 0x11);
	eth_session("x", "blue", 0x21);
	eth_frame(&a_pkt, HOST_A, UE_A);
	eth_ue_sends("a", &a_pkt);
	expect_out("red's host A", net.lan, &a_pkt);
	eth_ue_sends("x", &a_pkt);
	eth_tag(&b_pkt, &a_pkt, 0x8100, 10);
	expect_out("blue's host A", net.lan, &b_pkt);
	rig_poll();
	ck_assert_uint_ne(eth_door_of(net.red, UE_A), eth_door_of(net.blue, UE_A));
	eth_frame(&a_pkt, UE_A, HOST_A);
	rig_begin();
	rig_send(net.lan, &a_pkt, 1);
	expect_eth_ue("red's", 0x11, &a_pkt);
	eth_tag(&b_pkt, &a_pkt, 0x8100, 10);
	rig_begin();
	rig_send(net.lan, &b_pkt, 1);
	expect_eth_ue("blue's", 0x21, &a_pkt);
	eth_frame(&a_pkt, BCAST, UE_A);
	eth_ue_sends("x", &a_pkt);
	ck_assert_uint_eq(eth_count_ue(0x11, &a_pkt), 0);
	ck_assert_uint_eq(rig.outs, 3); /* lan, lan2, t2 */
}
END_TEST

START_TEST(filters_look_at_macs_and_types)
{
	rig_sessions(eth_session_json("a", "red", 0x11,
		",'ethernet':[{'source':'02:00:00:00:00:a1','ethertype':2048}]",
		",'ethernet':[{'source':'02:00:00:00:00:0a'},{'ethertype':2054}]"));
	eth_frame(&a_pkt, HOST_A, UE_A);
	eth_ue_sends("a", &a_pkt);
	expect_out("both match", net.lan, &a_pkt);
	rig_poll();
	eth_frame(&a_pkt, HOST_A, UE_B);
	eth_ue_sends("a", &a_pkt);
	expect_drop("another source", DROP_PDR_NONE);
	struct spec s = {.dst = HOST_A, .src = UE_A, .type = 0x88b5, .payload = 60};

	build(&a_pkt, &s);
	eth_ue_sends("a", &a_pkt);
	expect_drop("another type", DROP_PDR_NONE);
	eth_frame(&a_pkt, UE_A, HOST_A);
	rig_begin();
	rig_send(net.lan, &a_pkt, 1);
	expect_eth_ue("down, from the host that may", 0x11, &a_pkt);
	eth_frame(&a_pkt, UE_A, HOST_B);
	eth_tag(&b_pkt, &a_pkt, 0x8100, 20);
	rig_begin();
	rig_send(net.lan2, &b_pkt, 1);
	expect_drop("down, from another", DROP_PDR_NONE);
}
END_TEST

/* The slice's meter passes one copy of a flooded frame into a tunnel and refuses the other: the
 * session has sent one frame, and the refusal does not give it back. */
START_TEST(a_flooded_frame_is_charged_once_whatever_its_copies_meet)
{
	struct api_meter cfg = {.cir_bps = 8, .pir_bps = 8, .cbs_bytes = 150, .pbs_bytes = 150};
	uint16_t meter;

	eth_session("a", "red", 0x11);
	ck_assert_int_eq(police_reserve(&meter), 0);
	police_set(meter, &cfg);
	police_use(POLICE_SLICE, net.red, meter);
	eth_frame(&a_pkt, BCAST, UE_A);
	eth_ue_sends("a", &a_pkt);
	ck_assert(rig.outs == 3 && rig.drops == 1 && rig.drop[DROP_SLICE_METER_RED] == 1);
	struct session_counters c = rig_session_counters("a");

	ck_assert_uint_eq(c.ul_packets, 1);
	ck_assert_uint_eq(c.ul_bytes, a_pkt.len);
}
END_TEST

/* The same frames by two QFIs: one goes on, the other does not. */
START_TEST(a_qfi_chooses_the_pdr_of_a_frame)
{
	rig_sessions(eth_session_json("a", "red", 0x11, ",'qfi':5", ""));
	eth_frame(&a_pkt, HOST_A, UE_A);
	for (uint32_t qfi = 4; qfi < 7; qfi++) {
		struct gtpu g = from_gnb(rig_teid("a", 1));

		g.qfi = qfi;
		build_gtpu_raw(&c_pkt, &g, a_pkt.b, a_pkt.len);
		rig_begin();
		rig_send(net.wan, &c_pkt, 1);
		if (qfi == 5)
			expect_out("its QFI", net.lan, &a_pkt);
		else
			expect_drop("another QFI", DROP_PDR_NONE);
	}
}
END_TEST

/* One UE, VLAN 5 in red and VLAN 6 in blue. */
START_TEST(a_tag_at_the_ue_means_a_slice)
{
	rig_sessions("{'name':'a','slice':'red','pdrs':["
		     "{'id':1,'precedence':1,'source':'access','gtpu':'n3','far':1,"
		     "'ethernet':[{'vlan':5}]},"
		     "{'id':2,'precedence':2,'source':'access','gtpu':'n3','far':2,"
		     "'ethernet':[{'vlan':6}]},"
		     "{'id':3,'precedence':9,'source':'access','gtpu':'n3','far':1},"
		     "{'id':4,'precedence':1,'source':'core','far':3},"
		     "{'id':5,'precedence':1,'source':'core','slice':'blue','far':3,"
		     "'ethernet':[{'vlan':6}]}],"
		     "'fars':[{'id':1,'action':'forward'},"
		     "{'id':2,'action':'forward','slice':'blue'},"
		     "{'id':3,'action':'forward','destination':'access',"
		     "'outer_header':{'teid':17,'peer':'198.18.0.2'}}]}");
	eth_frame(&a_pkt, HOST_A, UE_A);
	eth_tag(&b_pkt, &a_pkt, 0x8100, 5);
	eth_ue_sends("a", &b_pkt);
	expect_out("VLAN 5 is red", net.lan, &a_pkt);
	eth_tag(&b_pkt, &a_pkt, 0x8100, 0xe006);
	eth_ue_sends("a", &b_pkt);
	eth_tag(&b_pkt, &a_pkt, 0x8100, 10);
	expect_out("VLAN 6 is blue", net.lan, &b_pkt);
	eth_ue_sends("a", &a_pkt);
	expect_out("PDR 3 takes what has no tag", net.lan, &a_pkt);
	eth_tag(&b_pkt, &a_pkt, 0x8100, 0xe000);
	eth_ue_sends("a", &b_pkt);
	expect_out("a priority tag is none", net.lan, &a_pkt);
	eth_tag(&b_pkt, &a_pkt, 0x8100, 7);
	eth_ue_sends("a", &b_pkt);
	expect_drop("a tag that no filter names", DROP_VLAN_STACKED);
	eth_tag(&b_pkt, &a_pkt, 0x88a8, 5);
	eth_ue_sends("a", &b_pkt);
	expect_drop("a service tag", DROP_VLAN_STACKED);
	eth_tag(&b_pkt, &a_pkt, 0x8100, 9);
	eth_tag(&in_pkt, &b_pkt, 0x8100, 5);
	eth_ue_sends("a", &in_pkt);
	expect_drop("a tag behind the tag", DROP_VLAN_STACKED);
	rig_poll();
	eth_frame(&a_pkt, UE_A, HOST_A);
	eth_tag(&b_pkt, &a_pkt, 0x8100, 5);
	rig_begin();
	rig_send(net.lan, &a_pkt, 1);
	expect_eth_ue("from red: tag 5", 17, &b_pkt);
	eth_tag(&b_pkt, &a_pkt, 0x8100, 10);
	rig_begin();
	rig_send(net.lan, &b_pkt, 1);
	eth_tag(&b_pkt, &a_pkt, 0x8100, 6);
	expect_eth_ue("from blue: tag 6", 17, &b_pkt);
}
END_TEST

START_TEST(what_an_ethernet_session_may_not_say)
{
	static const struct {
		const char *up, *down, *path;
	} bad[] = {
		{",'filters':['permit out ip from any to assigned']", "", "filters"},
		{",'ethernet':[{'vlan':5},{'vlan':6}]", "", "pdrs[0].ethernet[1].vlan"},
		{",'ethernet':[{'vlan':5}]", ",'ethernet':[{'vlan':6}]",
			"pdrs[1].ethernet[0].vlan"},
	};
	uint32_t before = session_count();
	struct rpc_error err;

	for (uint32_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memset(&err, 0, sizeof(err));
		ck_assert_int_eq(
			rig_sessions_try(
				eth_session_json("a", "red", 0x11, bad[i].up, bad[i].down), &err),
			-1);
		ck_assert_msg(strstr(err.path, bad[i].path) != NULL, "path %s, want %s", err.path,
			bad[i].path);
	}
	memset(&err, 0, sizeof(err));
	ck_assert_int_eq(rig_sessions_try("{'name':'a','slice':'red','pdrs':["
					  "{'id':1,'precedence':1,'source':'core','far':1}],"
					  "'fars':[{'id':1,'action':'forward'}]}",
				 &err),
		-1);
	ck_assert_msg(strstr(err.path, "fars[0].destination") != NULL, "path %s", err.path);
	ck_assert_uint_eq(session_count(), before);
	eth_frame(&a_pkt, BCAST, HOST_A);
	rig_begin();
	rig_send(net.lan, &a_pkt, 1);
	ck_assert_uint_eq(rig.outs, 3); /* nothing half-made is flooded to */
}
END_TEST

TCase *upf_ethernet_tests(void)
{
	TCase *tc = tcase_create("ethernet");

	tcase_add_checked_fixture(tc, eth_setup, upf_teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, a_ue_is_bridged_to_a_host_and_back);
	tcase_add_test(tc, two_ues_of_a_slice_talk_to_each_other);
	tcase_add_test(tc, tunnels_and_sessions_reach_each_other);
	tcase_add_test(tc, unknown_and_broadcast_frames_go_to_all_but_where_they_came_from);
	tcase_add_test(tc, sessions_of_two_slices_with_the_same_macs_never_meet);
	tcase_add_test(tc, filters_look_at_macs_and_types);
	tcase_add_test(tc, a_flooded_frame_is_charged_once_whatever_its_copies_meet);
	tcase_add_test(tc, a_qfi_chooses_the_pdr_of_a_frame);
	tcase_add_test(tc, a_tag_at_the_ue_means_a_slice);
	tcase_add_test(tc, what_an_ethernet_session_may_not_say);
	return tc;
}
