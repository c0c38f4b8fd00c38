/* SPDX-License-Identifier: BSD-3-Clause */
/* Geneve (RFC 8926) both ways beside VXLAN on the same two addresses: bytes against headers built
 * from the RFC, options of every size, lies about them, every truncation. */
#include <string.h>

#include "expect.h"
#include "hot.h"

#define HOST_E 0x020000000a0eull /* red, behind g4 */
#define HOST_F 0x020000000a0full /* red, behind g6 */
#define UDP4   (14 + 20)
#define UDP6   (14 + 40)

static uint16_t g4, g6;

static struct api_tunnel geneve_defaults(void)
{
	struct api_tunnel cfg = rig_tunnel_defaults();

	cfg.encap = ENCAP_GENEVE;
	cfg.dst_port = 6081;
	return cfg;
}

static void setup(void)
{
	struct api_tunnel cfg = geneve_defaults();

	net_setup();
	g4 = rig_tunnel_as(LOCAL4, "198.18.0.2", &cfg);
	g6 = rig_tunnel_as(LOCAL6, "2001:db8::2", &cfg);
	member_set(net.red, g4);
	member_set(net.red, g6);
	rig_mac(net.red, HOST_E, DOOR_TUNNEL | g4);
	rig_mac(net.red, HOST_F, DOOR_TUNNEL | g6);
	rig_begin();
}

static struct outer coming_from(bool v6)
{
	struct outer o = v6 ? from_peer6(VNI_RED) : from_peer2(VNI_RED);

	o.geneve.on = true;
	return o;
}

/* ---- in ---- */

static const struct coming {
	const char *what;
	bool v6;
	struct outer o; /* what is not said here is the peer's */
	enum drop_reason why;
} coming[] = {
	{"IPv4", false, {.vni = VNI_RED}, DROP_REASONS},
	{"IPv6", true, {.vni = VNI_RED, .csum = CSUM_GOOD}, DROP_REASONS},
	{"UDP checksum over IPv4", false, {.vni = VNI_RED, .csum = CSUM_GOOD}, DROP_REASONS},
	{"wrong UDP checksum", false, {.vni = VNI_RED, .csum = CSUM_WRONG}, DROP_UDP_CHECKSUM},
	{"wrong UDP checksum, IPv6", true, {.vni = VNI_RED, .csum = CSUM_WRONG}, DROP_UDP_CHECKSUM},
	{"zero UDP checksum, IPv6", true, {.vni = VNI_RED, .csum = CSUM_ZERO},
		DROP_UDP_ZERO_CHECKSUM6},
	{"reserved bits and byte", false, {.vni = VNI_RED, .reserved = 0xff}, DROP_REASONS},
	{"reserved bits and byte, IPv6", true,
		{.vni = VNI_RED, .reserved = 0x15, .csum = CSUM_GOOD}, DROP_REASONS},
	{"IPv4 options", false, {.vni = VNI_RED, .options = 3, .csum = CSUM_GOOD}, DROP_REASONS},
	{"IPv4 and Geneve options", false,
		{.vni = VNI_RED, .options = 10, .csum = CSUM_GOOD, .geneve.words = 63},
		DROP_REASONS},
	{"padding", false, {.vni = VNI_RED, .pad = 9}, DROP_REASONS},
	{"padding and options", false, {.vni = VNI_RED, .pad = 7, .geneve.words = 5}, DROP_REASONS},
	{"version 1", false, {.vni = VNI_RED, .geneve.version = 1}, DROP_GENEVE_HEADER},
	{"version 2", true, {.vni = VNI_RED, .csum = CSUM_GOOD, .geneve.version = 2},
		DROP_GENEVE_HEADER},
	{"version 3", false, {.vni = VNI_RED, .geneve.version = 3}, DROP_GENEVE_HEADER},
	{"control packet", false, {.vni = VNI_RED, .geneve.control = true}, DROP_GENEVE_CONTROL},
	{"control packet, IPv6", true, {.vni = VNI_RED, .csum = CSUM_GOOD, .geneve.control = true},
		DROP_GENEVE_CONTROL},
	{"critical option", false, {.vni = VNI_RED, .geneve = {.words = 2, .critical = true}},
		DROP_GENEVE_CRITICAL},
	{"critical without options", false, {.vni = VNI_RED, .geneve.critical = true},
		DROP_GENEVE_CRITICAL},
	{"critical option, IPv6", true,
		{.vni = VNI_RED, .csum = CSUM_GOOD, .geneve = {.words = 9, .critical = true}},
		DROP_GENEVE_CRITICAL},
	{"IPv4 inside", false, {.vni = VNI_RED, .geneve.proto = 0x0800}, DROP_GENEVE_PROTOCOL},
	{"IPv6 inside", true, {.vni = VNI_RED, .csum = CSUM_GOOD, .geneve.proto = 0x86dd},
		DROP_GENEVE_PROTOCOL},
	{"protocol 0x5865", false, {.vni = VNI_RED, .geneve.proto = 0x5865}, DROP_GENEVE_PROTOCOL},
	{"VNI nobody has", false, {.vni = 101}, DROP_TUNNEL_UNKNOWN_VNI},
	{"VNI that VXLAN alone has", false, {.vni = VNI_BLUE}, DROP_TUNNEL_UNKNOWN_VNI},
	{"unknown peer", false, {.vni = VNI_RED, .from = "198.18.0.3"}, DROP_TUNNEL_UNKNOWN_PEER},
	{"unknown peer, IPv6", true, {.vni = VNI_RED, .from = "2001:db8::3", .csum = CSUM_GOOD},
		DROP_TUNNEL_UNKNOWN_PEER},
	{"another local address: the kernel's", false, {.vni = VNI_RED, .to = "198.18.0.9"},
		DROP_NO_TAP},
	{"another UDP port: the kernel's", false, {.vni = VNI_RED, .dport = 6082}, DROP_NO_TAP},
	/* 00 00 65 58: no I flag */
	{"Geneve to VXLAN's port", false, {.vni = VNI_RED, .dport = 4789}, DROP_VXLAN_HEADER},
};

