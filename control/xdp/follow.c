/* SPDX-License-Identifier: BSD-3-Clause */
/* See follow.h. Owns the ports of the last look, and a timer. */
#include "follow.h"

#include <errno.h>
#include <event2/event.h>

#include "log.h"

#define TICK_S	1
#define AGAIN_S 60 /* what a killed dataplane has left meanwhile */

static struct {
	struct reconciler *rec;
	struct event *tick;
	struct xdp_port_list ports;
	uint64_t generation;
	uint32_t ticks;
	int failed;
} follow;

static void add(const char *key, const char *text, void *arg)
{
	int rc = ports_add(arg, text);

	if (rc)
		follow.failed = rc;
}

/* What is wanted, and what is there still. */
static int collect(struct xdp_port_list *ports)
{
	follow.failed = 0;
	reconciler_each(follow.rec, OBJECT_PORT, add, ports);

	return follow.failed;
}

static void look(bool again)
{
	uint64_t generation = reconciler_generation(follow.rec, OBJECT_PORT);
	bool stale = generation != follow.generation;
	struct xdp_port_list ports = {0};

	if (stale) {
		if (collect(&ports) != 0) {
			ports_free(&ports);
			log_text(LOG_ERROR_, "the ports of XDP: out of memory");
			return;
		}
		ports_free(&follow.ports);
		follow.ports = ports;
		follow.generation = generation;
	}
	xdp_sync(&follow.ports, stale || again);
}

static void on_applied(void *arg)
{
	if (follow.rec)
		look(false);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	look(++follow.ticks % (AGAIN_S / TICK_S) == 0);
}

int follow_start(struct event_base *base, struct reconciler *rec)
{
	struct timeval every = {.tv_sec = TICK_S};

	follow.rec = rec;
	follow.tick = event_new(base, -1, EV_PERSIST, on_tick, NULL);
	if (follow.tick && event_add(follow.tick, &every) == 0 &&
		reconciler_on_applied(rec, on_applied, NULL) == 0)
		return 0;
	follow_stop();
	return -ENOMEM;
}

void follow_stop(void)
{
	if (follow.tick)
		event_free(follow.tick);
	ports_free(&follow.ports);
	follow.tick = NULL;
	follow.rec = NULL;
	xdp_close();
}
