/* SPDX-License-Identifier: BSD-3-Clause */
/* One intent by itself: what is taken, what is refused and how the refusal reads. */
#include <stdlib.h>
#include <string.h>

#include "../suite.h"
#include "intent_private.h"
#include "sets.h"

static union intent_object *obj;
static json_t *spec;

static int parse(const char *kind, const char *text)
{
	json_t *json = doc("%s", text);
	int rc;

	memset(&err, 0, sizeof(err));
	rc = intent_parse(intent_type_of_kind(kind), json, &obj, &spec, &err);
	json_decref(json);
	return rc;
}

static void forget(void)
{
	free(obj);
	json_decref(spec);
}

#define SESSION                                                                                    \
	"'slice':'internet','ue':{'ipv4':'10.45.0.2','framed':['10.9.0.1/24']},"                   \
	"'pdrs':[{'id':1,'precedence':100,'source':'access','gtpu':'n3','filters':["               \
	"'permit out ip from any to assigned'],'far':1,'qers':[1]},"                               \
	"{'id':2,'precedence':100,'source':'core','far':2}],"                                      \
	"'fars':[{'id':1,'action':'forward'},{'id':2,'action':'forward','destination':'access',"   \
	"'outer_header':{'teid':7,'peer':'198.18.3.2'}}],'qers':[{'id':1}],'bar':{'id':3}"

/* Everything that may be said of each type. */
static const struct {
	const char *kind, *text;
} full[] = {
	{"site", "{'name':'gj','description':'Gwangju','ports':[{'name':'p1','device':'net_null0',"
		 "'mtu':9000,'mac':'02:00:00:00:00:01','queues':1,'mbufs':4096,'tap':false,"
		 "'addresses':['198.18.0.1/24','2001:db8::1/64'],"
		 "'neighbors':[{'address':'198.18.0.2','mac':'02:00:00:00:00:02'}],"
		 "'routes':[{'prefix':'198.19.0.0/16','via':'198.18.0.2'}]},"
		 "{'name':'p2','addresses':['a00:1::5/64','10.0.0.1/24']}],"
		 "'gtpu':[{'name':'n3','address':'198.18.0.1','interface':'access'}]}"},
	{"wan", "{'name':'gj-kt','site':'gj','provider':'KT','capacity_bps':1000000,'shape':true,"
		"'preference':7,'device':'net_null1','addresses':['198.18.1.1/24'],"
		"'routes':[{'prefix':'0.0.0.0/0','via':'198.18.1.254'}]}"},
	{"slice", "{'name':'blue','tenant':'t','description':'air','service':'l3','vni':77,"
		  "'encap':'geneve','mtu':1400,'weight':5,"
		  "'bandwidth':{'committed_bps':1000000,'peak_bps':2000000},'endpoints':["
		  "{'site':'gj','port':'p1','vlan':10,'wan':'gj-kt','gateway':'10.1.0.1/24',"
		  "'gateway6':'2001:db8:1::1/64',"
		  "'routes':[{'prefix':'10.8.0.0/16','via':'10.1.0.2'}]},"
		  "{'site':'bs','port':'p1','gateway':'10.2.0.1/24'}]}"},
	{"slice", "{'name':'red','service':'l3','kernel':{'netns':'red'},'endpoints':[{'site':'gj',"
		  "'port':'p1','tap':'red0'}]}"},
	{"slice", "{'name':'flat','kernel':{'bridge':'br100'},'endpoints':[{'site':'gj',"
		  "'port':'p1','vlan':4,'tap':'flat0'}]}"},
	{"slice", "{'name':'v','service':'l3','kernel':{'vrf':'blue'}}"},
	{"slice", "{'name':'t','service':'l3','kernel':{'table':4294967295}}"},
	{"host", "{'name':'cam','tenant':'t','site':'gj','port':'p1','vlan':10,"
		 "'mac':'02:00:00:00:00:aa','address':'10.1.0.9','address6':'2001:db8:1::9'}"},
	{"virtual-dedicated-network",
		"{'name':'vdn','tenant':'t','description':'d','hosts':['a','b'],'vni':78,"
		"'bandwidth':{'committed_bps':1000},'exclusive':true,"
		"'placements':[{'site':'bs','wan':'bs-kt'},{'site':'gj','wan':'gj-kt'}]}"},
	{"local-data-network",
		"{'name':'edge','tenant':'t','site':'gj','dnn':'internet','from':'ran',"
		"'slice':'blue','prefixes':['10.1.0.0/24','2001:db8:1::/64']}"},
	{"session", "{'name':'ue1','site':'gj','tenant':'t','dnn':'internet'," SESSION "}"},
};
#define FULL (sizeof(full) / sizeof(full[0]))

