/* SPDX-License-Identifier: BSD-3-Clause */
/* Ways of routes of l3 slices (fib_ways.h). Owns the counts of routes in attachment and member
 * objects, which keep those from being deleted. */
#include "fib_ways.h"

#include <stdio.h>
#include <string.h>

#include "noun_gateway.h"

/* A message usually says many routes by few doors: the last name of each kind is found at once. */
static struct object *near_attachment, *near_tunnel, *near_member;

void ways_forget_names(void)
{
	near_attachment = near_tunnel = near_member = NULL;
}

static struct object *find_near(enum object_type type, const char *name, struct object **near)
{
	if (!*near || strcmp((*near)->key, name))
		*near = model_find(type, name);
	return *near;
}

static struct object *find_member(const struct object *slice, const struct object *tunnel)
{
	if (!near_member || version_ref(near_member->now, OBJECT_SLICE) != slice ||
		version_ref(near_member->now, OBJECT_TUNNEL) != tunnel)
		near_member = model_member(slice, tunnel);
	return near_member;
}

static int check_address(const struct api_ip *address, uint8_t family, struct rpc_error *err)
{
	if (address->family != family)
		return noun_fail_ip(err, "address",
			family == 4 ? "an IPv4 address" : "an IPv6 address", address, false);
	if (!noun_ip_unicast(address))
		return noun_fail_ip(err, "address", "a unicast address", address, false);
	return 0;
}

/* A next hop is a host on a network of its attachment, and not the switch itself. */
static int check_hop(const struct object *slice, const struct object *at,
	const struct api_ip *address, struct rpc_error *err)
{
	const struct network *network;

	if (ways_over(at->id, address))
		return 0; /* another route has it: it was checked, and its network cannot go */
	network = network_of(slice->id, at->id, address);
	if (!network || !network_host(address, network->key.ip.len))
		return noun_fail_ip(err, "address",
			"a host's address on a network of the attachment (put its address first)",
			address, false);
	if (gateway_holder(slice, address))
		return noun_fail_ip(
			err, "address", "another address than the switch's own", address, false);
	return 0;
}

static int check_attachment(const struct object *slice, const struct api_via *via, uint8_t family,
	struct l3_via *out, struct rpc_error *err)
{
	static const struct api_mac_addr none;
	const struct object *at = find_near(OBJECT_ATTACHMENT, via->attachment, &near_attachment);

	if (!at)
		return noun_fail_missing(err, "attachment", OBJECT_ATTACHMENT, via->attachment);
	if (version_ref(at->now, OBJECT_SLICE) != slice)
		return rpc_fail_value(
			err, "attachment", "an attachment of the same slice", via->attachment);
	if (memcmp(&via->mac, &none, sizeof(none)))
		return rpc_fail_value(err, "mac",
			"nothing: by an attachment the MAC is found by ARP or ND, or put as "
			"neighbor",
			"a MAC address");
	out->attachment = at->id;
	if (!via->address.family)
		return 0;
	return check_address(&via->address, family, err) || check_hop(slice, at, &via->address, err)
		       ? -1
		       : 0;
}

static int check_tunnel(const struct object *slice, const struct api_via *via, uint8_t family,
	struct l3_via *out, struct rpc_error *err)
{
	static const struct api_mac_addr none;
	const struct object *tunnel = find_near(OBJECT_TUNNEL, via->tunnel, &near_tunnel);

	if (!tunnel)
		return noun_fail_missing(err, "tunnel", OBJECT_TUNNEL, via->tunnel);
	if (!find_member(slice, tunnel))
		return noun_fail_no_member(err, slice->key, via->tunnel);
	if (memcmp(&via->mac, &none, sizeof(none)) && !noun_mac_unicast(&via->mac))
		return noun_fail_mac(err, "mac", &via->mac);
	out->tunnel = tunnel->id;
	out->mac = via->mac;
	return via->address.family ? check_address(&via->address, family, err) : 0;
}

static int check_one(const struct object *slice, const struct api_via *via, uint8_t family,
	struct l3_via *out, struct rpc_error *err)
{
	memset(out, 0, sizeof(*out));
	out->address = via->address;
	out->weight = via->weight;
	if (via->port[0])
		return rpc_fail_value(err, "port",
			"attachment or tunnel: a slice's routes do not leave by the underlay",
			via->port);
	if (!via->attachment[0] == !via->tunnel[0])
		return rpc_fail_value(err, "", "exactly one of attachment and tunnel",
			via->tunnel[0] ? "both" : "none");
	return via->tunnel[0] ? check_tunnel(slice, via, family, out, err)
			      : check_attachment(slice, via, family, out, err);
}

/* By a tunnel the MAC is the next hop and its address a remark. */
static bool same_way(const struct l3_via *a, const struct l3_via *b)
{
	if (a->attachment != b->attachment || a->tunnel != b->tunnel)
		return false;
	return a->tunnel ? !memcmp(&a->mac, &b->mac, sizeof(a->mac))
			 : !memcmp(&a->address, &b->address, sizeof(a->address));
}

static int fail_twice(uint32_t first, uint32_t second, struct rpc_error *err)
{
	char with[32];

	snprintf(with, sizeof(with), "via[%u]", first);
	noun_fail_conflict(err, "", with, "via[%u] and via[%u] are the same next hop; use weight",
		first, second);
	snprintf(err->path, sizeof(err->path), "via[%u]", second);
	return -1;
}

int ways_check(const struct object *slice, const struct api_route *route, struct ways *out,
	struct rpc_error *err)
{
	out->count = route->via_count;
	for (uint32_t i = 0; i < route->via_count; i++) {
		if (check_one(slice, &route->via[i], route->prefix.family, &out->via[i], err)) {
			rpc_error_prefix(err, "via[%u]", i);
			return -1;
		}
		for (uint32_t j = 0; j < i; j++)
			if (same_way(&out->via[i], &out->via[j]))
				return fail_twice(j, i, err);
	}
	return 0;
}

/* ---- counts ---- */

/* What keeps a way: its attachment, or the slice's membership of its tunnel. */
static struct object *keeper(const struct object *slice, const struct l3_via *via)
{
	struct object *tunnel;

	if (via->attachment)
		return model_by_id(OBJECT_ATTACHMENT, via->attachment);
	tunnel = model_by_id(OBJECT_TUNNEL, via->tunnel);
	return tunnel ? model_member_any(slice, tunnel) : NULL;
}

static void count(struct object *slice, const struct ways *ways, int by)
{
	for (uint32_t i = 0; i < ways->count; i++) {
		struct object *one = keeper(slice, &ways->via[i]);
		uint32_t j;

		/* a route counts once at each, however many of its ways go there */
		for (j = 0; j < i && keeper(slice, &ways->via[j]) != one; j++)
			;
		if (one && j == i)
			one->routes += by;
	}
	/* one that only drops is kept by nothing else */
	if (!ways->count)
		slice->routes += by;
}

int ways_take(struct object *slice, const struct ways *ways)
{
	int rc = ways_hold(ways->via, ways->count);

	if (rc == 0)
		count(slice, ways, 1);
	return rc;
}

void ways_give(struct object *slice, const struct ways *ways)
{
	count(slice, ways, -1);
	ways_release(ways->via, ways->count);
}
