/* SPDX-License-Identifier: BSD-3-Clause */
/* Sessions that change while a worker is in the midst of a burst (amid.h) whose blocks it has
 * looked up: no packet passes an earlier one of its session, nor goes to an address that its UE has
 * lost. Packets carry their number as UDP source port. (Changes between two bursts: test_hold.c.)
 */
#include <stdio.h>

#include "amid.h"
#include "upf_eth_net.h"

#define IP_UE "'slice':'internet','ue':{'ipv4':'" UE1 "'}"
#define V6_UE "'slice':'internet','ue':{'ipv6':'fd45:0:0:1::/64'}"
#define TWO   "'slice':'internet','ue':{'ipv4':'" UE1 "','ipv6':'fd45:0:0:1::/64'}"
#define OLD   "'outer_header':{'teid':4097,'peer':'198.18.0.2'}"
#define NEW   "'outer_header':{'teid':4098,'peer':'198.18.0.3'}"
#define ENDS  ",'end_marker':true"

/* What is sent, and where packets of a session cross the switch. */
struct way {
	const char *name, *ue;
	bool up, frame;
};
static const struct way ways[] = {
	{"packets down", IP_UE, false, false},
	{"packets up", IP_UE, true, false},
	{"frames down", "'slice':'red'", false, true},
	{"frames up", "'slice':'red'", true, true},
};
#define WAYS	4
#define IP_WAYS 2
static const struct way *way;

/* Both directions by the same action. */
static void put(const char *ue, const char *action, const char *header)
{
	char text[1024];

	snprintf(text, sizeof(text),
		"{'name':'s',%s,'pdrs':["
		"{'id':1,'precedence':1,'source':'access','gtpu':'n3','far':1,"
		"'outer_header_removal':0},"
		"{'id':2,'precedence':1,'source':'core','far':2}],"
		"'fars':[{'id':1,'action':'%s','destination':'core'},"
		"{'id':2,'action':'%s','destination':'access',%s}]}",
		ue, action, action, header);
	rig_sessions(text);
}

/* ---- packets with numbers ---- */

/* in_pkt is the frame or packet, in want_pkt it is as it comes in. */
static uint16_t numbered(uint32_t n)
{
	struct ip_packet i = {.dst = rig_l3_mac(un.internet),
		.src = HOST_A,
		.from = way->up ? UE1 : "10.0.0.1",
		.to = way->up ? "10.0.0.1" : UE1,
		.payload = 60};
	struct gtpu g;

	if (way->frame)
		eth_frame(&in_pkt, way->up ? HOST_A : UE_A, way->up ? UE_A : HOST_A);
	else
		build_ip(&in_pkt, &i);
	put16(in_pkt.b + 34, n);
	put16(in_pkt.b + 40, 0); /* no checksum */
	if (!way->up) {
		want_pkt = in_pkt;
		if (!way->frame)
			eth_tag(&want_pkt, &in_pkt, 0x8100, 30);
		return net.lan;
	}
	g = from_gnb(rig_teid("s", 1));
	if (way->frame)
		build_gtpu_raw(&want_pkt, &g, in_pkt.b, in_pkt.len);
	else
		build_gtpu(&want_pkt, &g, &in_pkt);
	return net.wan;
}

/* Packets `from` and the next, in one burst. */
static void send_pair(uint32_t from)
{
	static struct pkt pair[2];
	uint16_t port = net.lan;

	for (uint32_t i = 0; i < 2; i++) {
		port = numbered(from + i);
		pair[i] = want_pkt;
	}
	rig_send(port, pair, 2);
}

static void expect_number(const struct pkt *p, uint32_t at, uint32_t n)
{
	ck_assert_msg(
		get16(p->b + at) == n, "%s: packet %u, wanted %u", way->name, get16(p->b + at), n);
}

/* Since rig_begin() there left `n` packets this way, from this one on and in order; those down to
 * this TEID and behind the end marker, if there is one. */
