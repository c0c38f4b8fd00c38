/* SPDX-License-Identifier: BSD-3-Clause */
/* MACs through the socket: staged, paged, and a hundred thousand at a time. */
#include <stdio.h>
#include <time.h>

#include "fakes.h"
#include "rpc_client.h"

START_TEST(macs_are_static_objects_and_hold_what_they_name)
{
	furnish();
	EXPECT(ask(CALL("put", "{'type':'mac','objects':[{'slice':'blue','mac':'02:00:00:00:00:01',"
			       "'tunnel':'t'},"
			       "{'slice':'blue','mac':'02:00:00:00:00:02','attachment':'a'}]}")),
		"result.created", "2");
	EXPECT(ask(CALL("put", "{'type':'mac','objects':[{'slice':'blue','mac':'02:00:00:00:00:01',"
			       "'tunnel':"
			       "'t'}]}")),
		"result.unchanged", "1");
	EXPECT(ask(CALL("delete", "{'type':'member','keys':['blue t']}")), "error.data.by",
		"1 static mac object");
	EXPECT(ask(CALL("delete", "{'type':'attachment','keys':['a']}")), "error.data.by",
		"1 static mac object");
	EXPECT(ask(CALL("put",
		       "{'type':'attachment','objects':[{'name':'a','slice':'red','port':'p0'}]}")),
		"error.code", "-32002");
	/* moves to the attachment: the member is free */
	EXPECT(ask(CALL("put", "{'type':'mac','objects':[{'slice':'blue','mac':'02:00:00:00:00:01',"
			       "'attachment':'a'}]}")),
		"result.updated", "1");
	OK(ask(CALL("delete", "{'type':'member','keys':['blue t']}")));
	EXPECT(ask(CALL("get", "{'type':'slice','key':'blue'}")), "result.static_macs", "2");
	EXPECT(ask(CALL("get", "{'type':'mac','key':'blue 02:00:00:00:00:01'}")), "result",
		"{\"attachment\":\"a\",\"mac\":\"02:00:00:00:00:01\",\"slice\":\"blue\"}");
	EXPECT(ask(CALL("put",
		       "{'type':'slice','objects':[{'name':'blue','vni':100,'max_macs':1}]}")),
		"error.code", "-32003");
	/* deleted and put again in one transaction */
	EXPECT(ask(CALL("transaction",
		       "{'ops':[{'op':'delete','type':'mac','keys':['blue 02:00:00:00:00:01','blue "
		       "02:00:00:00:00:02']},{'op':'delete','type':'attachment','keys':['a']},"
		       "{'op':'delete','type':'slice','keys':['blue']}]}")),
		"result.deleted", "4");
}
END_TEST

START_TEST(learned_macs_are_listed_and_replaced)
{
	furnish();
	fakes_learn(1, "02:00:00:00:00:05", 0x10001);
	EXPECT(ask(CALL("list", "{'type':'mac','match':{'learned':true}}")),
		"result.objects.0.learned", "true");
	EXPECT(ask(CALL("list", "{'type':'mac','match':{'learned':false}}")), "result.objects",
		"[]");
	EXPECT(ask(CALL("put", "{'type':'mac','objects':[{'slice':'blue','mac':'02:00:00:00:00:05',"
			       "'tunnel':'t'}]}")),
		"result.updated", "1");
	EXPECT(ask(CALL("list", "{'type':'mac','match':{'tunnel':'t'}}")), "result.objects.0.mac",
		"02:00:00:00:00:05");
}
END_TEST

#define MOVABLE                                                                                    \
	CALL("put", "{'type':'mac','objects':[{'slice':'blue','mac':'02:00:00:00:00:05',"          \
		    "'tunnel':'t','movable':true}]}")
#define MAC_5 CALL("get", "{'type':'mac','key':'blue 02:00:00:00:00:05'}")
#define DELETE_5                                                                                   \
	CALL("delete", "{'type':'mac','keys':['blue 02:00:00:00:00:05'],'missing_ok':true}")

/* The attachment of furnish(). */
#define DOOR_A 0x100001

START_TEST(movable_mac_gives_way_and_frees_what_it_named)
{
	furnish();
	EXPECT(ask(MOVABLE), "result.created", "1");
	EXPECT(ask(MOVABLE), "result.unchanged", "1");
	EXPECT(ask(MAC_5), "result",
		"{\"mac\":\"02:00:00:00:00:05\",\"movable\":true,\"slice\":\"blue\",\"tunnel\":"
		"\"t\"}");
	EXPECT(ask(CALL("delete", "{'type':'member','keys':['blue t']}")), "error.data.by",
		"1 static mac object");
	fakes_learn(1, "02:00:00:00:00:05", DOOR_A);
	EXPECT(ask(MAC_5), "result",
		"{\"attachment\":\"a\",\"learned\":true,\"mac\":\"02:00:00:00:00:05\","
		"\"overtaken\":true,\"slice\":\"blue\"}");
	EXPECT(ask(CALL("get", "{'type':'slice','key':'blue'}")), "result.static_macs", "");
	OK(ask(CALL("delete", "{'type':'member','keys':['blue t']}")));
}
END_TEST

