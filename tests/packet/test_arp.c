/* SPDX-License-Identifier: BSD-3-Clause */
/* A gateway answers ARP for its own addresses on its own attachment, and nobody else's (RFC 826,
 * RFC 5227). */
#include <string.h>

#include "host_net.h"
#include "neighbor.h"

static struct arp ask(const char *spa, const char *tpa)
{
	return (struct arp){.dst = BCAST, .src = H1, .spa = spa, .tpa = tpa};
}

static void send_arp(uint16_t port, const struct arp *a)
{
	build_arp(&a_pkt, a);
	host_send(port, &a_pkt);
}

START_TEST(arp_for_the_gateway_is_answered)
{
	static const char *const sender[] = {"10.0.0.1", "0.0.0.0", "10.9.9.9"};
	static const uint64_t dst[] = {BCAST, GATEWAY};

	for (uint32_t i = 0; i < 6; i++) {
		struct arp a = ask(sender[i % 3], "10.0.0.254");
		struct arp want = {.dst = H1,
			.src = GATEWAY,
			.op = 2,
			.spa = "10.0.0.254",
			.tha = H1,
			.tpa = sender[i % 3]};

		a.dst = dst[i / 3];
		send_arp(net.lan, &a);
		build_arp(&b_pkt, &want);
		expect_frame(sender[i % 3], net.lan, &b_pkt);
		ck_assert(rig.answered == 1 && rig.originated == 0 && rig.drops == 0);
	}
}
END_TEST

START_TEST(arp_for_others_is_not)
{
	static const char *const target[] = {
		"10.0.1.254", "10.0.0.7", "10.0.0.1", "10.2.0.1", "255.255.255.255"};

	for (uint32_t i = 0; i < 5; i++) {
		struct arp a = ask("10.0.0.1", target[i]);

		send_arp(net.lan, &a);
		expect_drop(target[i], DROP_ARP_NOTED);
		a.op = 2;
		send_arp(net.lan, &a);
		expect_drop(target[i], DROP_ARP_NOTED);
	}
	/* to another station, by its MAC */
	struct arp a = ask("10.0.0.1", "10.0.0.254");

	a.dst = H2;
	send_arp(net.lan, &a);
	expect_drop("another station's", DROP_ARP_NOTED);
	/* a reply that looks like the question */
	a = ask("10.0.0.1", "10.0.0.254");
	a.op = 2;
	send_arp(net.lan, &a);
	expect_drop("a reply", DROP_ARP_NOTED);
}
END_TEST

START_TEST(arp_from_a_tunnel_is_not_answered)
{
	struct arp a = ask("10.2.0.1", "10.0.0.254");

	send_arp(net.wan, &a);
	expect_drop("ARP from a tunnel", DROP_ARP_TUNNEL);
}
END_TEST

START_TEST(arp_that_claims_a_gateway_address_is_a_conflict)
{
	struct arp a = ask("10.0.0.254", "10.0.0.254");
	uint32_t before = neighbors_of_test();

	send_arp(net.lan, &a);
	expect_drop("announced", DROP_ADDRESS_CONFLICT);
	a = ask("10.0.1.254", "10.0.0.254");
	send_arp(net.lan, &a);
	expect_drop("of another attachment", DROP_ADDRESS_CONFLICT);
	a = ask("10.0.0.254", "10.0.0.1");
	a.op = 2;
	send_arp(net.lan, &a);
	expect_drop("replied", DROP_ADDRESS_CONFLICT);
	/* the same gateway at another site, or a loop */
	a.sha = GATEWAY;
	send_arp(net.lan, &a);
	expect_drop("its own", DROP_ARP_NOTED);
	ck_assert_uint_eq(neighbors_of_test(), before);
}
END_TEST

START_TEST(arp_answer_carries_nothing_of_the_question)
{
	struct arp a = ask("10.0.0.1", "10.0.0.254");
	struct arp want = {.dst = H1,
		.src = GATEWAY,
		.op = 2,
		.spa = "10.0.0.254",
		.tha = H1,
		.tpa = "10.0.0.1"};

	build_arp(&a_pkt, &a);
	memset(a_pkt.b + 42, 0xee, 1000);
	a_pkt.len = 1042;
	host_send(net.lan, &a_pkt);
	build_arp(&b_pkt, &want);
	expect_frame("padded to 1042", net.lan, &b_pkt);
	a_pkt.len = 42;
	host_send(net.lan, &a_pkt);
	b_pkt.len = 42;
	expect_frame("without padding", net.lan, &b_pkt);
}
END_TEST

