/* SPDX-License-Identifier: BSD-3-Clause */
/* Meters against the RFCs' own definitions, packet by packet and to the byte. */
#include <rte_cycles.h>
#include <rte_meter.h>
#include <string.h>

#include "meter_rig.h"

/* 2^31 cycles a second, and arrivals at multiples of exact_step(): every credit is a whole number
 * of the engine's units, so that not even its last bit may differ from the exact reference. */
#define HZ   (1ull << 31)
#define STEP (1ull << 18)
#define ODD  2894437219ull
#define T0   (77ull << 38)

static const struct meter_config shapes[] = {
	{.cir_bps = 8, .cbs_bytes = 64, .pir_bps = 16, .pbs_bytes = 128},
	{.cir_bps = 1000000, .cbs_bytes = 1518, .pir_bps = 2000000, .pbs_bytes = 3036},
	{.cir_bps = 1000000, .cbs_bytes = 20000, .pir_bps = 1000000, .pbs_bytes = 1518},
	{.cir_bps = 3815 * STEP, .cbs_bytes = 125000, .pir_bps = 7629 * STEP, .pbs_bytes = 250001},
	{.cir_bps = 1525879 * STEP,
		.cbs_bytes = 500000,
		.pir_bps = 1525879 * STEP,
		.pbs_bytes = 4000000000}, /* 1 and 400 Gbit/s */
};
#define SHAPES (sizeof(shapes) / sizeof(shapes[0]))

static struct meter_config shape(int i)
{
	struct meter_config cfg = shapes[i / 6 % SHAPES];

	cfg.algorithm = i % 3;
	cfg.blind = i / 3 % 2;
	return cfg;
}

static uint64_t exact_step(const struct meter_config *cfg)
{
	uint64_t both = cfg->cir_bps | cfg->pir_bps | STEP;

	return STEP / (both & -both);
}

/* A time that brings, on average, about what the packets of a burst take; sometimes nothing, some
 * times an age. */
static uint64_t gap(const struct meter_config *cfg, uint64_t hz, uint32_t bytes, uint64_t *seed)
{
	double cycles = 8.0 * bytes * hz / cfg->cir_bps;
	uint64_t r = rig_random(seed);

	if (r % 7 == 0)
		return 0;
	if (r % 199 == 0)
		return cycles * 1000;
	return cycles * (r >> 32) / (1ull << 32) * 1.4;
}

static void compare(const struct meter_config *cfg, uint64_t hz, uint64_t step, uint64_t seed)
{
	uint32_t len[32], bytes = 0;
	enum meter_color in[32], out[32];
	struct token_bucket tb;
	uint64_t tsc = T0, seen[3] = {0};

	rig_meter(cfg, 1, hz, tsc);
	tb_init(&tb, cfg, hz, tsc);
	for (int round = 0; round < 3000; round++) {
		uint32_t n = 1 + rig_random(&seed) % 32;

		tsc += (gap(cfg, hz, bytes, &seed) + step - 1) / step * step;
		bytes = 0;
		for (uint32_t i = 0; i < n; i++) {
			len[i] = 60 + rig_random(&seed) % (cfg->cbs_bytes < 200 ? 40 : 1459);
			in[i] = rig_random(&seed) % 4 == 0;
			bytes += len[i];
		}
		rig_burst(0, tsc, len, in, n, out);
		for (uint32_t i = 0; i < n; i++) {
			enum meter_color want = tb_color(&tb, tsc, len[i], in[i]);

			HOLDS(out[i] == want, "round %d packet %u of %u bytes: %d, want %d", round,
				i, len[i], out[i], want);
			seen[want]++;
		}
	}
	ck_assert(seen[METER_GREEN] > 100 && seen[METER_YELLOW] + seen[METER_RED] > 100);
	rig_meter_end();
}

START_TEST(meter_colors_every_packet_as_the_rfc_does)
{
	struct meter_config cfg = shape(_i);

	compare(&cfg, HZ, exact_step(&cfg), 0x1234567 + _i);
	compare(&cfg, ODD, 1, 0x7654321 + _i);
}
END_TEST

