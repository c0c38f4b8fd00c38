/* SPDX-License-Identifier: BSD-3-Clause */
/* Who may be at a place: slices, networks, hosts and their tenants, MACs and addresses. */
#include <stdlib.h>
#include <string.h>

#include "../suite.h"
#include "sets.h"

#define AT "'site':'gj','port':'p1','vlan':10"

static int put_host(const char *name, const char *more, int vlan, int mac)
{
	return put("host",
		"{'name':'%s','site':'gj','port':'p1','vlan':%d,"
		"'mac':'02:00:00:00:00:%02x'%s}",
		name, vlan, mac, more);
}

static int put_network(const char *name, const char *hosts, const char *more)
{
	return put("virtual-dedicated-network", "{'name':'%s','hosts':[%s]%s}", name, hosts, more);
}

START_TEST(place_is_one_slices)
{
	ck_fine(put("slice", "{'name':'blue','endpoints':[{" AT "}]}"));
	ck_refused(put("slice", "{'name':'red','endpoints':[{'site':'gj','port':'p1'},{" AT "}]}"),
		RPC_ERR_CONFLICT, "[0].endpoints[1]");
	ck_assert_str_eq(err.with, "slice blue");
	ck_assert_str_eq(err.message, "VLAN 10 of port p1 of site gj is slice blue's already");
	ck_fine(put("slice", "{'name':'red','endpoints':[{'site':'gj','port':'p1'}]}"));
	begin(); /* they change places */
	ck_fine(put("slice", "{'name':'red','endpoints':[{" AT "}]}"));
	ck_fine(put("slice", "{'name':'blue','endpoints':[{'site':'gj','port':'p1'}]}"));
	ck_fine(finish());
}
END_TEST

START_TEST(place_is_not_a_slices_and_a_networks)
{
	ck_fine(put("slice", "{'name':'blue','endpoints':[{" AT "}]}"));
	ck_fine(put_host("h", "", 10, 1));
	ck_refused(put_network("v", "'h'", ""), RPC_ERR_CONFLICT, "[0].hosts[0]");
	ck_assert_str_eq(err.with, "slice blue");
	ck_fine(del("slice", "blue"));
	ck_fine(put_network("v", "'h'", ""));
	ck_refused(put("slice", "{'name':'blue','endpoints':[{" AT "}]}"), RPC_ERR_CONFLICT, "[0]");
	ck_assert_str_eq(err.with, "virtual-dedicated-network v");
	ck_fine(put("slice", "{'name':'red','endpoints':[{'site':'gj','port':'p1','vlan':11}]}"));
	ck_refused(put_host("h", "", 11, 1), RPC_ERR_CONFLICT, "[0]");
	ck_assert_str_eq(err.with, "slice red");
}
END_TEST

START_TEST(place_is_one_networks)
{
	ck_fine(put_host("a", "", 10, 1));
	ck_fine(put_host("b", "", 10, 2));
	ck_fine(put_host("c", "", 11, 3));
	ck_fine(put_network("v", "'a'", ""));
	ck_refused(put_network("w", "'c','b'", ""), RPC_ERR_CONFLICT, "[0].hosts[1]");
	ck_assert_str_eq(err.with, "virtual-dedicated-network v");
	ck_fine(put_network("w", "'c'", ""));
	ck_refused(put_host("c", "", 10, 3), RPC_ERR_CONFLICT, "[0]");
	ck_assert_str_eq(err.with, "virtual-dedicated-network v");
	ck_fine(put_network("v", "'a','b'", ""));
	ck_assert_str_eq(world_at_place(world, "gj", "p1", 10)->name, "v");
}
END_TEST

