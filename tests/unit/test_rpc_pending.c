/* SPDX-License-Identifier: BSD-3-Clause */
/* Groups of the kernel that are refused, or give way, with `keep`: they come into force by
 * themselves when what stood in their way is gone. */
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fakes.h"
#include "rpc_client.h"
#include "sync_pending.h"

#define INTENT(groups) CALL("sync", "{'source':'intent','mode':'merge','groups':[" groups "]}")
#define KERNEL(groups)                                                                             \
	CALL("sync", "{'source':'kernel','mode':'merge','keep':true,'groups':[" groups "]}")
#define GROUP(owner, objects) "{'owner':'" owner "','revision':7,'objects':{" objects "}}"
#define GONE(owner)	      "{'owner':'" owner "'}"
#define SLICE		      GROUP("slice s", "'slice':[{'name':'s','vni':7}]," ATTACHMENT)
#define ATTACHMENT	      "'attachment':[{'name':'s:p0','slice':'s','port':'p0','vlan':9}]"
#define MAC(n)		      "'mac':[{'slice':'s','mac':'02:00:00:00:00:0" n "','attachment':'s:p0'}]"
#define TUNNEL(name, remote)                                                                       \
	"'tunnel':[{'name':'" name "','encap':'vxlan','local':'198.18.0.1','remote':'" remote "'}" \
	"]"

static void run_all(void)
{
	for (int i = 0; i < 100 && pending_run(); i++)
		;
}

static bool is_there(const char *type, const char *key)
{
	json_t *answer = ask(CALL("get", "{'type':'%s','key':'%s'}"), type, key);
	bool is = json_object_get(answer, "result") != NULL;

	json_decref(answer);
	return is;
}

/* As it is listed; "": it is in force. */
static const char *reason_of(const char *owner, const char *field)
{
	json_t *answer = ask(CALL("groups", "{'source':'kernel','limit':10000}")), *one;
	static char text[200];
	size_t i;

	strcpy(text, "there is no such group");
	json_array_foreach (json_object_get(json_object_get(answer, "result"), "groups"), i, one)
		if (!strcmp(json_string_value(json_object_get(one, "owner")), owner))
			snprintf(text, sizeof(text), "%s",
				json_string_value(json_object_get(one, field)) ?: "");
	json_decref(answer);
	return text;
}

START_TEST(what_names_what_is_not_there_comes_with_it)
{
	json_t *answer = ask(KERNEL(GROUP("m1", MAC("1")) "," GROUP("m2", MAC("2"))));

	EXPECT(json_incref(answer), "result.groups.0.verdict", "refused");
	EXPECT(answer, "result.groups.1.waits", "slice s");
	ck_assert_str_eq(reason_of("m1", "waits"), "slice s");
	EXPECT(ask(CALL("groups", "{'source':'kernel'}")), "result.groups.0.revision", "7");
	OK(ask(INTENT(SLICE)));
	run_all();
	ck_assert(is_there("mac", "s 02:00:00:00:00:01") && is_there("mac", "s 02:00:00:00:00:02"));
	ck_assert_str_eq(reason_of("m1", "reason"), "");
	/* and goes with it, and is there again */
	for (int i = 0; i < 3; i++) {
		EXPECT(ask(INTENT(GONE("slice s"))), "result.groups.0.verdict", "applied");
		run_all();
		ck_assert(!is_there("mac", "s 02:00:00:00:00:01"));
		ck_assert_str_eq(reason_of("m1", "waits"), "attachment s:p0");
		OK(ask(INTENT(SLICE)));
		run_all();
		ck_assert(is_there("mac", "s 02:00:00:00:00:01"));
	}
	/* what waits is given up by its source */
	OK(ask(INTENT(GONE("slice s"))));
	OK(ask(KERNEL(GONE("m1") "," GONE("m2"))));
	EXPECT(ask(CALL("groups", "{'source':'kernel'}")), "result.groups.0.owner", "");
	OK(ask(INTENT(SLICE)));
	run_all();
	ck_assert(!is_there("mac", "s 02:00:00:00:00:01"));
}
END_TEST

