/* SPDX-License-Identifier: BSD-3-Clause */
/* TCP packets of any shape, in frames as build.h's. */
#ifndef TESTS_PACKET_BUILD_TCP_H
#define TESTS_PACKET_BUILD_TCP_H

#include "build.h"

#define SYN 0x02
#define ACK 0x10

/* A TCP packet: addresses of build.c's, options as given, extension headers before it (IPv6). */
struct tcp {
	uint64_t dst, src;
	uint8_t ip;	 /* 4 or 6 */
	uint8_t ip_opts; /* IPv4: words of options */
	uint8_t flags;
	uint16_t frag; /* IPv4: the word; IPv6: a fragment header if not 0 */
	const char
		*ext; /* IPv6: a letter a header: h hop-by-hop, r routing, d destination, long D */
	uint8_t opt[40];
	uint8_t opt_len; /* a multiple of 4 */
	uint8_t doff;	 /* 0: what is true */
	uint32_t payload;
};

/* With a right checksum. */
void build_tcp(struct pkt *p, const struct tcp *t);
extern uint32_t tcp_at; /* where the TCP header of the packet built last starts */
/* Its checksum anew, after a change. */
void tcp_fix(struct pkt *p, bool v6);

#endif
