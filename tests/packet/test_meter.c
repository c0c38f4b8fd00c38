/* SPDX-License-Identifier: BSD-3-Clause */
/* Meters on a packet's way: attachment in, slice, attachment out; colours, marks, drops and counts.
 * Rates are a byte a second, so that only the bursts matter here; how exact rates are is
 * tests/unit/test_meter*.c's. */
#include <string.h>

#include "expect.h"
#include "police.h"

#define AF11 0x28
#define AF12 0x30
#define LEN  82 /* of plain() */

static struct spec af(uint64_t dst, uint64_t src, uint8_t tos)
{
	struct spec s = plain(dst, src);

	s.tos = tos;
	return s;
}

/* So many frames of LEN bytes are green, and so many after them yellow. */
static struct api_meter frames(uint32_t green, uint32_t yellow)
{
	return (struct api_meter){.cir_bps = 8,
		.cbs_bytes = green * LEN + 20,
		.pir_bps = 8,
		.pbs_bytes = (green + yellow) * LEN + 20};
}

static uint16_t meter(struct api_meter cfg)
{
	uint16_t id;

	ck_assert_int_eq(police_reserve(&id), 0);
	police_set(id, &cfg);
	return id;
}

static void send_some(uint16_t port, const struct spec *s, uint32_t n)
{
	static struct pkt burst[32];

	for (uint32_t i = 0; i < n; i++)
		build(&burst[i], s);
	rig_begin();
	rig_send(port, burst, n);
}

static void expect_counts(enum police_place place, uint16_t owner, uint64_t green, uint64_t yellow,
	uint64_t red, uint32_t len)
{
	struct meter_counts c = {0};

	police_add(place, owner, &c);
	ck_assert_msg(c.packets[METER_GREEN] == green && c.packets[METER_YELLOW] == yellow &&
			      c.packets[METER_RED] == red && c.bytes[METER_GREEN] == green * len &&
			      c.bytes[METER_YELLOW] == yellow * len &&
			      c.bytes[METER_RED] == red * len,
		"%lu green, %lu yellow, %lu red (%lu, %lu, %lu bytes)", c.packets[0], c.packets[1],
		c.packets[2], c.bytes[0], c.bytes[1], c.bytes[2]);
}

/* rig_out[from..] are n frames of this spec by this port. */
static void expect_run(uint32_t from, uint32_t n, uint16_t port, const struct spec *want)
{
	build(&c_pkt, want);
	for (uint32_t i = from; i < from + n; i++) {
		ck_assert_msg(i < rig.outs, "only %u frames left", rig.outs);
		ck_assert_uint_eq(rig_out[i].port, port);
		ck_assert_uint_eq(rig_out[i].pkt.len, c_pkt.len);
		ck_assert(memcmp(rig_out[i].pkt.b, c_pkt.b, c_pkt.len) == 0);
	}
}

START_TEST(meter_in_passes_marks_and_drops)
{
	struct spec s = af(HOST_B, HOST_A, AF11), out = s;
	uint64_t drops[DROP_SLICE_REASONS];
	struct counters c;

	out.tag[0] = (struct tag){0x8100, 20};
	police_use(POLICE_IN, net.red_lan, meter(frames(2, 3)));
	send_some(net.lan, &s, 9);
	ck_assert(rig.outs == 5 && rig.drops == 4 && rig.drop[DROP_METER_IN_RED] == 4);
	expect_run(0, 2, net.lan2, &out);
	out.tos = AF12;
	expect_run(2, 3, net.lan2, &out);
	expect_counts(POLICE_IN, net.red_lan, 2, 3, 4, LEN);
	attachment_counters_read(net.red_lan, &c);
	ck_assert(c.in_packets == 9 && c.dropped == 4);
	slice_counters_read(net.red, &c);
	ck_assert(c.in_packets == 9 && c.out_packets == 5 && c.dropped == 4);
	slice_drops_read(net.red, drops);
	ck_assert_uint_eq(drops[DROP_METER_IN_RED], 4);
	/* the next burst finds the bucket as it was left */
	send_some(net.lan, &s, 1);
	expect_drop("still empty", DROP_METER_IN_RED);
	rig_advance(LEN);
	send_some(net.lan, &s, 1);
	ck_assert_uint_eq(rig.outs, 1);
}
END_TEST

