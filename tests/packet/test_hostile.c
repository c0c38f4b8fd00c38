/* SPDX-License-Identifier: BSD-3-Clause */
/* Hostile packets on the underlay: cut anywhere, lengths that lie, every byte changed. A named
 * drop, always; the ledger is checked by rig_send(). */
#include <stdlib.h>
#include <string.h>

#include "expect.h"

static void good_packet(struct pkt *p, bool v6, uint8_t options)
{
	struct spec s = plain(HOST_A, v6 ? HOST_D : HOST_C);
	struct outer o = v6 ? from_peer6(VNI_RED) : from_peer2(VNI_RED);

	o.options = options;
	build(&c_pkt, &s);
	wrap(p, &o, &c_pkt);
}

START_TEST(hostile_packet_cut_at_any_byte_is_a_named_drop)
{
	const uint8_t options = _i == 2 ? 3 : 0;
	const bool v6 = _i == 1;

	good_packet(&a_pkt, v6, options);
	uint32_t ip = v6 ? 40 : 20 + 4 * options, len = a_pkt.len;

	for (uint32_t cut = 0; cut < len; cut++) {
		a_pkt.len = cut;
		rig_begin();
		rig_send(net.wan, &a_pkt, 1);
		expect_drop("cut", cut < 14 ? DROP_RUNT : DROP_IP_HEADER);
	}
	/* cut, and the IP header says so: the layer above finds out */
	for (uint32_t cut = 14 + ip; cut < len; cut++) {
		a_pkt.len = cut;
		put16(a_pkt.b + (v6 ? 18 : 16), cut - 14 - (v6 ? 40 : 0));
		if (!v6)
			ipv4_fix(a_pkt.b + 14);
		rig_begin();
		rig_send(net.wan, &a_pkt, 1);
		expect_drop("cut, IP length agrees", DROP_UDP_LENGTH);
	}
}
END_TEST

START_TEST(hostile_packet_cut_with_all_lengths_agreeing_is_a_named_drop_or_a_shorter_frame)
{
	bool v6 = _i == 1;
	uint32_t udp = v6 ? 54 : 34;

	good_packet(&a_pkt, v6, 0);
	uint32_t len = a_pkt.len;

	for (uint32_t cut = udp + 8; cut < len; cut++) {
		a_pkt.len = cut;
		put16(a_pkt.b + (v6 ? 18 : 16), cut - 14 - (v6 ? 40 : 0));
		put16(a_pkt.b + udp + 4, cut - udp);
		if (v6)
			udp_fix(&a_pkt);
		else
			ipv4_fix(a_pkt.b + 14);
		rig_begin();
		rig_send(net.wan, &a_pkt, 1);
		if (cut < udp + 16)
			expect_drop("no VXLAN header", DROP_VXLAN_HEADER);
		else if (cut < udp + 16 + 14)
			expect_drop("runt inside", DROP_INNER_RUNT);
		else
			ck_assert(rig.outs == 1 && rig.drops == 0 &&
				  rig_out[0].pkt.len == cut - udp - 16);
	}
}
END_TEST

/* All lengths; under sanitizers all around the right one, and each fifth of the others. */
static uint32_t next_length(uint32_t v, uint32_t right)
{
	return v + (getenv("SLUICE_QUICK") && (v + 100 < right || v > right + 100) ? 5 : 1);
}

