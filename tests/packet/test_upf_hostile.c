/* SPDX-License-Identifier: BSD-3-Clause */
/* GTP-U that lies: every packet is accounted for (rig_send() checks the ledger), nothing is let in,
 * and each has the name it deserves. */
#include <stdlib.h>
#include <string.h>

#include "upf_net.h"

static struct pkt whole;

static uint64_t gtpu_drops(void)
{
	return rig.drop[DROP_GTPU_HEADER] + rig.drop[DROP_GTPU_EXTENSION] +
	       rig.drop[DROP_IP_HEADER] + rig.drop[DROP_UDP_LENGTH] + rig.drop[DROP_RUNT] +
	       rig.drop[DROP_UE_PACKET];
}

static void expect_one(const char *what, enum drop_reason why)
{
	ck_assert_msg(rig.drop[why] == 1 && rig.drops == 1, "%s: not dropped as %s", what,
		drop_info[why].name);
}

/* From the gNB for session a, with these octets as the GTP-U message. */
static void send_raw(const uint8_t *message, uint32_t len)
{
	struct gtpu g = from_gnb(0);

	g.psc = false;
	build_gtpu_raw(&whole, &g, message, len);
	/* the builder's own eight octets give way */
	memmove(whole.b + 42, whole.b + 50, len);
	whole.len -= 8;
	put16(whole.b + 16, whole.len - 14);
	put16(whole.b + 38, whole.len - 34);
	ipv4_fix(whole.b + 14);
	rig_begin();
	rig_send(net.wan, &whole, 1);
}

static void data(uint8_t flags, int lie, uint32_t teid, const uint8_t *more, uint32_t more_len)
{
	struct ip_packet i = {.from = UE1, .to = "10.0.0.1", .payload = 40};
	uint8_t message[512];
	uint32_t inner;

	build_ip(&in_pkt, &i);
	inner = in_pkt.len - 14;
	message[0] = flags;
	message[1] = 255;
	put16(message + 2, more_len + inner + lie);
	put32(message + 4, teid);
	memcpy(message + 8, more, more_len);
	memcpy(message + 8 + more_len, in_pkt.b + 14, inner);
	send_raw(message, 8 + more_len + inner);
}

START_TEST(every_truncation_and_every_lie_about_length)
{
	struct ip_packet i = {.from = UE1, .to = "10.0.0.1", .payload = 60};

	upf_session("a", "internet", UE1, "");
	for (int container = 0; container < 2; container++) {
		struct gtpu g = from_gnb(rig_teid("a", 1));

		g.psc = container;
		build_ip(&in_pkt, &i);
		build_gtpu(&whole, &g, &in_pkt);
		for (uint32_t len = 0; len < whole.len; len++) {
			a_pkt = whole;
			a_pkt.len = len;
			rig_begin();
			rig_send(net.wan, &a_pkt, 1); /* the outer headers say more */
			ck_assert_uint_eq(rig.outs, 0);
			ck_assert_uint_eq(rig.drops, 1);
			if (len < 14 + 20 + 8)
				continue;
			put16(a_pkt.b + 16, len - 14); /* they agree, GTP-U does not */
			put16(a_pkt.b + 38, len - 34);
			ipv4_fix(a_pkt.b + 14);
			rig_begin();
			rig_send(net.wan, &a_pkt, 1);
			ck_assert_uint_eq(rig.outs, 0);
			ck_assert_uint_eq(gtpu_drops(), 1);
		}
		for (int lie = -150; lie < 40; lie++) {
			g.lie = lie;
			build_gtpu(&a_pkt, &g, &in_pkt);
			rig_begin();
			rig_send(net.wan, &a_pkt, 1);
			ck_assert_msg(rig.drops == (lie != 0), "lie %d", lie);
		}
	}
	ck_assert_uint_eq(rig_session_counters("a").ul_packets, 2);
}
END_TEST

