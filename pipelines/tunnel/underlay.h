/* SPDX-License-Identifier: BSD-3-Clause */
/* The underlay as put, by hand or from the kernel's tables: addresses (connected routes),
 * neighbours, routes; and from them, for every tunnel, the finished headers it sends with.
 * Longest-prefix search is the main thread's work alone, never a packet's. All of it main thread.
 */
#ifndef PIPELINES_UNDERLAY_H
#define PIPELINES_UNDERLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "types.h"

struct underlay_via {
	struct api_ip address; /* family 0: directly connected */
	uint16_t port;	       /* PORT_NONE: the port whose address' prefix holds `address` */
	uint32_t weight;
};

int underlay_init(void);
void underlay_fini(void);

/* All cannot fail within the limits of bounds.h; each marks the paths concerned stale. */
void underlay_address_set(uint16_t port, const struct api_ip *prefix);
void underlay_address_unset(uint16_t port, const struct api_ip *prefix);
void underlay_neighbor_set(
	uint16_t port, const struct api_ip *address, const struct api_mac_addr *mac);
void underlay_neighbor_unset(uint16_t port, const struct api_ip *address);
void underlay_route_set(
	const struct api_ip *prefix, const struct underlay_via *via, uint32_t count);
void underlay_route_unset(const struct api_ip *prefix);

/* Room for one more route of the family until release, so that setting it cannot fail: 0, -ENOSPC
 * or -ENOMEM. */
int underlay_route_reserve(uint8_t family);
void underlay_route_release(uint8_t family);

/* The mac or mtu of a port changed: all tunnels' paths are stale. */
void underlay_stale(void);
/* One tunnel came, changed or went. */
void underlay_stale_tunnel(uint16_t id);
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
