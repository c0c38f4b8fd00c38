/* SPDX-License-Identifier: BSD-3-Clause */
/* QERs' meters under a clock that the test turns, compared with an exact token bucket fed the same
 * packets; by one worker and by two; and in two threads. */
#include <math.h>
#include <pthread.h>
#include <rte_cycles.h>
#include <rte_malloc.h>
#include <rte_pause.h>
#include <string.h>

#include "meter_rig.h"
#include "offered.h"
#include "qer_hot.h"

#define BUCKETS 64
#define START	(1ull << 40) /* cycles after the epoch */

static uint64_t words[BUCKETS];

/* A session whose act names these meters; more than two go where few acts have them. */
static struct {
	struct session_block block;
	struct session_group group;
	struct session_act act;
	struct session_more more;
} __rte_aligned(128) session;

static uint64_t hz, t0;

static void rig(uint32_t workers)
{
	ck_assert_int_eq(qer_init(), 0);
	hz = rte_get_tsc_hz();
	t0 = qer_epoch_tsc + START;
	worker_count = workers;
	qer_buckets = words;
	memset(words, 0, sizeof(words));
	memset(&session, 0, sizeof(session));
	session.act.flags = ACT_METERED;
	session.block.buckets = 8;
}

static void rig_end(void)
{
	worker_count = 0;
	qer_fini();
}

static uint32_t rate(uint64_t mbr_bps, uint64_t gbr_bps, uint32_t burst_ms)
{
	uint32_t index = 0;

	ck_assert_int_eq(rate_take(mbr_bps, gbr_bps, burst_ms, &index), 0);
	ck_assert_uint_gt(index, 0);
	return index;
}

static __rte_noinline void meter(uint32_t place, uint32_t rate, uint32_t bucket)
{
	uint32_t ref = QER_REF(rate, bucket);

	if (place < 2) {
		session.act.meter[place] = ref;
		return;
	}
	session.more.meters = place - 1;
	session.more.meter[session.more.meters - 1] = ref;
	session.act.more = ((uint8_t *)&session.more - (uint8_t *)&session.block) / 16;
}

/* 0 red, 1 yellow, 2 green */
static int pass(uint64_t tsc, uint32_t bytes)
{
	bool yellow = true;

	if (!qer_admit(tsc, &session.block, &session.act, bytes, &yellow))
		return 0;
	return yellow ? 1 : 2;
}

static uint64_t *bucket(uint32_t n)
{
	return &words[session.block.buckets + n];
}

static const uint32_t imix[12] = {64, 64, 576, 64, 576, 64, 1500, 64, 576, 64, 576, 64};

/* Two of three meters have one bucket, in which there is room for one of the packet: the second of
 * them refuses, as after a lost race, and the first of all has given back what it took. */
START_TEST(qer_refused_by_a_later_meter_takes_nothing_of_an_earlier_one)
{
	uint32_t r, bytes = QER_BURST_BYTES * 2 / 3;

	rig(2);
	r = rate(8000, 0, 20);
	meter(0, r, 0);
	meter(1, r, 1);
	meter(2, r, 1);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(pass(t0, bytes), 0);
	session.act.meter[1] = 0;
	session.act.more = 0;
	ck_assert_int_ne(pass(t0, bytes), 0);
	ck_assert_int_eq(pass(t0, bytes), 0);
	rig_end();
}
END_TEST

/* ---- accuracy ---- */

static const struct {
	uint64_t bps;
	uint32_t burst_ms;
} rates[] = {{8000, 20}, {64000, 20}, {1000000, 20}, {1000000000, 20}, {100000000000, 20}};
static const uint32_t sizes[] = {64, 1500, 9000, 0};

static struct meter_config reference(uint64_t bps, uint32_t burst_ms)
{
	uint64_t burst = bps * burst_ms / 8000;

	if (burst < QER_BURST_BYTES)
		burst = QER_BURST_BYTES;
	return (struct meter_config){
		.cir_bps = bps, .pir_bps = bps, .cbs_bytes = burst, .pbs_bytes = burst};
}

