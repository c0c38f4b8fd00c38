/* SPDX-License-Identifier: BSD-3-Clause */
/* URRs and time: durations, periodic reports, start and stop of traffic, last reports; and what a
 * million of them cost. */
#include <rte_cycles.h>

#include "urr_rig.h"

/* Seconds go by, one a turn of main. */
static void wait_s(uint32_t seconds)
{
	while (seconds-- > 0) {
		rig_time(rig_now + 1);
		rig_poll();
	}
}

#define EVENT_IS(i, w)                                                                             \
	HOLDS(rig_events == (i) + 1 && rig_event[i].why == (w) && rig_event[i].sequence == (i),    \
		"line %d: %u events, the last 0x%x, number %u", __LINE__, rig_events,              \
		rig_events > 0 ? rig_event[rig_events - 1].why : 0,                                \
		rig_events > 0 ? rig_event[rig_events - 1].sequence : 0)

/* ---- periodic ---- */

START_TEST(urr_reports_each_period_what_came_in_it)
{
	struct api_urr u = rig_urr(5);

	rig(1 + _i);
	u.period_s = 60;
	struct rig_session s = rig_simple(u);

	rig_put(&s);
	for (uint32_t i = 0; i < 10; i++) {
		for (uint32_t k = 0; k < i; k++)
			ck_assert(rig_send(k % worker_count, &s, k % 2, 1000));
		wait_s(59);
		ck_assert_uint_eq(rig_events, i);
		wait_s(1);
		EVENT_IS(i, USAGE_PERIODIC);
		ck_assert_uint_eq(rig_event[i].ul_packets, (i + 1) / 2);
		ck_assert_uint_eq(usage_bytes(&rig_event[i]), i * 1000);
		ck_assert_uint_eq(rig_event[i].end_unix_s - rig_event[i].start_unix_s, 60);
	}
	s.urr[0].period_s = 5000; /* further than a turn of the wheel */
	rig_put(&s);
	wait_s(4999);
	ck_assert_uint_eq(rig_events, 10);
	wait_s(1);
	EVENT_IS(10, USAGE_PERIODIC);
	s.urr[0].period_s = 0;
	rig_put(&s);
	wait_s(10000);
	ck_assert_uint_eq(rig_events, 11);
	/* main was away for long: once, and then in time again */
	s.urr[0].period_s = 10;
	rig_put(&s);
	rig_time(rig_now + 95);
	rig_poll();
	EVENT_IS(11, USAGE_PERIODIC);
	wait_s(4);
	ck_assert_uint_eq(rig_events, 12);
	wait_s(1);
	EVENT_IS(12, USAGE_PERIODIC);
	rig_end();
}
END_TEST

/* ---- duration ---- */

START_TEST(urr_measures_time_from_the_first_packet_on)
{
	struct api_urr u = rig_urr(5);

	rig(1 + _i);
	u.measure = MEASURE_DURATION | MEASURE_VOLUME;
	u.threshold_s = 30;
	struct rig_session s = rig_simple(u);

	rig_put(&s);
	wait_s(100);
	ck_assert_uint_eq(rig_events, 0);
	ck_assert(rig_send(0, &s, 0, 500));
	rig_poll();
	for (uint32_t i = 0; i < 5; i++) { /* it counts on without a packet */
		wait_s(29);
		ck_assert_uint_eq(rig_events, i);
		wait_s(1);
		EVENT_IS(i, USAGE_TIME_THRESHOLD);
		ck_assert_uint_eq(rig_event[i].duration_s, 30);
		ck_assert_uint_eq(usage_bytes(&rig_event[i]), i == 0 ? 500 : 0);
	}
	rig_end();
}
END_TEST

START_TEST(urr_does_not_measure_time_without_traffic)
{
	struct api_urr u = rig_urr(5);

	rig(1 + _i);
	u.measure = MEASURE_DURATION;
	u.threshold_s = 60;
	u.inactivity_s = 10;
	struct rig_session s = rig_simple(u);

	rig_put(&s);
	/* 5 s of traffic and the 10 s until it is said to have stopped: 15; four times 60 */
	for (uint32_t i = 0; i < 4; i++) {
		for (uint32_t k = 0; k < 6; k++) {
			ck_assert(rig_send(k % worker_count, &s, k % 2, 100));
			wait_s(1);
		}
		ck_assert_uint_eq(rig_events, 0);
		if (i < 3)
			wait_s(1000);
	}
	wait_s(8);
	ck_assert_uint_eq(rig_events, 0);
	wait_s(1);
	EVENT_IS(0, USAGE_TIME_THRESHOLD);
	ck_assert_uint_eq(rig_event[0].duration_s, 60);
	wait_s(10000);
	ck_assert_uint_eq(rig_events, 1);
	rig_end();
}
END_TEST

