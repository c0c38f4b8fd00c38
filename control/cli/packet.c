/* SPDX-License-Identifier: BSD-3-Clause */
/* See packet.h. A reader for the eye, not a parser to rely on: the stages' own words are the truth.
 */
#include <arpa/inet.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "packet.h"

struct reader {
	const uint8_t *at;
	size_t left;
	char *text;
	size_t size, used;
	int tunnels; /* how deep inside */
};

static void ethernet(struct reader *r);

static void say(struct reader *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void say(struct reader *r, const char *fmt, ...)
{
	va_list ap;

	if (r->used >= r->size)
		return;
	va_start(ap, fmt);
	r->used += (size_t)vsnprintf(r->text + r->used, r->size - r->used, fmt, ap);
	va_end(ap);
}

/* The next n bytes, or NULL when the packet was cut before. */
static const uint8_t *take(struct reader *r, size_t n)
{
	const uint8_t *at = r->at;

	if (r->left < n)
		return NULL;
	r->at += n;
	r->left -= n;
	return at;
}

static unsigned be16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static unsigned be24(const uint8_t *p)
{
	return (unsigned)p[0] << 16 | be16(p + 1);
}

/* VXLAN and Geneve carry a frame 8 bytes (and Geneve's options) further in. */
static void tunnel(struct reader *r, unsigned port)
{
	const uint8_t *h = take(r, 8);

	if (h == NULL || r->tunnels++ > 2)
		return;
	say(r, " %s %u", port == 4789 ? "VXLAN" : "Geneve", be24(h + 4));
	if (port == 6081 && take(r, (h[0] & 0x3fu) * 4) == NULL)
		return;
	say(r, " | ");
	ethernet(r);
}

static void transport(struct reader *r, unsigned proto)
{
	const uint8_t *h;

	if (proto != IPPROTO_TCP && proto != IPPROTO_UDP) {
		if (proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6)
			say(r, proto == IPPROTO_ICMP ? " ICMP" : " ICMPv6");
		else
			say(r, " protocol %u", proto);
		h = take(r, 2);
		if (h != NULL && (proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6))
			say(r, " type %u", h[0]);
		return;
	}
	say(r, proto == IPPROTO_TCP ? " TCP" : " UDP");
	h = take(r, 8);
	if (h == NULL)
		return;
	say(r, " %u > %u", be16(h), be16(h + 2));
	if (proto == IPPROTO_UDP && (be16(h + 2) == 4789 || be16(h + 2) == 6081))
		tunnel(r, be16(h + 2));
}

static void ipv4(struct reader *r)
{
	const uint8_t *h = take(r, 20);
	char src[INET_ADDRSTRLEN], dst[INET_ADDRSTRLEN];
	unsigned fragment;

	say(r, " IPv4");
	if (h == NULL)
		return;
	inet_ntop(AF_INET, h + 12, src, sizeof(src));
	inet_ntop(AF_INET, h + 16, dst, sizeof(dst));
	say(r, " %s > %s", src, dst);
	if ((h[0] & 0xf) > 5 && take(r, ((h[0] & 0xfu) - 5) * 4) == NULL)
		return;
	fragment = be16(h + 6) & 0x1fff;
	if (fragment != 0)
		say(r, " fragment at %u", fragment * 8);
	else
		transport(r, h[9]);
}

static void ipv6(struct reader *r)
{
	const uint8_t *h = take(r, 40);
	char src[INET6_ADDRSTRLEN], dst[INET6_ADDRSTRLEN];

	say(r, " IPv6");
	if (h == NULL)
		return;
	inet_ntop(AF_INET6, h + 8, src, sizeof(src));
	inet_ntop(AF_INET6, h + 24, dst, sizeof(dst));
	say(r, " %s > %s", src, dst);
	transport(r, h[6]);
}

static void arp(struct reader *r)
{
	const uint8_t *h = take(r, 28);

	if (h == NULL)
		say(r, " ARP");
	else if (be16(h + 6) == 1)
		say(r, " ARP who has %u.%u.%u.%u", h[24], h[25], h[26], h[27]);
	else
		say(r, " ARP %u.%u.%u.%u is here", h[14], h[15], h[16], h[17]);
}

static void ethernet(struct reader *r)
{
	const uint8_t *h = take(r, 14), *tag;
	unsigned type;

	if (h == NULL) {
		say(r, "%zu bytes", r->left);
		return;
	}
	say(r, "%02x:%02x:%02x:%02x:%02x:%02x > %02x:%02x:%02x:%02x:%02x:%02x", h[6], h[7], h[8],
		h[9], h[10], h[11], h[0], h[1], h[2], h[3], h[4], h[5]);
	type = be16(h + 12);
	while (type == 0x8100 || type == 0x88a8) {
		tag = take(r, 4);
		if (tag == NULL)
			return;
		say(r, " vlan %u", be16(tag) & 0xfff);
		type = be16(tag + 2);
	}
	if (type == 0x0800)
		ipv4(r);
	else if (type == 0x86dd)
		ipv6(r);
	else if (type == 0x0806)
		arp(r);
	else if (type >= 0x600)
		say(r, " type 0x%04x", type);
}

void packet_text(const uint8_t *bytes, size_t len, char *text, size_t size)
{
	struct reader r = {.at = bytes, .left = len, .text = text, .size = size};

	text[0] = '\0';
	ethernet(&r);
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

size_t packet_unhex(const char *hex, uint8_t *bytes, size_t max)
{
	size_t n = 0;

	/* the digit test fails on a NUL, so the second one is only read behind a first */
	while (n < max && digit(hex[0]) >= 0 && digit(hex[1]) >= 0) {
		bytes[n++] = (uint8_t)(digit(hex[0]) << 4 | digit(hex[1]));
		hex += 2;
	}
	return n;
}
