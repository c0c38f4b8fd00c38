/* SPDX-License-Identifier: BSD-3-Clause */
/* The shaper in simulated time: room in its queues, changes while frames wait, deletion, order,
 * long pauses; and the calendar below it against plain lists. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "calendar.h"
#include "shaper_sim.h"

#define M 1000000ull
#define G 1000000000ull

static struct sim sim;

static struct shaper_counters class_of(uint16_t id)
{
	struct shaper_counters c;

	shaper_class_read(sim.shaper, id, &c);
	return c;
}

/* Offers n frames of a class at once: how many were taken. */
static uint32_t put(uint16_t id, uint32_t len, uint32_t n)
{
	uint32_t taken = 0;

	for (uint32_t i = 0; i < n; i++) {
		struct rte_mbuf *m = sim_frame(id, len);

		if (shaper_enqueue(sim.shaper, m, sim.now_ns))
			taken++;
		else
			rte_pktmbuf_free(m);
	}
	return taken;
}

static void limits(uint32_t buffers_max)
{
	sim.setting.buffers_max = buffers_max;
	shaper_set(sim.shaper, &sim.setting);
}

/* ---- room ---- */

START_TEST(queue_is_bounded_in_time)
{
	sim_open(&sim, 100 * M, NULL, 0);
	/* 50 ms of 100 Mbit/s are 625,000 bytes */
	ck_assert_uint_eq(put(1, 1000, 2000), 625);
	ck_assert_uint_eq(class_of(1).dropped, 2000 - 625);
	ck_assert_uint_eq(class_of(1).queued_bytes, 625000);
	sim_close(&sim);
	sim_open(&sim, M, NULL, 0);
	ck_assert_uint_eq(put(1, 1000, 2000), 32); /* no queue is shorter than 32 KiB */
	sim_close(&sim);
}
END_TEST

START_TEST(flooding_classes_leave_room_for_others)
{
	sim_open(&sim, 100 * G, NULL, 0);
	limits(800); /* 700 to share, 100 for short queues */
	ck_assert_uint_eq(put(1, 64, 1000), 350);
	ck_assert_uint_eq(put(2, 64, 1000), 175);
	for (uint16_t id = 3; id < 100; id++)
		ck_assert_uint_ge(put(id, 64, 1), 1);
	ck_assert_uint_eq(put(200, 64, SHAPER_SURE), SHAPER_SURE);
	sim_close(&sim);
}
END_TEST

START_TEST(buffers_held_never_pass_the_limit)
{
	struct shaper_counters all;

	sim_open(&sim, 100 * G, NULL, 0);
	limits(500);
	for (uint16_t id = 1; id < 2000; id++)
		put(id, 64, 20);
	shaper_read(sim.shaper, &all);
	ck_assert_uint_eq(all.queued_packets, 500);
	ck_assert_uint_eq(sim_held(), 500);
	limits(100); /* smaller than what is held: nothing more until it has left */
	ck_assert_uint_eq(put(3000, 64, 1), 0);
	sim_drain(&sim);
	ck_assert_uint_eq(put(3000, 64, 1), 1);
	sim_close(&sim);
}
END_TEST

START_TEST(chained_frame_counts_all_its_buffers)
{
	sim_open(&sim, 100 * G, NULL, 0);
	limits(64);
	struct rte_mbuf *m = sim_frame(1, 100);

	for (int i = 0; i < 63; i++)
		rte_pktmbuf_chain(m, sim_frame(0, 100));
	ck_assert(shaper_enqueue(sim.shaper, m, sim.now_ns));
	ck_assert_uint_eq(put(2, 100, 1), 0);
	sim_drain(&sim);
	ck_assert_uint_eq(put(2, 100, 1), 1);
	sim_close(&sim);
}
END_TEST

/* ---- changes ---- */

START_TEST(weight_and_guarantee_change_while_frames_wait)
{
	struct source s[2] = {
		{.id = 1, .len = 1000, .backlog = 20}, {.id = 2, .len = 1000, .backlog = 20}};

	sim_open(&sim, 100 * M, s, 2);
	sim_run(&sim, 0.2);
	shaper_class_set(1, 4, 0);
	sim_reset(&sim);
	sim_run(&sim, 1);
	ck_near(sim_bps(&s[0], 1), 80e6, 2);
	shaper_class_set(1, 4, 50 * M);
	sim_reset(&sim);
	sim_run(&sim, 1);
	ck_near(sim_bps(&s[0], 1), 50e6 + 40e6, 2);
	shaper_class_set(1, 1, 10 * M);
	sim_reset(&sim);
	sim_run(&sim, 1);
	ck_near(sim_bps(&s[0], 1), 10e6 + 45e6, 2);
	shaper_class_set(1, 1, 0);
	sim_reset(&sim);
	sim_run(&sim, 1);
	ck_near(sim_bps(&s[0], 1), 50e6, 2);
	sim_close(&sim);
}
END_TEST

