/* SPDX-License-Identifier: BSD-3-Clause */
/* Configuration that changes while frames still point to what was: named drops, and nothing of the
 * old. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "expect.h"
#include "hot.h"
#include "rcu.h"

static void forget(uint16_t slice, uint64_t mac)
{
	struct api_mac_addr addr = rig_mac_addr(mac);

	ck_assert_int_eq(fdb_remove(slice, &addr), 0);
}

static void to(uint16_t port, uint64_t dst, uint64_t src)
{
	struct spec s = plain(dst, src);

	build(&a_pkt, &s);
	rig_begin();
	rig_send(port, &a_pkt, 1);
}

static void from_tunnel(uint32_t vni, uint64_t dst)
{
	struct spec s = plain(dst, HOST_C);
	struct outer o = from_peer2(vni);

	build(&a_pkt, &s);
	wrap(&b_pkt, &o, &a_pkt);
	rig_begin();
	rig_send(net.wan, &b_pkt, 1);
}

START_TEST(change_deleted_attachment_takes_no_frames_and_gets_none)
{
	forget(net.red, HOST_A);
	attachment_unset(net.red_lan);
	to(net.lan, HOST_B, HOST_A);
	expect_drop("in", DROP_NO_ATTACHMENT);
	from_tunnel(VNI_RED, BCAST);
	ck_assert(rig.outs == 1 && rig_out[0].port == net.lan2);
	/* a MAC that still points there, as for the moment of the change */
	rig_mac(net.red, HOST_A, DOOR_ATTACHMENT | net.red_lan);
	from_tunnel(VNI_RED, HOST_A);
	expect_drop("out", DROP_DESTINATION_GONE);
	forget(net.red, HOST_A);
}
END_TEST

START_TEST(change_id_of_an_attachment_that_another_slice_got_leads_nowhere)
{
	forget(net.red, HOST_A);
	attachment_unset(net.red_lan);
	rig_poll();
	uint16_t again = rig_attachment(net.blue, net.lan, 0);

	ck_assert_uint_eq(again, net.red_lan);
	rig_mac(net.red, HOST_A, DOOR_ATTACHMENT | net.red_lan);
	from_tunnel(VNI_RED, HOST_A);
	expect_drop("red's MAC at blue's door", DROP_DESTINATION_GONE);
	forget(net.red, HOST_A);
}
END_TEST

START_TEST(change_attachment_moves_to_another_slice_with_nothing_of_the_old)
{
	struct fdb_entry e;
	struct api_mac_addr mac = rig_mac_addr(NOBODY);

	to(net.lan, HOST_B, NOBODY);
	rig_poll();
	ck_assert_int_eq(fdb_get(net.red, &mac, &e), 0);
	forget(net.red, HOST_A);
	attachment_set(net.red_lan, net.blue, net.lan, 0);
	ck_assert_int_eq(fdb_get(net.red, &mac, &e), -ENOENT);
	to(net.lan, HOST_B, HOST_A);
	expect_out("blue now", net.lan2, &a_pkt);
	from_tunnel(VNI_RED, BCAST);
	ck_assert(rig.outs == 1 && rig_out[0].port == net.lan2);
}
END_TEST

START_TEST(change_attachment_moves_to_another_vlan_and_port)
{
	struct spec s = plain(HOST_A, HOST_B);

	attachment_set(net.red_lan, net.red, net.lan2, 33);
	to(net.lan, HOST_B, HOST_A);
	expect_drop("the old place", DROP_NO_ATTACHMENT);
	from_tunnel(VNI_RED, HOST_A);
	s = plain(HOST_A, HOST_C);
	s.tag[0] = (struct tag){0x8100, 33};
	build(&c_pkt, &s);
	expect_out("the new place", net.lan2, &c_pkt);
}
END_TEST

