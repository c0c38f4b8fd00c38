/* SPDX-License-Identifier: BSD-3-Clause */
/* The shaper of a port. Main thread only. */
#ifndef CORE_PORT_SHAPE_H
#define CORE_PORT_SHAPE_H

#include "errors.h"
#include "types.h"

/* Gives a port the rate of its object, which may be none. 0, or -1 with err and nothing changed. */
int port_shape(uint16_t id, const struct api_port *cfg, struct rpc_error *err);
/* After the workers let go of the port: drops what waits. */
void port_shape_close(uint16_t id);
/* Divides the buffers that may be held among the shaped ports, after one came or went. */
void port_shape_divide(void);

#endif
