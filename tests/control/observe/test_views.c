/* SPDX-License-Identifier: BSD-3-Clause */
/* /v1/status, /v1/kernel, /v1/topology and /v1/counters: who sees what, pages, answers in pieces.
 * Events: test_events.c. */
#include "../suite.h"
#include "making.h"
#include "rig.h"
#include "observe_private.h"

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- status ---- */

START_TEST(status_counts_intents_by_state)
{
	json_t *status;
	json_int_t applied, pending, total;

	rig_slice("blue", "kim", "lan0", 1)->status.state = INTENT_APPLIED;
	rig_slice("red", "lee", "lan0", 2);
	rig_get("/v1/status", NULL);
	ck_assert_int_eq(rig_answer.status, 200);
	ck_assert(!rig_sent("kim") && !rig_sent("blue")); /* it is for everybody */
	status = rig_json();
	ck_assert_int_eq(json_unpack(status, "{s:{s:{s:I, s:I, s:I}}}", "intents", "slices",
				 "applied", &applied, "pending", &pending, "total", &total),
		0);
	ck_assert(applied == 1 && pending == 1 && total == 2);
	ck_assert_int_eq(json_integer_value(json_object_get(status, "uptime_s")), 4);
	json_decref(status);
}
END_TEST

START_TEST(kernel_tells_operators_what_is_refused)
{
	rig_get("/v1/kernel", NULL);
	ck_assert(rig_answer.status == 200 && rig_sent("\"mirrored\":false"));
	control.mirror = (struct mirror_link *)&rig_mirror; /* never looked into */
	rig_mirror.routes = 7;
	rig_mirror.refused = 30;
	rig_get("/v1/kernel", NULL);
	ck_assert(rig_sent("\"routes\":7") && rig_sent("\"refused\":30") &&
		  rig_sent("red 198.18.7.0/24"));
	{
		json_t *answer = rig_json();

		ck_assert_uint_eq(json_array_size(json_object_get(answer, "refused_first")), 20);
		ck_assert_uint_eq(json_array_size(json_object_get(answer, "missing_first")), 20);
		json_decref(answer);
	}
	rig_get("/v1/status", NULL);
	ck_assert(rig_sent("\"routes\":7") && !rig_sent("198.18.7.0")); /* that is for everybody */
	rig_actor.role = ROLE_TENANT;
	strcpy(rig_actor.tenant, "kim");
	rig_get("/v1/kernel", NULL);
	ck_assert_int_eq(rig_answer.status, 403);
	control.mirror = NULL;
}
END_TEST

START_TEST(status_says_hung_of_one_that_owes_an_answer_for_long)
{
	rig_silent_ms = 4000;
	rig_get("/v1/status", NULL);
	ck_assert(rig_sent("\"state\":\"up\""));
	rig_mono_us += 100000;
	rig_silent_ms = 6000;
	rig_get("/v1/status", NULL);
	ck_assert(rig_sent("\"state\":\"hung\""));
}
END_TEST

START_TEST(status_is_made_at_most_ten_times_a_second)
{
	char *first;

	rig_get("/v1/status", NULL);
	first = strdup(rig_answer.text);
	rig_slice("blue", "kim", "lan0", 1);
	rig_get("/v1/status", NULL);
	ck_assert_str_eq(rig_answer.text, first);
	rig_mono_us += 99000;
	rig_get("/v1/status", NULL);
	ck_assert_str_eq(rig_answer.text, first);
	rig_mono_us += 100000;
	rig_get("/v1/status", NULL);
	ck_assert_str_ne(rig_answer.text, first);
	free(first);
}
END_TEST

START_TEST(status_tells_of_xdp_where_there_is_such_a_port)
{
	rig_get("/v1/status", NULL);
	ck_assert(!rig_sent("xdp"));
	rig_mono_us += 100000;
	rig_xdp = true;
	rig_get("/v1/status", NULL);
	rig_xdp = false;
	ck_assert(rig_sent("\"xdp\":[{\"port\":\"wan0\",\"interface\":\"eth1\",\"state\":"
			   "\"foreign\",\"reason\":\"there is another program, passer\"}]"));
}
END_TEST

/* ---- health ---- */

