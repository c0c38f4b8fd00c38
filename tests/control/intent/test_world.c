/* SPDX-License-Identifier: BSD-3-Clause */
/* The world's transactions: what is read, what a rollback leaves, what references hold. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../suite.h"
#include "sets.h"
#include "teid.h"

#define SLICE_TWO                                                                                  \
	"'endpoints':[{'site':'gj','port':'p1','vlan':10},{'site':'bs','port':'p1','vlan':10}]"

START_TEST(world_put_creates_with_allocations_written)
{
	struct intent *slice;

	ck_fine(put("slice", "{'name':'blue'," SLICE_TWO "}"));
	slice = world_find(world, INTENT_SLICE, "blue");
	ck_assert_ptr_nonnull(slice);
	ck_assert_uint_ge(slice->obj->slice.vni, VNI_FIRST);
	ck_assert_str_eq(slice->obj->slice.endpoints.item[0].wan, "gj-kt");
	ck_assert_str_eq(field("slice", "blue", "endpoints.1.wan"), "bs-kt");
	ck_assert_uint_eq(slice->revision, 2);
	ck_assert_str_eq(slice->updated_by, "tester");
	ck_assert_ptr_eq(world_at_place(world, "bs", "p1", 10), slice);
	ck_assert_ptr_null(world_at_place(world, "bs", "p1", 11));
}
END_TEST

START_TEST(world_put_of_same_text_is_unchanged)
{
	const struct world_change *changes;
	size_t count;

	ck_fine(put("slice", "{'name':'blue'," SLICE_TWO "}"));
	begin();
	ck_fine(put("slice", "{'name':'blue'," SLICE_TWO "}"));
	ck_fine(check());
	changes = world_changes(world, &count);
	ck_assert_uint_eq(count, 1);
	ck_assert_int_eq(changes[0].effect, WORLD_UNCHANGED);
	commit();
	ck_assert_uint_eq(world_find(world, INTENT_SLICE, "blue")->revision, 2);
}
END_TEST

START_TEST(world_rollback_leaves_no_trace)
{
	char *before, *after;

	ck_fine(put("slice", "{'name':'blue'," SLICE_TWO "}"));
	before = dump(world);
	begin();
	ck_fine(put(
		"slice", "{'name':'blue','bandwidth':{'committed_bps':1000000}," SLICE_TWO "}"));
	ck_fine(put("slice", "{'name':'red'}"));
	ck_fine(del("slice", "blue"));
	ck_fine(del("wan", "gj-lg"));
	ck_fine(check());
	world_rollback(world);
	after = dump(world);
	ck_assert_str_eq(before, after);
	free(before);
	free(after);
	begin();
	ck_fine(put("slice", "{'name':'green','tenant':'t'}"));
	ck_fine(finish());
	begin();
	ck_fine(put("slice", "{'name':'green','tenant':'u'}"));
	world_rollback(world);
	ck_assert_str_eq(world_find(world, INTENT_SLICE, "green")->tenant, "t");
}
END_TEST

/* ---- references ---- */

#define HOST_AT(name, site) "{'name':'" name "','site':'" site "','port':'p1','vlan':10,"
#define MAC(n)		    "'mac':'02:00:00:00:00:0" n "'}"
#define FORWARD                                                                                    \
	"'pdrs':[{'id':1,'precedence':1,'source':'access','gtpu':'n3','far':1}],"                  \
	"'fars':[{'id':1,'action':'forward'}]"

static void upf_setup(void)
{
	sites_setup();
	ck_fine(put("site", "{'name':'gj','ports':[{'name':'p1'},{'name':'p2'},{'name':'p3'}],"
			    "'gtpu':[{'name':'n3','address':'198.18.3.1','interface':'access'}]}"));
	ck_fine(put("slice", "{'name':'net','service':'l3','tenant':'t'}"));
	ck_fine(put("slice", "{'name':'flat','tenant':'t'}"));
	ck_fine(put("slice", "{'name':'other','service':'l3','tenant':'u'}"));
}

