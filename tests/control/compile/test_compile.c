/* SPDX-License-Identifier: BSD-3-Clause */
/* Rules of the compiler that a golden case does not say by itself: who depends on whom, what does
 * not fit, keys, time. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../suite.h"
#include "compile_rig.h"

#define SITES                                                                                      \
	"{'kind':'site','name':'gj','ports':[{'name':'lan0','device':'net_null1'}],"               \
	"'gtpu':[{'name':'n3','address':'198.18.2.1','interface':'access'}]},"                     \
	"{'kind':'site','name':'bs','ports':[{'name':'lan0'}]},"                                   \
	"{'kind':'wan','name':'gj-w','site':'gj','device':'net_null2',"                            \
	"'addresses':['198.18.0.1/24']},"                                                          \
	"{'kind':'wan','name':'gj-x','site':'gj','device':'net_null3',"                            \
	"'addresses':['198.18.1.1/24']},"                                                          \
	"{'kind':'wan','name':'bs-w','site':'bs','addresses':['198.18.3.1/24']},"

#define BLUE                                                                                       \
	"{'kind':'slice','name':'blue','endpoints':[{'site':'gj','port':'lan0','vlan':1,"          \
	"'wan':'gj-w'},{'site':'bs','port':'lan0','vlan':1,'wan':'bs-w'}]},"
#define EDGE                                                                                       \
	"{'kind':'slice','name':'edge','service':'l3','endpoints':[{'site':'gj','port':'lan0',"    \
	"'vlan':3,'gateway':'10.5.0.1/24'}]},"                                                     \
	"{'kind':'slice','name':'net','service':'l3','endpoints':[{'site':'gj','port':'lan0',"     \
	"'vlan':4,'gateway':'10.4.0.1/24'}]},"
#define SESSION(name, dnn, rest)                                                                   \
	"{'kind':'session','name':'" name "','site':'gj','dnn':'" dnn                              \
	"','slice':'net','ue':{'ipv4':'10.60.0.1'}," rest "'fars':[{'id':1,'action':'forward'}]}"
#define PDR(id, precedence)                                                                        \
	"{'id':" id ",'precedence':" precedence ",'source':'access','gtpu':'n3','far':1}"

/* ---- dependents ---- */

static char found[512];

static void note(struct intent *dependent, void *arg)
{
	char one[160];

	snprintf(one, sizeof(one), "%s %s;", intent_kind(dependent->type), dependent->name);
	if (!strstr(found, one))
		strcat(found, one);
}

static const char *dependents(const struct world *world, enum intent_type type, const char *name)
{
	const struct intent *intent = world_find(world, type, name);

	ck_assert_ptr_nonnull(intent);
	found[0] = '\0';
	compile_dependents(world, type, name, intent->spec, note, NULL);
	return found;
}

START_TEST(hosts_depend_on_the_slice_at_their_place_and_on_the_one_that_was)
{
	struct world *world =
		rig_world_of("[" SITES BLUE "{'kind':'host','name':'h1','site':'gj','port':'lan0',"
			     "'vlan':1,'mac':'02:00:00:00:00:01'},"
			     "{'kind':'host','name':'h2','site':'bs','port':'lan0',"
			     "'vlan':1,'mac':'02:00:00:00:00:02'},"
			     "{'kind':'host','name':'h3','site':'gj','port':'lan0',"
			     "'vlan':7,'mac':'02:00:00:00:00:03'}]");
	json_t *was = json_pack(
		"{s:[{s:s,s:s,s:i}]}", "endpoints", "site", "gj", "port", "lan0", "vlan", 7);

	ck_assert_str_eq(dependents(world, INTENT_SLICE, "blue"), "host h1;host h2;");
	found[0] = '\0';
	compile_dependents(world, INTENT_SLICE, "blue", was, note, NULL);
	ck_assert_str_eq(found, "host h3;");
	json_decref(was);
	world_free(world);
}
END_TEST

START_TEST(what_goes_over_a_wan_and_shares_its_box_depends_on_it)
{
	struct world *world = rig_world_of(
		"[" SITES BLUE "{'kind':'host','name':'h1','site':'gj','port':'lan0','vlan':5,"
		"'mac':'02:00:00:00:00:01'},"
		"{'kind':'host','name':'h2','site':'bs','port':'lan0','vlan':5,"
		"'mac':'02:00:00:00:00:02'},"
		"{'kind':'virtual-dedicated-network','name':'line','hosts':['h1','h2'],"
		"'placements':[{'site':'bs','wan':'bs-w'},{'site':'gj','wan':'gj-w'}]}]");

	ck_assert_str_eq(dependents(world, INTENT_WAN, "bs-w"),
		"site bs;wan bs-w;slice blue;virtual-dedicated-network line;");
	ck_assert_str_eq(dependents(world, INTENT_WAN, "gj-x"), "site gj;wan gj-w;wan gj-x;");
	ck_assert_str_eq(dependents(world, INTENT_HOST, "h2"), "virtual-dedicated-network line;");
	ck_assert_str_eq(dependents(world, INTENT_NETWORK, "line"), "");
	world_free(world);
}
END_TEST

