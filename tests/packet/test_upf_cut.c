/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets by F-TEID that are too big for the next tunnel. Those that may be cut: pieces, their
 * counts and copies; the others' senders are told, through the tunnel that leads to them. */
#include <stdio.h>
#include <string.h>

#include "upf_net.h"

static uint32_t cut_mtu = 1456; /* of a piece */

/* The FAR of the whole packet is each piece's, though ports stand in the first alone; counted,
 * metered and copied as what they are. */
static void cut_session(const char *peer, const char *more, uint32_t quota)
{
	char text[1400];

	snprintf(text, sizeof(text),
		"{'name':'u','slice':'internet','ue':{'ipv4':'" UE1 "'},'pdrs':["
		"{'id':1,'precedence':1,'source':'access','gtpu':'n3','teid':1111,"
		"'filters':['permit out udp from 10.9.0.0/16 2000 to assigned'],'far':1,"
		"'urrs':[1],'qers':[1]},"
		"{'id':2,'precedence':2,'source':'access','gtpu':'n3','teid':1111,'far':2}],"
		"'fars':[{'id':1,'action':'forward','destination':'core',"
		"'outer_header':{'teid':3333,'peer':'%s'}%s},"
		"{'id':2,'action':'forward'}],'qers':[{'id':1,'qfi':5}],"
		"'urrs':[{'id':1,'measure':['volume'],'quota_bytes':%u}]}",
		peer, more, quota);
	rig_sessions(text);
}

static void send_cut(uint16_t frag, uint32_t payload)
{
	struct ip_packet i = {.from = UE1, .to = "10.9.0.1", .frag = frag, .payload = payload};
	struct gtpu g = from_gnb(1111);

	build_ip(&in_pkt, &i);
	put16(in_pkt.b + 36, 2000); /* UDP's destination */
	build_gtpu(&a_pkt, &g, &in_pkt);
	rig_begin();
	rig_send(net.wan, &a_pkt, 1);
}

/* These of what left are the pieces of in_pkt, in order. */
static void expect_pieces(uint32_t first, uint32_t step, uint32_t n, const char *to, uint32_t teid)
{
	uint32_t at = 0, whole = in_pkt.len - 34;
	uint16_t offset = get16(in_pkt.b + 20) & 0x1fff, more = get16(in_pkt.b + 20) & 0x2000;

	for (uint32_t k = 0; k < n; k++) {
		ck_assert(gtpu_parse(&rig_out[first + k * step].pkt, &seen));
		uint32_t len = seen.inner.len - 34;
		uint16_t word = (offset + at / 8) | (at + len < whole ? 0x2000 : more);

		ck_assert_str_eq(seen.to, to);
		ck_assert_uint_eq(seen.teid, teid);
		ck_assert(ipv4_ok(seen.inner.b + 14));
		ck_assert_uint_eq(seen.inner.b[14 + 8], 64); /* no hop */
		ck_assert_uint_eq(get16(seen.inner.b + 20), word);
		ck_assert_int_eq(
			memcmp(seen.inner.b + 34, in_pkt.b + 34 + at, seen.inner.len - 34), 0);
		ck_assert_uint_le(seen.inner.len - 14, cut_mtu);
		at += len;
	}
	ck_assert_uint_eq(at, whole);
}

START_TEST(too_big_for_n9_is_cut_and_each_piece_goes_the_same_way)
{
	cut_session("198.18.0.3", "", 4000);
	send_cut(0, 1480);
	ck_assert_uint_eq(rig.outs, 2);
	ck_assert_uint_eq(rig.replicated, 1);
	ck_assert_uint_eq(rig.drops, 0);
	expect_pieces(0, 1, 2, "198.18.0.3", 3333);
	ck_assert_uint_eq(seen.qfi, 5);
	ck_assert_uint_eq(rig_session_counters("u").ul_packets, 2);
	ck_assert_uint_eq(rig_session_counters("u").ul_bytes, 1480 + 40);
	ck_assert_uint_eq(rig_session_counters("u").dropped, 0);
	/* once more; then 960 of the quota are left, and it is used up by the third's first piece
	 */
	send_cut(0, 1480);
	ck_assert_uint_eq(rig.outs, 2);
	send_cut(0, 1480);
	ck_assert_uint_eq(rig.drop[DROP_URR_QUOTA], 2);
	ck_assert_uint_eq(rig.replicated, 1);
	ck_assert_uint_eq(rig_session_counters("u").ul_bytes, 2 * (1480 + 40));
	ck_assert_uint_eq(rig_session_counters("u").dropped, 2);
	/* with DF it is the sender's business */
	send_cut(0x4000, 1480);
	ck_assert_uint_eq(rig.drop[DROP_TOO_BIG], 1);
	ck_assert_uint_eq(rig.replicated, 0);
}
END_TEST

