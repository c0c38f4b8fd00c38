/* SPDX-License-Identifier: BSD-3-Clause */
/* What the churn tests have in common: their arguments, a box with real workers, and its end. */
#include <rte_lcore.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "box.h"
#include "churn.h"
#include "port.h"
#include "rcu.h"
#include "switch.h"
#include "worker.h"

uint64_t churn_first_seed;

void rig_failed(const char *fmt, ...)
{
	uint64_t drops[DROP_REASONS];
	va_list args;

	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fprintf(stderr, "\nseed %lu; dropped:", churn_first_seed);
	box_drops_read(drops);
	for (uint32_t r = 0; r < DROP_REASONS; r++)
		if (drops[r] > 0)
			fprintf(stderr, " %s %lu", drop_info[r].name, drops[r]);
	fprintf(stderr, "\n");
	abort();
}

double churn_args(int argc, char **argv, double seconds)
{
	const char *want = getenv("STRESS_SECONDS");

	churn_first_seed = argc > 2 && strcmp(argv[1], "--seed") == 0 ? strtoull(argv[2], NULL, 0)
								      : (uint64_t)time(NULL);
	churn_seed = churn_first_seed * 0x9e3779b97f4a7c15ull | 1;
	return want != NULL ? atof(want) : seconds;
}

void churn_box_start(uint32_t more)
{
	unsigned lcores[CHURN_WORKERS];
	char text[128] = "";
	int cpus[64], n = 0;
	cpu_set_t set;

	sched_getaffinity(0, sizeof(set), &set);
	for (int c = 0; c < CPU_SETSIZE && n < 64; c++)
		if (CPU_ISSET(c, &set))
			cpus[n++] = c;
	for (uint32_t i = 0; i <= CHURN_WORKERS + more; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%u@%d", i ? "," : "",
			i, cpus[i % n]);
	for (int i = 0; i < CHURN_WORKERS; i++)
		lcores[i] = i + 1;
	rig_eal(text);
	RIG_CHECK(
		rcu_init() == 0 && port_init(CHURN_WORKERS) == 0 && switch_init(CHURN_WORKERS) == 0,
		"no memory for the tables");
	worker_set_burst(0);
	RIG_CHECK(worker_start(lcores, CHURN_WORKERS, IDLE_NAP, &switch_pipeline) == 0,
		"the workers do not start");
	churn_pauses_start();
}

void churn_box_stop(void)
{
	churn_pauses_stop();
	port_fini();
	rcu_reclaim(true);
	worker_stop();
	port_free_pools();
	switch_fini();
	rcu_fini();
}
