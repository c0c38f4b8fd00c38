/* SPDX-License-Identifier: BSD-3-Clause */
/* Slices that route, byte by byte: MACs, TTL, checksum, longest prefix, equal-cost ways, and that
 * two slices with the same addresses never meet. RFC 1812, RFC 8200.
 *
 *               red (VNI 300)                      blue (VNI 400)
 *   lan         VLAN 30, 10.0.0.254/24, fd00::fe   VLAN 40, the same
 *   lan2        VLAN 31, 10.0.1.254/24, fd01::fe   VLAN 41, the same
 *   10.0.1.2, fd01::2 are HOST_B in red and HOST_C in blue; 10.2.0.0/16 and fd02::/16 by t2
 */
#include <errno.h>
#include <string.h>

#include "expect.h"
#include "hot.h"
#include "nexthop.h"
#include "rig_l3.h"

#define GW2 0x02000000a002ull

static struct {
	uint16_t red, blue, red_lan, red_lan2, blue_lan, blue_lan2;
} l3;

static void doors(uint16_t slice, uint16_t lan, uint16_t lan2, uint64_t host)
{
	struct l3_via via = rig_via_tunnel(net.t2, GW2, 1);

	rig_gateway(slice, lan, "10.0.0.254/24");
	rig_gateway(slice, lan, "fd00::fe/64");
	rig_gateway(slice, lan2, "10.0.1.254/24");
	rig_gateway(slice, lan2, "fd01::fe/64");
	rig_l3_neighbor(slice, lan2, "10.0.1.2", host);
	rig_l3_neighbor(slice, lan2, "fd01::2", host);
	member_set(slice, net.t2);
	rig_l3_route(slice, "10.2.0.0/16", &via, 1);
	rig_l3_route(slice, "fd02::/16", &via, 1);
}

static void l3_setup(void)
{
	net_setup();
	l3.red = rig_l3_slice(300);
	l3.blue = rig_l3_slice(400);
	l3.red_lan = rig_attachment(l3.red, net.lan, 30);
	l3.red_lan2 = rig_attachment(l3.red, net.lan2, 31);
	l3.blue_lan = rig_attachment(l3.blue, net.lan, 40);
	l3.blue_lan2 = rig_attachment(l3.blue, net.lan2, 41);
	doors(l3.red, l3.red_lan, l3.red_lan2, HOST_B);
	doors(l3.blue, l3.blue_lan, l3.blue_lan2, HOST_C);
	rig_begin();
}

/* From 10.0.0.1 (fd00::1) by VLAN vid of lan, to the gateway; the address it goes to is set anew.
 */
static void to(struct pkt *p, uint16_t slice, uint16_t vid, const char *address)
{
	struct api_ip ip = rig_ip(address, false);
	struct spec s = plain(rig_l3_mac(slice), HOST_A);
	uint32_t at = vid != 0 ? 18 : 14;

	s.ip = ip.family;
	if (vid != 0)
		s.tag[0] = (struct tag){0x8100, vid};
	build(p, &s);
	if (ip.family == 4) {
		memcpy(p->b + at + 16, ip.bytes, 4);
		ipv4_fix(p->b + at);
	} else {
		memcpy(p->b + at + 24, ip.bytes, 16);
	}
}

/* What the packet, built without a tag, looks like one hop on. */
static void hop(struct pkt *p, uint64_t dst, uint64_t src)
{
	put48(p->b, dst);
	put48(p->b + 6, src);
	if (p->b[14] >> 4 == 4) {
		p->b[14 + 8]--;
		ipv4_fix(p->b + 14);
	} else {
		p->b[14 + 7]--;
	}
}

static void add_tag(struct pkt *p, uint16_t vid)
{
	memmove(p->b + 16, p->b + 12, p->len - 12);
	put16(p->b + 12, 0x8100);
	put16(p->b + 14, vid);
	p->len += 4;
}

static const char *const near_hosts[] = {"10.0.1.2", "fd01::2"};
static const char *const far_hosts[] = {"10.2.3.4", "fd02::4"};

