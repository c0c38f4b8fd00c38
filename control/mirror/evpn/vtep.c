/* SPDX-License-Identifier: BSD-3-Clause */
/* Tunnels to other VTEPs, and which slices are stretched over them (evpn_private.h). Owns the
 * VTEPs and the feeds' members. */
#include "evpn_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "compile.h"

static int vtep_cmp(const struct vtep *a, const struct vtep *b)
{
	int order = memcmp(&a->local, &b->local, sizeof(a->local));

	if (!order)
		order = memcmp(&a->remote, &b->remote, sizeof(a->remote));
	return order ? order : (int)a->dst_port - (int)b->dst_port;
}

RB_GENERATE(vtep_tree, vtep, entry, vtep_cmp)

static int member_cmp(const struct member *a, const struct member *b)
{
	return (a->vtep > b->vtep) - (a->vtep < b->vtep);
}

RB_GENERATE(member_tree, member, entry, member_cmp)

/* As intents call it, if they have it or will have: two tunnels between the same addresses would be
 * in each other's way. Else after the other end, and a number for the rest. */
static void vtep_name(const struct evpn *evpn, const struct vtep *vtep, api_name name)
{
	uint32_t hash = 0x811c9dc5u ^ vtep->dst_port; /* FNV-1a */
	char remote[64];

	if (vtep->dst_port == 4789 &&
		compile_tunnel_name(evpn->world, evpn->site, &vtep->local, &vtep->remote, name))
		return;
	for (size_t i = 0; i < sizeof(vtep->local.bytes); i++)
		hash = (hash ^ vtep->local.bytes[i]) * 0x01000193u;
	api_ip_format(&vtep->remote, false, remote);
	snprintf(name, sizeof(api_name), "vtep:%.45s:%08" PRIx32, remote, hash);
}

static void tunnel_tell(struct evpn *evpn, const struct vtep *vtep, bool there)
{
	union api_object obj;

	if (!evpn->sink)
		return;
	object_init(OBJECT_TUNNEL, &obj);
	strcpy(obj.tunnel.name, vtep->name);
	obj.tunnel.encap = ENCAP_VXLAN;
	obj.tunnel.local = vtep->local;
	obj.tunnel.remote = vtep->remote;
	obj.tunnel.dst_port = vtep->dst_port;
	evpn_tell(evpn, OBJECT_TUNNEL, &obj, there);
}

static struct vtep probe(const struct api_ip *local, const struct api_ip *remote, uint16_t dst_port)
{
	struct vtep key;

	memset(&key, 0, sizeof(key));
	key.local = *local;
	key.remote = *remote;
	key.local.len = key.remote.len = local->family == 4 ? 32 : 128;
	key.dst_port = dst_port;
	return key;
}

const struct vtep *vtep_find(const struct evpn *evpn, const struct api_ip *local,
	const struct api_ip *remote, uint16_t dst_port)
{
	struct vtep key = probe(local, remote, dst_port);

	return RB_FIND(vtep_tree, (struct vtep_tree *)&evpn->vteps, &key);
}

struct vtep *vtep_take(struct evpn *evpn, const struct api_ip *local, const struct api_ip *remote,
	uint16_t dst_port)
{
	struct vtep key = probe(local, remote, dst_port);
	struct vtep *vtep = RB_FIND(vtep_tree, &evpn->vteps, &key);

	if (!vtep) {
		vtep = xmemdup(&key, sizeof(key));
		vtep_name(evpn, vtep, vtep->name);
		RB_INSERT(vtep_tree, &evpn->vteps, vtep);
		tunnel_tell(evpn, vtep, true);
	}
	vtep->users++;
	return vtep;
}

void vtep_drop(struct evpn *evpn, struct vtep *vtep)
{
	if (--vtep->users)
		return;
	tunnel_tell(evpn, vtep, false);
	RB_REMOVE(vtep_tree, &evpn->vteps, vtep);
	free(vtep);
}

bool vteps_renamed(const struct evpn *evpn)
{
	struct vtep *vtep;
	api_name name;

	RB_FOREACH (vtep, vtep_tree, (struct vtep_tree *)&evpn->vteps) {
		vtep_name(evpn, vtep, name);
		if (strcmp(name, vtep->name))
			return true;
	}
	return false;
}

/* ---- members ---- */

static void member_tell(
	struct evpn *evpn, const struct feed *feed, const struct vtep *vtep, bool there)
{
	union api_object obj;

	if (!evpn->sink)
		return;
	object_init(OBJECT_MEMBER, &obj);
	strcpy(obj.member.slice, feed->slice);
	strcpy(obj.member.tunnel, vtep->name);
	evpn_tell(evpn, OBJECT_MEMBER, &obj, there);
}

struct look {
	struct evpn *evpn;
	struct feed *feed;
};

static void member_seen(struct evpn *evpn, struct feed *feed, const struct api_ip *remote)
{
	struct vtep *vtep = vtep_take(evpn, &feed->local, remote, feed->dst_port);
	struct member key = {.vtep = vtep}, *member;

	member = RB_FIND(member_tree, &feed->members, &key);
	if (member) {
		member->seen = true;
		vtep_drop(evpn, vtep);
		return;
	}
	key.seen = true;
	member = xmemdup(&key, sizeof(key));
	RB_INSERT(member_tree, &feed->members, member);
	member_tell(evpn, feed, vtep, true);
}

static void member_free(struct evpn *evpn, struct feed *feed, struct member *member)
{
	member_tell(evpn, feed, member->vtep, false);
	RB_REMOVE(member_tree, &feed->members, member);
	vtep_drop(evpn, member->vtep);
	free(member);
}

/* l2: who is to have what is flooded. */
static void look_at_flooded(const struct kernel_fdb *entry, void *arg)
{
	struct look *look = arg;

	if (entry->dst.family == look->feed->local.family)
		member_seen(look->evpn, look->feed, &entry->dst);
}

/* l3: who has a router MAC here. */
static void look_at_router(const struct kernel_fdb *entry, void *arg)
{
	struct look *look = arg;
	struct remote remote;

	if (evpn_is_station(&entry->mac) && evpn_remote_of(look->feed, &entry->mac, &remote))
		member_seen(look->evpn, look->feed, &remote.vtep);
}

void members_look(struct evpn *evpn, struct feed *feed)
{
	static const struct api_mac_addr all;
	struct look look = {evpn, feed};
	struct member *member, *next;

	RB_FOREACH (member, member_tree, &feed->members)
		member->seen = false;
	if (feed->bridge[0]) /* not all of its stations */
		kernel_each_fdb_of_device(feed->kernel, feed->device, &all, look_at_flooded, &look);
	else
		kernel_each_fdb_of_port(feed->kernel, feed->device, look_at_router, &look);
	RB_FOREACH_SAFE (member, member_tree, &feed->members, next)
		if (!member->seen)
			member_free(evpn, feed, member);
}

void members_forget(struct evpn *evpn, struct feed *feed)
{
	struct member *member;

	while ((member = RB_MIN(member_tree, &feed->members)))
		member_free(evpn, feed, member);
}
