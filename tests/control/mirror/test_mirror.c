/* SPDX-License-Identifier: BSD-3-Clause */
/* What becomes of the kernel's entries: which objects, in whatever order things come. */
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "../suite.h"
#include "mirror_rig.h"

#define OWN "" /* our namespace */
#define M1  "02:00:00:00:00:01"

static void route(
	const char *netns, uint32_t table, const char *prefix, uint32_t index, const char *address)
{
	const struct fake_way way = {index, address, 1};

	fake_route(netns, table, prefix, 0, RTN_UNICAST, RTPROT_STATIC, &way, 1);
}

/* ---- the underlay ---- */

START_TEST(address_of_a_tap_becomes_the_ports)
{
	fake_link(OWN, 7, "wan0", true);
	fake_address(OWN, 7, "198.18.0.9/24", 0);
	fake_address(OWN, 7, "2001:db8::9/64", 0);
	fake_address(OWN, 7, "fe80::9/64", 0); /* a link-local one is nobody's gateway */
	fake_address(OWN, 8, "198.18.9.9/24", 0);
	rig_run();
	ck_assert_str_eq(rig_wanted(OBJECT_ADDRESS, true),
		"wan0 198.18.0.9/24 {\"port\":\"wan0\",\"prefix\":\"198.18.0.9/24\"}\n"
		"wan0 2001:db8::9/64 {\"port\":\"wan0\",\"prefix\":\"2001:db8::9/64\"}\n");
	fake_address_gone(OWN, 7, "198.18.0.9/24");
	rig_run();
	ck_assert_str_eq(rig_wanted(OBJECT_ADDRESS, false), "wan0 2001:db8::9/64\n");
}
END_TEST

START_TEST(address_that_we_put_is_left_out)
{
	fake_link(OWN, 7, "wan0", true);
	fake_address(OWN, 7, "198.18.0.1/24", API_KERNEL_PROTOCOL);
	rig_run();
	ck_assert_str_eq(rig_wanted(OBJECT_ADDRESS, false), "");
	fake_address(OWN, 7, "198.18.0.1/24", 0); /* `ip addr replace`: it is theirs now */
	rig_run();
	ck_assert_str_eq(rig_wanted(OBJECT_ADDRESS, false), "wan0 198.18.0.1/24\n");
}
END_TEST

START_TEST(intents_addresses_are_put_on_the_nic_of_an_af_xdp_port)
{
	fake_link(OWN, 2, "ens2", true);
	fake_address(OWN, 2, "198.18.1.7/24", API_KERNEL_PROTOCOL);
	fake_address(OWN, 2, "198.18.1.8/24", 0);
	rig_run();
	ck_assert_str_eq(fake_written(), "remove 2 198.18.1.7/24\nadd 2 198.18.1.1/24\n");
	ck_assert_str_eq(rig_wanted(OBJECT_ADDRESS, false), "nic0 198.18.1.8/24\n");
	fake_address_gone(OWN, 2, "198.18.1.7/24");
	fake_address(OWN, 2, "198.18.1.1/24", API_KERNEL_PROTOCOL);
	mirror_touch(mirror);
	rig_run();
	ck_assert_str_eq(fake_written(), "");
}
END_TEST

START_TEST(port_whose_interface_comes_is_asked_for_again)
{
	rig_run();
	rig_retried();
	fake_link(OWN, 20, "ens22", true);
	rig_run();
	ck_assert_str_eq(rig_retried(), "");
	fake_link_gone(OWN, 2);
	rig_run();
	ck_assert_str_eq(rig_retried(), "");
	fake_link(OWN, 21, "ens2", false);
	rig_run();
	ck_assert_str_eq(rig_retried(), "wan nic0\n");
	fake_link(OWN, 22, "eth5", true);
	rig_run();
	ck_assert_str_eq(rig_retried(), "site gj\n");
	/* in another namespace it is another one */
	fake_link("red", 22, "eth5", true);
	rig_run();
	ck_assert_str_eq(rig_retried(), "");
}
END_TEST

