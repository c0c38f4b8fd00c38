/* SPDX-License-Identifier: BSD-3-Clause */
/* What tenants get of what they ask for: what their grant says and nothing else. */
#include <stdlib.h>
#include <string.h>

#include "../suite.h"
#include "sets.h"
#include "teid.h"

#define RATE(committed)	     "'bandwidth':{'committed_bps':" committed "}"
#define AT(site, port, vlan) "{'site':'" site "','port':'" port "','vlan':" vlan "}"
#define SLICE(name, more)    "{'name':'" name "','tenant':'t'," more "}"
#define ONE(name, more)	     SLICE(name, RATE("1000000") ",'endpoints':[" AT("gj", "p1", "10") "]," more)
#define FAR(teid, peer, more)                                                                      \
	"{'id':2,'action':'forward','destination':'access','outer_header':{'teid':" teid           \
	",'peer':'" peer "'" more "}}"
#define TO_CORE(field, peer)                                                                       \
	"{'id':2,'action':'forward','destination':'core','" field "':{'teid':500," peer "}}"
#define UE(ue, teid, far) UE_OF("u", "gj", ue, teid, far)
#define UE_OF(name, site, ue, teid, far)                                                           \
	"{'name':'" name "','tenant':'t','site':'" site "','slice':'net','ue':{" ue "},"           \
	"'pdrs':[{'id':1,'precedence':1,'source':'access','gtpu':'n3'," teid "'far':1},"           \
	"{'id':2,'precedence':1,'source':'core','far':2}],"                                        \
	"'fars':[{'id':1,'action':'forward'}," far "]}"
#define GOOD_UE	 "'ipv4':'10.45.0.1'"
#define GOOD_FAR FAR("500", "198.18.2.2", "")

static const char grant[] =
	"{'name':'t','slices':3,'hosts':1,'local_data_networks':1,'sessions':2,"
	"'committed_bps':20000000,'peak_bps':40000000,'weight':3,"
	"'vnis':[{'first':100,'last':101},{'first':200}],"
	"'places':[{'site':'gj','port':'p1','vlans':[{'first':10,'last':19},{'first':30}]},"
	"{'site':'bs','port':'p1','vlans':[{'first':10,'last':19}]},"
	"{'site':'gj','port':'p2','untagged':true},{'site':'gj','port':'x1','untagged':true},"
	"{'site':'gj','port':'a1','untagged':true},"
	"{'site':'gj','port':'w1','untagged':true,'vlans':[{'first':7}]}],"
	"'wans':[{'site':'gj','wan':'gj-lg','committed_bps':10000000,'peak_bps':12000000},"
	"{'site':'bs','wan':'bs-kt'}],"
	"'gtpu':[{'site':'gj','gtpu':'n3','first_teid':100,'last_teid':199,"
	"'peers':[{'prefix':'198.18.2.0/24','first_teid':500,'last_teid':599}]},"
	"{'site':'gj','gtpu':'n7','peers':[{'prefix':'2001:db8::/32'}]}],"
	"'ue_pools':['10.45.0.0/16','10.60.0.0/16','2001:db8:45::/48']}";

#define GJ(ports)                                                                                  \
	"{'name':'gj','ports':[{'name':'p1'},{'name':'p2'},{'name':'p3'}," ports                   \
	"],'gtpu':[{'name':'n3','address':'198.18.3.1','interface':'access'},"                     \
	"{'name':'n9','address':'198.18.4.1','interface':'core'},"                                 \
	"{'name':'n6','address':'2001:db8:3::1','interface':'access'},"                            \
	"{'name':'n7','address':'2001:db8:3::2','interface':'access'}]}"

static void grant_setup(void)
{
	sites_setup();
	ck_fine(put("site", GJ("{'name':'x1'},{'name':'a1'},{'name':'w1'}")));
	ck_fine(put("site", "{'name':'bs','ports':[{'name':'p1'},{'name':'p2'},{'name':'p3'}],"
			    "'gtpu':[{'name':'n3','address':'198.18.5.1','interface':'access'}]}"));
	ck_fine(put("tenant", "%s", grant));
	/* whose untagged frames become the host's when it has them already */
	begin();
	ck_fine(put("site", GJ("{'name':'x1','device':'net_af_xdp0,iface=eth9'},"
			       "{'name':'a1','addresses':['192.0.2.1/24']}")));
	ck_fine(put("wan", "{'name':'w1','site':'gj','addresses':['198.18.8.1/24'],"
			   "'preference':200}"));
	ck_fine(finish());
	ck_fine(put("slice", "{'name':'net','service':'l3','tenant':'t','vni':999}"));
}

/* As a tenant's token does it. */
static int ask(const char *kind, const char *text)
{
	int code;

	begin();
	world_limit(world);
	code = put(kind, "%s", text);
	return code ? code : finish();
}