/* what leads nowhere, and at which field */
static const struct {
	const char *kind, *text, *path;
} astray[] = {
	{"wan", "{'name':'w','site':'xx'}", "[0].site"},
	{"slice", "{'name':'b','endpoints':[{'site':'gj','port':'p1'},{'site':'gj','port':'p9'}]}",
		"[0].endpoints[1].port"},
	{"slice", "{'name':'b','endpoints':[{'site':'xx','port':'p1'}]}", "[0].endpoints[0].site"},
	{"slice", "{'name':'b','endpoints':[{'site':'gj','port':'p1','wan':'bs-kt'}]}",
		"[0].endpoints[0].wan"},
	{"host", HOST_AT("h", "xx") MAC("1"), "[0].site"},
	{"virtual-dedicated-network", "{'name':'v','hosts':['nobody']}", "[0].hosts[0]"},
	{"local-data-network", "{'name':'e','slice':'xx','prefixes':['10.0.0.0/8']}", "[0].slice"},
	{"local-data-network", "{'name':'e','slice':'flat','prefixes':['10.0.0.0/8']}",
		"[0].slice"},
	{"local-data-network", "{'name':'e','slice':'net','from':'xx','prefixes':['10.0.0.0/8']}",
		"[0].from"},
	{"local-data-network", "{'name':'e','slice':'net','site':'xx','prefixes':['10.0.0.0/8']}",
		"[0].site"},
	{"local-data-network",
		"{'name':'e','tenant':'t','slice':'other','prefixes':['10.0.0.0/8']}", "[0].slice"},
	{"local-data-network",
		"{'name':'e','tenant':'t','slice':'net','from':'other','prefixes':['10.0.0.0/8']}",
		"[0].from"},
	{"session", "{'name':'u','site':'xx','slice':'net'," FORWARD "}", "[0].site"},
	{"session", "{'name':'u','site':'gj','slice':'xx'," FORWARD "}", "[0].slice"},
	{"session", "{'name':'u','site':'gj','tenant':'t','slice':'other'," FORWARD "}",
		"[0].slice"},
	{"session", "{'name':'u','site':'bs','slice':'net'," FORWARD "}", "[0].pdrs[0].gtpu"},
	{"session",
		"{'name':'u','site':'gj','slice':'net','pdrs':[{'id':1,'precedence':1,'source':"
		"'core','slice':'xx','far':1}],'fars':[{'id':1,'action':'drop'}]}",
		"[0].pdrs[0].slice"},
	{"session",
		"{'name':'u','site':'gj','slice':'net','pdrs':[{'id':1,'precedence':1,'source':"
		"'core','far':1}],'fars':[{'id':1,'action':'forward','slice':'xx'}]}",
		"[0].fars[0].slice"},
	{"session",
		"{'name':'u','site':'gj','slice':'net','pdrs':[{'id':1,'precedence':1,'source':"
		"'core','far':1}],'fars':[{'id':1,'action':'forward','destination':'access',"
		"'outer_header':{'teid':1,'peer':'198.18.3.9','gtpu':'n9'}}]}",
		"[0].fars[0].outer_header.gtpu"},
	{"session",
		"{'name':'u','site':'gj','slice':'net','pdrs':[{'id':1,'precedence':1,'source':"
		"'core','far':1}],'fars':[{'id':1,'action':'forward',"
		"'duplicate_to':{'teid':1,'peer':'198.18.3.9','gtpu':'n9'}}]}",
		"[0].fars[0].duplicate_to.gtpu"},
};

START_TEST(world_refuses_references_that_lead_nowhere)
{
	char *before = dump(world), *after;

	ck_refused(put(astray[_i].kind, "%s", astray[_i].text), RPC_ERR_PARAMS, astray[_i].path);
	after = dump(world);
	ck_assert_str_eq(before, after);
	free(before);
	free(after);
}
END_TEST

START_TEST(world_takes_references_in_any_order)
{
	begin();
	ck_fine(put("virtual-dedicated-network", "{'name':'v','hosts':['h']}"));
	ck_fine(put("host", "{'name':'h','site':'new','port':'q','mac':'02:00:00:00:00:01'}"));
	ck_fine(put("wan", "{'name':'new-kt','site':'new'}"));
	ck_fine(put("site", "{'name':'new','ports':[{'name':'q'}]}"));
	ck_fine(finish());
}
END_TEST

