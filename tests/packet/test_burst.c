/* SPDX-License-Identifier: BSD-3-Clause */
/* Bursts of random kinds of packets through everything that the switch does at once: bridged,
 * routed, flooded, encapsulated, fragmented both ways, answered, told of, redirected, duplicated,
 * held, released, damaged; the configuration changes between bursts. After every burst the ledger
 * is checked (rig.h); after every ROUND of them what waits is let go or times out, and no buffer
 * may be missing: C1 of the issue "Faults" lost buffers that the ledger took for held ones. Builds
 * that are no release check every place in a burst (BURST_BOUND). What isolation judges packet by
 * packet (test_isolation.c) is not judged here. test_burst [--seed N] [--seconds N] [--rounds N] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "drops.h"
#include "upf_eth_net.h"
#include "worker.h"

#define ROUND  12
#define JUMBOS "10.9.0."

static uint64_t seed, state;
static double seconds = 5;
static uint64_t rounds; /* 0: by seconds */
static uint16_t wide, wide_door;
static struct pkt burst[BURST_MAX], inner, pieces[16];
static const struct pkt *at[BURST_MAX];
static uint64_t sent, left, dropped[DROP_REASONS];

static uint32_t rnd(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 32) % below;
}
#define ONE_OF(...)                                                                                \
	((const char *const[]){                                                                    \
		__VA_ARGS__})[rnd(sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))]

/* ---- sessions ---- */

/* Of a UE: `up` and `down` are FARs 1 and 2 without their ids; more: of the session. */
static void session(const char *name, uint32_t teid, uint32_t ue, const char *up, const char *down,
	const char *pdrs, const char *more)
{
	char text[2048];

	snprintf(text, sizeof(text),
		"{'name':'%s','slice':'internet','ue':{'ipv4':'10.45.0.%u','ipv6':'fd45:0:0:%u::/"
		"64'%s},"
		"'pdrs':[{'id':1,'precedence':9,'source':'access','gtpu':'n3','teid':%u,'far':1},"
		"{'id':2,'precedence':9,'source':'core','far':2}%s],"
		"'fars':[{'id':1,%s},{'id':2,%s},{'id':3,'action':'forward','destination':'core','"
		"slice':'edge'},"
		"{'id':4,'action':'forward','destination':'core','outer_header':{'teid':77,'peer':'"
		"198.18.0.3'}}]}",
		name, ue, ue, more, teid, pdrs, up, down);
	rig_sessions(text);
}

#define FORWARD "'action':'forward'"
#define TO_GNB                                                                                     \
	"'action':'forward','destination':'access','outer_header':{'teid':4097,'peer':'198.18.0."  \
	"2'}"
#define TO_GNB6                                                                                    \
	"'action':'forward','destination':'access','outer_header':{'teid':4098,'peer':'2001:db8::" \
	"2'}"
#define HOLD                                                                                       \
	"'action':'buffer','destination':'access','outer_header':{'teid':4099,'peer':'198.18.0.2'" \
	"}"
#define COPY ",'duplicate_to':{'teid':99,'peer':'198.18.0.3'}"

static void put_redirect(void)
{
	char far[128];

	snprintf(far, sizeof(far), FORWARD ",'redirect':'%s'",
		ONE_OF("10.0.0.1", "10.2.0.1", "fd00::1", "10.45.0.3", "10.0.0.77", "203.0.113.9"));
	session("redirect", 9, 1, far, TO_GNB, "", "");
}

static void put_held(bool held)
{
	session("held", 12, 4, FORWARD, held ? HOLD : TO_GNB, "", "");
}

static void put_sessions(void)
{
	put_redirect();
	session("ways", 10, 2, FORWARD, TO_GNB,
		",{'id':3,'precedence':5,'source':'core','far':2,'filters':['permit out udp from "
		"any 1000 to assigned']},"
		"{'id':4,'precedence':7,'source':'core','far':3},"
		"{'id':5,'precedence':3,'source':'access','gtpu':'n3','teid':10,'far':4,'filters':["
		"'permit out udp from 10.1.0.0/16 to "
		"assigned']}",
		"");
	session("copies", 11, 3, FORWARD COPY, TO_GNB6 COPY, "", "");
	put_held(true);
	session("framed", 13, 5, FORWARD, TO_GNB, "",
		",'framed':['192.168.7.0/27','fd77::/47','172.16.0.0/13']");
	/* an I-UPF: up by N9, down by an F-TEID */
	rig_sessions("{'name':'n9','slice':'internet','ue':{'ipv4':'10.45.0.6'},'pdrs':[{'id':1,'"
		     "precedence':9,'source':'access',"
		     "'gtpu':'n3','teid':14,'far':1},{'id':2,'precedence':9,'source':'core','gtpu':"
		     "'n9','teid':2222,'far':2}],"
		     "'fars':[{'id':1,'action':'forward','outer_header':{'teid':78,'peer':'198.18."
		     "0.3'}},{'id':2," TO_GNB "}]}");
	rig_sessions(eth_session_json("e1", "red", 4101, ",'teid':15", ""));
	rig_sessions(eth_session_json("e2", "red", 4102, ",'teid':16", ""));
}

