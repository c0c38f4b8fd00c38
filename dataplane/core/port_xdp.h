/* SPDX-License-Identifier: BSD-3-Clause */
/* What net_af_xdp needs around it. Main thread only. */
#ifndef CORE_PORT_XDP_H
#define CORE_PORT_XDP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "errors.h"
#include "types.h"

/* The kernel puts its own headroom before each frame it receives into a buffer of ours. */
#define PORT_XDP_HEADROOM 256
/* A buffer with all that is before the frame must fit a page. */
#define PORT_XDP_MTU_MAX 3392

struct device_request;
struct port_xdp;

bool port_xdp_is(const char *devargs);
/* What of a port's object AF_XDP cannot do. 0, or -1 with err; 0 for other devices. */
int port_xdp_check(const struct api_port *cfg, struct rpc_error *err);
/* The same of what it is to be opened with. */
int port_xdp_check_open(const struct device_request *req, struct rpc_error *err);
/* Before the device is probed: our program is on its interface then. `devargs` (size bytes) is what
 * to probe with. 0 and *out, or -1 with err. Undo: port_xdp_close. */
int port_xdp_open(const struct device_request *req, char *devargs, size_t size,
	struct port_xdp **out, struct rpc_error *err);
/* The sockets are open: says in the program's maps whose they are, and what they are for. 0 or
 * -errno. */
int port_xdp_opened(struct port_xdp *xdp);
/* Frames of that VLAN (0: untagged) are for the sockets from now on, or for the kernel again. NULL
 * is fine. */
void port_xdp_take(struct port_xdp *xdp, uint16_t vlan, bool take);
/* Somebody may take the program off the interface: `ip link set IF xdp off`. Looks for it at most
 * twice a second, and puts it back, with the sockets and maps that it had, where nothing else has
 * taken its place. *lost: it was gone since the last look; *back: it is there again. Both may be.
 */
void port_xdp_look(struct port_xdp *xdp, bool *lost, bool *back);
/* "", or why nothing comes in by the port, with what to do: as of the last look. */
const char *port_xdp_fault(const struct port_xdp *xdp);
/* After the device is closed: what the driver left open, and the program. NULL is fine. */
void port_xdp_close(struct port_xdp *xdp);

#endif
