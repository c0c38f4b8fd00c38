/* SPDX-License-Identifier: BSD-3-Clause */
/* An object that is deleted and put in one transaction is made anew, and with it what names it, in
 * the real rooms: the workers' tables lead by the new ids alone. */
#include "attachment.h"
#include "fib.h"
#include "model.h"
#include "rooms.h"
#include "rpc_client.h"
#include "slice.h"
#include "tunnel.h"

#define PUT(type, objects) "{'op':'put','type':'" type "','objects':[" objects "]}"
#define DELETE(type, keys) "{'op':'delete','type':'" type "','keys':[" keys "]}"
#define TX(ops)		   CALL("transaction", "{'ops':[" ops "]}")
#define ROUTE                                                                                      \
	"{'table':'net','prefix':'10.2.0.0/16','via':[{'attachment':'b','address':'10.1.0.2'}]}"
#define SLICES(vni) "{'name':'blue','vni':" vni "},{'name':'net','vni':" vni "1,'kind':'l3'}"

static void furnish_rooms(void)
{
	OK(
		ask(
			TX(
				PUT("port", "{'name':'p0','device':'net_null0','mbufs':2048,'"
					    "queues':1}") "," PUT("slice", SLICES("10")) "," PUT(
					"attachment", "{'name':'a','slice':'blue','port':'p0','"
						      "vlan':1},"
						      "{'name':'b','slice':'net','port':'p0','vlan'"
						      ":2}") "," PUT("tunnel",
					"{'name':'t','encap':'vxlan','local':'198.18.0.1','remote':"
					"'198.18.0.2'}") "," PUT("member",
					"{'slice':'blue','tunnel':'t'}") "," PUT("address",
					"{'attachment':'b','prefix':'10.1.0.1/24'}") "," PUT("neigh"
											     "bor",
					"{'attachment':'b','address':'10.1.0.2','mac':'02:00:00:00:"
					"00:02'}") "," PUT("route", ROUTE) "," PUT("mac",
					"{'slice':'blue','mac':'02:00:00:00:00:01','attachment':'a'"
					"}"))));
}

static uint16_t id_of(enum object_type type, const char *key)
{
	struct object *obj = model_find(type, key);

	ck_assert_ptr_nonnull(obj);
	ck_assert_ptr_eq(model_by_id(type, obj->id), obj);
	return obj->id;
}

START_TEST(what_names_an_object_made_anew_leads_to_it)
{
	uint16_t slice, net, attachment, tunnel;

	furnish_rooms();
	slice = id_of(OBJECT_SLICE, "blue");
	attachment = id_of(OBJECT_ATTACHMENT, "a");
	tunnel = id_of(OBJECT_TUNNEL, "t");
	/* rows that name what goes are in the way */
	EXPECT(ask(TX(PUT("slice", SLICES("20")) "," DELETE("slice", "'blue'"))), "error.data.by",
		"1 static mac object");
	ck_assert(attachment_in_slice(attachment, slice));
	OK(ask(TX(PUT("mac", "{'slice':'blue','mac':'02:00:00:00:00:01','attachment':'a'}") "," PUT(
		"slice", SLICES("20")) "," DELETE("slice", "'blue','net'") "," DELETE("mac",
		"'blue 02:00:00:00:00:01'") "," DELETE("route",
		"'net 10.2.0.0/16'") "," PUT("route", ROUTE))));
	ck_assert_uint_ne(id_of(OBJECT_SLICE, "blue"), slice);
	ck_assert_uint_ne(id_of(OBJECT_ATTACHMENT, "a"), attachment);
	/* which names nothing that is new */
	ck_assert_uint_eq(id_of(OBJECT_TUNNEL, "t"), tunnel);
	ck_assert(!member_exists(slice, tunnel));
	slice = id_of(OBJECT_SLICE, "blue");
	net = id_of(OBJECT_SLICE, "net");
	ck_assert(attachment_in_slice(id_of(OBJECT_ATTACHMENT, "a"), slice));
	ck_assert(attachment_in_slice(id_of(OBJECT_ATTACHMENT, "b"), net));
	ck_assert(!attachment_in_slice(attachment, slice));
	ck_assert(member_exists(slice, tunnel));
	ck_assert_uint_eq(fib_slice_routes(net), 1);
	EXPECT(ask(CALL("get", "{'type':'slice','key':'blue'}")), "result.vni", "20");
	EXPECT(ask(CALL("get", "{'type':'mac','key':'blue 02:00:00:00:00:01'}")),
		"result.attachment", "a");
	EXPECT(ask(CALL("get", "{'type':'neighbor','key':'b 10.1.0.2'}")), "result.mac",
		"02:00:00:00:00:02");
	/* and it counts from zero */
	EXPECT(ask(CALL("stats", "{'type':'slice','keys':['blue']}")),
		"result.objects.blue.in_packets", "0");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("renew");
	TCase *tcase = tcase_create("renew");

	rooms_eal();
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, what_names_an_object_made_anew_leads_to_it);
	suite_add_tcase(suite, tcase);
	return rpc_test_main(suite);
}
