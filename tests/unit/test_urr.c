/* SPDX-License-Identifier: BSD-3-Clause */
/* URRs' volumes, thresholds and quotas, to the byte: what is read and reported against what was
 * sent. */
#include <pthread.h>
#include <rte_cycles.h>
#include <rte_pause.h>

#include "urr_rig.h"

/* ---- volumes ---- */

/* A session's URRs as the test counts them by itself, by id. */
struct book {
	struct upf_usage sum[16], reported[16];
	uint32_t sequence[16];
};

static void book_events(struct book *book)
{
	for (uint32_t i = 0; i < rig_events; i++) {
		const struct upf_usage *u = &rig_event[i];
		struct upf_usage *r = &book->reported[u->urr_id];

		HOLDS(u->sequence == book->sequence[u->urr_id], "URR %u: report %u, not %u",
			u->urr_id, u->sequence, book->sequence[u->urr_id]);
		book->sequence[u->urr_id]++;
		r->ul_packets += u->ul_packets;
		r->ul_bytes += u->ul_bytes;
		r->dl_packets += u->dl_packets;
		r->dl_bytes += u->dl_bytes;
		r->why |= u->why;
	}
	rig_events = 0;
}

static void book_packet(struct book *book, const struct rig_session *s, uint32_t n, uint32_t bytes)
{
	for (uint32_t i = 0; i < s->urrs; i++) {
		struct upf_usage *u = &book->sum[s->urr[i].id];

		if (!(s->act[n].urrs >> i & 1))
			continue;
		*(s->act[n].uplink ? &u->ul_packets : &u->dl_packets) += 1;
		*(s->act[n].uplink ? &u->ul_bytes : &u->dl_bytes) += bytes;
	}
}

static void book_matches(const struct book *book, const struct rig_session *s, int round)
{
	for (uint32_t i = 0; i < s->urrs; i++) {
		const struct upf_usage *u = &book->sum[s->urr[i].id];
		struct urr_counters c;

		HOLDS(urr_read(SESSION, i, &c), "round %d", round);
		HOLDS(c.ul_packets == u->ul_packets && c.ul_bytes == u->ul_bytes &&
				c.dl_packets == u->dl_packets && c.dl_bytes == u->dl_bytes,
			"round %d: URR %u up %" PRIu64 " of %" PRIu64 " bytes, down %" PRIu64
			" of %" PRIu64,
			round, s->urr[i].id, c.ul_bytes, u->ul_bytes, c.dl_bytes, u->dl_bytes);
	}
}

/* Another session with some of the URRs and acts of the one before; fresh ids for new URRs. */
static struct rig_session changed(const struct rig_session *was, uint64_t *seed, uint32_t *next_id)
{
	struct rig_session s = {.cells = was->cells};

	for (uint32_t i = 0; i < was->urrs; i++)
		if (rig_random(seed) % 4 != 0)
			s.urr[s.urrs++] = was->urr[i];
	while (s.urrs < 1 + rig_random(seed) % 3 && *next_id < 16) {
		struct api_urr *u = &s.urr[s.urrs++];

		*u = rig_urr((*next_id)++);
		u->period_s = rig_random(seed) % 3 == 0 ? 10 : 0;
	}
	for (uint32_t i = 0; i < s.urrs; i++)
		s.urr[i].threshold_bytes =
			rig_random(seed) % 2 ? 20000 + rig_random(seed) % 5000 : 0;
	/* in other cells, all of them new acts */
	s.cells = 16 + (was->cells + 16) % 1024;
	s.acts = 1 + rig_random(seed) % 4;
	for (uint32_t i = 0; i < s.acts; i++)
		s.act[i] = (struct urr_act){.cell = 9 + i,
			.urrs = rig_random(seed) % (1u << s.urrs),
			.uplink = rig_random(seed) % 2};
	return s;
}

/* A session changes again and again under traffic, some of which still meets the states before;
 * grace periods end later, and in the end all reports together are all that was sent. */
