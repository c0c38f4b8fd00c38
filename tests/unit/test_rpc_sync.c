/* SPDX-License-Identifier: BSD-3-Clause */
/* sync: groups are all or nothing each, the strongest source is in force, and what it hides comes
 * back; what the kernel says gives way. */
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
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

/* They would share the object when it is uncovered. */
START_TEST(what_is_hidden_is_one_source_s_one_word)
{
	json_t *answer;

	OK(ask(SYNC("pfcp", GROUP("p", SLICE("s", "4")))));
	answer = ask(SYNC("intent", GROUP("a", SLICE("s", "1")) "," GROUP("b", SLICE("s", "2"))));
	EXPECT(json_incref(answer), "result.groups.0.verdict", "applied");
	EXPECT(answer, "result.groups.1.verdict", "refused");
	OK(ask(SYNC("pfcp", "{'owner':'p'}")));
	ck_assert_str_eq(vni_of("s"), "1");
}
END_TEST

/* What it needs is another's by now: it is no more, and nobody is refused for it. */
START_TEST(what_was_put_by_hand_and_cannot_come_back_is_lost)
{
	OK(ask(CALL("put", "{'type':'slice','objects':[{'name':'s','vni':1}]}")));
	OK(ask(SYNC("intent", GROUP("i", SLICE("s", "2")))));
	OK(ask(SYNC("intent", GROUP("j", SLICE("t", "1")))));
	/* not yet: i is refused, and stays */
	EXPECT(ask(SYNC("intent", GROUP("i", SLICE("u", "1")) "," GROUP("x", SLICE("x", "9")))),
		"result.groups.0.verdict", "refused");
	ck_assert_str_eq(vni_of("s"), "2");
	ck_assert_str_eq(vni_of("x"), "9");
	json_t *answer = ask(SYNC("intent", "{'owner':'i'}," GROUP("y", SLICE("y", "10"))));

	EXPECT(json_incref(answer), "result.groups.0.verdict", "applied");
	EXPECT(answer, "result.groups.1.verdict", "applied");
	EXPECT(ask(CALL("get", "{'type':'slice','key':'s'}")), "error.code", "-32001");
	/* and does not come back later */
	OK(ask(SYNC("intent", "{'owner':'j'}")));
	EXPECT(ask(CALL("get", "{'type':'slice','key':'s'}")), "error.code", "-32001");
}
END_TEST

/* A movable MAC that was overtaken cannot be read when it is hidden: what hid it goes all the same,
 * and the source's next word is put, though it is the same. */
START_TEST(what_cannot_be_read_when_it_is_hidden_is_asked_for_again)
{
	static const char kernel[] =
		SYNC("kernel", "{'owner':'k','revision':5,'objects':{'mac':[{'slice':'blue','mac':'"
			       "02:00:00:00:00:05','attachment':'a','movable':true}]}}");

	OK(ask(kernel));
	fakes_learn(1, "02:00:00:00:00:05", 0x200001);
	OK(ask(SYNC("intent", GROUP("i", "'mac':[{'slice':'blue','mac':'02:00:00:00:00:05',"
					 "'tunnel':'t'}]"))));
	EXPECT(ask(CALL("get", "{'type':'mac','key':'blue 02:00:00:00:00:05'}")), "result.tunnel",
		"t");
	EXPECT(ask(SYNC("intent", "{'owner':'i'}")), "result.groups.0.verdict", "applied");
	EXPECT(ask(CALL("get", "{'type':'mac','key':'blue 02:00:00:00:00:05'}")), "error.code",
		"-32001");
	EXPECT(ask(CALL("groups", "{'source':'kernel'}")), "result.groups.0.revision", "0");
	OK(ask(kernel));
	EXPECT(ask(CALL("get", "{'type':'mac','key':'blue 02:00:00:00:00:05'}")),
		"result.attachment", "a");
	EXPECT(ask(CALL("groups", "{'source':'kernel'}")), "result.groups.0.revision", "5");
}
END_TEST