START_TEST(route_between_attachments_is_right_to_the_byte)
{
	const struct {
		uint16_t slice, in, out;
		uint64_t host;
	} way[] = {{l3.red, 30, 31, HOST_B}, {l3.blue, 40, 41, HOST_C}};

	for (uint32_t i = 0; i < 4; i++) {
		uint16_t slice = way[i / 2].slice;

		to(&a_pkt, slice, way[i / 2].in, near_hosts[i % 2]);
		to(&b_pkt, slice, 0, near_hosts[i % 2]);
		hop(&b_pkt, way[i / 2].host, rig_l3_mac(slice));
		add_tag(&b_pkt, way[i / 2].out);
		rig_begin();
		rig_send(net.lan, &a_pkt, 1);
		expect_out(near_hosts[i % 2], net.lan2, &b_pkt);
	}
}
END_TEST

START_TEST(route_into_a_tunnel_is_right_to_the_byte)
{
	for (uint32_t i = 0; i < 2; i++) {
		struct outer o = {.dst = PEER2,
			.src = rig_port_mac(net.wan),
			.from = LOCAL4,
			.to = "198.18.0.2",
			.frag = 0x4000,
			.vni = 300};

		to(&a_pkt, l3.red, 30, far_hosts[i]);
		to(&c_pkt, l3.red, 0, far_hosts[i]);
		hop(&c_pkt, GW2, rig_l3_mac(l3.red));
		rig_begin();
		rig_send(net.lan, &a_pkt, 1);
		ck_assert_uint_eq(rig.outs, 1);
		o.sport = get16(rig_out[0].pkt.b + 34);
		wrap(&b_pkt, &o, &c_pkt);
		expect_out(far_hosts[i], net.wan, &b_pkt);
	}
}
END_TEST

START_TEST(route_from_a_tunnel_to_its_slices_own_host)
{
	for (uint32_t i = 0; i < 4; i++) {
		uint16_t slice = i / 2 ? l3.blue : l3.red;
		struct outer o = from_peer2(i / 2 ? 400 : 300);

		to(&c_pkt, slice, 0, near_hosts[i % 2]);
		wrap(&a_pkt, &o, &c_pkt);
		hop(&c_pkt, i / 2 ? HOST_C : HOST_B, rig_l3_mac(slice));
		add_tag(&c_pkt, i / 2 ? 41 : 31);
		rig_begin();
		rig_send(net.wan, &a_pkt, 1);
		expect_out("from the tunnel", net.lan2, &c_pkt);
	}
}
END_TEST

START_TEST(route_takes_the_longest_prefix_and_falls_back_when_it_goes)
{
	struct l3_via near = rig_via(l3.red_lan2, "10.0.1.2", 1);
	struct l3_via near6 = rig_via(l3.red_lan2, "fd01::2", 1);

	for (uint32_t i = 0; i < 2; i++) {
		const char *more = i ? "fd02::/112" : "10.2.3.0/24";

		rig_l3_route(l3.red, more, i ? &near6 : &near, 1);
		to(&a_pkt, l3.red, 30, far_hosts[i]);
		rig_begin();
		rig_send(net.lan, &a_pkt, 1);
		ck_assert_uint_eq(rig.outs, 1);
		ck_assert_uint_eq(rig_out[0].port, net.lan2);
		/* the same prefix means nothing in the other slice */
		to(&a_pkt, l3.blue, 40, far_hosts[i]);
		rig_begin();
		rig_send(net.lan, &a_pkt, 1);
		ck_assert_uint_eq(rig_out[0].port, net.wan);
		rig_l3_route_gone(l3.red, more);
		to(&a_pkt, l3.red, 30, far_hosts[i]);
		rig_begin();
		rig_send(net.lan, &a_pkt, 1);
		ck_assert_uint_eq(rig_out[0].port, net.wan);
	}
}
END_TEST