START_TEST(urr_volumes_are_what_was_sent_through_all_changes)
{
	uint64_t seed = 77 + _i;
	uint32_t workers = 1 + _i % 3, next_id = 1, done = 0;
	struct rig_session s[64] = {{.cells = 16}};
	struct book book = {0};

	rig(workers);
	for (uint32_t k = 1; k < 64; k++) {
		s[k] = changed(&s[k - 1], &seed, &next_id);
		for (uint32_t w = 0; w < workers; w++)
			memset(&rig_cells[w][s[k].cells], 0, 16 * sizeof(struct session_cell));
		if (k > 1 && k % 5 == 0)
			urr_cancel(rig_prepare(&s[k - 2]));
		rig_put(&s[k]);
		for (int i = 0; i < 300; i++) {
			uint32_t state = k - rig_random(&seed) % (k - done > 1 ? 2 : 1), bytes;
			uint32_t n = rig_random(&seed) % RTE_MAX(s[state].acts, 1u);

			bytes = 40 + rig_random(&seed) % 1460;
			if (s[state].acts == 0)
				continue;
			ck_assert(rig_send(rig_random(&seed) % workers, &s[state], n, bytes));
			/* a URR that is deleted counts until its acts are gone */
			book_packet(&book, &s[state], n, bytes);
			if (i % 10 == 0)
				rig_poll();
			book_matches(&book, &s[k], k);
		}
		rig_time(rig_now + 3);
		while (done < k - rig_random(&seed) % 2) {
			if (s[done].acts > 0)
				urr_cells_gone(SESSION, s[done].cells, 16);
			done++;
		}
		book_events(&book);
		book_matches(&book, &s[k], k);
	}
	struct rig_session none = {0};

	rig_put(&none);
	for (; done < 64; done++)
		urr_cells_gone(SESSION, s[done].cells, 16);
	book_events(&book);
	ck_assert_ptr_null(urr_record[SESSION]);
	for (uint32_t id = 1; id < next_id; id++) {
		const struct upf_usage *u = &book.sum[id], *r = &book.reported[id];

		ck_assert(r->why & USAGE_TERMINATION);
		ck_assert_uint_eq(r->ul_packets, u->ul_packets);
		ck_assert_uint_eq(r->ul_bytes, u->ul_bytes);
		ck_assert_uint_eq(r->dl_packets, u->dl_packets);
		ck_assert_uint_eq(r->dl_bytes, u->dl_bytes);
	}
	ck_assert_uint_gt(next_id, 8);
	rig_end();
}
END_TEST

START_TEST(urr_that_limits_nothing_costs_no_credit)
{
	struct api_urr u = rig_urr(1);

	ck_assert(!urr_wants_credit(&u));
	u.period_s = 60;
	ck_assert(!urr_wants_credit(&u));
	u.threshold_bytes = 1;
	ck_assert(urr_wants_credit(&u));
	u = rig_urr(1);
	u.quota_bytes = 0;
	ck_assert(urr_wants_credit(&u));
	u = rig_urr(1);
	u.measure = MEASURE_DURATION;
	ck_assert(urr_wants_credit(&u));
}
END_TEST

/* ---- thresholds ---- */

START_TEST(urr_threshold_is_reported_once_a_multiple)
{
	struct api_urr u = rig_urr(9);

	rig(1 + _i);
	u.threshold_bytes = 10000;
	struct rig_session s = rig_simple(u);

	rig_put(&s);
	for (uint32_t i = 1; i <= 1000; i++) {
		ck_assert(rig_send(i % worker_count, &s, i % 2, 100));
		rig_poll();
		HOLDS(rig_events == i / 100, "after %u packets %u reports", i, rig_events);
	}
	for (uint32_t i = 0; i < rig_events; i++) {
		ck_assert_uint_eq(rig_event[i].why, USAGE_VOLUME_THRESHOLD);
		ck_assert_uint_eq(rig_event[i].sequence, i);
		ck_assert_uint_eq(rig_event[i].urr_id, 9);
		ck_assert_uint_eq(rig_event[i].ul_bytes, 5000);
		ck_assert_uint_eq(rig_event[i].dl_packets, 50);
	}
	rig_end();
}
END_TEST