START_TEST(change_two_attachments_swap_their_places)
{
	/* as a transaction does it: one after the other */
	attachment_set(net.red_lan, net.red, net.lan, 10);
	attachment_set(net.blue_lan, net.blue, net.lan, 0);
	to(net.lan, HOST_B, HOST_A);
	expect_out("untagged is blue", net.lan2, &a_pkt);
	struct spec s = plain(HOST_B, HOST_A);

	s.tag[0] = (struct tag){0x8100, 10};
	build(&b_pkt, &s);
	s.tag[0].tci = 20;
	build(&c_pkt, &s);
	rig_begin();
	rig_send(net.lan, &b_pkt, 1);
	expect_out("VLAN 10 is red", net.lan2, &c_pkt);
}
END_TEST

START_TEST(change_deleted_member_shuts_the_tunnel_for_that_slice_only)
{
	forget(net.red, HOST_C);
	member_unset(net.red, net.t2);
	from_tunnel(VNI_RED, HOST_A);
	expect_drop("red", DROP_TUNNEL_UNKNOWN_VNI);
	from_tunnel(VNI_BLUE, HOST_B);
	expect_out("blue", net.lan2, &a_pkt);
	to(net.lan, BCAST, HOST_A);
	ck_assert_uint_eq(rig.outs, 2); /* lan2 and t6 */
	member_set(net.red, net.t2);
	from_tunnel(VNI_RED, HOST_A);
	expect_out("back", net.lan, &a_pkt);
}
END_TEST

START_TEST(change_deleted_tunnel_is_an_unknown_peer_and_a_gone_destination)
{
	uint16_t other = rig_tunnel(LOCAL4, "198.18.0.4"); /* keeps the local address an endpoint */

	forget(net.red, HOST_C);
	forget(net.blue, HOST_C);
	member_unset(net.red, net.t2);
	member_unset(net.blue, net.t2);
	tunnel_unset(net.t2);
	from_tunnel(VNI_RED, HOST_A);
	expect_drop("in", DROP_TUNNEL_UNKNOWN_PEER);
	rig_mac(net.red, HOST_C, DOOR_TUNNEL | net.t2);
	to(net.lan, HOST_C, HOST_A);
	expect_drop("out", DROP_DESTINATION_GONE);
	forget(net.red, HOST_C);
	tunnel_unset(other);
	from_tunnel(VNI_RED, HOST_A);
	expect_drop("no endpoint any more: the kernel's", DROP_NO_TAP);
}
END_TEST

START_TEST(change_vni_of_a_slice_holds_for_all_its_tunnels_at_once)
{
	struct api_slice cfg = {.tunnel_learning = true,
		.vni = 4711,
		.max_macs = 100,
		.mac_ageing_s = 300,
		.flood_pps = 1000000};
	struct spec s = plain(HOST_A, HOST_D);
	struct outer o = from_peer6(4711);

	slice_set(net.red, &cfg);
	from_tunnel(VNI_RED, HOST_A);
	expect_drop("the old VNI", DROP_TUNNEL_UNKNOWN_VNI);
	from_tunnel(4711, HOST_A);
	expect_out("the new", net.lan, &a_pkt);
	from_tunnel(VNI_BLUE, HOST_B);
	expect_out("the other slice", net.lan2, &a_pkt);
	build(&a_pkt, &s);
	wrap(&b_pkt, &o, &a_pkt);
	rig_begin();
	rig_send(net.wan, &b_pkt, 1);
	expect_out("the new, IPv6", net.lan, &a_pkt);
	to(net.lan, HOST_C, HOST_A);
	ck_assert(rig.outs == 1 && get32(rig_out[0].pkt.b + 46) == 4711 << 8);
}
END_TEST

START_TEST(change_two_slices_swap_their_vnis)
{
	struct api_slice cfg = {.tunnel_learning = true,
		.max_macs = 100,
		.mac_ageing_s = 300,
		.flood_pps = 1000000};

	cfg.vni = VNI_BLUE;
	slice_set(net.red, &cfg);
	cfg.vni = VNI_RED;
	slice_set(net.blue, &cfg);
	from_tunnel(VNI_RED, HOST_B);
	expect_out("red's old number is blue", net.lan2, &a_pkt);
	from_tunnel(VNI_BLUE, HOST_A);
	expect_out("blue's old number is red", net.lan, &a_pkt);
}
END_TEST

