/* SPDX-License-Identifier: BSD-3-Clause */
/* URRs' volumes and thresholds, to the byte: what is read and reported against what was sent.
 * (Quotas: test_urr_quota.c, time: test_urr_time.c.) */

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
	ck_assert_ptr_null(urr_record_of(SESSION));
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

/* ---- briefs ---- */

static struct urr_session as_put(const struct rig_session *s, const struct api_urrs *urrs,
	uint32_t *credit, struct urr_act *act, uint32_t before)
{
	for (uint32_t i = 0; i < s->urrs; i++)
		credit[i] = s->cells + 1 + i;
	memcpy(act, s->act, sizeof(s->act));
	for (uint32_t i = 0; i < s->acts; i++)
		act[i].cell += s->cells;
	return (struct urr_session){.session = SESSION,
		.urrs = urrs,
		.credit = credit,
		.act = act,
		.acts = s->acts,
		.urrs_before = before,
		.acts_before = 2 * before};
}

static struct urr_change *prepare(const struct rig_session *s, uint32_t before, bool steady)
{
	struct api_urrs urrs = {s->urrs, (struct api_urr *)s->urr};
	struct urr_change *change;
	struct urr_act act[8];
	uint32_t credit[8];
	struct urr_session to = as_put(s, &urrs, credit, act, before);

	to.steady = steady;
	ck_assert_int_eq(urr_prepare(&to, &change), 0);
	return change;
}

/* What a session whose URRs only count has instead of a record. */
static const void *brief_of(uint32_t session)
{
	return urr_slot[session] & 1 ? (const void *)urr_slot[session] : NULL;
}

START_TEST(urrs_that_only_count_are_kept_in_brief)
{
	struct rig_session s = rig_simple(rig_urr(1));
	const void *b;

	rig(1);
	uint64_t bytes = urr_memory_bytes();

	urr_commit(prepare(&s, 0, false));
	b = brief_of(SESSION);
	ck_assert_ptr_nonnull(b);
	ck_assert_uint_le(urr_memory_bytes() - bytes, 40);
	for (uint32_t i = 0; i < 10; i++)
		ck_assert(rig_send(0, &s, i % 2, 100));
	ck_assert_uint_eq(rig_volume(0), 1000);
	/* a change that leaves its acts where they are leaves it alone */
	ck_assert_ptr_null(prepare(&s, 1, true));
	/* others make it a record, also when they are cancelled, and what it counted goes on */
	s.urr[0].threshold_bytes = 500;
	urr_cancel(prepare(&s, 1, true));
	ck_assert_uint_eq(rig_volume(0), 1000);
	urr_commit(prepare(&s, 1, true));
	ck_assert_ptr_null(brief_of(SESSION));
	ck_assert_uint_eq(rig_volume(0), 1000);
	ck_assert(rig_send(0, &s, 0, 100));
	ck_assert_uint_eq(rig_volume(0), 1100);
	rig_end();
}
END_TEST

/* A session that is put, changed and changed again before anything is committed. */
START_TEST(a_brief_of_the_same_transaction_becomes_a_record)
{
	struct rig_session a = rig_simple(rig_urr(1)), b = a, c = a;
	struct urr_change *change[3];

	rig(1);
	b.cells = 32;
	c.cells = 48;
	c.urr[0].id = _i == 0 ? 1 : 2;
	change[0] = prepare(&a, 0, false);
	change[1] = prepare(&b, 1, false);
	change[2] = prepare(&c, 1, false);
	urr_commit(change[0]);
	ck_assert_ptr_nonnull(brief_of(SESSION));
	ck_assert(rig_send(0, &a, 0, 100));
	urr_commit(change[1]);
	ck_assert_uint_eq(rig_volume(0), 100);
	ck_assert(rig_send(0, &b, 1, 50));
	urr_commit(change[2]);
	urr_cells_gone(SESSION, a.cells, 16);
	urr_cells_gone(SESSION, b.cells, 16);
	ck_assert_uint_eq(rig_volume(0), _i == 0 ? 150 : 0);
	rig_end();
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

int main(void)
{
	TCase *tc = tcase_create("urr");

	table_eal();
	tcase_add_loop_test(tc, urr_volumes_are_what_was_sent_through_all_changes, 0, 12);
	tcase_add_test(tc, urr_that_limits_nothing_costs_no_credit);
	tcase_add_test(tc, urrs_that_only_count_are_kept_in_brief);
	tcase_add_loop_test(tc, a_brief_of_the_same_transaction_becomes_a_record, 0, 2);
	tcase_add_loop_test(tc, urr_threshold_is_reported_once_a_multiple, 0, 2);
	tcase_add_loop_test(tc, urr_threshold_is_never_early_and_a_packet_late, 0, 2);
	tcase_add_loop_test(tc, urr_threshold_waits_for_main_without_stopping_traffic, 0, 4);
	return table_run("urr", tc, 120);
}
