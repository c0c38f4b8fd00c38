/* SPDX-License-Identifier: BSD-3-Clause */
/* Uplink: from the gNB through the session into its slice, byte by byte; who may send what, and
 * what is counted. TS 29.281, TS 29.244, RFC 6040. */
#include <stdio.h>
#include <string.h>

#include "slice.h"
#include "tunnel.h"
#include "upf_net.h"

START_TEST(a_packet_of_the_ue_enters_its_slice_and_is_routed)
{
	upf_session("a", "internet", UE1, "");
	send_up(rig_teid("a", 1), UE1, "10.0.0.1");
	expect_access("v4 in v4", net.lan, 30, HOST_A, un.internet);
	struct session_counters c = rig_session_counters("a");

	ck_assert_uint_eq(c.ul_packets, 1);
	ck_assert_uint_eq(c.ul_bytes, 80);
	ck_assert_uint_eq(c.dl_packets, 0);
	ck_assert_uint_eq(c.dropped, 0);
}
END_TEST

START_TEST(into_a_tunnel_of_the_slice)
{
	upf_session("a", "internet", UE1, "");
	send_up(rig_teid("a", 1), UE1, "10.2.0.1");
	ck_assert_uint_eq(rig.outs, 1);
	ck_assert_uint_eq(rig.drops, 0);
	ck_assert_uint_eq(get16(rig_out[0].pkt.b + 36), 4789);
	ck_assert_uint_eq(get32(rig_out[0].pkt.b + 46), 300 << 8);
	ip_hop(&in_pkt);
	ck_assert_int_eq(memcmp(rig_out[0].pkt.b + 64, in_pkt.b + 14, in_pkt.len - 14), 0);
}
END_TEST

/* The forms of the header that gNBs write (captures: UERANSIM with a container, sgsnemu with a
 * sequence number, Open5GS without anything). */
START_TEST(every_form_of_the_header)
{
	static const struct {
		const char *what;
		struct gtpu g;
	} form[] = {{"plain", {.psc = false}},
		{"container", {.psc = true, .psc_ul = true, .qfi = 9}},
		{"container of a downlink", {.psc = true, .qfi = 9}},
		{"RQI", {.psc = true, .rqi = true, .qfi = 9}}, {"sequence", {.sequence = true}},
		{"sequence and container", {.sequence = true, .psc = true, .psc_ul = true}},
		{"UDP checksum", {.csum = CSUM_GOOD}}, {"padding", {.pad = 6, .psc = true}},
		{"another port", {.sport = 31000}}};
	struct ip_packet i = {.from = UE1, .to = "10.0.0.1", .payload = 60};

	upf_session("a", "internet", UE1, "");
	for (uint32_t n = 0; n < sizeof(form) / sizeof(form[0]); n++) {
		struct gtpu g = form[n].g, base = from_gnb(rig_teid("a", 1));

		g.dst = base.dst;
		g.src = base.src;
		g.from = base.from;
		g.to = base.to;
		g.teid = base.teid;
		build_ip(&in_pkt, &i);
		build_gtpu(&a_pkt, &g, &in_pkt);
		rig_begin();
		rig_send(net.wan, &a_pkt, 1);
		expect_access(form[n].what, net.lan, 30, HOST_A, un.internet);
		for (uint32_t at = 15; at < a_pkt.len - g.pad; at += 7) {
			rig_begin();
			rig_send_cut(net.wan, &a_pkt, at); /* in two buffers: not lost unnamed */
		}
	}
}
END_TEST

START_TEST(ipv6_outside_and_inside)
{
	struct ip_packet i = {.from = UE1_6, .to = "fd00::1", .payload = 60};

	upf_session("a", "internet", "fd45:0:0:1::", "");
	rig_sessions("{'name':'b','slice':'internet','ue':{'ipv4':'" UE2 "'},"
		     "'pdrs':[{'id':1,'precedence':1,'source':'access','gtpu':'n3v6','far':1}],"
		     "'fars':[{'id':1,'action':'forward'}]}");
	send_up(rig_teid("a", 1), UE1_6, "fd00::1");
	expect_access("v6 in v4", net.lan, 30, HOST_A, un.internet);
	for (int csum = CSUM_ZERO; csum <= CSUM_WRONG; csum++) {
		struct gtpu g = {.dst = rig_port_mac(net.wan),
			.src = GNB6,
			.from = "2001:db8::2",
			.to = "2001:db8::1",
			.csum = csum,
			.teid = rig_teid("b", 1)};

		i = (struct ip_packet){.from = UE2, .to = "10.0.0.1", .payload = 60};
		build_ip(&in_pkt, &i);
		build_gtpu(&a_pkt, &g, &in_pkt);
		rig_begin();
		rig_send(net.wan, &a_pkt, 1);
		if (csum == CSUM_GOOD)
			expect_access("v4 in v6", net.lan, 30, HOST_A, un.internet);
		else
			expect_drop("zero or wrong over IPv6",
				csum == CSUM_ZERO ? DROP_UDP_ZERO_CHECKSUM6 : DROP_UDP_CHECKSUM);
	}
}
END_TEST

