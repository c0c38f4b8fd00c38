/* SPDX-License-Identifier: BSD-3-Clause */
/* IPFilterRule: what real SMFs send, the whole syntax, and what is refused with what was wanted. */
#include <arpa/inet.h>
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filter.h"

static struct filter f;
static const char *want;
static size_t at;

static int parse(const char *text)
{
	memset(&f, 0xaa, sizeof(f)); /* all of it must be set */
	want = NULL;
	return filter_parse(text, strlen(text), &f, &want, &at);
}

static const char *formatted(void)
{
	static char text[512];

	ck_assert_int_eq(filter_format(&f, text, sizeof(text)), (int)strlen(text));
	return text;
}

/* Parses, is written like that, and parses again to the same bytes. */
static void means(const char *text, const char *canonical)
{
	struct filter first;

	ck_assert_msg(parse(text) == 0, "%s: wants %s at %zu", text, want, at);
	ck_assert_str_eq(formatted(), canonical);
	first = f;
	ck_assert_int_eq(parse(canonical), 0);
	ck_assert_msg(memcmp(&first, &f, sizeof(f)) == 0, "%s: not the same again", text);
}

static void refused(const char *text, const char *words, size_t where)
{
	ck_assert_msg(parse(text) == -1, "%s: taken as %s", text, formatted());
	ck_assert_msg(want && strstr(want, words), "%s: wants %s", text, want ? want : "?");
	ck_assert_msg(at == where, "%s: at %zu", text, at);
}

/* Every SDF filter in the captures of pfcp-5gc, -5gc-restart, -epc, -erir, -gy, -gytime, -multi and
 * -sgw (tshark -T fields -e pfcp.flow_desc), and the forms that upf-interop.md names. */
START_TEST(what_real_smfs_send)
{
	means("permit out 58 from ff02::2/128 to assigned",
		"permit out 58 from ff02::2 to assigned");
	means("permit out icmp from any to assigned", "permit out 1 from any to assigned");
	means("permit out udp from 10.200.136.98/32 1-65535 to assigned 50021",
		"permit out 17 from 10.200.136.98 1-65535 to assigned 50021");
	means("permit out udp from 10.200.136.98/32 23455 to assigned 1-65535",
		"permit out 17 from 10.200.136.98 23455 to assigned 1-65535");
	means("permit out ip from any to assigned", "permit out ip from any to assigned");
	means("permit out ip from 10.60.0.0/16 to 10.61.0.1",
		"permit out ip from 10.60.0.0/16 to 10.61.0.1");
	means("permit out ip from 192.0.2.0/24 80 to 10.45.0.2/32",
		"permit out ip from 192.0.2.0/24 80 to 10.45.0.2");
	means("permit out 6 from any 80,443 to assigned 1024-65535",
		"permit out 6 from any 80,443 to assigned 1024-65535");
	means("permit in ip from any to assigned", "permit out ip from any to assigned");
}
END_TEST

START_TEST(every_part_is_where_it_belongs)
{
	ck_assert_int_eq(parse("deny out 132 from 2001:db8:1::/48 5000-5100,80 to 2001:db8::1 7 "
			       "tos 0xb8/0xfc"),
		0);
	ck_assert(f.deny);
	ck_assert_uint_eq(f.proto, 132);
	ck_assert_uint_eq(f.remote.family, 6);
	ck_assert_uint_eq(f.remote.len, 48);
	ck_assert_uint_eq(f.remote.bytes[1], 0x01);
	ck_assert_uint_eq(f.remote.n_ports, 2);
	ck_assert_uint_eq(f.remote.ports[0].low, 80);
	ck_assert_uint_eq(f.remote.ports[1].low, 5000);
	ck_assert_uint_eq(f.remote.ports[1].high, 5100);
	ck_assert_uint_eq(f.local.len, 128);
	ck_assert_uint_eq(f.local.ports[0].high, 7);
	ck_assert(f.has_tos && !f.has_spi && !f.has_flow_label);
	ck_assert_uint_eq(f.tos, 0xb8);
	ck_assert_uint_eq(f.tos_mask, 0xfc);
	/* `any` is no family, assigned is neither */
	ck_assert_int_eq(parse("permit out ip from any to assigned"), 0);
	ck_assert(f.local.assigned && !f.remote.assigned);
	ck_assert_uint_eq(f.remote.family | f.local.family, 0);
	ck_assert_uint_eq(f.proto, FILTER_PROTO_ANY);
}
END_TEST

START_TEST(permit_in_names_the_ue_first)
{
	means("permit in 17 from assigned 1000 to 192.0.2.1 53",
		"permit out 17 from 192.0.2.1 53 to assigned 1000");
	/* assigned is the UE's, whichever end an SMF writes it at */
	means("permit in 17 from 192.0.2.1 53 to assigned 7",
		"permit out 17 from 192.0.2.1 53 to assigned 7");
	means("permit out ip from assigned to any", "permit out ip from any to assigned");
	means("deny in tcp from 10.0.0.1 to !192.0.2.0/24 80",
		"deny out 6 from !192.0.2.0/24 80 to 10.0.0.1");
}
END_TEST

