/* SPDX-License-Identifier: BSD-3-Clause */
/* Bytes → packets on the ports of a fixed topology, through the whole pipeline; several in one
 * input, so that fragments meet. After each the ledger holds (rig.c), and what leaves does so at a
 * door of the topology.
 *
 * An input is a row of packets: flags, length (two bytes, big endian), bytes. Flags: bits 0-1 the
 * port (2, 3: the underlay), bit 2 puts our MAC in front, bit 3 an IPv4 checksum that is right, bit
 * 4 time goes on by 0.6 s, bit 5 the main thread's turn, bit 6 chained buffers cut at 20, bit 7 all
 * frames so far in one burst. Of the length, bit 15: an ICMP or ICMPv6 checksum that is right; bit
 * 14: the routing slice's MAC in front.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "build.h"
#include "fdb.h"
#include "neighbor.h"
#include "rig_l3.h"
#include "slice.h"
#include "tunnel.h"
#include "underlay.h"

#define PACKETS 32

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define GATEWAY 0x025c00012c01ull /* of VNI 300 */

static uint16_t lan, lan2, wan, slice[2], routed;
static struct pkt *pkt;

void rig_failed(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	abort();
}

/* A slice that routes: VLAN 30 of lan, 31 of lan2, and 10.2.0.0/16 and fd02::/16 by a tunnel. */
static void routing(uint16_t tunnel)
{
	struct l3_via far = rig_via_tunnel(tunnel, 0x020000000f01, 1), gateway;
	uint16_t a, b;

	routed = rig_l3_slice(300);
	a = rig_attachment(routed, lan, 30);
	b = rig_attachment(routed, lan2, 31);
	rig_gateway(routed, a, "10.0.0.254/24");
	rig_gateway(routed, a, "fd00::fe/64");
	rig_gateway(routed, b, "10.0.1.254/24");
	rig_gateway(routed, b, "fd01::fe/64");
	rig_l3_neighbor(routed, b, "10.0.1.1", 0x020000000b01);
	member_set(routed, tunnel);
	rig_l3_route(routed, "10.2.0.0/16", &far, 1);
	rig_l3_route(routed, "fd02::/16", &far, 1);
	gateway = rig_via(b, "10.0.1.9", 1);
	rig_l3_route(routed, "10.9.0.0/16", &gateway, 1);
}

static void topology(void)
{
	struct api_slice cfg = {.tunnel_learning = true,
		.max_macs = 64,
		.mac_ageing_s = 300,
		.flood_pps = 1000000,
		.mss_clamp = true};
	struct api_tunnel geneve = rig_tunnel_defaults();
	uint16_t t4, t6, g4, g6;

	rig_eal("0");
	rig_start();
	lan = rig_port(1500);
	lan2 = rig_port(1500);
	wan = rig_port(1500);
	rig_address(wan, "198.18.0.1/24");
	rig_address(wan, "2001:db8::1/64");
	rig_neighbor(wan, "198.18.0.2", 0x020000000e02);
	rig_neighbor(wan, "2001:db8::2", 0x020000000e06);
	for (int i = 0; i < 2; i++) {
		cfg.vni = 100 * (i + 1);
		cfg.suppress = i == 1;
		slice[i] = rig_slice_as(&cfg);
		rig_attachment(slice[i], i ? lan2 : lan, 0);
		rig_attachment(slice[i], i ? lan : lan2, 10);
	}
	t4 = rig_tunnel("198.18.0.1", "198.18.0.2");
	t6 = rig_tunnel("2001:db8::1", "2001:db8::2");
	geneve.encap = ENCAP_GENEVE;
	geneve.dst_port = 6081;
	geneve.fragment = true;
	g4 = rig_tunnel_as("198.18.0.1", "198.18.0.2", &geneve);
	g6 = rig_tunnel_as("2001:db8::1", "2001:db8::2", &geneve);
	member_set(slice[0], g4);
	member_set(slice[0], g6);
	member_set(slice[1], g6);
	member_set(slice[0], t4);
	member_set(slice[1], t4);
	member_set(slice[0], t6);
	routing(t4);
	underlay_resolve();
	pkt = calloc(PACKETS, sizeof(*pkt));
	RIG_CHECK(pkt != NULL, "no memory");
}

