/* SPDX-License-Identifier: BSD-3-Clause */
/* Ethernet PDU sessions (TS 23.501 5.6.10.2): UEs whose frames are bridged into l2 slices. Who
 * learns whom, who is flooded to, which filters and tags mean what, and what never meets. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "upf_net.h"

#define UE_A 0x0200000000a1ull
#define UE_B 0x0200000000b1ull

static const struct spec udp = {.ip = 4, .saddr = 1, .daddr = 2, .payload = 60};

static const char *action_up, *action_down; /* of FARs 1 and 2 */

static void setup(void)
{
	upf_setup();
	rig_upf_slice("red", net.red);
	rig_upf_slice("blue", net.blue);
	action_up = action_down = "forward";
	rig_begin();
}

/* PDR 1 up by a TEID of n3, PDR 2 down to the gNB's TEID; up and down: more of each PDR, beginning
 * with a comma. */
static const char *session_json(
	const char *name, const char *slice, uint32_t teid, const char *up, const char *down)
{
	static char text[2048];

	snprintf(text, sizeof(text),
		"{'name':'%s','slice':'%s',"
		"'pdrs':[{'id':1,'precedence':10,'source':'access','gtpu':'n3',"
		"'outer_header_removal':0,'far':1%s},"
		"{'id':2,'precedence':10,'source':'core','far':2%s}],"
		"'fars':[{'id':1,'action':'%s','destination':'core'},"
		"{'id':2,'action':'%s','destination':'access',"
		"'outer_header':{'teid':%u,'peer':'198.18.0.2'}}]}",
		name, slice, up, down, action_up, action_down, teid);
	return text;
}

static void eth_session(const char *name, const char *slice, uint32_t teid)
{
	rig_sessions(session_json(name, slice, teid, "", ""));
}

/* A frame that does: dst and src by MAC, of 14 + 20 + 8 + 60 bytes. */
static void frame(struct pkt *p, uint64_t dst, uint64_t src)
{
	struct spec s = udp;

	s.dst = dst;
	s.src = src;
	build(p, &s);
}

static void ue_sends(const char *name, const struct pkt *p)
{
	struct gtpu g = from_gnb(rig_teid(name, 1));

	build_gtpu_raw(&c_pkt, &g, p->b, p->len);
	rig_begin();
	rig_send(net.wan, &c_pkt, 1);
}

/* How often what left is this frame for this TEID of the gNB. */
static uint32_t count_ue(uint32_t teid, const struct pkt *want)
{
	static struct gtpu_seen s;
	uint32_t n = 0;

	for (uint32_t i = 0; i < rig.outs && i < OUTS_MAX; i++)
		n += rig_out[i].port == net.wan && gtpu_parse(&rig_out[i].pkt, &s) &&
		     s.teid == teid && s.inner.len == want->len + 14 &&
		     memcmp(s.inner.b + 14, want->b, want->len) == 0;
	return n;
}

static void expect_ue(const char *what, uint32_t teid, const struct pkt *want)
{
	ck_assert_msg(rig.outs == 1 && rig.drops == 0, "%s: %u left, %lu drops", what, rig.outs,
		rig.drops);
	ck_assert_msg(count_ue(teid, want) == 1, "%s: another frame, or to another TEID", what);
}

static void tagged(struct pkt *out, const struct pkt *p, uint16_t tpid, uint16_t tci)
{
	memcpy(out->b, p->b, 12);
	put16(out->b + 12, tpid);
	put16(out->b + 14, tci);
	memcpy(out->b + 16, p->b + 12, p->len - 12);
	out->len = p->len + 4;
}

/* Both sessions of red have been heard of. */
static void two_in_red(void)
{
	eth_session("a", "red", 0x11);
	eth_session("b", "red", 0x12);
	frame(&a_pkt, HOST_A, UE_A);
	ue_sends("a", &a_pkt);
	frame(&a_pkt, HOST_A, UE_B);
	ue_sends("b", &a_pkt);
	rig_poll();
}

static door_t door_of(uint16_t slice, uint64_t mac)
{
	struct api_mac_addr address = rig_mac_addr(mac);
	struct fdb_entry e;

	return fdb_get(slice, &address, &e) == 0 ? e.door : 0;
}

