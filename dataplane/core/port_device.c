/* SPDX-License-Identifier: BSD-3-Clause */
/* One ethdev from devargs to started, and back. Main thread only. Owns the device and its pool. */
#include "heap.h"
#include "port_device.h"

#include <errno.h>
#include <net/if.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_mbuf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bounds.h"
#include "port_packet.h"
#include "port_xdp.h"
#include "tap.h"

#define AF_PACKET_FRAME	   2048u /* its framesz unless told otherwise */
#define AF_PACKET_OVERHEAD 100u	 /* of that, the kernel's own */

#define RX_DESC 1024
#define TX_DESC 1024
/* how often a device whose queues the kernel has not given back yet is tried again, and after how
 * long */
#define BUSY_TRIES    25
#define BUSY_PAUSE_US 4000

static int fail(struct rpc_error *err, const struct device_request *req, int rc, const char *what)
{
	rpc_fail(err, RPC_ERR_INTERNAL, "port %s: %s: %s", req->port, what, strerror(abs(rc)));
	snprintf(err->path, sizeof(err->path), "device");
	snprintf(err->got, sizeof(err->got), "%.150s", req->devargs);
	return -1;
}

/* "net_null0,no-rx=1" → "net_null0" */
static void device_name(const char *devargs, char *name, size_t size)
{
	snprintf(name, size, "%.*s", (int)strcspn(devargs, ","), devargs);
}

/* Bytes of a frame the device itself may hand over: af_packet wants its whole frame to fit a
 * buffer. */
static uint32_t device_room(const char *devargs)
{
	const char *framesz = strstr(devargs, "framesz=");

	if (port_xdp_is(devargs))
		return 2048 + PORT_XDP_HEADROOM;
	return framesz != NULL ? RTE_MIN(strtoul(framesz + 8, NULL, 10), 32768ul) : 2048;
}

bool device_interface_there(const char *devargs)
{
	const char *iface = strstr(devargs, "iface=");
	char name[IFNAMSIZ];

	if (strncmp(devargs, "net_af_", 7) != 0 || iface == NULL)
		return false;
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(iface + 6, ","), iface + 6);
	return if_nametoindex(name) != 0;
}

/* Mistakes that a device would only answer with "failed": said before it is asked. */
static int check_devargs(const struct device_request *req, struct rpc_error *err)
{
	const char *iface = strstr(req->devargs, "iface=");
	char name[IFNAMSIZ];

	snprintf(err->path, sizeof(err->path), "device");
	if (strncmp(req->devargs, "net_af_", 7) == 0) {
		if (iface == NULL)
			return rpc_fail(
				err, RPC_ERR_PARAMS, "port %s: the device needs iface=", req->port);
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(iface + 6, ","), iface + 6);
		if (if_nametoindex(name) == 0) {
			snprintf(err->want, sizeof(err->want),
				"an interface of this network namespace");
			snprintf(err->got, sizeof(err->got), "%s", name);
			return rpc_fail(err, RPC_ERR_PARAMS,
				"port %s: there is no interface %s here", req->port, name);
		}
	}
	/* the driver would lose larger frames without a count */
	uint32_t room = device_room(req->devargs);

	if (strncmp(req->devargs, "net_af_packet", 13) == 0 && room < req->mtu + 100) {
		snprintf(err->want, sizeof(err->want),
			"framesz=16384,blocksz=65536 or more for mtu %u", req->mtu);
		snprintf(err->got, sizeof(err->got), "frames of %u bytes", room);
		return rpc_fail(err, RPC_ERR_PARAMS,
			"port %s: packets of its mtu do not fit the device's frames", req->port);
	}
	err->path[0] = '\0';
	return 0;
}

/* Is there room for one more than `count` devices? */
static int check_count(const struct device_request *req, int count, struct rpc_error *err)
{
	if (count < RTE_MAX_ETHPORTS)
		return 0;
	snprintf(err->path, sizeof(err->path), "device");
	err->limit = RTE_MAX_ETHPORTS;
	return rpc_fail(err, RPC_ERR_CAPACITY,
		"port %s: this DPDK takes no more than %d devices, taps included", req->port,
		RTE_MAX_ETHPORTS);
}