/* Else its source would hear of it when the other one goes. */
START_TEST(what_is_hidden_is_read_as_well)
{
	OK(ask(SYNC("pfcp", GROUP("p", SLICE("s", "4")))));
	EXPECT(ask(SYNC("intent", GROUP("a", "'slice':[{'name':'s','vni':5,'bogus':1}]"))),
		"result.groups.0.error.data.path", "objects.slice.bogus");
}
END_TEST

/* Of those that want the same otherwise the first has its way, unless it is refused itself. */
START_TEST(who_stands_behind_a_refused_one_is_tried_again)
{
	json_t *answer = ask(SYNC("intent",
		GROUP("a", "'slice':[{'name':'x','vni':1},{'name':'bad','vni':0}]") "," GROUP(
			"b", SLICE("x", "2")) "," GROUP("c", SLICE("x", "3"))));

	EXPECT(json_incref(answer), "result.groups.0.verdict", "refused");
	EXPECT(json_incref(answer), "result.groups.1.verdict", "applied");
	EXPECT(json_incref(answer), "result.groups.2.verdict", "refused");
	EXPECT(answer, "result.groups.2.error.message", "slice x: b wants it otherwise");
	ck_assert_str_eq(vni_of("x"), "2");
}
END_TEST

/* Whichever of its objects it is that stands on what goes. */
START_TEST(a_group_of_the_kernel_s_gives_way_by_each_of_its_objects)
{
	OK(ask(SYNC("intent",
		GROUP("slice s", "'slice':[{'name':'s','vni':7}],'attachment':[{'name':'s:p0',"
				 "'slice':'s','port':'p0','vlan':9}]"))));
	for (int first = 0; first < 2; first++) {
		const char *on[2] = {"'slice':'s','mac':'02:00:00:00:00:01','attachment':'s:p0'",
			"'slice':'blue','mac':'02:00:00:00:00:02','attachment':'a'"};

		EXPECT(ask(CALL("sync", "{'source':'kernel','mode':'merge','groups':[{'owner':'m',"
					"'objects':{'mac':[{%s},{%s}]}}]}"),
			       on[first], on[!first]),
			"result.groups.0.verdict", "applied");
		EXPECT(ask(SYNC("intent", GROUP("slice s", "'slice':[{'name':'s','vni':7}]"))),
			"result.groups.0.verdict", "applied");
		ck_assert_int_eq(groups_of("kernel"), 0);
		OK(ask(SYNC("intent",
			GROUP("slice s", "'slice':[{'name':'s','vni':7}],'attachment':[{'name'"
					 ":'s:p0','slice':'s','port':'p0','vlan':9}]"))));
	}
}
END_TEST

/* A group is told of one fault: all of them would take the memory of the call. */
START_TEST(many_faults_of_a_group_are_no_trouble_to_others)
{
	const int many = getenv("SLUICE_QUICK") ? 10000 : 400000;
	json_t *answer;
	size_t size;
	char *text;
	FILE *out = open_memstream(&text, &size);

	for (int i = 0; i < many; i++)
		fprintf(out, "%s{'name':'m%d'}", i ? "," : "", i);
	fclose(out);
	answer = ask(CALL("sync", "{'source':'intent','mode':'merge','groups':[{'owner':'a',"
				  "'objects':{'meter':[%s]}},{'owner':'b','objects':{" SLICE(
					  "x", "2") "}}]}"),
		text);
	EXPECT(json_incref(answer), "result.groups.0.verdict", "refused");
	EXPECT(json_incref(answer), "result.groups.0.error.data.path", "cir_bps");
	EXPECT(answer, "result.groups.1.verdict", "applied");
	free(text);
}
END_TEST

/* Who is refused for two objects at once is no trouble to others. */
START_TEST(who_has_two_faults_is_refused_alone)
{
	json_t *answer =
		ask(SYNC("intent", GROUP("a", "'slice':[{'name':'a','vni':99999999},{'name':'a2','"
					      "vni':99999999}]") "," GROUP("b", SLICE("b", "2"))));

	EXPECT(json_incref(answer), "result.groups.0.verdict", "refused");
	EXPECT(answer, "result.groups.1.verdict", "applied");
}
END_TEST

