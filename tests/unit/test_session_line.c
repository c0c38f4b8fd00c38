/* SPDX-License-Identifier: BSD-3-Clause */
/* Which sessions their lines serve, and when (session_line.h): the box has no running worker, so a
 * grace period is over when rcu_reclaim() says so. Sessions that move, and come home:
 * test_session_home.c; what lines do with packets: tests/packet. */
#include <check.h>
#include <rte_byteorder.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hold.h"
#include "hot.h"
#include "qer.h"
#include "rcu.h"
#include "session_line_rig.h"
#include "session_private.h"
#include "session_store.h"
#include "table_eal.h"

/* ---- which ---- */

START_TEST(a_plain_session_is_served_both_ways)
{
	uint32_t index = put(simple("one", 1));
	const struct session_line *u = up(index), *d = down(index);

	ck_assert(at_home(index));
	ck_assert_uint_eq(u->key, chosen_teid_be(index));
	ck_assert_uint_eq(u->address, rte_cpu_to_be_32(0x0a000001));
	ck_assert_uint_eq(u->up.slice, rig_l3);
	ck_assert_uint_eq(u->up.gtpu, rig_n3);
	ck_assert_uint_eq(u->up.rules, 0);
	ck_assert_uint_eq(u->rate[0], rate_of(100000000));
	ck_assert_uint_eq(u->rate[1], 0);
	ck_assert_uint_eq(d->key, SESSION_LINE_DOWN(1, rig_l3));
	ck_assert_uint_eq(d->address, rte_cpu_to_be_32(1001));
	ck_assert_uint_ne(d->down.peer, 0);
	ck_assert_uint_eq(d->down.qfi, 9);
	ck_assert_uint_eq(d->down.flags, GTPU_WAY_PSC);
	ck_assert_uint_eq(d->rate[0], rate_of(200000000));
}
END_TEST

static void credit(struct made *m)
{
	m->urr[0].threshold_bytes = 1000;
}

static void three_qers(struct made *m)
{
	static uint32_t ids[] = {1, 2, 3};

	m->qer[1] = m->qer[2] = m->qer[0];
	m->qer[1].id = 2;
	m->qer[2].id = 3;
	m->cfg.qers.count = 3;
	m->pdr[0].qers = (struct api_ids){3, ids};
}

START_TEST(what_is_more_than_plain_has_its_cells_elsewhere)
{
	void (*const more[])(struct made *) = {more_acts, credit, gbr, three_qers};
	struct made *m = simple("one", 1);

	more[_i](m);
	uint32_t index = put(m);

	ck_assert(!at_home(index));
	ck_assert_uint_eq(up(index)->key, 0);
	ck_assert_uint_eq(down(index)->key, 0);
	/* the same session as it should be, and again */
	put(simple("one", 1));
	ck_assert(at_home(index));
	rcu_reclaim(true);
	ck_assert_uint_eq(up(index)->key, chosen_teid_be(index));
	m = simple("one", 1);
	more[_i](m);
	put(m);
	ck_assert_uint_eq(up(index)->key, 0);
	rcu_reclaim(true);
	ck_assert_uint_eq(up(index)->key, 0);
	ck_assert_uint_eq(session_cold[index].home, 0);
}
END_TEST

static void no_ipv4(struct made *m)
{
	*m = *rich("one", 1);
	m->cfg.ue.ipv4.family = 0;
	m->cfg.pdrs.count = m->cfg.fars.count = 2;
	m->cfg.qers.count = m->cfg.urrs.count = 1;
}

static void put_teid(struct made *m)
{
	m->pdr[0].teid = 77;
}

static void to_n9(struct made *m)
{
	m->far[0].outer_header = m->far[1].outer_header;
	m->far[0].outer_header.gtpu_id = rig_n9;
}

static void redirected(struct made *m)
{
	m->far[0].redirect = m->cfg.ue.ipv4;
}

static void duplicated(struct made *m)
{
	m->far[0].duplicate_to = m->far[1].outer_header;
}

static void dropped(struct made *m)
{
	m->far[0].action = FAR_DROP;
}

