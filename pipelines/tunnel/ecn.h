/* SPDX-License-Identifier: BSD-3-Clause */
/* Congestion marks across a tunnel (RFC 6040). The other direction is a copy, in overlay_out.c. */
#ifndef PIPELINES_ECN_H
#define PIPELINES_ECN_H

#include <stdbool.h>
#include <stdint.h>

/* Section 4.2, for an outer ECN field that is not 0: carries it into the frame (and its IPv4
 * checksum). False when the packet must be dropped. frame has len bytes, at least an Ethernet
 * header. Workers. */
bool ecn_decapsulate(uint8_t *frame, uint32_t len, uint8_t outer);

#endif
