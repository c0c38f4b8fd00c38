/* SPDX-License-Identifier: BSD-3-Clause */
/* Who waits until what was touched so far is applied or refused. Owns the waiters. */
#include <stdlib.h>

#include "reconciler.h"

static void waiter_free(struct reconciler *rec, struct waiter *waiter)
{
	TAILQ_REMOVE(&rec->waiters, waiter, link);
	if (waiter->timer)
		event_free(waiter->timer);
	free(waiter);
}

static void waiter_done(struct reconciler *rec, struct waiter *waiter, bool settled)
{
	void (*done)(bool settled, void *arg) = waiter->done;
	void *arg = waiter->arg;

	waiter_free(rec, waiter);
	done(settled, arg);
}

static void on_timeout(evutil_socket_t fd, short what, void *arg)
{
	struct waiter *waiter = arg;

	waiter_done(waiter->rec, waiter, false);
}

uint64_t reconciler_wait(struct reconciler *rec, uint32_t timeout_ms,
	void (*done)(bool settled, void *arg), void *arg)
{
	struct timeval tv = {timeout_ms / 1000, timeout_ms % 1000 * 1000};
	struct waiter *waiter = calloc(1, sizeof(*waiter));

	if (!waiter)
		return 0;
	*waiter = (struct waiter){.rec = rec, .seq = rec->seq, .done = done, .arg = arg};
	TAILQ_INSERT_TAIL(&rec->waiters, waiter, link);
	waiter->timer = evtimer_new(rec->base, on_timeout, waiter);
	if (!waiter->timer || evtimer_add(waiter->timer, &tv)) {
		waiter_free(rec, waiter);
		return 0;
	}
	waiter->number = ++rec->last_waiter;
	reconcile_work(rec);
	return waiter->number;
}

void reconciler_wait_cancel(struct reconciler *rec, uint64_t number)
{
	struct waiter *waiter;

	TAILQ_FOREACH (waiter, &rec->waiters, link) {
		if (waiter->number != number)
			continue;
		waiter_free(rec, waiter);
		return;
	}
}

/* done() may touch intents, wait again or cancel others: from the front each time. */
void wait_check(struct reconciler *rec)
{
	struct waiter *waiter;

	do {
		const struct owner *first = TAILQ_FIRST(&rec->unsettled);

		TAILQ_FOREACH (waiter, &rec->waiters, link)
			if (!first || first->seq > waiter->seq)
				break;
		if (waiter)
			waiter_done(rec, waiter, true);
	} while (waiter);
}

void wait_free(struct reconciler *rec)
{
	while (!TAILQ_EMPTY(&rec->waiters))
		waiter_free(rec, TAILQ_FIRST(&rec->waiters));
}
