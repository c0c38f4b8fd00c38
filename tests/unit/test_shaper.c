/* SPDX-License-Identifier: BSD-3-Clause */
/* The shaper in simulated time: rates, shares, guarantees, waits. */
#include <check.h>
#include <stdlib.h>

#include "shaper_sim.h"

#define M 1000000ull
#define G 1000000000ull

static struct sim sim;

/* ---- the port's rate ---- */

static const struct {
	uint64_t bps;
	uint32_t len, overhead;
	double seconds;
} rates[] = {
	{M, 64, 0, 20},
	{M, 1514, 0, 60},
	{50 * M, 1514, 0, 4},
	{50 * M, 60, 24, 2},
	{G, 64, 0, 0.2},
	{G, 1514, 24, 0.5},
	{10 * G, 1514, 0, 0.1},
	{100 * G, 1514, 0, 0.02},
};

START_TEST(rate_is_exact_under_load)
{
	struct source s = {.id = 7, .len = rates[_i].len, .backlog = 3000};

	sim_open(&sim, rates[_i].bps, &s, 1);
	sim.setting.overhead = rates[_i].overhead;
	shaper_set(sim.shaper, &sim.setting);
	sim_run(&sim, 0.01);
	sim_reset(&sim);
	sim_run(&sim, rates[_i].seconds);
	ck_near((s.sent_bytes + s.sent * rates[_i].overhead) * 8 / rates[_i].seconds,
		(double)rates[_i].bps, 0.5);
	sim_close(&sim);
}
END_TEST

START_TEST(rate_below_the_ports_passes_without_loss_or_wait)
{
	struct source s = {.id = 7, .len = 1000, .bps = 49 * M};

	sim_open(&sim, 50 * M, &s, 1);
	sim_run(&sim, 2);
	ck_assert_uint_eq(s.refused, 0);
	ck_assert_uint_ge(s.sent + 1, s.offered);
	ck_assert_uint_le(s.worst_ns, 2 * sim.step_ns);
	sim_close(&sim);
}
END_TEST

START_TEST(pause_is_caught_up_to_the_burst_and_no_further)
{
	struct source s = {.id = 7, .len = 500, .backlog = 300};

	sim_open(&sim, 50 * M, &s, 1);
	sim_run(&sim, 0.1);
	sim_reset(&sim);
	sim.now_ns += HZ / 500 - sim.step_ns; /* two milliseconds: all of it */
	sim_run(&sim, 0.01);
	ck_near(s.sent_bytes * 8 / 0.012, 50e6, 1);
	sim_reset(&sim);
	sim.now_ns += HZ; /* a second: two milliseconds of it */
	sim_run(&sim, 0.01);
	ck_near(s.sent_bytes * 8 / 0.012, 50e6, 1);
	sim_close(&sim);
}
END_TEST

START_TEST(idle_port_sends_no_more_than_a_burst_at_once)
{
	struct source s = {.id = 7, .len = 500, .backlog = 600};

	sim_open(&sim, 50 * M, &s, 1);
	sim.setting.buffers_max = 8192;
	shaper_set(sim.shaper, &sim.setting);
	sim.now_ns += HZ;
	sim_run(&sim, sim.step_ns / 1e9);
	ck_near(s.sent_bytes, 50e6 / 8 / 500, 5); /* two milliseconds of the rate */
	sim_close(&sim);
}
END_TEST

/* ---- shares ---- */

START_TEST(excess_is_shared_by_weight)
{
	static const uint32_t weight[] = {1, 2, 3, 7, 50, 999, 1000, 1};
	static const uint32_t len[] = {1514, 64, 700, 1514, 60, 1514, 64, 128};
	struct source s[8];
	uint32_t sum = 0;

	for (int i = 0; i < 8; i++) {
		s[i] = (struct source){.id = 100 + i, .len = len[i], .backlog = 40};
		sum += weight[i];
	}
	sim_open(&sim, G, s, 8);
	for (int i = 0; i < 8; i++)
		shaper_class_set(s[i].id, weight[i], 0);
	sim_run(&sim, 0.05);
	sim_reset(&sim);
	sim_run(&sim, 4);
	for (int i = 0; i < 8; i++)
		ck_near(sim_bps(&s[i], 4), 1e9 * weight[i] / sum, 1);
	sim_close(&sim);
}
END_TEST

START_TEST(heavy_class_does_not_send_a_rounds_worth_at_once)
{
	struct source s[2] = {
		{.id = 1, .len = 1514, .backlog = 50}, {.id = 2, .len = 1514, .backlog = 2}};

	sim_open(&sim, 100 * M, s, 2);
	shaper_class_set(1, 100, 0);
	sim_run(&sim, 1);
	sim_reset(&sim);
	sim_run(&sim, 1);
	/* two frames waiting, one in 101 its own: 203 frames at 121 us, and up to a slot of its
	 * width more, 135 frames */
	ck_assert_uint_le(s[1].worst_ns, (203 + 135) * 1514 * 8 / 0.1);
	sim_close(&sim);
}
END_TEST

