/* SPDX-License-Identifier: BSD-3-Clause */
/* How many end markers a tunnel gets when several FARs of a session send to it: one, behind the
 * last packet (TS 29.281 7.3.2: what comes later may be discarded). One FAR: test_hold.c. */
#include <stdio.h>
#include <string.h>

#include "upf_net.h"

#define FAR_TO(id, marker, header)                                                                 \
	"{'id':" #id ",'action':'forward','destination':'access','end_marker':" #marker            \
	",'outer_header':{" header "}}"
#define OLD   "'teid':4097,'peer':'198.18.0.2'"
#define OLD_2 "'teid':4100,'peer':'198.18.0.2'"
#define NEW   "'teid':4098,'peer':'198.18.0.3'"

/* Downlink by two PDRs, of IPv4 from one host and of the rest, to FARs 2 and 3. */
static const char *session(const char *two, const char *three)
{
	static char texts[4][2048];
	static unsigned at;
	char *text = texts[at++ % 4];

	snprintf(text, sizeof(texts[0]),
		"{'name':'s','slice':'internet','ue':{'ipv4':'" UE1 "'},"
		"'pdrs':[{'id':1,'precedence':1,'source':'access','gtpu':'n3','teid':7,"
		"'outer_header_removal':0,'far':1},{'id':2,'precedence':1,'source':'core','far':2,"
		"'filters':['permit out ip from 10.0.0.1 to assigned']},"
		"{'id':3,'precedence':2,'source':'core','far':3}],"
		"'fars':[{'id':1,'action':'forward','destination':'core'},%s,%s]}",
		two, three);
	return text;
}

static void put(const char *two, const char *three)
{
	rig_begin();
	rig_sessions(session(two, three));
	upf_turns();
}

/* FAR 2 goes to tunnels one after the other, in one transaction. */
static void put_in_turn(const char *first, const char *second, const char *third)
{
	static const char stays[] = FAR_TO(3, false, OLD_2);
	char text[8192];

	snprintf(text, sizeof(text), "[%s,%s%s%s]", session(first, stays), session(second, stays),
		third != NULL ? "," : "", third != NULL ? session(third, stays) : "");
	rig_begin();
	rig_sessions(text);
	upf_turns();
}

/* All that left since are end markers of this tunnel to the gNB; 0: nothing left. */
static void expect_markers(uint32_t teid)
{
	ck_assert_uint_eq(rig.outs, teid != 0);
	if (teid == 0)
		return;
	ck_assert(gtpu_parse(&rig_out[0].pkt, &seen));
	ck_assert_uint_eq(seen.type, 254);
	ck_assert_uint_eq(seen.teid, teid);
	ck_assert_str_eq(seen.to, "198.18.0.2");
}

START_TEST(fars_that_leave_a_tunnel_together_end_it_once)
{
	put(FAR_TO(2, false, OLD), FAR_TO(3, false, OLD));
	put(FAR_TO(2, true, NEW), FAR_TO(3, true, NEW));
	expect_markers(4097);
	/* also when they did not look alike */
	put(FAR_TO(2, false, OLD),
		"{'id':3,'action':'buffer','destination':'access','outer_header':{" OLD "}}");
	put(FAR_TO(2, true, NEW), FAR_TO(3, true, NEW));
	expect_markers(4097);
}
END_TEST

START_TEST(tunnels_of_one_peer_have_a_marker_each)
{
	put(FAR_TO(2, false, OLD), FAR_TO(3, false, OLD_2));
	put(FAR_TO(2, true, NEW), FAR_TO(3, true, NEW));
	ck_assert_uint_eq(rig.outs, 2);
	for (uint32_t i = 0; i < 2; i++) {
		ck_assert(gtpu_parse(&rig_out[i].pkt, &seen));
		ck_assert_uint_eq(seen.type, 254);
		ck_assert_uint_eq(seen.teid, i == 0 ? 4097 : 4100);
	}
}
END_TEST

START_TEST(the_last_far_to_leave_a_tunnel_ends_it)
{
	put(FAR_TO(2, false, OLD), FAR_TO(3, false, OLD));
	put(FAR_TO(2, true, NEW), FAR_TO(3, false, OLD));
	expect_markers(0);
	/* it still names it, and will send what it holds */
	put(FAR_TO(2, true, NEW),
		"{'id':3,'action':'buffer','destination':'access','outer_header':{" OLD "}}");
	expect_markers(0);
	put(FAR_TO(2, true, NEW), FAR_TO(3, true, NEW));
	expect_markers(4097);
}
END_TEST

/* A tunnel said in more words is the same one. */
START_TEST(naming_the_own_address_ends_no_tunnel)
{
	put(FAR_TO(2, false, OLD), FAR_TO(3, false, OLD));
	put(FAR_TO(2, true, OLD ",'gtpu':'n3'"), FAR_TO(3, true, OLD ",'gtpu':'n3'"));
	expect_markers(0);
}
END_TEST

/* What a transaction passes on its way is no tunnel that was sent to. */
START_TEST(a_transaction_ends_the_tunnels_it_leaves_for_good)
{
	static const char newer[] = FAR_TO(2, true, "'teid':9,'peer':'198.18.0.3'");

	put(FAR_TO(2, false, OLD), FAR_TO(3, false, OLD_2));
	put_in_turn(FAR_TO(2, true, NEW), FAR_TO(2, true, OLD), NULL);
	expect_markers(0);
	put_in_turn(FAR_TO(2, true, NEW),
		"{'id':2,'action':'buffer','destination':'access','end_marker':true,"
		"'outer_header':{" OLD "}}",
		NULL);
	expect_markers(0);
	put_in_turn(FAR_TO(2, true, OLD ",'gtpu':'n3'"), FAR_TO(2, true, NEW), NULL);
	expect_markers(4097);
	put(FAR_TO(2, false, OLD), FAR_TO(3, false, OLD_2));
	put_in_turn(FAR_TO(2, true, NEW), newer, NULL);
	expect_markers(4097);
	put(FAR_TO(2, false, OLD), FAR_TO(3, false, OLD_2));
	put_in_turn(FAR_TO(2, true, NEW), newer, FAR_TO(2, true, OLD));
	expect_markers(0);
	/* a session that is new has sent to none */
	rig_session_gone("s");
	upf_turns();
	put_in_turn(FAR_TO(2, true, OLD), FAR_TO(2, true, NEW), NULL);
	expect_markers(0);
}
END_TEST

TCase *upf_marker_tests(void)
{
	TCase *tc = tcase_create("upf_marker");

	tcase_add_checked_fixture(tc, upf_setup, upf_teardown);
	tcase_add_test(tc, fars_that_leave_a_tunnel_together_end_it_once);
	tcase_add_test(tc, tunnels_of_one_peer_have_a_marker_each);
	tcase_add_test(tc, the_last_far_to_leave_a_tunnel_ends_it);
	tcase_add_test(tc, a_transaction_ends_the_tunnels_it_leaves_for_good);
	tcase_add_test(tc, naming_the_own_address_ends_no_tunnel);
	return tc;
}