START_TEST(what_gave_way_in_a_conflict_comes_back)
{
	OK(ask(KERNEL(GROUP("t1", TUNNEL("evpn", "198.18.0.7")))));
	EXPECT(ask(INTENT(GROUP("a", TUNNEL("mine", "198.18.0.7")))), "result.gave_way.0.owner",
		"t1");
	run_all();
	ck_assert(!is_there("tunnel", "evpn"));
	ck_assert_str_eq(reason_of("t1", "waits"), "");
	ck_assert_str_ne(reason_of("t1", "reason"), "");
	EXPECT(ask(CALL("groups", "{'source':'kernel'}")), "result.groups.0.revision", "7");
	OK(ask(INTENT(GONE("a"))));
	run_all();
	ck_assert(is_there("tunnel", "evpn"));
	ck_assert_str_eq(reason_of("t1", "reason"), "");
}
END_TEST

START_TEST(what_was_said_before_goes_when_what_is_said_now_is_refused)
{
	OK(ask(INTENT(GROUP("a", TUNNEL("mine", "198.18.0.7")))));
	OK(ask(KERNEL(GROUP("t1", TUNNEL("evpn", "198.18.0.8")))));
	ck_assert(is_there("tunnel", "evpn"));
	EXPECT(ask(KERNEL(GROUP("t1", TUNNEL("evpn", "198.18.0.7")))), "result.groups.0.verdict",
		"refused");
	ck_assert(!is_there("tunnel", "evpn"));
	OK(ask(INTENT(GONE("a"))));
	run_all();
	ck_assert(is_there("tunnel", "evpn"));
}
END_TEST

/* An intent stands on it. */
START_TEST(what_cannot_go_goes_later)
{
	OK(ask(KERNEL(GROUP("t1", TUNNEL("evpn", "198.18.0.8")))));
	OK(ask(INTENT(GROUP("h", "'slice':[{'name':'s','vni':7}],'member':[{'slice':'s','tunnel':"
				 "'evpn'}]"))));
	EXPECT(ask(KERNEL(GONE("t1"))), "result.groups.0.verdict", "refused");
	for (int i = 0; i < 3; i++)
		run_all();
	ck_assert(is_there("tunnel", "evpn"));
	ck_assert_str_ne(reason_of("t1", "reason"), "");
	OK(ask(INTENT(GONE("h"))));
	run_all();
	ck_assert(!is_there("tunnel", "evpn"));
	EXPECT(ask(CALL("groups", "{'source':'kernel'}")), "result.groups.0.owner", "");
}
END_TEST

#define HOLDS_TUNNEL                                                                               \
	GROUP("h", "'slice':[{'name':'s','vni':7}],'member':[{'slice':'s','tunnel':'evpn'}]")
#define LETS_TUNNEL_GO GROUP("h", "'slice':[{'name':'s','vni':7}]")

/* What it said first is still in force, as an intent stands on it, when it has to give way: what
 * comes back later is what it said last. */
START_TEST(what_gives_way_keeps_what_it_said_last)
{
	OK(ask(KERNEL(GROUP("t1", TUNNEL("evpn", "198.18.0.7")))));
	OK(ask(INTENT(HOLDS_TUNNEL "," GROUP("b", TUNNEL("busy", "198.18.0.9")))));
	EXPECT(ask(KERNEL(GROUP("t1", TUNNEL("evpn", "198.18.0.9")))), "result.groups.0.verdict",
		"refused");
	run_all();
	ck_assert(is_there("tunnel", "evpn"));
	OK(ask(INTENT(LETS_TUNNEL_GO "," GROUP("m", TUNNEL("mine", "198.18.0.7")))));
	run_all();
	OK(ask(INTENT(GONE("m") "," GONE("b"))));
	run_all();
	EXPECT(ask(CALL("get", "{'type':'tunnel','key':'evpn'}")), "result.remote", "198.18.0.9");
}
END_TEST

START_TEST(what_is_to_go_does_not_come_back_when_it_gives_way)
{
	OK(ask(KERNEL(GROUP("t1", TUNNEL("evpn", "198.18.0.7")))));
	OK(ask(INTENT(HOLDS_TUNNEL)));
	EXPECT(ask(KERNEL(GONE("t1"))), "result.groups.0.verdict", "refused");
	OK(ask(INTENT(LETS_TUNNEL_GO "," GROUP("m", TUNNEL("mine", "198.18.0.7")))));
	run_all();
	OK(ask(INTENT(GONE("m"))));
	run_all();
	ck_assert(!is_there("tunnel", "evpn"));
	EXPECT(ask(CALL("groups", "{'source':'kernel'}")), "result.groups.0.owner", "");
}
END_TEST

