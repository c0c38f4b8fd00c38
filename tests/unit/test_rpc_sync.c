/* SPDX-License-Identifier: BSD-3-Clause */
/* sync: groups are all or nothing each, the strongest source is in force, and what it hides comes
 * back; what the kernel says gives way. */
#include <stdio.h>

#include "fakes.h"
#include "rpc_client.h"

#define SYNC(source, groups)                                                                       \
	CALL("sync", "{'source':'" source "','mode':'merge','groups':[" groups "]}")
#define GROUP(owner, objects) "{'owner':'" owner "','objects':{" objects "}}"
#define SLICE(name, vni)      "'slice':[{'name':'" name "','vni':" vni "}]"

static const char *vni_of(const char *slice)
{
	json_t *answer = ask(CALL("get", "{'type':'slice','key':'%s'}"), slice);
	static char text[32];

	snprintf(text, sizeof(text), "%lld",
		(long long)json_integer_value(
			json_object_get(json_object_get(answer, "result"), "vni")));
	json_decref(answer);
	return text;
}

static int groups_of(const char *source)
{
	json_t *answer = ask(CALL("groups", "{'source':'%s'}"), source);
	int count =
		(int)json_array_size(json_object_get(json_object_get(answer, "result"), "groups"));

	json_decref(answer);
	return count;
}

START_TEST(groups_come_change_and_go)
{
	json_t *answer;

	answer = ask(SYNC(
		"intent", GROUP("slice a", SLICE("a", "1")) "," GROUP("slice b", SLICE("b", "2"))));
	EXPECT(json_incref(answer), "result.groups.0.verdict", "applied");
	EXPECT(answer, "result.groups.1.owner", "slice b");
	ck_assert_int_eq(groups_of("intent"), 2);
	OK(ask(SYNC("intent", GROUP("slice a", SLICE("a", "3")))));
	ck_assert_str_eq(vni_of("a"), "3");
	ck_assert_str_eq(vni_of("b"), "2");
	/* without objects it goes */
	OK(ask(SYNC("intent", "{'owner':'slice a'}")));
	EXPECT(ask(CALL("get", "{'type':'slice','key':'a'}")), "error.code", "-32001");
	ck_assert_int_eq(groups_of("intent"), 1);
	/* replace: what is not named goes, and it is the default */
	EXPECT(ask(CALL("sync",
		       "{'source':'intent','groups':[" GROUP("slice c", SLICE("c", "4")) "]}")),
		"result.groups.0.verdict", "applied");
	EXPECT(ask(CALL("get", "{'type':'slice','key':'b'}")), "error.code", "-32001");
	ck_assert_int_eq(groups_of("intent"), 1);
}
END_TEST

START_TEST(a_revision_is_the_source_s_own_and_pages_go_on)
{
	json_t *answer;

	OK(ask(SYNC("intent",
		"{'owner':'x','revision':77,'objects':{" SLICE("x",
			"1") "}},{'owner':'y','revision':78,'objects':{" SLICE("y", "2") "}}")));
	answer = ask(CALL("groups", "{'source':'intent','limit':1}"));
	EXPECT(json_incref(answer), "result.groups.0.revision", "77");
	EXPECT(answer, "result.cursor", "x");
	answer = ask(CALL("groups", "{'source':'intent','limit':1,'cursor':'x'}"));
	EXPECT(json_incref(answer), "result.groups.0.revision", "78");
	EXPECT(answer, "result.cursor", "");
}
END_TEST