START_TEST(arp_that_is_wrong_is_dropped)
{
	static const struct {
		const char *what;
		uint32_t at;
		uint16_t value;
		uint32_t len;
	} wrong[] = {{"hardware type", 14, 6, 60}, {"protocol type", 16, 0x86dd, 60},
		{"lengths", 18, 0x0605, 60}, {"lengths", 18, 0x0804, 60},
		{"operation 0", 20, 0, 60}, {"RARP", 20, 3, 60}, {"group MAC", 22, 0x0300, 60},
		{"multicast", 28, 0xe000, 60}, {"loopback", 28, 0x7f00, 60},
		{"class E", 28, 0xf000, 60}, {"net 0", 28, 0x0001, 60}, {"truncated", 14, 1, 41},
		{"empty", 14, 1, 18}};
	struct arp a = ask("10.0.0.1", "10.0.0.254");

	for (uint32_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		build_arp(&a_pkt, &a);
		put16(a_pkt.b + wrong[i].at, wrong[i].value);
		a_pkt.len = wrong[i].len;
		host_send(net.lan, &a_pkt);
		expect_drop(wrong[i].what, DROP_ARP_INVALID);
	}
	build_arp(&a_pkt, &a);
	put48(a_pkt.b + 22, 0);
	host_send(net.lan, &a_pkt);
	expect_drop("no MAC", DROP_ARP_INVALID);
	ck_assert_uint_eq(neighbors_of_test(), 0);
}
END_TEST

START_TEST(arp_of_slices_with_the_same_addresses_do_not_meet)
{
	uint16_t other = rig_l3_slice(600), door = rig_attachment(other, net.lan, 60);
	struct arp a = ask("10.0.0.1", "10.0.0.254");
	struct arp want = {.dst = H1,
		.src = 0x025c00025801,
		.op = 2,
		.spa = "10.0.0.254",
		.tha = H1,
		.tpa = "10.0.0.1"};

	build_arp(&a_pkt, &a);
	memmove(a_pkt.b + 16, a_pkt.b + 12, 48);
	put32(a_pkt.b + 12, 0x8100u << 16 | 60);
	a_pkt.len = 64;
	rig_begin();
	rig_send(net.lan, &a_pkt, 1);
	expect_drop("no address there", DROP_ARP_NOTED);
	rig_gateway(other, door, "10.0.0.254/24");
	rig_begin();
	rig_send(net.lan, &a_pkt, 1);
	build_arp(&b_pkt, &want);
	memmove(b_pkt.b + 16, b_pkt.b + 12, 48);
	put32(b_pkt.b + 12, 0x8100u << 16 | 60);
	b_pkt.len = 64;
	expect_out("by its own MAC", net.lan, &b_pkt);
}
END_TEST

/* A slice's answers have a rate of their own: another's go on. */
START_TEST(arp_answers_have_a_rate)
{
	struct arp a = ask("10.0.0.1", "10.0.0.254");
	uint64_t answered = 0, dropped = 0;

	build_arp(&a_pkt, &a);
	for (uint32_t i = 0; i < 1500; i++) {
		host_send(net.lan, &a_pkt);
		answered += rig.answered;
		dropped += rig.drop[DROP_ANSWER_RATE];
	}
	ck_assert_uint_eq(answered + dropped, 1500);
	ck_assert(answered >= 500 && dropped > 0);
	rig_advance(0.2);
	host_send(net.lan, &a_pkt);
	ck_assert_uint_eq(rig.answered, 1);
}
END_TEST

TCase *arp_tests(void)
{
	TCase *tc = tcase_create("arp");

	tcase_add_checked_fixture(tc, host_setup, net_teardown);
	tcase_add_test(tc, arp_for_the_gateway_is_answered);
	tcase_add_test(tc, arp_for_others_is_not);
	tcase_add_test(tc, arp_from_a_tunnel_is_not_answered);
	tcase_add_test(tc, arp_that_claims_a_gateway_address_is_a_conflict);
	tcase_add_test(tc, arp_answer_carries_nothing_of_the_question);
	tcase_add_test(tc, arp_that_is_wrong_is_dropped);
	tcase_add_test(tc, arp_of_slices_with_the_same_addresses_do_not_meet);
	tcase_add_test(tc, arp_answers_have_a_rate);
	return tc;
}
