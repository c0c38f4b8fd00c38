/* SPDX-License-Identifier: BSD-3-Clause */
/* Routes of the underlay: prefix → ways. Main thread only. */
#ifndef PIPELINES_UNDERLAY_ROUTE_H
#define PIPELINES_UNDERLAY_ROUTE_H

#include "underlay.h"

struct underlay_ways {
	uint32_t count;
	struct underlay_via via[];
};

int route_table_init(void); /* 0 or -ENOMEM */
void route_table_fini(void);

/* Enters or replaces. 0, -ENOMEM, -ENOSPC; neither after underlay_route_reserve(). */
int route_table_set(const struct api_ip *prefix, const struct underlay_via *via, uint32_t count);
void route_table_unset(const struct api_ip *prefix);

/* The route with the longest prefix that holds ip and that prefix' length; NULL: none. */
const struct underlay_ways *route_table_find(const struct api_ip *ip, uint8_t *len);

#endif
