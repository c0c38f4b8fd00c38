/* SPDX-License-Identifier: BSD-3-Clause */
/* Two real workers forward packets of sessions while the main thread puts, changes and deletes them
 * in random transactions (churn_upf.c), and a third thread sends and judges every packet that comes
 * out (churn_upf_judge.c), also that none leaves after a later one of its flow. Traffic pauses now
 * and then: then every packet must be accounted for, and what sessions and URRs counted must be
 * what left, to the byte. At the end all sessions are deleted, and nothing of them may be left.
 * STRESS_SECONDS (20); --seed N.
 *
 *     hosts ─── lan │ internet (VLAN 30), other (40), edge (31) │ wan ─── gNBs, another UPF
 */
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "box.h"
#include "churn.h"
#include "churn_upf.h"
#include "fdb.h"
#include "hold_count.h"
#include "neighbor.h"
#include "peer.h"
#include "port.h"
#include "qer.h"
#include "rcu.h"
#include "rig_l3.h"
#include "rig_upf.h"
#include "rules.h"
#include "session_store.h"
#include "switch.h"
#include "upf.h"
#include "urr.h"
#include "worker.h"

#define WORKERS CHURN_WORKERS
#define TRAFFIC (WORKERS + 1) /* lcore */
#define OUT	32768	      /* packets of a ring out: more than there are buffers */
#define MBUFS	8191
#define HOST	0x020000000001

static struct churn_traffic traffic;
static uint16_t lan, wan;

/* ---- the box ---- */

/* A port of DPDK's rings, which would read back what it sends: its way out is turned into other
 * rings before a worker knows it. */