START_TEST(sessions_depend_on_the_local_networks_that_are_for_them)
{
	struct world *world = rig_world_of("[" SITES EDGE SESSION(
		"s1", "a", "'pdrs':[" PDR("1", "9") "],") "," SESSION("s2", "b",
		"'pdrs':[" PDR("1", "9") "],") ","
					       "{'kind':'local-data-network','name':'l',"
					       "'dnn':'b','slice':'edge','prefixes':['10.7.0.0/"
					       "16']}]");

	ck_assert_str_eq(dependents(world, INTENT_LOCAL_NETWORK, "l"), "session s2;");
	ck_assert_str_eq(dependents(world, INTENT_SLICE, "edge"), "session s2;");
	ck_assert_str_eq(dependents(world, INTENT_SLICE, "net"), "");
	ck_assert_str_eq(dependents(world, INTENT_SITE, "gj"),
		"site gj;wan gj-w;wan gj-x;session s1;session s2;");
	ck_assert_str_eq(dependents(world, INTENT_SESSION, "s1"), "");
	world_free(world);
	/* a tenant's local network is not for another tenant's sessions, the operators' is */
	world = rig_world_of(
		"[" SITES "{'kind':'slice','name':'edge','tenant':'u','service':'l3','endpoints':["
		"{'site':'gj','port':'lan0','vlan':3,'gateway':'10.5.0.1/24'}]},"
		"{'kind':'slice','name':'net','tenant':'t','service':'l3','endpoints':["
		"{'site':'gj','port':'lan0','vlan':4,'gateway':'10.4.0.1/24'}]}," SESSION("s1", "a",
			"'tenant':'t','pdrs':[" PDR(
				"1", "9") "],") ","
						"{'kind':'local-data-network','name':'l','tenant':'"
						"u','slice':'edge',"
						"'prefixes':['10.7.0.0/16']},"
						"{'kind':'local-data-network','name':'m','slice':'"
						"edge','prefixes':['10.8.0.0/16']}]");
	ck_assert_str_eq(dependents(world, INTENT_LOCAL_NETWORK, "l"), "");
	ck_assert_str_eq(dependents(world, INTENT_LOCAL_NETWORK, "m"), "session s1;");
	world_free(world);
}
END_TEST

/* ---- meters ---- */

static void expect_meter(unsigned long long committed, unsigned long long peak, const char *want)
{
	struct compiled_list list;
	struct world *world;
	char text[600];

	snprintf(text, sizeof(text),
		"[" SITES "{'kind':'slice','name':'s','bandwidth':{'committed_bps':%llu,"
		"'peak_bps':%llu},'endpoints':[{'site':'gj','port':'lan0','vlan':1}]}]",
		committed, peak);
	world = rig_world_of(text);
	list = rig_compile_one(world, "gj", INTENT_SLICE, "s");
	ck_assert_uint_eq(list.items[0].type, OBJECT_METER);
	ck_assert_str_eq(list.items[0].text, want);
	compiled_list_free(&list);
	world_free(world);
}

START_TEST(meter_bursts_hold_frames_at_low_rates_and_stay_in_range_at_high_ones)
{
	expect_meter(0, 1000,
		"{\"algorithm\":\"trtcm\",\"cbs_bytes\":38488,\"cir_bps\":8,\"color\":\"aware\","
		"\"name\":\"rate-8-1000\",\"pbs_bytes\":38488,\"pir_bps\":1000,"
		"\"yellow\":\"remark\"}");
	expect_meter(1000000000, 1000000000000ull,
		"{\"algorithm\":\"trtcm\",\"cbs_bytes\":50000000,\"cir_bps\":1000000000,"
		"\"color\":\"aware\",\"name\":\"rate-1000000000-1000000000000\","
		"\"pbs_bytes\":4294967295,\"pir_bps\":1000000000000,\"yellow\":\"remark\"}");
}
END_TEST

/* ---- sessions that are full ---- */

static void expect_session_refused(const char *pdrs, const char *locals, const char *path)
{
	struct compiled_list list = {0};
	struct rpc_error err = {0};
	struct world *world;
	size_t size = strlen(pdrs) + strlen(locals) + 2000;
	char *text = malloc(size);

	snprintf(text, size, "[" SITES EDGE "%s" SESSION("s", "a", "'pdrs':[%s],") "]", locals,
		pdrs);
	world = rig_world_of(text);
	ck_assert_int_eq(
		compile_intent(world, "gj", world_find(world, INTENT_SESSION, "s"), &list, &err),
		-EINVAL);
	ck_assert_str_eq(err.path, path);
	ck_assert_ptr_nonnull(strstr(err.message, "local data networks"));
	ck_assert_uint_eq(list.count, 0);
	compiled_list_free(&list);
	world_free(world);
	free(text);
}

