/* SPDX-License-Identifier: BSD-3-Clause */
/* To the kernel and from it: what no pipeline wants goes to the port's tap twin at a bounded
 * rate, and what the kernel sends there goes out of the port. */
#include "hot.h"
#include "shaper.h"
#include "punt.h"

void punt_run(struct worker *w, struct burst *b)
{
	uint16_t twin = port_hot[b->port].twin;
	struct bucket *k = &switch_of(w)->punt[b->port];
	uint64_t cap = rte_get_tsc_hz() / 10;

	for (uint32_t i = 0; i < b->punts; i++) {
		struct rte_mbuf *m = b->punt[i];

		if (twin == PORT_NONE) {
			worker_drop(w, b, m, DROP_NO_TAP);
		} else if (m->pkt_len > port_hot[twin].mtu + sizeof(struct rte_ether_hdr)) {
			worker_drop(w, b, m, DROP_PUNT_MTU);
		} else if (!bucket_take(k, w->now_tsc, cap, switch_of(w)->punt_cost)) {
			worker_drop(w, b, m, DROP_PUNT_RATE);
		} else {
			TRACE(b, m, STAGE_PUNT, "to the kernel by the tap of port {port %u}",
				b->port);
			w->box.punted++;
			worker_tx(w, twin, m);
		}
	}
	worker_stage_done(w, STAGE_PUNT, b->punts);
}

void kernel_out_run(struct worker *w, struct burst *b)
{
	uint16_t port = port_hot[b->port].twin;
	uint32_t max = port_hot[port].mtu + sizeof(struct rte_ether_hdr) + RTE_VLAN_HLEN;

	w->box.from_kernel += b->n;
	for (uint32_t i = 0; i < b->n; i++) {
		if (unlikely(b->pkt[i]->pkt_len > max)) {
			worker_drop(w, b, b->pkt[i], DROP_KERNEL_MTU);
			continue;
		}
		TRACE(b, b->pkt[i], STAGE_PUNT, "from the kernel, to port {port %u}", port);
		shaper_mark(b->pkt[i], MARK_BOX, 0);
		worker_tx(w, port, b->pkt[i]);
	}
	worker_stage_done(w, STAGE_PUNT, b->n);
}