START_TEST(rate_changes_while_frames_wait)
{
	static const uint64_t rates[] = {10 * M, G, M, 250 * M};
	struct source s = {.id = 1, .len = 500, .backlog = 60};

	sim_open(&sim, 50 * M, &s, 1);
	sim_run(&sim, 0.1);
	for (int i = 0; i < 4; i++) {
		sim.setting.rate_bps = rates[i];
		shaper_set(sim.shaper, &sim.setting);
		sim_run(&sim, 0.05);
		sim_reset(&sim);
		sim_run(&sim, 2);
		ck_near(sim_bps(&s, 2), (double)rates[i], 1);
	}
	sim_close(&sim);
}
END_TEST

START_TEST(port_not_shaped_any_more_lets_all_of_it_go)
{
	struct rte_mbuf *pkt[100];

	sim_open(&sim, M, NULL, 0);
	put(1, 60, 100);
	sim.setting.rate_bps = 0;
	shaper_set(sim.shaper, &sim.setting);
	ck_assert(shaper_is_on(sim.shaper));
	ck_assert_uint_eq(shaper_dequeue(sim.shaper, sim.now_ns, pkt, 100), 100);
	rte_pktmbuf_free_bulk(pkt, 100);
	ck_assert(!shaper_is_on(sim.shaper));
	sim_close(&sim);
}
END_TEST

/* ---- deletion ---- */

START_TEST(deleted_class_is_dropped_and_its_id_is_clean)
{
	sim_open(&sim, 10 * M, NULL, 0);
	shaper_class_set(5, 7, 5 * M);
	put(5, 1000, 50);
	put(6, 1000, 10);
	shaper_class_unset(5);
	ck_assert_uint_eq(class_of(5).queued_packets, 0);
	shaper_class_set(5, 1, 0);
	ck_assert_uint_eq(put(5, 1000, 3), 3); /* the next slice's */
	ck_assert_uint_eq(shaper_gone(sim.shaper), 50);
	ck_assert_uint_eq(shaper_gone(sim.shaper), 0);
	ck_assert_uint_eq(class_of(5).queued_packets, 3);
	ck_assert_uint_eq(sim_held(), 13);
	sim_drain(&sim);
	ck_assert_uint_eq(class_of(5).sent_packets, 3);
	ck_assert_uint_eq(class_of(6).sent_packets, 10);
	sim_close(&sim);
}
END_TEST

/* Of a slice that had next to nothing, and was far ahead of it when it went. */
START_TEST(next_owner_of_an_id_has_no_debt)
{
	struct source s[2] = {
		{.id = 5, .len = 1000, .backlog = 20}, {.id = 6, .len = 1000, .backlog = 20}};

	sim_open(&sim, 100 * M, s, 2);
	shaper_class_set(5, 1, _i ? 8000 : 0);
	shaper_class_set(6, 1000, _i ? 50 * M : 0);
	sim_run(&sim, 0.05);
	sim.sources = 0;
	sim_drain(&sim);
	shaper_class_unset(5);
	shaper_class_set(5, _i ? 1 : 1000, _i ? 50 * M : 0); /* by its guarantee, by its share */
	sim.sources = 2;
	sim_reset(&sim);
	sim_run(&sim, 0.5);
	ck_near(sim_bps(&s[0], 0.5), 50e6, 4);
	sim_close(&sim);
}
END_TEST

START_TEST(deleted_class_without_successor_goes_at_its_turn)
{
	sim_open(&sim, 10 * M, NULL, 0);
	put(5, 1000, 20);
	put(6, 1000, 5);
	shaper_class_unset(5);
	sim_drain(&sim);
	ck_assert_uint_eq(shaper_gone(sim.shaper), 20);
	ck_assert_uint_eq(sim.sent, 5);
	ck_assert_uint_eq(sim_held(), 0);
	sim_close(&sim);
}
END_TEST

START_TEST(purge_takes_everything)
{
	sim_open(&sim, 10 * M, NULL, 0);
	for (uint16_t id = 0; id < 300; id++)
		put(id, 64, 3);
	ck_assert_uint_eq(shaper_purge(sim.shaper), 900);
	ck_assert_uint_eq(sim_held(), 0);
	ck_assert_uint_eq(put(1, 64, 1), 1); /* and it still works */
	sim_close(&sim);
}
END_TEST

