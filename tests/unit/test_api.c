/* SPDX-License-Identifier: BSD-3-Clause */
/* The codec of dataplane/objects: what it takes, what it refuses and how the refusal reads. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "schema.h"

static union api_object object;
static struct rpc_error err;

static int decode(const char *type, const char *text)
{
	json_error_t where;
	json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, &where);
	int rc;

	ck_assert_msg(json != NULL, "%s: %s", text, where.text);
	memset(&err, 0, sizeof(err));
	rc = api_decode(api_type_find(type), json, "objects[0]", &object, &err);
	json_decref(json);
	return rc;
}

/* what is refused: the field it names, and what it wanted */
static const struct {
	const char *type, *text, *path, *want, *got;
} refused[] = {
	{"attachment", "{\"name\":\"a\",\"slice\":\"s\",\"port\":\"p\",\"vlan\":5000}",
		"objects[0].vlan", "integer 1 to 4094", "5000"},
	{"attachment", "{\"name\":\"a\",\"slice\":\"s\",\"port\":\"p\",\"vlan\":0}",
		"objects[0].vlan", "integer 1 to 4094", "0"},
	{"attachment", "{\"name\":\"a\",\"slice\":\"s\",\"port\":\"p\",\"vlan\":1.0}",
		"objects[0].vlan", "integer 1 to 4094", "1.0"},
	{"attachment", "{\"name\":\"a\",\"slice\":7,\"port\":\"p\"}", "objects[0].slice",
		"the name of a slice", "7"},
	{"attachment", "{\"name\":\"a\",\"port\":\"p\"}", "objects[0].slice", "the name of a slice",
		"nothing"},
	{"slice", "{\"name\":\"a b\",\"vni\":1}", "objects[0].name", NULL, "\"a b\""},
	{"slice", "{\"name\":\"\",\"vni\":1}", "objects[0].name", NULL, "\"\""},
	{"slice", "{\"name\":\"a\",\"vni\":16777216}", "objects[0].vni", "integer 1 to 16777215",
		"16777216"},
	{"slice", "{\"name\":\"a\",\"vni\":-1}", "objects[0].vni", NULL, "-1"},
	{"slice", "{\"name\":\"a\",\"vni\":1,\"kind\":\"l4\"}", "objects[0].kind",
		"\"l2\" or \"l3\"", "\"l4\""},
	{"slice", "{\"name\":\"a\",\"vni\":1,\"vnii\":2}", "objects[0].vnii", NULL, "\"vnii\""},
	{"slice", "[]", "objects[0]", "an object", "[]"},
	{"tunnel",
		"{\"name\":\"t\",\"encap\":\"vxlan\",\"local\":\"1.2.3\",\"remote\":\"1.2.3.4\"}",
		"objects[0].local", NULL, "\"1.2.3\""},
	{"tunnel",
		"{\"name\":\"t\",\"encap\":\"vxlan\",\"local\":\"1.2.3.4\",\"remote\":\"1.2.3.4/"
		"24\"}",
		"objects[0].remote", NULL, NULL},
	{"address", "{\"port\":\"p\",\"prefix\":\"1.2.3.4\"}", "objects[0].prefix", NULL, NULL},
	{"address", "{\"port\":\"p\",\"prefix\":\"1.2.3.4/33\"}", "objects[0].prefix", NULL, NULL},
	{"address", "{\"port\":\"p\",\"prefix\":\"1.2.3.4/024\"}", "objects[0].prefix", NULL, NULL},
	{"address", "{\"prefix\":\"1.2.3.4/24\"}", "objects[0]", "exactly one of port attachment",
		"none"},
	{"address", "{\"port\":\"p\",\"attachment\":\"a\",\"prefix\":\"1.2.3.4/24\"}", "objects[0]",
		NULL, "more than one"},
	{"mac", "{\"slice\":\"s\",\"mac\":\"02:00:00:00:00\",\"tunnel\":\"t\"}", "objects[0].mac",
		NULL, NULL},
	{"mac", "{\"slice\":\"s\",\"mac\":\"02:00:00:00:00:0g\",\"tunnel\":\"t\"}",
		"objects[0].mac", NULL, NULL},
	{"mac", "{\"slice\":\"s\",\"mac\":\"02:00:00:00:00:00\",\"tunnel\":\"t\",\"learned\":true}",
		"objects[0].learned", NULL, NULL},
	{"route", "{\"table\":\"underlay\",\"prefix\":\"10.0.0.0/8\",\"via\":{}}", "objects[0].via",
		"a list of 0 to 16 next hops", "{}"},
	{"route",
		"{\"table\":\"underlay\",\"prefix\":\"10.0.0.0/"
		"8\",\"via\":[{\"port\":\"p\"},{\"weight\":2}]}",
		"objects[0].via[1]", NULL, NULL},
	{"route",
		"{\"table\":\"underlay\",\"prefix\":\"10.0.0.0/"
		"8\",\"via\":[{\"port\":\"p\",\"weight\":0}]}",
		"objects[0].via[0].weight", "integer 1 to 255", "0"},
	{"session", "{\"name\":\"s\",\"slice\":\"x\",\"fars\":[{\"id\":1,\"action\":\"drop\"}]}",
		"objects[0].pdrs", "a list of 1 to 32 objects", "nothing"},
	{"session",
		"{\"name\":\"s\",\"slice\":\"x\",\"pdrs\":[],\"fars\":[{\"id\":1,\"action\":"
		"\"drop\"}]}",
		"objects[0].pdrs", NULL, "[]"},
	{"session",
		"{\"name\":\"s\",\"slice\":\"x\",\"pdrs\":{},\"fars\":[{\"id\":1,\"action\":"
		"\"drop\"}]}",
		"objects[0].pdrs", NULL, "{}"},
	{"session",
		"{\"name\":\"s\",\"slice\":\"x\",\"pdrs\":[{\"id\":1,\"precedence\":1,\"source\":"
		"\"access\",\"far\":1,\"teid\":0}],\"fars\":[{\"id\":1,\"action\":\"drop\"}]}",
		"objects[0].pdrs[0].teid", "integer 1 to 4294967295", "0"},
	{"session",
		"{\"name\":\"s\",\"slice\":\"x\",\"pdrs\":[{\"id\":1,\"precedence\":1,\"source\":"
		"\"access\",\"far\":1,\"outer_header_removal\":2}],\"fars\":[{\"id\":1,\"action\":"
		"\"drop\"}]}",
		"objects[0].pdrs[0].outer_header_removal", "integer 0 or 1 or 6", "2"},
	{"session",
		"{\"name\":\"s\",\"slice\":\"x\",\"pdrs\":[{\"id\":1,\"precedence\":1,\"source\":"
		"\"access\",\"far\":1,\"outer_header_removal\":64}],\"fars\":[{\"id\":1,\"action\":"
		"\"drop\"}]}",
		"objects[0].pdrs[0].outer_header_removal", NULL, "64"},
	{"session",
		"{\"name\":\"s\",\"slice\":\"x\",\"pdrs\":[{\"id\":1,\"precedence\":1,\"source\":"
		"\"access\",\"far\":1,\"filters\":\"any\"}],\"fars\":[{\"id\":1,\"action\":"
		"\"drop\"}]}",
		"objects[0].pdrs[0].filters", "a list of 0 to 2048 texts", NULL},
	{"session",
		"{\"name\":\"s\",\"slice\":\"x\",\"pdrs\":[{\"id\":1,\"precedence\":1,\"source\":"
		"\"access\",\"far\":1,\"filters\":[\"permit out ip from any to "
		"assigned\",7]}],\"fars\":[{\"id\":1,\"action\":\"drop\"}]}",
		"objects[0].pdrs[0].filters[1]", "printable text of 1 to 255 characters", "7"},
	{"session",
		"{\"name\":\"s\",\"slice\":\"x\",\"pdrs\":[{\"id\":1,\"precedence\":1,\"source\":"
		"\"access\",\"far\":1,\"filters\":[\"\"]}],\"fars\":[{\"id\":1,\"action\":\"drop\"}"
		"]}",
		"objects[0].pdrs[0].filters[0]", NULL, NULL},
	{"session",
		"{\"name\":\"s\",\"slice\":\"x\",\"pdrs\":[{\"id\":1,\"precedence\":1,\"source\":"
		"\"access\",\"far\":1,\"qers\":[1,-1]}],\"fars\":[{\"id\":1,\"action\":\"drop\"}]}",
		"objects[0].pdrs[0].qers[1]", "integer 0 to 4294967295", "-1"},
	{"session",
		"{\"name\":\"s\",\"slice\":\"x\",\"pdrs\":[{\"id\":1,\"precedence\":1,\"source\":"
		"\"access\",\"far\":1,\"qfi\":64}],\"fars\":[{\"id\":1,\"action\":\"drop\"}]}",
		"objects[0].pdrs[0].qfi", NULL, NULL},
	{"session",
		"{\"name\":\"s\",\"slice\":\"x\",\"pdrs\":[{\"id\":1,\"precedence\":1,\"source\":"
		"\"access\",\"far\":1,\"ethernet\":[{\"vlan\":4095}]}],\"fars\":[{\"id\":1,"
		"\"action\":\"drop\"}]}",
		"objects[0].pdrs[0].ethernet[0].vlan", NULL, "4095"},
	{"session",
		"{\"name\":\"s\",\"slice\":\"x\",\"pdrs\":[{\"id\":1,\"precedence\":1,\"source\":"
		"\"access\",\"far\":1}],\"fars\":[{\"id\":1,\"action\":\"drop\",\"outer_header\":{"
		"\"teid\":5}}]}",
		"objects[0].fars[0].outer_header.peer", "an IPv4 or IPv6 address", "nothing"},
	{"session",
		"{\"name\":\"s\",\"slice\":\"x\",\"pdrs\":[{\"id\":1,\"precedence\":1,\"source\":"
		"\"access\",\"far\":1}],\"fars\":[{\"id\":1,\"action\":\"drop\",\"outer_header\":{"
		"\"teid\":0,\"peer\":\"1.2.3.4\"}}]}",
		"objects[0].fars[0].outer_header.teid", NULL, NULL},
	{"session",
		"{\"name\":\"s\",\"slice\":\"x\",\"pdrs\":[{\"id\":1,\"precedence\":1,\"source\":"
		"\"access\",\"far\":1}],\"fars\":[{\"id\":1,\"action\":\"drop\",\"outer_header\":7}"
		"]}",
		"objects[0].fars[0].outer_header", "an object of teid, peer, gtpu", "7"},
	{"session",
		"{\"name\":\"s\",\"slice\":\"x\",\"pdrs\":[{\"id\":1,\"precedence\":1,\"source\":"
		"\"access\",\"far\":1}],\"fars\":[{\"id\":1,\"action\":\"drop\",\"duplicate_to\":{"
		"\"teid\":1,\"peer\":\"1.2.3.4\",\"x\":1}}]}",
		"objects[0].fars[0].duplicate_to.x", NULL, NULL},
	{"session",
		"{\"name\":\"s\",\"slice\":\"x\",\"pdrs\":[{\"id\":1,\"precedence\":1,\"source\":"
		"\"access\",\"far\":1}],\"fars\":[{\"id\":1,\"action\":\"drop\"}],\"ue\":{\"ipv4\":"
		"\"::1\"}}",
		"objects[0].ue.ipv4", "an IPv4 address", NULL},
	{"session",
		"{\"name\":\"s\",\"slice\":\"x\",\"pdrs\":[{\"id\":1,\"precedence\":1,\"source\":"
		"\"access\",\"far\":1}],\"fars\":[{\"id\":1,\"action\":\"drop\"}],\"ue\":{\"ipv6\":"
		"\"10.0.0.0/8\"}}",
		"objects[0].ue.ipv6", "an IPv6 prefix like \"2001:db8::/64\"", NULL},
	{"session",
		"{\"name\":\"s\",\"slice\":\"x\",\"pdrs\":[{\"id\":1,\"precedence\":1,\"source\":"
		"\"access\",\"far\":1}],\"fars\":[{\"id\":1,\"action\":\"drop\"}],\"ue\":{"
		"\"framed\":[\"10.0.0.0/8\",\"x\"]}}",
		"objects[0].ue.framed[1]", NULL, NULL},
	{"session",
		"{\"name\":\"s\",\"slice\":\"x\",\"pdrs\":[{\"id\":1,\"precedence\":1,\"source\":"
		"\"access\",\"far\":1}],\"fars\":[{\"id\":1,\"action\":\"drop\"}],\"urrs\":[{"
		"\"id\":1,\"measure\":[]}]}",
		"objects[0].urrs[0].measure", NULL, "[]"},
	{"session",
		"{\"name\":\"s\",\"slice\":\"x\",\"pdrs\":[{\"id\":1,\"precedence\":1,\"source\":"
		"\"access\",\"far\":1}],\"fars\":[{\"id\":1,\"action\":\"drop\"}],\"urrs\":[{"
		"\"id\":1,\"measure\":[\"volume\",\"bytes\"]}]}",
		"objects[0].urrs[0].measure[1]", "\"volume\" or \"duration\"", "\"bytes\""},
	{"session",
		"{\"name\":\"s\",\"slice\":\"x\",\"pdrs\":[{\"id\":1,\"precedence\":1,\"source\":"
		"\"access\",\"far\":1}],\"fars\":[{\"id\":1,\"action\":\"drop\"}],\"bar\":[]}",
		"objects[0].bar", NULL, "[]"},
	{"session",
		"{\"name\":\"s\",\"slice\":\"x\",\"pdrs\":[{\"id\":1,\"precedence\":1,\"source\":"
		"\"access\",\"far\":1}],\"fars\":[{\"id\":1,\"action\":\"drop\"}],\"has_bar\":"
		"true}",
		"objects[0].has_bar", NULL, NULL},
	{"port", "{\"name\":\"p\",\"device\":\"\"}", "objects[0].device", NULL, NULL},
	{"port", "{\"name\":\"p\",\"device\":\"d\\u007f\"}", "objects[0].device", NULL, NULL},
	{"port", "{\"name\":\"p\",\"device\":\"d\\u00e4\"}", "objects[0].device", NULL, NULL},
	{"mac", "{\"slice\":\"s\",\"mac\":\"02:ab:00:00:00:01:02\",\"tunnel\":\"t\"}",
		"objects[0].mac", NULL, NULL},
	{"mac", "{\"slice\":\"s\",\"mac\":\"02:ab:00:00:00:010\",\"tunnel\":\"t\"}",
		"objects[0].mac", NULL, NULL},
	{"attachment", "{\"name\":\"a\",\"slice\":\"s\",\"port\":\"p\",\"tap\":\"\"}",
		"objects[0].tap", NULL, "\"\""},
	{"attachment",
		"{\"name\":\"a\",\"slice\":\"s\",\"port\":\"p\",\"tap\":\"blue-site-a-1.56\"}",
		"objects[0].tap", "printable text of 1 to 15 characters", "\"blue-site-a-1.56\""},
	{"attachment", "{\"name\":\"a\",\"slice\":\"s\",\"port\":\"p\",\"tap_index\":7}",
		"objects[0].tap_index", NULL, NULL},
	{"slice", "{\"name\":\"s\",\"vni\":1,\"tunnel_learning\":0}", "objects[0].tunnel_learning",
		"true or false", "0"},
	{"mac",
		"{\"slice\":\"s\",\"mac\":\"02:AB:00:00:00:01\",\"tunnel\":\"t\",\"overtaken\":"
		"true}",
		"objects[0].overtaken", NULL, NULL},
	{"port", "{\"name\":\"p\",\"device\":\"d\",\"tap\":1}", "objects[0].tap", "true or false",
		"1"},
};

