/* SPDX-License-Identifier: BSD-3-Clause */
/* The kernel beside an attachment: what goes to its tap, what the switch keeps to itself. The tap
 * is lan's; lan2 has none. What the kernel sends: test_tap_out.c. */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "attachment_tap.h"
#include "host_net.h"
#include "hot.h"
#include "neighbor.h"
#include "rig_tap.h"

static struct pkt sent, at_tap, want;

/* `sent` came in by this port: it goes to the tap, byte for byte, and nowhere else. */
static void expect_taken(const char *what)
{
	host_send(net.lan, &sent);
	ck_assert_msg(rig.outs == 0 && rig.drops == 0 && rig.held == 1, "%s: %u left, %lu dropped",
		what, rig.outs, rig.drops);
	rig_taps();
	ck_assert_msg(rig_tap_take(hn.lan, &at_tap), "%s: nothing at the tap", what);
	ck_assert_msg(at_tap.len == sent.len && memcmp(at_tap.b, sent.b, sent.len) == 0,
		"%s: other bytes at the tap", what);
	ck_assert(!rig_tap_take(hn.lan, &at_tap) && rig.tap_out == 1 && rig.held == 0);
}

static void expect_kept(const char *what, uint16_t port)
{
	host_send(port, &sent);
	rig_taps();
	ck_assert_msg(
		!rig_tap_take(hn.lan, &at_tap) && rig.tap_out == 0, "%s: is at the tap", what);
}

static void expect_kept_dropped(const char *what, uint16_t port, enum drop_reason why)
{
	expect_kept(what, port);
	ck_assert_msg(rig.drops == 1 && rig.drop[why] == 1, "%s: %lu dropped, %lu by name", what,
		rig.drops, rig.drop[why]);
}

/* ---- to the kernel ---- */

static struct ip_packet to_gateway(uint32_t i)
{
	static const struct {
		const char *from, *to;
		uint8_t proto, ttl;
		uint16_t frag;
	} p[] = {{"10.0.0.1", "10.0.0.254", 17, 0, 0}, {"10.0.0.1", "10.0.0.254", 6, 1, 0},
		{"10.0.0.1", "10.0.0.254", 89, 0, 0}, {"10.0.0.1", "10.0.0.254", 17, 0, 0x2000},
		{"10.0.0.1", "10.0.0.254", 17, 0, 0x0010}, {"10.0.0.1", "10.0.0.254", 1, 0, 0x2000},
		{"fd00::1", "fd00::fe", 17, 0, 0}, {"fd00::1", "fd00::fe", 6, 1, 0},
		{"fd00::1", "fd00::fe", 44, 0, 0}, {"fe80::1", GW_LINK_LOCAL, 6, 255, 0},
		{"fe80::1", "fd00::fe", 89, 0, 0}, {"10.9.9.9", "10.0.0.254", 6, 0, 0}};

	ck_assert_uint_lt(i, RTE_DIM(p));
	return (struct ip_packet){.dst = GATEWAY,
		.src = H1,
		.from = p[i].from,
		.to = p[i].to,
		.ttl = p[i].ttl,
		.proto = p[i].proto,
		.frag = p[i].frag,
		.payload = 60};
}
#define TO_GATEWAY 12

START_TEST(tap_takes_what_the_gateway_does_not_answer)
{
	struct ip_packet p = to_gateway(_i);

	build_ip(&sent, &p);
	if (p.proto == 44) { /* the first fragment of a packet, of UDP */
		sent.b[54] = 17;
		put16(sent.b + 56, 1);
	}
	expect_taken(p.to);
}
END_TEST

START_TEST(tap_takes_icmp_that_is_no_request)
{
	static const struct {
		bool v6;
		uint8_t type, code;
	} m[] = {{false, 0, 0}, {false, 3, 3}, {false, 11, 0}, {false, 8, 1}, {true, 129, 0},
		{true, 1, 4}, {true, 2, 0}};
	struct icmp i = {.dst = GATEWAY,
		.src = H1,
		.from = m[_i].v6 ? "fd00::1" : "10.0.0.1",
		.to = m[_i].v6 ? "fd00::fe" : "10.0.0.254",
		.type = m[_i].type,
		.code = m[_i].code,
		.payload = 40};

	build_icmp(&sent, &i);
	expect_taken("ICMP");
}
END_TEST

