/* SPDX-License-Identifier: BSD-3-Clause */
/* What the switch says about packets it cannot deliver (RFC 792, RFC 1812, RFC 4443), and packets
 * it cuts (RFC 791, RFC 1191). */
#include <stdio.h>
#include <string.h>

#include "host_net.h"
#include "schema.h"
#include "worker.h"

static struct pkt sent, got, want;

static void send_ip(uint16_t port, const struct ip_packet *i)
{
	build_ip(&sent, i);
	host_send(port, &sent);
}

struct error {
	uint8_t type, code;
	uint32_t word;
	const char *source;
};

/* One error left by this port, about `sent` as it came, and the packet was dropped by this name. */
static void expect_error(
	const char *what, uint16_t port, const struct error *e, enum drop_reason why)
{
	bool v6 = sent.b[14] >> 4 == 6;
	uint32_t most = v6 ? 1280 - 48 : 576 - 28, len = sent.len - 14;
	char to[48];
	struct api_ip ip = {.family = v6 ? 6 : 4, .len = v6 ? 128 : 32};

	memcpy(ip.bytes, sent.b + (v6 ? 22 : 26), v6 ? 16 : 4);
	api_ip_format(&ip, false, to);
	struct icmp i = {.dst = port == net.wan ? FAR : H1,
		.src = GATEWAY,
		.from = e->source,
		.to = to,
		.tos = 0xc0,
		.type = e->type,
		.code = e->code,
		.word = e->word};

	build_icmp_around(&want, &i, sent.b + 14, len < most ? len : most);
	ck_assert_msg(rig.outs == 1 && rig.drops == 1 && rig.drop[why] == 1 && rig.originated == 1,
		"%s: %u left, %lu dropped, %lu by name, %lu made", what, rig.outs, rig.drops,
		rig.drop[why], rig.originated);
	if (!v6 && frame_of(0, port, &got)) { /* the identification is the switch's choice */
		memcpy(want.b + 18, got.b + 18, 2);
		ipv4_fix(want.b + 14);
	}
	expect_frame(what, port, &want);
}

static void expect_silence(const char *what, enum drop_reason why)
{
	ck_assert_msg(rig.originated == 0, "%s: something was said", what);
	expect_drop(what, why);
}

/* ---- what is said ---- */

START_TEST(icmp_time_exceeded)
{
	const struct error v4 = {11, 0, 0, "10.0.0.254"}, v6 = {3, 0, 0, "fd00::fe"};
	static const char *const to4[] = {"10.2.0.1", "10.0.1.1", "10.0.0.7", "192.0.2.1"};
	static const char *const to6[] = {"fd02::1", "fd01::1", "fd00::7", "2001:db8:9::1"};

	for (uint32_t i = 0; i < 4; i++)
		for (uint32_t ttl = 0; ttl < 2; ttl++) {
			struct ip_packet p = from_h1(to4[i]);

			build_ip(&sent, &p);
			sent.b[22] = ttl;
			ipv4_fix(sent.b + 14);
			host_send(net.lan, &sent);
			expect_error(to4[i], net.lan, &v4, DROP_TTL_EXPIRED);
			p = from_h1(to6[i]);
			build_ip(&sent, &p);
			sent.b[21] = ttl;
			host_send(net.lan, &sent);
			expect_error(to6[i], net.lan, &v6, DROP_TTL_EXPIRED);
		}
	/* an address of its own takes what arrives with TTL 1 */
	struct icmp ping = {.dst = GATEWAY,
		.src = H1,
		.from = "10.0.0.1",
		.to = "10.0.1.254",
		.ttl = 1,
		.type = 8};

	build_icmp(&sent, &ping);
	host_send(net.lan, &sent);
	ck_assert(rig.answered == 1 && rig.outs == 1);
}
END_TEST

