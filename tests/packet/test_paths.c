/* SPDX-License-Identifier: BSD-3-Clause */
/* Which way a tunnel's packets take: routes, neighbours, equal and unequal cost. */
#include <rte_cycles.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "expect.h"
#include "fib.h"
#include "hot.h"
#include "port.h"
#include "tables.h"

#define FAR "203.0.113.9"

static uint16_t wan2, far_tunnel;

/* A tunnel to a site behind a route; its host is FAR_HOST. */
#define FAR_HOST 0x020000000fa0ull

static void setup(void)
{
	net_setup_alone();
	wan2 = rig_port(1500);
	rig_address(wan2, "198.19.0.1/24");
	far_tunnel = rig_tunnel(LOCAL4, FAR);
	member_set(net.red, far_tunnel);
	rig_mac(net.red, FAR_HOST, DOOR_TUNNEL | far_tunnel);
	rig_begin();
}

static void routes(const char *prefix, const struct l3_via *via, uint32_t n)
{
	struct api_ip p = rig_ip(prefix, true);

	rig_underlay_route(&p, via, n);
	underlay_resolve();
}

static struct l3_via via(const char *address, uint16_t port, uint32_t weight)
{
	return (struct l3_via){.address = rig_ip(address, false), .port = port, .weight = weight};
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

