/* SPDX-License-Identifier: BSD-3-Clause */
/* What other tenants send (decoys.h). Owns the packets. */
#include "decoys.h"

#include <stdlib.h>
#include <string.h>

#include "build_host.h"
#include "fdb.h"
#include "port.h"
#include "rig_l3.h"
#include "rig_upf.h"
#include "schema.h"
#include "slice.h"
#include "tunnel.h"
#include "underlay.h"

#define MAC_A	 0x0200000d000aull
#define MAC_B	 0x0200000d000bull
#define PEER	 "198.19.0.250"
#define PEER_MAC 0x0200000d00eeull
#define VNI_L2	 4001
#define VNI_L3	 4003
#define VLAN_L2	 4001
#define VLAN_L3	 4003
#define ALL	 11

static struct decoy {
	uint16_t port, to;
	bool tunnel; /* leaves by it: out is what is inside */
	struct pkt in, out;
} * all;
static uint32_t n_all, turn;
static const struct decoy *sent[DECOYS]; /* NULL: seen */

void decoys_forget(void)
{
	n_all = turn = 0;
	memset(sent, 0, sizeof(sent));
}

void decoys_port_gone(uint16_t port)
{
	for (uint32_t i = 0; i < n_all; i++)
		if (all[i].port == port || all[i].to == port)
			all[i--] = all[--n_all];
}

static void tag(struct pkt *p, uint16_t vlan)
{
	memmove(p->b + 16, p->b + 12, p->len - 12);
	put16(p->b + 12, 0x8100);
	put16(p->b + 14, vlan);
	p->len += 4;
}

/* From a port's VLAN, or with 0 from the tunnel. */
static void add(uint16_t port, uint16_t vlan, uint16_t to, bool routed, const struct ip_packet *ip)
{
	struct decoy *d = &all[n_all++];
	struct outer o = {.dst = rig_port_mac(port),
		.src = PEER_MAC,
		.from = PEER,
		.to = "198.19.0.1",
		.sport = 50000,
		.vni = routed ? VNI_L3 : VNI_L2};
	struct pkt *inner = &d->out;

	d->port = port;
	d->to = to;
	d->tunnel = false;
	build_ip(inner, ip);
	if (vlan != 0) {
		d->in = *inner;
		tag(&d->in, vlan);
	} else {
		wrap(&d->in, &o, inner);
	}
	if (routed) {
		put48(inner->b, MAC_B);
		put48(inner->b + 6, ip->dst);
		ip_hop(inner);
	}
	tag(&d->out, routed ? VLAN_L3 : VLAN_L2);
}

static void add_all(uint16_t port, bool tunnel, uint16_t to, uint64_t gateway, int side)
{
	static const char *const far[2][2] = {
		{"10.200.1.7", "fdde:1::7"}, {"10.200.2.7", "fdde:2::7"}};
	struct ip_packet ip = {
		.dst = MAC_B, .src = MAC_A, .from = "10.9.9.1", .to = "10.9.9.2", .payload = 60};

	ip.dst = side ? MAC_A : MAC_B;
	ip.src = tunnel ? 0x0200000d000cull : side ? MAC_B : MAC_A;
	add(port, tunnel ? 0 : VLAN_L2, to, false, &ip);
	ip.dst = gateway;
	for (int v6 = 0; v6 < 2; v6++) {
		ip.from = v6 ? "fdde:9::9" : "10.200.9.9";
		ip.to = far[side][v6];
		ip.payload = 61;
		add(port, tunnel ? 0 : VLAN_L3, to, true, &ip);
	}
}

