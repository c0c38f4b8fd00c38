/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of this room share. */
#ifndef EVPN_PRIVATE_H
#define EVPN_PRIVATE_H

#include <bsd/sys/queue.h>
#include <bsd/sys/tree.h>

#include "evpn.h"

/* A tunnel to another VTEP: an object as long as somebody uses it. */
struct vtep {
	RB_ENTRY(vtep) entry;
	struct api_ip local, remote;
	uint16_t dst_port;
	api_name name;
	uint32_t users;
};
RB_HEAD(vtep_tree, vtep);
RB_PROTOTYPE(vtep_tree, vtep, entry, vtep_cmp)

struct member {
	RB_ENTRY(member) entry;
	struct vtep *vtep;
	bool seen; /* by the look that goes on */
};
RB_HEAD(member_tree, member);
RB_PROTOTYPE(member_tree, member, entry, member_cmp)

/* An FDB group of next hops that stations are behind. */
struct group {
	RB_ENTRY(group) entry;
	const struct kernel *kernel;
	uint32_t id;
	LIST_HEAD(, station) stations;
};
RB_HEAD(group_tree, group);
RB_PROTOTYPE(group_tree, group, entry, group_cmp)

/* A remote station of an l2 slice. */
struct station {
	RB_ENTRY(station) entry;
	struct api_mac_addr mac;
	struct feed *feed;
	struct vtep *vtep;   /* NULL: its group has none (yet) */
	struct group *group; /* NULL: it is behind one VTEP */
	LIST_ENTRY(station) by_group;
	bool multihomed; /* has others besides */
	bool seen;
};
RB_HEAD(station_tree, station);
RB_PROTOTYPE(station_tree, station, entry, station_cmp)

/* A MAC of a feed that is to be looked at. */
struct stale {
	TAILQ_ENTRY(stale) link;
	struct api_mac_addr mac;
};
TAILQ_HEAD(stale_list, stale);

struct feed {
	TAILQ_ENTRY(feed) link;
	api_name slice;
	uint32_t vni;
	struct kernel *kernel;
	char bridge[IFNAMSIZ]; /* "": the slice is l3 */
	struct api_mac_addr mac;
	bool named; /* since evpn_slices_begin */
	bool dirty; /* its device is to be looked for */
	/* what was found */
	uint32_t device, master; /* the VXLAN device and its bridge; 0: none */
	struct api_ip local;
	uint16_t dst_port;
	struct member_tree members;
	struct station_tree stations;
	struct stale_list stale;
	bool members_dirty;
};
TAILQ_HEAD(feed_list, feed);

struct evpn {
	struct world *world;
	const struct mirror_sink *sink;
	api_name site;
	evpn_routes_changed changed;
	void *arg;
	struct feed_list feeds;
	struct vtep_tree vteps;
	struct group_tree groups;
	uint32_t multihomed; /* stations */
};

/* The sink is told of the object, or that it is gone. */
void evpn_tell(struct evpn *evpn, enum object_type type, union api_object *obj, bool there);

/* ---- vtep.c ---- */

/* One user more; the tunnel is wanted from the first on. */
struct vtep *vtep_take(struct evpn *evpn, const struct api_ip *local, const struct api_ip *remote,
	uint16_t dst_port);
void vtep_drop(struct evpn *evpn, struct vtep *vtep);
const struct vtep *vtep_find(const struct evpn *evpn, const struct api_ip *local,
	const struct api_ip *remote, uint16_t dst_port);
/* Has one another name by the world as it is now? */
bool vteps_renamed(const struct evpn *evpn);

/* The feed's members as the kernel's tables are: all looked at. */
void members_look(struct evpn *evpn, struct feed *feed);
void members_forget(struct evpn *evpn, struct feed *feed);

/* ---- station.c ---- */

void stations_look(struct evpn *evpn, struct feed *feed); /* all */
void station_look(struct evpn *evpn, struct feed *feed, const struct api_mac_addr *mac);
void stations_forget(struct evpn *evpn, struct feed *feed);

/* A MAC is to be looked at when all has been told. */
void station_changed(struct feed *feed, const struct api_mac_addr *mac);

/* A next hop, or a group of them, is another one than before: its stations are. */
void group_changed(
	struct evpn *evpn, const struct kernel *kernel, const struct kernel_nexthop *nexthop);

/* Where the device's own table has a MAC. */
struct remote {
	struct api_ip vtep; /* of several the lowest; family 0: there is none that can be used */
	uint32_t vteps;
	uint32_t group; /* id; 0: none */
};
/* False: nowhere, or its group has none (yet) of the device's family. */
bool evpn_remote_of(const struct feed *feed, const struct api_mac_addr *mac, struct remote *out);
bool evpn_is_station(const struct api_mac_addr *mac); /* of one, not 00:… or a group's */

#endif
