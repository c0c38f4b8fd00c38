/* SPDX-License-Identifier: BSD-3-Clause */
/* What people want, as C structures: the intents of the REST API. Described once as data
 * (intent_types.c: struct api_type, as dataplane/objects describes the socket's objects), from
 * which come the decoder with its error texts, the normalised JSON, OpenAPI and the CLI's help.
 *
 * One set of intents describes all sites; each box compiles the part of its own site. */
#ifndef INTENT_INTENT_TYPES_H
#define INTENT_INTENT_TYPES_H

#include <string.h>

#include "schema.h"

#define INTENT_NAME  30 /* characters of an intent's name: letters, digits and ". _ - @" */
#define INTENT_PORT  24 /* of a port's: an attachment is called SLICE:PORT.VLAN */
#define INTENT_TAP   15 /* of an interface's of the kernel */
#define INTENT_TEXT  127
#define INTENT_LIST  64	  /* ports, addresses, neighbours, routes of one place */
#define INTENT_SITES 1024 /* endpoints of one slice, hosts of one network */
#define VNI_FIRST    4096 /* of those that are chosen here; lower ones are for people */
#define VNI_LAST     16777215

enum intent_type {
	INTENT_SITE,
	INTENT_WAN,
	INTENT_SLICE,
	INTENT_HOST,
	INTENT_NETWORK,	      /* virtual dedicated network */
	INTENT_LOCAL_NETWORK, /* local data network: a rule of the uplink classifier */
	INTENT_SESSION,
	INTENT_TENANT, /* what a tenant may have: its grant */
	INTENT_TYPES
};

typedef char intent_text[INTENT_TEXT + 1];

/* ---- sites and WANs ---- */

struct intent_neighbor {
	struct api_ip address;
	struct api_mac_addr mac;
};
struct intent_neighbors {
	uint32_t count;
	struct intent_neighbor *item;
};

struct intent_route {
	struct api_ip prefix;
	struct api_ip via; /* the next hop, on a network of the same port or endpoint */
};
struct intent_routes {
	uint32_t count;
	struct intent_route *item;
};

/* A port of the box. Those of sites are for tenants, or, with addresses, underlay (N3, N6, N9). */
struct intent_port {
	api_name name;		       /* unique at its site; WANs are ports, too */
	char device[LIMIT_DEVICE + 1]; /* DPDK's; left out: a site whose box is not Sluice */
	uint32_t mtu;		       /* default 1500 */
	bool tap;		       /* a twin in the kernel; default: when it has addresses */
	struct api_mac_addr mac;
	uint32_t queues, mbufs;		   /* 0: as the dataplane chooses */
	struct api_prefixes addresses;	   /* host bits kept */
	struct intent_neighbors neighbors; /* static ones */
	struct intent_routes routes;	   /* of the underlay */
};
struct intent_ports {
	uint32_t count;
	struct intent_port *item;
};

struct intent_gtpu {
	api_name name;
	struct api_ip address;
	uint32_t interface, echo_s; /* as api_gtpu's, */
	bool accept_zero_csum6;	    /* likewise */
};
struct intent_gtpus {
	uint32_t count;
	struct intent_gtpu *item;
};

struct intent_site {
	api_name name;
	intent_text description;
	struct intent_ports ports;
	struct intent_gtpus gtpu;
};

struct intent_wan {
	struct intent_port port; /* its fields lie flat in the JSON: name, device, … */
	api_name site;
	intent_text provider;
	uint64_t capacity_bps;			/* what may be committed over it; 0: not limited */
	bool shape;				/* what leaves is shaped to capacity_bps */
	bool accept_zero_csum6, has_zero_csum6; /* as a tunnel's */
	uint32_t preference; /* the site's WAN with the lowest is tried first; default 100 */
};

/* ---- what tenants ask for ---- */

struct intent_bandwidth {
	uint64_t committed_bps; /* booked on each WAN it uses, and guaranteed; default 0 */
	uint64_t peak_bps;	/* 0: committed_bps */
	uint32_t burst_ms;	/* what may come at once, in time at each rate; 0: as the compiler
				   chooses */
};

struct intent_endpoint {
	api_name site, port;
	uint32_t vlan;			 /* 0: untagged */
	api_name wan;			 /* left out: chosen by admission, and written here */
	struct api_ip gateway, gateway6; /* l3: this box's address there */
	struct intent_routes routes;	 /* l3: networks behind hosts of this endpoint */
	api_name tap;			 /* its interface in the kernel; "": none */
};
struct intent_endpoints {
	uint32_t count;
	struct intent_endpoint *item;
};

/* The kernel's side of a slice, the same at all its sites. Exactly one of them. */
struct intent_kernel {
	api_name netns, vrf; /* l3: its routes are this one's */
	uint32_t table;
	api_name bridge; /* l2: its stations are this one's */
};

