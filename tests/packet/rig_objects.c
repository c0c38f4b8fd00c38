/* SPDX-License-Identifier: BSD-3-Clause */
/* What tests put into the box beside ports, as rpc/ would: slices, attachments, tunnels, MACs,
 * and the underlay's addresses, neighbours and routes. */
#include "attachment.h"
#include "fdb.h"
#include "fib.h"
#include "port.h"
#include "rig.h"
#include "schema.h"
#include "slice.h"
#include "tunnel.h"
#include "underlay.h"

uint16_t rig_slices;

uint16_t rig_slice_as(const struct api_slice *cfg)
{
	uint16_t id;

	RIG_CHECK(slice_reserve(&id) == 0, "no slice left");
	rig_slices = RTE_MAX(rig_slices, id);
	slice_share_set(id, cfg->weight, cfg->guarantee_bps);
	slice_set(id, cfg);
	return id;
}

uint16_t rig_slice(uint32_t vni)
{
	struct api_slice cfg = {.tunnel_learning = true,
		.vni = vni,
		.max_macs = 65536,
		.mac_ageing_s = 300,
		.flood_pps = 1000000};

	return rig_slice_as(&cfg);
}

uint16_t rig_attachment(uint16_t slice, uint16_t port, uint16_t vlan)
{
	uint16_t id;

	RIG_CHECK(attachment_reserve(&id) == 0, "no attachment left");
	attachment_set(id, slice, port, vlan);
	return id;
}

struct api_tunnel rig_tunnel_defaults(void)
{
	return (struct api_tunnel){.dst_port = 4789, .ttl = 64, .df = true, .dscp = DSCP_COPY};
}

uint16_t rig_tunnel_as(const char *local, const char *remote, const struct api_tunnel *rest)
{
	struct api_tunnel cfg = *rest;
	uint16_t id;

	cfg.local = rig_ip(local, false);
	cfg.remote = rig_ip(remote, false);
	RIG_CHECK(tunnel_reserve(&id) == 0, "no tunnel left");
	tunnel_set(id, &cfg);
	underlay_resolve();
	return id;
}

uint16_t rig_tunnel(const char *local, const char *remote)
{
	struct api_tunnel cfg = rig_tunnel_defaults();

	return rig_tunnel_as(local, remote, &cfg);
}

struct api_mac_addr rig_mac_addr(uint64_t mac)
{
	struct api_mac_addr out;

	for (int i = 0; i < 6; i++)
		out.bytes[i] = mac >> (40 - 8 * i);
	return out;
}

uint64_t rig_port_mac(uint16_t port)
{
	uint64_t mac = 0;

	for (int i = 0; i < 6; i++)
		mac = mac << 8 | port_hot[port].mac.addr_bytes[i];
	return mac;
}

struct api_ip rig_ip(const char *text, bool prefix)
{
	struct api_ip ip;

	RIG_CHECK(api_ip_parse(text, prefix, &ip) == 0, "not an address: %s", text);
	return ip;
}

void rig_mac(uint16_t slice, uint64_t mac, uint32_t door)
{
	struct api_mac_addr addr = rig_mac_addr(mac);

	fdb_put_static(slice, &addr, door, false);
}

void rig_address(uint16_t port, const char *prefix)
{
	struct api_ip ip = rig_ip(prefix, true);

	underlay_address_set(port, &ip);
	underlay_resolve();
}

void rig_neighbor(uint16_t port, const char *address, uint64_t mac)
{
	struct api_ip ip = rig_ip(address, false);
	struct api_mac_addr addr = rig_mac_addr(mac);

	underlay_neighbor_set(port, &ip, &addr);
	underlay_resolve();
}

void rig_underlay_route(const struct api_ip *prefix, const struct l3_via *via, uint32_t count)
{
	uint32_t nexthop;

	if (via == NULL) {
		fib_route_unset(VRF_UNDERLAY, prefix);
		return;
	}
	RIG_CHECK(fib_reserve(VRF_UNDERLAY, prefix->family, 1) == 0, "no room for a route");
	RIG_CHECK(nexthop_take(VRF_UNDERLAY, via, count, &nexthop) == 0, "no room for a next hop");
	fib_route_set(VRF_UNDERLAY, prefix, nexthop);
}

void rig_route(const char *prefix, const char *via, uint16_t port)
{
	struct api_ip p = rig_ip(prefix, true);
	struct l3_via hop = {.address = rig_ip(via, false), .port = port, .weight = 1};

	rig_underlay_route(&p, &hop, 1);
	underlay_resolve();
}
