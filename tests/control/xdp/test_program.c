/* SPDX-License-Identifier: BSD-3-Clause */
/* The XDP program itself, run by the kernel on frames that are given to it (BPF_PROG_TEST_RUN):
 * what becomes of each, and which counter has it. Without a socket for the queue what is for the
 * dataplane is told from the rest by its being passed as no_socket: so each row is run twice, with
 * XDP_NO_PASS, where it must be dropped, and without, where it must be passed. Needs root and BPF;
 * skips with 77 where there is neither. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <check.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>

#include "../suite.h"
#include "attach.h"
#include "possible.h"

#define LOCAL4 "c6120001"			  /* 198.18.0.1 */
#define OTHER4 "c6120063"			  /* 198.18.0.99 */
#define LOCAL6 "20010db8000000000000000000000001" /* 2001:db8::1 */
#define OTHER6 "20010db8000000000000000000000063"

#define MACS	 "020000000001020000000002"
#define ETH4	 MACS "0800"
#define ETH6	 MACS "86dd"
#define TAG(tci) MACS "8100" tci
#define IP4(dst) "4500003c0001000040110000c6120002" dst
#define IP6(next, dst)                                                                             \
	"600000000028" next "40"                                                                   \
	"20010db8000000000000000000000002" dst
#define UDP(port) "c000" port "00280000"
#define REST	  "0800000000006400000000000000000000000000"

struct row {
	const char *what, *frame;
	enum xdp_verdict verdict; /* NO_SOCKET: for the dataplane */
};

