/* SPDX-License-Identifier: BSD-3-Clause */
/* Admission control: what is booked where, which WAN is chosen, what a shortage says. */
#include <stdlib.h>
#include <string.h>

#include "../suite.h"
#include "sets.h"

#define TWO "'endpoints':[{'site':'gj','port':'p1','vlan':%d},{'site':'bs','port':'p1','vlan':%d}]"

static uint64_t booked(const char *wan)
{
	return world_booked_bps(world, wan);
}

static int put_slice(const char *name, long long bps, int vlan)
{
	return put("slice", "{'name':'%s','bandwidth':{'committed_bps':%lld}," TWO "}", name, bps,
		vlan, vlan);
}

START_TEST(admission_books_at_each_site_and_gives_back)
{
	ck_fine(put_slice("a", 30000000, 1));
	ck_fine(put_slice("b", 20000000, 2));
	ck_assert_uint_eq(booked("gj-kt"), 50000000);
	ck_assert_uint_eq(booked("bs-kt"), 50000000);
	ck_assert_uint_eq(booked("gj-lg"), 0);
	ck_fine(put_slice("a", 10000000, 1));
	ck_assert_uint_eq(booked("gj-kt"), 30000000);
	ck_fine(del("slice", "b"));
	ck_assert_uint_eq(booked("gj-kt"), 10000000);
	ck_fine(del("slice", "a"));
	ck_assert_uint_eq(booked("bs-kt"), 0);
}
END_TEST

START_TEST(admission_books_nothing_at_one_site)
{
	ck_fine(put("slice", "{'name':'a','bandwidth':{'committed_bps':900000000},'endpoints':["
			     "{'site':'gj','port':'p1'},{'site':'gj','port':'p2'}]}"));
	ck_assert_uint_eq(booked("gj-kt"), 0);
	ck_assert_str_eq(field("slice", "a", "endpoints.0.wan"), "");
	ck_fine(put("slice", "{'name':'b','bandwidth':{'committed_bps':900000000},'endpoints':["
			     "{'site':'gj','port':'p3','wan':'gj-kt'}]}"));
	ck_assert_uint_eq(booked("gj-kt"), 0);
}
END_TEST

START_TEST(admission_books_once_for_endpoints_that_share_a_wan)
{
	ck_fine(put("slice", "{'name':'a','bandwidth':{'committed_bps':60000000},'endpoints':["
			     "{'site':'gj','port':'p1'},{'site':'bs','port':'p1'},"
			     "{'site':'gj','port':'p2'}]}"));
	ck_assert_uint_eq(booked("gj-kt"), 60000000);
	ck_assert_uint_eq(booked("gj-lg"), 0);
	ck_assert_str_eq(field("slice", "a", "endpoints.2.wan"), "gj-kt");
	ck_fine(del("slice", "a"));
	ck_assert_uint_eq(booked("gj-kt"), 0);
}
END_TEST

START_TEST(admission_refuses_two_wans_at_one_site)
{
	ck_refused(put("slice", "{'name':'a','endpoints':[{'site':'gj','port':'p1','wan':'gj-kt'},"
				"{'site':'bs','port':'p1'},"
				"{'site':'gj','port':'p2','wan':'gj-lg'}]}"),
		RPC_ERR_PARAMS, "[0].endpoints[2].wan");
	ck_assert_uint_eq(booked("gj-lg"), 0);
	/* at one site alone none of them is used */
	ck_fine(put("slice", "{'name':'a','endpoints':[{'site':'gj','port':'p1','wan':'gj-kt'},"
			     "{'site':'gj','port':'p2','wan':'gj-lg'}]}"));
}
END_TEST

START_TEST(admission_takes_the_next_wan_when_the_first_is_full)
{
	ck_fine(put("wan", "{'name':'bs-lg','site':'bs','addresses':['198.18.8.1/24']}"));
	ck_fine(put_slice("a", 80000000, 1));
	ck_fine(put_slice("b", 30000000, 2));
	ck_assert_str_eq(field("slice", "b", "endpoints.0.wan"), "gj-lg");
	ck_assert_str_eq(field("slice", "b", "endpoints.1.wan"), "bs-lg");
	ck_fine(put_slice("c", 20000000, 3));
	ck_assert_str_eq(field("slice", "c", "endpoints.0.wan"), "gj-kt");
}
END_TEST

