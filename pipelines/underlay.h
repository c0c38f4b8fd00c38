/* SPDX-License-Identifier: BSD-3-Clause */
/* The underlay as put by hand: addresses (connected routes), neighbours, routes; and from them, for
 * every tunnel, the finished headers it sends with. Longest-prefix search is the main thread's work
 * alone (rte_rib), never a packet's. */
#ifndef PIPELINES_UNDERLAY_H
#define PIPELINES_UNDERLAY_H

#include <stdint.h>

#include "types.h"

struct underlay_via {
	struct api_ip address; /* family 0: directly connected */
	uint16_t port;	       /* PORT_NONE: the port whose address' prefix holds `address` */
	uint32_t weight;
};

int underlay_init(void);
void underlay_fini(void);

/* All cannot fail within the limits of api/limits.h; each marks the paths stale. Main thread. */
void underlay_address_set(uint16_t port, const struct api_ip *prefix);
void underlay_address_unset(uint16_t port, const struct api_ip *prefix);
void underlay_neighbor_set(
	uint16_t port, const struct api_ip *address, const struct api_mac_addr *mac);
void underlay_neighbor_unset(uint16_t port, const struct api_ip *address);
void underlay_route_set(
	const struct api_ip *prefix, const struct underlay_via *via, uint32_t count);
void underlay_route_unset(const struct api_ip *prefix);

/* The mac or mtu of a port changed: all tunnels' paths are stale. */
void underlay_stale(void);
/* One tunnel changed. */
void underlay_stale_tunnel(uint16_t id);

/* Resolves what is stale again; called once after a transaction. */
void underlay_resolve(void);

#endif