/* Whose part of the kernel it is, and which interface, is one slice's alone. */
START_TEST(world_refuses_a_part_of_the_kernel_that_is_anothers)
{
	ck_fine(put("slice", "{'name':'red','service':'l3','kernel':{'netns':'r'},'endpoints':["
			     "{'site':'gj','port':'p1','vlan':3,'tap':'red0'}]}"));
	ck_refused(put("slice", "{'name':'b','service':'l3','kernel':{'netns':'r'}}"),
		RPC_ERR_CONFLICT, "[0].kernel.netns");
	ck_assert_str_eq(err.with, "slice red");
	ck_fine(put("slice", "{'name':'b','service':'l3','kernel':{'vrf':'r'}}"));
	ck_refused(put("slice", "{'name':'c','kernel':{'bridge':'r'},'endpoints':[{'site':'gj',"
				"'port':'p1','vlan':4,'tap':'red0'}]}"),
		RPC_ERR_CONFLICT, "[0].endpoints[0].tap");
	ck_refused(put("slice", "{'name':'c','kernel':{'bridge':'r'},'endpoints':[{'site':'gj',"
				"'port':'p1','vlan':4,'tap':'gj-kt'}]}"),
		RPC_ERR_CONFLICT, "[0].endpoints[0].tap");
	ck_fine(put("slice", "{'name':'c','kernel':{'bridge':'r'},'endpoints':[{'site':'bs',"
			     "'port':'p1','vlan':4,'tap':'red0'}]}"));
	ck_fine(del("slice", "red"));
	ck_fine(put("slice", "{'name':'d','service':'l3','kernel':{'netns':'r'}}"));
}
END_TEST

START_TEST(world_takes_a_wan_as_a_port_of_its_site)
{
	ck_fine(put("slice", "{'name':'b','endpoints':[{'site':'gj','port':'gj-kt','vlan':9}]}"));
}
END_TEST

START_TEST(world_refuses_to_take_away_what_is_used)
{
	ck_fine(put("slice", "{'name':'blue'," SLICE_TWO "}"));
	ck_fine(put("host", HOST_AT("h", "gj") MAC("1")));
	ck_fine(put("site", "{'name':'se','ports':[{'name':'p1'}]}"));
	ck_fine(put("host", HOST_AT("g", "se") MAC("2")));
	ck_fine(put("virtual-dedicated-network", "{'name':'v','hosts':['g']}"));
	ck_refused(del("site", "gj"), RPC_ERR_IN_USE, "[0]");
	ck_refused(del("wan", "bs-kt"), RPC_ERR_IN_USE, "[0]");
	ck_assert_str_eq(err.by, "slice blue");
	ck_refused(del("host", "g"), RPC_ERR_IN_USE, "[0]");
	ck_assert_str_eq(err.by, "virtual-dedicated-network v");
	ck_refused(put("site", "{'name':'bs','ports':[{'name':'p2'}]}"), RPC_ERR_IN_USE, "[0]");
	ck_assert_str_eq(err.by, "slice blue");
	ck_refused(put("wan", "{'name':'bs-kt','site':'se'}"), RPC_ERR_IN_USE, "[0]");
	ck_assert_str_eq(err.by, "slice blue");
	begin();
	ck_fine(del("wan", "gj-lg"));
	ck_fine(del("slice", "blue"));
	ck_fine(del("wan", "bs-kt"));
	ck_fine(del("site", "bs"));
	ck_fine(finish());
}
END_TEST

START_TEST(world_keeps_slices_that_sessions_and_local_networks_use)
{
	ck_fine(put("session", "{'name':'u','site':'gj','slice':'other'," FORWARD "}"));
	ck_fine(put("local-data-network", "{'name':'e','slice':'net','prefixes':['10.0.0.0/8']}"));
	ck_refused(del("slice", "other"), RPC_ERR_IN_USE, "[0]");
	ck_assert_str_eq(err.by, "session u");
	ck_refused(put("slice", "{'name':'net','tenant':'t'}"), RPC_ERR_IN_USE, "[0]");
	ck_assert_str_eq(err.by, "local-data-network e");
	ck_refused(put("site", "{'name':'gj','ports':[{'name':'p1'},{'name':'p2'},"
			       "{'name':'p3'}]}"),
		RPC_ERR_IN_USE, "[0]");
	ck_assert_str_eq(err.by, "session u");
	ck_fine(del("session", "u"));
	ck_fine(put(
		"session", "{'name':'u','site':'gj','tenant':'u','slice':'other'," FORWARD "}"));
	ck_refused(put("slice", "{'name':'other','service':'l3','tenant':'t'}"), RPC_ERR_IN_USE,
		"[0].tenant");
	ck_assert_str_eq(err.by, "session u");
	ck_fine(del("session", "u"));
	ck_fine(del("slice", "other"));
}
END_TEST

