/* SPDX-License-Identifier: BSD-3-Clause */
/* Neighbours that operators and routes name, and how many there may be: one slice's scan is no
 * other's loss. */
#include <stdio.h>
#include <string.h>

#include "fib.h"
#include "worker.h"
#include "neighbor_net.h"

static struct pkt sent, want;

START_TEST(neighbor_put_by_hand_stays)
{
	struct api_ip ip = rig_ip(host_names[0], false);

	host_arrives(net.lan2, FAR, host_names[0]);
	rig_l3_neighbor(hn.green, hn.lan2, host_names[0], H2);
	expect_host_delivered("replaces what was learned", host_names[0], H2);
	host_arrives(net.lan2, FAR, host_names[0]);
	host_answers(host_names[0], FAR);
	rig_begin();
	time_passes(60);
	ck_assert_uint_eq(rig.originated, 0);
	expect_host_delivered("nobody's word counts", host_names[0], H2);
	ck_assert_int_eq(host_state(host_names[0]), NEIGHBOR_STATIC);
	neighbor_forget(hn.green, hn.lan2, &ip);
	expect_host_asked("gone", host_names[0]);
}
END_TEST

START_TEST(neighbor_of_a_route_is_asked_for_without_traffic)
{
	for (uint32_t i = 0; i < 2; i++) {
		struct l3_via via = rig_via(hn.lan2, host_names[i], 1);
		const char *prefix = i ? "fd09::/16" : "10.9.0.0/16";
		const char *far = i ? "fd09::1" : "10.9.0.1";
		struct api_ip host = rig_ip(i ? "fd09::/16" : "10.9.0.0/16", true);

		rig_l3_route(hn.green, prefix, &via, 1);
		host_question(&want, host_names[i], 0);
		rig_begin();
		rig_advance(0.01);
		ck_assert(rig.originated == 1 && saw_frame(net.lan2, &want));
		expect_host_asked("not yet", far);
		host_answers(host_names[i], H2);
		expect_host_delivered("by its gateway", far, H2);
		/* it stops answering: seconds later other ways are taken instead, and it is asked
		 * again and again */
		time_passes(7);
		ck_assert_int_ge(host_state(host_names[i]), NEIGHBOR_INCOMPLETE);
		time_passes(38);
		hosts_send_to(far);
		ck_assert_uint_eq(rig.drop[DROP_NEIGHBOR_DEAD], 1);
		rig_begin();
		time_passes(20);
		ck_assert_uint_ge(rig.originated, 2);
		host_answers(host_names[i], FAR);
		expect_host_delivered("back, with another MAC", far, FAR);
		ck_assert_int_eq(fib_route_unset(hn.green, &host), 0);
		time_passes(50);
		ck_assert_int_eq(host_state(host_names[i]), -1);
	}
	ck_assert_uint_eq(neighbors_of_test(), 0);
}
END_TEST

START_TEST(neighbor_yields_to_a_host_route_and_comes_back)
{
	struct l3_via via = rig_via_tunnel(net.t2, FAR, 1);

	host_arrives(net.lan2, H2, host_names[0]);
	expect_host_delivered("neighbour", host_names[0], H2);
	rig_l3_route(hn.green, "10.0.1.1/32", &via, 1);
	hosts_send_to(host_names[0]);
	ck_assert(rig.outs == 1 && rig_out[0].port == net.wan);
	rig_l3_route_gone(hn.green, "10.0.1.1/32");
	expect_host_delivered("again", host_names[0], H2);
	/* and while the route is there it is not lost as a gateway */
	struct l3_via gw = rig_via(hn.lan2, host_names[0], 1);

	rig_l3_route(hn.green, "10.9.0.0/16", &gw, 1);
	rig_l3_route(hn.green, "10.0.1.1/32", &via, 1);
	expect_host_delivered("as a gateway", "10.9.0.1", H2);
	rig_l3_route_gone(hn.green, "10.0.1.1/32");
	rig_l3_route_gone(hn.green, "10.9.0.0/16");
	expect_host_delivered("again", host_names[0], H2);
}
END_TEST

