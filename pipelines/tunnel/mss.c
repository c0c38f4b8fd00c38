/* SPDX-License-Identifier: BSD-3-Clause */
/* The MSS option of TCP SYNs, found and lowered. */
#include <netinet/in.h>

#include "ip_view.h"
#include "ipv4_sum.h"
#include "tunnel_parts.h"

#define TCP	   20u
#define TCP_SYN	   0x02
#define OPTION_END 0
#define OPTION_NOP 1
#define OPTION_MSS 2
#define MSS_MIN	   64 /* nobody is told less: a path that small is broken otherwise */

/* A field at an odd offset counts with its bytes swapped. */
static void checksum_change(uint8_t *tcp, uint16_t old, uint16_t next, bool odd)
{
	*(wire16_t *)(tcp + 16) =
		odd ? sum_replace(load16(tcp + 16), __builtin_bswap16(old), __builtin_bswap16(next))
		    : sum_replace(load16(tcp + 16), old, next);
}

static bool lower(uint8_t *tcp, uint32_t hlen, uint16_t most)
{
	bool lowered = false;

	for (uint32_t i = TCP; i < hlen && tcp[i] != OPTION_END;) {
		uint32_t len = 1;

		if (tcp[i] != OPTION_NOP) {
			if (i + 2 > hlen || tcp[i + 1] < 2 || i + tcp[i + 1] > hlen)
				break;
			len = tcp[i + 1];
		}
		if (tcp[i] == OPTION_MSS && len == 4) {
			uint16_t old = load16(tcp + i + 2), next = rte_cpu_to_be_16(most);

			if (rte_be_to_cpu_16(old) > most) {
				*(wire16_t *)(tcp + i + 2) = next;
				checksum_change(tcp, old, next, i & 1);
				lowered = true;
			}
		}
		i += len;
	}
	return lowered;
}

bool mss_clamp(uint8_t *frame, uint32_t len, uint32_t max_ip)
{
	struct ip_view v;

	if (!ip_parse(frame, len, len, &v) || v.proto != IPPROTO_TCP || !v.first || v.authenticated)
		return false;
	uint8_t *tcp = v.ip + v.l4;
	uint32_t left = v.total - v.l4, hlen = left >= TCP ? (tcp[12] >> 4) * 4u : 0;
	bool is_ipv6 = v.family == 6;
	uint32_t headers = (is_ipv6 ? 40 : 20) + TCP; /* MSS counts neither's options (RFC 6691) */

	if (hlen < TCP || hlen > left || !(tcp[13] & TCP_SYN) || max_ip < headers + MSS_MIN)
		return false;
	return lower(tcp, hlen, RTE_MIN(max_ip - headers, 65535u));
}