enum { SERVICE_L2, SERVICE_L3 }; /* as SLICE_L2, SLICE_L3 */

struct intent_slice {
	api_name name;
	api_name tenant;
	intent_text description;
	uint32_t service;
	uint32_t vni;	/* 0: allocated, and written here */
	uint32_t encap; /* vxlan, geneve */
	uint32_t mtu;	/* 0: not asked for; else refused where a WAN cannot carry it */
	uint32_t weight;
	struct intent_bandwidth bandwidth;
	bool has_bandwidth;
	struct intent_kernel kernel;
	bool has_kernel;
	struct intent_endpoints endpoints;
};

/* Has it an endpoint at the site? */
static inline bool intent_slice_is_at(const struct intent_slice *slice, const char *site)
{
	for (uint32_t i = 0; i < slice->endpoints.count; i++)
		if (!strcmp(slice->endpoints.item[i].site, site))
			return true;
	return false;
}

struct intent_host {
	api_name name;
	api_name tenant;
	api_name site, port;
	uint32_t vlan;
	struct api_mac_addr mac;
	struct api_ip address, address6; /* plain addresses */
};

struct intent_placement {
	api_name site, wan;
};
struct intent_placements {
	uint32_t count;
	struct intent_placement *item;
};

/* The hosts and nobody else: an l2 slice of their own, whose MACs are all static. */
struct intent_network {
	api_name name;
	api_name tenant;
	intent_text description;
	struct api_texts hosts; /* names */
	uint32_t vni;
	struct intent_bandwidth bandwidth;
	bool has_bandwidth;
	bool exclusive;			     /* its hosts are in no other network */
	struct intent_placements placements; /* one a site of its hosts, in order of sites, when
						there is more than one site; chosen by admission */
};

/* Uplink classifier: what UEs of sessions with this DNN send to these prefixes leaves locally. */
struct intent_local_network {
	api_name name;
	api_name tenant;
	api_name site;	/* where; left out: at every site */
	api_name dnn;	/* of the sessions; left out: all */
	api_name from;	/* slice of the sessions; left out: all of the tenant's */
	api_name slice; /* l3: where to */
	struct api_prefixes prefixes;
};

struct intent_session {
	struct api_session session; /* its fields lie flat in the JSON */
	api_name site;
	api_name tenant;
	api_name dnn;
};

/* ---- what tenants may have ---- */

/* last 0, in JSON left out: first alone. */
struct intent_range {
	uint32_t first, last;
};
struct intent_ranges {
	uint32_t count;
	struct intent_range *item;
};

struct intent_grant_place {
	api_name site, port;
	struct intent_ranges vlans;
	bool untagged;
};
struct intent_grant_places {
	uint32_t count;
	struct intent_grant_place *item;
};

struct intent_grant_wan {
	api_name site, wan;
	uint64_t committed_bps, peak_bps; /* over it; 0: as in all */
};
struct intent_grant_wans {
	uint32_t count;
	struct intent_grant_wan *item;
};

struct intent_grant_peer {
	struct api_ip prefix;
	uint32_t first_teid, last_teid; /* of the peer's tunnels */
};
struct intent_grant_peers {
	uint32_t count;
	struct intent_grant_peer *item;
};

struct intent_grant_gtpu {
	api_name site, gtpu;
	uint32_t first_teid, last_teid; /* of its own tunnels here */
	struct intent_grant_peers peers;
};
struct intent_grant_gtpus {
	uint32_t count;
	struct intent_grant_gtpu *item;
};

/* Operators' limits of what a tenant's tokens may ask for. What it does not name is not granted. */
struct intent_tenant {
	api_name name; /* as tokens and intents name it */
	intent_text description;
	uint32_t slices, hosts, local_data_networks, sessions; /* how many; networks are slices */
	uint64_t committed_bps, peak_bps;		       /* sums; peak 0: committed_bps */
	bool unmetered;					       /* slices without bandwidth, too */
	uint32_t weight;				       /* of one slice; default 1 */
	struct api_texts encaps;			       /* left out: vxlan */
	struct intent_ranges vnis;			       /* empty: chosen ones alone */
	struct intent_grant_places places;
	struct intent_grant_wans wans;
	struct intent_grant_gtpus gtpu;
	struct api_prefixes ue_pools;
};

union intent_object {
	struct intent_site site;
	struct intent_wan wan;
	struct intent_slice slice;
	struct intent_host host;
	struct intent_network network;
	struct intent_local_network local_network;
	struct intent_session session;
	struct intent_tenant tenant;
};

/* api_type.type is an enum intent_type here, and api_field.ref always -1. */
extern struct api_type intent_types[INTENT_TYPES];

/* Fills in what is made of other tables (WANs, sessions); once, before any other call. */
void intent_types_init(void);

#endif
