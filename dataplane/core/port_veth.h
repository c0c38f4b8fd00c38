/* SPDX-License-Identifier: BSD-3-Clause */
/* Ports on a veth. A namespace or container leaves TCP's and UDP's checksums to its end of a veth,
 * which by default leaves them to nobody: what such a port forwards to a wire is dropped by the far
 * host. Main thread only. */
#ifndef CORE_PORT_VETH_H
#define CORE_PORT_VETH_H

#include <stdint.h>

/* The port's interface is a veth (ifindex 0: it has none) whose other end does so: what is wrong,
 * with the cure, until the next call. "" when all is well, and when it cannot be known: the other
 * end's network namespace may be hidden from this process.
 *
 * Asks the kernel at most once a second for a port: two requests for any interface; four, and a
 * thread for a moment, for a veth into another namespace. The first time that namespace is looked
 * for, in /run/netns and by the processes in /proc: at most 10 ms of CPU; when it is not found, not
 * again for a minute. */
const char *port_veth_warning(uint16_t id, uint32_t ifindex);
/* The port is closed. */
void port_veth_forget(uint16_t id);

#endif
