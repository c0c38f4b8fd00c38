/* SPDX-License-Identifier: BSD-3-Clause */
/* /v1/events: who is told what, streams that go on where they were lost and go at any moment, and
 * what of the dataplane and the reconciler becomes an event. */
#include "../suite.h"
#include "rig.h"

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void publish(const char *event, const char *tenant)
{
	bus_publish(LOG_DEBUG_, event, tenant, NULL);
}

START_TEST(stream_tells_what_comes_with_id_event_and_data)
{
	publish("before", "");
	rig_get("/v1/events", NULL);
	ck_assert(rig_sent("retry: "));
	publish("link.down", "");
	ck_assert(rig_sent("id: f4240-2\nevent: link.down\ndata: {\"id\":2,"));
	ck_assert_str_eq(rig_answer.text + rig_answer.len - 3, "}\n\n");
	ck_assert(!rig_sent("before"));
	rig_client_gone();
	publish("link.up", "");
	ck_assert(!rig_sent("link.up"));
}
END_TEST

START_TEST(stream_of_a_tenant_tells_only_its_own)
{
	rig_be_tenant("kim");
	rig_get("/v1/events", NULL);
	publish("mine", "kim");
	publish("theirs", "lee");
	publish("operators", "");
	ck_assert(rig_sent("mine") && !rig_sent("theirs") && !rig_sent("operators"));
	rig_client_gone();
}
END_TEST

START_TEST(stream_filters_by_name_and_by_what_it_begins_with)
{
	rig_get("/v1/events?event=mac,link.up", NULL);
	publish("mac.learned", "");
	publish("machine", "");
	publish("link.up", "");
	publish("link.down", "");
	ck_assert(rig_sent("mac.learned") && rig_sent("link.up"));
	ck_assert(!rig_sent("machine") && !rig_sent("link.down"));
	rig_client_gone();
	rig_get("/v1/events?event=mac,mac,mac,mac,mac,mac,mac,mac,mac,mac,mac,mac,mac,mac,mac,mac",
		NULL); /* as many as there may be */
	publish("mac.moved", "");
	ck_assert(rig_sent("mac.moved"));
	rig_client_gone();
	rig_get("/v1/events?event="
		"mac,mac,mac,mac,mac,mac,mac,mac,mac,mac,mac,mac,mac,mac,mac,mac,mac",
		NULL);
	ck_assert_int_eq(rig_answer.status, 400);
}
END_TEST

START_TEST(stream_goes_on_where_a_connection_was_lost)
{
	publish("one", "");
	publish("two", "");
	publish("three", "");
	rig_get("/v1/events", "f4240-1");
	ck_assert(!rig_sent("event: one") && rig_sent("event: two") && rig_sent("event: three"));
	ck_assert(!rig_sent("gap"));
	publish("four", "");
	ck_assert(rig_sent("event: four"));
	rig_client_gone();
}
END_TEST

START_TEST(stream_tells_of_a_gap_after_a_restart_and_for_nonsense)
{
	publish("one", "");
	rig_get("/v1/events", "aaaa-1");
	ck_assert(rig_sent("event: gap") && rig_sent("event: one"));
	rig_client_gone();
	rig_get("/v1/events", "-1; drop table");
	ck_assert(rig_sent("event: gap") && rig_sent("event: one"));
	rig_client_gone();
	rig_get("/v1/events", "f4240-1");
	ck_assert(!rig_sent("event: gap") && !rig_sent("event: one"));
	rig_client_gone();
}
END_TEST

static int count_of(const char *text)
{
	int count = 0;

	for (const char *at = rig_answer.text; (at = strstr(at, text)); at++)
		count++;
	return count;
}