START_TEST(one_that_goes_leaves_room_for_one_that_was_refused)
{
	OK(ask(INTENT(
		GROUP("slice s", "'slice':[{'name':'s','vni':7,'max_macs':2}]," ATTACHMENT))));
	OK(ask(KERNEL(GROUP("m1", MAC("1")) "," GROUP("m2", MAC("2")))));
	EXPECT(ask(KERNEL(GROUP("m3", MAC("3")))), "result.groups.0.verdict", "refused");
	run_all();
	ck_assert(!is_there("mac", "s 02:00:00:00:00:03"));
	OK(ask(KERNEL(GONE("m1"))));
	run_all();
	ck_assert(is_there("mac", "s 02:00:00:00:00:03"));
}
END_TEST

#define MANY 2500

/* MACs of the slice s, in groups of their own. */
static void say_macs(int count)
{
	json_t *groups = json_array(), *request;
	char *text;

	for (int i = 0; i < count; i++)
		json_array_append_new(groups,
			json_pack("{s:o, s:{s:[{s:s, s:o, s:s}]}}", "owner", json_sprintf("m%d", i),
				"objects", "mac", "slice", "s", "mac",
				json_sprintf("02:00:00:00:%02x:%02x", i / 256, i % 256),
				"attachment", "s:p0"));
	request = json_pack("{s:s, s:i, s:s, s:{s:s, s:s, s:b, s:o}}", "jsonrpc", "2.0", "id", 1,
		"method", "sync", "params", "source", "kernel", "mode", "merge", "keep", 1,
		"groups", groups);
	text = json_dumps(request, JSON_COMPACT);
	OK(ask("%s", text));
	free(text);
	json_decref(request);
}

/* More than gives way at once: none comes back until the last has gone. */
START_TEST(what_gives_way_by_several_calls_does_not_come_back_between)
{
	const char *verdict;
	int calls = 0;

	OK(ask(INTENT(SLICE)));
	say_macs(MANY);
	do {
		json_t *answer = ask(INTENT(GONE("slice s")));

		run_all();
		verdict = at(answer, "result.groups.0.verdict");
		json_decref(answer);
		calls++;
	} while (!strcmp(verdict, "again") && calls < 10);
	ck_assert_int_eq(calls, 2);
	ck_assert(!is_there("slice", "s"));
	OK(ask(INTENT(SLICE)));
	run_all();
	ck_assert(is_there("mac", "s 02:00:00:00:00:00") && is_there("mac", "s 02:00:00:00:09:c3"));
}
END_TEST

/* A minute later: whatever looks now and then does. */
static int make_due(const struct event_base *at, const struct event *event, void *arg)
{
	if (event_get_fd(event) == -1 && event_get_events(event) & EV_PERSIST)
		event_active((struct event *)event, EV_TIMEOUT, 0);
	return 0;
}

static void minute(void)
{
	event_base_foreach_event(base, make_due, NULL);
	turn();
}

/* Some have gone, the rest would be next; and then they need not. */
START_TEST(what_gives_way_in_vain_by_several_calls_comes_back)
{
	OK(ask(INTENT(SLICE)));
	say_macs(MANY);
	EXPECT(ask(INTENT(GONE("slice s"))), "result.groups.0.verdict", "again");
	run_all();
	ck_assert_str_eq(reason_of("m0", "waits"), "attachment s:p0");
	if (_i == 0)
		OK(ask(INTENT(SLICE))); /* as it is */
	else
		minute(); /* nobody says any more of it */
	run_all();
	ck_assert_str_eq(reason_of("m0", "reason"), "");
	ck_assert(is_there("mac", "s 02:00:00:00:00:00") && is_there("mac", "s 02:00:00:00:07:cf"));
}
END_TEST

/* By the loop alone, however many wait. */
START_TEST(all_that_waits_for_one_comes_with_it)
{
	say_macs(MANY);
	OK(ask(INTENT(SLICE)));
	for (int i = 0; i < 1000 && !is_there("mac", "s 02:00:00:00:09:c3"); i++)
		turn();
	ck_assert(is_there("mac", "s 02:00:00:00:00:00") && is_there("mac", "s 02:00:00:00:09:c3"));
}
END_TEST

