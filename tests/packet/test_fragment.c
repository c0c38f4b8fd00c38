/* SPDX-License-Identifier: BSD-3-Clause */
/* Outer packets in fragments: put together again by a reassembler of the test's own (RFC 791, RFC
 * 8200), byte for byte what would have been sent whole; at every boundary of the MTU. */
#include <stdlib.h>
#include <string.h>

#include "expect.h"
#include "police.h"
#include "port.h"
#include "rig_l3.h"

static uint16_t big; /* a port whose frames are larger than any underlay here */
static uint16_t big_red;

static void tunnel_as(bool v6, uint32_t encap, uint32_t csum, bool fragment)
{
	struct api_tunnel cfg = rig_tunnel_defaults();

	cfg.encap = encap;
	cfg.dst_port = encap == ENCAP_GENEVE ? 6081 : 4789;
	cfg.udp_csum = csum;
	cfg.fragment = fragment;
	cfg.df = !fragment;
	cfg.local = rig_ip(v6 ? LOCAL6 : LOCAL4, false);
	cfg.remote = rig_ip(v6 ? "2001:db8::2" : "198.18.0.2", false);
	tunnel_set(v6 ? net.t6 : net.t2, &cfg);
	underlay_resolve();
}

static void underlay_mtu(uint16_t mtu)
{
	port_hot[net.wan].mtu = mtu;
	underlay_stale();
	underlay_resolve();
}

static void setup(void)
{
	net_setup();
	big = rig_port(9600);
	big_red = rig_attachment(net.red, big, 0);
	tunnel_as(false, ENCAP_VXLAN, CSUM_AUTO, true);
	tunnel_as(true, ENCAP_VXLAN, CSUM_AUTO, true);
	rig_begin();
}

/* Puts what left together into b_pkt as it would be whole; checks every piece's own header. */
static void put_together(bool v6, uint16_t mtu)
{
	uint32_t head = v6 ? 54 : 34, body = v6 ? 62 : 34, want = 0, id = 0;

	for (uint32_t i = 0; i < rig.outs; i++) {
		const struct pkt *p = &rig_out[i].pkt;
		const uint8_t *ip = p->b + 14;
		bool more = v6 ? p->b[57] & 1 : get16(ip + 6) & 0x2000;
		uint32_t at = v6 ? get16(p->b + 56) & 0xfff8 : (get16(ip + 6) & 0x1fff) * 8;
		uint32_t this_id = v6 ? get32(p->b + 58) : get16(ip + 4);

		ck_assert(rig_out[i].port == net.wan);
		ck_assert_msg(p->len - 14 <= mtu, "%u bytes over an MTU of %u", p->len - 14, mtu);
		ck_assert_uint_eq(p->len - 14, v6 ? 40u + get16(ip + 4) : get16(ip + 2));
		ck_assert(v6 ? ip[6] == 44 && p->b[54] == 17 && p->b[55] == 0 : ip[9] == 17);
		ck_assert(v6 || (ipv4_ok(ip) && (get16(ip + 6) & 0xc000) == 0));
		ck_assert_msg(at == want, "piece %u starts at %u, want %u", i, at, want);
		ck_assert(more == (i + 1 < rig.outs));
		ck_assert(!more || (p->len - body) % 8 == 0);
		/* none is smaller than it has to be, but for the last */
		ck_assert(!more || p->len - 14 + 8 > mtu);
		ck_assert(i == 0 || this_id == id);
		id = this_id;
		if (i == 0)
			memcpy(b_pkt.b, p->b, head);
		else
			ck_assert(memcmp(b_pkt.b, p->b, 14) == 0 && b_pkt.b[15] == ip[1] &&
				  get32(b_pkt.b + 14) >> 20 == get32(ip) >> 20 &&
				  memcmp(b_pkt.b + (v6 ? 21 : 22), p->b + (v6 ? 21 : 22), 1) == 0 &&
				  memcmp(b_pkt.b + head - (v6 ? 32 : 8),
					  p->b + head - (v6 ? 32 : 8), v6 ? 32 : 8) == 0);
		memcpy(b_pkt.b + head + at, p->b + body, p->len - body);
		want = at + p->len - body;
	}
	b_pkt.len = head + want;
	if (v6) {
		b_pkt.b[20] = 17;
		put16(b_pkt.b + 18, want);
	} else {
		put16(b_pkt.b + 16, 20 + want);
		put16(b_pkt.b + 20, 0);
		ipv4_fix(b_pkt.b + 14);
	}
}

