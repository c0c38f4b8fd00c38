/* SPDX-License-Identifier: BSD-3-Clause */
/* ARP and ND suppression in l2 slices: who is known is answered for, and nothing is said that the
 * MAC table contradicts. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "build_host.h"
#include "expect.h"
#include "neighbor.h"

#define IP_A  "10.0.0.1"
#define IP_B  "10.0.0.2"
#define IP_C  "10.0.0.3"
#define IP_D  "10.0.0.4"
#define V6_A  "fd00::a"
#define V6_B  "fd00::b"
#define V6_C  "fd00::c"
#define SOL_B "ff02::1:ff00:b"

static void suppress_on(uint16_t slice, uint32_t vni, uint32_t max_macs)
{
	struct api_slice cfg = {.vni = vni,
		.max_macs = max_macs,
		.mac_ageing_s = 300,
		.flood_pps = 1000000,
		.suppress = true};

	slice_set(slice, &cfg);
}

static void setup(void)
{
	net_setup();
	suppress_on(net.red, VNI_RED, 65536);
}

static struct arp request(uint64_t src, const char *spa, const char *tpa)
{
	return (struct arp){.dst = BCAST, .src = src, .spa = spa, .tpa = tpa};
}

/* By lan (host A's), by lan2 with VLAN 20 (host B's), or from tunnel 2 (host C's). */
static void send_at(uint16_t port, const struct pkt *frame)
{
	static struct pkt p;
	struct outer o = from_peer2(VNI_RED);

	if (port == net.lan) {
		p = *frame;
	} else if (port == net.lan2) {
		memcpy(p.b, frame->b, 12);
		put16(p.b + 12, 0x8100);
		put16(p.b + 14, 20);
		memcpy(p.b + 16, frame->b + 12, frame->len - 12);
		p.len = frame->len + 4;
	} else {
		wrap(&p, &o, frame);
	}
	rig_begin();
	rig_send(port, &p, 1);
	rig_poll();
}

static void send_arp(uint16_t port, const struct arp *a)
{
	static struct pkt p;

	build_arp(&p, a);
	send_at(port, &p);
}

/* Host B becomes known: it asks for somebody. */
static void introduce(uint16_t port, uint64_t mac, const char *ip)
{
	struct arp a = request(mac, ip, "10.0.0.99");

	send_arp(port, &a);
}

static void expect_flooded(const char *what)
{
	ck_assert_msg(rig.answered == 0 && rig.outs > 1, "%s: %u left, %lu answered", what,
		rig.outs, rig.answered);
}

/* One answer, to A at lan: this MAC has this address. */
static void expect_answer(const char *what, uint64_t mac, const char *spa)
{
	struct arp a = {.dst = HOST_A, .src = mac, .op = 2, .spa = spa, .tha = HOST_A, .tpa = IP_A};

	build_arp(&b_pkt, &a);
	expect_out(what, net.lan, &b_pkt);
	ck_assert_uint_eq(rig.answered, 1);
}

START_TEST(suppress_answers_for_a_host_that_asked_before)
{
	struct arp a = request(HOST_A, IP_A, IP_B);

	send_arp(net.lan, &a);
	expect_flooded("not known yet");
	introduce(net.lan2, HOST_B, IP_B);
	expect_flooded("nobody has that address");
	send_arp(net.lan, &a);
	expect_answer("B asked before", HOST_B, IP_B);
}
END_TEST

/* Whom it asks for would else go on sending to the old MAC. */
START_TEST(suppress_floods_who_comes_with_another_mac)
{
	struct arp a = request(HOST_A, IP_A, IP_B), moved = request(0x020000000a0aull, IP_A, IP_B);

	introduce(net.lan2, HOST_B, IP_B);
	introduce(net.lan, HOST_A, IP_A);
	send_arp(net.lan, &a);
	expect_answer("A is where it was", HOST_B, IP_B);
	send_arp(net.lan, &moved);
	expect_flooded("A has another MAC: B must hear it");
	send_arp(net.lan, &moved);
	ck_assert_uint_eq(rig.answered, 1);
}
END_TEST

