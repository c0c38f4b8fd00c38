/* SPDX-License-Identifier: BSD-3-Clause */
/* Held packets (pipelines/upf/buffer) by themselves: bounds, order, what becomes of them when a
 * FAR changes, end markers, and when the control plane is told. The path is a log (hold_fakes.h).
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "hold_fakes.h"
#include "tsc.h"

#define BUFFERS 16383

static void setup(void)
{
	fake_start(2, BUFFERS);
}

static void teardown(void)
{
	fake_stop();
}

static void come(uint32_t worker, uint32_t session, uint32_t from, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		ck_assert(fake_packet(worker, session, from + i));
}

/* The log holds seq from, from + 1 ... at `at`, all to teid. */
static void expect_run(uint32_t at, uint32_t from, uint32_t n, uint32_t teid)
{
	for (uint32_t i = 0; i < n; i++) {
		const struct left *l = &fake.left[at + i];

		ck_assert_msg(at + i < fake.lefts && !l->marker && l->stamp.seq == from + i &&
				      l->teid == teid,
			"%u of %u left: marker %d, seq %u to %x; wanted seq %u to %x", at + i,
			fake.lefts, l->marker, l->stamp.seq, l->teid, from + i, teid);
	}
}

START_TEST(hold_forwards_in_order_and_before_anything_newer)
{
	fake_put(1, ACT_HOLD, 0, 0, 0);
	come(0, 1, 0, 20);
	hold_poll();
	come(0, 1, 20, 10); /* still on the way to main when the FAR changes */
	ck_assert_uint_eq(hold_count(1), 20);
	fake_put(1, ACT_GTPU, 0, 5, 0);
	ck_assert_uint_eq(fake.lefts, 0);
	come(0, 1, 30, 10); /* before the worker's tick */
	expect_run(0, 0, 40, 5);
	fake_settle();
	ck_assert_uint_eq(fake.lefts, 40);
	ck_assert_uint_eq(hold_total(), 0);
	ck_assert_uint_eq(session_block[1]->flags, 0);
}
END_TEST

START_TEST(hold_drops_what_the_far_then_drops)
{
	fake_put(1, ACT_HOLD, 0, 0, 0);
	come(0, 1, 0, 20);
	fake_put(1, ACT_DROP, 0, 0, 0);
	fake_settle();
	ck_assert_uint_eq(fake.lefts, 0);
	ck_assert_uint_eq(fake_drops(DROP_HOLD_DROPPED), 20);
	ck_assert_uint_eq(fake_drops(DROP_FAR_DROP), 0);
	come(0, 1, 20, 1);
	ck_assert_uint_eq(fake_drops(DROP_FAR_DROP), 1);
}
END_TEST

START_TEST(hold_drops_what_a_deleted_session_left)
{
	fake_put(1, ACT_HOLD, ACT_NOTIFY, 0, 0);
	come(0, 1, 0, 10);
	come(1, 1, 10, 10);
	hold_poll();
	come(1, 1, 20, 3);
	fake_put(1, ACT_GATE, 0, 0, 0);
	ck_assert(hold_busy(1));
	fake_settle();
	ck_assert(!hold_busy(1));
	ck_assert_uint_eq(fake_drops(DROP_HOLD_DROPPED), 23);
	ck_assert_uint_eq(fake.lefts, 0);
	ck_assert_uint_eq(hold_count(1), 0);
	fake_put(1, ACT_GTPU, 0, 9, 0); /* another one */
	come(0, 1, 0, 1);
	expect_run(0, 0, 1, 9);
}
END_TEST

