/* SPDX-License-Identifier: BSD-3-Clause */
/* What EVPN has put into the kernel (FRR, or anybody who writes FDBs): VXLAN devices with a
 * slice's VNI → tunnel, member and mac objects, and the ways of routes by other VTEPs (RFC 8365;
 * RFC 9135, RFC 9136 section 4.4.2). Owns the feeds and what the sink was told.
 *
 *   l2 slice   the VXLAN device that is a port of the slice's bridge: its entries of MAC 00:… are
 *              members (type 3), stations that the bridge has behind it are movable macs (type 2)
 *              station of several VTEPs (an FDB group of next hops: EVPN's multihoming, RFC 8365
 *              section 8) is behind the one with the lowest address, since a mac has one tunnel
 *   l3 slice   the VXLAN device in the slice's own part of the kernel: other routers' MACs are
 *              members; a route by one of them is a way by tunnel and router MAC (type 5) */
#ifndef EVPN_EVPN_H
#define EVPN_EVPN_H

#include "kernel.h"
#include "sink.h"
#include "world.h"

struct evpn;

/* Routes by this link are to be looked at again: evpn_via may answer otherwise than before. */
typedef void (*evpn_routes_changed)(struct kernel *kernel, uint32_t link, void *arg);

/* sink is borrowed. */
struct evpn *evpn_create(struct world *world, const char *site, const struct mirror_sink *sink,
	evpn_routes_changed changed, void *arg);
void evpn_free(struct evpn *evpn); /* tells the sink nothing */

/* What slices there are, whenever that may have changed: between begin and end one call for each l2
 * or l3 slice with a part in the kernel, at which its VXLAN device is looked for. bridge: its name,
 * l2; NULL, l3. mac: of an l3 slice's gateways, which the device's bridge gets. */
void evpn_slices_begin(struct evpn *evpn);
void evpn_slice(struct evpn *evpn, const char *slice, uint32_t vni, struct kernel *kernel,
	const char *bridge, const struct api_mac_addr *mac);
void evpn_slices_end(struct evpn *evpn);

/* From the kernel's listener, for links, next hops, neighbours and FDBs; the work is done at
 * settled. */
void evpn_changed(struct evpn *evpn, struct kernel *kernel, enum kernel_kind kind,
	const void *entry, bool gone);
void evpn_settled(struct evpn *evpn);

/* A way of a route of this l3 slice over a link that is not the slice's own: into via's tunnel and
 * mac. False: it is not EVPN's, or not (yet) whole. */
bool evpn_via(const struct evpn *evpn, struct kernel *kernel, const char *slice, uint32_t link,
	const struct api_ip *gateway, struct api_via *via);

/* Each slice that was told of, and the VXLAN device that was found for it. */
struct evpn_slice_view {
	const char *slice, *bridge; /* bridge "": l3 */
	const struct kernel *kernel;
	uint32_t vni, device; /* 0: there is none */
};
void evpn_each_slice(const struct evpn *evpn,
	void (*each)(const struct evpn_slice_view *view, void *arg), void *arg);

/* Stations with other VTEPs than the one that is used. */
uint32_t evpn_multihomed(const struct evpn *evpn);

#endif
