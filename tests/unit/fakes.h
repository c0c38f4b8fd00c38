/* SPDX-License-Identifier: BSD-3-Clause */
/* What the fakes of core and pipelines saw, for test_rpc.c to look at. */
#ifndef TESTS_FAKES_H
#define TESTS_FAKES_H

#include <stdbool.h>
#include <stdint.h>

#include "nexthop.h"
#include "underlay.h"

struct fakes {
	int ports_open, ports_published;
	int touched; /* calls that would have changed devices or the kernel */
	int slices_held, attachments_held, tunnels_held; /* ids reserved and not released */
	int slices_set, attachments_set, tunnels_set, members_set; /* published now */
	uint64_t guarantee_bps;					   /* of the slice told last */
	uint32_t weight;
	int tuns_open, taps_set;     /* interfaces held, and attachments that use one */
	uint8_t gateway_mac;	     /* last byte of slices' */
	int meters_held, meters_set; /* profiles */
	int metered[3];		     /* places, by enum police_place */
	uint16_t meter_used[3];	     /* the meter that was told last of each */
	int addresses_set, neighbors_set, routes_set, tap_addresses;
	int resolves;
	uint32_t via_count; /* of the last route set */
	struct l3_via via[16];
	bool fail_port_open, fail_tap_address;
	bool tap_there; /* told port_open_check() last */
	int devices_more;
	bool link, gone;
	bool port_lost, port_back; /* told by port_look() */
	const char *port_fault;	   /* NULL: none */
	uint32_t interface_mtu;	   /* below ports; 0: not known */
	int bound;		   /* calls of port_bound() */
	int twin;		   /* of port 1; enum port_twin */
	bool fail_twin;
	struct underlay_hop hop;    /* wanted, */
	uint32_t missing, hop_news; /* and (0 or 1) without a neighbour, to be told */
	uint32_t fdb_limit;
	int trace_records; /* trace_drain hands out so many more */
	bool trace_armed;
	/* routing (fakes_l3.c); what is reserved and not used up or given back, users of next hops
	 */
	int gateways_announced; /* of a whole slice: 1000 */
	int gateways_set, gateways_reserved, hosts_reserved, fib_reserved, nexthops_used;
	/* sessions (fakes_upf.c): states kept, committed or not; session_commit() calls */
	int gtpus_held, gtpus_set, sessions_held, session_commits;
	int resolves_before_sessions; /* how often, when sessions were committed last */
	uint32_t session_limit;
	bool check_taken; /* addresses and TEIDs, by looking at all sessions */
	uint32_t gateway_limit, host_limit, fib_limit, nexthop_limit;
};

extern struct fakes fakes;

/* Everything forgotten, MACs too. */
void fakes_reset(void);

/* Parts of it. */
void fakes_port_reset(void);
void fakes_fdb_reset(void);
void fakes_l3_reset(void);
void fakes_upf_reset(void);

/* MAC and MTU of an open interface; "": there is none. */
const char *fakes_tun(const char *name);
/* The descriptor an attachment's frames pass through, -1: none. */
int fakes_tap(uint16_t attachment);

/* As the workers' reports would. */
void fakes_neighbor(uint16_t slice, uint16_t attachment, const char *address, const char *mac);
void fakes_learn(uint16_t slice, const char *mac, uint32_t door);

#endif
