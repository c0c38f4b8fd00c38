/* SPDX-License-Identifier: BSD-3-Clause */
/* The words of control/observe/health.h, over real intents and what a dataplane might list. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "../compile/compile_rig.h"
#include "../suite.h"
#include "by_key.h"
#include "health.h"

#define INTENTS                                                                                    \
	"[{'kind':'site','name':'a','ports':[{'name':'lan','device':'net_null0'}]},"               \
	"{'kind':'site','name':'b','ports':[{'name':'lan'}]},"                                     \
	"{'kind':'site','name':'c','ports':[{'name':'lan'}]},"                                     \
	"{'kind':'wan','name':'aw','site':'a','device':'net_null1','addresses':['198.18.0.1/24']}" \
	",{'kind':'wan','name':'bw','site':'b','addresses':['198.18.0.2/24']},"                    \
	"{'kind':'wan','name':'cw','site':'c','addresses':['198.18.0.3/24']},"                     \
	"{'kind':'slice','name':'s','endpoints':[{'site':'a','port':'lan'},"                       \
	"{'site':'b','port':'lan'},{'site':'c','port':'lan'}]},"                                   \
	"{'kind':'slice','name':'g','encap':'geneve','endpoints':[{'site':'a','port':'lan',"       \
	"'vlan':5},{'site':'b','port':'lan','vlan':5}]},"                                          \
	"{'kind':'slice','name':'none'},"                                                          \
	"{'kind':'slice','name':'m','service':'l3','endpoints':[{'site':'a','port':'lan',"         \
	"'vlan':7,'gateway':'198.18.7.1/24'}]},"                                                   \
	"{'kind':'session','name':'u','site':'a','slice':'m','ue':{'ipv4':'10.60.0.1'},"           \
	"'pdrs':[{'id':1,'precedence':1,'source':'core','far':1}],'fars':[{'id':1,"                \
	"'action':'forward','destination':'access','outer_header':{'teid':9,"                      \
	"'peer':'198.18.3.2'}}]}]"

#define PORT(name)	 "{'name':'" name "','link':true}"
#define TUNNEL(n, state) "{'name':'" n "','state':'" state "'}"
#define UP		 "up via aw 198.18.0.9"
#define PORTS		 "[" PORT("lan") "," PORT("aw") "]"
#define TUNNELS		 "[" TUNNEL("aw:bw", UP) "," TUNNEL("aw:cw", UP) "," TUNNEL("aw:bw:g", UP) "]"
#define PEER(address, state, path)                                                                 \
	"{'match':{'gtpu':'n3','peer':'" address "'},'params':{'state':'" state "','path':'" path  \
	"'}}"

static struct world *world;
static struct health_facts facts;
static struct health health;

static json_t *json_of(const char *text)
{
	char *copy = strdup(text);
	json_t *json;

	for (char *c = copy; *c; c++)
		if (*c == '\'')
			*c = '"';
	json = json_loads(copy, 0, NULL);
	ck_assert_msg(json, "not JSON: %s", text);
	free(copy);
	return json;
}

static void lists_free(void)
{
	json_decref((json_t *)facts.ports);
	json_decref((json_t *)facts.tunnels);
	json_decref((json_t *)facts.peers);
	health_facts_clear(&facts);
}

static void lists(const char *ports, const char *tunnels, const char *peers)
{
	lists_free();
	facts.ports = by_key(json_of(ports));
	facts.tunnels = by_key(json_of(tunnels));
	facts.peers = by_key(json_of(peers));
	health_facts_judge(&facts);
	facts.world = world;
	facts.site = "a";
	facts.dataplane = "up";
	facts.why = "";
	facts.reconciler.synced = true;
}

static struct intent *find(enum intent_type type, const char *name)
{
	struct intent *intent = world_find(world, type, name);

	ck_assert_ptr_nonnull(intent);
	return intent;
}

static void setup(void)
{
	static const char *const here[] = {"a", "aw", "s", "g", "m", "u", NULL};

	world = rig_world_of(INTENTS);
	for (int type = 0; type < INTENT_TYPES; type++)
		for (struct intent *i = world_first(world, type); i; i = world_next(i)) {
			i->status.state = INTENT_ELSEWHERE;
			for (int n = 0; here[n]; n++)
				if (!strcmp(here[n], i->name))
					i->status.state = INTENT_APPLIED;
		}
	lists(PORTS, TUNNELS, "[]");
}

static void teardown(void)
{
	lists_free();
	world_free(world);
}

static void expect(bool is_well, const char *word, const char *cause)
{
	ck_assert_str_eq(health.word, word);
	ck_assert_int_eq(is_well, !strcmp(word, "well") || !strcmp(word, "elsewhere"));
	if (cause)
		ck_assert_str_eq(health.cause, cause);
	ck_assert_int_eq(!health.text[0], is_well);
}
#define OF(type, name) health_intent(&facts, find(type, name), &health)

START_TEST(all_is_well)
{
	expect(health_box(&facts, &health), "well", "");
	expect(OF(INTENT_SITE, "a"), "well", "");
	expect(OF(INTENT_WAN, "aw"), "well", "");
	expect(OF(INTENT_SLICE, "s"), "well", "");
	expect(OF(INTENT_SLICE, "g"), "well", "");
	expect(OF(INTENT_SESSION, "u"), "well", "");
	expect(OF(INTENT_WAN, "bw"), "elsewhere", "");
	expect(OF(INTENT_SLICE, "none"), "no_endpoints", "");
}
END_TEST

START_TEST(ports)
{
	lists("[{'name':'lan','link':false}," PORT("aw") "]", TUNNELS, "[]");
	expect(health_port(&facts, "lan", &health), "no_link", "");
	ck_assert_str_eq(health.text, "port lan has no link");
	expect(OF(INTENT_SLICE, "s"), "no_link", "port:lan");
	expect(OF(INTENT_SITE, "a"), "no_link", "port:lan");
	expect(OF(INTENT_SESSION, "u"), "no_link", "port:lan");
	expect(OF(INTENT_WAN, "aw"), "well", "");
	lists("[{'name':'lan','link':true,'fault':'its XDP program is gone'}," PORT("aw") "]",
		TUNNELS, "[]");
	expect(health_port(&facts, "lan", &health), "fault", "");
	ck_assert_str_eq(health.text, "port lan: its XDP program is gone");
	expect(OF(INTENT_SLICE, "s"), "fault", "port:lan");
	ck_assert_str_eq(health.text, "nothing comes in by port lan");
	lists("[{'name':'aw','link':true,'gone':true}," PORT("lan") "]", TUNNELS, "[]");
	expect(OF(INTENT_WAN, "aw"), "gone", "port:aw");
	lists("[" PORT("aw") "]", TUNNELS, "[]");
	expect(OF(INTENT_SLICE, "s"), "pending", "port:lan");
}
END_TEST

START_TEST(faults_of_ports)
{
	const char *text = "interface e0 has an MTU of 1400";

	lists("[{'name':'lan','link':true,'fault':'interface e0 has an MTU of 1400'}," PORT(
		      "aw") "]",
		TUNNELS, "[]");
	expect(health_port(&facts, "lan", &health), "interface_mtu", "");
	ck_assert_str_eq(health.text, text);
	expect(OF(INTENT_SITE, "a"), "interface_mtu", "port:lan");
	expect(OF(INTENT_SLICE, "s"), "interface_mtu", "port:lan");
	expect(OF(INTENT_SESSION, "u"), "interface_mtu", "port:lan");
	expect(OF(INTENT_WAN, "aw"), "well", "");
	lists("[{'name':'aw','link':true,'tap_lost':true,'fault':'the twin aw of port aw is "
	      "gone'}," PORT("lan") "]",
		"[" TUNNEL("aw:bw", "down: no neighbor x") "]", "[]");
	expect(OF(INTENT_WAN, "aw"), "twin", "port:aw");
	ck_assert_str_eq(health.text, "the twin aw of port aw is gone");
	/* a WAN's: of what goes over it, too, though its tunnels are up */
	lists("[{'name':'aw','link':true,'fault':'interface e0 has an MTU of 1400'}," PORT(
		      "lan") "]",
		TUNNELS, "[]");
	expect(OF(INTENT_WAN, "aw"), "interface_mtu", "port:aw");
	expect(OF(INTENT_SLICE, "s"), "interface_mtu", "port:aw");
	ck_assert_str_eq(health.text, "port aw loses large frames");
	expect(OF(INTENT_SLICE, "m"), "well", ""); /* at this site alone */
	expect(OF(INTENT_SITE, "a"), "well", "");
}
END_TEST

