/* SPDX-License-Identifier: BSD-3-Clause */
/* Micro benchmark of sessions on the main thread, without JSON: what a million take (two PDRs, two
 * FARs, a QER, a URR each), and how long puts, answers, handovers and deletions are. Run by hand:
 * micro_session [SESSIONS]; prints one JSON object. Fails when a session takes more than 512 bytes
 * or the process more than 1 GiB (its ports' buffers aside: it has none). */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../tests/unit/session_rig.h"
#include "rcu.h"

#define BATCH 1000

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t); /* others share the CPU */
	return t.tv_sec + t.tv_nsec / 1e9;
}

static uint64_t rss_bytes(void)
{
	unsigned long size, resident = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (f == NULL || fscanf(f, "%lu %lu", &size, &resident) != 2)
		resident = 0;
	if (f != NULL)
		fclose(f);
	return (uint64_t)resident * sysconf(_SC_PAGESIZE);
}

static struct session_change *batch[BATCH];

static void fail(const char *what, uint32_t i)
{
	fprintf(stderr, "micro_session: %s, session %u: %s\n", what, i, rig_err.message);
	exit(EXIT_FAILURE);
}

/* Seconds that it takes to put all of them, a transaction each BATCH; teid: of their gNB, so that
 * another one is a handover. */
static double put_all(uint32_t sessions, uint32_t teid)
{
	double spent = 0, start;
	char name[32];

	for (uint32_t i = 0, n = 0; i < sessions; i++) {
		snprintf(name, sizeof(name), "imsi-%011u", i);
		struct made *m = simple(name, i + 1);

		m->far[1].outer_header.teid += teid;
		start = now_s();
		if (session_prepare(&m->cfg, &batch[n++], &rig_err) != 1)
			fail("put", i);
		if (n == BATCH || i + 1 == sessions) {
			session_commit(batch, n);
			rcu_reclaim(false);
			n = 0;
		}
		spent += now_s() - start;
	}
	return spent;
}

static double get_all(uint32_t sessions)
{
	uint32_t index[BATCH], n, seen = 0;
	struct api_session out;
	uint64_t cursor = 0;
	double start = now_s();

	do {
		n = session_iterate(&cursor, index, BATCH);
		for (uint32_t i = 0; i < n; i++)
			seen += session_get(index[i], &out) && out.pdrs.count == 2;
	} while (cursor != 0);
	if (seen != sessions)
		fail("get", seen);
	return now_s() - start;
}

static double delete_all(uint32_t sessions)
{
	double start = now_s();
	char name[32];

	for (uint32_t i = 0, n = 0; i < sessions; i++) {
		snprintf(name, sizeof(name), "imsi-%011u", i);
		if (session_prepare_delete(session_find(name), &batch[n++], &rig_err) != 1)
			fail("delete", i);
		if (n == BATCH || i + 1 == sessions) {
			session_commit(batch, n);
			rcu_reclaim(false);
			n = 0;
		}
	}
	return now_s() - start;
}

int main(int argc, char **argv)
{
	uint32_t sessions = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000000;

	if (sessions == 0 || sessions > LIMIT_SESSIONS)
		return EXIT_FAILURE;
	session_rig_eal();
	session_rig_switch();
	uint64_t before = rss_bytes();

	session_rig_objects();
	uint64_t started = rss_bytes();
	double put_s = put_all(sessions, 0);
	uint64_t full = rss_bytes(), counted = session_memory_bytes();
	double get_s = get_all(sessions);
	double change_s = put_all(sessions, 5000000);
	uint64_t changed = rss_bytes();
	double delete_s = delete_all(sessions);

	rcu_reclaim(true);
	printf("{\"sessions\": %u, \"switch_rss\": %" PRIu64 ", \"upf_started_rss\": %" PRIu64
	       ", \"full_rss\": %" PRIu64 ", \"after_changes_rss\": %" PRIu64
	       ", \"bytes_a_session\": %.1f, \"rss_a_session\": %.1f, \"put_us\": %.2f, "
	       "\"get_us\": "
	       "%.2f, \"change_us\": %.2f, \"delete_us\": %.2f, \"bytes_left\": %" PRIu64 "}\n",
		sessions, before, started - before, full, changed, (double)counted / sessions,
		(double)(full - started) / sessions, put_s * 1e6 / sessions, get_s * 1e6 / sessions,
		change_s * 1e6 / sessions, delete_s * 1e6 / sessions, session_memory_bytes());
	session_rig_stop();
	return counted <= 512ull * sessions && changed < 1ull << 30 ? EXIT_SUCCESS : EXIT_FAILURE;
}
