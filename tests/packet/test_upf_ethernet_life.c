/* SPDX-License-Identifier: BSD-3-Clause */
/* Ethernet PDU sessions as they come, change and go: MACs that move, frames that do not fit, are
 * held, or go to all. */
#include <stdio.h>

#include "upf_eth_net.h"

START_TEST(what_is_no_frame_is_dropped_by_name)
{
	struct gtpu g;

	eth_session("a", "red", 0x11);
	g = from_gnb(rig_teid("a", 1));
	eth_frame(&a_pkt, HOST_A, UE_A);
	for (uint32_t len = 0; len < 14; len++) {
		build_gtpu_raw(&c_pkt, &g, a_pkt.b, len);
		rig_begin();
		rig_send(net.wan, &c_pkt, 1);
		expect_drop("shorter than an Ethernet header", DROP_UE_PACKET);
	}
	eth_frame(&a_pkt, HOST_A, 0x010000000001ull);
	eth_ue_sends("a", &a_pkt);
	expect_drop("from a group", DROP_SOURCE_MAC);
	eth_frame(&a_pkt, HOST_A, 0);
	eth_ue_sends("a", &a_pkt);
	expect_drop("from nobody", DROP_SOURCE_MAC);
	ck_assert_uint_eq(rig_session_counters("a").dropped, 16);
	ck_assert_uint_eq(rig_session_counters("a").ul_packets, 0);
	eth_frame(&a_pkt, HOST_A, UE_A);
	a_pkt.len = 14;
	eth_ue_sends("a", &a_pkt);
	expect_out("a header alone is one", net.lan, &a_pkt);
}
END_TEST

START_TEST(a_session_that_goes_is_forgotten)
{
	eth_two_in_red();
	rig_session_gone("a");
	ck_assert_uint_eq(eth_door_of(net.red, UE_A), 0);
	ck_assert_uint_eq(DOOR_KIND(eth_door_of(net.red, UE_B)), DOOR_SESSION);
	eth_frame(&a_pkt, UE_A, HOST_A);
	rig_begin();
	rig_send(net.lan, &a_pkt, 1);
	ck_assert_uint_eq(rig.outs, 4); /* lan2, t2, t6, b */
	ck_assert_uint_eq(eth_count_ue(0x11, &a_pkt), 0);
	ck_assert_uint_eq(eth_count_ue(0x12, &a_pkt), 1);
	/* another one, with the index that has become free or not, knows nothing of it */
	eth_session("c", "red", 0x13);
	rig_begin();
	rig_send(net.lan, &a_pkt, 1);
	ck_assert_uint_eq(rig.outs, 5);
	rig_session_gone("b");
	rig_session_gone("c");
	rig_begin();
	rig_send(net.lan, &a_pkt, 1);
	ck_assert_uint_eq(rig.outs, 3);
	ck_assert_uint_eq(rig.drops, 0);
}
END_TEST

START_TEST(a_mac_moves_between_sessions_and_attachments)
{
	eth_two_in_red();
	door_t a = eth_door_of(net.red, UE_A);

	eth_frame(&a_pkt, HOST_A, UE_A);
	eth_ue_sends("b", &a_pkt);
	rig_poll();
	ck_assert_uint_ne(eth_door_of(net.red, UE_A), a);
	eth_frame(&a_pkt, HOST_B, UE_A);
	rig_send(net.lan, &a_pkt, 1);
	rig_poll();
	ck_assert_uint_eq(eth_door_of(net.red, UE_A), DOOR_ATTACHMENT | net.red_lan);
	eth_frame(&a_pkt, HOST_B, HOST_A); /* a static one stays */
	eth_ue_sends("a", &a_pkt);
	rig_poll();
	ck_assert_uint_eq(eth_door_of(net.red, HOST_A), DOOR_ATTACHMENT | net.red_lan);
}
END_TEST

/* Of 1500: IPv4, UDP, GTP-U (36), and the eth_frame's own header; with a container 8 more. */
START_TEST(a_frame_that_does_not_fit_the_path_is_dropped)
{
	eth_two_in_red();
	for (uint32_t len = 1463; len <= 1465; len++) {
		struct spec s = {.dst = UE_A, .src = HOST_A, .type = 0x88b5, .payload = len - 14};

		build(&a_pkt, &s);
		rig_begin();
		rig_send(net.lan, &a_pkt, 1);
		if (len <= 1464)
			expect_eth_ue("it fits", 0x11, &a_pkt);
		else
			expect_drop("it does not", DROP_UNDERLAY_MTU);
	}
}
END_TEST