START_TEST(place_host_is_in_one_network)
{
	ck_fine(put_host("a", "", 10, 1));
	ck_fine(put_network("v", "'a'", ",'exclusive':true"));
	ck_refused(put_network("w", "'a'", ""), RPC_ERR_CONFLICT, "[0].hosts[0]");
	ck_assert_ptr_nonnull(strstr(err.message, "for itself"));
	ck_assert_str_eq(err.with, "virtual-dedicated-network v");
	ck_fine(put_network("v", "'a'", ""));
	ck_refused(put_network("w", "'a'", ""), RPC_ERR_CONFLICT, "[0].hosts[0]");
	ck_refused(put_network("u", "'a'", ",'exclusive':true"), RPC_ERR_CONFLICT, "[0].hosts[0]");
	begin(); /* it goes over */
	ck_fine(put_network("w", "'a'", ""));
	ck_fine(put_network("v", "", ""));
	ck_fine(finish());
}
END_TEST

START_TEST(place_network_has_its_tenants_hosts)
{
	ck_fine(put_host("a", ",'tenant':'t'", 10, 1));
	ck_refused(put_network("v", "'a'", ",'tenant':'u'"), RPC_ERR_PARAMS, "[0].hosts[0]");
	ck_assert_ptr_nonnull(strstr(err.message, "there is no host a of tenant u")); /* no more */
	ck_refused(put_network("v", "'a'", ""), RPC_ERR_PARAMS, "[0].hosts[0]");
	ck_fine(put_network("v", "'a'", ",'tenant':'t'"));
	ck_refused(put_host("a", ",'tenant':'u'", 10, 1), RPC_ERR_PARAMS, "[0].hosts[0]");
}
END_TEST

START_TEST(place_slice_takes_no_other_tenants_hosts)
{
	ck_fine(put("slice", "{'name':'blue','tenant':'t','endpoints':[{" AT "}]}"));
	ck_refused(put_host("a", ",'tenant':'u'", 10, 1), RPC_ERR_CONFLICT, "[0].port");
	ck_assert_str_eq(err.with, "slice blue");
	ck_fine(put_host("a", ",'tenant':'t'", 10, 1));
	ck_fine(put_host("b", "", 10, 2));
	ck_fine(put_host("c", ",'tenant':'u'", 11, 3));
	ck_refused(put("slice", "{'name':'red','tenant':'t','endpoints':["
				"{'site':'gj','port':'p1','vlan':11}]}"),
		RPC_ERR_CONFLICT, "[0].endpoints");
	ck_assert_str_eq(err.with, "host c");
}
END_TEST

START_TEST(place_macs_and_addresses_are_one_hosts_in_a_slice)
{
	ck_fine(put("slice", "{'name':'blue','endpoints':[{" AT "},"
			     "{'site':'gj','port':'p1','vlan':11}]}"));
	ck_fine(put_host("a", ",'address':'10.0.0.5','address6':'2001:db8::5'", 10, 1));
	ck_refused(put_host("b", "", 10, 1), RPC_ERR_CONFLICT, "[0].mac");
	ck_assert_str_eq(err.with, "host a");
	ck_refused(put_host("b", "", 11, 1), RPC_ERR_CONFLICT, "[0].mac");
	ck_refused(put_host("b", ",'address':'10.0.0.5'", 11, 2), RPC_ERR_CONFLICT, "[0].address");
	ck_refused(put_host("b", ",'address6':'2001:db8::5'", 11, 2), RPC_ERR_CONFLICT,
		"[0].address6");
	ck_fine(put_host("b", ",'address':'10.0.0.5'", 12, 1)); /* in no slice */
	ck_refused(put("slice", "{'name':'blue','endpoints':[{" AT "},"
				"{'site':'gj','port':'p1','vlan':12}]}"),
		RPC_ERR_CONFLICT, "[0].mac");
}
END_TEST

START_TEST(place_macs_are_one_hosts_in_a_network)
{
	ck_fine(put_host("a", "", 10, 1));
	ck_fine(put_host("b", "", 11, 1));
	ck_refused(put_network("v", "'a','b'", ""), RPC_ERR_CONFLICT, "[0].mac");
	ck_fine(put_host("b", "", 11, 2));
	ck_fine(put_network("v", "'a','b'", ""));
	ck_refused(put_host("b", "", 11, 1), RPC_ERR_CONFLICT, "[0].mac");
}
END_TEST

