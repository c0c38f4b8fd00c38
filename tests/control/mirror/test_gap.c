/* SPDX-License-Identifier: BSD-3-Clause */
/* What operators are told when a slice's part of the kernel is not there or not as it should be. */
#include <linux/neighbour.h>
#include <string.h>

#include "../suite.h"
#include "mirror_rig.h"

#define OTHER  2
#define BRIDGE 3
#define VXLAN  4
#define TAP    5
#define OWN    "198.18.0.1" /* wan0's, by intent */

static void setup(void)
{
	rig_setup();
	ck_fine(del("slice", "red"));
	ck_fine(put("slice", "{'name': 'flat', 'vni': 10, 'kernel': {'bridge': 'br10'}, "
			     "'endpoints': [{'site': 'gj', 'port': 'lan0', 'vlan': 20, 'tap': "
			     "'flat0'}]}"));
	mirror_touch(mirror);
	fake_bridge("", BRIDGE, "br10");
	fake_link("", TAP, "flat0", true);
	fake_master("", TAP, BRIDGE);
	rig_run();
	rig_run();
}

#define SAYS(slice, words)                                                                         \
	ck_assert_msg(strstr(rig_gap(slice), words) != NULL, "it says '%s'", rig_gap(slice))

static void device(const char *local, uint16_t port, bool up)
{
	fake_vxlan_as("", VXLAN, local, port, up);
	rig_run();
}

START_TEST(vxlan_device_that_cannot_be_taken_is_told_with_the_reason)
{
	SAYS("flat", "no VXLAN device of VNI 10 ");
	fake_vxlan("", VXLAN, "vx10", 11, BRIDGE);
	rig_run();
	SAYS("flat", "VXLAN device vx10 has VNI 11, and the slice has 10");
	fake_vxlan("", VXLAN, "vx10", 10, 0);
	rig_run();
	SAYS("flat", "ip link set vx10 master br10");
	fake_vxlan("", VXLAN, "vx10", 10, BRIDGE);
	device(NULL, 4789, true);
	SAYS("flat", "has no local address");
	device(OWN, 4789, false);
	SAYS("flat", "ip link set vx10 up");
	fake_vxlan(
		"", VXLAN, "v\xff\n", 10, BRIDGE); /* any bytes are a name; what is told is JSON */
	device(OWN, 4789, false);
	SAYS("flat", "ip link set v?? up");
	fake_vxlan("", VXLAN, "vx10", 10, BRIDGE);
	device(OWN, 4789, true);
	ck_assert_str_eq(rig_gap("flat"), "");
}
END_TEST

START_TEST(udp_port_that_others_do_not_expect_is_told)
{
	fake_vxlan("", VXLAN, "vx10", 10, BRIDGE);
	device(OWN, 8472, true); /* what `ip link add` takes when it is told nothing */
	SAYS("flat", "has UDP port 8472 where others expect 4789");
	device(OWN, 4789, true);
	ck_assert_str_eq(rig_gap("flat"), "");
}
END_TEST

START_TEST(local_address_that_is_not_reached_is_told)
{
	fake_vxlan("", VXLAN, "vx10", 10, BRIDGE);
	device("198.18.0.77", 4789, true);
	SAYS("flat", "local address 198.18.0.77, which this box does not have");
	fake_link("", 30, "eth0", true);
	fake_address("", 30, "198.18.0.77/24", 0);
	rig_run();
	SAYS("flat", "which is on eth0, no port of this box");
	fake_address_gone("", 30, "198.18.0.77/24");
	fake_link("", 31, "lo", true); /* by whatever port it comes */
	fake_address("", 31, "198.18.0.77/32", 0);
	rig_run();
	ck_assert_str_eq(rig_gap("flat"), "");
	fake_address_gone("", 31, "198.18.0.77/32");
	fake_link("", 7, "wan0", true);
	fake_address("", 7, "198.18.0.77/32", 0);
	rig_run();
	ck_assert_str_eq(rig_gap("flat"), "");
}
END_TEST

static void routed(const char *name, unsigned vni, const char *kernel)
{
	ck_fine(put("slice",
		"{'name': '%s', 'service': 'l3', 'vni': %u, 'kernel': %s, 'endpoints': [{'site': "
		"'gj', 'port': 'lan0', 'vlan': %u, 'gateway': '198.19.0.1/24'}]}",
		name, vni, kernel, vni));
	mirror_touch(mirror);
	rig_run();
	rig_run();
}

