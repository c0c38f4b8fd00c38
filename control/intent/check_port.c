/* SPDX-License-Identifier: BSD-3-Clause */
/* The rules that sites and WANs keep by themselves. */
#include <stdio.h>
#include <string.h>

#include "intent_private.h"

/* "x.5" without VLAN and "x" with VLAN 5 would be the same attachment. */
static int check_port_name(const char *name, struct rpc_error *err)
{
	const char *dot = strrchr(name, '.');

	if (!dot || !dot[1] || dot[1 + strspn(dot + 1, "0123456789")])
		return 0;
	return rpc_fail_value(err, "name",
		"a name that does not end in . and a number: so VLANs are written", name);
}

static int check_port_addresses(const struct intent_port *port, struct rpc_error *err)
{
	for (uint32_t i = 0; i < port->addresses.count; i++) {
		const struct api_ip *ip = &port->addresses.item[i];
		const char *want = NULL;

		if (!ip_is_unicast(ip))
			want = "an address of one station";
		else if (ip_is_network_or_broadcast(ip))
			want = "an address of a station in its network, not the network's own or "
			       "its broadcast address";
		for (uint32_t j = 0; j < i && !want; j++)
			if (ip_same_address(ip, &port->addresses.item[j]))
				want = "each address once";
		if (!want)
			continue;
		refuse_ip(err, "", want, ip, true);
		rpc_error_prefix(err, "addresses[%u]", i);
		return -1;
	}
	return 0;
}

static int check_neighbors(const struct intent_port *port, struct rpc_error *err)
{
	for (uint32_t i = 0; i < port->neighbors.count; i++) {
		const struct intent_neighbor *neighbor = &port->neighbors.item[i];
		int rc = 0;

		if (!ip_is_unicast(&neighbor->address))
			rc = refuse_ip(err, "address", "an address of one station",
				&neighbor->address, false);
		else if (mac_is_zero(&neighbor->mac) || mac_is_multicast(&neighbor->mac))
			rc = refuse_mac(err, "mac", "a MAC address of one station", &neighbor->mac);
		for (uint32_t j = 0; j < i && !rc; j++)
			if (ip_same_address(&neighbor->address, &port->neighbors.item[j].address))
				rc = refuse_ip(err, "address", "each address once",
					&neighbor->address, false);
		if (!rc)
			continue;
		rpc_error_prefix(err, "neighbors[%u]", i);
		return -1;
	}
	return 0;
}

/* via must be next door: in one of the networks, and not the box itself. */
static int check_via(const struct api_ip *via, const struct api_ip *networks, uint32_t count,
	struct rpc_error *err)
{
	bool near = false;

	for (uint32_t i = 0; i < count; i++) {
		if (ip_same_address(via, &networks[i]))
			return refuse_ip(
				err, "via", "another station than the box itself", via, false);
		near |= api_ip_within(via, &networks[i]);
	}
	return near ? 0
		    : refuse_ip(
			      err, "via", "an address in a network of the same place", via, false);
}

int check_routes(const struct intent_routes *routes, const struct api_ip *networks, uint32_t count,
	struct rpc_error *err)
{
	for (uint32_t i = 0; i < routes->count; i++) {
		const struct intent_route *route = &routes->item[i];
		int rc = 0;

		if (route->prefix.family != route->via.family)
			rc = refuse_ip(err, "via", "an address of the prefix's family", &route->via,
				false);
		for (uint32_t j = 0; j < i && !rc; j++)
			if (ip_equal(&route->prefix, &routes->item[j].prefix))
				rc = refuse_ip(
					err, "prefix", "each prefix once", &route->prefix, true);
		if (!rc)
			rc = check_via(&route->via, networks, count, err);
		if (!rc)
			continue;
		rpc_error_prefix(err, "routes[%u]", i);
		return -1;
	}
	return 0;
}

static int check_port(const struct intent_port *port, struct rpc_error *err)
{
	const char *only = NULL;

	if (!port->device[0])
		only = port->tap ? "tap" : port->queues ? "queues" : port->mbufs ? "mbufs" : NULL;
	if (only)
		return rpc_fail_value(err, only, "only together with device", "no device");
	if (check_port_name(port->name, err))
		return -1;
	if (mac_is_multicast(&port->mac))
		return refuse_mac(err, "mac", "a MAC address of one station", &port->mac);
	if (check_port_addresses(port, err) || check_neighbors(port, err))
		return -1;
	return check_routes(&port->routes, port->addresses.item, port->addresses.count, err);
}

static int compare_ports(const void *base, uint32_t a, uint32_t b)
{
	const struct intent_port *ports = base;

	return strcmp(ports[a].name, ports[b].name);
}

static int check_gtpus(const struct intent_gtpus *gtpus, struct rpc_error *err)
{
	for (uint32_t i = 0; i < gtpus->count; i++) {
		const struct intent_gtpu *gtpu = &gtpus->item[i];
		int rc = 0;

		if (!ip_is_unicast(&gtpu->address))
			rc = refuse_ip(
				err, "address", "an address of one station", &gtpu->address, false);
		for (uint32_t j = 0; j < i && !rc; j++) {
			if (!strcmp(gtpu->name, gtpus->item[j].name))
				rc = rpc_fail_value(err, "name", "each name once", gtpu->name);
			else if (ip_same_address(&gtpu->address, &gtpus->item[j].address))
				rc = refuse_ip(
					err, "address", "each address once", &gtpu->address, false);
		}
		if (!rc)
			continue;
		rpc_error_prefix(err, "gtpu[%u]", i);
		return -1;
	}
	return 0;
}

int check_site(const struct intent_site *site, struct rpc_error *err)
{
	uint32_t again, first;

	if (check_list_names(INTENT_SITE, "ports", site->ports.item, site->ports.count, err) ||
		check_list_names(INTENT_SITE, "gtpu", site->gtpu.item, site->gtpu.count, err))
		return -1;
	for (uint32_t i = 0; i < site->ports.count; i++) {
		if (!check_port(&site->ports.item[i], err))
			continue;
		rpc_error_prefix(err, "ports[%u]", i);
		return -1;
	}
	if (find_twin(site->ports.item, site->ports.count, compare_ports, &again, &first)) {
		rpc_fail_value(err, "name", "each name once", site->ports.item[again].name);
		rpc_error_prefix(err, "ports[%u]", again);
		return -1;
	}
	return check_gtpus(&site->gtpu, err);
}

int check_wan(const struct intent_wan *wan, struct rpc_error *err)
{
	char got[32];

	if (wan->shape && wan->capacity_bps < RATE_MIN_BPS) {
		snprintf(got, sizeof(got), "%llu", (unsigned long long)wan->capacity_bps);
		return rpc_fail_value(
			err, "capacity_bps", "at least 100000 where shape is true", got);
	}
	return check_port(&wan->port, err);
}
