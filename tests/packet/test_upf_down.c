/* SPDX-License-Identifier: BSD-3-Clause */
/* Downlink: packets to a UE's address leave by its session's tunnel, byte by byte; between UEs they
 * turn round inside; what does not fit is said. TS 29.281, TS 38.415, RFC 6040. */
#include <stdio.h>
#include <string.h>

#include "slice.h"
#include "tunnel.h"
#include "upf_net.h"

START_TEST(a_packet_to_the_ue_leaves_by_its_tunnel)
{
	upf_session("a", "internet", UE1, "");
	send_down("10.0.0.1", UE1, 60);
	expect_gtpu("v4 in v4", "198.18.0.2", GNB_TEID, 9, 1);
	ck_assert_str_eq(seen.from, "198.18.0.1");
	ck_assert_uint_eq(seen.psc_type, 0);
	ck_assert_uint_ge(seen.sport, 0xc000);
	ck_assert_uint_eq(rig_out[0].pkt.b[20] & 0x40, 0x40); /* DF, as tunnels */
	struct session_counters c = rig_session_counters("a");

	ck_assert_uint_eq(c.dl_packets, 1);
	ck_assert_uint_eq(c.dl_bytes, 80);
	ck_assert_uint_eq(c.ul_packets, 0);
}
END_TEST

static void to_peer(const char *far_rest, const char *qers)
{
	char text[1024];

	snprintf(text, sizeof(text),
		"{'name':'d','slice':'internet','ue':{'ipv4':'" UE1 "','ipv6':'fd45:0:0:1::/64'},"
		"'pdrs':[{'id':1,'precedence':1,'source':'core','far':1%s}],"
		"'fars':[{'id':1,'action':'forward','destination':'access',%s}]%s}",
		qers[0] != '\0' ? ",'qers':[1]" : "", far_rest, qers);
	rig_sessions(text);
}

START_TEST(ipv6_outside_and_inside)
{
	for (int container = 0; container < 2; container++) {
		to_peer("'outer_header':{'teid':77,'peer':'2001:db8::2'}",
			container ? ",'qers':[{'id':1,'qfi':5}]" : "");
		send_down("10.0.0.1", UE1, 61);
		expect_gtpu("v4 in v6", "2001:db8::2", 77, container ? 5 : -1, 1);
		send_down("fd00::1", UE1_6, 61);
		expect_gtpu("v6 in v6", "2001:db8::2", 77, container ? 5 : -1, 1);
		to_peer("'outer_header':{'teid':78,'peer':'198.18.0.2'}",
			container ? ",'qers':[{'id':1,'qfi':5}]" : "");
		send_down("fd00::1", "fd45:0:0:1:ffff::9", 200);
		expect_gtpu("v6 in v4", "198.18.0.2", 78, container ? 5 : -1, 1);
	}
}
END_TEST

START_TEST(udp_checksum_and_options_of_the_own_address)
{
	struct api_gtpu cfg = {.name = "sum",
		.address = rig_ip("198.18.0.77", false),
		.ttl = 9,
		.dscp = 12,
		.udp_csum = CSUM_ON};

	rig_gtpu_as(&cfg);
	for (uint32_t payload = 20; payload < 40; payload++) {
		to_peer("'outer_header':{'teid':1,'peer':'198.18.0.2','gtpu':'sum'}",
			payload & 2 ? ",'qers':[{'id':1,'qfi':5}]" : "");
		send_down("10.0.0.1", UE1, payload);
		expect_gtpu("checksum", "198.18.0.2", 1, payload & 2 ? 5 : -1, 1);
		const uint8_t *b = rig_out[0].pkt.b;

		ck_assert_uint_ne(get16(b + 40), 0); /* gtpu_parse() found it right */
		ck_assert_uint_eq(b[22], 9);
		ck_assert_uint_eq(seen.tos >> 2, 12);
	}
}
END_TEST

