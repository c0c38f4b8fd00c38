/* SPDX-License-Identifier: BSD-3-Clause */
/* What the dataplane tells the maps of its XDP programs (dataplane/core/xdp_filter.c). Needs root;
 * skips with 77 without. */
#include "xdp_filter.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../suite.h"
#include "attach.h"
#include "possible.h"

static struct xdp_program_fds program;
static struct xdp_filter *filter;

static void setup(void)
{
	ck_assert_int_eq(xdp_program_load(&program), 0);
}

static void teardown(void)
{
	xdp_filter_close(filter);
	filter = NULL;
	xdp_filter_fini();
	xdp_program_close(&program);
}

static struct api_ip ip_of(const char *text)
{
	struct api_ip ip = {.family = strchr(text, ':') ? 6 : 4};

	ck_assert_int_eq(inet_pton(ip.family == 6 ? AF_INET6 : AF_INET, text, ip.bytes), 1);
	return ip;
}

static void local(const char *address, uint16_t port, bool gtpu, bool add)
{
	struct api_ip ip = ip_of(address);

	xdp_filter_local(&ip, htons(port), gtpu, add);
}

/* The kind of an address and port in the map, 0: not there. */
static __u32 kind_of(const char *address, uint16_t port)
{
	struct xdp_local key = {.port = htons(port)};
	struct api_ip ip = ip_of(address);
	__u32 kind = 0;

	memset(key.address + 10, ip.family == 4 ? 0xff : 0, 2);
	memcpy(key.address + (ip.family == 4 ? 12 : 0), ip.bytes, ip.family == 4 ? 4 : 16);
	bpf_map_lookup_elem(program.locals, &key, &kind);
	return kind;
}

static uint32_t locals_in_map(void)
{
	struct xdp_local key, *last = NULL;
	uint32_t count = 0;

	while (bpf_map_get_next_key(program.locals, last, &key) == 0) {
		count++;
		last = &key;
	}
	return count;
}

static struct xdp_setting setting_now(void)
{
	struct xdp_setting setting;
	uint32_t zero = 0;

	ck_assert_int_eq(bpf_map_lookup_elem(program.setting, &zero, &setting), 0);
	return setting;
}

START_TEST(addresses_are_there_as_long_as_somebody_uses_them)
{
	local("198.18.0.1", 4789, false, true); /* before there is a program */
	ck_assert_int_eq(xdp_filter_open(&program, &filter), 0);
	local("198.18.0.1", 4789, false, true);
	local("198.18.0.1", 2152, true, true);
	local("2001:db8::1", 6081, false, true);
	ck_assert_uint_eq(locals_in_map(), 5);
	ck_assert_uint_eq(kind_of("198.18.0.1", 4789), XDP_LOCAL_OVERLAY);
	ck_assert_uint_eq(kind_of("198.18.0.1", 2152), XDP_LOCAL_GTPU);
	ck_assert_uint_eq(kind_of("198.18.0.1", 0), XDP_LOCAL_ADDRESS);
	ck_assert_uint_eq(kind_of("2001:db8::1", 6081), XDP_LOCAL_OVERLAY);
	ck_assert_uint_eq(kind_of("2001:db8::1", 0), XDP_LOCAL_ADDRESS);
	local("198.18.0.1", 4789, false, false);
	ck_assert_uint_eq(kind_of("198.18.0.1", 4789), XDP_LOCAL_OVERLAY);
	local("198.18.0.1", 4789, false, false);
	ck_assert_uint_eq(kind_of("198.18.0.1", 4789), 0);
	ck_assert_uint_eq(kind_of("198.18.0.1", 0), XDP_LOCAL_ADDRESS);
	local("198.18.0.1", 2152, true, false);
	local("2001:db8::1", 6081, false, false);
	ck_assert_uint_eq(locals_in_map(), 0);
}
END_TEST

START_TEST(vlans_are_those_with_an_attachment)
{
	ck_assert_int_eq(xdp_filter_open(&program, &filter), 0);
	ck_assert_uint_eq(setting_now().flags, XDP_FILTER);
	xdp_filter_vlan(filter, 63, true);
	xdp_filter_vlan(filter, 4094, true);
	xdp_filter_vlan(filter, 0, true);
	ck_assert_uint_eq(setting_now().flags, XDP_FILTER | XDP_UNTAGGED);
	ck_assert_uint_eq(setting_now().vlans[0], 1ull << 63);
	ck_assert_uint_eq(setting_now().vlans[63], 1ull << 62);
	xdp_filter_vlan(filter, 0, false);
	xdp_filter_vlan(filter, 63, false);
	ck_assert_uint_eq(setting_now().flags, XDP_FILTER);
	ck_assert_uint_eq(setting_now().vlans[0], 0);
	ck_assert_uint_eq(setting_now().vlans[63], 1ull << 62);
}
END_TEST

START_TEST(what_a_life_before_told_is_forgotten)
{
	struct xdp_setting full = {.flags = XDP_UNTAGGED};
	uint32_t zero = 0, kind = XDP_LOCAL_OVERLAY;

	memset(full.vlans, 0xff, sizeof(full.vlans));
	ck_assert_int_eq(bpf_map_update_elem(program.setting, &zero, &full, BPF_ANY), 0);
	for (uint32_t i = 0; i < 2 * 16383; i++) {
		struct xdp_local key = {.address[15] = i, .address[14] = i >> 8, .port = 9};

		ck_assert_int_eq(bpf_map_update_elem(program.locals, &key, &kind, BPF_ANY), 0);
	}
	local("198.18.0.1", 4789, false, true);
	ck_assert_int_eq(xdp_filter_open(&program, &filter), 0);
	ck_assert_uint_eq(locals_in_map(), 2);
	ck_assert_uint_eq(setting_now().flags, XDP_FILTER);
	for (size_t i = 0; i < XDP_VLAN_WORDS; i++)
		ck_assert_uint_eq(setting_now().vlans[i], 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("xdp_filter");
	TCase *tcase = tcase_create("xdp_filter");

	if (!xdp_possible())
		return 77;
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, addresses_are_there_as_long_as_somebody_uses_them);
	tcase_add_test(tcase, vlans_are_those_with_an_attachment);
	tcase_add_test(tcase, what_a_life_before_told_is_forgotten);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
