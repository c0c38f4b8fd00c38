/* SPDX-License-Identifier: BSD-3-Clause */
/* Transactions that only check: of each noun they tell what one in earnest says, all refusals at
 * once, and leave nothing behind. */
#include <stdio.h>

#include "bounds.h"
#include "fakes.h"
#include "rpc_client.h"

#define PUT(type, objects) "{'op':'put','type':'" type "','objects':[" objects "]}"
#define DELETE(type, keys) "{'op':'delete','type':'" type "','keys':[" keys "]}"
#define SESSION(name, ip, teid)                                                                    \
	"{'name':'" name "','slice':'net','ue':{'ipv4':'" ip "'},'pdrs':[{'id':1,'precedence':1,"  \
	"'source':'access','gtpu':'n3'," teid "'outer_header_removal':0,'far':1}],'fars':[{'id':"  \
	"1,'action':'forward','destination':'core'}]}"

/* One object or more of every type. */
static void furnish_all(void)
{
	furnish();
	OK(ask(CALL("transaction",
		"{'ops':[" PUT("slice", "{'name':'net','vni':300,'kind':'l3'}") "," PUT("meter",
			"{'name':'m','cir_bps':1000000,'cbs_bytes':10000,'pir_"
			"bps':2000000,"
			"'pbs_bytes':10000}") "," PUT("attachment",
			"{'name':'b','slice':'net','port':'p1','vlan':7,'meter_"
			"in':'m'},"
			"{'name':'c','slice':'red','port':'p1','vlan':8,'tap':'"
			"tc'}") "," PUT("address",
			"{'attachment':'b','prefix':'10.0.0.1/24'},"
			"{'port':'p1','prefix':'198.18.0.9/24'}") "," PUT("neigh"
									  "bor",
			"{'attachment':'b','address':'10.0.0.7','mac':'02:00:00:"
			"00:00:07'},"
			"{'port':'p1','address':'198.18.0.2','mac':'02:00:00:00:"
			"00:02'}") "," PUT("route", "{'table':'net','prefix':'10.9.0.0/"
						    "16','via':[{'address':'10.0.0.7',"
						    "'attachment':'b'}]},"
						    "{'table':'underlay','prefix':'0.0.0.0/"
						    "0','via':[{'address':"
						    "'198.18.0.2','port':'p1'}]}") "," PUT("mac",
			"{'slice':'blue','mac':'02:00:00:00:00:01','attachment':"
			"'a'}") "," PUT("gtpu",
			"{'name':'n3','address':'198.18.0.1','interface':'"
			"access'}") "," PUT("session", SESSION("s1", "10.60.0.1", "")) "]}")));
}

/* Everything the socket tells of objects. */
static void snapshot(char *text, size_t size)
{
	static const char *const types[] = {"port", "address", "neighbor", "route", "slice",
		"attachment", "tunnel", "member", "mac", "meter", "gtpu", "session"};
	size_t used = 0;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		json_t *list = ask(CALL("list", "{'type':'%s'}"), types[i]);
		char *all = json_dumps(list, JSON_COMPACT | JSON_SORT_KEYS);

		used += snprintf(text + used, size - used, "%s\n", all);
		ck_assert_uint_lt(used, size);
		free(all);
		json_decref(list);
	}
}