START_TEST(intent_comes_back_from_its_own_spec)
{
	json_t *again;
	char *text, *twice;

	ck_assert_msg(!parse(full[_i].kind, full[_i].text), "%s: %s", err.path, err.message);
	text = json_dumps(spec, JSON_COMPACT);
	again = spec;
	free(obj);
	ck_assert_msg(!intent_parse(intent_type_of_kind(full[_i].kind), again, &obj, &spec, &err),
		"%s: %s", err.path, err.message);
	twice = json_dumps(spec, JSON_COMPACT);
	ck_assert_str_eq(text, twice);
	json_decref(again);
	json_decref(spec);
	spec = json_loads(text, 0, NULL);
	free(twice);
	twice = json_dumps(spec, JSON_COMPACT | JSON_SORT_KEYS);
	ck_assert_str_eq(text, twice);
	free(text);
	free(twice);
	forget();
}
END_TEST

/* Every field that was given is in the spec, with its value where that has one form. */
START_TEST(intent_spec_holds_what_was_given)
{
	json_t *given = doc("%s", full[_i].text), *value;
	const char *key;

	ck_assert(!parse(full[_i].kind, full[_i].text));
	json_object_foreach (given, key, value) {
		ck_assert_msg(json_object_get(spec, key) != NULL, "%s is lost", key);
		if (!json_is_array(value) && !json_is_object(value))
			ck_assert_msg(json_equal(json_object_get(spec, key), value), "%s", key);
	}
	json_decref(given);
	forget();
}
END_TEST