START_TEST(urr_time_quota_stops_traffic)
{
	struct api_urr u = rig_urr(5);

	rig(1 + _i);
	u.measure = MEASURE_DURATION;
	u.quota_s = 20;
	struct rig_session s = rig_simple(u);

	rig_put(&s);
	for (uint32_t i = 0; i < 20; i++) {
		ck_assert(rig_send(i % worker_count, &s, 0, 100));
		rig_poll();
		wait_s(1);
	}
	EVENT_IS(0, USAGE_TIME_QUOTA);
	ck_assert_uint_eq(rig_event[0].duration_s, 20);
	for (uint32_t i = 0; i < 5; i++)
		ck_assert(!rig_send(i % worker_count, &s, i % 2, 100));
	wait_s(100);
	ck_assert_uint_eq(rig_events, 1);
	/* nothing passed since: no second of the new quota is over before the next packet */
	for (uint32_t k = 1; k < 4; k++) {
		s.urr[0].quota_s = k < 3 ? 25 : 24;
		s.urr[0].grant = k;
		rig_put(&s);
		wait_s(7);
		for (uint32_t i = 0; i < s.urr[0].quota_s; i++) {
			HOLDS(rig_send(i % worker_count, &s, i % 2, 100), "second %u", i);
			rig_poll();
			wait_s(1);
		}
		EVENT_IS(k, USAGE_TIME_QUOTA);
		ck_assert_uint_eq(rig_event[k].duration_s, s.urr[0].quota_s);
		ck_assert(!rig_send(0, &s, 0, 100));
		wait_s(50);
		ck_assert_uint_eq(rig_events, k + 1);
	}
	s.urr[0].quota_s = 0;
	rig_put(&s);
	ck_assert(!rig_send(0, &s, 0, 100));
	s.urr[0].quota_s = NO_QUOTA_S;
	rig_put(&s);
	ck_assert(rig_send(0, &s, 0, 100));
	rig_end();
}
END_TEST

/* What is refused is not served: time stands still until a new quota's first packet, whichever
 * quota it was, and also with reports in between. */
START_TEST(urr_time_stands_still_while_a_quota_is_used_up)
{
	struct api_urr u = rig_urr(5);

	rig(1 + _i);
	u.measure = MEASURE_DURATION | MEASURE_VOLUME;
	u.quota_bytes = 1000;
	u.quota_s = 1000;
	u.period_s = 100;
	struct rig_session s = rig_simple(u);

	rig_put(&s);
	ck_assert(rig_send(0, &s, 0, 1000));
	rig_poll();
	wait_s(30);
	ck_assert(!rig_send(0, &s, 0, 100));
	rig_poll();
	if (worker_count > 1) /* one worker knows it by the last byte */
		EVENT_IS(0, USAGE_VOLUME_QUOTA);
	ck_assert_uint_eq(rig_events, 1);
	ck_assert_uint_eq(rig_event[0].duration_s, worker_count > 1 ? 30 : 0);
	wait_s(70);
	ck_assert_uint_eq(rig_events, 2);
	ck_assert_uint_eq(rig_event[1].why, USAGE_PERIODIC);
	ck_assert_uint_eq(rig_event[1].duration_s, 0);
	s.urr[0].grant = 1;
	rig_put(&s);
	wait_s(50);
	ck_assert(rig_send(0, &s, 1, 100));
	rig_poll();
	wait_s(50);
	ck_assert_uint_eq(rig_events, 3);
	ck_assert_uint_eq(rig_event[2].why, USAGE_PERIODIC);
	ck_assert_uint_eq(rig_event[2].duration_s, 50);
	rig_end();
}
END_TEST

START_TEST(urr_time_quota_of_nothing_lets_nothing_pass)
{
	struct api_urr u = rig_urr(5);

	rig(1);
	u.quota_s = 0;
	struct rig_session s = rig_simple(u);

	rig_put(&s);
	ck_assert(!rig_send(0, &s, 0, 100));
	wait_s(5);
	ck_assert(!rig_send(0, &s, 0, 100));
	rig_end();
}
END_TEST

/* ---- traffic ---- */

