/* SPDX-License-Identifier: BSD-3-Clause */
/* Sessions that become more than their line serves, and plain again: what goes along with their
 * cells, and when they are home (session_commit.c). As in test_session_line.c, a grace period is
 * over when rcu_reclaim() says so. */
#include <check.h>
#include <rte_byteorder.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hot.h"
#include "qer.h"
#include "rcu.h"
#include "session_line_rig.h"
#include "session_store.h"
#include "table_eal.h"

START_TEST(counters_and_buckets_go_with_a_session_that_moves)
{
	uint32_t index = put(simple("one", 1));
	struct session_line *line = session_line(session_cells(0), index, true);
	struct session_counters c;
	struct made *m = simple("one", 1);

	line->cell = (struct session_cell){11, 1100};
	line->bucket[0] = 4712;
	gbr(m);
	put(m);
	ck_assert(!at_home(index));
	session_counters_read(index, &c);
	ck_assert_uint_eq(c.dl_packets, 11);
	ck_assert_uint_eq(c.dl_bytes, 1100);
	/* uplink: two of its own with a GBR; then downlink's */
	ck_assert_uint_eq(session_buckets()[session_block[index]->buckets + 2], 4712);
	rcu_reclaim(true);
	put(simple("one", 1));
	ck_assert(at_home(index));
	ck_assert_uint_eq(line->bucket[0], 4712);
	ck_assert_uint_eq(line->cell.packets, 0);
	session_counters_read(index, &c);
	ck_assert_uint_eq(c.dl_packets, 11);
}
END_TEST

/* And another URR than simple() has. */
static struct made *two_qers(void)
{
	struct made *m = simple("one", 1);

	m->urrs[0] = m->urr[0].id = 7;
	m->qer[1] = m->qer[0];
	m->qer[1].id = 2;
	m->qer[1].mbr_ul_bps = 5000000;
	m->cfg.qers.count = 2;
	m->pdr[0].qers.count = m->pdr[1].qers.count = 2;
	return m;
}

START_TEST(two_qers_have_both_their_rates_in_the_line)
{
	uint32_t index = put(two_qers());

	ck_assert(at_home(index));
	ck_assert_uint_eq(up(index)->rate[0], rate_of(100000000));
	ck_assert_uint_eq(up(index)->rate[1], rate_of(5000000));
	ck_assert_uint_eq(down(index)->rate[1], rate_of(200000000));
}
END_TEST

/* Cells then count for another one, and a worker may still count in the old places: until it does
 * not. */
START_TEST(another_urr_moves_the_session_for_a_grace_period)
{
	struct usage before = usage();
	uint32_t index = put(simple("one", 1)), teid_be = chosen_teid_be(index);
	struct session_counters c;
	struct made *m;

	session_line(session_cells(0), index, false)->cell = (struct session_cell){7, 700};
	session_line(session_cells(0), index, true)->bucket[0] = 4712;
	put(two_qers());
	ck_assert_uint_eq(up(index)->key, 0);
	ck_assert(!at_home(index));
	rcu_reclaim(true);
	ck_assert_uint_eq(up(index)->key, 0);
	upf_poll();
	rcu_reclaim(true);
	ck_assert(at_home(index));
	ck_assert_uint_eq(up(index)->key, teid_be);
	ck_assert_uint_eq(up(index)->rate[1], rate_of(5000000));
	ck_assert_uint_ne(down(index)->key, 0);
	ck_assert_uint_eq(down(index)->bucket[0], 4712);
	session_counters_read(index, &c);
	ck_assert_uint_eq(c.ul_packets, 7);
	ck_assert_uint_eq(c.ul_bytes, 700);
	/* it is what was put, and is at rest */
	ck_assert_int_eq(try_put(two_qers()), 0);
	ck_assert_uint_eq(upf_poll(), 0);
	/* an act more is more than a line can say: no home for that */
	m = two_qers();
	more_acts(m);
	put(m);
	rcu_reclaim(true);
	upf_poll();
	ck_assert(!at_home(index));
	ck_assert_uint_eq(up(index)->key, 0);
	/* until it is plain again, and changes before it has got there */
	put(two_qers());
	put(simple("one", 1));
	put(two_qers());
	rcu_reclaim(true);
	upf_poll();
	rcu_reclaim(true);
	ck_assert(at_home(index));
	ck_assert_uint_eq(up(index)->key, teid_be);
	drop(index);
	upf_poll();
	ck_assert_usage(before);
}
END_TEST