START_TEST(who_is_refused_stays_as_it_is_and_others_go_on)
{
	json_t *answer;

	OK(ask(SYNC("intent", GROUP("slice a", SLICE("a", "1")))));
	answer = ask(SYNC("intent",
		GROUP("slice a", SLICE("a", "99999999")) "," GROUP(
			"slice b", SLICE("b", "2")) "," GROUP("host h",
			"'mac':[{'slice':'none','mac':'02:00:00:00:00:01','attachment':'x'}]")));
	EXPECT(json_incref(answer), "result.groups.0.verdict", "refused");
	EXPECT(json_incref(answer), "result.groups.0.error.data.object", "slice a");
	EXPECT(json_incref(answer), "result.groups.0.error.data.path", "vni");
	EXPECT(json_incref(answer), "result.groups.1.verdict", "applied");
	EXPECT(json_incref(answer), "result.groups.2.verdict", "refused");
	EXPECT(answer, "result.groups.2.error.data.with", "slice none");
	ck_assert_str_eq(vni_of("a"), "1");
	ck_assert_str_eq(vni_of("b"), "2");
	ck_assert_int_eq(groups_of("intent"), 2);
}
END_TEST

START_TEST(what_needs_a_refused_one_is_refused_in_the_next_pass)
{
	json_t *answer = ask(SYNC("intent", GROUP("slice a", SLICE("a", "0")) "," GROUP("place",
						    "'attachment':[{'name':'a:p0','slice':'a','"
						    "port':'p0','vlan':9}]") "," GROUP("host h",
						    "'mac':[{'slice':'a','mac':'02:00:00:00:00:01',"
						    "'attachment':'a:p0'}]")));

	for (int i = 0; i < 3; i++) {
		char where[64];

		snprintf(where, sizeof(where), "result.groups.%d.verdict", i);
		EXPECT(json_incref(answer), where, "refused");
	}
	json_decref(answer);
	ck_assert_int_eq(groups_of("intent"), 0);
}
END_TEST

START_TEST(what_is_shared_stays_until_the_last_one_goes)
{
	static const char tunnel[] = "'tunnel':[{'name':'w','encap':'vxlan','local':'198.18.0.1',"
				     "'remote':'198.18.0.7'}]";

	OK(ask(CALL("sync",
		       "{'source':'intent','mode':'merge','groups':[{'owner':'a','objects':{%s}},{"
		       "'owner':'b','objects':{%s}}]}"),
		tunnel, tunnel));
	OK(ask(SYNC("intent", "{'owner':'a'}")));
	OK(ask(CALL("get", "{'type':'tunnel','key':'w'}")));
	/* one that wants it otherwise is refused, for the other has it */
	EXPECT(ask(SYNC("intent",
		       GROUP("c", "'tunnel':[{'name':'w','encap':'vxlan','local':'198.18.0.1',"
				  "'remote':'198.18.0.8'}]"))),
		"result.groups.0.error.message", "tunnel w: b wants it otherwise");
	/* but for one of which its source will say something else */
	EXPECT(ask(CALL("sync", "{'source':'intent','mode':'merge','stale':['b'],'groups':[{'owner'"
				":'c','objects':{"
				"'tunnel':[{'name':'w','encap':'vxlan','local':'198.18.0.1','"
				"remote':'198.18.0.8'}]}}]}")),
		"result.groups.0.verdict", "applied");
	EXPECT(ask(CALL("get", "{'type':'tunnel','key':'w'}")), "result.remote", "198.18.0.8");
	/* both change it together */
	EXPECT(ask(SYNC("intent",
		       GROUP("b", "'tunnel':[{'name':'w','encap':'vxlan','local':'198.18.0.1',"
				  "'remote':'198.18.0.9'}]") "," GROUP("c",
			       "'tunnel':[{'name':'w','encap':'vxlan','local':'198.18.0.1','remote'"
			       ":"
			       "'198.18.0.9'}]"))),
		"result.groups.1.verdict", "applied");
	EXPECT(ask(CALL("get", "{'type':'tunnel','key':'w'}")), "result.remote", "198.18.0.9");
	OK(ask(CALL("sync", "{'source':'intent','groups':[]}")));
	EXPECT(ask(CALL("get", "{'type':'tunnel','key':'w'}")), "error.code", "-32001");
}
END_TEST

