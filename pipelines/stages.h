/* SPDX-License-Identifier: BSD-3-Clause */
/* The stages of the switch, in the order a packet meets them; each works in phases over the whole
 * burst. */
#ifndef PIPELINES_STAGES_H
#define PIPELINES_STAGES_H

#include "worker.h"

/* pkt[] of a port → frames in slices (by attachment), underlay[] (may be for this box). */
void parse_run(struct worker *w, struct burst *b);
/* underlay[] → frames in slices (decapsulated), punt[]. RFC 7348 section 4.1, RFC 6040 section 4.2.
 */
void overlay_in_run(struct worker *w, struct burst *b);
/* frames → to_tunnel, to_access, flood[]; reports source MACs. */
void bridge_run(struct worker *w, struct burst *b);
/* route[] → to_tunnel, to_access; what is not plain goes to host.c. RFC 1812, RFC 8200. Adds to
 * what the bridge put into the lanes. */
void route_run(struct worker *w, struct burst *b);
/* flood[] → copies through to_tunnel and to_access. */
void flood_run(struct worker *w, struct burst *b);
/* to_tunnel → encapsulated, on their way out. RFC 7348 section 5, RFC 6040 section 4.1. */
void overlay_out_run(struct worker *w, struct burst *b);
/* to_access → tagged, on their way out. */
void access_out_run(struct worker *w, struct burst *b);
/* gtpu[] → sessions (by TEID) → into slices (routes, frames), to_gtpu, held; messages answered. TS
 * 29.281, TS 29.244. */
void gtpu_in_run(struct worker *w, struct burst *b);
/* down[] (packets to UEs, found by routing and bridging) → to_gtpu, held. */
void session_down_run(struct worker *w, struct burst *b);
/* to_gtpu → encapsulated, on their way out. TS 29.281, TS 38.415. */
void gtpu_out_run(struct worker *w, struct burst *b);
/* punt[] → the kernel's twin of the port. */
void punt_run(struct worker *w, struct burst *b);
/* A burst that came from a kernel twin → its port. */
void kernel_out_run(struct worker *w, struct burst *b);

/* Nothing is in b yet. */
static inline void burst_begin(struct burst *b)
{
	b->frames = b->routes = b->underlays = b->punts = b->floods = 0;
	b->gtpus = b->downs = b->to_gtpus = 0;
}
/* The stages after bridge and route, as far as there is anything for them: all that is in lanes is
 * on its way out. switch.c. */
void switch_out(struct worker *w, struct burst *b);
/* After it: flood[] as well. */
void switch_flood(struct worker *w, struct burst *b);

/* Meters, per worker; meter_worker_fini() undoes it. */
int police_worker_init(struct worker *w);

/* Outer fragments (rte_ip_frag), per worker. */
int reassembly_init(struct worker *w);
void reassembly_fini(struct worker *w);
/* Takes m; returns the whole packet in one buffer, or NULL while parts are missing or it was
 * dropped (counted). l3_len: of the IPv4 header. share: whose it is (peer_share.h);
 * where shares flood, the others have their room. */
struct rte_mbuf *reassembly_add4(
	struct worker *w, struct burst *b, struct rte_mbuf *m, uint32_t l3_len, uint32_t share);
struct rte_mbuf *reassembly_add6(
	struct worker *w, struct burst *b, struct rte_mbuf *m, uint32_t share);
/* Drops what has waited too long; about once a millisecond. */
void reassembly_tick(struct worker *w);

#endif