START_TEST(bridge_of_two_routed_slices_is_told_to_the_second)
{
	fake_bridge("", 21, "both");
	routed("t601", 601, "{'table': 601}");
	routed("t602", 602, "{'table': 602}");
	ck_assert_str_eq(rig_gap("t601"), ""); /* it may do without EVPN */
	fake_vxlan("", 22, "vx601", 601, 21);
	fake_vxlan("", 23, "vx602", 602, 21);
	rig_run();
	ck_assert_str_eq(rig_gap("t601"), "");
	SAYS("t602", "vx602 is on bridge both as that of slice t601");
	fake_bridge("", 24, "own");
	fake_master("", 23, 24);
	rig_run();
	ck_assert_str_eq(rig_gap("t602"), "");
}
END_TEST

START_TEST(vni_of_a_routed_slices_namespace_is_told)
{
	routed("red", 200, "{'netns': 'red'}");
	ck_assert_str_eq(rig_gap("red"), "");
	fake_vxlan("red", VXLAN, "vx201", 201, 0);
	rig_run();
	SAYS("red", "VXLAN device vx201 has VNI 201, and the slice has 200");
	/* in our own namespace it may be anybody's */
	routed("blue", 300, "{'table': 300}");
	fake_vxlan("", 40, "vx301", 301, 0);
	rig_run();
	ck_assert_str_eq(rig_gap("blue"), "");
}
END_TEST

/* ---- events ---- */

#define PUBLISHED(words)                                                                           \
	do {                                                                                       \
		const char *published_ = rig_published();                                          \
		ck_assert_msg(!strncmp(published_, words, strlen(words)) &&                        \
				      strchr(published_, '\n') == strrchr(published_, '\n'),       \
			"published: '%s'", published_);                                            \
	} while (0)
static void two_looks(void)
{
	rig_run();
	mirror_look_for_gaps(mirror);
	mirror_look_for_gaps(mirror);
}

START_TEST(gap_is_told_as_an_event_and_so_is_its_end)
{
	two_looks();
	PUBLISHED("kernel.incomplete flat bridge br10 has no VXLAN device of VNI 10 ");
	fake_link("", 50, "other", true); /* something changes, and it is the same as before */
	rig_run();
	two_looks();
	ck_assert_str_eq(rig_published(), "");
	fake_vxlan("", VXLAN, "vx10", 10, BRIDGE);
	device(OWN, 8472, true);
	two_looks();
	PUBLISHED("kernel.incomplete flat VXLAN device vx10 has UDP port 8472 ");
	device(OWN, 4789, true);
	two_looks();
	PUBLISHED("kernel.complete flat\n");
	fake_link_gone("", VXLAN);
	rig_run();
	two_looks();
	PUBLISHED("kernel.incomplete flat ");
	ck_fine(del("slice", "flat"));
	mirror_touch(mirror);
	two_looks();
	ck_assert_str_eq(rig_published(), ""); /* what there is of it the intent's event says */
}
END_TEST

START_TEST(gap_that_is_mended_at_once_is_no_event)
{
	two_looks();
	rig_published();
	fake_vxlan("", VXLAN, "vx10", 10, BRIDGE);
	rig_run();
	two_looks();
	PUBLISHED("kernel.complete flat\n");
	device(OWN, 4789, false);
	mirror_look_for_gaps(mirror);
	device(OWN, 4789, true);
	two_looks();
	ck_assert_str_eq(rig_published(), "");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("gap");
	TCase *tcase = tcase_create("gap");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, rig_teardown);
	tcase_add_test(tcase, vxlan_device_that_cannot_be_taken_is_told_with_the_reason);
	tcase_add_test(tcase, udp_port_that_others_do_not_expect_is_told);
	tcase_add_test(tcase, local_address_that_is_not_reached_is_told);
	tcase_add_test(tcase, bridge_of_two_routed_slices_is_told_to_the_second);
	tcase_add_test(tcase, vni_of_a_routed_slices_namespace_is_told);
	tcase_add_test(tcase, gap_is_told_as_an_event_and_so_is_its_end);
	tcase_add_test(tcase, gap_that_is_mended_at_once_is_no_event);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
