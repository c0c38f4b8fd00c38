/* SPDX-License-Identifier: BSD-3-Clause */
/* Two real workers forward all they can while the main thread changes everything they look at. At
 * the end, when traffic is stopped: in + replicated + originated = out + drops + merged, to the
 * packet, and nothing is left. STRESS_SECONDS (8); --seed N.
 *
 *     net_pcap, looped: tenants' frames ─── lan │ switch │ wan ─── net_pcap, looped: tunnel
 * packets, fragments, garbage
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "box.h"
#include "build.h"
#include "churn.h"
#include "port.h"
#include "rcu.h"
#include "switch.h"
#include "worker.h"

#define FRAMES	512
#define WAN_MAC 0x02ff00000001ull

static struct pkt frame, packet, piece[8];

/* ---- traffic ---- */

static void pcap_add(FILE *f, const struct pkt *p)
{
	uint32_t head[4] = {0, 0, p->len, p->len};

	fwrite(head, sizeof(head), 1, f);
	fwrite(p->b, p->len, 1, f);
}

static FILE *pcap_open(const char *path)
{
	static const uint32_t head[6] = {0xa1b2c3d4, 4 << 16 | 2, 0, 0, 65535, 1};
	FILE *f = fopen(path, "w");

	RIG_CHECK(f != NULL, "cannot write %s", path);
	fwrite(head, sizeof(head), 1, f);
	return f;
}

static void some_frame(void)
{
	struct spec s = {.dst = 0x020000000000 + churn_rnd(80),
		.src = 0x020000000000 + churn_rnd(80),
		.ip = churn_rnd(2) ? 4 : 6,
		.tos = churn_rnd(256),
		.sport = churn_rnd(1000),
		.dport = 80,
		.payload = churn_rnd(600)};

	if (churn_rnd(20) == 0)
		s.dst = 0xffffffffffff;
	if (churn_rnd(100) == 0)
		s.src = 0;
	build(&frame, &s);
}

static void lan_pcap(const char *path)
{
	FILE *f = pcap_open(path);

	for (int i = 0; i < FRAMES; i++) {
		uint32_t vlan = churn_rnd(18);

		some_frame();
		if (vlan != 0) {
			memmove(frame.b + 16, frame.b + 12, frame.len - 12);
			put16(frame.b + 12, churn_rnd(50) ? 0x8100 : 0x88a8);
			put16(frame.b + 14, vlan);
			frame.len += 4;
		}
		pcap_add(f, &frame);
	}
	fclose(f);
}

static void wan_pcap(const char *path)
{
	static const char *const peers4[] = {
		"198.18.0.2", "198.18.0.4", "198.18.0.6", "198.18.0.9"};
	static const char *const peers6[] = {
		"2001:db8::3", "2001:db8::5", "2001:db8::7", "2001:db8::9"};
	FILE *f = pcap_open(path);

	for (int i = 0; i < FRAMES; i++) {
		bool v6 = churn_rnd(2);
		struct outer o = {.dst = WAN_MAC,
			.src = 0x020000000e02,
			.from = v6 ? peers6[churn_rnd(4)] : peers4[churn_rnd(4)],
			.to = v6 ? "2001:db8::1" : "198.18.0.1",
			.vni = 100 * (1 + churn_rnd(9)) + churn_rnd(2),
			.tos = churn_rnd(4),
			.csum = churn_rnd(8) ? CSUM_GOOD : churn_rnd(3)};

		some_frame();
		wrap(&packet, &o, &frame);
		if (churn_rnd(8) == 0) {
			uint32_t n = fragment(&packet, 200, i, piece, 8);

			for (uint32_t k = 0; k < n; k++)
				if (churn_rnd(20))
					pcap_add(f, &piece[k]);
			continue;
		}
		if (churn_rnd(10) == 0)
			packet.b[churn_rnd(80)] ^= 1 << churn_rnd(8);
		if (churn_rnd(30) == 0)
			packet.len = 14 + churn_rnd(packet.len - 14);
		pcap_add(f, &packet);
	}
	fclose(f);
}

/* ---- the box ---- */

static uint64_t total_drops(void)
{
	uint64_t drops[DROP_REASONS], sum = 0;

	box_drops_read(drops);
	for (uint32_t r = 0; r < DROP_REASONS; r++)
		sum += drops[r];
	return sum;
}

/* What came in or was made here is out, dropped or merged. */
static bool balanced(void)
{
	struct box_counters box;

	box_counters_read(&box);
	return churn_rx + box.replicated + box.originated == churn_tx + total_drops() + box.merged;
}

static void ledger(void)
{
	uint64_t in, out, drops = total_drops();
	struct box_counters box;

	uint64_t drops_of[DROP_REASONS];

	box_drops_read(drops_of);
	printf("dropped at shaped ports: %lu by a full queue, %lu when slice or port went\n",
		drops_of[DROP_SHAPER_QUEUE], drops_of[DROP_SHAPER_GONE]);
	RIG_CHECK(drops_of[DROP_SHAPER_QUEUE] > 0, "no shaper was ever full");
	box_counters_read(&box);
	in = churn_rx + box.replicated + box.originated;
	out = churn_tx + drops + box.merged;
	printf("%lu steps; %lu in, %lu copied; %lu out, %lu dropped, %lu merged; seed %lu\n",
		churn_steps(), churn_rx, box.replicated, churn_tx, drops, box.merged,
		churn_first_seed);
	RIG_CHECK(in == out, "ledger: %lu in and copied, %lu out, dropped and merged", in, out);
	RIG_CHECK(
		churn_rx > 10000 && churn_tx > 1000 && churn_steps() > 1000, "too little happened");
}

int main(int argc, char **argv)
{
	double seconds = churn_args(argc, argv, 8);
	char lan_file[64], wan_file[64], device[160];
	uint16_t lan, wan;

	snprintf(lan_file, sizeof(lan_file), "/tmp/churn-lan-%d.pcap", getpid());
	snprintf(wan_file, sizeof(wan_file), "/tmp/churn-wan-%d.pcap", getpid());
	lan_pcap(lan_file);
	wan_pcap(wan_file);
	churn_box_start(0);
	snprintf(device, sizeof(device), "net_pcap0,rx_pcap=%s,infinite_rx=1", lan_file);
	lan = churn_open(device);
	snprintf(device, sizeof(device), "net_pcap1,rx_pcap=%s,infinite_rx=1", wan_file);
	wan = churn_open(device);
	port_hot[wan].mac =
		*(const struct rte_ether_addr *)&(struct api_mac_addr){{2, 0xff, 0, 0, 0, 1}};
	unlink(lan_file);
	unlink(wan_file);
	churn_begin(lan, wan);
	uint64_t end = rte_rdtsc() + seconds * rte_get_tsc_hz();

	/* longer where others leave us no time */
	while (rte_rdtsc() < end ||
		(churn_steps() < 2000 && rte_rdtsc() < end + 60 * rte_get_tsc_hz()))
		churn_step();
	churn_end();
	churn_close(lan);
	churn_close(wan);
	end = rte_rdtsc() + 60 * rte_get_tsc_hz();
	while (!balanced() && rte_rdtsc() < end)
		usleep(10000); /* what waits for its other fragments gives up, within seconds */
	ledger();
	churn_box_stop();
	return EXIT_SUCCESS;
}
