/* SPDX-License-Identifier: BSD-3-Clause */
/* What the kernel says, published to the dataplane's own socket in process (fakes are behind it):
 * beside what intents want, across connections, and when it is refused. */
#include <check.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "claims.h"
#include "publisher.h"
#include "rpc_client.h"
#include "server.h"
#include "sync_pending.h"

#define INTENT(groups)	      CALL("sync", "{'source':'intent','mode':'merge','groups':[" groups "]}")
#define GROUP(owner, objects) "{'owner':'" owner "','objects':{" objects "}}"
#define GONE(owner)	      "{'owner':'" owner "'}"
#define SLICE                                                                                      \
	GROUP("slice s", "'slice':[{'name':'s','vni':7,'max_macs':20000}],"                        \
			 "'attachment':[{'name':'s:p0','slice':'s','port':'p0','vlan':9}]")
#define TUNNEL(name, remote)                                                                       \
	"{\"name\":\"" name "\",\"encap\":\"vxlan\",\"local\":\"198.18.0.1\",\"remote\":\"" remote \
	"\"}"
#define TURNS 20000

static struct dataplane *dp;
static struct publisher *publisher;

static struct mirror_counters counters(void)
{
	struct mirror_counters out = {0};

	publisher_counters(publisher, &out);
	return out;
}

static void open_publisher(void)
{
	dp = dataplane_open(base, socket_path);
	dataplane_set_patience(dp, 60000, 60000, 1);
	dataplane_watch_as_kernel(dp);
	publisher = publisher_open(base, dp, 1000);
}

static void start(void)
{
	setup();
	furnish();
	open_publisher();
	publisher_whole(publisher);
}

static void stop(void)
{
	publisher_close(publisher);
	dataplane_close(dp);
	turn();
	teardown();
}

