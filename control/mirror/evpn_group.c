/* SPDX-License-Identifier: BSD-3-Clause */
/* Where the kernel has a station: behind one VTEP, or behind a group of them (EVPN's
 * multihoming: an FDB entry with the id of a group of FDB next hops), and which stations a group
 * has. Owns the groups. */
#include <linux/neighbour.h>
#include <stdlib.h>
#include <string.h>

#include "evpn_parts.h"

int group_cmp(const struct group *a, const struct group *b)
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
	group = malloc(sizeof(*group));
	if (!group) {
		evpn->lost = true;
		return NULL;
	}
	*group = key;
	LIST_INIT(&group->stations);
	RB_INSERT(group_tree, &evpn->groups, group);
	return group;
}

bool group_set(struct evpn *evpn, struct station *station, uint32_t id)
{
	struct group *was = station->group;

	if (was ? was->id == id : !id)
		return true;
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
	return !id || station->group;
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
			station_changed(evpn, station->feed, &station->mac);
	}
}