/* Of 4,096 flows to 10.9.x.y, how many went by each VLAN of lan2 (31 or the tunnel). */
static void spread(uint32_t *near, uint32_t *far)
{
	*near = *far = 0;
	for (uint32_t f = 0; f < 4096; f++) {
		char address[20];

		snprintf(address, sizeof(address), "10.9.%u.%u", f / 256, f % 256);
		to(&a_pkt, l3.red, 30, address);
		uint32_t first = 0;

		for (uint32_t again = 0; again < 2; again++) {
			rig_begin();
			rig_send(net.lan, &a_pkt, 1);
			ck_assert_uint_eq(rig.outs, 1);
			if (again)
				ck_assert_uint_eq(rig_out[0].port, first);
			first = rig_out[0].port;
		}
		*near += first == net.lan2;
		*far += first == net.wan;
	}
}

START_TEST(route_spreads_flows_by_weight_and_leaves_out_what_is_down)
{
	struct l3_via via[] = {rig_via(l3.red_lan2, "10.0.1.2", 1), rig_via_tunnel(net.t2, GW2, 3)};
	uint32_t near, far;

	rig_l3_route(l3.red, "10.9.0.0/16", via, 2);
	spread(&near, &far);
	ck_assert_msg(
		near > 4096 / 4 - 200 && near < 4096 / 4 + 200, "%u of 4096, want a quarter", near);
	ck_assert_uint_eq(near + far, 4096);
	/* the tunnel's next hop is lost */
	struct api_ip peer = rig_ip("198.18.0.2", false);

	underlay_neighbor_unset(net.wan, &peer);
	underlay_resolve();
	spread(&near, &far);
	ck_assert_uint_eq(near, 4096);
	rig_neighbor(net.wan, "198.18.0.2", PEER2);
	via[0].weight = 3;
	rig_l3_route(l3.red, "10.9.0.0/16", via, 2);
	spread(&near, &far);
	ck_assert_msg(
		near > 4096 / 2 - 200 && near < 4096 / 2 + 200, "%u of 4096, want half", near);
}
END_TEST

START_TEST(route_leaves_out_ways_by_a_port_whose_link_is_down)
{
	struct l3_via via[] = {rig_via(l3.red_lan2, "10.0.1.2", 1), rig_via_tunnel(net.t2, GW2, 1)};
	struct api_ip peer = rig_ip("198.18.0.2", false);
	uint32_t near, far;

	rig_l3_route(l3.red, "10.9.0.0/16", via, 2);
	rig_link(net.lan2, false);
	spread(&near, &far);
	ck_assert_uint_eq(far, 4096);
	/* neither is up: both, as without links */
	underlay_neighbor_unset(net.wan, &peer);
	underlay_resolve();
	rig_link(net.lan2, true);
	spread(&near, &far);
	ck_assert_uint_eq(near, 4096);
	rig_neighbor(net.wan, "198.18.0.2", PEER2);
	spread(&near, &far);
	ck_assert_msg(near > 1848 && near < 2248, "%u of 4096, want half", near);
	/* a route that comes while the link is down */
	rig_link(net.lan2, false);
	via[0].weight = 2;
	rig_l3_route(l3.red, "10.9.0.0/16", via, 2);
	spread(&near, &far);
	ck_assert_uint_eq(far, 4096);
	rig_link(net.lan2, true);
}
END_TEST

