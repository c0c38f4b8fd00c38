/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets that sessions' lines serve (session_line.h) beside those that they do not: in order,
 * metered and counted as one, looked at by QFI, and what the slice's meter refuses is given back.
 * TEIDs are chosen here: by one that was put no line is found. */
#include <stdio.h>
#include <string.h>

#include "police.h"
#include "session_line.h"
#include "port.h"
#include "session_store.h"
#include "slice.h"
#include "trace.h"
#include "upf.h"
#include "upf_net.h"

#define LEN	 1200
#define BURST	 16 /* so many of them are a burst of the least size */
#define FAR_HOST "10.2.0.1"

static struct pkt burst[32];

static void put_in(
	const char *slice, const char *name, const char *ue, const char *pdr, const char *rest)
{
	char text[2048];

	snprintf(text, sizeof(text),
		"{'name':'%s','slice':'%s','ue':{'ipv4':'%s','ipv6':'fd45:0:0:%c::/64'},"
		"'pdrs':[{'id':1,'precedence':100,'source':'access','gtpu':'n3',"
		"'outer_header_removal':0,'far':1%s},"
		"{'id':2,'precedence':100,'source':'core','far':2%s}],"
		"'fars':[{'id':1,'action':'forward','destination':'core'},"
		"{'id':2,'action':'forward','destination':'access',"
		"'outer_header':{'teid':4097,'peer':'198.18.0.2'}}]%s}",
		name, slice, ue, name[0], pdr, pdr, rest);
	rig_sessions(text);
}

static void put(const char *name, const char *ue, const char *pdr, const char *rest)
{
	put_in("internet", name, ue, pdr, rest);
}

static const struct session_line *line(const char *name, bool down)
{
	return session_line(session_cells(0), session_find(name), down);
}

static void up(const char *from, const char *to, uint32_t teid, uint32_t n, uint32_t len)
{
	static struct pkt inner;
	struct ip_packet i = {.from = from, .to = to, .payload = len - 20};
	struct gtpu g = from_gnb(teid);

	for (uint32_t k = 0; k < n; k++) {
		build_ip(&inner, &i);
		build_gtpu(&burst[k], &g, &inner);
	}
	rig_begin();
	rig_send(net.wan, burst, n);
}

static void down(const char *to, uint32_t n, uint32_t len)
{
	static struct pkt frame;
	struct ip_packet i = {.dst = rig_l3_mac(un.internet),
		.src = HOST_A,
		.from = "10.0.0.1",
		.to = to,
		.payload = len - 20};

	build_ip(&frame, &i);
	for (uint32_t k = 0; k < n; k++) {
		memcpy(burst[k].b, frame.b, 12);
		put32(burst[k].b + 12, 0x81000000 | 30);
		memcpy(burst[k].b + 16, frame.b + 12, frame.len - 12);
		burst[k].len = frame.len + 4;
	}
	rig_begin();
	rig_send(net.lan, burst, n);
}

static void expect_split(uint32_t passed, uint32_t dropped, enum drop_reason why)
{
	ck_assert_msg(rig.outs == passed && rig.drops == dropped && rig.drop[why] == dropped,
		"%u left, want %u; %lu dropped, %lu for the reason, want %u", rig.outs, passed,
		rig.drops, rig.drop[why], dropped);
}

/* ---- order ---- */

/* Every third packet's header is one that only the block's way reads. */
START_TEST(packets_that_no_line_takes_are_not_overtaken)
{
	static struct pkt inner;

	put("a", UE1, "", "");
	ck_assert_uint_ne(line("a", false)->key, 0);
	for (uint32_t k = 0; k < 12; k++) {
		struct ip_packet i = {.from = UE1, .to = "10.0.0.1", .id = 100 + k, .payload = 60};
		struct gtpu g = from_gnb(rig_teid("a", 1));

		g.sequence = k % 3 == 0;
		build_ip(&inner, &i);
		build_gtpu(&burst[k], &g, &inner);
	}
	rig_begin();
	rig_send(net.wan, burst, 12);
	ck_assert_uint_eq(rig.outs, 12);
	for (uint32_t k = 0; k < 12; k++)
		ck_assert_uint_eq(get16(rig_out[k].pkt.b + 18 + 4), 100 + k);
}
END_TEST

