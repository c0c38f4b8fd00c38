/* SPDX-License-Identifier: BSD-3-Clause */
/* Hosts on attachments: asked for, learned, confirmed, forgotten; bounded so that one slice's scan
 * is no other's loss (RFC 826, RFC 4861 section 7). */
#include <stdio.h>

#include "neighbor_net.h"

static struct pkt sent, want;

START_TEST(neighbor_is_asked_for_and_found)
{
	for (uint32_t i = 0; i < 2; i++) {
		expect_host_asked("not known", host_names[i]);
		ck_assert_int_eq(host_state(host_names[i]), NEIGHBOR_INCOMPLETE);
		rig_begin();
		rig_advance(0.01);
		host_question(&want, host_names[i], 0);
		ck_assert(rig.originated == 1 && saw_frame(net.lan2, &want));
		expect_host_asked("still", host_names[i]);
		host_answers(host_names[i], H2);
		ck_assert_int_eq(host_state(host_names[i]), NEIGHBOR_REACHABLE);
		expect_host_delivered("known", host_names[i], H2);
	}
}
END_TEST

START_TEST(neighbor_that_does_not_answer_is_dead_for_a_while)
{
	for (uint32_t i = 0; i < 2; i++) {
		uint64_t asked;

		rig_advance(0.01);
		expect_host_asked("not known", host_names[i]);
		rig_begin();
		time_passes(2.5);
		asked = rig.originated;
		ck_assert_uint_eq(asked, 3);
		time_passes(1);
		ck_assert_uint_eq(rig.originated, 3);
		ck_assert_int_eq(host_state(host_names[i]), NEIGHBOR_FAILED);
		hosts_send_to(host_names[i]);
		ck_assert(rig.drop[DROP_NEIGHBOR_DEAD] == 1 && rig.originated == 1);
		const uint8_t *p = rig_out[0].pkt.b + 18;

		ck_assert(i == 0 ? p[20] == 3 && p[21] == 1 : p[40] == 1 && p[41] == 3);
		time_passes(6);
		ck_assert_int_eq(host_state(host_names[i]), -1);
		expect_host_asked("asked for anew", host_names[i]);
		host_answers(host_names[i], H2);
		expect_host_delivered("came back", host_names[i], H2);
	}
}
END_TEST

START_TEST(neighbor_answers_late_and_is_alive_again)
{
	expect_host_asked("not known", host_names[0]);
	time_passes(4);
	ck_assert_int_eq(host_state(host_names[0]), NEIGHBOR_FAILED);
	host_answers(host_names[0], H2);
	expect_host_delivered("late", host_names[0], H2);
}
END_TEST

START_TEST(neighbor_that_asks_for_its_gateway_is_known)
{
	for (uint32_t i = 0; i < 2; i++) {
		host_arrives(net.lan2, H2, host_names[i]);
		ck_assert_int_eq(host_state(host_names[i]), NEIGHBOR_STALE);
		expect_host_delivered("without asking", host_names[i], H2);
		/* is asked all the same, after a while, and where it is */
		rig_begin();
		time_passes(6);
		host_question(&want, host_names[i], H2);
		ck_assert(saw_frame(net.lan2, &want));
		host_answers(host_names[i], H2);
		ck_assert_int_eq(host_state(host_names[i]), NEIGHBOR_REACHABLE);
	}
}
END_TEST

START_TEST(neighbor_is_not_made_by_what_nobody_asked)
{
	struct arp a = {.dst = BCAST, .src = H2, .spa = "10.0.1.1", .tpa = "10.0.1.1"};
	struct nd n = {.dst = 0x333300000001,
		.src = H2,
		.type = 136,
		.flags = 0x20,
		.from = host_names[1],
		.to = "ff02::1",
		.target = host_names[1],
		.mac = H2};

	build_arp(&sent, &a);
	host_send(net.lan2, &sent);
	a.op = 2;
	build_arp(&sent, &a);
	host_send(net.lan2, &sent);
	a = (struct arp){.dst = BCAST, .src = H2, .spa = "10.0.1.1", .tpa = "10.0.1.9"};
	build_arp(&sent, &a);
	host_send(net.lan2, &sent);
	build_nd(&sent, &n);
	host_send(net.lan2, &sent);
	ck_assert_uint_eq(neighbors_of_test(), 0);
}
END_TEST