START_TEST(one_text_for_all_that_mean_the_same)
{
	means("permit out tcp from 10.1.2.3/8 to any", "permit out 6 from 10.0.0.0/8 to any");
	means("permit out tcp from 10.1.2.3/0 to any", "permit out 6 from 0.0.0.0/0 to any");
	means("permit out tcp from 2001:DB8:0:0::ff/121 to any",
		"permit out 6 from 2001:db8::80/121 to any");
	means("permit out tcp from ::ffff:192.0.2.1 to any",
		"permit out 6 from ::ffff:192.0.2.1 to any");
	means("permit out tcp from any 443,80,81-90,85-100,99 to any",
		"permit out 6 from any 80-100,443 to any");
	means("permit out tcp from any 65535,0-65534 to any",
		"permit out 6 from any 0-65535 to any");
	means("permit out tcp from any 7-7 to any", "permit out 6 from any 7 to any");
	means("permit out ip from any to any tos 255", "permit out ip from any to any tos 0xff");
	means("permit out ip from any to any tos 0XfF/0x0F",
		"permit out ip from any to any tos 0x0f/0x0f");
	means("permit out 50 from any to any spi 4294967295",
		"permit out 50 from any to any spi 0xffffffff");
	means("permit out ip from any to assigned flowlabel 0xfffff spi 1 tos 4",
		"permit out ip from any to assigned tos 0x04 spi 0x00000001 flowlabel 0xfffff");
	means("  permit\tout  ip from   any 1, 2,  3 to assigned  ",
		"permit out ip from any 1-3 to assigned");
	means("permit out ip from ! 10.0.0.1 to any", "permit out ip from !10.0.0.1 to any");
}
END_TEST

START_TEST(protocols_by_name_and_number)
{
	const struct {
		const char *name, *number;
	} proto[] = {{"tcp", "6"}, {"udp", "17"}, {"icmp", "1"}, {"sctp", "132"}, {"icmp6", "58"},
		{"ipv6-icmp", "58"}, {"esp", "50"}, {"ah", "51"}, {"gre", "47"}, {"igmp", "2"},
		{"ospf", "89"}, {"udplite", "136"}, {"dccp", "33"}, {"0", "0"}, {"255", "255"}};
	char text[64], same[64];

	for (size_t i = 0; i < sizeof(proto) / sizeof(proto[0]); i++) {
		snprintf(text, sizeof(text), "permit out %s from any to any", proto[i].name);
		snprintf(same, sizeof(same), "permit out %s from any to any", proto[i].number);
		means(text, same);
	}
}
END_TEST

START_TEST(the_end_of_the_text_is_its_length)
{
	const char text[] = "permit out ip from any to assigned tos 12";

	ck_assert_int_eq(
		filter_parse(text, strlen("permit out ip from any to assigned"), &f, &want, &at),
		0);
	ck_assert(!f.has_tos);
	ck_assert_int_eq(
		filter_parse(text, strlen("permit out ip from any to assign"), &f, &want, &at), -1);
	/* a NUL is no blank and ends nothing */
	ck_assert_int_eq(
		filter_parse("permit out ip from any to 10.0.0.1\0.1", 37, &f, &want, &at), -1);
	ck_assert_int_eq(filter_parse("permit out ip from any to any\0", 30, &f, &want, &at), -1);
}
END_TEST

START_TEST(words_that_are_others)
{
	refused("", "permit or deny", 0);
	refused("   ", "permit or deny", 3);
	refused("allow out ip from any to any", "permit or deny", 0);
	refused("Permit out ip from any to any", "permit or deny", 0);
	refused("permit both ip from any to any", "out or in", 7);
	refused("permit out from any to any", "a protocol", 11);
	refused("permit out 256 from any to any", "a protocol", 11);
	refused("permit out -1 from any to any", "a protocol", 11);
	refused("permit out 6x from any to any", "a protocol", 11);
	refused("permit out ip any to any", "from", 14);
	refused("permit out ip from any any", "to, or ports", 23);
	refused("permit out ip from any", "to, or ports", 22);
	refused("permit out ip from any to", "any, assigned", 25);
	refused("permit out ip from any to any any", "tos, spi or flowlabel", 30);
	refused("permit out ip from any to any established", "tos, spi or flowlabel", 30);
	refused("permit out ip from any to any\npermit", "any, assigned", 26);
}
END_TEST

