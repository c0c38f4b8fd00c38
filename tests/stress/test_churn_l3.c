/* SPDX-License-Identifier: BSD-3-Clause */
/* Two real workers route packets of a slice to prefixes that stay, while the main thread puts and
 * takes away everything around them: longer and shorter prefixes, groups, next hops, neighbours,
 * and the same prefixes in another slice. At the end: every packet that came in left by the one
 * attachment that its prefix names, none was dropped. STRESS_SECONDS (8); --seed N.
 *
 *     net_pcap, looped: to 10.N.0.0/16 ─── lan (VLAN 1) │ slice │ out (VLAN 1: stays, 2 and 3:
 * changing)
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attachment.h"
#include "box.h"
#include "build.h"
#include "churn.h"
#include "fdb.h"
#include "fib.h"
#include "neighbor.h"
#include "nexthop.h"
#include "port.h"
#include "rcu.h"
#include "rig_l3.h"
#include "switch.h"
#include "worker.h"

#define FRAMES	 512
#define STAYING	 16   /* 10.0.0.0/16 to 10.15.0.0/16 */
#define CHANGING 4096 /* prefixes that come and go */
#define MAC	 0x025c0001f401ull

static struct pkt frame;
static uint64_t changes;
static uint16_t slice, other, stays, moving[2];

/* ---- traffic ---- */

static void lan_pcap(const char *path)
{
	static const uint32_t head[6] = {0xa1b2c3d4, 4 << 16 | 2, 0, 0, 65535, 1};
	FILE *f = fopen(path, "w");

	RIG_CHECK(f != NULL, "cannot write %s", path);
	fwrite(head, sizeof(head), 1, f);
	for (int i = 0; i < FRAMES; i++) {
		struct spec s = {.dst = MAC,
			.src = 0x020000000001,
			.tag[0] = {0x8100, 1},
			.ip = 4,
			.sport = i,
			.dport = 80,
			.payload = 30};

		build(&frame, &s);
		uint8_t *ip = frame.b + 18;
		uint32_t record[4] = {0, 0, frame.len, frame.len};

		ip[17] = churn_rnd(STAYING);
		ip[18] = churn_rnd(128); /* the upper half is where longer prefixes come and go */
		ip[19] = churn_rnd(256);
		ipv4_fix(ip);
		fwrite(record, sizeof(record), 1, f);
		fwrite(frame.b, frame.len, 1, f);
	}
	fclose(f);
}

/* ---- changes ---- */

/* Longer ones only in the upper half of what stays, where no packet goes; shorter ones that cover
 * it; in the other slice the very addresses that packets go to. */
static void prefix_of(uint32_t i, bool mine, char *text)
{
	uint32_t len = 18 + i % 15, a = i / 16 % STAYING;
	uint32_t address =
		10u << 24 | a << 16 | (mine ? 0x8000 : 0) | (i * 2654435761u >> 17 & 0x7fff);

	if (i % 16 == 15) { /* shorter: /4 to /12 */
		len = 4 + i / 16 % 9;
		address = 10u << 24;
	}
	address &= ~0u << (32 - len);
	snprintf(text, 32, "%u.%u.%u.%u/%u", address >> 24, address >> 16 & 255, address >> 8 & 255,
		address & 255, len);
}

static void route_step(void)
{
	bool mine = churn_rnd(2);
	uint32_t i = churn_rnd(CHANGING), count = 1 + churn_rnd(3);
	uint16_t s = mine ? slice : other;
	struct l3_via via[3];
	char text[32], hop[32];

	prefix_of(i, mine, text);
	struct api_ip prefix = rig_ip(text, true);
	bool now = fib_route_get(s, &prefix) != 0;

	if (now && churn_rnd(2)) {
		rig_l3_route_gone(s, text);
		return;
	}
	for (uint32_t k = 0; k < count; k++) {
		snprintf(hop, sizeof(hop), "192.168.%u.%u", 1 + mine, 1 + churn_rnd(60));
		via[k] = rig_via(moving[mine], hop, 1 + churn_rnd(5));
	}
	rig_l3_route(s, text, via, count);
}