START_TEST(qer_passes_the_rate_it_was_given)
{
	uint64_t bps = rates[_i / 8].bps, seed = 4711 + _i, passed = 0, ref = 0, count = 0;
	uint32_t size = sizes[_i / 2 % 4], workers = 1 + _i % 2;
	struct meter_config cfg = reference(bps, rates[_i / 8].burst_ms);
	struct token_bucket tb;

	rig(workers);
	meter(0, rate(bps, 0, rates[_i / 8].burst_ms), 0);
	uint64_t tsc = t0, last = t0, end = t0 + (bps > 10000 ? 10 : 1000) * hz;
	/* arrivals of so many at once never find the bucket full for long */
	uint32_t at_once = RTE_MAX(1u, RTE_MIN(16u, cfg.cbs_bytes / (size != 0 ? size : 1500) / 4));

	tb_init(&tb, &cfg, hz, tsc);
	for (; tsc < end && count < 12000000; count++) {
		uint32_t len = size != 0 ? size : imix[count % 12];

		passed += pass(tsc, len) ? len : 0;
		ref += tb_color(&tb, tsc, len, METER_GREEN) == METER_GREEN ? len : 0;
		last = tsc;
		/* four times what may pass, in bursts */
		if (count % at_once == 0)
			tsc += (double)(rig_random(&seed) % 2000) / 1000 * at_once * len * 8 * hz /
			       bps / 4;
	}
	double sold = bps / 8.0 * (last - t0) / hz;

	printf("%12.0f bit/s, %4u bytes, %u worker%s, %6.2f s: %+.4f %% of rate and burst, %+.5f "
	       "%% "
	       "of the reference\n",
		(double)bps, size, workers, workers > 1 ? "s" : " ", (double)(last - t0) / hz,
		passed / (sold + cfg.cbs_bytes) * 100 - 100, passed * 100.0 / ref - 100);
	ck_assert(fabs((double)passed - ref) <= 0.001 * ref);
	ck_assert(passed <= 1.0007 * (sold + cfg.cbs_bytes));
	/* what is short of a packet waits for the next one */
	ck_assert(passed + (size != 0 ? size : 1500) >= 0.99 * (sold + cfg.cbs_bytes));
	rig_end();
}
END_TEST

/* Cost is right to 0.1 % over all rates and sizes. */
START_TEST(qer_cost_is_within_a_thousandth)
{
	rig(1);
	for (uint64_t bps = 8000; bps <= 100000000000; bps = bps * 3 / 2 + 1) {
		const struct rate_line *r = &rate_hot[rate(bps, 0, 20)].mbr;

		for (uint32_t bytes = 64; bytes <= 9600; bytes += 1 + bytes / 50) {
			double want = bytes * 8.0 * 64 * hz / bps;

			HOLDS(fabs(qer_cost(r, bytes) / want - 1) <= 0.001,
				"%" PRIu64 " bit/s, %u bytes", bps, bytes);
		}
	}
	rig_end();
}
END_TEST

START_TEST(qer_takes_the_burst_to_the_byte)
{
	static const uint64_t bps[] = {8000, 64000, 1000000, 1000000000};
	static const uint32_t chunk[] = {64, 1000, 1500, 9600};
	uint32_t left, len = chunk[_i % 4];

	rig(1 + _i / 16);
	meter(0, rate(bps[_i / 4 % 4], 0, 20), 0);
	left = reference(bps[_i / 4 % 4], 20).cbs_bytes;
	for (; left > len; left -= len)
		HOLDS(pass(t0, len) == 2, "%u bytes left", left);
	/* thousands of packets, each rounded to 1/64 cycle, at a rate of a byte in some twenty */
	uint32_t off = bps[_i / 4 % 4] == 1000000000 ? 8 : 0;

	ck_assert_int_eq(pass(t0, left + off + 1), 0);
	ck_assert_int_eq(pass(t0, left - off), 2);
	ck_assert_int_eq(pass(t0, 1 + 2 * off), 0);
	rig_end();
}
END_TEST

