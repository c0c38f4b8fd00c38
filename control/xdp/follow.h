/* SPDX-License-Identifier: BSD-3-Clause */
/* Looks after the XDP programs of the dataplane's ports: when the ports are told, and once a second
 * for ports that were opened anew. */
#ifndef XDP_FOLLOW_H
#define XDP_FOLLOW_H

#include <event2/event.h>

#include "xdp.h"

void follow_start(struct event_base *base);
void follow_stop(void); /* the programs stay */
/* The ports that are wanted, or are there still; their list is taken over. */
void follow_ports(struct xdp_port_list *ports);

#endif
