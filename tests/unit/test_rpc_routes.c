/* SPDX-License-Identifier: BSD-3-Clause */
/* Routes of l3 slices through the socket: what is refused, how a transaction stages them, and a
 * hundred thousand at a time. They are not in the model, so its tests say nothing about them. */
#include <time.h>

#include "rpc_l3.h"

#define ROUTE(prefix, via)     "{'table':'blue','prefix':'" prefix "','via':[" via "]}"
#define PUT_ROUTE(prefix, via) PUT_ONE("route", ROUTE(prefix, via))
#define T		       "{'tunnel':'t'}"

static const struct refusal refusals[] = {
	/* the table */
	{PUT_ONE("route", "{'table':'nope','prefix':'10.9.0.0/16','via':[" T "]}"), "-32602",
		"error.data.path", "objects[0].table"},
	{PUT_ONE("route", "{'table':'flat','prefix':'10.9.0.0/16','via':[" T "]}"), "-32602",
		"error.data.want", "\"underlay\" or an l3 slice"},
	/* the prefix */
	{PUT_ROUTE("10.9.0.1/16", T), "-32602", "error.data.want", "10.9.0.0/16 (host bits zero)"},
	{PUT_ROUTE("224.0.0.0/8", T), "-32602", "error.data.path", "objects[0].prefix"},
	{PUT_ROUTE("ff00::/8", T), "-32602", "error.data.path", "objects[0].prefix"},
	{PUT_ROUTE("10.0.0.0/24", T), "-32004", "error.data.with", "attachment a"},
	{PUT_ROUTE("2001:db8::/64", T), "-32004", "error.data.path", "objects[0].prefix"},
	{PUT_ROUTE("10.0.0.1/32", T), "-32004", "error.data.with", "address a 10.0.0.1/24"},
	{TX(PUT("address", "{'attachment':'b','prefix':'10.7.0.1/24'}") "," PUT(
		 "route", ROUTE("10.7.0.0/24", T))),
		"-32004", "error.data.with", "attachment b"},
	{PUT_ROUTE("10.0.0.255/32", T), "-32004", "error.data.with", "attachment a"},
	{PUT_ROUTE("10.0.0.0/32", T), "-32004", "error.data.path", "objects[0].prefix"},
	/* the ways */
	{PUT_ROUTE("10.9.0.0/16", "{'port':'p0'}"), "-32602", "error.data.path",
		"objects[0].via[0].port"},
	{PUT_ROUTE("10.9.0.0/16", "{'address':'10.0.0.2'}"), "-32602", "error.data.want",
		"exactly one of attachment and tunnel"},
	{PUT_ROUTE("10.9.0.0/16", T ",{'tunnel':'t','attachment':'a'}"), "-32602",
		"error.data.path", "objects[0].via[1]"},
	{PUT_ROUTE("10.9.0.0/16", "{'attachment':'r'}"), "-32602", "error.data.path",
		"objects[0].via[0].attachment"},
	{PUT_ROUTE("10.9.0.0/16", "{'attachment':'nope'}"), "-32602", "error.data.path",
		"objects[0].via[0].attachment"},
	{PUT_ROUTE("10.9.0.0/16", "{'tunnel':'nope'}"), "-32602", "error.data.path",
		"objects[0].via[0].tunnel"},
	{PUT_ROUTE("10.9.0.0/16", "{'tunnel':'u'}"), "-32602", "error.data.path",
		"objects[0].via[0].tunnel"},
	{PUT_ROUTE("10.9.0.0/16", "{'attachment':'a','address':'2001:db8::2'}"), "-32602",
		"error.data.want", "an IPv4 address"},
	{PUT_ROUTE("2001:db8:9::/48", "{'tunnel':'t','address':'10.0.0.2'}"), "-32602",
		"error.data.want", "an IPv6 address"},
	{PUT_ROUTE("10.9.0.0/16", "{'attachment':'a','address':'10.1.0.2'}"), "-32602",
		"error.data.path", "objects[0].via[0].address"},
	{PUT_ROUTE("10.9.0.0/16", "{'attachment':'a','address':'10.0.0.255'}"), "-32602",
		"error.data.path", "objects[0].via[0].address"},
	{PUT_ROUTE("10.9.0.0/16", "{'attachment':'a','address':'10.0.0.1'}"), "-32602",
		"error.data.want", "another address than the switch's own"},
	{PUT_ROUTE("10.9.0.0/16", "{'attachment':'b','address':'10.0.0.2'}"), "-32602",
		"error.data.path", "objects[0].via[0].address"},
	{PUT_ROUTE("10.9.0.0/16", "{'tunnel':'t','address':'224.0.0.1'}"), "-32602",
		"error.data.path", "objects[0].via[0].address"},
	{PUT_ROUTE("10.9.0.0/16", "{'attachment':'a','mac':'02:00:00:00:00:01'}"), "-32602",
		"error.data.path", "objects[0].via[0].mac"},
	{PUT_ROUTE("10.9.0.0/16", "{'tunnel':'t','mac':'01:00:00:00:00:01'}"), "-32602",
		"error.data.path", "objects[0].via[0].mac"},
	{PUT_ROUTE("10.9.0.0/16", "{'tunnel':'t','weight':256}"), "-32602", "error.data.path",
		"objects[0].via[0].weight"},
	{PUT_ROUTE("10.9.0.0/16", T ",{'tunnel':'t','weight':2}"), "-32004", "error.data.with",
		"via[0]"},
	{PUT_ROUTE("10.9.0.0/16", "{'attachment':'a'}," T ",{'attachment':'a'}"), "-32004",
		"error.data.path", "objects[0].via[2]"},
	{PUT_ROUTE("10.9.0.0/16", T "," T "," T "," T "," T "," T "," T "," T "," T "," T "," T
				    "," T "," T "," T "," T "," T "," T),
		"-32602", "error.data.path", "objects[0].via"},
	/* of the underlay: no ways of slices */
	{PUT_ONE("route", "{'table':'underlay','prefix':'10.9.0.0/16','via':[" T "]}"), "-32602",
		"error.data.path", "objects[0].via[0].tunnel"},
	{PUT_ONE("route", "{'table':'underlay','prefix':'10.9.0.0/16','via':[{'attachment':'a'}]}"),
		"-32602", "error.data.path", "objects[0].via[0].attachment"},
	{PUT_ONE("route", "{'table':'underlay','prefix':'10.9.0.0/16','via':[{'port':'p0','mac':"
			  "'02:00:00:00:00:01'}]}"),
		"-32602", "error.data.path", "objects[0].via[0].mac"},
	/* twice, and what is not there */
	{PUT_ONE("route", ROUTE("10.9.0.0/16", T) "," ROUTE("10.9.0.0/16", "{'attachment':'a'}")),
		"-32004", "error.data.with", "objects[0]"},
	{DELETE_ONE("route", "blue 10.9.0.0/16"), "-32001", "error.data.path", "keys[0]"},
	{DELETE_ONE("route", "blue 192.168.0.1/16"), "-32001", "error.data.path", "keys[0]"},
	{DELETE_ONE("route", "flat 192.168.0.0/16"), "-32001", "error.data.path", "keys[0]"},
	{DELETE_ONE("route", "nope 192.168.0.0/16"), "-32001", "error.data.path", "keys[0]"},
	{TX(DELETE("route", "'blue 192.168.0.0/16','blue 192.168.0.0/16'")), "-32001",
		"error.data.path", "ops[0].keys[1]"},
	/* what routes use stays */
	{DELETE_ONE("member", "blue t"), "-32002", "error.data.by", "1 route of slice blue"},
	{TX(DELETE("neighbor", "'a 10.0.0.9'") "," PUT("route",
		 ROUTE("10.9.0.0/16", "{'attachment':'b'}")) "," DELETE("attachment", "'b'")),
		"-32602", "error.data.path", "ops[1].objects[0].via[0].attachment"},
	/* what a failing transaction has staged is taken back */
	{TX(PUT("route", ROUTE("192.168.0.0/16", T) "," ROUTE("10.9.0.0/16", T)) "," DELETE(
		 "route", "'blue 192.168.0.0/16'") "," PUT("route",
		 ROUTE("192.168.0.0/16",
			 "{'attachment':'a','address':'10.0.0.3'}")) "," DELETE("slice", "'nope'")),
		"-32001", "error.data.got", "nope"},
};