/* ---- the hierarchy ---- */

/* Of 2, 3 or 6 meters any one refuses: no bucket moves. */
START_TEST(qer_charges_all_meters_or_none)
{
	static const uint32_t counts[] = {2, 3, 6};
	uint32_t n = counts[_i % 3];
	uint64_t tight, wide, before[BUCKETS];

	rig(1 + _i / 3);
	tight = rate(64000, 0, 20);
	wide = rate(1000000000, 0, 20);
	for (uint32_t poor = 0; poor < n; poor++) {
		memset(words, 0, sizeof(words));
		for (uint32_t i = 0; i < n; i++)
			meter(i, i == poor ? tight : wide, i);
		ck_assert_int_eq(pass(t0, 9600), 2);
		ck_assert_int_eq(pass(t0, 9600), 2);
		for (uint32_t i = 0; i < n; i++)
			ck_assert_uint_gt(*bucket(i), qer_now(t0));
		memcpy(before, words, sizeof(words));
		ck_assert_int_eq(pass(t0, 100), 0);
		ck_assert_mem_eq(before, words, sizeof(words));
		ck_assert_int_eq(pass(t0 + hz / 1000, 100), 0);
		ck_assert_mem_eq(before, words, sizeof(words));
	}
	rig_end();
}
END_TEST

/* Two flows at three quarters of the AMBR each: the AMBR holds both, and what it refuses leaves the
 * flows' own rate to them. */
START_TEST(qer_holds_flows_by_themselves_and_together)
{
	uint64_t passed[2] = {0}, seed = 3;
	uint32_t flow, ambr;

	rig(1 + _i);
	flow = rate(7500000, 0, 20);
	ambr = rate(10000000, 0, 20);
	for (uint64_t i = 0, tsc = t0; i < 200000; i++, tsc += hz / 20000) { /* 10 s, 96 Mbit/s */
		uint32_t which = rig_random(&seed) % 2;

		meter(0, flow, which);
		meter(1, ambr, 4);
		passed[which] += pass(tsc, 600) ? 600 : 0;
	}
	double all = passed[0] + passed[1];

	ck_assert(fabs(all - 12500000 - 25000) < 0.001 * all);
	ck_assert(passed[0] <= 9375000 + QER_BURST_BYTES && passed[1] <= 9375000 + QER_BURST_BYTES);
	ck_assert(passed[0] >= 0.45 * all && passed[1] >= 0.45 * all);
	rig_end();
}
END_TEST

START_TEST(qer_gives_back_what_was_refused_further_on)
{
	uint64_t before[BUCKETS];
	uint32_t n = _i % 2 ? 4 : 2;

	rig(1 + _i / 2);
	for (uint32_t i = 0; i < n; i++)
		meter(i, rate(1000000 + i, i == 0 ? 500000 : 0, 20), 2 * i);
	uint64_t tsc = t0;
	uint32_t colors[3] = {0};

	/* green, then yellow at times, then more than the MBR */
	for (uint32_t i = 0; i < 1000; i++, tsc += hz / 100) {
		int color;

		memcpy(before, words, sizeof(words));
		color = pass(tsc, 1500);
		colors[color]++;
		if (color == 0)
			break;
		qer_refund(&session.block, &session.act, 1500, color == 1);
		for (uint32_t k = 0; k < BUCKETS; k++) /* a full bucket may say so in other words */
			ck_assert(before[k] == words[k] ||
				  (i == 0 && (int64_t)(words[k] - qer_now(tsc)) <= 0));
		ck_assert_int_eq(pass(tsc, 1500), color);
	}
	ck_assert(colors[0] == 1 && colors[1] > 0 && colors[2] > 0);
	rig_end();
}
END_TEST

/* ---- GBR ---- */