static const struct {
	const char *kind, *text;
} within[] = {
	{"slice", ONE("a", "'weight':3")},
	{"slice", ONE("a", "'vni':101")},
	{"slice", ONE("a", "'vni':200")},
	{"slice", SLICE("a", RATE("20000000") ",'endpoints':[" AT("gj", "p1", "30") "]")},
	{"slice", SLICE("a", RATE("10000000") ",'endpoints':[" AT("gj", "p1", "19") "," AT(
				     "bs", "p1", "10") "]")},
	{"slice", SLICE("a", "'bandwidth':{'peak_bps':40000000},'endpoints':[{'site':'gj','port':'"
			     "p2'}]")},
	{"slice", SLICE("a", RATE("1000000") ",'endpoints':[" AT("gj", "w1", "7") "]")},
	{"slice", "{'name':'a','tenant':'t'}"},
	{"host", "{'name':'h','tenant':'t','site':'gj','port':'p1','vlan':10,'mac':"
		 "'02:00:00:00:00:01'}"},
	{"virtual-dedicated-network", "{'name':'v','tenant':'t','vni':100}"},
	{"local-data-network",
		"{'name':'l','tenant':'t','slice':'net','prefixes':['10.9.0.0/16']}"},
	{"session", UE(GOOD_UE, "", GOOD_FAR)},
	{"session", UE(GOOD_UE, "'teid':199,", FAR("599", "198.18.2.255", ",'gtpu':'n3'"))},
	{"session", "{'name':'u','tenant':'t','site':'gj','slice':'net','ue':{" GOOD_UE "},'pdrs':["
		    "{'id':1,'precedence':1,'source':'access','gtpu':'n7','far':1},"
		    "{'id':2,'precedence':1,'source':'core','far':2}],"
		    "'fars':[{'id':1,'action':'forward'}," FAR("500", "2001:db8::2", "") "]}"},
	{"session", UE("'ipv6':'2001:db8:45:1::/64','framed':['10.45.8.0/24']", "", GOOD_FAR)},
};

START_TEST(grant_gives_what_is_in_it)
{
	ck_fine(ask(within[_i].kind, within[_i].text));
}
END_TEST

