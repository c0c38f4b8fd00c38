/* SPDX-License-Identifier: BSD-3-Clause */
/* URRs' quotas, to the byte: what passes against what was granted, also by two threads at once. */
#include <pthread.h>
#include <rte_cycles.h>
#include <rte_pause.h>

#include "urr_rig.h"

static uint64_t unusable(uint64_t quota)
{
	return (worker_count - 1) * RTE_MIN(quota / 64, 65536ull);
}

/* Until one is refused: what passed. */
static uint64_t send_all(const struct rig_session *s, uint64_t *seed, uint64_t quota, uint64_t used)
{
	for (;;) {
		uint32_t bytes = 40 + rig_random(seed) % 1460;

		if (rig_send(rig_random(seed) % worker_count, s, rig_random(seed) % 2, bytes)) {
			used += bytes;
			HOLDS(used <= quota, "%" PRIu64 " of %" PRIu64, used, quota);
			continue;
		}
		HOLDS(used + bytes + unusable(quota) > quota,
			"refused %u at %" PRIu64 " of %" PRIu64, bytes, used, quota);
		return used;
	}
}

START_TEST(urr_quota_is_never_passed_by_a_byte)
{
	static const uint64_t quotas[] = {1, 39, 1500, 100000, 1234567, 50000000};
	uint64_t quota = quotas[_i % 6], seed = 11 + _i, used = 0, reported = 0;
	struct api_urr u = rig_urr(3);

	rig(1 + _i / 6 % 3);
	u.quota_bytes = quota;
	struct rig_session s = rig_simple(u);

	for (uint32_t round = 0; round < 5; round++) {
		/* a new quota counts from the last report: the one that said it was used up */
		uint64_t from = used;

		if (round > 0)
			s.urr[0].quota_bytes = quota + round;
		rig_put(&s);
		used = from + send_all(&s, &seed, s.urr[0].quota_bytes, 0);
		rig_poll();
		ck_assert_uint_eq(rig_events, 1);
		ck_assert_uint_eq(rig_event[0].why, USAGE_VOLUME_QUOTA);
		ck_assert_uint_eq(rig_event[0].sequence, round);
		reported += usage_bytes(rig_event);
		ck_assert_uint_eq(reported, used);
		ck_assert_uint_eq(rig_volume(0), used);
		rig_events = 0;
		for (uint32_t i = 0; worker_count == 1 && i < 100; i++) /* used up is used up */
			ck_assert(!rig_send(i % worker_count, &s, i % 2, 1));
		rig_poll();
		ck_assert_uint_eq(rig_events, 0);
		if (worker_count > 1) { /* what the others hold is theirs: used, or left */
			for (uint32_t w = 0; w < worker_count; w++)
				while (rig_send(w, &s, 0, 1))
					used++;
			HOLDS(used - from <= s.urr[0].quota_bytes, "beyond");
		}
		if (worker_count > 1)
			break;
	}
	rig_end();
}
END_TEST

START_TEST(urr_quota_used_to_the_byte_is_reported_at_once)
{
	struct api_urr u = rig_urr(3);

	rig(1);
	u.quota_bytes = 1000;
	struct rig_session s = rig_simple(u);

	rig_put(&s);
	for (int i = 0; i < 9; i++)
		ck_assert(rig_send(0, &s, i % 2, 100));
	rig_poll();
	ck_assert_uint_eq(rig_events, 0);
	ck_assert(rig_send(0, &s, 0, 100));
	rig_poll();
	ck_assert_uint_eq(rig_events, 1);
	ck_assert_uint_eq(rig_event[0].why, USAGE_VOLUME_QUOTA);
	ck_assert_uint_eq(usage_bytes(rig_event), 1000);
	ck_assert(!rig_send(0, &s, 0, 1));
	rig_poll();
	ck_assert_uint_eq(rig_events, 1);
	s.urr[0].grant++; /* as much again */
	rig_put(&s);
	for (int i = 0; i < 10; i++)
		ck_assert(rig_send(0, &s, i % 2, 100));
	ck_assert(!rig_send(0, &s, 0, 1));
	rig_end();
}
END_TEST