START_TEST(suppress_learns_from_a_reply_that_passes)
{
	struct arp a = request(HOST_A, IP_A, IP_C);
	struct arp reply = {
		.dst = HOST_A, .src = HOST_C, .op = 2, .spa = IP_C, .tha = HOST_A, .tpa = IP_A};

	send_arp(net.lan, &a);
	expect_flooded("C is not known");
	send_arp(net.wan, &reply);
	ck_assert(rig.outs == 1 && rig_out[0].port == net.lan);
	send_arp(net.lan, &a);
	expect_answer("C answered before", HOST_C, IP_C);
}
END_TEST

START_TEST(suppress_answers_into_a_tunnel_for_hosts_here)
{
	struct arp a = request(HOST_C, IP_C, IP_A);
	struct arp want = {
		.dst = HOST_C, .src = HOST_A, .op = 2, .spa = IP_A, .tha = HOST_C, .tpa = IP_C};

	introduce(net.lan, HOST_A, IP_A);
	send_arp(net.wan, &a);
	ck_assert(rig.outs == 1 && rig.drops == 0 && rig_out[0].port == net.wan);
	build_arp(&b_pkt, &want);
	ck_assert_uint_eq(rig_out[0].pkt.len, 50 + b_pkt.len);
	ck_assert_mem_eq(rig_out[0].pkt.b + 50, b_pkt.b, b_pkt.len);
}
END_TEST

START_TEST(suppress_says_nothing_from_tunnel_about_tunnel)
{
	struct arp a = request(0x020000000777, "10.0.0.7", IP_C);

	introduce(net.wan, HOST_C, IP_C);
	send_arp(net.wan, &a); /* from the same one */
	expect_flooded("C is behind the asker's own door");
	/* D is behind the other tunnel: what the asker sends there would be dropped */
	struct arp d = request(HOST_D, IP_D, "10.0.0.99");
	struct outer o = from_peer6(VNI_RED);
	static struct pkt p;

	build_arp(&a_pkt, &d);
	wrap(&p, &o, &a_pkt);
	rig_send(net.wan, &p, 1);
	rig_poll();
	a = request(HOST_C, IP_C, IP_D);
	send_arp(net.wan, &a);
	expect_flooded("tunnel to tunnel");
	a = request(HOST_A, IP_A, IP_D);
	send_arp(net.lan, &a);
	expect_answer("D is known all the same", HOST_D, IP_D);
}
END_TEST

START_TEST(suppress_floods_probes_and_announcements)
{
	struct arp a = request(HOST_A, "0.0.0.0", IP_B);

	introduce(net.lan2, HOST_B, IP_B);
	send_arp(net.lan, &a);
	expect_flooded("a probe (RFC 5227)");
	a = request(HOST_A, IP_A, IP_A);
	send_arp(net.lan, &a);
	expect_flooded("a gratuitous request");
	a.op = 2;
	send_arp(net.lan, &a);
	expect_flooded("a gratuitous reply");
	/* an announcement moves the address to another host */
	a = request(HOST_C, IP_B, IP_B);
	send_arp(net.wan, &a);
	a = request(HOST_A, IP_A, IP_B);
	send_arp(net.lan, &a);
	expect_answer("B's address is C's now", HOST_C, IP_B);
}
END_TEST

/* The main thread has not had its turn: what the table says is old, and not said. */
START_TEST(suppress_does_not_answer_with_what_was_just_contradicted)
{
	struct arp moves = request(HOST_C, IP_B, IP_B), a = request(HOST_A, IP_A, IP_B);
	struct outer o = from_peer2(VNI_RED);
	static struct pkt p;

	introduce(net.lan2, HOST_B, IP_B);
	build_arp(&a_pkt, &moves);
	wrap(&p, &o, &a_pkt);
	rig_send(net.wan, &p, 1);
	build_arp(&a_pkt, &a);
	rig_begin();
	rig_send(net.lan, &a_pkt, 1);
	expect_flooded("B or C?");
	rig_poll();
	send_arp(net.lan, &a);
	expect_answer("C", HOST_C, IP_B);
}
END_TEST

