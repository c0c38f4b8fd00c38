/* SPDX-License-Identifier: BSD-3-Clause */
/* What routing reads per packet, and what answers of the switch itself (ARP, ND, ICMP) need.
 * Written by main (nexthop.c, fib.c, gateway.c); read by route.c, host.c, icmp.c. */
#ifndef PIPELINES_L3_H
#define PIPELINES_L3_H

#include "hot.h"
#include "lpm.h"

/* A next hop is one word, so that a change of it is one store: kind in the two low bits, id above
 * them, and in the high six bytes the MAC the frame goes to, as it lies in a frame. */
enum nexthop_kind {
	NEXTHOP_ATTACHMENT, /* id: attachment */
	NEXTHOP_TUNNEL,	    /* id: tunnel; the slice is a member */
	NEXTHOP_ASK,	    /* on this attachment, but its MAC is not known: ARP, ND */
	NEXTHOP_OTHER	    /* id: enum nexthop_other */
};
enum nexthop_other {
	NEXTHOP_NONE,	   /* no route: unreachable */
	NEXTHOP_LOCAL,	   /* an address of the switch: its attachment stands where the MAC would */
	NEXTHOP_BLACKHOLE, /* not forwarded, and nobody is told */
	NEXTHOP_UNREACHABLE, /* a neighbour that does not answer: host unreachable */
	NEXTHOP_GROUP	     /* and log2 of its slots; their address instead of the MAC */
};
#define NEXTHOP_KIND(w)		     ((enum nexthop_kind)((w)&3))
#define NEXTHOP_ID(w)		     ((uint16_t)(w) >> 2)
#define NEXTHOP_HIGH(w)		     ((w) >> 16)
#define NEXTHOP_WORD(kind, id, high) ((uint64_t)(high) << 16 | (uint64_t)(id) << 2 | (kind))
#define NEXTHOP_DROP(what)	     NEXTHOP_WORD(NEXTHOP_OTHER, what, 0)

/* By what the FIB answers; [0] is NEXTHOP_NONE. An index that a worker may still hold is not reused
 * before a grace period. */
extern uint64_t *nexthop_hot; /* [NEXTHOPS] */
/* The address a NEXTHOP_ASK is about (family 0: the packet's own destination), or of a
 * NEXTHOP_LOCAL. Does not change while the index is in use. */
extern struct api_ip *nexthop_address; /* [NEXTHOPS] */

/* Index of a NEXTHOP_LOCAL: the first gateway address of the attachment, by family; 0: none. What
 * errors about packets that came in there are sent from. slice_source: of any attachment of the
 * slice, for packets that came by a tunnel. */
struct l3_source {
	uint32_t v4, v6;
};
extern struct l3_source *attachment_source; /* [LIMIT_ATTACHMENTS + 1] */
extern struct l3_source *slice_source;	    /* [LIMIT_SLICES + 1] */

/* (slice, address) → index of the next hop, and above it who put the entry (enum fib_owner). */
extern struct lpm_table fib4, fib6;
#define FIB_OWNER_SHIFT 24
#define FIB_NEXTHOP(v)	((v) & ((1u << FIB_OWNER_SHIFT) - 1))
#define FIB_OWNER(v)	((enum fib_owner)((v) >> FIB_OWNER_SHIFT))
#define FIB_VALUE(n, o) ((n) | (uint32_t)(o) << FIB_OWNER_SHIFT)

/* ---- stages ---- */

/* route[] → to_tunnel, to_access; what is not plain goes to the exceptions (host.c). RFC 1812, RFC
 * 8200. Adds to what the bridge put into the lanes. */
void route_run(struct worker *w, struct burst *b);

/* ---- between the stages ---- */

/* Why a packet left route.c's way. */
enum odd {
	ODD_NOT_IP,	 /* ARP, or nothing a router knows */
	ODD_GROUP,	 /* to a multicast or broadcast address (ND is here) */
	ODD_LOCAL,	 /* to an address of the switch */
	ODD_TTL,	 /* would leave with TTL or hop limit 0 */
	ODD_NO_ROUTE,	 /* network unreachable */
	ODD_UNREACHABLE, /* host unreachable */
	ODD_ASK,	 /* its neighbour's MAC is to be asked for */
	ODD_TOO_BIG	 /* larger than the way out carries */
};

/* One packet that routing could not just send on; it is answered, asked for, fragmented or dropped
 * by name. m: its Ethernet header is still the one it came with. mtu: of the way out, for
 * ODD_TOO_BIG. */
struct odd_packet {
	struct rte_mbuf *m;
	door_t door;
	uint16_t slice;
	uint16_t mtu;
	uint32_t nexthop;
	uint32_t hash; /* of its flow */
	enum odd why;
	uint8_t back; /* 1 + the way of the door's session that leads to the sender; 0: the slice's
			 FIB does */
	bool in_session; /* with back: what is said comes from the UE, to who checks that */
};

/* The exceptions of a burst, in the order in which they came. One may become many packets
 * (fragments, an answer), so it is taken when no other packet is in a stage: a queue of the worker,
 * empty between bursts. */
#define ODDS_MAX 256 /* of one burst */
struct odd_queue {
	uint32_t next, n;
	struct odd_packet packet[ODDS_MAX];
};

/* Takes odd->m; beyond ODDS_MAX it is dropped as exception_limit. Workers, host.c. */
void odd_add(struct worker *w, struct burst *b, const struct odd_packet *odd);
/* Deals with the next exception. False: there is none. Workers, host.c. */
bool odd_take(struct worker *w, struct burst *b);

/* Sends an IP packet of the switch's own, or a fragment, into the slice: m begins with 14 bytes
 * that become its Ethernet header. Routed like any other (TTL untouched), but nothing is said about
 * what cannot be sent: it is dropped by name. Not larger than the way out carries is the caller's
 * business for fragments; others are dropped as access_mtu or underlay_mtu. Counts nothing but
 * drops: whoever made m counts it (box.originated, or box.replicated). Workers, route_own.c. */
void route_send(struct worker *w, struct burst *b, struct rte_mbuf *m, uint16_t slice);

/* Routes a packet that came in by `door` as if it were to this address, of its own family; m begins
 * with an Ethernet header. What cannot be sent is dropped by name. Workers, route_own.c. */
void route_redirect(struct worker *w, struct burst *b, struct rte_mbuf *m, uint16_t slice,
	door_t door, const uint8_t *to);

/* The same as route_send() by a way into a session (SESSION_GROUP_BACK), as if it had come in
 * there.
 */
void route_send_session(struct worker *w, struct burst *b, struct rte_mbuf *m, uint16_t slice,
	uint32_t session, uint8_t group);

/* The same as route_send() by an attachment that is known, to this MAC (ARP, ND, answers to the
 * asker). */
void route_send_by(struct worker *w, struct burst *b, struct rte_mbuf *m, uint16_t slice,
	uint16_t attachment, const uint8_t *mac);

#endif
