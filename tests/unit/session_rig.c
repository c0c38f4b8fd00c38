/* SPDX-License-Identifier: BSD-3-Clause */
/* See session_rig.h. */
#include "session_rig.h"

#include <rte_eal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "port.h"
#include "l3.h"
#include "qer.h"
#include "rcu.h"
#include "rules.h"
#include "schema.h"
#include "session_check.h"
#include "session_private.h"
#include "session_store.h"
#include "slice.h"
#include "switch.h"
#include "underlay.h"
#include "worker.h"

uint16_t rig_l3, rig_l3b, rig_l2, rig_n3, rig_n9;
struct rpc_error rig_err;

/* Also outside of tests: micro_session. */
#define must(cond)                                                                                 \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			fprintf(stderr, "%s:%d: " #cond ": %s\n", __FILE__, __LINE__,              \
				rig_err.message);                                                  \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

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
	struct api_slice cfg = {.tunnel_learning = true,
		.vni = vni,
		.kind = kind,
		.max_macs = 1000,
		.flood_pps = 1000};
	uint16_t id;

	must(slice_reserve(&id) == 0);
	slice_set(id, &cfg);
	return id;
}

static uint16_t own(const char *name, const char *address, uint32_t interface)
{
	struct api_gtpu cfg = {.interface = interface, .ttl = 64, .dscp = DSCP_COPY};
	uint16_t id;

	snprintf(cfg.name, sizeof(cfg.name), "%s", name);
	must(api_ip_parse(address, false, &cfg.address) == 0);
	must(gtpu_reserve(&id) == 0);
	gtpu_set(id, &cfg);
	return id;
}

void session_rig_switch(void)
{
	must(rcu_init() == 0 && port_init(1) == 0 && switch_init(1) == 0);
	must(worker_create(1, &switch_pipeline) == 0);
}

void session_rig_objects(void)
{
	rig_l3 = slice(100, SLICE_L3);
	rig_l3b = slice(101, SLICE_L3);
	rig_l2 = slice(102, SLICE_L2);
	rig_n3 = own("n3", "198.18.0.1", INTERFACE_ACCESS);
	rig_n9 = own("n9", "198.18.1.1", INTERFACE_CORE);
}

