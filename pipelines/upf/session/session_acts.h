/* SPDX-License-Identifier: BSD-3-Clause */
/* Acts of a way, and where they count. Between session_build.c and session_acts.c. */
#ifndef UPF_SESSION_ACTS_H
#define UPF_SESSION_ACTS_H

#include "session_plan.h"

#define NO_BUCKET 255

/* The acts of PDRs, in order of first appearance. */
struct plan_acts {
	uint32_t n;
	struct plan_act act[LIMIT_SESSION_PDRS];
	uint8_t of[LIMIT_SESSION_PDRS]; /* of the k-th PDR */
};
void plan_acts(const struct api_session *s, const uint8_t *pdr, uint32_t n, struct plan_acts *out);

/* Where in the list it is; of FARs that do the same, the first: their PDRs may be one act. */
uint8_t place_of_far(const struct api_session *s, uint32_t id);

/* Places of the URRs that want a credit cell. */
uint32_t told_places(const struct api_urrs *urrs);

/* Cells for credit and acts: those of the old state for what stays the same, if all find room
 * there. Fills p->cells, cells_stay, home, acts, act[], buckets, bucket_of[]. */
void plan_cells(struct plan *p);

/* Id of the PDR that is `rule`-th in order of precedence in the group, 0: none (any more). */
uint32_t session_pdr_id(uint32_t session, uint8_t group, uint8_t rule);

#endif
