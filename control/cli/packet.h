/* SPDX-License-Identifier: BSD-3-Clause */
/* The first bytes of a packet as one line for people. */
#ifndef CLI_PACKET_H
#define CLI_PACKET_H

#include <stddef.h>
#include <stdint.h>

/* "02:…:01 > 02:…:02 vlan 10 IPv4 10.0.0.1 > 10.0.0.2 UDP 1000 > 4789 VXLAN 100 | 02:…" into text.
 * What was cut off or is not known is left out. */
void packet_text(const uint8_t *bytes, size_t len, char *text, size_t size);

/* "02aB" → bytes; how many, at most max; it stops where the hex does. */
size_t packet_unhex(const char *hex, uint8_t *bytes, size_t max);

#endif
