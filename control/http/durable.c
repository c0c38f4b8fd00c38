/* SPDX-License-Identifier: BSD-3-Clause */
/* Nobody waits for the disk but those whose answer says that it has something: answers to changes
 * are held until the store says that they are on disk, and what needs the store while a thread of
 * its own has it is put off. Owns the answers that are held. */
#include "durable.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "reply.h"
#include "store.h"

struct held {
	TAILQ_ENTRY(held) link;
	struct request *r;
	uint64_t written; /* goes when so many commits are on disk */
	int status;
	const char *type, *text;
	size_t len;
	void (*freed)(const void *text, size_t len, void *arg);
	void *arg;
};

struct parked {
	TAILQ_ENTRY(parked) link;
	struct request *r;
};

static TAILQ_HEAD(, held) held_list = TAILQ_HEAD_INITIALIZER(held_list);
static TAILQ_HEAD(, parked) parked_list = TAILQ_HEAD_INITIALIZER(parked_list);
static struct event *told;

/* ---- answers ---- */

static struct request *take(struct held *held)
{
	struct request *r = held->r;

	TAILQ_REMOVE(&held_list, held, link);
	r->held = NULL;
	return r;
}

void durable_drop(struct request *r)
{
	struct held *held = r->held;

	take(held);
	if (held->text)
		held->freed(held->text, held->len, held->arg);
	free(held);
}

static void send_it(struct held *held)
{
	struct request *r = take(held);

	r->state = REQUEST_OPEN;
	reply_now(r, held->status, held->type, held->text, held->len, held->freed, held->arg);
	free(held);
}

static void refuse(struct request *r)
{
	durable_drop(r);
	evhttp_clear_headers(&r->out_headers);
	r->state = REQUEST_OPEN;
	r->failed = true;
	reply_problem(r, 503,
		"the disk of the store has failed: whether this is kept shows when sluice-control "
		"starts again");
}

bool durable_hold(struct request *r, int status, const char *type, const char *text, size_t len,
	void (*freed)(const void *text, size_t len, void *arg), void *arg)
{
	struct store_state state;
	struct held *held;

	if (!told || !request_is_change(r) || r->failed || r->conn->state != CONN_ANSWERING)
		return false;
	store_state(http.store, &state);
	if (state.durable == state.written)
		return false;
	held = malloc(sizeof(*held));
	if (!held) { /* no answer at all, then */
		if (text)
			freed(text, len, arg);
		conn_doom(r->conn);
		return true;
	}
	*held = (struct held){.r = r,
		.written = state.written,
		.status = status,
		.type = type,
		.text = text,
		.len = len,
		.freed = freed,
		.arg = arg};
	r->held = held;
	r->state = REQUEST_HELD;
	TAILQ_INSERT_TAIL(&held_list, held, link);
	if (state.err)
		event_active(told, 0, 0);
	return true;
}

/* ---- requests ---- */

static bool durable_busy(void)
{
	struct store_state state;

	if (!told)
		return false;
	store_state(http.store, &state);
	return state.busy;
}

static struct request *unpark(struct parked *parked)
{
	struct request *r = parked->r;

	TAILQ_REMOVE(&parked_list, parked, link);
	free(parked);
	return r;
}

static void parked_gone(void *arg)
{
	unpark(arg);
}

bool request_put_off(struct request *r)
{
	struct parked *parked = durable_busy() ? malloc(sizeof(*parked)) : NULL;

	if (!parked) /* without memory everybody waits */
		return false;
	parked->r = r;
	TAILQ_INSERT_TAIL(&parked_list, parked, link);
	request_on_gone(r, parked_gone, parked);
	return true;
}

/* ---- the store has news ---- */

static void on_told(evutil_socket_t fd, short what, void *arg)
{
	struct store_state state;
	struct parked *parked;
	struct held *held;
	eventfd_t count;

	eventfd_read(fd, &count);
	store_state(http.store, &state);
	while ((held = TAILQ_FIRST(&held_list)) && (state.err || held->written <= state.durable)) {
		if (held->written <= state.durable)
			send_it(held);
		else
			refuse(held->r);
	}
	if (state.busy)
		return;
	while ((parked = TAILQ_FIRST(&parked_list))) {
		struct request *r = unpark(parked);

		request_on_gone(r, NULL, NULL);
		r->route->handler(r);
	}
}

int durable_start(void)
{
	int fd = store_fd(http.store);

	if (fd < 0)
		return 0;
	told = event_new(http.base, fd, EV_READ | EV_PERSIST, on_told, NULL);
	return told && !event_add(told, NULL) ? 0 : -ENOMEM;
}

void durable_stop(void)
{
	if (told)
		event_free(told);
	told = NULL;
}
