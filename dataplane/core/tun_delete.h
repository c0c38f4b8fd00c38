/* SPDX-License-Identifier: BSD-3-Clause */
/* Many interfaces of one network namespace deleted at once: the kernel then waits for its
 * readers once, instead of some ten milliseconds for each. */
#ifndef CORE_TUN_DELETE_H
#define CORE_TUN_DELETE_H

#include <stddef.h>
#include <sys/types.h>

/* The network namespace that the interface of a descriptor of /dev/net/tun is in; 0: it cannot be
 * told. */
ino_t tun_netns(int fd);
/* The interfaces of these descriptors, all of the network namespace of the first; the descriptors
 * stay open. What cannot be deleted so is left: closing does it. */
void tun_delete(const int *fd, size_t count);

#endif
