/* SPDX-License-Identifier: BSD-3-Clause */
/* Taps of attachments through the socket: who has which, and that a refusal leaves nothing behind.
 */
#include "attachment_tap.h"
#include "fakes.h"
#include "rpc_client.h"
#include "server.h"

#define PUT(attachment) CALL("put", "{'type':'attachment','objects':[" attachment "]}")
#define A(rest)		"{'name':'a','slice':'blue','port':'p0'" rest "}"
#define B(rest)		"{'name':'b','slice':'green','port':'p1'" rest "}"
#define ID_OF_A		1
#define ID_OF_B		2

static void with_green(void)
{
	furnish();
	OK(ask(CALL("put", "{'type':'slice','objects':[{'name':'green','vni':300,'kind':'l3'}]}")));
}

START_TEST(tap_comes_stays_changes_and_goes_with_its_attachment)
{
	with_green();
	OK(ask(PUT(B(",'tap':'t0'"))));
	ck_assert_int_eq(fakes.tuns_open, 1);
	ck_assert_int_eq(fakes_tap(ID_OF_B), 0);
	ck_assert_str_eq(fakes_tun("t0"), "02:5c:00:00:03:00 1500");
	EXPECT(ask(CALL("get", "{'type':'attachment','key':'b'}")), "result",
		"{\"name\":\"b\",\"port\":\"p1\",\"slice\":\"green\",\"tap\":\"t0\",\"tap_index\":"
		"100}");
	EXPECT(ask(CALL("stats", "{'type':'attachment','keys':['b']}")),
		"result.objects.b.tap_tx_bytes", "60");
	/* what else changes does not touch it */
	OK(ask(PUT(B(",'vlan':7,'tap':'t0'"))));
	ck_assert_int_eq(fakes.tuns_open, 1);
	ck_assert_int_eq(fakes_tap(ID_OF_B), 0);
	OK(ask(PUT(B(",'vlan':7,'tap':'t1'"))));
	ck_assert_int_eq(fakes.tuns_open, 1);
	ck_assert_str_eq(fakes_tun("t0"), "");
	OK(ask(PUT(B(",'vlan':7"))));
	ck_assert_int_eq(fakes.tuns_open, 0);
	ck_assert_int_eq(fakes.taps_set, 0);
	EXPECT(ask(CALL("stats", "{'type':'attachment','keys':['b']}")),
		"result.objects.b.tap_tx_bytes", "");
	OK(ask(PUT(B(",'tap':'t0'"))));
	OK(ask(CALL("delete", "{'type':'attachment','keys':['b']}")));
	ck_assert_int_eq(fakes.tuns_open, 0);
	ck_assert_int_eq(fakes.taps_set, 0);
}
END_TEST

START_TEST(tap_has_the_gateways_mac_in_an_l3_slice_alone)
{
	with_green();
	OK(ask(PUT(A(",'tap':'t0'"))));
	ck_assert_str_eq(fakes_tun("t0"), "00:00:00:00:00:00 1500");
	OK(ask(PUT(B(",'tap':'t1'"))));
	fakes.gateway_mac = 9;
	OK(ask(CALL("put", "{'type':'slice','objects':[{'name':'green','vni':300,'kind':'l3',"
			   "'mac':'02:00:00:00:00:09'}]}")));
	ck_assert_str_eq(fakes_tun("t1"), "02:5c:00:00:03:09 1500");
	ck_assert_str_eq(fakes_tun("t0"), "00:00:00:00:00:00 1500");
}
END_TEST

START_TEST(tap_name_is_one_attachments)
{
	with_green();
	OK(ask(PUT(A(",'tap':'t0'"))));
	json_t *answer = ask(PUT(B(",'tap':'t0'")));

	ck_assert_str_eq(at(answer, "error.code"), "-32004");
	ck_assert_str_eq(at(answer, "error.data.path"), "objects[0].tap");
	ck_assert_str_eq(at(answer, "error.data.with"), "attachment a");
	json_decref(answer);
	answer = ask(PUT(B(",'tap':'eth0'")));
	ck_assert_str_eq(at(answer, "error.code"), "-32004");
	ck_assert_str_eq(at(answer, "error.data.path"), "objects[0].tap");
	ck_assert_str_eq(at(answer, "error.data.with"), "interface eth0");
	json_decref(answer);
	EXPECT(ask(PUT(B(",'tap':'t%%d'"))), "error.data.path", "objects[0].tap");
	EXPECT(ask(CALL("get", "{'type':'attachment','key':'b'}")), "error.code", "-32001");
	ck_assert_int_eq(fakes.tuns_open, 1);
	ck_assert_int_eq(fakes.attachments_held, 1);
}
END_TEST

