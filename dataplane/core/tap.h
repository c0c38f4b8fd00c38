/* SPDX-License-Identifier: BSD-3-Clause */
/* What a kernel interface needs that is a port's twin, or lies below it. Main thread only. */
#ifndef CORE_TAP_H
#define CORE_TAP_H

#include <stdbool.h>

#include "types.h"

struct nlmsghdr;

/* Link up, and no IPv6 router solicitations of its own accord. 0 or -errno. */
int tap_up(const char *name);
/* Adds an address, *ours: it was not there, or removes one that is *ours; missing is fine. What
 * somebody else has put stays his. It carries API_KERNEL_PROTOCOL. IPv6 ones are usable at once:
 * the box was told to hold them, so duplicate address detection has nobody to ask. 0 or -errno. */
int tap_address(const char *name, const struct api_ip *prefix, bool add, bool *ours);

/* The interface's MTU is at least that, raised if need be. 0; -EMSGSIZE when it is less and stays
 * so, *has: what it is; -errno. */
int link_mtu_raise(unsigned ifindex, uint32_t mtu, uint32_t *has);

/* Tells the kernel whether a tap has a carrier. 0 or -errno (-EOPNOTSUPP: an old kernel). */
int link_carrier(uint32_t ifindex, bool on);

/* The interface's flags as `ip link` shows them (IFF_LOWER_UP included), and its MTU (0: it does
 * not say). 0, or -errno: -ENODEV when there is none of that index in this network namespace. */
int link_state(uint32_t ifindex, uint32_t *flags, uint32_t *mtu);
/* The MTU and the name in a message of that kind; 0 and NULL: it says none. */
uint32_t link_message_mtu(const struct nlmsghdr *nlh);
const char *link_message_name(const struct nlmsghdr *nlh);
/* Gives an interface another name. 0 or -errno (-EBUSY: an old kernel, and it is up). */
int link_rename(uint32_t ifindex, const char *name);

/* The other end of a veth: its index, and this namespace's id of the network namespace it is in
 * (-1: this one). 0, or -errno: -EOPNOTSUPP when the interface is none, -ENODEV as above. */
int link_veth_peer(uint32_t ifindex, uint32_t *peer, int *nsid);
/* This namespace's id of the network namespace that fd (of a file as /run/netns/NAME) is of, -1
 * when it has none. 0 or -errno. */
int netns_id(int fd, int *nsid);

#endif
