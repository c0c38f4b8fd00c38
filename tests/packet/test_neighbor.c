/* SPDX-License-Identifier: BSD-3-Clause */
/* Hosts on attachments: asked for, learned, confirmed, forgotten; bounded so that one slice's scan
 * is no other's loss (RFC 826, RFC 4861 section 7). */
#include <stdio.h>
#include <string.h>

#include "fib.h"
#include "host_net.h"
#include "neighbor.h"
#include "worker.h"

static struct pkt sent, want;

static void send_to(const char *to)
{
	bool v6 = strchr(to, ':') != NULL;
	struct ip_packet p = {.dst = GATEWAY,
		.src = H1,
		.from = v6 ? "fd00::1" : "10.0.0.1",
		.to = to,
		.payload = 60};

	build_ip(&sent, &p);
	host_send(net.lan, &sent);
}

/* The packet to an address of lan2 leaves to this MAC. */
static void expect_delivered(const char *what, const char *to, uint64_t mac)
{
	static struct pkt got;

	send_to(to);
	ck_assert_msg(rig.outs == 1 && rig.drops == 0 && frame_of(0, net.lan2, &got),
		"%s: %u left, %lu dropped", what, rig.outs, rig.drops);
	ck_assert_msg(get32(got.b) == mac >> 16 && get16(got.b + 4) == (mac & 0xffff),
		"%s: to another MAC", what);
}

static void expect_asked(const char *what, const char *to)
{
	send_to(to);
	expect_drop(what, DROP_NEIGHBOR_UNKNOWN);
}

/* The question for an address of lan2 as it should be on the wire; mac 0: to everybody. */
static void question(struct pkt *p, const char *target, uint64_t mac)
{
	struct api_ip ip = rig_ip(target, false);
	char group[40];
	struct arp a = {
		.dst = mac ? mac : BCAST, .src = GATEWAY, .spa = "10.0.1.254", .tpa = target};
	struct nd n = {.src = GATEWAY,
		.type = 135,
		.from = "fd01::fe",
		.to = group,
		.target = target,
		.mac = GATEWAY};

	if (ip.family == 4) {
		build_arp(p, &a);
		return;
	}
	snprintf(group, sizeof(group), "ff02::1:ff%02x:%02x%02x", ip.bytes[13], ip.bytes[14],
		ip.bytes[15]);
	n.dst = mac ? mac : group_mac(group);
	if (mac)
		n.to = target;
	build_nd(p, &n);
}

static void answer(const char *address, uint64_t mac)
{
	struct arp a = {.dst = GATEWAY,
		.src = mac,
		.op = 2,
		.spa = address,
		.tha = GATEWAY,
		.tpa = "10.0.1.254"};
	struct nd n = {.dst = GATEWAY,
		.src = mac,
		.type = 136,
		.flags = 0x60,
		.from = address,
		.to = "fd01::fe",
		.target = address,
		.mac = mac};
	static struct pkt p;

	if (strchr(address, ':') != NULL)
		build_nd(&p, &n);
	else
		build_arp(&p, &a);
	host_send(net.lan2, &p);
	expect_drop("taken note of", DROP_ARP_NOTED);
}

static int state_of(const char *address)
{
	struct api_ip ip = rig_ip(address, false);
	struct neighbor_entry e;

	return neighbor_get(hn.lan2, &ip, &e) == 0 ? (int)e.state : -1;
}

static const char *const hosts[] = {"10.0.1.1", "fd01::1"};

START_TEST(neighbor_is_asked_for_and_found)
{
	for (uint32_t i = 0; i < 2; i++) {
		expect_asked("not known", hosts[i]);
		ck_assert_int_eq(state_of(hosts[i]), NEIGHBOR_INCOMPLETE);
		rig_begin();
		rig_advance(0.01);
		question(&want, hosts[i], 0);
		ck_assert(rig.originated == 1 && saw_frame(net.lan2, &want));
		expect_asked("still", hosts[i]);
		answer(hosts[i], H2);
		ck_assert_int_eq(state_of(hosts[i]), NEIGHBOR_REACHABLE);
		expect_delivered("known", hosts[i], H2);
	}
}
END_TEST