START_TEST(urr_reports_start_and_stop_of_traffic)
{
	struct api_urr u = rig_urr(5);

	rig(1 + _i % 2);
	u.report = REPORT_START | REPORT_STOP;
	u.inactivity_s = _i / 2 ? 0 : 10;
	uint32_t idle = u.inactivity_s != 0 ? 10 : URR_IDLE_S;
	struct rig_session s = rig_simple(u);

	rig_put(&s);
	wait_s(300);
	ck_assert_uint_eq(rig_events, 0);
	for (uint32_t i = 0; i < 6; i += 2) {
		for (uint32_t k = 0; k < 100; k++) {
			ck_assert(rig_send(k % worker_count, &s, k % 2, 100));
			rig_poll();
			EVENT_IS(i, USAGE_START);
			if (k % 2)
				wait_s(k % 6);
		}
		rig_time(rig_now + 1);
		ck_assert(rig_send(worker_count - 1, &s, 0, 100));
		wait_s(idle - 1);
		EVENT_IS(i, USAGE_START);
		wait_s(1);
		EVENT_IS(i + 1, USAGE_STOP);
		ck_assert_uint_eq(
			usage_bytes(&rig_event[i]) + usage_bytes(&rig_event[i + 1]), 10100);
		wait_s(1000);
		EVENT_IS(i + 1, USAGE_STOP);
	}
	rig_end();
}
END_TEST

/* ---- the last report ---- */

START_TEST(urr_deleted_reports_what_it_had_until_workers_let_go)
{
	struct api_urr u = rig_urr(5);

	rig(1 + _i % 2);
	u.period_s = _i / 2 ? 1000 : 0;
	u.measure |= _i / 2 ? MEASURE_DURATION : 0;
	struct rig_session s = rig_simple(u), without = s;

	rig_put(&s);
	for (uint32_t i = 0; i < 10; i++)
		ck_assert(rig_send(i % worker_count, &s, i % 2, 100));
	wait_s(50);
	without.urrs = 0;
	without.act[0] = (struct urr_act){.cell = 5, .uplink = true};
	without.acts = 1;
	rig_put(&without);
	ck_assert_uint_eq(rig_events, 0);
	ck_assert(rig_send(0, &s, 0, 77)); /* a packet that was on its way */
	urr_cells_gone(SESSION, s.cells + 1, 1);
	urr_cells_gone(SESSION, s.cells + 2, 1);
	ck_assert_uint_eq(rig_events, 0);
	urr_cells_gone(SESSION, s.cells + 3, 1);
	EVENT_IS(0, USAGE_TERMINATION);
	ck_assert_uint_eq(usage_bytes(rig_event), 1077);
	ck_assert_uint_eq(rig_event[0].ul_packets, 6);
	ck_assert_uint_eq(rig_event[0].duration_s, _i / 2 ? 50 : 0);
	ck_assert_uint_eq(rig_event[0].end_unix_s - rig_event[0].start_unix_s, 50);
	wait_s(5000);
	ck_assert_uint_eq(rig_events, 1);
	ck_assert_ptr_null(urr_record_of(SESSION));
	rig_end();
}
END_TEST

/* The same id again is another URR: it begins at nothing. */
START_TEST(urr_with_an_id_that_was_another_ones_begins_anew)
{
	struct api_urr u = rig_urr(5);

	rig(1);
	u.quota_bytes = 5000;
	struct rig_session s = rig_simple(u), none = {0}, again;

	rig_put(&s);
	ck_assert(rig_send(0, &s, 0, 4000));
	rig_put(&none);
	again = s;
	again.cells += 32;
	rig_put(&again);
	ck_assert(rig_send(0, &s, 0, 500)); /* late */
	ck_assert(rig_send(0, &again, 0, 4999));
	ck_assert_uint_eq(rig_volume(0), 4999);
	urr_cells_gone(SESSION, s.cells, 4);
	EVENT_IS(0, USAGE_TERMINATION);
	ck_assert_uint_eq(usage_bytes(rig_event), 4500);
	ck_assert_uint_eq(rig_volume(0), 4999);
	rig_put(&none);
	urr_cells_gone(SESSION, again.cells, 4);
	ck_assert_uint_eq(rig_events, 2);
	ck_assert_uint_eq(rig_event[1].sequence, 0);
	ck_assert_uint_eq(usage_bytes(&rig_event[1]), 4999);
	rig_end();
}
END_TEST

