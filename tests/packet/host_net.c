/* SPDX-License-Identifier: BSD-3-Clause */
/* The slice that speaks (host_net.h). */
#include "host_net.h"

#include <rte_cycles.h>
#include <string.h>

#include "neighbor.h"
#include "rig_tap.h"

struct host_net hn;
static struct pkt tmp;

void host_setup(void)
{
	net_setup();
	hn.green = rig_l3_slice(VNI_GREEN);
	hn.lan = rig_attachment(hn.green, net.lan, 50);
	hn.lan2 = rig_attachment(hn.green, net.lan2, 51);
	rig_gateway(hn.green, hn.lan, "10.0.0.254/24");
	rig_gateway(hn.green, hn.lan, "fd00::fe/64");
	rig_gateway(hn.green, hn.lan2, "10.0.1.254/24");
	rig_gateway(hn.green, hn.lan2, "fd01::fe/64");
	member_set(hn.green, net.t2);
	struct l3_via via = rig_via_tunnel(net.t2, FAR, 1);

	rig_l3_route(hn.green, "10.2.0.0/16", &via, 1);
	rig_l3_route(hn.green, "fd02::/16", &via, 1);
	rig_begin();
}

void host_tap_setup(void)
{
	host_setup();
	rig_tap(hn.lan);
}

void host_tap_teardown(void)
{
	rig_tap_gone(hn.lan);
	net_teardown();
}

struct ip_packet from_h1(const char *to)
{
	bool v6 = strchr(to, ':') != NULL;

	return (struct ip_packet){.dst = GATEWAY,
		.src = H1,
		.from = v6 ? "fd00::1" : "10.0.0.1",
		.to = to,
		.id = 0x4321,
		.payload = 60};
}

static void tagged(struct pkt *p, const struct pkt *frame, uint16_t vid)
{
	memcpy(p->b, frame->b, 12);
	put16(p->b + 12, 0x8100);
	put16(p->b + 14, vid);
	memcpy(p->b + 16, frame->b + 12, frame->len - 12);
	p->len = frame->len + 4;
}

void host_send(uint16_t port, const struct pkt *frame)
{
	struct outer o = from_peer2(VNI_GREEN);

	if (port == net.wan)
		wrap(&tmp, &o, frame);
	else
		tagged(&tmp, frame, port == net.lan ? 50 : 51);
	rig_begin();
	rig_send(port, &tmp, 1);
	rig_poll();
}

bool frame_of(uint32_t i, uint16_t port, struct pkt *frame)
{
	const struct pkt *p = &rig_out[i].pkt;
	uint32_t strip = port == net.wan ? 50 : 4;

	if (i >= rig.outs || rig_out[i].port != port || p->len < strip + 14)
		return false;
	frame->len = p->len - strip;
	if (port == net.wan) {
		memcpy(frame->b, p->b + 50, frame->len);
		return get16(p->b + 36) == 4789 && get32(p->b + 46) == VNI_GREEN << 8;
	}
	memcpy(frame->b, p->b, 12);
	memcpy(frame->b + 12, p->b + 16, frame->len - 12);
	return get16(p->b + 12) == 0x8100 && get16(p->b + 14) == (port == net.lan ? 50 : 51);
}

bool saw_frame(uint16_t port, const struct pkt *want)
{
	for (uint32_t i = 0; i < rig.outs; i++)
		if (frame_of(i, port, &tmp) && tmp.len == want->len &&
			memcmp(tmp.b, want->b, want->len) == 0)
			return true;
	return false;
}

void expect_frame(const char *what, uint16_t port, const struct pkt *want)
{
	static struct pkt got;
	uint32_t at = 0;

	ck_assert_msg(rig.outs == 1 && frame_of(0, port, &got),
		"%s: want one frame by port %u; %u left, %lu dropped", what, port, rig.outs,
		rig.drops);
	while (at < got.len && at < want->len && got.b[at] == want->b[at])
		at++;
	ck_assert_msg(got.len == want->len && at == want->len,
		"%s: %u bytes, want %u; different at %u: %02x, want %02x", what, got.len, want->len,
		at, got.b[at], want->b[at]);
}

void host_arrives(uint16_t port, uint64_t mac, const char *address)
{
	const char *v4 = port == net.lan ? "10.0.0.254" : "10.0.1.254";
	const char *v6 = port == net.lan ? "fd00::fe" : "fd01::fe";
	struct arp a = {.dst = BCAST, .src = mac, .spa = address, .tpa = v4};
	struct nd n = {.dst = group_mac("ff02::1:ff00:fe"),
		.src = mac,
		.type = 135,
		.from = address,
		.to = "ff02::1:ff00:fe",
		.target = v6,
		.mac = mac};
	static struct pkt p;

	if (strchr(address, ':') != NULL)
		build_nd(&p, &n);
	else
		build_arp(&p, &a);
	host_send(port, &p);
	ck_assert_msg(rig.answered == 1, "%s is not answered", address);
}

void time_passes(double seconds)
{
	for (; seconds > 0; seconds -= 0.5) {
		rig_advance(0.5);
		rig_poll();
		rig_advance(0);
	}
}