/* What is refused, at which field, and what was wanted (NULL: not looked at). */
#define EP		 "'site':'gj','port':'p1'"
#define SLICE3(endpoint) "{'name':'b','service':'l3','endpoints':[{" EP "," endpoint "}]}"
#define PORT(fields)	 "{'name':'gj','ports':[{'name':'p1'," fields "}]}"
#define HOST(fields)	 "{'name':'h'," EP ",'mac':" fields "}"
static const char station[] = "an address of one station";
static const struct {
	const char *kind, *text, *path, *want;
} refused[] = {
	{"slice", "{'name':'a/b'}", "name", "a name: 1 to 30 of letters, digits and . _ - @"},
	{"slice", "{'name':'a:b'}", "name", NULL},
	{"slice", "{'name':'..'}", "name", NULL},
	/* what cannot be a name of anything is told the same limits */
	{"slice", "{'name':'a b'}", "name", "a name: 1 to 30 of letters, digits and . _ - @"},
	{"wan", "{'name':''}", "name", "a name: 1 to 30 of letters, digits and . _ - @"},
	{"session", "{'name':'a b'}", "name", "a name: 1 to 30 of letters, digits and . _ - @"},
	{"slice", "{'name':''}", "name", NULL},
	{"slice", "{}", "name", NULL},
	{"slice", "[]", "", "an object"},
	{"slice", "{'name':'abcdefghijabcdefghijabcdefghijx'}", "name", NULL},
	{"slice", "{'name':'underlay'}", "name", NULL},
	{"virtual-dedicated-network", "{'name':'underlay'}", "name", NULL},
	{"slice", "{'name':'b','tenant':'a:b'}", "tenant", NULL},
	{"slice", "{'name':'b','vnii':1}", "vnii", NULL},
	{"slice", "{'name':'b','vni':16777216}", "vni", "integer 1 to 16777215"},
	{"slice", "{'name':'b','service':'l4'}", "service", "\"l2\" or \"l3\""},
	{"slice", "{'name':'b','endpoints':[{'site':'gj','port':'p1','vlan':4095}]}",
		"endpoints[0].vlan", NULL},
	{"slice", "{'name':'b','endpoints':[{'site':'gj','port':'abcdefghijabcdefghijabcde'}]}",
		"endpoints[0].port", "a name: 1 to 24 of letters, digits and . _ - @"},
	{"slice", "{'name':'b','kernel':{'netns':'x'}}", "kernel",
		"bridge alone, the slice being l2"},
	{"slice", "{'name':'b','kernel':{}}", "kernel", NULL},
	{"slice", "{'name':'b','service':'l3','kernel':{}}", "kernel",
		"one of netns, vrf and table, the slice being l3"},
	{"slice", "{'name':'b','service':'l3','kernel':{'vrf':'x','table':5}}", "kernel", NULL},
	{"slice", "{'name':'b','service':'l3','kernel':{'bridge':'x'}}", "kernel", NULL},
	{"slice", "{'name':'b','service':'l3','kernel':{'table':0}}", "kernel.table", NULL},
	{"slice", "{'name':'b','service':'l3','kernel':{'vrf':'abcdefghijklmnop'}}", "kernel.vrf",
		"a name: 1 to 15 of letters, digits and . _ - @"},
	{"slice", "{'name':'b','service':'l3','kernel':{'netns':'..'}}", "kernel.netns", NULL},
	{"slice", "{'name':'b','endpoints':[{" EP ",'tap':'x'}]}", "endpoints[0].tap",
		"nothing, the slice having no kernel part"},
	{"slice",
		"{'name':'b','kernel':{'bridge':'x'},'endpoints':[{" EP
		",'tap':'abcdefghijklmnop'}]}",
		"endpoints[0].tap", NULL},
	{"slice", "{'name':'b','endpoints':[{" EP "},{" EP ",'vlan':3},{" EP "}]}", "endpoints[2]",
		"each site, port and VLAN once"},
	{"slice", "{'name':'b','endpoints':[{" EP ",'gateway':'10.0.0.1/24'}]}",
		"endpoints[0].gateway", "only where service is l3"},
	{"slice", "{'name':'b','endpoints':[{" EP ",'gateway6':'2001:db8::1/64'}]}",
		"endpoints[0].gateway6", NULL},
	{"slice", SLICE3("'vlan':5"), "endpoints[0].gateway", NULL},
	{"slice", SLICE3("'gateway':'10.0.0.0/24'"), "endpoints[0].gateway", NULL},
	{"slice", SLICE3("'gateway':'10.0.0.255/24'"), "endpoints[0].gateway", NULL},
	{"slice", SLICE3("'gateway':'10.0.0.1'"), "endpoints[0].gateway", NULL},
	{"slice", SLICE3("'gateway':'2001:db8::1/64'"), "endpoints[0].gateway", NULL},
	{"slice", SLICE3("'gateway':'224.0.0.1/24'"), "endpoints[0].gateway", station},
	{"slice", SLICE3("'gateway6':'ff02::1/64'"), "endpoints[0].gateway6", station},
	{"slice", SLICE3("'gateway6':'2001:db8::/64'"), "endpoints[0].gateway6", NULL},
	{"slice",
		SLICE3("'gateway':'10.0.0.1/24','routes':[{'prefix':'10.9.0.0/16',"
		       "'via':'10.0.1.2'}]"),
		"endpoints[0].routes[0].via", NULL},
	{"slice",
		SLICE3("'gateway':'10.0.0.1/24','routes':[{'prefix':'10.9.0.0/16',"
		       "'via':'10.0.0.1'}]"),
		"endpoints[0].routes[0].via", NULL},
	{"slice",
		SLICE3("'gateway':'10.0.0.1/24','routes':[{'prefix':'2001:db8::/64',"
		       "'via':'10.0.0.2'}]"),
		"endpoints[0].routes[0].via", NULL},
	{"slice",
		"{'name':'b','service':'l3','endpoints':[{" EP ",'gateway':'10.0.0.1/16'},"
		"{'site':'bs','port':'p1','gateway':'10.0.9.1/24'}]}",
		"endpoints[1].gateway", "a network of its own: endpoints[0] has 10.0.0.0/16"},
	{"slice",
		"{'name':'b','service':'l3','endpoints':[{" EP ",'gateway':'10.0.9.1/24'},"
		"{'site':'bs','port':'p1','gateway':'10.0.0.1/16'}]}",
		"endpoints[1].gateway", NULL},
	{"slice",
		"{'name':'b','service':'l3','endpoints':[{" EP ",'gateway':'10.0.0.1/24',"
		"'routes':[{'prefix':'10.9.0.0/16','via':'10.0.0.2'}]},"
		"{'site':'bs','port':'p1','gateway':'10.1.0.1/24',"
		"'routes':[{'prefix':'10.9.7.7/16','via':'10.1.0.2'}]}]}",
		"endpoints[1].routes", NULL},
	{"slice", "{'name':'b','bandwidth':{'committed_bps':2000,'peak_bps':1000}}",
		"bandwidth.peak_bps", "at least committed_bps, 2000"},
	{"slice", "{'name':'b','bandwidth':{}}", "bandwidth.peak_bps", NULL},
	{"slice", "{'name':'b','bandwidth':{'committed_bps':5}}", "bandwidth.committed_bps", NULL},
	{"slice", "{'name':'b','bandwidth':{'committed_bps':-5}}", "bandwidth.committed_bps", NULL},
	{"virtual-dedicated-network", "{'name':'b','bandwidth':{'committed_bps':5}}",
		"bandwidth.committed_bps", NULL},
	{"virtual-dedicated-network", "{'name':'b','hosts':['a','b','a']}", "hosts[2]",
		"each host once"},
	{"virtual-dedicated-network",
		"{'name':'b','placements':[{'site':'a','wan':'x'},{'site':'a','wan':'y'}]}",
		"placements[1].site", "each site once"},
	{"site", "{'name':'gj','ports':[{'name':'p1'},{'name':'p2'},{'name':'p1'}]}",
		"ports[2].name", "each name once"},
	{"site", "{'name':'gj','ports':[{'name':'p1.10'}]}", "ports[0].name", NULL},
	{"site", "{'name':'gj','ports':[{'name':'p:1'}]}", "ports[0].name", NULL},
	{"site", PORT("'tap':true"), "ports[0].tap", "only together with device"},
	{"site", PORT("'queues':2"), "ports[0].queues", "only together with device"},
	{"site", PORT("'mbufs':4096"), "ports[0].mbufs", "only together with device"},
	{"site", PORT("'mac':'01:00:00:00:00:01'"), "ports[0].mac", NULL},
	{"site", PORT("'mtu':99"), "ports[0].mtu", NULL},
	{"site", PORT("'addresses':['10.0.0.1/24','10.0.0.1/16']"), "ports[0].addresses[1]",
		"each address once"},
	{"site", PORT("'addresses':['10.0.0.255/24']"), "ports[0].addresses[0]", NULL},
	{"site", PORT("'addresses':['127.0.0.1/8']"), "ports[0].addresses[0]", station},
	{"site", PORT("'addresses':['0.0.0.1/8']"), "ports[0].addresses[0]", station},
	{"site", PORT("'addresses':['::1/64']"), "ports[0].addresses[0]", station},
	{"site", PORT("'neighbors':[{'address':'10.0.0.2','mac':'00:00:00:00:00:00'}]"),
		"ports[0].neighbors[0].mac", NULL},
	{"site", PORT("'neighbors':[{'address':'10.0.0.2','mac':'03:00:00:00:00:00'}]"),
		"ports[0].neighbors[0].mac", NULL},
	{"site", PORT("'neighbors':[{'address':'255.255.255.255','mac':'02:00:00:00:00:00'}]"),
		"ports[0].neighbors[0].address", station},
	{"site",
		PORT("'neighbors':[{'address':'10.0.0.2','mac':'02:00:00:00:00:00'},"
		     "{'address':'10.0.0.2','mac':'02:00:00:00:00:01'}]"),
		"ports[0].neighbors[1].address", "each address once"},
	{"site", PORT("'routes':[{'prefix':'10.9.0.0/16','via':'10.0.0.2'}]"),
		"ports[0].routes[0].via", NULL},
	{"site",
		PORT("'addresses':['10.0.0.1/24'],'routes':[{'prefix':'10.9.0.0/16',"
		     "'via':'10.0.0.2'},{'prefix':'10.9.1.0/16','via':'10.0.0.3'}]"),
		"ports[0].routes[1].prefix", "each prefix once"},
	{"site",
		"{'name':'gj','gtpu':[{'name':'a','address':'10.0.0.1','interface':'access'},"
		"{'name':'a','address':'10.0.0.2','interface':'core'}]}",
		"gtpu[1].name", "each name once"},
	{"site",
		"{'name':'gj','gtpu':[{'name':'a','address':'10.0.0.1','interface':'access'},"
		"{'name':'b','address':'10.0.0.1','interface':'core'}]}",
		"gtpu[1].address", "each address once"},
	{"site", "{'name':'gj','gtpu':[{'name':'a','address':'0.0.0.0','interface':'core'}]}",
		"gtpu[0].address", station},
	{"wan", "{'name':'w','site':'gj','shape':true}", "capacity_bps", NULL},
	{"wan", "{'name':'w'}", "site", NULL},
	{"wan", "{'name':'w.7','site':'gj'}", "name", NULL},
	{"wan", "{'name':'w','site':'gj','addresses':['10.0.0.0/24']}", "addresses[0]", NULL},
	{"host", HOST("'00:00:00:00:00:00'"), "mac", NULL},
	{"host", HOST("'ff:ff:ff:ff:ff:ff'"), "mac", NULL},
	{"host", HOST("'02:00:00:00:00:01','address':'224.0.0.5'"), "address", station},
	{"host", HOST("'02:00:00:00:00:01','address':'2001:db8::5'"), "address", NULL},
	{"host", HOST("'02:00:00:00:00:01','address6':'::'"), "address6", station},
	{"local-data-network", "{'name':'e','slice':'b'}", "prefixes", NULL},
	{"local-data-network", "{'name':'e','slice':'b','prefixes':[]}", "prefixes", NULL},
	{"local-data-network", "{'name':'e','slice':'b','prefixes':['10.0.0.1/8','10.0.0.2/8']}",
		"prefixes[1]", "each prefix once"},
	{"session", "{'name':'u','slice':'s','pdrs':[],'fars':[]}", "pdrs", NULL},
	{"session", "{'name':'u:1','site':'gj'," SESSION "}", "name", NULL},
	{"session", "{'name':'u'," SESSION "}", "site", NULL},
};