START_TEST(hostile_lengths_are_a_named_drop)
{
	bool v6 = _i == 1;
	uint32_t udp = v6 ? 54 : 34, ip_len_at = v6 ? 18 : 16;

	good_packet(&b_pkt, v6, 0);
	uint32_t ip_len = get16(b_pkt.b + ip_len_at), udp_len = get16(b_pkt.b + udp + 4);

	for (uint32_t v = 0; v < 65536; v = next_length(v, ip_len)) {
		if (v == ip_len)
			continue;
		a_pkt = b_pkt;
		put16(a_pkt.b + ip_len_at, v);
		if (!v6)
			ipv4_fix(a_pkt.b + 14);
		rig_begin();
		rig_send(net.wan, &a_pkt, 1);
		expect_drop("IP length",
			v > ip_len || (!v6 && v < 20) ? DROP_IP_HEADER : DROP_UDP_LENGTH);
	}
	for (uint32_t v = 0; v < 65536; v = next_length(v, udp_len)) {
		if (v == udp_len)
			continue;
		a_pkt = b_pkt;
		put16(a_pkt.b + udp + 4, v);
		rig_begin();
		rig_send(net.wan, &a_pkt, 1);
		expect_drop("UDP length", DROP_UDP_LENGTH);
	}
}
END_TEST

START_TEST(hostile_ipv4_version_and_header_length_are_a_named_drop)
{
	good_packet(&b_pkt, false, 0);
	for (uint32_t v = 0; v < 256; v++) {
		if (v == 0x45)
			continue;
		a_pkt = b_pkt;
		a_pkt.b[14] = v;
		if (v >> 4 == 4 && (v & 15) > 5)
			ipv4_fix(a_pkt.b + 14);
		rig_begin();
		rig_send(net.wan, &a_pkt, 1);
		ck_assert(rig.drops == 1 && rig.outs == 0);
		if (v >> 4 != 4 || (v & 15) < 5)
			ck_assert(rig.drop[DROP_IP_HEADER] == 1);
	}
	a_pkt = b_pkt;
	a_pkt.b[14 + 10] ^= 1;
	rig_begin();
	rig_send(net.wan, &a_pkt, 1);
	expect_drop("IPv4 checksum", DROP_IP_CHECKSUM);
}
END_TEST

/* Whatever bit of the outer headers is wrong: it comes in only where that bit has no meaning to a
 * tunnel. */
START_TEST(hostile_bit_flips_never_lose_a_packet_from_the_ledger)
{
	bool v6 = _i == 1;
	uint64_t drops = 0, outs = 0;

	good_packet(&b_pkt, v6, 0);
	for (uint32_t bit = 0; bit < b_pkt.len * 8; bit++) {
		a_pkt = b_pkt;
		a_pkt.b[bit / 8] ^= 1 << bit % 8;
		rig_begin();
		rig_send(net.wan, &a_pkt, 1);
		drops += rig.drops;
		outs += rig.out;
		rig_advance(2); /* what was made a fragment times out */
	}
	ck_assert(drops > 0);
	if (v6) /* the checksum covers everything but the hop limit, the traffic class and the MAC
		   of the sender */
		ck_assert_uint_le(outs, 48 + 8 + 28);
}
END_TEST

START_TEST(hostile_random_bytes_never_come_in)
{
	uint64_t state = 88172645463325252ull;

	for (int i = 0; i < 20000; i++) {
		a_pkt.len = 14 + state % 200;
		for (uint32_t at = 0; at < a_pkt.len; at++) {
			state ^= state << 13;
			state ^= state >> 7;
			state ^= state << 17;
			a_pkt.b[at] = state;
		}
		put48(a_pkt.b, rig_port_mac(net.wan));
		if (i & 1)
			put16(a_pkt.b + 12, i & 2 ? 0x86dd : 0x0800);
		if ((i & 3) == 1)
			a_pkt.b[14] = 0x45;
		if ((i & 3) == 3)
			a_pkt.b[14] = 0x60;
		rig_begin();
		rig_send(net.wan, &a_pkt, 1);
		ck_assert(rig.drops == 1 && rig.outs == 0);
	}
}
END_TEST