/* what is beyond, the field of the request, and that of the grant */
static const struct {
	const char *kind, *text, *path, *says;
} beyond[] = {
	{"slice", ONE("a", "'weight':4"), "[0].weight", "(weight) does not have weight 4"},
	{"slice", ONE("a", "'vni':102"), "[0].vni", "(vnis) does not have VNI 102"},
	{"slice", ONE("a", "'vni':201"), "[0].vni", "(vnis) does not have VNI 201"},
	{"slice", ONE("a", "'encap':'geneve'"), "[0].encap", "(encaps) does not have encap geneve"},
	{"slice", SLICE("a", RATE("20000001") ",'endpoints':[" AT("gj", "p1", "30") "]"),
		"[0].bandwidth.committed_bps",
		"has committed_bps 20000000, and this makes it 20000001"},
	{"slice",
		SLICE("a", "'bandwidth':{'peak_bps':40000001},'endpoints':[{'site':'gj','port':'p2'"
			   "}]"),
		"[0].bandwidth.peak_bps", "has peak_bps 40000000, and this makes it 40000001"},
	{"slice",
		SLICE("a", RATE("10000001") ",'endpoints':[" AT("gj", "p1", "19") "," AT(
				   "bs", "p1", "10") "]"),
		"[0].bandwidth.committed_bps", "committed_bps 10000000 over wan gj-lg"},
	{"slice",
		SLICE("a", "'bandwidth':{'committed_bps':9000000,'peak_bps':12000001},'endpoints':"
			   "[" AT("gj", "p1", "19") "," AT("bs", "p1", "10") "]"),
		"[0].bandwidth.peak_bps", "peak_bps 12000000 over wan gj-lg"},
	{"slice", SLICE("a", "'endpoints':[" AT("gj", "p1", "10") "]"), "[0].bandwidth",
		"(unmetered) does not have slices without bandwidth"},
	{"slice",
		SLICE("a", RATE("1000000") ",'endpoints':[" AT("gj", "p1", "10") "," AT(
				   "gj", "p1", "20") "]"),
		"[0].endpoints[1]", "(places) does not have VLAN 20 of port p1 of site gj"},
	{"slice", SLICE("a", RATE("1000000") ",'endpoints':[" AT("gj", "p3", "10") "]"),
		"[0].endpoints[0]", "(places) does not have VLAN 10 of port p3 of site gj"},
	{"slice", SLICE("a", RATE("1000000") ",'endpoints':[" AT("se", "p1", "10") "]"),
		"[0].endpoints[0]", "(places) does not have VLAN 10 of port p1 of site se"},
	{"slice", SLICE("a", RATE("1000000") ",'endpoints':[{'site':'gj','port':'p1'}]"),
		"[0].endpoints[0]", "port p1 of site gj without VLAN"},
	{"slice", SLICE("a", RATE("1000000") ",'endpoints':[" AT("gj", "p2", "10") "]"),
		"[0].endpoints[0]", "(places) does not have VLAN 10 of port p2"},
	{"slice", SLICE("a", RATE("1000000") ",'endpoints':[{'site':'gj','port':'w1'}]"),
		"[0].endpoints[0]", "without VLAN, the host's own"},
	{"slice", SLICE("a", RATE("1000000") ",'endpoints':[{'site':'gj','port':'x1'}]"),
		"[0].endpoints[0]", "without VLAN, the host's own"},
	{"slice", SLICE("a", RATE("1000000") ",'endpoints':[{'site':'gj','port':'a1'}]"),
		"[0].endpoints[0]", "without VLAN, the host's own"},
	{"slice",
		SLICE("a", RATE("1000000") ",'endpoints':[{'site':'gj','port':'p1','vlan':10,'wan':"
					   "'gj-kt'}," AT("bs", "p1", "10") "]"),
		"[0].endpoints[0].wan", "(wans) does not have wan gj-kt of site gj"},
	{"host",
		"{'name':'h','tenant':'t','site':'gj','port':'p3','vlan':10,'mac':"
		"'02:00:00:00:00:01'}",
		"[0].port", "(places) does not have VLAN 10 of port p3"},
	{"virtual-dedicated-network", "{'name':'v','tenant':'t','vni':99}", "[0].vni",
		"(vnis) does not have VNI 99"},
	{"session", UE("'ipv4':'10.46.0.1'", "", GOOD_FAR), "[0].ue.ipv4",
		"(ue_pools) does not have 10.46.0.1 for UEs"},
	{"session", UE("'ipv6':'2001:db8:46::/64'", "", GOOD_FAR), "[0].ue.ipv6",
		"(ue_pools) does not have 2001:db8:46::/64 for UEs"},
	{"session", UE(GOOD_UE ",'framed':['10.45.1.0/24','10.44.0.0/15']", "", GOOD_FAR),
		"[0].ue.framed[1]", "(ue_pools) does not have 10.44.0.0/15 for UEs"},
	{"session", UE(GOOD_UE ",'framed':['10.60.0.0/15']", "", GOOD_FAR), "[0].ue.framed[0]",
		"(ue_pools) does not have 10.60.0.0/15 for UEs"},
	{"session", UE_OF("u", "bs", GOOD_UE, "", GOOD_FAR), "[0].pdrs[0].gtpu",
		"(gtpu) does not have GTP-U address n3 of site bs"},
	{"session", UE(GOOD_UE, "'teid':200,", GOOD_FAR), "[0].pdrs[0].gtpu",
		"(gtpu) does not have TEID 200 of GTP-U address n3 of site gj"},
	{"session", UE(GOOD_UE, "", FAR("600", "198.18.2.2", "")), "[0].fars[1].outer_header",
		"(gtpu.peers) does not have GTP-U peer 198.18.2.2 with TEID 600"},
	{"session", UE(GOOD_UE, "", FAR("500", "198.18.3.2", "")), "[0].fars[1].outer_header",
		"(gtpu.peers) does not have GTP-U peer 198.18.3.2 with TEID 500"},
	{"session", UE(GOOD_UE, "", FAR("500", "198.18.2.2", ",'gtpu':'n9'")),
		"[0].fars[1].outer_header", "(gtpu.peers) does not have GTP-U peer 198.18.2.2"},
	/* left out, it is the one that is taken then: of the side it is sent to */
	{"session", UE(GOOD_UE, "", TO_CORE("outer_header", "'peer':'198.18.2.2'")),
		"[0].fars[1].outer_header", "198.18.2.2 with TEID 500 from n9 of site gj"},
	{"session", UE(GOOD_UE, "", TO_CORE("duplicate_to", "'peer':'198.18.2.2'")),
		"[0].fars[1].duplicate_to", "198.18.2.2 with TEID 500 from n9 of site gj"},
	{"session", UE(GOOD_UE, "", TO_CORE("outer_header", "'peer':'2001:db8::2'")),
		"[0].fars[1].outer_header", "2001:db8::2 with TEID 500 from n6 of site gj"},
	{"session",
		"{'name':'u','tenant':'t','site':'gj','slice':'net','ue':{" GOOD_UE "},'pdrs':["
		"{'id':2,'precedence':1,'source':'core','far':2}],'fars':[" FAR(
			"500", "2001:db8::2", "") "]}",
		"[0].fars[0].outer_header", "2001:db8::2 with TEID 500 from n6 of site gj"},
	{"session",
		"{'name':'u','tenant':'t','site':'bs','slice':'net','ue':{" GOOD_UE "},'pdrs':["
		"{'id':2,'precedence':1,'source':'core','far':2}],'fars':[" FAR(
			"500", "2001:db8::2", "") "]}",
		"[0].fars[0].outer_header",
		"2001:db8::2 with TEID 500 from any address of site bs"},
	{"session",
		UE(GOOD_UE, "",
			"{'id':2,'action':'forward','duplicate_to':{'teid':1,'peer':"
			"'198.18.2.2'}}"),
		"[0].fars[1].duplicate_to",
		"(gtpu.peers) does not have GTP-U peer 198.18.2.2 with TEID 1"},
};