START_TEST(zero_checksum_over_ipv6_where_the_address_takes_it)
{
	struct api_gtpu cfg = {.name = "loose",
		.address = rig_ip("2001:db8::77", false),
		.ttl = 64,
		.dscp = DSCP_COPY,
		.accept_zero_csum6 = true};
	struct ip_packet i = {.from = UE2, .to = "10.0.0.1", .payload = 60};
	struct gtpu g = {.dst = rig_port_mac(net.wan),
		.src = GNB6,
		.from = "2001:db8::2",
		.to = "2001:db8::77"};

	rig_gtpu_as(&cfg);
	rig_sessions("{'name':'b','slice':'internet','ue':{'ipv4':'" UE2 "'},"
		     "'pdrs':[{'id':1,'precedence':1,'source':'access','gtpu':'loose','far':1}],"
		     "'fars':[{'id':1,'action':'forward'}]}");
	g.teid = rig_teid("b", 1);
	build_ip(&in_pkt, &i);
	build_gtpu(&a_pkt, &g, &in_pkt);
	rig_begin();
	rig_send(net.wan, &a_pkt, 1);
	expect_access("zero", net.lan, 30, HOST_A, un.internet);
}
END_TEST

/* A TEID that the SMF chose is found whatever it looks like, and only at its own address. */
START_TEST(teids_that_were_put)
{
	static const uint32_t teid[] = {1, 0x1001, 0xffffffff, 0x12345678, 0x00001000};
	char text[512];

	for (uint32_t n = 0; n < sizeof(teid) / sizeof(teid[0]); n++) {
		snprintf(text, sizeof(text),
			"{'name':'p','slice':'internet','ue':{'ipv4':'" UE1 "'},"
			"'pdrs':[{'id':1,'precedence':1,'source':'access','gtpu':'n3','teid':%u,"
			"'far':1}],'fars':[{'id':1,'action':'forward'}]}",
			teid[n]);
		rig_sessions(text);
		ck_assert_uint_eq(rig_teid("p", 1), teid[n]);
		send_up(teid[n], UE1, "10.0.0.1");
		expect_access("put", net.lan, 30, HOST_A, un.internet);
		struct gtpu g = from_gnb(teid[n]);

		g.to = "198.18.0.9"; /* n9 */
		build_gtpu(&a_pkt, &g, &in_pkt);
		rig_begin();
		rig_send(net.wan, &a_pkt, 1);
		ck_assert_uint_eq(rig.drop[DROP_GTPU_TEID_UNKNOWN], 1);
		rig_session_gone("p");
		rig_poll();
		send_up(teid[n], UE1, "10.0.0.1");
		ck_assert_uint_eq(rig.drop[DROP_GTPU_TEID_UNKNOWN], 1);
	}
}
END_TEST

/* of UE n, by this TEID */
static void teid_text(char *text, size_t size, const char *name, int n, uint32_t teid)
{
	snprintf(text, size,
		"{'name':'%s','slice':'internet','ue':{'ipv4':'10.45.0.%d'},'pdrs':[{'id':1,"
		"'precedence':1,'source':'access','gtpu':'n3','teid':%u,'far':1}],"
		"'fars':[{'id':1,'action':'forward'}]}",
		name, n, teid);
}

static void expect_ue(uint32_t teid, const char *ue, const char *negated)
{
	send_up(teid, ue, "10.0.0.1");
	expect_access(ue, net.lan, 30, HOST_A, un.internet);
	send_up(teid, negated, "10.0.0.1");
	expect_drop(negated, DROP_UE_SOURCE);
}

