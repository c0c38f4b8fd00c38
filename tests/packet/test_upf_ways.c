/* SPDX-License-Identifier: BSD-3-Clause */
/* Where a session's rules send: uplink classifier, N9 both ways, branching, local breakout,
 * multi-homing, duplicates, gates and drops; meters of the slice. TS 23.501 5.6.4, TS 29.244. */
#include <stdio.h>
#include <string.h>

#include "meter.h"
#include "police.h"
#include "slice.h"
#include "tunnel.h"
#include "upf_net.h"

/* One F-TEID; the edge for 10.1.0.0/16, the central UPF for 10.9.0.0/16, the internet for the rest;
 * downlink from all three into the same tunnel (as free5GC's SMF puts it). */
static void classifier(void)
{
	rig_sessions(
		"{'name':'u','slice':'internet','ue':{'ipv4':'" UE1 "'},'pdrs':["
		"{'id':1,'precedence':255,'source':'access','gtpu':'n3','teid':1111,"
		"'outer_header_removal':0,'far':1},"
		"{'id':2,'precedence':30,'source':'access','gtpu':'n3','teid':1111,"
		"'outer_header_removal':0,'filters':['permit out ip from 10.1.0.0/16 to " UE1
		"'],'far':2},"
		"{'id':3,'precedence':31,'source':'access','gtpu':'n3','teid':1111,"
		"'outer_header_removal':0,'filters':['permit out ip from 10.9.0.0/16 to assigned"
		"'],'far':3},"
		"{'id':4,'precedence':255,'source':'core','far':4},"
		"{'id':5,'precedence':255,'source':'core','slice':'edge','far':4},"
		"{'id':6,'precedence':255,'source':'core','gtpu':'n9','teid':2222,"
		"'outer_header_removal':0,'far':4}],"
		"'fars':[{'id':1,'action':'forward','destination':'core'},"
		"{'id':2,'action':'forward','destination':'core','slice':'edge'},"
		"{'id':3,'action':'forward','destination':'core',"
		"'outer_header':{'teid':3333,'peer':'198.18.0.3'}},"
		"{'id':4,'action':'forward','destination':'access',"
		"'outer_header':{'teid':4097,'peer':'198.18.0.2'}}]}");
}

START_TEST(the_uplink_classifier_sends_three_ways)
{
	classifier();
	send_up(1111, UE1, "10.0.0.1");
	expect_access("N6", net.lan, 30, HOST_A, un.internet);
	send_up(1111, UE1, "10.1.0.1");
	expect_access("edge", net.lan2, 31, HOST_B, un.edge);
	send_up(1111, UE1, "10.9.0.1");
	expect_gtpu("N9", "198.18.0.3", 3333, -1, 0);
	ck_assert_str_eq(seen.from, "198.18.0.9");
	ck_assert_uint_eq(rig_session_counters("u").ul_packets, 3);
}
END_TEST

START_TEST(downlink_from_all_three_merges)
{
	struct ip_packet i = {.dst = rig_l3_mac(un.edge),
		.src = HOST_B,
		.from = "10.1.0.1",
		.to = UE1,
		.payload = 60};
	struct gtpu g = {.dst = rig_port_mac(net.wan),
		.src = UPF2,
		.from = "198.18.0.3",
		.to = "198.18.0.9",
		.teid = 2222};

	struct counters c;

	classifier();
	send_down("10.0.0.1", UE1, 60);
	expect_gtpu("from N6", "198.18.0.2", GNB_TEID, -1, 1);
	/* a slice counts frames, into a tunnel as well */
	slice_counters_read(un.internet, &c);
	ck_assert(c.in_packets == 1 && c.out_packets == 1);
	ck_assert_uint_eq(c.in_bytes, 14 + 20 + 60);
	ck_assert_uint_eq(c.out_bytes, c.in_bytes);
	build_ip(&in_pkt, &i);
	a_pkt = in_pkt;
	memmove(a_pkt.b + 16, a_pkt.b + 12, a_pkt.len - 12);
	put32(a_pkt.b + 12, 0x81000000 | 31);
	a_pkt.len += 4;
	rig_begin();
	rig_send(net.lan2, &a_pkt, 1);
	expect_gtpu("from the edge", "198.18.0.2", GNB_TEID, -1, 1);
	i.from = "10.9.0.1";
	build_ip(&in_pkt, &i);
	build_gtpu(&a_pkt, &g, &in_pkt);
	rig_begin();
	rig_send(net.wan, &a_pkt, 1);
	expect_gtpu("from N9", "198.18.0.2", GNB_TEID, -1, 0);
	ck_assert_str_eq(seen.from, "198.18.0.1");
	ck_assert_uint_eq(rig_session_counters("u").dl_packets, 3);
}
END_TEST