/* A group is stale for the call that says so. */
START_TEST(a_stale_group_is_so_for_one_call)
{
	OK(ask(SYNC("intent", GROUP("b", SLICE("s", "2")))));
	OK(ask(CALL("sync", "{'source':'intent','mode':'merge','stale':['b'],'groups':[]}")));
	EXPECT(ask(SYNC("intent", GROUP("d", SLICE("s", "3")))), "result.groups.0.verdict",
		"refused");
	ck_assert_str_eq(vni_of("s"), "2");
}
END_TEST

#define TUNNEL(remote)                                                                             \
	"'tunnel':[{'name':'w','encap':'vxlan','local':'198.18.0.1','remote':'" remote "'}]"

/* Its source has to know that the group is not as it said. */
START_TEST(a_stale_group_that_became_another_s_loses_its_revision)
{
	OK(ask(CALL("sync", "{'source':'intent','groups':[{'owner':'a','revision':7,'objects':"
			    "{" TUNNEL("198.18.0.7") "}},{'owner':'b','revision':8,'objects':"
						     "{" TUNNEL("198.18.0.7") "}}]}")));
	EXPECT(ask(CALL("groups", "{'source':'intent'}")), "result.groups.0.revision", "7");
	OK(ask(CALL("sync", "{'source':'intent','mode':'merge','stale':['a'],'groups':[{'owner':"
			    "'b','revision':9,'objects':{" TUNNEL("198.18.0.8") "}}]}")));
	EXPECT(ask(CALL("groups", "{'source':'intent'}")), "result.groups.0.revision", "0");
	EXPECT(ask(CALL("groups", "{'source':'intent'}")), "result.groups.1.revision", "9");
}
END_TEST

/* However the claims were moved when there were more of them than buckets, in between. */
START_TEST(an_object_twice_in_a_group_is_refused_among_thousands)
{
	char group[64], slices[24000], *end;
	int vni = 1000;

	for (int n = 1; n <= 16; n++) {
		end = slices;
		for (int i = 0; i < 250; i++, vni++)
			end += sprintf(end, "{'name':'s%d','vni':%d},", vni, vni);
		sprintf(end, "{'name':'s%d','vni':%d}", vni - 250, vni - 250);
		sprintf(group, "b%d", n);
		EXPECT(ask("{'jsonrpc':'2.0','id':1,'method':'sync','params':{'source':'intent',"
			   "'mode':'merge','groups':[{'owner':'%s','objects':{'slice':[%s]}}]}}",
			       group, slices),
			"result.groups.0.error.code", "-32004");
		end[-1] = '\0';
		EXPECT(ask("{'jsonrpc':'2.0','id':1,'method':'sync','params':{'source':'intent',"
			   "'mode':'merge','groups':[{'owner':'%s','objects':{'slice':[%s]}}]}}",
			       group, slices),
			"result.groups.0.verdict", "applied");
	}
}
END_TEST

