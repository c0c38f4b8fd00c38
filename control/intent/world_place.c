/* SPDX-License-Identifier: BSD-3-Clause */
/* Who may be at a place (site, port, VLAN): one slice, or one network by way of its hosts, and
 * hosts that go with it. */
#include <stdio.h>
#include <string.h>

#include "intent_private.h"

/* What the other is, beside the one that is checked. */
static int conflict(struct rpc_error *err, const struct intent *with, const char *path,
	const char *fmt, const char *a, const char *b)
{
	intent_title(with, err->with, sizeof(err->with));
	snprintf(err->path, sizeof(err->path), "%s", path);
	err->code = RPC_ERR_CONFLICT;
	snprintf(err->message, sizeof(err->message), fmt, a, b);
	return -1;
}

static struct intent *slice_at(const struct world *world, const struct intent_host *host)
{
	char text[API_KEY_BYTES];

	key_place(text, host->site, host->port, host->vlan);
	return world_holder(world, CONSTRAINT_HAS, KEY_PLACE, text, NULL);
}

/* The next host at the same place that is in a network; *network: which. */
static struct intent *networked_host(const struct world *world, const struct intent_host *place,
	struct intent *after, struct intent **network)
{
	do {
		after = world_hosts_at(world, place->site, place->port, place->vlan, after);
		*network = after ? world_network_of(world, after->name, NULL) : NULL;
	} while (after && !*network);
	return after;
}

/* All hosts of a place that are in networks are in the same one. It is enough to look at the first
 * and at the next one: of those that the transaction has not touched all agree. */
static int check_neighbours(const struct world *world, struct intent *host, struct intent *network,
	struct rpc_error *err)
{
	const struct intent_host *place = &host->obj->host;
	struct intent *other, *its;

	other = networked_host(world, place, NULL, &its);
	if (other == host || its == network)
		other = networked_host(world, place, host, &its);
	if (!other || its == network)
		return 0;
	return conflict(err, its, "",
		"host %s is at a place of network %s: two networks need two ports or VLANs",
		host->name, its->name);
}

static int check_networks(const struct world *world, struct intent *host, struct intent *slice,
	const struct intent *intent, struct rpc_error *err)
{
	struct intent *network = world_network_of(world, host->name, NULL), *second;

	if (!network)
		return 0;
	second = world_network_of(world, host->name, network);
	if (second)
		return conflict(err, intent == second ? network : second, "",
			second->obj->network.exclusive || network->obj->network.exclusive
				? "host %s is already in network %s, and one of the two wants its "
				  "hosts for itself"
				: "host %s is already in network %s: a port or VLAN leads into one "
				  "network",
			host->name, intent == second ? network->name : second->name);
	if (slice)
		return conflict(err, intent == slice ? network : slice, "",
			intent == slice ? "host %s of network %s is there already"
					: "host %s is at a place of slice %s",
			host->name, intent == slice ? network->name : slice->name);
	return check_neighbours(world, host, network, err);
}

/* A station in somebody else's slice would be one that they did not ask for. */
static int check_tenants(const struct intent *host, const struct intent *slice,
	const struct intent *intent, struct rpc_error *err)
{
	if (!slice || !host->tenant[0] || !strcmp(host->tenant, slice->tenant))
		return 0;
	if (intent == slice)
		return conflict(err, host, "endpoints", "host %s is there, and is tenant %s's",
			host->name, host->tenant);
	return conflict(err, slice, "port", "slice %s is there, and is not tenant %s's",
		slice->name, host->tenant);
}

/* In the slice that holds both places, or in one network. */
static bool same_bridge(const struct world *world, const struct intent *a, const struct intent *b)
{
	const struct intent_host *x = &a->obj->host, *y = &b->obj->host;
	struct intent *holder;

	if (!strcmp(x->site, y->site) && !strcmp(x->port, y->port) && x->vlan == y->vlan)
		return true;
	holder = world_at_place(world, x->site, x->port, x->vlan);
	return holder && holder == world_at_place(world, y->site, y->port, y->vlan);
}

static int check_twin(const struct world *world, const struct intent *host, enum key_kind kind,
	const char *text, const char *path, struct rpc_error *err)
{
	struct intent *other = NULL;

	while ((other = world_holder(world, CONSTRAINT_AT, kind, text, other)))
		if (other != host && same_bridge(world, host, other))
			return conflict(err, other, path, "%s is host %s's", text, other->name);
	return 0;
}

