/* SPDX-License-Identifier: BSD-3-Clause */
/* Drop precedence of the Assured Forwarding classes. */
#ifndef PIPELINES_DSCP_H
#define PIPELINES_DSCP_H

#include <stdint.h>

/* RFC 2597: AFx1 becomes AFx2, in IPv4 (checksum and all) and IPv6; every other code point, ECN and
 * what is not IP stay as they are. frame has len bytes in its first buffer, at least an Ethernet
 * header. Returns the ToS or traffic class byte as it is now, -1 when there is none. Workers. */
int dscp_raise(uint8_t *frame, uint32_t len);

#endif
