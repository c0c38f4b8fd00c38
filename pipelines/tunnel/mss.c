/* SPDX-License-Identifier: BSD-3-Clause */
/* The MSS option of TCP SYNs, found and lowered. */
#include <netinet/in.h>
#include <rte_ether.h>

#include "ipv4_sum.h"
#include "tunnel_parts.h"

#define ETH	       ((uint32_t)sizeof(struct rte_ether_hdr))
#define TCP	       20u
#define TCP_SYN	       0x02
#define OPTION_END     0
#define OPTION_NOP     1
#define OPTION_MSS     2
#define EXTENSIONS_MAX 8  /* IPv6 extension headers that are walked */
#define MSS_MIN	       64 /* nobody is told less: a path that small is broken otherwise */

/* What is left of a packet: at[0..len). */
struct rest {
	uint8_t *at;
	uint32_t len;
};

static bool skip(struct rest *r, uint32_t n)
{
	if (n > r->len)
		return false;
	r->at += n;
	r->len -= n;
	return true;
}

/* r at an IPv4 header → at its TCP header. False: none, or not the first fragment. */
static bool to_tcp4(struct rest *r)
{
	const uint8_t *ip = r->at;
	uint32_t hlen = (ip[0] & 0xf) * 4, total = rte_be_to_cpu_16(load16(ip + 2));

	if (ip[0] >> 4 != 4 || hlen < 20 || total < hlen || total > r->len ||
		ip[9] != IPPROTO_TCP || (load16(ip + 6) & RTE_BE16(0x1fff)) != 0)
		return false;
	r->len = total;
	return skip(r, hlen);
}

/* The length of an IPv6 extension header that may be stepped over, 0 for any other (RFC 8200
 * section 4). */
static uint32_t extension_len(uint8_t type, const uint8_t *header)
{
	switch (type) {
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_DSTOPTS:
		return 8 + header[1] * 8;
	case IPPROTO_FRAGMENT:
		return load16(header + 2) & RTE_BE16(0xfff8) ? 0 : 8;
	default:
		return 0;
	}
}

static bool to_tcp6(struct rest *r)
{
	const uint8_t *ip = r->at;
	uint32_t payload = rte_be_to_cpu_16(load16(ip + 4));
	uint8_t type = ip[6];

	if (ip[0] >> 4 != 6 || !skip(r, 40) || payload > r->len)
		return false;
	r->len = payload;
	for (uint32_t i = 0; type != IPPROTO_TCP; i++) {
		const uint8_t *header = r->at;
		uint32_t len = r->len >= 8 ? extension_len(type, header) : 0;

		if (len == 0 || i == EXTENSIONS_MAX || !skip(r, len))
			return false;
		type = header[0];
	}
	return true;
}

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
	struct rest r = {frame + ETH, len - ETH};
	uint16_t type = load16(frame + 12);
	bool is_ipv6 = type == RTE_BE16(RTE_ETHER_TYPE_IPV6);
	uint32_t headers = (is_ipv6 ? 40 : 20) + TCP; /* MSS counts neither's options (RFC 6691) */

	if (is_ipv6 ? r.len < 40 || !to_tcp6(&r)
		    : type != RTE_BE16(RTE_ETHER_TYPE_IPV4) || r.len < 20 || !to_tcp4(&r))
		return false;
	uint32_t hlen = r.len >= TCP ? (r.at[12] >> 4) * 4u : 0;

	if (hlen < TCP || hlen > r.len || !(r.at[13] & TCP_SYN) || max_ip < headers + MSS_MIN)
		return false;
	return lower(r.at, hlen, RTE_MIN(max_ip - headers, 65535u));
}