/* Like UEs' addresses (test_upf_down.c), in whichever order they are put. */
START_TEST(two_sessions_swap_teids_that_were_put)
{
	char a[1000], b[1000], both[2100];
	struct rpc_error err = {0};

	for (uint32_t i = 0; i < 4; i++) {
		teid_text(a, sizeof(a), "a", 1, 71 + i % 2);
		teid_text(b, sizeof(b), "b", 2, 72 - i % 2);
		snprintf(both, sizeof(both), "[%s,%s]", i < 2 ? a : b, i < 2 ? b : a);
		rig_sessions(both);
		expect_ue(71 + i % 2, UE1, UE2);
		expect_ue(72 - i % 2, UE2, UE1);
	}
	/* a alone cannot: nothing has changed */
	teid_text(a, sizeof(a), "a", 1, 71);
	ck_assert_int_eq(rig_sessions_try(a, &err), -1);
	ck_assert_str_eq(err.with, "session b");
	ck_assert_str_eq(err.path, "pdrs[0].teid");
	expect_ue(72, UE1, UE2);
	expect_ue(71, UE2, UE1);
}
END_TEST

START_TEST(two_pdrs_of_a_session_swap_teids)
{
	char text[1000];

	for (uint32_t i = 0; i < 3; i++) {
		snprintf(text, sizeof(text),
			"{'name':'a','slice':'internet','ue':{'ipv4':'" UE1 "'},'pdrs':["
			"{'id':1,'precedence':1,'source':'access','gtpu':'n3','teid':%u,'far':1},"
			"{'id':2,'precedence':1,'source':'access','gtpu':'n3','teid':%u,'far':2}],"
			"'fars':[{'id':1,'action':'forward'},{'id':2,'action':'drop'}]}",
			71 + i % 2, 72 - i % 2);
		rig_sessions(text);
		send_up(71 + i % 2, UE1, "10.0.0.1");
		expect_access("PDR 1", net.lan, 30, HOST_A, un.internet);
		send_up(72 - i % 2, UE1, "10.0.0.1");
		expect_drop("PDR 2", DROP_FAR_DROP);
	}
}
END_TEST

START_TEST(only_the_ues_own_source_gets_in)
{
	static const char *const other[] = {"10.45.0.9", "10.0.0.1", "10.45.1.1", "fd45:0:0:1::1"};

	upf_session("a", "internet", UE1, "");
	upf_session("b", "internet", UE2, "");
	for (uint32_t n = 0; n < sizeof(other) / sizeof(other[0]); n++) {
		send_up(rig_teid("a", 1), other[n],
			strchr(other[n], ':') != NULL ? "fd00::1" : "10.0.0.1");
		expect_drop(other[n], DROP_UE_SOURCE);
	}
	send_up(rig_teid("a", 1), UE2, "10.0.0.1");
	expect_drop("another's", DROP_UE_SOURCE);
	ck_assert_uint_eq(rig_session_counters("a").dropped, 5);
	ck_assert_uint_eq(rig_session_counters("a").ul_packets, 0);
	ck_assert_uint_eq(rig_session_counters("b").dropped, 0);
}
END_TEST

/* Of an IPv6 UE, with a filter, into a slice: nothing of it goes by a line. */
static void filtered(const char *slice)
{
	char text[1024];

	snprintf(text, sizeof(text),
		"{'name':'a','slice':'internet','ue':{'ipv6':'fd45:0:0:1::/64'},'pdrs':[{'id':1,"
		"'precedence':1,'source':'access','gtpu':'n3','far':1,'filters':['permit out ip "
		"from any to assigned']},{'id':2,'precedence':1,'source':'core','far':2,"
		"'filters':['permit out ip from any to assigned']}],"
		"'fars':[{'id':1,'action':'forward','slice':'%s'},{'id':2,'action':'forward',"
		"'destination':'access','outer_header':{'teid':4097,'peer':'198.18.0.2'}}]}",
		slice);
	rig_sessions(text);
}

START_TEST(what_a_slice_counts_of_sessions_with_filters)
{
	struct counters internet, edge;

	filtered("edge");
	send_up(rig_teid("a", 1), UE1_6, "fd01::1");
	expect_access("into the edge", net.lan2, 31, HOST_B, un.edge);
	slice_counters_read(un.edge, &edge);
	slice_counters_read(un.internet, &internet);
	ck_assert(edge.in_packets == 1 && edge.in_bytes == in_pkt.len && internet.in_packets == 0);
	send_down("fd00::1", UE1_6, 60);
	ck_assert(rig.outs == 1 && rig.drops == 0);
	slice_counters_read(un.internet, &internet);
	ck_assert(internet.out_packets == 1 && internet.out_bytes == internet.in_bytes);
}
END_TEST