static int fail_queues(const struct device_request *req, struct rpc_error *err)
{
	snprintf(err->path, sizeof(err->path), "queues");
	snprintf(err->got, sizeof(err->got), "%u", req->queues);
	return rpc_fail(err, RPC_ERR_PARAMS,
		"port %s: more queues than the device or the workers have", req->port);
}

int device_check_open(const struct device_request *req, int more, struct rpc_error *err)
{
	bool xdp = port_xdp_is(req->devargs);

	if (check_devargs(req, err) != 0 ||
		check_count(req, rte_eth_dev_count_total() + more, err) != 0 ||
		device_check_mtu(req->devargs, req->mtu, err) != 0 ||
		(xdp && port_xdp_check_open(req, err) != 0))
		return -1;
	if (xdp || req->queues <= req->workers)
		return 0;
	snprintf(err->want, sizeof(err->want), "1 to %u", req->workers);
	return fail_queues(req, err);
}

static int probe(const struct device_request *req, struct device *dev, struct rpc_error *err)
{
	char name[RTE_ETH_NAME_MAX_LEN], devargs[LIMIT_DEVICE + 32];
	uint16_t *ethdev = &dev->ethdev;

	device_name(req->devargs, name, sizeof(name));
	if (rte_eth_dev_get_port_by_name(name, ethdev) == 0) {
		snprintf(err->path, sizeof(err->path), "device");
		snprintf(err->with, sizeof(err->with), "device %s", name);
		return rpc_fail(err, RPC_ERR_CONFLICT, "port %s: device %s is open already",
			req->port, name);
	}
	if (check_devargs(req, err) != 0)
		return -1;
	if (check_count(req, rte_eth_dev_count_total(), err) != 0)
		return -1;
	snprintf(devargs, sizeof(devargs), "%s", req->devargs);
	if (port_xdp_is(devargs) &&
		port_xdp_open(req, devargs, sizeof(devargs), &dev->xdp, err) != 0)
		return -1;
	int rc = rte_dev_probe(devargs);

	if (rc != 0)
		return fail(err, req, rc,
			"the device could not be opened (the daemon's log says more)");
	if (rte_eth_dev_get_port_by_name(name, ethdev) != 0)
		return fail(err, req, ENODEV,
			"no network device came of it; is it bound to a DPDK driver?");
	return 0;
}

/* Every pool a device ever had. One that is not in use any more may still have buffers on their way
 * elsewhere. */
struct pool {
	struct rte_mempool *mp;
	uint32_t room;
	uint32_t kept; /* a device closed with so many, which are lost */
	bool used;
};

static struct pool pools[4 * LIMIT_PORTS];

static bool pool_is_whole(const struct pool *p)
{
	return rte_mempool_avail_count(p->mp) + p->kept == p->mp->size;
}

/* An idle pool of the same shape, whole or not; frees the other idle ones that are whole. */
static struct rte_mempool *pool_reuse(uint32_t n, uint32_t room)
{
	struct rte_mempool *found = NULL;

	for (uint32_t i = 0; i < RTE_DIM(pools); i++) {
		struct pool *p = &pools[i];

		if (p->mp == NULL || p->used)
			continue;
		if (found == NULL && p->mp->size == n && p->room == room && p->kept == 0) {
			p->used = true;
			found = p->mp;
		} else if (pool_is_whole(p)) {
			rte_mempool_free(p->mp);
			p->mp = NULL;
		}
	}
	return found;
}

static struct rte_mempool *pool_take(uint32_t n, uint32_t room)
{
	static unsigned serial;
	struct rte_mempool *mp = pool_reuse(n, room);
	char name[RTE_MEMZONE_NAMESIZE];
	uint32_t i = 0;

