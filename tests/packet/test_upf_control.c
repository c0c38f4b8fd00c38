/* SPDX-License-Identifier: BSD-3-Clause */
/* GTP-U messages: echo, error indications both ways, supported extension headers, end markers, and
 * whatever is none of them (TS 29.281 clause 7). */
#include <stdlib.h>
#include <string.h>

#include "event.h"
#include "gtpu_path.h"
#include "upf_net.h"

static struct pkt ask_pkt;

/* ---- asking and being answered ---- */

/* Any GTP-U bytes, from the gNB by default. */
static void build_raw(struct pkt *p, const struct gtpu *g, const uint8_t *bytes, uint32_t len)
{
	uint8_t rest[256];
	uint32_t at = 14 + (strchr(g->from, ':') ? 40 : 20) + 8;

	memcpy(rest, bytes + 8, len - 8);
	build_gtpu_raw(p, g, rest, len - 8);
	memcpy(p->b + at, bytes, len);
	if (g->csum == CSUM_GOOD)
		udp_fix(p);
}

static struct gtpu plain_gnb(void)
{
	struct gtpu g = from_gnb(0);

	g.psc = false;
	return g;
}

static struct gtpu plain_gnb6(void)
{
	struct gtpu g = plain_gnb();

	g.src = GNB6;
	g.from = "2001:db8::2";
	g.to = "2001:db8::1";
	g.csum = CSUM_GOOD;
	return g;
}

