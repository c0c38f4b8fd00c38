/* SPDX-License-Identifier: BSD-3-Clause */
/* QERs and URRs on real packets: what passes, what it takes from whom, and what is reported,
 * against the bytes that left. TS 29.244 5.2, 5.4. How they count is tests/unit/test_qer.c's and
 * test_urr*.c's. */
#include <stdio.h>
#include <string.h>

#include "event.h"
#include "police.h"
#include "session_hot.h"
#include "slice.h"
#include "upf.h"
#include "upf_net.h"
#include "urr_live.h"
#include "worker.h"

#define LEN	 1200 /* of most inner packets */
#define BURST	 16   /* so many of them are a burst of the least size */
#define HOST	 "10.0.0.1"
#define FAR_HOST "10.2.0.1" /* behind the slice's tunnel */

static struct upf_usage usage[64];
static uint32_t usages;

static void note(const struct upf_event *event)
{
	if (event->kind != UPF_USAGE)
		return;
	ck_assert_str_eq(event->session, "a");
	ck_assert_uint_lt(usages, 64);
	usage[usages++] = event->usage;
}

static void setup(void)
{
	upf_setup();
	usages = 0;
	upf_on_event = note;
}

static void main_turns(void)
{
	for (int i = 0; i < 4; i++) {
		rig_poll();
		while (upf_poll() > 0)
			;
	}
}

/* One UE. PDR 1 up, PDR 2 down; PDR 3 up and 4 down are the flow with a host's port 5000. */
static void put(const char *qers, const char *urrs, const char *rest, const char *flow_qers)
{
	char text[4096];

	snprintf(text, sizeof(text),
		"{'name':'a','slice':'internet','ue':{'ipv4':'" UE1 "'},'pdrs':["
		"{'id':1,'precedence':100,'source':'access','gtpu':'n3','teid':1111,"
		"'outer_header_removal':0,'far':1%s%s},"
		"{'id':2,'precedence':100,'source':'core','far':2%s%s},"
		"{'id':3,'precedence':10,'source':'access','gtpu':'n3','teid':1111,"
		"'outer_header_removal':0,'filters':['permit out ip from 10.0.0.77 to assigned'],"
		"'far':1%s%s},"
		"{'id':4,'precedence':10,'source':'core',"
		"'filters':['permit out ip from 10.0.0.77 to assigned'],'far':2%s%s}],"
		"'fars':[{'id':1,'action':'forward','destination':'core'},"
		"{'id':2,'action':'forward','destination':'access',"
		"'outer_header':{'teid':4097,'peer':'198.18.0.2'}}]%s}",
		qers, urrs, qers, urrs, flow_qers, urrs, flow_qers, urrs, rest);
	rig_sessions(text);
}

/* n packets of the UE in one burst, with inner IP packets of len bytes: how many were dropped. */
static uint64_t up(const char *to, uint32_t n, uint32_t len)
{
	static struct pkt burst[32], inner;
	struct ip_packet i = {.from = UE1, .to = to, .payload = len - 20};
	struct gtpu g = from_gnb(1111);

	build_ip(&inner, &i);
	for (uint32_t k = 0; k < n; k++)
		build_gtpu(&burst[k], &g, &inner);
	rig_begin();
	rig_send(net.wan, burst, n);
	return rig.drops;
}