START_TEST(neighbor_with_a_mac_becomes_the_ports)
{
	fake_link(OWN, 7, "wan0", true);
	fake_neighbor(OWN, 7, "198.18.0.2", M1, NUD_REACHABLE);
	fake_neighbor(OWN, 7, "fe80::2", M1, NUD_PERMANENT);
	fake_neighbor(OWN, 7, "ff02::2", "33:33:00:00:00:02", NUD_PERMANENT);
	fake_neighbor(OWN, 7, "198.18.0.3", "01:00:5e:00:00:02", NUD_PERMANENT);
	fake_neighbor(OWN, 9, "198.18.0.4", M1, NUD_REACHABLE);
	rig_run();
	ck_assert_str_eq(rig_wanted(OBJECT_NEIGHBOR, true),
		"wan0 198.18.0.2 {\"address\":\"198.18.0.2\",\"mac\":\"" M1
		"\",\"port\":\"wan0\"}\n"
		"wan0 fe80::2 {\"address\":\"fe80::2\",\"mac\":\"" M1 "\",\"port\":\"wan0\"}\n");
	rig_told();
	fake_neighbor(OWN, 7, "198.18.0.2", M1, NUD_REACHABLE);
	rig_run();
	ck_assert_uint_eq(rig_told(), 0);
	fake_neighbor(OWN, 7, "198.18.0.2", "02:00:00:00:00:02", NUD_REACHABLE);
	fake_neighbor_gone(OWN, 7, "fe80::2");
	rig_run();
	ck_assert_uint_eq(rig_told(), 2);
	ck_assert_str_eq(rig_wanted(OBJECT_NEIGHBOR, false), "wan0 198.18.0.2\n");
	ck_assert_ptr_nonnull(strstr(rig_text(OBJECT_NEIGHBOR, "wan0 198.18.0.2"), "00:02"));
}
END_TEST

START_TEST(route_by_a_port_becomes_the_underlays)
{
	fake_link(OWN, 7, "wan0", true);
	route(OWN, 254, "0.0.0.0/0", 7, "198.18.0.2");
	route(OWN, 254, "2001:db8:9::/48", 7, "fe80::2");
	route(OWN, 254, "198.18.5.0/24", 7, NULL);
	route(OWN, 100, "198.18.6.0/24", 7, "198.18.0.2"); /* nobody's table */
	route(OWN, 254, "198.18.7.0/24", 3, "198.18.3.2"); /* by a link that is not ours */
	rig_run();
	ck_assert_str_eq(rig_wanted(OBJECT_ROUTE, true),
		"underlay 0.0.0.0/0 {\"prefix\":\"0.0.0.0/0\",\"table\":\"underlay\",\"via\":[{"
		"\"address\":\"198.18.0.2\",\"port\":\"wan0\",\"weight\":1}]}\n"
		"underlay 198.18.5.0/24 {\"prefix\":\"198.18.5.0/24\",\"table\":\"underlay\","
		"\"via\":[{\"port\":\"wan0\",\"weight\":1}]}\n"
		"underlay 2001:db8:9::/48 {\"prefix\":\"2001:db8:9::/48\",\"table\":\"underlay\","
		"\"via\":[{\"address\":\"fe80::2\",\"port\":\"wan0\",\"weight\":1}]}\n");
}
END_TEST

START_TEST(route_of_no_use_is_counted_until_its_link_comes)
{
	route(OWN, 254, "198.18.7.0/24", 7, "198.18.0.2");
	rig_run();
	ck_assert_uint_eq(rig_counters().routes_unusable, 1);
	ck_assert_uint_eq(rig_counters().routes, 0);
	fake_link(OWN, 7, "wan0", true);
	rig_run();
	ck_assert_uint_eq(rig_counters().routes_unusable, 0);
	ck_assert_uint_eq(rig_counters().routes, 1);
	fake_link(OWN, 7, "wan0", false); /* no carrier */
	rig_run();
	ck_assert_str_eq(rig_wanted(OBJECT_ROUTE, false), "");
	ck_assert_uint_eq(rig_counters().routes_unusable, 1);
	fake_link(OWN, 7, "other", true); /* renamed */
	rig_run();
	ck_assert_str_eq(rig_wanted(OBJECT_ROUTE, false), "");
	fake_link(OWN, 7, "wan0", true);
	rig_run();
	ck_assert_str_eq(rig_wanted(OBJECT_ROUTE, false), "underlay 198.18.7.0/24\n");
	fake_link_gone(OWN, 7);
	rig_run();
	ck_assert_uint_eq(rig_counters().routes_unusable, 0);
	ck_assert_uint_eq(rig_counters().routes, 0);
}
END_TEST