/* Both directions: what comes back is bridged as if it had just come. */
START_TEST(frames_are_held_and_then_go_on_in_order)
{
	eth_two_in_red();
	eth_action_up = eth_action_down = "buffer";
	eth_session("a", "red", 0x11);
	eth_frame(&a_pkt, BCAST, UE_A);
	eth_ue_sends("a", &a_pkt);
	ck_assert_uint_eq(rig.outs + rig.drops, 0);
	eth_frame(&b_pkt, UE_A, HOST_A);
	rig_send(net.lan, &b_pkt, 1);
	b_pkt.b[b_pkt.len - 1]++;
	rig_send(net.lan, &b_pkt, 1);
	ck_assert_uint_eq(rig.outs + rig.drops, 0);
	rig_poll();
	eth_action_up = eth_action_down = "forward";
	rig_begin();
	eth_session("a", "red", 0x11);
	for (uint32_t i = 0; i < 4; i++) {
		rig_advance(0.01);
		rig_poll();
	}
	eth_frame(&b_pkt, NOBODY, UE_B); /* so that what left is collected */
	eth_ue_sends("b", &b_pkt);
	ck_assert_uint_eq(rig.drops, 0);
	ck_assert_uint_eq(rig_session_counters("a").ul_packets, 2);
	ck_assert_uint_eq(rig_session_counters("a").dl_packets, 2 + 1);
}
END_TEST

START_TEST(suppression_answers_for_hosts_behind_sessions)
{
	struct api_slice cfg = {.tunnel_learning = true,
		.name = "quiet",
		.vni = 777,
		.max_macs = 64,
		.mac_ageing_s = 300,
		.flood_pps = 10000,
		.suppress = true};
	uint16_t slice = rig_slice_as(&cfg);

	rig_attachment(slice, net.lan, 77);
	rig_attachment(slice, net.lan2, 77);
	rig_upf_slice("quiet", slice);
	eth_session("a", "quiet", 0x11);
	struct arp arp = {.dst = BCAST, .src = UE_A, .spa = "10.0.0.1", .tpa = "10.0.0.2"};

	build_arp(&a_pkt, &arp);
	eth_ue_sends("a", &a_pkt);
	ck_assert_uint_eq(rig.outs, 2);
	rig_poll();
	arp = (struct arp){.dst = BCAST, .src = HOST_A, .spa = "10.0.0.2", .tpa = "10.0.0.1"};
	build_arp(&a_pkt, &arp);
	eth_tag(&b_pkt, &a_pkt, 0x8100, 77);
	rig_begin();
	rig_send(net.lan, &b_pkt, 1);
	ck_assert_uint_eq(rig.answered, 1);
	ck_assert_uint_eq(rig.outs, 1);
	ck_assert_uint_eq(rig_out[0].port, net.lan);
	rig_poll();
	/* and the other way round: the UE asks for the host, its own answer comes back */
	arp = (struct arp){.dst = BCAST, .src = UE_A, .spa = "10.0.0.1", .tpa = "10.0.0.2"};
	build_arp(&a_pkt, &arp);
	eth_ue_sends("a", &a_pkt);
	ck_assert_uint_eq(rig.answered, 1);
	ck_assert_uint_eq(rig.outs, 1);
	ck_assert_uint_eq(rig_out[0].port, net.wan);
	rig_session_gone("a");
}
END_TEST

/* More than a burst of doors; some go, others take their places. */
START_TEST(floods_reach_every_session_once)
{
	char name[16];

	for (uint32_t i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "s%u", i);
		eth_session(name, "red", 0x1000 + i);
	}
	for (uint32_t i = 0; i < 200; i += 3) {
		snprintf(name, sizeof(name), "s%u", i);
		rig_session_gone(name);
	}
	for (uint32_t i = 200; i < 220; i++) {
		snprintf(name, sizeof(name), "s%u", i);
		eth_session(name, "red", 0x1000 + i);
	}
	eth_frame(&a_pkt, BCAST, HOST_A);
	rig_begin();
	rig_send(net.lan, &a_pkt, 1);
	ck_assert_uint_eq(rig.outs, 3 + 133 + 20);
	ck_assert_uint_eq(rig.drops, 0);
	for (uint32_t i = 0; i < 220; i++)
		ck_assert_uint_eq(eth_count_ue(0x1000 + i, &a_pkt), i >= 200 || i % 3 != 0);
}
END_TEST

TCase *upf_ethernet_life_tests(void)
{
	TCase *tc = tcase_create("ethernet_life");

	tcase_add_checked_fixture(tc, eth_setup, upf_teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, what_is_no_frame_is_dropped_by_name);
	tcase_add_test(tc, a_session_that_goes_is_forgotten);
	tcase_add_test(tc, a_mac_moves_between_sessions_and_attachments);
	tcase_add_test(tc, a_frame_that_does_not_fit_the_path_is_dropped);
	tcase_add_test(tc, frames_are_held_and_then_go_on_in_order);
	tcase_add_test(tc, suppression_answers_for_hosts_behind_sessions);
	tcase_add_test(tc, floods_reach_every_session_once);
	return tc;
}
