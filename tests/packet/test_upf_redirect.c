/* SPDX-License-Identifier: BSD-3-Clause */
/* FARs that redirect (TS 29.244 8.2.20, by IP address) and that duplicate: what becomes of packets
 * that cannot be sent there, and of copies that cannot be made. */
#include <stdio.h>
#include <string.h>

#include "slice.h"
#include "upf_net.h"

#define UE2_6 "fd45:0:0:2::1"

/* A UE of both families; its FAR in these words. */
static void put(const char *far)
{
	char text[1024];

	snprintf(text, sizeof(text),
		"{'name':'r','slice':'internet','ue':{'ipv4':'" UE1 "','ipv6':'fd45:0:0:1::/64'},"
		"'pdrs':[{'id':1,'precedence':1,'source':'access','gtpu':'n3','teid':9,'far':1},"
		"{'id':2,'precedence':1,'source':'core','far':2}],"
		"'fars':[{'id':1,'action':'forward'%s},{'id':2,'action':'forward','destination':"
		"'access','outer_header':{'teid':4097,'peer':'198.18.0.2'}}]}",
		far);
	rig_sessions(text);
}

static void up(const struct ip_packet *i)
{
	struct gtpu g = from_gnb(9);

	build_ip(&in_pkt, i);
	build_gtpu(&a_pkt, &g, &in_pkt);
	rig_begin();
	rig_send(net.wan, &a_pkt, 1);
}

/* What has no route of its own goes where the FAR says, as it is but for the hop. */
START_TEST(packets_are_routed_as_if_to_the_other_address)
{
	put(",'redirect':'10.0.0.1'");
	send_up(9, UE1, "203.0.113.5");
	expect_access("IPv4", net.lan, 30, HOST_A, un.internet);
	send_up(9, UE1, "10.2.0.1"); /* that would go by a tunnel */
	expect_access("another route", net.lan, 30, HOST_A, un.internet);
	put(",'redirect':'fd00::1'");
	send_up(9, UE1_6, "2001:db8:99::5");
	expect_access("IPv6", net.lan, 30, HOST_A, un.internet);
	put(",'slice':'edge','redirect':'10.1.0.1'");
	send_up(9, UE1, "10.0.0.1");
	expect_access("in another slice", net.lan2, 31, HOST_B, un.edge);
	ck_assert_uint_eq(rig_session_counters("r").ul_packets, 4);
	ck_assert_uint_eq(rig_session_counters("r").dropped, 0);
}
END_TEST

START_TEST(packets_are_redirected_to_another_ue)
{
	upf_session("b", "internet", UE2, "");
	upf_session("b6", "internet", "fd45:0:0:2::", "");
	put(",'redirect':'" UE2 "'");
	send_up(9, UE1, "203.0.113.5");
	expect_gtpu("IPv4", "198.18.0.2", GNB_TEID, 9, 1);
	ck_assert_uint_eq(rig_session_counters("b").dl_packets, 1);
	put(",'redirect':'" UE2_6 "'");
	send_up(9, UE1_6, "2001:db8:99::5");
	expect_gtpu("IPv6", "198.18.0.2", GNB_TEID, 9, 1);
	ck_assert_uint_eq(rig_session_counters("b6").dl_packets, 1);
	ck_assert_uint_eq(rig_session_counters("r").ul_packets, 2);
}
END_TEST

/* What cannot be redirected does not get where it wanted to go. */
START_TEST(what_cannot_be_redirected_is_a_named_drop)
{
	static const struct {
		const char *to;
		struct ip_packet i;
		enum drop_reason why;
	} at[] = {
		{"fd00::1", {.from = UE1, .to = "10.0.0.1"}, DROP_NO_ROUTE_IN_SLICE},
		{"10.0.0.1", {.from = UE1_6, .to = "fd00::1"}, DROP_NO_ROUTE_IN_SLICE},
		{"203.0.113.9", {.from = UE1, .to = "10.0.0.1"}, DROP_NO_ROUTE_IN_SLICE},
		{"2001:db8:99::9", {.from = UE1_6, .to = "fd00::1"}, DROP_NO_ROUTE_IN_SLICE},
		{"10.0.0.254", {.from = UE1, .to = "10.0.0.1"}, DROP_NO_ROUTE_IN_SLICE},
		{"10.0.0.77", {.from = UE1, .to = "10.0.0.1"}, DROP_NEIGHBOR_UNKNOWN},
		{"fd00::77", {.from = UE1_6, .to = "fd00::1"}, DROP_NEIGHBOR_UNKNOWN},
		{"10.0.0.1", {.from = UE1, .to = "224.0.0.9"}, DROP_ROUTED_GROUP},
		{"10.0.0.1", {.from = UE1, .to = "127.0.0.1"}, DROP_MARTIAN},
		{"10.2.0.1", {.from = UE1, .to = "10.0.0.1", .payload = 1460}, DROP_TOO_BIG},
	};
	char far[64];
	struct l3_via via = rig_via_tunnel(net.t2, 0x02000000a002, 1);

	/* what fd00::1 and 10.0.0.1 would be as addresses of the other family has a route */
	rig_l3_route(un.internet, "253.0.0.0/8", &via, 1);
	rig_l3_route(un.internet, "a00::/8", &via, 1);
	for (uint32_t n = 0; n < RTE_DIM(at); n++) {
		struct ip_packet i = at[n].i;

		i.payload = i.payload != 0 ? i.payload : 60;
		snprintf(far, sizeof(far), ",'redirect':'%s'", at[n].to);
		put(far);
		up(&i);
		expect_drop(at[n].to, at[n].why);
	}
}
END_TEST