/* Hundreds at once, some of which go or change again before their turn. */
START_TEST(many_go_home)
{
	struct usage before = usage();
	uint32_t index[300];
	char name[16];

	for (uint32_t i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "s%u", i);
		index[i] = put(simple(name, 1 + i));
	}
	for (uint32_t i = 0; i < 300; i++) {
		struct made *m = two_qers();

		snprintf(m->cfg.name, sizeof(m->cfg.name), "s%u", i);
		m->cfg.ue.ipv4.bytes[2] = (1 + i) >> 8;
		m->cfg.ue.ipv4.bytes[3] = 1 + i;
		put(m);
		ck_assert(!at_home(index[i]));
	}
	rcu_reclaim(true);
	for (uint32_t i = 0; i < 100; i++)
		drop(index[i]);
	for (uint32_t i = 100; i < 200; i++) {
		snprintf(name, sizeof(name), "s%u", i);
		put(simple(name, 1 + i));
	}
	while (upf_poll() != 0)
		rcu_reclaim(true);
	rcu_reclaim(true);
	for (uint32_t i = 100; i < 300; i++) {
		ck_assert(at_home(index[i]));
		ck_assert_uint_ne(up(index[i])->key, 0);
		ck_assert_uint_ne(down(index[i])->key, 0);
		drop(index[i]);
	}
	ck_assert_usage(before);
}
END_TEST

/* Workers have the second state when what vanished with the first is folded. */
START_TEST(what_comes_back_in_the_same_transaction_counts_elsewhere)
{
	uint32_t index = put(simple("one", 1));
	struct made *m = simple("one", 1);
	struct session_change *c[2];
	struct session_counters sum;

	session_line(session_cells(0), index, false)->cell = (struct session_cell){7, 700};
	m->pdr[0] = m->pdr[1];
	m->cfg.pdrs.count = 1;
	ck_assert_int_eq(session_prepare(&m->cfg, &c[0], &rig_err), 1);
	ck_assert_int_eq(session_prepare(&simple("one", 1)->cfg, &c[1], &rig_err), 1);
	session_commit(c, 2);
	ck_assert(!at_home(index));
	session_counters_read(index, &sum);
	ck_assert_uint_eq(sum.ul_packets, 7);
	ck_assert_uint_eq(sum.ul_bytes, 700);
}
END_TEST

/* Numbers come round: what waits must not wait for so many commits. */
START_TEST(commits_that_waited_settle_those_before_them)
{
	uint32_t index = put(simple("one", 1));
	struct made *m = simple("one", 1);

	m->far[1].outer_header.teid = 4711;
	put(m);
	ck_assert_uint_eq(down(index)->key, 0);
	put(simple("two", 2));
	ck_assert_uint_ne(down(index)->key, 0);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("homes");

	session_rig_eal();
	tcase_add_checked_fixture(tc, session_rig_start, session_rig_stop);
	tcase_add_test(tc, counters_and_buckets_go_with_a_session_that_moves);
	tcase_add_test(tc, two_qers_have_both_their_rates_in_the_line);
	tcase_add_test(tc, another_urr_moves_the_session_for_a_grace_period);
	tcase_add_test(tc, many_go_home);
	tcase_add_test(tc, what_comes_back_in_the_same_transaction_counts_elsewhere);
	tcase_add_test(tc, commits_that_waited_settle_those_before_them);
	return table_run("session_home", tc, 120);
}