START_TEST(icmp_quotes_as_much_as_the_rfcs_say)
{
	const struct error v4 = {11, 0, 0, "10.0.0.254"}, v6 = {3, 0, 0, "fd00::fe"};

	for (uint32_t payload = 8; payload <= 1460; payload += 121) {
		struct ip_packet p = from_h1("10.2.0.1");

		p.payload = payload;
		p.ttl = 1;
		send_ip(net.lan, &p);
		expect_error("IPv4", net.lan, &v4, DROP_TTL_EXPIRED);
		ck_assert_uint_le(got.len, 14 + 576);
		p = from_h1("fd02::1");
		p.payload = payload;
		p.ttl = 1;
		send_ip(net.lan, &p);
		expect_error("IPv6", net.lan, &v6, DROP_TTL_EXPIRED);
		ck_assert_uint_le(rig_out[0].pkt.len, 18 + 1280);
	}
}
END_TEST

START_TEST(icmp_into_a_tunnel)
{
	const struct error v4 = {11, 0, 0, "10.0.0.254"}, v6 = {3, 0, 0, "fd00::fe"};
	struct ip_packet p = from_h1("10.0.1.1");

	p.from = "10.2.0.1";
	p.ttl = 1;
	send_ip(net.wan, &p);
	expect_error("IPv4", net.wan, &v4, DROP_TTL_EXPIRED);
	p = from_h1("fd01::1");
	p.from = "fd02::1";
	p.ttl = 1;
	send_ip(net.wan, &p);
	expect_error("IPv6", net.wan, &v6, DROP_TTL_EXPIRED);
}
END_TEST

START_TEST(icmp_no_route)
{
	const struct error v4 = {3, 0, 0, "10.0.0.254"}, v6 = {1, 0, 0, "fd00::fe"};
	struct ip_packet p = from_h1("192.0.2.1");

	send_ip(net.lan, &p);
	expect_error("net unreachable", net.lan, &v4, DROP_NO_ROUTE_IN_SLICE);
	p = from_h1("2001:db8:9::1");
	send_ip(net.lan, &p);
	expect_error("no route", net.lan, &v6, DROP_NO_ROUTE_IN_SLICE);
	/* by the other attachment: its address */
	p = from_h1("192.0.2.1");
	p.from = "10.0.1.1";
	send_ip(net.lan2, &p);
	ck_assert(frame_of(0, net.lan2, &got));
	ck_assert(get32(got.b + 26) == 0x0a0001fe && get32(got.b + 30) == 0x0a000101);
}
END_TEST

START_TEST(icmp_about_what_no_gateway_takes)
{
	const struct error port4 = {3, 3, 0, "10.0.0.254"}, proto4 = {3, 2, 0, "10.0.0.254"};
	const struct error port6 = {1, 4, 0, "fd00::fe"}, next6 = {4, 1, 6, "fd00::fe"};
	struct ip_packet p = from_h1("10.0.1.254");

	send_ip(net.lan, &p);
	expect_error("UDP", net.lan, &port4, DROP_NOT_FOR_GATEWAY);
	p.proto = 6;
	send_ip(net.lan, &p);
	expect_error("TCP", net.lan, &proto4, DROP_NOT_FOR_GATEWAY);
	p.proto = 132;
	send_ip(net.lan, &p);
	expect_error("SCTP", net.lan, &proto4, DROP_NOT_FOR_GATEWAY);
	p = from_h1("fd01::fe");
	send_ip(net.lan, &p);
	expect_error("UDP", net.lan, &port6, DROP_NOT_FOR_GATEWAY);
	p.proto = 6;
	send_ip(net.lan, &p);
	expect_error("TCP", net.lan, &port6, DROP_NOT_FOR_GATEWAY);
	p.proto = 132;
	send_ip(net.lan, &p);
	expect_error("SCTP", net.lan, &next6, DROP_NOT_FOR_GATEWAY);
	p.proto = 59; /* nothing follows */
	send_ip(net.lan, &p);
	expect_silence("no next header", DROP_NOT_FOR_GATEWAY);
}
END_TEST

/* ---- too big ---- */

static uint16_t narrow; /* an attachment whose port carries 1000 bytes: VLAN 52, 10.0.3.0/24 */
static uint16_t narrow_port;