START_TEST(decode_names_the_field_it_refuses)
{
	ck_assert_int_eq(decode(refused[_i].type, refused[_i].text), -1);
	ck_assert_int_eq(err.code, RPC_ERR_PARAMS);
	ck_assert_str_eq(err.path, refused[_i].path);
	if (refused[_i].want)
		ck_assert_str_eq(err.want, refused[_i].want);
	if (refused[_i].got)
		ck_assert_str_eq(err.got, refused[_i].got);
}
END_TEST

/* what is taken: its key and how an answer shows it (members in any order) */
static const struct {
	const char *type, *text, *key, *answer;
} taken[] = {
	{"slice", "{\"name\":\"blue\",\"vni\":100}", "blue",
		"{\"name\":\"blue\",\"vni\":100,\"kind\":\"l2\",\"max_macs\":65536,\"mac_ageing_"
		"s\":300,"
		"\"flood_pps\":10000,\"mss_clamp\":false,\"suppress\":false}"},
	{"attachment", "{\"name\":\"a\",\"slice\":\"s\",\"port\":\"p\"}", "a",
		"{\"name\":\"a\",\"slice\":\"s\",\"port\":\"p\"}"},
	{"slice", "{\"name\":\"blue\",\"vni\":100,\"tunnel_learning\":false}", "blue",
		"{\"name\":\"blue\",\"vni\":100,\"kind\":\"l2\",\"max_macs\":65536,\"mac_ageing_"
		"s\":300,\"flood_pps\":10000,\"mss_clamp\":false,\"suppress\":false,"
		"\"tunnel_learning\":false}"},
	{"slice", "{\"name\":\"blue\",\"vni\":100,\"tunnel_learning\":true}", "blue",
		"{\"name\":\"blue\",\"vni\":100,\"kind\":\"l2\",\"max_macs\":65536,\"mac_ageing_"
		"s\":300,\"flood_pps\":10000,\"mss_clamp\":false,\"suppress\":false}"},
	{"attachment",
		"{\"name\":\"a\",\"slice\":\"s\",\"port\":\"p\",\"tap\":\"blue-site-a-1.5\"}", "a",
		"{\"name\":\"a\",\"slice\":\"s\",\"port\":\"p\",\"tap\":\"blue-site-a-1.5\"}"},
	{"mac",
		"{\"slice\":\"s\",\"mac\":\"02:AB:00:00:00:01\",\"tunnel\":\"t\",\"movable\":"
		"true}",
		"s 02:ab:00:00:00:01",
		"{\"slice\":\"s\",\"mac\":\"02:ab:00:00:00:01\",\"tunnel\":\"t\",\"movable\":"
		"true}"},
	{"mac", "{\"slice\":\"s\",\"mac\":\"02:AB:00:00:00:01\",\"tunnel\":\"t\"}",
		"s 02:ab:00:00:00:01",
		"{\"slice\":\"s\",\"mac\":\"02:ab:00:00:00:01\",\"tunnel\":\"t\"}"},
	{"address", "{\"port\":\"p\",\"prefix\":\"2001:DB8:0::1/64\"}", "p 2001:db8::1/64",
		"{\"port\":\"p\",\"prefix\":\"2001:db8::1/64\"}"},
	{"neighbor", "{\"attachment\":\"a\",\"address\":\"1.2.3.4\",\"mac\":\"02:00:00:00:00:01\"}",
		"a 1.2.3.4",
		"{\"attachment\":\"a\",\"address\":\"1.2.3.4\",\"mac\":\"02:00:00:00:00:01\"}"},
	{"route",
		"{\"table\":\"underlay\",\"prefix\":\"0.0.0.0/"
		"0\",\"via\":[{\"address\":\"1.2.3.4\"}]}",
		"underlay 0.0.0.0/0",
		"{\"table\":\"underlay\",\"prefix\":\"0.0.0.0/"
		"0\",\"via\":[{\"address\":\"1.2.3.4\","
		"\"weight\":1}]}"},
	{"member", "{\"slice\":\"s\",\"tunnel\":\"t\"}", "s t",
		"{\"slice\":\"s\",\"tunnel\":\"t\"}"},
	{"tunnel",
		"{\"name\":\"t\",\"encap\":\"vxlan\",\"local\":\"1.2.3.4\",\"remote\":\"1.2.3.5\","
		"\"dscp\":0}",
		"t",
		"{\"name\":\"t\",\"encap\":\"vxlan\",\"local\":\"1.2.3.4\",\"remote\":\"1.2.3.5\","
		"\"dst_port\":4789,\"ttl\":64,\"df\":true,\"fragment\":false,\"dscp\":0,\"udp_"
		"csum\":\"auto\","
		"\"accept_zero_csum6\":true}"},
	{"tunnel", "{\"name\":\"t\",\"encap\":\"geneve\",\"local\":\"::1\",\"remote\":\"::2\"}",
		"t",
		"{\"name\":\"t\",\"encap\":\"geneve\",\"local\":\"::1\",\"remote\":\"::2\","
		"\"dst_port\":6081,\"ttl\":64,\"df\":true,\"fragment\":false,\"udp_csum\":\"auto\","
		"\"accept_zero_csum6\":false}"},
	{"tunnel",
		"{\"name\":\"t\",\"encap\":\"vxlan\",\"local\":\"::1\",\"remote\":\"::2\","
		"\"fragment\":true}",
		"t",
		"{\"name\":\"t\",\"encap\":\"vxlan\",\"local\":\"::1\",\"remote\":\"::2\","
		"\"dst_port\":4789,\"ttl\":64,\"df\":false,\"fragment\":true,\"udp_csum\":\"auto\","
		"\"accept_zero_csum6\":true}"},
	{"tunnel",
		"{\"name\":\"t\",\"encap\":\"vxlan\",\"local\":\"::1\",\"remote\":\"::2\","
		"\"accept_zero_csum6\":false}",
		"t",
		"{\"name\":\"t\",\"encap\":\"vxlan\",\"local\":\"::1\",\"remote\":\"::2\","
		"\"dst_port\":4789,\"ttl\":64,\"df\":true,\"fragment\":false,\"udp_csum\":\"auto\","
		"\"accept_zero_csum6\":false}"},
	{"tunnel",
		"{\"name\":\"t\",\"encap\":\"geneve\",\"local\":\"::1\",\"remote\":\"::2\","
		"\"accept_zero_csum6\":true}",
		"t",
		"{\"name\":\"t\",\"encap\":\"geneve\",\"local\":\"::1\",\"remote\":\"::2\","
		"\"dst_port\":6081,\"ttl\":64,\"df\":true,\"fragment\":false,\"udp_csum\":\"auto\","
		"\"accept_zero_csum6\":true}"},
	{"session",
		"{\"name\":\"s\",\"slice\":\"x\",\"ue\":{\"ipv4\":\"10.0.0.1\",\"ipv6\":\"2001:db8:"
		"1::/64\",\"framed\":[\"10.1.0.0/"
		"16\"]},\"pdrs\":[{\"id\":1,\"precedence\":100,\"source\":\"access\",\"teid\":"
		"4294967295,\"gtpu\":\"n3\",\"filters\":[\"permit out ip from any to "
		"assigned\"],\"qfi\":0,\"outer_header_removal\":0,\"far\":1,\"qers\":[1,2],"
		"\"urrs\":[3]},{\"id\":2,\"precedence\":0,\"source\":\"core\",\"slice\":\"y\","
		"\"choose_id\":5,\"ethernet\":[{\"source\":\"02:00:00:00:00:01\",\"vlan\":5}],"
		"\"far\":4294967295}],\"fars\":[{\"id\":1,\"action\":\"forward\",\"destination\":"
		"\"core\",\"end_marker\":true,\"redirect\":\"1.2.3.4\",\"dscp\":0},{\"id\":"
		"4294967295,\"action\":\"buffer\",\"destination\":\"access\",\"notify_cp\":true,"
		"\"outer_header\":{\"teid\":1,\"peer\":\"::1\",\"gtpu\":\"n9\"},\"duplicate_to\":{"
		"\"teid\":2,\"peer\":\"1.2.3.4\"}}],\"qers\":[{\"id\":1,\"gate_ul\":\"closed\","
		"\"gate_dl\":\"open\",\"mbr_ul_bps\":1000000000000,\"qfi\":9,\"burst_ms\":30}],"
		"\"urrs\":[{\"id\":3,\"measure\":[\"duration\"],\"quota_bytes\":0,\"quota_s\":0,"
		"\"threshold_bytes\":9223372036854775807,\"period_s\":60,\"report\":[\"start\","
		"\"stop\"],\"inactivity_s\":1}],\"bar\":{\"packets\":64}}",
		"s",
		"{\"name\":\"s\",\"slice\":\"x\",\"ue\":{\"ipv4\":\"10.0.0.1\",\"ipv6\":\"2001:db8:"
		"1::/64\",\"framed\":[\"10.1.0.0/"
		"16\"]},\"pdrs\":[{\"id\":1,\"precedence\":100,\"source\":\"access\",\"teid\":"
		"4294967295,\"gtpu\":\"n3\",\"filters\":[\"permit out ip from any to "
		"assigned\"],\"qfi\":0,\"outer_header_removal\":0,\"far\":1,\"qers\":[1,2],"
		"\"urrs\":[3]},{\"id\":2,\"precedence\":0,\"source\":\"core\",\"slice\":\"y\","
		"\"choose_id\":5,\"ethernet\":[{\"source\":\"02:00:00:00:00:01\",\"vlan\":5}],"
		"\"far\":4294967295}],\"fars\":[{\"id\":1,\"action\":\"forward\",\"destination\":"
		"\"core\",\"end_marker\":true,\"redirect\":\"1.2.3.4\",\"dscp\":0},{\"id\":"
		"4294967295,\"action\":\"buffer\",\"destination\":\"access\",\"notify_cp\":true,"
		"\"outer_header\":{\"teid\":1,\"peer\":\"::1\",\"gtpu\":\"n9\"},\"duplicate_to\":{"
		"\"teid\":2,\"peer\":\"1.2.3.4\"}}],\"qers\":[{\"id\":1,\"gate_ul\":\"closed\","
		"\"gate_dl\":\"open\",\"mbr_ul_bps\":1000000000000,\"qfi\":9,\"burst_ms\":30}],"
		"\"urrs\":[{\"id\":3,\"measure\":[\"duration\"],\"quota_bytes\":0,\"quota_s\":0,"
		"\"threshold_bytes\":9223372036854775807,\"period_s\":60,\"report\":[\"start\","
		"\"stop\"],\"inactivity_s\":1}],\"bar\":{\"packets\":64}}"},
	{"session",
		"{\"name\":\"s\",\"slice\":\"x\",\"ue\":{\"ipv6\":\"2001:db8:1::9/"
		"64\",\"framed\":[\"10.1.2.3/"
		"16\",\"10.9.0.1\"]},\"pdrs\":[{\"id\":1,\"precedence\":1,\"source\":\"access\","
		"\"far\":1,\"filters\":[],\"qers\":[]}],\"fars\":[{\"action\":\"drop\",\"id\":1}],"
		"\"bar\":{}}",
		"s",
		"{\"name\":\"s\",\"slice\":\"x\",\"ue\":{\"ipv6\":\"2001:db8:1::/"
		"64\",\"framed\":[\"10.1.0.0/16\",\"10.9.0.1/"
		"32\"]},\"pdrs\":[{\"id\":1,\"precedence\":1,\"source\":\"access\",\"far\":1}],"
		"\"fars\":[{\"id\":1,\"action\":\"drop\",\"destination\":\"core\"}],\"bar\":{"
		"\"packets\":64}}"},
	{"gtpu", "{\"name\":\"n3\",\"address\":\"10.0.0.1\",\"interface\":\"access\"}", "n3",
		"{\"name\":\"n3\",\"address\":\"10.0.0.1\",\"interface\":\"access\",\"echo_s\":60,"
		"\"ttl\":64,\"udp_csum\":\"auto\",\"accept_zero_csum6\":false}"},
};

