/* SPDX-License-Identifier: BSD-3-Clause */
/* kernel.h with nothing behind it: namespaces whose tables the test fills, whether a mirror looks
 * at them or not. Owned by the test program. */
#ifndef TESTS_FAKE_KERNEL_H
#define TESTS_FAKE_KERNEL_H

#include "kernel.h"

#define FAKE_ROOM 4096

/* One entry of any kind; those that are gone are free to be used again. */
struct fake_entry {
	bool used;
	enum kernel_kind kind;
	union {
		struct kernel_link link;
		struct kernel_address address;
		struct kernel_neighbor neighbor;
		struct kernel_route route;
		struct kernel_fdb fdb;
		struct kernel_nexthop nexthop;
		uint8_t room[256]; /* of its members */
	};
	struct kernel_via via[24];
};

/* netns "": our own. Each tells the mirror that looks, if any does. */
void fake_link(const char *netns, uint32_t index, const char *name, bool carrier);
void fake_vrf(const char *netns, uint32_t index, const char *name, uint32_t table);
void fake_link_gone(const char *netns, uint32_t index); /* with all that is on it */
void fake_address(const char *netns, uint32_t index, const char *prefix, uint8_t protocol);
void fake_address_gone(const char *netns, uint32_t index, const char *prefix);
void fake_neighbor(
	const char *netns, uint32_t index, const char *address, const char *mac, uint16_t state);
void fake_neighbor_gone(const char *netns, uint32_t index, const char *address);

void fake_bridge(const char *netns, uint32_t index, const char *name);
void fake_vxlan(const char *netns, uint32_t index, const char *name, uint32_t vni, uint32_t master);
/* Of one that is there: local NULL, none. */
void fake_vxlan_as(
	const char *netns, uint32_t index, const char *local, uint16_t dst_port, bool up);
/* A link leaves one namespace for another, where it is down, or becomes a port. */
void fake_master(const char *netns, uint32_t index, uint32_t master);
/* master 0: of the device's own, with dst. */
void fake_fdb(const char *netns, uint32_t index, uint32_t master, const char *mac, const char *dst);
void fake_fdb_gone(
	const char *netns, uint32_t index, uint32_t master, const char *mac, const char *dst);

/* FDB next hops: a VTEP, a group of them, a device's own entry by a group. */
void fake_vtep(const char *netns, uint32_t id, const char *address);
void fake_group(const char *netns, uint32_t id, uint32_t members, ...);
void fake_nexthop_gone(const char *netns, uint32_t id);
void fake_fdb_by_group(const char *netns, uint32_t index, const char *mac, uint32_t group);

struct fake_way {
	uint32_t index;
	const char *address; /* NULL: on the link */
	uint16_t weight;
};
/* RTN_UNICAST with ways, or another type without. */
void fake_route(const char *netns, uint32_t table, const char *prefix, uint32_t metric,
	uint8_t type, uint8_t protocol, const struct fake_way *way, uint32_t ways);
void fake_route_gone(const char *netns, uint32_t table, const char *prefix, uint32_t metric);

void fake_settle(void); /* dumps to those that look anew; all listeners: settled */
void fake_absent(const char *netns, bool absent); /* there is no such namespace */
void fake_reset(void);				  /* all namespaces are empty */

/* How often all of a port's FDB was gone through since the last time. */
uint32_t fake_fdb_walks(void);

/* What was written: "keep 7 198.18.0.2", one a line; given back and forgotten. */
const char *fake_written(void);

#endif
