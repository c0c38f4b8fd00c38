/* SPDX-License-Identifier: BSD-3-Clause */
/* Bytes → packets on the ports of a fixed topology, through the whole pipeline; several in one
 * input, so that fragments meet. After each the ledger holds (rig.c), and what leaves does so at a
 * door of the topology.
 *
 * An input is a row of packets: flags, length (two bytes, big endian), bytes. Flags: bits 0-1 the
 * port (2, 3: the underlay), bit 2 puts our MAC in front, bit 3 an IPv4 checksum that is right, bit
 * 4 time goes on by 0.6 s, bit 5 the main thread's turn, bit 6 chained buffers cut at 20, bit 7 all
 * frames so far in one burst.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "build.h"
#include "fdb.h"
#include "slice.h"
#include "tunnel.h"
#include "underlay.h"

#define PACKETS 32

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint16_t lan, lan2, wan, slice[2];
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

static void topology(void)
{
	struct api_slice cfg = {
		.max_macs = 64, .mac_ageing_s = 300, .flood_pps = 1000000, .mss_clamp = true};
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
			RIG_CHECK(type != 0x8100 || get16(p->b + 14) == 10, "another VLAN left");
			continue;
		}
		RIG_CHECK(
			type == 0x0800 || type == 0x86dd, "no tunnel packet left by the underlay");
		RIG_CHECK(type == 0x86dd || ipv4_ok(p->b + 14), "wrong IPv4 checksum");
		RIG_CHECK(type == 0x0800 || p->b[20] == 44 || udp_ok(p), "wrong UDP checksum");
		RIG_CHECK(p->len <= 1514, "larger than the underlay's MTU");
	}
}

/* Takes one packet off the input: its flags, or -1 at the end. */
static int take(const uint8_t **data, size_t *size, struct pkt *p)
{
	if (*size < 3)
		return -1;
	int flags = (*data)[0];
	uint32_t len = get16(*data + 1) % 2048;

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
	return 0;
}
