/* SPDX-License-Identifier: BSD-3-Clause */
/* Which ports are AF_XDP, and on which interface, made of the dataplane's objects. Pure. */
#ifndef XDP_PORTS_H
#define XDP_PORTS_H

#include <net/if.h>
#include <stddef.h>

#include "types.h"

struct xdp_port {
	api_name name;
	char interface[IFNAMSIZ];
};

struct xdp_port_list {
	struct xdp_port *port;
	size_t count;
};

/* A port in canonical JSON, twice does no harm; others than AF_XDP ones are passed over. 0,
 * -ENOMEM.
 */
int ports_add(struct xdp_port_list *ports, const char *text);
void ports_free(struct xdp_port_list *ports);

#endif
