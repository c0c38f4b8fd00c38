/* SPDX-License-Identifier: BSD-3-Clause */
/* MSS clamping: which packets it touches, what they look like then (checksums computed anew, not
 * adjusted), and everything it must leave alone. */
#include <string.h>

#include "build_tcp.h"
#include "expect.h"
#include "hot.h"
#include "rig_l3.h"

static void clamping(bool on)
{
	struct api_slice cfg = {.tunnel_learning = true,
		.vni = VNI_RED,
		.max_macs = 65536,
		.mac_ageing_s = 300,
		.flood_pps = 1000000,
		.mss_clamp = on};

	slice_set(net.red, &cfg);
}

static void setup(void)
{
	net_setup();
	clamping(true);
}

/* Sends a_pkt into the tunnel, by VXLAN over IPv4 or 6: what came out at the other end is c_pkt. */
static void into_tunnel(bool v6)
{
	uint32_t head = v6 ? 70 : 50;

	rig_begin();
	rig_send(net.lan, &a_pkt, 1);
	ck_assert(rig.outs == 1 && rig.drops == 0 && rig_out[0].port == net.wan);
	ck_assert_uint_eq(rig_out[0].pkt.len, a_pkt.len + head);
	ck_assert(!v6 || udp_ok(&rig_out[0].pkt));
	c_pkt.len = a_pkt.len;
	memcpy(c_pkt.b, rig_out[0].pkt.b + head, a_pkt.len);
}

static void out_of_tunnel(bool v6)
{
	struct outer o = v6 ? from_peer6(VNI_RED) : from_peer2(VNI_RED);

	wrap(&b_pkt, &o, &a_pkt);
	rig_begin();
	rig_send(net.wan, &b_pkt, 1);
	ck_assert(rig.outs == 1 && rig.drops == 0 && rig_out[0].port == net.lan);
	c_pkt = rig_out[0].pkt;
}

/* c_pkt is a_pkt with this MSS at `at` of the options (0: with nothing changed) and a right
 * checksum. */
static void expect_mss(const char *what, const struct tcp *t, uint32_t at, uint16_t mss)
{
	if (at != 0) {
		put16(a_pkt.b + tcp_at + 20 + at, mss);
		tcp_fix(&a_pkt, t->ip == 6);
	}
	ck_assert_uint_eq(c_pkt.len, a_pkt.len);
	for (uint32_t i = 0; i < a_pkt.len; i++)
		ck_assert_msg(c_pkt.b[i] == a_pkt.b[i], "%s: byte %u is %02x, want %02x", what, i,
			c_pkt.b[i], a_pkt.b[i]);
}

/* Options, where the MSS' value is in them, and whether it may be lowered. */
static const struct options {
	const char *what;
	uint8_t opt[40], len, at;
	bool lowered;
} options[] = {
	{"alone", {2, 4, 0x05, 0xb4}, 4, 2, true},
	{"as Linux sends it", {2, 4, 0x05, 0xb4, 4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, 1, 3, 3, 7},
		20, 2, true},
	{"behind a NOP, at an odd place", {1, 2, 4, 0xff, 0xff, 1, 1, 0}, 8, 3, true},
	{"behind window scale, at an odd place", {3, 3, 7, 2, 4, 0x22, 0x34, 0}, 8, 5, true},
	{"at the very end", {1, 1, 1, 1, 2, 4, 0x23, 0x00}, 8, 6, true},
	{"behind an option nobody knows", {254, 6, 9, 9, 9, 9, 2, 4, 0x05, 0xb4, 0, 0}, 12, 8,
		true},
	{"in 40 bytes of options",
		{[36] = 2, [37] = 4, [38] = 0x05, [39] = 0xb4, [0] = 254, [1] = 36}, 40, 38, true},
	{"behind the end of options", {0, 2, 4, 0xff, 0xff, 0, 0, 0}, 8, 3, false},
	{"none", {1, 1, 1, 1}, 4, 0, false},
	{"no options", {0}, 0, 0, false},
	{"of length 3", {2, 3, 0xff, 1, 1, 1, 1, 1}, 8, 0, false},
	{"of length 5", {2, 5, 0xff, 0xff, 0xff, 1, 1, 1}, 8, 0, false},
	{"of length 0", {2, 0, 0xff, 0xff, 2, 4, 0xff, 0xff}, 8, 0, false},
	{"of length 1", {2, 1, 0xff, 0xff, 2, 4, 0xff, 0xff}, 8, 0, false},
	{"cut by the header's end", {1, 1, 2, 4}, 4, 0, false},
	{"cut in the middle", {1, 2, 4, 0xff}, 4, 0, false},
	{"length missing", {1, 1, 1, 2}, 4, 0, false},
	{"behind an option longer than the header", {254, 12, 2, 4, 0xff, 0xff, 1, 1}, 8, 0, false},
};