START_TEST(neighbor_that_does_not_answer_is_dead_for_a_while)
{
	for (uint32_t i = 0; i < 2; i++) {
		uint64_t asked;

		rig_advance(0.01);
		expect_asked("not known", hosts[i]);
		rig_begin();
		time_passes(2.5);
		asked = rig.originated;
		ck_assert_uint_eq(asked, 3);
		time_passes(1);
		ck_assert_uint_eq(rig.originated, 3);
		ck_assert_int_eq(state_of(hosts[i]), NEIGHBOR_FAILED);
		send_to(hosts[i]);
		ck_assert(rig.drop[DROP_NEIGHBOR_DEAD] == 1 && rig.originated == 1);
		const uint8_t *p = rig_out[0].pkt.b + 18;

		ck_assert(i == 0 ? p[20] == 3 && p[21] == 1 : p[40] == 1 && p[41] == 3);
		time_passes(6);
		ck_assert_int_eq(state_of(hosts[i]), -1);
		expect_asked("asked for anew", hosts[i]);
		answer(hosts[i], H2);
		expect_delivered("came back", hosts[i], H2);
	}
}
END_TEST

START_TEST(neighbor_answers_late_and_is_alive_again)
{
	expect_asked("not known", hosts[0]);
	time_passes(4);
	ck_assert_int_eq(state_of(hosts[0]), NEIGHBOR_FAILED);
	answer(hosts[0], H2);
	expect_delivered("late", hosts[0], H2);
}
END_TEST

START_TEST(neighbor_that_asks_for_its_gateway_is_known)
{
	for (uint32_t i = 0; i < 2; i++) {
		host_arrives(net.lan2, H2, hosts[i]);
		ck_assert_int_eq(state_of(hosts[i]), NEIGHBOR_STALE);
		expect_delivered("without asking", hosts[i], H2);
		/* is asked all the same, after a while, and where it is */
		rig_begin();
		time_passes(6);
		question(&want, hosts[i], H2);
		ck_assert(saw_frame(net.lan2, &want));
		answer(hosts[i], H2);
		ck_assert_int_eq(state_of(hosts[i]), NEIGHBOR_REACHABLE);
	}
}
END_TEST

START_TEST(neighbor_is_not_made_by_what_nobody_asked)
{
	struct arp a = {.dst = BCAST, .src = H2, .spa = "10.0.1.1", .tpa = "10.0.1.1"};
	struct nd n = {.dst = 0x333300000001,
		.src = H2,
		.type = 136,
		.flags = 0x20,
		.from = hosts[1],
		.to = "ff02::1",
		.target = hosts[1],
		.mac = H2};

	build_arp(&sent, &a);
	host_send(net.lan2, &sent);
	a.op = 2;
	build_arp(&sent, &a);
	host_send(net.lan2, &sent);
	a = (struct arp){.dst = BCAST, .src = H2, .spa = "10.0.1.1", .tpa = "10.0.1.9"};
	build_arp(&sent, &a);
	host_send(net.lan2, &sent);
	build_nd(&sent, &n);
	host_send(net.lan2, &sent);
	ck_assert_uint_eq(neighbor_count(), 0);
}
END_TEST

START_TEST(neighbor_must_be_on_the_attachments_network)
{
	static const char *const off[] = {"10.0.0.1", "192.0.2.1", "10.0.1.255", "10.0.1.0"};
	struct arp a = {.dst = BCAST, .src = H2, .tpa = "10.0.1.254"};

	for (uint32_t i = 0; i < 4; i++) {
		a.spa = off[i];
		build_arp(&sent, &a);
		host_send(net.lan2, &sent);
		ck_assert_msg(rig.answered == 1 && neighbor_count() == 0, "%s", off[i]);
	}
}
END_TEST