/* Routed from a port into the tunnel. */
static void add_tunneled(uint16_t port, uint16_t wan, uint64_t gateway)
{
	struct ip_packet ip = {.dst = gateway, .src = MAC_B, .payload = 62};

	for (int v6 = 0; v6 < 2; v6++) {
		struct decoy *d = &all[n_all];

		ip.from = v6 ? "fdde:9::9" : "10.200.9.9";
		ip.to = v6 ? "fdde:3::7" : "10.200.3.7";
		add(port, VLAN_L3, wan, true, &ip);
		build_ip(&d->out, &ip);
		put48(d->out.b, PEER_MAC);
		put48(d->out.b + 6, gateway);
		ip_hop(&d->out);
		d->tunnel = true;
	}
}

static void l3_door(uint16_t slice, uint16_t port, int side)
{
	static const char *const gateway[2][2] = {
		{"10.200.2.1/24", "fdde:2::1/64"}, {"10.200.1.1/24", "fdde:1::1/64"}};
	static const char *const host[2][2] = {
		{"10.200.2.7", "fdde:2::7"}, {"10.200.1.7", "fdde:1::7"}};
	uint16_t door = rig_attachment(slice, port, VLAN_L3);

	for (int v6 = 0; v6 < 2; v6++) {
		rig_gateway(slice, door, gateway[side][v6]);
		rig_l3_neighbor(slice, door, host[side][v6], MAC_B);
	}
}

void decoys_make(uint16_t wan, uint16_t lan, uint16_t lan2)
{
	uint16_t l2 = rig_slice(VNI_L2), l3 = rig_l3_slice(VNI_L3), tunnel;
	struct l3_via via;

	if (all == NULL)
		all = calloc(ALL, sizeof(*all));
	RIG_CHECK(all != NULL, "no memory");
	rig_address(wan, DECOY_ADDRESS);
	rig_neighbor(wan, PEER, PEER_MAC);
	tunnel = rig_tunnel("198.19.0.1", PEER);
	member_set(l2, tunnel);
	member_set(l3, tunnel);
	via = rig_via_tunnel(tunnel, PEER_MAC, 1);
	rig_mac(l2, MAC_A, DOOR_ATTACHMENT | rig_attachment(l2, lan, VLAN_L2));
	rig_mac(l2, MAC_B, DOOR_ATTACHMENT | rig_attachment(l2, lan2, VLAN_L2));
	rig_mac(l2, 0x0200000d000cull, DOOR_TUNNEL | tunnel);
	l3_door(l3, lan, 0);
	l3_door(l3, lan2, 1);
	rig_l3_route(l3, "10.200.3.0/24", &via, 1);
	rig_l3_route(l3, "fdde:3::/64", &via, 1);
	add_tunneled(lan, wan, rig_l3_mac(l3));
	add_all(lan, false, lan2, rig_l3_mac(l3), 0);
	add_all(lan2, false, lan, rig_l3_mac(l3), 1);
	add_all(wan, true, lan, rig_l3_mac(l3), 1);
}

bool decoys_next(uint16_t port, const struct pkt *out[DECOYS])
{
	uint32_t n = 0;

	turn++;
	for (uint32_t i = 0; i < 2 * n_all && n < DECOYS; i++) {
		struct decoy *d = &all[(turn + i) % n_all];

		if (d->port == port) {
			sent[n] = d;
			out[n++] = &d->in;
		}
	}
	if (n < DECOYS)
		memset(sent, 0, sizeof(sent));
	return n == DECOYS;
}

static bool as_wanted(const struct decoy *d, const struct pkt *p)
{
	uint32_t at = d->tunnel ? 50 : 0;

	return p->len == at + d->out.len && memcmp(p->b + at, d->out.b, d->out.len) == 0 &&
	       (at == 0 || get32(p->b + 46) == VNI_L3 << 8);
}

bool decoys_take(uint16_t port, const struct pkt *p)
{
	for (uint32_t i = 0; i < DECOYS; i++) {
		const struct decoy *d = sent[i];

		if (d != NULL && d->to == port && as_wanted(d, p)) {
			sent[i] = NULL;
			return true;
		}
	}
	return false;
}

bool decoys_done(void)
{
	return sent[0] == NULL && sent[1] == NULL;
}
