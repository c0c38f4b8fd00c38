/* SPDX-License-Identifier: BSD-3-Clause */
/* l3 slices through the socket: their gateways and neighbours. Routes are test_rpc_routes.c's. */
#include "rpc_l3.h"

static const struct refusal refusals[] = {
	/* the kind and mac of a slice */
	{PUT_ONE("slice", "{'name':'blue','vni':100}"), "-32002", "error.data.path",
		"objects[0].kind"},
	{PUT_ONE("slice", "{'name':'flat','vni':300,'kind':'l3'}"), "-32002", "error.data.by",
		"attachment f"},
	{PUT_ONE("slice", "{'name':'blue','vni':100,'kind':'l3','mac':'01:00:00:00:00:01'}"),
		"-32602", "error.data.path", "objects[0].mac"},
	{PUT_ONE("slice", "{'name':'blue','vni':100,'kind':'l3','suppress':true}"), "-32602",
		"error.data.path", "objects[0].suppress"},
	{PUT_ONE("slice", "{'name':'blue','vni':100,'kind':'l3','tunnel_learning':false}"),
		"-32602", "error.data.path", "objects[0].tunnel_learning"},
	{PUT_ONE("mac", "{'slice':'blue','mac':'02:00:00:00:00:01','attachment':'a'}"), "-32602",
		"error.data.path", "objects[0].slice"},
	/* gateways where there are none */
	{PUT_ONE("address", "{'attachment':'f','prefix':'10.0.0.1/24'}"), "-32602",
		"error.data.path", "objects[0].attachment"},
	{PUT_ONE("address", "{'attachment':'nope','prefix':'10.0.0.1/24'}"), "-32602",
		"error.data.path", "objects[0].attachment"},
	{PUT_ONE("address", "{'attachment':'a','port':'p0','prefix':'10.0.0.1/24'}"), "-32602",
		"error.data.got", "more than one"},
	/* addresses no gateway can have */
	{PUT_ONE("address", "{'attachment':'b','prefix':'10.1.0.0/24'}"), "-32602",
		"error.data.path", "objects[0].prefix"},
	{PUT_ONE("address", "{'attachment':'b','prefix':'10.1.0.255/24'}"), "-32602",
		"error.data.path", "objects[0].prefix"},
	{PUT_ONE("address", "{'attachment':'b','prefix':'2001:db8:1::/64'}"), "-32602",
		"error.data.path", "objects[0].prefix"},
	{PUT_ONE("address", "{'attachment':'b','prefix':'224.0.0.1/24'}"), "-32602",
		"error.data.path", "objects[0].prefix"},
	/* what no router passes on */
	{PUT_ONE("address", "{'attachment':'b','prefix':'127.0.0.1/8'}"), "-32602",
		"error.data.path", "objects[0].prefix"},
	{PUT_ONE("address", "{'attachment':'b','prefix':'0.1.2.3/8'}"), "-32602", "error.data.path",
		"objects[0].prefix"},
	{PUT_ONE("address", "{'attachment':'b','prefix':'::1/120'}"), "-32602", "error.data.path",
		"objects[0].prefix"},
	{PUT_ONE("address", "{'attachment':'b','prefix':'::ffff:1.2.3.4/112'}"), "-32602",
		"error.data.path", "objects[0].prefix"},
	{PUT_ONE("address", "{'attachment':'b','prefix':'10.1.0.1/0'}"), "-32602",
		"error.data.path", "objects[0].prefix"},
	/* twice in the slice, committed or in the same transaction */
	{PUT_ONE("address", "{'attachment':'b','prefix':'10.0.0.1/25'}"), "-32004",
		"error.data.with", "address a 10.0.0.1/24"},
	{PUT_ONE("address", "{'attachment':'a','prefix':'10.0.0.1/25'}"), "-32004",
		"error.data.path", "objects[0].prefix"},
	{PUT_ONE("address", "{'attachment':'b','prefix':'10.2.0.1/24'},"
			    "{'attachment':'a','prefix':'10.2.0.1/25'}"),
		"-32004", "error.data.with", "address a 10.2.0.1/25"},
	/* a network on two attachments, committed or in the same transaction */
	{PUT_ONE("address", "{'attachment':'b','prefix':'10.0.0.5/24'}"), "-32004",
		"error.data.with", "attachment a"},
	{PUT_ONE("address", "{'attachment':'b','prefix':'10.2.0.1/24'},"
			    "{'attachment':'a','prefix':'10.2.0.2/24'}"),
		"-32004", "error.data.path", "objects[0].prefix"},
	/* a network that is a route's, committed or in the same transaction */
	{PUT_ONE("address", "{'attachment':'b','prefix':'192.168.0.1/16'}"), "-32004",
		"error.data.with", "route blue 192.168.0.0/16"},
	{TX(PUT("route", "{'table':'blue','prefix':'10.3.0.0/"
			 "24','via':[{'tunnel':'t'}]}") "," PUT("address",
		 "{'attachment':'b','prefix':'10.3.0.1/24'}")),
		"-32004", "error.data.with", "attachment b"},
	{TX(PUT("route", "{'table':'blue','prefix':'10.3.0.1/"
			 "32','via':[{'tunnel':'t'}]}") "," PUT("address",
		 "{'attachment':'b','prefix':'10.3.0.1/24'}")),
		"-32004", "error.data.path", "ops[0].objects[0].prefix"},
	/* addresses of a network that nobody has: its own and the broadcast address */
	{TX(PUT("route",
		 "{'table':'blue','prefix':'10.3.0.255/32','via':[{'tunnel':'t'}]}") "," PUT("addre"
											     "ss",
		 "{'attachment':'b','prefix':'10.3.0.1/24'}")),
		"-32004", "error.data.with", "attachment b"},
	{PUT_ONE("address", "{'attachment':'b','prefix':'10.0.0.0/16'},"
			    "{'attachment':'b','prefix':'10.0.0.255/16'}"),
		"-32602", "error.data.path", "objects[0].prefix"},
	{PUT_ONE("address", "{'attachment':'b','prefix':'10.0.0.255/16'}"), "-32004",
		"error.data.with", "attachment a"},
	{PUT_ONE("address", "{'attachment':'b','prefix':'10.3.0.128/24'},"
			    "{'attachment':'a','prefix':'10.3.0.129/25'}"),
		"-32004", "error.data.with", "attachment a"},
	/* an address that is somebody else's */
	{PUT_ONE("address", "{'attachment':'a','prefix':'10.0.0.2/24'}"), "-32004",
		"error.data.with", "1 route of slice blue"},
	{PUT_ONE("address", "{'attachment':'a','prefix':'10.0.0.9/24'}"), "-32004",
		"error.data.with", "neighbor a 10.0.0.9"},
	{PUT_ONE("neighbor", "{'attachment':'a','address':'10.0.0.1','mac':'02:00:00:00:00:01'}"),
		"-32004", "error.data.with", "address a 10.0.0.1/24"},
	/* neighbours */
	{PUT_ONE("neighbor", "{'attachment':'a','address':'10.9.0.1','mac':'02:00:00:00:00:01'}"),
		"-32602", "error.data.path", "objects[0].address"},
	{PUT_ONE("neighbor", "{'attachment':'b','address':'10.0.0.7','mac':'02:00:00:00:00:01'}"),
		"-32602", "error.data.path", "objects[0].address"},
	{PUT_ONE("neighbor", "{'attachment':'a','address':'10.0.0.255','mac':'02:00:00:00:00:01'}"),
		"-32602", "error.data.path", "objects[0].address"},
	{PUT_ONE("neighbor", "{'attachment':'a','address':'224.0.0.5','mac':'02:00:00:00:00:01'}"),
		"-32602", "error.data.path", "objects[0].address"},
	{PUT_ONE("neighbor", "{'attachment':'a','address':'10.0.0.7','mac':'03:00:00:00:00:01'}"),
		"-32602", "error.data.path", "objects[0].mac"},
	{PUT_ONE("neighbor", "{'attachment':'a','address':'10.0.0.7','mac':'02:00:00:00:00:01',"
			     "'learned':true}"),
		"-32602", "error.data.path", "objects[0].learned"},
	{DELETE_ONE("neighbor", "a 10.0.0.8"), "-32001", "error.data.path", "keys[0]"},
	/* what is used stays: by its addresses, neighbours and routes */
	{DELETE_ONE("address", "a 10.0.0.1/24"), "-32002", "error.data.by",
		"1 route next hop of slice blue"},
	{TX(DELETE("route", "'blue 192.168.0.0/16'") "," DELETE("address", "'a 10.0.0.1/24'")),
		"-32002", "error.data.by", "1 neighbor object of slice blue"},
	{DELETE_ONE("attachment", "a"), "-32002", "error.data.path", "keys[0]"},
	{TX(DELETE("neighbor", "'a 10.0.0.9'") "," DELETE("attachment", "'a'")), "-32002",
		"error.data.path", "ops[1].keys[0]"},
	{PUT_ONE("attachment", "{'name':'a','slice':'red','port':'p0','vlan':1}"), "-32002",
		"error.data.path", "objects[0].slice"},
	/* a transaction that fails later takes all of it back */
	{TX(DELETE("route", "'blue 192.168.0.0/16'") "," DELETE("neighbor",
		 "'a 10.0.0.9'") "," DELETE("address", "'a 10.0.0.1/24'") "," PUT("address",
		 "{'attachment':'b','prefix':'10.0.0.1/24'}") "," PUT("neighbor",
		 "{'attachment':'b','address':'10.0.0.9','mac':'02:00:00:00:00:0a'"
		 "}") "," DELETE("slice", "'nope'")),
		"-32001", "error.data.got", "nope"},
};