START_TEST(what_one_leaves_goes_to_the_others_by_weight)
{
	struct source s[3] = {{.id = 1, .len = 1000, .bps = 5 * M}, {.id = 2, .len = 1514},
		{.id = 3, .len = 400, .backlog = 20}};

	sim_open(&sim, 50 * M, s, 3);
	shaper_class_set(1, 10, 0);
	shaper_class_set(3, 2, 0);
	sim_run(&sim, 0.1);
	sim_reset(&sim);
	sim_run(&sim, 3);
	ck_near(sim_bps(&s[0], 3), 5e6, 1);
	ck_near(sim_bps(&s[1], 3), 15e6, 2);
	ck_near(sim_bps(&s[2], 3), 30e6, 2);
	ck_near(sim.sent_bytes * 8 / 3.0, 50e6, 0.5);
	sim_close(&sim);
}
END_TEST

/* ---- guarantees ---- */

START_TEST(guarantee_first_and_then_weights)
{
	struct source s[4] = {{.id = 1, .len = 1514}, {.id = 2, .len = 1514},
		{.id = 3, .len = 200, .backlog = 20}, {.id = 4, .len = 64, .backlog = 60}};

	sim_open(&sim, 100 * M, s, 4);
	shaper_class_set(1, 1, 20 * M);
	shaper_class_set(2, 3, 30 * M);
	shaper_class_set(3, 1, 10 * M);
	shaper_class_set(4, 5, 0);
	sim_run(&sim, 0.1);
	sim_reset(&sim);
	sim_run(&sim, 4);
	ck_near(sim_bps(&s[0], 4), 20e6 + 4e6, 1);
	ck_near(sim_bps(&s[1], 4), 30e6 + 12e6, 1);
	ck_near(sim_bps(&s[2], 4), 10e6 + 4e6, 1);
	ck_near(sim_bps(&s[3], 4), 20e6, 2);
	sim_close(&sim);
}
END_TEST

START_TEST(guarantee_counts_the_tenants_own_bytes)
{
	struct source s[2] = {{.id = 1, .len = 110, .wrapped = 50, .backlog = 50},
		{.id = 2, .len = 1514, .wrapped = 50}};

	sim_open(&sim, 100 * M, s, 2);
	shaper_class_set(1, 1, 20 * M);
	shaper_class_set(2, 1000, 50 * M);
	sim_run(&sim, 0.1);
	sim_reset(&sim);
	sim_run(&sim, 2);
	ck_near(sim_own_bps(&s[0], 2), 20e6, 1);
	ck_near(sim.sent_bytes * 8 / 2.0, 100e6, 0.5);
	sim_close(&sim);
}
END_TEST

/* A class under its guarantee among others that flood: nothing lost, and the bound that shaper.h
 * states, with one turn of the owner. */
START_TEST(class_under_its_guarantee_is_not_hurt_by_those_that_overrun)
{
	static const uint32_t flooders[] = {1, 3, 200, 4000};
	uint32_t n = flooders[_i] + 1;
	struct source *s = calloc(n, sizeof(*s));
	double bound;

	s[0] = (struct source){.id = 1, .len = 1000, .bps = 19900000};
	for (uint32_t i = 1; i < n; i++)
		s[i] = (struct source){.id = 1 + i, .len = 60 + i * 977 % 1455};
	sim_open(&sim, 50 * M, s, n);
	sim.step_ns = 50000;
	shaper_class_set(1, 1, 20 * M);
	for (uint32_t i = 2; i <= n; i++)
		shaper_class_set(i, 1000, 29 * M / n);
	sim_run(&sim, 1);
	ck_assert_uint_eq(s[0].refused, 0);
	ck_near(sim_bps(&s[0], 1), 19.9e6, 1);
	ck_near(sim.sent_bytes * 8, 50e6, 1);
	bound = (4 * 1514 * 8 / 20e6 + 1514 * 8 / 50e6) * 1e9 + sim.step_ns;
	ck_assert_msg(s[0].worst_ns < bound, "waited %lu ns, bound %.0f", s[0].worst_ns, bound);
	sim_close(&sim);
	free(s);
}
END_TEST

START_TEST(guarantees_that_fill_the_port_are_all_kept)
{
	struct source s[10];

	for (int i = 0; i < 10; i++)
		s[i] = (struct source){.id = 1 + i, .len = 200 + 130 * i, .backlog = 30};
	sim_open(&sim, 100 * M, s, 10);
	for (int i = 0; i < 9; i++)
		shaper_class_set(1 + i, 1, 10 * M);
	shaper_class_set(10, 1, 9900000);
	sim_run(&sim, 0.1);
	sim_reset(&sim);
	sim_run(&sim, 4);
	for (int i = 0; i < 9; i++)
		ck_near(sim_bps(&s[i], 4), 10e6, 1);
	sim_close(&sim);
}
END_TEST

