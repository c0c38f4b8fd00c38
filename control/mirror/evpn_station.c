/* SPDX-License-Identifier: BSD-3-Clause */
/* Stations behind other VTEPs (evpn_parts.h). Owns the feeds' stations. */
#include "evpn_parts.h"

#include <linux/neighbour.h>
#include <stdlib.h>
#include <string.h>

#include "emit.h"

int station_cmp(const struct station *a, const struct station *b)
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

	if (!evpn->rec)
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

	if (remote && !vtep)
		return; /* no memory: all is looked at again */
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
	evpn->counters.macs += (vtep != NULL) - (was != NULL);
	if (was)
		vtep_drop(evpn, was);
}

static void set_multihomed(struct evpn *evpn, struct station *station, bool is)
{
	evpn->counters.macs_multihomed += is - station->multihomed;
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

static struct station *station_new(
	struct evpn *evpn, struct feed *feed, const struct api_mac_addr *mac)
{
	struct station *station = calloc(1, sizeof(*station));

	if (!station) {
		evpn->lost = true;
		return NULL;
	}
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
		station = station_new(evpn, feed, mac);
	if (!station)
		return;
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