START_TEST(suppress_does_not_contradict_the_mac_table)
{
	struct api_mac_addr b = rig_mac_addr(HOST_B);
	struct arp a = request(HOST_A, IP_A, IP_B);

	introduce(net.lan2, HOST_B, IP_B);
	fdb_remove(net.red, &b);
	send_arp(net.lan, &a);
	expect_flooded("B's MAC aged out");
	rig_mac(net.red, HOST_B, DOOR_TUNNEL | net.t2);
	send_arp(net.lan, &a);
	expect_flooded("B's MAC is elsewhere");
	rig_mac(net.red, HOST_B, DOOR_ATTACHMENT | net.red_lan2);
	introduce(net.lan2, HOST_B, IP_B);
	send_arp(net.lan, &a);
	expect_answer("and back", HOST_B, IP_B);
	fdb_remove(net.red, &b);
	ck_assert_uint_eq(neighbor_count(), 2); /* A, B */
	for (int i = 0; i < 150; i++) {
		rig_poll();
		usleep(10000);
	}
	ck_assert_uint_eq(neighbor_count(), 1);
}
END_TEST

START_TEST(suppress_is_a_slices_own_matter)
{
	struct arp a = request(HOST_A, IP_A, IP_B);

	introduce(net.lan2, HOST_B, IP_B);
	/* blue has the same hosts, knows nothing, and does not suppress */
	build_arp(&a_pkt, &a);
	memmove(a_pkt.b + 16, a_pkt.b + 12, a_pkt.len - 12);
	put16(a_pkt.b + 12, 0x8100);
	put16(a_pkt.b + 14, 10);
	a_pkt.len += 4;
	rig_begin();
	rig_send(net.lan, &a_pkt, 1);
	ck_assert(rig.answered == 0 && rig.outs == 2);
	suppress_on(net.blue, VNI_BLUE, 65536);
	rig_begin();
	rig_send(net.lan, &a_pkt, 1);
	ck_assert(rig.answered == 0 && rig.outs == 2);
}
END_TEST

START_TEST(suppress_off_floods_and_forgets)
{
	struct api_slice cfg = {
		.vni = VNI_RED, .max_macs = 100, .mac_ageing_s = 300, .flood_pps = 1000000};
	struct arp a = request(HOST_A, IP_A, IP_B);

	introduce(net.lan2, HOST_B, IP_B);
	slice_set(net.red, &cfg);
	send_arp(net.lan, &a);
	expect_flooded("turned off");
}
END_TEST

START_TEST(suppress_keeps_static_neighbours)
{
	struct api_ip ip = rig_ip(IP_B, false);
	struct api_mac_addr b = rig_mac_addr(HOST_B);
	struct arp a = request(HOST_A, IP_A, IP_B);

	ck_assert_int_eq(neighbor_reserve(), 0);
	neighbor_set(net.red, net.red_lan2, &ip, &b);
	send_arp(net.lan, &a);
	expect_answer("static", HOST_B, IP_B);
	introduce(net.wan, HOST_C, IP_B); /* somebody claims it */
	send_arp(net.lan, &a);
	expect_answer("still", HOST_B, IP_B);
	/* the MAC table says that B is elsewhere: nothing is said */
	rig_mac(net.red, HOST_B, DOOR_TUNNEL | net.t2);
	send_arp(net.lan, &a);
	expect_flooded("contradicted");
	rig_mac(net.red, HOST_B, DOOR_ATTACHMENT | net.red_lan2);
	struct neighbor_entry e;

	ck_assert_int_eq(neighbor_get(net.red_lan2, &ip, &e), 0);
	ck_assert(e.state == NEIGHBOR_STATIC && e.attachment == net.red_lan2);
	neighbor_unset(net.red, net.red_lan2, &ip);
	send_arp(net.lan, &a);
	expect_flooded("gone");
}
END_TEST