START_TEST(hold_keeps_no_more_than_the_bar_allows)
{
	static const struct {
		bool has_bar;
		uint32_t packets, kept;
	} c[] = {{false, 0, HOLD_PRESET}, {true, 5, 5}, {true, 1000, 100}, {true, 0, 0}};

	for (uint32_t k = 0; k < RTE_DIM(c); k++) {
		uint64_t before = fake_drops(DROP_HOLD_FULL);

		fake.has_bar = c[k].has_bar;
		fake.bar.packets = c[k].packets;
		fake.lefts = 0;
		fake_put(1, ACT_HOLD, 0, 0, 0);
		for (uint32_t i = 0; i < 100; i++) {
			come(0, 1, i, 1);
			hold_poll();
		}
		fake_settle();
		ck_assert_uint_eq(hold_count(1), c[k].kept);
		ck_assert_uint_eq(fake_drops(DROP_HOLD_FULL) - before, 100 - c[k].kept);
		/* once full, main is not asked again */
		ck_assert_uint_eq(rte_ring_count(hold_worker_of(0)->reports), 0);
		if (c[k].kept < 100) {
			come(0, 1, 100, 1);
			ck_assert_uint_eq(rte_ring_count(hold_worker_of(0)->reports), 0);
		}
		fake_put(1, ACT_GTPU, 0, 5, 0);
		fake_settle();
		expect_run(0, 0, c[k].kept, 5);
		ck_assert_uint_eq(fake.lefts, c[k].kept);
	}
}
END_TEST

/* What cannot be told to main is dropped, and its buffer is no longer of those that may be held. */
START_TEST(hold_recall_into_a_full_ring_takes_no_room)
{
	struct hold_worker *h = hold_worker_of(0);
	struct burst *b = &workers[0]->burst;
	struct hold_report none = {.m = NULL}, got;
	uint32_t filled = 0, before;

	fake_put(1, ACT_GTPU, 0, 5, 0);
	before = h->pool[0].held;
	while (rte_ring_sp_enqueue_elem(h->reports, &none, sizeof(none)) == 0)
		filled++;
	for (int i = 0; i < 10; i++) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(fake.pool);

		ck_assert(m != NULL);
		ck_assert(hold_back(workers[0], b, m, 1, session_block[1], 0, SESSION_RECALL));
	}
	ck_assert_uint_eq(fake_drops(DROP_HOLD_NO_ROOM), 10);
	ck_assert_uint_eq(h->pool[0].held, before);
	rte_pktmbuf_free_bulk(b->drop, b->drops);
	b->drops = 0;
	while (filled-- > 0)
		ck_assert_int_eq(rte_ring_sc_dequeue_elem(h->reports, &got, sizeof(got)), 0);
}
END_TEST

START_TEST(hold_never_takes_more_than_a_quarter_of_the_pool)
{
	uint32_t passed = 0;

	fake_stop();
	fake_start(2, 2047);
	fake.has_bar = true;
	fake.bar.packets = 64;
	fake.slices = 1000; /* one would leave half of it to others */
	for (uint32_t s = 1; s <= 1000; s++)
		fake_put(s, ACT_HOLD, ACT_NOTIFY, 0, 0);
	/* main does not come round: what is on its way counts as well */
	for (uint32_t i = 0; i < 4000; i++)
		passed += fake_packet(i & 1, 1 + i % 1000, i);
	ck_assert_uint_eq(passed, 4000);
	ck_assert_uint_le(rte_mempool_in_use_count(fake.pool), 2047 / 4);
	ck_assert_uint_ge(rte_mempool_in_use_count(fake.pool), 2047 / 4 - 2);
	fake_settle();
	ck_assert_uint_le(rte_mempool_in_use_count(fake.pool), 2047 / 4);
	ck_assert_uint_eq(fake_drops(DROP_HOLD_NO_ROOM), 4000 - hold_total());
	/* the control plane hears of those for which there was no room, too */
	ck_assert_uint_eq(fake.events, 1000);
	for (uint32_t s = 1; s <= 1000; s++)
		fake_put(s, ACT_GTPU, 0, 5, 0);
	fake_settle();
	ck_assert_uint_eq(rte_mempool_in_use_count(fake.pool), 0);
	/* and all of it may be held again */
	fake_put(1, ACT_HOLD, 0, 0, 0);
	come(0, 1, 0, 64);
	fake_settle();
	ck_assert_uint_eq(hold_count(1), 64);
}
END_TEST

