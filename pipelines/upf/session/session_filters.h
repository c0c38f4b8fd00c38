/* SPDX-License-Identifier: BSD-3-Clause */
/* The filters of PDRs, each list stored once however many sessions have it, as text (for answers)
 * and parsed (for rules.h). The UE's own address written out is a placeholder in the text and
 * `assigned` when parsed, so that sessions that differ in nothing else share. Main thread only. */
#ifndef UPF_SESSION_FILTERS_H
#define UPF_SESSION_FILTERS_H

#include <stdbool.h>
#include <stdint.h>

#include "filter.h"
#include "types.h"

/* The list of this PDR: *id (0 for none at all) with one use taken; -ENOMEM; -EINVAL when filter
 * *at does not parse. */
int filters_take(const struct api_pdr *pdr, const struct api_ue *ue, uint32_t *id, uint32_t *at);
void filters_give(uint32_t id);

struct filter_list {
	uint32_t n, n_ethernet;
	const struct filter *filter;
	const struct api_ethernet_filter *ethernet;
};
struct filter_list filters_get(uint32_t id);

/* As they were put, for this UE: fills pdr->filters and pdr->ethernet, from the arena (emptied by
 * filters_texts_reset()). False: out of memory. */
bool filters_texts(uint32_t id, const struct api_ue *ue, struct api_pdr *pdr);
void filters_texts_reset(void);

uint32_t filters_lists(void);
void filters_fini(void);

#endif
