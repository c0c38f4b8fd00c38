/* SPDX-License-Identifier: BSD-3-Clause */
/* A gateway answers ND (RFC 4861) and echo for its own addresses, and nobody else's. */
#include <stdio.h>
#include <string.h>

#include "host_net.h"
#include "neighbor.h"

#define SOL "ff02::1:ff00:fe"

static struct nd solicit(void)
{
	return (struct nd){.dst = group_mac(SOL),
		.src = H1,
		.type = 135,
		.from = "fd00::1",
		.to = SOL,
		.target = "fd00::fe",
		.mac = H1};
}

static void send_nd(uint16_t port, const struct nd *n)
{
	build_nd(&a_pkt, n);
	host_send(port, &a_pkt);
}

static void expect_na(const char *what, const char *target, const char *to, uint8_t flags)
{
	bool all = strcmp(to, "ff02::1") == 0;
	struct nd want = {.dst = all ? 0x333300000001 : H1,
		.src = GATEWAY,
		.type = 136,
		.flags = flags,
		.from = target,
		.to = to,
		.target = target,
		.mac = GATEWAY};

	build_nd(&b_pkt, &want);
	expect_frame(what, net.lan, &b_pkt);
	ck_assert(rig.answered == 1 && rig.drops == 0);
}

START_TEST(nd_for_the_gateway_is_answered)
{
	struct nd n = solicit();

	send_nd(net.lan, &n);
	expect_na("solicited", "fd00::fe", "fd00::1", 0xe0);
	n.dst = GATEWAY; /* reachability confirmed by unicast, without the option */
	n.to = "fd00::fe";
	n.mac = 0;
	send_nd(net.lan, &n);
	expect_na("unicast", "fd00::fe", "fd00::1", 0xe0);
	n = solicit();
	n.from = "fe80::1";
	send_nd(net.lan, &n);
	expect_na("from a link-local address", "fd00::fe", "fe80::1", 0xe0);
	n.to = "fd00::fe";
	n.dst = GATEWAY;
	send_nd(net.lan, &n);
	expect_na("and unicast", "fd00::fe", "fe80::1", 0xe0);
}
END_TEST

START_TEST(nd_duplicate_detection_is_told)
{
	struct nd n = solicit();

	n.from = "::";
	n.mac = 0;
	send_nd(net.lan, &n);
	expect_na("a probe", "fd00::fe", "ff02::1", 0xa0);
	ck_assert_uint_eq(neighbors_of_test(), 0);
}
END_TEST

START_TEST(nd_for_the_link_local_address_is_answered)
{
	struct nd n = solicit();

	n.to = "ff02::1:ff01:f401";
	n.dst = group_mac(n.to);
	n.target = GW_LINK_LOCAL;
	n.from = "fe80::1";
	send_nd(net.lan, &n);
	expect_na("link-local", GW_LINK_LOCAL, "fe80::1", 0xe0);
	n.to = GW_LINK_LOCAL;
	n.dst = GATEWAY;
	send_nd(net.lan, &n);
	expect_na("unicast", GW_LINK_LOCAL, "fe80::1", 0xe0);
	n.from = "fd00::1";
	send_nd(net.lan, &n);
	expect_na("from a global address", GW_LINK_LOCAL, "fd00::1", 0xe0);
}
END_TEST

START_TEST(nd_for_others_is_not)
{
	static const char *const target[] = {"fd01::fe", "fd00::7", "fe80::7"};
	struct nd n = solicit();

	for (uint32_t i = 0; i < 3; i++) {
		n.target = target[i];
		send_nd(net.lan, &n);
		expect_drop(target[i], DROP_ARP_NOTED);
	}
	n = solicit();
	send_nd(net.wan, &n);
	expect_drop("from a tunnel", DROP_ARP_TUNNEL);
	n = (struct nd){.dst = 0x333300000001,
		.src = H1,
		.type = 136,
		.from = "fd00::1",
		.to = "ff02::1",
		.target = "fd00::1",
		.flags = 0x20,
		.mac = H1};
	send_nd(net.lan, &n);
	expect_drop("unsolicited", DROP_ARP_NOTED);
	n.type = 133; /* a router solicitation: routers are not advertised */
	n.dst = 0x333300000002;
	n.to = "ff02::2";
	send_nd(net.lan, &n);
	expect_drop("router solicitation", DROP_ARP_NOTED);
}
END_TEST

