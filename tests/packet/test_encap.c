/* SPDX-License-Identifier: BSD-3-Clause */
/* Into tunnels: the outer packet byte by byte, against headers built from the RFCs (7348, 6040,
 * 768, 8200). */
#include <string.h>

#include <rte_ethdev.h>

#include "expect.h"
#include "port.h"
#include "worker.h"

#define UDP4 (14 + 20)
#define UDP6 (14 + 40)

/* What must leave towards the peer, taking source port and flow label from what left. */
static void expected(struct pkt *want, const struct outer *rest, bool v6, const struct pkt *inner)
{
	const uint8_t *sent = rig_out[0].pkt.b;
	struct outer o = *rest;

	o.dst = v6 ? PEER6 : PEER2;
	o.src = rig_port_mac(net.wan);
	o.from = v6 ? LOCAL6 : LOCAL4;
	o.to = v6 ? "2001:db8::2" : "198.18.0.2";
	o.sport = get16(sent + (v6 ? UDP6 : UDP4));
	if (!v6 && o.frag == 0)
		o.frag = 0x4000;
	ck_assert_msg(o.sport >= 49152, "source port %u", o.sport);
	wrap(want, &o, inner);
	if (v6) {
		put32(want->b + 14, get32(want->b + 14) | (get32(sent + 14) & 0xfffff));
		if (o.csum != CSUM_ZERO)
			udp_fix(want);
	}
}

START_TEST(encap_ipv4_is_right_to_the_byte)
{
	struct spec s = plain(HOST_C, HOST_A);

	for (s.payload = 0; s.payload < 200; s.payload++) {
		build(&a_pkt, &s);
		rig_begin();
		rig_send(net.lan, &a_pkt, 1);
		ck_assert_uint_eq(rig.outs, 1);
		expected(&b_pkt, &(struct outer){.vni = VNI_RED}, false, &a_pkt);
		expect_out("IPv4 underlay", net.wan, &b_pkt);
		ck_assert(ipv4_ok(rig_out[0].pkt.b + 14));
	}
}
END_TEST

START_TEST(encap_ipv6_is_right_to_the_byte_and_has_a_checksum)
{
	struct spec s = plain(HOST_D, HOST_A);

	for (s.payload = 0; s.payload < 200; s.payload++) {
		build(&a_pkt, &s);
		rig_begin();
		rig_send(net.lan, &a_pkt, 1);
		ck_assert_uint_eq(rig.outs, 1);
		expected(&b_pkt, &(struct outer){.vni = VNI_RED, .csum = CSUM_GOOD}, true, &a_pkt);
		expect_out("IPv6 underlay", net.wan, &b_pkt);
		ck_assert(udp_ok(&rig_out[0].pkt));
	}
}
END_TEST

START_TEST(encap_takes_vni_of_the_slice_and_leaves_the_vlan_behind)
{
	struct spec s = plain(HOST_C, HOST_A), tagged = s;

	tagged.tag[0] = (struct tag){0x8100, 10};
	build(&a_pkt, &tagged);
	build(&c_pkt, &s);
	rig_send(net.lan, &a_pkt, 1);
	expected(&b_pkt, &(struct outer){.vni = VNI_BLUE}, false, &c_pkt);
	expect_out("blue", net.wan, &b_pkt);
}
END_TEST

