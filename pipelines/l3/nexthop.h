/* SPDX-License-Identifier: BSD-3-Clause */
/* Next hops of routes, shared and counted: in l3 slices a neighbour on an attachment, a gateway
 * behind a tunnel, or a weighted group of those; in the underlay (slice 0, VRF_UNDERLAY) one on a
 * port. Main thread only; what workers see of them is in l3.h. */
#ifndef PIPELINES_NEXTHOP_H
#define PIPELINES_NEXTHOP_H

#include <stdbool.h>
#include <stdint.h>

#include "types.h"

#define NEXTHOPS (2 * LIMIT_NEXTHOPS) /* those of slices, and those of the underlay */

/* One way of a route. In an l3 slice exactly one of attachment and tunnel, in the underlay the
 * port: PORT_NONE is the one on whose network the address is. */
struct l3_via {
	uint16_t attachment;
	uint16_t tunnel;
	uint16_t port;
	struct api_ip address;	 /* by attachment or port: the next hop; family 0: on the link.
				    By tunnel: only kept for answers */
	struct api_mac_addr mac; /* by tunnel: of the gateway there; zero: the slice's own */
	uint32_t weight;	 /* 1 to 255 */
};

int nexthop_init(void);
void nexthop_fini(void);

/* The next hop of these ways, made or found again; one more user. 0 (and *index > 0), -ENOSPC or
 * -ENOMEM with nothing changed. Ways by an attachment and address share their MAC with the
 * neighbour of that address. */
int nexthop_take(uint16_t slice, const struct l3_via *via, uint32_t count, uint32_t *index);
/* One user less; after the last one workers may go on using it for a grace period. */
void nexthop_drop(uint32_t index);

/* A use of the next hop (attachment, address), in the underlay (port, address), which is not a
 * route's: 0 or -ENOSPC. Given back with nexthop_drop_neighbor(). */
int nexthop_take_neighbor(
	uint16_t slice, uint16_t link, const struct api_ip *address, uint32_t *index);
void nexthop_drop_neighbor(uint32_t index);
/* The same one where anybody uses it; 0: none. */
uint32_t nexthop_find_neighbor(uint16_t slice, uint16_t link, const struct api_ip *address);

/* The ways of a next hop, at most LIMIT_ROUTE_VIA: how many; 0 for the switch's own kinds. */
uint32_t nexthop_ways(uint32_t index, struct l3_via *via);

/* For people: "10.0.0.2 by {attachment 3} at 02:…", "group of 3"; text has 96 bytes. */
void nexthop_text(uint32_t index, char *text);

/* The switch's own kinds, each a user's alone: enum nexthop_other without a group (and for
 * NEXTHOP_LOCAL its attachment and address). */
int nexthop_take_other(uint16_t slice, uint32_t what, uint16_t attachment,
	const struct api_ip *address, uint32_t *index);

/* The same of what is not forwarded, and nobody is told. */
int nexthop_take_discard(uint16_t slice, uint32_t *index);

/* What is known of a neighbour: its MAC, that it is being asked for (mac NULL), or that it does not
 * answer (mac NULL, dead). Groups that contain it follow. index: of nexthop_take_neighbor(). */
void nexthop_resolve(uint32_t index, const struct api_mac_addr *mac, bool dead);

/* Those of slices; of them the first index above `index` (0: from the start), 0 at the end. */
uint32_t nexthop_count(void);
uint32_t nexthop_after(uint32_t index);
/* No index at or above was ever in use. */
uint32_t nexthop_limit(void);

#endif
