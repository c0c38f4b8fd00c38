/* SPDX-License-Identifier: BSD-3-Clause */
/* Which index a session gets: the one that a TEID of its own names, where that is free, and else
 * one that has not been used for long. */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <rte_byteorder.h>
#include <rte_cycles.h>
#include <stdlib.h>
#include <string.h>

#include "rcu.h"
#include "session_rig.h"
#include "session_store.h"
#include "table_eal.h"

static struct made *with_teid(const char *name, uint32_t n, uint32_t teid)
{
	struct made *m = simple(name, n);

	m->pdr[0].teid = teid;
	return m;
}

static uint32_t line_key(uint32_t index)
{
	return session_line(session_cells(0), index, false)->key;
}

/* No table entry, and the uplink has its line. */
START_TEST(a_teid_that_names_a_free_index_gets_it)
{
	uint32_t teid = TEID_MAKE(5000, 3, 0x77), index = put(with_teid("one", 1, teid));

	ck_assert_uint_eq(index, 5000);
	ck_assert_uint_eq(teid_table.count, 0);
	ck_assert_uint_eq(line_key(index), rte_cpu_to_be_32(teid));
	drop(index);
	ck_assert_uint_eq(session_count(), 0);
}
END_TEST

START_TEST(the_last_index_can_be_named)
{
	ck_assert_uint_eq(
		put(with_teid("last", 1, TEID_MAKE(LIMIT_SESSIONS, 0, 1))), LIMIT_SESSIONS);
	/* those below are free, and none above is asked for */
	ck_assert_uint_ne(put(simple("other", 2)), LIMIT_SESSIONS);
	ck_assert_uint_eq(session_count(), 2);
}
END_TEST

/* 0 is nobody's index. */
START_TEST(a_teid_that_names_none_is_as_good)
{
	uint32_t index = put(with_teid("one", 1, 77));

	ck_assert_uint_ne(index, 0);
	ck_assert_uint_eq(teid_table.count, 1);
	ck_assert_uint_eq(line_key(index), 0);
}
END_TEST

START_TEST(an_index_that_is_taken_stays_with_its_session)
{
	uint32_t one = put(with_teid("one", 1, TEID_MAKE(9, 0, 1)));
	uint32_t two = put(with_teid("two", 2, TEID_MAKE(9, 1, 2)));

	ck_assert_uint_eq(one, 9);
	ck_assert_uint_ne(two, 9);
	ck_assert_uint_eq(teid_table.count, 1);
	ck_assert_uint_eq(line_key(one), rte_cpu_to_be_32(TEID_MAKE(9, 0, 1)));
	ck_assert_uint_eq(line_key(two), 0);
}
END_TEST

/* Its second F-TEID's, if the first one's is not to be had. */
START_TEST(any_of_its_teids_may_name_it)
{
	struct made *m;

	put(with_teid("one", 1, TEID_MAKE(9, 0, 1)));
	m = with_teid("two", 2, TEID_MAKE(9, 0, 2));
	more_pdrs(m, 3);
	m->pdr[2].far = 1;
	m->pdr[2].teid = TEID_MAKE(700, 1, 2);
	ck_assert_uint_eq(put(m), 700);
}
END_TEST

/* A worker that is still busy with a burst for 20 ms. */
static void *busy_worker(void *arg)
{
	rte_delay_us_sleep(20000);
	while (!__atomic_load_n((bool *)arg, __ATOMIC_RELAXED))
		rte_rcu_qsbr_quiescent(rcu_qsbr, 1);
	rte_rcu_qsbr_thread_offline(rcu_qsbr, 1);
	return NULL;
}

/* Without URRs: what they counted to the last would be waited for when it is deleted. */
static struct made *unmeasured(struct made *m)
{
	m->cfg.urrs.count = 0;
	for (uint32_t i = 0; i < m->cfg.pdrs.count; i++)
		m->pdr[i].urrs.count = 0;
	return m;
}

