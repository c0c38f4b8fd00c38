/* SPDX-License-Identifier: BSD-3-Clause */
/* Idle UEs, handover, and copies: what leaves at the old and the new tunnel, and in which order.
 * Packets carry their number as UDP source port. TS 29.244 5.2.3, 5.4.3, TS 23.501 5.8.2.9. (Two
 * workers, and bounds over many sessions: tests/unit/test_hold*.c.) */
#include <stdio.h>
#include <string.h>

#include "attachment.h"
#include "event.h"
#include "hold.h"
#include "rcu.h"
#include "slice.h"
#include "upf_net.h"

#define OLD	"'outer_header':{'teid':4097,'peer':'198.18.0.2'}"
#define NEW	"'outer_header':{'teid':4098,'peer':'198.18.0.3'}"
#define FORWARD "'action':'forward','destination':'access',"

static uint32_t number; /* of the next packet */
static struct upf_event event;
static uint32_t events;

static void on_event(const struct upf_event *e)
{
	event = *e;
	events++;
}

static void hold_setup(void)
{
	upf_setup();
	number = 1;
	events = 0;
	upf_on_event = on_event;
}

static void hold_teardown(void)
{
	upf_on_event = NULL;
	upf_teardown();
}

/* far: the downlink FAR without its id; more: of the session. */
static void put(const char *far, const char *more)
{
	char text[2048];

	snprintf(text, sizeof(text),
		"{'name':'s','slice':'internet','ue':{'ipv4':'" UE1 "','ipv6':'fd45:0:0:1::/64'},"
		"'pdrs':[{'id':1,'precedence':1,'source':'access','gtpu':'n3','teid':7,"
		"'outer_header_removal':0,'far':1},"
		"{'id':22,'precedence':1,'source':'core','far':2,'urrs':[1],'qers':[1]}],"
		"'fars':[{'id':1,'action':'forward','destination':'core'},{'id':2,%s}],"
		"'qers':[{'id':1}],'urrs':[{'id':1,'measure':['volume']}]%s}",
		far, more);
	rig_sessions(text);
}

static void one_down_in(
	struct pkt *p, uint16_t slice, uint16_t vlan, const char *from, const char *to, uint32_t n)
{
	struct ip_packet i = {
		.dst = rig_l3_mac(slice), .src = HOST_A, .from = from, .to = to, .payload = 60};

	build_ip(p, &i);
	uint32_t at = 14 + (strchr(to, ':') != NULL ? 40 : 20);

	put16(p->b + at, n);
	put16(p->b + at + 6, 0); /* no checksum: IPv4 */
	memmove(p->b + 16, p->b + 12, p->len - 12);
	put16(p->b + 12, 0x8100);
	put16(p->b + 14, vlan);
	p->len += 4;
}

static void one_down(struct pkt *p, const char *from, const char *to, uint32_t n)
{
	one_down_in(p, un.internet, 30, from, to, n);
}

/* n packets from the network, each with the next number. */
static void down(uint32_t n)
{
	while (n-- > 0) {
		one_down(&in_pkt, "10.0.0.1", UE1, number++);
		rig_send(net.lan, &in_pkt, 1);
	}
}

/* rig_out[at] is packet `n` in this tunnel, or with n == 0 its end marker. */
static void expect_at(uint32_t at, const char *peer, uint32_t teid, uint32_t n)
{
	ck_assert_msg(at < rig.outs, "%u left, wanted one more (%u)", rig.outs, n);
	ck_assert_msg(gtpu_parse(&rig_out[at].pkt, &seen), "%u is no GTP-U", at);
	ck_assert_msg(
		!strcmp(seen.to, peer) && seen.teid == teid && seen.type == (n == 0 ? 254 : 255),
		"%u: type %u to %s %u, wanted %s %u (packet %u)", at, seen.type, seen.to, seen.teid,
		peer, teid, n);
	if (n != 0)
		ck_assert_msg(get16(seen.inner.b + 34) == n, "%u: packet %u, wanted %u", at,
			get16(seen.inner.b + 34), n);
}