static void make_narrow(void)
{
	narrow_port = rig_port(1000);
	narrow = rig_attachment(hn.green, narrow_port, 52);
	rig_gateway(hn.green, narrow, "10.0.3.254/24");
	rig_gateway(hn.green, narrow, "fd03::fe/64");
	rig_l3_neighbor(hn.green, narrow, "10.0.3.1", H2);
	rig_l3_neighbor(hn.green, narrow, "fd03::1", H2);
}

START_TEST(icmp_too_big_names_the_mtu_of_the_way_out)
{
	const struct error v4 = {3, 4, 1000, "10.0.0.254"}, v6 = {2, 0, 1000, "fd00::fe"};
	struct ip_packet p = from_h1("10.0.3.1");

	make_narrow();
	p.frag = 0x4000;
	p.payload = 980; /* 1000 bytes */
	send_ip(net.lan, &p);
	ck_assert(rig.outs == 1 && rig.drops == 0);
	p.payload = 981;
	send_ip(net.lan, &p);
	expect_error("with DF", net.lan, &v4, DROP_TOO_BIG);
	p = from_h1("fd03::1");
	p.payload = 960;
	send_ip(net.lan, &p);
	ck_assert(rig.outs == 1 && rig.drops == 0);
	p.payload = 961;
	send_ip(net.lan, &p);
	expect_error("IPv6", net.lan, &v6, DROP_TOO_BIG);
	/* and of a tunnel: 1500 less the outer headers, 36 beside the inner Ethernet's 14 */
	const struct error t4 = {3, 4, 1450, "10.0.0.254"}, t6 = {2, 0, 1450, "fd00::fe"};

	p = from_h1("10.2.0.1");
	p.frag = 0x4000;
	p.payload = 1431;
	send_ip(net.lan, &p);
	expect_error("into a tunnel", net.lan, &t4, DROP_TOO_BIG);
	p = from_h1("fd02::1");
	p.payload = 1411;
	send_ip(net.lan, &p);
	expect_error("into a tunnel, IPv6", net.lan, &t6, DROP_TOO_BIG);
	p.payload = 1410;
	send_ip(net.lan, &p);
	ck_assert(rig.outs == 1 && rig.drops == 0);
}
END_TEST

/* What left by narrow_port, put together again, is `sent` one hop on; returns the pieces. */
static uint32_t reassemble(const char *what)
{
	static uint8_t body[PKT_MAX];
	uint32_t hlen = (sent.b[14] & 15) * 4, total = get16(sent.b + 16) - hlen, had = 0;
	uint32_t base = (get16(sent.b + 20) & 0x1fff) * 8;
	bool more = get16(sent.b + 20) & 0x2000;

	for (uint32_t i = 0; i < rig.outs; i++) {
		const uint8_t *ip = rig_out[i].pkt.b + 18;
		uint32_t h = (ip[0] & 15) * 4, len = get16(ip + 2) - h;
		uint32_t at = (get16(ip + 6) & 0x1fff) * 8 - base;
		bool last = at + len == total;

		ck_assert_msg(rig_out[i].port == narrow_port && ipv4_ok(ip) &&
				      rig_out[i].pkt.len == 18 + h + len && h + len <= 1000,
			"%s: piece %u", what, i);
		ck_assert_msg(ip[8] == 63 && ip[9] == 17 && ip[1] == sent.b[15] &&
				      get16(ip + 4) == 0x4321 &&
				      memcmp(ip + 12, sent.b + 26, 8) == 0,
			"%s: header of piece %u", what, i);
		ck_assert_msg(last || len % 8 == 0, "%s: %u bytes", what, len);
		ck_assert_msg(((get16(ip + 6) & 0x2000) != 0) == (!last || more), "%s: MF", what);
		ck_assert_msg(at + len <= total, "%s: beyond the end", what);
		memcpy(body + at, ip + h, len);
		had += len;
	}
	ck_assert_msg(had == total && memcmp(body, sent.b + 14 + hlen, total) == 0,
		"%s: %u of %u bytes", what, had, total);
	return rig.outs;
}

