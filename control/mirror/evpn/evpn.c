/* SPDX-License-Identifier: BSD-3-Clause */
/* EVPN's feeds: which VXLAN device belongs to which slice, and what of it is to be looked at
 * again (evpn.h). What is found is vtep.c's and station.c's. */
#include "evpn_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "compile.h"

void evpn_tell(struct evpn *evpn, enum object_type type, union api_object *obj, bool there)
{
	char key[API_KEY_BYTES], *text;

	object_text(type, obj, key, &text);
	evpn->sink->object(type, key, there ? text : NULL, evpn->sink->arg);
	free(text);
}

struct evpn *evpn_create(struct world *world, const char *site, const struct mirror_sink *sink,
	evpn_routes_changed changed, void *arg)
{
	struct evpn *evpn = xcalloc(1, sizeof(*evpn));

	evpn->world = world;
	evpn->sink = sink;
	evpn->changed = changed;
	evpn->arg = arg;
	snprintf(evpn->site, sizeof(evpn->site), "%s", site);
	TAILQ_INIT(&evpn->feeds);
	RB_INIT(&evpn->vteps);
	RB_INIT(&evpn->groups);
	return evpn;
}

static void stale_free(struct feed *feed)
{
	struct stale *stale;

	while ((stale = TAILQ_FIRST(&feed->stale))) {
		TAILQ_REMOVE(&feed->stale, stale, link);
		free(stale);
	}
}

static void feed_empty(struct evpn *evpn, struct feed *feed)
{
	stale_free(feed);
	stations_forget(evpn, feed);
	members_forget(evpn, feed);
	feed->device = feed->master = 0;
}

static void feed_free(struct evpn *evpn, struct feed *feed)
{
	feed_empty(evpn, feed);
	TAILQ_REMOVE(&evpn->feeds, feed, link);
	free(feed);
}

void evpn_free(struct evpn *evpn)
{
	struct feed *feed;

	if (!evpn)
		return;
	evpn->sink = NULL; /* evpn_tell is not to be called by what is forgotten */
	while ((feed = TAILQ_FIRST(&evpn->feeds)))
		feed_free(evpn, feed);
	free(evpn);
}

/* ---- the slices ---- */

void evpn_slices_begin(struct evpn *evpn)
{
	struct feed *feed;

	TAILQ_FOREACH (feed, &evpn->feeds, link)
		feed->named = false;
}

static struct feed *feed_of(struct evpn *evpn, const char *slice)
{
	struct feed *feed;

	TAILQ_FOREACH (feed, &evpn->feeds, link)
		if (!strcmp(feed->slice, slice))
			return feed;
	feed = xcalloc(1, sizeof(*feed));
	snprintf(feed->slice, sizeof(feed->slice), "%s", slice);
	RB_INIT(&feed->members);
	RB_INIT(&feed->stations);
	TAILQ_INIT(&feed->stale);
	TAILQ_INSERT_TAIL(&evpn->feeds, feed, link);
	return feed;
}

void evpn_slice(struct evpn *evpn, const char *slice, uint32_t vni, struct kernel *kernel,
	const char *bridge, const struct api_mac_addr *mac)
{
	struct feed *feed = feed_of(evpn, slice);

	bridge = bridge ? bridge : "";
	feed->named = true;
	if (feed->kernel != kernel || feed->vni != vni || strcmp(feed->bridge, bridge))
		feed_empty(evpn, feed);
	feed->kernel = kernel;
	feed->vni = vni;
	snprintf(feed->bridge, sizeof(feed->bridge), "%s", bridge);
	feed->mac = mac ? *mac : (struct api_mac_addr){{0}};
	feed->dirty = true;
}

void evpn_slices_end(struct evpn *evpn)
{
	bool renamed = vteps_renamed(evpn);
	struct feed *feed, *next;

	for (feed = TAILQ_FIRST(&evpn->feeds); feed; feed = next) {
		next = TAILQ_NEXT(feed, link);
		if (!feed->named)
			feed_free(evpn, feed);
		else if (renamed)
			feed_empty(evpn, feed);
	}
	evpn_settled(evpn);
}