START_TEST(meter_tolerates_burst_to_the_byte)
{
	struct meter_config cfg = {.cir_bps = 8000,
		.cbs_bytes = 3000,
		.pir_bps = 16000,
		.pbs_bytes = 5000,
		.algorithm = _i};
	uint32_t excess = _i == METER_TRTCM ? 2000 : 5000;

	rig_meter(&cfg, 1, HZ, T0);
	ck_assert_int_eq(rig_one(0, T0, 2999, METER_GREEN), METER_GREEN);
	ck_assert_int_eq(rig_one(0, T0, 2, METER_GREEN), METER_YELLOW);
	ck_assert_int_eq(rig_one(0, T0, 1, METER_GREEN),
		METER_GREEN); /* it is still there: yellow took none of it */
	excess -= 2;
	ck_assert_int_eq(rig_one(0, T0, excess + 1, METER_GREEN), METER_RED);
	ck_assert_int_eq(rig_one(0, T0, excess, METER_GREEN), METER_YELLOW);
	ck_assert_int_eq(rig_one(0, T0, 1, METER_GREEN), METER_RED);
	/* a thousand bytes a second: not one cycle too early */
	ck_assert_int_eq(
		rig_one(0, T0 + HZ / 1000 * 1000 - 1, 1000, METER_GREEN) == METER_GREEN, false);
	rig_meter_end();
	rig_meter(&cfg, 1, HZ, T0);
	rig_one(0, T0, 3000, METER_GREEN);
	ck_assert_int_eq(rig_one(0, T0 + HZ, 1001, METER_YELLOW) != METER_GREEN, true);
	ck_assert_int_eq(rig_one(0, T0 + HZ, 1000, METER_GREEN), METER_GREEN);
	rig_meter_end();
}
END_TEST

/* After hours of pause and thousands of steps the credit is there when it is due, and not a byte
 * more. */
START_TEST(meter_has_no_drift_after_hours)
{
	static const uint64_t rates[] = {8, 1000000, 999999937, 400000000000};
	uint64_t hz = _i % 2 ? ODD : HZ, rate = rates[_i / 2], steps_s = rate > 1u << 30 ? 20 : 1;
	struct meter_config cfg = {.cir_bps = rate,
		.cbs_bytes = 4000000000u,
		.pir_bps = rate,
		.pbs_bytes = 4000000000u};
	uint64_t late = T0 + 50000 * hz; /* 14 hours */
	unsigned __int128 passed = 0;

	rig_meter(&cfg, 1, hz, T0);
	ck_assert_int_eq(rig_one(0, late, 4000000000u, METER_GREEN), METER_GREEN);
	for (uint64_t i = 1; i <= 3600 * steps_s; i++) {
		uint64_t tsc = late + (unsigned __int128)i * hz / steps_s;
		uint32_t due = (unsigned __int128)rate * (tsc - late) / 8 / hz - passed;

		HOLDS(rig_one(0, tsc, due + 1, METER_GREEN) != METER_GREEN, "step %lu: too much",
			i);
		HOLDS(rig_one(0, tsc, due, METER_GREEN) == METER_GREEN, "step %lu: late", i);
		passed += due;
	}
	rig_meter_end();
}
END_TEST

START_TEST(meter_is_full_after_any_pause)
{
	static const uint64_t pause_s[] = {1, 3600, 86400, 86400 * 365ull};
	struct meter_config cfg = {.cir_bps = 400000000000,
		.cbs_bytes = 100000,
		.pir_bps = 400000000000,
		.pbs_bytes = 200000,
		.algorithm = _i % 3};

	rig_meter(&cfg, 1, ODD, T0);
	uint64_t tsc = T0;

	for (uint32_t i = 0; i < RTE_DIM(pause_s); i++) {
		ck_assert_int_eq(rig_one(0, tsc, 100000, METER_GREEN), METER_GREEN);
		ck_assert_int_ne(rig_one(0, tsc, 1, METER_GREEN), METER_GREEN);
		uint32_t second = cfg.algorithm == METER_TRTCM ? 100000 : 200000;

		ck_assert_int_eq(rig_one(0, tsc, second - 1, METER_YELLOW), METER_YELLOW);
		ck_assert_int_eq(rig_one(0, tsc, 1, METER_YELLOW), METER_RED);
		tsc += pause_s[i] * ODD;
	}
	ck_assert_int_eq(rig_one(0, tsc, 100001, METER_GREEN), METER_YELLOW);
	rig_meter_end();
}
END_TEST

