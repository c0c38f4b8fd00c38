/* SPDX-License-Identifier: BSD-3-Clause */
/* What the fakes of core and pipelines saw, for test_rpc.c to look at. */
#ifndef TESTS_FAKES_H
#define TESTS_FAKES_H

#include <stdbool.h>
#include <stdint.h>

struct fakes {
	int ports_open, ports_published;
	int slices_held, attachments_held, tunnels_held; /* ids reserved and not released */
	int slices_set, attachments_set, tunnels_set, members_set; /* published now */
	int addresses_set, neighbors_set, routes_set, tap_addresses;
	int resolves;
	uint32_t via_count; /* of the last route set */
	uint16_t via_port[16];
	bool fail_port_open, fail_tap_address;
	bool link;
	uint32_t fdb_limit;
	int trace_records; /* trace_drain hands out so many more */
	bool trace_armed;
};

extern struct fakes fakes;

/* Everything forgotten, MACs too. */
void fakes_reset(void);

/* As the workers' reports would. */
void fakes_learn(uint16_t slice, const char *mac, uint32_t door);

#endif
