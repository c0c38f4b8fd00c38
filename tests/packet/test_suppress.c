/* SPDX-License-Identifier: BSD-3-Clause */
/* ARP and ND suppression in l2 slices: who is known is answered for, and nothing is said that the
 * MAC table contradicts. */
#include <stdio.h>
#include <string.h>

#include "neighbor.h"
#include "suppress_net.h"

START_TEST(suppress_answers_for_a_host_that_asked_before)
{
	struct arp a = suppress_request(HOST_A, IP_A, IP_B);

	suppress_send_arp(net.lan, &a);
	expect_suppress_flooded("not known yet");
	suppress_introduce(net.lan2, HOST_B, IP_B);
	expect_suppress_flooded("nobody has that address");
	suppress_send_arp(net.lan, &a);
	expect_suppress_answer("B asked before", HOST_B, IP_B);
}
END_TEST

/* Whom it asks for would else go on sending to the old MAC. */
START_TEST(suppress_floods_who_comes_with_another_mac)
{
	struct arp a = suppress_request(HOST_A, IP_A, IP_B),
		   moved = suppress_request(0x020000000a0aull, IP_A, IP_B);

	suppress_introduce(net.lan2, HOST_B, IP_B);
	suppress_introduce(net.lan, HOST_A, IP_A);
	suppress_send_arp(net.lan, &a);
	expect_suppress_answer("A is where it was", HOST_B, IP_B);
	suppress_send_arp(net.lan, &moved);
	expect_suppress_flooded("A has another MAC: B must hear it");
	suppress_send_arp(net.lan, &moved);
	ck_assert_uint_eq(rig.answered, 1);
}
END_TEST

START_TEST(suppress_learns_from_a_reply_that_passes)
{
	struct arp a = suppress_request(HOST_A, IP_A, IP_C);
	struct arp reply = {
		.dst = HOST_A, .src = HOST_C, .op = 2, .spa = IP_C, .tha = HOST_A, .tpa = IP_A};

	suppress_send_arp(net.lan, &a);
	expect_suppress_flooded("C is not known");
	suppress_send_arp(net.wan, &reply);
	ck_assert(rig.outs == 1 && rig_out[0].port == net.lan);
	suppress_send_arp(net.lan, &a);
	expect_suppress_answer("C answered before", HOST_C, IP_C);
}
END_TEST

START_TEST(suppress_answers_into_a_tunnel_for_hosts_here)
{
	struct arp a = suppress_request(HOST_C, IP_C, IP_A);
	struct arp want = {
		.dst = HOST_C, .src = HOST_A, .op = 2, .spa = IP_A, .tha = HOST_C, .tpa = IP_C};

	suppress_introduce(net.lan, HOST_A, IP_A);
	suppress_send_arp(net.wan, &a);
	ck_assert(rig.outs == 1 && rig.drops == 0 && rig_out[0].port == net.wan);
	build_arp(&b_pkt, &want);
	ck_assert_uint_eq(rig_out[0].pkt.len, 50 + b_pkt.len);
	ck_assert_mem_eq(rig_out[0].pkt.b + 50, b_pkt.b, b_pkt.len);
}
END_TEST

START_TEST(suppress_says_nothing_from_tunnel_about_tunnel)
{
	struct arp a = suppress_request(0x020000000777, "10.0.0.7", IP_C);

	suppress_introduce(net.wan, HOST_C, IP_C);
	suppress_send_arp(net.wan, &a); /* from the same one */
	expect_suppress_flooded("C is behind the asker's own door");
	/* D is behind the other tunnel: what the asker sends there would be dropped */
	struct arp d = suppress_request(HOST_D, IP_D, "10.0.0.99");
	struct outer o = from_peer6(VNI_RED);
	static struct pkt p;

	build_arp(&a_pkt, &d);
	wrap(&p, &o, &a_pkt);
	rig_send(net.wan, &p, 1);
	rig_poll();
	a = suppress_request(HOST_C, IP_C, IP_D);
	suppress_send_arp(net.wan, &a);
	expect_suppress_flooded("tunnel to tunnel");
	a = suppress_request(HOST_A, IP_A, IP_D);
	suppress_send_arp(net.lan, &a);
	expect_suppress_answer("D is known all the same", HOST_D, IP_D);
}
END_TEST