/* A packet by the line in front of one that no line takes: neither has what is the other's. */
START_TEST(packets_that_no_line_takes_keep_what_is_theirs)
{
	static struct pkt inner;
	struct ip_packet i = {.from = UE1, .to = "10.0.0.1", .tos = 1, .payload = 60};
	struct gtpu g = from_gnb(0);

	put("a", UE1, "", "");
	g.teid = rig_teid("a", 1);
	build_ip(&inner, &i);
	build_gtpu(&burst[0], &g, &inner);
	g.sequence = true;
	g.tos = 3;
	build_gtpu(&burst[1], &g, &inner);
	rig_begin();
	rig_send(net.wan, burst, 2);
	ck_assert_uint_eq(rig.outs, 2);
	for (uint32_t k = 0; k < 2; k++) /* the line's first */
		ck_assert_uint_eq(rig_out[k].pkt.b[18 + 1], k == 0 ? 1 : 3);
	/* the same TEID at two addresses of the box */
	g = from_gnb(rig_teid("a", 1));
	build_gtpu(&burst[0], &g, &inner);
	g.to = "198.18.0.9";
	g.sequence = true;
	build_gtpu(&burst[1], &g, &inner);
	rig_begin();
	rig_send(net.wan, burst, 2);
	ck_assert_uint_eq(rig.drops, 1); /* (and an error indication is sent) */
}
END_TEST

static void frame_of(struct pkt *p, uint16_t slice, uint16_t vlan, const char *to)
{
	static struct pkt frame;
	struct ip_packet i = {.dst = rig_l3_mac(slice),
		.src = HOST_A,
		.from = "10.0.0.1",
		.to = to,
		.payload = 80};

	build_ip(&frame, &i);
	memcpy(p->b, frame.b, 12);
	put32(p->b + 12, 0x81000000 | vlan);
	memcpy(p->b + 16, frame.b + 12, frame.len - 12);
	p->len = frame.len + 4;
}

static uint16_t sport_alone(const struct pkt *p)
{
	rig_begin();
	rig_send(net.lan, p, 1);
	ck_assert_uint_eq(rig.outs, 1);
	ck_assert(gtpu_parse(&rig_out[0].pkt, &seen));
	return seen.sport;
}

/* Packets of two slices in a burst, some by the line: each is counted at its slice, and its source
 * port in the tunnel is that of its flow. */
START_TEST(packets_of_a_burst_keep_their_slices_and_flows)
{
	struct counters internet, other, now;
	uint16_t sport[4];

	put("a", UE1, "", "");
	put("b", UE2, "", "");
	put_in("other", "c", "10.45.0.3", ",'urrs':[1]",
		",'urrs':[{'id':1,'measure':['volume'],'threshold_bytes':1000000}]");
	put_in("other", "d", "10.45.0.4", "", "");
	ck_assert_uint_eq(line("c", true)->key, 0);
	ck_assert_uint_ne(line("d", true)->key, 0);
	frame_of(&burst[0], un.internet, 30, UE1);
	frame_of(&burst[1], un.other, 40, "10.45.0.3");
	frame_of(&burst[2], un.internet, 30, UE2);
	frame_of(&burst[3], un.other, 40, "10.45.0.4");
	for (uint32_t k = 0; k < 4; k++)
		sport[k] = sport_alone(&burst[k]);
	slice_counters_read(un.internet, &internet);
	slice_counters_read(un.other, &other);
	rig_begin();
	rig_send(net.lan, burst, 4);
	ck_assert_uint_eq(rig.outs, 4);
	ck_assert_uint_eq(rig.drops, 0);
	for (uint32_t k = 0; k < 4; k++) {
		bool found = false;

		for (uint32_t j = 0; j < 4; j++) {
			ck_assert(gtpu_parse(&rig_out[j].pkt, &seen));
			found |= get32(seen.inner.b + 30) == get32(burst[k].b + 34) &&
				 seen.sport == sport[k];
		}
		ck_assert_msg(found, "packet %u has left by another flow, or not at all", k);
	}
	slice_counters_read(un.internet, &now);
	ck_assert_uint_eq(now.out_packets, internet.out_packets + 2);
	slice_counters_read(un.other, &now);
	ck_assert_uint_eq(now.out_packets, other.out_packets + 2);
}
END_TEST

/* ---- tracing ---- */

static char traced[8][2048]; /* the texts of each record, in order */
static uint32_t traced_n;

static void on_record(const struct trace_record *record, void *arg)
{
	char *text = traced[traced_n++ % 8];
	size_t used = 0;

	text[0] = '\0';
	for (uint32_t i = 0; i < record->steps; i++)
		used += snprintf(text + used, sizeof(traced[0]) - used, "%s: %s\n",
			record->step[i].stage, record->step[i].text);
}