START_TEST(admission_says_how_much_is_missing_where)
{
	char *before, *after;

	ck_fine(put_slice("a", 80000000, 1));
	before = dump(world);
	ck_refused(put_slice("air", 50000000, 2), RPC_ERR_CAPACITY, "[0].endpoints[1].wan");
	ck_assert_str_eq(err.message, "wan bs-kt has 20000000 of 100000000 bit/s left; slice air "
				      "needs 50000000, 30000000 more");
	ck_assert_int_eq(err.limit, 100000000);
	after = dump(world);
	ck_assert_str_eq(before, after);
	free(before);
	free(after);
}
END_TEST

START_TEST(admission_reports_the_wan_with_most_room)
{
	ck_fine(put_slice("a", 80000000, 1));
	ck_refused(put_slice("b", 60000000, 2), RPC_ERR_CAPACITY, "[0].endpoints[0].wan");
	ck_assert_ptr_nonnull(strstr(err.message, "wan gj-lg has 50000000 of 50000000"));
}
END_TEST

START_TEST(admission_checks_the_sum_of_a_transaction)
{
	begin();
	for (int i = 1; i <= 4; i++)
		put_slice((const char[]){'s', '0' + i, 0}, 30000000, i);
	ck_refused(finish(), RPC_ERR_CAPACITY, "[3].endpoints[1].wan");
	ck_assert_uint_eq(booked("gj-kt"), 0);
}
END_TEST

START_TEST(admission_refuses_a_named_wan_that_is_full)
{
	ck_fine(put_slice("a", 80000000, 1));
	ck_refused(
		put("slice", "{'name':'b','bandwidth':{'committed_bps':30000000},'endpoints':["
			     "{'site':'gj','port':'p2','wan':'gj-kt'},{'site':'se','port':'p1'}]}"),
		RPC_ERR_CAPACITY, "[0].endpoints[0].wan");
	ck_assert_str_eq(err.message, "wan gj-kt has 20000000 of 100000000 bit/s left; slice b "
				      "needs 30000000, 10000000 more");
}
END_TEST

START_TEST(admission_keeps_the_wan_that_was_chosen)
{
	ck_fine(put_slice("a", 80000000, 1));
	ck_fine(put("slice", "{'name':'b','bandwidth':{'committed_bps':30000000},'endpoints':["
			     "{'site':'gj','port':'p2'},{'site':'se','port':'p1'}]}"));
	ck_assert_str_eq(field("slice", "b", "endpoints.0.wan"), "gj-lg");
	ck_fine(del("slice", "a"));
	ck_fine(put("slice", "{'name':'b','bandwidth':{'committed_bps':20000000},'endpoints':["
			     "{'site':'gj','port':'p2'},{'site':'se','port':'p1'}]}"));
	ck_assert_str_eq(field("slice", "b", "endpoints.0.wan"), "gj-lg");
	ck_fine(put("slice", "{'name':'b','bandwidth':{'committed_bps':70000000},'endpoints':["
			     "{'site':'gj','port':'p2'},{'site':'se','port':'p1'}]}"));
	ck_assert_str_eq(field("slice", "b", "endpoints.0.wan"), "gj-kt");
}
END_TEST

START_TEST(admission_refuses_a_capacity_below_what_is_booked)
{
	ck_fine(put_slice("a", 80000000, 1));
	ck_refused(put("wan", "{'name':'gj-kt','site':'gj','addresses':['198.18.0.1/24'],"
			      "'capacity_bps':70000000}"),
		RPC_ERR_CAPACITY, "[0].capacity_bps");
	ck_assert_int_eq(err.limit, 80000000);
	ck_fine(put("wan", "{'name':'gj-kt','site':'gj','addresses':['198.18.0.1/24'],"
			   "'capacity_bps':80000000}"));
	ck_fine(put("wan", "{'name':'gj-kt','site':'gj','addresses':['198.18.0.1/24']}"));
	ck_fine(put_slice("b", 20000000, 2));
}
END_TEST

START_TEST(admission_refuses_sites_without_a_wan)
{
	ck_fine(put("site", "{'name':'is','ports':[{'name':'p1'}]}"));
	ck_refused(put("slice", "{'name':'a','endpoints':[{'site':'gj','port':'p1'},"
				"{'site':'is','port':'p1'}]}"),
		RPC_ERR_PARAMS, "[0].endpoints[1].wan");
	ck_fine(put("wan", "{'name':'is-kt','site':'is'}"));
	ck_refused(put("slice", "{'name':'a','endpoints':[{'site':'gj','port':'p1'},"
				"{'site':'is','port':'p1'}]}"),
		RPC_ERR_PARAMS, "[0].endpoints[1].wan");
	ck_refused(put("slice", "{'name':'a','endpoints':[{'site':'gj','port':'p1'},"
				"{'site':'is','port':'p1','wan':'is-kt'}]}"),
		RPC_ERR_PARAMS, "[0].endpoints[1].wan");
	ck_assert_str_eq(err.want, "a WAN that has an address");
}
END_TEST