START_TEST(tunnels)
{
	const struct intent *s = find(INTENT_SLICE, "s");
	const struct intent_endpoint *ends = s->obj->slice.endpoints.item;

	lists(PORTS, "[" TUNNEL("aw:bw", UP) "," TUNNEL("aw:cw", "down: no link to 1.2.3.4") "]",
		"[]");
	expect(health_tunnel(&facts, "aw:cw", &health), "no_link", "");
	ck_assert_str_eq(health.text, "tunnel aw:cw down (no link to 1.2.3.4)");
	expect(OF(INTENT_SLICE, "s"), "no_link", "tunnel:aw:cw");
	expect(health_endpoint(&facts, s, &ends[0], &health), "well", "");
	expect(health_endpoint(&facts, s, &ends[1], &health), "well", "");
	expect(health_endpoint(&facts, s, &ends[2], &health), "no_link", "tunnel:aw:cw");
	expect(OF(INTENT_SLICE, "g"), "pending", "tunnel:aw:bw:g"); /* not VXLAN's */
	lists(PORTS, "[" TUNNEL("aw:bw:g", "down: no neighbor 1.2.3.4") "]", "[]");
	expect(OF(INTENT_SLICE, "g"), "unresolved", "tunnel:aw:bw:g");
	lists(PORTS, "[" TUNNEL("aw:bw:g", "down: no route") "]", "[]");
	expect(OF(INTENT_SLICE, "g"), "no_route", "tunnel:aw:bw:g");
}
END_TEST