static void send_raw(const struct gtpu *g, const uint8_t *bytes, uint32_t len)
{
	build_raw(&ask_pkt, g, bytes, len);
	rig_begin();
	rig_send(net.wan, &ask_pkt, 1);
}
#define SEND(g, ...)                                                                               \
	send_raw(g, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

/* The only packet that left says this, from where ask_pkt went to where it came from, from port
 * 2152 to this one; its checksums are there and right. */
static void expect_message(const char *what, uint16_t port, const uint8_t *bytes, uint32_t len)
{
	const struct pkt *p = &rig_out[0].pkt;
	bool v6 = get16(ask_pkt.b + 12) == 0x86dd;
	uint32_t addresses = v6 ? 16 : 4, from = v6 ? 22 : 26, udp = 14 + (v6 ? 40 : 20);

	ck_assert_msg(rig.outs == 1 && rig_out[0].port == net.wan, "%s: %u left", what, rig.outs);
	ck_assert_msg(memcmp(p->b, ask_pkt.b + 6, 6) == 0 && memcmp(p->b + 6, ask_pkt.b, 6) == 0 &&
			      memcmp(p->b + 12, ask_pkt.b + 12, 2) == 0,
		"%s: Ethernet", what);
	ck_assert_msg(memcmp(p->b + from, ask_pkt.b + from + addresses, addresses) == 0 &&
			      memcmp(p->b + from + addresses, ask_pkt.b + from, addresses) == 0,
		"%s: addresses", what);
	ck_assert_msg(v6 ? get16(p->b + 18) == p->len - 54 && p->b[20] == 17 && p->b[21] == 64
			 : p->b[14] == 0x45 && get16(p->b + 16) == p->len - 14 && p->b[22] == 64 &&
				      p->b[23] == 17 && ipv4_ok(p->b + 14),
		"%s: IP", what);
	ck_assert_msg(
		get16(p->b + udp) == 2152 && get16(p->b + udp + 2) == port, "%s: ports", what);
	ck_assert_msg(get16(p->b + udp + 6) != 0 && udp_ok(p), "%s: UDP checksum", what);
	ck_assert_msg(p->len == udp + 8 + len, "%s: %u bytes", what, p->len - udp - 8);
	ck_assert_msg(memcmp(p->b + udp + 8, bytes, len) == 0, "%s: not what was wanted", what);
}
#define EXPECT(what, port, ...)                                                                    \
	expect_message(what, port, (const uint8_t[]){__VA_ARGS__},                                 \
		sizeof((const uint8_t[]){__VA_ARGS__}))

/* ---- echo ---- */

START_TEST(an_echo_is_answered_to_the_port_it_came_from)
{
	struct gtpu from[] = {plain_gnb(), plain_gnb6(), plain_gnb(), plain_gnb6()};

	from[2].csum = CSUM_GOOD;
	from[2].sport = from[3].sport = 40000;
	from[2].pad = from[3].pad = 7;
	for (uint32_t i = 0; i < 4; i++) {
		uint16_t port = from[i].sport ? from[i].sport : 2152;

		SEND(&from[i], 0x32, 1, 0, 4, 0, 0, 0, 0, 0x47, 0x11, 0, 0);
		EXPECT("echo", port, 0x32, 2, 0, 6, 0, 0, 0, 0, 0x47, 0x11, 0, 0, 14, 0);
		ck_assert_uint_eq(rig.answered, 1);
		ck_assert_uint_eq(rig.drops, 0);
		/* longer than its answer: a private extension */
		SEND(&from[i], 0x32, 1, 0, 11, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 255, 0, 4, 0, 1, 2, 3);
		EXPECT("long echo", port, 0x32, 2, 0, 6, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 14, 0);
		/* without a sequence number, which nobody may do */
		SEND(&from[i], 0x30, 1, 0, 0, 0, 0, 0, 0);
		EXPECT("short echo", port, 0x32, 2, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 14, 0);
		/* with extension headers that need not be understood */
		SEND(&from[i], 0x36, 1, 0, 8, 0, 0, 0, 0, 0, 9, 0, 0x40, 1, 8, 104, 0);
		EXPECT("echo with UDP port", port, 0x32, 2, 0, 6, 0, 0, 0, 0, 0, 9, 0, 0, 14, 0);
	}
}
END_TEST

START_TEST(an_echo_keeps_its_dscp_but_no_ecn)
{
	struct gtpu g = plain_gnb(), g6 = plain_gnb6();

	g.tos = g6.tos = 0xbb;
	SEND(&g, 0x32, 1, 0, 4, 0, 0, 0, 0, 0, 1, 0, 0);
	ck_assert_uint_eq(rig_out[0].pkt.b[15], 0xb8);
	SEND(&g6, 0x32, 1, 0, 4, 0, 0, 0, 0, 0, 1, 0, 0);
	ck_assert_uint_eq(get16(rig_out[0].pkt.b + 14) >> 4 & 0xff, 0xb8);
}
END_TEST

START_TEST(nobody_is_not_answered)
{
	static const char *const none[] = {"0.0.0.0", "224.0.0.1", "255.255.255.255", "127.0.0.1"};
	struct gtpu g = plain_gnb(), g6 = plain_gnb6();

	for (uint32_t i = 0; i < 4; i++) {
		g.from = none[i];
		SEND(&g, 0x32, 1, 0, 4, 0, 0, 0, 0, 0, 1, 0, 0);
		expect_drop(none[i], DROP_GTPU_MESSAGE);
		SEND(&g, 0x30, 255, 0, 4, 0, 0, 0, 9, 1, 2, 3, 4);
		expect_drop(none[i], DROP_GTPU_TEID_UNKNOWN);
	}
	g6.from = "ff02::1";
	SEND(&g6, 0x32, 1, 0, 4, 0, 0, 0, 0, 0, 1, 0, 0);
	expect_drop("multicast", DROP_GTPU_MESSAGE);
	/* a MAC that no station has */
	g = plain_gnb();
	g.src = BCAST;
	SEND(&g, 0x32, 1, 0, 4, 0, 0, 0, 0, 0, 1, 0, 0);
	expect_drop("from all stations", DROP_GTPU_MESSAGE);
	/* a checksum that is wrong is nobody's word */
	g = plain_gnb();
	g.csum = CSUM_WRONG;
	build_gtpu_raw(&ask_pkt, &g, (const uint8_t *)"", 0);
	rig_begin();
	rig_send(net.wan, &ask_pkt, 1);
	expect_drop("wrong checksum", DROP_UDP_CHECKSUM);
}
END_TEST

START_TEST(answers_and_errors_have_a_rate)
{
	struct gtpu g = plain_gnb();
	const uint8_t echo[] = {0x32, 1, 0, 4, 0, 0, 0, 0, 0, 1, 0, 0};
	const uint8_t data[] = {0x30, 255, 0, 4, 0, 0, 0, 9, 1, 2, 3, 4};
	uint64_t answered = 0, over = 0, told = 0;

	rig_advance(1);
	for (int i = 0; i < 3000; i++) {
		send_raw(&g, echo, sizeof(echo));
		answered += rig.answered;
		over += rig.drop[DROP_GTPU_RATE];
	}
	ck_assert_uint_eq(answered + over, 3000);
	ck_assert_uint_ge(answered, 90); /* a burst of a tenth of a second, and what time brings */
	ck_assert_uint_ge(over, 1);
	for (int i = 0; i < 500; i++) {
		send_raw(&g, data, sizeof(data));
		ck_assert_uint_eq(rig.drop[DROP_GTPU_TEID_UNKNOWN], 1);
		told += rig.originated;
	}
	ck_assert_uint_ge(told, 9);
	ck_assert_uint_le(told, 250);
}
END_TEST

/* What anybody may send does not keep out what our own peers say: neither rate uses up another. */
START_TEST(no_rate_exhausts_another)
{
	struct gtpu g = plain_gnb();
	const uint8_t echo[] = {0x32, 1, 0, 4, 0, 0, 0, 0, 0, 1, 0, 0};
	const uint8_t stray[] = {0x32, 2, 0, 4, 0, 0, 0, 0, 0x12, 0x34, 0, 0};
	const uint8_t waited[] = {0x32, 2, 0, 4, 0, 0, 0, 0, 0x43, 0x21, 0, 0};
	const uint8_t linux_[] = {0x32, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0};
	const uint8_t data[] = {0x30, 255, 0, 4, 0, 0, 0, 9, 1, 2, 3, 4};
	const uint8_t indication[] = {
		0x32, 26, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0, 9, 133, 0, 4, 198, 18, 0, 2};
	uint64_t over = 0;

	upf_session("a", "internet", UE1, ""); /* the gNB is a peer: strangers' answers are none */
	rig_advance(1);
	for (int i = 0; i < 1500; i++) {
		send_raw(&g, echo, sizeof(echo));
		over += rig.drop[DROP_GTPU_RATE];
		send_raw(&g, stray, sizeof(stray)); /* nobody was asked with this number */
		over += rig.drop[DROP_GTPU_RATE];
		send_raw(&g, data, sizeof(data));
	}
	ck_assert_uint_ge(over, 1);
	gtpu_path_waits[0x4321 / 64] |= 1ull << 0x4321 % 64;
	for (int i = 0; i < 300; i++) {
		send_raw(&g, waited, sizeof(waited));
		expect_drop("the answer that is waited for", DROP_GTPU_TAKEN);
	}
	gtpu_path_waits[0x4321 / 64] = 0;
	send_raw(&g, linux_, sizeof(linux_));
	expect_drop("an answer by gtp.ko", DROP_GTPU_TAKEN);
	do /* until the answers' rate is used up, just now */
		send_raw(&g, echo, sizeof(echo));
	while (rig.drop[DROP_GTPU_RATE] == 0);
	send_raw(&g, indication, sizeof(indication));
	expect_drop("an error indication after many were sent and asked for", DROP_GTPU_TAKEN);
	/* and the other way round */
	rig_advance(1);
	for (int i = 0; i < 500; i++)
		send_raw(&g, indication, sizeof(indication));
	expect_drop("over the rate of error indications that come in", DROP_GTPU_RATE);
	send_raw(&g, data, sizeof(data));
	ck_assert_uint_eq(rig.originated, 1);
}
END_TEST

/* ---- shares of the rates ---- */

/* Sends to both gNBs and UPF 2: they are peers. */
static void peers_known(void)
{
	static const char *const peer[] = {
		"198.18.0.2", "2001:db8::2", "198.18.0.3", "2001:db8::3"};
	char text[1024];

	for (int i = 0; i < 4; i++) {
		snprintf(text, sizeof(text),
			"{'name':'p%d','slice':'internet','ue':{'ipv4':'10.45.0.%d'},"
			"'pdrs':[{'id':2,'precedence':100,'source':'core','far':2}],"
			"'fars':[{'id':2,'action':'forward','destination':'access',"
			"'outer_header':{'teid':%d,'peer':'%s'}}]}",
			i, 10 + i, 100 + i, peer[i]);
		rig_sessions(text);
	}
}

static struct gtpu peer_of(bool v6, bool other)
{
	struct gtpu g = v6 ? plain_gnb6() : plain_gnb();

	if (other)
		g.from = v6 ? "2001:db8::3" : "198.18.0.3";
	return g;
}

/* 320 of this message: from ever new strangers, or by the other peer. */
static void flood(bool v6, bool stranger, const uint8_t *bytes, uint32_t len)
{
	static struct pkt burst[32];
	static uint32_t n;
	struct gtpu g = peer_of(v6, true);
	char from[46];

	for (int i = 0; i < 10; i++) {
		for (int k = 0; k < 32; k++) {
			n++;
			snprintf(from, sizeof(from), v6 ? "fd00:bad::%x:%x" : "203.%u.%u.9",
				n >> 8 & 255, n & 255);
			if (stranger)
				g.from = from;
			build_raw(&burst[k], &g, bytes, len);
		}
		rig_send(net.wan, burst, 32);
	}
}

/* TS 23.527 5.3: a gNB that is not answered takes the path for broken, and drops its sessions. */
START_TEST(a_peers_echo_is_answered_while_others_flood)
{
	const uint8_t echo[] = {0x32, 1, 0, 4, 0, 0, 0, 0, 0x47, 0x11, 0, 0};
	bool v6 = _i & 1, stranger = _i & 2;
	struct gtpu g = peer_of(v6, false);
	uint64_t over = 0;

	peers_known();
	for (int k = 0; k < 60; k++) {
		rig_begin();
		flood(v6, stranger, echo, sizeof(echo));
		over += rig.drop[DROP_GTPU_RATE];
		send_raw(&g, echo, sizeof(echo));
		EXPECT("a peer's", 2152, 0x32, 2, 0, 6, 0, 0, 0, 0, 0x47, 0x11, 0, 0, 14, 0);
	}
	ck_assert_uint_ge(over, 60 * 100); /* the others' rate is a rate all the same */
}
END_TEST

START_TEST(a_peer_is_told_of_unknown_teids_while_others_flood)
{
	const uint8_t data[] = {0x30, 255, 0, 4, 0, 0, 0, 9, 1, 2, 3, 4};
	bool v6 = _i & 1, stranger = _i & 2;
	struct gtpu g = peer_of(v6, false);

	peers_known();
	for (int k = 0; k < 6; k++) {
		rig_begin();
		flood(v6, stranger, data, sizeof(data));
		ck_assert_uint_le(rig.originated, 110);
		send_raw(&g, data, sizeof(data));
		ck_assert_uint_eq(rig.originated, 1);
	}
}
END_TEST

/* ---- what is told to the sender ---- */

START_TEST(an_unknown_teid_is_indicated)
{
	struct gtpu g = plain_gnb(), g6 = plain_gnb6();

	g.sport = g6.sport = 50000; /* the indication goes to 2152 all the same (4.4.2.3) */
	SEND(&g, 0x30, 255, 0, 4, 0xde, 0xad, 0xbe, 0xef, 1, 2, 3, 4);
	EXPECT("IPv4", 2152, 0x32, 26, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 16, 0xde, 0xad, 0xbe, 0xef,
		133, 0, 4, 198, 18, 0, 1);
	ck_assert_uint_eq(rig.drop[DROP_GTPU_TEID_UNKNOWN], 1);
	ck_assert_uint_eq(rig.originated, 1);
	ck_assert_uint_eq(rig.answered, 0);
	SEND(&g6, 0x34, 255, 0, 12, 0xde, 0xad, 0xbe, 0xef, 0, 0, 0, 0x85, 1, 0x10, 9, 0, 1, 2, 3,
		4);
	EXPECT("IPv6", 2152, 0x32, 26, 0, 28, 0, 0, 0, 0, 0, 0, 0, 0, 16, 0xde, 0xad, 0xbe, 0xef,
		133, 0, 16, 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
	ck_assert_uint_eq(rig.drop[DROP_GTPU_TEID_UNKNOWN], 1);
	/* of another of our addresses a session's TEID is unknown */
	upf_session("a", "internet", UE1, "");
	uint32_t teid = rig_teid("a", 1);
	struct gtpu n9 = from_gnb(teid);
	struct ip_packet i = {.from = UE1, .to = "10.0.0.1", .payload = 60};

	n9.to = "198.18.0.9";
	build_ip(&in_pkt, &i);
	build_gtpu(&ask_pkt, &n9, &in_pkt);
	rig_begin();
	rig_send(net.wan, &ask_pkt, 1);
	EXPECT("N9", 2152, 0x32, 26, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 16, teid >> 24,
		teid >> 16 & 255, teid >> 8 & 255, teid & 255, 133, 0, 4, 198, 18, 0, 9);
}
END_TEST

START_TEST(an_extension_that_must_be_understood_is_told_what_is)
{
	struct gtpu g = plain_gnb();

	g.sport = 50000;
	SEND(&g, 0x36, 255, 0, 12, 0, 0, 0, 9, 0x12, 0x34, 0, 0xc1, 1, 0, 0, 0, 1, 2, 3, 4);
	EXPECT("G-PDU", 2152, 0x32, 31, 0, 7, 0, 0, 0, 0, 0x12, 0x34, 0, 0, 141, 1, 0x85);
	ck_assert_uint_eq(rig.drop[DROP_GTPU_EXTENSION], 1);
	ck_assert_uint_eq(rig.originated, 1);
	SEND(&g, 0x36, 1, 0, 8, 0, 0, 0, 0, 0x12, 0x34, 0, 0x82, 1, 0, 0, 0);
	EXPECT("echo", 2152, 0x32, 31, 0, 7, 0, 0, 0, 0, 0x12, 0x34, 0, 0, 141, 1, 0x85);
	/* but not who tells what it supports: that would go on for ever */
	SEND(&g, 0x36, 31, 0, 11, 0, 0, 0, 0, 0, 0, 0, 0xc1, 1, 0, 0, 0, 141, 1, 0x85);
	expect_drop("notification", DROP_GTPU_EXTENSION);
}
END_TEST

/* ---- what is only counted ---- */

START_TEST(what_is_wrong_has_a_name)
{
	struct gtpu g = plain_gnb();

	SEND(&g, 0x30, 255, 0, 4, 0, 0, 0, 0, 1, 2, 3, 4);
	expect_drop("TEID zero", DROP_GTPU_TEID_ZERO);
	SEND(&g, 0x50, 255, 0, 4, 0, 0, 0, 9, 1, 2, 3, 4);
	expect_drop("version 2", DROP_GTPU_HEADER);
	SEND(&g, 0x20, 255, 0, 4, 0, 0, 0, 9, 1, 2, 3, 4);
	expect_drop("GTP'", DROP_GTPU_HEADER);
	SEND(&g, 0x30, 255, 0, 5, 0, 0, 0, 9, 1, 2, 3, 4);
	expect_drop("more than there is", DROP_GTPU_HEADER);
	SEND(&g, 0x32, 255, 0, 3, 0, 0, 0, 9, 1, 2, 3, 4);
	expect_drop("ends inside its options", DROP_GTPU_HEADER);
	SEND(&g, 0x34, 255, 0, 8, 0, 0, 0, 9, 0, 0, 0, 0x85, 0, 0x10, 9, 0);
	expect_drop("extension of length 0", DROP_GTPU_EXTENSION);
	SEND(&g, 0x34, 255, 0, 8, 0, 0, 0, 9, 0, 0, 0, 0x85, 1, 0x10, 9, 0x85);
	expect_drop("chain that runs out", DROP_GTPU_EXTENSION);
	SEND(&g, 0x34, 255, 0, 8, 0, 0, 0, 9, 0, 0, 0, 0x85, 9, 0x10, 9, 0);
	expect_drop("extension longer than the packet", DROP_GTPU_EXTENSION);
	SEND(&g, 0x34, 255, 0, 8, 0, 0, 0, 9, 0, 0, 0, 0x85, 1, 0x70, 9, 0);
	expect_drop("container of no type", DROP_GTPU_EXTENSION);
	SEND(&g, 0x32, 3, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0);
	expect_drop("version not supported", DROP_GTPU_MESSAGE);
	SEND(&g, 0x30, 253, 0, 0, 0, 0, 0, 9);
	expect_drop("tunnel status", DROP_GTPU_MESSAGE);
	SEND(&g, 0x32, 31, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 141, 1, 0x85);
	expect_drop("supported extension headers", DROP_GTPU_TAKEN);
	SEND(&g, 0x32, 26, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0, 9);
	expect_drop("error indication without an address", DROP_GTPU_HEADER);
	SEND(&g, 0x32, 26, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0, 9, 133, 0, 5, 1, 2, 3, 4);
	expect_drop("error indication that lies", DROP_GTPU_HEADER);
	SEND(&g, 0x32, 2, 0, 6, 0, 0, 0, 0, 0x12, 0x34, 0, 0, 14, 0);
	expect_drop("an answer nobody asked for", DROP_GTPU_TAKEN);
}
END_TEST

/* ---- end markers ---- */

/* From UPF 2 by n9, on to the gNB: a branching UPF. */
static uint32_t relay_session(void)
{
	rig_sessions("{'name':'relay','slice':'internet','ue':{'ipv4':'" UE2 "'},"
		     "'pdrs':[{'id':1,'precedence':1,'source':'core','gtpu':'n9',"
		     "'outer_header_removal':6,'far':1}],"
		     "'fars':[{'id':1,'action':'forward','destination':'access',"
		     "'outer_header':{'teid':4099,'peer':'198.18.0.2'}}]}");
	return rig_teid("relay", 1);
}

static struct gtpu from_upf2(uint32_t teid)
{
	return (struct gtpu){.dst = rig_port_mac(net.wan),
		.src = UPF2,
		.from = "198.18.0.3",
		.to = "198.18.0.9",
		.teid = teid};
}

START_TEST(an_end_marker_goes_on_behind_what_came_before_it)
{
	static struct pkt burst[4];
	uint32_t teid = relay_session();
	struct gtpu g = from_upf2(teid);
	struct ip_packet i = {.from = "10.0.0.1", .to = UE2, .payload = 60};

	build_ip(&in_pkt, &i);
	for (uint32_t k = 0; k < 4; k++) {
		g.type = k == 3 ? 254 : 255;
		g.psc = k == 3;
		if (k == 3)
			build_gtpu_raw(&burst[k], &g, (const uint8_t *)"", 0);
		else
			build_gtpu(&burst[k], &g, &in_pkt);
	}
	rig_begin();
	rig_send(net.wan, burst, 4);
	ck_assert_uint_eq(rig.outs, 4);
	ck_assert_uint_eq(rig.drops, 0);
	for (uint32_t k = 0; k < 4; k++) {
		ck_assert(gtpu_parse(&rig_out[k].pkt, &seen));
		ck_assert_str_eq(seen.to, "198.18.0.2");
		ck_assert_uint_eq(seen.teid, 4099);
		ck_assert_uint_eq(seen.type, k == 3 ? 254 : 255);
	}
	ck_assert(seen.psc); /* as it came */
	/* from its own address to the gNB: the one of its interface */
	ck_assert_str_eq(seen.from, "198.18.0.1");
}
END_TEST

START_TEST(an_end_marker_may_end_here)
{
	upf_session("a", "internet", UE1, "");
	struct gtpu g = from_gnb(rig_teid("a", 1));

	g.type = 254;
	g.psc = false;
	build_gtpu_raw(&ask_pkt, &g, (const uint8_t *)"", 0);
	rig_begin();
	rig_send(net.wan, &ask_pkt, 1);
	expect_drop("into a slice", DROP_GTPU_TAKEN);
	g.teid ^= 0x55;
	build_gtpu_raw(&ask_pkt, &g, (const uint8_t *)"", 0);
	rig_begin();
	rig_send(net.wan, &ask_pkt, 1);
	expect_drop("nobody's", DROP_GTPU_TEID_UNKNOWN); /* 7.3.1: about user data only */
}
END_TEST

/* ---- what main hears ---- */

static struct upf_event heard[16];
static char heard_session[64];
static uint32_t n_heard;

static void on_event(const struct upf_event *e)
{
	if (e->kind == UPF_USAGE) /* of sessions that go */
		return;
	ck_assert_uint_lt(n_heard, 16);
	heard[n_heard++] = *e;
	snprintf(heard_session, sizeof(heard_session), "%s", e->session ? e->session : "");
}

static void hear(void)
{
	n_heard = 0;
	upf_on_event = on_event;
}

START_TEST(an_error_indication_becomes_the_sessions_event)
{
	struct gtpu g = plain_gnb();

	hear();
	upf_session("a", "internet", UE1, "");
	upf_session("b", "internet", UE2, ",'bar':{'id':1}");
	SEND(&g, 0x32, 26, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0x10, 2, 133, 0, 4, 198, 18, 0,
		2);
	expect_drop("of a TEID that nobody sends to", DROP_GTPU_TAKEN);
	for (int i = 0; i < 4; i++)
		upf_poll();
	ck_assert_uint_eq(n_heard, 0);
	rig_session_gone("b");
	hear(); /* (its URR's last report) */
	/* as Open5GS sends it: with a UDP Port extension header, its own TEID not 0 */
	SEND(&g, 0x36, 26, 0, 20, 0, 0, 0x10, 1, 0, 0, 0, 0x40, 1, 0, 0, 0, 16, 0, 0, 0x10, 1, 133,
		0, 4, 198, 18, 0, 2);
	expect_drop("of ours", DROP_GTPU_TAKEN);
	for (int i = 0; i < 4; i++)
		upf_poll();
	ck_assert_uint_eq(n_heard, 1);
	ck_assert_int_eq(heard[0].kind, UPF_ERROR_INDICATION);
	ck_assert_str_eq(heard_session, "a");
	ck_assert_uint_eq(heard[0].error.teid, GNB_TEID);
	ck_assert_int_eq(memcmp(heard[0].error.peer.bytes, "\xc6\x12\x00\x02", 4), 0);
	upf_on_event = NULL;
}
END_TEST

/* Strangers' word of our own peers: the rate of those that come in. (What main keeps of it:
 * tests/unit/test_gtpu_path.c.) */
START_TEST(a_peers_error_indication_is_heard_while_others_flood)
{
	uint8_t bytes[] = {
		0x32, 26, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0, 0, 133, 0, 4, 198, 18, 0, 3};
	bool v6 = _i & 1, stranger = _i & 2;
	struct gtpu g = peer_of(v6, false);

	hear();
	peers_known();
	rig_begin();
	for (int k = 0; k < 4; k++) {
		bytes[14] = (uint8_t)(k + 1);
		flood(v6, stranger, bytes, sizeof(bytes));
	}
	ck_assert_uint_ge(rig.drop[DROP_GTPU_RATE], 1);
	if (v6)
		SEND(&g, 0x32, 26, 0, 28, 0, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0, 101, 133, 0, 16,
			0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2);
	else
		SEND(&g, 0x32, 26, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0, 100, 133, 0, 4, 198,
			18, 0, 2);
	expect_drop("the peer's", DROP_GTPU_TAKEN);
	for (int i = 0; i < 8; i++)
		upf_poll();
	ck_assert_uint_eq(n_heard, 1);
	ck_assert_int_eq(heard[0].kind, UPF_ERROR_INDICATION);
	ck_assert_str_eq(heard_session, v6 ? "p1" : "p0");
	upf_on_event = NULL;
}
END_TEST

/* What strangers answer, even with a number that is waited for, costs main nothing. */
START_TEST(answers_by_strangers_go_nowhere)
{
	const uint8_t waited[] = {0x32, 2, 0, 4, 0, 0, 0, 0, 0x43, 0x21, 0, 0};
	const uint8_t linux_[] = {0x32, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0};
	struct rte_ring *reports = switch_of(workers[0])->upf->reports;
	bool v6 = _i;
	struct gtpu g = peer_of(v6, false);

	peers_known();
	gtpu_path_waits[0x4321 / 64] |= 1ull << 0x4321 % 64;
	rig_begin();
	flood(v6, true, waited, sizeof(waited));
	flood(v6, true, linux_, sizeof(linux_));
	ck_assert_uint_eq(rig.drop[DROP_GTPU_TAKEN], 640);
	ck_assert_uint_eq(rte_ring_count(reports), 0);
	send_raw(&g, waited, sizeof(waited));
	send_raw(&g, linux_, sizeof(linux_));
	ck_assert_uint_eq(rte_ring_count(reports), 2);
	gtpu_path_waits[0x4321 / 64] = 0;
	upf_poll();
}
END_TEST

/* Main's time goes on, and the worker carries out what it is told. */
static void turn(double seconds)
{
	rig_begin();
	rig_advance(seconds);
	gtpu_path_poll();
	rig_advance(0.002);
}

START_TEST(peers_are_asked_and_heard)
{
	struct api_gtpu cfg = {.name = "n3",
		.address = rig_ip("198.18.0.1", false),
		.interface = INTERFACE_ACCESS,
		.echo_s = 60,
		.ttl = 64,
		.dscp = DSCP_COPY};
	struct gtpu g = plain_gnb();

	rig_gtpu_gone("n3");
	rig_gtpu_as(&cfg);
	hear();
	upf_session("a", "internet", UE1, "");
	turn(0);
	for (int i = 0; i < 100 && rig.outs == 0; i++)
		turn(0.1);
	ck_assert_uint_eq(rig.outs, 1);
	ck_assert_uint_eq(rig.originated, 1);
	ck_assert(gtpu_parse(&rig_out[0].pkt, &seen));
	ck_assert_uint_eq(seen.type, 1);
	ck_assert_uint_eq(seen.sport, 2152);
	ck_assert_str_eq(seen.from, "198.18.0.1");
	ck_assert_str_eq(seen.to, "198.18.0.2");
	const uint8_t *asked = rig_out[0].pkt.b + 42;

	SEND(&g, 0x32, 2, 0, 6, 0, 0, 0, 0, asked[8], asked[9], 0, 0, 14, 0);
	expect_drop("the answer", DROP_GTPU_TAKEN);
	upf_poll();
	ck_assert_uint_eq(n_heard, 1);
	ck_assert_int_eq(heard[0].kind, UPF_PATH_UP);
	ck_assert_int_eq(memcmp(heard[0].path.peer.bytes, "\xc6\x12\x00\x02", 4), 0);
	for (int i = 0; i < 750; i++)
		turn(0.1);
	ck_assert_uint_eq(n_heard, 2);
	ck_assert_int_eq(heard[1].kind, UPF_PATH_DOWN);
	upf_on_event = NULL;
}
END_TEST

TCase *upf_control_tests(void)
{
	TCase *t = tcase_create("upf_control");

	tcase_add_checked_fixture(t, upf_setup, upf_teardown);
	tcase_add_test(t, an_echo_is_answered_to_the_port_it_came_from);
	tcase_add_test(t, an_echo_keeps_its_dscp_but_no_ecn);
	tcase_add_test(t, nobody_is_not_answered);
	tcase_add_test(t, answers_and_errors_have_a_rate);
	tcase_add_test(t, no_rate_exhausts_another);
	tcase_add_loop_test(t, a_peers_echo_is_answered_while_others_flood, 0, 4);
	tcase_add_loop_test(t, a_peer_is_told_of_unknown_teids_while_others_flood, 0, 4);
	tcase_add_test(t, an_unknown_teid_is_indicated);
	tcase_add_test(t, an_extension_that_must_be_understood_is_told_what_is);
	tcase_add_test(t, what_is_wrong_has_a_name);
	tcase_add_test(t, an_end_marker_goes_on_behind_what_came_before_it);
	tcase_add_test(t, an_end_marker_may_end_here);
	tcase_add_test(t, an_error_indication_becomes_the_sessions_event);
	tcase_add_loop_test(t, a_peers_error_indication_is_heard_while_others_flood, 0, 4);
	tcase_add_loop_test(t, answers_by_strangers_go_nowhere, 0, 2);
	tcase_add_test(t, peers_are_asked_and_heard);
	return t;
}