START_TEST(neighbor_must_be_on_the_attachments_network)
{
	static const char *const off[] = {"10.0.0.1", "192.0.2.1", "10.0.1.255", "10.0.1.0"};
	struct arp a = {.dst = BCAST, .src = H2, .tpa = "10.0.1.254"};

	for (uint32_t i = 0; i < 4; i++) {
		a.spa = off[i];
		build_arp(&sent, &a);
		host_send(net.lan2, &sent);
		ck_assert_msg(rig.answered == 1 && neighbors_of_test() == 0, "%s", off[i]);
	}
}
END_TEST

START_TEST(neighbor_moves_to_another_mac)
{
	struct arp a = {.dst = BCAST, .src = FAR, .spa = host_names[0], .tpa = host_names[0]};
	struct nd n = {.dst = 0x333300000001,
		.src = FAR,
		.type = 136,
		.flags = 0x20,
		.from = host_names[1],
		.to = "ff02::1",
		.target = host_names[1],
		.mac = FAR};

	for (uint32_t i = 0; i < 2; i++) {
		host_arrives(net.lan2, H2, host_names[i]);
		host_answers(host_names[i], H2);
		expect_host_delivered("at first", host_names[i], H2);
	}
	build_arp(&sent, &a);
	host_send(net.lan2, &sent);
	expect_host_delivered("announced", host_names[0], FAR);
	n.flags = 0; /* without override: not believed, but asked (RFC 4861 7.2.5) */
	build_nd(&sent, &n);
	host_send(net.lan2, &sent);
	expect_host_delivered("without override", host_names[1], H2);
	ck_assert_int_eq(host_state(host_names[1]), NEIGHBOR_STALE);
	n.flags = 0x20;
	build_nd(&sent, &n);
	host_send(net.lan2, &sent);
	expect_host_delivered("with override", host_names[1], FAR);
}
END_TEST

START_TEST(neighbor_put_by_hand_stays_whoever_says_that_he_is_it)
{
	for (uint32_t i = 0; i < 2; i++) {
		rig_l3_neighbor(hn.green, hn.lan2, host_names[i], H2);
		host_arrives(net.lan2, FAR, host_names[i]);
		host_answers(host_names[i], FAR);
		ck_assert_int_eq(host_state(host_names[i]), NEIGHBOR_STATIC);
		expect_host_delivered("as it was put", host_names[i], H2);
	}
}
END_TEST

/* As many as a box holds: any of them can still have another MAC. */
START_TEST(neighbor_put_by_hand_can_change_when_there_are_many)
{
	char address[24];

	for (uint32_t i = 0; i < 2; i++)
		rig_l3_neighbor(hn.green, hn.lan2, host_names[i], H2);
	for (uint32_t i = 2; i < LIMIT_NEIGHBORS; i++) {
		snprintf(address, sizeof(address), "10.9.%u.%u", i / 256, i % 256);
		rig_l3_neighbor(hn.green, hn.lan2, address, H2);
	}
	for (uint32_t i = 0; i < 2; i++) {
		rig_l3_neighbor(hn.green, hn.lan2, host_names[i], FAR);
		expect_host_delivered("changed", host_names[i], FAR);
	}
}
END_TEST

START_TEST(neighbor_is_confirmed_or_forgotten)
{
	for (uint32_t i = 0; i < 2; i++) {
		host_arrives(net.lan2, H2, host_names[i]);
		host_answers(host_names[i], H2);
		rig_begin();
		time_passes(20);
		ck_assert_uint_eq(rig.originated, 0);
		host_question(&want, host_names[i], H2);
		for (uint32_t k = 0; k < 40 && rig.originated == 0;
			k++) /* 22.5 to 37.5 s: chance */
			time_passes(0.5);
		ck_assert(saw_frame(net.lan2, &want));
		host_answers(host_names[i], H2);
		ck_assert_int_eq(host_state(host_names[i]), NEIGHBOR_REACHABLE);
		rig_begin();
		time_passes(42);
		ck_assert_uint_eq(rig.originated, 3);
		ck_assert_int_eq(host_state(host_names[i]), -1);
		expect_host_asked("forgotten", host_names[i]);
		time_passes(10);
	}
}
END_TEST