START_TEST(a_ue_is_bridged_to_a_host_and_back)
{
	eth_session("a", "red", 0x11);
	frame(&a_pkt, HOST_B, UE_A);
	ue_sends("a", &a_pkt);
	tagged(&b_pkt, &a_pkt, 0x8100, 20);
	expect_out("up, as it is, with the attachment's tag", net.lan2, &b_pkt);
	rig_poll();
	ck_assert_uint_eq(DOOR_KIND(door_of(net.red, UE_A)), DOOR_SESSION);
	frame(&a_pkt, UE_A, HOST_A);
	rig_begin();
	rig_send(net.lan, &a_pkt, 1);
	expect_ue("down", 0x11, &a_pkt);
	struct session_counters c = rig_session_counters("a");

	ck_assert_uint_eq(c.ul_packets, 1);
	ck_assert_uint_eq(c.ul_bytes, a_pkt.len);
	ck_assert_uint_eq(c.dl_packets, 1);
	ck_assert_uint_eq(c.dl_bytes, a_pkt.len);
	ck_assert_uint_eq(c.dropped, 0);
}
END_TEST

START_TEST(two_ues_of_a_slice_talk_to_each_other)
{
	two_in_red();
	frame(&a_pkt, UE_B, UE_A);
	ue_sends("a", &a_pkt);
	expect_ue("a to b", 0x12, &a_pkt);
	frame(&a_pkt, UE_A, UE_B);
	ue_sends("b", &a_pkt);
	expect_ue("b to a", 0x11, &a_pkt);
	frame(&a_pkt, UE_A, NOBODY);
	ue_sends("a", &a_pkt);
	expect_drop("to what is behind the same session", DROP_SAME_DOOR);
	ck_assert_uint_eq(rig_session_counters("a").dropped, 1);
}
END_TEST

START_TEST(tunnels_and_sessions_reach_each_other)
{
	struct outer o = from_peer2(VNI_RED);

	two_in_red();
	frame(&a_pkt, UE_A, HOST_C);
	wrap(&b_pkt, &o, &a_pkt);
	rig_begin();
	rig_send(net.wan, &b_pkt, 1);
	expect_ue("from a tunnel", 0x11, &a_pkt);
	frame(&a_pkt, HOST_C, UE_A);
	ue_sends("a", &a_pkt);
	ck_assert_uint_eq(rig.outs, 1);
	ck_assert_uint_eq(get16(rig_out[0].pkt.b + 36), 4789);
	ck_assert_uint_eq(get32(rig_out[0].pkt.b + 46), VNI_RED << 8);
	ck_assert_int_eq(memcmp(rig_out[0].pkt.b + 50, a_pkt.b, a_pkt.len), 0);
}
END_TEST

/* To lan, lan2, t2, t6 and the other session. */
START_TEST(unknown_and_broadcast_frames_go_to_all_but_where_they_came_from)
{
	static const uint64_t to[] = {NOBODY, BCAST, 0x333300000001ull};

	two_in_red();
	for (uint32_t i = 0; i < 3; i++) {
		frame(&a_pkt, to[i], UE_A);
		ue_sends("a", &a_pkt);
		ck_assert_uint_eq(rig.outs, 5);
		ck_assert_uint_eq(rig.replicated, 4);
		ck_assert_uint_eq(rig.drops, 0);
		ck_assert_uint_eq(count_ue(0x11, &a_pkt), 0);
		ck_assert_uint_eq(count_ue(0x12, &a_pkt), 1);
		ck_assert_uint_eq(count_out(net.lan, &a_pkt), 1);
		frame(&a_pkt, to[i], HOST_A);
		rig_begin();
		rig_send(net.lan, &a_pkt, 1);
		ck_assert_uint_eq(rig.outs, 5);
		ck_assert_uint_eq(count_ue(0x11, &a_pkt), 1);
		ck_assert_uint_eq(count_ue(0x12, &a_pkt), 1);
		/* from a tunnel: to attachments and sessions, not to the other tunnel */
		struct outer o = from_peer2(VNI_RED);

		frame(&a_pkt, to[i], HOST_C);
		wrap(&b_pkt, &o, &a_pkt);
		rig_begin();
		rig_send(net.wan, &b_pkt, 1);
		ck_assert_uint_eq(rig.outs, 4);
		ck_assert_uint_eq(count_ue(0x11, &a_pkt), 1);
	}
	ck_assert_uint_eq(rig_session_counters("b").dl_packets, 9);
}
END_TEST