START_TEST(refusal_names_the_place_and_changes_nothing)
{
	furnish_l3();
	expect_refusal(&refusals[_i]);
	take_down();
}
END_TEST

START_TEST(kind_may_change_while_nothing_refers_to_the_slice)
{
	furnish_l3();
	OK(ask(DELETE_ONE("attachment", "f")));
	EXPECT(ask(PUT_ONE("slice", "{'name':'flat','vni':300,'kind':'l3'}")), "result.updated",
		"1");
	OK(ask(PUT_ONE("slice", "{'name':'flat','vni':300}")));
	OK(ask(PUT_ONE("attachment", "{'name':'f','slice':'flat','port':'p1','vlan':2}")));
	take_down();
}
END_TEST

START_TEST(gateways_are_announced_when_they_or_their_mac_are_new)
{
	furnish_l3();
	ck_assert_int_eq(fakes.gateways_announced, 2);
	OK(ask(PUT_ONE("address", "{'attachment':'a','prefix':'10.0.0.1/24'}"))); /* unchanged */
	ck_assert_int_eq(fakes.gateways_announced, 2);
	OK(ask(PUT_ONE("slice", "{'name':'blue','vni':100,'kind':'l3','max_macs':99}")));
	ck_assert_int_eq(fakes.gateways_announced, 2);
	OK(ask(PUT_ONE(
		"slice", "{'name':'blue','vni':100,'kind':'l3','mac':'02:00:00:00:00:77'}")));
	ck_assert_int_eq(fakes.gateways_announced, 1002);
	take_down();
}
END_TEST

