/* SPDX-License-Identifier: BSD-3-Clause */
/* Random changes of slices, attachments, tunnels, members, MACs, routes and ports, in the order
 * the socket would make them: nothing is deleted while something points to it. Main thread only. */
#include "churn.h"

#include <stdio.h>
#include <string.h>

#include "attachment.h"
#include "fdb.h"
#include "port.h"
#include "rcu.h"
#include "slice.h"
#include "trace.h"
#include "tunnel.h"
#include "underlay.h"
#include "worker.h"

#define SLICES	    8
#define ATTACHMENTS 16
#define TUNNELS	    6
#define MACS	    64

uint64_t churn_seed, churn_rx, churn_tx;
static uint64_t steps;
static uint16_t lan, wan, extra = PORT_NONE;

/* id 0: not there */
static uint16_t slice[SLICES], tunnel[TUNNELS];
static struct {
	uint16_t id, port;
	int slice;
} attachment[ATTACHMENTS]; /* the index is the VLAN */
static bool member[SLICES][TUNNELS];
static struct {
	bool used;
	int slice;
	door_t door;
} mac[MACS];

uint32_t churn_rnd(uint32_t below)
{
	churn_seed ^= churn_seed << 13;
	churn_seed ^= churn_seed >> 7;
	churn_seed ^= churn_seed << 17;
	return (uint32_t)((churn_seed * 0x2545f4914f6cdd1dull) >> 33) % below;
}

/* ---- MACs ---- */

static void mac_remove(int i)
{
	struct api_mac_addr addr = rig_mac_addr(0x020000000000 + i);

	RIG_CHECK(fdb_remove(slice[mac[i].slice], &addr) == 0, "a static MAC has gone");
	mac[i].used = false;
}

/* Static MACs of a slice (NULL: of any) that point to this door (0: to any). */
static void macs_clear(int s, door_t door)
{
	for (int i = 0; i < MACS; i++)
		if (mac[i].used && (s < 0 || mac[i].slice == s) &&
			(door == 0 || mac[i].door == door))
			mac_remove(i);
}

static void mac_step(void)
{
	int i = churn_rnd(MACS), a = churn_rnd(ATTACHMENTS), t = churn_rnd(TUNNELS),
	    s = churn_rnd(SLICES);

	if (mac[i].used) {
		mac_remove(i);
		return;
	}
	if (churn_rnd(2) && attachment[a].id != 0) {
		mac[i].slice = attachment[a].slice;
		mac[i].door = DOOR_ATTACHMENT | attachment[a].id;
	} else if (member[s][t]) {
		mac[i].slice = s;
		mac[i].door = DOOR_TUNNEL | tunnel[t];
	} else {
		return;
	}
	mac[i].used = true;
	rig_mac(slice[mac[i].slice], 0x020000000000 + i, mac[i].door);
}

/* ---- doors ---- */

static void attachment_remove(int i)
{
	macs_clear(-1, DOOR_ATTACHMENT | attachment[i].id);
	attachment_unset(attachment[i].id);
	attachment[i].id = 0;
}

static void attachment_step(void)
{
	int i = churn_rnd(ATTACHMENTS), s = churn_rnd(SLICES);
	uint16_t port = extra != PORT_NONE && churn_rnd(4) == 0 ? extra : lan;

	if (attachment[i].id != 0 && churn_rnd(2)) {
		attachment_remove(i);
	} else if (slice[s] != 0) {
		if (attachment[i].id == 0)
			attachment[i].id = rig_attachment(slice[s], port, i);
		macs_clear(-1, DOOR_ATTACHMENT | attachment[i].id);
		attachment_set(attachment[i].id, slice[s], port, i);
		attachment[i].slice = s;
		attachment[i].port = port;
	}
}

static void member_change(int s, int t, bool on)
{
	if (member[s][t] == on)
		return;
	if (!on) {
		macs_clear(s, DOOR_TUNNEL | tunnel[t]);
		member_unset(slice[s], tunnel[t]);
	} else {
		member_set(slice[s], tunnel[t]);
	}
	member[s][t] = on;
}

static void member_step(void)
{
	int s = churn_rnd(SLICES), t = churn_rnd(TUNNELS);

	if (slice[s] != 0 && tunnel[t] != 0)
		member_change(s, t, !member[s][t]);
}

static void tunnel_step(void)
{
	struct api_tunnel cfg = rig_tunnel_defaults();
	int t = churn_rnd(TUNNELS);
	char remote[64];

	cfg.udp_csum = churn_rnd(3);
	cfg.df = churn_rnd(2);
	cfg.dscp = churn_rnd(65);
	snprintf(remote, sizeof(remote), t & 1 ? "2001:db8::%d" : "198.18.0.%d", t + 2);
	cfg.local = rig_ip(t & 1 ? "2001:db8::1" : "198.18.0.1", false);
	cfg.remote = rig_ip(remote, false);
	if (tunnel[t] == 0) {
		RIG_CHECK(tunnel_reserve(&tunnel[t]) == 0, "no tunnel left");
		tunnel_set(tunnel[t], &cfg);
	} else if (churn_rnd(3)) {
		tunnel_set(tunnel[t], &cfg);
	} else {
		for (int s = 0; s < SLICES; s++)
			member_change(s, t, false);
		tunnel_unset(tunnel[t]);
		tunnel[t] = 0;
	}
}

/* ---- slices, underlay, ports ---- */

