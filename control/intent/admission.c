/* SPDX-License-Identifier: BSD-3-Clause */
/* Admission control: which WAN carries a slice or network at each of its sites, where nobody
 * said. What it chooses is written into the intent. Owns nothing. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "intent_private.h"

/* What is looked for at one site. */
struct ask {
	const struct world *world;
	const struct intent *intent;
	const char *site;
	const char *before; /* what it used there until now, tried first; "" */
	uint32_t mtu;
	uint64_t bps;
	char path[64];
};

static bool carries(const struct ask *ask, const struct intent_wan *wan)
{
	uint32_t overhead = wan_overhead(wan);

	return overhead && (!ask->mtu || wan->port.mtu >= ask->mtu + overhead);
}

static bool has_room(const struct ask *ask, const struct intent *wan)
{
	uint64_t capacity = wan->obj->wan.capacity_bps;

	return !capacity || world_booked_bps(ask->world, wan->name) + ask->bps <= capacity;
}

static uint64_t room_of(const struct world *world, const struct intent *wan)
{
	uint64_t booked = world_booked_bps(world, wan->name);

	return booked < wan->obj->wan.capacity_bps ? wan->obj->wan.capacity_bps - booked : 0;
}

static int refuse(const struct ask *ask, const struct intent *best, struct rpc_error *err)
{
	char want[120], site[64];

	snprintf(err->path, sizeof(err->path), "%s", ask->path);
	if (best)
		return wan_refuse_room(&best->obj->wan, world_booked_bps(ask->world, best->name),
			ask->bps, ask->intent, err);
	snprintf(site, sizeof(site), "site %s", ask->site);
	if (ask->mtu)
		snprintf(want, sizeof(want),
			"a site that has a WAN with an address, and with an mtu of %u + 50 (over "
			"IPv6 70)",
			ask->mtu);
	else
		snprintf(want, sizeof(want), "a site that has a WAN with an address");
	return rpc_fail_value(err, ask->path, want, site);
}

/* NULL with err. */
static const char *choose(const struct ask *ask, struct rpc_error *err)
{
	struct intent *wan = NULL, *best = NULL, *first = NULL;

	while ((wan = world_wans_of(ask->world, ask->site, wan))) {
		if (!carries(ask, &wan->obj->wan) ||
			(strcmp(wan->name, ask->before) &&
				!grant_has_wan(ask->world, ask->intent, ask->site, wan->name)))
			continue;
		if (!has_room(ask, wan)) {
			if (!best || room_of(ask->world, wan) > room_of(ask->world, best))
				best = wan;
			continue;
		}
		if (!strcmp(wan->name, ask->before))
			return wan->name;
		first = first ? first : wan;
	}
	if (first)
		return first->name;
	refuse(ask, best, err);
	return NULL;
}

/* ---- slices ---- */

static const char *wan_at(const struct intent_slice *slice, const char *site)
{
	for (uint32_t i = 0; i < slice->endpoints.count; i++) {
		const struct intent_endpoint *endpoint = &slice->endpoints.item[i];

		if (endpoint->wan[0] && !strcmp(endpoint->site, site))
			return endpoint->wan;
	}
	return "";
}

static int choose_endpoint(
	const struct world *world, struct intent *intent, uint32_t index, struct rpc_error *err)
{
	const struct intent *was = intent_was(intent);
	struct intent_slice *slice = &intent->obj->slice;
	struct intent_endpoint *endpoint = &slice->endpoints.item[index];
	struct ask ask = {.world = world,
		.intent = intent,
		.site = endpoint->site,
		.before = was ? wan_at(&was->obj->slice, endpoint->site) : "",
		.mtu = slice->mtu,
		.bps = slice->bandwidth.committed_bps};
	const char *wan = wan_at(slice, endpoint->site); /* that of a neighbour is paid already */

	snprintf(ask.path, sizeof(ask.path), "endpoints[%u].wan", index);
	if (!*wan)
		wan = choose(&ask, err);
	if (!wan)
		return -1;
	snprintf(endpoint->wan, sizeof(endpoint->wan), "%s", wan);
	return 0;
}