START_TEST(health_names_causes_and_counts_what_rests_on_them)
{
	rig_reconciler.synced = true;
	rig_slice("blue", "kim", "lan0", 10)->status.state = INTENT_APPLIED;
	rig_slice("red", "lee", "lan1", 11)->status.state = INTENT_APPLIED;
	world_find(NULL, INTENT_SITE, "here")->status.state = INTENT_APPLIED;
	rig_reading(
		"ports", "[{\"name\":\"lan0\",\"link\":true},{\"name\":\"lan1\",\"link\":true}]");
	rig_get("/v1/health", NULL);
	ck_assert(rig_sent("{\"health\":\"well\",\"well\":true,\"text\":\"\""));
	rig_mono_us += 1000000;
	rig_reading(
		"ports", "[{\"name\":\"lan0\",\"link\":false},{\"name\":\"lan1\",\"link\":true}]");
	rig_get("/v1/health", NULL);
	ck_assert(
		rig_sent("{\"health\":\"no_link\",\"well\":false,\"text\":\"port lan0 has no link; "
			 "affected: 1 slice\""));
	ck_assert(rig_sent("\"slice\":{\"well\":1,\"not_well\":1}"));
	ck_assert(rig_sent("\"box\":{\"well\":0,\"not_well\":1}")); /* as its word says */
	ck_assert(rig_sent("\"because\":\"port:lan0\",\"tenant\":\"kim\""));
	rig_be_tenant("lee");
	rig_get("/v1/health", NULL);
	ck_assert(rig_sent("\"well\":true") && !rig_sent("kim") && !rig_sent("blue"));
	rig_be_tenant("kim");
	rig_get("/v1/health", NULL);
	ck_assert(rig_sent("\"text\":\"port lan0 has no link\"") && !rig_sent("lee"));
	json_decref(rig_json());
	rig_get("/metrics", NULL);
	ck_assert(rig_sent("sluice_health{kind=\"slice\",name=\"blue\"} 0\n") && !rig_sent("red") &&
		  !rig_sent("kind=\"port\""));
}
END_TEST

START_TEST(session_whose_peer_does_not_know_its_teid_is_not_well)
{
	static struct api_far far = {
		.outer_header = {
			.teid = 119, .peer = {.family = 4, .len = 32, .bytes = {198, 18, 3, 2}}}};
	struct intent *session = rig_session("imsi-1", "kim");

	rig_reconciler.synced = true;
	session->status.state = INTENT_APPLIED;
	session->obj->session.session.fars.item = &far;
	session->obj->session.session.fars.count = 1;
	rig_reading("ports", "[]");
	rig_event("{\"event\":\"error_indication\",\"session\":\"nobody\",\"teid\":119}");
	rig_get("/v1/health", NULL);
	ck_assert(!rig_sent("tunnel_unknown"));
	rig_event("{\"event\":\"error_indication\",\"session\":\"imsi-1\",\"teid\":119,\"peer\":"
		  "\"198.18.3.2\"}");
	rig_mono_us += 1000000;
	rig_get("/v1/health", NULL);
	ck_assert(rig_sent("\"health\":\"tunnel_unknown\",\"well\":false"));
	session->revision++; /* its SMF has modified it */
	rig_mono_us += 1000000;
	rig_get("/v1/health", NULL);
	ck_assert(!rig_sent("tunnel_unknown"));
}
END_TEST

/* ---- topology ---- */

START_TEST(tenants_are_told_of_a_dataplane_that_is_down_and_of_no_more_of_the_box)
{
	rig_reconciler.synced = false;
	rig_reconciler.differing = 3;
	rig_be_tenant("kim"); /* who has no slice yet */
	rig_get("/v1/health", NULL);
	ck_assert(rig_sent("\"well\":true"));
	rig_state = DATAPLANE_DOWN;
	rig_why = "the dataplane refuses sluice-control: uid 7 may not";
	rig_get("/v1/health", NULL);
	ck_assert(rig_sent("{\"health\":\"dataplane_down\",\"well\":false,\"text\":\"the dataplane "
			   "is down\""));
	rig_slice("blue", "kim", "lan0", 10)->status.state = INTENT_APPLIED;
	rig_get("/v1/health", NULL);
	ck_assert(rig_sent("\"text\":\"the dataplane is down; affected: 1 slice\""));
	rig_get("/v1/topology", NULL);
	ck_assert(!rig_sent("uid 7"));
	rig_get("/readyz", NULL);
	ck_assert(rig_sent("the dataplane does not answer"));
	rig_actor = (struct actor){.role = ROLE_NONE};
	rig_get("/readyz", NULL);
	ck_assert(rig_sent("the dataplane does not answer"));
	rig_actor.role = ROLE_OPERATOR;
	rig_get("/readyz", NULL);
	ck_assert(rig_sent("refuses sluice-control: uid 7 may not"));
	rig_get("/v1/health", NULL);
	ck_assert(rig_sent("\"text\":\"the dataplane refuses sluice-control: uid 7 may not; "
			   "affected: 1 site, 1 slice\""));
	rig_why = NULL;
	rig_state = DATAPLANE_UP;
}
END_TEST