START_TEST(neighbor_moves_to_another_mac)
{
	struct arp a = {.dst = BCAST, .src = FAR, .spa = hosts[0], .tpa = hosts[0]};
	struct nd n = {.dst = 0x333300000001,
		.src = FAR,
		.type = 136,
		.flags = 0x20,
		.from = hosts[1],
		.to = "ff02::1",
		.target = hosts[1],
		.mac = FAR};

	for (uint32_t i = 0; i < 2; i++) {
		host_arrives(net.lan2, H2, hosts[i]);
		answer(hosts[i], H2);
		expect_delivered("at first", hosts[i], H2);
	}
	build_arp(&sent, &a);
	host_send(net.lan2, &sent);
	expect_delivered("announced", hosts[0], FAR);
	n.flags = 0; /* without override: not believed, but asked (RFC 4861 7.2.5) */
	build_nd(&sent, &n);
	host_send(net.lan2, &sent);
	expect_delivered("without override", hosts[1], H2);
	ck_assert_int_eq(state_of(hosts[1]), NEIGHBOR_STALE);
	n.flags = 0x20;
	build_nd(&sent, &n);
	host_send(net.lan2, &sent);
	expect_delivered("with override", hosts[1], FAR);
}
END_TEST

START_TEST(neighbor_is_confirmed_or_forgotten)
{
	for (uint32_t i = 0; i < 2; i++) {
		host_arrives(net.lan2, H2, hosts[i]);
		answer(hosts[i], H2);
		rig_begin();
		time_passes(20);
		ck_assert_uint_eq(rig.originated, 0);
		question(&want, hosts[i], H2);
		for (uint32_t k = 0; k < 40 && rig.originated == 0;
			k++) /* 22.5 to 37.5 s: chance */
			time_passes(0.5);
		ck_assert(saw_frame(net.lan2, &want));
		answer(hosts[i], H2);
		ck_assert_int_eq(state_of(hosts[i]), NEIGHBOR_REACHABLE);
		rig_begin();
		time_passes(42);
		ck_assert_uint_eq(rig.originated, 3);
		ck_assert_int_eq(state_of(hosts[i]), -1);
		expect_asked("forgotten", hosts[i]);
		time_passes(10);
	}
}
END_TEST

/* RFC 4861 section 7.2.4: the answer to a unicast solicitation may leave the address out. */
START_TEST(neighbor_is_confirmed_by_an_advertisement_without_its_mac)
{
	struct nd n = {.dst = GATEWAY,
		.src = H2,
		.type = 136,
		.flags = 0x40,
		.from = "fd01::1",
		.to = "fd01::fe",
		.target = "fd01::1"};

	host_arrives(net.lan2, H2, hosts[1]);
	n.flags = 0x20; /* unsolicited: nothing is confirmed */
	build_nd(&sent, &n);
	host_send(net.lan2, &sent);
	ck_assert_int_eq(state_of(hosts[1]), NEIGHBOR_STALE);
	n.flags = 0x40;
	build_nd(&sent, &n);
	host_send(net.lan2, &sent);
	ck_assert_int_eq(state_of(hosts[1]), NEIGHBOR_REACHABLE);
	n.flags = 0x60;
	n.src = FAR; /* and does not move it, override or not: where it goes is not said */
	build_nd(&sent, &n);
	host_send(net.lan2, &sent);
	expect_delivered("stays", hosts[1], H2);
}
END_TEST

/* RFC 4861 section 7.2.5: where no MAC is known yet, such an answer is discarded. */
START_TEST(neighbor_is_not_found_by_an_advertisement_without_its_mac)
{
	struct nd n = {.dst = GATEWAY,
		.src = FAR,
		.type = 136,
		.flags = 0x60,
		.from = "fd01::1",
		.to = "fd01::fe",
		.target = "fd01::1"};

	expect_asked("not known", hosts[1]);
	build_nd(&sent, &n);
	host_send(net.lan2, &sent);
	expect_drop("without", DROP_ARP_NOTED);
	ck_assert_int_eq(state_of(hosts[1]), NEIGHBOR_INCOMPLETE);
	expect_asked("still", hosts[1]);
	n.mac = H2; /* the other kind's option says nothing either */
	build_nd(&sent, &n);
	sent.b[14 + 40 + 24] = 1;
	icmp_fix(&sent);
	host_send(net.lan2, &sent);
	expect_drop("a source address", DROP_ARP_NOTED);
	ck_assert_int_eq(state_of(hosts[1]), NEIGHBOR_INCOMPLETE);
	rig_begin();
	time_passes(4);
	ck_assert_int_eq(state_of(hosts[1]), NEIGHBOR_FAILED);
	n.mac = 0;
	build_nd(&sent, &n);
	host_send(net.lan2, &sent);
	ck_assert_int_eq(state_of(hosts[1]), NEIGHBOR_FAILED);
	answer(hosts[1], H2);
	expect_delivered("said", hosts[1], H2);
}
END_TEST

