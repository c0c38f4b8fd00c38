/* SPDX-License-Identifier: BSD-3-Clause */
/* Congestion marks on their way out of a tunnel (RFC 6040). The other direction is a copy, in
 * overlay_out.c. */
#include <rte_ether.h>

#include "ipv4_sum.h"
#include "tunnel.h"

#define ETH ((uint32_t)sizeof(struct rte_ether_hdr))

bool ecn_decapsulate(uint8_t *frame, uint32_t len, uint8_t outer)
{
	uint16_t type = load16(frame + 12);
	uint8_t *ip = frame + ETH;
	bool v4 = type == RTE_BE16(RTE_ETHER_TYPE_IPV4) && len >= ETH + 20;

	if (!v4 && !(type == RTE_BE16(RTE_ETHER_TYPE_IPV6) && len >= ETH + 40))
		return true; /* no ECN field inside */
	uint8_t inner = v4 ? ip[1] & 3 : ip[1] >> 4 & 3;

	if (inner == 0)
		return outer != 3;
	/* CE wins; ECT(1) outside over ECT(0) inside becomes ECT(1) */
	uint8_t now = outer == 3 || inner == 3 ? 3 : outer == 1 ? 1 : inner;

	if (now == inner)
		return true;
	if (v4)
		ipv4_tos_set(ip, (ip[1] & ~3) | now);
	else
		ip[1] = (ip[1] & ~0x30) | now << 4;
	return true;
}