/* ---- packets ---- */

static const char *source4(void)
{
	return ONE_OF("10.45.0.1", "10.45.0.2", "10.45.0.3", "10.45.0.4", "10.45.0.5", "10.45.0.6",
		"192.168.7.9", "172.17.0.9", "10.0.0.1", "10.99.0.1");
}

static const char *target4(void)
{
	return ONE_OF("10.45.0.1", "10.45.0.2", "10.45.0.2", "10.45.0.3", "10.45.0.4", "10.45.0.5",
		"10.45.0.6", "192.168.7.9", "172.17.0.9", "10.0.0.1", "10.0.0.77", "10.1.0.1",
		"10.2.0.1", "10.0.0.254", "203.0.113.5", "224.0.0.9", "127.0.0.1", JUMBOS "1");
}

static const char *target6(void)
{
	return ONE_OF("fd45:0:0:1::1", "fd45:0:0:2::1", "fd45:0:0:3::1", "fd45:0:0:4::1", "fd77::9",
		"fd00::1", "fd00::77", "fd00::fe", "fd01::1", "2001:db8:99::1", "ff02::1");
}

/* An IP packet as a frame to the gateway of a slice. */
static void ip_frame(struct pkt *p, uint16_t slice, uint64_t src, bool from_ue, uint32_t most)
{
	bool v6 = rnd(4) == 0;

	build_ip(p, &(struct ip_packet){.dst = rig_l3_mac(slice),
			    .src = src,
			    .from = v6	      ? (from_ue ? ONE_OF("fd45:0:0:1::1", "fd45:0:0:2::7",
								   "fd45:0:0:3::1", "fd00::1")
							 : "fd00::1")
				    : from_ue ? source4()
					      : "10.0.0.1",
			    .to = v6 ? target6() : target4(),
			    .ttl = rnd(8) == 0 ? 1 : 64,
			    .frag = rnd(4) == 0 ? 0x4000 : 0,
			    .id = rnd(65536),
			    .payload = rnd(3) == 0 ? 8 + rnd(most - 8) : 8 + rnd(100)});
}

static uint64_t mac(void)
{
	static const uint64_t all[] = {
		HOST_A, HOST_B, HOST_C, HOST_D, UE_A, UE_B, NOBODY, BCAST, 0x01005e000001};

	return all[rnd(RTE_DIM(all))];
}

static void l2_frame(struct pkt *p)
{
	struct spec s = plain(mac(), rnd(8) == 0 ? mac() : HOST_A);

	s.payload = rnd(4) == 0 ? rnd(1400) : 20;
	if (rnd(10) == 0)
		build_arp(p,
			&(struct arp){
				.dst = BCAST, .src = HOST_A, .spa = "10.0.0.1", .tpa = "10.0.0.2"});
	else
		build(p, &s);
}

/* What a host of the internet slice says to its gateway. */
static void host_says(struct pkt *p)
{
	uint64_t gateway = rig_l3_mac(un.internet);

	switch (rnd(4)) {
	case 0:
		build_arp(p, &(struct arp){.dst = BCAST,
				     .src = HOST_A,
				     .spa = "10.0.0.1",
				     .tpa = ONE_OF("10.0.0.254", "10.0.0.9")});
		break;
	case 1:
		build_icmp(p, &(struct icmp){.dst = gateway,
				      .src = HOST_A,
				      .from = "10.0.0.1",
				      .to = "10.0.0.254",
				      .type = 8,
				      .payload = 56});
		break;
	case 2:
		build_icmp(p, &(struct icmp){.dst = gateway,
				      .src = HOST_A,
				      .from = "fd00::1",
				      .to = "fd00::fe",
				      .type = 128,
				      .payload = 56});
		break;
	default:
		build_nd(p, &(struct nd){.dst = group_mac("ff02::1:ff00:fe"),
				    .src = HOST_A,
				    .type = 135,
				    .from = "fd00::1",
				    .to = "ff02::1:ff00:fe",
				    .target = "fd00::fe",
				    .mac = HOST_A});
	}
}