START_TEST(neighbor_put_by_hand_stays)
{
	struct api_ip ip = rig_ip(hosts[0], false);

	host_arrives(net.lan2, FAR, hosts[0]);
	rig_l3_neighbor(hn.green, hn.lan2, hosts[0], H2);
	expect_delivered("replaces what was learned", hosts[0], H2);
	host_arrives(net.lan2, FAR, hosts[0]);
	answer(hosts[0], FAR);
	rig_begin();
	time_passes(60);
	ck_assert_uint_eq(rig.originated, 0);
	expect_delivered("nobody's word counts", hosts[0], H2);
	ck_assert_int_eq(state_of(hosts[0]), NEIGHBOR_STATIC);
	neighbor_unset(hn.green, hn.lan2, &ip);
	expect_asked("gone", hosts[0]);
}
END_TEST

START_TEST(neighbor_of_a_route_is_asked_for_without_traffic)
{
	for (uint32_t i = 0; i < 2; i++) {
		struct l3_via via = rig_via(hn.lan2, hosts[i], 1);
		const char *prefix = i ? "fd09::/16" : "10.9.0.0/16";
		const char *far = i ? "fd09::1" : "10.9.0.1";
		struct api_ip host = rig_ip(i ? "fd09::/16" : "10.9.0.0/16", true);

		rig_l3_route(hn.green, prefix, &via, 1);
		question(&want, hosts[i], 0);
		rig_begin();
		rig_advance(0.01);
		ck_assert(rig.originated == 1 && saw_frame(net.lan2, &want));
		expect_asked("not yet", far);
		answer(hosts[i], H2);
		expect_delivered("by its gateway", far, H2);
		/* it stops answering: seconds later other ways are taken instead, and it is asked
		 * again and again */
		time_passes(7);
		ck_assert_int_ge(state_of(hosts[i]), NEIGHBOR_INCOMPLETE);
		time_passes(38);
		send_to(far);
		ck_assert_uint_eq(rig.drop[DROP_NEIGHBOR_DEAD], 1);
		rig_begin();
		time_passes(20);
		ck_assert_uint_ge(rig.originated, 2);
		answer(hosts[i], FAR);
		expect_delivered("back, with another MAC", far, FAR);
		ck_assert_int_eq(fib_route_unset(hn.green, &host), 0);
		time_passes(50);
		ck_assert_int_eq(state_of(hosts[i]), -1);
	}
	ck_assert_uint_eq(neighbor_count(), 0);
}
END_TEST

START_TEST(neighbor_yields_to_a_host_route_and_comes_back)
{
	struct l3_via via = rig_via_tunnel(net.t2, FAR, 1);

	host_arrives(net.lan2, H2, hosts[0]);
	expect_delivered("neighbour", hosts[0], H2);
	rig_l3_route(hn.green, "10.0.1.1/32", &via, 1);
	send_to(hosts[0]);
	ck_assert(rig.outs == 1 && rig_out[0].port == net.wan);
	rig_l3_route_gone(hn.green, "10.0.1.1/32");
	expect_delivered("again", hosts[0], H2);
	/* and while the route is there it is not lost as a gateway */
	struct l3_via gw = rig_via(hn.lan2, hosts[0], 1);

	rig_l3_route(hn.green, "10.9.0.0/16", &gw, 1);
	rig_l3_route(hn.green, "10.0.1.1/32", &via, 1);
	expect_delivered("as a gateway", "10.9.0.1", H2);
	rig_l3_route_gone(hn.green, "10.0.1.1/32");
	rig_l3_route_gone(hn.green, "10.9.0.0/16");
	expect_delivered("again", hosts[0], H2);
}
END_TEST

