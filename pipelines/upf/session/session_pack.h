/* SPDX-License-Identifier: BSD-3-Clause */
/* A session's definition in as few bytes as is sensible: numbers as varints, filters by the id of
 * their list, slices and own addresses by their ids. Main thread only. */
#ifndef UPF_SESSION_PACK_H
#define UPF_SESSION_PACK_H

#include <stdbool.h>
#include <stdint.h>

#include "types.h"

#define PACK_MAX 16384u

/* What was made of a PDR, kept beside its definition. */
struct pdr_made {
	uint32_t filters; /* filters_take()'s id; 0: none */
	uint8_t group;	  /* of its way in */
};

/* An unpacked definition. cfg's lists point into it; it may not move. */
struct session_model {
	struct api_session cfg;
	struct pdr_made made[LIMIT_SESSION_PDRS];
	struct api_pdr pdr[LIMIT_SESSION_PDRS];
	struct api_far far[LIMIT_SESSION_FARS];
	struct api_qer qer[LIMIT_SESSION_QERS];
	struct api_urr urr[LIMIT_SESSION_URRS];
	struct api_ip framed[LIMIT_SESSION_FRAMED];
	uint32_t qer_ids[LIMIT_SESSION_PDRS][LIMIT_SESSION_QERS];
	uint32_t urr_ids[LIMIT_SESSION_PDRS][LIMIT_SESSION_URRS];
};

/* Writes cfg; made: of each PDR. Returns the length, a multiple of 16; at most PACK_MAX.
 * Equal definitions are equal bytes. */
uint32_t session_pack(const struct api_session *cfg, const struct pdr_made *made, uint8_t *out);
uint32_t session_pack_bytes(const uint8_t *pack);
/* Filters' texts stay out (counts 0); names of slices and gtpus are empty, ids stand for them. */
void session_unpack(const uint8_t *pack, struct session_model *out);

#endif