/* RFC 6040 section 4.1; DSCP: the FAR's, else the own address', else the packet's. */
START_TEST(dscp_and_ecn_go_out)
{
	struct ip_packet i = {.dst = rig_l3_mac(un.internet),
		.src = HOST_A,
		.from = "10.0.0.1",
		.to = UE1,
		.payload = 60};

	for (int far = 0; far < 2; far++) {
		to_peer(far ? "'dscp':46,'outer_header':{'teid':1,'peer':'198.18.0.2'}"
			    : "'outer_header':{'teid':1,'peer':'198.18.0.2'}",
			"");
		for (int ecn = 0; ecn < 4; ecn++) {
			i.tos = 10 << 2 | ecn;
			build_ip(&in_pkt, &i);
			memmove(in_pkt.b + 16, in_pkt.b + 12, in_pkt.len - 12);
			put32(in_pkt.b + 12, 0x81000000 | 30);
			in_pkt.len += 4;
			rig_begin();
			rig_send(net.lan, &in_pkt, 1);
			ck_assert_uint_eq(rig.outs, 1);
			ck_assert(gtpu_parse(&rig_out[0].pkt, &seen));
			ck_assert_uint_eq(seen.tos, (far ? 46 : 10) << 2 | ecn);
		}
	}
}
END_TEST

START_TEST(between_ues_packets_turn_round_inside)
{
	upf_session("a", "internet", UE1, "");
	upf_session("b", "internet", UE2, "");
	send_up(rig_teid("a", 1), UE1, UE2);
	expect_gtpu("a to b", "198.18.0.2", GNB_TEID, 9, 1);
	ck_assert_uint_eq(rig_session_counters("a").ul_bytes, 80);
	ck_assert_uint_eq(rig_session_counters("a").dl_bytes, 0);
	ck_assert_uint_eq(rig_session_counters("b").dl_bytes, 80);
	struct counters slice;

	slice_counters_read(un.internet, &slice);
	ck_assert_uint_eq(slice.in_packets, 1);
	ck_assert_uint_eq(slice.out_packets, 1);
}
END_TEST

/* Two slices whose UEs have the same address. */
START_TEST(slices_do_not_meet)
{
	upf_session("a", "internet", UE1, "");
	upf_session("o", "other", UE1, "");
	send_down("10.0.0.1", UE1, 60);
	ck_assert_uint_eq(rig.outs, 1);
	ck_assert_uint_eq(rig_session_counters("a").dl_packets, 1);
	ck_assert_uint_eq(rig_session_counters("o").dl_packets, 0);
	send_up(rig_teid("o", 1), UE1, "10.0.0.1");
	expect_access("other", net.lan, 40, HOST_A, un.other);
	upf_session("e", "edge", UE2, "");
	send_up(rig_teid("a", 1), UE1, UE2); /* in edge, not here */
	ck_assert_uint_eq(rig.drop[DROP_NO_ROUTE_IN_SLICE], 1);
	ck_assert_uint_eq(rig_session_counters("e").dl_packets, 0);
}
END_TEST

START_TEST(an_address_nobody_has_is_no_route)
{
	upf_session("a", "internet", UE1, "");
	send_down("10.0.0.1", UE2, 60);
	ck_assert_uint_eq(rig.drop[DROP_NO_ROUTE_IN_SLICE], 1);
	rig_session_gone("a");
	send_down("10.0.0.1", UE1, 60);
	ck_assert_uint_eq(rig.drop[DROP_NO_ROUTE_IN_SLICE], 1);
	rig_poll();
}
END_TEST