START_TEST(tap_is_taken_over_within_a_transaction)
{
	with_green();
	OK(ask(PUT(A(",'tap':'t0'"))));
	OK(ask(CALL("transaction", "{'ops':[{'op':'put','type':'attachment','objects':[" A(
					   "") "]},"
					       "{'op':'put','type':'attachment','objects':[" B(
						       ",'tap':'t0'") "]}]}")));
	ck_assert_int_eq(fakes.tuns_open, 1);
	ck_assert_int_eq(fakes_tap(ID_OF_A), -1);
	ck_assert_int_eq(fakes_tap(ID_OF_B), 0);
	ck_assert_str_eq(fakes_tun("t0"), "02:5c:00:00:03:00 1500");
}
END_TEST

/* Another has it for a moment, and whose it is is refused and stays as it was. */
START_TEST(tap_stays_its_attachments_after_a_refusal)
{
	with_green();
	OK(ask(PUT(
		B(",'vlan':5,'tap':'t0'") ",{'name':'c','slice':'green','port':'p1','vlan':7}")));
	EXPECT(ask(PUT(B(",'vlan':7") ",{'name':'aa','slice':'green','port':'p1','vlan':9,'tap':"
				      "'t0'}")),
		"error.data.path", "objects[0].vlan");
	EXPECT(ask(PUT("{'name':'aa','slice':'green','port':'p1','vlan':9,'tap':'t0'}")),
		"error.data.with", "attachment b");
}
END_TEST

START_TEST(tap_of_a_refused_transaction_leaves_nothing)
{
	with_green();
	OK(ask(PUT(A(",'tap':'t0'"))));
	EXPECT(ask(CALL("transaction",
		       "{'ops':[{'op':'put','type':'attachment','objects':[" A(
			       ",'tap':'t1'") "]},"
					      "{'op':'put','type':'attachment','objects':[" B(
						      ",'tap':'t0'") "]},"
								     "{'op':'put','type':'"
								     "attachment','objects':[{'"
								     "name':'c','slice':'no',"
								     "'port':'p1','vlan':9}]}]}")),
		"error.data.path", "ops[2].objects[0].slice");
	ck_assert_int_eq(fakes.tuns_open, 1);
	ck_assert_int_eq(fakes_tap(ID_OF_A), 0);
	EXPECT(ask(CALL("get", "{'type':'attachment','key':'a'}")), "result.tap", "t0");
	/* still a's */
	EXPECT(ask(PUT(B(",'tap':'t0'"))), "error.code", "-32004");
	EXPECT(ask(CALL("transaction",
		       "{'ops':[{'op':'delete','type':'attachment','keys':['a']},"
		       "{'op':'put','type':'attachment','objects':[{'name':'c','slice':'no',"
		       "'port':'p1','vlan':9}]}]}")),
		"error.data.path", "ops[1].objects[0].slice");
	EXPECT(ask(PUT(B(",'tap':'t0'"))), "error.code", "-32004");
	ck_assert_int_eq(fakes_tap(ID_OF_A), 0);
}
END_TEST

START_TEST(tap_that_somebody_deleted_is_made_anew)
{
	with_green();
	OK(ask(PUT(B(",'tap':'t0'"))));
	ck_assert_ptr_nonnull(attachment_tap_on_gone);
	attachment_tap_on_gone(ID_OF_B);
	ck_assert_int_eq(fakes.tuns_open, 0);
	ck_assert_int_eq(fakes.taps_set, 0);
	EXPECT(ask(CALL("get", "{'type':'attachment','key':'b'}")), "result.tap_index", "");
	rpc_poll();
	ck_assert_int_eq(fakes.tuns_open, 1);
	ck_assert_int_eq(fakes_tap(ID_OF_B), 0);
	EXPECT(ask(CALL("get", "{'type':'attachment','key':'b'}")), "result.tap_index", "100");
	/* deleted while it is away */
	attachment_tap_on_gone(ID_OF_B);
	OK(ask(CALL("delete", "{'type':'attachment','keys':['b']}")));
	rpc_poll();
	ck_assert_int_eq(fakes.tuns_open, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("rpc_taps");
	TCase *tcase = tcase_create("taps");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, tap_comes_stays_changes_and_goes_with_its_attachment);
	tcase_add_test(tcase, tap_has_the_gateways_mac_in_an_l3_slice_alone);
	tcase_add_test(tcase, tap_name_is_one_attachments);
	tcase_add_test(tcase, tap_is_taken_over_within_a_transaction);
	tcase_add_test(tcase, tap_stays_its_attachments_after_a_refusal);
	tcase_add_test(tcase, tap_of_a_refused_transaction_leaves_nothing);
	tcase_add_test(tcase, tap_that_somebody_deleted_is_made_anew);
	suite_add_tcase(suite, tcase);
	return rpc_test_main(suite);
}