/* One that no PDR names (any more) has no cell that could go. */
START_TEST(urr_that_nobody_names_is_reported_when_it_goes)
{
	struct api_urr u = rig_urr(5);

	rig(1 + _i);
	u.threshold_bytes = 100000;
	struct rig_session s = rig_simple(u), unnamed = s, none = {0};

	if (_i) {
		rig_put(&s);
		ck_assert(rig_send(0, &s, 0, 1000));
	}
	unnamed.act[0] = (struct urr_act){.cell = 5};
	unnamed.acts = 1;
	rig_put(&unnamed);
	for (uint32_t i = 1; _i && i < 4; i++)
		urr_cells_gone(SESSION, s.cells + i, 1);
	ck_assert_uint_eq(rig_volume(0), _i * 1000);
	rig_put(&none);
	EVENT_IS(0, USAGE_TERMINATION);
	ck_assert_uint_eq(usage_bytes(rig_event), _i * 1000);
	ck_assert_ptr_null(urr_record_of(SESSION));
	rig_end();
}
END_TEST

/* ---- a million ---- */

START_TEST(urr_poll_of_a_million_costs_what_is_due)
{
	const uint32_t million = getenv("SLUICE_QUICK") ? 100000 : 1000000;
	struct api_urr u = rig_urr(1);
	struct api_urrs urrs = {1, &u};
	uint64_t start, put, polls = 0, worst = 0, idle = 0, all = 0;
	uint32_t none = 0, slow = 0;

	rig(1);
	rig_counts_only = true;
	u.period_s = 60;
	start = rte_rdtsc();
	for (uint32_t i = 1; i <= million; i++) {
		struct urr_act act = {.cell = i, .urrs = 1, .uplink = true};
		struct urr_session to = {
			.session = i, .urrs = &urrs, .credit = &none, .act = &act, .acts = 1};
		struct urr_change *change;

		if (i % (million / 60 + 1) == 0)
			rig_time(rig_now + 1);
		HOLDS(urr_prepare(&to, &change) == 0, "%u", i);
		urr_commit(change);
	}
	put = rte_rdtsc() - start;
	for (uint32_t second = 0; second < 60; second++) {
		rig_time(rig_now + 1);
		for (;;) {
			start = rte_rdtsc();
			uint32_t did = urr_poll();
			uint64_t took = rte_rdtsc() - start;

			all += took;
			worst = RTE_MAX(worst, took);
			polls++;
			if (did == 0) {
				idle += took;
				slow += took > rte_get_tsc_hz() / 10000;
				break;
			}
		}
	}
	double us = rte_get_tsc_hz() / 1e6;

	printf("%u periodic URRs: %.2f us each to put, %" PRIu64 " bytes each; %u reports in "
	       "60 s, %.0f ns each; a poll with nothing due %.0f ns, the longest %.0f us\n",
		million, put / us / million, urr_memory_bytes() / million, rig_events,
		all / us * 1000 / rig_events, idle / us * 1000 / 60, worst / us);
	ck_assert_uint_ge(rig_events, million / 1000 * 999);
	ck_assert_uint_le(rig_events, million / 1000 * 1001);
	ck_assert_uint_lt(slow, 30); /* of 60: the machine may do something else amid some */
	for (uint32_t i = 1; i <= million; i++) {
		struct urr_session to = {
			.session = i, .urrs = &(struct api_urrs){0}, .credit = &none};
		struct urr_change *change;

		HOLDS(urr_prepare(&to, &change) == 0, "%u", i);
		urr_commit(change);
		urr_cells_gone(i, i, 1);
		HOLDS(urr_record_of(i) == NULL, "%u", i);
	}
	rig_end();
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("urr_time");

	table_eal();
	tcase_add_loop_test(tc, urr_reports_each_period_what_came_in_it, 0, 2);
	tcase_add_loop_test(tc, urr_measures_time_from_the_first_packet_on, 0, 2);
	tcase_add_loop_test(tc, urr_does_not_measure_time_without_traffic, 0, 2);
	tcase_add_loop_test(tc, urr_time_quota_stops_traffic, 0, 2);
	tcase_add_loop_test(tc, urr_time_stands_still_while_a_quota_is_used_up, 0, 2);
	tcase_add_test(tc, urr_time_quota_of_nothing_lets_nothing_pass);
	tcase_add_loop_test(tc, urr_reports_start_and_stop_of_traffic, 0, 4);
	tcase_add_loop_test(tc, urr_deleted_reports_what_it_had_until_workers_let_go, 0, 4);
	tcase_add_test(tc, urr_with_an_id_that_was_another_ones_begins_anew);
	tcase_add_loop_test(tc, urr_that_nobody_names_is_reported_when_it_goes, 0, 2);
	tcase_add_test(tc, urr_poll_of_a_million_costs_what_is_due);
	return table_run("urr_time", tc, 120);
}