static uint16_t port_of_rings(unsigned serial, struct traffic_port *p)
{
	char name[64];
	struct api_port cfg = {.mtu = 1500, .mbufs = MBUFS};
	struct rpc_error err = {0};
	uint16_t id;

	snprintf(cfg.name, sizeof(cfg.name), "p%u", serial);
	snprintf(cfg.device, sizeof(cfg.device), "net_ring%u", serial);
	RIG_CHECK(port_open(&cfg, &id, &err) == 0, "%s", err.message);
	p->ethdev = port_hot[id].ethdev;
	p->pool = port_hot[id].pool;
	p->mac = rig_port_mac(id);
	for (int w = 0; w < WORKERS; w++) {
		snprintf(name, sizeof(name), "ETH_RXTX%d_net_ring%u", w, serial);
		p->in[w] = rte_ring_lookup(name);
		snprintf(name, sizeof(name), "out_%u_%d", serial, w);
		p->out[w] =
			rte_ring_create(name, OUT, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
		RIG_CHECK(p->in[w] != NULL && p->out[w] != NULL, "no ring");
	}
	snprintf(name, sizeof(name), "out_%u", serial);
	int other = rte_eth_from_rings(name, p->out, WORKERS, p->out, WORKERS, SOCKET_ID_ANY);
	struct rte_eth_conf conf = {0};

	RIG_CHECK(other >= 0 && rte_eth_dev_configure(other, WORKERS, WORKERS, &conf) == 0,
		"no device of rings");
	for (int w = 0; w < WORKERS; w++) {
		RIG_CHECK(rte_eth_tx_queue_setup(other, w, 512, SOCKET_ID_ANY, NULL) == 0 &&
				  rte_eth_rx_queue_setup(
					  other, w, 512, SOCKET_ID_ANY, NULL, p->pool) == 0,
			"no queue");
	}
	RIG_CHECK(rte_eth_dev_start(other) == 0, "no device of rings");
	for (int w = 0; w < WORKERS; w++)
		rte_eth_fp_ops[p->ethdev].txq.data[w] = rte_eth_fp_ops[other].txq.data[w];
	port_publish(id);
	return id;
}

static void gateway(uint16_t slice, uint16_t attachment)
{
	rig_gateway(slice, attachment, "10.0.0.254/24");
	rig_gateway(slice, attachment, "fd00::fe/64");
	rig_l3_neighbor(slice, attachment, "10.0.0.1", HOST);
	rig_l3_neighbor(slice, attachment, "fd00::1", HOST);
}

static void topology(void)
{
	static const char *const name[] = {"internet", "other", "edge"};
	static const char *const peer[] = {
		"198.18.0.2", "198.18.0.3", "198.18.0.4", "198.18.0.5", "198.18.0.6"};
	static const uint16_t vlan[] = {30, 40, 31};

	rig_address(wan, "198.18.0.1/24");
	for (uint32_t i = 0; i < RTE_DIM(peer); i++)
		rig_neighbor(wan, peer[i], 0x020000000e02 + i);
	rig_upf_forget();
	for (int i = 0; i < 3; i++) {
		uint16_t slice = rig_l3_slice(300 + i);

		gateway(slice, rig_attachment(slice, lan, vlan[i]));
		rig_upf_slice(name[i], slice);
		if (i < 2)
			traffic.slice_mac[i] = rig_l3_mac(slice);
	}
	rig_gtpu("n3", "198.18.0.1", INTERFACE_ACCESS);
	rig_gtpu("n9", "198.18.0.9", INTERFACE_CORE);
}

/* ---- accounts ---- */

/* Nothing may be lost for want of room: then counters would not be what left. */
static void check_drops(void)
{
	static const enum drop_reason never[] = {DROP_TX_FULL, DROP_HANDOVER_FULL, DROP_NO_ROUTE,
		DROP_NO_NEIGHBOR, DROP_NEIGHBOR_UNKNOWN, DROP_UE_PACKET, DROP_GTPU_HEADER,
		DROP_NO_HEADROOM, DROP_UNDERLAY_MTU, DROP_PORT_GONE, DROP_IP_CHECKSUM};
	uint64_t drops[DROP_REASONS];

	box_drops_read(drops);
	for (uint32_t i = 0; i < RTE_DIM(never); i++)
		RIG_CHECK(drops[never[i]] == 0, "%lu packets dropped: %s", drops[never[i]],
			drop_info[never[i]].name);
}

static void nothing_left(void)
{
	uint32_t lists, filters;
	uint64_t bytes;

	for (int i = 0; i < 4; i++) {
		upf_poll();
		rcu_reclaim(true);
	}
	rules_count(&lists, &filters, &bytes);
	RIG_CHECK(session_count() == 0 && index_count() == 0, "%u sessions left, %u indices",
		session_count(), index_count());
	RIG_CHECK(block_pool.used == 0 && cell_pool.used == 0 && pack_pool.used == 0,
		"left of pools: %u blocks, %u cells, %u definitions", block_pool.used,
		cell_pool.used, pack_pool.used);
	RIG_CHECK(teid_table.count == 0 && ue4_table.count == 0 && ue6_table.count == 0,
		"left of tables: %u TEIDs, %u IPv4, %u IPv6", teid_table.count, ue4_table.count,
		ue6_table.count);
	RIG_CHECK(lists == 0 && filters == 0, "%u lists of rules left", lists);
	RIG_CHECK(rate_count() == 0, "%u rates left", rate_count());
	RIG_CHECK(peer_count() == 0, "%u peers left", peer_count());
	RIG_CHECK(hold_total() == 0, "%u packets held", hold_total());
}

/* ---- the test ---- */

/* Slots of `cold` do not change in it. */
static void round_of(uint32_t r)
{
	uint32_t cold = r % 4;

	churn_hostile = r % 2;
	traffic_go();
	uint64_t end = rte_rdtsc() + rte_get_tsc_hz() / 10;

	while (rte_rdtsc() < end) {
		churn_upf_batch(cold);
		for (uint32_t i = churn_rnd(4); i > 0; i--)
			churn_upf_turn();
		if (churn_rnd(8) == 0)
			usleep(churn_rnd(2000));
	}
	traffic_pause();
	churn_upf_settle(&traffic);
	churn_upf_verify(!churn_hostile, cold);
}

static bool enough(void)
{
	return traffic_judged() > 10000 && churn_upf_commits() > 100;
}

int main(int argc, char **argv)
{
	double seconds = churn_args(argc, argv, 20);
	uint32_t rounds = 0;

	traffic.seed = churn_seed * 3;
	churn_box_start(1);
	lan = port_of_rings(0, &traffic.lan);
	wan = port_of_rings(1, &traffic.wan);
	topology();
	churn_upf_init();
	rte_eal_remote_launch(traffic_run, &traffic, TRAFFIC);
	uint64_t end = rte_rdtsc() + seconds * rte_get_tsc_hz();

	/* longer where others leave us no time */
	while (rte_rdtsc() < end || (!enough() && rte_rdtsc() < end + 120 * rte_get_tsc_hz()))
		round_of(rounds++);
	churn_hostile = true;
	traffic_go();
	churn_upf_end();
	usleep(10000);
	traffic_pause();
	churn_upf_settle(&traffic);
	churn_upf_verify(false, 0);
	traffic_stop();
	rte_eal_wait_lcore(TRAFFIC);
	printf("%u rounds, %lu commits of %lu changes; %lu packets in, %lu out and judged, %lu "
	       "dropped, settled within %lu ms; seed %lu\n",
		rounds, churn_upf_commits(), churn_upf_changes(), traffic_sent(), traffic_judged(),
		churn_upf_drops(), churn_upf_slowest_ms(), churn_first_seed);
	check_drops();
	nothing_left();
	RIG_CHECK(enough(), "too little happened");
	port_close(lan);
	port_close(wan);
	churn_box_stop();
	return EXIT_SUCCESS;
}
