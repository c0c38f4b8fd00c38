/* SPDX-License-Identifier: BSD-3-Clause */
/* What no ICMP error is sent about (RFC 1812 section 4.3.2.7, RFC 4443 section 2.4 (e)), and how
 * many are sent at most. */
#include <string.h>

#include "host_net.h"
#include "worker.h"

static struct pkt sent;

static void send_ip(uint16_t port, const struct ip_packet *i)
{
	build_ip(&sent, i);
	host_send(port, &sent);
}

static void expect_silence(const char *what, enum drop_reason why)
{
	ck_assert_msg(rig.originated == 0, "%s: something was said", what);
	expect_drop(what, why);
}

START_TEST(icmp_never_about_errors)
{
	static const uint8_t silent4[] = {3, 4, 5, 11, 12, 1, 99, 200};
	static const uint8_t loud4[] = {0, 8, 13, 14};
	struct icmp i = {.dst = GATEWAY, .src = H1, .from = "10.0.0.1", .to = "10.2.0.1", .ttl = 1};

	for (uint32_t k = 0; k < sizeof(silent4); k++) {
		i.type = silent4[k];
		build_icmp(&sent, &i);
		host_send(net.lan, &sent);
		expect_silence("an error", DROP_TTL_EXPIRED);
	}
	for (uint32_t k = 0; k < sizeof(loud4); k++) {
		i.type = loud4[k];
		build_icmp(&sent, &i);
		host_send(net.lan, &sent);
		ck_assert_uint_eq(rig.originated, 1);
	}
	i.from = "fd00::1";
	i.to = "fd02::1";
	for (uint32_t type = 0; type < 256; type++) {
		bool silent = type < 128 || type == 137;

		/* ND does not go past a router at all */
		i.type = type;
		build_icmp(&sent, &i);
		host_send(net.lan, &sent);
		ck_assert_msg(rig.drop[DROP_TTL_EXPIRED] == 1 && rig.originated == !silent,
			"ICMPv6 type %u: %lu said", type, rig.originated);
		rig_advance(0.01); /* the rate is another test's matter */
	}
	/* an error behind an extension header is one all the same */
	i.type = 1;
	build_icmp(&sent, &i);
	memmove(sent.b + 62, sent.b + 54, 8);
	memset(sent.b + 54, 0, 8);
	sent.b[20] = 60;
	sent.b[54] = 58;
	sent.b[57] = 4;
	sent.b[56] = 1;
	put16(sent.b + 18, 16);
	sent.len += 8;
	host_send(net.lan, &sent);
	expect_silence("behind destination options", DROP_TTL_EXPIRED);
}
END_TEST

START_TEST(icmp_never_about_later_fragments)
{
	struct ip_packet p = from_h1("10.2.0.1");

	p.ttl = 1;
	p.frag = 0x2001;
	send_ip(net.lan, &p);
	expect_silence("a middle piece", DROP_TTL_EXPIRED);
	p.frag = 100;
	send_ip(net.lan, &p);
	expect_silence("the last piece", DROP_TTL_EXPIRED);
	p.frag = 0x2000;
	send_ip(net.lan, &p);
	ck_assert_uint_eq(rig.originated, 1);
	p = from_h1("fd02::1");
	p.ttl = 1;
	p.proto = 44;
	build_ip(&sent, &p);
	sent.b[54] = 17;
	put16(sent.b + 56, 8);
	host_send(net.lan, &sent);
	expect_silence("a later piece, IPv6", DROP_TTL_EXPIRED);
	put16(sent.b + 56, 1);
	host_send(net.lan, &sent);
	ck_assert_uint_eq(rig.originated, 1);
}
END_TEST