START_TEST(tap_takes_what_routers_say_to_each_other)
{
	static const struct {
		const char *from, *to;
		uint8_t proto;
	} g[] = {{"10.0.0.1", "224.0.0.5", 89}, {"10.0.0.1", "224.0.0.9", 17},
		{"10.0.0.1", "224.0.0.13", 103}, {"10.0.0.1", "224.0.0.255", 2},
		{"fe80::1", "ff02::5", 89}, {"fe80::1", "ff02::d", 103}, {"::", "ff02::16", 0}};
	struct ip_packet p = {.dst = g[_i].from[0] == '1' ? OSPF_MAC : group_mac(g[_i].to),
		.src = H1,
		.from = g[_i].from,
		.to = g[_i].to,
		.ttl = 1,
		.proto = g[_i].proto != 0 ? g[_i].proto : 58,
		.payload = 44};

	build_ip(&sent, &p);
	if (p.proto == 58) /* MLD of a host that has no address yet */
		sent.b[54] = 143;
	expect_taken(p.to);
}
END_TEST

START_TEST(tap_hears_answers_and_the_switch_learns_from_them)
{
	struct arp a = {.dst = GATEWAY, .src = H1, .op = 2, .spa = "10.0.0.1", .tpa = "10.0.0.254"};
	struct nd n = {.dst = GATEWAY,
		.src = H1,
		.type = 136,
		.from = "fd00::1",
		.to = "fd00::fe",
		.target = "fd00::1",
		.flags = 0x60,
		.mac = H1};

	/* known by another MAC: the answer says which it is now */
	host_arrives(net.lan, H1 + 0x100, "10.0.0.1");
	host_arrives(net.lan, H1 + 0x100, "fd00::1");
	build_arp(&sent, &a);
	expect_taken("ARP reply");
	build_nd(&sent, &n);
	expect_taken("neighbour advertisement");
	for (int v6 = 0; v6 < 2; v6++) {
		struct ip_packet p = from_h1(v6 ? "fd00::1" : "10.0.0.1");

		p.from = v6 ? "fd02::1" : "10.2.0.1";
		p.src = FAR;
		build_ip(&sent, &p);
		host_send(net.wan, &sent);
		ck_assert(rig.outs == 1 && frame_of(0, net.lan, &want));
		ck_assert_uint_eq((uint64_t)get16(want.b) << 32 | get32(want.b + 2), H1);
	}
	/* of routers, nothing is for the switch */
	n.type = 133;
	n.dst = group_mac("ff02::2");
	n.from = "fe80::1";
	n.to = "ff02::2";
	build_nd(&sent, &n);
	expect_taken("router solicitation");
}
END_TEST

/* ---- the switch's own, and nobody's ---- */

START_TEST(tap_is_not_asked_what_the_switch_answers)
{
	struct arp a = {.dst = BCAST, .src = H1, .op = 1, .spa = "10.0.0.1", .tpa = "10.0.0.254"};
	struct nd n = {.dst = group_mac("ff02::1:ff00:fe"),
		.src = H1,
		.type = 135,
		.from = "fd00::1",
		.to = "ff02::1:ff00:fe",
		.target = "fd00::fe",
		.mac = H1};
	struct icmp i = {.dst = GATEWAY,
		.src = H1,
		.from = "10.0.0.1",
		.to = "10.0.0.254",
		.type = 8,
		.payload = 40};

	build_arp(&sent, &a);
	expect_kept("ARP request", net.lan);
	ck_assert(rig.answered == 1 && rig.drops == 0);
	build_nd(&sent, &n);
	expect_kept("neighbour solicitation", net.lan);
	ck_assert(rig.answered == 1 && rig.drops == 0);
	build_icmp(&sent, &i);
	expect_kept("echo", net.lan);
	ck_assert(rig.answered == 1 && rig.drops == 0);
	i.from = "fe80::1";
	i.to = GW_LINK_LOCAL;
	i.type = 128;
	build_icmp(&sent, &i);
	expect_kept("echo, link-local", net.lan);
	ck_assert(rig.answered == 1 && rig.drops == 0);
	/* not for us: noted, as ever */
	a.tpa = "10.0.0.9";
	build_arp(&sent, &a);
	expect_kept_dropped("ARP for another", net.lan, DROP_ARP_NOTED);
}
END_TEST

