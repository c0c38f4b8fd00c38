/* SPDX-License-Identifier: BSD-3-Clause */
/* Takes the CPU from threads of this process at any instruction, as a busy machine does: one thread
 * at a time stands still for up to STRESS_PAUSES milliseconds (a signal's handler sleeps), and soon
 * after another does. What a thread may still do with what others have changed or freed meanwhile
 * shows. Owns the thread that does it. */
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "churn.h"

#define TARGETS 8

static pthread_t pauser;
static bool started, stopping;
static uint32_t longest_us, pause_us;
static uint64_t pauses;
static pid_t target[TARGETS];
static uint32_t targets;

static void sleep_us(uint32_t us)
{
	const struct timespec t = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000l};

	nanosleep(&t, NULL);
}

static void on_signal(int number)
{
	int saved = errno;

	(void)number;
	sleep_us(__atomic_load_n(&pause_us, __ATOMIC_RELAXED));
	errno = saved;
}

/* The main thread, and those of EAL that run something of the test. */
static void targets_find(void)
{
	DIR *tasks = opendir("/proc/self/task");
	struct dirent *entry;
	char path[64], name[32];

	RIG_CHECK(tasks != NULL, "no /proc");
	target[targets++] = getpid();
	while ((entry = readdir(tasks)) != NULL && targets < TARGETS) {
		pid_t tid = atoi(entry->d_name);

		snprintf(path, sizeof(path), "/proc/self/task/%d/comm", tid);
		FILE *f = tid > 0 ? fopen(path, "r") : NULL;

		if (f != NULL && fgets(name, sizeof(name), f) != NULL &&
			strstr(name, "worker") != NULL)
			target[targets++] = tid;
		if (f != NULL)
			fclose(f);
	}
	closedir(tasks);
	RIG_CHECK(targets > CHURN_WORKERS, "only %u threads found", targets);
}

static void *run(void *arg)
{
	unsigned seed = (unsigned)churn_first_seed;

	(void)arg;
	while (!__atomic_load_n(&stopping, __ATOMIC_RELAXED)) {
		pid_t tid = target[(uint32_t)rand_r(&seed) % targets];
		uint32_t us = (uint32_t)rand_r(&seed) % longest_us;

		__atomic_store_n(&pause_us, us, __ATOMIC_RELAXED);
		syscall(SYS_tgkill, getpid(), tid, SIGUSR1);
		pauses++;
		/* now and then two stand still at the same time */
		sleep_us((uint32_t)rand_r(&seed) % (us + us / 2 + 100));
	}
	return NULL;
}

void churn_pauses_start(void)
{
	const char *ms = getenv("STRESS_PAUSES");
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	sigset_t all, old;

	longest_us = ms != NULL ? (uint32_t)(atof(ms) * 1000) : 0;
	if (longest_us == 0)
		return;
	targets_find();
	sigaction(SIGUSR1, &action, NULL);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	started = pthread_create(&pauser, NULL, run, NULL) == 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	RIG_CHECK(started, "no thread");
}

void churn_pauses_stop(void)
{
	if (!started)
		return;
	__atomic_store_n(&stopping, true, __ATOMIC_RELAXED);
	pthread_join(pauser, NULL);
	started = false;
	printf("%lu pauses of up to %u ms\n", pauses, longest_us / 1000);
}
