/* SPDX-License-Identifier: BSD-3-Clause */
/* What EVPN's entries in the kernel become: FDBs and neighbours as FRR writes them, in any order.
 */
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "../suite.h"
#include "mirror_flat.h"

#define ALL    "00:00:00:00:00:00"
#define ROUTER "02:00:00:00:09:01"

static void lost(uint32_t index, const char *mac, const char *dst)
{
	fake_fdb_gone("", index, dst ? 0 : BRIDGE, mac, dst);
	rig_run();
}

static uint32_t objects(void)
{
	struct mirror_counters c = rig_counters();

	return c.tunnels + c.members + c.macs;
}

#define IS_BEHIND(vtep)                                                                            \
	ck_assert_ptr_nonnull(strstr(rig_text(OBJECT_MAC, "flat " STATION), "vtep:" vtep ":"))

START_TEST(station_is_wanted_when_bridge_and_device_have_it)
{
	has_devices();
	has(VXLAN, STATION, "198.18.0.9");
	ck_assert_uint_eq(objects(), 0);
	has(VXLAN, STATION, NULL);
	ck_assert_ptr_nonnull(strstr(rig_text(OBJECT_MAC, "flat " STATION), "\"movable\":true"));
	IS_BEHIND("198.18.0.9");
	ck_assert_uint_eq(objects(), 2); /* and its tunnel */
	/* it is here now: FRR leaves the device's own entry, which is of no meaning then */
	has(TAP, STATION, NULL);
	ck_assert_uint_eq(objects(), 0);
	/* and away again: only the bridge's entry is told */
	has(VXLAN, STATION, NULL);
	IS_BEHIND("198.18.0.9");
	lost(VXLAN, STATION, "198.18.0.9");
	has(VXLAN, STATION, "198.18.0.8");
	IS_BEHIND("198.18.0.8");
	ck_assert_uint_eq(objects(), 2);
	lost(VXLAN, STATION, NULL);
	ck_assert_uint_eq(objects(), 0);
	ck_assert_str_eq(rig_wanted(OBJECT_TUNNEL, false), "");
}
END_TEST

START_TEST(entries_wait_for_their_device_and_slice)
{
	has(VXLAN, STATION, "198.18.0.9");
	has(VXLAN, STATION, NULL);
	has(VXLAN, ALL, "198.18.0.9");
	fake_vxlan("", VXLAN, "vx10", 10, BRIDGE);
	rig_run();
	ck_assert_uint_eq(objects(), 0); /* its bridge is not the slice's */
	fake_bridge("", BRIDGE, "br10");
	rig_run();
	ck_assert_uint_eq(objects(), 3);
	ck_fine(del("slice", "flat"));
	mirror_touch(mirror);
	rig_run();
	ck_assert_uint_eq(objects(), 0);
	ck_assert_str_eq(rig_wanted(OBJECT_MAC, false), "");
	ck_assert_str_eq(rig_wanted(OBJECT_MEMBER, false), "");
	ck_fine(put("slice", "{'name': 'green', 'vni': 10, 'kernel': {'bridge': 'br10'}, "
			     "'endpoints': [{'site': 'gj', 'port': 'lan0', 'vlan': 20}]}"));
	mirror_touch(mirror);
	rig_run();
	ck_assert_uint_eq(objects(), 3);
}
END_TEST

START_TEST(flood_list_makes_members)
{
	has_devices();
	has(VXLAN, ALL, "198.18.0.9");
	has(VXLAN, ALL, "198.18.0.2");
	/* two WANs have these addresses: it is the tunnel that intents make between them */
	ck_assert_str_ne(rig_text(OBJECT_TUNNEL, "wan0:wanb"), "");
	ck_assert_str_ne(rig_text(OBJECT_MEMBER, "flat wan0:wanb"), "");
	ck_assert_uint_eq(objects(), 4);
	lost(VXLAN, ALL, "198.18.0.9");
	ck_assert_uint_eq(objects(), 2);
	/* the tunnel stays as long as somebody uses it */
	has(VXLAN, STATION, "198.18.0.2");
	has(VXLAN, STATION, NULL);
	lost(VXLAN, ALL, "198.18.0.2");
	ck_assert_str_eq(rig_wanted(OBJECT_MEMBER, false), "");
	ck_assert_str_eq(rig_wanted(OBJECT_TUNNEL, false), "wan0:wanb\n");
	/* the WAN has another address now: so has the tunnel another name */
	ck_fine(put("wan", "{'name': 'wanb', 'site': 'bs', 'addresses': ['198.18.0.22/24']}"));
	mirror_touch(mirror);
	rig_run();
	ck_assert_str_eq(rig_text(OBJECT_TUNNEL, "wan0:wanb"), "");
	IS_BEHIND("198.18.0.2");
	ck_assert_uint_eq(objects(), 2);
}
END_TEST

START_TEST(what_is_no_station_is_none)
{
	has_devices();
	has(VXLAN, "33:33:00:00:00:01", NULL);
	has(VXLAN, "33:33:00:00:00:01", "198.18.0.9");
	has(VXLAN, STATION, "2001:db8::9"); /* not of the device's own family */
	has(VXLAN, STATION, NULL);
	ck_assert_uint_eq(objects(), 0);
}
END_TEST

