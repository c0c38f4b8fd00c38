/* SPDX-License-Identifier: BSD-3-Clause */
/* Objects through the socket: what is taken, what is refused, and that a refusal changes nothing.
 */
#include <stdio.h>
#include <unistd.h>

#include "bounds.h"
#include "budget.h"
#include "dispatch.h"
#include "fakes.h"
#include "rpc_client.h"
#include "server.h"

START_TEST(put_counts_created_updated_unchanged)
{
	const char *put = CALL("put", "{'type':'slice','objects':[{'name':'blue','vni':100}]}");

	EXPECT(ask("%s", put), "result", "{\"created\":1,\"unchanged\":0,\"updated\":0}");
	EXPECT(ask("%s", put), "result", "{\"created\":0,\"unchanged\":1,\"updated\":0}");
	EXPECT(ask(CALL("put", "{'type':'slice','objects':[{'name':'blue','vni':101}]}")), "result",
		"{\"created\":0,\"unchanged\":0,\"updated\":1}");
	EXPECT(ask(CALL("get", "{'type':'slice','key':'blue'}")), "result.vni", "101");
	/* 100 is free again, 101 is not */
	EXPECT(ask(CALL("put", "{'type':'slice','objects':[{'name':'red','vni':100}]}")),
		"result.created", "1");
	EXPECT(ask(CALL("delete", "{'type':'slice','keys':['blue','red']}")), "result.deleted",
		"2");
	ck_assert_int_eq(fakes.slices_held, 0);
	ck_assert_int_eq(fakes.slices_set, 0);
}
END_TEST

START_TEST(answer_that_is_no_text_is_an_error)
{
	json_t *answer = json_pack(
		"{s:i, s:{s:o}}", "id", 7, "result", "name", json_stringn_nocheck("a\xff", 2));
	char *text = dispatch_text(answer);
	json_t *read = json_loads(text, 0, NULL);

	ck_assert_int_eq(json_integer_value(json_object_get(read, "id")), 7);
	ck_assert_int_eq(
		json_integer_value(json_object_get(json_object_get(read, "error"), "code")),
		RPC_ERR_INTERNAL);
	budget_free_text(text, strlen(text), NULL);
	json_decref(read);
	json_decref(answer);
}
END_TEST