	if (mp != NULL)
		return mp;
	while (i < RTE_DIM(pools) && pools[i].mp != NULL)
		i++;
	if (i == RTE_DIM(pools))
		return NULL;
	snprintf(name, sizeof(name), "mbufs_%u", serial++);
	/* a cache may hold no more than two thirds of the pool */
	mp = rte_pktmbuf_pool_create(name, n, RTE_MIN(256u, n / 2), 0, room, SOCKET_ID_ANY);
	if (mp != NULL)
		pools[i] = (struct pool){.mp = mp, .room = room, .used = true};
	return mp;
}

static void pool_give(struct rte_mempool *mp, uint32_t kept)
{
	for (uint32_t i = 0; i < RTE_DIM(pools); i++)
		if (mp != NULL && pools[i].mp == mp) {
			pools[i].used = false;
			pools[i].kept = kept;
		}
}

void device_pool_give(struct rte_mempool *pool, uint32_t kept)
{
	pool_give(pool, kept);
}

void device_pools_free(void)
{
	for (uint32_t i = 0; i < RTE_DIM(pools); i++) {
		heap_pool_free(pools[i].mp);
		pools[i] = (struct pool){0};
	}
}

static int make_pool(const struct device_request *req, struct device *dev, struct rpc_error *err)
{
	uint32_t frame = RTE_ALIGN(req->mtu + 64, 64);
	uint32_t room;

	if (port_xdp_is(req->devargs))
		frame += PORT_XDP_HEADROOM;
	room = RTE_PKTMBUF_HEADROOM + RTE_MAX(device_room(req->devargs), frame);
	uint32_t n =
		req->mbufs != 0 ? req->mbufs : 4096 + 2048u * (dev->rx_queues + dev->tx_queues);

	dev->pool = req->pool;
	dev->own_pool = req->pool == NULL;
	if (!dev->own_pool)
		return 0;
	dev->pool = pool_take(n, room);
	if (dev->pool != NULL)
		return 0;
	rpc_fail(err, RPC_ERR_CAPACITY,
		"port %s: no memory for %u buffers of %u bytes; start with more --memory, or fewer "
		"mbufs",
		req->port, n, room);
	snprintf(err->path, sizeof(err->path), "mbufs");
	err->limit = 0;
	return -1;
}

static int pick_queues(const struct device_request *req, const struct rte_eth_dev_info *info,
	struct device *dev, struct rpc_error *err)
{
	uint32_t most = RTE_MIN(info->max_rx_queues, info->max_tx_queues);

	if (dev->xdp != NULL) {
		/* the kernel spreads over all of the interface's queues, whoever reads them */
		dev->rx_queues = dev->tx_queues = most;
		if (req->queues == 0 || req->queues == most)
			return 0;
	}
	if (dev->xdp != NULL || req->queues > most ||
		(req->queues > req->workers && req->queues != 0)) {
		if (dev->xdp != NULL)
			snprintf(err->want, sizeof(err->want),
				"%u, as the interface has: ethtool -L", most);
		else
			snprintf(err->want, sizeof(err->want), "1 to %u",
				RTE_MIN(most, req->workers));
		return fail_queues(req, err);
	}
	uint32_t want = req->queues != 0 ? req->queues : req->workers;

	dev->rx_queues = RTE_MAX(1u, RTE_MIN(want, (uint32_t)info->max_rx_queues));
	dev->tx_queues = RTE_MAX(1u, RTE_MIN(want, (uint32_t)info->max_tx_queues));
	return 0;
}