START_TEST(nd_that_claims_a_gateway_address_is_a_conflict)
{
	struct nd n = {.dst = 0x333300000001,
		.src = H1,
		.type = 136,
		.from = "fd00::fe",
		.to = "ff02::1",
		.target = "fd00::fe",
		.flags = 0x20,
		.mac = H1};

	send_nd(net.lan, &n);
	expect_drop("advertised", DROP_ADDRESS_CONFLICT);
	n.target = GW_LINK_LOCAL;
	send_nd(net.lan, &n);
	expect_drop("link-local advertised", DROP_ADDRESS_CONFLICT);
	n = solicit();
	n.from = "fd00::fe";
	n.target = "fd00::1";
	send_nd(net.lan, &n);
	expect_drop("asking from it", DROP_ADDRESS_CONFLICT);
	n = solicit(); /* as of ARP, wherever in the slice the gateway is */
	n.from = "fd01::fe";
	send_nd(net.lan, &n);
	expect_drop("asking from another attachment's", DROP_ADDRESS_CONFLICT);
	n = solicit();
	n.type = 136;
	n.target = "fd01::fe";
	n.flags = 0x20;
	send_nd(net.lan, &n);
	expect_drop("another attachment's advertised", DROP_ADDRESS_CONFLICT);
	ck_assert_uint_eq(neighbors_of_test(), 0);
}
END_TEST

enum harm {
	HOP_LIMIT,
	CHECKSUM,
	CODE,
	OPTION_ZERO,
	OPTION_LONG,
	OPTION_CUT,
	TARGET_GROUP,
	TARGET_NONE,
	SHORT,
	PROBE_WITH_MAC,
	PROBE_UNICAST,
	MAC_GROUP,
	HARMS
};

static void harm(struct pkt *p, enum harm what)
{
	uint8_t *ip = p->b + 14, *msg = p->b + 54, *opt = msg + 24;

	if (what == CODE)
		msg[1] = 1;
	else if (what == OPTION_ZERO)
		opt[1] = 0;
	else if (what == OPTION_LONG)
		opt[1] = 255;
	else if (what == OPTION_CUT || what == SHORT) {
		p->len -= what == SHORT ? 9 : 3;
		put16(ip + 4, p->len - 54);
	} else if (what == TARGET_GROUP)
		msg[8] = 0xff;
	else if (what == TARGET_NONE)
		memset(msg + 8, 0, 16);
	else if (what == PROBE_WITH_MAC)
		memset(ip + 8, 0, 16);
	else if (what == MAC_GROUP)
		opt[2] |= 1;
	if (what == PROBE_UNICAST) {
		memset(ip + 8, 0, 16);
		memcpy(ip + 24, msg + 8, 16);
		p->len -= 8;
		put16(ip + 4, 24);
	}
	icmp_fix(p);
	if (what == HOP_LIMIT)
		ip[7] = 254;
	if (what == CHECKSUM)
		msg[2] ^= 0x10;
}

START_TEST(nd_that_is_wrong_is_dropped)
{
	struct nd n = solicit();

	for (uint32_t i = 0; i < HARMS; i++) {
		char what[16];

		snprintf(what, sizeof(what), "harm %u", i);
		build_nd(&a_pkt, &n);
		harm(&a_pkt, i);
		host_send(net.lan, &a_pkt);
		/* from nowhere to a unicast address it does not even get that far */
		expect_drop(what, i == PROBE_UNICAST ? DROP_MARTIAN : DROP_ND_INVALID);
	}
	ck_assert_uint_eq(neighbors_of_test(), 0);
}
END_TEST

START_TEST(nd_options_that_are_not_known_are_passed_over)
{
	struct nd n = solicit();

	build_nd(&a_pkt, &n);
	memmove(a_pkt.b + 54 + 24 + 16, a_pkt.b + 54 + 24, 8);
	memset(a_pkt.b + 54 + 24, 0, 16);
	a_pkt.b[54 + 24] = 14; /* a nonce, of two units */
	a_pkt.b[54 + 25] = 2;
	a_pkt.len += 16;
	put16(a_pkt.b + 18, 48);
	icmp_fix(&a_pkt);
	host_send(net.lan, &a_pkt);
	expect_na("a nonce in front", "fd00::fe", "fd00::1", 0xe0);
}
END_TEST