/* After furnish(): what is refused, with what. */
static const struct {
	const char *request, *code, *where, *what;
} refusals[] = {
	{CALL("put", "{'type':'attachment','objects':[{'name':'x','slice':'blue','port':'p1'},"
		     "{'name':'y','slice':'blue','port':'p1','vlan':5000}]}"),
		"-32602", "error.data.path", "objects[1].vlan"},
	{CALL("transaction", "{'ops':[{'op':'delete','type':'member','keys':['blue t']},"
			     "{'op':'put','type':'attachment','objects':[{'name':'x','slice':'no','"
			     "port':'p1'}]}]}"),
		"-32602", "error.data.path", "ops[1].objects[0].slice"},
	{CALL("transaction", "{'ops':[{'op':'drop'}]}"), "-32602", "error.data.path", "ops[0].op"},
	{CALL("put", "{'type':'attachment','objects':[{'name':'x','slice':'no','port':'p1'}]}"),
		"-32602", "error.data.want", "the name of a slice"},
	{CALL("delete", "{'type':'slice','keys':['red','blue']}"), "-32002", "error.data.by",
		"member blue t"},
	{CALL("delete", "{'type':'slice','keys':['red','blue']}"), "-32002", "error.data.path",
		"keys[1]"},
	{CALL("delete", "{'type':'port','keys':['p0']}"), "-32002", "error.data.by",
		"attachment a"},
	{CALL("delete", "{'type':'tunnel','keys':['t']}"), "-32002", "error.data.by",
		"member blue t"},
	{CALL("delete", "{'type':'slice','keys':['green']}"), "-32001", "error.data.path",
		"keys[0]"},
	{CALL("delete", "{'type':'member','keys':['blue']}"), "-32602", "error.data.path",
		"keys[0]"},
	{CALL("delete", "{'type':'slice','keys':[5]}"), "-32602", "error.data.path", "keys[0]"},
	{CALL("put",
		 "{'type':'port','objects':[{'name':'p9','device':'net_null9','rate_bps':99999}]}"),
		"-32602", "error.data.path", "objects[0].rate_bps"},
	{CALL("put", "{'type':'port','objects':[{'name':'p9','device':'net_null9',"
		     "'rate_bps':1000000000001}]}"),
		"-32602", "error.data.want",
		"integer 0 to 1000000000000 (bit/s; on the command line and in YAML also 100M)"},
	{CALL("put", "{'type':'slice','objects':[{'name':'x','vni':5,'guarantee_bps':999}]}"),
		"-32602", "error.data.want", "0, or 1000 and more"},
	{CALL("put", "{'type':'slice','objects':[{'name':'x','vni':5,'weight':0}]}"), "-32602",
		"error.data.path", "objects[0].weight"},
	{CALL("put", "{'type':'slice','objects':[{'name':'x','vni':5,'weight':1001}]}"), "-32602",
		"error.data.want", "integer 1 to 1000"},
	{CALL("put", "{'type':'slice','objects':[{'name':'x','vni':100}]}"), "-32004",
		"error.data.with", "slice blue"},
	{CALL("put", "{'type':'slice','objects':[{'name':'x','vni':5},{'name':'x','vni':6}]}"),
		"-32004", "error.data.with", "objects[0]"},
	{CALL("put", "{'type':'slice','objects':[{'name':'blue','vni':100},{'name':'blue','vni':"
		     "101}]}"),
		"-32004", "error.data.with", "objects[0]"},
	{CALL("put", "{'type':'attachment','objects':[{'name':'x','slice':'red','port':'p0'}]}"),
		"-32004", "error.data.with", "attachment a"},
	{CALL("put", "{'type':'tunnel','objects':[{'name':'x','encap':'vxlan','local':'198.18.0.1',"
		     "'remote':'198.18.0.2'}]}"),
		"-32004", "error.data.with", "tunnel t"},
	{CALL("put", "{'type':'tunnel','objects':[{'name':'x','encap':'vxlan','local':'198.18.0.1',"
		     "'remote':'2001:db8::1'}]}"),
		"-32602", "error.data.path", "objects[0].remote"},
	{CALL("put", "{'type':'tunnel','objects':[{'name':'x','encap':'vxlan','local':'198.18.0.1',"
		     "'remote':'224.0.0.1'}]}"),
		"-32602", "error.data.want", "a unicast address"},
	{CALL("put",
		 "{'type':'tunnel','objects':[{'name':'x','encap':'vxlan','local':'2001:db8::1',"
		 "'remote':'198.18.0.1'}]}"),
		"-32602", "error.data.want", "an address of the same family as local"},
	{CALL("put", "{'type':'tunnel','objects':[{'name':'x','encap':'vxlan','local':'198.18.0.1',"
		     "'remote':'198.18.0.1'}]}"),
		"-32602", "error.data.want", "another address than local"},
	{CALL("put",
		 "{'type':'tunnel','objects':[{'name':'x','encap':'geneve','local':'198.18.0.1',"
		 "'remote':'198.18.0.3','dst_port':4789}]}"),
		"-32004", "error.data.path", "objects[0].dst_port"},
	{CALL("put",
		 "{'type':'tunnel','objects':[{'name':'x','encap':'geneve','local':'198.18.0.1',"
		 "'remote':'198.18.0.3','dst_port':4789}]}"),
		"-32004", "error.data.with", "tunnel t"},
	{CALL("put",
		 "{'type':'tunnel','objects':[{'name':'x','encap':'geneve','local':'198.18.0.1',"
		 "'remote':'198.18.0.3'},"
		 "{'name':'y','encap':'vxlan','local':'198.18.0.1',"
		 "'remote':'198.18.0.3','dst_port':6081}]}"),
		"-32004", "error.data.with", "tunnel x"},
	{CALL("put", "{'type':'slice','objects':[{'name':'underlay','vni':5}]}"), "-32602",
		"error.data.path", "objects[0].name"},
	{CALL("put", "{'type':'slice','objects':[{'name':'underlay','vni':5,'kind':'l3'}]}"),
		"-32602", "error.data.path", "objects[0].name"},
	{CALL("put", "{'type':'port','objects':[{'name':'p0','device':'other'}]}"), "-32004",
		"error.data.path", "objects[0].device"},
	{CALL("put", "{'type':'port','objects':[{'name':'p2','device':'d0'}]}"), "-32004",
		"error.data.with", "port p0"},
	{CALL("transaction",
		 "{'ops':[{'op':'delete','type':'port','keys':['p1']},"
		 "{'op':'put','type':'port','objects':[{'name':'p1','device':'d2'}]}]}"),
		"-32004", "error.data.path", "ops[1].objects[0]"},
	{CALL("put", "{'type':'address','objects':[{'attachment':'a','prefix':'10.0.0.1/24'}]}"),
		"-32602", "error.data.path", "objects[0].attachment"},
	{CALL("put", "{'type':'neighbor','objects':[{'port':'p0','address':'10.0.0.1',"
		     "'mac':'01:00:00:00:00:01'}]}"),
		"-32602", "error.data.path", "objects[0].mac"},
	{CALL("put", "{'type':'route','objects':[{'table':'blue','prefix':'10.0.0.0/8',"
		     "'via':[{'address':'1.1.1.1'}]}]}"),
		"-32602", "error.data.path", "objects[0].table"},
	{CALL("put", "{'type':'route','objects':[{'table':'underlay','prefix':'10.0.0.1/8',"
		     "'via':[{'address':'1.1.1.1'}]}]}"),
		"-32602", "error.data.want", "10.0.0.0/8 (host bits zero)"},
	{CALL("put", "{'type':'route','objects':[{'table':'underlay','prefix':'10.0.0.0/8',"
		     "'via':[{'address':'1.1.1.1'},{'address':'2001:db8::1'}]}]}"),
		"-32602", "error.data.path", "objects[0].via[1].address"},
	{CALL("put", "{'type':'route','objects':[{'table':'underlay','prefix':'2001:db8::1/32',"
		     "'via':[{'address':'2001:db8::2'}]}]}"),
		"-32602", "error.data.want", "2001:db8::/32 (host bits zero)"},
	{CALL("put", "{'type':'route','objects':[{'table':'underlay','prefix':'2001:db8::/32',"
		     "'via':[{'address':'1.1.1.1'}]}]}"),
		"-32602", "error.data.want", "an IPv6 address"},
	{CALL("put", "{'type':'route','objects':[{'table':'underlay','prefix':'2001:db8::/32',"
		     "'via':[{'address':'fe80::1'}]}]}"),
		"-32602", "error.data.want", "the port of a link-local next hop"},
	{CALL("put", "{'type':'route','objects':[{'table':'underlay','prefix':'10.0.0.0/8',"
		     "'via':[{'address':'1.1.1.1'},{'address':'1.1.1.1'}]}]}"),
		"-32004", "error.data.with", "via[0]"},
	{CALL("put", "{'type':'route','objects':[{'table':'underlay','prefix':'10.0.0.0/8',"
		     "'via':[{'port':'p0'},{'port':'nope'}]}]}"),
		"-32602", "error.data.path", "objects[0].via[1].port"},
	{CALL("put",
		 "{'type':'mac','objects':[{'slice':'blue','mac':'02:00:00:00:00:01','tunnel':'t'},"
		 "{'slice':'red','mac':'02:00:00:00:00:01','tunnel':'t'}]}"),
		"-32602", "error.data.path", "objects[1].tunnel"},
	{CALL("put", "{'type':'mac','objects':[{'slice':'red','mac':'02:00:00:00:00:01','"
		     "attachment':'a'}]}"),
		"-32602", "error.data.path", "objects[0].attachment"},
	{CALL("put", "{'type':'mac','objects':[{'slice':'blue','mac':'01:00:00:00:00:01','tunnel':'"
		     "t'}]}"),
		"-32602", "error.data.path", "objects[0].mac"},
	{CALL("put",
		 "{'type':'mac','objects':[{'slice':'blue','mac':'02:00:00:00:00:01','tunnel':'t'},"
		 "{'slice':'blue','mac':'02:00:00:00:00:01','attachment':'a'}]}"),
		"-32004", "error.data.with", "objects[0]"},
	{CALL("delete", "{'type':'mac','keys':['blue 02:00:00:00:00:01']}"), "-32001",
		"error.data.got", "blue 02:00:00:00:00:01"},
	{CALL("list", "{'type':'slice','match':{'nope':1}}"), "-32602", "error.data.path", "match"},
	{CALL("list", "{'type':'mac','cursor':'x'}"), "-32602", "error.data.path", "cursor"},
	{CALL("list", "{'type':'mac','limit':0}"), "-32602", "error.data.want",
		"integer 1 to 10000"},
	{CALL("list", "{}"), "-32602", "error.data.path", "type"},
	{CALL("list", "{'type':'mac','limits':5}"), "-32602", "error.data.got", "limits"},
	{CALL("stats", "{'type':'mac'}"), "-32602", "error.data.path", "type"},
	{CALL("stats", "{'type':'slice','keys':['no']}"), "-32001", "error.data.path", "keys[0]"},
	{CALL("drops", "{'slice':'no'}"), "-32001", "error.data.path", "slice"},
	{CALL("watch", "{'events':['mac','nope']}"), "-32602", "error.data.path", "events[1]"},
	{CALL("table.read", "{'table':'no'}"), "-32001", "error.data.want", "attachments"},
	{CALL("trace", "{'mac':'zz'}"), "-32602", "error.data.path", "mac"},
};

