/* SPDX-License-Identifier: BSD-3-Clause */
/* Which way a tunnel's packets take: routes, neighbours, equal and unequal cost. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "expect.h"
#include "port.h"

#define FAR "203.0.113.9"

static uint16_t wan2, far_tunnel;

/* A tunnel to a site behind a route; its host is FAR_HOST. */
#define FAR_HOST 0x020000000fa0ull

static void setup(void)
{
	net_setup();
	wan2 = rig_port(1500);
	rig_address(wan2, "198.19.0.1/24");
	far_tunnel = rig_tunnel(LOCAL4, FAR);
	member_set(net.red, far_tunnel);
	rig_mac(net.red, FAR_HOST, DOOR_TUNNEL | far_tunnel);
	rig_begin();
}

static void routes(const char *prefix, const struct underlay_via *via, uint32_t n)
{
	struct api_ip p = rig_ip(prefix, true);

	underlay_route_set(&p, via, n);
	underlay_resolve();
}

static struct underlay_via via(const char *address, uint16_t port, uint32_t weight)
{
	return (struct underlay_via){
		.address = rig_ip(address, false), .port = port, .weight = weight};
}

static void send_flow(uint16_t flow, uint64_t to)
{
	struct spec s = plain(to, HOST_A);

	s.sport = flow;
	build(&a_pkt, &s);
	rig_begin();
	rig_send(net.lan, &a_pkt, 1);
}

/* Did the packet leave by this port to this next hop? */
static bool went(uint16_t port, uint64_t mac)
{
	return rig.outs == 1 && rig_out[0].port == port && get16(rig_out[0].pkt.b) == mac >> 32 &&
	       get32(rig_out[0].pkt.b + 2) == (uint32_t)mac;
}

START_TEST(paths_need_a_route_and_a_neighbor_and_say_which_is_missing)
{
	char text[160];

	send_flow(1, FAR_HOST);
	expect_drop("nothing", DROP_NO_ROUTE);
	tunnel_state(far_tunnel, text);
	ck_assert_str_eq(text, "down: no route");
	rig_route("203.0.113.0/24", "198.18.0.50", PORT_NONE);
	send_flow(1, FAR_HOST);
	expect_drop("a route", DROP_NO_NEIGHBOR);
	tunnel_state(far_tunnel, text);
	ck_assert_str_eq(text, "down: no neighbor 198.18.0.50");
	rig_neighbor(net.wan, "198.18.0.50", 0x020000000050);
	send_flow(1, FAR_HOST);
	ck_assert(went(net.wan, 0x020000000050));
	tunnel_state(far_tunnel, text);
	ck_assert(strncmp(text, "up via ", 7) == 0);
	/* longest prefix wins, and its end brings the other back */
	rig_neighbor(wan2, "198.19.0.50", 0x020000000051);
	rig_route("203.0.113.8/30", "198.19.0.50", PORT_NONE);
	send_flow(1, FAR_HOST);
	ck_assert(went(wan2, 0x020000000051));
	struct api_ip p = rig_ip("203.0.113.8/30", true);

	underlay_route_unset(&p);
	underlay_resolve();
	send_flow(1, FAR_HOST);
	ck_assert(went(net.wan, 0x020000000050));
	struct api_ip hop = rig_ip("198.18.0.50", false);

	underlay_neighbor_unset(net.wan, &hop);
	underlay_resolve();
	send_flow(1, FAR_HOST);
	expect_drop("neighbour gone", DROP_NO_NEIGHBOR);
}
END_TEST

START_TEST(paths_default_route_and_ipv6_routes_serve_tunnels)
{
	uint16_t six = rig_tunnel(LOCAL6, "2001:db8:9::9");

	member_set(net.red, six);
	rig_mac(net.red, FAR_HOST + 1, DOOR_TUNNEL | six);
	rig_neighbor(net.wan, "198.18.0.50", 0x020000000050);
	rig_neighbor(net.wan, "2001:db8::50", 0x020000000056);
	rig_route("0.0.0.0/0", "198.18.0.50", net.wan);
	rig_route("::/0", "2001:db8::50", PORT_NONE);
	send_flow(1, FAR_HOST);
	ck_assert(went(net.wan, 0x020000000050));
	send_flow(1, FAR_HOST + 1);
	ck_assert(went(net.wan, 0x020000000056));
}
END_TEST

static void two_ways(uint32_t weight_a, uint32_t weight_b)
{
	struct underlay_via ways[] = {
		via("198.18.0.50", net.wan, weight_a), via("198.19.0.50", wan2, weight_b)};

	rig_neighbor(net.wan, "198.18.0.50", 0x020000000050);
	rig_neighbor(wan2, "198.19.0.50", 0x020000000051);
	routes("203.0.113.0/24", ways, 2);
}

static uint32_t share_of_first(uint32_t flows)
{
	uint32_t first = 0;

	for (uint32_t i = 0; i < flows; i++) {
		send_flow(i, FAR_HOST);
		ck_assert(went(net.wan, 0x020000000050) || went(wan2, 0x020000000051));
		first += rig_out[0].port == net.wan;
	}
	return first;
}

