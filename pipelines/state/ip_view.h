/* SPDX-License-Identifier: BSD-3-Clause */
/* The IP headers of a packet, checked, up to the upper one. For packets that are not on the common
 * path. */
#ifndef STATE_IP_VIEW_H
#define STATE_IP_VIEW_H

#include <stdbool.h>
#include <stdint.h>

struct ip_view {
	uint8_t *ip;	  /* in the first buffer, with all headers up to l4 */
	uint32_t total;	  /* bytes from ip on */
	uint32_t l4;	  /* offset of the upper header from ip */
	uint32_t pointer; /* offset of the byte that says what it is */
	uint8_t family;
	uint8_t proto;	    /* of the upper header */
	bool fragment;	    /* part of a packet */
	bool first;	    /* the part that begins it */
	bool authenticated; /* an authentication header covers it (RFC 4302) */
};
/* frame: an Ethernet header and what follows, of which data_len bytes lie together. False: no IP
 * packet, or it ends before its headers do. */
bool ip_parse(uint8_t *frame, uint32_t data_len, uint32_t pkt_len, struct ip_view *v);

#endif