START_TEST(refusal_names_the_place_and_changes_nothing)
{
	furnish_l3();
	expect_refusal(&refusals[_i]);
	/* the route's uses are counted as they were */
	EXPECT(ask(DELETE_ONE("address", "a 10.0.0.1/24")), "error.data.by",
		"1 route next hop of slice blue");
	EXPECT(ask(DELETE_ONE("member", "blue t")), "error.data.by", "1 route of slice blue");
	take_down();
}
END_TEST

START_TEST(route_is_created_updated_unchanged_shown_and_deleted)
{
	furnish_l3();
	EXPECT(ask(GET("route", "blue 192.168.0.0/16")), "result",
		"{\"prefix\":\"192.168.0.0/16\",\"table\":\"blue\",\"via\":[{\"address\":"
		"\"10.0.0.2\",\"attachment\":\"a\",\"weight\":1},{\"tunnel\":\"t\",\"weight\":3}]"
		"}");
	EXPECT(ask(PUT_ROUTE("192.168.0.0/16", "{'attachment':'a','address':'10.0.0.2'},"
					       "{'tunnel':'t','weight':3}")),
		"result", "{\"created\":0,\"unchanged\":1,\"updated\":0}");
	EXPECT(ask(PUT_ROUTE("192.168.0.0/16", "{'tunnel':'t','mac':'02:00:00:00:00:55',"
					       "'address':'10.77.0.1'}")),
		"result", "{\"created\":0,\"unchanged\":0,\"updated\":1}");
	EXPECT(ask(GET("route", "blue 192.168.0.0/16")), "result.via.0",
		"{\"address\":\"10.77.0.1\",\"mac\":\"02:00:00:00:00:55\",\"tunnel\":\"t\","
		"\"weight\":1}");
	/* the attachment and its address are free of it */
	OK(ask(TX(DELETE("neighbor", "'a 10.0.0.9'") "," DELETE("address", "'a 10.0.0.1/24'"))));
	OK(ask(TX(PUT("address", "{'attachment':'a','prefix':'10.0.0.1/24'}") "," PUT(
		"neighbor", "{'attachment':'a','address':'10.0.0.9','mac':'02:00:00:00:00:09'}"))));
	EXPECT(ask(PUT_ROUTE("0.0.0.0/0", T)), "result.created", "1");
	EXPECT(ask(PUT_ROUTE("::/0", "{'attachment':'a','address':'2001:db8::9'}")),
		"result.created", "1");
	EXPECT(ask(GET("slice", "blue")), "result.routes", "3");
	EXPECT(ask(CALL("stats", "{'type':'box'}")), "result.objects.box.routes", "3");
	EXPECT(ask(CALL("delete", "{'type':'route','keys':['blue 0.0.0.0/0','blue ::/0','blue "
				  "1.0.0.0/8'],'missing_ok':true}")),
		"result.deleted", "2");
	EXPECT(ask(GET("route", "blue ::/0")), "error.code", "-32001");
	take_down();
}
END_TEST