START_TEST(refusal_names_the_place_and_changes_nothing)
{
	struct fakes before;
	json_t *answer;

	furnish();
	before = fakes;
	answer = ask("%s", refusals[_i].request);
	EXPECT(json_incref(answer), "error.code", refusals[_i].code);
	EXPECT(answer, refusals[_i].where, refusals[_i].what);
	ck_assert_mem_eq(&before, &fakes, sizeof(fakes));
	/* everything is still there, and can be taken down */
	EXPECT(ask(CALL("transaction", "{'ops':[{'op':'delete','type':'member','keys':['blue t']},"
				       "{'op':'delete','type':'attachment','keys':['a']},"
				       "{'op':'delete','type':'tunnel','keys':['t']},"
				       "{'op':'delete','type':'slice','keys':['blue','red']},"
				       "{'op':'delete','type':'port','keys':['p0','p1']}]}")),
		"result.deleted", "7");
	ck_assert_int_eq(fakes.ports_open, 0);
	ck_assert_int_eq(fakes.slices_held + fakes.attachments_held + fakes.tunnels_held, 0);
	ck_assert_int_eq(fakes.slices_set + fakes.attachments_set + fakes.tunnels_set, 0);
	ck_assert_int_eq(fakes.members_set, 0);
}
END_TEST