/* What the whole packet around a_pkt is, with what changes per packet taken from b_pkt. */
static void expect_whole(bool v6, bool geneve, enum csum csum, uint8_t tos)
{
	struct outer o = {.dst = v6 ? PEER6 : PEER2,
		.src = rig_port_mac(net.wan),
		.from = v6 ? LOCAL6 : LOCAL4,
		.to = v6 ? "2001:db8::2" : "198.18.0.2",
		.vni = VNI_RED,
		.tos = tos,
		.csum = csum,
		.id = get16(b_pkt.b + 18),
		.sport = get16(b_pkt.b + (v6 ? 54 : 34)),
		.geneve.on = geneve};

	wrap(&c_pkt, &o, &a_pkt);
	if (v6) {
		put32(c_pkt.b + 14, get32(c_pkt.b + 14) | (get32(b_pkt.b + 14) & 0xfffff));
		if (csum != CSUM_ZERO)
			udp_fix(&c_pkt);
	}
	ck_assert_uint_eq(b_pkt.len, c_pkt.len);
	for (uint32_t i = 0; i < c_pkt.len; i++)
		ck_assert_msg(b_pkt.b[i] == c_pkt.b[i], "byte %u is %02x, want %02x", i, b_pkt.b[i],
			c_pkt.b[i]);
}

static void send_frame(uint16_t port, bool v6, uint32_t ip_bytes, uint8_t tos)
{
	struct spec s = plain(v6 ? HOST_D : HOST_C, HOST_A);

	s.payload = ip_bytes - 28;
	s.tos = tos;
	build(&a_pkt, &s);
	rig_begin();
	rig_send(port, &a_pkt, 1);
}

START_TEST(fragment_boundaries_of_the_mtu)
{
	bool v6 = _i & 1, geneve = _i & 2;

	tunnel_as(v6, geneve ? ENCAP_GENEVE : ENCAP_VXLAN, _i & 4 ? CSUM_ON : CSUM_AUTO, true);
	for (uint16_t mtu = 1280; mtu <= 1500; mtu += mtu < 1300 ? 1 : 50) {
		uint32_t fits = mtu - (v6 ? 70 : 50);

		underlay_mtu(mtu);
		for (uint32_t bytes = fits - 1; bytes <= 1500 && bytes < fits + 12; bytes++) {
			send_frame(net.lan, v6, bytes, bytes & 0xff);
			ck_assert(rig.drops == 0);
			ck_assert_uint_eq(rig.outs, bytes <= fits ? 1 : 2);
			ck_assert_uint_eq(rig.replicated, rig.outs - 1);
			if (bytes <= fits)
				continue;
			put_together(v6, mtu);
			expect_whole(
				v6, geneve, v6 || (_i & 4) ? CSUM_GOOD : CSUM_ZERO, bytes & 0xff);
		}
	}
}
END_TEST

START_TEST(fragment_many_pieces_of_a_jumbo_frame)
{
	static const uint16_t mtus[] = {576, 577, 1280, 1500, 4000, 9000};

	for (int v6 = 0; v6 < 2; v6++)
		for (uint32_t i = 0; i < sizeof(mtus) / sizeof(mtus[0]); i++)
			for (uint32_t bytes = 9600; bytes > 9580; bytes--) {
				underlay_mtu(mtus[i]);
				send_frame(big, v6, bytes, 0);
				ck_assert(rig.drops == 0 && rig.outs >= 2);
				put_together(v6, mtus[i]);
				expect_whole(v6, false, v6 ? CSUM_GOOD : CSUM_ZERO, 0);
			}
}
END_TEST

START_TEST(fragment_numbers_never_repeat_in_a_row)
{
	for (int v6 = 0; v6 < 2; v6++) {
		uint32_t last = 0;

		for (int i = 0; i < 300; i++) {
			send_frame(net.lan, v6, 1490, 0);
			ck_assert_uint_eq(rig.outs, 2);
			const uint8_t *b = rig_out[0].pkt.b;
			uint32_t id = v6 ? get32(b + 58) : get16(b + 18);

			ck_assert(i == 0 || id != last);
			last = id;
		}
	}
}
END_TEST