START_TEST(what_comes_back_to_its_own_session_goes_no_further)
{
	struct counters c;

	rig_sessions("{'name':'r','slice':'internet','ue':{'ipv4':'" UE1 "'},'pdrs':["
		     "{'id':1,'precedence':1,'source':'core','far':1}],"
		     "'fars':[{'id':1,'action':'forward','destination':'core'}]}");
	send_down("10.0.0.1", UE1, 60);
	expect_drop("turned round", DROP_SAME_DOOR);
	slice_counters_read(un.internet, &c);
	ck_assert_uint_eq(c.in_packets, 2);
	ck_assert_uint_eq(rig_session_counters("r").dl_packets, 2);
}
END_TEST

/* A UPF in the middle: there is a container again, type and QFI its own. */
START_TEST(n9_carries_the_container_up_and_down)
{
	struct ip_packet i = {.from = "192.0.2.9", .to = UE1, .payload = 61};
	struct gtpu g = {.dst = rig_port_mac(net.wan),
		.src = UPF2,
		.from = "198.18.0.3",
		.to = "198.18.0.9",
		.teid = 2222,
		.psc = true,
		.qfi = 3};

	rig_sessions("{'name':'m','slice':'internet','ue':{'ipv4':'" UE1 "'},'pdrs':["
		     "{'id':1,'precedence':1,'source':'access','gtpu':'n3','teid':1111,'far':1,"
		     "'qers':[1]},"
		     "{'id':2,'precedence':1,'source':'core','gtpu':'n9','teid':2222,'far':2,"
		     "'qers':[1]}],"
		     "'fars':[{'id':1,'action':'forward','destination':'core',"
		     "'outer_header':{'teid':3333,'peer':'2001:db8::3'}},"
		     "{'id':2,'action':'forward','destination':'access',"
		     "'outer_header':{'teid':4097,'peer':'198.18.0.2'}}],"
		     "'qers':[{'id':1,'qfi':7}]}");
	send_up(1111, UE1, "10.0.0.1");
	expect_gtpu("up", "2001:db8::3", 3333, 7, 0);
	ck_assert_uint_eq(seen.psc_type, 1);
	build_ip(&in_pkt, &i);
	build_gtpu(&a_pkt, &g, &in_pkt);
	rig_begin();
	rig_send(net.wan, &a_pkt, 1);
	expect_gtpu("down", "198.18.0.2", GNB_TEID, 7, 0);
	ck_assert_uint_eq(seen.psc_type, 0);
	i.to = "224.0.0.1";
	build_ip(&in_pkt, &i);
	build_gtpu(&a_pkt, &g, &in_pkt);
	rig_begin();
	rig_send(net.wan, &a_pkt, 1);
	expect_gtpu("down, to a group", "198.18.0.2", GNB_TEID, 7, 0);
	/* a router advertisement, RFC 4861 section 4.2 */
	i = (struct ip_packet){.from = "fe80::9", .to = "ff02::1", .payload = 61};
	build_ip(&in_pkt, &i);
	build_gtpu(&a_pkt, &g, &in_pkt);
	rig_begin();
	rig_send(net.wan, &a_pkt, 1);
	expect_gtpu("down, to a group of IPv6", "198.18.0.2", GNB_TEID, 7, 0);
	i = (struct ip_packet){.from = "192.0.2.9", .payload = 61};
	i.to = UE2;
	build_ip(&in_pkt, &i);
	build_gtpu(&a_pkt, &g, &in_pkt);
	rig_begin();
	rig_send(net.wan, &a_pkt, 1);
	expect_drop("down, another's destination", DROP_PDR_NONE);
	send_up(1111, UE2, "10.0.0.1");
	expect_drop("another's source", DROP_UE_SOURCE);
}
END_TEST

