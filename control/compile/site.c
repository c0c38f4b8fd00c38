/* SPDX-License-Identifier: BSD-3-Clause */
/* site and wan → ports, addresses, neighbours and routes of the underlay, own GTP-U addresses.
 *
 * Several ports may have a route to the same prefix (two WANs, a default route by each): the box
 * has one route with all ways, and each intent that has one of them gives the whole. Its ways say
 * the next hop and no port, which is the one that has the hop's network: so a WAN whose device does
 * not open takes its way along and not the others'. */
#include "compile_private.h"

#include <string.h>

static void emit_port(struct compile *c, const struct intent_port *port, uint64_t rate_bps)
{
	union api_object obj;

	object_init(OBJECT_PORT, &obj);
	strcpy(obj.port.name, port->name);
	strcpy(obj.port.device, port->device);
	obj.port.mac = port->mac;
	obj.port.mtu = port->mtu;
	obj.port.queues = port->queues;
	obj.port.mbufs = port->mbufs;
	obj.port.tap = port->tap;
	obj.port.rate_bps = rate_bps;
	emit(c, OBJECT_PORT, &obj);
}

/* ---- routes of the underlay ---- */

static bool same_ip(const struct api_ip *a, const struct api_ip *b)
{
	return a->family == b->family && a->len == b->len &&
	       !memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

static bool is_link_local(const struct api_ip *ip)
{
	return ip->family == 6 && ip->bytes[0] == 0xfe && (ip->bytes[1] & 0xc0) == 0x80;
}

/* In one order, so that every intent writes the same. */
static int compare_vias(const struct api_via *a, const struct api_via *b)
{
	int order = strcmp(a->port, b->port);

	return order ? order : memcmp(a->address.bytes, b->address.bytes, sizeof(a->address.bytes));
}

static void add_via(struct api_route *route, const char *port, const struct api_ip *address)
{
	struct api_via via = {.weight = 1, .address = *address};
	uint32_t at = route->via_count;

	if (is_link_local(address))
		strcpy(via.port, port);
	while (at > 0 && compare_vias(&via, &route->via[at - 1]) < 0)
		at--;
	if (at > 0 && !compare_vias(&via, &route->via[at - 1]))
		return;
	if (route->via_count == LIMIT_ROUTE_VIA) {
		if (at == LIMIT_ROUTE_VIA)
			return;
		route->via_count--; /* the first ones, whoever adds them first */
	}
	memmove(&route->via[at + 1], &route->via[at], (route->via_count - at) * sizeof(via));
	route->via[at] = via;
	route->via_count++;
}

static void add_vias(struct api_route *route, const struct intent_port *port)
{
	for (uint32_t i = 0; i < port->routes.count; i++)
		if (same_ip(&port->routes.item[i].prefix, &route->prefix))
			add_via(route, port->name, &port->routes.item[i].via);
}

static void emit_route(struct compile *c, const struct api_ip *prefix)
{
	const struct intent *site = world_find(c->world, INTENT_SITE, c->site);
	struct intent *wan = NULL;
	union api_object obj;

	object_init(OBJECT_ROUTE, &obj);
	strcpy(obj.route.table, "underlay");
	obj.route.prefix = *prefix;
	for (uint32_t i = 0; site && i < site->obj->site.ports.count; i++)
		add_vias(&obj.route, &site->obj->site.ports.item[i]);
	while ((wan = world_wans_of(c->world, c->site, wan)))
		add_vias(&obj.route, &wan->obj->wan.port);
	emit(c, OBJECT_ROUTE, &obj);
}

/* Two routes of one port to one prefix are two ways of one route. */
static bool is_first(const struct intent_routes *routes, uint32_t at)
{
	for (uint32_t i = 0; i < at; i++)
		if (same_ip(&routes->item[i].prefix, &routes->item[at].prefix))
			return false;
	return true;
}

/* ---- the intents ---- */

static void compile_port(struct compile *c, const struct intent_port *port, uint64_t rate_bps)
{
	emit_port(c, port, rate_bps);
	for (uint32_t i = 0; i < port->addresses.count; i++)
		emit_address(c, port->name, "", &port->addresses.item[i]);
	for (uint32_t i = 0; i < port->neighbors.count; i++)
		emit_neighbor(c, port->name, "", &port->neighbors.item[i].address,
			&port->neighbors.item[i].mac);
	for (uint32_t i = 0; i < port->routes.count; i++)
		if (is_first(&port->routes, i))
			emit_route(c, &port->routes.item[i].prefix);
}

static void emit_gtpu(struct compile *c, const struct intent_gtpu *gtpu)
{
	union api_object obj;

	object_init(OBJECT_GTPU, &obj);
	strcpy(obj.gtpu.name, gtpu->name);
	obj.gtpu.address = gtpu->address;
	obj.gtpu.interface = gtpu->interface;
	obj.gtpu.echo_s = gtpu->echo_s;
	obj.gtpu.accept_zero_csum6 = gtpu->accept_zero_csum6;
	emit(c, OBJECT_GTPU, &obj);
}

void compile_site(struct compile *c, const struct intent *intent)
{
	const struct intent_site *site = &intent->obj->site;

	if (strcmp(site->name, c->site))
		return;
	for (uint32_t i = 0; i < site->ports.count; i++) {
		const struct intent_port *port = &site->ports.item[i];

		if (!port->device[0])
			compile_refuse(c, "ports",
				"port %s has no device: say which port of this box it is",
				port->name);
		compile_port(c, port, 0);
	}
	for (uint32_t i = 0; i < site->gtpu.count; i++)
		emit_gtpu(c, &site->gtpu.item[i]);
}

void compile_wan(struct compile *c, const struct intent *intent)
{
	const struct intent_wan *wan = &intent->obj->wan;

	if (strcmp(wan->site, c->site))
		return;
	if (!wan->port.device[0])
		compile_refuse(c, "device",
			"wan %s has no device: say which port of this box it is", wan->port.name);
	compile_port(c, &wan->port, wan->shape ? wan->capacity_bps : 0);
}