static void gate_closed(struct made *m)
{
	m->qer[0].gate_ul = GATE_CLOSED;
}

START_TEST(an_uplink_that_is_not_plain_leaves_the_downlink_its_line)
{
	void (*const other[])(struct made *) = {
		no_ipv4, put_teid, to_n9, redirected, duplicated, dropped, gate_closed};
	struct made *m = simple("one", 1);

	other[_i](m);
	uint32_t index = put(m);

	ck_assert(at_home(index));
	ck_assert_uint_eq(up(index)->key, 0);
	ck_assert_uint_ne(down(index)->key, 0);
}
END_TEST

START_TEST(a_downlink_that_is_not_plain_leaves_the_uplink_its_line)
{
	struct made *m = simple("one", 1);

	m->far[1].action = _i == 0 ? FAR_BUFFER : FAR_DROP;
	uint32_t index = put(m);

	ck_assert(at_home(index));
	ck_assert_uint_ne(up(index)->key, 0);
	ck_assert_uint_eq(down(index)->key, 0);
}
END_TEST

START_TEST(fars_that_do_the_same_are_one_act)
{
	struct made *m = simple("one", 1);
	struct session_counters c;

	more_acts(m);
	m->pdr[2].qers.count = 1;
	m->far[2] = m->far[0];
	m->far[2].id = 3;
	m->pdr[2].far = 3;
	m->cfg.fars.count = 3;
	uint32_t index = put(m);
	struct session_line *line = session_line(session_cells(0), index, false);

	ck_assert(at_home(index));
	ck_assert_uint_eq(line->key, chosen_teid_be(index));
	ck_assert_uint_ne(line->up.rules, 0);
	line->cell = (struct session_cell){7, 700};
	line->drops = 3;
	/* until they do not */
	m->far[2].action = FAR_DROP;
	put(m);
	ck_assert_uint_eq(line->key, 0);
	ck_assert(!at_home(index));
	session_counters_read(index, &c);
	ck_assert_uint_eq(c.ul_packets, 7);
	ck_assert_uint_eq(c.ul_bytes, 700);
	ck_assert_uint_eq(c.dropped, 3);
}
END_TEST

/* ---- when ---- */

START_TEST(a_change_takes_the_line_away_for_a_grace_period)
{
	uint32_t index = put(simple("one", 1));
	struct made *m = simple("one", 1);

	m->far[1].outer_header.teid = 4711;
	put(m);
	ck_assert_uint_eq(up(index)->key, 0);
	ck_assert_uint_eq(down(index)->key, 0);
	ck_assert_uint_eq(down(index)->address, rte_cpu_to_be_32(1001)); /* a worker may read it */
	rcu_reclaim(true);
	ck_assert_uint_eq(up(index)->key, chosen_teid_be(index));
	ck_assert_uint_ne(down(index)->key, 0);
	ck_assert_uint_eq(down(index)->address, rte_cpu_to_be_32(4711));
}
END_TEST

START_TEST(only_the_latest_change_gives_it_back)
{
	uint32_t index = put(simple("one", 1));

	for (uint32_t i = 0; i < 3 * SESSION_COMMITS; i++) {
		struct made *m = simple("one", 1);

		m->far[1].outer_header.teid = 5000 + i;
		put(m);
		ck_assert_uint_eq(down(index)->key, 0);
	}
	rcu_reclaim(true);
	ck_assert_uint_eq(down(index)->address, rte_cpu_to_be_32(5000 + 3 * SESSION_COMMITS - 1));
	ck_assert_uint_ne(down(index)->key, 0);
}
END_TEST

#define READER 1 /* a worker that this thread speaks for */

/* The worker comes by after a change has been made, and before its grace period begins. */
static bool reader_comes_by;
void __real_rcu_defer(void (*fn)(void *arg), void *arg);
void __wrap_rcu_defer(void (*fn)(void *arg), void *arg);
void __wrap_rcu_defer(void (*fn)(void *arg), void *arg)
{
	if (reader_comes_by)
		rte_rcu_qsbr_quiescent(rcu_qsbr, READER);
	__real_rcu_defer(fn, arg);
}

