/* SPDX-License-Identifier: BSD-3-Clause */
/* From objects to what the XDP programs are told (control/xdp/rules.c). */
#include "rules.h"

#include <arpa/inet.h>
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "../suite.h"

static struct xdp_rules rules;

static void teardown(void)
{
	rules_free(&rules);
}

static void add(enum object_type type, const char *text)
{
	ck_assert_int_eq(rules_add(&rules, type, text), 0);
}

static void add_wan(void)
{
	add(OBJECT_PORT, "{\"device\":\"net_af_xdp0,iface=eth1,busy_budget=0\",\"name\":\"wan0\"}");
}

/* The kind of an address and port, 0: not there. */
static __u32 kind_of(const char *address, uint16_t port)
{
	struct xdp_local local = {.port = htons(port)};

	if (inet_pton(AF_INET, address, local.address + 12) == 1)
		local.address[10] = local.address[11] = 0xff;
	else
		ck_assert_int_eq(inet_pton(AF_INET6, address, local.address), 1);
	for (size_t i = 0; i < rules.rules; i++)
		if (!memcmp(&rules.rule[i].local, &local, sizeof(local)))
			return rules.rule[i].kind;
	return 0;
}

START_TEST(port_counts_when_it_is_af_xdp)
{
	add(OBJECT_PORT, "{\"device\":\"net_af_packet0,iface=eth0\",\"name\":\"lan0\"}");
	ck_assert_uint_eq(rules.ports, 0);
	add_wan();
	add_wan();
	ck_assert_uint_eq(rules.ports, 1);
	ck_assert_str_eq(rules.port[0].name, "wan0");
	ck_assert_str_eq(rules.port[0].interface, "eth1");
	ck_assert_uint_eq(rules.port[0].setting.flags, XDP_FILTER);
}
END_TEST

START_TEST(attachments_are_their_ports_vlans)
{
	add_wan();
	add(OBJECT_PORT, "{\"device\":\"net_af_xdp1,iface=eth2\",\"name\":\"lan0\"}");
	add(OBJECT_ATTACHMENT, "{\"name\":\"a\",\"port\":\"lan0\",\"slice\":\"s\",\"vlan\":4094}");
	add(OBJECT_ATTACHMENT, "{\"name\":\"b\",\"port\":\"lan0\",\"slice\":\"s\",\"vlan\":63}");
	add(OBJECT_ATTACHMENT, "{\"name\":\"c\",\"port\":\"wan0\",\"slice\":\"s\"}");
	add(OBJECT_ATTACHMENT, "{\"name\":\"d\",\"port\":\"other\",\"slice\":\"s\",\"vlan\":7}");
	ck_assert_uint_eq(rules.port[0].setting.flags, XDP_FILTER | XDP_UNTAGGED);
	ck_assert_uint_eq(rules.port[1].setting.flags, XDP_FILTER);
	ck_assert_uint_eq(rules.port[0].setting.vlans[0], 0);
	ck_assert_uint_eq(rules.port[1].setting.vlans[0], 1ull << 63);
	ck_assert_uint_eq(rules.port[1].setting.vlans[63], 1ull << 62);
}
END_TEST

START_TEST(locals_have_the_ports_of_their_encapsulation)
{
	add(OBJECT_TUNNEL, "{\"encap\":\"vxlan\",\"local\":\"198.18.0.1\"}");
	add(OBJECT_TUNNEL, "{\"encap\":\"vxlan\",\"local\":\"198.18.0.1\",\"name\":\"2\"}");
	add(OBJECT_TUNNEL, "{\"encap\":\"geneve\",\"local\":\"2001:db8::1\"}");
	add(OBJECT_TUNNEL, "{\"dst_port\":8472,\"encap\":\"vxlan\",\"local\":\"198.18.0.1\"}");
	add(OBJECT_GTPU, "{\"address\":\"198.18.0.9\",\"interface\":\"access\",\"name\":\"n3\"}");
	rules_end(&rules);
	ck_assert_uint_eq(rules.rules, 7); /* four, and three addresses */
	ck_assert_uint_eq(kind_of("198.18.0.1", 4789), XDP_LOCAL_OVERLAY);
	ck_assert_uint_eq(kind_of("198.18.0.1", 8472), XDP_LOCAL_OVERLAY);
	ck_assert_uint_eq(kind_of("198.18.0.1", 6081), 0);
	ck_assert_uint_eq(kind_of("198.18.0.1", 0), XDP_LOCAL_ADDRESS);
	ck_assert_uint_eq(kind_of("2001:db8::1", 6081), XDP_LOCAL_OVERLAY);
	ck_assert_uint_eq(kind_of("198.18.0.9", 2152), XDP_LOCAL_GTPU);
}
END_TEST

START_TEST(what_cannot_be_read_is_passed_over)
{
	add_wan();
	add(OBJECT_PORT, "{\"device\":\"net_af_xdp0\",\"name\":\"x\"}");
	add(OBJECT_PORT, "not JSON");
	add(OBJECT_TUNNEL, "{\"encap\":\"vxlan\",\"local\":\"nowhere\"}");
	add(OBJECT_SLICE, "{\"name\":\"s\"}");
	rules_end(&rules);
	ck_assert_uint_eq(rules.ports, 1);
	ck_assert_uint_eq(rules.rules, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("xdp_rules");
	TCase *tcase = tcase_create("xdp_rules");

	tcase_add_checked_fixture(tcase, NULL, teardown);
	tcase_add_test(tcase, port_counts_when_it_is_af_xdp);
	tcase_add_test(tcase, attachments_are_their_ports_vlans);
	tcase_add_test(tcase, locals_have_the_ports_of_their_encapsulation);
	tcase_add_test(tcase, what_cannot_be_read_is_passed_over);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