START_TEST(suppress_floods_probes_and_announcements)
{
	struct arp a = suppress_request(HOST_A, "0.0.0.0", IP_B);

	suppress_introduce(net.lan2, HOST_B, IP_B);
	suppress_send_arp(net.lan, &a);
	expect_suppress_flooded("a probe (RFC 5227)");
	a = suppress_request(HOST_A, IP_A, IP_A);
	suppress_send_arp(net.lan, &a);
	expect_suppress_flooded("a gratuitous suppress_request");
	a.op = 2;
	suppress_send_arp(net.lan, &a);
	expect_suppress_flooded("a gratuitous reply");
	/* an announcement moves the address to another host */
	a = suppress_request(HOST_C, IP_B, IP_B);
	suppress_send_arp(net.wan, &a);
	a = suppress_request(HOST_A, IP_A, IP_B);
	suppress_send_arp(net.lan, &a);
	expect_suppress_answer("B's address is C's now", HOST_C, IP_B);
}
END_TEST

/* The main thread has not had its turn: what the table says is old, and not said. */
START_TEST(suppress_does_not_answer_with_what_was_just_contradicted)
{
	struct arp moves = suppress_request(HOST_C, IP_B, IP_B),
		   a = suppress_request(HOST_A, IP_A, IP_B);
	struct outer o = from_peer2(VNI_RED);
	static struct pkt p;

	suppress_introduce(net.lan2, HOST_B, IP_B);
	build_arp(&a_pkt, &moves);
	wrap(&p, &o, &a_pkt);
	rig_send(net.wan, &p, 1);
	build_arp(&a_pkt, &a);
	rig_begin();
	rig_send(net.lan, &a_pkt, 1);
	expect_suppress_flooded("B or C?");
	rig_poll();
	suppress_send_arp(net.lan, &a);
	expect_suppress_answer("C", HOST_C, IP_B);
}
END_TEST

START_TEST(suppress_does_not_contradict_the_mac_table)
{
	struct api_mac_addr b = rig_mac_addr(HOST_B);
	struct arp a = suppress_request(HOST_A, IP_A, IP_B);

	suppress_introduce(net.lan2, HOST_B, IP_B);
	fdb_remove(net.red, &b);
	suppress_send_arp(net.lan, &a);
	expect_suppress_flooded("B's MAC aged out");
	rig_mac(net.red, HOST_B, DOOR_TUNNEL | net.t2);
	suppress_send_arp(net.lan, &a);
	expect_suppress_flooded("B's MAC is elsewhere");
	rig_mac(net.red, HOST_B, DOOR_ATTACHMENT | net.red_lan2);
	suppress_introduce(net.lan2, HOST_B, IP_B);
	suppress_send_arp(net.lan, &a);
	expect_suppress_answer("and back", HOST_B, IP_B);
	fdb_remove(net.red, &b);
	ck_assert_uint_eq(neighbors_of_test(), 2); /* A, B */
	for (int i = 0; i < 150; i++) {
		rig_poll();
		rig_advance(0.01);
	}
	ck_assert_uint_eq(neighbors_of_test(), 1);
}
END_TEST

START_TEST(suppress_is_a_slices_own_matter)
{
	struct arp a = suppress_request(HOST_A, IP_A, IP_B);

	suppress_introduce(net.lan2, HOST_B, IP_B);
	/* blue has the same hosts, knows nothing, and does not suppress */
	build_arp(&a_pkt, &a);
	memmove(a_pkt.b + 16, a_pkt.b + 12, a_pkt.len - 12);
	put16(a_pkt.b + 12, 0x8100);
	put16(a_pkt.b + 14, 10);
	a_pkt.len += 4;
	rig_begin();
	rig_send(net.lan, &a_pkt, 1);
	ck_assert(rig.answered == 0 && rig.outs == 2);
	suppress_on(net.blue, VNI_BLUE, 65536);
	rig_begin();
	rig_send(net.lan, &a_pkt, 1);
	ck_assert(rig.answered == 0 && rig.outs == 2);
}
END_TEST

START_TEST(suppress_off_floods_and_forgets)
{
	struct api_slice cfg = {.tunnel_learning = true,
		.vni = VNI_RED,
		.max_macs = 100,
		.mac_ageing_s = 300,
		.flood_pps = 1000000};
	struct arp a = suppress_request(HOST_A, IP_A, IP_B);

	suppress_introduce(net.lan2, HOST_B, IP_B);
	slice_set(net.red, &cfg);
	suppress_send_arp(net.lan, &a);
	expect_suppress_flooded("turned off");
}
END_TEST

