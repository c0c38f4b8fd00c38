/* SPDX-License-Identifier: BSD-3-Clause */
/* Meters over time and over workers: how much passes, compared with an exact token bucket fed the
 * same arrivals. METER_LONG=1 runs the fastest rates for all ten seconds as well. */
#include <math.h>
#include <pthread.h>
#include <rte_cycles.h>
#include <rte_pause.h>
#include <stdlib.h>

#include "meter_rig.h"
#include "offered.h"

#define HZ 2894437219ull
#define T0 (77ull << 38)
#define MS (HZ / 1000)

static const uint32_t imix[12] = {64, 64, 576, 64, 576, 64, 1500, 64, 576, 64, 576, 64};

static uint32_t length(uint32_t size, uint64_t i)
{
	return size != 0 ? size : imix[i % 12];
}

static struct meter_config policer(uint64_t rate_bps, uint32_t burst)
{
	return (struct meter_config){
		.cir_bps = rate_bps, .cbs_bytes = burst, .pir_bps = rate_bps, .pbs_bytes = burst};
}

static void ticks(uint64_t tsc, uint64_t *next)
{
	if (tsc < *next)
		return;
	*next = tsc + MS;
	for (uint32_t w = 0; w < bank.workers; w++)
		meter_tick(&mw[w], tsc);
}

/* ---- accuracy ---- */

static const struct {
	uint64_t rate_bps;
	uint32_t burst;
	double seconds;
} rates[] = {{1000000, 40000, 10}, {1000000000, 500000, 10}, {100000000000, 5000000, 1}};
static const uint32_t sizes[] = {64, 1500, 9000, 0};

START_TEST(meter_passes_the_rate_it_was_sold)
{
	uint64_t rate = rates[_i / 8].rate_bps, seed = 4711 + _i, tsc = T0, next = 0;
	uint32_t size = sizes[_i / 2 % 4], workers = 1 + _i % 2, burst = rates[_i / 8].burst;
	double seconds = rates[_i / 8].seconds / (rate > 1u << 30 && size == 64 ? 10 : 1);
	struct meter_config cfg = policer(rate, burst);
	struct token_bucket tb;
	uint64_t passed = 0, ref = 0, count = 0, last = tsc;

	if (getenv("METER_LONG") != NULL)
		seconds = 10;
	rig_meter(&cfg, workers, HZ, tsc);
	tb_init(&tb, &cfg, HZ, tsc);
	while (tsc < T0 + seconds * HZ) {
		uint32_t len[32], n = rate > 1u << 24 ? 32 : 1 + rig_random(&seed) % 4, bytes = 0;
		enum meter_color out[32];

		for (uint32_t i = 0; i < n; i++)
			bytes += len[i] = length(size, count++);
		rig_burst(rig_random(&seed) % workers, tsc, len, NULL, n, out);
		for (uint32_t i = 0; i < n; i++) {
			passed += out[i] == METER_GREEN ? len[i] : 0;
			ref += tb_color(&tb, tsc, len[i], METER_GREEN) == METER_GREEN ? len[i] : 0;
		}
		ticks(tsc, &next);
		last = tsc;
		tsc += 8.0 * bytes * HZ / rate / 1.5; /* half as much again as may pass */
	}
	double sold = rate / 8.0 * (last - T0) / HZ;

	printf("%8.0f Mbit/s, %4u bytes, %u worker%s, %4.1f s: %+.5f %% of the rate, %+.6f %% of "
	       "the "
	       "reference\n",
		rate / 1e6, size, workers, workers > 1 ? "s" : " ", seconds,
		(passed - (double)burst) / sold * 100 - 100, passed * 100.0 / ref - 100);
	ck_assert(passed <= sold + burst);
	ck_assert(fabs(passed - (double)ref) <= 0.001 * ref);
	ck_assert(fabs(passed - (double)burst - sold) <= 0.01 * sold);
	if (workers == 1)
		ck_assert_uint_eq(passed, ref);
	rig_meter_end();
}
END_TEST

/* ---- the bounds, both ways ---- */

struct load {
	uint64_t seed, tsc, next;
	uint32_t workers, longest;
	double offered;	    /* of the rate */
	uint32_t one, left; /* all of it at one worker, for so many bursts */
};

static uint32_t pick_worker(struct load *l, int pattern)
{
	if (pattern == 0)
		return rig_random(&l->seed) % l->workers;
	if (pattern == 1 && rig_random(&l->seed) % 10 != 0)
		return 0;		    /* nearly all at one */
	if (pattern == 2 || pattern == 3) { /* all of it moves */
		if (l->left-- == 0) {
			l->left = pattern == 2 ? 1000 : rig_random(&l->seed) % 5;
			l->one = rig_random(&l->seed) % l->workers;
		}
		return l->one;
	}
	return rig_random(&l->seed) % l->workers;
}