START_TEST(sessions_of_two_slices_with_the_same_macs_never_meet)
{
	eth_session("a", "red", 0x11);
	eth_session("x", "blue", 0x21);
	frame(&a_pkt, HOST_A, UE_A);
	ue_sends("a", &a_pkt);
	expect_out("red's host A", net.lan, &a_pkt);
	ue_sends("x", &a_pkt);
	tagged(&b_pkt, &a_pkt, 0x8100, 10);
	expect_out("blue's host A", net.lan, &b_pkt);
	rig_poll();
	ck_assert_uint_ne(door_of(net.red, UE_A), door_of(net.blue, UE_A));
	frame(&a_pkt, UE_A, HOST_A);
	rig_begin();
	rig_send(net.lan, &a_pkt, 1);
	expect_ue("red's", 0x11, &a_pkt);
	tagged(&b_pkt, &a_pkt, 0x8100, 10);
	rig_begin();
	rig_send(net.lan, &b_pkt, 1);
	expect_ue("blue's", 0x21, &a_pkt);
	frame(&a_pkt, BCAST, UE_A);
	ue_sends("x", &a_pkt);
	ck_assert_uint_eq(count_ue(0x11, &a_pkt), 0);
	ck_assert_uint_eq(rig.outs, 3); /* lan, lan2, t2 */
}
END_TEST

START_TEST(filters_look_at_macs_and_types)
{
	rig_sessions(session_json("a", "red", 0x11,
		",'ethernet':[{'source':'02:00:00:00:00:a1','ethertype':2048}]",
		",'ethernet':[{'source':'02:00:00:00:00:0a'},{'ethertype':2054}]"));
	frame(&a_pkt, HOST_A, UE_A);
	ue_sends("a", &a_pkt);
	expect_out("both match", net.lan, &a_pkt);
	rig_poll();
	frame(&a_pkt, HOST_A, UE_B);
	ue_sends("a", &a_pkt);
	expect_drop("another source", DROP_PDR_NONE);
	struct spec s = {.dst = HOST_A, .src = UE_A, .type = 0x88b5, .payload = 60};

	build(&a_pkt, &s);
	ue_sends("a", &a_pkt);
	expect_drop("another type", DROP_PDR_NONE);
	frame(&a_pkt, UE_A, HOST_A);
	rig_begin();
	rig_send(net.lan, &a_pkt, 1);
	expect_ue("down, from the host that may", 0x11, &a_pkt);
	frame(&a_pkt, UE_A, HOST_B);
	tagged(&b_pkt, &a_pkt, 0x8100, 20);
	rig_begin();
	rig_send(net.lan2, &b_pkt, 1);
	expect_drop("down, from another", DROP_PDR_NONE);
}
END_TEST

