/* SPDX-License-Identifier: BSD-3-Clause */
/* Random topologies: slices whose attachments share ports, tunnels of both families, MACs that
 * overlap; and the model that says from the bytes alone which slice a packet may enter. Owned by
 * test_isolation.c; knows nothing of the pipelines' tables. */
#include "world.h"

#include <stdio.h>
#include <string.h>

#include "attachment.h"
#include "fdb.h"
#include "slice.h"
#include "tunnel.h"
#include "underlay.h"

struct world world;
uint64_t random_state;

uint32_t rnd(uint32_t below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)((random_state * 0x2545f4914f6cdd1dull) >> 33) % below;
}

/* ---- building ---- */

static int find_attachment(int port, int vlan)
{
	for (int i = 0; i < world.attachments; i++)
		if (world.attachment[i].port == port && world.attachment[i].vlan == vlan)
			return i;
	return NONE;
}

static void add_attachments(void)
{
	int want = 4 + rnd(ATTACHMENTS - 4);

	for (int tries = 0; tries < 40 && world.attachments < want; tries++) {
		int port = CHANCE(90) ? rnd(LANS) : LANS + rnd(WANS), i = world.attachments;
		int vlan = port < LANS && CHANCE(30) ? 0 : 1 + rnd(6), slice = rnd(world.slices);

		if (find_attachment(port, vlan) != NONE)
			continue;
		world.attachment[i].slice = slice;
		world.attachment[i].port = port;
		world.attachment[i].vlan = vlan;
		world.attachment[i].id =
			rig_attachment(world.slice[slice].id, world.port[port], vlan);
		world.attachments++;
	}
}

/* Remote addresses are few, so that tunnels differ in one thing only: the far end, the port, the
 * wan. */
static void add_tunnel(void)
{
	struct api_tunnel cfg = rig_tunnel_defaults();
	int i = world.tunnels, wan = rnd(WANS), far = 2 + rnd(4);
	bool v6 = CHANCE(40);

	if (CHANCE(40))
		cfg.encap = ENCAP_GENEVE;
	cfg.dst_port = cfg.encap == ENCAP_GENEVE ? 6081 : CHANCE(75) ? 4789 : 8472;
	cfg.accept_zero_csum6 = CHANCE(50);
	snprintf(world.tunnel[i].local, 40, v6 ? "2001:db8:%d::1" : "198.18.%d.1", wan);
	snprintf(world.tunnel[i].remote, 40, v6 ? "2001:db8:%d::%d" : "198.18.%d.%d", wan, far);
	for (int k = 0; k < i; k++)
		if (strcmp(world.tunnel[k].remote, world.tunnel[i].remote) == 0 &&
			world.tunnel[k].dst_port == cfg.dst_port)
			return;
	world.tunnel[i].v6 = v6;
	world.tunnel[i].wan = LANS + wan;
	world.tunnel[i].dst_port = cfg.dst_port;
	world.tunnel[i].geneve = cfg.encap == ENCAP_GENEVE;
	world.tunnel[i].id = rig_tunnel_as(world.tunnel[i].local, world.tunnel[i].remote, &cfg);
	for (int s = 0; s < world.slices; s++) {
		world.tunnel[i].member[s] = CHANCE(50);
		if (world.tunnel[i].member[s])
			member_set(world.slice[s].id, world.tunnel[i].id);
	}
	world.tunnels++;
}

static void add_ports(void)
{
	char text[64];

	for (int p = 0; p < LANS + WANS; p++)
		world.port[p] = rig_port(1500);
	for (int wan = 0; wan < WANS; wan++) {
		uint16_t port = world.port[LANS + wan];

		snprintf(text, sizeof(text), "198.18.%d.1/24", wan);
		rig_address(port, text);
		snprintf(text, sizeof(text), "2001:db8:%d::1/64", wan);
		rig_address(port, text);
		for (int far = 2; far < 6; far++) {
			snprintf(text, sizeof(text), "198.18.%d.%d", wan, far);
			rig_neighbor(port, text, 0x020000000e00 + far);
			snprintf(text, sizeof(text), "2001:db8:%d::%d", wan, far);
			rig_neighbor(port, text, 0x020000000e00 + far);
		}
	}
}

void world_build(void)
{
	memset(&world, 0, sizeof(world));
	rig_start();
	add_ports();
	world.slices = 2 + rnd(SLICES - 1);
	for (int s = 0; s < world.slices; s++) {
		/* numbers that differ in one bit, one byte, or by a shift */
		static const uint32_t vni[SLICES] = {1, 0x100, 0x10000, 3, 0x10001, 0xffffff};

		world.slice[s].vni = vni[s];
		world.slice[s].id = rig_slice(vni[s]);
	}
	add_attachments();
	for (int i = 0; i < TUNNELS; i++)
		add_tunnel();
	underlay_resolve();
}

/* ---- changing ---- */

static void change_member(void)
{
	int t = rnd(world.tunnels), s = rnd(world.slices);
	bool *member = &world.tunnel[t].member[s];

	*member = !*member;
	if (*member)
		member_set(world.slice[s].id, world.tunnel[t].id);
	else
		member_unset(world.slice[s].id, world.tunnel[t].id);
}

