/* SPDX-License-Identifier: BSD-3-Clause */
/* Slices that route (rig_l3.h): what rpc/ does for an operator, in a line each. */
#include "rig_l3.h"

#include <string.h>

#include "fib.h"
#include "gateway.h"
#include "hot.h"
#include "neighbor.h"

uint16_t rig_l3_slice(uint32_t vni)
{
	struct api_slice cfg = {.tunnel_learning = true,
		.vni = vni,
		.kind = SLICE_L3,
		.max_macs = 65536,
		.mac_ageing_s = 300,
		.flood_pps = 1000000};

	return rig_slice_as(&cfg);
}

uint64_t rig_l3_mac(uint16_t slice)
{
	return rte_be_to_cpu_64(slice_hot[slice].mac) >> 16;
}

void rig_gateway(uint16_t slice, uint16_t attachment, const char *prefix)
{
	struct api_ip ip = rig_ip(prefix, true);

	RIG_CHECK(gateway_reserve(slice, ip.family) == 0, "no room for %s", prefix);
	gateway_set(slice, attachment, &ip);
}

void rig_gateway_gone(uint16_t slice, uint16_t attachment, const char *prefix)
{
	struct api_ip ip = rig_ip(prefix, true);

	gateway_unset(slice, attachment, &ip);
}

void rig_l3_neighbor(uint16_t slice, uint16_t attachment, const char *address, uint64_t mac)
{
	struct api_ip ip = rig_ip(address, false);
	struct api_mac_addr to = rig_mac_addr(mac);

	RIG_CHECK(neighbor_reserve() == 0, "no room for %s", address);
	neighbor_set(slice, attachment, &ip, &to);
}

struct l3_via rig_via_tunnel(uint16_t tunnel, uint64_t mac, uint32_t weight)
{
	return (struct l3_via){.tunnel = tunnel, .mac = rig_mac_addr(mac), .weight = weight};
}

struct l3_via rig_via(uint16_t attachment, const char *address, uint32_t weight)
{
	struct l3_via via = {.attachment = attachment, .weight = weight};

	if (address != NULL)
		via.address = rig_ip(address, false);
	return via;
}

void rig_l3_route(uint16_t slice, const char *prefix, const struct l3_via *via, uint32_t count)
{
	struct api_ip ip = rig_ip(prefix, true);
	uint32_t nexthop;

	RIG_CHECK(fib_reserve(slice, ip.family, 1) == 0, "no room for %s", prefix);
	RIG_CHECK(nexthop_take(slice, via, count, &nexthop) == 0, "no next hop for %s", prefix);
	fib_route_set(slice, &ip, nexthop);
}

void rig_l3_route_gone(uint16_t slice, const char *prefix)
{
	struct api_ip ip = rig_ip(prefix, true);

	RIG_CHECK(fib_route_unset(slice, &ip) == 0, "no route %s", prefix);
}