/* What passed is fed to an exact bucket: it must take all of it (so that no interval whatever holds
 * more than rate * T + burst), and hold less than len + slack whenever a packet was refused.
 * Returns the largest deficit seen. */
static double bounded(const struct meter_config *cfg, struct load *l, int pattern)
{
	struct meter_config more = *cfg;
	struct token_bucket exact;
	double worst = 0;

	more.cbs_bytes++; /* the engine counts in 1/65,536 byte */
	more.pbs_bytes++;
	tb_init(&exact, &more, HZ, l->tsc);
	for (int round = getenv("SLUICE_QUICK") ? 20000 : 0; round < 30000; round++) {
		uint32_t len[32], n = 1 + rig_random(&l->seed) % 32, bytes = 0;
		enum meter_color out[32];

		for (uint32_t i = 0; i < n; i++)
			bytes += len[i] = 60 + rig_random(&l->seed) % (l->longest - 59);
		rig_burst(pick_worker(l, pattern), l->tsc, len, NULL, n, out);
		for (uint32_t i = 0; i < n; i++) {
			tb_fill(&exact, l->tsc);
			if (out[i] == METER_GREEN) {
				HOLDS(tb_color(&exact, l->tsc, len[i], METER_GREEN) == METER_GREEN,
					"round %d: %u bytes more than the rate allows", round,
					len[i]);
				continue;
			}
			double level = (double)exact.c / 8 / HZ - 1;

			if (level - len[i] > worst)
				worst = level - len[i];
		}
		ticks(l->tsc, &l->next);
		double gap = 8.0 * bytes * HZ / cfg->cir_bps / l->offered;

		l->tsc += rig_random(&l->seed) % 500 == 0
				  ? gap * 200
				  : gap * (rig_random(&l->seed) % 2000) / 1000;
	}
	return worst;
}

START_TEST(meter_over_workers_never_passes_more_and_hardly_less)
{
	static const uint32_t counts[] = {2, 3, 16};
	static const uint32_t bursts[] = {1518, 3100, 64000, 2000000};
	struct meter_config cfg = policer(_i % 2 ? 1000000000 : 20000000, bursts[_i / 2 % 4]);
	struct load l = {
		.seed = 1000 + _i, .tsc = T0, .workers = counts[_i / 8 % 3], .longest = 1518};

	for (int pattern = 0; pattern < 4; pattern++) {
		for (int over = 0; over < 3; over++) {
			l.offered = over == 0 ? 0.9 : over == 1 ? 1.1 : 4;
			rig_meter(&cfg, l.workers, HZ, l.tsc);
			double worst = bounded(&cfg, &l, pattern);

			ck_assert_msg(worst <= cfg.cbs_bytes / 4.0,
				"burst %u, %u workers, pattern %d, offered %.1f: refused with %.0f "
				"more "
				"than needed",
				cfg.cbs_bytes, l.workers, pattern, l.offered, worst);
			for (int i = 0; i < 3; i++) /* all parked credit comes back */
				ticks(l.tsc += 2 * MS, &l.next);
			ck_assert_uint_eq(meter_parked(&bank, USE), 0);
			rig_meter_end();
		}
	}
}
END_TEST

/* Cold, with several workers: the burst is there to the byte, whoever asks. */
START_TEST(meter_over_workers_tolerates_the_burst_to_the_byte)
{
	struct meter_config cfg = policer(8000, 100000);

	rig_meter(&cfg, 4, HZ, T0);
	for (uint32_t i = 0; i < 100; i++)
		ck_assert_int_eq(rig_one(i % 4, T0, 900, METER_GREEN), METER_GREEN);
	for (uint32_t w = 0; w < 4; w++) { /* what was taken ahead comes back when unused */
		meter_tick(&mw[w], T0);
		meter_tick(&mw[w], T0);
	}
	ck_assert_int_eq(rig_one(3, T0, 10001, METER_GREEN), METER_RED);
	ck_assert_int_eq(rig_one(2, T0, 10000, METER_GREEN), METER_GREEN);
	ck_assert_int_eq(rig_one(1, T0, 1, METER_GREEN), METER_RED);
	rig_meter_end();
}
END_TEST