static const struct row filtered[] = {
	{"VXLAN to a tunnel's address", ETH4 IP4(LOCAL4) UDP("12b5") REST, XDP_VERDICT_NO_SOCKET},
	{"VXLAN to another address", ETH4 IP4(OTHER4) UDP("12b5") REST, XDP_VERDICT_KERNEL},
	{"DNS to a tunnel's address", ETH4 IP4(LOCAL4) UDP("0035") REST, XDP_VERDICT_KERNEL},
	{"UDP port 0 to a tunnel's address", ETH4 IP4(LOCAL4) UDP("0000") REST, XDP_VERDICT_KERNEL},
	{"GTP-U to an address of ours", ETH4 IP4(LOCAL4) UDP("0868") REST, XDP_VERDICT_NO_SOCKET},
	{"TCP to a tunnel's address",
		ETH4 "4500003c0001000040060000c6120002" LOCAL4
		     "c00012b500000000000000005000000000000000",
		XDP_VERDICT_KERNEL},
	{"ICMP", ETH4 "4500003c0001000040010000c6120002" LOCAL4 REST, XDP_VERDICT_KERNEL},
	{"ARP", MACS "0806" REST REST, XDP_VERDICT_KERNEL},
	{"IPv4 with options",
		ETH4 "4600003c0001000040110000c6120002" LOCAL4 "01010101" UDP("12b5") REST,
		XDP_VERDICT_NO_SOCKET},
	{"first fragment of VXLAN", ETH4 "4500003c0001200040110000c6120002" LOCAL4 UDP("12b5") REST,
		XDP_VERDICT_NO_SOCKET},
	{"first fragment of DNS", ETH4 "4500003c0001200040110000c6120002" LOCAL4 UDP("0035") REST,
		XDP_VERDICT_KERNEL},
	{"later fragment to a tunnel's address",
		ETH4 "4500003c0001010040110000c6120002" LOCAL4 REST, XDP_VERDICT_NO_SOCKET},
	{"later fragment to another address", ETH4 "4500003c0001002040110000c6120002" OTHER4 REST,
		XDP_VERDICT_KERNEL},
	{"later fragment of TCP", ETH4 "4500003c0001002040060000c6120002" LOCAL4 REST,
		XDP_VERDICT_KERNEL},
	{"IPv4 cut in its header", ETH4 "4500003c00010000401100", XDP_VERDICT_MALFORMED},
	{"IPv4 of a header too short", ETH4 "4400003c0001000040110000c6120002" LOCAL4 REST,
		XDP_VERDICT_MALFORMED},
	{"IPv4 that says 6", ETH4 "6500003c0001000040110000c6120002" LOCAL4 REST,
		XDP_VERDICT_MALFORMED},
	{"UDP cut in its header", ETH4 IP4(LOCAL4) "c00012b5", XDP_VERDICT_MALFORMED},
	{"VXLAN over IPv6", ETH6 IP6("11", LOCAL6) UDP("12b5") REST, XDP_VERDICT_NO_SOCKET},
	{"VXLAN over IPv6 to another", ETH6 IP6("11", OTHER6) UDP("12b5") REST, XDP_VERDICT_KERNEL},
	{"neighbour solicitation", ETH6 IP6("3a", LOCAL6) REST, XDP_VERDICT_KERNEL},
	{"VXLAN behind hop-by-hop", ETH6 IP6("00", LOCAL6) "1100010400000000" UDP("12b5") REST,
		XDP_VERDICT_NO_SOCKET},
	{"VXLAN behind a long header",
		ETH6 IP6("3c", LOCAL6) "11010104000000000000000000000000" UDP("12b5") REST,
		XDP_VERDICT_NO_SOCKET},
	{"first fragment over IPv6", ETH6 IP6("2c", LOCAL6) "1100000100000001" UDP("12b5") REST,
		XDP_VERDICT_NO_SOCKET},
	{"later fragment over IPv6", ETH6 IP6("2c", LOCAL6) "1100010100000001" REST,
		XDP_VERDICT_NO_SOCKET},
	{"later fragment over IPv6 to another", ETH6 IP6("2c", OTHER6) "1100010100000001" REST,
		XDP_VERDICT_KERNEL},
	{"IPv6 extension cut short", ETH6 IP6("00", LOCAL6) "11000104", XDP_VERDICT_MALFORMED},
	{"IPv6 extension longer than the frame", ETH6 IP6("00", LOCAL6) "11ff010400000000" REST,
		XDP_VERDICT_MALFORMED},
	{"more IPv6 extensions than are walked",
		ETH6 IP6("3c", LOCAL6) "3c00010400000000"
				       "3c00010400000000"
				       "3c00010400000000"
				       "3c00010400000000"
				       "1100010400000000" UDP("12b5") REST,
		XDP_VERDICT_KERNEL},
	{"a VLAN with an attachment", TAG("000a") "0800" REST REST, XDP_VERDICT_NO_SOCKET},
	{"the same with a priority", TAG("e00a") "0800" REST REST, XDP_VERDICT_NO_SOCKET},
	{"a service tag of that VLAN",
		MACS "88a8"
		     "000a"
		     "8100" REST REST,
		XDP_VERDICT_NO_SOCKET},
	{"the last VLAN", TAG("0ffe") "0806" REST, XDP_VERDICT_NO_SOCKET},
	{"a VLAN without", TAG("000b") "0800" REST REST, XDP_VERDICT_KERNEL},
	{"VXLAN in a VLAN without", TAG("000b") "0800" IP4(LOCAL4) UDP("12b5") REST,
		XDP_VERDICT_KERNEL},
	{"VXLAN with a priority tag", TAG("2000") "0800" IP4(LOCAL4) UDP("12b5") REST,
		XDP_VERDICT_NO_SOCKET},
	{"a tag cut short",
		MACS "8100"
		     "00",
		XDP_VERDICT_MALFORMED},
};

static const struct row untagged[] = {
	{"ARP where untagged is attached", MACS "0806" REST REST, XDP_VERDICT_NO_SOCKET},
	{"TCP where untagged is attached", ETH4 "4500003c0001000040060000c6120002" LOCAL4 REST,
		XDP_VERDICT_NO_SOCKET},
	{"a priority tag where untagged is attached", TAG("2000") "0806" REST,
		XDP_VERDICT_NO_SOCKET},
	{"a VLAN without, where untagged is attached", TAG("000b") "0800" REST, XDP_VERDICT_KERNEL},
};

static const struct row unfiltered[] = {
	{"ARP before the first word", MACS "0806" REST REST, XDP_VERDICT_UNFILTERED},
	{"a VLAN before the first word", TAG("000a") "0800" REST REST, XDP_VERDICT_UNFILTERED},
	{"a tunnel's before the first word", ETH4 IP4(LOCAL4) UDP("12b5") REST,
		XDP_VERDICT_UNFILTERED},
};

static struct xdp_program_fds program;

static void setup(void)
{
	ck_assert_int_eq(xdp_program_load(&program), 0);
}

static void teardown(void)
{
	xdp_program_close(&program);
}

static size_t bytes_of(const char *hex, uint8_t *out)
{
	size_t n = strlen(hex) / 2;

	for (size_t i = 0; i < n; i++)
		sscanf(hex + 2 * i, "%2hhx", &out[i]);
	return n;
}

