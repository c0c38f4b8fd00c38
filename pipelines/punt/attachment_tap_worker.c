/* SPDX-License-Identifier: BSD-3-Clause */
/* Taps of attachments, a worker's part: packets for the kernel into a ring to main, and what the
 * kernel sent out of its attachment (attachment_tap.h). Owns the two rings. */
#include "attachment_tap.h"

#include <stdio.h>

#include "host.h"

#define TAP_RING     4096 /* to the kernel: one slice's burst is a thousand */
#define TAP_IN_RING  1024
#define FRAMES_A_RUN BURST_MAX
#define RUNS_A_TICK  4

static bool tap_is_there(const struct odd_packet *odd)
{
	return !host_from_tunnel(odd) &&
	       __atomic_load_n(&tap_serial[DOOR_ID(odd->door)], __ATOMIC_RELAXED) != 0;
}

static void tap_take(struct worker *w, struct burst *b, const struct odd_packet *odd)
{
	uint16_t attachment = DOOR_ID(odd->door);
	struct tap_frame frame = {.m = odd->m,
		.serial = __atomic_load_n(&tap_serial[attachment], __ATOMIC_RELAXED),
		.attachment = attachment};

	if (!host_may(w, odd->slice, RATE_TAP)) {
		host_drop(w, b, odd, DROP_TAP_RATE);
		return;
	}
	TRACE(b, odd->m, STAGE_PUNT, "to the kernel by the tap of attachment {attachment %u}",
		attachment);
	if (rte_ring_sp_enqueue_elem(switch_of(w)->to_taps, &frame, sizeof(frame)) != 0)
		host_drop(w, b, odd, DROP_TAP_FULL);
}

int tap_worker_init(struct worker *w)
{
	struct switch_worker *sw = switch_of(w);
	char name[RTE_RING_NAMESIZE];

	host_kernel = (struct host_kernel){.is_there = tap_is_there, .take = tap_take};
	snprintf(name, sizeof(name), "to_taps_%u", w->id);
	sw->to_taps = rte_ring_create_elem(name, sizeof(struct tap_frame), TAP_RING, SOCKET_ID_ANY,
		RING_F_SP_ENQ | RING_F_SC_DEQ);
	snprintf(name, sizeof(name), "from_taps_%u", w->id);
	sw->from_taps = rte_ring_create_elem(name, sizeof(struct tap_frame), TAP_IN_RING,
		SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	return sw->to_taps != NULL && sw->from_taps != NULL ? 0 : -ENOMEM;
}

static void ring_fini(struct rte_ring *ring)
{
	struct tap_frame frame;

	while (ring != NULL && rte_ring_sc_dequeue_elem(ring, &frame, sizeof(frame)) == 0)
		rte_pktmbuf_free(frame.m);
	rte_ring_free(ring);
}

void tap_worker_fini(struct worker *w)
{
	ring_fini(switch_of(w)->to_taps);
	ring_fini(switch_of(w)->from_taps);
}

static void frame_out(struct worker *w, struct burst *b, const struct tap_frame *frame)
{
	uint16_t attachment = frame->attachment;
	/* acquire: its fields are those of the tap's time, or later; pairs with serial_store() */
	uint32_t serial = __atomic_load_n(&tap_serial[attachment], __ATOMIC_ACQUIRE);
	const struct attachment_hot a = attachment_load(attachment);
	struct rte_mbuf *m = frame->m;
	const uint8_t *data = rte_pktmbuf_mtod(m, const uint8_t *);
	uint8_t to[6];

	if (serial != frame->serial || a.slice == 0 || !port_hot[a.port].live) {
		worker_drop(w, b, m, DROP_TAP_GONE);
	} else if (is_vlan_tag(load16(data + 12))) {
		/* inside a slice there are none; on the wire it could be another slice's */
		slice_drop(w, b, m, a.slice, DOOR_ATTACHMENT | attachment, DROP_VLAN_STACKED);
	} else {
		memcpy(to, data, sizeof(to));
		route_send_by(w, b, m, a.slice, attachment, to);
	}
}

static uint32_t run(struct worker *w)
{
	struct tap_frame frame[FRAMES_A_RUN];
	struct burst *b = &w->burst;
	uint32_t n = rte_ring_sc_dequeue_burst_elem(
		switch_of(w)->from_taps, frame, sizeof(frame[0]), FRAMES_A_RUN, NULL);

	if (likely(n == 0))
		return 0;
	/* as in host_tick(): the burst is between two */
	b->trace = NULL;
	b->drops = 0;
	for (uint32_t i = 0; i < n; i++)
		frame_out(w, b, &frame[i]);
	stages_above.out(w, b);
	if (b->drops > 0)
		rte_pktmbuf_free_bulk(b->drop, b->drops);
	b->drops = 0;
	return n;
}

void tap_tick(struct worker *w)
{
	for (uint32_t i = 0; i < RUNS_A_TICK && run(w) == FRAMES_A_RUN; i++)
		;
}
