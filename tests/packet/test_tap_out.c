/* SPDX-License-Identifier: BSD-3-Clause */
/* What the kernel beside an attachment sends by its tap: how it leaves, and what may not. The tap
 * is lan's. What goes to it: test_tap.c. */
#include <string.h>

#include "attachment_tap.h"
#include "host_net.h"
#include "hot.h"
#include "rig_tap.h"

static struct pkt sent, at_tap, want;

static void kernel_says(uint64_t dst)
{
	build_ip(&sent, &(struct ip_packet){.dst = dst,
				.src = GATEWAY,
				.from = "10.0.0.254",
				.to = "10.0.0.1",
				.payload = 60});
	rig_begin();
	rig_tap_say(hn.lan, &sent);
	rig_taps();
}

START_TEST(tap_frames_leave_by_the_attachment_as_its_gateways)
{
	struct counters before, after;

	attachment_counters_read(hn.lan, &before);
	kernel_says(H1);
	expect_frame("unicast", net.lan, &sent);
	ck_assert(rig.tap_in == 1 && rig.drops == 0);
	kernel_says(OSPF_MAC);
	expect_frame("multicast", net.lan, &sent);
	attachment_counters_read(hn.lan, &after);
	ck_assert_uint_eq(after.out_packets - before.out_packets, 2);
	ck_assert_uint_eq(after.out_bytes - before.out_bytes, 2 * (sent.len + 4));
	/* whatever its source says, it is the gateway that speaks */
	put48(sent.b + 6, H2);
	rig_begin();
	rig_tap_say(hn.lan, &sent);
	rig_taps();
	put48(sent.b + 6, GATEWAY);
	expect_frame("another source", net.lan, &sent);
}
END_TEST

START_TEST(tap_frames_bring_no_tag_and_no_size_of_their_own)
{
	struct tap_counters taps;

	/* with a tag of the kernel's it could be another slice's on the wire */
	build_ip(&want, &(struct ip_packet){.dst = H1,
				.src = GATEWAY,
				.from = "10.0.0.254",
				.to = "10.0.0.1",
				.payload = 60});
	memcpy(sent.b, want.b, 12);
	put16(sent.b + 12, 0x8100);
	put16(sent.b + 14, 51);
	memcpy(sent.b + 16, want.b + 12, want.len - 12);
	sent.len = want.len + 4;
	rig_begin();
	rig_tap_say(hn.lan, &sent);
	rig_taps();
	expect_drop("a tag", DROP_VLAN_STACKED);
	build_ip(&sent, &(struct ip_packet){.dst = H1,
				.src = GATEWAY,
				.from = "10.0.0.254",
				.to = "10.0.0.1",
				.payload = 1481});
	rig_begin();
	rig_tap_say(hn.lan, &sent);
	rig_taps();
	expect_drop("over the port's MTU", DROP_ACCESS_MTU);
	sent.len = 9000;
	rig_begin();
	rig_tap_say(hn.lan, &sent);
	rig_taps();
	expect_drop("over a buffer", DROP_TAP_MTU);
	sent.len = 13;
	rig_begin();
	rig_tap_say(hn.lan, &sent);
	rig_taps();
	expect_drop("no frame", DROP_RUNT);
	attachment_tap_counters_read(hn.lan, &taps);
	ck_assert_uint_eq(taps.rx_packets, 4);
}
END_TEST

START_TEST(tap_frames_without_a_buffer_or_a_place_drop_by_name)
{
	rig_begin();
	rig_take_buffers(net.lan, 0);
	kernel_says(H1);
	expect_drop("no buffer", DROP_TAP_NO_MBUF);
	rig_give_buffers();
	rig_begin();
	for (int i = 0; i < 1100; i++) {
		rig_tap_say(hn.lan, &sent);
		attachment_taps_read();
	}
	rig_taps();
	ck_assert_uint_eq(rig.drop[DROP_TAP_IN_FULL], 1100 - 1023);
}
END_TEST

START_TEST(tap_of_a_bridge_carries_nothing)
{
	rig_tap(net.red_lan);
	build(&sent, &(struct spec){.dst = BCAST, .src = NOBODY, .ip = 4, .payload = 60});
	rig_begin();
	rig_tap_say(net.red_lan, &sent);
	rig_taps();
	expect_drop("from the kernel", DROP_TAP_L2);
	rig_begin();
	rig_send(net.lan, &sent, 1);
	rig_taps();
	ck_assert(!rig_tap_take(net.red_lan, &at_tap) && rig.tap_out == 0 && rig.out > 0);
	rig_tap_gone(net.red_lan);
}
END_TEST

TCase *tap_out_tests(void)
{
	TCase *tc = tcase_create("tap_out");

	tcase_add_checked_fixture(tc, host_tap_setup, host_tap_teardown);
	tcase_add_test(tc, tap_frames_leave_by_the_attachment_as_its_gateways);
	tcase_add_test(tc, tap_frames_bring_no_tag_and_no_size_of_their_own);
	tcase_add_test(tc, tap_frames_without_a_buffer_or_a_place_drop_by_name);
	tcase_add_test(tc, tap_of_a_bridge_carries_nothing);
	return tc;
}