/* What lies behind the UE's packet is no part of it; an F-TEID is of its own address. */
START_TEST(what_comes_in_is_the_ues_packet_at_its_f_teids_address)
{
	struct ip_packet i = {.from = UE1, .to = "10.0.0.1", .payload = 60};
	struct gtpu g;

	upf_session("a", "internet", UE1, "");
	g = from_gnb(rig_teid("a", 1));
	build_ip(&in_pkt, &i);
	memset(in_pkt.b + in_pkt.len, 0xee, 7);
	build_gtpu_raw(&a_pkt, &g, in_pkt.b + 14, in_pkt.len - 14 + 7);
	rig_begin();
	rig_send(net.wan, &a_pkt, 1);
	expect_access("with more behind it", net.lan, 30, HOST_A, un.internet);
	/* where it goes on as it is */
	rig_sessions("{'name':'b','slice':'internet','ue':{'ipv4':'" UE2 "'},'pdrs':[{'id':1,"
		     "'precedence':1,'source':'access','gtpu':'n3','far':1}],'fars':[{'id':1,"
		     "'action':'forward','outer_header':{'teid':119,'peer':'198.18.0.3'}}]}");
	i.from = UE2;
	g.teid = rig_teid("b", 1);
	build_ip(&in_pkt, &i);
	memset(in_pkt.b + in_pkt.len, 0xee, 7);
	build_gtpu_raw(&a_pkt, &g, in_pkt.b + 14, in_pkt.len - 14 + 7);
	rig_begin();
	rig_send(net.wan, &a_pkt, 1);
	expect_gtpu("with more behind it", "198.18.0.3", 119, -1, 0);
	g.to = "198.18.0.9";
	build_gtpu(&a_pkt, &g, &in_pkt);
	rig_begin();
	rig_send(net.wan, &a_pkt, 1);
	ck_assert_uint_eq(rig.drop[DROP_GTPU_TEID_UNKNOWN], 1);
}
END_TEST

/* RFC 6040 section 4.2, as for every tunnel. */
START_TEST(congestion_marks_come_in)
{
	struct ip_packet i = {
		.from = _i ? UE1_6 : UE1, .to = _i ? "fd00::1" : "10.0.0.1", .payload = 60};

	if (_i)
		filtered("internet");
	else
		upf_session("a", "internet", UE1, "");
	for (int outer = 0; outer < 4; outer++)
		for (int inner = 0; inner < 4; inner++) {
			struct gtpu g = from_gnb(rig_teid("a", 1));

			i.tos = 0xb8 | inner;
			g.tos = outer;
			build_ip(&in_pkt, &i);
			build_gtpu(&a_pkt, &g, &in_pkt);
			rig_begin();
			rig_send(net.wan, &a_pkt, 1);
			if (inner == 0 && outer == 3) {
				expect_drop("CE", DROP_ECN_INVALID);
				continue;
			}
			int now = inner == 0		     ? 0
				  : outer == 3 || inner == 3 ? 3
				  : outer == 1		     ? 1
							     : inner;

			if (_i) {
				in_pkt.b[15] = (in_pkt.b[15] & 0xcf) | now << 4;
			} else {
				in_pkt.b[15] = 0xb8 | now;
				ipv4_fix(in_pkt.b + 14);
			}
			expect_access("ECN", net.lan, 30, HOST_A, un.internet);
		}
}
END_TEST

START_TEST(the_gateway_answers_the_ue_and_errors_reach_it)
{
	struct icmp echo = {
		.from = UE1, .to = "10.0.0.254", .type = 8, .word = 0x00010001, .payload = 40};
	struct gtpu g;

	upf_session("a", "internet", UE1, "");
	g = from_gnb(rig_teid("a", 1));
	build_icmp(&in_pkt, &echo);
	build_gtpu(&a_pkt, &g, &in_pkt);
	rig_begin();
	rig_send(net.wan, &a_pkt, 1);
	ck_assert_uint_eq(rig.outs, 1);
	ck_assert_uint_eq(rig.answered, 1);
	ck_assert(gtpu_parse(&rig_out[0].pkt, &seen));
	ck_assert_uint_eq(seen.teid, GNB_TEID);
	ck_assert_uint_eq(seen.inner.b[14 + 20], 0);
	ck_assert(icmp_ok(&seen.inner));

	struct ip_packet i = {.from = UE1, .to = "10.0.0.1", .ttl = 1, .payload = 60};

	build_ip(&in_pkt, &i);
	build_gtpu(&a_pkt, &g, &in_pkt);
	rig_begin();
	rig_send(net.wan, &a_pkt, 1);
	ck_assert_uint_eq(rig.drop[DROP_TTL_EXPIRED], 1);
	ck_assert_uint_eq(rig.originated, 1);
	ck_assert(gtpu_parse(&rig_out[0].pkt, &seen));
	ck_assert_uint_eq(seen.inner.b[14 + 20], 11);
	ck_assert_int_eq(memcmp(seen.inner.b + 14 + 28, in_pkt.b + 14, 28), 0);
	ck_assert_uint_eq(rig_session_counters("a").dropped, 1);
}
END_TEST

