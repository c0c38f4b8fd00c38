/* SPDX-License-Identifier: BSD-3-Clause */
/* Sessions and own GTP-U addresses over the socket: what is put comes back, what is refused leaves
 * nothing. */
#include <stdio.h>
#include <time.h>

#include "event.h"
#include "fakes.h"
#include "rpc_client.h"
#include "session_texts.h"
#include "types.h"

START_TEST(what_is_put_comes_back_and_can_be_put_again)
{
	json_t *answer, *object;
	char *text;

	furnish_upf();
	answer = ask(PUT(SESSION("s1", "10.60.0.1")));
	EXPECT(json_incref(answer), "result.created", "1");
	EXPECT(json_incref(answer), "result.chosen.0.session", "s1");
	EXPECT(json_incref(answer), "result.chosen.0.pdr", "1");
	EXPECT(answer, "result.chosen.0.teid", "1");
	answer = ask(CALL("get", "{'type':'session','key':'s1'}"));
	EXPECT(json_incref(answer), "result.pdrs.0.teid", "1");
	EXPECT(json_incref(answer), "result.pdrs.0.gtpu", "n3");
	EXPECT(json_incref(answer), "result.pdrs.1.gtpu", "");
	EXPECT(json_incref(answer), "result.fars.1.outer_header",
		"{\"peer\":\"198.18.0.2\",\"teid\":7}");
	EXPECT(json_incref(answer), "result.qers.0.qfi", "9");
	EXPECT(json_incref(answer), "result.urrs.0.measure", "[\"volume\"]");
	object = json_pack("{s:s, s:i, s:s, s:{s:s, s:[O]}}", "jsonrpc", "2.0", "id", 1, "method",
		"put", "params", "type", "session", "objects", json_object_get(answer, "result"));
	text = json_dumps(object, JSON_COMPACT);
	EXPECT(ask("%s", text), "result.unchanged", "1");
	free(text);
	json_decref(object);
	json_decref(answer);
}
END_TEST

/* 0x400000: a door of kind session, index 1 (fdb.h). */
START_TEST(a_mac_behind_an_ethernet_session_names_it)
{
	json_t *answer;

	furnish_upf();
	OK(ask(PUT(SESSION("s1", "10.60.0.1"))));
	fakes_learn(1, "02:00:00:00:00:05", 0x400001);
	answer = ask(CALL("list", "{'type':'mac'}"));
	EXPECT(json_incref(answer), "result.objects.0.session", "s1");
	EXPECT(json_incref(answer), "result.objects.0.attachment", "");
	EXPECT(answer, "result.objects.0.learned", "true");
}
END_TEST

START_TEST(who_puts_again_is_told_the_teid_again)
{
	furnish_upf();
	OK(ask(PUT(SESSION("s1", "10.60.0.1") "," SESSION("s2", "10.60.0.2"))));
	EXPECT(ask(PUT(SESSION("s2", "10.60.0.2"))), "result",
		"{\"chosen\":[{\"pdr\":1,\"session\":\"s2\",\"teid\":2}],\"created\":0,"
		"\"unchanged\":1,\"updated\":0}");
	/* another address: an update, and the TEID stays */
	EXPECT(ask(PUT(SESSION("s2", "10.60.0.3"))), "result",
		"{\"chosen\":[{\"pdr\":1,\"session\":\"s2\",\"teid\":2}],\"created\":0,"
		"\"unchanged\":0,\"updated\":1}");
	EXPECT(ask(CALL("transaction",
		       "{'ops':[{'op':'put','type':'session','objects':[" SESSION("s3",
			       "10.60.0.4") "]},{'op':'delete','type':'session','keys':['s1']}"
					    "]}")),
		"result.chosen.0.teid", "3");
	EXPECT(ask(CALL("get", "{'type':'session','key':'s1'}")), "error.code", "-32001");
}
END_TEST

/* gtpu: the outer header's, or nothing. */
#define SESSION_AT_N4(gtpu)                                                                        \
	PUT("{'name':'s4','slice':'net','ue':{'ipv4':'10.60.0.4'},'pdrs':[{'id':1,'precedence':1," \
	    "'source':'access','gtpu':'n4','far':1},{'id':2,'precedence':1,'source':'core',"       \
	    "'far':2}],'fars':[{'id':1,'action':'forward'},{'id':2,'action':'forward',"            \
	    "'destination':'access','outer_header':{'teid':7,'peer':'198.18.0.2'" gtpu "}}]}")

