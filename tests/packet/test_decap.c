/* SPDX-License-Identifier: BSD-3-Clause */
/* Out of tunnels: who may come in, and what becomes of the packet around the frame. */
#include <stdlib.h>
#include <string.h>

#include "expect.h"

/* How a packet differs from a good one, and what becomes of it. */
struct coming {
	const char *what;
	bool v6;
	struct outer o;	      /* what is not said here is the peer's */
	enum drop_reason why; /* DROP_REASONS: it comes in */
};

static const struct coming coming[] = {
	{"IPv4", false, {.vni = VNI_RED}, DROP_REASONS},
	{"IPv6", true, {.vni = VNI_RED, .csum = CSUM_GOOD}, DROP_REASONS},
	{"UDP checksum over IPv4", false, {.vni = VNI_RED, .csum = CSUM_GOOD}, DROP_REASONS},
	{"wrong UDP checksum over IPv4", false, {.vni = VNI_RED, .csum = CSUM_WRONG},
		DROP_UDP_CHECKSUM},
	{"wrong UDP checksum over IPv6", true, {.vni = VNI_RED, .csum = CSUM_WRONG},
		DROP_UDP_CHECKSUM},
	{"zero UDP checksum over IPv6", true, {.vni = VNI_RED, .csum = CSUM_ZERO},
		DROP_UDP_ZERO_CHECKSUM6},
	{"one word of IPv4 options", false, {.vni = VNI_RED, .options = 1}, DROP_REASONS},
	{"ten words of IPv4 options, checksum", false,
		{.vni = VNI_RED, .options = 10, .csum = CSUM_GOOD}, DROP_REASONS},
	{"any TTL", false, {.vni = VNI_RED, .ttl = 1}, DROP_REASONS},
	{"any source port", false, {.vni = VNI_RED, .sport = 1}, DROP_REASONS},
	{"don't fragment", false, {.vni = VNI_RED, .frag = 0x4000, .id = 77}, DROP_REASONS},
	{"the reserved IP flag", false, {.vni = VNI_RED, .frag = 0x8000}, DROP_REASONS},
	{"padding behind the IP packet", false, {.vni = VNI_RED, .pad = 20}, DROP_REASONS},
	{"padding behind the IPv6 packet", true, {.vni = VNI_RED, .csum = CSUM_GOOD, .pad = 3},
		DROP_REASONS},
	{"padding and a checksum", false, {.vni = VNI_RED, .csum = CSUM_GOOD, .pad = 7},
		DROP_REASONS},
	{"other VXLAN flags beside I", false, {.vni = VNI_RED, .flags = 0xff}, DROP_REASONS},
	{"reserved bytes not zero", false, {.vni = VNI_RED, .reserved = 0x5a}, DROP_REASONS},
	{"I flag clear", false, {.vni = VNI_RED, .flags = 0xf7}, DROP_VXLAN_HEADER},
	{"I flag clear, IPv6", true, {.vni = VNI_RED, .flags = 0x80, .csum = CSUM_GOOD},
		DROP_VXLAN_HEADER},
	{"VNI nobody has", false, {.vni = 101}, DROP_TUNNEL_UNKNOWN_VNI},
	{"VNI 0", false, {.vni = 0}, DROP_TUNNEL_UNKNOWN_VNI},
	{"VNI of a slice that is not on this tunnel", true, {.vni = VNI_BLUE, .csum = CSUM_GOOD},
		DROP_TUNNEL_UNKNOWN_VNI},
	{"largest VNI", false, {.vni = 0xffffff}, DROP_TUNNEL_UNKNOWN_VNI},
	{"unknown peer", false, {.vni = VNI_RED, .from = "198.18.0.3"}, DROP_TUNNEL_UNKNOWN_PEER},
	{"unknown IPv6 peer", true, {.vni = VNI_RED, .from = "2001:db8::3", .csum = CSUM_GOOD},
		DROP_TUNNEL_UNKNOWN_PEER},
	{"our own address as the source", false, {.vni = VNI_RED, .from = LOCAL4},
		DROP_TUNNEL_UNKNOWN_PEER},
	{"another local address: the kernel's", false, {.vni = VNI_RED, .to = "198.18.0.9"},
		DROP_NO_TAP},
	{"another local IPv6 address", true,
		{.vni = VNI_RED, .to = "2001:db8::9", .csum = CSUM_GOOD}, DROP_NO_TAP},
	{"another UDP port: the kernel's", false, {.vni = VNI_RED, .dport = 4790}, DROP_NO_TAP},
	{"another UDP port, IPv6", true, {.vni = VNI_RED, .dport = 53, .csum = CSUM_GOOD},
		DROP_NO_TAP},
	{"another station's MAC", false, {.vni = VNI_RED, .dst = 0x020000000099}, DROP_NOT_OUR_MAC},
	{"to all stations: the kernel's", false, {.vni = VNI_RED, .dst = BCAST}, DROP_NO_TAP},
};