START_TEST(copies_of_pieces_are_pieces)
{
	cut_session("198.18.0.3", ",'duplicate_to':{'teid':77,'peer':'198.18.0.2'}", 4000);
	send_cut(0, 1480);
	ck_assert_uint_eq(rig.outs, 4);
	ck_assert_uint_eq(rig.replicated, 3);
	ck_assert_uint_eq(rig.drops, 0);
	expect_pieces(0, 2, 2, "198.18.0.2", 77);
	expect_pieces(1, 2, 2, "198.18.0.3", 3333);
	ck_assert_uint_eq(rig_session_counters("u").ul_bytes, 1480 + 40);
}
END_TEST

/* Whole, and put together from outer fragments. */
START_TEST(a_jumbo_packet_is_cut_into_many)
{
	static struct pkt part[2];
	uint16_t big = rig_port(9000), small = rig_port(576);
	struct ip_packet i = {.from = UE1, .to = "10.9.0.1", .payload = 8192};
	struct gtpu g = from_gnb(1111);

	rig_address(big, "198.18.5.1/24");
	rig_address(small, "198.18.6.1/24");
	rig_neighbor(small, "198.18.6.2", UPF2);
	cut_session("198.18.6.2", "", 1000000);
	g.dst = rig_port_mac(big);
	build_ip(&in_pkt, &i);
	build_gtpu(&a_pkt, &g, &in_pkt);
	put16(a_pkt.b + 20, 0); /* DF */
	ipv4_fix(a_pkt.b + 14);
	ck_assert_uint_eq(fragment(&a_pkt, 8000, 7, part, 2), 2);
	cut_mtu = 532;
	for (int whole = 0; whole < 2; whole++) {
		rig_begin();
		if (whole)
			rig_send(big, &a_pkt, 1);
		else
			rig_send(big, part, 2);
		ck_assert_uint_eq(rig.outs, 16);
		ck_assert_uint_eq(rig.merged, whole ? 0 : 1);
		ck_assert_uint_eq(rig.replicated, 15);
		ck_assert_uint_eq(rig.drops, 0);
		expect_pieces(0, 1, 16, "198.18.6.2", 3333);
	}
	cut_mtu = 1456;
	ck_assert_uint_eq(rig_session_counters("u").ul_packets, 32);
	ck_assert_uint_eq(rig_session_counters("u").ul_bytes, 2 * 8192 + 32 * 20);
}
END_TEST

/* An intermediate UPF: N3 to N9 and back, both by F-TEID; more: PDRs of its own. TEIDs that name
 * sessions with an index of more than 16 bits have others of the lower 16. */
struct anchored {
	const char *slice, *ue, *more;
	bool high;
};
#define N3_TEID(a) ((a)->high ? 0x11111111u : 1111)
#define N9_TEID(a) ((a)->high ? 0x11112222u : 2222)

static void intermediate(const struct anchored *a)
{
	char text[1400];

	snprintf(text, sizeof(text),
		"{'name':'m','slice':'%s'%s,'pdrs':["
		"{'id':1,'precedence':1,'source':'access','gtpu':'n3','teid':%u,'far':1},"
		"{'id':2,'precedence':1,'source':'core','gtpu':'n9','teid':%u,'far':2}%s],"
		"'fars':[{'id':1,'action':'forward','destination':'core',"
		"'outer_header':{'teid':3333,'peer':'198.18.0.3'}},"
		"{'id':2,'action':'forward','destination':'access',"
		"'outer_header':{'teid':4097,'peer':'198.18.0.2'}},"
		"{'id':3,'action':'forward','destination':'access',"
		"'outer_header':{'teid':5000,'peer':'198.18.0.2'}}]}",
		a->slice, a->ue ? a->ue : "", N3_TEID(a), N9_TEID(a), a->more ? a->more : "");
	rig_sessions(text);
}

/* Another slice's, where the index of the one above ends up when it is cut to 16 bits. */
static void decoy(void)
{
	rig_sessions(
		"{'name':'decoy','slice':'edge','pdrs':["
		"{'id':1,'precedence':1,'source':'access','gtpu':'n3','teid':17895425,'far':1},"
		"{'id':2,'precedence':1,'source':'core','gtpu':'n9','teid':17895426,'far':2}],"
		"'fars':[{'id':1,'action':'forward','destination':'core',"
		"'outer_header':{'teid':187,'peer':'198.18.0.3'}},"
		"{'id':2,'action':'forward','destination':'access',"
		"'outer_header':{'teid':170,'peer':'198.18.0.2'}}]}");
}

static void send_too_big(const struct anchored *a, bool v6, bool up)
{
	const char *ue = v6 ? UE1_6 : UE1, *other = v6 ? "fd09::1" : "10.9.0.1";
	struct ip_packet i = {.from = up ? ue : other,
		.to = up ? other : ue,
		.frag = v6 ? 0 : 0x4000,
		.payload = v6 ? 1460 : 1480};
	struct gtpu g = from_gnb(N3_TEID(a));

	if (!up)
		g = (struct gtpu){.dst = rig_port_mac(net.wan),
			.src = UPF2,
			.from = "198.18.0.3",
			.to = "198.18.0.9",
			.teid = N9_TEID(a)};
	build_ip(&in_pkt, &i);
	build_gtpu(&a_pkt, &g, &in_pkt);
	rig_begin();
	rig_send(net.wan, &a_pkt, 1);
}