/* One UE, VLAN 5 in red and VLAN 6 in blue. */
START_TEST(a_tag_at_the_ue_means_a_slice)
{
	rig_sessions("{'name':'a','slice':'red','pdrs':["
		     "{'id':1,'precedence':1,'source':'access','gtpu':'n3','far':1,"
		     "'ethernet':[{'vlan':5}]},"
		     "{'id':2,'precedence':2,'source':'access','gtpu':'n3','far':2,"
		     "'ethernet':[{'vlan':6}]},"
		     "{'id':3,'precedence':9,'source':'access','gtpu':'n3','far':1},"
		     "{'id':4,'precedence':1,'source':'core','far':3},"
		     "{'id':5,'precedence':1,'source':'core','slice':'blue','far':3,"
		     "'ethernet':[{'vlan':6}]}],"
		     "'fars':[{'id':1,'action':'forward'},"
		     "{'id':2,'action':'forward','slice':'blue'},"
		     "{'id':3,'action':'forward','destination':'access',"
		     "'outer_header':{'teid':17,'peer':'198.18.0.2'}}]}");
	frame(&a_pkt, HOST_A, UE_A);
	tagged(&b_pkt, &a_pkt, 0x8100, 5);
	ue_sends("a", &b_pkt);
	expect_out("VLAN 5 is red", net.lan, &a_pkt);
	tagged(&b_pkt, &a_pkt, 0x8100, 0xe006);
	ue_sends("a", &b_pkt);
	tagged(&b_pkt, &a_pkt, 0x8100, 10);
	expect_out("VLAN 6 is blue", net.lan, &b_pkt);
	ue_sends("a", &a_pkt);
	expect_out("PDR 3 takes what has no tag", net.lan, &a_pkt);
	tagged(&b_pkt, &a_pkt, 0x8100, 0xe000);
	ue_sends("a", &b_pkt);
	expect_out("a priority tag is none", net.lan, &a_pkt);
	tagged(&b_pkt, &a_pkt, 0x8100, 7);
	ue_sends("a", &b_pkt);
	expect_drop("a tag that no filter names", DROP_VLAN_STACKED);
	tagged(&b_pkt, &a_pkt, 0x88a8, 5);
	ue_sends("a", &b_pkt);
	expect_drop("a service tag", DROP_VLAN_STACKED);
	tagged(&b_pkt, &a_pkt, 0x8100, 9);
	tagged(&in_pkt, &b_pkt, 0x8100, 5);
	ue_sends("a", &in_pkt);
	expect_drop("a tag behind the tag", DROP_VLAN_STACKED);
	rig_poll();
	frame(&a_pkt, UE_A, HOST_A);
	tagged(&b_pkt, &a_pkt, 0x8100, 5);
	rig_begin();
	rig_send(net.lan, &a_pkt, 1);
	expect_ue("from red: tag 5", 17, &b_pkt);
	tagged(&b_pkt, &a_pkt, 0x8100, 10);
	rig_begin();
	rig_send(net.lan, &b_pkt, 1);
	tagged(&b_pkt, &a_pkt, 0x8100, 6);
	expect_ue("from blue: tag 6", 17, &b_pkt);
}
END_TEST

START_TEST(what_an_ethernet_session_may_not_say)
{
	static const struct {
		const char *up, *down, *path;
	} bad[] = {
		{",'filters':['permit out ip from any to assigned']", "", "filters"},
		{",'ethernet':[{'vlan':5},{'vlan':6}]", "", "pdrs[0].ethernet[1].vlan"},
		{",'ethernet':[{'vlan':5}]", ",'ethernet':[{'vlan':6}]",
			"pdrs[1].ethernet[0].vlan"},
	};
	uint32_t before = session_count();
	struct rpc_error err;

	for (uint32_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memset(&err, 0, sizeof(err));
		ck_assert_int_eq(
			rig_sessions_try(
				session_json("a", "red", 0x11, bad[i].up, bad[i].down), &err),
			-1);
		ck_assert_msg(strstr(err.path, bad[i].path) != NULL, "path %s, want %s", err.path,
			bad[i].path);
	}
	memset(&err, 0, sizeof(err));
	ck_assert_int_eq(rig_sessions_try("{'name':'a','slice':'red','pdrs':["
					  "{'id':1,'precedence':1,'source':'core','far':1}],"
					  "'fars':[{'id':1,'action':'forward'}]}",
				 &err),
		-1);
	ck_assert_msg(strstr(err.path, "fars[0].destination") != NULL, "path %s", err.path);
	ck_assert_uint_eq(session_count(), before);
	frame(&a_pkt, BCAST, HOST_A);
	rig_begin();
	rig_send(net.lan, &a_pkt, 1);
	ck_assert_uint_eq(rig.outs, 3); /* nothing half-made is flooded to */
}
END_TEST

START_TEST(what_is_no_frame_is_dropped_by_name)
{
	struct gtpu g;

	eth_session("a", "red", 0x11);
	g = from_gnb(rig_teid("a", 1));
	frame(&a_pkt, HOST_A, UE_A);
	for (uint32_t len = 0; len < 14; len++) {
		build_gtpu_raw(&c_pkt, &g, a_pkt.b, len);
		rig_begin();
		rig_send(net.wan, &c_pkt, 1);
		expect_drop("shorter than an Ethernet header", DROP_UE_PACKET);
	}
	frame(&a_pkt, HOST_A, 0x010000000001ull);
	ue_sends("a", &a_pkt);
	expect_drop("from a group", DROP_SOURCE_MAC);
	frame(&a_pkt, HOST_A, 0);
	ue_sends("a", &a_pkt);
	expect_drop("from nobody", DROP_SOURCE_MAC);
	ck_assert_uint_eq(rig_session_counters("a").dropped, 16);
	ck_assert_uint_eq(rig_session_counters("a").ul_packets, 0);
	frame(&a_pkt, HOST_A, UE_A);
	a_pkt.len = 14;
	ue_sends("a", &a_pkt);
	expect_out("a header alone is one", net.lan, &a_pkt);
}
END_TEST