/* 1500 less 20 + 8 + 8: the UE is told, by the way its packets come. */
START_TEST(too_big_for_n9_is_said_to_the_ue)
{
	struct ip_packet i = {.from = UE1, .to = "10.9.0.1", .frag = 0x4000, .payload = 1465 - 20};
	struct gtpu g = from_gnb(1111);

	classifier();
	build_ip(&in_pkt, &i);
	build_gtpu(&a_pkt, &g, &in_pkt);
	rig_begin();
	rig_send(net.wan, &a_pkt, 1);
	ck_assert_uint_eq(rig.drop[DROP_TOO_BIG], 1);
	ck_assert_uint_eq(rig.outs, 1);
	ck_assert(gtpu_parse(&rig_out[0].pkt, &seen));
	ck_assert_uint_eq(seen.teid, GNB_TEID);
	ck_assert_uint_eq(get16(seen.inner.b + 34), 0x0304);
	ck_assert_uint_eq(get32(seen.inner.b + 38), 1464);
	ck_assert_int_eq(memcmp(seen.inner.b + 42, in_pkt.b + 14, 100), 0);
	ck_assert_uint_eq(rig_session_counters("u").ul_packets, 0);
	ck_assert_uint_eq(rig_session_counters("u").dropped, 1);
}
END_TEST

/* Downlink over N9: the network's end is the source, the UE's the destination. */
START_TEST(filters_of_a_downlink_by_teid)
{
	struct ip_packet i = {.from = "10.9.0.1", .to = UE1, .payload = 60};
	struct gtpu g = {.dst = rig_port_mac(net.wan),
		.src = UPF2,
		.from = "198.18.0.3",
		.to = "198.18.0.9",
		.teid = 2222};

	rig_sessions("{'name':'n','slice':'internet','ue':{'ipv4':'" UE1 "'},'pdrs':["
		     "{'id':1,'precedence':1,'source':'core','gtpu':'n9','teid':2222,'far':1,"
		     "'filters':['permit out 17 from 10.9.0.0/16 1000 to assigned 2000']},"
		     "{'id':2,'precedence':2,'source':'core','gtpu':'n9','teid':2222,'far':2,"
		     "'filters':['permit out ip from any to " UE1 "']}],"
		     "'fars':[{'id':1,'action':'forward','destination':'access',"
		     "'outer_header':{'teid':1,'peer':'198.18.0.2'}},"
		     "{'id':2,'action':'forward','destination':'access',"
		     "'outer_header':{'teid':2,'peer':'198.18.0.2'}}]}");
	for (int n = 0; n < 3; n++) {
		i.from = n == 0 ? "10.9.0.1" : "10.8.0.1";
		i.to = n == 2 ? UE2 : UE1;
		build_ip(&in_pkt, &i);
		build_gtpu(&a_pkt, &g, &in_pkt);
		rig_begin();
		rig_send(net.wan, &a_pkt, 1);
		if (n < 2)
			expect_gtpu("N9", "198.18.0.2", n == 0 ? 1 : 2, -1, 0);
		else
			expect_drop("to another", DROP_PDR_NONE);
	}
}
END_TEST