START_TEST(encode_gives_back_what_was_decoded)
{
	const struct api_type *type = api_type_find(taken[_i].type);
	char key[API_KEY_BYTES], key_again[API_KEY_BYTES];
	json_t *want = json_loads(taken[_i].answer, 0, NULL), *got;
	union api_object by_key;

	ck_assert_msg(decode(taken[_i].type, taken[_i].text) == 0, "%s", err.message);
	api_key(type, &object, key);
	ck_assert_str_eq(key, taken[_i].key);
	got = api_encode(type, &object);
	ck_assert_msg(json_equal(got, want), "%s", json_dumps(got, JSON_COMPACT));
	ck_assert_int_eq(api_key_parse(type, key, "key", key_again, &by_key, &err), 0);
	ck_assert_str_eq(key_again, key);
	json_decref(got);
	json_decref(want);
}
END_TEST

START_TEST(key_parse_makes_the_key_canonical)
{
	const struct api_type *type = api_type_find("mac");
	char key[API_KEY_BYTES];

	ck_assert_int_eq(
		api_key_parse(type, " blue  02:AA:00:00:00:01", "key", key, &object, &err), 0);
	ck_assert_str_eq(key, "blue 02:aa:00:00:00:01");
	ck_assert_int_eq(api_key_parse(type, "blue", "key", key, &object, &err), -1);
	ck_assert_str_eq(err.path, "key");
	ck_assert_str_eq(err.want, "a key like \"slice mac\"");
	ck_assert_int_eq(
		api_key_parse(type, "blue 02:AA:00:00:00:01 x", "key", key, &object, &err), -1);
	ck_assert_int_eq(
		api_key_parse(api_type_find("address"), "x", "key", key, &object, &err), -1);
	ck_assert_str_eq(err.want, "a key like \"port|attachment prefix\"");
}
END_TEST