/* A burst of which two packets are traced: it goes the way that it goes otherwise, by the line. */
START_TEST(what_is_traced_goes_by_the_line_as_well)
{
	struct trace_filter all = {.port = PORT_NONE, .slice = un.internet};

	put("a", UE1, "", "");
	traced_n = 0;
	ck_assert_int_eq(trace_arm(&all, 2), 0);
	if (_i == 0)
		up(UE1, "10.0.0.1", rig_teid("a", 1), 4, 100);
	else
		down(UE1, 4, 100);
	ck_assert_uint_eq(trace_drain(on_record, NULL), 0);
	trace_disarm();
	expect_split(4, 0, DROP_PDR_NONE);
	ck_assert_uint_eq(traced_n, 2);
	for (uint32_t i = 0; i < 2; i++) {
		ck_assert_msg(strstr(traced[i], "by its line") != NULL, "%s", traced[i]);
		ck_assert_msg(strstr(traced[i], _i == 0 ? "into slice" : "TEID 4097") != NULL, "%s",
			traced[i]);
	}
}
END_TEST

/* ---- packets that were held ---- */

static void put_far(const char *action, uint32_t teid)
{
	char text[1024];

	snprintf(text, sizeof(text),
		"{'name':'a','slice':'internet','ue':{'ipv4':'" UE1 "'},"
		"'pdrs':[{'id':1,'precedence':100,'source':'access','gtpu':'n3',"
		"'outer_header_removal':0,'far':1},"
		"{'id':2,'precedence':100,'source':'core','far':2}],"
		"'fars':[{'id':1,'action':'forward','destination':'core'},"
		"{'id':2,'action':'%s','destination':'access','end_marker':true,"
		"'outer_header':{'teid':%u,'peer':'198.18.0.2'}}]}",
		action, teid);
	rig_sessions(text);
}

static void main_turns(void)
{
	for (int i = 0; i < 4; i++) {
		rig_poll();
		while (upf_poll() > 0)
			rig_advance(0);
		rig_advance(0);
	}
}

/* Both lines are off from the change until the last packet that was held, and the end marker, are
 * out; then they are on. */
START_TEST(the_line_waits_for_what_was_held)
{
	put_far("buffer", 1);
	ck_assert_uint_ne(line("a", false)->key, 0);
	ck_assert_uint_eq(line("a", true)->key, 0);
	if (_i == 0)
		down(UE1, 5, 100);
	main_turns();
	put_far("forward", 1);
	ck_assert_uint_eq(line("a", false)->key, 0);
	ck_assert_uint_eq(line("a", true)->key, 0);
	rig_begin();
	main_turns();
	ck_assert_uint_eq(rig.outs, _i == 0 ? 5 : 0);
	ck_assert_uint_ne(line("a", false)->key, 0);
	ck_assert_uint_ne(line("a", true)->key, 0);
	put_far("forward", 2);
	ck_assert_uint_eq(line("a", true)->key, 0);
	rig_begin();
	main_turns();
	ck_assert_uint_eq(rig.outs, 1); /* the end marker */
	ck_assert_uint_eq(line("a", true)->address, RTE_BE32(2));
	ck_assert_uint_ne(line("a", true)->key, 0);
	down(UE1, 3, 100);
	expect_split(3, 0, DROP_PDR_NONE);
	ck_assert_uint_eq(rig_session_counters("a").dl_packets, _i == 0 ? 8 : 3);
}
END_TEST

/* ---- meters ---- */

static void slice_meter(uint32_t green)
{
	struct api_meter cfg = {.cir_bps = 8,
		.cbs_bytes = green,
		.pir_bps = 8,
		.pbs_bytes = green,
		.yellow = YELLOW_PASS};
	uint16_t id;

	ck_assert_int_eq(police_reserve(&id), 0);
	police_set(id, &cfg);
	police_use(POLICE_SLICE, un.internet, id);
}

START_TEST(what_the_slice_refuses_takes_nothing_of_the_session)
{
	put("a", UE1, ",'qers':[1,2]",
		",'qers':[{'id':1,'mbr_ul_bps':8,'mbr_dl_bps':8},"
		"{'id':2,'mbr_ul_bps':1000000000000,'mbr_dl_bps':8}]");
	for (int way = 0; way < 2; way++) {
		ck_assert_uint_ne(line("a", way)->key, 0);
		slice_meter(2 * (LEN + 14) + 50);
		if (way == 0)
			up(UE1, FAR_HOST, rig_teid("a", 1), 10, LEN);
		else
			down(UE1, 10, LEN);
		expect_split(2, 8, DROP_SLICE_METER_RED);
		struct session_counters c = rig_session_counters("a");

		ck_assert_uint_eq(way == 0 ? c.ul_packets : c.dl_packets, 2);
		ck_assert_uint_eq(way == 0 ? c.ul_bytes : c.dl_bytes, 2 * LEN);
		ck_assert_uint_eq(c.dropped, 8 + way * (20 - BURST + 2 + 8));
		police_use(POLICE_SLICE, un.internet, 0);
		if (way == 0)
			up(UE1, FAR_HOST, rig_teid("a", 1), 20, LEN);
		else
			down(UE1, 20, LEN);
		expect_split(BURST - 2, 20 - (BURST - 2), DROP_QER_RATE);
	}
}
END_TEST

