/* SPDX-License-Identifier: BSD-3-Clause */
/* RFC 6040: the ECN field into tunnels (section 4.1, normal mode) and out of them (section 4.2),
 * the whole matrix. */
#include <string.h>

#include "expect.h"

enum { NOT_ECT, ECT1, ECT0, CE };

/* Figure 4 of RFC 6040: rows by the inner field, columns by the outer: -1 = dropped. */
static const int matrix[4][4] = {
	/* outer:    Not-ECT   ECT(1)   ECT(0)   CE */
	[NOT_ECT] = {NOT_ECT, NOT_ECT, NOT_ECT, -1},
	[ECT1] = {ECT1, ECT1, ECT1, CE},
	[ECT0] = {ECT0, ECT1, ECT0, CE},
	[CE] = {CE, CE, CE, CE},
};

static struct outer outer_of(bool v6, int ecn)
{
	struct outer o = v6 ? from_peer6(VNI_RED) : from_peer2(VNI_RED);

	o.tos = 0x48 | ecn; /* a DSCP outside that must not come in */
	return o;
}

/* The matrix for one pair of families. */
static void check_matrix(bool outer6, uint8_t inner_family)
{
	for (int inner = 0; inner < 4; inner++) {
		for (int outer = 0; outer < 4; outer++) {
			struct spec s = plain(HOST_A, outer6 ? HOST_D : HOST_C);
			struct outer o = outer_of(outer6, outer);

			s.ip = inner_family;
			s.tos = 0xb8 | inner;
			build(&a_pkt, &s);
			wrap(&b_pkt, &o, &a_pkt);
			rig_begin();
			rig_send(net.wan, &b_pkt, 1);
			if (matrix[inner][outer] < 0) {
				expect_drop("Not-ECT inside, CE outside", DROP_ECN_INVALID);
				continue;
			}
			s.tos = 0xb8 | matrix[inner][outer];
			build(&a_pkt, &s); /* its IPv4 checksum computed afresh */
			expect_out("decapsulated", net.lan, &a_pkt);
		}
	}
}

START_TEST(ecn_out_of_a_tunnel_follows_rfc6040)
{
	check_matrix(_i & 1, _i & 2 ? 6 : 4);
}
END_TEST

START_TEST(ecn_update_keeps_every_inner_checksum_right)
{
	struct spec s = plain(HOST_A, HOST_C);
	struct outer o = outer_of(false, CE);

	/* many headers, so that the sum meets its carries and both zeros */
	for (uint32_t i = 0; i < 20000; i++) {
		s.tos = ((i & 0x3f) << 2) | (i & 1 ? ECT0 : ECT1);
		s.payload = i >> 6;
		build(&a_pkt, &s);
		put16(a_pkt.b + 14 + 4, i * 2654435761u >> 8);
		ipv4_fix(a_pkt.b + 14);
		wrap(&b_pkt, &o, &a_pkt);
		rig_begin();
		rig_send(net.wan, &b_pkt, 1);
		const uint8_t *ip = rig_out[0].pkt.b + 14;

		ck_assert(rig.outs == 1 && (ip[1] & 3) == CE && ip[1] >> 2 == s.tos >> 2 &&
			  ipv4_ok(ip));
	}
}
END_TEST

START_TEST(ecn_update_leaves_a_wrong_inner_checksum_wrong)
{
	struct spec s = plain(HOST_A, HOST_C);
	struct outer o = outer_of(false, CE);

	s.tos = ECT0;
	build(&a_pkt, &s);
	a_pkt.b[14 + 10] ^= 0x40;
	wrap(&b_pkt, &o, &a_pkt);
	rig_send(net.wan, &b_pkt, 1);
	ck_assert(rig.outs == 1 && !ipv4_ok(rig_out[0].pkt.b + 14));
}
END_TEST

START_TEST(ecn_into_a_tunnel_is_copied)
{
	for (int inner = 0; inner < 4; inner++) {
		for (int k = 0; k < 4; k++) {
			struct spec s = plain(k & 1 ? HOST_D : HOST_C, HOST_A);

			s.ip = k & 2 ? 6 : 4;
			s.tos = 0x68 | inner;
			build(&a_pkt, &s);
			rig_begin();
			rig_send(net.lan, &a_pkt, 1);
			ck_assert_uint_eq(rig.outs, 1);
			const uint8_t *ip = rig_out[0].pkt.b + 14;
			uint8_t tos = k & 1 ? get16(ip) >> 4 : ip[1];

			ck_assert_uint_eq(tos, 0x68 | inner);
		}
	}
}
END_TEST

START_TEST(ecn_congestion_does_not_stop_what_has_no_ecn_field)
{
	struct outer o = outer_of(false, CE);

	build(&a_pkt, &(struct spec){.dst = HOST_A, .src = HOST_C, .type = 0x0806, .payload = 28});
	wrap(&b_pkt, &o, &a_pkt);
	rig_send(net.wan, &b_pkt, 1);
	expect_out("ARP", net.lan, &a_pkt);
	/* an IP type with no room for a header */
	for (int v6 = 0; v6 < 2; v6++) {
		build(&a_pkt, &(struct spec){.dst = HOST_A,
				      .src = HOST_C,
				      .type = v6 ? 0x86dd : 0x0800,
				      .payload = v6 ? 39 : 19});
		wrap(&b_pkt, &o, &a_pkt);
		rig_begin();
		rig_send(net.wan, &b_pkt, 1);
		expect_out("cut IP header", net.lan, &a_pkt);
	}
}
END_TEST

TCase *ecn_tests(void)
{
	TCase *tc = tcase_create("ecn");

	tcase_add_checked_fixture(tc, net_setup, net_teardown);
	tcase_add_loop_test(tc, ecn_out_of_a_tunnel_follows_rfc6040, 0, 4);
	tcase_add_test(tc, ecn_update_keeps_every_inner_checksum_right);
	tcase_add_test(tc, ecn_update_leaves_a_wrong_inner_checksum_wrong);
	tcase_add_test(tc, ecn_into_a_tunnel_is_copied);
	tcase_add_test(tc, ecn_congestion_does_not_stop_what_has_no_ecn_field);
	return tc;
}