START_TEST(urr_quota_of_nothing_lets_nothing_pass)
{
	struct api_urr u = rig_urr(3);

	rig(1 + _i);
	u.quota_bytes = 0;
	struct rig_session s = rig_simple(u);

	rig_put(&s);
	for (uint32_t i = 0; i < 10; i++)
		ck_assert(!rig_send(i % worker_count, &s, i % 2, 1));
	rig_poll();
	ck_assert_uint_eq(rig_events, 1);
	ck_assert_uint_eq(rig_event[0].why, USAGE_VOLUME_QUOTA);
	ck_assert_uint_eq(usage_bytes(rig_event), 0);
	s.urr[0].quota_bytes = NO_QUOTA; /* and none is none */
	rig_put(&s);
	for (uint32_t i = 0; i < 1000; i++)
		ck_assert(rig_send(i % worker_count, &s, i % 2, 1500));
	rig_end();
}
END_TEST

/* As charging does it: a threshold below the quota; each report brings a new quota. */
START_TEST(urr_quotas_are_renewed_in_time_and_traffic_never_stops)
{
	struct api_urr u = rig_urr(3);
	uint64_t seed = 4, sent = 0;

	rig(1 + _i);
	u.quota_bytes = 1000000;
	u.threshold_bytes = 800000;
	struct rig_session s = rig_simple(u);

	rig_put(&s);
	for (uint32_t i = 0; i < 20000; i++) {
		uint32_t bytes = 40 + rig_random(&seed) % 1460;

		ck_assert(rig_send(rig_random(&seed) % worker_count, &s, i % 2, bytes));
		sent += bytes;
		rig_poll();
		if (rig_events > 0) {
			ck_assert_uint_eq(rig_event[0].why, USAGE_VOLUME_THRESHOLD);
			s.urr[0].quota_bytes ^= 1; /* another, from here on */
			rig_put(&s);
			rig_events = 0;
		}
	}
	ck_assert_uint_eq(rig_volume(0), sent);
	rig_end();
}
END_TEST

START_TEST(urr_quota_that_is_cut_holds_from_the_next_packet)
{
	struct api_urr u = rig_urr(3);

	rig(1 + _i);
	u.quota_bytes = 100000000;
	struct rig_session s = rig_simple(u);

	rig_put(&s);
	for (uint32_t i = 0; i < 10; i++)
		ck_assert(rig_send(i % worker_count, &s, i % 2, 1000));
	s.urr[0].quota_bytes = 12000;
	rig_put(&s);
	/* of several workers what another one holds counts as used */
	ck_assert(rig_send(0, &s, 0, 1000) == (worker_count == 1));
	ck_assert(!rig_send(0, &s, 0, 1500));
	if (worker_count > 1)
		ck_assert(!rig_send(1, &s, 0, 1500));
	s.urr[0].quota_bytes = 5000;
	rig_put(&s);
	ck_assert(!rig_send(0, &s, 0, 1));
	ck_assert_uint_le(rig_volume(0), 12000);
	rig_end();
}
END_TEST

/* The session gets other cells in the middle of a quota. */
START_TEST(urr_quota_is_kept_when_cells_move)
{
	struct api_urr u = rig_urr(3);
	uint64_t used = 0, seed = 8;

	rig(1 + _i);
	u.quota_bytes = 1000000;
	struct rig_session s = rig_simple(u), was = s;

	rig_put(&s);
	for (uint32_t move = 0; move < 5; move++) {
		for (uint32_t i = 0; i < 100; i++) {
			uint32_t bytes = 40 + rig_random(&seed) % 1460;
			/* a packet of the burst before, now and then */
			const struct rig_session *by = i < 20 && i % 4 == 0 ? &was : &s;

			ck_assert(rig_send(rig_random(&seed) % worker_count, by, i % 2, bytes));
			used += bytes;
			if (i == 50 && move > 0)
				urr_cells_gone(SESSION, was.cells, 4);
		}
		ck_assert_uint_eq(rig_volume(0), used);
		was = s;
		s.cells += 16;
		rig_put(&s);
	}
	urr_cells_gone(SESSION, was.cells, 4);
	used += send_all(&s, &seed, 1000000 - used, 0);
	ck_assert_uint_eq(rig_volume(0), used);
	rig_poll();
	ck_assert_uint_eq(rig_events, 1);
	ck_assert_uint_eq(usage_bytes(rig_event), used);
	rig_end();
}
END_TEST

