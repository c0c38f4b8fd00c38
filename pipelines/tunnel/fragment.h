/* SPDX-License-Identifier: BSD-3-Clause */
/* Fragments of outer packets, for tunnels with `fragment`. */
#ifndef PIPELINES_FRAGMENT_H
#define PIPELINES_FRAGMENT_H

#include <stdint.h>

struct rte_mbuf;

#define FRAGMENTS_MAX 32

/* Cuts an encapsulated packet (Ethernet, IPv4 without options or IPv6 without extension headers;
 * larger than mtu) into fragments whose IP packets have at most mtu bytes (576 or more): RFC 791
 * section 3.2, RFC 8200 section 4.5. id: host order, the low half for IPv4. Takes m; returns how
 * many stand in piece[FRAGMENTS_MAX], first fragment first, or 0 when they are too many or buffers
 * are missing: m is the caller's as it was. Workers. */
uint32_t fragment_make(struct rte_mbuf *m, uint32_t mtu, uint32_t id, struct rte_mbuf **piece);

#endif