START_TEST(same_addresses_in_different_slices_are_normal)
{
	furnish_l3();
	EXPECT(ask(PUT_ONE("address", "{'attachment':'r','prefix':'10.0.0.1/24'},"
				      "{'attachment':'r','prefix':'2001:db8::1/64'}")),
		"result.created", "2");
	OK(ask(PUT_ONE(
		"neighbor", "{'attachment':'r','address':'10.0.0.9','mac':'02:00:00:00:00:19'}")));
	OK(ask(PUT_ONE("route", "{'table':'red','prefix':'192.168.0.0/16','via':[{'attachment':"
				"'r','address':'10.0.0.2'}]}")));
	ck_assert_int_eq(fakes.gateways_set, 4);
	ck_assert_int_eq(fakes.gateways_reserved, 0);
	OK(ask(TX(DELETE("route", "'red 192.168.0.0/16'") "," DELETE("neighbor",
		"'r 10.0.0.9'") "," DELETE("address", "'r 10.0.0.1/24','r 2001:db8::1/64'"))));
	take_down();
}
END_TEST

START_TEST(second_address_of_a_network_keeps_it_when_the_first_goes)
{
	furnish_l3();
	OK(ask(PUT_ONE("address", "{'attachment':'a','prefix':'10.0.0.3/24'}")));
	OK(ask(DELETE_ONE("address", "a 10.0.0.1/24")));
	EXPECT(ask(DELETE_ONE("address", "a 10.0.0.3/24")), "error.data.by",
		"1 route next hop of slice blue");
	/* another network of the attachment, which no next hop is on */
	OK(ask(PUT_ONE("address", "{'attachment':'a','prefix':'10.5.0.1/24'}")));
	OK(ask(DELETE_ONE("address", "a 10.5.0.1/24")));
	/* one around that of the next hop, which keeps it */
	OK(ask(PUT_ONE("address", "{'attachment':'a','prefix':'10.0.9.1/16'}")));
	OK(ask(DELETE_ONE("address", "a 10.0.9.1/16")));
	/* the other way round within one transaction, whose middle has both */
	OK(ask(TX(PUT("address", "{'attachment':'a','prefix':'10.0.0.1/24'}") "," DELETE(
		"address", "'a 10.0.0.3/24'"))));
	take_down();
}
END_TEST

