/* SPDX-License-Identifier: BSD-3-Clause */
/* The underlay: routes (prefix → ways), next hops ((port, address) with their MACs, as neighbours
 * are put, and how many paths lead over them), and the resolution of tunnels' paths over both. Main
 * thread only. */
#include "underlay.h"

#include <errno.h>
#include <rte_hash_crc.h>
#include <rte_log.h>
#include <stdlib.h>
#include <string.h>

#include "bounds.h"
#include "drops.h"
#include "ip.h"
#include "lpm.h"
#include "notify.h"
#include "port.h"
#include "port_link.h"
#include "reserve.h"
#include "tunnel_paths.h"

struct underlay_ways {
	uint32_t count;
	struct underlay_via via[];
};

/* ==== routes ==== */

#define TABLE 1 /* of the lpm tables' slices, the only one */
#define HEADS 4096

struct ways {
	uint32_t uses;
	uint32_t next; /* of the same hash, or of the free ones */
	struct underlay_ways ways;
};
_Static_assert(sizeof(struct underlay_via) == 24, "no gaps: compared and hashed as bytes");

static struct lpm_table table4, table6;
static uint32_t reserved4, reserved6;
static struct ways **all;				    /* [ways_room] by index; 0 is none */
static uint32_t ways_room, ways_top, ways_free, *next_free; /* [ways_room] */
static uint32_t ways_head[HEADS];

/* 0 or -ENOMEM */
static int route_table_init(void)
{
	reserved4 = reserved6 = ways_room = ways_free = 0;
	ways_top = 1;
	all = NULL;
	next_free = NULL;
	memset(ways_head, 0, sizeof(ways_head));
	int rc = lpm_init(&table4, "underlay4", 32, LIMIT_ROUTES);

	return rc == 0 ? lpm_init(&table6, "underlay6", 128, LIMIT_ROUTES) : rc;
}

static void route_table_fini(void)
{
	for (uint32_t i = 1; i < ways_top; i++)
		free(all[i]);
	free(all);
	free(next_free);
	all = NULL;
	next_free = NULL;
	ways_top = 1;
	lpm_fini(&table4);
	lpm_fini(&table6);
}

static struct lpm_table *table_of(uint8_t family)
{
	return family == 4 ? &table4 : &table6;
}

/* ---- ways_room ---- */

static uint32_t *reserved_of(uint8_t family)
{
	return family == 4 ? &reserved4 : &reserved6;
}

int underlay_route_reserve(uint8_t family)
{
	uint32_t *reserved = reserved_of(family);
	int rc = lpm_reserve(table_of(family), *reserved + 1);

	if (rc == 0)
		++*reserved;
	return rc;
}

void underlay_route_release(uint8_t family)
{
	--*reserved_of(family);
}

/* ---- ways ---- */

static uint32_t *chain_of(const struct underlay_via *via, uint32_t count)
{
	const uint32_t *word = (const uint32_t *)via;
	uint32_t hash = count;

	for (uint32_t i = 0; i < count * sizeof(*via) / sizeof(*word); i++)
		hash = rte_hash_crc_4byte(word[i], hash);
	return &ways_head[hash % HEADS];
}

static uint32_t index_take(void)
{
	uint32_t index = ways_free;

	if (index != 0) {
		ways_free = next_free[index];
		return index;
	}
	if (ways_top >= ways_room) {
		uint32_t more = ways_room != 0 ? 2 * ways_room : 64;
		struct ways **pointers = realloc(all, more * sizeof(*all));

		if (pointers != NULL)
			all = pointers;
		uint32_t *list = realloc(next_free, more * sizeof(*next_free));

		if (list != NULL)
			next_free = list;
		if (pointers == NULL || list == NULL)
			return 0;
		ways_room = more;
	}
	return ways_top++;
}

static void index_give(uint32_t index)
{
	all[index] = NULL;
	next_free[index] = ways_free;
	ways_free = index;
}

/* The index of these ways with one more user; 0: no memory. */
static uint32_t ways_take(const struct underlay_via *via, uint32_t count)
{
	uint32_t *chain = chain_of(via, count), index = *chain;

	while (index != 0 && !(all[index]->ways.count == count &&
				     memcmp(all[index]->ways.via, via, count * sizeof(*via)) == 0))
		index = all[index]->next;
	if (index != 0) {
		all[index]->uses++;
		return index;
	}
	index = index_take();
	if (index == 0)
		return 0;
	struct ways *w = malloc(sizeof(*w) + count * sizeof(*via));

	if (w == NULL) {
		index_give(index);
		return 0;
	}
	w->uses = 1;
	w->next = *chain;
	w->ways.count = count;
	memcpy(w->ways.via, via, count * sizeof(*via));
	all[index] = w;
	*chain = index;
	return index;
}

