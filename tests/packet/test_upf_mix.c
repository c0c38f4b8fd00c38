/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets of different kinds in one burst: what one stage has put into an array another must
 * neither overwrite nor overrun. */
#include <stdio.h>
#include <string.h>

#include "worker.h"
#include "upf_net.h"

#define JUMBO_HOST "10.9.0.1"

static struct pkt burst[BURST_MAX];
static const struct pkt *at[BURST_MAX];

static void send_burst(uint16_t port, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		at[i] = &burst[i];
	rig_begin();
	rig_send_each(port, at, n);
}

/* Uplink of a UE whose FAR redirects, to be routed to HOST_A of the internet, or (there is no way)
 * to be told. */
static void redirected(struct pkt *p, const char *to, uint8_t ttl)
{
	struct gtpu g = from_gnb(9);

	build_ip(&in_pkt, &(struct ip_packet){.from = UE1, .to = to, .ttl = ttl, .payload = 60});
	build_gtpu(p, &g, &in_pkt);
}

/* A frame of the l2 slice red to this MAC, by its tunnel. */
static void bridged(struct pkt *p, uint64_t to, bool v6)
{
	struct spec s = plain(to, v6 ? HOST_D : HOST_C);
	struct outer o = v6 ? from_peer6(VNI_RED) : from_peer2(VNI_RED);

	build(&a_pkt, &s);
	wrap(p, &o, &a_pkt);
}

static void put_redirect(const char *to)
{
	char text[1024];

	snprintf(text, sizeof(text),
		"{'name':'r','slice':'internet','ue':{'ipv4':'" UE1 "'},"
		"'pdrs':[{'id':1,'precedence':1,'source':'access','gtpu':'n3','teid':9,'far':1},"
		"{'id':2,'precedence':1,'source':'core','far':2}],"
		"'fars':[{'id':1,'action':'forward','redirect':'%s'},{'id':2,'action':'forward',"
		"'destination':'access','outer_header':{'teid':4097,'peer':'198.18.0.2'}}]}",
		to);
	rig_sessions(text);
}

/* bridge_run() began its lanes at 0: what sessions had redirected was overwritten, its buffers lost
 * for ever. */
START_TEST(redirected_and_bridged_packets_of_one_burst_all_leave)
{
	/* by the lane of attachments, and by that of tunnels */
	static const char *const to[] = {"10.0.0.1", "10.2.0.1"};

	for (uint32_t way = 0; way < 2; way++)
		for (uint32_t v6 = 0; v6 < 2; v6++)
			for (uint32_t shape = 0; shape < 3; shape++) {
				uint32_t n = shape == 2 ? BURST_MAX : 2, bridge = 0;

				put_redirect(to[way]);
				for (uint32_t i = 0; i < n; i++) {
					if (i % 2 == (shape == 1))
						redirected(&burst[i], "203.0.113.5", 64);
					else
						bridged(&burst[i], HOST_A, v6), bridge++;
				}
				send_burst(net.wan, n);
				ck_assert_msg(rig.out == n && rig.drops == 0,
					"way %u, v6 %u, shape %u: %lu of %u left, %lu drops", way,
					v6, shape, rig.out, n, rig.drops);
				for (uint32_t k = 0, lan = 0; k < rig.outs; k++) {
					lan += rig_out[k].port == net.lan;
					if (k + 1 == rig.outs)
						ck_assert_uint_eq(lan, way == 0 ? n : bridge);
				}
			}
}
END_TEST

/* Answers to uplink packets come into being while frames are bridged. */
START_TEST(answers_and_bridged_packets_of_one_burst_all_leave)
{
	put_redirect("10.0.0.1");
	for (uint32_t i = 0; i < 8; i++) {
		redirected(&burst[2 * i], "203.0.113.5", 1);
		bridged(&burst[2 * i + 1], HOST_A, false);
	}
	send_burst(net.wan, 16);
	ck_assert_uint_eq(rig.originated, rig.drop[DROP_TTL_EXPIRED]);
	ck_assert_uint_ge(rig.originated, 1);
	ck_assert_uint_eq(rig.drop[DROP_TTL_EXPIRED], 8);
	ck_assert_uint_eq(rig.out, 8 + rig.originated);
}
END_TEST

