/* SPDX-License-Identifier: BSD-3-Clause */
/* One RCU domain for the whole box (rte_rcu_qsbr). Writer: the main thread. Readers: workers, which
 * report a quiescent state every loop and go offline while they nap. */
#ifndef CORE_RCU_H
#define CORE_RCU_H

#include <rte_rcu_qsbr.h>

extern struct rte_rcu_qsbr *rcu_qsbr;

/* 0 or -ENOMEM. Main thread, before any worker starts. */
int rcu_init(void);
void rcu_fini(void);

/* Returns once no reader can still hold what was unpublished before the call; yields the CPU while
 * it waits, since a worker may share it. Main thread only. */
void rcu_synchronize(void);

/* Runs fn(arg) after a grace period, from rcu_reclaim(). When memory is out, or much waits already,
 * it waits itself. Main only. */
void rcu_defer(void (*fn)(void *arg), void *arg);

/* Runs what has passed its grace period; called from the main loop. wait: wait for all of it. Main
 * only. */
void rcu_reclaim(bool wait);

#endif