/* refused: code and path of each; "": nothing. */
static const struct {
	const char *ops, *refused;
} checks[] = {
	/* what would be taken, of each noun, what comes later naming what came before */
	{PUT("port", "{'name':'p2','device':'d2','tap':true}") "," PUT(
		 "address", "{'port':'p2','prefix':'198.18.1.1/24'}") "," PUT("neighbor",
		 "{'port':'p2','address':'198.18.1.2','mac':'02:00:00:00:00:09'}") "," PUT("route",
		 "{'table':'underlay','prefix':'198.19.0.0/16','via':[{'address':"
		 "'198.18.1.2','port':'p2'}]}"),
		""},
	{PUT("meter", "{'name':'m2','cir_bps':1000000,'cbs_bytes':10000,'pir_bps':2000000,"
		      "'pbs_bytes':10000}") "," PUT("slice",
		 "{'name':'new','vni':400,'meter':'m2'}") "," PUT("attachment",
		 "{'name':'n','slice':'new','port':'p0','vlan':9,'tap':'tn'}") "," PUT("tunnel",
		 "{'name':'u','encap':'geneve','local':'198.18.0.1','remote':"
		 "'198.18.0.3'}") "," PUT("member", "{'slice':'new','tunnel':'u'}") "," PUT("mac",
		 "{'slice':'new','mac':'02:00:00:00:00:05','tunnel':'u'}"),
		""},
	{PUT("slice", "{'name':'l3','vni':400,'kind':'l3'}") "," PUT(
		 "attachment", "{'name':'n','slice':'l3','port':'p0','vlan':9}") "," PUT("address",
		 "{'attachment':'n','prefix':'10.2.0.1/24'}") "," PUT("neighbor",
		 "{'attachment':'n','address':'10.2.0.7','mac':'02:00:00:00:00:08'}") "," PUT("rout"
											      "e",
		 "{'table':'l3','prefix':'10.3.0.0/16','via':[{'address':'10.2.0.7',"
		 "'attachment':'n'}]}"),
		""},
	{PUT("gtpu", "{'name':'n9','address':'198.18.0.5','interface':'core'}") "," PUT("session",
		 SESSION("s2", "10.60.0.2", "") "," SESSION("s3", "10.60.0.3", "'teid':77,")),
		""},
	/* changes of what is there */
	{PUT("port", "{'name':'p0','device':'d0','mtu':9000}") "," PUT("neighbor",
		 "{'port':'p1','address':'198.18.0.2','mac':'02:00:00:00:00:33'},"
		 "{'attachment':'b','address':'10.0.0.7','mac':'02:00:00:00:00:44'}") "," PUT("rout"
											      "e",
		 "{'table':'net','prefix':'10.9.0.0/16','via':[]}") "," PUT("slice",
		 "{'name':'blue','vni':555}") "," PUT("attachment",
		 "{'name':'c','slice':'red','port':'p1','vlan':8,'tap':'td'}") "," PUT("tunnel",
		 "{'name':'t','encap':'vxlan','local':'198.18.0.1','remote':"
		 "'198.18.0.44'}") "," PUT("meter",
		 "{'name':'m','cir_bps':3000000,'cbs_bytes':10000,'pir_bps':4000000,"
		 "'pbs_bytes':10000}") "," PUT("mac",
		 "{'slice':'blue','mac':'02:00:00:00:00:01','tunnel':'t'}") "," PUT("session",
		 SESSION("s1", "10.60.0.11", "")),
		""},
	/* everything goes, and a port comes back by another device */
	{DELETE("session", "'s1'") "," DELETE("gtpu", "'n3'") "," DELETE(
		 "mac", "'blue 02:00:00:00:00:01'") "," DELETE("route",
		 "'net 10.9.0.0/16','underlay 0.0.0.0/0'") "," DELETE("neighbor",
		 "'b 10.0.0.7','p1 198.18.0.2'") "," DELETE("address",
		 "'b 10.0.0.1/24','p1 198.18.0.9/24'") "," DELETE("attachment",
		 "'a','b','c'") "," DELETE("member", "'blue t'") "," DELETE("tunnel",
		 "'t'") "," DELETE("slice", "'blue','red','net'") "," DELETE("meter", "'m'"),
		""},
	/* what is refused, and what is after it all the same */
	{PUT("port",
		 "{'name':'p2','device':'d1'},{'name':'p3','device':'d1,x=1'},"
		 "{'name':'p4','device':'d4'},{'name':'p0','device':'other'}") "," PUT("address",
		 "{'port':'p2','prefix':'198.18.1.1/24'}"),
		"-32004 ops[0].objects[0].device\n-32004 ops[0].objects[1].device\n"
		"-32004 ops[0].objects[3].device\n-32602 ops[1].objects[0].port\n"},
	/* one that is refused is there as it was for those that name it */
	{PUT("port", "{'name':'p0','device':'other'}") "," PUT(
		 "attachment", "{'name':'n','slice':'blue','port':'p0','vlan':9}"),
		"-32004 ops[0].objects[0].device\n"},
	{PUT("address", "{'attachment':'a','prefix':'10.0.0.1/24'},"
			"{'port':'p0','prefix':'224.0.0.1/24'}"),
		"-32602 ops[0].objects[0].attachment\n-32602 ops[0].objects[1].prefix\n"},
	{PUT("neighbor", "{'attachment':'b','address':'10.1.1.1','mac':'02:00:00:00:00:07'}"),
		"-32602 ops[0].objects[0].address\n"},
	{PUT("route", "{'table':'net','prefix':'10.0.0.0/24','via':[]}") "," DELETE(
		 "route", "'net 10.77.0.0/16'"),
		"-32004 ops[0].objects[0].prefix\n-32001 ops[1].keys[0]\n"},
	{PUT("slice", "{'name':'x','vni':100},{'name':'y','vni':9},{'name':'y','vni':10}"),
		"-32004 ops[0].objects[0].vni\n-32004 ops[0].objects[2]\n"},
	{PUT("slice", "{'name':'new','vni':9}") "," PUT(
		 "slice", "{'name':'new','vni':9},{'name':'new','vni':10}"),
		"-32004 ops[1].objects[1]\n"},
	{PUT("attachment", "{'name':'x','slice':'blue','port':'p1','vlan':7},"
			   "{'name':'y','slice':'blue','port':'p1','vlan':70,'tap':'lo'},"
			   "{'name':'z','slice':'blue','port':'p1','vlan':71,'tap':'tc'}"),
		"-32004 ops[0].objects[0].vlan\n-32004 ops[0].objects[1].tap\n"
		"-32004 ops[0].objects[2].tap\n"},
	{PUT("tunnel", "{'name':'x','encap':'vxlan','local':'198.18.0.1','remote':'198.18.0.2'}"),
		"-32004 ops[0].objects[0].remote\n"},
	{DELETE("tunnel", "'t'") "," DELETE("slice", "'blue','red'"),
		"-32002 ops[0].keys[0]\n-32002 ops[1].keys[0]\n-32002 ops[1].keys[1]\n"},
	{PUT("member", "{'slice':'blue','tunnel':'none'}"), "-32602 ops[0].objects[0].tunnel\n"},
	{PUT("mac", "{'slice':'blue','mac':'02:00:00:00:00:03','attachment':'b'}"),
		"-32602 ops[0].objects[0].attachment\n"},
	{PUT("meter", "{'name':'x','cir_bps':2000000,'cbs_bytes':10000,'pir_bps':1000000,"
		      "'pbs_bytes':10000}"),
		"-32602 ops[0].objects[0].pir_bps\n"},
	{PUT("gtpu", "{'name':'x','address':'198.18.0.1','interface':'core'}"),
		"-32004 ops[0].objects[0].address\n"},
	{PUT("session", SESSION("s2", "10.60.0.1", "") "," SESSION(
				"s3", "10.60.0.3", "'teid':1,") "," SESSION("s4", "10.60.0.4", "")),
		"-32004 ops[0].objects[0].ue.ipv4\n-32004 ops[0].objects[1].pdrs[0].teid\n"},
	/* one that was put twice: where it was last */
	{PUT("session", SESSION("s2", "10.60.0.2", "")) "," PUT(
		 "session", SESSION("s2", "10.60.0.1", "")),
		"-32004 ops[1].objects[0].ue.ipv4\n"},
};