START_TEST(network_moves_to_another_attachment_in_one_transaction)
{
	furnish_l3();
	OK(ask(TX(DELETE("route", "'blue 192.168.0.0/16'") "," DELETE("neighbor",
		"'a 10.0.0.9'") "," DELETE("address", "'a 10.0.0.1/24'") "," PUT("address",
		"{'attachment':'b','prefix':'10.0.0.1/24'}") "," PUT("neighbor",
		"{'attachment':'b','address':'10.0.0.9','mac':'02:00:00:00:00:0a'}") "," PUT("rout"
											     "e",
		"{'table':'blue','prefix':'192.168.0.0/16','via':[{'attachment':'b',"
		"'address':'10.0.0.2'}]}"))));
	EXPECT(ask(DELETE_ONE("address", "b 10.0.0.1/24")), "error.data.by",
		"1 route next hop of slice blue");
	OK(ask(TX(DELETE("route", "'blue 192.168.0.0/16'") "," DELETE("neighbor",
		"'b 10.0.0.9'") "," DELETE("address", "'b 10.0.0.1/24'") "," PUT("address",
		"{'attachment':'a','prefix':'10.0.0.1/24'}") "," PUT("neighbor",
		"{'attachment':'a','address':'10.0.0.9','mac':'02:00:00:00:00:09'}") "," PUT("rout"
											     "e",
		"{'table':'blue','prefix':'192.168.0.0/16','via':[{'tunnel':'t'}]}"))));
	take_down();
}
END_TEST

START_TEST(point_to_point_networks_have_two_hosts)
{
	furnish_l3();
	OK(ask(PUT_ONE("address", "{'attachment':'b','prefix':'10.5.0.0/31'},{'attachment':'b',"
				  "'prefix':'2001:db8:5::/127'},{'attachment':'b','prefix':"
				  "'10.6.0.1/32'}")));
	OK(ask(PUT_ONE(
		"neighbor", "{'attachment':'b','address':'10.5.0.1','mac':'02:00:00:00:00:01'}")));
	OK(ask(TX(DELETE("neighbor", "'b 10.5.0.1'") "," DELETE(
		"address", "'b 10.5.0.0/31','b 2001:db8:5::/127','b 10.6.0.1/32'"))));
	take_down();
}
END_TEST

START_TEST(capacity_of_gateways_and_neighbours_is_named)
{
	furnish_l3();
	fakes.gateway_limit = 2;
	expect_refusal(
		&(struct refusal){PUT_ONE("address", "{'attachment':'b','prefix':'10.7.0.1/24'}"),
			"-32003", "error.data.limit", "2097152"});
	fakes.host_limit = 1;
	expect_refusal(&(struct refusal){PUT_ONE("neighbor", "{'attachment':'a','address':"
							     "'10.0.0.7','mac':'02:00:00:00:00:"
							     "07'}"),
		"-32003", "error.data.limit", "131072"});
	take_down();
}
END_TEST

START_TEST(port_and_attachment_of_one_name_do_not_share_an_address)
{
	furnish_l3();
	OK(ask(PUT_ONE("attachment", "{'name':'p1','slice':'blue','port':'p0','vlan':9}")));
	OK(ask(PUT_ONE("address", "{'attachment':'p1','prefix':'10.8.0.1/24'}")));
	EXPECT(ask(PUT_ONE("address", "{'port':'p1','prefix':'10.8.0.1/24'}")), "error.data.with",
		"address p1 10.8.0.1/24");
	OK(ask(PUT_ONE("neighbor", "{'port':'p1','address':'10.8.0.2','mac':'02:00:00:00:00:02'"
				   "}")));
	EXPECT(ask(PUT_ONE("neighbor", "{'attachment':'p1','address':'10.8.0.2','mac':"
				       "'02:00:00:00:00:02'}")),
		"error.data.path", "objects[0].attachment");
	OK(ask(TX(DELETE("neighbor", "'p1 10.8.0.2'") "," DELETE(
		"address", "'p1 10.8.0.1/24'") "," DELETE("attachment", "'p1'"))));
	take_down();
}
END_TEST