static void ways_give(uint32_t index)
{
	struct ways *w = index != 0 ? all[index] : NULL;
	uint32_t *at;

	if (w == NULL || --w->uses > 0)
		return;
	for (at = chain_of(w->ways.via, w->ways.count); *at != index;)
		at = &all[*at]->next;
	*at = w->next;
	free(w);
	index_give(index);
}

/* ---- routes ---- */

/* Enters or replaces. 0, -ENOMEM, -ENOSPC; neither after underlay_route_reserve(). */
static int route_table_set(
	const struct api_ip *prefix, const struct underlay_via *via, uint32_t count)
{
	struct lpm_table *t = table_of(prefix->family);
	uint32_t old = lpm_get(t, TABLE, prefix->bytes, prefix->len);
	uint32_t index = ways_take(via, count);
	int rc = index != 0 ? lpm_put(t, TABLE, prefix->bytes, prefix->len, index) : -ENOMEM;

	ways_give(rc < 0 ? index : old);
	return rc < 0 ? rc : 0;
}

static void route_table_unset(const struct api_ip *prefix)
{
	struct lpm_table *t = table_of(prefix->family);
	uint32_t old = lpm_get(t, TABLE, prefix->bytes, prefix->len);

	if (old != 0 && lpm_delete(t, TABLE, prefix->bytes, prefix->len) == 0)
		ways_give(old);
}

/* The route with the longest prefix that holds ip and that prefix' length; NULL: none. */
static const struct underlay_ways *route_table_find(const struct api_ip *ip, uint8_t *len)
{
	uint32_t index = lpm_find_covering(
		table_of(ip->family), TABLE, ip->bytes, ip->family == 4 ? 32 : 128, len);

	return index != 0 ? &all[index]->ways : NULL;
}

/* ==== next hops ==== */

#define HOP_HEADS   16384
#define CHANGES_MAX 64 /* more in one transaction: all paths are resolved anew */

struct hop {
	struct api_ip address;
	struct api_mac_addr mac;
	uint16_t port;
	bool used, known, changed;
	bool told;	/* as wanted */
	bool queued;	/* in news[] */
	uint32_t paths; /* over it */
	uint32_t next;	/* of the same hash, or of the free ones */
	uint32_t news;	/* the next one of which there may be news */
};

static struct hop *hops; /* [hop_room]; 0 is none */
static uint32_t hop_room, hop_top, hop_free;
static uint32_t *hop_head; /* [HOP_HEADS] */
static uint32_t changes[CHANGES_MAX], n_changes;
static uint32_t news_first, news_last;

/* 0 or -ENOMEM */
static int hop_init(void)
{
	hop_room = 1024;
	hop_top = 1;
	hop_free = n_changes = news_first = news_last = 0;
	hops = calloc(hop_room, sizeof(*hops));
	hop_head = calloc(HOP_HEADS, sizeof(*hop_head));
	return hops != NULL && hop_head != NULL ? 0 : -ENOMEM;
}

static void hop_fini(void)
{
	free(hops);
	free(hop_head);
	hops = NULL;
	hop_head = NULL;
}

static uint32_t *hop_chain(uint16_t port, const struct api_ip *address)
{
	uint64_t high, low;

	memcpy(&high, address->bytes, 8);
	memcpy(&low, address->bytes + 8, 8);
	return &hop_head[rte_hash_crc_8byte(high, rte_hash_crc_8byte(low, port)) % HOP_HEADS];
}

static uint32_t find(uint16_t port, const struct api_ip *address)
{
	uint32_t i = *hop_chain(port, address);

	while (i != 0 && !(hops[i].port == port && hops[i].address.family == address->family &&
				 memcmp(hops[i].address.bytes, address->bytes, 16) == 0))
		i = hops[i].next;
	return i;
}

static uint32_t hop_index_take(void)
{
	uint32_t index = hop_free;

	if (index != 0) {
		hop_free = hops[index].next;
		return index;
	}
	if (hop_top == hop_room) {
		struct hop *more = realloc(hops, 2 * hop_room * sizeof(*hops));

		if (more == NULL)
			return 0;
		memset(more + hop_room, 0, hop_room * sizeof(*hops));
		hops = more;
		hop_room *= 2;
	}
	return hop_top++;
}

/* Found or made; 0: no memory. */
static uint32_t hop_at(uint16_t port, const struct api_ip *address)
{
	uint32_t index = find(port, address), *chain;

	if (index != 0)
		return index;
	index = hop_index_take();
	if (index == 0) {
		RTE_LOG(ERR, USER1, "no memory for a next hop of the underlay\n");
		return 0;
	}
	chain = hop_chain(port, address);
	hops[index] = (struct hop){.address = *address, .port = port, .used = true, .next = *chain};
	*chain = index;
	return index;
}