START_TEST(suppress_learns_no_more_than_the_slice_may)
{
	char ip[20];
	uint32_t before = neighbor_count(), refused = neighbor_refused();

	suppress_on(net.red, VNI_RED, 20);
	for (uint32_t i = 0; i < 60; i++) {
		snprintf(ip, sizeof(ip), "10.0.1.%u", i + 1);
		introduce(net.lan, HOST_A, ip);
	}
	ck_assert_uint_eq(neighbor_count() - before, 20);
	ck_assert_uint_eq(neighbor_refused() - refused, 40);
}
END_TEST

START_TEST(suppress_ignores_arp_that_is_wrong)
{
	static const struct {
		const char *what;
		uint32_t at, len;
		uint16_t value;
	} wrong[] = {{"hardware type", 14, 60, 6}, {"protocol type", 16, 60, 0x86dd},
		{"address lengths", 18, 60, 0x0604 ^ 0x0100}, {"operation", 20, 60, 3},
		{"group sender", 22, 60, 0xffff}, {"truncated", 14, 41, 1},
		{"sender is multicast", 28, 60, 0xe000}, {"sender is loopback", 28, 60, 0x7f00}};
	uint32_t before;

	introduce(net.lan2, HOST_B, IP_B);
	before = neighbor_count();
	for (uint32_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct arp a = request(HOST_A, IP_A, IP_B);

		build_arp(&a_pkt, &a);
		put16(a_pkt.b + wrong[i].at, wrong[i].value);
		a_pkt.len = wrong[i].len;
		send_at(net.lan, &a_pkt);
		expect_flooded(wrong[i].what);
		ck_assert_msg(neighbor_count() == before, "%s: learned", wrong[i].what);
	}
	/* another's MAC inside than outside: no news */
	struct arp a = request(HOST_A, IP_A, "10.0.0.99");

	a.sha = HOST_D;
	send_arp(net.lan, &a);
	ck_assert_uint_eq(neighbor_count(), before);
}
END_TEST

/* ---- IPv6 ---- */

static struct nd solicit_b(void)
{
	return (struct nd){.dst = group_mac(SOL_B),
		.src = HOST_A,
		.type = 135,
		.from = V6_A,
		.to = SOL_B,
		.target = V6_B,
		.mac = HOST_A};
}

static void send_nd(uint16_t port, const struct nd *n)
{
	build_nd(&a_pkt, n);
	send_at(port, &a_pkt);
}

static void advertise_b(uint8_t flags)
{
	struct nd n = {.dst = HOST_A,
		.src = HOST_B,
		.type = 136,
		.flags = flags,
		.from = V6_B,
		.to = V6_A,
		.target = V6_B,
		.mac = HOST_B};

	send_nd(net.lan2, &n);
}

START_TEST(suppress_answers_solicitations)
{
	static const uint8_t router[] = {0, 0x80};

	for (uint32_t i = 0; i < 2; i++) {
		struct nd s = solicit_b();

		if (i == 0) {
			send_nd(net.lan, &s);
			expect_flooded("B is not known");
		}
		advertise_b(0x60 | router[i]);
		ck_assert(rig.outs == 1 && rig_out[0].port == net.lan);
		send_nd(net.lan, &s);
		struct nd want = {.dst = HOST_A,
			.src = HOST_B,
			.type = 136,
			.flags = 0x60 | router[i],
			.from = V6_B,
			.to = V6_A,
			.target = V6_B,
			.mac = HOST_B};

		build_nd(&b_pkt, &want);
		expect_out("B advertised itself", net.lan, &b_pkt);
		ck_assert_uint_eq(rig.answered, 1);
	}
}
END_TEST