static int put_mtu(const char *name, int mtu, const char *wan)
{
	return put("slice",
		"{'name':'%s','mtu':%d,'endpoints':[{'site':'gj','port':'p1'%s},"
		"{'site':'bs','port':'p1'}]}",
		name, mtu, wan);
}

static int put_wan(const char *name, const char *site, const char *address, int mtu)
{
	return put("wan", "{'name':'%s','site':'%s','addresses':[%s],'mtu':%d}", name, site,
		address, mtu);
}

START_TEST(admission_takes_wans_that_carry_the_mtu)
{
	ck_fine(put_mtu("a", 1450, ""));
	ck_refused(put_mtu("a", 1451, ""), RPC_ERR_PARAMS, "[0].endpoints[0].wan");
	ck_fine(put_wan("gj-jumbo", "gj", "'198.18.7.1/24'", 1550));
	ck_refused(put_mtu("a", 1500, ""), RPC_ERR_PARAMS, "[0].endpoints[1].wan");
	ck_fine(put_wan("bs-jumbo", "bs", "'198.18.6.1/24'", 1550));
	ck_fine(put_mtu("a", 1500, ""));
	ck_assert_str_eq(field("slice", "a", "endpoints.0.wan"), "gj-jumbo");
	ck_assert_str_eq(field("slice", "a", "endpoints.1.wan"), "bs-jumbo");
	ck_refused(put_mtu("a", 1500, ",'wan':'gj-kt'"), RPC_ERR_PARAMS, "[0].endpoints[0].wan");
	ck_assert_str_eq(err.want, "a WAN with an mtu of at least 1500 + 50");
	ck_refused(put_wan("gj-jumbo", "gj", "'198.18.7.1/24'", 1549), RPC_ERR_IN_USE, "[0]");
	ck_assert_str_eq(err.by, "slice a");
	ck_fine(put_wan("gj-jumbo", "gj", "'198.18.7.1/24'", 1551));
}
END_TEST

START_TEST(admission_counts_seventy_bytes_where_a_wan_is_ipv6_alone)
{
	ck_fine(put_wan("gj-jumbo", "gj", "'198.18.7.1/24','2001:db8:7::1/64'", 1569));
	ck_fine(put_wan("bs-six", "bs", "'2001:db8:6::1/64'", 1570));
	ck_refused(put_mtu("a", 1500, ""), RPC_ERR_PARAMS, "[0].endpoints[0].wan");
	ck_assert_str_eq(err.want, "a WAN with an mtu of at least 1500 + 70");
	ck_fine(put_mtu("a", 1499, ""));
}
END_TEST

START_TEST(admission_refuses_wans_without_a_common_family)
{
	ck_fine(put_wan("bs-six", "bs", "'2001:db8:6::1/64'", 1500));
	ck_refused(put("slice", "{'name':'a','endpoints':[{'site':'gj','port':'p1'},"
				"{'site':'bs','port':'p1','wan':'bs-six'}]}"),
		RPC_ERR_PARAMS, "[0].endpoints[0].wan");
	ck_assert_str_eq(err.want, "a WAN with an address of the family that wan bs-six has");
	ck_fine(put_wan("gj-dual", "gj", "'2001:db8:7::1/64','198.18.7.1/24'", 1500));
	ck_fine(put("slice", "{'name':'a','endpoints':[{'site':'gj','port':'p1','wan':'gj-dual'},"
			     "{'site':'bs','port':'p1','wan':'bs-six'}]}"));
	ck_refused(put_wan("gj-dual", "gj", "'198.18.7.1/24'", 1500), RPC_ERR_IN_USE, "[0]");
	ck_fine(put("slice", "{'name':'b','endpoints':[{'site':'gj','port':'p2','wan':'gj-kt'},"
			     "{'site':'bs','port':'p2','wan':'bs-kt'}]}"));
	ck_refused(put_wan("gj-kt", "gj", "'2001:db8:9::1/64'", 1500), RPC_ERR_IN_USE, "[0]");
	ck_assert_str_eq(err.by, "slice b");
}
END_TEST

/* ---- networks ---- */

static int put_host(const char *name, const char *site, int vlan)
{
	return put("host",
		"{'name':'%s','site':'%s','port':'p3','vlan':%d,"
		"'mac':'02:00:00:00:00:%02x'}",
		name, site, vlan, vlan);
}