/* Deleted and put again at once: its grace period is waited for. */
START_TEST(a_session_that_comes_back_has_its_index_again)
{
	uint32_t teid = TEID_MAKE(9, 0, 1), index = put(unmeasured(with_teid("one", 1, teid)));
	struct session_change *c;
	bool done = false;
	pthread_t worker;
	int rc;

	rte_rcu_qsbr_thread_register(rcu_qsbr, 1);
	rte_rcu_qsbr_thread_online(rcu_qsbr, 1);
	ck_assert_int_eq(session_prepare_delete(index, &c, &rig_err), 1);
	session_commit(&c, 1);
	rc = index_take_named(index);
	ck_assert_int_eq(rc, -EBUSY);
	ck_assert_int_eq(pthread_create(&worker, NULL, busy_worker, &done), 0);
	ck_assert_uint_eq(put(with_teid("again", 1, teid)), index);
	rc = index_take_named(index);
	ck_assert_int_eq(rc, -EEXIST);
	__atomic_store_n(&done, true, __ATOMIC_RELAXED);
	pthread_join(worker, NULL);
	rte_rcu_qsbr_thread_unregister(rcu_qsbr, 1);
	ck_assert_uint_eq(line_key(index), rte_cpu_to_be_32(teid));
}
END_TEST

START_TEST(one_that_was_refused_gives_its_index_back)
{
	struct usage before;
	struct made *m;

	put(simple("other", 1));
	put(with_teid("high", 3, TEID_MAKE(50, 0, 1)));
	before = usage();
	m = with_teid("one", 1, TEID_MAKE(40, 0, 1)); /* the other's address */
	ck_assert_int_eq(try_put(m), -1);
	ck_assert_usage(before);
	ck_assert_uint_eq(put(with_teid("one", 2, TEID_MAKE(40, 0, 1))), 40);
}
END_TEST

/* Named and not, taken and given in any order: each index is one session's at most, and all can be
 * had. */
START_TEST(indices_are_neither_lost_nor_given_twice)
{
	enum { MOST = 12000 };
	static uint8_t taken[LIMIT_SESSIONS + 1];
	static uint32_t held[MOST];
	uint32_t n = 0, index;

	put(simple("start", 1)); /* starts the user plane */
	drop(session_find("start"));
	srandom(1);
	for (uint32_t round = 0; round < 60000; round++) {
		uint32_t what = random() % 3, want = 1 + random() % (2 * MOST);
		int rc = 0;

		if (what == 0 && n > 0) {
			uint32_t at = random() % n;

			index_give(held[at]);
			taken[held[at]] = 0;
			held[at] = held[--n];
			continue;
		}
		if (n == MOST)
			continue;
		if (what == 1) {
			rc = index_take_named(want);
			ck_assert_int_eq(rc, taken[want] ? -EBUSY : 0);
			index = want;
		} else {
			ck_assert_int_eq(index_take(&index), 0);
		}
		if (rc != 0)
			continue;
		ck_assert_uint_eq(taken[index], 0);
		taken[index] = 1;
		held[n++] = index;
	}
	ck_assert_uint_eq(index_count(), n);
	while (index_take(&index) == 0) {
		ck_assert_uint_eq(taken[index], 0);
		taken[index] = 1;
		n++;
	}
	ck_assert_uint_eq(n, LIMIT_SESSIONS);
	for (index = 1; index <= LIMIT_SESSIONS; index++)
		index_give(index);
	memset(taken, 0, sizeof(taken));
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("index");

	session_rig_eal();
	tcase_add_checked_fixture(tc, session_rig_start, session_rig_stop);
	tcase_add_test(tc, a_teid_that_names_a_free_index_gets_it);
	tcase_add_test(tc, the_last_index_can_be_named);
	tcase_add_test(tc, a_teid_that_names_none_is_as_good);
	tcase_add_test(tc, an_index_that_is_taken_stays_with_its_session);
	tcase_add_test(tc, any_of_its_teids_may_name_it);
	tcase_add_test(tc, a_session_that_comes_back_has_its_index_again);
	tcase_add_test(tc, one_that_was_refused_gives_its_index_back);
	tcase_add_test(tc, indices_are_neither_lost_nor_given_twice);
	return table_run("session_index", tc, 120);
}