START_TEST(hold_ten_thousand_idle_sessions_with_a_packet_each)
{
	struct fake_change *c = calloc(10000, sizeof(*c));

	fake_stop();
	fake_start(2, 131071);
	for (uint32_t s = 1; s <= 10000; s++)
		fake_put(s, ACT_HOLD, ACT_NOTIFY, 0, 0);
	for (uint32_t s = 1; s <= 10000; s++) {
		come(s & 1, s, s, 1);
		if (s % 1000 == 0)
			hold_poll();
	}
	fake_settle();
	ck_assert_uint_eq(hold_total(), 10000);
	ck_assert_uint_eq(fake.events, 10000);
	for (uint32_t s = 1; s <= 10000; s++)
		ck_assert_uint_eq(hold_count(s), 1);
	for (uint32_t s = 1; s <= 10000; s++)
		fake_prepare(&c[s - 1], s, ACT_GTPU, 0, s, 0);
	fake_commit(c, 10000);
	/* more than a ring takes at once: what is newer waits */
	for (uint32_t s = 1; s <= 10000; s++)
		come(s & 1, s, s + 1, 1);
	fake_settle();
	ck_assert_uint_eq(fake.lefts, 20000);
	uint32_t *seen = calloc(10001, sizeof(*seen));

	for (uint32_t i = 0; i < fake.lefts; i++) {
		const struct left *l = &fake.left[i];

		ck_assert_uint_eq(l->teid, l->stamp.session);
		ck_assert_uint_eq(l->stamp.seq, l->stamp.session + seen[l->stamp.session]++);
	}
	for (uint32_t s = 1; s <= 10000; s++)
		ck_assert_uint_eq(session_block[s]->flags, 0);
	ck_assert_uint_eq(hold_total(), 0);
	free(seen);
	free(c);
}
END_TEST

START_TEST(hold_takes_no_more_than_its_packets_over_the_box)
{
	fake_stop();
	fake_start(1, 300000);
	fake.has_bar = true;
	fake.bar.packets = 100000;
	fake.slices = 2;
	fake_put(1, ACT_HOLD, 0, 0, 0);
	fake_put(2, ACT_HOLD, 0, 0, 0);
	fake_put(3, ACT_HOLD, 0, 0, 0);		       /* of the same slice as 1 */
	for (uint32_t round = 0; round < 2; round++) { /* the second finds no less room */
		uint64_t no_room = fake_drops(DROP_HOLD_NO_ROOM);

		fake.lefts = 0;
		for (uint32_t i = 0; i < 40000; i++) {
			come(0, i < 3000 ? 3 : 1, i, 1);
			if (i % 1000 == 0)
				hold_poll();
		}
		fake_settle();
		ck_assert_uint_eq(hold_total(), HOLD_PACKETS / 2); /* the other's half is free */
		for (uint32_t i = 0; i < 40000; i++) {
			come(0, 2, i, 1);
			if (i % 1000 == 0)
				hold_poll();
		}
		fake_settle();
		ck_assert_uint_eq(hold_count(2), HOLD_PACKETS / 4);
		ck_assert_uint_eq(fake_drops(DROP_HOLD_NO_ROOM) - no_room, 80000 - hold_total());
		fake_put(3, ACT_GTPU, 0, 5, 0);
		fake_put(3, ACT_HOLD, 0, 0, 0); /* recalled: it keeps its place */
		fake_settle();
		ck_assert_uint_eq(hold_count(3), 3000);
		fake_put(2, ACT_GTPU, 0, 5, 0);
		fake_settle();
		expect_run(0, 0, HOLD_PACKETS / 4, 5);
		fake_put(1, ACT_DROP, 0, 0, 0);
		fake_put(3, ACT_GATE, 0, 0, 0);
		fake_settle();
		ck_assert_uint_eq(hold_total(), 0);
		for (uint32_t session = 1; session <= 3; session++)
			fake_put(session, ACT_HOLD, 0, 0, 0);
	}
}
END_TEST

