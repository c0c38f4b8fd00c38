/* SPDX-License-Identifier: BSD-3-Clause */
/* The connection to the dataplane before a fake one: calls, pages, events, loss, hanging, restarts,
 * and a cut at every byte. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../suite.h"
#include "bounds.h"
#include "dataplane.h"
#include "fake.h"

#define WAIT_MS 30000 /* for what comes within milliseconds where nobody else works */

static struct event_base *base;
static struct fake fake;
static struct dataplane *dp;

static bool up, changed, done;
static int changes, answers, lost, refused, events;
static uint64_t instance;
static enum dataplane_state last;
static json_t *result;

static void on_change(enum dataplane_state state, uint64_t is, void *arg)
{
	up = state == DATAPLANE_UP;
	changed = true;
	last = state;
	instance = is;
	changes++;
}

static void on_event(const json_t *event, void *arg)
{
	ck_assert_str_eq(json_string_value(json_object_get(event, "event")), "link.up");
	events++;
	done = true;
}

static void on_answer(const json_t *got, const json_t *error, void *arg)
{
	answers++;
	lost += !got && !error;
	refused += error != NULL;
	json_decref(result);
	result = json_incref((json_t *)got);
	done = true;
}

static void start(void)
{
	base = event_base_new();
	fake_start(&fake, base);
	dp = dataplane_open(base, fake.path);
	dataplane_on_change(dp, on_change, NULL);
	dataplane_on_event(dp, on_event, NULL);
	up = changed = done = false;
	changes = answers = lost = refused = events = 0;
}

static void stop(void)
{
	dataplane_close(dp);
	fake_free(&fake);
	event_base_free(base);
	json_decref(result);
	result = NULL;
}

static void wait_up(void)
{
	ck_assert(run_until(base, &up, WAIT_MS));
	ck_assert_int_eq(dataplane_state(dp), DATAPLANE_UP);
}

/* What was sent before is answered: answers come in order. */
static void wait_idle(void)
{
	done = false;
	ck_assert_int_eq(dataplane_call(dp, "echo", json_object(), on_answer, NULL), 0);
	ck_assert(run_until(base, &done, WAIT_MS));
	done = false;
	answers = lost = refused = 0;
}

START_TEST(hello_comes_first_and_says_who_it_is)
{
	ck_assert_int_eq(dataplane_call(dp, "echo", NULL, on_answer, NULL), -ENOTCONN);
	ck_assert_ptr_null(dataplane_hello(dp));
	wait_up();
	ck_assert_uint_eq(instance, 1000);
	ck_assert_str_eq(
		json_string_value(json_object_get(dataplane_hello(dp), "version")), "fake");
	ck_assert_str_eq(dataplane_path(dp), fake.path);
	ck_assert_int_eq(answers, 0);
}
END_TEST

static int in_order;
static void on_number(const json_t *got, const json_t *error, void *arg)
{
	ck_assert_int_eq(json_integer_value(json_object_get(got, "n")), in_order);
	ck_assert_ptr_eq(arg, &in_order);
	done = ++in_order == 1000;
}

START_TEST(calls_are_sent_ahead_and_answered_in_order)
{
	wait_up();
	for (int i = 0; i < 1000; i++)
		ck_assert_int_eq(dataplane_call(dp, "echo", json_pack("{s:i}", "n", i), on_number,
					 &in_order),
			0);
	ck_assert_int_eq(in_order, 0);
	ck_assert(run_until(base, &done, WAIT_MS));
}
END_TEST

START_TEST(an_error_is_an_answer_and_the_connection_stays)
{
	wait_up();
	ck_assert_int_eq(dataplane_call(dp, "nonsense", NULL, on_answer, NULL), 0);
	ck_assert(run_until(base, &done, WAIT_MS));
	ck_assert_int_eq(refused, 1);
	ck_assert_uint_eq(fake.connections, 1);
}
END_TEST

START_TEST(a_long_line_goes_and_comes_whole_and_a_longer_one_is_refused)
{
	size_t length = 15u << 20;
	char *text = malloc(length + (2u << 20));

	memset(text, 'x', length + (2u << 20));
	dataplane_set_patience(dp, 5000, 200000, 50);
	wait_up();
	text[length] = '\0';
	ck_assert_int_eq(
		dataplane_call(dp, "echo", json_pack("{s:s}", "t", text), on_answer, NULL), 0);
	ck_assert(run_until(base, &done, 200000));
	ck_assert_uint_eq(json_string_length(json_object_get(result, "t")), length);
	text[length] = 'x';
	text[length + (1u << 20) + 100] = '\0';
	ck_assert_int_eq(dataplane_call(dp, "echo", json_pack("{s:s}", "t", text), on_answer, NULL),
		-EMSGSIZE);
	free(text);
	ck_assert_int_eq(dataplane_state(dp), DATAPLANE_UP);
}
END_TEST