/* From UE to UE: the sender's has nothing to do with what the slice then refuses of the other's. */
START_TEST(two_sessions_of_one_packet_are_told_apart)
{
	put("a", UE1, "", "");
	put("b", UE2, "", "");
	slice_meter(2 * (LEN + 14) + 50);
	up(UE1, UE2, rig_teid("a", 1), 10, LEN);
	expect_split(2, 8, DROP_SLICE_METER_RED);
	struct session_counters a = rig_session_counters("a"), b = rig_session_counters("b");

	ck_assert_uint_eq(a.ul_packets, 10);
	ck_assert_uint_eq(a.dropped, 0);
	ck_assert_uint_eq(b.dl_packets, 2);
	ck_assert_uint_eq(b.dl_bytes, 2 * LEN);
	ck_assert_uint_eq(b.dropped, 8);
}
END_TEST

/* Dual stack: IPv6 goes by the block uplink, and by the line downlink. */
START_TEST(line_and_block_count_and_meter_in_the_same_place)
{
	put("a", UE1, ",'qers':[1]", ",'qers':[{'id':1,'mbr_ul_bps':8,'mbr_dl_bps':8}]");
	up(UE1, "10.0.0.1", rig_teid("a", 1), 8, LEN);
	expect_split(8, 0, DROP_QER_RATE);
	up("fd45:0:0:a::9", "fd00::1", rig_teid("a", 1), 12, LEN - 20);
	expect_split(8, 4, DROP_QER_RATE);
	struct session_counters c = rig_session_counters("a");

	ck_assert_uint_eq(c.ul_packets, 16);
	ck_assert_uint_eq(c.ul_bytes, 16 * LEN);
	ck_assert_uint_eq(c.dropped, 4);
}
END_TEST

/* A direction's only rate may be that of its second meter; and what that refuses takes nothing of
 * the first. */
START_TEST(the_second_rate_is_asked_alone_and_after_the_first)
{
	put("a", UE1, ",'qers':[1,2]",
		",'qers':[{'id':1,'mbr_ul_bps':1000000000},{'id':2,'mbr_ul_bps':8,'mbr_dl_bps':8}"
		"]");
	ck_assert_uint_ne(line("a", true)->key, 0);
	down(UE1, 20, LEN);
	expect_split(BURST, 20 - BURST, DROP_QER_RATE);
	up(UE1, FAR_HOST, rig_teid("a", 1), BURST, LEN);
	expect_split(BURST, 0, DROP_QER_RATE);
	uint64_t charged = line("a", false)->bucket[0];

	up(UE1, FAR_HOST, rig_teid("a", 1), 4, LEN);
	expect_split(0, 4, DROP_QER_RATE);
	ck_assert_uint_eq(line("a", false)->bucket[0], charged);
}
END_TEST

/* ---- rules ---- */

START_TEST(rules_look_at_the_qfi)
{
	put("a", UE1, ",'qfi':9", "");
	ck_assert_uint_ne(line("a", false)->key, 0);
	up(UE1, "10.0.0.1", rig_teid("a", 1), 3, 100);
	expect_split(3, 0, DROP_PDR_NONE);
	struct gtpu g = from_gnb(rig_teid("a", 1));
	static struct pkt inner;
	struct ip_packet i = {.from = UE1, .to = "10.0.0.1", .payload = 80};

	for (int k = 0; k < 2; k++) {
		g.qfi = 8;
		g.psc = k == 0;
		build_ip(&inner, &i);
		build_gtpu(&burst[0], &g, &inner);
		rig_begin();
		rig_send(net.wan, burst, 1);
		expect_split(0, 1, DROP_PDR_NONE);
	}
}
END_TEST

TCase *upf_line_tests(void)
{
	TCase *tc = tcase_create("line");

	tcase_add_checked_fixture(tc, upf_setup, upf_teardown);
	tcase_add_test(tc, packets_that_no_line_takes_are_not_overtaken);
	tcase_add_test(tc, packets_that_no_line_takes_keep_what_is_theirs);
	tcase_add_test(tc, packets_of_a_burst_keep_their_slices_and_flows);
	tcase_add_test(tc, the_second_rate_is_asked_alone_and_after_the_first);
	tcase_add_loop_test(tc, what_is_traced_goes_by_the_line_as_well, 0, 2);
	tcase_add_loop_test(tc, the_line_waits_for_what_was_held, 0, 2);
	tcase_add_test(tc, what_the_slice_refuses_takes_nothing_of_the_session);
	tcase_add_test(tc, two_sessions_of_one_packet_are_told_apart);
	tcase_add_test(tc, line_and_block_count_and_meter_in_the_same_place);
	tcase_add_test(tc, rules_look_at_the_qfi);
	return tc;
}
