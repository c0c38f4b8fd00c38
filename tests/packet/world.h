/* SPDX-License-Identifier: BSD-3-Clause */
/* A random topology, and a slow model of who may enter which slice: for test_isolation.c. */
#ifndef TESTS_WORLD_H
#define TESTS_WORLD_H

#include "build.h"

#define SLICES	    6
#define LANS	    3
#define WANS	    2
#define ATTACHMENTS 16
#define TUNNELS	    10
#define NONE	    -1

/* A door is an attachment's index, or DOOR_T and a tunnel's. */
#define DOOR_T 1000

struct world {
	uint16_t port[LANS + WANS]; /* the wans last */
	int slices, attachments, tunnels;
	struct {
		uint16_t id;
		uint32_t vni;
	} slice[SLICES];
	struct {
		uint16_t id;
		int slice, port, vlan;
	} attachment[ATTACHMENTS];
	struct {
		uint16_t id;
		bool v6, geneve;
		int wan;
		char local[40], remote[40];
		uint16_t dst_port;
		bool member[SLICES];
	} tunnel[TUNNELS];
};

extern struct world world;

/* Where a packet came in, or went out: slice NONE where it must not. */
struct passage {
	int slice, door;
};

/* Small numbers from the run's seed. */
extern uint64_t random_state;
uint32_t rnd(uint32_t below);
#define CHANCE(percent) (rnd(100) < (percent))

void world_build(void);
/* One thing is configured anew, with traffic before and after. */
void world_change(void);

int world_port(uint16_t id);
/* The most that a packet on this port may do: enter this slice by this door. */
struct passage world_enter(int port, const struct pkt *p);
/* The door a packet left by; *frame is where the tenant's frame begins. */
struct passage world_leave(int port, const struct pkt *p, uint32_t *frame);

#endif
