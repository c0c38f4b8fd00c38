/* SPDX-License-Identifier: BSD-3-Clause */
/* Opening and closing one ethdev. Main thread only. */
#ifndef CORE_PORT_DEVICE_H
#define CORE_PORT_DEVICE_H

#include <rte_ethdev.h>

#include "errors.h"

struct port_packet;
struct port_xdp;
struct rte_mempool;

struct device_request {
	const char *devargs;
	const char *port; /* the port's name, for messages and for the pool */
	uint32_t queues;  /* 0 = as many as there are workers and the device takes */
	uint32_t workers;
	uint32_t mtu;
	uint32_t mbufs;		  /* 0 = by default */
	struct rte_mempool *pool; /* NULL: make one */
};

struct device {
	uint16_t ethdev; /* RTE_MAX_ETHPORTS: none now, its interface is gone */
	uint16_t rx_queues;
	uint16_t tx_queues;
	bool multi_seg;
	bool own_pool;
	struct rte_mempool *pool;
	uint32_t kept; /* buffers that the device never gives back */
	bool started;
	struct port_xdp *xdp;	    /* NULL: not net_af_xdp */
	struct port_packet *packet; /* NULL: not net_af_packet */
};

/* Probes, configures and starts. 0, or -1 with err filled and nothing left behind. Main thread. */
int device_open(const struct device_request *req, struct device *dev, struct rpc_error *err);
/* What of it can be told beforehand, with so many more devices open; nothing is done. 0, or -1 with
 * err. */
int device_check_open(const struct device_request *req, int more, struct rpc_error *err);
/* Is the interface of the kernel there that these devargs name (iface=)? False where they name
 * none. */
bool device_interface_there(const char *devargs);
/* Gives back the pool of a device that was closed with own_pool false. */
void device_pool_give(struct rte_mempool *pool, uint32_t kept);
/* Stops, closes and detaches. Other ports may still be sending buffers of its pool: that is freed,
 * or used again by a port of the same size, once they have all come back. */
void device_close(struct device *dev);
/* devargs: what it was opened with, NULL for a twin. An interface below it that carries
 * less is raised. 0 or -1 with err. */
int device_set_mtu(uint16_t ethdev, const char *devargs, uint32_t mtu, struct rpc_error *err);

/* What of it the devargs alone say. */
int device_check_mtu(const char *devargs, uint32_t mtu, struct rpc_error *err);

/* Frees the pools that are not in use; at the end. */
void device_pools_free(void);

#endif
