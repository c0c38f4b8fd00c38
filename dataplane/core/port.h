/* SPDX-License-Identifier: BSD-3-Clause */
/* Ports: ethdevs opened by devargs, their queues, and the kernel twin. Configuration from the main
 * thread only; workers read `port_hot[]`. Twins are ports of their own with ids from LIMIT_PORTS
 * up. */
#ifndef CORE_PORT_H
#define CORE_PORT_H

#include <net/if.h>
#include <rte_common.h>
#include <rte_ether.h>
#include <stdbool.h>
#include <stdint.h>

#include "counters.h"
#include "errors.h"
#include "types.h"

#define PORT_MAX  (2 * LIMIT_PORTS) /* 0..63 ports, 64..127 their twins (id + LIMIT_PORTS) */
#define PORT_NONE 0xffff

struct rte_mempool;
struct shaper;

/* Read by workers per burst or per packet; written by main while the port is not published, or one
 * field at a time. */
struct port_hot {
	/* line 0: read per burst */
	uint16_t ethdev; /* DPDK's id */
	uint16_t mtu;	 /* of the IP packet, the interface's below when that is less */
	uint16_t twin;	 /* PORT_NONE without tap */
	uint16_t rx_queues;
	uint16_t tx_queues;
	bool live; /* opened and published */
	bool is_twin;
	bool underlay;	      /* has an address or a tap: untagged traffic may be for this box */
	bool multi_seg;	      /* transmits chained buffers */
	bool promiscuous;     /* takes frames for other stations */
	uint16_t untagged;    /* attachment id, 0 = none */
	uint16_t attachments; /* how many, tagged ones included */
	struct rte_ether_addr mac;
	uint16_t shaper_worker; /* who serves it */
	uint16_t *vlan;		/* [4096] → attachment id, 0 = none */
	struct rte_mempool *pool;
	struct shaper *shaper; /* NULL: never shaped; main: release store, workers: acquire load */
} __rte_cache_aligned;
_Static_assert(sizeof(struct port_hot) == 64, "a line");

extern struct port_hot port_hot[PORT_MAX];

int port_init(uint32_t workers);
/* Closes all ports. Their buffers stay until port_free_pools(), since workers may hold some. */
void port_fini(void);
/* After the workers stopped and the pipeline gave back what it held. */
void port_free_pools(void);

/* Opens and starts the device but publishes nothing. `*id` is the port's. On failure: -1 with err
 * filled (path is the field's name only) and nothing left behind. Undo: port_close. */
int port_open(const struct api_port *cfg, uint16_t *id, struct rpc_error *err);

/* What of port_open() can be told beforehand, and nothing is done: names, interfaces of the kernel,
 * sizes, queues. Whether the device is another port's is the caller's to know. tap_there: the
 * interface of that name is a twin's that goes first; so many more devices are open by then, twins
 * included. 0, or -1 with err. */
int port_open_check(const struct api_port *cfg, bool tap_there, int more, struct rpc_error *err);

/* What a changed object may change while open: its rate, and mtu and mac where the device can. 0 or
 * -1 with err; on error nothing changed. */
int port_change(uint16_t id, const struct api_port *cfg, struct rpc_error *err);
/* What of it can be told beforehand; nothing is done. */
int port_change_check(uint16_t id, const struct api_port *cfg, struct rpc_error *err);

/* The interface below takes no more than port_link_mtu() now: the workers are told the lesser of
 * that and the port's own. True when that is another than before, and pipelines have to look. */
bool port_bound(uint16_t id);

/* Where a port's interface has vanished (port_link_gone()) and is there again by name: opens its
 * device anew, under the same id, with its attachments, addresses, shaper, counters and tap. False:
 * it is not there. 0 of *rc: the port is published; -1 with err: it stays gone, and may be tried
 * again. */
bool port_reopen(uint16_t id, const struct api_port *cfg, int *rc, struct rpc_error *err);

/* Lets go of its device and its twin, so that another port can have them; it is as one whose
 * interface has vanished, until port_reopen() or port_close(). Waits a grace period. */
void port_suspend(uint16_t id);

/* Where others have deleted or renamed a port's twin (port_link_twin()): it has its name again, or
 * is made anew, but for its addresses. 0, or -1 with err: it may be tried again. */
int port_twin_again(uint16_t id, const struct api_port *cfg, struct rpc_error *err);

/* Makes the workers poll it. Cannot fail. */
void port_publish(uint16_t id);

/* Frames of that VLAN (0: untagged) are an attachment's from now on, or no more: an interface that
 * the kernel uses, too, has the others. */
void port_take(uint16_t id, uint16_t vlan, bool take);

/* Looks after what stands between its interface and its device, an XDP program, and puts that back
 * where it can; to be called a few times a second. As port_xdp_look(). */
void port_look(uint16_t id, bool *lost, bool *back);
/* "", or why nothing comes in by it though its link is up, and what is to be done. */
const char *port_fault(uint16_t id);

/* Takes it from the workers (waits a grace period), closes the device and its twin. Works on an
 * unpublished port too. */
void port_close(uint16_t id);

/* Name of the kernel interface of the port's tap, NULL without one. */
const char *port_tap_name(uint16_t id);

/* Adds or removes an address on the kernel twin by netlink. 0 (also when there is no tap) or
 * -errno. */
int port_tap_address(uint16_t id, const struct api_ip *prefix, bool add, bool *ours);

void port_counters_read(uint16_t id, struct port_counters *out);

/* What a port's shaper did and holds, and the most it may hold; false when it never had one. */
bool port_shaper_read(uint16_t id, struct shaper_counters *out, uint32_t *buffers_max);
/* What the shapers of all ports did for one class; false when there are none. */
bool port_class_read(uint16_t class, struct shaper_counters *out);

/* Link up, and at what speed (0: down, or it does not say)? As last seen (port_link.h). */
bool port_link(uint16_t id, uint32_t *speed_mbps);

/* Name by which the port was opened. */
const char *port_name(uint16_t id);

#endif