START_TEST(route_of_the_lowest_metric_counts)
{
	const struct fake_way first = {7, "198.18.0.2", 1}, second = {7, "198.18.0.3", 1};

	fake_link(OWN, 7, "wan0", true);
	fake_route(OWN, 254, "198.18.7.0/24", 20, RTN_UNICAST, RTPROT_STATIC, &first, 1);
	fake_route(OWN, 254, "198.18.7.0/24", 10, RTN_UNICAST, RTPROT_BGP, &second, 1);
	rig_run();
	ck_assert_ptr_nonnull(strstr(rig_text(OBJECT_ROUTE, "underlay 198.18.7.0/24"), ".0.3"));
	fake_route_gone(OWN, 254, "198.18.7.0/24", 10);
	rig_run();
	ck_assert_ptr_nonnull(strstr(rig_text(OBJECT_ROUTE, "underlay 198.18.7.0/24"), ".0.2"));
	fake_route_gone(OWN, 254, "198.18.7.0/24", 20);
	rig_run();
	ck_assert_str_eq(rig_wanted(OBJECT_ROUTE, false), "");
}
END_TEST

START_TEST(route_of_the_kernels_own_or_that_drops)
{
	const struct fake_way way = {7, NULL, 1};

	fake_link(OWN, 7, "wan0", true);
	fake_route(OWN, 254, "198.18.0.0/24", 0, RTN_UNICAST, RTPROT_KERNEL, &way, 1);
	fake_route(OWN, 254, "198.18.0.255/32", 0, RTN_BROADCAST, RTPROT_STATIC, &way, 1);
	fake_route(OWN, 254, "fe80::/64", 0, RTN_UNICAST, RTPROT_STATIC, &way, 1);
	fake_route(OWN, 254, "ff00::/8", 0, RTN_MULTICAST, RTPROT_STATIC, &way, 1);
	fake_route(OWN, 254, "198.18.8.0/24", 0, RTN_BLACKHOLE, RTPROT_STATIC, NULL, 0);
	fake_route(OWN, 254, "198.18.9.0/24", 0, RTN_UNREACHABLE, RTPROT_STATIC, NULL, 0);
	fake_route(OWN, 254, "198.18.10.0/24", 0, RTN_PROHIBIT, RTPROT_STATIC, NULL, 0);
	fake_route(OWN, 254, "198.18.11.0/24", 0, RTN_THROW, RTPROT_STATIC, NULL, 0);
	rig_run();
	ck_assert_str_eq(rig_wanted(OBJECT_ROUTE, true),
		"underlay 198.18.10.0/24 {\"prefix\":\"198.18.10.0/24\",\"table\":\"underlay\","
		"\"via\":[]}\n"
		"underlay 198.18.8.0/24 {\"prefix\":\"198.18.8.0/24\",\"table\":\"underlay\","
		"\"via\":[]}\n"
		"underlay 198.18.9.0/24 {\"prefix\":\"198.18.9.0/24\",\"table\":\"underlay\","
		"\"via\":[]}\n");
	ck_assert_uint_eq(rig_counters().routes_unusable, 0);
}
END_TEST

