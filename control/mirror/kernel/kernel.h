/* SPDX-License-Identifier: BSD-3-Clause */
/* What the Linux kernel knows in one network namespace, as far as forwarding goes: links,
 * addresses, next hops, routes, neighbours, bridge FDBs; kept by rtnetlink (libmnl) and made anew
 * by dumps: at first, after an overrun (ENOBUFS), and every so often. Knows nothing of Sluice: what
 * it means for the dataplane is the business of those who listen (mirror.h). One thread, the
 * loop's.
 *
 * What the kernel does without a message is done here as well: IPv4 routes by a link that goes down
 * or away, routes and FDB entries by a next hop object that is deleted, next hop objects of a link
 * that has no carrier any more, addresses and neighbours of a link that leaves. Known to be left to
 * the next rescan: a permanent neighbour that somebody asks for by `use` or `managed` (it is none
 * any more).
 */
#ifndef KERNEL_KERNEL_H
#define KERNEL_KERNEL_H

#include <event2/event.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "types.h"

struct kernel;

enum kernel_kind {
	KERNEL_LINK,
	KERNEL_ADDRESS,
	KERNEL_NEXTHOP, /* an object: `ip nexthop` */
	KERNEL_ROUTE,
	KERNEL_NEIGHBOR,
	KERNEL_FDB, /* neighbours of family bridge */
	KERNEL_KINDS
};

struct kernel_link {
	uint32_t index;
	char name[IFNAMSIZ];
	char kind[IFNAMSIZ]; /* "vxlan", "bridge", "vrf", "tun", "veth"; "" for a NIC */
	uint32_t master;
	struct api_mac_addr mac;
	bool up;	/* IFF_UP */
	bool carrier;	/* IFF_LOWER_UP */
	uint32_t table; /* of a VRF */
	struct {	/* of a VXLAN device; vni 0: it has none of its own (external) */
		uint32_t vni;
		struct api_ip local;
		uint16_t dst_port;
	} vxlan;
};

/* Not those for which duplicate address detection goes on or has failed: the kernel tells of an
 * address when it may be used. */
struct kernel_address {
	uint32_t index;
	struct api_ip prefix; /* host bits kept */
	uint8_t protocol;     /* IFA_PROTO; 0: not said */
};

struct kernel_via {
	uint32_t index;	       /* of the link; 0: none (blackhole) */
	struct api_ip address; /* family 0: on the link. May be of the other family (RFC 8950) */
	uint16_t weight;       /* 1 to 256 */
	bool encap;	       /* wants a header of its own (MPLS, a tunnel's metadata) */
	bool dead;	       /* by kernel_ways alone: its link is gone, down, without carrier */
};

struct kernel_nexthop {
	uint32_t id;
	bool blackhole, fdb;
	struct kernel_via via; /* unless it is a group */
	uint32_t members;
	struct {
		uint32_t id;
		uint16_t weight;
	} member[]; /* of a group */
};

struct kernel_route {
	uint32_t table;
	struct api_ip prefix;
	uint32_t metric; /* of those with one prefix the lowest goes first */
	uint8_t tos;
	uint8_t protocol; /* RTPROT_…; IPv6: of one of the ways, should they differ */
	uint8_t type;	  /* RTN_UNICAST, RTN_BLACKHOLE, RTN_LOCAL, … */
	uint8_t scope;
	uint32_t nexthop; /* id of an object; 0: `via` says it */
	uint32_t via_count;
	const struct kernel_via
		*via; /* shared by all routes of these ways; in an order of its own */
};

/* Only those that have a MAC to be sent to: what is incomplete, has failed or needs none (proxies,
 * NOARP unless it is EXT_LEARNED, as FRR's router MACs are) is as if it were not there, since the
 * kernel comes and goes there without a message. */