START_TEST(world_has_no_more_than_its_limit)
{
	begin();
	for (int i = 3; i < 4096; i++) /* there are three */
		ck_fine(put("site", "{'name':'s%d'}", i));
	ck_refused(put("site", "{'name':'more'}"), RPC_ERR_CAPACITY, "[4093]");
	ck_assert_int_eq(err.limit, 4096);
	ck_fine(put("site", "{'name':'s3','description':'it is there'}"));
	ck_fine(finish());
}
END_TEST

START_TEST(world_says_what_is_not_there_to_delete)
{
	ck_refused(del("slice", "nobody"), RPC_ERR_NOT_FOUND, "[0]");
}
END_TEST

/* ---- names and VNIs ---- */

START_TEST(world_shares_names_between_slices_and_networks)
{
	ck_fine(put("slice", "{'name':'blue'}"));
	ck_refused(
		put("virtual-dedicated-network", "{'name':'blue'}"), RPC_ERR_CONFLICT, "[0].name");
	ck_assert_str_eq(err.with, "slice blue");
	begin();
	ck_fine(del("slice", "blue"));
	ck_fine(put("virtual-dedicated-network", "{'name':'blue'}"));
	ck_fine(finish());
	ck_refused(put("slice", "{'name':'blue'}"), RPC_ERR_CONFLICT, "[0].name");
}
END_TEST

START_TEST(world_refuses_a_wan_named_as_a_port_of_its_site)
{
	ck_refused(put("wan", "{'name':'p1','site':'gj'}"), RPC_ERR_CONFLICT, "[0].name");
	ck_assert_str_eq(err.with, "site gj");
}
END_TEST

START_TEST(world_refuses_a_vni_twice)
{
	ck_fine(put("slice", "{'name':'blue','vni':7}"));
	ck_refused(put("slice", "{'name':'red','vni':7}"), RPC_ERR_CONFLICT, "[0].vni");
	ck_assert_str_eq(err.with, "slice blue");
	ck_refused(put("virtual-dedicated-network", "{'name':'v','vni':7}"), RPC_ERR_CONFLICT,
		"[0].vni");
	begin(); /* they change places */
	ck_fine(put("slice", "{'name':'red','vni':7}"));
	ck_fine(put("slice", "{'name':'blue','vni':8}"));
	ck_fine(finish());
}
END_TEST

START_TEST(world_chooses_vnis_by_name_and_the_next_where_that_is_taken)
{
	struct world *first = world;
	uint32_t vni;

	ck_fine(put("slice", "{'name':'blue'}"));
	vni = world_find(world, INTENT_SLICE, "blue")->obj->slice.vni;
	sites_setup(); /* another box */
	ck_fine(put("slice", "{'name':'red','vni':%u}", vni));
	ck_fine(put("slice", "{'name':'blue'}"));
	ck_assert_uint_eq(world_find(world, INTENT_SLICE, "blue")->obj->slice.vni, vni + 1);
	teardown();
	sites_setup();
	ck_fine(put("slice", "{'name':'green'}"));
	ck_fine(put("slice", "{'name':'blue'}"));
	ck_assert_uint_eq(world_find(world, INTENT_SLICE, "blue")->obj->slice.vni, vni);
	teardown();
	world = first;
}
END_TEST