/* ---- slices ---- */

#define GREEDY (FAKE_SLICE + 1) /* of session 1 */
#define OTHER  (FAKE_SLICE + 0) /* of session 2 */

/* One worker, with 511 buffers for what is held: half of them for session 1's slice. */
static void greedy_start(void)
{
	fake_stop();
	fake_start(1, 2047);
	fake.slices = 2;
	fake.has_bar = true;
	fake.bar.packets = 65535;
}

static void greedy_comes(void)
{
	fake_put(1, ACT_HOLD, 0, 0, 0);
	for (uint32_t i = 0; i < 2000; i++) {
		come(0, 1, i, 1);
		if (i % 100 == 0)
			hold_poll();
	}
	hold_poll();
	ck_assert_uint_eq(fake_held(0, GREEDY), 256);
	ck_assert_uint_eq(hold_count(1), 256);
}

START_TEST(hold_of_one_slice_leaves_room_to_another)
{
	greedy_start();
	greedy_comes();
	fake.has_bar = false;
	fake_put(2, ACT_HOLD, 0, 0, 0);
	uint64_t before = fake_drops(DROP_HOLD_NO_ROOM);

	come(0, 2, 0, 20);
	hold_poll();
	ck_assert_uint_eq(hold_count(2), 20);
	ck_assert_uint_eq(fake_drops(DROP_HOLD_NO_ROOM), before);
	fake_put(2, ACT_GTPU, 0, 5, 0);
	fake_settle();
	expect_run(0, 0, 20, 5);
	ck_assert_uint_eq(fake.lefts, 20);
}
END_TEST

/* Whatever becomes of the session, and however far its packets are on their way. */
START_TEST(hold_gives_a_slice_its_share_back)
{
	static const enum act_what become[] = {ACT_GTPU, ACT_DROP, ACT_GATE};

	greedy_start();
	for (uint32_t i = 0; i < 18; i++) {
		greedy_comes();
		if (i % 2 == 1) { /* some of them on their way already */
			fake_put(1, ACT_GTPU, 0, 5, 0);
			come(0, 1, 3000, i / 2 % 3);
		}
		if (i >= 9) /* to be recalled */
			fake_put(1, ACT_HOLD, 0, 0, 0);
		fake_put(1, become[i % 3], 0, 6, 0);
		fake_settle();
		ck_assert_uint_eq(fake_held(0, GREEDY), 0);
		ck_assert_uint_eq(fake_parked(0, GREEDY), 0);
		ck_assert_uint_eq(hold_total(), 0);
		ck_assert_uint_eq(rte_mempool_in_use_count(fake.pool), 0);
	}
}
END_TEST

/* A slice's id is not another's before all that was held in it is counted; a session that moves to
 * another slice leaves some behind. */
START_TEST(hold_says_when_a_slice_is_quiet)
{
	greedy_start();
	for (uint32_t i = 0; i < 4; i++) {
		fake.slices = 2;
		fake_put(1, ACT_HOLD, 0, 0, 0);
		fake_put(2, ACT_HOLD, 0, 0, 0);
		come(0, 1, 0, 20);
		ck_assert(!hold_slice_busy(GREEDY));
		memset(fake.quiet, 0, sizeof(fake.quiet));
		if (i & 1)
			fake.slices = 1; /* it is of OTHER from now on */
		fake_put(1, i & 2 ? ACT_GATE : ACT_HOLD, 0, i + 1, 0);
		if (i & 3) {
			hold_poll();
			ck_assert(hold_slice_busy(GREEDY));
			ck_assert_uint_eq(fake.quiet[GREEDY], 0);
		}
		fake_settle();
		ck_assert(!hold_slice_busy(GREEDY) && !hold_slice_busy(OTHER));
		ck_assert_uint_eq(fake.quiet[GREEDY], i & 3 ? 1 : 0);
		ck_assert_uint_eq(fake_held(0, OTHER) + fake_held(0, GREEDY), hold_total());
		fake_put(1, ACT_GATE, 0, 0, 0);
		fake_settle();
		ck_assert(!hold_slice_busy(GREEDY) && !hold_slice_busy(OTHER));
		ck_assert_uint_eq(fake_held(0, GREEDY), 0);
	}
}
END_TEST