START_TEST(mss_is_found_among_options_and_checksum_stays_right)
{
	const struct options *o = &options[_i];

	for (int ip = 4; ip <= 6; ip += 2)
		for (int v6 = 0; v6 < 2; v6++)
			for (int in = 0; in < 2; in++) {
				struct tcp t = {.ip = ip, .flags = in ? SYN | ACK : SYN};
				uint64_t far = v6 ? HOST_D : HOST_C;

				t.dst = in ? HOST_A : far;
				t.src = in ? far : HOST_A;
				t.opt_len = o->len;
				memcpy(t.opt, o->opt, sizeof(t.opt));
				build_tcp(&a_pkt, &t);
				if (in)
					out_of_tunnel(v6);
				else
					into_tunnel(v6);
				expect_mss(o->what, &t, o->lowered ? o->at : 0,
					(v6 ? 1430 : 1450) - (ip == 6 ? 60 : 40));
			}
}
END_TEST

START_TEST(mss_is_only_ever_lowered_whatever_it_was)
{
	struct tcp t = {.dst = HOST_C, .src = HOST_A, .ip = 4, .flags = SYN, .opt_len = 8};

	for (uint32_t mss = 0; mss < 65536; mss += 13)
		for (uint32_t odd = 0; odd < 2; odd++) {
			memset(t.opt, 1, sizeof(t.opt));
			t.opt[odd] = 2;
			t.opt[odd + 1] = 4;
			put16(t.opt + odd + 2, mss);
			build_tcp(&a_pkt, &t);
			into_tunnel(false);
			expect_mss("any", &t, odd + 2, mss > 1410 ? 1410 : mss);
		}
}
END_TEST

static const struct packet {
	const char *what;
	struct tcp t;
	bool lowered;
} packets[] = {
	{"SYN", {.ip = 4, .flags = SYN}, true},
	{"SYN with ECN's flags", {.ip = 4, .flags = SYN | 0xc0}, true},
	{"SYN and ACK", {.ip = 6, .flags = SYN | ACK}, true},
	{"SYN with data", {.ip = 4, .flags = SYN, .payload = 100}, true},
	{"ACK", {.ip = 4, .flags = ACK}, false},
	{"FIN", {.ip = 4, .flags = 0x11}, false},
	{"RST", {.ip = 6, .flags = 0x04}, false},
	{"IPv4 options", {.ip = 4, .ip_opts = 1, .flags = SYN}, true},
	{"ten words of IPv4 options", {.ip = 4, .ip_opts = 10, .flags = SYN}, true},
	{"don't fragment", {.ip = 4, .frag = 0x4000, .flags = SYN}, true},
	{"first fragment", {.ip = 4, .frag = 0x2000, .flags = SYN, .payload = 8}, true},
	{"later fragment", {.ip = 4, .frag = 0x2001, .flags = SYN, .payload = 8}, false},
	{"last fragment", {.ip = 4, .frag = 0x1fff, .flags = SYN}, false},
	{"hop-by-hop", {.ip = 6, .ext = "h", .flags = SYN}, true},
	{"all kinds", {.ip = 6, .ext = "hDrd", .flags = SYN}, true},
	{"eight extension headers", {.ip = 6, .ext = "hdddrddd", .flags = SYN}, true},
	{"more than anybody sends", {.ip = 6, .ext = "hdddrdddd", .flags = SYN}, false},
	{"an extension nobody knows", {.ip = 6, .ext = "hx", .flags = SYN}, false},
	{"first IPv6 fragment", {.ip = 6, .frag = 1, .flags = SYN}, true},
	{"first IPv6 fragment behind others", {.ip = 6, .ext = "hr", .frag = 1, .flags = SYN},
		true},
	{"later IPv6 fragment", {.ip = 6, .frag = 8, .flags = SYN}, false},
	{"data offset of 4 words", {.ip = 4, .flags = SYN, .doff = 4}, false},
	{"data offset beyond the packet", {.ip = 4, .flags = SYN, .doff = 15}, false},
	{"data offset beyond the IPv6 packet", {.ip = 6, .flags = SYN, .doff = 7}, false},
	{"data offset before the option", {.ip = 4, .flags = SYN, .doff = 5}, false},
};

