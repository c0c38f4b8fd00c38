/* SPDX-License-Identifier: BSD-3-Clause */
/* The GTP-U headers that nearly all user data has (TS 29.281 5.1, TS 38.415 5.5.2): none of the
 * options, a sequence number, or one PDU Session Container. Used by gtpu_in.c and
 * session_line_run.c; any other header is gtp/gtpu.c's. */
#ifndef UPF_GTPU_PLAIN_H
#define UPF_GTPU_PLAIN_H

#include "gtpu.h"
#include "rules.h"
#include "wire.h"

#define GTPU_PLAIN_INNER 20u /* an IPv4 header is there as well */

/* g: the GTP-U header, `at` bytes into m, whose UDP length agrees with the packet's. *header: its
 * bytes, options and all. False: look closer. */
static __rte_always_inline bool gtpu_read_plain(
	const struct rte_mbuf *m, uint32_t at, const uint8_t *g, uint32_t *header, uint8_t *qfi)
{
	uint32_t room = m->pkt_len - at - GTPU_HEADER;

	*header = GTPU_HEADER;
	*qfi = QFI_NONE;
	if (unlikely((load16(g) & RTE_BE16(0xf8ff)) != RTE_BE16(0x30ff) ||
		     *(const wire32_t *)(g + 4) == 0 || rte_be_to_cpu_16(load16(g + 2)) != room ||
		     m->data_len < at + GTPU_HEADER + GTPU_OPTIONS + GTPU_PSC + GTPU_PLAIN_INNER))
		return false;
	if (g[0] == (GTPU_FLAGS | GTPU_FLAG_E)) {
		/* one word long, type 0 or 1, no bit that makes it longer, none after it */
		if ((*(const wire32_t *)(g + 11) & RTE_BE32(0xffffefc0)) != RTE_BE32(0x85010000) ||
			g[15] != 0)
			return false;
		*header = GTPU_HEADER + GTPU_OPTIONS + GTPU_PSC;
		*qfi = g[14] & 0x3f;
	} else if (g[0] != GTPU_FLAGS) {
		if (g[0] & GTPU_FLAG_E)
			return false;
		*header = GTPU_HEADER + GTPU_OPTIONS;
	}
	return true;
}

#endif