/* A group that changes looks at each other one that shares its objects once, not at each pair. */
START_TEST(what_thousands_share_is_looked_at_once)
{
	json_t *groups = json_array(), *object, *call;
	uint64_t begin_us;

	for (int i = 0; i < 8000; i++) {
		object = json_pack("{s:s, s:s, s:s, s:s}", "name", "w", "encap", "vxlan", "local",
			"198.18.0.1", "remote", "198.18.0.7");
		json_array_append_new(
			groups, json_pack("{s:o, s:{s:[o]}}", "owner", json_sprintf("g%d", i),
					"objects", "tunnel", object));
	}
	call = json_pack("{s:s, s:i, s:s, s:{s:s, s:o}}", "jsonrpc", "2.0", "id", 1, "method",
		"sync", "params", "source", "intent", "groups", groups);
	char *text = json_dumps(call, JSON_COMPACT);

	begin_us = clock_mono_us();
	EXPECT(ask("%s", text), "result.groups.7999.verdict", "applied");
	OK(ask(SYNC("intent", GROUP("g5", TUNNEL("198.18.0.7")))));
	/* a square of them is 64 million steps for each of three looks */
	ck_assert_uint_lt(clock_mono_us() - begin_us, getenv("SLUICE_QUICK") ? 60000000 : 1000000);
	free(text);
	json_decref(call);
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

/* An intent and the kernel say the same of a neighbour: when the intent goes with its port, what it
 * hid cannot stay. */
START_TEST(what_is_uncovered_gives_way_to_what_goes)
{
	static const char *const neighbor =
		"'neighbor':[{'port':'w','address':'198.18.0.9','mac':'02:00:00:00:00:09'}]";

	OK(ask(CALL("sync",
		       "{'source':'intent','mode':'merge','groups':[{'owner':'wan w','objects':{"
		       "'port':[{'name':'w','device':'net_null7'}],%s}}]}"),
		neighbor));
	OK(ask(CALL("sync", "{'source':'kernel','mode':'merge','groups':[{'owner':'n','objects':{%"
			    "s}}]}"),
		neighbor));
	EXPECT(ask(CALL("sync",
		       "{'source':'intent','mode':'merge','check':true,'groups':[{'owner':'wan "
		       "w'}]}")),
		"result.groups.0.verdict", "applied");
	EXPECT(ask(SYNC("intent", "{'owner':'wan w'}")), "result.gave_way.0.for", "port w");
	EXPECT(ask(CALL("get", "{'type':'port','key':'w'}")), "error.code", "-32001");
	ck_assert_int_eq(groups_of("kernel"), 0);
}
END_TEST

#define MANY 2500

/* More than goes at once: the call is repeated until its turn comes. */
START_TEST(what_many_of_the_kernel_s_stand_on_goes_by_several_calls)
{
	json_t *groups = json_array(), *request, *answer;
	int calls = 0;
	char *text;

	OK(ask(SYNC("intent",
		"{'owner':'slice s','revision':5,'objects':{'slice':[{'name':'s','vni':7}],"
		"'attachment':[{'name':'s:p0','slice':'s','port':'p0','vlan':9}]}}")));
	for (int i = 0; i < MANY; i++)
		json_array_append_new(groups,
			json_pack("{s:o, s:{s:[{s:s, s:o, s:s}]}}", "owner", json_sprintf("m%d", i),
				"objects", "mac", "slice", "s", "mac",
				json_sprintf("02:00:00:00:%02x:%02x", i / 256, i % 256),
				"attachment", "s:p0"));
	request = json_pack("{s:s, s:i, s:s, s:{s:s, s:s, s:o}}", "jsonrpc", "2.0", "id", 1,
		"method", "sync", "params", "source", "kernel", "mode", "merge", "groups", groups);
	text = json_dumps(request, JSON_COMPACT);
	OK(ask("%s", text));
	free(text);
	json_decref(request);
	ck_assert_int_eq(groups_of("kernel"), 1000); /* of the first page */
	do {
		const json_t *gave_way;

		answer = ask(SYNC("intent", "{'owner':'slice s','revision':6}"));
		gave_way = json_object_get(json_object_get(answer, "result"), "gave_way");
		ck_assert_uint_gt(json_array_size(gave_way), 0);
		ck_assert_uint_le(json_array_size(gave_way), 2000);
		calls++;
		text = strdup(at(answer, "result.groups.0.verdict"));
		json_decref(answer);
		if (!strcmp(text, "again")) { /* it is as it was, and its source can see so */
			OK(ask(CALL("get", "{'type':'slice','key':'s'}")));
			EXPECT(ask(CALL("groups", "{'source':'intent'}")),
				"result.groups.0.revision", "5");
		}
	} while (!strcmp(text, "again") && (free(text), true));
	ck_assert_str_eq(text, "applied");
	free(text);
	ck_assert_int_eq(calls, 2);
	ck_assert_int_eq(groups_of("kernel"), 0);
	EXPECT(ask(CALL("get", "{'type':'slice','key':'s'}")), "error.code", "-32001");
}
END_TEST

START_TEST(the_kernel_s_give_way_in_a_conflict_and_nobody_else_does)
{
	OK(ask(SYNC("kernel", GROUP("k", SLICE("mine", "7")) "," GROUP("o", SLICE("o", "9")))));
	OK(ask(CALL("put", "{'type':'slice','objects':[{'name':'hand','vni':8}]}")));
	EXPECT(ask(SYNC("intent", GROUP("a", SLICE("a", "7")))), "result.gave_way.0.owner", "k");
	EXPECT(ask(CALL("get", "{'type':'slice','key':'mine'}")), "error.code", "-32001");
	EXPECT(ask(SYNC("intent", GROUP("b", SLICE("b", "8")) "," GROUP("c", SLICE("c", "7")))),
		"result.groups.1.verdict", "refused");
	EXPECT(ask(CALL("get", "{'type':'slice','key':'b'}")), "error.code", "-32001");
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
	EXPECT(ask(CALL("sync", "{'source':'intent','groups':[{'owner':'a\\u0001'}]}")),
		"error.data.path", "groups[0].owner");
	EXPECT(ask(CALL("sync", "{'source':'intent','groups':[{'owner':'a\\u007f'}]}")),
		"error.data.path", "groups[0].owner");
	EXPECT(ask(CALL("sync", "{'source':'intent','groups':[{'owner':'a'},{'owner':'a'}]}")),
		"error.data.path", "groups[1].owner");
	EXPECT(ask(CALL("sync", "{'source':'intent','groups':[{'owner':'a','objects':[]}]}")),
		"error.data.path", "groups[0].objects");
	EXPECT(ask(CALL("sync", "{'source':'intent','mode':'all','groups':[]}")), "error.data.path",
		"mode");
	EXPECT(ask(CALL("groups", "{'source':'nobody'}")), "error.data.path", "source");
	EXPECT(ask(CALL("sync", "{'source':'intent','groups':[],'stale':['a',7]}")),
		"error.data.path", "stale[1]");
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

/* ---- random groups ---- */

static uint64_t seed;

static uint32_t rnd(uint32_t below)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(seed >> 33) % below;
}

static json_t *said; /* {SOURCE: {OWNER: {"TYPE KEY": object}}} as the verdicts have it */

/* An object and its label. */
static json_t *invent(char *label)
{
	uint32_t s = rnd(3), a = rnd(4), t = rnd(2), m = rnd(3);

	switch (rnd(8)) {
	case 0:
		sprintf(label, "slice s%u", s);
		return json_pack("{s:s, s:i}", "name", label + 6, "vni", (int)(1 + rnd(5)));
	case 1:
	case 2:
		sprintf(label, "attachment a%u", a);
		return json_pack("{s:s, s:o, s:s, s:i}", "name", label + 11, "slice",
			json_sprintf("s%u", s), "port", t ? "p0" : "p1", "vlan", (int)(1 + rnd(4)));
	case 3:
		sprintf(label, "tunnel t%u", t);
		return json_pack("{s:s, s:s, s:s, s:o}", "name", label + 7, "encap", "vxlan",
			"local", "198.18.0.1", "remote", json_sprintf("198.18.0.%u", 2 + rnd(3)));
	case 4:
		sprintf(label, "member s%u t%u", s, t);
		return json_pack("{s:o, s:o}", "slice", json_sprintf("s%u", s), "tunnel",
			json_sprintf("t%u", t));
	default:
		sprintf(label, "mac s%u 02:00:00:00:00:0%u", s, m);
		return json_pack("{s:o, s:s, s:o}", "slice", json_sprintf("s%u", s), "mac",
			label + 7, rnd(2) ? "attachment" : "tunnel",
			rnd(2) ? json_sprintf("a%u", a) : json_sprintf("t%u", t));
	}
}

static json_t *invent_group(void)
{
	json_t *objects = json_object(), *object;
	char label[80];

	for (uint32_t n = rnd(5); n > 0; n--) {
		object = invent(label);
		/* "attachment": "t0" is refused, too */
		json_object_set_new(objects, label, object);
	}
	return objects;
}

static json_t *by_type(const json_t *objects)
{
	json_t *all = json_object(), *object;
	const char *label;

	json_object_foreach ((json_t *)objects, label, object) {
		char type[20];

		sprintf(type, "%.*s", (int)strcspn(label, " "), label);
		if (!json_object_get(all, type))
			json_object_set_new(all, type, json_array());
		json_array_append(json_object_get(all, type), object);
	}
	return all;
}

static void take_verdicts(const json_t *result, const char *source, const json_t *wanted)
{
	const json_t *verdict;
	size_t i;

	json_array_foreach (json_object_get(result, "groups"), i, verdict) {
		const char *owner = json_string_value(json_object_get(verdict, "owner"));
		json_t *objects = json_object_get(wanted, owner);

		if (json_object_get(verdict, "error"))
			continue;
		if (json_object_size(objects))
			json_object_set(json_object_get(said, source), owner, objects);
		else
			json_object_del(json_object_get(said, source), owner);
	}
	json_array_foreach (json_object_get(result, "gave_way"), i, verdict)
		ck_assert_int_eq(
			json_object_del(json_object_get(said, json_string_value(json_object_get(
								      verdict, "source"))),
				json_string_value(json_object_get(verdict, "owner"))),
			0);
}

/* What is in force: of each object what the strongest source says. */
static json_t *expected(void)
{
	static const char *const sources[] = {"static", "kernel", "intent", "pfcp"};
	json_t *all = json_object(), *objects, *object;
	const char *owner, *label;

	for (size_t i = 0; i < 4; i++)
		json_object_foreach (json_object_get(said, sources[i]), owner, objects)
			json_object_foreach (objects, label, object)
				json_object_set(all, label, object);
	return all;
}

static void compare(uint64_t first)
{
	static const char *const types[] = {"slice", "attachment", "tunnel", "member", "mac"};
	static const char *const keys[][2] = {
		{"name"}, {"name"}, {"name"}, {"slice", "tunnel"}, {"slice", "mac"}};
	json_t *wanted = expected(), *answer, *object, *value;
	size_t i, found = 0;

	for (size_t t = 0; t < 5; t++) {
		answer = ask(CALL("list", "{'type':'%s'}"), types[t]);
		json_array_foreach (
			json_object_get(json_object_get(answer, "result"), "objects"), i, object) {
			char label[100];
			const char *field, *second = keys[t][1];
			json_t *want;

			snprintf(label, sizeof(label), "%s %s%s%s", types[t],
				json_string_value(json_object_get(object, keys[t][0])),
				second ? " " : "",
				second ? json_string_value(json_object_get(object, second)) : "");
			want = json_object_get(wanted, label);
			ck_assert_msg(want != NULL, "%s is there, seed %llu", label,
				(unsigned long long)first);
			found++;
			json_object_foreach (want, field, value)
				ck_assert_msg(json_equal(json_object_get(object, field), value),
					"%s of %s, seed %llu", field, label,
					(unsigned long long)first);
		}
		json_decref(answer);
	}
	ck_assert_msg(found == json_object_size(wanted), "%zu of %zu are there, seed %llu", found,
		json_object_size(wanted), (unsigned long long)first);
	json_decref(wanted);
}

static void random_call(void)
{
	static const char *const sources[] = {"kernel", "intent", "pfcp"};
	const char *source = sources[rnd(8) ? rnd(2) : 2];
	json_t *groups = json_array(), *wanted = json_object(), *request, *answer;
	bool check = rnd(8) == 0;
	char owner[8], *text;

	for (uint32_t n = 1 + rnd(3); n > 0; n--) {
		snprintf(owner, sizeof(owner), "g%u", rnd(5));
		if (json_object_get(wanted, owner))
			continue;
		json_object_set_new(wanted, owner, invent_group());
		json_array_append_new(groups, json_pack("{s:s, s:o}", "owner", owner, "objects",
						      by_type(json_object_get(wanted, owner))));
	}
	request = json_pack("{s:s, s:i, s:s, s:{s:s, s:s, s:o, s:b}}", "jsonrpc", "2.0", "id", 1,
		"method", "sync", "params", "source", source, "mode", "merge", "groups", groups,
		"check", check);
	text = json_dumps(request, JSON_COMPACT);
	answer = ask("%s", text);
	ck_assert_msg(json_object_get(answer, "result") != NULL, "%s", text);
	if (!check)
		take_verdicts(json_object_get(answer, "result"), source, wanted);
	free(text);
	json_decref(request);
	json_decref(answer);
	json_decref(wanted);
}

/* Without its groups the source has those that were refused to go. */
static void keep_refused(const json_t *result, const char *source)
{
	json_t *had = json_object_get(said, source), *kept = json_object();
	const json_t *verdict, *one;
	size_t i;

	ck_assert_ptr_nonnull(result);
	json_array_foreach (json_object_get(result, "groups"), i, verdict) {
		const char *owner = json_string_value(json_object_get(verdict, "owner"));

		json_object_set(kept, owner, json_object_get(had, owner));
	}
	json_object_set_new(said, source, kept);
	json_array_foreach (json_object_get(result, "gave_way"), i, one)
		json_object_del(
			json_object_get(said, json_string_value(json_object_get(one, "source"))),
			json_string_value(json_object_get(one, "owner")));
}

#define RUNS  (getenv("SLUICE_QUICK") ? 40 : 200)
#define CALLS 40

START_TEST(random_groups_leave_what_their_verdicts_say)
{
	json_t *answer;

	for (int run = 0; run < RUNS; run++) {
		uint64_t first = seed = (uint64_t)(_i * 100000 + run + 1);

		said = json_pack("{s:{}, s:{}, s:{}}", "kernel", "intent", "pfcp");
		OK(ask(CALL("transaction", "{'ops':[{'op':'delete','type':'member','keys':['blue "
					   "t'],'missing_ok':true},"
					   "{'op':'delete','type':'attachment','keys':['a'],'"
					   "missing_ok':true},{'op':'delete',"
					   "'type':'slice','keys':['blue','red'],'missing_ok':true}"
					   ",{'op':'delete','type':"
					   "'tunnel','keys':['t'],'missing_ok':true}]}")));
		for (int i = 0; i < CALLS; i++) {
			random_call();
			compare(first);
		}
		/* they may hold each other: who is refused stays, the others go */
		for (int i = 0; i < 9; i++) {
			static const char *const sources[] = {"kernel", "intent", "pfcp"};

			answer = ask(CALL("sync", "{'source':'%s','groups':[]}"), sources[i % 3]);
			keep_refused(json_object_get(answer, "result"), sources[i % 3]);
			json_decref(answer);
			compare(first);
		}
		teardown();
		setup();
		furnish();
		json_decref(said);
	}
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
	tcase_add_test(tcase, what_is_hidden_is_one_source_s_one_word);
	tcase_add_test(tcase, what_was_put_by_hand_and_cannot_come_back_is_lost);
	tcase_add_test(tcase, what_cannot_be_read_when_it_is_hidden_is_asked_for_again);
	tcase_add_test(tcase, what_is_hidden_is_read_as_well);
	tcase_add_test(tcase, who_stands_behind_a_refused_one_is_tried_again);
	tcase_add_test(tcase, a_group_of_the_kernel_s_gives_way_by_each_of_its_objects);
	tcase_add_test(tcase, many_faults_of_a_group_are_no_trouble_to_others);
	tcase_add_test(tcase, who_has_two_faults_is_refused_alone);
	tcase_add_test(tcase, a_stale_group_is_so_for_one_call);
	tcase_add_test(tcase, a_stale_group_that_became_another_s_loses_its_revision);
	tcase_add_test(tcase, an_object_twice_in_a_group_is_refused_among_thousands);
	tcase_add_test(tcase, what_thousands_share_is_looked_at_once);
	tcase_add_test(tcase, nobody_else_changes_what_a_source_has);
	tcase_add_test(tcase, what_nobody_claims_can_be_listed);
	tcase_add_test(tcase, the_kernel_s_give_way_to_what_goes_and_are_told);
	tcase_add_test(tcase, what_is_uncovered_gives_way_to_what_goes);
	tcase_add_test(tcase, what_many_of_the_kernel_s_stand_on_goes_by_several_calls);
	tcase_add_test(tcase, the_kernel_s_give_way_in_a_conflict_and_nobody_else_does);
	tcase_add_test(tcase, a_full_slice_makes_room_for_a_stronger_source);
	tcase_add_test(tcase, a_port_with_another_device_is_made_anew);
	tcase_add_test(tcase, a_call_that_is_wrong_changes_nothing);
	suite_add_tcase(suite, tcase);
	tcase = tcase_create("random");
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_checked_fixture(tcase, furnish, NULL);
	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, random_groups_leave_what_their_verdicts_say, 0, 4);
	suite_add_tcase(suite, tcase);
	return rpc_test_main(suite);
}
