/* SPDX-License-Identifier: BSD-3-Clause */
/* What the switch itself says inside slices, shared by host.c, arp.c, nd.c, icmp.c, fragment.c and
 * suppress.c: all on the workers, off the common path, and each thing bounded by a rate per slice.
 */
#ifndef PIPELINES_HOST_H
#define PIPELINES_HOST_H

#include <netinet/in.h>
#include <rte_ether.h>

#include "attachment_tap.h"
#include "hot.h"
#include "l3.h"
#include "neighbor_report.h"

#define ETH_LEN 14u

/* Packets a second and slice, over all workers; bursts of a tenth of a second. */
enum host_rate {
	RATE_ERROR,  /* ICMP errors */
	RATE_ECHO,   /* echo answers */
	RATE_ANSWER, /* ARP and ND answers, suppression's too */
	RATE_SEEN,   /* reports of hosts that spoke */
	RATE_ASK,    /* reports of hosts that are wanted */
	RATE_LEARN,  /* reports of MACs, while many wait */
	RATE_TAP,    /* packets to the kernel by taps of attachments */
	RATES
};

#define HOST_RING	 4096
#define ORDER_RING	 1024
#define HOST_SEEN_MEMORY 1024

struct host_seen {
	struct host_report report;
	uint64_t tsc;
};

/* A worker's part; switch_worker.host. */
struct host_worker {
	struct rte_ring *reports, *orders;
	struct host_seen *seen;		/* [HOST_SEEN_MEMORY] what was reported a moment ago */
	struct bucket (*bucket)[RATES]; /* [LIMIT_SLICES + 1] */
	uint64_t cost[RATES];
};

int host_worker_init(struct worker *w);
void host_worker_fini(struct worker *w);
/* Sends what main wants asked; about once a millisecond. */
void host_tick(struct worker *w);

/* May one more of these be sent (reported) for this slice now? */
bool host_may(struct worker *w, uint16_t slice, enum host_rate which);
/* Tells main, unless the same was told a moment ago; what is lost is counted. */
void host_report(struct worker *w, const struct host_report *report);

/* Has something else than this just been told, which main may not have taken in yet? */
bool host_news_differ(struct worker *w, const struct host_report *known);

/* The packet is dropped; counted at the door it came in by. */
static inline void host_drop(
	struct worker *w, struct burst *b, const struct odd_packet *odd, enum drop_reason why)
{
	slice_drop(w, b, odd->m, odd->slice, odd->door, why);
}

/* By no attachment: there is no link to speak ARP or ND on, and no address of its own. */
static inline bool host_from_tunnel(const struct odd_packet *odd)
{
	return (odd->door & (DOOR_TUNNEL | DOOR_SESSION)) != 0;
}

/* Sends m, an answer to (or an error about) odd, to its sender: by the FIB, and straight back where
 * the sender is on the attachment's own link, its MAC not being known yet; dropped by name where
 * the sender says that it is the switch. m begins with 14 bytes, of which the type is filled in;
 * mac: the sender's. */
void host_send_back(struct worker *w, struct burst *b, struct rte_mbuf *m,
	const struct odd_packet *odd, const uint8_t *mac);

/* The next hop's word for an address of the slice (bytes as in a packet). */
uint64_t host_lookup(uint16_t slice, uint8_t family, const uint8_t *address);

/* Is the word a gateway address of this attachment? Of the slice? */
static inline bool is_gateway(uint64_t word)
{
	return NEXTHOP_KIND(word) == NEXTHOP_OTHER && NEXTHOP_ID(word) == NEXTHOP_LOCAL;
}
static inline bool is_gateway_of(uint64_t word, uint16_t attachment)
{
	return is_gateway(word) && NEXTHOP_HIGH(word) == attachment;
}

/* The link-local address that a MAC makes (RFC 4291 appendix A). */
void host_link_local(uint64_t mac, uint8_t *address);
/* Is it an address of the switch's own: a gateway of the slice, or on the link of odd's door a
 * link-local one? No other station has those: whoever says so is not answered. */
