/* SPDX-License-Identifier: BSD-3-Clause */
/* What test_rpc_l3.c and test_rpc_routes.c begin with. */
#ifndef TESTS_RPC_L3_H
#define TESTS_RPC_L3_H

#include <stdio.h>

#include "fakes.h"
#include "rpc_client.h"

#define PUT(type, objects)    "{'op':'put','type':'" type "','objects':[" objects "]}"
#define DELETE(type, keys)    "{'op':'delete','type':'" type "','keys':[" keys "]}"
#define TX(ops)		      CALL("transaction", "{'ops':[" ops "]}")
#define PUT_ONE(type, one)    CALL("put", "{'type':'" type "','objects':[" one "]}")
#define DELETE_ONE(type, key) CALL("delete", "{'type':'" type "','keys':['" key "']}")
#define GET(type, key)	      CALL("get", "{'type':'" type "','key':'" key "'}")
#define LIST(type)	      CALL("list", "{'type':'" type "'}")

/* l3 slices blue (attachments a, b; tunnel t) and red (attachment r; tunnel t); l2 slice flat
 * (attachment f). Address a 10.0.0.1/24 and 2001:db8::1/64, neighbor a 10.0.0.9, and the route
 * blue 192.168.0.0/16 via 10.0.0.2 on a and over t. */
static inline void furnish_l3(void)
{
	OK(ask(TX(PUT("port", "{'name':'p0','device':'d0'},{'name':'p1','device':'d1'}") "," PUT(
		"slice", "{'name':'blue','vni':100,'kind':'l3'},{'name':'red','vni':200,'kind':"
			 "'l3'},{'name':'flat','vni':300}") "," PUT("attachment",
		"{'name':'a','slice':'blue','port':'p0','vlan':1},{'name':'b','slice':'blue',"
		"'port':'p0','vlan':2},{'name':'r','slice':'red','port':'p1','vlan':1},"
		"{'name':'f','slice':'flat','port':'p1','vlan':2}"))));
	OK(ask(TX(PUT("tunnel", "{'name':'t','encap':'vxlan','local':'198.18.0.1','remote':"
				"'198.18.0.2'},{'name':'u','encap':'vxlan','local':'198.18.0.1',"
				"'remote':'198.18.0.3'}") "," PUT("member",
		"{'slice':'blue','tunnel':'t'},{'slice':'red','tunnel':'t'}") "," PUT("address",
		"{'attachment':'a','prefix':'10.0.0.1/24'},{'attachment':'a','prefix':'2001:"
		"db8::1/64'}") "," PUT("neighbor", "{'attachment':'a','address':'10.0.0.9','mac':'"
						   "02:00:00:00:00:09'}") "," PUT("route",
		"{'table':'blue','prefix':'192.168.0.0/16','via':[{'attachment':'a',"
		"'address':'10.0.0.2'},{'tunnel':'t','weight':3}]}"))));
}

/* Every object there is, as text: free() it. */
static inline char *everything(void)
{
	static const char *const types[] = {"port", "address", "neighbor", "route", "slice",
		"attachment", "tunnel", "member", "mac"};
	json_t *all = json_object();
	char *text;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		json_object_set_new(all, types[i], ask(CALL("list", "{'type':'%s'}"), types[i]));
	text = json_dumps(all, JSON_SORT_KEYS);
	json_decref(all);
	return text;
}

struct refusal {
	const char *request, *code, *where, *what;
};

/* It is refused like that, and nothing has changed. */
static inline void expect_refusal(const struct refusal *refusal)
{
	char *before = everything(), *after;
	struct fakes seen = fakes;
	json_t *answer = ask("%s", refusal->request);

	EXPECT(json_incref(answer), "error.code", refusal->code);
	EXPECT(answer, refusal->where, refusal->what);
	ck_assert_mem_eq(&seen, &fakes, sizeof(fakes));
	after = everything();
	ck_assert_str_eq(before, after);
	free(before);
	free(after);
}

/* Everything can be taken down, and then nothing is held. */
static inline void take_down(void)
{
	OK(ask(TX(DELETE("route", "'blue 192.168.0.0/16'") "," DELETE(
		"neighbor", "'a 10.0.0.9'") "," DELETE("address",
		"'a 10.0.0.1/24','a 2001:db8::1/64'") "," DELETE("member",
		"'blue t','red t'") "," DELETE("attachment", "'a','b','r','f'") "," DELETE("tunnel",
		"'t','u'") "," DELETE("slice", "'blue','red','flat'") "," DELETE("port",
		"'p0','p1'"))));
	ck_assert_int_eq(fakes.gateways_set + fakes.gateways_reserved, 0);
	ck_assert_int_eq(fakes.hosts_reserved + fakes.fib_reserved, 0);
	ck_assert_int_eq(fakes.nexthops_used, 0);
	ck_assert_int_eq(fakes.slices_held + fakes.attachments_held + fakes.tunnels_held, 0);
}

#endif