#define LOCAL "{'kind':'local-data-network','name':'l','slice':'edge','prefixes':['10.7.0.0/16']},"

START_TEST(local_networks_that_do_not_fit_into_a_session_are_refused)
{
	char pdrs[LIMIT_SESSION_PDRS * 80] = "";

	for (int i = 1; i <= LIMIT_SESSION_PDRS; i++) {
		sprintf(pdrs + strlen(pdrs),
			"%s{'id':%d,'precedence':%d,'source':'access','gtpu':'n3','far':1}",
			i > 1 ? "," : "", i, i + 9);
	}
	expect_session_refused(pdrs, LOCAL, "pdrs");
	expect_session_refused(PDR("1", "0") "," PDR("2", "4294967295"), LOCAL, "pdrs");
}
END_TEST

/* ---- keys of what the dataplane lists ---- */

static bool listed_key(const char *type, const char *listed, char *key)
{
	char *json = strdup(listed);
	json_t *object;
	bool has_key;

	for (char *at = json; (at = strchr(at, '\''));)
		*at = '"';
	object = json_loads(json, JSON_DECODE_ANY, NULL);
	has_key = compile_listed_key(api_type_find(type), object, key);
	json_decref(object);
	free(json);
	return has_key;
}

START_TEST(keys_of_what_is_listed_are_those_of_compiled_objects)
{
	char key[API_KEY_BYTES];

	ck_assert(listed_key("slice", "{'vni':1,'name':'b','static_macs':2,'routes':0}", key));
	ck_assert_str_eq(key, "b");
	ck_assert(listed_key("address", "{'attachment':'a:p.1','prefix':'10.0.0.1/24'}", key));
	ck_assert_str_eq(key, "a:p.1 10.0.0.1/24");
	ck_assert(!listed_key("slice", "[]", key));
	ck_assert(!listed_key("slice", "{'vni':1}", key));
	ck_assert(!listed_key("slice", "{'name':7}", key));
}
END_TEST

/* ---- time ---- */

#define MANY 10000

static struct world *many_slices(void)
{
	size_t size;
	char *text;
	FILE *out = open_memstream(&text, &size);
	struct world *world;

	fprintf(out, "[");
	for (int i = 0; i < 4; i++)
		fprintf(out,
			"{'kind':'site','name':'s%d','ports':[{'name':'p0','device':'net_null1'},"
			"{'name':'p1','device':'net_null3'},{'name':'p2','device':'net_null4'}]},"
			"{'kind':'wan','name':'w%d','site':'s%d','device':'net_null2','mtu':1600,"
			"'addresses':['198.18.%d.1/24']},",
			i, i, i, i);
	for (int i = 0; i < MANY; i++) {
		fprintf(out,
			"%s{'kind':'slice','name':'n%d','bandwidth':{'committed_bps':%d},"
			"'endpoints':[",
			i ? "," : "", i, 1000000 + i % 100);
		for (int k = 0; k < 4; k++)
			fprintf(out, "%s{'site':'s%d','port':'p%d','vlan':%d}", k ? "," : "", k,
				i / 4000, i % 4000 + 1);
		fprintf(out, "]}");
	}
	fprintf(out, "]");
	fclose(out);
	world = rig_world_of(text);
	free(text);
	return world;
}

static double now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts); /* neighbours on the machine do not count */
	return ts.tv_sec * 1e3 + ts.tv_nsec / 1e6;
}

START_TEST(ten_thousand_slices_compile_in_reasonable_time)
{
	struct world *world = many_slices();
	struct compiled_list list = {0};
	struct rpc_error err = {0};
	double begin = now_ms(), took;

	for (const struct intent *i = world_first(world, INTENT_SLICE); i; i = world_next(i))
		ck_assert_int_eq(compile_intent(world, "s1", i, &list, &err), 0);
	took = now_ms() - begin;
	printf("%d slices with 4 sites: %u objects in %.0f ms\n", MANY, list.count, took);
	ck_assert_uint_eq(
		list.count, MANY * 9); /* slice, meter, attachment, 3 tunnels, 3 members */
	ck_assert_msg(took < 10000, "that is 1 ms a slice"); /* sanitizers take ten times as long */
	compiled_list_free(&list);
	world_free(world);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("compile");
	TCase *tcase = tcase_create("compile");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, hosts_depend_on_the_slice_at_their_place_and_on_the_one_that_was);
	tcase_add_test(tcase, what_goes_over_a_wan_and_shares_its_box_depends_on_it);
	tcase_add_test(tcase, sessions_depend_on_the_local_networks_that_are_for_them);
	tcase_add_test(tcase, meter_bursts_hold_frames_at_low_rates_and_stay_in_range_at_high_ones);
	tcase_add_test(tcase, local_networks_that_do_not_fit_into_a_session_are_refused);
	tcase_add_test(tcase, keys_of_what_is_listed_are_those_of_compiled_objects);
	tcase_add_test(tcase, ten_thousand_slices_compile_in_reasonable_time);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