START_TEST(failing_device_undoes_what_went_before)
{
	furnish();
	fakes.fail_tap_address = true;
	EXPECT(ask(CALL("transaction",
		       "{'ops':[{'op':'put','type':'port','objects':[{'name':'p2','device':'d2'}]},"
		       "{'op':'put','type':'slice','objects':[{'name':'green','vni':7},{'name':'"
		       "blue','vni':8}]},"
		       "{'op':'delete','type':'attachment','keys':['a']},"
		       "{'op':'put','type':'attachment','objects':[{'name':'a','slice':'green','"
		       "port':'p2'}]},"
		       "{'op':'put','type':'route','objects':[{'table':'underlay','prefix':'10.9.0."
		       "0/"
		       "16','via':[{'port':'p0'}]}]},"
		       "{'op':'put','type':'address','objects':[{'port':'p1','prefix':'10.0.0.1/"
		       "24'}]}]}")),
		"error.data.path", "ops[5].objects[0].prefix");
	ck_assert_int_eq(fakes.fib_reserved, 0);
	ck_assert_int_eq(fakes.ports_open, 2);
	ck_assert_int_eq(fakes.slices_held, 2);
	ck_assert_int_eq(fakes.attachments_held, 1);
	EXPECT(ask(CALL("get", "{'type':'attachment','key':'a'}")), "result.slice", "blue");
	EXPECT(ask(CALL("get", "{'type':'slice','key':'blue'}")), "result.vni", "100");
	EXPECT(ask(CALL("get", "{'type':'slice','key':'green'}")), "error.code", "-32001");
}
END_TEST