static void neighbor_step(void)
{
	bool mine = churn_rnd(2);
	uint16_t s = mine ? slice : other;
	static bool put[2][60];
	uint32_t host = churn_rnd(60);
	char text[32];

	snprintf(text, sizeof(text), "192.168.%u.%u", 1 + mine, 1 + host);
	struct api_ip ip = rig_ip(text, false);

	if (put[mine][host] && churn_rnd(2)) {
		neighbor_forget(s, moving[mine], &ip);
		put[mine][host] = false;
		return;
	}
	rig_l3_neighbor(s, moving[mine], text, 0x020000000100 + churn_rnd(1000));
	put[mine][host] = true;
}

static void step(void)
{
	if (churn_rnd(8))
		route_step();
	else
		neighbor_step();
	changes++;
	if (changes % 16 == 0) {
		neighbor_poll();
		fdb_poll();
		rcu_reclaim(false);
	}
}

/* ---- the box ---- */

static void topology(uint16_t lan, uint16_t out)
{
	struct l3_via via;
	char text[32];

	slice = rig_l3_slice(500);
	other = rig_l3_slice(600);
	stays = rig_attachment(slice, out, 1);
	moving[true] = rig_attachment(slice, out, 2);
	moving[false] = rig_attachment(other, out, 3);
	rig_gateway(slice, stays, "192.168.0.254/24");
	rig_gateway(slice, moving[true], "192.168.2.254/24");
	rig_gateway(other, moving[false], "192.168.1.254/24");
	rig_l3_neighbor(slice, stays, "192.168.0.1", 0x020000000001);
	via = rig_via(stays, "192.168.0.1", 1);
	for (int i = 0; i < STAYING; i++) {
		snprintf(text, sizeof(text), "10.%d.0.0/16", i);
		rig_l3_route(slice, text, &via, 1);
	}
	/* last: what came before is dropped as vlan_unknown */
	rig_attachment(slice, lan, 1);
}

/* Ports say what came when they are closed; workers forward millions a second. */
static bool enough(void)
{
	return changes > 10000;
}

static void verdict(void)
{
	struct counters by_stays, by_moving[2];
	uint64_t drops[DROP_REASONS];

	attachment_counters_read(stays, &by_stays);
	for (int i = 0; i < 2; i++)
		attachment_counters_read(moving[i], &by_moving[i]);
	box_drops_read(drops);
	printf("%lu changes; %lu packets in, %lu where they belong; seed %lu\n", changes, churn_rx,
		by_stays.out_packets, churn_first_seed);
	for (uint32_t r = 0; r < DROP_REASONS; r++)
		RIG_CHECK(drops[r] == 0 || r == DROP_VLAN_UNKNOWN, "%lu packets dropped: %s",
			drops[r], drop_info[r].name);
	/* what main asks of neighbours leaves there as well */
	struct box_counters box;

	box_counters_read(&box);
	RIG_CHECK(by_moving[0].out_packets + by_moving[1].out_packets <= box.originated,
		"%lu packets left where they do not belong",
		by_moving[0].out_packets + by_moving[1].out_packets - box.originated);
	RIG_CHECK(by_stays.out_packets + drops[DROP_VLAN_UNKNOWN] == churn_rx, "%lu came, %lu left",
		churn_rx, by_stays.out_packets);
	RIG_CHECK(churn_rx > 10000 && enough(), "too little happened");
}

int main(int argc, char **argv)
{
	double seconds = churn_args(argc, argv, 8);
	char file[64], device[160];

	snprintf(file, sizeof(file), "/tmp/churn-l3-%d.pcap", getpid());
	lan_pcap(file);
	churn_box_start(0);
	uint16_t out = churn_open("net_null0,size=64,no-rx=1");

	snprintf(device, sizeof(device), "net_pcap0,rx_pcap=%s,infinite_rx=1", file);
	uint16_t lan = churn_open(device);

	unlink(file);
	topology(lan, out);
	uint64_t end = rte_rdtsc() + seconds * rte_get_tsc_hz();

	/* longer where others leave us no time */
	while (rte_rdtsc() < end || (!enough() && rte_rdtsc() < end + 60 * rte_get_tsc_hz()))
		step();
	churn_close(lan);
	churn_close(out);
	verdict();
	churn_box_stop();
	return EXIT_SUCCESS;
}
