/* SPDX-License-Identifier: BSD-3-Clause */
/* The underlay: addresses, neighbours and routes, and the paths of every tunnel that follow from
 * them. Main thread only. Owns all three. No packet ever looks here. */
#include "underlay.h"

#include <errno.h>
#include <rte_log.h>
#include <stdlib.h>
#include <string.h>

#include "drops.h"
#include "notify.h"
#include "ip.h"
#include "port.h"
#include "port_link.h"
#include "tunnel_paths.h"
#include "underlay_hop.h"
#include "underlay_route.h"

struct connected {
	uint16_t port;
	struct api_ip prefix;
};

/* The next hops of a tunnel's ways, usable or not. */
struct held {
	uint8_t count;
	uint32_t hop[TUNNEL_PATHS_MAX];
};

#define PREFIXES_MAX 16 /* more changed routes in one transaction: all paths are resolved anew */

static struct connected *connected; /* [LIMIT_UNDERLAY_ADDRESSES] */
static uint32_t connected_count;
static struct held *held; /* [LIMIT_TUNNELS + 1] */

/* What is stale. */
static bool stale; /* all tunnels */
static uint64_t stale_tunnel[LIMIT_TUNNELS / 64 + 1];
static bool stale_some;
static uint64_t stale_ports; /* paths over them */
static struct api_ip stale_prefix[PREFIXES_MAX];
static uint32_t stale_prefixes;

int underlay_init(void)
{
	int rc;

	connected = calloc(LIMIT_UNDERLAY_ADDRESSES, sizeof(*connected));
	held = calloc(LIMIT_TUNNELS + 1, sizeof(*held));
	connected_count = 0;
	stale = stale_some = false;
	stale_ports = 0;
	stale_prefixes = 0;
	memset(stale_tunnel, 0, sizeof(stale_tunnel));
	if (connected == NULL || held == NULL)
		return -ENOMEM;
	rc = hop_init();
	return rc == 0 ? route_table_init() : rc;
}

void underlay_fini(void)
{
	route_table_fini();
	hop_fini();
	free(connected);
	free(held);
	connected = NULL;
	held = NULL;
}

void underlay_stale(void)
{
	stale = true;
}

void underlay_stale_tunnel(uint16_t id)
{
	stale_tunnel[id / 64] |= 1ull << (id % 64);
	stale_some = true;
}

/* ---- addresses ---- */

static bool same_ip(const struct api_ip *a, const struct api_ip *b)
{
	return a->family == b->family && a->len == b->len && memcmp(a->bytes, b->bytes, 16) == 0;
}

void underlay_address_set(uint16_t port, const struct api_ip *prefix)
{
	stale = true;
	port_hot[port].underlay = true;
	if (connected_count < LIMIT_UNDERLAY_ADDRESSES)
		connected[connected_count++] = (struct connected){.port = port, .prefix = *prefix};
}

void underlay_address_unset(uint16_t port, const struct api_ip *prefix)
{
	bool left = false;

	stale = true;
	for (uint32_t i = 0; i < connected_count; i++)
		if (connected[i].port == port && same_ip(&connected[i].prefix, prefix)) {
			connected[i] = connected[--connected_count];
			break;
		}
	for (uint32_t i = 0; i < connected_count; i++)
		left |= connected[i].port == port;
	port_hot[port].underlay = left || port_hot[port].twin != PORT_NONE;
}

/* Of two ports on one network the one whose link is up. */
static bool is_better(const struct connected *a, const struct connected *b)
{
	if (a->prefix.len != b->prefix.len)
		return a->prefix.len > b->prefix.len;
	return port_link_up(a->port) && !port_link_up(b->port);
}

/* The connected prefix with the most bits that holds ip, or NULL. */
static const struct connected *find_connected(const struct api_ip *ip)
{
	const struct connected *best = NULL;

	for (uint32_t i = 0; i < connected_count; i++)
		if (api_ip_within(ip, &connected[i].prefix) &&
			(best == NULL || is_better(&connected[i], best)))
			best = &connected[i];
	return best;
}

/* Is a network of one of these ports another port's, too? Then whose it is may depend on links. */
static bool shares_network(uint64_t ports)
{
	for (uint32_t i = 0; i < connected_count; i++)
		for (uint32_t j = 0; ports >> connected[i].port & 1 && j < connected_count; j++)
			if (connected[i].port != connected[j].port &&
				connected[i].prefix.len == connected[j].prefix.len &&
				api_ip_within(&connected[j].prefix, &connected[i].prefix))
				return true;
	return false;
}

void underlay_links_changed(uint64_t ports)
{
	stale_ports |= ports;
	stale |= shares_network(ports);
	if (ports != 0)
		NOTIFY(links_moved);
}

/* ---- neighbours and routes ---- */

