/* SPDX-License-Identifier: BSD-3-Clause */
/* Ports, the box's counters and traces that are not there (fakes.h). */
#include <errno.h>
#include <string.h>

#include "box.h"
#include "fakes.h"
#include "port.h"
#include "port_link.h"
#include "port_veth.h"
#include "trace.h"

struct port_hot port_hot[PORT_MAX];
static bool ports[LIMIT_PORTS];

/* ports */
int port_open(const struct api_port *cfg, uint16_t *id, struct rpc_error *err)
{
	fakes.touched++;
	if (fakes.fail_port_open) {
		rpc_fail(err, RPC_ERR_INTERNAL, "no such device");
		strcpy(err->path, "device");
		return -1;
	}
	for (uint16_t i = 0; i < LIMIT_PORTS; i++) {
		if (ports[i])
			continue;
		ports[i] = true;
		*id = i;
		fakes.ports_open++;
		return 0;
	}
	return rpc_fail(err, RPC_ERR_CAPACITY, "no port left");
}

int port_open_check(const struct api_port *cfg, bool tap_there, int more, struct rpc_error *err)
{
	fakes.tap_there = tap_there;
	fakes.devices_more = more;
	return fakes.fail_port_open ? rpc_fail(err, RPC_ERR_PARAMS, "no such interface") : 0;
}

int port_change_check(uint16_t id, const struct api_port *cfg, struct rpc_error *err)
{
	return 0;
}

int port_change(uint16_t id, const struct api_port *cfg, struct rpc_error *err)
{
	fakes.touched++;
	return 0;
}

bool port_bound(uint16_t id)
{
	fakes.bound++;
	return true;
}

enum port_twin port_link_twin(uint16_t id)
{
	return id == 1 ? (enum port_twin)fakes.twin : PORT_TWIN_UP;
}

int port_twin_again(uint16_t id, const struct api_port *cfg, struct rpc_error *err)
{
	if (fakes.fail_twin)
		return rpc_fail(err, RPC_ERR_CONFLICT, "the name is taken");
	fakes.twin = PORT_TWIN_UP;
	return 0;
}

bool port_reopen(uint16_t id, const struct api_port *cfg, int *rc, struct rpc_error *err)
{
	return false;
}

void port_look(uint16_t id, bool *lost, bool *back)
{
	*lost = fakes.port_lost;
	*back = fakes.port_back;
}

const char *port_fault(uint16_t id)
{
	return fakes.port_fault ? fakes.port_fault : "";
}

void port_publish(uint16_t id)
{
	fakes.ports_published++;
}

void port_suspend(uint16_t id)
{
	fakes.touched++;
}

void port_close(uint16_t id)
{
	fakes.touched++;
	fakes.ports_open--;
	ports[id] = false;
}

const char *port_tap_name(uint16_t id)
{
	return NULL;
}

int port_tap_address(uint16_t id, const struct api_ip *prefix, bool add, bool *ours)
{
	fakes.touched++;
	if (fakes.fail_tap_address && add)
		return -EPERM;
	fakes.tap_addresses += add ? 1 : -1;
	return 0;
}

void port_counters_read(uint16_t id, struct port_counters *out)
{
	*out = (struct port_counters){10, 600, 20, 1200, 1, 2};
}

bool port_shaper_read(uint16_t id, struct shaper_counters *out, uint32_t *buffers_max)
{
	*out = (struct shaper_counters){0};
	*buffers_max = 0;
	return false;
}

bool port_class_read(uint16_t class, struct shaper_counters *out)
{
	return false;
}

bool port_link(uint16_t id, uint32_t *speed_mbps)
{
	*speed_mbps = 10000;
	return fakes.link;
}

bool port_link_gone(uint16_t id)
{
	return fakes.gone;
}

uint32_t port_link_ifindex(uint16_t id)
{
	return fakes.interface_mtu != 0 ? 1 : 0; /* lo, which any namespace has */
}

uint32_t port_link_mtu(uint16_t id)
{
	return fakes.interface_mtu;
}

const char *port_veth_warning(uint16_t id, uint32_t ifindex)
{
	return "";
}

void port_veth_forget(uint16_t id)
{
}

const char *port_name(uint16_t id)
{
	return "port";
}

/* box */
void box_drops_read(uint64_t *drops)
{
	drops[DROP_RUNT] = 5;
}

void box_counters_read(struct box_counters *out)
{
	out->punted = 4;
}

uint32_t box_stages_read(uint32_t worker, struct stage_sample *out, uint32_t max)
{
	out[0] = (struct stage_sample){"parse", 100, 1500};
	return 1;
}

void box_worker_read(uint32_t worker, struct worker_counters *out)
{
	out->loops = 1;
}

uint32_t box_workers(void)
{
	return 1;
}

/* trace */
int trace_arm(const struct trace_filter *filter, uint32_t count)
{
	if (fakes.trace_armed)
		return -EBUSY;
	fakes.trace_armed = true;
	return 0;
}

uint32_t trace_drain(void (*fn)(const struct trace_record *record, void *arg), void *arg)
{
	struct trace_record record = {
		.length = 60, .snap_len = 2, .snap = {0xab, 0xcd}, .steps = 1};

	record.step[0].stage = "parse";
	strcpy(record.step[0].text, "ok");
	if (fakes.trace_records == 0)
		return 1;
	while (fakes.trace_records > 0) {
		fakes.trace_records--;
		fn(&record, arg);
	}
	return 0;
}

void trace_disarm(void)
{
	fakes.trace_armed = false;
}

void fakes_port_reset(void)
{
	memset(ports, 0, sizeof(ports));
}