/* An address that goes takes the kernel's routes along, and comes back without them. */
START_TEST(kernel_hears_nothing_of_what_is_refused)
{
	int touched;

	furnish();
	OK(ask(CALL(
		"put", "{'type':'address','objects':[{'port':'p1','prefix':'198.18.0.1/24'}]}")));
	touched = fakes.touched;
	EXPECT(ask(CALL("transaction",
		       "{'ops':[{'op':'delete','type':'address','keys':['p1 198.18.0.1/24']},"
		       "{'op':'put','type':'address','objects':[{'port':'p1','prefix':'198.18.0.2/"
		       "24'}]},"
		       "{'op':'put','type':'slice','objects':[{'name':'green','vni':100}]}]}")),
		"error.data.path", "ops[2].objects[0].vni");
	ck_assert_int_eq(fakes.touched, touched);
	/* what it refuses itself is taken back */
	fakes.fail_tap_address = true;
	EXPECT(ask(CALL("transaction",
		       "{'ops':[{'op':'put','type':'address','objects':[{'port':'p1','prefix':"
		       "'198.18.0.2/24'}]}]}")),
		"error.data.path", "ops[0].objects[0].prefix");
	fakes.fail_tap_address = false;
	ck_assert_int_eq(fakes.tap_addresses, 1);
	OK(ask(CALL("delete", "{'type':'address','keys':['p1 198.18.0.1/24']}")));
	ck_assert_int_eq(fakes.tap_addresses, 0);
}
END_TEST

START_TEST(underlay_objects_reach_the_underlay)
{
	furnish();
	OK(ask(CALL(
		"put", "{'type':'address','objects':[{'port':'p1','prefix':'198.18.0.1/24'}]}")));
	OK(ask(CALL("put", "{'type':'neighbor','objects':[{'port':'p0','address':'198.18.0.2',"
			   "'mac':'02:00:00:00:00:02'}]}")));
	OK(ask(CALL("put",
		"{'type':'route','objects':[{'table':'underlay','prefix':'0.0.0.0/0','via':["
		"{'address':'198.18.0.2'},{'address':'198.18.0.3','port':'p1'},{'port':'p0',"
		"'weight':5}]}]}")));
	ck_assert_int_eq(fakes.tap_addresses, 1);
	ck_assert_int_eq(fakes.addresses_set + fakes.neighbors_set + fakes.routes_set, 3);
	ck_assert_int_eq(fakes.via_count, 3);
	ck_assert_int_eq(fakes.via[0].port, 0xffff);
	ck_assert_int_eq(fakes.via[1].port, 1);
	ck_assert_int_eq(fakes.via[2].port, 0);
	ck_assert(fakes.via[0].weight == 1 && fakes.via[2].weight == 5);
	/* gone and back within one transaction: the kernel has it at the end */
	OK(ask(CALL("transaction",
		"{'ops':[{'op':'delete','type':'address','keys':['p1 198.18.0.1/24']},"
		"{'op':'put','type':'address','objects':[{'port':'p1','prefix':'198.18.0.1/"
		"24'}]}]}")));
	ck_assert_int_eq(fakes.tap_addresses, 1);
	EXPECT(ask(CALL("delete", "{'type':'port','keys':['p1']}")), "error.data.by",
		"address p1 198.18.0.1/24");
	OK(ask(CALL("delete", "{'type':'route','keys':['underlay 0.0.0.0/0']}")));
	OK(ask(CALL("delete", "{'type':'address','keys':['p1 198.18.0.1/24']}")));
	OK(ask(CALL("delete", "{'type':'port','keys':['p1']}")));
}
END_TEST