START_TEST(a_list_has_all_pages)
{
	char text[80];

	for (int i = 0; i < 25; i++) {
		snprintf(text, sizeof(text), "{\"name\":\"s%d\",\"vni\":%d}", i, i + 1);
		fake_put(&fake, "slice", text);
	}
	fake.page = 10;
	wait_up();
	ck_assert_int_eq(dataplane_list(dp, "slice", on_answer, NULL), 0);
	ck_assert(run_until(base, &done, WAIT_MS));
	ck_assert_uint_eq(json_array_size(json_object_get(result, "objects")), 25);
	ck_assert_uint_eq(fake.lists, 3);
}
END_TEST

START_TEST(events_come_between_answers)
{
	wait_up();
	wait_idle();
	fake_event(&fake, "{\"event\":\"link.up\",\"port\":\"wan0\"}");
	ck_assert(run_until(base, &done, WAIT_MS));
	ck_assert_int_eq(events, 1);
	dataplane_forget(dp, NULL);
	fake_event(&fake, "{\"event\":\"link.up\",\"port\":\"wan0\"}");
	wait_idle();
	ck_assert_int_eq(events, 1);
}
END_TEST

START_TEST(what_waits_is_answered_with_nothing_when_the_connection_is_lost)
{
	wait_up();
	fake.hang = true;
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(dataplane_call(dp, "echo", NULL, on_answer, NULL), 0);
	ck_assert_int_eq(dataplane_list(dp, "slice", on_answer, NULL), 0);
	run_for(base, 20);
	fake_stop(&fake);
	changed = false;
	ck_assert(run_until(base, &changed, WAIT_MS));
	ck_assert_int_eq(last, DATAPLANE_DOWN);
	ck_assert_int_eq(answers, 4);
	ck_assert_int_eq(lost, 4);
	ck_assert_int_eq(dataplane_call(dp, "echo", NULL, on_answer, NULL), -ENOTCONN);
	fake.hang = false;
	fake_again(&fake, true);
	wait_up();
	ck_assert_uint_eq(instance, 1001);
}
END_TEST

START_TEST(one_that_hangs_is_told_and_connected_to_again)
{
	wait_up();
	wait_idle();
	fake.hang = true;
	dataplane_set_patience(dp, 100, 100, 20);
	run_for(base, 200); /* nothing is overdue as long as nothing is asked */
	ck_assert_int_eq(dataplane_state(dp), DATAPLANE_UP);
	ck_assert_int_eq(dataplane_call(dp, "echo", NULL, on_answer, NULL), 0);
	ck_assert(run_until(base, &done, WAIT_MS));
	ck_assert_int_eq(lost, 1);
	ck_assert_int_eq(dataplane_state(dp), DATAPLANE_HUNG);
	for (int i = 0; i < WAIT_MS / 20 && fake.connections < 4; i++)
		run_for(base, 20);
	ck_assert_uint_ge(fake.connections, 4);
	ck_assert_int_eq(changes, 2); /* its hello is overdue again and again: no news */
	fake.hang = false;
	wait_up();
	ck_assert_int_eq(changes, 3);
}
END_TEST

START_TEST(one_that_owes_an_answer_is_seen_to)
{
	dataplane_set_patience(dp, 60000, 60000, 20);
	wait_up();
	wait_idle();
	ck_assert_uint_eq(dataplane_silent_ms(dp), 0);
	fake.hang = true;
	ck_assert_int_eq(dataplane_call(dp, "echo", NULL, on_answer, NULL), 0);
	run_for(base, 100);
	ck_assert_uint_ge(dataplane_silent_ms(dp), 80);
	ck_assert_uint_le(dataplane_silent_ms(dp), 59000);
	ck_assert_int_eq(dataplane_state(dp), DATAPLANE_UP);
}
END_TEST

static char trouble[DATAPLANE_WHY];
static int troubles;

static void on_trouble(const char *why, void *arg)
{
	snprintf(trouble, sizeof(trouble), "%s", why);
	troubles++;
}

START_TEST(why_it_is_down_is_told_once)
{
	char want[DATAPLANE_WHY];

	dataplane_set_patience(dp, 5000, 30000, 5);
	dataplane_on_trouble(dp, on_trouble, NULL);
	fake.turn_away = "uid 7 may not use this socket";
	for (int i = 0; i < 3000 && fake.connections < 5; i++)
		run_for(base, 10);
	ck_assert_uint_ge(fake.connections, 5);
	ck_assert_int_eq(troubles, 1);
	ck_assert_str_eq(
		trouble, "the dataplane refuses sluice-control: uid 7 may not use this socket");
	ck_assert_str_eq(dataplane_why(dp), trouble);
	fake.turn_away = NULL;
	wait_up();
	ck_assert_str_eq(dataplane_why(dp), "");
	changed = false;
	fake_stop(&fake);
	ck_assert(run_until(base, &changed, WAIT_MS));
	run_for(base, 300);
	ck_assert_int_eq(troubles, 2);
	snprintf(want, sizeof(want), "the dataplane is down: %s: No such file or directory",
		fake.path);
	ck_assert_str_eq(dataplane_why(dp), want);
}
END_TEST