START_TEST(movable_mac_put_again_wins_over_what_was_learned)
{
	furnish();
	OK(ask(MOVABLE));
	fakes_learn(1, "02:00:00:00:00:05", DOOR_A);
	EXPECT(ask(MOVABLE), "result.updated", "1");
	EXPECT(ask(MAC_5), "result.tunnel", "t");
	EXPECT(ask(MAC_5), "result.learned", "");
	EXPECT(ask(CALL("get", "{'type':'slice','key':'blue'}")), "result.static_macs", "1");
	/* no longer movable is a change, too */
	EXPECT(ask(CALL("put", "{'type':'mac','objects':[{'slice':'blue','mac':'02:00:00:00:00:05',"
			       "'tunnel':'t'}]}")),
		"result.updated", "1");
	EXPECT(ask(MAC_5), "result.movable", "");
}
END_TEST

START_TEST(movable_mac_deleted_while_overtaken_leaves_the_learned_one)
{
	furnish();
	OK(ask(MOVABLE));
	fakes_learn(1, "02:00:00:00:00:05", DOOR_A);
	EXPECT(ask(DELETE_5), "result.deleted", "1");
	EXPECT(ask(MAC_5), "result",
		"{\"attachment\":\"a\",\"learned\":true,\"mac\":\"02:00:00:00:00:05\",\"slice\":"
		"\"blue\"}");
	/* now it is what was learned that is deleted */
	EXPECT(ask(DELETE_5), "result.deleted", "1");
	EXPECT(ask(DELETE_5), "result.deleted", "0");
	/* both in one transaction that fails: nothing has changed */
	OK(ask(MOVABLE));
	fakes_learn(1, "02:00:00:00:00:05", DOOR_A);
	EXPECT(ask(CALL("transaction",
		       "{'ops':[{'op':'delete','type':'mac','keys':['blue 02:00:00:00:00:05']},"
		       "{'op':'delete','type':'mac','keys':['blue 02:00:00:00:00:05','blue "
		       "02:00:00:00:00:06']}]}")),
		"error.code", "-32001");
	EXPECT(ask(MAC_5), "result.overtaken", "true");
}
END_TEST

/* Pages smaller than one step of the table, as large, and in between. */
START_TEST(mac_pages_hold_every_mac_once)
{
	static const int limits[] = {1, 2, 3, 64, 65, 10000};
	char mac[32], cursor[40];
	bool seen[2000];

	furnish();
	for (int i = 0; i < 2000; i++) {
		sprintf(mac, "02:00:00:00:%02x:%02x", i >> 8, i & 255);
		fakes_learn(1, mac, 0x10001);
	}
	memset(seen, 0, sizeof(seen));
	cursor[0] = '\0';
	do {
		json_t *page =
			*cursor ? ask(CALL("list", "{'type':'mac','limit':%d,'cursor':'%s'}"),
					  limits[_i], cursor)
				: ask(CALL("list", "{'type':'mac','limit':%d}"), limits[_i]);
		json_t *objects = json_object_get(json_object_get(page, "result"), "objects");

		ck_assert_uint_le(json_array_size(objects), limits[_i]);
		for (size_t i = 0; i < json_array_size(objects); i++) {
			unsigned high, low;

			ck_assert_int_eq(sscanf(at(json_array_get(objects, i), "mac"),
						 "02:00:00:00:%x:%x", &high, &low),
				2);
			ck_assert(!seen[high << 8 | low]);
			seen[high << 8 | low] = true;
		}
		strcpy(cursor, at(page, "result.cursor"));
		json_decref(page);
	} while (*cursor);
	for (int i = 0; i < 2000; i++)
		ck_assert(seen[i]);
}
END_TEST