START_TEST(qer_is_green_within_gbr_and_yellow_up_to_mbr)
{
	struct meter_config cfg = reference(10000000, 20);
	struct token_bucket tb;
	uint64_t colors[3] = {0}, seed = 1;

	rig(1 + _i);
	cfg.cir_bps = 4000000;
	cfg.cbs_bytes = QER_BURST_BYTES;
	tb_init(&tb, &cfg, hz, t0);
	meter(_i & 1, rate(10000000, 4000000, 20), 2);
	meter(!(_i & 1), rate(1000000000, 0, 20), 0);
	for (uint64_t tsc = t0; tsc < t0 + 10 * hz;) {
		uint32_t len = 64 + rig_random(&seed) % 1437;
		int color = pass(tsc, len);

		ck_assert_int_eq(2 - color, tb_color(&tb, tsc, len, METER_GREEN));
		colors[color] += len;
		tsc += len * 8 * hz / 15000000 * (rig_random(&seed) % 2000) / 1000;
	}
	ck_assert(fabs(colors[2] / 5000000.0 - 1) < 0.01);
	ck_assert(fabs((colors[1] + colors[2]) / 12500000.0 - 1) < 0.01);
	ck_assert_uint_gt(colors[0], 1000000);
	rig_end();
}
END_TEST

/* ---- time ---- */

START_TEST(qer_keeps_the_level_in_time_when_its_rate_changes)
{
	rig(1);
	meter(0, rate(1000000000, 0, 20), 0);
	for (int i = 0; i < 1250; i++) /* 10 of the 20 ms */
		ck_assert_int_eq(pass(t0, 1000), 2);
	meter(0, rate(100000000, 0, 20), 0); /* 10 ms are 125,000 bytes now */
	for (int i = 0; i < 125; i++)
		ck_assert_int_eq(pass(t0, 1000), 2);
	ck_assert_int_eq(pass(t0, 1), 0);
	rig_end();
}
END_TEST

START_TEST(qer_bucket_is_full_after_years)
{
	static const uint64_t years[] = {0, 1, 2, 3};

	rig(1);
	meter(0, rate(64000, 0, 20), 0);
	for (uint32_t i = 0; i < RTE_DIM(years); i++) {
		/* a bucket that was never used, and one that was emptied at the start */
		uint64_t later = t0 + years[i] * 2600000000ull * 86400 * 365 + 10 * hz;

		memset(words, 0, sizeof(words));
		ck_assert_int_eq(pass(later, 9600), 2);
		memset(words, 0, sizeof(words));
		ck_assert_int_eq(pass(t0, 9600), 2);
		ck_assert_int_eq(pass(t0, 9600), 2);
		ck_assert_int_eq(pass(t0, 9600), 0);
		ck_assert_int_eq(pass(later, 9600), 2);
	}
	rig_end();
}
END_TEST

/* ---- rates ---- */

START_TEST(rates_with_the_same_values_are_one_and_counted)
{
	uint64_t bytes;
	uint32_t a, b, c;

	rig(1);
	a = rate(1000000, 0, 20);
	ck_assert_uint_eq(rate(1000000, 0, 20), a);
	b = rate(1000000, 1, 20);
	c = rate(1000000, 0, 21);
	ck_assert(a != b && b != c && a != c);
	ck_assert_uint_eq(rate_count(), 3);
	rate_give(a);
	ck_assert_uint_eq(rate_count(), 3);
	rate_give(a);
	ck_assert_uint_eq(rate_count(), 2);
	bytes = rate_memory_bytes();
	rcu_synchronize();
	ck_assert_uint_eq(rate(2000000, 0, 20), a); /* its place is free again */
	ck_assert_uint_eq(rate_memory_bytes(), bytes);
	rig_end();
}
END_TEST

