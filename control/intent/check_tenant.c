/* SPDX-License-Identifier: BSD-3-Clause */
/* The rules that slices, hosts and networks keep by themselves. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "intent_private.h"

static int check_bandwidth(const struct intent_bandwidth *bandwidth, struct rpc_error *err)
{
	char want[80], got[32];

	snprintf(got, sizeof(got), "%llu", (unsigned long long)bandwidth->committed_bps);
	if (bandwidth->committed_bps && bandwidth->committed_bps < GUARANTEE_MIN_BPS) {
		snprintf(want, sizeof(want), "0 or at least %d", GUARANTEE_MIN_BPS);
		return rpc_fail_value(err, "bandwidth.committed_bps", want, got);
	}
	if (bandwidth->committed_bps && !bandwidth->peak_bps)
		return 0;
	snprintf(want, sizeof(want), "at least committed_bps, %s", got);
	if (bandwidth->peak_bps < METER_RATE_MIN)
		snprintf(want, sizeof(want), "at least %d, where committed_bps is 0",
			METER_RATE_MIN);
	else if (bandwidth->peak_bps >= bandwidth->committed_bps)
		return 0;
	snprintf(got, sizeof(got), "%llu", (unsigned long long)bandwidth->peak_bps);
	return rpc_fail_value(err, "bandwidth.peak_bps", want, got);
}

/* ---- slices ---- */

static int check_gateway(const char *path, const struct api_ip *gateway, struct rpc_error *err)
{
	if (!gateway->family)
		return 0;
	if (!ip_is_unicast(gateway))
		return refuse_ip(err, path, "an address of one station", gateway, true);
	if (ip_is_network_or_broadcast(gateway))
		return refuse_ip(err, path,
			"an address of a station in its network, not the network's own or its "
			"broadcast address",
			gateway, true);
	return 0;
}

static int check_l3_endpoint(const struct intent_endpoint *endpoint, struct rpc_error *err)
{
	const struct api_ip networks[] = {endpoint->gateway, endpoint->gateway6};

	/* with a tap the kernel's addresses there are gateways, too */
	if (!endpoint->gateway.family && !endpoint->gateway6.family && !endpoint->tap[0])
		return rpc_fail_value(
			err, "gateway", "gateway or gateway6 where service is l3", "nothing");
	if (check_gateway("gateway", &endpoint->gateway, err) ||
		check_gateway("gateway6", &endpoint->gateway6, err))
		return -1;
	return check_routes(&endpoint->routes, networks, 2, err);
}

static int check_l2_endpoint(const struct intent_endpoint *endpoint, struct rpc_error *err)
{
	const char *path = endpoint->gateway.family    ? "gateway"
			   : endpoint->gateway6.family ? "gateway6"
			   : endpoint->routes.count    ? "routes"
						       : NULL;

	return path ? rpc_fail_value(err, path, "only where service is l3", "service l2") : 0;
}

static int compare_places(const void *base, uint32_t a, uint32_t b)
{
	const struct intent_endpoint *endpoints = base, *x = &endpoints[a], *y = &endpoints[b];
	int order = strcmp(x->site, y->site);

	if (!order)
		order = strcmp(x->port, y->port);
	return order ? order : (x->vlan > y->vlan) - (x->vlan < y->vlan);
}

/* A prefix of an l3 slice and where it is from: each may be there only once. */
struct network {
	struct api_ip ip;
	uint32_t endpoint;
	bool gateway;
};

static int compare_networks(const void *base, uint32_t a, uint32_t b)
{
	const struct network *networks = base;

	return ip_compare(&networks[a].ip, &networks[b].ip);
}

static void add_network(
	struct network *list, uint32_t *count, const struct api_ip *ip, uint32_t at, bool gateway)
{
	if (!ip->family)
		return;
	list[*count] = (struct network){.ip = *ip, .endpoint = at, .gateway = gateway};
	api_ip_mask(&list[(*count)++].ip);
}

static int refuse_network(
	const struct network *again, const struct network *first, struct rpc_error *err)
{
	char want[160], other[64];

	api_ip_format(&first->ip, true, other);
	snprintf(want, sizeof(want), "a network of its own: endpoints[%u] has %s", first->endpoint,
		other);
	refuse_ip(err,
		!again->gateway		? "routes"
		: again->ip.family == 6 ? "gateway6"
					: "gateway",
		want, &again->ip, true);
	rpc_error_prefix(err, "endpoints[%u]", again->endpoint);
	return -1;
}

static int by_network(const void *a, const void *b)
{
	const struct network *x = a, *y = b;
	int order = ip_compare(&x->ip, &y->ip);

	return order ? order : (x->endpoint > y->endpoint) - (x->endpoint < y->endpoint);
}

/* Networks of gateways do not overlap (in order of addresses, one that does comes after the one
 * it is in, with only such between them); routes may be more special than others, not the same. */
static int check_distinct(struct network *list, uint32_t count, struct rpc_error *err)
{
	const struct network *gateway = NULL;

	qsort(list, count, sizeof(*list), by_network);
	for (uint32_t i = 0; i < count; i++) {
		const struct network *first = &list[i];

		if (i && !compare_networks(list, i - 1, i))
			return refuse_network(&list[i], &list[i - 1], err);
		if (!first->gateway)
			continue;
		if (gateway && api_ip_overlap(&gateway->ip, &first->ip))
			return gateway->endpoint < first->endpoint
				       ? refuse_network(first, gateway, err)
				       : refuse_network(gateway, first, err);
		gateway = first;
	}
	return 0;
}