START_TEST(tap_takes_nothing_from_tunnels_or_beside_its_link)
{
	struct ip_packet p = from_h1("10.0.0.254");

	/* tunnels and attachments are numbered alike: one of this number might have a tap */
	uint32_t serial = tap_serial[net.t2];

	tap_serial[net.t2] = 99;
	p.from = "10.2.0.1";
	p.src = FAR;
	build_ip(&sent, &p);
	expect_kept_dropped("by a tunnel", net.wan, DROP_NOT_FOR_GATEWAY);
	p.to = "224.0.0.5";
	p.dst = OSPF_MAC;
	build_ip(&sent, &p);
	expect_kept_dropped("multicast by a tunnel", net.wan, DROP_ROUTED_GROUP);
	tap_serial[net.t2] = serial;
	p = from_h1("10.0.1.254");
	build_ip(&sent, &p);
	expect_kept_dropped("the other attachment's gateway", net.lan, DROP_NOT_FOR_GATEWAY);
	p = from_h1("10.0.0.254");
	p.from = "10.0.1.1";
	build_ip(&sent, &p);
	expect_kept_dropped("by the other attachment", net.lan2, DROP_NOT_FOR_GATEWAY);
	p = from_h1("239.1.1.1");
	build_ip(&sent, &p);
	expect_kept_dropped("multicast that is routed", net.lan, DROP_ROUTED_GROUP);
	p.to = "224.0.1.1";
	build_ip(&sent, &p);
	expect_kept_dropped("multicast beyond the link", net.lan, DROP_ROUTED_GROUP);
	p = from_h1("ff05::2");
	build_ip(&sent, &p);
	expect_kept_dropped("IPv6 multicast beyond the link", net.lan, DROP_ROUTED_GROUP);
}
END_TEST

START_TEST(tap_is_kept_from_what_is_wrong)
{
	struct icmp i = {.dst = GATEWAY,
		.src = H1,
		.from = "10.0.0.1",
		.to = "10.0.0.254",
		.type = 3,
		.payload = 40};
	struct arp a = {
		.dst = GATEWAY, .src = GATEWAY, .op = 2, .spa = "10.0.0.1", .tpa = "10.0.0.254"};

	build_icmp(&sent, &i);
	sent.b[60] ^= 1;
	expect_kept_dropped("a wrong checksum", net.lan, DROP_ICMP_INVALID);
	build_arp(&sent, &a);
	expect_kept_dropped("our own MAC", net.lan, DROP_ARP_NOTED);
	a.src = H1;
	a.spa = "10.0.0.254";
	build_arp(&sent, &a);
	expect_kept_dropped("our own address", net.lan, DROP_ADDRESS_CONFLICT);
	struct ip_packet p = from_h1("10.0.0.254");

	p.dst = H2;
	build_ip(&sent, &p);
	expect_kept_dropped("another's MAC", net.lan, DROP_NOT_GATEWAY_MAC);
}
END_TEST

START_TEST(tap_gone_everything_is_as_before)
{
	struct ip_packet p = from_h1("10.0.0.254");

	rig_tap_gone(hn.lan);
	ck_assert_uint_eq(attachment_tap_count(), 0);
	build_ip(&sent, &p);
	expect_kept_dropped("without a tap", net.lan, DROP_NOT_FOR_GATEWAY);
	ck_assert_uint_eq(rig.originated, 1);
	rig_tap(hn.lan);
	expect_taken("with one again");
}
END_TEST

/* ---- bounds ---- */

START_TEST(tap_has_a_rate_and_the_ring_an_end)
{
	struct ip_packet p = from_h1("10.0.0.254");
	struct tap_counters taps;

	build_ip(&sent, &p);
	memcpy(want.b, sent.b, 12);
	put16(want.b + 12, 0x8100);
	put16(want.b + 14, 50);
	memcpy(want.b + 16, sent.b + 12, sent.len - 12);
	want.len = sent.len + 4;
	rig_begin();
	for (int i = 0; i < 1500; i++)
		rig_send(net.lan, &want, 1);
	/* a tenth of a second's worth of ten thousand, and what has come meanwhile */
	ck_assert_uint_ge(rig.held, 1000);
	ck_assert_uint_lt(rig.held, 1500);
	ck_assert_uint_eq(rig.drop[DROP_TAP_RATE] + rig.held, 1500);
	attachment_tap_counters_read(hn.lan, &taps);
	ck_assert_uint_eq(taps.tx_packets, 0);
	for (int i = 0; i < 8; i++)
		while (rig_tap_take(hn.lan, &at_tap) || attachment_taps_write() > 0)
			;
	rig_taps();
	ck_assert_int_eq(rig.held, 0);
	attachment_tap_counters_read(hn.lan, &taps);
	ck_assert_uint_eq(
		taps.tx_packets + rig.drop[DROP_TAP_REFUSED], 1500 - rig.drop[DROP_TAP_RATE]);
	ck_assert_uint_eq(taps.tx_bytes, taps.tx_packets * sent.len);
}
END_TEST

