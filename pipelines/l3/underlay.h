/* SPDX-License-Identifier: BSD-3-Clause */
/* VRF 0, the underlay as put by hand or from the kernel's tables: addresses (connected networks)
 * and neighbours, and beside them its routes in the FIB (fib.h, VRF_UNDERLAY). From them, for every
 * tunnel, the finished headers it sends with: packets look up nothing there. Main thread. */
#ifndef PIPELINES_UNDERLAY_H
#define PIPELINES_UNDERLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "types.h"

int underlay_init(void);
void underlay_fini(void);

/* All cannot fail within the limits of bounds.h; each marks the paths concerned stale. */
void underlay_address_set(uint16_t port, const struct api_ip *prefix);
void underlay_address_unset(uint16_t port, const struct api_ip *prefix);
void underlay_neighbor_set(
	uint16_t port, const struct api_ip *address, const struct api_mac_addr *mac);
void underlay_neighbor_unset(uint16_t port, const struct api_ip *address);
/* fib.c has put or deleted a route of it. */
void underlay_route_changed(const struct api_ip *prefix);

/* The mac or mtu of a port changed: all tunnels' paths are stale. */
void underlay_stale(void);
/* The link of these ports (a bit each) went up or down: paths over them leave or come back. */
void underlay_links_changed(uint64_t ports);

/* Resolves what is stale again, in one pass over the tunnels; called once after a transaction or a
 * change of links. Groups of l3 slices' next hops follow. */
void underlay_resolve(void);

/* ---- what paths need ---- */

/* A next hop of tunnels' paths, or one that no longer is. */
struct underlay_hop {
	uint16_t port;
	bool wanted;
	struct api_ip address;
};

/* Does a path lead over it, whether its MAC is known (a neighbour was put) or not? */
bool underlay_hop_wanted(uint16_t port, const struct api_ip *address, bool *known);
/* Up to max hops that are wanted and have no neighbour, from *cursor (0 at first, 0 again at the
 * end) on; how many. */
uint32_t underlay_hops_missing(uint64_t *cursor, struct underlay_hop *out, uint32_t max);
/* Up to max hops that became wanted or unwanted since this was last said of them; how many. */
uint32_t underlay_hop_news(struct underlay_hop *out, uint32_t max);
/* The port goes: nothing is said any more of hops behind it. */
void underlay_port_gone(uint16_t port);

#endif