static void change_attachment(void)
{
	int i = rnd(world.attachments), vlan = 1 + rnd(6), port = rnd(LANS);

	world.attachment[i].slice = rnd(world.slices);
	if (CHANCE(50) && find_attachment(port, vlan) == NONE) {
		world.attachment[i].port = port;
		world.attachment[i].vlan = vlan;
	}
	attachment_set(world.attachment[i].id, world.slice[world.attachment[i].slice].id,
		world.port[world.attachment[i].port], world.attachment[i].vlan);
}

static void change_vni(void)
{
	struct api_slice cfg = {.max_macs = 65536,
		.mac_ageing_s = 300,
		.flood_pps = 1000000,
		.mss_clamp = CHANCE(50)};
	int a = rnd(world.slices), b = rnd(world.slices);
	uint32_t vni = world.slice[a].vni;

	/* two slices swap their numbers */
	world.slice[a].vni = world.slice[b].vni;
	world.slice[b].vni = vni;
	cfg.vni = world.slice[a].vni;
	slice_set(world.slice[a].id, &cfg);
	cfg.vni = world.slice[b].vni;
	slice_set(world.slice[b].id, &cfg);
}

void world_change(void)
{
	uint32_t what = rnd(10);

	if (what < 4 && world.tunnels > 0)
		change_member();
	else if (what < 8)
		change_attachment();
	else
		change_vni();
	rig_poll();
}

/* ---- the model ---- */

int world_port(uint16_t id)
{
	for (int p = 0; p < LANS + WANS; p++)
		if (world.port[p] == id)
			return p;
	return NONE;
}

static bool is_tag(uint16_t type)
{
	return type == 0x8100 || type == 0x88a8 || type == 0x9100;
}

static struct passage by_attachment(int port, int vlan)
{
	int i = find_attachment(port, vlan);

	return i != NONE ? (struct passage){world.attachment[i].slice, i}
			 : (struct passage){NONE, NONE};
}

/* The tunnel whose packets look like this; outgoing: local and remote change places. */
static struct passage by_tunnel(int port, const struct pkt *p, bool out, uint32_t *frame)
{
	bool v6 = get16(p->b + 12) == 0x86dd;
	uint32_t ip_len = v6 ? 40 : (p->b[14] & 15) * 4u, udp = 14 + ip_len, n = v6 ? 16 : 4;
	const uint8_t *from = p->b + 14 + (v6 ? 8 : 12), *to = from + n;

	if (p->len < 34 || p->len < udp + 16 || p->b[14 + (v6 ? 6 : 9)] != 17 ||
		p->b[14] >> 4 != (v6 ? 6 : 4))
		return (struct passage){NONE, NONE};
	/* Geneve: version 0, neither control nor critical, Ethernet inside, options of any length
	 */
	bool geneve = get16(p->b + udp + 2) == 6081;

	if (geneve && (p->b[udp + 8] >> 6 != 0 || (p->b[udp + 9] & 0xc0) != 0 ||
			      get16(p->b + udp + 10) != 0x6558))
		return (struct passage){NONE, NONE};
	*frame = udp + 16 + (geneve ? (p->b[udp + 8] & 63) * 4 : 0);
	for (int t = 0; t < world.tunnels; t++) {
		struct api_ip local = rig_ip(world.tunnel[t].local, false);
		struct api_ip remote = rig_ip(world.tunnel[t].remote, false);

		if (world.tunnel[t].v6 != v6 || world.tunnel[t].geneve != geneve ||
			get16(p->b + udp + 2) != world.tunnel[t].dst_port ||
			(out && world.tunnel[t].wan != port) ||
			memcmp(out ? from : to, local.bytes, n) != 0 ||
			memcmp(out ? to : from, remote.bytes, n) != 0)
			continue;
		for (int s = 0; s < world.slices; s++)
			if (world.tunnel[t].member[s] &&
				world.slice[s].vni == get32(p->b + udp + 12) >> 8)
				return (struct passage){s, DOOR_T + t};
	}
	return (struct passage){NONE, NONE};
}

struct passage world_enter(int port, const struct pkt *p)
{
	struct passage none = {NONE, NONE}, in;
	uint16_t type = get16(p->b + 12);
	uint32_t frame;

	if (p->len < 14)
		return none;
	if (type == 0x8100) {
		if (p->len < 18 || is_tag(get16(p->b + 16)))
			return none;
		return by_attachment(port, get16(p->b + 14) & 0xfff);
	}
	if (is_tag(type))
		return none;
	in = by_attachment(port, 0);
	if (in.slice != NONE || port < LANS)
		return in;
	if (type != 0x0800 && type != 0x86dd)
		return none;
	in = by_tunnel(port, p, false, &frame);
	/* a fragment alone brings nothing in; a tag inside neither */
	if (in.slice != NONE && ((type == 0x0800 && get16(p->b + 20) & 0x3fff) ||
					p->len < frame + 14 || is_tag(get16(p->b + frame + 12))))
		return none;
	return in;
}

struct passage world_leave(int port, const struct pkt *p, uint32_t *frame)
{
	uint16_t type = get16(p->b + 12);

	*frame = 0;
	if (type == 0x8100) {
		*frame = 4;
		return by_attachment(port, get16(p->b + 14) & 0xfff);
	}
	if (port < LANS)
		return by_attachment(port, 0);
	return by_tunnel(port, p, true, frame);
}
