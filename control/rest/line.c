/* SPDX-License-Identifier: BSD-3-Clause */
/* The line of those who want to change something while a change goes over many turns of the loop.
 * Owns who waits. */
#include <stdlib.h>

#include <bsd/sys/queue.h>

#include "alloc.h"
#include "change.h"

#define BUSY_MS 2 /* the store's thread takes its log back; then it is looked again */

struct waiter {
	TAILQ_ENTRY(waiter) entry;
	struct request *r;
	void (*handler)(struct request *r); /* or: */
	struct change *change;
};

static TAILQ_HEAD(, waiter) line = TAILQ_HEAD_INITIALIZER(line);
static struct event *turn;
static bool taken;
static struct request *served; /* whose handler is called: it does not wait again */

static void waiter_gone(void *arg)
{
	struct waiter *waiter = arg;

	TAILQ_REMOVE(&line, waiter, entry);
	if (waiter->change)
		change_free(waiter->change);
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
		change_run(w.change);
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

static void join(struct request *r, void (*handler)(struct request *r), struct change *change)
{
	struct waiter *waiter = xmalloc(sizeof(*waiter));

	if (!turn)
		turn = evtimer_new(control.base, on_turn, NULL);
	*waiter = (struct waiter){.r = r, .handler = handler, .change = change};
	TAILQ_INSERT_TAIL(&line, waiter, entry);
	request_on_gone(r, waiter_gone, waiter);
}

static bool is_free(const struct request *r)
{
	return !taken && (r == served || TAILQ_EMPTY(&line));
}

bool line_wait(struct request *r, void (*handler)(struct request *r))
{
	if (is_free(r))
		return false;
	join(r, handler, NULL);
	return true;
}

void line_join(struct change *c)
{
	if (is_free(c->r))
		change_run(c);
	else
		join(c->r, NULL, c);
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