/* Others have come since it was held: it is not for that dropped. */
START_TEST(hold_again_keeps_the_slices_place)
{
	uint64_t before;

	greedy_start();
	greedy_comes();
	fake_put(2, ACT_HOLD, 0, 0, 0);
	come(0, 2, 0, 100);
	fake_put(1, ACT_GTPU, 0, 5, 0);
	before = fake_drops(DROP_HOLD_NO_ROOM);
	fake_put(1, ACT_HOLD, 0, 0, 0); /* recalled */
	fake_settle();
	ck_assert_uint_eq(hold_count(1), 256);
	ck_assert_uint_eq(fake_drops(DROP_HOLD_NO_ROOM), before);
	fake_put(1, ACT_GTPU, 0, 5, 0);
	fake_settle();
	expect_run(0, 0, 256, 5);
}
END_TEST

/* More than a ring takes is on its way back, and newer ones come meanwhile. */
START_TEST(parked_packets_of_one_slice_leave_room_to_another)
{
	fake_stop();
	fake_start(1, 131071);
	fake.slices = 2;
	fake.has_bar = true;
	fake.bar.packets = 65535;
	fake_put(1, ACT_HOLD, 0, 0, 0);
	fake_put(2, ACT_HOLD, 0, 0, 0);
	come(0, 2, 0, 10);
	for (uint32_t i = 0; i < 6; i++) {
		come(0, 1, 1000 * i, 1000);
		hold_poll();
	}
	fake_put(1, ACT_GTPU, 0, 5, 0);
	fake_put(2, ACT_GTPU, 0, 6, 0);
	come(0, 1, 6000, HOLD_RING);
	ck_assert_uint_eq(fake_parked(0, GREEDY), HOLD_RING / 2);
	ck_assert_uint_eq(fake_drops(DROP_HOLD_NO_ROOM), HOLD_RING / 2);
	come(0, 2, 10, 20);
	ck_assert_uint_eq(fake_parked(0, OTHER), 20);
	fake_settle();
	expect_run(0, 0, 6000, 5);
	ck_assert_uint_eq(fake.lefts, 6000 + HOLD_RING / 2 + 30);
	ck_assert_uint_eq(fake_parked(0, GREEDY) + fake_parked(0, OTHER), 0);
}
END_TEST

/* ---- end markers ---- */

START_TEST(marker_follows_the_last_packet_to_the_old_tunnel)
{
	fake_put(1, ACT_GTPU, 0, 5, 0);
	come(0, 1, 0, 10);
	fake_put(1, ACT_GTPU, 0, 6, 5);
	come(0, 1, 10, 10);
	expect_run(0, 0, 10, 5);
	ck_assert(fake.left[10].marker);
	ck_assert_uint_eq(fake.left[10].teid, 5);
	expect_run(11, 10, 10, 6);
	fake_settle();
	ck_assert_uint_eq(fake.lefts, 21);
	ck_assert_uint_eq(session_block[1]->flags, 0);
}
END_TEST

START_TEST(marker_is_sent_without_traffic)
{
	fake_put(1, ACT_GTPU, 0, 5, 0);
	fake_put(1, ACT_GTPU, 0, 6, 5);
	fake_settle();
	ck_assert_uint_eq(fake.lefts, 1);
	ck_assert(fake.left[0].marker);
}
END_TEST

