/* SPDX-License-Identifier: BSD-3-Clause */
/* The box's RCU domain. Owns the qsbr variable and the list of deferred work; main thread writes,
 * workers report. */
#include "rcu.h"

#include <errno.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/queue.h>

#define DEFERRED_MAX 256 /* what waits holds memory: a large transaction would run out of it */

struct rte_rcu_qsbr *rcu_qsbr;

struct deferred {
	STAILQ_ENTRY(deferred) next;
	uint64_t token;
	void (*fn)(void *arg);
	void *arg;
};

static STAILQ_HEAD(, deferred) deferred = STAILQ_HEAD_INITIALIZER(deferred);
static uint32_t deferred_count;

int rcu_init(void)
{
	rcu_qsbr = rte_zmalloc("rcu", rte_rcu_qsbr_get_memsize(RTE_MAX_LCORE), RTE_CACHE_LINE_SIZE);
	if (rcu_qsbr == NULL)
		return -ENOMEM;
	return rte_rcu_qsbr_init(rcu_qsbr, RTE_MAX_LCORE) == 0 ? 0 : -EINVAL;
}

void rcu_fini(void)
{
	rcu_reclaim(true);
	rte_free(rcu_qsbr);
	rcu_qsbr = NULL;
}

void rcu_synchronize(void)
{
	uint64_t token = rte_rcu_qsbr_start(rcu_qsbr);

	for (unsigned spins = 0; rte_rcu_qsbr_check(rcu_qsbr, token, false) == 0; spins++)
		if (spins > 1000)
			sched_yield();
		else
			rte_pause();
}

void rcu_defer(void (*fn)(void *arg), void *arg)
{
	struct deferred *d;

	if (deferred_count >= DEFERRED_MAX)
		rcu_reclaim(true);
	d = malloc(sizeof(*d));
	if (d == NULL) {
		rcu_synchronize();
		fn(arg);
		return;
	}
	*d = (struct deferred){.token = rte_rcu_qsbr_start(rcu_qsbr), .fn = fn, .arg = arg};
	STAILQ_INSERT_TAIL(&deferred, d, next);
	deferred_count++;
}

void rcu_reclaim(bool wait)
{
	struct deferred *d;

	while ((d = STAILQ_FIRST(&deferred)) != NULL) {
		if (rte_rcu_qsbr_check(rcu_qsbr, d->token, false) == 0) {
			if (!wait)
				return;
			rcu_synchronize();
		}
		STAILQ_REMOVE_HEAD(&deferred, next);
		deferred_count--;
		d->fn(d->arg);
		free(d);
	}
}