/* ---- echo ---- */

static struct icmp ping(const char *from, const char *to, uint32_t payload)
{
	return (struct icmp){.dst = GATEWAY,
		.src = H1,
		.from = from,
		.to = to,
		.tos = 0x28,
		.type = strchr(from, ':') != NULL ? 128 : 8,
		.word = 0x12340001,
		.payload = payload};
}

/* The identification is the switch's own choice. */
static void expect_pong(const char *what, uint16_t port, const struct icmp *p, uint64_t mac)
{
	struct icmp pong = *p;
	static struct pkt got;

	pong.dst = mac;
	pong.src = GATEWAY;
	pong.from = p->to;
	pong.to = p->from;
	pong.ttl = 64;
	pong.type = p->type == 8 ? 0 : 129;
	build_icmp(&b_pkt, &pong);
	if (p->type == 8 && frame_of(0, port, &got)) {
		memcpy(b_pkt.b + 18, got.b + 18, 2);
		ipv4_fix(b_pkt.b + 14);
	}
	expect_frame(what, port, &b_pkt);
	ck_assert(rig.answered == 1 && rig.originated == 0 && rig.drops == 0);
}

START_TEST(echo_is_answered_by_every_gateway_address)
{
	static const char *const way[][2] = {{"10.0.0.1", "10.0.0.254"}, {"10.0.0.1", "10.0.1.254"},
		{"fd00::1", "fd00::fe"}, {"fd00::1", "fd01::fe"}, {"fe80::1", GW_LINK_LOCAL},
		{"fe80::1", "fd00::fe"}};

	for (uint32_t known = 0; known < 2; known++) {
		for (uint32_t i = 0; i < 6; i++)
			for (uint32_t size = 0; size < 1460; size = size * 3 + 1) {
				struct icmp p = ping(way[i][0], way[i][1], size);

				build_icmp(&a_pkt, &p);
				host_send(net.lan, &a_pkt);
				expect_pong(way[i][1], net.lan, &p, H1);
			}
		host_arrives(net.lan, H1, "10.0.0.1");
		host_arrives(net.lan, H1, "fd00::1");
	}
}
END_TEST

/* RFC 1624 section 3: the sum of nothing but zeros is +0. */
START_TEST(echo_of_zeros_has_a_checksum_that_is_not_zero)
{
	struct icmp p = ping("10.0.0.1", "10.0.0.254", 0);

	p.word = 0;
	build_icmp(&a_pkt, &p);
	host_send(net.lan, &a_pkt);
	expect_pong("all zero", net.lan, &p, H1);
}
END_TEST

START_TEST(echo_from_a_tunnel_is_answered_into_it)
{
	static const char *const way[][2] = {{"10.2.0.1", "10.0.0.254"}, {"fd02::1", "fd01::fe"}};

	for (uint32_t i = 0; i < 2; i++) {
		struct icmp p = ping(way[i][0], way[i][1], 100);

		build_icmp(&a_pkt, &p);
		host_send(net.wan, &a_pkt);
		expect_pong(way[i][1], net.wan, &p, FAR);
	}
}
END_TEST