static void tag_in(struct pkt *p, uint16_t vlan)
{
	memmove(p->b + 16, p->b + 12, p->len - 12);
	put16(p->b + 12, 0x8100);
	put16(p->b + 14, vlan);
	p->len += 4;
}

static void by_lan(struct pkt *p)
{
	switch (rnd(6)) {
	case 0:
		l2_frame(p);
		break;
	case 1:
		l2_frame(p);
		tag_in(p, 10);
		break;
	case 2:
		host_says(p);
		tag_in(p, 30);
		break;
	case 3:
		ip_frame(p, un.other, HOST_A, false, 1480);
		tag_in(p, 40);
		break;
	default:
		ip_frame(p, un.internet, HOST_A, false, 1480);
		tag_in(p, 30);
	}
}

static void by_gtpu(struct pkt *p)
{
	struct gtpu g = from_gnb(9 + rnd(9));

	if (rnd(4) == 0) {
		g.from = "2001:db8::2";
		g.to = "2001:db8::1";
		g.src = GNB6;
	}
	switch (rnd(10)) {
	case 0: /* by N9, downlink */
		g = from_gnb(2222);
		g.to = "198.18.0.9";
		g.from = "198.18.0.3";
		g.src = UPF2;
		g.psc_ul = false;
		ip_frame(&inner, un.internet, 0, false, 1400);
		build_gtpu(p, &g, &inner);
		break;
	case 1: /* echo request, error indication, end marker, unknown */
		g.type = (uint8_t[]){1, 2, 26, 254, 99}[rnd(5)];
		g.teid = g.type == 254 ? g.teid : 0;
		build_gtpu(p, &g, NULL);
		break;
	case 2:
	case 3:
		eth_frame(&inner, mac(), rnd(2) ? UE_A : UE_B);
		g = from_gnb(15 + rnd(2));
		build_gtpu_raw(p, &g, inner.b, inner.len);
		break;
	default:
		ip_frame(&inner, un.internet, 0, true, 1400);
		build_gtpu(p, &g, &inner);
	}
}

static void by_tunnel(struct pkt *p)
{
	static const uint32_t vni[] = {VNI_RED, VNI_RED, VNI_BLUE, 300, 310, 999};
	struct outer o = rnd(3) == 0 ? from_peer6(vni[rnd(6)]) : from_peer2(vni[rnd(6)]);

	if (o.vni == 300 || o.vni == 310)
		ip_frame(&inner, o.vni == 300 ? un.internet : un.edge, HOST_C, false, 1400);
	else
		l2_frame(&inner);
	o.id = rnd(65536);
	wrap(p, &o, &inner);
}

/* One packet, or the pieces of one; how many. */
static uint32_t make(uint16_t port, struct pkt *p, uint32_t room)
{
	if (port == net.wan) {
		if (rnd(2))
			by_gtpu(p);
		else
			by_tunnel(p);
	} else if (port == wide) {
		ip_frame(p, un.internet, HOST_B, false, 8900);
	} else {
		by_lan(p);
	}
	if (rnd(25) == 0) { /* damaged */
		p->b[rnd(p->len)] ^= 1 << rnd(8);
		if (rnd(3) == 0)
			p->len = 1 + rnd(p->len);
	}
	if (port == net.wan && rnd(8) == 0 && p->len > 200 && get16(p->b + 12) == 0x0800 &&
		!(get16(p->b + 20) & 0x3fff)) {
		uint32_t n = fragment(p, 64 + 8 * rnd(20), rnd(65536), pieces,
			RTE_MIN(room, (uint32_t)RTE_DIM(pieces)));

		for (uint32_t i = 0; i < n; i++)
			p[i] = pieces[rnd(12) == 0 ? rnd(n)
						   : i]; /* now and then one twice, and one not */
		return RTE_MAX(n, 1u);
	}
	return 1;
}

static void send_burst(void)
{
	const uint16_t ports[] = {net.wan, net.wan, net.wan, net.lan, net.lan2, wide};
	uint16_t port = ports[rnd(RTE_DIM(ports))];
	uint32_t want = 1 + rnd(BURST_MAX), n = 0;

	while (n < want)
		n += make(port, &burst[n], BURST_MAX - n);
	for (uint32_t i = 0; i < n; i++)
		at[i] = &burst[i];
	rig_begin();
	rig_send_each(port, at, n);
	sent += n;
	left += rig.out;
	for (uint32_t r = 0; r < DROP_REASONS; r++)
		dropped[r] += rig.drop[r];
}

