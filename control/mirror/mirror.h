/* SPDX-License-Identifier: BSD-3-Clause */
/* The kernel as the slow path: what Linux and the programs beside us (iproute2, FRR) say by
 * addresses, routes, neighbours and bridge FDBs becomes objects of the dataplane, by way of its
 * sink (sink.h); and what the dataplane knows and the kernel should (stations, next hops it needs,
 * gateway addresses on taps) is told to the kernel. Works on its own once started; order does not
 * matter: what is incomplete waits for the rest. One thread, the loop's.
 *
 *   namespace of this process     underlay: port ↔ its tap, or the NIC below an AF_XDP port
 *   a slice's `kernel`            l3: netns, VRF or table → routes, addresses, static neighbours
 *                                 of its taps; l2: a bridge, whose port the tap becomes
 *   VXLAN devices                 VNI ↔ slice: FDB → tunnel, member, mac (EVPN types 2 and 3)
 *   routes by a VTEP              l3, EVPN type 5 → via tunnel and router MAC */
#ifndef MIRROR_MIRROR_H
#define MIRROR_MIRROR_H

#include "dataplane.h"
#include "kernel.h"
#include "sink.h"
#include "world.h"

struct mirror;

struct mirror_config {
	const char *site;
	uint32_t rescan_s; /* 0: 300 */
};

/* 0, -EPERM (no netlink). config and sink are copied. The sink is told when the first
 * picture is whole. */
int mirror_start(struct event_base *base, struct world *world, struct dataplane *dp,
	const struct mirror_sink *sink, const struct mirror_config *config, struct mirror **out);
void mirror_stop(struct mirror *mirror); /* before dataplane_close(); NULL: nothing */

/* The world has changed (slices, ports): looked at again from the loop. Cheap. NULL: nothing. */
void mirror_touch(struct mirror *mirror);

struct mirror_counters {
	struct kernel_counters kernel; /* summed over namespaces */
	uint32_t namespaces, namespaces_missing;
	bool ready;		  /* the first picture was whole, and the sink was told */
	uint32_t macs_multihomed; /* with more VTEPs than the one that is used */
	uint32_t routes_unusable; /* known, and none of their ways is by anything of ours */
	uint64_t ways_left_out;	  /* of routes with more than the dataplane holds, each time */
	uint32_t stations;	  /* told to the kernel's bridges */
	uint32_t neighbors_kept;  /* next hops that the kernel was asked to keep */
	uint64_t last_change_us;  /* from a message to the sink, the last time */
	/* of the sink: objects that it was told; of those, not yet said to the dataplane, refused
	 * by it, and waiting for another object; and those that it had otherwise than it was said
	 */
	uint32_t addresses, neighbors, routes, tunnels, members, macs;
	uint32_t unsaid, refused, waiting;
	uint32_t lists; /* of those, looked at */
	uint64_t drift_total, transactions;
};
void mirror_counters(const struct mirror *mirror, struct mirror_counters *out);

/* What slices name of the kernel and is not there, or not as it should be, one line a slice: said
 * is borrowed. */
#define MIRROR_GAP_BYTES 256
typedef void (*mirror_gap)(const char *slice, const char *said, void *arg);
void mirror_gaps(const struct mirror *mirror, mirror_gap each, void *arg);
/* The same as {slice: said}, borrowed; once a second: what is so at two looks, or is not so any
 * more, the sink is told as an event. */
json_t *mirror_look_for_gaps(struct mirror *mirror);

#endif