static void expect_run(uint32_t at, const char *peer, uint32_t teid, uint32_t from, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		expect_at(at + i, peer, teid, from + i);
}

START_TEST(hold_then_forward_in_order)
{
	struct session_counters c;

	put("'action':'buffer','notify_cp':true", "");
	down(20);
	ck_assert_uint_eq(rig.outs, 0);
	ck_assert_int_eq(rig.held, 20);
	upf_poll();
	ck_assert_uint_eq(hold_total(), 20);
	ck_assert_uint_eq(events, 1);
	ck_assert_int_eq(event.kind, UPF_DOWNLINK_DATA);
	ck_assert_str_eq(event.session, "s");
	ck_assert_uint_eq(event.downlink_data.pdr_id, 22);
	c = rig_session_counters("s");
	ck_assert_uint_eq(c.dl_packets, 0); /* counted when sent */
	put(FORWARD OLD, "");
	down(5); /* newer ones, before the worker's tick */
	upf_turns();
	ck_assert_uint_eq(rig.outs, 25);
	expect_run(0, "198.18.0.2", 4097, 1, 25);
	ck_assert_int_eq(rig.held, 0);
	c = rig_session_counters("s");
	ck_assert_uint_eq(c.dl_packets, 25);
	ck_assert_uint_eq(c.dl_bytes, 25 * 80);
	ck_assert_uint_eq(events, 1);
}
END_TEST

/* The packet that was held is the one that would have left: TTL, bytes and all. */
START_TEST(hold_leaves_the_packet_as_it_is)
{
	for (int v6 = 0; v6 < 2; v6++) {
		put("'action':'buffer'", "");
		send_down(v6 ? "fd00::1" : "10.0.0.1", v6 ? UE1_6 : UE1, 77);
		put(FORWARD OLD, "");
		rig_advance(0.002);
		expect_gtpu(v6 ? "v6" : "v4", "198.18.0.2", 4097, -1, 1);
		upf_turns();
	}
}
END_TEST

/* UE1's session, with these FARs. */
static void put_fars(const char *fars)
{
	char text[1024];

	snprintf(text, sizeof(text),
		"{'name':'s','slice':'internet','ue':{'ipv4':'" UE1 "'},'pdrs':["
		"{'id':1,'precedence':100,'source':'access','gtpu':'n3','outer_header_removal':0,"
		"'far':1},{'id':2,'precedence':100,'source':'core','far':2}],'fars':[%s]}",
		fars);
	rig_sessions(text);
}

/* Lists of FARs have no order: it is the id that says which is which. */
START_TEST(held_packets_know_their_far_by_its_id)
{
	const char *hold = "{'id':2,'action':'buffer','destination':'access','notify_cp':true,"
			   "'outer_header':{'teid':4097,'peer':'198.18.0.2'}}";
	char fars[512];

	snprintf(fars, sizeof(fars), "{'id':1,'action':'forward','destination':'core'},%s", hold);
	put_fars(fars);
	down(3);
	upf_turns();
	snprintf(fars, sizeof(fars), "%s,{'id':1,'action':'forward','destination':'core'}", hold);
	put_fars(fars);
	upf_turns();
	down(2);
	upf_turns();
	ck_assert_uint_eq(hold_total(), 5);
	ck_assert_uint_eq(events, 1);
	put_fars("{'id':1,'action':'drop'},{'id':2,'action':'forward','destination':'access',"
		 "'outer_header':{'teid':4097,'peer':'198.18.0.2'}}");
	upf_turns();
	ck_assert_uint_eq(rig.outs, 5);
	expect_run(0, "198.18.0.2", 4097, 1, 5);
}
END_TEST