/* How a tunnel's settings show in what it sends. */
static const struct setting {
	const char *what;
	bool v6;
	struct api_tunnel with;
	uint8_t tos; /* inside */
	struct outer want;
} settings[] = {
	{"TTL", false, {.ttl = 7, .df = true, .dscp = DSCP_COPY}, 0, {.ttl = 7}},
	{"TTL 255", true, {.ttl = 255, .dscp = DSCP_COPY}, 0, {.ttl = 255, .csum = CSUM_GOOD}},
	{"DSCP copied", false, {.ttl = 64, .df = true, .dscp = DSCP_COPY}, 0xb8, {.tos = 0xb8}},
	{"DSCP copied, IPv6", true, {.ttl = 64, .dscp = DSCP_COPY}, 0xb8,
		{.tos = 0xb8, .csum = CSUM_GOOD}},
	{"DSCP fixed", false, {.ttl = 64, .df = true, .dscp = 10}, 0xb8, {.tos = 10 << 2}},
	{"DSCP fixed to zero", false, {.ttl = 64, .df = true, .dscp = 0}, 0xb8, {.tos = 0}},
	{"DSCP fixed, ECN still copied", false, {.ttl = 64, .df = true, .dscp = 63}, 0xba,
		{.tos = 63 << 2 | 2}},
	{"DSCP fixed, IPv6", true, {.ttl = 64, .dscp = 46}, 0x01,
		{.tos = 46 << 2 | 1, .csum = CSUM_GOOD}},
	{"UDP checksum on IPv4", false,
		{.ttl = 64, .df = true, .dscp = DSCP_COPY, .udp_csum = CSUM_ON}, 0,
		{.csum = CSUM_GOOD}},
	{"UDP checksum off on IPv6", true, {.ttl = 64, .dscp = DSCP_COPY, .udp_csum = CSUM_OFF}, 0,
		{.csum = CSUM_ZERO}},
	{"destination port", false, {.ttl = 64, .df = true, .dscp = DSCP_COPY, .dst_port = 8472}, 0,
		{.dport = 8472}},
};

START_TEST(encap_follows_the_tunnels_settings)
{
	const struct setting *t = &settings[_i];
	uint64_t host = t->v6 ? HOST_D : HOST_C;
	struct spec s[] = {plain(host, HOST_A), plain(host, HOST_A)};
	struct api_tunnel cfg = t->with;
	struct outer want = t->want;

	cfg.local = rig_ip(t->v6 ? LOCAL6 : LOCAL4, false);
	cfg.remote = rig_ip(t->v6 ? "2001:db8::2" : "198.18.0.2", false);
	cfg.dst_port = cfg.dst_port != 0 ? cfg.dst_port : 4789;
	tunnel_set(t->v6 ? net.t6 : net.t2, &cfg);
	underlay_resolve();
	want.vni = VNI_RED;
	s[1].ip = 6;
	for (int i = 0; i < 2; i++) {
		s[i].tos = t->tos;
		build(&a_pkt, &s[i]);
		rig_begin();
		rig_send(net.lan, &a_pkt, 1);
		ck_assert_uint_eq(rig.outs, 1);
		expected(&b_pkt, &want, t->v6, &a_pkt);
		expect_out(t->what, net.wan, &b_pkt);
	}
}
END_TEST

START_TEST(encap_checksums_every_length_right_when_asked)
{
	struct api_tunnel cfg = *(&(struct api_tunnel){
		.dst_port = 4789, .ttl = 64, .df = true, .dscp = DSCP_COPY, .udp_csum = CSUM_ON});
	struct spec s = plain(HOST_C, HOST_A);

	cfg.local = rig_ip(LOCAL4, false);
	cfg.remote = rig_ip("198.18.0.2", false);
	tunnel_set(net.t2, &cfg);
	underlay_resolve();
	for (uint32_t i = 0; i < 3000; i++) {
		s.payload = i % 1400;
		s.sport = i * 37;
		build(&a_pkt, &s);
		rig_begin();
		rig_send(net.lan, &a_pkt, 1);
		ck_assert(rig.outs == 1 && get16(rig_out[0].pkt.b + UDP4 + 6) != 0 &&
			  udp_ok(&rig_out[0].pkt));
	}
}
END_TEST

