/* SPDX-License-Identifier: BSD-3-Clause */
/* The underlay: what is known of its next hops (their MACs, as neighbours are put, and how many
 * paths lead over them), its connected networks, and the resolution of tunnels' paths over both and
 * over the routes of VRF 0 (fib.h). Main thread only. */
#include "underlay.h"

#include <errno.h>
#include <rte_log.h>
#include <stdlib.h>
#include <string.h>

#include "drops.h"
#include "fib.h"
#include "ip.h"
#include "notify.h"
#include "port.h"
#include "port_link.h"
#include "reserve.h"
#include "tunnel.h"

/* ==== next hops ==== */

/* Each path, a MAC that is known, and news that wait use the next hop (nexthop_take_neighbor). */
struct hop {
	struct api_mac_addr mac;
	bool known;
	bool told;	  /* as wanted */
	bool queued;	  /* in the list of news */
	uint32_t paths;	  /* over it */
	uint32_t changed; /* the resolution before which the MAC last did */
	uint32_t news;	  /* the next one of which there may be news */
};

static struct hop *hops;	/* [NEXTHOPS] by next hop */
static uint32_t resolution = 1; /* the one to come */
static bool stale_hops;		/* some over which paths lead have changed */
static uint32_t news_first, news_last;

static uint32_t hop_find(uint16_t port, const struct api_ip *address)
{
	return nexthop_find_neighbor(VRF_UNDERLAY, port, address);
}

/* One more use of it; 0: there is no room. */
static uint32_t hop_use(uint16_t port, const struct api_ip *address)
{
	uint32_t index;

	if (nexthop_take_neighbor(VRF_UNDERLAY, port, address, &index) == 0)
		return index;
	RTE_LOG(ERR, USER1, "no room for a next hop of the underlay\n");
	return 0;
}

static struct underlay_hop hop_describe(uint32_t index)
{
	struct l3_via via[LIMIT_ROUTE_VIA];

	nexthop_ways(index, via);
	return (struct underlay_hop){
		.port = via->port, .wanted = hops[index].paths > 0, .address = via->address};
}

/* ---- paths ---- */

static void queue_news(uint32_t index)
{
	struct hop *h = &hops[index];
	const struct underlay_hop at = hop_describe(index);

	if (h->queued || h->told == at.wanted || hop_use(at.port, &at.address) == 0)
		return;
	h->queued = true;
	h->news = 0;
	if (news_first == 0)
		news_first = index;
	else
		hops[news_last].news = index;
	news_last = index;
}

/* One path less leads over it. */
static void hop_give(uint32_t index)
{
	if (--hops[index].paths == 0)
		queue_news(index);
	nexthop_drop_neighbor(index);
}

/* ---- MACs ---- */

static void note_change(uint32_t index)
{
	stale_hops |= hops[index].paths > 0;
	hops[index].changed = resolution;
}

void underlay_neighbor_set(
	uint16_t port, const struct api_ip *address, const struct api_mac_addr *mac)
{
	uint32_t index = hop_find(port, address);

	if (!hops[index].known)
		index = hop_use(port, address);
	if (index == 0)
		return;
	hops[index].known = true;
	hops[index].mac = *mac;
	note_change(index);
}

void underlay_neighbor_unset(uint16_t port, const struct api_ip *address)
{
	uint32_t index = hop_find(port, address);

	if (!hops[index].known)
		return;
	hops[index].known = false;
	note_change(index);
	nexthop_drop_neighbor(index);
}

/* ---- what is wanted ---- */

bool underlay_hop_wanted(uint16_t port, const struct api_ip *address, bool *known)
{
	uint32_t index = hop_find(port, address);

	*known = hops[index].known;
	return hops[index].paths > 0;
}

uint32_t underlay_hops_missing(uint64_t *cursor, struct underlay_hop *out, uint32_t max)
{
	uint32_t n = 0, i = RTE_MAX(*cursor, 1ull);

	for (; i < nexthop_limit() && n < max; i++)
		if (hops[i].paths > 0 && !hops[i].known)
			out[n++] = hop_describe(i);
	*cursor = i < nexthop_limit() ? i : 0;
	return n;
}

uint32_t underlay_hop_news(struct underlay_hop *out, uint32_t max)
{
	uint32_t n = 0;

	while (news_first != 0 && n < max) {
		uint32_t index = news_first;
		struct hop *h = &hops[index];
		const struct underlay_hop at = hop_describe(index);

		news_first = h->news;
		h->queued = false;
		if (h->told != at.wanted)
			out[n++] = at;
		h->told = at.wanted;
		nexthop_drop_neighbor(index);
	}
	return n;
}