/* A UE whose packets with ports go to the gNB, and all others (later fragments) back into the
 * slice. */
static void put_two_ways(void)
{
	rig_sessions(
		"{'name':'j','slice':'internet','ue':{'ipv4':'" UE2 "'},"
		"'pdrs':[{'id':1,'precedence':1,'source':'access','gtpu':'n3','teid':10,'far':1},"
		"{'id':2,'precedence':1,'source':'core','far':2,"
		"'filters':['permit out udp from any 1000 to assigned']},"
		"{'id':3,'precedence':2,'source':'core','far':3}],"
		"'fars':[{'id':1,'action':'forward'},{'id':2,'action':'forward','destination':"
		"'access','outer_header':{'teid':4097,'peer':'198.18.0.2'}},"
		"{'id':3,'action':'forward','destination':'core','slice':'edge'}]}");
}

/* Each frame becomes seven fragments, which are routed, classified and sent into a slice, from
 * where they are routed again: the pieces of one burst outnumber every array. */
START_TEST(fragments_of_a_burst_of_jumbo_frames_stay_within_bounds)
{
	uint16_t wide = rig_port(9000), door = rig_attachment(un.internet, wide, 0);
	uint64_t fragments = 0;

	rig_gateway(un.internet, door, "10.9.0.254/24");
	rig_l3_neighbor(un.internet, door, JUMBO_HOST, HOST_B);
	put_two_ways();
	for (uint32_t n = 19; n <= BURST_MAX; n += 15) {
		for (uint32_t i = 0; i < n; i++)
			build_ip(&burst[i], &(struct ip_packet){.dst = rig_l3_mac(un.internet),
						    .src = HOST_B,
						    .from = JUMBO_HOST,
						    .to = UE2,
						    .id = i,
						    .payload = 8900});
		send_burst(wide, n);
		fragments = rig.replicated;
		ck_assert_uint_eq(rig.in + rig.replicated + rig.originated, rig.out + rig.drops);
		/* seven pieces each (1,500 bytes less GTP-U's header): the first to the gNB, six
		 * into edge, where nobody has the UE's address */
		ck_assert_msg(rig.drop[DROP_FRAGMENT_NO_MBUF] == 0 && fragments == 6 * n,
			"%lu fragments of %u frames", fragments, n);
		ck_assert_uint_eq(rig.out, n + rig.originated);
		ck_assert_uint_eq(rig.drops, 6 * n);
	}
}
END_TEST

/* The same where the pieces' second way is the slice they came from, by a route to a tunnel: the
 * lane out is filled by both. */
START_TEST(fragments_that_are_routed_on_stay_within_their_lane)
{
	uint16_t wide = rig_port(9000), door = rig_attachment(un.internet, wide, 0);
	struct l3_via via = rig_via_tunnel(net.t2, 0x02000000a002, 1);

	rig_gateway(un.internet, door, "10.9.0.254/24");
	rig_l3_neighbor(un.internet, door, JUMBO_HOST, HOST_B);
	member_set(un.edge, net.t2);
	rig_l3_route(un.edge, "10.45.0.0/16", &via, 1);
	put_two_ways();
	for (uint32_t i = 0; i < BURST_MAX; i++)
		build_ip(&burst[i], &(struct ip_packet){.dst = rig_l3_mac(un.internet),
					    .src = HOST_B,
					    .from = JUMBO_HOST,
					    .to = i % 3 == 0 ? "10.2.0.1" : UE2,
					    .id = i,
					    .payload = 8900});
	send_burst(wide, BURST_MAX);
	ck_assert_uint_eq(rig.in + rig.replicated + rig.originated, rig.out + rig.drops);
	ck_assert_uint_gt(rig.out, 4 * BURST_MAX);
}
END_TEST

TCase *upf_mix_tests(void)
{
	TCase *t = tcase_create("upf_mix");

	tcase_add_checked_fixture(t, upf_setup, upf_teardown);
	tcase_add_test(t, redirected_and_bridged_packets_of_one_burst_all_leave);
	tcase_add_test(t, answers_and_bridged_packets_of_one_burst_all_leave);
	tcase_add_test(t, fragments_of_a_burst_of_jumbo_frames_stay_within_bounds);
	tcase_add_test(t, fragments_that_are_routed_on_stay_within_their_lane);
	return t;
}
