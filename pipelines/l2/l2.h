/* SPDX-License-Identifier: BSD-3-Clause */
/* Bridging: the stages that take frames from attachments into slices, from door to door of a slice,
 * and out again. */
#ifndef L2_L2_H
#define L2_L2_H

#include "hot.h"

/* ---- stages ---- */

/* pkt[] of a port → frames in slices (by attachment), underlay[] (may be for this box). */
void parse_run(struct worker *w, struct burst *b);
/* frames → to_tunnel, to_access, flood[]; reports source MACs. */
void bridge_run(struct worker *w, struct burst *b);
/* flood[] → copies through to_tunnel and to_access. */
void flood_run(struct worker *w, struct burst *b);
/* to_access → tagged, on their way out. */
void access_out_run(struct worker *w, struct burst *b);

/* ---- floods to Ethernet sessions ---- */

/* Sessions that a slice floods to: grows in place while there is room. */
struct flood_sessions {
	uint32_t n; /* main: release store, workers: acquire load */
	uint32_t capacity;
	uint32_t live, reserved; /* main's, as is the next: no free place below */
	uint32_t hole;
	uint32_t id[]; /* 0: a place that none has now */
};
/* [LIMIT_SLICES + 1]; main: release store, workers: acquire load; NULL: never had one. To be looked
 * at only with SLICE_SESSIONS. */
extern struct flood_sessions *flood_sessions[];

#endif