START_TEST(peers)
{
	lists(PORTS, TUNNELS,
		"[" PEER("198.18.3.2", "up via n3 x", "down") "," PEER("198.18.3.3", UP, "up") "]");
	expect(health_peer(&facts, "n3 198.18.3.2", &health), "path_down", "");
	expect(health_peer(&facts, "n3 198.18.3.3", &health), "well", "");
	expect(OF(INTENT_SESSION, "u"), "path_down", "peer:n3 198.18.3.2");
	lists(PORTS, TUNNELS, "[" PEER("198.18.3.2", "down: no neighbor x", "unknown") "]");
	expect(OF(INTENT_SESSION, "u"), "unresolved", "peer:n3 198.18.3.2");
	lists(PORTS, TUNNELS, "[" PEER("198.18.3.3", "up via n3 x", "down") "]"); /* another's */
	expect(OF(INTENT_SESSION, "u"), "well", "");
	lists(PORTS, TUNNELS, "[" PEER("198.18.3.2", "up via n3 x", "unknown") "]");
	expect(OF(INTENT_SESSION, "u"), "well", "");
}
END_TEST

static bool is_well_when_told(const char *session, int teid, const char *peer, int revision)
{
	bool is_well;

	facts.indicated = json_pack(
		"{s:{s:i, s:s, s:i}}", session, "teid", teid, "peer", peer, "revision", revision);
	is_well = OF(INTENT_SESSION, "u");
	json_decref(facts.indicated);
	facts.indicated = NULL;
	return is_well;
}

START_TEST(a_peer_that_does_not_know_a_teid_is_believed_until_the_session_is_another)
{
	int revision = (int)world_find(world, INTENT_SESSION, "u")->revision;

	lists(PORTS, TUNNELS, "[" PEER("198.18.3.2", UP, "up") "]");
	expect(is_well_when_told("u", 9, "198.18.3.2", revision), "tunnel_unknown", "");
	ck_assert_ptr_nonnull(strstr(health.text, "TEID 9"));
	expect(is_well_when_told("u", 9, "198.18.3.2", revision + 1), "well", "");
	expect(is_well_when_told("u", 8, "198.18.3.2", revision), "well", "");
	expect(is_well_when_told("u", 9, "198.18.3.3", revision), "well", "");
	expect(is_well_when_told("v", 9, "198.18.3.2", revision), "well", "");
}
END_TEST

