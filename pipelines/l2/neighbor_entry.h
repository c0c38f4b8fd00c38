/* SPDX-License-Identifier: BSD-3-Clause */
/* What is known of a host of a slice, as l2 (suppression) and l3 (neighbours) answer it. */
#ifndef L2_NEIGHBOR_ENTRY_H
#define L2_NEIGHBOR_ENTRY_H

#include <stdint.h>

#include "types.h"

enum neighbor_state {
	NEIGHBOR_STATIC,
	NEIGHBOR_REACHABLE,
	NEIGHBOR_STALE,	     /* not confirmed for a while, being asked again */
	NEIGHBOR_INCOMPLETE, /* asked for */
	NEIGHBOR_FAILED	     /* did not answer */
};

struct neighbor_entry {
	uint16_t slice;
	uint16_t attachment; /* 0: behind a tunnel (l2) */
	struct api_ip address;
	struct api_mac_addr mac;
	enum neighbor_state state;
	uint32_t age_s; /* since last confirmed */
};

#endif
