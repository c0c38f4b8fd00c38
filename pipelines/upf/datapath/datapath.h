/* SPDX-License-Identifier: BSD-3-Clause */
/* The stages of the user plane that know sessions. */
#ifndef UPF_DATAPATH_H
#define UPF_DATAPATH_H

#include "session_hot.h"
#include "worker.h"

/* gtpu[] → sessions (by TEID) → into slices (routes, frames), to_gtpu, held; messages answered. TS
 * 29.281, TS 29.244. */
void gtpu_in_run(struct worker *w, struct burst *b);
/* down[] (packets to UEs, found by routing and bridging) → to_gtpu, held. */
void session_down_run(struct worker *w, struct burst *b);

/* What lines serve of gtpu[] and down[] goes its way; the others stay, in their order. Nothing is
 * traced. */
void session_lines_up(struct worker *w, struct burst *b);
void session_lines_down(struct worker *w, struct burst *b);

/* Packets that sessions send round in a circle end here. */
void session_turns_over(struct worker *w, struct burst *b);

/* As hold.h asks for it: packets of sessions once more, each beginning with its inner packet. */
void session_again(struct worker *w, struct burst *b, struct rte_mbuf *const *m,
	const uint32_t *session, const uint8_t *group, uint32_t n);

/* A frame on its way into a slice loses its tag, when it is the one that it may have. False: it may
 * not enter (DROP_VLAN_STACKED). */
bool session_frame_untag(const struct session_block *s, uint16_t slice, struct rte_mbuf *m);
/* Puts a slice's tag in front of a frame to the UE. False: no room. */
bool session_frame_tag(struct rte_mbuf *m, uint16_t vlan);

#endif