START_TEST(long_replay_comes_in_batches_and_loses_nothing)
{
	for (int i = 0; i < 1000; i++)
		publish("old", "");
	rig_get("/v1/events", "f4240-0");
	ck_assert_int_eq(count_of("event: old"), 256);
	publish("new", ""); /* while it is behind: in its turn */
	ck_assert_int_eq(count_of("event: new"), 0);
	for (int i = 0; i < 10 && !rig_sent("event: new"); i++)
		rig_turn();
	ck_assert_int_eq(count_of("event: old"), 1000);
	ck_assert_int_eq(count_of("event: new"), 1);
	publish("newer", "");
	ck_assert_int_eq(count_of("event: newer"), 1);
	rig_client_gone();
}
END_TEST

START_TEST(stream_that_does_not_read_is_let_go_at_any_moment)
{
	for (int i = 0; i < 300; i++)
		publish("old", "");
	rig_get("/v1/events", NULL);
	rig_cut_off = true;
	publish("one", ""); /* live */
	publish("two", "");
	rig_get("/v1/events", "f4240-0"); /* at its first line */
	rig_cut_off = false;
	rig_get("/v1/events", "f4240-0");
	rig_cut_off = true;
	rig_turn(); /* in the midst of a replay */
	publish("three", "");
	rig_cut_off = false;
	rig_get("/v1/events", NULL); /* left open for observe_stop */
}
END_TEST

START_TEST(event_of_the_dataplane_is_of_its_slices_tenant)
{
	rig_slice("blue", "kim", "lan0", 10);
	rig_session("imsi-1", "lee");
	rig_be_tenant("kim");
	rig_get("/v1/events", NULL);
	rig_event("{\"event\":\"mac.learned\",\"slice\":\"blue\",\"mac\":\"02:00:00:00:00:01\"}");
	rig_event("{\"event\":\"usage\",\"session\":\"imsi-1\"}");
	rig_event("{\"event\":\"link.down\",\"port\":\"wan0\"}");
	ck_assert_int_eq(rig_listed_soon, 1); /* the link's new state is to be seen soon */
	rig_event("{\"no\":\"event\"}");
	ck_assert(rig_sent("event: mac.learned") && rig_sent("\"slice\":\"blue\""));
	ck_assert(!rig_sent("usage") && !rig_sent("link.down"));
	rig_client_gone();
	rig_be_tenant("lee");
	rig_get("/v1/events", NULL);
	rig_event("{\"event\":\"usage\",\"session\":\"imsi-1\"}");
	ck_assert(rig_sent("event: usage"));
	rig_client_gone();
}
END_TEST

START_TEST(unknown_event_is_refused)
{
	rig_get("/v1/events?event=link,nosuch", NULL);
	ck_assert_int_eq(rig_answer.status, 400);
	ck_assert(rig_sent("there is no event nosuch; there are ") && rig_sent("link.up"));
	rig_get("/v1/events?event=mac,path.down,health", NULL);
	ck_assert_int_eq(rig_answer.status, 200);
	rig_client_gone();
	rig_get("/v1/events?event=lin", NULL);
	ck_assert_int_eq(rig_answer.status, 400);
}
END_TEST

static void look(void)
{
	struct intent *site = world_find(NULL, INTENT_SITE, "here");

	if (site)
		site->status.state = INTENT_APPLIED;
	rig_mono_us += 1000000;
	rig_read();
}

START_TEST(health_that_changed_is_an_event)
{
	rig_slice("blue", "kim", "lan0", 10)->status.state = INTENT_APPLIED;
	rig_reconciler.synced = true;
	rig_reading("ports", "[{\"name\":\"lan0\",\"link\":true}]");
	look();
	rig_get("/v1/events", NULL);
	look();
	ck_assert_int_eq(count_of("health.changed"), 0);
	rig_reading("ports", "[{\"name\":\"lan0\",\"link\":false}]");
	look();
	ck_assert(rig_sent("\"kind\":\"port\",\"name\":\"lan0\",\"from\":\"well\",\"to\":"
			   "\"no_link\",\"text\":\"port lan0 has no link\""));
	ck_assert(rig_sent("\"kind\":\"slice\",\"name\":\"blue\",\"from\":\"well\""));
	look();
	ck_assert_int_eq(count_of("event: health.changed"), 2);
	rig_reading("ports", "[{\"name\":\"lan0\",\"link\":true}]");
	look();
	ck_assert(rig_sent("\"from\":\"no_link\",\"to\":\"well\""));
	ck_assert_int_eq(count_of("event: health.changed"), 4);
	rig_client_gone();
}
END_TEST

