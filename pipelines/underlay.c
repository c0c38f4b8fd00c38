/* SPDX-License-Identifier: BSD-3-Clause */
/* The underlay: addresses, neighbours and routes, and the paths of every tunnel that follow from
 * them. Called by rpc/ on the main thread; owns all three. No packet ever looks here. */
#include "underlay.h"

#include <rte_byteorder.h>
#include <rte_hash.h>
#include <rte_malloc.h>
#include <rte_rib.h>
#include <rte_rib6.h>
#include <stdlib.h>
#include <string.h>

#include "drops.h"
#include "port.h"
#include "tunnel_paths.h"

struct connected {
	uint16_t port;
	struct api_ip prefix;
};

struct neighbor_key {
	uint16_t port;
	uint8_t family;
	uint8_t pad;
	uint8_t bytes[16];
};

struct route {
	uint32_t count;
	struct underlay_via via[LIMIT_ROUTE_VIA];
};

static struct connected *connected; /* [LIMIT_UNDERLAY_ADDRESSES] */
static uint32_t connected_count;
static struct rte_hash *neighbors; /* value: the MAC in the data pointer itself */
static struct rte_rib *rib4;
static struct rte_rib6 *rib6;
static bool stale; /* all tunnels */
static uint64_t stale_tunnel[LIMIT_TUNNELS / 64 + 1];
static bool stale_some;

int underlay_init(void)
{
	struct rte_hash_parameters hash = {.name = "neighbors",
		.entries = LIMIT_NEIGHBORS * 2,
		.key_len = sizeof(struct neighbor_key),
		.socket_id = SOCKET_ID_ANY};
	/* inner nodes of the trie come on top of the routes */
	struct rte_rib_conf conf4 = {.ext_sz = 0, .max_nodes = 2 * LIMIT_ROUTES + 1};
	struct rte_rib6_conf conf6 = {.ext_sz = 0, .max_nodes = 2 * LIMIT_ROUTES + 1};

	connected = calloc(LIMIT_UNDERLAY_ADDRESSES, sizeof(*connected));
	neighbors = rte_hash_create(&hash);
	rib4 = rte_rib_create("underlay4", SOCKET_ID_ANY, &conf4);
	rib6 = rte_rib6_create("underlay6", SOCKET_ID_ANY, &conf6);
	connected_count = 0;
	stale = false;
	return connected != NULL && neighbors != NULL && rib4 != NULL && rib6 != NULL ? 0 : -ENOMEM;
}

static uint32_t ipv4_of(const struct api_ip *ip)
{
	uint32_t be;

	memcpy(&be, ip->bytes, 4);
	return rte_be_to_cpu_32(be);
}

static struct route *exact_route(const struct api_ip *prefix);

