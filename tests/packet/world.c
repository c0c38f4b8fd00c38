/* SPDX-License-Identifier: BSD-3-Clause */
/* Random topologies: slices of both kinds whose attachments share ports, tunnels of both families
 * and both encapsulations that slices share; and random changes of them. Owned by test_isolation.c.
 */
#include "world.h"

#include <stdio.h>
#include <string.h>

#include "attachment.h"
#include "rig_tap.h"
#include "rig_upf.h"
#include "slice.h"
#include "tunnel.h"
#include "underlay.h"

struct world world;
uint64_t random_state;
static uint16_t next_tenant;

uint32_t rnd(uint32_t below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)((random_state * 0x2545f4914f6cdd1dull) >> 33) % below;
}

/* ---- slices ---- */

static struct api_slice slice_cfg(int s)
{
	return (struct api_slice){.vni = world.slice[s].vni,
		.kind = world.slice[s].l3 ? SLICE_L3 : SLICE_L2,
		.max_macs = 65536,
		.mac_ageing_s = 300,
		.flood_pps = 1000000,
		.mss_clamp = world.slice[s].tenant & 1,
		.suppress = world.slice[s].tenant & 2,
		.tunnel_learning = true,
		.mac = rig_mac_addr(world.slice[s].mac)};
}

static void slice_begin(int s, bool l3)
{
	/* some have the same gateway MAC, as tenants that configure it do */
	static const uint64_t mac[] = {0x025c00000001, 0x025c00000001, 0x025c00000002};

	world.slice[s].l3 = l3;
	world.slice[s].tenant = next_tenant++;
	world.slice[s].mac = mac[rnd(3)];
	struct api_slice cfg = slice_cfg(s);

	world.slice[s].id = rig_slice_as(&cfg);
	upf_slice_begins(s);
}

static void add_slices(void)
{
	/* numbers that differ in one bit, one byte, or by a shift */
	static const uint32_t vni[SLICES] = {1, 0x100, 0x10000, 3, 0x10001, 0xffffff};
	int kind = rnd(4); /* all l2, all l3, mostly mixed */

	world.slices = 2 + rnd(SLICES - 2);
	for (int s = 0; s < world.slices; s++) {
		world.slice[s].vni = vni[s];
		slice_begin(s, kind == 0 ? false : kind == 1 ? true : CHANCE(60));
	}
}

/* ---- attachments ---- */

static bool attachment_begin(int i)
{
	int port = CHANCE(90) ? rnd(LANS) : LANS + rnd(WANS), slice = rnd(world.slices);
	int vlan = port < LANS && CHANCE(30) ? 0 : 1 + rnd(6);

	if (world_attachment(port, vlan) != NONE)
		return false;
	world.attachment[i].slice = slice;
	world.attachment[i].port = port;
	world.attachment[i].vlan = vlan;
	world.attachment[i].id = rig_attachment(world.slice[slice].id, world.port[port], vlan);
	world.attachment[i].tap = CHANCE(50);
	if (world.attachment[i].tap)
		rig_tap(world.attachment[i].id);
	return true;
}

static void attachment_end(int i)
{
	l3_attachment_leaves(i);
	attachment_unset(world.attachment[i].id);
	rig_tap_gone(world.attachment[i].id);
	world.attachment[i].slice = NONE;
}

static void add_attachments(void)
{
	int n = 0, want = 4 + rnd(ATTACHMENTS - 4);

	for (int i = 0; i < ATTACHMENTS; i++)
		world.attachment[i].slice = NONE;
	for (int tries = 0; tries < 40 && n < want; tries++)
		n += attachment_begin(n);
}

/* ---- tunnels ---- */

/* Remote addresses are few, so that tunnels differ in one thing only: the far end, the port, the
 * wan. */
static void add_tunnel(void)
{
	struct api_tunnel cfg = rig_tunnel_defaults();
	int i = world.tunnels, wan = rnd(WANS), far = 2 + rnd(4);
	bool v6 = CHANCE(40), geneve = CHANCE(35);

	cfg.encap = geneve ? ENCAP_GENEVE : ENCAP_VXLAN;
	cfg.dst_port = geneve ? 6081 : CHANCE(75) ? 4789 : 8472;
	cfg.accept_zero_csum6 = CHANCE(50);
	snprintf(world.tunnel[i].local, 40, v6 ? "2001:db8:%d::1" : "198.18.%d.1", wan);
	snprintf(world.tunnel[i].remote, 40, v6 ? "2001:db8:%d::%d" : "198.18.%d.%d", wan, far);
	for (int k = 0; k < i; k++)
		if (strcmp(world.tunnel[k].remote, world.tunnel[i].remote) == 0 &&
			world.tunnel[k].dst_port == cfg.dst_port)
			return;
	world.tunnel[i].v6 = v6;
	world.tunnel[i].geneve = geneve;
	world.tunnel[i].wan = LANS + wan;
	world.tunnel[i].dst_port = cfg.dst_port;
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

	for (int p = 0; p < LANS + WANS; p++) {
		world.mtu[p] = p < LANS && CHANCE(25) ? 600 + rnd(400) : 1500;
		world.port[p] = rig_port(world.mtu[p]);
	}
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
	for (int i = 0; i < SESSIONS; i++)
		world.session[i].slice = NONE;
	rig_start();
	rig_upf_forget();
	add_ports();
	add_slices();
	add_attachments();
	for (int i = 0; i < TUNNELS; i++)
		add_tunnel();
	underlay_resolve();
	l3_build();
	upf_build();
}