/* Packets of any size: each report holds the threshold, and less than a packet more. */
START_TEST(urr_threshold_is_never_early_and_a_packet_late)
{
	struct api_urr u = rig_urr(9);
	uint64_t seed = 5, sent = 0, reported = 0;

	rig(1 + _i);
	u.threshold_bytes = 1000000;
	struct rig_session s = rig_simple(u);

	rig_put(&s);
	for (uint32_t i = 0; i < 100000; i++) {
		uint32_t bytes = 40 + rig_random(&seed) % 1460;

		ck_assert(rig_send(rig_random(&seed) % worker_count, &s, i % 2, bytes));
		sent += bytes;
		rig_poll();
		HOLDS(rig_events <= 1, "%u reports", rig_events);
		if (rig_events == 0)
			HOLDS(sent - reported < 1000000 + (worker_count - 1) * 1000000 / 64,
				"late");
		else
			HOLDS(usage_bytes(rig_event) == sent - reported &&
					sent - reported >= 1000000 &&
					sent - reported <
						1001500 + (worker_count - 1) * 1000000 / 64,
				"%" PRIu64, sent - reported);
		reported += rig_events > 0 ? usage_bytes(rig_event) : 0;
		rig_events = 0;
	}
	ck_assert_uint_gt(reported, 70000000);
	rig_end();
}
END_TEST

/* Main is busy (or the ring is full): traffic goes on, and the report has it all. */
START_TEST(urr_threshold_waits_for_main_without_stopping_traffic)
{
	struct api_urr u = rig_urr(9);

	rig(1 + _i % 2);
	u.threshold_bytes = 10000;
	struct rig_session s = rig_simple(u);

	rig_put(&s);
	rig_deaf = _i / 2;
	for (uint32_t i = 0; i < 1000; i++)
		ck_assert(rig_send(i % worker_count, &s, i % 2, 100));
	if (rig_deaf) {
		rig_poll();
		ck_assert_uint_eq(rig_events, 0);
		rig_deaf = false;
		ck_assert(rig_send(0, &s, 0, 100));
	}
	rig_poll();
	ck_assert_uint_eq(rig_events, 1);
	ck_assert_uint_eq(usage_bytes(rig_event), 100000 + _i / 2 * 100);
	for (uint32_t i = 0; i < 99; i++)
		ck_assert(rig_send(i % worker_count, &s, i % 2, 100));
	rig_poll();
	ck_assert_uint_eq(rig_events, 1);
	for (uint32_t i = 0; i < 2; i++)
		ck_assert(rig_send(i % worker_count, &s, i % 2, 100));
	rig_poll();
	ck_assert_uint_eq(rig_events, 2);
	rig_end();
}
END_TEST

/* ---- quotas ---- */

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
	for (end = rte_rdtsc() + rte_get_tsc_hz(); rte_rdtsc() < end;) {
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
	Suite *suite = suite_create("urr");
	TCase *tc = tcase_create("urr");
	SRunner *runner = srunner_create(suite);

	table_eal();
	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, urr_volumes_are_what_was_sent_through_all_changes, 0, 12);
	tcase_add_test(tc, urr_that_limits_nothing_costs_no_credit);
	tcase_add_loop_test(tc, urr_threshold_is_reported_once_a_multiple, 0, 2);
	tcase_add_loop_test(tc, urr_threshold_is_never_early_and_a_packet_late, 0, 2);
	tcase_add_loop_test(tc, urr_threshold_waits_for_main_without_stopping_traffic, 0, 4);
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
	suite_add_tcase(suite, tc);
	srunner_set_fork_status(runner, CK_NOFORK);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);

	srunner_free(runner);
	return failed != 0;
}
