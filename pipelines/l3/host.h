/* SPDX-License-Identifier: BSD-3-Clause */
/* What the switch itself says inside slices, all on the workers, off the common path, and each
 * thing bounded by a rate per slice.
 */
#ifndef PIPELINES_HOST_H
#define PIPELINES_HOST_H

#include "arp_nd.h"
#include "hot.h"
#include "l3.h"
#include "report.h"

/* Sends what main wants asked; about once a millisecond. */
void host_tick(struct worker *w);

/* The kernel's interfaces of attachments, as the room that has them registers them: what stations
 * say to the gateway and the switch does not answer goes there. */
struct host_kernel {
	/* Did the packet come in by an attachment with such an interface? */
	bool (*is_there)(const struct odd_packet *odd);
	/* Takes odd->m to the kernel, or drops it by name. */
	void (*take)(struct worker *w, struct burst *b, const struct odd_packet *odd);
};
extern struct host_kernel host_kernel;

static inline bool host_has_kernel(const struct odd_packet *odd)
{
	return host_kernel.is_there != NULL && host_kernel.is_there(odd);
}

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

/* Has main ask for the next hop of odd, which is a NEXTHOP_ASK; to: where the packet goes. */
void host_ask(struct worker *w, const struct odd_packet *odd, uint8_t family, const uint8_t *to);

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
/* ---- the parts ---- */

/* ARP into an l3 slice (RFC 826, RFC 5227). Takes odd->m. */
void arp_take(struct worker *w, struct burst *b, const struct odd_packet *odd);
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

#endif