START_TEST(encap_without_df_numbers_its_packets)
{
	struct api_tunnel cfg = rig_tunnel_defaults();
	struct spec s = plain(HOST_C, HOST_A);
	uint16_t last = 0;

	cfg.df = false;
	cfg.local = rig_ip(LOCAL4, false);
	cfg.remote = rig_ip("198.18.0.2", false);
	tunnel_set(net.t2, &cfg);
	underlay_resolve();
	build(&a_pkt, &s);
	for (int i = 0; i < 300; i++) {
		rig_begin();
		rig_send(net.lan, &a_pkt, 1);
		const uint8_t *ip = rig_out[0].pkt.b + 14;

		ck_assert(rig.outs == 1 && ipv4_ok(ip) && get16(ip + 6) == 0);
		ck_assert(i == 0 || get16(ip + 4) == (uint16_t)(last + 1));
		last = get16(ip + 4);
	}
}
END_TEST

/* ---- the flow's entropy ---- */

static uint16_t source_port(const struct spec *s)
{
	build(&a_pkt, s);
	rig_begin();
	rig_send(net.lan, &a_pkt, 1);
	ck_assert_uint_eq(rig.outs, 1);
	return get16(rig_out[0].pkt.b + UDP4);
}

START_TEST(encap_source_port_is_stable_for_a_flow_and_spread_over_flows)
{
	static uint8_t seen[65536];
	uint32_t different = 0;

	memset(seen, 0, sizeof(seen));
	for (int family = 4; family <= 6; family += 2) {
		struct spec s = plain(HOST_C, HOST_A);

		s.ip = family;
		for (s.sport = 1; s.sport <= 2000; s.sport++) {
			s.payload = 40;
			uint16_t port = source_port(&s);

			ck_assert(port >= 49152);
			different += !seen[port];
			seen[port] = 1;
			s.payload = 900;
			ck_assert_uint_eq(source_port(&s), port);
			s.tos = 0x20;
			ck_assert_uint_eq(source_port(&s), port);
			s.tos = 0;
		}
	}
	/* 4,000 flows over 16,384 ports: about 3,550 expected */
	ck_assert_msg(different > 3300, "4000 flows got %u ports", different);
}
END_TEST

START_TEST(encap_fragments_of_an_inner_packet_share_a_source_port)
{
	struct spec s = plain(HOST_C, HOST_A);

	s.frag = 0x2000;
	uint16_t port = source_port(&s);

	for (uint32_t at = 1; at < 100; at++) {
		s.frag = 0x2000 | at;
		ck_assert_uint_eq(source_port(&s), port);
	}
	s.frag = 100;
	ck_assert_uint_eq(source_port(&s), port);
	s.ip = 6;
	s.frag = 1;
	port = source_port(&s);
	s.frag = 800;
	s.sport++; /* what would be ports are other bytes in a later fragment */
	ck_assert_uint_eq(source_port(&s), port);
}
END_TEST

START_TEST(encap_other_inner_headers_take_part_in_the_flow)
{
	struct spec s = plain(HOST_C, HOST_A);
	uint16_t port = source_port(&s);

	s.daddr = 77;
	ck_assert_uint_ne(source_port(&s), port);
	s = (struct spec){.dst = HOST_C, .src = HOST_A, .type = 0x0806, .payload = 28};
	port = source_port(&s);
	ck_assert_uint_eq(source_port(&s), port);
	s.src = 0x020000000055;
	ck_assert_uint_ne(source_port(&s), port);
}
END_TEST

/* ---- what does not fit ---- */

START_TEST(encap_drops_what_does_not_fit_the_underlay)
{
	const struct {
		uint64_t to;
		uint32_t most; /* IP packet of the tenant: 1500 less outer IP, UDP, VXLAN and
				  Ethernet */
	} t[] = {{HOST_C, 1500 - 50}, {HOST_D, 1500 - 70}};

	for (int i = 0; i < 2; i++) {
		struct spec s = plain(t[i].to, HOST_A);

		s.payload = t[i].most - 28;
		build(&a_pkt, &s);
		rig_begin();
		rig_send(net.lan, &a_pkt, 1);
		ck_assert(rig.outs == 1 && rig_out[0].pkt.len == 1514);
		s.payload++;
		build(&a_pkt, &s);
		rig_begin();
		rig_send(net.lan, &a_pkt, 1);
		expect_drop("a byte more", DROP_UNDERLAY_MTU);
	}
}
END_TEST