START_TEST(untagged_traffic_is_a_slices_or_the_boxes_never_both)
{
	furnish();
	OK(ask(CALL("put", "{'type':'port','objects':[{'name':'t1','device':'d9','tap':true}]}")));
	EXPECT(ask(CALL("put",
		       "{'type':'attachment','objects':[{'name':'b','slice':'red','port':'t1'}]}")),
		"error.data.with", "port t1");
	EXPECT(ask(CALL("put",
		       "{'type':'address','objects':[{'port':'p0','prefix':'198.18.0.1/24'}]}")),
		"error.data.with", "attachment a");
	OK(ask(CALL("put", "{'type':'attachment','objects':[{'name':'a','slice':'blue','port':'p0',"
			   "'vlan':5}]}")));
	OK(ask(CALL(
		"put", "{'type':'address','objects':[{'port':'p0','prefix':'198.18.0.1/24'}]}")));
	EXPECT(ask(CALL("put", "{'type':'attachment','objects':[{'name':'a','slice':'blue','port':'"
			       "p0'}]}")),
		"error.data.with", "address p0 198.18.0.1/24");
}
END_TEST

START_TEST(list_pages_in_order_without_losing_or_repeating)
{
	char last[64] = "", cursor[64] = "";
	int seen = 0;

	for (int i = 0; i < 250; i++)
		OK(ask(CALL("put", "{'type':'slice','objects':[{'name':'s%d','vni':%d}]}"), i,
			i + 1));
	do {
		json_t *page =
			*cursor ? ask(CALL("list", "{'type':'slice','limit':99,'cursor':'%s'}"),
					  cursor)
				: ask(CALL("list", "{'type':'slice','limit':99}"));
		json_t *objects = json_object_get(json_object_get(page, "result"), "objects"),
		       *object;
		size_t i;

		json_array_foreach (objects, i, object) {
			const char *name = json_string_value(json_object_get(object, "name"));

			ck_assert_int_gt(strcmp(name, last), 0);
			strcpy(last, name);
			seen++;
		}
		strcpy(cursor, at(page, "result.cursor"));
		json_decref(page);
	} while (*cursor);
	ck_assert_int_eq(seen, 250);
	EXPECT(ask(CALL("list", "{'type':'slice','match':{'vni':7}}")), "result.objects.0.name",
		"s6");
}
END_TEST