struct kernel_neighbor {
	uint32_t index;
	struct api_ip address;
	struct api_mac_addr mac;
	uint16_t
		state; /* NUD_PERMANENT, NUD_NOARP; NUD_REACHABLE for others, the stale ones, too */
	uint8_t flags; /* NTF_EXT_LEARNED, NTF_ROUTER */
};

/* Two tables, of which the kernel tells in messages of one kind. A bridge's own (master not 0): key
 * (master, mac, vlan); a station that moves from one port to another is a change of `index`, no
 * message tells that it has left the first. And a device's own (master 0; a VXLAN device's): key
 * (index, mac), and of MAC 00:… and groups dst, port and vni as well. A remote station is known
 * when both have it: the bridge by the VXLAN device as its port, and that with the other VTEP; what
 * FRR leaves in the second alone is of no meaning. A device's own without another VTEP (its
 * multicast filter) are not here. */
struct kernel_fdb {
	uint32_t index; /* of the device: a VXLAN device, a port of a bridge */
	uint32_t master;
	struct api_mac_addr mac;
	uint16_t vlan;
	struct api_ip dst; /* of a VXLAN device's own: the other VTEP; family 0: none. Several of
			      MAC 00:… make the flood list */
	uint32_t vni;	   /* that goes with dst; 0: the device's */
	uint16_t port;	   /* 0: the device's */
	uint32_t nexthop;  /* id of an fdb group instead of dst; 0: none */
	uint16_t state;	   /* NUD_PERMANENT, NUD_NOARP (static), else NUD_REACHABLE */
	uint8_t flags;	   /* NTF_EXT_LEARNED, NTF_STICKY */
};

/* One entry is new, another than before, or gone (entry: as it was last; borrowed). Called from
 * the loop, after the tables have it so. That a route is gone says nothing of its prefix: another
 * one may be there, by another metric or added to it: kernel_route tells. A link that changes
 * makes ways dead or alive without a word for their routes: kernel_each_route_by. */
struct kernel_listener {
	void (*changed)(struct kernel *kernel, enum kernel_kind kind, const void *entry, bool gone,
		void *arg);
	/* All messages that were there have been taken in: the time to act on what has changed.
	 * Also called when the first dump is whole (kernel_complete) and when the namespace is
	 * gone or there again. */
	void (*settled)(struct kernel *kernel, void *arg);
	void *arg;
};

/* netns: a name under /run/netns, or NULL: the one this process is in. That it is not there (yet)
 * is no error: it is looked for until it comes (complete: false until then). listener is copied.
 * rescan_s: seconds between dumps; 0: 300. 0, -EPERM. */
int kernel_open(struct event_base *base, const char *netns, uint32_t rescan_s,
	const struct kernel_listener *listener, struct kernel **out);
void kernel_close(struct kernel *kernel);  /* the listener is not called any more */
void kernel_rescan(struct kernel *kernel); /* dumps all again, soon */

const char *kernel_netns(const struct kernel *kernel); /* NULL: our own */
bool kernel_complete(const struct kernel *kernel);     /* all tables are known */

/* ---- reading: what is returned is valid until the loop goes on ---- */

const struct kernel_link *kernel_link(const struct kernel *kernel, uint32_t index);
const struct kernel_link *kernel_link_named(const struct kernel *kernel, const char *name);
const struct kernel_nexthop *kernel_nexthop(const struct kernel *kernel, uint32_t id);
const struct kernel_neighbor *kernel_neighbor(
	const struct kernel *kernel, uint32_t index, const struct api_ip *address);
/* By which port a bridge reaches a MAC (vlan 0). */
const struct kernel_fdb *kernel_fdb_of_bridge(
	const struct kernel *kernel, uint32_t bridge, const struct api_mac_addr *mac);
/* A device's own entries for a MAC; several for 00:…. */
void kernel_each_fdb_of_device(const struct kernel *kernel, uint32_t index,
	const struct api_mac_addr *mac, void (*each)(const struct kernel_fdb *entry, void *arg),
	void *arg);