START_TEST(addresses_that_are_none)
{
	refused("permit out ip from 10.0.0 to any", "any, assigned", 19);
	refused("permit out ip from 10.0.0.256 to any", "any, assigned", 19);
	refused("permit out ip from 010.0.0.1 to any", "any, assigned", 19);
	refused("permit out ip from 10.0.0.1/33 to any", "0 to 32", 28);
	refused("permit out ip from 10.0.0.1/ to any", "0 to 32", 28);
	refused("permit out ip from 10.0.0.1/-1 to any", "0 to 32", 28);
	refused("permit out ip from 10.0.0.1/8/8 to any", "0 to 32", 28);
	refused("permit out ip from 2001:db8::/129 to any", "0 to 128", 30);
	refused("permit out ip from 2001:db8:::1 to any", "any, assigned", 19);
	refused("permit out ip from host.example to any", "any, assigned", 19);
	refused("permit out ip from !any to any", "after !", 20);
	refused("permit out ip from any to !assigned", "after !", 27);
	refused("permit out ip from !!10.0.0.1 to any", "any, assigned", 20);
	refused("permit out ip from 10.0.0.1 to 2001:db8::1", "one address family", 31);
	refused("permit out ip from assigned to assigned 80", "is assigned already", 31);
	refused("permit out ip from "
		"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc:dddd "
		"to any",
		"any, assigned", 19);
}
END_TEST

START_TEST(ports_that_are_none)
{
	refused("permit out tcp from any 65536 to any", "0 to 65535", 24);
	refused("permit out tcp from any 99999999999999999999 to any", "0 to 65535", 24);
	refused("permit out tcp from any 80- to any", "0 to 65535", 27);
	refused("permit out tcp from any 80-79 to any", "the lower one first", 24);
	refused("permit out tcp from any 80-90-99 to any", "as 80, 80-90", 29);
	refused("permit out tcp from any 80,,90 to any", "0 to 65535", 27);
	refused("permit out tcp from any 80, to any", "0 to 65535", 28);
	refused("permit out tcp from any ,80 to any", "to, or ports", 24);
	refused("permit out tcp from any -80 to any", "to, or ports", 24);
	refused("permit out tcp from any http to any", "to, or ports", 24);
	refused("permit out icmp from any 8 to any", "the protocol has none", 25);
	refused("permit out 50 from any to any 8", "the protocol has none", 30);
	refused("permit out tcp from any "
		"1,3,5,7,9,11,13,15,17,19,21,23,25,27,29,31,33 to any",
		"no more than 16", 24);
	ck_assert_int_eq(
		parse("permit out tcp from any 1,3,5,7,9,11,13,15,17,19,21,23,25,27,29,31 to any"),
		0);
	ck_assert_uint_eq(f.remote.n_ports, FILTER_PORTS);
}
END_TEST

START_TEST(options_that_are_none)
{
	refused("permit out ip from any to any tos", "a type of service", 33);
	refused("permit out ip from any to any tos 256", "a type of service", 34);
	refused("permit out ip from any to any tos 0x", "a type of service", 34);
	refused("permit out ip from any to any tos 1/0", "a mask", 36);
	refused("permit out ip from any to any tos 1/256", "a mask", 36);
	refused("permit out ip from any to any tos 1/1/1", "a blank or the end", 37);
	refused("permit out ip from any to any tos 1 tos 1", "each once", 36);
	refused("permit out ip from any to any spi 4294967296", "an SPI", 34);
	refused("permit out tcp from any to any spi 1", "the protocol has none", 31);
	refused("permit out ip from any to any flowlabel 0x100000", "a flow label", 40);
	refused("permit out ip from any to 10.0.0.1 flowlabel 1", "IPv6", 26);
	refused("permit out ip from any to any spi 12x", "a blank or the end", 36);
}
END_TEST

/* 64 is more than any text of the box's limit can hold, so the parser may refuse beyond it. */
START_TEST(a_list_of_ports_is_bounded)
{
	char text[1024] = "permit out tcp from any 1";

	for (int i = 0; i < 63; i++)
		strcat(text, ",1");
	strcat(text, " to any");
	means(text, "permit out 6 from any 1 to any");
	text[strlen(text) - strlen(" to any")] = 0;
	strcat(text, ",1 to any");
	ck_assert_int_eq(parse(text), -1);
	ck_assert_ptr_nonnull(strstr(want, "64"));
}
END_TEST

START_TEST(format_tells_the_length_it_would_take)
{
	char small[8];

	ck_assert_int_eq(parse("permit out ip from any to assigned"), 0);
	ck_assert_int_eq(filter_format(&f, NULL, 0), 34);
	ck_assert_int_eq(filter_format(&f, small, sizeof(small)), 34);
	ck_assert_str_eq(small, "permit ");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("filter");
	TCase *t = tcase_create("filter");

	tcase_add_test(t, what_real_smfs_send);
	tcase_add_test(t, every_part_is_where_it_belongs);
	tcase_add_test(t, permit_in_names_the_ue_first);
	tcase_add_test(t, one_text_for_all_that_mean_the_same);
	tcase_add_test(t, protocols_by_name_and_number);
	tcase_add_test(t, the_end_of_the_text_is_its_length);
	tcase_add_test(t, words_that_are_others);
	tcase_add_test(t, addresses_that_are_none);
	tcase_add_test(t, ports_that_are_none);
	tcase_add_test(t, options_that_are_none);
	tcase_add_test(t, a_list_of_ports_is_bounded);
	tcase_add_test(t, format_tells_the_length_it_would_take);
	suite_add_tcase(suite, t);
	SRunner *runner = srunner_create(suite);

	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);

	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