START_TEST(echo_answer_leaves_padding_and_options_out)
{
	struct icmp p = ping("10.0.0.1", "10.0.0.254", 8);

	build_icmp(&a_pkt, &p);
	memset(a_pkt.b + a_pkt.len, 0xee, 10);
	a_pkt.len += 10;
	host_send(net.lan, &a_pkt);
	expect_pong("padded", net.lan, &p, H1);
	build_icmp(&a_pkt, &p);
	memmove(a_pkt.b + 14 + 28, a_pkt.b + 14 + 20, 16);
	memset(a_pkt.b + 34, 1, 8); /* two words of NOPs */
	a_pkt.b[14] = 0x47;
	a_pkt.len += 8;
	put16(a_pkt.b + 16, 44);
	ipv4_fix(a_pkt.b + 14);
	host_send(net.lan, &a_pkt);
	expect_pong("with options", net.lan, &p, H1);
	p = ping("fd00::1", "fd00::fe", 8);
	build_icmp(&a_pkt, &p);
	memmove(a_pkt.b + 54 + 8, a_pkt.b + 54, 16);
	memset(a_pkt.b + 54, 0, 8);
	a_pkt.b[54] = 58; /* destination options: a PadN of six */
	a_pkt.b[56] = 1;
	a_pkt.b[57] = 4;
	a_pkt.b[20] = 60;
	put16(a_pkt.b + 18, 24);
	a_pkt.len += 8;
	host_send(net.lan, &a_pkt);
	expect_pong("with an extension header", net.lan, &p, H1);
	/* its length is in words of four bytes, less two (RFC 4302 section 2.2) */
	build_icmp(&a_pkt, &p);
	memmove(a_pkt.b + 54 + 24, a_pkt.b + 54, 16);
	memset(a_pkt.b + 54, 0, 24);
	a_pkt.b[54] = 58;
	a_pkt.b[55] = 4;
	a_pkt.b[20] = 51;
	put16(a_pkt.b + 18, 40);
	a_pkt.len += 24;
	host_send(net.lan, &a_pkt);
	expect_pong("behind an authentication header", net.lan, &p, H1);
}
END_TEST

START_TEST(echo_that_is_wrong_is_dropped)
{
	for (uint32_t v6 = 0; v6 < 2; v6++) {
		struct icmp p =
			v6 ? ping("fd00::1", "fd00::fe", 8) : ping("10.0.0.1", "10.0.0.254", 8);
		uint32_t at = v6 ? 54 : 34;

		build_icmp(&a_pkt, &p);
		a_pkt.b[at + 2] ^= 4;
		host_send(net.lan, &a_pkt);
		expect_drop("checksum", DROP_ICMP_INVALID);
		for (uint32_t len = 0; len < 8; len++) {
			build_icmp(&a_pkt, &p);
			a_pkt.len = at + len;
			put16(a_pkt.b + (v6 ? 18 : 16), v6 ? len : 20 + len);
			if (!v6)
				ipv4_fix(a_pkt.b + 14);
			host_send(net.lan, &a_pkt);
			expect_drop("truncated", DROP_ICMP_INVALID);
		}
		static const uint8_t no_echo[2][6] = {
			{0, 3, 5, 11, 13, 17}, {129, 1, 2, 3, 4, 200}};

		for (uint32_t i = 0; i < 6; i++) {
			p.type = no_echo[v6][i];
			build_icmp(&a_pkt, &p);
			host_send(net.lan, &a_pkt);
			expect_drop("not an echo request", DROP_NOT_FOR_GATEWAY);
		}
	}
}
END_TEST

START_TEST(echo_in_fragments_is_not_put_together)
{
	struct icmp p = ping("10.0.0.1", "10.0.0.254", 800);
	static struct pkt part[4];

	build_icmp(&a_pkt, &p);
	uint32_t n = fragment(&a_pkt, 400, 7, part, 4);

	for (uint32_t i = 0; i < n; i++) {
		host_send(net.lan, &part[i]);
		expect_drop("a fragment", DROP_NOT_FOR_GATEWAY);
	}
}
END_TEST

/* RFC 6946: a fragment that is the whole packet is processed by itself. */
START_TEST(echo_in_one_fragment_is_answered)
{
	struct icmp p = ping("fd00::1", "fd00::fe", 100);
	uint8_t *ip = a_pkt.b + 14;

	build_icmp(&a_pkt, &p);
	memmove(ip + 48, ip + 40, a_pkt.len - 54);
	memset(ip + 40, 0, 8);
	ip[40] = ip[6];
	ip[6] = 44;
	put16(ip + 4, get16(ip + 4) + 8);
	a_pkt.len += 8;
	host_send(net.lan, &a_pkt);
	expect_pong("one fragment", net.lan, &p, H1);
	put16(ip + 42, 1); /* others follow */
	host_send(net.lan, &a_pkt);
	expect_drop("the first of several", DROP_NOT_FOR_GATEWAY);
}
END_TEST