/* It was nobody's, and the tunnel that it named is in use. */
START_TEST(a_far_that_no_pdr_names_ends_no_tunnel)
{
	char fars[512];

	for (int teid = 4097; teid < 4099; teid++) {
		snprintf(fars, sizeof(fars),
			"{'id':1,'action':'forward','destination':'core'},"
			"{'id':2,'action':'forward','destination':'access',"
			"'outer_header':{'teid':4097,'peer':'198.18.0.2'}},"
			"{'id':3,'action':'forward','destination':'access','end_marker':true,"
			"'outer_header':{'teid':%d,'peer':'198.18.0.2'}}",
			teid);
		put_fars(fars);
	}
	upf_turns();
	ck_assert_uint_eq(rig.outs, 0);
}
END_TEST

START_TEST(hold_then_drop_or_delete)
{
	for (int gone = 0; gone < 2; gone++) {
		put("'action':'buffer'", "");
		rig_begin();
		down(7);
		upf_poll();
		down(3);
		if (gone)
			rig_session_gone("s");
		else
			put("'action':'drop'", "");
		upf_turns();
		ck_assert_uint_eq(rig.drop[DROP_HOLD_DROPPED], 10);
		ck_assert_uint_eq(rig.drops, 10);
		ck_assert_uint_eq(rig.outs, 0);
		if (!gone)
			ck_assert_uint_eq(rig_session_counters("s").dropped, 10);
	}
}
END_TEST

/* To a prefix that the UE loses: when it is held, and when it is on its way back. */
START_TEST(hold_drops_what_was_to_an_address_that_is_lost)
{
	static const char *const text = "{'name':'s','slice':'internet','ue':{'ipv4':'" UE1 "'%s},"
					"'pdrs':[{'id':22,'precedence':1,'source':'core','far':2}],"
					"'fars':[{'id':2,%s}]}";
	char now[1024];

	for (int back = 0; back < 2; back++) {
		snprintf(now, sizeof(now), text, ",'ipv6':'fd45:0:0:1::/64'", "'action':'buffer'");
		rig_sessions(now);
		rig_begin();
		for (int i = 0; i < 3; i++) {
			one_down(&in_pkt, "fd00::1", UE1_6, number++);
			rig_send(net.lan, &in_pkt, 1);
		}
		number = 1;
		down(4);
		ck_assert_int_eq(rig.held, 7);
		upf_poll();
		if (back) {
			snprintf(now, sizeof(now), text, ",'ipv6':'fd45:0:0:1::/64'", FORWARD OLD);
			rig_sessions(now);
		}
		snprintf(now, sizeof(now), text, "", FORWARD NEW);
		rig_sessions(now);
		upf_turns();
		ck_assert_uint_eq(rig.drop[DROP_HOLD_DROPPED], 3);
		ck_assert_uint_eq(rig.drops, 3);
		ck_assert_uint_eq(rig.outs, 4);
		expect_run(0, "198.18.0.3", 4098, 1, 4);
		ck_assert_int_eq(rig.held, 0);
	}
}
END_TEST

START_TEST(hold_no_more_than_the_bar_says)
{
	put("'action':'buffer'", ",'bar':{'id':1,'packets':4}");
	for (int i = 0; i < 10; i++) {
		down(1);
		upf_poll();
	}
	upf_turns();
	ck_assert_uint_eq(rig.drop[DROP_HOLD_FULL], 6);
	put(FORWARD OLD, "");
	upf_turns();
	ck_assert_uint_eq(rig.outs, 4);
	expect_run(0, "198.18.0.2", 4097, 1, 4);
}
END_TEST

/* Ports of the rig have 2,047 buffers: a quarter may be held, by one slice half of that. */
#define OF_A_SLICE 256

START_TEST(hold_leaves_the_port_its_buffers)
{
	put("'action':'buffer'", ",'bar':{'id':1,'packets':60000}");
	for (int i = 0; i < 40; i++) {
		rig_begin();
		down(100);
		upf_poll();
	}
	upf_turns();
	ck_assert_uint_eq(hold_total(), OF_A_SLICE);
	upf_session("b", "internet", UE2, ""); /* others go on */
	rig_begin();
	send_down("10.0.0.1", UE2, 60);
	expect_gtpu("another UE", "198.18.0.2", GNB_TEID, 9, 1);
	rig_session_gone("s");
	upf_turns();
}
END_TEST