START_TEST(topology_has_the_state_of_ports_at_endpoints)
{
	rig_slice("blue", "kim", "lan0", 10);
	rig_reading("ports", "[{\"name\":\"lan0\",\"link\":false}]");
	rig_reading("tunnels", "[{\"name\":\"t\",\"state\":\"up via wan0 198.18.0.2\"}]");
	rig_get("/v1/topology", NULL);
	ck_assert(rig_sent("{\"id\":\"slice:blue\",\"kind\":\"slice\",\"name\":\"blue\","
			   "\"state\":\"pending\""));
	ck_assert(rig_sent("{\"from\":\"slice:blue\",\"to\":\"site:here\",\"kind\":\"endpoint\","
			   "\"state\":\"down\",\"port\":\"lan0\",\"vlan\":10"));
	ck_assert(rig_sent(
		"\"id\":\"tunnel:t\",\"kind\":\"tunnel\",\"name\":\"t\",\"state\":\"up\""));
	json_decref(rig_json());
}
END_TEST

START_TEST(topology_joins_tunnels_to_the_wans_at_both_ends)
{
	rig_wan("gj", "here", "198.18.0.1/24");
	rig_wan("bs", "there", "198.18.0.2/24");
	rig_reading("ports", "[{\"name\":\"gj\",\"link\":true}]");
	rig_reading("tunnels", "[{\"name\":\"gj:bs\",\"state\":\"down: no route\","
			       "\"local\":\"198.18.0.1\",\"remote\":\"198.18.0.2\"}]");
	rig_get("/v1/topology", NULL);
	ck_assert(rig_sent("\"id\":\"wan:gj\",\"kind\":\"wan\",\"name\":\"gj\",\"state\":\"up\""));
	ck_assert(rig_sent(
		"\"id\":\"wan:bs\",\"kind\":\"wan\",\"name\":\"bs\",\"state\":\"unknown\""));
	ck_assert(
		rig_sent("\"from\":\"wan:gj\",\"to\":\"tunnel:gj:bs\",\"kind\":\"local\",\"state\":"
			 "\"down\""));
	ck_assert(rig_sent("\"from\":\"tunnel:gj:bs\",\"to\":\"wan:bs\",\"kind\":\"remote\""));
	json_decref(rig_json());
}
END_TEST

START_TEST(topology_of_a_tenant_has_no_others_and_no_tunnels)
{
	rig_wan("gj", "here", "198.18.0.1/24");
	rig_slice("blue", "kim", "lan0", 10);
	rig_slice("red", "lee", "lan0", 11);
	rig_reading("tunnels", "[{\"name\":\"t\",\"state\":\"up\"}]");
	rig_get("/v1/topology", NULL); /* an operator's, which must not be what the tenant gets */
	ck_assert(rig_sent("red") && rig_sent("tunnel:t"));
	rig_be_tenant("kim");
	rig_get("/v1/topology", NULL);
	ck_assert(rig_sent("slice:blue") && !rig_sent("red") && !rig_sent("lee") &&
		  !rig_sent("tunnel:t"));
	ck_assert(rig_sent("\"to\":\"site:here\"") && rig_sent("\"id\":\"wan:gj\""));
	json_decref(rig_json());
}
END_TEST

/* How many turns of the loop it takes; each does one thing. */
static int turns_until_answered(void)
{
	int turns = 0;

	while (!rig_answer.status && turns < 1000) {
		rig_once();
		turns++;
	}
	ck_assert_int_eq(rig_answer.status, 200);
	return turns;
}