START_TEST(paths_of_equal_cost_share_the_flows)
{
	two_ways(1, 1);
	uint32_t first = share_of_first(2000);

	ck_assert_msg(first > 900 && first < 1100, "%u of 2000", first);
}
END_TEST

START_TEST(paths_of_unequal_weight_share_accordingly)
{
	two_ways(3, 1);
	uint32_t first = share_of_first(4000);

	ck_assert_msg(first > 2850 && first < 3150, "%u of 4000", first);
	two_ways(1, 255);
	first = share_of_first(2000);
	ck_assert_msg(first < 60, "%u of 2000", first);
}
END_TEST

START_TEST(paths_keep_a_flow_on_its_way)
{
	two_ways(1, 1);
	for (uint32_t flow = 0; flow < 50; flow++) {
		send_flow(flow, FAR_HOST);
		uint16_t port = rig_out[0].port;

		for (int k = 0; k < 10; k++) {
			send_flow(flow, FAR_HOST);
			ck_assert_uint_eq(rig_out[0].port, port);
		}
		underlay_stale(); /* resolved again, the same */
		underlay_resolve();
		send_flow(flow, FAR_HOST);
		ck_assert_uint_eq(rig_out[0].port, port);
	}
}
END_TEST

START_TEST(paths_share_among_sixteen_and_among_three)
{
	const uint32_t counts[] = {3, 5, 16};

	for (uint32_t c = 0; c < 3; c++) {
		struct underlay_via ways[16];
		uint32_t got[16] = {0}, n = counts[c];

		for (uint32_t i = 0; i < n; i++) {
			char hop[32];

			snprintf(hop, sizeof(hop), "198.18.0.%u", 100 + i);
			rig_neighbor(net.wan, hop, 0x020000001000 + i);
			ways[i] = via(hop, net.wan, 1);
		}
		routes("203.0.113.0/24", ways, n);
		for (uint32_t f = 0; f < 300 * n; f++) {
			send_flow(f, FAR_HOST);
			ck_assert(rig.outs == 1 && rig_out[0].pkt.b[5] < n);
			got[rig_out[0].pkt.b[5]]++;
		}
		for (uint32_t i = 0; i < n; i++)
			ck_assert_msg(got[i] > 220 && got[i] < 380, "path %u of %u got %u of %u", i,
				n, got[i], 300 * n);
	}
}
END_TEST

START_TEST(paths_without_neighbor_leave_their_share_to_the_others)
{
	two_ways(1, 1);
	struct api_ip hop = rig_ip("198.19.0.50", false);

	underlay_neighbor_unset(wan2, &hop);
	underlay_resolve();
	ck_assert_uint_eq(share_of_first(200), 200);
}
END_TEST

START_TEST(paths_measure_against_the_mtu_of_their_own_port)
{
	struct api_port cfg = {.mtu = 1400};
	struct rpc_error err = {0};
	struct spec s = plain(FAR_HOST, HOST_A);

	two_ways(1, 1);
	ck_assert_int_eq(port_change(wan2, &cfg, &err), 0);
	underlay_stale();
	underlay_resolve();
	s.payload = 1400 - 28; /* 1,450 with the outer headers */
	for (s.sport = 0; s.sport < 100; s.sport++) {
		build(&a_pkt, &s);
		rig_begin();
		rig_send(net.lan, &a_pkt, 1);
		if (rig.outs == 1)
			ck_assert_uint_eq(rig_out[0].port, net.wan);
		else
			expect_drop("the narrow path", DROP_UNDERLAY_MTU);
	}
}
END_TEST

START_TEST(paths_follow_the_mac_of_their_port)
{
	struct api_port cfg = {.mac = rig_mac_addr(0x0200000abcde)};
	struct rpc_error err = {0};

	ck_assert_int_eq(port_change(net.wan, &cfg, &err), 0);
	underlay_stale();
	underlay_resolve();
	send_flow(1, HOST_C);
	ck_assert(went(net.wan, PEER2) && get16(rig_out[0].pkt.b + 6) == 0x0200 &&
		  get32(rig_out[0].pkt.b + 8) == 0x000abcde);
}
END_TEST

TCase *paths_tests(void)
{
	TCase *tc = tcase_create("paths");

	tcase_add_checked_fixture(tc, setup, net_teardown);
	tcase_add_test(tc, paths_need_a_route_and_a_neighbor_and_say_which_is_missing);
	tcase_add_test(tc, paths_default_route_and_ipv6_routes_serve_tunnels);
	tcase_add_test(tc, paths_of_equal_cost_share_the_flows);
	tcase_add_test(tc, paths_of_unequal_weight_share_accordingly);
	tcase_add_test(tc, paths_keep_a_flow_on_its_way);
	tcase_add_test(tc, paths_share_among_sixteen_and_among_three);
	tcase_add_test(tc, paths_without_neighbor_leave_their_share_to_the_others);
	tcase_add_test(tc, paths_measure_against_the_mtu_of_their_own_port);
	tcase_add_test(tc, paths_follow_the_mac_of_their_port);
	return tc;
}
