/* SPDX-License-Identifier: BSD-3-Clause */
/* The clocks of POSIX in microseconds. */
#ifndef LIB_CLOCK_H
#define LIB_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t clock_us(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* Never goes back, whatever is done to the time of day; begins anywhere. */
static inline uint64_t clock_mono_us(void)
{
	return clock_us(CLOCK_MONOTONIC);
}

/* The time of day, since 1970. */
static inline int64_t clock_wall_us(void)
{
	return (int64_t)clock_us(CLOCK_REALTIME);
}

/* What this thread has taken of a CPU. */
static inline uint64_t clock_cpu_us(void)
{
	return clock_us(CLOCK_THREAD_CPUTIME_ID);
}

#endif