START_TEST(route_with_ways_by_foreign_links_has_the_others)
{
	const struct fake_way way[] = {{3, "198.18.3.2", 1}, {7, "198.18.0.3", 256},
		{7, "198.18.0.2", 1}, {2, "198.18.1.2", 128}, {7, "2001:db8::2", 1},
		{7, "198.18.0.2", 3}, {2, "198.18.1.3", 1}};

	fake_link(OWN, 7, "wan0", true);
	fake_link(OWN, 2, "ens2", true);
	fake_route(OWN, 254, "198.18.7.0/24", 0, RTN_UNICAST, RTPROT_BGP, way, 7);
	rig_run();
	ck_assert_str_eq(rig_text(OBJECT_ROUTE, "underlay 198.18.7.0/24"),
		"{\"prefix\":\"198.18.7.0/24\",\"table\":\"underlay\",\"via\":["
		"{\"address\":\"198.18.1.2\",\"port\":\"nic0\",\"weight\":127},"
		"{\"address\":\"198.18.1.3\",\"port\":\"nic0\",\"weight\":1},"
		"{\"address\":\"198.18.0.2\",\"port\":\"wan0\",\"weight\":3},"
		"{\"address\":\"198.18.0.3\",\"port\":\"wan0\",\"weight\":255}]}");
	fake_link(OWN, 2, "ens2", false);
	rig_run();
	ck_assert_ptr_null(strstr(rig_text(OBJECT_ROUTE, "underlay 198.18.7.0/24"), "nic0"));
}
END_TEST

START_TEST(route_with_more_ways_than_there_is_room_has_the_first)
{
	struct fake_way way[20];
	char address[20][16], all[20][16];
	const char *text;

	fake_link(OWN, 7, "wan0", true);
	for (int i = 0; i < 20; i++) {
		snprintf(address[i], sizeof(address[i]), "198.18.0.%d", 100 + i);
		snprintf(all[i], sizeof(all[i]), "\"198.18.0.%d\"", 100 + i);
	}
	for (int i = 0; i < 20; i++) /* backwards: the kernel's order is not ours */
		way[i] = (struct fake_way){7, address[19 - i], 1};
	fake_route(OWN, 254, "198.18.7.0/24", 0, RTN_UNICAST, RTPROT_BGP, way, 20);
	rig_run();
	text = rig_text(OBJECT_ROUTE, "underlay 198.18.7.0/24");
	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(strstr(text, all[i]) != NULL, i < 16);
	ck_assert_uint_eq(rig_counters().ways_left_out, 4);
}
END_TEST

/* ---- slices ---- */

START_TEST(slice_is_fed_by_its_namespace)
{
	fake_link("red", 4, "red0", true);
	fake_link(OWN, 4, "wan0", true); /* the same number, another namespace */
	fake_address("red", 4, "198.19.0.1/24", 0);
	fake_neighbor("red", 4, "198.19.0.2", M1, NUD_PERMANENT);
	fake_neighbor("red", 4, "198.19.0.3", M1, NUD_REACHABLE); /* the switch finds it itself */
	route("red", 254, "198.19.8.0/24", 4, "198.19.0.2");
	rig_run();
	ck_assert(rig_ready());
	ck_assert_str_eq(
		rig_wanted(OBJECT_ADDRESS, true), ""); /* its namespace is looked at from now on */
	rig_run();
	ck_assert_str_eq(rig_wanted(OBJECT_ADDRESS, true),
		"red:lan0.10 198.19.0.1/24 "
		"{\"attachment\":\"red:lan0.10\",\"prefix\":\"198.19.0.1/24\"}\n");
	ck_assert_str_eq(rig_wanted(OBJECT_NEIGHBOR, false), "red:lan0.10 198.19.0.2\n");
	ck_assert_str_eq(rig_wanted(OBJECT_ROUTE, true),
		"red 198.19.8.0/24 {\"prefix\":\"198.19.8.0/24\",\"table\":\"red\",\"via\":[{"
		"\"address\":\"198.19.0.2\",\"attachment\":\"red:lan0.10\",\"weight\":1}]}\n");
	ck_fine(del("slice", "red"));
	mirror_touch(mirror);
	rig_run();
	ck_assert_str_eq(rig_wanted(OBJECT_ADDRESS, false), "");
	ck_assert_str_eq(rig_wanted(OBJECT_NEIGHBOR, false), "");
	ck_assert_str_eq(rig_wanted(OBJECT_ROUTE, false), "");
	ck_assert_uint_eq(rig_counters().namespaces, 1);
}
END_TEST