START_TEST(admission_books_for_networks_at_the_sites_of_their_hosts)
{
	ck_fine(put_host("x", "gj", 1));
	ck_fine(put_host("y", "bs", 2));
	ck_fine(put_host("z", "bs", 3));
	ck_fine(put("virtual-dedicated-network",
		"{'name':'v','hosts':['x','y','z'],'bandwidth':{'committed_bps':70000000}}"));
	ck_assert_str_eq(field("virtual-dedicated-network", "v", "placements"),
		"[{\"site\":\"bs\",\"wan\":\"bs-kt\"},{\"site\":\"gj\",\"wan\":\"gj-kt\"}]");
	ck_assert_uint_eq(booked("gj-kt"), 70000000);
	ck_assert_uint_eq(booked("bs-kt"), 70000000);
	ck_refused(put_slice("a", 40000000, 9), RPC_ERR_CAPACITY, "[0].endpoints[1].wan");
	ck_refused(
		put("virtual-dedicated-network",
			"{'name':'v','hosts':['x','y'],'bandwidth':{'committed_bps':110000000}}"),
		RPC_ERR_CAPACITY, "[0].placements");
	ck_fine(put("virtual-dedicated-network",
		"{'name':'v','hosts':['y','z'],'bandwidth':{'committed_bps':70000000}}"));
	ck_assert_uint_eq(booked("gj-kt"), 0);
	ck_assert_str_eq(field("virtual-dedicated-network", "v", "placements"), "");
}
END_TEST

START_TEST(admission_moves_a_network_with_its_host)
{
	const struct world_change *changes;
	size_t count;

	ck_fine(put_host("x", "gj", 1));
	ck_fine(put_host("y", "bs", 2));
	ck_fine(put("virtual-dedicated-network",
		"{'name':'v','hosts':['x','y'],'bandwidth':{'committed_bps':70000000}}"));
	begin();
	ck_fine(put_host("y", "se", 2));
	ck_fine(check());
	changes = world_changes(world, &count);
	ck_assert_uint_eq(count, 2);
	ck_assert_str_eq(changes[1].name, "v");
	ck_assert_int_eq(changes[1].effect, WORLD_UPDATED);
	commit();
	ck_assert_uint_eq(booked("bs-kt"), 0);
	ck_assert_uint_eq(booked("se-kt"), 70000000);
	ck_assert_str_eq(field("virtual-dedicated-network", "v", "placements.1.site"), "se");
	begin(); /* and back again, which does not happen */
	ck_fine(put_host("y", "bs", 2));
	ck_fine(check());
	world_rollback(world);
	ck_assert_uint_eq(booked("se-kt"), 70000000);
	ck_assert_uint_eq(booked("bs-kt"), 0);
}
END_TEST

START_TEST(admission_takes_the_placement_that_is_given)
{
	ck_fine(put_host("x", "gj", 1));
	ck_fine(put_host("y", "bs", 2));
	ck_fine(put("virtual-dedicated-network", "{'name':'v','hosts':['x','y'],'placements':["
						 "{'site':'gj','wan':'gj-lg'}]}"));
	ck_assert_str_eq(field("virtual-dedicated-network", "v", "placements.1.wan"), "gj-lg");
	ck_refused(del("wan", "gj-lg"), RPC_ERR_IN_USE, "[0]");
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("admission");
	TCase *t = tcase_create("admission");

	tcase_add_checked_fixture(t, sites_setup, teardown);
	tcase_add_test(t, admission_books_at_each_site_and_gives_back);
	tcase_add_test(t, admission_books_nothing_at_one_site);
	tcase_add_test(t, admission_books_once_for_endpoints_that_share_a_wan);
	tcase_add_test(t, admission_refuses_two_wans_at_one_site);
	tcase_add_test(t, admission_takes_the_next_wan_when_the_first_is_full);
	tcase_add_test(t, admission_says_how_much_is_missing_where);
	tcase_add_test(t, admission_reports_the_wan_with_most_room);
	tcase_add_test(t, admission_checks_the_sum_of_a_transaction);
	tcase_add_test(t, admission_refuses_a_named_wan_that_is_full);
	tcase_add_test(t, admission_keeps_the_wan_that_was_chosen);
	tcase_add_test(t, admission_refuses_a_capacity_below_what_is_booked);
	tcase_add_test(t, admission_refuses_sites_without_a_wan);
	tcase_add_test(t, admission_takes_wans_that_carry_the_mtu);
	tcase_add_test(t, admission_counts_seventy_bytes_where_a_wan_is_ipv6_alone);
	tcase_add_test(t, admission_refuses_wans_without_a_common_family);
	tcase_add_test(t, admission_books_for_networks_at_the_sites_of_their_hosts);
	tcase_add_test(t, admission_moves_a_network_with_its_host);
	tcase_add_test(t, admission_takes_the_placement_that_is_given);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return suite_main(suite());
}