START_TEST(a_redirected_packet_s_last_hop_is_told)
{
	struct ip_packet i = {.from = UE1, .to = "203.0.113.5", .ttl = 1, .payload = 60};

	put(",'redirect':'10.0.0.1'");
	for (int v6 = 0; v6 < 2; v6++) {
		if (v6) {
			put(",'redirect':'fd00::1'");
			i.from = UE1_6;
			i.to = "2001:db8:99::5";
		}
		up(&i);
		ck_assert_uint_eq(rig.outs, 1);
		ck_assert_uint_eq(rig.originated, 1);
		ck_assert(gtpu_parse(&rig_out[0].pkt, &seen));
		ck_assert_uint_eq(seen.teid, GNB_TEID);
		ck_assert_uint_eq(seen.inner.b[v6 ? 54 : 34], v6 ? 3 : 11); /* time exceeded */
	}
}
END_TEST

/* ---- copies ---- */

#define COPY ",'duplicate_to':{'teid':99,'peer':'198.18.0.3'}"

static uint64_t copies_lost(void)
{
	uint64_t drops[DROP_REASONS];

	slice_drops_read(un.internet, drops);
	return drops[DROP_COPY_NO_MBUF];
}

/* The packet goes its way; the copy that was not made has a name. */
START_TEST(a_copy_without_a_buffer_is_counted)
{
	put(COPY);
	uint64_t before = copies_lost();

	rig_begin();
	struct gtpu g = from_gnb(9);

	build_ip(&in_pkt, &(struct ip_packet){.from = UE1, .to = "10.0.0.1", .payload = 60});
	build_gtpu(&a_pkt, &g, &in_pkt);
	uint32_t spare = rig_take_buffers(net.wan, 1);

	rig_send(net.wan, &a_pkt, 1); /* its own buffer is the last */
	rig_give_buffers();
	ck_assert_uint_gt(spare, 0);
	ck_assert_uint_eq(rig.outs, 1);
	ck_assert_uint_eq(rig_out[0].port, net.lan);
	ck_assert_uint_eq(rig.replicated, 1);
	ck_assert_uint_eq(rig.drops, 1);
	ck_assert_uint_eq(rig.drop[DROP_COPY_NO_MBUF], 1);
	ck_assert_uint_eq(copies_lost(), before + 1);
	ck_assert_uint_eq(rig_session_counters("r").ul_packets, 1);
	ck_assert_uint_eq(rig_session_counters("r").dropped, 0);
	rig_begin();
	rig_send(net.wan, &a_pkt, 1);
	ck_assert_uint_eq(rig.outs, 2);
	ck_assert_uint_eq(rig.drops, 0);
}
END_TEST

START_TEST(a_copy_that_does_not_fit_or_has_no_path_is_counted)
{
	put(COPY);
	/* 1464 is the most that fits behind 36 bytes */
	for (uint32_t payload = 1444; payload <= 1445; payload++) {
		up(&(struct ip_packet){.from = UE1, .to = "10.0.0.1", .payload = payload});
		ck_assert_uint_eq(rig.outs, payload == 1444 ? 2 : 1);
		ck_assert_uint_eq(rig.replicated, 1);
		ck_assert_uint_eq(rig.drop[DROP_UNDERLAY_MTU], payload == 1444 ? 0 : 1);
	}
	put(",'duplicate_to':{'teid':99,'peer':'203.0.113.3'}");
	send_up(9, UE1, "10.0.0.1");
	ck_assert_uint_eq(rig.outs, 1);
	ck_assert_uint_eq(rig_out[0].port, net.lan);
	ck_assert_uint_eq(rig.drops, 1);
	ck_assert_uint_eq(rig.drop[DROP_NO_ROUTE], 1);
}
END_TEST

TCase *upf_redirect_tests(void)
{
	TCase *tc = tcase_create("upf_redirect");

	tcase_add_checked_fixture(tc, upf_setup, upf_teardown);
	tcase_add_test(tc, packets_are_routed_as_if_to_the_other_address);
	tcase_add_test(tc, packets_are_redirected_to_another_ue);
	tcase_add_test(tc, what_cannot_be_redirected_is_a_named_drop);
	tcase_add_test(tc, a_redirected_packet_s_last_hop_is_told);
	tcase_add_test(tc, a_copy_without_a_buffer_is_counted);
	tcase_add_test(tc, a_copy_that_does_not_fit_or_has_no_path_is_counted);
	return tc;
}