static int slice_by(const char *name, unsigned vni, const char *kernel, const char *tap)
{
	return put("slice",
		"{'name': '%s', 'service': 'l3', 'vni': %u, 'kernel': %s, 'endpoints': "
		"[{'site': 'gj', 'port': 'lan0', 'vlan': %u, 'tap': '%s'}]}",
		name, vni, kernel, vni, tap);
}

START_TEST(slice_is_fed_by_a_vrf_once_that_is_there)
{
	ck_fine(slice_by("blue", 300, "{'vrf': 'vrf-blue'}", "blue0"));
	mirror_touch(mirror);
	fake_link(OWN, 5, "blue0", true);
	route(OWN, 1001, "198.19.8.0/24", 5, "198.19.0.2");
	route(OWN, 1002, "198.19.9.0/24", 5, "198.19.0.2");
	rig_run();
	ck_assert_str_eq(rig_wanted(OBJECT_ROUTE, false), "");
	fake_vrf(OWN, 9, "vrf-blue", 1001);
	rig_run();
	ck_assert_str_eq(rig_wanted(OBJECT_ROUTE, false), "blue 198.19.8.0/24\n");
	fake_vrf(OWN, 9, "vrf-blue", 1002); /* deleted and made anew */
	rig_run();
	ck_assert_str_eq(rig_wanted(OBJECT_ROUTE, false), "blue 198.19.9.0/24\n");
	fake_link_gone(OWN, 9);
	rig_run();
	ck_assert_str_eq(rig_wanted(OBJECT_ROUTE, false), "");
}
END_TEST

START_TEST(slice_is_fed_by_a_table_and_only_by_its_own_taps)
{
	ck_fine(slice_by("blue", 300, "{'table': 77}", "blue0"));
	ck_fine(slice_by("pink", 400, "{'table': 78}", "pink0"));
	mirror_touch(mirror);
	fake_link(OWN, 5, "blue0", true);
	fake_link(OWN, 6, "pink0", true);
	fake_link(OWN, 7, "wan0", true);
	route(OWN, 77, "198.19.8.0/24", 5, "198.19.0.2");
	route(OWN, 77, "198.19.9.0/24", 6, "198.19.0.2");  /* another slice's */
	route(OWN, 77, "198.19.10.0/24", 7, "198.18.0.2"); /* the underlay's */
	route(OWN, 254, "198.19.11.0/24", 5, "198.19.0.2");
	rig_run();
	ck_assert_str_eq(rig_wanted(OBJECT_ROUTE, false), "blue 198.19.8.0/24\n");
	ck_assert_uint_eq(rig_counters().routes_unusable, 3);
}
END_TEST

START_TEST(link_local_network_is_the_first_attachments)
{
	fake_link("red", 4, "red0", true);
	fake_link("red", 5, "red1", true);
	fake_address("red", 4, "fe80::4/64", 0);
	fake_address("red", 5, "fe80::5/64", 0);
	route("red", 254, "2001:db8:4::/48", 4, "fe80::a");
	route("red", 254, "2001:db8:5::/48", 5, "fe80::b");
	rig_run();
	rig_run();
	ck_assert_str_eq(rig_wanted(OBJECT_ADDRESS, false), "red:lan0.10 fe80::4/64\n");
	ck_assert_str_eq(rig_wanted(OBJECT_ROUTE, false), "red 2001:db8:4::/48\n");
	fake_link_gone("red", 4);
	rig_run();
	ck_assert_str_eq(rig_wanted(OBJECT_ADDRESS, false), "red:lan0.11 fe80::5/64\n");
	ck_assert_str_eq(rig_wanted(OBJECT_ROUTE, false), "red 2001:db8:5::/48\n");
}
END_TEST

