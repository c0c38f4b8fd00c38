/* SPDX-License-Identifier: BSD-3-Clause */
/* Ports and their kernel twins. Owns port_hot[] and the devices; main thread only, but for
 * port_hot[], which workers read. */
#include "port.h"

#include <errno.h>
#include <rte_ethdev.h>
#include <rte_malloc.h>
#include <stdio.h>
#include <string.h>

#include "port_device.h"
#include "port_link.h"
#include "port_packet.h"
#include "port_shape.h"
#include "port_xdp.h"
#include "rcu.h"
#include "shaper.h"
#include "tap.h"
#include "worker.h"
#include "xdp_filter.h"

#define TWIN_MTU_MAX                                                                               \
	1500 /* of net_tap, whose transmit refuses more; the kernel is told, so that TCP to it     \
		keeps to that */
#define TWIN_MTU_MIN 1280 /* with less the kernel takes the twin's IPv6 away */

struct port_hot port_hot[PORT_MAX];

/* What only the main thread needs of a port. */
struct port {
	bool used;
	char name[LIMIT_NAME + 1];
	uint16_t mtu; /* as it was put; the workers' may be less (port_bound()) */
	struct device dev;
	uint64_t missed_before;	       /* the device's own losses when it was opened */
	struct rte_ether_addr own_mac; /* the device's, before a port's mac was put on it */
};

static struct port ports[PORT_MAX];
static uint32_t port_workers;

int port_init(uint32_t worker_total)
{
	port_workers = worker_total;
	memset(port_hot, 0, sizeof(port_hot));
	memset(ports, 0, sizeof(ports));
	return shaper_init();
}

void port_fini(void)
{
	for (uint16_t p = 0; p < LIMIT_PORTS; p++)
		if (ports[p].used)
			port_close(p);
	xdp_filter_fini();
}

void port_free_pools(void)
{
	shaper_fini();
	device_pools_free();
}

static uint64_t device_missed(const struct device *dev)
{
	struct rte_eth_stats stats;

	if (rte_eth_stats_get(dev->ethdev, &stats) != 0)
		return 0;
	return stats.imissed + stats.rx_nombuf + stats.ierrors + port_packet_missed(dev->packet);
}

static void counters_clear(uint16_t id)
{
	for (uint32_t i = 0; i < worker_count; i++)
		memset(&workers[i]->port[id], 0, sizeof(workers[i]->port[id]));
}

/* Fills one slot of both arrays from an opened device. */
static int port_fill(uint16_t id, const char *name, const struct device *dev,
	const struct rte_ether_addr *mac, uint32_t mtu)
{
	struct port_hot *ph = &port_hot[id];
	uint16_t *vlan = rte_zmalloc("vlans", 4096 * sizeof(uint16_t), RTE_CACHE_LINE_SIZE);

	if (vlan == NULL)
		return -ENOMEM;
	*ph = (struct port_hot){
		.ethdev = dev->ethdev,
		.mtu = mtu,
		.twin = PORT_NONE,
		.rx_queues = dev->rx_queues,
		.tx_queues = dev->tx_queues,
		.multi_seg = dev->multi_seg,
		.is_twin = id >= LIMIT_PORTS,
		.vlan = vlan,
		.pool = dev->pool,
	};
	ports[id] = (struct port){
		.used = true, .mtu = mtu, .dev = *dev, .missed_before = device_missed(dev)};
	rte_eth_macaddr_get(dev->ethdev, &ports[id].own_mac);
	ph->mac = rte_is_zero_ether_addr(mac) ? ports[id].own_mac : *mac;
	if (!ph->is_twin && !rte_is_zero_ether_addr(mac))
		rte_eth_dev_default_mac_addr_set(
			dev->ethdev, &ph->mac); /* promiscuous anyway where it cannot */
	snprintf(ports[id].name, sizeof(ports[id].name), "%s", name);
	return 0;
}

static void port_clear(uint16_t id)
{
	rte_free(port_hot[id].vlan);
	memset(&port_hot[id], 0, sizeof(port_hot[id]));
	memset(&ports[id], 0, sizeof(ports[id]));
}

