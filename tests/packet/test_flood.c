/* SPDX-License-Identifier: BSD-3-Clause */
/* Unknown, broadcast and multicast frames: to every other door of the slice, and to no other. */
#include <stdlib.h>
#include <string.h>

#include "expect.h"

static const uint64_t group[] = {BCAST, 0x01005e000001, 0x333300000001, NOBODY};

/* Was frame a_pkt (untagged) sent into this tunnel, and how often? */
static uint32_t tunneled(bool v6, uint32_t vni)
{
	uint32_t n = 0, head = v6 ? 70 : 50;

	for (uint32_t i = 0; i < rig.outs; i++) {
		const struct pkt *p = &rig_out[i].pkt;

		n += rig_out[i].port == net.wan && p->len == head + a_pkt.len &&
		     p->b[14] >> 4 == (v6 ? 6 : 4) && get32(p->b + head - 4) == vni << 8 &&
		     memcmp(p->b + head, a_pkt.b, a_pkt.len) == 0;
	}
	return n;
}

START_TEST(flood_from_an_attachment_reaches_every_other_door_once)
{
	struct spec s = plain(group[_i], NOBODY + 1), tagged = s;

	tagged.tag[0] = (struct tag){0x8100, 20};
	build(&a_pkt, &s);
	build(&b_pkt, &tagged);
	rig_send(net.lan, &a_pkt, 1);
	ck_assert(rig.outs == 3 && rig.replicated == 2 && rig.drops == 0);
	ck_assert_uint_eq(count_out(net.lan2, &b_pkt), 1);
	ck_assert_uint_eq(tunneled(false, VNI_RED), 1);
	ck_assert_uint_eq(tunneled(true, VNI_RED), 1);
}
END_TEST

START_TEST(flood_of_the_other_slice_reaches_its_own_doors_only)
{
	struct spec s = plain(group[_i], NOBODY + 1), tagged = s;

	tagged.tag[0] = (struct tag){0x8100, 10};
	build(&a_pkt, &s);
	build(&b_pkt, &tagged);
	rig_send(net.lan2, &a_pkt, 1);
	ck_assert(rig.outs == 2 && rig.drops == 0);
	ck_assert_uint_eq(count_out(net.lan, &b_pkt), 1);
	ck_assert_uint_eq(tunneled(false, VNI_BLUE), 1);
}
END_TEST

START_TEST(flood_from_a_tunnel_reaches_attachments_only)
{
	struct spec s = plain(group[_i], NOBODY + 1), tagged = s;
	struct outer o = from_peer2(VNI_RED);

	tagged.tag[0] = (struct tag){0x8100, 20};
	build(&a_pkt, &s);
	wrap(&c_pkt, &o, &a_pkt);
	build(&b_pkt, &tagged);
	rig_send(net.wan, &c_pkt, 1);
	ck_assert(rig.outs == 2 && rig.replicated == 1 && rig.drops == 0);
	ck_assert_uint_eq(count_out(net.lan, &a_pkt), 1);
	ck_assert_uint_eq(count_out(net.lan2, &b_pkt), 1);
}
END_TEST

START_TEST(flood_of_a_whole_burst_reaches_all_doors)
{
	struct pkt *many = calloc(32, sizeof(*many));

	for (int i = 0; i < 32; i++) {
		struct spec s = plain(BCAST, NOBODY + 1);

		s.sport = i;
		build(&many[i], &s);
	}
	rig_send(net.lan, many, 32);
	ck_assert(rig.outs == 96 && rig.replicated == 64 && rig.drops == 0);
	for (int i = 0; i < 32; i++) {
		a_pkt = many[i];
		ck_assert(tunneled(false, VNI_RED) == 1 && tunneled(true, VNI_RED) == 1);
	}
	free(many);
}
END_TEST

START_TEST(flood_copies_do_not_share_headers)
{
	/* two VLANs of one slice on the same port, and two tunnels with different headers: each
	 * gets its own bytes */
	uint16_t door = rig_attachment(net.red, net.lan2, 21);
	struct spec s = plain(BCAST, NOBODY + 1), tagged = s;

	ck_assert_uint_ne(door, 0);
	build(&a_pkt, &s);
	rig_send(net.lan, &a_pkt, 1);
	ck_assert_uint_eq(rig.outs, 4);
	for (uint16_t vid = 20; vid <= 21; vid++) {
		tagged.tag[0] = (struct tag){0x8100, vid};
		build(&b_pkt, &tagged);
		ck_assert_uint_eq(count_out(net.lan2, &b_pkt), 1);
	}
}
END_TEST

START_TEST(flood_with_no_other_door_is_a_named_drop)
{
	uint16_t port = rig_port(1500), lonely = rig_slice(300);
	struct spec s = plain(BCAST, HOST_A);

	rig_attachment(lonely, port, 0);
	build(&a_pkt, &s);
	rig_begin();
	rig_send(port, &a_pkt, 1);
	expect_drop("one door", DROP_FLOOD_NOWHERE);
	/* tunnels alone, and it comes from one */
	uint16_t far = rig_slice(301);
	struct outer o = from_peer2(301);

	member_set(far, net.t2);
	member_set(far, net.t6);
	wrap(&b_pkt, &o, &a_pkt);
	rig_begin();
	rig_send(net.wan, &b_pkt, 1);
	expect_drop("split horizon", DROP_FLOOD_NOWHERE);
}
END_TEST