START_TEST(echo_to_all_is_not_answered)
{
	struct icmp p = ping("10.0.0.1", "10.0.0.254", 8);

	p.dst = BCAST; /* RFC 1812 section 5.3.4 */
	build_icmp(&a_pkt, &p);
	host_send(net.lan, &a_pkt);
	expect_drop("a frame to all", DROP_ROUTED_GROUP);
	p.to = "255.255.255.255";
	build_icmp(&a_pkt, &p);
	host_send(net.lan, &a_pkt);
	expect_drop("a packet to all", DROP_ROUTED_GROUP);
	p = ping("fd00::1", "ff02::1", 8);
	p.dst = 0x333300000001;
	build_icmp(&a_pkt, &p);
	host_send(net.lan, &a_pkt);
	expect_drop("to all nodes", DROP_ROUTED_GROUP);
}
END_TEST

/* Nothing is answered to an address of the switch's own: at a link-local one, which is on every
 * link, the answer would leave to whoever sends from it. */
START_TEST(echo_from_a_gateway_address_is_a_conflict)
{
	static const char *const way[][2] = {{GW_LINK_LOCAL, GW_LINK_LOCAL},
		{GW_LINK_LOCAL, "fd00::fe"}, {"fe80::9", "fe80::9"}, {"fe80::9", GW_LINK_LOCAL},
		{"fd00::fe", "fd00::fe"}, {"fd00::fe", GW_LINK_LOCAL}, {"fd01::fe", "fd00::fe"},
		{"10.0.0.254", "10.0.0.254"}, {"10.0.1.254", "10.0.0.254"}};

	rig_gateway(hn.green, hn.lan, "fe80::9/64");
	for (uint32_t i = 0; i < sizeof(way) / sizeof(way[0]); i++) {
		struct icmp p = ping(way[i][0], way[i][1], 8);
		struct ip_packet udp = from_h1(way[i][1]);

		build_icmp(&a_pkt, &p);
		host_send(net.lan, &a_pkt);
		expect_drop(way[i][0], DROP_ADDRESS_CONFLICT);
		udp.from = way[i][0];
		build_ip(&a_pkt, &udp);
		host_send(net.lan, &a_pkt); /* and the error about it */
		ck_assert_msg(rig.outs == 0 && rig.drops == 2 &&
				      rig.drop[DROP_NOT_FOR_GATEWAY] == 1 &&
				      rig.drop[DROP_ADDRESS_CONFLICT] == 1,
			"%s: %u left", way[i][0], rig.outs);
	}
	/* on another link it is a station's own business who is fe80::9 */
	struct icmp p = ping("fe80::9", GW_LINK_LOCAL, 8);

	build_icmp(&a_pkt, &p);
	host_send(net.lan2, &a_pkt);
	expect_pong("of another link", net.lan2, &p, H1);
	p = ping("fd00::fe", "fd01::fe", 8);
	build_icmp(&a_pkt, &p);
	host_send(net.wan, &a_pkt);
	expect_drop("from a tunnel", DROP_ADDRESS_CONFLICT);
}
END_TEST

TCase *host_tests(void)
{
	TCase *tc = tcase_create("host");

	tcase_add_checked_fixture(tc, host_setup, net_teardown);
	tcase_add_test(tc, nd_for_the_gateway_is_answered);
	tcase_add_test(tc, nd_duplicate_detection_is_told);
	tcase_add_test(tc, nd_for_the_link_local_address_is_answered);
	tcase_add_test(tc, nd_for_others_is_not);
	tcase_add_test(tc, nd_that_claims_a_gateway_address_is_a_conflict);
	tcase_add_test(tc, nd_that_is_wrong_is_dropped);
	tcase_add_test(tc, nd_options_that_are_not_known_are_passed_over);
	tcase_add_test(tc, echo_is_answered_by_every_gateway_address);
	tcase_add_test(tc, echo_of_zeros_has_a_checksum_that_is_not_zero);
	tcase_add_test(tc, echo_from_a_tunnel_is_answered_into_it);
	tcase_add_test(tc, echo_answer_leaves_padding_and_options_out);
	tcase_add_test(tc, echo_that_is_wrong_is_dropped);
	tcase_add_test(tc, echo_in_fragments_is_not_put_together);
	tcase_add_test(tc, echo_in_one_fragment_is_answered);
	tcase_add_test(tc, echo_to_all_is_not_answered);
	tcase_add_test(tc, echo_from_a_gateway_address_is_a_conflict);
	return tc;
}
