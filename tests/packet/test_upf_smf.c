/* SPDX-License-Identifier: BSD-3-Clause */
/* Sessions as SMFs that are in use say them: free5GC's uplink classifier, the most that Open5GS
 * gives a session, and its idle UE. */
#include <stdio.h>
#include <string.h>

#include "event.h"
#include "upf_net.h"

/* One packet of the edge's network to UE1. */
static void send_from_edge(const char *from)
{
	struct ip_packet i = {
		.dst = rig_l3_mac(un.edge), .src = HOST_B, .from = from, .to = UE1, .payload = 60};
	struct pkt tagged;

	build_ip(&in_pkt, &i);
	memcpy(tagged.b, in_pkt.b, 12);
	put16(tagged.b + 12, 0x8100);
	put16(tagged.b + 14, 31);
	memcpy(tagged.b + 16, in_pkt.b + 12, in_pkt.len - 12);
	tagged.len = in_pkt.len + 4;
	rig_begin();
	rig_send(net.lan2, &tagged, 1);
}

/* One F-TEID, the SDF rule before the default one, the same text both ways, written from the
 * network's side and with the UE's bare address. */
START_TEST(free5gc_says_both_directions_with_one_text)
{
	rig_sessions("{'name':'u','slice':'internet','ue':{'ipv4':'" UE1 "'},'pdrs':["
		     "{'id':1,'precedence':255,'source':'access','gtpu':'n3','teid':1111,"
		     "'outer_header_removal':0,'far':1},"
		     "{'id':2,'precedence':30,'source':'access','gtpu':'n3','teid':1111,"
		     "'outer_header_removal':0,'far':2,"
		     "'filters':['permit out ip from 10.1.0.0/24 to " UE1 "']},"
		     "{'id':3,'precedence':255,'source':'core','gtpu':'n9','teid':2222,"
		     "'outer_header_removal':0,'far':3},"
		     "{'id':4,'precedence':30,'source':'core','slice':'edge','far':3,"
		     "'filters':['permit out ip from 10.1.0.0/24 to " UE1 "']}],"
		     "'fars':[{'id':1,'action':'forward','destination':'core',"
		     "'outer_header':{'teid':3333,'peer':'198.18.0.3'}},"
		     "{'id':2,'action':'forward','destination':'core','slice':'edge'},"
		     "{'id':3,'action':'forward','destination':'access',"
		     "'outer_header':{'teid':4097,'peer':'198.18.0.2'}}]}");
	send_up(1111, UE1, "10.1.0.1");
	expect_access("broken out", net.lan2, 31, HOST_B, un.edge);
	send_up(1111, UE1, "10.9.0.1");
	expect_gtpu("on to the anchor", "198.18.0.3", 3333, -1, 0);
	send_from_edge("10.1.0.1");
	expect_gtpu("from the edge", "198.18.0.2", 4097, -1, 1);
	send_from_edge("10.8.0.1");
	expect_drop("from elsewhere", DROP_PDR_NONE);
}
END_TEST

/* 16 PDRs, FARs and URRs, 4 QERs: each PDR leads to its own. */
START_TEST(as_much_as_open5gs_gives_a_session)
{
	static char text[8192];
	char *end = text, to[16];

	end += sprintf(end, "{'name':'u','slice':'internet','ue':{'ipv4':'" UE1 "'},'pdrs':[");
	for (int i = 1; i <= 16; i++)
		end += sprintf(end,
			"{'id':%d,'precedence':%d,'source':'access','gtpu':'n3','teid':1111,"
			"'outer_header_removal':0,'far':%d,'qers':[%d],'urrs':[%d],"
			"'filters':['permit out ip from 10.%s.0.%d to assigned']}%s",
			i, i, i, 1 + i % 4, i, i == 16 ? "0" : "3", i == 16 ? 1 : i,
			i < 16 ? "," : "],'fars':[");
	for (int i = 1; i <= 16; i++)
		end += sprintf(end, "{'id':%d,'action':'%s','destination':'core'}%s", i,
			i == 16 ? "forward" : "drop", i < 16 ? "," : "],'urrs':[");
	for (int i = 1; i <= 16; i++)
		end += sprintf(end, "{'id':%d,'measure':['volume'],'threshold_bytes':1000000}%s", i,
			i < 16 ? "," : "],'qers':[");
	for (int i = 1; i <= 4; i++)
		end += sprintf(end, "{'id':%d,'mbr_ul_bps':1000000000}%s", i, i < 4 ? "," : "]}");
	rig_sessions(text);
	for (int i = 1; i < 16; i++) {
		snprintf(to, sizeof(to), "10.3.0.%d", i);
		send_up(1111, UE1, to);
		expect_drop(to, DROP_FAR_DROP);
	}
	send_up(1111, UE1, "10.0.0.1");
	expect_access("the last", net.lan, 30, HOST_A, un.internet);
	send_up(1111, UE1, "10.0.0.2");
	expect_drop("none", DROP_PDR_NONE);
	ck_assert_uint_eq(rig_session_counters("u").ul_packets, 1);
	ck_assert_uint_eq(rig_session_counters("u").dropped, 16);
}
END_TEST

static uint32_t told_pdr, told;

static void on_event(const struct upf_event *e)
{
	told++;
	told_pdr = e->downlink_data.pdr_id;
}

/* The first downlink FAR holds, has no parameters, and a BAR with an id alone; the report names the
 * PDR. Deactivation is the action and the BAR, later. */
START_TEST(open5gs_begins_with_an_idle_ue)
{
	static const char *const far[] = {"'action':'buffer','notify_cp':true",
		"'action':'forward','destination':'access','outer_header':{'teid':4097,"
		"'peer':'198.18.0.2'}",
		"'action':'buffer','notify_cp':true"};
	char text[1024];

	upf_on_event = on_event;
	told = told_pdr = 0;
	for (uint32_t i = 0; i < 3; i++) {
		snprintf(text, sizeof(text),
			"{'name':'u','slice':'internet','ue':{'ipv4':'" UE1 "'},'pdrs':["
			"{'id':1,'precedence':255,'source':'access','gtpu':'n3','teid':1111,"
			"'outer_header_removal':0,'far':1},"
			"{'id':7,'precedence':255,'source':'core','far':2}],"
			"'fars':[{'id':1,'action':'forward','destination':'core'},{'id':2,%s}],"
			"'bar':{'id':1}}",
			far[i]);
		rig_begin();
		rig_sessions(text);
		upf_turns();
		if (i == 1) { /* what was held is what leaves now */
			expect_gtpu("held", "198.18.0.2", 4097, -1, 1);
			continue;
		}
		send_down("10.0.0.1", UE1, 60);
		ck_assert_int_eq(rig.held, 1);
		upf_turns();
		ck_assert_uint_eq(told, i == 0 ? 1 : 2);
		ck_assert_uint_eq(told_pdr, 7);
	}
	upf_on_event = NULL;
	rig_session_gone("u");
	upf_turns();
}
END_TEST

TCase *upf_smf_tests(void)
{
	TCase *tc = tcase_create("upf_smf");

	tcase_add_checked_fixture(tc, upf_setup, upf_teardown);
	tcase_add_test(tc, free5gc_says_both_directions_with_one_text);
	tcase_add_test(tc, as_much_as_open5gs_gives_a_session);
	tcase_add_test(tc, open5gs_begins_with_an_idle_ue);
	return tc;
}