START_TEST(tap_that_takes_nothing_drops_by_name)
{
	struct ip_packet p = from_h1("10.0.0.254");

	signal(SIGPIPE, SIG_IGN);
	build_ip(&sent, &p);
	rig_tap_hang_up(hn.lan);
	expect_kept_dropped("hung up", net.lan, DROP_TAP_REFUSED);
}
END_TEST

/* What waits for a tap goes to no other, whoever has the id by then. */
START_TEST(tap_that_goes_takes_along_what_waits)
{
	struct ip_packet p = from_h1("10.0.0.254");

	build_ip(&sent, &p);
	host_send(net.lan, &sent);
	ck_assert_int_eq(rig.held, 1);
	rig_tap_gone(hn.lan);
	rig_tap(hn.lan);
	rig_taps();
	ck_assert(!rig_tap_take(hn.lan, &at_tap));
	ck_assert(rig.drops == 1 && rig.drop[DROP_TAP_GONE] == 1);
	/* the other way */
	build_ip(&sent, &(struct ip_packet){.dst = H1,
				.src = GATEWAY,
				.from = "10.0.0.254",
				.to = "10.0.0.1",
				.payload = 60});
	rig_begin();
	rig_tap_say(hn.lan, &sent);
	attachment_taps_read();
	rig_tap_gone(hn.lan);
	rig_tap(hn.lan);
	rig_taps();
	ck_assert(rig.outs == 0 && rig.drop[DROP_TAP_GONE] == 1 && rig.tap_in == 1);
}
END_TEST

START_TEST(tap_follows_its_attachment_into_another_slice)
{
	struct ip_packet p = from_h1("10.0.0.254");
	uint16_t grey = rig_l3_slice(600);

	build_ip(&sent, &p);
	host_send(net.lan, &sent);
	rig_gateway_gone(hn.green, hn.lan, "10.0.0.254/24");
	rig_gateway_gone(hn.green, hn.lan, "fd00::fe/64");
	attachment_set(hn.lan, grey, net.lan, 50);
	rig_tap(hn.lan);
	rig_taps();
	ck_assert(!rig_tap_take(hn.lan, &at_tap) && rig.drop[DROP_TAP_GONE] == 1);
	rig_gateway(grey, hn.lan, "10.0.0.254/24");
	p.dst = rig_l3_mac(grey);
	build_ip(&sent, &p);
	expect_taken("in the other slice");
}
END_TEST

TCase *tap_tests(void)
{
	TCase *tc = tcase_create("tap");

	tcase_add_checked_fixture(tc, host_tap_setup, host_tap_teardown);
	tcase_add_loop_test(tc, tap_takes_what_the_gateway_does_not_answer, 0, TO_GATEWAY);
	tcase_add_loop_test(tc, tap_takes_icmp_that_is_no_request, 0, 7);
	tcase_add_loop_test(tc, tap_takes_what_routers_say_to_each_other, 0, 7);
	tcase_add_test(tc, tap_hears_answers_and_the_switch_learns_from_them);
	tcase_add_test(tc, tap_is_not_asked_what_the_switch_answers);
	tcase_add_test(tc, tap_takes_nothing_from_tunnels_or_beside_its_link);
	tcase_add_test(tc, tap_is_kept_from_what_is_wrong);
	tcase_add_test(tc, tap_gone_everything_is_as_before);
	tcase_add_test(tc, tap_has_a_rate_and_the_ring_an_end);
	tcase_add_test(tc, tap_that_takes_nothing_drops_by_name);
	tcase_add_test(tc, tap_that_goes_takes_along_what_waits);
	tcase_add_test(tc, tap_follows_its_attachment_into_another_slice);
	return tc;
}