START_TEST(marker_goes_before_what_was_held)
{
	fake_put(1, ACT_GTPU, 0, 5, 0);
	come(0, 1, 0, 3);
	fake_put(1, ACT_HOLD, 0, 5, 0);
	come(0, 1, 3, 4);
	fake_put(1, ACT_GTPU, 0, 6, 5);
	come(0, 1, 7, 3);
	fake_settle();
	expect_run(0, 0, 3, 5);
	ck_assert(fake.left[3].marker);
	expect_run(4, 3, 7, 6);
	ck_assert_uint_eq(fake.lefts, 11);
}
END_TEST

START_TEST(marker_of_a_thousand_sessions_in_one_transaction)
{
	struct fake_change *c = calloc(1000, sizeof(*c));

	for (uint32_t s = 1; s <= 1000; s++) {
		fake_put(s, ACT_GTPU, 0, s, 0);
		come(s & 1, s, 0, 2);
	}
	for (uint32_t s = 1; s <= 1000; s++)
		fake_prepare(&c[s - 1], s, ACT_GTPU, 0, 10000 + s, s);
	fake_commit(c, 1000);
	for (uint32_t s = 1; s <= 1000; s++)
		come(s & 1, s, 2, 2);
	fake_settle();
	ck_assert_uint_eq(fake.lefts, 5000);
	uint8_t *marked = calloc(1001, 1);

	for (uint32_t i = 0; i < fake.lefts; i++) {
		const struct left *l = &fake.left[i];

		if (l->marker)
			ck_assert_uint_eq(marked[l->teid]++, 0);
		else if (l->teid <= 1000)
			ck_assert_uint_eq(marked[l->teid], 0);
	}
	free(marked);
	free(c);
}
END_TEST

/* ---- changes on top of changes ---- */

START_TEST(hold_again_keeps_the_order)
{
	fake.has_bar = true;
	fake.bar.packets = 1000;
	fake_put(1, ACT_HOLD, 0, 0, 0);
	come(0, 1, 0, 50);
	fake_put(1, ACT_GTPU, 0, 5, 0);
	fake_put(1, ACT_HOLD, 0, 0, 0); /* none of them was sent yet */
	come(0, 1, 50, 50);
	ck_assert_uint_eq(fake.lefts, 0);
	hold_poll();
	fake_put(1, ACT_HOLD, 0, 5, 0); /* nothing that matters to them */
	fake_put(1, ACT_GTPU, 0, 5, 0);
	come(0, 1, 100, 10);
	fake_settle();
	expect_run(0, 0, 110, 5);
	ck_assert_uint_eq(fake.lefts, 110);
	ck_assert_uint_eq(hold_total(), 0);
}
END_TEST

START_TEST(hold_cancel_gives_back_what_it_reserved)
{
	for (int i = 0; i < 3000; i++) {
		struct fake_change c;

		fake_prepare(&c, 1, ACT_GTPU, 0, 6, 5);
		hold_cancel(&c.hold);
		hold_cancel(&c.hold);
		fake.peers--;
		free(c.after);
	}
	fake_put(1, ACT_HOLD, 0, 0, 0);
	come(0, 1, 0, 1);
	fake_settle();
	ck_assert_uint_eq(hold_count(1), 1);
}
END_TEST

/* ---- telling ---- */

START_TEST(event_once_an_idle_period)
{
	for (uint32_t period = 1; period <= 3; period++) {
		fake_put(1, ACT_HOLD, ACT_NOTIFY, 0, 0);
		for (int i = 0; i < 10; i++) {
			come(0, 1, i, 2);
			hold_poll();
		}
		fake_put(1, ACT_HOLD, ACT_NOTIFY, 0, 0); /* says nothing new */
		come(0, 1, 20, 1);
		hold_poll();
		ck_assert_uint_eq(fake.events, period);
		ck_assert_int_eq(fake.event[period - 1].kind, UPF_DOWNLINK_DATA);
		ck_assert_str_eq(fake.event[period - 1].session, "s1");
		ck_assert_uint_eq(fake.event[period - 1].downlink_data.pdr_id, 100);
		ck_assert_uint_eq(fake.event[period - 1].downlink_data.packets, 2);
		fake_put(1, ACT_GTPU, 0, 5, 0);
		fake_settle();
	}
}
END_TEST