START_TEST(flood_keeps_to_the_slices_rate)
{
	struct api_slice cfg = {.tunnel_learning = true,
		.vni = VNI_RED,
		.max_macs = 100,
		.mac_ageing_s = 300,
		.flood_pps = 100};
	struct api_slice other = cfg;
	struct spec s = plain(BCAST, HOST_A);
	struct pkt *many = calloc(32, sizeof(*many));

	other.vni = VNI_BLUE;
	slice_set(net.red, &cfg);
	slice_set(net.blue, &other);
	for (int i = 0; i < 32; i++)
		build(&many[i], &s);
	rig_advance(10);
	rig_begin();
	rig_send(net.lan, many, 32);
	/* a tenth of a second's worth at once */
	ck_assert(rig.replicated / 2 >= 9 && rig.replicated / 2 <= 12);
	ck_assert_uint_eq(rig.drop[DROP_FLOOD_RATE], 32 - rig.replicated / 2);
	rig_advance(0.05);
	rig_begin();
	rig_send(net.lan, many, 32);
	ck_assert(rig.replicated / 2 >= 4 && rig.replicated / 2 <= 8);
	/* the other slice is not held back, and known destinations are not either */
	rig_begin();
	build(&a_pkt, &s);
	rig_send(net.lan2, &a_pkt, 1);
	ck_assert(rig.outs == 2 && rig.drops == 0);
	s.dst = HOST_B;
	build(&a_pkt, &s);
	rig_begin();
	rig_send(net.lan, &a_pkt, 1);
	ck_assert(rig.outs == 1 && rig.drops == 0);
	cfg.flood_pps = 0;
	slice_set(net.red, &cfg);
	rig_advance(10);
	rig_begin();
	rig_send(net.lan, many, 1);
	expect_drop("none at all", DROP_FLOOD_RATE);
	free(many);
}
END_TEST

START_TEST(flood_past_a_dead_tunnel_reaches_the_others)
{
	uint16_t dead = rig_tunnel(LOCAL4, "203.0.113.1"), deaf = rig_tunnel(LOCAL4, "198.18.0.77");
	struct spec s = plain(BCAST, HOST_A);
	struct counters c;

	member_set(net.red, dead);
	member_set(net.red, deaf);
	build(&a_pkt, &s);
	rig_begin();
	rig_send(net.lan, &a_pkt, 1);
	ck_assert(rig.outs == 3 && rig.drops == 2 && rig.drop[DROP_NO_ROUTE] == 1 &&
		  rig.drop[DROP_NO_NEIGHBOR] == 1);
	tunnel_counters_read(dead, &c);
	ck_assert_uint_eq(c.dropped, 1);
}
END_TEST

START_TEST(flood_of_a_large_frame_drops_only_where_it_does_not_fit)
{
	struct spec s = plain(BCAST, HOST_A);

	s.payload = 1500 - 28;
	build(&a_pkt, &s);
	rig_send(net.lan, &a_pkt, 1);
	ck_assert(rig.outs == 1 && rig.drops == 2 && rig.drop[DROP_UNDERLAY_MTU] == 2);
}
END_TEST

START_TEST(flood_without_buffers_is_a_named_drop_a_door)
{
	struct spec s = plain(BCAST, HOST_A);

	build(&a_pkt, &s);
	uint32_t spare = rig_take_buffers(net.lan, 1);

	rig_send(net.lan, &a_pkt, 1);
	rig_give_buffers();
	ck_assert_uint_gt(spare, 0);
	ck_assert(rig.outs == 1 && rig.drops == 2 && rig.drop[DROP_FLOOD_NO_MBUF] == 2);
}
END_TEST

TCase *flood_tests(void)
{
	TCase *tc = tcase_create("flood");

	tcase_add_checked_fixture(tc, net_setup, net_teardown);
	tcase_add_loop_test(tc, flood_from_an_attachment_reaches_every_other_door_once, 0, 4);
	tcase_add_loop_test(tc, flood_of_the_other_slice_reaches_its_own_doors_only, 0, 4);
	tcase_add_loop_test(tc, flood_from_a_tunnel_reaches_attachments_only, 0, 4);
	tcase_add_test(tc, flood_of_a_whole_burst_reaches_all_doors);
	tcase_add_test(tc, flood_copies_do_not_share_headers);
	tcase_add_test(tc, flood_with_no_other_door_is_a_named_drop);
	tcase_add_test(tc, flood_keeps_to_the_slices_rate);
	tcase_add_test(tc, flood_past_a_dead_tunnel_reaches_the_others);
	tcase_add_test(tc, flood_of_a_large_frame_drops_only_where_it_does_not_fit);
	tcase_add_test(tc, flood_without_buffers_is_a_named_drop_a_door);
	return tc;
}