static void put_local(const char *hex, uint16_t port, __u32 kind)
{
	struct xdp_local local = {.port = htobe16(port)};
	size_t n = strlen(hex) / 2;

	bytes_of(hex, local.address + 16 - n);
	if (n == 4)
		local.address[10] = local.address[11] = 0xff;
	ck_assert_int_eq(bpf_map_update_elem(program.locals, &local, &kind, BPF_ANY), 0);
}

static void put_setting(uint32_t flags)
{
	struct xdp_setting setting = {.flags = flags};
	uint32_t zero = 0;

	setting.vlans[0] = 1ull << 10;
	setting.vlans[63] = 1ull << 62;
	ck_assert_int_eq(bpf_map_update_elem(program.setting, &zero, &setting, BPF_ANY), 0);
}

static uint64_t packets_of(uint32_t verdict)
{
	int cpus = libbpf_num_possible_cpus();
	struct xdp_count each[256];
	uint64_t packets = 0;

	ck_assert_int_le(cpus, 256);
	ck_assert_int_eq(bpf_map_lookup_elem(program.counts, &verdict, each), 0);
	for (int cpu = 0; cpu < cpus; cpu++)
		packets += each[cpu].packets;
	return packets;
}

static uint32_t run(const struct row *row)
{
	uint8_t frame[256] = {0}, out[512];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_out = out,
		.data_size_out = sizeof(out), .repeat = 1);

	opts.data_size_in = bytes_of(row->frame, frame);
	ck_assert_msg(bpf_prog_test_run_opts(program.program, &opts) == 0, "%s: %s", row->what,
		strerror(errno));
	return opts.retval;
}

static void run_rows(const struct row *rows, size_t count, uint32_t flags)
{
	for (size_t i = 0; i < count; i++) {
		const struct row *row = &rows[i];
		uint64_t before = packets_of(row->verdict);
		uint32_t to_dataplane = row->verdict == XDP_VERDICT_NO_SOCKET;

		put_setting(flags);
		ck_assert_msg(run(row) == XDP_PASS, "%s: not passed without a socket", row->what);
		put_setting(flags | XDP_NO_PASS);
		ck_assert_msg(run(row) == (to_dataplane ? XDP_DROP : XDP_PASS), "%s: %s", row->what,
			to_dataplane ? "not for the dataplane" : "not for the kernel");
		ck_assert_msg(packets_of(row->verdict) == before + 2, "%s: counted as another",
			row->what);
	}
}

#define ROWS(rows) rows, sizeof(rows) / sizeof(*(rows))

START_TEST(frames_go_where_the_rules_say)
{
	put_local(LOCAL4, 4789, XDP_LOCAL_OVERLAY);
	put_local(LOCAL4, 2152, XDP_LOCAL_GTPU);
	put_local(LOCAL4, 0, XDP_LOCAL_ADDRESS);
	put_local(LOCAL6, 4789, XDP_LOCAL_OVERLAY);
	put_local(LOCAL6, 0, XDP_LOCAL_ADDRESS);
	run_rows(ROWS(filtered), XDP_FILTER);
	run_rows(ROWS(untagged), XDP_FILTER | XDP_UNTAGGED);
}
END_TEST

START_TEST(all_is_the_kernels_until_there_is_a_filter)
{
	put_local(LOCAL4, 4789, XDP_LOCAL_OVERLAY);
	run_rows(ROWS(unfiltered), 0);
}
END_TEST

START_TEST(bytes_are_those_of_the_frame)
{
	uint32_t verdict = XDP_VERDICT_KERNEL;
	struct xdp_count each[256];
	uint64_t bytes = 0;

	put_setting(XDP_FILTER);
	run(&(struct row){"ARP", MACS "0806" REST REST, 0});
	ck_assert_int_eq(bpf_map_lookup_elem(program.counts, &verdict, each), 0);
	for (int cpu = 0; cpu < libbpf_num_possible_cpus(); cpu++)
		bytes += each[cpu].bytes;
	ck_assert_uint_eq(bytes, 14 + 40);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("xdp_program");
	TCase *tcase = tcase_create("xdp_program");

	if (!xdp_possible())
		return 77;
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, frames_go_where_the_rules_say);
	tcase_add_test(tcase, all_is_the_kernels_until_there_is_a_filter);
	tcase_add_test(tcase, bytes_are_those_of_the_frame);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
