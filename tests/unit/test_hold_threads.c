/* SPDX-License-Identifier: BSD-3-Clause */
/* Held packets with two workers that are threads, while the main thread puts, changes and deletes
 * sessions at random: a worker's packets of a session leave in the order they came, none goes to a
 * tunnel after its end marker, and all are found again. */
#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "hold_fakes.h"
#include "rcu.h"

#define WORKERS	 2
#define SESSIONS 48
#define TEIDS	 (1u << 16)
#define CHANGES	 2000
#define SECONDS	 30 /* at most */

static bool stop;
static uint32_t next_seq[WORKERS][SESSIONS + 1], last_seq[WORKERS][SESSIONS + 1];
static uint64_t sent[WORKERS], came[WORKERS], misordered, late, markers;
static uint8_t *ended; /* [TEIDS] an end marker has left */

/* On the worker's thread. */
static void on_left(uint32_t worker, const struct left *l)
{
	if (l->marker) {
		__atomic_store_n(&ended[l->teid], 1, __ATOMIC_SEQ_CST);
		__atomic_fetch_add(&markers, 1, __ATOMIC_RELAXED);
		return;
	}
	sent[worker]++;
	uint32_t *last = &last_seq[worker][l->stamp.session];

	if (l->stamp.worker != worker || l->stamp.seq <= *last)
		__atomic_fetch_add(&misordered, 1, __ATOMIC_RELAXED);
	*last = l->stamp.seq;
	if (__atomic_load_n(&ended[l->teid], __ATOMIC_SEQ_CST))
		__atomic_fetch_add(&late, 1, __ATOMIC_RELAXED);
}

static uint32_t rnd(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

static void *worker_thread(void *arg)
{
	uint32_t id = (uintptr_t)arg, seed = 77 + id;

	rte_rcu_qsbr_thread_register(rcu_qsbr, id);
	rte_rcu_qsbr_thread_online(rcu_qsbr, id);
	for (uint32_t loop = 0; !__atomic_load_n(&stop, __ATOMIC_RELAXED); loop++) {
		if (loop % 64 == 0)
			fake_tick(id);
		for (uint32_t i = rnd(&seed) % 8; i > 0; i--) {
			uint32_t session = 1 + rnd(&seed) % SESSIONS;

			came[id] += fake_packet(id, session, ++next_seq[id][session]);
		}
		rte_rcu_qsbr_quiescent(rcu_qsbr, id);
		if (loop % 256 == 0)
			sched_yield();
	}
	rte_rcu_qsbr_thread_offline(rcu_qsbr, id);
	rte_rcu_qsbr_thread_unregister(rcu_qsbr, id);
	return NULL;
}

/* What the sessions are now, for the writer. */
static struct {
	uint32_t teid; /* that its FAR names */
	bool there;
} now[SESSIONS + 1];
static uint32_t next_teid = 1;

static void change_one(struct fake_change *c, uint32_t session, uint32_t *seed)
{
	uint32_t what = rnd(seed) % 16, old = now[session].there ? now[session].teid : 0;

	if (what == 0 && now[session].there) {
		fake_prepare(c, session, ACT_GATE, 0, 0, 0);
		now[session].there = false;
		return;
	}
	now[session].there = true;
	if (what < 7) /* keeps the tunnel it had */
		fake_prepare(c, session, ACT_HOLD, ACT_NOTIFY, now[session].teid, 0);
	else if (what < 9)
		fake_prepare(c, session, ACT_DROP, 0, now[session].teid, 0);
	else {
		now[session].teid = next_teid++;
		fake_prepare(c, session, ACT_GTPU, 0, now[session].teid, old);
	}
}

static uint32_t change_some(uint32_t *seed)
{
	struct fake_change c[8];
	uint32_t n = 0, session = 1 + rnd(seed) % SESSIONS;

	for (uint32_t i = 1 + rnd(seed) % 8; i > 0; i--) {
		session = session % SESSIONS + 1;
		if (!hold_busy(session))
			change_one(&c[n++], session, seed);
	}
	fake_commit(c, n);
	return n;
}

START_TEST(hold_keeps_order_while_sessions_change_under_two_workers)
{
	pthread_t thread[WORKERS];
	uint32_t seed = 4711, changes = 0;

	ended = calloc(TEIDS, 1);
	fake_start(WORKERS, 65535);
	fake.on_left = on_left;
	fake.has_bar = true;
	fake.bar.packets = 512;
	for (uintptr_t i = 0; i < WORKERS; i++)
		ck_assert_int_eq(pthread_create(&thread[i], NULL, worker_thread, (void *)i), 0);
	uint64_t end = rte_rdtsc() + SECONDS * rte_get_tsc_hz();

	while (changes < CHANGES && rte_rdtsc() < end) {
		changes += change_some(&seed);
		if (rnd(&seed) % 4 == 0)
			rte_delay_us_sleep(rnd(&seed) % 500);
		if (rnd(&seed) % 2 == 0)
			hold_poll();
		rcu_reclaim(false);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (int i = 0; i < WORKERS; i++)
		pthread_join(thread[i], NULL);
	fake_settle();
	uint64_t drops = fake_drops(DROP_HOLD_FULL) + fake_drops(DROP_HOLD_NO_ROOM) +
			 fake_drops(DROP_HOLD_DROPPED) + fake_drops(DROP_FAR_DROP) +
			 fake_drops(DROP_SESSION_GONE);

	printf("%u changes, %lu packets, %lu sent, %lu dropped when held, %lu full, %lu no room, "
	       "%u held, %lu markers, %u events\n",
		changes, came[0] + came[1], sent[0] + sent[1], fake_drops(DROP_HOLD_DROPPED),
		fake_drops(DROP_HOLD_FULL), fake_drops(DROP_HOLD_NO_ROOM), hold_total(), markers,
		fake.events);
	ck_assert_uint_gt(markers, 10);
	ck_assert_uint_eq(misordered, 0);
	ck_assert_uint_eq(late, 0);
	ck_assert_uint_eq(came[0] + came[1], sent[0] + sent[1] + drops + hold_total());
	for (uint32_t s = 1; s <= SESSIONS; s++)
		if (session_block[s] != NULL)
			ck_assert_uint_eq(
				session_block[s]->flags & (SESSION_FLUSHING | SESSION_RETURNED), 0);
	fake_stop();
	free(ended);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("hold_threads");
	TCase *tc = tcase_create("hold_threads");

	fake_eal();
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, hold_keeps_order_while_sessions_change_under_two_workers);
	suite_add_tcase(suite, tc);
	SRunner *runner = srunner_create(suite);

	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);

	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
