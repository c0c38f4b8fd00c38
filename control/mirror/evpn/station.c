/* SPDX-License-Identifier: BSD-3-Clause */
/* Remote stations of l2 slices: where the kernel has each, behind one VTEP or behind a group of
 * them (EVPN's multihoming: an FDB entry with the id of a group of FDB next hops), and the mac
 * objects they become. Owns the groups and the feeds' stations. */
#include "evpn_private.h"

#include <linux/neighbour.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "compile.h"

/* ---- groups ---- */

static int group_cmp(const struct group *a, const struct group *b)
{
	if (a->kernel != b->kernel)
		return a->kernel < b->kernel ? -1 : 1;
	return a->id < b->id ? -1 : a->id > b->id;
}

RB_GENERATE(group_tree, group, entry, group_cmp)

/* ---- where it is ---- */

struct looking {
	const struct feed *feed;
	struct remote *out;
};

static void take_vtep(const struct looking *looking, const struct api_ip *vtep)
{
	const struct api_ip *local = &looking->feed->local;
	struct remote *out = looking->out;

	if (vtep->family != local->family || !memcmp(vtep->bytes, local->bytes, 16))
		return;
	out->vteps++;
	if (!out->vtep.family || memcmp(vtep->bytes, out->vtep.bytes, 16) < 0)
		out->vtep = *vtep;
}

static void take_entry(const struct kernel_fdb *entry, void *arg)
{
	const struct looking *looking = arg;
	const struct kernel_nexthop *group, *member;

	if (!entry->nexthop) {
		if (!looking->out->vteps) /* one alone; of several VNIs the first */
			take_vtep(looking, &entry->dst);
		return;
	}
	looking->out->group = entry->nexthop;
	group = kernel_nexthop(looking->feed->kernel, entry->nexthop);
	for (uint32_t i = 0; group && i < group->members; i++) {
		member = kernel_nexthop(looking->feed->kernel, group->member[i].id);
		if (member)
			take_vtep(looking, &member->via.address);
	}
}

bool evpn_remote_of(const struct feed *feed, const struct api_mac_addr *mac, struct remote *out)
{
	struct looking looking = {feed, out};
	const struct kernel_fdb *by;

	memset(out, 0, sizeof(*out));
	/* what the device has and its bridge has not is left over from before a move */
	if (feed->master) {
		by = kernel_fdb_of_bridge(feed->kernel, feed->master, mac);
		if (!by || by->index != feed->device || by->state & NUD_PERMANENT)
			return false;
	}
	kernel_each_fdb_of_device(feed->kernel, feed->device, mac, take_entry, &looking);
	return out->vtep.family != 0;
}

/* ---- who is behind it ---- */

static struct group *group_of(struct evpn *evpn, const struct kernel *kernel, uint32_t id)
{
	struct group key = {.kernel = kernel, .id = id},
		     *group = RB_FIND(group_tree, &evpn->groups, &key);

	if (group)
		return group;
	group = xmemdup(&key, sizeof(key));
	LIST_INIT(&group->stations);
	RB_INSERT(group_tree, &evpn->groups, group);
	return group;
}

/* It is behind this group from now on (0: none). */
static void group_set(struct evpn *evpn, struct station *station, uint32_t id)
{
	struct group *was = station->group;

	if (was ? was->id == id : !id)
		return;
	if (was) {
		LIST_REMOVE(station, by_group);
		if (LIST_EMPTY(&was->stations)) {
			RB_REMOVE(group_tree, &evpn->groups, was);
			free(was);
		}
	}
	station->group = id ? group_of(evpn, station->feed->kernel, id) : NULL;
	if (station->group)
		LIST_INSERT_HEAD(&station->group->stations, station, by_group);
}

static bool has_member(const struct kernel_nexthop *group, uint32_t id)
{
	for (uint32_t i = 0; group && i < group->members; i++)
		if (group->member[i].id == id)
			return true;
	return false;
}

void group_changed(
	struct evpn *evpn, const struct kernel *kernel, const struct kernel_nexthop *nexthop)
{
	struct station *station;
	struct group *group;

