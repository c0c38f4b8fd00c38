/* SPDX-License-Identifier: BSD-3-Clause */
/* Slices that route, for tests that run on the rig. */
#ifndef TESTS_RIG_L3_H
#define TESTS_RIG_L3_H

#include "nexthop.h"
#include "rig.h"

uint16_t rig_l3_slice(uint32_t vni);
/* The MAC of the slice's gateways. */
uint64_t rig_l3_mac(uint16_t slice);
void rig_gateway(uint16_t slice, uint16_t attachment, const char *prefix);
void rig_gateway_gone(uint16_t slice, uint16_t attachment, const char *prefix);
void rig_l3_neighbor(uint16_t slice, uint16_t attachment, const char *address, uint64_t mac);

/* Ways; mac 0: the slice's own. */
struct l3_via rig_via_tunnel(uint16_t tunnel, uint64_t mac, uint32_t weight);
struct l3_via rig_via(uint16_t attachment, const char *address, uint32_t weight);
void rig_l3_route(uint16_t slice, const char *prefix, const struct l3_via *via, uint32_t count);
void rig_l3_route_gone(uint16_t slice, const char *prefix);

#endif
