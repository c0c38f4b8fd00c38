/* SPDX-License-Identifier: BSD-3-Clause */
/* Stations behind several VTEPs (RFC 8365 section 8), as FRR writes them: an FDB entry by a group
 * of next hops, in any order. */
#include <string.h>

#include "../suite.h"
#include "mirror_rig.h"

#define BRIDGE	3
#define VXLAN	4
#define GROUP	100
#define STATION "02:00:00:00:00:0a"

static void setup(void)
{
	rig_setup();
	ck_fine(put("slice", "{'name': 'flat', 'vni': 10, 'kernel': {'bridge': 'br10'}, "
			     "'endpoints': [{'site': 'gj', 'port': 'lan0', 'vlan': 20}]}"));
	mirror_touch(mirror);
	fake_bridge("", BRIDGE, "br10");
	fake_vxlan("", VXLAN, "vx10", 10, BRIDGE);
	rig_run();
	fake_fdb("", VXLAN, BRIDGE, STATION, NULL);
	rig_run();
}

/* vtep NULL: behind none. others: it has more. */
static void is_behind(const char *vtep, bool others)
{
	const char *text;

	rig_run();
	text = rig_text(OBJECT_MAC, "flat " STATION);
	if (vtep)
		ck_assert_msg(strstr(text, vtep) != NULL, "it is '%s'", text);
	else
		ck_assert_str_eq(text, "");
	ck_assert_uint_eq(rig_counters().macs, vtep != NULL);
	ck_assert_uint_eq(rig_counters().tunnels, vtep != NULL);
	ck_assert_uint_eq(rig_counters().macs_multihomed, others);
}

static void has_group(void)
{
	fake_vtep("", 1, "198.18.0.9");
	fake_vtep("", 2, "198.18.0.8");
	fake_group("", GROUP, 2, 1, 2);
	fake_fdb_by_group("", VXLAN, STATION, GROUP);
}

START_TEST(station_of_a_group_is_behind_the_lowest_vtep)
{
	has_group();
	is_behind("vtep:198.18.0.8:", true);
	/* its site's link to that VTEP is lost: BGP takes it out of the group */
	fake_nexthop_gone("", 2);
	fake_group("", GROUP, 1, 1);
	is_behind("vtep:198.18.0.9:", false);
	fake_vtep("", 3, "198.18.0.7");
	fake_group("", GROUP, 2, 1, 3);
	is_behind("vtep:198.18.0.7:", true);
	fake_vtep("", 3, "198.18.0.11"); /* the member alone is another one now */
	is_behind("vtep:198.18.0.9:", true);
}
END_TEST

START_TEST(station_waits_for_its_group_and_that_for_its_members)
{
	fake_fdb_by_group("", VXLAN, STATION, GROUP);
	is_behind(NULL, false);
	fake_group("", GROUP, 2, 1, 2);
	is_behind(NULL, false);
	fake_vtep("", 2, "2001:db8::2"); /* not of the device's family */
	is_behind(NULL, false);
	fake_vtep("", 1, "198.18.0.1"); /* this box itself */
	is_behind(NULL, false);
	fake_vtep("", 1, "198.18.0.9");
	is_behind("vtep:198.18.0.9:", false);
	fake_nexthop_gone("", GROUP);
	is_behind(NULL, false);
	ck_assert_str_eq(rig_wanted(OBJECT_TUNNEL, false), "");
}
END_TEST

START_TEST(station_moves_between_group_and_vtep)
{
	has_group();
	is_behind("vtep:198.18.0.8:", true);
	fake_fdb_gone("", VXLAN, 0, STATION, NULL);
	fake_fdb("", VXLAN, 0, STATION, "198.18.0.5");
	is_behind("vtep:198.18.0.5:", false);
	rig_told();
	fake_group("", GROUP, 1, 1); /* not its any more */
	rig_run();
	ck_assert_uint_eq(rig_told(), 0);
	fake_fdb_gone("", VXLAN, 0, STATION, "198.18.0.5");
	fake_fdb_by_group("", VXLAN, STATION, GROUP);
	is_behind("vtep:198.18.0.9:", false);
	fake_fdb_gone("", VXLAN, BRIDGE, STATION, NULL); /* it is gone, or here */
	is_behind(NULL, false);
}
END_TEST

START_TEST(groups_go_with_their_device)
{
	has_group();
	is_behind("vtep:198.18.0.8:", true);
	fake_link_gone("", VXLAN);
	is_behind(NULL, false);
	fake_nexthop_gone("", GROUP);
	fake_group("", GROUP, 1, 1);
	fake_vxlan("", VXLAN, "vx10", 10, BRIDGE);
	is_behind("vtep:198.18.0.9:", false);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("multihoming");
	TCase *tcase = tcase_create("multihoming");

	tcase_add_checked_fixture(tcase, setup, rig_teardown);
	tcase_add_test(tcase, station_of_a_group_is_behind_the_lowest_vtep);
	tcase_add_test(tcase, station_waits_for_its_group_and_that_for_its_members);
	tcase_add_test(tcase, station_moves_between_group_and_vtep);
	tcase_add_test(tcase, groups_go_with_their_device);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