START_TEST(mss_touches_first_or_whole_syns_and_nothing_else)
{
	const struct packet *k = &packets[_i];

	for (int in = 0; in < 2; in++) {
		struct tcp t = k->t;

		t.dst = in ? HOST_A : HOST_C;
		t.src = in ? HOST_C : HOST_A;
		t.opt_len = 4;
		memcpy(t.opt, "\x02\x04\xff\xff", 4);
		build_tcp(&a_pkt, &t);
		if (in)
			out_of_tunnel(false);
		else
			into_tunnel(false);
		expect_mss(k->what, &t, k->lowered ? 2 : 0, t.ip == 6 ? 1390 : 1410);
	}
}
END_TEST

/* Lengths that lie, and packets that end early: whatever happens, the frame goes on as it came. */
START_TEST(mss_of_a_cut_packet_is_left_alone)
{
	for (int ip = 4; ip <= 6; ip += 2) {
		struct tcp t = {.dst = HOST_C,
			.src = HOST_A,
			.ip = ip,
			.ext = "hd",
			.flags = SYN,
			.opt = {1, 1, 1, 1, 2, 4, 0xff, 0xff},
			.opt_len = 8};

		build_tcp(&a_pkt, &t);
		for (uint32_t whole = a_pkt.len; a_pkt.len >= 14; a_pkt.len--) {
			into_tunnel(false);
			if (a_pkt.len == whole)
				continue;
			ck_assert(memcmp(a_pkt.b, c_pkt.b, a_pkt.len) == 0);
		}
		/* the IP length cuts it */
		build_tcp(&a_pkt, &t);
		put16(a_pkt.b + (ip == 4 ? 16 : 18), get16(a_pkt.b + (ip == 4 ? 16 : 18)) - 1);
		if (ip == 4)
			ipv4_fix(a_pkt.b + 14);
		into_tunnel(false);
		ck_assert(memcmp(a_pkt.b, c_pkt.b, a_pkt.len) == 0);
	}
}
END_TEST

static void expect_clamped(const char *what, const struct tcp *t, uint16_t mss)
{
	build_tcp(&a_pkt, t);
	into_tunnel(false);
	expect_mss(what, t, mss != 0 ? 2 : 0, mss);
}