START_TEST(the_strongest_is_in_force_and_what_it_hides_comes_back)
{
	OK(ask(CALL("put", "{'type':'slice','objects':[{'name':'s','vni':1}]}")));
	OK(ask(SYNC("kernel", GROUP("k", SLICE("s", "2")))));
	ck_assert_str_eq(vni_of("s"), "2");
	OK(ask(SYNC("pfcp", GROUP("p", SLICE("s", "4")))));
	OK(ask(SYNC("intent", GROUP("i", SLICE("s", "3")))));
	ck_assert_str_eq(vni_of("s"), "4");
	/* what is hidden may change and go */
	OK(ask(SYNC("kernel", GROUP("k", SLICE("s", "5")))));
	ck_assert_str_eq(vni_of("s"), "4");
	OK(ask(SYNC("pfcp", "{'owner':'p'}")));
	ck_assert_str_eq(vni_of("s"), "3");
	OK(ask(SYNC("intent", "{'owner':'i'}")));
	ck_assert_str_eq(vni_of("s"), "5");
	OK(ask(SYNC("kernel", "{'owner':'k'}")));
	ck_assert_str_eq(vni_of("s"), "1");
	/* nobody's again */
	OK(ask(CALL("delete", "{'type':'slice','keys':['s']}")));
}
END_TEST

START_TEST(nobody_else_changes_what_a_source_has)
{
	OK(ask(SYNC("intent",
		GROUP("slice s", SLICE("s", "7")) "," GROUP("host h",
			"'mac':[{'slice':'s','mac':'02:00:00:00:00:01','attachment':'s:p0'}],"
			"'attachment':[{'name':'s:p0','slice':'s','port':'p0','vlan':9}]"))));
	EXPECT(ask(CALL("put", "{'type':'slice','objects':[{'name':'s','vni':8}]}")), "error.code",
		"-32004");
	EXPECT(ask(CALL("delete", "{'type':'slice','keys':['s']}")), "error.data.with",
		"intent slice s");
	EXPECT(ask(CALL("delete",
		       "{'type':'mac','keys':['s 02:00:00:00:00:01'],'missing_ok':true}")),
		"error.data.with", "intent host h");
	EXPECT(ask(CALL("put", "{'type':'mac','objects':[{'slice':'s','mac':'02:00:00:00:00:01',"
			       "'attachment':'s:p0','movable':true}]}")),
		"error.data.with", "intent host h");
	EXPECT(ask(SYNC("pfcp", GROUP("x", SLICE("s", "7")))), "result.groups.0.verdict",
		"applied");
	OK(ask(SYNC("pfcp", "{'owner':'x'}")));
	ck_assert_str_eq(vni_of("s"), "7");
}
END_TEST

START_TEST(what_nobody_claims_can_be_listed)
{
	OK(ask(SYNC("intent",
		GROUP("slice s", SLICE("s", "7")) "," GROUP("host h",
			"'mac':[{'slice':'blue','mac':'02:00:00:00:00:01','attachment':'a'}]"))));
	OK(ask(CALL("put", "{'type':'mac','objects':[{'slice':'blue','mac':'02:00:00:00:00:02',"
			   "'attachment':'a'}]}")));
	EXPECT(ask(CALL("list", "{'type':'slice','unclaimed':true}")), "result.objects.2", "");
	EXPECT(ask(CALL("list", "{'type':'slice'}")), "result.objects.2.name", "s");
	EXPECT(ask(CALL("list", "{'type':'mac','unclaimed':true}")), "result.objects.0.mac",
		"02:00:00:00:00:02");
	EXPECT(ask(CALL("list", "{'type':'mac','unclaimed':true}")), "result.objects.1", "");
}
END_TEST