/* They move twice before a grace period is over: until it is, nobody can reach what is left, and it
 * is not reported as used up. */
START_TEST(urr_quota_is_not_used_up_by_moving_twice)
{
	struct api_urr u = rig_urr(3);

	rig(1 + _i);
	u.quota_bytes = 100000;
	struct rig_session s = rig_simple(u);

	rig_put(&s);
	ck_assert(rig_send(0, &s, 0, 1000));
	for (int i = 0; i < 2; i++) {
		s.cells += 16;
		rig_put(&s);
	}
	bool passed = rig_send(0, &s, 0, 1000);

	rig_poll();
	ck_assert_uint_eq(rig_events, 0);
	urr_cells_gone(SESSION, s.cells - 32, 4);
	urr_cells_gone(SESSION, s.cells - 16, 4);
	rig_time(rig_now + 1);
	rig_poll();
	for (int i = passed; i < 99; i++)
		ck_assert(rig_send(0, &s, 0, 1000));
	ck_assert(!rig_send(0, &s, 0, 1000));
	rig_poll();
	ck_assert_uint_eq(rig_events, 1);
	ck_assert_uint_eq(usage_bytes(rig_event), 100000);
	rig_end();
}
END_TEST

/* What a QER refuses, or the slice's meter afterwards, has used nothing. */
START_TEST(urr_counts_nothing_that_was_refused)
{
	static uint64_t buckets[8];
	struct api_urr u = rig_urr(3);
	static struct rte_mbuf m;
	uint32_t rate;

	rig(1);
	u.quota_bytes = 40000;
	struct rig_session s = rig_simple(u);
	struct rig_act a;

	ck_assert_int_eq(qer_init(), 0);
	ck_assert_int_eq(admit_init(), 0);
	memset(buckets, 0, sizeof(buckets));
	qer_buckets = buckets;
	ck_assert_int_eq(rate_take(8000, 0, 20, &rate), 0);
	rig_put(&s);
	a = rig_act(&s, 0);
	a.act.flags |= ACT_METERED;
	a.act.meter[0] = QER_REF(rate, 1);
	rig_worker[0].now_tsc = qer_epoch_tsc + 1000;
	for (int i = 0; i < 100; i++) {
		/* 19,200 bytes of burst: 19 packets, and one comes back each time */
		ck_assert(rig_packet(0, &a, 1000) == (i < 19));
		if (i >= 19)
			continue;
		session_mark(&m, &a.block, &a.act, 1000, false);
		ck_assert(m.ol_flags & session_charged);
		session_refund(&rig_worker[0], &m);
		ck_assert(!(m.ol_flags & session_charged));
		ck_assert(rig_packet(0, &a, 1000));
	}
	ck_assert_uint_eq(rig_volume(0), 19000);
	ck_assert_uint_eq(rig_cells[0][s.cells].packets, 19); /* drops of the session */
	a.act.flags &= ~ACT_METERED;
	for (int i = 0; i < 21; i++)
		ck_assert(rig_packet(0, &a, 1000));
	ck_assert(!rig_packet(0, &a, 1));
	qer_fini();
	rig_end();
}
END_TEST

/* Two URRs of one act: the one that is used up stops it, and the other one has used nothing. */
START_TEST(urr_of_two_both_must_have_credit)
{
	struct api_urr u = rig_urr(3);

	rig(1);
	u.quota_bytes = 100000;
	struct rig_session s = rig_simple(u);

	s.urrs = 2;
	s.urr[1] = u;
	s.urr[1].id = 4;
	s.urr[1].quota_bytes = 1000;
	s.act[0] = (struct urr_act){.cell = 3, .urrs = 3, .uplink = true};
	s.act[1] = (struct urr_act){.cell = 4, .urrs = 1};
	rig_put(&s);
	ck_assert(rig_send(0, &s, 0, 900));
	for (int i = 0; i < 5; i++)
		ck_assert(!rig_send(0, &s, 0, 200));
	ck_assert(rig_send(0, &s, 1, 99100));
	ck_assert(!rig_send(0, &s, 1, 1));
	ck_assert_uint_eq(rig_volume(0), 100000);
	ck_assert_uint_eq(rig_volume(1), 900);
	rig_end();
}
END_TEST