START_TEST(a_gnb_hears_from_the_address_that_its_session_is_reached_at)
{
	furnish_upf();
	OK(ask(CALL("put", "{'type':'gtpu','objects':[{'name':'n4','address':'198.18.4.1',"
			   "'interface':'access'}]}")));
	OK(ask(SESSION_AT_N4("")));
	EXPECT(ask(CALL("get", "{'type':'session','key':'s4'}")), "result.fars.1.outer_header",
		"{\"peer\":\"198.18.0.2\",\"teid\":7}");
	EXPECT(ask(SESSION_AT_N4(",'gtpu':'n3'")), "result.updated", "1");
	EXPECT(ask(CALL("get", "{'type':'session','key':'s4'}")), "result.fars.1.outer_header.gtpu",
		"n3");
}
END_TEST

/* The whole box as far as rpc and the rooms below can tell. */
static void snapshot(char *text, size_t size)
{
	json_t *list = ask(CALL("list", "{'type':'session'}"));
	char *all = json_dumps(list, JSON_COMPACT | JSON_SORT_KEYS);

	snprintf(text, size, "%d held, %s", fakes.sessions_held, all);
	free(all);
	json_decref(list);
}

START_TEST(a_refused_session_names_the_field_and_leaves_nothing)
{
	char before[4096], after[4096];
	json_t *answer;

	furnish_upf();
	OK(ask(PUT(SESSION("s1", "10.60.0.1") "," SESSION_PUT_TEID)));
	snapshot(before, sizeof(before));
	answer =
		ask(CALL("put", "{'type':'session','objects':[" SESSION("s8", "10.60.0.8") ",%s]}"),
			refused[_i].object);
	if (refused[_i].code)
		EXPECT(json_incref(answer), "error.code", refused[_i].code);
	EXPECT(answer, "error.data.path", refused[_i].path);
	snapshot(after, sizeof(after));
	ck_assert_str_eq(before, after);
	/* in a transaction too, after ops that were right */
	answer = ask(CALL("transaction",
		"{'ops':[{'op':'delete','type':'session','keys':['s1']},{'op':'put',"
		"'type':'session','objects':[" SESSION("s1", "10.60.0.1") "," SESSION(
			"s8", "10.60.0.8") "]},{'op':'put','type':'session','objects':["
					   "{'name':'s9','slice':'net','pdrs':7}]}]}"));
	EXPECT(answer, "error.data.path", "ops[2].objects[0].pdrs");
	snapshot(after, sizeof(after));
	ck_assert_str_eq(before, after);
}
END_TEST

START_TEST(sessions_hold_their_slice_and_own_address)
{
	furnish_upf();
	OK(ask(PUT(SESSION("s1", "10.60.0.1"))));
	EXPECT(ask(CALL("delete", "{'type':'slice','keys':['net']}")), "error.data.by",
		"session s1");
	EXPECT(ask(CALL("put", "{'type':'slice','objects':[{'name':'net','vni':300}]}")),
		"error.data.path", "objects[0].kind");
	EXPECT(ask(CALL("delete", "{'type':'gtpu','keys':['n3']}")), "error.data.by", "session s1");
	EXPECT(ask(CALL("put", "{'type':'gtpu','objects':[{'name':'n3','address':'198.18.0.9',"
			       "'interface':'access'}]}")),
		"error.data.path", "objects[0].address");
	EXPECT(ask(CALL("put", "{'type':'gtpu','objects':[{'name':'n3','address':'198.18.0.1',"
			       "'interface':'access','ttl':32}]}")),
		"result.updated", "1");
	OK(ask(CALL("delete", "{'type':'gtpu','keys':['n9']}")));
	/* they go with the last session, in the same transaction */
	EXPECT(ask(CALL("transaction",
		       "{'ops':[{'op':'delete','type':'session','keys':['s1']},{'op':'delete',"
		       "'type':'gtpu','keys':['n3']},{'op':'delete','type':'slice','keys':['net']}]"
		       "}")),
		"result.deleted", "3");
	ck_assert_int_eq(fakes.gtpus_held, 1);
	ck_assert_int_eq(fakes.sessions_held, 0);
}
END_TEST

