/* SPDX-License-Identifier: BSD-3-Clause */
/* What an l3 slice routes: its gateways here, networks behind hosts here, and by tunnel all that
 * is at other sites. A prefix is at one endpoint alone (intent/ refuses others), so each is one
 * route with one way. */
#include <string.h>

#include "slice_routes.h"

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

int emit_routes(struct compile *c, const struct intent_slice *slice, const struct stretch *stretch)
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