START_TEST(the_kernel_s_give_way_to_what_goes_and_are_told)
{
	json_t *answer;

	OK(ask(SYNC("intent",
		GROUP("slice s", "'slice':[{'name':'s','vni':7}],'attachment':[{'name':'s:p0',"
				 "'slice':'s','port':'p0','vlan':9}]"))));
	OK(ask(SYNC(
		"kernel", GROUP("m1", "'mac':[{'slice':'s','mac':'02:00:00:00:00:01','attachment':'"
				      "s:p0'}]") "," GROUP("m2",
				  "'mac':[{'slice':'s','mac':'02:00:00:00:00:02','attachment':'s:"
				  "p0'}]") "," GROUP("other", "'mac':[{'slice':'blue','mac':'02:00:"
							      "00:00:00:02','attachment':'a'}]"))));
	/* a check takes nothing away */
	answer = ask(CALL("sync",
		"{'source':'intent','mode':'merge','check':true,'groups':[{'owner':'slice s'}]}"));
	EXPECT(json_incref(answer), "result.groups.0.verdict", "applied");
	EXPECT(answer, "result.gave_way.1.for", "attachment s:p0");
	ck_assert_int_eq(groups_of("kernel"), 3);
	answer = ask(SYNC("intent", "{'owner':'slice s'}"));
	EXPECT(json_incref(answer), "result.groups.0.verdict", "applied");
	EXPECT(json_incref(answer), "result.gave_way.0.source", "kernel");
	EXPECT(json_incref(answer), "result.gave_way.0.waits", "true");
	EXPECT(answer, "result.gave_way.2.owner", "");
	ck_assert_int_eq(groups_of("kernel"), 1);
	OK(ask(CALL("get", "{'type':'mac','key':'blue 02:00:00:00:00:02'}")));
}
END_TEST

START_TEST(the_kernel_s_give_way_in_a_conflict_and_nobody_else_does)
{
	OK(ask(SYNC("kernel", GROUP("k", SLICE("mine", "7")))));
	OK(ask(CALL("put", "{'type':'slice','objects':[{'name':'hand','vni':8}]}")));
	EXPECT(ask(SYNC("intent", GROUP("a", SLICE("a", "7")))), "result.gave_way.0.owner", "k");
	EXPECT(ask(CALL("get", "{'type':'slice','key':'mine'}")), "error.code", "-32001");
	EXPECT(ask(SYNC("intent", GROUP("b", SLICE("b", "8")))), "result.groups.0.verdict",
		"refused");
	OK(ask(CALL("get", "{'type':'slice','key':'hand'}")));
	/* nor does an intent give way to the kernel */
	EXPECT(ask(SYNC("kernel", GROUP("k", SLICE("mine", "7")))), "result.groups.0.verdict",
		"refused");
}
END_TEST

START_TEST(a_full_slice_makes_room_for_a_stronger_source)
{
	OK(ask(SYNC("intent",
		GROUP("slice s",
			"'slice':[{'name':'s','vni':7,'max_macs':2}],'attachment':[{'name':"
			"'s:p0','slice':'s','port':'p0','vlan':9}]"))));
	EXPECT(ask(SYNC("kernel",
		       GROUP("m1", "'mac':[{'slice':'s','mac':'02:00:00:00:00:01','attachment':'s:"
				   "p0'}]") "," GROUP("m2", "'mac':[{'slice':'s','mac':'02:00:00:"
							    "00:00:02','attachment':'s:p0'}]"))),
		"result.groups.1.verdict", "applied");
	EXPECT(ask(SYNC("intent", GROUP("host h", "'mac':[{'slice':'s','mac':'02:00:00:00:00:03','"
						  "attachment':'s:p0'}]"))),
		"result.groups.0.verdict", "applied");
	OK(ask(CALL("get", "{'type':'mac','key':'s 02:00:00:00:00:03'}")));
}
END_TEST