/* A session with a UE of both families, by number; extra begins with a comma. */
static void put_of(const char *slice, uint32_t ue, const char *far, const char *extra)
{
	char text[1024];

	snprintf(text, sizeof(text),
		"{'name':'%s%u','slice':'%s','ue':{'ipv4':'10.45.1.%u',"
		"'ipv6':'fd45:0:1:%x::/64'},"
		"'pdrs':[{'id':22,'precedence':1,'source':'core','far':2}],"
		"'fars':[{'id':2,%s}]%s}",
		slice, ue, slice, ue, ue, far, extra);
	rig_sessions(text);
}

static void down_to(uint16_t slice, uint32_t ue, bool v6, uint32_t from, uint32_t n)
{
	char to[46];

	snprintf(to, sizeof(to), v6 ? "fd45:0:1:%x::1" : "10.45.1.%u", ue);
	while (n-- > 0) {
		one_down_in(&in_pkt, slice, slice == un.internet ? 30 : 40,
			v6 ? "fd00::1" : "10.0.0.1", to, from++);
		rig_send(net.lan, &in_pkt, 1);
	}
}

/* Of this slice as many come as there are buffers: to one UE for which any number is held, or to
 * many as they are by default. */
static void greedy(uint16_t slice, uint32_t ues, bool v6)
{
	for (uint32_t ue = 1; ue <= ues; ue++)
		put_of("internet", ue, "'action':'buffer'",
			ues == 1 ? ",'bar':{'id':1,'packets':65535}" : "");
	for (uint32_t k = 0; k < 2048 / ues; k += 32)
		for (uint32_t ue = 1; ue <= ues; ue++) {
			down_to(slice, ue, v6, k, 32);
			upf_poll();
		}
}

/* What one slice has held takes nothing from another, and is all given back when it goes. */
START_TEST(hold_of_one_slice_leaves_another_its_packets)
{
	bool v6 = _i & 1;
	uint32_t ues = _i & 2 ? 32 : 1;
	char name[64];

	for (uint32_t round = 0; round < 3; round++) {
		rig_begin();
		greedy(un.internet, ues, v6);
		ck_assert_uint_eq(hold_total(), OF_A_SLICE);
		ck_assert_int_eq(rig.held, OF_A_SLICE);
		put_of("other", 1, "'action':'buffer'", "");
		rig_begin();
		down_to(un.other, 1, v6, 1, 20);
		upf_poll();
		ck_assert_uint_eq(rig.drops, 0);
		ck_assert_int_eq(rig.held, 20);
		put_of("other", 1, FORWARD OLD, "");
		upf_turns();
		ck_assert_uint_eq(rig.outs, 20);
		for (uint32_t i = 0; i < 20; i++) {
			ck_assert(gtpu_parse(&rig_out[i].pkt, &seen));
			ck_assert_uint_eq(seen.teid, 4097);
			ck_assert_uint_eq(get16(seen.inner.b + (v6 ? 54 : 34)), i + 1);
		}
		rig_begin();
		for (uint32_t ue = 1; ue <= ues; ue++) {
			snprintf(name, sizeof(name), "internet%u", ue);
			rig_session_gone(name);
		}
		upf_turns();
		ck_assert_int_eq(rig.held, -OF_A_SLICE);
		ck_assert_uint_eq(rig.drop[DROP_HOLD_DROPPED], OF_A_SLICE);
		ck_assert_uint_eq(hold_total(), 0);
	}
}
END_TEST

static uint64_t slice_dropped_of(uint16_t slice, enum drop_reason why)
{
	uint64_t drops[DROP_REASONS];

	slice_drops_read(slice, drops);
	return drops[why];
}