static int configure(const struct device_request *req, struct device *dev, struct rpc_error *err)
{
	struct rte_eth_dev_info info;
	struct rte_eth_conf conf = {0};
	uint16_t rx_desc = RX_DESC, tx_desc = TX_DESC;
	int rc = rte_eth_dev_info_get(dev->ethdev, &info);

	if (rc != 0)
		return fail(err, req, rc, "asking the device what it can");
	if (pick_queues(req, &info, dev, err) != 0)
		return -1;
	if (dev->rx_queues > 1 && info.flow_type_rss_offloads != 0) {
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf.rx_adv_conf.rss_conf.rss_hf =
			info.flow_type_rss_offloads &
			(RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_TCP);
	}
	conf.txmode.offloads = info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	dev->multi_seg = conf.txmode.offloads != 0;
	rc = rte_eth_dev_configure(dev->ethdev, dev->rx_queues, dev->tx_queues, &conf);
	if (rc == 0)
		rc = rte_eth_dev_adjust_nb_rx_tx_desc(dev->ethdev, &rx_desc, &tx_desc);
	if (rc != 0)
		return fail(err, req, rc, "configuring its queues");
	if (make_pool(req, dev, err) != 0)
		return -1;
	for (uint16_t q = 0; rc == 0 && q < dev->rx_queues; q++)
		rc = rte_eth_rx_queue_setup(
			dev->ethdev, q, rx_desc, SOCKET_ID_ANY, NULL, dev->pool);
	if (rc == -EINVAL && dev->xdp != NULL && dev->own_pool) {
		/* what the driver took for the kernel to fill is lost with a socket it cannot bind
		 */
		dev->kept = dev->pool->size - rte_mempool_avail_count(dev->pool);
		fail(err, req, rc,
			"opening its AF_XDP sockets (has another program a queue of it?)");
		return -EAGAIN;
	}
	for (uint16_t q = 0; rc == 0 && q < dev->tx_queues; q++)
		rc = rte_eth_tx_queue_setup(dev->ethdev, q, tx_desc, SOCKET_ID_ANY, NULL);
	return rc == 0 ? 0 : fail(err, req, rc, "setting up its queues (enough mbufs?)");
}

static int open_packet(struct device *dev)
{
	struct rte_eth_dev_info info;

	if (rte_eth_dev_info_get(dev->ethdev, &info) != 0 ||
		strcmp(info.driver_name, "net_af_packet") != 0)
		return 0;
	dev->packet = port_packet_open(info.if_index);
	return dev->packet != NULL ? 0 : -ENOMEM;
}

/* 0; -EAGAIN with err: another try may do; -1 with err. */
static int open_once(const struct device_request *req, struct device *dev, struct rpc_error *err)
{
	int rc;

	*dev = (struct device){0};
	if (probe(req, dev, err) != 0) {
		port_xdp_close(dev->xdp);
		return -1;
	}
	rc = configure(req, dev, err);
	if (rc == 0)
		rc = device_set_mtu(dev->ethdev, req->devargs, req->mtu, err);
	if (rc != 0)
		goto err_close;
	rc = rte_eth_dev_start(dev->ethdev);

	if (rc != 0) {
		rc = fail(err, req, rc, "starting it");
		goto err_close;
	}
	dev->started = true;
	/* tenants' frames are for any MAC; what is not ours on an underlay port is dropped by name
	 */
	rte_eth_promiscuous_enable(dev->ethdev);
	rte_eth_allmulticast_enable(dev->ethdev);
	if (dev->xdp != NULL) {
		/* a pool of its own, and nothing has come yet: the kernel has the rest to fill */
		dev->kept = dev->pool->size - rte_mempool_avail_count(dev->pool);
		rc = port_xdp_opened(dev->xdp);
		if (rc != 0) {
			rc = fail(err, req, rc, "telling its XDP program what is the dataplane's");
			goto err_close;
		}
	}
	if (open_packet(dev) != 0) {
		rc = fail(err, req, -ENOMEM, "finding its sockets");
		goto err_close;
	}
	return 0;

err_close:
	device_close(dev);
	return rc;
}

/* The kernel gives the queue of a closed AF_XDP socket back later, in a work item
 * (xp_release_deferred()): until then bind() answers EBUSY, of which the driver makes EINVAL. A
 * port that is put just after it was deleted waits for that here. */
int device_open(const struct device_request *req, struct device *dev, struct rpc_error *err)
{
	int rc = open_once(req, dev, err);

	for (int try = 1; rc == -EAGAIN && try < BUSY_TRIES; try++) {
		usleep(BUSY_PAUSE_US);
		rc = open_once(req, dev, err);
	}
	return rc == 0 ? 0 : -1;
}

