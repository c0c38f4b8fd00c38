/* SPDX-License-Identifier: BSD-3-Clause */
/* From objects to the AF_XDP ports that control looks after (control/xdp/ports.c). */
#include "ports.h"

#include <check.h>

#include "../suite.h"

static struct xdp_port_list ports;

static void teardown(void)
{
	ports_free(&ports);
}

static void add(const char *text)
{
	ports_add(&ports, text);
}

START_TEST(port_counts_when_it_is_af_xdp)
{
	add("{\"device\":\"net_af_packet0,iface=eth0\",\"name\":\"lan0\"}");
	ck_assert_uint_eq(ports.count, 0);
	for (int i = 0; i < 2; i++)
		add("{\"device\":\"net_af_xdp0,iface=eth1,busy_budget=0\",\"name\":\"wan0\"}");
	ck_assert_uint_eq(ports.count, 1);
	ck_assert_str_eq(ports.port[0].name, "wan0");
	ck_assert_str_eq(ports.port[0].interface, "eth1");
}
END_TEST

START_TEST(what_cannot_be_read_is_passed_over)
{
	add("{\"device\":\"net_af_xdp0\",\"name\":\"x\"}");
	add("not JSON");
	ck_assert_uint_eq(ports.count, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("xdp_ports");
	TCase *tcase = tcase_create("xdp_ports");

	tcase_add_checked_fixture(tcase, NULL, teardown);
	tcase_add_test(tcase, port_counts_when_it_is_af_xdp);
	tcase_add_test(tcase, what_cannot_be_read_is_passed_over);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