START_TEST(neighbours_of_l2_slices_need_no_network)
{
	furnish_l3();
	OK(ask(PUT_ONE(
		"neighbor", "{'attachment':'f','address':'10.0.0.1','mac':'02:00:00:00:00:01'}")));
	EXPECT(ask(GET("neighbor", "f 10.0.0.1")), "result",
		"{\"address\":\"10.0.0.1\",\"attachment\":\"f\",\"mac\":\"02:00:00:00:00:01\"}");
	EXPECT(ask(DELETE_ONE("attachment", "f")), "error.data.by", "neighbor f 10.0.0.1");
	OK(ask(DELETE_ONE("neighbor", "f 10.0.0.1")));
	take_down();
}
END_TEST

START_TEST(learned_neighbours_are_shown_replaced_and_forgotten)
{
	furnish_l3();
	fakes_neighbor(1, 1, "10.0.0.20", "02:00:00:00:00:20");
	fakes_neighbor(1, 1, "10.0.0.21", NULL);
	EXPECT(ask(GET("neighbor", "a 10.0.0.20")), "result",
		"{\"address\":\"10.0.0.20\",\"age_s\":7,\"attachment\":\"a\",\"learned\":true,"
		"\"mac\":\"02:00:00:00:00:20\",\"slice\":\"blue\",\"state\":\"reachable\"}");
	EXPECT(ask(GET("neighbor", "a 10.0.0.21")), "result",
		"{\"address\":\"10.0.0.21\",\"age_s\":7,\"attachment\":\"a\",\"learned\":true,"
		"\"slice\":\"blue\",\"state\":\"incomplete\"}");
	EXPECT(ask(CALL("list", "{'type':'neighbor','match':{'learned':true}}")),
		"result.objects.1.address", "10.0.0.21");
	EXPECT(ask(CALL("list", "{'type':'neighbor','match':{'learned':false}}")),
		"result.objects.0.address", "10.0.0.9");
	EXPECT(ask(LIST("neighbor")), "result.objects.0.address", "10.0.0.9");
	/* one by one, over the seam between the model and what was learned */
	for (int i = 0; i < 2; i++) {
		char cursor[64];
		json_t *page = ask(CALL("list", "{'type':'neighbor','limit':%d}"), i + 1);

		strcpy(cursor, at(page, "result.cursor"));
		json_decref(page);
		EXPECT(ask(CALL("list", "{'type':'neighbor','limit':1,'cursor':'%s'}"), cursor),
			"result.objects.0.address", i == 0 ? "10.0.0.20" : "10.0.0.21");
	}
	EXPECT(ask(CALL("list", "{'type':'neighbor','cursor':'x'}")), "error.data.path", "cursor");
	EXPECT(ask(CALL("stats", "{'type':'box'}")), "result.objects.box.hosts", "3");
	/* a static one replaces it; the other is forgotten, unless the transaction fails */
	OK(ask(PUT_ONE(
		"neighbor", "{'attachment':'a','address':'10.0.0.20','mac':'02:00:00:00:00:2a'}")));
	expect_refusal(&(struct refusal){TX(DELETE("neighbor", "'a 10.0.0.21','a 10.0.0.22'")),
		"-32001", "error.data.path", "ops[0].keys[1]"});
	EXPECT(ask(DELETE_ONE("neighbor", "a 10.0.0.21")), "result.deleted", "1");
	EXPECT(ask(GET("neighbor", "a 10.0.0.21")), "error.code", "-32001");
	OK(ask(DELETE_ONE("neighbor", "a 10.0.0.20")));
	take_down();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("rpc_l3");
	TCase *tcase = tcase_create("l3");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, refusal_names_the_place_and_changes_nothing, 0,
		sizeof(refusals) / sizeof(refusals[0]));
	tcase_add_test(tcase, kind_may_change_while_nothing_refers_to_the_slice);
	tcase_add_test(tcase, gateways_are_announced_when_they_or_their_mac_are_new);
	tcase_add_test(tcase, same_addresses_in_different_slices_are_normal);
	tcase_add_test(tcase, second_address_of_a_network_keeps_it_when_the_first_goes);
	tcase_add_test(tcase, network_moves_to_another_attachment_in_one_transaction);
	tcase_add_test(tcase, point_to_point_networks_have_two_hosts);
	tcase_add_test(tcase, capacity_of_gateways_and_neighbours_is_named);
	tcase_add_test(tcase, port_and_attachment_of_one_name_do_not_share_an_address);
	tcase_add_test(tcase, neighbours_of_l2_slices_need_no_network);
	tcase_add_test(tcase, learned_neighbours_are_shown_replaced_and_forgotten);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	return rpc_test_main(suite);
}
