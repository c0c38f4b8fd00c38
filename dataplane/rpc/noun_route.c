/* SPDX-License-Identifier: BSD-3-Clause */
/* route of table "underlay"; those of slices are noun_fib.c's. Owns
 * nothing. */
#include "noun.h"

#include <stdio.h>
#include <string.h>

#include "fib.h"
#include "port.h"

int noun_check_prefix(const struct api_ip *prefix, struct rpc_error *err)
{
	struct api_ip network = *prefix;
	char want[96], text[64];

	api_ip_mask(&network);
	if (memcmp(&network, prefix, sizeof(network))) {
		api_ip_format(&network, true, text);
		snprintf(want, sizeof(want), "%s (host bits zero)", text);
		return noun_fail_ip(err, "prefix", want, prefix, true);
	}
	if (prefix->family == 4 ? prefix->bytes[0] >= 224 : prefix->bytes[0] == 0xff)
		return noun_fail_ip(err, "prefix", "a unicast prefix", prefix, true);
	return 0;
}

static int check_next_hop(const struct api_via *via, uint8_t family, struct rpc_error *err)
{
	static const struct api_mac_addr none;
	const struct api_ip *address = &via->address;

	if (via->tunnel[0])
		return rpc_fail_value(err, "tunnel",
			"address or port: the underlay is what carries tunnels", via->tunnel);
	if (via->attachment[0])
		return rpc_fail_value(err, "attachment",
			"address or port: attachments are for the routes of slices",
			via->attachment);
	if (memcmp(&via->mac, &none, sizeof(none)))
		return rpc_fail_value(err, "mac",
			"nothing: the MAC of an underlay next hop is put as neighbor",
			"a MAC address");
	if (!address->family)
		return 0;
	if (address->family != family)
		return noun_fail_ip(err, "address",
			family == 4 ? "an IPv4 address" : "an IPv6 address", address, false);
	if (!noun_ip_unicast(address))
		return noun_fail_ip(err, "address", "a unicast address", address, false);
	if (family == 6 && address->bytes[0] == 0xfe && (address->bytes[1] & 0xc0) == 0x80 &&
		!via->port[0])
		return rpc_fail_value(err, "port", "the port of a link-local next hop", "nothing");
	return 0;
}

static int fail_twice(
	const struct api_route *route, uint32_t first, uint32_t second, struct rpc_error *err)
{
	rpc_fail(err, RPC_ERR_CONFLICT, "via[%u] and via[%u] are the same next hop; use weight",
		first, second);
	snprintf(err->with, sizeof(err->with), "via[%u]", first);
	snprintf(err->path, sizeof(err->path), "via[%u]", second);
	return -1;
}

static bool same_hop(const struct api_via *a, const struct api_via *b)
{
	return !memcmp(&a->address, &b->address, sizeof(a->address)) && !strcmp(a->port, b->port);
}

static int route_check(const struct tx *tx, const struct change *change, struct rpc_error *err)
{
	const struct api_route *route = &change->data->route;

	if (noun_check_prefix(&route->prefix, err))
		return -1;
	for (uint32_t i = 0; i < route->via_count; i++) {
		if (check_next_hop(&route->via[i], route->prefix.family, err)) {
			rpc_error_prefix(err, "via[%u]", i);
			return -1;
		}
		for (uint32_t j = 0; j < i; j++)
			if (same_hop(&route->via[i], &route->via[j]))
				return fail_twice(route, j, i, err);
	}
	return 0;
}

static int route_prepare(const struct tx *tx, const struct change *change, struct rpc_error *err)
{
	const struct api_route *route = &change->data->route;
	struct l3_via via[LIMIT_ROUTE_VIA];
	uint32_t ref = 0;
	int rc = fib_reserve(VRF_UNDERLAY, route->prefix.family, 1);

	if (rc)
		return noun_fail_room(
			err, rc, "the underlay holds at most %u routes of a family", LIMIT_ROUTES);
	memset(via, 0, sizeof(via));
	for (uint32_t i = 0; i < route->via_count; i++) {
		via[i].address = route->via[i].address;
		via[i].weight = route->via[i].weight;
		/* ports are all it refers to: one ref for each that is given */
		via[i].port = route->via[i].port[0] ? change->next->refs[ref++].to->id : PORT_NONE;
	}
	rc = nexthop_take(VRF_UNDERLAY, via, route->via_count, &change->obj->nexthop);
	if (!rc)
		return 0;
	fib_release(VRF_UNDERLAY, route->prefix.family, 1);
	return noun_fail_room(
		err, rc, "a box holds at most %u different next hops", LIMIT_NEXTHOPS);
}

static void route_undo(const struct change *change)
{
	nexthop_drop(change->obj->nexthop);
	fib_release(VRF_UNDERLAY, change->data->route.prefix.family, 1);
}

static void route_commit(struct object *obj, const struct version *old, const struct version *next)
{
	if (next)
		fib_route_set(VRF_UNDERLAY, &next->data->route.prefix, obj->nexthop);
	else
		fib_route_unset(VRF_UNDERLAY, &old->data->route.prefix);
}

const struct noun noun_route = {
	.check = route_check,
	.prepare = route_prepare,
	.undo = route_undo,
	.commit = route_commit,
};
