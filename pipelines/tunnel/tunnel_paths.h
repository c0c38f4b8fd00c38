/* SPDX-License-Identifier: BSD-3-Clause */
/* Between underlay.c, which knows ways, and tunnel.c, which turns them into finished headers. Main
 * thread. */
#ifndef PIPELINES_TUNNEL_PATHS_H
#define PIPELINES_TUNNEL_PATHS_H

#include <stdbool.h>
#include <stdint.h>

#include "types.h"

#define TUNNEL_PATHS_MAX LIMIT_ROUTE_VIA

struct tunnel_path {
	uint16_t port;
	uint32_t weight;
	struct api_ip next_hop;
	struct api_mac_addr mac;
};

/* The tunnel's configuration, NULL when there is none by that id. */
const struct api_tunnel *tunnel_config(uint16_t id);
/* No tunnel has ever had a higher id. */
uint16_t tunnel_top(void);

/* Publishes the headers for these paths; with none, frames are dropped for `why` (enum
 * drop_reason), and `next_hop` is who could not be reached. Nothing is published when nothing
 * changed. */
void tunnel_publish(uint16_t id, const struct tunnel_path *paths, uint32_t count, uint8_t why,
	const struct api_ip *next_hop);

#endif