START_TEST(mss_follows_the_slice_and_the_underlay)
{
	struct tcp t = {.dst = HOST_C,
		.src = HOST_A,
		.ip = 4,
		.flags = SYN,
		.opt = {2, 4, 0xff, 0xff},
		.opt_len = 4};

	expect_clamped("1500", &t, 1410);
	port_hot[net.wan].mtu = 1400;
	underlay_stale();
	underlay_resolve();
	expect_clamped("1400", &t, 1310);
	port_hot[net.wan].mtu = 9000;
	underlay_stale();
	underlay_resolve();
	expect_clamped("9000", &t, 8910);
	clamping(false);
	expect_clamped("off", &t, 0);
	build_tcp(&a_pkt, &(struct tcp){.dst = HOST_A,
				  .src = HOST_C,
				  .ip = 4,
				  .flags = SYN,
				  .opt = {2, 4, 0xff, 0xff},
				  .opt_len = 4});
	out_of_tunnel(false);
	expect_mss("off, inwards", &t, 0, 0);
	clamping(true);
	expect_clamped("on again", &t, 8910);
	build_tcp(&a_pkt, &(struct tcp){.dst = HOST_A,
				  .src = HOST_C,
				  .ip = 4,
				  .flags = SYN,
				  .opt = {2, 4, 0xff, 0xff},
				  .opt_len = 4});
	out_of_tunnel(false);
	expect_mss("on again, inwards", &t, 2, 8910);
	port_hot[net.wan].mtu = 1500;
}
END_TEST

START_TEST(mss_of_one_slice_is_not_anothers)
{
	struct tcp t = {.dst = HOST_C,
		.src = HOST_A,
		.ip = 4,
		.flags = SYN,
		.opt = {2, 4, 0xff, 0xff},
		.opt_len = 4};

	build_tcp(&a_pkt, &t); /* host A of blue is untagged on lan2 */
	rig_begin();
	t.src = HOST_B;
	build_tcp(&a_pkt, &t);
	rig_send(net.lan2, &a_pkt, 1);
	ck_assert(rig.outs == 1 && memcmp(rig_out[0].pkt.b + 50, a_pkt.b, a_pkt.len) == 0);
	/* and what stays on this site has no tunnel to fit */
	struct pkt *tagged = &b_pkt;

	t.dst = HOST_B;
	t.src = HOST_A;
	build_tcp(&a_pkt, &t);
	rig_begin();
	rig_send(net.lan, &a_pkt, 1);
	*tagged = rig_out[0].pkt;
	ck_assert(rig.outs == 1 && rig_out[0].port == net.lan2 &&
		  memcmp(tagged->b + 18, a_pkt.b + 14, a_pkt.len - 14) == 0);
}
END_TEST

/* A way back that may be either of two paths is the smaller one. */
START_TEST(mss_inwards_is_that_of_the_smallest_path)
{
	struct l3_via ways[2] = {{.weight = 1}, {.weight = 1}};
	struct api_ip prefix = rig_ip("203.0.113.0/24", true);
	uint16_t wan2 = rig_port(1300), far;
	struct tcp t = {.dst = HOST_A,
		.src = 0x0200000000f1,
		.ip = 4,
		.flags = SYN | ACK,
		.opt = {2, 4, 0x05, 0xb4},
		.opt_len = 4};
	struct outer o = from_peer2(VNI_RED);

	rig_address(wan2, "198.19.0.1/24");
	rig_neighbor(net.wan, "198.18.0.50", 0x020000000050);
	rig_neighbor(wan2, "198.19.0.50", 0x020000000051);
	ways[0].address = rig_ip("198.18.0.50", false);
	ways[0].port = net.wan;
	ways[1].address = rig_ip("198.19.0.50", false);
	ways[1].port = wan2;
	rig_underlay_route(&prefix, ways, 2);
	far = rig_tunnel(LOCAL4, "203.0.113.9");
	member_set(net.red, far);
	build_tcp(&a_pkt, &t);
	o.from = "203.0.113.9";
	wrap(&b_pkt, &o, &a_pkt);
	rig_begin();
	rig_send(net.wan, &b_pkt, 1);
	ck_assert(rig.outs == 1 && rig_out[0].port == net.lan);
	c_pkt = rig_out[0].pkt;
	expect_mss("the smaller", &t, 2, 1300 - 50 - 40);
	/* no way back at all: nothing to fit */
	rig_underlay_route(&prefix, NULL, 0);
	underlay_resolve();
	build_tcp(&a_pkt, &t);
	wrap(&b_pkt, &o, &a_pkt);
	rig_begin();
	rig_send(net.wan, &b_pkt, 1);
	ck_assert_uint_eq(rig.outs, 1);
	c_pkt = rig_out[0].pkt;
	expect_mss("no way back", &t, 0, 0);
}
END_TEST