START_TEST(rates_go_up_to_a_limit)
{
	uint32_t index;

	rig(1);
	for (uint32_t i = 1; i <= LIMIT_RATES; i++)
		HOLDS(rate_take(1000 + i, 0, 20, &index) == 0 && index == i, "%u", i);
	ck_assert_int_eq(rate_take(7, 0, 20, &index), -ENOSPC);
	ck_assert_int_eq(rate_take(1001, 0, 20, &index), 0);
	rate_give(5);
	ck_assert_int_eq(rate_take(7, 0, 20, &index), 0);
	ck_assert_uint_eq(index, 5);
	rig_end();
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
	uint64_t seed = h->id + 1;

	__atomic_fetch_add(&ready, 1, __ATOMIC_RELAXED);
	while (__atomic_load_n(&ready, __ATOMIC_RELAXED) < 2)
		rte_pause();
	do {
		uint64_t bytes = 0;

		h->last_tsc = rte_rdtsc();
		for (uint32_t i = 0; i < 32; i++) {
			uint32_t len = 60 + rig_random(&seed) % 1459;

			h->passed += pass(h->last_tsc, len) ? len : 0;
			bytes += len;
		}
		offered_add(&offered[h->id], h->last_tsc, bytes);
	} while (h->last_tsc < h->end_tsc);
	return NULL;
}

START_TEST(qer_hammered_by_two_threads_keeps_its_rate)
{
	static const uint64_t bps[] = {1000000000, 10000000};
	struct hammer h[2] = {{.id = 0}, {.id = 1}};
	pthread_t thread[2];

	rig(2);
	meter(0, rate(bps[_i] * 2, 0, 20), 0);
	meter(1, rate(bps[_i], 0, 20), 1);
	ready = 0;
	uint64_t start = rte_rdtsc();

	for (int i = 0; i < 2; i++) {
		h[i].end_tsc = start + hz / 2;
		offered_start(&offered[i], start);
		ck_assert_int_eq(pthread_create(&thread[i], NULL, hammer, &h[i]), 0);
	}
	for (int i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	double sold = bps[_i] / 8.0 * (RTE_MAX(h[0].last_tsc, h[1].last_tsc) - start) / hz;
	double passed = h[0].passed + h[1].passed, burst = reference(bps[_i], 20).cbs_bytes;

	printf("two threads at %.0f Mbit/s: %.0f and %.0f bytes, %+.4f %% of rate and burst\n",
		bps[_i] / 1e6, (double)h[0].passed, (double)h[1].passed,
		passed / (sold + burst) * 100 - 100);
	ck_assert(passed <= 1.0007 * (sold + burst));
	ck_assert(passed >=
		  0.99 * (offered_passes(&offered[0], &offered[1], bps[_i], burst) - burst));
	rig_end();
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("qer");

	table_eal();
	tcase_add_test(tc, qer_refused_by_a_later_meter_takes_nothing_of_an_earlier_one);
	tcase_add_loop_test(tc, qer_passes_the_rate_it_was_given, 0, 40);
	tcase_add_test(tc, qer_cost_is_within_a_thousandth);
	tcase_add_loop_test(tc, qer_takes_the_burst_to_the_byte, 0, 32);
	tcase_add_loop_test(tc, qer_charges_all_meters_or_none, 0, 6);
	tcase_add_loop_test(tc, qer_holds_flows_by_themselves_and_together, 0, 2);
	tcase_add_loop_test(tc, qer_gives_back_what_was_refused_further_on, 0, 4);
	tcase_add_loop_test(tc, qer_is_green_within_gbr_and_yellow_up_to_mbr, 0, 2);
	tcase_add_test(tc, qer_keeps_the_level_in_time_when_its_rate_changes);
	tcase_add_test(tc, qer_bucket_is_full_after_years);
	tcase_add_test(tc, rates_with_the_same_values_are_one_and_counted);
	tcase_add_test(tc, rates_go_up_to_a_limit);
	tcase_add_loop_test(tc, qer_hammered_by_two_threads_keeps_its_rate, 0, 2);
	return table_run("qer", tc, 300);
}
