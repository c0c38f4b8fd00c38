/* SPDX-License-Identifier: BSD-3-Clause */
/* What a kernel twin needs beyond its DPDK device: set over rtnetlink (libmnl). Main thread; called
 * by port.c. */
#ifndef CORE_TAP_H
#define CORE_TAP_H

#include <stdbool.h>

#include "types.h"

/* Link up, and no IPv6 router solicitations of its own accord. 0 or -errno. */
int tap_up(const char *name);
/* Adds (EEXIST is fine) or removes (missing is fine) an address. IPv6 ones are usable at once: the
 * box was told to hold them, so duplicate address detection has nobody to ask. 0 or -errno. */
int tap_address(const char *name, const struct api_ip *prefix, bool add);

#endif