static void expect_order(uint32_t from, uint32_t n, uint32_t teid)
{
	uint32_t seen_n = 0;

	for (uint32_t i = 0; i < rig.outs; i++) {
		const struct pkt *p = &rig_out[i].pkt;

		if (rig_out[i].port != (way->up ? net.lan : net.wan))
			continue;
		if (way->up) {
			expect_number(p, way->frame ? 34 : 38, from + seen_n++);
			continue;
		}
		ck_assert_msg(gtpu_parse(p, &seen), "%s: no GTP-U", way->name);
		if (seen.type == 254) {
			ck_assert_msg(seen_n == 0, "%s: %u before the marker", way->name, seen_n);
			continue;
		}
		expect_number(&seen.inner, way->frame ? 48 : 34, from + seen_n++);
		ck_assert_msg(seen.teid == teid, "%s: packet %u to TEID %u, wanted %u", way->name,
			from + seen_n - 1, seen.teid, teid);
	}
	ck_assert_msg(seen_n == n, "%s: %u left, wanted %u", way->name, seen_n, n);
	ck_assert_msg(rig.drops == 0 && rig.held == 0, "%s: %lu dropped, %ld held", way->name,
		rig.drops, (long)rig.held);
}

/* A session that holds packets 1 to n of this way. */
static void begin(const struct way *by, uint32_t n)
{
	way = by;
	put(way->ue, "forward", OLD);
	if (way->frame) { /* the UE's MAC is learned */
		eth_frame(&a_pkt, HOST_A, UE_A);
		eth_ue_sends("s", &a_pkt);
		rig_poll();
	}
	put(way->ue, "buffer", OLD);
	rig_begin();
	for (uint32_t i = 1; i <= n; i++)
		rig_send(numbered(i), &want_pkt, 1);
	ck_assert_int_eq(rig.held, n);
}

/* ---- what comes in ---- */

/* Main has learned that all who were held have gone, and there is a handover. */
static void flags_off_and_handover(void)
{
	upf_poll();
	put(way->ue, "forward", NEW ENDS);
}

/* The first packet of the burst meets the flag and is parked under the new block; the second one
 * finds the flag gone, in the block that its burst has. */
START_TEST(what_follows_a_parked_packet_in_its_burst_waits_as_well)
{
	begin(&ways[_i], 3);
	put(way->ue, "forward", OLD);
	rig_begin();
	rig_advance(0.002);
	ck_assert_uint_eq(rig.outs, 3);
	rig_begin();
	amid(AMID_HOLD_WAITS, flags_off_and_handover);
	send_pair(4);
	ck_assert_msg(rig.outs == 0 && rig.held == 2, "%s: %u left in the midst, %ld held",
		way->name, rig.outs, (long)rig.held);
	amid_end();
	upf_turns();
	ck_assert_uint_eq(rig.originated, 1);
	expect_order(4, 2, 4098);
}
END_TEST

/* Nothing that would make packets wait: end markers from the next handover on. */
static void the_same_again(void)
{
	put(way->ue, "forward", OLD ENDS);
}

static void before_the_next(void)
{
	amid(AMID_HOLD_WAITS, the_same_again);
}

/* The first packet of the burst goes by the block that the burst has; for the second one there is
 * another. */
START_TEST(what_goes_by_another_block_does_not_pass_its_burst)
{
	begin(&ways[_i], 3);
	put(way->ue, "forward", OLD);
	amid(AMID_HOLD_WAITS, before_the_next);
	send_pair(4);
	amid_end();
	expect_order(1, 5, 4097);
}
END_TEST

static uint32_t own_teid;

static void put_own_teid(void)
{
	char text[512];

	snprintf(text, sizeof(text),
		"{'name':'s'," IP_UE ",'pdrs':[{'id':1,'precedence':1,'source':'access',"
		"'gtpu':'n3','teid':%u,'far':1,'outer_header_removal':0}],"
		"'fars':[{'id':1,'action':'forward','destination':'core'}]}",
		own_teid);
	rig_sessions(text);
}

/* By a TEID that a session is given in the midst of the burst, and that looks like one that was
 * chosen for it: what came before is looked up, what comes after is found at once. (The second
 * packet's header is an uncommon one, so that main has its turn.) */
START_TEST(what_is_looked_up_by_its_teid_is_not_passed)
{
	static struct pkt burst[3];
	struct gtpu g;

	way = &ways[1];
	put(way->ue, "forward", OLD);
	own_teid = rig_teid("s", 1) ^ 1;
	g = from_gnb(own_teid);
	for (uint32_t i = 0; i < 3; i++) {
		numbered(1 + i);
		g.rqi = i == 1;
		build_gtpu(&burst[i], &g, &in_pkt);
	}
	rig_begin();
	amid(AMID_GTPU_READ, put_own_teid);
	rig_send(net.wan, burst, 3);
	amid_end();
	expect_order(1, 3, 0);
}
END_TEST