/* In whatever order. */
START_TEST(everything_may_come_and_go_in_one_transaction)
{
	char *before, *after;

	furnish_l3();
	before = everything();
	OK(ask(TX(PUT("route", "{'table':'red','prefix':'10.2.0.0/16','via':[{'attachment':'n',"
			       "'address':'10.1.0.2'},{'tunnel':'t'}]}") "," PUT("address",
		"{'attachment':'n','prefix':'10.1.0.1/24'}") "," PUT("attachment",
		"{'name':'n','slice':'red','port':'p1','vlan':7}"))));
	OK(ask(TX(DELETE("attachment", "'n'") "," DELETE("address", "'n 10.1.0.1/24'") "," DELETE(
		"route", "'red 10.2.0.0/16'"))));
	after = everything();
	ck_assert_str_eq(before, after);
	free(before);
	free(after);
	ck_assert_int_eq(fakes.fib_reserved, 0);
	take_down();
}
END_TEST

START_TEST(prefix_is_a_network_or_a_route_as_the_transaction_leaves_it)
{
	furnish_l3();
	OK(ask(PUT_ONE("route", ROUTE("10.7.0.0/24", T))));
	OK(ask(TX(PUT("address", "{'attachment':'b','prefix':'10.7.0.1/24'}") "," DELETE(
		"route", "'blue 10.7.0.0/24'"))));
	OK(ask(TX(PUT("route", ROUTE("10.7.0.0/24", T) "," ROUTE("10.7.0.1/32", T)) "," DELETE(
		"address", "'b 10.7.0.1/24'"))));
	OK(ask(TX(DELETE("route", "'blue 10.7.0.0/24','blue 10.7.0.1/32'") "," PUT(
		"address", "{'attachment':'b','prefix':'10.7.0.1/24'}"))));
	OK(ask(DELETE_ONE("address", "b 10.7.0.1/24")));
	take_down();
}
END_TEST