START_TEST(world_keeps_a_vni_that_was_chosen)
{
	char before[16];

	ck_fine(put("slice", "{'name':'blue','vni':4321}"));
	snprintf(before, sizeof(before), "%s", field("slice", "blue", "vni"));
	ck_fine(put("slice", "{'name':'blue','weight':3}"));
	ck_assert_str_eq(field("slice", "blue", "vni"), before);
	ck_assert_str_eq(field("slice", "blue", "weight"), "3");
}
END_TEST

/* ---- F-TEIDs ---- */

#define PDR(id, more)                                                                              \
	"{'id':" id ",'precedence':" id ",'source':'access','gtpu':'n3'," more "'far':1}"
#define UE(name, pdrs)                                                                             \
	"{'name':'" name "','site':'gj','slice':'net','pdrs':[" pdrs                               \
	"],'fars':[{'id':1,'action':'forward'}]}"

static uint32_t teid_of(const char *name, unsigned at)
{
	const struct intent *intent = world_find(world, INTENT_SESSION, name);

	ck_assert_uint_lt(at, intent->obj->session.session.pdrs.count);
	return intent->obj->session.session.pdrs.item[at].teid;
}

START_TEST(world_chooses_an_fteid_and_keeps_it)
{
	uint32_t teid, second;
	char text[16];

	ck_fine(put(
		"session", UE("u", PDR("1", "") "," PDR("2", "") "," PDR("3", "'choose_id':7,"))));
	teid = teid_of("u", 0);
	second = teid_of("u", 2);
	ck_assert_uint_ne(teid, 0);
	ck_assert_uint_eq(teid_of("u", 1), teid); /* the same choose_id */
	/* both lead to the session by its number */
	ck_assert_uint_ne(TEID_SESSION(teid), 0);
	ck_assert_uint_eq(TEID_SESSION(second), TEID_SESSION(teid));
	ck_assert_uint_ne(TEID_GROUP(second), TEID_GROUP(teid));
	snprintf(text, sizeof(text), "%u", teid);
	ck_assert_str_eq(
		field("session", "u", "pdrs.0.teid"), text); /* in what is shown and stored */
	ck_fine(put("session",
		UE("u", PDR("1", "'qfi':9,") "," PDR("3", "'choose_id':7,") "," PDR("4", ""))));
	ck_assert_uint_eq(teid_of("u", 0), teid);
	ck_assert_uint_eq(teid_of("u", 1), second);
	ck_assert_uint_eq(teid_of("u", 2), teid); /* new, and shares what is there */
	ck_fine(put("session", UE("u", PDR("1", "'teid':5,"))));
	ck_assert_uint_eq(teid_of("u", 0), 5);
	ck_fine(put("session", UE("v", PDR("1", "") "," PDR("2", "'choose_id':7,") "," PDR("3",
					       "'choose_id':8,") "," PDR("4", "'choose_id':9,"))));
	for (int i = 0; i < 4; i++)
		ck_assert_uint_eq(TEID_GROUP(teid_of("v", i)), i);
}
END_TEST

/* Each has a number of its own, and they lie close together: the dataplane's memory is by number.
 */
START_TEST(world_numbers_sessions_closely)
{
	enum { COUNT = 3000, MOST = 8192 };
	static bool taken[MOST + 1];

	for (unsigned i = 0; i < COUNT; i++) {
		char name[16];
		uint32_t number;

		snprintf(name, sizeof(name), "u%u", i);
		ck_fine(put("session",
			"{'name':'%s','site':'gj','slice':'net','pdrs':[" PDR(
				"1", "") "],'fars':[{'id':1,'action':'forward'}]}",
			name));
		number = TEID_SESSION(teid_of(name, 0));
		ck_assert_uint_ge(number, 1);
		ck_assert_uint_le(number, MOST);
		ck_assert(!taken[number]);
		taken[number] = true;
	}
}
END_TEST

#define PDR_AT(gtpu, more)                                                                         \
	"{'id':1,'precedence':1,'source':'access','gtpu':'" gtpu "'," more "'far':1}"
#define UE_AT(name, site, pdrs)                                                                    \
	"{'name':'" name "','site':'" site                                                         \
	"','slice':'net','ue':{'ipv4':'10.45.0.1'},'pdrs':[" pdrs                                  \
	"],'fars':[{'id':1,'action':'forward'}]}"

