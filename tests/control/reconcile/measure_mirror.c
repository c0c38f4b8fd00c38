/* SPDX-License-Identifier: BSD-3-Clause */
/* What the mirror's objects cost: so many routes through the reconciler into a real dataplane,
 * whose socket is given. Prints a line of JSON; tests/control/test_mirror_speed.py reads it. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <check.h>

#include "fake.h"
#include "fake_world.h"

#define BATCH 1000 /* calls at a turn of the loop */

static struct event_base *base;
static struct dataplane *dp;
static struct reconciler *rec;
static int count;
static const char *path;

static double now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e3 + ts.tv_nsec / 1e6;
}

/* ---- how long the loop works without a break, in its own time: others use the CPU, too ---- */

static double own_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec * 1e3 + ts.tv_nsec / 1e6;
}

static double last_tick, gap_most;

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	double now = own_ms();

	if (now - last_tick > gap_most)
		gap_most = now - last_tick;
	last_tick = now;
}

static double gap_taken(void)
{
	double gap = gap_most;

	gap_most = 0;
	return gap;
}

/* ---- what is said ---- */

static void say_route(int number, int last, bool there)
{
	char key[64], text[200];

	snprintf(key, sizeof(key), "blue 10.%d.%d.%d/28", number >> 12, number >> 4 & 255,
		(number & 15) << 4);
	snprintf(text, sizeof(text),
		"{\"prefix\":\"%s\",\"table\":\"blue\",\"via\":[{\"address\":\"198.18.1.%d\","
		"\"attachment\":\"blue:lan0\",\"weight\":1}]}",
		key + 5, last);
	ck_assert(reconciler_mirror(rec, OBJECT_ROUTE, key, there ? text : NULL) == 0);
}

static void say_neighbor(int mac)
{
	char text[200];

	snprintf(text, sizeof(text),
		"{\"address\":\"198.18.0.9\",\"mac\":\"02:00:00:00:00:%02x\",\"port\":\"wan0\"}",
		mac);
	ck_assert(reconciler_mirror(rec, OBJECT_NEIGHBOR, "wan0 198.18.0.9", text) == 0);
}

struct saying {
	struct event *timer;
	int said;
	bool there;
	bool done;
};

static void on_say(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval at_once = {0, 0};
	struct saying *saying = arg;

	for (int i = 0; i < BATCH && saying->said < count; i++)
		say_route(saying->said++, 2, saying->there);
	saying->done = saying->said == count;
	if (!saying->done)
		evtimer_add(saying->timer, &at_once);
}

static void say_all(struct saying *saying, bool there)
{
	*saying = (struct saying){.there = there};
	saying->timer = evtimer_new(base, on_say, saying);
	on_say(-1, 0, saying);
}

/* ---- waiting ---- */

static struct reconcile_counters counters(void)
{
	struct reconcile_counters c;

	reconciler_counters(rec, &c);
	return c;
}

static uint64_t generation;
static enum object_type watched;
static bool seen;
static double seen_ms;

static void on_applied(void *arg)
{
	if (seen || reconciler_generation(rec, watched) == generation)
		return;
	seen = true;
	seen_ms = now_ms();
}

static void watch(enum object_type type)
{
	watched = type;
	generation = reconciler_generation(rec, type);
	seen = false;
}

static void until_seen(void)
{
	ck_assert(run_until(base, &seen, 60000));
}

static void until_synced(void)
{
	double start = now_ms();

	while (!counters().synced) {
		event_base_loop(base, EVLOOP_ONCE);
		ck_assert(now_ms() - start < 60000);
	}
}

/* ---- what is measured ---- */

static void open_all(void)
{
	const struct reconcile_config config = {.site = "gj", .resync_s = 3600};

	dp = dataplane_open(base, path);
	rec = reconciler_start(base, NULL, dp, &config);
	reconciler_mirror_ready(rec, false);
	reconciler_on_applied(rec, on_applied, NULL);
}

static void slice(const char *gateway)
{
	char spec[512];

	snprintf(spec, sizeof(spec),
		"{\"slice\":[{\"name\":\"blue\",\"vni\":100,\"kind\":\"l3\"}],\"attachment\":[{"
		"\"name\":\"blue:lan0\",\"slice\":\"blue\",\"port\":\"lan0\"}],\"address\":[{"
		"\"attachment\":\"blue:lan0\",\"prefix\":\"%s\"}]}",
		gateway);
	fake_intent(rec, INTENT_SLICE, "blue", gateway ? spec : NULL);
}

static void settled(bool is, void *arg)
{
	seen = is;
	seen_ms = now_ms();
}

/* The slice with all its routes goes, comes, or gets another gateway; how long until the intent is
 * applied, and until the routes are as they should be. */
static void change_slice(const char *what, const char *gateway)
{
	double start = now_ms();

	gap_taken();
	slice(gateway);
	seen = false;
	ck_assert_uint_ne(reconciler_wait(rec, 60000, settled, NULL), 0);
	until_seen();
	ck_assert_uint_eq(counters().refused, 0);
	until_synced();
	printf("\"%s_settled_ms\": %.0f, \"%s_ms\": %.0f, \"gap_%s_ms\": %.1f, ", what,
		seen_ms - start, what, now_ms() - start, what, gap_taken());
	ck_assert_uint_eq(counters().mirrored_refused, 0);
}