START_TEST(neighbor_that_is_dead_hides_neither_route_nor_neighbor)
{
	for (uint32_t i = 0; i < 2; i++) {
		struct l3_via gw = rig_via(hn.lan2, host_names[i], 1);
		struct l3_via way = rig_via_tunnel(net.t2, FAR, 1);
		const char *longer = i ? "fd01::/125" : "10.0.1.0/29";

		rig_l3_route(hn.green, i ? "fd09::/16" : "10.9.0.0/16", &gw, 1);
		time_passes(7);
		hosts_send_to(host_names[i]);
		ck_assert_uint_eq(rig.drop[DROP_NEIGHBOR_DEAD], 1); /* not asked about by packets */
		rig_l3_route(hn.green, longer, &way, 1);
		time_passes(7); /* it is asked for anew by then */
		hosts_send_to(host_names[i]);
		ck_assert(rig.outs == 1 && rig_out[0].port == net.wan);
		rig_l3_route_gone(hn.green, longer);
		/* the same network by another attachment, where the host is */
		rig_gateway(hn.green, hn.lan, i ? "fd01::fd/120" : "10.0.1.125/25");
		time_passes(7);
		hosts_send_to(host_names[i]);
		ck_assert_uint_eq(rig.drop[DROP_NEIGHBOR_DEAD], 1);
		host_arrives(net.lan, H2, host_names[i]);
		hosts_send_to(host_names[i]);
		ck_assert(rig.outs == 1 && rig.drops == 0 && rig_out[0].port == net.lan);
		time_passes(7);
		hosts_send_to(host_names[i]);
		ck_assert(rig.outs == 1 && rig.drops == 0 && rig_out[0].port == net.lan);
		rig_gateway_gone(hn.green, hn.lan, i ? "fd01::fd/120" : "10.0.1.125/25");
		rig_l3_route_gone(hn.green, i ? "fd09::/16" : "10.9.0.0/16");
	}
}
END_TEST

START_TEST(neighbor_goes_with_its_network)
{
	host_arrives(net.lan2, H2, host_names[0]);
	host_arrives(net.lan2, H2, host_names[1]);
	rig_gateway_gone(hn.green, hn.lan2, "10.0.1.254/24");
	ck_assert_int_eq(host_state(host_names[0]), -1);
	ck_assert_int_eq(host_state(host_names[1]), NEIGHBOR_STALE);
	hosts_send_to(host_names[0]);
	ck_assert_uint_eq(rig.drop[DROP_NO_ROUTE_IN_SLICE], 1);
	neighbor_flush(hn.green);
	ck_assert_uint_eq(neighbors_of_test(), 0);
	expect_host_asked("flushed", host_names[1]);
}
END_TEST

/* ---- bounds ---- */

static void scan(uint32_t first, uint32_t n)
{
	char to[20];

	for (uint32_t i = first; i < first + n; i++) {
		snprintf(to, sizeof(to), "10.1.%u.%u", i / 250, i % 250 + 1);
		hosts_send_to(to);
		rig_advance(0.002); /* within the rate of reports */
	}
}

START_TEST(neighbor_scan_does_not_take_all_there_is)
{
	uint32_t refused = neighbor_refused();

	rig_gateway(hn.green, hn.lan2, "10.1.255.254/16");
	scan(0, 1000);
	ck_assert_uint_eq(neighbors_of_test(), 256);
	ck_assert_uint_eq(neighbor_refused() - refused, 744);
	/* others find theirs */
	uint16_t other = rig_l3_slice(800), in = rig_attachment(other, net.lan, 80);

	rig_gateway(other, in, "10.0.0.254/24");
	struct ip_packet p = {.dst = 0x025c00032001,
		.src = H1,
		.from = "10.0.0.9",
		.to = "10.0.0.1",
		.payload = 9};

	build_ip(&sent, &p);
	memmove(sent.b + 16, sent.b + 12, sent.len - 12);
	put32(sent.b + 12, 0x8100u << 16 | 80);
	sent.len += 4;
	rig_begin();
	rig_send(net.lan, &sent, 1);
	rig_poll();
	ck_assert_uint_eq(neighbors_of_test(), 257);
	/* and time clears it */
	time_passes(20);
	ck_assert_uint_eq(neighbors_of_test(), 0);
}
END_TEST