/* What DPDK's own says, at rates that its period expresses: a byte every 1,000 cycles. */
START_TEST(meter_agrees_with_rte_meter)
{
	uint64_t hz = rte_get_tsc_hz(), bytes_s = hz / 1000, seed = 99 + _i;
	struct meter_config cfg = {.cir_bps = bytes_s * 8,
		.cbs_bytes = 4000,
		.pir_bps = bytes_s * 16,
		.pbs_bytes = 9000,
		.algorithm = _i % 3,
		.blind = _i >= 3};
	struct rte_meter_srtcm_params sp = {bytes_s, 4000, 9000};
	struct rte_meter_trtcm_params tp = {bytes_s, bytes_s * 2, 4000, 9000};
	struct rte_meter_trtcm_rfc4115_params fp = {bytes_s, bytes_s * 2, 4000, 9000};
	struct rte_meter_srtcm_profile spr;
	struct rte_meter_trtcm_profile tpr;
	struct rte_meter_trtcm_rfc4115_profile fpr;
	struct rte_meter_srtcm s;
	struct rte_meter_trtcm t;
	struct rte_meter_trtcm_rfc4115 f;
	uint64_t tsc = 1ull << 50, seen[3] = {0};

	ck_assert(rte_meter_srtcm_profile_config(&spr, &sp) == 0 &&
		  rte_meter_trtcm_profile_config(&tpr, &tp) == 0 &&
		  rte_meter_trtcm_rfc4115_profile_config(&fpr, &fp) == 0);
	rte_meter_srtcm_config(&s, &spr);
	rte_meter_trtcm_config(&t, &tpr);
	rte_meter_trtcm_rfc4115_config(&f, &fpr);
	s.time = t.time_tc = t.time_tp = f.time_tc = f.time_te = tsc;
	rig_meter(&cfg, 1, bytes_s * 1000, tsc);
	for (int i = 0; i < 20000; i++) {
		uint32_t len = 60 + rig_random(&seed) % 1459;
		enum meter_color in = rig_random(&seed) % 3 == 0;
		enum rte_color rin = in == METER_GREEN ? RTE_COLOR_GREEN : RTE_COLOR_YELLOW, want;

		tsc += (rig_random(&seed) % 200 == 0 ? 20000 : rig_random(&seed) % 300) * 1000;
		if (cfg.algorithm == METER_SRTCM)
			want = cfg.blind
				       ? rte_meter_srtcm_color_blind_check(&s, &spr, tsc, len)
				       : rte_meter_srtcm_color_aware_check(&s, &spr, tsc, len, rin);
		else if (cfg.algorithm == METER_TRTCM)
			want = cfg.blind
				       ? rte_meter_trtcm_color_blind_check(&t, &tpr, tsc, len)
				       : rte_meter_trtcm_color_aware_check(&t, &tpr, tsc, len, rin);
		else
			want = cfg.blind ? rte_meter_trtcm_rfc4115_color_blind_check(
						   &f, &fpr, tsc, len)
					 : rte_meter_trtcm_rfc4115_color_aware_check(
						   &f, &fpr, tsc, len, rin);
		enum meter_color got = rig_one(0, tsc, len, in);

		ck_assert_msg(
			(int)got == (int)want, "packet %d: %d, rte_meter says %d", i, got, want);
		seen[got]++;
	}
	ck_assert(seen[0] > 100 && seen[1] > 100 && seen[2] > 100);
	rig_meter_end();
}
END_TEST

START_TEST(meter_change_of_profile_bends_the_rate_and_resets_nothing)
{
	struct meter_config cfg = shape(6 + _i % 6);
	uint64_t tsc = T0, seed = 0xabcdef + _i;
	struct token_bucket tb;

	rig_meter(&cfg, 1, HZ, tsc);
	tb_init(&tb, &cfg, HZ, tsc);
	for (int i = 0; i < 20000; i++) {
		uint32_t len = 60 + rig_random(&seed) % 1459;

		tsc += rig_random(&seed) % (HZ / 200) / STEP * STEP;
		if (rig_random(&seed) % 20 == 0) {
			cfg.cir_bps = 8 + rig_random(&seed) % 10000000;
			cfg.pir_bps = cfg.cir_bps + rig_random(&seed) % 10000000;
			cfg.cbs_bytes = 64 + rig_random(&seed) % 10000;
			cfg.pbs_bytes = 64 + rig_random(&seed) % 10000;
			meter_profile_set(&bank, PROFILE, &cfg, tsc);
			tb_change(&tb, &cfg, tsc);
		}
		enum meter_color in = rig_random(&seed) % 4 == 0;

		ck_assert_msg(
			rig_one(0, tsc, len, in) == tb_color(&tb, tsc, len, in), "packet %d", i);
	}
	rig_meter_end();
}
END_TEST