static void slice_remove(int s)
{
	for (int i = 0; i < ATTACHMENTS; i++)
		if (attachment[i].id != 0 && attachment[i].slice == s)
			attachment_remove(i);
	for (int t = 0; t < TUNNELS; t++)
		member_change(s, t, false);
	macs_clear(s, 0);
	slice_unset(slice[s]);
	slice[s] = 0;
}

static void slice_step(void)
{
	struct api_slice cfg = {.tunnel_learning = true,
		.max_macs = 20,
		.mac_ageing_s = 1,
		.weight = 1 + churn_rnd(1000),
		.guarantee_bps = churn_rnd(3) ? churn_rnd(100000000) + 1000 : 0,
		.flood_pps = churn_rnd(4) ? 100000 : churn_rnd(100)};
	int s = churn_rnd(SLICES);

	cfg.vni = 100 * (s + 1) + churn_rnd(2);
	if (slice[s] == 0)
		slice[s] = rig_slice_as(&cfg);
	else if (churn_rnd(4)) {
		slice_share_set(slice[s], cfg.weight, cfg.guarantee_bps);
		slice_set(slice[s], &cfg);
	} else {
		slice_remove(s);
	}
}

static void underlay_step(void)
{
	int t = churn_rnd(TUNNELS);
	char hop[64];

	snprintf(hop, sizeof(hop), t & 1 ? "2001:db8::%d" : "198.18.0.%d", t + 2);
	struct api_ip address = rig_ip(hop, false);

	if (churn_rnd(3))
		rig_neighbor(wan, hop, 0x020000000e00 + churn_rnd(4));
	else
		underlay_neighbor_unset(wan, &address);
}

static void port_step(void)
{
	char device[64];

	if (extra == PORT_NONE) {
		snprintf(device, sizeof(device), "net_null%u,size=64,no-rx=%u", 1 + churn_rnd(2),
			churn_rnd(2));
		extra = churn_open(device);
		return;
	}
	for (int i = 0; i < ATTACHMENTS; i++)
		if (attachment[i].id != 0 && attachment[i].port == extra)
			attachment_remove(i);
	churn_close(extra);
	extra = PORT_NONE;
}

/* Both ports, and so frames held of either's buffers. */
static void shape_step(void)
{
	static const uint64_t rates[] = {0, 100000, 10000000, 300000000, 5000000000};
	uint16_t port = churn_rnd(3) ? wan : lan;
	struct api_port cfg = {.mtu = 1500,
		.rate_bps = rates[churn_rnd(RTE_DIM(rates))],
		.rate_overhead_bytes = churn_rnd(25)};
	struct rpc_error err = {0};

	memcpy(&cfg.mac, &port_hot[port].mac, sizeof(cfg.mac));
	RIG_CHECK(port_change(port, &cfg, &err) == 0, "%s", err.message);
}

uint16_t churn_open(const char *device)
{
	static unsigned serial;
	struct api_port cfg = {.mtu = 1500, .mbufs = 4095};
	struct rpc_error err = {0};
	uint16_t id;

	snprintf(cfg.name, sizeof(cfg.name), "c%u", serial++);
	snprintf(cfg.device, sizeof(cfg.device), "%s", device);
	RIG_CHECK(port_open(&cfg, &id, &err) == 0, "%s: %s", device, err.message);
	port_publish(id);
	return id;
}

void churn_close(uint16_t port)
{
	port_close(port);
	/* no worker touches it any more, and its cells are cleared when the id is used again */
	for (uint32_t i = 0; i < worker_count; i++) {
		churn_rx += workers[i]->port[port].rx_packets;
		churn_tx += workers[i]->port[port].tx_packets;
	}
}

/* ---- the whole ---- */

static void trace_seen(const struct trace_record *record, void *arg)
{
	RIG_CHECK(record->steps <= TRACE_STEPS, "a trace of %u steps", record->steps);
}

void churn_begin(uint16_t lan_port, uint16_t wan_port)
{
	lan = lan_port;
	wan = wan_port;
	rig_address(wan, "198.18.0.1/24");
	rig_address(wan, "2001:db8::1/64");
	for (int i = 0; i < 400; i++)
		churn_step();
}

void churn_step(void)
{
	uint32_t what = churn_rnd(100);

	steps++;
	if (what < 40)
		mac_step();
	else if (what < 58)
		attachment_step();
	else if (what < 76)
		member_step();
	else if (what < 84)
		tunnel_step();
	else if (what < 92)
		slice_step();
	else if (what < 97)
		underlay_step();
	else if (what < 98)
		port_step();
	else if (what < 99)
		shape_step();
	else
		trace_arm(&(struct trace_filter){.port = PORT_NONE}, 1 + churn_rnd(20));
	underlay_resolve();
	trace_drain(trace_seen, NULL);
	fdb_poll();
	rcu_reclaim(false);
}

uint64_t churn_steps(void)
{
	return steps;
}

void churn_end(void)
{
	trace_disarm();
	for (int s = 0; s < SLICES; s++)
		if (slice[s] != 0)
			slice_remove(s);
	for (int t = 0; t < TUNNELS; t++)
		if (tunnel[t] != 0)
			tunnel_unset(tunnel[t]);
	if (extra != PORT_NONE)
		port_step();
	fdb_poll();
	RIG_CHECK(fdb_count() == 0, "%u MACs left when all slices are gone", fdb_count());
}
