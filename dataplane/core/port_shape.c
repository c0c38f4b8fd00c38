/* SPDX-License-Identifier: BSD-3-Clause */
/* Which ports are shaped, at what rate, and how many buffers their shapers may hold. Main thread
 * only. Owns the shapers; a worker serves each (worker_tx.c). */
#include "port_shape.h"

#include <rte_cycles.h>
#include <rte_mempool.h>
#include <string.h>

#include "box.h"
#include "port.h"
#include "shaper.h"
#include "tsc.h"
#include "worker.h"

/* Frames wait in the buffers of the port they came by. Of the smallest pool all shapers together
 * may hold this part; receive and transmit rings and the workers' caches need the rest. */
#define HELD_PART    4
#define HELD_MIN     64
#define FRAME_AROUND 18 /* Ethernet header and a VLAN tag around the packet */

static struct shaper_setting setting[LIMIT_PORTS];

int port_shape(uint16_t id, const struct api_port *cfg, struct rpc_error *err)
{
	struct port_hot *ph = &port_hot[id];
	struct shaper *s = ph->shaper;

	if (s == NULL && cfg->rate_bps == 0)
		return 0;
	if (s == NULL)
		s = shaper_new(tsc_now(), rte_get_tsc_hz());
	if (s == NULL) {
		snprintf(err->path, sizeof(err->path), "rate_bps");
		return rpc_fail(err, RPC_ERR_CAPACITY,
			"port %s: no memory for a shaper; start with more --memory", cfg->name);
	}
	setting[id] = (struct shaper_setting){.rate_bps = cfg->rate_bps,
		.overhead = cfg->rate_overhead_bytes,
		.frame_max = (cfg->mtu != 0 ? cfg->mtu : 1500) + FRAME_AROUND,
		.buffers_max = HELD_MIN};
	shaper_set(s, &setting[id]);
	if (ph->shaper == NULL) {
		ph->shaper_worker = worker_queue_owner(id, ph->tx_queues, 0);
		/* release: pairs with the acquire in worker_tx_full() */
		__atomic_store_n(&ph->shaper, s, __ATOMIC_RELEASE);
		if (ph->live)
			worker_assign_queues();
	}
	port_shape_divide();
	return 0;
}

void port_shape_close(uint16_t id)
{
	struct shaper *s = port_hot[id].shaper;

	if (s == NULL)
		return;
	port_hot[id].shaper = NULL;
	box_drop(DROP_SHAPER_GONE, shaper_purge(s) + shaper_gone(s));
	shaper_free(s);
}

void port_shape_divide(void)
{
	uint32_t smallest = UINT32_MAX, shaped = 0;

	for (uint16_t p = 0; p < LIMIT_PORTS; p++) {
		if (port_hot[p].pool != NULL)
			smallest = RTE_MIN(smallest, port_hot[p].pool->size);
		shaped += port_hot[p].shaper != NULL && setting[p].rate_bps != 0;
	}
	for (uint16_t p = 0; p < LIMIT_PORTS; p++) {
		if (port_hot[p].shaper == NULL)
			continue;
		setting[p].buffers_max =
			RTE_MAX(smallest / HELD_PART / RTE_MAX(shaped, 1u), (uint32_t)HELD_MIN);
		shaper_set(port_hot[p].shaper, &setting[p]);
	}
}

bool port_shaper_read(uint16_t id, struct shaper_counters *out, uint32_t *buffers_max)
{
	const struct shaper *s = port_hot[id].shaper;

	if (s == NULL)
		return false;
	shaper_read(s, out);
	*buffers_max = shaper_buffers_max(s);
	return true;
}

bool port_class_read(uint16_t class, struct shaper_counters *out)
{
	bool any = false;

	*out = (struct shaper_counters){0};
	for (uint16_t p = 0; p < LIMIT_PORTS; p++) {
		struct shaper_counters one;

		if (port_hot[p].shaper == NULL)
			continue;
		any = true;
		shaper_class_read(port_hot[p].shaper, class, &one);
		out->sent_packets += one.sent_packets;
		out->sent_bytes += one.sent_bytes;
		out->dropped += one.dropped;
		out->queued_packets += one.queued_packets;
		out->queued_bytes += one.queued_bytes;
	}
	return any;
}
