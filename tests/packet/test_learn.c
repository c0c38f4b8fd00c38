/* SPDX-License-Identifier: BSD-3-Clause */
/* Source MACs: learned through the ring, moved, aged, limited; static ones that no frame can move.
 */
#include <string.h>

#include "expect.h"
#include "exact.h"
#include "hot.h"

#define NEW    0x020000000123ull
#define OTHERS 0x020000000a00ull

static struct {
	uint32_t learned, moved, aged;
	struct fdb_entry last;
	door_t old;
} events;

static void on_event(enum fdb_event what, const struct fdb_entry *entry, door_t old)
{
	events.learned += what == FDB_LEARNED;
	events.moved += what == FDB_MOVED;
	events.aged += what == FDB_AGED;
	events.last = *entry;
	events.old = old;
}

static void setup(void)
{
	net_setup();
	memset(&events, 0, sizeof(events));
	fdb_on_event = on_event;
}

static void teardown(void)
{
	fdb_on_event = NULL;
	net_teardown();
}

static int lookup(uint16_t slice, uint64_t mac, struct fdb_entry *e)
{
	struct api_mac_addr addr = rig_mac_addr(mac);

	return fdb_get(slice, &addr, e);
}

/* A frame to a known host from src, by an attachment of red at `port`, or from tunnel 2. */
static void show(uint16_t port, uint64_t src)
{
	struct spec s = plain(port == net.lan ? HOST_B : HOST_A, src);
	struct outer o = from_peer2(VNI_RED);

	if (port == net.lan2)
		s.tag[0] = (struct tag){0x8100, 20};
	build(&a_pkt, &s);
	wrap(&b_pkt, &o, &a_pkt);
	rig_begin();
	rig_send(port, port == net.wan ? &b_pkt : &a_pkt, 1);
	rig_poll();
}

START_TEST(learn_takes_source_from_an_attachment_and_from_a_tunnel)
{
	struct fdb_entry e;

	show(net.lan, NEW);
	ck_assert_int_eq(lookup(net.red, NEW, &e), 0);
	ck_assert(e.door == (DOOR_ATTACHMENT | net.red_lan) && !e.is_static && e.age_s <= 1);
	ck_assert(
		events.learned == 1 && events.last.door == e.door && events.last.slice == net.red);
	show(net.wan, NEW + 1);
	ck_assert_int_eq(lookup(net.red, NEW + 1, &e), 0);
	ck_assert_uint_eq(e.door, DOOR_TUNNEL | net.t2);
	ck_assert_int_eq(lookup(net.blue, NEW, &e), -ENOENT);
}
END_TEST

START_TEST(learn_makes_unknown_known)
{
	show(net.lan2, NEW);
	build(&a_pkt, &(struct spec){.dst = NEW, .src = HOST_A, .ip = 4, .payload = 18});
	build(&b_pkt,
		&(struct spec){
			.dst = NEW, .src = HOST_A, .ip = 4, .payload = 18, .tag = {{0x8100, 20}}});
	rig_begin();
	rig_send(net.lan, &a_pkt, 1);
	expect_out("to the learned door only", net.lan2, &b_pkt);
	/* the other slice has not learned it */
	build(&a_pkt, &(struct spec){.dst = NEW, .src = HOST_B, .ip = 4, .payload = 18});
	rig_begin();
	rig_send(net.lan2, &a_pkt, 1);
	ck_assert_uint_eq(rig.outs, 2);
}
END_TEST

START_TEST(learn_follows_a_host_that_moves)
{
	struct fdb_entry e;

	show(net.lan, NEW);
	show(net.wan, NEW);
	lookup(net.red, NEW, &e);
	ck_assert(e.door == (DOOR_TUNNEL | net.t2) && events.moved == 1 &&
		  events.old == (DOOR_ATTACHMENT | net.red_lan));
	show(net.lan2, NEW);
	lookup(net.red, NEW, &e);
	ck_assert(e.door == (DOOR_ATTACHMENT | net.red_lan2) && events.moved == 2);
}
END_TEST

START_TEST(learn_does_not_move_a_static_mac)
{
	struct fdb_entry e;

	show(net.wan, HOST_A);
	lookup(net.red, HOST_A, &e);
	ck_assert(e.is_static && e.door == (DOOR_ATTACHMENT | net.red_lan) && events.moved == 0);
}
END_TEST

/* ---- movable static entries ---- */

static uint32_t overtaken;
static door_t overtaken_door;