START_TEST(change_peer_address_of_a_tunnel_shuts_out_the_old)
{
	struct api_tunnel cfg = rig_tunnel_defaults();

	cfg.local = rig_ip(LOCAL4, false);
	cfg.remote = rig_ip("198.18.0.3", false);
	rig_neighbor(net.wan, "198.18.0.3", 0x020000000e03);
	tunnel_set(net.t2, &cfg);
	underlay_resolve();
	from_tunnel(VNI_RED, HOST_A);
	expect_drop("the old peer", DROP_TUNNEL_UNKNOWN_PEER);
	to(net.lan, HOST_C, HOST_A);
	ck_assert(rig.outs == 1 && rig_out[0].pkt.b[5] == 0x03 && rig_out[0].pkt.b[33] == 3);
}
END_TEST

START_TEST(change_tunnel_port_and_family_leave_nothing_behind)
{
	struct api_tunnel cfg = rig_tunnel_defaults();
	uint32_t before = vtep4_table.count, before6 = vtep6_table.count;

	cfg.local = rig_ip(LOCAL6, false);
	cfg.remote = rig_ip("2001:db8::3", false);
	cfg.dst_port = 8472;
	tunnel_set(net.t2, &cfg);
	ck_assert(
		tunnel_port[__builtin_bswap16(8472)] == TUNNEL_VXLAN && vtep4_table.count < before);
	cfg = rig_tunnel_defaults();
	cfg.local = rig_ip(LOCAL4, false);
	cfg.remote = rig_ip("198.18.0.2", false);
	tunnel_set(net.t2, &cfg);
	underlay_resolve();
	ck_assert(tunnel_port[__builtin_bswap16(8472)] == TUNNEL_NONE);
	ck_assert(vtep4_table.count == before && vtep6_table.count == before6);
	from_tunnel(VNI_RED, HOST_A);
	expect_out("as before", net.lan, &a_pkt);
}
END_TEST

START_TEST(change_deleted_slice_leaves_frames_nowhere_and_its_id_clean)
{
	uint16_t slice = rig_slice(500), port = rig_port(1500),
		 door = rig_attachment(slice, port, 0);
	struct counters c;

	member_set(slice, net.t2);
	to(port, BCAST, HOST_A);
	ck_assert_uint_eq(rig.outs, 1);
	rig_poll();
	attachment_unset(door);
	member_unset(slice, net.t2);
	/* a frame in flight finds no flood list */
	slice_unset(slice);
	to(port, BCAST, HOST_A);
	expect_drop("no door", DROP_NO_ATTACHMENT);
	from_tunnel(500, BCAST);
	expect_drop("no VNI", DROP_TUNNEL_UNKNOWN_VNI);
	rig_poll();
	ck_assert_uint_eq(rig_slice(501), slice);
	slice_counters_read(slice, &c);
	ck_assert(c.in_packets == 0 && c.out_packets == 0 && c.dropped == 0);
	struct fdb_entry e;
	struct api_mac_addr mac = rig_mac_addr(HOST_A);

	ck_assert_int_eq(fdb_get(slice, &mac, &e), -ENOENT);
}
END_TEST

START_TEST(change_closed_port_is_a_named_drop)
{
	uint16_t port = rig_port(1500);
	uint16_t door = rig_attachment(net.red, port, 0);

	rig_mac(net.red, NOBODY, DOOR_ATTACHMENT | door);
	rig_port_gone(port);
	to(net.lan, NOBODY, HOST_A);
	ck_assert(rig.outs == 0 && rig.drops == 1);
	forget(net.red, NOBODY);
}
END_TEST

START_TEST(change_address_gone_stops_the_underlay)
{
	struct api_ip v4 = rig_ip(LOCAL4 "/24", true), v6 = rig_ip(LOCAL6 "/64", true),
		      decoys = rig_ip(DECOY_ADDRESS, true);

	underlay_address_unset(net.wan, &v4);
	underlay_resolve();
	to(net.lan, HOST_C, HOST_A);
	expect_drop("no route", DROP_NO_ROUTE);
	to(net.lan, HOST_D, HOST_A);
	ck_assert_uint_eq(rig.outs, 1);
	underlay_address_unset(net.wan, &v6);
	underlay_address_unset(net.wan, &decoys);
	decoys_port_gone(net.wan);
	underlay_resolve();
	from_tunnel(VNI_RED, HOST_A);
	expect_drop("not an underlay port", DROP_NO_ATTACHMENT);
}
END_TEST