/* there: an interface of this name is. */
static int check_twin(const struct api_port *cfg, bool there, struct rpc_error *err)
{
	bool fits = strlen(cfg->name) < IFNAMSIZ;

	if (fits && !there)
		return 0;
	snprintf(err->path, sizeof(err->path), "tap");
	snprintf(err->want, sizeof(err->want),
		"a port name of 1 to 15 characters that no interface has");
	snprintf(err->got, sizeof(err->got), "%s", cfg->name);
	if (fits)
		snprintf(err->with, sizeof(err->with), "interface %s", cfg->name);
	return rpc_fail(err, fits ? RPC_ERR_CONFLICT : RPC_ERR_PARAMS,
		"port %s: its tap would take the port's name, and cannot", cfg->name);
}

static int twin_open(uint16_t id, const struct api_port *cfg, struct rpc_error *err)
{
	struct port_hot *ph = &port_hot[id];
	char devargs[LIMIT_DEVICE];
	struct device dev;

	if (check_twin(cfg, if_nametoindex(cfg->name) != 0, err) != 0)
		return -1;
	/* by number: the driver refuses a device's name of 23 characters and more */
	snprintf(devargs, sizeof(devargs), "net_tap_twin%u,iface=%s,mac=" RTE_ETHER_ADDR_PRT_FMT,
		id, cfg->name, RTE_ETHER_ADDR_BYTES(&ph->mac));
	struct device_request req = {.devargs = devargs,
		.port = cfg->name,
		.queues = 1,
		.workers = port_workers,
		.mtu = RTE_MIN(ph->mtu, TWIN_MTU_MAX),
		.pool = ph->pool};

	if (device_open(&req, &dev, err) != 0) {
		snprintf(err->path, sizeof(err->path), "tap");
		return -1;
	}
	if (port_fill(id + LIMIT_PORTS, cfg->name, &dev, &ph->mac, req.mtu) != 0) {
		device_close(&dev);
		return rpc_fail(err, RPC_ERR_INTERNAL, "port %s: out of memory", cfg->name);
	}
	ph->twin = id + LIMIT_PORTS;
	ph->underlay = true;
	port_hot[ph->twin].twin = id;
	tap_up(cfg->name);
	return 0;
}

static struct device_request request_of(const struct api_port *cfg)
{
	return (struct device_request){.devargs = cfg->device,
		.port = cfg->name,
		.queues = cfg->queues,
		.workers = port_workers,
		.mtu = cfg->mtu != 0 ? cfg->mtu : 1500,
		.mbufs = cfg->mbufs};
}

int port_open_check(const struct api_port *cfg, bool tap_there, int more, struct rpc_error *err)
{
	struct device_request req = request_of(cfg);

	if (port_xdp_check(cfg, err) != 0 || device_check_open(&req, more + cfg->tap, err) != 0)
		return -1;
	return cfg->tap ? check_twin(cfg, !tap_there && if_nametoindex(cfg->name) != 0, err) : 0;
}

int port_open(const struct api_port *cfg, uint16_t *id, struct rpc_error *err)
{
	struct rte_ether_addr mac;
	struct device dev;
	uint16_t p = 0;

	while (p < LIMIT_PORTS && ports[p].used)
		p++;
	if (p == LIMIT_PORTS) {
		err->limit = LIMIT_PORTS;
		return rpc_fail(err, RPC_ERR_CAPACITY, "no more than %d ports", LIMIT_PORTS);
	}
	struct device_request req = request_of(cfg);

	if (port_xdp_check(cfg, err) != 0 || device_open(&req, &dev, err) != 0)
		return -1;
	counters_clear(p);
	counters_clear(p + LIMIT_PORTS);
	memcpy(&mac, &cfg->mac, sizeof(mac));
	if (port_fill(p, cfg->name, &dev, &mac, req.mtu) != 0) {
		device_close(&dev);
		return rpc_fail(err, RPC_ERR_INTERNAL, "port %s: out of memory", cfg->name);
	}
	if (cfg->tap && twin_open(p, cfg, err) != 0)
		goto err_device;
	if (port_shape(p, cfg, err) != 0)
		goto err_twin;
	port_shape_divide(); /* its pool may be the smallest */
	port_link_open(p, dev.ethdev, cfg->tap ? cfg->name : NULL);
	*id = p;
	return 0;

err_twin:
	if (cfg->tap) {
		device_close(&ports[p + LIMIT_PORTS].dev);
		port_clear(p + LIMIT_PORTS);
	}
err_device:
	device_close(&ports[p].dev);
	port_clear(p);
	return -1;
}