START_TEST(route_counts_once_however_many_of_its_ways_go_there)
{
	furnish_l3();
	OK(ask(PUT_ROUTE("192.168.0.0/16",
		"{'attachment':'a','address':'10.0.0.2'},{'attachment':'a','address':'10.0.0.3'},"
		"{'attachment':'a'},{'tunnel':'t','mac':'02:00:00:00:00:01'},"
		"{'tunnel':'t','mac':'02:00:00:00:00:02'}")));
	EXPECT(ask(DELETE_ONE("address", "a 10.0.0.1/24")), "error.data.by",
		"2 route next hops of slice blue");
	EXPECT(ask(DELETE_ONE("member", "blue t")), "error.data.by", "1 route of slice blue");
	OK(ask(TX(DELETE("neighbor", "'a 10.0.0.9'") "," PUT(
		"route", ROUTE("192.168.0.0/16", "{'attachment':'a'}")) "," DELETE("address",
		"'a 10.0.0.1/24','a 2001:db8::1/64'"))));
	EXPECT(ask(DELETE_ONE("attachment", "a")), "error.data.by", "1 route of slice blue");
	OK(ask(DELETE_ONE("member", "blue t")));
	OK(ask(DELETE_ONE("route", "blue 192.168.0.0/16")));
	OK(ask(DELETE_ONE("attachment", "a")));
}
END_TEST

