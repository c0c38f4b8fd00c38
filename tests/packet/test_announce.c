/* SPDX-License-Identifier: BSD-3-Clause */
/* Gateways that say unasked which MAC they have (RFC 5227 section 2.3, RFC 4861 section 7.2.6):
 * when, to whom, how often. */
#include <rte_cycles.h>
#include <stdio.h>

#include "box.h"
#include "gateway.h"
#include "host_net.h"
#include "slice.h"

#define NEW_MAC 0x02000000c0deull

/* Time goes on for those that are due; each worker turn sends a part of them. */
static void turns(double seconds, uint32_t count)
{
	rig_advance(seconds);
	while (count-- > 0) {
		rig_poll();
		rig_advance(0);
	}
}

static struct pkt announced4(uint64_t mac, const char *address)
{
	struct arp a = {.dst = BCAST, .src = mac, .spa = address, .tpa = address};
	struct pkt p;

	build_arp(&p, &a);
	return p;
}

static struct pkt announced6(uint64_t mac, const char *address)
{
	struct nd n = {.dst = group_mac("ff02::1"),
		.src = mac,
		.type = 136,
		.from = address,
		.to = "ff02::1",
		.target = address,
		.flags = 0xa0, /* router, override; nobody has asked */
		.mac = mac};
	struct pkt p;

	build_nd(&p, &n);
	return p;
}

static void announce(const char *prefix)
{
	struct api_ip ip = rig_ip(prefix, true);

	gateway_announce(hn.green, &ip);
}

START_TEST(gateway_says_twice_which_mac_it_has)
{
	struct pkt arp = announced4(GATEWAY, "10.0.0.254"), nd = announced6(GATEWAY, "fd01::fe");

	announce("10.0.0.254/24");
	announce("fd01::fe/64");
	rig_begin();
	turns(0, 2);
	ck_assert(rig.originated == 2 && rig.outs == 2);
	ck_assert(saw_frame(net.lan, &arp) && saw_frame(net.lan2, &nd));
	rig_begin();
	turns(1.9, 2);
	ck_assert_uint_eq(rig.originated, 0);
	turns(0.2, 2);
	ck_assert_uint_eq(rig.originated, 2);
	ck_assert(saw_frame(net.lan, &arp) && saw_frame(net.lan2, &nd));
	rig_begin();
	turns(10, 2);
	ck_assert_uint_eq(rig.originated, 0);
}
END_TEST

START_TEST(slice_with_another_mac_says_it_at_all_its_gateways)
{
	struct api_slice cfg = {.vni = VNI_GREEN, .kind = SLICE_L3, .max_macs = 100};
	struct box_counters before, after;
	const char *const v4[] = {"10.0.0.254", "10.0.1.254"}, *const v6[] = {
								       "fd00::fe", "fd01::fe"};

	for (int i = 0; i < 6; i++)
		cfg.mac.bytes[i] = NEW_MAC >> (40 - 8 * i);
	slice_set(hn.green, &cfg);
	gateway_announce(hn.green, NULL);
	box_counters_read(&before);
	rig_begin();
	turns(0, 2);
	for (int i = 0; i < 2; i++) {
		struct pkt arp = announced4(NEW_MAC, v4[i]), nd = announced6(NEW_MAC, v6[i]);

		ck_assert(saw_frame(i ? net.lan2 : net.lan, &arp));
		ck_assert(saw_frame(i ? net.lan2 : net.lan, &nd));
	}
	ck_assert_uint_eq(rig.originated, 4); /* nothing goes by the tunnel */
	box_counters_read(&after);
	ck_assert_uint_eq(after.announced - before.announced, 4);
}
END_TEST

START_TEST(gateway_that_is_gone_says_nothing)
{
	announce("10.0.0.254/24");
	rig_gateway_gone(hn.green, hn.lan, "10.0.0.254/24");
	announce("fd00::fe/64");
	rig_begin();
	turns(0, 2);
	ck_assert_uint_eq(rig.originated, 1);
	rig_gateway_gone(hn.green, hn.lan, "fd00::fe/64"); /* before it says so again */
	rig_begin();
	turns(3, 2);
	ck_assert_uint_eq(rig.originated, 0);
}
END_TEST

START_TEST(gateway_begins_anew_when_it_is_told_to)
{
	announce("10.0.0.254/24");
	rig_begin();
	turns(0, 1);
	turns(1.5, 1);
	ck_assert_uint_eq(rig.originated, 1);
	announce("10.0.0.254/24"); /* another MAC in between */
	turns(0, 1);
	ck_assert_uint_eq(rig.originated, 2);
	turns(1, 1);
	ck_assert_uint_eq(rig.originated, 2);
	turns(1.2, 1);
	ck_assert_uint_eq(rig.originated, 3);
}
END_TEST

START_TEST(many_gateways_are_announced_at_a_rate)
{
	char prefix[32];

	turns(1, 1);
	for (int i = 0; i < 300; i++) {
		snprintf(prefix, sizeof(prefix), "10.77.%d.%d/16", i / 200, 1 + i % 200);
		rig_gateway(hn.green, hn.lan, prefix);
	}
	gateway_announce(hn.green, NULL);
	rig_begin();
	turns(0, 20);
	ck_assert_uint_eq(rig.originated, 100);
	turns(0.1, 20);
	ck_assert_uint_eq(rig.originated, 200);
	for (int i = 0; i < 3; i++)
		turns(0.1, 20);
	ck_assert_uint_eq(rig.originated, 304);
}
END_TEST

TCase *announce_tests(void)
{
	TCase *tc = tcase_create("announce");

	tcase_add_checked_fixture(tc, host_setup, net_teardown);
	tcase_add_test(tc, gateway_says_twice_which_mac_it_has);
	tcase_add_test(tc, slice_with_another_mac_says_it_at_all_its_gateways);
	tcase_add_test(tc, gateway_that_is_gone_says_nothing);
	tcase_add_test(tc, gateway_begins_anew_when_it_is_told_to);
	tcase_add_test(tc, many_gateways_are_announced_at_a_rate);
	return tc;
}