START_TEST(icmp_never_to_or_about_many)
{
	static const char *const from[] = {
		"0.0.0.1", "127.0.0.1", "224.0.0.1", "255.255.255.255", "240.0.0.1"};
	struct ip_packet p;

	for (uint32_t i = 0; i < 5; i++) { /* the router drops them before */
		p = from_h1("192.0.2.1");
		p.from = from[i];
		send_ip(net.lan, &p);
		ck_assert_msg(
			rig.drops == 1 && rig.originated == 0 && rig.outs == 0, "%s", from[i]);
	}
	p = from_h1("224.1.2.3");
	p.dst = 0x01005e010203;
	send_ip(net.lan, &p);
	expect_silence("to multicast", DROP_ROUTED_GROUP);
	p = from_h1("192.0.2.1");
	p.dst = BCAST; /* RFC 1122: a link-layer broadcast */
	send_ip(net.lan, &p);
	expect_silence("in a frame to all", DROP_ROUTED_GROUP);
	p = from_h1(GW_LINK_LOCAL);
	send_ip(net.lan, &p);
	ck_assert_uint_eq(rig.originated, 1);
	p.dst = 0x333300000001;
	send_ip(net.lan, &p);
	expect_silence("to the gateway in a frame to all", DROP_NOT_FOR_GATEWAY);
	p = from_h1("10.0.0.255");
	send_ip(net.lan2, &p);
	ck_assert(rig.drops == 1 && rig.originated == 0 && rig.outs == 0);
	/* a source that is the gateway itself: the error would be for nobody */
	p = from_h1("192.0.2.1");
	p.from = "10.0.0.254";
	send_ip(net.lan, &p);
	ck_assert_uint_eq(rig.outs, 0);
}
END_TEST

START_TEST(icmp_without_an_address_is_silence)
{
	uint16_t other = rig_l3_slice(700), door = rig_attachment(other, net.lan, 70);
	struct ip_packet p = from_h1("192.0.2.1");

	p.dst = 0x025c0002bc01; /* of VNI 700 */
	(void)door;
	build_ip(&sent, &p);
	memmove(sent.b + 16, sent.b + 12, sent.len - 12);
	put32(sent.b + 12, 0x8100u << 16 | 70);
	sent.len += 4;
	rig_begin();
	rig_send(net.lan, &sent, 1);
	expect_silence("no address at all", DROP_NO_ROUTE_IN_SLICE);
	ck_assert_uint_eq(workers[0]->box.errors_held, 0);
}
END_TEST

START_TEST(icmp_errors_have_a_rate_of_each_slice)
{
	struct ip_packet p = from_h1("192.0.2.1");
	uint64_t said = 0, before = workers[0]->box.errors_held;

	build_ip(&sent, &p);
	for (uint32_t i = 0; i < 1000; i++) {
		host_send(net.lan, &sent);
		ck_assert_uint_eq(rig.drop[DROP_NO_ROUTE_IN_SLICE], 1);
		said += rig.originated;
	}
	ck_assert(said >= 100 && said < 900);
	ck_assert_uint_eq(workers[0]->box.errors_held - before, 1000 - said);
	/* echo has its own */
	struct icmp ping = {
		.dst = GATEWAY, .src = H1, .from = "10.0.0.1", .to = "10.0.0.254", .type = 8};

	build_icmp(&sent, &ping);
	host_send(net.lan, &sent);
	ck_assert_uint_eq(rig.answered, 1);
	rig_advance(0.2);
	build_ip(&sent, &p);
	host_send(net.lan, &sent);
	ck_assert_uint_eq(rig.originated, 1);
}
END_TEST

START_TEST(icmp_errors_need_a_buffer)
{
	struct ip_packet p = from_h1("192.0.2.1");
	uint64_t before = workers[0]->box.errors_held;

	build_ip(&sent, &p);
	rig_take_buffers(net.lan, 1);
	host_send(net.lan, &sent);
	expect_silence("none left", DROP_NO_ROUTE_IN_SLICE);
	ck_assert_uint_eq(workers[0]->box.errors_held - before, 1);
	rig_give_buffers();
}
END_TEST

TCase *icmp_silence_tests(void)
{
	TCase *tc = tcase_create("icmp_silence");

	tcase_add_checked_fixture(tc, host_setup, net_teardown);
	tcase_add_test(tc, icmp_never_about_errors);
	tcase_add_test(tc, icmp_never_about_later_fragments);
	tcase_add_test(tc, icmp_never_to_or_about_many);
	tcase_add_test(tc, icmp_without_an_address_is_silence);
	tcase_add_test(tc, icmp_errors_have_a_rate_of_each_slice);
	tcase_add_test(tc, icmp_errors_need_a_buffer);
	return tc;
}