static uint64_t slice_dropped(enum drop_reason why)
{
	return slice_dropped_of(un.internet, why);
}

/* The next slice with the same id counts none of the packets of the one before. */
START_TEST(a_slice_that_goes_is_counted_to_the_end)
{
	uint16_t late = rig_l3_slice(600), door = rig_attachment(late, net.lan, 60), next, again;
	struct pkt p;

	rig_gateway(late, door, "10.6.0.254/24");
	rig_upf_slice("late", late);
	put_of("late", 1, "'action':'buffer'", "");
	for (uint32_t i = 0; i < 20; i++) {
		one_down_in(&p, late, 60, "10.0.0.1", "10.45.1.1", i);
		rig_send(net.lan, &p, 1);
	}
	ck_assert_int_eq(rig.held, 20);
	rig_session_gone("late1");
	rig_gateway_gone(late, door, "10.6.0.254/24");
	attachment_unset(door);
	slice_unset(late);
	rcu_reclaim(true); /* a grace period, before the worker has carried out its orders */
	ck_assert_int_eq(slice_reserve(&next), 0);
	ck_assert_uint_ne(next, late);
	rig_advance(0.002);
	ck_assert_uint_eq(rig.drop[DROP_HOLD_DROPPED], 20);
	ck_assert_uint_eq(slice_dropped_of(late, DROP_HOLD_DROPPED), 20);
	upf_poll(); /* hears of it */
	rig_begin();
	ck_assert_int_eq(slice_reserve(&again), 0);
	ck_assert_uint_eq(again, late);
	ck_assert_uint_eq(slice_dropped_of(late, DROP_HOLD_DROPPED), 0);
	slice_release(next);
	slice_release(again);
}
END_TEST

/* Traffic before, at, and after a handover. */
START_TEST(handover_sends_the_marker_between_old_and_new)
{
	put(FORWARD OLD, "");
	down(10);
	put(FORWARD "'end_marker':true," NEW, "");
	down(10);
	upf_turns();
	ck_assert_uint_eq(rig.outs, 21);
	expect_run(0, "198.18.0.2", 4097, 1, 10);
	expect_at(10, "198.18.0.2", 4097, 0);
	expect_run(11, "198.18.0.3", 4098, 11, 10);
	ck_assert_uint_eq(rig.originated, 1);
	/* said again, nothing has changed: no marker */
	put(FORWARD "'end_marker':true," NEW, "");
	down(1);
	upf_turns();
	ck_assert_uint_eq(rig.outs, 22);
	expect_at(21, "198.18.0.3", 4098, 21);
}
END_TEST

/* Old tunnel, idle, new tunnel: TS 23.502 4.2.3.3 with 4.9.1.3. */
START_TEST(handover_while_packets_are_held)
{
	put(FORWARD OLD, "");
	down(3);
	put("'action':'buffer','destination':'access'," OLD, "");
	down(4);
	put(FORWARD "'end_marker':true," NEW, "");
	down(3);
	upf_turns();
	ck_assert_uint_eq(rig.outs, 11);
	expect_run(0, "198.18.0.2", 4097, 1, 3);
	expect_at(3, "198.18.0.2", 4097, 0);
	expect_run(4, "198.18.0.3", 4098, 4, 7);
}
END_TEST

