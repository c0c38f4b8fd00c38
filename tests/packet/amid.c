/* SPDX-License-Identifier: BSD-3-Clause */
/* Main and worker by turns (amid.h): main has a stack of its own. */
#include "amid.h"

#include <check.h>
#include <stdbool.h>
#include <ucontext.h>

#include "gtpu.h"
#include "hold.h"
#include "rcu.h"
#include "rules_hot.h"
#include "session_private.h"
#include "stages.h"

static char stack[4 << 20];
static ucontext_t worker_turn, main_turn;
static enum amid_place awaited;
static void (*to_do)(void);
static bool in_burst; /* main has its turn, the worker is not done */
static bool waits;    /* main does, for the burst to be over */

static void turn(enum amid_place here)
{
	if (here != awaited)
		return;
	awaited = AMID_NOWHERE;
	getcontext(&main_turn);
	main_turn.uc_stack.ss_sp = stack;
	main_turn.uc_stack.ss_size = sizeof(stack);
	main_turn.uc_link = &worker_turn;
	makecontext(&main_turn, to_do, 0);
	in_burst = true;
	swapcontext(&worker_turn, &main_turn);
	in_burst = false;
}

void amid(enum amid_place place, void (*what)(void))
{
	awaited = place;
	to_do = what;
}

void amid_over(void)
{
	awaited = AMID_NOWHERE;
	in_burst = false; /* main's turn was the one that failed */
	if (waits) {
		waits = false;
		swapcontext(&worker_turn, &main_turn);
	}
}

void amid_end(void)
{
	ck_assert_msg(awaited == AMID_NOWHERE, "no worker got to place %u", awaited);
	amid_over();
}

/* ---- stand-ins ---- */

__typeof__(rcu_synchronize) __real_rcu_synchronize, __wrap_rcu_synchronize;
__typeof__(gtpu_read) __real_gtpu_read, __wrap_gtpu_read;
__typeof__(rules_classify) __real_rules_classify, __wrap_rules_classify;
__typeof__(session_down_run) __real_session_down_run, __wrap_session_down_run;
__typeof__(hold_waits) __real_hold_waits, __wrap_hold_waits;
__typeof__(hold_back) __real_hold_back, __wrap_hold_back;
__typeof__(session_doors_commit) __real_session_doors_commit, __wrap_session_doors_commit;

/* The rig's worker is no RCU reader: without this the grace period would be over at once. */
void __wrap_rcu_synchronize(void)
{
	if (in_burst) {
		waits = true;
		swapcontext(&main_turn, &worker_turn);
	}
	__real_rcu_synchronize();
}

enum gtpu_error __wrap_gtpu_read(const uint8_t *bytes, size_t len, struct gtpu_header *out)
{
	turn(AMID_GTPU_READ);
	return __real_gtpu_read(bytes, len, out);
}

void __wrap_rules_classify(const struct rules *const *rules, const struct flow_key *key, uint32_t n,
	struct rules_result *result)
{
	turn(AMID_CLASSIFY);
	__real_rules_classify(rules, key, n, result);
}

void __wrap_session_down_run(struct worker *w, struct burst *b)
{
	turn(AMID_SESSION_DOWN);
	__real_session_down_run(w, b);
}

bool __wrap_hold_waits(struct worker *w, uint32_t session, const struct session_block **s)
{
	turn(AMID_HOLD_WAITS);
	return __real_hold_waits(w, session, s);
}

bool __wrap_hold_back(struct worker *w, struct burst *b, struct rte_mbuf *m, uint32_t session,
	const struct session_block *s, uint8_t group, uint8_t flags)
{
	turn(AMID_HOLD_BACK);
	return __real_hold_back(w, b, m, session, s, group, flags);
}

void __wrap_session_doors_commit(
	uint32_t session, const struct session_block *before, const struct session_block *after)
{
	if (awaited == AMID_COMMIT) {
		awaited = AMID_NOWHERE;
		to_do();
	}
	__real_session_doors_commit(session, before, after);
}
