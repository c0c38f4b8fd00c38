/* SPDX-License-Identifier: BSD-3-Clause */
/* A random topology of l2 and l3 slices, changes of it, and a slow model that knows the
 * configuration alone: for test_isolation.c. world.c builds doors, world_l3.c what routes need,
 * model.c says who may enter where and which way a packet may go on. */
#ifndef TESTS_WORLD_H
#define TESTS_WORLD_H

#include <stdio.h>

#include "build.h"

#define SLICES	    7
#define LANS	    3
#define WANS	    2
#define ATTACHMENTS 18
#define TUNNELS	    10
#define GATEWAYS    40
#define NEIGHBORS   64
#define ROUTES	    48
#define VIAS	    4
#define CLAIMS	    512
#define GONE	    16
#define GTPUS	    (2 * WANS)
#define SESSIONS    12
#define UES	    4 /* of a slice; in all the same addresses */
#define NONE	    -1

/* A door is an attachment's index, or DOOR_T and a tunnel's, or DOOR_S and a session's. */
#define DOOR_T 1000
#define DOOR_S 2000

/* slice NONE, or count 0: not there. */
struct world {
	uint16_t port[LANS + WANS]; /* the wans last */
	uint32_t mtu[LANS + WANS];
	int slices, tunnels;
	struct {
		uint16_t id;
		uint16_t tenant; /* never used again, whatever becomes of the id */
		uint32_t vni;
		bool l3;
		uint64_t mac; /* of its gateways */
	} slice[SLICES];
	struct {
		uint16_t id;
		int slice, port, vlan;
		bool tap;
	} attachment[ATTACHMENTS];
	struct {
		uint16_t id;
		bool v6, geneve;
		int wan;
		char local[40], remote[40];
		uint16_t dst_port;
		bool member[SLICES];
	} tunnel[TUNNELS];
	struct {
		int slice, attachment;
		struct api_ip prefix; /* with the host bits of the address */
	} gateway[GATEWAYS];
	struct {
		int slice, attachment;
		struct api_ip address;
		uint64_t mac;
	} neighbor[NEIGHBORS];
	struct {
		int slice, vias;
		struct api_ip prefix;
		struct {
			int door; /* attachment or tunnel */
			struct api_ip address;
			uint64_t mac; /* by a tunnel; 0: the slice's own */
		} via[VIAS];
		uint64_t since_tsc;
	} route[ROUTES];
	/* what stations said of themselves by ARP or ND: may be believed on that attachment */
	struct {
		int attachment; /* NONE: free */
		struct api_ip address;
		uint64_t mac;
	} claim[CLAIMS];
	uint32_t claims; /* next to be written */
	/* gateways that are no more: what main ordered a moment ago may still be asked from them */
	struct {
		uint16_t tenant;
		struct api_ip address;
	} gone[GONE];
	uint32_t gones;
	struct {
		int wan;
		bool v6;
		char address[40];
	} gtpu[GTPUS];
	/* UEs: in a slice, by GTP-U to the box and to a peer */
	struct {
		int slice, to; /* whose addresses it has; where it sends */
		int ue, gtpu;
		bool v6, up, down; /* has IPv6, too; forwarded, or dropped */
		uint32_t teid, peer_teid;
		char peer[40];
	} session[SESSIONS];
};

/* Where a packet came in, or went out: slice NONE where it must not. */
struct passage {
	int slice, door;
};

extern struct world world;

/* Small numbers from the run's seed. */
extern uint64_t random_state;
uint32_t rnd(uint32_t below);
#define CHANCE(percent) (rnd(100) < (percent))

/* ---- world.c ---- */

void world_build(void);
/* One thing is configured anew, with traffic before and after. */
void world_change(void);

/* ---- world_l3.c ---- */

/* An address of the world's plan: host of network net, 10.0.net.host and fd00:net::host; far ones
 * are behind routes only. */
struct api_ip l3_host(bool v6, uint32_t net, uint32_t host);
struct api_ip l3_far(bool v6, uint32_t net, uint32_t host);
#define L3_NETS	 5
#define L3_HOSTS 8

void l3_build(void);
void l3_change(void);
/* What names them goes, in the order that the socket would want. */
void l3_attachment_leaves(int attachment);
void l3_member_leaves(int slice, int tunnel);
void l3_slice_leaves(int slice);
/* The MAC of a station, mostly its own. */
uint64_t l3_station_mac(void);
void l3_print(FILE *f);

/* ---- world_upf.c ---- */

/* An address of a UE; host: of its IPv6 prefix. */
struct api_ip upf_ue(bool v6, uint32_t ue, uint32_t host);
void upf_build(void);
void upf_change(void);
void upf_slice_begins(int slice);
void upf_slice_leaves(int slice);
/* Of GTP-U, what world_enter() and world_leave() say. */
struct passage upf_enter(const struct pkt *p, uint32_t *frame);
struct passage upf_leave(int port, const struct pkt *p, uint32_t *frame);
/* Is it the box's own GTP-U message (an echo response, an error indication) to who sent one of
 * these? asked NULL: to anybody. */
bool upf_is_answer(int port, const struct pkt *p, const struct pkt *const *asked, uint32_t n);
/* Is this address a UE's in the slice? *door: NONE when its packets are dropped. */
bool upf_way(int slice, const struct api_ip *to, int *door);

/* ---- model.c ---- */

int world_port(uint16_t id);
int world_attachment(int port, int vlan);
/* The most that a packet on this port may do: enter this slice by this door. *frame: where the
 * tenant's frame begins (its MACs, for one by a tunnel; 4 for one with a tag). */
struct passage world_enter(int port, const struct pkt *p, uint32_t *frame);
/* The door a packet left by. */
struct passage world_leave(int port, const struct pkt *p, uint32_t *frame);

/* Which ways a packet of an l3 slice to this address may go on. */
struct way {
	int door;
	uint64_t mac;
};
#define WAYS_MAX 32
struct ways {
	bool local;   /* to a gateway: goes nowhere */
	bool certain; /* one of them it must go */
	int n;
	struct way way[WAYS_MAX];
};
void world_route(int slice, const struct api_ip *to, struct ways *ways);

bool ip_equal(const struct api_ip *a, const struct api_ip *b);
/* Is the address in the prefix? */
bool ip_in(const struct api_ip *prefix, const struct api_ip *address);
bool world_is_gateway(int slice, int attachment, const struct api_ip *address);
bool world_was_gateway(int slice, const struct api_ip *address);
/* On a network of this attachment? */
bool world_covers(int attachment, const struct api_ip *address);
/* A station said so: to be believed from now on, or not. */
void world_claim(int attachment, const struct api_ip *address, uint64_t mac);
void world_unclaim(int attachment);

#endif