START_TEST(meter_in_red_frame_never_enters)
{
	uint32_t known = fdb_count();
	struct spec s = plain(HOST_B, NOBODY);

	police_use(POLICE_IN, net.red_lan, meter(frames(1, 0)));
	send_some(net.lan,
		&(struct spec){.dst = HOST_B, .src = HOST_A, .type = 0x88b5, .payload = 46}, 1);
	send_some(net.lan, &s, 1);
	expect_drop("red", DROP_METER_IN_RED);
	rig_poll();
	ck_assert_uint_eq(fdb_count(), known);
	/* a stacked frame is none of the meter's business */
	police_use(POLICE_IN, net.red_lan, meter(frames(1, 0)));
	s.tag[0] = (struct tag){0x8100, 0};
	s.tag[1] = (struct tag){0x8100, 5};
	send_some(net.lan, &s, 2);
	expect_drops("stacked", DROP_VLAN_STACKED, 2);
	expect_counts(POLICE_IN, net.red_lan, 0, 0, 0, LEN);
}
END_TEST

START_TEST(meter_counts_the_tag_at_attachments)
{
	struct spec in = plain(HOST_B, HOST_A), out = plain(HOST_B, HOST_A);
	struct api_meter two = frames(0, 0);

	in.tag[0] = (struct tag){0x8100, 10};
	two.cbs_bytes = two.pbs_bytes = 2 * (LEN + 4);
	police_use(POLICE_IN, net.blue_lan, meter(two));
	send_some(net.lan, &in, 3);
	ck_assert(rig.outs == 2 && rig.drop[DROP_METER_IN_RED] == 1);
	expect_counts(POLICE_IN, net.blue_lan, 2, 0, 1, LEN + 4);
	two.cbs_bytes = two.pbs_bytes = 2 * (LEN + 4) - 1;
	police_use(POLICE_OUT, net.red_lan2, meter(two));
	send_some(net.lan, &out, 3);
	ck_assert(rig.outs == 1 && rig.drop[DROP_METER_OUT_RED] == 2);
	expect_counts(POLICE_OUT, net.red_lan2, 1, 0, 2, LEN + 4);
}
END_TEST

START_TEST(meter_yellow_passes_or_drops_as_told)
{
	struct spec s = af(HOST_A, HOST_B, AF11), in = s;
	struct api_meter cfg = frames(1, 2);
	uint16_t id = meter(cfg);

	in.tag[0] = (struct tag){0x8100, 20};
	cfg.yellow = YELLOW_PASS;
	police_set(id, &cfg);
	police_use(POLICE_OUT, net.red_lan, id);
	send_some(net.lan2, &in, 4);
	ck_assert(rig.outs == 3 && rig.drop[DROP_METER_OUT_RED] == 1);
	expect_run(0, 3, net.lan, &s);
	for (enum police_place place = POLICE_SLICE; place <= POLICE_OUT; place++) {
		static const enum drop_reason why[] = {
			DROP_SLICE_METER_YELLOW, DROP_METER_IN_YELLOW, DROP_METER_OUT_YELLOW};
		struct spec frame = place == POLICE_SLICE ? plain(HOST_C, HOST_A) : in;

		cfg.yellow = YELLOW_DROP;
		police_use(POLICE_OUT, net.red_lan, 0);
		police_use(POLICE_IN, net.red_lan2, 0);
		police_use(place,
			place == POLICE_SLICE ? net.red
			: place == POLICE_IN  ? net.red_lan2
					      : net.red_lan,
			meter(cfg));
		send_some(place == POLICE_SLICE ? net.lan : net.lan2, &frame, 4);
		ck_assert(rig.outs == 1 && rig.drops == 3 && rig.drop[why[place]] == 2 &&
			  rig.drop[why[place] - 1] == 1);
	}
}
END_TEST

/* RFC 2597: AF11, AF21, AF31, AF41 get the next drop precedence; nothing else changes. */
START_TEST(meter_remarks_assured_forwarding_alone)
{
	struct api_meter cfg = frames(1, 100000);

	police_use(POLICE_IN, net.red_lan, meter(cfg));
	send_some(net.lan,
		&(struct spec){.dst = HOST_B, .src = HOST_A, .type = 0x88b5, .payload = 46},
		2); /* no IP: nothing to mark */
	ck_assert(rig.outs == 2 && rig.drops == 0);
	for (uint32_t i = 0; i < 512; i++) {
		uint8_t tos = i, dscp = tos >> 2, want = dscp;
		struct spec s = af(HOST_B, HOST_A, tos), out;

		if (dscp == 10 || dscp == 18 || dscp == 26 || dscp == 34)
			want += 2;
		s.ip = i < 256 ? 4 : 6;
		s.payload = 18 + i % 7;
		out = s;
		out.tos = want << 2 | (tos & 3);
		out.tag[0] = (struct tag){0x8100, 20};
		send_some(net.lan, &s, 1);
		ck_assert_uint_eq(rig.outs, 1);
		expect_run(0, 1, net.lan2, &out); /* its checksum computed afresh */
	}
	/* too short to be what its type says */
	for (uint32_t len = 0; len < 40; len++) {
		send_some(net.lan,
			&(struct spec){
				.dst = HOST_B, .src = HOST_A, .type = 0x86dd, .payload = len},
			1);
		send_some(net.lan,
			&(struct spec){
				.dst = HOST_B, .src = HOST_A, .type = 0x0800, .payload = len % 20},
			1);
	}
}
END_TEST

