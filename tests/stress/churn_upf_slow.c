/* SPDX-License-Identifier: BSD-3-Clause */
/* Workers that stop for a while in the midst of a burst, as a hypervisor makes them: between the
 * moment a packet's session is looked up and the moment it is acted upon, and again before its
 * header is written. Stands in for these functions (the linker's --wrap); owns nothing. What the
 * main thread frees or changes meanwhile without waiting for the worker shows. */
#include <rte_cycles.h>
#include <unistd.h>

#include "session_batch.h"
#include "stages.h"

#define ONE_IN	16
#define LONGEST 400 /* microseconds */

__typeof__(session_batch_up) __real_session_batch_up, __wrap_session_batch_up;
__typeof__(session_batch_down) __real_session_batch_down, __wrap_session_batch_down;
__typeof__(rules_classify) __real_rules_classify, __wrap_rules_classify;
__typeof__(gtpu_out_run) __real_gtpu_out_run, __wrap_gtpu_out_run;

static void stop(uint32_t packets)
{
	uint32_t random = (uint32_t)rte_rdtsc() * 2654435761u >> 8;

	if (packets > 0 && random % ONE_IN == 0)
		usleep(random / ONE_IN % LONGEST);
}

void __wrap_session_batch_up(struct worker *w, struct burst *b, struct session_batch *x)
{
	stop(x->n);
	__real_session_batch_up(w, b, x);
}

void __wrap_session_batch_down(struct worker *w, struct burst *b, struct session_batch *x)
{
	stop(x->n);
	__real_session_batch_down(w, b, x);
}

void __wrap_rules_classify(const struct rules *const *rules, const struct flow_key *key, uint32_t n,
	struct rules_result *result)
{
	stop(n);
	__real_rules_classify(rules, key, n, result);
}

void __wrap_gtpu_out_run(struct worker *w, struct burst *b)
{
	stop(b->to_gtpus);
	__real_gtpu_out_run(w, b);
}
