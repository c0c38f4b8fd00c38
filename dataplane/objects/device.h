/* SPDX-License-Identifier: BSD-3-Clause */
/* What a port's device says of the kernel. Any thread. */
#ifndef API_DEVICE_H
#define API_DEVICE_H

#include <net/if.h>
#include <stdbool.h>

/* The interface of "net_af_packet0,iface=ens2", of any driver. False: it names none, or what cannot
 * be one's name. */
bool device_interface(const char *device, char interface[IFNAMSIZ]);

#endif
