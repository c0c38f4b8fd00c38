/* SPDX-License-Identifier: BSD-3-Clause */
/* Ways between sites (compile_private.h). */
#include "compile_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"

#define TENANT_MTU  1500
#define OVERHEAD_V4 50 /* Ethernet, IPv4, UDP and VXLAN or Geneve */
#define OVERHEAD_V6 70

void compile_way_name(api_name name, const char *own, const char *remote, uint32_t encap)
{
	snprintf(name, sizeof(api_name), "%.30s:%.30s%s", own, remote,
		encap == ENCAP_GENEVE ? ":g" : "");
}

const char *wan_at(const struct intent *intent, const char *site)
{
	const char *at, *wan;

	for (uint32_t i = 0; (at = compile_place(intent, i, &wan)); i++)
		if (*wan && !strcmp(at, site))
			return wan;
	return NULL;
}

static const struct api_ip *address_of(const struct intent_wan *wan, uint8_t family)
{
	for (uint32_t i = 0; i < wan->port.addresses.count; i++)
		if (wan->port.addresses.item[i].family == family)
			return &wan->port.addresses.item[i];
	return NULL;
}

/* NULL: refused. */
static const struct intent_wan *find_wan(
	struct compile *c, const struct intent *intent, const char *site)
{
	const char *name = wan_at(intent, site);
	const struct intent *wan = name ? world_find(c->world, INTENT_WAN, name) : NULL;

	if (!name)
		compile_refuse(c, "", "no WAN is chosen for site %s", site);
	else if (!wan)
		compile_refuse(c, "", "there is no WAN %s", name);
	return wan ? &wan->obj->wan : NULL;
}

/* The addresses that stretch_add() would take. */
static bool joins(const struct intent_wan *own, const struct intent_wan *remote,
	const struct api_ip *local, const struct api_ip *peer)
{
	bool v4 = address_of(own, 4) && address_of(remote, 4);
	const struct api_ip *a = address_of(own, v4 ? 4 : 6), *b = address_of(remote, v4 ? 4 : 6);

	return a && b && a->family == local->family && b->family == peer->family &&
	       !memcmp(a->bytes, local->bytes, sizeof(a->bytes)) &&
	       !memcmp(b->bytes, peer->bytes, sizeof(b->bytes));
}

bool compile_tunnel_name(const struct world *world, const char *site, const struct api_ip *local,
	const struct api_ip *remote, api_name name)
{
	struct intent *own = NULL, *other;

	while ((own = world_wans_of(world, site, own)))
		for (other = world_first(world, INTENT_WAN); other; other = world_next(other))
			if (strcmp(other->obj->wan.site, site) &&
				joins(&own->obj->wan, &other->obj->wan, local, remote)) {
				compile_way_name(name, own->name, other->name, ENCAP_VXLAN);
				return true;
			}
	return false;
}

/* IPv4 goes first: its header is the smaller. */
void stretch_add(struct compile *c, struct stretch *stretch, const char *site)
{
	const struct intent_wan *own, *remote;
	struct way *way;
	bool v4;

	if (!strcmp(site, c->site) || stretch_way(stretch, site))
		return;
	own = find_wan(c, stretch->intent, c->site);
	if (own && !own->port.device[0])
		compile_refuse(c, "", "wan %s has no device: say which port of this box it is",
			own->port.name);
	remote = find_wan(c, stretch->intent, site);
	if (!own || !remote)
		return;
	v4 = address_of(own, 4) && address_of(remote, 4);
	if (!v4 && !(address_of(own, 6) && address_of(remote, 6))) {
		compile_refuse(c, "",
			"WAN %s and WAN %s have no address of the same family: give one of them "
			"another",
			own->port.name, remote->port.name);
		return;
	}
	way = xarray_add(&stretch->ways, &stretch->room, &stretch->count, sizeof(*way));
	*way = (struct way){.site = site,
		.own = own,
		.remote = remote,
		.family = v4 ? 4 : 6,
		.encap = stretch->encap};
	compile_way_name(way->tunnel, own->port.name, remote->port.name, stretch->encap);
}

const struct way *stretch_way(const struct stretch *stretch, const char *site)
{
	for (uint32_t i = 0; i < stretch->count; i++)
		if (!strcmp(stretch->ways[i].site, site))
			return &stretch->ways[i];
	return NULL;
}

bool stretch_is_narrow(const struct stretch *stretch)
{
	for (uint32_t i = 0; i < stretch->count; i++) {
		const struct way *way = &stretch->ways[i];
		uint32_t need = TENANT_MTU + (way->family == 4 ? OVERHEAD_V4 : OVERHEAD_V6);

		if (way->own->port.mtu < need || way->remote->port.mtu < need)
			return true;
	}
	return false;
}

static void emit_tunnel(struct compile *c, const struct way *way)
{
	union api_object obj;

	object_init(OBJECT_TUNNEL, &obj);
	strcpy(obj.tunnel.name, way->tunnel);
	obj.tunnel.encap = way->encap;
	obj.tunnel.local = *address_of(way->own, way->family);
	obj.tunnel.remote = *address_of(way->remote, way->family);
	obj.tunnel.accept_zero_csum6 = way->own->accept_zero_csum6;
	obj.tunnel.has_zero_csum6 = way->own->has_zero_csum6;
	obj.tunnel.local.len = obj.tunnel.remote.len = way->family == 4 ? 32 : 128;
	emit(c, OBJECT_TUNNEL, &obj);
}

void emit_stretch(struct compile *c, const char *slice, const struct stretch *stretch)
{
	union api_object obj;

	for (uint32_t i = 0; i < stretch->count; i++)
		emit_tunnel(c, &stretch->ways[i]);
	for (uint32_t i = 0; i < stretch->count; i++) {
		object_init(OBJECT_MEMBER, &obj);
		strcpy(obj.member.slice, slice);
		strcpy(obj.member.tunnel, stretch->ways[i].tunnel);
		emit(c, OBJECT_MEMBER, &obj);
	}
}