/* One transaction, and so no turn of the main loop, in which flood lists of a gigabyte are
 * replaced. */
START_TEST(change_of_many_members_at_once_does_not_run_out_of_memory)
{
	enum { TUNNELS = 5000 };
	const uint32_t changes = getenv("SLUICE_QUICK") ? 20000 : 100000;
	struct api_tunnel cfg = rig_tunnel_defaults();
	const struct flood_list *list;
	uint16_t first = 0, id = 0;

	for (uint32_t i = 0; i < TUNNELS; i++) {
		char remote[32];

		snprintf(remote, sizeof(remote), "198.19.%u.%u", i >> 8, i & 255);
		cfg.local = rig_ip(LOCAL4, false);
		cfg.remote = rig_ip(remote, false);
		ck_assert_int_eq(tunnel_reserve(&id), 0);
		first = i == 0 ? id : first;
		tunnel_set(id, &cfg);
		member_set(net.red, id);
	}
	for (uint32_t i = 0; i < changes; i++) {
		member_unset(net.red, id);
		member_set(net.red, id);
	}
	list = slice_hot[net.red].flood;
	ck_assert_uint_eq(list->tunnels, TUNNELS + 2);
	for (uint32_t t = first; t < first + (uint32_t)TUNNELS; t++)
		member_unset(net.red, t);
	list = slice_hot[net.red].flood;
	ck_assert_uint_eq(list->tunnels, 2); /* as it was: nothing is flooded to who left */
}
END_TEST

START_TEST(change_ids_come_back_at_once_when_no_other_is_free)
{
	uint16_t id, none;

	while (slice_reserve(&id) == 0)
		slice_set(id, &(struct api_slice){.vni = 1000 + id});
	slice_unset(net.blue); /* its id waits for a grace period */
	ck_assert_int_eq(slice_reserve(&id), 0);
	ck_assert_uint_eq(id, net.blue);
	ck_assert_int_eq(slice_reserve(&none), -ENOSPC);
}
END_TEST

TCase *change_tests(void)
{
	TCase *tc = tcase_create("change");

	tcase_add_checked_fixture(tc, net_setup, net_teardown);
	tcase_add_test(tc, change_deleted_attachment_takes_no_frames_and_gets_none);
	tcase_add_test(tc, change_id_of_an_attachment_that_another_slice_got_leads_nowhere);
	tcase_add_test(tc, change_attachment_moves_to_another_slice_with_nothing_of_the_old);
	tcase_add_test(tc, change_attachment_moves_to_another_vlan_and_port);
	tcase_add_test(tc, change_two_attachments_swap_their_places);
	tcase_add_test(tc, change_deleted_member_shuts_the_tunnel_for_that_slice_only);
	tcase_add_test(tc, change_deleted_tunnel_is_an_unknown_peer_and_a_gone_destination);
	tcase_add_test(tc, change_vni_of_a_slice_holds_for_all_its_tunnels_at_once);
	tcase_add_test(tc, change_two_slices_swap_their_vnis);
	tcase_add_test(tc, change_peer_address_of_a_tunnel_shuts_out_the_old);
	tcase_add_test(tc, change_tunnel_port_and_family_leave_nothing_behind);
	tcase_add_test(tc, change_deleted_slice_leaves_frames_nowhere_and_its_id_clean);
	tcase_add_test(tc, change_closed_port_is_a_named_drop);
	tcase_add_test(tc, change_address_gone_stops_the_underlay);
	tcase_add_test(tc, change_of_many_members_at_once_does_not_run_out_of_memory);
	tcase_add_test(tc, change_ids_come_back_at_once_when_no_other_is_free);
	return tc;
}