START_TEST(place_hosts_of_l3_slices_are_in_the_gateways_network)
{
	static const char slice[] = "{'name':'net','service':'l3','endpoints':[{" AT
				    ",'gateway':'10.0.0.1/24','gateway6':'2001:db8::1/64'}]}";

	ck_fine(put("slice", "%s", slice));
	ck_refused(put_host("a", ",'address':'10.0.1.5'", 10, 1), RPC_ERR_CONFLICT, "[0].address");
	ck_refused(put_host("a", ",'address':'10.0.0.1'", 10, 1), RPC_ERR_CONFLICT, "[0].address");
	ck_refused(put_host("a", ",'address6':'2001:db8:1::5'", 10, 1), RPC_ERR_CONFLICT,
		"[0].address6");
	ck_fine(put_host("a", ",'address':'10.0.0.5','address6':'2001:db8::5'", 10, 1));
	ck_refused(put("slice", "{'name':'net','service':'l3','endpoints':[{" AT
				",'gateway':'10.0.9.1/24','gateway6':'2001:db8::1/64'}]}"),
		RPC_ERR_CONFLICT, "[0].endpoints");
	ck_assert_str_eq(err.with, "host a");
}
END_TEST

START_TEST(place_reads_hosts_in_order_of_names)
{
	struct intent *at = NULL;

	ck_fine(put_host("c", "", 10, 3));
	ck_fine(put_host("a", "", 10, 1));
	ck_fine(put_host("b", "", 10, 2));
	ck_fine(put_host("x", "", 1, 4));
	for (const char *want = "abc"; *want; want++) {
		at = world_hosts_at(world, "gj", "p1", 10, at);
		ck_assert_int_eq(at->name[0], *want);
	}
	ck_assert_ptr_null(world_hosts_at(world, "gj", "p1", 10, at));
	ck_assert_ptr_null(world_at_place(world, "gj", "p1", 10));
}
END_TEST

START_TEST(place_reads_wans_by_preference)
{
	struct intent *at = NULL;

	ck_fine(put("wan", "{'name':'gj-ax','site':'gj','preference':9}"));
	ck_fine(put("wan", "{'name':'gj-zz','site':'gj','preference':1000000}"));
	ck_fine(put("site", "{'name':'gj2'}"));
	ck_fine(put("wan", "{'name':'gj2-kt','site':'gj2','preference':0}"));
	at = world_wans_of(world, "gj", at);
	ck_assert_str_eq(at->name, "gj-ax");
	at = world_wans_of(world, "gj", at);
	ck_assert_str_eq(at->name, "gj-kt");
	at = world_wans_of(world, "gj", at);
	ck_assert_str_eq(at->name, "gj-lg");
	at = world_wans_of(world, "gj", at);
	ck_assert_str_eq(at->name, "gj-zz");
	ck_assert_ptr_null(world_wans_of(world, "gj", at));
	ck_assert_ptr_null(world_wans_of(world, "nowhere", NULL));
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("place");
	TCase *t = tcase_create("place");

	tcase_add_checked_fixture(t, sites_setup, teardown);
	tcase_add_test(t, place_is_one_slices);
	tcase_add_test(t, place_is_not_a_slices_and_a_networks);
	tcase_add_test(t, place_is_one_networks);
	tcase_add_test(t, place_host_is_in_one_network);
	tcase_add_test(t, place_network_has_its_tenants_hosts);
	tcase_add_test(t, place_slice_takes_no_other_tenants_hosts);
	tcase_add_test(t, place_macs_and_addresses_are_one_hosts_in_a_slice);
	tcase_add_test(t, place_macs_are_one_hosts_in_a_network);
	tcase_add_test(t, place_hosts_of_l3_slices_are_in_the_gateways_network);
	tcase_add_test(t, place_reads_hosts_in_order_of_names);
	tcase_add_test(t, place_reads_wans_by_preference);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return suite_main(suite());
}