START_TEST(neighbor_goes_with_its_network)
{
	host_arrives(net.lan2, H2, hosts[0]);
	host_arrives(net.lan2, H2, hosts[1]);
	rig_gateway_gone(hn.green, hn.lan2, "10.0.1.254/24");
	ck_assert_int_eq(state_of(hosts[0]), -1);
	ck_assert_int_eq(state_of(hosts[1]), NEIGHBOR_STALE);
	send_to(hosts[0]);
	ck_assert_uint_eq(rig.drop[DROP_NO_ROUTE_IN_SLICE], 1);
	neighbor_flush(hn.green);
	ck_assert_uint_eq(neighbor_count(), 0);
	expect_asked("flushed", hosts[1]);
}
END_TEST

/* ---- bounds ---- */

static void scan(uint32_t first, uint32_t n)
{
	char to[20];

	for (uint32_t i = first; i < first + n; i++) {
		snprintf(to, sizeof(to), "10.1.%u.%u", i / 250, i % 250 + 1);
		send_to(to);
		rig_advance(0.002); /* within the rate of reports */
	}
}

START_TEST(neighbor_scan_does_not_take_all_there_is)
{
	uint32_t refused = neighbor_refused();

	rig_gateway(hn.green, hn.lan2, "10.1.255.254/16");
	scan(0, 1000);
	ck_assert_uint_eq(neighbor_count(), 256);
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
	ck_assert_uint_eq(neighbor_count(), 257);
	/* and time clears it */
	time_passes(20);
	ck_assert_uint_eq(neighbor_count(), 0);
}
END_TEST

START_TEST(neighbor_limit_is_the_slices_max_macs)
{
	struct api_slice cfg = {.vni = VNI_GREEN,
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
	ck_assert_uint_eq(neighbor_count(), 10);
	ck_assert_uint_eq(neighbor_refused() - refused, 20);
	rig_l3_neighbor(hn.green, hn.lan2, "10.0.1.99", H2); /* by hand: not of that number */
	ck_assert_uint_eq(neighbor_count(), 11);
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
	ck_assert_uint_le(neighbor_count(), 250);
}
END_TEST

START_TEST(neighbor_list_has_each_once)
{
	struct neighbor_entry e[64];
	uint64_t cursor = 0;
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
		uint32_t n = neighbor_iterate(&cursor, e, 64);

		for (uint32_t i = 0; i < n; i++)
			l3 += e[i].slice == hn.green && e[i].attachment == hn.lan2 &&
			      e[i].state == NEIGHBOR_STALE;
		total += n;
	} while (cursor != 0);
	ck_assert(total == 150 && l3 == 100);
}
END_TEST

TCase *neighbor_tests(void)
{
	TCase *tc = tcase_create("neighbor");

	tcase_add_checked_fixture(tc, host_setup, net_teardown);
	tcase_add_test(tc, neighbor_is_asked_for_and_found);
	tcase_add_test(tc, neighbor_that_does_not_answer_is_dead_for_a_while);
	tcase_add_test(tc, neighbor_answers_late_and_is_alive_again);
	tcase_add_test(tc, neighbor_that_asks_for_its_gateway_is_known);
	tcase_add_test(tc, neighbor_is_not_made_by_what_nobody_asked);
	tcase_add_test(tc, neighbor_must_be_on_the_attachments_network);
	tcase_add_test(tc, neighbor_moves_to_another_mac);
	tcase_add_test(tc, neighbor_is_confirmed_or_forgotten);
	tcase_add_test(tc, neighbor_is_confirmed_by_an_advertisement_without_its_mac);
	tcase_add_test(tc, neighbor_is_not_found_by_an_advertisement_without_its_mac);
	tcase_add_test(tc, neighbor_put_by_hand_stays);
	tcase_add_test(tc, neighbor_of_a_route_is_asked_for_without_traffic);
	tcase_add_test(tc, neighbor_yields_to_a_host_route_and_comes_back);
	tcase_add_test(tc, neighbor_goes_with_its_network);
	tcase_add_test(tc, neighbor_scan_does_not_take_all_there_is);
	tcase_add_test(tc, neighbor_limit_is_the_slices_max_macs);
	tcase_add_test(tc, neighbor_reports_have_a_rate);
	tcase_add_test(tc, neighbor_list_has_each_once);
	return tc;
}