START_TEST(close_answers_what_waits)
{
	wait_up();
	ck_assert_int_eq(dataplane_call(dp, "echo", NULL, on_answer, NULL), 0);
	dataplane_close(dp);
	ck_assert_int_eq(lost, 1);
	dp = dataplane_open(base, fake.path);
}
END_TEST

START_TEST(a_notification_without_an_event_is_passed_over)
{
	wait_up();
	wait_idle();
	fake_event(&fake, "[\"not an object\"]");
	wait_idle();
	ck_assert_uint_eq(fake.connections, 1);
	ck_assert_int_eq(events, 0);
}
END_TEST

/* Five calls in a conversation that is cut at byte `cut`: each is answered once, come what may, and
 * the connection comes back. Bytes of the whole conversation without a cut. */
static uint64_t converse(uint64_t cut)
{
	uint64_t bytes;

	start();
	fake.cut_at = cut;
	dataplane_set_patience(dp, 60000, 60000, 1); /* the cut is to be noticed by itself */
	wait_up();
	for (int i = 0; i < 5; i++)
		if (dataplane_call(dp, "echo", json_pack("{s:i}", "n", i), on_answer, NULL))
			answers++;
	for (int i = 0; i < WAIT_MS / 5 && answers < 5; i++)
		run_for(base, 5);
	ck_assert_int_eq(answers, 5);
	wait_up();
	bytes = fake.bytes;
	ck_assert_uint_eq(fake.connections, cut ? 2 : 1);
	stop();
	return bytes;
}

START_TEST(a_cut_at_any_byte_is_survived)
{
	uint64_t bytes = converse(0);

	ck_assert_uint_gt(bytes, 400);
	for (uint64_t cut = 1; cut < bytes; cut++)
		converse(cut);
}
END_TEST

/* More of a line than hello's has come when the connection is cut: the next one begins anew. */
START_TEST(a_cut_amid_a_long_answer_is_survived)
{
	const size_t size = 1 << 20;
	char *text = malloc(size + 1);

	memset(text, 'x', size);
	text[size] = '\0';
	dataplane_set_patience(dp, 60000, 60000, 1);
	wait_up();
	wait_idle();
	up = false;
	fake.cut_at = fake.bytes + size + size / 2; /* the request, and half of the answer */
	ck_assert_int_eq(
		dataplane_call(dp, "echo", json_pack("{s:s}", "t", text), on_answer, NULL), 0);
	free(text);
	ck_assert(run_until(base, &up, WAIT_MS));
	ck_assert_int_eq(dataplane_state(dp), DATAPLANE_UP);
	ck_assert_uint_eq(fake.connections, 2);
	wait_idle();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("control_dataplane");
	TCase *tcase = tcase_create("one"), *cut = tcase_create("cut");

	tcase_add_checked_fixture(tcase, start, stop);
	tcase_set_timeout(tcase, 240);
	tcase_add_test(tcase, hello_comes_first_and_says_who_it_is);
	tcase_add_test(tcase, a_cut_amid_a_long_answer_is_survived);
	tcase_add_test(tcase, calls_are_sent_ahead_and_answered_in_order);
	tcase_add_test(tcase, an_error_is_an_answer_and_the_connection_stays);
	tcase_add_test(tcase, a_long_line_goes_and_comes_whole_and_a_longer_one_is_refused);
	tcase_add_test(tcase, a_list_has_all_pages);
	tcase_add_test(tcase, events_come_between_answers);
	tcase_add_test(tcase, what_waits_is_answered_with_nothing_when_the_connection_is_lost);
	tcase_add_test(tcase, one_that_hangs_is_told_and_connected_to_again);
	tcase_add_test(tcase, one_that_owes_an_answer_is_seen_to);
	tcase_add_test(tcase, why_it_is_down_is_told_once);
	tcase_add_test(tcase, close_answers_what_waits);
	tcase_add_test(tcase, a_notification_without_an_event_is_passed_over);
	suite_add_tcase(suite, tcase);
	tcase_set_timeout(cut, 240);
	tcase_add_test(cut, a_cut_at_any_byte_is_survived);
	suite_add_tcase(suite, cut);
	return suite_main(suite);
}