/* An end marker comes but once: another port's buffer does, and what cannot be sent has a name. */
START_TEST(a_marker_without_a_buffer_or_a_path_is_counted)
{
	put(FORWARD OLD, "");
	ck_assert_uint_gt(rig_take_buffers(net.wan, 0), 0);
	put(FORWARD "'end_marker':true," NEW, "");
	upf_turns();
	ck_assert_uint_eq(rig.outs, 1);
	ck_assert_uint_eq(rig.originated, 1);
	expect_at(0, "198.18.0.2", 4097, 0);
	rig_begin();
	ck_assert_uint_gt(rig_take_buffers(net.lan, 0), 0);
	ck_assert_uint_gt(rig_take_buffers(net.lan2, 0), 0);
	put(FORWARD "'end_marker':true," OLD, "");
	upf_turns();
	rig_give_buffers();
	ck_assert_uint_eq(rig.outs, 0);
	ck_assert_uint_eq(rig.originated, 1);
	ck_assert_uint_eq(rig.drop[DROP_MARKER_NO_MBUF], 1);
	ck_assert_uint_eq(slice_dropped(DROP_MARKER_NO_MBUF), 1);
	put(FORWARD "'outer_header':{'teid':5,'peer':'203.0.113.3'}", "");
	rig_begin();
	put(FORWARD "'end_marker':true," OLD, "");
	upf_turns();
	ck_assert_uint_eq(rig.outs, 0);
	ck_assert_uint_eq(rig.drop[DROP_NO_ROUTE], 1);
	ck_assert_uint_eq(slice_dropped(DROP_NO_ROUTE), 1);
}
END_TEST

START_TEST(handover_without_being_asked_sends_no_marker)
{
	put(FORWARD OLD, "");
	down(2);
	put(FORWARD NEW, "");
	down(2);
	upf_turns();
	ck_assert_uint_eq(rig.outs, 4);
	expect_run(2, "198.18.0.3", 4098, 3, 2);
}
END_TEST

/* Uplink of a FAR that buffers, and downlink that came over N9. */
START_TEST(hold_both_directions_by_tunnel)
{
	static const char *const text =
		"{'name':'n','slice':'internet','ue':{'ipv4':'" UE2 "'},"
		"'pdrs':[{'id':1,'precedence':1,'source':'access','gtpu':'n3','teid':71,"
		"'outer_header_removal':0,'far':1},"
		"{'id':2,'precedence':1,'source':'core','gtpu':'n9','teid':72,'qfi':5,"
		"'outer_header_removal':0,'far':2}],"
		"'fars':[{'id':1,'action':'%s','destination':'core'},"
		"{'id':2,'action':'%s','destination':'access'," OLD "}]}";
	char now[1024];
	struct ip_packet i = {.from = "10.9.0.1", .to = UE2, .payload = 60};
	struct gtpu g = {.dst = rig_port_mac(net.wan),
		.src = UPF2,
		.from = "198.18.0.3",
		.to = "198.18.0.9",
		.teid = 72,
		.psc = true,
		.qfi = 5};

	snprintf(now, sizeof(now), text, "buffer", "buffer");
	rig_sessions(now);
	rig_begin();
	send_up(71, UE2, "10.0.0.1");
	ck_assert_int_eq(rig.held, 1);
	build_ip(&want_pkt, &i);
	build_gtpu(&in_pkt, &g, &want_pkt);
	rig_begin();
	rig_send(net.wan, &in_pkt, 1);
	ck_assert_int_eq(rig.held, 1);
	snprintf(now, sizeof(now), text, "forward", "forward");
	rig_sessions(now);
	rig_begin();
	upf_turns();
	ck_assert_uint_eq(rig.outs, 2);
	ck_assert_uint_eq(rig_out[0].port == net.lan || rig_out[1].port == net.lan, 1);
	expect_at(rig_out[0].port == net.lan, "198.18.0.2", 4097, get16(want_pkt.b + 34));
}
END_TEST