/* Packets to a peer that nobody has named before would be dropped until it has a path. */
START_TEST(a_transaction_commits_its_sessions_together)
{
	int before;

	furnish_upf();
	before = fakes.resolves;
	OK(ask(CALL("transaction",
		"{'ops':[{'op':'put','type':'session','objects':[" SESSION("s1",
			"10.60.0.1") "]},{'op':'put','type':'slice','objects':[{'name':"
				     "'new','vni':400,'kind':'l3'}]},{'op':'put','type':"
				     "'session','objects':[" SESSION("s2", "10.60.0.2") "]}]}")));
	ck_assert_int_eq(fakes.session_commits, 1);
	ck_assert_int_gt(fakes.resolves_before_sessions, before);
}
END_TEST

START_TEST(own_addresses_are_nobody_elses)
{
	furnish_upf();
	EXPECT(ask(CALL("put", "{'type':'gtpu','objects':[{'name':'n3b','address':'198.18.0.1',"
			       "'interface':'core'}]}")),
		"error.data.with", "gtpu n3");
	EXPECT(ask(CALL("put", "{'type':'gtpu','objects':[{'name':'n','address':'224.0.0.1',"
			       "'interface':'core'}]}")),
		"error.data.path", "objects[0].address");
	EXPECT(ask(CALL("put", "{'type':'tunnel','objects':[{'name':'t','encap':'vxlan','local':"
			       "'198.18.0.1','remote':'198.18.0.2','dst_port':2152}]}")),
		"error.data.with", "gtpu n3");
	EXPECT(ask(CALL("put", "{'type':'gtpu','objects':[{'name':'n3','address':'198.18.0.7',"
			       "'interface':'core'}]}")),
		"result.updated", "1");
}
END_TEST

#define PUT_TUNNEL                                                                                 \
	CALL("put", "{'type':'tunnel','objects':[{'name':'t','encap':%s,'remote':'198.18.5.2',"    \
		    "'dst_port':%u}]}")

/* Nothing in a packet says whether it is VXLAN or GTP-U but its port: one is one thing, also at
 * another address. */
START_TEST(gtp_us_port_is_no_tunnels)
{
	static const char *const tunnel[] = {"'vxlan','local':'198.18.0.1'",
		"'vxlan','local':'198.18.5.1'", "'geneve','local':'198.18.5.1'"};

	furnish_upf();
	for (int i = 0; i < 3; i++) {
		EXPECT(ask(PUT_TUNNEL, tunnel[i], 2152), "error.data.path", "objects[0].dst_port");
		OK(ask(PUT_TUNNEL, tunnel[i], 4789)); /* nor is one moved there */
		EXPECT(ask(PUT_TUNNEL, tunnel[i], 2152), "error.data.path", "objects[0].dst_port");
		OK(ask(CALL("delete", "{'type':'tunnel','keys':['t']}")));
	}
	EXPECT(ask(CALL("delete", "{'type':'gtpu','keys':['n3','n9','n3v6']}")), "result.deleted",
		"3");
	OK(ask(PUT_TUNNEL, tunnel[1], 2152));
	EXPECT(ask(CALL("put", "{'type':'gtpu','objects':[{'name':'n','address':'198.18.0.1',"
			       "'interface':'core'}]}")),
		"error.data.with", "tunnel t");
	/* one transaction may take it from the one and give it to the other */
	OK(ask(CALL("transaction",
		"{'ops':[{'op':'delete','type':'tunnel','keys':['t']},{'op':'put','type':'gtpu',"
		"'objects':[{'name':'n','address':'198.18.0.1','interface':'core'}]}]}")));
}
END_TEST

START_TEST(stats_count_sessions_and_their_urrs)
{
	furnish_upf();
	OK(ask(PUT(SESSION("s1", "10.60.0.1") "," SESSION("s2", "10.60.0.2"))));
	EXPECT(ask(CALL("stats", "{'type':'session','keys':['s2']}")), "result.objects",
		"{\"s2\":{\"dl_bytes\":200,\"dl_packets\":2,\"dropped\":3,\"held\":0,\"ul_bytes\":"
		"200,"
		"\"ul_packets\":2,\"urrs\":{\"1\":{\"dl_bytes\":20,\"dl_packets\":2,"
		"\"total_bytes\":30,\"total_packets\":3,\"ul_bytes\":10,\"ul_packets\":1}}}}");
	EXPECT(ask(CALL("stats", "{'type':'session'}")), "result.objects.s1.ul_bytes", "100");
	EXPECT(ask(CALL("stats", "{'type':'session','keys':['s2','s3']}")), "error.data.path",
		"keys[1]");
}
END_TEST

