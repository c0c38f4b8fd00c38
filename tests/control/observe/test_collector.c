/* SPDX-License-Identifier: BSD-3-Clause */
/* The collector before a dataplane that is made up: rates, restarts, answers that are late or do
 * not come, and how often it asks. */
#include "../suite.h"
#include "collector.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- the made-up dataplane: answers one after the other, when told to ---- */

struct question {
	dataplane_answer answer;
	void *arg;
	char what[32]; /* "stats port", "drops", "list tunnel" */
};

struct dataplane {
	enum dataplane_state state;
	dataplane_changed changed;
	void *changed_arg;
	struct question questions[256];
	size_t asked, answered;
	json_int_t count; /* of all counters */
	bool refuses, refuses_calls;
	unsigned pages;	 /* more, of slices */
	char cursor[16]; /* that was asked with last */
};

static struct dataplane dp;
static struct event_base *base;
static struct collector *c;

enum dataplane_state dataplane_state(const struct dataplane *d)
{
	return d->state;
}

void dataplane_on_change(struct dataplane *d, dataplane_changed changed, void *arg)
{
	d->changed = changed;
	d->changed_arg = arg;
}

static int question(const char *method, const char *type, dataplane_answer answer, void *arg)
{
	struct question *q = &dp.questions[dp.asked];

	if (dp.refuses_calls)
		return -ENOTCONN;
	ck_assert_uint_lt(dp.asked, 256);
	dp.asked++;
	q->answer = answer;
	q->arg = arg;
	snprintf(q->what, sizeof(q->what), "%s%s%s", method, type ? " " : "", type ? type : "");
	return 0;
}

int dataplane_call(
	struct dataplane *d, const char *method, json_t *params, dataplane_answer answer, void *arg)
{
	char type[24] = "";

	if (json_object_get(params, "type"))
		snprintf(type, sizeof(type), "%s",
			json_string_value(json_object_get(params, "type")));
	if (json_object_get(params, "cursor"))
		snprintf(dp.cursor, sizeof(dp.cursor), "%s",
			json_string_value(json_object_get(params, "cursor")));
	json_decref(params);
	return question(method, type[0] ? type : NULL, answer, arg);
}

int dataplane_list(struct dataplane *d, const char *type, dataplane_answer answer, void *arg)
{
	return question("list", type, answer, arg);
}

/* ---- its clocks: a second from round to round, however late the loop is ---- */

static uint64_t now_us;

int __wrap_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
	*now = (struct timespec){now_us / 1000000, now_us % 1000000 * 1000};
	return 0;
}

static void answer_one(void)
{
	struct question q = dp.questions[dp.answered++];
	json_t *result, *error = NULL;

	if (!strncmp(q.what, "stats", 5))
		result = json_pack("{s:s, s:{s:{s:I, s:I}}}", "type", q.what + 6, "objects", "one",
			"packets", dp.count, "bytes", dp.count * 100);
	else if (!strcmp(q.what, "drops"))
		result = json_pack("{s:I}", "no_route", dp.count);
	else if (!strcmp(q.what, "table.read"))
		result = json_pack("{s:[{s:{s:s}}]}", "entries", "match", "gtpu", "n3");
	else
		result = json_pack("{s:[{s:s}]}", "objects", "name", q.what + 5);
	if (!strcmp(q.what, "stats slice") && dp.cursor[0])
		json_object_set(json_object_get(result, "objects"), dp.cursor, json_null());
	if (!strcmp(q.what, "stats slice") && dp.pages) {
		char cursor[16];

		snprintf(cursor, sizeof(cursor), "p%u", dp.pages--);
		json_object_set_new(result, "cursor", json_string(cursor));
	}
	if (dp.refuses) {
		error = result;
		result = NULL;
	}
	q.answer(result, error, q.arg);
	json_decref(result);
	json_decref(error);
}

static void answer_all(void)
{
	while (dp.answered < dp.asked)
		answer_one();
}

static void lose_all(void)
{
	while (dp.answered < dp.asked) {
		struct question q = dp.questions[dp.answered++];

		q.answer(NULL, NULL, q.arg);
	}
}

static void change(enum dataplane_state state, uint64_t instance)
{
	dp.state = state;
	dp.changed(state, instance, dp.changed_arg);
}

/* Until it asks again; how many questions. */
static size_t round_now(void)
{
	size_t before = dp.asked;

	now_us += 1000000;
	while (dp.asked == before)
		ck_assert_int_eq(event_base_loop(base, EVLOOP_ONCE), 0);
	return dp.asked - before;
}

static void start(void)
{
	memset(&dp, 0, sizeof(dp));
	now_us = 1000000000;
	base = event_base_new();
	c = collector_start(base, &dp);
}

