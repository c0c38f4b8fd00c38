/* SPDX-License-Identifier: BSD-3-Clause */
/* Sessions that change while a worker is in the midst of a burst, between a line's key and what it
 * does by the line (pipelines/upf/state/session_line.h): the packet is sent by the state that it met, as
 * a whole. */
#include <stdio.h>
#include <string.h>

#include "amid.h"
#include "rcu.h"
#include "session_line.h"
#include "session_store.h"
#include "upf_net.h"

/* Rules that must look at each packet, else nothing is asked. */
static void put(const char *slice, uint32_t teid, const char *peer)
{
	char text[1024];

	snprintf(text, sizeof(text),
		"{'name':'s','slice':'internet','ue':{'ipv4':'" UE1 "'},"
		"'pdrs':[{'id':1,'precedence':1,'source':'access','gtpu':'n3','far':1,"
		"'outer_header_removal':0,'filters':['permit out 17 from any to assigned']},"
		"{'id':2,'precedence':1,'source':'core','far':2,'qers':[1],"
		"'filters':['permit out 17 from any to assigned']}],"
		"'fars':[{'id':1,'action':'forward','destination':'core','slice':'%s'},"
		"{'id':2,'action':'forward','destination':'access',"
		"'outer_header':{'teid':%u,'peer':'%s'}}],'qers':[{'id':1,'qfi':9}]}",
		slice, teid, peer);
	rig_sessions(text);
}

static void put_old(void)
{
	put("internet", 4097, "198.18.0.2");
}

static void put_new(void)
{
	put("edge", 4098, "198.18.0.3");
}

static void delete (void)
{
	rig_session_gone("s");
}

static bool is_served(bool down)
{
	return session_line_key(session_line(session_cells(0), session_find("s"), down)) != 0;
}

/* One that its lines serve. */
static void begin(void)
{
	put_old();
	rcu_reclaim(true);
	ck_assert(is_served(false) && is_served(true));
}

static void (*const changes[])(void) = {put_new, delete};

START_TEST(line_down_is_used_as_a_whole)
{
	begin();
	amid(AMID_CLASSIFY, changes[_i]);
	send_down("10.0.0.1", UE1, 60);
	amid_end();
	expect_gtpu("in the midst", "198.18.0.2", 4097, 9, 1);
	if (changes[_i] == delete)
		return;
	send_down("10.0.0.1", UE1, 60);
	expect_gtpu("after it", "198.18.0.3", 4098, 9, 1);
	rcu_reclaim(true);
	ck_assert(is_served(true));
	send_down("10.0.0.1", UE1, 60);
	expect_gtpu("by its line", "198.18.0.3", 4098, 9, 1);
}
END_TEST

START_TEST(line_up_is_used_as_a_whole)
{
	begin();
	uint32_t teid = rig_teid("s", 1);

	amid(AMID_CLASSIFY, changes[_i]);
	send_up(teid, UE1, "10.0.0.1");
	amid_end();
	expect_access("in the midst", net.lan, 30, HOST_A, un.internet);
	if (changes[_i] == delete)
		return;
	send_up(teid, UE1, "10.1.0.1");
	expect_access("after it", net.lan2, 31, HOST_B, un.edge);
	rcu_reclaim(true);
	ck_assert(is_served(false));
	send_up(teid, UE1, "10.1.0.1");
	expect_access("by its line", net.lan2, 31, HOST_B, un.edge);
}
END_TEST

TCase *upf_line_change_tests(void)
{
	TCase *tc = tcase_create("upf_line_change");

	tcase_add_checked_fixture(tc, upf_setup, upf_teardown);
	tcase_add_loop_test(tc, line_down_is_used_as_a_whole, 0, 2);
	tcase_add_loop_test(tc, line_up_is_used_as_a_whole, 0, 2);
	return tc;
}