START_TEST(meter_moved_to_another_profile_begins_full)
{
	struct meter_config cfg = shapes[1], other = shapes[2];
	struct meter_counts counts;

	rig_meter(&cfg, 1, HZ, T0);
	meter_profile_set(&bank, 1, &other, T0 - 5000 * HZ);
	rig_one(0, T0, 1518, METER_GREEN);
	ck_assert_int_eq(rig_one(0, T0, 1518, METER_GREEN), METER_YELLOW);
	meter_use_read(&bank, USE, &counts);
	ck_assert(counts.packets[METER_GREEN] == 1 && counts.bytes[METER_YELLOW] == 1518);
	for (int i = 0; i < 600; i++) {
		meter_use_start(&bank, USE, i % 2 ? PROFILE : 1);
		meter_use_read(&bank, USE, &counts);
		ck_assert(counts.packets[METER_GREEN] == 0 && counts.packets[METER_YELLOW] == 0);
		ck_assert_int_eq(rig_one(0, T0, 1518, METER_GREEN), METER_GREEN);
		meter_use_read(&bank, USE, &counts);
		ck_assert(counts.packets[METER_GREEN] == 1 && counts.bytes[METER_GREEN] == 1518);
	}
	/* two uses of one profile share nothing but that */
	meter_use_start(&bank, USE + 1, PROFILE);
	ck_assert_int_ne(rig_one(0, T0, 1518, METER_GREEN), METER_GREEN);
	meter_begin(&mw[0], T0);
	uint32_t len = 1518;
	struct hand hand = {&len, 1};

	ck_assert_int_eq(
		meter_color(&mw[0], USE + 1, 1518, METER_GREEN, hand_need, &hand, 0), METER_GREEN);
	rig_meter_end();
}
END_TEST

/* What a worker had taken ahead of one use is not the next one's to spend. */
START_TEST(meter_share_of_the_use_before_is_void)
{
	struct meter_config cfg = shapes[1], other = shapes[1];
	uint32_t passed = 0;

	cfg.cbs_bytes = cfg.pbs_bytes = 1000000;
	other.cir_bps = other.pir_bps = 8;
	other.cbs_bytes = other.pbs_bytes = 100;
	rig_meter(&cfg, 2, HZ, T0);
	meter_profile_set(&bank, 1, &other, T0);
	ck_assert_int_eq(rig_one(0, T0, 100, METER_GREEN), METER_GREEN);
	ck_assert_uint_gt(mw[0].share[USE].committed, 1000);
	meter_use_start(&bank, USE, 1);
	for (int i = 0; i < 10; i++)
		passed += rig_one(0, T0, 100, METER_GREEN) != METER_RED;
	ck_assert_uint_le(passed, 2);
	rig_meter_end();
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("rfc");

	table_eal();
	tcase_add_test(tc, meter_share_of_the_use_before_is_void);
	tcase_add_loop_test(tc, meter_colors_every_packet_as_the_rfc_does, 0, 6 * SHAPES);
	tcase_add_loop_test(tc, meter_tolerates_burst_to_the_byte, 0, 3);
	tcase_add_loop_test(tc, meter_has_no_drift_after_hours, 0, 8);
	tcase_add_loop_test(tc, meter_is_full_after_any_pause, 0, 3);
	tcase_add_loop_test(tc, meter_agrees_with_rte_meter, 0, 6);
	tcase_add_loop_test(tc, meter_change_of_profile_bends_the_rate_and_resets_nothing, 0, 12);
	tcase_add_test(tc, meter_moved_to_another_profile_begins_full);
	return table_run("meter", tc, 120);
}