static void twin_set_mtu(uint16_t id)
{
	uint32_t mtu = RTE_MAX(
		RTE_MIN(port_hot[id].mtu, TWIN_MTU_MAX), RTE_MIN(ports[id].mtu, TWIN_MTU_MIN));
	uint16_t twin = port_hot[id].twin;
	struct rpc_error ignored = {0};

	if (twin == PORT_NONE)
		return;
	port_hot[twin].mtu = mtu;
	device_set_mtu(port_hot[twin].ethdev, NULL, mtu, &ignored);
}

/* What the pipelines hold frames to already, so that a lower bound costs no packet anything. Below
 * MTU_MIN they could not put their headers, so that is the least. */
bool port_bound(uint16_t id)
{
	struct port_hot *ph = &port_hot[id];
	uint32_t below = port_link_mtu(id), mtu = ports[id].mtu;

	if (below != 0 && below < mtu)
		mtu = RTE_MAX(below, (uint32_t)MTU_MIN);
	if (!ports[id].used || ph->mtu == mtu)
		return false;
	ph->mtu = mtu;
	twin_set_mtu(id);
	return true;
}

int port_change_check(uint16_t id, const struct api_port *cfg, struct rpc_error *err)
{
	struct port_hot *ph = &port_hot[id];
	uint32_t mtu = cfg->mtu != 0 ? cfg->mtu : 1500;
	uint32_t around =
		64 + RTE_PKTMBUF_HEADROOM + (port_xdp_is(cfg->device) ? PORT_XDP_HEADROOM : 0);

	if (port_xdp_check(cfg, err) != 0)
		return -1;
	if (mtu != ports[id].mtu && mtu + around > rte_pktmbuf_data_room_size(ph->pool)) {
		snprintf(err->path, sizeof(err->path), "mtu");
		snprintf(err->want, sizeof(err->want), "at most %u",
			rte_pktmbuf_data_room_size(ph->pool) - around);
		snprintf(err->got, sizeof(err->got), "%u", mtu);
		snprintf(err->with, sizeof(err->with), "port %s", cfg->name);
		return rpc_fail(err, RPC_ERR_CONFLICT,
			"port %s: its buffers are too small for that mtu; delete it and put it "
			"again",
			cfg->name);
	}
	return mtu != ports[id].mtu ? device_check_mtu(cfg->device, mtu, err) : 0;
}

int port_change(uint16_t id, const struct api_port *cfg, struct rpc_error *err)
{
	struct port_hot *ph = &port_hot[id];
	uint32_t mtu = cfg->mtu != 0 ? cfg->mtu : 1500;

	if (port_change_check(id, cfg, err) != 0)
		return -1;
	if (mtu != ports[id].mtu && device_set_mtu(ph->ethdev, cfg->device, mtu, err) != 0)
		return -1;
	if (port_shape(id, cfg, err) != 0)
		return -1;
	if (mtu != ports[id].mtu)
		port_link_ask(id); /* it may just have been raised */
	ports[id].mtu = mtu;
	if (!port_bound(id))
		twin_set_mtu(id);
	struct rte_ether_addr mac;

	memcpy(&mac, &cfg->mac, sizeof(mac));
	if (rte_is_zero_ether_addr(&mac))
		mac = ports[id].own_mac;
	if (!rte_is_same_ether_addr(&mac, &ph->mac))
		rte_eth_dev_default_mac_addr_set(ph->ethdev, &mac);
	ph->mac = mac;
	if (ph->twin != PORT_NONE) {
		rte_eth_dev_default_mac_addr_set(port_hot[ph->twin].ethdev, &mac);
		port_hot[ph->twin].mac = mac;
	}
	return 0;
}