/* ---- changes ---- */

static void change(void)
{
	struct l3_via via = rig_via_tunnel(net.t2, 0x02000000a002, 1);

	switch (rnd(8)) {
	case 0:
		put_redirect();
		break;
	case 1:
		put_held(rnd(2));
		break;
	case 2:
		rig_l3_route(un.edge, "10.45.0.0/16", &via, 1);
		break;
	case 3:
		rig_l3_route(un.edge, "10.45.0.0/16", &via, 1);
		rig_l3_route_gone(un.edge, "10.45.0.0/16");
		break;
	case 4:
		rig_link(net.wan, false);
		send_burst();
		rig_link(net.wan, true);
		break;
	case 5:
		rig_session_gone("copies");
		send_burst();
		put_sessions();
		break;
	case 6:
		rig_mac(net.red, NOBODY,
			rnd(2) ? DOOR_TUNNEL | net.t2 : DOOR_ATTACHMENT | net.red_lan2);
		break;
	default:
		rig_begin();
		rig_poll();
		rig_advance(0.001);
	}
}

/* What waits is released or times out: then every buffer is back. */
static void round_end(void)
{
	put_held(false);
	rig_begin();
	for (int i = 0; i < 8; i++) {
		upf_turns();
		rig_advance(0.3);
	}
	rig_poll();
	RIG_CHECK(rig_buffers_used() == 0, "%ld buffers are lost after a round",
		(long)rig_buffers_used());
	put_held(true);
	upf_turns();
}

static void setup(void)
{
	struct l3_via via;

	eth_setup();
	via = rig_via_tunnel(net.t2, 0x02000000a002, 1);
	wide = rig_port(9000);
	wide_door = rig_attachment(un.internet, wide, 0);
	rig_gateway(un.internet, wide_door, JUMBOS "254/24");
	rig_l3_neighbor(un.internet, wide_door, JUMBOS "1", HOST_B);
	member_set(un.edge, net.t2);
	rig_l3_route(un.edge, "10.45.0.0/16", &via, 1);
	put_sessions();
}

START_TEST(every_buffer_comes_back_and_every_packet_is_counted)
{
	uint64_t done = 0;
	time_t end = time(NULL) + (time_t)seconds;

	do {
		for (int i = 0; i < ROUND; i++) {
			send_burst();
			if (rnd(4) == 0)
				change();
		}
		round_end();
		done++;
	} while (rounds != 0 ? done < rounds : time(NULL) < end);
	uint32_t reasons = 0;

	for (uint32_t r = 0; r < DROP_REASONS; r++)
		reasons += dropped[r] != 0;
	printf("%lu rounds, %lu packets in, %lu out, %u kinds of drops\n", done, sent, left,
		reasons);
	ck_assert_msg(done < 50 || (left > sent / 2 && reasons > 15),
		"too little left, or too little was refused: the test does not test");
}
END_TEST

static TCase *burst_tests(void)
{
	TCase *t = tcase_create("burst");

	tcase_add_checked_fixture(t, setup, upf_teardown);
	tcase_add_test(t, every_buffer_comes_back_and_every_packet_is_counted);
	return t;
}

int main(int argc, char **argv)
{
	TCase *(*const all[])(void) = {burst_tests};

	seed = time(NULL);
	for (int i = 1; i < argc; i += 2) {
		if (i + 1 < argc && strcmp(argv[i], "--seed") == 0) {
			seed = strtoull(argv[i + 1], NULL, 0);
		} else if (i + 1 < argc && strcmp(argv[i], "--seconds") == 0) {
			seconds = atof(argv[i + 1]);
		} else if (i + 1 < argc && strcmp(argv[i], "--workers") == 0) {
			rig_workers = strtoul(argv[i + 1], NULL, 0) == 2 ? 2 : 1;
		} else if (i + 1 < argc && strcmp(argv[i], "--rounds") == 0) {
			rounds = strtoull(argv[i + 1], NULL, 0);
		} else {
			printf("test_burst [--seed N] [--workers 1|2] [--seconds N | --rounds N]: "
			       "random bursts (by default for %g s, seed: the time of day)\n",
				seconds);
			return strcmp(argv[i], "--help") == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
		}
	}
	state = seed * 0x9e3779b97f4a7c15ull | 1;
	printf("replay: test_burst --workers %u --seed %lu\n", rig_workers, seed);
	fflush(stdout);
	return run_suite("burst", all, 1);
}