void evpn_each_slice(const struct evpn *evpn,
	void (*each)(const struct evpn_slice_view *view, void *arg), void *arg)
{
	const struct feed *feed;

	TAILQ_FOREACH (feed, &evpn->feeds, link) {
		struct evpn_slice_view view = {.slice = feed->slice,
			.bridge = feed->bridge,
			.kernel = feed->kernel,
			.vni = feed->vni,
			.device = feed->device};

		each(&view, arg);
	}
}

/* ---- the device ---- */

struct search {
	const struct feed *feed;
	const struct kernel_link *found;
};

static void look_at_link(const void *entry, void *arg)
{
	const struct kernel_link *link = entry;
	struct search *search = arg;
	const struct kernel_link *master;

	if (search->found || strcmp(link->kind, "vxlan") || link->vxlan.vni != search->feed->vni ||
		!link->up || !link->vxlan.local.family)
		return;
	master = link->master ? kernel_link(search->feed->kernel, link->master) : NULL;
	if (search->feed->bridge[0] && (!master || strcmp(master->name, search->feed->bridge)))
		return;
	search->found = link;
}

/* What other routers send inside is for the MAC that FRR has told them: the device's bridge's. */
static void set_router_mac(const struct evpn *evpn, const struct feed *feed)
{
	const struct kernel_link *bridge =
		feed->master ? kernel_link(feed->kernel, feed->master) : NULL;
	const struct feed *other;

	TAILQ_FOREACH (other, &evpn->feeds, link)
		if (other == feed || (other->kernel == feed->kernel && !other->bridge[0] &&
					     other->master == feed->master))
			break;
	if (other != feed) /* two would set it in turn, for ever */
		return;

	if (!feed->bridge[0] && bridge && !strcmp(bridge->kind, "bridge") &&
		memcmp(&bridge->mac, &feed->mac, sizeof(feed->mac)))
		kernel_set_mac(feed->kernel, bridge->index, &feed->mac);
}

static void routes_changed(struct evpn *evpn, const struct feed *feed)
{
	if (feed->bridge[0])
		return;
	if (feed->device)
		evpn->changed(feed->kernel, feed->device, evpn->arg);
	if (feed->master)
		evpn->changed(feed->kernel, feed->master, evpn->arg);
}

/* The device, and what is set by it. The FDB is gone through only where the device is another one:
 * its entries that change come one by one. */
static void feed_look(struct evpn *evpn, struct feed *feed)
{
	struct search search = {.feed = feed};
	const struct kernel_link *link;
	bool elsewhere;

	kernel_each(feed->kernel, KERNEL_LINK, look_at_link, &search);
	link = search.found;
	feed->dirty = false;
	if (!link || feed->device != link->index || feed->dst_port != link->vxlan.dst_port ||
		memcmp(&feed->local, &link->vxlan.local, sizeof(feed->local))) {
		routes_changed(evpn, feed);
		feed_empty(evpn, feed);
	}
	if (!link)
		return;
	elsewhere = feed->device != link->index || feed->master != link->master;
	feed->device = link->index;
	feed->master = link->master;
	feed->local = link->vxlan.local;
	feed->local.len = feed->local.family == 4 ? 32 : 128;
	feed->dst_port = link->vxlan.dst_port;
	set_router_mac(evpn, feed);
	if (elsewhere) {
		stale_free(feed);
		feed->members_dirty = false;
		members_look(evpn, feed);
		if (feed->bridge[0])
			stations_look(evpn, feed);
	}
	routes_changed(evpn, feed);
}

/* ---- what changes ---- */

void station_changed(struct feed *feed, const struct api_mac_addr *mac)
{
	struct stale *stale;

	if (!evpn_is_station(mac))
		return;
	stale = xmalloc(sizeof(*stale));
	stale->mac = *mac;
	TAILQ_INSERT_TAIL(&feed->stale, stale, link);
}