START_TEST(geneve_in_takes_or_refuses_by_name)
{
	const struct coming *t = &coming[_i];
	struct spec s = plain(HOST_A, t->v6 ? HOST_F : HOST_E);
	struct outer o = t->o, peer = coming_from(t->v6);

	o.dst = peer.dst;
	o.src = peer.src;
	o.from = o.from != NULL ? o.from : peer.from;
	o.to = o.to != NULL ? o.to : peer.to;
	o.geneve.on = true;
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

START_TEST(geneve_in_steps_over_options_of_every_size)
{
	for (int v6 = 0; v6 < 2; v6++) {
		struct spec s = plain(HOST_A, v6 ? HOST_F : HOST_E);
		struct outer o = coming_from(v6);

		build(&a_pkt, &s);
		for (int words = 0; words < 64; words++) {
			o.geneve.words = words;
			wrap(&b_pkt, &o, &a_pkt);
			rig_begin();
			rig_send(net.wan, &b_pkt, 1);
			expect_out("options", net.lan, &a_pkt);
			/* what is in them is nobody's business here */
			uint32_t at = (v6 ? UDP6 : UDP4) + 16;

			memset(b_pkt.b + at, 0xff, 4 * words);
			if (v6)
				udp_fix(&b_pkt);
			rig_begin();
			rig_send(net.wan, &b_pkt, 1);
			expect_out("options of garbage", net.lan, &a_pkt);
		}
	}
}
END_TEST

/* The header says fewer words or more than there are: the frame starts elsewhere, or nowhere. */
START_TEST(geneve_in_believes_no_lie_about_options_beyond_the_packet)
{
	for (int v6 = 0; v6 < 2; v6++) {
		struct spec s = plain(HOST_A, v6 ? HOST_F : HOST_E);
		struct outer o = coming_from(v6);
		uint32_t room;

		build(&a_pkt, &s);
		room = a_pkt.len / 4; /* words that the frame can be taken for */
		for (int words = 1; words < 64; words += 5)
			for (int says = 0; says < 64; says++) {
				if (says == words)
					continue;
				o.geneve.words = words;
				o.geneve.lie = says - words;
				wrap(&b_pkt, &o, &a_pkt);
				rig_begin();
				rig_send(net.wan, &b_pkt, 1);
				if (says > words + (int)room)
					expect_drop("beyond the packet", DROP_GENEVE_HEADER);
				else
					ck_assert_uint_eq(rig.drop[DROP_GENEVE_HEADER], 0);
			}
	}
}
END_TEST

START_TEST(geneve_in_survives_every_truncation)
{
	for (int v6 = 0; v6 < 2; v6++) {
		struct spec s = plain(HOST_A, v6 ? HOST_F : HOST_E);
		struct outer o = coming_from(v6);
		uint32_t udp = v6 ? UDP6 : UDP4, whole;

		o.geneve.words = 7;
		build(&a_pkt, &s);
		wrap(&b_pkt, &o, &a_pkt);
		whole = b_pkt.len;
		for (uint32_t len = 0; len < whole; len++) {
			c_pkt = b_pkt;
			c_pkt.len = len;
			rig_begin();
			rig_send(net.wan, &c_pkt, 1);
			ck_assert_msg(rig.outs == 0 && rig.drops == 1, "cut at %u", len);
			/* the outer headers agree that it is shorter: what is in it is cut */
			if (len < udp + 8)
				continue;
			put16(c_pkt.b + udp + 4, len - udp);
			put16(c_pkt.b + 14 + (v6 ? 4 : 2), len - (v6 ? UDP6 : 14));
			if (!v6)
				ipv4_fix(c_pkt.b + 14);
			udp_fix(&c_pkt);
			rig_begin();
			rig_send(net.wan, &c_pkt, 1);
			if (len < udp + 16 + 28)
				expect_drop("cut in the options", DROP_GENEVE_HEADER);
			else if (len < udp + 16 + 28 + 14)
				expect_drop("cut in the frame's header", DROP_INNER_RUNT);
			else
				ck_assert_msg(rig.outs == 1 && rig_out[0].port == net.lan,
					"cut at %u", len);
		}
	}
}
END_TEST

START_TEST(geneve_in_chained_buffers_is_taken_or_refused_never_read_past)
{
	struct spec s = plain(HOST_A, HOST_E);
	struct outer o = coming_from(false);

	o.geneve.words = 12;
	build(&a_pkt, &s);
	wrap(&b_pkt, &o, &a_pkt);
	for (uint32_t at = 1; at < b_pkt.len; at++) {
		rig_begin();
		rig_send_cut(net.wan, &b_pkt, at);
		ck_assert(rig.outs + rig.drops == 1);
		if (at >= UDP4 + 8 && at < UDP4 + 16 + 48)
			expect_drop("cut in the header", DROP_GENEVE_HEADER);
		else if (at >= UDP4 + 16 + 48 + 14)
			expect_out("cut in the frame", net.lan, &a_pkt);
	}
}
END_TEST

START_TEST(geneve_in_fragments_come_together)
{
	struct pkt piece[4];

	for (int v6 = 0; v6 < 2; v6++) {
		struct spec s = plain(HOST_A, v6 ? HOST_F : HOST_E);
		struct outer o = coming_from(v6);

		s.payload = 900;
		o.csum = CSUM_GOOD;
		o.geneve.words = 40;
		build(&a_pkt, &s);
		wrap(&b_pkt, &o, &a_pkt);
		/* the first piece ends inside the options */
		uint32_t n = fragment(&b_pkt, v6 ? 320 : 304, 9, piece, 4);

		ck_assert_uint_eq(n, 4);
		rig_begin();
		rig_send(net.wan, piece, n);
		expect_out("pieces", net.lan, &a_pkt);
	}
}
END_TEST

START_TEST(geneve_in_carries_congestion_marks_inside)
{
	for (int words = 0; words < 4; words += 3) {
		struct spec s = plain(HOST_A, HOST_E), marked;
		struct outer o = coming_from(false);

		o.geneve.words = words;
		o.tos = 3;
		s.tos = 2;
		marked = s;
		marked.tos = 3;
		build(&a_pkt, &s);
		build(&c_pkt, &marked);
		wrap(&b_pkt, &o, &a_pkt);
		rig_begin();
		rig_send(net.wan, &b_pkt, 1);
		expect_out("CE", net.lan, &c_pkt);
		s.tos = 0;
		build(&a_pkt, &s);
		wrap(&b_pkt, &o, &a_pkt);
		rig_begin();
		rig_send(net.wan, &b_pkt, 1);
		expect_drop("not capable", DROP_ECN_INVALID);
	}
}
END_TEST

/* Peers of one address pair: each encapsulation is its own door. */
START_TEST(geneve_and_vxlan_of_one_peer_are_two_doors)
{
	struct spec s = plain(HOST_A, HOST_E);
	struct outer o = from_peer2(VNI_RED);
	struct counters v, g;

	build(&a_pkt, &s);
	wrap(&b_pkt, &o, &a_pkt);
	rig_send(net.wan, &b_pkt, 1);
	o.geneve = (struct geneve){.on = true, .words = 2};
	wrap(&b_pkt, &o, &a_pkt);
	rig_send(net.wan, &b_pkt, 1);
	tunnel_counters_read(net.t2, &v);
	tunnel_counters_read(g4, &g);
	ck_assert(v.in_packets == 1 && g.in_packets == 1 && v.dropped == 0 && g.dropped == 0);
	ck_assert_uint_eq(g.in_bytes, b_pkt.len);
}
END_TEST

START_TEST(geneve_nested_in_geneve_is_a_frame_like_any_other)
{
	struct spec s = plain(HOST_B, HOST_E);
	struct outer o = coming_from(false);

	for (int inside = 0; inside < 2; inside++) {
		build(&a_pkt, &s);
		o.geneve = (struct geneve){.on = inside, .words = inside ? 3 : 0};
		wrap(&b_pkt, &o, &a_pkt);
		put48(b_pkt.b, HOST_A);
		put48(b_pkt.b + 6, HOST_E);
		o.geneve = (struct geneve){.on = true, .words = 1};
		wrap(&c_pkt, &o, &b_pkt);
		rig_begin();
		rig_send(net.wan, &c_pkt, 1);
		expect_out("one layer off", net.lan, &b_pkt);
	}
}
END_TEST

START_TEST(geneve_tunnel_becomes_vxlan_and_back)
{
	struct api_tunnel cfg = geneve_defaults();
	struct spec s = plain(HOST_A, HOST_E);
	struct outer g = coming_from(false), v = from_peer2(VNI_RED);

	/* the port is Geneve's while one tunnel has it so */
	member_unset(net.red, g6);
	fdb_flush(net.red, DOOR_TUNNEL | g6);
	tunnel_unset(g6);
	v.dport = 6081;
	build(&a_pkt, &s);
	for (int i = 0; i < 3; i++) {
		cfg.encap = i & 1 ? ENCAP_VXLAN : ENCAP_GENEVE;
		cfg.local = rig_ip(LOCAL4, false);
		cfg.remote = rig_ip("198.18.0.2", false);
		tunnel_set(g4, &cfg);
		underlay_resolve();
		wrap(&b_pkt, i & 1 ? &v : &g, &a_pkt);
		rig_begin();
		rig_send(net.wan, &b_pkt, 1);
		expect_out("what it is now", net.lan, &a_pkt);
		wrap(&b_pkt, i & 1 ? &g : &v, &a_pkt);
		rig_begin();
		rig_send(net.wan, &b_pkt, 1);
		/* 08 00 00 00 is Geneve with eight words of options for protocol 0 */
		expect_drop("what it was", i & 1 ? DROP_VXLAN_HEADER : DROP_GENEVE_PROTOCOL);
	}
}
END_TEST

/* ---- out ---- */

static void expect_sent(const char *what, bool v6, struct outer o)
{
	const uint8_t *sent = rig_out[0].pkt.b;

	ck_assert_uint_eq(rig.outs, 1);
	o.dst = v6 ? PEER6 : PEER2;
	o.src = rig_port_mac(net.wan);
	o.from = v6 ? LOCAL6 : LOCAL4;
	o.to = v6 ? "2001:db8::2" : "198.18.0.2";
	o.vni = VNI_RED;
	o.sport = get16(sent + (v6 ? UDP6 : UDP4));
	o.frag = v6 ? 0 : 0x4000;
	o.geneve.on = true;
	ck_assert(o.sport >= 49152);
	wrap(&b_pkt, &o, &a_pkt);
	if (v6) {
		put32(b_pkt.b + 14, get32(b_pkt.b + 14) | (get32(sent + 14) & 0xfffff));
		if (o.csum != CSUM_ZERO)
			udp_fix(&b_pkt);
	}
	expect_out(what, net.wan, &b_pkt);
}

START_TEST(geneve_out_is_right_to_the_byte)
{
	for (int v6 = 0; v6 < 2; v6++) {
		struct spec s = plain(v6 ? HOST_F : HOST_E, HOST_A);

		for (s.payload = 0; s.payload < 200; s.payload++) {
			s.tos = s.payload;
			build(&a_pkt, &s);
			rig_begin();
			rig_send(net.lan, &a_pkt, 1);
			expect_sent("out", v6,
				(struct outer){.tos = s.tos, .csum = v6 ? CSUM_GOOD : CSUM_ZERO});
		}
	}
}
END_TEST

START_TEST(geneve_out_has_a_right_checksum_when_asked_and_none_when_not)
{
	struct api_tunnel cfg = geneve_defaults();
	struct spec s;

	for (int v6 = 0; v6 < 2; v6++) {
		cfg.udp_csum = v6 ? CSUM_OFF : CSUM_ON;
		cfg.local = rig_ip(v6 ? LOCAL6 : LOCAL4, false);
		cfg.remote = rig_ip(v6 ? "2001:db8::2" : "198.18.0.2", false);
		tunnel_set(v6 ? g6 : g4, &cfg);
		underlay_resolve();
		s = plain(v6 ? HOST_F : HOST_E, HOST_A);
		for (s.payload = 0; s.payload < 1300; s.payload += 7) {
			build(&a_pkt, &s);
			rig_begin();
			rig_send(net.lan, &a_pkt, 1);
			expect_sent(
				"checksum", v6, (struct outer){.csum = v6 ? CSUM_ZERO : CSUM_GOOD});
		}
	}
}
END_TEST

START_TEST(geneve_out_fits_the_underlay_to_the_byte)
{
	for (int v6 = 0; v6 < 2; v6++) {
		struct spec s = plain(v6 ? HOST_F : HOST_E, HOST_A);

		s.payload = (v6 ? 1430 : 1450) - 28;
		build(&a_pkt, &s);
		rig_begin();
		rig_send(net.lan, &a_pkt, 1);
		ck_assert(rig.outs == 1 && rig_out[0].pkt.len == 1514);
		s.payload++;
		build(&a_pkt, &s);
		rig_begin();
		rig_send(net.lan, &a_pkt, 1);
		expect_drop("a byte more", DROP_UNDERLAY_MTU);
	}
}
END_TEST

START_TEST(geneve_to_geneve_is_split_horizon_as_well)
{
	struct spec s = plain(HOST_F, HOST_E);
	struct outer o = coming_from(false);

	build(&a_pkt, &s);
	wrap(&b_pkt, &o, &a_pkt);
	rig_send(net.wan, &b_pkt, 1);
	expect_drop("to the other Geneve tunnel", DROP_SPLIT_HORIZON);
	s = plain(HOST_C, HOST_E);
	build(&a_pkt, &s);
	wrap(&b_pkt, &o, &a_pkt);
	rig_begin();
	rig_send(net.wan, &b_pkt, 1);
	expect_drop("to a VXLAN tunnel", DROP_SPLIT_HORIZON);
}
END_TEST

TCase *geneve_tests(void)
{
	TCase *tc = tcase_create("geneve");

	tcase_add_checked_fixture(tc, setup, net_teardown);
	tcase_add_loop_test(
		tc, geneve_in_takes_or_refuses_by_name, 0, sizeof(coming) / sizeof(coming[0]));
	tcase_add_test(tc, geneve_in_steps_over_options_of_every_size);
	tcase_add_test(tc, geneve_in_believes_no_lie_about_options_beyond_the_packet);
	tcase_add_test(tc, geneve_in_survives_every_truncation);
	tcase_add_test(tc, geneve_in_chained_buffers_is_taken_or_refused_never_read_past);
	tcase_add_test(tc, geneve_in_fragments_come_together);
	tcase_add_test(tc, geneve_in_carries_congestion_marks_inside);
	tcase_add_test(tc, geneve_and_vxlan_of_one_peer_are_two_doors);
	tcase_add_test(tc, geneve_nested_in_geneve_is_a_frame_like_any_other);
	tcase_add_test(tc, geneve_tunnel_becomes_vxlan_and_back);
	tcase_add_test(tc, geneve_out_is_right_to_the_byte);
	tcase_add_test(tc, geneve_out_has_a_right_checksum_when_asked_and_none_when_not);
	tcase_add_test(tc, geneve_out_fits_the_underlay_to_the_byte);
	tcase_add_test(tc, geneve_to_geneve_is_split_horizon_as_well);
	return tc;
}