#define SLICE_OF(name, vni, macs)                                                                  \
	GROUP("slice " name, "'slice':[{'name':'" name "','vni':" vni ",'max_macs':" macs          \
			     "}],'attachment':[{'name':'" name ":p0','slice':'" name               \
			     "','port':'p0','vlan':" vni "}]")

/* More than are tried at once: those that come in are followed by the others. */
START_TEST(room_for_many_is_filled)
{
	OK(ask(INTENT(SLICE_OF("s", "9", "2"))));
	say_macs(300);
	run_all();
	ck_assert(!is_there("mac", "s 02:00:00:00:01:2b"));
	OK(ask(INTENT(SLICE_OF("s", "9", "1000"))));
	run_all();
	for (int i = 0; i < 300; i++) {
		char key[40];

		snprintf(key, sizeof(key), "s 02:00:00:00:%02x:%02x", i / 256, i % 256);
		ck_assert_msg(is_there("mac", key), "%s", key);
	}
}
END_TEST

/* Room that no object has made, as when MACs that were learned are forgotten: all are tried, also
 * behind many for which there is none. */
START_TEST(room_that_nobody_tells_of_is_found)
{
	OK(ask(INTENT(SLICE_OF("s", "9", "1") "," SLICE_OF("u", "10", "1"))));
	fakes.fdb_limit = 1;
	say_macs(300);
	OK(ask(KERNEL(GROUP(
		"u1", "'mac':[{'slice':'u','mac':'02:00:00:00:00:01','attachment':'u:p0'}]"))));
	run_all();
	fakes.fdb_limit = 1000;
	run_all();
	ck_assert(!is_there("mac", "u 02:00:00:00:00:01"));
	minute();
	run_all();
	ck_assert(is_there("mac", "u 02:00:00:00:00:01"));
}
END_TEST

#define MAC_OF(slice, n)                                                                           \
	GROUP(slice n, "'mac':[{'slice':'" slice "','mac':'02:00:00:00:00:0" n                     \
		       "','attachment':'" slice ":p0'}]")

/* Before and behind many for which there is none. */
START_TEST(room_is_found_by_whom_it_is_for)
{
	OK(ask(INTENT(SLICE_OF("s", "9", "1") "," SLICE_OF("u", "10", "1") "," SLICE_OF(
		"v", "11", "1"))));
	OK(ask(KERNEL(MAC_OF("u", "1"))));
	OK(ask(KERNEL(MAC_OF("u", "2"))));
	say_macs(200);
	OK(ask(KERNEL(MAC_OF("v", "1"))));
	OK(ask(KERNEL(MAC_OF("v", "2"))));
	run_all();
	ck_assert(!is_there("mac", "u 02:00:00:00:00:02"));
	ck_assert(!is_there("mac", "v 02:00:00:00:00:02"));
	OK(ask(KERNEL(GONE("u1") "," GONE("v1"))));
	for (int i = 0; i < 10; i++) {
		run_all();
		OK(ask(INTENT(GROUP("x", TUNNEL("x", "198.18.0.7")))));
		OK(ask(INTENT(GONE("x"))));
	}
	ck_assert(is_there("mac", "u 02:00:00:00:00:02"));
	ck_assert(is_there("mac", "v 02:00:00:00:00:02"));
}
END_TEST

/* An intent that would need the room of what gave way, and is not there after all. */
START_TEST(what_gave_way_for_nothing_comes_back)
{
	OK(ask(INTENT(SLICE)));
	OK(ask(KERNEL(GROUP("m1", MAC("1")))));
	EXPECT(ask(INTENT(GROUP("slice s", "'slice':[{'name':'s','vni':100}]," ATTACHMENT))),
		"result.groups.0.verdict", "refused");
	run_all();
	ck_assert(is_there("mac", "s 02:00:00:00:00:01"));
	ck_assert_str_eq(reason_of("m1", "reason"), "");
}
END_TEST

static json_t *event(int watcher)
{
	int before = conn;
	json_t *got;

	conn = watcher;
	got = next_json();
	conn = before;
	return got;
}

