/* SPDX-License-Identifier: BSD-3-Clause */
/* The user plane's cycle account: the real pipeline in this process, without a device's share.
 * Packets of random sessions are made in place (what a device would do is not counted), run through
 * the worker's stages, and end in net_null.
 *
 *   micro_upf [sessions] [up|down|n9] [plain|psc] [no-qer] [pdrs]
 */
#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "box.h"
#include "build_host.h"
#include "port.h"
#include "rig_l3.h"
#include "rig_upf.h"
#include "switch.h"
#include "underlay.h"
#include "worker.h"

#define WINDOWS 400
#define BURSTS	128 /* a window */
#define BATCH	256 /* sessions put at once */

static struct {
	uint32_t sessions;
	bool down, n9, psc, qer;
	uint32_t
		pdrs; /* in the direction that is measured, the last without filters, with 4 FARs */
	uint16_t wan, lan, slice;
	uint32_t *teid;
	struct pkt packet;
} bench;

void rig_failed(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

static uint16_t null_port(const char *name, uint32_t mbufs)
{
	struct api_port cfg = {.mtu = 1500, .mbufs = mbufs};
	struct rpc_error err = {0};
	uint16_t id;

	snprintf(cfg.name, sizeof(cfg.name), "%s", name);
	snprintf(cfg.device, sizeof(cfg.device), "net_null%s", name[0] == 'w' ? "0" : "1");
	cfg.mac = rig_mac_addr(0x02ff00000000 + name[0]);
	RIG_CHECK(port_open(&cfg, &id, &err) == 0, "%s", err.message);
	port_publish(id);
	return id;
}

static void world(void)
{
	rig_upf_forget();
	bench.wan = null_port("wan", 4096);
	bench.lan = null_port("lan", 4096);
	rig_address(bench.wan, "198.18.0.1/24");
	rig_neighbor(bench.wan, "198.18.0.2", 0x020000000e02);
	rig_neighbor(bench.wan, "198.18.0.3", 0x020000000e03);
	bench.slice = rig_l3_slice(300);
	uint16_t door = rig_attachment(bench.slice, bench.lan, 0);
	struct l3_via via = rig_via(door, "10.0.0.1", 1);

	rig_gateway(bench.slice, door, "10.0.0.254/24");
	rig_l3_neighbor(bench.slice, door, "10.0.0.1", 0x02000000000a);
	rig_l3_route(bench.slice, "0.0.0.0/0", &via, 1);
	rig_upf_slice("internet", bench.slice);
	rig_gtpu("n3", "198.18.0.1", INTERFACE_ACCESS);
	rig_gtpu("n9", "198.18.0.9", INTERFACE_CORE);
}

static uint32_t ue_of(uint32_t i)
{
	return 0x0a400000 + i; /* 10.64.0.0 */
}

#define SESSION_TEXT 6144

static int pdr_text(char *text, bool down, uint32_t k, uint32_t n)
{
	char filter[96] = "";

	if (n > 1 && k + 1 < n)
		sprintf(filter,
			",'filters':['permit out udp from 100.64.%u.0/24 5001 to assigned']", k);
	return sprintf(text, "{'id':%u,'precedence':%u,%s,'far':%u,%s'urrs':[1]%s},",
		k + (down ? 101 : 1), 100 + k,
		down ? "'source':'core'" : "'source':'access','gtpu':'n3','outer_header_removal':0",
		k % 4 + (down ? 101 : 1), bench.qer ? "'qers':[1]," : "", filter);
}

static int far_text(char *text, bool down, uint32_t k, uint32_t session)
{
	if (!down)
		return sprintf(text, "{'id':%u,'action':'forward','destination':'core'%s},", k + 1,
			bench.n9 ? ",'outer_header':{'teid':7,'peer':'198.18.0.3'}" : "");
	return sprintf(text,
		"{'id':%u,'action':'forward','destination':'access',"
		"'outer_header':{'teid':%u,'peer':'198.18.0.2'}},",
		k + 101, session + 1);
}

static int session_text(char *text, uint32_t i)
{
	uint32_t ue = ue_of(i);
	int at = sprintf(text,
		"{'name':'s%u','slice':'internet','ue':{'ipv4':'%u.%u.%u.%u'},'pdrs':[", i,
		ue >> 24, ue >> 16 & 255, ue >> 8 & 255, ue & 255);

	for (uint32_t down = 0; down < 2; down++)
		for (uint32_t k = 0, n = down == bench.down ? bench.pdrs : 1; k < n; k++)
			at += pdr_text(text + at, down, k, n);
	at += sprintf(text + at - 1, "],'fars':[") - 1;
	for (uint32_t down = 0; down < 2; down++)
		for (uint32_t k = 0; k < (down == bench.down ? RTE_MIN(bench.pdrs, 4u) : 1); k++)
			at += far_text(text + at, down, k, i);
	at += sprintf(text + at - 1,
		      "],'qers':[{'id':1,'mbr_ul_bps':1000000000000,'mbr_dl_bps':1000000000000%s}],"
		      "'urrs':[{'id':1,'measure':['volume']}]}",
		      bench.psc ? ",'qfi':9" : "") -
	      1;
	return at;
}

static void sessions(void)
{
	char *text = malloc(BATCH * SESSION_TEXT);
	char name[16];

	bench.teid = calloc(bench.sessions, sizeof(*bench.teid));
	for (uint32_t i = 0; i < bench.sessions; i += BATCH) {
		int at = sprintf(text, "[");

		for (uint32_t k = i; k < i + BATCH && k < bench.sessions; k++) {
			at += session_text(text + at, k);
			at += sprintf(text + at, ",");
		}
		text[at - 1] = ']';
		rig_sessions(text);
	}
	for (uint32_t i = 0; i < bench.sessions; i++) {
		snprintf(name, sizeof(name), "s%u", i);
		bench.teid[i] = rig_teid(name, 1);
	}
	free(text);
}

/* What a packet of the case looks like but for its session. */
static void model(void)
{
	struct ip_packet up = {.from = "10.64.0.0", .to = "192.0.2.1", .payload = 40};
	struct ip_packet down = {.dst = rig_l3_mac(bench.slice),
		.src = 0x02000000000a,
		.from = "192.0.2.1",
		.to = "10.64.0.0",
		.payload = 40};
	struct gtpu g = {.dst = rig_port_mac(bench.wan),
		.src = 0x020000000e02,
		.from = "198.18.0.2",
		.to = "198.18.0.1",
		.psc = bench.psc,
		.psc_ul = true,
		.qfi = 9};
	static struct pkt inner;

	build_ip(&inner, bench.down ? &down : &up);
	if (bench.down)
		bench.packet = inner;
	else
		build_gtpu(&bench.packet, &g, &inner);
}

/* The IPv4 header's sum goes with the address. */
static void patch(uint8_t *b, uint32_t i)
{
	uint8_t *ip = b + (bench.down ? 14 : bench.psc ? 58 : 50);

	if (!bench.down)
		put32(b + 46, bench.teid[i]);
	put32(ip + (bench.down ? 16 : 12), ue_of(i));
	if (bench.pdrs > 1)
		put32(ip + (bench.down ? 12 : 16), 0x64400001 | (i % bench.pdrs) << 8);
	ipv4_fix(ip);
}

static uint32_t next_random(void)
{
	static uint64_t x = 88172645463325252ull;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x >> 32;
}

static void fill(struct burst *b)
{
	uint16_t port = bench.down ? bench.lan : bench.wan;

	RIG_CHECK(
		rte_pktmbuf_alloc_bulk(port_hot[port].pool, b->pkt, BURST_MAX) == 0, "no buffers");
	for (uint32_t k = 0; k < BURST_MAX; k++) {
		uint32_t i = (uint64_t)next_random() * bench.sessions >> 32;
		uint8_t *data = (uint8_t *)rte_pktmbuf_append(b->pkt[k], bench.packet.len);

		memcpy(data, bench.packet.b, bench.packet.len);
		patch(data, i);
	}
	b->n = BURST_MAX;
	b->port = port;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void run(void)
{
	static double window[WINDOWS];
	struct worker *w = workers[0];

	for (uint32_t i = 0; i < WINDOWS; i++) {
		uint64_t cycles = 0;

		for (uint32_t k = 0; k < BURSTS; k++) {
			fill(&w->burst);
			w->sample_in = k % 4 == 0 ? 1 : 1024;
			uint64_t start = rte_rdtsc_precise();

			w->now_tsc = start;
			worker_run_burst(w);
			cycles += rte_rdtsc_precise() - start;
		}
		window[i] = (double)cycles / BURSTS / BURST_MAX;
	}
	qsort(window, WINDOWS, sizeof(window[0]), compare);
	printf("%u sessions, %s: %.1f cycles a packet (lowest %.1f)", bench.sessions,
		bench.down ? "down"
		: bench.n9 ? "n9"
			   : "up",
		window[WINDOWS / 2], window[0]);
	for (uint32_t s = 0; switch_pipeline.stages[s] != NULL; s++)
		if (w->stages[s].packets > 0)
			printf(", %s %.1f", switch_pipeline.stages[s],
				(double)w->stages[s].cycles / w->stages[s].packets);
	printf("\n");
	uint64_t drops[DROP_REASONS];

	box_drops_read(drops);
	for (uint32_t r = 0; r < DROP_REASONS; r++)
		if (drops[r] != 0)
			printf("dropped: %s %lu\n", drop_info[r].name, drops[r]);
}

int main(int argc, char **argv)
{
	bench.sessions = 65536;
	bench.qer = true;
	bench.pdrs = 1;
	for (int i = 1; i < argc; i++) {
		if (argv[i][0] >= '0' && argv[i][0] <= '9')
			bench.sessions = strtoul(argv[i], NULL, 0);
		bench.down |= strcmp(argv[i], "down") == 0;
		bench.n9 |= strcmp(argv[i], "n9") == 0;
		if (strcmp(argv[i], "pdrs") == 0)
			bench.pdrs = 16;
		bench.psc |= strcmp(argv[i], "psc") == 0;
		bench.qer &= strcmp(argv[i], "no-qer") != 0;
	}
	rig_eal("0");
	rig_start();
	world();
	sessions();
	model();
	run();
	return 0;
}
