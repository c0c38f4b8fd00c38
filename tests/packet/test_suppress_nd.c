/* SPDX-License-Identifier: BSD-3-Clause */
/* ND suppression in l2 slices: as of ARP (test_suppress.c), by RFC 4861. */

#include "neighbor.h"
#include "suppress_net.h"

static struct nd solicit_b(void)
{
	return (struct nd){.dst = group_mac(SOL_B),
		.src = HOST_A,
		.type = 135,
		.from = V6_A,
		.to = SOL_B,
		.target = V6_B,
		.mac = HOST_A};
}

static void send_nd(uint16_t port, const struct nd *n)
{
	build_nd(&a_pkt, n);
	suppress_send(port, &a_pkt);
}

static void advertise_b(uint8_t flags)
{
	struct nd n = {.dst = HOST_A,
		.src = HOST_B,
		.type = 136,
		.flags = flags,
		.from = V6_B,
		.to = V6_A,
		.target = V6_B,
		.mac = HOST_B};

	send_nd(net.lan2, &n);
}

START_TEST(suppress_answers_solicitations)
{
	static const uint8_t router[] = {0, 0x80};

	for (uint32_t i = 0; i < 2; i++) {
		struct nd s = solicit_b();

		if (i == 0) {
			send_nd(net.lan, &s);
			expect_suppress_flooded("B is not known");
		}
		advertise_b(0x60 | router[i]);
		ck_assert(rig.outs == 1 && rig_out[0].port == net.lan);
		send_nd(net.lan, &s);
		struct nd want = {.dst = HOST_A,
			.src = HOST_B,
			.type = 136,
			.flags = 0x60 | router[i],
			.from = V6_B,
			.to = V6_A,
			.target = V6_B,
			.mac = HOST_B};

		build_nd(&b_pkt, &want);
		expect_out("B advertised itself", net.lan, &b_pkt);
		ck_assert_uint_eq(rig.answered, 1);
	}
}
END_TEST

START_TEST(suppress_learns_no_router_flag_from_a_solicitation)
{
	struct nd s = solicit_b();
	struct nd of_b = {.dst = group_mac("ff02::1:ff00:99"),
		.src = HOST_B,
		.type = 135,
		.from = V6_B,
		.to = "ff02::1:ff00:99",
		.target = "fd00::99",
		.mac = HOST_B};

	send_nd(net.lan2, &of_b);
	send_nd(net.lan, &s);
	expect_suppress_flooded("B only asked: is it a router?");
	advertise_b(0xe0);
	send_nd(net.lan2, &of_b); /* keeps what is known */
	send_nd(net.lan, &s);
	ck_assert(rig.answered == 1 && rig_out[0].pkt.b[58] == 0xe0);
	advertise_b(0x40);
	advertise_b(0xc0); /* without override: anycast, or on behalf of another */
	send_nd(net.lan, &s);
	ck_assert(rig.answered == 1 && rig_out[0].pkt.b[58] == 0xe0);
}
END_TEST

START_TEST(suppress_floods_duplicate_detection_and_wrong_nd)
{
	struct nd s = solicit_b();

	advertise_b(0x60);
	s.from = "::";
	s.mac = 0;
	send_nd(net.lan, &s);
	expect_suppress_flooded("duplicate address detection");
	for (uint32_t i = 0; i < 5; i++) {
		s = solicit_b();
		build_nd(&a_pkt, &s);
		if (i == 0)
			a_pkt.b[21] = 254;
		else if (i == 1)
			a_pkt.b[57] ^= 1;
		else if (i == 2) {
			a_pkt.b[79] = 0; /* an option of length 0 */
			icmp_fix(&a_pkt);
		} else if (i == 3) {
			a_pkt.b[79] = 200; /* beyond the end */
			icmp_fix(&a_pkt);
		} else {
			a_pkt.b[55] = 1; /* code */
			icmp_fix(&a_pkt);
		}
		suppress_send(net.lan, &a_pkt);
		expect_suppress_flooded("wrong ND");
	}
}
END_TEST

START_TEST(suppress_answers_within_a_rate_and_floods_the_rest)
{
	struct arp a = suppress_request(HOST_A, IP_A, IP_B);
	uint64_t answered = 0, flooded = 0;

	suppress_introduce(net.lan2, HOST_B, IP_B);
	build_arp(&a_pkt, &a);
	for (uint32_t i = 0; i < 1000; i++) {
		rig_begin();
		rig_send(net.lan, &a_pkt, 1);
		answered += rig.answered;
		flooded += rig.answered == 0 && rig.outs > 1;
	}
	ck_assert_uint_eq(answered + flooded, 1000);
	ck_assert(answered >= 500 && flooded > 0);
}
END_TEST

TCase *suppress_nd_tests(void)
{
	TCase *tc = tcase_create("suppress_nd");

	tcase_add_checked_fixture(tc, suppress_setup, net_teardown);
	tcase_add_test(tc, suppress_answers_solicitations);
	tcase_add_test(tc, suppress_learns_no_router_flag_from_a_solicitation);
	tcase_add_test(tc, suppress_floods_duplicate_detection_and_wrong_nd);
	tcase_add_test(tc, suppress_answers_within_a_rate_and_floods_the_rest);
	return tc;
}
