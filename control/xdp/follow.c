/* SPDX-License-Identifier: BSD-3-Clause */
/* See follow.h. Owns the ports that were told last, and a timer. */
#include "follow.h"

#define TICK_S	1
#define AGAIN_S 60 /* what a killed dataplane has left meanwhile */

static struct {
	struct event *tick;
	struct xdp_port_list ports;
	uint32_t ticks;
} follow;

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	xdp_sync(&follow.ports, ++follow.ticks % (AGAIN_S / TICK_S) == 0);
}

void follow_ports(struct xdp_port_list *ports)
{
	ports_free(&follow.ports);
	follow.ports = *ports;
	*ports = (struct xdp_port_list){0};
	xdp_sync(&follow.ports, true);
}

void follow_start(struct event_base *base)
{
	struct timeval every = {.tv_sec = TICK_S};

	follow.tick = event_new(base, -1, EV_PERSIST, on_tick, NULL);
	event_add(follow.tick, &every);
}

void follow_stop(void)
{
	if (follow.tick)
		event_free(follow.tick);
	ports_free(&follow.ports);
	follow.tick = NULL;
	xdp_close();
}