static void stop(void)
{
	collector_stop(c);
	lose_all(); /* what it waits for holds it */
	event_base_free(base);
}

/* ---- */

START_TEST(nothing_is_read_before_the_dataplane_is_up)
{
	event_base_loop(base, EVLOOP_NONBLOCK);
	ck_assert_uint_eq(dp.asked, 0);
	ck_assert_ptr_null(collector_stats(c, "port"));
	ck_assert_int_eq(collector_at_us(c), 0);
	ck_assert_double_eq(collector_rate(c, "port", "one", "packets"), 0);
}
END_TEST

START_TEST(first_reading_has_counters_and_no_rates)
{
	change(DATAPLANE_UP, 1);
	ck_assert_uint_eq(round_now(), 12); /* eight types, drops, two lists, peers */
	dp.count = 5;
	answer_all();
	ck_assert_int_eq(json_integer_value(json_object_get(
				 json_object_get(collector_stats(c, "stage"), "one"), "bytes")),
		500);
	ck_assert_int_eq(json_integer_value(json_object_get(collector_drops(c), "no_route")), 5);
	ck_assert_uint_eq(json_object_size(collector_objects(c, "tunnel")), 1);
	ck_assert_ptr_null(collector_stats(c, "session"));
	ck_assert_double_eq(collector_rate(c, "port", "one", "packets"), 0);
	ck_assert_int_gt(collector_at_us(c), 0);
}
END_TEST

START_TEST(counters_of_many_come_by_pages)
{
	change(DATAPLANE_UP, 1);
	round_now();
	dp.pages = 2;
	for (int i = 0; i < 13; i++)
		answer_one();
	ck_assert_ptr_null(collector_stats(c, "slice")); /* the last page has not come */
	answer_all();
	ck_assert_uint_eq(dp.answered, 14);
	ck_assert_uint_eq(json_object_size(collector_stats(c, "slice")), 3);
	ck_assert_ptr_nonnull(json_object_get(collector_stats(c, "slice"), "p2"));
	ck_assert_ptr_nonnull(json_object_get(collector_stats(c, "slice"), "p1"));
}
END_TEST

START_TEST(rate_is_the_difference_by_the_time_between)
{
	change(DATAPLANE_UP, 1);
	round_now();
	answer_all();
	dp.count = 1000;
	round_now();
	answer_all();
	ck_assert_double_eq_tol(collector_rate(c, "port", "one", "packets"), 1000, 1e-6);
	ck_assert_double_eq_tol(collector_rate(c, "port", "one", "bytes"), 100000, 1e-6);
	ck_assert_double_eq(collector_rate(c, "port", "two", "bytes"), 0);
	ck_assert_double_eq(collector_rate(c, "nothing", "one", "bytes"), 0);
}
END_TEST

START_TEST(reading_counts_only_when_every_answer_has_come)
{
	change(DATAPLANE_UP, 1);
	round_now();
	for (int i = 0; i < 11; i++)
		answer_one();
	ck_assert_ptr_null(collector_stats(c, "port"));
	answer_one();
	ck_assert_ptr_nonnull(collector_stats(c, "port"));
}
END_TEST

START_TEST(counter_that_goes_back_has_no_rate)
{
	change(DATAPLANE_UP, 1);
	round_now();
	dp.count = 1000;
	answer_all();
	round_now();
	dp.count = 10;
	answer_all();
	ck_assert_double_eq(collector_rate(c, "port", "one", "packets"), 0);
}
END_TEST

START_TEST(restart_of_the_dataplane_forgets_what_was)
{
	change(DATAPLANE_UP, 1);
	round_now();
	answer_all();
	change(DATAPLANE_DOWN, 1);
	ck_assert_ptr_nonnull(collector_stats(c, "port")); /* its last, with its time */
	dp.count = 1000000;
	change(DATAPLANE_UP, 2);
	ck_assert_ptr_null(collector_stats(c, "port"));
	ck_assert_ptr_null(collector_objects(c, "port"));
	ck_assert_uint_eq(round_now(), 12);
	answer_all();
	ck_assert_double_eq(collector_rate(c, "port", "one", "packets"), 0);
	ck_assert_ptr_nonnull(collector_stats(c, "port"));
}
END_TEST

START_TEST(same_dataplane_after_a_lost_connection_goes_on)
{
	change(DATAPLANE_UP, 1);
	round_now();
	answer_all();
	round_now();
	change(DATAPLANE_DOWN, 1);
	lose_all(); /* answers of a round that is over */
	change(DATAPLANE_UP, 1);
	dp.count = 1000;
	round_now();
	answer_all();
	ck_assert_double_gt(collector_rate(c, "port", "one", "packets"), 0);
}
END_TEST

