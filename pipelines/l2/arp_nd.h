/* SPDX-License-Identifier: BSD-3-Clause */
/* ARP (RFC 826, RFC 5227) and Neighbor Discovery (RFC 4861) as bytes: read, answered, asked, for l2
 * slices that suppress them and for l3 slices. Workers; owns nothing. */
#ifndef L2_ARP_ND_H
#define L2_ARP_ND_H

#include <netinet/in.h>
#include <rte_ether.h>
#include <rte_ip.h>

#include "hot.h"
#include "ip_view.h"
#include "ipv4_sum.h"
#include "report.h"

#define ETH_LEN 14u

/* Six bytes that one station can have. */
static inline bool is_station_mac(const uint8_t *mac)
{
	return !(mac[0] & 1) && (mac[0] | mac[1] | mac[2] | mac[3] | mac[4] | mac[5]) != 0;
}
static inline bool is_host_ipv4(const uint8_t *a)
{
	return a[0] != 0 && a[0] != 127 && a[0] < 224;
}
static inline bool is_host_ipv6(const uint8_t *a)
{
	return a[0] != 0xff && (load16(a) | load16(a + 2) | load16(a + 4) | load16(a + 6)) != 0;
}

static inline bool host_parse(const struct rte_mbuf *m, struct ip_view *v)
{
	return ip_parse(rte_pktmbuf_mtod(m, uint8_t *), m->data_len, m->pkt_len, v);
}

/* Of the pseudo header of an ICMPv6 message of len bytes (RFC 8200 section 8.1). */
static inline uint32_t sum_pseudo6(const uint8_t *ip, uint32_t len)
{
	return rte_raw_cksum(ip + 8, 32) + rte_cpu_to_be_16(len) + rte_cpu_to_be_16(IPPROTO_ICMPV6);
}

/* Is the checksum of the ICMP message right? It lies in the packet whole. */
bool icmp_checksum_ok(const struct rte_mbuf *m, const struct ip_view *v);

/* ---- what ARP and ND say, for l3 and l2 slices ---- */

struct arp_view {
	bool request;
	const uint8_t *sender_mac, *sender, *target; /* in the packet */
};
/* False: not ARP of IPv4 over Ethernet, truncated, or a sender that cannot be. */
bool arp_parse(const struct rte_mbuf *m, struct arp_view *arp);
/* Makes the answer out of the request: this MAC has the target. */
void arp_answer(struct rte_mbuf *m, const uint8_t *mac);

#define ND_SOLICITED 0x40 /* flags of an advertisement, first byte */
#define ND_OVERRIDE  0x20
#define ND_ROUTER    0x80
struct nd_view {
	uint8_t type;  /* 135 solicitation, 136 advertisement; others are not looked into */
	uint8_t flags; /* of an advertisement */
	bool probe;    /* a solicitation from the unspecified address: duplicate detection */
	const uint8_t *source, *target;
	const uint8_t *mac; /* of the source (solicitation) or the target; NULL: not said */
};
/* False: what RFC 4861 sections 7.1.1 and 7.1.2 say to discard. */
bool nd_parse(const struct rte_mbuf *m, const struct ip_view *v, struct nd_view *nd);
/* Makes the answer out of the solicitation: this MAC has the target. to: six bytes, where the frame
 * goes. False: no room in the buffer. */
bool nd_answer(
	struct rte_mbuf *m, struct ip_view *v, const uint8_t *mac, uint8_t flags, uint8_t *to);

/* Is it Neighbor Discovery (RFC 4861), with its type where it belongs? */
bool is_nd(const struct ip_view *v);
/* Writes an ARP request or reply / a neighbour solicitation into m behind its Ethernet header, type
 * included; m is empty. False: no room. */
bool arp_request(struct rte_mbuf *m, const uint8_t *mac, const struct host_order *order);
bool nd_solicit(
	struct rte_mbuf *m, const uint8_t *mac, const struct host_order *order, uint8_t *to);
/* The same of an unsolicited advertisement of order->source (RFC 4861 section 7.2.6); ARP's is a
 * request for the sender's own address. */
bool nd_announce(
	struct rte_mbuf *m, const uint8_t *mac, const struct host_order *order, uint8_t *to);

#endif
