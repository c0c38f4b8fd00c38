/* SPDX-License-Identifier: BSD-3-Clause */
/* Meters through the socket: what is taken and refused, who is metered by what, and their counters.
 */
#include "fakes.h"
#include "police.h"
#include "rpc_client.h"

#define METER(name, more)                                                                          \
	CALL("put",                                                                                \
		"{'type':'meter','objects':[{'name':'" name                                        \
		"','cir_bps':1000000,'cbs_bytes':20000,'pir_bps':2000000,'pbs_bytes':30000" more   \
		"}]}")
static void expect_metered(int slice, int in, int out)
{
	ck_assert_int_eq(fakes.metered[POLICE_SLICE], slice);
	ck_assert_int_eq(fakes.metered[POLICE_IN], in);
	ck_assert_int_eq(fakes.metered[POLICE_OUT], out);
}

START_TEST(meter_shows_what_was_put)
{
	OK(ask(METER("m", "")));
	EXPECT(ask(CALL("get", "{'type':'meter','key':'m'}")), "result",
		"{\"algorithm\":\"trtcm\",\"cbs_bytes\":20000,\"cir_bps\":1000000,\"color\":"
		"\"aware\","
		"\"name\":\"m\",\"pbs_bytes\":30000,\"pir_bps\":2000000,\"yellow\":\"remark\"}");
	OK(ask(CALL("put", "{'type':'meter','objects':[{'name':'fast','cir_bps':400000000000,"
			   "'cbs_bytes':4294967295,'pir_bps':1000000000000,'pbs_bytes':4294967295,"
			   "'yellow':'drop','color':'blind'}]}")));
	EXPECT(ask(CALL("get", "{'type':'meter','key':'fast'}")), "result.pir_bps",
		"1000000000000");
	/* one rate, and what has no excess */
	OK(ask(CALL("put", "{'type':'meter','objects':["
			   "{'name':'one','cir_bps':8,'cbs_bytes':64,'algorithm':'srtcm'},"
			   "{'name':'two','cir_bps':8,'cbs_bytes':64,'pir_bps':0,'pbs_bytes':0,"
			   "'algorithm':'trtcm-rfc4115'}]}")));
	ck_assert_int_eq(fakes.meters_set, 4);
	OK(ask(CALL("delete", "{'type':'meter','keys':['m','fast','one','two']}")));
	ck_assert_int_eq(fakes.meters_held, 0);
}
END_TEST

static const struct {
	const char *request, *path;
} refused[] = {
	{CALL("put", "{'type':'meter','objects':[{'name':'m','cbs_bytes':2000}]}"),
		"objects[0].cir_bps"},
	{CALL("put", "{'type':'meter','objects':[{'name':'m','cir_bps':2000}]}"),
		"objects[0].cbs_bytes"},
	{CALL("put", "{'type':'meter','objects':[{'name':'m','cir_bps':0,'cbs_bytes':2000,"
		     "'pir_bps':0,'pbs_bytes':2000}]}"),
		"objects[0].cir_bps"},
	{CALL("put", "{'type':'meter','objects':[{'name':'m','cir_bps':7,'cbs_bytes':2000}]}"),
		"objects[0].cir_bps"},
	{CALL("put", "{'type':'meter','objects':[{'name':'m','cir_bps':1000000000001,"
		     "'cbs_bytes':2000}]}"),
		"objects[0].cir_bps"},
	{CALL("put", "{'type':'meter','objects':[{'name':'m','cir_bps':-5,'cbs_bytes':2000}]}"),
		"objects[0].cir_bps"},
	{CALL("put", "{'type':'meter','objects':[{'name':'m','cir_bps':1e6,'cbs_bytes':2000}]}"),
		"objects[0].cir_bps"},
	{CALL("put", "{'type':'meter','objects':[{'name':'m','cir_bps':1000,'cbs_bytes':63}]}"),
		"objects[0].cbs_bytes"},
	{CALL("put", "{'type':'meter','objects':[{'name':'m','cir_bps':1000,"
		     "'cbs_bytes':4294967296}]}"),
		"objects[0].cbs_bytes"},
	{CALL("put", "{'type':'meter','objects':[{'name':'m','cir_bps':1000,'cbs_bytes':2000}]}"),
		"objects[0].pir_bps"},
	{CALL("put", "{'type':'meter','objects':[{'name':'m','cir_bps':1000,'cbs_bytes':2000,"
		     "'pir_bps':999,'pbs_bytes':2000}]}"),
		"objects[0].pir_bps"},
	{CALL("put", "{'type':'meter','objects':[{'name':'m','cir_bps':1000,'cbs_bytes':2000,"
		     "'pir_bps':1000000000001,'pbs_bytes':2000}]}"),
		"objects[0].pir_bps"},
	{CALL("put", "{'type':'meter','objects':[{'name':'m','cir_bps':1000,'cbs_bytes':2000,"
		     "'pir_bps':1000,'pbs_bytes':63}]}"),
		"objects[0].pbs_bytes"},
	{CALL("put", "{'type':'meter','objects':[{'name':'m','cir_bps':1000,'cbs_bytes':2000,"
		     "'pir_bps':1000,'pbs_bytes':2000,'algorithm':'leaky'}]}"),
		"objects[0].algorithm"},
	{CALL("put", "{'type':'attachment','objects':[{'name':'a','slice':'blue','port':'p0',"
		     "'meter_in':'none'}]}"),
		"objects[0].meter_in"},
	{CALL("put", "{'type':'slice','objects':[{'name':'blue','vni':100,'meter':5}]}"),
		"objects[0].meter"},
};