START_TEST(guarantees_beyond_the_rate_share_it_in_proportion)
{
	struct source s[3] = {{.id = 1, .len = 1514}, {.id = 2, .len = 300, .backlog = 20},
		{.id = 3, .len = 64, .backlog = 60}};

	sim_open(&sim, 20 * M, s, 3);
	shaper_class_set(1, 1, 10 * M);
	shaper_class_set(2, 1, 30 * M);
	shaper_class_set(3, 1, 40 * M);
	sim_run(&sim, 0.1);
	sim_reset(&sim);
	sim_run(&sim, 4);
	ck_near(sim_bps(&s[0], 4), 2.5e6, 2);
	ck_near(sim_bps(&s[1], 4), 7.5e6, 2);
	ck_near(sim_bps(&s[2], 4), 10e6, 2);
	sim_close(&sim);
}
END_TEST

START_TEST(own_packets_have_a_tenth_and_cannot_take_more_from_guarantees)
{
	struct source s[2] = {{.id = 0, .len = 1514, .backlog = 20}, {.id = 5, .len = 1514}};

	sim_open(&sim, 50 * M, s, 2);
	shaper_class_set(5, 1, 45 * M);
	sim_run(&sim, 0.1);
	sim_reset(&sim);
	sim_run(&sim, 3);
	ck_near(sim_bps(&s[0], 3), 5e6, 1);
	ck_near(sim_bps(&s[1], 3), 45e6, 1);
	sim_close(&sim);
}
END_TEST

/* ---- thousands ---- */

START_TEST(four_thousand_classes_all_get_their_part)
{
	static struct source s[4000];

	for (uint32_t i = 0; i < 4000; i++)
		s[i] = (struct source){.id = 1 + i * 4, .len = 300 + i * 31 % 1200};
	for (uint32_t i = 0; i < 4000; i++) /* a slot's worth, so that none runs dry in its turn */
		s[i].backlog = 2 + 3028 / s[i].len;
	sim_open(&sim, 10 * G, s, 4000);
	sim.step_ns = 200000;
	for (uint32_t i = 0; i < 4000; i++)
		shaper_class_set(s[i].id, 1 + i % 4, i % 2 ? M : 0);
	sim_run(&sim, 0.1);
	sim_reset(&sim);
	sim_run(&sim, 2);
	for (uint32_t i = 0; i < 4000; i++)
		ck_near(sim_bps(&s[i], 2), (i % 2 ? 1e6 : 0) + 8e9 * (1 + i % 4) / 10000, 2);
	sim_close(&sim);
}
END_TEST

START_TEST(few_of_four_thousand_classes_share_all_of_it)
{
	struct source s[3] = {
		{.id = 16383, .len = 1514}, {.id = 1, .len = 1514}, {.id = 8000, .len = 1514}};

	sim_open(&sim, G, s, 3);
	for (uint32_t i = 1; i < SHAPER_CLASSES; i++)
		shaper_class_set(i, 1000, 10 * M);
	shaper_class_set(16383, 500, 10 * M);
	sim_run(&sim, 0.1);
	sim_reset(&sim);
	sim_run(&sim, 1);
	ck_near(sim_bps(&s[0], 1), 10e6 + 970e6 / 5, 1);
	ck_near(sim_bps(&s[1], 1), 10e6 + 970e6 * 2 / 5, 1);
	ck_near(sim.sent_bytes * 8, 1e9, 0.5);
	sim_close(&sim);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("shaper");
	TCase *c = tcase_create("rates");
	SRunner *runner;
	int failed;

	tcase_set_timeout(c, 60);
	tcase_add_loop_test(c, rate_is_exact_under_load, 0, 8);
	tcase_add_test(c, rate_below_the_ports_passes_without_loss_or_wait);
	tcase_add_test(c, pause_is_caught_up_to_the_burst_and_no_further);
	tcase_add_test(c, idle_port_sends_no_more_than_a_burst_at_once);
	tcase_add_test(c, excess_is_shared_by_weight);
	tcase_add_test(c, heavy_class_does_not_send_a_rounds_worth_at_once);
	tcase_add_test(c, what_one_leaves_goes_to_the_others_by_weight);
	tcase_add_test(c, guarantee_first_and_then_weights);
	tcase_add_test(c, guarantee_counts_the_tenants_own_bytes);
	tcase_add_loop_test(c, class_under_its_guarantee_is_not_hurt_by_those_that_overrun, 0, 4);
	tcase_add_test(c, guarantees_that_fill_the_port_are_all_kept);
	tcase_add_test(c, guarantees_beyond_the_rate_share_it_in_proportion);
	tcase_add_test(c, own_packets_have_a_tenth_and_cannot_take_more_from_guarantees);
	tcase_add_test(c, four_thousand_classes_all_get_their_part);
	tcase_add_test(c, few_of_four_thousand_classes_share_all_of_it);
	suite_add_tcase(suite, c);
	runner = srunner_create(suite);
	srunner_set_fork_status(runner, CK_NOFORK);
	sim_setup();
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