START_TEST(suppress_keeps_static_neighbours)
{
	struct api_ip ip = rig_ip(IP_B, false);
	struct api_mac_addr b = rig_mac_addr(HOST_B);
	struct arp a = suppress_request(HOST_A, IP_A, IP_B);

	ck_assert_int_eq(neighbor_reserve(), 0);
	neighbor_set(net.red, net.red_lan2, &ip, &b);
	suppress_send_arp(net.lan, &a);
	expect_suppress_answer("static", HOST_B, IP_B);
	suppress_introduce(net.wan, HOST_C, IP_B); /* somebody claims it */
	suppress_send_arp(net.lan, &a);
	expect_suppress_answer("still", HOST_B, IP_B);
	/* the MAC table says that B is elsewhere: nothing is said */
	rig_mac(net.red, HOST_B, DOOR_TUNNEL | net.t2);
	suppress_send_arp(net.lan, &a);
	expect_suppress_flooded("contradicted");
	rig_mac(net.red, HOST_B, DOOR_ATTACHMENT | net.red_lan2);
	struct neighbor_entry e;

	ck_assert_int_eq(neighbor_get(net.red_lan2, &ip, &e), 0);
	ck_assert(e.state == NEIGHBOR_STATIC && e.attachment == net.red_lan2);
	neighbor_forget(net.red, net.red_lan2, &ip);
	suppress_send_arp(net.lan, &a);
	expect_suppress_flooded("gone");
}
END_TEST

START_TEST(suppress_learns_no_more_than_the_slice_may)
{
	char ip[20];
	uint32_t before = neighbors_of_test(), refused = neighbor_refused();

	suppress_on(net.red, VNI_RED, 20);
	for (uint32_t i = 0; i < 60; i++) {
		snprintf(ip, sizeof(ip), "10.0.1.%u", i + 1);
		suppress_introduce(net.lan, HOST_A, ip);
	}
	ck_assert_uint_eq(neighbors_of_test() - before, 20);
	ck_assert_uint_eq(neighbor_refused() - refused, 40);
}
END_TEST

START_TEST(suppress_ignores_arp_that_is_wrong)
{
	static const struct {
		const char *what;
		uint32_t at, len;
		uint16_t value;
	} wrong[] = {{"hardware type", 14, 60, 6}, {"protocol type", 16, 60, 0x86dd},
		{"address lengths", 18, 60, 0x0604 ^ 0x0100}, {"operation", 20, 60, 3},
		{"group sender", 22, 60, 0xffff}, {"truncated", 14, 41, 1},
		{"sender is multicast", 28, 60, 0xe000}, {"sender is loopback", 28, 60, 0x7f00}};
	uint32_t before;

	suppress_introduce(net.lan2, HOST_B, IP_B);
	before = neighbors_of_test();
	for (uint32_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct arp a = suppress_request(HOST_A, IP_A, IP_B);

		build_arp(&a_pkt, &a);
		put16(a_pkt.b + wrong[i].at, wrong[i].value);
		a_pkt.len = wrong[i].len;
		suppress_send(net.lan, &a_pkt);
		expect_suppress_flooded(wrong[i].what);
		ck_assert_msg(neighbors_of_test() == before, "%s: learned", wrong[i].what);
	}
	/* another's MAC inside than outside: no news */
	struct arp a = suppress_request(HOST_A, IP_A, "10.0.0.99");

	a.sha = HOST_D;
	suppress_send_arp(net.lan, &a);
	ck_assert_uint_eq(neighbors_of_test(), before);
}
END_TEST

TCase *suppress_tests(void)
{
	TCase *tc = tcase_create("suppress");

	tcase_add_checked_fixture(tc, suppress_setup, net_teardown);
	tcase_add_test(tc, suppress_answers_for_a_host_that_asked_before);
	tcase_add_test(tc, suppress_floods_who_comes_with_another_mac);
	tcase_add_test(tc, suppress_learns_from_a_reply_that_passes);
	tcase_add_test(tc, suppress_answers_into_a_tunnel_for_hosts_here);
	tcase_add_test(tc, suppress_says_nothing_from_tunnel_about_tunnel);
	tcase_add_test(tc, suppress_floods_probes_and_announcements);
	tcase_add_test(tc, suppress_does_not_answer_with_what_was_just_contradicted);
	tcase_add_test(tc, suppress_does_not_contradict_the_mac_table);
	tcase_add_test(tc, suppress_is_a_slices_own_matter);
	tcase_add_test(tc, suppress_off_floods_and_forgets);
	tcase_add_test(tc, suppress_keeps_static_neighbours);
	tcase_add_test(tc, suppress_learns_no_more_than_the_slice_may);
	tcase_add_test(tc, suppress_ignores_arp_that_is_wrong);
	return tc;
}
