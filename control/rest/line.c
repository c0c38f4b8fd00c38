/* SPDX-License-Identifier: BSD-3-Clause */
/* The line of those who want to change something while a change goes over many turns of the loop.
 * See change.h. Owns who waits. */
#include <errno.h>
#include <stdlib.h>

#include <bsd/sys/queue.h>

#include "change.h"

#define BUSY_MS 2 /* the store's thread takes its log back; then it is looked again */

struct waiter {
	TAILQ_ENTRY(waiter) entry;
	struct request *r;
	void (*handler)(struct request *r); /* or: */
	void (*go)(void *arg);
	void (*gone)(void *arg);
	void *arg;
};

static TAILQ_HEAD(, waiter) line = TAILQ_HEAD_INITIALIZER(line);
static struct event *turn;
static bool taken;
static struct request *served; /* whose handler is called: it does not wait again */

static void waiter_gone(void *arg)
{
	struct waiter *waiter = arg;

	TAILQ_REMOVE(&line, waiter, entry);
	if (waiter->gone)
		waiter->gone(waiter->arg);
	free(waiter);
}

static void serve(struct waiter *waiter)
{
	struct waiter w = *waiter;

	TAILQ_REMOVE(&line, waiter, entry);
	free(waiter);
	request_on_gone(w.r, NULL, NULL);
	served = w.r;
	if (w.handler)
		w.handler(w.r);
	else
		w.go(w.arg);
	served = NULL;
}

static void look_again(uint32_t ms)
{
	struct timeval later = {0, ms * 1000};

	if (!TAILQ_EMPTY(&line) && !taken)
		evtimer_add(turn, &later);
}

/* One at a turn of the loop: each may take some ms. */
static void on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct store_state state;

	if (taken || TAILQ_EMPTY(&line))
		return;
	store_state(control.store, &state);
	if (!state.busy)
		serve(TAILQ_FIRST(&line));
	look_again(state.busy ? BUSY_MS : 0);
}

static int join(const struct waiter *like)
{
	struct waiter *waiter;

	if (!turn)
		turn = evtimer_new(control.base, on_turn, NULL);
	waiter = turn ? malloc(sizeof(*waiter)) : NULL;
	if (!waiter)
		return -ENOMEM;
	*waiter = *like;
	TAILQ_INSERT_TAIL(&line, waiter, entry);
	request_on_gone(waiter->r, waiter_gone, waiter);
	return 0;
}

static bool is_free(const struct request *r)
{
	return !taken && (r == served || TAILQ_EMPTY(&line));
}

bool line_wait(struct request *r, void (*handler)(struct request *r))
{
	if (is_free(r))
		return false;
	if (join(&(struct waiter){.r = r, .handler = handler}))
		reply_problem(r, 503, "out of memory; try again");
	return true;
}

int line_join(struct request *r, void (*go)(void *arg), void (*gone)(void *arg), void *arg)
{
	if (!is_free(r))
		return join(&(struct waiter){.r = r, .go = go, .gone = gone, .arg = arg});
	go(arg);
	return 0;
}

void line_take(void)
{
	taken = true;
}

void line_release(void)
{
	taken = false;
	look_again(0);
}

void line_stop(void)
{
	if (turn)
		event_free(turn);
	turn = NULL;
}
