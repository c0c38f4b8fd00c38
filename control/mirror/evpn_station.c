/* SPDX-License-Identifier: BSD-3-Clause */
/* Stations behind other VTEPs (evpn_parts.h). Called by evpn.c; owns the feeds' stations. */
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

struct remote {
	const struct feed *feed;
	struct api_ip *out;
	bool found;
};

static void take_remote(const struct kernel_fdb *entry, void *arg)
{
	struct remote *remote = arg;

	if (remote->found || entry->dst.family != remote->feed->local.family)
		return;
	*remote->out = entry->dst;
	remote->found = true;
}

bool evpn_remote_of(const struct feed *feed, const struct api_mac_addr *mac, struct api_ip *out)
{
	const struct kernel_fdb *by;
	struct remote remote = {feed, out, false};

	/* what the device has and its bridge has not is left over from before a move */
	if (feed->master) {
		by = kernel_fdb_of_bridge(feed->kernel, feed->master, mac);
		if (!by || by->index != feed->device || by->state & NUD_PERMANENT)
			return false;
	}
	kernel_each_fdb_of_device(feed->kernel, feed->device, mac, take_remote, &remote);
	return remote.found;
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

static void station_free(struct evpn *evpn, struct feed *feed, struct station *station)
{
	mac_tell(evpn, feed, station, false);
	RB_REMOVE(station_tree, &feed->stations, station);
	vtep_drop(evpn, station->vtep);
	evpn->station_count--;
	free(station);
}

/* It is behind vtep, of which the caller has taken one use. */
static void station_set(struct evpn *evpn, struct feed *feed, struct station *station,
	const struct api_mac_addr *mac, struct vtep *vtep)
{
	if (station && station->vtep == vtep) {
		station->seen = true;
		vtep_drop(evpn, vtep);
		return;
	}
	if (station) {
		vtep_drop(evpn, station->vtep);
	} else {
		station = calloc(1, sizeof(*station));
		if (!station) {
			evpn->lost = true;
			vtep_drop(evpn, vtep);
			return;
		}
		station->mac = *mac;
		RB_INSERT(station_tree, &feed->stations, station);
		evpn->station_count++;
	}
	station->seen = true;
	station->vtep = vtep;
	mac_tell(evpn, feed, station, true);
}

void station_look(struct evpn *evpn, struct feed *feed, const struct api_mac_addr *mac)
{
	struct station key = {.mac = *mac}, *station = RB_FIND(station_tree, &feed->stations, &key);
	struct api_ip remote;
	struct vtep *vtep;

	if (!feed->device || !evpn_remote_of(feed, mac, &remote)) {
		if (station)
			station_free(evpn, feed, station);
		return;
	}
	vtep = vtep_take(evpn, &feed->local, &remote, feed->dst_port);
	if (vtep)
		station_set(evpn, feed, station, mac, vtep);
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