START_TEST(a_session_that_goes_is_forgotten)
{
	two_in_red();
	rig_session_gone("a");
	ck_assert_uint_eq(door_of(net.red, UE_A), 0);
	ck_assert_uint_eq(DOOR_KIND(door_of(net.red, UE_B)), DOOR_SESSION);
	frame(&a_pkt, UE_A, HOST_A);
	rig_begin();
	rig_send(net.lan, &a_pkt, 1);
	ck_assert_uint_eq(rig.outs, 4); /* lan2, t2, t6, b */
	ck_assert_uint_eq(count_ue(0x11, &a_pkt), 0);
	ck_assert_uint_eq(count_ue(0x12, &a_pkt), 1);
	/* another one, with the index that has become free or not, knows nothing of it */
	eth_session("c", "red", 0x13);
	rig_begin();
	rig_send(net.lan, &a_pkt, 1);
	ck_assert_uint_eq(rig.outs, 5);
	rig_session_gone("b");
	rig_session_gone("c");
	rig_begin();
	rig_send(net.lan, &a_pkt, 1);
	ck_assert_uint_eq(rig.outs, 3);
	ck_assert_uint_eq(rig.drops, 0);
}
END_TEST

START_TEST(a_mac_moves_between_sessions_and_attachments)
{
	two_in_red();
	door_t a = door_of(net.red, UE_A);

	frame(&a_pkt, HOST_A, UE_A);
	ue_sends("b", &a_pkt);
	rig_poll();
	ck_assert_uint_ne(door_of(net.red, UE_A), a);
	frame(&a_pkt, HOST_B, UE_A);
	rig_send(net.lan, &a_pkt, 1);
	rig_poll();
	ck_assert_uint_eq(door_of(net.red, UE_A), DOOR_ATTACHMENT | net.red_lan);
	frame(&a_pkt, HOST_B, HOST_A); /* a static one stays */
	ue_sends("a", &a_pkt);
	rig_poll();
	ck_assert_uint_eq(door_of(net.red, HOST_A), DOOR_ATTACHMENT | net.red_lan);
}
END_TEST

/* Of 1500: IPv4, UDP, GTP-U (36), and the frame's own header; with a container 8 more. */
START_TEST(a_frame_that_does_not_fit_the_path_is_dropped)
{
	two_in_red();
	for (uint32_t len = 1463; len <= 1465; len++) {
		struct spec s = {.dst = UE_A, .src = HOST_A, .type = 0x88b5, .payload = len - 14};

		build(&a_pkt, &s);
		rig_begin();
		rig_send(net.lan, &a_pkt, 1);
		if (len <= 1464)
			expect_ue("it fits", 0x11, &a_pkt);
		else
			expect_drop("it does not", DROP_UNDERLAY_MTU);
	}
}
END_TEST

/* Both directions: what comes back is bridged as if it had just come. */
START_TEST(frames_are_held_and_then_go_on_in_order)
{
	two_in_red();
	action_up = action_down = "buffer";
	eth_session("a", "red", 0x11);
	frame(&a_pkt, BCAST, UE_A);
	ue_sends("a", &a_pkt);
	ck_assert_uint_eq(rig.outs + rig.drops, 0);
	frame(&b_pkt, UE_A, HOST_A);
	rig_send(net.lan, &b_pkt, 1);
	b_pkt.b[b_pkt.len - 1]++;
	rig_send(net.lan, &b_pkt, 1);
	ck_assert_uint_eq(rig.outs + rig.drops, 0);
	rig_poll();
	action_up = action_down = "forward";
	rig_begin();
	eth_session("a", "red", 0x11);
	for (uint32_t i = 0; i < 4; i++) {
		rig_advance(0.01);
		rig_poll();
	}
	frame(&b_pkt, NOBODY, UE_B); /* so that what left is collected */
	ue_sends("b", &b_pkt);
	ck_assert_uint_eq(rig.drops, 0);
	ck_assert_uint_eq(rig_session_counters("a").ul_packets, 2);
	ck_assert_uint_eq(rig_session_counters("a").dl_packets, 2 + 1);
}
END_TEST