START_TEST(intent_refuses_and_names_the_field)
{
	ck_assert_msg(
		parse(refused[_i].kind, refused[_i].text) != 0, "taken: %s", refused[_i].text);
	ck_assert_int_eq(err.code, RPC_ERR_PARAMS);
	ck_assert_msg(!strcmp(err.path, refused[_i].path), "%s: %s, not %s", refused[_i].text,
		err.path, refused[_i].path);
	if (refused[_i].want)
		ck_assert_str_eq(err.want, refused[_i].want);
	ck_assert(err.message[0]);
}
END_TEST

START_TEST(intent_fills_in_defaults)
{
	ck_assert(!parse("slice", "{'name':'b','bandwidth':{'committed_bps':5000},'kind':'slice',"
				  "'status':{'state':'applied'},'meta':{'revision':3}}"));
	/* not written out: it follows when committed_bps is changed alone */
	ck_assert_ptr_null(json_object_get(json_object_get(spec, "bandwidth"), "peak_bps"));
	ck_assert_uint_eq(obj->slice.weight, 1);
	ck_assert_str_eq(json_string_value(json_object_get(spec, "service")), "l2");
	ck_assert_ptr_null(json_object_get(spec, "status"));
	ck_assert_ptr_null(json_object_get(spec, "vni"));
	forget();
}
END_TEST