static void on_overtaken(uint16_t slice, door_t door)
{
	overtaken++;
	overtaken_door = door;
}

static void put_movable(uint64_t mac, door_t door)
{
	struct api_mac_addr addr = rig_mac_addr(mac);

	overtaken = 0;
	fdb_on_overtaken = on_overtaken;
	fdb_put_static(net.red, &addr, door, true);
}

START_TEST(learn_overtakes_a_movable_mac_locally_and_not_from_a_tunnel)
{
	uint32_t room = fdb_room();
	struct fdb_entry e;

	put_movable(NEW, DOOR_TUNNEL | net.t6);
	show(net.wan, NEW); /* by tunnel 2 */
	lookup(net.red, NEW, &e);
	ck_assert(e.is_static && e.movable && e.door == (DOOR_TUNNEL | net.t6));
	ck_assert(overtaken == 0 && events.moved == 0);

	show(net.lan2, NEW);
	lookup(net.red, NEW, &e);
	ck_assert(!e.is_static && !e.movable && e.overtaken);
	ck_assert_uint_eq(e.door, DOOR_ATTACHMENT | net.red_lan2);
	ck_assert(events.moved == 1 && events.old == (DOOR_TUNNEL | net.t6));
	ck_assert(overtaken == 1 && overtaken_door == (DOOR_TUNNEL | net.t6));
	ck_assert_uint_eq(fdb_room(), room);

	/* as any learned one it moves on */
	show(net.lan, NEW);
	lookup(net.red, NEW, &e);
	ck_assert(e.overtaken && e.door == (DOOR_ATTACHMENT | net.red_lan) && overtaken == 1);
	/* given up: learned it stays; put again: as put */
	struct api_mac_addr addr = rig_mac_addr(NEW);

	fdb_settle(net.red, &addr);
	lookup(net.red, NEW, &e);
	ck_assert(!e.overtaken && e.door == (DOOR_ATTACHMENT | net.red_lan));
	put_movable(NEW, DOOR_TUNNEL | net.t6);
	lookup(net.red, NEW, &e);
	ck_assert(e.movable && e.door == (DOOR_TUNNEL | net.t6));
	fdb_on_overtaken = NULL;
}
END_TEST

START_TEST(learn_overtakes_nothing_within_a_transaction)
{
	struct spec s = plain(HOST_A, NEW);
	struct fdb_entry e;

	put_movable(NEW, DOOR_TUNNEL | net.t6);
	s.tag[0] = (struct tag){0x8100, 20};
	build(&a_pkt, &s);
	rig_begin();
	rig_send(net.lan2, &a_pkt, 1);
	fdb_reports_take();
	lookup(net.red, NEW, &e);
	ck_assert(e.movable && overtaken == 0);
	/* a worker tells the same news a hundredth of a second later */
	rig_advance(0.011);
	show(net.lan2, NEW);
	ck_assert_uint_eq(overtaken, 1);
	fdb_on_overtaken = NULL;
}
END_TEST

START_TEST(learn_takes_nothing_from_tunnels_where_the_slice_says_so)
{
	struct api_slice cfg = {
		.vni = VNI_RED, .max_macs = 65536, .mac_ageing_s = 300, .flood_pps = 1000000};
	struct fdb_entry e;

	show(net.wan, NEW);
	show(net.lan, NEW + 1);
	ck_assert(lookup(net.red, NEW, &e) == 0 && lookup(net.red, NEW + 1, &e) == 0);
	uint32_t before = fdb_count();

	slice_set(net.red, &cfg);
	ck_assert_int_eq(lookup(net.red, NEW, &e), -ENOENT);
	ck_assert_int_eq(lookup(net.red, NEW + 1, &e), 0);
	ck_assert_int_eq(lookup(net.red, HOST_A, &e), 0);
	ck_assert_uint_eq(fdb_count(), before - 1);
	rig_advance(0.011);
	show(net.wan, NEW);
	show(net.wan, NEW + 1); /* nor moved there */
	ck_assert_int_eq(lookup(net.red, NEW, &e), -ENOENT);
	lookup(net.red, NEW + 1, &e);
	ck_assert_uint_eq(e.door, DOOR_ATTACHMENT | net.red_lan);
	ck_assert(rig.outs == 1 && rig.drops == 0); /* and forwarded all the same */
	show(net.lan2, NEW);
	lookup(net.red, NEW, &e);
	ck_assert_uint_eq(e.door, DOOR_ATTACHMENT | net.red_lan2);

	cfg.tunnel_learning = true;
	slice_set(net.red, &cfg);
	show(net.wan, NEW + 2);
	ck_assert_int_eq(lookup(net.red, NEW + 2, &e), 0);
}
END_TEST