/* Routing slices as well: into the tunnel, and out of it. */
START_TEST(mss_of_routing_slices)
{
	struct api_slice cfg = {.tunnel_learning = true,
		.kind = SLICE_L3,
		.vni = 300,
		.max_macs = 10,
		.mss_clamp = true};
	uint16_t slice = rig_l3_slice(300), lan = rig_attachment(slice, net.lan, 30);
	struct l3_via via = rig_via_tunnel(net.t2, PEER2, 1);
	struct outer o = from_peer2(300);

	rig_gateway(slice, lan, "10.0.0.254/24");
	rig_gateway(slice, lan, "fd00::fe/64");
	member_set(slice, net.t2);
	for (int in = 0; in < 2; in++) {
		if (in) {
			rig_l3_route_gone(slice, "10.0.0.2/32");
			rig_l3_route_gone(slice, "fd00::2/128");
			rig_l3_neighbor(slice, lan, "10.0.0.2", HOST_A);
			rig_l3_neighbor(slice, lan, "fd00::2", HOST_A);
		} else {
			rig_l3_route(slice, "10.0.0.2/32", &via, 1);
			rig_l3_route(slice, "fd00::2/128", &via, 1);
		}
		for (int ip = 4; ip <= 6; ip += 2)
			for (int on = 0; on < 2; on++) {
				struct tcp t = {.dst = rig_l3_mac(slice),
					.src = HOST_B,
					.ip = ip,
					.flags = SYN,
					.opt = {2, 4, 0x05, 0xb4},
					.opt_len = 4};

				cfg.mss_clamp = on;
				slice_set(slice, &cfg);
				build_tcp(&a_pkt, &t);
				if (in) {
					wrap(&b_pkt, &o, &a_pkt);
				} else {
					memcpy(b_pkt.b, a_pkt.b, 12);
					put32(b_pkt.b + 12, 0x8100001e);
					memcpy(b_pkt.b + 16, a_pkt.b + 12, a_pkt.len - 12);
					b_pkt.len = a_pkt.len + 4;
				}
				rig_begin();
				rig_send(in ? net.wan : net.lan, &b_pkt, 1);
				ck_assert(rig.outs == 1 && rig.drops == 0);
				const struct pkt *got = &rig_out[0].pkt;
				const uint8_t *tcp = got->b + got->len - 24;

				ck_assert_uint_eq(get16(tcp + 22), !on	     ? 1460
								   : ip == 4 ? 1410
									     : 1390);
				put16(a_pkt.b + tcp_at + 22, get16(tcp + 22));
				tcp_fix(&a_pkt, ip == 6);
				ck_assert(memcmp(tcp, a_pkt.b + tcp_at, 24) == 0);
			}
	}
}
END_TEST

TCase *mss_tests(void)
{
	TCase *tc = tcase_create("mss");

	tcase_add_checked_fixture(tc, setup, net_teardown);
	tcase_add_loop_test(tc, mss_is_found_among_options_and_checksum_stays_right, 0,
		sizeof(options) / sizeof(options[0]));
	tcase_add_test(tc, mss_is_only_ever_lowered_whatever_it_was);
	tcase_add_loop_test(tc, mss_touches_first_or_whole_syns_and_nothing_else, 0,
		sizeof(packets) / sizeof(packets[0]));
	tcase_add_test(tc, mss_of_a_cut_packet_is_left_alone);
	tcase_add_test(tc, mss_follows_the_slice_and_the_underlay);
	tcase_add_test(tc, mss_of_one_slice_is_not_anothers);
	tcase_add_test(tc, mss_inwards_is_that_of_the_smallest_path);
	tcase_add_test(tc, mss_of_routing_slices);
	return tc;
}