	RB_FOREACH (group, group_tree, &evpn->groups) {
		if (group->kernel != kernel ||
			(group->id != nexthop->id &&
				!has_member(kernel_nexthop(kernel, group->id), nexthop->id)))
			continue;
		LIST_FOREACH (station, &group->stations, by_group)
			station_changed(station->feed, &station->mac);
	}
}

/* ---- stations ---- */

static int station_cmp(const struct station *a, const struct station *b)
{
	return memcmp(&a->mac, &b->mac, sizeof(a->mac));
}

RB_GENERATE(station_tree, station, entry, station_cmp)

bool evpn_is_station(const struct api_mac_addr *mac)
{
	static const struct api_mac_addr none;

	return !(mac->bytes[0] & 1) && memcmp(mac, &none, sizeof(none));
}

static void mac_tell(
	struct evpn *evpn, const struct feed *feed, const struct station *station, bool there)
{
	union api_object obj;

	if (!evpn->sink)
		return;
	object_init(OBJECT_MAC, &obj);
	strcpy(obj.mac.slice, feed->slice);
	obj.mac.mac = station->mac;
	strcpy(obj.mac.tunnel, station->vtep->name);
	obj.mac.movable = true;
	evpn_tell(evpn, OBJECT_MAC, &obj, there);
}

/* It is behind this VTEP now; NULL: behind none. */
static void station_move(
	struct evpn *evpn, struct feed *feed, struct station *station, const struct api_ip *remote)
{
	struct vtep *was = station->vtep,
		    *vtep = remote ? vtep_take(evpn, &feed->local, remote, feed->dst_port) : NULL;

	if (vtep == was) {
		if (vtep)
			vtep_drop(evpn, vtep);
		return;
	}
	if (!vtep)
		mac_tell(evpn, feed, station, false);
	station->vtep = vtep;
	if (vtep)
		mac_tell(evpn, feed, station, true);
	if (was)
		vtep_drop(evpn, was);
}

static void set_multihomed(struct evpn *evpn, struct station *station, bool is)
{
	evpn->multihomed += is - station->multihomed;
	station->multihomed = is;
}

static void station_free(struct evpn *evpn, struct feed *feed, struct station *station)
{
	station_move(evpn, feed, station, NULL);
	set_multihomed(evpn, station, false);
	group_set(evpn, station, 0);
	RB_REMOVE(station_tree, &feed->stations, station);
	free(station);
}

static struct station *station_new(struct feed *feed, const struct api_mac_addr *mac)
{
	struct station *station = xcalloc(1, sizeof(*station));

	station->mac = *mac;
	station->feed = feed;
	RB_INSERT(station_tree, &feed->stations, station);
	return station;
}

void station_look(struct evpn *evpn, struct feed *feed, const struct api_mac_addr *mac)
{
	struct station key = {.mac = *mac}, *station = RB_FIND(station_tree, &feed->stations, &key);
	struct remote remote = {0};
	bool there = feed->device && evpn_remote_of(feed, mac, &remote);

	if (!there && !remote.group) {
		if (station)
			station_free(evpn, feed, station);
		return;
	}
	if (!station)
		station = station_new(feed, mac);
	station->seen = true;
	group_set(evpn, station, remote.group);
	set_multihomed(evpn, station, remote.vteps > 1);
	station_move(evpn, feed, station, there ? &remote.vtep : NULL);
}

struct look {
	struct evpn *evpn;
	struct feed *feed;
};

static void look_at_entry(const struct kernel_fdb *entry, void *arg)
{
	struct look *look = arg;

	if (evpn_is_station(&entry->mac))
		station_look(look->evpn, look->feed, &entry->mac);
}

void stations_look(struct evpn *evpn, struct feed *feed)
{
	struct look look = {evpn, feed};
	struct station *station, *next;

	RB_FOREACH (station, station_tree, &feed->stations)
		station->seen = false;
	kernel_each_fdb_of_port(feed->kernel, feed->device, look_at_entry, &look);
	RB_FOREACH_SAFE (station, station_tree, &feed->stations, next)
		if (!station->seen)
			station_free(evpn, feed, station);
}

void stations_forget(struct evpn *evpn, struct feed *feed)
{
	struct station *station;

	while ((station = RB_MIN(station_tree, &feed->stations)))
		station_free(evpn, feed, station);
}
