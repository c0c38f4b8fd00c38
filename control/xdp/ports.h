/* SPDX-License-Identifier: BSD-3-Clause */
/* Which ports are AF_XDP, and on which interface, made of the dataplane's objects. Pure. */
#ifndef XDP_PORTS_H
#define XDP_PORTS_H

#include <net/if.h>
#include <stddef.h>

#include "sluice_xdp.h"
#include "types.h"

struct xdp_port {
	api_name name;
	char interface[IFNAMSIZ];
};

struct xdp_port_list {
	struct xdp_port *port;
	size_t count;
};

/* A port in canonical JSON, twice does no harm; others than AF_XDP ones are passed over.
 */
void ports_add(struct xdp_port_list *ports, const char *text);
void ports_free(struct xdp_port_list *ports);

/* ---- what is under one ---- */

enum xdp_state {
	XDP_NONE,    /* the dataplane has not opened the port */
	XDP_DRIVER,  /* in the driver */
	XDP_GENERIC, /* in the kernel, for any driver */
	XDP_FOREIGN, /* somebody else's program is there */
	XDP_FAILED,
};
extern const char *const xdp_state_names[]; /* "none", "driver", … */

struct xdp_status {
	const char *port, *interface;
	enum xdp_state state;
	const char *reason; /* of XDP_FOREIGN and XDP_FAILED, else "" */
	struct xdp_count count[XDP_VERDICT_COUNT];
};

#endif