START_TEST(error_prefix_joins_paths)
{
	rpc_fail_value(&err, "vlan", "x", "y");
	rpc_error_prefix(&err, "objects[%d]", 0);
	rpc_error_prefix(&err, "ops[%d]", 3);
	ck_assert_str_eq(err.path, "ops[3].objects[0].vlan");
	rpc_fail_value(&err, "", "x", "y");
	rpc_error_prefix(&err, "keys[%d]", 2);
	ck_assert_str_eq(err.path, "keys[2]");
}
END_TEST

START_TEST(long_values_are_cut_in_errors)
{
	char text[4096] = "{\"name\":\"";

	memset(text + strlen(text), 'x', 3000);
	strcat(text, "\",\"vni\":1}");
	ck_assert_int_eq(decode("slice", text), -1);
	ck_assert_uint_lt(strlen(err.got), 120);
	ck_assert_ptr_nonnull(strstr(err.got, "..."));
}
END_TEST

/* The items of lists outlive their JSON, and are gone with the next object that has lists. */
START_TEST(lists_live_until_the_next_object_with_lists)
{
	static char text[200000];
	char *end = text + sprintf(text, "{\"name\":\"s\",\"slice\":\"x\",\"pdrs\":[{\"id\":1,"
					 "\"precedence\":1,\"source\":\"core\",\"far\":1,"
					 "\"filters\":[");
	const struct api_pdr *pdr;

	for (int i = 0; i < LIMIT_PDR_FILTERS; i++)
		end += sprintf(end, "%s\"permit out 17 from 10.0.0.0/8 %d to assigned\"",
			i ? "," : "", i + 1);
	strcpy(end, "]}],\"fars\":[{\"id\":1,\"action\":\"drop\"}]}");
	for (int again = 0; again < 3; again++) {
		ck_assert_msg(decode("session", text) == 0, "%s", err.message);
		union api_object other;
		json_t *slice = json_loads("{\"name\":\"a\",\"vni\":1}", 0, NULL);

		ck_assert_int_eq(api_decode(api_type_find("slice"), slice, "", &other, &err), 0);
		json_decref(slice);
		pdr = &object.session.pdrs.item[0];
		ck_assert_uint_eq(pdr->filters.count, LIMIT_PDR_FILTERS);
		ck_assert_str_eq(pdr->filters.item[LIMIT_PDR_FILTERS - 1].text,
			"permit out 17 from 10.0.0.0/8 2048 to assigned");
	}
	strcpy(end, ",\"one too many\"]}],\"fars\":[{\"id\":1,\"action\":\"drop\"}]}");
	ck_assert_int_eq(decode("session", text), -1);
	ck_assert_str_eq(err.path, "objects[0].pdrs[0].filters");
	api_decode_free();
}
END_TEST

START_TEST(schema_holds_every_type)
{
	json_t *schema = api_schema(), *defs = json_object_get(schema, "$defs");

	ck_assert_uint_eq(json_object_size(defs), OBJECT_TYPES);
	for (int i = 0; i < OBJECT_TYPES; i++)
		ck_assert_ptr_nonnull(json_object_get(
			json_object_get(json_object_get(defs, api_types[i].name), "properties"),
			api_types[i].fields[0].name));
	json_decref(schema);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("api");
	TCase *tcase = tcase_create("codec");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(
		tcase, decode_names_the_field_it_refuses, 0, sizeof(refused) / sizeof(refused[0]));
	tcase_add_loop_test(
		tcase, encode_gives_back_what_was_decoded, 0, sizeof(taken) / sizeof(taken[0]));
	tcase_add_test(tcase, key_parse_makes_the_key_canonical);
	tcase_add_test(tcase, error_prefix_joins_paths);
	tcase_add_test(tcase, long_values_are_cut_in_errors);
	tcase_add_test(tcase, lists_live_until_the_next_object_with_lists);
	tcase_add_test(tcase, schema_holds_every_type);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