/* ---- threads ---- */

struct hammer {
	uint32_t id;
	const struct rig_act *act;
	uint64_t passed, refused;
};
static uint32_t ready, stop;

static void *hammer(void *arg)
{
	struct hammer *h = arg;
	uint64_t seed = h->id + 1;

	__atomic_fetch_add(&ready, 1, __ATOMIC_RELAXED);
	while (__atomic_load_n(&ready, __ATOMIC_RELAXED) < 2)
		rte_pause();
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		uint32_t bytes = 40 + rig_random(&seed) % 1460;
		bool passed = rig_packet(h->id, h->act, bytes);

		h->passed += passed ? bytes : 0;
		h->refused += !passed;
	}
	return NULL;
}

/* Two workers and main at once: quotas are renewed while they are being used up; not a byte more
 * passes than they add up to, and all of it is reported. */
START_TEST(urr_quota_hammered_by_two_threads_is_never_passed)
{
	struct api_urr u = rig_urr(3);
	struct hammer h[2] = {{.id = 0}, {.id = 1}};
	pthread_t thread[2];
	uint64_t reported = 0, end, quotas = 0, limit = 0;

	rig(2);
	u.quota_bytes = 1000000;
	u.threshold_bytes = 300000;
	struct rig_session s = rig_simple(u);
	struct rig_act act[2] = {rig_act(&s, 0), rig_act(&s, 1)};

	rig_put(&s);
	limit = 1000000;
	ready = stop = 0;
	for (int i = 0; i < 2; i++) {
		h[i].act = &act[i];
		ck_assert_int_eq(pthread_create(&thread[i], NULL, hammer, &h[i]), 0);
	}
	/* at least a second; longer where others leave the two no time */
	for (end = rte_rdtsc() + rte_get_tsc_hz();
		rte_rdtsc() < end || (quotas <= 3 && rte_rdtsc() < end + 60 * rte_get_tsc_hz());) {
		rig_poll();
		for (uint32_t i = 0; i < rig_events; i++) {
			reported += usage_bytes(&rig_event[i]);
			if (rig_event[i].why & USAGE_VOLUME_QUOTA) {
				s.urr[0].quota_bytes ^= 1;
				rig_put(&s);
				limit = reported + s.urr[0].quota_bytes;
				quotas++;
			}
		}
		rig_events = 0;
	}
	stop = 1;
	for (int i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	printf("two threads: %" PRIu64 " and %" PRIu64 " bytes over %" PRIu64 " quotas, %" PRIu64
	       " refused\n",
		h[0].passed, h[1].passed, quotas, h[0].refused + h[1].refused);
	ck_assert_uint_eq(rig_volume(0), h[0].passed + h[1].passed);
	ck_assert_uint_le(h[0].passed + h[1].passed, limit);
	ck_assert_uint_gt(quotas, 3);
	struct rig_session none = {0};

	rig_put(&none);
	urr_cells_gone(SESSION, s.cells, 4);
	for (uint32_t i = 0; i < rig_events; i++)
		reported += usage_bytes(&rig_event[i]);
	ck_assert_uint_eq(reported, h[0].passed + h[1].passed);
	rig_end();
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("urr_quota");

	table_eal();
	tcase_add_loop_test(tc, urr_quota_is_never_passed_by_a_byte, 0, 18);
	tcase_add_test(tc, urr_quota_used_to_the_byte_is_reported_at_once);
	tcase_add_loop_test(tc, urr_quota_of_nothing_lets_nothing_pass, 0, 2);
	tcase_add_loop_test(tc, urr_quotas_are_renewed_in_time_and_traffic_never_stops, 0, 2);
	tcase_add_loop_test(tc, urr_quota_that_is_cut_holds_from_the_next_packet, 0, 2);
	tcase_add_loop_test(tc, urr_quota_is_kept_when_cells_move, 0, 2);
	tcase_add_loop_test(tc, urr_quota_is_not_used_up_by_moving_twice, 0, 2);
	tcase_add_test(tc, urr_counts_nothing_that_was_refused);
	tcase_add_test(tc, urr_of_two_both_must_have_credit);
	tcase_add_test(tc, urr_quota_hammered_by_two_threads_is_never_passed);
	return table_run("urr_quota", tc, 120);
}