/* An F-TEID is of one address of one site: what is kept there may be another session's here. */
START_TEST(world_keeps_an_fteid_at_its_address_alone)
{
	char there[512], here[512];
	uint32_t teid;

	for (int i = 0; i < 2; i++)
		ck_fine(put("site",
			"{'name':'%s','ports':[{'name':'p1'}],'gtpu':[{'name':'n3','address':"
			"'198.18.3.%d','interface':'access'},{'name':'n9','address':'198.18.4.%d',"
			"'interface':'core'}]}",
			i ? "bs" : "gj", 1 + i, 1 + i));
	ck_fine(put("session",
		UE_AT("u", "gj",
			PDR_AT("n3", "") ",{'id':2,'precedence':1,'source':'core','far':1}")));
	teid = teid_of("u", 0);
	ck_assert_uint_eq(teid_of("u", 1), 0); /* packets to the UE's address have none */
	snprintf(there, sizeof(there), UE_AT("v", "bs", PDR_AT("n3", "'teid':%u,")), teid);
	snprintf(here, sizeof(here), UE_AT("w", "gj", PDR_AT("n9", "'teid':%u,")), teid);
	ck_fine(put("session", "%s", there));
	ck_fine(put("session", "%s", here));
	ck_fine(put("session", UE_AT("u", "bs", PDR_AT("n3", ""))));
	ck_assert_uint_ne(teid_of("u", 0), teid);
	/* while w has it elsewhere at the site, its number is taken */
	ck_fine(put("session", UE_AT("u", "gj", PDR_AT("n3", ""))));
	ck_assert_uint_ne(TEID_SESSION(teid_of("u", 0)), TEID_SESSION(teid));
	ck_fine(del("session", "u"));
	ck_fine(del("session", "w"));
	ck_fine(put("session", UE_AT("u", "gj", PDR_AT("n3", ""))));
	ck_assert_uint_eq(teid_of("u", 0), teid);
	ck_fine(put("session", UE_AT("u", "gj", PDR_AT("n9", "")))); /* the PDR moves */
	ck_assert_uint_ne(teid_of("u", 0), teid);
	ck_fine(del("session", "u"));
	ck_fine(put("session",
		UE_AT("u", "gj",
			PDR_AT("n3", "") ",{'id':3,'precedence':3,'source':'access','gtpu':'n9',"
					 "'far':1}")));
	ck_assert_uint_eq(teid_of("u", 0), teid);
	ck_assert_uint_ne(teid_of("u", 1), teid);
}
END_TEST

START_TEST(world_gives_no_fteid_twice)
{
	char text[512];
	uint32_t teid;

	ck_fine(put("session", UE("u", PDR("1", ""))));
	teid = teid_of("u", 0);
	snprintf(text, sizeof(text), UE("v", PDR("1", "'teid':%u,")), teid);
	ck_refused(put("session", "%s", text), RPC_ERR_CONFLICT, "[0].pdrs[0].teid");
	ck_assert_str_eq(err.with, "session u");
	ck_fine(del("session", "u"));
	ck_fine(put("session", "%s", text)); /* v has u's choice: u takes another number */
	ck_fine(put("session", UE("u", PDR("1", ""))));
	ck_assert_uint_ne(TEID_SESSION(teid_of("u", 0)), TEID_SESSION(teid));
}
END_TEST

/* ---- transactions ---- */

START_TEST(world_tells_what_a_transaction_does)
{
	const struct world_change *changes;
	size_t count;

	ck_fine(put("slice", "{'name':'a'}"));
	ck_fine(put("slice", "{'name':'b'}"));
	begin();
	ck_fine(put("slice", "{'name':'c'}"));
	ck_fine(put("slice", "{'name':'a','weight':9}"));
	ck_fine(del("slice", "b"));
	ck_fine(put("slice", "{'name':'d'}"));
	ck_fine(del("slice", "d"));
	ck_fine(check());
	changes = world_changes(world, &count);
	ck_assert_uint_eq(count, 3);
	ck_assert_int_eq(changes[0].effect, WORLD_CREATED);
	ck_assert_ptr_null(changes[0].before);
	ck_assert_ptr_null(changes[0].was);
	ck_assert_int_eq(changes[1].effect, WORLD_UPDATED);
	ck_assert_int_eq(json_integer_value(json_object_get(changes[1].before, "weight")), 1);
	ck_assert_int_eq(json_integer_value(json_object_get(changes[1].after, "weight")), 9);
	ck_assert_uint_eq(changes[1].was->obj->slice.weight, 1);
	ck_assert_int_eq(changes[2].effect, WORLD_DELETED);
	ck_assert_str_eq(changes[2].name, "b");
	ck_assert_ptr_null(changes[2].intent);
	ck_assert_str_eq(changes[2].was->name, "b");
	ck_assert_ptr_nonnull(changes[2].before);
	ck_assert_ptr_null(changes[2].after);
	commit();
	ck_assert_ptr_null(world_find(world, INTENT_SLICE, "b"));
	ck_assert_ptr_null(world_find(world, INTENT_SLICE, "d"));
}
END_TEST

