/* SPDX-License-Identifier: BSD-3-Clause */
/* MSS clamping: a TCP connection through a tunnel is told, as it begins, of segments that fit
 * the tunnel. */
#ifndef PIPELINES_MSS_H
#define PIPELINES_MSS_H

#include <rte_branch_prediction.h>
#include <rte_byteorder.h>
#include <rte_common.h>
#include <stdbool.h>
#include <stdint.h>

#include "wire.h"

/* Lowers the MSS option of a SYN (with or without ACK) inside a frame so that the packets it asks
 * for, IP header included, are of at most max_ip bytes; puts the TCP checksum right (RFC 1624).
 * Anything else, what is malformed, and a SYN without the option stays as it is (RFC 9293 section
 * 3.7.1: without it 536 is sent, or 1220 over IPv6, which fits). frame: len bytes that lie
 * together, at least an Ethernet header. True when it was lowered. Workers. */
bool mss_clamp(uint8_t *frame, uint32_t len, uint32_t max_ip);

/* Can the frame be a SYN at all? Nearly always answered by three bytes of it. */
static __rte_always_inline bool mss_may_be_syn(const uint8_t *frame, uint32_t len)
{
	uint16_t type = load16(frame + 12);

	if (unlikely(len < 14 + 20 + 20))
		return false;
	if (likely(type == RTE_BE16(0x0800)))
		return frame[23] == 6 && (frame[14] != 0x45 || (frame[47] & 0x02));
	if (type != RTE_BE16(0x86dd) || frame[20] == 17 || frame[20] == 58)
		return false;
	return frame[20] != 6 || len < 14 + 40 + 20 || (frame[67] & 0x02);
}

#endif