START_TEST(route_wants_the_gateways_mac_and_a_sound_header)
{
	for (uint32_t i = 0; i < 2; i++) {
		to(&a_pkt, l3.red, 30, near_hosts[i]);
		b_pkt = a_pkt;
		put48(b_pkt.b, rig_l3_mac(l3.blue));
		rig_begin();
		rig_send(net.lan, &b_pkt, 1);
		expect_drop("another slice's gateway", DROP_NOT_GATEWAY_MAC);
		ck_assert_uint_ne(rig_l3_mac(l3.red), rig_l3_mac(l3.blue));
		for (uint32_t len = 18; len < a_pkt.len; len++) {
			b_pkt = a_pkt;
			b_pkt.len = len;
			rig_begin();
			rig_send(net.lan, &b_pkt, 1);
			expect_drop("cut short", DROP_INNER_IP_HEADER);
		}
		b_pkt = a_pkt;
		b_pkt.b[18] = (i ? 0x40 : 0x60) | (b_pkt.b[18] & 15);
		rig_begin();
		rig_send(net.lan, &b_pkt, 1);
		expect_drop("the other version", DROP_INNER_IP_HEADER);
	}
	to(&a_pkt, l3.red, 30, "10.0.1.2");
	for (uint32_t at = 18 + 1; at < 18 + 20; at++) {
		if (at == 18 + 2 || at == 18 + 3)
			continue; /* the length: seen before the checksum */
		b_pkt = a_pkt;
		b_pkt.b[at] ^= 0x10;
		rig_begin();
		rig_send(net.lan, &b_pkt, 1);
		expect_drop("a bit turned over", DROP_INNER_IP_CHECKSUM);
	}
	/* with options, which the checksum covers */
	memmove(a_pkt.b + 18 + 24, a_pkt.b + 18 + 20, a_pkt.len - 18 - 20);
	memset(a_pkt.b + 18 + 20, 1, 4); /* no operation */
	a_pkt.len += 4;
	a_pkt.b[18] = 0x46;
	put16(a_pkt.b + 18 + 2, a_pkt.len - 18);
	ipv4_fix(a_pkt.b + 18);
	rig_begin();
	rig_send(net.lan, &a_pkt, 1);
	ck_assert(rig.outs == 1 && rig.drops == 0);
	a_pkt.b[18 + 22] ^= 0x10;
	rig_begin();
	rig_send(net.lan, &a_pkt, 1);
	expect_drop("a bit of an option turned over", DROP_INNER_IP_CHECKSUM);
}
END_TEST

START_TEST(route_passes_no_martians)
{
	static const char *const from[] = {"0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255",
		"169.254.1.1", "::", "::1", "ff02::1"};
	static const char *const dest[] = {"0.0.0.1", "127.0.0.1", "169.254.1.1", "::1", "::"};

	for (uint32_t i = 0; i < RTE_DIM(from); i++) {
		struct api_ip ip = rig_ip(from[i], false);

		to(&a_pkt, l3.red, 30, near_hosts[ip.family == 6]);
		memcpy(a_pkt.b + 18 + (ip.family == 4 ? 12 : 8), ip.bytes, ip.family == 4 ? 4 : 16);
		if (ip.family == 4)
			ipv4_fix(a_pkt.b + 18);
		rig_begin();
		rig_send(net.lan, &a_pkt, 1);
		expect_drop(from[i], DROP_MARTIAN);
	}
	for (uint32_t i = 0; i < RTE_DIM(dest); i++) {
		to(&a_pkt, l3.red, 30, dest[i]);
		rig_begin();
		rig_send(net.lan, &a_pkt, 1);
		expect_drop(dest[i], DROP_MARTIAN);
	}
	/* all of fe80::/10 stays on its link */
	static const char *const link_local[] = {"fe80::5", "fe90::5", "febf:ffff::5"};

	for (uint32_t i = 0; i < RTE_DIM(link_local); i++) {
		struct l3_via via = rig_via_tunnel(net.t2, GW2, 1);

		if (i == 0)
			rig_l3_route(l3.red, "fe80::/10", &via, 1);
		to(&a_pkt, l3.red, 30, link_local[i]);
		rig_begin();
		rig_send(net.lan, &a_pkt, 1);
		ck_assert_msg(rig.drops == 1, "%s was routed", link_local[i]);
	}
	to(&a_pkt, l3.red, 30, "10.0.1.255");
	rig_begin();
	rig_send(net.lan, &a_pkt, 1);
	expect_drop("broadcast of a network", DROP_BLACKHOLE);
}
END_TEST

START_TEST(route_trims_padding_and_takes_chains)
{
	for (uint32_t i = 0; i < 2; i++) {
		to(&a_pkt, l3.red, 30, near_hosts[i]);
		to(&b_pkt, l3.red, 0, near_hosts[i]);
		hop(&b_pkt, HOST_B, rig_l3_mac(l3.red));
		add_tag(&b_pkt, 31);
		c_pkt = a_pkt;
		memset(c_pkt.b + c_pkt.len, 0xee, 30);
		c_pkt.len += 30;
		rig_begin();
		rig_send(net.lan, &c_pkt, 1);
		expect_out("padded", net.lan2, &b_pkt);
		rig_begin();
		rig_send_cut(net.lan, &a_pkt, 60);
		expect_out("in two buffers", net.lan2, &b_pkt);
	}
}
END_TEST