START_TEST(topology_is_made_in_pieces_between_which_the_loop_goes_on)
{
	json_t *whole, *pieces;

	rig_wan("gj", "here", "198.18.0.1/24");
	for (int i = 0; i < 20; i++) {
		char name[8];

		snprintf(name, sizeof(name), "s%02d", i);
		rig_slice(name, i % 2 ? "kim" : "lee", "lan0", i + 1);
	}
	rig_reading("tunnels", "[{\"name\":\"t\",\"state\":\"up\",\"local\":\"198.18.0.1\"}]");
	rig_actor.role = ROLE_VIEWER; /* of nobody: sees all */
	rig_get("/v1/topology", NULL);
	whole = rig_json();
	topology_free(); /* the text that is kept */
	making_bit_us = 0;
	rig_get("/v1/topology", NULL);
	ck_assert_int_eq(rig_answer.status, 0);
	ck_assert_int_ge(turns_until_answered(), 20);
	pieces = rig_json();
	ck_assert_uint_eq(json_array_size(json_object_get(pieces, "nodes")), 20 + 4);
	ck_assert_uint_eq(json_array_size(json_object_get(pieces, "edges")), 20 + 3);
	ck_assert(json_equal(whole, pieces));
	json_decref(whole);
	json_decref(pieces);
}
END_TEST

START_TEST(topology_in_pieces_is_of_the_moment_when_it_was_begun)
{
	struct intent *gone, *born;

	rig_slice("a", "kim", "lan0", 1);
	gone = rig_slice("c", "kim", "lan0", 2);
	rig_slice("d", "kim", "lan0", 3);
	making_bit_us = 0;
	rig_get("/v1/topology", NULL);
	for (int i = 0; i < 4; i++) /* the site is in, and no slice */
		rig_once();
	rig_forget(gone);
	born = rig_slice("b", "kim", "lan0", 4);
	born->revision = 8; /* 7 was the last */
	turns_until_answered();
	ck_assert(rig_sent("slice:a") && rig_sent("slice:d") && !rig_sent("slice:b") &&
		  !rig_sent("slice:c"));
	json_decref(rig_json());
}
END_TEST

START_TEST(topology_in_pieces_may_lose_who_asked)
{
	rig_slice("a", "kim", "lan0", 1);
	making_bit_us = 0;
	rig_be_tenant("kim");
	rig_get("/v1/topology", NULL);
	rig_once();
	rig_client_gone(); /* ASan sees what is left behind */
	rig_turn();
	ck_assert_int_eq(rig_answer.status, 0);
	rig_get("/v1/topology", NULL);
	turns_until_answered();
	ck_assert(rig_sent("slice:a"));
	rig_get("/v1/topology", NULL); /* and at the end of everything it is told so */
	ck_assert_int_eq(rig_answer.status, 0);
	making_stop();
	ck_assert_int_eq(rig_answer.status, 503);
}
END_TEST

/* ---- counters ---- */

START_TEST(counters_have_rates_and_levels_have_none)
{
	rig_reading("port", "{\"wan0\":{\"rx_bytes\":5,\"shaper_queued_bytes\":6}}");
	rig_get("/v1/counters?type=port", NULL);
	ck_assert(rig_sent(
		"\"counters\":{\"port\":{\"wan0\":{\"rx_bytes\":{\"total\":5,\"rate\":12.5},"
		"\"shaper_queued_bytes\":{\"value\":6}}}}"));
}
END_TEST

START_TEST(counters_come_in_pages)
{
	rig_reading("port", "{\"a\":{\"x\":1},\"b\":{\"x\":1},\"c\":{\"x\":1}}");
	rig_get("/v1/counters?type=port&limit=2", NULL);
	ck_assert(rig_sent("\"a\"") && rig_sent("\"next\":{\"port\":\"b\"}") && !rig_sent("\"c\""));
	rig_get("/v1/counters?type=port&limit=2&after=b", NULL);
	ck_assert(!rig_sent("\"b\"") && rig_sent("\"c\"") && !rig_sent("next"));
	rig_get("/v1/counters?type=port&limit=2&after=aa", NULL); /* one that has gone */
	ck_assert(
		!rig_sent("\"a\"") && rig_sent("\"b\"") && rig_sent("\"c\"") && !rig_sent("next"));
	rig_get("/v1/counters?limit=3", NULL);
	ck_assert(rig_sent("\"c\"") && !rig_sent("next"));
}
END_TEST