START_TEST(lost_and_refused_answers_leave_the_last_reading)
{
	int64_t at_us;

	change(DATAPLANE_UP, 1);
	round_now();
	answer_all();
	at_us = collector_at_us(c);
	round_now();
	answer_one();
	lose_all();
	ck_assert_int_eq(collector_at_us(c), at_us);
	round_now();
	dp.refuses = true;
	answer_all();
	ck_assert_int_eq(collector_at_us(c), at_us);
	dp.refuses = false;
	round_now(); /* and it goes on asking */
	answer_all();
	ck_assert_int_gt(collector_at_us(c), at_us);
}
END_TEST

START_TEST(lists_are_asked_for_every_other_second)
{
	change(DATAPLANE_UP, 1);
	ck_assert_uint_eq(round_now(), 12);
	answer_all();
	ck_assert_uint_eq(round_now(), 9);
	answer_all();
	ck_assert_ptr_nonnull(collector_objects(c, "port")); /* the last list stays */
	ck_assert_uint_eq(round_now(), 12);
	answer_all();
}
END_TEST

START_TEST(lists_are_asked_for_in_the_next_round_when_a_link_changed)
{
	change(DATAPLANE_UP, 1);
	round_now();
	answer_all();
	collector_list_soon(c);
	ck_assert_uint_eq(round_now(), 12);
	answer_all();
}
END_TEST

/* Both of two rounds: a single one has waited for something else. */
START_TEST(slow_rounds_make_a_longer_pause)
{
	struct timeval begin, end, took;

	change(DATAPLANE_UP, 1);
	round_now();
	now_us += 4000000;
	evutil_gettimeofday(&begin, NULL);
	answer_all();
	round_now();
	evutil_gettimeofday(&end, NULL);
	evutil_timersub(&end, &begin, &took);
	ck_assert_int_lt(took.tv_sec * 1000 + took.tv_usec / 1000, 1500);
	now_us += 100000;
	evutil_gettimeofday(
		&begin, NULL); /* before the pause begins: what lies between counts, too */
	answer_all();
	ck_assert_uint_eq(collector_took_us(c), 100000);
	round_now();
	evutil_gettimeofday(&end, NULL);
	evutil_timersub(&end, &begin, &took);
	ck_assert_int_ge(took.tv_sec * 1000 + took.tv_usec / 1000, 1890); /* 19 times as long */
	answer_all();
}
END_TEST

static int reads;

static void count_reads(const struct collector *collector)
{
	reads++;
	ck_assert_ptr_nonnull(collector_stats(collector, "slice"));
}

START_TEST(reader_is_told_of_each_whole_reading)
{
	reads = 0;
	collector_on_read(c, count_reads);
	change(DATAPLANE_UP, 1);
	round_now();
	answer_all();
	ck_assert_int_eq(reads, 1);
	round_now();
	lose_all();
	ck_assert_int_eq(reads, 1);
}
END_TEST

START_TEST(call_that_is_not_taken_is_tried_again)
{
	change(DATAPLANE_UP, 1);
	dp.refuses_calls = true;
	event_base_loop(base, EVLOOP_ONCE);
	ck_assert_uint_eq(dp.asked, 0);
	dp.refuses_calls = false;
	ck_assert_uint_eq(round_now(), 12);
	answer_all();
	ck_assert_ptr_nonnull(collector_stats(c, "port"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("collector");
	TCase *tcase = tcase_create("collector");

	tcase_set_timeout(tcase, 30);
	tcase_add_checked_fixture(tcase, start, stop);
	tcase_add_test(tcase, nothing_is_read_before_the_dataplane_is_up);
	tcase_add_test(tcase, first_reading_has_counters_and_no_rates);
	tcase_add_test(tcase, counters_of_many_come_by_pages);
	tcase_add_test(tcase, rate_is_the_difference_by_the_time_between);
	tcase_add_test(tcase, reading_counts_only_when_every_answer_has_come);
	tcase_add_test(tcase, counter_that_goes_back_has_no_rate);
	tcase_add_test(tcase, restart_of_the_dataplane_forgets_what_was);
	tcase_add_test(tcase, same_dataplane_after_a_lost_connection_goes_on);
	tcase_add_test(tcase, lost_and_refused_answers_leave_the_last_reading);
	tcase_add_test(tcase, lists_are_asked_for_every_other_second);
	tcase_add_test(tcase, lists_are_asked_for_in_the_next_round_when_a_link_changed);
	tcase_add_test(tcase, slow_rounds_make_a_longer_pause);
	tcase_add_test(tcase, reader_is_told_of_each_whole_reading);
	tcase_add_test(tcase, call_that_is_not_taken_is_tried_again);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
