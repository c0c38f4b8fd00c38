/* SPDX-License-Identifier: BSD-3-Clause */
/* Yellow frames are told apart by their drop precedence (RFC 2597). */
#include "dscp.h"

#include <rte_ether.h>
#include <rte_ip.h>
#include <stdbool.h>

#include "wire.h"

#define ETH ((uint32_t)sizeof(struct rte_ether_hdr))

/* AF11, AF21, AF31, AF41: 10, 18, 26, 34. */
static bool is_afx1(uint8_t tos)
{
	return (tos & 0x1c) == 0x08 && tos >> 5 >= 1 && tos >> 5 <= 4;
}

int dscp_raise(uint8_t *frame, uint32_t len)
{
	uint16_t type = load16(frame + 12);
	uint8_t *ip = frame + ETH;

	if (type == RTE_BE16(RTE_ETHER_TYPE_IPV4) && len >= ETH + 20) {
		/* RFC 1624: HC' = ~(~HC + ~m + m') on the word that holds the field */
		struct rte_ipv4_hdr *hdr = (struct rte_ipv4_hdr *)ip;
		uint16_t old = load16(ip);

		if (!is_afx1(ip[1]))
			return ip[1];
		ip[1] = (ip[1] & ~0x1c) | 0x10;
		uint32_t sum = (uint16_t)~hdr->hdr_checksum + (uint16_t)~old + load16(ip);

		sum = (sum & 0xffff) + (sum >> 16);
		sum = (sum & 0xffff) + (sum >> 16);
		hdr->hdr_checksum = ~sum;
		return ip[1];
	}
	if (type == RTE_BE16(RTE_ETHER_TYPE_IPV6) && len >= ETH + 40) {
		uint8_t tos = ip[0] << 4 | ip[1] >> 4;

		if (!is_afx1(tos))
			return tos;
		tos = (tos & ~0x1c) | 0x10;
		ip[0] = (ip[0] & 0xf0) | tos >> 4;
		ip[1] = (ip[1] & 0x0f) | (uint8_t)(tos << 4);
		return tos;
	}
	return -1;
}