START_TEST(hostile_packet_in_chained_buffers_is_taken_or_dropped_by_name)
{
	bool v6 = _i == 1;

	good_packet(&a_pkt, v6, 0);
	for (uint32_t at = 1; at < a_pkt.len; at++) {
		rig_begin();
		rig_send_cut(net.wan, &a_pkt, at);
		ck_assert(rig.drops + rig.outs == 1 && rig.held == 0);
		if (rig.outs == 1) {
			/* the frame inside as it was */
			ck_assert(rig_out[0].pkt.len == c_pkt.len &&
				  memcmp(rig_out[0].pkt.b, c_pkt.b, c_pkt.len) == 0);
		}
	}
}
END_TEST

START_TEST(hostile_nested_tunnel_packet_stays_inside_its_slice)
{
	struct outer outside = from_peer2(VNI_RED), nested = from_peer2(VNI_BLUE);
	struct spec s = plain(HOST_A, HOST_C);

	/* a tenant of red sends what looks like a packet of blue's tunnel: it is payload */
	build(&a_pkt, &s);
	nested.dst = HOST_A;
	nested.src = HOST_C;
	wrap(&b_pkt, &nested, &a_pkt);
	wrap(&a_pkt, &outside, &b_pkt);
	rig_send(net.wan, &a_pkt, 1);
	expect_out("by the tunnel", net.lan, &b_pkt);
	nested.dst = HOST_B;
	nested.src = HOST_A;
	build(&a_pkt, &s);
	wrap(&b_pkt, &nested, &a_pkt);
	rig_begin();
	rig_send(net.lan, &b_pkt, 1);
	ck_assert(rig.outs == 1 && rig_out[0].port == net.lan2 &&
		  get32(rig_out[0].pkt.b + 12) == 0x81000014);
	/* and to our own underlay MAC: an unknown MAC of the slice, nothing more */
	nested.dst = rig_port_mac(net.wan);
	wrap(&b_pkt, &nested, &a_pkt);
	rig_begin();
	rig_send(net.lan, &b_pkt, 1);
	ck_assert(rig.outs == 3 && rig.drops == 0); /* flooded in red: lan2, t2, t6 */
}
END_TEST

/* The null address is nobody's, not even where the endpoint table has slots that were used before
 * and are free again. */
START_TEST(hostile_packet_between_null_addresses_comes_in_nowhere)
{
	struct spec s = plain(HOST_A, HOST_C);

	build(&c_pkt, &s);
	for (uint32_t vni = 1000; vni < (getenv("SLUICE_QUICK") ? 1400 : 4000); vni++) {
		struct outer o = from_peer2(vni);
		uint16_t slice = rig_slice(vni);

		member_set(slice, net.t2);
		member_unset(slice, net.t2);
		o.from = o.to = "0.0.0.0";
		wrap(&a_pkt, &o, &c_pkt);
		rig_begin();
		rig_send(net.wan, &a_pkt, 1);
		expect_drop("between null addresses", DROP_NO_TAP);
	}
}
END_TEST

TCase *hostile_tests(void)
{
	TCase *tc = tcase_create("hostile");

	tcase_add_checked_fixture(tc, net_setup, net_teardown);
	tcase_add_loop_test(tc, hostile_packet_cut_at_any_byte_is_a_named_drop, 0, 3);
	tcase_add_loop_test(tc,
		hostile_packet_cut_with_all_lengths_agreeing_is_a_named_drop_or_a_shorter_frame, 0,
		2);
	tcase_add_loop_test(tc, hostile_lengths_are_a_named_drop, 0, 2);
	tcase_add_test(tc, hostile_ipv4_version_and_header_length_are_a_named_drop);
	tcase_add_loop_test(tc, hostile_bit_flips_never_lose_a_packet_from_the_ledger, 0, 2);
	tcase_add_test(tc, hostile_random_bytes_never_come_in);
	tcase_add_loop_test(
		tc, hostile_packet_in_chained_buffers_is_taken_or_dropped_by_name, 0, 2);
	tcase_add_test(tc, hostile_nested_tunnel_packet_stays_inside_its_slice);
	tcase_add_test(tc, hostile_packet_between_null_addresses_comes_in_nowhere);
	return tc;
}
