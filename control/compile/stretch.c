/* SPDX-License-Identifier: BSD-3-Clause */
/* Ways between sites (compile_private.h). */
#include "compile_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TENANT_MTU  1500
#define OVERHEAD_V4 50 /* Ethernet, IPv4, UDP and VXLAN or Geneve */
#define OVERHEAD_V6 70

void compile_way_name(api_name name, const char *own, const char *remote, uint32_t encap)
{
	snprintf(name, sizeof(api_name), "%.30s:%.30s%s", own, remote,
		encap == ENCAP_GENEVE ? ":g" : "");
}

const char *spot_wan(const struct spot *spot, size_t count, const char *site)
{
	for (size_t i = 0; i < count; i++)
		if (spot[i].wan[0] && !strcmp(spot[i].site, site))
			return spot[i].wan;
	return NULL;
}

static const struct api_ip *address_of(const struct intent_wan *wan, uint8_t family)
{
	for (uint32_t i = 0; i < wan->port.addresses.count; i++)
		if (wan->port.addresses.item[i].family == family)
			return &wan->port.addresses.item[i];
	return NULL;
}

static int find_wan(struct compile *c, const struct spot *spot, size_t count, const char *site,
	const struct intent_wan **out)
{
	const char *name = spot_wan(spot, count, site);
	const struct intent *intent = name ? world_find(c->world, INTENT_WAN, name) : NULL;

	if (!name)
		return compile_refuse(c, "", "no WAN is chosen for site %s", site);
	if (!intent)
		return compile_refuse(c, "", "there is no WAN %s", name);
	*out = &intent->obj->wan;
	return 0;
}

/* IPv4 goes first: its header is the smaller. */
static int make_way(struct compile *c, struct way *way, uint32_t encap)
{
	bool v4 = address_of(way->own, 4) && address_of(way->remote, 4);

	if (!v4 && !(address_of(way->own, 6) && address_of(way->remote, 6)))
		return compile_refuse(c, "",
			"WAN %s and WAN %s have no address of the same family: give one of them "
			"another",
			way->own->port.name, way->remote->port.name);
	way->family = v4 ? 4 : 6;
	way->encap = encap;
	compile_way_name(way->tunnel, way->own->port.name, way->remote->port.name, encap);
	return 0;
}

/* The addresses that make_way() would take. */
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

static bool seen_before(const struct spot *spot, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (!strcmp(spot[i].site, spot[at].site))
			return true;
	return false;
}

/* The next way, if spot[at] begins another site. */
static int add_way(struct compile *c, const struct spot *spot, size_t count, size_t at,
	uint32_t encap, struct stretch *out)
{
	struct way *way = &out->way[out->count];
	int rc;

	if (!strcmp(spot[at].site, c->site) || seen_before(spot, at))
		return 0;
	way->site = spot[at].site;
	rc = find_wan(c, spot, count, c->site, &way->own);
	if (!rc && !way->own->port.device[0])
		rc = compile_refuse(c, "", "wan %s has no device: say which port of this box it is",
			way->own->port.name);
	if (!rc)
		rc = find_wan(c, spot, count, way->site, &way->remote);
	if (!rc)
		rc = make_way(c, way, encap);
	out->count += rc ? 0 : 1;
	return rc;
}

int stretch_make(struct compile *c, const struct spot *spot, size_t count, uint32_t encap,
	struct stretch *out)
{
	int rc = 0;

	*out = (struct stretch){0, malloc((count ? count : 1) * sizeof(*out->way))};
	if (!out->way)
		return -ENOMEM;
	for (size_t i = 0; !rc && i < count; i++)
		rc = add_way(c, spot, count, i, encap, out);
	if (!rc)
		return 0;
	free(out->way);
	*out = (struct stretch){0};
	return rc;
}

const struct way *stretch_way(const struct stretch *stretch, const char *site)
{
	for (size_t i = 0; i < stretch->count; i++)
		if (!strcmp(stretch->way[i].site, site))
			return &stretch->way[i];
	return NULL;
}

bool stretch_is_narrow(const struct stretch *stretch)
{
	for (size_t i = 0; i < stretch->count; i++) {
		const struct way *way = &stretch->way[i];
		uint32_t need = TENANT_MTU + (way->family == 4 ? OVERHEAD_V4 : OVERHEAD_V6);

		if (way->own->port.mtu < need || way->remote->port.mtu < need)
			return true;
	}
	return false;
}

static int emit_tunnel(struct compile *c, const struct way *way)
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
	return emit(c, OBJECT_TUNNEL, &obj);
}

int emit_stretch(struct compile *c, const char *slice, const struct stretch *stretch)
{
	union api_object obj;
	int rc = 0;

	for (size_t i = 0; !rc && i < stretch->count; i++)
		rc = emit_tunnel(c, &stretch->way[i]);
	for (size_t i = 0; !rc && i < stretch->count; i++) {
		object_init(OBJECT_MEMBER, &obj);
		strcpy(obj.member.slice, slice);
		strcpy(obj.member.tunnel, stretch->way[i].tunnel);
		rc = emit(c, OBJECT_MEMBER, &obj);
	}
	return rc;
}