static void intents(void)
{
	fake_intent(rec, INTENT_SITE, "gj",
		"{\"port\":[{\"name\":\"lan0\",\"device\":\"net_null0,no-rx=1\"},{\"name\":"
		"\"wan0\","
		"\"device\":\"net_null1,no-rx=1\"}]}");
	slice("198.18.1.1/24");
	until_synced();
	ck_assert(counters().refused == 0);
}

static double timed(bool there, double *neighbor_ms)
{
	struct saying saying;
	double start = now_ms(), said;

	say_all(&saying, there);
	while (!saying.done || !counters().transactions)
		event_base_loop(base, EVLOOP_ONCE);
	watch(OBJECT_NEIGHBOR);
	printf("\"before_the_neighbor\": %u, ", counters().differing);
	said = now_ms();
	say_neighbor(there ? 2 : 3);
	until_seen();
	*neighbor_ms = seen_ms - said;
	until_synced();
	event_free(saying.timer);
	return now_ms() - start;
}

START_TEST(routes_go_to_a_real_dataplane)
{
	static const struct timeval tick = {0, 1000};
	struct event *ticker;
	double ms, neighbor_ms;
	size_t bytes;

	base = event_base_new();
	ticker = event_new(base, -1, EV_PERSIST, on_tick, NULL);
	open_all();
	intents();
	reconciler_mirror_ready(rec, true);
	say_neighbor(1);
	while (counters().resyncs < 2) /* the second look is over, and its lists are gone */
		event_base_loop(base, EVLOOP_ONCE);
	until_synced();
	bytes = mallinfo2().uordblks;
	last_tick = own_ms();
	event_add(ticker, &tick);

	printf("{");
	ms = timed(true, &neighbor_ms);
	malloc_trim(0);
	printf("\"put_ms\": %.0f, \"neighbor_amid_put_ms\": %.1f, \"gap_put_ms\": %.1f, "
	       "\"bytes_a_route\": %zu, ",
		ms, neighbor_ms, gap_taken(), (mallinfo2().uordblks - bytes) / count);
	ck_assert(counters().actual == (uint32_t)count + 6);

	watch(OBJECT_ROUTE);
	ms = now_ms();
	say_route(count / 2, 3, true);
	until_seen();
	printf("\"one_ms\": %.2f, ", seen_ms - ms);
	until_synced();

	gap_taken();
	ms = now_ms();
	generation = counters().resyncs;
	reconciler_resync(rec);
	while (counters().resyncs == generation)
		event_base_loop(base, EVLOOP_ONCE);
	until_synced();
	printf("\"resync_ms\": %.0f, \"gap_resync_ms\": %.1f, \"drift\": %lu, ", now_ms() - ms,
		gap_taken(), counters().drift_total);

	reconciler_stop(rec);
	dataplane_close(dp);
	malloc_trim(0); /* the pieces of the old life are not the new one's to gather */
	open_all();
	reconciler_touch_all(rec);
	ms = now_ms();
	last_tick = own_ms();
	gap_taken();
	struct saying saying;
	say_all(&saying, true);
	while (!saying.done || !counters().resyncs)
		event_base_loop(base, EVLOOP_ONCE);
	say_route(count / 2, 3, true);
	say_neighbor(2);
	until_synced();
	reconciler_mirror_ready(rec, true);
	until_synced();
	printf("\"restart_ms\": %.0f, \"restart_transactions\": %lu, \"gap_restart_ms\": %.1f, ",
		now_ms() - ms, counters().transactions, gap_taken());
	event_free(saying.timer);

	change_slice("gateway", "198.18.1.4/24");
	ck_assert_uint_eq(counters().actual, (uint32_t)count + 6);
	change_slice("gone", NULL);
	ck_assert_uint_eq(counters().actual, 3);
	ck_assert_uint_eq(counters().mirrored_waiting, (uint32_t)count);
	change_slice("back", "198.18.1.1/24");
	ck_assert_uint_eq(counters().actual, (uint32_t)count + 6);

	ms = timed(false, &neighbor_ms);
	printf("\"delete_ms\": %.0f, \"neighbor_amid_delete_ms\": %.1f, \"gap_delete_ms\": %.1f}\n",
		ms, neighbor_ms, gap_taken());
	ck_assert(counters().actual == 6);
	reconciler_stop(rec);
	dataplane_close(dp);
	event_free(ticker);
	event_base_free(base);
	fake_world_clear();
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("measure_mirror");
	TCase *tcase = tcase_create("one");
	SRunner *runner = srunner_create(suite);
	int failed;

	mallopt(M_MXFAST, 0); /* as control's main */
	path = argv[1];
	count = argc > 2 ? atoi(argv[2]) : 100000;
	tcase_add_test(tcase, routes_go_to_a_real_dataplane);
	suite_add_tcase(suite, tcase);
	srunner_set_fork_status(runner, CK_NOFORK);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