START_TEST(grant_refuses_what_is_beyond_it)
{
	char *before = dump(world), *after;

	ck_refused(ask(beyond[_i].kind, beyond[_i].text), RPC_ERR_FORBIDDEN, beyond[_i].path);
	ck_assert_msg(strstr(err.message, beyond[_i].says) != NULL, "%s", err.message);
	ck_assert_msg(strstr(err.message, "the grant of tenant t ") != NULL, "%s", err.message);
	after = dump(world);
	ck_assert_str_eq(before, after);
	free(before);
	free(after);
	ck_fine(put(beyond[_i].kind, "%s", beyond[_i].text)); /* operators may */
	ck_fine(ask(beyond[_i].kind, beyond[_i].text));	      /* and it may stay so */
}
END_TEST

/* What operators gave beyond the grant stays, but nothing else comes by it. */
START_TEST(grant_leaves_what_was_given_and_no_more)
{
	ck_fine(put("session", UE("'ipv4':'10.99.0.1'", "", GOOD_FAR)));
	ck_fine(ask("session", UE("'ipv4':'10.99.0.1'", "", GOOD_FAR)));
	ck_refused(ask("session", UE("'ipv4':'10.99.0.2'", "", GOOD_FAR)), RPC_ERR_FORBIDDEN,
		"[0].ue.ipv4");
	ck_fine(put(
		"slice", SLICE("a", RATE("1000000") ",'endpoints':[" AT("gj", "p1", "20") "]")));
	ck_refused(
		ask("slice", SLICE("a", RATE("1000000") ",'endpoints':[" AT("gj", "p1", "21") "]")),
		RPC_ERR_FORBIDDEN, "[0].endpoints[0]");
}
END_TEST

START_TEST(grant_none_is_nothing)
{
	ck_fine(del("tenant", "t"));
	for (size_t i = 0; i < sizeof(within) / sizeof(within[0]); i++) {
		ck_refused(ask(within[i].kind, within[i].text), RPC_ERR_FORBIDDEN, "[0]");
		ck_assert_str_eq(err.message,
			"tenant t has no grant: operators give one, an intent of kind tenant");
	}
	ck_fine(put("tenant", "{'name':'t'}")); /* and an empty one likewise */
	for (size_t i = 0; i < sizeof(within) / sizeof(within[0]); i++)
		ck_assert_int_eq(ask(within[i].kind, within[i].text), RPC_ERR_FORBIDDEN);
}
END_TEST

START_TEST(grant_counts)
{
	ck_fine(ask("slice", "{'name':'a','tenant':'t'}")); /* net is one already */
	ck_fine(ask("virtual-dedicated-network", "{'name':'v','tenant':'t'}"));
	ck_refused(ask("slice", "{'name':'b','tenant':'t'}"), RPC_ERR_FORBIDDEN, "[0]");
	ck_assert_str_eq(err.message, "the grant of tenant t has 3 slices, and this makes it 4");
	ck_assert_int_eq(err.limit, 3);
	ck_refused(ask("virtual-dedicated-network", "{'name':'w','tenant':'t'}"), RPC_ERR_FORBIDDEN,
		"[0]");
	ck_fine(ask("slice", "{'name':'a','tenant':'t','description':'the same'}"));
	ck_assert_uint_eq(world_tenant_count(world, "t", "slices"), 3);
	ck_fine(del("slice", "a"));
	ck_fine(ask("slice", "{'name':'b','tenant':'t'}"));
	ck_fine(ask("host", within[8].text));
	ck_refused(ask("host", "{'name':'i','tenant':'t','site':'gj','port':'p1','vlan':11,'mac':"
			       "'02:00:00:00:00:02'}"),
		RPC_ERR_FORBIDDEN, "[0]");
	ck_fine(ask("local-data-network", within[10].text));
	ck_refused(ask("local-data-network",
			   "{'name':'m','tenant':'t','slice':'net','prefixes':['10.8.0.0/16']}"),
		RPC_ERR_FORBIDDEN, "[0]");
	ck_assert_str_eq(err.message,
		"the grant of tenant t has 1 local_data_networks, and this makes it 2");
	ck_fine(ask("session", UE(GOOD_UE, "", GOOD_FAR)));
	ck_fine(ask("session", UE_OF("v", "gj", "'ipv4':'10.45.0.2'", "", GOOD_FAR)));
	ck_refused(ask("session", UE_OF("w", "gj", "'ipv4':'10.45.0.3'", "", GOOD_FAR)),
		RPC_ERR_FORBIDDEN, "[0]");
	ck_assert_str_eq(err.message, "the grant of tenant t has 2 sessions, and this makes it 3");
	ck_fine(put("tenant", "{'name':'t','slices':1}")); /* less than there is: that stays */
	ck_fine(ask("slice", "{'name':'b','tenant':'t','description':'as before'}"));
	ck_assert_int_eq(ask("slice", "{'name':'c','tenant':'t'}"), RPC_ERR_FORBIDDEN);
}
END_TEST