START_TEST(meter_refuses_by_field_and_changes_nothing)
{
	furnish();
	EXPECT(ask("%s", refused[_i].request), "error.data.path", refused[_i].path);
	ck_assert_int_eq(fakes.meters_held, 0);
	ck_assert_int_eq(fakes.meters_set, 0);
	expect_metered(0, 0, 0);
}
END_TEST

START_TEST(meter_is_in_use_until_nobody_names_it)
{
	furnish();
	OK(ask(METER("m", "")));
	OK(ask(METER("n", "")));
	OK(ask(CALL("put", "{'type':'slice','objects':[{'name':'blue','vni':100,'meter':'m'}]}")));
	OK(ask(CALL("put", "{'type':'attachment','objects':[{'name':'a','slice':'blue','port':'p0',"
			   "'meter_in':'m','meter_out':'m'}]}")));
	expect_metered(1, 1, 1);
	/* each direction has its own: m is the first, n the second */
	OK(ask(CALL("put", "{'type':'attachment','objects':[{'name':'a','slice':'blue','port':'p0',"
			   "'meter_in':'m','meter_out':'n'}]}")));
	ck_assert_uint_ne(fakes.meter_used[POLICE_OUT], fakes.meter_used[POLICE_IN]);
	ck_assert_uint_eq(fakes.meter_used[POLICE_IN], fakes.meter_used[POLICE_SLICE]);
	OK(ask(CALL("put", "{'type':'attachment','objects':[{'name':'a','slice':'blue','port':'p0',"
			   "'meter_in':'m','meter_out':'m'}]}")));
	ck_assert_uint_eq(fakes.meter_used[POLICE_OUT], fakes.meter_used[POLICE_SLICE]);
	EXPECT(ask(CALL("delete", "{'type':'meter','keys':['n','m']}")), "error.code", "-32002");
	EXPECT(ask(CALL("put", "{'type':'attachment','objects':[{'name':'a','slice':'blue','port':"
			       "'p0','meter_out':'n'}]}")),
		"result.updated", "1");
	expect_metered(1, 0, 1);
	OK(ask(CALL("put", "{'type':'slice','objects':[{'name':'blue','vni':100}]}")));
	expect_metered(0, 0, 1);
	EXPECT(ask(CALL("delete", "{'type':'meter','keys':['m']}")), "result.deleted", "1");
	EXPECT(ask(CALL("delete", "{'type':'meter','keys':['n']}")), "error.data.by",
		"attachment a");
	OK(ask(CALL("transaction", "{'ops':[{'op':'delete','type':'attachment','keys':['a']},"
				   "{'op':'delete','type':'meter','keys':['n']}]}")));
	expect_metered(0, 0, 0);
	ck_assert_int_eq(fakes.meters_held, 0);
}
END_TEST