void underlay_fini(void)
{
	struct rte_rib_node *n4 = NULL;
	struct rte_rib6_node *n6 = NULL;
	uint8_t any[16] = {0};
	uint64_t nh;

	while (rib4 != NULL && (n4 = rte_rib_get_nxt(rib4, 0, 0, n4, RTE_RIB_GET_NXT_ALL)) != NULL)
		if (rte_rib_get_nh(n4, &nh) == 0)
			free((void *)(uintptr_t)nh);
	while (rib6 != NULL &&
		(n6 = rte_rib6_get_nxt(rib6, any, 0, n6, RTE_RIB6_GET_NXT_ALL)) != NULL)
		if (rte_rib6_get_nh(n6, &nh) == 0)
			free((void *)(uintptr_t)nh);
	/* what is below a prefix does not hold the prefix itself */
	free(rib4 != NULL ? exact_route(&(struct api_ip){.family = 4}) : NULL);
	free(rib6 != NULL ? exact_route(&(struct api_ip){.family = 6}) : NULL);
	rte_rib_free(rib4);
	rte_rib6_free(rib6);
	rte_hash_free(neighbors);
	free(connected);
	rib4 = NULL;
	rib6 = NULL;
	neighbors = NULL;
	connected = NULL;
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

static bool covers(const struct api_ip *prefix, const struct api_ip *ip)
{
	uint32_t bytes = prefix->len / 8, bits = prefix->len % 8;

	if (prefix->family != ip->family || memcmp(prefix->bytes, ip->bytes, bytes) != 0)
		return false;
	return bits == 0 || (prefix->bytes[bytes] ^ ip->bytes[bytes]) >> (8 - bits) == 0;
}

/* The connected prefix with the most bits that holds ip, or NULL. */
static const struct connected *find_connected(const struct api_ip *ip)
{
	const struct connected *best = NULL;

	for (uint32_t i = 0; i < connected_count; i++)
		if (covers(&connected[i].prefix, ip) &&
			(best == NULL || connected[i].prefix.len > best->prefix.len))
			best = &connected[i];
	return best;
}

/* ---- neighbours ---- */

static struct neighbor_key neighbor_key(uint16_t port, const struct api_ip *address)
{
	struct neighbor_key key = {.port = port, .family = address->family};

	memcpy(key.bytes, address->bytes, 16);
	return key;
}

void underlay_neighbor_set(
	uint16_t port, const struct api_ip *address, const struct api_mac_addr *mac)
{
	struct neighbor_key key = neighbor_key(port, address);
	uint64_t word = 0;

	memcpy(&word, mac, 6);
	stale = true;
	rte_hash_add_key_data(neighbors, &key, (void *)(uintptr_t)word);
}

void underlay_neighbor_unset(uint16_t port, const struct api_ip *address)
{
	struct neighbor_key key = neighbor_key(port, address);

	stale = true;
	rte_hash_del_key(neighbors, &key);
}

static bool find_neighbor(uint16_t port, const struct api_ip *address, struct api_mac_addr *mac)
{
	struct neighbor_key key = neighbor_key(port, address);
	void *word;

	if (rte_hash_lookup_data(neighbors, &key, &word) < 0)
		return false;
	memcpy(mac, &word, 6);
	return true;
}

/* ---- routes ---- */

static struct route *exact_route(const struct api_ip *prefix)
{
	uint64_t nh;

	if (prefix->family == 4) {
		struct rte_rib_node *n = rte_rib_lookup_exact(rib4, ipv4_of(prefix), prefix->len);

		return n != NULL && rte_rib_get_nh(n, &nh) == 0 ? (struct route *)(uintptr_t)nh
								: NULL;
	}
	struct rte_rib6_node *n = rte_rib6_lookup_exact(rib6, prefix->bytes, prefix->len);

	return n != NULL && rte_rib6_get_nh(n, &nh) == 0 ? (struct route *)(uintptr_t)nh : NULL;
}

void underlay_route_set(const struct api_ip *prefix, const struct underlay_via *via, uint32_t count)
{
	struct route *r = exact_route(prefix);

	stale = true;
	if (r == NULL) {
		r = calloc(1, sizeof(*r));
		if (r == NULL)
			return;
		if (prefix->family == 4) {
			struct rte_rib_node *n = rte_rib_insert(rib4, ipv4_of(prefix), prefix->len);

			if (n != NULL)
				rte_rib_set_nh(n, (uintptr_t)r);
		} else {
			struct rte_rib6_node *n = rte_rib6_insert(rib6, prefix->bytes, prefix->len);

			if (n != NULL)
				rte_rib6_set_nh(n, (uintptr_t)r);
		}
	}
	r->count = RTE_MIN(count, (uint32_t)LIMIT_ROUTE_VIA);
	memcpy(r->via, via, r->count * sizeof(*via));
}

void underlay_route_unset(const struct api_ip *prefix)
{
	struct route *r = exact_route(prefix);

	stale = true;
	if (r == NULL)
		return;
	if (prefix->family == 4)
		rte_rib_remove(rib4, ipv4_of(prefix), prefix->len);
	else
		rte_rib6_remove(rib6, prefix->bytes, prefix->len);
	free(r);
}

/* The route with the longest prefix that holds ip, or NULL. */
static const struct route *find_route(const struct api_ip *ip, uint8_t *len)
{
	uint64_t nh;

	if (ip->family == 4) {
		struct rte_rib_node *n = rte_rib_lookup(rib4, ipv4_of(ip));

		if (n == NULL || rte_rib_get_nh(n, &nh) != 0 || rte_rib_get_depth(n, len) != 0)
			return NULL;
		return (const struct route *)(uintptr_t)nh;
	}
	struct rte_rib6_node *n = rte_rib6_lookup(rib6, ip->bytes);

	if (n == NULL || rte_rib6_get_nh(n, &nh) != 0 || rte_rib6_get_depth(n, len) != 0)
		return NULL;
	return (const struct route *)(uintptr_t)nh;
}

/* ---- tunnels' paths ---- */

struct resolution {
	struct tunnel_path path[TUNNEL_PATHS_MAX];
	uint32_t count;
	enum drop_reason why;
	struct api_ip missing; /* the next hop without a neighbour */
};

static void add_path(
	struct resolution *r, uint16_t port, const struct api_ip *next_hop, uint32_t weight)
{
	struct tunnel_path *p = &r->path[r->count];

	if (!find_neighbor(port, next_hop, &p->mac)) {
		r->why = DROP_NO_NEIGHBOR;
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
	const struct route *route = find_route(remote, &route_len);

	*r = (struct resolution){.why = DROP_NO_ROUTE};
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

static void resolve_tunnel(uint16_t id)
{
	const struct api_tunnel *cfg = tunnel_config(id);
	struct resolution r;

	if (cfg == NULL)
		return;
	resolve(&cfg->remote, &r);
	tunnel_publish(id, r.path, r.count, r.why, &r.missing);
}

void underlay_resolve(void)
{
	for (uint32_t word = 0; (stale || stale_some) && word < RTE_DIM(stale_tunnel); word++) {
		uint64_t ids = stale ? UINT64_MAX : stale_tunnel[word];

		stale_tunnel[word] = 0;
		for (; ids != 0; ids &= ids - 1) {
			uint32_t id = word * 64 + __builtin_ctzll(ids);

			if (id != 0 && id <= LIMIT_TUNNELS)
				resolve_tunnel(id);
		}
	}
	stale = stale_some = false;
}
