/* SPDX-License-Identifier: BSD-3-Clause */
/* Which devices a port may name. DPDK gives some drivers' arguments to a shell (net_failsafe) or to
 * fopen() as root (net_pcap), and whoever may put a port is not root: so what may be named is a
 * list of drivers and of their arguments. Main thread. */
#ifndef RPC_DEVICE_ALLOW_H
#define RPC_DEVICE_ALLOW_H

#include <stdbool.h>
#include <stddef.h>

#include "errors.h"

/* Where sockets of net_memif and net_vhost may lie: a folder that nobody but root writes to. */
#define DEVICE_SOCKETS "/run/sluice-dataplane/"

/* One more driver ("net_pcap": any arguments), or "any": all that DPDK knows. Root's choice
 * (--allow-device). 0 or -ENOSPC. */
int device_allow(const char *driver);

/* Does DPDK, as it is built and started here, know all that was allowed? 0; or -ENOENT, and why
 * says which one it does not, and what may have been meant. */
int device_allow_check(bool (*known)(const char *driver), char *why, size_t size);

/* 0: DPDK may be given this; -1 with err, which says what is allowed. */
int device_check(const char *devargs, struct rpc_error *err);

#endif
