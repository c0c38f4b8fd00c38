/* SPDX-License-Identifier: BSD-3-Clause */
/* What the mirror's objects cost: so many routes published to a real dataplane, whose socket is
 * given, beside the intents that they name. Prints a line of JSON;
 * tests/control/test_mirror_speed.py reads it. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <check.h>

#include "fake.h"
#include "fake_world.h"
#include "publisher.h"

#define BATCH 1000 /* calls at a turn of the loop */

static struct event_base *base;
static struct dataplane *dp, *kernel_dp;
static struct reconciler *rec;
static struct publisher *publisher;
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
	publisher_say(publisher, OBJECT_ROUTE, key, there ? text : NULL);
}

static void say_neighbor(int mac)
{
	char text[200];

	snprintf(text, sizeof(text),
		"{\"address\":\"198.18.0.9\",\"mac\":\"02:00:00:00:00:%02x\",\"port\":\"wan0\"}",
		mac);
	publisher_say(publisher, OBJECT_NEIGHBOR, "wan0 198.18.0.9", text);
}

struct saying {
	struct event *timer;
	int said;
	bool there;
	bool done;
	int other; /* the route that leads elsewhere; -1: none does */
};

static void on_say(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval at_once = {0, 0};
	struct saying *saying = arg;

	for (int i = 0; i < BATCH && saying->said < count; i++) {
		say_route(saying->said, saying->said == saying->other ? 3 : 2, saying->there);
		saying->said++;
	}
	saying->done = saying->said == count;
	if (!saying->done)
		evtimer_add(saying->timer, &at_once);
}

static void say_all(struct saying *saying, bool there, int other)
{
	*saying = (struct saying){.there = there, .other = other};
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

static struct mirror_counters published(void)
{
	struct mirror_counters c = {0};

	publisher_counters(publisher, &c);
	return c;
}

static bool seen;
static double seen_ms;
static const char *wanted_text;

static void on_object(const json_t *result, const json_t *error, void *arg)
{
	char *text = result ? json_dumps(result, 0) : NULL;

	*(bool *)arg = true;
	seen = text && strstr(text, wanted_text);
	seen_ms = now_ms();
	free(text);
}

/* Until the dataplane shows the object with that text in it. */
static void until_there(const char *type, const char *key, const char *text)
{
	wanted_text = text;
	for (seen = false; !seen;) {
		bool answered = false;

		ck_assert_int_eq(dataplane_call(kernel_dp, "get",
					 json_pack("{s:s, s:s}", "type", type, "key", key),
					 on_object, &answered),
			0);
		ck_assert(run_until(base, &answered, 60000));
	}
}

static void until_synced(void)
{
	double start = now_ms();

	while (!counters().synced || published().unsaid) {
		event_base_loop(base, EVLOOP_ONCE);
		ck_assert(now_ms() - start < 60000);
	}
}

/* What gave way is known when an answer to the publisher's connection has come, and is there again
 * when it is known to be. */
static void until_waiting(int waiting)
{
	double start = now_ms();

	until_synced();
	until_there("port", "wan0", "wan0");
	while (published().waiting != (uint32_t)waiting || published().refused) {
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
	kernel_dp = dataplane_open(base, path);
	dataplane_watch_as_kernel(kernel_dp);
	publisher = publisher_open(base, kernel_dp, 3600);
}

static void close_all(void)
{
	publisher_close(publisher);
	dataplane_close(kernel_dp);
	reconciler_stop(rec);
	dataplane_close(dp);
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

static double settled_ms;
static void settled(bool is, void *arg)
{
	seen = is;
	settled_ms = now_ms();
}

/* The slice with all its routes goes, comes, or gets another gateway; how long until the intent is
 * applied, and until the routes are as they should be. */
static void change_slice(const char *what, const char *gateway, int waiting)
{
	double start = now_ms();

	gap_taken();
	slice(gateway);
	seen = false;
	ck_assert_uint_ne(reconciler_wait(rec, 60000, settled, NULL), 0);
	ck_assert(run_until(base, &seen, 60000));
	ck_assert_uint_eq(counters().refused, 0);
	until_waiting(waiting);
	printf("\"%s_settled_ms\": %.0f, \"%s_ms\": %.0f, \"gap_%s_ms\": %.1f, ", what,
		settled_ms - start, what, now_ms() - start, what, gap_taken());
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

	say_all(&saying, there, -1);
	while (!saying.done)
		event_base_loop(base, EVLOOP_ONCE);
	printf("\"before_the_neighbor\": %u, ", published().unsaid);
	said = now_ms();
	say_neighbor(there ? 2 : 3);
	until_there(
		"neighbor", "wan0 198.18.0.9", there ? "02:00:00:00:00:02" : "02:00:00:00:00:03");
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
	uint32_t lists;
	size_t bytes;

	base = event_base_new();
	ticker = event_new(base, -1, EV_PERSIST, on_tick, NULL);
	open_all();
	intents();
	publisher_whole(publisher);
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
	until_waiting(0);

	ms = now_ms();
	say_route(count / 2, 3, true);
	{
		char key[64];

		snprintf(key, sizeof(key), "blue 10.%d.%d.%d/28", count / 2 >> 12,
			count / 2 >> 4 & 255, (count / 2 & 15) << 4);
		until_there("route", key, "198.18.1.3");
	}
	printf("\"one_ms\": %.2f, ", seen_ms - ms);
	until_synced();

	gap_taken();
	ms = now_ms();
	lists = published().lists;
	publisher_resync(publisher);
	while (published().lists == lists)
		event_base_loop(base, EVLOOP_ONCE);
	until_synced();
	printf("\"resync_ms\": %.0f, \"gap_resync_ms\": %.1f, \"drift\": %lu, ", now_ms() - ms,
		gap_taken(), published().drift_total);

	close_all();
	malloc_trim(0); /* the pieces of the old life are not the new one's to gather */
	open_all();
	reconciler_touch_all(rec);
	ms = now_ms();
	last_tick = own_ms();
	gap_taken();
	struct saying saying;
	say_all(&saying, true, count / 2);
	while (!saying.done || !published().lists)
		event_base_loop(base, EVLOOP_ONCE);
	say_neighbor(2);
	until_synced();
	publisher_whole(publisher);
	until_synced();
	printf("\"restart_ms\": %.0f, \"restart_transactions\": %lu, \"gap_restart_ms\": %.1f, ",
		now_ms() - ms, counters().transactions + published().transactions, gap_taken());
	event_free(saying.timer);

	change_slice("gateway", "198.18.1.4/24", 0);
	change_slice("gone", NULL, count);
	ck_assert_uint_eq(counters().actual, 2);
	change_slice("back", "198.18.1.1/24", 0);
	ck_assert_uint_eq(counters().actual, 5);

	ms = timed(false, &neighbor_ms);
	printf("\"delete_ms\": %.0f, \"neighbor_amid_delete_ms\": %.1f, \"gap_delete_ms\": %.1f}\n",
		ms, neighbor_ms, gap_taken());
	ck_assert_uint_eq(published().neighbors, 1);
	ck_assert_uint_eq(published().routes, 0);
	close_all();
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