START_TEST(world_keeps_what_is_known_of_an_intent)
{
	struct intent *blue;

	ck_fine(put("slice", "{'name':'blue'}"));
	blue = world_find(world, INTENT_SLICE, "blue");
	blue->status.state = INTENT_APPLIED;
	ck_fine(put("slice", "{'name':'blue','weight':2}"));
	begin();
	ck_fine(del("slice", "blue"));
	ck_fine(put("slice", "{'name':'blue','weight':3}"));
	ck_fine(finish());
	blue = world_find(world, INTENT_SLICE, "blue");
	ck_assert_int_eq(blue->status.state, INTENT_PENDING); /* the new text is */
	ck_assert_uint_eq(blue->obj->slice.weight, 3);
	ck_assert_int_eq(blue->created_us, 2000000);
	ck_assert_int_eq(blue->updated_us, 4000000);
	ck_assert_int_eq(blue->status.since_us, blue->created_us);
}
END_TEST

/* However little of the checks is done at a time. */
START_TEST(world_checks_all_bit_by_bit)
{
	for (int wrong = 0; wrong < 4; wrong++) {
		int rc;

		begin();
		for (int i = 0; i < 4; i++)
			ck_fine(put("slice",
				"{'name':'s%d','endpoints':[{'site':'%s','port':'p%d'}]}", i,
				i == wrong ? "xx" : "gj", 1 + i % 3));
		while ((rc = world_check_step(world, 1, &err)) > 0)
			;
		ck_assert_int_eq(rc, -1);
		ck_assert_int_eq(err.path[1], '0' + wrong);
		world_rollback(world);
	}
}
END_TEST

START_TEST(world_holds_one_transaction_at_a_time)
{
	begin();
	ck_assert_int_eq(world_begin(world), -EBUSY);
	ck_fine(finish());
}
END_TEST

START_TEST(world_numbers_the_puts_in_errors)
{
	begin();
	ck_fine(put("slice", "{'name':'a'}"));
	ck_refused(put("slice", "{'name':'b','vni':0}"), RPC_ERR_PARAMS, "[1].vni");
	ck_fine(put("slice", "{'name':'c','endpoints':[{'site':'xx','port':'p'}]}"));
	ck_refused(finish(), RPC_ERR_PARAMS, "[2].endpoints[0].site");
}
END_TEST

START_TEST(world_reads_in_order_of_names)
{
	ck_fine(put("slice", "{'name':'b'}"));
	ck_fine(put("slice", "{'name':'a'}"));
	ck_fine(put("slice", "{'name':'c'}"));
	ck_assert_str_eq(world_first(world, INTENT_SLICE)->name, "a");
	ck_assert_str_eq(world_after(world, INTENT_SLICE, "a")->name, "b");
	ck_assert_str_eq(world_after(world, INTENT_SLICE, "aa")->name, "b");
	ck_assert_ptr_null(world_after(world, INTENT_SLICE, "c"));
	ck_assert_uint_eq(world_count(world, INTENT_SLICE), 3);
}
END_TEST

