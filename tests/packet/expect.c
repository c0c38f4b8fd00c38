/* SPDX-License-Identifier: BSD-3-Clause */
/* The packet tests' topology and expectations. */
#include "expect.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "neighbor.h"

struct net net;
struct pkt a_pkt, b_pkt, c_pkt;

void rig_failed(const char *fmt, ...)
{
	char text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	ck_abort_msg("%s", text);
	abort();
}

static void net_members(void)
{
	net.t2 = rig_tunnel(LOCAL4, "198.18.0.2");
	net.t6 = rig_tunnel(LOCAL6, "2001:db8::2");
	member_set(net.red, net.t2);
	member_set(net.blue, net.t2);
	member_set(net.red, net.t6);
	rig_mac(net.red, HOST_A, DOOR_ATTACHMENT | net.red_lan);
	rig_mac(net.red, HOST_B, DOOR_ATTACHMENT | net.red_lan2);
	rig_mac(net.red, HOST_C, DOOR_TUNNEL | net.t2);
	rig_mac(net.red, HOST_D, DOOR_TUNNEL | net.t6);
	rig_mac(net.blue, HOST_A, DOOR_ATTACHMENT | net.blue_lan);
	rig_mac(net.blue, HOST_B, DOOR_ATTACHMENT | net.blue_lan2);
	rig_mac(net.blue, HOST_C, DOOR_TUNNEL | net.t2);
}

void net_setup_alone(void)
{
	rig_start();
	net.wan = rig_port(1500);
	net.lan = rig_port(1500);
	net.lan2 = rig_port(1500);
	rig_address(net.wan, LOCAL4 "/24");
	rig_address(net.wan, LOCAL6 "/64");
	rig_neighbor(net.wan, "198.18.0.2", PEER2);
	rig_neighbor(net.wan, "2001:db8::2", PEER6);
	net.red = rig_slice(VNI_RED);
	net.blue = rig_slice(VNI_BLUE);
	net.red_lan = rig_attachment(net.red, net.lan, 0);
	net.blue_lan = rig_attachment(net.blue, net.lan, 10);
	net.red_lan2 = rig_attachment(net.red, net.lan2, 20);
	net.blue_lan2 = rig_attachment(net.blue, net.lan2, 0);
	net_members();
	rig_begin();
}

void net_setup(void)
{
	net_setup_alone();
	decoys_make(net.wan, net.lan, net.lan2);
	rig_begin();
}

uint32_t neighbors_of_test(void)
{
	return neighbor_count() - DECOY_NEIGHBORS;
}

void net_teardown(void)
{
	rig_stop();
}

/* ---- expectations ---- */

static void show_drops(char *text, size_t size)
{
	size_t used = snprintf(text, size, "%u left, %ld held", rig.outs, (long)rig.held);

	for (uint32_t r = 0; r < DROP_REASONS && used < size; r++)
		if (rig.drop[r] != 0)
			used += snprintf(text + used, size - used, ", %lu %s", rig.drop[r],
				drop_info[r].name);
}

static uint32_t first_difference(const struct pkt *a, const struct pkt *b)
{
	uint32_t i = 0;

	while (i < a->len && i < b->len && a->b[i] == b->b[i])
		i++;
	return i;
}

void expect_out(const char *what, uint16_t port, const struct pkt *want)
{
	char text[300];

	show_drops(text, sizeof(text));
	ck_assert_msg(rig.outs == 1 && rig.drops == 0, "%s: want one packet, got: %s", what, text);
	ck_assert_msg(rig_out[0].port == port, "%s: left by port %u, want %u", what,
		rig_out[0].port, port);
	uint32_t at = first_difference(&rig_out[0].pkt, want);

	ck_assert_msg(rig_out[0].pkt.len == want->len && at == want->len,
		"%s: %u bytes, want %u; different at %u: %02x, want %02x", what, rig_out[0].pkt.len,
		want->len, at, rig_out[0].pkt.b[at], want->b[at]);
}

void expect_drops(const char *what, enum drop_reason why, uint64_t n)
{
	char text[300];

	show_drops(text, sizeof(text));
	ck_assert_msg(rig.outs == 0 && rig.drops == n && rig.drop[why] == n,
		"%s: want %lu %s, got: %s", what, n, drop_info[why].name, text);
}

uint32_t count_out(uint16_t port, const struct pkt *want)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < rig.outs; i++)
		n += rig_out[i].port == port && rig_out[i].pkt.len == want->len &&
		     memcmp(rig_out[i].pkt.b, want->b, want->len) == 0;
	return n;
}

struct spec plain(uint64_t dst, uint64_t src)
{
	return (struct spec){.dst = dst,
		.src = src,
		.ip = 4,
		.saddr = 1,
		.daddr = 2,
		.sport = 1000,
		.dport = 2000,
		.payload = 40};
}

struct outer from_peer2(uint32_t vni)
{
	return (struct outer){.dst = rig_port_mac(net.wan),
		.src = PEER2,
		.from = "198.18.0.2",
		.to = LOCAL4,
		.vni = vni};
}

struct outer from_peer6(uint32_t vni)
{
	return (struct outer){.dst = rig_port_mac(net.wan),
		.src = PEER6,
		.from = "2001:db8::2",
		.to = LOCAL6,
		.csum = CSUM_GOOD,
		.vni = vni};
}

int run_suite(const char *name, TCase *(*const *all)(void), uint32_t n)
{
	Suite *suite = suite_create(name);
	SRunner *runner = srunner_create(suite);

	rig_eal("0");
	for (uint32_t i = 0; i < n; i++) {
		TCase *tc = all[i]();

		tcase_set_timeout(tc, 60);
		suite_add_tcase(suite, tc);
	}
	/* EAL's memory and threads do not survive a fork */
	srunner_set_fork_status(runner, CK_NOFORK);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);

	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
