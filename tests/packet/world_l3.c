/* SPDX-License-Identifier: BSD-3-Clause */
/* What routes need, at random: gateways, neighbours and routes of l3 slices, out of so few networks
 * that slices have the same ones; put and taken away in the order the socket would want it. Called
 * by world.c; owns nothing. */
#include <stdio.h>
#include <string.h>

#include "fib.h"
#include "gateway.h"
#include "neighbor.h"
#include "nexthop.h"
#include "schema.h"
#include "tsc.h"
#include "world.h"

/* ---- addresses ---- */

struct api_ip l3_host(bool v6, uint32_t net, uint32_t host)
{
	if (v6)
		return (struct api_ip){
			.family = 6, .len = 128, .bytes = {0xfd, [7] = net, [15] = host}};
	return (struct api_ip){.family = 4, .len = 32, .bytes = {10, 0, net, host}};
}

struct api_ip l3_far(bool v6, uint32_t net, uint32_t host)
{
	if (v6)
		return (struct api_ip){
			.family = 6, .len = 128, .bytes = {0xfd, 1 + net, [15] = host}};
	return (struct api_ip){.family = 4, .len = 32, .bytes = {10, 1 + net, host / 4, host}};
}

uint64_t l3_station_mac(void)
{
	return CHANCE(90) ? 0x021000000000 + rnd(0x1000000) : 0x020000000001 + rnd(8);
}

static struct api_ip network_of(struct api_ip ip, int len)
{
	ip.len = len;
	for (int bit = len; bit < (ip.family == 4 ? 32 : 128); bit++)
		ip.bytes[bit / 8] &= ~(0x80 >> bit % 8);
	return ip;
}

static bool same_prefix(const struct api_ip *a, const struct api_ip *b)
{
	return a->len == b->len && ip_equal(a, b);
}

/* Index of the slice's route with this prefix, or NONE. */
static int find_route(int slice, const struct api_ip *prefix)
{
	for (int r = 0; r < ROUTES; r++)
		if (world.route[r].slice == slice && same_prefix(&world.route[r].prefix, prefix))
			return r;
	return NONE;
}

/* ---- gateways ---- */

/* As rpc refuses it: the address is there, its network on another attachment, or a route has it. */
static bool gateway_refused(int s, int a, const struct api_ip *ip)
{
	struct api_ip host = network_of(*ip, ip->family == 4 ? 32 : 128);
	struct api_ip network = network_of(*ip, ip->len);

	for (int g = 0; g < GATEWAYS; g++) {
		struct api_ip there = world.gateway[g].prefix;

		if (world.gateway[g].slice != s)
			continue;
		if (ip_equal(&there, ip))
			return true;
		there = network_of(there, there.len);
		if (world.gateway[g].attachment != a && same_prefix(&there, &network))
			return true;
	}
	return find_route(s, &network) != NONE || find_route(s, &host) != NONE;
}

static void gateway_add(void)
{
	static const uint8_t len4[] = {24, 24, 24, 25, 28}, len6[] = {64, 64, 64, 120, 124};
	static const uint8_t last4[] = {254, 253, 254, 126, 14},
			     last6[] = {0xfe, 0xfd, 0xfe, 0xfe, 0x0e};
	int g = rnd(GATEWAYS), a = rnd(ATTACHMENTS), kind = rnd(5);
	bool v6 = CHANCE(45);
	int s = world.attachment[a].slice;

	if (world.gateway[g].slice != NONE || s == NONE || !world.slice[s].l3)
		return;
	struct api_ip ip = l3_host(v6, rnd(L3_NETS), v6 ? last6[kind] : last4[kind]);

	ip.len = v6 ? len6[kind] : len4[kind];
	if (gateway_refused(s, a, &ip))
		return;
	RIG_CHECK(gateway_reserve(world.slice[s].id, ip.family) == 0, "no room for a gateway");
	gateway_set(world.slice[s].id, world.attachment[a].id, &ip);
	world.gateway[g].slice = s;
	world.gateway[g].attachment = a;
	world.gateway[g].prefix = ip;
}

static void gateway_remove(int g)
{
	int a = world.gateway[g].attachment;
	uint32_t gone = world.gones++ % GONE;

	world.gone[gone].tenant = world.slice[world.gateway[g].slice].tenant;
	world.gone[gone].address = world.gateway[g].prefix;
	gateway_unset(world.slice[world.gateway[g].slice].id, world.attachment[a].id,
		&world.gateway[g].prefix);
	world.gateway[g].slice = NONE;
}

/* ---- neighbours ---- */

static int find_neighbor(int slice, const struct api_ip *address)
{
	for (int i = 0; i < NEIGHBORS; i++)
		if (world.neighbor[i].slice == slice &&
			ip_equal(&world.neighbor[i].address, address))
			return i;
	return NONE;
}