START_TEST(world_loads_what_it_wrote)
{
	struct world *first = world;
	char *before, *after;

	ck_fine(put("slice", "{'name':'blue','bandwidth':{'committed_bps':7000}," SLICE_TWO "}"));
	ck_fine(put("host", HOST_AT("h", "gj") MAC("1")));
	before = dump(world);
	empty_setup();
	for (int type = INTENT_TYPES - 1; type >= 0; type--)
		for (struct intent *i = world_first(first, type); i; i = world_next(i))
			ck_assert_int_eq(world_load(world, type, i->spec, i->revision,
						 i->created_us, i->updated_us, i->updated_by, &err),
				0);
	after = dump(world);
	ck_assert_str_eq(before, after);
	ck_assert_uint_eq(world_find(world, INTENT_SLICE, "blue")->revision, 2);
	ck_assert_str_eq(world_find(world, INTENT_SLICE, "blue")->updated_by, "tester");
	ck_assert_int_eq(world_load(world, INTENT_SLICE,
				 world_find(first, INTENT_SLICE, "blue")->spec, 1, 1, 1, "x", &err),
		-EINVAL);
	free(before);
	free(after);
	teardown();
	world = first;
}
END_TEST

START_TEST(world_shows_status_and_meta)
{
	struct intent *blue;
	json_t *shown;

	ck_fine(put("slice", "{'name':'blue'}"));
	blue = world_find(world, INTENT_SLICE, "blue");
	blue->status.state = INTENT_REFUSED;
	strcpy(blue->status.reason, "no port");
	shown = intent_show(blue);
	ck_assert_str_eq(json_string_value(json_object_get(shown, "kind")), "slice");
	ck_assert_str_eq(
		json_string_value(json_object_get(json_object_get(shown, "status"), "reason")),
		"no port");
	ck_assert_int_eq(
		json_integer_value(json_object_get(json_object_get(shown, "meta"), "revision")), 2);
	ck_assert_ptr_null(json_object_get(blue->spec, "kind"));
	json_decref(shown);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("world");
	TCase *t = tcase_create("transactions");

	tcase_add_checked_fixture(t, sites_setup, teardown);
	tcase_add_test(t, world_put_creates_with_allocations_written);
	tcase_add_test(t, world_put_of_same_text_is_unchanged);
	tcase_add_test(t, world_rollback_leaves_no_trace);
	tcase_add_test(t, world_tells_what_a_transaction_does);
	tcase_add_test(t, world_keeps_what_is_known_of_an_intent);
	tcase_add_test(t, world_checks_all_bit_by_bit);
	tcase_add_test(t, world_holds_one_transaction_at_a_time);
	tcase_add_test(t, world_numbers_the_puts_in_errors);
	tcase_add_test(t, world_reads_in_order_of_names);
	tcase_add_test(t, world_loads_what_it_wrote);
	tcase_add_test(t, world_shows_status_and_meta);
	tcase_add_test(t, world_takes_references_in_any_order);
	tcase_add_test(t, world_takes_a_wan_as_a_port_of_its_site);
	tcase_add_test(t, world_refuses_a_part_of_the_kernel_that_is_anothers);
	tcase_add_test(t, world_refuses_to_take_away_what_is_used);
	tcase_add_test(t, world_has_no_more_than_its_limit);
	tcase_add_test(t, world_says_what_is_not_there_to_delete);
	tcase_add_test(t, world_shares_names_between_slices_and_networks);
	tcase_add_test(t, world_refuses_a_wan_named_as_a_port_of_its_site);
	tcase_add_test(t, world_refuses_a_vni_twice);
	tcase_add_test(t, world_chooses_vnis_by_name_and_the_next_where_that_is_taken);
	tcase_add_test(t, world_keeps_a_vni_that_was_chosen);
	suite_add_tcase(s, t);
	t = tcase_create("user plane");
	tcase_add_checked_fixture(t, upf_setup, teardown);
	tcase_add_loop_test(t, world_refuses_references_that_lead_nowhere, 0,
		sizeof(astray) / sizeof(astray[0]));
	tcase_add_test(t, world_keeps_slices_that_sessions_and_local_networks_use);
	tcase_add_test(t, world_chooses_an_fteid_and_keeps_it);
	tcase_add_test(t, world_numbers_sessions_closely);
	tcase_add_test(t, world_keeps_an_fteid_at_its_address_alone);
	tcase_add_test(t, world_gives_no_fteid_twice);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return suite_main(suite());
}