START_TEST(teids_that_nobody_has)
{
	static const uint32_t teid[] = {1, 0xfff, 0x1000, 0x7fffffff, 0xffffffff, 0xfffff000};
	uint32_t own;

	upf_session("a", "internet", UE1, "");
	own = rig_teid("a", 1);
	send_up(0, UE1, "10.0.0.1");
	expect_drop("zero", DROP_GTPU_TEID_ZERO);
	for (uint32_t n = 0; n < sizeof(teid) / sizeof(teid[0]); n++) {
		send_up(teid[n], UE1, "10.0.0.1");
		ck_assert_uint_eq(rig.drop[DROP_GTPU_TEID_UNKNOWN], 1);
	}
	for (int bit = 0; bit < 32; bit++) { /* one bit off is another's, or nobody's */
		send_up(own ^ 1u << bit, UE1, "10.0.0.1");
		ck_assert_uint_eq(rig.drop[DROP_GTPU_TEID_UNKNOWN], 1);
	}
	ck_assert_uint_eq(rig_session_counters("a").ul_packets, 0);
	rig_session_gone("a");
	rig_poll();
	upf_session("a", "internet", UE1, "");
	send_up(own, UE1, "10.0.0.1"); /* of the one before */
	ck_assert_uint_eq(rig.drop[DROP_GTPU_TEID_UNKNOWN], own != rig_teid("a", 1));
}
END_TEST

START_TEST(headers_of_another_kind)
{
	uint32_t own;

	upf_session("a", "internet", UE1, "");
	own = rig_teid("a", 1);
	for (int flags = 0; flags < 256; flags++) {
		const uint8_t none[4] = {0};

		data(flags, 0, own, none, flags & 7 ? 4 : 0);
		bool sound = (flags & 0xf0) == 0x30; /* the spare bit is not looked at */

		ck_assert_msg(sound ? rig.outs == 1 : rig.outs == 0, "flags %02x", flags);
	}
}
END_TEST

START_TEST(extension_chains)
{
	static const struct {
		const char *what;
		uint8_t more[24];
		uint32_t len;
		enum drop_reason why; /* DROP_REASONS: gets in */
	} chain[] = {{"length 0", {0, 0, 0, 0x85, 0, 0, 0, 0}, 8, DROP_GTPU_EXTENSION},
		{"a type that may be passed by", {0, 0, 0, 0x20, 1, 0, 0, 0}, 8, DROP_REASONS},
		{"two", {0, 0, 0, 0x20, 1, 0, 0, 0x85, 1, 0x10, 9, 0}, 12, DROP_REASONS},
		{"must be understood", {0, 0, 0, 0xe0, 1, 0, 0, 0}, 8, DROP_GTPU_EXTENSION},
		{"runs out", {0, 0, 0, 0x85, 200, 0x10, 9, 0}, 8, DROP_GTPU_EXTENSION},
		{"chain past the end",
			{0, 0, 0, 0x20, 1, 0, 0, 0x20, 1, 0, 0, 0x20, 1, 0, 0, 0x20, 40, 0, 0, 0},
			20, DROP_GTPU_EXTENSION},
		{"container of an unknown type", {0, 0, 0, 0x85, 1, 0x50, 9, 0}, 8,
			DROP_GTPU_EXTENSION}};

	upf_session("a", "internet", UE1, "");
	for (uint32_t n = 0; n < sizeof(chain) / sizeof(chain[0]); n++) {
		data(0x34, 0, rig_teid("a", 1), chain[n].more, chain[n].len);
		if (chain[n].why == DROP_REASONS)
			expect_access(chain[n].what, net.lan, 30, HOST_A, un.internet);
		else
			expect_one(chain[n].what, chain[n].why);
	}
}
END_TEST

START_TEST(what_is_inside_is_no_packet)
{
	struct ip_packet i = {.from = UE1, .to = "10.0.0.1", .payload = 60};
	struct gtpu g;

	upf_session("a", "internet", UE1, "");
	g = from_gnb(rig_teid("a", 1));
	build_ip(&in_pkt, &i);
	for (int version = 0; version < 16; version++)
		for (int hlen = 0; hlen < 16; hlen++) {
			b_pkt = in_pkt;
			b_pkt.b[14] = version << 4 | hlen;
			build_gtpu(&a_pkt, &g, &b_pkt);
			rig_begin();
			rig_send(net.wan, &a_pkt, 1);
			if (version == 4 && hlen >= 5)
				continue; /* a sum that is wrong, or right */
			ck_assert_uint_eq(rig.outs, 0);
			ck_assert_msg(rig.drop[DROP_UE_PACKET] + rig.drop[DROP_UE_SOURCE] == 1,
				"version %d, length %d", version, hlen);
		}
	for (uint32_t total = 0; total < 200; total++) {
		b_pkt = in_pkt;
		put16(b_pkt.b + 16, total);
		ipv4_fix(b_pkt.b + 14);
		build_gtpu(&a_pkt, &g, &b_pkt);
		rig_begin();
		rig_send(net.wan, &a_pkt, 1);
		ck_assert_uint_eq(rig.drop[DROP_UE_PACKET], total < 20 || total > 80);
	}
	for (uint32_t len = 0; len < 20; len++) {
		b_pkt.len = 14 + len;
		build_gtpu(&a_pkt, &g, &b_pkt);
		rig_begin();
		rig_send(net.wan, &a_pkt, 1);
		ck_assert_uint_eq(rig.drop[DROP_UE_PACKET], 1);
	}
}
END_TEST