void session_rig_start(void)
{
	session_rig_switch();
	session_rig_objects();
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
	m.qers[1] = m.urrs[1] = m.second[0] = 2;
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

void filter(struct made *m, uint32_t i, const char *text)
{
	snprintf(m->text[i], sizeof(m->text[i]), "%s", text);
	m->item[i] = (struct api_text){m->text[i], strlen(text)};
	m->pdr[i].filters = (struct api_texts){1, &m->item[i]};
}

void more_pdrs(struct made *m, uint32_t n)
{
	for (uint32_t i = m->cfg.pdrs.count; i < n; i++) {
		m->pdr[i] = m->pdr[0];
		m->pdr[i].id = 100 + i;
		m->pdr[i].precedence = 1000 + i;
		m->pdr[i].far = 1 + i % 4;
	}
	m->cfg.pdrs.count = n;
}

struct made *rich(const char *name, uint32_t n)
{
	struct made *m = simple(name, n);

	m->cfg.ue.ipv6 = (struct api_ip){
		.family = 6, .len = 64, .bytes = {0x20, 1, 0xd, 0xb8, 0, n >> 16, n >> 8, n}};
	m->framed[0] = ip4(0xc0a80000 + (n << 8));
	m->framed[0].len = 24;
	m->cfg.ue.framed = (struct api_prefixes){1, m->framed};
	m->cfg.bar = (struct api_bar){.id = 1, .packets = 10};
	m->cfg.has_bar = true;
	for (uint32_t i = 0; i < 2; i++) {
		m->pdr[2 + i] = m->pdr[i];
		m->pdr[2 + i].id = 3 + i;
		m->pdr[2 + i].precedence = 30;
		m->pdr[2 + i].qers.count = m->pdr[2 + i].urrs.count = 2;
		filter(m, 2 + i, "permit out 6 from 192.0.2.0/24 443 to assigned");
		m->far[2 + i] = m->far[i];
		m->far[2 + i].id = 3 + i;
		m->pdr[2 + i].far = 3 + i;
	}
	m->far[2].outer_header = (struct api_outer_header){
		.teid = 4000 + n, .peer = ip4(0xc6120102), .gtpu = "n9", .gtpu_id = rig_n9};
	m->far[2].duplicate_to = (struct api_outer_header){
		.teid = 5000 + n, .peer = ip4(0xc6120103), .gtpu = "n9", .gtpu_id = rig_n9};
	m->qer[1] = m->qer[0];
	m->qer[1].id = 2;
	m->qer[1].mbr_ul_bps = 50000000;
	m->qer[1].qfi = QFI_NONE;
	m->urr[1] = m->urr[0];
	m->urr[1].id = 2;
	m->urr[1].threshold_bytes = 1000000;
	m->cfg.pdrs.count = m->cfg.fars.count = 4;
	m->cfg.qers.count = m->cfg.urrs.count = 2;
	return m;
}

struct usage usage(void)
{
	struct usage u;
	uint64_t bytes;
	uint32_t filters;

	memset(&u, 0, sizeof(u));
	rcu_reclaim(true);
	u.sessions = session_count();
	u.blocks = block_pool.used;
	u.cells = cell_pool.used;
	u.packs = pack_pool.used;
	u.teids = teid_table.count;
	u.ue4s = ue4_table.count;
	u.ue6s = ue6_table.count;
	u.prefixes = lpm_count(&fib4) + lpm_count(&fib6);
	u.peers = peer_count();
	u.filters = filters_lists();
	rules_count(&u.rules, &filters, &bytes);
	u.rates = rate_count();
	for (uint32_t i = 0; i < LIMIT_GTPU; i++)
		u.gtpus += session_using_gtpu(i);
	u.slices = session_using_slice(rig_l3) + session_using_slice(rig_l3b) +
		   session_using_slice(rig_l2);
	u.bytes = u.blocks * 128 + u.cells * 64 + u.packs * 16;
	return u;
}

const char *usage_text(const struct usage *a, const struct usage *b)
{
	static char text[1000];

	snprintf(text, sizeof(text),
		"blocks %lu %lu, cells %lu %lu, packs %lu %lu, sessions %u %u, "
		"teids %u %u, ue4 %u %u, ue6 %u %u, prefixes %u %u, peers %u %u, filters %u %u, "
		"rules %u %u, rates %u %u, slices %u %u, gtpus %u %u",
		a->blocks, b->blocks, a->cells, b->cells, a->packs, b->packs, a->sessions,
		b->sessions, a->teids, b->teids, a->ue4s, b->ue4s, a->ue6s, b->ue6s, a->prefixes,
		b->prefixes, a->peers, b->peers, a->filters, b->filters, a->rules, b->rules,
		a->rates, b->rates, a->slices, b->slices, a->gtpus, b->gtpus);
	return text;
}

int try_put(struct made *m)
{
	struct session_change *change;
	uint32_t index;
	int rc;

	memset(&rig_err, 0, sizeof(rig_err));
	if (session_check(&m->cfg, &rig_err) != 0)
		return -1;
	rc = session_prepare(&m->cfg, &change, &rig_err);
	if (rc == 1 && session_settled(&(uint32_t){0}, &index, &rig_err) != 0) {
		session_cancel(change);
		return -1;
	}
	if (rc == 1) {
		session_commit(&change, 1);
		underlay_resolve();
	}
	return rc;
}

uint32_t put(struct made *m)
{
	int rc = try_put(m);

	must(rc >= 0);
	return session_find(m->cfg.name);
}

void drop(uint32_t index)
{
	struct session_change *change;

	must(session_prepare_delete(index, &change, &rig_err) == 1);
	session_commit(&change, 1);
	rcu_reclaim(true);
}