START_TEST(states_of_intents)
{
	struct intent *s = find(INTENT_SLICE, "s");

	s->status.state = INTENT_PENDING;
	expect(OF(INTENT_SLICE, "s"), "pending", "");
	s->status.state = INTENT_REFUSED;
	strcpy(s->status.reason, "the VNI is taken");
	expect(OF(INTENT_SLICE, "s"), "refused", "");
	ck_assert_ptr_nonnull(strstr(health.text, "the VNI is taken"));
	find(INTENT_SLICE, "m")->status.state = INTENT_REFUSED;
	expect(OF(INTENT_SESSION, "u"), "refused", "slice:m");
	facts.gaps = json_of("{'g':'network namespace red is not there'}");
	expect(OF(INTENT_SLICE, "g"), "kernel_incomplete", "");
}
END_TEST

START_TEST(box)
{
	facts.reconciler.synced = false;
	facts.reconciler.differing = 3;
	expect(health_box(&facts, &health), "not_synced", "");
	ck_assert_str_eq(health.text, "the dataplane is not as wanted: 3 objects differ");
	facts.reconciler.differing = 1;
	expect(health_box(&facts, &health), "not_synced", "");
	ck_assert_str_eq(health.text, "the dataplane is not as wanted: 1 object differs");
	facts.reconciler.differing = 0; /* what is wanted is not known yet */
	facts.reconciler.pending = 2;
	expect(health_box(&facts, &health), "not_synced", "");
	ck_assert_str_eq(health.text, "changes are on their way to the dataplane");
	facts.reconciler.pending = 0;
	expect(health_box(&facts, &health), "not_synced", "");
	ck_assert_str_eq(health.text, "what the dataplane has is still being read");
	facts.reconciler.synced = true; /* what is refused differs, and says so itself */
	expect(health_box(&facts, &health), "well", "");
	facts.mirror_waits = true;
	expect(health_box(&facts, &health), "pending", "");
	facts.mirror_why = "sluice-kernel is not there";
	expect(health_box(&facts, &health), "kernel_down", "");
	ck_assert_str_eq(health.text, facts.mirror_why);
	facts.dataplane = "hung";
	expect(health_box(&facts, &health), "dataplane_hung", "");
	facts.dataplane = "down";
	expect(health_box(&facts, &health), "dataplane_down", "");
	facts.why = "the dataplane refuses sluice-control: uid 7 may not";
	expect(health_box(&facts, &health), "dataplane_down", "");
	ck_assert_str_eq(health.text, facts.why);
	expect(health_dataplane(&facts, &health), "dataplane_down", ""); /* a tenant's */
	ck_assert_str_eq(health.text, "the dataplane is down");
	expect(health_port(&facts, "lan", &health), "dataplane_down", "box:a");
	ck_assert_str_eq(health.text, "the dataplane is down");
	expect(health_tunnel(&facts, "aw:bw", &health), "dataplane_down", "box:a");
	expect(OF(INTENT_SLICE, "s"), "dataplane_down", "box:a");
	expect(OF(INTENT_SESSION, "u"), "dataplane_down", "box:a");
	expect(OF(INTENT_SITE, "a"), "dataplane_down", "box:a");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("health");
	TCase *tcase = tcase_create("health");

	intent_types_init();
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, all_is_well);
	tcase_add_test(tcase, ports);
	tcase_add_test(tcase, faults_of_ports);
	tcase_add_test(tcase, tunnels);
	tcase_add_test(tcase, peers);
	tcase_add_test(
		tcase, a_peer_that_does_not_know_a_teid_is_believed_until_the_session_is_another);
	tcase_add_test(tcase, states_of_intents);
	tcase_add_test(tcase, box);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