START_TEST(list_finds_by_name_slice_and_ue)
{
	furnish_upf();
	OK(ask(PUT(SESSION("s1", "10.60.0.1") "," SESSION("s2", "10.60.0.2"))));
	EXPECT(ask(CALL("list", "{'type':'session','match':{'name':'s2'}}")),
		"result.objects.0.name", "s2");
	EXPECT(ask(CALL("list", "{'type':'session','match':{'ue':{'ipv4':'10.60.0.2'}}}")),
		"result.objects.0.name", "s2");
	EXPECT(ask(CALL("list", "{'type':'session','match':{'slice':'edge'}}")), "result.objects",
		"[]");
	EXPECT(ask(CALL("list", "{'type':'session','limit':1}")), "result.objects.0.name", "s1");
	EXPECT(ask(CALL("delete", "{'type':'session','keys':['s1','s2']}")), "result.deleted", "2");
	EXPECT(ask(CALL("delete", "{'type':'session','keys':['s1']}")), "error.code", "-32001");
	EXPECT(ask(CALL("delete", "{'type':'session','keys':['s1'],'missing_ok':true}")),
		"result.deleted", "0");
}
END_TEST

START_TEST(watchers_are_told_all_of_a_report)
{
	struct upf_event usage = {.kind = UPF_USAGE,
		.session = "s1",
		.usage = {7, 3, USAGE_VOLUME_THRESHOLD | USAGE_TERMINATION, 1, 2, 3, UINT64_MAX / 4,
			60, 1000, 1060}};
	struct upf_event data = {
		.kind = UPF_DOWNLINK_DATA, .session = "s1", .downlink_data = {2, 5}};
	struct upf_event path = {.kind = UPF_PATH_DOWN, .path = {1, {4, 32, {198, 18, 0, 2}}}};
	struct upf_event error = {.kind = UPF_ERROR_INDICATION,
		.session = "s1",
		.error = {0xffffffff, {4, 32, {198, 18, 0, 2}}}};

	furnish_upf();
	upf_on_event(&usage); /* nobody watches */
	EXPECT(ask(CALL("watch", "{'events':['usage','downlink_data','path','error_indication']}")),
		"result.watching",
		"[\"usage\",\"downlink_data\",\"path.up\",\"path.down\",\"error_indication\"]");
	upf_on_event(&usage);
	upf_on_event(&data);
	upf_on_event(&path);
	upf_on_event(&error);
	EXPECT(next_json(), "params",
		"{\"dl_bytes\":4611686018427387903,\"dl_packets\":3,\"duration_s\":60,"
		"\"end_unix_s\":1060,\"event\":\"usage\",\"sequence\":3,\"session\":\"s1\","
		"\"start_unix_s\":1000,\"total_bytes\":4611686018427387905,\"total_packets\":4,"
		"\"ul_bytes\":2,\"ul_packets\":1,\"urr_id\":7,"
		"\"why\":[\"volume_threshold\",\"termination\"]}");
	EXPECT(next_json(), "params",
		"{\"event\":\"downlink_data\",\"packets\":5,\"pdr_id\":2,\"session\":\"s1\"}");
	EXPECT(next_json(), "params",
		"{\"event\":\"path.down\",\"gtpu\":\"n3\",\"peer\":\"198.18.0.2\"}");
	EXPECT(next_json(), "params",
		"{\"event\":\"error_indication\",\"peer\":\"198.18.0.2\",\"session\":\"s1\","
		"\"teid\":4294967295}");
}
END_TEST

/* A batch of sessions that goes at once reports at once: all of it arrives, and making it takes the
 * main thread no time to speak of. */