START_TEST(event_only_where_the_far_asks_for_it)
{
	fake_put(1, ACT_HOLD, 0, 0, 0);
	come(0, 1, 0, 2);
	fake_settle();
	ck_assert_uint_eq(fake.events, 0);
}
END_TEST

START_TEST(event_waits_as_the_bar_says_and_not_longer_than_the_idle_period)
{
	fake.has_bar = true;
	fake.bar = (struct api_bar){.packets = 64, .delay_ms = 1000};
	tsc_stopped = 1000 * rte_get_tsc_hz();
	fake_put(1, ACT_HOLD, ACT_NOTIFY, 0, 0);
	fake_put(2, ACT_HOLD, ACT_NOTIFY, 0, 0);
	come(0, 1, 0, 1);
	come(0, 2, 0, 1);
	fake_settle();
	ck_assert_uint_eq(fake.events, 0);
	fake_put(2, ACT_GTPU, 0, 5, 0); /* it came by itself */
	tsc_stopped += rte_get_tsc_hz() - 1;
	fake_settle();
	ck_assert_uint_eq(fake.events, 0);
	tsc_stopped++;
	fake_settle();
	ck_assert_uint_eq(fake.events, 1);
	ck_assert_str_eq(fake.event[0].session, "s1");
}
END_TEST

START_TEST(event_also_when_the_bar_holds_nothing)
{
	fake.has_bar = true;
	fake.bar.packets = 0;
	fake_put(1, ACT_HOLD, ACT_NOTIFY, 0, 0);
	come(0, 1, 0, 5);
	fake_settle();
	ck_assert_uint_eq(fake.events, 1);
	ck_assert_uint_eq(fake.event[0].downlink_data.packets, 0);
	ck_assert_uint_eq(fake_drops(DROP_HOLD_FULL), 5);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("hold");
	TCase *tc = tcase_create("hold");

	fake_eal();
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, hold_forwards_in_order_and_before_anything_newer);
	tcase_add_test(tc, hold_drops_what_the_far_then_drops);
	tcase_add_test(tc, hold_drops_what_a_deleted_session_left);
	tcase_add_test(tc, hold_keeps_no_more_than_the_bar_allows);
	tcase_add_test(tc, hold_recall_into_a_full_ring_takes_no_room);
	tcase_add_test(tc, hold_never_takes_more_than_a_quarter_of_the_pool);
	tcase_add_test(tc, hold_ten_thousand_idle_sessions_with_a_packet_each);
	tcase_add_test(tc, hold_takes_no_more_than_its_packets_over_the_box);
	tcase_add_test(tc, hold_of_one_slice_leaves_room_to_another);
	tcase_add_test(tc, hold_gives_a_slice_its_share_back);
	tcase_add_test(tc, hold_says_when_a_slice_is_quiet);
	tcase_add_test(tc, hold_again_keeps_the_slices_place);
	tcase_add_test(tc, parked_packets_of_one_slice_leave_room_to_another);
	tcase_add_test(tc, marker_follows_the_last_packet_to_the_old_tunnel);
	tcase_add_test(tc, marker_is_sent_without_traffic);
	tcase_add_test(tc, marker_goes_before_what_was_held);
	tcase_add_test(tc, marker_of_a_thousand_sessions_in_one_transaction);
	tcase_add_test(tc, hold_again_keeps_the_order);
	tcase_add_test(tc, hold_cancel_gives_back_what_it_reserved);
	tcase_add_test(tc, event_once_an_idle_period);
	tcase_add_test(tc, event_only_where_the_far_asks_for_it);
	tcase_add_test(tc, event_waits_as_the_bar_says_and_not_longer_than_the_idle_period);
	tcase_add_test(tc, event_also_when_the_bar_holds_nothing);
	suite_add_tcase(suite, tc);
	SRunner *runner = srunner_create(suite);

	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);

	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