static void check_out(void)
{
	for (uint32_t i = 0; i < rig.outs; i++) {
		const struct pkt *p = &rig_out[i].pkt;
		uint16_t type = get16(p->b + 12);

		RIG_CHECK(p->len >= 14, "a runt left");
		if (rig_out[i].port != wan) {
			uint16_t vid = type == 0x8100 ? get16(p->b + 14) : 10;

			RIG_CHECK(vid == 10 || vid == (rig_out[i].port == lan ? 30 : 31),
				"another VLAN left");
			RIG_CHECK(vid == 10 || get16(p->b + 16) != 0x0800 || ipv4_ok(p->b + 18),
				"wrong IPv4 checksum in the routing slice");
			RIG_CHECK(vid == 10 || memcmp(p->b + 6, "\x02\x5c\0\x01\x2c\x01", 6) == 0,
				"not from the gateway's MAC");
			continue;
		}
		RIG_CHECK(
			type == 0x0800 || type == 0x86dd, "no tunnel packet left by the underlay");
		RIG_CHECK(type == 0x86dd || ipv4_ok(p->b + 14), "wrong IPv4 checksum");
		RIG_CHECK(type == 0x0800 || p->b[20] == 44 || udp_ok(p), "wrong UDP checksum");
		RIG_CHECK(p->len <= 1514, "larger than the underlay's MTU");
	}
}

/* ICMP in an IPv4 packet without options, or right behind an IPv6 header. */
static void fix_icmp(struct pkt *p)
{
	uint32_t at = p->len >= 18 && get16(p->b + 12) == 0x8100 ? 18 : 14;
	uint8_t *ip = p->b + at;
	uint32_t room = p->len > at ? p->len - at : 0;
	bool v6 = room >= 44 && ip[0] >> 4 == 6 && ip[6] == 58;
	bool v4 = room >= 24 && ip[0] == 0x45 && ip[9] == 1;
	uint32_t hlen = v6 ? 40 : 20, len = v6 ? get16(ip + 4) : get16(ip + 2) - 20u;

	if ((!v4 && !v6) || len > room - hlen || len < 4)
		return;
	put16(ip + hlen + 2, 0);
	put16(ip + hlen + 2,
		csum_fold(csum_add(v6 ? csum_add(58 + len, ip + 8, 32) : 0, ip + hlen, len)));
}

/* Takes one packet off the input: its flags, or -1 at the end. */
static int take(const uint8_t **data, size_t *size, struct pkt *p)
{
	if (*size < 3)
		return -1;
	int flags = (*data)[0];
	uint32_t more = get16(*data + 1), len = more % 2048;

	*data += 3;
	*size -= 3;
	if (len > *size)
		len = *size;
	memcpy(p->b, *data, len);
	p->len = len;
	*data += len;
	*size -= len;
	if ((flags & 4) && len >= 14)
		put48(p->b, rig_port_mac(wan));
	if ((flags & 8) && len >= 34 && p->b[14] >> 4 == 4 && (p->b[14] & 15) >= 5 &&
		len >= 14 + (p->b[14] & 15) * 4u)
		ipv4_fix(p->b + 14);
	if ((flags & 8) && len >= 38 && get16(p->b + 12) == 0x8100 && p->b[18] == 0x45)
		ipv4_fix(p->b + 18);
	if (more & 0x8000)
		fix_icmp(p);
	if ((more & 0x4000) && len >= 14)
		put48(p->b, GATEWAY);
	return flags;
}

static void act(int flags, uint32_t *n)
{
	uint16_t port = (flags & 3) == 0 ? lan : (flags & 3) == 1 ? lan2 : wan;

	if (flags & 0x80 && *n < PACKETS)
		return; /* waits for the others */
	rig_begin();
	if ((flags & 0x40) && *n == 1 && pkt[0].len > 20)
		rig_send_cut(port, pkt, 20);
	else
		rig_send(port, pkt, *n);
	check_out();
	*n = 0;
	if (flags & 0x10)
		rig_advance(0.6);
	if (flags & 0x20)
		rig_poll();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t n = 0;
	int flags;

	if (pkt == NULL)
		topology();
	while ((flags = take(&data, &size, &pkt[n])) >= 0) {
		n++;
		act(flags, &n);
	}
	if (n > 0)
		act(2, &n);
	rig_begin();
	rig_advance(2);
	RIG_CHECK(rig.held <= 0, "fragments that never time out");
	rig_poll();
	for (int i = 0; i < 2; i++)
		fdb_flush(slice[i], 0);
	neighbor_flush(slice[1]);
	return 0;
}