static void fill_in(struct outer *o, bool v6)
{
	struct outer peer = v6 ? from_peer6(0) : from_peer2(0);

	if (o->dst == 0)
		o->dst = peer.dst;
	if (o->from == NULL)
		o->from = peer.from;
	if (o->to == NULL)
		o->to = peer.to;
	o->src = peer.src;
}

START_TEST(decap_takes_or_refuses_by_name)
{
	const struct coming *t = &coming[_i];
	struct spec s = plain(HOST_A, t->v6 ? HOST_D : HOST_C);
	struct outer o = t->o;

	fill_in(&o, t->v6);
	/* odd lengths too: padding and checksums meet them */
	for (s.payload = 30; s.payload < 33; s.payload++) {
		build(&a_pkt, &s);
		wrap(&b_pkt, &o, &a_pkt);
		rig_begin();
		rig_send(net.wan, &b_pkt, 1);
		if (t->why == DROP_REASONS)
			expect_out(t->what, net.lan, &a_pkt);
		else
			expect_drop(t->what, t->why);
	}
}
END_TEST

START_TEST(decap_leads_the_same_peer_and_macs_into_the_slice_of_the_vni)
{
	struct spec s = plain(HOST_B, HOST_C), tagged = s;
	struct outer o = from_peer2(VNI_RED);

	tagged.tag[0] = (struct tag){0x8100, 20};
	build(&a_pkt, &s);
	build(&c_pkt, &tagged);
	wrap(&b_pkt, &o, &a_pkt);
	rig_send(net.wan, &b_pkt, 1);
	expect_out("red", net.lan2, &c_pkt);
	o.vni = VNI_BLUE;
	wrap(&b_pkt, &o, &a_pkt);
	rig_begin();
	rig_send(net.wan, &b_pkt, 1);
	expect_out("blue", net.lan2, &a_pkt);
}
END_TEST

START_TEST(decap_accepts_zero_checksum_over_ipv6_only_where_told)
{
	struct api_tunnel cfg = rig_tunnel_defaults();
	struct spec s = plain(HOST_A, HOST_D);
	struct outer o = from_peer6(VNI_RED);

	cfg.local = rig_ip(LOCAL6, false);
	cfg.remote = rig_ip("2001:db8::2", false);
	cfg.accept_zero_csum6 = true;
	tunnel_set(net.t6, &cfg);
	underlay_resolve();
	o.csum = CSUM_ZERO;
	build(&a_pkt, &s);
	wrap(&b_pkt, &o, &a_pkt);
	rig_send(net.wan, &b_pkt, 1);
	expect_out("zero accepted", net.lan, &a_pkt);
	o.csum = CSUM_WRONG;
	wrap(&b_pkt, &o, &a_pkt);
	rig_begin();
	rig_send(net.wan, &b_pkt, 1);
	expect_drop("wrong is still wrong", DROP_UDP_CHECKSUM);
	cfg.accept_zero_csum6 = false;
	tunnel_set(net.t6, &cfg);
	o.csum = CSUM_ZERO;
	wrap(&b_pkt, &o, &a_pkt);
	rig_begin();
	rig_send(net.wan, &b_pkt, 1);
	expect_drop("no more", DROP_UDP_ZERO_CHECKSUM6);
}
END_TEST

static const struct inside {
	const char *what;
	struct spec s;
	enum drop_reason why;
} inside[] = {
	{"802.1Q", {.dst = HOST_A, .src = HOST_C, .tag = {{0x8100, 10}}, .ip = 4},
		DROP_VLAN_STACKED},
	{"802.1Q VID 0", {.dst = HOST_A, .src = HOST_C, .tag = {{0x8100, 0}}, .ip = 4},
		DROP_VLAN_STACKED},
	{"802.1ad", {.dst = HOST_A, .src = HOST_C, .tag = {{0x88a8, 10}, {0x8100, 10}}, .ip = 4},
		DROP_VLAN_STACKED},
	{"0x9100", {.dst = HOST_A, .src = HOST_C, .tag = {{0x9100, 10}}, .ip = 4},
		DROP_VLAN_STACKED},
	{"back where it came from", {.dst = HOST_C, .src = NOBODY, .ip = 4}, DROP_SAME_DOOR},
	{"to another tunnel", {.dst = HOST_D, .src = HOST_C, .ip = 4}, DROP_SPLIT_HORIZON},
	{"group source", {.dst = HOST_A, .src = 0x030000000000, .ip = 4}, DROP_SOURCE_MAC},
	{"zero source", {.dst = HOST_A, .src = 0, .ip = 4}, DROP_SOURCE_MAC},
};

START_TEST(decap_refuses_frame_inside_by_name_and_counts_it_at_slice_and_tunnel)
{
	const struct inside *t = &inside[_i];
	struct outer o = from_peer2(VNI_RED);
	struct counters slice, tunnel;

	build(&a_pkt, &t->s);
	wrap(&b_pkt, &o, &a_pkt);
	rig_send(net.wan, &b_pkt, 1);
	expect_drop(t->what, t->why);
	slice_counters_read(net.red, &slice);
	tunnel_counters_read(net.t2, &tunnel);
	ck_assert(slice.in_packets == 1 && slice.in_bytes == a_pkt.len && slice.dropped == 1 &&
		  slice.out_packets == 0);
	ck_assert(tunnel.in_packets == 1 && tunnel.in_bytes == b_pkt.len && tunnel.dropped == 1);
}
END_TEST