/* Its header is made anew as it is let go: by its own family. */
START_TEST(what_was_held_uplink_is_a_frame_of_its_family)
{
	static const char *const text =
		"{'name':'n','slice':'internet','ue':{'ipv4':'" UE2 "','ipv6':'fd45:0:0:1::/64'},"
		"'pdrs':[{'id':1,'precedence':1,'source':'access','gtpu':'n3','teid':71,"
		"'outer_header_removal':0,'far':1}],"
		"'fars':[{'id':1,'action':'%s','destination':'core'}]}";
	char now[1024];

	snprintf(now, sizeof(now), text, "buffer");
	rig_sessions(now);
	rig_begin();
	send_up(71, _i ? UE1_6 : UE2, _i ? "fd00::1" : "10.0.0.1");
	ck_assert_int_eq(rig.held, 1);
	snprintf(now, sizeof(now), text, "forward");
	rig_sessions(now);
	rig_begin();
	upf_turns();
	expect_access("let go", net.lan, 30, HOST_A, un.internet);
	ck_assert_uint_eq(get16(rig_out[0].pkt.b + 16), _i ? 0x86dd : 0x0800);
}
END_TEST

/* What comes back and goes to another UE meets that one's flush in the midst of its own: it waits
 * its turn, and nothing is sent twice. */
START_TEST(held_packets_of_two_that_talk)
{
	static const char *const text =
		"[{'name':'a','slice':'internet','ue':{'ipv4':'" UE1 "'},'bar':{'packets':200},"
		"'pdrs':[{'id':1,'precedence':1,'source':'access','gtpu':'n3','teid':71,'far':1}],"
		"'fars':[{'id':1,'action':'%s','destination':'core'}]},"
		"{'name':'b','slice':'internet','ue':{'ipv4':'" UE2 "'},"
		"'pdrs':[{'id':2,'precedence':1,'source':'core','far':2}],"
		"'fars':[{'id':2,'action':'%s','destination':'access'," OLD "}]}]";
	enum { UP = 2 * BURST_MAX + 8 };
	char now[1024];

	snprintf(now, sizeof(now), text, "buffer", "buffer");
	rig_sessions(now);
	for (int i = 0; i < UP; i++) {
		rig_begin();
		send_up(71, UE1, UE2);
		ck_assert_int_eq(rig.held, 1);
		upf_poll();
	}
	rig_begin();
	one_down(&in_pkt, "10.0.0.1", UE2, 1);
	rig_send(net.lan, &in_pkt, 1);
	upf_poll();
	snprintf(now, sizeof(now), text, "forward", "forward");
	rig_sessions(now);
	rig_begin();
	upf_turns();
	upf_turns();
	ck_assert_uint_eq(rig.outs, UP + 1);
	ck_assert_uint_eq(rig_session_counters("a").ul_packets, UP);
	ck_assert_uint_eq(rig_session_counters("b").dl_packets, UP + 1);
}
END_TEST

TCase *upf_hold_tests(void)
{
	TCase *tc = tcase_create("upf_hold");

	tcase_add_checked_fixture(tc, hold_setup, hold_teardown);
	tcase_add_test(tc, hold_then_forward_in_order);
	tcase_add_test(tc, hold_leaves_the_packet_as_it_is);
	tcase_add_test(tc, held_packets_know_their_far_by_its_id);
	tcase_add_test(tc, a_far_that_no_pdr_names_ends_no_tunnel);
	tcase_add_test(tc, hold_then_drop_or_delete);
	tcase_add_test(tc, hold_drops_what_was_to_an_address_that_is_lost);
	tcase_add_test(tc, hold_no_more_than_the_bar_says);
	tcase_add_test(tc, hold_leaves_the_port_its_buffers);
	tcase_add_loop_test(tc, hold_of_one_slice_leaves_another_its_packets, 0, 4);
	tcase_add_test(tc, a_slice_that_goes_is_counted_to_the_end);
	tcase_add_test(tc, handover_sends_the_marker_between_old_and_new);
	tcase_add_test(tc, handover_while_packets_are_held);
	tcase_add_test(tc, a_marker_without_a_buffer_or_a_path_is_counted);
	tcase_add_test(tc, handover_without_being_asked_sends_no_marker);
	tcase_add_test(tc, hold_both_directions_by_tunnel);
	tcase_add_loop_test(tc, what_was_held_uplink_is_a_frame_of_its_family, 0, 2);
	tcase_add_test(tc, held_packets_of_two_that_talk);
	return tc;
}