	rig_underlay_route(&p, NULL, 0);
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
	struct l3_via ways[] = {
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
		struct l3_via ways[16];
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

/* ---- links ---- */

START_TEST(paths_over_a_link_that_is_down_leave_their_share_to_the_others_and_come_back)
{
	char text[160];

	two_ways(1, 1);
	rig_link(wan2, false);
	ck_assert_uint_eq(share_of_first(200), 200);
	rig_link(wan2, true);
	uint32_t first = share_of_first(2000);

	ck_assert_msg(first > 900 && first < 1100, "%u of 2000", first);
	rig_link(net.wan, false);
	ck_assert_uint_eq(share_of_first(200), 0);
	rig_link(wan2, false);
	send_flow(1, FAR_HOST);
	expect_drop("no link at all", DROP_LINK_DOWN);
	tunnel_state(far_tunnel, text);
	ck_assert_str_eq(text, "down: no link to 198.19.0.50");
	/* what is put meanwhile does not bring it back */
	two_ways(1, 3);
	send_flow(1, FAR_HOST);
	expect_drop("no link at all", DROP_LINK_DOWN);
	rig_link(net.wan, true);
	ck_assert_uint_eq(share_of_first(200), 200);
	rig_link(wan2, true);
}
END_TEST

START_TEST(paths_on_a_network_of_two_ports_take_the_one_whose_link_is_up)
{
	rig_address(wan2, "203.0.113.1/24");
	rig_address(net.wan, "203.0.113.2/24");
	rig_neighbor(net.wan, FAR, 0x020000000050);
	rig_neighbor(wan2, FAR, 0x020000000051);
	rig_link(wan2, false);
	send_flow(1, FAR_HOST);
	ck_assert(went(net.wan, 0x020000000050));
	rig_link(wan2, true);
	rig_link(net.wan, false);
	send_flow(1, FAR_HOST);
	ck_assert(went(wan2, 0x020000000051));
	rig_link(wan2, false);
	rig_link(net.wan, true);
	send_flow(1, FAR_HOST);
	ck_assert(went(net.wan, 0x020000000050));
	rig_link(wan2, true);
}
END_TEST

START_TEST(paths_leave_a_route_that_is_withdrawn_for_the_next_shorter_one)
{
	two_ways(1, 1);
	rig_route("203.0.113.8/30", "198.19.0.50", PORT_NONE);
	ck_assert_uint_eq(share_of_first(50), 0);
	for (int i = 0; i < 100; i++) { /* more than are looked at one by one */
		char prefix[32];

		snprintf(prefix, sizeof(prefix), "10.%d.0.0/16", i);
		struct api_ip p = rig_ip(prefix, true);
		struct l3_via hop = via("198.18.0.50", PORT_NONE, 1);

		rig_underlay_route(&p, &hop, 1);
	}
	struct api_ip p = rig_ip("203.0.113.8/30", true);

	rig_underlay_route(&p, NULL, 0);
	underlay_resolve();
	uint32_t first = share_of_first(400);

	ck_assert_msg(first > 120 && first < 280, "%u of 400", first);
	rig_route("203.0.113.8/29", "198.18.0.50", PORT_NONE);
	ck_assert_uint_eq(share_of_first(50), 50);
}
END_TEST

#define MANY 1000

START_TEST(paths_of_a_thousand_tunnels_leave_a_link_within_milliseconds)
{
	static uint16_t id[MANY];
	uint32_t up = 0;

	two_ways(1, 1);
	for (uint32_t i = 0; i < MANY; i++) {
		char remote[32];

		snprintf(remote, sizeof(remote), "203.0.113.%u", i % 250);
		struct api_tunnel cfg = rig_tunnel_defaults();

		cfg.dst_port = 10000 + i;
		id[i] = rig_tunnel_as(LOCAL4, remote, &cfg);
	}
	clock_t start = clock(); /* of this process: others may use the CPU, too */

	rig_link(wan2, false);
	double ms = 1e3 * (clock() - start) / CLOCKS_PER_SEC;

	for (uint32_t i = 0; i < MANY; i++)
		up += (tunnel_hot[id[i]].paths & PATHS_LOG2) == 0;
	ck_assert_uint_eq(up, MANY);
	printf("%u tunnels left a link within %.2f ms\n", MANY, ms);
	ck_assert_msg(ms < 50, "%.2f ms", ms);
	rig_link(wan2, true);
	for (uint32_t i = 0; i < MANY; i++)
		up -= (tunnel_hot[id[i]].paths & PATHS_LOG2) == 1;
	ck_assert_uint_eq(up, 0);
}
END_TEST

/* ---- next hops that are wanted ---- */

static struct underlay_hop hops[64];

/* Is this the only news, and the only hop missing? NULL: none. */
static void expect_hops(const char *news, bool wanted, const char *missing)
{
	uint64_t cursor = 0;
	struct api_ip ip;

	underlay_resolve();
	ck_assert_uint_eq(underlay_hop_news(hops, 64), news != NULL);
	if (news != NULL) {
		ip = rig_ip(news, false);
		ck_assert_mem_eq(hops[0].address.bytes, ip.bytes, 16);
		ck_assert_uint_eq(hops[0].port, net.wan);
		ck_assert(hops[0].wanted == wanted);
	}
	ck_assert_uint_eq(underlay_hops_missing(&cursor, hops, 64), missing != NULL);
	ck_assert_uint_eq(cursor, 0);
	if (missing == NULL)
		return;
	ip = rig_ip(missing, false);
	ck_assert_mem_eq(hops[0].address.bytes, ip.bytes, 16);
	ck_assert_uint_eq(hops[0].port, net.wan);
}

START_TEST(hops_are_wanted_while_a_path_leads_over_them)
{
	struct api_ip fifty = rig_ip("198.18.0.50", false), peer = rig_ip("198.18.0.2", false);
	struct api_ip wide = rig_ip("203.0.113.0/24", true);
	bool known;

	while (underlay_hop_news(hops, 64) == 64)
		;
	expect_hops(NULL, false, NULL); /* the tunnel to FAR has no route */
	ck_assert(underlay_hop_wanted(net.wan, &peer, &known) && known);
	rig_route("203.0.113.0/24", "198.18.0.50", PORT_NONE);
	expect_hops("198.18.0.50", true, "198.18.0.50");
	rig_neighbor(net.wan, "198.18.0.50", 0x020000000050);
	expect_hops(NULL, true, NULL);
	ck_assert(underlay_hop_wanted(net.wan, &fifty, &known) && known);
	ck_assert(!underlay_hop_wanted(wan2, &fifty, &known));
	rig_link(net.wan, false); /* wanted all the same */
	expect_hops(NULL, true, NULL);
	rig_link(net.wan, true);
	underlay_neighbor_unset(net.wan, &fifty);
	expect_hops(NULL, true, "198.18.0.50");
	/* another tunnel over it, and off again: nothing new */
	uint16_t second = rig_tunnel(LOCAL4, "203.0.113.77");

	expect_hops(NULL, true, "198.18.0.50");
	tunnel_unset(second);
	expect_hops(NULL, true, "198.18.0.50");
	/* withdrawn and put again before anything was told: nothing new */
	rig_underlay_route(&wide, NULL, 0);
	underlay_resolve();
	rig_route("203.0.113.0/24", "198.18.0.50", PORT_NONE);
	expect_hops(NULL, true, "198.18.0.50");
	rig_underlay_route(&wide, NULL, 0);
	expect_hops("198.18.0.50", false, NULL);
	ck_assert(!underlay_hop_wanted(net.wan, &fifty, &known));
	/* its network is the tunnel's own: the remote itself */
	rig_address(net.wan, "203.0.113.1/24");
	expect_hops(FAR, true, FAR);
	underlay_port_gone(net.wan);
	underlay_address_unset(net.wan, &(struct api_ip){4, 24, {203, 0, 113, 1}});
	expect_hops(NULL, false, NULL);
}
END_TEST

START_TEST(hops_news_comes_in_bounded_pages_and_missing_ones_too)
{
	uint64_t cursor = 0;
	uint32_t news, all = 0, missing = 0, got;

	while (underlay_hop_news(hops, 64) == 64)
		;
	for (uint32_t i = 0; i < 200; i++) {
		char remote[32];

		snprintf(remote, sizeof(remote), "198.18.0.%u", 20 + i);
		rig_tunnel(LOCAL4, remote);
	}
	while ((news = underlay_hop_news(hops, 64)) > 0)
		all += news;
	ck_assert_uint_eq(all, 200);
	do {
		got = underlay_hops_missing(&cursor, hops, 7);
		missing += got;
	} while (cursor != 0);
	ck_assert_uint_eq(missing, 200);
}
END_TEST

/* The underlay is VRF 0 of the one FIB; the tables for people have what slices have. */
START_TEST(paths_are_in_no_table_of_slices)
{
	const struct l3_via ways[] = {
		via("198.18.0.50", PORT_NONE, 1), via("198.18.0.51", PORT_NONE, 1)};
	uint32_t before[32], n = 0;

	for (; pipeline_tables[n]; n++)
		before[n] = table_count(pipeline_tables[n]);
	routes("203.0.113.0/24", ways, 2);
	rig_route("2001:db8:77::/48", "2001:db8::50", PORT_NONE);
	for (uint32_t i = 0; i < n; i++)
		ck_assert_msg(table_count(pipeline_tables[i]) == before[i], "%s",
			pipeline_tables[i]->name);
}
END_TEST

START_TEST(paths_on_a_connected_network_leave_it_for_longer_prefixes_alone)
{
	uint16_t near = rig_tunnel(LOCAL4, "198.19.0.77");
	struct api_ip host = rig_ip("198.19.0.77/32", true);

	member_set(net.red, near);
	rig_mac(net.red, FAR_HOST + 1, DOOR_TUNNEL | near);
	rig_neighbor(wan2, "198.19.0.77", 0x020000000077);
	rig_neighbor(net.wan, "198.18.0.50", 0x020000000050);
	send_flow(1, FAR_HOST + 1);
	ck_assert(went(wan2, 0x020000000077));
	rig_route("198.19.0.0/24", "198.18.0.50", PORT_NONE);
	send_flow(1, FAR_HOST + 1);
	ck_assert(went(wan2, 0x020000000077));
	rig_route("198.19.0.77/32", "198.18.0.50", PORT_NONE);
	send_flow(1, FAR_HOST + 1);
	ck_assert(went(net.wan, 0x020000000050));
	rig_underlay_route(&host, NULL, 0);
	underlay_resolve();
	send_flow(1, FAR_HOST + 1);
	ck_assert(went(wan2, 0x020000000077));
}
END_TEST

/* A route that names a port alone: whoever is meant is asked for there. */
START_TEST(paths_over_a_port_alone_lead_to_the_peer_itself)
{
	struct l3_via way = {.port = wan2, .weight = 1};

	routes("203.0.113.0/24", &way, 1);
	send_flow(1, FAR_HOST);
	expect_drop("a port", DROP_NO_NEIGHBOR);
	rig_neighbor(wan2, FAR, 0x020000000009);
	send_flow(1, FAR_HOST);
	ck_assert(went(wan2, 0x020000000009));
}
END_TEST

START_TEST(hops_whose_mac_has_changed_go_with_it)
{
	struct api_ip hop = rig_ip("198.18.0.50", false);

	for (int i = 0; i < 3; i++)
		rig_neighbor(net.wan, "198.18.0.50", 0x020000000050 + i);
	ck_assert_uint_ne(nexthop_find_neighbor(VRF_UNDERLAY, net.wan, &hop), 0);
	underlay_neighbor_unset(net.wan, &hop);
	underlay_resolve();
	ck_assert_uint_eq(nexthop_find_neighbor(VRF_UNDERLAY, net.wan, &hop), 0);
}
END_TEST

/* Of routes of the same ways, as the last one goes. */
START_TEST(hops_of_shared_ways_go_with_the_last_route)
{
	struct l3_via ways[] = {via("198.18.0.60", net.wan, 1), via("198.18.0.61", net.wan, 1)};
	struct api_ip p[] = {rig_ip("10.9.1.0/24", true), rig_ip("10.9.2.0/24", true)};
	struct api_ip hop = rig_ip("198.18.0.60", false);
	uint32_t slices = fib_count(4), underlay = fib_slice_routes(VRF_UNDERLAY), shown = 0;

	for (int i = 0; i < 4; i++) /* twice: the second takes the place of the first */
		rig_underlay_route(&p[i % 2], ways, 2);
	ck_assert_uint_eq(fib_slice_routes(VRF_UNDERLAY), underlay + 2);
	/* no slice has any of it */
	ck_assert_uint_eq(fib_count(4), slices);
	for (uint32_t i = nexthop_after(0); i != 0; i = nexthop_after(i))
		shown++;
	ck_assert_uint_eq(shown, nexthop_count());
	for (int i = 0; i < 2; i++) {
		ck_assert_uint_ne(nexthop_find_neighbor(VRF_UNDERLAY, net.wan, &hop), 0);
		rig_underlay_route(&p[i], NULL, 0);
	}
	ck_assert_uint_eq(nexthop_find_neighbor(VRF_UNDERLAY, net.wan, &hop), 0);
}
END_TEST

START_TEST(hops_of_the_underlay_give_their_room_back)
{
	uint32_t index;

	for (uint32_t i = 0; i < LIMIT_NEXTHOPS + 1000; i++) {
		struct l3_via way = via("198.18.0.60", net.wan, 1);

		way.address.bytes[1] = i >> 16;
		way.address.bytes[2] = i >> 8;
		way.address.bytes[3] = i;
		ck_assert_int_eq(nexthop_take(VRF_UNDERLAY, &way, 1, &index), 0);
		nexthop_drop(index);
	}
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
	tcase_add_test(
		tc, paths_over_a_link_that_is_down_leave_their_share_to_the_others_and_come_back);
	tcase_add_test(tc, paths_on_a_network_of_two_ports_take_the_one_whose_link_is_up);
	tcase_add_test(tc, paths_leave_a_route_that_is_withdrawn_for_the_next_shorter_one);
	tcase_add_test(tc, paths_of_a_thousand_tunnels_leave_a_link_within_milliseconds);
	tcase_add_test(tc, paths_are_in_no_table_of_slices);
	tcase_add_test(tc, hops_are_wanted_while_a_path_leads_over_them);
	tcase_add_test(tc, paths_on_a_connected_network_leave_it_for_longer_prefixes_alone);
	tcase_add_test(tc, paths_over_a_port_alone_lead_to_the_peer_itself);
	tcase_add_test(tc, hops_whose_mac_has_changed_go_with_it);
	tcase_add_test(tc, hops_of_shared_ways_go_with_the_last_route);
	tcase_add_test(tc, hops_of_the_underlay_give_their_room_back);
	tcase_add_test(tc, hops_news_comes_in_bounded_pages_and_missing_ones_too);
	return tc;
}
