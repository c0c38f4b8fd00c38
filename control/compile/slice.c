/* SPDX-License-Identifier: BSD-3-Clause */
/* slice and host → slice, meter, attachments, tunnels, members, gateways and routes; static MACs in
 * an l2 slice, wherever the host is, and a static neighbour at its own site in an l3 slice. Hosts
 * of networks are network.c's.
 *
 * What an l3 slice routes: its gateways here, networks behind hosts here, and by tunnel all that is
 * at other sites. A prefix is at one endpoint alone (intent/ refuses others), so each is one route
 * with one way. */
#include "compile_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"

/* ---- what an l3 slice routes ---- */

static int emit_gateway(struct compile *c, const char *attachment, const struct api_ip *gateway)
{
	union api_object obj;

	if (!gateway->family)
		return 0;
	object_init(OBJECT_ADDRESS, &obj);
	strcpy(obj.address.attachment, attachment);
	obj.address.prefix = *gateway;
	return emit(c, OBJECT_ADDRESS, &obj);
}

/* Without the gateway's own host bits. */
static struct api_ip network_of(const struct api_ip *gateway)
{
	struct api_ip network = *gateway;

	for (unsigned bit = network.len; bit < 8 * sizeof(network.bytes); bit++)
		network.bytes[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
	return network;
}

/* Where a prefix leads: over an attachment to a host, or over a tunnel. */
static int emit_route(struct compile *c, const char *slice, const struct api_ip *prefix,
	const struct api_via *via)
{
	union api_object obj;

	if (!prefix->family)
		return 0;
	object_init(OBJECT_ROUTE, &obj);
	strcpy(obj.route.table, slice);
	obj.route.prefix = network_of(prefix);
	obj.route.via[0] = *via;
	obj.route.via[0].weight = 1;
	obj.route.via_count = 1;
	return emit(c, OBJECT_ROUTE, &obj);
}

static int emit_own(
	struct compile *c, const struct intent_slice *slice, const struct intent_endpoint *at)
{
	struct api_via via = {.weight = 0};
	int rc;

	attachment_name(via.attachment, slice->name, at->port, at->vlan);
	rc = emit_gateway(c, via.attachment, &at->gateway);
	if (!rc)
		rc = emit_gateway(c, via.attachment, &at->gateway6);
	for (uint32_t i = 0; !rc && i < at->routes.count; i++) {
		via.address = at->routes.item[i].via;
		rc = emit_route(c, slice->name, &at->routes.item[i].prefix, &via);
	}
	return rc;
}

static int emit_remote(struct compile *c, const struct intent_slice *slice,
	const struct intent_endpoint *at, const struct way *way)
{
	struct api_via via = {.weight = 0};
	int rc;

	strcpy(via.tunnel, way->tunnel);
	via.mac = compile_slice_mac(slice, at->site);
	rc = emit_route(c, slice->name, &at->gateway, &via);
	if (!rc)
		rc = emit_route(c, slice->name, &at->gateway6, &via);
	for (uint32_t i = 0; !rc && i < at->routes.count; i++)
		rc = emit_route(c, slice->name, &at->routes.item[i].prefix, &via);
	return rc;
}

/* Gateways of the own endpoints and the routes of an l3 slice: 0, -ENOMEM, -EINVAL. */
static int emit_routes(
	struct compile *c, const struct intent_slice *slice, const struct stretch *stretch)
{
	int rc = 0;

	for (uint32_t i = 0; !rc && i < slice->endpoints.count; i++) {
		const struct intent_endpoint *at = &slice->endpoints.item[i];
		const struct way *way = stretch_way(stretch, at->site);

		if (!strcmp(at->site, c->site))
			rc = emit_own(c, slice, at);
		else if (way)
			rc = emit_remote(c, slice, at, way);
	}
	return rc;
}

/* ---- the slice ---- */

struct spot *slice_spots(const struct intent_slice *slice)
{
	uint32_t count = slice->endpoints.count;
	struct spot *spot = malloc((count ? count : 1) * sizeof(*spot));

	for (uint32_t i = 0; spot && i < count; i++)
		spot[i] =
			(struct spot){slice->endpoints.item[i].site, slice->endpoints.item[i].wan};
	return spot;
}

/* EVPN tells routers apart by their MACs (RFC 9135 section 5.1): with a part in the kernel each
 * site has its own, else all have the same, which the dataplane makes of the VNI. */
struct api_mac_addr compile_slice_mac(const struct intent_slice *slice, const char *site)
{
	struct api_mac_addr mac = {{0}};
	uint64_t hash = hash_fnv64(HASH_FNV64 ^ slice->vni, site, strlen(site));