START_TEST(outer_fragments_are_put_together)
{
	static struct pkt piece[4];
	struct ip_packet i = {.from = UE1, .to = "10.0.0.1", .payload = 1400};

	upf_session("a", "internet", UE1, "");
	struct gtpu g = from_gnb(rig_teid("a", 1));

	build_ip(&in_pkt, &i);
	build_gtpu(&a_pkt, &g, &in_pkt);
	put16(a_pkt.b + 20, 0); /* DF */
	uint32_t n = fragment(&a_pkt, 800, 7, piece, 4);

	ck_assert_uint_eq(n, 2);
	rig_begin();
	rig_send(net.wan, piece, n);
	ck_assert_uint_eq(rig.outs, 1);
	ck_assert_uint_eq(rig.merged, 1);
	ck_assert_uint_eq(rig.drops, 0);
}
END_TEST

/* A gNB that a session names is a known peer: strangers' fragments do not take its room. */
START_TEST(outer_fragments_of_a_gnb_have_room_beside_those_of_strangers)
{
	static struct pkt piece[4];
	struct ip_packet i = {.from = UE1, .to = "10.0.0.1", .payload = 1400};

	upf_session("a", "internet", UE1, "");
	struct gtpu g = from_gnb(rig_teid("a", 1));

	build_ip(&in_pkt, &i);
	for (uint32_t k = 0; k < 1501; k++) {
		g.from = k < 1500 ? "203.0.113.5" : "198.18.0.2";
		build_gtpu(&a_pkt, &g, &in_pkt);
		put16(a_pkt.b + 20, 0); /* DF */
		ck_assert_uint_eq(fragment(&a_pkt, 800, 1000 + k, piece, 4), 2);
		rig_begin();
		rig_send(net.wan, piece, k < 1500 ? 1 : 2); /* theirs never end */
	}
	ck_assert_uint_eq(rig.outs, 1);
	ck_assert_uint_eq(rig.merged, 1);
	ck_assert_uint_eq(rig.drops, 0);
}
END_TEST

/* Bytes are those of the inner packet for a session, of a frame for the slice. */
START_TEST(slice_and_session_count)
{
	struct counters slice;

	upf_session("a", "internet", UE1, "");
	send_up(rig_teid("a", 1), UE1, "10.0.0.1");
	send_up(rig_teid("a", 1), UE1, "10.0.0.1");
	slice_counters_read(un.internet, &slice);
	ck_assert_uint_eq(slice.in_packets, 2);
	ck_assert_uint_eq(slice.in_bytes, 2 * 94);
	ck_assert_uint_eq(slice.out_packets, 2);
	ck_assert_uint_eq(slice.out_bytes, 2 * 94);
	ck_assert_uint_eq(rig_session_counters("a").ul_bytes, 160);
	send_up(rig_teid("a", 1), UE1, "10.99.0.1"); /* no route: at the session */
	ck_assert_uint_eq(rig.drop[DROP_NO_ROUTE_IN_SLICE], 1);
	ck_assert_uint_eq(rig_session_counters("a").dropped, 1);
}
END_TEST

TCase *upf_up_tests(void)
{
	TCase *tc = tcase_create("upf_up");

	tcase_add_checked_fixture(tc, upf_setup, upf_teardown);
	tcase_add_test(tc, a_packet_of_the_ue_enters_its_slice_and_is_routed);
	tcase_add_test(tc, into_a_tunnel_of_the_slice);
	tcase_add_test(tc, every_form_of_the_header);
	tcase_add_test(tc, ipv6_outside_and_inside);
	tcase_add_test(tc, zero_checksum_over_ipv6_where_the_address_takes_it);
	tcase_add_test(tc, teids_that_were_put);
	tcase_add_test(tc, two_sessions_swap_teids_that_were_put);
	tcase_add_test(tc, two_pdrs_of_a_session_swap_teids);
	tcase_add_test(tc, only_the_ues_own_source_gets_in);
	tcase_add_loop_test(tc, congestion_marks_come_in, 0, 2);
	tcase_add_test(tc, what_a_slice_counts_of_sessions_with_filters);
	tcase_add_test(tc, what_comes_in_is_the_ues_packet_at_its_f_teids_address);
	tcase_add_test(tc, the_gateway_answers_the_ue_and_errors_reach_it);
	tcase_add_test(tc, outer_fragments_are_put_together);
	tcase_add_test(tc, outer_fragments_of_a_gnb_have_room_beside_those_of_strangers);
	tcase_add_test(tc, slice_and_session_count);
	return tc;
}