static void refused_of(json_t *answer, char *text, size_t size)
{
	json_t *refused = json_object_get(json_object_get(answer, "result"), "refused"), *one;
	size_t i, used = 0;

	text[0] = '\0';
	json_array_foreach (refused, i, one)
		used += snprintf(text + used, size - used, "%lld %s\n",
			(long long)json_integer_value(json_object_get(one, "code")),
			json_string_value(json_object_get(json_object_get(one, "data"), "path")));
}

static char before[65536], after[65536];

START_TEST(check_tells_all_and_leaves_nothing)
{
	json_t *answer;
	struct fakes seen;
	char text[1024];

	furnish_all();
	snapshot(before, sizeof(before));
	seen = fakes;
	for (int again = 0; again < 2; again++) {
		answer = ask(CALL("transaction", "{'check':true,'ops':[%s]}"), checks[_i].ops);
		ck_assert_str_eq(at(answer, "error"), "");
		refused_of(answer, text, sizeof(text));
		ck_assert_str_eq(text, checks[_i].refused);
		ck_assert_str_eq(at(answer, "result.chosen"), "");
		json_decref(answer);
		seen.tap_there = fakes.tap_there;
		seen.devices_more = fakes.devices_more;
		ck_assert_mem_eq(&seen, &fakes, sizeof(fakes));
		snapshot(after, sizeof(after));
		ck_assert_str_eq(before, after);
	}
}
END_TEST

START_TEST(earnest_says_what_the_check_said)
{
	json_t *answer, *error;

	furnish_all();
	answer = ask(CALL("transaction", "{'check':true,'ops':[%s]}"), checks[_i].ops);
	error = json_incref(
		json_array_get(json_object_get(json_object_get(answer, "result"), "refused"), 0));
	json_decref(answer);
	answer = ask(CALL("transaction", "{'ops':[%s]}"), checks[_i].ops);
	if (error)
		ck_assert(json_equal(error, json_object_get(answer, "error")));
	else
		ck_assert_str_eq(at(answer, "error"), "");
	json_decref(error);
	json_decref(answer);
}
END_TEST