	if (slice->service != SERVICE_L3 || !slice->has_kernel)
		return mac;
	mac.bytes[0] = 0x02;
	for (int i = 1; i < 6; i++)
		mac.bytes[i] = hash >> 8 * i;
	return mac;
}

static int emit_slice(
	struct compile *c, const struct intent_slice *slice, const struct stretch *stretch)
{
	union api_object obj;
	api_name meter;
	int rc = emit_meter(c, &slice->bandwidth, meter);

	if (rc)
		return rc;
	object_init(OBJECT_SLICE, &obj);
	strcpy(obj.slice.name, slice->name);
	obj.slice.vni = slice->vni;
	obj.slice.kind = slice->service;
	obj.slice.weight = slice->weight ? slice->weight : 1;
	strcpy(obj.slice.meter, meter);
	/* one that asked for an mtu has WANs that carry it */
	obj.slice.mac = compile_slice_mac(slice, c->site);
	obj.slice.tunnel_learning = slice->service == SERVICE_L3 || !slice->has_kernel;
	obj.slice.mss_clamp = !slice->mtu && stretch_is_narrow(stretch);
	return emit(c, OBJECT_SLICE, &obj);
}

static int emit_attachments(struct compile *c, const struct intent_slice *slice)
{
	int rc = 0;

	for (uint32_t i = 0; !rc && i < slice->endpoints.count; i++) {
		const struct intent_endpoint *at = &slice->endpoints.item[i];

		if (!strcmp(at->site, c->site))
			rc = emit_attachment(c, slice->name, at->port, at->vlan, at->tap);
	}
	return rc;
}

int compile_slice(struct compile *c, const struct intent *intent)
{
	const struct intent_slice *slice = &intent->obj->slice;
	struct stretch stretch;
	struct spot *spot;
	int rc;

	if (!intent_slice_is_at(slice, c->site))
		return 0;
	spot = slice_spots(slice);
	if (!spot)
		return -ENOMEM;
	rc = stretch_make(c, spot, slice->endpoints.count, slice->encap, &stretch);
	if (rc)
		goto err_spots;
	rc = emit_slice(c, slice, &stretch);
	if (!rc)
		rc = emit_attachments(c, slice);
	if (!rc)
		rc = emit_stretch(c, slice->name, &stretch);
	if (!rc && slice->service == SERVICE_L3)
		rc = emit_routes(c, slice, &stretch);
	free(stretch.way);
err_spots:
	free(spot);
	return rc;
}

/* ---- its hosts ---- */

static int emit_neighbor(struct compile *c, const char *attachment, const struct api_ip *address,
	const struct api_mac_addr *mac)
{
	union api_object obj;

	if (!address->family)
		return 0;
	object_init(OBJECT_NEIGHBOR, &obj);
	strcpy(obj.neighbor.attachment, attachment);
	obj.neighbor.address = *address;
	obj.neighbor.mac = *mac;
	return emit(c, OBJECT_NEIGHBOR, &obj);
}

/* At another site: behind the tunnel there. */
static int compile_remote(
	struct compile *c, const struct intent_host *host, const struct intent_slice *slice)
{
	struct spot *spot = slice_spots(slice);
	const char *own, *remote;
	api_name tunnel;
	int rc = 0;

	if (!spot)
		return -ENOMEM;
	own = spot_wan(spot, slice->endpoints.count, c->site);
	remote = spot_wan(spot, slice->endpoints.count, host->site);
	if (own && remote) { /* else the slice itself is refused, and says why */
		compile_way_name(tunnel, own, remote, slice->encap);
		rc = emit_mac(c, slice->name, &host->mac, NULL, tunnel);
	}
	free(spot);
	return rc;
}

int compile_host(struct compile *c, const struct intent *intent)
{
	const struct intent_host *host = &intent->obj->host;
	const struct intent *at = world_at_place(c->world, host->site, host->port, host->vlan);
	const struct intent_slice *slice;
	api_name attachment;
	int rc;

	if (!at || at->type != INTENT_SLICE)
		return 0;
	slice = &at->obj->slice;
	if (!intent_slice_is_at(slice, c->site))
		return 0;
	if (strcmp(host->site, c->site))
		return slice->service == SERVICE_L2 ? compile_remote(c, host, slice) : 0;
	attachment_name(attachment, slice->name, host->port, host->vlan);
	if (slice->service == SERVICE_L2)
		return emit_mac(c, slice->name, &host->mac, attachment, NULL);
	rc = emit_neighbor(c, attachment, &host->address, &host->mac);
	return rc ? rc : emit_neighbor(c, attachment, &host->address6, &host->mac);
}