START_TEST(learn_takes_no_source_of_a_dropped_frame)
{
	struct spec s = plain(HOST_B, NEW);
	struct fdb_entry e;
	struct outer o = from_peer2(999);

	s.tag[0] = (struct tag){0x8100, 10};
	s.tag[1] = (struct tag){0x8100, 20};
	build(&a_pkt, &s);
	rig_send(net.lan, &a_pkt, 1);
	s = plain(HOST_A, NEW);
	build(&a_pkt, &s);
	wrap(&b_pkt, &o, &a_pkt);
	rig_send(net.wan, &b_pkt, 1);
	s = plain(HOST_B, 0x010203040506);
	build(&a_pkt, &s);
	rig_send(net.lan, &a_pkt, 1);
	rig_poll();
	ck_assert(lookup(net.red, NEW, &e) == -ENOENT && lookup(net.blue, NEW, &e) == -ENOENT &&
		  events.learned == 0);
}
END_TEST

START_TEST(learn_stops_at_the_slices_limit_and_forwards_all_the_same)
{
	struct api_slice cfg = {.tunnel_learning = true,
		.vni = VNI_RED,
		.max_macs = 10,
		.mac_ageing_s = 300,
		.flood_pps = 1000000};
	uint32_t refused = fdb_learn_refused(), before = fdb_count();

	slice_set(net.red, &cfg);
	for (uint32_t i = 0; i < 20; i++) {
		show(net.lan, NEW + i);
		ck_assert(rig.outs == 1 && rig.drops == 0);
	}
	ck_assert_uint_eq(fdb_count() - before, 6); /* four static ones count as well */
	ck_assert_uint_eq(fdb_learn_refused() - refused, 14);
	/* a static one displaces a learned one; the limit holds */
	rig_mac(net.red, 0x020000009999, DOOR_ATTACHMENT | net.red_lan);
	ck_assert_uint_eq(fdb_count() - before, 6);
	/* room in the other slice */
	struct fdb_entry e;
	struct spec s = plain(HOST_A, NEW);

	/* one of its own: whose MACs are learned elsewhere, however many, keeps them */
	for (uint32_t i = 0; i < 64; i++) {
		s.src = OTHERS + i;
		build(&a_pkt, &s);
		rig_send(net.lan2, &a_pkt, 1);
		rig_poll();
	}
	for (uint32_t i = 0; i < 5; i++)
		rig_mac(net.red, 0x020000009000 + i, DOOR_ATTACHMENT | net.red_lan);
	for (uint32_t i = 0; i < 64; i++)
		ck_assert_int_eq(lookup(net.blue, OTHERS + i, &e), 0);
	s.src = NEW;

	build(&a_pkt, &s);
	rig_send(net.lan2, &a_pkt, 1);
	rig_poll();
	ck_assert_int_eq(lookup(net.blue, NEW, &e), 0);
}
END_TEST

START_TEST(learn_counts_a_static_mac_that_was_learned_before)
{
	uint32_t room, all;

	show(net.lan, NEW);
	room = fdb_room();
	all = fdb_count();
	rig_mac(net.red, NEW, DOOR_TUNNEL | net.t2);
	ck_assert_uint_eq(fdb_room(), room - 1);
	ck_assert_uint_eq(fdb_count(), all);
	rig_mac(net.red, NEW, DOOR_ATTACHMENT | net.red_lan);
	ck_assert_uint_eq(fdb_room(), room - 1);
}
END_TEST

/* Puts the last-seen second of an entry back. */
static void backdate(uint16_t slice, uint64_t mac, uint32_t by)
{
	struct api_mac_addr addr = rig_mac_addr(mac);
	uint8_t bytes[8] = {0};

	memcpy(bytes, &addr, 6);
	uint64_t key = fdb_key(slice, bytes), *value = exact_find(&fdb_table, &key);

	ck_assert(value != NULL && *value >> 32 > by);
	*value -= (uint64_t)by << 32;
}

static void age_round(void)
{
	for (int i = 0; i < 300; i++) {
		rig_poll();
		rig_advance(0.008);
	}
}