bool host_is_own(const struct odd_packet *odd, uint8_t family, const uint8_t *address);
/* Is it one of those that the switch has at odd's attachment? */
bool host_is_here(const struct odd_packet *odd, uint8_t family, const uint8_t *address);
static inline bool is_link_local(const uint8_t *address)
{
	return address[0] == 0xfe && (address[1] & 0xc0) == 0x80;
}
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

/* ---- IP headers, checked ---- */

struct ip_view {
	uint8_t *ip;	  /* in the first buffer, with all headers up to l4 */
	uint32_t total;	  /* bytes from ip on */
	uint32_t l4;	  /* offset of the upper header from ip */
	uint32_t pointer; /* offset of the byte that says what it is */
	uint8_t family;
	uint8_t proto; /* of the upper header */
	bool fragment; /* part of a packet */
	bool first;    /* the part that begins it */
};
/* False: no IP packet, or it ends before its headers do. */
bool host_parse(const struct rte_mbuf *m, struct ip_view *v);
/* Is the checksum of the ICMP message right? It lies in the packet whole. */
bool icmp_checksum_ok(const struct rte_mbuf *m, const struct ip_view *v);

/* ---- the parts ---- */

/* ARP into an l3 slice (RFC 826, RFC 5227). Takes odd->m. */
void arp_take(struct worker *w, struct burst *b, const struct odd_packet *odd);
/* Is it Neighbor Discovery (RFC 4861), with its type where it belongs? */
bool is_nd(const struct ip_view *v);
/* Takes odd->m, which is. */
void nd_take(struct worker *w, struct burst *b, const struct odd_packet *odd, struct ip_view *v);
/* Takes odd->m, a packet to an address of the switch. */
void icmp_local(struct worker *w, struct burst *b, const struct odd_packet *odd, struct ip_view *v);
/* ICMP types and codes are written as numbers beside their names: */
#define UNREACHABLE4   3 /* code 0 net, 1 host, 2 protocol, 3 port, 4 fragmentation needed */
#define TIME_EXCEEDED4 11
#define UNREACHABLE6   1 /* code 0 no route, 3 address, 4 port */
#define TOO_BIG6       2
#define TIME_EXCEEDED6 3
#define PARAMETER6     4 /* code 1 unknown next header */

/* Says something about odd->m to its sender, where the RFCs allow it; leaves odd->m alone. what:
 * the MTU or the pointer. */
void icmp_error(struct worker *w, struct burst *b, const struct odd_packet *odd,
	const struct ip_view *v, uint8_t type, uint8_t code, uint32_t what);
#define INNER_FRAGMENTS 64
/* Cuts m, an IPv4 packet without DF after 14 bytes, larger than mtu: itself becomes piece[0], the
 * first of *n <= INNER_FRAGMENTS (RFC 791 section 3.2), each with the 14 bytes in front and the TTL
 * `hops` lower. DROP_REASONS; or why not, and m is as it was. The caller counts n - 1 in
 * box.replicated. */
enum drop_reason fragment_inner(struct rte_mbuf *m, const struct ip_view *v, uint32_t mtu,
	uint8_t hops, struct rte_mbuf **piece, uint32_t *n);
/* Takes odd->m: IPv4 without DF, larger than odd->mtu. */
void fragment_send(
	struct worker *w, struct burst *b, const struct odd_packet *odd, const struct ip_view *v);

/* Writes an ARP request or reply / a neighbour solicitation into m behind its Ethernet header, type
 * included; m is empty. False: no room. */
bool arp_request(struct rte_mbuf *m, const uint8_t *mac, const struct host_order *order);
bool nd_solicit(
	struct rte_mbuf *m, const uint8_t *mac, const struct host_order *order, uint8_t *to);
/* The same of an unsolicited advertisement of order->source (RFC 4861 section 7.2.6); ARP's is a
 * request for the sender's own address. */
bool nd_announce(
	struct rte_mbuf *m, const uint8_t *mac, const struct host_order *order, uint8_t *to);

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

#endif