START_TEST(a_port_with_another_device_is_made_anew)
{
	OK(ask(SYNC("intent",
		GROUP("site", "'port':[{'name':'w','device':'net_null7'}]") "," GROUP("slice s",
			"'slice':[{'name':'s','vni':7}],'attachment':[{'name':"
			"'s:w','slice':'s','port':'w','vlan':9}]"))));
	EXPECT(ask(SYNC("intent", GROUP("site", "'port':[{'name':'w','device':'net_null8'}]"))),
		"result.groups.0.verdict", "applied");
	EXPECT(ask(CALL("get", "{'type':'port','key':'w'}")), "result.device", "net_null8");
	OK(ask(CALL("get", "{'type':'attachment','key':'s:w'}")));
	/* the device goes to a port of another name */
	EXPECT(ask(SYNC("intent",
		       GROUP("site", "'port':[{'name':'v','device':'net_null8'}]") "," GROUP(
			       "slice s", "'slice':[{'name':'s','vni':7}]"))),
		"result.groups.0.verdict", "applied");
	EXPECT(ask(CALL("get", "{'type':'port','key':'v'}")), "result.device", "net_null8");
}
END_TEST

START_TEST(a_call_that_is_wrong_changes_nothing)
{
	EXPECT(ask(CALL("sync", "{'source':'static','groups':[]}")), "error.data.path", "source");
	EXPECT(ask(CALL("sync", "{'source':'intent','groups':[{'owner':''}]}")), "error.data.path",
		"groups[0].owner");
	EXPECT(ask(CALL("sync", "{'source':'intent','groups':[{'owner':'a'},{'owner':'a'}]}")),
		"error.data.path", "groups[1].owner");
	EXPECT(ask(CALL("sync", "{'source':'intent','groups':[{'owner':'a','objects':[]}]}")),
		"error.data.path", "groups[0].objects");
	EXPECT(ask(CALL("sync", "{'source':'intent','mode':'all','groups':[]}")), "error.data.path",
		"mode");
	EXPECT(ask(CALL("groups", "{'source':'nobody'}")), "error.data.path", "source");
	/* of one group alone */
	EXPECT(ask(SYNC("intent", GROUP("a", "'nothing':[]"))), "result.groups.0.verdict",
		"refused");
	EXPECT(ask(SYNC("intent",
		       GROUP("a", "'slice':[{'name':'x','vni':1},{'name':'x','vni':1}]"))),
		"result.groups.0.error.data.path", "objects.slice[1]");
	EXPECT(ask(SYNC("intent", GROUP("a", "'slice':[{'nam':'x'}]"))), "result.groups.0.verdict",
		"refused");
	ck_assert_int_eq(groups_of("intent"), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("rpc_sync");
	TCase *tcase = tcase_create("sync");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_checked_fixture(tcase, furnish, NULL);
	tcase_add_test(tcase, groups_come_change_and_go);
	tcase_add_test(tcase, a_revision_is_the_source_s_own_and_pages_go_on);
	tcase_add_test(tcase, who_is_refused_stays_as_it_is_and_others_go_on);
	tcase_add_test(tcase, what_needs_a_refused_one_is_refused_in_the_next_pass);
	tcase_add_test(tcase, what_is_shared_stays_until_the_last_one_goes);
	tcase_add_test(tcase, the_strongest_is_in_force_and_what_it_hides_comes_back);
	tcase_add_test(tcase, nobody_else_changes_what_a_source_has);
	tcase_add_test(tcase, what_nobody_claims_can_be_listed);
	tcase_add_test(tcase, the_kernel_s_give_way_to_what_goes_and_are_told);
	tcase_add_test(tcase, the_kernel_s_give_way_in_a_conflict_and_nobody_else_does);
	tcase_add_test(tcase, a_full_slice_makes_room_for_a_stronger_source);
	tcase_add_test(tcase, a_port_with_another_device_is_made_anew);
	tcase_add_test(tcase, a_call_that_is_wrong_changes_nothing);
	suite_add_tcase(suite, tcase);
	return rpc_test_main(suite);
}