START_TEST(health_that_passes_is_no_event)
{
	struct intent *blue = rig_slice("blue", "kim", "lan0", 10);

	blue->status.state = INTENT_APPLIED;
	rig_reconciler.synced = true;
	rig_reading("ports", "[{\"name\":\"lan0\",\"link\":true}]");
	look();
	rig_get("/v1/events", NULL);
	rig_reconciler.synced = false; /* as in every change of an intent */
	blue->status.state = INTENT_PENDING;
	look();
	rig_reconciler.synced = true;
	blue->status.state = INTENT_APPLIED;
	look();
	ck_assert_int_eq(count_of("health.changed"), 0);
	blue->status.state = INTENT_PENDING;
	look();
	look();
	ck_assert(rig_sent("\"to\":\"pending\""));
	rig_client_gone();
}
END_TEST

START_TEST(health_events_of_one_look_are_bounded)
{
	char name[8], ports[1600] = "[";

	rig_reconciler.synced = true;
	look();
	rig_get("/v1/events", NULL);
	for (int i = 0; i < 50; i++) {
		snprintf(name, sizeof(name), "p%d", i);
		sprintf(ports + strlen(ports), "%s{\"name\":\"%s\",\"link\":0}", i ? "," : "",
			name);
	}
	rig_reading("ports", strcat(ports, "]"));
	look();
	ck_assert_int_eq(count_of("event: health.changed"), 33);
	ck_assert(rig_sent("\"more\":18"));
	rig_client_gone();
}
END_TEST

START_TEST(refused_intent_and_drift_are_events)
{
	struct intent *blue = rig_slice("blue", "kim", "lan0", 10);

	rig_get("/v1/events", NULL);
	rig_status(blue, INTENT_REFUSED, "no room");
	ck_assert(rig_sent("event: intent.refused") && rig_sent("\"reason\":\"no room\""));
	rig_status(blue, INTENT_APPLIED, "");
	ck_assert(rig_sent("event: intent.applied"));
	rig_status(blue, INTENT_PENDING, "");
	ck_assert_int_eq(count_of("event: intent"), 2);
	rig_reconciler.drift_total = 3;
	rig_read();
	rig_read();
	ck_assert_int_eq(count_of("event: drift"), 1);
	ck_assert(rig_sent("\"objects\":3"));
	rig_client_gone();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("events");
	TCase *tcase = tcase_create("events");

	tcase_add_checked_fixture(tcase, rig_start, rig_stop);
	tcase_add_test(tcase, stream_tells_what_comes_with_id_event_and_data);
	tcase_add_test(tcase, stream_of_a_tenant_tells_only_its_own);
	tcase_add_test(tcase, stream_filters_by_name_and_by_what_it_begins_with);
	tcase_add_test(tcase, stream_goes_on_where_a_connection_was_lost);
	tcase_add_test(tcase, stream_tells_of_a_gap_after_a_restart_and_for_nonsense);
	tcase_add_test(tcase, long_replay_comes_in_batches_and_loses_nothing);
	tcase_add_test(tcase, stream_that_does_not_read_is_let_go_at_any_moment);
	tcase_add_test(tcase, event_of_the_dataplane_is_of_its_slices_tenant);
	tcase_add_test(tcase, unknown_event_is_refused);
	tcase_add_test(tcase, health_that_changed_is_an_event);
	tcase_add_test(tcase, health_that_passes_is_no_event);
	tcase_add_test(tcase, health_events_of_one_look_are_bounded);
	tcase_add_test(tcase, refused_intent_and_drift_are_events);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