START_TEST(intent_has_a_tap_by_default_where_there_are_device_and_addresses)
{
	ck_assert(!parse("site", "{'name':'gj','ports':[{'name':'a','device':'x','addresses':"
				 "['10.0.0.1/24']},{'name':'b','device':'x'},{'name':'c',"
				 "'addresses':['10.0.0.1/24']},{'name':'d','device':'x','tap':"
				 "false,'addresses':['10.0.0.1/24']}]}"));
	ck_assert(obj->site.ports.item[0].tap);
	ck_assert(!obj->site.ports.item[1].tap);
	ck_assert(!obj->site.ports.item[2].tap);
	ck_assert(!obj->site.ports.item[3].tap);
	forget();
	ck_assert(
		!parse("wan", "{'name':'w','site':'gj','device':'x','addresses':['10.0.0.1/24']}"));
	ck_assert(obj->wan.port.tap);
	forget();
}
END_TEST

START_TEST(intent_masks_prefixes_of_routes_not_of_addresses)
{
	ck_assert(!parse("site", PORT("'addresses':['10.0.0.7/24'],'routes':[{'prefix':"
				      "'10.9.8.7/13','via':'10.0.0.2'}]")));
	char *text = json_dumps(spec, JSON_COMPACT);

	ck_assert_ptr_nonnull(strstr(text, "10.0.0.7/24"));
	ck_assert_ptr_nonnull(strstr(text, "10.8.0.0/13"));
	free(text);
	forget();
}
END_TEST