/* RFC 4861 section 7.2.4: the host_answers to a unicast solicitation may leave the address out. */
START_TEST(neighbor_is_confirmed_by_an_advertisement_without_its_mac)
{
	struct nd n = {.dst = GATEWAY,
		.src = H2,
		.type = 136,
		.flags = 0x40,
		.from = "fd01::1",
		.to = "fd01::fe",
		.target = "fd01::1"};

	host_arrives(net.lan2, H2, host_names[1]);
	n.flags = 0x20; /* unsolicited: nothing is confirmed */
	build_nd(&sent, &n);
	host_send(net.lan2, &sent);
	ck_assert_int_eq(host_state(host_names[1]), NEIGHBOR_STALE);
	n.flags = 0x40;
	build_nd(&sent, &n);
	host_send(net.lan2, &sent);
	ck_assert_int_eq(host_state(host_names[1]), NEIGHBOR_REACHABLE);
	n.flags = 0x60;
	n.src = FAR; /* and does not move it, override or not: where it goes is not said */
	build_nd(&sent, &n);
	host_send(net.lan2, &sent);
	expect_host_delivered("stays", host_names[1], H2);
}
END_TEST

/* RFC 4861 section 7.2.5: where no MAC is known yet, such an host_answers is discarded. */
START_TEST(neighbor_is_not_found_by_an_advertisement_without_its_mac)
{
	struct nd n = {.dst = GATEWAY,
		.src = FAR,
		.type = 136,
		.flags = 0x60,
		.from = "fd01::1",
		.to = "fd01::fe",
		.target = "fd01::1"};

	expect_host_asked("not known", host_names[1]);
	build_nd(&sent, &n);
	host_send(net.lan2, &sent);
	expect_drop("without", DROP_ARP_NOTED);
	ck_assert_int_eq(host_state(host_names[1]), NEIGHBOR_INCOMPLETE);
	expect_host_asked("still", host_names[1]);
	n.mac = H2; /* the other kind's option says nothing either */
	build_nd(&sent, &n);
	sent.b[14 + 40 + 24] = 1;
	icmp_fix(&sent);
	host_send(net.lan2, &sent);
	expect_drop("a source address", DROP_ARP_NOTED);
	ck_assert_int_eq(host_state(host_names[1]), NEIGHBOR_INCOMPLETE);
	rig_begin();
	time_passes(4);
	ck_assert_int_eq(host_state(host_names[1]), NEIGHBOR_FAILED);
	n.mac = 0;
	build_nd(&sent, &n);
	host_send(net.lan2, &sent);
	ck_assert_int_eq(host_state(host_names[1]), NEIGHBOR_FAILED);
	host_answers(host_names[1], H2);
	expect_host_delivered("said", host_names[1], H2);
}
END_TEST

TCase *neighbor_tests(void)
{
	TCase *tc = tcase_create("neighbor");

	tcase_add_checked_fixture(tc, host_setup, net_teardown);
	tcase_add_test(tc, neighbor_is_asked_for_and_found);
	tcase_add_test(tc, neighbor_that_does_not_answer_is_dead_for_a_while);
	tcase_add_test(tc, neighbor_answers_late_and_is_alive_again);
	tcase_add_test(tc, neighbor_that_asks_for_its_gateway_is_known);
	tcase_add_test(tc, neighbor_is_not_made_by_what_nobody_asked);
	tcase_add_test(tc, neighbor_must_be_on_the_attachments_network);
	tcase_add_test(tc, neighbor_moves_to_another_mac);
	tcase_add_test(tc, neighbor_put_by_hand_stays_whoever_says_that_he_is_it);
	tcase_add_test(tc, neighbor_put_by_hand_can_change_when_there_are_many);
	tcase_add_test(tc, neighbor_is_confirmed_or_forgotten);
	tcase_add_test(tc, neighbor_is_confirmed_by_an_advertisement_without_its_mac);
	tcase_add_test(tc, neighbor_is_not_found_by_an_advertisement_without_its_mac);
	return tc;
}