static void fdb_changed(struct feed *feed, const struct kernel_fdb *entry)
{
	if (entry->master ? entry->master != feed->master : entry->index != feed->device)
		return;
	if (feed->bridge[0])
		station_changed(feed, &entry->mac);
	if (!feed->bridge[0] || !evpn_is_station(&entry->mac))
		feed->members_dirty = true;
}

/* May the feed have another device by it, or what is set by it (the bridge's MAC) be another one?
 */
static bool is_about(const struct feed *feed, const struct kernel_link *link)
{
	if (link->index == feed->device || link->index == feed->master)
		return true;
	if (!strcmp(link->kind, "vxlan")) /* l3: one that leaves a bridge that had two */
		return link->vxlan.vni == feed->vni || !feed->bridge[0];
	return feed->bridge[0] && !strcmp(link->name, feed->bridge);
}

void evpn_changed(struct evpn *evpn, struct kernel *kernel, enum kernel_kind kind,
	const void *entry, bool gone)
{
	struct feed *feed;

	if (kind == KERNEL_NEXTHOP && ((const struct kernel_nexthop *)entry)->fdb)
		group_changed(evpn, kernel, entry);
	TAILQ_FOREACH (feed, &evpn->feeds, link) {
		if (feed->kernel != kernel)
			continue;
		if (kind == KERNEL_LINK)
			feed->dirty |= is_about(feed, entry);
		else if (kind == KERNEL_FDB && feed->device)
			fdb_changed(feed, entry);
		else if (kind == KERNEL_NEXTHOP && feed->device && !feed->bridge[0])
			feed->members_dirty |= ((const struct kernel_nexthop *)entry)->fdb;
		else if (kind == KERNEL_NEIGHBOR && feed->device && !feed->bridge[0])
			feed->members_dirty |=
				((const struct kernel_neighbor *)entry)->index == feed->master ||
				((const struct kernel_neighbor *)entry)->index == feed->device;
	}
}

static void feed_work(struct evpn *evpn, struct feed *feed)
{
	struct stale *stale;

	if (feed->dirty)
		feed_look(evpn, feed);
	if (feed->members_dirty) {
		feed->members_dirty = false;
		members_look(evpn, feed);
		routes_changed(evpn, feed);
	}
	while ((stale = TAILQ_FIRST(&feed->stale))) {
		TAILQ_REMOVE(&feed->stale, stale, link);
		station_look(evpn, feed, &stale->mac);
		free(stale);
	}
}

void evpn_settled(struct evpn *evpn)
{
	struct feed *feed;

	TAILQ_FOREACH (feed, &evpn->feeds, link)
		feed_work(evpn, feed);
}

/* ---- type 5 ---- */

bool evpn_via(const struct evpn *evpn, struct kernel *kernel, const char *slice, uint32_t link,
	const struct api_ip *gateway, struct api_via *via)
{
	const struct kernel_neighbor *neighbor;
	const struct vtep *vtep;
	const struct feed *feed;
	struct remote remote;

	TAILQ_FOREACH (feed, &evpn->feeds, link)
		if (feed->kernel == kernel && feed->device && !strcmp(feed->slice, slice))
			break;
	if (!feed || feed->bridge[0] || (link != feed->device && link != feed->master))
		return false;
	neighbor = kernel_neighbor(kernel, link, gateway);
	if (!neighbor || !evpn_remote_of(feed, &neighbor->mac, &remote))
		return false;
	vtep = vtep_find(evpn, &feed->local, &remote.vtep, feed->dst_port);
	if (!vtep)
		return false;
	strcpy(via->tunnel, vtep->name);
	via->mac = neighbor->mac;
	return true;
}

uint32_t evpn_multihomed(const struct evpn *evpn)
{
	return evpn->multihomed;
}