/* ---- time ---- */

/* Classes come and go at random, with frames of all sizes: nothing is lost, order is kept (checked
 * by the simulation), the port is never idle while something waits. */
START_TEST(classes_that_come_and_go_keep_order_and_use_the_port)
{
	static struct source s[64];
	uint64_t offered = 0, sent = 0;

	srand(_i);
	memset(s, 0, sizeof(s));
	sim_open(&sim, 200 * M, s, 64);
	for (int i = 0; i < 64; i++) {
		s[i] = (struct source){.id = i * 250 + _i,
			.len = 60 + rand() % 1454,
			.bps = 1 + rand() % (20 * M)};
		shaper_class_set(s[i].id, 1 + rand() % 1000, rand() % 3 ? rand() % (6 * M) : 0);
	}
	for (int round = 0; round < 200; round++) {
		struct source *one = &s[rand() % 64];
		uint64_t before = sim.sent_bytes, waiting = shaper_waiting(sim.shaper);

		one->bps = rand() % 4 ? 1 + rand() % (20 * M) : 1;
		one->next_ns = sim.now_ns;
		shaper_class_set(one->id, 1 + rand() % 1000, rand() % 3 ? rand() % (6 * M) : 0);
		sim_run(&sim, 0.005);
		if (waiting > 200)
			ck_near((sim.sent_bytes - before) * 8 / 0.005, 200e6, 5);
	}
	sim_drain(&sim);
	for (int i = 0; i < 64; i++) {
		ck_assert_uint_eq(s[i].sent, s[i].taken);
		ck_assert_uint_eq(class_of(s[i].id).sent_packets, s[i].sent);
		offered += s[i].offered;
		sent += s[i].sent + s[i].refused;
	}
	ck_assert_uint_eq(offered, sent);
	ck_assert_uint_gt(offered, 10000);
	sim_close(&sim);
}
END_TEST

START_TEST(class_idle_for_long_comes_back_with_no_more_and_no_less)
{
	static const double idle[] = {0.5, 10, 86400, 3e8}; /* seconds: up to ten years */
	struct source s[2] = {
		{.id = 1, .len = 1000, .backlog = 20}, {.id = 2, .len = 1000, .backlog = 20}};

	sim_open(&sim, 100 * M, s, 2);
	shaper_class_set(1, 1, 20 * M);
	sim_run(&sim, 0.5);
	sim.sources = 0;
	sim_drain(&sim);
	sim.now_ns += idle[_i] * HZ;
	sim.sources = 2;
	sim_reset(&sim);
	sim_run(&sim, 1);
	ck_near(sim_bps(&s[0], 1), 60e6, 2);
	ck_near(sim_bps(&s[1], 1), 40e6, 2);
	sim_close(&sim);
}
END_TEST

/* A guarantee is not saved up while its class is idle and others send. */
START_TEST(guarantee_is_not_saved_up)
{
	struct source s[2] = {
		{.id = 1, .len = 1000, .backlog = 400}, {.id = 2, .len = 1000, .backlog = 20}};

	sim_open(&sim, 100 * M, s, 2);
	shaper_class_set(1, 1, 40 * M);
	sim.source = &s[1];
	sim.sources = 1;
	sim_run(&sim, 1);
	sim.source = s;
	sim.sources = 2;
	sim_reset(&sim);
	sim_run(&sim, 0.02);
	ck_near(sim_bps(&s[0], 0.02), 70e6, 6);
	sim_close(&sim);
}
END_TEST

START_TEST(owner_that_comes_seldom_keeps_rates)
{
	struct source s[3] = {{.id = 1, .len = 1514, .backlog = 40},
		{.id = 2, .len = 300, .backlog = 200}, {.id = 3, .len = 64, .backlog = 400}};

	sim_open(&sim, 100 * M, s, 3);
	sim.step_ns = 1500000; /* near the whole burst */
	shaper_class_set(1, 1, 30 * M);
	shaper_class_set(2, 2, 20 * M);
	shaper_class_set(3, 2, 0);
	sim_run(&sim, 0.3);
	sim_reset(&sim);
	sim_run(&sim, 6);
	ck_near(sim_bps(&s[0], 6), 40e6, 2);
	ck_near(sim_bps(&s[1], 6), 40e6, 2);
	ck_near(sim_bps(&s[2], 6), 20e6, 2);
	sim_close(&sim);
}
END_TEST

/* ---- the calendar ---- */

#define ENTRIES 500

/* Random entries in one group, keys near each other as a shaper's are: the first is always in the
 * slot that a search over all of them finds. */