START_TEST(icmp_not_needed_where_ipv4_may_be_cut)
{
	struct ip_packet p = from_h1("10.0.3.1");

	make_narrow();
	p.tos = 0xb8;
	for (uint32_t payload = 981; payload <= 1480; payload += 1 + payload % 13) {
		p.payload = payload;
		send_ip(net.lan, &p);
		ck_assert_uint_eq(reassemble("whole"), 1 + (payload - 976 + 975) / 976);
		ck_assert(rig.drops == 0 && rig.originated == 0 && rig.replicated == rig.outs - 1u);
	}
	/* a piece is cut further, its place and flag kept */
	p.frag = 0x2000 | 200;
	p.payload = 1480;
	send_ip(net.lan, &p);
	ck_assert_uint_eq(reassemble("a first or middle piece"), 2);
	p.frag = 200;
	p.payload = 1477;
	send_ip(net.lan, &p);
	ck_assert_uint_eq(reassemble("the last piece"), 2);
}
END_TEST

START_TEST(icmp_options_of_pieces)
{
	struct ip_packet p = from_h1("10.0.3.1");
	static const uint8_t options[12] = {0x83, 3, 4, /* loose source route: copied */
		1, 7, 7, 4, 0, 0, 0, 0, 0};		/* NOP, record route: in the first only */

	make_narrow();
	p.options = 3;
	p.payload = 1400;
	build_ip(&sent, &p);
	memcpy(sent.b + 34, options, 12);
	ipv4_fix(sent.b + 14);
	host_send(net.lan, &sent);
	ck_assert_uint_eq(reassemble("with options"), 2);
	const uint8_t *first = rig_out[0].pkt.b + 18, *second = rig_out[1].pkt.b + 18;

	ck_assert(first[0] == 0x48 && memcmp(first + 20, options, 12) == 0);
	ck_assert(second[0] == 0x46 && memcmp(second + 20, options, 3) == 0 && second[23] == 0);
}
END_TEST

START_TEST(icmp_pieces_need_buffers)
{
	struct ip_packet p = from_h1("10.0.3.1");

	make_narrow();
	p.payload = 1480;
	build_ip(&sent, &p);
	rig_take_buffers(net.lan, 1);
	host_send(net.lan, &sent);
	expect_drop("none left", DROP_FRAGMENT_NO_MBUF);
	rig_give_buffers();
}
END_TEST

/* In chained buffers: what is quoted and cut lies in more than one. */
START_TEST(icmp_of_packets_in_two_buffers)
{
	struct ip_packet p = from_h1("10.0.3.1");
	const struct error v4 = {3, 4, 1000, "10.0.0.254"};
	static struct pkt tag;

	make_narrow();
	for (uint32_t df = 0; df < 2; df++)
		for (uint32_t cut = 60; cut < 1400; cut += 173) {
			p.payload = 1400;
			p.frag = df ? 0x4000 : 0;
			build_ip(&sent, &p);
			memcpy(tag.b, sent.b, 12);
			put32(tag.b + 12, 0x8100u << 16 | 50);
			memcpy(tag.b + 16, sent.b + 12, sent.len - 12);
			tag.len = sent.len + 4;
			rig_begin();
			rig_send_cut(net.lan, &tag, cut);
			if (df)
				expect_error("quoted", net.lan, &v4, DROP_TOO_BIG);
			else
				ck_assert_uint_eq(reassemble("cut"), 2);
		}
}
END_TEST

TCase *icmp_tests(void)
{
	TCase *tc = tcase_create("icmp");

	tcase_add_checked_fixture(tc, host_setup, net_teardown);
	tcase_add_test(tc, icmp_time_exceeded);
	tcase_add_test(tc, icmp_quotes_as_much_as_the_rfcs_say);
	tcase_add_test(tc, icmp_into_a_tunnel);
	tcase_add_test(tc, icmp_no_route);
	tcase_add_test(tc, icmp_about_what_no_gateway_takes);
	tcase_add_test(tc, icmp_too_big_names_the_mtu_of_the_way_out);
	tcase_add_test(tc, icmp_not_needed_where_ipv4_may_be_cut);
	tcase_add_test(tc, icmp_options_of_pieces);
	tcase_add_test(tc, icmp_pieces_need_buffers);
	tcase_add_test(tc, icmp_of_packets_in_two_buffers);
	return tc;
}