/* In earnest that takes two transactions, and whoever does so checks both at once. */
START_TEST(check_lets_a_port_come_back)
{
	furnish();
	EXPECT(ask(CALL("transaction",
		       "{'check':true,'ops':[" DELETE("attachment", "'a'") "," DELETE(
			       "port", "'p0'") "," PUT("port",
			       "{'name':'p0','device':'other','tap':true}") "," PUT("attachment",
			       "{'name':'a','slice':'blue','port':'p0','vlan':4}") "]}")),
		"result.refused", "[]");
	ck_assert(!fakes.tap_there);
	EXPECT(ask(CALL("get", "{'type':'port','key':'p0'}")), "result.device", "d0");
	ck_assert_int_eq(fakes.ports_open, 2);
}
END_TEST

START_TEST(check_counts_devices)
{
	furnish();
	OK(ask(CALL("transaction",
		"{'check':true,'ops':[" DELETE("port", "'p1'") "," PUT("port",
			"{'name':'p3','device':'d3','tap':true},{'name':'p4','device':'d4'},"
			"{'name':'p5','device':'d5'}") "]}")));
	ck_assert_int_eq(fakes.devices_more, 2);
}
END_TEST

START_TEST(check_tells_an_interface_that_is_not_there)
{
	furnish();
	fakes.fail_port_open = true;
	EXPECT(ask(CALL("transaction",
		       "{'check':true,'ops':[" PUT("port", "{'name':'p2','device':'d2'}") "]}")),
		"result.refused.0.message", "no such interface");
}
END_TEST

/* Tables that are full are told with their limit; of many refusals the first are told. */
START_TEST(check_tells_tables_that_are_full)
{
	static char ops[300 * 80];
	json_t *answer;
	size_t used = 0;

	furnish_all();
	fakes.session_limit = 2;
	answer = ask(CALL("transaction",
		"{'check':true,'ops':[" PUT("session",
			SESSION("s2", "10.60.0.2", "") "," SESSION("s3", "10.60.0.3", "")) "]}"));
	EXPECT(json_incref(answer), "result.refused.0.code", "-32003");
	EXPECT(json_incref(answer), "result.refused.0.data.path", "ops[0].objects[1]");
	EXPECT(answer, "result.refused_total", "1");
	fakes.fdb_limit = 1;
	for (int i = 0; i < 300; i++)
		used += snprintf(ops + used, sizeof(ops) - used,
			"%s{'slice':'blue','mac':'02:00:00:00:%02x:%02x','attachment':'a'}",
			i ? "," : "", 1 + (i >> 8), i & 255);
	answer = ask(CALL("transaction", "{'check':true,'ops':[{'op':'put','type':'mac','objects':"
					 "[%s]}]}"),
		ops);
	ck_assert_int_eq(atoi(at(answer, "result.refused.0.data.limit")), LIMIT_MACS);
	ck_assert_uint_eq(
		json_array_size(json_object_get(json_object_get(answer, "result"), "refused")),
		256);
	ck_assert_str_eq(at(answer, "result.refused_total"), "300");
	json_decref(answer);
}
END_TEST

START_TEST(check_is_true_or_false)
{
	EXPECT(ask(CALL("transaction", "{'check':1,'ops':[]}")), "error.data.path", "check");
	EXPECT(ask(CALL("transaction", "{'check':true,'ops':[{'op':'drop'}]}")), "error.data.path",
		"ops[0].op");
	EXPECT(ask(CALL("transaction",
		       "{'check':false,'ops':[" PUT("slice", "{'name':'x','vni':5}") "]}")),
		"result.created", "1");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("rpc_check");
	TCase *tcase = tcase_create("check");
	int rows = sizeof(checks) / sizeof(checks[0]);

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, check_tells_all_and_leaves_nothing, 0, rows);
	tcase_add_loop_test(tcase, earnest_says_what_the_check_said, 0, rows);
	tcase_add_test(tcase, check_lets_a_port_come_back);
	tcase_add_test(tcase, check_counts_devices);
	tcase_add_test(tcase, check_tells_an_interface_that_is_not_there);
	tcase_add_test(tcase, check_tells_tables_that_are_full);
	tcase_add_test(tcase, check_is_true_or_false);
	suite_add_tcase(suite, tcase);
	return rpc_test_main(suite);
}