START_TEST(fifty_thousand_reports_at_once_reach_a_watcher)
{
	struct upf_event usage = {
		.kind = UPF_USAGE, .session = "s1", .usage = {.why = USAGE_TERMINATION}};
	struct timespec from, to;
	double seconds;

	OK(ask(CALL("watch", "{'events':['usage']}")));
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
	for (int i = 0; i < 50000; i++) {
		usage.usage.sequence = i;
		upf_on_event(&usage);
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
	seconds = to.tv_sec - from.tv_sec + (to.tv_nsec - from.tv_nsec) / 1e9;
	fprintf(stderr, "50,000 reports: %.3f s\n", seconds);
	ck_assert_double_lt(seconds, 2.0);
	for (int i = 0; i < 50000; i += i < 49000 ? 1000 : 1) {
		json_t *event = next_json();
		char want[16];

		for (int skip = 1; i < 49000 && skip < 1000; skip++)
			free(next_line());
		sprintf(want, "%d", i);
		EXPECT(event, "params.sequence", want);
	}
}
END_TEST

/* Seconds of CPU: neighbours on the machine do not count. */
static double since(const struct timespec *from)
{
	struct timespec to;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
	return to.tv_sec - from->tv_sec + (to.tv_nsec - from->tv_nsec) / 1e9;
}

/* What rpc costs of a session, with next to nothing behind it. */
START_TEST(sessions_by_the_ten_thousand)
{
	const int n = 10000;
	char *text = malloc(n * 800 + 200), *end = text;
	double put, list = 0, gone;
	struct timespec from;
	int listed = 0;

	furnish_upf();
	fakes.check_taken = false;
	end += sprintf(end, "%s",
		"{'jsonrpc':'2.0','id':1,'method':'put','params':{'type':'session','objects':[");
	for (int i = 0; i < n; i++)
		end += sprintf(end,
			"%s{'name':'imsi-%06d','slice':'net','ue':{'ipv4':'10.60.%d.%d'},'pdrs':"
			"[" PDR_UL "," PDR_DL "]," FARS "," QERS "," URRS "}",
			i ? "," : "", i, i >> 8, i & 255);
	end += sprintf(end, "]}}\n");
	for (char *c = text; c < end; c++)
		*c = *c == '\'' ? '"' : *c;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
	send_all(conn, text, end - text);
	EXPECT(next_json(), "result.created", "10000");
	put = since(&from);
	for (json_t *page = NULL;;) {
		char cursor[64];

		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
		strcpy(cursor, page ? at(page, "result.cursor") : "");
		json_decref(page);
		if (listed && !*cursor)
			break;
		end = text + sprintf(text,
				     CALL("list", "{'type':'session','limit':1000%s%s%s}") "\n",
				     listed ? ",'cursor':'" : "", cursor, listed ? "'" : "");
		for (char *c = text; c < end; c++)
			*c = *c == '\'' ? '"' : *c;
		send_all(conn, text, end - text);
		char *line = next_line();

		list += since(&from);
		page = json_loads(line, 0, NULL);
		free(line);
		listed += json_array_size(
			json_object_get(json_object_get(page, "result"), "objects"));
	}
	ck_assert_int_eq(listed, n);
	end = text + sprintf(text, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"delete\",\"params\":"
				   "{\"type\":\"session\",\"keys\":[");
	for (int i = 0; i < n; i++)
		end += sprintf(end, "%s\"imsi-%06d\"", i ? "," : "", i);
	end += sprintf(end, "]}}\n");
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
	send_all(conn, text, end - text);
	EXPECT(next_json(), "result.deleted", "10000");
	gone = since(&from);
	fprintf(stderr, "%d sessions: put %.3f s, list %.3f s, delete %.3f s\n", n, put, list,
		gone);
#if !defined(__SANITIZE_ADDRESS__)
	ck_assert_double_lt(put, 1.0);
	ck_assert_double_lt(list, 1.0);
	ck_assert_double_lt(gone, 1.0);
#endif
	free(text);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("rpc_sessions");
	TCase *tcase = tcase_create("sessions");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, what_is_put_comes_back_and_can_be_put_again);
	tcase_add_test(tcase, who_puts_again_is_told_the_teid_again);
	tcase_add_test(tcase, a_gnb_hears_from_the_address_that_its_session_is_reached_at);
	tcase_add_loop_test(tcase, a_refused_session_names_the_field_and_leaves_nothing, 0,
		sizeof(refused) / sizeof(refused[0]));
	tcase_add_test(tcase, sessions_hold_their_slice_and_own_address);
	tcase_add_test(tcase, a_transaction_commits_its_sessions_together);
	tcase_add_test(tcase, own_addresses_are_nobody_elses);
	tcase_add_test(tcase, gtp_us_port_is_no_tunnels);
	tcase_add_test(tcase, stats_count_sessions_and_their_urrs);
	tcase_add_test(tcase, list_finds_by_name_slice_and_ue);
	tcase_add_test(tcase, watchers_are_told_all_of_a_report);
	tcase_add_test(tcase, a_mac_behind_an_ethernet_session_names_it);
	tcase_add_test(tcase, fifty_thousand_reports_at_once_reach_a_watcher);
	tcase_add_test(tcase, sessions_by_the_ten_thousand);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	return rpc_test_main(suite);
}
