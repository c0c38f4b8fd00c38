/* SPDX-License-Identifier: BSD-3-Clause */
/* What a kernel interface needs that is a port's twin, or lies below it. Main thread; called by
 * port.c and port_device.c. */
#ifndef CORE_TAP_H
#define CORE_TAP_H

#include <stdbool.h>

#include "types.h"

/* Link up, and no IPv6 router solicitations of its own accord. 0 or -errno. */
int tap_up(const char *name);
/* Adds (EEXIST is fine) or removes (missing is fine) an address. IPv6 ones are usable at once: the
 * box was told to hold them, so duplicate address detection has nobody to ask. 0 or -errno. */
int tap_address(const char *name, const struct api_ip *prefix, bool add);

/* The interface's MTU is at least that, raised if need be. 0; -EMSGSIZE when it is less and stays
 * so, *has: what it is; -errno. */
int link_mtu_raise(unsigned ifindex, uint32_t mtu, uint32_t *has);

#endif