static int choose_slice(struct world *world, struct intent *intent, struct rpc_error *err)
{
	uint32_t count = use_count(intent), missing = 0;
	int rc = 0;

	for (uint32_t i = 0; i < count; i++)
		missing += !*use_get(intent, i).wan;
	if (!missing)
		return 0;
	world_edit_begin(intent);
	for (uint32_t i = 0; i < count && !rc; i++)
		if (!*use_get(intent, i).wan)
			rc = choose_endpoint(world, intent, i, err);
	world_edit_end(intent);
	return rc;
}

/* ---- networks ---- */

static int by_site(const void *a, const void *b)
{
	return strcmp(((const struct intent_placement *)a)->site,
		((const struct intent_placement *)b)->site);
}

/* The sites of a network's hosts, in order, each once. */
static uint32_t sites_of(const struct world *world, const struct intent_network *network,
	struct intent_placement *list)
{
	uint32_t count = 0, kept = 0;

	for (uint32_t i = 0; i < network->hosts.count; i++) {
		struct intent *host = world_find(world, INTENT_HOST, network->hosts.item[i].text);

		list[count] = (struct intent_placement){.wan = ""};
		if (host)
			memcpy(list[count++].site, host->obj->host.site, sizeof(list->site));
	}
	qsort(list, count, sizeof(*list), by_site);
	for (uint32_t i = 0; i < count; i++)
		if (!i || by_site(&list[i], &list[kept - 1]))
			list[kept++] = list[i];
	return kept > 1 ? kept : 0;
}

static const char *placement_at(const struct intent_network *network, const char *site)
{
	for (uint32_t i = 0; i < network->placements.count; i++)
		if (!strcmp(network->placements.item[i].site, site))
			return network->placements.item[i].wan;
	return "";
}

static bool same_placements(
	const struct intent_network *network, const struct intent_placement *list, uint32_t count)
{
	if (network->placements.count != count)
		return false;
	for (uint32_t i = 0; i < count; i++)
		if (strcmp(list[i].site, network->placements.item[i].site) ||
			strcmp(list[i].wan, network->placements.item[i].wan))
			return false;
	return true;
}

static int choose_placements(const struct world *world, struct intent *intent,
	struct intent_placement *list, uint32_t count, struct rpc_error *err)
{
	const struct intent *was = intent_was(intent);
	const struct intent_network *network = &intent->obj->network;

	for (uint32_t i = 0; i < count; i++) {
		struct ask ask = {.world = world,
			.intent = intent,
			.site = list[i].site,
			.before = was ? placement_at(&was->obj->network, list[i].site) : "",
			.bps = network->bandwidth.committed_bps,
			.path = "placements"};
		const char *wan = placement_at(network, list[i].site);

		if (!*wan)
			wan = choose(&ask, err);
		if (!wan)
			return -1;
		snprintf(list[i].wan, sizeof(list[i].wan), "%s", wan);
	}
	return 0;
}

/* The network with these placements in place of its own. */
static void set_placements(struct intent *intent, struct intent_placement *list, uint32_t count)
{
	union intent_object like = {.network = intent->obj->network}, *obj;

	like.network.placements = (struct intent_placements){count, list};
	obj = intent_copy(INTENT_NETWORK, &like);
	free(intent->obj);
	intent->obj = obj;
}

static int choose_network(struct world *world, struct intent *intent, struct rpc_error *err)
{
	const struct intent_network *network = &intent->obj->network;
	struct intent_placement *list = xcalloc(network->hosts.count + 1, sizeof(*list));
	uint32_t count = sites_of(world, network, list);
	int rc;

	world_edit_begin(intent);
	rc = choose_placements(world, intent, list, count, err);
	if (!rc && !same_placements(network, list, count))
		set_placements(intent, list, count);
	world_edit_end(intent);
	free(list);
	return rc;
}

int admission_choose(struct world *world, struct intent *intent, struct rpc_error *err)
{
	if (intent->type == INTENT_SLICE)
		return choose_slice(world, intent, err);
	return intent->type == INTENT_NETWORK ? choose_network(world, intent, err) : 0;
}
