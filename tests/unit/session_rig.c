/* SPDX-License-Identifier: BSD-3-Clause */
/* See session_rig.h. */
#include "session_rig.h"

#include <check.h>
#include <rte_eal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "port.h"
#include "rcu.h"
#include "schema.h"
#include "session_check.h"
#include "slice.h"
#include "switch.h"
#include "underlay.h"
#include "worker.h"

uint16_t rig_l3, rig_l3b, rig_l2, rig_n3, rig_n9;
struct rpc_error rig_err;

void session_rig_eal(void)
{
	char *argv[] = {"test", "--no-huge", "-m", "512", "--no-shconf", "--no-telemetry",
		"--no-pci", "--log-level", "error", "--lcores", "0", "--iova-mode", "va", NULL};

	if (rte_eal_init(RTE_DIM(argv) - 1, argv) < 0) {
		fprintf(stderr, "EAL does not start\n");
		exit(EXIT_FAILURE);
	}
}

static uint16_t slice(uint32_t vni, uint32_t kind)
{
	struct api_slice cfg = {.vni = vni, .kind = kind, .max_macs = 1000, .flood_pps = 1000};
	uint16_t id;

	ck_assert_int_eq(slice_reserve(&id), 0);
	slice_set(id, &cfg);
	return id;
}

static uint16_t own(const char *name, const char *address, uint32_t interface)
{
	struct api_gtpu cfg = {.interface = interface, .ttl = 64, .dscp = DSCP_COPY};
	uint16_t id;

	snprintf(cfg.name, sizeof(cfg.name), "%s", name);
	ck_assert_int_eq(api_ip_parse(address, false, &cfg.address), 0);
	ck_assert_int_eq(gtpu_reserve(&id), 0);
	gtpu_set(id, &cfg);
	return id;
}

void session_rig_start(void)
{
	ck_assert(rcu_init() == 0 && port_init(1) == 0 && switch_init(1) == 0);
	ck_assert_int_eq(worker_create(1, &switch_pipeline), 0);
	rig_l3 = slice(100, SLICE_L3);
	rig_l3b = slice(101, SLICE_L3);
	rig_l2 = slice(102, SLICE_L2);
	rig_n3 = own("n3", "198.18.0.1", INTERFACE_ACCESS);
	rig_n9 = own("n9", "198.18.1.1", INTERFACE_CORE);
}

void session_rig_stop(void)
{
	rcu_reclaim(true);
	worker_stop();
	switch_fini();
	port_free_pools();
	rcu_fini();
}

static struct api_ip ip4(uint32_t address)
{
	return (struct api_ip){.family = 4,
		.len = 32,
		.bytes = {address >> 24, address >> 16, address >> 8, address}};
}

struct made *simple(const char *name, uint32_t n)
{
	static struct made m;

	memset(&m, 0, sizeof(m));
	snprintf(m.cfg.name, sizeof(m.cfg.name), "%s", name);
	snprintf(m.cfg.slice, sizeof(m.cfg.slice), "l3");
	m.cfg.slice_id = rig_l3;
	m.cfg.ue.ipv4 = ip4(0x0a000000 + n);
	m.qers[0] = m.urrs[0] = 1;
	for (uint32_t i = 0; i < 2; i++) {
		m.pdr[i] = (struct api_pdr){.id = i + 1,
			.precedence = 100,
			.source = i == 0 ? INTERFACE_ACCESS : INTERFACE_CORE,
			.qfi = QFI_NONE,
			.outer_header_removal = i == 0 ? REMOVE_GTPU : REMOVE_NONE,
			.far = i + 1,
			.qers = {1, m.qers},
			.urrs = {1, m.urrs}};
		m.far[i] = (struct api_far){
			.id = i + 1, .destination = INTERFACE_CORE, .dscp = DSCP_COPY};
	}
	snprintf(m.pdr[0].gtpu, sizeof(m.pdr[0].gtpu), "n3");
	m.pdr[0].gtpu_id = rig_n3;
	m.far[1].destination = INTERFACE_ACCESS;
	m.far[1].outer_header =
		(struct api_outer_header){.teid = 1000 + n, .peer = ip4(0xc6120002)};
	m.qer[0] = (struct api_qer){.id = 1,
		.mbr_ul_bps = 100000000,
		.mbr_dl_bps = 200000000,
		.burst_ms = 20,
		.qfi = 9};
	m.urr[0] = (struct api_urr){
		.id = 1, .measure = MEASURE_VOLUME, .quota_bytes = NO_QUOTA, .quota_s = NO_QUOTA_S};
	m.cfg.pdrs = (struct api_pdrs){2, m.pdr};
	m.cfg.fars = (struct api_fars){2, m.far};
	m.cfg.qers = (struct api_qers){1, m.qer};
	m.cfg.urrs = (struct api_urrs){1, m.urr};
	return &m;
}

int try_put(struct made *m)
{
	struct session_change *change;
	int rc;

	memset(&rig_err, 0, sizeof(rig_err));
	if (session_check(&m->cfg, &rig_err) != 0)
		return -1;
	rc = session_prepare(&m->cfg, &change, &rig_err);
	if (rc == 1) {
		session_commit(&change, 1);
		underlay_resolve();
	}
	return rc;
}

uint32_t put(struct made *m)
{
	int rc = try_put(m);

	ck_assert_msg(rc >= 0, "%s", rig_err.message);
	return session_find(m->cfg.name);
}

void drop(uint32_t index)
{
	struct session_change *change;

	ck_assert_int_eq(session_prepare_delete(index, &change, &rig_err), 1);
	session_commit(&change, 1);
	rcu_reclaim(true);
}