START_TEST(two_prefixes_go_two_ways_by_source)
{
	rig_sessions("{'name':'h','slice':'internet','ue':{'ipv6':'fd45:0:0:1::/64',"
		     "'framed':['fd46:0:0:1::/64']},'pdrs':["
		     "{'id':1,'precedence':10,'source':'access','gtpu':'n3','teid':1111,'far':1,"
		     "'filters':['permit out ip from any to fd46:0:0:1::/64']},"
		     "{'id':2,'precedence':20,'source':'access','gtpu':'n3','teid':1111,'far':2,"
		     "'filters':['permit out ip from any to fd45:0:0:1::/64']}],"
		     "'fars':[{'id':1,'action':'forward','slice':'edge'},"
		     "{'id':2,'action':'forward'}]}");
	send_up(1111, "fd45:0:0:1::5", "fd00::1");
	expect_access("the first", net.lan, 30, HOST_A, un.internet);
	send_up(1111, "fd46:0:0:1::5", "fd01::1");
	expect_access("the second", net.lan2, 31, HOST_B, un.edge);
	send_up(1111, "fd47:0:0:1::5", "fd01::1");
	expect_drop("neither", DROP_UE_SOURCE);
}
END_TEST

START_TEST(what_goes_no_further_is_named)
{
	static const struct {
		const char *fars, *qers;
		enum drop_reason why;
	} way[] = {{"'action':'drop'", "", DROP_FAR_DROP},
		{"'action':'forward','destination':'access'", "", DROP_FAR_NO_HEADER},
		{"'action':'forward'", ",'qers':[{'id':1,'gate_ul':'closed'}]", DROP_QER_GATE}};
	char text[1024];

	for (uint32_t n = 0; n < sizeof(way) / sizeof(way[0]); n++) {
		snprintf(text, sizeof(text),
			"{'name':'x','slice':'internet','ue':{'ipv4':'" UE1 "'},'pdrs':[{'id':1,"
			"'precedence':1,'source':'access','gtpu':'n3','teid':9,'far':1%s}],"
			"'fars':[{'id':1,%s}]%s}",
			way[n].qers[0] != '\0' ? ",'qers':[1]" : "", way[n].fars, way[n].qers);
		rig_sessions(text);
		send_up(9, UE1, "10.0.0.1");
		expect_drop(way[n].fars, way[n].why);
		ck_assert_uint_eq(rig_session_counters("x").dropped, n + 1);
		ck_assert_uint_eq(rig_session_counters("x").ul_packets, 0);
	}
	rig_sessions("{'name':'x','slice':'internet','ue':{'ipv4':'" UE1 "'},'pdrs':[{'id':1,"
		     "'precedence':1,'source':'access','gtpu':'n3','teid':9,'far':1,"
		     "'filters':['permit out 17 from 10.0.0.1 2001 to assigned']}],"
		     "'fars':[{'id':1,'action':'forward'}]}");
	send_up(9, UE1, "10.0.0.1"); /* to 2000 */
	expect_drop("no PDR", DROP_PDR_NONE);
}
END_TEST

START_TEST(a_copy_goes_to_another_peer)
{
	rig_sessions("{'name':'d','slice':'internet','ue':{'ipv4':'" UE1 "'},'pdrs':[{'id':1,"
		     "'precedence':1,'source':'access','gtpu':'n3','teid':9,'far':1}],"
		     "'fars':[{'id':1,'action':'forward',"
		     "'duplicate_to':{'teid':99,'peer':'198.18.0.3'}}]}");
	send_up(9, UE1, "10.0.0.1");
	ck_assert_uint_eq(rig.outs, 2);
	ck_assert_uint_eq(rig.replicated, 1);
	uint32_t n = rig_out[0].port == net.wan ? 0 : 1;

	ck_assert(gtpu_parse(&rig_out[n].pkt, &seen));
	ck_assert_uint_eq(seen.teid, 99);
	ck_assert_uint_eq(seen.inner.len, in_pkt.len);
	ck_assert_int_eq(memcmp(seen.inner.b + 14, in_pkt.b + 14, in_pkt.len - 14), 0);
	ck_assert_uint_eq(rig_session_counters("d").ul_packets, 1);
}
END_TEST