static int check_twins(const struct world *world, const struct intent *host, struct rpc_error *err)
{
	const struct intent_host *obj = &host->obj->host;
	char text[64];

	api_mac_format(&obj->mac, text);
	if (check_twin(world, host, KEY_MAC, text, "mac", err))
		return -1;
	api_ip_format(&obj->address, false, text);
	if (obj->address.family && check_twin(world, host, KEY_IP, text, "address", err))
		return -1;
	api_ip_format(&obj->address6, false, text);
	return obj->address6.family ? check_twin(world, host, KEY_IP, text, "address6", err) : 0;
}

static const struct intent_endpoint *endpoint_at(
	const struct intent_slice *slice, const struct intent_host *host)
{
	for (uint32_t i = 0; i < slice->endpoints.count; i++) {
		const struct intent_endpoint *endpoint = &slice->endpoints.item[i];

		if (endpoint->vlan == host->vlan && !strcmp(endpoint->site, host->site) &&
			!strcmp(endpoint->port, host->port))
			return endpoint;
	}
	return NULL;
}

/* In an l3 slice a host is in the network of its endpoint's gateway, and not the gateway. */
static int check_on_link(const struct api_ip *address, const struct api_ip *gateway,
	const char *path, const struct intent *host, const struct intent *slice,
	const struct intent *intent, struct rpc_error *err)
{
	char text[64];

	if (!address->family)
		return 0;
	if (api_ip_within(address, gateway) && !api_ip_same(address, gateway))
		return 0;
	api_ip_format(address, false, text);
	if (intent == slice)
		return conflict(err, host, "endpoints",
			"host %s has %s, which is not in the network of its endpoint's gateway",
			host->name, text);
	return conflict(err, slice, path,
		"%s is not in the network of the gateway that slice %s has there", text,
		slice->name);
}

static int check_gateways(const struct intent *host, const struct intent *slice,
	const struct intent *intent, struct rpc_error *err)
{
	const struct intent_host *obj = &host->obj->host;
	const struct intent_endpoint *endpoint;

	if (!slice || slice->obj->slice.service != SERVICE_L3)
		return 0;
	endpoint = endpoint_at(&slice->obj->slice, obj);
	if (check_on_link(&obj->address, &endpoint->gateway, "address", host, slice, intent, err))
		return -1;
	return check_on_link(
		&obj->address6, &endpoint->gateway6, "address6", host, slice, intent, err);
}

static int host_check(const struct world *world, struct intent *host, const struct intent *intent,
	struct rpc_error *err)
{
	struct intent *slice = slice_at(world, &host->obj->host);

	if (check_networks(world, host, slice, intent, err) ||
		check_tenants(host, slice, intent, err) || check_gateways(host, slice, intent, err))
		return -1;
	return check_twins(world, host, err);
}

static int slice_check(
	const struct world *world, const struct intent *intent, struct rpc_error *err)
{
	const struct intent_endpoints *endpoints = &intent->obj->slice.endpoints;

	for (uint32_t i = 0; i < endpoints->count; i++) {
		const struct intent_endpoint *at = &endpoints->item[i];
		struct intent *host = NULL;

		while ((host = world_hosts_at(world, at->site, at->port, at->vlan, host)))
			if (host_check(world, host, intent, err))
				return -1;
	}
	return 0;
}

/* One tenant's network has that tenant's hosts. */
static int network_check(
	const struct world *world, const struct intent *intent, struct rpc_error *err)
{
	const struct api_texts *hosts = &intent->obj->network.hosts;

	for (uint32_t i = 0; i < hosts->count; i++) {
		struct intent *host = world_find(world, INTENT_HOST, hosts->item[i].text);

		if (strcmp(host->tenant, intent->tenant)) {
			rpc_fail_value(err, "", "a host of the network's own tenant", host->name);
			rpc_error_prefix(err, "hosts[%u]", i);
			return -1;
		}
		if (host_check(world, host, intent, err)) {
			if (!err->path[0])
				snprintf(err->path, sizeof(err->path), "hosts[%u]", i);
			return -1;
		}
	}
	return 0;
}

int place_check(struct world *world, struct intent *intent, struct rpc_error *err)
{
	switch (intent->type) {
	case INTENT_SLICE:
		return slice_check(world, intent, err);
	case INTENT_HOST:
		return host_check(world, intent, intent, err);
	case INTENT_NETWORK:
		return network_check(world, intent, err);
	default:
		return 0;
	}
}
