/* SPDX-License-Identifier: BSD-3-Clause */
/* The configuration that test_churn.c changes under traffic. */
#ifndef TESTS_CHURN_H
#define TESTS_CHURN_H

#include "rig.h"

extern uint64_t churn_seed;
uint32_t churn_rnd(uint32_t below);

/* ---- churn_box.c ---- */

#define CHURN_WORKERS 2

extern uint64_t churn_first_seed; /* that replays all */
/* Seed (--seed N, or the time of day) and for how many seconds (STRESS_SECONDS, or this many). */
double churn_args(int argc, char **argv, double seconds);
/* Main, workers and this many lcores more, on the CPUs this process may use, round and round. */
void churn_box_start(uint32_t more);
/* With all ports closed. */
void churn_box_stop(void);

/* ---- churn_pause.c ---- */

/* From here on threads stand still now and then; started and stopped with the box. */
void churn_pauses_start(void);
void churn_pauses_stop(void);

/* ---- churn.c ---- */

/* The first topology: lan with tenants, wan with tunnels. */
void churn_begin(uint16_t lan, uint16_t wan);
/* Some change; what it needs to undo first, it undoes. */
void churn_step(void);
uint64_t churn_steps(void);
/* Deletes all but the ports. */
void churn_end(void);

/* Opens a port on a device and publishes it; closes it, and adds what it counted to the sums. */
uint16_t churn_open(const char *device);
void churn_close(uint16_t port);
extern uint64_t churn_rx, churn_tx; /* of closed ports */

#endif
