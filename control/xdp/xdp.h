/* SPDX-License-Identifier: BSD-3-Clause */
/* The XDP programs under the dataplane's AF_XDP ports: what they have
 * counted, and which of them nobody owns any more. The dataplane puts a program on an interface
 * when it opens the port, tells it what to let through and takes it away when it closes the
 * port. One thread. */
#ifndef XDP_XDP_H
#define XDP_XDP_H

#include "ports.h"

/* All ports, as they are to be; changed: they may not be those of the last call. Interfaces whose
 * port is gone, and whose program belongs to nobody any more, lose it. `wanted` is only read. */
void xdp_sync(const struct xdp_port_list *wanted, bool changed);
/* Each port of the last sync, with its counters as they are now. */
void xdp_each(void (*each)(const struct xdp_status *status, void *arg), void *arg);
size_t xdp_ports(void);
/* The programs stay: they are the ports'. */
void xdp_close(void);

#endif