START_TEST(suppress_learns_no_router_flag_from_a_solicitation)
{
	struct nd s = solicit_b();
	struct nd of_b = {.dst = group_mac("ff02::1:ff00:99"),
		.src = HOST_B,
		.type = 135,
		.from = V6_B,
		.to = "ff02::1:ff00:99",
		.target = "fd00::99",
		.mac = HOST_B};

	send_nd(net.lan2, &of_b);
	send_nd(net.lan, &s);
	expect_flooded("B only asked: is it a router?");
	advertise_b(0xe0);
	send_nd(net.lan2, &of_b); /* keeps what is known */
	send_nd(net.lan, &s);
	ck_assert(rig.answered == 1 && rig_out[0].pkt.b[58] == 0xe0);
	advertise_b(0x40);
	advertise_b(0xc0); /* without override: anycast, or on behalf of another */
	send_nd(net.lan, &s);
	ck_assert(rig.answered == 1 && rig_out[0].pkt.b[58] == 0xe0);
}
END_TEST

START_TEST(suppress_floods_duplicate_detection_and_wrong_nd)
{
	struct nd s = solicit_b();

	advertise_b(0x60);
	s.from = "::";
	s.mac = 0;
	send_nd(net.lan, &s);
	expect_flooded("duplicate address detection");
	for (uint32_t i = 0; i < 5; i++) {
		s = solicit_b();
		build_nd(&a_pkt, &s);
		if (i == 0)
			a_pkt.b[21] = 254;
		else if (i == 1)
			a_pkt.b[57] ^= 1;
		else if (i == 2) {
			a_pkt.b[79] = 0; /* an option of length 0 */
			icmp_fix(&a_pkt);
		} else if (i == 3) {
			a_pkt.b[79] = 200; /* beyond the end */
			icmp_fix(&a_pkt);
		} else {
			a_pkt.b[55] = 1; /* code */
			icmp_fix(&a_pkt);
		}
		send_at(net.lan, &a_pkt);
		expect_flooded("wrong ND");
	}
}
END_TEST

START_TEST(suppress_answers_within_a_rate_and_floods_the_rest)
{
	struct arp a = request(HOST_A, IP_A, IP_B);
	uint64_t answered = 0, flooded = 0;

	introduce(net.lan2, HOST_B, IP_B);
	build_arp(&a_pkt, &a);
	for (uint32_t i = 0; i < 1000; i++) {
		rig_begin();
		rig_send(net.lan, &a_pkt, 1);
		answered += rig.answered;
		flooded += rig.answered == 0 && rig.outs > 1;
	}
	ck_assert_uint_eq(answered + flooded, 1000);
	ck_assert(answered >= 500 && flooded > 0);
}
END_TEST

TCase *suppress_tests(void)
{
	TCase *tc = tcase_create("suppress");

	tcase_add_checked_fixture(tc, setup, net_teardown);
	tcase_add_test(tc, suppress_answers_for_a_host_that_asked_before);
	tcase_add_test(tc, suppress_floods_who_comes_with_another_mac);
	tcase_add_test(tc, suppress_learns_from_a_reply_that_passes);
	tcase_add_test(tc, suppress_answers_into_a_tunnel_for_hosts_here);
	tcase_add_test(tc, suppress_says_nothing_from_tunnel_about_tunnel);
	tcase_add_test(tc, suppress_floods_probes_and_announcements);
	tcase_add_test(tc, suppress_does_not_answer_with_what_was_just_contradicted);
	tcase_add_test(tc, suppress_does_not_contradict_the_mac_table);
	tcase_add_test(tc, suppress_is_a_slices_own_matter);
	tcase_add_test(tc, suppress_off_floods_and_forgets);
	tcase_add_test(tc, suppress_keeps_static_neighbours);
	tcase_add_test(tc, suppress_learns_no_more_than_the_slice_may);
	tcase_add_test(tc, suppress_ignores_arp_that_is_wrong);
	tcase_add_test(tc, suppress_answers_solicitations);
	tcase_add_test(tc, suppress_learns_no_router_flag_from_a_solicitation);
	tcase_add_test(tc, suppress_floods_duplicate_detection_and_wrong_nd);
	tcase_add_test(tc, suppress_answers_within_a_rate_and_floods_the_rest);
	return tc;
}