/* A new one, or another MAC for one that is there. */
static void neighbor_put(void)
{
	int g = rnd(GATEWAYS), i = rnd(NEIGHBORS), s = world.gateway[g].slice;

	if (s == NONE)
		return;
	struct api_ip ip = l3_host(world.gateway[g].prefix.family == 6,
		world.gateway[g].prefix.bytes[world.gateway[g].prefix.family == 6 ? 7 : 2],
		1 + rnd(L3_HOSTS));
	int there = find_neighbor(s, &ip);

	if (there != NONE)
		i = there;
	else if (world.neighbor[i].slice != NONE)
		return;
	else
		world.neighbor[i].attachment = world.gateway[g].attachment;
	world.neighbor[i].slice = s;
	world.neighbor[i].address = ip;
	world.neighbor[i].mac = l3_station_mac();
	struct api_mac_addr mac = rig_mac_addr(world.neighbor[i].mac);

	RIG_CHECK(neighbor_reserve() == 0, "no room for a neighbour");
	neighbor_set(
		world.slice[s].id, world.attachment[world.neighbor[i].attachment].id, &ip, &mac);
}

static void neighbor_remove(int i)
{
	neighbor_forget(world.slice[world.neighbor[i].slice].id,
		world.attachment[world.neighbor[i].attachment].id, &world.neighbor[i].address);
	world.neighbor[i].slice = NONE;
}

/* Neighbours that no other address of the attachment covers go first. */
static void change_gateway(void)
{
	int g = rnd(GATEWAYS), s = world.gateway[g].slice;

	if (s == NONE) {
		gateway_add();
		return;
	}
	world.gateway[g].slice = NONE;
	for (int i = 0; i < NEIGHBORS; i++)
		if (world.neighbor[i].slice != NONE &&
			!world_covers(world.neighbor[i].attachment, &world.neighbor[i].address))
			neighbor_remove(i);
	world.gateway[g].slice = s;
	gateway_remove(g);
}

/* ---- routes ---- */

/* A way by a neighbour's address, by a tunnel, or to hosts on the link. */
static bool via_make(int r, int v)
{
	int s = world.route[r].slice, g = rnd(GATEWAYS), t = rnd(TUNNELS);
	bool v6 = world.route[r].prefix.family == 6;

	memset(&world.route[r].via[v], 0, sizeof(world.route[r].via[v]));
	if (CHANCE(45)) {
		if (t >= world.tunnels || !world.tunnel[t].member[s])
			return false;
		world.route[r].via[v].door = DOOR_T + t;
		world.route[r].via[v].mac = CHANCE(50) ? 0 : 0x022000000000 + rnd(0x10000);
		return true;
	}
	if (world.gateway[g].slice != s || (world.gateway[g].prefix.family == 6) != v6)
		return false;
	world.route[r].via[v].door = world.gateway[g].attachment;
	if (CHANCE(90))
		world.route[r].via[v].address =
			l3_host(v6, world.gateway[g].prefix.bytes[v6 ? 7 : 2], 1 + rnd(L3_HOSTS));
	return true;
}

static struct api_ip some_prefix(void)
{
	static const uint8_t len4[] = {0, 8, 14, 16, 20, 24, 29, 32};
	static const uint8_t len6[] = {0, 8, 15, 16, 48, 64, 125, 128};
	bool v6 = CHANCE(45);
	struct api_ip ip = CHANCE(25) ? l3_host(v6, rnd(L3_NETS), 1 + rnd(L3_HOSTS))
				      : l3_far(v6, rnd(3), 1 + rnd(L3_HOSTS));

	return network_of(ip, v6 ? len6[rnd(8)] : len4[rnd(8)]);
}

static bool is_connected(int slice, const struct api_ip *prefix)
{
	for (int g = 0; g < GATEWAYS; g++) {
		struct api_ip net =
			network_of(world.gateway[g].prefix, world.gateway[g].prefix.len);
		struct api_ip host = world.gateway[g].prefix;

		host.len = host.family == 4 ? 32 : 128;
		if (world.gateway[g].slice == slice &&
			(same_prefix(&net, prefix) || same_prefix(&host, prefix)))
			return true;
	}
	return false;
}

static void route_store(int r)
{
	struct l3_via via[VIAS] = {0};
	int s = world.route[r].slice;
	uint32_t nexthop;

	for (int v = 0; v < world.route[r].vias; v++) {
		int door = world.route[r].via[v].door;

		via[v].weight = 1 + rnd(CHANCE(50) ? 1 : 9);
		via[v].address = world.route[r].via[v].address;
		if (door >= DOOR_T) {
			via[v].tunnel = world.tunnel[door - DOOR_T].id;
			via[v].mac = rig_mac_addr(world.route[r].via[v].mac);
		} else {
			via[v].attachment = world.attachment[door].id;
		}
	}
	RIG_CHECK(fib_reserve(world.slice[s].id, world.route[r].prefix.family, 1) == 0,
		"no room for a route");
	RIG_CHECK(nexthop_take(world.slice[s].id, via, world.route[r].vias, &nexthop) == 0,
		"no room for a next hop");
	fib_route_set(world.slice[s].id, &world.route[r].prefix, nexthop);
}