static uint64_t down(const char *from, uint32_t n, uint32_t len)
{
	static struct pkt burst[32], frame;
	struct ip_packet i = {.dst = rig_l3_mac(un.internet),
		.src = HOST_A,
		.from = from,
		.to = UE1,
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
	return rig.drops;
}

/* The last burst: so many passed, so many were dropped, for this reason alone. */
static void expect_split(uint32_t passed, uint32_t dropped, enum drop_reason why)
{
	ck_assert_msg(rig.outs == passed && rig.drops == dropped && rig.drop[why] == dropped,
		"%u left, want %u; %lu dropped, %lu for the reason, want %u", rig.outs, passed,
		rig.drops, rig.drop[why], dropped);
}

/* ---- QERs ---- */

/* 8 bit/s: in a test's time nothing comes back. */
#define QER(n)	      ",'qers':[" n "]"
#define SLOW_UP(id)   "{'id':" id ",'mbr_ul_bps':8}"
#define SLOW_DOWN(id) "{'id':" id ",'mbr_dl_bps':8}"
#define FREE(id)      "{'id':" id "}"

START_TEST(a_rate_is_held_in_its_direction)
{
	put(QER("1"), "", ",'qers':[" SLOW_UP("1") "]", QER("1"));
	up(HOST, 10, LEN);
	expect_split(10, 0, DROP_QER_RATE);
	up(HOST, 10, LEN);
	expect_split(BURST - 10, 20 - BURST, DROP_QER_RATE);
	for (int i = 0; i < 10; i++)
		ck_assert_uint_eq(down(HOST, 20, LEN), 0);
	struct session_counters c = rig_session_counters("a");

	ck_assert_uint_eq(c.ul_packets, BURST);
	ck_assert_uint_eq(c.ul_bytes, BURST * LEN);
	ck_assert_uint_eq(c.dl_packets, 200);
	ck_assert_uint_eq(c.dropped, 20 - BURST);
	put(QER("1"), "", ",'qers':[" SLOW_DOWN("1") "]", QER("1"));
	ck_assert_uint_eq(up(HOST, 30, LEN), 0);
	down(HOST, 20, LEN);
	expect_split(BURST, 20 - BURST, DROP_QER_RATE);
}
END_TEST

/* A QER that several PDRs name is one meter; a packet takes its inner bytes of it. */
START_TEST(a_shared_qer_is_one_meter)
{
	put(QER("1"), "", ",'qers':[" SLOW_UP("1") "]", QER("1"));
	up(HOST, 8, LEN);
	expect_split(8, 0, DROP_QER_RATE);
	up("10.0.0.77", 8, LEN);
	ck_assert_uint_eq(rig.drop[DROP_QER_RATE], 0);
	up(HOST, 1, 28);
	expect_split(0, 1, DROP_QER_RATE);
	up("10.0.0.77", 1, 28);
	expect_split(0, 1, DROP_QER_RATE);
}
END_TEST

/* QER 1 of the flow, QER 2 of all the session. */
START_TEST(flow_and_session_are_a_hierarchy)
{
	static const char fast[] = "{'id':2,'mbr_dl_bps':1000000000000}";
	char rest[256];

	snprintf(rest, sizeof(rest), ",'qers':[" SLOW_DOWN("1") ",%s]", fast);
	put(QER("2"), "", rest, QER("1,2"));
	down("10.0.0.77", 20, LEN);
	expect_split(BURST, 20 - BURST, DROP_QER_RATE);
	ck_assert_uint_eq(down(HOST, 30, LEN), 0);
	/* the other way round: what the session's refuses leaves the flow its tokens */
	rig_session_gone("a");
	put(QER("2"), "", ",'qers':[{'id':1,'mbr_dl_bps':8},{'id':2,'mbr_dl_bps':8}]", QER("1,2"));
	down(HOST, 10, LEN);
	expect_split(10, 0, DROP_QER_RATE);
	down("10.0.0.77", 20, LEN);
	expect_split(BURST - 10, 20 - (BURST - 10), DROP_QER_RATE);
	/* all the flow's but what passed: with a session's rate that is open again */
	put(QER("2"), "", ",'qers':[{'id':1,'mbr_dl_bps':8},{'id':2}]", QER("1,2"));
	down("10.0.0.77", 20, LEN);
	expect_split(10, 20 - 10, DROP_QER_RATE);
}
END_TEST

/* ---- the slice's meter is the top ---- */

/* Green up to so many bytes at once, then red; or yellow, which drops. */
static void slice_meter(uint32_t green, uint32_t yellow, enum meter_yellow action)
{
	struct api_meter cfg = {.cir_bps = 8,
		.cbs_bytes = green,
		.pir_bps = 8,
		.pbs_bytes = green + yellow,
		.yellow = action};
	uint16_t id;

	ck_assert_int_eq(police_reserve(&id), 0);
	police_set(id, &cfg);
	police_use(POLICE_SLICE, un.internet, id);
}

START_TEST(what_the_slice_refuses_takes_nothing_of_the_session)
{
	const char *urrs = ",'urrs':[1]";
	const char *rest = ",'qers':[{'id':1,'mbr_ul_bps':8,'mbr_dl_bps':8}],"
			   "'urrs':[{'id':1,'measure':['volume'],'quota_bytes':38400}]";

	put(QER("1"), urrs, rest, QER("1"));
	for (int way = 0; way < 2; way++) {
		uint64_t dropped;

		/* with the Ethernet header a frame is 1,214 bytes */
		slice_meter(2 * (LEN + 14) + 50, 0, YELLOW_PASS);
		dropped = way == 0 ? up(FAR_HOST, 10, LEN) : down(HOST, 10, LEN);
		ck_assert_uint_eq(dropped, 8);
		expect_split(2, 8, DROP_SLICE_METER_RED);
		struct session_counters c = rig_session_counters("a");

		ck_assert_uint_eq(way == 0 ? c.ul_packets : c.dl_packets, 2);
		ck_assert_uint_eq(way == 0 ? c.ul_bytes : c.dl_bytes, 2 * LEN);
		ck_assert_uint_eq(c.dropped, 8 + way * (20 - 14) + way * 8);
		police_use(POLICE_SLICE, un.internet, 0);
		if (way == 0)
			up(FAR_HOST, 20, LEN);
		else
			down(HOST, 20, LEN);
		/* with the last packet the quota is used up too, and that is looked at first */
		expect_split(
			BURST - 2, 20 - (BURST - 2), way == 0 ? DROP_QER_RATE : DROP_URR_QUOTA);
	}
	main_turns();
	/* 32 packets passed, and that is the quota to the byte */
	ck_assert_uint_eq(usages, 1);
	ck_assert_uint_eq(usage[0].why, USAGE_VOLUME_QUOTA);
	ck_assert_uint_eq(usage[0].ul_bytes, BURST * LEN);
	ck_assert_uint_eq(usage[0].dl_bytes, BURST * LEN);
}
END_TEST

START_TEST(gbr_is_green_and_the_rest_yellow)
{
	put(QER("1"), "", ",'qers':[{'id':1,'gbr_ul_bps':8,'gbr_dl_bps':8}]", QER("1"));
	slice_meter(1000000, 1000000, YELLOW_DROP);
	up(FAR_HOST, 20, LEN);
	expect_split(BURST, 20 - BURST, DROP_SLICE_METER_YELLOW);
	down(HOST, 20, LEN);
	expect_split(BURST, 20 - BURST, DROP_SLICE_METER_YELLOW);
	police_use(POLICE_SLICE, un.internet, 0);
	ck_assert_uint_eq(up(FAR_HOST, 20, LEN), 0);
}
END_TEST

/* ---- URRs ---- */

static uint64_t left_bytes(void)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < rig.outs; i++) {
		if (rig_out[i].port != net.wan) {
			sum += rig_out[i].pkt.len - 18; /* a VLAN tag */
			continue;
		}
		ck_assert(gtpu_parse(&rig_out[i].pkt, &seen));
		sum += seen.inner.len - 14;
	}
	return sum;
}