void underlay_neighbor_set(
	uint16_t port, const struct api_ip *address, const struct api_mac_addr *mac)
{
	hop_set_mac(port, address, mac);
}

void underlay_neighbor_unset(uint16_t port, const struct api_ip *address)
{
	hop_set_mac(port, address, NULL);
}

static void stale_below(const struct api_ip *prefix)
{
	if (stale_prefixes < PREFIXES_MAX)
		stale_prefix[stale_prefixes++] = *prefix;
	else
		stale = true;
}

void underlay_route_set(const struct api_ip *prefix, const struct underlay_via *via, uint32_t count)
{
	if (route_table_set(prefix, via, RTE_MIN(count, (uint32_t)LIMIT_ROUTE_VIA)) != 0)
		RTE_LOG(ERR, USER1, "no memory for a route of the underlay\n");
	stale_below(prefix);
}

void underlay_route_unset(const struct api_ip *prefix)
{
	route_table_unset(prefix);
	stale_below(prefix);
}

/* ---- tunnels' paths ---- */

struct resolution {
	struct tunnel_path path[TUNNEL_PATHS_MAX];
	uint32_t count;
	enum drop_reason why;
	struct api_ip missing; /* the next hop that cannot be used */
	struct held held;
};

static void add_path(
	struct resolution *r, uint16_t port, const struct api_ip *next_hop, uint32_t weight)
{
	struct tunnel_path *p = &r->path[r->count];
	uint32_t hop = hop_take(port, next_hop);

	if (hop == 0)
		return;
	r->held.hop[r->held.count++] = hop;
	if (!hop_mac(hop, &p->mac) || !port_link_up(port)) {
		r->why = port_link_up(port) ? DROP_NO_NEIGHBOR : DROP_LINK_DOWN;
		r->missing = *next_hop;
		return;
	}
	p->port = port;
	p->next_hop = *next_hop;
	p->weight = weight != 0 ? weight : 1;
	r->count++;
}

static void resolve(const struct api_ip *remote, struct resolution *r)
{
	uint8_t route_len = 0;
	const struct connected *c = find_connected(remote);
	const struct underlay_ways *route = route_table_find(remote, &route_len);

	r->count = 0;
	r->why = DROP_NO_ROUTE;
	r->missing = (struct api_ip){0};
	r->held.count = 0;
	if (c != NULL && (route == NULL || c->prefix.len >= route_len)) {
		add_path(r, c->port, remote, 1);
		return;
	}
	for (uint32_t i = 0; route != NULL && i < route->count; i++) {
		const struct underlay_via *via = &route->via[i];
		const struct api_ip *hop = via->address.family != 0 ? &via->address : remote;
		const struct connected *on = via->port == PORT_NONE ? find_connected(hop) : NULL;

		if (via->port != PORT_NONE)
			add_path(r, via->port, hop, via->weight);
		else if (on != NULL)
			add_path(r, on->port, hop, via->weight);
	}
}

/* After the new hops are taken: what both hold is wanted all the time. */
static void hold(uint16_t id, const struct held *now)
{
	struct held before = held[id];

	held[id] = *now;
	for (uint32_t i = 0; i < before.count; i++)
		hop_give(before.hop[i]);
}

static void resolve_tunnel(uint16_t id)
{
	static const struct held none;
	const struct api_tunnel *cfg = tunnel_config(id);
	struct resolution r;

	if (cfg == NULL) {
		hold(id, &none);
		return;
	}
	resolve(&cfg->remote, &r);
	hold(id, &r.held);
	tunnel_publish(id, r.path, r.count, r.why, &r.missing);
}

static bool is_stale(uint16_t id)
{
	const struct held *h = &held[id];

	if (stale || stale_tunnel[id / 64] >> (id % 64) & 1)
		return true;
	for (uint32_t i = 0; i < h->count; i++)
		if (hop_changed(h->hop[i]) || stale_ports >> hop_port(h->hop[i]) & 1)
			return true;
	if (stale_prefixes == 0)
		return false;
	const struct api_tunnel *cfg = tunnel_config(id);

	for (uint32_t i = 0; cfg != NULL && i < stale_prefixes; i++)
		if (api_ip_within(&cfg->remote, &stale_prefix[i]))
			return true;
	return false;
}

static void resolve_stale(void)
{
	stale |= hop_changes() > 1;
	for (uint32_t id = 1; id <= LIMIT_TUNNELS; id++)
		if (is_stale(id))
			resolve_tunnel(id);
	memset(stale_tunnel, 0, sizeof(stale_tunnel));
	stale = stale_some = false;
	stale_ports = 0;
	stale_prefixes = 0;
	hop_settle();
}

void underlay_resolve(void)
{
	if (stale || stale_some || stale_ports != 0 || stale_prefixes != 0 || hop_changes() != 0)
		resolve_stale();
	NOTIFY(links_settled);
}
