/* SPDX-License-Identifier: BSD-3-Clause */
/* Is it a packet that a router passes on? Used by route.c alone, per packet. */
#ifndef PIPELINES_ROUTE_CHECK_H
#define PIPELINES_ROUTE_CHECK_H

#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_mbuf.h>

#include "ipv4_sum.h"
#include "wire.h"

#define ETH ((uint32_t)sizeof(struct rte_ether_hdr))

enum check { CHECK_OK, CHECK_HEADER, CHECK_SUM, CHECK_MARTIAN, CHECK_GROUP };

/* RFC 1812 section 5.3.7: not from and not to these; in host order. */
static __rte_always_inline bool martian4(uint32_t address)
{
	uint32_t top = address >> 24;

	return unlikely(top == 0 || top == 127 || address >> 16 == 0xa9fe);
}

/* With options, padding, or something wrong. Not inlined: the header that nearly all have keeps its
 * registers. */
static __rte_noinline enum check check_ipv4_odd(struct rte_mbuf *m, const uint8_t *ip)
{
	uint32_t hlen = (ip[0] & 0xf) * 4u, total = rte_be_to_cpu_16(load16(ip + 2));

	if (m->data_len < ETH + 20 || ip[0] >> 4 != 4 || hlen < 20 || total < hlen ||
		m->data_len < ETH + hlen || m->pkt_len < ETH + total)
		return CHECK_HEADER;
	if (!ipv4_sum_ok(ip, hlen))
		return CHECK_SUM;
	if (m->pkt_len > ETH + total)
		rte_pktmbuf_trim(m, m->pkt_len - ETH - total);
	return CHECK_OK;
}

static __rte_always_inline enum check check_ipv4(struct rte_mbuf *m, const uint8_t *ip)
{
	uint32_t total = rte_be_to_cpu_16(load16(ip + 2));
	uint32_t src = rte_be_to_cpu_32(*(const wire32_t *)(ip + 12));
	uint32_t dst = rte_be_to_cpu_32(*(const wire32_t *)(ip + 16));
	enum check check = CHECK_OK;

	if (unlikely(ip[0] != 0x45 || m->data_len < ETH + 20 || m->pkt_len != ETH + total))
		check = check_ipv4_odd(m, ip);
	else if (unlikely(!ipv4_sum_ok(ip, 20)))
		check = CHECK_SUM;
	if (unlikely(check != CHECK_OK))
		return check;
	if (unlikely(src >= 0xe0000000 || martian4(src) || martian4(dst)))
		return CHECK_MARTIAN;
	return likely(dst < 0xe0000000) ? CHECK_OK : CHECK_GROUP;
}

static __rte_always_inline bool link_local6(const uint8_t *address)
{
	return (load16(address) & RTE_BE16(0xffc0)) == RTE_BE16(0xfe80);
}

/* RFC 4291 sections 2.5 to 2.7: loopback, unspecified and link-local addresses do not cross a
 * router; what comes from or goes to link-local ones may still be for the switch (ND). */
static __rte_always_inline enum check check_ipv6(struct rte_mbuf *m, const uint8_t *ip)
{
	uint32_t payload = rte_be_to_cpu_16(load16(ip + 4));
	const wire64_t *a = (const wire64_t *)(ip + 8);

	if (unlikely(m->data_len < ETH + 40 || ip[0] >> 4 != 6 || m->pkt_len < ETH + 40 + payload))
		return CHECK_HEADER;
	if (unlikely(m->pkt_len > ETH + 40 + payload))
		rte_pktmbuf_trim(m, m->pkt_len - ETH - 40 - payload);
	if (unlikely(ip[24] == 0xff))
		return ip[8] == 0xff ? CHECK_MARTIAN : CHECK_GROUP;
	if (unlikely(link_local6(ip + 8) || link_local6(ip + 24)))
		return CHECK_GROUP;
	if (unlikely(ip[8] == 0xff || (a[0] == 0 && rte_be_to_cpu_64(a[1]) <= 1) ||
		     (a[2] == 0 && rte_be_to_cpu_64(a[3]) <= 1)))
		return CHECK_MARTIAN;
	return CHECK_OK;
}

#endif