/* Lets go of the device, but not of its pool: taps of attachments and the twin take buffers of it.
 * Until it is open again missed_before is what it had missed so far. */
static void device_let_go(uint16_t id)
{
	struct port *p = &ports[id];
	struct device dev = p->dev;

	port_hot[id].live = false;
	worker_assign_queues();
	if (worker_count > 1)
		worker_wait_turns(HANDOVER_TURNS);
	if (dev.ethdev == RTE_MAX_ETHPORTS)
		return; /* a try before has done it */
	p->missed_before = device_missed(&dev) - p->missed_before;
	dev.own_pool = false;
	device_close(&dev);
	p->dev = (struct device){.ethdev = RTE_MAX_ETHPORTS,
		.pool = p->dev.pool,
		.own_pool = true,
		.kept = p->dev.kept};
	port_hot[id].ethdev = RTE_MAX_ETHPORTS;
}

static void device_take(uint16_t id, const struct api_port *cfg, const struct device *dev)
{
	struct port_hot *ph = &port_hot[id];
	struct rte_ether_addr mac;

	ports[id].dev = *dev;
	ph->ethdev = dev->ethdev;
	ph->rx_queues = dev->rx_queues;
	ph->tx_queues = dev->tx_queues;
	ph->multi_seg = dev->multi_seg;
	ph->pool = dev->pool;
	rte_eth_macaddr_get(dev->ethdev, &ports[id].own_mac);
	memcpy(&mac, &cfg->mac, sizeof(mac));
	if (rte_is_zero_ether_addr(&mac))
		mac = ports[id].own_mac;
	else
		rte_eth_dev_default_mac_addr_set(dev->ethdev, &mac);
	if (ph->twin != PORT_NONE && !rte_is_same_ether_addr(&mac, &ph->mac)) {
		rte_eth_dev_default_mac_addr_set(port_hot[ph->twin].ethdev, &mac);
		port_hot[ph->twin].mac = mac;
	}
	ph->mac = mac;
	for (uint32_t vlan = 0; vlan < 4096; vlan++)
		if (vlan != 0 ? ph->vlan[vlan] != 0 : ph->untagged != 0)
			port_take(id, vlan, true);
}

bool port_reopen(uint16_t id, const struct api_port *cfg, int *rc, struct rpc_error *err)
{
	struct rte_mempool *pool = ports[id].dev.pool;
	uint32_t kept = ports[id].dev.kept;
	bool xdp = port_xdp_is(
		cfg->device); /* whose pool the kernel fills: of no other socket before */
	struct device_request req = {.devargs = cfg->device,
		.port = cfg->name,
		.queues = cfg->queues,
		.workers = port_workers,
		.mtu = ports[id].mtu,
		.mbufs = cfg->mbufs,
		.pool = xdp ? NULL : pool};
	struct device dev;
	uint64_t missed;

	if (!device_interface_there(cfg->device))
		return false;
	device_let_go(id);
	missed = ports[id].missed_before;
	*rc = device_open(&req, &dev, err);
	if (*rc != 0)
		return true;
	if (xdp)
		device_pool_give(pool, kept);
	dev.own_pool = true;
	device_take(id, cfg, &dev);
	ports[id].missed_before = device_missed(&dev) - missed;
	port_shape_divide();
	port_link_open(id, dev.ethdev, NULL);
	port_publish(id);
	return true;
}

/* What is on its way to the twin is dropped as port_gone, and what comes meanwhile as no_tap.
 * Returns what it missed. */
static uint64_t twin_let_go(uint16_t id)
{
	uint16_t twin = port_hot[id].twin;
	uint64_t missed;

	if (twin == PORT_NONE)
		return 0; /* a try before has done it */
	port_hot[twin].live = false;
	port_hot[id].twin = PORT_NONE;
	worker_assign_queues();
	if (worker_count > 1)
		worker_wait_turns(HANDOVER_TURNS);
	missed = device_missed(&ports[twin].dev) - ports[twin].missed_before;
	device_close(&ports[twin].dev);
	port_clear(twin);
	return missed;
}

