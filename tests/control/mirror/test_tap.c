/* SPDX-License-Identifier: BSD-3-Clause */
/* Taps of slices in their place in the kernel, and the stations behind them told to its bridges. */
#include <string.h>

#include "../suite.h"
#include "mirror_flat.h"

/* ---- taps ---- */

START_TEST(tap_is_moved_when_the_dataplane_is_done_with_it)
{
	fake_written();
	fake_link("", 7, "red0", false);
	rig_run();
	ck_assert_str_eq(fake_written(), "");
	fake_link("", 7, "red0", true);
	rig_run();
	ck_assert_str_eq(fake_written(), "move 7 red\n");
	fake_link_gone("", 7);
	fake_link("red", 2, "red0", false);
	rig_run();
	ck_assert_str_eq(fake_written(), "set 2 up\n");
	/* gateways of the intent are its addresses */
	ck_fine(put("slice", "{'name': 'red', 'service': 'l3', 'vni': 200, 'kernel': {'netns': "
			     "'red'}, 'endpoints': [{'site': 'gj', 'port': 'lan0', 'vlan': 10, "
			     "'tap': 'red0', 'gateway': '198.19.0.1/24', 'gateway6': "
			     "'2001:db8::1/64'}]}"));
	mirror_touch(mirror);
	rig_run();
	ck_assert_str_eq(fake_written(), "add 2 198.19.0.1/24\nadd 2 2001:db8::1/64\n");
}
END_TEST

START_TEST(tap_does_not_stay_in_a_namespace_that_is_not_the_slices)
{
	fake_link("red", 2, "red0", true);
	rig_run();
	fake_written();
	ck_fine(put("slice", "{'name': 'red', 'service': 'l3', 'vni': 200, 'kernel': {'netns': "
			     "'other'}, 'endpoints': [{'site': 'gj', 'port': 'lan0', 'vlan': 10, "
			     "'tap': 'red0', 'gateway': '198.19.0.1/24'}]}"));
	mirror_touch(mirror);
	rig_run();
	ck_assert_str_eq(fake_written(), "delete 2 link\n");
}
END_TEST

START_TEST(tap_waits_until_its_name_is_free)
{
	fake_bridge("red", 2, "red0"); /* somebody's own: nothing is put on it */
	fake_link("", 7, "red0", true);
	fake_address("red", 2, "198.19.7.1/24", 0);
	rig_run();
	ck_assert_str_eq(fake_written(), "move 7 red\n");
	ck_assert_str_eq(rig_wanted(OBJECT_ADDRESS, false), "");
	fake_link_gone("red", 2);
	rig_run();
	ck_assert_str_eq(fake_written(), "move 7 red\n");
}
END_TEST

/* Somebody's interface has it: gone, or by another name. */
START_TEST(who_wants_the_name_of_a_tap_is_tried_again)
{
	ck_fine(put("wan",
		"{'name': 'up0', 'site': 'gj', 'device': 'net_null7', 'mtu': 1600, 'tap': "
		"true, 'addresses': ['198.18.6.1/24']}"));
	mirror_touch(mirror);
	rig_run();
	for (int i = 0; i < 2; i++) {
		fake_bridge("", 30, "red0");
		fake_bridge("", 31, "up0");
		rig_run();
		rig_retried();
		if (i == 0)
			fake_link_gone("", 30);
		else
			fake_bridge("", 30, "blue0");
		rig_run();
		ck_assert_str_eq(rig_retried(), "slice red\n");
		fake_link_gone("", 31);
		rig_run();
		ck_assert_str_eq(rig_retried(), "site gj\nwan up0\n");
	}
}
END_TEST

START_TEST(tap_leaves_a_bridge_that_is_not_the_slices)
{
	fake_bridge("", BRIDGE, "br10");
	fake_bridge("", 9, "br9");
	fake_link("", TAP, "flat0", true);
	fake_master("", TAP, 9);
	rig_run();
	ck_assert_str_eq(fake_written(), "master 5 3 quiet\n");
	rig_event("{'event':'mac.learned','slice':'flat','mac':'" STATION
		  "','attachment':'flat:lan0.20'}");
	ck_assert_str_eq(fake_written(), "");
	fake_master("", TAP, BRIDGE);
	rig_run();
	ck_assert_str_eq(fake_written(), "station 5 " STATION "\n");
	/* its bridge is made anew */
	fake_master("", TAP, 0);
	fake_link_gone("", BRIDGE);
	rig_run();
	fake_written();
	fake_bridge("", 12, "br10");
	rig_run();
	ck_assert_str_eq(fake_written(), "master 5 12 quiet\n");
	fake_master("", TAP, 12);
	rig_run();
	ck_assert_str_eq(fake_written(), "station 5 " STATION "\n");
}
END_TEST