START_TEST(device_that_goes_takes_all_along)
{
	has_devices();
	has(VXLAN, ALL, "198.18.0.9");
	has(VXLAN, STATION, "198.18.0.9");
	has(VXLAN, STATION, NULL);
	ck_assert_uint_eq(objects(), 3);
	rig_told();
	fake_vxlan("", VXLAN, "vx10", 10, BRIDGE); /* nothing is new */
	fake_link("", 9, "other", true);
	rig_run();
	ck_assert_uint_eq(rig_told(), 0);
	fake_link_gone("", VXLAN);
	rig_run();
	ck_assert_uint_eq(objects(), 0);
	ck_assert_str_eq(rig_wanted(OBJECT_MAC, false), "");
}
END_TEST

/* What changes is told one by one: a bridge may have tens of thousands. */
START_TEST(fdb_is_not_gone_through_for_what_is_no_other_device)
{
	has_devices();
	has(VXLAN, STATION, "198.18.0.9");
	has(VXLAN, STATION, NULL);
	fake_fdb_walks();
	fake_link("", 9, "other", true);
	fake_vxlan("", 10, "vx77", 77, 0);
	fake_bridge("", BRIDGE, "br10");
	fake_vxlan("", VXLAN, "vx10", 10, BRIDGE);
	has(VXLAN, ALL, "198.18.0.9");
	mirror_touch(mirror);
	rig_run();
	ck_assert_uint_eq(fake_fdb_walks(), 0);
	ck_assert_uint_eq(objects(), 3);
	/* an entry and its device in one go */
	fake_vxlan_as("", VXLAN, "198.18.0.1", 4789, true);
	fake_fdb("", VXLAN, 0, "02:00:00:00:00:0c", "198.18.0.9");
	fake_fdb("", VXLAN, BRIDGE, "02:00:00:00:00:0c", NULL);
	rig_run();
	ck_assert_uint_eq(fake_fdb_walks(), 0);
	ck_assert_uint_eq(objects(), 4);
	fake_vxlan_as("", VXLAN, "198.18.1.1", 4789, true);
	rig_run();
	ck_assert_uint_eq(fake_fdb_walks(), 1);
	ck_assert_uint_eq(objects(), 4);
}
END_TEST

/* Of the slice red, whose namespace it is. */
START_TEST(routes_lead_by_tunnel_and_router_mac)
{
	struct fake_way way = {.index = BRIDGE, .address = "198.18.0.9", .weight = 1};

	fake_route("red", 254, "198.19.8.0/24", 20, RTN_UNICAST, RTPROT_BGP, &way, 1);
	fake_bridge("red", BRIDGE, "br200");
	fake_vxlan("red", VXLAN, "vx200", 200, BRIDGE);
	fake_written();
	rig_run();
	/* what FRR tells the others is ours */
	ck_assert_ptr_nonnull(strstr(fake_written(), "mac 3 02:"));
	fake_neighbor("red", BRIDGE, "198.18.0.9", ROUTER, NUD_PERMANENT);
	fake_fdb("red", VXLAN, BRIDGE, ROUTER, NULL);
	rig_run();
	ck_assert_str_eq(rig_wanted(OBJECT_ROUTE, false), "");
	fake_fdb("red", VXLAN, 0, ROUTER, "198.18.0.9");
	rig_run();
	ck_assert_ptr_nonnull(strstr(
		rig_text(OBJECT_ROUTE, "red 198.19.8.0/24"), "\"via\":[{\"mac\":\"" ROUTER "\""));
	ck_assert_ptr_nonnull(
		strstr(rig_text(OBJECT_ROUTE, "red 198.19.8.0/24"), "vtep:198.18.0.9:"));
	ck_assert_uint_eq(objects(), 2); /* the tunnel, and the slice's member of it; no mac */
	/* the same by a VTEP that is a WAN's: another name */
	fake_fdb_gone("red", VXLAN, 0, ROUTER, "198.18.0.9");
	fake_fdb("red", VXLAN, 0, ROUTER, "198.18.0.2");
	rig_run();
	ck_assert_ptr_nonnull(
		strstr(rig_text(OBJECT_ROUTE, "red 198.19.8.0/24"), "\"tunnel\":\"wan0:wanb\""));
	fake_fdb_gone("red", VXLAN, BRIDGE, ROUTER, NULL);
	rig_run();
	ck_assert_str_eq(rig_wanted(OBJECT_ROUTE, false), "");
	ck_assert_uint_eq(objects(), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("evpn");
	TCase *tcase = tcase_create("evpn");

	tcase_add_checked_fixture(tcase, flat_setup, rig_teardown);
	tcase_add_test(tcase, station_is_wanted_when_bridge_and_device_have_it);
	tcase_add_test(tcase, entries_wait_for_their_device_and_slice);
	tcase_add_test(tcase, flood_list_makes_members);
	tcase_add_test(tcase, what_is_no_station_is_none);
	tcase_add_test(tcase, device_that_goes_takes_all_along);
	tcase_add_test(tcase, fdb_is_not_gone_through_for_what_is_no_other_device);
	tcase_add_test(tcase, routes_lead_by_tunnel_and_router_mac);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
