/* SPDX-License-Identifier: BSD-3-Clause */
/* slice and host → slice, meter, attachments, tunnels, members, gateways and routes; static MACs in
 * an l2 slice, wherever the host is, and a static neighbour at its own site in an l3 slice. Hosts
 * of networks are network.c's.
 *
 * What an l3 slice routes: its gateways here, networks behind hosts here, and by tunnel all that is
 * at other sites. A prefix is at one endpoint alone (intent/ refuses others), so each is one route
 * with one way. */
#include "compile_private.h"

#include <stdlib.h>
#include <string.h>

#include "hash.h"

/* ---- what an l3 slice routes ---- */

/* Without the gateway's own host bits. */
static struct api_ip network_of(const struct api_ip *gateway)
{
	struct api_ip network = *gateway;

	for (unsigned bit = network.len; bit < 8 * sizeof(network.bytes); bit++)
		network.bytes[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
	return network;
}

/* Where a prefix leads: over an attachment to a host, or over a tunnel. */
static void emit_route(struct compile *c, const char *slice, const struct api_ip *prefix,
	const struct api_via *via)
{
	union api_object obj;

	if (!prefix->family)
		return;
	object_init(OBJECT_ROUTE, &obj);
	strcpy(obj.route.table, slice);
	obj.route.prefix = network_of(prefix);
	obj.route.via[0] = *via;
	obj.route.via[0].weight = 1;
	obj.route.via_count = 1;
	emit(c, OBJECT_ROUTE, &obj);
}

static void emit_own(
	struct compile *c, const struct intent_slice *slice, const struct intent_endpoint *at)
{
	struct api_via via = {.weight = 0};

	attachment_name(via.attachment, slice->name, at->port, at->vlan);
	emit_address(c, "", via.attachment, &at->gateway);
	emit_address(c, "", via.attachment, &at->gateway6);
	for (uint32_t i = 0; i < at->routes.count; i++) {
		via.address = at->routes.item[i].via;
		emit_route(c, slice->name, &at->routes.item[i].prefix, &via);
	}
}

static void emit_remote(struct compile *c, const struct intent_slice *slice,
	const struct intent_endpoint *at, const struct way *way)
{
	struct api_via via = {.weight = 0};

	strcpy(via.tunnel, way->tunnel);
	via.mac = compile_slice_mac(slice, at->site);
	emit_route(c, slice->name, &at->gateway, &via);
	emit_route(c, slice->name, &at->gateway6, &via);
	for (uint32_t i = 0; i < at->routes.count; i++)
		emit_route(c, slice->name, &at->routes.item[i].prefix, &via);
}

/* Gateways of the own endpoints and the routes of an l3 slice. */
static void emit_routes(
	struct compile *c, const struct intent_slice *slice, const struct stretch *stretch)
{
	for (uint32_t i = 0; i < slice->endpoints.count; i++) {
		const struct intent_endpoint *at = &slice->endpoints.item[i];
		const struct way *way = stretch_way(stretch, at->site);

		if (!strcmp(at->site, c->site))
			emit_own(c, slice, at);
		else if (way)
			emit_remote(c, slice, at, way);
	}
}

/* ---- the slice ---- */

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

static void emit_slice(
	struct compile *c, const struct intent_slice *slice, const struct stretch *stretch)
{
	union api_object obj;
	api_name meter;

	emit_meter(c, &slice->bandwidth, meter);
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
	emit(c, OBJECT_SLICE, &obj);
}

static void emit_attachments(struct compile *c, const struct intent_slice *slice)
{
	for (uint32_t i = 0; i < slice->endpoints.count; i++) {
		const struct intent_endpoint *at = &slice->endpoints.item[i];

		if (!strcmp(at->site, c->site))
			emit_attachment(c, slice->name, at->port, at->vlan, at->tap);
	}
}

void compile_slice(struct compile *c, const struct intent *intent)
{
	const struct intent_slice *slice = &intent->obj->slice;
	struct stretch stretch = {.intent = intent, .encap = slice->encap};

	if (!intent_slice_is_at(slice, c->site))
		return;
	for (uint32_t i = 0; i < slice->endpoints.count; i++)
		stretch_add(c, &stretch, slice->endpoints.item[i].site);
	emit_slice(c, slice, &stretch);
	emit_attachments(c, slice);
	emit_stretch(c, slice->name, &stretch);
	if (slice->service == SERVICE_L3)
		emit_routes(c, slice, &stretch);
	free(stretch.ways);
}

/* ---- its hosts ---- */

/* At another site: behind the tunnel there. */
static void compile_remote(
	struct compile *c, const struct intent_host *host, const struct intent *slice)
{
	const char *own = wan_at(slice, c->site), *remote = wan_at(slice, host->site);
	api_name tunnel;

	if (own && remote) { /* else the slice itself is refused, and says why */
		compile_way_name(tunnel, own, remote, slice->obj->slice.encap);
		emit_mac(c, slice->name, &host->mac, "", tunnel);
	}
}

void compile_host(struct compile *c, const struct intent *intent)
{
	const struct intent_host *host = &intent->obj->host;
	const struct intent *at = world_at_place(c->world, host->site, host->port, host->vlan);
	const struct intent_slice *slice;
	api_name attachment;

	if (!at || at->type != INTENT_SLICE || !intent_slice_is_at(&at->obj->slice, c->site))
		return;
	slice = &at->obj->slice;
	attachment_name(attachment, slice->name, host->port, host->vlan);
	if (strcmp(host->site, c->site)) {
		if (slice->service == SERVICE_L2)
			compile_remote(c, host, at);
	} else if (slice->service == SERVICE_L2) {
		emit_mac(c, slice->name, &host->mac, attachment, "");
	} else {
		emit_neighbor(c, "", attachment, &host->address, &host->mac);
		emit_neighbor(c, "", attachment, &host->address6, &host->mac);
	}
}