/* GTP-U inside GTP-U is a UDP packet as any other: it goes where the slice routes it, and never
 * into a session by its TEID. */
START_TEST(a_tunnel_in_a_tunnel_stays_inside)
{
	struct ip_packet i = {.from = UE2, .to = "10.0.0.1", .payload = 60};
	struct gtpu inner;

	upf_session("a", "internet", UE1, "");
	upf_session("b", "internet", UE2, "");
	inner = from_gnb(rig_teid("b", 1));
	inner.from = UE1;
	build_ip(&in_pkt, &i);
	build_gtpu(&b_pkt, &inner, &in_pkt);
	struct gtpu g = from_gnb(rig_teid("a", 1));

	build_gtpu(&a_pkt, &g, &b_pkt);
	rig_begin();
	rig_send(net.wan, &a_pkt, 1);
	ck_assert_uint_eq(rig_session_counters("b").ul_packets, 0);
	ck_assert_uint_eq(rig.drop[DROP_NO_ROUTE_IN_SLICE], 1);
}
END_TEST

/* Single octets of sound packets changed at random: the ledger is exact each time, and nobody
 * else's session is met. */
START_TEST(octets_changed_at_random)
{
	struct ip_packet i = {.from = UE1, .to = UE2, .payload = 60};

	upf_session("a", "internet", UE1, "");
	upf_session("b", "internet", UE2, "");
	srand(4711);
	for (int n = 0; n < 30000; n++) {
		struct gtpu g = from_gnb(rig_teid("a", 1));

		g.psc = n & 1;
		g.sequence = n & 2;
		build_ip(&in_pkt, &i);
		build_gtpu(&a_pkt, &g, &in_pkt);
		for (int k = rand() % 3; k >= 0; k--)
			a_pkt.b[42 + rand() % (a_pkt.len - 42)] = rand();
		if (rand() % 4 == 0)
			a_pkt.b[rand() % a_pkt.len] = rand();
		rig_begin();
		rig_send(net.wan, &a_pkt, 1);
	}
	ck_assert_uint_eq(rig_session_counters("b").ul_packets, 0);
}
END_TEST

START_TEST(udp_to_an_address_that_is_no_gtpus)
{
	struct ip_packet i = {.from = UE1, .to = "10.0.0.1", .payload = 60};
	struct gtpu g;

	upf_session("a", "internet", UE1, "");
	g = from_gnb(rig_teid("a", 1));
	g.to = "198.18.0.50";
	build_ip(&in_pkt, &i);
	build_gtpu(&a_pkt, &g, &in_pkt);
	rig_begin();
	rig_send(net.wan, &a_pkt, 1);
	expect_drop("the kernel's", DROP_NO_TAP);
}
END_TEST

TCase *upf_hostile_tests(void)
{
	TCase *tc = tcase_create("upf_hostile");

	tcase_add_checked_fixture(tc, upf_setup, upf_teardown);
	tcase_add_test(tc, every_truncation_and_every_lie_about_length);
	tcase_add_test(tc, teids_that_nobody_has);
	tcase_add_test(tc, headers_of_another_kind);
	tcase_add_test(tc, extension_chains);
	tcase_add_test(tc, what_is_inside_is_no_packet);
	tcase_add_test(tc, a_tunnel_in_a_tunnel_stays_inside);
	tcase_add_test(tc, octets_changed_at_random);
	tcase_add_test(tc, udp_to_an_address_that_is_no_gtpus);
	return tc;
}
