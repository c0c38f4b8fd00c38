/* SPDX-License-Identifier: BSD-3-Clause */
/* The command line of sluice-dataplane, and the EAL arguments that follow from it. */
#ifndef DATAPLANE_OPTIONS_H
#define DATAPLANE_OPTIONS_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

#include "bounds.h"

#define EAL_ARGS_MAX 24

struct options {
	const char *socket;
	const char *file_prefix;
	const char *config;
	uint32_t workers;
	uint32_t cpu[LIMIT_WORKERS]; /* of each worker */
	uint32_t memory_mb;
	uint32_t burst; /* frames taken from a queue at once; 0: by the L1 cache */
	bool no_huge;
	bool nap;
	bool verbose;
};

/* 0 to go on; 1 when all was said (--help, --version); -1 after an error message. */
int options_parse(int argc, char **argv, struct options *opt);

/* Huge pages or not: when too few are free, opt->no_huge is set and the reason said. */
void options_choose_memory(struct options *opt);

/* The EAL's arguments, each from malloc(), which it may point into for ever; returns how many.
 * Worker i becomes lcore i + 1. */
int options_eal_args(const struct options *opt, char *argv[EAL_ARGS_MAX]);

#endif