START_TEST(framed_routes_and_second_prefixes)
{
	static const char *const down[] = {UE1, "192.168.7.9", "192.168.8.1"};

	rig_sessions(
		"{'name':'f','slice':'internet','ue':{'ipv4':'" UE1 "','ipv6':'fd45:0:0:1::/64',"
		"'framed':['192.168.7.0/24','192.168.8.1/32','fd77::/48','172.16.160.0/19','fd78::/"
		"45']},"
		"'pdrs':[{'id':1,'precedence':1,'source':'access','gtpu':'n3','far':1},"
		"{'id':2,'precedence':1,'source':'core','far':2}],"
		"'fars':[{'id':1,'action':'forward'},"
		"{'id':2,'action':'forward','destination':'access',"
		"'outer_header':{'teid':4097,'peer':'198.18.0.2'}}]}");
	for (uint32_t n = 0; n < 3; n++) {
		send_down("10.0.0.1", down[n], 60);
		expect_gtpu(down[n], "198.18.0.2", GNB_TEID, -1, 1);
		send_up(rig_teid("f", 1), down[n], "10.0.0.1");
		expect_access(down[n], net.lan, 30, HOST_A, un.internet);
	}
	send_down("fd00::1", "fd77::1234", 60);
	expect_gtpu("v6", "198.18.0.2", GNB_TEID, -1, 1);
	send_up(rig_teid("f", 1), "fd77:0:0:5::1", "fd00::1");
	expect_access("v6", net.lan, 30, HOST_A, un.internet);
	send_up(rig_teid("f", 1), "192.168.8.2", "10.0.0.1");
	expect_drop("beside it", DROP_UE_SOURCE);
	/* lengths that end within a byte: the first and the last address, and those beside them */
	static const struct {
		const char *from;
		bool inside;
	} edge[] = {{"172.16.159.255", false}, {"172.16.160.0", true}, {"172.16.191.255", true},
		{"172.16.192.0", false}, {"fd77:ffff:ffff::1", false}, {"fd78::1", true},
		{"fd78:0:7:ffff::1", true}, {"fd78:0:8::1", false}};

	for (uint32_t n = 0; n < RTE_DIM(edge); n++) {
		send_up(rig_teid("f", 1), edge[n].from, n < 4 ? "10.0.0.1" : "fd00::1");
		if (edge[n].inside)
			expect_access(edge[n].from, net.lan, 30, HOST_A, un.internet);
		else
			expect_drop(edge[n].from, DROP_UE_SOURCE);
	}
	send_down("10.0.0.1", "192.168.8.2", 60);
	ck_assert_uint_eq(rig.drop[DROP_NO_ROUTE_IN_SLICE], 1);
	send_up(rig_teid("f", 1), "192.168.7.9", "192.168.8.1");
	expect_gtpu("to itself, by the way of its slice", "198.18.0.2", GNB_TEID, -1, 1);
}
END_TEST

/* 1500 less 20 + 8 + 8, and 8 for the container. */
static void tag(struct pkt *out, const struct pkt *p, uint16_t vlan)
{
	memcpy(out->b, p->b, 12);
	put32(out->b + 12, 0x81000000 | vlan);
	memcpy(out->b + 16, p->b + 12, p->len - 12);
	out->len = p->len + 4;
}

START_TEST(too_big_is_said_to_the_sender)
{
	upf_session("a", "internet", UE1, "");
	send_down("10.0.0.1", UE1, 1456 - 20);
	expect_gtpu("the largest", "198.18.0.2", GNB_TEID, 9, 1);
	struct ip_packet i = {.dst = rig_l3_mac(un.internet),
		.src = HOST_A,
		.from = "10.0.0.1",
		.to = UE1,
		.frag = 0x4000,
		.payload = 1457 - 20};

	for (int v6 = 0; v6 < 2; v6++) {
		if (v6) {
			upf_session("a", "internet", "fd45:0:0:1::", "");
			i.from = "fd00::1";
			i.to = UE1_6;
			i.frag = 0;
			i.payload = 1457 - 40;
		}
		build_ip(&in_pkt, &i);
		a_pkt = in_pkt;
		memmove(a_pkt.b + 16, a_pkt.b + 12, a_pkt.len - 12);
		put32(a_pkt.b + 12, 0x81000000 | 30);
		a_pkt.len += 4;
		rig_begin();
		rig_send(net.lan, &a_pkt, 1);
		ck_assert_uint_eq(rig.drop[DROP_TOO_BIG], 1);
		ck_assert_uint_eq(rig.originated, 1);
		ck_assert_uint_eq(rig.outs, 1);
		ck_assert_uint_eq(rig_out[0].port, net.lan);
		const uint8_t *ip = rig_out[0].pkt.b + 18, *icmp = ip + (v6 ? 40 : 20);

		ck_assert_uint_eq(icmp[0], v6 ? 2 : 3);
		ck_assert_uint_eq(get32(icmp + 4), 1456);
		/* quoted as it came, TTL and all */
		ck_assert_int_eq(memcmp(icmp + 8, in_pkt.b + 14, 100), 0);
		ck_assert_uint_eq(rig_session_counters("a").dl_packets, 1);
	}
}
END_TEST