START_TEST(tap_of_a_bridge_or_vrf_becomes_its_port)
{
	fake_written();
	fake_link("", TAP, "flat0", true);
	rig_run();
	ck_assert_str_eq(fake_written(), "");
	fake_bridge("", BRIDGE, "br10");
	rig_run();
	ck_assert_str_eq(fake_written(), "master 5 3 quiet\n");
	fake_master("", TAP, BRIDGE);
	rig_run();
	ck_assert_str_eq(fake_written(), "");
	ck_fine(put("slice", "{'name': 'blue', 'service': 'l3', 'vni': 300, 'kernel': {'vrf': "
			     "'vrf-blue'}, 'endpoints': [{'site': 'gj', 'port': 'lan0', 'vlan': "
			     "30, 'tap': 'blue0', 'gateway': '198.19.0.1/24'}]}"));
	mirror_touch(mirror);
	fake_link("", 8, "blue0", true);
	rig_run();
	/* without its VRF it would be an interface of the box itself: down, and without addresses
	 */
	ck_assert_str_eq(fake_written(), "set 8 down\n");
	fake_vrf("", 9, "vrf-blue", 1001);
	rig_run();
	ck_assert_str_eq(fake_written(), "master 8 9\nset 8 up\n");
	fake_master("", 8, 9);
	rig_run();
	ck_assert_str_eq(fake_written(), "add 8 198.19.0.1/24\n");
	fake_address("", 8, "198.19.0.1/24", API_KERNEL_PROTOCOL);
	fake_master("", 8, 0);
	rig_run();
	ck_assert_str_eq(fake_written(), "remove 8 198.19.0.1/24\nset 8 down\n");
}
END_TEST

static void blue_by(const char *kernel)
{
	ck_fine(put("slice",
		"{'name': 'blue', 'service': 'l3', 'vni': 300, 'kernel': %s, 'endpoints': "
		"[{'site': 'gj', 'port': 'lan0', 'vlan': 30, 'tap': 'blue0', 'gateway': "
		"'198.19.0.1/24'}]}",
		kernel));
	mirror_touch(mirror);
	rig_run();
}

START_TEST(tap_leaves_its_vrf_when_the_slice_has_a_table_instead)
{
	fake_vrf("", 9, "vrf-blue", 1001);
	fake_link("", 8, "blue0", true);
	fake_master("", 8, 9);
	fake_address("", 8, "198.19.0.1/24", API_KERNEL_PROTOCOL);
	blue_by("{'vrf': 'vrf-blue'}");
	fake_written();
	blue_by("{'table': 1002}");
	ck_assert_str_eq(fake_written(), "master 8 0\n");
	fake_master("", 8, 0);
	rig_run();
	ck_assert_str_eq(fake_written(), ""); /* up, with its address */
	/* and back: what is taken away is told before it is in the VRF, where it is put again */
	blue_by("{'vrf': 'vrf-blue'}");
	ck_assert_str_eq(fake_written(), "remove 8 198.19.0.1/24\nmaster 8 9\nset 8 up\n");
	blue_by("{'table': 1002}");
	fake_written();
	/* control comes anew, and it is in a VRF still */
	fake_master("", 8, 9);
	rig_mirror_stop();
	rig_mirror_start();
	rig_loop();
	rig_run();
	ck_assert_ptr_nonnull(strstr(fake_written(), "master 8 0\n"));
	/* a VRF of that very table routes as it should */
	fake_vrf("", 9, "vrf-blue", 1002);
	rig_run();
	ck_assert_str_eq(fake_written(), "");
}
END_TEST