START_TEST(meter_counts_over_its_uses_and_at_each)
{
	furnish();
	OK(ask(METER("m", "")));
	OK(ask(METER("n", "")));
	EXPECT(ask(CALL("stats", "{'type':'attachment','keys':['a']}")),
		"result.objects.a.meter_in_red_bytes", "");
	OK(ask(CALL("put", "{'type':'slice','objects':[{'name':'blue','vni':100,'meter':'n'}]}")));
	OK(ask(CALL("put", "{'type':'attachment','objects':[{'name':'a','slice':'blue','port':'p0',"
			   "'meter_in':'m','meter_out':'m'}]}")));
	/* the fake: 1, 2, 3 packets at a slice, twice that in, three times out */
	EXPECT(ask(CALL("stats", "{'type':'meter'}")), "result.objects.m",
		"{\"green_bytes\":320,\"green_packets\":5,\"red_bytes\":960,\"red_packets\":15,"
		"\"yellow_bytes\":640,\"yellow_packets\":10}");
	EXPECT(ask(CALL("stats", "{'type':'meter','keys':['n']}")),
		"result.objects.n.yellow_packets", "2");
	EXPECT(ask(CALL("stats", "{'type':'attachment','keys':['a']}")),
		"result.objects.a.meter_in_red_packets", "6");
	EXPECT(ask(CALL("stats", "{'type':'attachment','keys':['a']}")),
		"result.objects.a.meter_out_green_bytes", "192");
	EXPECT(ask(CALL("stats", "{'type':'slice','keys':['blue']}")),
		"result.objects.blue.meter_green_packets", "1");
	OK(ask(CALL("put", "{'type':'attachment','objects':[{'name':'a','slice':'blue','port':'p0',"
			   "'meter_in':'n','meter_out':'m'}]}")));
	EXPECT(ask(CALL("stats", "{'type':'meter'}")), "result.objects.m.green_packets", "3");
	EXPECT(ask(CALL("stats", "{'type':'meter'}")), "result.objects.n.green_packets", "3");
}
END_TEST

#define SLICE(more) CALL("put", "{'type':'slice','objects':[{'name':'x','vni':9" more "}]}")

START_TEST(meter_is_the_guarantee_of_its_slice_unless_that_has_one)
{
	OK(ask(METER("m", "")));
	OK(ask(SLICE("")));
	ck_assert_uint_eq(fakes.guarantee_bps, 0);
	ck_assert_uint_eq(fakes.weight, 1);
	OK(ask(SLICE(",'meter':'m'")));
	ck_assert_uint_eq(fakes.guarantee_bps, 1000000);
	/* the meter changes, and the slice with it */
	OK(ask(CALL("put", "{'type':'meter','objects':[{'name':'m','cir_bps':1500000,"
			   "'cbs_bytes':20000,'pir_bps':2000000,'pbs_bytes':30000}]}")));
	ck_assert_uint_eq(fakes.guarantee_bps, 1500000);
	OK(ask(SLICE(",'meter':'m','guarantee_bps':0,'weight':7")));
	ck_assert_uint_eq(fakes.guarantee_bps, 0);
	ck_assert_uint_eq(fakes.weight, 7);
	OK(ask(SLICE(",'meter':'m','guarantee_bps':5000")));
	OK(ask(METER("m", "")));
	ck_assert_uint_eq(fakes.guarantee_bps, 5000);
	/* less than the shaper counts: none */
	OK(ask(CALL("put", "{'type':'meter','objects':[{'name':'tiny','cir_bps':8,"
			   "'cbs_bytes':2000,'algorithm':'srtcm'}]}")));
	OK(ask(SLICE(",'meter':'tiny'")));
	ck_assert_uint_eq(fakes.guarantee_bps, 0);
	/* both in one transaction, the slice first */
	OK(ask(CALL("transaction",
		"{'ops':[{'op':'put','type':'slice','objects':[{'name':'x','vni':9,'meter':'m'}]},"
		"{'op':'put','type':'meter','objects':[{'name':'m','cir_bps':1700000,"
		"'cbs_bytes':20000,'pir_bps':2000000,'pbs_bytes':30000}]}]}")));
	ck_assert_uint_eq(fakes.guarantee_bps, 1700000);
	EXPECT(ask(CALL("get", "{'type':'slice','key':'x'}")), "result.guarantee_bps", "");
	OK(ask(CALL("delete", "{'type':'slice','keys':['x']}")));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("rpc_meters");
	TCase *tc = tcase_create("meters");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, meter_shows_what_was_put);
	tcase_add_loop_test(tc, meter_refuses_by_field_and_changes_nothing, 0,
		sizeof(refused) / sizeof(refused[0]));
	tcase_add_test(tc, meter_is_in_use_until_nobody_names_it);
	tcase_add_test(tc, meter_counts_over_its_uses_and_at_each);
	tcase_add_test(tc, meter_is_the_guarantee_of_its_slice_unless_that_has_one);
	suite_add_tcase(suite, tc);
	return rpc_test_main(suite);
}