START_TEST(learn_forgets_what_has_been_silent)
{
	struct api_slice cfg = {.tunnel_learning = true,
		.vni = VNI_RED,
		.max_macs = 100,
		.mac_ageing_s = 5,
		.flood_pps = 1000000};
	struct fdb_entry e;

	slice_set(net.red, &cfg);
	for (int i = 0; i < 4; i++)
		show(net.lan, NEW + i);
	backdate(net.red, NEW, 10);
	backdate(net.red, NEW + 1, 10);
	lookup(net.red, NEW, &e);
	ck_assert(e.age_s >= 10 && e.age_s <= 11);
	show(net.lan, NEW + 1); /* speaks again */
	age_round();
	ck_assert_int_eq(lookup(net.red, NEW, &e), -ENOENT);
	for (int i = 1; i < 4; i++)
		ck_assert_int_eq(lookup(net.red, NEW + i, &e), 0);
	ck_assert_uint_eq(events.aged, 1);
	ck_assert_int_eq(lookup(net.red, HOST_A, &e), 0); /* static ones stay */
	cfg.mac_ageing_s = 0;
	slice_set(net.red, &cfg);
	backdate(net.red, NEW + 2, 1000);
	age_round();
	ck_assert_int_eq(lookup(net.red, NEW + 2, &e), 0);
}
END_TEST

START_TEST(learn_forgets_with_the_door)
{
	struct fdb_entry e;

	show(net.lan, NEW);
	show(net.wan, NEW + 1);
	rig_mac(net.red, HOST_C, DOOR_ATTACHMENT | net.red_lan);
	member_unset(net.red, net.t2);
	ck_assert_int_eq(lookup(net.red, NEW + 1, &e), -ENOENT);
	ck_assert_int_eq(lookup(net.red, NEW, &e), 0);
	struct api_mac_addr statics[] = {rig_mac_addr(HOST_A), rig_mac_addr(HOST_C)};

	fdb_remove(net.red, &statics[0]);
	fdb_remove(net.red, &statics[1]);
	attachment_unset(net.red_lan);
	ck_assert_int_eq(lookup(net.red, NEW, &e), -ENOENT);
}
END_TEST

START_TEST(learn_ignores_reports_of_a_door_that_has_gone)
{
	struct spec s = plain(HOST_A, NEW);
	struct outer o = from_peer2(VNI_RED);
	struct fdb_entry e;

	build(&a_pkt, &s);
	wrap(&b_pkt, &o, &a_pkt);
	rig_send(net.wan, &b_pkt, 1);
	rig_mac(net.red, HOST_C, DOOR_ATTACHMENT | net.red_lan);
	member_unset(net.red, net.t2);
	rig_poll();
	ck_assert(lookup(net.red, NEW, &e) == -ENOENT && events.learned == 0);
}
END_TEST

START_TEST(learn_full_ring_loses_news_not_packets)
{
	struct spec s = plain(HOST_B, NEW);

	for (uint32_t i = 0; i < 6000; i++) {
		s.src = NEW + i;
		build(&a_pkt, &s);
		rig_begin();
		rig_send(net.lan, &a_pkt, 1);
		ck_assert(rig.outs == 1 && rig.drops == 0);
	}
	ck_assert_uint_gt(workers[0]->box.learn_lost, 0);
	rig_poll();
	/* half of its 4096 places, and a tenth of a second of the slice's share of the rest */
	ck_assert(events.learned >= 2048 && events.learned < 4096);
}
END_TEST

TCase *learn_tests(void)
{
	TCase *tc = tcase_create("learn");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, learn_takes_source_from_an_attachment_and_from_a_tunnel);
	tcase_add_test(tc, learn_makes_unknown_known);
	tcase_add_test(tc, learn_follows_a_host_that_moves);
	tcase_add_test(tc, learn_does_not_move_a_static_mac);
	tcase_add_test(tc, learn_overtakes_a_movable_mac_locally_and_not_from_a_tunnel);
	tcase_add_test(tc, learn_overtakes_nothing_within_a_transaction);
	tcase_add_test(tc, learn_takes_nothing_from_tunnels_where_the_slice_says_so);
	tcase_add_test(tc, learn_takes_no_source_of_a_dropped_frame);
	tcase_add_test(tc, learn_counts_a_static_mac_that_was_learned_before);
	tcase_add_test(tc, learn_stops_at_the_slices_limit_and_forwards_all_the_same);
	tcase_add_test(tc, learn_forgets_what_has_been_silent);
	tcase_add_test(tc, learn_forgets_with_the_door);
	tcase_add_test(tc, learn_ignores_reports_of_a_door_that_has_gone);
	tcase_add_test(tc, learn_full_ring_loses_news_not_packets);
	return tc;
}