START_TEST(counters_come_with_their_names)
{
	furnish();
	EXPECT(ask(CALL("stats", "{'type':'port'}")), "result.objects.p0.rx_packets", "10");
	EXPECT(ask(CALL("stats", "{'type':'slice','keys':['blue']}")), "result.objects",
		"{\"blue\":{\"dropped\":3,\"in_bytes\":60,\"in_packets\":1,\"out_bytes\":120,"
		"\"out_packets\":2}}");
	/* in the order of names; the cursor is the last of the page before */
	json_t *all = ask(CALL("stats", "{'type':'slice'}"));
	size_t count = json_object_size(json_object_get(json_object_get(all, "result"), "objects"));
	char call[200], cursor[80] = "";

	ck_assert_uint_ge(count, 2);
	EXPECT(all, "result.cursor", "");
	for (size_t i = 0; i < count; i++) {
		snprintf(call, sizeof(call), CALL("stats", "{'type':'slice','limit':1%s%s%s}"),
			i ? ",'cursor':'" : "", cursor, i ? "'" : "");
		json_t *page = ask(call);

		ck_assert_uint_eq(json_object_size(json_object_get(
					  json_object_get(page, "result"), "objects")),
			1);
		snprintf(cursor, sizeof(cursor), "%s", at(page, "result.cursor"));
		ck_assert_int_eq(cursor[0] == 0, i + 1 == count);
		json_decref(page);
	}
	EXPECT(ask(CALL("stats", "{'type':'box'}")), "result.objects.box.punted", "4");
	EXPECT(ask(CALL("stats", "{'type':'stage'}")),
		"result.objects.worker0/parse.cycles_per_packet", "15.0");
	EXPECT(ask(CALL("stats", "{'type':'worker'}")), "result.objects.worker0.loops", "1");
	EXPECT(ask(CALL("drops", "{}")), "result", "{\"runt\":5}");
	EXPECT(ask(CALL("drops", "{'slice':'blue'}")), "result", "{\"same_door\":7}");
	EXPECT(ask(CALL("drops", "{'all':true}")), "result.vxlan_header", "0");
	EXPECT(ask(CALL("table.list", "{}")), "result.tables.0.match_fields.0",
		"{\"bitwidth\":16,\"id\":1,\"match_type\":\"exact\",\"name\":\"port\"}");
	EXPECT(ask(CALL("table.read", "{'table':'attachments'}")), "result.entries.0.params",
		"{\"slice\":\"slice 1\"}");
	EXPECT(ask(CALL("schema", "{}")), "result.$defs.slice.properties.vni.maximum", "16777215");
}
END_TEST

START_TEST(table_pages_hold_every_row_once)
{
	char cursor[40] = "", want[16];
	int row = 0;

	do {
		json_t *page =
			*cursor ? ask(CALL("table.read",
					      "{'table':'attachments','limit':7,'cursor':'%s'}"),
					  cursor)
				: ask(CALL("table.read", "{'table':'attachments','limit':7}"));
		json_t *rows = json_object_get(json_object_get(page, "result"), "entries");

		ck_assert_uint_le(json_array_size(rows), 7);
		for (size_t i = 0; i < json_array_size(rows); i++) {
			sprintf(want, "%d", row++);
			ck_assert_str_eq(at(json_array_get(rows, i), "match.port"), want);
		}
		strcpy(cursor, at(page, "result.cursor"));
		json_decref(page);
	} while (*cursor);
	ck_assert_int_eq(row, 200);
	EXPECT(ask(CALL("table.read", "{'table':'attachments','cursor':'5'}")), "error.data.path",
		"cursor");
}
END_TEST

START_TEST(config_file_is_one_transaction)
{
	char file[] = "/tmp/sluice-config-XXXXXX";
	static const char good[] = "{\"ops\":[{\"op\":\"put\",\"type\":\"slice\",\"objects\":"
				   "[{\"name\":\"blue\",\"vni\":1}]}]}";
	static const char bad[] = "{\"ops\":[{\"op\":\"put\",\"type\":\"slice\",\"objects\":"
				  "[{\"name\":\"red\",\"vni\":0}]}]}";
	struct rpc_error err;
	int fd = mkstemp(file);

	ck_assert_int_eq(write(fd, bad, strlen(bad)), (ssize_t)strlen(bad));
	ck_assert_int_eq(rpc_apply_config(file, &err), -1);
	ck_assert_str_eq(err.path, "ops[0].objects[0].vni");
	ck_assert_int_eq(pwrite(fd, good, strlen(good), 0), (ssize_t)strlen(good));
	ck_assert_int_eq(ftruncate(fd, strlen(good)), 0);
	ck_assert_int_eq(rpc_apply_config(file, &err), 0);
	EXPECT(ask(CALL("get", "{'type':'slice','key':'blue'}")), "result.vni", "1");
	ck_assert_int_eq(pwrite(fd, "{\n\n\"ops\" }", 10, 0), 10);
	ck_assert_int_eq(ftruncate(fd, 10), 0);
	ck_assert_int_eq(rpc_apply_config(file, &err), -1);
	ck_assert(!strncmp(err.message, "line 3, column 7: ", 18));
	close(fd);
	unlink(file);
	ck_assert_int_eq(rpc_apply_config(file, &err), -1);
	ck_assert_str_eq(err.message, "No such file or directory");
}
END_TEST

