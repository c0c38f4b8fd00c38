/* SPDX-License-Identifier: BSD-3-Clause */
/* Whoever may put a port is not root: which devices DPDK is never given. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "device_allow.h"

static struct rpc_error err;

static int check(const char *device)
{
	memset(&err, 0, sizeof(err));
	return device_check(device, &err);
}

START_TEST(drivers_of_the_list_and_their_arguments_are_taken)
{
	static const char *const good[] = {"net_af_packet0,iface=wan0",
		"net_af_packet12,iface=a.b-c,framesz=16384,blocksz=65536,framecnt=512",
		"net_af_xdp0,iface=eth1,busy_budget=0", "net_tap3,iface=k0", "net_tap_lan",
		"net_memif0,role=server,id=3", "net_memif0,socket=/run/sluice-dataplane/m.sock",
		"net_vhost0,iface=/run/sluice-dataplane/vm1.sock,queues=1", "net_null0,no-rx=1",
		"net_null", "0000:3b:00.1", "3b:00.0"};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ck_assert_msg(
			check(good[i]) == 0, "%s: %s, want %s", good[i], err.message, err.want);
}
END_TEST

START_TEST(what_runs_programs_or_writes_files_is_refused)
{
	static const char *const bad[] = {"net_failsafe0,exec(id -u >/tmp/x; echo net_null77)",
		"net_failsafe0,dev(net_null1)", "net_failsafe0,fd(/etc/passwd)",
		"net_pcap5,tx_pcap=/etc/shadow", "net_pcap0,rx_pcap=/etc/shadow", "net_ring0",
		"net_bonding0", "net_softnic0,firmware=/etc/shadow", "eth_pcap0,tx_pcap=/x",
		"vdev:net_pcap0,tx_pcap=/x", "bus=vdev,name=net_pcap0,tx_pcap=/x",
		"bus=vdev/class=eth,name=net_pcap0", "net_null9;net_pcap0",
		"net_null0,no-rx=1;tx_pcap=/x", "net_null0,[no-rx=1]", "net_null(x)", " net_null0",
		"NET_NULL0", "net_nul", "net_", "", ",iface=x", "net_null0,", "net_null0,,",
		"net_null0,x=1", "net_null0,no-rx",
		"net_null0,no-rx=", "net_af_packet0,iface=a,iface=b",
		"net_af_xdp0,iface=a,xdp_prog=/tmp/x.o", "net_af_xdp0,iface=a,shared_umem=1",
		"net_tap0,iface=a,remote=eth0", "net_tun0", "net_af_packet0/../x,iface=a",
		"net_memif0,socket=/etc/passwd", "net_memif0,socket=/run/sluice-dataplane/../m",
		"net_memif0,socket=/run/sluice-dataplane/",
		"net_memif0,socket=/run/sluice-dataplane/.x",
		"net_memif0,socket=/run/sluice-dataplane/a/b",
		"net_memif0,socket=/run/sluice-dataplane/dataplane.sock",
		"net_vhost0,iface=/run/sluice-dataplane/dataplane.sock.control",
		"net_vhost0,iface=/run/sluice-dataplane/x.control",
		"net_vhost0,iface=/run/vm1.sock", "net_vhost0,iface=vm1.sock", "0000:3b:00.1,x=1",
		"3b:00.0 ", "+3b:00.0", "3b:00.0;x", "3b:00", "pci:3b:00.0"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ck_assert_msg(check(bad[i]) != 0, "%s was taken", bad[i]);
		ck_assert_str_eq(err.path, "device");
		ck_assert_uint_gt(strlen(err.want), 0);
	}
}
END_TEST

START_TEST(an_interface_s_name_alone_is_told_what_to_write)
{
	ck_assert_int_ne(check("lo"), 0);
	ck_assert_ptr_nonnull(strstr(err.want, "net_af_packet0,iface=lo"));
}
END_TEST

START_TEST(unknown_driver_is_told_which_there_are)
{
	ck_assert_int_ne(check("net_af_pcket9,iface=lo"), 0);
	ck_assert_ptr_eq(strstr(err.message, "net_af_pcket9 is none of"), err.message);
	ck_assert_ptr_nonnull(strstr(err.message, "net_af_packet, net_af_xdp, net_tap, net_memif"));
	ck_assert_ptr_nonnull(strstr(err.message, "--allow-device NAME"));
	ck_assert_int_ne(check("net_tap0,remote=eth0"), 0); /* of a known one: its arguments */
	ck_assert_ptr_nonnull(strstr(err.want, "arguments of net_tap: iface mac"));
}
END_TEST

static bool known(const char *driver)
{
	return strncmp(driver, "net_pcap", 8) == 0 || strncmp(driver, "net_ring", 8) == 0;
}

static const struct {
	const char *name, *says; /* NULL: fine */
} allowed[] = {
	{"net_pcap", NULL},
	{"any", NULL},
	{"net_pcpa", "net_pcpa: DPDK has no such driver here; the nearest is net_pcap"},
	{"net_rinf", "net_rinf: DPDK has no such driver here; the nearest is net_ring"},
	{"crypto_openssl", "crypto_openssl: DPDK has no such driver here (net_pcap is one, say)"},
};

START_TEST(allowed_driver_that_dpdk_does_not_know_is_told)
{
	char why[160] = "";
	int rc;

	ck_assert_int_eq(device_allow(allowed[_i].name), 0);
	rc = device_allow_check(known, why, sizeof(why));
	ck_assert_int_eq(rc != 0, allowed[_i].says != NULL);
	ck_assert_str_eq(why, allowed[_i].says != NULL ? allowed[_i].says : "");
}
END_TEST

START_TEST(root_may_allow_more)
{
	ck_assert_int_eq(device_allow("net_pcap"), 0);
	ck_assert_int_eq(check("net_pcap0,rx_pcap=/tmp/x.pcap,infinite_rx=1"), 0);
	ck_assert_int_ne(check("net_failsafe0,exec(id)"), 0);
	ck_assert_int_eq(device_allow("any"), 0);
	ck_assert_int_eq(check("net_ring0"), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("device_allow");
	TCase *t = tcase_create("device_allow");

	tcase_add_test(t, drivers_of_the_list_and_their_arguments_are_taken);
	tcase_add_test(t, what_runs_programs_or_writes_files_is_refused);
	tcase_add_test(t, an_interface_s_name_alone_is_told_what_to_write);
	tcase_add_test(t, unknown_driver_is_told_which_there_are);
	tcase_add_loop_test(t, allowed_driver_that_dpdk_does_not_know_is_told, 0,
		sizeof(allowed) / sizeof(allowed[0]));
	tcase_add_test(t, root_may_allow_more);
	suite_add_tcase(suite, t);
	SRunner *runner = srunner_create(suite);

	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);

	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