void underlay_port_gone(uint16_t port)
{
	for (uint32_t i = 1; i < nexthop_limit(); i++)
		if (hops[i].told && hop_describe(i).port == port)
			hops[i].told = false;
}

/* ==== paths ==== */

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

/* A transaction enters what comes before it takes out what goes. */
#define CONNECTED_MAX (2 * LIMIT_UNDERLAY_ADDRESSES)

static struct connected *connected; /* [CONNECTED_MAX] */
static uint32_t connected_count;
static struct held *held; /* [LIMIT_TUNNELS + 1] */

/* What is stale. */
static bool stale; /* all tunnels */
static uint64_t stale_tunnel[LIMIT_TUNNELS / 64 + 1];
static bool stale_some;
static uint64_t stale_ports; /* paths over them */
static struct api_ip stale_prefix[PREFIXES_MAX];
static uint32_t stale_prefixes;

/* One tunnel came, changed or went. */
static void on_tunnel_changed(uint16_t id)
{
	stale_tunnel[id / 64] |= 1ull << (id % 64);
	stale_some = true;
}

int underlay_init(void)
{
	static const struct notify notify = {.tunnel_changed = on_tunnel_changed};

	notify_listen(&notify);
	hops = reserve_map(NEXTHOPS * sizeof(*hops));
	connected = calloc(CONNECTED_MAX, sizeof(*connected));
	held = reserve_map((LIMIT_TUNNELS + 1) * sizeof(*held));
	news_first = news_last = 0;
	connected_count = 0;
	stale = stale_some = stale_hops = false;
	stale_ports = 0;
	stale_prefixes = 0;
	memset(stale_tunnel, 0, sizeof(stale_tunnel));
	return hops != NULL && connected != NULL && held != NULL ? 0 : -ENOMEM;
}

void underlay_fini(void)
{
	reserve_unmap(hops, NEXTHOPS * sizeof(*hops));
	free(connected);
	reserve_unmap(held, (LIMIT_TUNNELS + 1) * sizeof(*held));
	hops = NULL;
	connected = NULL;
	held = NULL;
}

void underlay_stale(void)
{
	stale = true;
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
	if (connected_count < CONNECTED_MAX)
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

void underlay_route_changed(const struct api_ip *prefix)
{
	if (stale_prefixes < PREFIXES_MAX)
		stale_prefix[stale_prefixes++] = *prefix;
	else
		stale = true;
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
	uint32_t hop = hop_use(port, next_hop);

	if (hop == 0)
		return;
	if (hops[hop].paths++ == 0)
		queue_news(hop);
	r->held.hop[r->held.count++] = hop;
	if (!hops[hop].known || !port_link_up(port)) {
		r->why = port_link_up(port) ? DROP_NO_NEIGHBOR : DROP_LINK_DOWN;
		r->missing = *next_hop;
		return;
	}
	p->mac = hops[hop].mac;
	p->port = port;
	p->next_hop = *next_hop;
	p->weight = weight != 0 ? weight : 1;
	r->count++;
}

static void resolve(const struct api_ip *remote, struct resolution *r)
{
	uint8_t route_len = 0;
	const struct connected *c = find_connected(remote);
	uint32_t route = fib_lookup(VRF_UNDERLAY, remote, &route_len), ways;
	struct l3_via way[LIMIT_ROUTE_VIA];

	r->count = 0;
	r->why = DROP_NO_ROUTE;
	r->missing = (struct api_ip){0};
	r->held.count = 0;
	if (c != NULL && (route == 0 || c->prefix.len >= route_len)) {
		add_path(r, c->port, remote, 1);
		return;
	}
	ways = nexthop_ways(route, way);
	for (uint32_t i = 0; i < ways; i++) {
		const struct l3_via *via = &way[i];
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
		if (hops[h->hop[i]].changed == resolution ||
			(stale_ports != 0 && stale_ports >> hop_describe(h->hop[i]).port & 1))
			return true;
	if (stale_prefixes == 0)
		return false;
	const struct api_tunnel *cfg = tunnel_config(id);

	for (uint32_t i = 0; cfg != NULL && i < stale_prefixes; i++)
		if (api_ip_within(&cfg->remote, &stale_prefix[i]))
			return true;
	return false;
}

void underlay_resolve(void)
{
	bool some = stale || stale_some || stale_ports != 0 || stale_prefixes != 0 || stale_hops;

	for (uint32_t id = 1; some && id <= tunnel_top(); id++)
		if (is_stale(id))
			resolve_tunnel(id);
	memset(stale_tunnel, 0, sizeof(stale_tunnel));
	stale = stale_some = stale_hops = false;
	stale_ports = 0;
	stale_prefixes = 0;
	resolution++;
	NOTIFY(links_settled);
}