START_TEST(grant_sums_rates)
{
	ck_fine(ask("slice", SLICE("a", RATE("9000000") ",'endpoints':[" AT(
						"gj", "p1", "10") "," AT("bs", "p1", "10") "]")));
	ck_assert_str_eq(
		field("slice", "a", "endpoints.0.wan"), "gj-lg"); /* gj-kt is not granted */
	ck_fine(ask(
		"slice", SLICE("b", RATE("11000000") ",'endpoints':[" AT("gj", "p1", "11") "]")));
	ck_assert_uint_eq(world_tenant_committed_bps(world, "t", ""), 20000000);
	ck_assert_uint_eq(world_tenant_committed_bps(world, "t", "gj-lg"), 9000000);
	ck_assert_uint_eq(world_tenant_peak_bps(world, "t", "bs-kt"), 9000000);
	ck_assert_uint_eq(world_tenant_committed_bps(world, "u", ""), 0);
	ck_refused(ask("slice",
			   SLICE("b", RATE("11000001") ",'endpoints':[" AT("gj", "p1", "11") "]")),
		RPC_ERR_FORBIDDEN, "[0].bandwidth.committed_bps");
	ck_assert_int_eq(err.limit, 20000000);
	ck_fine(ask(
		"slice", SLICE("b", RATE("10000000") ",'endpoints':[" AT("gj", "p1", "11") "]")));
	ck_fine(put(
		"slice", SLICE("b", RATE("50000000") ",'endpoints':[" AT("gj", "p1", "11") "]")));
	ck_fine(ask("slice",
		SLICE("b", RATE("40000000") ",'endpoints':[" AT("gj", "p1", "11") "]"))); /* less */
	ck_assert_int_eq(ask("slice", SLICE("b", RATE("40000001") ",'endpoints':[" AT(
							 "gj", "p1", "11") "]")),
		RPC_ERR_FORBIDDEN);
}
END_TEST

/* A grant without a peak: what is committed is the peak, too. */
START_TEST(grant_without_peak_is_its_committed_rate)
{
	ck_fine(put("tenant", "{'name':'t','slices':2,'committed_bps':5000000,'weight':1,"
			      "'places':[{'site':'gj','port':'p1','vlans':[{'first':10}]}]}"));
	ck_fine(ask(
		"slice", SLICE("a", RATE("5000000") ",'endpoints':[" AT("gj", "p1", "10") "]")));
	ck_refused(ask("slice", SLICE("a", "'bandwidth':{'committed_bps':1000000,'peak_bps':5000001"
					   "},'endpoints':[" AT("gj", "p1", "10") "]")),
		RPC_ERR_FORBIDDEN, "[0].bandwidth.peak_bps");
	ck_fine(put("tenant", "{'name':'t','committed_bps':5000000,'peak_bps':5000000}"));
}
END_TEST

/* What operators do, and what was another tenant's, is held against nothing. */
START_TEST(grant_is_for_its_tenants_changes)
{
	static const char stretched[] = SLICE("a",
		RATE("1000000") ",'endpoints':[" AT("gj", "p1", "10") "," AT("bs", "p1", "10") "]");

	ck_fine(put("slice", "%s", stretched));
	ck_assert_str_eq(field("slice", "a", "endpoints.0.wan"), "gj-kt"); /* not granted */
	ck_fine(put("slice", "{'name':'b','tenant':'u','vni':200,'weight':4}"));
	ck_refused(ask("slice", SLICE("b", "'weight':4")), RPC_ERR_FORBIDDEN, "[0].weight");
}
END_TEST

/* In the grant above, as a bit. */
static uint32_t vni_bit(const char *name)
{
	int vni = atoi(field("slice", name, "vni"));

	ck_assert_msg(vni == 100 || vni == 101 || vni == 200, "VNI %d", vni);
	return 1u << (vni == 200 ? 2 : vni - 100);
}

START_TEST(grant_is_where_vnis_and_teids_are_chosen)
{
	uint32_t seen = 0, teid;

	for (int i = 0; i < 2; i++) {
		const char *name = i ? "b" : "a";
		char text[64];

		snprintf(text, sizeof(text), "{'name':'%s','tenant':'t'}", name);
		ck_fine(ask("slice", text));
		seen |= vni_bit(name);
	}
	ck_fine(put("slice", "{'name':'c','tenant':'t'}")); /* operators' too */
	seen |= vni_bit("c");
	ck_assert_uint_eq(seen, 7);
	ck_refused(put("slice", "{'name':'d','tenant':'t'}"), RPC_ERR_CAPACITY, "[0]");
	ck_fine(put("tenant", "{'name':'one','vnis':[{'first':300}]}"));
	ck_fine(put("slice", "{'name':'e','tenant':'one'}"));
	ck_assert_str_eq(field("slice", "e", "vni"), "300");
	ck_fine(ask("session", UE(GOOD_UE, "", GOOD_FAR)));
	teid = world_find(world, INTENT_SESSION, "u")->obj->session.session.pdrs.item[0].teid;
	ck_assert(teid >= 100 && teid <= 199);
}
END_TEST