START_TEST(neighbor_limit_is_the_slices_max_macs)
{
	struct api_slice cfg = {.tunnel_learning = true,
		.vni = VNI_GREEN,
		.kind = SLICE_L3,
		.max_macs = 10,
		.mac_ageing_s = 300,
		.flood_pps = 1000};
	uint32_t refused = neighbor_refused();
	char ip[20];

	slice_set(hn.green, &cfg);
	for (uint32_t i = 0; i < 30; i++) {
		snprintf(ip, sizeof(ip), "10.0.1.%u", i + 1);
		host_arrives(net.lan2, H2, ip);
	}
	ck_assert_uint_eq(neighbors_of_test(), 10);
	ck_assert_uint_eq(neighbor_refused() - refused, 20);
	rig_l3_neighbor(hn.green, hn.lan2, "10.0.1.99", H2); /* by hand: not of that number */
	ck_assert_uint_eq(neighbors_of_test(), 11);
}
END_TEST

START_TEST(neighbor_reports_have_a_rate)
{
	uint64_t lost = workers[0]->box.hosts_lost;
	struct arp a = {.dst = BCAST, .src = H2, .tpa = "10.0.1.254"};
	char ip[20];

	for (uint32_t i = 0; i < 6000; i++) {
		snprintf(ip, sizeof(ip), "10.0.1.%u", i % 250 + 1);
		a.spa = ip;
		a.src = H2 + i;
		build_arp(&sent, &a);
		host_send(net.lan2, &sent);
	}
	ck_assert_uint_gt(workers[0]->box.hosts_lost, lost);
	ck_assert_uint_le(neighbors_of_test(), 250);
}
END_TEST

START_TEST(neighbor_list_has_each_once)
{
	struct neighbor_entry e[64];
	uint64_t cursor[2] = {0};
	uint32_t total = 0, l3 = 0;
	char ip[20];

	for (uint32_t i = 0; i < 100; i++) {
		snprintf(ip, sizeof(ip), "10.0.1.%u", i + 1);
		host_arrives(net.lan2, H2, ip);
	}
	for (uint32_t i = 0; i < 50; i++) {
		snprintf(ip, sizeof(ip), "10.7.0.%u", i + 1);
		rig_l3_neighbor(net.red, net.red_lan, ip, HOST_A);
	}
	do {
		uint32_t n = neighbor_iterate(cursor, e, 64);

		for (uint32_t i = 0; i < n; i++)
			l3 += e[i].slice == hn.green && e[i].attachment == hn.lan2 &&
			      e[i].state == NEIGHBOR_STALE;
		total += n;
	} while (cursor[0] != 0);
	ck_assert(total == 150 + DECOY_NEIGHBORS && l3 == 100);
}
END_TEST

TCase *neighbor_route_tests(void)
{
	TCase *tc = tcase_create("neighbor_routes");

	tcase_add_checked_fixture(tc, host_setup, net_teardown);
	tcase_add_test(tc, neighbor_put_by_hand_stays);
	tcase_add_test(tc, neighbor_of_a_route_is_asked_for_without_traffic);
	tcase_add_test(tc, neighbor_yields_to_a_host_route_and_comes_back);
	tcase_add_test(tc, neighbor_that_is_dead_hides_neither_route_nor_neighbor);
	tcase_add_test(tc, neighbor_goes_with_its_network);
	tcase_add_test(tc, neighbor_scan_does_not_take_all_there_is);
	tcase_add_test(tc, neighbor_limit_is_the_slices_max_macs);
	tcase_add_test(tc, neighbor_reports_have_a_rate);
	tcase_add_test(tc, neighbor_list_has_each_once);
	return tc;
}
