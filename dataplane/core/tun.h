/* SPDX-License-Identifier: BSD-3-Clause */
/* Ethernet interfaces in the kernel that this process holds through /dev/net/tun, without an
 * ethdev: there may be thousands. Each is there, with carrier, as long as its descriptor is open,
 * whatever namespace or bridge others put it in; it goes with the process. Main thread. */
#ifndef CORE_TUN_H
#define CORE_TUN_H

#include "types.h"

/* Makes the interface, up, without IPv6 addresses of its own accord and deaf to router
 * advertisements, as long as it stays in this namespace; with this MAC (NULL: the kernel's choice)
 * and MTU. Reads and writes of *fd (the caller's, not blocking) are whole frames. *index: of the
 * interface. 0; -EEXIST: there is one of this name; -ENOENT: no /dev/net/tun; -errno. */
int tun_open(
	const char *name, const struct api_mac_addr *mac, uint32_t mtu, int *fd, uint32_t *index);
/* Soon, by threads of their own; an interface of the same name can be opened at once. */
void tun_close(int fd, const char *name);
/* Until interfaces of this name are closed, before all others: was there one? */
bool tun_wait_closed(const char *name);
/* Until all are closed that are to be. */
void tun_wait_all_closed(void);
/* Another MAC, wherever the interface is by now: 0 or -errno. */
int tun_mac(int fd, const struct api_mac_addr *mac);

/* A name the kernel takes for an interface, and takes as it is. */
bool tun_name_valid(const char *name);

#endif