START_TEST(mac_limits_answer_with_capacity)
{
	furnish();
	OK(ask(CALL("put", "{'type':'slice','objects':[{'name':'blue','vni':100,'max_macs':1}]}")));
	EXPECT(ask(CALL("put", "{'type':'mac','objects':[{'slice':'blue','mac':'02:00:00:00:00:01',"
			       "'tunnel':"
			       "'t'},{'slice':'blue','mac':'02:00:00:00:00:02','tunnel':'t'}]}")),
		"error.data.limit", "1");
	OK(ask(CALL("put", "{'type':'slice','objects':[{'name':'blue','vni':100}]}")));
	fakes.fdb_limit = 1;
	EXPECT(ask(CALL("put", "{'type':'mac','objects':[{'slice':'blue','mac':'02:00:00:00:00:01',"
			       "'tunnel':"
			       "'t'},{'slice':'blue','mac':'02:00:00:00:00:02','tunnel':'t'}]}")),
		"error.data.limit", "1048576");
	/* the limit may be what there is, and no less */
	OK(ask(CALL("put", "{'type':'mac','objects':[{'slice':'blue','mac':'02:00:00:00:00:01','"
			   "tunnel':'t'}]}")));
	OK(ask(CALL("put", "{'type':'slice','objects':[{'name':'blue','vni':100,'max_macs':1}]}")));
	fakes.fdb_limit = 2;
	OK(ask(CALL("put", "{'type':'slice','objects':[{'name':'blue','vni':100,'max_macs':2}]}")));
	OK(ask(CALL("put", "{'type':'mac','objects':[{'slice':'blue','mac':'02:00:00:00:00:02','"
			   "tunnel':'t'}]}")));
	EXPECT(ask(CALL("put",
		       "{'type':'slice','objects':[{'name':'blue','vni':100,'max_macs':1}]}")),
		"error.data.limit", "1");
	OK(ask(CALL("delete",
		"{'type':'mac','keys':['blue 02:00:00:00:00:01','blue 02:00:00:00:00:02']}")));
	fakes.fdb_limit = 1;
	OK(ask(CALL("put", "{'type':'slice','objects':[{'name':'blue','vni':100}]}")));
	/* one goes as another comes */
	OK(ask(CALL("put",
		"{'type':'mac','objects':[{'slice':'blue','mac':'02:00:00:00:00:01','tunnel':"
		"'t'}]}")));
	OK(ask(CALL("transaction",
		"{'ops':[{'op':'delete','type':'mac','keys':['blue "
		"02:00:00:00:00:01']},{'op':'put','type':"
		"'mac','objects':[{'slice':'blue','mac':'02:00:00:00:00:02','tunnel':'t'}]}]}")));
}
END_TEST

START_TEST(hundred_thousand_macs_in_one_message_take_less_than_two_seconds)
{
	const int n = 100000;
	char *text = malloc(n * 100 + 200), *end = text;
	struct timespec from, to;
	int listed = 0;
	double seconds;

	furnish();
	OK(ask(CALL("put",
		"{'type':'slice','objects':[{'name':'blue','vni':100,'max_macs':200000}]}")));
	end += sprintf(end,
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"put\",\"params\":{\"type\":\"mac\","
		"\"objects\":[");
	for (int i = 0; i < n; i++)
		end += sprintf(end,
			"%s{\"slice\":\"blue\",\"mac\":\"02:00:00:%02x:%02x:%02x\",\"tunnel\":"
			"\"t\"}",
			i ? "," : "", i >> 16, i >> 8 & 255, i & 255);
	end += sprintf(end, "]}}\n");
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
	send_all(conn, text, end - text);
	EXPECT(next_json(), "result.created", "100000");
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
	seconds = to.tv_sec - from.tv_sec + (to.tv_nsec - from.tv_nsec) / 1e9;
	fprintf(stderr, "100,000 macs: %.3f s\n", seconds);
#if !defined(__SANITIZE_ADDRESS__)
	ck_assert_double_lt(seconds, 2.0); /* what issue 2 asks for; 0.2 on a quiet machine */
#endif
	/* all of them come back page by page */
	for (json_t *page = ask(CALL("list", "{'type':'mac','limit':10000}")); page;) {
		char cursor[32];

		listed += json_array_size(
			json_object_get(json_object_get(page, "result"), "objects"));
		strcpy(cursor, at(page, "result.cursor"));
		json_decref(page);
		page = *cursor ? ask(CALL("list", "{'type':'mac','limit':10000,'cursor':'%s'}"),
					 cursor)
			       : NULL;
	}
	ck_assert_int_eq(listed, n);
	free(text);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("rpc_macs");
	TCase *tcase = tcase_create("macs");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, macs_are_static_objects_and_hold_what_they_name);
	tcase_add_test(tcase, learned_macs_are_listed_and_replaced);
	tcase_add_test(tcase, movable_mac_gives_way_and_frees_what_it_named);
	tcase_add_test(tcase, movable_mac_put_again_wins_over_what_was_learned);
	tcase_add_test(tcase, movable_mac_deleted_while_overtaken_leaves_the_learned_one);
	tcase_add_loop_test(tcase, mac_pages_hold_every_mac_once, 0, 6);
	tcase_add_test(tcase, mac_limits_answer_with_capacity);
	tcase_add_test(tcase, hundred_thousand_macs_in_one_message_take_less_than_two_seconds);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	return rpc_test_main(suite);
}