START_TEST(encap_counts_at_slice_and_tunnel)
{
	struct spec s = plain(HOST_C, HOST_A);
	struct counters c;

	s.payload = 18; /* 60 bytes */
	build(&a_pkt, &s);
	rig_send(net.lan, &a_pkt, 1);
	tunnel_counters_read(net.t2, &c);
	ck_assert(c.out_packets == 1 && c.out_bytes == 110 && c.in_packets == 0 && c.dropped == 0);
	slice_counters_read(net.red, &c);
	ck_assert(c.in_packets == 1 && c.in_bytes == 60 && c.out_packets == 1 && c.out_bytes == 60);
}
END_TEST

/* A port that takes some of a burst: what it does not take is dropped by name, and is no part of
 * what was sent. */
START_TEST(encap_counts_what_the_port_took)
{
	static struct pkt burst[8];
	struct rte_mbuf *m;
	struct port_counters before, after;
	struct spec s = plain(HOST_B, HOST_A);
	uint32_t filled = 0;

	rig_begin();
	while ((m = rte_pktmbuf_alloc(port_hot[net.lan2].pool)) != NULL) {
		rte_pktmbuf_append(m, 60);
		if (rte_eth_tx_burst(port_hot[net.lan2].ethdev, 0, &m, 1) == 0)
			break;
		filled++;
	}
	ck_assert(m != NULL);
	rte_pktmbuf_free(m);
	for (uint32_t i = 0; i < 3; i++, filled--) { /* room for three */
		ck_assert_uint_eq(rte_eth_rx_burst(port_hot[net.lan2].ethdev, 0, &m, 1), 1);
		rte_pktmbuf_free(m);
	}
	uint32_t bytes = 0;

	for (uint32_t i = 0; i < 8; i++) {
		s.payload = 100 + i;
		build(&burst[i], &s);
		bytes += i < 3 ? burst[i].len + 4 : 0; /* with a tag */
	}
	before = workers[0]->port[net.lan2];
	rig.in += filled;
	rig_send(net.lan, burst, 8);
	after = workers[0]->port[net.lan2];
	ck_assert_uint_eq(rig.drop[DROP_TX_FULL], 5);
	ck_assert_uint_eq(after.tx_packets - before.tx_packets, 3);
	ck_assert_uint_eq(after.tx_bytes - before.tx_bytes, bytes);
}
END_TEST

TCase *encap_tests(void)
{
	TCase *tc = tcase_create("encap");

	tcase_add_checked_fixture(tc, net_setup, net_teardown);
	tcase_add_test(tc, encap_ipv4_is_right_to_the_byte);
	tcase_add_test(tc, encap_ipv6_is_right_to_the_byte_and_has_a_checksum);
	tcase_add_test(tc, encap_takes_vni_of_the_slice_and_leaves_the_vlan_behind);
	tcase_add_loop_test(
		tc, encap_follows_the_tunnels_settings, 0, sizeof(settings) / sizeof(settings[0]));
	tcase_add_test(tc, encap_checksums_every_length_right_when_asked);
	tcase_add_test(tc, encap_without_df_numbers_its_packets);
	tcase_add_test(tc, encap_source_port_is_stable_for_a_flow_and_spread_over_flows);
	tcase_add_test(tc, encap_fragments_of_an_inner_packet_share_a_source_port);
	tcase_add_test(tc, encap_other_inner_headers_take_part_in_the_flow);
	tcase_add_test(tc, encap_drops_what_does_not_fit_the_underlay);
	tcase_add_test(tc, encap_counts_at_slice_and_tunnel);
	tcase_add_test(tc, encap_counts_what_the_port_took);
	return tc;
}