START_TEST(meter_of_slice_holds_what_goes_into_the_overlay)
{
	struct spec s = af(_i ? HOST_D : HOST_C, HOST_A, AF11 | 2);
	uint32_t outer = _i ? 70 : 50;
	struct counters c;

	s.ip = _i ? 6 : 4;
	s.payload = 18;
	build(&a_pkt, &s);
	struct api_meter cfg = {
		.cir_bps = 8, .cbs_bytes = 2 * a_pkt.len, .pir_bps = 8, .pbs_bytes = 3 * a_pkt.len};
	police_use(POLICE_SLICE, net.red, meter(cfg));
	send_some(net.lan, &s, 5);
	ck_assert(rig.outs == 3 && rig.drop[DROP_SLICE_METER_RED] == 2);
	expect_counts(POLICE_SLICE, net.red, 2, 1, 2, a_pkt.len);
	for (uint32_t i = 0; i < 3; i++) {
		const struct pkt *p = &rig_out[i].pkt;
		uint8_t want = i < 2 ? AF11 | 2 : AF12 | 2;
		uint8_t tos = _i ? get16(p->b + 14) >> 4 : p->b[15];

		s.tos = want;
		build(&b_pkt, &s);
		ck_assert_uint_eq(p->len, outer + b_pkt.len);
		ck_assert_msg(memcmp(p->b + outer, b_pkt.b, b_pkt.len) == 0, "the frame inside");
		ck_assert_uint_eq(tos, want);
		ck_assert(_i ? udp_ok(p) : ipv4_ok(p->b + 14));
	}
	tunnel_counters_read(_i ? net.t6 : net.t2, &c);
	ck_assert(c.out_packets == 3 && c.dropped == 2);
	slice_counters_read(net.red, &c);
	ck_assert(c.in_packets == 5 && c.out_packets == 3 && c.dropped == 2);
	/* what stays at this site, or belongs to the other slice, is not its business */
	s = plain(HOST_B, HOST_A);
	send_some(net.lan, &s, 3);
	ck_assert(rig.outs == 3 && rig.drops == 0);
	s = plain(HOST_C, HOST_A);
	s.tag[0] = (struct tag){0x8100, 10};
	send_some(net.lan, &s, 3);
	ck_assert(rig.outs == 3 && rig.drops == 0);
}
END_TEST

START_TEST(meter_colors_go_along_with_the_frame)
{
	struct api_meter cfg = frames(1, 4), roomy = frames(100, 0);
	struct spec s = plain(HOST_C, HOST_A);

	roomy.color = _i;
	police_use(POLICE_IN, net.red_lan, meter(cfg));
	police_use(POLICE_SLICE, net.red, meter(roomy));
	send_some(net.lan, &s, 7);
	ck_assert(rig.outs == 5 && rig.drop[DROP_METER_IN_RED] == 2);
	if (_i == COLOR_AWARE)
		expect_counts(POLICE_SLICE, net.red, 1, 4, 0, LEN);
	else
		expect_counts(POLICE_SLICE, net.red, 5, 0, 0, LEN);
	/* attachment in to attachment out; blind between makes them green again for nobody else */
	police_use(POLICE_IN, net.red_lan, meter(cfg));
	police_use(POLICE_OUT, net.red_lan2, meter(roomy));
	s = plain(HOST_B, HOST_A);
	send_some(net.lan, &s, 7);
	ck_assert(rig.outs == 5 && rig.drop[DROP_METER_IN_RED] == 2);
	if (_i == COLOR_AWARE)
		expect_counts(POLICE_OUT, net.red_lan2, 1, 4, 0, LEN + 4);
	else
		expect_counts(POLICE_OUT, net.red_lan2, 5, 0, 0, LEN + 4);
	/* buffers come back without colour */
	police_use(POLICE_IN, net.red_lan, 0);
	send_some(net.lan, &s, 8);
	struct meter_counts c = {0};

	police_add(POLICE_OUT, net.red_lan2, &c);
	ck_assert_uint_eq(c.packets[METER_YELLOW], _i == COLOR_AWARE ? 4 : 0);
}
END_TEST