START_TEST(who_watches_is_told_what_becomes_of_them)
{
	int asking = conn, watcher = dial();
	json_t *answer;

	conn = watcher;
	OK(ask(CALL("watch", "{'events':['groups']}")));
	conn = asking;
	/* its own answer has told the source of this */
	OK(ask(KERNEL(GROUP("m1", MAC("1")))));
	OK(ask(INTENT(SLICE)));
	run_all();
	EXPECT(event(watcher), "params.groups.0.owner", "m1");
	OK(ask(INTENT(GONE("slice s"))));
	EXPECT(event(watcher), "params.groups.0.waits", "attachment s:p0");
	OK(ask(INTENT(SLICE)));
	run_all();
	EXPECT(event(watcher), "params.groups.0.reason", "");
	/* a try that is in vain is no news */
	OK(ask(INTENT(GROUP("a", TUNNEL("mine", "198.18.0.7")))));
	OK(ask(KERNEL(GROUP("t1", TUNNEL("evpn", "198.18.0.7")))));
	for (int i = 0; i < 3; i++) {
		OK(ask(INTENT(GROUP("b", TUNNEL("b", "198.18.0.8")))));
		OK(ask(INTENT(GONE("b"))));
		run_all();
	}
	OK(ask(INTENT(GONE("a"))));
	run_all();
	answer = event(watcher);
	EXPECT(json_incref(answer), "params.groups.0.owner", "t1");
	EXPECT(answer, "params.groups.0.reason", "");
	close(watcher);
}
END_TEST

START_TEST(keep_is_the_kernel_s)
{
	EXPECT(ask(CALL("sync", "{'source':'intent','keep':true,'groups':[]}")), "error.data.path",
		"keep");
	/* without it nothing is kept */
	OK(ask(CALL("sync",
		"{'source':'kernel','mode':'merge','groups':[" GROUP("m1", MAC("1")) "]}")));
	EXPECT(ask(CALL("groups", "{'source':'kernel'}")), "result.groups.0.owner", "");
	EXPECT(ask(CALL("sync", "{'source':'kernel','mode':'merge','keep':true,'check':true,'groups"
				"':[" GROUP("m1", MAC("1")) "]}")),
		"result.groups.0.verdict", "refused");
	EXPECT(ask(CALL("groups", "{'source':'kernel'}")), "result.groups.0.owner", "");
	/* a check changes nothing of that */
	OK(ask(INTENT(SLICE)));
	OK(ask(CALL("sync",
		"{'source':'kernel','mode':'merge','groups':[" GROUP("m1", MAC("1")) "]}")));
	OK(ask(CALL("sync", "{'source':'kernel','mode':'merge','keep':true,'check':true,'groups"
			    "':[" GROUP("m1", MAC("2")) "]}")));
	OK(ask(INTENT(GONE("slice s"))));
	EXPECT(ask(CALL("groups", "{'source':'kernel'}")), "result.groups.0.owner", "");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("rpc_pending");
	TCase *tcase = tcase_create("keep");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_checked_fixture(tcase, furnish, NULL);
	tcase_add_test(tcase, what_names_what_is_not_there_comes_with_it);
	tcase_add_test(tcase, what_gave_way_in_a_conflict_comes_back);
	tcase_add_test(tcase, what_was_said_before_goes_when_what_is_said_now_is_refused);
	tcase_add_test(tcase, what_cannot_go_goes_later);
	tcase_add_test(tcase, what_gives_way_keeps_what_it_said_last);
	tcase_add_test(tcase, what_is_to_go_does_not_come_back_when_it_gives_way);
	tcase_add_test(tcase, one_that_goes_leaves_room_for_one_that_was_refused);
	tcase_add_test(tcase, what_gives_way_by_several_calls_does_not_come_back_between);
	tcase_add_loop_test(tcase, what_gives_way_in_vain_by_several_calls_comes_back, 0, 2);
	tcase_add_test(tcase, all_that_waits_for_one_comes_with_it);
	tcase_add_test(tcase, room_for_many_is_filled);
	tcase_add_test(tcase, room_that_nobody_tells_of_is_found);
	tcase_add_test(tcase, room_is_found_by_whom_it_is_for);
	tcase_add_test(tcase, what_gave_way_for_nothing_comes_back);
	tcase_add_test(tcase, who_watches_is_told_what_becomes_of_them);
	tcase_add_test(tcase, keep_is_the_kernel_s);
	suite_add_tcase(suite, tcase);
	return rpc_test_main(suite);
}