/* A meter is changed and moved while shares are out. */
START_TEST(meter_over_workers_survives_changes)
{
	struct meter_config cfg = policer(1000000000, 200000), other = policer(1000000, 3000);
	uint64_t tsc = T0, next = 0, seed = 5;
	uint64_t passed = 0;

	rig_meter(&cfg, 3, HZ, tsc);
	meter_profile_set(&bank, 1, &other, tsc);
	for (int i = 0; i < 200000; i++, tsc += HZ / 1000000) {
		if (i % 1000 == 500)
			meter_use_start(&bank, USE, i / 1000 % 2 ? 1 : PROFILE);
		if (i % 777 == 0) {
			cfg.cbs_bytes = 1000 + rig_random(&seed) % 200000;
			meter_profile_set(&bank, PROFILE, &cfg, tsc);
		}
		rig_one(rig_random(&seed) % 3, tsc, 60 + rig_random(&seed) % 1400, METER_GREEN);
		ticks(tsc, &next);
	}
	meter_use_start(&bank, USE, 1);
	for (uint64_t end = tsc + 10 * HZ; tsc < end; tsc += HZ / 2000) {
		passed += rig_one(rig_random(&seed) % 3, tsc, 100, METER_GREEN) == METER_GREEN ? 100
											       : 0;
		ticks(tsc, &next);
	}
	ck_assert(passed <= 1250000 + 3000 && passed >= 1250000 - 3000);
	rig_meter_end();
}
END_TEST

/* ---- two threads ---- */

struct hammer {
	uint32_t id;
	uint64_t end_tsc, passed, last_tsc;
};
static uint32_t ready;
static struct offered offered[2];

static void *hammer(void *arg)
{
	struct hammer *h = arg;
	uint64_t next = 0, seed = h->id + 1;

	__atomic_fetch_add(&ready, 1, __ATOMIC_RELAXED);
	while (__atomic_load_n(&ready, __ATOMIC_RELAXED) < 2)
		rte_pause();
	do {
		uint32_t len[32];
		enum meter_color out[32];
		uint64_t bytes = 0;

		h->last_tsc = rte_rdtsc();
		for (uint32_t i = 0; i < 32; i++)
			len[i] = 60 + rig_random(&seed) % 1459;
		rig_burst(h->id, h->last_tsc, len, NULL, 32, out);
		for (uint32_t i = 0; i < 32; i++)
			h->passed += out[i] == METER_GREEN ? len[i] : 0;
		for (uint32_t i = 0; i < 32; i++)
			bytes += len[i];
		offered_add(&offered[h->id], h->last_tsc, bytes);
		if (h->last_tsc >= next) {
			meter_tick(&mw[h->id], h->last_tsc);
			next = h->last_tsc + rte_get_tsc_hz() / 1000;
		}
	} while (h->last_tsc < h->end_tsc);
	return NULL;
}

START_TEST(meter_hammered_by_two_threads_keeps_its_bounds)
{
	static const struct {
		uint64_t rate_bps;
		uint32_t burst;
	} how[] = {{20000000000, 100000000}, {1000000000, 20000000}, {8000, 1000000000}};
	struct meter_config cfg = policer(how[_i].rate_bps, how[_i].burst);
	uint64_t hz = rte_get_tsc_hz(), start;
	struct hammer h[2] = {{.id = 0}, {.id = 1}};
	pthread_t thread[2];

	ready = 0;
	start = rte_rdtsc();
	rig_meter(&cfg, 2, hz, start);
	for (int i = 0; i < 2; i++) {
		h[i].end_tsc = start + hz;
		offered_start(&offered[i], start);
		ck_assert_int_eq(pthread_create(&thread[i], NULL, hammer, &h[i]), 0);
	}
	for (int i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	uint64_t last = RTE_MAX(h[0].last_tsc, h[1].last_tsc);
	double sold = how[_i].rate_bps / 8.0 * (last - start) / hz,
	       passed = h[0].passed + h[1].passed;

	printf("two threads at %.0f Mbit/s: %.0f and %.0f bytes, %+.4f %% of rate and burst\n",
		how[_i].rate_bps / 1e6, (double)h[0].passed, (double)h[1].passed,
		passed / (sold + how[_i].burst) * 100 - 100);
	ck_assert(passed <= sold + how[_i].burst);
	ck_assert(passed >= 0.99 * (offered_passes(&offered[0], &offered[1], how[_i].rate_bps,
					    how[_i].burst) -
					   how[_i].burst));
	rig_meter_end();
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("rate");

	table_eal();
	tcase_add_loop_test(tc, meter_passes_the_rate_it_was_sold, 0, 24);
	tcase_add_loop_test(tc, meter_over_workers_never_passes_more_and_hardly_less, 0, 24);
	tcase_add_test(tc, meter_over_workers_tolerates_the_burst_to_the_byte);
	tcase_add_test(tc, meter_over_workers_survives_changes);
	tcase_add_loop_test(tc, meter_hammered_by_two_threads_keeps_its_bounds, 0, 3);
	return table_run("meter_rate", tc, 600);
}