START_TEST(suppression_answers_for_hosts_behind_sessions)
{
	struct api_slice cfg = {.name = "quiet",
		.vni = 777,
		.max_macs = 64,
		.mac_ageing_s = 300,
		.flood_pps = 10000,
		.suppress = true};
	uint16_t slice = rig_slice_as(&cfg);

	rig_attachment(slice, net.lan, 77);
	rig_attachment(slice, net.lan2, 77);
	rig_upf_slice("quiet", slice);
	eth_session("a", "quiet", 0x11);
	struct arp arp = {.dst = BCAST, .src = UE_A, .spa = "10.0.0.1", .tpa = "10.0.0.2"};

	build_arp(&a_pkt, &arp);
	ue_sends("a", &a_pkt);
	ck_assert_uint_eq(rig.outs, 2);
	rig_poll();
	arp = (struct arp){.dst = BCAST, .src = HOST_A, .spa = "10.0.0.2", .tpa = "10.0.0.1"};
	build_arp(&a_pkt, &arp);
	tagged(&b_pkt, &a_pkt, 0x8100, 77);
	rig_begin();
	rig_send(net.lan, &b_pkt, 1);
	ck_assert_uint_eq(rig.answered, 1);
	ck_assert_uint_eq(rig.outs, 1);
	ck_assert_uint_eq(rig_out[0].port, net.lan);
	rig_poll();
	/* and the other way round: the UE asks for the host, its own answer comes back */
	arp = (struct arp){.dst = BCAST, .src = UE_A, .spa = "10.0.0.1", .tpa = "10.0.0.2"};
	build_arp(&a_pkt, &arp);
	ue_sends("a", &a_pkt);
	ck_assert_uint_eq(rig.answered, 1);
	ck_assert_uint_eq(rig.outs, 1);
	ck_assert_uint_eq(rig_out[0].port, net.wan);
	rig_session_gone("a");
}
END_TEST

/* More than a burst of doors; some go, others take their places. */
START_TEST(floods_reach_every_session_once)
{
	char name[16];

	for (uint32_t i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "s%u", i);
		eth_session(name, "red", 0x1000 + i);
	}
	for (uint32_t i = 0; i < 200; i += 3) {
		snprintf(name, sizeof(name), "s%u", i);
		rig_session_gone(name);
	}
	for (uint32_t i = 200; i < 220; i++) {
		snprintf(name, sizeof(name), "s%u", i);
		eth_session(name, "red", 0x1000 + i);
	}
	frame(&a_pkt, BCAST, HOST_A);
	rig_begin();
	rig_send(net.lan, &a_pkt, 1);
	ck_assert_uint_eq(rig.outs, 3 + 133 + 20);
	ck_assert_uint_eq(rig.drops, 0);
	for (uint32_t i = 0; i < 220; i++)
		ck_assert_uint_eq(count_ue(0x1000 + i, &a_pkt), i >= 200 || i % 3 != 0);
}
END_TEST

TCase *upf_ethernet_tests(void)
{
	TCase *tc = tcase_create("ethernet");

	tcase_add_checked_fixture(tc, setup, upf_teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, a_ue_is_bridged_to_a_host_and_back);
	tcase_add_test(tc, two_ues_of_a_slice_talk_to_each_other);
	tcase_add_test(tc, tunnels_and_sessions_reach_each_other);
	tcase_add_test(tc, unknown_and_broadcast_frames_go_to_all_but_where_they_came_from);
	tcase_add_test(tc, sessions_of_two_slices_with_the_same_macs_never_meet);
	tcase_add_test(tc, filters_look_at_macs_and_types);
	tcase_add_test(tc, a_tag_at_the_ue_means_a_slice);
	tcase_add_test(tc, what_an_ethernet_session_may_not_say);
	tcase_add_test(tc, what_is_no_frame_is_dropped_by_name);
	tcase_add_test(tc, a_session_that_goes_is_forgotten);
	tcase_add_test(tc, a_mac_moves_between_sessions_and_attachments);
	tcase_add_test(tc, a_frame_that_does_not_fit_the_path_is_dropped);
	tcase_add_test(tc, frames_are_held_and_then_go_on_in_order);
	tcase_add_test(tc, suppression_answers_for_hosts_behind_sessions);
	tcase_add_test(tc, floods_reach_every_session_once);
	return tc;
}