/* What u may ask for is not taken by t, which asks for none, nor by operators' own; u gets it, and
 * operators may give it to anybody. */
START_TEST(grant_keeps_its_vnis_from_others)
{
	static const char *const owners[] = {"'tenant':'t',", "", "'tenant':'nobody',"};
	int vni;

	ck_fine(put("tenant", "{'name':'t','slices':9}"));
	ck_fine(put("slice", "{'name':'blue',%s'weight':1}", owners[_i]));
	vni = atoi(field("slice", "blue", "vni"));
	ck_assert_int_ge(vni, VNI_FIRST);
	ck_fine(del("slice", "blue"));
	ck_fine(put("tenant", "{'name':'w','vnis':[{'first':%d,'last':%d}]}", vni + 1, vni + 3));
	ck_fine(put("tenant",
		"{'name':'u','slices':9,'vnis':[{'first':1,'last':%d},{'first':%d,'last':%d},"
		"{'first':%d}]}",
		VNI_FIRST, vni - 1, vni + 1, vni + 5));
	ck_fine(put("slice", "{'name':'taken','vni':%d}", vni + 4));
	ck_fine(put("slice", "{'name':'blue',%s'weight':1}", owners[_i]));
	ck_assert_int_eq(atoi(field("slice", "blue", "vni")), vni + 6);
	ck_fine(put("slice", "{'name':'green','tenant':'t','vni':%d}", vni));
	ck_fine(put("slice", "{'name':'blue',%s'weight':2}", owners[_i])); /* it keeps it */
	ck_assert_int_eq(atoi(field("slice", "blue", "vni")), vni + 6);
}
END_TEST

/* The last of all is granted, and so is the first: it goes on behind that one. */
START_TEST(grant_of_all_vnis_leaves_none)
{
	ck_fine(put("tenant", "{'name':'t','slices':9}"));
	ck_fine(put("tenant",
		"{'name':'u','vnis':[{'first':5000,'last':%d},{'first':1,'last':4097}]}",
		VNI_LAST));
	ck_fine(put("slice", "{'name':'c','tenant':'t','vni':4098}"));
	begin();
	for (int vni = 4099; vni < 4999; vni++)
		ck_fine(put("slice", "{'name':'c%d','vni':%d}", vni, vni));
	ck_fine(finish());
	ck_fine(ask("slice", "{'name':'a','tenant':'t'}"));
	ck_assert_str_eq(field("slice", "a", "vni"), "4999");
	ck_refused(ask("slice", "{'name':'b','tenant':'t'}"), RPC_ERR_CAPACITY, "[0]");
	ck_assert_str_eq(
		err.message, "no VNI is left of those that no tenant's grant names (vnis)");
	ck_fine(put("tenant",
		"{'name':'u','vnis':[{'first':1,'last':%d},{'first':7000,'last':7001}]}",
		VNI_LAST));
	ck_refused(ask("slice", "{'name':'b','tenant':'t'}"), RPC_ERR_CAPACITY, "[0]");
	ck_fine(put("slice", "{'name':'o'}")); /* operators could as well name one */
	ck_assert_int_ge(atoi(field("slice", "o", "vni")), 5000);
	ck_fine(del("slice", "o"));
	/* in one transaction with what gives some back */
	begin();
	ck_fine(put("slice", "{'name':'b','tenant':'t'}"));
	ck_fine(put("tenant", "{'name':'u','vnis':[{'first':1,'last':%d}]}", VNI_LAST - 1));
	ck_fine(finish());
	ck_assert_int_eq(atoi(field("slice", "b", "vni")), VNI_LAST);
}
END_TEST

/* Two numbers of sessions are in the range. One is named by a TEID of another session, of its first
 * or its last group, if at another address: the chosen one names the other. After that any TEID of
 * the range is taken. */