START_TEST(calendar_finds_the_first_among_random_entries)
{
	static struct calendar cal;
	static struct calendar_entry entry[ENTRIES];
	uint64_t base = _i % 2 ? 1000000 : UINT64_MAX - 5000; /* keys wrap in every other run */

	srand(_i);
	memset(&cal, 0, sizeof(cal));
	cal.low = 4;
	cal.entry = entry;
	for (int i = 0; i < ENTRIES; i++)
		entry[i].slot = CALENDAR_OUT;
	for (int step = 0; step < 20000; step++) {
		uint16_t id = rand() % ENTRIES;
		uint32_t width = 4 + id % 8; /* an entry's width stays, as a class's mostly does */
		uint64_t best = UINT64_MAX, start = 0;

		if (calendar_has(&cal, id))
			calendar_remove(&cal, id);
		else
			calendar_insert(&cal, id, base + rand() % (20u << width), width);
		for (int i = 0; i < ENTRIES; i++)
			if (calendar_has(&cal, i))
				best = RTE_MIN(best, (entry[i].key >> (4 + i % 8) << (4 + i % 8)) -
							     (base - 4096));
		uint16_t first = calendar_first(&cal, &start);

		if (best == UINT64_MAX && first != CALENDAR_NONE)
			ck_abort_msg("step %d: %u in an empty calendar", step, first);
		if (best != UINT64_MAX && (first == CALENDAR_NONE || start - (base - 4096) != best))
			ck_abort_msg("step %d: slot at %lu, want %lu", step, start - (base - 4096),
				best);
		if (step % 50 == 0)
			base += rand() % 6; /* time goes on, no faster than the ring is long */
	}
}
END_TEST

START_TEST(calendar_due_is_the_earliest_end_of_what_has_begun)
{
	static struct calendar cal;
	static struct calendar_entry entry[4];

	memset(&cal, 0, sizeof(cal));
	cal.low = 4;
	cal.entry = entry;
	for (int i = 0; i < 4; i++)
		entry[i].slot = CALENDAR_OUT;
	calendar_insert(&cal, 0, 1000, 10); /* from 0 until 2048 */
	calendar_insert(&cal, 1, 1000, 5);  /* from 992 until 1056 */
	calendar_insert(&cal, 2, 1010, 5);
	calendar_insert(&cal, 3, 2000, 4);
	ck_assert_uint_eq(calendar_due(&cal, 100), 0);
	ck_assert_uint_eq(calendar_due(&cal, 992), 1);
	calendar_remove(&cal, 1);
	ck_assert_uint_eq(calendar_due(&cal, 992), 2);
	calendar_remove(&cal, 2);
	ck_assert_uint_eq(calendar_due(&cal, 1999), 0);
	ck_assert_uint_eq(calendar_due(&cal, 2000), 3);
	calendar_remove(&cal, 0);
	ck_assert_uint_eq(calendar_due(&cal, 1999), CALENDAR_NONE);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("shaper_life");
	TCase *c = tcase_create("life");
	SRunner *runner;
	int failed;

	tcase_set_timeout(c, 60);
	tcase_add_test(c, queue_is_bounded_in_time);
	tcase_add_test(c, flooding_classes_leave_room_for_others);
	tcase_add_test(c, buffers_held_never_pass_the_limit);
	tcase_add_test(c, chained_frame_counts_all_its_buffers);
	tcase_add_test(c, weight_and_guarantee_change_while_frames_wait);
	tcase_add_test(c, rate_changes_while_frames_wait);
	tcase_add_test(c, port_not_shaped_any_more_lets_all_of_it_go);
	tcase_add_test(c, deleted_class_is_dropped_and_its_id_is_clean);
	tcase_add_loop_test(c, next_owner_of_an_id_has_no_debt, 0, 2);
	tcase_add_test(c, deleted_class_without_successor_goes_at_its_turn);
	tcase_add_test(c, purge_takes_everything);
	tcase_add_loop_test(c, classes_that_come_and_go_keep_order_and_use_the_port, 0, 10);
	tcase_add_loop_test(c, class_idle_for_long_comes_back_with_no_more_and_no_less, 0, 4);
	tcase_add_test(c, guarantee_is_not_saved_up);
	tcase_add_test(c, owner_that_comes_seldom_keeps_rates);
	tcase_add_loop_test(c, calendar_finds_the_first_among_random_entries, 0, 6);
	tcase_add_test(c, calendar_due_is_the_earliest_end_of_what_has_begun);
	suite_add_tcase(suite, c);
	runner = srunner_create(suite);
	srunner_set_fork_status(runner, CK_NOFORK);
	sim_setup();
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
