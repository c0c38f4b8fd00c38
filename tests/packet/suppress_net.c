/* SPDX-License-Identifier: BSD-3-Clause */
/* The slice that answers for its hosts (suppress_net.h). */
#include "suppress_net.h"

#include <stdio.h>
#include <string.h>

void suppress_on(uint16_t slice, uint32_t vni, uint32_t max_macs)
{
	struct api_slice cfg = {.tunnel_learning = true,
		.vni = vni,
		.max_macs = max_macs,
		.mac_ageing_s = 300,
		.flood_pps = 1000000,
		.suppress = true};

	slice_set(slice, &cfg);
}

void suppress_setup(void)
{
	net_setup();
	suppress_on(net.red, VNI_RED, 65536);
}

struct arp suppress_request(uint64_t src, const char *spa, const char *tpa)
{
	return (struct arp){.dst = BCAST, .src = src, .spa = spa, .tpa = tpa};
}

void suppress_send(uint16_t port, const struct pkt *frame)
{
	static struct pkt p;
	struct outer o = from_peer2(VNI_RED);

	if (port == net.lan) {
		p = *frame;
	} else if (port == net.lan2) {
		memcpy(p.b, frame->b, 12);
		put16(p.b + 12, 0x8100);
		put16(p.b + 14, 20);
		memcpy(p.b + 16, frame->b + 12, frame->len - 12);
		p.len = frame->len + 4;
	} else {
		wrap(&p, &o, frame);
	}
	rig_begin();
	rig_send(port, &p, 1);
	rig_poll();
}

void suppress_send_arp(uint16_t port, const struct arp *a)
{
	static struct pkt p;

	build_arp(&p, a);
	suppress_send(port, &p);
}

void suppress_introduce(uint16_t port, uint64_t mac, const char *ip)
{
	struct arp a = suppress_request(mac, ip, "10.0.0.99");

	suppress_send_arp(port, &a);
}

void expect_suppress_flooded(const char *what)
{
	ck_assert_msg(rig.answered == 0 && rig.outs > 1, "%s: %u left, %lu answered", what,
		rig.outs, rig.answered);
}

void expect_suppress_answer(const char *what, uint64_t mac, const char *spa)
{
	struct arp a = {.dst = HOST_A, .src = mac, .op = 2, .spa = spa, .tha = HOST_A, .tpa = IP_A};

	build_arp(&b_pkt, &a);
	expect_out(what, net.lan, &b_pkt);
	ck_assert_uint_eq(rig.answered, 1);
}