START_TEST(grant_leaves_few_numbers_of_sessions)
{
#define UPLINK(name, address)                                                                      \
	"{'name':'" name "','tenant':'t','site':'gj','slice':'net','ue':{'ipv4':'" address "'},"   \
	"'pdrs':[{'id':1,'precedence':1,'source':'access','gtpu':'n3','far':1}],"                  \
	"'fars':[{'id':1,'action':'forward'}]}"
	static const char *const names[] = {"u", "v"};
	static const char *const text[] = {UPLINK("u", "10.45.0.1"), UPLINK("v", "10.45.0.2")};
	uint32_t teid[2];

	ck_fine(put("tenant", "{'name':'t','sessions':9,'ue_pools':['10.45.0.0/16'],'gtpu':[{"
			      "'site':'gj','gtpu':'n3','first_teid':20480,'last_teid':28671}]}"));
	ck_fine(put("session",
		"{'name':'w','site':'gj','slice':'net','ue':{'ipv4':'10.46.0.1'},"
		"'pdrs':[{'id':1,'precedence':1,'source':'core','gtpu':'n9','teid':"
		"%d,'far':1}],'fars':[{'id':1,'action':'forward'}]}",
		TEID_MAKE(5, _i * 15, 20)));
	for (int i = 0; i < 2; i++) {
		ck_fine(ask("session", text[i]));
		teid[i] = world_find(world, INTENT_SESSION, names[i])
				  ->obj->session.session.pdrs.item[0]
				  .teid;
		ck_assert(teid[i] >= 20480 && teid[i] <= 28671);
	}
	ck_assert_uint_eq(TEID_SESSION(teid[0]), 6);
	ck_assert_uint_eq(TEID_GROUP(teid[0]), 0); /* by its number, not any */
	ck_assert_uint_ne(teid[1], teid[0]);
}
END_TEST

START_TEST(grant_of_few_teids_gives_them_all)
{
	static const char *const text[] = {UPLINK("u", "10.45.0.1"), UPLINK("v", "10.45.0.2"),
		UPLINK("w", "10.45.0.3"), UPLINK("x", "10.45.0.4")};

	ck_fine(put("tenant", "{'name':'t','sessions':9,'ue_pools':['10.45.0.0/16'],'gtpu':[{"
			      "'site':'gj','gtpu':'n3','first_teid':7,'last_teid':10}]}"));
	for (int i = 0; i < 4; i++)
		ck_fine(ask("session", text[i]));
}
END_TEST

/* The range is full: refused, not left to a dataplane that knows no grants. */
START_TEST(grant_without_a_teid_left_refuses_the_session)
{
	ck_fine(put("tenant", "{'name':'t','sessions':9,'ue_pools':['10.45.0.0/16'],'gtpu':[{"
			      "'site':'gj','gtpu':'n3','first_teid':7,'last_teid':7,'peers':[{"
			      "'prefix':'198.18.2.0/24'}]}]}"));
	ck_fine(ask("session", UE(GOOD_UE, "", GOOD_FAR)));
	ck_refused(ask("session", "{'name':'v','tenant':'t','site':'gj','slice':'net','ue':{'ipv4':"
				  "'10.45.0.2'},'pdrs':[{'id':1,'precedence':1,'source':'access',"
				  "'gtpu':'n3','far':1}],'fars':[{'id':1,'action':'forward'}]}"),
		RPC_ERR_CAPACITY, "[0].pdrs[0].teid");
	ck_assert_ptr_null(world_find(world, INTENT_SESSION, "v"));
}
END_TEST

static const struct {
	const char *text, *path;
} wrong[] = {
	{"{'name':'t','committed_bps':10,'peak_bps':9}", "[0].peak_bps"},
	{"{'name':'t','encaps':['gre']}", "[0].encaps[0]"},
	{"{'name':'t','vnis':[{'first':1},{'first':9,'last':8}]}", "[0].vnis[1].last"},
	{"{'name':'t','places':[{'site':'gj','port':'p1','vlans':[{'first':9,'last':8}]}]}",
		"[0].places[0].vlans[0].last"},
	{"{'name':'t','places':[{'site':'gj','port':'p1','untagged':true},"
	 "{'site':'gj','port':'gj-kt','untagged':true,'vlans':[{'first':7}]}]}",
		"[0].places[1].untagged"},
	{"{'name':'t','places':[{'site':'gj','port':'x1','untagged':true}]}",
		"[0].places[0].untagged"},
	{"{'name':'t','places':[{'site':'gj','port':'a1','untagged':true}]}",
		"[0].places[0].untagged"},
	{"{'name':'t','places':[{'site':'gj','port':'p9'}]}", "[0].places[0].port"},
	{"{'name':'t','places':[{'site':'xx','port':'p1'}]}", "[0].places[0].site"},
	{"{'name':'t','wans':[{'site':'bs','wan':'gj-kt'}]}", "[0].wans[0].wan"},
	{"{'name':'t','wans':[{'site':'gj','wan':'gj-kt','committed_bps':5,'peak_bps':4}]}",
		"[0].wans[0].peak_bps"},
	{"{'name':'t','gtpu':[{'site':'gj','gtpu':'n4'}]}", "[0].gtpu[0].gtpu"},
	{"{'name':'t','gtpu':[{'site':'gj','gtpu':'n3','first_teid':9,'last_teid':8}]}",
		"[0].gtpu[0].last_teid"},
	{"{'name':'t','gtpu':[{'site':'gj','gtpu':'n3','peers':[{'prefix':'10.0.0.0/8',"
	 "'first_teid':9,'last_teid':8}]}]}",
		"[0].gtpu[0].peers[0].last_teid"},
	{"{'name':'t','gtpu':[{'site':'gj','gtpu':'n9'},{'site':'gj','gtpu':'n3','peers':[{"
	 "'prefix':'10.0.0.0/8','first_teid':9,'last_teid':8}]}]}",
		"[0].gtpu[1].peers[0].last_teid"},
	{"{'name':'t','wans':[{'site':'gj','wan':'gj-kt'},{'site':'gj','wan':'gj-kt'}]}",
		"[0].wans[1]"},
	{"{'name':'t','gtpu':[{'site':'gj','gtpu':'n3','first_teid':1,'last_teid':9},"
	 "{'site':'bs','gtpu':'n3'},{'site':'gj','gtpu':'n3','first_teid':20,'last_teid':29}]}",
		"[0].gtpu[2]"},
	{"{'name':'t','slices':1000000}", "[0].slices"},
};

