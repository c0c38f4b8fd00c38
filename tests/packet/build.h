/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames from a few words, byte by byte and without any of the switch's own code, checksums
 * included. */
#ifndef TESTS_BUILD_H
#define TESTS_BUILD_H

#include "rig.h"

struct tag {
	uint16_t tpid, tci;
};

/* A tenant's frame. */
struct spec {
	uint64_t dst, src; /* MACs, 0x020000000001 */
	struct tag tag[3]; /* tpid 0 ends */
	uint8_t ip;	   /* 4, 6; 0: none, the type is below */
	uint16_t type;
	uint8_t tos, proto;   /* proto 0 = UDP */
	uint8_t saddr, daddr; /* last byte of 10.0.0.x or fd00::x */
	uint16_t sport, dport;
	uint16_t frag;	  /* IPv4: flags and offset word; IPv6: a fragment header if not 0 */
	uint32_t label;	  /* IPv6 flow label */
	uint32_t payload; /* bytes after the last header, 0xa5 and a counter */
};

enum csum { CSUM_ZERO, CSUM_GOOD, CSUM_WRONG };

/* RFC 8926 instead of VXLAN. */
struct geneve {
	bool on;
	uint8_t version;
	uint8_t words; /* of options, each with its own header */
	int8_t lie;    /* added to what the header says of them */
	bool control, critical;
	uint16_t proto; /* 0 = 0x6558 */
};

/* What a tunnel puts around it. */
struct outer {
	uint64_t dst, src;
	const char *from, *to; /* IPv4 or IPv6 */
	uint8_t tos, ttl;      /* ttl 0 = 64 */
	uint16_t id, frag;     /* IPv4: frag is the flags and offset word */
	uint8_t options;       /* IPv4: words of them */
	uint16_t sport, dport; /* dport 0 = 4789, Geneve: 6081 */
	enum csum csum;
	uint32_t vni;
	uint8_t flags;	  /* VXLAN: 0 = 0x08 */
	uint8_t reserved; /* into the reserved bytes and bits */
	struct geneve geneve;
	uint32_t pad; /* bytes after the end */
};

void build(struct pkt *p, const struct spec *s);
void wrap(struct pkt *p, const struct outer *o, const struct pkt *inner);
/* Cuts the IP packet behind p's Ethernet header into pieces of `size` payload bytes (a multiple of
 * 8): how many. */
uint32_t fragment(const struct pkt *p, uint32_t size, uint32_t id, struct pkt *out, uint32_t max);

/* RFC 1071 over bytes, without complement. */
uint32_t csum_add(uint32_t sum, const uint8_t *p, uint32_t len);
uint16_t csum_fold(uint32_t sum);
/* Is the IPv4 header's checksum right? The UDP checksum of the packet behind an Ethernet header? */
bool ipv4_ok(const uint8_t *ip);
bool udp_ok(const struct pkt *p);
void ipv4_fix(uint8_t *ip);
/* Puts the right UDP checksum in (of an unfragmented packet). */
void udp_fix(struct pkt *p);

static inline uint16_t get16(const uint8_t *p)
{
	return p[0] << 8 | p[1];
}

static inline uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static inline void put16(uint8_t *p, uint16_t v)
{
	p[0] = v >> 8;
	p[1] = v;
}

static inline void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

static inline void put48(uint8_t *p, uint64_t v)
{
	put16(p, v >> 32);
	put32(p + 2, v);
}

#endif