/* What nothing is said of but that it goes nowhere: no way at all. */
START_TEST(route_without_ways_is_one_of_its_slice)
{
	furnish_l3();
	OK(ask(PUT_ONE("slice", "{'name':'null','vni':9,'kind':'l3'}")));
#define NULL_ROUTE(prefix) "{'table':'null','prefix':'" prefix "','via':[]}"
	EXPECT(ask(PUT_ONE("route", NULL_ROUTE("10.0.0.0/8") "," NULL_ROUTE("2001:db8::/32"))),
		"result.created", "2");
	EXPECT(ask(PUT_ONE("route", NULL_ROUTE("10.0.0.0/8"))), "result.unchanged", "1");
	EXPECT(ask(GET("route", "null 10.0.0.0/8")), "result.via", "[]");
	EXPECT(ask(DELETE_ONE("slice", "null")), "error.data.by", "2 routes of slice null");
	/* from ways to none and back, and a transaction that fails after it */
	OK(ask(PUT_ROUTE("10.9.0.0/16", T)));
	EXPECT(ask(PUT_ROUTE("10.9.0.0/16", "")), "result.updated", "1");
	EXPECT(ask(TX(PUT("route", ROUTE("10.9.0.0/16", T)) "," DELETE("slice", "'nobody'"))),
		"error.code", "-32001");
	EXPECT(ask(GET("route", "blue 10.9.0.0/16")), "result.via", "[]");
	EXPECT(ask(PUT_ROUTE("10.9.0.0/16", T)), "result.updated", "1");
	OK(ask(DELETE_ONE("route", "blue 10.9.0.0/16")));
	OK(ask(TX(DELETE("route", "'null 10.0.0.0/8','null 2001:db8::/32'") "," DELETE(
		"slice", "'null'"))));
	ck_assert_int_eq(fakes.fib_reserved, 0);
	take_down();
}
END_TEST

START_TEST(capacity_is_named)
{
	furnish_l3();
	fakes.fib_limit = 2;
	expect_refusal(&(struct refusal){
		PUT_ONE("route", ROUTE("10.9.0.0/16", T) "," ROUTE("10.10.0.0/16", T)), "-32003",
		"error.data.limit", "2097152"});
	fakes.nexthop_limit = 1;
	expect_refusal(&(struct refusal){PUT_ROUTE("10.9.0.0/16", "{'attachment':'a'}"), "-32003",
		"error.data.limit", "524288"});
	expect_refusal(&(struct refusal){
		PUT_ONE("route",
			"{'table':'underlay','prefix':'10.9.0.0/16','via':[{'port':'p0'}]}"),
		"-32003", "error.data.limit", "524288"});
	take_down();
}
END_TEST

START_TEST(list_takes_a_table_and_a_prefix)
{
	furnish_l3();
	OK(ask(PUT_ONE("route", "{'table':'underlay','prefix':'0.0.0.0/0','via':[{'port':'p0'}]},"
				"{'table':'red','prefix':'192.168.0.0/16','via':[" T "]},"
				"{'table':'red','prefix':'2001:db8::/32','via':[" T "]}")));
	EXPECT(ask(CALL("list", "{'type':'route','match':{'table':'underlay'}}")),
		"result.objects.0.prefix", "0.0.0.0/0");
	EXPECT(ask(CALL("list", "{'type':'route','match':{'table':'underlay'}}")),
		"result.objects.1", "");
	EXPECT(ask(CALL("list", "{'type':'route','match':{'table':'blue'}}")), "result.objects.1",
		"");
	EXPECT(ask(CALL("list", "{'type':'route','match':{'table':'red','prefix':'2001:db8::/32'"
				"}}")),
		"result.objects.0.table", "red");
	EXPECT(ask(CALL("list", "{'type':'route','match':{'prefix':'192.168.0.0/16'}}")),
		"result.objects.1.prefix", "192.168.0.0/16");
	EXPECT(ask(CALL("list", "{'type':'route','match':{'table':'nope'}}")), "result.objects",
		"[]");
	EXPECT(ask(CALL("list", "{'type':'route','cursor':'5.0'}")), "error.data.path", "cursor");
	OK(ask(TX(DELETE("route", "'underlay 0.0.0.0/0','red 192.168.0.0/16','red "
				  "2001:db8::/32'"))));
	take_down();
}
END_TEST

static const int limits[] = {1, 7, 64, 65, 10000};