START_TEST(counters_of_one_object_or_404)
{
	rig_reading("port", "{\"a\":{\"x\":1}}");
	rig_get("/v1/counters?type=port&key=a", NULL);
	ck_assert_int_eq(rig_answer.status, 200);
	rig_get("/v1/counters?type=port&key=b", NULL);
	ck_assert_int_eq(rig_answer.status, 404);
	rig_get("/v1/counters?key=a", NULL);
	ck_assert_int_eq(rig_answer.status, 400);
}
END_TEST

START_TEST(counters_of_a_tenant_are_its_slices_and_sessions)
{
	rig_slice("blue", "kim", "lan0", 10);
	rig_slice("red", "lee", "lan0", 11);
	rig_session("imsi-1", "kim");
	rig_session("imsi-2", "lee");
	rig_reading("slice", "{\"blue\":{\"x\":1},\"red\":{\"x\":2}}");
	rig_reading("attachment", "{\"blue:lan0.10\":{\"x\":1},\"red:lan0.11\":{\"x\":2}}");
	rig_reading("port", "{\"lan0\":{\"x\":1}}");
	rig_reading("session", "{\"objects\":{\"imsi-1\":{\"ul_bytes\":3}}}");
	rig_be_tenant("kim");
	rig_get("/v1/counters", NULL);
	ck_assert(rig_sent("\"blue\"") && rig_sent("\"blue:lan0.10\"") && !rig_sent("red"));
	ck_assert(!rig_sent("\"port\"") && !rig_sent("\"lan0\""));
	rig_get("/v1/counters?type=slice&key=red", NULL);
	ck_assert_int_eq(rig_answer.status, 404);
	rig_get("/v1/counters?type=port", NULL);
	ck_assert(!rig_sent("\"lan0\""));
	rig_get("/v1/counters?type=session&key=imsi-1", NULL);
	ck_assert_int_eq(rig_answer.status, 200);
	ck_assert(rig_sent("\"ul_bytes\":3"));
	rig_get("/v1/counters?type=session&key=imsi-2", NULL);
	ck_assert_int_eq(rig_answer.status, 404);
	rig_get("/v1/counters?type=session", NULL);
	ck_assert_int_eq(rig_answer.status, 400);
	rig_state = DATAPLANE_DOWN;
	rig_get("/v1/counters?type=session&key=imsi-1", NULL);
	ck_assert_int_eq(rig_answer.status, 503);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("views");
	TCase *tcase = tcase_create("views");

	tcase_add_checked_fixture(tcase, rig_start, rig_stop);
	tcase_add_test(tcase, status_counts_intents_by_state);
	tcase_add_test(tcase, kernel_tells_operators_what_is_refused);
	tcase_add_test(tcase, status_says_hung_of_one_that_owes_an_answer_for_long);
	tcase_add_test(tcase, status_is_made_at_most_ten_times_a_second);
	tcase_add_test(tcase, status_tells_of_xdp_where_there_is_such_a_port);
	tcase_add_test(tcase, session_whose_peer_does_not_know_its_teid_is_not_well);
	tcase_add_test(tcase, health_names_causes_and_counts_what_rests_on_them);
	tcase_add_test(
		tcase, tenants_are_told_of_a_dataplane_that_is_down_and_of_no_more_of_the_box);
	tcase_add_test(tcase, topology_has_the_state_of_ports_at_endpoints);
	tcase_add_test(tcase, topology_joins_tunnels_to_the_wans_at_both_ends);
	tcase_add_test(tcase, topology_of_a_tenant_has_no_others_and_no_tunnels);
	tcase_add_test(tcase, topology_is_made_in_pieces_between_which_the_loop_goes_on);
	tcase_add_test(tcase, topology_in_pieces_is_of_the_moment_when_it_was_begun);
	tcase_add_test(tcase, topology_in_pieces_may_lose_who_asked);
	tcase_add_test(tcase, counters_have_rates_and_levels_have_none);
	tcase_add_test(tcase, counters_come_in_pages);
	tcase_add_test(tcase, counters_of_one_object_or_404);
	tcase_add_test(tcase, counters_of_a_tenant_are_its_slices_and_sessions);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