START_TEST(tap_that_waits_for_a_vrf_is_up_when_the_slice_wants_none)
{
	fake_link("", 8, "blue0", true);
	blue_by("{'vrf': 'vrf-blue'}");
	rig_run();
	ck_assert_ptr_nonnull(strstr(fake_written(), "set 8 down\n"));
	fake_link("", 8, "blue0", false);
	rig_run();
	fake_written();
	blue_by("{'table': 1002}");
	ck_assert_ptr_nonnull(strstr(fake_written(), "set 8 up\n"));
}
END_TEST

START_TEST(tap_is_down_until_its_namespace_is_there)
{
	rig_mirror_stop();
	ck_fine(put("slice", "{'name': 'red', 'service': 'l3', 'vni': 200, 'kernel': {'netns': "
			     "'missing'}, 'endpoints': [{'site': 'gj', 'port': 'lan0', 'vlan': 10, "
			     "'tap': 'red0'}]}"));
	fake_absent("missing", true);
	rig_mirror_start();
	rig_run();
	fake_written();
	fake_link("", 7, "red0", false);
	rig_run();
	ck_assert_str_eq(fake_written(), "");
	fake_link("", 7, "red0", true);
	rig_run();
	ck_assert_str_eq(fake_written(), "set 7 down\n");
	fake_link("", 7, "red0", false);
	rig_run();
	ck_assert_str_eq(fake_written(), "");
	fake_absent("missing", false);
	rig_run();
	ck_assert_str_eq(fake_written(), "move 7 missing\n");
	fake_link_gone("", 7);
	fake_link("", 8, "red0", false); /* the next one is the dataplane's until it is up */
	rig_run();
	ck_assert_str_eq(fake_written(), "");
}
END_TEST

START_TEST(bridge_of_two_routed_slices_has_the_mac_of_one)
{
	fake_bridge("", 21, "both");
	fake_written();
	for (unsigned vni = 601; vni <= 602; vni++)
		ck_fine(put("slice",
			"{'name': 't%u', 'service': 'l3', 'vni': %u, 'kernel': {'table': %u}, "
			"'endpoints': [{'site': 'gj', 'port': 'lan0', 'vlan': %u, 'tap': 't%u'}]}",
			vni, vni, vni, vni, vni));
	mirror_touch(mirror);
	fake_vxlan("", 22, "vx601", 601, 21);
	fake_vxlan("", 23, "vx602", 602, 21);
	rig_run();
	ck_assert_ptr_null(strstr(strstr(fake_written(), "mac 21"), "\nmac 21"));
}
END_TEST

/* ---- stations ---- */

/* Control comes anew, and is told of the tap before what it is a port of: nothing is to be done. */
START_TEST(taps_in_their_place_are_left_alone_by_a_new_life)
{
	fake_bridge("", BRIDGE, "br10");
	fake_vrf("", 9, "vrf-blue", 1001);
	ck_fine(put("slice", "{'name': 'blue', 'service': 'l3', 'vni': 300, 'kernel': {'vrf': "
			     "'vrf-blue'}, 'endpoints': [{'site': 'gj', 'port': 'lan0', 'vlan': "
			     "30, 'tap': 'blue0', 'gateway': '198.19.0.1/24'}]}"));
	mirror_touch(mirror);
	fake_link("", TAP, "flat0", true);
	fake_master("", TAP, BRIDGE);
	fake_link("", 8, "blue0", true);
	fake_master("", 8, 9);
	fake_address("", 8, "198.19.0.1/24", API_KERNEL_PROTOCOL);
	rig_run();
	rig_mirror_stop();
	fake_written();
	rig_mirror_start();
	rig_loop();
	rig_run();
	ck_assert_str_eq(fake_written(), "");
	fake_master("", 8, 0);
	rig_run();
	ck_assert_str_eq(fake_written(), "remove 8 198.19.0.1/24\nset 8 down\n");
}
END_TEST