static int check_networks(const struct intent_endpoints *endpoints, struct rpc_error *err)
{
	uint32_t count = 0;
	struct network *list;
	int rc;

	for (uint32_t i = 0; i < endpoints->count; i++)
		count += 2 + endpoints->item[i].routes.count;
	list = malloc((count + 1) * sizeof(*list));
	if (!list)
		return rpc_fail(err, RPC_ERR_INTERNAL, "out of memory; try again");
	count = 0;
	for (uint32_t i = 0; i < endpoints->count; i++) {
		const struct intent_endpoint *endpoint = &endpoints->item[i];

		add_network(list, &count, &endpoint->gateway, i, true);
		add_network(list, &count, &endpoint->gateway6, i, true);
		for (uint32_t j = 0; j < endpoint->routes.count; j++)
			add_network(list, &count, &endpoint->routes.item[j].prefix, i, false);
	}
	rc = check_distinct(list, count, err);
	free(list);
	return rc;
}

/* The dataplane calls the underlay's routes so. */
static int check_reserved(const char *name, struct rpc_error *err)
{
	return strcmp(name, "underlay")
		       ? 0
		       : rpc_fail_value(
				 err, "name", "another name: it stands for the routes below", name);
}

static int check_kernel(const struct intent_slice *slice, struct rpc_error *err)
{
	const struct intent_kernel *kernel = &slice->kernel;
	uint32_t named = !!kernel->netns[0] + !!kernel->vrf[0] + !!kernel->table;
	bool l3 = slice->service == SERVICE_L3;

	if (!slice->has_kernel)
		return 0;
	if (l3 ? named == 1 && !kernel->bridge[0] : !named && kernel->bridge[0])
		return check_part_names(INTENT_SLICE, "kernel", kernel, err);
	return rpc_fail_value(err, "kernel",
		l3 ? "one of netns, vrf and table, the slice being l3"
		   : "bridge alone, the slice being l2",
		"something else");
}

static int check_tap(const struct intent_slice *slice, const struct intent_endpoint *endpoint,
	struct rpc_error *err)
{
	if (!endpoint->tap[0] || slice->has_kernel)
		return 0;
	return rpc_fail_value(
		err, "tap", "nothing, the slice having no kernel part", endpoint->tap);
}

int check_slice(const struct intent_slice *slice, struct rpc_error *err)
{
	const struct intent_endpoints *endpoints = &slice->endpoints;
	uint32_t again, first;

	if (check_reserved(slice->name, err) ||
		check_list_names(INTENT_SLICE, "endpoints", endpoints->item, endpoints->count, err))
		return -1;
	if (slice->has_bandwidth && check_bandwidth(&slice->bandwidth, err))
		return -1;
	if (check_kernel(slice, err))
		return -1;
	for (uint32_t i = 0; i < endpoints->count; i++) {
		const struct intent_endpoint *endpoint = &endpoints->item[i];

		if (!(slice->service == SERVICE_L3 ? check_l3_endpoint(endpoint, err)
						   : check_l2_endpoint(endpoint, err)) &&
			!check_tap(slice, endpoint, err))
			continue;
		rpc_error_prefix(err, "endpoints[%u]", i);
		return -1;
	}
	if (find_twin(endpoints->item, endpoints->count, compare_places, &again, &first)) {
		rpc_fail_value(
			err, "", "each site, port and VLAN once", endpoints->item[again].port);
		rpc_error_prefix(err, "endpoints[%u]", again);
		return -1;
	}
	return check_networks(endpoints, err);
}

/* ---- hosts and their networks ---- */

int check_host(const struct intent_host *host, struct rpc_error *err)
{
	if (mac_is_zero(&host->mac) || mac_is_multicast(&host->mac))
		return refuse_mac(err, "mac", "a MAC address of one station", &host->mac);
	if (host->address.family && !ip_is_unicast(&host->address))
		return refuse_ip(
			err, "address", "an address of one station", &host->address, false);
	if (host->address6.family && !ip_is_unicast(&host->address6))
		return refuse_ip(
			err, "address6", "an address of one station", &host->address6, false);
	return 0;
}

static int compare_texts(const void *base, uint32_t a, uint32_t b)
{
	const struct api_text *texts = base;

	return strcmp(texts[a].text, texts[b].text);
}

static int compare_placements(const void *base, uint32_t a, uint32_t b)
{
	const struct intent_placement *placements = base;

	return strcmp(placements[a].site, placements[b].site);
}

int check_network(const struct intent_network *network, struct rpc_error *err)
{
	uint32_t again, first;

	if (check_reserved(network->name, err) ||
		check_list_names(INTENT_NETWORK, "placements", network->placements.item,
			network->placements.count, err))
		return -1;
	if (network->has_bandwidth && check_bandwidth(&network->bandwidth, err))
		return -1;
	if (find_twin(network->hosts.item, network->hosts.count, compare_texts, &again, &first)) {
		rpc_fail_value(err, "", "each host once", network->hosts.item[again].text);
		rpc_error_prefix(err, "hosts[%u]", again);
		return -1;
	}
	if (!find_twin(network->placements.item, network->placements.count, compare_placements,
		    &again, &first))
		return 0;
	rpc_fail_value(err, "site", "each site once", network->placements.item[again].site);
	rpc_error_prefix(err, "placements[%u]", again);
	return -1;
}

static int compare_prefixes(const void *base, uint32_t a, uint32_t b)
{
	const struct api_ip *ips = base;

	return ip_compare(&ips[a], &ips[b]);
}

int check_local_network(const struct intent_local_network *local, struct rpc_error *err)
{
	uint32_t again, first;

	if (!find_twin(
		    local->prefixes.item, local->prefixes.count, compare_prefixes, &again, &first))
		return 0;
	refuse_ip(err, "", "each prefix once", &local->prefixes.item[again], true);
	rpc_error_prefix(err, "prefixes[%u]", again);
	return -1;
}
