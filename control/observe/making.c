/* SPDX-License-Identifier: BSD-3-Clause */
/* Answers that are made a bit at a time (making.h). Owns what is being made, and who waits for
 * it. One of them has its turn at a turn of the loop. */
#include "making.h"

#include <bsd/sys/queue.h>
#include <stdlib.h>
#include <time.h>

#include "control.h"
#include "view.h"

struct waiter {
	LIST_ENTRY(waiter) entry;
	struct making *making;
	struct request *r;
};

struct making {
	TAILQ_ENTRY(making) entry;
	const struct making_kind *kind;
	void *state;
	struct making **shared;
	struct text text;
	uint64_t cost_us;
	LIST_HEAD(, waiter) waiters;
};

static TAILQ_HEAD(, making) makings = TAILQ_HEAD_INITIALIZER(makings);
static struct event *turn;

uint64_t making_bit_us = 5000;

static void making_free(struct making *m)
{
	TAILQ_REMOVE(&makings, m, entry);
	if (m->shared)
		*m->shared = NULL;
	m->kind->free(m->state);
	free(m->text.text);
	free(m);
}

/* The next one to answer; NULL: no more. */
static struct request *waiter_take(struct making *m)
{
	struct waiter *waiter = LIST_FIRST(&m->waiters);
	struct request *r = waiter ? waiter->r : NULL;

	if (!waiter)
		return NULL;
	LIST_REMOVE(waiter, entry);
	free(waiter);
	request_on_gone(r, NULL, NULL);
	return r;
}

static void gone(void *arg)
{
	struct waiter *waiter = arg;
	struct making *m = waiter->making;

	LIST_REMOVE(waiter, entry);
	free(waiter);
	if (LIST_EMPTY(&m->waiters))
		making_free(m);
}

void making_join(struct request *r, struct making *m)
{
	struct waiter *waiter = malloc(sizeof(*waiter));

	if (!waiter) {
		view_no_memory(r);
		return;
	}
	*waiter = (struct waiter){.making = m, .r = r};
	LIST_INSERT_HEAD(&m->waiters, waiter, entry);
	request_on_gone(r, gone, waiter);
}

static void finish(struct making *m)
{
	struct view_text *text = NULL;
	struct request *r;

	if (m->kind->end) {
		r = waiter_take(m);
		m->kind->end(m->state, r);
		making_free(m);
		return;
	}
	if (!m->text.failed)
		text = view_text_new(m->text.text, m->text.len);
	if (text)
		m->text.text = NULL;
	while ((r = waiter_take(m)))
		if (text)
			view_text_reply(r, m->kind->type, text);
		else
			view_no_memory(r);
	if (text && m->kind->keep)
		m->kind->keep(text, m->cost_us);
	else
		view_text_put(text);
	making_free(m);
}

/* For as long as one bit; it may be freed by that. */
static void make(struct making *m)
{
	uint64_t begun_us = view_now_us(), cpu_us = view_cpu_us();
	bool more;

	do {
		more = m->kind->step(m->state, &m->text) && !m->text.failed;
	} while (more && view_now_us() - begun_us < making_bit_us);
	m->cost_us += view_cpu_us() - cpu_us;
	if (!more) {
		finish(m);
		return;
	}
	TAILQ_REMOVE(&makings, m, entry);
	TAILQ_INSERT_TAIL(&makings, m, entry);
}

static void again(void)
{
	struct timeval now = {0, 0};

	if (!TAILQ_EMPTY(&makings))
		evtimer_add(turn, &now);
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
	if (!TAILQ_EMPTY(&makings))
		make(TAILQ_FIRST(&makings));
	again();
}

void making_begin(
	struct request *r, const struct making_kind *kind, void *state, struct making **shared)
{
	struct making *m = calloc(1, sizeof(*m));
	bool alone = TAILQ_EMPTY(&makings);

	if (!turn)
		turn = evtimer_new(control.base, on_turn, NULL);
	if (!m || !turn) {
		free(m);
		kind->free(state);
		view_no_memory(r);
		return;
	}
	m->kind = kind;
	m->state = state;
	m->shared = shared;
	LIST_INIT(&m->waiters);
	TAILQ_INSERT_TAIL(&makings, m, entry);
	if (shared)
		*shared = m;
	making_join(r, m);
	if (LIST_EMPTY(&m->waiters))
		making_free(m);
	else if (alone) /* else the others' turns come first */
		make(m);
	again();
}

void making_stop(void)
{
	struct making *m;
	struct request *r;

	while ((m = TAILQ_FIRST(&makings))) {
		while ((r = waiter_take(m)))
			reply_problem(r, 503, "the control plane is ending; try again later");
		making_free(m);
	}
	if (turn)
		event_free(turn);
	turn = NULL;
}