static void free_if_unused(uint32_t index)
{
	struct hop *h = &hops[index];
	uint32_t *at = hop_chain(h->port, &h->address);

	if (h->known || h->paths > 0 || h->queued)
		return;
	while (*at != index)
		at = &hops[*at].next;
	*at = h->next;
	*h = (struct hop){.next = hop_free};
	hop_free = index;
}

/* ---- paths ---- */

static void queue_news(uint32_t index)
{
	struct hop *h = &hops[index];

	if (h->queued || h->told == (h->paths > 0))
		return;
	h->queued = true;
	h->news = 0;
	if (news_first == 0)
		news_first = index;
	else
		hops[news_last].news = index;
	news_last = index;
}

/* The index of a hop (> 0) with one more path over it; 0: no memory. Given back with hop_give(). */
static uint32_t hop_take(uint16_t port, const struct api_ip *address)
{
	uint32_t index = hop_at(port, address);

	if (index != 0 && hops[index].paths++ == 0)
		queue_news(index);
	return index;
}

static void hop_give(uint32_t index)
{
	if (index == 0 || --hops[index].paths > 0)
		return;
	queue_news(index);
	free_if_unused(index);
}

/* ---- MACs ---- */

/* Its MAC; false while there is none. */
static bool hop_mac(uint32_t index, struct api_mac_addr *mac)
{
	*mac = hops[index].mac;
	return hops[index].known;
}

static uint16_t hop_port(uint32_t index)
{
	return hops[index].port;
}

static void note_change(uint32_t index)
{
	if (hops[index].paths == 0 || hops[index].changed)
		return;
	hops[index].changed = true;
	if (n_changes < CHANGES_MAX)
		changes[n_changes] = index;
	n_changes++;
}

/* mac NULL: not known any more. Notes the hop as changed if paths lead over it. */
static void hop_set_mac(uint16_t port, const struct api_ip *address, const struct api_mac_addr *mac)
{
	uint32_t index = mac != NULL ? hop_at(port, address) : find(port, address);

	if (index == 0)
		return;
	hops[index].known = mac != NULL;
	if (mac != NULL)
		hops[index].mac = *mac;
	note_change(index);
	free_if_unused(index);
}

/* Did its MAC change since hop_settle()? Until then more than a few changes are told by
 * hop_changes(): 0 none, 1 some, 2 too many to be told apart. */
static bool hop_changed(uint32_t index)
{
	return hops[index].changed;
}

static int hop_changes(void)
{
	return n_changes > CHANGES_MAX ? 2 : n_changes > 0;
}

static void hop_settle(void)
{
	for (uint32_t i = 0; i < RTE_MIN(n_changes, (uint32_t)CHANGES_MAX); i++)
		hops[changes[i]].changed = false;
	for (uint32_t i = 1; n_changes > CHANGES_MAX && i < hop_top; i++)
		hops[i].changed = false;
	n_changes = 0;
}

/* ---- what is wanted ---- */

bool underlay_hop_wanted(uint16_t port, const struct api_ip *address, bool *known)
{
	uint32_t index = find(port, address);

	*known = hops[index].known;
	return hops[index].paths > 0;
}

uint32_t underlay_hops_missing(uint64_t *cursor, struct underlay_hop *out, uint32_t max)
{
	uint32_t n = 0, i = RTE_MAX(*cursor, 1ull);

	for (; i < hop_top && n < max; i++)
		if (hops[i].used && hops[i].paths > 0 && !hops[i].known)
			out[n++] = (struct underlay_hop){
				.port = hops[i].port, .wanted = true, .address = hops[i].address};
	*cursor = i < hop_top ? i : 0;
	return n;
}

uint32_t underlay_hop_news(struct underlay_hop *out, uint32_t max)
{
	uint32_t n = 0;

	while (news_first != 0 && n < max) {
		uint32_t index = news_first;
		struct hop *h = &hops[index];
		bool wanted = h->paths > 0;

		news_first = h->news;
		h->queued = false;
		if (h->told != wanted)
			out[n++] = (struct underlay_hop){
				.port = h->port, .wanted = wanted, .address = h->address};
		h->told = wanted;
		free_if_unused(index);
	}
	return n;
}

void underlay_port_gone(uint16_t port)
{
	for (uint32_t i = 1; i < hop_top; i++)
		if (hops[i].used && hops[i].port == port)
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

int underlay_init(void)
{
	int rc;

	connected = calloc(CONNECTED_MAX, sizeof(*connected));
	held = reserve_map((LIMIT_TUNNELS + 1) * sizeof(*held));
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
	reserve_unmap(held, (LIMIT_TUNNELS + 1) * sizeof(*held));
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
	for (uint32_t id = 1; id <= tunnel_top(); id++)
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