/* ---- next hops that are wanted ---- */

START_TEST(neighbor_wanted_is_kept_by_the_kernel)
{
	rig_event("{'event': 'neighbor_wanted', 'port': 'wan0', 'address': '198.18.0.2'}");
	rig_run();
	ck_assert_str_eq(fake_written(), ""); /* there is no link yet */
	fake_link(OWN, 7, "wan0", true);
	rig_run();
	ck_assert_str_eq(fake_written(), "keep 7 198.18.0.2\n");
	fake_link(OWN, 7, "wan0", false);
	rig_run();
	ck_assert_str_eq(fake_written(), "");
	fake_link(OWN, 7, "wan0", true);
	rig_run();
	ck_assert_str_eq(fake_written(), "keep 7 198.18.0.2\n");
	fake_neighbor(OWN, 7, "198.18.0.2", M1, NUD_REACHABLE);
	rig_run();
	fake_neighbor_gone(OWN, 7, "198.18.0.2");
	rig_run();
	ck_assert_str_eq(fake_written(), "keep 7 198.18.0.2\n");
	rig_event("{'event': 'neighbor_unwanted', 'port': 'wan0', 'address': '198.18.0.2'}");
	ck_assert_str_eq(fake_written(), "let 7 198.18.0.2\n");
	ck_assert_uint_eq(rig_counters().neighbors_kept, 0);
}
END_TEST

START_TEST(neighbors_wanted_are_listed_after_a_connection)
{
	fake_link(OWN, 7, "wan0", true);
	rig_run();
	rig_event("{'event': 'neighbor_wanted', 'port': 'wan0', 'address': '198.18.0.2'}");
	rig_event("{'event': 'neighbor_wanted', 'port': 'wan0', 'address': '198.18.0.3'}");
	fake_written();
	rig_dataplane_up();
	rig_listed("{'objects': [{'port': 'wan0', 'address': '198.18.0.3', 'wanted': true}, "
		   "{'port': 'wan0', 'address': 'fe80::3', 'learned': true, 'wanted': true}]}");
	ck_assert_str_eq(fake_written(), "keep 7 fe80::3\nlet 7 198.18.0.2\n");
	ck_assert_uint_eq(rig_counters().neighbors_kept, 2);
	rig_dataplane_up();
	rig_mirror_stop(); /* its answer comes later */
	rig_listed(NULL);
	rig_mirror_start();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mirror");
	TCase *tcase = tcase_create("mirror");

	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, rig_setup, rig_teardown);
	tcase_add_test(tcase, address_of_a_tap_becomes_the_ports);
	tcase_add_test(tcase, address_that_we_put_is_left_out);
	tcase_add_test(tcase, intents_addresses_are_put_on_the_nic_of_an_af_xdp_port);
	tcase_add_test(tcase, port_whose_interface_comes_is_asked_for_again);
	tcase_add_test(tcase, neighbor_with_a_mac_becomes_the_ports);
	tcase_add_test(tcase, route_by_a_port_becomes_the_underlays);
	tcase_add_test(tcase, route_of_no_use_is_counted_until_its_link_comes);
	tcase_add_test(tcase, route_of_the_lowest_metric_counts);
	tcase_add_test(tcase, route_of_the_kernels_own_or_that_drops);
	tcase_add_test(tcase, route_with_ways_by_foreign_links_has_the_others);
	tcase_add_test(tcase, route_with_more_ways_than_there_is_room_has_the_first);
	tcase_add_test(tcase, slice_is_fed_by_its_namespace);
	tcase_add_test(tcase, slice_is_fed_by_a_vrf_once_that_is_there);
	tcase_add_test(tcase, slice_is_fed_by_a_table_and_only_by_its_own_taps);
	tcase_add_test(tcase, link_local_network_is_the_first_attachments);
	tcase_add_test(tcase, neighbor_wanted_is_kept_by_the_kernel);
	tcase_add_test(tcase, neighbors_wanted_are_listed_after_a_connection);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