/* What is taken is given back: next hops are shared, counted and freed. */
START_TEST(route_next_hops_are_shared_and_freed)
{
	struct l3_via via[] = {rig_via(l3.red_lan2, "10.0.1.2", 1), rig_via_tunnel(net.t2, GW2, 3)};
	uint32_t before = nexthop_count(), used;
	char prefix[24];

	for (uint32_t i = 0; i < 100; i++) {
		snprintf(prefix, sizeof(prefix), "10.50.%u.0/24", i);
		rig_l3_route(l3.red, prefix, via, 1 + i % 2);
		if (i == 1)
			used = nexthop_count();
	}
	ck_assert_uint_eq(used, before + 1); /* the group; its ways were there */
	ck_assert_uint_eq(nexthop_count(), used);
	for (uint32_t i = 0; i < 100; i++) {
		snprintf(prefix, sizeof(prefix), "10.50.%u.0/24", i);
		rig_l3_route_gone(l3.red, prefix);
	}
	rig_poll();
	ck_assert_uint_eq(nexthop_count(), before);
}
END_TEST

/* What has just been given back makes room, though its grace period is not over. */
START_TEST(route_next_hops_given_back_are_room)
{
	struct l3_via via = rig_via_tunnel(net.t2, 0, 1);
	uint32_t first = 0, index;
	uint64_t mac = 0x020000000000;

	for (via.mac = rig_mac_addr(++mac); nexthop_take(l3.red, &via, 1, &index) == 0;
		via.mac = rig_mac_addr(++mac))
		first = first != 0 ? first : index;
	ck_assert_uint_gt(nexthop_count(), LIMIT_NEXTHOPS / 2);
	nexthop_drop(first);
	ck_assert_int_eq(nexthop_take(l3.red, &via, 1, &index), 0);
	via.mac = rig_mac_addr(++mac);
	ck_assert_int_eq(nexthop_take(l3.red, &via, 1, &index), -ENOSPC);
}
END_TEST

START_TEST(route_stops_when_the_network_goes)
{
	to(&a_pkt, l3.red, 30, "10.0.1.77");
	rig_begin();
	rig_send(net.lan, &a_pkt, 1);
	ck_assert_uint_eq(rig.drop[DROP_NEIGHBOR_UNKNOWN], 1);
	rig_gateway_gone(l3.red, l3.red_lan2, "10.0.1.254/24");
	rig_begin();
	rig_send(net.lan, &a_pkt, 1);
	ck_assert_uint_eq(rig.drop[DROP_NO_ROUTE_IN_SLICE], 1);
	to(&a_pkt, l3.blue, 40, "10.0.1.2");
	rig_begin();
	rig_send(net.lan, &a_pkt, 1);
	ck_assert_uint_eq(rig.outs, 1);
}
END_TEST

TCase *route_tests(void)
{
	TCase *tc = tcase_create("route");

	tcase_add_checked_fixture(tc, l3_setup, net_teardown);
	tcase_add_test(tc, route_between_attachments_is_right_to_the_byte);
	tcase_add_test(tc, route_into_a_tunnel_is_right_to_the_byte);
	tcase_add_test(tc, route_from_a_tunnel_to_its_slices_own_host);
	tcase_add_test(tc, route_takes_the_longest_prefix_and_falls_back_when_it_goes);
	tcase_add_test(tc, route_spreads_flows_by_weight_and_leaves_out_what_is_down);
	tcase_add_test(tc, route_leaves_out_ways_by_a_port_whose_link_is_down);
	tcase_add_test(tc, route_wants_the_gateways_mac_and_a_sound_header);
	tcase_add_test(tc, route_passes_no_martians);
	tcase_add_test(tc, route_trims_padding_and_takes_chains);
	tcase_add_test(tc, route_next_hops_are_shared_and_freed);
	tcase_add_test(tc, route_next_hops_given_back_are_room);
	tcase_add_test(tc, route_stops_when_the_network_goes);
	return tc;
}