/* ---- what comes back ---- */

static void forward_at_last(void)
{
	put(TWO, "forward", NEW);
}

/* The first one comes back to a FAR that holds it again; main changes that, and recalls the rest:
 * the first one is the first again. */
START_TEST(what_is_recalled_does_not_pass_what_was_held_anew)
{
	begin(&ways[_i], 3);
	put(TWO, "buffer", OLD); /* another address: they come back, and are held once more */
	amid(AMID_HOLD_BACK, forward_at_last);
	rig_advance(0.002);
	ck_assert_uint_eq(rig.outs, 0);
	amid_end();
	upf_turns();
	expect_order(1, 3, 4098);
}
END_TEST

/* ---- whose address it was ---- */

static void lose_ipv4(void)
{
	put(V6_UE, "forward", NEW);
}

static void lose_ipv6(void)
{
	put(IP_UE, "forward", NEW);
}

START_TEST(an_address_that_is_lost_after_it_was_looked_up_gets_nothing)
{
	static void (*const lose[2])(void) = {lose_ipv4, lose_ipv6};
	const char *from = _i == 0 ? "10.0.0.1" : "fd00::1", *to = _i == 0 ? UE1 : UE1_6;

	put(TWO, "forward", OLD);
	send_down(from, to, 60);
	expect_gtpu("before", "198.18.0.2", 4097, -1, 1);
	amid(AMID_SESSION_DOWN, lose[_i]);
	send_down(from, to, 60);
	amid_end();
	expect_drop("in the midst", DROP_SESSION_GONE);
	send_down(_i == 0 ? "fd00::1" : "10.0.0.1", _i == 0 ? UE1_6 : UE1, 60);
	expect_gtpu("to the other address", "198.18.0.3", 4098, -1, 1);
}
END_TEST

/* ---- whose TEID it was ---- */

static void teid_text(char *text, size_t size, const char *name, const char *ue, uint32_t teid)
{
	snprintf(text, size,
		"{'name':'%s','slice':'internet','ue':{'ipv4':'%s'},'pdrs':[{'id':1,"
		"'precedence':1,'source':'access','gtpu':'n3','teid':%u,'far':1}],"
		"'fars':[{'id':1,'action':'forward'}]}",
		name, ue, teid);
}

static void put_teids(uint32_t a, uint32_t b)
{
	char text[2][500], both[1100];

	teid_text(text[0], sizeof(text[0]), "a", UE1, a);
	teid_text(text[1], sizeof(text[1]), "b", UE2, b);
	snprintf(both, sizeof(both), "[%s,%s]", text[0], text[1]);
	rig_sessions(both);
}

/* Session a is what it will be, b is not: TEID 71 was a's, and is b's in a moment. */
static void use_71(void)
{
	send_up(71, UE2, "10.0.0.1");
	ck_assert_uint_eq(rig.drop[DROP_SESSION_GONE], 1);
	ck_assert_uint_eq(rig.drops, 1);
	ck_assert_uint_eq(rig.outs, 0); /* no error indication: the gNB would give it up */
}

START_TEST(a_teid_on_its_way_to_another_session_is_not_unknown)
{
	put_teids(71, 72);
	amid(AMID_COMMIT, use_71);
	put_teids(72, 71);
	amid_end();
	send_up(71, UE2, "10.0.0.1");
	expect_access("after", net.lan, 30, HOST_A, un.internet);
}
END_TEST

TCase *upf_amid_tests(void)
{
	TCase *tc = tcase_create("upf_amid");

	tcase_add_checked_fixture(tc, eth_setup, upf_teardown);
	tcase_add_loop_test(tc, what_follows_a_parked_packet_in_its_burst_waits_as_well, 0, WAYS);
	tcase_add_loop_test(tc, what_goes_by_another_block_does_not_pass_its_burst, 0, WAYS);
	tcase_add_test(tc, what_is_looked_up_by_its_teid_is_not_passed);
	tcase_add_loop_test(tc, what_is_recalled_does_not_pass_what_was_held_anew, 0, IP_WAYS);
	tcase_add_loop_test(tc, an_address_that_is_lost_after_it_was_looked_up_gets_nothing, 0, 2);
	tcase_add_test(tc, a_teid_on_its_way_to_another_session_is_not_unknown);
	return tc;
}