START_TEST(grant_that_makes_no_sense_is_refused)
{
	ck_refused(put("tenant", "%s", wrong[_i].text), RPC_ERR_PARAMS, wrong[_i].path);
}
END_TEST

START_TEST(grant_holds_its_places)
{
	ck_assert_int_eq(del("wan", "bs-kt"), RPC_ERR_IN_USE);
	ck_assert_str_eq(err.by, "tenant t");
}
END_TEST

/* ---- why something is refused ---- */

static const struct {
	const char *reason, *told; /* NULL: as it is */
} reasons[] = {
	{"session u: pdrs[0].teid: TEID 5 is taken by session theirs", ""},
	{"objects[0]: slice theirs has it.", ""},
	{"attachment theirs:p1.10 is there", ""},
	{"VLAN 10 belongs to theirs.", ""},
	{"TEID 5 is taken by session their-ue", ""},
	{"mine: out of room", NULL},
	{"port p1 cannot carry 9000", NULL},
	{"wan gj-kt: device net_af_packet0,iface=secret0 is not there",
		"wan gj-kt cannot be used: ask the operators"},
	{"wan gj-kt has no device: say which", "wan gj-kt cannot be used: ask the operators"},
	{"", NULL},
};

START_TEST(grant_reasons_tell_nothing_of_others)
{
	char text[256];
	struct intent *mine;

	ck_fine(put("slice", "{'name':'mine','tenant':'t'}"));
	ck_fine(put("slice", "{'name':'theirs','tenant':'u'}"));
	ck_fine(put("session",
		"{'name':'their-ue','tenant':'u','site':'gj','slice':'theirs','pdrs':["
		"{'id':1,'precedence':1,'source':'core','far':1}],"
		"'fars':[{'id':1,'action':'drop'}]}"));
	mine = world_find(world, INTENT_SLICE, "mine");
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		const char *told = reasons[i].told;

		snprintf(mine->status.reason, sizeof(mine->status.reason), "%s", reasons[i].reason);
		if (told && !*told)
			told = "something that is not tenant t's is in its way: ask the operators";
		ck_assert_str_eq(world_reason_told(world, mine, text, sizeof(text)),
			told ? told : reasons[i].reason);
	}
	mine = world_find(world, INTENT_SITE, "gj");
	snprintf(mine->status.reason, sizeof(mine->status.reason), "%s", reasons[0].reason);
	ck_assert_str_eq(world_reason_told(world, mine, text, sizeof(text)), reasons[0].reason);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("grant");
	TCase *t = tcase_create("grants");

	tcase_add_checked_fixture(t, grant_setup, teardown);
	tcase_add_loop_test(t, grant_gives_what_is_in_it, 0, sizeof(within) / sizeof(within[0]));
	tcase_add_loop_test(
		t, grant_refuses_what_is_beyond_it, 0, sizeof(beyond) / sizeof(beyond[0]));
	tcase_add_test(t, grant_none_is_nothing);
	tcase_add_test(t, grant_counts);
	tcase_add_test(t, grant_sums_rates);
	tcase_add_test(t, grant_without_peak_is_its_committed_rate);
	tcase_add_test(t, grant_is_for_its_tenants_changes);
	tcase_add_test(t, grant_is_where_vnis_and_teids_are_chosen);
	tcase_add_loop_test(
		t, grant_that_makes_no_sense_is_refused, 0, sizeof(wrong) / sizeof(wrong[0]));
	tcase_add_loop_test(t, grant_keeps_its_vnis_from_others, 0, 3);
	tcase_add_test(t, grant_of_all_vnis_leaves_none);
	tcase_add_loop_test(t, grant_leaves_few_numbers_of_sessions, 0, 2);
	tcase_add_test(t, grant_of_few_teids_gives_them_all);
	tcase_add_test(t, grant_leaves_what_was_given_and_no_more);
	tcase_add_test(t, grant_without_a_teid_left_refuses_the_session);
	tcase_add_test(t, grant_holds_its_places);
	tcase_add_test(t, grant_reasons_tell_nothing_of_others);
	suite_add_tcase(s, t);
	return suite_main(s);
}