/* All that a bridge has by this port (costs what that bridge has) and a device has of its own. */
void kernel_each_fdb_of_port(const struct kernel *kernel, uint32_t index,
	void (*each)(const struct kernel_fdb *entry, void *arg), void *arg);
/* The route that counts for this prefix of this table: of the lowest metric, tos 0; NULL: none. */
const struct kernel_route *kernel_route(
	const struct kernel *kernel, uint32_t table, const struct api_ip *prefix);
/* All entries of a kind, in an order of their keys (routes: in none); each may not change the
 * tables. */
void kernel_each(const struct kernel *kernel, enum kernel_kind kind,
	void (*each)(const void *entry, void *arg), void *arg);
/* Those routes only whose table it is / that use this link or next hop object, directly or by a
 * group: costs no more than those are. */
void kernel_each_route_of(const struct kernel *kernel, uint32_t table,
	void (*each)(const struct kernel_route *route, void *arg), void *arg);
void kernel_each_route_by(const struct kernel *kernel, uint32_t link, uint32_t nexthop,
	void (*each)(const struct kernel_route *route, void *arg), void *arg);
/* The ways of a route, next hop objects and their groups followed, dead ones included, at most
 * `room`: how many there are. A way that wants a header of its own is dead, too. */
uint32_t kernel_ways(const struct kernel *kernel, const struct kernel_route *route,
	struct kernel_via *via, uint32_t room);

/* ---- writing: in order and at once; what the kernel refuses is told to log and counted. 0,
 * -ENOTCONN: the namespace is not there; -errno ---- */

/* An entry of the FDB of a bridge's port (NTF_MASTER | NTF_EXT_LEARNED, NUD_REACHABLE, replace: FRR
 * advertises it, nobody ages it), of a station that is there. add false: it is
 * taken away; that it is not there is fine. */
int kernel_set_fdb(struct kernel *kernel, uint32_t index, const struct api_mac_addr *mac, bool add);
/* The kernel resolves this neighbour and keeps it (NTF_EXT_MANAGED, from Linux 5.16 on; before: is
 * asked for once, call again), or lets it age again. The kernel forgets when the link goes down:
 * call again when it is up. What others hold (permanent, EXT_LEARNED) is left as it is. */
int kernel_keep_neighbor(
	struct kernel *kernel, uint32_t index, const struct api_ip *address, bool keep);
/* Marked as ours (API_KERNEL_PROTOCOL, where the kernel can: from 5.18 on); usable at once. One
 * that is there already stays its owner's. */
int kernel_set_address(
	struct kernel *kernel, uint32_t index, const struct api_ip *prefix, bool add);
/* Up or down; master 0: none; and of a bridge's port: no learning, no flooding by the kernel. */
int kernel_set_up(struct kernel *kernel, uint32_t index, bool up);
int kernel_set_master(struct kernel *kernel, uint32_t index, uint32_t master, bool quiet);
int kernel_set_mac(struct kernel *kernel, uint32_t index, const struct api_mac_addr *mac);
/* The link leaves this namespace for another one, by name (NULL: this process'). */
int kernel_move(struct kernel *kernel, uint32_t index, const char *netns);
/* A link that is not there any more is fine. */
int kernel_delete_link(struct kernel *kernel, uint32_t index);

struct kernel_counters {
	uint64_t messages;    /* taken in */
	uint64_t overruns;    /* ENOBUFS: messages were lost */
	uint64_t rescans;     /* whole dumps */
	uint64_t drift_total; /* entries that a rescan found other than they were known */
	uint64_t verified;    /* partial dumps, after what the kernel does without a message */
	uint32_t drift_last;  /* of the last whole rescan that was not due to an overrun */
	uint64_t refused;     /* writes that the kernel refused */
	uint32_t entries[KERNEL_KINDS];
	uint32_t receive_buffer_bytes;
};
void kernel_counters(const struct kernel *kernel, struct kernel_counters *out);

#endif
