/* SPDX-License-Identifier: BSD-3-Clause */
/* ARP, Neighbor Discovery and ICMP from a few words, for the tests of what the switch itself says:
 * written from the RFCs, not from the pipelines. */
#ifndef TESTS_BUILD_HOST_H
#define TESTS_BUILD_HOST_H

#include "build.h"

struct arp {
	uint64_t dst, src; /* of the frame */
	uint16_t op;	   /* 0: request */
	uint64_t sha, tha; /* sha 0: src */
	const char *spa, *tpa;
};
/* 60 bytes, padded with zeros. */
void build_arp(struct pkt *p, const struct arp *a);

struct nd {
	uint64_t dst, src;
	uint8_t type; /* 135, 136 */
	const char *from, *to, *target;
	uint8_t flags; /* of an advertisement */
	uint64_t mac;  /* of the option; 0: none */
};
void build_nd(struct pkt *p, const struct nd *n);

/* An ICMP or ICMPv6 message, by the family of the addresses. */
struct icmp {
	uint64_t dst, src;
	const char *from, *to;
	uint8_t ttl, tos; /* ttl 0: 64 */
	uint8_t type, code;
	uint32_t word; /* bytes 4 to 7 */
	uint32_t payload;
};
void build_icmp(struct pkt *p, const struct icmp *i);
/* The same around what is quoted: bytes of an IP packet. */
void build_icmp_around(
	struct pkt *p, const struct icmp *i, const uint8_t *quote, uint32_t quote_len);

/* A UDP packet between two addresses, of either family. */
struct ip_packet {
	uint64_t dst, src;
	const char *from, *to;
	uint8_t ttl, tos, proto; /* ttl 0: 64; proto 0: UDP */
	uint16_t frag;		 /* IPv4: flags and offset word */
	uint16_t id;
	uint8_t options;  /* IPv4: words of NOPs */
	uint32_t payload; /* bytes after the IP header, UDP's header among them */
};
void build_ip(struct pkt *p, const struct ip_packet *i);

/* Puts the right checksum into the ICMP or ICMPv6 message; is it right? */
void icmp_fix(struct pkt *p);
bool icmp_ok(const struct pkt *p);

/* The MAC of an IPv6 multicast address (RFC 2464 section 7). */
uint64_t group_mac(const char *group);

#endif