/* One ICMP error about in_pkt left, to its sender by this tunnel and nowhere else. */
static void expect_told(bool v6, const char *peer, uint32_t teid)
{
	const uint8_t *ip, *icmp, *cause = in_pkt.b + 14;

	ck_assert_uint_eq(rig.drop[DROP_TOO_BIG], 1);
	ck_assert_uint_eq(rig.drops, 1);
	ck_assert_uint_eq(rig.originated, 1);
	ck_assert_uint_eq(rig.outs, 1);
	ck_assert_uint_eq(rig_out[0].port, net.wan);
	ck_assert(gtpu_parse(&rig_out[0].pkt, &seen));
	ck_assert_str_eq(seen.to, peer);
	ck_assert_uint_eq(seen.teid, teid);
	ip = seen.inner.b + 14;
	icmp = ip + (v6 ? 40 : 20);
	ck_assert_uint_eq(get16(icmp), v6 ? 0x0200 : 0x0304);
	ck_assert_uint_eq(get32(icmp + 4), 1500 - 20 - 8 - 8);
	ck_assert(icmp_ok(&seen.inner));
	/* to who sent it, quoted as it came */
	ck_assert_int_eq(memcmp(ip + (v6 ? 24 : 16), cause + (v6 ? 8 : 12), v6 ? 16 : 4), 0);
	ck_assert_int_eq(memcmp(icmp + 8, cause, 100), 0);
}

/* Who the last one is from: the slice's gateway, or who the packet was for. */
static void expect_from(bool v6, bool gateway)
{
	static const uint8_t gateway6[16] = {0xfd, [15] = 0xfe}, gateway4[4] = {10, 0, 0, 254};
	const uint8_t *ip = seen.inner.b + 14, *cause = in_pkt.b + 14;

	if (!gateway)
		ck_assert_int_eq(
			memcmp(ip + (v6 ? 8 : 12), cause + (v6 ? 24 : 16), v6 ? 16 : 4), 0);
	else
		ck_assert_int_eq(
			memcmp(ip + (v6 ? 8 : 12), v6 ? gateway6 : gateway4, v6 ? 16 : 4), 0);
}

/* The slice has a way to 10.0.0.0/8 of its own. In the loop: IPv6; does the session know its UE's
 * addresses; TEIDs of more than 28 bits; a slice without an address. The anchor takes what is from
 * the UE. */
START_TEST(too_big_is_said_through_the_tunnel_to_the_sender)
{
	bool v6 = _i & 1, told = _i & 2, bare = _i & 8;
	const struct anchored a = {.slice = bare ? "bare" : "internet",
		.ue = told ? ",'ue':{'ipv4':'" UE1 "','ipv6':'fd45:0:0:1::/64'}" : "",
		.high = _i & 4};
	struct l3_via via = rig_via(un.internet_lan, v6 ? "fd00::1" : "10.0.0.1", 1);

	rig_l3_route(un.internet, v6 ? "::/0" : "0.0.0.0/0", &via, 1);
	if (bare)
		rig_upf_slice("bare", rig_l3_slice(777));
	decoy();
	intermediate(&a);
	send_too_big(&a, v6, true);
	expect_told(v6, "198.18.0.2", 4097);
	expect_from(v6, !bare);
	ck_assert_uint_eq(rig_session_counters("m").dl_packets, 1);
	ck_assert_uint_eq(rig_session_counters("m").ul_packets, 0);
	send_too_big(&a, v6, false);
	expect_told(v6, "198.18.0.3", 3333);
	expect_from(v6, false);
	ck_assert_uint_eq(rig_session_counters("m").dl_packets, 1);
	ck_assert_uint_eq(rig_session_counters("m").ul_packets, 1);
}
END_TEST

/* Where the UE's address is known in the slice, that is the way to it: as for any packet. */
START_TEST(too_big_is_said_by_the_slice_where_the_ue_is_in_it)
{
	const struct anchored a = {.slice = "internet",
		.ue = ",'ue':{'ipv4':'" UE1 "'}",
		.more = ",{'id':3,'precedence':1,'source':'core','far':3}"};

	intermediate(&a);
	send_too_big(&a, false, true);
	expect_told(false, "198.18.0.2", 5000);
	expect_from(false, true);
}
END_TEST

TCase *upf_cut_tests(void)
{
	TCase *tc = tcase_create("upf_cut");

	tcase_add_checked_fixture(tc, upf_setup, upf_teardown);
	tcase_add_test(tc, too_big_for_n9_is_cut_and_each_piece_goes_the_same_way);
	tcase_add_test(tc, copies_of_pieces_are_pieces);
	tcase_add_test(tc, a_jumbo_packet_is_cut_into_many);
	tcase_add_loop_test(tc, too_big_is_said_through_the_tunnel_to_the_sender, 0, 16);
	tcase_add_test(tc, too_big_is_said_by_the_slice_where_the_ue_is_in_it);
	return tc;
}