/* A session that hears from two slices: the gateway of the one that the packet came from tells. */
START_TEST(too_big_is_said_by_the_slice_it_came_from)
{
	struct ip_packet i = {.dst = rig_l3_mac(un.edge),
		.src = HOST_B,
		.from = "10.1.0.1",
		.to = UE1,
		.frag = 0x4000,
		.payload = 1465 - 20};

	rig_sessions("{'name':'two','slice':'internet','ue':{'ipv4':'" UE1 "'},'pdrs':["
		     "{'id':1,'precedence':1,'source':'core','far':1},"
		     "{'id':2,'precedence':1,'source':'core','slice':'edge','far':1}],"
		     "'fars':[{'id':1,'action':'forward','destination':'access',"
		     "'outer_header':{'teid':4097,'peer':'198.18.0.2'}}]}");
	build_ip(&in_pkt, &i);
	tag(&a_pkt, &in_pkt, 31);
	rig_begin();
	rig_send(net.lan2, &a_pkt, 1);
	ck_assert_uint_eq(rig.drop[DROP_TOO_BIG], 1);
	ck_assert_uint_eq(rig.outs, 1);
	ck_assert_uint_eq(rig_out[0].port, net.lan2);
	ck_assert_uint_eq(get16(rig_out[0].pkt.b + 14), 31);
	ck_assert_uint_eq(get32(rig_out[0].pkt.b + 18 + 12), 0x0a0100fe); /* 10.1.0.254 */
	ck_assert_uint_eq(get16(rig_out[0].pkt.b + 18 + 20), 0x0304);
}
END_TEST

START_TEST(what_may_be_cut_is_cut_and_each_piece_is_the_sessions)
{
	upf_session("a", "internet", UE1, "");
	send_down("10.0.0.1", UE1, 1480);
	ck_assert_uint_eq(rig.outs, 2);
	ck_assert_uint_eq(rig.replicated, 1);
	ck_assert_uint_eq(rig.drops, 0);
	uint32_t payload = 0;

	for (uint32_t n = 0; n < 2; n++) {
		ck_assert(gtpu_parse(&rig_out[n].pkt, &seen));
		ck_assert_uint_eq(seen.teid, GNB_TEID);
		ck_assert(ipv4_ok(seen.inner.b + 14));
		ck_assert_uint_eq(seen.inner.b[14 + 8], 63);
		ck_assert_uint_eq((get16(seen.inner.b + 20) & 0x1fff) * 8u, payload);
		payload += seen.inner.len - 34;
	}
	ck_assert_uint_eq(payload, 1480);
	ck_assert_uint_eq(rig_session_counters("a").dl_packets, 2);
	ck_assert_uint_eq(rig_session_counters("a").dl_bytes, 1480 + 40);
	ck_assert_uint_eq(rig_session_counters("a").dropped, 0);
}
END_TEST

/* A UE of both families with a network behind it, at a tunnel of its own. */
static void swap_text(char *text, size_t size, const char *name, uint32_t teid, int who)
{
	snprintf(text, size,
		"{'name':'%s','slice':'internet','ue':{'ipv4':'10.45.0.%d','ipv6':"
		"'fd45:0:0:%d::/64','framed':['10.46.%d.0/24']},'pdrs':[{'id':1,'precedence':1,"
		"'source':'access','gtpu':'n3','teid':%u,'far':1},{'id':2,'precedence':1,"
		"'source':'core','far':2}],'fars':[{'id':1,'action':'forward'},{'id':2,'action':"
		"'forward','destination':'access','outer_header':{'teid':%u,'peer':"
		"'198.18.0.2'}}]}",
		name, who, who, who, teid, teid);
}

static void expect_to(uint32_t teid, int who)
{
	static const char *const to[] = {"10.45.0.%d", "fd45:0:0:%d::9", "10.46.%d.7"};
	char address[46];

	for (uint32_t i = 0; i < 3; i++) {
		snprintf(address, sizeof(address), to[i], who);
		send_down(i == 1 ? "fd00::1" : "10.0.0.1", address, 60);
		expect_gtpu(address, "198.18.0.2", teid, -1, 1);
		send_up(teid, address, i == 1 ? "fd00::1" : "10.0.0.1");
		expect_access(address, net.lan, 30, HOST_A, un.internet);
		snprintf(address, sizeof(address), to[i], 3 - who);
		send_up(teid, address, i == 1 ? "fd00::1" : "10.0.0.1");
		expect_drop(address, DROP_UE_SOURCE);
	}
}

START_TEST(two_ues_swap_all_their_addresses)
{
	char a[1000], b[1000], both[2100];
	struct rpc_error err = {0};

	for (int i = 0; i < 4; i++) {
		swap_text(a, sizeof(a), "a", 71, 1 + i % 2);
		swap_text(b, sizeof(b), "b", 72, 2 - i % 2);
		snprintf(both, sizeof(both), "[%s,%s]", i < 2 ? a : b, i < 2 ? b : a);
		rig_sessions(both);
		expect_to(71, 1 + i % 2);
		expect_to(72, 2 - i % 2);
	}
	/* a alone cannot: nothing has changed */
	swap_text(a, sizeof(a), "a", 71, 1);
	ck_assert_int_eq(rig_sessions_try(a, &err), -1);
	ck_assert_str_eq(err.with, "session b");
	expect_to(71, 2);
	expect_to(72, 1);
}
END_TEST