START_TEST(decap_drops_runt_inside)
{
	struct outer o = from_peer2(VNI_RED);
	struct spec s = plain(HOST_A, HOST_C);

	build(&a_pkt, &s);
	for (a_pkt.len = 0; a_pkt.len < 14; a_pkt.len++) {
		wrap(&b_pkt, &o, &a_pkt);
		rig_begin();
		rig_send(net.wan, &b_pkt, 1);
		expect_drop("runt inside", DROP_INNER_RUNT);
	}
	wrap(&b_pkt, &o, &a_pkt);
	rig_begin();
	rig_send(net.wan, &b_pkt, 1);
	expect_out("14 bytes", net.lan, &a_pkt);
}
END_TEST

START_TEST(decap_hands_the_rest_to_the_kernel)
{
	uint16_t tap = rig_twin(net.wan);
	const struct spec rest[] = {
		{.dst = rig_port_mac(net.wan), .src = PEER2, .type = 0x0806, .payload = 28},
		{.dst = BCAST, .src = PEER2, .type = 0x0806, .payload = 28},
		{.dst = 0x333300000001, .src = PEER2, .ip = 6, .proto = 58, .payload = 32},
		{.dst = rig_port_mac(net.wan), .src = PEER2, .ip = 4, .proto = 1, .payload = 56},
		{.dst = rig_port_mac(net.wan), .src = PEER2, .ip = 4, .proto = 6, .payload = 20},
		{.dst = rig_port_mac(net.wan),
			.src = PEER2,
			.ip = 4,
			.sport = 53,
			.dport = 5353,
			.payload = 20},
		{.dst = rig_port_mac(net.wan),
			.src = PEER2,
			.ip = 4,
			.frag = 0x2000,
			.dport = 4789,
			.payload = 24},
		{.dst = rig_port_mac(net.wan),
			.src = PEER2,
			.ip = 6,
			.frag = 1,
			.dport = 4789,
			.payload = 24},
		{.dst = rig_port_mac(net.wan), .src = PEER2, .type = 0x88cc, .payload = 46},
	};

	for (uint32_t i = 0; i < sizeof(rest) / sizeof(rest[0]); i++) {
		build(&a_pkt, &rest[i]);
		rig_begin();
		rig_send(net.wan, &a_pkt, 1);
		expect_out("punted as it is", tap, &a_pkt);
		ck_assert_uint_eq(rig.punted, 1);
	}
	rig_begin();
	rig_send(tap, &a_pkt, 1);
	expect_out("from the kernel", net.wan, &a_pkt);
}
END_TEST

START_TEST(decap_punts_no_faster_than_the_kernel_takes)
{
	struct pkt *many = calloc(32, sizeof(*many));
	uint16_t tap = rig_twin(net.wan);

	rig_advance(1);
	for (int i = 0; i < 32; i++)
		build(&many[i],
			&(struct spec){.dst = BCAST, .src = PEER2, .type = 0x0806, .payload = 28});
	for (int i = 0; i < 200; i++) {
		rig_send(net.wan, many, 32);
		rig.outs = 0;
	}
	ck_assert(rig.drop[DROP_PUNT_RATE] > 0 && rig.drop[DROP_PUNT_RATE] == rig.drops);
	ck_assert(rig.punted >= 2000 &&
		  rig.punted < 5000); /* a tenth of a second's worth, and what passed meanwhile */
	build(&a_pkt, &(struct spec){.dst = BCAST, .src = PEER2, .type = 0x0806, .payload = 1600});
	rig_begin();
	rig_advance(1);
	rig_send(net.wan, &a_pkt, 1);
	expect_drop("larger than the tap takes", DROP_PUNT_MTU);
	ck_assert_uint_ne(tap, net.wan);
	free(many);
}
END_TEST

TCase *decap_tests(void)
{
	TCase *tc = tcase_create("decap");

	tcase_add_checked_fixture(tc, net_setup, net_teardown);
	tcase_add_loop_test(
		tc, decap_takes_or_refuses_by_name, 0, sizeof(coming) / sizeof(coming[0]));
	tcase_add_test(tc, decap_leads_the_same_peer_and_macs_into_the_slice_of_the_vni);
	tcase_add_test(tc, decap_accepts_zero_checksum_over_ipv6_only_where_told);
	tcase_add_loop_test(tc,
		decap_refuses_frame_inside_by_name_and_counts_it_at_slice_and_tunnel, 0,
		sizeof(inside) / sizeof(inside[0]));
	tcase_add_test(tc, decap_drops_runt_inside);
	tcase_add_test(tc, decap_hands_the_rest_to_the_kernel);
	tcase_add_test(tc, decap_punts_no_faster_than_the_kernel_takes);
	return tc;
}