START_TEST(stations_here_are_told_to_the_bridge)
{
	has_devices();
	fake_written();
	rig_event("{'event':'mac.learned','slice':'flat','mac':'" STATION
		  "','attachment':'flat:lan0.20'}");
	rig_event("{'event':'mac.learned','slice':'red','mac':'" STATION
		  "','attachment':'red:lan0.10'}");
	rig_event("{'event':'mac.learned','slice':'flat','mac':'" STATION "','session':'ue'}");
	ck_assert_str_eq(fake_written(), "station 5 " STATION "\nno station 5 " STATION "\n");
	rig_event("{'event':'mac.moved','slice':'flat','mac':'" STATION
		  "','attachment':'flat:lan0.20','from':{'tunnel':'t'}}");
	rig_event("{'event':'mac.aged','slice':'flat','mac':'" STATION
		  "','attachment':'flat:lan0.20'}");
	ck_assert_str_eq(fake_written(), "station 5 " STATION "\nno station 5 " STATION "\n");
	/* it is elsewhere: FRR says so, and nothing is taken back when it ages here */
	rig_event("{'event':'mac.learned','slice':'flat','mac':'" STATION
		  "','attachment':'flat:lan0.20'}");
	has(TAP, STATION, NULL);
	has(VXLAN, STATION, NULL);
	fake_written();
	rig_event("{'event':'mac.aged','slice':'flat','mac':'" STATION
		  "','attachment':'flat:lan0.20'}");
	ck_assert_str_eq(fake_written(), "");
}
END_TEST

START_TEST(stations_are_asked_for_at_each_connection)
{
	has_devices();
	has(TAP, "02:00:00:00:00:0b", NULL); /* of an earlier life */
	rig_event("{'event':'mac.learned','slice':'flat','mac':'02:00:00:00:00:0c',"
		  "'attachment':'flat:lan0.20'}");
	fake_written();
	rig_dataplane_up();
	rig_event("{'event':'mac.learned','slice':'flat','mac':'02:00:00:00:00:0d',"
		  "'attachment':'flat:lan0.20'}");
	rig_listed("{'objects':[]}");
	rig_listed_macs("{'objects':[{'slice':'flat','mac':'" STATION
			"','attachment':'flat:lan0.20','learned':true}]}");
	ck_assert_str_eq(fake_written(),
		"station 5 02:00:00:00:00:0d\nstation 5 " STATION
		"\nno station 5 02:00:00:00:00:0c\nno station 5 02:00:00:00:00:0b\n");
	/* events were lost: asked for again */
	rig_event("{'event':'events_lost','lost':3}");
	rig_listed("{'objects':[]}");
	rig_listed_macs("{'objects':[{'slice':'flat','mac':'" STATION
			"','attachment':'flat:lan0.20','learned':true},{'slice':'flat','mac':"
			"'02:00:00:00:00:0d','attachment':'flat:lan0.20','learned':true}]}");
	fake_written();
	/* the tap comes anew with the dataplane */
	fake_link_gone("", TAP);
	fake_link("", 6, "flat0", true);
	rig_run();
	ck_assert_str_eq(fake_written(), "master 6 3 quiet\n");
	fake_master("", 6, BRIDGE);
	rig_run();
	ck_assert_str_eq(fake_written(), "station 6 " STATION "\nstation 6 02:00:00:00:00:0d\n");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tap");
	TCase *tcase = tcase_create("tap");

	tcase_add_checked_fixture(tcase, flat_setup, rig_teardown);
	tcase_add_test(tcase, tap_is_moved_when_the_dataplane_is_done_with_it);
	tcase_add_test(tcase, tap_does_not_stay_in_a_namespace_that_is_not_the_slices);
	tcase_add_test(tcase, tap_waits_until_its_name_is_free);
	tcase_add_test(tcase, who_wants_the_name_of_a_tap_is_tried_again);
	tcase_add_test(tcase, tap_leaves_a_bridge_that_is_not_the_slices);
	tcase_add_test(tcase, tap_is_down_until_its_namespace_is_there);
	tcase_add_test(tcase, tap_leaves_its_vrf_when_the_slice_has_a_table_instead);
	tcase_add_test(tcase, tap_that_waits_for_a_vrf_is_up_when_the_slice_wants_none);
	tcase_add_test(tcase, bridge_of_two_routed_slices_has_the_mac_of_one);
	tcase_add_test(tcase, tap_of_a_bridge_or_vrf_becomes_its_port);
	tcase_add_test(tcase, taps_in_their_place_are_left_alone_by_a_new_life);
	tcase_add_test(tcase, stations_here_are_told_to_the_bridge);
	tcase_add_test(tcase, stations_are_asked_for_at_each_connection);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