START_TEST(route_pages_hold_every_route_once)
{
	char cursor[40] = "";
	bool seen[200] = {false};
	int got = 0;

	furnish_l3();
	for (int i = 0; i < 200; i++)
		OK(ask(i % 3	? PUT_ONE("route", "{'table':'blue','prefix':'10.9.%d.0/24','via':["
						      "{'tunnel':'t'}]}")
			: i % 2 ? PUT_ONE("route",
					  "{'table':'blue','prefix':'2001:db8:%d::/48','via'"
					  ":[{'tunnel':'t'}]}")
				: PUT_ONE("route", "{'table':'underlay','prefix':'10.9.%d.0/24',"
						   "'via':[{'port':'p0'}]}"),
			i));
	do {
		json_t *page =
			*cursor ? ask(CALL("list", "{'type':'route','limit':%d,'cursor':"
						   "'%s'}"),
					  limits[_i], cursor)
				: ask(CALL("list", "{'type':'route','limit':%d}"), limits[_i]);
		json_t *objects = json_object_get(json_object_get(page, "result"), "objects");

		ck_assert_uint_le(json_array_size(objects), limits[_i]);
		for (size_t i = 0; i < json_array_size(objects); i++) {
			const char *prefix = at(json_array_get(objects, i), "prefix");
			int n;

			got++;
			if (sscanf(prefix, "10.9.%d.", &n) != 1 &&
				sscanf(prefix, "2001:db8:%d::", &n) != 1)
				continue;
			ck_assert(!seen[n]);
			seen[n] = true;
		}
		strcpy(cursor, at(page, "result.cursor"));
		json_decref(page);
	} while (*cursor);
	ck_assert_int_eq(got, 201);
}
END_TEST

START_TEST(hundred_thousand_routes_in_one_message_take_less_than_a_second)
{
	const int n = 100000;
	char *text = malloc(n * 110 + 200), *end = text;
	struct timespec from, to;
	double seconds;

	furnish_l3();
	end += sprintf(end, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"put\",\"params\":{"
			    "\"type\":\"route\",\"objects\":[");
	for (int i = 0; i < n; i++)
		end += sprintf(end,
			"%s{\"table\":\"blue\",\"prefix\":\"11.%d.%d.%d/32\",\"via\":[{"
			"\"attachment\":\"a\",\"address\":\"10.0.0.%d\"}]}",
			i ? "," : "", i >> 16, i >> 8 & 255, i & 255, 10 + i % 16);
	end += sprintf(end, "]}}\n");
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
	send_all(conn, text, end - text);
	EXPECT(next_json(), "result.created", "100000");
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
	seconds = to.tv_sec - from.tv_sec + (to.tv_nsec - from.tv_nsec) / 1e9;
	fprintf(stderr, "100,000 routes: %.3f s of CPU\n", seconds);
#if !defined(__SANITIZE_ADDRESS__)
	ck_assert_double_lt(seconds, 1.5); /* 0.4 on a quiet machine */
#endif
	EXPECT(ask(DELETE_ONE("address", "a 10.0.0.1/24")), "error.data.by",
		"100001 route next hops of slice blue");
	free(text);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("rpc_routes");
	TCase *tcase = tcase_create("routes");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, refusal_names_the_place_and_changes_nothing, 0,
		sizeof(refusals) / sizeof(refusals[0]));
	tcase_add_test(tcase, route_is_created_updated_unchanged_shown_and_deleted);
	tcase_add_test(tcase, everything_may_come_and_go_in_one_transaction);
	tcase_add_test(tcase, prefix_is_a_network_or_a_route_as_the_transaction_leaves_it);
	tcase_add_test(tcase, route_counts_once_however_many_of_its_ways_go_there);
	tcase_add_test(tcase, route_without_ways_is_one_of_its_slice);
	tcase_add_test(tcase, capacity_is_named);
	tcase_add_test(tcase, list_takes_a_table_and_a_prefix);
	tcase_add_loop_test(
		tcase, route_pages_hold_every_route_once, 0, sizeof(limits) / sizeof(limits[0]));
	tcase_add_test(tcase, hundred_thousand_routes_in_one_message_take_less_than_a_second);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	return rpc_test_main(suite);
}
