/* SPDX-License-Identifier: BSD-3-Clause */
/* Outer fragments, of IPv4 and IPv6: put together in any order, or dropped by name and in time. */
#include <stdlib.h>
#include <string.h>

#include "expect.h"

#define PIECES 1100
static struct pkt *piece; /* [PIECES] */

static void setup(void)
{
	net_setup();
	piece = calloc(PIECES, sizeof(*piece));
	ck_assert(piece != NULL);
}

static void teardown(void)
{
	free(piece);
	net_teardown();
}

/* a_pkt: the frame inside, of `payload` bytes; its outer packet cut into piece[]: how many. */
static uint32_t pieces(bool v6, uint32_t payload, uint32_t size, uint32_t id)
{
	struct spec s = plain(HOST_A, v6 ? HOST_D : HOST_C);
	struct outer o = v6 ? from_peer6(VNI_RED) : from_peer2(VNI_RED);

	s.payload = payload;
	o.csum = CSUM_GOOD;
	build(&a_pkt, &s);
	wrap(&b_pkt, &o, &a_pkt);
	return fragment(&b_pkt, size, id, piece, PIECES);
}

START_TEST(reassembly_takes_fragments_in_any_order)
{
	static const uint8_t order[6][3] = {
		{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};

	for (int v6 = 0; v6 < 2; v6++) {
		ck_assert_uint_eq(pieces(v6, 1000, 400, 7 + _i), 3);
		rig_begin();
		for (int k = 0; k < 3; k++) {
			ck_assert_uint_eq(rig.outs, 0);
			rig_send(net.wan, &piece[order[_i][k]], 1);
		}
		expect_out(v6 ? "IPv6" : "IPv4", net.lan, &a_pkt);
		ck_assert(rig.merged == 2 && rig.held == 0);
	}
}
END_TEST

START_TEST(reassembly_takes_up_to_eight_fragments_of_odd_length)
{
	for (int v6 = 0; v6 < 2; v6++)
		for (uint32_t n = 2; n <= 8; n++) {
			uint32_t got = pieces(
				v6, 1111, (1111 + 8 + 20 + 14 + 16) / n / 8 * 8 + 8, 100 + n);

			rig_begin();
			rig_send(net.wan, piece, got);
			expect_out("pieces", net.lan, &a_pkt);
			ck_assert_uint_eq(rig.merged, got - 1);
		}
}
END_TEST

START_TEST(reassembly_keeps_interleaved_packets_apart)
{
	struct pkt *other = calloc(4, sizeof(*other));

	ck_assert_uint_eq(pieces(false, 1000, 600, 1), 2);
	memcpy(other, piece, 2 * sizeof(*other));
	c_pkt = a_pkt;
	ck_assert_uint_eq(pieces(false, 999, 600, 2), 2);
	rig_begin();
	rig_send(net.wan, &other[0], 1);
	rig_send(net.wan, &piece[0], 1);
	rig_send(net.wan, &piece[1], 1);
	rig_send(net.wan, &other[1], 1);
	ck_assert(rig.outs == 2 && count_out(net.lan, &a_pkt) == 1 &&
		  count_out(net.lan, &c_pkt) == 1 && rig.held == 0);
	free(other);
}
END_TEST

START_TEST(reassembly_puts_fragments_of_one_burst_together)
{
	uint32_t n = pieces(true, 1200, 304, 3);

	rig_send(net.wan, piece, n);
	expect_out("one burst", net.lan, &a_pkt);
}
END_TEST

/* What has left no longer counts, for the box nor for the peer. */
START_TEST(reassembly_gives_back_each_fragment)
{
	for (uint32_t k = 0; k < 600; k++) {
		uint32_t n = pieces(_i, 1000, 400, 1000 + k);

		rig_begin();
		rig_send(net.wan, piece, n);
		ck_assert_msg(rig.outs == 1, "the %uth packet of a peer is not there", k + 1);
	}
}
END_TEST

/* RFC 791: an option without the copy flag is in the first fragment only, so that the headers
 * differ in length. */
START_TEST(reassembly_takes_options_of_the_first_fragment_only)
{
	for (int last_first = 0; last_first < 2; last_first++) {
		ck_assert_uint_eq(pieces(false, 700, 400, 50 + last_first), 2);
		uint8_t *ip = piece[0].b + 14;

		memmove(ip + 24, ip + 20, piece[0].len - 34);
		memset(ip + 20, 1, 4);
		ip[0] = 0x46;
		put16(ip + 2, get16(ip + 2) + 4);
		ipv4_fix(ip);
		piece[0].len += 4;
		rig_begin();
		rig_send(net.wan, &piece[last_first], 1);
		rig_send(net.wan, &piece[!last_first], 1);
		expect_out("options in the first", net.lan, &a_pkt);
	}
}
END_TEST

/* Of the first as well: what follows it lies right behind its end. */
START_TEST(reassembly_trims_padding_of_a_fragment)
{
	for (int v6 = 0; v6 < 2; v6++)
		for (int k = 0; k < 2; k++) {
			ck_assert_uint_eq(pieces(v6, 420, 472, 9 + k), 2);
			memset(piece[k].b + piece[k].len, 0xee, 60);
			piece[k].len = k == 1 && piece[k].len < 60 ? 60 : piece[k].len + 7;
			rig_begin();
			rig_send(net.wan, piece, 2);
			expect_out("padded", net.lan, &a_pkt);
		}
}
END_TEST

START_TEST(reassembly_checks_the_checksum_of_the_whole)
{
	for (int v6 = 0; v6 < 2; v6++) {
		ck_assert_uint_eq(pieces(v6, 1000, 600, 11), 2);
		piece[1].b[piece[1].len - 1] ^= 1;
		rig_begin();
		rig_send(net.wan, piece, 2);
		expect_drop("a bit", DROP_UDP_CHECKSUM);
		ck_assert_uint_eq(rig.merged, 1);
	}
}
END_TEST

START_TEST(reassembly_drops_by_name_what_waits_too_long)
{
	for (int v6 = 0; v6 < 2; v6++) {
		uint32_t n = pieces(v6, 1000, 304, 12);

		rig_begin();
		rig_send(net.wan, piece, n - 1);
		rig_advance(0.5);
		ck_assert(rig.held == n - 1 && rig.drops == 0);
		rig_advance(1);
		expect_drops("timeout", DROP_FRAGMENT_TIMEOUT, n - 1);
		rig_begin();
		rig_send(net.wan, &piece[n - 1], 1); /* too late */
		rig_advance(2);
		expect_drops("the last", DROP_FRAGMENT_TIMEOUT, 1);
	}
}
END_TEST

START_TEST(reassembly_refuses_more_than_eight_fragments)
{
	for (int v6 = 0; v6 < 2; v6++) {
		uint32_t n = pieces(v6, 1000, 80, 13);

		ck_assert_uint_gt(n, 9);
		rig_begin();
		rig_send(net.wan, piece, n);
		rig_advance(2);
		ck_assert(rig.outs == 0 && rig.drops == n && rig.drop[DROP_FRAGMENT_INVALID] >= 8);
		ck_assert_uint_eq(
			rig.drop[DROP_FRAGMENT_INVALID] + rig.drop[DROP_FRAGMENT_TIMEOUT], n);
	}
}
END_TEST

/* A duplicate may cost the packet, never the ledger, and never brings in wrong bytes. */
START_TEST(reassembly_of_duplicates_is_the_packet_or_a_named_drop)
{
	for (uint32_t k = 0; k < 3; k++) {
		uint32_t n = pieces(_i, 1000, 400, 20 + k);

		rig_begin();
		rig_send(net.wan, &piece[k], 1);
		rig_send(net.wan, piece, n);
		rig_advance(2);
		ck_assert(rig.held == 0 && rig.outs <= 1);
		ck_assert_uint_eq(rig.outs, count_out(net.lan, &a_pkt));
		ck_assert_uint_eq(rig.drop[DROP_FRAGMENT_INVALID] + rig.drop[DROP_FRAGMENT_TIMEOUT],
			rig.drops);
	}
}
END_TEST

/* RFC 5722, RFC 8200 section 4.5: overlapping fragments never become a packet. */
START_TEST(reassembly_refuses_overlapping_fragments)
{
	for (int shift = 1; shift < 4; shift++) {
		uint32_t n = pieces(_i, 1000, 400, 30 + shift);
		uint8_t *word = piece[1].b + 14 + (_i ? 42 : 6);

		ck_assert_uint_eq(n, 3);
		put16(word, get16(word) - (_i ? shift * 8 : shift));
		if (!_i)
			ipv4_fix(piece[1].b + 14);
		for (int order = 0; order < 2; order++) {
			rig_begin();
			for (uint32_t k = 0; k < n; k++)
				rig_send(net.wan, &piece[order ? n - 1 - k : k], 1);
			rig_advance(2);
			ck_assert(rig.held == 0 && rig.outs == 0 && rig.drops + rig.merged == n);
		}
	}
}
END_TEST

/* As many bytes as announced, but a hole and an overlap: found when half of them are in a chain. */
START_TEST(reassembly_of_a_set_with_a_hole_counts_every_fragment)
{
	uint32_t n = pieces(_i, 1000, 208, 35);
	uint8_t *word = piece[1].b + 14 + (_i ? 42 : 6);

	ck_assert_uint_eq(n, 6);
	put16(word, get16(word) - (_i ? 8 : 1));
	if (!_i)
		ipv4_fix(piece[1].b + 14);
	rig_begin();
	rig_send(net.wan, piece, n);
	expect_drops("a hole", DROP_FRAGMENT_INVALID, n);
}
END_TEST

START_TEST(reassembly_refuses_what_would_be_too_large)
{
	uint32_t n = pieces(_i, 1000, 400, 40);
	uint8_t *word = piece[2].b + 14 + (_i ? 42 : 6);

	put16(word, _i ? 0xfff8 : 0x1fff); /* the last fragment ends past 65,535 */
	if (!_i)
		ipv4_fix(piece[2].b + 14);
	rig_begin();
	rig_send(net.wan, piece, n);
	rig_advance(2);
	ck_assert(rig.outs == 0 && rig.drops == n);
}
END_TEST

START_TEST(reassembly_of_strange_fragments_keeps_the_ledger)
{
	uint32_t n = pieces(_i, 1000, 400, 41);
	uint8_t *at = piece[1].b + 14;

	/* every length of the payload, to nothing */
	for (uint32_t len = piece[1].len - 14; len > 0; len--) {
		rig_begin();
		put16(at + (_i ? 4 : 2), _i ? len - (len > 40 ? 40 : len) : len);
		if (!_i)
			ipv4_fix(at);
		rig_send(net.wan, piece, n);
		rig_advance(2);
		ck_assert(rig.held == 0 && rig.drops + rig.outs + rig.merged == n);
	}
	/* chained buffers */
	n = pieces(_i, 1000, 400, 42);
	for (uint32_t cut = 1; cut < piece[1].len; cut++) {
		rig_begin();
		rig_send_cut(net.wan, &piece[1], cut);
		rig_advance(2);
		ck_assert(rig.drops == 1 && rig.held == 0);
	}
}
END_TEST

START_TEST(reassembly_of_one_fragment_that_is_the_whole_packet)
{
	/* IPv6 atomic fragment, RFC 6946 */
	struct outer o = from_peer6(VNI_RED);
	struct spec s = plain(HOST_A, HOST_D);
	uint8_t *ip = piece[0].b + 14;

	build(&a_pkt, &s);
	wrap(&b_pkt, &o, &a_pkt);
	piece[0] = b_pkt;
	memmove(ip + 48, ip + 40, b_pkt.len - 54);
	memset(ip + 40, 0, 8);
	ip[6] = 44;
	ip[40] = 17;
	put16(ip + 4, get16(ip + 4) + 8);
	piece[0].len += 8;
	rig_begin();
	rig_send(net.wan, piece, 1);
	rig_advance(2);
	ck_assert(rig.held == 0 && rig.drops == 0 && rig.outs == 1);
	ck_assert_uint_eq(count_out(net.lan, &a_pkt), 1);
	/* by itself: nothing of another packet of the same identification, which waits, is its */
	put16(ip + 42, 1);
	rig_begin();
	rig_send(net.wan, piece, 1);
	ck_assert(rig.held == 1 && rig.outs == 0);
	put16(ip + 42, 0);
	rig_send(net.wan, piece, 1);
	ck_assert_uint_eq(count_out(net.lan, &a_pkt), 1);
	rig_advance(2);
	ck_assert(rig.held == 0 && rig.drops == 1 && rig.outs == 1);
	/* less than its header */
	rig_begin();
	put16(ip + 4, 7);
	rig_send(net.wan, piece, 1);
	ck_assert(rig.held == 0 && rig.drops == 1 && rig.outs == 0);
}
END_TEST

START_TEST(reassembly_holds_no_more_than_its_share_of_the_buffers)
{
	uint32_t n = 0;

	/* first fragments of packets that never end, from a source nobody knows */
	for (uint32_t round = 0; round < 20; round++) {
		for (n = 0; n < 300; n++) {
			struct pkt two[2];
			struct outer o = from_peer2(VNI_RED);
			struct spec s = plain(HOST_A, HOST_C);

			o.from = "203.0.113.5";
			build(&a_pkt, &s);
			wrap(&b_pkt, &o, &a_pkt);
			fragment(&b_pkt, 64, round * 300 + n, two, 2);
			piece[n] = two[0];
		}
		rig_send(net.wan, piece, n);
		ck_assert_msg(rig.held < 1500, "%ld buffers held", (long)rig.held);
	}
	ck_assert_uint_gt(rig.drop[DROP_FRAGMENT_NO_ROOM], 0);
	rig_advance(2);
	ck_assert(rig.held == 0 && rig.outs == 0);
	n = pieces(false, 1000, 400, 60);
	rig_begin();
	rig_send(net.wan, piece, n);
	expect_out("afterwards", net.lan, &a_pkt);
}
END_TEST

/* First fragments of packets that never end, `count` of them. */
static void flood(bool v6, const char *from, uint32_t count)
{
	struct outer o = v6 ? from_peer6(VNI_RED) : from_peer2(VNI_RED);
	struct spec s = plain(HOST_A, v6 ? HOST_D : HOST_C);
	struct pkt two[8];
	uint32_t n = 0;

	if (from != NULL)
		o.from = from;
	s.payload = 200;
	build(&a_pkt, &s);
	wrap(&b_pkt, &o, &a_pkt);
	for (uint32_t i = 0; i < count; i++) {
		fragment(&b_pkt, 128, 10000 + i, two, 8);
		piece[n++] = two[0];
		if (n == 256 || i + 1 == count) {
			rig_send(net.wan, piece, n);
			n = 0;
		}
	}
}

/* Those who flood: strangers, or a peer. The other peers' packets are put together all the same,
 * of both families; and when the flood is over all room is back. */
START_TEST(reassembly_of_others_goes_on_while_one_floods)
{
	bool v6 = _i & 1, stranger = _i & 2;

	for (int round = 0; round < 3; round++) {
		uint64_t held;

		rig_begin();
		flood(v6, !stranger ? NULL : v6 ? "fd00:bad::1" : "203.0.113.5", 1500);
		held = rig.held;
		ck_assert_uint_eq(held, 512); /* half of all that may wait */
		for (int k = 0; k < 20; k++) {
			uint32_t n = pieces(!v6, 1000, 400, 60 + k);

			rig_begin();
			rig_send(net.wan, piece, n);
			expect_out("of another peer", net.lan, &a_pkt);
		}
		rig_begin();
		rig_advance(2);
		ck_assert_uint_eq(rig.held + held, 0); /* all are given back */
	}
}
END_TEST

/* The address of nobody is no peer's, though the endpoint tables have it for "any". */
START_TEST(reassembly_takes_nobody_for_a_stranger)
{
	bool v6 = _i;

	rig_begin();
	flood(v6, v6 ? "fd00:bad::1" : "203.0.113.5", 1500);
	flood(v6, v6 ? "::" : "0.0.0.0", 1500);
	ck_assert_uint_eq(rig.held, 512);
	rig_advance(2);
}
END_TEST

TCase *reassembly_tests(void)
{
	TCase *tc = tcase_create("reassembly");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, reassembly_takes_fragments_in_any_order, 0, 6);
	tcase_add_loop_test(tc, reassembly_of_others_goes_on_while_one_floods, 0, 4);
	tcase_add_loop_test(tc, reassembly_takes_nobody_for_a_stranger, 0, 2);
	tcase_add_test(tc, reassembly_takes_up_to_eight_fragments_of_odd_length);
	tcase_add_test(tc, reassembly_keeps_interleaved_packets_apart);
	tcase_add_test(tc, reassembly_puts_fragments_of_one_burst_together);
	tcase_add_test(tc, reassembly_takes_options_of_the_first_fragment_only);
	tcase_add_loop_test(tc, reassembly_gives_back_each_fragment, 0, 2);
	tcase_add_test(tc, reassembly_trims_padding_of_a_fragment);
	tcase_add_test(tc, reassembly_checks_the_checksum_of_the_whole);
	tcase_add_test(tc, reassembly_drops_by_name_what_waits_too_long);
	tcase_add_test(tc, reassembly_refuses_more_than_eight_fragments);
	tcase_add_loop_test(tc, reassembly_of_duplicates_is_the_packet_or_a_named_drop, 0, 2);
	tcase_add_loop_test(tc, reassembly_refuses_overlapping_fragments, 0, 2);
	tcase_add_loop_test(tc, reassembly_of_a_set_with_a_hole_counts_every_fragment, 0, 2);
	tcase_add_loop_test(tc, reassembly_refuses_what_would_be_too_large, 0, 2);
	tcase_add_loop_test(tc, reassembly_of_strange_fragments_keeps_the_ledger, 0, 2);
	tcase_add_test(tc, reassembly_of_one_fragment_that_is_the_whole_packet);
	tcase_add_test(tc, reassembly_holds_no_more_than_its_share_of_the_buffers);
	return tc;
}