/* A new one, or other ways for one that is there. */
static void route_put(void)
{
	int s = rnd(world.slices), r = rnd(ROUTES), want = CHANCE(60) ? 1 : 1 + rnd(VIAS);
	struct api_ip prefix = some_prefix();
	int there = find_route(s, &prefix);

	if (!world.slice[s].l3 || is_connected(s, &prefix) ||
		(there == NONE && world.route[r].slice != NONE))
		return;
	if (there != NONE)
		r = there;
	typeof(world.route[r]) old = world.route[r];

	world.route[r].slice = s;
	world.route[r].prefix = prefix;
	world.route[r].since_tsc = tsc_now();
	world.route[r].vias = 0;
	for (int tries = 0; tries < 12 && world.route[r].vias < want; tries++)
		world.route[r].vias += via_make(r, world.route[r].vias);
	if (world.route[r].vias == 0)
		world.route[r] = old;
	else
		route_store(r);
}

static void route_remove(int r)
{
	RIG_CHECK(
		fib_route_unset(world.slice[world.route[r].slice].id, &world.route[r].prefix) == 0,
		"a route has gone");
	world.route[r].slice = NONE;
}

/* Routes that name this door. */
static void routes_leave(int slice, int door)
{
	for (int r = 0; r < ROUTES; r++) {
		bool named = false;

		for (int v = 0; v < world.route[r].vias; v++)
			named |= world.route[r].via[v].door == door;
		if (world.route[r].slice == slice && named)
			route_remove(r);
	}
}

/* ---- the whole ---- */

void l3_attachment_leaves(int a)
{
	routes_leave(world.attachment[a].slice, a);
	for (int i = 0; i < NEIGHBORS; i++)
		if (world.neighbor[i].slice != NONE && world.neighbor[i].attachment == a)
			neighbor_remove(i);
	for (int g = 0; g < GATEWAYS; g++)
		if (world.gateway[g].slice != NONE && world.gateway[g].attachment == a)
			gateway_remove(g);
	world_unclaim(a);
}

void l3_member_leaves(int s, int t)
{
	routes_leave(s, DOOR_T + t);
}

void l3_slice_leaves(int s)
{
	for (int r = 0; r < ROUTES; r++)
		if (world.route[r].slice == s)
			route_remove(r);
}

void l3_build(void)
{
	for (int i = 0; i < GATEWAYS; i++)
		world.gateway[i].slice = NONE;
	for (int i = 0; i < NEIGHBORS; i++)
		world.neighbor[i].slice = NONE;
	for (int i = 0; i < ROUTES; i++)
		world.route[i].slice = NONE;
	for (int i = 0; i < CLAIMS; i++)
		world.claim[i].attachment = NONE;
	for (int i = 0; i < 4 * GATEWAYS; i++)
		gateway_add();
	for (int i = 0; i < 3 * NEIGHBORS; i++)
		neighbor_put();
	for (int i = 0; i < 2 * ROUTES; i++)
		route_put();
}

void l3_change(void)
{
	uint32_t what = rnd(10);
	int r = rnd(ROUTES), n = rnd(NEIGHBORS);

	if (what < 2)
		change_gateway();
	else if (what < 4)
		neighbor_put();
	else if (what < 6 && world.neighbor[n].slice != NONE)
		neighbor_remove(n);
	else if (what < 8 || world.route[r].slice == NONE)
		route_put();
	else
		route_remove(r);
}

static const char *text_of(const struct api_ip *ip)
{
	static char text[4][64];
	static int at;

	api_ip_format(ip, true, text[at = (at + 1) % 4]);
	return text[at];
}

void l3_print(FILE *f)
{
	for (int g = 0; g < GATEWAYS; g++)
		if (world.gateway[g].slice != NONE)
			fprintf(f, "slice %d door %d gateway %s\n", world.gateway[g].slice,
				world.gateway[g].attachment, text_of(&world.gateway[g].prefix));
	for (int i = 0; i < NEIGHBORS; i++)
		if (world.neighbor[i].slice != NONE)
			fprintf(f, "slice %d door %d neighbor %s at %012lx\n",
				world.neighbor[i].slice, world.neighbor[i].attachment,
				text_of(&world.neighbor[i].address), world.neighbor[i].mac);
	for (int r = 0; r < ROUTES; r++)
		for (int v = 0; world.route[r].slice != NONE && v < world.route[r].vias; v++)
			fprintf(f, "slice %d route %s by door %d to %s\n", world.route[r].slice,
				text_of(&world.route[r].prefix), world.route[r].via[v].door,
				text_of(&world.route[r].via[v].address));
	for (uint32_t i = 0; i < world.claims; i++)
		if (world.claim[i].attachment != NONE)
			fprintf(f, "door %d heard %s at %012lx\n", world.claim[i].attachment,
				text_of(&world.claim[i].address), world.claim[i].mac);
}