START_TEST(fragment_counts_one_packet_at_slice_and_tunnel_and_pieces_at_the_port)
{
	struct counters slice, tunnel;

	send_frame(net.lan, true, 1500, 0);
	ck_assert(rig.outs == 2 && rig.replicated == 1);
	slice_counters_read(net.red, &slice);
	tunnel_counters_read(net.t6, &tunnel);
	ck_assert(slice.out_packets == 1 && slice.out_bytes == 1514 && slice.dropped == 0);
	ck_assert(tunnel.out_packets == 1 && tunnel.out_bytes == 1514 + 70 && tunnel.dropped == 0);
}
END_TEST

START_TEST(fragment_is_made_of_what_the_slices_meter_lets_pass)
{
	struct api_meter cfg = {.cir_bps = 8, .cbs_bytes = 2000, .pir_bps = 8, .pbs_bytes = 2000};
	uint16_t meter;

	ck_assert_int_eq(police_reserve(&meter), 0);
	police_set(meter, &cfg);
	police_use(POLICE_SLICE, net.red, meter);
	send_frame(net.lan, false, 1500, 0);
	ck_assert(rig.outs == 2 && rig.drops == 0);
	send_frame(net.lan, false, 1500, 0);
	expect_drop("no more", DROP_SLICE_METER_RED);
}
END_TEST

START_TEST(fragment_without_buffers_is_dropped_by_name)
{
	for (int v6 = 0; v6 < 2; v6++)
		for (uint32_t leave = 1; leave < 8; leave++) {
			underlay_mtu(1280);
			/* one for the frame, and too few for the six pieces behind the first */
			struct spec s = plain(v6 ? HOST_D : HOST_C, HOST_A);

			s.payload = 8000;
			build(&a_pkt, &s);
			rig_begin();
			rig_take_buffers(big, leave);
			rig_send(big, &a_pkt, 1);
			if (leave <= 6)
				expect_drop("no buffers", DROP_OUTER_NO_MBUF);
			else
				ck_assert(rig.outs == 7 && rig.drops == 0);
			rig_give_buffers();
		}
}
END_TEST

START_TEST(fragment_is_off_unless_asked_for)
{
	tunnel_as(false, ENCAP_VXLAN, CSUM_AUTO, false);
	tunnel_as(true, ENCAP_VXLAN, CSUM_AUTO, false);
	for (int v6 = 0; v6 < 2; v6++) {
		send_frame(net.lan, v6, 1500, 0);
		expect_drop("off", DROP_UNDERLAY_MTU);
	}
	tunnel_as(false, ENCAP_VXLAN, CSUM_AUTO, true);
	send_frame(net.lan, false, 1450, 0);
	/* whole ones may be cut on their way as well: no DF, numbered */
	ck_assert(rig.outs == 1 && get16(rig_out[0].pkt.b + 20) == 0);
	rig_send_cut(net.lan, &a_pkt, 100);
	ck_assert_uint_eq(rig.drops, 0);
	send_frame(net.lan, false, 1500, 0);
	rig_begin();
	rig_send_cut(net.lan, &a_pkt, 700);
	expect_drop("in chained buffers", DROP_UNDERLAY_MTU);
}
END_TEST

START_TEST(fragment_flooded_frames_and_others_in_one_burst)
{
	struct pkt *many = calloc(32, sizeof(*many));
	uint32_t small = 0;

	for (int i = 0; i < 32; i++) {
		struct spec s = plain(i % 3 == 0 ? BCAST : i & 1 ? HOST_C : HOST_D, HOST_A);

		s.payload = i % 4 == 0 ? 1460 : 100;
		s.sport = i;
		small += s.payload == 100;
		build(&many[i], &s);
	}
	rig_begin();
	rig_send(net.lan, many, 32); /* the rig checks the ledger */
	ck_assert(rig.drops == 0 && rig.outs > 32 && small > 0);
	for (uint32_t i = 0; i < rig.outs; i++)
		ck_assert(rig_out[i].port != net.wan || rig_out[i].pkt.len <= 1514);
	free(many);
}
END_TEST