void port_suspend(uint16_t id)
{
	twin_let_go(id);
	device_let_go(id);
	port_link_vanish(id);
}

int port_twin_again(uint16_t id, const struct api_port *cfg, struct rpc_error *err)
{
	uint16_t twin = id + LIMIT_PORTS;
	uint64_t missed;

	/* with all that the kernel has on it */
	if (port_link_twin(id) == PORT_TWIN_RENAMED &&
		link_rename(port_link_twin_index(id), cfg->name) == 0) {
		port_link_twin_open(id, cfg->name);
		return 0;
	}
	if (check_twin(cfg, if_nametoindex(cfg->name) != 0, err) != 0)
		return -1;
	missed = twin_let_go(id);
	if (twin_open(id, cfg, err) != 0)
		return -1;
	ports[twin].missed_before -= missed;
	twin_set_mtu(id);
	port_link_twin_open(id, cfg->name);
	port_hot[twin].live = true; /* the port itself may be gone */
	worker_assign_queues();
	return 0;
}

void port_publish(uint16_t id)
{
	port_hot[id].live = true;
	if (port_hot[id].twin != PORT_NONE)
		port_hot[port_hot[id].twin].live = true;
	worker_assign_queues();
}

void port_take(uint16_t id, uint16_t vlan, bool take)
{
	port_xdp_take(ports[id].dev.xdp, vlan, take);
}

void port_look(uint16_t id, bool *lost, bool *back)
{
	port_xdp_look(ports[id].dev.xdp, lost, back);
}

const char *port_fault(uint16_t id)
{
	return port_xdp_fault(ports[id].dev.xdp);
}

void port_close(uint16_t id)
{
	uint16_t twin = port_hot[id].twin;

	port_link_close(id);
	port_hot[id].live = false;
	if (twin != PORT_NONE)
		port_hot[twin].live = false;
	worker_assign_queues();
	/* frames for it may still stand in hand-over rings, and its id may soon be another's */
	if (worker_count > 1)
		worker_wait_turns(HANDOVER_TURNS);
	if (twin != PORT_NONE) {
		device_close(&ports[twin].dev);
		port_clear(twin);
	}
	port_shape_close(id);
	device_close(&ports[id].dev);
	port_clear(id);
	port_shape_divide();
}

const char *port_tap_name(uint16_t id)
{
	return port_hot[id].twin != PORT_NONE ? ports[id].name : NULL;
}

int port_tap_address(uint16_t id, const struct api_ip *prefix, bool add, bool *ours)
{
	const char *tap = port_tap_name(id);

	return tap != NULL ? tap_address(tap, prefix, add, ours) : 0;
}

void port_counters_read(uint16_t id, struct port_counters *out)
{
	uint64_t *sum = (uint64_t *)out;

	memset(out, 0, sizeof(*out));
	if (!ports[id].used)
		return;
	for (uint32_t i = 0; i < worker_count; i++) {
		const uint64_t *one = (const uint64_t *)&workers[i]->port[id];

		for (uint32_t c = 0; c < sizeof(*out) / sizeof(uint64_t); c++)
			sum[c] += __atomic_load_n(&one[c], __ATOMIC_RELAXED);
	}
	out->rx_missed = ports[id].dev.ethdev == RTE_MAX_ETHPORTS
				 ? ports[id].missed_before
				 : device_missed(&ports[id].dev) - ports[id].missed_before;
}

bool port_link(uint16_t id, uint32_t *speed_mbps)
{
	struct rte_eth_link link = {0};

	*speed_mbps = 0;
	if (!ports[id].used)
		return false;
	if (port_link_up(id) && rte_eth_link_get_nowait(ports[id].dev.ethdev, &link) == 0 &&
		link.link_speed != RTE_ETH_SPEED_NUM_UNKNOWN)
		*speed_mbps = link.link_speed;
	return port_link_up(id);
}

const char *port_name(uint16_t id)
{
	return id < PORT_MAX && ports[id].used ? ports[id].name : "?";
}