/* ---- changing ---- */

static void change_member(void)
{
	int t = rnd(world.tunnels), s = rnd(world.slices);
	bool *member = &world.tunnel[t].member[s];

	*member = !*member;
	if (*member) {
		member_set(world.slice[s].id, world.tunnel[t].id);
		return;
	}
	l3_member_leaves(s, t);
	member_unset(world.slice[s].id, world.tunnel[t].id);
}

/* To another slice, another port, another VLAN; or it goes, or comes. */
static void change_attachment(void)
{
	int i = rnd(ATTACHMENTS), vlan = 1 + rnd(6), port = rnd(LANS);

	if (world.attachment[i].slice == NONE) {
		attachment_begin(i);
		return;
	}
	if (CHANCE(30)) {
		attachment_end(i);
		return;
	}
	if (CHANCE(60)) {
		l3_attachment_leaves(i);
		world.attachment[i].slice = rnd(world.slices);
	}
	if (CHANCE(50) && world_attachment(port, vlan) == NONE) {
		world.attachment[i].port = port;
		world.attachment[i].vlan = vlan;
	}
	attachment_set(world.attachment[i].id, world.slice[world.attachment[i].slice].id,
		world.port[world.attachment[i].port], world.attachment[i].vlan);
	if (CHANCE(20)) {
		world.attachment[i].tap = !world.attachment[i].tap;
		rig_tap_gone(world.attachment[i].id);
	}
	if (world.attachment[i].tap)
		rig_tap(world.attachment[i].id);
}

/* Two slices swap their numbers. */
static void change_vni(void)
{
	int a = rnd(world.slices), b = rnd(world.slices);
	uint32_t vni = world.slice[a].vni;

	world.slice[a].vni = world.slice[b].vni;
	world.slice[b].vni = vni;
	struct api_slice cfg = slice_cfg(a);

	slice_set(world.slice[a].id, &cfg);
	cfg = slice_cfg(b);
	slice_set(world.slice[b].id, &cfg);
}

static void change_slice_mac(void)
{
	int s = rnd(world.slices);

	world.slice[s].mac = 0x025c00000001 + rnd(3);
	struct api_slice cfg = slice_cfg(s);

	slice_set(world.slice[s].id, &cfg);
}

/* Deleted with all that is in it; another tenant gets its ids, some of its doors, and addresses
 * like its own. */
static void change_tenant(void)
{
	int s = rnd(world.slices), gone = 0;
	bool member[TUNNELS];

	for (int i = 0; i < ATTACHMENTS; i++)
		if (world.attachment[i].slice == s) {
			attachment_end(i);
			gone++;
		}
	for (int t = 0; t < world.tunnels; t++) {
		member[t] = world.tunnel[t].member[s];
		l3_member_leaves(s, t);
		if (member[t])
			member_unset(world.slice[s].id, world.tunnel[t].id);
		world.tunnel[t].member[s] = false;
	}
	l3_slice_leaves(s);
	upf_slice_leaves(s);
	slice_unset(world.slice[s].id);
	rig_poll(); /* the ids are free again */
	slice_begin(s, CHANCE(60));
	for (int i = 0; i < ATTACHMENTS && gone > 0; i++)
		if (world.attachment[i].slice == NONE)
			gone -= attachment_begin(i);
	for (int t = 0; t < world.tunnels; t++)
		if (CHANCE(member[t] ? 70 : 20)) {
			world.tunnel[t].member[s] = true;
			member_set(world.slice[s].id, world.tunnel[t].id);
		}
}

void world_change(void)
{
	uint32_t what = rnd(24);

	if (what < 4 && world.tunnels > 0)
		change_member();
	else if (what < 8)
		change_attachment();
	else if (what < 9)
		change_vni();
	else if (what < 10)
		change_slice_mac();
	else if (what < 12)
		change_tenant();
	else if (what < 16)
		upf_change();
	else
		l3_change();
	rig_poll();
}