START_TEST(meter_meets_every_copy_of_a_flood)
{
	struct spec s = plain(BCAST, HOST_A);

	police_use(POLICE_SLICE, net.red, meter(frames(3, 0)));
	police_use(POLICE_OUT, net.red_lan2, meter(frames(1, 0)));
	send_some(net.lan, &s, 2); /* each to lan2 and two tunnels */
	ck_assert(rig.replicated == 4 && rig.outs == 4 && rig.drops == 2 &&
		  rig.drop[DROP_SLICE_METER_RED] == 1 && rig.drop[DROP_METER_OUT_RED] == 1);
	expect_counts(POLICE_SLICE, net.red, 3, 0, 1, LEN);
	expect_counts(POLICE_OUT, net.red_lan2, 1, 0, 1, LEN + 4);
}
END_TEST

START_TEST(meter_changes_take_effect_at_once)
{
	struct api_meter cfg = frames(2, 0);
	struct spec s = plain(HOST_B, HOST_A);
	uint16_t id = meter(cfg);

	police_use(POLICE_IN, net.red_lan, id);
	police_use(POLICE_IN, net.blue_lan2, id);
	send_some(net.lan, &s, 3);
	ck_assert(rig.outs == 2 && rig.drop[DROP_METER_IN_RED] == 1);
	/* a larger burst alone is no credit; two uses share nothing but the profile */
	cfg = frames(4, 0);
	police_set(id, &cfg);
	send_some(net.lan, &s, 1);
	expect_drop("nothing was reset", DROP_METER_IN_RED);
	s = plain(HOST_A, HOST_B);
	send_some(net.lan2, &s, 3);
	ck_assert(rig.outs == 3 && rig.drops == 0); /* begun under the new one: first seen now */
	/* another rate counts from now on */
	cfg.cir_bps = cfg.pir_bps = 1000000;
	police_set(id, &cfg);
	rig_advance(0.002);
	s = plain(HOST_B, HOST_A);
	send_some(net.lan, &s, 2);
	ck_assert(rig.outs == 2 && rig.drops == 0);
	/* another meter object: full, and counted from 0; none: free */
	police_use(POLICE_IN, net.red_lan, meter(frames(1, 0)));
	send_some(net.lan, &s, 2);
	ck_assert(rig.outs == 1 && rig.drop[DROP_METER_IN_RED] == 1);
	expect_counts(POLICE_IN, net.red_lan, 1, 0, 1, LEN);
	police_use(POLICE_IN, net.red_lan, 0);
	send_some(net.lan, &s, 20);
	ck_assert(rig.outs == 20 && rig.drops == 0);
}
END_TEST

START_TEST(meter_stays_when_its_attachment_moves)
{
	struct spec s = plain(NOBODY, HOST_A);

	rig_mac(net.blue, NOBODY, DOOR_ATTACHMENT | net.blue_lan2);
	police_use(POLICE_IN, net.red_lan, meter(frames(2, 0)));
	send_some(net.lan, &s, 1);
	attachment_set(net.red_lan, net.blue, net.lan, 0);
	send_some(net.lan, &s, 2);
	ck_assert(rig.outs == 1 && rig.drop[DROP_METER_IN_RED] == 1);
	expect_counts(POLICE_IN, net.red_lan, 2 + 0, 0, 1, LEN);
	police_use(POLICE_IN, net.red_lan, 0);
}
END_TEST

TCase *meter_tests(void)
{
	TCase *tc = tcase_create("meter");

	tcase_add_checked_fixture(tc, net_setup, net_teardown);
	tcase_add_test(tc, meter_in_passes_marks_and_drops);
	tcase_add_test(tc, meter_in_red_frame_never_enters);
	tcase_add_test(tc, meter_counts_the_tag_at_attachments);
	tcase_add_test(tc, meter_yellow_passes_or_drops_as_told);
	tcase_add_test(tc, meter_remarks_assured_forwarding_alone);
	tcase_add_loop_test(tc, meter_of_slice_holds_what_goes_into_the_overlay, 0, 2);
	tcase_add_loop_test(tc, meter_colors_go_along_with_the_frame, 0, 2);
	tcase_add_test(tc, meter_meets_every_copy_of_a_flood);
	tcase_add_test(tc, meter_changes_take_effect_at_once);
	tcase_add_test(tc, meter_stays_when_its_attachment_moves);
	return tc;
}