START_TEST(intent_kinds_and_paths_lead_to_their_type)
{
	for (int type = 0; type < INTENT_TYPES; type++) {
		ck_assert_int_eq(intent_type_of_kind(intent_kind(type)), type);
		ck_assert_int_eq(intent_type_of_path(intent_path(type)), type);
	}
	ck_assert_int_eq(intent_type_of_path("slice"), -1);
	ck_assert_int_eq(intent_type_of_kind("slices"), -1);
	ck_assert_str_eq(intent_path(INTENT_NETWORK), "virtual-dedicated-networks");
}
END_TEST

/* RFC 3021, RFC 6164: of two addresses both are stations', and one is a station's. */
START_TEST(intent_addresses_are_a_stations)
{
	static const struct {
		const char *address;
		bool is_none;
	} at[] = {{"10.0.0.0/29", true}, {"10.0.0.1/29", false}, {"10.0.0.7/29", true},
		{"10.0.0.4/30", true}, {"10.0.0.5/30", false}, {"10.0.0.6/30", false},
		{"10.0.0.7/30", true}, {"10.0.0.6/31", false}, {"10.0.0.7/31", false},
		{"10.0.0.0/32", false}, {"10.0.0.255/32", false}, {"10.255.255.255/8", true},
		{"2001:db8::/64", true}, {"2001:db8::8/125", true}, {"2001:db8::f/125", false},
		{"2001:db8::4/126", true}, {"2001:db8::7/126", false}, {"2001:db8::6/127", false},
		{"2001:db8::7/127", false}, {"2001:db8::/128", false}};

	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		struct api_ip ip;

		ck_assert_int_eq(api_ip_parse(at[i].address, true, &ip), 0);
		ck_assert_msg(
			ip_is_network_or_broadcast(&ip) == at[i].is_none, "%s", at[i].address);
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("intent");
	TCase *t = tcase_create("parse");

	tcase_add_checked_fixture(t, empty_setup, teardown);
	tcase_add_loop_test(t, intent_comes_back_from_its_own_spec, 0, FULL);
	tcase_add_loop_test(t, intent_spec_holds_what_was_given, 0, FULL);
	tcase_add_loop_test(
		t, intent_refuses_and_names_the_field, 0, sizeof(refused) / sizeof(refused[0]));
	tcase_add_test(t, intent_fills_in_defaults);
	tcase_add_test(t, intent_has_a_tap_by_default_where_there_are_device_and_addresses);
	tcase_add_test(t, intent_masks_prefixes_of_routes_not_of_addresses);
	tcase_add_test(t, intent_addresses_are_a_stations);
	tcase_add_test(t, intent_kinds_and_paths_lead_to_their_type);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return suite_main(suite());
}