/* The slice's meter holds for GTP-U; what it refuses has taken nothing of the session's. */
START_TEST(the_slices_meter_refuses_and_nothing_is_charged)
{
	struct api_meter cfg = {
		.cir_bps = 8000, .pir_bps = 8000, .cbs_bytes = 2000, .pbs_bytes = 2000};
	uint16_t meter;

	upf_session("a", "internet", UE1, "");
	ck_assert_int_eq(police_reserve(&meter), 0);
	police_set(meter, &cfg);
	police_use(POLICE_SLICE, un.internet, meter);
	uint64_t out = 0, red = 0;

	for (int n = 0; n < 40; n++) {
		send_down("10.0.0.1", UE1, 180);
		out += rig.outs;
		red += rig.drop[DROP_SLICE_METER_RED];
		ck_assert_uint_eq(rig.outs + rig.drops, 1);
	}
	ck_assert_uint_ge(out, 2000 / 214);
	ck_assert_uint_le(out, 2000 / 214 + 2);
	struct session_counters c = rig_session_counters("a");

	ck_assert_uint_eq(c.dl_packets, out);
	ck_assert_uint_eq(c.dl_bytes, out * 200);
	ck_assert_uint_eq(c.dropped, red);
}
END_TEST

/* The packet itself goes into the slice, whose meter looks at what leaves into tunnels: the copy.
 */
START_TEST(a_copy_that_the_slices_meter_refuses_takes_nothing_back)
{
	struct api_meter cfg = {
		.cir_bps = 8000, .pir_bps = 8000, .cbs_bytes = 2000, .pbs_bytes = 2000};
	uint64_t red = 0;
	uint16_t meter;

	rig_sessions("{'name':'d','slice':'internet','ue':{'ipv4':'" UE1 "'},'pdrs':["
		     "{'id':1,'precedence':1,'source':'access','gtpu':'n3','teid':1111,'far':1}],"
		     "'fars':[{'id':1,'action':'forward','destination':'core',"
		     "'duplicate_to':{'teid':99,'peer':'198.18.0.3'}}]}");
	ck_assert_int_eq(police_reserve(&meter), 0);
	police_set(meter, &cfg);
	police_use(POLICE_SLICE, un.internet, meter);
	for (int n = 0; n < 40; n++) {
		send_up(1111, UE1, "10.0.0.1");
		red += rig.drop[DROP_SLICE_METER_RED];
		ck_assert_uint_eq(rig.outs + rig.drops, 2);
	}
	ck_assert_uint_gt(red, 10);
	struct session_counters c = rig_session_counters("d");

	ck_assert_uint_eq(c.ul_packets, 40);
	ck_assert_uint_eq(c.dropped, 0);
}
END_TEST

TCase *upf_way_tests(void)
{
	TCase *tc = tcase_create("upf_ways");

	tcase_add_checked_fixture(tc, upf_setup, upf_teardown);
	tcase_add_test(tc, the_uplink_classifier_sends_three_ways);
	tcase_add_test(tc, downlink_from_all_three_merges);
	tcase_add_test(tc, what_comes_back_to_its_own_session_goes_no_further);
	tcase_add_test(tc, n9_carries_the_container_up_and_down);
	tcase_add_test(tc, too_big_for_n9_is_said_to_the_ue);
	tcase_add_test(tc, filters_of_a_downlink_by_teid);
	tcase_add_test(tc, two_prefixes_go_two_ways_by_source);
	tcase_add_test(tc, what_goes_no_further_is_named);
	tcase_add_test(tc, a_copy_goes_to_another_peer);
	tcase_add_test(tc, the_slices_meter_refuses_and_nothing_is_charged);
	tcase_add_test(tc, a_copy_that_the_slices_meter_refuses_takes_nothing_back);
	return tc;
}