/* The other end of a tunnel is a Sluice as well: what one cuts, the other puts together. */
START_TEST(fragment_and_reassembly_are_inverse)
{
	struct pkt piece[8];

	for (int v6 = 0; v6 < 2; v6++) {
		uint32_t n;

		underlay_mtu(1280);
		send_frame(net.lan, v6, 1500, 0);
		n = rig.outs;
		ck_assert_uint_eq(n, 2);
		for (uint32_t i = 0; i < n; i++) {
			/* as if it came back: the addresses change places */
			uint8_t *b = rig_out[i].pkt.b, swap[16];
			uint32_t at = v6 ? 22 : 26, len = v6 ? 16 : 4;

			put48(b, rig_port_mac(net.wan));
			memcpy(swap, b + at, len);
			memmove(b + at, b + at + len, len);
			memcpy(b + at + len, swap, len);
			if (i == 0) { /* and the frame inside is for A from far */
				uint32_t frame = v6 ? 14 + 48 + 16 : 14 + 20 + 16;

				put48(b + frame, HOST_B);
				put48(b + frame + 6, v6 ? HOST_D : HOST_C);
				put16(b + frame - 10, 0); /* no checksum */
			}
			piece[i] = rig_out[i].pkt;
		}
		struct api_tunnel cfg = rig_tunnel_defaults();

		cfg.accept_zero_csum6 = true;
		cfg.local = rig_ip(v6 ? LOCAL6 : LOCAL4, false);
		cfg.remote = rig_ip(v6 ? "2001:db8::2" : "198.18.0.2", false);
		tunnel_set(v6 ? net.t6 : net.t2, &cfg);
		underlay_resolve();
		rig_begin();
		rig_send(net.wan, piece, n);
		ck_assert(rig.drops == 0 && rig.outs == 1 && rig_out[0].port == net.lan2);
		/* tagged there */
		ck_assert(rig_out[0].pkt.len == a_pkt.len + 4 &&
			  memcmp(rig_out[0].pkt.b + 18, a_pkt.b + 14, a_pkt.len - 14) == 0);
	}
}
END_TEST

/* A routing slice sends no "too big" into the tenant where the tunnel carries it in pieces. */
START_TEST(fragment_of_routed_packets)
{
	uint16_t slice = rig_l3_slice(300), in = rig_attachment(slice, net.lan, 30);
	struct l3_via via = rig_via_tunnel(net.t2, PEER2, 1);
	struct spec s = plain(rig_l3_mac(slice), HOST_B);

	rig_gateway(slice, in, "10.0.0.254/24");
	member_set(slice, net.t2);
	rig_l3_route(slice, "10.0.0.2/32", &via, 1);
	s.payload = 1472;
	s.frag = 0x4000;
	s.tag[0] = (struct tag){0x8100, 30};
	build(&a_pkt, &s);
	rig_begin();
	rig_send(net.lan, &a_pkt, 1);
	ck_assert(rig.drops == 0 && rig.outs == 2 && rig.replicated == 1);
	put_together(false, 1500);
	ck_assert_uint_eq(b_pkt.len, 1514 + 50);
	ck_assert(memcmp(b_pkt.b + 50 + 34, a_pkt.b + 38, 1480) == 0);
	ck_assert(ipv4_ok(b_pkt.b + 50 + 14) && b_pkt.b[50 + 22] == 62);
}
END_TEST

TCase *fragment_tests(void)
{
	TCase *tc = tcase_create("fragment");

	tcase_add_checked_fixture(tc, setup, net_teardown);
	tcase_add_loop_test(tc, fragment_boundaries_of_the_mtu, 0, 8);
	tcase_add_test(tc, fragment_many_pieces_of_a_jumbo_frame);
	tcase_add_test(tc, fragment_numbers_never_repeat_in_a_row);
	tcase_add_test(tc, fragment_counts_one_packet_at_slice_and_tunnel_and_pieces_at_the_port);
	tcase_add_test(tc, fragment_is_made_of_what_the_slices_meter_lets_pass);
	tcase_add_test(tc, fragment_without_buffers_is_dropped_by_name);
	tcase_add_test(tc, fragment_is_off_unless_asked_for);
	tcase_add_test(tc, fragment_flooded_frames_and_others_in_one_burst);
	tcase_add_test(tc, fragment_and_reassembly_are_inverse);
	tcase_add_test(tc, fragment_of_routed_packets);
	return tc;
}