#define GENEVE                                                                                     \
	"{'name':'g','encap':'geneve','local':'198.18.0.1','remote':'198.18.0.2','dst_port':4789}"

START_TEST(udp_port_is_vxlans_or_geneves_as_the_transaction_leaves_it)
{
	furnish();
	OK(ask(CALL("delete", "{'type':'member','keys':['blue t']}")));
	EXPECT(ask(CALL("put", "{'type':'tunnel','objects':[" GENEVE "]}")), "error.data.with",
		"tunnel t");
	/* a transaction that fails later leaves the port to whom it was */
	EXPECT(ask(CALL("transaction", "{'ops':[{'op':'delete','type':'tunnel','keys':['t']},"
				       "{'op':'put','type':'tunnel','objects':[" GENEVE "]},"
				       "{'op':'delete','type':'tunnel','keys':['nobody']}]}")),
		"error.code", "-32001");
	EXPECT(ask(CALL("put", "{'type':'tunnel','objects':[" GENEVE "]}")), "error.data.with",
		"tunnel t");
	/* one that goes through hands it over */
	EXPECT(ask(CALL("transaction", "{'ops':[{'op':'delete','type':'tunnel','keys':['t']},"
				       "{'op':'put','type':'tunnel','objects':[" GENEVE "]}]}")),
		"result.created", "1");
	EXPECT(ask(CALL("put", "{'type':'tunnel','objects':[{'name':'t','encap':'vxlan',"
			       "'local':'198.18.0.1','remote':'198.18.0.9'}]}")),
		"error.data.with", "tunnel g");
	/* its only user may change it in place */
	EXPECT(ask(CALL("put", "{'type':'tunnel','objects':[{'name':'g','encap':'vxlan',"
			       "'local':'198.18.0.1','remote':'198.18.0.2'}]}")),
		"result.updated", "1");
	EXPECT(ask(CALL("put", "{'type':'tunnel','objects':[{'name':'t','encap':'vxlan',"
			       "'local':'198.18.0.1','remote':'198.18.0.9'}]}")),
		"result.created", "1");
	OK(ask(CALL("delete", "{'type':'tunnel','keys':['t','g']}")));
	EXPECT(ask(CALL("put", "{'type':'tunnel','objects':[" GENEVE "]}")), "result.created", "1");
	OK(ask(CALL("delete", "{'type':'tunnel','keys':['g']}")));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("rpc");
	TCase *tcase = tcase_create("objects");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, put_counts_created_updated_unchanged);
	tcase_add_test(tcase, answer_that_is_no_text_is_an_error);
	tcase_add_loop_test(tcase, refusal_names_the_place_and_changes_nothing, 0,
		sizeof(refusals) / sizeof(refusals[0]));
	tcase_add_test(tcase, failing_device_undoes_what_went_before);
	tcase_add_test(tcase, kernel_hears_nothing_of_what_is_refused);
	tcase_add_test(tcase, underlay_objects_reach_the_underlay);
	tcase_add_test(tcase, untagged_traffic_is_a_slices_or_the_boxes_never_both);
	tcase_add_test(tcase, udp_port_is_vxlans_or_geneves_as_the_transaction_leaves_it);
	tcase_add_test(tcase, list_pages_in_order_without_losing_or_repeating);
	tcase_add_test(tcase, counters_come_with_their_names);
	tcase_add_test(tcase, table_pages_hold_every_row_once);
	tcase_add_test(tcase, config_file_is_one_transaction);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	return rpc_test_main(suite);
}