static uint64_t random_next(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

struct totals {
	uint64_t ul, dl;
};

static struct totals reported(void)
{
	struct totals t = {0};

	for (uint32_t i = 0; i < usages; i++) {
		ck_assert_uint_eq(usage[i].sequence, i);
		t.ul += usage[i].ul_bytes;
		t.dl += usage[i].dl_bytes;
	}
	return t;
}

/* Packets of all sizes both ways while the session changes; every byte that left inside is in one
 * report. */
START_TEST(volumes_are_the_bytes_that_left)
{
	static const char *const rest[] = {
		",'urrs':[{'id':1,'measure':['volume'],'threshold_bytes':300000}]",
		",'urrs':[{'id':2,'measure':['volume']},"
		"{'id':1,'measure':['volume'],'threshold_bytes':200000}]",
		",'urrs':[{'id':1,'measure':['volume']}],'qers':[{'id':1,'mbr_ul_bps':10000000}]",
		",'urrs':[{'id':1,'measure':['volume','duration'],'period_s':1000}]"};
	uint64_t seed = 9;
	struct totals left = {0};

	for (uint32_t i = 0; i < 400; i++) {
		uint32_t len = 28 + random_next(&seed) % 1400, n = 1 + random_next(&seed) % 32;
		const char *host = random_next(&seed) % 2 ? HOST : "10.0.0.77";

		if (i % 7 == 0)
			put(i / 7 % 4 == 2 ? QER("1") : "", ",'urrs':[1]", rest[i / 7 % 4], "");
		if (random_next(&seed) % 2) {
			up(HOST, n, len);
			left.ul += left_bytes();
		} else {
			down(host, n, len);
			left.dl += left_bytes();
		}
		if (i % 3 == 0)
			main_turns();
	}
	struct session_counters c = rig_session_counters("a");

	ck_assert_uint_eq(c.ul_bytes, left.ul);
	ck_assert_uint_eq(c.dl_bytes, left.dl);
	rig_session_gone("a");
	main_turns();
	uint32_t n = 0;

	for (uint32_t i = 0; i < usages; i++) /* URR 2's last reports are another list */
		if (usage[i].urr_id == 1)
			usage[n++] = usage[i];
	usages = n;
	ck_assert_uint_eq(usage[n - 1].why, USAGE_TERMINATION);
	ck_assert_uint_gt(n, 5);
	ck_assert_uint_eq(reported().ul, left.ul);
	ck_assert_uint_eq(reported().dl, left.dl);
}
END_TEST

START_TEST(a_quota_stops_both_directions_and_a_new_one_goes_on)
{
	const char *urrs = ",'urrs':[1]";

	put("", urrs, ",'urrs':[{'id':1,'measure':['volume'],'quota_bytes':12000}]", "");
	ck_assert_uint_eq(up(HOST, 4, LEN), 0);
	ck_assert_uint_eq(down(HOST, 4, LEN), 0);
	up(HOST, 4, LEN);
	expect_split(2, 2, DROP_URR_QUOTA);
	down(HOST, 3, 100);
	expect_split(0, 3, DROP_URR_QUOTA);
	main_turns();
	ck_assert_uint_eq(usages, 1);
	ck_assert_uint_eq(usage[0].why, USAGE_VOLUME_QUOTA);
	ck_assert_uint_eq(usage[0].ul_bytes, 6 * LEN);
	ck_assert_uint_eq(usage[0].dl_bytes, 4 * LEN);
	put("", urrs, ",'urrs':[{'id':1,'measure':['volume'],'quota_bytes':2400}]", "");
	down(HOST, 3, LEN);
	expect_split(2, 1, DROP_URR_QUOTA);
	main_turns();
	ck_assert_uint_eq(usages, 2);
	ck_assert_uint_eq(usage[1].sequence, 1);
	ck_assert_uint_eq(usage[1].dl_bytes, 2 * LEN);
	ck_assert_uint_eq(rig_session_counters("a").dropped, 6);
}
END_TEST

/* TS 29.244 5.2.2.2: a quota that is put is a grant, also when it is as much as the last. */
START_TEST(the_same_quota_granted_again_lets_as_much_pass)
{
	const char *urrs = ",'urrs':[1]";
	char urr[160];

	for (uint32_t grant = 0; grant < 4; grant++) {
		snprintf(urr, sizeof(urr),
			",'urrs':[{'id':1,'measure':['volume'],'quota_bytes':3600,'grant':%u}]",
			grant);
		put("", urrs, urr, "");
		up(HOST, 5, LEN);
		expect_split(3, 2, DROP_URR_QUOTA);
		main_turns();
		ck_assert_uint_eq(usages, 1 + grant);
		ck_assert_uint_eq(usage[grant].why, USAGE_VOLUME_QUOTA);
		ck_assert_uint_eq(usage[grant].ul_bytes, 3 * LEN);
		put("", urrs, urr, ""); /* the same number is the same grant */
		up(HOST, 1, LEN);
		expect_split(0, 1, DROP_URR_QUOTA);
	}
	ck_assert_uint_eq(rig_session_counters("a").ul_bytes, 12 * LEN);
}
END_TEST

START_TEST(time_and_periods_are_reported)
{
	put("", ",'urrs':[1]",
		",'urrs':[{'id':1,'measure':['duration','volume'],'period_s':60,'inactivity_s':5,"
		"'report':['start','stop']}]",
		"");
	rig_advance(10);
	main_turns();
	ck_assert_uint_eq(usages, 0);
	up(HOST, 3, LEN);
	main_turns();
	ck_assert_uint_eq(usages, 1);
	ck_assert_uint_eq(usage[0].why, USAGE_START);
	for (int i = 0; i < 6; i++) {
		rig_advance(1);
		main_turns();
	}
	ck_assert_uint_eq(usages, 2);
	ck_assert_uint_eq(usage[1].why, USAGE_STOP);
	ck_assert_uint_eq(usage[0].duration_s + usage[1].duration_s, 5);
	for (int i = 0; i < 60; i++) {
		rig_advance(1);
		main_turns();
	}
	ck_assert_uint_eq(usages, 3);
	ck_assert_uint_eq(usage[2].why, USAGE_PERIODIC);
	ck_assert_uint_eq(usage[2].duration_s, 0);
	ck_assert_uint_eq(reported().ul, 3 * LEN);
}
END_TEST

TCase *upf_meter_tests(void)
{
	TCase *tc = tcase_create("meters");

	tcase_add_checked_fixture(tc, setup, upf_teardown);
	tcase_add_test(tc, a_rate_is_held_in_its_direction);
	tcase_add_test(tc, a_shared_qer_is_one_meter);
	tcase_add_test(tc, flow_and_session_are_a_hierarchy);
	tcase_add_test(tc, what_the_slice_refuses_takes_nothing_of_the_session);
	tcase_add_test(tc, gbr_is_green_and_the_rest_yellow);
	tcase_add_test(tc, volumes_are_the_bytes_that_left);
	tcase_add_test(tc, a_quota_stops_both_directions_and_a_new_one_goes_on);
	tcase_add_test(tc, the_same_quota_granted_again_lets_as_much_pass);
	tcase_add_test(tc, time_and_periods_are_reported);
	return tc;
}