/* What is ready now, and not what that makes ready. */
static void step(void)
{
	event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

static uint32_t said(void)
{
	const struct mirror_counters c = counters();

	return c.addresses + c.neighbors + c.routes + c.tunnels + c.members + c.macs;
}

/* Until nothing is on its way, and the answers, events and tries behind it have been. */
static void settle(void)
{
	int still = 0;

	for (int i = 0; i < TURNS && still < 50; i++) {
		usleep(still ? 100 : 0);
		turn();
		still = counters().unsaid || dataplane_state(dp) != DATAPLANE_UP || pending_run()
				? 0
				: still + 1;
	}
	ck_assert_uint_eq(counters().unsaid, 0);
}

static void mac(int number, bool there)
{
	char key[100], text[200];

	snprintf(key, sizeof(key), "s 02:00:00:00:%02x:%02x", number / 256, number % 256);
	snprintf(text, sizeof(text), "{\"slice\":\"s\",\"mac\":\"%s\",\"attachment\":\"s:p0\"}",
		key + 2);
	publisher_say(publisher, OBJECT_MAC, key, there ? text : NULL);
}

static void macs(int count)
{
	for (int i = 0; i < count; i++)
		mac(i, true);
}

static void neighbor(int last, bool there)
{
	char text[200];

	snprintf(text, sizeof(text),
		"{\"port\":\"p0\",\"address\":\"198.18.0.9\",\"mac\":\"02:00:00:00:00:0%d\"}",
		last);
	publisher_say(publisher, OBJECT_NEIGHBOR, "p0 198.18.0.9", there ? text : NULL);
}

static void tunnel(const char *text)
{
	publisher_say(publisher, OBJECT_TUNNEL, "evpn", text);
}

/* A field of an object; "": there is no such object. */
static const char *field(const char *type, const char *key, const char *name)
{
	json_t *answer = ask(CALL("get", "{'type':'%s','key':'%s'}"), type, key);
	static char text[100];

	snprintf(text, sizeof(text), "%s",
		json_string_value(json_object_get(json_object_get(answer, "result"), name)) ?: "");
	json_decref(answer);
	return text;
}

static bool is_there(const char *type, const char *key)
{
	return field(type, key, strcmp(type, "tunnel") ? "slice" : "name")[0];
}

static uint32_t groups(void)
{
	json_t *answer = ask(CALL("groups", "{'source':'kernel','limit':10000}"));
	uint32_t count = (uint32_t)json_array_size(
		json_object_get(json_object_get(answer, "result"), "groups"));

	json_decref(answer);
	return count;
}

static char refused_text[300];
static void add_refused(enum object_type type, const char *key, const char *reason, void *arg)
{
	snprintf(
		refused_text, sizeof(refused_text), "%s %s: %s", api_types[type].name, key, reason);
}

/* The first that is not in force; "": all are. */
static const char *refused(void)
{
	refused_text[0] = '\0';
	publisher_refused(publisher, 1, add_refused, NULL);
	return refused_text;
}

START_TEST(what_the_kernel_says_comes_changes_and_goes)
{
	neighbor(1, true);
	settle();
	ck_assert_str_eq(field("neighbor", "p0 198.18.0.9", "mac"), "02:00:00:00:00:01");
	neighbor(2, true);
	settle();
	ck_assert_str_eq(field("neighbor", "p0 198.18.0.9", "mac"), "02:00:00:00:00:02");
	ck_assert_uint_eq(said(), 1);
	neighbor(2, false);
	settle();
	ck_assert_str_eq(field("neighbor", "p0 198.18.0.9", "mac"), "");
	ck_assert_uint_eq(said(), 0);
	ck_assert_uint_eq(groups(), 0);
}
END_TEST

START_TEST(an_intent_goes_before_the_kernel)
{
	static const char host[] = INTENT(GROUP("host h",
		"'neighbor':[{'port':'p0','address':'198.18.0.9','mac':'02:00:00:00:00:05'}]"));

	neighbor(1, true);
	settle();
	OK(ask("%s", host));
	ck_assert_str_eq(field("neighbor", "p0 198.18.0.9", "mac"), "02:00:00:00:00:05");
	neighbor(2, true);
	settle();
	ck_assert_str_eq(field("neighbor", "p0 198.18.0.9", "mac"), "02:00:00:00:00:05");
	ck_assert_str_eq(refused(), "");
	OK(ask(INTENT(GONE("host h"))));
	ck_assert_str_eq(field("neighbor", "p0 198.18.0.9", "mac"), "02:00:00:00:00:02");
}
END_TEST

START_TEST(what_names_what_is_not_there_waits_for_it)
{
	macs(100);
	settle();
	ck_assert_uint_eq(counters().waiting, 100);
	ck_assert_str_eq(refused(), "mac s 02:00:00:00:00:00: waits for slice s");
	OK(ask(INTENT(SLICE)));
	settle();
	ck_assert_uint_eq(counters().waiting, 0);
	ck_assert(is_there("mac", "s 02:00:00:00:00:63"));
	for (int i = 0; i < 100; i++)
		mac(i, false);
	OK(ask(INTENT(GONE("slice s"))));
	settle();
	ck_assert_uint_eq(counters().waiting, 0);
	ck_assert_uint_eq(groups(), 0);
}
END_TEST

START_TEST(what_needs_what_goes_is_there_again_with_it)
{
	int count = _i ? 5000 : 100; /* many: by several calls */

	OK(ask(INTENT(SLICE)));
	macs(count);
	settle();
	ck_assert_uint_eq(groups(), count);
	for (int calls = 0; is_there("attachment", "s:p0") && calls < 10; calls++) {
		OK(ask(INTENT(GONE("slice s"))));
		settle();
	}
	ck_assert_uint_eq(counters().waiting, count);
	ck_assert(!is_there("attachment", "s:p0"));
	OK(ask(INTENT(SLICE)));
	settle();
	ck_assert_uint_eq(counters().waiting, 0);
	ck_assert(is_there("mac", "s 02:00:00:00:00:00"));
	publisher_close(publisher);
	dataplane_close(dp);
	open_publisher();
	macs(count);
	publisher_whole(publisher);
	settle();
	ck_assert_uint_eq(counters().drift_total, 0);
}
END_TEST

START_TEST(what_an_earlier_life_has_said_stays_until_the_picture_is_whole)
{
	OK(ask(INTENT(SLICE)));
	macs(3000);
	settle();
	publisher_close(publisher);
	dataplane_close(dp);
	open_publisher();
	settle();
	ck_assert_uint_eq(groups(), 3000);
	for (int i = 1; i < 3000; i++)
		mac(i, true);
	mac(7, false); /* this is known to be gone */
	settle();
	ck_assert_uint_eq(groups(), 2999);
	publisher_whole(publisher);
	settle();
	ck_assert_uint_eq(groups(), 2998);
	ck_assert(!is_there("mac", "s 02:00:00:00:00:00"));
	ck_assert_uint_eq(said(), 2998);
}
END_TEST

START_TEST(what_waits_of_an_earlier_life_is_known)
{
	macs(3);
	settle();
	publisher_close(publisher);
	dataplane_close(dp);
	open_publisher();
	mac(0, true);
	publisher_whole(publisher);
	settle();
	ck_assert_uint_eq(counters().waiting, 1);
	ck_assert_uint_eq(groups(), 1);
}
END_TEST

START_TEST(another_dataplane_gets_all_again)
{
	OK(ask(INTENT(SLICE)));
	macs(3000);
	settle();
	close(conn);
	rpc_stop();
	ck_assert_int_eq(rpc_start(base, socket_path), 0);
	conn = dial();
	furnish();
	OK(ask(INTENT(SLICE)));
	for (int i = 0; i < 2000 && groups() < 3000; i++) {
		usleep(1000);
		turn();
	}
	settle();
	ck_assert_uint_eq(groups(), 3000);
	ck_assert(is_there("mac", "s 02:00:00:00:00:00"));
	ck_assert_str_eq(refused(), "");
}
END_TEST

START_TEST(a_neighbor_does_not_wait_for_the_macs)
{
	bool comes = _i == 0;

	OK(ask(INTENT(SLICE)));
	neighbor(1, !comes);
	settle();
	macs(8000);
	while (!claims_in_force(OBJECT_MAC))
		step();
	neighbor(1, comes);
	while (!claims_in_force(OBJECT_NEIGHBOR) == comes)
		step();
	/* behind what was out, and perhaps one that was begun */
	ck_assert_uint_le(claims_in_force(OBJECT_MAC), 4 * 1000);
	settle();
	ck_assert_uint_eq(groups(), 8000 + comes);
}
END_TEST

START_TEST(what_gave_way_to_an_intent_is_there_again_behind_it)
{
	OK(ask(INTENT(SLICE)));
	tunnel(TUNNEL("evpn", "198.18.0.7"));
	publisher_say(publisher, OBJECT_MEMBER, "s evpn", "{\"slice\":\"s\",\"tunnel\":\"evpn\"}");
	settle();
	ck_assert(is_there("member", "s evpn"));
	OK(ask(INTENT(GROUP("a", "'tunnel':[{'name':'mine','encap':'vxlan','local':'198.18.0.1','"
				 "remote':'198.18.0.7'}]"))));
	settle();
	ck_assert(is_there("tunnel", "mine") && !is_there("tunnel", "evpn"));
	ck_assert_uint_eq(counters().refused + counters().waiting, 2);
	OK(ask(INTENT(GONE("a"))));
	settle();
	ck_assert(is_there("member", "s evpn"));
	ck_assert_uint_eq(counters().refused + counters().waiting, 0);
}
END_TEST

START_TEST(what_was_said_before_goes_when_what_is_said_now_is_refused)
{
	tunnel(TUNNEL("evpn", "198.18.0.7"));
	OK(ask(INTENT(GROUP("a", "'tunnel':[{'name':'mine','encap':'vxlan','local':'198.18.0.1','"
				 "remote':'198.18.0.8'}]"))));
	settle();
	tunnel(TUNNEL("evpn", "198.18.0.8"));
	settle();
	ck_assert(!is_there("tunnel", "evpn"));
	ck_assert_uint_eq(counters().refused, 1);
	ck_assert_uint_eq(said(), 1);
}
END_TEST

START_TEST(what_cannot_go_goes_with_what_stands_on_it)
{
	tunnel(TUNNEL("evpn", "198.18.0.7"));
	settle();
	OK(ask(INTENT(GROUP("h", "'slice':[{'name':'s','vni':7}],'member':[{'slice':'s','tunnel':"
				 "'evpn'}]"))));
	tunnel(NULL);
	settle();
	ck_assert(is_there("tunnel", "evpn"));
	ck_assert_uint_eq(counters().refused, 1);
	ck_assert_uint_eq(said(), 0);
	OK(ask(INTENT(GONE("h"))));
	settle();
	ck_assert(!is_there("tunnel", "evpn"));
	ck_assert_uint_eq(counters().refused, 0);
}
END_TEST

START_TEST(what_is_said_while_it_is_out_follows)
{
	settle();
	neighbor(1, true);
	step(); /* it is out */
	neighbor(2, true);
	neighbor(3, true);
	neighbor(4, _i == 0);
	settle();
	ck_assert_str_eq(field("neighbor", "p0 198.18.0.9", "mac"), _i ? "" : "02:00:00:00:00:04");
}
END_TEST

START_TEST(drift_is_put_right)
{
	OK(ask(INTENT(SLICE)));
	macs(100);
	settle();
	OK(ask(CALL("sync", "{'source':'kernel','mode':'merge','groups':[{'owner':'mac s "
			    "02:00:00:00:00:07'},{'owner':'mac s 02:00:00:00:00:08'},{'owner':'"
			    "mac blue 02:00:00:00:00:08','revision':3,'objects':{'mac':[{'slice':'"
			    "blue','mac':'02:00:00:00:00:08','attachment':'a'}]}},{'owner':'mac "
			    "blue 02:00:00:00:00:09','objects':{'mac':[{'slice':'blue','mac':'02:"
			    "00:00:00:00:09','attachment':'a'}]}}]}")));
	ck_assert_uint_eq(groups(), 100);
	/* the second look comes a second behind the connection */
	for (int i = 0; i < 3000 && counters().drift_total < 4; i++) {
		usleep(1000);
		turn();
	}
	settle();
	ck_assert_uint_eq(counters().drift_total, 4);
	ck_assert_uint_eq(groups(), 100);
	ck_assert(!is_there("mac", "blue 02:00:00:00:00:08"));
	ck_assert(!is_there("mac", "blue 02:00:00:00:00:09"));
}
END_TEST

/* Nobody has told that it is over. */
START_TEST(what_could_not_go_and_is_gone_is_forgotten)
{
	uint64_t lists;

	tunnel(TUNNEL("evpn", "198.18.0.7"));
	settle();
	OK(ask(INTENT(GROUP("h", "'slice':[{'name':'s','vni':7}],'member':[{'slice':'s','tunnel':"
				 "'evpn'}]"))));
	tunnel(NULL);
	settle();
	ck_assert_uint_eq(counters().refused, 1);
	OK(ask(INTENT(GONE("h"))));
	OK(ask(CALL(
		"sync", "{'source':'kernel','mode':'merge','groups':[" GONE("tunnel evpn") "]}")));
	lists = counters().lists;
	publisher_resync(publisher);
	for (int i = 0; i < TURNS && counters().lists == lists; i++)
		turn();
	settle();
	ck_assert_uint_eq(counters().refused, 0);
	ck_assert_uint_eq(groups(), 0);
}
END_TEST

/* More stands on it than gives way by one call. */
START_TEST(what_goes_by_several_calls_is_gone)
{
	OK(ask(INTENT(SLICE)));
	tunnel(TUNNEL("evpn", "198.18.0.7"));
	publisher_say(publisher, OBJECT_MEMBER, "s evpn", "{\"slice\":\"s\",\"tunnel\":\"evpn\"}");
	for (int i = 0; i < 2500; i++) {
		char key[60], text[120];

		snprintf(key, sizeof(key), "s 02:00:00:00:%02x:%02x", i / 256, i % 256);
		snprintf(text, sizeof(text), "{\"slice\":\"s\",\"mac\":\"%s\",\"tunnel\":\"evpn\"}",
			key + 2);
		publisher_say(publisher, OBJECT_MAC, key, text);
	}
	settle();
	ck_assert_uint_eq(counters().waiting, 0);
	publisher_say(publisher, OBJECT_MEMBER, "s evpn", NULL);
	settle();
	ck_assert(!is_there("member", "s evpn"));
	ck_assert_uint_eq(groups(), 2501);
	ck_assert_uint_eq(counters().waiting, 2500);
}
END_TEST

/* A name that the dataplane takes from nobody: all that is said beside it is said again, but not
 * without end. */
START_TEST(what_is_refused_as_a_whole_is_said_again_later)
{
	uint64_t before;

	settle();
	before = counters().transactions;
	publisher_say(publisher, OBJECT_MAC, "s \x7f", "{}");
	for (int i = 0; i < 300; i++) {
		usleep(1000);
		step();
	}
	ck_assert_uint_ge(counters().transactions, before + 1);
	ck_assert_uint_le(counters().transactions, before + 2);
	publisher_say(publisher, OBJECT_MAC, "s \x7f", NULL);
	neighbor(1, true);
	for (int i = 0; i < 5000 && counters().unsaid; i++) {
		usleep(1000);
		step();
	}
	ck_assert_uint_eq(counters().unsaid, 0);
	ck_assert_str_eq(field("neighbor", "p0 198.18.0.9", "mac"), "02:00:00:00:00:01");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("control_publisher");
	TCase *tcase = tcase_create("publisher");

	tcase_add_checked_fixture(tcase, start, stop);
	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, what_the_kernel_says_comes_changes_and_goes);
	tcase_add_test(tcase, an_intent_goes_before_the_kernel);
	tcase_add_test(tcase, what_names_what_is_not_there_waits_for_it);
	tcase_add_loop_test(tcase, what_needs_what_goes_is_there_again_with_it, 0, 2);
	tcase_add_test(tcase, what_an_earlier_life_has_said_stays_until_the_picture_is_whole);
	tcase_add_test(tcase, what_waits_of_an_earlier_life_is_known);
	tcase_add_test(tcase, another_dataplane_gets_all_again);
	tcase_add_loop_test(tcase, a_neighbor_does_not_wait_for_the_macs, 0, 2);
	tcase_add_test(tcase, what_gave_way_to_an_intent_is_there_again_behind_it);
	tcase_add_test(tcase, what_was_said_before_goes_when_what_is_said_now_is_refused);
	tcase_add_test(tcase, what_cannot_go_goes_with_what_stands_on_it);
	tcase_add_loop_test(tcase, what_is_said_while_it_is_out_follows, 0, 2);
	tcase_add_test(tcase, drift_is_put_right);
	tcase_add_test(tcase, what_could_not_go_and_is_gone_is_forgotten);
	tcase_add_test(tcase, what_goes_by_several_calls_is_gone);
	tcase_add_test(tcase, what_is_refused_as_a_whole_is_said_again_later);
	suite_add_tcase(suite, tcase);
	return rpc_test_main(suite);
}