static void change_to(uint32_t teid)
{
	struct made *m = simple("one", 1);

	m->far[1].outer_header.teid = teid;
	put(m);
}

START_TEST(the_end_of_an_older_change_does_not_give_it_back)
{
	uint32_t index = put(simple("one", 1));

	rcu_reclaim(true);
	ck_assert_int_eq(rte_rcu_qsbr_thread_register(rcu_qsbr, READER), 0);
	rte_rcu_qsbr_thread_online(rcu_qsbr, READER);
	change_to(5000);
	reader_comes_by = true;
	change_to(5001);
	reader_comes_by = false;
	rcu_reclaim(false); /* the first is over, the second is not */
	uint32_t between = down(index)->key;

	/* what stops at an assertion is waited for by nobody */
	rte_rcu_qsbr_thread_offline(rcu_qsbr, READER);
	ck_assert_int_eq(rte_rcu_qsbr_thread_unregister(rcu_qsbr, READER), 0);
	ck_assert_uint_eq(between, 0);
	rcu_reclaim(false);
	ck_assert_uint_ne(down(index)->key, 0);
	ck_assert_uint_eq(down(index)->address, rte_cpu_to_be_32(5001));
}
END_TEST

START_TEST(a_change_that_is_cancelled_leaves_it)
{
	uint32_t index = put(simple("one", 1));
	struct made *m = simple("one", 1);
	struct session_change *c;

	credit(m);
	ck_assert_int_eq(session_prepare(&m->cfg, &c, &rig_err), 1);
	session_cancel(c);
	ck_assert(at_home(index));
	ck_assert_uint_eq(session_cold[index].home, 1);
	ck_assert_uint_eq(up(index)->key, chosen_teid_be(index));
	drop(index);
	/* the way into a home, cancelled */
	m = simple("two", 2);
	credit(m);
	index = put(m);
	ck_assert_int_eq(session_prepare(&simple("two", 2)->cfg, &c, &rig_err), 1);
	ck_assert_uint_eq(session_cold[index].home, 1);
	session_cancel(c);
	ck_assert_uint_eq(session_cold[index].home, 0);
	ck_assert_uint_eq(up(index)->key, 0);
}
END_TEST

START_TEST(nothing_of_a_deleted_session_is_left_in_it)
{
	struct usage before = usage();
	uint32_t index = put(simple("one", 1));

	session_line(session_cells(0), index, false)->cell.packets = 5;
	drop(index);
	ck_assert_uint_eq(up(index)->key, 0);
	ck_assert_uint_eq(down(index)->key, 0);
	rcu_reclaim(true);
	ck_assert_uint_eq(session_cold[index].home, 0);
	ck_assert_usage(before);
	home_take(index);
	ck_assert_uint_eq(up(index)->cell.packets, 0);
	home_give(index);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("lines");

	session_rig_eal();
	tcase_add_checked_fixture(tc, session_rig_start, session_rig_stop);
	tcase_add_test(tc, a_plain_session_is_served_both_ways);
	tcase_add_loop_test(tc, what_is_more_than_plain_has_its_cells_elsewhere, 0, 4);
	tcase_add_loop_test(tc, an_uplink_that_is_not_plain_leaves_the_downlink_its_line, 0, 7);
	tcase_add_loop_test(tc, a_downlink_that_is_not_plain_leaves_the_uplink_its_line, 0, 2);
	tcase_add_test(tc, fars_that_do_the_same_are_one_act);
	tcase_add_test(tc, a_change_takes_the_line_away_for_a_grace_period);
	tcase_add_test(tc, only_the_latest_change_gives_it_back);
	tcase_add_test(tc, the_end_of_an_older_change_does_not_give_it_back);
	tcase_add_test(tc, a_change_that_is_cancelled_leaves_it);
	tcase_add_test(tc, nothing_of_a_deleted_session_is_left_in_it);
	return table_run("session_line", tc, 120);
}