/* net_af_xdp takes back what the kernel has sent only when it is told to send. */
static void drain_sent(const struct device *dev)
{
	struct rte_mbuf *none = NULL;

	for (int i = 0; i < 10; i++) {
		for (uint16_t q = 0; q < dev->tx_queues; q++)
			rte_eth_tx_burst(dev->ethdev, q, &none, 0);
		if (rte_mempool_avail_count(dev->pool) + dev->kept >= dev->pool->size)
			return;
		usleep(1000);
	}
}

void device_close(struct device *dev)
{
	struct rte_eth_dev_info info = {0};

	if (dev->ethdev == RTE_MAX_ETHPORTS)
		goto pool;
	rte_eth_dev_info_get(dev->ethdev, &info);
	port_packet_close(dev->packet);
	/* af_packet puts this on the kernel's interface, where it would stay */
	rte_eth_promiscuous_disable(dev->ethdev);
	rte_eth_allmulticast_disable(dev->ethdev);
	if (dev->kept != 0 && dev->started)
		drain_sent(dev);
	rte_eth_dev_stop(dev->ethdev);
	rte_eth_dev_close(dev->ethdev);
	if (info.device != NULL)
		rte_dev_remove(info.device);
	port_xdp_close(dev->xdp);
pool:
	if (dev->own_pool)
		pool_give(dev->pool, dev->kept);
	*dev = (struct device){0};
}

/* ---- what it carries: its MTU, and that of the kernel's interface below it ---- */

static int fail_mtu(struct rpc_error *err, uint32_t mtu, const char *want)
{
	snprintf(err->path, sizeof(err->path), "mtu");
	snprintf(err->want, sizeof(err->want), "%s", want);
	snprintf(err->got, sizeof(err->got), "%u", mtu);
	return rpc_fail(err, RPC_ERR_CONFLICT, "mtu: want %s, got %u", want, mtu);
}

int device_check_mtu(const char *devargs, uint32_t mtu, struct rpc_error *err)
{
	const char *framesz = strstr(devargs, "framesz=");
	uint32_t frame = framesz != NULL ? strtoul(framesz + 8, NULL, 10) : AF_PACKET_FRAME;
	uint32_t most = frame - AF_PACKET_OVERHEAD - 18; /* Ethernet and a tag */
	char want[100];

	if (strncmp(devargs, "net_af_packet", 13) != 0 || mtu <= most)
		return 0;
	snprintf(want, sizeof(want),
		"at most %u, or larger frames in device: framesz=16384,blocksz=65536", most);
	return fail_mtu(err, mtu, want);
}

/* A socket on a kernel interface: what that does not carry would be lost without a count. Its MTU
 * is never lowered: it may be larger for others, and the pipelines hold to the port's. */
static int set_mtu_below(const struct rte_eth_dev_info *info, const char *devargs, uint32_t mtu,
	struct rpc_error *err)
{
	uint32_t has;
	char want[100];
	int rc;

	if (device_check_mtu(devargs, mtu, err) != 0)
		return -1;
	rc = link_mtu_raise(info->if_index, mtu, &has);
	if (rc != -EMSGSIZE)
		return 0;
	snprintf(want, sizeof(want),
		"at most %u, which is the MTU of the interface below and stays so", has);
	return fail_mtu(err, mtu, want);
}

int device_set_mtu(uint16_t ethdev, const char *devargs, uint32_t mtu, struct rpc_error *err)
{
	struct rte_eth_dev_info info = {0};

	if (devargs != NULL && rte_eth_dev_info_get(ethdev, &info) == 0 && info.if_index != 0 &&
		(strcmp(info.driver_name, "net_af_packet") == 0 ||
			strcmp(info.driver_name, "net_af_xdp") == 0))
		return set_mtu_below(&info, devargs, mtu, err);
	int rc = rte_eth_dev_set_mtu(ethdev, mtu);

	/* virtual devices mostly cannot, and need not: the pipelines hold to the port's mtu
	 * themselves */
	if (rc == 0 || rc == -ENOTSUP || rte_eth_dev_info_get(ethdev, &info) != 0 ||
		info.max_rx_pktlen < mtu + 18)
		return 0;
	return fail_mtu(err, mtu, "what the device takes");
}