START_TEST(a_larger_underlay_carries_jumbo)
{
	uint16_t big = rig_port(9000), far = rig_port(9000);
	struct ip_packet i = {.dst = rig_l3_mac(un.internet),
		.src = HOST_A,
		.from = "10.0.0.1",
		.to = UE1,
		.payload = 8000};

	rig_address(far, "198.18.5.1/24");
	rig_neighbor(far, "198.18.5.2", GNB);
	rig_attachment(un.internet, big, 0);
	to_peer("'outer_header':{'teid':5,'peer':'198.18.5.2'}", "");
	build_ip(&in_pkt, &i);
	rig_begin();
	rig_send(big, &in_pkt, 1);
	ck_assert_uint_eq(rig.outs, 1);
	ck_assert_uint_eq(rig_out[0].port, far);
	ck_assert(gtpu_parse(&rig_out[0].pkt, &seen));
	ck_assert_uint_eq(seen.inner.len, 14 + 8020);
}
END_TEST

START_TEST(no_way_to_the_peer_is_named_and_counts_nothing)
{
	to_peer("'outer_header':{'teid':5,'peer':'203.0.113.7'}", "");
	send_down("10.0.0.1", UE1, 60);
	expect_drop("no route", DROP_NO_ROUTE);
	to_peer("'outer_header':{'teid':5,'peer':'198.18.0.200'}", "");
	send_down("10.0.0.1", UE1, 60);
	expect_drop("no neighbour", DROP_NO_NEIGHBOR);
	ck_assert_uint_eq(rig_session_counters("d").dl_packets, 0);
	ck_assert_uint_eq(rig_session_counters("d").dropped, 2);
}
END_TEST

START_TEST(ttl_ends_here)
{
	struct ip_packet i = {.dst = rig_l3_mac(un.internet),
		.src = HOST_A,
		.from = "10.0.0.1",
		.to = UE1,
		.ttl = 1,
		.payload = 60};

	upf_session("a", "internet", UE1, "");
	upf_session("a6", "internet", "fd45:0:0:1::", "");
	for (int v6 = 0; v6 < 2; v6++) {
		i.from = v6 ? "fd00::1" : "10.0.0.1";
		i.to = v6 ? UE1_6 : UE1;
		build_ip(&in_pkt, &i);
		memmove(in_pkt.b + 16, in_pkt.b + 12, in_pkt.len - 12);
		put32(in_pkt.b + 12, 0x81000000 | 30);
		in_pkt.len += 4;
		rig_begin();
		rig_send(net.lan, &in_pkt, 1);
		ck_assert_uint_eq(rig.drop[DROP_TTL_EXPIRED], 1);
		ck_assert_uint_eq(rig.originated, 1);
		ck_assert_uint_eq(rig_out[0].port, net.lan);
	}
}
END_TEST

TCase *upf_down_tests(void)
{
	TCase *tc = tcase_create("upf_down");

	tcase_add_checked_fixture(tc, upf_setup, upf_teardown);
	tcase_add_test(tc, a_packet_to_the_ue_leaves_by_its_tunnel);
	tcase_add_test(tc, ipv6_outside_and_inside);
	tcase_add_test(tc, udp_checksum_and_options_of_the_own_address);
	tcase_add_test(tc, dscp_and_ecn_go_out);
	tcase_add_test(tc, between_ues_packets_turn_round_inside);
	tcase_add_test(tc, slices_do_not_meet);
	tcase_add_test(tc, an_address_nobody_has_is_no_route);
	tcase_add_test(tc, framed_routes_and_second_prefixes);
	tcase_add_test(tc, too_big_is_said_to_the_sender);
	tcase_add_test(tc, too_big_is_said_by_the_slice_it_came_from);
	tcase_add_test(tc, what_may_be_cut_is_cut_and_each_piece_is_the_sessions);
	tcase_add_test(tc, two_ues_swap_all_their_addresses);
	tcase_add_test(tc, a_larger_underlay_carries_jumbo);
	tcase_add_test(tc, no_way_to_the_peer_is_named_and_counts_nothing);
	tcase_add_test(tc, ttl_ends_here);
	return tc;
}
